"""The API over real sockets: what only sockets can get wrong (span §2.2, §3.2)."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import io
import json
from collections.abc import AsyncIterator, Callable

import aiohttp
import pytest

from simulator.clock import WallClock
from simulator.errors import LocalError
from simulator.server.app import ReferenceServer, ServerSettings
from simulator.server.fronts.frames import PIECE_BYTES
from simulator.server.fronts.http import HttpFront
from simulator.server.span.settings import SpanSettings
from simulator.wire.address import address, ipv4

pytestmark = pytest.mark.real

SOURCE = address(ipv4("127.64.0.5"), 4200)


class Running:
    """A server on a free port, a client, a collection and a device in session."""

    def __init__(self, server: ReferenceServer, url: str, client: aiohttp.ClientSession) -> None:
        self.server, self.url, self.client = server, url, client
        self.collection = self.device = ""

    async def call(self, method: str, path: str, **rest) -> tuple[int, str, dict]:
        headers = {"X-API-Token": self.server.token} | rest.pop("headers", {})
        async with self.client.request(method, self.url + path, headers=headers, **rest) as answer:
            return answer.status, answer.headers["Content-Type"], await answer.json(content_type=None)

    async def prepare(self) -> None:
        _, _, collection = await self.call("POST", "/span/collections")
        self.collection = collection["collectionId"]
        path = f"/span/collections/{self.collection}/devices"
        _, _, device = await self.call("POST", path, json={"config": {"ciot": {"imsi": "1"}}})
        self.device = device["deviceId"]
        status, _, _ = await self.call("POST", "/simulator/login", json={"imsi": "1", "address": "127.64.0.5"})
        assert status == 200

    def up(self, payload: bytes = b"hello") -> None:
        core = self.server.core
        assert core.upstream(SOURCE, payload, "udp", WallClock().unix_ns(), local_port=1).known

    def upgrade(self) -> bytes:
        """The request for the stream of events, for a connection without a client."""
        return (
            f"GET /span/collections/{self.collection}/activity HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
            f"X-API-Token: {self.server.token}\r\n\r\n"
        ).encode()

    def unsent(self) -> int:
        """Bytes in the connection of the only reader that its system has not taken yet."""
        (reader,) = self.server._http._readers
        return reader._request.transport.get_write_buffer_size()

    async def socket(self, what: str = "activity", *, token: str = "", query: str = "", **rest):
        headers = {"X-API-Token": token} if token else {}
        url = f"{self.url}/span/collections/{self.collection}/{what}{query}"
        return await self.client.ws_connect(url, headers=headers, **rest)


@contextlib.asynccontextmanager
async def running(span: SpanSettings | None = None) -> AsyncIterator[Running]:
    server = ReferenceServer(ServerSettings.on_free_ports(span=span or SpanSettings()), WallClock())
    url = await server.start_http()
    async with aiohttp.ClientSession() as client:
        it = Running(server, url, client)
        try:
            await it.prepare()
            yield it
        finally:
            await server.stop()


async def until(holds: Callable[[], bool]) -> None:
    """As soon as it holds; somebody else's task has to run first."""
    for _ in range(1000):
        if holds():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("waited in vain")


def over_sockets(test):
    """Run an async test; a hang is a failure."""

    def run():
        asyncio.run(asyncio.wait_for(test(), 20))

    run.__name__ = test.__name__
    return run


@over_sockets
async def test_requests_and_errors_in_their_forms():
    async with running() as it:
        path = f"/span/collections/{it.collection}"
        assert (await it.call("GET", path))[:2] == (200, "application/json")
        for method, where, body, status in (
            ("GET", "/nothing", None, 404),
            ("GET", "/span/collections/17dh0cf43jfgna", None, 404),
            ("PUT", path, None, 405),
            ("GET", f"{path}/outputs", None, 501),
            ("POST", f"{path}/devices", b"\xff\x00", 400),
            ("POST", f"{path}/devices", b"x" * 1_100_000, 413),
            ("POST", f"{path}/devices", b"x" * 5_000_000, 413),
            ("GET", "/span/collections/%ff%00", None, 400),
            ("GET", f"{path}/activity", None, 426),
        ):
            got, form, document = await it.call(method, where, data=body and io.BytesIO(body))
            assert (got, form, document["status"]) == (status, "application/problem+json", status), where
        status, _, _ = await it.call("GET", path, headers={"X-API-Token": "nobody"})
        assert status == 401


