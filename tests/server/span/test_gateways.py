"""Gateways over REST: the built-in ones that nobody can change, and the customers' own (span §1.4, §2.4)."""

from __future__ import annotations

import pytest

from simulator.server.span.core import DevicePorts
from simulator.server.span.model import InetMetadata
from simulator.server.span.settings import TokenSettings
from simulator.wire.address import address, ipv4

READ = "r" * 64
UNKNOWN = "17dh0cf43jfgna"
CIOT = {"apn": "mda.lab5e", "udpEndpoint": "172.16.15.14:1234", "coapEndpoint": "172.16.15.14:5683"}
INET = {"dtlsEndpoint": "data.lab5e.com:1234", "coapEndpoint": "data.lab5e.com:5684"}
NOTHING = {"messagesUpstream": "0", "messagesDownstream": "0", "bytesUpstream": "0", "bytesDownstream": "0"}


@pytest.fixture
def here(platform):
    return platform.collection()


@pytest.fixture
def path(here):
    return f"/span/collections/{here}/gateways"


@pytest.fixture
def one(platform, path):
    """A gateway as the public CLI makes one."""
    body = {"type": "custom", "name": "attic", "config": {"user": {"params": {"a": "1"}}}, "tags": {"Site": " 7 "}}
    return platform.call("POST", path, body)


def at(host, port):
    return address(ipv4(host), port)


# --- built in ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "kind", "name", "config"),
    [("1", "ciot", "CIoT", {"ciot": CIOT}), ("2", "inet", "Internet", {"inet": INET})],
)
def test_every_collection_shows_the_built_in_gateways(platform, here, path, number, kind, name, config):
    shown = {
        "gatewayId": number,
        "collectionId": here,
        "name": name,
        "builtIn": True,
        "type": kind,
        "config": config,
        "tags": {},
        "status": "online",
        "enabled": True,
    }
    assert platform.call("GET", f"{path}/{number}") == shown
    assert platform.call("GET", path)["gateways"][int(number) - 1] == shown
    assert len(platform.call("GET", path)["gateways"]) == 2


@pytest.mark.parametrize(
    ("ports", "ciot", "inet"),
    [
        (
            DevicePorts(at("127.0.0.1", 15683), at("127.0.0.1", 11234)),
            {"udpEndpoint": "127.0.0.1:11234", "coapEndpoint": "127.0.0.1:15683"},
            INET,
        ),
        (
            DevicePorts(at("127.0.0.1", 1), at("127.0.0.1", 2), dtls=at("127.0.0.1", 3), coaps=at("127.0.0.1", 4)),
            {"udpEndpoint": "127.0.0.1:2", "coapEndpoint": "127.0.0.1:1"},
            {"dtlsEndpoint": "127.0.0.1:3", "coapEndpoint": "127.0.0.1:4"},
        ),
    ],
)
def test_they_tell_where_devices_reach_this_server(platform, path, ports, ciot, inet):
    platform.core.ports = ports
    shown = [each["config"] for each in platform.call("GET", path)["gateways"]]
    assert shown == [{"ciot": {"apn": "mda.lab5e"} | ciot}, {"inet": inet}]


@pytest.mark.parametrize("number", ["1", "2"])
def test_they_cannot_be_changed(platform, path, number):
    before = platform.call("GET", f"{path}/{number}")
    for method in ("PATCH", "DELETE"):
        assert platform.refused(method, f"{path}/{number}", {"name": "mine"})[0] == 403
    assert platform.call("GET", f"{path}/{number}") == before
    assert platform.call("GET", f"{path}/{number}/certs") == {"certificates": []}


def test_what_they_carry_is_counted_by_what_devices_are_for(platform, here, path):
    platform.attached(here)
    platform.up(b"hello")
    platform.call("POST", f"/span/collections/{here}/devices", {"config": {"inet": {}}})
    assert platform.call("GET", f"{path}/1/stats") == NOTHING | {"messagesUpstream": "1", "bytesUpstream": "5"}
    assert platform.call("GET", f"{path}/2/stats") == NOTHING


# --- customers' own ---------------------------------------------------------------------------------------------------


