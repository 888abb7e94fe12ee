"""Thresholds as people write them: what each reads, and what is said about those that are none."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.errors import UsageError
from simulator.load.expect import _percent, from_scenario, left_out, parse
from simulator.load.histograms import Histogram
from simulator.load.measures import shown
from simulator.load.tally import GroupTally, LedgerCounts, Tally
from simulator.load.totals import Merged, Totals
from simulator.scenario.loader import load

GROUPS = ("meters", "trackers")


def encoded(*seconds: float) -> bytes:
    found = Histogram()
    found.record_many(list(seconds))
    return found.encode()


def merged(*gaps: str, sent: int = 1000) -> Merged:
    totals = Totals()
    totals.take(
        Tally(
            worker="a",
            groups={
                "meters": GroupTally(
                    planned=100,
                    joined=99,
                    uploads=LedgerCounts(sent=sent, answered=sent, delivered=sent - 2, missing=1, lost=1)
                    if sent
                    else LedgerCounts(),
                ),
                "trackers": GroupTally(planned=10, joined=10),
            },
            counters={
                "requests upload meters": 1000,
                "failed upload meters": 5,
                "requests upload trackers": 9000,
                "failed upload trackers": 0,
                "requests attach meters": 100,
                "failed attach meters": 1,
                "coap.retransmissions": 20,
            },
            histograms={
                "upload meters": encoded(*[0.1] * 99, 3.0),
                "upload trackers": encoded(*[0.2] * 100),
                "upstreamMessage meters": encoded(0.25),
                "schedule error": encoded(0.004),
            },
            troubles={"late": 2},
            gaps=list(gaps),
        )
    )
    return totals.merged()


@pytest.mark.parametrize(
    ("text", "holds", "found"),
    [
        ("upload p49 < 150 ms", True, "100 ms"),
        ("upload p99 < 150 ms", False, "200 ms"),
        ("upload meters p99 <= 150 ms", True, "100 ms"),
        ("upload meters p99.9 < 2 s", False, "3.00 s"),
        ("upload meters max < 2 s", False, "3.00 s"),
        ("upload trackers max<2s", True, "200 ms"),
        ("upload meters mean < 128 ms", False, "129 ms"),
        ("upload min >= 100 ms", True, "100 ms"),
        ("upstreamMessage p99 < 1 s", True, "250 ms"),
        ("schedule error p99 < 5 ms", True, "4.00 ms"),
        ("upload p100 > 1 min", False, "3.00 s"),
        ("poll p99 < 1 s", None, "no poll was timed"),
        ("upload others p99 < 1 s", None, "no upload others was timed"),
        ("lost = 0", False, "1"),
        ("lost meters == 1", True, "1"),
        ("lost trackers = 0", None, "no upload was observed"),
        ("lost != 0", True, "1"),
        ("lost < 1 %", True, "0.1 % (1 of 1 000)"),
        ("delivered >= 99.9 %", False, "99.8 % (998 of 1 000)"),
        ("sent >= 1 000", True, "1 000"),
        ("sent > 1_000", False, "1 000"),
        ("sent trackers ≥ 9000", True, "9 000"),
        ("failed upload < 1 %", True, "0.05 % (5 of 10 000)"),
        ("failed upload meters < 0.1 %", False, "0.5 % (5 of 1 000)"),
        ("failed = 6", True, "6"),
        ("failed poll < 1 %", None, "no poll came to an end"),
        ("failed upload others = 0", None, "no upload others came to an end"),
        ("failed upload meter = 0", None, "no upload meter came to an end"),
        ("requests poll = 0", True, "0"),
        ("requests attach >= 100", True, "100"),
        ("requests > 10000", True, "10 100"),
        ("joined >= 99 %", True, "99.09 % (109 of 110)"),
        ("joined meters = 100 %", False, "99 % (99 of 100)"),
        ("planned = 110", True, "110"),
        ("coap.retransmissions <= 2 %", True, "2 % (20 of 1 000)"),
        ("coap.retransmissions < 20", False, "20"),
        ("coap.retransmission < 20", None, "nobody counts coap.retransmission, but coap.retransmissions"),
        ("drops = 0", None, "nobody counts drops"),
        ("troubles = 0", False, "2"),
        ("gaps = 0", True, "0"),
    ],
)
def test_a_threshold(text: str, holds: bool | None, found: str) -> None:
    groups = (*GROUPS, "others", "meter")
    assert parse(text, groups).holds(merged()) == (holds, found)
    assert parse(text).holds(merged()) == (holds, found)


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        pytest.param("delivered >= 99.9 %", None, id="more may have come than were seen"),
        pytest.param("delivered >= 99 %", True, id="what was seen is enough"),
        pytest.param("missing = 0", None, id="what is missing may have come"),
        pytest.param("lost = 0", False, id="lost is only what should have come while somebody looked"),
        pytest.param("gaps = 0", False, id="and the blindness itself can be asked for"),
    ],
)
def test_where_a_stream_was_blind(text: str, holds: bool | None) -> None:
    assert parse(text).holds(merged("from 1 s to 2 s"))[0] is holds


@pytest.mark.parametrize(
    ("text", "holds", "found"),
    [
        pytest.param("sent >= 10000", True, "10 000", id="what came to an end was sent"),
        pytest.param("lost = 0", None, "no upload was observed", id="nobody knows what was lost"),
    ],
)
def test_where_nobody_keeps_a_ledger(text: str, holds: bool | None, found: str) -> None:
    assert parse(text).holds(merged(sent=0)) == (holds, found)


@pytest.mark.parametrize(
    "text", ["lost = 0", "upload p99 < 1 s", "failed upload < 1 %", "joined >= 99 %", "failed = 0"]
)
def test_nothing_has_happened_yet(text: str) -> None:
    assert parse(text).holds(Merged())[0] is None


@pytest.mark.parametrize(
    ("text", "patient"),
    [("sent >= 5", True), ("sent > 5", True), ("sent = 5", True), ("lost < 1", False), ("lost ≤ 1", False)],
)
def test_time_alone_may_mend_what_is_too_little(text: str, patient: bool) -> None:
    assert parse(text).patient is patient


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is no threshold (write it as: upload p99 < 500 ms"),
        ("<", "is no threshold"),
        ("lost", "is no threshold"),
        ("0 < lost < 5", "is no threshold"),
        ("x" * 300, "is no threshold"),
        ("p99 < 3 s", "p99 of what? (write upload p99)"),
        ("uplod p99 < 3 s", "nothing called 'uplod' takes a time (did you mean 'upload'?)"),
        ("upload metrs p99 < 3 s", "no group 'metrs' (did you mean 'meters'?)"),
        ("upload zebras p99 < 3 s", "no group 'zebras' (known: meters, trackers)"),
        ("meters upload p99 < 3 s", "(the group comes last, as in: upload meters)"),
        ("upload p999 < 3 s", "no 'p999' of durations is known"),
        ("upload median < 3 s", "no 'median' of durations is known"),
        ("upload p99 < 500", "'500' has no unit"),
        ("upload p99 < 500 msec", "unknown unit 'msec'"),
        ("upload p99 < 5 %", "unknown unit '%'"),
        ("upload p99 = 3 s", "no two durations are the same (compare by < or >)"),
        ("upload < 3 s", "(write upload p99, or upload max)"),
        ("lost < 3 s", "nothing called 'lost' takes a time"),
        ("lsot = 0", "nothing called 'lsot' is counted (did you mean 'lost'?)"),
        ("lost = none", "'none' is neither a number nor a share (write 10000, or 1 %)"),
        ("lost metrs = 0", "no group 'metrs'"),
        ("lost < 101 %", "is too much"),
        ("upload > 5", "what of upload? (write failed upload, requests upload, or upload p99)"),
        ("failed uplaod = 0", "no act is called 'uplaod' (did you mean 'upload'?)"),
        ("failed upload metrs = 0", "no group 'metrs'"),
        ("troubles < 1 %", "troubles is no share of anything"),
        ("sent < 1 %", "sent is no share of anything"),
        ("gaps meters = 0", "gaps are those of the whole test, not of meters"),
        ("\x1b[1m = 0", "'�[1m = 0'"),
    ],
)
def test_what_is_no_threshold(text: str, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(text, GROUPS)
    assert says in str(caught.value)
    assert "\x1b" not in str(caught.value).split("'")[1]


def test_groups_need_not_be_known_yet() -> None:
    assert parse("upload zebras p99 < 3 s").text == "upload zebras p99 < 3 s"
    assert parse("  lost \t zebras   = 0 ").text == "lost zebras = 0"


@given(st.text(st.sampled_from(" <>=!%.0123456789pmsxlotfaie\n\x00é"), max_size=40))
def test_any_text_is_a_threshold_or_a_usage_error(text: str) -> None:
    with suppress(UsageError):
        parse(text, GROUPS).holds(merged())


SCENARIO = """\
scenario: Meters report.
devices:
  meters: {count: 3, transport: coap, payload: 24 B}
