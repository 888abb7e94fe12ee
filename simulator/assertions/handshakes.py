"""Invariant: over the Internet clientConnected is what a DTLS handshake shows as, resumed or not (span §3.4, §8.3).

Devices connect because they are told to, because they have booted, or because they have something to send. Of one
attempt of an act there is one handshake.
"""

from __future__ import annotations

from typing import Final

from simulator.assertions import texts
from simulator.assertions.counts import Counts
from simulator.assertions.docket import WHOLE_RUN, Check, Docket
from simulator.assertions.kinship import SOMEBODY
from simulator.assertions.owed import Owed
from simulator.assertions.verbs import CONNECTS, HANDSHAKES
from simulator.assertions.world import World
from simulator.events.records import ActRecord, EventRecord, StatisticsRecord

RESUMED: Final = "resumed"
"""How a device says that its handshake was a short one."""

WORTHLESS: Final = frozenset({"none", "foreign", "self-signed", "expired", "gateway"})
"""Kinds of certificates that open nothing, whatever the device does (span §8.3)."""

LASTS_S: Final = 13 * 86400.0
"""Certificates are certainly good for so long (span §8.1: 14 days)."""


class Handshakes(Owed):
    """handshake-told. The server's own count is held against what it tells, if nobody else uses it."""

    __slots__ = ("_counts", "_removed", "_renewed", "_seen", "names", "verbs")

    def __init__(self, docket: Docket, check: Check, world: World) -> None:
        super().__init__(docket, check, world)
        self.names: tuple[str, ...] = ("clientConnected",) if world.internet else ()
        self.verbs: tuple[str, ...] = (*HANDSHAKES, "remove", "renew_certificate") if world.internet else ()
        self._removed: set[str] = set()
        """Accounts of which somebody was removed, and its certificate with it."""
        self._renewed: set[str] = set()
        """Devices that have been given another certificate than their group says."""
        self._counts = Counts()
        self._seen = 0

    def _concerns(self, subject: str) -> bool:
        return self._world.is_inet(subject)

    def began(self, act: ActRecord) -> None:
        if act.verb == "remove":
            self._removed.add(self._world.family(act.subject))
        elif act.verb == "renew_certificate":
            self._renewed.add(act.subject)
        else:
            super().began(act)

    def _must(self, act: ActRecord) -> bool:
        """A short handshake is done for the device with a flight that may get lost, and nobody looks at its certificate
        before that has come in. Whoever sends something may have connected before."""
        if act.verb not in CONNECTS:
            return False
        if SOMEBODY in self._world.kin(act.subject):
            return False  # it may be taken for one who does not take part
        doubtful = self._world.delays(act.subject) or act.t_s > LASTS_S
        doubtful = doubtful or self._world.family(act.subject) in self._removed
        return not (act.detail.startswith(RESUMED) and doubtful)

    def see(self, event: EventRecord) -> None:
        subject = event.subject or ""
        if self._world.is_inet(subject):
            self._seen += 1
            kind = self._world.group_of[subject].certificate.kind
            if kind in WORTHLESS and subject not in self._renewed:
                self._fail(subject, event.rx_s, f"its certificate opens nothing: {kind}", event)
        super().see(event)

    def counted(self, record: StatisticsRecord) -> None:
        self._counts.take(record)
        world = self._world
        if record.phase != "ended" or self._counts.why_not or not world.internet:
            return
        if not (world.embedded and world.known.all_acts and world.known.devices) or SOMEBODY in world.families:
            return
        self._check.cases += 1
        done, told = self._counts.found().get("handshakes", 0), self._seen
        story = (f"by {texts.moment(record.t_s)}: clientConnected was seen {texts.times(told)}, and {done} handshakes "
                 "were counted",)  # fmt: skip
        what = "breaks handshake-told: the counts disagree"
        if told > done:
            self._docket.fail(self._check, "", record.t_s, story, what)
        elif told < done:
            self._docket.absent(self._check, "", WHOLE_RUN, record.t_s, story, what)
