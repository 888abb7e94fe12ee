"""Runs in real time mostly wait, so they go on beside all other tests from the beginning, a few at a time.

Large ones in virtual time do not wait, but the machine has more than one core.
"""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

AT_A_TIME = 6
BESIDE = ("test_a_large_one_in_virtual_time", "test_in_real_time")
"""Tests that are run beside the others."""
RUN_LIMIT_S = 120.0

Run = tuple[Path, tuple[str, ...]]


class RealRuns:
    """One process for each scenario and its options."""

    def __init__(self, wanted: list[Run], folder: Path) -> None:
        self._pool = ThreadPoolExecutor(AT_A_TIME)
        self._under_way: dict[int, subprocess.Popen[str]] = {}
        self._closed = False
        self._runs: dict[Run, Future[tuple[int, str]]] = {
            run: self._pool.submit(self._one, *run, folder / str(number)) for number, run in enumerate(wanted)
        }

    def ended(self, path: Path, options: tuple[str, ...], patience_s: float) -> tuple[int, str]:
        """Exit code and output of one of them."""
        return self._runs[path, options].result(patience_s)

    def close(self) -> None:
        """Nothing goes on after the tests."""
        self._closed = True
        self._pool.shutdown(wait=False, cancel_futures=True)
        for process in list(self._under_way.values()):
            process.kill()
        self._pool.shutdown()

    def _one(self, path: Path, options: tuple[str, ...], out: Path) -> tuple[int, str]:
        command = [sys.executable, "-m", "simulator", "run", str(path), *options, "--out", str(out)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
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
        return process.returncode, said


_running: list[RealRuns] = []


def pytest_collection_finish(session: pytest.Session) -> None:
    """Begin with those that were chosen."""
    wanted = [
        (item.callspec.params["path"], item.callspec.params["options"])
        for item in session.items
        if isinstance(item, pytest.Function) and item.originalname in BESIDE
    ]
    if wanted and not session.config.option.collectonly:
        factory = session.config._tmp_path_factory  # type: ignore[attr-defined]  # what the fixture of that name is
        _running.append(RealRuns(wanted, factory.mktemp("real")))


def pytest_sessionfinish() -> None:
    """Nothing is left behind, also not after a broken session."""
    while _running:
        _running.pop().close()


@pytest.fixture(scope="session")
def real_runs() -> RealRuns:
    """The runs that are under way."""
    return _running[0]
