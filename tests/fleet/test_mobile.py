"""The mobile network of a run: SIMs that move, sessions that end, addresses that change, and when a run is over."""

from __future__ import annotations

import msgspec
import pytest

from simulator.scenario import loads

FIRST_EXAMPLE = """\
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
    within: 1 s
  - update: old
    imsi: ""
    expect: [deviceUpdated]
  - create: new
    expect: [deviceCreated]
  - attach: new
    expect: [ciotConnect]
  - upload: new
    expect: [clientConnected, upstreamMessage]
"""


@pytest.fixture
def story(tmp_path, run_scenario):
    """Run a file; returns verdicts, report and records."""

    def run(text, **settings):
        path = tmp_path / "story.yaml"
        path.write_text(text, encoding="utf-8")
        verdicts, report, journal = run_scenario(path, **settings)
        return verdicts, report, [msgspec.json.decode(line) for line in journal.splitlines()]

    return run


def ended(records, verb, subject=None):
    """(subject, outcome, detail) of the acts of a verb, in the order of their ends."""
    return [
        (r["subject"], r["outcome"], r["detail"])
        for r in records
        if r["kind"] == "act" and r["phase"] == "ended" and r["verb"] == verb and subject in (None, r["subject"])
    ]


def of_kind(records, kind):
    return [r for r in records if r["kind"] == kind]


def events(records, name, subject):
    return [r for r in of_kind(records, "event") if (r["name"], r["subject"]) == (name, subject)]


# --- SIMs -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({}, id="virtual"),
        pytest.param({"time": "real"}, id="real", marks=pytest.mark.real),
        pytest.param({"time": "real", "wire": "mapped"}, id="mapped", marks=pytest.mark.real),
        pytest.param({"stack": "aiocoap"}, id="aiocoap"),
    ],
)
def test_the_first_example_of_the_language(story, settings):
    verdicts, report, _ = story(FIRST_EXAMPLE, **settings)
    assert verdicts.verdict == "pass", report


def test_the_same_seed_writes_the_same_journal(story):
    assert story(FIRST_EXAMPLE)[2] == story(FIRST_EXAMPLE)[2]


@pytest.mark.parametrize("wire", ["virtual", pytest.param("mapped", marks=pytest.mark.real)])
@pytest.mark.parametrize("transport", ["coap", "udp"])
def test_a_fresh_card_gets_an_address_from_the_platform_and_the_device_speaks_from_there(story, transport, wire):
    verdicts, report, records = story(
        f"""\
scenario: s
devices:
  m: {{transport: {transport}, count: 2}}
steps:
  - {{attach: m, expect: [ciotConnect]}}
  - {{insert_sim: m.0, card: fresh}}
  - {{upload: m.0, payload: 3 B, outcome: failed}}
  - {{attach: m.0, outcome: {{rejected: IMSI mismatch}}, expect: [imsiMismatch]}}
  - {{update: m.0, imsi: held}}
  - {{attach: m.0, expect: [ciotConnect]}}
  - {{send: m, payload: 5 B}}
  - {{upload: m, payload: 3 B, expect: [upstreamMessage, downstreamMessage]}}
  - {{insert_sim: m.0}}
  - {{update: m.0, imsi: held}}
  - {{attach: m.0, expect: [ciotConnect]}}
  - {{upload: m, payload: 3 B, expect: [upstreamMessage]}}
""",
        **({} if wire == "virtual" else {"time": "real", "wire": wire}),
    )
    assert verdicts.verdict == "pass", report
    ips = [event["data"]["ip"] for event in events(records, "ciotConnect", "m.0")]
    assert ips[0] == ips[2] != ips[1]
    assert {received["subject"] for received in of_kind(records, "received")} == {"m.0", "m.1"}


def test_a_platform_that_is_not_told_which_address_a_sim_had_gives_each_one(story):
    verdicts, report, records = story("""\
scenario: s
operators: {home: {omits: [address]}}
devices:
  late: {count: 2}
  early: {count: 3, link: {delay: 100 ms}}
steps:
  - {attach: early, expect: [ciotConnect]}
  - {attach: late, expect: [ciotConnect]}
  - {upload: [early, late], payload: 3 B, expect: [upstreamMessage]}
  - {upload: early, payload: 3 B, expect: [upstreamMessage], within: 150 ms}
""")
    assert verdicts.verdict == "pass", report
    names = ["early.0", "early.1", "early.2", "late.0", "late.1"]
    ips = [event["data"]["ip"] for name in names for event in events(records, "ciotConnect", name)]
    assert len(set(ips)) == 5
    began, over = ({r["subject"]: r["t_s"] for r in of_kind(records, "act") if r["step"] == 2 and r["phase"] == phase}
                   for phase in ("began", "ended"))  # fmt: skip
    took = {name: round(over[name] - began[name], 3) for name in names}
    assert took == dict.fromkeys(names[:3], 0.2) | dict.fromkeys(names[3:], 0.0)  # links stay with their devices


