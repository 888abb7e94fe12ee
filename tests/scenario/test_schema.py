"""The JSON Schema for editors: as strict as the loader where it can be, and never stricter."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from simulator import words
from simulator.errors import ScenarioErrors
from simulator.scenario import loads
from simulator.scenario.forms import EXAMPLES
from simulator.scenario.schema import schema

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = schema()
VALIDATOR = Draft202012Validator(SCHEMA)

# As an editor reads it, and with the scalars left as text, as the loader does.
READERS = {"typed": "safe", "text": "base"}


def read(text: str, reader: str) -> object:
    yaml = YAML(typ=READERS[reader], pure=True)
    yaml.version = (1, 2)
    return json.loads(json.dumps(yaml.load(text), default=str))


def mistakes(text: str, reader: str) -> list[str]:
    return [f"{error.json_path}: {error.message[:200]}" for error in VALIDATOR.iter_errors(read(text, reader))]


def shown() -> list[tuple[str, str]]:
    """Every scenario that there is: the built-in ones, and those of the README."""
    files = [
        (str(path.relative_to(ROOT)), path.read_text("utf-8")) for path in sorted((ROOT / "scenarios").rglob("*.yaml"))
    ]
    blocks = re.findall(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
    return files + [(f"README {number}", block) for number, block in enumerate(blocks)]


def test_it_is_a_schema():
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize(("name", "text"), [pytest.param(*one, id=one[0]) for one in shown()])
def test_what_is_shown_is_valid(name, text, reader):
    if not re.search(r"^steps:", text, re.MULTILINE):
        pytest.skip("a fragment that others include is no scenario")
    assert mistakes(text, reader) == []


HEAD = """\
scenario: Something is promised
devices:
  meters: {count: 10, transport: coap, link: nb-iot-good}
  other:
collections:
  north: {region: north, floor: 3}
"""
STEPS = "steps:\n  - attach: meters\n"


def step(text: str) -> str:
    return f"{HEAD}steps:\n  - {text}\n"


def group(text: str) -> str:
    return f"scenario: x\ndevices: {{meters: {text}}}\n{STEPS}"


def expect(text: str) -> str:
    return (
        f"{HEAD}tokens: {{reader: {{write: no}}}}\nobservers: {{slow: {{reads: 10/s}}}}\n{STEPS}expect:\n  - {text}\n"
    )


STEPS_ = "steps: [{wait: 1 s}]\n"

CASES = """\
scenario: A SIM that is $how ($case)
seed: $seed
tags: [$case]
mutants: $mutants
cases:
  moved.away: {how: moved, seed: 7, count: 2, sim: {profiles: 2}, who: a, act: {move_sim: a.0, to: b}, seen: [],
               reason: {rejected: x}, counted: {accepted: 1}, mutants: {}, wait: 3 s, key: x, all: 2}
  other:
    {how: left, seed: 8, count: 1, sim: none, who: b, act: {wait: 1 s}, seen: [ciotConnect], reason: any,
     counted: {rejected: below 2}, mutants: {ciotConnect-missing: act-once}, wait: 4 s, key: y, all: 5}
devices:
  a: {count: $count, sim: $sim, tags: {k: $key}}
  b:
steps:
  - $act
  - {attach: $who, expect: $seen, outcome: $reason, retry: {times: $all, pause: $wait}}
  - {repeat: {times: 2, steps: [{wait: $wait}]}}
expect:
  - {statistics: $counted}
  - {each: $who, sees: ciotConnect, at_least: $all}
