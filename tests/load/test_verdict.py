"""What is wrong without being asked, what was expected, and what nobody could see."""

from __future__ import annotations

from typing import Any

import pytest

from simulator.errors import ExitCode
from simulator.load.expect import parse
from simulator.load.tally import GroupTally, LedgerCounts, Tally
from simulator.load.totals import Merged, Totals
from simulator.load.verdict import Facts, judge

FINE = {"sent": 10, "answered": 10, "delivered": 10}


def tally(worker: str = "a", *, ended: int = 10, failed: int = 0, **more: Any) -> Tally:
    uploads = LedgerCounts(**{**FINE, **more.pop("uploads", {})})
    group = GroupTally(planned=more.pop("planned", 5), joined=more.pop("joined", 5), uploads=uploads)
    counters = {"requests upload meters": ended, "failed upload meters": failed}
    return Tally(**{"worker": worker, "final": True, "groups": {"meters": group}, "counters": counters, **more})


def merged(*tallies: Tally, died: str = "") -> Merged:
    totals = Totals()
    for each in tallies:
        totals.take(each)
    if died:
        totals.died(died)
    return totals.merged()


NOTHING = {"sent": 0, "answered": 0, "delivered": 0}


@pytest.mark.parametrize(
    ("of", "facts", "word", "finding"),
    [
        pytest.param(merged(tally()), {}, "pass", "", id="all is well"),
        pytest.param(
            merged(tally(uploads={"missing": 3, "unanswered": 3, "refused": 2})), {}, "pass", "", id="nobody's"
        ),
        pytest.param(
            merged(tally(uploads={"lost": 1})), {}, "fail", "1 upload taken by the platform, and no event", id="lost"
        ),
        pytest.param(merged(tally(uploads={"duplicated": 2})), {}, "fail", "2 events came without", id="duplicated"),
        pytest.param(merged(tally(uploads={"disordered": 1})), {}, "fail", "(disordered)", id="disordered"),
        pytest.param(merged(tally(uploads={"resized": 1})), {}, "fail", "(resized)", id="resized"),
        pytest.param(merged(tally(troubles={"odd event": 4})), {}, "fail", "odd event (4×)", id="trouble"),
        pytest.param(
            merged(tally(gaps=["from 1 s"])), {}, "inconclusive", "may have been missed: from 1 s", id="a gap"
        ),
        pytest.param(
            merged(tally(uploads={"lost": 1}, gaps=["from 1 s"])), {}, "fail", "(lost)", id="lost in sight, and a gap"
        ),
        pytest.param(merged(tally()), {"failed": ("too many errors",)}, "fail", "too many errors", id="stopped"),
        pytest.param(merged(tally()), {"blind": ("broken off",)}, "inconclusive", "broken off", id="broken off"),
        pytest.param(
            merged(tally()), {"invalid": ("busy",)}, "invalid", "the generator was the limit: busy", id="busy"
        ),
        pytest.param(
            merged(tally(uploads={"lost": 1}, gaps=["from 1 s"])),
            {"invalid": ("busy",)},
            "invalid",
            "(lost)",
            id="invalid goes before all, and all is told",
        ),
        pytest.param(
            merged(tally(), tally("b", final=False, uploads={"open": 3}), died="b"),
            {},
            "inconclusive",
            "worker 0 died: 3 uploads open",
            id="a worker died with open uploads",
        ),
        pytest.param(
            merged(tally(), tally("b", final=False), died="b"),
            {},
            "inconclusive",
            "worker 0 died: 0 uploads open",
            id="what it sent in its last second nobody knows",
        ),
        pytest.param(merged(tally(), tally("b"), died="b"), {}, "pass", "", id="a worker went after its last word"),
        pytest.param(
            merged(tally(), tally("b", final=False, uploads=NOTHING), died="b"), {}, "pass", "", id="died, sent nothing"
        ),
        pytest.param(
            merged(tally(), tally("b", final=False, uploads={"open": 3})),
            {},
            "inconclusive",
            "worker 0 was not waited for: 3 uploads open",
            id="a worker never said its last word",
        ),
        pytest.param(
            merged(tally("b", final=False, uploads={"open": 3})), {"over": False}, "pass", "", id="it is not over yet"
        ),
        pytest.param(merged(tally(ended=0, uploads=NOTHING)), {}, "fail", "no upload was sent", id="nothing was sent"),
        pytest.param(
            merged(tally(ended=0, uploads=NOTHING, counters={})), {}, "fail", "nothing was done", id="nothing was done"
        ),
        pytest.param(merged(tally(counters={})), {}, "pass", "", id="sent and seen is something"),
        pytest.param(merged(), {}, "fail", "nothing was done", id="nobody told anything"),
        pytest.param(merged(), {"over": False}, "pass", "", id="nothing was done yet"),
        pytest.param(
            merged(tally(uploads=NOTHING, counters={"requests attach meters": 9, "failed attach meters": 0})),
            {},
            "pass",
            "",
            id="a storm of reconnects has no uploads",
        ),
        pytest.param(
            merged(
                tally(
                    uploads=NOTHING,
                    joined=0,
                    planned=9,
                    counters={"requests attach meters": 9, "failed attach meters": 9},
                )
            ),
            {},
            "fail",
            "none of 9 devices got in",
            id="nobody got in",
        ),
        pytest.param(
            merged(tally(failed=10, uploads={"answered": 0, "delivered": 0, "unanswered": 10, "missing": 10})),
            {},
            "fail",
            "all of 10 requests failed",
            id="nothing was answered",
        ),
        pytest.param(
            merged(tally(uploads={"delivered": 0, "missing": 10})),
            {},
            "fail",
            "none of 10 uploads was seen as an event",
            id="nothing was seen",
        ),
        pytest.param(
            merged(tally(uploads={"delivered": 0, "missing": 10}, gaps=["all along"])),
            {},
            "inconclusive",
            "all along",
            id="nothing was seen, for nobody could see",
        ),
        pytest.param(merged(tally(uploads={"delivered": 0})), {"bare": True}, "pass", "", id="bare has no events"),
        pytest.param(
            merged(tally(failed=10, uploads={"answered": 0, "delivered": 0})),
            {"bare": True},
            "fail",
            "all of 10 requests failed",
            id="bare, and nobody answers",
        ),
        pytest.param(merged(tally(uploads=NOTHING)), {"bare": True}, "pass", "", id="bare without a ledger"),
    ],
)
def test_without_being_asked(of: Merged, facts: dict[str, Any], word: str, finding: str) -> None:
    verdict = judge(of, (), Facts(**facts))
    assert verdict.word == word, verdict.findings
    assert finding in "\n".join(verdict.findings)
    assert bool(verdict.findings) is (word != "pass")


