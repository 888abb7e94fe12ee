"""What this machine would make of a load test, before it begins: what cannot work stops it, what limits it is said.

The checks are those of `simulator doctor`, where they fit; a load test needs few descriptors, and any free ports, but
more cores and more devices. The address that devices send from is the fleet's own, and its UDP port is any free one.
Towards another machine, each device has a descriptor and a UDP port of its own.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from simulator.doctor import machine, sockets
from simulator.doctor.finding import Finding
from simulator.errors import LocalError
from simulator.identity.fleet import POOL_MEMBERS
from simulator.load.options import LoadOptions
from simulator.wire import batch, single
from simulator.wire.sockets import MOST_DESCRIPTORS, descriptor_limit

DEVICE_BYTES: Final = 1 << 10
"""What an idle device costs a worker …"""
SERVED_BYTES: Final = 4 << 10
"""… and the reference server."""
PROCESS_BYTES: Final = 64 << 20
"""A worker, or the server, without devices."""
CONNECTIONS: Final = 64
"""To the platform's API, of one process."""
PORT_RANGE: Final = Path("/proc/sys/net/ipv4/ip_local_port_range")
"""Which ports the system gives to who asks for any; all processes of a machine share them."""

Say = Callable[[str], None]


def check(options: LoadOptions, *, devices: int, processes: int, say: Say, elsewhere: bool = False) -> None:
    """Look at everything.

    Args:
        devices: that the test will have, over all workers.
        processes: that drive them on this machine.
        say: is told what limits the test, one line for each.
        elsewhere: workers are started by hand, nobody knows how many and where; what each needs is then not known.
    Raises: LocalError: this machine cannot carry it, with all that stands in the way and what to do about it.
    """
    findings = tuple(look(options, devices, processes, elsewhere=elsewhere))
    for each in findings:
        if each.state != "ok" and not each.fatal:
            say(_line(each))
    fatal = [_line(each) for each in findings if each.fatal]
    if fatal:
        raise LocalError("this machine cannot carry the test: " + "; ".join(fatal))


def _line(finding: Finding) -> str:
    return f"{finding.what}: {finding.found}" + (f" → {finding.advice}" if finding.advice else "")


def look(options: LoadOptions, devices: int, processes: int, *, elsewhere: bool = False) -> Iterator[Finding]:
    """Everything that was looked at, in the order of the report."""
    mapped = not options.loopback or _no_shared_socket() is not None
    yield from descriptors(options, devices, processes, own_sockets=mapped and not elsewhere)
    if not mapped:
        yield from addresses(devices)
    elif not elsewhere:
        yield from udp_ports(devices)
    yield from shared_sockets(options)
    yield from sockets.receive_buffer()
    yield from machine.clock()
    yield from cores(options, processes)
    yield from memory(options, devices, processes)


def descriptors(options: LoadOptions, devices: int, processes: int, *, own_sockets: bool = False) -> Iterator[Finding]:
    """Each block has an event stream; all devices of a process share a socket or two, unless each has its own."""
    blocks = -(-devices // options.devices_per_user)
    of_one = -(-blocks // processes)
    # The reference server has the other ends of all of them, and inherits our limit.
    needed = (blocks if _serves(options) else of_one) + CONNECTIONS + sockets.SPARE_DESCRIPTORS
    found, remedy = "", "more devices of one user (--devices-per-user)"
    if own_sockets:
        each = min(devices, of_one * options.devices_per_user)
        needed += each
        found = f"{each} devices of a process with a socket each: "
        remedy = "more processes (--processes), or fewer devices"
    usable = descriptor_limit()
    lacking = usable < needed
    advice = f"ulimit -n {needed}, or {remedy}" if needed <= MOST_DESCRIPTORS else remedy
    yield Finding(
        what="descriptors",
        state="missing" if lacking else "ok",
        found=f"{found}{needed} needed, {usable} to be had",
        advice=advice if lacking else "",
        fatal=lacking,
    )


def udp_ports(devices: int) -> Iterator[Finding]:
    """Towards another machine each device of this one has a port of its own."""
    try:
        first, last = map(int, PORT_RANGE.read_text().split())
    except (OSError, ValueError):
        yield Finding(what="UDP ports", state="ok", found=f"{devices} needed, unknown here")
        return
    usable = last - first + 1
    few = usable < devices
    yield Finding(
        what="UDP ports",
        state="missing" if few else "ok",
        found=f"{devices} devices with one each, {usable} to be had",
        advice='sysctl -w net.ipv4.ip_local_port_range="1024 65535", or workers on other machines' if few else "",
        fatal=few,
    )


def addresses(devices: int) -> Iterator[Finding]:
    """Each device sends from an address of its own."""
    for found in sockets.loopback():
        if found.state != "ok":
            advice = "each device needs one: ip addr add 127.64.0.0/10 dev lo, or ifconfig alias"
            yield Finding(what=found.what, state="missing", found=found.found, advice=advice, fatal=True)
        elif devices > POOL_MEMBERS:
            yield Finding(
                what=found.what,
                state="missing",
                found=f"{devices} devices, and addresses for {POOL_MEMBERS}",
                advice="fewer users (-u), or fewer devices of each (--devices-per-user)",
                fatal=True,
            )
        else:
            yield found


def shared_sockets(options: LoadOptions) -> Iterator[Finding]:
    """One socket for all devices is many times faster than one for each, and cannot reach other machines."""
    why_not = _no_shared_socket()
    if not options.loopback:
        found = "mapped: one for each device, because the target is another machine"
        yield Finding(what="sockets", state="ok", found=found)
    elif why_not is not None:
        advice = "several times slower, and some thousand devices per worker; Linux has one for all"
        yield Finding(
            what="sockets", state="limits", found=f"mapped: one for each device, because {why_not}", advice=advice
        )
    else:
        yield from sockets.batches()


def _no_shared_socket() -> str | None:
    """Why no socket carries all devices here; None: one does."""
    no_batch = batch.available()
    no_single = None if no_batch is None else single.available()
    return None if no_single is None else f"no batches: {no_batch}; no shared socket: {no_single}"


def cores(options: LoadOptions, processes: int) -> Iterator[Finding]:
    """Workers and the reference server want one each; so does the master, but for little."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    wanted = processes + _serves(options)
    few = count < wanted
    yield Finding(
        what="cores",
        state="limits" if few else "ok",
        found=f"{count} for {processes} {'process' if processes == 1 else 'processes'} of devices"
        + (" and the reference server" if _serves(options) else ""),
        advice="they wait for one another at high rates; use fewer processes, or another machine for the platform"
        if few
        else "",
    )


def memory(options: LoadOptions, devices: int, processes: int) -> Iterator[Finding]:
    """An estimate: what devices do while a platform stalls comes on top of it."""
    needed = processes * PROCESS_BYTES + devices * DEVICE_BYTES
    if _serves(options):
        needed += PROCESS_BYTES + devices * SERVED_BYTES
    free = machine.free_bytes()
    if free is None:
        yield Finding(what="memory", state="ok", found=f"some {needed >> 20} MiB needed, unknown here")
        return
    little = free < needed
    yield Finding(
        what="memory",
        state="limits" if little else "ok",
        found=f"some {needed >> 20} MiB needed for {devices} devices, {free >> 20} MiB available",
        advice="fewer devices, or workers on other machines too" if little else "",
        fatal=free < needed // 2,
    )


def _serves(options: LoadOptions) -> bool:
    """Whether the reference server is started for the test."""
    return options.target is None and not options.bare
