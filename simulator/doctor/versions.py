"""Python and packages: whether they are those that we are made for."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import metadata

from simulator.doctor.finding import Finding


def python_version() -> Iterator[Finding]:
    """Whether the interpreter is one that we are made for."""
    version = ".".join(map(str, sys.version_info[:3]))
    good = sys.version_info >= (3, 11)
    advice = "" if good else "Python 3.11 or newer is needed"
    yield Finding(what="Python", state="ok" if good else "missing", found=version, advice=advice, fatal=not good)


def packages() -> Iterator[Finding]:
    """Whether what we depend on is there, in versions that we declare."""
    try:
        declared = metadata.requires("simulator") or []
    except metadata.PackageNotFoundError:
        yield Finding(
            what="packages",
            state="limits",
            found="simulator is not installed, so nothing says what it needs",
            advice="install it: pip install -e .",
        )
        return
    wrong: list[Finding] = []
    found: list[str] = []
    for requirement in declared:
        words, _, condition = requirement.partition(";")
        name, bounds = split_requirement(words.strip())
        try:
            version = metadata.version(name)
        except metadata.PackageNotFoundError:
            if "extra" not in condition:
                advice = f"pip install '{words.strip()}'"
                wrong.append(Finding(what=name, state="missing", found="not installed", advice=advice, fatal=True))
            continue
        if within(version, bounds):
            found.append(f"{name} {version}")
        else:
            advice = f"made for {bounds}: pip install '{words.strip()}'"
            wrong.append(Finding(what=name, state="limits", found=version, advice=advice))
    yield from wrong
    yield Finding(what="packages", state="ok", found=", ".join(found))


def split_requirement(words: str) -> tuple[str, str]:
    """A name, and its bounds.

    >>> split_requirement("ruamel.yaml<0.20,>=0.18.6")
    ('ruamel.yaml', '<0.20,>=0.18.6')
    """
    end = next((at for at, c in enumerate(words) if c in "<>=!~ (["), len(words))
    bounds = words[end:]
    return words[:end], (bounds.partition("]")[2] if bounds.startswith("[") else bounds).strip(" ()")


def within(version: str, bounds: str) -> bool:
    """Whether a version keeps to all bounds, of the forms that we declare: `>=` and `<`.

    >>> within("0.18.16", ">=0.18.6,<0.20"), within("0.20", ">=0.18.6,<0.20")
    (True, False)
    """
    have = _numbers(version)
    for bound in filter(None, bounds.split(",")):
        bound = bound.strip()
        if bound.startswith(">=") and have < _numbers(bound[2:]):
            return False
        if bound.startswith("<") and not bound.startswith("<=") and have >= _numbers(bound[1:]):
            return False
    return True


def _numbers(version: str) -> tuple[int, ...]:
    numbers = []
    for part in version.strip().split("."):
        digits = part[: next((at for at, c in enumerate(part) if not c.isdigit()), len(part))]
        if not digits:
            break
        numbers.append(int(digits))
    return tuple(numbers)
