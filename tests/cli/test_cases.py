"""Files with cases on the command line: each case is told apart, chosen by its name, and run by itself."""

from __future__ import annotations

import json
import xml.etree.ElementTree as Xml

import pytest

from simulator.cli.files import of_cases
from simulator.cli.list_command import print_list
from simulator.cli.prove_command import prove
from simulator.cli.run_command import check_files
from simulator.cli.selection import Selection
from simulator.errors import UsageError
from simulator.scenario import loads_all

CASES = """\
scenario: A meter is $how
tags: [smoke]
cases:
  heard: {how: heard, seen: [ciotConnect], count: 1, mutants: {ciotConnect-missing: act-once}}
  misheard: {how: misheard, seen: [imsiMismatch], count: 2, mutants: {ciotConnect-missing: act-once}}
mutants: $mutants
devices:
  meter: {transport: coap, count: $count}
steps:
  - {attach: meter, expect: $seen}
expect:
  - {each: meter, sees: {upstreamMessage: {colour: red}}, at_least: 0}
"""
PLAIN = "scenario: A meter waits\ndevices: {meter: }\nsteps: [{wait: 1 s}]\n"


def test_a_case_is_named_in_every_report(simulator, scenario, tmp_path):
    scenario(CASES, "theme/meter.yaml")
    done = simulator("run", "theme/meter.yaml", "--out", "out")
    assert done.returncode == 1
    assert "PASS  theme/meter.yaml  A meter is heard [heard]\n" in done.stdout
    assert "FAIL  theme/meter.yaml  A meter is misheard [misheard]\n" in done.stdout
    runs = json.loads((tmp_path / "out" / "verdicts.json").read_bytes())["runs"]
    assert [run["promise"] for run in runs] == ["A meter is heard [heard]", "A meter is misheard [misheard]"]
    suites = Xml.parse(tmp_path / "out" / "junit.xml").getroot().findall("testsuite")
    assert [suite.get("name") for suite in suites] == ["A meter is heard [heard]", "A meter is misheard [misheard]"]
    for case in ("heard", "misheard"):
        assert (tmp_path / "out" / "theme" / "meter" / case / "journal.jsonl").is_file()


def test_the_command_that_runs_it_again_names_the_case(simulator, scenario):
    scenario(CASES)
    done = simulator("run", "meter.yaml", "--out", "out")
    again = done.stdout.partition("again with: simulator ")[2].splitlines()[0]
    assert again.startswith("run meter.yaml --case misheard --seed 0")
    done = simulator(*again.split(), "--out", "out2")
    assert (done.returncode, "0 passed, 1 failed of 1" in done.stdout) == (1, True)


@pytest.mark.real
def test_one_case_can_be_run_by_itself_also_against_a_platform_that_runs_already(
    simulator, scenario, platform, tmp_path
):
    scenario(CASES)
    scenario(PLAIN, "plain.yaml")
    for more in ((), platform, ("--time", "real")):
        done = simulator("run", "meter.yaml", "plain.yaml", "--case", "heard", *more, "--out", f"out{len(more)}")
        assert done.returncode == 0, done.stdout + done.stderr
        assert "1 passed of 1" in done.stdout
        assert (tmp_path / f"out{len(more)}" / "journal.jsonl").is_file()


@pytest.mark.parametrize(
    ("options", "chosen"),
    [
        (["--case", "heard"], ["heard"]),
        (["--case", "misheard", "--case", "heard"], ["heard", "misheard"]),
        (["-k", "'[misheard]'"], ["misheard"]),
        (["-k", "is", "--case", "heard"], ["heard"]),
        (["-k", "waits"], [""]),
        (["--tag", "smoke"], ["heard", "misheard"]),
    ],
)
def test_cases_are_chosen_by_name_and_by_what_they_are_called(simulator, scenario, tmp_path, options, chosen):
    scenario(CASES)
    scenario(PLAIN, "plain.yaml")
    simulator("run", "meter.yaml", "plain.yaml", *options, "--out", "out")
    runs = json.loads((tmp_path / "out" / "verdicts.json").read_bytes())["runs"]
    assert [run["promise"].partition("[")[2].rstrip("]") for run in runs] == chosen


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (CASES, "--case herd: no case 'herd' (did you mean 'heard'?)"),
        (PLAIN, "--case herd: no case 'herd' (none of the files has cases)"),
    ],
)
@pytest.mark.parametrize("command", ["run", "prove"])
def test_a_case_that_is_not_there_is_told(simulator, scenario, text, told, command):
    scenario(text)
    done = simulator(command, "meter.yaml", "--case", "herd")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.strip().endswith(told)


def test_a_selection_says_which_cases():
    assert str(Selection("a", ("b",), ("c", "d"))) == "-k 'a' --tag 'b' --case c --case d"
    loaded = [("f", one) for one in loads_all(CASES)]
    assert of_cases(loaded, ()) == loaded
    with pytest.raises(UsageError):
        of_cases(loaded, ["heard", "x"])


def test_check_tells_every_case_and_each_remark_once(scenario, capsys):
    path = scenario(CASES)
    assert check_files([path]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == [
        f"ok  {path}  A meter is heard [heard]  (1 device, about 0.0 s of run time)",
        f"ok  {path}  A meter is misheard [misheard]  (2 devices, about 0.0 s of run time)",
    ]
    assert [line.partition(": note: ")[0] for line in lines[2:]] == [f"{path}:12:26"]


def test_check_tells_the_mistakes_of_cases(scenario, capsys):
    path = scenario(CASES.replace("imsiMismatch", "imsiMissmatch"))
    assert check_files([path]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.splitlines() == [
        f"{path}:5:36: case misheard: no event 'imsiMissmatch' (did you mean 'imsiMismatch'?)",
        "1 file with mistakes",
    ]


def test_cases_are_listed_one_by_one(scenario, capsys):
    path = scenario(CASES)
    assert print_list("scenarios", [path], as_json=True) == 0
    entries = json.loads(capsys.readouterr().out)
    assert [(entry["name"], entry["file"], entry["case"], entry["devices"]) for entry in entries] == [
        ("A meter is heard", str(path), "heard", 1),
        ("A meter is misheard", str(path), "misheard", 2),
    ]
    print_list("scenarios", [path], as_json=False)
    assert capsys.readouterr().out.splitlines()[3:5] == [f"{path}[misheard]", "    A meter is misheard"]


def test_prove_tells_cases_apart(scenario, capsys):
    path = scenario(CASES)
    assert prove([path], every=False, as_json=False) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"✓ {path}[heard]  1 of 1 mutant killed"
    assert f"✗ {path}[misheard]  not green without a mutant: " in "\n".join(lines)
    assert prove([path], every=False, as_json=True, cases=["heard"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [(row["file"], row["case"], row["scenario"]) for row in document["scenarios"]] == [
        (str(path), "heard", "A meter is heard")
    ]
    assert document["mutants"]["ciotConnect-missing"] == [f"{path}[heard]"]
