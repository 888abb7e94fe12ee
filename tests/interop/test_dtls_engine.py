"""Our DTLS engine against OpenSSL's command line and GnuTLS's, in both roles, on loopback."""

from __future__ import annotations

import select
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from simulator.clock import WallClock
from simulator.protocol.dtls.client import ClientContext, ClientSession, State
from simulator.protocol.dtls.identity import Identity
from simulator.protocol.dtls.server import Association, Server, ServerContext
from simulator.protocol.dtls.settings import Settings
from simulator.wire.address import address, host_text, port_of
from simulator.wire.calendar import Calendar

from ..protocol.dtls.authority import TestAuthority

OPENSSL, GNUTLS_CLIENT, GNUTLS_SERVER = (shutil.which(name) for name in ("openssl", "gnutls-cli", "gnutls-serv"))
pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(OPENSSL is None, reason="openssl is not installed (Debian: openssl)"),
]
needs_gnutls = pytest.mark.skipif(
    GNUTLS_CLIENT is None or GNUTLS_SERVER is None, reason="GnuTLS is not installed (Debian: gnutls-bin)"
)
SUITES = {"gcm": "ECDHE-ECDSA-AES128-GCM-SHA256", "ccm8": "ECDHE-ECDSA-AES128-CCM8:@SECLEVEL=0"}
PRIORITIES = {"gcm": "+AES-128-GCM", "ccm8": "+AES-128-CCM-8"}
PATIENCE_S = 15.0
CLOCK = WallClock()


