"""Verdicts as text, JSON and JUnit XML."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.assertions.verdicts import Finding, Gap, Judgement, Verdicts
from simulator.errors import Place
from simulator.report import as_json, junit, text
from simulator.report.network import network
from simulator.report.ran import Ran

AT = Place("x.yaml", 11, 5)
HELD = Judgement(
    check="steps[0].expect[0]",
    kind="expectation",
    place=AT,
    words="sees ciotConnect within 10 s",
    verdict="pass",
    cases=50,
)
FAILED = Judgement(
    check="steps[1].expect[0]",
    kind="expectation",
    place=AT,
    words="sees disconnect(reason=network_activity_timeout) within 301 s",
    verdict="fail",
    cases=50,
    concerned=1,
    whom=("trackers.17",),
    headline="trackers.17 sees disconnect(reason=network_activity_timeout) within 301 s",
    details=(
        "      waited 301.0 s from vanish at 60.0 s; nearest: 60.2 s disconnect(reason=network_error)",
        "      1 of 50 trackers; again with: simulator run x.yaml --seed 7 --only trackers.17",
    ),
)
UNREACHED = msgspec.structs.replace(HELD, check="steps[1].expect[1]", verdict="inconclusive", reached=False)
UNKNOWN = msgspec.structs.replace(
    FAILED, check="expect[0]", verdict="inconclusive", headline="nobody knows", details=()
)
INVARIANT = Judgement(check="invariant.upload-once", kind="invariant", place=AT, words="shows once", verdict="pass")


def ran(*judgements: Judgement, verdict: str = "pass", **changes: object) -> Ran:
    """A rehearsal with these judgements."""
    verdicts = Verdicts(verdict=verdict, judgements=judgements, acts=144000, events=144512, until_s=86400.0)  # type: ignore[arg-type]
    about = {
        "promise": "A promise",
        "file": "x.yaml",
        "seed": 7,
        "time": "virtual",
        "target": "embedded",
        "wall_s": 21.34,
    }
    return Ran(**{**about, "verdicts": verdicts, **changes})  # type: ignore[arg-type]


def test_what_passed_takes_three_lines():
    assert text.report(ran(HELD, INVARIANT)) == (
        "PASS  x.yaml  A promise\n"
        "      1 expectation and 1 invariant held\n"
        "      144 000 acts, 144 512 events; 24 h 0 min simulated in 21.3 s, seed 7\n"
    )


def test_what_failed_tells_its_story():
    assert text.report(ran(HELD, FAILED, UNREACHED, INVARIANT, verdict="fail", journal="runs/1/journal.jsonl")) == (
        "FAIL  x.yaml  A promise\n"
        "FAIL  x.yaml:11:5  trackers.17 sees disconnect(reason=network_activity_timeout) within 301 s\n"
        "      waited 301.0 s from vanish at 60.0 s; nearest: 60.2 s disconnect(reason=network_error)\n"
        "      1 of 50 trackers; again with: simulator run x.yaml --seed 7 --only trackers.17\n"
        "      1 of 3 expectations and 1 invariant held\n"
        "      144 000 acts, 144 512 events; 24 h 0 min simulated in 21.3 s, seed 7\n"
        "      journal: runs/1/journal.jsonl\n"
    )


def test_gaps_and_an_early_end_are_told():
    verdicts = Verdicts(
        verdict="inconclusive",
        judgements=(UNKNOWN,),
        gaps=tuple(Gap(from_s=i, to_s=i + 0.5, why="lost") for i in range(5)),
        cut="the run ended early: interrupted",
    )
    lines = text.report(ran(verdicts=verdicts, time="real")).splitlines()
    assert lines[0] == "INTERRUPTED  x.yaml  A promise"
    assert lines[1] == "      the run ended early: interrupted"
    assert lines[2] == "      nothing was decided"
    assert "      the observer may have been blind from 0.000 s to 0.500 s: lost" in lines
    assert "      and 2 more times" in lines


CUT = Verdicts(verdict="inconclusive", judgements=(), cut="the run ended early: cannot connect to 127.0.0.1:1")


@pytest.mark.parametrize(
    ("cut", "word"),
    [
        ("the run ended early: interrupted", "INTERRUPTED"),
        ("terminated", "TERMINATED"),
        ("not run", "NOT RUN"),
        ("the run ended before step 2 (wait) was over", "ENDED EARLY"),
        ("the run ended early: cannot connect to 127.0.0.1:1", "BROKEN"),
        ("\x1b[2J", "BROKEN"),
    ],
)
def test_an_early_end_has_a_line_of_its_own(cut, word):
    verdicts = msgspec.structs.replace(CUT, cut=cut)
    lines = text.report(ran(verdicts=verdicts, journal="j")).splitlines()
    assert lines[:2] == [f"{word}  x.yaml  A promise", f"      {cut}".replace("\x1b", "�")]
    assert "      nothing was decided" in lines
    assert "      journal: j" in lines
    assert text.report(ran(verdicts=verdicts), colour=True).count("\x1b[33m") == 1
    failed = text.report(ran(FAILED, verdicts=msgspec.structs.replace(verdicts, verdict="fail"))).splitlines()
    assert failed[0].startswith("FAIL")
    assert failed[1].startswith(word)


def test_what_was_never_begun_has_decided_nothing():
    outcome = msgspec.structs.replace(HELD, check="steps[0].outcome", kind="outcome", cases=0)
    verdicts = msgspec.structs.replace(CUT, verdict="pass", judgements=(outcome, UNREACHED, INVARIANT))
    cut = ran(verdicts=verdicts)
    assert "      nothing was decided\n" in text.report(cut)
    assert "held" not in text.report(cut)
    suite = ElementTree.fromstring(junit.encode([cut]))
    assert (suite.get("tests"), suite.get("errors"), suite.get("skipped")) == ("4", "1", "3")


def test_what_was_not_judged_to_its_end_has_not_held():
    cut = ran(verdicts=msgspec.structs.replace(CUT, verdict="pass", judgements=(HELD, INVARIANT)))
    assert "      1 expectation held; 1 invariant was not judged to the end\n" in text.report(cut)
    told = json.loads(as_json.encode([cut]))["runs"][0]["verdicts"]["judgements"]
    assert [(each["verdict"], each["reached"]) for each in told] == [("pass", True), ("inconclusive", False)]
    suite = ElementTree.fromstring(junit.encode([cut]))
    assert (suite.get("tests"), suite.get("errors"), suite.get("skipped")) == ("3", "1", "1")
    skipped = suite.find(".//skipped")
    assert skipped is not None
    assert skipped.get("message") == "the run ended early"


@pytest.mark.parametrize(
    ("ends", "counts"),
    [
        (["x", ""], "broken"),
        (["x", "not run"], "broken"),
        (["interrupted", "x"], "interrupted"),
        (["terminated"], "terminated"),
        (["", "not run"], "inconclusive"),
        (["step 2 was over"], "inconclusive"),
    ],
)
def test_the_verdict_of_all_says_what_the_exit_code_says(ends, counts):
    rans = [ran(HELD, verdicts=msgspec.structs.replace(CUT, verdict="pass", cut=end)) for end in ends]
    assert json.loads(as_json.encode(rans))["verdict"] == counts


def test_a_recording_that_ends_early_is_no_run_that_broke():
    recorded = ran(verdicts=CUT, time="recorded")
    assert text.report(recorded).startswith("INCONCLUSIVE")
    assert json.loads(as_json.encode([recorded]))["verdict"] == "inconclusive"


@pytest.mark.parametrize(
    ("verdict", "judgements", "counts"),
    [("inconclusive", (), "broken"), ("pass", (HELD,), "broken"), ("fail", (HELD, FAILED), "fail")],
)
def test_a_run_that_ended_early_is_never_told_as_passed(verdict, judgements, counts):
    cut = ran(verdicts=msgspec.structs.replace(CUT, verdict=verdict, judgements=judgements))
    assert cut.verdict == ("fail" if counts == "fail" else "inconclusive")
    assert text.report(cut).startswith(counts.upper()[:4])
    whole = json.loads(as_json.encode([ran(HELD), cut]))
    assert (whole["verdict"], whole["runs"][1]["verdicts"]["verdict"]) == ("broken", counts)
    assert whole["runs"][0]["verdicts"]["verdict"] == "pass"


def test_junit_shows_a_run_that_ended_early_in_red():
    root = ElementTree.fromstring(junit.encode([ran(HELD), ran(verdicts=CUT, promise="cut")]))
    assert (root.get("tests"), root.get("failures"), root.get("errors"), root.get("skipped")) == ("2", "0", "1", "0")
    fine, cut = root.findall("testsuite")
    assert fine.get("errors") == "0"
    assert fine.find(".//error") is None
    assert (cut.get("tests"), cut.get("errors")) == ("1", "1")
    case = cut.find("testcase")
    assert case is not None
    assert case.get("name") == "cut: the run itself"
    error = case.find("error")
    assert error is not None
    assert error.get("message") == CUT.cut
    assert error.text == f"x.yaml  {CUT.cut}"


def test_nothing_run_is_nothing_passed():
    assert json.loads(as_json.encode([]))["verdict"] == "inconclusive"


def test_the_summary_counts_what_has_no_verdict():
    failed = ran(verdicts=Verdicts(verdict="fail", judgements=(FAILED,), cut="terminated"))
    rans = [ran(HELD), ran(verdicts=CUT), failed, ran(verdicts=msgspec.structs.replace(CUT, verdict="pass"))]
    assert text.summary(rans, 130.0) == (
        "1 passed, 1 failed, 2 without a verdict of 4 in 2 min 10 s, 24 h 0 min simulated\n"
    )
    assert "\x1b[33m2 without a verdict\x1b[0m" in text.summary(rans, 1.0, colour=True)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0.0 s"), (59.94, "59.9 s"), (59.97, "1 min 0 s"), (130, "2 min 10 s"), (87593, "24 h 19 min")],
)
def test_durations(seconds, words):
    assert text.duration(seconds) == words


def test_colour_is_an_option_and_changes_nothing_else():
    plain, coloured = (text.report(ran(FAILED, verdict="fail"), colour=colour) for colour in (False, True))
    assert "\x1b" not in plain
    assert coloured.replace("\x1b[31m", "").replace("\x1b[0m", "") == plain != coloured


def test_nothing_from_outside_steers_the_terminal():
    evil = msgspec.structs.replace(FAILED, headline="\x1b[2J", details=("a\rb\x07",))
    shown = text.report(ran(evil, verdict="fail", promise="\x1b]0;x\x07", notes=("\x9b1m",)))
    assert all(line.isprintable() for line in shown.splitlines())


def test_a_finding_is_shown_as_it_comes():
    finding = Finding(
        check="x",
        kind="expectation",
        verdict="fail",
        place=AT,
        subject="m",
        t_s=1.0,
        headline="m sees",
        details=("      a",),
    )
    assert text.finding(finding) == "FAIL  x.yaml:11:5  m sees\n      a\n"


@pytest.mark.parametrize(
    ("verdicts", "line"),
    [
        (["pass"], "1 passed of 1 in 3.2 s, 24 h 0 min simulated\n"),
        (["pass", "fail", "inconclusive"], "1 passed, 1 failed, 1 inconclusive of 3 in 3.2 s, 72 h 0 min simulated\n"),
        ([], "0 passed of 0 in 3.2 s\n"),
    ],
)
def test_the_summary_counts(verdicts, line):
    assert text.summary([ran(verdict=verdict) for verdict in verdicts], 3.21) == line


def test_json_has_everything():
    whole = json.loads(as_json.encode([ran(HELD, FAILED, verdict="fail"), ran(HELD)]))
    assert (whole["version"], whole["verdict"], len(whole["runs"])) == (1, "fail", 2)
    judgement = whole["runs"][0]["verdicts"]["judgements"][1]
    assert judgement["place"] == {"file": "x.yaml", "line": 11, "column": 5}
    assert judgement["whom"] == ["trackers.17"]


def test_junit_counts_and_names_what_failed():
    root = ElementTree.fromstring(junit.encode([ran(HELD, FAILED, UNREACHED, UNKNOWN, INVARIANT, verdict="fail")]))
    assert (root.get("tests"), root.get("failures"), root.get("errors"), root.get("skipped")) == ("5", "1", "1", "1")
    cases = root.findall("./testsuite/testcase")
    assert [[child.tag for child in case] for case in cases] == [
        [],
        ["properties", "failure"],
        ["skipped"],
        ["properties", "error"],
        [],
    ]
    assert len({case.get("name") for case in cases}) == 5
    failure = root.find(".//failure")
    assert failure is not None
    assert failure.text is not None
    assert failure.text.splitlines()[2].endswith("--only trackers.17")
    assert root.find("./testsuite/properties/property[@name='seed']").get("value") == "7"  # type: ignore[union-attr]


@given(st.text())
def test_junit_is_well_formed_whatever_the_words(words):
    evil = msgspec.structs.replace(FAILED, headline=words, details=(words,), words=words)
    document = junit.encode([ran(evil, verdict="fail", promise=words, file=words, notes=(words,), journal=words)])
    assert ElementTree.fromstring(document).find(".//failure") is not None


@given(st.text(st.characters(codec="utf-8")))
def test_json_is_well_formed_whatever_the_words(words):
    evil = msgspec.structs.replace(FAILED, headline=words, details=(words,))
    assert json.loads(as_json.encode([ran(evil, promise=words)]))["runs"][0]["promise"] == words


def test_one_act_and_one_event_are_no_plurals():
    one = ran(HELD)
    one = msgspec.structs.replace(one, verdicts=msgspec.structs.replace(one.verdicts, acts=1, events=1))
    assert "      1 act, 1 event; " in text.report(one)


def test_what_an_early_end_left_open_is_counted_and_not_told_one_by_one():
    open_ones = tuple(msgspec.structs.replace(FAILED, verdict="inconclusive", headline=f"open {n}") for n in range(9))
    verdicts = Verdicts(verdict="fail", judgements=(FAILED, *open_ones), cut="the run ended early: interrupted")
    said = text.report(ran(verdicts=verdicts))
    assert FAILED.headline in said
    assert "open 3" not in said
    assert "0 of 10" in said


SKIPPED = ran(
    promise="needs faults",
    skipped="http://x lacks 'faults'",
    verdicts=Verdicts(verdict="inconclusive", judgements=(), cut="skipped: it lacks faults"),
)


def test_what_was_skipped_says_why_and_counts_for_nothing():
    assert text.report(SKIPPED) == "SKIP  x.yaml  needs faults\n      http://x lacks 'faults'\n"
    assert text.summary([ran(HELD), SKIPPED], 3.21) == "1 passed, 1 skipped of 2 in 3.2 s, 24 h 0 min simulated\n"
    whole = json.loads(as_json.encode([ran(HELD), SKIPPED]))
    assert (whole["verdict"], whole["runs"][1]["skipped"]) == ("pass", "http://x lacks 'faults'")
    assert json.loads(as_json.encode([SKIPPED]))["verdict"] == "inconclusive"


def test_junit_skips_what_was_skipped():
    root = ElementTree.fromstring(junit.encode([ran(HELD), SKIPPED]))
    assert [root.get(key) for key in ("tests", "failures", "errors", "skipped")] == ["2", "0", "0", "1"]
    case = root.findall("testsuite")[1].find("testcase")
    assert case is not None
    assert (case.get("name"), case[0].tag) == ("needs faults", "skipped")
    assert case[0].get("message") == "http://x lacks 'faults'"


WHOLE = msgspec.structs.replace(
    FAILED,
    details=(
        "      waited 301.0 s from vanish at 60.0 s; nearest: 60.2 s disconnect(reason=network_error)",
        "      the device itself: link lost at 60.0 s (vanish)",
        "      absence proves nothing: blind from 61.0 s to 62.0 s: connection lost",
        "      1 of 50 trackers; again with: simulator run x.yaml --seed 7 --only trackers.17",
    ),
)


def test_the_whole_story_is_in_every_form():
    gap = Gap(from_s=61.0, to_s=62.0, why="connection lost")
    verdicts = Verdicts(verdict="fail", judgements=(WHOLE,), gaps=(gap,), until_s=400.0)
    one = ran(verdicts=verdicts)
    root = ElementTree.fromstring(junit.encode([one]))
    case = root.find("./testsuite/testcase")
    assert case is not None
    assert (case.get("name"), case.get("file"), case.get("line")) == (
        f"A promise: steps[1].expect[0] {FAILED.words}", "x.yaml", "11"
    )  # fmt: skip
    facts = {each.get("name"): each.get("value") for each in case.findall("./properties/property")}
    assert facts == {
        "check": "steps[1].expect[0]",
        "kind": "expectation",
        "verdict": "fail",
        "place": "x.yaml:11:5",
        "words": FAILED.words,
        "whom": "trackers.17",
        "concerned": "1 of 50",
    }
    failure = case.find("failure")
    assert failure is not None
    assert failure.get("message") == FAILED.headline
    assert (failure.text or "").splitlines() == [f"x.yaml:11:5  {FAILED.headline}", *WHOLE.details]
    assert root.findtext("./testsuite/system-out") == (
        "the observer may have been blind from 61.000 s to 62.000 s: connection lost"
    )
    shown = json.loads(as_json.encode([one]))["runs"][0]["verdicts"]
    assert shown["gaps"] == [{"from_s": 61.0, "to_s": 62.0, "why": "connection lost"}]
    assert shown["judgements"][0]["told"] == {
        "rest": ["waited 301.0 s from vanish at 60.0 s", "1 of 50 trackers"],
        "nearest": "60.2 s disconnect(reason=network_error)",
        "device": "link lost at 60.0 s (vanish)",
        "gap": "blind from 61.0 s to 62.0 s: connection lost",
        "again": "simulator run x.yaml --seed 7 --only trackers.17",
    }
    assert "told" not in json.loads(as_json.encode([ran(HELD)]))["runs"][0]["verdicts"]["judgements"][0]


def test_lines_of_a_run_that_goes_on_are_one_object_each():
    finding = Finding(
        check="x",
        kind="expectation",
        verdict="fail",
        place=AT,
        subject="m",
        t_s=1.0,
        headline="m\nsees",
        details=("a\n",),
    )
    lines = [as_json.step_line(3, "upload m", 1.5), as_json.finding_line(finding), as_json.end_line(ran(FAILED))]
    assert all(line.endswith(b"\n") and line.count(b"\n") == 1 for line in lines)
    step, told, end = map(json.loads, lines)
    assert (step["kind"], step["step"], step["t_s"]) == ("step", 3, 1.5)
    assert (told["kind"], told["finding"]["subject"]) == ("finding", "m")
    assert (end["kind"], end["run"]) == ("verdicts", json.loads(as_json.encode([ran(FAILED)]))["runs"][0])


def test_what_was_only_recorded_tells_of_no_seed():
    said = text.report(ran(HELD, time=text.RECORDED))
    assert "24 h 0 min judged in 21.3 s\n" in said
    assert "seed" not in said


COUNTED = {
    "accepted": 12, "accounting.start": 12, "rejected": 3, "rejected.Device does not exist": 1,
    "rejected.IMEI mismatch": 2, "sessions": 12, "takeovers": 1,
}  # fmt: skip
LINE = "12 accepted, 3 rejected (IMEI mismatch 2, Device does not exist 1), 1 takeover"


def counted(**changes: object) -> Ran:
    """A rehearsal in which the mobile network did more than to let devices in."""
    one = ran(HELD, **changes)
    return msgspec.structs.replace(one, verdicts=msgspec.structs.replace(one.verdicts, statistics=COUNTED))


def test_the_network_has_a_line_in_every_form():
    assert f"      network: {LINE}\n" in text.report(counted())
    (told,) = json.loads(as_json.encode([counted()]))["runs"]
    assert told["network"] == LINE
    assert told["verdicts"]["statistics"] == COUNTED
    suite = ElementTree.fromstring(junit.encode([counted()])).find("testsuite")
    assert suite is not None
    assert suite.findtext("system-out") == f"network: {LINE}"
    assert {p.get("name"): p.get("value") for p in suite.iterfind("properties/property")}["network"] == LINE


@pytest.mark.parametrize(
    ("statistics", "line"),
    [
        pytest.param({}, "", id="not known"),
        pytest.param({"accepted": 2, "sessions": 2, "accounting.start": 2, "stops.User-Request": 1}, "", id="logins"),
        pytest.param({"rejected": 1}, "0 accepted, 1 rejected", id="refused for no reason"),
        pytest.param({"accepted": 1, "takeovers": 2}, "1 accepted, 2 takeovers", id="plural"),
        pytest.param({"handshakes": 2, "handshakes.resumed": 1, "sessions.inet": 1}, "", id="handshakes"),
        pytest.param({"handshakes.refused": 1}, "0 handshakes, 1 handshake refused", id="a certificate"),
        pytest.param(
            {"accepted": 3, "handshakes": 1, "handshakes.failed": 2}, "3 accepted, 1 handshake, 2 handshakes failed",
            id="both networks",
        ),
        pytest.param(
            {"discarded": 2, "discarded.wrong authenticator": 2, "duplicates": 1},
            "0 accepted, 2 packets discarded (wrong authenticator 2), 1 duplicate", id="what was wrong",
        ),
        pytest.param(
            {"rejected": 9, **{f"rejected.{k}": 1 for k in range(9)}},
            "0 accepted, 9 rejected (0 1, 1 1, 2 1, 3 1, 4 1, 5 1, 3 more kinds)", id="many reasons",
        ),
    ],
)  # fmt: skip
def test_the_line_tells_of_what_is_no_login(statistics, line):
    assert network(Verdicts(verdict="pass", judgements=(), statistics=statistics)) == line


def test_what_only_let_devices_in_has_no_line():
    plain = ran(HELD)
    assert "network" not in text.report(plain)
    assert "network" not in json.loads(as_json.encode([plain]))["runs"][0]
    assert b"network" not in junit.encode([plain])


def test_a_reason_from_outside_steers_no_terminal_and_breaks_no_document():
    one = ran(HELD)
    evil = {"rejected": 1, "rejected.\x1b[2J\x00": 1}
    one = msgspec.structs.replace(one, verdicts=msgspec.structs.replace(one.verdicts, statistics=evil))
    assert "\x1b" not in text.report(one)
    ElementTree.fromstring(junit.encode([one]))


def test_a_case_is_told_wherever_the_promise_is():
    one = counted(promise="A promise [moved]", case="moved")
    assert text.report(one).startswith("PASS  x.yaml  A promise [moved]\n")
    assert json.loads(as_json.encode([one]))["runs"][0]["case"] == "moved"
    suite = ElementTree.fromstring(junit.encode([one])).find("testsuite")
    assert suite is not None
    assert suite.get("name") == "A promise [moved]"
    assert {p.get("name"): p.get("value") for p in suite.iterfind("properties/property")}["case"] == "moved"
    (case,) = suite.iterfind("testcase")
    assert (case.get("name") or "").startswith("A promise [moved]: ")
