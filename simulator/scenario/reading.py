"""What the parts of the loader share while one file is read: its problems, and the names that it has declared."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from simulator.errors import Place, ScenarioErrors
from simulator.scenario.model import HOME, Collection, Group, Listener, Operator, Token
from simulator.scenario.nodes import Text, Tree
from simulator.scenario.problems import Problems


@dataclass(slots=True)
class Files:
    """What was read of other files, once for all cases of a scenario file."""

    contents: dict[Path, bytes] = field(default_factory=dict)
    """Of payloads, by where they really are."""
    trees: dict[tuple[Path, str], Tree | ScenarioErrors] = field(default_factory=dict)
    """Of included files, by where they really are and what their places are called; or why there is no tree."""


@dataclass(frozen=True, slots=True)
class Copied:
    """A `clone_of`, or the `of` of a certificate, that is looked at when all groups are known.

    `what`: `sim`, `modem` or `certificate`.
    """

    group: str
    what: str
    of: Text


@dataclass(frozen=True, slots=True)
class ProfileNamed:
    """A profile that a group's eSIM must have. `place`: of the group; `profile_place`: of the number."""

    group: str
    place: Place
    profile: int
    profile_place: Place


@dataclass(slots=True)
class Reading:
    """One scenario being read, with the files that it includes. Lives as long as `load`."""

    problems: Problems
    folder: Path | None
    """Where the files that the present one names are looked for; None: the text came from nowhere, and has none."""
    files: Files = field(default_factory=Files)
    operators: dict[str, Operator] = field(default_factory=lambda: {HOME.name: HOME})
    operators_unread: bool = False
    groups: dict[str, Group] = field(default_factory=dict)
    clones: list[Copied] = field(default_factory=list)
    certificates: list[Copied] = field(default_factory=list)
    collections: dict[str, Collection] = field(default_factory=dict)
    flawed: dict[str, None] = field(default_factory=dict)
    """Groups that were declared and could not be read; who names them is not told again."""
    groups_unread: bool = False
    """`devices:` itself could not be read: no name can be called unknown."""
    collections_unread: bool = False
    tokens: dict[str, Token] = field(default_factory=dict)
    tokens_unread: bool = False
    observers: dict[str, Listener] = field(default_factory=dict)
    observers_unread: bool = False
    registered: dict[tuple[str, str], str] = field(default_factory=dict)
    """Identities that files choose themselves, ("imsi", digits), and the group of each."""
    verbs_used: set[str] = field(default_factory=set)
    step_names: dict[str, int] = field(default_factory=dict)
    """`as:` names and the line of each."""
    nobody_acts: set[str] = field(default_factory=set)
    """`as:` names of steps without subjects, such as a `wait`."""
    states_of: list[tuple[str, Place]] = field(default_factory=list)
    """Groups whose `state` is asked for, and where."""
    profiles: list[ProfileNamed] = field(default_factory=list)
    """What `switch_profile` names. Who holds an eSIM is known when all steps are."""
