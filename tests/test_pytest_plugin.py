"""Scenario files and rehearsals as tests of pytest, in runs of pytest of their own."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import tomllib
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

ROOT = Path(__file__).resolve().parents[1]

# The plugin by its module, whether or not what is installed here announces it; warnings are errors, as at home.
PLUGIN = ("-p", "no:simulator", "-p", "simulator.pytest_plugin", "-W", "error", "-p", "no:cacheprovider")

GOOD = """\
scenario: A meter that is attached delivers its reading
tags: [smoke]
devices: {meter: {network: ciot, transport: coap}}
steps:
  - {attach: meter, expect: [ciotConnect]}
  - {upload: meter, payload: {text: "22.5"}, expect: [clientConnected, upstreamMessage]}
"""
BAD = GOOD.replace("upstreamMessage]", '{upstreamMessage: {bytes: "5"}}]').replace("delivers", "delivers too much of")
TYPOS = "scenario: With mistakes\ndevices: {m: {transport: cop}}\nsteps: [{atach: m}]\n"


@pytest.fixture
def run(pytester):
    """Write files and run pytest over them; returns what it printed, and how the tests came out."""

    def go(files, *arguments):
        for name, content in files.items():
            path = pytester.path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(content))
        return pytester.runpytest_inprocess(*PLUGIN, *arguments)

    return go


# --- scenario files ---------------------------------------------------------------------------------------------------


def test_a_scenario_file_is_a_test(run):
    result = run({"scenarios/upload/good.yaml": GOOD}, "-v")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["scenarios/upload/good.yaml PASSED*"])


def test_a_failure_is_the_text_of_the_language_and_nothing_else(run):
    result = run({"scenarios/good.yaml": GOOD, "scenarios/bad.yaml": BAD})
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines([
        "*scenarios/bad.yaml: A meter that is attached delivers too much of its reading*",
        "FAIL  scenarios/bad.yaml  A meter that is attached delivers too much of its reading",
        "FAIL  scenarios/bad.yaml:6:*  meter sees upstreamMessage(bytes=5) *",
        "      waited 10.0 s from upload at *; nearest: * upstreamMessage(*): bytes is 4, not 5",
        "      the device itself: ok at * (upload)",
        "      *again with: simulator run scenarios/bad.yaml --seed 0 --only meter",
        "      journal: *journal.jsonl",
    ])  # fmt: skip
    text = result.stdout.str()
    assert "Traceback" not in text
    assert ".py:" not in text
    journal = Path(text.partition("journal: ")[2].splitlines()[0])
    assert journal.read_bytes().count(b"\n") > 5


def test_a_file_with_mistakes_fails_with_all_of_them_and_the_others_are_run(run):
    result = run({"scenarios/good.yaml": GOOD, "scenarios/typos.yaml": TYPOS})
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines([
        "scenarios/typos.yaml:2:*: no transport 'cop' (did you mean 'coap'?)",
        "scenarios/typos.yaml:3:*: no verb 'atach' (did you mean 'attach'?)",
    ])  # fmt: skip
    assert "Traceback" not in result.stdout.str()


def test_what_is_no_scenario_is_left_alone(run):
    others = {
        "scenarios/_part.yaml": "devices: {m: }",
        "scenarios/.hidden.yaml": "a: 1",
        "scenarios/notes.txt": "a: 1",
        "other/good.yaml": GOOD,
        "values.yaml": "a: 1",
        "scenarios_old/x.yaml": GOOD,
    }
    run({"scenarios/good.yml": GOOD} | others).assert_outcomes(passed=1)


def test_a_file_that_is_named_is_a_test_wherever_it_lies(run):
    run({"other/good.yaml": GOOD}, "other/good.yaml").assert_outcomes(passed=1)


def test_the_folder_may_have_another_name_or_none(run, pytester):
    pytester.makeini("[pytest]\nsimulator_scenarios = rehearsals")
    run({"scenarios/good.yaml": GOOD, "rehearsals/a.yaml": GOOD, "rehearsals/b.yaml": GOOD}).assert_outcomes(passed=2)
    pytester.makeini("[pytest]\nsimulator_scenarios =")
    run({}).assert_outcomes()


def test_a_checkout_in_a_folder_of_that_name_is_no_scenario(pytester):
    root = pytester.mkdir("scenarios") / "project"
    root.mkdir()
    (root / "pytest.ini").write_text("[pytest]")
    (root / "values.yaml").write_text("a: 1")
    pytester.runpytest_inprocess(*PLUGIN, str(root)).assert_outcomes()


CASES = """\
scenario: A meter is $how
tags: [smoke]
cases:
  heard: {how: heard, seen: [ciotConnect]}
  mis.heard: {how: misheard, seen: [imsiMismatch]}
