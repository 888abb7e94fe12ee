"""How long a scenario will probably take."""

import dataclasses
from pathlib import Path

import pytest

from simulator.errors import Place
from simulator.plan import make_plan
from simulator.scenario import find, load_all, loads
from simulator.scenario.model import (
    Arrivals,
    Blackout,
    Block,
    Counted,
    DroppedFor,
    EventMatcher,
    Exactly,
    Freeze,
    Group,
    InSequence,
    NeverSeen,
    PowerOff,
    PowerOn,
    Reboot,
    Restart,
    Scenario,
    StateOf,
    Step,
    Subject,
    Together,
    Wait,
)  # fmt: skip

SCENARIOS = Path(__file__).parents[2] / "scenarios"
HEAD = "scenario: a\ndevices: {m: {count: 10}, u: {transport: udp}, far: {link: ntn-geo}, lossy: {link: {loss: 5 %}}}\n"


@pytest.mark.parametrize(
    ("steps", "seconds"),
    [
        ("[{attach: m}]", 0),
        ("[{wait: 5 s}, {wait: 250 ms}]", 5.25),
        ("[{attach: m, over: 10 s}, {detach: m}]", 10),
        ("[{attach: m, at: 1 min}, {wait: 1 s}]", 61),
        ("[{upload: m, every: 10 min, for: 2 h}]", 11 * 600),
        ("[{upload: m, never: [ciotConnect], within: 3 s}]", 3),
        ("[{upload: m, expect: [upstreamMessage]}]", 0),
        ("[{wait: 1 s, never: [ciotConnect]}]", 11),
        ("[{upload: u, outcome: any}]", 0),
        ("[{upload: m, outcome: timeout}]", 93),
        ("[{upload: far, payload: {hex: ''}}]", pytest.approx(6 + 2 * 0.6)),
        ("[{upload: far, payload: 5 KiB}]", pytest.approx(6 + 5 * 2 * 0.6 + 5 * 1024 * 8 / 5000)),
        ("[{link: m, delay: 2 s}, {upload: m}]", 4),
        ("[{link: far, preset: perfect}, {upload: far}]", 0),
        ("[{link: m, loss: 100 %}, {upload: m}]", 93),
        ("[{upload: lossy, times: 1}]", 0),
        ("[{upload: lossy, every: 1 s, times: 50}]", pytest.approx(49 + 2.5)),
    ],
)
def test_estimates(steps, seconds):
    assert make_plan(loads(f"{HEAD}steps: {steps}")).duration_s == seconds


INET = """scenario: a
devices:
  c: {network: inet, count: 10}
  d: {network: inet, transport: dtls}
  far: {network: inet, link: ntn-geo}
  mute: {network: inet, transport: dtls, link: ntn-geo}
  wary: {network: inet, connection: {renew_after: 1 min}}
  lossy: {network: inet, link: {loss: 50 %}, connection: {timeout: 100 ms}}
"""


