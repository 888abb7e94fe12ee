"""Which scenario files a command line means."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from simulator.errors import ScenarioError, ScenarioErrors, UsageError

if TYPE_CHECKING:
    from simulator.scenario import Scenario

DEFAULT_FOLDER = Path("scenarios")


def scenario_files(paths: Sequence[Path] | None) -> list[Path]:
    """The files and those in the folders, or those below scenarios/. Raises: UsageError, ScenarioErrors: none."""
    from simulator.scenario import find

    if paths:
        return find(paths)
    if not DEFAULT_FOLDER.is_dir():
        raise UsageError("there is no folder scenarios/ here; name the files or folders to run")
    return find([DEFAULT_FOLDER])


def load_all(files: Sequence[Path]) -> list[tuple[Path, Scenario]]:
    """Every scenario with its file; a file with cases has several. Raises: ScenarioErrors: every mistake in all."""
    from simulator.scenario import load_all as load_file

    loaded: list[tuple[Path, Scenario]] = []
    mistakes: list[ScenarioError] = []
    for path in files:
        try:
            loaded += ((path, scenario) for scenario in load_file(path))
        except ScenarioErrors as error:
            mistakes.extend(error.errors)
    if mistakes:
        raise ScenarioErrors(mistakes)
    return loaded


def of_cases(loaded: Sequence[tuple[Path, Scenario]], names: Sequence[str]) -> list[tuple[Path, Scenario]]:
    """Those of the cases that are named; all of them if none is. Raises: UsageError: no file has such a case."""
    from simulator.scenario.show import meant, shown

    if not names:
        return list(loaded)
    known = tuple(dict.fromkeys(scenario.case for _, scenario in loaded if scenario.case))
    for name in names:
        if name not in known:
            hint = meant(name, known) or "none of the files has cases"
            raise UsageError(f"--case {name}: no case {shown(name)} ({hint})")
    return [(path, scenario) for path, scenario in loaded if scenario.case in names]


def called(path: Path, scenario: Scenario) -> str:
    """A file's name for people, with the case: `matrix.yaml[moved]`."""
    return f"{path}[{scenario.case}]" if scenario.case else str(path)
