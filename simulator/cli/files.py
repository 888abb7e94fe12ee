"""Which scenario files a command line means."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from simulator.errors import UsageError

DEFAULT_FOLDER = Path("scenarios")


def scenario_files(paths: Sequence[Path] | None) -> list[Path]:
    """The files and those in the folders, or those below scenarios/. Raises: UsageError, ScenarioErrors: none."""
    from simulator.scenario import find

    if paths:
        return find(paths)
    if not DEFAULT_FOLDER.is_dir():
        raise UsageError("there is no folder scenarios/ here; name the files or folders to run")
    return find([DEFAULT_FOLDER])
