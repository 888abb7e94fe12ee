"""What all tests share: where the repository is, and that continuous integration leaves nothing out unnoticed."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from simulator.assertions.judge import Finding, Judgement, Verdicts
from simulator.events.journal import Journal
from simulator.report import text
from simulator.report.ran import Ran
from simulator.run.settings import RunSettings
from simulator.run.start import rehearse
from simulator.scenario import load
from simulator.scenario.model import Scenario

pytest_plugins = ("tests.beside_plugin",)

ROOT = Path(__file__).resolve().parent.parent
IN_CI = bool(os.environ.get("SIMULATOR_CI"))

# A shared machine may pause for longer than any sensible deadline of one example; a hang is pytest-timeout's business.
settings.register_profile("house", deadline=None)
# CI says the same thing about the same code; the search for new examples goes on at the desks.
settings.register_profile("house-ci", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("house-ci" if IN_CI else "house")

NOT_SKIPPED_IN_CI = ("interop", "real")


@pytest.fixture(scope="session")
def root() -> Path:
    """The directory that the repository was cloned into."""
    return ROOT


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI an interop or real-time test that is skipped has failed: the machine lacks what the promise needs."""
    report = yield
    marks = [name for name in NOT_SKIPPED_IN_CI if item.get_closest_marker(name)]
    if IN_CI and report.skipped and marks and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped in CI, but marked {' and '.join(marks)}: {_reason(report.longrepr)}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """The same for a whole module under tests/interop/, which is skipped before its marks are known."""
    report = yield
    if IN_CI and report.skipped and "interop" in collector.path.parts:
        report.outcome = "failed"
        report.longrepr = f"skipped in CI, but an interop test: {_reason(report.longrepr)}"
    return report


def _reason(longrepr: object) -> str:
    return str(longrepr[2]) if isinstance(longrepr, tuple) else str(longrepr)


class Onlooker:
    """Looks on and remembers what it was told."""

    def __init__(self) -> None:
        self.steps: list[str] = []
        self.findings: list[str] = []

    def step(self, number: int, count: int, text: str, now: float) -> None:
        self.steps.append(text)

    def finding(self, finding: Finding) -> None:
        self.findings.append(str(finding))

    def decided(self, step: int, judgements: Sequence[Judgement]) -> None:
        pass

    def progress(self, now: float, acts: int, events: int) -> None:
        pass

    def stopping(self) -> None:
        pass


@pytest.fixture
def run_scenario() -> Callable[..., tuple[Verdicts, str, bytes]]:
    """Run a file, or one case of it, or what was read of it before; returns its verdicts, the report and the journal's
    bytes."""

    def run(
        path: Path, *, case: str = "", scenario: Scenario | None = None, **settings: Any
    ) -> tuple[Verdicts, str, bytes]:
        scenario = scenario or load(path, case=case)
        lines: list[bytes] = []
        onlooker = Onlooker()
        result = rehearse(scenario, RunSettings(**settings), Journal(lines.append), onlooker)
        if result.error is not None:
            raise result.error
        ran = Ran(
            promise=scenario.promise,
            file=str(path),
            seed=scenario.seed,
            time=settings.get("time", "virtual"),
            target=result.target,
            verdicts=result.verdicts,
            wall_s=0.0,
        )
        return result.verdicts, text.report(ran), b"".join(lines)

    return run