@pytest.mark.parametrize(
    "raw",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(100),
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\xff\xfe\xfd\r\n\r\n",
        b"POST /span/collections HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n",
        b"POST /span/collections HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET / HTTP/1.1\r\n" + b"A: " + b"x" * 100_000 + b"\r\n\r\n",
        b"GET /span/collections/1/from HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n\r\n",
        b"GET /collections/1/from HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    ],
)
def test_no_bytes_bring_it_down_or_show_its_inside(raw):
    async def scene():
        async with running() as it:
            host, port = it.url.removeprefix("http://").split(":")
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(raw)
            writer.write_eof()
            answer = await reader.read()
            writer.close()
            assert b"Traceback" not in answer
            assert b'File "' not in answer
            assert (await it.call("GET", "/span/system"))[0] == 200

    asyncio.run(asyncio.wait_for(scene(), 20))


@over_sockets
async def test_a_fault_of_ours_is_500_without_its_inside_and_is_reported():
    class Broken:
        def handle(self, request, now_ns):
            raise RuntimeError("secret")

    reports = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: reports.append(context))
    front = HttpFront(Broken(), WallClock(), SpanSettings())
    await front.start()
    async with aiohttp.ClientSession() as client, client.get(front.base_url) as answer:
        text = await answer.text()
    await front.stop()
    assert (answer.status, json.loads(text)["title"]) == (500, "Internal error")
    assert "secret" not in text
    assert str(reports[0]["exception"]) == "secret"


@over_sockets
async def test_three_ways_to_say_who_one_is():
    async with running() as it:
        token = it.server.read_token
        by_header = await it.socket(token=token)
        by_query = await it.socket(query=f"?api_token={token}")
        by_message = await it.socket()
        await by_message.send_str(json.dumps({"jwt": token, "collectionId": it.collection}) + "\n")
        in_bytes = await it.socket("from")
        await in_bytes.send_bytes(json.dumps({"jwt": token, "collectionId": it.collection}).encode())
        await until(lambda: it.server.core.streams == 4)
        it.up()
        for socket in (by_header, by_query, by_message):
            messages = [await socket.receive_str() for _ in range(2)]
            assert [json.loads(message)["event"] for message in messages] == ["clientConnected", "upstreamMessage"]
            assert messages[1].startswith('{"collectionId":')
            assert messages[1].endswith('"}\n')
        assert json.loads(await in_bytes.receive_str())["payload"] == "aGVsbG8="


@over_sockets
async def test_wrong_tokens_are_refused_before_the_upgrade():
    async with running() as it:
        for token, query, status in (
            ("nobody", "", 401),
            ("", "?api_token=nobody", 401),
            ("", f"?api_token={it.server.token}", 400),
        ):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await it.socket(token=token, query=query)
            assert refused.value.status == status
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await it.client.ws_connect(f"{it.url}/span/nothing")
        assert refused.value.status == 404


@over_sockets
async def test_a_bad_first_message_or_none_at_all_is_closed_with_1008():
    async with running(SpanSettings(first_message_s=0)) as it:
        silent = await it.socket()
        assert (await silent.receive()).type is aiohttp.WSMsgType.CLOSE
        assert silent.close_code == 1008
    async with running() as it:
        for message in ("", "{", '{"jwt":"nobody"}', "x" * 60_000):
            socket = await it.socket()
            await socket.send_str(message)
            assert (await socket.receive()).type is aiohttp.WSMsgType.CLOSE
            assert socket.close_code == 1008
        assert it.server.core.streams == 0


