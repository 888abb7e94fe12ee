"""Every example of the language's description whose verbs exist runs as it is written, and comes to its verdict."""

from __future__ import annotations

import pytest

from simulator.events.journal import Journal
from simulator.run.settings import RunSettings
from simulator.run.start import rehearse
from simulator.run.watch import Nobody
from simulator.scenario import loads

A_THOUSAND = """\
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

HEAD = """\
scenario: One line of the language
devices:
  old: {network: ciot, transport: coap}
  meter: {network: ciot, transport: coap, payload: {text: "22.5"}}
  meters: {count: 20, network: ciot, transport: coap}
  late: {registered: false}
steps:
  - {attach: [old, meter, meters], expect: [ciotConnect]}
"""

# One step of the description each; what stands behind it proves that it did what it says.
STEPS = [
    ('- update: old\n    imsi: ""\n    expect: [deviceUpdated]', "{state: old, where: {config.ciot.imsi: ''}}"),
    ("- create: late\n    expect: [deviceCreated]\n  - attach: late\n    expect: [ciotConnect]", None),
    ("- upload: old\n    expect: [clientConnected, upstreamMessage]", "{each: old, sees: upstreamMessage, times: 1}"),
    (
        '- upload: old\n    payload: {text: "22.5"}\n'
        '    expect: [clientConnected, {upstreamMessage: {transport: coap, bytes: "4"}}]',
        None,
    ),
    ("- {upload: meters, payload: 24 B}", "{each: meters, sees: {upstreamMessage: {bytes: 24}}, times: 1}"),
    ("- {upload: meters.3}", "{each: meters.3, sees: upstreamMessage}"),
    ("- {upload: meters.0-9}", "{none: meters.10-19, sees: upstreamMessage}"),
    ("- {upload: 10 % of meters}", "{some: meters, sees: upstreamMessage}"),
    ("- {upload: meter, payload: {hex: 0a0b}}", "{each: meter, sees: {upstreamMessage: {bytes: 2}}, times: 1}"),
    (
        '- {upload: meter, payload: {template: "{{ device }} {{ n }}"}}',
        "{each: meter, sees: {upstreamMessage: {bytes: 7}}, times: 1}",
    ),
    ("- {upload: meter, payload: {sensor: temperature}}", "{each: meter, sees: upstreamMessage}"),
    ("- {upload: meters, over: 10 min}", "{each: meters, sees: upstreamMessage, times: 1}"),
    ("- {upload: meters, over: beta-10}", "{each: meters, sees: upstreamMessage, times: 1}"),
    ("- {upload: meters, over: poisson 3/s}", "{each: meters, sees: upstreamMessage, times: 1}"),
    ("- {upload: meters, every: 10 min, for: 2 h}", "{each: meters, sees: upstreamMessage, times: 12}"),
    ("- {upload: meters, at: 1 h, as: NAME}", "{after: NAME, within: 1 s, sees: upstreamMessage}"),
    ("- {upload: meter, path: u, outcome: coap 4.04}", "{none: meter, sees: upstreamMessage}"),
    ("- {upload: meter, path: u, outcome: rejected}", "{none: meter, sees: upstreamMessage}"),
    ("- {blackout: meter, lasting: 90 s}\n  - {upload: meter, retry: 1}", "{each: meter, sees: upstreamMessage}"),
    ("- {together: [{upload: meter}, {wait: 30 s}]}", "{each: meter, sees: upstreamMessage, times: 1}"),
    (
        "- {repeat: {times: 3, steps: [{upload: meter}, {wait: 30 s}]}}",
        "{each: meter, sees: upstreamMessage, times: 3}",
    ),
    ("- {move: meter, to: default, outcome: any}", None),
    ("- {link: meter, preset: nb-iot-good}\n  - {upload: meter}", "{each: meter, sees: upstreamMessage, times: 1}"),
    ("- {restart: platform}\n  - {upload: meter}", "{each: meter, sees: upstreamMessage, times: 1}"),
    ("- {stop: platform}\n  - {start: platform}\n  - {upload: meter}", "{each: meter, sees: upstreamMessage}"),
    ("- {reboot: meter, expect: [ciotConnect]}", "{each: meter, sees: ciotConnect, times: 2}"),
    ("- {power_off: meter}\n  - {power_on: meter}", "{each: meter, sees: ciotConnect, times: 2}"),
    ("- {freeze: meter}\n  - {upload: meter, outcome: failed}", "{none: meter, sees: upstreamMessage}"),
    ("- {upload: meter, expect: [{upstreamMessage: {bytes: {one_of: [3, 4]}}}]}", None),
    ("- {upload: meter, expect: [{upstreamMessage: {transport: {matches: '^c.*'}, bytes: {not: 5}}}]}", None),
    ("- {upload: meter, expect: [{upstreamMessage: {bytes: below 5}}]}", None),
    ("- {upload: meter, expect: [{upstreamMessage: {bytes: at_least 4}}]}", None),
    ("- {wait: 30 s, never: [upstreamMessage]}", None),
    ("- {upload: meter, expect: [clientConnected, {upstreamMessage: {}, of: meter}]}", None),
]

# Form of an expectation over the whole run; the same with a bound that cannot hold.
FORMS = [
    ("{each: meters, sees: upstreamMessage, times: 3}", "{each: meters, sees: upstreamMessage, times: 4}"),
    ("{some: meters, sees: upstreamMessage}", "{some: meters, sees: upstreamMessage, at_least: 4}"),
    ("{none: meters, sees: deviceRemoved}", "{none: meters, sees: clientConnected}"),
    (
        "{sequence: [ciotConnect, upstreamMessage], each: meters}",
        "{sequence: [upstreamMessage, ciotConnect], each: meters}",
    ),
    (
        "{exactly: [ciotConnect, clientConnected, upstreamMessage, upstreamMessage, upstreamMessage], each: meters}",
        "{exactly: [ciotConnect, clientConnected, upstreamMessage], each: meters}",
    ),
    ("{never: [imeiMismatch]}", "{never: [upstreamMessage]}"),
    ("{after: NAME, within: 10 s, sees: upstreamMessage}", "{after: NAME, within: 10 s, sees: deviceUpdated}"),
    ("{latency: upstreamMessage, p99: below 2 s}", "{latency: upstreamMessage, p99: above 2 s}"),
    ("{state: meters, where: {tags.name: any}}", "{state: meters, where: {tags.name: somebody}}"),
    ("{rate: upload, at_least: 99 %}", "{rate: upload, at_most: 99 %}"),
]
REPORTS = "  - {upload: meters, times: 3, as: NAME}\n"


def verdict(text: str) -> tuple[str, list[str]]:
    """The verdict of a scenario, and the checks that did not pass."""
    result = rehearse(loads(text), RunSettings(), Journal(lambda lines: None), Nobody())
    assert result.error is None
    assert not result.skipped
    return result.verdicts.verdict, [j.check for j in result.verdicts.judgements if j.verdict != "pass"]


def test_a_thousand_meters_on_a_poor_radio():
    assert verdict(A_THOUSAND) == ("pass", [])


@pytest.mark.parametrize(("step", "proof"), STEPS, ids=[step for step, _ in STEPS])
def test_a_step(step, proof):
    expect = "" if proof is None else f"expect:\n  - {proof}\n"
    assert verdict(f"{HEAD}  {step}\n{expect}") == ("pass", [])


@pytest.mark.parametrize(("good", "bad"), FORMS, ids=[good for good, _ in FORMS])
def test_a_form_holds_and_its_opposite_does_not(good, bad):
    assert verdict(f"{HEAD}{REPORTS}expect:\n  - {good}\n") == ("pass", [])
    assert verdict(f"{HEAD}{REPORTS}expect:\n  - {bad}\n") == ("fail", ["expect[0]"])


IDENTITIES = """\
scenario: The platform was told of another SIM and of other hardware
devices:
  sim: {identity: {imsi: 001010000000042}}
  hardware: {identity: {imei: 490154203237518}}
  late: {registered: no, identity: {imsi: 001010000000043}}
  half: {identity: {imsi: blank}}
steps:
  - attach: sim
    outcome: rejected
    expect: [{imsiMismatch: {expectedImsi: 001010000000042}}]
    never: [ciotConnect]
  - attach: hardware
    outcome: rejected
    expect: [{imeiMismatch: {expectedImei: 490154203237518}}]
    never: [ciotConnect]
  - create: late
    expect: [{state: late, where: {config.ciot.imsi: 001010000000043}}]
  - {attach: late, outcome: rejected, expect: [imsiMismatch]}
  - {attach: half, expect: [ciotConnect]}
"""


def test_what_the_platform_was_told_decides_who_is_let_in():
    assert verdict(IDENTITIES) == ("pass", [])
