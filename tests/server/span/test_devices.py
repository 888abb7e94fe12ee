"""Devices over REST (span §2.4) and what their changes tell."""

from __future__ import annotations

import pytest

IMSI, IMEI = "242016000000001", "353456123456780"
NONE_YET = {
    "currentFirmwareId": "0",
    "targetFirmwareId": "0",
    "firmwareVersion": "",
    "serialNumber": "",
    "modelNumber": "",
    "manufacturer": "",
    "state": "Current",
    "stateMessage": "",
}


@pytest.fixture
def collection(platform):
    return platform.collection()


@pytest.fixture
def devices(collection):
    return f"/span/collections/{collection}/devices"


def test_a_new_device_in_full(platform, collection, devices):
    body = {"tags": {"Name": "d1"}, "config": {"ciot": {"imsi": IMSI, "imei": IMEI}}, "metadata": {}, "firmware": {}}
    document = platform.call("POST", devices, body)
    assert document == {
        "deviceId": "17dh0cf43jfif1",
        "collectionId": collection,
        "tags": {"name": "d1"},
        "firmware": NONE_YET,
        "config": {"ciot": {"imsi": IMSI, "imei": IMEI}},
        "metadata": {},
        "lastGatewayId": "",
        "lastTransport": "unspecified",
        "lastReceived": "0",
        "lastPayload": "",
        "enabled": True,
    }
    assert platform.call("GET", devices) == {"devices": [document]}
    assert platform.call("GET", f"{devices}/{document['deviceId']}") == document


def test_fields_that_are_not_known_are_passed_over(platform, devices):
    body = {"config": {"innet": {}, "ciot": {"imsi": IMSI, "iccid": "1"}}, "colour": "red"}
    assert platform.call("POST", devices, body)["config"] == {"ciot": {"imsi": IMSI}}


def test_a_device_that_was_in_touch_in_full(platform, collection, devices):
    device = platform.device(collection, IMSI, IMEI)
    platform.login(where="127.64.0.2")
    platform.later(1.5)
    platform.up(b"\x00\x01", where="127.64.0.2")
    document = platform.call("GET", f"{devices}/{device}")
    assert document["metadata"] == {
        "ciot": {
            "gatewayId": "1",
            "allocatedIp": "10.64.0.2",
            "allocatedAt": "1714076616000",
            "lastUpdate": "1714076616000",
            "lastImsi": IMSI,
            "lastImei": IMEI,
        }
    }
    last = {key: value for key, value in document.items() if key.startswith("last")}
    assert last == {
        "lastGatewayId": "1",
        "lastTransport": "udp",
        "lastReceived": "1714076617500000000",
        "lastPayload": "AAE=",
    }


@pytest.mark.parametrize(
    ("config", "shown"),
    [
        ({}, {"inet": {}}),
        ({"inet": {}}, {"inet": {}}),
        ({"ciot": {"imsi": 242016000000001}}, {"ciot": {"imsi": "242016000000001"}}),
        ({"ciot": {"imsi": "001010000000001"}}, {"ciot": {"imsi": "001010000000001"}}),
        ({"ciot": {"imei": " 353456123456780 "}}, {"ciot": {"imei": IMEI}}),
        ({"ciot": {"imsi": "1", "imei": "0"}}, {"ciot": {"imsi": "1"}}),
        ({"ciot": {"imsi": None}}, {"inet": {}}),
        ({"ciot": None, "gateway": None}, {"inet": {}}),
        (
            {"gateway": {"17dh0cf43jfgna": {"params": {"appEui": "00"}}}},
            {"gateway": {"17dh0cf43jfgna": {"gatewayId": "17dh0cf43jfgna", "params": {"appEui": "00"}}}},
        ),
    ],
)
def test_config_as_submitted_and_as_shown(platform, devices, config, shown):
    assert platform.call("POST", devices, {"config": config})["config"] == shown


@pytest.mark.parametrize(
    ("patch", "ciot"),
    [
        ({"imsi": "1234"}, {"imsi": "1234", "imei": IMEI}),
        ({"imei": 1234}, {"imsi": IMSI, "imei": "1234"}),
        ({"imsi": ""}, {"imei": IMEI}),
        ({"imsi": "0"}, {"imei": IMEI}),
        ({"imsi": 0}, {"imei": IMEI}),
        ({"imei": ""}, {"imsi": IMSI}),
        ({}, {"imsi": IMSI, "imei": IMEI}),
        ({"imsi": IMSI, "imei": IMEI}, {"imsi": IMSI, "imei": IMEI}),
    ],
)
def test_imsi_and_imei_merge_one_by_one(platform, collection, devices, patch, ciot):
    device = platform.device(collection, IMSI, IMEI)
    assert platform.call("PATCH", f"{devices}/{device}", {"config": {"ciot": patch}})["config"] == {"ciot": ciot}


