"""`cases:`: one story several times, each with its own values."""

from __future__ import annotations

import time

import pytest

from simulator.errors import ScenarioErrors
from simulator.scenario import label, load, load_all, loads, loads_all
from simulator.scenario import model as m

MATRIX = """\
scenario: "A SIM that is $how shows ($case)"
about: $$HOME and $5 are text
tags: [$case, sim]
seed: $seed
cases:
  moved:
    {how: put elsewhere, seed: 7, act: {move_sim: a, to: b}, who: b, expected: [{imeiMismatch: {}, of: a}],
     identity: {}, mutants: {imeiMismatch-missing: "steps[1].expect[0]"}}
  not.moved:
    how: left where it is
    seed: 8
    act: {wait: 1 s}
    who: a
    expected: []
    identity: {imei: blank}
    mutants: {}
mutants: $mutants
devices:
  a: {identity: $identity}
  b: {sim: none, registered: no}
steps:
  - $act
  - {attach: "$who", outcome: any, expect: $expected, never: [deviceRemoved]}
  - {upload: a, payload: {text: $$x}, outcome: any}
"""


def told(text: str) -> list[str]:
    try:
        loads_all(text, "f")
    except ScenarioErrors as errors:
        return [line.removeprefix("f:").strip() for line in str(errors).split("\n")]
    return []


# --- what becomes of them ---------------------------------------------------------------------------------------------


def test_each_case_is_a_scenario_of_its_own():
    moved, left = loads_all(MATRIX, "f")
    assert [(one.case, one.promise) for one in (moved, left)] == [
        ("moved", "A SIM that is put elsewhere shows (moved)"),
        ("not.moved", "A SIM that is left where it is shows (not.moved)"),
    ]
    assert (moved.tags, moved.seed, left.tags, left.seed) == (("moved", "sim"), 7, ("not.moved", "sim"), 8)
    assert [step.text for step in moved.steps] == ["move_sim a to b", "attach b", "upload a"]
    assert [step.text for step in left.steps] == ["wait 1 s", "attach a", "upload a"]
    assert ([len(one.steps[1].expect) for one in (moved, left)], left.steps[1].never[0].name) == (
        [1, 0],
        "deviceRemoved",
    )
    assert (moved.mutants, left.mutants) == ((("imeiMismatch-missing", ("steps[1].expect[0]",)),), ())
    assert [one.groups[0].blank for one in (moved, left)] == [frozenset(), frozenset({"imei"})]
    assert moved.steps[1].expect[0].of.group == "a"


def test_a_dollar_twice_is_a_dollar_and_what_is_no_name_is_text():
    (one, _) = loads_all(MATRIX)
    assert one.about == "$HOME and $5 are text"
    assert one.steps[2].act.payload.content == b"$x"


def test_what_is_filled_in_stands_where_it_was_written():
    (one, other) = loads_all(MATRIX, "f")
    assert (one.steps[0].place.line, one.steps[1].place.line, one.steps[1].expect[0].matcher.place.line) == (7, 23, 7)
    assert (other.steps[0].place.line, other.place.line) == (12, 1)


def test_a_case_is_told_by_its_label():
    assert [label(one) for one in loads_all(MATRIX)][
        1
    ] == "A SIM that is left where it is shows (not.moved) [not.moved]"
    assert label(loads("scenario: a\nsteps: [{wait: 1 s}]\n")) == "a"


def test_a_file_without_cases_has_one_scenario_and_its_dollars_are_text(tmp_path):
    text = "scenario: Costs $x\ndevices: {a: {payload: {text: $$x}, tags: {$k: $v}}}\nsteps: [{attach: a}]\n"
    (one,) = loads_all(text)
    assert (one.case, one.promise, one.groups[0].payload.content) == ("", "Costs $x", b"$$x")
    assert one.groups[0].tags == (("$k", "$v"),)
    (tmp_path / "f.yaml").write_text(text)
    assert load_all(tmp_path / "f.yaml")[0] == load(tmp_path / "f.yaml")


def test_cases_may_have_names_alone():
    found = loads_all("scenario: Is it $case?\ncases: {one: , two: }\nsteps: [{wait: 1 s, as: $case}]\n")
    assert [(one.promise, one.steps[0].name) for one in found] == [("Is it one?", "one"), ("Is it two?", "two")]


