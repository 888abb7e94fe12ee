"""How words of a file appear in an error: short, quoted, on one line, whatever was in the file."""

from __future__ import annotations

from collections.abc import Iterable

from simulator.words import nearest

MAX_SHOWN = 60


def shown(word: object, most: int = MAX_SHOWN) -> str:
    """The word in quotes, cut to `most` characters, control characters escaped."""
    return f"'{plain(word, most)}'"


def plain(word: object, most: int = MAX_SHOWN) -> str:
    """As `shown`, without quotes."""
    text = str(word)
    if len(text) > most:
        text = text[: most - 1] + "…"
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def a_or_an(what: str) -> str:
    """A thing with its article: `a token`, `an observer`."""
    return f"{'an' if what[0] in 'aeiou' else 'a'} {what}"


def meant(word: str, known: Iterable[str]) -> str:
    """A hint: what was probably meant, or what there is."""
    names = list(known)
    near = nearest(word, names)
    if near is not None:
        return f"did you mean '{near}'?"
    if not names:
        return ""
    more = f", … {len(names) - 12} more" if len(names) > 12 else ""
    return "known: " + ", ".join(names[:12]) + more
