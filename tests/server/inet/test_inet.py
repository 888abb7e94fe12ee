"""Sessions of Internet devices: what is told of them, and what ends them (span §3.3, §3.4, §8.3)."""

from __future__ import annotations

import pytest

from simulator.protocol.dtls.client import State
from simulator.wire.address import text

TRANSPORTS = pytest.mark.parametrize("transport", ["dtls", "coaps"])


async def say(device, payload=b"123456789"):
    if device.transport == "dtls":
        return await device.send(payload)
    return await device.ask(payload=payload)


@TRANSPORTS
@pytest.mark.parametrize("compat", ["", "unspecified"])
def test_the_published_session_event_by_event(play, transport, compat):
    async def story(scene):
        device = scene.device(transport=transport)
        name = scene.call("GET", f"{scene.path}/devices")["devices"][0]["deviceId"]
        assert await device.connect() == ""
        await scene.wait(1)
        await say(device)
        await scene.wait(1)
        await device.close()
        shape = '{"collectionId":"%s",%s"deviceId":"%s","event":"%s","time":"2026-01-01 00:00:0%d"}\n'
        wanted = (
            ('"data":{"id":"certificate"},', "clientConnected", 0),
            ('"data":{"bytes":"9","transport":"%s"},' % (compat or transport), "upstreamMessage", 1),
            ("", "clientDisconnected", 2),
        )
        assert [each.decode() for each in scene.raw_events()] == [
            shape % (scene.collection, data, name, event, second) for data, event, second in wanted
        ]
        # The compatibility is that of the event only (span §3.3).
        assert scene.stored(name) == [(b"123456789", transport)]

    play(story, span={"transport_compat": compat})


