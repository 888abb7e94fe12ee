"""What a right file becomes."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from simulator.errors import Place, ScenarioErrors
from simulator.scenario import find, load, load_all, loads
from simulator.scenario import model as m
from simulator.scenario.payloads import MAX_PAYLOAD_BYTES

SCENARIOS = Path(__file__).parents[2] / "scenarios"

SWAP = """\
scenario: A SIM moved to another meter is refused, then repaired
seed: 7
devices:
  old: {network: ciot, transport: coap}
  new: {network: ciot, transport: coap, sim: none, registered: false}
steps:
  - attach: old
    expect: [ciotConnect]
  - upload: old
    payload: {text: "22.5"}
    expect: [clientConnected, {upstreamMessage: {transport: coap, bytes: "4"}}]
  - {move_sim: old, to: new}
  - attach: new
    outcome: rejected
    expect: [{imeiMismatch: {}, of: old}]
    never: [ciotConnect, upstreamMessage]
  - update: old                              # the documented cure: clear the IMSI of the old device
    imsi: ""
    expect: [deviceUpdated]
  - create: new                              # registered with the SIM that it holds now
    expect: [deviceCreated]
  - attach: new
    expect: [ciotConnect]
  - upload: new
    expect: [clientConnected, upstreamMessage]
"""

THOUSAND = """\
scenario: A thousand meters report every ten minutes for two hours on a poor radio
devices:
  meters: {count: 1000, network: ciot, transport: coap, link: nb-iot-ce1}
steps:
  - {attach: meters, over: 10 min}
  - {upload: meters, payload: 24 B, every: 10 min, for: 2 h, outcome: any}
expect:
  - {rate: upload, at_least: 99 %}
  - {each: meters, sees: upstreamMessage, at_least: 8}
  - {latency: upstreamMessage, p99: below 60 s}