devices: {meter: {transport: coap}}
steps:
  - {attach: meter, expect: $seen}
"""


def test_each_case_of_a_file_is_a_test(run):
    result = run({"scenarios/meter.yaml": CASES, "scenarios/good.yaml": GOOD}, "-v")
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines([
        "scenarios/good.yaml PASSED*",
        "scenarios/meter.yaml::meter.yaml[[]heard[]] PASSED*",
        "scenarios/meter.yaml::meter.yaml[[]mis.heard[]] FAILED*",
        "*scenarios/meter.yaml[[]mis.heard[]]: A meter is misheard*",
        "FAIL  scenarios/meter.yaml  A meter is misheard [[]mis.heard[]]",
    ])  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "passed", "failed"),
    [
        (["scenarios/meter.yaml::meter.yaml[heard]"], 1, 0),
        (["scenarios/meter.yaml::meter.yaml[mis.heard]"], 0, 1),
        (["scenarios/meter.yaml"], 1, 1),
        (["-k", "mis.heard"], 0, 1),
        (["-k", "smoke and not mis"], 1, 0),
    ],
)
def test_a_case_is_chosen_as_any_test(run, arguments, passed, failed):
    run({"scenarios/meter.yaml": CASES}, *arguments).assert_outcomes(passed=passed, failed=failed, deselected=None)


def test_cases_with_mistakes_are_one_test_that_tells_them(run):
    result = run({"scenarios/meter.yaml": CASES.replace("imsiMismatch", "imsiMissmatch")}, "-v")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([
        "scenarios/meter.yaml FAILED*",
        "scenarios/meter.yaml:5:*: case mis.heard: no event 'imsiMissmatch' (did you mean 'imsiMismatch'?)",
    ])  # fmt: skip


def test_tags_select(run):
    files = {"scenarios/good.yaml": GOOD, "scenarios/other.yaml": GOOD.replace("smoke", "slow")}
    run(files, "-k", "smoke").assert_outcomes(passed=1, deselected=1)


@pytest.mark.real
def test_seed_and_time_can_be_chosen(run):
    soon = BAD.replace("expect: [clientConnected", "within: 300 ms, expect: [clientConnected")
    result = run({"scenarios/bad.yaml": soon}, "--simulator-seed", "7", "--simulator-time", "real")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*again with: simulator run scenarios/bad.yaml --seed 7 --time real --only meter"])


@pytest.mark.parametrize("seed", ["-1", "x", "1.5", str(2**63)])
def test_a_seed_that_is_none_is_refused(run, seed):
    result = run({"scenarios/good.yaml": GOOD}, f"--simulator-seed={seed}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*--simulator-seed: invalid * value: '{seed}'"])


def test_a_scenario_that_the_target_cannot_take_is_skipped_with_the_reason(run, monkeypatch):
    from simulator.target.embedded import EmbeddedTarget

    monkeypatch.setattr(EmbeddedTarget, "capabilities", frozenset({"login"}))
    result = run({"scenarios/needy.yaml": GOOD + "needs: [faults]\n"}, "-rs")
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["SKIPPED*embedded lacks 'faults'*"])


# --- rehearsals -------------------------------------------------------------------------------------------------------

# scenarios §8, word for word.
EXAMPLE = """\
async def test_reports_after_blackout(rehearsal):
    meter = await rehearsal.device(network="ciot", transport="coap", link="nb-iot-good")
    await meter.attach()
    async with rehearsal.blackout(meter, seconds=90):
        upload = rehearsal.spawn(meter.upload(b"22.5"))
    await upload
    await rehearsal.expect("upstreamMessage", of=meter, within_s=120, transport="coap")
