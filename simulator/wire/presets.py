"""What a radio link is like: named presets (mobile-network §6.4), and what a scenario may change in one.

A profile is data; `link` acts on it. All quantities are SI: seconds, bytes, bits per second, shares from 0 to 1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal, Protocol

from simulator.errors import LocalError

MAX_DATAGRAM: Final = 65507
"""The longest payload of an IPv4 UDP datagram."""
QUEUE_LIMIT: Final = 1000
"""[C] mobile-network §6.2: packets that may wait for a link with a rate; what comes on top is dropped."""
UNLIMITED: Final = float("inf")


@dataclass(frozen=True, slots=True, kw_only=True)
class Direction:
    """One direction of a link. The default changes nothing on its way."""

    delay_s: float = 0.0
    """One way; of a lognormal delay the median, of a normal one the mean, of an exponential one the fixed part."""
    sigma: float = 0.0
    """Spread: lognormal without unit, normal in seconds, exponential the mean of the jitter in seconds."""
    shape: Literal["lognormal", "normal", "exponential"] = "lognormal"
    fifo: bool = True
    """False: a datagram may overtake those before it."""
    rate_bps: float = UNLIMITED
    queue: int = QUEUE_LIMIT
    """Packets that may wait for a limited rate."""
    loss_p: float = 0.0
    """Gilbert–Elliott: share of packets at which a good link turns bad."""
    loss_r: float = 1.0
    """Share of packets at which a bad link turns good."""
    loss_b: float = 1.0
    """Share lost while bad (1 − h of `tc netem gemodel`)."""
    loss_g: float = 0.0
    """Share lost while good (1 − k). With `loss_p` 0 this is plain independent loss."""
    duplicate: float = 0.0
    """Share that arrives twice, the second copy after a delay of its own."""
    corrupt: float = 0.0
    """Bit error rate; a damaged datagram is dropped, as its checksum would have it."""
    mtu: int = MAX_DATAGRAM
    """Bytes of payload that go in one piece."""
    fragment: bool = False
    """What is longer than the mtu goes in pieces, and is lost when one of them is. False: it is dropped."""

    @property
    def loss(self) -> float:
        """The share that is lost in the long run (mobile-network §6.2)."""
        if self.loss_p <= 0.0:
            return self.loss_g
        bad = self.loss_p / (self.loss_p + self.loss_r)
        return bad * self.loss_b + (1.0 - bad) * self.loss_g


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkProfile:
    """A link in both directions; `up` is device → platform."""

    name: str = "perfect"
    up: Direction = Direction()
    down: Direction = Direction()
    half_duplex: bool = False
    """One direction at a time; matters with a limited rate."""
    wake_s: float = 0.0
    """Median of the time until an idle radio is connected; 0: it is always (mobile-network §6.3)."""
    wake_sigma: float = 0.0
    tail_s: float = 0.0
    """How long the radio stays connected after a datagram."""
    pass_s: float = 0.0
    """A satellite is in sight for the first `pass_s` of every `period_s`; 0: always."""
    period_s: float = 0.0
    nat_s: float | None = None
    """An idle NAT mapping lasts so long (`nat`); None: for ever. Nothing of it is in the link itself."""
    dark: bool = False
    """Nothing that is sent passes, either way; what is on its way stays on its way."""

    @property
    def perfect(self) -> bool:
        """Whether datagrams pass as if there were no link."""
        return self.up == self.down == Direction() and self.wake_s == 0.0 and self.pass_s == 0.0 and not self.dark

    def changed(self, changes: Iterable[LinkChange]) -> LinkProfile:
        """This profile with some values replaced, in their order.

        Raises: LocalError: an unknown key, or a value out of range.
        """
        profile = self
        for change in changes:
            profile = _change(profile, change)
        return profile


class LinkChange(Protocol):
    """One value; None leaves that direction as it is. Of what has no direction, `up` counts before `down`."""

    @property
    def key(self) -> str: ...
    @property
    def up(self) -> float | None: ...
    @property
    def down(self) -> float | None: ...


def _row(
    name: str,
    delay: tuple[float, float],
    wake: tuple[float, float],
    tail_s: float,
    rates_kbps: tuple[float, float],
    loss: tuple[float, float, float],
    duplicate: float,
    mtu: int,
) -> LinkProfile:
    """One row of mobile-network §6.4: half duplex, in order, and the same both ways but for the rate."""
    median, sigma = delay
    p, r, b = loss
    up, down = (
        Direction(
            delay_s=median, sigma=sigma, rate_bps=rate * 1000.0, mtu=mtu, loss_p=p, loss_r=r, loss_b=b,
            duplicate=duplicate,
        )
        for rate in rates_kbps
    )  # fmt: skip
    return LinkProfile(
        name=name, up=up, down=down, half_duplex=True, wake_s=wake[0], wake_sigma=wake[1], tail_s=tail_s
    )  # fmt: skip


_WIFI: Final = Direction(
    delay_s=0.004, sigma=0.6, rate_bps=20e6, mtu=1500, loss_p=0.004, loss_r=0.4, loss_b=0.5, duplicate=0.001, fifo=False
)
_LEO: Final = _row("ntn-leo", (0.08, 0.4), (4.0, 0.5), 10.0, (10, 20), (0.02, 0.2, 1.0), 0.001, 1358)

# [C] mobile-network §6.4, row by row: delay, wake, tail, rates up and down in kbit/s, loss, duplicates, mtu.
_ALL: Final = (
    LinkProfile(),
    LinkProfile(name="wifi", up=_WIFI, down=_WIFI, nat_s=120.0),
    _row("lte-m", (0.06, 0.3), (1.2, 0.4), 12.0, (375, 300), (0.004, 0.4, 1.0), 0.001, 1358),
    _row("nb-iot-good", (0.4, 0.5), (2.0, 0.4), 10.0, (20, 20), (0.005, 0.5, 1.0), 0.001, 1358),
    _row("nb-iot-ce1", (1.2, 0.6), (4.0, 0.5), 15.0, (5, 4), (0.01, 0.33, 1.0), 0.002, 1358),
    _row("nb-iot-ce2", (4.0, 0.7), (9.0, 0.6), 20.0, (0.3, 0.4), (0.03, 0.27, 1.0), 0.005, 1358),
    _row("ntn-geo", (0.6, 0.25), (6.0, 0.4), 20.0, (5, 20), (0.01, 0.2, 1.0), 0.001, 1358),
    # A pass of 8 min every 96 min.
    replace(_LEO, pass_s=480.0, period_s=5760.0),
)

PRESETS: Final[Mapping[str, LinkProfile]] = {profile.name: profile for profile in _ALL}


def preset(name: str, changes: Iterable[LinkChange] = ()) -> LinkProfile:
    """A preset with what is changed in it. Raises: LocalError: no such preset or key, or a value out of range."""
    try:
        profile = PRESETS[name]
    except KeyError:
        raise LocalError(f"no link preset '{name}' (known: {', '.join(PRESETS)})") from None
    return profile.changed(changes)


# --- what may be changed ----------------------------------------------------------------------------------------------

ChangeDirection = Callable[[Direction, float], Direction]
ChangeWhole = Callable[[LinkProfile, float], LinkProfile]

_SHARE: Final = (0.0, 1.0)
_TIME_S: Final = (0.0, 1e9)

# Key → least and greatest value, and what it does to a direction.
DIRECTED: Final[Mapping[str, tuple[tuple[float, float], ChangeDirection]]] = {
    # Independent loss takes the place of bursts.
    "loss": (_SHARE, lambda d, v: replace(d, loss_p=0.0, loss_r=1.0, loss_b=1.0, loss_g=v)),
    "loss_p": (_SHARE, lambda d, v: replace(d, loss_p=v)),
    "loss_r": (_SHARE, lambda d, v: replace(d, loss_r=v)),
    "loss_b": (_SHARE, lambda d, v: replace(d, loss_b=v)),
    "loss_g": (_SHARE, lambda d, v: replace(d, loss_g=v)),
    "delay": (_TIME_S, lambda d, v: replace(d, delay_s=v)),
    "sigma": ((0.0, 10.0), lambda d, v: replace(d, sigma=v)),
    "rate": ((1e-3, 1e15), lambda d, v: replace(d, rate_bps=v)),
    "duplicate": (_SHARE, lambda d, v: replace(d, duplicate=v)),
    "reorder": ((0.0, 1.0), lambda d, v: replace(d, fifo=v == 0.0)),
    "mtu": ((1.0, float(MAX_DATAGRAM)), lambda d, v: replace(d, mtu=int(v))),
    "queue": ((1.0, 1e5), lambda d, v: replace(d, queue=int(v))),
    "corrupt": (_SHARE, lambda d, v: replace(d, corrupt=v)),
}

# The same for what concerns the radio as a whole.
WHOLE: Final[Mapping[str, tuple[tuple[float, float], ChangeWhole]]] = {
    "wake": (_TIME_S, lambda p, v: replace(p, wake_s=v)),
    "wake_sigma": ((0.0, 10.0), lambda p, v: replace(p, wake_sigma=v)),
    "tail": (_TIME_S, lambda p, v: replace(p, tail_s=v)),
    "half_duplex": ((0.0, 1.0), lambda p, v: replace(p, half_duplex=v != 0.0)),
}

KEYS: Final = (*DIRECTED, *WHOLE)
"""The keys of `LinkChange`."""


def _change(profile: LinkProfile, change: LinkChange) -> LinkProfile:
    key = change.key
    if key in DIRECTED:
        span, act = DIRECTED[key]
        up = profile.up if change.up is None else act(profile.up, _within(key, change.up, span))
        down = profile.down if change.down is None else act(profile.down, _within(key, change.down, span))
        return replace(profile, up=up, down=down)
    if key in WHOLE:
        bounds, apply = WHOLE[key]
        value = change.down if change.up is None else change.up
        return profile if value is None else apply(profile, _within(key, value, bounds))
    raise LocalError(f"a link has no '{key}' (known: {', '.join(KEYS)})")


def _within(key: str, value: float, bounds: tuple[float, float]) -> float:
    least, most = bounds
    if not least <= value <= most:  # also catches what is not a number
        raise LocalError(f"link {key} = {value:g} is out of range; it goes from {least:g} to {most:g}")
    return value