@over_sockets
async def test_pings_are_answered_and_talk_is_ignored():
    async with running() as it:
        socket = await it.socket(token=it.server.token, autoping=False)
        await socket.send_str("hello?")
        await socket.send_bytes(b"\x00")
        await socket.ping(b"there?")
        answer = await socket.receive()
        assert (answer.type, bytes(answer.data)) == (aiohttp.WSMsgType.PONG, b"there?")
        it.up()
        assert json.loads(await socket.receive_str())["event"] == "clientConnected"


@pytest.mark.parametrize(
    "frames", [b"\xff" * 50, b"\x81\xff" + b"\xff" * 12, b"\x81\x05hello", b"\x82\xfe\xff\xff" + bytes(4)]
)
def test_bad_frames_end_the_stream_and_nothing_else(frames):
    async def scene():
        async with running() as it:
            host, port = it.url.removeprefix("http://").split(":")
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(it.upgrade())
            assert b"101" in await reader.readuntil(b"\r\n\r\n")
            assert it.server.core.streams == 1
            writer.write(frames)
            writer.write_eof()
            assert b"Traceback" not in await reader.read()
            writer.close()
            await until(lambda: it.server.core.streams == 0)
            assert (await it.call("GET", "/span/system"))[0] == 200

    asyncio.run(asyncio.wait_for(scene(), 20))


@over_sockets
async def test_a_reader_that_vanishes_is_forgotten():
    async with running() as it:
        socket = await it.socket(token=it.server.token)
        assert it.server.core.streams == 1
        socket._response.connection.transport.abort()
        await until(lambda: it.server.core.streams == 0)


@pytest.mark.parametrize(("size", "each_turn", "turns"), [(50_000, 1, 600), (1_000, 20, 500)], ids=["long", "short"])
def test_a_reader_that_does_not_read_is_told_what_it_missed_where_it_is_missing(size, each_turn, turns):
    async def scene():
        async with running(SpanSettings(stream_messages=50)) as it:
            socket = await it.socket("from", token=it.server.token, max_msg_size=0)
            count, waiting = turns * each_turn, []
            for number in range(count):  # some tens of megabytes: more than the system's buffers hold
                it.up(number.to_bytes(4, "big") + bytes(size))
                if not number % each_turn:
                    await asyncio.sleep(0)
                    waiting.append(it.unsent())
            # Nobody reads, and the connection does not grow: a piece, what its last frame has on top, aiohttp's 64 KB.
            assert 0 < max(waiting) < PIECE_BYTES + 2 * 67_000 + (64 << 10)
            expected = missed = 0
            while expected < count + 5:  # as soon as it reads, what comes is sent at once again
                message = json.loads(await socket.receive_str())
                if message["type"] == "dropped":
                    missed += int(message["dropped"])
                    expected += int(message["dropped"])
                else:
                    payload = base64.b64decode(message["payload"])
                    assert int.from_bytes(payload[:4], "big") == expected
                    expected += 1
                if expected >= count:
                    it.up(expected.to_bytes(4, "big"))
            assert 0 < missed < count

    asyncio.run(asyncio.wait_for(scene(), 20))


class Chunks(asyncio.Protocol):
    """What a bare connection receives, as it comes."""

    def __init__(self) -> None:
        self.came: list[bytes] = []

    def data_received(self, data: bytes) -> None:
        self.came.append(data)


@over_sockets
async def test_what_comes_in_one_turn_goes_out_in_one_piece():
    async with running() as it:
        host, port = it.url.removeprefix("http://").split(":")
        transport, bare = await asyncio.get_running_loop().create_connection(Chunks, host, int(port))
        transport.write(it.upgrade())
        await until(lambda: b"".join(bare.came).endswith(b"\r\n\r\n"))
        bare.came.clear()
        for _ in range(200):
            it.up()
        await until(lambda: sum(chunk.count(b'"upstreamMessage"') for chunk in bare.came) == 200)
        assert len(bare.came) <= 2  # it was written at once; whether the system cuts it is the system's affair
        transport.close()


