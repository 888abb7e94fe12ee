"""`include`: groups and collections of other files, each mistake with the place in its own file."""

import os
import time
from pathlib import Path

import pytest

from simulator.errors import ScenarioErrors
from simulator.scenario import find, load, loads
from simulator.scenario.include import MAX_ALL_BYTES, MAX_DEPTH, MAX_FILES

MAIN = "scenario: a\ninclude: {include}\ndevices: {{own: }}\nsteps: [{{attach: [own, {others}]}}]\n"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder of scenarios with another beside it; what lies around both is too far away."""
    (tmp_path / "all" / "theme").mkdir(parents=True)
    (tmp_path / "all" / "beside").mkdir()
    return tmp_path / "all" / "theme"


def _write(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def _main(home: Path, include: str, others: str = "meters") -> Path:
    return _write(home / "main.yaml", MAIN.format(include=include, others=others))


def _mistakes(path: Path, home: Path) -> list[str]:
    with pytest.raises(ScenarioErrors) as caught:
        load(path)
    return [line.replace(f"{home.parent}/", "") for line in str(caught.value).split("\n")]


def test_groups_and_their_collections_come_along(home):
    _write(
        home / "_fleet.yaml",
        "about: x\ncollections: {north: {region: n}}\ndevices: {meters: {count: 3, collection: north}}\n",
    )
    scenario = load(_main(home, "_fleet.yaml"))
    assert [(group.name, group.count, group.collection) for group in scenario.groups] == [
        ("meters", 3, "north"),
        ("own", 1, ""),
    ]
    assert [(collection.name, collection.tags) for collection in scenario.collections] == [
        ("north", (("region", "n"),))
    ]
    assert scenario.groups[0].place.file == str(home / "_fleet.yaml")
    assert [subject.text for subject in scenario.steps[0].subjects] == ["own", "meters"]


def test_a_whole_scenario_gives_its_groups_alone(home):
    _write(
        home / "other.yaml",
        "scenario: b\nseed: 9\ntags: [x]\ndevices: {meters: }\ntokens: {t: }\nneeds: [faults]\n"
        "steps: [{upload: meters, as: x}]\nexpect: [{never: [deviceMoved]}]\nallow: [imeiMismatch]\n",
    )
    scenario = load(_main(home, "[other.yaml]"))
    assert (scenario.promise, scenario.seed, scenario.tags, scenario.expect, scenario.allow) == ("a", 0, (), (), ())
    assert (len(scenario.steps), scenario.tokens, scenario.needs) == (1, (), ("login",))


@pytest.mark.parametrize("place", ["theme/below/x.yaml", "theme/x.yaml", "x.yaml", "beside/x.yaml"])
def test_files_may_lie_near(home, place):
    path = home.parent / place
    path.parent.mkdir(exist_ok=True)
    _write(path, "devices: {meters: }\n")
    assert len(load(_main(home, os.path.relpath(path, home))).groups) == 2


def test_what_an_included_file_names_is_relative_to_it(home):
    beside = home.parent / "beside"
    _write(beside / "data.bin", b"\x01\x02")
    _write(beside / "one.yaml", "include: two.yaml\ndevices: {meters: {payload: {file: data.bin}}}\n")
    _write(beside / "two.yaml", "devices: {more: }\n")
    scenario = load(_main(home, "../beside/one.yaml", "meters, more"))
    assert [group.name for group in scenario.groups] == ["more", "meters", "own"]
    assert scenario.groups[1].payload.content == b"\x01\x02"


def test_a_file_that_two_others_include_is_read_once(home):
    _write(home / "_base.yaml", "devices: {base: }\n")
    for name in ("one", "two"):
        _write(home / f"_{name}.yaml", f"include: _base.yaml\ndevices: {{{name}: }}\n")
    scenario = load(_main(home, "[_one.yaml, _two.yaml, _base.yaml]", "base"))
    assert [group.name for group in scenario.groups] == ["base", "one", "two", "own"]
    _write(home / "_base.yaml", "devices: {base: {count: x}}\n")
    assert _mistakes(home / "main.yaml", home) == [
        "theme/_base.yaml:1:25: count is a whole number, not 'x' (write it as 3)"
    ]


def test_all_mistakes_of_all_files_at_once(home):
    _write(home / "_a.yaml", "devices:\n  meters: {cout: 3}\ncollection: {}\n")
    _write(home / "_b.yaml", "devices: {others: {count: 0}}\n")
    main = _write(
        home / "main.yaml",
        "scenario: a\ninclude: [_a.yaml, _b.yaml]\nsteps: [{atach: meters}, {attach: [meters, others, x]}]\n",
    )
    assert _mistakes(main, home) == [
        "theme/_a.yaml:2:12: unknown key 'cout' in group meters (did you mean 'count'?)",
        "theme/_a.yaml:3:1: unknown key 'collection' in an included file (did you mean 'collections'?)",
        "theme/_b.yaml:1:27: count must be from 1 to 1000000, not '0'",
        "theme/main.yaml:3:10: no verb 'atach' (did you mean 'attach'?)",
        "theme/main.yaml:3:52: no group 'x' (known: meters, others)",
    ]


FRAGMENTS = [
    pytest.param(
        "devices: {own: }\n", "main.yaml:3:11: a second group 'own' (the first is at theme/_x.yaml:1:11)", id="groups"
    ),
    pytest.param(
        "devices: {meters: }\nsteps: []\n",
        "_x.yaml:2:1: 'steps' does not belong into an included file (of an",
        id="steps",
    ),
    pytest.param(
        "tokens: {a: }\ndevices: {meters: }\n",
        "_x.yaml:1:1: 'tokens' does not belong into an included file",
        id="tokens",
    ),
    pytest.param(
        "about: x\n",
        "_x.yaml: nothing in this file can be included (it needs devices, collections or include)",
        id="none",
    ),
    pytest.param("- a\n", "_x.yaml:1:1: an included file must be a mapping, not a list", id="a list"),
    pytest.param("devices: {meters\n", "_x.yaml:2:1: not YAML", id="no YAML"),
    pytest.param("", "_x.yaml: the file is empty", id="empty"),
    pytest.param(
        b"devices: {caf\xe9: }\n", "_x.yaml:1:14: byte 0xe9 is not UTF-8 (save the file as UTF-8)", id="latin-1"
    ),
    pytest.param("a: [" * 40, "_x.yaml:1:132: more than 32 levels deep", id="deep"),
    pytest.param(
        "#" * 70_000, "main.yaml:2:10: '_x.yaml' is too large (an included file has at most 64 KiB)", id="large"
    ),
    pytest.param(b"[" * (10 << 20), "main.yaml:2:10: '_x.yaml' is too large", id="10 MiB of nesting"),
    pytest.param("include: _x.yaml\n", "_x.yaml:1:10: the file includes itself", id="itself"),
    pytest.param(
        "include: main.yaml\n", "_x.yaml:1:10: the file includes 'main.yaml', which includes it", id="round in a circle"
    ),
    pytest.param(
        "include: ../../far.yaml\n",
        "_x.yaml:1:10: '../../far.yaml' is too far away (an included file lies in",
        id="far",
    ),
    pytest.param(
        "include: [_y.yaml]\n", "_x.yaml:1:11: there is no file '_y.yaml' (check the name and the folder)", id="missing"
    ),
    pytest.param("devices: &a {meters: }\n", "_x.yaml:1:10: an anchor '&a'", id="an anchor"),
]


@pytest.mark.parametrize(("fragment", "told"), FRAGMENTS)
def test_mistakes_of_an_included_file(home, fragment, told):
    _write(home / "_x.yaml", fragment)
    started = time.process_time()
    (found,) = _one(home, "_x.yaml")
    assert time.process_time() - started < 1.0
    assert found.startswith("theme/" + told)


@pytest.mark.parametrize(
    ("include", "told"),
    [
        ("[]", "2:10: include is empty (name a file, or leave include out)"),
        ("{a: b}", "2:10: include must be a word, not a mapping"),
        ("[[_x.yaml]]", "2:11: include must be a word, not a list"),
        ("[_x.yaml, _x.yaml]", "2:20: '_x.yaml' is included twice (remove one of them)"),
        ("[_x.yaml, ./_x.yaml]", "2:20: './_x.yaml' is included twice (remove one of them)"),
        ("nowhere.yaml", "2:10: there is no file 'nowhere.yaml' (check the name and the folder)"),
        ("../beside", "2:10: '../beside' is a folder (name the file that holds an included file)"),
        ("pipe", "2:10: 'pipe' is not a regular file (an included file is read from a plain file)"),
        ("/dev/zero", "2:10: '/dev/zero' is too far away (an included file lies in the scenario's folder, in the one"),
        ("way_out.yaml", "2:10: 'way_out.yaml' is too far away"),
        ("../../far.yaml", "2:10: '../../far.yaml' is too far away"),
        ('"a\\0b"', "2:10: 'a\\x00b' is no file name"),
        (f"{'x' * 300}.yaml", "2:10: 'xxxx"),
    ],
)
def test_mistakes_of_an_include(home, include, told):
    _write(home / "_x.yaml", "devices: {x: }\n")
    _write(home.parent.parent / "far.yaml", "devices: {x: }\n")
    (home / "way_out.yaml").symlink_to(home.parent.parent / "far.yaml")
    os.mkfifo(home / "pipe")
    (found,) = _one(home, include)
    assert found.startswith(f"theme/main.yaml:{told}")


def _one(home: Path, include: str) -> list[str]:
    main = _write(
        home / "main.yaml", f"scenario: a\ninclude: {include}\ndevices: {{own: }}\nsteps: [{{attach: own}}]\n"
    )
    return _mistakes(main, home)


def test_two_files_with_one_name_for_two_things(home):
    _write(home / "_a.yaml", "devices: {meters: }\ncollections: {north: }\n")
    _write(home / "_b.yaml", "devices: {meters: {count: 2}}\ncollections: {north: }\n")
    assert _mistakes(_main(home, "[_a.yaml, _b.yaml]"), home) == [
        "theme/_b.yaml:1:11: a second group 'meters' (the first is at theme/_a.yaml:1:11)",
        "theme/_b.yaml:2:15: a second collection 'north' (the first is at theme/_a.yaml:2:15)",
    ]


def test_a_chain_of_includes_has_an_end(home):
    for number in range(MAX_DEPTH + 2):
        _write(home / f"_{number}.yaml", f"include: _{number + 1}.yaml\ndevices: {{g{number}: }}\n")
    _write(home / f"_{MAX_DEPTH - 1}.yaml", "devices: {last: }\n")
    assert len(load(_main(home, "_0.yaml", "last")).groups) == MAX_DEPTH + 1
    _write(home / f"_{MAX_DEPTH - 1}.yaml", f"include: _{MAX_DEPTH}.yaml\n")
    assert _mistakes(_main(home, "_0.yaml", "last"), home) == [
        f"theme/_{MAX_DEPTH - 1}.yaml:1:10: more than {MAX_DEPTH} includes deep (include the file directly)"
    ]


def test_many_files_are_too_many(home):
    names = [f"_{number}.yaml" for number in range(MAX_FILES + 1)]
    for number, name in enumerate(names):
        _write(home / name, f"devices: {{g{number}: }}\n")
    assert len(load(_main(home, f"[{', '.join(names[:-1])}]", "g0")).groups) == MAX_FILES + 1
    (found,) = _mistakes(_main(home, f"[{', '.join(names)}]", "g0"), home)
    assert f"more than {MAX_FILES} included files (put groups together into fewer files)" in found


def test_much_text_is_too_much(home):
    for number in range(5):
        _write(home / f"_{number}.yaml", f"devices: {{g{number}: }}\n" + "#" * (MAX_ALL_BYTES // 4))
    (found,) = _mistakes(_main(home, "[_0.yaml, _1.yaml, _2.yaml, _3.yaml]", "g0"), home)
    assert "'_3.yaml' is one file too many (all included files have at most 64 KiB together)" in found


def test_a_text_from_nowhere_includes_nothing():
    with pytest.raises(ScenarioErrors, match="an include needs a scenario in a folder"):
        loads("scenario: a\ninclude: x.yaml\nsteps: [{attach: x}]\n")


def test_fragments_are_no_scenarios_of_their_own(home):
    main, fragment = _main(home, "_x.yaml"), _write(home / "_x.yaml", "devices: {meters: }\n")
    assert find([home.parent]) == [main]
    assert find([fragment]) == [fragment]
    main.unlink()
    with pytest.raises(ScenarioErrors) as caught:
        find([home])
    assert str(caught.value).endswith(
        "no scenario in this folder (scenarios end in .yaml; names that begin with _ are only for include)"
    )
