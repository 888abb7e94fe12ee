"""`simulator doctor`: what would limit a run on this machine, and what to do about it.

Everything is tried rather than looked up: addresses are bound and heard from, batches are sent, ports are opened.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from simulator.doctor import machine, sockets, versions
from simulator.doctor.finding import Finding
from simulator.errors import ExitCode

LOOKS: tuple[Callable[[], Iterator[Finding]], ...] = (
    versions.python_version,
    versions.packages,
    sockets.descriptors,
    sockets.loopback,
    sockets.batches,
    sockets.receive_buffer,
    sockets.ports,
    machine.clock,
    machine.cores,
    machine.memory,
)
"""What is looked at, in the order of the report."""


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