@pytest.mark.parametrize(
    ("steps", "seconds"),
    [
        ("[{connect: [c, d]}, {disconnect: c}, {vanish: d}, {rebind_nat: d}]", 0),
        ("[{connect: c, outcome: timeout}]", 30),
        ("[{connect: c, outcome: {rejected: unknown ca}, retry: {times: 2, pause: 5 s}}]", 10),
        ("[{connect: far}]", pytest.approx(6 + 3 * 2 * 0.6 + 1500 * 8 / 5000)),
        ("[{power_on: far}]", pytest.approx(6 + 3 * 2 * 0.6 + 1500 * 8 / 5000)),
        ("[{connect: lossy}]", pytest.approx(0.1 * 7)),
        ("[{link: lossy, loss: 100 %}, {reboot: lossy}]", 30),
        ("[{upload: d, outcome: timeout}]", 30),
        ("[{upload: [c, mute]}]", 0),
        ("[{upload: far, payload: {hex: ''}}]", pytest.approx(6 + 2 * 0.6)),
        ("[{upload: c, outcome: timeout}]", 93),
        ("[{upload_blob: far, payload: 20 MB}]", 0),
        ("[{wait: 1 s, expect: [{clientDisconnected: {}, of: d}], within: 11 min}]", 601),
        ("[{wait: 1 s, expect: [{clientDisconnected: {}, of: d}]}]", 11),
        ("[{wait: 1 s, expect: [{clientConnected: {}, of: d}], within: 11 min}]", 1),
        ("[{disconnect: d, expect: [clientDisconnected], within: 11 min}]", 0),
        # a session that a NAT has forgotten is noticed by a request that nobody answers
        ("[{rebind_nat: c}, {upload: c, retry: 2}, {upload: c, retry: 2}]", 93),
        ("[{rebind_nat: c}, {upload: c, retry: {times: 1, pause: 1 min}}]", 93 + 60),
        ("[{rebind_nat: c}, {upload: c, outcome: any}]", 93),
        ("[{rebind_nat: c}, {upload: c, outcome: timeout}, {upload: c, retry: 2}]", 93),
        ("[{rebind_nat: c}, {connect: c}, {upload: c, retry: 2}]", 0),
        ("[{rebind_nat: c}, {vanish: c}, {poll: c}]", 0),
        ("[{rebind_nat: [d, wary]}, {upload: [d, wary], retry: 2}]", 0),
        ("[{set_clock: c, fast: 20 d}, {renew_certificate: c, at: 13 d}]", 13 * 86_400),
    ],
)
def test_estimates_of_internet_devices(steps, seconds):
    assert make_plan(loads(f"{INET}steps: {steps}")).duration_s == seconds


MOBILE = """scenario: a
operators: {home: {}, far: {link: ntn-geo}, simple: {retransmit: pgw-simple}}
devices:
  m: {}
  far: {operator: far}
  simple: {operator: simple}
  many: {sim: {imsis: 3}}
  esim: {sim: {profiles: 2}}
"""


@pytest.mark.parametrize(
    ("steps", "seconds"),
    [
        ("[{attach: [m, simple], outcome: timeout}]", 30),
        ("[{attach: simple, outcome: timeout}]", 20),
        ("[{attach: far}]", pytest.approx(1.2)),
        ("[{attach: many}]", 120),
        ("[{attach: many, outcome: rejected}]", 240),
        ("[{switch_profile: esim, profile: 2, rollback: 5 min}]", 300),
        ("[{switch_profile: esim, profile: 2}]", 0),
        ("[{move_sim: m, to: far}, {swap_sims: m, with: far}, {cut_off: m}, {roam: m, cell: 7}]", 0),
        ("[{attach: m, outcome: rejected, retry: {times: 3, pause: 7 s}}]", 21),
        ("[{attach: m, outcome: timeout, retry: {times: 1, pause: 7 s}}]", 67),
        ("[{attach: m, retry: {times: 3, pause: 7 s}}]", 0),
        ("[{attach: m, retry: {times: 8, pause: mobile}}]", 10),
        ("[{attach: m, outcome: rejected, retry: {times: 8, pause: mobile}}]", 50 + 720 + 1440 / 2 + 2880 / 2),
    ],
)
def test_what_the_mobile_network_takes(steps, seconds):
    assert make_plan(loads(f"{MOBILE}steps: {steps}")).duration_s == seconds


def test_enough_built_in_scenarios_are_short_enough_for_real_time():
    planned = [make_plan(each).duration_s for path in find([SCENARIOS]) for each in load_all(path)]
    assert len(planned) >= 8
    assert sum(seconds <= 60 for seconds in planned) >= 5


# --- shapes that a loader makes of a file -----------------------------------------------------------------------------

PLACE = Place("a.yaml", 1)
M = Subject(group="m", place=PLACE, text="m")
HERE = EventMatcher(name="upstreamMessage", place=PLACE)


def wait(seconds, **more):
    return Step(place=PLACE, verb="wait", act=Wait(seconds=seconds), subjects=(), **more)


def of_m(act, subjects=(M,), **more):
    return Step(place=PLACE, verb="", act=act, subjects=subjects, **more)


def restart(**more):
    return Step(place=PLACE, verb="restart", act=Restart(), subjects=(), doers=("platform",), **more)


