"""The ledger: held against a slow oracle that tries all ways to explain what was seen, and rule by rule."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.load import uploads
from simulator.load.ledger import Ledger
from simulator.load.tally import LedgerCounts

DEVICES = 3


def a_ledger(*, acknowledged: bool = True, owed: bool = False) -> Ledger:
    return Ledger(LedgerCounts(), 0, 100, acknowledged, owed, "meters")


def told(ledger: Ledger) -> dict[str, int]:
    """What is not 0."""
    counts = ledger.counts
    return {name: number for name in counts.__struct_fields__ if (number := getattr(counts, name))}


def play(ledger: Ledger, script: str) -> list[float | None]:
    """`s24` sends, `a` answers, `r` refuses, `u` leaves unanswered, `e24` shows, `b` was blind, each a second later;
    all of device 7. Returns: what `seen` returned."""
    found = []
    for now, word in enumerate(script.split()):
        match word[0]:
            case "s":
                ledger.sent(7, int(word[1:]), float(now) - 0.25, float(now))
            case "e":
                found.append(ledger.seen(7, int(word[1:]), float(now)))
            case "a":
                ledger.answered(7)
            case "r":
                ledger.refused(7)
            case "u":
                ledger.unanswered(7)
            case "b":
                ledger.excuse()
    return found


@pytest.mark.parametrize(
    ("script", "ends"),
    [
        ("s24 a e24", {"answered": 1, "delivered": 1}),
        ("s24 e24 a", {"answered": 1, "delivered": 1}),
        ("s24 a", {"answered": 1, "lost": 1}),
        ("s24 r", {"refused": 1, "missing": 1}),
        ("s24 u", {"unanswered": 1, "missing": 1}),
        ("s24", {"unanswered": 1, "missing": 1}),
        ("s24 e24", {"unanswered": 1, "delivered": 1}),
        ("s24 u e24", {"unanswered": 1, "delivered": 1}),
        ("s24 e24 u", {"unanswered": 1, "delivered": 1}),
        ("s24 r e24", {"refused": 1, "delivered": 1}),
        ("s24 a e24 e24", {"answered": 1, "delivered": 1, "duplicated": 1}),
        ("s24 e24 e24 a", {"answered": 1, "delivered": 1, "duplicated": 1}),
        ("s24 u e24 e24", {"unanswered": 1, "delivered": 1, "duplicated": 1}),
        ("s24 a e25", {"answered": 1, "resized": 1, "lost": 1}),
        ("s24 a s9 a e25", {"answered": 2, "resized": 1, "lost": 2}),
        ("s24 a s9 a e24 e9", {"answered": 2, "delivered": 2}),
        ("s24 a s9 a e9 e24", {"answered": 2, "delivered": 2, "disordered": 1}),
        ("s24 a s9 e9 a e24", {"answered": 2, "delivered": 2, "disordered": 1}),
        ("s24 a s9 a e9", {"answered": 2, "delivered": 1, "lost": 1}),
        ("s24 a s9 a s9 a e9 e9 e24", {"answered": 3, "delivered": 3, "disordered": 1}),
    ],
)
def test_each_upload_has_one_event(script: str, ends: dict[str, int]) -> None:
    ledger = a_ledger()
    play(ledger, script)
    ledger.settle()
    assert told(ledger) == {"sent": script.count("s")} | ends


@pytest.mark.parametrize(
    ("script", "ends"),
    [
        pytest.param("s24 s9 a a e9 e24", {"answered": 2, "delivered": 2}, id="both were on their way together"),
        pytest.param(
            "s24 r s9 a e9 e24", {"refused": 1, "answered": 1, "delivered": 2}, id="a refused one may be late"
        ),
        pytest.param(
            "s24 u s24 a e24", {"unanswered": 1, "answered": 1, "delivered": 1, "missing": 1}, id="owed first"
        ),
        pytest.param("s24 s24 e24 u a", {"unanswered": 1, "answered": 1, "delivered": 1, "missing": 1}, id="passed on"),
        pytest.param(
            "s24 s24 e24 s24 e24 u a a",
            {"unanswered": 1, "answered": 2, "delivered": 2, "missing": 1},
            id="passed on by way of another",
        ),
        pytest.param(
            "s24 u s9 a s24 a e24 e9 e24",
            {"unanswered": 1, "answered": 2, "delivered": 3},
            id="the first event may be that of the unanswered one",
        ),
        pytest.param("s24 e24 s24 u a", {"unanswered": 1, "answered": 1, "delivered": 1, "lost": 1}, id="not sent yet"),
    ],
)
def test_nobody_is_blamed_for_what_may_have_been_right(script: str, ends: dict[str, int]) -> None:
    ledger = a_ledger()
    play(ledger, script)
    ledger.settle()
    assert told(ledger) == {"sent": script.count("s")} | ends


@pytest.mark.parametrize(
    ("script", "ends"),
    [
        ("s24 a b", {"answered": 1, "missing": 1}),
        ("s24 b a", {"answered": 1, "missing": 1}),
        ("s24 a b e24", {"answered": 1, "delivered": 1}),
        ("s24 b a s24 a", {"answered": 2, "missing": 1, "lost": 1}),
        ("s24 s9 b a a s24 a e24", {"answered": 3, "missing": 2, "delivered": 1}),
    ],
)
def test_what_a_blind_stream_may_have_missed_is_not_lost(script: str, ends: dict[str, int]) -> None:
    ledger = a_ledger()
    play(ledger, script)
    ledger.settle()
    assert told(ledger) == {"sent": script.count("s")} | ends


def test_a_stream_that_is_blind_for_good_owes_nothing() -> None:
    ledger = a_ledger()
    ledger.excuse(for_good=True)
    play(ledger, "s24 a s24 s24 a a")
    ledger.settle()
    assert told(ledger) == {"sent": 3, "answered": 3, "missing": 3}


@pytest.mark.parametrize(
    ("owed", "ends"), [(True, {"delivered": 1, "lost": 1}), (False, {"delivered": 1, "missing": 1})]
)
def test_without_answers_it_depends_on_the_way(owed: bool, ends: dict[str, int]) -> None:
    ledger = a_ledger(acknowledged=False, owed=owed)
    play(ledger, "s24 a s24 a e24")
    assert ledger.open == (1 if owed else 0)
    ledger.settle()
    assert told(ledger) == {"sent": 2, "answered": 2} | ends
    assert ledger.lines(9) == ["meters.7: 24 B sent at 2.0 s, left here, no event"] * owed


@pytest.mark.parametrize(
    "script",
    [
        "s24 a e24",
        "s24 e24 a",
        "s24 s24 e24 e24 a a",
        "s24 s24 a e24 a e24",
        "s24 s9 e9 a a e24",
        "s24 s9 e24 e9 u u",
        "s24 s24 e24 u a e24",
    ],
)
def test_nothing_is_kept_of_a_device_that_waits_for_nothing(script: str) -> None:
    ledger = a_ledger()
    play(ledger, script)
    assert ledger._open == {}


def test_latency_counts_from_the_moment_that_was_due() -> None:
    assert play(a_ledger(), "s24 a e24 e24 s9 s9 s9 e9 a e9 a a e9") == [2.25, None, 3.25, 4.25, 6.25]


def test_while_it_goes_on_open_ones_are_told() -> None:
    ledger = a_ledger()
    play(ledger, "s24 a s9 a s9 e9")
    ledger.sent(8, 1, 9.5, 10.0)
    ledger.sent(9, 1, 9.5, 10.0)
    ledger.refused(9)
    assert (ledger.open, ledger.oldest_open()) == (3, -0.25)
    assert ledger.lines(9) == [
        "meters.7: 24 B sent at 0.0 s, acknowledged, no event",
        "meters.7: 9 B sent at 4.0 s, no answer yet, no event",
        "meters.8: 1 B sent at 10.0 s, no answer yet, no event",
    ]
    assert len(ledger.lines(2)) == 2


def test_after_the_end_the_lost_are_told_and_nothing_counts_any_more() -> None:
    ledger = a_ledger()
    play(ledger, "s24 a s9 a s9 e9")
    ledger.settle()
    before = told(ledger)
    play(ledger, "e24 a u r")
    ledger.settle()
    assert (
        told(ledger) == before == {"sent": 3, "answered": 2, "unanswered": 1, "delivered": 1, "lost": 1, "missing": 1}
    )
    assert ledger.lines(9) == ["meters.7: 24 B sent at 0.0 s, acknowledged, no event"]
    assert (ledger.open, ledger.oldest_open()) == (0, None)


@pytest.mark.parametrize("script", ["a", "s24 a u", "s24 a s24 a r", "s24 e24 a a"])
def test_an_outcome_of_nothing_is_our_mistake(script: str) -> None:
    with pytest.raises(ValueError, match=r"meters\.7 has no upload that waits"):
        play(a_ledger(), script)


def test_an_event_of_a_stranger_is_our_mistake() -> None:
    with pytest.raises(ValueError, match=r"meters\.100 is not of this block"):
        a_ledger().seen(100, 24, 1.0)


@pytest.mark.parametrize(
    ("outcome", "pause_s", "kept"), [("a", 119.0, 1), ("a", 121.0, 0), ("r", 31.0, 0), ("u", 299.0, 1), ("u", 301.0, 0)]
)
def test_a_platform_that_shows_nothing_does_not_fill_the_memory(outcome: str, pause_s: float, kept: int) -> None:
    ledger = a_ledger()
    play(ledger, f"s24 {outcome}")
    ledger.sent(7, 24, pause_s, pause_s)
    ledger.answered(7)
    assert ledger.counts.lost + ledger.counts.missing == 1 - kept


# --- the oracle -------------------------------------------------------------------------------------------------------

ACTS = st.tuples(st.sampled_from("sssaruee"), st.integers(0, DEVICES - 1), st.integers(1, 2))


class Oracle:
    """Keeps everything, and at the end finds the explanation with the fewest lost uploads."""

    def __init__(self) -> None:
        self.uploads: list[tuple[int, int, int]] = []  # device, size, moment
        self.outcomes: dict[int, str] = {}  # index of an upload → a, r, u
        self.events: list[tuple[int, int, int]] = []

    def waiting(self, device: int) -> list[int]:
        return [
            index for index, upload in enumerate(self.uploads) if upload[0] == device and index not in self.outcomes
        ]

    def strays(self) -> int:
        """Events that come when all uploads of their device and size have had theirs."""
        strays, matched = 0, dict[tuple[int, int], int]()
        for device, size, moment in self.events:
            sent = sum(u[:2] == (device, size) and u[2] < moment for u in self.uploads)
            if matched.get((device, size), 0) < sent:
                matched[device, size] = matched.get((device, size), 0) + 1
            else:
                strays += 1
        return strays

    def lost(self) -> int:
        """Accepted uploads for which there is no event, however the events are dealt out (Kuhn's algorithm)."""
        owner: dict[int, int] = {}

        def find(upload: int, tried: set[int]) -> bool:
            device, size, sent = self.uploads[upload]
            for event, (whose, shown, moment) in enumerate(self.events):
                if (whose, shown) != (device, size) or moment < sent or event in tried:
                    continue
                tried.add(event)
                if event not in owner or find(owner[event], tried):
                    owner[event] = upload
                    return True
            return False

        return sum(not find(index, set()) for index, outcome in self.outcomes.items() if outcome == "a")


@given(st.lists(ACTS, max_size=40))
def test_the_oracle_agrees(acts: list[tuple[str, int, int]]) -> None:
    ledger, oracle = a_ledger(), Oracle()
    for moment, (what, device, size) in enumerate(acts):
        if what == "s":
            oracle.uploads.append((device, size, moment))
            ledger.sent(device, size, moment / 10, moment / 10)
        elif what == "e":
            oracle.events.append((device, size, moment))
            ledger.seen(device, size, moment / 10)
        elif waiting := oracle.waiting(device):
            oracle.outcomes[waiting[0]] = what
            {"a": ledger.answered, "r": ledger.refused, "u": ledger.unanswered}[what](device)
        counts = ledger.counts
        assert counts.open == len(ledger.lines(99))
        assert (ledger.oldest_open() is None) == (ledger.open == 0)
    ledger.settle()
    strays, lost = oracle.strays(), oracle.lost()
    assert counts_of(ledger.counts) == {
        "sent": len(oracle.uploads),
        "answered": list(oracle.outcomes.values()).count("a"),
        "refused": list(oracle.outcomes.values()).count("r"),
        "delivered": len(oracle.events) - strays,
        "strays": strays,
        "lost": lost,
        "missing": len(oracle.uploads) - lost - (len(oracle.events) - strays),
        "open": 0,
    }
    assert ledger._open == {}


def counts_of(counts: LedgerCounts) -> dict[str, int]:
    names = ("sent", "answered", "refused", "delivered", "lost", "missing", "open")
    return {name: getattr(counts, name) for name in names} | {"strays": counts.duplicated + counts.resized}


@given(st.lists(st.tuples(st.sampled_from("seeaaru"), st.integers(0, 9)), max_size=40))
def test_the_order_of_events_is_that_of_acknowledged_uploads(acts: list[tuple[str, int]]) -> None:
    """Every upload has a size of its own, so that there is no doubt whose event it is."""
    ledger = a_ledger()
    sent: dict[int, int] = {}
    accepted: dict[int, int] = {}
    seen: dict[int, int] = {}
    waiting: list[int] = []
    for moment, (what, which) in enumerate(acts):
        now = moment / 10
        if what == "s":
            size = len(sent)
            sent[size] = moment
            waiting.append(size)
            ledger.sent(1, size, now, now)
        elif what == "e":
            unseen = [size for size in sent if size not in seen]
            if unseen:
                size = unseen[which % len(unseen)]
                seen[size] = moment
                assert ledger.seen(1, size, now) == pytest.approx(now - sent[size] / 10)
        elif waiting:
            size = waiting.pop(0)
            {"a": ledger.answered, "r": ledger.refused, "u": ledger.unanswered}[what](1)
            if what == "a":
                accepted[size] = moment
    overtaken = {
        old for old in seen for new in seen if old in accepted and accepted[old] < sent[new] and seen[new] < seen[old]
    }
    assert ledger.counts.disordered == len(overtaken)
    assert ledger.counts.delivered == len(seen)


def test_the_reasons_of_patience_are_those_of_the_states() -> None:
    states = (
        uploads.WAITING,
        uploads.EXCUSED,
        uploads.OWED,
        uploads.FREE,
        uploads.REFUSED,
    )
    assert states == tuple(range(len(uploads.PATIENCE_S)))
