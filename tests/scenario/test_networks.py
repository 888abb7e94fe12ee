"""What a file says of SIMs, modems, operators and the platform's options, and what the loader makes of it."""

import re

import pytest

from simulator.errors import Place, ScenarioErrors
from simulator.scenario import load, loads
from simulator.scenario import model as m

HEAD = """\
scenario: a
operators: {abroad: {plmn: 310410, rat: lte-m}}
devices:
  m: {count: 5}
  e: {count: 2, sim: {profiles: 3}}
  old:
  new: {sim: none, registered: no}
steps:
"""


def _scenario(group: str = "", more: str = "") -> m.Scenario:
    return loads(
        f"scenario: a\n{more}\ndevices: {{g: {group}, old: , pair: {{count: 2}}}}\nsteps: [{{attach: g}}]\n", "f"
    )


def _step(text: str) -> m.Step:
    return loads(f"{HEAD}  - {text}\n").steps[0]


# --- groups -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("group", "expected"),
    [
        ("{}", {"sim": m.SimSpec(), "modem": m.ModemSpec(), "operator": "home", "rat": "", "cell": None}),
        ("{sim: none}", {"sim": m.SimSpec(kind="none")}),
        ("{sim: {}}", {"sim": m.SimSpec()}),
        ("{sim: {profiles: 2}}", {"sim": m.SimSpec(kind="esim", profiles=2)}),
        ("{sim: {imsis: 8}}", {"sim": m.SimSpec(kind="multi", profiles=8)}),
        ("{modem: {}}", {"modem": m.ModemSpec()}),
        ("{modem: {svn: 0}}", {"modem": m.ModemSpec(svn=0)}),
        ("{operator: home, rat: nb-iot-geo, cell: 0}", {"operator": "home", "rat": "nb-iot-geo", "cell": 0}),
        ("{cell: 268435455}", {"cell": 2**28 - 1}),
    ],
)
def test_what_a_group_holds(group, expected):
    found = _scenario(group).groups[0]
    assert {key: getattr(found, key) for key in expected} == expected


@pytest.mark.parametrize(
    ("group", "first", "last"),
    [
        ("{registered: no, KIND: {clone_of: old}}", 0, None),
        ("{registered: no, KIND: {clone_of: pair.1}}", 1, 1),
        ("{registered: no, KIND: {clone_of: pair}}", 0, None),
        ("{registered: no, count: 2, KIND: {clone_of: pair}}", 0, None),
        ("{identity: {imsi: blank, imei: blank}, KIND: {clone_of: old}}", 0, None),
        ("{identity: {imsi: 1, imei: 2}, KIND: {clone_of: old}}", 0, None),
    ],
)
@pytest.mark.parametrize("kind", ["sim", "modem"])
def test_a_clone_names_devices_that_are_declared_later(group, first, last, kind):
    """The original is one device or as many as there are clones, and the platform is not told of both."""
    found = _scenario(group.replace("KIND", kind)).groups[0]
    of = found.sim.of if kind == "sim" else found.modem.clone_of
    assert of is not None
    assert (of.first, of.last) == (first, last)
    assert found.sim.kind == ("clone" if kind == "sim" else "card")


def test_a_modem_may_be_a_clone_with_other_firmware():
    (group, *_) = _scenario("{registered: no, modem: {clone_of: old, svn: 7}, sim: {clone_of: old}}").groups
    assert (group.modem.svn, group.modem.clone_of.group, group.sim.of.group) == (7, "old", "old")


def test_an_original_that_the_platform_does_not_know_may_be_registered_through_its_clone():
    text = "scenario: a\ndevices: {g: {sim: {clone_of: o}}, o: {registered: no}}\nsteps: [{attach: g}]\n"
    assert loads(text).groups[0].sim.kind == "clone"


def test_a_clone_that_is_at_fault_is_not_called_unknown_too(mistakes):
    text = "scenario: a\ndevices: {g: {sim: {clone_of: nobody}}, h: {sim: {clone_of: g}}}\nsteps: [{attach: g}]\n"
    assert [line.partition(": ")[0] for line in mistakes(text)] == ["2:31", "2:61"]


def test_groups_of_other_files_may_be_clones_and_name_the_scenario_s_operators(tmp_path):
    (tmp_path / "_fleet.yaml").write_text("devices: {copy: {operator: abroad, registered: no, sim: {clone_of: own}}}")
    (tmp_path / "f.yaml").write_text(
        "scenario: a\ninclude: _fleet.yaml\noperators: {abroad: }\ndevices: {own: }\nsteps: [{attach: copy}]"
    )
    copy = load(tmp_path / "f.yaml").groups[0]
    assert (copy.name, copy.operator, copy.sim.of.group) == ("copy", "abroad", "own")


# --- operators and options --------------------------------------------------------------------------------------------


def test_home_is_always_there():
    assert _scenario().operators == (m.HOME,)
    assert [each.name for each in _scenario(more="operators: {b: , a: {}}").operators] == ["home", "b", "a"]


