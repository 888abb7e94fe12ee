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
    """Every file with its scenario. Raises: ScenarioErrors: every mistake in all of them."""
    from simulator.scenario import load

    loaded: list[tuple[Path, Scenario]] = []
    mistakes: list[ScenarioError] = []
    for path in files:
        try:
            loaded.append((path, load(path)))
        except ScenarioErrors as error:
            mistakes.extend(error.errors)
    if mistakes:
        raise ScenarioErrors(mistakes)
    return loaded
