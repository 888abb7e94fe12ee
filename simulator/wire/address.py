"""An IPv4 address with its port as one number: cheap to compare, to hash and to copy into a `sockaddr_in`.

`Address = port << 32 | ipv4`, that is the bytes 2…7 of a `sockaddr_in` read as a big-endian number.
A bare IPv4 address (a device's, without a port) is the number below 2**32.
"""

from __future__ import annotations

from ipaddress import AddressValueError, IPv4Address

from simulator.errors import LocalError

Address = int
Ipv4 = int

LOOPBACK: Ipv4 = 0x7F000001
ANY: Ipv4 = 0


def ipv4(host: str) -> Ipv4:
    """The number of a dotted quad; `localhost` is 127.0.0.1. Raises: LocalError for anything else."""
    if host == "localhost":
        return LOOPBACK
    try:
        return int(IPv4Address(host))
    except AddressValueError:
        raise LocalError(f"'{host}' is no IPv4 address; write it as 127.0.0.1") from None


def address(host: str | Ipv4, port: int) -> Address:
    """Host (dotted quad or number) and port as one number."""
    if not 0 <= port <= 65535:
        raise LocalError(f"port {port} is out of range; ports go from 0 to 65535")
    return port << 32 | (host if isinstance(host, int) else ipv4(host))


def ip_of(where: Address) -> Ipv4:
    """The IPv4 part, as a number."""
    return where & 0xFFFFFFFF


def port_of(where: Address) -> int:
    """The port part."""
    return where >> 32


def host_text(where: Address) -> str:
    """The dotted quad of the IPv4 part."""
    return f"{where >> 24 & 255}.{where >> 16 & 255}.{where >> 8 & 255}.{where & 255}"


def text(where: Address) -> str:
    """`127.0.0.1:5683`."""
    return f"{host_text(where)}:{where >> 32}"