def test_home_may_be_described_anew():
    (home,) = _scenario(more="operators: {home: {plmn: 00101, gateways: 50}}").operators
    assert home == m.Operator(name="home", place=Place("f", 2, 13), plmn="00101", gateways=50)


def test_an_operator_with_everything():
    (_, found) = _scenario(
        more="operators: {abroad: {plmn: 310410, gateways: 3, apn: iot.example, rat: lte-m, omits: [rat, imei],"
        " retransmit: pgw-simple, link: {preset: wifi, loss: 1 %}, lost_after: 5 min}}"
    ).operators
    assert found == m.Operator(
        name="abroad",
        place=Place("f", 2, 13),
        plmn="310410",
        gateways=3,
        apn="iot.example",
        rat="lte-m",
        omits=frozenset({"imei", "rat"}),
        retransmit="pgw-simple",
        link=m.LinkSpec(preset="wifi", changes=(m.LinkChange(key="loss", up=0.01, down=0.01),)),
        lost_after_s=300.0,
    )


def test_operators_that_could_not_be_read_are_not_called_unknown_too(mistakes):
    text = "scenario: a\noperators: 5\ndevices: {g: {operator: abroad}}\nsteps: [{roam: g, operator: elsewhere}]\n"
    assert [line.partition(": ")[0] for line in mistakes(text)] == ["2:12"]


@pytest.mark.parametrize(
    ("text", "options", "needs"),
    [
        ("", m.PlatformOptions(), ()),
        ("platform: {}", m.PlatformOptions(), ()),
        ("platform: {mismatch_policy: both, disconnect_on_update: no}", m.PlatformOptions(), ()),
        ("platform: {mismatch_policy: first}", m.PlatformOptions(mismatch_policy="first"), ("options",)),
        ("platform: {disconnect_on_update: yes}", m.PlatformOptions(disconnect_on_update=True), ("options",)),
        ("platform: {interim: 10 min}", m.PlatformOptions(interim_s=600.0), ("options",)),
    ],
)
def test_options_of_the_platform_and_what_they_need(text, options, needs):
    scenario = loads(f"scenario: a\n{text}\nsteps: [{{wait: 1 s}}]\n")
    assert (scenario.platform, scenario.needs) == (options, needs)


# --- steps ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "act"),
    [
        ("{insert_sim: m}", m.InsertSim()),
        ("{insert_sim: m, card: own}", m.InsertSim(card="own")),
        ("{insert_sim: m, card: fresh}", m.InsertSim(card="fresh")),
        ("{remove_sim: m}", m.RemoveSim(abruptly=True)),
        ("{remove_sim: 20 % of m, abruptly: no}", m.RemoveSim(abruptly=False)),
        ("{switch_profile: e, profile: 3}", m.SwitchProfile(profile=3)),
        ("{switch_profile: e.1, profile: 1, rollback: 2 min}", m.SwitchProfile(profile=1, rollback_s=120.0)),
        ("{update_modem: m, svn: 98}", m.UpdateModem(svn=98)),
        ("{roam: m, operator: abroad, rat: lte-m, cell: 4711}", m.Roam(operator="abroad", rat="lte-m", cell=4711)),
        ("{roam: m, cell: 0}", m.Roam(cell=0)),
        ("{roam: m, operator: home}", m.Roam(operator="home")),
        ("{cut_off: m}", m.CutOff()),
        ("{update: m, imsi: held}", m.Update(imsi=m.HELD)),
        ("{update: old, imsi: '', imei: held}", m.Update(imsi="", imei=m.HELD)),
    ],
)
def test_acts(text, act):
    step = _step(text)
    assert step.act == act


@pytest.mark.parametrize(
    ("text", "to", "abruptly", "told"),
    [
        ("{move_sim: old, to: new}", ("new", 0, None), True, "move_sim old to new"),
        ("{move_sim: m.0-1, to: e, abruptly: no}", ("e", 0, None), False, "move_sim m.0-1 to e"),
        ("{move_sim: [old, new], to: m.3-4}", ("m", 3, 4), True, "move_sim old, new to m.3-4"),
        ("{move_sim: m.0-1, to: m.2-3}", ("m", 2, 3), True, "move_sim m.0-1 to m.2-3"),
        ("{swap_sims: old, with: new}", ("new", 0, None), True, "swap_sims old with new"),
        ("{swap_sims: m.0, with: m.1, abruptly: no}", ("m", 1, 1), False, "swap_sims m.0 with m.1"),
    ],
)
def test_sims_go_to_as_many_other_devices(text, to, abruptly, told):
    step = _step(text)
    act = step.act
    assert isinstance(act, m.MoveSim | m.SwapSims)
    other = act.to if isinstance(act, m.MoveSim) else act.other
    assert ((other.group, other.first, other.last), act.abruptly, step.text) == (to, abruptly, told)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("outcome: {rejected: IMEI mismatch}", ("rejected", "IMEI mismatch")),
        ("outcome: {failed: no SIM}", ("failed", "no SIM")),
        ("outcome: {rejected: 'Device does not exist'}", ("rejected", "Device does not exist")),
        ("outcome: rejected", ("rejected", "")),
        ("as: x", ("ok", "")),
    ],
)
def test_what_an_act_must_come_to_and_why(text, expected):
    step = _step(f"{{attach: m, {text}}}")
    assert (step.outcome, step.outcome_reason) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("retry: {times: 8, pause: mobile}", (8, 0.0, "mobile")),
        ("retry: {times: 8, pause: 3 s}", (8, 3.0, "")),
        ("retry: 2", (2, 0.0, "")),
        ("as: x", (0, 0.0, "")),
    ],
)
def test_how_modems_try_again(text, expected):
    step = _step(f"{{attach: m, {text}}}")
    assert (step.retries, step.retry_pause_s, step.retry_model) == expected


