"""`{latency: E, p99: below 2 s}`: from the beginning of the act that caused an event to its arrival (scenarios §4).

An event does not say which act it comes from. If every act has got its event, the events of a subject stand for its
acts in their order. If some have none, because messages were lost, the truth lies between two pairings: with the
newest act that had begun, which no event can come before, and with the oldest that has no event yet, since a subject's
events keep their order. What holds under both holds; what holds under one of them is not decided.
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Mapping
from math import ceil
from typing import Final

from simulator.assertions import texts
from simulator.assertions.docket import Docket
from simulator.assertions.forms import Form, Frame
from simulator.assertions.matching import Matcher, meets
from simulator.assertions.verbs import HANDSHAKES, LOGINS
from simulator.assertions.world import World
from simulator.events.records import ActRecord, EventRecord
from simulator.scenario.model import Condition, LatencyOf

CAUSES: Final[Mapping[str, tuple[str, ...]]] = {
    "ciotConnect": LOGINS,
    "imeiMismatch": LOGINS,
    "imsiMismatch": LOGINS,
    "clientConnected": HANDSHAKES,
    "clientDisconnected": ("disconnect", "power_off", "remove"),
    "upstreamMessage": ("upload",),
    "gatewayUpstreamMessage": ("upload",),
    "downstreamMessage": ("upload", "poll"),
    "gatewayDownstreamMessage": ("send",),
    "blobUpload": ("upload_blob",),
    "deviceCreated": ("create",),
    "deviceUpdated": ("update",),
    "deviceRemoved": ("remove",),
    "deviceMoved": ("move",),
}
"""Which acts an event comes from; an event that is not here comes from whatever its subject did last."""

ONE_EACH: Final = frozenset(
    {
        "ciotConnect",
        "upstreamMessage",
        "gatewayUpstreamMessage",
        "blobUpload",
        "deviceCreated",
        "deviceUpdated",
        "deviceRemoved",
        "deviceMoved",
    }
)
"""Events that every such act shows when it was ok. Of the others an act that is over is not waited for: the next act
of its subject takes its place."""

OPEN_KEPT: Final = 256
"""Acts of one subject that may wait for their event. When there are more, nothing bounds its latencies from above."""

_UNBOUNDED: Final = float("inf")


class _Open:
    """One act that has begun and has no event yet."""

    __slots__ = ("began_s", "n", "step", "subject", "vain")

    def __init__(self, act: ActRecord) -> None:
        self.began_s, self.step, self.n, self.subject = act.t_s, act.step, act.n, act.subject
        self.vain = False
        """It is over and need not show: it gives way to the next."""


class _Actor:
    """One subject: its open acts, oldest first, and when the newest of all began."""

    __slots__ = ("copies", "crowded", "forgot", "newest_s", "open", "vain")

    def __init__(self, copies: bool) -> None:
        self.open: deque[_Open] = deque()
        self.newest_s = 0.0
        self.copies = copies
        """Whether its network may deliver a datagram twice, with nothing to tell the copy by."""
        self.crowded = False
        """Whether an act ever began while another was open."""
        self.forgot = self.vain = False


class Latency(Form):
    """Pairs events with acts in both ways, and decides at the end what that decides."""

    __slots__ = (
        "_actors",
        "_at_least",
        "_at_most",
        "_bounds",
        "_doubled",
        "_matcher",
        "_one_each",
        "_slowest_at_least",
        "_slowest_at_most",
        "_unpaired",
        "_world",
        "names",
        "verbs",
    )

    def __init__(self, docket: Docket, frame: Frame, what: LatencyOf, world: World) -> None:
        super().__init__(docket, frame)
        self._bounds, self._world = what.bounds, world
        self._matcher = Matcher(what.matcher, world.aliases)
        self.names = (what.matcher.name,)
        self.verbs = CAUSES.get(what.matcher.name)
        self._one_each = what.matcher.name in ONE_EACH
        self._actors: dict[str, _Actor] = {}
        self._at_least = array("d")  # since the newest act
        self._at_most = array("d")  # since the oldest without an event
        self._slowest_at_least = self._slowest_at_most = (-1.0, "", 0.0)
        self._unpaired = 0
        """Events that came when no act was open: some act had two, so another may have had none."""
        self._doubled = False
        """A copy came where acts overlapped: it, or one before it, took the place of another act's event."""
        bounds = ", ".join(texts.bound(percentile, condition) for percentile, condition in what.bounds)
        words = f"latency of {texts.matcher(what.matcher)}: {bounds}"
        self._check = self._promise(what.place, words)
        if world.nobody_acts(self.verbs):
            self._check.idle = "not judged: nobody takes part whose act could cause it"

    # --- while it runs ------------------------------------------------------------------------------------------------

    def began(self, act: ActRecord) -> None:
        if act.verb in LOGINS and self.verbs is HANDSHAKES and not self._world.is_inet(act.subject):
            return  # in the mobile network a login is no connection yet
        key = self._world.family(act.subject)
        actor = self._actors.get(key)
        if actor is None:
            self._actors[key] = actor = _Actor(self._one_each and self._world.copies_plainly(act.subject))
        elif actor.vain:
            actor.open = deque(one for one in actor.open if not one.vain)
            actor.vain = False
        if act.verb == "upload" and self._one_each and self._world.goes_elsewhere(act.subject, act.step):
            return
        actor.newest_s = act.t_s
        actor.crowded |= bool(actor.open)
        actor.open.append(_Open(act))
        if len(actor.open) > OPEN_KEPT:
            actor.open.popleft()
            actor.forgot = True

    def ended(self, act: ActRecord) -> None:
        actor = self._actors.get(self._world.family(act.subject))
        if actor is None or (act.outcome == "ok" and self._one_each):
            return
        for one in actor.open:
            if one.n == act.n and one.step == act.step and one.subject == act.subject:
                one.vain = actor.vain = True
                return

    def see(self, event: EventRecord) -> None:
        subject = event.subject
        actor = self._actors.get(self._world.family(subject)) if subject is not None else None
        if actor is None or self._over:
            return
        if actor.open:
            oldest_s = actor.open.popleft().began_s
        else:
            self._unpaired += 1
            if not actor.copies:
                return
            self._doubled |= actor.crowded
            oldest_s = actor.newest_s
        # Data decides what is measured, and not what an act has caused.
        if not self._matcher.accepts(event):
            return
        at_least = event.rx_s - actor.newest_s
        at_most = event.rx_s - oldest_s if not actor.forgot else _UNBOUNDED
        self._at_least.append(at_least)
        self._at_most.append(at_most)
        if at_least > self._slowest_at_least[0]:
            self._slowest_at_least = at_least, subject or "", actor.newest_s
        if at_most > self._slowest_at_most[0]:
            self._slowest_at_most = at_most, subject or "", oldest_s

    # --- the end ------------------------------------------------------------------------------------------------------

    def _decide(self, now: float) -> None:
        docket, check = self._docket, self._check
        check.cases = len(self._at_least)
        if check.idle:
            return
        if docket.cut is not None and self._frame.whole_run:
            check.unknown.append(("", f"of the whole run; {docket.cut}"))
            return
        if not check.cases:
            docket.absent(check, "", self._window, now, ("none was seen that an act had caused",))
            return
        without = sum(not one.vain for actor in self._actors.values() for one in actor.open)
        exact = not (without or self._unpaired or any(actor.forgot or actor.copies for actor in self._actors.values()))
        at_least, at_most = sorted(self._at_least), sorted(self._at_most)
        if self._doubled:
            at_most = [_UNBOUNDED] * len(at_most)
        if docket.blind(*self._window) is not None:  # what was missed may have been the fastest or the slowest
            at_least[:0] = [0.0] * without
            at_most += [_UNBOUNDED] * without
        self._weigh(at_most if exact else at_least, at_most, without)

    def _weigh(self, at_least: list[float], at_most: list[float], without: int) -> None:
        broken, unclear = [], []
        for percentile, condition in self._bounds:
            low, high = percentile_of(at_least, percentile), percentile_of(at_most, percentile)
            name = "max" if percentile == 100 else f"p{percentile:g}"
            holds = meets(condition, low)
            if _agree(condition, low, high):
                if not holds:
                    broken.append(f"{name} is {_between(low, high)}")
            else:
                unclear.append(f"{name} is {_between(low, high)}")
        docket, check, count = self._docket, self._check, len(at_least)
        if broken:
            seconds, subject, began_s = self._slowest_at_most if at_least == at_most else self._slowest_at_least
            slowest = f"the slowest took {texts.moment(seconds)}: {subject}, from {texts.moment(began_s)}"
            docket.fail(check, "", docket.now_s, (f"{', '.join(broken)} (of {count}); {slowest}",))
        elif unclear:
            lost = f"{texts.counted(without, 'act has', 'acts have')} none" if without else "some may have had two"
            why = f"lost messages leave it open which act caused which event: {lost}"
            check.unknown.append(("", f"{', '.join(unclear)} (of {count}); {why}"))


def _agree(condition: Condition, low: float, high: float) -> bool:
    """Whether a bound is decided by knowing that the value is not below `low` and not above `high`."""
    if condition.op == "equals":
        return low == high
    return meets(condition, low) == meets(condition, high)


def _between(low: float, high: float) -> str:
    if low == high:
        return texts.moment(low)
    newest = f"{texts.moment(low)} if each event comes from the newest act"
    if high == _UNBOUNDED:
        return f"{newest}, and nothing bounds it from above"
    return f"{newest}, {texts.moment(high)} if from the oldest without one"


def percentile_of(ordered: list[float], percentile: float) -> float:
    """The smallest value that at least so many percent of the values do not exceed; exact, by nearest rank.

    >>> percentile_of([1.0, 2.0, 3.0, 4.0], 50), percentile_of([1.0, 2.0, 3.0, 4.0], 99)
    (2.0, 4.0)
    """
    rank = ceil(round(percentile * len(ordered) / 100, 9))
    return ordered[min(max(rank, 1), len(ordered)) - 1]
