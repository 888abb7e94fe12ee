"""Which device a login belongs to (mobile-network §3.2, §3.3), and what sessions do (span §6)."""

from __future__ import annotations

import pytest

from simulator.errors import LocalError
from simulator.server.span.login import imei_key, imsi_key
from simulator.server.span.network import LoginAccepted, LoginRejected
from simulator.wire.address import address

X, Y, Z = "242016000000001", "242016000000002", "242016000000003"
a, b, c = "353456123456780", "353456123456798", "353456123456806"
CONNECT = ("ciotConnect", "A")


def told(platform, collection, devices):
    """Events as (name, letter of the device)."""
    import msgspec

    letters = {device: letter for letter, device in devices.items()}
    return lambda stream: [
        (event["event"], letters[event["deviceId"]]) for event in map(msgspec.json.decode, stream.take())
    ]


@pytest.mark.parametrize(
    ("what", "sim", "hardware", "both", "imsi_only", "imei_only"),
    [
        ("nothing", X, a, [CONNECT], [CONNECT], [CONNECT]),
        ("sim moved", X, b, [("imeiMismatch", "A")], [CONNECT], []),
        ("other sim", Y, a, [("imsiMismatch", "A")], [], [CONNECT]),
        ("both replaced", Y, b, [], [], []),
        ("imsi cloned", X, c, [("imeiMismatch", "A")], [CONNECT], []),
        ("new software version", X, a[:14] + "07", [CONNECT], [CONNECT], [CONNECT]),
        ("no imei", X, "", [CONNECT], [CONNECT], []),
        ("nonsense for an imei", X, "abc", [CONNECT], [CONNECT], []),
        ("neither known nor told", Z, "", [], [], []),
    ],
)
def test_one_device(make_platform, what, sim, hardware, both, imsi_only, imei_only):
    for config, expected in (((X, a), both), ((X, ""), imsi_only), (("", a), imei_only), (("", ""), [])):
        platform = make_platform()
        collection = platform.collection()
        device = platform.device(collection, *config)
        stream = platform.activity(collection)
        result = platform.login(sim, hardware)
        assert told(platform, collection, {"A": device})(stream) == expected, (what, config)
        assert isinstance(result, LoginAccepted) == (CONNECT in expected)


@pytest.mark.parametrize(
    ("config_b", "attaches", "expected"),
    [
        ((Y, b), [(X, b)], [("imeiMismatch", "A"), ("imsiMismatch", "B")]),
        (("", b), [(X, b)], [("imeiMismatch", "A")]),
        ((Y, ""), [(X, b)], [("imeiMismatch", "A")]),
        (
            (Y, b),
            [(X, b), (Y, a)],
            [("imeiMismatch", "A"), ("imsiMismatch", "B"), ("imeiMismatch", "B"), ("imsiMismatch", "A")],
        ),
        (("", b), [(X, b), (Y, a)], [("imeiMismatch", "A"), ("imsiMismatch", "A")]),
        ((Y, ""), [(X, b), (Y, a)], [("imeiMismatch", "A"), ("ciotConnect", "B")]),
    ],
)
def test_two_devices(platform, config_b, attaches, expected):
    collection = platform.collection()
    devices = {"A": platform.device(collection, X, a), "B": platform.device(collection, *config_b)}
    stream = platform.activity(collection)
    for attach in attaches:
        platform.login(*attach)
    assert told(platform, collection, devices)(stream) == expected


def test_policy_first_stops_after_the_first_mismatch(make_platform, names):
    platform = make_platform(mismatch_policy="first")
    collection = platform.collection()
    platform.device(collection, X, a)
    platform.device(collection, Y, b)
    stream = platform.activity(collection)
    platform.login(X, b)
    assert names(stream) == ["imeiMismatch"]


def test_the_documented_cure(platform, names):
    collection = platform.collection()
    path = f"/span/collections/{collection}/devices"
    old = platform.device(collection, X, a)
    stream = platform.activity(collection)
    assert platform.login(X, b) == LoginRejected("IMEI mismatch")
    body = {"config": {"ciot": {"imsi": X, "imei": b}}}
    assert platform.refused("POST", path, body)[0] == 409  # wrong order
    platform.call("PATCH", f"{path}/{old}", {"config": {"ciot": {"imsi": ""}}})
    platform.call("POST", path, body)
    assert isinstance(platform.login(X, b), LoginAccepted)
    assert names(stream) == ["imeiMismatch", "deviceUpdated", "deviceCreated", "ciotConnect"]


def test_data_of_login_events(platform, events):
    collection = platform.collection()
    platform.device(collection, X, a)
    stream = platform.activity(collection)
    platform.login(X, a, "127.64.1.2")
    platform.login(X, b)
    platform.core.login(Y, a, None, platform.now_ns, gateway="NAS01", rat="8")
    assert [event["data"] for event in events(stream)] == [
        {"imei": a, "imsi": X, "ip": "10.64.1.2"},
        {"expectedImei": a, "imei": b, "imsi": X},
        {"expectedImsi": X, "gateway": "NAS01", "imei": a, "imsi": Y, "rat": "8"},
    ]


