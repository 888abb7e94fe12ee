"""What those who are named can never show is a mistake where it is asked for; what others may show for them is none."""

import pytest

DEVICES = """
  c: {network: inet, count: 2}
  d: {network: inet, transport: dtls}
  m: {count: 2}
  u: {transport: udp}"""

LOGIN = "(who is on the Internet logs in to no mobile network; clientConnected tells that a session has begun)"
END = "(only a session of an Internet device (network: inet) has an end that is told)"


def told(mistakes, steps, expect="[]", devices=DEVICES, more=""):
    return mistakes(f"scenario: a\n{more}devices:{devices}\nsteps: [{steps}]\nexpect: {expect}\n")


VALUES = [
    ("c", "clientConnected: {id: ip}", "no clientConnected of c ever has id 'ip' (it is certificate)"),
    ("c", "clientConnected: {id: {not: certificate}}", "ever has id not 'certificate' (it is certificate)"),
    ("m.1", "clientConnected: {id: certificate}", "no clientConnected of m.1 ever has id 'certificate' (it is ip)"),
    ("c", "upstreamMessage: {transport: coap}", "no upstreamMessage of c ever has transport 'coap' (it is coaps)"),
    ("c", "downstreamMessage: {transport: dtls}", "no downstreamMessage of c ever has transport 'dtls' (it is coaps)"),
    ("d", "upstreamMessage: {transport: {one_of: [udp, coaps]}}", "ever has transport 'udp' or 'coaps' (it is dtls)"),
    ("d", "upstreamMessage: {transport: {matches: ^c}}", "ever has transport matches '^c' (it is dtls)"),
    ("[d, m.0]", "upstreamMessage: {transport: coaps}", "of d, m.0 ever has transport 'coaps' (it is dtls or coap)"),
    ("m", "upstreamMessage: {transport: udp}", "no upstreamMessage of m ever has transport 'udp' (it is coap)"),
    ("u", "upstreamMessage: {transport: coap}", "no upstreamMessage of u ever has transport 'coap' (it is udp)"),
    ("u", "downstreamMessage: {transport: dtls}", "no downstreamMessage of u ever has transport 'dtls' (it is udp)"),
]


@pytest.mark.parametrize("where", ["expect", "never"])
@pytest.mark.parametrize(("whom", "event", "problem"), VALUES)
def test_values_that_the_subjects_never_show(mistakes, where, whom, event, problem):
    (found,) = told(mistakes, f"{{upload: {whom}, {where}: [{{{event}}}]}}")
    assert found.startswith("7:")
    assert problem in found


@pytest.mark.parametrize(
    "form",
    [
        "{each: c, sees: EVENT}",
        "{each: c, sees: EVENT, times: 0}",
        "{some: c.1, sees: EVENT}",
        "{none: c, sees: EVENT}",
        "{never: [EVENT], of: c}",
        "{sequence: [EVENT], each: c}",
        "{exactly: [EVENT], each: c}",
        "{after: up, sees: EVENT}",
        "{after: pause, sees: EVENT, of: c}",
    ],
)
def test_every_form_that_names_somebody(mistakes, form):
    event = "{upstreamMessage: {transport: udp}}"
    steps = "{upload: c, as: up}, {wait: 1 s, as: pause}"
    (found,) = told(mistakes, steps, f"[{form.replace('EVENT', event)}]")
    assert found.startswith("8:")
    assert "no upstreamMessage of c" in found
    assert told(mistakes, steps, f"[{form.replace('EVENT', '{upstreamMessage: {transport: coaps}}')}]") == []
    if not form.startswith("{after"):
        assert len(told(mistakes, f"{{upload: d, as: up, expect: [{form.replace('EVENT', event)}]}}")) == 1


NAMES = [
    ("c", "ciotConnect", LOGIN),
    ("[c, d]", "imeiMismatch", LOGIN),
    ("d", "imsiMismatch", LOGIN),
    ("m", "clientDisconnected", END),
    ("[u, m.1]", "clientDisconnected", END),
]


@pytest.mark.parametrize(("whom", "event", "why"), NAMES)
def test_events_that_a_network_never_shows_cannot_be_waited_for_and_may_be_forbidden(mistakes, whom, event, why):
    (found,) = told(mistakes, f"{{upload: {whom}, expect: [{event}]}}")
    assert f": no {event} ever comes of {whom.strip('[]')} {why}" in found
    assert told(mistakes, f"{{upload: {whom}, never: [{event}]}}") == []


@pytest.mark.parametrize(
    ("form", "wrong"),
    [
        ("{each: c, sees: ciotConnect}", True),
        ("{each: c, sees: ciotConnect, at_least: 2}", True),
        ("{some: c, sees: ciotConnect, times: 1}", True),
        ("{sequence: [clientConnected, ciotConnect], each: c}", True),
        ("{exactly: [ciotConnect], each: c}", True),
        ("{after: up, sees: ciotConnect}", True),
        ("{each: c, sees: ciotConnect, times: 0}", False),
        ("{each: c, sees: ciotConnect, at_most: 1}", False),
        ("{none: c, sees: ciotConnect}", False),
        ("{never: [ciotConnect], of: c}", False),
        ("{never: [ciotConnect]}", False),
        ("{never: [{clientConnected: {id: ip}}]}", False),
        ("{latency: ciotConnect, max: below 2 s}", False),
    ],
)
def test_forms_that_must_see_an_event(mistakes, form, wrong):
    assert bool(told(mistakes, "{upload: c, as: up}", f"[{form}]")) == wrong