def test_a_copied_card_takes_the_session_over_and_may_lose_it_again(story):
    _, report, records = story("""\
scenario: s
devices:
  a: {identity: {imei: blank}}
  b: {registered: false, sim: {clone_of: a}}
steps:
  - {attach: a, expect: [ciotConnect]}
  - {upload: a, payload: 3 B, expect: [upstreamMessage]}
  - attach: b
    expect: [{ciotConnect: {}, of: a}]
  - {upload: a, payload: 3 B, outcome: failed}
  - {upload: b, payload: 4 B, expect: [{upstreamMessage: {bytes: "4"}, of: a}]}
  - {attach: a, expect: [ciotConnect]}
  - {upload: b, payload: 3 B, outcome: failed}
  - {upload: a, payload: 5 B, expect: [{upstreamMessage: {bytes: "5"}}]}
""")
    assert [r for r in ended(records, "upload") if r[1] != "failed"] == [
        ("a", "ok", ""), ("b", "ok", ""), ("a", "ok", ""),
    ], report  # fmt: skip
    assert len({event["data"]["ip"] for event in events(records, "ciotConnect", "a")}) == 1


NO_RADIO = "{link: m, loss: 100 %}"


@pytest.mark.parametrize(
    ("deed", "why"),
    [
        ("{remove_sim: m.0, at: 5 s}", "the SIM was pulled"),
        ("{roam: m.0, operator: abroad, at: 5 s}", "the device has left the network for abroad"),
        ("{cut_off: m.0, at: 5 s}", "cut off by the platform"),
        ("{detach: m.0, at: 5 s}", "the device has detached"),
    ],
)
def test_what_was_under_way_ends_when_the_session_does(story, deed, why):
    _, report, records = story(f"""\
scenario: s
operators: {{abroad: {{plmn: "24201"}}}}
devices: {{m: {{count: 2}}}}
steps:
  - attach: m
  - {NO_RADIO}
  - together:
      - {{upload: m, payload: 3 B, outcome: any, retry: 1}}
      - {deed}
""")
    silent = "not attached: the device has no address on the mobile network"
    first, second = ended(records, "upload")
    assert first == ("m.0", "failed", silent), report  # it has tried again, and had no network for that
    assert second[:2] == ("m.1", "timeout")
    _, _, records = story(f"""\
scenario: s
operators: {{abroad: {{plmn: "24201"}}}}
devices: {{m: {{count: 2}}}}
steps:
  - attach: m
  - {NO_RADIO}
  - together:
      - {{upload: m.0, payload: 3 B, outcome: any}}
      - {deed}
""")
    assert ended(records, "upload") == [("m.0", "failed", why)]


def test_a_card_pulled_while_the_network_is_asked_leaves_nobody_attached(story):
    _, report, records = story("""\
scenario: s
operators: {home: {link: {delay: 2 s}}}
devices: {m: {}}
steps:
  - together:
      - {attach: m, outcome: failed}
      - {remove_sim: m, at: 1 s}
  - wait: 5 s
  - {upload: m, outcome: failed}
  - {insert_sim: m}
  - {attach: m}
  - {upload: m, payload: 3 B}
""")
    assert ended(records, "attach") == [("m", "failed", "the SIM was pulled"), ("m", "ok", "")], report


SLOW_CORE = """\
scenario: s
operators: {home: {link: {delay: 2 s}, lost_after: 20 s}}
devices: {m: {}, k: {}}
steps:
  - attach: [m, k]
"""


def test_who_detaches_while_it_asks_anew_is_not_attached(story):
    _, report, records = story(f"""\
{SLOW_CORE}\
  - together:
      - {{attach: m, outcome: failed}}
      - {{detach: m, at: 5 s}}
  - {{upload: m, outcome: failed}}
  - wait: 30 s
  - {{attach: m}}
  - {{upload: m, payload: 3 B, expect: [upstreamMessage]}}
""")
    assert ended(records, "attach")[2:] == [("m", "failed", "the device has detached"), ("m", "ok", "")], report


@pytest.mark.parametrize("during", ["detach: m", "remove_sim: m, abruptly: no", "attach: m"])
def test_who_froze_in_between_has_no_session_that_the_network_has_not(story, during):
    _, report, records = story(f"""\
{SLOW_CORE}\
  - together:
      - {{{during}, outcome: any}}
      - {{freeze: m, lasting: 10 s, at: 5 s}}
  - wait: 30 s
  - {{upload: m, outcome: failed}}
""")
    assert ended(records, "upload")[0][:2] == ("m", "failed"), report


def test_hands_go_on_where_the_power_goes(story):
    _, report, records = story(f"""\
{SLOW_CORE}\
  - together:
      - {{swap_sims: m, with: k, abruptly: no, outcome: failed}}
      - {{power_off: m, abruptly: yes, at: 5 s}}
  - {{attach: k, outcome: {{rejected: IMEI mismatch}}}}
""")
    assert ended(records, "swap_sims") == [
        ("m", "failed", "the SIM was pulled, but could not detach: the device was switched off")
    ], report


