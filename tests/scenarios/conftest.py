"""Runs in real time mostly wait, so they go on beside all other tests from the beginning, a few at a time.

Large ones in virtual time do not wait, but the machine has more than one core. Where several processes share the tests
(pytest-xdist), the first of them starts the runs, and whoever has the test of one looks for its result in a file.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

AT_A_TIME = 8
BESIDE = ("test_a_large_one_in_virtual_time", "test_in_real_time")
"""Tests that are run beside the others."""
RUN_LIMIT_S = 120.0
LOOK_EVERY_S = 0.05

Run = tuple[Path, tuple[str, ...]]


class RealRuns:
    """One process for each scenario and its options; results are files below `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._pool = ThreadPoolExecutor(AT_A_TIME)
        self._under_way: dict[int, subprocess.Popen[str]] = {}
        self._closed = False

    def start(self, wanted: list[Run]) -> None:
        """Begin with these, in this order."""
        for path, options in wanted:
            self._pool.submit(self._one, path, options)

    def ended(self, path: Path, options: tuple[str, ...], patience_s: float) -> tuple[int, str]:
        """Exit code and output of one of them."""
        result = self._result(path, options)
        give_up_s = time.monotonic() + patience_s
        while not result.exists():
            assert time.monotonic() < give_up_s, f"{path.name} has not ended within {patience_s:g} s"
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

    def _result(self, path: Path, options: tuple[str, ...]) -> Path:
        return self._folder / f"{hashlib.sha256(repr((str(path), options)).encode()).hexdigest()[:16]}.json"

    def _one(self, path: Path, options: tuple[str, ...]) -> None:
        result = self._result(path, options)
        out = result.with_suffix("")
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
        draft = result.with_suffix(".draft")
        draft.write_text(json.dumps((process.returncode, said)), encoding="utf-8")
        draft.rename(result)  # whoever looks for it finds all of it or nothing


_running: list[RealRuns] = []


def pytest_collection_finish(session: pytest.Session) -> None:
    """Begin with those that were chosen."""
    wanted = [
        (item.callspec.params["path"], item.callspec.params["options"])
        for item in session.items
        if isinstance(item, pytest.Function) and item.originalname in BESIDE
    ]
    if not wanted or session.config.option.collectonly:
        return
    base = session.config._tmp_path_factory.getbasetemp()  # type: ignore[attr-defined]  # what the fixture of that name is
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    folder = (base.parent if worker else base) / "beside"
    folder.mkdir(exist_ok=True)
    _running.append(RealRuns(folder))
    if worker in ("", "gw0"):
        _running[0].start(wanted)


def pytest_sessionfinish(exitstatus: int) -> None:
    """Nothing is left behind, also not after a broken session."""
    while _running:
        _running.pop().close(wait=exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED))


@pytest.fixture(scope="session")
def real_runs() -> RealRuns:
    """The runs that are under way."""
    return _running[0]
