"""`simulator doctor`: what would limit a run on this machine, and what to do about it.

Everything is tried rather than looked up: addresses are bound and heard from, batches are sent, ports are opened.
"""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Callable, Iterator
from importlib import metadata
from typing import Final, Literal

import msgspec

from simulator.errors import ExitCode

State = Literal["ok", "limits", "missing"]

DEVICE_BYTES: Final = 16 * 1024
"""What a device needs in memory, with its part of the reference server and of the judge: 12 KiB measured, CoAP."""
PROGRAM_BYTES: Final = 64 << 20
"""What the program needs without any."""
SPARE_DESCRIPTORS: Final = 64
"""For journals, streams of events, and Python itself."""
ENOUGH_DESCRIPTORS: Final = 4096
PATIENCE_S: Final = 0.5
MANY: Final = 1000
"""So many devices ought to be possible, or a limit is told as one."""

SERVE_PORTS: Final = (
    ("REST and WebSocket", "tcp", 10080, "--api-port"),
    ("plain UDP", "udp", 11234, "--udp-port"),
    ("CoAP", "udp", 15683, "--coap-port"),
)
"""What `simulator serve` takes by default, and the option that says otherwise."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was looked at."""

    what: str
    state: State
    found: str
    advice: str = ""
    """What to do, if it is not ok."""
    fatal: bool = False
    """Whether no run at all is possible."""


def examine(as_json: bool) -> int:
    """Print what was found. Returns: 0, or 4 if a run is impossible."""
    findings = [finding for look in LOOKS for finding in look()]
    possible = not any(finding.fatal for finding in findings)
    if as_json:
        whole = {"possible": possible, "findings": findings}
        print(msgspec.json.format(msgspec.json.encode(whole), indent=2).decode())
    else:
        width = max(len(finding.what) for finding in findings)
        for finding in findings:
            print(f"{finding.state:<7}  {finding.what:<{width}}  {finding.found}")
            if finding.advice:
                print(f"{'':<7}  {'':<{width}}  → {finding.advice}")
        print("a run is possible" if possible else "no run is possible here")
    return ExitCode.PASSED if possible else ExitCode.BROKEN


# --- versions ---------------------------------------------------------------------------------------------------------


def python_version() -> Iterator[Finding]:
    """Whether the interpreter is one that we are made for."""
    version = ".".join(map(str, sys.version_info[:3]))
    good = sys.version_info >= (3, 11)
    advice = "" if good else "Python 3.11 or newer is needed"
    yield Finding(what="Python", state="ok" if good else "missing", found=version, advice=advice, fatal=not good)


def packages() -> Iterator[Finding]:
    """Whether what we depend on is there, in versions that we declare."""
    try:
        declared = metadata.requires("simulator") or []
    except metadata.PackageNotFoundError:
        yield Finding(
            what="packages",
            state="limits",
            found="simulator is not installed, so nothing says what it needs",
            advice="install it: pip install -e .",
        )
        return
    wrong: list[Finding] = []
    found: list[str] = []
    for requirement in declared:
        words, _, condition = requirement.partition(";")
        name, bounds = split_requirement(words.strip())
        try:
            version = metadata.version(name)
        except metadata.PackageNotFoundError:
            if "extra" not in condition:
                advice = f"pip install '{words.strip()}'"
                wrong.append(Finding(what=name, state="missing", found="not installed", advice=advice, fatal=True))
            continue
        if within(version, bounds):
            found.append(f"{name} {version}")
        else:
            advice = f"made for {bounds}: pip install '{words.strip()}'"
            wrong.append(Finding(what=name, state="limits", found=version, advice=advice))
    yield from wrong
    yield Finding(what="packages", state="ok", found=", ".join(found))


def split_requirement(words: str) -> tuple[str, str]:
    """A name, and its bounds.

    >>> split_requirement("ruamel.yaml<0.20,>=0.18.6")
    ('ruamel.yaml', '<0.20,>=0.18.6')
    """
    end = next((at for at, c in enumerate(words) if c in "<>=!~ (["), len(words))
    bounds = words[end:]
    return words[:end], (bounds.partition("]")[2] if bounds.startswith("[") else bounds).strip(" ()")


def within(version: str, bounds: str) -> bool:
    """Whether a version keeps to all bounds, of the forms that we declare: `>=` and `<`.

    >>> within("0.18.16", ">=0.18.6,<0.20"), within("0.20", ">=0.18.6,<0.20")
    (True, False)
    """
    have = _numbers(version)
    for bound in filter(None, bounds.split(",")):
        bound = bound.strip()
        if bound.startswith(">=") and have < _numbers(bound[2:]):
            return False
        if bound.startswith("<") and not bound.startswith("<=") and have >= _numbers(bound[1:]):
            return False
    return True


def _numbers(version: str) -> tuple[int, ...]:
    numbers = []
    for part in version.strip().split("."):
        digits = part[: next((at for at, c in enumerate(part) if not c.isdigit()), len(part))]
        if not digits:
            break
        numbers.append(int(digits))
    return tuple(numbers)


# --- sockets ----------------------------------------------------------------------------------------------------------


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


# --- the machine ------------------------------------------------------------------------------------------------------


def clock() -> Iterator[Finding]:
    """How finely real time can be told."""
    resolution_s = time.get_clock_info("monotonic").resolution
    coarse = resolution_s > 1e-3
    yield Finding(
        what="clock",
        state="limits" if coarse else "ok",
        found=f"resolution {resolution_s * 1e9:g} ns",
        advice="latencies in real time are no finer than that; virtual time is exact" if coarse else "",
    )


def cores() -> Iterator[Finding]:
    """How many processes can work at a time."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    one = count < 2
    advice = "devices and server share it in real time; 2 cores let `serve` have one of its own" if one else ""
    yield Finding(what="cores", state="limits" if one else "ok", found=f"{count}", advice=advice)


def memory() -> Iterator[Finding]:
    """How many devices fit."""
    free = _free_bytes()
    if free is None:
        yield Finding(what="memory", state="ok", found="unknown here; 16 KiB a device are enough")
        return
    devices = max(0, free - PROGRAM_BYTES) // DEVICE_BYTES
    few = devices < MANY
    yield Finding(
        what="memory",
        state="limits" if few else "ok",
        found=f"{free >> 20} MiB available: about {devices:,} devices".replace(",", " "),
        advice="stop something else, or simulate fewer devices" if few else "",
        fatal=not devices,
    )


def _free_bytes() -> int | None:
    """What is available, also within a container."""
    free: list[int] = []
    try:
        with open("/proc/meminfo") as table:
            free += [int(line.split()[1]) << 10 for line in table if line.startswith("MemAvailable:")]
    except (OSError, ValueError, IndexError):
        pass
    try:
        with open("/sys/fs/cgroup/memory.max") as most, open("/sys/fs/cgroup/memory.current") as now:
            limit = most.read().strip()
            if limit.isdigit():
                free.append(max(0, int(limit) - int(now.read())))
    except (OSError, ValueError):
        pass
    return min(free, default=None)


LOOKS: tuple[Callable[[], Iterator[Finding]], ...] = (
    python_version,
    packages,
    descriptors,
    loopback,
    batches,
    receive_buffer,
    ports,
    clock,
    cores,
    memory,
)
"""What is looked at, in the order of the report."""