@over_sockets
async def test_each_of_many_readers_has_all_in_order_and_pings_between():
    async with running() as it:
        readers = [await it.socket(token=it.server.token, autoping=False) for _ in range(3)]
        counts = []
        for size in range(1, 301):
            it.up(bytes(size))
            if not size % 50:
                for reader in readers:
                    await reader.ping(b"%d" % size)
        for reader in readers:
            said = [await reader.receive() for _ in range(301 + 6)]
            pongs = [bytes(each.data) for each in said if each.type is aiohttp.WSMsgType.PONG]
            events = [json.loads(each.data) for each in said if each.type is aiohttp.WSMsgType.TEXT]
            assert pongs == [b"50", b"100", b"150", b"200", b"250", b"300"]
            counts.append([each["data"].get("bytes") for each in events])
        assert counts == [[None, *map(str, range(1, 301))]] * 3


@over_sockets
async def test_what_comes_while_several_pieces_go_out_goes_behind_them():
    async with running() as it:
        reader = await it.socket(token=it.server.token)
        count, each_turn = 3000, 300
        for number in range(count + each_turn):
            it.up(bytes(1 + number))
            if number >= count:
                await asyncio.sleep(0)
        assert json.loads(await reader.receive_str())["event"] == "clientConnected"
        events = [json.loads(await reader.receive_str()) for _ in range(count + each_turn)]
        assert [int(each["data"]["bytes"]) for each in events] == list(range(1, count + each_turn + 1))


@over_sockets
async def test_what_was_told_before_the_end_is_sent_before_the_goodbye():
    async with running() as it:
        reader = await it.socket(token=it.server.token)
        await until(lambda: it.server.core.streams == 1)
        for _ in range(2000):  # more than one piece
            it.up()
        it.server.core.hang_up(1012, "service restart")
        events = [json.loads(message.data)["event"] async for message in reader]
        assert events == ["clientConnected", *["upstreamMessage"] * 2000]
        assert reader.close_code == 1012


@over_sockets
async def test_a_silent_stream_gets_keepalives():
    async with running(SpanSettings(keepalive_s=0)) as it:
        socket = await it.socket(token=it.server.token)
        assert await socket.receive_str() == '{"type":"keepalive"}\n'


@over_sockets
async def test_stopping_says_goodbye_and_waits_for_nobody():
    async with running() as it:
        reading, pending = await it.socket(token=it.server.token), await it.socket()
        deaf = await it.socket("from", token=it.server.token)
        for _ in range(300):
            it.up(bytes(50_000))
            await asyncio.sleep(0)
        began = asyncio.get_running_loop().time()
        stopping = asyncio.create_task(it.server.stop())
        for socket in (reading, pending):
            async for _ in socket:
                pass
            assert socket.close_code == 1001
        await stopping
        assert asyncio.get_running_loop().time() - began < 2
        await it.server.stop()
        assert it.server.core.streams == 0
        await deaf.close()


@over_sockets
async def test_a_port_in_use_is_one_clear_line():
    async with running() as it:
        port = int(it.url.rsplit(":", 1)[1])
        second = ReferenceServer(ServerSettings(api_port=port), WallClock())
        with pytest.raises(LocalError, match=f"^TCP port {port} on 127.0.0.1 is in use; stop the program"):
            await second.start_http()
        for host, words in (("192.0.2.1", "no address of this machine"), ("nowhere", "no IPv4 address")):
            with pytest.raises(LocalError, match=words):
                await ReferenceServer(ServerSettings.on_free_ports(host=host), WallClock()).start_http()
        with pytest.raises(LocalError, match="TCP port 70000"):
            await ReferenceServer(ServerSettings(api_port=70000), WallClock()).start_http()
