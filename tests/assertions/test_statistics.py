"""`{statistics: {…}}`: what the reference server has counted between the beginning of the story and its end."""

from __future__ import annotations

import pytest

from simulator.scenario.model import Condition, StatisticsOf

from .forms import HERE, acts, scenario


def counts(**where: str | int) -> StatisticsOf:
    """`accepted=2`, `rejected_IMEI="at_least 1"`; an underscore in a name is a dot."""

    def condition(asked: str | int) -> Condition:
        words = str(asked).split()
        if len(words) == 2:
            return Condition(op=words[0], number=float(words[1]))  # type: ignore[arg-type]
        return Condition(op="equals", value=words[0])

    return StatisticsOf(
        place=HERE, where=tuple((name.replace("_", "."), condition(asked)) for name, asked in where.items())
    )


BEGAN = "0 statistics began accepted=5 rejected=2 rejected.IMEI=2 sessions=4"
ENDED = "29 statistics ended accepted=7 rejected=3 rejected.IMEI=2 rejected.none_of_ours=1 sessions=6 takeovers=1"


@pytest.mark.parametrize(
    ("form", "read", "verdict"),
    [
        pytest.param(counts(accepted=2), [BEGAN, ENDED], "pass", id="the difference"),
        pytest.param(counts(accepted=7), [BEGAN, ENDED], "fail", id="not what there was before"),
        pytest.param(counts(sessions=6), [BEGAN, ENDED], "pass", id="sessions are those at the end"),
        pytest.param(counts(sessions=2), [BEGAN, ENDED], "fail", id="and no difference"),
        pytest.param(counts(rejected_IMEI=0, duplicates=0), [BEGAN, ENDED], "pass", id="what is not counted is 0"),
        pytest.param(counts(takeovers="at_least 1", rejected="below 2"), [BEGAN, ENDED], "pass", id="comparisons"),
        pytest.param(counts(takeovers="above 1"), [BEGAN, ENDED], "fail", id="a comparison that does not hold"),
        pytest.param(counts(accepted=2, takeovers=0), [BEGAN, ENDED], "fail", id="one of two"),
        pytest.param(counts(accepted=2), [BEGAN], "inconclusive", id="not read at the end"),
        pytest.param(counts(accepted=2), [ENDED], "inconclusive", id="not read when it began"),
        pytest.param(counts(accepted=2), [], "inconclusive", id="not read at all"),
        pytest.param(counts(accepted=2), [BEGAN, "29 statistics ended !no such door"], "inconclusive", id="an error"),
        pytest.param(counts(accepted=2), [BEGAN, "29 statistics ended accepted=2"], "inconclusive", id="counted anew"),
    ],
)
@pytest.mark.parametrize("where", ["run", "step"])
def test_statistics_are_compared(judged, form, read, verdict, where):
    given = scenario(form) if where == "run" else scenario(forms=(form,))
    lines = [*acts(*read)]
    assert judged(given, lines).of("expect[0]" if where == "run" else "steps[0].form[0]").verdict == verdict


def test_a_failure_tells_what_was_counted_instead_and_all_of_its_family(judged):
    found = judged(scenario(counts(accepted=2, rejected_IMEI=1, takeovers=1)), acts(BEGAN, ENDED))
    assert found.text("expect[0]").splitlines() == [
        "the mobile network counts accepted=2, rejected.IMEI=1, takeovers=1",
        "      read at 29.0 s: rejected.IMEI is 0, not 1",
        "      of rejected: none of ours 1",
        "      again with: simulator run x.yaml --seed 7",
    ]


@pytest.mark.parametrize(
    ("read", "why"),
    [
        pytest.param([ENDED], "was not read when the story began", id="no beginning"),
        pytest.param([BEGAN], "was not read when it was over", id="no end"),
        pytest.param([BEGAN, "29 statistics ended !closed"], "could not be read when it was over: closed", id="error"),
        pytest.param([BEGAN, "29 statistics ended accepted=1"], "begun to count anew: accepted went back", id="anew"),
    ],
)
def test_what_is_not_known_says_why(judged, read, why):
    assert why in judged(scenario(counts(accepted=2)), acts(*read)).text("expect[0]")


def test_the_verdicts_carry_them(judged):
    found = judged(scenario(), acts(BEGAN, ENDED)).verdicts.statistics
    assert found == {"accepted": 2, "rejected": 1, "rejected.none of ours": 1, "sessions": 6, "takeovers": 1}
    assert judged(scenario(), acts(BEGAN)).verdicts.statistics == {}


def test_a_step_does_not_wait_for_it(judged):
    begun = [line for line in acts(BEGAN) if float(line.split()[0]) <= 7]
    assert 0 not in judged(scenario(forms=(counts(accepted=2),)), begun).undecided
