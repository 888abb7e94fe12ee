"""Who is driven, and how: the groups and steps of a scenario file, or the attributes of a user class.

Attributes are written in the words of the scenario language, and its loader reads them: one language, one set of
mistakes and hints.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from io import StringIO
from pathlib import Path
from typing import Any, Final

from simulator.errors import ScenarioErrors, UsageError
from simulator.load import expect
from simulator.load.options import LoadOptions
from simulator.load.traffic import Deed, Traffic
from simulator.load.users.attributes import Attributes
from simulator.scenario import load, loads
from simulator.scenario.model import Arrivals, Attach, Connect, PowerOn, Reboot, Scenario, Step, Upload

GROUP_KEYS: Final = (
    "transport",
    "link",
    "payload",
    "operator",
    "rat",
    "cell",
    "certificate",
    "connection",
    "clock",
    "tags",
)
"""Attributes of a user class that are keys of a group in a scenario."""
TIMETABLE: Final = ("every", "over", "reconnect_every", "reconnect_over", "join_over")
"""Attributes that only a FleetUser heeds."""
INTERNET: Final = ("dtls", "coaps")
_ENTRIES: Final = (Attach, Connect, PowerOn)
_RECONNECTS: Final = (Attach, Connect, Reboot)
_LONG: Final = "1 d"
"""How long a repeated step of a class is said to go on; under load it goes on until the test ends."""


def traffics_of(cls: Any, options: LoadOptions, count: int) -> tuple[Traffic, ...]:
    """What a user class drives: all groups of the scenario that was named, or the one that its attributes describe.

    Args:
        count: devices of one user; a rate (`over = "poisson 3/s"`) is that of so many.
    Raises: UsageError, ScenarioErrors.
    """
    file = options.scenario or (None if cls.scenario is None else Path(cls.scenario))
    if file is not None:
        return of_scenario(file, options.case)
    return (_of_class(cls, count),)


@cache
def of_scenario(file: Path, case: str) -> tuple[Traffic, ...]:
    """The groups of a file with what they do. Raises: UsageError: it has none that could be driven; ScenarioErrors."""
    scenario = load(file, case)
    found = tuple(_traffic(scenario, group.name, limited=True) for group in scenario.groups)
    if not found:
        raise UsageError(f"{file}: it has no devices to drive")
    return found


def group_name(cls: type) -> str:
    """What the group of a user class is called: `SmartMeters` is `smart_meters`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", cls.__name__).lower()


def _refuse_misspelt(cls: type) -> None:
    """A user class may have attributes of its own, but none that is nearly one of ours: that would change nothing, and
    nobody would be told. Raises: UsageError."""
    known = tuple(name for name in vars(Attributes) if not name.startswith("_"))
    for base in cls.__mro__[: cls.__mro__.index(Attributes)]:
        if base.__module__.startswith(("simulator.", "locust.")):
            continue
        for name, value in vars(base).items():
            own = name.startswith("_") or name in known or name.removesuffix("s") in known
            if own or callable(value) or not (meant := get_close_matches(name.lower(), known, n=1, cutoff=0.8)):
                continue
            raise UsageError(f"class {base.__name__}: no attribute {name!r} (did you mean {meant[0]!r}?)")


def _refuse_misplaced(cls: Any) -> None:
    """Attributes and tasks of the other kind of user would do nothing. Raises: UsageError."""
    said = [name for name in TIMETABLE if getattr(cls, name) is not None]
    if not cls.has_timetable and said:
        raise UsageError(
            f"class {cls.__name__}: {', '.join(said)} say what a FleetUser does by itself; a DeviceUser does its tasks "
            f"with a wait_time between them"
        )
    tasks = [task.__name__ for task in getattr(cls, "tasks", ()) if task.__module__ != "simulator.load.users.fleet"]
    if cls.has_timetable and tasks:
        raise UsageError(
            f"class {cls.__name__}: a FleetUser has no tasks ({', '.join(tasks)}), it follows its timetable; "
            f"make it a DeviceUser"
        )