"""

RIGHT = [
    step("{attach: [meters.0-4, 10 % of meters], over: 10 min, retry: {times: 3, pause: 1.5 s}}"),
    step('{upload: meters.3, payload: {hex: 0102}, path: 7, every: 10 min, for: 2 h, outcome: coap 4.04}'),
    step("{upload: meters, payload: {sensor: temperature}, confirmable: No, times: 2}"),
    step("{upload: meters, over: poisson 3/s, at: 1 h, as: report}"),
    step("{upload: meters, over: beta-10}"),
    step("{update: other, imsi: 001010000000001}"),
    step('{update: other, imsi: "", tags: {floor: 3, lit: true, name: ""}}'),
    step("{link: meters, loss: {up: 5 %}, half_duplex: yes, corrupt: 1e-6}"),
    step("{link: meters.3, preset: nb-iot-ce2, lasting: 90 s}"),
    step("{blackout: meters, lasting: 90 s}"),
    step("{restart: platform, lasting: 5 s, never: [upstreamMessage]}"),
    step("{wait: 30 s, never: [ciotConnect], within: 1 min}"),
    step("{together: [{attach: meters}, {repeat: {times: 3, steps: [{upload: other}]}}], at: 5 s}"),
    step("{attach: meters, expect: [ciotConnect, {imeiMismatch: {}, of: other}, {imsiMismatch: , of: meters.0}]}"),
    step("{attach: meters, expect: [{exactly: [], each: meters}, {state: meters, where: {firmware.state: Current}}]}"),
    step("{upload: meters, expect: [{upstreamMessage: {transport: {one_of: [udp, coap]}, bytes: below 64, new: 5}}]}"),
    step("{upload: meters, expect: [{upstreamMessage: {bytes: {not: 5}, transport: {matches: ^c}}}]}"),
    step("{upload: meters, never: [{downstreamMessage: {bytes: {at_least: 5}}}]}"),
    group("{identity: {imsi: blank, imei: 49015420323751}, registered: false, collection: default, tags: {a: 1.10}}"),
    group("{link: {preset: wifi, delay: 60 ms, mtu: 1280 B, queue: 10, rate: 20 kbit/s}, payload: 1 KiB}"),
    *(expect(example.replace("report", "report")) for example in EXAMPLES.values()),
    expect("{each: meters, sees: upstreamMessage, at_least: 1, by: slow}"),
    expect("{latency: {upstreamMessage: {bytes: 24}}, p99.9: below 2 s, max: at_most 1 min}"),
    step("{move_sim: meters.0-4, to: meters.5-9, abruptly: no}"),
    step("{swap_sims: other, with: meters.3, expect: [], never: []}"),
    step("{insert_sim: meters, card: fresh}"),
    step("{remove_sim: meters, outcome: {failed: no SIM}}"),
    step("{update_modem: meters, svn: 0}"),
    step("{roam: meters, operator: home, rat: lte-m, cell: 19088641}"),
    step("{cut_off: meters, outcome: any}"),
    step("{update: meters, imsi: held, imei: held}"),
    step("{attach: meters, outcome: {rejected: IMEI mismatch}, retry: {times: 8, pause: mobile}}"),
    group("{sim: none, modem: {svn: 2}, operator: home, rat: nb-iot, cell: 0}"),
    group("{sim: {profiles: 2}}"),
    group("{sim: {}, modem: {}}"),
    f"scenario: x\noperators: {{home: , a: {{plmn: 00101, gateways: 2, omits: [], apn: iot.test}}}}\n{STEPS_}",
    f"scenario: x\noperators: {{a: {{retransmit: pgw-simple, rat: nr, link: wifi, lost_after: 1 min}}}}\n{STEPS_}",
    f"scenario: x\nplatform: {{mismatch_policy: first, disconnect_on_update: yes, interim: 10 min}}\n{STEPS_}",
    expect('{statistics: {accepted: 2, "rejected.IMEI mismatch": {one_of: [1, 2]}, stops.x: below 5, sessions: 0}}'),
    group("{network: inet, transport: dtls, certificate: self-signed, clock: reset}"),
    group("{network: inet, certificate: {of: other.3}, clock: {fast: 20 d}, connection: {}}"),
    group("{network: inet, connection: {resume: no, on_demand: true, close_after: 5 min, renew_after: 9 s}}"),
    group("{network: inet, connection: {timeout: 9 s, cipher: ccm8}, clock: right}"),
    step("{connect: meters, resume: no, outcome: {rejected: certificate expired}, retry: 2}"),
    step("{together: [{disconnect: meters}, {vanish: other}, {rebind_nat: meters.3}]}"),
    step("{upload_blob: meters, payload: 20 MB, path: a/b.jpg, content_type: image/jpeg, outcome: {rejected: 413}}"),
    step("{together: [{set_clock: meters}, {set_clock: meters.1, slow: 3 h}, {set_clock: other, fast: 1 s}]}"),
    step("{renew_certificate: meters, token: reader}"),
    f"scenario: x\nplatform: {{inet_idle: 1 min, transport_compat: unspecified}}\n{STEPS_}",
    expect("{state: other, where: {metadata.inet.remoteAddress: any, metadata.inet.certificateSerial: 7}}"),
    expect("{statistics: {handshakes: 11, handshakes.resumed: at_least 9, sessions.inet: 0}}"),
    CASES,
]  # fmt: skip


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("text", RIGHT)
def test_what_the_loader_takes_is_valid(text, reader):
    assert mistakes(text, reader) == []


WRONG = {
    "a certificate that is none": group("{network: inet, certificate: mine}"),
    "a copy of nobody": group("{network: inet, certificate: copy}"),
    "a certificate of nobody": group("{network: inet, certificate: {}}"),
    "a clock that is fast and slow": group("{network: inet, clock: {fast: 1 s, slow: 1 s}}"),
    "a clock that is no clock": group("{network: inet, clock: wrong}"),
    "a cipher that is none": group("{network: inet, connection: {cipher: rc4}}"),
    "a silence without a unit": group("{network: inet, connection: {close_after: 5}}"),
    "an unknown key of a connection": group("{network: inet, connection: {resumes: no}}"),
    "a clock that is set twice": step("{set_clock: other, fast: 1 s, slow: 1 s}"),
    "a resumption that is none": step("{connect: other, resume: maybe}"),
    "a content type that is none": step("{upload_blob: other, content_type: jpeg}"),
    "a message that says what it is": step("{upload: other, content_type: image/jpeg}"),
    "a platform that says anything": f"scenario: x\nplatform: {{transport_compat: dtls}}\n{STEPS_}",
    "a SIM that is none": group("{sim: nothing}"),
    "two kinds of SIM": group("{sim: {profiles: 2, imsis: 2}}"),
    "one profile": group("{sim: {profiles: 1}}"),
    "a modem of tomorrow": group("{modem: {svn: 99}}"),
    "an unknown radio": group("{rat: 4g}"),
    "a cell that is none": group("{cell: here}"),
    "an unknown key of an operator": f"scenario: x\noperators: {{a: {{plnm: 24201}}}}\n{STEPS_}",
    "a plmn that is none": f"scenario: x\noperators: {{a: {{plmn: 242-01}}}}\n{STEPS_}",
    "no gateway": f"scenario: x\noperators: {{a: {{gateways: 0}}}}\n{STEPS_}",
    "a list that is none": f"scenario: x\noperators: {{a: {{omits: imei}}}}\n{STEPS_}",
    "an unknown option": f"scenario: x\nplatform: {{policy: first}}\n{STEPS_}",
    "a SIM that goes nowhere": step("{move_sim: other}"),
    "a card that nobody has": step("{insert_sim: other, card: old}"),
    "a step to nowhere": step("{roam: other}"),
    "a reason for a timeout": step("{attach: other, outcome: {timeout: x}}"),
    "two outcomes": step("{attach: other, outcome: {rejected: x, failed: y}}"),
    "modems that upload": step("{upload: other, retry: {times: 3, pause: mobile}}"),
    "what nobody counts": expect("{statistics: {acepted: 2}}"),
    "what nobody counts like that": expect("{statistics: {rejected.*: 2}}"),
    "a count that is none": expect("{statistics: {accepted: many}}"),
    "no count at all": expect("{statistics: {}}"),
    "statistics of a step": step("{attach: other, expect: [{statistics: {accepted: 2}}]}"),
    "no cases": f"scenario: x\ncases: {{}}\n{STEPS_}",
    "a case that is a list": f"scenario: x\ncases: {{a: [b]}}\n{STEPS_}",
    "a case that cannot be called so": f"scenario: x\ncases: {{a b: }}\n{STEPS_}",
    "a parameter that is always there": f"scenario: x\ncases: {{a: {{case: b}}}}\n{STEPS_}",
    "a parameter without cases": f"scenario: x\ndevices: {{meters: {{count: $n}}}}\n{STEPS}",
    "a key that is a parameter": CASES.replace("count: $count", "$count: 3"),
    "an unknown verb beside cases": CASES.replace("{attach: $who", "{atach: $who"),
    "a wrong word beside cases": CASES.replace("  b:\n", "  b: {transport: cop}\n"),
    "more than a parameter": CASES.replace("wait: $wait}", "wait: $wait.x}"),
    "no promise": f"devices: {{meters: }}\n{STEPS}",
    "no steps": "scenario: x\n",
    "an unknown key": f"scenario: x\nstepps: []\n{STEPS}",
    "a key that comes later": f"{HEAD}assets: {{a: }}\n{STEPS}",
    "an unknown verb": step("atach: meters"),
    "a verb that comes later": step("move_sim: meters"),
    "two verbs": step("{attach: meters, detach: meters}"),
    "no verb": step("{over: 10 min}"),
    "an unknown key beside a verb": step("{attach: meters, ovr: 10 min}"),
    "an argument of another verb": step("{attach: meters, payload: 24 B}"),
    "a modifier that does not fit": step("{wait: 3 s, over: 10 s}"),
    "retry of what is not retried": step("{create: meters, retry: 3}"),
    "a required argument": step("move: meters"),
    "an update of nothing": step("update: meters"),
    "a size without a unit": step("{upload: meters, payload: 24}"),
    "a bad unit": step("{upload: meters, payload: 24 Bytes}"),
    "a duration without a unit": step("{attach: meters, over: 10}"),
    "a unit of another kind": step("{attach: meters, over: 10 B}"),
    "a payload of two kinds": step("{upload: meters, payload: {text: a, hex: 0a}}"),
    "no hex": step("{upload: meters, payload: {hex: 0g}}"),
    "an unknown sensor": step("{upload: meters, payload: {sensor: thermometer}}"),
    "an unknown traffic model": step("{attach: meters, over: gamma-10}"),
    "every without an end": step("{upload: meters, every: 10 min}"),
    "for without every": step("{upload: meters, for: 2 h}"),
    "for and times": step("{upload: meters, every: 1 s, for: 2 h, times: 3}"),
    "within without expect": step("{attach: meters, within: 3 s}"),
    "an outcome that cannot be": step("{detach: meters, outcome: coap 4.04}"),
    "an unknown outcome": step("{upload: meters, outcome: okay}"),
    "another platform": step("restart: meters"),
    "a subject that names nobody": step("attach: meters.x"),
    "an unknown event": step("{attach: meters, expect: [ciotConect]}"),
    "an event that comes later": step("{attach: meters, expect: [declare_asset]}"),
    "a fact for data": step("{attach: meters, expect: [{ciotConnect: {deviceId: a}}]}"),
    "two events in one": step("{attach: meters, expect: [{ciotConnect: , upstreamMessage: }]}"),
    "an unknown transport": step("{upload: meters, expect: [{upstreamMessage: {transport: upd}}]}"),
    "a size with a unit": step("{upload: meters, expect: [{upstreamMessage: {bytes: 24 B}}]}"),
    "an unknown condition": step("{upload: meters, expect: [{upstreamMessage: {bytes: {less: 5}}}]}"),
    "two conditions": step("{upload: meters, expect: [{upstreamMessage: {bytes: {above: 5, below: 9}}}]}"),
    "a form for the whole run": step("{upload: meters, expect: [{rate: upload, at_least: 99 %}]}"),
    "an unknown preset": group("{link: nb-iot-ce9}"),
    "an unknown key of a radio": group("{link: {los: 5 %}}"),
    "loss and bursts": group("{link: {loss: 5 %, loss_p: 1 %}}"),
    "up and down of what has none": group("{link: {half_duplex: {up: yes}}}"),
    "an unknown network": group("{network: lora}"),
    "a transport that comes later": group("{transport: gateway}"),
    "no count": group("{count: many}"),
    "a negative count": group("{count: -1}"),
    "neither yes nor no": group("{registered: maybe}"),
    "a name that is none": f"scenario: x\ndevices: {{my.meters: }}\n{STEPS}",
    "an unknown trouble": f"{HEAD}{STEPS}allow: [imeiMissmatch]\n",
    "an unknown order": f"{HEAD}{STEPS}order: some\n",
    "an unknown capability": f"{HEAD}{STEPS}needs: [magic]\n",
    "an unknown form": expect("{ech: meters, sees: upstreamMessage}"),
    "a form without its event": expect("{each: meters}"),
    "times and at_least": expect("{each: meters, sees: upstreamMessage, times: 2, at_least: 1}"),
    "a rate without a bound": expect("{rate: upload}"),
    "a rate that is no share": expect("{rate: upload, at_least: 99}"),
    "a latency without a bound": expect("{latency: upstreamMessage}"),
    "a bound without a comparison": expect("{latency: upstreamMessage, p99: 2 s}"),
    "no percentile": expect("{latency: upstreamMessage, q99: below 2 s}"),
    "a sequence of nobody": expect("{sequence: [ciotConnect]}"),
    "an event alone": expect("ciotConnect"),
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("text", [pytest.param(text, id=name) for name, text in WRONG.items()])
def test_what_is_wrong_is_refused(text, reader):
    assert mistakes(text, reader)


@pytest.mark.parametrize("text", [pytest.param(text, id=name) for name, text in WRONG.items()])
def test_the_loader_refuses_the_same(text):
    with pytest.raises(ScenarioErrors):
        loads(text)


def strings(value: object) -> set[str]:
    """Every key and every text in it."""
    if isinstance(value, dict):
        return set(value) | set().union(*map(strings, value.values()))
    if isinstance(value, list):
        return set().union(*map(strings, value))
    return {value} if isinstance(value, str) else set()


TABLES = {
    name: table
    for name, table in vars(words).items()
    if name.isupper() and isinstance(table, dict) and all(hasattr(word, "help") for word in table.values())
}


@pytest.mark.parametrize("table", [name for name in TABLES if name != "ARRIVALS"])
def test_every_word_that_this_version_has_is_offered_with_its_help(table):
    there = strings(SCHEMA)
    missing = [word.name for word in TABLES[table].values() if getattr(word, "now", True) and word.name not in there]
    silent = [word.name for word in TABLES[table].values() if getattr(word, "now", True) and word.help not in there]
    assert (missing, silent) == ([], [])


@pytest.mark.parametrize("event", [event for event in words.EVENTS.values() if event.now], ids=lambda event: event.name)
def test_the_data_keys_of_every_event_are_offered(event):
    offered = SCHEMA["$defs"][f"data of {event.name}"]["anyOf"][1]["properties"]
    assert tuple(offered) == event.data


def test_no_word_that_comes_later_is_offered():
    offered = SCHEMA["$defs"]["step"]["properties"]
    assert [verb.name for verb in words.VERB.values() if not verb.now and verb.name in offered] == []