"""


@pytest.mark.parametrize("seed", range(20))
def test_the_example_runs_as_written(run, seed):
    run({"test_it.py": EXAMPLE}, "--simulator-seed", str(seed)).assert_outcomes(passed=1)


def test_the_example_fails_on_a_platform_that_does_not_tell(run):
    broken = EXAMPLE.replace("    await meter.attach()", '    await rehearsal.misbehave("upstreamMessage-missing")\n'
                             "    await meter.attach()")  # fmt: skip
    result = run({"test_it.py": broken})
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([
        "E *NotHeld: FAIL  test_it.py:8:*  device1 sees upstreamMessage(transport=coap) within 2 min",
        "E *again with: pytest test_it.py::test_reports_after_blackout --simulator-seed 0",
        "E *journal: *journal.jsonl",
    ])  # fmt: skip


def test_what_nobody_asked_for_fails_with_the_report(run):
    test = '''\
        async def test_moved(rehearsal):
            """A SIM in other hardware is nothing to worry about."""
            meter = await rehearsal.device(name="meter")
            await meter.update(imei="990000862471854")
            await meter.attach(outcome="rejected")
    '''
    result = run({"test_it.py": test})
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([
        "E *FAIL  test_it.py:1*  A SIM in other hardware is nothing to worry about.",
        "E *FAIL  *  meter had trouble: imeiMismatch(*",
        "E *again with: pytest test_it.py::test_moved --simulator-seed 0",
        "E *journal: *journal.jsonl",
    ])  # fmt: skip


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('await meter.upload(b"1", transport="cop")', "unknown key 'transport'"),
        ("await meter.upload(object())", "means nothing here"),
        ('await rehearsal.expect("clientConected", of=meter)', "clientConected"),
        ('await rehearsal.expect("clientConnected", of="nobody")', "no device of this rehearsal"),
        ('await rehearsal.device(name="meter")', "a second"),
    ],
)
def test_a_mistake_in_a_test_shows_the_line_of_the_test_and_none_of_ours(run, line, says):
    test = f"""\
async def test_mistaken(rehearsal):
    meter = await rehearsal.device(name="meter")
    {line}
"""
    result = run({"test_it.py": test})
    result.assert_outcomes(failed=1)
    text = result.stdout.str()
    assert f">       {line}" in text or f">   {line}" in text, text
    assert says in text
    assert "/simulator/" not in text.replace("--simulator", ""), text
    assert "__tracebackhide__" not in text


def test_the_command_that_runs_it_again_can_be_pasted_where_pytest_was_started(run, pytester, monkeypatch):
    broken = EXAMPLE.replace('within_s=120, transport="coap"', "within_s=1, bytes=5")
    run({"tests/deep/test_it.py": broken, "pytest.ini": "[pytest]\n"}, "--collect-only")
    monkeypatch.chdir(pytester.path / "tests")
    result = pytester.runpytest_inprocess(*PLUGIN, "deep")
    again = "pytest deep/test_it.py::test_reports_after_blackout"
    result.stdout.fnmatch_lines([f"E *again with: {again} --simulator-seed 0"])
    (file,) = again.split()[1:]
    pytester.runpytest_inprocess(*PLUGIN, file).assert_outcomes(failed=1)


SHAPES = """\
import pytest

class TestShapes:
    @pytest.fixture
    def name(self):
        return "meter"

    @pytest.mark.parametrize("size", [1, 2])
    async def test_method(self, rehearsal, name, size):
        meter = await rehearsal.device(name=name)
        await meter.attach()
        await meter.upload(bytes(size))
        event = await rehearsal.expect("upstreamMessage", of=meter)
        assert event.data["bytes"] == str(size)

@pytest.fixture
def rehearsal(rehearsal):
    return rehearsal

async def test_with_a_fixture_that_builds_on_it(rehearsal, tmp_path):
    assert rehearsal.now == 0
    await rehearsal.wait(86_400)
    assert rehearsal.now == 86_400

def test_plain():
    pass
"""


def test_methods_parameters_and_other_fixtures_work(run):
    run({"test_it.py": SHAPES}).assert_outcomes(passed=4)


MARKED = """\
import pytest

pytestmark = pytest.mark.rehearsal(seed=3)

@pytest.mark.rehearsal(seed=7, allow=["imeiMismatch"])
async def test_marked(rehearsal):
    meter = await rehearsal.device(name="meter")
    await meter.update(imei="990000862471854")
    await meter.attach(outcome="rejected")
    await meter.attach()
