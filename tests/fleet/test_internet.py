"""Internet devices in a run: sessions that begin and end by themselves, and what becomes of what was under way."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import msgspec
import pytest

from simulator.devices.internet import Power
from simulator.fleet.fleet import Fleet
from simulator.plan import make_plan
from simulator.run.needs import Skipped, check_ways
from simulator.scenario import loads
from simulator.wire.drivers.virtual import run_virtual
from simulator.wire.memory import MemoryNetwork


@pytest.fixture
def story(tmp_path, run_scenario):
    """Run a file; returns verdicts, report and records."""

    def run(text, **settings):
        path = tmp_path / "story.yaml"
        path.write_text(text, encoding="utf-8")
        verdicts, report, journal = run_scenario(path, **settings)
        return verdicts, report, [msgspec.json.decode(line) for line in journal.splitlines()]

    return run


def ended(records, verb):
    """(subject, outcome, detail) of the acts of a verb, in the order of their ends."""
    return [
        (r["subject"], r["outcome"], r["detail"])
        for r in records
        if r["kind"] == "act" and r["phase"] == "ended" and r["verb"] == verb
    ]


def seen(records, subject):
    """What the platform told of a device, and when."""
    return [
        (r["name"], round(r["rx_s"], 1))
        for r in records
        if r["kind"] == "event" and r["subject"] == subject and r["judged"]
    ]


RAW = """\
scenario: x
devices:
  m: {{network: inet, transport: {transport}{group}}}
  sim: {{network: ciot, transport: udp}}