"""

GROUPS = "scenario: a\ndevices: {m: {count: 20}, u: {transport: udp}, old: {}}\n"


def _step(text: str) -> m.Step:
    return loads(f"{GROUPS}collections: {{north: , south: {{a: b}}}}\nsteps:\n  - {text}\n").steps[0]


def _group(text: str) -> m.Group:
    return loads(f"scenario: a\ncollections: {{north: }}\ndevices: {{g: {text}}}\nsteps: [{{attach: g}}]\n").groups[0]


def _expected(text: str) -> m.WholeRun:
    return loads(f"{GROUPS}steps: [{{upload: m, as: first}}]\nexpect: [{text}]\n").expect[0]


def _condition(text: str) -> m.Condition:
    """Of a value that may be anything."""
    return _step(f"{{upload: m, expect: [{{ciotConnect: {{ip: {text}}}}}]}}").expect[0].matcher.conditions[0][1]


def test_the_example_of_a_thousand_meters():
    scenario = loads(THOUSAND, "f")
    (group,) = scenario.groups
    assert (group.name, group.count, group.transport, group.link.preset) == ("meters", 1000, "coap", "nb-iot-ce1")
    attach, upload = scenario.steps
    assert (attach.act, attach.over_s, attach.text) == (m.Attach(), 600.0, "attach meters")
    assert (upload.every_s, upload.times, upload.outcome, upload.place) == (600.0, 12, "any", Place("f", 6, 6))
    assert upload.act == m.Upload(payload=m.Payload(kind="random", size_bytes=24))
    rate, each, latency = scenario.expect
    assert rate == m.RateOf(place=Place("f", 8, 5), verb="upload", at_least=0.99)
    assert isinstance(each, m.Counted)
    assert (each.quantifier, each.subject.text, each.at_least, each.at_most) == ("each", "meters", 8, None)
    assert isinstance(latency, m.LatencyOf)
    assert latency.bounds == ((99.0, m.Condition(op="below", value="60 s", number=60.0)),)


def test_the_example_of_the_moved_sim():
    scenario = loads(SWAP)
    assert scenario.seed == 7
    assert [step.verb for step in scenario.steps] == [
        "attach", "upload", "move_sim", "attach", "update", "create", "attach", "upload",
    ]  # fmt: skip
    assert [(group.name, group.sim, group.registered) for group in scenario.groups] == [
        ("old", m.SimSpec(), True),
        ("new", m.SimSpec(kind="none"), False),
    ]
    moved, refused = scenario.steps[2], scenario.steps[3]
    assert isinstance(moved.act, m.MoveSim)
    assert (moved.text, moved.act.to.text, moved.act.abruptly) == ("move_sim old to new", "new", True)
    assert refused.outcome == "rejected"
    assert (refused.expect[0].matcher.name, refused.expect[0].of.group) == ("imeiMismatch", "old")
    assert [matcher.name for matcher in refused.never] == ["ciotConnect", "upstreamMessage"]
    assert scenario.steps[4].act == m.Update(imsi="")


@pytest.mark.parametrize("path", find([SCENARIOS]), ids=lambda path: path.stem)
def test_every_built_in_scenario_states_a_promise_that_a_mutant_breaks(path):
    for scenario in load_all(path):
        assert len(scenario.promise.split()) > 4
        assert scenario.mutants
        assert scenario.tags
        assert scenario.expect or any(step.expect or step.never for step in scenario.steps)


def test_digits_stay_as_they_were_written():
    step = _step("{update: old, imsi: 001010000000001, tags: {version: 1.10, on: yes, at: 2026-01-01, none: ~}}")
    assert step.act == m.Update(
        imsi="001010000000001", tags=(("version", "1.10"), ("on", "yes"), ("at", "2026-01-01"), ("none", "~"))
    )


@pytest.mark.parametrize(
    ("text", "subject"),
    [
        ("m", ("m", 0, None, None)),
        ("m.3", ("m", 3, 3, None)),
        ("m.0-9", ("m", 0, 9, None)),
        ("old.0", ("old", 0, 0, None)),
        ("10 % of m", ("m", 0, None, 0.1)),
        ("12.5% of m", ("m", 0, None, 0.125)),
        ("50 % of m.10-19", ("m", 10, 19, 0.5)),
    ],
)
def test_subjects(text, subject):
    (found,) = _step(f"{{attach: {text}}}").subjects
    assert (found.group, found.first, found.last, found.share) == subject
    assert found.text == text


def test_a_list_of_subjects_keeps_its_order():
    step = _step("{attach: [old, m.5-6, m.2]}")
    assert [subject.text for subject in step.subjects] == ["old", "m.5-6", "m.2"]
    assert step.text == "attach old, m.5-6, m.2"


@pytest.mark.parametrize(
    ("text", "act"),
    [
        ("{detach: m}", m.Detach()),
        ("{upload: m}", m.Upload()),
        ("{upload: m, path: /data/on/server/, confirmable: no}", m.Upload(path="data/on/server", confirmable=False)),
        ("{poll: m, path: ''}", m.Poll(path="")),
        ("{send: m}", m.SendDown(payload=m.Payload(kind="random", size_bytes=24))),
        ("{send: m, payload: {text: Grüß}}", m.SendDown(payload=m.Payload(kind="bytes", content="Grüß".encode()))),
        ("{create: m}", m.Create()),
        ("{update: old, imsi: blank, imei: '12'}", m.Update(imsi="", imei="12")),
        ("{remove: m}", m.Remove()),
        ("{move: m, to: south}", m.Move(to="south")),
        ("{move: m, to: default}", m.Move(to="")),
        ("{link: m, preset: ntn-geo}", m.ChangeLink(link=m.LinkSpec(preset="ntn-geo"))),
        (
            "{link: m, loss: 100 %}",
            m.ChangeLink(link=m.LinkSpec(preset="", changes=(m.LinkChange(key="loss", up=1.0, down=1.0),))),
        ),
        ("{wait: 250 ms}", m.Wait(seconds=0.25)),
        ("{power_on: m}", m.PowerOn()),
        ("{power_off: m}", m.PowerOff()),
        ("{power_off: m, abruptly: yes}", m.PowerOff(abruptly=True)),
        ("{reboot: m, abruptly: no}", m.Reboot()),
        ("{freeze: m}", m.Freeze()),
        ("{blackout: m}", m.Blackout()),
        ("{withdraw: m}", m.Withdraw(which="newest")),
        ("{withdraw: m, which: all}", m.Withdraw(which="all")),
        ("{restart: platform}", m.Restart()),
        ("{stop: platform}", m.Stop()),
        ("{start: platform}", m.Start()),
        ("{upload: m, payload: {sensor: water}}", m.Upload(payload=m.Payload(kind="sensor", sensor="water"))),
    ],
)
def test_acts(text, act):
    assert _step(text).act == act


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("every: 10 min, for: 2 h", {"every_s": 600.0, "times": 12}),
        ("every: 100 ms, for: 1 s", {"every_s": 0.1, "times": 10}),
        ("every: 7 s, for: 20 s", {"every_s": 7.0, "times": 2}),
        ("every: 1 s, times: 3", {"every_s": 1.0, "times": 3}),
        ("times: 3", {"every_s": None, "times": 3}),
        ("at: 1 h, over: 90 s, as: first", {"at_s": 3600.0, "over_s": 90.0, "name": "first"}),
        ("outcome: coap 4.04", {"outcome": "coap 4.04"}),
        ("retry: 3", {"retries": 3, "retry_pause_s": 0.0}),
        ("retry: {times: 2, pause: 10 s}", {"retries": 2, "retry_pause_s": 10.0}),
        ("never: [ciotConnect], within: 1 min", {"within_s": 60.0}),
        ("as: x", {"within_s": 10.0, "outcome": "ok", "over_s": 0.0, "at_s": None, "times": 1}),
    ],
)
def test_modifiers(text, expected):
    step = _step(f"{{upload: m, {text}}}")
    assert {key: getattr(step, key) for key in expected} == expected


@pytest.mark.parametrize(
    ("text", "lasting_s"),
    [
        ("{blackout: m, lasting: 90 s}", 90.0),
        ("{blackout: m}", None),
        ("{freeze: m, lasting: 1 min, every: 2 min, times: 3}", 60.0),
        ("{link: m, loss: 5 %, lasting: 10 s}", 10.0),
        ("{restart: platform, lasting: 5 s}", 5.0),
    ],
)
def test_how_long_it_stays(text, lasting_s):
    assert _step(text).lasting_s == lasting_s


def test_a_wait_may_watch():
    step = _step("{wait: 1 min, never: [clientConnected], expect: [{deviceRemoved: {}, of: old}], within: 1 s}")
    assert (step.subjects, step.never[0].name, step.expect[0].of.group) == ((), "clientConnected", "old")


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("4", m.Condition(op="equals", value="4")),
        ("04.50", m.Condition(op="equals", value="04.50")),
        ('"any"', m.Condition(op="equals", value="any")),
        ('"below 5"', m.Condition(op="equals", value="below 5")),
        ('""', m.Condition(op="equals", value="")),
        ("any", m.Condition(op="any")),
        ("below 5", m.Condition(op="below", value="5", number=5.0)),
        ("at_least -1.5", m.Condition(op="at_least", value="-1.5", number=-1.5)),
        ("{above: 5}", m.Condition(op="above", value="5", number=5.0)),
        ("{not: 5}", m.Condition(op="not", value="5")),
        ("{one_of: [a, 1.10]}", m.Condition(op="one_of", values=("a", "1.10"))),
        ('{matches: "^a.*"}', m.Condition(op="matches", value="^a.*", pattern=re.compile("^a.*"))),
        (r'{matches: "^(10|127)\\.[0-9]+(x)?$"}', None),
        (r'{matches: "[(+*]+"}', None),
    ],
)
def test_conditions(text, condition):
    found = _condition(text)
    if condition is None:
        assert found.op == "matches"
    else:
        assert found == condition


def test_a_key_that_a_platform_adds_may_be_asked_for():
    step = _step("{upload: m, expect: [{upstreamMessage: {colour: red}}]}")
    assert step.expect[0].matcher.conditions == (("colour", m.Condition(op="equals", value="red")),)


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [
        ("{each: m, sees: ciotConnect, times: 3}", 3, 3),
        ("{some: m, sees: ciotConnect}", 1, None),
        ("{none: m, sees: ciotConnect}", 1, None),
        ("{each: m, sees: ciotConnect, at_most: 0}", None, 0),
        ("{each: m, sees: {ciotConnect: {imsi: any}}, at_least: 2, at_most: 5}", 2, 5),
    ],
)
def test_counts(text, least, most):
    found = _expected(text)
    assert isinstance(found, m.Counted)
    assert (found.at_least, found.at_most) == (least, most)


def test_rates_latencies_and_nevers():
    rate = _expected("{rate: first, at_least: 99.9 %, at_most: 100 %}")
    assert isinstance(rate, m.RateOf)
    assert (rate.verb, rate.at_least, rate.at_most) == ("first", 0.999, 1.0)
    latency = _expected("{latency: upstreamMessage, p50: below 500 ms, p99.9: at_most 2 s, max: below 1 min}")
    assert isinstance(latency, m.LatencyOf)
    assert [(rank, bound.op, bound.number) for rank, bound in latency.bounds] == [
        (50.0, "below", 0.5), (99.9, "at_most", 2.0), (100.0, "below", 60.0),
    ]  # fmt: skip
    never = _expected("{never: [imeiMismatch, {upstreamMessage: {bytes: 0}}], of: m.0-3}")
    assert isinstance(never, m.NeverSeen)
    assert ([matcher.name for matcher in never.matchers], never.of.text) == (
        ["imeiMismatch", "upstreamMessage"],
        "m.0-3",
    )


def test_the_top_of_a_file():
    scenario = loads(
        "scenario: >\n  one\n  two\nabout: |\n  x\n  y\ntags: [smoke, upload]\nseed: 42\norder: all\n"
        'allow: [imeiMismatch, upload-once]\nmutants: {upstreamMessage-missing: "steps[0].outcome"}\n'
        "collections: {north: {region: n}, south: }\n"
        "devices: {m: }\nsteps: [{attach: m}]\n",
        "f",
    )
    assert (scenario.promise, scenario.about, scenario.tags) == ("one two", "x y", ("smoke", "upload"))
    assert (scenario.seed, scenario.all_in_order) == (42, True)
    assert scenario.mutants == (("upstreamMessage-missing", ("steps[0].outcome",)),)
    assert scenario.allow == ("imeiMismatch", "upload-once")
    assert [(c.name, c.tags) for c in scenario.collections] == [("north", (("region", "n"),)), ("south", ())]
    assert scenario.groups == (m.Group(name="m", place=Place("f", 13, 11)),)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{}", {"count": 1, "network": "ciot", "transport": "coap", "registered": True, "stack": "own"}),
        ("{count: 3, network: ciot, transport: udp}", {"count": 3, "transport": "udp"}),
        ("{registered: no, identity: {imei: blank}}", {"registered": False, "blank": frozenset({"imei"})}),
        ("{registered: True, identity: {imsi: blank, imei: blank}}", {"blank": frozenset({"imsi", "imei"})}),
        ("{payload: {hex: ''}, stack: aiocoap}", {"payload": m.Payload(kind="bytes"), "stack": "aiocoap"}),
        ("{payload: {hex: 0a 0B}}", {"payload": m.Payload(kind="bytes", content=b"\n\x0b")}),
        ("{payload: 64KiB}", {"payload": m.Payload(kind="random", size_bytes=65536)}),
        ("{tags: {a: 1, b: ''}, collection: north}", {"tags": (("a", "1"), ("b", "")), "collection": "north"}),
        ("{collection: default}", {"collection": ""}),
        (
            "{identity: {imsi: 001010000000001, imei: blank}}",
            {"registered_as": (("imsi", "001010000000001"),), "blank": frozenset({"imei"})},
        ),
        ("{link: wifi}", {"link": m.LinkSpec(preset="wifi")}),
    ],
)
def test_groups(text, expected):
    group = _group(text)
    assert {key: getattr(group, key) for key in expected} == expected


def test_links_in_si_units_one_way_or_both():
    group = _group(
        "{link: {preset: nb-iot-good, loss: 5 %, delay: {up: 250 ms}, rate: {up: 20 kbit/s, down: 1 Mbit/s},"
        " mtu: 1 KiB, reorder: yes, half_duplex: no, wake: 2 s, sigma: 0.5, queue: 10, corrupt: 1e-6,"
        " duplicate: 0.1 %}}"
    )
    assert group.link.preset == "nb-iot-good"
    assert {change.key: (change.up, change.down) for change in group.link.changes} == {
        "loss": (0.05, 0.05), "delay": (0.25, None), "rate": (20e3, 1e6), "mtu": (1024, 1024), "reorder": (1, 1),
        "half_duplex": (0, 0), "wake": (2, 2), "sigma": (0.5, 0.5), "queue": (10, 10), "corrupt": (1e-6, 1e-6),
        "duplicate": (0.001, 0.001),
    }  # fmt: skip


def test_template_fields_have_one_form():
    group = _group('{payload: {template: "{{device}}: {{  n }} {x}"}}')
    assert group.payload == m.Payload(kind="template", template="{{ device }}: {{ n }} {x}")


def test_a_payload_may_be_a_file_beside_the_scenario(tmp_path):
    home = tmp_path / "home"
    (home / "data").mkdir(parents=True)
    (home / "data" / "report.bin").write_bytes(b"\x00\xff")
    (home / "empty.bin").write_bytes(b"")
    (home / "large.bin").write_bytes(bytes(MAX_PAYLOAD_BYTES + 1))
    (tmp_path / "secret").write_text("x")
    (home / "way_out").symlink_to(tmp_path / "secret")

    def payload(name: str) -> m.Payload | None:
        (home / "f.yaml").write_text(
            f"scenario: a\ndevices: {{g: {{payload: {{file: {name}}}}}}}\nsteps: [{{upload: g}}]"
        )
        return load(home / "f.yaml").groups[0].payload

    assert payload("data/report.bin") == m.Payload(kind="bytes", content=b"\x00\xff")
    for name, told in [
        ("nowhere.bin", "there is no file 'nowhere.bin'"),
        ("data", "'data' is a folder"),
        ("empty.bin", "'empty.bin' is empty"),
        ("large.bin", "'large.bin' is too large (a payload has at most 1024 KiB)"),
        ("../secret", "'../secret' is outside of the scenario's folder"),
        ("way_out", "'way_out' is outside of the scenario's folder"),
        ("/etc/passwd", "'/etc/passwd' is outside of the scenario's folder"),
    ]:
        with pytest.raises(ScenarioErrors) as caught:
            payload(name)
        assert str(caught.value).startswith(f"{home / 'f.yaml'}:2:31: {told}")


def test_loading_is_the_same_whatever_the_hash_seed():
    script = "import sys; from simulator.scenario import loads; print(loads(sys.stdin.read()))"
    outputs = {
        subprocess.run(
            [sys.executable, "-c", script], input=THOUSAND, capture_output=True, text=True, check=True,
            env={"PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(outputs) == 1


def test_a_parser_of_yaml_is_imported_only_when_a_file_is_read():
    script = "import sys, simulator.scenario, simulator.plan; print(any('ruamel' in name for name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
