"""Does this kind of port work here? Found out with a real exchange, because structures, calls and addresses differ.

Two datagrams, one of them empty, from two loopback addresses, and an answer to each: about a millisecond.
"""

from __future__ import annotations

import select
from typing import Any

from simulator.errors import LocalError
from simulator.wire.address import LOOPBACK, address
from simulator.wire.socket_port import PortKind, SocketPort, open_port

PATIENCE_S = 0.5  # loopback delivers at once; a firewall that swallows the datagrams shall not stop us for long


def exchange(kind: PortKind[SocketPort]) -> str | None:
    """Why ports of this kind cannot be used here; None: they can."""
    try:
        wrong = _exchange(kind)
    except LocalError as error:
        return f"the self-test failed: {error}"
    return "the self-test came back wrong: addresses or payloads differ" if wrong else None


def _exchange(kind: PortKind[SocketPort]) -> bool:
    nobody = _Nobody()
    seen: list[tuple[str, bytes, int, int]] = []

    def answer(data: bytes, peer: int, local_ip: int, _now: float) -> None:
        seen.append(("request", data, peer, local_ip))
        server.send(data + b"!", peer, local_ip)

    def note(data: bytes, peer: int, local_ip: int, _now: float) -> None:
        seen.append(("answer", data, peer, local_ip))

    server = open_port(kind, "0.0.0.0", 0, answer, nobody, nobody)
    try:
        client = open_port(kind, "0.0.0.0", 0, note, nobody, nobody)
        try:
            target = address(LOOPBACK, server.address >> 32)
            expected: list[tuple[str, bytes, int, int]] = []
            for ip, data in ((LOOPBACK + 0x400001, b""), (LOOPBACK + 0x400002, b"simulated")):
                client.send(data, target, ip)
                expected.append(("request", data, address(ip, client.address >> 32), LOOPBACK))
                expected.append(("answer", data + b"!", target, ip))
            client.flush()
            while len(seen) < len(expected) and _drain(server, client):
                pass
        finally:
            client.close()
    finally:
        server.close()
    return sorted(seen) != sorted(expected)


def _drain(*ports: SocketPort) -> bool:
    readable, _, _ = select.select(ports, [], [], PATIENCE_S)
    for port in readable:
        port.drain()
    return bool(readable)


class _Nobody:
    """Clock and loop of ports that are called by hand."""

    def now(self) -> float:
        return 0.0

    def unix_ns(self) -> int:
        return 0

    def add_reader(self, *_: Any) -> None:
        """Nothing watches."""

    remove_reader = add_writer = remove_writer = call_soon = call_exception_handler = add_reader