def planned_s(*steps, flow=()):
    devices = Group(name="m", place=PLACE, count=10)
    return make_plan(Scenario(promise="a", place=PLACE, groups=(devices,), steps=steps, flow=flow)).duration_s


@pytest.mark.parametrize(
    ("flow", "seconds"),
    [
        pytest.param((), 70, id="one after the other"),
        pytest.param((0, Together((1, 2)), 3), 10 + 30 + 10, id="as long as the longest"),
        pytest.param((0, Together((Block((1, 3)), 2)), 3), 10 + 30 + 10 + 0, id="a list within"),
        pytest.param((Together((0, 1, 2, 3)),), 30, id="all at once"),
        pytest.param((Together((Block((0, 1)), Block((2, Together((3,)))))),), 40, id="blocks within blocks"),
    ],
)
def test_steps_side_by_side(flow, seconds):
    assert planned_s(wait(10), wait(20), wait(30), wait(10), flow=flow) == seconds


def test_at_counts_from_the_beginning_of_the_run_also_within():
    assert planned_s(wait(10), wait(5, at_s=60), wait(20), flow=(0, Together((1, 2)))) == 65


@pytest.mark.parametrize(
    ("step", "seconds"),
    [
        pytest.param(of_m(PowerOn()), 0, id="power_on"),
        pytest.param(of_m(PowerOff(abruptly=True)), 0, id="power_off"),
        pytest.param(of_m(Reboot()), 0, id="reboot"),
        pytest.param(of_m(Freeze(), lasting_s=60), 0, id="nobody waits for a freeze"),
        pytest.param(of_m(Blackout(), lasting_s=60), 0, id="nor for a blackout"),
        pytest.param(restart(), 0, id="restart"),
        pytest.param(restart(lasting_s=5), 5, id="restart: as long as it is down"),
        pytest.param(of_m(PowerOn(), arrivals=Arrivals(model="beta", window_s=10)), 10, id="beta"),
        pytest.param(of_m(PowerOn(), arrivals=Arrivals(model="poisson", per_s=2)), 5, id="poisson"),
        pytest.param(
            of_m(PowerOn(), (dataclasses.replace(M, first=4, last=7),), arrivals=Arrivals(model="poisson", per_s=2)),
            2,
            id="poisson of some",
        ),
        pytest.param(
            of_m(PowerOn(), (dataclasses.replace(M, share=0.2),), arrivals=Arrivals(model="diurnal", per_s=0.5)),
            4,
            id="diurnal of a share",
        ),
    ],
)
def test_what_verbs_and_arrivals_take(step, seconds):
    assert planned_s(step) == seconds


@pytest.mark.parametrize(
    ("form", "seconds"),
    [
        pytest.param(Counted(place=PLACE, quantifier="each", subject=M, matcher=HERE, at_least=1), 0, id="at_least"),
        pytest.param(Counted(place=PLACE, quantifier="some", subject=M, matcher=HERE, at_least=1), 0, id="some"),
        pytest.param(
            Counted(place=PLACE, quantifier="each", subject=M, matcher=HERE, at_least=1, at_most=1), 7, id="times"
        ),
        pytest.param(Counted(place=PLACE, quantifier="none", subject=M, matcher=HERE, at_least=1), 7, id="none"),
        pytest.param(InSequence(place=PLACE, matchers=(HERE,), subject=M), 0, id="sequence"),
        pytest.param(Exactly(place=PLACE, matchers=(HERE,), subject=M), 7, id="exactly"),
        pytest.param(NeverSeen(place=PLACE, matchers=(HERE,)), 7, id="never"),
        pytest.param(StateOf(place=PLACE, subject=M, where=()), 0, id="state"),
        pytest.param(DroppedFor(place=PLACE, observer="slow", at_least=1), 0, id="dropped"),
        pytest.param(DroppedFor(place=PLACE, observer="slow", at_most=0), 7, id="nothing dropped"),
    ],
)
def test_a_form_that_can_still_fail_waits_for_the_end_of_its_window(form, seconds):
    assert planned_s(of_m(PowerOn(), forms=(form,), within_s=7)) == seconds
