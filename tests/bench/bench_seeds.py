"""False alarms: every built-in scenario with many seeds, in virtual time. On a healthy server there must be none.

    .venv/bin/python tests/bench/bench_seeds.py [--seeds 200] [-j 2] [FILE or FOLDER …]

Scenarios with more than 50 devices get a tenth of the seeds. One line per scenario: how many seeds passed, how long
they took, and the command that shows each alarm again. The exit code is 1 if there was any.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from simulator.errors import SimulatorError
from simulator.events.journal import Journal
from simulator.plan import make_plan
from simulator.run.settings import RunSettings
from simulator.run.start import rehearse
from simulator.run.watch import Nobody
from simulator.scenario import find, load, load_all
from simulator.scenario.model import Scenario

ROOT = Path(__file__).resolve().parents[2]
SEEDS = 200
MANY_DEVICES = 50
"""A scenario with more than so many gets a tenth of the seeds."""
SHOWN = 5
"""So many alarms of a scenario are shown."""


@dataclass(frozen=True)
class Outcome:
    """What one seed came to."""

    file: Path
    case: str
    seed: int
    verdict: str
    """`pass`, `fail`, `inconclusive`, `skipped`, or `error`."""
    words: str = ""
    """Why, where it did not pass."""
    wall_s: float = 0.0


def try_seed(file: Path, case: str, seed: int) -> Outcome:
    """Run one scenario with one seed."""
    began = time.monotonic()
    try:
        result = rehearse(load(file, case), RunSettings(seed=seed), Journal(lambda _: None), Nobody())
    except SimulatorError as error:
        return Outcome(file, case, seed, "error", str(error), time.monotonic() - began)
    wall_s = time.monotonic() - began
    if result.error is not None:
        return Outcome(file, case, seed, "error", str(result.error), wall_s)
    if skipped := getattr(result, "skipped", ""):
        return Outcome(file, case, seed, "skipped", skipped, wall_s)
    bad = [judgement for judgement in result.verdicts.judgements if judgement.verdict != "pass"]
    words = "; ".join(f"{judgement.check}: {judgement.headline}" for judgement in bad[:3])
    return Outcome(file, case, seed, result.verdicts.verdict, words, wall_s)


@dataclass
class Tally:
    """All seeds of one scenario."""

    file: Path
    case: str
    passed: int = 0
    wall_s: float = 0.0
    alarms: list[Outcome] = field(default_factory=list)
    skipped: str = ""

    def add(self, outcome: Outcome) -> None:
        """One more."""
        self.wall_s += outcome.wall_s
        if outcome.verdict == "skipped":
            self.skipped = outcome.words
        elif outcome.verdict == "pass":
            self.passed += 1
        else:
            self.alarms.append(outcome)

    def lines(self) -> Iterator[str]:
        """For the report."""
        count = self.passed + len(self.alarms)
        name = shown(self.file) + (f" --case {self.case}" if self.case else "")
        if self.skipped:
            yield f"skip  {name}  {self.skipped}"
            return
        word = "ok   " if not self.alarms else "ALARM"
        yield f"{word} {name}  {self.passed} of {count} seeds passed, {self.wall_s / max(1, count):.2f} s each"
        for alarm in self.alarms[:SHOWN]:
            yield f"      seed {alarm.seed}: {alarm.verdict}: {alarm.words}"
            yield f"      again with: simulator run {name} --seed {alarm.seed}"
        if len(self.alarms) > SHOWN:
            yield f"      and {len(self.alarms) - SHOWN} more"


def shown(file: Path) -> str:
    """A file's name as the user would type it."""
    return str(file.relative_to(ROOT)) if file.is_relative_to(ROOT) else str(file)


def seeds_for(scenario: Scenario, seeds: int) -> range:
    """Seeds from 0; a tenth of them where there are many devices, and where it is one of many cases."""
    fewer = bool(scenario.case) or len(make_plan(scenario).members) > MANY_DEVICES
    return range(max(1, seeds // 10) if fewer else seeds)


def outcomes(work: Sequence[tuple[Path, str, int]], processes: int) -> Iterable[Outcome]:
    """All of them, in order. A process is worth its start only if there is more than one."""
    files, cases, seeds = zip(*work, strict=True)
    if processes < 2:
        yield from map(try_seed, files, cases, seeds)
        return
    with ProcessPoolExecutor(processes) as pool:
        yield from pool.map(try_seed, files, cases, seeds, chunksize=1)


def main() -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(description="Look for false alarms of the built-in scenarios, with many seeds.")
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="scenarios or folders (default: scenarios)")
    parser.add_argument("--seeds", type=int, default=SEEDS, help=f"seeds of each scenario (default {SEEDS})")
    parser.add_argument("-j", "--jobs", type=int, default=min(2, os.cpu_count() or 1), help="processes (default 2)")
    options = parser.parse_args()
    try:
        files = find(options.files or [ROOT / "scenarios"])
        scenarios = [(file, scenario) for file in files for scenario in load_all(file)]
        plans = {(file, scenario.case): seeds_for(scenario, options.seeds) for file, scenario in scenarios}
    except SimulatorError as error:
        print(error, file=sys.stderr)
        return 2
    began = time.monotonic()
    alarms = seeds = 0
    work = [(file, case, seed) for (file, case), seeds_of in plans.items() for seed in seeds_of]
    tally: Tally | None = None
    for outcome, (file, case, seed) in zip(outcomes(work, options.jobs), work, strict=True):
        if tally is None or (tally.file, tally.case) != (file, case):
            tally = Tally(file, case)
        tally.add(outcome)
        if seed == plans[file, case][-1]:
            print(*tally.lines(), sep="\n", flush=True)
            alarms += len(tally.alarms)
            seeds += tally.passed + len(tally.alarms)
    wall_s = time.monotonic() - began
    print(
        f"\n{len(plans)} scenarios, {seeds} runs in {wall_s:.0f} s with {options.jobs} processes: {alarms} false alarms"
    )
    return 1 if alarms else 0


if __name__ == "__main__":
    sys.exit(main())
