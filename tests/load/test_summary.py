"""What a person reads when it is over, and what a program reads."""

from __future__ import annotations

import json
from typing import Any

import pytest

from simulator.load import summary
from simulator.load.expect import parse
from simulator.load.histograms import Histogram
from simulator.load.tally import Generator, GroupTally, LedgerCounts, Tally
from simulator.load.totals import Merged, Totals
from simulator.load.verdict import Facts, judge


def encoded(*seconds: float) -> bytes:
    found = Histogram()
    found.record_many(list(seconds))
    return found.encode()


def merged(**more: Any) -> Merged:
    uploads = LedgerCounts(sent=12345, answered=12344, unanswered=1, delivered=12344, **more.pop("uploads", {}))
    given: dict[str, Any] = {
        "worker": "host_1",
        "final": True,
        "groups": {"meters": GroupTally(planned=1000, joined=1000, uploads=uploads, failures={"no answer": 1})},
        "counters": {"requests upload meters": 12345, "failed upload meters": 0, "coap.retransmissions": 3, "idle": 0},
        "histograms": {"upload meters": encoded(0.002, 0.004), "upstreamMessage meters": encoded(0.005)},
        "generator": Generator(cpu_share=0.25, busy_s=1.0, seconds=60.0, rss_bytes=100_000_000),
    }
    totals = Totals()
    totals.take(Tally(**{**given, **more}))
    return totals.merged()


FACTS = Facts(title="coap_upload.py", target="the reference server", seed=7, elapsed_s=60.2, notes=("something",))


def told(of: Merged, *texts: str, facts: Facts = FACTS) -> list[str]:
    return summary.text(of, judge(of, [parse(each) for each in texts], facts), facts).splitlines()


def test_a_test_that_passed() -> None:
    assert told(merged(), "upload p99 < 500 ms") == [
        "PASS",
        "      coap_upload.py, against the reference server, 60 s, seed 7",
        "",
        "expectations:",
        "  holds  upload p99 < 500 ms  4.00 ms",
        "",
        "  devices: 1 000 of 1 000 joined",
        "  uploads: 12 345 sent, 12 344 answered, 1 unanswered, 12 344 delivered, 0 lost",
        "",
        "failed:",
        "  1  meters  no answer",
        "",
        "latencies:",
        "                          count      p50      p95      p99    p99.9   p99.99      max",
        "  upload meters               2  2.00 ms  4.00 ms  4.00 ms  4.00 ms  4.00 ms  4.00 ms",
        "  upstreamMessage meters      1  5.00 ms  5.00 ms  5.00 ms  5.00 ms  5.00 ms  5.00 ms",
        "",
        "counters:",
        "  coap.retransmissions  3",
        "",
        "generator:",
        "  worker  devices  uploads   CPU       busy  memory  drops  send errors  throttled",
        "  0         1 000   12 345  25 %  1 of 60 s  100 MB      0            0          0",
        "note: something",
    ]


@pytest.mark.parametrize(
    ("of", "facts", "lines"),
    [
        pytest.param(
            merged(uploads={"lost": 2, "duplicated": 1}),
            {},
            [
                "FAIL",
                "      2 uploads taken by the platform, and no event came (lost)",
                "12 344 delivered, 2 lost, 1 duplicated",
            ],
            id="what is wrong follows the verdict",
        ),
        pytest.param(merged(), {"invalid": ("busy",)}, ["INVALID: the generator was the limit"], id="loudly"),
        pytest.param(merged(gaps=["blind"]), {}, ["INCONCLUSIVE", "missed: blind"], id="inconclusive"),
        pytest.param(merged(final=False), {}, ["INCONCLUSIVE", "0  did not settle"], id="a worker without a last word"),
    ],
)
def test_verdicts(of: Merged, facts: dict[str, Any], lines: list[str]) -> None:
    words = "\n".join(told(of, facts=Facts(**facts)))
    assert words.startswith(lines[0])
    for line in lines:
        assert line in words


def test_several_groups_are_told_one_by_one_and_as_a_whole() -> None:
    groups = {
        "meters": GroupTally(planned=1, joined=1, uploads=LedgerCounts(sent=2, delivered=2)),
        "trackers": GroupTally(planned=1, joined=1, uploads=LedgerCounts(sent=1, delivered=1)),
    }
    histograms = {"upload meters": encoded(0.002, 0.004), "upload trackers": encoded(0.1), "schedule error": encoded(0)}
    lines = told(merged(groups=groups, histograms=histograms))
    assert "  uploads: 3 sent, 3 delivered, 0 lost" in lines
    assert "    trackers  1 sent, 1 delivered, 0 lost" in lines
    table = lines[lines.index("latencies:") + 2 :][:4]
    assert [" ".join(line.split()[:3]) for line in table] == [
        "upload 3 4.00",
        "upload meters 2",
        "upload trackers 1",
        "schedule error 1",
    ]


def test_without_events_nothing_is_said_of_them() -> None:
    words = "\n".join(told(merged(), facts=Facts(bare=True)))
    assert "12 345 sent, 12 344 answered, 1 unanswered\n" in words


def test_nothing_at_all() -> None:
    assert told(Merged(), facts=Facts()) == [
        "FAIL",
        "      load test, 0 s, seed 0",
        "      nothing was done: no device has sent anything",
    ]


def test_what_came_from_outside_does_not_steer_a_terminal() -> None:
    evil = "\x1b[2Jgone\nPASS"
    of = merged(worker=evil, gaps=[evil], troubles={evil: 1}, counters={evil: 1})
    of.groups["meters"].failures[evil] = 1
    words = "\n".join(told(of, facts=Facts(title=evil, target=evil, notes=(evil,), failed=(evil,), invalid=(evil,))))
    assert "\x1b" not in words
    assert "\nPASS" not in words


def test_json_has_it_all() -> None:
    of = merged(uploads={"lost": 1})
    verdict = judge(of, [parse("upload max < 1 s"), parse("poll p99 < 1 s")], FACTS)
    found = json.loads(summary.as_json(of, verdict, FACTS))
    assert (found["version"], found["verdict"], found["exit_code"], found["over"]) == (1, "fail", 1, True)
    assert found["findings"] == list(verdict.findings)
    assert found["expectations"][1] == {"text": "poll p99 < 1 s", "found": "no poll was timed", "holds": None}
    assert found["devices"] == {"planned": 1000, "joined": 1000}
    assert (found["uploads"]["sent"], found["uploads"]["lost"]) == (12345, 1)
    assert found["groups"]["meters"]["failures"] == {"no answer": 1}
    assert found["latencies"]["upload meters"] == found["latencies"]["upload"]
    assert found["latencies"]["upload"]["count"] == 2
    assert found["latencies"]["upload"]["p99.99"] == 0.004
    assert found["counters"]["coap.retransmissions"] == 3
    assert found["workers"][0]["worker"] == "host_1"
    assert found["workers"][0]["generator"]["rss_bytes"] == 100_000_000


def test_json_of_nothing() -> None:
    found = json.loads(summary.as_json(Merged(), judge(Merged(), (), FACTS), FACTS))
    assert found["latencies"] == {}


def test_figures_of_an_empty_histogram() -> None:
    assert summary.figures(Histogram()) == {"count": 0}
