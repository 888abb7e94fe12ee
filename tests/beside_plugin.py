"""Runs in real time mostly wait, so they go on beside all other tests from the beginning, a few at a time.

Large ones in virtual time do not wait, but the machine has more than one core. Where several processes share the tests
(pytest-xdist), the first of them starts the runs, and whoever has the test of one looks for its result in a file.

A test says what is to be run by `@pytest.mark.beside(command=command_of)`: that is called with its parameters, and
returns the arguments of the interpreter; `{out}` in them is a folder of the run's own, `{port}` a free TCP port.
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
AT_A_TIME = 8
RUN_LIMIT_S = 120.0
LOOK_EVERY_S = 0.05

Command = tuple[str, ...]


class Runs:
    """One process for each command; results are files below `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._pool = ThreadPoolExecutor(AT_A_TIME)
        self._under_way: dict[int, subprocess.Popen[str]] = {}
        self._closed = False

    def start(self, wanted: Iterable[Command]) -> None:
        """Begin with these, in this order."""
        for command in wanted:
            self._pool.submit(self._one, command)

    def ended(self, command: Command, patience_s: float) -> tuple[int, str]:
        """Exit code and output of one of them."""
        result = self._result(command)
        give_up_s = time.monotonic() + patience_s
        while not result.exists():
            assert time.monotonic() < give_up_s, f"{' '.join(command)} has not ended within {patience_s:g} s"
            time.sleep(LOOK_EVERY_S)
        returncode, said = json.loads(result.read_text(encoding="utf-8"))
        return returncode, said

    def close(self, *, wait: bool) -> None:
        """Nothing goes on after the tests; `wait`: for those whose results another process may still want."""
        if wait:
            self._pool.shutdown()
        self._closed = True
        self._pool.shutdown(wait=False, cancel_futures=True)
        for process in list(self._under_way.values()):
            process.kill()
        self._pool.shutdown()

    def out(self, command: Command) -> Path:
        """The folder of a run."""
        return self._result(command).with_suffix("")

    def _result(self, command: Command) -> Path:
        return self._folder / f"{hashlib.sha256(repr(command).encode()).hexdigest()[:16]}.json"

    def _one(self, command: Command) -> None:
        result, out = self._result(command), self.out(command)
        out.mkdir(exist_ok=True)
        port = _free_port()  # one for all places in which it stands
        words = [sys.executable, *(word.replace("{out}", str(out)).replace("{port}", port) for word in command)]
        process = subprocess.Popen(
            words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True, cwd=ROOT
        )
        self._under_way[process.pid] = process
        try:
            if self._closed:
                process.kill()
            said, _ = process.communicate(timeout=RUN_LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            said, _ = process.communicate()
        finally:
            del self._under_way[process.pid]
        draft = result.with_suffix(".draft")
        draft.write_text(json.dumps((process.returncode, said)), encoding="utf-8")
        draft.rename(result)  # whoever looks for it finds all of it or nothing


def _free_port() -> str:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return str(sock.getsockname()[1])


_running: list[Runs] = []


def _command(item: pytest.Item) -> Command | None:
    """What goes on beside, for this test; None: nothing."""
    mark = item.get_closest_marker("beside")
    if mark is None or not isinstance(item, pytest.Function):
        return None
    parameters = item.callspec.params if hasattr(item, "callspec") else {}
    return tuple(mark.kwargs["command"](**parameters))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Begin with those that were chosen."""
    wanted = [command for item in session.items if (command := _command(item)) is not None]
    if not wanted or session.config.option.collectonly:
        return
    base = session.config._tmp_path_factory.getbasetemp()  # type: ignore[attr-defined]  # what the fixture of that name is
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    folder = (base.parent if worker else base) / "beside"
    folder.mkdir(exist_ok=True)
    _running.append(Runs(folder))
    if worker in ("", "gw0"):
        _running[0].start(dict.fromkeys(wanted))


def pytest_sessionfinish(exitstatus: int) -> None:
    """Nothing is left behind, also not after a broken session."""
    while _running:
        _running.pop().close(wait=exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED))


@dataclass(frozen=True)
class Ended:
    """A run that is over."""

    code: int
    said: str
    out: Path


@pytest.fixture
def ended_beside(request: pytest.FixtureRequest) -> Callable[[float], Ended]:
    """Wait for the run of this test, so many seconds at most."""

    def wait(patience_s: float) -> Ended:
        command = _command(request.node)
        assert command is not None, "the test says nothing to be run beside it"
        code, said = _running[0].ended(command, patience_s)
        return Ended(code, said, _running[0].out(command))

    return wait