def test_gateway_blocks_are_replaced_and_an_empty_one_is_deleted(platform, devices):
    both = {"3": {"params": {"a": "1", "b": "2"}}, "4": {"params": {"c": "3"}}}
    device = platform.call("POST", devices, {"config": {"gateway": both}})["deviceId"]
    patch = {"config": {"gateway": {"3": {"params": {"a": "9"}}, "4": {}}}}
    shown = platform.call("PATCH", f"{devices}/{device}", patch)["config"]
    assert shown == {"gateway": {"3": {"gatewayId": "3", "params": {"a": "9"}}}}


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"config": {"ciot": {"imsi": "12a"}}}, 400, "IMSI '12a' is not 1 to 15 digits"),
        ({"config": {"ciot": {"imsi": "1" * 16}}}, 400, "not 1 to 15 digits"),
        ({"config": {"ciot": {"imsi": -5}}}, 400, "not 1 to 15 digits"),
        ({"config": {"ciot": {"imsi": 10**30}}}, 400, "not 1 to 15 digits"),
        ({"config": {"ciot": {"imsi": 1.5}}}, 400, "Expected `int | str | null`"),
        ({"config": {"ciot": {"imei": True}}}, 400, "$.config.ciot.imei"),
        ({"config": {"ciot": {"imei": "٣٤٥"}}}, 400, "not 1 to 15 digits"),
        ({"config": {"ciot": {"imsi": "77"}}}, 409, "IMSI is already used"),
        ({"config": {"ciot": {"imei": "99887766554433"}}}, 409, "IMEI is already used"),
        ({"config": {"gateway": {"?": {"params": {"a": "b"}}}}}, 400, "Invalid gateway ID"),
        ({"config": {"gateway": {"3": {"params": {"a": 1}}}}}, 400, "Expected `str`"),
        ({"config": []}, 400, "$.config"),
        ({"tags": {"": "x"}}, 400, "Tag name is blank"),
        ({"firmware": {"targetFirmwareId": "5"}}, 404, "Unknown firmware"),
    ],
)
def test_what_is_refused_changes_nothing_and_tells_nobody(platform, collection, devices, body, status, words):
    platform.device(collection, "077", "998877665544332")
    device = platform.device(collection, tags={"old": "tag"})
    before = platform.call("GET", devices)
    stream = platform.activity(collection)
    for method, path in (("POST", devices), ("PATCH", f"{devices}/{device}")):
        got, title = platform.refused(method, path, body | {"tags": body.get("tags", {"new": "tag"})})
        assert (got, words in title) == (status, True), title
    assert platform.call("GET", devices) == before
    assert stream.take() == []


def test_an_identity_is_free_again_when_its_device_lets_go(platform, collection, devices):
    device = platform.device(collection, IMSI, IMEI)
    platform.call("PATCH", f"{devices}/{device}", {"config": {"ciot": {"imsi": ""}}})
    other = platform.device(collection, IMSI)
    platform.call("DELETE", f"{devices}/{other}")
    platform.call("DELETE", f"{devices}/{device}")
    platform.device(platform.collection(), IMSI, IMEI)


def test_uniqueness_holds_over_collections(platform, collection):
    platform.device(collection, IMSI)
    assert platform.refused("POST", f"/span/collections/{platform.collection()}/devices",
                            {"config": {"ciot": {"imsi": IMSI}}})[0] == 409  # fmt: skip


def test_create_update_remove_are_told(platform, collection, devices, events):
    stream = platform.activity(collection)
    device = platform.device(collection)
    platform.call("PATCH", f"{devices}/{device}", {"tags": {"a": "b"}})
    removed = platform.call("DELETE", f"{devices}/{device}")
    assert removed["deviceId"] == device
    time = "2024-04-25 20:23:36"
    assert events(stream) == [
        {"collectionId": collection, "deviceId": device, "event": name, "time": time}
        for name in ("deviceCreated", "deviceUpdated", "deviceRemoved")
    ]
    assert platform.refused("GET", f"{devices}/{device}")[0] == 404
    assert platform.refused("DELETE", f"{devices}/{device}")[0] == 404


