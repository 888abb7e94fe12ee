"""`{dropped: OBSERVER, at_least: 1}`: what the platform says that it dropped."""

from __future__ import annotations

import pytest

from simulator.scenario.model import DroppedFor

from .forms import HERE, acts, scenario


def dropped(at_least: int | None = None, at_most: int | None = None) -> DroppedFor:
    """For spy."""
    return DroppedFor(place=HERE, observer="spy", at_least=at_least, at_most=at_most)


TWO = ["3 gap 2 3 by=spy dropped=2 slow"]
THREE = ["4 gap 3 4 by=spy dropped=3 slow"]


@pytest.mark.parametrize(
    ("form", "told", "verdict"),
    [
        pytest.param(dropped(), TWO, "pass", id="some"),
        pytest.param(dropped(), [], "fail", id="none"),
        pytest.param(dropped(), ["3 gap 2 3 dropped=2 slow"], "fail", id="for somebody else"),
        pytest.param(dropped(at_least=5), [*TWO, *THREE], "pass", id="in all"),
        pytest.param(dropped(at_least=6), [*TWO, *THREE], "fail", id="too few"),
        pytest.param(
            dropped(at_least=6), [*TWO, "4 gap 3 4 by=spy lost"], "inconclusive", id="too few, and a lost stream"
        ),
        pytest.param(dropped(at_most=0), [], "pass", id="nothing"),
        pytest.param(dropped(at_most=4), [*TWO, *THREE], "fail", id="too many"),
        pytest.param(dropped(at_most=4), [*TWO, "4 gap 3 4 by=spy lost"], "inconclusive", id="a lost stream"),
    ],
)
@pytest.mark.parametrize("where", ["run", "step"])
def test_dropped(judged, form, told, verdict, where):
    given = scenario(form) if where == "run" else scenario(forms=(form,))
    assert judged(given, acts(*told)).of("expect[0]" if where == "run" else "steps[0].form[0]").verdict == verdict


def test_it_is_told_when_it_is_decided(judged):
    found = judged(scenario(dropped(at_most=1)), acts(*TWO, *THREE))
    assert [finding.t_s for finding in found.findings] == [3.0]
    assert "it was told of 2 events by 3.0 s" in found.text("expect[0]")
    begun = [line for line in acts(*TWO) if float(line.split()[0]) <= 3]
    assert 0 not in judged(scenario(forms=(dropped(),)), begun).undecided