def test_a_parameter_may_be_anything(tmp_path):
    (tmp_path / "_fleet.yaml").write_text("devices: {m: {count: 3}}")
    (tmp_path / "data.bin").write_bytes(b"abc")
    (tmp_path / "f.yaml").write_text(
        "scenario: a\n"
        "cases: {x: {devices: {n: }, steps: [{attach: n}, {upload: m}], more: _fleet.yaml, file: data.bin}}\n"
        "include: $more\ndevices: $devices\nsteps:\n"
        "  - {upload: m, payload: {file: $file}}\n"
        "  - repeat: {times: 2, steps: $steps}\n"
    )
    (one,) = load_all(tmp_path / "f.yaml")
    assert [group.name for group in one.groups] == ["m", "n"]
    assert [step.text for step in one.steps][1:3] == ["attach n (1 of 2)", "upload m (1 of 2)"]
    assert one.steps[0].act.payload.content == b"abc"


def test_values_keep_their_quotes():
    values = "{a: any, b: 'any'}"
    step = "{attach: m, expect: [{ciotConnect: {imsi: $a, ip: $b}}]}"
    (one,) = loads_all(f"scenario: a\ncases: {{x: {values}}}\ndevices: {{m: }}\nsteps: [{step}]\n")
    assert [found.op for _, found in one.steps[0].expect[0].matcher.conditions] == ["any", "equals"]


def test_one_case_can_be_asked_for(tmp_path):
    assert loads(MATRIX, case="not.moved") == loads_all(MATRIX)[1]
    (tmp_path / "f.yaml").write_text(MATRIX)
    assert load(tmp_path / "f.yaml", case="moved").case == "moved"
    with pytest.raises(ScenarioErrors, match=r"^f:5:1: no case 'movd' \(did you mean 'moved'\?\)$"):
        loads(MATRIX, "f", case="movd")
    with pytest.raises(ScenarioErrors, match=r"^f:5:1: the file has cases, 2 of them \(read it with load_all, or name"):
        loads(MATRIX, "f")
    with pytest.raises(ScenarioErrors, match=r"^f: the file has no cases \(so there is none that is called 'x'\)$"):
        loads("scenario: a\nsteps: [{wait: 1 s}]\n", "f", case="x")


# --- what is wrong with them ------------------------------------------------------------------------------------------

HEAD = "scenario: a\ndevices: {m: , n: }\n"
STEPS = "steps: [{attach: $who, expect: $seen}]\n"

MISTAKES = [
    ("cases:", "3:1: 'cases' has no value (write it as cases: {moved: {to: new}, swapped: {to: other}})"),
    ("cases: {}", "3:8: cases is empty (write it as {moved: {to: new}, swapped: {to: other}}, or leave it out)"),
    ("cases: [a]", "3:8: cases must be a mapping, not a list (write it as {moved: {to: new}, swapped: {to: other}})"),
    ("cases: {a: [m]}", "3:12: case a must be a mapping, not a list (write it as {to: new})"),
    ("cases: {a b: {who: m, seen: []}}", "3:9: 'a b' cannot name a case (a name begins with a letter and has"),
    ("cases: {.: {who: m, seen: []}}", "3:9: '.' cannot name a case"),
    ("cases: {a/b: {who: m, seen: []}}", "3:9: 'a/b' cannot name a case"),
    ("cases: {a: {who: m, seen: [], 1a: x}}", "3:31: '1a' cannot name a parameter (a name begins with a letter and"),
    ("cases: {a: {who: m, seen: [], a-b: x}}", "3:31: 'a-b' cannot name a parameter"),
    ("cases: {a: {who: m, seen: [], case: x}}", "3:31: 'case' cannot name a parameter ($case is the name of the case)"),
    ("cases: {a: {who: , seen: []}}", "3:13: parameter 'who' has no value (write \"\" for an empty text, [] for noth"),
    ("cases: {a: {who: m, seen: [], x: 1}}", "3:31: parameter 'x' is not used (write $x where it is meant, or remove"),
    ("cases: {a: {who: m}, b: {who: m, seen: []}}", "3:9: case a without seen (all cases have the same parameters)"),
    (
        "cases: {a: {who: m, sen: []}, b: {who: m, seen: []}}",
        "3:9: case a without seen (did you mean 'sen'?) && 3:21: parameter 'sen' is not used (did you mean 'seen'?)",
    ),
    ("cases: {a: {who: m}}", "4:32: no parameter '$seen' (known: $who, $case; $$ is a dollar)"),
    (
        "cases: {a: {whom: m, seen: []}}",
        "4:18: no parameter '$who' (did you mean '$whom'?; $$ is a dollar) && 3:13: par",
    ),
    ("cases: {a: {who: $m, seen: []}}", "3:18: a parameter '$m' in a value (values of cases are taken as they are; wr"),
    ("cases: {a: {who: m, seen: [{$x: }]}}", "3:29: a parameter '$x' in a value (values of cases are taken as they"),
    # in the values
    ("cases: {a: {who: nobody, seen: []}}", "3:18: case a: no group 'nobody' (known: m, n)"),
    (
        "cases: {a: {who: m, seen: []}, b: {who: m, seen: [ciotConect]}}",
        "3:51: case b: no event 'ciotConect' (did you mean 'ciotConnect'?)",
    ),
    (
        "cases: {a: {who: x, seen: []}, b: {who: y, seen: []}}",
        "3:18: case a: no group 'x' (known: m, n) && 3:41: case b: no group 'y' (known: m, n)",
    ),
    ("cases: {a: {who: m, seen: nothing}}", "3:27: case a: expect must be a list (write it as [ciotConnect])"),
    ("cases: {a: {who: [m, m], seen: []}}", "3:22: case a: 'm' is already in 'm' (remove one of them)"),
]


