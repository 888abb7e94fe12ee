"""`{sensor: NAME}`: what a meter would report, as text. Models to look at, not to do physics with.

A reading depends on the seed, the device and its number alone, so it is computed and not remembered: reading 10 000 is
as cheap as the first, and `only` repeats the same ones. Readings count as taken every ten minutes from midnight on,
whatever the pace of the step is: the pace is the scenario's matter, and a day's wave should be there in any case.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from struct import Struct

READING_EVERY_S = 600.0
DAY_S = 86_400.0

Draws = Sequence[float]
"""Numbers in [0, 1)."""

_DRAWS = Struct("<8Q")
_pack = Struct("<QQ").pack
_OF_DEVICE = (1 << 64) - 1
"""Stands where the number of a reading stands: draws that stay for the life of a device."""


class Sensors:
    """The readings of all devices of a run."""

    __slots__ = ("_base",)

    def __init__(self, seed: int) -> None:
        self._base = hashlib.blake2b(f"sensor {seed}".encode(), digest_size=_DRAWS.size)

    def read(self, sensor: str, index: int, n: int) -> bytes:
        """Reading `n` (from 0) of a device, by its index in the run; `sensor` is a word of `words.SENSORS`."""
        return MODELS[sensor](self._draws(index, _OF_DEVICE), self._draws(index, n), n * READING_EVERY_S).encode()

    def _draws(self, index: int, number: int) -> Draws:
        digest = self._base.copy()
        digest.update(_pack(index, number))
        return [(word >> 11) * 2.0**-53 for word in _DRAWS.unpack(digest.digest())]


def _between(low: float, high: float, draw: float) -> float:
    return low + (high - low) * draw


def _wave(t_s: float, peak_h: float) -> float:
    """1 at the peak of the day, -1 half a day later."""
    return math.cos(2 * math.pi * (t_s / DAY_S - peak_h / 24))


def _temperature(own: Draws, now: Draws, t_s: float) -> str:
    return f'{{"temperature":{_celsius(own, now, t_s):.1f}}}'


def _celsius(own: Draws, now: Draws, t_s: float) -> float:
    return _between(16, 24, own[0]) + _between(1, 4, own[1]) * _wave(t_s, peak_h=15) + _between(-0.3, 0.3, now[0])


def _humidity(own: Draws, now: Draws, t_s: float) -> str:
    # Warmer air of the same water is drier: some 3 % for each degree around the device's own mean.
    warmer = _celsius(own, now, t_s) - _between(16, 24, own[0])
    return f'{{"humidity":{round(_between(35, 65, own[2]) - 3 * warmer + _between(-1, 1, now[1]))}}}'


def _electricity(own: Draws, now: Draws, t_s: float) -> str:
    # The integral of the power; a reading is taken somewhere in its ten minutes, which never makes it count down.
    t_s += READING_EVERY_S * now[0]
    mean_w, swing, peak_h = _between(150, 900, own[1]), 0.6, 19
    swung_s = DAY_S / (2 * math.pi) * (math.sin(2 * math.pi * (t_s / DAY_S - peak_h / 24)))
    wh = _between(100_000, 9_000_000, own[0]) + mean_w * (t_s + swing * swung_s) / 3600
    return f'{{"wh":{int(wh)}}}'


_WATER_FROM_H, _WATER_TO_H = 6, 23


def _water(own: Draws, now: Draws, t_s: float) -> str:
    days, second = divmod(t_s + READING_EVERY_S * now[0], DAY_S)
    waking = min(1.0, max(0.0, (second / 3600 - _WATER_FROM_H) / (_WATER_TO_H - _WATER_FROM_H)))
    # Rises from morning to night and stands still in between.
    used = days + waking - math.sin(2 * math.pi * waking) / (2 * math.pi)
    return f'{{"litres":{int(_between(5_000, 900_000, own[0]) + _between(80, 320, own[1]) * used)}}}'


_METRES_PER_DEGREE = 111_320.0


def _position(own: Draws, _now: Draws, t_s: float) -> str:
    """On two circles of different size and pace around a place of its own; the speed, in m/s, is that of the path."""
    lat, lon = _between(63.3, 63.5, own[0]), _between(10.2, 10.6, own[1])
    north_m = east_m = north_mps = east_mps = 0.0
    for radius_m, pace, phase in (
        (_between(3000, 8000, own[2]), 2 * math.pi / _between(5000, 7000, own[3]), 2 * math.pi * own[4]),
        (_between(500, 1500, own[5]), 2 * math.pi / _between(900, 1400, own[6]), 2 * math.pi * own[7]),
    ):
        angle = pace * t_s + phase
        north_m, east_m = north_m + radius_m * math.sin(angle), east_m + radius_m * math.cos(angle)
        north_mps, east_mps = (
            north_mps + radius_m * pace * math.cos(angle),
            east_mps - radius_m * pace * math.sin(angle),
        )
    lat += north_m / _METRES_PER_DEGREE
    lon += east_m / (_METRES_PER_DEGREE * math.cos(math.radians(lat)))
    return f'{{"lat":{lat:.5f},"lon":{lon:.5f},"speed":{math.hypot(north_mps, east_mps):.1f}}}'


_EMPTY_MV = 2200


def _battery(own: Draws, now: Draws, t_s: float) -> str:
    full_mv, lasts_s = _between(3550, 3650, own[0]), DAY_S * _between(300, 900, own[1])
    mv = _EMPTY_MV + (full_mv - _EMPTY_MV) * math.exp(-t_s / lasts_s) + _between(-3, 3, now[0])
    return f'{{"mv":{round(mv)}}}'


MODELS: Mapping[str, Callable[[Draws, Draws, float], str]] = {
    "temperature": _temperature,
    "humidity": _humidity,
    "electricity": _electricity,
    "water": _water,
    "position": _position,
    "battery": _battery,
}
"""By the names of `words.SENSORS`: what a device draws once, what it draws for this reading, and seconds since the
first one → the text."""
