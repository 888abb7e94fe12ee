"""What becomes of a datagram between a device and the platform: lost, late, twice, or as if nothing were there.

The stages of mobile-network §6.1, in their order, for each device and direction; `nat` is laid out as data only.
The radio's state (§6.3) stands in front of loss: a datagram that is lost on the air has woken the radio all the same,
one that finds no satellite has not.

    mtu → blackout → (radio) → loss → corrupt → rate, queue → delay, order → duplicate

Nothing is kept for a device with a perfect link, and for another only the stages that are on, from its first datagram.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from simulator.wire.address import Ipv4, host_text
from simulator.wire.presets import PRESETS, UNLIMITED, Direction, LinkProfile
from simulator.wire.stages import Corrupt, Delay, Duplicate, Line, Loss, Radio, Rate
from simulator.wire.streams import NEVER, branch, key_of

_NONE: Final[Any] = object()
LOST: Final[tuple[float, ...]] = ()
PERFECT: Final = PRESETS["perfect"]
STREAMS: Final = {"loss": 0, "corrupt": 2, "delay": 4, "duplicate": 6, "radio": 8}
"""Which stream below a device's key a stage draws from downwards; the next one is for upwards."""


@dataclass(slots=True)
class LinkCounts:
    """What the links of one direction have done to datagrams, by reason."""

    lost: int = 0
    corrupted: int = 0
    mtu: int = 0
    """Longer than the link carries in one piece."""
    queue: int = 0
    """More waited for the rate than the queue holds."""
    blackout: int = 0
    """Nothing in sight."""
    duplicated: int = 0


class Shared:
    """What the two directions of a device's link have in common: its key, the radio, the line."""

    __slots__ = ("_key", "down_line", "profile", "radio", "up_line")

    def __init__(self, seed: int, name: str, profile: LinkProfile, before: Shared | None) -> None:
        self._key: int = before._key if before else key_of(seed, "link", name)
        self.profile = profile
        self.up_line: Line = before.up_line if before else Line()
        self.down_line = self.up_line if profile.half_duplex else Line()
        self.radio: Radio | None = None
        if profile.wake_s > 0.0:
            self.radio = Radio(profile, self.key(True, "radio"), before.radio if before else None)

    def key(self, up: bool, stage: str) -> int:
        """The key of a stage's stream."""
        return branch(self._key, STREAMS[stage] + up)