def test_a_gateway_as_it_is_shown(platform, here, path, one):
    assert one == {
        "gatewayId": one["gatewayId"],
        "collectionId": here,
        "name": "attic",
        "builtIn": False,
        "type": "custom",
        "config": {"user": {"params": {"a": "1"}}},
        "tags": {"site": "7"},
        "status": "offline",
        "enabled": True,
    }
    assert platform.call("GET", f"{path}/{one['gatewayId']}") == one
    assert platform.call("GET", path)["gateways"][2:] == [one]
    assert platform.call("GET", f"{path}/{one['gatewayId']}/stats") == NOTHING
    assert platform.call("GET", f"/span/collections/{here}/stats")["gatewayCount"] == 1


def test_everything_in_a_new_one_is_optional(platform, path):
    it = platform.call("POST", path, {})
    assert (it["name"], it["type"], it["config"], it["tags"]) == ("", "unknown", {"user": {"params": {}}}, {})


def test_ids_are_a_counter_of_their_own_and_never_come_again(platform, path, one):
    platform.call("DELETE", f"{path}/{one['gatewayId']}")
    assert platform.call("POST", path, {})["gatewayId"] > one["gatewayId"]


@pytest.mark.parametrize(
    ("body", "changed"),
    [
        ({}, {}),
        ({"name": "cellar"}, {"name": "cellar"}),
        ({"name": ""}, {"name": ""}),
        ({"type": "lora"}, {"type": "lora"}),
        ({"type": ""}, {}),
        ({"tags": {}}, {}),
        ({"tags": {"b": "2"}}, {"tags": {"site": "7", "b": "2"}}),
        ({"tags": {"SITE": " "}}, {"tags": {}}),
        ({"config": {"user": {"params": {"b": "2"}}}}, {"config": {"user": {"params": {"b": "2"}}}}),
        ({"config": {"user": {"params": {}}}}, {"config": {"user": {"params": {}}}}),
        ({"config": {"user": {}}}, {}),
        ({"config": {"ciot": {"apn": "mine"}}}, {}),
        ({"enabled": False}, {"enabled": False}),
        ({"status": "online", "builtIn": True, "gatewayId": "1"}, {}),
    ],
)
def test_updates(platform, path, one, body, changed):
    assert platform.call("PATCH", f"{path}/{one['gatewayId']}", body) == one | changed
    assert platform.call("GET", f"{path}/{one['gatewayId']}") == one | changed


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"type": "wifi"}, 400, "type is one of"),
        ({"name": 7}, 400, "$.name"),
        ({"tags": {" ": "x"}}, 400, "Tag name is blank"),
        ({"tags": {str(number): "x" for number in range(200)}}, 400, "Too many tags"),
        ({"config": {"user": {"params": {"a": 1}}}}, 400, "Expected `str`"),
        ({"enabled": "yes"}, 400, "$.enabled"),
        (b"{", 400, "JSON"),
    ],
)
def test_what_is_no_gateway(platform, path, one, body, status, words):
    for method, where in (("POST", path), ("PATCH", f"{path}/{one['gatewayId']}")):
        refused = platform.refused(method, where, body)
        assert refused[0] == status
        assert words in refused[1]
    assert platform.call("GET", path)["gateways"][2:] == [one]


@pytest.mark.parametrize(("name", "status"), [(UNKNOWN, 404), ("3", 404), ("!", 400)])
@pytest.mark.parametrize(
    ("method", "below"), [("GET", ""), ("PATCH", ""), ("DELETE", ""), ("GET", "/stats"), ("GET", "/certs")]
)
def test_gateways_that_are_none(platform, path, method, below, name, status):
    assert platform.refused(method, f"{path}/{name}{below}")[0] == status


def test_a_gateway_is_looked_for_only_in_its_collection(platform, one):
    other = f"/span/collections/{platform.collection()}/gateways/{one['gatewayId']}"
    assert platform.refused("GET", other)[0] == 404


def test_a_reading_token_changes_nothing(platform, path, one):
    for method, where in (("POST", path), ("PATCH", f"{path}/{one['gatewayId']}")):
        assert platform.refused(method, where, {}, READ)[0] == 403
    assert platform.call("GET", path, token=READ)["gateways"][2:] == [one]


def test_a_disabled_collection_is_read_only(platform, here, path, one):
    platform.call("PATCH", f"/span/collections/{here}", {"enabled": False})
    for method, where in (
        ("POST", path),
        ("PATCH", f"{path}/{one['gatewayId']}"),
        ("DELETE", f"{path}/{one['gatewayId']}"),
    ):
        assert platform.refused(method, where, {})[0] == 409
    assert platform.call("GET", path)["gateways"][2:] == [one]