def test_a_move_is_told_on_both_streams_and_is_no_update(platform, collection, devices, events):
    to = platform.collection()
    device = platform.attached(collection)
    old, new = platform.activity(collection), platform.activity(to)
    document = platform.call("PATCH", f"{devices}/{device}", {"collectionId": to, "tags": {"a": "b"}})
    assert (document["collectionId"], document["tags"], document["firmware"]) == (to, {"a": "b"}, NONE_YET)
    moved = {"data": {"from": collection, "to": to}, "deviceId": device, "event": "deviceMoved",
             "time": "2024-04-25 20:23:36"}  # fmt: skip
    assert events(old) == [moved | {"collectionId": collection}]
    assert events(new) == [moved | {"collectionId": to}]
    assert platform.refused("GET", f"{devices}/{device}")[0] == 404
    platform.up()  # its session moves with it
    assert old.take() == []
    assert [each["event"] for each in events(new)] == ["clientConnected", "upstreamMessage"]
    assert len(platform.call("GET", f"/span/collections/{to}/data")["data"]) == 1


def test_a_move_to_where_it_is_is_an_update(platform, collection, devices, names):
    device = platform.device(collection)
    stream = platform.activity(collection)
    platform.call("PATCH", f"{devices}/{device}", {"collectionId": collection})
    assert names(stream) == ["deviceUpdated"]


@pytest.mark.parametrize(("to", "status"), [("17dh0cf43jfgna", 404), ("?", 400)])
def test_a_move_to_nowhere_is_refused(platform, collection, devices, to, status):
    device = platform.device(collection)
    assert platform.refused("PATCH", f"{devices}/{device}", {"collectionId": to})[0] == status


def test_a_device_with_gateway_config_is_not_moved_unless_that_goes_too(platform, collection, devices):
    to = platform.collection()
    device = platform.call("POST", devices, {"config": {"gateway": {"5": {"params": {"a": "b"}}}}})["deviceId"]
    assert platform.refused("PATCH", f"{devices}/{device}", {"collectionId": to})[0] == 409
    without = {"collectionId": to, "config": {"gateway": {"5": {}}}}
    assert platform.call("PATCH", f"{devices}/{device}", without)["collectionId"] == to


def test_a_token_must_cover_both_ends_of_a_move(make_platform):
    platform = make_platform()
    here, there = platform.collection(), platform.collection()
    device = platform.device(here)
    from simulator.server.span.settings import TokenSettings

    platform.core.tokens.add(TokenSettings(text="one", resource=f"/collections/{here}", write=True))
    path = f"/span/collections/{here}/devices/{device}"
    assert platform.refused("PATCH", path, {"collectionId": there}, token="one")[0] == 403
    assert platform.answer("PATCH", path, {"tags": {}}, token="one").status == 200


def test_a_device_is_looked_for_only_in_its_collection(platform, collection):
    device = platform.device(collection)
    assert platform.refused("GET", f"/span/collections/{platform.collection()}/devices/{device}")[0] == 404


def test_a_disabled_device_is_not_heard(platform, collection, devices):
    device = platform.attached(collection)
    stream = platform.activity(collection)
    platform.call("PATCH", f"{devices}/{device}", {"enabled": False})
    assert (platform.up().known, platform.poll().known) == (False, False)
    assert platform.core.counts.refused == 2
    platform.call("PATCH", f"{devices}/{device}", {"enabled": True})
    assert platform.up().known is True
    assert [b"upstreamMessage" in message for message in stream.take()] == [False, False, False, True]


def test_a_disabled_device_stays_so_whatever_its_collection_is(platform, collection, devices):
    device = platform.attached(collection)
    platform.call("PATCH", f"{devices}/{device}", {"enabled": False})
    for enabled in (False, True):
        platform.call("PATCH", f"/span/collections/{collection}", {"enabled": enabled})
    assert platform.up().known is False
    (it,) = platform.core.registry.devices.values()
    platform.core.registry.enable_collection(it.collection, False)
    platform.core.registry.enable_device(it, True)
    assert platform.up().known is False


def test_a_removed_device_is_not_heard(platform, collection, devices):
    device = platform.attached(collection)
    platform.call("DELETE", f"{devices}/{device}")
    assert platform.up().known is False
    assert platform.core.counts.unknown == 1
    assert platform.login().reason == "Device does not exist"


def test_there_are_no_certificates_yet(platform, collection, devices):
    assert platform.call("GET", f"{devices}/{platform.device(collection)}/certs") == {"certificates": []}