def _of_class(cls: Any, count: int) -> Traffic:
    _refuse_misspelt(cls)
    _refuse_misplaced(cls)
    name = cls.group or group_name(cls)
    group: dict[str, Any] = {"count": count, **{key: getattr(cls, key) for key in GROUP_KEYS if getattr(cls, key)}}
    group["network"] = "inet" if group.get("transport") in INTERNET else "ciot"
    entry = "connect" if group["network"] == "inet" else "attach"
    steps: list[Mapping[str, Any]] = [{entry: name, "over": cls.join_over} if cls.join_over else {entry: name}]
    if cls.every is not None or cls.over is not None:
        steps.append(_repeated({"upload": name, "outcome": "any"}, cls.every, cls.over, path=cls.path))
    if cls.reconnect_every is not None:
        steps.append(_repeated({entry: name, "outcome": "any"}, cls.reconnect_every, cls.reconnect_over))
    document = {"scenario": f"The devices of {cls.__name__}", "devices": {name: group}, "steps": steps}
    try:
        scenario = loads(_written(document), file=f"class {cls.__name__}")
    except ScenarioErrors as errors:
        told = "; ".join(f"{each.problem}" + (f" ({each.hint})" if each.hint else "") for each in errors.errors)
        raise UsageError(f"class {cls.__name__}: {told}") from None
    return _traffic(scenario, name, limited=False)


def _written(document: Mapping[str, Any]) -> str:
    """As a person would write it: what stands in quotes is text to the loader, and `24 B` is a size only without."""
    from ruamel.yaml import YAML  # late: heavy, and a scenario file has loaded it anyway

    out = StringIO()
    YAML(typ="safe", pure=True).dump(document, out)
    return out.getvalue()


def _repeated(step: dict[str, Any], every: str | None, over: str | None, **more: Any) -> dict[str, Any]:
    found = {**step, **{key: value for key, value in more.items() if value}}
    if every is not None:
        found |= {"every": every, "for": _LONG}
    if over is not None:
        found["over"] = over
    return found


# --- from the steps of a scenario -------------------------------------------------------------------------------------


def _traffic(scenario: Scenario, name: str, *, limited: bool) -> Traffic:
    group = next(each for each in scenario.groups if each.name == name)
    deeds: list[Deed] = []
    ignored: list[str] = []
    join: Step | None = None
    for step in scenario.steps:
        if name not in (subject.group for subject in step.subjects):
            continue
        if join is None and isinstance(step.act, _ENTRIES) and step.every_s is None:
            join = step
            continue
        deed = _deed(step)
        if deed is None or not _is_whole(step, name):
            ignored.append(f"{step.place}: {step.text}")
        else:
            deeds.append(deed)
    return Traffic(
        group=group,
        deeds=tuple(deeds),
        most=group.count if limited else None,
        join_over_s=0.0 if join is None else join.over_s,
        join_arrivals=None if join is None else join.arrivals,
        ignored=(*ignored, *expect.left_out(scenario)),
        operators=scenario.operators,
        expects=expect.from_scenario(scenario),
    )


def _is_whole(step: Step, group: str) -> bool:
    """Whether all of the group act, and not some of them, who may be at another worker."""
    return all(
        subject.first == 0 and subject.last is None and subject.share is None
        for subject in step.subjects
        if subject.group == group
    )


def _deed(step: Step) -> Deed | None:
    """None: load does not drive such a step."""
    times = 1 if step.every_s is None and step.arrivals is None else None
    arrivals = step.arrivals
    if arrivals is None and step.over_s:
        arrivals = Arrivals(model="uniform", window_s=step.over_s)
    when = {"every_s": step.every_s, "arrivals": arrivals, "begin_s": step.at_s or 0.0, "times": times}
    if isinstance(step.act, Upload):
        return Deed(
            act="upload",
            payload=step.act.payload,
            path=step.act.path,
            confirmable=step.act.confirmable,
            **when,  # type: ignore[arg-type]
        )
    if isinstance(step.act, _RECONNECTS) and step.every_s is not None:
        return Deed(act="reconnect", **when)  # type: ignore[arg-type]
    return None