def test_there_is_an_end_to_gateways(platform, path, one, monkeypatch):
    monkeypatch.setattr("simulator.server.span.gateways.MOST", 2)
    platform.call("POST", path, {})
    assert platform.refused("POST", path, {})[0] == 429


# --- moving and removing ----------------------------------------------------------------------------------------------


def test_a_move(platform, path, one):
    to = platform.collection()
    moved = platform.call("PATCH", f"{path}/{one['gatewayId']}", {"collectionId": to, "name": "cellar"})
    assert moved == one | {"collectionId": to, "name": "cellar"}
    assert len(platform.call("GET", path)["gateways"]) == 2
    assert platform.call("GET", f"/span/collections/{to}/gateways")["gateways"][2:] == [moved]


@pytest.mark.parametrize(("to", "status"), [(UNKNOWN, 404), ("?", 400), ("disabled", 409)])
def test_moves_that_are_refused(platform, path, one, to, status):
    if to == "disabled":
        to = platform.collection(enabled=False)
        platform.call("PATCH", f"/span/collections/{to}", {"enabled": False})
    refused = platform.refused("PATCH", f"{path}/{one['gatewayId']}", {"collectionId": to, "name": "cellar"})
    assert refused[0] == status
    assert platform.call("GET", f"{path}/{one['gatewayId']}") == one


def test_a_token_must_cover_both_ends_of_a_move(platform, here, path, one):
    platform.core.tokens.add(TokenSettings(text="one", resource=f"/collections/{here}", write=True))
    body = {"collectionId": platform.collection()}
    assert platform.refused("PATCH", f"{path}/{one['gatewayId']}", body, token="one")[0] == 403
    assert platform.answer("PATCH", f"{path}/{one['gatewayId']}", {}, token="one").status == 200


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_a_gateway_that_a_device_has_config_for_stays(platform, here, path, one, method):
    config = {"gateway": {one["gatewayId"]: {"params": {"a": "b"}}}}
    device = platform.call("POST", f"/span/collections/{here}/devices", {"config": config})["deviceId"]
    body = {"collectionId": platform.collection(), "name": "cellar"}
    refused = platform.refused(method, f"{path}/{one['gatewayId']}", body)
    assert (refused[0], device in refused[1]) == (409, True)
    assert platform.call("GET", f"{path}/{one['gatewayId']}") == one
    platform.call("PATCH", f"{path}/{one['gatewayId']}", {"collectionId": here, "name": "cellar"})  # it stays here
    platform.call("DELETE", f"/span/collections/{here}/devices/{device}")
    assert platform.answer(method, f"{path}/{one['gatewayId']}", body).status == 200


def test_a_collection_with_a_gateway_is_not_empty(platform, here, path, one):
    status, title = platform.refused("DELETE", f"/span/collections/{here}")
    assert (status, "gateways" in title) == (409, True)
    assert platform.call("DELETE", f"{path}/{one['gatewayId']}") == one
    assert platform.answer("DELETE", f"/span/collections/{here}").status == 200


# --- which gateway carried it -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("transport", "number"), [("udp", "1"), ("coap", "1"), ("dtls", "2"), ("coaps", "2")])
def test_messages_name_the_gateway_of_their_transport(platform, here, transport, number):
    device = platform.attached(here)
    platform.up(b"hello", transport=transport)
    path = f"/span/collections/{here}/devices/{device}"
    (row,) = platform.call("GET", f"{path}/data")["data"]
    (message,) = platform.call("GET", f"{path}/inbox")["messages"]
    shown = [platform.call("GET", path)["lastGatewayId"], row["gatewayId"], row["device"]["lastGatewayId"]]
    assert [*shown, message["gatewayId"]] == [number] * 4


def test_what_a_connection_with_a_certificate_left_behind(platform, here):
    device = platform.attached(here)
    path = f"/span/collections/{here}/devices/{device}"
    assert "inet" not in platform.call("GET", path)["metadata"]
    (it,) = platform.core.registry.devices.values()
    seen = InetMetadata(last_update_ms=1714076616000, remote_address="192.0.2.7:4200", certificate_serial=2**63 - 1)
    it.inet_seen = seen
    metadata = platform.call("GET", path)["metadata"]
    assert metadata.keys() == {"ciot", "inet"}
    assert metadata["inet"] == {
        "gatewayId": "2",
        "lastUpdate": "1714076616000",
        "remoteAddress": "192.0.2.7:4200",
        "certificateSerial": "9223372036854775807",
    }
