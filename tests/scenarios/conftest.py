"""Running scenario files as a user would, but in this process."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulator.events.journal import Journal
from simulator.report import text
from simulator.report.ran import Ran
from simulator.run.settings import RunSettings
from simulator.run.start import rehearse
from simulator.scenario import load


class Onlooker:
    """Looks on and remembers what it was told."""

    def __init__(self):
        self.steps: list[str] = []
        self.findings: list[str] = []

    def step(self, number, count, text, now):
        self.steps.append(text)

    def finding(self, finding):
        self.findings.append(str(finding))

    def progress(self, now, acts, events):
        pass


@pytest.fixture
def run_scenario():
    """Run a file; returns its verdicts, the report and the journal's bytes."""

    def run(path: Path, **settings):
        scenario = load(path)
        lines: list[bytes] = []
        onlooker = Onlooker()
        result = rehearse(scenario, RunSettings(**settings), Journal(lines.append), onlooker)
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