class Files:
    """Certificates of one authority, as objects and as files of the tools."""

    def __init__(self, folder: Path, title: str) -> None:
        self.folder = folder
        folder.mkdir()
        self.authority = TestAuthority(title, CLOCK.unix_ns() // 10**9)
        self.pem = {
            "client": self.authority.leaf("interop-client"),
            "server": self.authority.leaf("interop-server", client=False),
        }
        for name, (certificate, key) in self.pem.items():
            (folder / f"{name}.pem").write_bytes(certificate)
            (folder / f"{name}-key.pem").write_bytes(key)
        (folder / "intermediate.pem").write_bytes(self.authority.intermediate_pem)
        (folder / "root.pem").write_bytes(self.authority.root_pem)
        (folder / "trust.pem").write_bytes(self.authority.trust_pem)

    def identity(self, name: str) -> Identity:
        return Identity.from_pem(*self.pem[name])

    def openssl(self, name: str) -> list[str]:
        it = self.folder
        return [
            "-cert", f"{it / name}.pem", "-key", f"{it / name}-key.pem", "-cert_chain", f"{it / 'intermediate.pem'}",
        ]  # fmt: skip


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return Files(tmp_path_factory.mktemp("dtls") / "ours", "Ours")


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return Files(tmp_path_factory.mktemp("dtls") / "foreign", "Foreign")


@contextmanager
def program(*command: str | None) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def said(process: subprocess.Popen[bytes], words: bytes, meanwhile: Callable[[], object]) -> bytes:
    """What the program writes until these words are in it, or until it ends."""
    text, end = b"", time.monotonic() + PATIENCE_S
    assert process.stdout is not None
    while words not in text and time.monotonic() < end:
        meanwhile()
        if select.select([process.stdout], [], [], 0.01)[0]:
            piece = process.stdout.read1(65536)  # type: ignore[attr-defined]
            if not piece:
                break
            text += piece
    assert words in text, text.decode("latin-1")
    return text


def write(process: subprocess.Popen[bytes], data: bytes) -> None:
    assert process.stdin is not None
    process.stdin.write(data)
    process.stdin.flush()


class ServerEnd:
    """Our server on a socket; it notes everything."""

    def __init__(self, files: Files, settings: Settings) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.calendar = Calendar()
        self.events: list[tuple[str, object]] = []
        context = ServerContext(
            files.identity("server"), files.authority.trust_pem, settings=settings, unix_ns=CLOCK.unix_ns,
            accept=lambda _peer: "",
        )  # fmt: skip
        self.server = Server(
            context, self.calendar, self._transmit, connected=self._connected, data=self._data,
            closed=lambda _session, why, _now: self.events.append(("closed", why)),
            failed=lambda _peer, why, _now, _shown: self.events.append(("failed", why)), seed=1,
        )  # fmt: skip

    def turn(self) -> None:
        self.calendar.expire(CLOCK.now())
        while select.select([self.socket], [], [], 0.005)[0]:
            data, (host, port) = self.socket.recvfrom(65536)
            self.server.receive(data, address(host, port), 0x7F000001, CLOCK.now())

    def until(self, what: str) -> object:
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            self.turn()
            for name, detail in self.events:
                if name == what:
                    return detail
        raise AssertionError(f"no {what} in {self.events}, {self.server.counts}")

    def _transmit(self, data: bytes, peer: int, _ip: int) -> None:
        self.socket.sendto(data, (host_text(peer), port_of(peer)))

    def _connected(self, session: Association, _now: float) -> bool:
        self.events.append(("connected", (session.certificate.common_name, session.resumed)))
        return True

    def _data(self, session: Association, data: bytes, now: float) -> None:
        self.events.append(("data", data))
        self.server.send(session, b"echo " + data, now)


@contextmanager
def server_end(files: Files, settings: Settings | None = None) -> Iterator[ServerEnd]:
    it = ServerEnd(files, settings or Settings())
    try:
        yield it
    finally:
        it.socket.close()


class ClientEnd:
    """Our client on a socket."""

    def __init__(self, port: int, session: ClientSession) -> None:
        self.session = session
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.to = ("127.0.0.1", port)
        session.start(CLOCK.now())
        self.flush()

    def flush(self) -> None:
        for data in self.session.out():
            self.socket.sendto(data, self.to)

    def turn(self) -> None:
        now = CLOCK.now()
        if self.session.deadline is not None and now >= self.session.deadline:
            self.session.expire(now)
        while select.select([self.socket], [], [], 0.005)[0]:
            self.session.feed(self.socket.recv(65536), CLOCK.now())
        self.flush()

    def until(self, condition: Callable[[], object]) -> None:
        end = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < end, (self.session.state, self.session.end)
            self.turn()

    def send(self, data: bytes) -> None:
        self.session.send(data, CLOCK.now())
        self.flush()


@contextmanager
def client_end(port: int, session: ClientSession) -> Iterator[ClientEnd]:
    it = ClientEnd(port, session)
    try:
        yield it
    finally:
        it.socket.close()


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def context(files: Files, suite: str = "gcm") -> ClientContext:
    return ClientContext(files.authority.root_pem, Settings(ciphers=(suite,), first_timeout_s=0.2), CLOCK.unix_ns)


def openssl_server(files: Files, trusted: Files, port: int, suite: str = "gcm") -> list[str | None]:
    return [
        OPENSSL, "s_server", "-dtls1_2", "-accept", f"127.0.0.1:{port}", "-quiet",
        "-Verify", "3", "-verify_return_error",
        "-CAfile", f"{trusted.folder / 'root.pem'}", "-cipher", SUITES[suite], "-mtu", "1280", *files.openssl("server"),
    ]  # fmt: skip


def openssl_client(files: Files, trusted: Files, port: int, suite: str = "gcm") -> list[str | None]:
    return [
        OPENSSL, "s_client", "-dtls1_2", "-connect", f"127.0.0.1:{port}", "-verify_return_error", "-quiet",
        "-CAfile", f"{trusted.folder / 'root.pem'}", "-cipher", SUITES[suite], *files.openssl("client"),
    ]  # fmt: skip


@pytest.mark.parametrize("suite", SUITES)
def test_our_client_and_openssls_server(ours: Files, suite: str) -> None:
    port = free_port()
    session = ClientSession(context(ours, suite), ours.identity("client"))
    with program(*openssl_server(ours, ours, port, suite)) as process, client_end(port, session) as it:
        it.until(lambda: session.state is not State.HANDSHAKE)
        assert (session.state, session.end) == (State.CONNECTED, "")
        assert session.peer is not None
        assert session.peer.common_name == "interop-server"
        it.send(b"from our client\n")
        said(process, b"from our client", it.turn)
        write(process, b"from openssl\n")
        it.until(lambda: b"from openssl\n" in b"".join(session.received()))
        session.close(CLOCK.now())
        it.flush()


def test_our_client_resumes_with_openssls_server(ours: Files) -> None:
    port = free_port()
    shared = context(ours)
    with program(*openssl_server(ours, ours, port)) as process:
        first = ClientSession(shared, ours.identity("client"))
        with client_end(port, first) as it:
            it.until(lambda: first.state is State.CONNECTED)
            it.send(b"first\n")
            said(process, b"first", it.turn)
            first.close(CLOCK.now())
            it.flush()
        second = ClientSession(shared, ours.identity("client"), first.resumption)
        with client_end(port, second) as it:
            it.until(lambda: second.state is State.CONNECTED)
            assert second.resumed
            it.send(b"second\n")
            said(process, b"second", it.turn)


@pytest.mark.parametrize(
    ("theirs", "trusted", "end"),
    [("ours", "foreign", "alert: unknown ca"), ("foreign", "ours", "refused: unknown issuer")],
)
def test_our_client_and_openssls_server_do_not_trust_each_other(
    request: pytest.FixtureRequest, ours: Files, theirs: str, trusted: str, end: str
) -> None:
    port = free_port()
    files = (request.getfixturevalue(theirs), request.getfixturevalue(trusted))
    session = ClientSession(context(ours), ours.identity("client"))
    with program(*openssl_server(*files, port)), client_end(port, session) as it:
        it.until(lambda: session.state is State.CLOSED)
    assert session.end == end


@pytest.mark.parametrize("suite", SUITES)
def test_openssls_client_and_our_server(ours: Files, suite: str) -> None:
    settings = Settings(ciphers=(suite,))
    with server_end(ours, settings) as it, program(*openssl_client(ours, ours, it.port, suite)) as process:
        assert it.until("connected") == ("interop-client", False)
        write(process, b"from openssl\n")
        assert it.until("data") == b"from openssl\n"
        said(process, b"echo from openssl", it.turn)
        it.server.stop(CLOCK.now())
        assert process.wait(PATIENCE_S) is not None


def test_openssls_client_resumes_with_our_server(ours: Files, tmp_path: Path) -> None:
    with server_end(ours) as it:
        for option in ("-sess_out", "-sess_in"):
            command = [*openssl_client(ours, ours, it.port), option, str(tmp_path / "session.pem")]
            with program(*command) as process:
                it.until("connected")
                write(process, b"hello\n")
                said(process, b"echo hello", it.turn)
            if option == "-sess_out":
                assert (tmp_path / "session.pem").stat().st_size > 0
                assert it.events[0] == ("connected", ("interop-client", False))
                it.events.clear()
        assert it.events[0] == ("connected", ("interop-client", True))


@pytest.mark.parametrize(
    ("theirs", "trusted", "why"),
    [("foreign", "ours", "unknown issuer"), ("ours", "foreign", "alert: unknown ca")],
)
def test_openssls_client_and_our_server_do_not_trust_each_other(
    request: pytest.FixtureRequest, ours: Files, theirs: str, trusted: str, why: str
) -> None:
    files = (request.getfixturevalue(theirs), request.getfixturevalue(trusted))
    with server_end(ours) as it, program(*openssl_client(*files, it.port)) as process:
        assert it.until("failed") == why
        if theirs == "foreign":
            said(process, b"unknown ca", it.turn)


def test_openssls_client_loses_our_last_flight(ours: Files) -> None:
    """It repeats its Finished under a new number; ours comes again."""
    with server_end(ours) as it:
        transmit, lost = it.server._transmit, []

        def losing(data: bytes, peer: int, ip: int) -> None:
            if data[0] == 20 and len(lost) < 2:
                lost.append(data)
            else:
                transmit(data, peer, ip)

        it.server._transmit = losing
        with program(*openssl_client(ours, ours, it.port)) as process:
            it.until("connected")
            write(process, b"after all\n")
            assert it.until("data") == b"after all\n"
        assert len(lost) == 2


@needs_gnutls
@pytest.mark.parametrize("suite", PRIORITIES)
def test_gnutlss_client_and_our_server(ours: Files, suite: str) -> None:
    priority = f"NONE:+VERS-DTLS1.2:+ECDHE-ECDSA:{PRIORITIES[suite]}:+AEAD:+SIGN-ALL:+GROUP-SECP256R1:+CTYPE-X509"
    with server_end(ours) as it:
        command = [
            GNUTLS_CLIENT, "--udp", "--port", str(it.port), "--priority", priority, "--no-ca-verification",
            "--mtu", "1280",
            "--x509certfile", str(ours.folder / "client.pem"), "--x509keyfile", str(ours.folder / "client-key.pem"),
            "127.0.0.1",
        ]  # fmt: skip
        with program(*command) as process:
            assert it.until("connected") == ("interop-client", False)
            write(process, b"from gnutls\n")
            assert it.until("data") == b"from gnutls\n"
            said(process, b"echo from gnutls", it.turn)


@needs_gnutls
@pytest.mark.parametrize("suite", PRIORITIES)
def test_our_client_and_gnutlss_server(ours: Files, suite: str) -> None:
    port = free_port()
    priority = f"NONE:+VERS-DTLS1.2:+ECDHE-ECDSA:{PRIORITIES[suite]}:+AEAD:+SIGN-ALL:+GROUP-SECP256R1:+CTYPE-X509"
    command = [
        GNUTLS_SERVER, "--udp", "--echo", "--port", str(port), "--priority", priority, "--mtu", "1280",
        "--x509cafile", str(ours.folder / "trust.pem"), "--require-client-cert", "--verify-client-cert",
        "--x509certfile", str(ours.folder / "server.pem"), "--x509keyfile", str(ours.folder / "server-key.pem"),
    ]  # fmt: skip
    session = ClientSession(context(ours, suite), ours.identity("client"))
    with program(*command), client_end(port, session) as it:
        it.until(lambda: session.state is not State.HANDSHAKE)
        assert (session.state, session.end) == (State.CONNECTED, "")
        it.send(b"from our client\n")
        it.until(lambda: b"from our client\n" in b"".join(session.received()))
