"""What a file says of Internet devices, and what the loader makes of it."""

import pytest

from simulator import words
from simulator.errors import Place
from simulator.protocol.dtls.alerts import ALERTS, alert_number
from simulator.protocol.dtls.settings import Settings
from simulator.scenario import load, loads
from simulator.scenario import model as m
from simulator.scenario.groups import MAX_DTLS_BYTES
from simulator.scenario.inet_verbs import MAX_BLOB_BYTES
from simulator.scenario.notes import notes

HEAD = """\
scenario: a
devices:
  c: {network: inet, count: 3}
  d: {network: inet, transport: dtls}
  m: {}
steps:
"""


def _group(text: str) -> m.Group:
    devices = f"{{g: {text}, old: {{network: inet}}, pair: {{network: inet, count: 2}}}}"
    return loads(f"scenario: a\ndevices: {devices}\nsteps: [{{connect: g}}]\n", "f").groups[0]


def _step(text: str) -> m.Step:
    return loads(f"{HEAD}  - {text}\n").steps[0]


# --- groups -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("group", "expected"),
    [
        ("{network: inet}", {"network": "inet", "transport": "coaps", "stack": "own"}),
        ("{network: inet, transport: dtls}", {"transport": "dtls"}),
        ("{network: inet, transport: coaps, stack: aiocoap}", {"transport": "coaps", "stack": "aiocoap"}),
        (
            "{network: inet}",
            {"certificate": m.CertificateSpec(), "connection": m.ConnectionSpec(), "clock": m.DeviceClock()},
        ),
        *(
            (f"{{network: inet, certificate: {kind}}}", {"certificate": m.CertificateSpec(kind=kind)})
            for kind in ("own", "none", "foreign", "self-signed", "expired", "early", "gateway")
        ),
        ("{network: inet, connection: {}}", {"connection": m.ConnectionSpec()}),
        (
            "{network: inet, connection: {resume: no, on_demand: no, close_after: 5 min, renew_after: 100 s,"
            " timeout: 9 s, cipher: ccm8}}",
            {
                "connection": m.ConnectionSpec(
                    resume=False,
                    on_demand=False,
                    close_after_s=300.0,
                    renew_after_s=100.0,
                    first_timeout_s=9.0,
                    cipher="ccm8",
                )
            },
        ),
        ("{network: inet, clock: right}", {"clock": m.DeviceClock()}),
        ("{network: inet, clock: reset}", {"clock": m.DeviceClock(kind="reset")}),
        ("{network: inet, clock: {fast: 4000 d}}", {"clock": m.DeviceClock(kind="off", offset_s=4000 * 86_400.0)}),
        ("{network: inet, clock: {slow: 90 s}}", {"clock": m.DeviceClock(kind="off", offset_s=-90.0)}),
        ("{network: inet, payload: 1243 B, transport: dtls}", {"transport": "dtls"}),
        ("{network: inet, payload: 1 MiB}", {"transport": "coaps"}),
    ],
)
def test_what_a_group_is(group, expected):
    found = _group(group)
    assert {key: getattr(found, key) for key in expected} == expected


@pytest.mark.parametrize(
    ("of", "count", "first", "last"),
    [("old", 1, 0, None), ("pair.1", 1, 1, 1), ("pair", 1, 0, None), ("pair", 2, 0, None), ("pair.0-1", 2, 0, 1)],
)
def test_a_copied_certificate_names_devices_that_are_declared_later(of, count, first, last):
    found = _group(f"{{network: inet, count: {count}, certificate: {{of: {of}}}}}").certificate
    assert found.kind == "copy"
    assert found.of is not None
    assert (found.of.text, found.of.first, found.of.last) == (of, first, last)


def test_a_copy_that_is_at_fault_is_not_called_unknown_too(mistakes):
    devices = "{g: {network: inet, certificate: {of: nobody}}, h: {network: inet, certificate: {of: g}}}"
    found = mistakes(f"scenario: a\ndevices: {devices}\nsteps: [{{connect: g}}]\n")
    assert [line.partition(" (")[0] for line in found] == [
        "2:48: no group 'nobody'",
        "2:95: the certificate of g is a copy itself",
    ]


def test_a_group_of_another_file_may_be_the_owner(tmp_path):
    (tmp_path / "_fleet.yaml").write_text("devices: {thief: {network: inet, certificate: {of: meter}}}")
    (tmp_path / "f.yaml").write_text(
        "scenario: a\ninclude: _fleet.yaml\ndevices: {meter: {network: inet}}\nsteps: [{connect: thief}]"
    )
    thief = load(tmp_path / "f.yaml").groups[0]
    assert (thief.name, thief.certificate.of.group) == ("thief", "meter")


