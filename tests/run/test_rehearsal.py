"""A rehearsal as a whole: what is judged, what it leaves behind, and how it ends when something breaks."""

from __future__ import annotations

import subprocess
import sys

import msgspec
import pytest

from simulator.devices.device import Device
from simulator.errors import SimulatorError, TargetError
from simulator.run.settings import RemoteSettings
from simulator.target.api import SpanApi
from simulator.target.http import HttpCaller
from simulator.wire.address import address

HELLO = """\
scenario: Two meters are heard
devices:
  meters: {count: 2, transport: coap, tags: {site: north}}
  stranger: {transport: udp, registered: false}
steps:
  - attach: meters
    expect: [ciotConnect]
  - attach: stranger
    outcome: rejected
    never: [ciotConnect]
    within: 300 ms
  - upload: meters
    payload: {template: "{{ device }} {{ n }}"}
    expect: [clientConnected, {upstreamMessage: {bytes: "10"}}]
expect:
  - {each: meters, sees: upstreamMessage, times: 1}
  - {never: [deviceCreated]}
"""


@pytest.fixture
def hello(tmp_path):
    path = tmp_path / "hello.yaml"
    path.write_text(HELLO, encoding="utf-8")
    return path


def records(journal, kind):
    return [record for line in journal.splitlines() if (record := msgspec.json.decode(line))["kind"] == kind]


def test_what_is_provisioned_is_in_the_journal_and_not_judged(hello, run_scenario):
    verdicts, report, journal = run_scenario(hello)
    assert verdicts.verdict == "pass", report
    created = [event for event in records(journal, "event") if event["name"] == "deviceCreated"]
    assert [(event["subject"], event["judged"]) for event in created] == [("meters.0", False), ("meters.1", False)]


def test_the_journal_tells_the_story_in_order(hello, run_scenario):
    _, _, journal = run_scenario(hello)
    kinds = [msgspec.json.decode(line)["kind"] for line in journal.splitlines()]
    assert (kinds[0], kinds[-1]) == ("run", "end")
    steps = [(step["step"], step["phase"]) for step in records(journal, "step")]
    assert steps == [(number, phase) for number in range(3) for phase in ("began", "acted", "ended")]
    times = [record.get("t_s", record.get("rx_s")) for record in map(msgspec.json.decode, journal.splitlines()[1:])]
    assert times == sorted(times)


def test_only_one_subject_acts_with_the_identities_it_always_has(hello, run_scenario):
    _, _, whole = run_scenario(hello)
    verdicts, report, alone = run_scenario(hello, only="meters.1")
    assert verdicts.verdict == "pass", report
    assert {act["subject"] for act in records(alone, "act")} == {"meters.1"}

    def logins(journal):
        events = records(journal, "event")
        return [e["data"] for e in events if e["name"] == "ciotConnect" and e["subject"] == "meters.1"]

    assert logins(alone) == logins(whole)


def test_a_defect_in_a_story_ends_the_run_instead_of_being_swallowed(hello, run_scenario, monkeypatch):
    def broken(self, *_):
        raise ZeroDivisionError("defect")
        yield

    monkeypatch.setattr(Device, "upload", broken)
    with pytest.raises(ZeroDivisionError):
        run_scenario(hello)


def test_a_story_that_nobody_will_wake_is_told_by_name(hello, run_scenario, monkeypatch):
    from simulator.wire.drivers.stories import Stories

    monkeypatch.setattr(Stories, "_post", lambda *_: None)  # a request that gets lost inside
    with pytest.raises(SimulatorError, match=r"meters\.0 waits for Post"):
        run_scenario(hello)


# --- a platform that runs already -------------------------------------------------------------------------------------


