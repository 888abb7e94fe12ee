"""What the platform answers to packet gateways (span §6).

No sockets and no bytes of packets: the front hands in what a request says, and sends what comes out. The address, and
the session, belong to the latest accepted login (mobile-network §3.4); what becomes of it is reported (`reports`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from simulator.protocol.radius import numbers as n
from simulator.protocol.radius.fields import Accounting, Bearer
from simulator.server.span.accounts import End
from simulator.server.span.model import Device, Session
from simulator.server.span.network import LoginAccepted, Network
from simulator.server.span.reports import Reports
from simulator.server.span.told import cell_of, class_for, gateway_of, name_for, plmn_of, rat_name, source_of
from simulator.wire.address import Address

REPLY_MESSAGE_BYTES = 253

_ACCEPT, _REJECT = int(n.Code.ACCESS_ACCEPT), int(n.Code.ACCESS_REJECT)

Attributes = list[tuple[n.Key, bytes]]


class Reply(NamedTuple):
    """What goes back."""

    code: int
    attributes: Attributes


class Listening(NamedTuple):
    """Where gateways of this machine reach the platform."""

    authentication: Address
    accounting: Address
    secret: bytes

    def __repr__(self) -> str:
        return f"Listening(authentication={self.authentication}, accounting={self.accounting})"


class RadiusCore:
    """Requests of packet gateways against the sessions of a network."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self._reports = Reports(network)
        self.interim_s: int | None = None
        """How often gateways shall tell of their sessions; None: they are not asked to."""
        self.listening: Listening | None = None
        """None: there is no listener."""
        self.send_disconnect: Callable[[Session], bool] | None = None
        """Sends a Disconnect-Request; returns whether it could. None: nobody can."""

    # --- authentication -----------------------------------------------------------------------------------------------

    def access(self, bearer: Bearer, peer: Address, now_ns: int) -> Reply:
        """Answer an Access-Request from `peer`."""
        result = self.network.login(
            bearer.imsi,
            bearer.imeisv,
            None,
            now_ns,
            source=source_of(bearer, self.network.addresses),
            gateway=gateway_of(bearer, peer),
            rat=rat_name(bearer.rat),
            hint=bearer.address or None,
            plmn=plmn_of(bearer),
            cell=cell_of(bearer),
            peer=peer,
        )
        if isinstance(result, LoginAccepted):
            return self._accept(result)
        return self._reject(result.reason)

    def _accept(self, result: LoginAccepted) -> Reply:
        address = self.network.addresses.number(result.address)
        attributes: Attributes = [
            (n.FRAMED_IP_ADDRESS, address.to_bytes(4, "big")),
            (n.CLASS, class_for(result.device_id, result.serial)),
        ]
        if self.interim_s is not None:
            attributes.append((n.ACCT_INTERIM_INTERVAL, self.interim_s.to_bytes(4, "big")))
        return Reply(_ACCEPT, attributes)

    def _reject(self, reason: str) -> Reply:
        """RFC 2865 §4.3: nothing but a message."""
        message = reason.encode()[:REPLY_MESSAGE_BYTES]
        return Reply(_REJECT, [(n.REPLY_MESSAGE, message)] if message else [])

    # --- accounting ---------------------------------------------------------------------------------------------------

    def account(self, report: Accounting, peer: Address, now_ns: int) -> None:
        """Take a report. It is acknowledged whatever comes of it, or the gateway would tell for ever."""
        self._reports.take(report, peer, now_ns)

    # --- disconnect ---------------------------------------------------------------------------------------------------

    def cut_off(self, session: Session) -> bool:
        """End a session at the platform's wish.

        [C] RFC 5176 §2.1: the gateway acknowledges when the user is no longer connected, so the session goes on until
        then, or until its Stop if that comes first. Without a gateway that could be asked it simply ends.

        Returns: whether a Disconnect-Request was sent.
        """
        if session.gateway and self.send_disconnect is not None and self.send_disconnect(session):
            return True
        self.network.end(session)
        return False

    def disconnected(self, session: Session) -> None:
        """The gateway has acknowledged; its Stop (Admin-Reset) is still to come."""
        if session.device.session is session:
            self.network.end(session, End.CUT_OFF)

    def has_stopped(self, session: Session) -> bool:
        """Whether the gateway has reported the end of the session."""
        return self.network.accounts.end_of(session.gateway, session.account, session.imsi) is End.STOPPED

    def is_to_end(self, session: Session) -> bool:
        """Whether its gateway still has to hear that it shall end: it goes on there, and it is the SIM's last one."""
        return self.network.session_of(session.imsi) in (None, session) and not self.has_stopped(session)

    def remove(self, session: Session) -> None:
        """The device is removed: its session ends at once, and the gateway is told."""
        if session.gateway and self.send_disconnect is not None and self.send_disconnect(session):
            self.network.end(session, End.CUT_OFF)

    def reconsider(self, device: Device, imsi: int) -> None:
        """A device was changed: sessions that would be refused now end (§3.4). `imsi`: the one it has now, 0: blank."""
        own, of_sim = device.session, self.network.session_of(imsi)
        for session in (own, of_sim if of_sim is not own else None):
            if session is not None and self.network.would_refuse(session):
                self.cut_off(session)

    def disconnect_attributes(self, session: Session) -> Attributes:
        """What a Disconnect-Request says about a session (RFC 5176 §3)."""
        network, ciot = self.network, session.device.ciot
        address = network.addresses.given.get(session.imsi)
        attributes: Attributes = [name_for(session.gateway)]
        if address is not None:
            attributes.append((n.FRAMED_IP_ADDRESS, network.addresses.number(address).to_bytes(4, "big")))
        if session.account:
            attributes.append((n.ACCT_SESSION_ID, session.account.encode()))
        imsi = ciot.last_imsi if ciot is not None else str(session.imsi)  # as it came: a number has lost its zeros
        return [*attributes, (n.IMSI, imsi.encode())]


__all__ = ["Attributes", "Listening", "RadiusCore", "Reply"]
