"""libcoap's client against our CoAP endpoint, on loopback: two implementations that never met agree."""

from __future__ import annotations

import asyncio
import re
import shutil
from contextlib import asynccontextmanager

import pytest

from simulator.clock import WallClock
from simulator.protocol.coap.server_types import ServerSettings
from simulator.server.fronts.coap import CoapFront
from simulator.server.span.core import SpanCore
from simulator.wire.address import port_of
from simulator.wire.real import open_wire

CLIENT = shutil.which("coap-client-openssl") or shutil.which("coap-client")
pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(CLIENT is None, reason="libcoap's coap-client is not installed (Debian: libcoap3-bin)"),
]

DEVICE = "127.64.0.5"
BODY = bytes(range(256)) * 40  # 10 KiB


class Scene:
    """A core with one device in session, a front, and the client."""

    def __init__(self, settings):
        self.clock = WallClock()
        self.core = SpanCore()
        self.meter = self.core.registry.create_device(self.core.create_collection(), imsi="999990000000001")
        self.core.login("999990000000001", "", DEVICE, self.clock.unix_ns())
        self.front = CoapFront(self.core, self.clock, settings)

    def queue(self, payload):
        self.core.queue(self.meter, payload, self.clock.unix_ns())

    @property
    def stored(self):
        return [self.core.histories.payload(row) for row in self.meter.history or ()]

    async def client(self, *arguments, path="data", source=DEVICE, patience_s=5):
        """What the client wrote to its output, and the messages it received, as it describes them."""
        uri = f"coap://127.0.0.1:{port_of(self.front.address)}/{path}"
        process = await asyncio.create_subprocess_exec(
            CLIENT, "-v", "7", "-a", source, "-B", str(patience_s), *arguments, uri,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        try:
            output, _ = await asyncio.wait_for(process.communicate(), 20)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        text = output.decode("latin-1")
        return [(kind, code) for kind, code in re.findall(r"received \d+ bytes\s+v:1 t:(\w+) c:([\d.]+)", text)], text


@asynccontextmanager
async def scene(settings=None):
    it = Scene(settings)
    wire = await open_wire("auto", it.clock, asyncio.get_running_loop())
    try:
        await it.front.start(wire)
        yield it
    finally:
        it.front.stop()
        await wire.close()


@pytest.mark.parametrize(
    ("arguments", "received", "stored"),
    [
        (["-m", "post", "-e", "hello"], [("ACK", "2.01")], [b"hello"]),
        (["-m", "put", "-e", "hello", "-N"], [("NON", "2.01")], [b"hello"]),
        (["-m", "post", "-e", "hello", "-U", "-T", ""], [("ACK", "2.01")], [b"hello"]),
        (["-m", "get"], [("ACK", "2.03")], []),
        (["-m", "get", "-N"], [("NON", "2.03")], []),
        (["-m", "delete"], [("ACK", "2.02")], []),
        (["-m", "fetch", "-e", "x"], [("ACK", "4.05")], []),
        (["-m", "post", "-e", "x", "-O", "65001,x"], [("ACK", "4.02")], []),
        (["-m", "get", "-P", "coap://127.0.0.1:1"], None, []),
        (["-m", "get", "-A", "60"], [("ACK", "4.06")], []),
    ],
    ids=lambda value: " ".join(value) if value and isinstance(value[0], str) else "",
)
def test_small_requests(arguments, received, stored):
    async def main():
        async with scene() as it:
            if "-P" in arguments:
                arguments[-1] = f"coap://127.0.0.1:{port_of(it.front.address)}"
            found, text = await it.client(*arguments)
            assert found == (received or [("ACK", "5.05")]), text
            assert it.stored == stored

    asyncio.run(main())


def test_a_waiting_message_comes_with_the_answer():
    async def main():
        async with scene() as it:
            it.queue(b"ping")
            received, text = await it.client("-m", "post", "-e", "up")
            assert received == [("ACK", "2.05")], text
            assert "Content-Format:application/octet-stream" in text
            assert "'ping'" in text or "ping" in text

    asyncio.run(main())


@pytest.mark.parametrize("block", [[], ["-b", "64"], ["-b", "1024"]], ids=lambda block: " ".join(block) or "no wish")
@pytest.mark.parametrize("type", [[], ["-N"]], ids=["CON", "NON"])
def test_a_large_message_arrives_in_blocks(tmp_path, block, type):
    async def main():
        async with scene() as it:
            it.queue(BODY[:2000])
            _, text = await it.client("-m", "get", "-o", str(tmp_path / "out"), *block, *type)
            assert (tmp_path / "out").read_bytes() == BODY[:2000], text
            assert it.core.counts.delivered == 1

    asyncio.run(main())


@pytest.mark.parametrize("block", [[], ["-b", "64"], ["-b", "1024"]], ids=lambda block: " ".join(block) or "no wish")
def test_a_file_is_uploaded_in_blocks(tmp_path, block):
    async def main():
        (tmp_path / "in").write_bytes(BODY)
        async with scene() as it:
            received, text = await it.client("-m", "post", "-f", str(tmp_path / "in"), *block)
            assert received[-1] == ("ACK", "2.01"), text
            assert set(received[:-1]) == {("ACK", "2.31")}
            assert it.stored == [BODY]

    asyncio.run(main())


def test_an_upload_shrinks_to_the_blocks_that_the_server_asks_for(tmp_path):
    async def main():
        (tmp_path / "in").write_bytes(BODY)
        async with scene(ServerSettings(block1_szx=4)) as it:
            received, text = await it.client("-m", "post", "-f", str(tmp_path / "in"))
            assert (received[-1], it.stored) == (("ACK", "2.01"), [BODY]), text
            assert "Block1:39/_/256" in text

    asyncio.run(main())


def test_a_file_that_is_too_large_is_refused_with_the_limit(tmp_path):
    async def main():
        (tmp_path / "in").write_bytes(bytes(70000))
        async with scene() as it:
            received, text = await it.client("-m", "post", "-f", str(tmp_path / "in"))
            assert received == [("ACK", "4.13")], text
            assert "Size1:65536" in text
            assert it.stored == []

    asyncio.run(main())


def test_an_unknown_source_is_answered_and_nothing_is_stored():
    async def main():
        async with scene() as it:
            received, text = await it.client("-m", "post", "-e", "up", source="127.64.0.6")
            assert (received, it.stored, it.front.counts.unknown_source) == ([("ACK", "2.01")], [], 1), text

    asyncio.run(main())


def test_a_ping_is_answered_with_a_reset():
    async def main():
        async with scene() as it:
            it.front.resources["silent"] = lambda _request, _now: None
            # An answer that does not come leaves the client idle, and it pings after one second.
            received, text = await it.client("-m", "get", "-N", "-K", "1", path="silent", patience_s=2)
            assert ("RST", "0.00") in received, text
            assert it.front.layer_counts.pings >= 1

    asyncio.run(main())