@pytest.fixture
def platform():
    """`simulator serve` in a process of its own; yields the settings of a run against it."""
    command = [sys.executable, "-m", "simulator", "serve", "--token", "secret", "--quiet"]
    command += ["--api-port", "0", "--udp-port", "0", "--coap-port", "0"]
    command += ["--radius-port", "0", "--accounting-port", "0", "--no-inet", "--blob-port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    where: dict[str, str] = {}
    assert process.stdout is not None
    for line in process.stdout:
        what, _, value = line.partition(" ")
        where[what] = value.strip()
        if what == "read-only":
            break
    try:
        yield RemoteSettings(
            url=where["API"].removesuffix("/span"),
            token="secret",
            coap=address("127.0.0.1", int(where["CoAP"].rsplit(":", 1)[1])),
            udp=address("127.0.0.1", int(where["UDP"].rsplit(":", 1)[1])),
        )
    finally:
        process.terminate()
        process.communicate(timeout=10)


async def ask(settings, question):
    caller = HttpCaller(settings.url, settings.token)
    try:
        return await question(SpanApi(caller))
    finally:
        await caller.close()


@pytest.mark.real
@pytest.mark.parametrize(("keep", "left"), [(False, 0), (True, 1)])
def test_what_a_run_created_on_a_platform_is_removed_unless_kept(hello, run_scenario, platform, keep, left):
    import asyncio

    verdicts, report, _ = run_scenario(hello, time="real", target=platform, keep=keep)
    assert verdicts.verdict == "pass", report
    assert len(asyncio.run(ask(platform, SpanApi.collections))) == left
    counted = asyncio.run(ask(platform, SpanApi.statistics))
    assert counted["accepted"] == 2  # asked by our gateways, over real RADIUS
    assert (counted.get("stops.User-Request", 0), counted["sessions"]) == ((2, 0) if not keep else (0, 2))


@pytest.mark.real
def test_a_wrong_token_is_told_as_what_it_is(hello, run_scenario, platform):
    wrong = RemoteSettings(url=platform.url, token="wrong", coap=platform.coap, udp=platform.udp)
    with pytest.raises(TargetError, match="401"):
        run_scenario(hello, time="real", target=wrong)
    assert "wrong" not in repr(wrong)


# --- where one step ends and the next begins --------------------------------------------------------------------------

BETWEEN_STEPS = [
    pytest.param(
        """\
  - attach: m
  - attach: m
    outcome: any
    never: [ciotConnect]
    within: 1 s
""",
        "fail",
        id="an event of the step itself",
    ),
    pytest.param(
        """\
  - attach: m
  - {send: m, payload: 3 B, never: [ciotConnect], within: 1 s}
""",
        "pass",
        id="never is not broken by the step before",
    ),
    pytest.param(
        """\
  - attach: m
  - {upload: m, payload: 3 B}
  - {link: m, loss: 100 %}
  - {upload: m, payload: 3 B, outcome: any, expect: [upstreamMessage], within: 1 s}
""",
        "fail",
        id="an upload that is lost is not credited with the one before",
    ),
]


@pytest.mark.parametrize("transport", ["udp", "coap"])
@pytest.mark.parametrize(("steps", "verdict"), BETWEEN_STEPS)
def test_a_step_is_not_credited_with_the_events_of_the_one_before(tmp_path, run_scenario, transport, steps, verdict):
    path = tmp_path / "steps.yaml"
    path.write_text(f"scenario: s\ndevices:\n  m: {{transport: {transport}}}\nsteps:\n{steps}", encoding="utf-8")
    verdicts, report, _ = run_scenario(path)
    assert verdicts.verdict == verdict, report


@pytest.mark.parametrize("delay", ["25 s", "4 min"])
def test_the_end_waits_for_what_is_still_on_the_radio(tmp_path, run_scenario, delay):
    path = tmp_path / "late.yaml"
    path.write_text(
        f"scenario: s\ndevices:\n  m: {{transport: udp, link: {{preset: perfect, delay: {delay}}}}}\n"
        "steps:\n  - attach: m\n  - {upload: m, payload: 3 B}\n"
        "expect:\n  - {each: m, sees: upstreamMessage, times: 1}\n",
        encoding="utf-8",
    )
    verdicts, report, _ = run_scenario(path)
    assert verdicts.verdict == "pass", report


def test_the_command_to_run_again_is_whole_and_quoted(tmp_path, run_scenario):
    path = tmp_path / "two words.yaml"
    path.write_text(HELLO.replace('"10"', '"11"'), encoding="utf-8")
    _, report, _ = run_scenario(path, stack="aiocoap", seed=5)
    assert f"simulator run '{path}' --seed 5 --stack aiocoap --only meters.0" in report
