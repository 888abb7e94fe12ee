"""`simulator run` and `simulator check`."""

from __future__ import annotations

import contextlib
import itertools
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from simulator.cli.files import load_all, of_cases, scenario_files
from simulator.cli.selection import Selection
from simulator.cli.tally import Copies, Tally, make_folder, say, unusable
from simulator.errors import ExitCode, ScenarioErrors, SimulatorError, UsageError
from simulator.report.text import duration, thousands
from simulator.run.settings import RunSettings
from simulator.scenario import Scenario, label
from simulator.scenario import load_all as load_file
from simulator.scenario.notes import notes_of
from simulator.scenario.show import meant, shown
from simulator.words import INVARIANTS

TOLD_FROM_S = 60.0
"""A run in real time that takes longer says so before it begins."""
_NAMED = 8
"""So many scenarios are named to somebody who has chosen none of them."""


def check_files(paths: Sequence[Path] | None) -> int:
    """Read scenarios; print what they promise, or all that is wrong with them."""
    from simulator.plan import make_plan

    wrong = 0
    for path in scenario_files(paths):
        try:
            scenarios = load_file(path)
            plans = [make_plan(scenario) for scenario in scenarios]
        except (ScenarioErrors, SimulatorError) as error:
            wrong += 1
            print(error, file=sys.stderr)
            continue
        for scenario, plan in zip(scenarios, plans, strict=True):
            who = f"{thousands(len(plan.members))} device" + ("s" if len(plan.members) != 1 else "")
            print(f"ok  {path}  {label(scenario)}  ({who}, about {duration(plan.duration_s)} of run time)")
        for note in notes_of(scenarios):
            print(note)
    if wrong:
        print(f"{wrong} file{'s' if wrong != 1 else ''} with mistakes", file=sys.stderr)
    return ExitCode.USAGE if wrong else ExitCode.PASSED


def run_files(
    paths: Sequence[Path] | None,
    settings: RunSettings,
    *,
    selection: Selection,
    copies: Copies,
    out: Path | None,
    stop_early: bool,
) -> int:
    """Run scenarios one after the other.

    Args:
        selection: which of them, and which cases.
        stop_early: leave out what follows the first that does not pass.
    Returns: the exit code of the worst. Raises: UsageError: nothing to run, or nowhere to write.
    """
    scenarios = _chosen(load_all(scenario_files(paths)), selection)
    folder = _new_folder(out)
    make_folder(folder)
    if settings.time == "real":
        _tell_how_long(scenarios, settings, sys.stderr if copies.on_stdout else sys.stdout)
    tally = Tally(settings, folder, copies)
    passed = True
    for path, scenario in scenarios:
        if tally.stopped or not tally.reached or (stop_early and not passed):
            tally.leave_out(path, scenario)
        else:
            passed = tally.run(path, scenario, _folder_for(folder, path, scenario, len(scenarios)))
    return tally.close()


def _tell_how_long(scenarios: Sequence[tuple[Path, Scenario]], settings: RunSettings, out: TextIO) -> None:
    """A line about the time that will pass, if it is more than somebody waits for without asking."""
    from simulator.plan import make_plan

    total_s = 0.0
    for _, scenario in scenarios:
        # What cannot be planned says so when its turn comes.
        with contextlib.suppress(SimulatorError):
            total_s += make_plan(scenario, seed=settings.seed, only=settings.only).duration_s
    if total_s > TOLD_FROM_S:
        say(f"about {duration(total_s)} in real time\n", out)


def known_invariants(names: Sequence[str], option: str) -> tuple[str, ...]:
    """The names, if all of them are invariants. Raises: UsageError."""
    for name in names:
        if name not in INVARIANTS:
            raise UsageError(f"{option} {name}: no invariant {shown(name)} ({meant(name, INVARIANTS)})")
    return tuple(dict.fromkeys(names))


def _chosen(loaded: Sequence[tuple[Path, Scenario]], selection: Selection) -> list[tuple[Path, Scenario]]:
    """Those that are asked for. Raises: UsageError: none is; with what there is."""
    found = [
        (path, scenario)
        for path, scenario in of_cases(loaded, selection.cases)
        if selection.chooses(label(scenario), str(path), scenario.tags)
    ]  # fmt: skip
    if found:
        return found
    tags = sorted({tag for _, scenario in loaded for tag in scenario.tags})
    there = [f"  {path}  {label(scenario)}" for path, scenario in loaded[:_NAMED]]
    if len(loaded) > _NAMED:
        there.append(f"  and {len(loaded) - _NAMED} more; `simulator list scenarios` shows them all")
    known = f"tags: {', '.join(tags)}" if tags else "none of them has tags"
    raise UsageError("\n".join((f"{selection} chooses none of {len(loaded)} scenarios; {known}", *there)))


def _new_folder(out: Path | None) -> Path:
    """The folder of this run; never one that holds another's results."""
    if out is not None:
        try:
            is_file = out.exists() and not out.is_dir()
            taken = out.is_dir() and any(out.iterdir())
        except OSError as error:
            raise unusable(out, error) from error
        if is_file:
            raise UsageError(f"--out {out}: is a file; name a folder")
        if taken:
            raise UsageError(f"{out} exists and is not empty; name another folder with --out")
        return out
    stamp = time.strftime("%Y%m%d-%H%M%S")
    candidates = (Path("runs") / (stamp + (f"-{n}" if n else "")) for n in itertools.count())
    return next(folder for folder in candidates if not folder.exists())


def _folder_for(out: Path, path: Path, scenario: Scenario, count: int) -> Path:
    """A folder of its own for each scenario; named by theme, file and case, as below scenarios/."""
    if count == 1:
        return out
    names = (path.stem + (f"-{n}" if n > 1 else "") for n in itertools.count(1))
    folders = (out / path.parent.name / name / scenario.case for name in names)
    return next(folder for folder in folders if not folder.exists())
