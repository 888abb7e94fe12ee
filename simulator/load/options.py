"""What a load test was asked for, on Locust's command line, in one object that master and workers share."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from simulator.wire.address import Address


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadOptions:
    """Checked, and the same in every worker."""

    target: str | None = None
    """Base URL of a platform that runs already; None: the reference server is started for the test, or there is no
    platform at all (`bare`)."""
    token: str = field(default="", repr=False)
    """Of the target's API."""
    coap: Address | None = None
    """Where devices send to; None: where the platform says. So are the next three."""
    udp: Address | None = None
    dtls: Address | None = None
    coaps: Address | None = None
    bare: bool = False
    """No platform is asked and no events are read: datagrams go to `coap` or `udp`, and answers are all there is."""
    scenario: Path | None = None
    """Whose groups and steps are driven; None: those of the user classes."""
    case: str = ""
    expects: tuple[str, ...] = ()
    """`--expect`, as written and checked: `upload p99 < 500 ms`."""
    devices_per_user: int = 1000
    """How many devices a FleetUser is."""
    seed: int = 0
    most_per_s: float = 0.0
    """Uploads and logins that one worker may begin a second; 0: as many as are due."""
    stop_at_errors: float = 1.0
    """Share of failed requests in ten seconds at which the test is stopped; 1: never."""
    wait_at_end_s: float = 100.0
    """How long answers may take to come when the test ends; a confirmable one gives up after 93 s (RFC 7252)."""
    keep: bool = False
    """Leave on the target what the test created."""
    report: Path | None = None
    """Where the verdict goes as JSON; None: nowhere."""
    mutant: str = ""
    """Named defect of the reference server that is started for the test; "": none."""

    @property
    def loopback(self) -> bool:
        """Whether all traffic stays on this machine."""
        hosts = [each & 0xFFFFFFFF for each in (self.coap, self.udp, self.dtls, self.coaps) if each is not None]
        return not self.foreign and all(host >> 24 == 127 for host in hosts)

    foreign: bool = False
    """Whether the API is on another machine."""
