"""What `check` remarks about scenarios that are correct."""

from pathlib import Path

import pytest

from simulator.scenario import find, load_all, loads, loads_all
from simulator.scenario.notes import BACKDATED_S, SERVER_VALID_S, notes, notes_of
from simulator.server.span import authority

SCENARIOS = Path(__file__).parents[2] / "scenarios"
HEAD = "scenario: a\ndevices: {m: {}, u: {transport: udp}, v: {transport: udp}}\nsteps:\n"


@pytest.mark.parametrize(
    ("steps", "rate", "whom"),
    [
        ("- upload: u", "upload", ["u"]),
        ("- upload: [m, u.0]\n  - upload: v", "upload", ["u, v"]),
        ("- {upload: u, as: first}\n  - upload: m", "first", ["u"]),
        ("- {upload: m, as: first}\n  - upload: u", "first", []),
        ("- upload: m", "upload", []),
        ("- attach: u", "attach", []),
    ],
)
def test_a_rate_over_plain_udp_is_remarked(steps, rate, whom):
    found = notes(loads(f"{HEAD}  {steps}\nexpect:\n  - {{rate: {rate}, at_least: 9 %}}\n", "f.yaml"))
    line = 7 if "\n" in steps else 6
    assert [str(note).partition(" from ")[0] for note in found] == [
        f"f.yaml:{line}:5: note: for plain UDP ok means sent, so this rate says nothing about what arrived"
    ] * len(whom)
    assert [str(note).partition(" from ")[2].partition(";")[0] for note in found] == whom


def test_data_that_no_platform_is_known_to_send_is_remarked():
    matcher = "{upstreamMessage: {colour: red, bytes: 4}}"
    steps = f"- {{upload: m, never: [{matcher}], expect: [{matcher}, deviceRemoved]}}"
    found = notes(
        loads(f"{HEAD}  {steps}\nexpect: [{{never: [{matcher}]}}, {{each: m, sees: {{deviceCreated: {{x: y}}}}}}]")
    )
    assert [(note.at.line, note.text.partition(";")[0]) for note in found] == [
        (4, "upstreamMessage is not known to have 'colour' in its data (known: bytes, transport)"),
        (4, "upstreamMessage is not known to have 'colour' in its data (known: bytes, transport)"),
        (5, "upstreamMessage is not known to have 'colour' in its data (known: bytes, transport)"),
        (5, "deviceCreated is not known to have 'x' in its data (known: nothing)"),
    ]


@pytest.mark.parametrize(
    ("expect", "remarked"),
    [
        ("{each: m, sees: firmwareCheck}", True),
        ("{exactly: [ciotConnect, gatewayCommError], each: m}", True),
        ("{none: m, sees: firmwareCheck}", False),
        ("{never: [firmwareCheck]}", False),
        ("{each: m, sees: upstreamMessage}", False),
    ],
)
def test_who_waits_for_what_the_embedded_server_does_not_emit_is_told(expect, remarked):
    found = notes(loads(f"scenario: a\ndevices: {{m: }}\nsteps:\n  - attach: m\nexpect:\n  - {expect}\n"))
    assert ["does not emit" in note.text for note in found] == [True] * remarked


def test_the_built_in_scenarios_mean_what_they_say():
    assert [str(note) for path in find([SCENARIOS]) for note in notes_of(load_all(path))] == []


NETWORKS = (
    "scenario: a\noperators: {home: {gateways: 2}, abroad: {plmn: 24201}}\ndevices: {m: {operator: %s}}\nsteps:\n"
)


@pytest.mark.parametrize(
    ("begins", "step", "told"),
    [
        ("home", "attach: m", ["no group begins in the network abroad, and no step lets anybody roam there"]),
        ("abroad", "attach: m", ["no group begins in the network home, and no step lets anybody roam there"]),
        ("home", "{roam: m, operator: abroad}", []),
        ("abroad", "{roam: m, operator: home}", []),
    ],
)
def test_networks_in_which_nobody_is_are_remarked(begins, step, told):
    assert [note.text for note in notes(loads(f"{NETWORKS % begins}  - {step}\n"))] == told


@pytest.mark.parametrize(
    ("modifiers", "told"),
    [
        ("rollback: 2 min, outcome: rejected", 1),
        ("rollback: 2 min, outcome: {rejected: IMSI mismatch}", 1),
        ("rollback: 2 min", 0),
        ("outcome: rejected", 0),
    ],
)
def test_a_rollback_that_is_expected_to_be_refused_is_remarked(modifiers, told):
    head = "scenario: a\ndevices: {m: {sim: {profiles: 2}}}\nsteps:\n"
    found = notes(loads(f"{head}  - {{switch_profile: m, profile: 2, {modifiers}}}\n"))
    assert ["with a rollback" in note.text for note in found] == [True] * told


@pytest.mark.parametrize(("other", "told"), [("abroad", 0), ("home", 1)])
def test_what_no_case_uses_is_remarked_once_and_what_one_of_them_uses_is_not(other, told):
    text = (
        "scenario: a\ncases: {x: {where: home}, y: {where: OTHER}}\noperators: {abroad: }\n"
        "devices: {m: {operator: $where}}\nsteps: [{attach: m, never: [{ciotConnect: {colour: red}}]}]\n"
    )
    found = notes_of(loads_all(text.replace("OTHER", other)))
    assert ["in the network abroad" in note.text for note in found] == [True] * told + [False]


CLOCKS = [
    ("{fast: 20 d}", "a clock that is 20 d fast changes nothing: the platform's certificate is valid for 825 days"),
    ("{fast: 824 d}", "a clock that is 824 d fast changes nothing: the platform's certificate is valid for 825 days"),
    ("{slow: 90 s}", "a clock that is 90 s slow changes nothing: the platform's certificate is valid from the day"),
    ("{fast: 825 d}", ""),
    ("{slow: 1 d}", ""),
    ("{slow: 20 d}", ""),
    ("reset", ""),
    ("right", ""),
]


@pytest.mark.parametrize(("clock", "told"), CLOCKS)
def test_a_clock_that_is_not_wrong_enough_to_matter_is_remarked(clock, told):
    found = notes(loads(f"scenario: a\ndevices:\n  d: {{network: inet, clock: {clock}}}\nsteps: [{{connect: d}}]\n"))
    assert [note.at.line for note in found] == [3] * bool(told)
    assert all(note.text.startswith(told) for note in found)


def test_a_clock_that_a_step_sets_is_remarked_too():
    steps = "[{set_clock: d, fast: 30 d}, {set_clock: d, slow: 30 d}, {set_clock: d}]"
    (note,) = notes(loads(f"scenario: a\ndevices: {{d: {{network: inet}}}}\nsteps: {steps}\n", "f.yaml"))
    assert str(note).startswith("f.yaml:3:")
    assert "a clock that is 30 d fast changes nothing" in note.text


def test_clocks_are_held_against_what_the_reference_server_makes():
    assert (SERVER_VALID_S, BACKDATED_S) == (authority.SERVER_S, authority.BACKDATED_S)