steps:
{steps}
"""


def steps(*lines, transport="dtls", group=""):
    return RAW.format(transport=transport, group=group, steps="\n".join(f"  - {line}" for line in lines))


def test_a_silent_session_is_closed_by_a_device_that_wants_it_and_made_again_on_demand(story):
    _, _, records = story(
        steps(
            "{upload: m, every: 20 s, times: 3}", "{wait: 2 min}", "{upload: m}",
            group=", connection: {close_after: 1 min}",
        )
    )  # fmt: skip
    assert seen(records, "m") == [
        ("clientConnected", 0.0), ("upstreamMessage", 0.0), ("upstreamMessage", 20.0), ("upstreamMessage", 40.0),
        ("clientDisconnected", 100.0), ("clientConnected", 160.0), ("upstreamMessage", 160.0),
    ]  # fmt: skip


def test_a_run_does_not_wait_for_what_only_keeps_sessions(story):
    _, _, records = story(
        steps("{upload: m}", group=", link: {preset: wifi, loss: 0 %}, connection: {close_after: 1 h}")
    )
    assert records[-1]["t_s"] < 5


def test_what_waits_for_an_answer_is_not_silent(story):
    _, _, records = story(
        steps("{connect: m}", "{blackout: m, lasting: 20 s}", "{upload: m}",
              transport="coaps", group=", connection: {close_after: 5 s}")
    )  # fmt: skip
    assert ended(records, "upload")[0][1] == "ok"
    assert [name for name, _ in seen(records, "m")][:2] == ["clientConnected", "upstreamMessage"]


def test_the_platform_ends_the_session_and_with_it_what_the_device_waits_for(story):
    _, _, records = story(
        steps("{connect: m}", "together: [{upload: m, outcome: failed}, {remove: m}]",
              transport="coaps", group=", link: {delay: 1 s}")
    )  # fmt: skip
    assert ended(records, "upload") == [("m", "failed", "the platform closed the session")]


def test_whose_session_the_platform_has_ended_makes_another_one(story):
    verdicts, report, _ = story(
        steps("{connect: m}", "{restart: platform}", "{upload: m, expect: [clientConnected, upstreamMessage]}")
    )
    assert verdicts.verdict == "pass", report


def test_who_freezes_in_the_middle_of_a_handshake_does_not_go_on_with_it_when_it_thaws(story):
    _, _, records = story(
        steps("together: [{connect: m, outcome: failed}, {freeze: m, at: 1.5 s, lasting: 3 s}]", "{wait: 1 min}",
              group=", link: {delay: 1 s}")
    )  # fmt: skip
    assert seen(records, "m") == []


@pytest.mark.parametrize(
    ("lines", "verb", "outcome", "detail"),
    [
        pytest.param(
            ("{blackout: m}", "together: [{connect: m, outcome: failed}, {power_off: m, abruptly: yes, at: 5 s}]"),
            "connect", "failed", "the device was switched off", id="power goes in a handshake",
        ),
        pytest.param(
            ("{connect: m}", "{blackout: m}",
             "together: [{upload: m, outcome: failed}, {disconnect: m, at: 1 s}]"),
            "upload", "failed", "the device has disconnected", id="disconnect",
        ),
        pytest.param(
            ("{connect: m}", "{blackout: m}", "together: [{upload: m, outcome: failed}, {vanish: m, at: 1 s}]"),
            "upload", "failed", "the device has vanished", id="vanish",
        ),
        pytest.param(
            ("{connect: m}", "{blackout: m}", "together: [{upload: m, outcome: failed}, "
             "{connect: m, at: 1 s, outcome: timeout}]"),
            "upload", "failed", "the device has begun a new session", id="connect anew",
        ),
        pytest.param(
            ("{connect: m}", "{blackout: m}", "together: [{upload: m, outcome: failed}, {freeze: m, at: 1 s}]"),
            "upload", "failed", "the device froze", id="freeze",
        ),
    ],
)  # fmt: skip
def test_what_ends_with_its_session(story, lines, verb, outcome, detail):
    _, _, records = story(steps(*lines, transport="coaps"))
    assert ended(records, verb)[0] == ("m", outcome, detail)


@pytest.mark.parametrize("stack", ["own", "aiocoap"])
@pytest.mark.parametrize(
    ("other", "why"),
    [
        ("{connect: m}", "the device has begun a new session"),
        ("{disconnect: m}", "the device has disconnected"),
        ("{vanish: m}", "the device has vanished"),
        ("{restart: platform}", "the platform closed the session"),
    ],
)
def test_who_goes_on_at_once_when_a_session_ends_does_so_in_the_next_one(story, other, why, stack):
    _, _, records = story(
        steps("{connect: m}", f"together: [{{upload: m, times: 2, outcome: any}}, {other}]",
              transport="coaps", group=", link: {delay: 1 s}"),
        stack=stack,
    )  # fmt: skip
    assert ended(records, "upload") == [("m", "failed", why), ("m", "ok", "")]


def test_a_frozen_device_keeps_its_session(story):
    verdicts, report, records = story(
        steps("{connect: m}", "{freeze: m, lasting: 1 min}", "{wait: 2 min}", "{upload: m, expect: [upstreamMessage]}")
    )
    assert verdicts.verdict == "pass", report
    assert [name for name, _ in seen(records, "m")] == ["clientConnected", "upstreamMessage"]


def test_two_uploads_at_once_make_one_session(story):
    verdicts, report, records = story(
        steps("together: [{upload: m}, {upload: m, path: other}]", transport="coaps", group=", link: {delay: 1 s}")
    )
    assert verdicts.verdict == "pass", report
    assert [name for name, _ in seen(records, "m")].count("clientConnected") == 1


def test_downstream_reaches_a_raw_device_within_its_session(story):
    _, _, records = story(steps("{connect: m}", "{send: m, payload: {text: hello}}", "{upload: m}"))
    (received,) = [(r["subject"], r["transport"], r["hex"]) for r in records if r["kind"] == "received"]
    assert received == ("m", "dtls", b"hello".hex())


def test_what_does_not_fit_into_a_record_fails_and_says_so(story):
    _, _, records = story(steps('{upload: m, payload: {hex: ""}, outcome: failed}'))
    assert ended(records, "upload") == [("m", "failed", "DTLS has no empty datagrams")]


def test_who_is_not_to_connect_by_itself_does_not(story):
    _, _, records = story(steps("{upload: m, outcome: failed}", group=", connection: {on_demand: no}"))
    assert ended(records, "upload") == [
        ("m", "failed", "no session with the platform, and the device makes none by itself")
    ]


def test_who_was_never_created_has_nothing_to_show(story):
    _, _, records = story(steps("{connect: m, outcome: failed}", group=", registered: no"))
    assert ended(records, "connect")[0][2].startswith("no certificate was issued for m")


def test_blobs_of_both_networks_and_none_while_it_is_dark(story):
    verdicts, report, records = story(
        steps(
            "{attach: sim}", "{upload_blob: [m, sim], expect: [blobUpload]}", "{blackout: [m, sim]}",
            "{upload_blob: [m, sim], outcome: timeout}",
        )
    )  # fmt: skip
    assert verdicts.verdict == "pass", report
    sizes = {r["size"] for r in records if r["kind"] == "act" and r["verb"] == "upload_blob"}
    assert sizes == {1024}


def test_a_blob_ends_with_the_power(story):
    _, _, records = story(
        steps("{blackout: m}", "together: [{upload_blob: m, outcome: failed}, {power_off: m, at: 1 s}]")
    )
    assert ended(records, "upload_blob") == [("m", "failed", "the device was switched off")]


def test_who_leaves_the_mobile_network_silently_is_heard_no_more(story):
    _, _, records = story(steps("{attach: sim}", "{vanish: sim}", "{upload: sim, outcome: failed}"))
    assert ended(records, "vanish") == [("sim", "ok", "")]
    assert [name for name, _ in seen(records, "sim")] == ["ciotConnect"]


def test_the_same_seed_gives_the_same_bytes(tmp_path, run_scenario):
    path = tmp_path / "story.yaml"
    path.write_text(
        steps("{upload: m, every: 1 min, times: 5, outcome: any}", "{rebind_nat: m}", "{connect: m, outcome: any}",
              transport="coaps", group=", link: {loss: 20 %, delay: 50 ms}, certificate: own"),
        encoding="utf-8",
    )  # fmt: skip
    assert run_scenario(path)[2] == run_scenario(path)[2]


@pytest.mark.parametrize(
    ("lines", "group", "lacking"),
    [
        (("{power_on: m}",), "", ("inet",)),
        (("{power_on: sim}",), "", ("inet", "login")),
        (("{connect: m}",), ", certificate: early", ("inet", "validity")),
        (("{upload_blob: sim}",), "", ("blobs", "inet")),
    ],
)
def test_what_a_target_must_have(lines, group, lacking):
    scenario = loads(steps(*lines, group=group))
    assert tuple(sorted(scenario.needs)) == lacking


@pytest.mark.parametrize("transport", ["dtls", "coaps"])
def test_a_target_that_takes_one_kind_of_dtls_alone_is_not_sent_the_other(transport):
    scenario = loads(steps("{connect: m}", transport=transport))
    ways = {"dtls": 1, "coaps": 1}
    check_ways(scenario, ways, "here")
    with pytest.raises(Skipped, match=f"here tells no place for devices with transport {transport}; .* --{transport}$"):
        check_ways(scenario, ways | {transport: 0}, "here")


def test_who_is_created_again_has_an_empty_outbox(story):
    """The platform refuses that to who has a SIM; an Internet device is another one then."""
    verdicts, report, records = story(
        steps("{connect: m}", "{send: m, payload: 3 B}", "{create: m}", "{send: m, payload: 8 B}",
              "{connect: m}", "{poll: m}", transport="coaps")
    )  # fmt: skip
    assert verdicts.verdict == "pass", report
    assert [len(r["hex"]) // 2 for r in records if r["kind"] == "received"] == [8]


def test_a_run_without_internet_devices_loads_nothing_for_them(tmp_path):
    path = tmp_path / "story.yaml"
    path.write_text("scenario: x\ndevices: {m: {}}\nsteps: [{attach: m}, {upload: m}]\n", encoding="utf-8")
    code = (
        "import sys; from simulator.cli import main\n"
        f"sys.argv = ['simulator', 'run', {str(path)!r}]\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print(*[name for name in ('OpenSSL', 'cryptography', 'simulator.wire.dtls') if name in sys.modules], 'end')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, cwd=tmp_path)
    assert done.stdout.splitlines()[-1].split() == ["end"], done.stdout + done.stderr


def test_an_address_that_the_mobile_network_gives_away_costs_no_session():
    """The platform may give a SIM the address that an Internet device is planned to have."""

    async def main(loop):
        scenario = loads(steps("{wait: 1 s}", transport="dtls"))
        fleet = Fleet(make_plan(scenario).members, 0, loop.clock, loop.timers, lambda *_: None)
        await fleet.open(MemoryNetwork(loop.timers, loop.clock), 1, 1, None, dtls=1, coaps=1)
        device, sim = fleet.devices["m"], fleet.devices["sim"]
        device.power = Power.CONNECTED
        theirs, ours = device.ip, sim.ip
        assert fleet.sharing("sim", theirs) == ("sim", "m")
        fleet.move("sim", theirs)
        port = fleet._speakers["dtls"].port
        assert (sim.ip, device.ip) == (theirs, ours)
        assert port.local_address(device.ip) & 0xFFFFFFFF == theirs  # outside nothing has changed
        heard = []
        fleet._hear = lambda who, transport, data: heard.append((who.name, transport))
        fleet._on_datagram(b"1", 1, device.ip, 0.0)
        assert heard == [("m", "dtls")]
        await fleet.close()
        await asyncio.sleep(0)

    run_virtual(main)


@pytest.mark.parametrize("link", ["nb-iot-good", "lte-m"])
def test_the_same_seed_gives_the_same_times_where_each_byte_takes_time(tmp_path, run_scenario, link):
    """The signatures of a handshake are of any length, and nobody can seed that."""
    path = tmp_path / "story.yaml"
    path.write_text(
        "scenario: x\ndevices:\n"
        f"  m: {{network: inet, count: 8, link: {link}, connection: {{resume: no}}}}\n"
        "steps: [{connect: m, every: 1 min, times: 2, outcome: any}]\n",
        encoding="utf-8",
    )
    assert run_scenario(path)[2] == run_scenario(path)[2]