def test_the_longest_message_of_raw_dtls_is_what_the_protocol_carries():
    """Header of a record, nonce and tag of AES-GCM: RFC 6347 §4.1, RFC 5288 §3."""
    assert Settings().mtu - 13 - 8 - 16 == MAX_DTLS_BYTES


def test_alerts_are_those_of_the_protocol():
    assert {number: text for text, number in words.ALERTS.items()}.items() <= ALERTS.items()


def test_the_words_of_a_server_come_with_the_alerts_that_it_sends():
    """But for these two, which OpenSSL decides alone; tests/run/test_certificate_alerts.py sees them."""
    decided = {"no certificate", "unknown issuer"}
    assert {why: words.ALERTS[alert] for why, alert in words.TURNED.items() if why not in decided} == {
        why: alert_number(why) for why in words.TURNED if why not in decided
    }


# --- options ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("{inet_idle: 1 min}", m.PlatformOptions(inet_idle_s=60.0)),
        ("{transport_compat: unspecified}", m.PlatformOptions(transport_compat="unspecified")),
    ],
)
def test_options_of_the_platform(text, options):
    scenario = loads(f"scenario: a\nplatform: {text}\nsteps: [{{wait: 1 s}}]\n")
    assert (scenario.platform, scenario.needs) == (options, ("options",))


# --- steps ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "act"),
    [
        ("{connect: [c, d]}", m.Connect()),
        ("{connect: c, resume: yes}", m.Connect(resume=True)),
        ("{connect: c.0-1, resume: no, retry: 3, over: 10 s}", m.Connect(resume=False)),
        ("{disconnect: c}", m.Disconnect()),
        ("{vanish: [c, m]}", m.Vanish()),
        ("{rebind_nat: d}", m.RebindNat()),
        ("{renew_certificate: c}", m.RenewCertificate()),
        ("{set_clock: c}", m.SetClock()),
        ("{set_clock: c, fast: 20 d}", m.SetClock(clock=m.DeviceClock(kind="off", offset_s=20 * 86_400.0))),
        ("{set_clock: c, slow: 1 h}", m.SetClock(clock=m.DeviceClock(kind="off", offset_s=-3600.0))),
        ("{upload_blob: [c, d, m]}", m.UploadBlob()),
        (
            "{upload_blob: c, payload: 20 MB, path: /a/b.jpg, content_type: image/jpeg, retry: 1}",
            m.UploadBlob(
                payload=m.Payload(kind="random", size_bytes=20_000_000), path="a/b.jpg", content_type="image/jpeg"
            ),
        ),
        (
            "{upload_blob: c, payload: {hex: ''}, path: /, content_type: text/plain; charset=utf-8}",
            m.UploadBlob(payload=m.Payload(kind="bytes"), path="", content_type="text/plain; charset=utf-8"),
        ),
        ("{upload: d, payload: 1243 B}", m.Upload(payload=m.Payload(kind="random", size_bytes=1243))),
        ("{upload: c, path: x, confirmable: no}", m.Upload(path="x", confirmable=False)),
        ("{poll: c}", m.Poll()),
        ("{power_off: [c, m], abruptly: yes}", m.PowerOff(abruptly=True)),
        ("{update: c, tags: {a: b}}", m.Update(tags=(("a", "b"),))),
    ],
)
def test_acts(text, act):
    assert _step(text).act == act


def test_a_blob_may_be_a_file_that_is_too_long_for_a_message(tmp_path):
    (tmp_path / "x").write_bytes(b"x" * (2 << 20))
    steps = "steps: [{upload_blob: c, payload: {file: x}}"
    text = f"scenario: a\ndevices: {{c: {{network: inet}}}}\n{steps}]\n"
    assert len(loads(text, folder=tmp_path).steps[0].act.payload.content) == 2 << 20 < MAX_BLOB_BYTES
    with pytest.raises(Exception, match=r"'x' is larger|too large|at most 1"):
        loads(text.replace("}]\n", "}, {upload: c, payload: {file: x}}]\n"), folder=tmp_path)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{connect: c, outcome: {rejected: certificate expired}}", ("rejected", "certificate expired")),
        ("{connect: c, outcome: {rejected: expired}}", ("rejected", "expired")),
        ("{connect: c, outcome: {failed: whatever}}", ("failed", "whatever")),
        ("{connect: c, outcome: timeout}", ("timeout", "")),
        ("{power_on: c, outcome: {rejected: unknown ca}}", ("rejected", "unknown ca")),
        ("{power_on: [c, m], outcome: {rejected: unknown ca}}", ("rejected", "unknown ca")),
        ("{power_on: [c, m], outcome: {rejected: IMEI mismatch}}", ("rejected", "IMEI mismatch")),
        ("{upload: d, outcome: timeout}", ("timeout", "")),
        ("{upload: d, outcome: {rejected: certificate unknown}}", ("rejected", "certificate unknown")),
        ("{upload: c, outcome: coap 4.04}", ("coap 4.04", "")),
        ('{upload_blob: c, outcome: {rejected: "413"}}', ("rejected", "413")),
        ("{disconnect: c, outcome: failed}", ("failed", "")),
    ],
)
def test_what_an_act_must_come_to(text, expected):
    step = _step(text)
    assert (step.outcome, step.outcome_reason) == expected


