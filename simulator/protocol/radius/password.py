"""User-Password as it travels: hidden with the secret and the authenticator of its request (RFC 2865 §5.2), by pyrad.

Gateways of mobile networks send one for the form's sake; who the SIM is has been proved to the network long before.
"""

from __future__ import annotations

from pyrad import packet as pyrad  # type: ignore[import-untyped]

from simulator.protocol.radius.errors import BROKEN_ATTRIBUTE, RadiusError
from simulator.protocol.radius.numbers import USER_PASSWORD, Code
from simulator.protocol.radius.packet import Packet


def hide_password(password: str, secret: bytes, authenticator: bytes) -> bytes:
    """The value of User-Password. Raises: ValueError: it is longer than 128 octets."""
    hidden: bytes = pyrad.AuthPacket(Code.ACCESS_REQUEST, 0, secret, authenticator).PwCrypt(password)
    return hidden


def password_of(packet: Packet, secret: bytes) -> str | None:
    """The password in an Access-Request; None: there is none. With a wrong secret it is any text.

    Raises: RadiusError: it is not made of whole blocks of 16 octets.
    """
    hidden = packet.first(USER_PASSWORD)
    if hidden is None:
        return None
    try:
        password: str = pyrad.AuthPacket(Code.ACCESS_REQUEST, 0, secret, packet.authenticator).PwDecrypt(hidden)
    except pyrad.PacketError as error:
        raise RadiusError(BROKEN_ATTRIBUTE, str(error)) from error
    return password
