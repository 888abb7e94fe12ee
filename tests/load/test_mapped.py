"""Devices with sockets of their own, as a target on another machine needs them, against a reference server on this one.

All of it is one program (programs/mapped.py), because importing Locust changes a process for good.
"""

from __future__ import annotations

import json

import pytest

PATIENCE_S = 110.0


def command_of(**_):
    return ("-X", "dev", "tests/load/programs/mapped.py")


pytestmark = [pytest.mark.real, pytest.mark.beside(command=command_of), pytest.mark.timeout(PATIENCE_S + 10)]


@pytest.fixture
def came(ended_beside):
    """What the program has found."""
    ended = ended_beside(PATIENCE_S)
    assert ended.code == 0, ended.said
    warned, _, found = ended.said.strip().rpartition("\n")
    assert warned == "", warned
    return json.loads(found)


@pytest.mark.parametrize("name", ["plain_coap", "plain_udp", "plain_dtls", "plain_coaps", "late_coap", "late_coaps"])
def test_everything_arrives_and_is_known_by_whom(came, name):
    unit = came["shards"]["units"][name]
    counts = unit.pop("counts")
    assert {count: number for count, number in counts.items() if number} == {
        "sent": 18,
        "answered": 18,
        "delivered": 18,
    }
    assert unit == {"joined": 6, "failures": {}, "troubles": {}}


def test_each_device_has_one_socket_until_the_end(came):
    assert (came["shards"]["wire"], came["shards"]["sockets"], came["shards"]["left"]) == ("mapped", [36, 0], [])
    assert came["descriptors"] <= 0


def test_nothing_got_lost_on_our_side(came):
    assert came["shards"]["counters"] == {"drops": 0, "send_errors": 0, "dtls.failures": 0, "dtls.handshakes": 18}
    assert came["broken"] == []


def test_a_user_whose_nat_forgets_it_comes_from_another_port_and_costs_no_other_socket(came):
    users = came["users"]
    assert users["first"] == ["ok"] * 7
    assert users["sockets"] == [1, 1, 1]
    assert users["places"] > 1
    assert users["left"] == []


def test_a_user_attaches_from_where_its_socket_is(came):
    assert came["users"]["field"] == ["ok"] * 3


def test_nats_that_forget_all_the_time_cost_no_sockets(came):
    assert came["forgetful"]["rebound"] >= 6
    assert (came["forgetful"]["sockets"], came["forgetful"]["send errors"]) == (6, 0)


def test_without_a_platform_answers_come_back(came):
    bare = came["bare"]
    assert (bare["joined"], bare["sockets"], bare["counts"]["sent"], bare["counts"]["unanswered"]) == (6, 6, 18, 0)


@pytest.mark.parametrize(
    ("target", "wire"),
    [
        ("here", "batch"),
        ("bare here", "batch"),
        ("API elsewhere", "mapped"),
        ("bare elsewhere", "mapped"),
        ("sessions elsewhere", "mapped"),
    ],
)
def test_the_target_decides_which_wire_it_is(came, target, wire):
    assert came["chosen"][target] == wire


def test_more_devices_than_descriptors_end_the_test_in_words(came):
    (error,) = came["limited"]["errors"]
    assert error.startswith("LocalError('no descriptors for more than 4 devices in this process: towards another")
    assert came["limited"]["sent errors"]


def test_only_a_fleet_user_is_many_devices(came):
    assert came["planned"] == {"fleets": 7000, "devices": 7, "mixed": 6002, "of a scenario": 1530, "none": 0}
