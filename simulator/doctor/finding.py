"""What a look at this machine comes to."""

from __future__ import annotations

from typing import Literal

import msgspec

State = Literal["ok", "limits", "missing"]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was looked at."""

    what: str
    state: State
    found: str
    advice: str = ""
    """What to do, if it is not ok."""
    fatal: bool = False
    """Whether no run at all is possible."""
