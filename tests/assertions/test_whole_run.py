"""Expectations over the whole run, and windows in which nothing may be seen."""

from __future__ import annotations

import pytest

HEAD = """
scenario: meters report
devices: {m: {count: 3}, other: {}}
steps:
  - {upload: m, payload: 24 B, times: 2, every: 1 min, outcome: any}
expect:
"""
ONCE = "expect[0]"


def report(*counts: int, start: float = 1.0) -> list[str]:
    """`counts` uploads that are shown, of each member; all members upload twice."""
    lines = []
    for index, count in enumerate(counts):
        for n in range(2):
            t = start + 60 * n + index * 0.1
            lines.append(f"{t} > m.{index} upload 24 #{n}")
            if n < count:
                lines.append(f"{t + 0.02} m.{index} upstreamMessage")
            lines.append(f"{t + 0.04} < m.{index} upload {'ok' if n < count else 'timeout'} #{n}")
    return ["0 step 0", *sorted(lines, key=lambda line: float(line.split()[0])), "99 acted 0", "99 end done"]


@pytest.mark.parametrize(
    ("expectation", "counts", "verdict"),
    [
        ("{each: m, sees: upstreamMessage, times: 2}", (2, 2, 2), "pass"),
        ("{each: m, sees: upstreamMessage, times: 2}", (2, 1, 2), "fail"),
        ("{each: m, sees: upstreamMessage, times: 1}", (1, 2, 1), "fail"),
        ("{each: m, sees: upstreamMessage, times: 0}", (0, 0, 0), "pass"),
        ("{each: m, sees: upstreamMessage}", (1, 1, 1), "pass"),
        ("{each: m, sees: upstreamMessage}", (1, 0, 1), "fail"),
        ("{each: m, sees: upstreamMessage, at_least: 2}", (2, 2, 2), "pass"),
        ("{each: m, sees: upstreamMessage, at_most: 1}", (1, 1, 0), "pass"),
        ("{each: m, sees: upstreamMessage, at_most: 1}", (1, 2, 0), "fail"),
        ("{each: m, sees: {upstreamMessage: {bytes: below 25}}, times: 2}", (2, 2, 2), "pass"),
        ("{each: m, sees: {upstreamMessage: {bytes: above 24}}, times: 2}", (2, 2, 2), "fail"),
        ("{each: m.1, sees: upstreamMessage, times: 2}", (0, 2, 0), "pass"),
        ("{each: m.0-1, sees: upstreamMessage, times: 2}", (2, 2, 0), "pass"),
        ("{some: m, sees: upstreamMessage, times: 2}", (0, 2, 0), "pass"),
        ("{some: m, sees: upstreamMessage, times: 2}", (1, 1, 1), "fail"),
        ("{some: m, sees: upstreamMessage}", (0, 0, 1), "pass"),
        ("{some: m, sees: upstreamMessage}", (0, 0, 0), "fail"),
        ("{none: m, sees: upstreamMessage}", (0, 0, 0), "pass"),
        ("{none: m, sees: upstreamMessage}", (0, 1, 0), "fail"),
        ("{none: m, sees: upstreamMessage, at_least: 2}", (1, 1, 1), "pass"),
        ("{none: m, sees: upstreamMessage, at_least: 2}", (1, 2, 1), "fail"),
        ("{none: m, sees: upstreamMessage, times: 1}", (2, 0, 2), "pass"),
        ("{none: m, sees: upstreamMessage, times: 1}", (2, 1, 2), "fail"),
        ("{never: [upstreamMessage]}", (0, 0, 0), "pass"),
        ("{never: [upstreamMessage]}", (0, 0, 1), "fail"),
        ("{never: [upstreamMessage], of: other}", (2, 2, 2), "pass"),
        ("{never: [{upstreamMessage: {transport: udp}}]}", (2, 2, 2), "pass"),
        ("{never: [{upstreamMessage: {transport: {one_of: [udp, coap]}}}]}", (2, 2, 2), "fail"),
        ("{never: [{upstreamMessage: {transport: {not: coap}}}]}", (2, 2, 2), "pass"),
        ("{never: [{upstreamMessage: {transport: {matches: ^co}}}]}", (2, 2, 2), "fail"),
        ("{rate: upload, at_least: 100 %}", (2, 2, 2), "pass"),
        ("{rate: upload, at_least: 99 %}", (2, 2, 1), "fail"),
        ("{rate: upload, at_least: 50 %}", (1, 1, 1), "pass"),
        ("{rate: upload, at_most: 50 %}", (1, 1, 1), "pass"),
        ("{rate: upload, at_most: 49 %}", (1, 1, 1), "fail"),
        ("{latency: upstreamMessage, p99: below 100 ms}", (2, 2, 2), "pass"),
        ("{latency: upstreamMessage, p50: below 10 ms}", (2, 2, 2), "fail"),
        ("{latency: upstreamMessage, max: below 10 ms}", (2, 2, 2), "fail"),
        ("{latency: upstreamMessage, p50: above 10 ms}", (2, 2, 2), "pass"),
        ("{latency: upstreamMessage, p50: below 1 s}", (0, 0, 0), "fail"),
    ],
)
def test_expectations_over_the_whole_run(judged, expectation, counts, verdict):
    found = judged(f"{HEAD}  - {expectation}\n", report(*counts))
    assert found.of(ONCE).verdict == verdict
    assert found.failed == ({ONCE} if verdict == "fail" else set())
    assert found.verdicts.verdict == verdict


