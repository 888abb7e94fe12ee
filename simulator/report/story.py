"""The parts of a failure text, by name, for whoever does not want to read it as prose (scenarios §4).

The judge writes lines for people. What stands behind one of a few fixed openings is such a part; the rest of a line,
which is mostly the window, stays as it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

_OPENINGS: Final = (
    ("nearest", "nearest: "),
    ("device", "the device itself: "),
    ("gap", "absence proves nothing: "),
    ("again", "again with: "),
)
"""Part → how it begins; it goes to the end of its line."""
_BETWEEN: Final = "; "


def told(details: Sequence[str]) -> Mapping[str, str | list[str]]:
    """`nearest`, `device`, `gap` and `again` where the text has them, and `rest`: what else it says, line by line.

    >>> told(["      waited 10.0 s; nearest: 60.2 s disconnect", "      1 of 50 meters; again with: simulator run x"])
    {'rest': ['waited 10.0 s', '1 of 50 meters'], 'nearest': '60.2 s disconnect', 'again': 'simulator run x'}
    """
    rest: list[str] = []
    parts: dict[str, str] = {}
    for line in details:
        text = line.strip()
        for name, opening in _OPENINGS:
            at = 0 if text.startswith(opening) else text.find(_BETWEEN + opening)
            if at >= 0 and name not in parts:
                parts[name] = text[at:].removeprefix(_BETWEEN).removeprefix(opening)
                text = text[:at]
        if text:
            rest.append(text)
    return {"rest": rest, **parts}
