"""What the page shows is what the desk knows, and nothing that JSON has no word for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from simulator.load.histograms import Histogram
from simulator.load.series import Series
from simulator.load.tally import Generator, GroupTally, LedgerCounts, Tally
from simulator.load.totals import Merged, Totals
from simulator.load.verdict import Facts, Held, LoadVerdict
from simulator.load.view import view_of

PASS = LoadVerdict(word="pass", findings=(), expectations=())


def histogram(*seconds: float) -> bytes:
    found = Histogram()
    found.record_many(list(seconds))
    return found.encode()


def tally(worker: str = "w1", index: int = 0, sent: int = 10, **more: Any) -> Tally:
    uploads = LedgerCounts(sent=sent, answered=sent - 3, refused=1, unanswered=2, delivered=sent - 4, open=1)
    fields: dict[str, Any] = {
        "groups": {"meters": GroupTally(planned=20, joined=15, uploads=uploads, failures={"no answer": 2})},
        "counters": {"requests upload meters": sent, "failed upload meters": 3, "coap.retransmissions": 5, "odd": 1},
        "histograms": {"upload meters": histogram(0.001, 0.002), "schedule error": histogram(0.0005)},
        "generator": Generator(cpu_share=0.5, busy_s=1.0, seconds=9.0, rss_bytes=1000, drops=2),
    }
    return Tally(worker=worker, index=index, number=1, at_s=9.0, **fields | more)


def merged(*tallies: Tally, died: str = "") -> Merged:
    totals = Totals()
    for each in tallies:
        totals.take(each)
    if died:
        totals.died(died)
    return totals.merged()


def view(of: Merged, verdict: LoadVerdict = PASS, series: Series | None = None, **facts: Any) -> dict[str, Any]:
    return view_of(of, verdict, Facts(**{"over": False, **facts}), series=series)


def test_two_workers_are_one_fleet() -> None:
    found = view(merged(tally(), tally("w2", 1, sent=5)), title="coap_upload.py", target="near", seed=7, elapsed_s=3.0)
    assert (found["test"], found["target"], found["seed"], found["elapsed"]) == ("coap_upload.py", "near", 7, 3.0)
    assert found["fleet"] == {"planned": 40, "joined": 30}
    assert found["uploads"] == {
        "sent": 15,
        "answered": 9,
        "refused": 2,
        "unanswered": 4,
        "delivered": 7,
        "lost": 0,
        "missing": 0,
        "duplicated": 0,
        "disordered": 0,
        "resized": 0,
        "open": 2,
    }
    (group,) = found["groups"]
    assert group == {"name": "meters", "planned": 40, "joined": 30, "failed": 4, **found["uploads"]}
    assert found["failures"] == [{"text": "meters: no answer", "times": 4}]
    assert found["counters"] == [
        {"group": "coap", "values": {"retransmissions": 10}},
        {"group": "", "values": {"odd": 2}},
    ]


def test_what_a_dead_worker_did_stays_and_its_devices_go() -> None:
    found = view(merged(tally(), tally("w2", 1, final=True), tally("w3", 2), died="w3"))
    assert [each["state"] for each in found["workers"]] == ["running", "settled", "died"]
    assert (found["workers"][2]["planned"], found["fleet"]["planned"], found["uploads"]["sent"]) == (0, 40, 30)


@pytest.mark.parametrize(
    ("word", "over", "sent", "shown"),
    [
        pytest.param("pass", False, 0, "waiting", id="nothing has been held against anything"),
        pytest.param("pass", False, 5, "pass", id="well so far"),
        pytest.param("pass", True, 0, "pass", id="the last word is never softened"),
        pytest.param("fail", False, 0, "fail", id="bad news does not wait for the first upload"),
        pytest.param("invalid", False, 5, "invalid", id="nor does the generator's limit"),
    ],
)
def test_the_word_shown(word: Any, over: bool, sent: int, shown: str) -> None:
    verdict = LoadVerdict(
        word=word,
        findings=("why",),
        expectations=(Held(text="lost = 0", found="0", holds=True), Held(text="x < 1 s", found="", holds=None)),
    )
    found = view(merged(tally(sent=sent)), verdict, over=over)["verdict"]
    assert (found["word"], found["final"], found["findings"]) == (shown, over, ["why"])
    assert found["expectations"] == [
        {"text": "lost = 0", "found": "0", "holds": True},
        {"text": "x < 1 s", "found": "", "holds": None},
    ]


@pytest.mark.parametrize(("over", "phase", "shown"), [(True, "", "done"), (False, "", "running"), (False, "x", "x")])
def test_the_phase(over: bool, phase: str, shown: str) -> None:
    assert view_of(merged(), PASS, Facts(over=over), phase=phase)["phase"] == shown


def test_without_events_what_only_they_say_is_unknown() -> None:
    found = view(merged(tally()), bare=True)
    for shown in (found["uploads"], found["groups"][0]):
        unknown = {name for name, value in shown.items() if value is None}
        assert unknown == {"delivered", "open", "lost", "missing", "duplicated", "disordered", "resized"}
        assert shown["answered"] == 7


def test_latencies_are_told_by_group_and_over_all_where_there_are_several() -> None:
    one = tally(histograms={"upload meters": histogram(0.001), "upstreamMessage meters": histogram(0.5, 1.5)})
    rows = view(merged(one))["latencies"]
    assert [(row["label"], row["all"]) for row in rows] == [("upload meters", False), ("upstreamMessage meters", False)]
    groups = {"meters": GroupTally(), "pumps": GroupTally()}
    two = tally(groups=groups, histograms={"upload meters": histogram(0.001), "upload pumps": histogram(0.1, 0.2)})
    rows = view(merged(two))["latencies"]
    assert [(row["name"], row["all"]) for row in rows] == [
        ("upload", True),
        ("upload meters", False),
        ("upload pumps", False),
    ]
    assert rows[0]["p50"] == pytest.approx(0.1, rel=0.002)
    assert rows[0]["max"] == rows[2]["max"] == pytest.approx(0.2)


def test_the_schedule_error_is_the_generators_and_no_latency() -> None:
    found = view(merged(tally()))
    assert [row["name"] for row in found["latencies"]] == ["upload meters"]
    assert found["generator"]["schedule"]["count"] == 1


def test_the_percentiles_are_the_histograms_own() -> None:
    known = Histogram()
    known.record_many([n / 1000 for n in range(1, 20001)])
    row = view(merged(tally(histograms={"upload meters": known.encode()})))["latencies"][0]
    for key, q in (("p50", 50), ("p95", 95), ("p99", 99), ("p999", 99.9), ("p9999", 99.99)):
        assert row[key] == pytest.approx(known.percentile(q), abs=1e-6)
    assert (row["requests"], row["failed"], row["count"]) == (10, 3, 20000)


def test_the_generator_is_judged_by_its_busiest_worker() -> None:
    found = view(merged(tally(), tally("w2", 1, generator=Generator(cpu_share=0.95, drops=1))))["generator"]
    assert (found["cpu"], found["drops"]) == (0.95, 3)
    assert found["schedule"]["p99"] == pytest.approx(0.0005, rel=0.01)


def test_long_lists_end_with_what_is_left_out() -> None:
    many = tally(troubles={f"trouble {n:03}": 100 - n for n in range(60)}, gaps=[f"gap {n}" for n in range(60)])
    found = view(merged(many))
    assert found["troubles"][0] == {"text": "trouble 000", "times": 100}
    assert found["troubles"][50:] == [{"text": "and 10 more kinds", "times": sum(range(41, 51))}]
    assert found["gaps"][50:] == ["and 10 more"]


@pytest.mark.parametrize("of", [merged(), merged(tally(generator=Generator(cpu_share=float("nan"))))])
def test_it_is_strict_json(of: Merged) -> None:
    found = view(of, elapsed_s=float("inf"), notes=("a note",))
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert (found["elapsed"], found["notes"]) == (None, ["a note"])
