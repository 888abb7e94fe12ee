"""What hostile tests share: a server in a process of its own, and platforms that answer whatever a test wants."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

TOKEN = "t0k"
OTHER_PORTS = ("--radius-port", "--accounting-port", "--dtls-port", "--coaps-port", "--https-port", "--blob-port")


class Server:
    """`simulator serve` on free ports, or on given ones."""

    def __init__(self, folder: Path, *options: str, ports: tuple[int, int, int] = (0, 0, 0)) -> None:
        self.log = folder / "serve.log"
        names = ("--api-port", "--udp-port", "--coap-port")
        where = [word for name, port in zip(names, ports, strict=True) for word in (name, str(port))]
        where += [word for name in OTHER_PORTS for word in (name, "0")]
        command = [sys.executable, "-m", "simulator", "serve", "--token", TOKEN, *where, *options]
        with self.log.open("wb") as out:
            self.process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)
        self.table = self._table()
        self.ports = tuple(
            int(self.table[what].removesuffix("/span").rpartition(":")[2]) for what in ("API", "UDP", "CoAP")
        )
        self.url = f"http://127.0.0.1:{self.ports[0]}"

    def _table(self) -> dict[str, str]:
        for _ in range(300):
            lines = self.log.read_text().splitlines()
            if lines and lines[-1].startswith("read-only"):
                return dict(line.split(maxsplit=1) for line in lines)
            assert self.process.poll() is None, lines
            time.sleep(0.05)
        raise AssertionError("it does not start")

    def said(self) -> str:
        """What it has printed besides its table."""
        return "\n".join(self.log.read_text().splitlines()[len(self.table) :])

    def rss_kib(self) -> int:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))

    def call(self, method: str, path: str, body: object = None) -> tuple[int, dict]:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"X-API-Token": TOKEN}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def exchange(self, raw: bytes) -> bytes:
        """Send bytes to the API's port; everything that comes back until the server hangs up."""
        with socket.create_connection(("127.0.0.1", self.ports[0]), timeout=10) as peer:
            with contextlib.suppress(OSError):
                peer.sendall(raw)
            answer = b""
            with contextlib.suppress(ConnectionError):
                while part := peer.recv(65536):
                    answer += part
        return answer

    def collection_with_device(self, address: str = "127.64.0.1") -> str:
        """Returns: path of a collection that has one device, in session at that address."""
        path = f"/span/collections/{self.call('POST', '/span/collections')[1]['collectionId']}"
        self.call("POST", f"{path}/devices", {"config": {"ciot": {"imsi": "1"}}})
        assert self.call("POST", "/simulator/login", {"imsi": "1", "address": address})[0] == 200
        return path

    def stop(self, number: int = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(10)


@pytest.fixture
def start_server(tmp_path):
    """Starts servers; what still runs at the end is killed."""
    servers = []

    def start(*options: str, **rest) -> Server:
        folder = tmp_path / f"server{len(servers)}"
        folder.mkdir()
        servers.append(Server(folder, *options, **rest))
        return servers[-1]

    yield start
    for server in servers:
        server.process.kill()
        server.process.wait(10)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """One server for all tests of a file that leave it as it was."""
    it = Server(tmp_path_factory.mktemp("server"), "--quiet")
    yield it
    it.process.kill()
    it.process.wait(10)


@pytest.fixture
def fake_platform():
    """Makes platforms: `make(answer)` has every connection answered by `answer(connection, request)`. Returns: URL."""
    listeners = []

    def make(answer) -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def serve_one(peer: socket.socket) -> None:
            with contextlib.suppress(OSError), peer:
                peer.settimeout(20)
                request = b""
                while b"\r\n\r\n" not in request and (part := peer.recv(65536)):
                    request += part
                answer(peer, request)

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    threading.Thread(target=serve_one, args=(listener.accept()[0],), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}"

    yield make
    for listener in listeners:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()


@pytest.fixture
def command(tmp_path):
    """Runs `simulator` to its end; text in, text out."""

    def run(*arguments: object, limit_s: float = 40, **options) -> subprocess.CompletedProcess[str]:
        words = [sys.executable, "-m", "simulator", *map(str, arguments)]
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
        return subprocess.run(words, cwd=tmp_path, text=True, timeout=limit_s, check=False, **options)

    return run
