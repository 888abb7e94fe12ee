"""What stories come to, told in the words of acts."""

from __future__ import annotations

import pytest

from simulator.acts import Answer, Broken, Cut, NoAnswer, Rejected, Sent
from simulator.devices.outcome import Outcome, outcome_of
from simulator.load.garrison import _to_the_end, result_of


@pytest.mark.parametrize(
    "result",
    [
        Sent(),
        Answer(0x84, b"what?", 2),
        Answer(0xA0, b"", 1),
        NoAnswer("timeout", 5),
        NoAnswer("cancelled", 1),
        Rejected("unknown_ca", 2),
        Broken("the device has begun a new session"),
    ],
    ids=str,
)
def test_a_result_that_became_an_outcome_is_itself_again(result):
    assert result_of(outcome_of(result)) == result


@pytest.mark.parametrize(
    ("outcome", "answer"),
    [
        (Outcome("ok", "", None, 2, answered="data"), Answer(0x44, b"", 2)),
        (Outcome("ok", "", b"open", 1, answered="/"), Answer(0x44, b"open", 1)),
        (Outcome("failed", "no answer: reset"), Broken("no answer: reset")),
    ],
)
def test_an_upload_that_was_answered_is_an_answer(outcome, answer):
    assert result_of(outcome) == answer


def test_a_story_that_loses_its_power_has_failed():
    def story():
        yield Sent()
        raise AssertionError("it does not get that far")

    running = _to_the_end(story())
    next(running)
    with pytest.raises(StopIteration) as end:
        running.throw(Cut("the device was switched off"))
    assert end.value.value == Outcome("failed", "the device was switched off")
