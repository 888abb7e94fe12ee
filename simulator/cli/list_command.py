"""`simulator list`: the words that scenarios may use, and the scenarios that there are.

Everything comes from the tables that the loader and the judge read, so nothing is listed that does not work, and a word
that is known and comes later says so.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from simulator import words
from simulator.errors import ExitCode, ScenarioErrors, UsageError
from simulator.words import Word

Entry = Mapping[str, Any]
"""One line, for programs: `name` and `help`, and what else there is to say."""

LATER = "later"


def print_list(what: str | None, paths: Sequence[Path] | None, as_json: bool) -> int:
    """Print one list, or what can be listed. Raises: UsageError: there is no such list."""
    if what is not None and what not in LISTS:
        near = words.nearest(what, LISTS)
        meant = f"did you mean '{near}'?" if near else "known: " + ", ".join(LISTS)
        raise UsageError(f"nothing called '{what}' can be listed ({meant})")
    if paths and what != "scenarios":
        raise UsageError(f"{paths[0]}: only `list scenarios` takes files and folders")
    if what == "scenarios":
        return _print_scenarios(paths, as_json)
    entries = _overview() if what is None else LISTS[what][1]()
    print(_json(entries) if as_json else "\n".join(_lines(entries, grouped=what == "verbs")))
    return ExitCode.PASSED


# --- what there is ----------------------------------------------------------------------------------------------------


def _overview() -> list[Entry]:
    """What can be listed, and how many of each."""
    return [{"name": name, "help": help_, "count": _count(name, make)} for name, (help_, make) in LISTS.items()]


def _count(name: str, make: Callable[[], list[Entry]]) -> int:
    if name != "scenarios":
        return sum(not entry.get(LATER) for entry in make())
    try:
        return len(_files(None))
    except (UsageError, ScenarioErrors):
        return 0


def _verbs() -> list[Entry]:
    order = tuple(dict.fromkeys(verb.by for verb in words.VERBS))
    return [
        {
            "name": verb.name,
            "by": verb.by,
            "help": verb.help,
            **({"arguments": verb.arguments} if verb.arguments else {}),
            **({"required": verb.required} if verb.required else {}),
            **({"outcomes": [_outcome(word) for word in verb.outcomes]} if verb.now and verb.outcomes else {}),
            **({"needs": verb.needs} if verb.needs else {}),
            **_later(verb.now),
        }
        for verb in sorted(words.VERBS, key=lambda verb: (order.index(verb.by), not verb.now))
    ]


def _outcome(word: str) -> str:
    return "coap 4.04" if word == "coap" else word


def _events() -> list[Entry]:
    return [
        {"name": event.name, "help": event.help, "data": event.data, **_later(event.now)}
        for event in words.EVENTS.values()
    ]


def _invariants() -> list[Entry]:
    from simulator.assertions.invariants import INVARIANTS

    return [
        {"name": invariant.name, "help": invariant.words, "source": invariant.source} for invariant in INVARIANTS
    ]  # fmt: skip


def _troubles() -> list[Entry]:
    states = {name: f"firmwareStateChange to {name}" for name in words.TROUBLES if name not in words.EVENTS}
    return [
        {"name": name, "help": states.get(name) or words.EVENTS[name].help, **_later(_comes(name))}
        for name in words.TROUBLES
    ]


def _comes(trouble: str) -> bool:
    return trouble not in words.EVENTS or words.EVENTS[trouble].now


def _link_keys() -> list[Entry]:
    return [
        {"name": key.name, "help": key.help, "kind": key.kind, "both_ways": key.both_ways}
        for key in words.LINK_KEYS.values()
    ]


def _table(table: Mapping[str, Word]) -> Callable[[], list[Entry]]:
    return lambda: [{"name": word.name, "help": word.help, **_later(word.now)} for word in table.values()]


def _later(now: bool) -> Entry:
    return {} if now else {LATER: True}


def _no_list() -> list[Entry]:
    raise AssertionError("scenarios are read from files")


LISTS: Mapping[str, tuple[str, Callable[[], list[Entry]]]] = {
    "verbs": ("what a step may do, by who acts", _verbs),
    "modifiers": ("what may stand beside a verb", _table(words.MODIFIERS)),
    "events": ("what a platform emits, with the keys of its data", _events),
    "expectations": ("what may be expected of the whole run", _table(words.WHOLE_RUN_FORMS)),
    "invariants": ("what is held of every run without being asked", _invariants),
    "troubles": ("what fails a run unless it is expected or allowed", _troubles),
    "mutants": ("defects of the reference server, for `misbehave` and `mutants`", _table(words.MUTANTS)),
    "presets": ("radios, for `link`", _table(words.LINK_PRESETS)),
    "links": ("values of a radio that a file may change", _link_keys),
    "payloads": ("what an upload may carry", _table(words.PAYLOAD_KEYS)),
    "sensors": ("models, for {sensor: NAME}", _table(words.SENSORS)),
    "arrivals": ("traffic models, for `over`", _table(words.ARRIVALS)),
    "capabilities": ("what a target may be able to do, for `needs`", _table(words.CAPABILITIES)),
    "scenarios": ("the scenarios below scenarios/, or below what is named", _no_list),
}
"""Name → help, and what makes the list."""


# --- scenarios --------------------------------------------------------------------------------------------------------


def _print_scenarios(paths: Sequence[Path] | None, as_json: bool) -> int:
    from simulator.report.text import duration

    entries: list[Entry] = []
    wrong = 0
    for path in _files(paths):
        try:
            entries.append(_scenario(path))
        except ScenarioErrors as error:
            wrong += 1
            print(error, file=sys.stderr)
    if as_json:
        print(_json(entries))
    else:
        for entry in entries:
            who = f"{entry['devices']} device" + ("s" if entry["devices"] != 1 else "")
            about = [who, f"about {duration(entry['run_time_s'])} of run time"]
            about += [f"{key}: {', '.join(entry[key])}" for key in ("tags", "needs", "mutants") if entry[key]]
            print(f"{entry['file']}\n    {entry['name']}\n    {'; '.join(about)}")
    return ExitCode.USAGE if wrong else ExitCode.PASSED


def _scenario(path: Path) -> Entry:
    from simulator.plan import make_plan
    from simulator.scenario import load

    scenario = load(path)
    plan = make_plan(scenario)
    return {
        "name": scenario.promise,
        "file": str(path),
        "tags": scenario.tags,
        "needs": scenario.needs,
        "mutants": [mutant for mutant, _ in scenario.mutants],
        "devices": len(plan.members),
        "run_time_s": plan.duration_s,
    }


def _files(paths: Sequence[Path] | None) -> list[Path]:
    from simulator.cli.files import scenario_files

    return scenario_files(paths)


# --- words ------------------------------------------------------------------------------------------------------------


def _json(entries: Sequence[Entry]) -> str:
    return msgspec.json.format(msgspec.json.encode(entries), indent=2).decode()


def _lines(entries: Sequence[Entry], *, grouped: bool) -> list[str]:
    width = max((len(entry["name"]) for entry in entries), default=0)
    lines: list[str] = []
    by = ""
    for entry in entries:
        if grouped and entry["by"] != by:
            by = entry["by"]
            lines += ([""] if lines else []) + [by]
        indent = "  " if grouped else ""
        count = f"{entry['count']:>4}  " if "count" in entry else ""
        lines.append(f"{indent}{entry['name']:<{width}}  {count}{entry['help']}{_more(entry)}")
    return lines


def _more(entry: Entry) -> str:
    """What else there is to say of it, in parentheses."""
    if entry.get(LATER):
        return "  (not in this version)"
    parts = [f"{key}: {_joined(entry[key])}" for key in ("arguments", "data", "outcomes", "needs") if entry.get(key)]
    parts += [entry["source"]] if "source" in entry else []
    if "kind" in entry:
        parts.append(entry["kind"] + (", up and down may differ" if entry["both_ways"] else ""))
    return f"  ({'; '.join(parts)})" if parts else ""


def _joined(values: Sequence[str]) -> str:
    """`link` takes every value of a radio: those have a list of their own."""
    shown = [value for value in values if value not in words.LINK_KEYS]
    return ", ".join(shown) + (", and what `list links` shows" if len(shown) < len(values) else "")
