"""Where everything comes together: how far the test has come, and when it is to be stopped."""

from __future__ import annotations

import pytest

from simulator.errors import UsageError
from simulator.load.desk import Desk
from simulator.load.options import LoadOptions
from simulator.load.tally import GroupTally, Tally


class Clock:
    """Run time that a test sets."""

    def __init__(self):
        self.now_s = 0.0

    def now(self):
        return self.now_s


def desk_of(**options):
    clock = Clock()
    return Desk(LoadOptions(**options), clock.now, (), {"meters"}, "a test"), clock


def tally(worker="w0", number=1, planned=10, joined=10, final=False, **counters):
    groups = {"meters": GroupTally(planned=planned, joined=joined)}
    return Tally(worker=worker, number=number, groups=groups, counters=counters, final=final)


def test_all_are_in_only_when_those_of_late_workers_are_too():
    desk, _ = desk_of()
    phases = []
    for told in (
        tally(joined=5),
        tally(number=2),
        tally("w1", planned=10, joined=0),
        tally("w1", number=2, planned=10, joined=10),
    ):
        desk.take(told)
        desk.look()
        phases.append((desk.phase, desk.joined))
    assert phases == [("joining", 5), ("running", 10), ("joining", 10), ("running", 20)]


def test_a_test_that_is_over_does_not_begin_again():
    desk, clock = desk_of()
    desk.take(tally(final=True))
    clock.now_s = 7.0
    desk.close()
    clock.now_s = 9.0
    desk.look()
    assert (desk.phase, desk.over, desk.elapsed_s, desk.settled) == ("done", True, 7.0, {"w0"})
    desk.begin()
    assert (desk.phase, desk.over, desk.elapsed_s, desk.workers) == ("joining", False, 0.0, frozenset())


@pytest.mark.parametrize(
    ("limit", "failed", "requests", "stops"),
    [
        pytest.param(1.0, 100, 100, False, id="never"),
        pytest.param(0.2, 30, 100, True, id="more than a fifth"),
        pytest.param(0.2, 20, 100, False, id="a fifth"),
        pytest.param(0.2, 10, 10, False, id="too few to tell"),
    ],
)
def test_too_many_errors_stop_it(limit, failed, requests, stops):
    desk, clock = desk_of(stop_at_errors=limit)
    desk.take(tally())
    assert desk.look() == ""
    clock.now_s = 5.0
    desk.take(tally(number=2, **{"requests upload meters": requests, "failed upload meters": failed}))
    assert bool(desk.look()) is stops


def test_old_errors_are_forgiven():
    desk, clock = desk_of(stop_at_errors=0.2)
    bad = {"requests upload meters": 100, "failed upload meters": 90}
    desk.take(tally(**bad))
    desk.look()  # what was before the first look is not of the last ten seconds
    for second in range(1, 25):
        clock.now_s = float(second)
        desk.take(tally(number=1 + second, **{**bad, "requests upload meters": 100 + 50 * second}))
        assert desk.look() == ""


def test_thresholds_speak_of_groups_that_there_are():
    with pytest.raises(UsageError, match="metres"):
        desk_of(expects=("upload metres p99 < 1 s",))


def test_what_broke_it_comes_first():
    desk, _ = desk_of()
    desk.broke("the platform is not there")
    desk.broke("the platform is not there")
    desk.close()
    verdict = desk.verdict()
    assert (verdict.word, verdict.exit_code, desk.broken) == ("broken", 4, ("the platform is not there",))


def test_the_page_gets_what_there_is():
    desk, _ = desk_of()
    desk.take(tally())
    desk.look()
    view = desk.view()
    assert (view["test"], view["phase"], view["fleet"]) == ("a test", "running", {"planned": 10, "joined": 10})
