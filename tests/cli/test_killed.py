"""A run that is killed, or told to stop at a bad moment: what is left of it, and what it says."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as Xml

import pytest

GREEN = """\
scenario: A meter is heard
devices:
  meter: {transport: coap}
steps:
  - attach: meter
"""
RED_AND_LONG = """\
scenario: Meters that are misheard, and go on and on
devices:
  meters: {count: 200, transport: coap}
steps:
  - attach: meters.0
    expect: [imsiMismatch]
    within: 500 ms
  - {upload: meters, every: 1 s, for: 24 h, outcome: any}
"""
PATIENCE_S = 40


def until(holds, process) -> None:
    end = time.monotonic() + PATIENCE_S
    while not holds():
        assert process.poll() is None, "it ended by itself"
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


@pytest.fixture
def start(tmp_path):
    """Start the command; whatever is still there at the end is killed."""
    started: list[subprocess.Popen] = []

    def run(*arguments):
        line = [sys.executable, *map(str, arguments)]
        process = subprocess.Popen(line, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


def lines(path) -> list[dict]:
    return [json.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else []


@pytest.mark.parametrize("mode", ["virtual", pytest.param("real", marks=pytest.mark.real)])
def test_a_killed_run_keeps_whole_lines_and_what_was_decided(start, scenario, tmp_path, mode):
    first, second = scenario(GREEN, "a.yaml"), scenario(RED_AND_LONG, "b.yaml")
    process = start("-m", "simulator", "run", first, second, "--time", mode, "--out", "out")
    folder = tmp_path / "out" / tmp_path.name / "b"
    until(lambda: any(line["kind"] == "finding" for line in lines(folder / "verdicts.jsonl")), process)
    until(lambda: any(line["kind"] == "decided" for line in lines(folder / "verdicts.jsonl")), process)
    until(lambda: (folder / "journal.jsonl").stat().st_size > 1000, process)
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    # What follows the last newline was being written at that moment, and nobody reads it.
    journal = (folder / "journal.jsonl").read_bytes().rpartition(b"\n")[0]
    assert json.loads(journal.splitlines()[0])["kind"] == "run"
    assert all(json.loads(line)["kind"] for line in journal.splitlines())
    told = lines(folder / "verdicts.jsonl")
    assert [line["step"] for line in told if line["kind"] == "step"][:1] == [0]
    decided = next(line for line in told if line["kind"] == "decided")
    assert decided["step"] == 0
    assert {each["check"]: each["verdict"] for each in decided["judgements"]} == {
        "steps[0].expect[0]": "fail",
        "steps[0].outcome": "pass",
    }
    assert next(each for each in decided["judgements"] if each["verdict"] == "fail")["told"]["again"]
    finding = next(line["finding"] for line in told if line["kind"] == "finding")
    assert (finding["subject"], finding["place"]["line"], finding["verdict"]) == ("meters.0", 6, "fail")
    assert finding["told"]["again"].endswith("--only meters.0")
    assert not any(line["kind"] == "verdicts" for line in told)
    # What was over before is told whole, in every form.
    whole = json.loads((tmp_path / "out" / "verdicts.json").read_bytes())
    assert [(run["promise"], run["verdicts"]["verdict"]) for run in whole["runs"]] == [("A meter is heard", "pass")]
    assert Xml.parse(tmp_path / "out" / "junit.xml").getroot().get("failures") == "0"


def test_a_run_that_came_to_its_end_has_everything_in_its_last_line(simulator, scenario, tmp_path):
    simulator("run", scenario(GREEN), "--out", "out")
    told = lines(tmp_path / "out" / "verdicts.jsonl")
    assert [line["kind"] for line in told] == ["step", "decided", "verdicts"]
    whole = json.loads((tmp_path / "out" / "verdicts.json").read_bytes())
    assert told[-1]["run"] == whole["runs"][0]


# Where the program is when the signal comes: a file of its own stops there, and says so.
HELD = """
import sys, time
from simulator.{module} import {owner} as owner
def wait(*_a, **_k):
    print("here", flush=True)
    while True:
        time.sleep(0.01)
owner.{name} = wait
sys.argv = ["simulator", *sys.argv[1:]]
from simulator.__main__ import main
main()
"""
PLACES = {
    "while files are read": ("cli", "run_command", "load_all", 0),
    "while it is planned": ("run", "start", "make_plan", 2),
    "between two scenarios": ("cli", "run_command", "_folder_for", 2),
}


@pytest.mark.parametrize(
    ("number", "code", "word"), [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")]
)
@pytest.mark.parametrize("place", PLACES)
def test_it_ends_at_once_and_in_a_line_wherever_it_is(start, scenario, tmp_path, place, number, code, word):
    module, owner, name, in_reports = PLACES[place]
    first, second = scenario(GREEN, "a.yaml"), scenario(GREEN, "b.yaml")
    program = HELD.format(module=module, owner=owner, name=name)
    if place == "between two scenarios":  # what goes on there is short, and is finished first
        program = program.replace(
            "while True:", "import signal\n    before = time.monotonic()\n    while time.monotonic() < before + 0.5:"
        )
        program = program.replace("        time.sleep(0.01)", "        time.sleep(0.01)\n    return original(*_a)")
        program = program.replace(f"owner.{name} = wait", f"original = owner.{name}\nowner.{name} = wait")
    process = start("-c", program, "run", first, second, "--out", "out")
    assert process.stdout.readline() == "here\n"
    began = time.monotonic()
    process.send_signal(number)
    said, complained = process.communicate(timeout=20)
    assert (process.returncode, "Traceback" in complained) == (code, False), complained
    assert time.monotonic() - began < 2
    assert word in said + complained
    if in_reports:
        whole = json.loads((tmp_path / "out" / "verdicts.json").read_bytes())
        assert [run["verdicts"]["cut"] for run in whole["runs"]] == [word, f"not run: {word}"] or (
            place == "between two scenarios"
            and [run["verdicts"]["cut"] for run in whole["runs"]] == [f"not run: {word}"] * 2
        )
        assert whole["verdict"] == word


# What an import may make of an exception that it meets: its own, or another, or nothing at all.
MADE_OF = {
    "nothing else": "raise",
    "a mistake in what is read": "raise SyntaxError('(unicode error) \\\\N escapes not supported') from None",
    "nothing": "return None",
}
STOPPED_IN_AN_IMPORT = """
import os, signal, sys
class Stop:
    def find_spec(self, name, path, target=None):
        if name == "{name}":
            try:
                os.kill(os.getpid(), signal.SIGTERM)
                sum(range(100))  # a signal is heard between two instructions
            except BaseException:
                {becomes}
sys.meta_path.insert(0, Stop())
sys.argv = ["simulator", "schema"]
from simulator.__main__ import main
main()
"""


@pytest.mark.parametrize("becomes", MADE_OF)
def test_it_ends_in_a_line_before_anything_is_read(start, becomes):
    process = start("-c", STOPPED_IN_AN_IMPORT.format(name="simulator.cli", becomes=MADE_OF[becomes]))
    said, complained = process.communicate(timeout=20)
    assert (process.returncode, said, complained) == (143, "", "simulator: terminated\n")


@pytest.mark.parametrize("becomes", ["nothing else", "a mistake in what is read"])
def test_a_signal_that_falls_into_an_import_of_a_command_is_told_as_what_it_is(start, becomes):
    name = "simulator.cli.schema_command"
    process = start("-c", STOPPED_IN_AN_IMPORT.format(name=name, becomes=MADE_OF[becomes]))
    said, complained = process.communicate(timeout=20)
    assert (process.returncode, said, complained) == (143, "", "simulator: terminated\n")
