"""The command line: exit codes, clear errors, the files of a run, and the two budgets of a newcomer's patience."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import xml.etree.ElementTree as Xml

import pytest

GREEN = """\
scenario: A meter is heard
devices:
  meter: {transport: coap}
steps:
  - attach: meter
    expect: [ciotConnect]
  - {upload: meter, payload: {text: "22.5"}, expect: [{upstreamMessage: {bytes: "4"}}]}
"""
RED = GREEN.replace('bytes: "4"', 'bytes: "5"')
LONG = """\
scenario: A meter that waits
devices:
  meter: {transport: coap}
steps:
  - attach: meter
  - wait: 300 s
"""


def test_a_green_run_exits_0_and_leaves_journal_and_verdicts(simulator, scenario, tmp_path):
    done = simulator("run", scenario(GREEN), "--out", "out")
    assert (done.returncode, done.stderr) == (0, "")
    assert "PASS" in done.stdout
    verdicts = json.loads((tmp_path / "out" / "verdicts.json").read_bytes())
    assert verdicts["verdict"] == "pass"
    suite = Xml.parse(tmp_path / "out" / "junit.xml").getroot()
    assert suite.get("failures") == "0"
    lines = [json.loads(line) for line in (tmp_path / "out" / "journal.jsonl").read_bytes().splitlines()]
    assert [line["kind"] for line in (lines[0], lines[-1])] == ["run", "end"]
    assert any(line.get("name") == "upstreamMessage" for line in lines)


def test_a_red_run_exits_1_and_says_what_was_seen_instead(simulator, scenario):
    done = simulator("run", scenario(RED))
    assert done.returncode == 1
    assert "meter.yaml:7" in done.stdout
    assert "bytes=4" in done.stdout
    assert "again with: simulator run" in done.stdout


MISTAKES = [
    pytest.param(["run", "nowhere.yaml"], 2, "no such file", id="missing file"),
    pytest.param(["run"], 2, "scenarios/", id="nothing to run"),
    pytest.param(["frobnicate"], 2, "frobnicate", id="unknown command"),
    pytest.param(["run", "meter.yaml", "--time", "sometimes"], 2, "sometimes", id="unknown time"),
    pytest.param(["run", "meter.yaml", "--seed", "x"], 2, "--seed", id="seed without digits"),
    pytest.param(["run", "meter.yaml", "--seed", "-3"], 2, "--seed -3", id="seed below zero"),
    pytest.param(["run", "meter.yaml", "--seed", str(2**63)], 2, "from 0 to", id="seed too large"),
    pytest.param(["run", "meter.yaml", "--only", "nobody"], 2, "nobody", id="only nobody"),
    pytest.param(["run", "meter.yaml", "also.yaml", "--only", "meter"], 2, "also.yaml: ", id="only in the other"),
    *(
        pytest.param(["run", "meter.yaml", *options], 2, f"{options[0]} speaks", id=f"{options[0]} of no target")
        for options in (["--keep"], ["--coap", "h:1"], ["--udp", "h:1"], ["--token", "t"], ["--yes-really", "h"])
    ),
    pytest.param(["run", "meter.yaml", "--target", "http://192.0.2.1", "--token", "t"], 2, "--yes-really", id="far"),
    pytest.param(["run", "meter.yaml", "--target", "http://127.0.0.1:1"], 2, "--token", id="no token"),
    pytest.param(["run", "meter.yaml", "--target", "::", "--token", "t"], 2, "--target", id="no address"),
    pytest.param(["run", "meter.yaml", "--target", "http://127.0.0.1:1", "--token", "t"], 4, "refused", id="dead"),
    pytest.param(
        ["run", "meter.yaml", "--target", "http://127.0.0.1:1", "--token", "t", "--time", "virtual"],
        2,
        "--time virtual",
        id="virtual elsewhere",
    ),
    pytest.param(["run", "meter.yaml", "--wire", "dgram", "--time", "virtual"], 2, "--wire", id="virtual wire"),
    pytest.param(["run", "meter.yaml", "-k", "tracker"], 2, "chooses none of 1 scenarios", id="selects nothing"),
    pytest.param(["run", "meter.yaml", "-k", "tracker"], 2, "meter.yaml  A meter is heard", id="says what there is"),
    pytest.param(["run", "meter.yaml", "--tag", "long"], 2, "none of them has tags", id="no such tag"),
    pytest.param(["run", "meter.yaml", "-k", "a b"], 2, "is missing before 'b'", id="no expression"),
    pytest.param(["run", "meter.yaml", "--without", "upload-one"], 2, "'upload-once'", id="no invariant"),
    pytest.param(["run", "meter.yaml", "--json", "."], 2, "--json .: is a folder", id="json into a folder"),
    pytest.param(["run", "meter.yaml", "--junit", "no/x"], 2, "no folder", id="junit nowhere"),
    pytest.param(["run", "meter.yaml", "--junit", "-", "--json", "-"], 2, "only one", id="two on one output"),
    pytest.param(["list", "verb"], 2, "did you mean 'verbs'?", id="list something unknown"),
    pytest.param(["list", "verbs", "meter.yaml"], 2, "only `list scenarios`", id="list verbs of a file"),
    pytest.param(["list", "scenarios", "broken.yaml"], 2, "broken.yaml:2:1", id="list a broken file"),
    pytest.param(["audit", "nowhere.jsonl"], 2, "there is no file", id="audit nothing"),
    pytest.param(["audit", "."], 2, "is a folder", id="audit a folder"),
    pytest.param(["audit", "meter.yaml"], 2, "meter.yaml:1: not one JSON object", id="audit something else"),
    pytest.param(["audit", "meter.yaml", "--without", "x"], 2, "no invariant 'x'", id="audit without nothing"),
    pytest.param(["check", "broken.yaml"], 2, "broken.yaml:2:1", id="check a broken file"),
    pytest.param(["check", "meter.yaml"], 0, "ok", id="check a good file"),
    pytest.param(["watch"], 2, "--token", id="watch without a token"),
    pytest.param(["watch", "--target", "http://127.0.0.1:1", "--token", "t"], 4, "refused", id="watch nobody"),
    pytest.param(["run", "meter.yaml", "--out", "broken.yaml"], 2, "is a file", id="results into a file"),
    pytest.param(["serve", "--host", "nowhere"], 2, "--host", id="serve nowhere"),
    pytest.param(["serve", "--api-port", "70000"], 2, "65535", id="serve on no port"),
]


@pytest.fixture(scope="module")
def mistakes(each_in_a_fork, tmp_path_factory):
    """Arguments → exit code, and what was said on both outputs."""
    folder = tmp_path_factory.mktemp("mistakes")
    (folder / "meter.yaml").write_text(GREEN, encoding="utf-8")
    (folder / "also.yaml").write_text(GREEN.replace("meter", "other"), encoding="utf-8")
    (folder / "broken.yaml").write_text("scenario: x\nstepps: []\n", encoding="utf-8")
    return each_in_a_fork(folder, [case.values[0] for case in MISTAKES])


@pytest.mark.parametrize(("arguments", "code", "says"), MISTAKES)
def test_every_mistake_is_one_clear_line(mistakes, arguments, code, says):
    came, *said = mistakes[str(arguments)]
    said = "".join(said)
    assert came == code, said
    assert says in said
    assert "Traceback" not in said


def test_a_token_never_shows(simulator, scenario, tmp_path):
    secret = "s3cr3t-t0ken"
    done = simulator("run", scenario(GREEN), "--target", "http://127.0.0.1:1", "--token", secret, "--out", "out")
    assert secret not in done.stdout + done.stderr
    for path in (tmp_path / "out").rglob("*"):
        assert path.is_dir() or secret not in path.read_text(errors="replace")


def test_results_of_an_earlier_run_are_not_overwritten(simulator, scenario, tmp_path):
    path = scenario(GREEN)
    assert simulator("run", path, "--out", "out").returncode == 0
    again = simulator("run", path, "--out", "out")
    assert again.returncode == 2
    assert "not empty" in again.stderr


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_run_ends_in_order(scenario, tmp_path, number, code):
    path = scenario(LONG)
    process = subprocess.Popen(
        [sys.executable, "-m", "simulator", "run", str(path), "--time", "real", "--out", "out"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    journal = tmp_path / "out" / "journal.jsonl"
    deadline = time.monotonic() + 30
    while not (journal.exists() and journal.read_bytes()) and time.monotonic() < deadline:
        if process.poll() is not None:
            break
        time.sleep(0.05)
    os.kill(process.pid, number)
    said, _ = process.communicate(timeout=10)
    assert process.returncode == code, said
    assert "Traceback" not in said
    assert f"the run ended early: {'interrupted' if code == 130 else 'terminated'}" in said
    assert journal.read_bytes().splitlines()[-1].startswith(b'{"kind":"end"')


def test_help_imports_nothing_heavy():
    heavy = {"aiohttp", "aiocoap", "faker", "asyncio_dgram", "locust"}
    program = f"import sys, simulator.cli; print(sorted({heavy!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout == "[]\n"


def test_what_was_interrupted_looks_red_to_whoever_reads_the_files(scenario, tmp_path):
    first, second = scenario(LONG, "a.yaml"), scenario(GREEN, "b.yaml")
    command = [sys.executable, "-m", "simulator", "run", str(first), str(second), "--time", "real", "--out", "out"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    journals = tmp_path / "out"
    deadline = time.monotonic() + 30
    while not any(path.stat().st_size for path in journals.rglob("journal.jsonl")) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=10)
    assert process.returncode == 130, said
    verdicts = json.loads((journals / "verdicts.json").read_bytes())
    assert verdicts["verdict"] == "interrupted"
    assert [run["verdicts"]["cut"] for run in verdicts["runs"]] == [
        "the run ended early: interrupted",
        "not run: interrupted",
    ]


def test_a_target_that_is_not_there_leaves_all_its_files(simulator, scenario, tmp_path):
    path = scenario(GREEN)
    done = simulator("run", path, "--target", "http://127.0.0.1:1", "--token", "t", "--out", "out")
    assert done.returncode == 4
    assert done.stdout.startswith("BROKEN")
    assert "INCONCLUSIVE" not in done.stdout
    assert "held" not in done.stdout
    verdicts = json.loads((tmp_path / "out" / "verdicts.json").read_bytes())
    assert verdicts["verdict"] == verdicts["runs"][0]["verdicts"]["verdict"] == "broken"
    assert "refused" in verdicts["runs"][0]["verdicts"]["cut"]
    assert not [each for each in verdicts["runs"][0]["verdicts"]["judgements"] if each["verdict"] == "pass"]
    assert {file.name for file in (tmp_path / "out").iterdir()} >= {"journal.jsonl", "junit.xml", "report.txt"}


def test_a_target_that_is_not_there_is_asked_once(simulator, scenario, tmp_path):
    paths = [scenario(GREEN, f"{name}.yaml") for name in "abc"]
    done = simulator("run", *paths, "--target", "http://127.0.0.1:1", "--token", "t", "--out", "out")
    assert done.returncode == 4
    runs = json.loads((tmp_path / "out" / "verdicts.json").read_bytes())["runs"]
    assert [run["verdicts"]["cut"].rpartition(" ")[2] == "run" for run in runs] == [False, True, True]
    assert done.stdout.count("connection refused") == 1


@pytest.mark.parametrize("command", ["run", "check"])
def test_mistakes_in_files_begin_with_their_place(simulator, scenario, command):
    path = scenario("scenario: x\nstepps: []\ndevises: {}\n")
    done = simulator(command, path)
    assert done.returncode == 2
    lines = [line for line in done.stderr.splitlines() if not line.endswith("with mistakes")]
    assert len(lines) > 1
    assert [line for line in lines if not line.startswith(str(path))] == []


@pytest.mark.real
def test_who_waits_in_real_time_is_told_for_how_long(scenario, tmp_path):
    paths = [scenario(LONG, f"{name}.yaml") for name in "ab"]
    command = [sys.executable, "-m", "simulator", "run", *map(str, paths), "--time", "real", "--out", "out"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        assert process.stdout.readline().startswith("about 10 min ")
    finally:
        process.terminate()
        process.communicate(timeout=10)


TCP_PORTS = ("--api-port", "--https-port", "--blob-port")
PORTS = ("--udp-port", "--coap-port", "--dtls-port", "--coaps-port", "--radius-port", "--accounting-port", *TCP_PORTS)


@pytest.mark.parametrize("option", [each for each in PORTS if each not in ("--coaps-port", "--blob-port")])
def test_a_taken_port_names_its_option(simulator, option):
    kind = socket.SOCK_STREAM if option in TCP_PORTS else socket.SOCK_DGRAM
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind(("127.0.0.1", 0))
        if kind == socket.SOCK_STREAM:
            taken.listen()
        ports = dict.fromkeys(PORTS, 0) | {option: taken.getsockname()[1]}
        done = simulator("serve", *(word for pair in ports.items() for word in pair))
    assert done.returncode == 4
    assert done.stderr.rstrip().endswith(f"; the option for that is {option}")


def test_a_collection_that_goes_is_told_as_that(platform, tmp_path):
    url, headers = platform[1], {"X-API-Token": "t", "Content-Type": "application/json"}

    def ask(method, path, body=None):
        request = urllib.request.Request(f"{url}/span/collections{path}", body, headers, method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    collection = ask("POST", "", b"{}")["collectionId"]
    command = [sys.executable, "-m", "simulator", "watch", *platform[:4], "--collection", collection]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        assert process.stdout.readline().startswith("watching 1 collection")
        ask("DELETE", f"/{collection}")
        said = ""
        while "was removed" not in said:
            line = process.stdout.readline()
            assert line, said
            said += line
        time.sleep(0.6)  # it looks for what is new twice meanwhile
    finally:
        process.terminate()
        rest, _ = process.communicate(timeout=10)
    assert f"--- collection {collection} was removed" in said
    assert "404" not in said + rest


def test_two_runs_on_one_platform_are_told_what_to_do(simulator, scenario, platform):
    path = scenario(GREEN)
    assert simulator("run", path, *platform, "--keep").returncode == 0
    done = simulator("run", path, *platform)
    assert done.returncode == 4, done.stdout
    assert done.stdout.startswith("BROKEN")
    assert "held" not in done.stdout
    assert "another run is using this platform" in done.stdout


def test_a_token_of_the_environment_is_for_whoever_needs_one(simulator, scenario):
    done = simulator("run", scenario(GREEN), env=os.environ | {"SIMULATOR_TOKEN": "t"})
    assert done.returncode == 0, done.stderr
