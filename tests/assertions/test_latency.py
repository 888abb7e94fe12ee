"""Latency: which act an event comes from, when messages overlap, are lost or come twice."""

from __future__ import annotations

import pytest

from simulator.assertions.latency import OPEN_KEPT, Latency

TEXT = """
scenario: meters report
devices: {m: {transport: TRANSPORT, link: LINK}}
steps:
  - {upload: m, payload: 24 B, times: 4, every: 1 min, outcome: any}
expect:
  - {latency: EVENT, BOUND}
"""
ONCE = "expect[0]"
UP = "m upstreamMessage transport="


def scenario(bound: str, transport: str = "udp", link: str = "perfect", event: str = "upstreamMessage") -> str:
    """With that bound."""
    text = TEXT.replace("TRANSPORT", transport).replace("LINK", link).replace("EVENT", event)
    return text.replace("BOUND", bound)


def sent(*events: float | str, acts: int = 4, transport: str = "udp", outcome: str = "ok") -> list[str]:
    """An upload each minute, and upstream messages at these times."""
    lines = ["0 step 0"]
    for n in range(acts):
        lines += [f"{60 * n} > m upload 24 #{n}", f"{60 * n} < m upload {outcome} #{n}"]
    lines += [f"{at} {UP}{transport}" if isinstance(at, (int, float)) else at for at in events]
    return sorted([*lines, f"{60 * acts + 100} acted 0"], key=lambda line: float(line.split()[0]))


@pytest.mark.parametrize(
    ("bound", "events", "verdict"),
    [
        pytest.param("p90: below 40 s", (90, 150, 210, 270), "fail", id="all overlap and none is lost"),
        pytest.param("max: below 91 s", (90, 150, 210, 270), "pass", id="the same, and slow enough for that"),
        pytest.param("p90: above 40 s", (90, 150, 210, 270), "pass", id="the same, bounded from below"),
        pytest.param("max: below 10 s", (1, 61, 121, 181), "pass", id="no overlap"),
        pytest.param("max: below 40 s", (90, 210), "inconclusive", id="overlap and loss"),
        pytest.param("max: above 40 s", (90, 210), "inconclusive", id="overlap and loss, from below"),
        pytest.param("max: below 20 s", (90, 210), "fail", id="too slow whichever way"),
        pytest.param("max: below 5 min", (90, 210), "pass", id="fast enough whichever way"),
        pytest.param("p50: above 20 s", (90, 210), "pass", id="slow enough whichever way"),
        pytest.param("max: below 10 s", (1, 121, 181), "inconclusive", id="a loss moves all that follow"),
        pytest.param("max: below 10 s", (1, 61, 121), "pass", id="the last is lost"),
    ],
)
def test_events_that_may_be_of_several_acts(judged, bound, events, verdict):
    assert judged(scenario(bound), sent(*events)).of(ONCE).verdict == verdict


def test_what_is_left_open_tells_both_figures_and_why(judged):
    text = judged(scenario("max: below 40 s"), sent(1, 121, 181)).text(ONCE)
    assert "max is 1.0 s if each event comes from the newest act, 61.0 s if from the oldest without one (of 3)" in text
    assert "lost messages leave it open which act caused which event: 1 act has none" in text


def test_the_slowest_of_an_exact_pairing_is_told(judged):
    text = judged(scenario("p90: below 40 s"), sent(90, 150, 210, 275)).text(ONCE)
    assert "p90 is 95.0 s (of 4); the slowest took 95.0 s: m, from 180.0 s" in text


def test_an_upload_that_failed_gives_way_to_the_next(judged):
    text = scenario("max: below 10 s", "coap")
    lines = sent(1, 181, transport="coap", outcome="timeout")
    assert judged(text, lines).of(ONCE).verdict == "pass"
    late = [line.replace("60 <", "119 <") for line in sent(119.5, 121, transport="coap", outcome="timeout")]
    assert judged(text, sorted(late, key=lambda x: float(x.split()[0]))).of(ONCE).verdict == "fail"


def test_what_was_not_asked_for_takes_its_own_act(judged):
    text = scenario("max: below 10 s", event='{upstreamMessage: {bytes: "4"}}')
    events = [f"{60 * n + 30} {UP}udp bytes=24" for n in range(3)] + [f"181 {UP}udp bytes=4"]
    assert judged(text, sent(*events)).of(ONCE).verdict == "pass"


def test_uploads_that_are_no_messages_cause_none(judged):
    text = scenario("max: below 10 s", "coap").replace("24 B,", "24 B, path: u,")
    text = text.replace("expect:", "  - {upload: m, payload: 24 B}\nexpect:")
    lines = [*sent(transport="coap"), "400 step 1", "400 > m upload 24", f"401 {UP}coap", "402 < m upload ok"]
    lines += ["402 acted 1"]
    assert judged(text, lines).of(ONCE).verdict == "pass"


def test_copies_leave_it_open_only_where_messages_overlap(judged):
    text = scenario("p50: below 40 s", link="wifi")
    assert judged(text, sent(1, 1.5, 61, 121, 181)).of(ONCE).verdict == "pass"
    assert judged(text, sent(90, 91, 150, 210, 270)).of(ONCE).verdict == "inconclusive"
    assert judged(text.replace("below 40", "below 10"), sent(90, 91, 150, 210, 270)).of(ONCE).verdict == "fail"


def test_other_events_come_from_the_latest_act_that_is_not_over(judged):
    """Not every upload shows clientConnected, so those before have not lost theirs."""
    text = scenario("max: below 10 s", "coap", event="clientConnected")
    lines = [*sent("181 m clientConnected", transport="coap")]
    assert judged(text, lines).of(ONCE).verdict == "pass"


def test_events_that_a_gap_hides_may_have_been_slow(judged):
    text = scenario("max: below 10 s")
    assert judged(text, sent(1, 61, 121)).of(ONCE).verdict == "pass"
    assert judged(text, [*sent(1, 61, 121), "400 gap 150 290 dropped"]).of(ONCE).verdict == "inconclusive"
    assert judged(text, [*sent(1, 61, 121, 181), "400 gap 150 290 dropped"]).of(ONCE).verdict == "pass"


def test_acts_without_event_do_not_fill_the_memory_and_open_the_bound(judged):
    count = 3 * OPEN_KEPT
    found = judged(scenario("max: below 5 s"), sent(60 * count - 58, acts=count))
    machine = next(machine for machine in found.judge._always if isinstance(machine, Latency))
    assert len(machine._actors["m"].open) <= OPEN_KEPT
    assert found.of(ONCE).verdict == "inconclusive"
    assert "nothing bounds it from above" in found.text(ONCE)
    assert judged(scenario("max: below 1 s"), sent(60 * count - 58, acts=count)).of(ONCE).verdict == "fail"