@pytest.mark.parametrize(("share", "good", "total"), [("99.9 %", 999, 1000), ("33.3 %", 333, 1000), ("7 %", 7, 100)])
def test_a_rate_that_is_met_exactly_is_met(judged, share, good, total):
    text = HEAD.replace("times: 2, every: 1 min", f"times: {total}, every: 1 s").replace("upload: m", "upload: m.0")
    lines = ["0 step 0"]
    for n in range(total):
        lines += [f"{n} > m.0 upload 24 #{n}", f"{n} < m.0 upload {'ok' if n < good else 'timeout'} #{n}"]
        lines += [f"{n} m.0 upstreamMessage"] if n < good else []
    lines += [f"{total} acted 0"]
    for bound, verdict in (("at_least", "pass"), ("at_most", "pass")):
        assert judged(f"{HEAD_OF(text)}  - {{rate: upload, {bound}: {share}}}\n", lines).of(ONCE).verdict == verdict


def HEAD_OF(text: str) -> str:
    """The scenario up to its expectations."""
    return text[: text.index("expect:")] + "expect:\n"


def test_a_rate_can_be_of_a_named_step(judged):
    text = """
scenario: named
devices: {m: {}}
steps:
  - {upload: m, payload: 24 B, outcome: any}
  - {upload: m, payload: 24 B, as: second}
expect: [{rate: second, at_least: 100 %}]
"""
    lines = ["0 step 0", "0 > m upload 24", "0 < m upload timeout", "0 acted 0", "0 step 1", "0 > m upload 24"]
    assert judged(text, [*lines, "0 < m upload ok", "0 m upstreamMessage", "0 acted 1"]).of(ONCE).verdict == "pass"
    assert judged(text, [*lines, "0 < m upload timeout", "0 acted 1"]).of(ONCE).verdict == "fail"


def test_latency_counts_from_the_latest_act_that_has_no_event_yet(judged):
    text = HEAD + "  - {latency: upstreamMessage, max: below 150 ms, p50: at_least 100 ms}\n"
    lines = ["0 step 0", "0 > m.0 upload 24", "9 < m.0 upload timeout", "60 > m.0 upload 24 #1"]
    lines += ["60.1 m.0 upstreamMessage", "60.2 < m.0 upload ok #1", "99 acted 0"]
    assert judged(text, lines).of(ONCE).verdict == "pass"
    assert "the slowest took 0.25 s: m.0, from 60.0 s" in judged(
        text, [line.replace("60.1", "60.25").replace("60.2 ", "60.3 ") for line in lines]
    ).text(ONCE)


def test_what_happened_during_provisioning_is_not_judged(judged):
    text = HEAD + "  - {never: [deviceCreated]}\n"
    assert judged(text, ["0 m.0 deviceCreated judged=no", *report(2, 2, 2)]).failed == set()
    assert ONCE in judged(text, ["0 m.0 deviceCreated", *report(2, 2, 2)]).failed


NEVER = """
scenario: refused
devices: {m: {}, other: {}}
steps:
  - {attach: m, outcome: rejected, within: 5 s, never: [ciotConnect, {upstreamMessage: {transport: coap}}]}
"""
FORBIDDEN = "steps[0].never[0]"


@pytest.mark.parametrize(
    ("event", "failed"),
    [
        pytest.param("1 m ciotConnect", True, id="before the act"),
        pytest.param("2.5 m ciotConnect", True, id="during the act"),
        pytest.param("7.999 m ciotConnect", True, id="at the end of the window"),
        pytest.param("8 m ciotConnect", False, id="after the window"),
        pytest.param("2.5 other ciotConnect", False, id="somebody else"),
        pytest.param("2.5 m clientConnected", False, id="something else"),
    ],
)
def test_what_a_step_forbids_must_not_be_seen_in_its_window(judged, event, failed):
    lines = ["0.5 step 0", "2 > m attach", event, "3 < m attach rejected", "3 acted 0"]
    found = judged(NEVER, sorted(lines, key=lambda line: float(line.split()[0])))
    assert (FORBIDDEN in found.failed) is failed