class Half:
    """One direction of one device's link. Made anew when the profile changes; `before` is what it was until then."""

    __slots__ = (
        "_corrupt", "_counts", "_delay", "_duplicate", "_last", "_loss", "_plain", "_rate", "_way",
        "mtu", "n", "quiet_to", "shared",
    )  # fmt: skip

    def __init__(self, shared: Shared, up: bool, counts: LinkCounts, before: Half | None = None) -> None:
        profile = shared.profile
        self.shared, self._counts = shared, counts
        self._way = way = profile.up if up else profile.down
        self.mtu = way.mtu
        self.n: int = before.n if before else 0
        """Packets so far: the number of the last one."""
        self._last: float = before._last if before else 0.0  # the latest arrival so far
        self._loss: Loss | None = before._loss if before else None
        if before is None or _loss_of(before._way) != _loss_of(way):  # what does not change goes on as it is
            on = way.loss_p > 0.0 or way.loss_g > 0.0
            self._loss = Loss(way, shared.key(up, "loss"), self.n) if on else None
        self._corrupt: Corrupt | None = before._corrupt if before else None
        if before is None or before._way.corrupt != way.corrupt:
            self._corrupt = Corrupt(way, shared.key(up, "corrupt"), self.n) if way.corrupt > 0.0 else None
        self._duplicate: Duplicate | None = before._duplicate if before else None
        if before is None or before._way.duplicate != way.duplicate:
            on = way.duplicate > 0.0
            self._duplicate = Duplicate(way, shared.key(up, "duplicate"), self.n) if on else None
        self._delay = Delay(way, shared.key(up, "delay")) if way.delay_s > 0.0 or way.sigma > 0.0 else None
        self._rate: Rate | None = None
        if way.rate_bps < UNLIMITED:
            self._rate = Rate(way, shared.up_line if up else shared.down_line, before._rate if before else None)
        # With nothing but loss a datagram arrives in the moment it is sent; unless earlier ones are still on their way.
        others = (self._corrupt, self._duplicate, self._delay, self._rate, shared.radio)
        self._plain = self._last == 0.0 and profile.pass_s == 0.0 and not profile.dark and not any(others)
        self.quiet_to = 0
        """Packets with a number up to this, and no longer than `mtu`, arrive in the moment they are sent."""
        self._look_ahead()

    def _look_ahead(self) -> None:
        if self._plain:
            self.quiet_to = NEVER if self._loss is None else self._loss.event_at - 1

    def fates(self, size: int, now: float) -> tuple[float, ...]:
        """When a datagram of `size` bytes that is sent at `now` arrives: never, once or twice."""
        if size > self._way.mtu:
            return self._long(size, now)
        self.n = n = self.n + 1
        if not self._plain:
            return self._carry(size, now, n)
        loss = self._loss
        hit = loss is not None and n >= loss.event_at and loss.hits(n)
        self._look_ahead()
        if hit:
            self._counts.lost += 1
            return LOST
        return (now,)

    def _long(self, size: int, now: float) -> tuple[float, ...]:
        if not self._way.fragment:
            self._counts.mtu += 1
            return LOST
        first = self.n + 1
        self.n += -(-size // self._way.mtu)
        return self._carry(size, now, first)

    def _carry(self, size: int, now: float, first: int) -> tuple[float, ...]:
        """All stages but mtu, for one datagram; `first` is the number of its first packet, `_n` that of its last."""
        counts, shared = self._counts, self.shared
        profile, radio = shared.profile, shared.radio
        if profile.dark or (profile.pass_s > 0.0 and now % profile.period_s >= profile.pass_s):
            counts.blackout += 1
            self.n = first - 1  # was never on the air; the numbers there have no gaps
            return LOST
        ready = now if radio is None else radio.ready(now)
        left: float | None = ready
        if self._is_lost(first):
            counts.lost += 1
            left = None
        elif self._corrupt is not None and self._corrupt.damages(size):
            counts.corrupted += 1
            left = None
        elif self._rate is not None:
            left = self._rate.leaves(size, ready, now)
            if left is None:
                counts.queue += 1
        if radio is not None:
            radio.used(ready if left is None else left)
        return LOST if left is None else self._arrivals(left)

    def _is_lost(self, first: int) -> bool:
        """Whether one of the packets of a datagram is lost; each of them is asked about."""
        loss = self._loss
        if loss is None:
            return False
        hit = False
        for packet in range(max(first, loss.event_at), self.n + 1):
            if packet >= loss.event_at and loss.hits(packet):
                hit = True
        return hit

    def _arrivals(self, left: float) -> tuple[float, ...]:
        delay, n = self._delay, self.n
        first = self._in_order(left if delay is None else left + delay.of(n))
        if self._duplicate is None or not self._duplicate.repeats(n):
            return (first,)
        self._counts.duplicated += 1
        # The second copy's delay is that of a number which no packet has.
        return (first, self._in_order(left if delay is None else left + delay.of(-n)))

    def _in_order(self, arrival: float) -> float:
        if arrival > self._last:
            self._last = arrival
        elif self._way.fifo:
            return self._last
        return arrival


def _loss_of(way: Direction) -> tuple[float, float, float, float]:
    return way.loss_p, way.loss_r, way.loss_b, way.loss_g


class Links:
    """The links of all devices, by the address of their SIM.

    Args:
        seed: of the run; the fates of a device depend on it, on the device's name and on its own datagrams only.
        default: the link of whoever is not told otherwise.
    """

    def __init__(self, seed: int, default: LinkProfile = PERFECT) -> None:
        self._seed = seed
        self._default = default
        self.up_counts, self.down_counts = LinkCounts(), LinkCounts()
        self._profiles: dict[Ipv4, LinkProfile] = {}
        self._known: dict[LinkProfile, LinkProfile] = {}
        self._names: dict[Ipv4, str] = {}
        # Missing: as everybody. None: of its own, not made yet.
        self._up: dict[Ipv4, Half | None] = {}
        self._down: dict[Ipv4, Half | None] = {}
        self._else_up: Half | None = None
        self._else_down: Half | None = None
        if default.perfect:  # one for all who are perfect
            nothing = Shared(seed, "", default, None)
            self._else_up, self._else_down = Half(nothing, True, self.up_counts), Half(nothing, False, self.down_counts)

    def set(self, ip: Ipv4, profile: LinkProfile) -> None:
        """The link from now on; what is on its way stays on its way."""
        if profile == self._default and ip not in self._up:
            return
        self._profiles[ip] = self._known.setdefault(profile, profile)  # a group's members share one
        up, down = self._up.get(ip), self._down.get(ip)
        if up is None or down is None:
            self._up[ip] = self._down[ip] = None
        else:
            self._make(ip, up, down)

    def profile(self, ip: Ipv4) -> LinkProfile:
        """The present link."""
        return self._profiles.get(ip, self._default)

    def names(self, ip: Ipv4, name: str) -> None:
        """Who has this address. The random numbers are the device's, so they do not depend on what address it got.

        Told before the first datagram; when somebody else gets the address, the link begins anew.
        """
        if self._names.get(ip) != name:
            self._names[ip] = name
            if ip in self._up:
                self._up[ip] = self._down[ip] = None

    def swap(self, one: Ipv4, other: Ipv4) -> None:
        """Two devices have each other's addresses from now on, or one has another: links stay with their devices."""
        tables: tuple[dict[Ipv4, Any], ...] = self._profiles, self._names, self._up, self._down
        for table in tables:
            mine, theirs = table.pop(one, _NONE), table.pop(other, _NONE)
            if mine is not _NONE:
                table[other] = mine
            if theirs is not _NONE:
                table[one] = theirs

    def fates(self, ip: Ipv4, up: bool, size: int, now: float) -> tuple[float, ...]:
        """When a datagram arrives that is sent at `now`: empty if it is lost, two times if it is repeated.

        `size` is the payload in bytes, `up` from the device. Calls come in the order of time.
        """
        half = self._up.get(ip, self._else_up) if up else self._down.get(ip, self._else_down)
        if half is None:
            self._make(ip, None, None)
            return self.fates(ip, up, size, now)
        if half.n < half.quiet_to and size <= half.mtu:
            half.n += 1
            return (now,)
        return half.fates(size, now)

    def all_down(self, ip: Ipv4, size: int, times: tuple[float, ...]) -> tuple[float, ...]:
        """When the copies of a datagram arrive that are sent down to a device at these times."""
        return tuple(arrival for sent in times for arrival in self.fates(ip, False, size, sent))

    def _make(self, ip: Ipv4, up: Half | None, down: Half | None) -> None:
        before = up.shared if up else None
        shared = Shared(self._seed, self._names.get(ip) or host_text(ip), self.profile(ip), before)
        self._up[ip] = Half(shared, True, self.up_counts, up)
        self._down[ip] = Half(shared, False, self.down_counts, down)
