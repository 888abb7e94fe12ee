"""The defects of the mobile network's side are killed by packet gateways that talk RADIUS to a living server.

Each story is told in real packets over the memory network; it holds on a sound server, and not on the mutants that it
names. Nothing is looked at that a gateway, a device or an operator could not see.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest

from simulator.protocol.radius.numbers import Status, Terminate
from simulator.server.mutants import inflict
from simulator.wire.address import host_text, ipv4

from .gateways import CELL, MODEM_A, MODEM_B, MODEM_C, OTHER_CELL, SIM_X, SIM_Y, SIM_Z, Bench

SIMS, MODEMS = (SIM_X, SIM_Y, SIM_Z), (MODEM_A, MODEM_B, MODEM_C, "")
PLACES = (0, *(ipv4("10.64.0.0") + place for place in range(1, 5)))

# --- who may come in --------------------------------------------------------------------------------------------------


def logins_are_answered(bench: Bench) -> None:
    bench.device("a", SIM_X, MODEM_A)
    assert bench.heard(bench.home.attach(SIM_X, MODEM_A, "s1"))
    assert bench.home.refusal(SIM_Y, MODEM_B) == "Device does not exist"


def mismatches_are_refused_and_told(bench: Bench) -> None:
    device = bench.device("a", SIM_X, MODEM_A)
    assert bench.home.refusal(SIM_X, MODEM_B, rat=9) == "IMEI mismatch"
    assert bench.home.refusal(SIM_Y, MODEM_A) == "IMSI mismatch"
    assert bench.events() == ["imeiMismatch a", "imsiMismatch a"]
    assert bench.home.refusal(SIM_Y, MODEM_A) == "IMSI mismatch"
    assert bench.events() == []
    bench.configure(device, imei="")
    assert bench.home.attach(SIM_X, MODEM_B, "s1")
    bench.play(3600)
    assert bench.home.refusal(SIM_Y, MODEM_C) == "Device does not exist"
    bench.configure(device, imei=MODEM_A + "8")
    assert bench.home.refusal(SIM_Y, MODEM_A) == "IMSI mismatch"
    assert bench.events() == ["ciotConnect a", "imsiMismatch a"]


def both_devices_are_told(bench: Bench) -> None:
    bench.device("a", SIM_X, MODEM_A)
    bench.device("b", SIM_Y, MODEM_B)
    assert bench.home.refusal(SIM_X, MODEM_B) == "IMEI mismatch"
    assert bench.events() == ["imeiMismatch a", "imsiMismatch b"]


def a_mismatch_is_told_again_after_a_while(bench: Bench) -> None:
    bench.device("a", SIM_X, MODEM_A)
    assert bench.home.refusal(SIM_X, MODEM_B) == "IMEI mismatch"
    assert bench.events() == ["imeiMismatch a"]
    bench.play(61)
    assert bench.home.refusal(SIM_X, MODEM_B) == "IMEI mismatch"
    assert bench.events() == ["imeiMismatch a"]


def a_modem_with_other_software_is_the_same(bench: Bench) -> None:
    bench.device("a", SIM_X, MODEM_A)
    bench.device("b", "", MODEM_B)
    for imsi, modem in ((SIM_X, MODEM_A), (SIM_Y, MODEM_B)):
        for software in ("01", "02", ""):
            bench.home.attach(imsi, modem + software)
    assert bench.events() == ["ciotConnect a"] * 3 + ["ciotConnect b"] * 3


def the_imei_need_not_be_told(bench: Bench) -> None:
    bench.device("a", SIM_X, MODEM_A)
    bench.device("b", SIM_Y)
    bench.home.attach(SIM_X)
    bench.home.attach(SIM_Y)


def one_identity_is_enough(bench: Bench) -> None:
    by_sim, by_modem = bench.device("a", SIM_X), bench.device("b", "", MODEM_B)
    bench.home.attach(SIM_X, MODEM_A)
    bench.home.attach(SIM_Y, MODEM_B)
    assert bench.events() == ["ciotConnect a", "ciotConnect b"]
    assert [bench.ciot(device)["lastImsi"] for device in (by_sim, by_modem)] == [SIM_X, SIM_Y]
    # Nothing of it gets into the configuration, so another SIM will do as well.
    bench.home.attach(SIM_Z, MODEM_B)
    bench.home.attach(SIM_X, MODEM_C)


def what_was_cleared_is_unknown(bench: Bench) -> None:
    old, new = bench.device("old", SIM_X, MODEM_A), bench.device("new", "", MODEM_B)
    assert bench.home.refusal(SIM_X, MODEM_B) == "IMEI mismatch"
    bench.configure(old, imsi="")
    bench.home.attach(SIM_X, MODEM_B)
    assert bench.events() == ["imeiMismatch old", "ciotConnect new"]
    bench.configure(new, imei="")
    assert bench.home.refusal(SIM_X, MODEM_B) == "Device does not exist"


def who_was_removed_stays_out(bench: Bench) -> None:
    device = bench.device("a", SIM_X, MODEM_A)
    where = bench.home.attach(SIM_X, MODEM_A, "s1")
    bench.call("DELETE", device)
    assert not bench.heard(where)
    assert bench.home.refusal(SIM_X, MODEM_A) == "Device does not exist"


# --- sessions ---------------------------------------------------------------------------------------------------------


def a_login_makes_a_session(bench: Bench) -> None:
    bench.device("a", SIM_X, MODEM_A)
    where = bench.home.attach(SIM_X, MODEM_A, "s1")
    assert bench.heard(where)
    assert bench.heard(where)
    again = bench.home.attach(SIM_X, MODEM_A, "s2")
    assert bench.heard(again)


def addresses_belong_to_one_device(bench: Bench) -> None:
    bench.device("a", SIM_X)
    bench.device("b", SIM_Y)
    wishes = {"address": ipv4("10.64.0.7")}, {}
    first, second = bench.home.attach(SIM_X, **wishes[0]), bench.abroad.attach(SIM_Y, **wishes[1])
    assert first != second
    assert bench.heard(first)
    assert bench.heard(second)


def who_takes_over_has_the_session_alone(bench: Bench) -> None:
    bench.device("a", "", MODEM_A)
    first = bench.home.attach(SIM_X, MODEM_A, "s1", address=ipv4("10.64.0.7"))
    second = bench.abroad.attach(SIM_Y, MODEM_A, "s1", address=ipv4("10.64.0.8"))
    assert [bench.heard(first), bench.heard(second)] == [False, True]
    assert bench.server.core.statistics()["takeovers"] == 1


def a_copy_takes_over_too(bench: Bench) -> None:
    bench.device("a", SIM_X)
    bench.home.attach(SIM_X, MODEM_A, "s1")
    bench.abroad.attach(SIM_X, MODEM_B, "s1")
    assert bench.server.core.statistics()["takeovers"] == 1


def metadata_follow_accepted_logins_only(bench: Bench) -> None:
    device = bench.device("a", SIM_X)
    bench.home.attach(SIM_X, MODEM_A)
    first = bench.ciot(device)
    bench.configure(device, imei=MODEM_A + "8")
    assert bench.abroad.refusal(SIM_X, MODEM_B, location=OTHER_CELL) == "IMEI mismatch"
    assert bench.ciot(device) == first
    bench.configure(device, imei="")
    bench.abroad.attach(SIM_X, MODEM_B, location=OTHER_CELL, serving_plmn="24201")
    second = bench.ciot(device)
    assert second["cellId"] == str(OTHER_CELL.cell)
    assert [second[key] == first[key] for key in ("lastImsi", "lastImei", "mcc", "gatewayId")] == [True] + [False] * 3
    assert bench.config(device) == {"imsi": SIM_X}


# --- packets ----------------------------------------------------------------------------------------------------------


def a_login_that_comes_again_is_the_same(bench: Bench) -> None:
    bench.device("a", SIM_X)
    request = bench.home.access_request(SIM_X, MODEM_A)
    where = bench.server.radius_address
    first, second = bench.home.ask(where, request), bench.home.ask(where, request)
    assert [packet.raw for packet in first] == [packet.raw for packet in second]
    assert bench.events() == ["ciotConnect a"]


def sessions_stop(bench: Bench) -> None:
    bench.device("a", SIM_X)
    where = bench.home.attach(SIM_X, MODEM_A, "s1")
    assert bench.heard(where)
    bench.home.report(Status.STOP, "s1", SIM_X, MODEM_A, cause=Terminate.USER_REQUEST)
    assert not bench.heard(where)


def the_stop_of_an_old_session_comes_too_late(bench: Bench) -> None:
    bench.device("a", SIM_X)
    bench.home.attach(SIM_X, MODEM_A, "s1")
    where = bench.abroad.attach(SIM_X, MODEM_B, "s2")
    bench.home.report(Status.STOP, "s1", SIM_X, MODEM_A, cause=Terminate.LOST_CARRIER)
    assert bench.heard(where)
    where = bench.abroad.attach(SIM_X, MODEM_B, "s3")
    bench.abroad.report(Status.STOP, "s2", SIM_X, MODEM_B, cause=Terminate.LOST_CARRIER)
    assert bench.heard(where)
    bench.abroad.report(Status.STOP, "s3", SIM_X, MODEM_B, cause=Terminate.USER_REQUEST)
    assert not bench.heard(where)


def starts_are_noticed(bench: Bench) -> None:
    bench.device("a", SIM_X)
    where = bench.home.attach(SIM_X, MODEM_A, "s1")
    bench.home.report(Status.STOP, "s1", SIM_X, MODEM_A, cause=Terminate.LOST_CARRIER)
    bench.home.report(Status.START, "s2", SIM_X, MODEM_A, ipv4(where))
    assert bench.heard(where)  # the login that belongs to it was lost with another server


def a_new_cell_is_shown(bench: Bench) -> None:
    device = bench.device("a", SIM_X)
    where = bench.home.attach(SIM_X, MODEM_A, "s1")
    assert bench.ciot(device)["cellId"] == str(CELL.cell)
    bench.home.report(Status.INTERIM, "s1", SIM_X, MODEM_A, ipv4(where), location=OTHER_CELL, rat=9)
    assert bench.ciot(device)["cellId"] == str(OTHER_CELL.cell)


def sessions_are_ended_by_the_operator(bench: Bench) -> None:
    bench.device("a", SIM_X)
    where = bench.home.attach(SIM_X, MODEM_A, "s1")
    assert bench.call("POST", "/simulator/disconnect", {"imsi": SIM_X}) == {"sent": True}
    bench.play()
    assert bench.home.disconnects() == [SIM_X]
    bench.home.report(Status.STOP, "s1", SIM_X, MODEM_A, cause=Terminate.ADMIN_RESET)
    assert not bench.heard(where)


Story = Callable[[Bench], None]

STORIES: dict[Story, tuple[str, ...]] = {
    logins_are_answered: (
        "accept-without-address",
        "reject-without-reason",
        "login-not-answered",
        "accounting-not-answered",
        "reply-with-wrong-authenticator",
        "unknown-sim-accepted",
    ),
    mismatches_are_refused_and_told: (
        "imsiMismatch-accepted",
        "imeiMismatch-accepted",
        "mismatch-not-noticed",
        "mismatch-told-each-time",
        "mismatch-told-once-for-ever",
        "ciotConnect-for-refused-logins",
        "cleared-identity-still-known",
    ),
    both_devices_are_told: ("first-mismatch-not-told", "second-mismatch-not-told"),
    a_mismatch_is_told_again_after_a_while: ("mismatch-told-once-for-ever",),
    a_modem_with_other_software_is_the_same: ("svn-compared",),
    the_imei_need_not_be_told: ("imei-demanded", "blank-identity-refused"),
    one_identity_is_enough: (
        "blank-identity-refused",
        "imei-alone-not-enough",
        "configured-by-login",
        "takeover-refused",
    ),
    what_was_cleared_is_unknown: ("cleared-identity-still-known",),
    who_was_removed_stays_out: ("login-after-removal", "message-after-removal", "remove-not-carried-out"),
    a_login_makes_a_session: (
        "login-without-session",
        "session-ends-with-the-first-message",
        "login-refused-while-in-session",
    ),
    addresses_belong_to_one_device: ("address-of-another",),
    who_takes_over_has_the_session_alone: ("takeover-not-noticed", "takeover-refused"),
    a_copy_takes_over_too: ("takeover-not-noticed", "takeover-refused"),
    metadata_follow_accepted_logins_only: (
        "metadata-not-updated",
        "metadata-of-refused-logins",
        "configured-by-login",
    ),
    a_login_that_comes_again_is_the_same: ("retransmitted-login-is-a-new-one",),
    sessions_stop: ("stop-not-noticed",),
    the_stop_of_an_old_session_comes_too_late: ("late-stop-ends-the-new-session", "start-not-noticed"),
    starts_are_noticed: ("start-not-noticed",),
    a_new_cell_is_shown: ("interim-not-noticed",),
    sessions_are_ended_by_the_operator: ("disconnect-not-sent",),
}
"""A story → the mutants under which it is not true."""


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_stories_are_true_of_a_sound_server(story):
    story(Bench())


@pytest.mark.parametrize(
    ("story", "mutant"),
    [pytest.param(story, mutant, id=mutant) for story, mutants in STORIES.items() for mutant in mutants],
)
def test_stories_are_not_true_of_a_mutant(story, mutant):
    bench = Bench()
    undo = inflict(bench.server, mutant)
    with pytest.raises(AssertionError):
        story(bench)
    undo()


@pytest.mark.parametrize("mutant", dict.fromkeys(mutant for mutants in STORIES.values() for mutant in mutants))
def test_a_running_server_is_sound_again_when_it_is_undone(mutant):
    bench = Bench()
    inflict(bench.server, mutant)()
    story = next(story for story, mutants in STORIES.items() if mutant in mutants)
    story(bench)


@pytest.mark.parametrize("mutant", dict.fromkeys(mutant for mutants in STORIES.values() for mutant in mutants))
def test_no_mutant_stumbles_over_what_gateways_and_operators_do(mutant):
    bench, dice = Bench(), Random(4)
    devices = [bench.device("a", SIM_X, MODEM_A), bench.device("b", "", MODEM_B), bench.device("c", SIM_Z)]
    undo = inflict(bench.server, mutant)
    for step in range(150):
        if step == 100:
            undo()
        if step == 50:
            bench.restart()  # which is a sound server, for the defect was in the parts of the old one
            undo = inflict(bench.server, mutant)
        what, device = dice.randrange(10), dice.choice(devices)
        gateway, imsi, modem = dice.choice((bench.home, bench.abroad)), dice.choice(SIMS), dice.choice(MODEMS)
        if what < 4:
            gateway.ask(bench.server.radius_address, gateway.access_request(imsi, modem, address=dice.choice(PLACES)))
        elif what < 7:
            status = dice.choice((Status.START, Status.STOP, Status.INTERIM, Status.ON))
            request = gateway.accounting_request(status, dice.choice("123"), imsi, modem, dice.choice(PLACES))
            gateway.ask(bench.server.accounting_address, request)
        elif what < 8:
            bench.heard(host_text(ipv4("127.64.0.0") + dice.randrange(1, 9)))
        elif what < 9:
            bench.status("PATCH", device, {"config": {"ciot": {"imsi": dice.choice(("", imsi))}}})
        else:
            bench.status("POST", "/simulator/disconnect", {"imsi": imsi})
            gateway.disconnects()
    assert bench.server.core.statistics()["accepted"] > 0
