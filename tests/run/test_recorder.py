"""However fast virtual time passes, what happened is handed on while the wall's time goes by."""

from __future__ import annotations

import pytest

from simulator.assertions.judge import Judge
from simulator.clock import VirtualClock
from simulator.devices.outcome import Outcome
from simulator.errors import Place
from simulator.events.journal import Journal
from simulator.plan import make_plan
from simulator.run.recorder import FLUSH_EVERY_S, Recorder
from simulator.run.watch import Nobody
from simulator.scenario.model import Group, Scenario
from simulator.wire.calendar import Calendar

PLACE = Place("x.yaml", 1, 1)


@pytest.mark.parametrize(("wall_s_per_act", "handed_on"), [(FLUSH_EVERY_S / 100, True), (0.0, False)])
def test_what_happened_is_handed_on_as_the_walls_time_goes_by(wall_s_per_act, handed_on):
    scenario = Scenario(promise="p", place=PLACE, groups=(Group(name="m", place=PLACE),))
    plan, lines = make_plan(scenario), []
    judge = Judge(scenario, plan.names_by_group(), plan.names, {}, "")
    recorder = Recorder(Journal(lines.append), judge, VirtualClock(), Calendar(), Nobody())
    wall_s = 0.0
    recorder._wall_s = lambda: wall_s
    for n in range(180):
        recorder.began(-1, "upload", "m", n, 3)
        recorder.ended(-1, "upload", "m", n, 3, Outcome("ok"), True)
        wall_s += wall_s_per_act
    assert bool(lines) == handed_on
    assert all(line.endswith(b"\n") for line in lines)
