"""Where everything comes together: what all workers have seen, who has which devices, and the verdict on it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final

from simulator.load import expect, honesty
from simulator.load.claims import Dealer
from simulator.load.options import LoadOptions
from simulator.load.series import Series
from simulator.load.tally import Tally
from simulator.load.totals import Merged, Totals
from simulator.load.verdict import Facts, LoadVerdict, judge
from simulator.load.view import view_of

ERROR_WINDOW_S: Final = 10.0
"""Over how long the share of errors is taken that may stop a test."""
ERRORS_LEAST: Final = 20
"""Fewer failed requests than this in that time stop nothing."""


class Desk:
    """One test after the other.

    Args:
        now: run time in seconds.
        expects: thresholds of scenarios, besides those of the options.
        groups: names that thresholds may speak of.
        title: what is tested, for people.
    Raises: UsageError: a threshold that cannot be read.
    """

    def __init__(
        self,
        options: LoadOptions,
        now: Callable[[], float],
        expects: Sequence[str],
        groups: Collection[str],
        title: str,
    ) -> None:
        self.options = options
        self._now, self._title = now, title
        self._expectations = tuple(expect.parse(text, groups or None) for text in (*options.expects, *expects))
        self.target = ""
        self.about: dict[str, str] = {}
        """For the report."""
        self.begin()

    def begin(self) -> None:
        """A test begins; what was before is forgotten."""
        self.dealer = Dealer()
        self._totals = Totals()
        self._series = Series()
        self._broken: list[str] = []
        self._stopped = ""
        self._recent: deque[tuple[float, int, int]] = deque()
        self._began_s = self._ended_s = self._now()
        self._known: dict[str, bool] = {}
        self.phase = "joining"
        self.joined = 0
        """Devices that had joined when it last looked."""
        self.over = False
        """Whether the last word was spoken."""

    # --- what it is told ----------------------------------------------------------------------------------------------

    def take(self, tally: Tally) -> None:
        """A worker's sums."""
        self._known[tally.worker] = tally.final
        self._totals.take(tally)

    def died(self, worker: str) -> None:
        """A worker is gone; its devices wait for heirs."""
        self._totals.died(worker)
        self.dealer.died(worker)

    def broke(self, why: str) -> None:
        """The test cannot go on, or not as it was meant to."""
        if why not in self._broken:
            self._broken.append(why)

    def stopped(self, why: str) -> None:
        """The test was ended early, on purpose."""
        self._stopped = why

    # --- what it says -------------------------------------------------------------------------------------------------

    @property
    def broken(self) -> tuple[str, ...]:
        """Why the test cannot go on."""
        return tuple(self._broken)

    @property
    def settled(self) -> frozenset[str]:
        """Workers that have told their last word."""
        return frozenset(worker for worker, final in self._known.items() if final)

    @property
    def workers(self) -> frozenset[str]:
        """All that have told anything."""
        return frozenset(self._known)

    def merged(self) -> Merged:
        """All workers as one."""
        return self._totals.merged()

    @property
    def elapsed_s(self) -> float:
        """Seconds since the test began, or of the whole test."""
        return (self._ended_s if self.over else self._now()) - self._began_s

    def close(self) -> None:
        """The last word was spoken: what is judged from now on is the whole test."""
        self.over, self.phase, self._ended_s = True, "done", self._now()

    def facts(self, merged: Merged) -> Facts:
        """What is known besides the tallies."""
        return Facts(
            title=self._title,
            target=self.target,
            seed=self.options.seed,
            about=self.about,
            elapsed_s=self.elapsed_s,
            over=self.over,
            bare=self.options.bare,
            invalid=tuple(honesty.reasons(merged)),
            failed=(self._stopped,) if self._stopped else (),
            broken=tuple(self._broken),
        )

    def verdict(self, merged: Merged | None = None) -> LoadVerdict:
        """As things stand."""
        found = self.merged() if merged is None else merged
        return judge(found, self._expectations, self.facts(found))

    def look(self) -> str:
        """Once a second. Returns: why the test is to be stopped; "": it is not."""
        merged, now = self.merged(), self._now()
        self._series.take(now - self._began_s, merged)
        self.joined = merged.joined
        if self.phase in ("joining", "running"):  # more may come at any time: with a worker that is late, or as heirs
            self.phase = "running" if 0 < merged.planned <= merged.joined else "joining"
        return self._too_many_errors(merged, now)

    def _too_many_errors(self, merged: Merged, now: float) -> str:
        limit = self.options.stop_at_errors
        requests, failed = _requests(merged.counters)
        recent = self._recent
        recent.append((now, requests, failed))
        while recent[0][0] < now - ERROR_WINDOW_S:
            recent.popleft()
        _, requests_before, failed_before = recent[0]
        share = (failed - failed_before) / max(1, requests - requests_before)
        if limit >= 1.0 or failed - failed_before < ERRORS_LEAST or share <= limit:
            return ""
        return f"{share:.0%} of the requests of the last {ERROR_WINDOW_S:.0f} s failed (--stop-at-errors {limit:.0%})"

    def view(self) -> dict[str, Any]:
        """For the web page."""
        merged = self.merged()
        facts = self.facts(merged)
        verdict = judge(merged, self._expectations, facts)
        return view_of(merged, verdict, facts, phase=self.phase, series=self._series)


def _requests(counters: Mapping[str, int]) -> tuple[int, int]:
    """All that came to an end, and those of them that failed."""
    requests = sum(number for name, number in counters.items() if name.startswith("requests "))
    return requests, sum(number for name, number in counters.items() if name.startswith("failed "))
