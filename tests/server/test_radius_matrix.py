"""Every cell of the SIM-swap matrix, by real RADIUS packets (mobile-network §3.3), and the repairs of §3.4.

Written from the sheets. X, Y, Z are SIMs; a, b, c are hardware; A and B are devices on the platform.
"""

from __future__ import annotations

import asyncio

import pytest

X, Y, Z = "999990000000001", "999990000000002", "999990000000003"
a, b, c = "989999000000008", "989999000000016", "989999000000024"
HOME, AWAY = "10.64.0.77", "10.64.0.88"

IMEI_MISMATCH, IMSI_MISMATCH, UNKNOWN = "IMEI mismatch", "IMSI mismatch", "Device does not exist"
CONNECT_A, IMEI_A, IMSI_A = [("ciotConnect", "A")], [("imeiMismatch", "A")], [("imsiMismatch", "A")]
CONNECT_B, IMEI_B, IMSI_B = [("ciotConnect", "B")], [("imeiMismatch", "B")], [("imsiMismatch", "B")]
NOTHING: list = []
POLICIES = pytest.mark.parametrize("policy", ["both", "first"])


def sv(imei, svn="01"):
    """IMEISV: the check digit gives way to the software version."""
    return imei[:14] + svn


def reason_for(events):
    """What an Access-Reject says, by the first event that it comes with."""
    return {"imeiMismatch": IMEI_MISMATCH, "imsiMismatch": IMSI_MISMATCH}[events[0][0]] if events else UNKNOWN


def counted(before, after, name):
    return after.get(name, 0) - before.get(name, 0)


async def attach(it, imsi, imei, host, expected):
    """One login, held against the events that it shall make. Accepted: it is where it asked to be, and can send.

    Refused: told why and counted, and what is sent from the address that it asked for is not stored.
    """
    before, stored = it.statistics(), it.stored
    reply = await it.nas.login(imsi, imei, host)
    assert it.events() == expected
    after = it.statistics()
    accepted = any(event == "ciotConnect" for event, _ in expected)
    assert reply.code == (2 if accepted else 3)
    assert counted(before, after, "accepted") == accepted
    assert counted(before, after, "rejected") == (not accepted)
    if accepted:
        assert reply.all(8) == [bytes(map(int, host.split(".")))]
        assert await it.upload(host) == stored + 1
        assert it.events()[-1] == ("upstreamMessage", expected[-1][1])
        return
    reason = reason_for(expected)
    assert reply.text(18) == reason
    assert {number for number, _ in reply.attributes} == {18, 80}  # RFC 2865 §5.44: nothing but words in a reject
    assert counted(before, after, f"rejected.{reason}") == 1
    assert it.statistics().get("sessions", 0) == before.get("sessions", 0)


CONFIGS = {"IMSI and IMEI": (X, a), "IMSI only": (X, ""), "IMEI only": ("", a), "both blank": ("", "")}

# What happened | what the attach carries | events, by what A has, in the order of CONFIGS.
TABLE = [
    ("nothing", X, sv(a), [CONNECT_A, CONNECT_A, CONNECT_A, NOTHING]),
    ("SIM moved to other hardware", X, sv(b), [IMEI_A, CONNECT_A, NOTHING, NOTHING]),
    ("other SIM in the same hardware", Y, sv(a), [IMSI_A, NOTHING, CONNECT_A, NOTHING]),
    ("both replaced", Y, sv(b), [NOTHING, NOTHING, NOTHING, NOTHING]),
    ("eSIM profile switch", Y, sv(a), [IMSI_A, NOTHING, CONNECT_A, NOTHING]),
    ("eSIM rollback", X, sv(a), [CONNECT_A, CONNECT_A, CONNECT_A, NOTHING]),
    ("IMEI cloned by a stranger", Z, sv(a), [IMSI_A, NOTHING, CONNECT_A, NOTHING]),
    ("IMSI cloned", X, sv(c), [IMEI_A, CONNECT_A, NOTHING, NOTHING]),
    ("modem firmware updated", X, sv(a, "02"), [CONNECT_A, CONNECT_A, CONNECT_A, NOTHING]),
    ("gateway sends no IMEI", X, "", [CONNECT_A, CONNECT_A, NOTHING, NOTHING]),
]
CELLS = [
    pytest.param(imsi, imei, config, events, id=f"{what}, A has {name}")
    for what, imsi, imei, row in TABLE
    for (name, config), events in zip(CONFIGS.items(), row, strict=True)
]
# The rows that tell of somebody who was there before: A's own SIM in A's own hardware, in session at HOME.
LATER = {"eSIM profile switch", "eSIM rollback", "IMEI cloned by a stranger", "IMSI cloned", "modem firmware updated"}
# A switch without a detach looks to the platform as a cloned IMEI does: same hardware, other SIM.
TAKEOVERS = {
    ("IMEI cloned by a stranger", "IMEI only"),
    ("eSIM profile switch", "IMEI only"),
    ("IMSI cloned", "IMSI only"),
}
CELLS_LATER = [
    pytest.param(imsi, imei, config, events, (what, name) in TAKEOVERS, id=f"{what}, A has {name}")
    for what, imsi, imei, row in TABLE
    if what in LATER
    for (name, config), events in zip(CONFIGS.items(), row, strict=True)
    if any(config)
]


