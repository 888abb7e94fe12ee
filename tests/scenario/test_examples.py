"""The examples that explain the language are read as they are written."""

import pytest

from simulator.scenario import loads
from simulator.scenario import model as m
from simulator.scenario.notes import notes

HEAD = "scenario: a\ndevices: {meters: {count: 20}, old: {}, meter: {}}\nobservers: {slow: {reads: 10/s}}\nsteps:\n"

STEPS = [
    "{update: meter, imsi: ''}",
    "{upload: meters, payload: 24 B}",
    "{attach: meters, over: 10 min}",
    "{upload: meters, payload: 24 B, every: 10 min, for: 2 h, outcome: any}",
    "{attach: meters.3}",
    "{attach: meters.0-9}",
    "{attach: 10 % of meters}",
    '{upload: meter, payload: {text: "22.5"}}',
    "{upload: meter, payload: {hex: 0a0b}}",
    '{upload: meter, payload: {template: "{{ device }} {{ n }}"}}',
    "{upload: meter, payload: {sensor: temperature}}",
    "{upload: meters, over: beta-10}",
    "{upload: meters, over: poisson 3/s}",
    "{upload: meters, at: 1 h, outcome: coap 4.04, retry: 3, as: NAME}",
    "{blackout: meters, lasting: 90 s}",
    "{freeze: meters, lasting: 90 s}",
    "{link: meters, preset: nb-iot-ce2, lasting: 90 s}",
    "{together: [{upload: meters}, {wait: 30 s}]}",
    "{wait: 30 s}",
    "{repeat: {times: 3, steps: [{upload: meters}, {wait: 30 s}]}}",
    "{restart: platform, lasting: 5 s}",
    "{upload: meters, expect: [upstreamMessage, {upstreamMessage: {transport: coap}}]}",
    "{upload: meters, expect: [{upstreamMessage: {transport: any, bytes: {one_of: [4, 5]}}, of: old}]}",
    "{upload: meters, expect: [{upstreamMessage: {transport: {matches: '^c.*'}, bytes: {not: 5}}}]}",
    "{upload: meters, expect: [{upstreamMessage: {bytes: below 5}}, {upstreamMessage: {bytes: above 5}}]}",
    "{upload: meters, never: [ciotConnect, imeiMismatch], within: 10 s}",
]  # fmt: skip


@pytest.mark.parametrize("step", STEPS)
def test_steps(step):
    assert loads(f"{HEAD}  - {step}\n").steps


FORMS = [
    ("{each: meters, sees: upstreamMessage, times: 3}", m.Counted),
    ("{some: meters, sees: upstreamMessage, at_least: 3}", m.Counted),
    ("{none: meters, sees: upstreamMessage, at_most: 3}", m.Counted),
    ("{sequence: [ciotConnect, upstreamMessage], each: meters}", m.InSequence),
    ("{exactly: [ciotConnect, upstreamMessage], each: meters}", m.Exactly),
    ("{never: [imeiMismatch]}", m.NeverSeen),
    ("{after: report, within: 5 s, sees: upstreamMessage}", m.AfterAct),
    ("{latency: upstreamMessage, p99: below 2 s}", m.LatencyOf),
    ("{state: meters, where: {firmware.state: Current}}", m.StateOf),
    ("{rate: upload, at_least: 99 %}", m.RateOf),
    ("{dropped: slow, at_least: 1}", m.DroppedFor),
]


@pytest.mark.parametrize(("form", "kind"), FORMS)
def test_forms(form, kind):
    (found,) = loads(f"{HEAD}  - {{upload: meters, as: report}}\nexpect:\n  - {form}\n").expect
    assert isinstance(found, kind)


STORY = """\
scenario: A fleet survives a night of bad weather, and the platform's own restart
seed: 7
needs: [faults]
collections: {north: {region: north}}
tokens:
  reader: {write: no}
observers:
  archive: {collection: north, token: reader}
devices:
  meters: {count: 10, link: nb-iot-good}
  office: {collection: north, payload: {sensor: electricity}, identity: {imei: blank}}
mutants:
  upstreamMessage-missing: [upload-once, "steps[1].form[0]"]
steps:
  - {power_on: [meters, office], over: uniform-60, expect: [ciotConnect]}
  - upload: meters
    as: report
    expect:
      - clientConnected
      - {each: meters, sees: upstreamMessage, times: 1}
    within: 1 min
  - together:
      - {blackout: meters, lasting: 90 s}
      - repeat:
          times: 3
          steps:
            - {upload: office, expect: [upstreamMessage]}
            - {wait: 1 min}
      - {restart: platform, lasting: 5 s, at: 10 min}
  - {reboot: 10 % of meters, abruptly: yes, outcome: any}
  - {send: office, token: reader, outcome: rejected}
  - {power_off: meters}
expect:
  - {sequence: [ciotConnect, clientConnected, upstreamMessage], each: meters}
  - {each: office, sees: upstreamMessage, times: 3, by: archive}
  - {after: report, within: 1 min, sees: upstreamMessage}
  - {state: office, where: {lastTransport: coap}}
"""


def test_a_story_with_everything():
    scenario = loads(STORY, "f")
    assert [step.text for step in scenario.steps] == [
        "power_on meters, office", "upload meters", "blackout meters", "upload office (1 of 3)", "wait 1 min (1 of 3)",
        "upload office (2 of 3)", "wait 1 min (2 of 3)", "upload office (3 of 3)", "wait 1 min (3 of 3)",
        "restart platform", "reboot 10 % of meters", "send office", "power_off meters",
    ]  # fmt: skip
    assert scenario.flow == (0, 1, m.Together((2, m.Block((3, 4, 5, 6, 7, 8)), 9)), 10, 11, 12)
    assert scenario.needs == ("login", "faults", "tokens")
    assert [len(step.forms) for step in scenario.steps[:2]] == [0, 1]
    assert notes(scenario) == ()
