"""DeviceUsers, shards of Internet devices and reconnections, against a reference server in a process of its own.

All of it is one program (programs/devices.py), because importing Locust changes a process for good.
"""

from __future__ import annotations

import json

import pytest

PATIENCE_S = 110.0


def command_of(**_):
    return ("-X", "dev", "tests/load/programs/devices.py")


pytestmark = [pytest.mark.real, pytest.mark.beside(command=command_of), pytest.mark.timeout(PATIENCE_S + 10)]


@pytest.fixture
def came(ended_beside):
    """What the program has found."""
    ended = ended_beside(PATIENCE_S)
    assert ended.code == 0, ended.said
    warned, _, found = ended.said.strip().rpartition("\n")
    assert warned == "", warned
    return json.loads(found)


NOT_ATTACHED = "not attached: the device has no address on the mobile network"
CLEAN = ("lost", "duplicated", "disordered", "resized", "open", "refused")


def assert_clean(unit):
    counts = unit["counts"]
    assert {name: counts[name] for name in CLEAN} == dict.fromkeys(CLEAN, 0)
    assert counts["sent"] == counts["delivered"] + counts["missing"] == counts["answered"] + counts["unanswered"]
    # A user that is stopped in the midst of an upload detaches at once, and its message may come after that.
    assert counts["missing"] <= counts["unanswered"]
    assert (unit["failures"], unit["troubles"], unit["gaps"]) == ({}, {}, [])


def test_no_callback_and_no_story_has_a_defect(came):
    assert came["broken"] == []


@pytest.mark.parametrize("transport", ["coap", "udp", "dtls", "coaps"])
def test_users_are_devices_that_upload(came, transport):
    unit = came["crowd"]["units"][f"{transport}_ones"]
    assert_clean(unit)
    assert unit["counts"]["answered"] >= 7  # of two devices three each, and of one that came later
    # Two or three: whoever comes later takes a device that nobody has had, or the one of somebody who was stopped.
    assert unit["planned"] == unit["joined"] <= 3


@pytest.mark.parametrize(
    ("transport", "kind", "entry", "timed"),
    [
        ("coap", "CoAP", "RADIUS attach", True),
        ("udp", "UDP", "RADIUS attach", False),
        ("dtls", "DTLS", "DTLS connect", False),
        ("coaps", "CoAPS", "DTLS connect", True),
    ],
)
def test_all_that_users_do_is_in_the_statistics(came, transport, kind, entry, timed):
    unit = came["crowd"]["units"][f"{transport}_ones"]
    uploads, failures, times = unit["meters"][f"{kind} upload {transport}_ones"]
    assert (uploads, failures) == (unit["counts"]["answered"], {})
    assert times == (uploads if timed else 0)
    assert unit["meters"][f"{entry} {transport}_ones"] == [3, {}, 3]
    leave = "DTLS disconnect" if kind in ("DTLS", "CoAPS") else "RADIUS detach"
    assert unit["meters"][f"{leave} {transport}_ones"] == [3, {}, 3]


def test_users_that_end_leave_nothing_behind(came):
    crowd = came["crowd"]
    assert (crowd["left"], crowd["log"], len(crowd["names"]), crowd["all ok"]) == ([], [], 8, True)
    assert crowd["counters"]["dtls.handshakes"] == 6
    assert crowd["counters"]["events.clientDisconnected"] == 6


def test_a_meter_does_what_it_is_told(came):
    told = came["meter"]["told"]
    assert told["before"] == f"failed: {NOT_ATTACHED}"
    assert told["raised"] == f"upload of lone_meter.0: {NOT_ATTACHED}"
    assert told["attach"] == "ok"
    assert told["attached"] == [False, True]
    assert told["upload"] == ["ok"] * 3
    assert told["poll"] == "open"
    assert told["received"] == ["open"]
    assert told["ip"] == "127.64.0.2"
    after = {"vanish": False, "attach": True, "detach": False, "reboot": True, "power_off": False}
    assert {act: told[f"{act}, then attached"] for act in after} == {act: ["ok", on] for act, on in after.items()}
    assert (told["off"], told["on"]) == ("failed: the device is off", "ok")


