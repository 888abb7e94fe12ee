"""CoAP behind DTLS: what requests mean is as over UDP, and answers come in the session (span §4.3)."""

from __future__ import annotations

import pytest

from simulator.protocol.coap.codec import decode
from simulator.protocol.coap.numbers import BLOCK1, BLOCK2, Code, Type


@pytest.mark.parametrize("type", [Type.CON, Type.NON])
@pytest.mark.parametrize(
    ("code", "payload", "waiting", "answer", "stored"),
    [
        pytest.param(Code.POST, b"up", b"", Code.CREATED, True, id="POST"),
        pytest.param(Code.PUT, b"up", b"ping", Code.CONTENT, True, id="PUT, a message waits"),
        pytest.param(Code.POST, b"", b"ping", Code.CONTENT, False, id="POST of nothing, a message waits"),
        pytest.param(Code.GET, b"", b"", Code.VALID, False, id="GET"),
        pytest.param(Code.GET, b"", b"ping", Code.CONTENT, False, id="GET, a message waits"),
        pytest.param(Code.DELETE, b"up", b"ping", Code.DELETED, False, id="DELETE"),
    ],
)
def test_methods(play, code, payload, waiting, answer, stored, type):
    async def story(scene):
        name = scene.create()
        device = scene.device(name, "coaps")
        message = scene.queue(name, waiting) if waiting else ""
        await device.connect()
        scene.events()
        found = await device.ask(code, "a/b", payload, type=type)
        assert (found.type, found.code) == (Type.ACK if type == Type.CON else Type.NON, answer)
        delivered = answer == Code.CONTENT
        assert found.payload == (waiting if delivered else b"")
        told = [f"upstreamMessage {name} bytes=2 transport=coaps"] if stored else []
        told += [f"downstreamMessage {name} bytes=4 messageId={message} transport=coaps"] if delivered else []
        assert scene.events() == told
        assert scene.stored(name) == ([(b"up", "coaps")] if stored else [])
        if stored:
            (row,) = scene.call("GET", f"{scene.path}/devices/{name}/data")["data"]
            assert (row["coapMetaData"], row["gatewayId"]) == (
                {"code": "POST" if code == Code.POST else "PUT", "path": "a/b"},
                "2",
            )

    play(story)


def test_a_repetition_is_answered_alike_and_a_ping_is_reset(play):
    async def story(scene):
        name = scene.create()
        device = scene.device(name, "coaps")
        scene.queue(name, b"one")
        scene.queue(name, b"two")
        await device.connect()
        first, second = [await device.ask(payload=b"up", mid=9) for _ in range(2)]
        assert first == second
        assert first.payload == b"one"
        assert len(scene.stored(name)) == 1
        (answer,) = await device.send(bytes.fromhex("40000005"))
        assert decode(answer).type == Type.RST
        assert await device.send(b"no CoAP") == []

    play(story)


def test_long_messages_go_in_blocks_both_ways(play, block):
    async def story(scene):
        name = scene.create()
        device = scene.device(name, "coaps")
        await device.connect()
        content = bytes(range(256)) * 4
        for number in range(2):
            part = content[512 * number : 512 * number + 512]
            answer = await device.ask(Code.PUT, "big", part, options=[block(BLOCK1, number, number == 0, 5)])
            assert answer.code == (Code.CONTINUE if number == 0 else Code.CREATED)
        assert scene.stored(name) == [(content, "coaps")]
        scene.queue(name, content)
        got, number = b"", 0
        while True:
            options = [block(BLOCK2, number, False, 3)] if number else []  # 128 bytes, as the platform likes it
            answer = await device.ask(Code.GET, "big", options=options)
            assert answer.code == Code.CONTENT
            got += answer.payload
            number += 1
            if len(got) >= len(content):
                break
        assert got == content
        down = [each for each in scene.events() if each.startswith("downstreamMessage")]
        assert len(down) == 1

    play(story)


def test_a_transfer_of_one_session_is_no_other_sessions(play, block):
    async def story(scene):
        name = scene.create()
        device = scene.device(name, "coaps")
        await device.connect()
        await device.ask(Code.PUT, "big", bytes(512), options=[block(BLOCK1, 0, True, 5)])
        await device.connect()
        answer = await device.ask(Code.PUT, "big", bytes(10), options=[block(BLOCK1, 1, False, 5)])
        assert answer.code == Code.REQUEST_ENTITY_INCOMPLETE
        assert scene.stored(name) == []

    play(story)