# --- what a file needs ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("devices", "steps", "needs"),
    [
        ("c: {network: inet}", "{wait: 1 s}", ("inet",)),
        ("c: {network: inet}", "{power_on: c}, {reboot: c}", ("inet",)),
        ("c: {network: inet}, m: ", "{power_on: [c, m]}", ("login", "inet")),
        ("c: {network: inet}, m: ", "{power_on: c}, {upload: m}", ("inet",)),
        ("m: ", "{reboot: m}", ("login",)),
        ("m: ", "{upload_blob: m}", ("blobs",)),
        ("m: ", "{vanish: m}", ()),
        ("c: {network: inet, certificate: expired}", "{connect: c}", ("inet", "validity")),
        ("c: {network: inet, certificate: early}", "{connect: c}", ("inet", "validity")),
        ("c: {network: inet, certificate: foreign}", "{set_clock: c}", ("inet",)),
        ("c: {network: inet}", "{create: c, token: t}", ("tokens", "inet")),
    ],
)
def test_what_a_file_needs(devices, steps, needs):
    tokens = "tokens: {t: }\n" if "token" in steps else ""
    assert loads(f"scenario: a\n{tokens}devices: {{{devices}}}\nsteps: [{steps}]\n").needs == needs


@pytest.mark.parametrize(
    ("counted", "needs"),
    [
        ("handshakes: 1", ("inet",)),
        ("handshakes.resumed: 1, sessions.inet: 0", ("inet",)),
        ("sessions: 1", ("login",)),
        ("accepted: 1, handshakes.refused: 1", ("login", "inet")),
    ],
)
def test_who_counts_is_who_takes_them(counted, needs):
    text = f"scenario: a\nsteps: [{{wait: 1 s}}]\nexpect: [{{statistics: {{{counted}}}}}]\n"
    assert loads(text).needs == needs


# --- state and remarks ------------------------------------------------------------------------------------------------


def test_what_the_platform_knows_of_a_connection_can_be_asked(mistakes):
    fields = "gatewayId: '2', lastUpdate: any, remoteAddress: any, certificateSerial: {matches: '^[0-9]'}"
    where = ", ".join(f"metadata.inet.{field}" for field in fields.split(", "))
    state = f"expect: [{{state: c, where: {{{where}, config.inet: any}}}}]\n"
    scenario = loads(f"{HEAD}  - connect: c\n{state}")
    assert (len(scenario.expect[0].where), notes(scenario)) == (5, ())
    wrong = state.replace("lastUpdate", "lastSeen").replace("gatewayId", "gatwayId")
    found = mistakes(f"{HEAD}  - connect: c\n{wrong}")
    assert [line.partition(": ")[2] for line in found] == [
        "no field 'metadata.inet.gatwayId' of a device (did you mean 'metadata.inet.gatewayId'?)",
        "no field 'metadata.inet.lastSeen' of a device (metadata.inet.* has: gatewayId, lastUpdate, remoteAddress,"
        " certificateSerial)",
    ]


def test_a_rate_over_raw_dtls_is_remarked():
    scenario = loads(f"{HEAD}  - upload: [c, d]\nexpect: [{{rate: upload, at_least: 9 %}}]\n")
    (note,) = notes(scenario)
    assert note.text.startswith("for raw DTLS ok means sent, so this rate says nothing about what arrived from d;")


@pytest.mark.parametrize(
    ("group", "steps", "remarked"),
    [
        ("registered: no", "{connect: n}", 1),
        ("registered: no", "{connect: n, outcome: failed}", 0),
        ("registered: no", "{create: n}, {upload: n}", 0),
        ("registered: no, certificate: none", "{connect: n}", 0),
        ("registered: yes", "{connect: n}", 0),
    ],
)
def test_who_is_never_created_has_no_certificate(group, steps, remarked):
    scenario = loads(f"scenario: a\ndevices: {{n: {{network: inet, {group}}}}}\nsteps: [{steps}]\n", "f")
    found = notes(scenario)
    assert len(found) == remarked
    assert all("n is never created, so the platform gives it no certificate" in note.text for note in found)
    assert all(note.at == Place("f", 3, 19) for note in found)


def test_a_home_network_without_devices_is_remarked():
    text = "scenario: a\noperators: {home: {plmn: 24201}}\ndevices: {c: {network: inet}}\nsteps: [{connect: c}]\n"
    assert [note.text for note in notes(loads(text))] == [
        "no group begins in the network home, and no step lets anybody roam there"
    ]