def test_what_a_device_cannot_do_is_said_in_words(came):
    size, connect, rebind = came["meter"]["told"]["wrong"]
    assert "has no unit" in size
    assert 'or bytes: upload(b"22.5")' in size
    assert connect == "UsageError: lone_meter.0 cannot connect: it is of the mobile network, and attaches"
    assert rebind == "UsageError: lone_meter.0 cannot rebind_nat: it is of the mobile network, and attaches"


def test_failures_are_in_the_statistics_and_what_never_left_is_nobodys_loss(came):
    unit = came["meter"]
    uploads, failures, times = unit["meters"]["CoAP upload lone_meter"]
    assert (uploads, times) == (6, 3)
    assert failures == unit["failures"] == {NOT_ATTACHED: 2, "the device is off": 1}
    counts = unit["counts"]
    assert counts["sent"] == counts["answered"] == counts["delivered"] == 3
    assert counts["missing"] == 0


def test_an_internet_device_connects_on_demand_resumes_and_reboots(came):
    told = came["tracker"]["told"]
    assert told["on demand"] == ["ok", True]
    assert (told["again"], told["in full"]) == ("resumed", "")
    assert told["disconnect"] == ["ok", False]
    assert told["rebind"] == ["ok"] * 3
    assert told["reboot"] == ["ok", True]
    assert_clean(came["tracker"])


@pytest.mark.parametrize("story", ["meter", "tracker", "killed"])
def test_the_device_of_a_user_that_ended_is_free_and_off_the_platform(came, story):
    assert (came[story]["free"], came[story]["left"]) == (100, [])


def test_a_call_whose_greenlet_is_killed_ends_where_it_is(came):
    unit = came["killed"]
    assert unit["told"] == {"waiting stories": 0, "under way": 0, "over": True}
    counts = unit["counts"]
    assert counts["sent"] == counts["unanswered"] == 3
    assert (counts["lost"], counts["duplicated"], counts["open"]) == (0, 0, 0)
    # Out of patience is a failure; being stopped by Locust is none.
    assert unit["failures"] == {"interrupted": 1}
    assert unit["meters"]["CoAP upload lone_meter"] == [1, {"interrupted": 1}, 1]


@pytest.mark.parametrize(
    ("transport", "kind", "entry"),
    [("coap", "CoAP", "RADIUS attach"), ("dtls", "DTLS", "DTLS connect"), ("coaps", "CoAPS", "DTLS connect")],
)
def test_shards_upload_and_reconnect_by_timetable(came, transport, kind, entry):
    unit = came["shards"]["units"][f"shard_{transport}"]
    meters = unit["meters"]
    assert meters[f"{entry} shard_{transport}"] == [18, {}, 18]
    uploads, failures, times = meters[f"{kind} upload shard_{transport}"]
    # A reconnection in the midst of an exchange ends it.
    assert failures.keys() <= {"the device has begun a new session"}
    assert (uploads, times) == (24, 0 if kind == "DTLS" else 24)
    counts = unit["counts"]
    assert counts["sent"] == counts["delivered"] + counts["missing"] == 24
    assert (counts["lost"], counts["duplicated"], counts["disordered"], unit["troubles"]) == (0, 0, 0, {})
    assert (unit["planned"], unit["joined"]) == (6, 6)


def test_sessions_are_counted_and_later_ones_are_resumed(came):
    counters = came["shards"]["counters"]
    assert (counters["dtls.handshakes"], counters["dtls.resumed"]) == (36, 24)
    assert (counters["dtls.failures"], counters["drops"], counters["send_errors"]) == (0, 0, 0)
    assert counters["events.ciotConnect"] == 18
    assert came["shards"]["left"] == []


def test_after_the_end_of_the_test_nobody_waits_for_a_device_to_leave(came):
    assert came["bare"]["detached"] is False


def test_without_a_platform_answers_are_counted_and_certificates_are_missed(came):
    bare = came["bare"]
    assert bare["attach"] == "ok"
    assert bare["counts"][0] == 1
    assert sum(bare["counts"][1:]) == 1
    assert bare["wrong"].startswith("UsageError: group sea speaks coaps: without the API of a platform")