"""


def test_the_marker_says_how(run):
    result = run({"test_it.py": MARKED}, "--strict-markers")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E *again with: pytest test_it.py::test_marked --simulator-seed 7"])
    green = MARKED.replace("    await meter.attach()\n", "")
    run({"test_it.py": green}, "--strict-markers").assert_outcomes(passed=1)


@pytest.mark.real
def test_the_marker_chooses_real_time(run):
    test = """\
        import pytest

        @pytest.mark.rehearsal(time="real")
        async def test_marked(rehearsal):
            meter = await rehearsal.device(name="meter")
            await meter.attach()
            await rehearsal.wait(0.25)
            assert 0.25 <= rehearsal.now < 20
            await meter.upload(outcome="rejected")
    """
    result = run({"test_it.py": test})
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E *again with: pytest * --simulator-seed 0 --simulator-time real"])


@pytest.mark.parametrize(
    ("mark", "problem"),
    [
        ("sed=7", "the marker rehearsal knows time, seed, allow, not sed"),
        ("7", "the marker rehearsal knows time, seed, allow, not 7"),
        ("time='slow'", "the marker rehearsal: time is virtual or real, not 'slow'"),
        ("seed='x'", "the marker rehearsal: seed is a number from 0, not 'x'"),
        ("allow='imeiMismatch'", "the marker rehearsal: allow is a list of *"),
        ("allow=['imeiMismach']", "the marker rehearsal: no trouble or invariant 'imeiMismach' (did you mean *"),
    ],
)
def test_a_marker_that_makes_no_sense_is_an_error(run, mark, problem):
    test = f"import pytest\n\n@pytest.mark.rehearsal({mark})\nasync def test_it(rehearsal):\n    pass\n"
    result = run({"test_it.py": test})
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"*{problem}*"])


def test_a_plain_function_is_told_that_it_has_to_be_a_coroutine(run):
    result = run({"test_it.py": "def test_it(rehearsal):\n    pass\n"})
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*rehearsal is for coroutine functions: write async def test_it*"])


def test_mistakes_in_a_test_show_its_line(run):
    result = run({"test_it.py": 'async def test_it(rehearsal):\n    await rehearsal.device(link="nb-iot-god")\n'})
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E *test_it.py:2:*: no link preset 'nb-iot-god' (did you mean 'nb-iot-good'?)"])


# --- everything else --------------------------------------------------------------------------------------------------

# What a plugin for asynchronous tests does: it runs every coroutine function that is left to it.
OTHER_PLUGIN = """\
import asyncio, inspect, pytest

ran = []

@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    if inspect.iscoroutinefunction(pyfuncitem.obj):
        ran.append(pyfuncitem.name)
        arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
        asyncio.run(pyfuncitem.obj(**arguments))
        return True

def pytest_terminal_summary(terminalreporter):
    terminalreporter.write_line(f"the other one ran {ran}")
"""


def test_other_asynchronous_tests_are_left_to_their_own_plugin(run):
    result = run(
        {"conftest.py": OTHER_PLUGIN, "test_it.py": EXAMPLE + "\nasync def test_theirs(tmp_path):\n    pass\n"}
    )
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["the other one ran ['test_theirs']"])


def test_a_fixture_of_that_name_that_has_nothing_to_do_with_it_is_left_alone(run):
    own = """\
    import pytest

    @pytest.fixture
    def rehearsal():
        return 5

    async def test_theirs(rehearsal):
        assert rehearsal == 5
    """
    result = run({"conftest.py": OTHER_PLUGIN, "test_it.py": own})
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["the other one ran ['test_theirs']"])


def test_it_can_be_left_out(pytester):
    (pytester.mkdir("scenarios") / "good.yaml").write_text(GOOD)
    pytester.makepyfile("def test_plain(): pass")
    pytester.runpytest_inprocess("-p", "no:simulator", "-W", "error").assert_outcomes(passed=1)


def test_a_run_that_has_nothing_to_do_with_it_imports_next_to_nothing(pytester):
    pytester.makepyfile(
        """
        import sys

        def test_plain():
            ours = sorted(name for name in sys.modules if name.split(".")[0] == "simulator")
            assert ours == ["simulator", "simulator.pytest_plugin", "simulator.pytest_plugin.coroutines",
                            "simulator.pytest_plugin.files"]
        """
    )
    pytester.runpytest_subprocess(*PLUGIN).assert_outcomes(passed=1)


def test_the_package_announces_it():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["entry-points"]["pytest11"] == {"simulator": "simulator.pytest_plugin"}
    code = "import simulator.pytest_plugin as p; print(p.pytest_addoption.__module__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["simulator.pytest_plugin"]