@pytest.mark.parametrize(
    ("text", "over", "word", "findings"),
    [
        ("sent >= 10", True, "pass", ()),
        ("sent >= 11", True, "fail", ("expected sent >= 11: 10",)),
        ("sent >= 11", False, "pass", ()),
        ("sent < 10", False, "fail", ("expected sent < 10: 10",)),
        ("poll p99 < 1 s", True, "inconclusive", ("expected poll p99 < 1 s: no poll was timed",)),
        ("poll p99 < 1 s", False, "pass", ()),
    ],
)
def test_expectations(text: str, over: bool, word: str, findings: tuple[str, ...]) -> None:
    verdict = judge(merged(tally()), (parse(text), parse("lost = 0")), Facts(over=over))
    assert (verdict.word, verdict.findings) == (word, findings)
    assert [each.text for each in verdict.expectations] == [text, "lost = 0"]
    assert verdict.expectations[1].holds is True


@pytest.mark.parametrize(
    ("facts", "gaps", "lost", "code"),
    [
        ({}, [], 0, ExitCode.PASSED),
        ({}, [], 1, ExitCode.FAILED),
        ({}, ["from 1 s"], 0, ExitCode.INCONCLUSIVE),
        ({"invalid": ("busy",)}, [], 1, ExitCode.GENERATOR),
    ],
)
def test_exit_codes(facts: dict[str, Any], gaps: list[str], lost: int, code: int) -> None:
    assert judge(merged(tally(gaps=gaps, uploads={"lost": lost})), (), Facts(**facts)).exit_code == code


def test_a_dead_worker_is_told_of_once() -> None:
    of = merged(tally(), tally("b", final=False, uploads={"open": 3}), died="b")
    assert len(judge(of, (), Facts()).findings) == 1


def test_the_gravest_comes_first_and_long_lists_end() -> None:
    of = merged(tally(troubles={f"odd {n:02}": 1 for n in range(30)}, gaps=[f"gap {n}" for n in range(30)]))
    findings = judge(of, (), Facts(invalid=("busy",))).findings
    assert findings[0] == "the generator was the limit: busy"
    assert [each for each in findings if each.startswith("and ")] == ["and 10 more such lines"] * 2
    assert len(findings) == 1 + 21 + 21


JOINS = {"requests attach meters": 5, "failed attach meters": 0}
REFUSED = {
    "requests attach meters": 5,
    "failed attach meters": 2,
    "requests upload meters": 10,
    "failed upload meters": 0,
}


@pytest.mark.parametrize(
    ("of", "expected", "word", "finding"),
    [
        pytest.param(merged(tally(failed=2)), [], "fail", "upload: 2 of 10 failed", id="failed requests"),
        pytest.param(merged(tally(failed=2)), ["failed upload < 50 %"], "pass", "", id="as many may fail"),
        pytest.param(merged(tally(failed=2)), ["failed upload meters < 50 %"], "pass", "", id="of a group"),
        pytest.param(
            merged(tally(failed=2)), ["failed upload < 10 %"], "fail", "expected failed upload < 10 %", id="too many"
        ),
        pytest.param(merged(tally(failed=2)), ["upload p99 < 1 s"], "fail", "2 of 10 failed", id="of something else"),
        pytest.param(
            merged(tally(failed=2, uploads={"unanswered": 2})), ["unanswered < 3"], "pass", "", id="said otherwise"
        ),
        pytest.param(merged(tally(joined=4, counters=REFUSED)), ["failed attach < 50 %"], "fail",
                     "1 of 5 devices did not get in", id="refused devices"),
        pytest.param(merged(tally(joined=4, counters=REFUSED)), ["failed attach < 50 %", "joined >= 80 %"], "pass", "",
                     id="not all need to get in"),
        pytest.param(merged(tally(joined=4)), [], "inconclusive", "before 1 of 5 devices had joined", id="too short"),
        pytest.param(merged(tally(uploads=NOTHING, counters=JOINS)), [], "fail",
                     "nothing was done after the devices had joined", id="joined, and that was all"),
        pytest.param(merged(tally(uploads=NOTHING, counters={**JOINS, "requests attach meters": 9})), [], "pass", "",
                     id="a storm of attaches is something"),
        pytest.param(merged(tally(errors={"KeyError: 'x'": 3})), [], "fail", "a task raised KeyError: 'x' (3×)",
                     id="a task raised something"),
    ],
)  # fmt: skip
def test_what_failed_is_no_pass_unless_somebody_says_how_much_may(of, expected, word, finding):
    verdict = judge(of, [parse(text) for text in expected], Facts())
    assert verdict.word == word, verdict
    assert finding in "\n".join(verdict.findings)
