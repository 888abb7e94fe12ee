"""Our devices' DTLS port and CoAP engine against foreign servers: libcoap's on OpenSSL and GnuTLS, and s_server."""

from __future__ import annotations

import asyncio
import shutil
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from simulator.acts import Answer, Broken, Connected, NoAnswer, Rejected, Result
from simulator.clock import WallClock
from simulator.protocol.coap.client import Engine
from simulator.protocol.dtls.client import ClientContext
from simulator.protocol.dtls.identity import Identity, load_identity
from simulator.protocol.dtls.settings import Settings
from simulator.wire.address import address, ipv4
from simulator.wire.drivers.awaiting import AwaitingClient
from simulator.wire.drivers.real import RealTimers
from simulator.wire.dtls import CLOSED_BY_PLATFORM, DtlsPort, Hello
from simulator.wire.real import open_wire

from ..protocol.dtls.authority import TestAuthority

PROGRAMS = ("openssl", "coap-server-openssl", "coap-server-gnutls")
MISSING = [name for name in PROGRAMS if shutil.which(name) is None]
pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)} (Debian: openssl, libcoap3-bin)"),
]

DEVICE, OTHER = ipv4("127.64.2.1"), ipv4("127.64.2.2")
PATIENCE_S = 20.0
CREATED, CHANGED, CONTENT = 0x41, 0x44, 0x45
PUT = 3
LARGE = bytes(range(256)) * 12  # 3 KiB
SUITES = {"gcm": "ECDHE-ECDSA-AES128-GCM-SHA256", "ccm8": "ECDHE-ECDSA-AES128-CCM8:@SECLEVEL=0"}
LIBRARIES = ("openssl", "gnutls")


class Files:
    """An authority with a device and a server, in files as the programs want them."""

    def __init__(self, folder: Path, title: str) -> None:
        folder.mkdir()
        self.folder = folder
        self.authority = TestAuthority(title, int(time.time()))
        for name in ("device", "server"):
            certificate, key = self.authority.leaf(name, client=name == "device")
            self._write(name, certificate)
            self._write(f"{name}-key", key)
            self._write(f"{name}-both", certificate + key)
        self._write("root", self.authority.root_pem)
        self._write("intermediate", self.authority.intermediate_pem)
        self._write("trust", self.authority.trust_pem)

    def _write(self, name: str, content: bytes) -> None:
        (self.folder / f"{name}.pem").write_bytes(content)

    def __call__(self, name: str) -> str:
        return str(self.folder / f"{name}.pem")

    def identity(self) -> Identity:
        return load_identity(self("device"), self("device-key"))


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return Files(tmp_path_factory.mktemp("servers") / "ours", "Ours")


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return Files(tmp_path_factory.mktemp("servers") / "foreign", "Foreign")


class Devices:
    """What a run's devices speak through, on real sockets, and the foreign server's address."""

    def __init__(self, server: int) -> None:
        self.server = server
        self.clock = WallClock()
        self.timers = RealTimers(self.clock, asyncio.get_running_loop())
        self._happened = asyncio.Event()
        self.heard: list[tuple[bytes, int]] = []
        self.lost: list[tuple[int, str]] = []
        self.sessions: DtlsPort
        self.client: AwaitingClient

    def attach(self, port: Any, *, raw: bool) -> None:
        self.sessions = DtlsPort(port, self.timers, self.clock)
        engine = Engine(self.timers, self.sessions.send, 1)
        self.client = AwaitingClient(engine, self.clock)
        self.sessions.attach(self._hear if raw else engine.receive, self._lost, lambda _ip, _now: True)

    def _hear(self, data: bytes, _peer: int, ip: int, _now: float) -> None:
        self.heard.append((data, ip))
        self._happened.set()

    def _lost(self, ip: int, why: str, _now: float) -> None:
        self.lost.append((ip, why))
        self._happened.set()

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not holds():
                self._happened.clear()
                await self._happened.wait()

    async def connect(self, trust: bytes, identity: Identity | None, suite: str = "gcm", ip: int = DEVICE) -> Result:
        told: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        context = ClientContext(trust, Settings(ciphers=(suite,), first_timeout_s=0.2))
        self.say_hello(Hello(context=context, identity=identity), told, ip)
        return await asyncio.wait_for(told, PATIENCE_S)

    def say_hello(self, hello: Hello, told: asyncio.Future[Result], ip: int = DEVICE) -> None:
        self.sessions.connect(
            ip, self.server, hello, lambda _argument, result, _now: told.set_result(result), None, self.clock.now()
        )
        self.sessions.flush()

    async def ask(self, code: int, path: str, payload: bytes = b"", ip: int = DEVICE) -> Answer | NoAnswer:
        return await asyncio.wait_for(self.client.request(ip, self.server, code, path, payload), PATIENCE_S)

    def send(self, data: bytes) -> None:
        self.sessions.send(data, self.server, DEVICE)
        self.sessions.flush()

    def hang_up(self) -> None:
        self.sessions.hang_up(DEVICE, self.clock.now())
        self.sessions.flush()


