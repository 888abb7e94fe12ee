"""The named defects of the reference server (scenarios §7): one each, put into a live server and taken out again.

A scenario that stays green with every one of them proves nothing. What each is, in a line, stands in `words.MUTANTS`,
where the loader and the help read it. Nothing is drawn at random: the same run under the same defect is the same.

A defect lives in the parts of a server. After a restart the parts are new, so whoever inflicted it does so anew; those
of a restart itself (`restarts`) sit on the server as a whole, where the parts are put together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from simulator import words
from simulator.errors import LocalError
from simulator.server.mutants import (
    blobs,
    certificates,
    downstream,
    dtls,
    events,
    logins,
    operators,
    radius,
    rare,
    readers,
    restarts,
    sessions,
    uploads,
)
from simulator.server.mutants.tools import Defect, Patches

if TYPE_CHECKING:
    from simulator.server.app import ReferenceServer

__all__ = ["MUTANTS", "Mutant", "inflict"]


@dataclass(frozen=True, slots=True)
class Mutant:
    """One of them."""

    name: str
    help: str
    """What is wrong, in one line."""
    breaks: str
    """The requirement that does not hold then: section of a sheet or a standard."""


_DEFECTS: dict[str, Defect] = {}
for _theme in (
    events,
    rare,
    uploads,
    logins,
    sessions,
    radius,
    certificates,
    dtls,
    blobs,
    downstream,
    operators,
    readers,
    restarts,
):
    _DEFECTS.update(_theme.DEFECTS)

MUTANTS: Mapping[str, Mutant] = {
    word.name: Mutant(word.name, word.help, _DEFECTS[word.name].breaks) for word in words.MUTANTS.values()
}
"""All of them, by theme."""


def inflict(server: ReferenceServer, name: str) -> Callable[[], None]:
    """Put a defect into a server, which may be running.

    Returns: what takes it out again; the server is sound then. Several may be in it at once, and be taken out in any
    order. Raises: LocalError: no defect of that name.
    """
    defect = _DEFECTS.get(name)
    if defect is None:
        near = words.nearest(name, _DEFECTS)
        raise LocalError(f"no mutant '{name}'" + (f" (did you mean '{near}'?)" if near else ""))
    patches = Patches()
    defect.inflict(server, patches)
    return patches.undo
