"""A run that is told to end does so in order within two seconds, whatever it is doing; one that is killed keeps what
it had."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

PROMPT_S = 2.0
"""The promise."""

BUSY = """\
scenario: A day of many meters
devices:
  meters: {{count: {count}, link: nb-iot-ce1}}
steps:
  - {{attach: meters, over: {over}}}
  - {{upload: meters, payload: 24 B, every: 10 min, for: 24 h, outcome: any}}
"""
SLOW = """\
scenario: One meter waits
devices:
  m: {}
steps:
  - attach: m
  - together:
      - wait: 60 s
      - {upload: m, payload: 3 B, expect: [upstreamMessage], never: [downstreamMessage], within: 60 s}
      - {restart: platform, lasting: 60 s}
"""


def start(tmp_path, text, *options):
    path = tmp_path / "story.yaml"
    path.write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "simulator", "run", str(path), "--out", str(tmp_path / "out"), *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def journal_of(tmp_path):
    path = tmp_path / "out" / "journal.jsonl"
    return path.read_bytes() if path.exists() else b""


def wait_for(condition, process, limit_s=60.0):
    """Until something has happened in another process."""
    until = time.monotonic() + limit_s
    while not condition():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < until, "it did not come to that"
        time.sleep(0.01)


def ends(process, number):
    """Tell it to end. Returns: how long that took, its exit code, and what it said."""
    began = time.monotonic()
    process.send_signal(number)
    try:
        said, _ = process.communicate(timeout=20)
    finally:
        process.kill()
    return time.monotonic() - began, process.returncode, said


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize(
    ("text", "seen", "options"),
    [
        pytest.param(BUSY.format(count=300, over="10 s"), b'"verb":"upload"', (), id="a busy stretch"),
        pytest.param(SLOW, b'"verb":"restart"', ("--time", "real"), id="waiting in real time"),
    ],
)
def test_a_signal_ends_the_run_in_order(tmp_path, text, seen, options, number, code):
    process = start(tmp_path, text, *options)
    wait_for(lambda: seen in journal_of(tmp_path), process)
    took_s, came, said = ends(process, number)
    assert came == code, said
    assert took_s < PROMPT_S, said
    assert "Traceback" not in said
    lines = journal_of(tmp_path).splitlines()
    why = "interrupted" if number == signal.SIGINT else "terminated"
    assert json.loads(lines[-1]) | {"t_s": 0} == {"kind": "end", "t_s": 0, "why": why}


@pytest.mark.parametrize("after_s", [0.0, 2.0])
def test_also_while_a_hundred_thousand_devices_are_planned_and_registered(tmp_path, after_s):
    process = start(tmp_path, BUSY.format(count=100_000, over="0 s"))
    wait_for((tmp_path / "out" / "journal.jsonl").exists, process)
    time.sleep(after_s)  # anywhere in there: what is going on then does not matter
    took_s, came, said = ends(process, signal.SIGTERM)
    assert came == 143, said
    assert took_s < PROMPT_S, said
    assert "Traceback" not in said


def test_a_run_that_is_killed_keeps_whole_lines_of_nearly_everything(tmp_path):
    process = start(tmp_path, BUSY.format(count=300, over="10 s"))
    wait_for(lambda: b'"verb":"upload"' in journal_of(tmp_path), process)
    sizes = []
    for _ in range(3):
        time.sleep(0.7)  # of the wall: more than FLUSH_EVERY_S
        sizes.append(len(journal_of(tmp_path)))
    process.kill()
    process.communicate()
    assert sizes[0] < sizes[1] < sizes[2]
    for line in journal_of(tmp_path).splitlines():
        json.loads(line)


# --- a platform that hangs --------------------------------------------------------------------------------------------


class Hanging:
    """Between a run and a platform: passes everything on, until it is told to hang. A context manager."""

    def __init__(self, port):
        self._port, self.hangs, self._over = port, threading.Event(), threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._sockets, self._threads = [self._listener], []

    def __enter__(self):
        self._begin(self._accept)
        return self

    def __exit__(self, *_):
        self._over.set()
        for each in self._sockets:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        for each in self._sockets:
            each.close()

    def _begin(self, work, *args):
        thread = threading.Thread(target=work, args=args)
        self._threads.append(thread)
        thread.start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self._port))
                self._sockets += [near, far]
                self._begin(self._pass_on, near, far)
                self._begin(self._pass_on, far, near)

    def _pass_on(self, one, other):
        with contextlib.suppress(OSError):
            while data := one.recv(65536):
                if self.hangs.is_set():
                    self._over.wait()
                other.sendall(data)
            other.shutdown(socket.SHUT_WR)


@pytest.fixture
def platform():
    """`simulator serve`; yields its ports: API, CoAP, UDP."""
    command = [sys.executable, "-m", "simulator", "serve", "--token", "secret", "--quiet"]
    command += ["--api-port", "0", "--udp-port", "0", "--coap-port", "0"]
    command += ["--radius-port", "0", "--accounting-port", "0", "--no-inet", "--blob-port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    where = {}
    for line in process.stdout:
        what, _, value = line.partition(" ")
        where[what] = value.strip()
        if what == "read-only":
            break
    try:
        yield tuple(int(where[what].removesuffix("/span").rsplit(":", 1)[1]) for what in ("API", "CoAP", "UDP"))
    finally:
        process.terminate()
        process.communicate(timeout=10)


REMOTE = """\
scenario: Some meters wait
devices:
  m: {count: 300}
steps:
  - attach: m
  - wait: 60 s
"""


@pytest.mark.real
@pytest.mark.parametrize("hangs", [True, False], ids=["hanging", "answering"])
def test_a_platform_of_somebody_else_is_left_in_time(tmp_path, platform, hangs):
    api, coap, udp = platform
    with Hanging(api) as between:
        options = ["--target", f"http://127.0.0.1:{between.port}", "--token", "secret"]
        options += ["--coap", f"127.0.0.1:{coap}", "--udp", f"127.0.0.1:{udp}"]
        process = start(tmp_path, REMOTE, *options)
        wait_for(lambda: b'"step":1,"phase":"began"' in journal_of(tmp_path), process)
        if hangs:
            between.hangs.set()
        took_s, came, said = ends(process, signal.SIGINT)
    assert came == 130, said
    assert took_s < PROMPT_S, said
    assert "Traceback" not in said
    assert ("300 devices and 1 collection" in said) == hangs, said
