"""What the parts of the loader share while one file is read: its problems, and the names that it has declared."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from simulator.scenario.model import Collection, Group
from simulator.scenario.problems import Problems


@dataclass(slots=True)
class Reading:
    """One file being read. Lives as long as `load`."""

    problems: Problems
    folder: Path | None
    """Where `{file: …}` payloads are looked for; None: the text came from nowhere, and has no files."""
    groups: dict[str, Group] = field(default_factory=dict)
    collections: dict[str, Collection] = field(default_factory=dict)
    flawed: dict[str, None] = field(default_factory=dict)
    """Groups that were declared and could not be read; who names them is not told again."""
    groups_unread: bool = False
    """`devices:` itself could not be read: no name can be called unknown."""
    collections_unread: bool = False
    verbs_used: set[str] = field(default_factory=set)
    step_names: dict[str, int] = field(default_factory=dict)
    """`as:` names and the line of each."""