@POLICIES
@pytest.mark.parametrize(("imsi", "imei", "config", "events"), CELLS)
def test_first_attach_of_one_device(play, policy, imsi, imei, config, events):
    async def story(it):
        it.device("A", *config)
        await attach(it, imsi, imei, HOME, events)
        metadata = it.metadata("A")
        if events == CONNECT_A:
            assert (metadata["lastImsi"], metadata.get("lastImei", "")[:14]) == (imsi, imei[:14])
            assert metadata["allocatedIp"] == HOME
        else:
            assert metadata == {}
            assert await it.upload(HOME) == 0
            assert it.events() == []
        assert it.statistics().get("takeovers", 0) == 0

    play(story, span={"mismatch_policy": policy})


@POLICIES
@pytest.mark.parametrize(("imsi", "imei", "config", "events", "takeover"), CELLS_LATER)
def test_attach_while_the_device_is_in_session(play, policy, imsi, imei, config, events, takeover):
    async def story(it):
        it.device("A", *config)
        await attach(it, X, sv(a), HOME, CONNECT_A)
        before = it.metadata("A")
        # The SIM has an address, whoever holds it (span §6); another SIM brings its own.
        host = HOME if imsi == X else AWAY
        await attach(it, imsi, imei, host, events)
        after = it.metadata("A")
        assert it.statistics().get("takeovers", 0) == takeover
        assert it.statistics()["sessions"] == 1
        if events == CONNECT_A:
            assert (after["lastImsi"], after["lastImei"][:14], after["allocatedIp"]) == (imsi, imei[:14], host)
            stored = it.stored
            assert await it.upload(HOME) == stored + (host == HOME)  # the address is the latest login's
        else:
            assert after == before  # A itself is not disturbed
            assert await it.upload(HOME) == 2
            assert await it.upload(AWAY) == 2

    play(story, span={"mismatch_policy": policy})


@POLICIES
def test_an_esim_switches_is_refused_and_rolls_back(play, policy):
    """Sequence of mobile-network §2.4: the reject is visible as imsiMismatch once, then the old ciotConnect."""

    async def story(it):
        it.device("A", X, a)
        await attach(it, X, sv(a), HOME, CONNECT_A)
        await attach(it, Y, sv(a), AWAY, IMSI_A)
        await asyncio.sleep(30)
        assert (await it.nas.login(Y, sv(a), AWAY)).code == 3
        await attach(it, X, sv(a), HOME, CONNECT_A)
        assert it.metadata("A")["lastImsi"] == X

    play(story, span={"mismatch_policy": policy})


@pytest.mark.parametrize(("config", "imsi", "imei"), [(("", a), Y, sv(a)), ((X, ""), X, sv(b))])
def test_who_comes_after_an_end_takes_nothing_over(play, config, imsi, imei):
    async def story(it):
        it.device("A", *config)
        await attach(it, X, sv(a), HOME, CONNECT_A)
        await it.nas.account(1, "S1", X, HOME)
        await it.nas.account(2, "S1", X, HOME)
        await attach(it, imsi, imei, AWAY, CONNECT_A)
        assert it.statistics().get("takeovers", 0) == 0

    play(story)