@pytest.mark.parametrize(("cases", "expected"), MISTAKES)
def test_mistakes_of_cases(cases, expected):
    found, parts = told(f"{HEAD}{cases}\n{STEPS}"), expected.split(" && ")
    assert len(found) == len(parts), found
    assert all(any(part in line for line in found) for part in parts), found


RIGHT = "cases: {a: {who: m, seen: []}, b: {who: n, seen: [ciotConnect]}}\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{HEAD}{RIGHT}{STEPS}seed: x\n", ["5:7: seed is a whole number, not 'x' (write it as 3)"]),
        (f"{HEAD}{RIGHT}{STEPS}tags: [$who.x]\n", [
            "5:8: '$who.x' is more than a parameter (a parameter is the whole value, but for the sentence of scenario:;"
            " write $$ for a dollar)"
        ]),
        (f"{HEAD}{RIGHT}{STEPS}tags: {{$who: x}}\n", [
            "5:8: a key cannot be a parameter: '$who' (a whole mapping may be", "5:7: tags must be a list",
        ]),
        (f"{HEAD}{RIGHT}{STEPS}about: $whom\n", ["5:8: no parameter '$whom' (did you mean '$who'?; $$ is a dollar)"]),
        (HEAD.replace("scenario: a", "scenario: a $seen") + RIGHT + STEPS, [
            "3:27: $seen of case a is a list (it stands in the sentence of scenario:, which takes words)",
            "3:50: $seen of case b is a list",
        ]),
        (HEAD.replace("scenario: a", "scenario: a $sen") + RIGHT + STEPS, [
            "1:11: no parameter '$sen' (did you mean '$seen'?; $$ is a dollar)",
        ]),
        (f"{HEAD}{RIGHT}steps: [{{attach: $who, expect: $seen}}, {{attach: n, outcome: $case}}]\n", [
            "4:61: case a: no outcome 'a' (known: ", "4:61: case b: no outcome 'b' (known: ",
        ]),
        # what only one of the cases has is told with its name, wherever it stands
        (f"{HEAD}{RIGHT}steps: [{{attach: [$who, n], expect: $seen}}]\n", [
            "4:25: case b: 'n' is already in 'n' (remove one of them)",
        ]),
        (f"scenario: a\nscenario: b\n{RIGHT}{STEPS}", [
            "2:1: key 'scenario' appears twice (first at line 1; remove one of them)",
            "3:18: case a: no group 'm'", "3:41: case b: no group 'n'",
        ]),
    ],
)  # fmt: skip
def test_what_is_wrong_in_every_case_is_told_once(text, expected):
    found = told(text)
    assert len(found) == len(expected), found
    assert all(any(part in line for line in found) for part in expected), found


def test_a_file_with_cases_cannot_be_included(tmp_path):
    (tmp_path / "_fleet.yaml").write_text(MATRIX)
    (tmp_path / "f.yaml").write_text("scenario: a\ninclude: _fleet.yaml\nsteps: [{wait: 1 s}]\n")
    with pytest.raises(ScenarioErrors, match="a file with cases cannot be included"):
        load_all(tmp_path / "f.yaml")


# --- how much they may be ---------------------------------------------------------------------------------------------


def _quickly(text: str, within_s: float = 1.0) -> list[str]:
    started = time.process_time()
    found = told(text)
    assert time.process_time() - started < within_s
    return found


def test_sixty_cases_are_read_in_no_time():
    cases = "".join(f"  case{n}: {{who: m, seen: [ciotConnect], n: {n}}}\n" for n in range(60))
    started = time.process_time()
    assert len(loads_all(f"{HEAD}cases:\n{cases}seed: $n\n{STEPS}")) == 60
    assert time.process_time() - started < 0.5


