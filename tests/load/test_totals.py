"""The latest word of each worker, added up; what a dead one told stays."""

from __future__ import annotations

import pytest

from simulator.errors import RemoteError
from simulator.load.histograms import Histogram
from simulator.load.tally import BlockTally, Generator, GroupTally, LedgerCounts, Tally
from simulator.load.totals import Totals, split


def encoded(*seconds: float) -> bytes:
    found = Histogram()
    found.record_many(list(seconds))
    return found.encode()


def tally(worker: str = "a", number: int = 1, *, sent: int = 0, final: bool = False, **more: object) -> Tally:
    groups = {"meters": GroupTally(planned=10, joined=9, uploads=LedgerCounts(sent=sent), failures={"no answer": 1})}
    return Tally(**{"worker": worker, "number": number, "final": final, "groups": groups, **more})  # type: ignore[arg-type]


def totals(*tallies: Tally) -> Totals:
    found = Totals()
    for each in tallies:
        found.take(each)
    return found


def test_nobody_has_told_anything() -> None:
    merged = Totals().merged()
    assert (merged.planned, merged.uploads, merged.workers) == (0, LedgerCounts(), ())
    assert merged.settled


@pytest.mark.parametrize(
    ("tallies", "sent"),
    [
        pytest.param([tally(number=1, sent=5), tally(number=2, sent=8)], 8, id="the later one counts"),
        pytest.param([tally(number=2, sent=8), tally(number=1, sent=5)], 8, id="also when it came first"),
        pytest.param([tally("a", sent=5), tally("b", sent=8)], 13, id="workers add up"),
        pytest.param([tally(number=3, sent=8, final=True), tally(number=4, sent=9)], 8, id="nothing follows the last"),
    ],
)
def test_the_latest_of_each_counts(tallies: list[Tally], sent: int) -> None:
    assert totals(*tallies).merged().uploads.sent == sent


def test_everything_is_added_up() -> None:
    one = tally(
        "a", sent=3, index=1, at_s=9.0, counters={"coap.retransmissions": 2}, troubles={"late": 1}, gaps=["from 1 s"]
    )
    one.histograms = {"upload meters": encoded(0.1, 0.2), "schedule error": encoded(0.001)}
    one.generator = Generator(cpu_share=0.5, busy_s=1.0, drops=2, rss_bytes=100)
    other = tally("b", sent=4, index=0, at_s=8.0, counters={"coap.retransmissions": 1, "bytes.sent": 7})
    other.groups["trackers"] = GroupTally(planned=5, uploads=LedgerCounts(sent=20, lost=1))
    other.troubles = {"late": 2, "odd": 1}
    other.histograms = {"upload meters": encoded(0.3), "upload trackers": encoded(5.0), "attach meters": encoded(1.0)}
    other.generator = Generator(cpu_share=0.7, busy_s=2.0, rss_bytes=50)
    merged = totals(one, other).merged()
    assert {name: each.uploads.sent for name, each in merged.groups.items()} == {"meters": 7, "trackers": 20}
    assert merged.groups["meters"].failures == {"no answer": 2}
    assert (merged.uploads.sent, merged.uploads.lost, merged.planned, merged.joined) == (27, 1, 25, 18)
    assert merged.counters == {"coap.retransmissions": 3, "bytes.sent": 7}
    assert merged.troubles == {"late": 3, "odd": 1}
    assert merged.gaps == ("worker a: from 1 s",)
    assert {name: each.count for name, each in merged.histograms.items()} == {
        "upload meters": 3,
        "upload trackers": 1,
        "attach meters": 1,
        "schedule error": 1,
    }
    assert {name: (each.count, each.max_s) for name, each in merged.acts.items()} == {
        "upload": (4, 5.0),
        "attach": (1, 1.0),
        "schedule error": (1, 0.001),
    }
    assert merged.generator == Generator(cpu_share=0.7, busy_s=3.0, drops=2, rss_bytes=150)
    assert [each.worker for each in merged.workers] == ["b", "a"]  # by index
    assert merged.at_s == 9.0


def test_asking_changes_nothing() -> None:
    told = totals(tally("a", histograms={"upload meters": encoded(0.1)}), tally("b", sent=1))
    first = told.merged()
    assert told.merged().acts["upload"].count == first.acts["upload"].count == 1
    told.take(tally("b", 2, histograms={"upload meters": encoded(0.2)}))
    assert told.merged().acts["upload"].count == 2
    assert first.acts["upload"].count == 1


def test_what_a_dead_worker_did_stays_and_its_devices_are_others() -> None:
    told = totals(tally("a", sent=5, generator=Generator(cpu_share=0.9, drops=1, rss_bytes=9)), tally("b", sent=1))
    told.died("a")
    merged = told.merged()
    assert merged.uploads.sent == 6
    assert merged.groups["meters"].failures == {"no answer": 2}
    assert (merged.planned, merged.joined) == (10, 9)
    assert merged.generator == Generator(cpu_share=0.0, drops=1, rss_bytes=0)
    assert [(each.worker, each.died, each.blind) for each in merged.workers] == [("a", True, True), ("b", False, False)]
    assert merged.blind
    assert not merged.settled
    told.take(tally("b", 2, sent=1, final=True))
    assert told.merged().settled


def test_one_that_settled_before_it_went_is_not_dead() -> None:
    told = totals(tally("a", sent=5, final=True))
    told.died("a")
    merged = told.merged()
    assert not merged.workers[0].died
    assert not merged.blind
    assert merged.joined == 9


def test_one_that_died_without_a_word_is_known() -> None:
    told = Totals()
    told.died("a")
    assert [(each.worker, each.died, each.sent) for each in told.merged().workers] == [("a", True, 0)]
    assert not told.merged().blind


def test_a_tally_with_a_broken_histogram_is_refused_and_the_former_stays() -> None:
    told = totals(tally(sent=5, histograms={"upload meters": encoded(0.1)}))
    with pytest.raises(RemoteError):
        told.take(tally(number=2, sent=6, histograms={"upload meters": encoded(0.1, 0.2), "x": b"?"}))
    merged = told.merged()
    assert (merged.uploads.sent, merged.histograms["upload meters"].count) == (5, 1)


def test_a_worker_alone_needs_no_name() -> None:
    told = totals(tally(gaps=["from 1 s"], blocks=[BlockTally(user="Meters", first=0, count=10)]))
    assert told.merged().gaps == ("from 1 s",)
    assert told.merged().workers[0].blocks[0].user == "Meters"


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("upload meters", ("upload", "meters")),
        ("upload", ("upload", "")),
        ("upload others", ("upload others", "")),
        ("schedule error", ("schedule error", "")),
    ],
)
def test_split(name: str, parts: tuple[str, str]) -> None:
    assert split(name, ("meters", "error")) == parts