def test_the_same_mismatch_is_told_once_a_minute(platform, names):
    collection = platform.collection()
    platform.device(collection, X, a)
    stream = platform.activity(collection)
    for _ in range(5):
        platform.login(X, b)
        platform.later(14)
    assert names(stream) == ["imeiMismatch"]  # at 0 s; 14, 28, 42 and 56 s are too soon
    platform.login(X, c)  # another pair has its own turn
    platform.login(X, b)  # 70 s
    assert names(stream) == ["imeiMismatch", "imeiMismatch"]
    for number in range(100):
        platform.login(X, f"99{number:012d}")
    (device,) = platform.core.registry.devices.values()
    assert len(device.mismatches) <= 16


@pytest.mark.parametrize("imsi", ["", "0", "000", "12a", "1" * 16, "-1", "１２"])
def test_no_imsi_no_login(platform, imsi):
    assert platform.login(imsi, a) == LoginRejected("Missing or invalid IMSI")


def test_rejects_are_counted_by_reason(platform):
    platform.login(X, a)
    platform.login(Y, a)
    platform.login("", a)
    assert platform.core.network.rejects == {"Device does not exist": 2, "Missing or invalid IMSI": 1}


def test_leading_zeros_do_not_matter(platform):
    platform.device(platform.collection(), "001010000000001")
    assert isinstance(platform.login("1010000000001", ""), LoginAccepted)
    assert imsi_key("001010000000001") == imsi_key("1010000000001")
    assert imei_key("353456123456780") == imei_key("3534561234567801") == imei_key("35345612345678")


# --- sessions ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def pair(platform):
    """A collection with devices of the SIMs X and Y."""
    collection = platform.collection()
    return platform.device(collection, X), platform.device(collection, Y)


@pytest.mark.parametrize(
    ("asked", "on_wire", "shown"),
    [
        ("127.64.0.5", "127.64.0.5", "10.64.0.5"),
        ("10.64.0.5", "127.64.0.5", "10.64.0.5"),
        ("127.127.255.254", "127.127.255.254", "10.127.255.254"),
        ("127.0.0.9", "127.0.0.9", "127.0.0.9"),
        ("192.168.1.7", "192.168.1.7", "192.168.1.7"),
        (0x7F400005, "127.64.0.5", "10.64.0.5"),
        (0x0A400005, "127.64.0.5", "10.64.0.5"),
        ("localhost", "127.0.0.1", "127.0.0.1"),
    ],
)
def test_an_address_that_was_asked_for(platform, pair, asked, on_wire, shown):
    assert platform.login(X, a, asked).ip == shown
    assert platform.up(where=on_wire).known


def test_mapped_sources_are_told_apart_by_port(platform, pair):
    assert platform.login(X, a, "127.0.0.1:4200").ip == "127.0.0.1:4200"
    assert platform.login(Y, "", 4201 << 32 | 0x7F000001).device_id == pair[1]
    core, here = platform.core, 0x7F000001
    assert core.upstream(4200 << 32 | here, b"1", "udp", platform.now_ns, local_port=1).known
    assert core.is_known(4201 << 32 | here)
    assert not core.is_known(4202 << 32 | here)
    assert platform.core.registry.devices[core.network.sessions[4200 << 32 | here].device.number].messages_up == 1


@pytest.mark.parametrize(
    "where", ["", "nowhere", "127.64.0", "127.64.0.5:", "127.64.0.5:x", "127.64.0.5:70000", "0.0.0.0", "224.0.0.1",
              "255.255.255.255", "::1", 0, -1, 1 << 48, 1 << 80]
)  # fmt: skip
def test_what_is_no_address_is_refused(platform, pair, where):
    if where == "":
        assert platform.login(X, a, where).ip == "10.64.0.1"
        return
    with pytest.raises(LocalError):
        platform.login(X, a, where)


def test_a_sim_keeps_its_address_and_the_next_gets_the_next(platform, pair):
    assert [platform.login(X, a).ip, platform.login(Y, b).ip] == ["10.64.0.1", "10.64.0.2"]
    assert platform.core.logout(X, platform.now_ns)
    assert platform.login(X, a).ip == "10.64.0.1"


def test_an_address_belongs_to_the_latest_login(platform, pair):
    platform.login(X, a, "127.64.0.5")
    platform.login(Y, "", "127.64.0.5")
    platform.up()
    counts = [platform.core.registry.devices[number].messages_up for number in platform.core.registry.devices]
    assert counts == [0, 1]
    assert len(platform.core.network.sessions) == 1


def test_a_device_has_one_session(platform, pair):
    platform.login(X, a, "127.64.0.5")
    platform.login(X, a, "127.64.0.6")
    assert [platform.up(where=where).known for where in ("127.64.0.5", "127.64.0.6")] == [False, True]