def test_of_two_who_take_the_same_card_the_last_one_has_it(story):
    _, report, records = story(f"""\
{SLOW_CORE}\
  - together:
      - {{move_sim: m, to: k, abruptly: no, outcome: any}}
      - {{insert_sim: k, card: fresh}}
  - {{attach: k, outcome: any}}
  - {{attach: m, outcome: failed}}
""")
    assert ended(records, "attach")[-1] == ("m", "failed", "no SIM"), report


# --- the network ------------------------------------------------------------------------------------------------------


def test_nobody_waits_for_the_hour_after_which_a_lost_device_is_noticed(story):
    _, report, records = story("""\
scenario: s
devices: {m: {count: 3, link: nb-iot-good}}
steps:
  - attach: m
  - {power_off: m, abruptly: yes}
""")
    assert of_kind(records, "end")[0]["t_s"] < 60, report


def test_a_session_without_its_device_ends_after_the_time_of_its_operator(story):
    verdicts, report, _ = story("""\
scenario: s
operators: {home: {lost_after: 10 min}}
devices: {m: {count: 3}}
steps:
  - attach: m
  - {power_off: m.0, abruptly: yes}
  - {remove_sim: m.1}
  - wait: 11 min
expect:
  - {statistics: {accepted: 3, sessions: 1, "stops.Lost-Carrier": 2}}
""")
    assert verdicts.verdict == "pass", report


def test_what_was_counted_is_read_before_and_after_the_story(story):
    _, _, records = story("scenario: s\ndevices: {m: {count: 2}}\nsteps:\n  - attach: m\n  - detach: m\n")
    began, over = of_kind(records, "statistics")
    assert (began["phase"], over["phase"]) == ("began", "ended")
    assert began["found"].get("accepted", 0) == 0
    assert [over["found"][name] for name in ("accepted", "accounting.start", "accounting.stop", "sessions")] == [
        2, 2, 2, 0,
    ]  # fmt: skip


def test_a_platform_that_is_down_is_asked_as_often_as_a_gateway_asks(story):
    _, report, records = story("""\
scenario: s
operators: {simple: {retransmit: pgw-simple}}
devices: {m: {}, s: {operator: simple}}
steps:
  - stop: platform
  - {attach: [m, s], outcome: timeout}
  - start: platform
  - {attach: [m, s]}
""")
    first, second = ended(records, "attach")[:2]
    assert first == ("s", "timeout", "no answer to 4 transmissions"), report
    # RFC 5080: four, or five where the draws make the pauses short (mobile-network §1.8)
    assert second in [("m", "timeout", f"no answer to {times} transmissions") for times in (4, 5)]


def test_a_modem_tries_again_later_and_later(story):
    _, report, records = story("""\
scenario: s
devices: {m: {registered: false}}
steps:
  - {attach: m, outcome: rejected, retry: {times: 7, pause: mobile}}
""")
    (attach,) = [r for r in of_kind(records, "act") if r["phase"] == "ended"]
    assert 50 + 720 <= attach["t_s"] <= 50 + 720 + 1440 + 1, report


def test_many_more_attaches_at_once_than_a_port_has_ids(story):
    verdicts, report, _ = story("""\
scenario: s
devices: {m: {count: 700}}
steps:
  - {attach: m, expect: [ciotConnect]}
  - {detach: m}
expect:
  - {statistics: {accepted: 700, duplicates: 0, sessions: 0}}
""")
    assert verdicts.verdict == "pass", report


@pytest.mark.parametrize(
    ("platform", "found"),
    [("", False), ("platform: {mismatch_policy: both}\n", False), ("platform: {mismatch_policy: first}\n", True)],
)
def test_options_of_the_platform_are_a_need(platform, found):
    scenario = loads(f"scenario: s\n{platform}devices: {{m: {{}}}}\nsteps:\n  - attach: m\n")
    assert ("options" in scenario.needs) is found


def test_the_platform_has_the_options_of_the_scenario(story):
    verdicts, report, _ = story("""\
scenario: s
platform: {mismatch_policy: first, interim: 60 s, disconnect_on_update: yes}
devices: {a: {}, b: {}}
allow: [imeiMismatch]
steps:
  - {attach: [a, b]}
  - wait: 150 s
  - {move_sim: a, to: b}
  - {attach: b, outcome: rejected, expect: [{imeiMismatch: {}, of: a}], never: [imsiMismatch]}
  - {insert_sim: b}
  - {attach: b}
  - {update: b, imsi: "1"}
  - wait: 1 s
  - {upload: b, outcome: failed}
expect:
  - {statistics: {accounting.interim: at_least 4, disconnects.acknowledged: 1}}
""")
    assert verdicts.verdict == "pass", report
