"""Invariant: the logins that the server has counted are those that its stream tells of, and those that devices made.

What is counted and what is told come from two places of the server, so one of them shows what the other one hides.
"""

from __future__ import annotations

from typing import Final

from simulator.assertions import texts
from simulator.assertions.counts import Counts
from simulator.assertions.docket import WHOLE_RUN, Check, Docket
from simulator.assertions.machine import Machine
from simulator.assertions.verbs import LOGINS
from simulator.assertions.world import World
from simulator.events.records import ActRecord, EventRecord, StatisticsRecord

IMEI_MISMATCH: Final = "rejected.IMEI mismatch"
IMSI_MISMATCH: Final = "rejected.IMSI mismatch"

_TOTALS: Final = {"rejected": "rejected", "discarded": "discarded", "stops": "accounting.stop"}
"""Family of counters → the one that counts all of them."""


class LoginsTold(Machine):
    """login-told. Only of a server that nobody else uses, and that did not forget what it had counted."""

    __slots__ = ("_accepted", "_check", "_counts", "_docket", "_may", "_refused", "_seen", "_world")

    names = ("ciotConnect", "imeiMismatch", "imsiMismatch")
    verbs = LOGINS

    def __init__(self, docket: Docket, check: Check, world: World) -> None:
        self._docket, self._check, self._world = docket, check, world
        self._counts = Counts()
        self._seen = dict.fromkeys(self.names, 0)
        self._accepted = self._refused = 0
        """Acts that came to that."""
        self._may = 0
        """Logins that may have been asked for at most."""

    def began(self, act: ActRecord) -> None:
        if not self._world.is_inet(act.subject):
            self._may += self._world.logins_in(act)

    def ended(self, act: ActRecord) -> None:
        if self._world.is_inet(act.subject):
            return
        self._accepted += act.outcome == "ok"
        self._refused += act.outcome == "rejected"

    def see(self, event: EventRecord) -> None:
        self._seen[event.name] += 1

    def counted(self, record: StatisticsRecord) -> None:
        self._counts.take(record)
        world = self._world
        if record.phase != "ended" or self._counts.why_not:
            return
        if not (world.embedded and world.known.all_acts and world.known.devices):
            return
        self._check.cases += 1
        found, seen = self._counts.found(), self._seen
        accepted, rejected = found.get("accepted", 0), found.get("rejected", 0)
        told = seen["ciotConnect"]
        self._at_most(told, accepted, "ciotConnect was seen", "logins were accepted", record)
        self._at_least(told, accepted, "ciotConnect was seen", "logins were accepted", record)
        refused = found.get(IMEI_MISMATCH, 0)
        self._at_most(seen["imeiMismatch"], refused, "imeiMismatch was seen", "logins were refused for one", record)
        refused += found.get(IMSI_MISMATCH, 0)
        self._at_most(
            seen["imsiMismatch"], refused, "imsiMismatch was seen", "logins were refused for a mismatch", record
        )
        self._at_most(self._accepted, accepted, "logins came to ok", "were accepted", record)
        self._at_most(self._refused, rejected, "logins came to rejected", "were refused", record)
        if not world.outages:  # a platform that comes up again may be asked again
            self._at_most(accepted + rejected, self._may, "logins were decided", "can have been asked for", record)
        for family, total in _TOTALS.items():
            parts = sum(count for name, count in found.items() if name.startswith(f"{family}."))
            if parts != found.get(total, 0):
                self._fail(record, f"{total} is {found.get(total, 0)}, and {parts} are counted by their reasons")
        ended = sum(found.get(f"disconnects.{how}", 0) for how in ("acknowledged", "refused", "unanswered"))
        self._at_most(
            ended, found.get("disconnects.sent", 0), "Disconnect-Requests came to an end", "were sent", record
        )
        if not world.outages:  # a session of which a platform has lost the record is reported to it, and counted
            self._at_most(found.get("accounting.start", 0), accepted, "sessions began", "logins were accepted", record)
        if (takeovers := found.get("takeovers", 0)) > max(0, accepted - 1):
            self._fail(record, f"{takeovers} sessions were taken over, by {accepted} accepted logins")

    def _at_most(self, less: int, more: int, what: str, limit: str, record: StatisticsRecord) -> None:
        if less > more:
            self._fail(record, f"{less} {what}, and {more} {limit}")

    def _at_least(self, less: int, more: int, what: str, limit: str, record: StatisticsRecord) -> None:
        """What was not seen may have been missed."""
        if less < more:
            story = f"{less} {what}, and {more} {limit}"
            self._docket.absent(
                self._check, "", WHOLE_RUN, record.t_s, (story,), "breaks login-told: a login never shows"
            )

    def _fail(self, record: StatisticsRecord, story: str) -> None:
        where = f"by {texts.moment(record.t_s)}"
        self._docket.fail(self._check, "", record.t_s, (f"{where}: {story}",), "breaks login-told: the counts disagree")