def test_another_sim_takes_a_device_over_that_knows_only_its_imei(platform):
    device = platform.device(platform.collection(), "", a)
    platform.login(X, a, "127.64.0.5")
    assert platform.login(Y, a, "127.64.0.6").device_id == device
    assert platform.core.network.takeovers == 1
    assert [platform.up(where=where).known for where in ("127.64.0.5", "127.64.0.6")] == [False, True]


@pytest.mark.parametrize("who", ["127.64.0.5", "10.64.0.5", X, 0x7F400005])
def test_a_logout_ends_the_session(platform, pair, who):
    platform.login(X, a, "127.64.0.5")
    assert platform.core.logout(who, platform.now_ns) is True
    assert platform.core.logout(who, platform.now_ns) is False
    assert platform.up().known is False


def test_addresses_run_out(make_platform):
    platform = make_platform(network_bits=30)  # two of four are for devices
    collection = platform.collection()
    for imsi in "123":
        platform.device(collection, imsi)
    assert [type(platform.login(imsi, "")) for imsi in "12"] == [LoginAccepted, LoginAccepted]
    assert platform.login("3", "") == LoginRejected("Unable to allocate IP")


# --- the door for curl ------------------------------------------------------------------------------------------------


def test_login_over_the_api_needs_no_token(platform):
    collection = platform.collection()
    device = platform.device(collection, X)
    body = {"imsi": int(X), "imei": a, "address": "127.64.0.5"}
    assert platform.call("POST", "/simulator/login", body, token="") == {
        "deviceId": device,
        "collectionId": collection,
        "address": "127.64.0.5",
        "allocatedIp": "10.64.0.5",
    }
    assert platform.up().known
    assert platform.call("POST", "/simulator/logout", {"address": "127.64.0.5"}, token="") == {"ended": True}
    assert platform.call("POST", "/simulator/logout", {"imsi": X}, token="") == {"ended": False}
    assert platform.call("POST", "/simulator/login", {"imsi": X}, token="")["address"] == "127.64.0.5"
    mapped = platform.call("POST", "/simulator/login", {"imsi": X, "address": "127.0.0.1:999"}, token="")
    assert mapped["address"] == "127.0.0.1:999"


@pytest.mark.parametrize(
    ("body", "rest", "status", "words"),
    [
        ({"imsi": Y}, {}, 403, "Device does not exist"),
        ({}, {}, 403, "Missing or invalid IMSI"),
        ({"imsi": X, "address": "moon"}, {}, 400, "address: 'moon'"),
        ({"imsi": X, "address": "9" * 100_000}, {}, 400, "address is too long"),
        ({"imsi": "12a"}, {}, 400, "IMSI"),
        ({"imsi": X, "imei": "1" * 17}, {}, 400, "IMEI"),
        ({"imsi": X}, {"remote": "192.168.1.5"}, 403, "same machine"),
        ({"imsi": X}, {"remote": ""}, 403, "same machine"),
        ({"imsi": X}, {"headers": {"origin": "http://example.org"}}, 403, "Web pages"),
    ],
)
def test_logins_that_are_refused_over_the_api(platform, body, rest, status, words):
    platform.device(platform.collection(), X)
    got, title = platform.refused("POST", "/simulator/login", body, **rest)
    assert (got, words in title) == (status, True), title


def test_a_logout_says_whom(platform):
    assert platform.refused("POST", "/simulator/logout", {})[0] == 400
    assert platform.refused("POST", "/simulator/logout", {"address": "?"})[0] == 400
    assert platform.refused("POST", "/simulator/logout", {"imsi": X}, remote="10.1.1.1")[0] == 403


def test_a_device_without_an_address_of_its_own_is_known_by_its_port(platform, names):
    collection = platform.collection()
    platform.device(collection, X, a)
    stream = platform.activity(collection)
    login = {"imsi": X, "imei": a, "address": "127.64.0.5", "source": "127.0.0.1:4711"}
    assert platform.call("POST", "/simulator/login", login, token="")["allocatedIp"] == "10.64.0.5"
    for source in (address("127.64.0.5", 5683), address("127.0.0.1", 4712)):
        assert not platform.core.is_known(source)
    source = address("127.0.0.1", 4711)
    assert platform.core.upstream(source, b"x", "udp", platform.now_ns, local_port=1234).known
    assert names(stream) == ["ciotConnect", "clientConnected", "upstreamMessage"]
    assert platform.call("POST", "/simulator/logout", {"address": "127.64.0.5"}, token="") == {"ended": True}
    assert not platform.core.is_known(source)


@pytest.mark.parametrize("source", ["nowhere", "127.0.0.1:", "127.0.0.1:99999", "9" * 200])
def test_a_source_that_is_none_is_refused(platform, source):
    platform.device(platform.collection(), X, a)
    body = {"imsi": X, "imei": a, "address": "127.64.0.5", "source": source}
    assert platform.refused("POST", "/simulator/login", body, token="")[0] == 400
