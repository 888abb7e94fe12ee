"""Scenario files and rehearsals as tests of pytest (scenarios §8).

Everything that takes time to import is imported by the test that needs it: a run of pytest that has nothing to do with
this pays for these three files alone.
"""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from simulator.pytest_plugin import coroutines, files

rehearsal = coroutines.rehearsal

__all__ = ["rehearsal"]

MAX_SEED = 2**63 - 1


def pytest_addoption(parser: pytest.Parser) -> None:
    """What a command line, or a configuration file, may say."""
    group = parser.getgroup("simulator", "scenarios and rehearsals")
    group.addoption(
        "--simulator-seed",
        type=_seed,
        default=None,
        metavar="NUMBER",
        help="run scenarios and rehearsals with this seed instead of their own",
    )
    group.addoption(
        "--simulator-time",
        choices=("virtual", "real"),
        default=None,
        help="run scenarios and rehearsals in this time (default: virtual, or what a test's marker says)",
    )
    parser.addini(
        "simulator_scenarios",
        type="args",
        default=list(files.FOLDERS),
        help="names of folders whose YAML files are scenarios (default: scenarios); empty: only files that are named",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Announce the marker."""
    config.addinivalue_line("markers", coroutines.MARKER)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Scenario files."""
    return files.collect(file_path, parent)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_pycollect_makeitem(collector: pytest.Collector, name: str, obj: object) -> Generator[None, object, object]:
    """Coroutine functions that ask for `rehearsal`; before any plugin for asynchronous tests takes them for its own."""
    coroutines.adopt(collector, name, obj)
    return (yield)


def _seed(text: str) -> int:
    """A seed as in a file. Raises: ValueError, which becomes a line for the user."""
    seed = int(text)
    if not 0 <= seed <= MAX_SEED:
        raise ValueError(text)
    return seed
