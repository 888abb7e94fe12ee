"""`cases:` → the tree of each case, with its values in the place of the parameters (scenarios §2).

    cases:
      moved:    {change: {move_sim: a, to: b}, expected: [imeiMismatch]}
      replaced: {change: {insert_sim: a, card: fresh}, expected: [imsiMismatch]}
    steps:
      - $change
      - {attach: a, expect: $expected}

A scalar `$name` stands for a value of any kind, `$case` for the name of the case, and `$$` begins a word with a dollar.
Only the sentence of `scenario:` may have parameters amid other text. Values are taken as they are: a `$` in them is
refused, so nothing is filled in twice, and what a file grows to is known before anything is filled in. A file without
cases has no parameters, and a dollar in it is a dollar.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from simulator.errors import Place, ScenarioError
from simulator.scenario.model import Scenario
from simulator.scenario.nodes import MAX_DEPTH, MAX_NODES, Items, Mapping, Node, Text, Tree
from simulator.scenario.problems import Problems, kind
from simulator.scenario.show import meant, plain, shown
from simulator.scenario.template import BEGINS, CASE, PARAMETER, SENTENCE, Template, Values, measure, unescaped

CASES = "cases"

MAX_CASES = 200
MAX_ALL_NODES = 100_000
"""Values of all cases together: each of them is read by itself, and a hundred thousand take a few seconds."""

MAX_SENTENCE = 1000
"""Characters that parameters bring into the sentence."""

NAME = re.compile(r"[^\W\d][\w.-]{0,63}")
"""Of a case: it names a folder, and stands on command lines."""
EXAMPLE = "{moved: {to: new}, swapped: {to: other}}"


@dataclass(frozen=True, slots=True)
class Case:
    """One case of a file, as if it were the file."""

    name: str
    place: Place
    tree: Tree


@dataclass(frozen=True, slots=True)
class Cases:
    """Those that can be read, and what is wrong with the parameters."""

    found: tuple[Case, ...]
    errors: tuple[ScenarioError, ...]
    place: Place
    after: Place | None
    """Where the values stand: from `place` on, and before the key of the file that comes after; None: to its end."""

    def holds(self, place: Place) -> bool:
        """Whether a place is in a value of a case."""
        inside = place.file == self.place.file and place >= self.place
        return inside and (self.after is None or place < self.after)


def label(scenario: Scenario) -> str:
    """What a scenario is called where cases of one file stand beside one another: `promise [case]`."""
    return f"{scenario.promise} [{scenario.case}]" if scenario.case else scenario.promise


def cases_of(tree: Tree) -> Cases | None:
    """The cases of a file; None if it has none. Raises: ScenarioErrors: too many mistakes to be of use."""
    root = tree.root
    if not isinstance(root, Mapping):
        return None
    entry = next(((key, value) for key, value in root.entries if key.value == CASES), None)
    if entry is None:
        return None
    key, section = entry
    after = min((other.place for other, _ in root.entries if other.place > key.place), default=None)
    problems = Problems(tree.errors)
    declared = _declared(problems, key, section)
    template = Template(Mapping(tuple((k, v) for k, v in root.entries if k.value != CASES), root.place))
    if declared is None:
        return Cases((), problems.errors, key.place, after)
    template.errors_into(problems, declared)
    whole = [case for case in declared if _is_complete(problems, case, declared, template)]
    _note_unused(problems, declared, template)
    fit = _that_fit(problems, section, whole, template)
    errors = problems.errors
    found = tuple(Case(case.name, case.place, Tree(template.filled(case), errors)) for case in fit)
    return Cases(found, errors, key.place, after)


# --- the section ------------------------------------------------------------------------------------------------------


def _declared(problems: Problems, key: Text, section: Node) -> list[Values] | None:
    """The cases as they are written; None (and noted) if nothing can be said of them."""
    if isinstance(section, Text) and section.missing:
        problems.add(f"'{CASES}' has no value", key.place, f"write it as {CASES}: {EXAMPLE}")
        return None
    mapping = problems.mapping(section, CASES, EXAMPLE)
    if mapping is None:
        return None
    if not mapping.entries:
        problems.add(f"{CASES} is empty", mapping.place, f"write it as {EXAMPLE}, or leave it out")
        return None
    if (count := len(mapping.entries)) > MAX_CASES:
        problems.add(f"{count} cases", section.place, f"a file has at most {MAX_CASES}; write several files")
        return None
    found: list[Values] = []
    for name, values in mapping.entries:
        case = Values(name.value, name.place)
        found.append(case)
        if not NAME.fullmatch(name.value):
            hint = "a name begins with a letter and has letters, digits, ., - and _, at most 64 of them"
            problems.add(f"{shown(name.value)} cannot name a case", name.place, hint)
            case.flawed = True
        if isinstance(values, Text) and values.missing:
            continue  # it has no parameters, only its name
        parameters = problems.mapping(values, f"case {plain(name.value)}", "{to: new}")
        case.flawed = case.flawed or parameters is None
        for parameter, value in parameters.entries if parameters else ():
            _take(problems, case, parameter, value)
    return found


def _take(problems: Problems, case: Values, key: Text, value: Node) -> None:
    """One parameter of a case. It is known from now on, also if its value is of no use."""
    name = key.value
    if name == CASE:
        problems.add(f"'{CASE}' cannot name a parameter", key.place, f"${CASE} is the name of the case")
        return
    if not PARAMETER.fullmatch(name):
        hint = "a name begins with a letter and has letters, digits and _, at most 64 of them"
        problems.add(f"{shown(name)} cannot name a parameter", key.place, hint)
        return
    if isinstance(value, Text) and value.missing:
        problems.add(f"parameter {shown(name)} has no value", key.place, 'write "" for an empty text, [] for nothing')
        case.flawed = True
    case.values[name] = (key, _as_it_is(problems, value))


def _as_it_is(problems: Problems, node: Node) -> Node:
    """A value, in which dollars have been unescaped and parameters refused."""
    if isinstance(node, Items):
        return Items(tuple(_as_it_is(problems, item) for item in node.items), node.place)
    if isinstance(node, Mapping):
        entries = ((_value_word(problems, key), _as_it_is(problems, value)) for key, value in node.entries)
        return Mapping(tuple(entries), node.place)
    return _value_word(problems, node)


def _value_word(problems: Problems, text: Text) -> Text:
    if BEGINS.match(text.value):
        hint = "values of cases are taken as they are; write $$ for a dollar"
        problems.add(f"a parameter {shown(text.value)} in a value", text.place, hint)
    return unescaped(text)


# --- whether they fit -------------------------------------------------------------------------------------------------


def _is_complete(problems: Problems, case: Values, declared: Iterable[Values], template: Template) -> bool:
    """Whether a case has all that the file uses; what no case has is told where it is used."""
    if case.flawed and not case.values:
        return False
    known = {name for other in declared for name in other.values}
    missing = [name for name in template.uses if name in known and name not in case.values]
    for name in missing:
        near = [other for other in case.values if other not in template.uses]
        hint = meant(name, near)
        hint = hint if hint.startswith("did you") else "all cases have the same parameters"
        problems.add(f"case {plain(case.name)} without {name}", case.place, hint)
    return _fits_sentence(problems, case, template) and not missing and not case.flawed


def _fits_sentence(problems: Problems, case: Values, template: Template) -> bool:
    length = 0
    for name in template.in_sentence:
        value = case.values[name][1] if name in case.values else None
        if isinstance(value, Text):
            length += len(value.value)
        elif value is not None:
            problem = f"${name} of case {plain(case.name)} is a {kind(value)}"
            problems.add(problem, value.place, f"it stands in the sentence of {SENTENCE}:, which takes words")
            return False
    if length > MAX_SENTENCE:
        hint = f"parameters bring at most {MAX_SENTENCE} characters into the sentence of {SENTENCE}:"
        problems.add(f"case {plain(case.name)} has {length} characters for its sentence", case.place, hint)
    return length <= MAX_SENTENCE


def _note_unused(problems: Problems, declared: Iterable[Values], template: Template) -> None:
    told: set[str] = set()
    for case in declared:
        for name, (key, _) in case.values.items():
            if name in template.uses or name in told:
                continue
            told.add(name)
            near = meant(name, [used for used in template.uses if used not in case.values])
            hint = near if near.startswith("did you") else f"write ${name} where it is meant, or remove it"
            problems.add(f"parameter {shown(name)} is not used", key.place, hint)


def _that_fit(problems: Problems, section: Node, cases: list[Values], template: Template) -> list[Values]:
    """Those that are neither too deep nor too large with their values; nothing, if all of them together are too large.

    All of this is reckoned: what is too large is never filled in.
    """
    fit: list[Values] = []
    total = 0
    for case in cases:
        size = template.size
        deep = None
        for name, uses in template.uses.items():
            if name not in case.values:
                continue
            value = case.values[name][1]
            count, height = measure(value)
            size += len(uses) * count
            deep = value if max(use.depth for use in uses) + height > MAX_DEPTH else deep
        total += size
        if deep is not None:
            hint = f"a scenario has at most {MAX_DEPTH}, together with what stands around the parameter"
            problems.add(f"case {plain(case.name)}: more than {MAX_DEPTH} levels deep", deep.place, hint)
        elif size > MAX_NODES:
            hint = f"with its parameters filled in, a case has at most {MAX_NODES}"
            problems.add(f"case {plain(case.name)} has {size} values", case.place, hint)
        else:
            fit.append(case)
    if total > MAX_ALL_NODES:
        hint = f"with their parameters filled in, they have at most {MAX_ALL_NODES}; write several files"
        problems.add(f"all cases together have {total} values", section.place, hint)
        return []
    return fit