def test_an_empty_list_asks_for_nothing():
    step = _step("{attach: m, expect: [], never: [], within: 1 s}")
    assert (step.expect, step.never, step.forms) == ((), (), ())
    assert loads(f"{HEAD}  - attach: m\nexpect: [{{never: [], of: m}}]\n").expect == ()


# --- somebody else's eSIM ---------------------------------------------------------------------------------------------

HOLDERS = "scenario: a\ndevices: {e: {sim: {profiles: 3}}, p: {}, q: {}}\nsteps:\n"


@pytest.mark.parametrize(
    ("steps", "problem"),
    [
        ("{move_sim: e, to: p} | {switch_profile: p, profile: 3}", None),
        ("{swap_sims: p, with: e} | {switch_profile: p, profile: 2}", None),
        ("{swap_sims: e, with: p} | {move_sim: p, to: q} | {switch_profile: q, profile: 2}", None),
        ("{move_sim: e, to: p} | {switch_profile: p, profile: 4}", "p has no profile 4 (its eSIM has 1 to 3)"),
        ("{move_sim: e, to: p} | {switch_profile: q, profile: 2}", "q has no eSIM"),
        ("{move_sim: p, to: e} | {switch_profile: p, profile: 2}", "p has no eSIM"),
        ("{switch_profile: [p, q], profile: 2}", "q has no eSIM"),
    ],
)
def test_who_may_hold_somebody_else_s_esim_may_switch_its_profile(steps, problem):
    text = HOLDERS + "".join(f"  - {step}\n" for step in steps.split(" | "))
    if problem is None:
        assert loads(text)
    else:
        with pytest.raises(ScenarioErrors, match=re.escape(problem)):
            loads(text)


# --- what the server counts -------------------------------------------------------------------------------------------


def test_what_must_have_been_counted():
    text = (
        '{accepted: 2, "rejected.IMEI mismatch": at_least 1, stops.User-Request: {one_of: [0, 1]}, sessions: {not: 0}}'
    )
    scenario = loads(f"scenario: a\nsteps: [{{wait: 1 s}}]\nexpect:\n  - {{statistics: {text}}}\n", "f")
    assert scenario.needs == ("login",)
    assert scenario.expect == (
        m.StatisticsOf(
            place=Place("f", 4, 5),
            where=(
                ("accepted", m.Condition(op="equals", value="2")),
                ("rejected.IMEI mismatch", m.Condition(op="at_least", value="1", number=1.0)),
                ("stops.User-Request", m.Condition(op="one_of", values=("0", "1"))),
                ("sessions", m.Condition(op="not", value="0")),
            ),
        ),
    )


def test_the_names_end_as_the_server_likes():
    for name in ('"rejected.IMEI mismatch"', '"discarded.wrong authenticator"', "stops.none", "stops.77"):
        assert loads(f"scenario: a\nsteps: [{{wait: 1 s}}]\nexpect: [{{statistics: {{{name}: 1}}}}]\n").expect
    with pytest.raises(ScenarioErrors, match=r"nothing called 'takeovers\.x' is counted"):
        loads("scenario: a\nsteps: [{wait: 1 s}]\nexpect: [{statistics: {takeovers.x: 1}}]\n")
    for name, near in (
        ("rejected.IMIE mismatch", "known: .*IMEI mismatch, IMSI mismatch"),
        ("stops.lost-carier", "did you mean 'Lost-Carrier'"),
        ("discarded.foo", "known: too short, too long"),
    ):
        with pytest.raises(ScenarioErrors, match=rf"nothing called '{name}' is counted \({near}"):
            loads(f'scenario: a\nsteps: [{{wait: 1 s}}]\nexpect: [{{statistics: {{"{name}": 0}}}}]\n')


@pytest.mark.parametrize("verb", ["attach: m", "power_on: m", "reboot: m"])
def test_logins_are_rejected_with_words_of_the_server_or_a_part_of_them(verb):
    for part in ("IMEI mismatch", "mismatch"):
        assert loads(f"{HEAD}  - {{{verb}, outcome: {{rejected: {part}}}}}\n")
    with pytest.raises(ScenarioErrors, match=r"with 'IMIE mismatch' \(the reference server says .*IMEI mis"):
        loads(f"{HEAD}  - {{{verb}, outcome: {{rejected: IMIE mismatch}}}}\n")
    assert loads(f"{HEAD}  - {{{verb}, outcome: {{failed: whatever}}}}\n")
