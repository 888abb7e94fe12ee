"""Where a platform is, as a user writes it, and whether the user really means it if that is not this machine."""

from __future__ import annotations

import ipaddress
import socket
from urllib.parse import urlsplit

from simulator.errors import LocalError, UsageError
from simulator.server.ports import BLOB_PORT, COAP_PORT, COAPS_PORT, DTLS_PORT, HTTPS_PORT, UDP_PORT
from simulator.wire.address import Address, address

PORTS = {
    "coap": COAP_PORT,
    "udp": UDP_PORT,
    "coaps": COAPS_PORT,
    "dtls": DTLS_PORT,
    "https": HTTPS_PORT,
    "blobs": BLOB_PORT,
}
"""Options that say where a platform takes what devices send → the port of the reference server."""

_PORT_DIGITS = 9
"""More than a port has, and few enough to be read as a number."""


def api_url(url: str, yes_really: str | None) -> str:
    """The base URL, checked. Raises: UsageError: no URL, or a foreign host that was not confirmed."""
    parts = urlsplit(url if "://" in url else f"http://{url}")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(f"--target {url}: an API address looks like http://127.0.0.1:10080")
    try:
        port = parts.port
    except ValueError:
        raise UsageError(f"--target {url}: the port must be a number up to 65535") from None
    confirm(parts.hostname, yes_really)
    return f"{parts.scheme}://{parts.hostname}" + (f":{port}" if port else "")


def endpoint(option: str, given: str, yes_really: str | None, *, named: bool = False) -> Address:
    """HOST:PORT of an option of `PORTS`. `named`: its host may be a name, as that of `https` always may.

    Raises: UsageError: no host and port, or an unconfirmed foreign one.
    """
    name, _, number = given.rpartition(":")
    if not name or not (number.isascii() and number.isdigit()):
        raise UsageError(f"--{option} {given}: write it as HOST:PORT, 127.0.0.1:{PORTS[option]}")
    confirm(name, yes_really)
    try:
        # Of https the certificate is for the name.
        return address(_resolved(name) if named or option == "https" else name, int(number[:_PORT_DIGITS]))
    except (LocalError, OSError) as error:
        why = error if isinstance(error, LocalError) else f"no host of the name {name} is known"
        raise UsageError(f"--{option} {given}: {why}") from None


def _resolved(name: str) -> str:
    """Raises: OSError: nobody knows the name."""
    try:
        return socket.gethostbyname(name)
    except UnicodeError as error:  # it is not even one
        raise OSError(str(error)) from error


def is_here(host: str) -> bool:
    """Whether a host is this machine, by its name or its address."""
    try:
        return ipaddress.IPv4Address(host).is_loopback
    except ValueError:  # 127.example.com is somebody else's
        return host == "localhost"


def confirm(host: str, yes_really: str | None) -> None:
    """Load and wrong firmware belong to one's own machine unless somebody says otherwise, twice. Raises: UsageError."""
    if is_here(host) or yes_really == host:
        return
    raise UsageError(f"{host} is not this machine; if you may send simulated traffic there, add --yes-really {host}")