COMPLETE, BLANK_IMSI, BLANK_IMEI = (Y, b), ("", b), (Y, "")
PUT, THEN = (X, sv(b), HOME), (Y, sv(a), AWAY)  # SIM X in b; and then the other way round


@POLICIES
@pytest.mark.parametrize(
    ("config", "attaches", "told"),
    [
        pytest.param(COMPLETE, [PUT], [IMEI_A + IMSI_B], id="X into b, both complete"),
        pytest.param(BLANK_IMSI, [PUT], [IMEI_A], id="X into b, B's IMSI blank"),
        pytest.param(BLANK_IMEI, [PUT], [IMEI_A], id="X into b, B's IMEI blank"),
        pytest.param(COMPLETE, [PUT, THEN], [IMEI_A + IMSI_B, IMEI_B + IMSI_A], id="exchanged, both complete"),
        pytest.param(BLANK_IMSI, [PUT, THEN], [IMEI_A, IMSI_A], id="exchanged, B's IMSI blank"),
        pytest.param(BLANK_IMEI, [PUT, THEN], [IMEI_A, CONNECT_B], id="exchanged, B's IMEI blank"),
        pytest.param(COMPLETE, [THEN, PUT], [IMEI_B + IMSI_A, IMEI_A + IMSI_B], id="b first, both complete"),
        pytest.param(BLANK_IMSI, [THEN, PUT], [IMSI_A, IMEI_A], id="b first, B's IMSI blank"),
        pytest.param(BLANK_IMEI, [THEN, PUT], [CONNECT_B, IMEI_A], id="b first, B's IMEI blank"),
    ],
)
def test_two_devices(play, policy, config, attaches, told):
    async def story(it):
        it.device("A", X, a)
        it.device("B", *config)
        for (imsi, imei, host), events in zip(attaches, told, strict=True):
            # Policy `first` stops after an imeiMismatch (§3.2).
            await attach(it, imsi, imei, host, events[:1] if policy == "first" else events)
        connected = CONNECT_B in told
        assert it.metadata("A") == {}
        assert it.metadata("B").get("lastImsi") == (Y if connected else None)
        assert it.stored == connected
        assert await it.upload(HOME) == connected

    play(story, span={"mismatch_policy": policy})


def test_each_collection_is_told_of_its_own_device(play):
    async def story(it):
        it.device("A", X, a)
        it.device("B", Y, b, it.new_collection())
        reply = await it.nas.login(X, sv(b), HOME)
        assert reply.text(18) == IMEI_MISMATCH
        told = it.documents()
        assert [event["event"] for event in told] == ["imeiMismatch", "imsiMismatch"]
        assert told[0]["collectionId"] == it.collection.rpartition("/")[2] != told[1]["collectionId"]

    play(story)


def test_what_the_events_of_a_mismatch_say(play):
    """§3.2: strings, with the gateway and the radio."""

    async def story(it):
        it.device("A", X, a)
        it.device("B", Y, b)
        await it.nas.login(X, sv(b), HOME, nas="pgw-sim-7")
        first, second = (event["data"] for event in it.documents())
        assert all(isinstance(value, str) for value in (*first.values(), *second.values()))
        assert set(first) == {"imsi", "imei", "expectedImei", "gateway", "rat"}
        assert set(second) == {"imsi", "imei", "expectedImsi", "gateway", "rat"}
        assert (first["imsi"], first["expectedImei"], second["expectedImsi"]) == (X, a, Y)
        assert first["imei"][:14] == second["imei"][:14] == b[:14]
        assert first["gateway"] == second["gateway"] == "pgw-sim-7"

    play(story)


