"""A scenario file → a `Scenario`, or everything that is wrong with it; and which files a command line means.

One line of errors looks like `scenarios/silent.yaml:14:5: no group 'tracker' (did you mean 'trackers'?)`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from simulator.errors import Place, ScenarioError, ScenarioErrors
from simulator.scenario.access import observers, tokens
from simulator.scenario.blocks import story
from simulator.scenario.case_errors import CaseErrors
from simulator.scenario.cases import Case, cases_of
from simulator.scenario.checks import check_whole, needs
from simulator.scenario.expectations import whole_run
from simulator.scenario.groups import collections, groups
from simulator.scenario.include import sources
from simulator.scenario.inet import resolve_copies
from simulator.scenario.model import Scenario
from simulator.scenario.nodes import Items, Node, Text, Tree, refused
from simulator.scenario.operators import operators, platform_options
from simulator.scenario.possible import check_possible
from simulator.scenario.problems import Fields, Problems
from simulator.scenario.proof import mutants
from simulator.scenario.reading import Files, Reading
from simulator.scenario.show import meant, shown
from simulator.scenario.sims import resolve_clones
from simulator.scenario.source import parse, read
from simulator.words import INVARIANTS, TOP_KEYS, TROUBLES, nearest

SUFFIXES = (".yaml", ".yml")
WORD = re.compile(r"[\w.:-]{1,64}")
MAX_SEED = 2**63 - 1
MAX_ALL_STEPS = 10_000
"""Steps of all cases of a file when their repeats are written out."""


def load(path: Path, case: str = "") -> Scenario:
    """The scenario of a file, or, if it has cases, the one of that name.

    Raises: ScenarioErrors with all mistakes of the file, or why it cannot be read; also if the file has cases and none
    is named, or the other way round.
    """
    return _one(read(path), str(path), path.parent, case)


def loads(text: str, file: str = "scenario", folder: Path | None = None, case: str = "") -> Scenario:
    """The scenario of a text; `file` is what places are called, `folder` where payloads from files are looked for.

    Raises: ScenarioErrors.
    """
    return _one(parse(text, file), file, folder, case)


def load_all(path: Path) -> list[Scenario]:
    """The scenarios of a file: one for each of its cases, in their order, or the one that it is. Raises: as `load`."""
    return _all(read(path), str(path), path.parent)


def loads_all(text: str, file: str = "scenario", folder: Path | None = None) -> list[Scenario]:
    """The scenarios of a text, as `loads` and `load_all`. Raises: ScenarioErrors."""
    return _all(parse(text, file), file, folder)


def find(paths: Sequence[Path]) -> list[Path]:
    """The scenario files that are meant: files as they are, folders with all `.yaml` in and below them, sorted.

    In folders, files whose names begin with `_` are left out: they are there to be included by others. file once,
    in the order of `paths`. Raises: ScenarioErrors: a path that is not there, or a folder without any.
    """
    found: dict[Path, None] = {}
    errors: list[ScenarioError] = []
    for path in paths:
        try:
            here = _below(path) if path.is_dir() else [path]
            there = path.exists()
        except OSError as error:  # a name that is too long, for one
            errors.append(ScenarioError(f"cannot be looked at: {error.strerror}", Place(str(path))))
            continue
        if not here:
            hint = "scenarios end in .yaml; names that begin with _ are only for include"
            errors.append(ScenarioError("no scenario in this folder", Place(str(path)), hint))
        elif not there:
            errors.append(ScenarioError("no such file or folder", Place(str(path)), "check the name and the folder"))
        found.update(dict.fromkeys(here))
    if errors:
        raise ScenarioErrors(errors)
    return list(found)


def _below(folder: Path) -> list[Path]:
    """Without hidden folders, and without following links, which may lead round in circles."""
    found: list[Path] = []
    for here, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(here, name) for name in files if name.endswith(SUFFIXES) and not name.startswith((".", "_"))]
    return sorted(found)


def _one(tree: Tree, file: str, folder: Path | None, name: str) -> Scenario:
    cases = cases_of(tree)
    if cases is None:
        if name:
            raise refused("the file has no cases", Place(file), f"so there is none that is called {shown(name)}")
        return _scenario(tree, file, folder)
    found = next((case for case in cases.found if case.name == name), None)
    told = CaseErrors(cases, file)
    if found is None:
        told.raise_if_any()
        names = [case.name for case in cases.found]
        if name:
            raise refused(f"no case {shown(name)}", cases.place, meant(name, names))
        hint = f"read it with load_all, or name one of them: case={names[0]!r}"
        raise refused(f"the file has cases, {len(names)} of them", cases.place, hint)
    scenario = _of_case(found, file, folder, Files(), told)
    told.raise_if_any()
    assert scenario is not None
    return scenario


def _all(tree: Tree, file: str, folder: Path | None) -> list[Scenario]:
    cases = cases_of(tree)
    if cases is None:
        return [_scenario(tree, file, folder)]
    told, files = CaseErrors(cases, file), Files()
    found: list[Scenario] = []
    steps = 0
    for case in cases.found:
        scenario = _of_case(case, file, folder, files, told)
        if scenario is not None:
            found.append(scenario)
            steps += len(scenario.steps)
        if steps > MAX_ALL_STEPS:
            problem = "too many steps in all cases together"
            hint = f"at most {MAX_ALL_STEPS} when repeats are written out; write several files"
            told.add(case.name, [ScenarioError(problem, case.place, hint)])
        if told.enough or steps > MAX_ALL_STEPS:
            break
    told.raise_if_any()
    return found


def _of_case(case: Case, file: str, folder: Path | None, files: Files, told: CaseErrors) -> Scenario | None:
    """None (and told) if it cannot be read."""
    try:
        scenario = _scenario(case.tree, file, folder, files)
    except ScenarioErrors as errors:
        told.add(case.name, errors.errors)
        return None
    told.add(case.name, ())
    return replace(scenario, case=case.name)


def _scenario(tree: Tree, file: str, folder: Path | None, files: Files | None = None) -> Scenario:
    problems = Problems(tree.errors)
    reading = Reading(problems, folder, files=files or Files())
    mapping = problems.mapping(tree.root, "a scenario", "scenario: A sentence that states a promise")
    if mapping is None:
        problems.raise_if_any()
        raise AssertionError("a problem was noted")
    fields = Fields(mapping, problems, "a scenario", TOP_KEYS)
    promise, about, seed = fields.get("scenario"), fields.get("about"), fields.get("seed")
    for key, why in (("scenario", "one sentence that states a promise"), ("steps", "what happens, in order")):
        if not any(_means(word, key) for word in mapping.words()):
            problems.add(f"no {key}", Place(file), f"every scenario has {key}: {why}")

    # Names are declared before they are used, whatever the order of the file.
    networks = operators(reading, fields.get("operators"))
    all_sources = sources(reading, fields, file)
    for source in all_sources:
        collections(reading, source.collections)
    for source in all_sources:
        reading.folder = source.folder
        groups(reading, source.devices)
    resolve_clones(reading)
    resolve_copies(reading)
    shown_tokens = tokens(reading, fields.get("tokens"))
    listeners = observers(reading, fields.get("observers"))
    steps, flow = story(reading, fields.get("steps"))
    expect = whole_run(reading, fields.get("expect"))
    allow = _allowed(problems, fields.get("allow"))
    options = platform_options(reading, fields.get("platform"))
    check_whole(reading, steps)
    check_possible(reading, steps, expect, options)
    scenario = Scenario(
        promise="" if promise is None else _sentence(problems, promise, "scenario"),
        place=fields.at("scenario"),
        about="" if about is None else _sentence(problems, about, "about"),
        tags=_words(problems, fields.get("tags"), "tags"),
        seed=0 if seed is None else problems.integer(seed, "seed", 0, MAX_SEED) or 0,
        mutants=mutants(reading, fields.get("mutants"), steps, expect, allow),
        needs=needs(reading, fields.get("needs"), steps, expect, options),
        collections=tuple(reading.collections.values()),
        tokens=shown_tokens,
        observers=listeners,
        operators=networks,
        platform=options,
        groups=tuple(reading.groups.values()),
        steps=steps,
        flow=flow,
        expect=expect,
        allow=allow,
        all_in_order=_all_in_order(problems, fields.get("order")),
    )
    problems.raise_if_any()
    return scenario


def _means(word: str, key: str) -> bool:
    """Whether a key of the file is this one, or this one mistyped, which is told where it stands."""
    return word == key or (word not in TOP_KEYS and nearest(word, TOP_KEYS) == key)


def _sentence(problems: Problems, node: Node, what: str) -> str:
    """Prose, with its line breaks made spaces. It goes to terminals and reports, so nothing in it may steer them."""
    text = problems.word(node, what)
    if text is None:
        return ""
    prose = " ".join(text.value.split())
    if not prose.isprintable():
        problems.add(f"{what} has a control character in it", text.place, "remove it")
    return prose


def _words(problems: Problems, node: Node | None, what: str) -> tuple[str, ...]:
    """A list of words, none twice."""
    if node is None:
        return ()
    found: dict[str, None] = {}
    for item in problems.items(node, what, "[one, two]"):
        text = problems.word(item, f"an entry of {what}")
        if text is None:
            continue
        if not WORD.fullmatch(text.value):
            problems.add(f"{shown(text.value)} in {what} is no word", text.place, "use letters, digits, - and _")
        elif text.value in found:
            problems.add(f"{shown(text.value)} is twice in {what}", text.place, "remove one of them")
        found[text.value] = None
    return tuple(found)


def _allowed(problems: Problems, node: Node | None) -> tuple[str, ...]:
    if node is None:
        return ()
    known = (*TROUBLES, *INVARIANTS)
    if isinstance(node, Items):
        for item in node.items:
            if isinstance(item, Text) and item.value not in known and not item.missing:
                problems.add(f"no trouble or invariant {shown(item.value)}", item.place, meant(item.value, known))
    return _words(problems, node, "allow")


def _all_in_order(problems: Problems, node: Node | None) -> bool:
    if node is None:
        return False
    text = problems.word(node, "order")
    if text is not None and text.value != "all":
        problems.add(f"no order {shown(text.value)}", text.place, "the only one is all; leave it out otherwise")
    return text is not None and text.value == "all"