class Program:
    """A foreign server, and what it has printed."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process, self.said = process, b""

    async def says(self, words: bytes) -> None:
        assert self._process.stdout is not None
        async with asyncio.timeout(PATIENCE_S):
            while words not in self.said:
                piece = await self._process.stdout.read(65536)
                assert piece, self.said.decode("latin-1")
                self.said += piece

    def write(self, data: bytes) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(data)

    def interrupt(self) -> None:
        self._process.send_signal(signal.SIGINT)


def free_ports() -> int:
    """The first of two neighbours: coap-server takes the next one for DTLS."""
    for _ in range(100):
        with (
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as next_one,
        ):
            one.bind(("127.0.0.1", 0))
            number = int(one.getsockname()[1])
            try:
                next_one.bind(("127.0.0.1", number + 1))
            except (OSError, OverflowError):
                continue
            return number
    raise AssertionError("no two ports beside each other are free")


@asynccontextmanager
async def scene(port: int, *command: str, raw: bool = False) -> AsyncIterator[tuple[Devices, Program]]:
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    it = Devices(address("127.0.0.1", port))
    try:
        wire = await open_wire("auto", it.clock, asyncio.get_running_loop())
        try:
            line = await wire.open("0.0.0.0", 0, lambda *datagram: it.sessions.receive(*datagram))
            it.attach(line, raw=raw)
            yield it, Program(process)
        finally:
            it.timers.close()
            await wire.close()
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


Story = Callable[[Devices, Program], Coroutine[Any, Any, None]]


def with_coap_server(story: Story, library: str, files: Files, trusted: Files) -> None:
    """coap-server with a certificate, which wants to see one, too."""

    async def main() -> None:
        port = free_ports()
        command = [f"coap-server-{library}", "-A", "127.0.0.1", "-p", str(port), "-v", "7"]
        command += ["-c", files("server-both"), "-C", trusted("trust"), "-R", trusted("trust")]
        async with scene(port + 1, *command) as (devices, program):
            await story(devices, program)

    asyncio.run(main())


def with_s_server(story: Story, files: Files, trusted: Files, suite: str = "gcm") -> None:
    """`openssl s_server`, which insists on a good certificate."""

    async def main() -> None:
        port = free_ports()
        command = ["openssl", "s_server", "-dtls1_2", "-accept", f"127.0.0.1:{port}", "-mtu", "1280"]
        command += ["-cert", files("server"), "-key", files("server-key"), "-cert_chain", files("intermediate")]
        command += ["-CAfile", trusted("root"), "-Verify", "3", "-verify_return_error", "-cipher", SUITES[suite]]
        async with scene(port, *command, raw=True) as (devices, program):
            await program.says(b"ACCEPT")
            await story(devices, program)

    asyncio.run(main())


# --- libcoap ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("suite", SUITES)
def test_coap_in_a_session_with_libcoap(ours: Files, library: str, suite: str) -> None:
    async def story(devices: Devices, program: Program) -> None:
        identity, trust = ours.identity(), ours.authority.trust_pem  # libcoap on OpenSSL sends its leaf alone
        assert isinstance(await devices.connect(trust, identity, suite), Connected)
        found = await devices.ask(1, "/")
        assert isinstance(found, Answer)
        assert (found.code, b"libcoap" in found.payload) == (CONTENT, True)
        for payload in (b"small", LARGE):
            answer = await devices.ask(PUT, "example_data", payload)
            assert isinstance(answer, Answer)
            assert answer.code in (CREATED, CHANGED)
            kept = await devices.ask(1, "example_data")
            assert isinstance(kept, Answer)
            assert kept.payload == payload
        # A second device has a session of its own.
        assert isinstance(await devices.connect(trust, identity, suite, OTHER), Connected)
        assert isinstance(await devices.ask(1, "example_data", ip=OTHER), Answer)
        assert devices.sessions.sessions.handshakes == devices.sessions.count == 2
        devices.hang_up()
        await program.says(b"close" if library == "openssl" else b"session disconnected")
        assert devices.lost == []

    with_coap_server(story, library, ours, ours)


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_device_notices_that_libcoap_goes(ours: Files, library: str) -> None:
    async def story(devices: Devices, program: Program) -> None:
        assert isinstance(await devices.connect(ours.authority.trust_pem, ours.identity()), Connected)
        assert isinstance(await devices.ask(1, "/"), Answer)
        program.interrupt()
        await devices.until(lambda: bool(devices.lost))
        assert devices.lost == [(DEVICE, CLOSED_BY_PLATFORM)]
        assert devices.sessions.count == 0

    with_coap_server(story, library, ours, ours)


@pytest.mark.parametrize("library", LIBRARIES)
def test_libcoap_refuses_a_device_of_another_authority(ours: Files, foreign: Files, library: str) -> None:
    async def story(devices: Devices, _program: Program) -> None:
        result = await devices.connect(foreign.authority.trust_pem, ours.identity())
        assert isinstance(result, Rejected), result
        assert "unknown ca" in result.reason or "certificate" in result.reason or "handshake failure" in result.reason
        assert devices.sessions.count == 0

    with_coap_server(story, library, foreign, foreign)


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_device_refuses_libcoap_with_a_certificate_of_another_authority(
    ours: Files, foreign: Files, library: str
) -> None:
    async def story(devices: Devices, _program: Program) -> None:
        result = await devices.connect(ours.authority.root_pem, ours.identity())
        assert result == Broken("the device refuses the platform's certificate: unknown issuer")
        assert devices.sessions.count == 0

    with_coap_server(story, library, foreign, ours)


# --- s_server ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suite", SUITES)
def test_raw_payloads_in_a_session_with_s_server(ours: Files, suite: str) -> None:
    async def story(devices: Devices, program: Program) -> None:
        result = await devices.connect(ours.authority.root_pem, ours.identity(), suite)
        assert isinstance(result, Connected)
        assert not result.resumed
        devices.send(b"from a device\n")
        await program.says(b"from a device\n")
        program.write(b"from s_server\n")
        await devices.until(lambda: devices.heard == [(b"from s_server\n", DEVICE)])
        await program.says(f"CIPHER is {SUITES[suite].partition(':')[0]}".encode())
        devices.hang_up()
        await program.says(b"DONE")

    with_s_server(story, ours, ours, suite)


def test_a_second_session_with_s_server_is_resumed(ours: Files) -> None:
    async def story(devices: Devices, program: Program) -> None:
        hello = Hello(context=ClientContext(ours.authority.root_pem), identity=ours.identity())
        for number in range(2):
            told: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
            devices.say_hello(hello, told)
            result = await asyncio.wait_for(told, PATIENCE_S)
            assert isinstance(result, Connected)
            assert result.resumed == bool(number)
            devices.send(b"message %d\n" % number)
            await program.says(b"message %d\n" % number)
            devices.hang_up()

    with_s_server(story, ours, ours)


def test_s_server_refuses_a_device(ours: Files, foreign: Files) -> None:
    async def story(devices: Devices, _program: Program) -> None:
        for identity, alert in ((ours.identity(), "unknown ca"), (None, "handshake failure")):
            result = await devices.connect(foreign.authority.root_pem, identity)
            assert isinstance(result, Rejected)
            assert result.reason == alert
        assert devices.sessions.count == 0

    with_s_server(story, foreign, foreign)


def test_a_device_refuses_s_server(ours: Files, foreign: Files) -> None:
    async def story(devices: Devices, program: Program) -> None:
        result = await devices.connect(ours.authority.root_pem, ours.identity())
        assert result == Broken("the device refuses the platform's certificate: unknown issuer")
        await program.says(b"alert unknown ca")

    with_s_server(story, foreign, ours)
