"""What the network of this machine allows: addresses are bound and heard from, batches are sent, ports are opened."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from typing import Final

from simulator.doctor.finding import Finding
from simulator.server.ports import (
    ACCOUNTING_PORT,
    API_PORT,
    BLOB_PORT,
    COAP_PORT,
    COAPS_PORT,
    DTLS_PORT,
    HTTPS_PORT,
    RADIUS_PORT,
    UDP_PORT,
)

SPARE_DESCRIPTORS: Final = 64
"""For journals, streams of events, and Python itself."""
ENOUGH_DESCRIPTORS: Final = 4096
PATIENCE_S: Final = 0.5

SERVE_PORTS: Final = (
    ("REST and WebSocket", "tcp", API_PORT, "--api-port"),
    ("plain UDP", "udp", UDP_PORT, "--udp-port"),
    ("CoAP", "udp", COAP_PORT, "--coap-port"),
    ("DTLS", "udp", DTLS_PORT, "--dtls-port"),
    ("CoAPS", "udp", COAPS_PORT, "--coaps-port"),
    ("blobs, HTTPS", "tcp", HTTPS_PORT, "--https-port"),
    ("blobs, HTTP", "tcp", BLOB_PORT, "--blob-port"),
    ("RADIUS", "udp", RADIUS_PORT, "--radius-port"),
    ("RADIUS accounting", "udp", ACCOUNTING_PORT, "--accounting-port"),
)
"""What `simulator serve` takes by default, and the option that says otherwise."""


def descriptors() -> Iterator[Finding]:
    """How many sockets a run can have, where each device has its own."""
    try:
        import resource  # not everywhere
    except ImportError:
        yield Finding(
            what="descriptors", state="limits", found="unknown here", advice="some 450 devices with own sockets"
        )
        return
    from simulator.wire.sockets import descriptor_limit

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    usable = descriptor_limit()
    devices = max(0, usable - SPARE_DESCRIPTORS)
    few = usable < ENOUGH_DESCRIPTORS
    hard_words = "unlimited" if hard == resource.RLIM_INFINITY else str(hard)
    yield Finding(
        what="descriptors",
        state="limits" if few else "ok",
        found=f"{soft} soft, {hard_words} hard: {devices} devices with own sockets (dgram, aiocoap, events of streams)",
        advice="ulimit -n 65536, or LimitNOFILE= of the service; one batch socket carries all devices anyway"
        if few
        else "",
        fatal=not devices,
    )


def loopback() -> Iterator[Finding]:
    """Whether devices can have addresses of their own."""
    what = "loopback addresses"
    if not _hears("127.0.0.1", "127.0.0.1"):
        advice = "real time needs the loopback interface: ip link set lo up; virtual time does not"
        yield Finding(what=what, state="missing", found="127.0.0.1 cannot be reached", advice=advice)
    elif _hears("127.64.0.2", "127.0.0.1") and _hears("127.127.255.254", "127.0.0.1"):
        yield Finding(what=what, state="ok", found="127.64.0.0/10 can be bound and reached: 4 194 302 devices")
    else:
        advice = (
            "devices share 127.0.0.1 (--wire mapped); elsewhere: ip addr add 127.64.0.0/10 dev lo, or ifconfig alias"
        )
        yield Finding(what=what, state="limits", found="127.64.0.0/10 cannot be bound or reached", advice=advice)


def _hears(source: str, target: str) -> bool:
    """Whether a datagram from one address reaches the other, and its answer comes back."""
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as here,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as there,
    ):
        here.settimeout(PATIENCE_S)
        there.settimeout(PATIENCE_S)
        try:
            here.bind((source, 0))
            there.bind((target, 0))
            here.sendto(b"?", there.getsockname())
            _, peer = there.recvfrom(16)
            there.sendto(b"!", peer)
            return here.recvfrom(16)[0] == b"!" and peer[0] == source
        except OSError:
            return False


def batches() -> Iterator[Finding]:
    """Which sockets would carry devices and server in real time."""
    from simulator.wire import batch, single

    no_batch = batch.available()
    if no_batch is None:
        yield Finding(
            what="sockets", state="ok", found="batch: recvmmsg, sendmmsg and IP_PKTINFO passed their self-test"
        )
        return
    no_single = single.available()
    kind = "single (one datagram a call)" if no_single is None else "dgram (a socket for each device)"
    yield Finding(
        what="sockets",
        state="limits",
        found=f"{kind}, because batch does not work: {no_batch}",
        advice="real time is several times slower than on Linux with glibc; virtual time is not concerned",
    )


def receive_buffer() -> Iterator[Finding]:
    """How many datagrams may wait before the system drops some."""
    from simulator.wire.sockets import RECEIVE_BUFFER_BYTES, bind_udp, grant_receive_buffer

    with bind_udp("127.0.0.1", 0) as sock:
        granted = grant_receive_buffer(sock)
    asked = RECEIVE_BUFFER_BYTES
    little = granted < asked
    yield Finding(
        what="receive buffer",
        state="limits" if little else "ok",
        found=f"{asked >> 10} KiB asked, {granted >> 10} KiB granted as the system counts",
        advice=f"bursts may be dropped in real time: sysctl -w net.core.rmem_max={asked}" if little else "",
    )


def ports() -> Iterator[Finding]:
    """Whether `simulator serve` would get the ports that it takes by default."""
    for name, kind, port, option in SERVE_PORTS:
        what, number = f"port {port}", f"{port}/{kind}, {name} of `simulator serve`"
        type_ = socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM
        with socket.socket(socket.AF_INET, type_) as sock:
            if kind == "tcp":
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                sock.bind(("127.0.0.1", port))
            except OSError as error:
                owner = _owner(kind, port)
                by = f" by {owner}" if owner else f": {error.strerror}"
                yield Finding(
                    what=what,
                    state="limits",
                    found=f"{number}: not free{by}",
                    advice=f"stop it, or serve with {option} 0",
                )
                continue
        yield Finding(what=what, state="ok", found=f"{number}: free")


def _owner(kind: str, port: int) -> str:
    """Who listens there, as far as the system tells: `process 4711 (python)`."""
    inodes = set()
    try:
        with open(f"/proc/net/{kind}") as table:
            for line in table.readlines()[1:]:
                fields = line.split()
                if int(fields[1].rpartition(":")[2], 16) == port and (kind == "udp" or fields[3] == "0A"):
                    inodes.add(f"socket:[{fields[9]}]")
        for process in filter(str.isdigit, os.listdir("/proc")):
            if _holds(process, inodes):
                with open(f"/proc/{process}/comm") as name:
                    return f"process {process} ({name.read().strip()})"
    except (OSError, ValueError, IndexError):
        pass
    return ""


def _holds(process: str, inodes: set[str]) -> bool:
    try:
        return any(os.readlink(f"/proc/{process}/fd/{fd}") in inodes for fd in os.listdir(f"/proc/{process}/fd"))
    except OSError:  # somebody else's, or gone
        return False
