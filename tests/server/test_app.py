"""The server as a whole: on the memory wire in virtual time, and on sockets by itself."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import msgspec
import pytest

from simulator.clock import VirtualClock
from simulator.errors import LocalError
from simulator.protocol.radius.fields import Accounting, Bearer, accounting_attributes, bearer_attributes
from simulator.protocol.radius.packet import encode_request
from simulator.server.app import ReferenceServer, ServerSettings
from simulator.server.fronts.radius_clients import RadiusClient, RadiusSettings
from simulator.server.span.http import HttpRequest
from simulator.server.span.settings import SpanSettings, TokenSettings
from simulator.wire.address import port_of
from simulator.wire.drivers.virtual import run_virtual
from simulator.wire.memory import MemoryNetwork


def test_tokens_are_the_same_for_a_seed_and_not_the_same_for_two():
    one, same, other = (ReferenceServer(ServerSettings.on_free_ports(seed=seed), VirtualClock()) for seed in (1, 1, 2))
    assert (one.token, one.read_token) == (same.token, same.read_token)
    assert len({one.token, one.read_token, other.token, other.read_token}) == 4
    assert len(one.token) == 64


def test_tokens_of_its_own_and_of_its_settings_are_known():
    span = SpanSettings(tokens=(TokenSettings(text="third", resource="/collections/1"),))
    server = ReferenceServer(ServerSettings(token="a", read_token="b", span=span), VirtualClock())

    def status(method, token):
        request = HttpRequest(method=method, path="/span/collections", headers={"x-api-token": token})
        return server.api.handle(request, 0).status

    assert [status("GET", token) for token in ("a", "b", "third")] == [200, 200, 403]
    assert [status("POST", token) for token in ("a", "b", "third")] == [200, 403, 403]


def test_one_token_cannot_be_both():
    with pytest.raises(LocalError, match="the same"):
        ReferenceServer(ServerSettings(token="a", read_token="a"), VirtualClock())


def test_ports_are_the_real_ones_plus_ten_thousand():
    settings = ServerSettings()
    assert (settings.host, settings.api_port, settings.udp_port, settings.coap_port) == (
        "127.0.0.1",
        10080,
        11234,
        15683,
    )
    assert (settings.radius_port, settings.accounting_port) == (11812, 11813)
    # Plain UDP and DTLS share 1234 there, and 80 is the API's here.
    assert (settings.dtls_port, settings.coaps_port) == (11235, 15684)
    assert (settings.https_port, settings.blob_port) == (10443, 10081)


def test_nothing_is_open_before_the_start():
    server = ReferenceServer(ServerSettings.on_free_ports(), VirtualClock())
    assert server.endpoints() == []
    assert (server.udp_address, server.coap_address, server.radius_address, server.accounting_address) == (0, 0, 0, 0)
    request = HttpRequest(method="GET", path="/simulator/radius", headers={"x-api-token": server.token})
    assert server.api.handle(request, 0).status == 404
    assert server.api.handle(replace(request, path="/simulator/endpoints"), 0).status == 404


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_where_devices_send_to_is_told_on_this_machine(host):
    async def scene(loop):
        server = ReferenceServer(ServerSettings.on_free_ports(host=host), loop.clock)
        await server.start(MemoryNetwork(loop.timers, loop.clock))
        for _ in range(2):
            request = HttpRequest(method="GET", path="/simulator/endpoints", headers={"x-api-token": server.read_token})
            told = msgspec.json.decode(server.api.handle(request, 0).body)
            assert told == {
                "coap": f"127.0.0.1:{port_of(server.coap_address)}",
                "udp": f"127.0.0.1:{port_of(server.udp_address)}",
            }
            assert server.api.handle(replace(request, remote="10.1.1.1"), 0).status == 403
            assert server.api.handle(replace(request, headers={}), 0).status == 401
            await server.halt()
            await server.resume()
        await server.stop()

    run_virtual(scene)


def test_in_virtual_time_devices_come_over_the_memory_wire_and_the_api_in_process():
    async def scene(loop):
        clock = loop.clock
        server = ReferenceServer(ServerSettings.on_free_ports(), clock)
        wire = MemoryNetwork(loop.timers, clock)
        await server.start(wire)
        assert [each.what for each in server.endpoints()] == ["UDP", "CoAP", "RADIUS", "accounting"]

        def call(path, body):
            headers = {"x-api-token": server.token}
            request = HttpRequest(method="POST", path=path, headers=headers, body=msgspec.json.encode(body))
            answer = server.api.handle(request, clock.unix_ns())
            assert answer.status == 200
            return msgspec.json.decode(answer.body)

        collection = call("/span/collections", {})["collectionId"]
        devices = f"/span/collections/{collection}/devices"
        device = call(devices, {"config": {"ciot": {"imsi": "1"}}})["deviceId"]
        call("/simulator/login", {"imsi": "1", "address": "10.64.0.5"})
        path = f"/span/collections/{collection}/activity"
        request = HttpRequest(method="GET", path=path, headers={"x-api-token": server.read_token})
        stream = server.api.open_stream(request, clock.unix_ns(), lossless=True)

        received = []
        port = await wire.open("127.64.0.5", 4200, lambda data, peer, local_ip, now: received.append((data, peer)))
        port.send(b"22.5", server.udp_address)
        await asyncio.sleep(1)
        assert received == []  # plain UDP is not acknowledged
        call(f"{devices}/{device}/outbox", {"payload": "cGluZw=="})
        port.send(
            bytes.fromhex("48020001 0102030405060708 b464617461 026f6e 06736572766572 ff 00"), server.coap_address
        )
        await asyncio.sleep(1)
        port.send(
            bytes.fromhex("48020002 0102030405060708 b464617461 026f6e 06736572766572 ff 00"), server.coap_address
        )
        await asyncio.sleep(1)
        # 2.05 with what was waiting, then 2.01 (span §A.2)
        assert received == [
            (bytes.fromhex("68450001 0102030405060708 c12a ff 70696e67"), server.coap_address),
            (bytes.fromhex("68410002 0102030405060708"), server.coap_address),
        ]
        seen = [msgspec.json.decode(message) for message in stream.take()]
        assert [(each["event"], each["time"][11:], each["data"].get("transport")) for each in seen] == [
            ("clientConnected", "00:00:00", None),
            ("upstreamMessage", "00:00:00", "udp"),
            ("upstreamMessage", "00:00:01", "coap"),
            ("downstreamMessage", "00:00:01", "coap"),
            ("upstreamMessage", "00:00:02", "coap"),
        ]
        await server.stop()
        await server.stop()

    run_virtual(scene)


@pytest.mark.parametrize("port", [15683, 11812, 11813])
def test_a_datagram_port_in_use_leaves_nothing_open(port):
    async def scene(loop):
        wire = MemoryNetwork(loop.timers, loop.clock)
        await wire.open("127.0.0.1", port, lambda *_: None)
        server = ReferenceServer(ServerSettings(), loop.clock)
        with pytest.raises(LocalError, match=str(port)):
            await server.start(wire)
        for other in {11234, 15683, 11812, 11813} - {port}:
            await wire.open("127.0.0.1", other, lambda *_: None)

    run_virtual(scene)


# --- RADIUS -----------------------------------------------------------------------------------------------------------


def test_secrets_are_the_same_for_a_seed_and_are_nobodys_token():
    one, same, other = (ReferenceServer(ServerSettings.on_free_ports(seed=seed), VirtualClock()) for seed in (1, 1, 2))
    assert one.radius_secret == same.radius_secret != other.radius_secret
    assert one.radius_secret.decode() not in (one.token, one.read_token)


@pytest.mark.parametrize(
    ("clients", "secret"),
    [
        ((RadiusClient(secret="s"),), b"s"),
        ((RadiusClient(network="10.0.0.0/8", secret="s"),), b""),
        ((RadiusClient(network="0.0.0.0/0", secret="s"), RadiusClient(network="127.0.0.1", secret="t")), b"t"),
    ],
)
def test_the_secret_of_this_machine(clients, secret):
    settings = ServerSettings.on_free_ports(radius=RadiusSettings(clients=clients))
    assert ReferenceServer(settings, VirtualClock()).radius_secret == secret


def test_a_client_network_that_is_none_is_refused():
    settings = ServerSettings(radius=RadiusSettings(clients=(RadiusClient(network="moon", secret="s"),)))
    with pytest.raises(LocalError, match="moon"):
        ReferenceServer(settings, VirtualClock())


def test_a_restart_keeps_sessions_of_gateways_and_forgets_what_it_answered_and_asked():
    async def scene(loop):
        server = ReferenceServer(ServerSettings.on_free_ports(), loop.clock, loop.timers)
        wire = MemoryNetwork(loop.timers, loop.clock)
        await server.start(wire)
        server.core.registry.create_device(server.core.create_collection(), imsi="1")
        got = []
        gateway = await wire.open("127.0.0.1", 4000, lambda data, *_: got.append(data))
        bearer = Bearer(imsi="1", nas_id="pgw", address=0x0A400005)
        login = encode_request(1, 7, bearer_attributes(bearer), server.radius_secret, bytes(16))
        report = Accounting(status=1, session_id="S1", bearer=bearer)
        start = encode_request(4, 8, accounting_attributes(report), server.radius_secret, None)
        for _ in range(2):
            gateway.send(login, server.radius_address)
        await asyncio.sleep(1)
        gateway.send(start, server.accounting_address)
        await asyncio.sleep(1)
        (session,) = server.core.network.sessions.values()
        assert server.core.radius.cut_off(session)
        await asyncio.sleep(1)
        assert [data[0] for data in got] == [2, 2, 5, 40]
        assert server.timers == 1
        places = server.radius_address, server.accounting_address

        await server.halt()
        gateway.send(login, places[0])
        await asyncio.sleep(60)
        assert (len(got), server.timers) == (4, 0)
        await server.resume()
        assert (server.radius_address, server.accounting_address) == places
        (again,) = server.core.network.sessions.values()
        assert (again.gateway, again.account, again.peer) == ("pgw", "S1", session.peer)
        assert server.core.statistics()["duplicates"] == 1
        gateway.send(login, places[0])  # as good as a new one
        await asyncio.sleep(1)
        found = server.core.statistics()
        assert (found["accepted"], found["duplicates"], found["sessions"]) == (2, 1, 1)
        stop = Accounting(status=2, session_id="S1", bearer=bearer)
        gateway.send(encode_request(4, 9, accounting_attributes(stop), server.radius_secret, None), places[1])
        await asyncio.sleep(1)
        assert server.core.statistics()["accounting.stale"] == 1
        await server.stop()

    run_virtual(scene)
