"""All kinds of damage that a judge must find."""

from __future__ import annotations

from typing import Final

from .causes import unlike_the_acts
from .counts import doubled, missing
from .owners import misplaced, of_others
from .sessions import of_networks, of_sessions
from .swaps import of_swaps
from .timing import untimely
from .values import mangled
from .ways import Kind

KINDS: Final[tuple[Kind, ...]] = (
    *missing(),
    *doubled(),
    *untimely(),
    *of_others(),
    *misplaced(),
    *mangled(),
    *unlike_the_acts(),
    *of_sessions(),
    *of_networks(),
    *of_swaps(),
)
