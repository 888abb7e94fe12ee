"""What was changed in a radio for a while, and what comes back: tables of changes against the profile at some times."""

from __future__ import annotations

import pytest

from simulator.fleet.weather import Weather
from simulator.scenario.model import LinkChange, LinkSpec
from simulator.wire.calendar import Calendar
from simulator.wire.presets import preset


def spec(name="", **changes):
    return LinkSpec(preset=name, changes=tuple(LinkChange(key=key, up=v, down=v) for key, v in changes.items()))


LOSSY = spec(loss=0.5)
SLOW = spec(delay=3.0)
WIFI = spec("wifi")
DARK = None  # a blackout


def like(name="perfect", dark=False, **changes):
    profile = preset(name, spec(name, **changes).changes)
    return type(profile)(**{f: getattr(profile, f) for f in profile.__slots__} | {"dark": dark})


CASES = [
    pytest.param([(0, LOSSY, 10)], {5: like(loss=0.5), 11: like()}, id="comes back"),
    pytest.param([(0, LOSSY, None)], {5: like(loss=0.5), 99: like(loss=0.5)}, id="stays"),
    pytest.param([(0, DARK, 10)], {5: like(dark=True), 11: like()}, id="a blackout ends"),
    pytest.param([(0, DARK, None)], {99: like(dark=True)}, id="a blackout stays"),
    pytest.param([(0, DARK, None), (5, WIFI, None)], {6: like("wifi")}, id="a link ends a blackout"),
    pytest.param([(0, DARK, 20), (5, WIFI, None)], {6: like("wifi"), 21: like("wifi")}, id="a later link wins"),
    pytest.param(
        [(0, LOSSY, 20), (5, SLOW, None)],
        {6: like(loss=0.5, delay=3.0), 21: like(delay=3.0)},
        id="only what was changed meanwhile wins",
    ),
    pytest.param(
        [(0, LOSSY, 20), (5, SLOW, 5)],
        {6: like(loss=0.5, delay=3.0), 11: like(loss=0.5), 21: like()},
        id="one within another",
    ),
    pytest.param(
        [(0, LOSSY, 10), (5, SLOW, 20)],
        {6: like(loss=0.5, delay=3.0), 11: like(delay=3.0), 26: like()},
        id="overlapping",
    ),
    pytest.param([(0, WIFI, 10), (5, DARK, 2)], {6: like("wifi", dark=True), 8: like("wifi"), 11: like()}, id="dark"),
    pytest.param([(0, DARK, None), (5, LOSSY, 5)], {6: like(loss=0.5), 11: like(dark=True)}, id="dark again"),
    pytest.param([(0, LOSSY, 5), (6, LOSSY, 5)], {5.5: like(), 7: like(loss=0.5), 12: like()}, id="twice"),
    pytest.param([(0, LOSSY, 5), (2, LOSSY, 5)], {6: like(loss=0.5), 8: like()}, id="the same again lasts longer"),
]


@pytest.mark.parametrize(("changes", "expected"), CASES)
def test_what_lasts_comes_back_and_what_was_changed_meanwhile_stays(changes, expected):
    calendar, radios = Calendar(), {"m": like(), "other": like("lte-m")}
    weather = Weather(calendar, radios.__getitem__, radios.__setitem__)
    todo = [(at, change, lasting) for at, change, lasting in changes]
    for when in sorted({at for at, _, _ in todo} | set(expected)):
        while (due := calendar.next()) is not None and due <= when:
            calendar.expire(due)
        for _, change, lasting in [one for one in todo if one[0] == when]:
            if change is DARK:
                weather.blackout("m", when, lasting)
            else:
                weather.link("m", change, when, lasting)
        if when in expected:
            assert radios["m"] == expected[when], when
    assert radios["other"] == like("lte-m")


def test_its_entries_of_the_calendar_are_counted():
    calendar, radios = Calendar(), {"m": like()}
    weather = Weather(calendar, radios.__getitem__, radios.__setitem__)
    weather.link("m", SLOW, 0.0, 5.0)
    weather.link("m", LOSSY, 0.0)
    assert (weather.timers, len(calendar)) == (1, 1)
    calendar.expire(6.0)
    assert (weather.timers, len(calendar)) == (0, 0)