def test_what_an_accepted_login_leaves_in_the_metadata(play):
    """Location of §1.5: cell 19088641 in 999/99; types as in span §1.4."""

    async def story(it):
        it.device("A", X, a)
        reply = await it.nas.login(X, sv(a), HOME)
        assert (len(reply.all(25)), len(reply.all(33))) == (1, 0)  # Class: comes back in the accounting (§1.6)
        metadata = it.metadata("A")
        assert (metadata["cellId"], metadata["mcc"], metadata["mnc"]) == ("19088641", 999, 99)
        assert metadata["allocatedAt"] == metadata["lastUpdate"] == str(it.clock.unix_ns() // 10**6 - 10)

    play(story)


def test_a_login_does_not_touch_the_configuration(play):
    """span §6: the configuration is the user's."""

    async def story(it):
        it.device("A", "", a)
        await it.nas.login(Y, sv(a), HOME)
        (device,) = it.call("GET", f"{it.collection}/devices")["devices"]
        assert device["config"]["ciot"] == {"imei": a}

    play(story)


@pytest.mark.parametrize("blank", ["", "0"])
def test_zero_is_as_blank_as_nothing(play, blank):
    """§2.2: empty, "0" and absent."""

    async def story(it):
        it.device("A", X, a)
        assert it.patch("A", imei=blank) == 200
        assert it.events() == [("deviceUpdated", "A")]
        await attach(it, X, sv(b), HOME, CONNECT_A)
        assert it.patch("A", imsi=blank, imei=a) == 200
        assert it.events() == [("deviceUpdated", "A")]
        await attach(it, Y, sv(a), AWAY, CONNECT_A)

    play(story)


# --- how identities are compared (§1.5, §2.2) -------------------------------------------------------------------------


@pytest.mark.parametrize("seen", [a[:14], a, a[:14] + "9", a[:14] + "01", a[:14] + "98"])
def test_an_imei_is_compared_on_fourteen_digits(play, seen):
    async def story(it):
        it.device("A", X, a)
        it.device("B", "", c)
        await attach(it, X, seen, HOME, CONNECT_A)
        await attach(it, Y, c[:14] + seen[14:], AWAY, CONNECT_B)
        await attach(it, X, b[:14] + seen[14:], HOME, IMEI_A)

    play(story)


@pytest.mark.parametrize(
    ("configured", "seen"),
    [
        ("001010000000001", "001010000000001"),
        ("001010000000001", "1010000000001"),
        ("1010000000001", "001010000000001"),
    ],
)
def test_leading_zeros_of_an_imsi_do_not_count(play, configured, seen):
    async def story(it):
        it.device("A", configured, a)
        await attach(it, seen, sv(a), HOME, CONNECT_A)
        await attach(it, seen, sv(b), HOME, IMEI_A)
        config = {"config": {"ciot": {"imsi": seen}}}
        assert it.status("POST", f"{it.collection}/devices", config) == 409

    play(story)


def test_a_wrong_check_digit_is_nobodys_business(play):
    """§2.2: the published sample asset fails Luhn."""

    async def story(it):
        it.device("A", X, "357322041802978")
        await attach(it, X, "3573220418029701", HOME, CONNECT_A)
        assert it.patch("A", imsi="") == 200
        it.events()
        await attach(it, Y, "357322041802973", AWAY, CONNECT_A)

    play(story)


def test_the_software_version_may_change_for_ever(play):
    async def story(it):
        it.device("A", X, a)
        for svn in range(99):
            assert (await it.nas.login(X, sv(a, f"{svn:02d}"), HOME)).code == 2
        assert it.events() == CONNECT_A * 99
        assert it.statistics().get("takeovers", 0) == 0

    play(story)


@pytest.mark.parametrize("imsi", ["", "0", "12a", "9" * 16])
def test_no_sim_no_login(play, imsi):
    async def story(it):
        it.device("A", X, a)
        reply = await it.nas.login(imsi, sv(a), HOME)
        assert (reply.code, reply.text(18)) == (3, "Missing or invalid IMSI")
        assert it.events() == []
        assert it.statistics()["rejected.Missing or invalid IMSI"] == 1

    play(story)


# --- how often a mismatch is told (§3.2) ------------------------------------------------------------------------------


def test_a_mismatch_is_told_at_once_and_then_once_a_minute(play):
    async def story(it):
        it.device("A", X, a)
        told = []
        for second in range(0, 181, 5):
            await asyncio.sleep(second - it.clock.now())
            assert (await it.nas.login(X, sv(b), HOME)).code == 3
            if it.events():
                told.append(second)
        assert told in ([0, 60, 120, 180], [0, 65, 130])  # the very end of the minute may be either
        assert it.statistics()[f"rejected.{IMEI_MISMATCH}"] == 37

    play(story)


def test_each_pair_and_each_device_has_its_own_minute(play):
    async def story(it):
        it.device("A", X, a)
        it.device("B", Y, b)
        await attach(it, X, sv(b), HOME, IMEI_A + IMSI_B)
        await attach(it, X, sv(c), HOME, IMEI_A)
        await attach(it, Z, sv(b), HOME, IMSI_B)
        for imsi, imei in ((X, sv(b)), (X, sv(c)), (Z, sv(b)), (X, sv(b, "02"))):  # the version makes no other pair
            assert (await it.nas.login(imsi, imei, HOME)).code == 3
        assert it.events() == []
        assert it.patch("B", imsi="") == 200
        it.events()
        await asyncio.sleep(61)
        await attach(it, X, sv(b), HOME, IMEI_A)

    play(story)


# --- repairs (§3.4) ---------------------------------------------------------------------------------------------------


async def blocked(it, imsi, imei, events):
    """A device that is refused, and whose data does not arrive."""
    await attach(it, imsi, imei, HOME, events)
    assert await it.upload(HOME) == 0
    assert it.events() == []


async def repaired(it, imsi, imei, letter):
    """Nothing is pushed; the next attempt succeeds, and data comes in, in order."""
    await asyncio.sleep(10)
    assert it.events() == []
    assert await it.upload(HOME) == 0
    assert (await it.nas.login(imsi, imei, HOME)).code == 2
    assert await it.upload(HOME) == 1
    assert it.events() == [("ciotConnect", letter), ("clientConnected", letter), ("upstreamMessage", letter)]


@pytest.mark.parametrize("known", [False, True])
def test_the_sim_belongs_to_the_new_hardware(play, known):
    async def story(it):
        it.device("A", X, a)
        if known:
            it.device("B", "", b)
        await blocked(it, X, sv(b), IMEI_A)
        if known:
            assert it.patch("B", imsi=X) == 409  # wrong order
        else:
            body = {"config": {"ciot": {"imsi": X, "imei": b}}}
            assert it.status("POST", f"{it.collection}/devices", body) == 409
        assert it.events() == []
        assert it.patch("A", imsi="") == 200
        if known:
            assert it.patch("B", imsi=X) == 200
        else:
            it.create("B", X, b)
        assert it.events() == [("deviceUpdated", "A"), ("deviceUpdated" if known else "deviceCreated", "B")]
        await repaired(it, X, sv(b), "B")
        assert it.metadata("A") == {}

    play(story)


@pytest.mark.parametrize("imei", [b, ""])
def test_the_hardware_was_exchanged(play, imei):
    async def story(it):
        it.device("A", X, a)
        await blocked(it, X, sv(b), IMEI_A)
        assert it.patch("A", imei=imei) == 200
        assert it.events() == [("deviceUpdated", "A")]
        await repaired(it, X, sv(b), "A")

    play(story)


@pytest.mark.parametrize("imsi", [Y, ""])
def test_a_new_sim_in_the_device(play, imsi):
    async def story(it):
        it.device("A", X, a)
        await blocked(it, Y, sv(a), IMSI_A)
        assert it.patch("A", imsi=imsi) == 200
        assert it.events() == [("deviceUpdated", "A")]
        await repaired(it, Y, sv(a), "A")
        assert it.metadata("A")["lastImsi"] == Y

    play(story)


def test_identities_are_unique(play):
    async def story(it):
        other = it.new_collection()
        it.device("A", X, a)
        it.device("B", Y, b)
        for path in (it.collection, other):
            for config in ({"imsi": X}, {"imei": a}, {"imsi": Z, "imei": a}, {"imsi": X, "imei": c}):
                assert it.status("POST", f"{path}/devices", {"config": {"ciot": config}}) == 409
        assert [it.patch("B", imsi=X), it.patch("B", imei=a), it.patch("B", imsi=X, imei=a)] == [409] * 3
        assert it.patch("A", imsi=X, imei=a) == 200  # its own
        assert it.events() == [("deviceUpdated", "A")]
        await attach(it, Y, sv(b), HOME, CONNECT_B)

    play(story)


# --- the platform changes while a device is in session ----------------------------------------------------------------


@pytest.mark.parametrize("change", [{"imsi": Y}, {"imei": b}, {"imsi": "", "imei": b}])
@pytest.mark.parametrize("disconnect", [False, True])
def test_an_update_that_a_session_would_not_survive(play, disconnect, change, radius):
    """The session stays, unless `disconnect_on_update`: then the gateway is asked to end it, and does (§3.4)."""

    async def story(it):
        it.device("A", X, a)
        it.nas.answer_disconnects_with = 41
        reply = await it.nas.login(X, sv(a), HOME)
        kept = reply.all(25)[0]
        await it.nas.account(1, "S1", X, HOME, more=[(25, kept)])
        assert await it.upload(HOME) == 1
        it.events()
        assert it.patch("A", **change) == 200
        await asyncio.sleep(0.01)
        assert len(it.nas.disconnects) == disconnect
        if disconnect:
            said = radius.split(it.nas.disconnects[0])
            assert (44, b"S1") in said
            assert (8, radius.quad(HOME)) in said
            assert radius.vendor(1, X.encode()) in said
            await it.nas.account(2, "S1", X, HOME, more=[(25, kept), (49, bytes((0, 0, 0, 6)))])
            assert it.statistics()["stops.Admin-Reset"] == 1
            assert it.statistics()["disconnects.sent"] == it.statistics()["disconnects.acknowledged"] == 1
        assert await it.upload(HOME) == 2 - disconnect
        assert it.statistics().get("sessions", 0) == 1 - disconnect
        assert it.events() == [("deviceUpdated", "A"), *([] if disconnect else [("upstreamMessage", "A")])]
        assert (await it.nas.login(X, sv(a), HOME)).code == 3  # and now it matters

    play(story, span={"disconnect_on_update": disconnect})


def test_an_update_that_a_session_survives_ends_nothing(play):
    async def story(it):
        it.device("A", X, a)
        await it.nas.login(X, sv(a), HOME)
        await it.nas.account(1, "S1", X, HOME)
        for change in ({"imei": ""}, {"imei": a}, {"imsi": ""}, {"imsi": X}):
            assert it.patch("A", **change) == 200
        await asyncio.sleep(30)
        assert it.nas.disconnects == []
        assert await it.upload(HOME) == 1

    play(story, span={"disconnect_on_update": True})


# --- sessions that overlap (§1.6, §3.4) -------------------------------------------------------------------------------


@pytest.mark.parametrize("stop_when", ["before the login", "before the new Start", "after the new Start"])
def test_the_stop_of_an_old_session_may_be_late(play, stop_when):
    """A SIM that is pulled and put elsewhere: the address belongs to the latest accepted request."""

    async def story(it):
        async def stop():
            await it.nas.account(2, "S1", X, HOME, more=[(46, bytes((0, 0, 0, 9))), (49, bytes((0, 0, 0, 2)))])

        it.device("A", X, "")
        await attach(it, X, sv(a), HOME, CONNECT_A)
        await it.nas.account(1, "S1", X, HOME)
        if stop_when == "before the login":
            await stop()
            assert await it.upload(HOME) == 1
            assert it.statistics().get("sessions", 0) == 0
        await attach(it, X, sv(b), HOME, CONNECT_A)
        if stop_when == "before the new Start":
            await stop()
            assert await it.upload(HOME) == 3
        await it.nas.account(1, "S2", X, HOME)
        if stop_when == "after the new Start":
            await stop()
        stored = it.stored
        assert await it.upload(HOME) == stored + 1
        assert it.statistics()["sessions"] == 1
        assert it.statistics().get("accounting.stale", 0) == (stop_when != "before the login")
        assert it.metadata("A")["lastImei"][:14] == b[:14]
        await it.nas.account(2, "S2", X, HOME)
        assert await it.upload(HOME) == stored + 1
        assert it.statistics().get("sessions", 0) == 0

    play(story)


@pytest.mark.parametrize("status", [1, 3], ids=["Start", "Interim-Update"])
def test_accounting_of_an_unknown_session_makes_it_anew(play, status):
    """§1.6: the Access-Request may have been lost with a restart."""

    async def story(it):
        it.device("A", X, a)
        await it.nas.account(status, "S1", X, HOME, sv(a))
        assert await it.upload(HOME) == 1
        assert it.statistics()["sessions"] == 1
        await it.nas.account(2, "S1", X, HOME, sv(a))
        assert await it.upload(HOME) == 1

    play(story)


@pytest.mark.parametrize("status", [1, 2, 3], ids=["Start", "Stop", "Interim-Update"])
@pytest.mark.parametrize(("imsi", "imei"), [(Y, sv(b)), (X, sv(b)), ("", ""), ("x", "y")])
def test_accounting_opens_no_door_that_a_login_would_not(play, status, imsi, imei):
    async def story(it):
        it.device("A", X, a)
        await it.nas.account(status, "S1", imsi, HOME, imei)
        assert await it.upload(HOME) == 0
        assert it.statistics().get("sessions", 0) == 0
        assert it.metadata("A") == {}

    play(story)


@pytest.mark.parametrize("status", [7, 8], ids=["Accounting-On", "Accounting-Off"])
def test_a_gateway_that_restarts_has_no_sessions(play, status):
    async def story(it):
        it.device("A", X, a)
        it.device("B", Y, b)
        for imsi, imei, host, nas in ((X, a, HOME, "pgw-1"), (Y, b, AWAY, "pgw-2")):
            await it.nas.login(imsi, sv(imei), host, nas=nas)
            await it.nas.account(1, f"S{imsi}", imsi, host, nas=nas)
        await it.nas.account(status, "", nas="pgw-1")
        assert await it.upload(HOME) == 0
        assert await it.upload(AWAY) == 1
        assert it.statistics()["sessions"] == 1

    play(story)


def test_accounting_that_comes_twice_counts_once(play):
    """§1.8: idempotent by NAS-Identifier, session, status and counters – also where the packet is another one."""

    async def story(it):
        it.device("A", X, a)
        await it.nas.login(X, sv(a), HOME)
        counters = [(42, bytes(4)), (43, bytes(4)), (46, bytes(4)), (49, bytes((0, 0, 0, 1)))]
        for _ in range(3):
            await it.nas.account(1, "S1", X, HOME)
        for _ in range(3):
            await it.nas.account(2, "S1", X, HOME, more=counters)
        found = it.statistics()
        assert (found["accounting.start"], found["accounting.stop"], found["stops.User-Request"]) == (1, 1, 1)
        assert await it.upload(HOME) == 0

    play(story)


@pytest.mark.parametrize("status", [1, 2, 3], ids=["Start", "Stop", "Interim-Update"])
@pytest.mark.parametrize("imsi", [Y, "0", "x", "\u0661", " 1", "9" * 200])
def test_a_report_with_the_name_of_a_session_and_another_sim_is_not_about_it(play, status, imsi):
    async def story(it):
        it.device("A", X, a)
        await it.nas.login(X, sv(a), HOME)
        await it.nas.account(1, "S1", X, HOME)
        await it.nas.account(status, "S1", imsi, HOME)
        # What is no IMSI may be as good as none; then the name alone says which session stops.
        if status == 2 and imsi not in (Y, "0"):
            await it.nas.login(X, sv(a), HOME)
        assert it.statistics()["sessions"] == 1
        assert await it.upload(HOME) == 1

    play(story)


# --- addresses (span §6) ----------------------------------------------------------------------------------------------


def address_in(reply):
    (value,) = reply.all(8)
    return ".".join(map(str, value))


@pytest.mark.parametrize("hint", ["", "0.0.0.0", "255.255.255.254", "255.255.255.255"])
def test_a_sim_without_an_address_of_its_own_is_given_one_and_keeps_it(play, hint):
    """RFC 2865 §5.8: the last two leave it to the server, or to the device."""

    async def story(it):
        it.device("A", X, a)
        it.device("B", Y, b)
        mine = address_in(await it.nas.login(X, sv(a), hint))
        other = address_in(await it.nas.login(Y, sv(b), hint))
        assert mine != other
        assert mine.startswith("10.")
        assert await it.upload(mine) == 1
        assert await it.upload(other) == 2
        await it.nas.account(1, "S1", X, mine)
        await it.nas.account(2, "S1", X, mine)
        assert address_in(await it.nas.login(X, sv(a), hint)) == mine

    play(story)


def test_nobody_is_given_the_address_of_another_who_is_in_session(play):
    async def story(it):
        it.device("A", X, a)
        it.device("B", Y, b)
        assert address_in(await it.nas.login(X, sv(a), HOME)) == HOME
        other = address_in(await it.nas.login(Y, sv(b), HOME))
        assert other != HOME
        it.events()
        await it.upload(HOME)
        await it.upload(other)
        assert [it.events()[-1], it.statistics()["sessions"]] == [("upstreamMessage", "B"), 2]
        assert it.metadata("A")["allocatedIp"] == HOME

    play(story)