@pytest.mark.parametrize(
    "step",
    [
        "{attach: [c, m], expect: [ciotConnect]}",
        "{upload: [c, m], never: [{clientConnected: {id: ip}}, {upstreamMessage: {transport: coaps}}]}",
        "{upload: c, expect: [{upstreamMessage: {transport: any}}, {upstreamMessage: {transport: unspecified}}]}",
        "{upload: c, expect: [{upstreamMessage: {transport: {not: dtls}}}, {clientConnected: {id: {matches: cert}}}]}",
        "{upload: c, expect: [{ciotConnect: {}, of: m}]}",
        "{wait: 1 s, never: [{upstreamMessage: {transport: udp}}]}",
        "{wait: 1 s, expect: [{clientDisconnected: {}, of: d}]}",
        "{upload: c, expect: [{blobUpload: {bytes: 3}}, deviceRemoved, firmwareCheck]}",
    ],
)
def test_what_one_of_them_may_show_is_no_mistake(mistakes, step):
    assert told(mistakes, step.replace("attach: [c, m]", "power_on: [c, m]")) == []


def test_of_says_whom_an_entry_is_about(mistakes):
    (found,) = told(mistakes, "{attach: m, expect: [ciotConnect, {ciotConnect: {}, of: c.1}]}")
    assert "no ciotConnect ever comes of c.1" in found


COMPAT = "platform: {transport_compat: unspecified}\n"


def test_a_platform_may_be_asked_to_leave_the_transport_open(mistakes):
    step = "{upload: [c, d], expect: [{upstreamMessage: {transport: %s}}]}"
    assert told(mistakes, step % "unspecified", more=COMPAT) == []
    (found,) = told(mistakes, step % "dtls", more=COMPAT)
    assert found.endswith("has transport 'dtls' (it is unspecified, as transport_compat of platform says)")
    assert told(mistakes, "{upload: m, expect: [{upstreamMessage: {transport: coap}}]}", more=COMPAT) == []


def test_the_owner_of_a_certificate_shows_what_its_copies_send(mistakes):
    devices = f"{DEVICES}\n  thief: {{network: inet, transport: dtls, certificate: {{of: c.0}}}}"
    event = "{upstreamMessage: {transport: %s}, of: %s}"
    steps = "{upload: thief, expect: [%s]}"
    assert told(mistakes, steps % event % ("dtls", "c"), devices=devices) == []
    assert told(mistakes, steps % event % ("dtls", "thief"), devices=devices) == []
    (found,) = told(mistakes, steps % event % ("coaps", "thief"), devices=devices)
    assert "no upstreamMessage of thief" in found
    (found,) = told(mistakes, steps % event % ("coap", "c"), devices=devices)
    assert found.endswith("(it is coaps or dtls)")


@pytest.mark.parametrize(
    ("groups", "steps"),
    [
        ("m: {}, u: {transport: udp}", "{move_sim: u, to: m}, "),
        ("m: {}, u: {transport: udp}", "{move_sim: m, to: u}, "),
        ("m: {}, u: {transport: udp}", "{swap_sims: m, with: u}, "),
        ("m: {}, x: {}, u: {transport: udp}", "{move_sim: m, to: x}, {move_sim: x, to: u}, "),
        ("m: {}, u: {transport: udp, registered: no, sim: {clone_of: m}}", ""),
        ("m: {}, u: {transport: udp, registered: no, modem: {clone_of: m}}", ""),
        ("m: {}, u: {transport: udp}", "{update: u, imsi: 999990000000001}, "),
        ('m: {}, u: {transport: udp, identity: {imei: "999990000000001"}}', ""),
    ],
)
def test_who_may_be_taken_for_another_may_show_its_transport(mistakes, groups, steps):
    upload = "{upload: u, expect: [{upstreamMessage: {transport: udp}, of: m}]}"
    assert told(mistakes, steps + upload, devices=f" {{{groups}, i: {{network: inet}}}}") == []
    (found,) = told(mistakes, steps + upload.replace("udp", "dtls"), devices=f" {{{groups}, i: {{network: inet}}}}")
    assert "no upstreamMessage of m ever has transport 'dtls' (it is" in found


@pytest.mark.parametrize("step", ["{update: u, imsi: held}", '{update: u, imei: ""}', "{insert_sim: u, card: fresh}"])
def test_what_makes_nobody_another_changes_nothing(mistakes, step):
    (found,) = told(mistakes, f"{step}, {{upload: m, never: [{{upstreamMessage: {{transport: udp}}}}]}}")
    assert "no upstreamMessage of m" in found


def test_a_repeated_block_is_told_once_and_who_could_not_be_read_not_at_all(mistakes):
    event = "{upstreamMessage: {transport: udp}}"
    assert len(told(mistakes, f"{{repeat: {{times: 3, steps: [{{upload: c, never: [{event}]}}]}}}}")) == 1
    devices = f"{DEVICES}\n  x: {{network: internet}}"
    assert len(told(mistakes, f"{{upload: x, never: [{event}], expect: [ciotConnect]}}", devices=devices)) == 1


@pytest.mark.parametrize(
    "form",
    [
        "{each: [c, d], sees: upstreamMessage}",
        "{some: [c, d], sees: upstreamMessage}",
        "{none: [c, d], sees: upstreamMessage}",
        "{never: [deviceMoved], of: [c, d]}",
        "{sequence: [upstreamMessage], each: [c, d]}",
        "{exactly: [upstreamMessage], each: [c, d]}",
        "{state: [c, d], where: {enabled: true}}",
    ],
)
def test_a_form_names_one_group_and_a_list_takes_one_entry_for_each(mistakes, form):
    (found,) = told(mistakes, "{upload: c}", f"[{form}]")
    assert found.endswith("names one group, member or range, not a list (write one entry for each)")