steps:
  - attach: meters
  - upload: meters
expect:
  - {rate: upload, at_least: 99.9 %}
  - {rate: attach, at_most: 100 %, at_least: 95 %}
  - {latency: upstreamMessage, p50: below 100 ms, p99.9: at_most 2 s, max: below 10 s}
  - {latency: {upstreamMessage: {transport: coap}}, p99: below 2 s}
  - {each: meters, sees: upstreamMessage, times: 1}
  - {never: [clientDisconnected], of: meters}
"""


def test_what_a_scenario_expects_and_load_can_judge(tmp_path: Path) -> None:
    file = tmp_path / "some.yaml"
    file.write_text(SCENARIO)
    scenario = load(file)
    texts = from_scenario(scenario)
    assert texts == (
        "failed upload <= 0.1 %",
        "failed attach <= 5 %",
        "failed attach >= 0 %",
        "upstreamMessage p50 < 100 ms",
        "upstreamMessage p99.9 <= 2 s",
        "upstreamMessage max < 10 s",
    )
    for text in texts:
        parse(text, ("meters",))
    assert [line.split("some.yaml:")[1] for line in left_out(scenario)] == [
        "11:5: the latency of this event is not judged under load",
        "12:5: how many events each device sees is not judged under load",
        "13:5: what must never be seen is not judged under load",
    ]


@pytest.mark.parametrize(
    ("share", "words"),
    [(0.0, "0"), (0.25, "25"), (1 / 3, "33.33"), (0.99996, "99.996"), (0.000_001, "0.0001"), (1.0, "100")],
)
def test_a_share_is_neither_none_nor_all_unless_it_is(share: float, words: str) -> None:
    assert _percent(share) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.0, "0 µs"),
        (0.0009994, "999 µs"),
        (0.0009996, "1.00 ms"),
        (0.00999, "9.99 ms"),
        (0.009996, "10.0 ms"),
        (0.9996, "1.00 s"),
    ],
)
def test_durations_in_words(seconds: float, words: str) -> None:
    assert shown(seconds) == words