def test_a_step_that_forbids_something_stays_open_to_the_end_of_its_window(judged):
    lines = ["0 step 0", "2 > m attach", "3 < m attach rejected", "3 acted 0"]
    assert judged(NEVER, lines).undecided == {0}
    assert judged(NEVER, [*lines, "8.5 end done"]).undecided == set()


def test_a_wait_forbids_it_to_everybody(judged):
    text = NEVER.replace("attach: m, outcome: rejected, within: 5 s", "wait: 5 s")
    assert FORBIDDEN in judged(text, ["0 step 0", "2 other ciotConnect", "5 acted 0"]).failed


@pytest.mark.parametrize(
    ("outcome", "verdict"), [("ok", "pass"), ("!timeout", "fail"), ("timeout", "pass"), ("cancelled", "inconclusive")]
)
def test_an_act_that_does_not_come_to_what_its_step_asks_for_fails_the_run(judged, outcome, verdict):
    text = "scenario: x\ndevices: {m: {}}\nsteps: [{upload: m, payload: 24 B}]\n"
    shown = ["0.5 m upstreamMessage"] if outcome == "ok" else []
    found = judged(text, ["0 step 0", "0 > m upload 24", *shown, f"1 < m upload {outcome} no answer", "1 acted 0"])
    assert found.of("steps[0].outcome").verdict == verdict
    if verdict == "fail":
        assert found.of("steps[0].outcome").headline == "m upload comes to ok"
        assert "the device itself: timeout, no answer at 1.0 s (upload)" in found.text("steps[0].outcome")


def test_an_act_that_was_never_done_leaves_its_step_open(judged):
    text = "scenario: x\ndevices: {m: {count: 3}}\nsteps: [{upload: m, payload: 24 B}]\n"
    lines = ["0 step 0", "0 > m.0 upload 24", "0 m.0 upstreamMessage", "1 < m.0 upload ok", "1 acted 0"]
    found = judged(text, lines)
    assert found.open == {"steps[0].outcome"}
    assert "1 of 3 acts were done" in found.text("steps[0].outcome")


@pytest.mark.parametrize(
    ("expectation", "words"),
    [
        ("{none: m, sees: upstreamMessage}", "never sees upstreamMessage"),
        ("{none: m, sees: upstreamMessage, at_least: 2}", "sees upstreamMessage at most once"),
        ("{none: m, sees: upstreamMessage, at_least: 4}", "sees upstreamMessage at most 3 times"),
        ("{none: m, sees: upstreamMessage, times: 0}", "sees upstreamMessage at least once"),
        ("{none: m, sees: upstreamMessage, at_most: 2}", "sees upstreamMessage at least 3 times"),
        ("{none: m, sees: upstreamMessage, times: 2}", "does not see upstreamMessage exactly twice"),
        ("{each: m, sees: upstreamMessage, times: 0}", "never sees upstreamMessage"),
        ("{each: m, sees: upstreamMessage, at_most: 2}", "sees upstreamMessage at most twice"),
        ("{some: m, sees: upstreamMessage, times: 0}", "some of m never sees upstreamMessage"),
    ],
)
def test_counts_are_worded_as_what_each_one_does(judged, expectation, words):
    assert judged(f"{HEAD}  - {expectation}\n", report(1, 1, 1)).of(ONCE).words == words


def test_an_act_that_ends_at_the_very_moment_is_not_called_unfinished(judged):
    text = "scenario: x\ndevices: {m: {}}\nsteps: [{upload: m, payload: 24 B, outcome: any}]\n"
    text += "expect: [{never: [upstreamMessage]}]\n"
    lines = ["0 step 0", "1 > m upload 24", "2 m upstreamMessage", "2 < m upload ok 2.04", "2 acted 0"]
    assert "the device itself: ok, 2.04 at 2.0 s (upload)" in judged(text, lines).text(ONCE)
    later = [line.replace("2 < m", "3 < m").replace("2 acted", "3 acted") for line in lines]
    assert "the device itself: upload since 1.0 s, not over yet" in judged(text, later).text(ONCE)


def test_numbers_and_nouns_agree(judged):
    text = "scenario: x\ndevices: {m: {count: 2}}\nsteps: [{upload: m, payload: 24 B, outcome: any}]\n"
    lines = ["0 step 0", "1 m.0 upstreamMessage"]
    one = judged(text, lines, settle=False).text("invariant.upload-once").splitlines()[-1]
    assert one == "      again with: simulator run x.yaml --seed 7 --only m.0"
    twice = judged(text, [*lines, "2 m.0 upstreamMessage"]).text("invariant.upload-once").splitlines()[-1]
    assert twice.startswith("      twice; again with:")
    two = judged(text, [*lines, "2 m.1 upstreamMessage"]).text("invariant.upload-once").splitlines()[-1]
    assert two.startswith("      2 subjects (m.0, m.1); again with:")
