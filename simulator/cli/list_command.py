"""`simulator list`: the words that scenarios may use, and the scenarios that there are.

Everything comes from the tables that the loader and the judge read, so nothing is listed that does not work, and a word
that is known and comes later says so.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from simulator import words
from simulator.errors import ExitCode, ScenarioErrors, UsageError
from simulator.words import Word

if TYPE_CHECKING:
    from simulator.scenario import Scenario

Entry = Mapping[str, Any]
"""One line, for programs: `name` and `help`, and what else there is to say."""

LATER = "later"
NAMED = ("arguments", "data", "outcomes", "needs", "names")
"""Keys whose words are shown behind the help."""


def print_list(what: str | None, paths: Sequence[Path] | None, as_json: bool) -> int:
    """Print one list, or what can be listed. Raises: UsageError: there is no such list."""
    what = ALSO.get(what or "", what)
    if what is not None and what not in LISTS:
        near = words.nearest(what, (*LISTS, *ALSO))
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


def _table(table: Mapping[str, Word], examples: Mapping[str, str] | None = None) -> Callable[[], list[Entry]]:
    return lambda: [
        {"name": word.name, "help": word.help, **_example((examples or {}).get(word.name)), **_later(word.now)}
        for word in table.values()
    ]


def _example(text: str | None) -> Entry:
    return {} if text is None else {"example": text}


def _rats() -> list[Entry]:
    return [{"name": name, "help": f"3GPP-RAT-Type {number}"} for name, number in words.RATS.items()]


def _statistics() -> list[Entry]:
    from simulator.scenario.statistics import NAMES

    names = {f"{begin}.*": ends for begin, ends in NAMES.items()}
    return [
        {"name": name, "help": COUNTED[name], **({"names": names[name]} if name in names else {})}
        for name in words.STATISTICS
    ]


def _certificates() -> list[Entry]:
    kinds = {name: word for name, word in words.CERTIFICATES.items() if word.now}
    return _table({**kinds, **words.CERTIFICATE_KEYS}, {"of": "certificate: {of: meter}"})()


def _clocks() -> list[Entry]:
    from simulator.scenario.inet import CLOCKS

    return _table({**CLOCKS, **words.CLOCK_KEYS}, {"fast": "clock: {fast: 900 d}", "slow": "clock: {slow: 20 d}"})()


def _alerts() -> list[Entry]:
    return [{"name": name, "help": f"alert {number}"} for name, number in words.ALERTS.items()]


def _rejections() -> list[Entry]:
    return [{"name": name, "help": help_} for name, help_ in words.REJECTIONS.items()]


def _conditions() -> list[Entry]:
    return [{"name": name, "help": help_} for name, help_ in CONDITIONS.items()]


def _later(now: bool) -> Entry:
    return {} if now else {LATER: True}


def _no_list() -> list[Entry]:
    raise AssertionError("scenarios are read from files")


FILE_EXAMPLES = {
    "cases": "cases: {moved: {change: {move_sim: a, to: b}}, replaced: {change: {insert_sim: a}}} with - $change",
    "operators": "operators: {abroad: {plmn: 24201, rat: lte-m, omits: [imei]}}",
    "platform": "platform: {mismatch_policy: first}",
    "mutants": 'mutants: {imeiMismatch-accepted: "steps[1].outcome"}',
    "include": "include: [../_fleet.yaml]",
}
GROUP_EXAMPLES = {
    "sim": "sim: {profiles: 2}",
    "modem": "modem: {svn: 2, clone_of: old}",
    "operator": "operator: abroad",
    "rat": "rat: lte-m",
    "cell": "cell: 19088641",
    "certificate": "certificate: {of: meter}",
    "connection": "connection: {resume: no, close_after: 5 min}",
    "clock": "clock: {slow: 20 d}",
    "link": "link: {preset: nb-iot-good, loss: 5 %}",
    "identity": "identity: {imei: blank}",
}
MODIFIER_EXAMPLES = {
    "outcome": "outcome: {rejected: IMEI mismatch}",
    "retry": "retry: {times: 8, pause: mobile}",
}
CONDITIONS = {
    "any": "bytes: any – it is there",
    "below": "bytes: below 24",
    "above": "bytes: above 24",
    "at_least": "bytes: at_least 24",
    "at_most": "bytes: at_most 24",
    "one_of": "transport: {one_of: [udp, coap]}",
    "matches": "ip: {matches: ^10} – a regular expression that is found in it",
    "not": "transport: {not: udp}",
}
COUNTED = {
    "accepted": "logins that were accepted",
    "rejected": "logins that were refused",
    "rejected.*": 'the same by reply message: "rejected.IMEI mismatch"',
    "takeovers": "logins that took the session of another SIM or modem over",
    "sessions": "sessions that are open now",
    "duplicates": "requests that came again and were answered as before",
    "discarded": "packets that were not answered",
    "discarded.*": 'the same by what was wrong: "discarded.wrong authenticator"',
    "accounting.start": "sessions that gateways said have begun",
    "accounting.interim": "reports of sessions that go on",
    "accounting.stop": "sessions that gateways said have ended",
    "accounting.on": "gateways that have started",
    "accounting.off": "gateways that have stopped",
    "accounting.stale": "reports about sessions that were over already",
    "stops.*": "sessions that have ended by cause: stops.Lost-Carrier",
    "disconnects.sent": "sessions that gateways were asked to end",
    "disconnects.acknowledged": "those that they have ended",
    "disconnects.refused": "those that they would not end",
    "disconnects.unanswered": "those that they said nothing about",
    "handshakes": "DTLS handshakes that came to their end, resumed ones among them",
    "handshakes.resumed": "those that went on with a former session",
    "handshakes.refused": "those with a certificate that is not good enough",
    "handshakes.failed": "those that did not come to their end for another reason",
    "sessions.inet": "DTLS sessions that are open now",
}

LISTS: Mapping[str, tuple[str, Callable[[], list[Entry]]]] = {
    "verbs": ("what a step may do, by who acts", _verbs),
    "modifiers": ("what may stand beside a verb", _table(words.MODIFIERS, MODIFIER_EXAMPLES)),
    "file": ("the parts of a file", _table(words.TOP_KEYS, FILE_EXAMPLES)),
    "groups": ("what a group of devices may be told to be", _table(words.GROUP_KEYS, GROUP_EXAMPLES)),
    "events": ("what a platform emits, with the keys of its data", _events),
    "conditions": ("what a value may be held against, in events, `state` and `statistics`", _conditions),
    "expectations": ("what may be expected of the whole run", _table(words.WHOLE_RUN_FORMS)),
    "invariants": ("what is held of every run without being asked", _invariants),
    "troubles": ("what fails a run unless it is expected or allowed", _troubles),
    "mutants": ("defects of the reference server, for `misbehave` and `mutants`", _table(words.MUTANTS)),
    "presets": ("radios, for `link`", _table(words.LINK_PRESETS)),
    "links": ("values of a radio that a file may change", _link_keys),
    "payloads": ("what an upload may carry", _table(words.PAYLOAD_KEYS)),
    "sensors": ("models, for {sensor: NAME}", _table(words.SENSORS)),
    "operators": ("what a mobile network of `operators` may be told to be", _table(words.OPERATOR_KEYS)),
    "omits": ("what packet gateways may keep to themselves, for `omits`", _table(words.OMITTED)),
    "retransmissions": ("how often packet gateways ask, for `retransmit`", _table(words.RETRANSMISSIONS)),
    "rats": ("radios of mobile networks, for `rat`", _rats),
    "sims": ("what a SIM slot may hold, for `sim`", _table(words.SIM_KEYS)),
    "modems": ("what a modem may be, for `modem`", _table(words.MODEM_KEYS)),
    "certificates": ("what an Internet device shows of itself, for `certificate`", _certificates),
    "connections": ("how an Internet device keeps its session, for `connection`", _table(words.CONNECTION_KEYS)),
    "clocks": ("how wrong the clock of an Internet device is, for `clock` and `set_clock`", _clocks),
    "options": ("options of the embedded server, for `platform`", _table(words.PLATFORM_KEYS)),
    "statistics": ("what the embedded server counts, for `statistics`", _statistics),
    "rejections": ("with which words the embedded server refuses logins, for `outcome`", _rejections),
    "alerts": ("with which words DTLS handshakes are refused, for `outcome`", _alerts),
    "arrivals": ("traffic models, for `over`", _table(words.ARRIVALS)),
    "capabilities": ("what a target may be able to do, for `needs`", _table(words.CAPABILITIES)),
    "scenarios": ("the scenarios below scenarios/, or below what is named", _no_list),
}
"""Name → help, and what makes the list."""

ALSO = {"forms": "expectations"}
"""Other names of lists."""


# --- scenarios --------------------------------------------------------------------------------------------------------


def _print_scenarios(paths: Sequence[Path] | None, as_json: bool) -> int:
    from simulator.report.text import duration

    entries: list[Entry] = []
    wrong = 0
    for path in _files(paths):
        try:
            entries += _scenarios(path)
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
            case = f"[{entry['case']}]" if "case" in entry else ""
            print(f"{entry['file']}{case}\n    {entry['name']}\n    {'; '.join(about)}")
    return ExitCode.USAGE if wrong else ExitCode.PASSED


def _scenarios(path: Path) -> list[Entry]:
    """What a file holds: one scenario, or one for each of its cases."""
    from simulator.scenario import load_all

    return [_scenario(path, scenario) for scenario in load_all(path)]


def _scenario(path: Path, scenario: Scenario) -> Entry:
    from simulator.plan import make_plan

    plan = make_plan(scenario)
    return {
        "name": scenario.promise,
        "file": str(path),
        **({"case": scenario.case} if scenario.case else {}),
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
    parts = [f"{key}: {_joined(entry[key])}" for key in NAMED if entry.get(key)]
    parts += [f"such as {entry['example']}"] if "example" in entry else []
    if "kind" in entry:
        parts.append(entry["kind"] + (", up and down may differ" if entry["both_ways"] else ""))
    return f"  ({'; '.join(parts)})" if parts else ""


def _joined(values: Sequence[str]) -> str:
    """`link` takes every value of a radio: those have a list of their own."""
    shown = [value for value in values if value not in words.LINK_KEYS]
    return ", ".join(shown) + (", and what `list links` shows" if len(shown) < len(values) else "")