@TRANSPORTS
def test_what_is_seen_of_the_device(play, transport):
    async def story(scene):
        name = scene.create()
        device = scene.device(name, transport)
        data = scene.listen("from")
        await scene.wait(2)
        await device.connect()
        found = scene.call("GET", f"{scene.path}/devices/{name}")
        assert found["metadata"]["inet"] == {
            "gatewayId": "2",
            "lastUpdate": str(scene.clock.unix_ns() // 10**9 * 1000),
            "remoteAddress": "127.0.0.5:4200",
            "certificateSerial": str(device.identity.serial),
        }
        stats = f"{scene.path}/devices/{name}/stats"
        assert scene.call("GET", stats)["sessionCount"] == 1
        await say(device)
        found = scene.call("GET", f"{scene.path}/devices/{name}")
        assert (found["lastGatewayId"], found["lastTransport"]) == ("2", transport)
        message = b"".join(data.take()).decode()
        assert f'"transport":"{transport}"' in message
        assert ('"udpMetaData"' in message, '"coapMetaData"' in message) == (transport == "dtls", transport == "coaps")
        assert '"gatewayId":"2"}' in message
        await device.close()
        assert scene.call("GET", stats)["sessionCount"] == 0

    play(story)


def test_a_reader_of_one_gateway_gets_what_came_by_it(play):
    async def story(scene):
        device = scene.device()
        core = scene.server.core
        collection = next(iter(core.registry.collections.values()))
        readers = {}
        for gateway in ("", "1", "2"):
            readers[gateway] = core.subscription(scene.clock.unix_ns(), gateway=gateway)
            core.listen(collection, readers[gateway], activity=False)
        await device.connect()
        await device.send(b"up")
        assert [len(readers[each].take()) for each in ("", "1", "2")] == [1, 0, 1]

    play(story)


def test_a_device_may_have_several_sessions_and_each_is_told(play):
    async def story(scene):
        name = scene.create()
        one, two = scene.device(name), scene.device(name, "coaps", host="127.0.0.6")
        await one.connect()
        await two.connect()
        connected = f"clientConnected {name} id=certificate"
        assert scene.events() == [connected, connected]
        assert scene.call("GET", f"{scene.path}/devices/{name}/stats")["sessionCount"] == 2
        await one.close()
        await say(two)
        assert scene.events() == [
            f"clientDisconnected {name}",
            f"upstreamMessage {name} bytes=9 transport=coaps",
        ]

    play(story)


@TRANSPORTS
def test_a_device_that_starts_anew_at_its_address_ends_its_old_session(play, transport):
    async def story(scene):
        name = scene.create()
        device = scene.device(name, transport)
        for _ in range(2):
            assert await device.connect() == ""
            if transport == "dtls":
                await device.send(b"up")
            else:  # with the message id of before, as one without a memory does
                assert (await device.ask(payload=b"up", mid=7)).code == 0x41
        once = [f"clientConnected {name} id=certificate", f"upstreamMessage {name} bytes=2 transport={transport}"]
        assert scene.events() == [*once, f"clientDisconnected {name}", *once]
        assert len(scene.stored(name)) == 2

    play(story)


@TRANSPORTS
def test_a_silent_session_ends(play, transport):
    async def story(scene):
        name = scene.create()
        device = scene.device(name, transport)
        await device.connect()
        await scene.wait(590)
        await say(device)
        await scene.wait(590)
        scene.events()
        assert device.session.state is State.CONNECTED
        await scene.wait(20)
        assert scene.events() == [f"clientDisconnected {name}"]
        assert (device.session.state, device.session.end) == (State.CLOSED, "close-notify")

    play(story)


def test_how_long_is_an_option(play):
    async def story(scene):
        device = scene.device()
        await device.connect()
        await scene.wait(31)
        assert device.session.state is State.CLOSED

    play(story, span={"inet_idle_s": 30.0})


@pytest.mark.parametrize(
    ("method", "where", "body", "event", "refusal"),
    [
        pytest.param("DELETE", "/devices/{}", None, "deviceRemoved", "certificate revoked", id="removed"),
        pytest.param("PATCH", "/devices/{}", {"enabled": False}, "deviceUpdated", "certificate unknown", id="disabled"),
        pytest.param("PATCH", "", {"enabled": False}, "", "certificate unknown", id="its collection disabled"),
    ],
)
@TRANSPORTS
def test_a_device_that_may_no_longer_come_is_hung_up_on(play, transport, method, where, body, event, refusal):
    async def story(scene):
        name = scene.create()
        device = scene.device(name, transport)
        await device.connect()
        resumption = device.session.resumption
        scene.events()
        scene.call(method, f"{scene.path}{where.format(name)}", body)
        gone = f"clientDisconnected {name}"
        told = [f"{event} {name}"] if event else []
        # What is removed is told of no more; a change is what the end follows from.
        assert scene.events() == ([gone, *told] if event == "deviceRemoved" else [*told, gone])
        await scene.wait(0.1)
        assert (device.session.state, device.session.end) == (State.CLOSED, "close-notify")
        assert (await device.connect()) == f"alert: {refusal}"
        await device.connect(resumption)  # no certificate is shown again, and it is refused all the same
        assert device.session.state is State.CLOSED
        assert scene.events() == []
        assert not scene.server.core.inet.sessions

    play(story)


def test_a_device_that_is_moved_keeps_its_session(play):
    async def story(scene):
        name = scene.create()
        device = scene.device(name)
        await device.connect()
        other = scene.call("POST", "/span/collections", {})["collectionId"]
        scene.call("PATCH", f"{scene.path}/devices/{name}", {"collectionId": other})
        scene.collection = other
        scene.listen()
        await device.send(b"up")
        assert scene.events() == [f"upstreamMessage {name} bytes=2 transport=dtls"]

    play(story)


@TRANSPORTS
def test_a_resumed_session_is_a_connection_like_any_other(play, transport):
    async def story(scene):
        name = scene.create()
        device = scene.device(name, transport)
        await device.connect()
        resumption = device.session.resumption
        await device.close()
        await device.connect(resumption)
        assert device.session.resumed
        await say(device)
        assert scene.events()[2:] == [
            f"clientConnected {name} id=certificate",
            f"upstreamMessage {name} bytes=9 transport={transport}",
        ]
        wanted = {"handshakes": 2, "handshakes.resumed": 1, "sessions.inet": 1}
        assert scene.statistics() == wanted

    play(story)


@TRANSPORTS
def test_when_it_stops_everybody_is_told_first(play, transport):
    async def story(scene):
        name = scene.create()
        device = scene.device(name, transport)
        await device.connect()
        scene.events()
        stream = scene.stream
        await scene.server.halt()
        assert stream.closed is not None
        assert [each.split(b'"event":')[1][:21] for each in stream.take()] == [b'"clientDisconnected",']
        await scene.wait(0.1)
        assert device.session.end == "close-notify"

    play(story)


@TRANSPORTS
def test_a_restart_keeps_ports_authority_and_counts_but_no_session(play, transport):
    async def story(scene):
        name = scene.create()
        device = scene.device(name, transport)
        await device.connect()
        resumption, places = device.session.resumption, scene.server.endpoints()
        assert await scene.bare(None, transport, host="127.0.0.9").connect() == "alert: handshake failure"
        await scene.server.halt()
        await scene.server.resume()
        assert scene.server.endpoints() == places
        scene.listen()
        await scene.wait(0.1)
        assert (
            scene.server.timers == len(scene.loop.timers) > 0
        )  # calls of before the restart, which cannot be taken back
        assert await device.connect(resumption) == ""
        assert not device.session.resumed
        await say(device)
        assert scene.events() == [
            f"clientConnected {name} id=certificate",
            f"upstreamMessage {name} bytes=9 transport={transport}",
        ]
        assert scene.statistics() == {"handshakes": 2, "handshakes.refused": 1, "sessions.inet": 1}

    play(story)


@TRANSPORTS
def test_who_does_not_know_that_it_restarted_is_met_with_silence(play, transport):
    async def story(scene):
        name = scene.create()
        device = scene.device(name, transport)
        await device.connect()
        await scene.server.halt()
        device.session = None  # its radio was off: the goodbye did not reach it
        await scene.server.resume()
        await scene.wait(0.1)
        heard = device.heard
        device.raw(bytes.fromhex("17fefd0001000000000005000a") + bytes(10))
        await scene.wait(1)
        assert device.heard == heard
        assert getattr(scene.server, transport).sessions.strangers.peer == device.address, text(device.address)

    play(story)
