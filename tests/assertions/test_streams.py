"""Several readers of one collection: the same for all, and nothing lost without a word."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.errors import Place
from simulator.scenario import loads
from simulator.scenario.model import Listener

HERE = Place("x.yaml", 1, 1)
TEXT = """
scenario: read by two
devices: {m: {count: 2}}
steps: [{wait: 60 s}]
"""


def scenario(reads_per_s: float | None = None):
    """With one further observer, perhaps a slow one."""
    return replace(
        loads(TEXT, "x.yaml"),
        observers=(Listener(name="spy", place=HERE, reads_per_s=reads_per_s),),
        allow=("upload-once",),
    )


BEGUN = ["0 run", "0 stream spy opened", "0 step 0"]
OWN = [f"{10 + n} m.{n % 2} firmwareCheck n={n}" for n in range(6)]
SPY = [f"{10 + n}.1 seen spy m.{n % 2} firmwareCheck n={n}" for n in range(6)]


def both(own=OWN, spy=SPY, *more: str) -> list[str]:
    """What both saw, in order of time."""
    lines = sorted([*own, *spy, *more], key=lambda line: float(line.split()[0]))
    return [*BEGUN, *lines, "60 acted 0", "90 end done"]


def lacking(lines: list[str], *indices: int) -> list[str]:
    """Without some of them."""
    return [line for index, line in enumerate(lines) if index not in indices]


def swapped(lines: list[str], a: int, b: int) -> list[str]:
    """Two of them change places, and keep the times."""
    times, rests = zip(*(line.split(" ", 1) for line in lines), strict=True)
    order = list(range(len(lines)))
    order[a], order[b] = b, a
    # The event's own time is part of it and moves along.
    unix = [1767225600 + int(float(time)) for time in times]
    return [f"{times[k]} {rests[i]} time={unix[i]}" for k, i in enumerate(order)]


@pytest.mark.parametrize(
    ("lines", "reads", "broken"),
    [
        pytest.param(both(), None, set(), id="the same"),
        pytest.param(both(spy=[x.replace(".1 seen", " seen") for x in SPY]), None, set(), id="at equal times"),
        pytest.param(
            both(own=[x.replace(" m.", ".3 m.", 1) for x in OWN]), None, set(), id="the other one sees them first"
        ),
        pytest.param(both(spy=lacking(SPY, 3)), None, {"stream-complete"}, id="one is lost"),
        pytest.param(both(spy=lacking(SPY, 5)), None, {"stream-complete"}, id="the last one is lost"),
        pytest.param(
            both(SPY and OWN, lacking(SPY, 3), "13.5 gap 13 13.5 by=spy dropped=1 slow"), None, set(), id="dropped"
        ),
        pytest.param(
            both(OWN, lacking(SPY, 3), "20 gap 13 20 by=spy dropped=1 slow"), None, set(), id="and said long afterwards"
        ),
        pytest.param(
            both(OWN, lacking(SPY, 2, 3), "20 gap 13 20 by=spy dropped=1 slow"), None, {"stream-complete"}, id="too few"
        ),
        pytest.param(
            both(OWN, lacking(SPY, 3), "20 gap 13 20 by=spy dropped=2 slow"), None, {"stream-complete"}, id="too many"
        ),
        pytest.param(both(OWN, lacking(SPY, 3), "14 gap 12.5 13.5 by=spy lost"), None, set(), id="while it was blind"),
        pytest.param(
            both(OWN, lacking(SPY, 3), "14 gap 14 14.5 by=spy lost"), None, {"stream-complete"}, id="while it was not"
        ),
        pytest.param(both(spy=lacking(SPY, 4, 5)), 1.0, set(), id="a slow one has not read the rest"),
        pytest.param(both(spy=lacking(SPY, 2)), 1.0, {"stream-complete"}, id="a slow one lacks one in the middle"),
        pytest.param(
            both(OWN, SPY, "14.3 seen spy m.0 firmwareCheck n=99"),
            None,
            {"same-for-all"},
            id="one that nobody else saw",
        ),
        pytest.param(
            both(spy=swapped(SPY, 2, 3), own=swapped(OWN, 0, 0)), None, {"same-for-all"}, id="in another order"
        ),
        pytest.param(both(OWN, [*SPY, SPY[5]]), None, {"same-for-all"}, id="one twice"),
        pytest.param(
            both(OWN, lacking(SPY, 4, 5), "13.5 stream spy closed bye"), None, set(), id="its stream had ended"
        ),
        pytest.param(
            both(OWN, lacking(SPY, 2, 3), "11.5 stream spy closed bye", "13.6 stream spy opened"),
            None,
            set(),
            id="between",
        ),
        pytest.param(
            both(OWN, [], "9 seen spy m.0 firmwareCheck n=7 on=second"), None, {"stream-complete"}, id="nothing"
        ),
    ],
)
def test_readers_are_compared(judged, lines, reads, broken):
    found = judged(scenario(reads), lines)
    assert found.failed == {f"invariant.{name}" for name in broken}
    for name in broken:
        assert "the stream of spy: open since 0.0 s" in found.text(f"invariant.{name}") or "dropped" in found.text(
            f"invariant.{name}"
        )


def test_what_the_own_observer_missed_in_a_gap_is_not_held_against_the_other(judged):
    found = judged(scenario(), both(lacking(OWN, 3), SPY, "14 gap 12.9 13.2 lost"))
    assert found.failed == set()
    assert found.open == {"invariant.same-for-all"}


def test_what_came_while_the_stream_was_being_opened_may_be_seen_or_not(judged):
    for first in (0, 1, 2):
        late = [f"11.5 seen spy m.{n % 2} firmwareCheck n={n} time={1767225610 + n}" for n in range(first, 2)]
        spy = [
            *late,
            *(f"{11 + n}.9 seen spy m.{n % 2} firmwareCheck n={n} time={1767225610 + n}" for n in range(2, 6)),
        ]
        lines = sorted([*OWN, *spy, "11.4 stream spy opened"], key=lambda line: float(line.split()[0]))
        assert judged(scenario(), ["0 run", "0 step 0", *lines, "60 acted 0", "90 end done"]).failed == set()


def twins(*spy: str) -> list[str]:
    """Two events that are the same to the last character: one before the stream of spy is open, one after it."""
    own = [f"{t_s} m.0 firmwareCheck time=1767225605" for t_s in (5.1, 5.6)]
    lines = sorted([*own, "5.4 stream spy opened", *spy], key=lambda line: float(line.split()[0]))
    return ["0 run", "0 step 0", *lines, "60 acted 0", "90 end done"]


TWIN = "seen spy m.0 firmwareCheck time=1767225605"
LATER = ["20 m.1 firmwareCheck", "20 seen spy m.1 firmwareCheck"]


@pytest.mark.parametrize(
    ("lines", "broken"),
    [
        pytest.param(twins(f"5.6 {TWIN}"), set(), id="it sees the second"),
        pytest.param(twins(f"5.6 {TWIN}", *LATER), set(), id="and another one afterwards"),
        pytest.param(twins(f"5.6 {TWIN}", "9 stream spy closed bye"), set(), id="until it is closed"),
        pytest.param(twins(f"5.5 {TWIN}", f"5.6 {TWIN}", *LATER), set(), id="it sees both"),
        pytest.param(twins(f"5.7 {TWIN}", f"5.8 {TWIN}", *LATER), set(), id="it sees both, late"),
        pytest.param(twins(f"5.7 {TWIN}", f"5.8 {TWIN}", f"5.9 {TWIN}"), {"same-for-all"}, id="one more"),
        pytest.param(
            [*BEGUN, "1 m.0 firmwareCheck", "30 stream spy closed bye", "90 end done"],
            set(),
            id="it never sees anything, and was opened in the instant of the only one",
        ),
        pytest.param([*BEGUN, "1 m.0 firmwareCheck", "60 acted 0", "90 end done"], set(), id="and stays open"),
        pytest.param(
            [*BEGUN, "5 m.0 firmwareCheck", "30 stream spy closed bye", "90 end done"],
            {"stream-complete"},
            id="it never sees anything, and was open for long",
        ),
        pytest.param(
            [*BEGUN, "1 m.0 firmwareCheck n=1", "1 seen spy m.0 firmwareCheck n=1", "1.5 m.0 firmwareCheck n=2",
             "1.7 m.0 firmwareCheck n=3", "1.7 seen spy m.0 firmwareCheck n=3", "60 acted 0", "90 end done"],
            {"stream-complete"},
            id="it lacks one behind its first",
        ),
        pytest.param(
            [*twins(f"5.6 {TWIN}")[:-2], *(f"{t_s} m.0 firmwareCheck time=1767225605" for t_s in (5.7, 5.8)),
             "60 acted 0", "90 end done"],
            set(),
            id="of three it sees the last",
        ),
    ],
)  # fmt: skip
def test_events_that_cannot_be_told_apart_around_the_opening_of_a_stream(judged, lines, broken):
    assert judged(scenario(), lines).failed == {f"invariant.{name}" for name in broken}


def test_a_slow_reader_may_have_had_the_first_of_two_twins_and_not_have_read_the_second(judged):
    first = "m.1 firmwareCheck time=1767225605"
    own = [f"5.1 {first}", *["5.2 m.0 firmwareCheck time=1767225605"] * 2, "5.3 m.1 firmwareCheck"]
    lines = ["0 run", "0 step 0", "5 stream spy opened", *own, f"7 seen spy {first}", f"8 {TWIN}"]
    lines.append("9 stream spy closed bye")
    assert judged(scenario(1.0), [*lines, "60 acted 0", "90 end done"]).failed == set()


@given(st.lists(st.integers(0, 9), min_size=1, max_size=20), st.data())
def test_any_interleaving_of_two_honest_streams_is_accepted(judged, numbers, data):
    """Each event reaches each reader after some delay, in the order of each stream; some are dropped and counted."""
    lost = data.draw(st.sets(st.integers(0, len(numbers) - 1)))
    lines, own_s, spy_s = [], 0.0, 0.0
    for n, number in enumerate(numbers):
        emitted = 5.0 + n / 2
        own_s = max(own_s, emitted + data.draw(st.sampled_from([0.0, 0.1, 0.9])))
        spy_s = max(spy_s, emitted + data.draw(st.sampled_from([0.0, 0.1, 0.9])))
        what = f"m.0 firmwareCheck n={number} time={1767225600 + int(emitted)}"
        lines.append(f"{own_s} {what}")
        if n not in lost:
            lines.append(f"{spy_s} seen spy {what}")
    if lost:
        lines.append(f"55 gap 5 55 by=spy dropped={len(lost)} slow")
    lines.sort(key=lambda line: float(line.split()[0]))
    found = judged(scenario(), [*BEGUN, *lines, "60 acted 0", "90 end done"])
    assert found.failed == set()