WIDE = "[" + ", ".join(["ciotConnect"] * 900) + "]"
DEEP = "[" * 28 + "]" * 28
AROUND = "steps: [{together: [{repeat: {times: 2, steps: [{attach: $who, expect: $seen}]}}]}]"
BOMBS = [
    pytest.param(
        HEAD + "cases: {" + ", ".join(f"c{n}: {{who: m, seen: []}}" for n in range(201)) + "}\n" + STEPS,
        "3:8: 201 cases (a file has at most 200; write several files)",
        id="many cases",
    ),
    pytest.param(
        f"{HEAD}cases: {{a: {{who: m, seen: {DEEP}}}}}\n{AROUND}\n",
        "3:27: case a: more than 32 levels deep (a scenario has at most 32, together with what stands around",
        id="deep values",
    ),
    pytest.param(
        f"{HEAD}cases: {{a: {{who: m, seen: {WIDE}}}}}\nsteps: ["
        + ", ".join(["{attach: $who, expect: $seen}"] * 600)
        + "]\n",
        "3:9: case a has 5",
        id="wide values, often",
    ),
    pytest.param(
        f"{HEAD}cases: {{a: {{x: [$y, $y, $y], y: [$x, $x, $x]}}}}\nsteps: [{{attach: m, expect: $x, never: $y}}]\n",
        "a parameter '$y' in a value",
        id="values in values",
    ),
    pytest.param(
        "scenario: " + "$x" * 9_000 + "\ncases: {a: {x: " + "y" * 40_000 + "}}\nsteps: [{wait: 1 s}]\n",
        "case a has 360000000 characters for its sentence (parameters bring at most 1000 characters",
        id="a long sentence",
    ),
    pytest.param(
        HEAD
        + "cases: {"
        + ", ".join(f"c{n}: {{who: m, seen: []}}" for n in range(200))
        + "}\nsteps: [{attach: $who, expect: $seen}, "
        + ", ".join(["{attach: m}"] * 400)
        + "]\n",
        "3:8: all cases together have",
        id="much in every case",
    ),
    pytest.param(
        HEAD
        + "cases: {"
        + ", ".join(f"c{n}: {{who: m, seen: []}}" for n in range(200))
        + "}\nsteps: [{repeat: {times: 4000, steps: [{attach: $who, expect: $seen}]}}]\n",
        "case c2: too many steps in all cases together (at most 10000 when repeats are written out",
        id="long repeats in every case",
    ),
    pytest.param(
        HEAD + "cases: {" + ", ".join(f"c{n}: {{who: x{n}, seen: []}}" for n in range(200)) + "}\n" + STEPS,
        "3:19: case c0: no group 'x0'",
        id="a mistake in every case",
    ),
    pytest.param(
        f"{HEAD}cases: {{a: {{who: m, seen: []}}, b: {{who: m, seen: []}}}}\nsteps: [{{attach: $who, expect: $seen}}, "
        + ", ".join(["{atach: m}"] * 800)
        + "]\n",
        "100 mistakes or more; the rest is not shown",
        id="a wall of mistakes",
    ),
    pytest.param(
        HEAD + "cases: {a: {" + ", ".join(f"p{n}: x" for n in range(2_500)) + "}}\n" + STEPS,
        "100 mistakes or more",
        id="a wall of parameters",
    ),
    pytest.param(
        f"{HEAD}cases: {{a: {{who: m, seen: []}}}}\nsteps: [" + ", ".join(["$nobody"] * 2_500) + "]\n",
        "100 mistakes or more",
        id="a wall of unknown parameters",
    ),
]


@pytest.mark.parametrize(("text", "expected"), BOMBS)
def test_what_grows_too_large_is_refused_before_it_grows(text, expected):
    found = _quickly(text, within_s=1.5)
    assert any(expected in line for line in found), found[:3]


def test_an_included_file_is_parsed_once_also_if_it_is_wrong(tmp_path):
    (tmp_path / "_good.yaml").write_text("devices:\n" + "".join(f"  g{n}: {{count: 2}}\n" for n in range(90)))
    (tmp_path / "_bad.yaml").write_text("devices:\n" + "".join(f"  g{n}: {{count: 2}}\n" for n in range(900)) + "  ]")
    cases = ", ".join(f"c{n}: {{n: {n}}}" for n in range(50))
    for name, right in (("_good.yaml", True), ("_bad.yaml", False)):
        (tmp_path / "f.yaml").write_text(
            f"scenario: a\ninclude: {name}\ncases: {{{cases}}}\nseed: $n\nsteps: [{{wait: 1 s}}]\n"
        )
        started = time.process_time()
        if right:
            assert len(load_all(tmp_path / "f.yaml")) == 50
        else:
            with pytest.raises(ScenarioErrors) as caught:
                load_all(tmp_path / "f.yaml")
            assert len(caught.value.errors) == 1
        assert time.process_time() - started < 1.0


def test_a_case_is_a_model_like_any_other():
    assert all(isinstance(one, m.Scenario) for one in loads_all(MATRIX))
