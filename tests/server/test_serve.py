"""The server alone, as a process: what it prints, and how it ends."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from base64 import b64decode
from datetime import datetime
from pathlib import Path

import aiohttp
import pytest

from simulator.clock import WallClock
from simulator.protocol.dtls.client import ClientContext, ClientSession, State
from simulator.protocol.dtls.identity import Identity
from simulator.server.app import PORTS, ServerSettings
from simulator.server.serve import serve

pytestmark = pytest.mark.real

STAMP = len("2024-04-25 20:23:36  ")
ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import asyncio, sys
from simulator.server.app import ServerSettings
from simulator.server.serve import serve
sys.exit(asyncio.run(serve(ServerSettings.on_free_ports(read_token="reader"), wire="auto")))
"""


async def started(program: str = PROGRAM):
    """The process and its table."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    table = {}
    while "read-only" not in table:
        line = (await process.stdout.readline()).decode()
        assert line, (await process.stderr.read()).decode()
        what, where = line.split(maxsplit=1)
        table[what] = where.strip()
    return process, table


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_it_prints_where_it_is_and_what_happens_and_ends_when_told(how):
    async def scene():
        process, table = await started()
        assert list(table) == [
            "API",
            "events",
            "data",
            "UDP",
            "CoAP",
            "DTLS",
            "CoAPS",
            "HTTPS",
            "HTTP",
            "RADIUS",
            "accounting",
            "certificate",
            "root",
            "secret",
            "token",
            "read-only",
        ]
        assert (len(table["token"]), table["read-only"]) == (64, "reader")
        assert table["certificate"] == "for localhost, 127.0.0.1"
        headers = {"X-API-Token": table["token"]}
        async with aiohttp.ClientSession(headers=headers) as client:
            async with client.post(f"{table['API']}/collections", json={}) as answer:
                collection = (await answer.json())["collectionId"]
            url = f"{table['API']}/collections/{collection}/devices"
            async with client.post(url, json={"tags": {"name": "meter"}}) as answer:
                device = (await answer.json())["deviceId"]
            stream = await client.ws_connect(table["events"].replace("ID", collection))
            line = (await process.stdout.readline()).decode()
            assert line[19:] == f"  deviceCreated       meter ({device})\n"
            began = asyncio.get_running_loop().time()
            process.send_signal(how)
            assert (await stream.receive()).type is aiohttp.WSMsgType.CLOSE
            rest, errors = await process.communicate()
        assert asyncio.get_running_loop().time() - began < 2
        assert (process.returncode, rest, errors) == (0, b"", b"")

    asyncio.run(asyncio.wait_for(scene(), 30))


def test_a_defect_on_purpose_is_said_before_all_else_and_is_there():
    async def scene():
        defective = PROGRAM.replace('wire="auto"', 'quiet=True, mutant="deviceCreated-missing"')
        process, table = await started(defective)
        assert list(table)[:2] == ["MUTANT", "API"]
        said = "deviceCreated-missing: deviceCreated is never told. This server has a defect on purpose."
        assert table["MUTANT"] == said
        async with aiohttp.ClientSession(headers={"X-API-Token": table["token"]}) as client:
            async with client.post(f"{table['API']}/collections", json={}) as answer:
                collection = (await answer.json())["collectionId"]
            stream = await client.ws_connect(table["events"].replace("ID", collection))
            url = f"{table['API']}/collections/{collection}/devices"
            async with client.post(url, json={}) as answer:
                device = (await answer.json())["deviceId"]
            async with client.delete(f"{url}/{device}") as answer:
                assert answer.status == 200
            assert (await stream.receive_json())["event"] == "deviceRemoved"
        process.send_signal(signal.SIGTERM)
        await process.communicate()
        assert process.returncode == 0

    asyncio.run(asyncio.wait_for(scene(), 30))


def test_what_happened_just_before_the_end_is_still_printed():
    async def scene():
        process, table = await started()
        async with aiohttp.ClientSession(headers={"X-API-Token": table["token"]}) as client:
            async with client.post(f"{table['API']}/collections", json={}) as answer:
                collection = (await answer.json())["collectionId"]
            for _ in range(3):
                async with client.post(f"{table['API']}/collections/{collection}/devices", json={}) as answer:
                    assert answer.status == 200
        process.send_signal(signal.SIGTERM)
        rest, _ = await process.communicate()
        assert rest.count(b"deviceCreated") == 3

    asyncio.run(asyncio.wait_for(scene(), 30))


def test_internet_devices_are_told_that_it_ends_and_that_is_printed_too():
    def shake_hands(sock, session, clock):
        session.start(clock.now())
        while session.state is State.HANDSHAKE:
            for datagram in session.out():
                sock.send(datagram)
            session.feed(sock.recv(2048), clock.now())

    async def scene():
        process, table = await started()
        async with aiohttp.ClientSession(headers={"X-API-Token": table["token"]}) as client:

            async def call(path, body):
                async with client.post(f"{table['API']}/collections{path}", json=body) as answer:
                    return await answer.json()

            collection = (await call("", {}))["collectionId"]
            device = (await call(f"/{collection}/devices", {"tags": {"name": "meter"}}))["deviceId"]
            issued = await call(f"/{collection}/certificates/create", {"deviceId": device})
            async with client.get(table["root"].split()[0]) as answer:
                root = await answer.read()
        certificate, key, chain = (b64decode(issued[each]) for each in ("certificate", "privateKey", "chain"))
        host, port = table["DTLS"].split(":")
        clock = WallClock()
        session = ClientSession(ClientContext(root), Identity.from_pem(certificate + chain, key))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(10)
            sock.connect((host, int(port)))
            await asyncio.to_thread(shake_hands, sock, session, clock)
            process.send_signal(signal.SIGTERM)
            rest, errors = await process.communicate()
            session.feed(sock.recv(2048), clock.now())
        assert (session.end, errors) == ("close-notify", b"")
        who = f"meter ({device})"
        assert [line[STAMP:] for line in rest.decode().splitlines()][1:] == [
            f"clientConnected     {who}  id=certificate",
            f"clientDisconnected  {who}",
        ]

    asyncio.run(asyncio.wait_for(scene(), 30))


def test_a_port_in_use_ends_it_with_one_clear_line(capsys):
    from simulator.errors import LocalError

    async def scene():
        process, table = await started()
        try:
            for option, where in (("api_port", table["API"].split("/")[2]), ("udp_port", table["UDP"]),
                                  ("coap_port", table["CoAP"]), ("dtls_port", table["DTLS"]),
                                  ("coaps_port", table["CoAPS"])):  # fmt: skip
                port = int(where.rsplit(":", 1)[1])
                settings = dict.fromkeys(PORTS, 0) | {option: port}
                with pytest.raises(LocalError, match=f"port {port} on 127.0.0.1 is in use"):
                    await serve(ServerSettings(**settings))
        finally:
            process.send_signal(signal.SIGTERM)
            await process.communicate()

    asyncio.run(asyncio.wait_for(scene(), 30))
    assert capsys.readouterr().out == ""


def test_a_pipe_that_closes_does_not_stop_it():
    async def scene():
        process, table = await started()
        process.stdout._transport.close()
        headers = {"X-API-Token": table["token"]}
        async with aiohttp.ClientSession(headers=headers) as client:
            async with client.post(f"{table['API']}/collections", json={}) as answer:
                collection = (await answer.json())["collectionId"]
            for _ in range(3):
                async with client.post(f"{table['API']}/collections/{collection}/devices", json={}) as answer:
                    assert answer.status == 200
        process.send_signal(signal.SIGTERM)
        assert (await process.wait(), await process.stderr.read()) == (0, b"")

    asyncio.run(asyncio.wait_for(scene(), 30))


def test_whoever_is_not_logged_in_is_told_of():
    async def scene():
        process, table = await started()
        coap, udp = (int(table[what].rsplit(":", 1)[1]) for what in ("CoAP", "UDP"))
        with socket.socket(type=socket.SOCK_DGRAM) as device:
            device.bind(("127.64.0.77", 0))
            for _ in range(3):
                device.sendto(b"22.5", ("127.0.0.1", udp))
            device.sendto(bytes.fromhex("40020001b164ff00"), ("127.0.0.1", coap))
            lines = {(await process.stdout.readline()).decode() for _ in range(2)}
            assert all(datetime.fromisoformat(line[:19]) for line in lines)
            port = device.getsockname()[1]
        for what, count in (("UDP", 3), ("CoAP", 1)):
            told = f"{what}: {count} from an address that is not logged in, last 127.64.0.77:{port}; nothing was stored"
            assert any(line[STAMP:].startswith(told) for line in lines), lines
        process.send_signal(signal.SIGTERM)
        await process.communicate()

    asyncio.run(asyncio.wait_for(scene(), 30))


# --- RADIUS -----------------------------------------------------------------------------------------------------------

KNOWN_SECRET = """
import asyncio, sys
from simulator.server.app import ServerSettings
from simulator.server.fronts.radius_clients import RadiusClient, RadiusSettings
from simulator.server.serve import serve
radius = RadiusSettings(clients=(RadiusClient(secret="hush-hush-hush-hush"),))
sys.exit(asyncio.run(serve(ServerSettings.on_free_ports(radius=radius), wire="auto")))
"""


def test_why_a_login_is_refused_and_who_is_not_answered_is_told():
    from simulator.protocol.radius.fields import Bearer, bearer_attributes
    from simulator.protocol.radius.packet import encode_request

    async def scene():
        process, table = await started(KNOWN_SECRET)
        assert "secret" not in table  # who gave it knows it
        port = int(table["RADIUS"].rsplit(":", 1)[1])
        said = bearer_attributes(Bearer(imsi="242016000000001", imeisv="3534561234567801", nas_id="pgw-1"))
        with socket.socket(type=socket.SOCK_DGRAM) as gateway:
            for number, secret in enumerate((b"hush-hush-hush-hush", b"hush-hush-hush-hush", b"hush")):
                request = encode_request(1, number, said, secret, bytes((number,)) * 16)
                gateway.sendto(request, ("127.0.0.1", port))
            lines = {(await process.stdout.readline()).decode() for _ in range(2)}
        who = "imsi 242016000000001, imei 3534561234567801, gateway pgw-1"
        lines = {line[STAMP:] for line in lines}
        assert f"login refused: Device does not exist ({who}), 2 times\n" in lines
        assert any(line.startswith("RADIUS: 1 not answered: wrong Message-Authenticator, last from") for line in lines)
        process.send_signal(signal.SIGTERM)
        rest, errors = await process.communicate()
        assert b"hush" not in rest + errors + "".join(lines).encode()

    asyncio.run(asyncio.wait_for(scene(), 30))
