"""What `simulator run` can be told: which scenarios, when to stop, what to leave out, and where the verdicts go."""

from __future__ import annotations

import json
import xml.etree.ElementTree as Xml

import pytest

GREEN = """\
scenario: A meter is heard
tags: [smoke]
devices:
  meter: {transport: coap}
steps:
  - attach: meter
    expect: [ciotConnect]
"""
RED = GREEN.replace("is heard", "is misheard").replace("ciotConnect", "imsiMismatch").replace("smoke", "smoke, red")


@pytest.fixture
def three(scenario):
    scenario(GREEN, "a.yaml")
    scenario(RED, "b.yaml")
    scenario(GREEN.replace("smoke", "long"), "c.yaml")
    return ("a.yaml", "b.yaml", "c.yaml")


def runs(path) -> list[dict]:
    return json.loads(path.read_bytes())["runs"]


@pytest.mark.parametrize(
    ("options", "files"),
    [
        (["-k", "heard and not misheard"], ["a.yaml", "c.yaml"]),
        (["-k", "B.YAML"], ["b.yaml"]),
        (["--tag", "smoke"], ["a.yaml", "b.yaml"]),
        (["--tag", "!long", "--tag", "!red"], ["a.yaml"]),
        (["-k", "heard", "--tag", "long"], ["c.yaml"]),
    ],
)
def test_only_what_is_chosen_runs(simulator, three, tmp_path, options, files):
    simulator("run", *three, *options, "--out", "out")
    assert [run["file"] for run in runs(tmp_path / "out" / "verdicts.json")] == files


def test_a_first_failure_can_end_it_and_the_rest_is_told_as_not_run(simulator, three, tmp_path):
    done = simulator("run", *three, "-x", "--out", "out")
    assert done.returncode == 1
    assert "1 passed, 1 failed, 1 without a verdict of 3" in done.stdout
    assert [run["verdicts"]["cut"] for run in runs(tmp_path / "out" / "verdicts.json")] == ["", "", "not run"]
    cases = Xml.parse(tmp_path / "out" / "junit.xml").getroot().findall("testsuite")[2].findall("testcase")
    assert [(case.get("name"), case[0].tag) for case in cases] == [("A meter is heard: the run itself", "error")]


def test_without_it_everything_runs(simulator, three, tmp_path):
    simulator("run", *three, "--out", "out")
    assert [run["verdicts"]["verdict"] for run in runs(tmp_path / "out" / "verdicts.json")] == ["pass", "fail", "pass"]


def test_copies_of_the_verdicts_are_the_same_bytes(simulator, three, tmp_path):
    simulator("run", *three, "--json", "copy.json", "--junit", "copy.xml", "--out", "out")
    assert (tmp_path / "copy.json").read_bytes() == (tmp_path / "out" / "verdicts.json").read_bytes()
    assert (tmp_path / "copy.xml").read_bytes() == (tmp_path / "out" / "junit.xml").read_bytes()


def test_a_copy_on_the_standard_output_has_it_for_itself(simulator, three):
    done = simulator("run", *three, "--json", "-", "--out", "out")
    assert json.loads(done.stdout)["verdict"] == "fail"
    assert "1 failed" in done.stderr
    done = simulator("run", *three, "--junit", "-", "--out", "out2")
    assert Xml.fromstring(done.stdout).get("failures") == "1"


def test_an_invariant_that_is_left_out_is_not_among_the_checks(simulator, three, tmp_path):
    simulator("run", "a.yaml", "--without", "act-once", "--without", "event-shape", "--out", "out")
    checks = {each["check"] for each in runs(tmp_path / "out" / "verdicts.json")[0]["verdicts"]["judgements"]}
    assert "invariant.upload-once" in checks
    assert not checks & {"invariant.act-once", "invariant.event-shape"}


NEEDY = GREEN.replace("steps:", "needs: [faults]\nsteps:").replace("is heard", "needs faults")


@pytest.mark.real
def test_what_the_target_cannot_do_is_skipped_with_the_reason(simulator, scenario, platform, tmp_path):
    scenario(NEEDY)
    done = simulator("run", "meter.yaml", *platform, "--out", "out")
    assert done.returncode == 3
    assert done.stdout.startswith(f"SKIP  meter.yaml  A meter needs faults\n      {platform[1]} lacks 'faults'")
    assert "0 passed, 1 skipped of 1" in done.stdout
    assert done.stderr == "simulator: every scenario was skipped, so nothing was proven\n"
    whole = json.loads((tmp_path / "out" / "verdicts.json").read_bytes())
    assert (whole["verdict"], "lacks 'faults'" in whole["runs"][0]["skipped"]) == ("inconclusive", True)
    suites = Xml.parse(tmp_path / "out" / "junit.xml").getroot()
    assert [suites.get(key) for key in ("tests", "failures", "errors", "skipped")] == ["1", "0", "0", "1"]
    case = suites.find("testsuite/testcase")
    assert case is not None
    assert (case.get("name"), case[0].tag) == ("A meter needs faults", "skipped")


@pytest.mark.real
def test_a_skipped_scenario_stops_nothing(simulator, scenario, three, platform, tmp_path):
    scenario(NEEDY, "0.yaml")
    done = simulator("run", "0.yaml", "a.yaml", "-x", *platform, "--out", "out")
    assert done.returncode == 0, done.stdout
    assert "1 passed, 1 skipped of 2" in done.stdout
    whole = json.loads((tmp_path / "out" / "verdicts.json").read_bytes())
    assert (whole["verdict"], [bool(run["skipped"]) for run in whole["runs"]]) == ("pass", [True, False])


@pytest.mark.parametrize("transport", ["coap", "udp"])
def test_a_platform_on_other_ports_tells_where_devices_send_to(simulator, scenario, platform, transport):
    text = (
        GREEN.replace("transport: coap", f"transport: {transport}")
        + "  - upload: meter\n    expect: [upstreamMessage]\n"
    )
    scenario(text, "a.yaml")
    done = simulator("run", "a.yaml", *platform[:4])
    assert done.returncode == 0, done.stdout + done.stderr
