"""The command line in a hostile environment: outputs that fail, platforms that die, signals at the wrong time."""

from __future__ import annotations

import json
import resource
import signal
import socket
import subprocess
import sys
import time

import pytest

pytestmark = pytest.mark.real

RED = """\
scenario: A meter is misheard
devices:
  meter: {transport: coap}
steps:
  - attach: meter
  - {upload: meter, payload: {text: "22.5"}, expect: [{upstreamMessage: {bytes: "5"}}]}
"""
MANY = """\
scenario: Meters that go on and on
devices:
  meters: {count: 50, transport: coap}
steps:
  - attach: meters
  - {upload: meters, every: 10 s, for: 24 h}
"""
LONG = """\
scenario: A meter that goes on and on
devices:
  meter: {transport: coap}
steps:
  - attach: meter
  - {upload: meter, every: 0.2 s, for: 300 s}
"""


@pytest.fixture
def written(tmp_path):
    def write(text: str, name: str = "scenario.yaml"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_a_run_whose_output_fails_keeps_its_verdict(command, written, tmp_path):
    path = written(RED)
    with open("/dev/full", "w") as full:
        done = command("run", path, "--out", "full", stdout=full)
    assert done.returncode == 1
    assert done.stderr == "simulator: cannot write the output: No space left on device\n"
    assert json.loads((tmp_path / "full" / "verdicts.json").read_bytes())["verdict"] == "fail"
    line = f"{sys.executable} -m simulator run {path} --out none >&-"
    assert subprocess.run(["sh", "-c", line], cwd=tmp_path, timeout=40, check=False).returncode == 1
    assert (tmp_path / "none" / "verdicts.json").exists()


def test_a_disk_that_is_full_ends_a_run_with_one_clear_line(command, written):
    def small_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))

    done = command("run", written(MANY), "--out", "out", preexec_fn=small_files)
    assert done.returncode == 4
    said = done.stdout + done.stderr
    assert "journal.jsonl: cannot write the journal: File too large" in said
    assert "Traceback" not in said


def test_scenarios_of_one_name_do_not_share_a_folder(command, written, tmp_path):
    paths = [written(RED, f"{where}/theme/scenario.yaml") for where in "ab"]
    done = command("run", *paths, "--out", "out")
    assert (done.returncode, done.stderr) == (1, "")
    assert len(list((tmp_path / "out").rglob("journal.jsonl"))) == 2


def test_a_name_that_no_disk_takes_is_a_usage_error(command, written):
    for arguments in (["check", "x/" * 3000], ["run", written(RED), "--out", "x" * 300]):
        done = command(*arguments)
        assert done.returncode == 2
        assert "File name too long" in done.stderr


def test_a_platform_that_forgets_all_in_mid_run_ends_it(start_server, written, tmp_path):
    server = start_server("--quiet")
    _, udp, coap = server.ports
    line = [sys.executable, "-m", "simulator", "run", str(written(LONG)), "--out", "out", "--target", server.url]
    line += ["--token", "t0k", "--coap", f"127.0.0.1:{coap}", "--udp", f"127.0.0.1:{udp}"]
    run = subprocess.Popen(line, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        until(lambda: any(len(devices) for devices in sessions(server)))
        server.process.kill()
        server.process.wait(10)
        start_server("--quiet", ports=server.ports)
        said, _ = run.communicate(timeout=30)
    finally:
        run.kill()
        run.communicate()
    assert run.returncode == 4, said
    assert "404" in said
    assert "Traceback" not in said
    assert "FAIL" not in said


def sessions(server) -> list[list[dict]]:
    """The devices that have sent something, of each collection."""
    collections = server.call("GET", "/span/collections")[1]["collections"]
    paths = (f"/span/collections/{each['collectionId']}/data" for each in collections)
    return [server.call("GET", path)[1]["data"] for path in paths]


def until(holds) -> None:
    for _ in range(200):
        if holds():
            return
        time.sleep(0.05)
    raise AssertionError("waited in vain")


def test_watching_ends_when_told_also_while_nobody_reads_it(start_server, tmp_path):
    server = start_server("--quiet")
    server.collection_with_device()
    watching = subprocess.Popen(
        [sys.executable, "-m", "simulator", "watch", "--target", server.url, "--token", "t0k"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    try:
        assert watching.stdout.readline().startswith(b"watching 1 collection")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as device:
            device.bind(("127.64.0.1", 0))
            for round_ in range(3_000):  # lines of some 70 bytes, into a pipe that holds 64 KiB
                device.sendto(b"x", ("127.0.0.1", server.ports[1]))
                if not round_ % 100:
                    server.call("GET", "/span/system")  # keeps pace
        time.sleep(0.3)
        watching.send_signal(signal.SIGTERM)
        assert watching.wait(5) == 0
    finally:
        watching.kill()
        watching.communicate()


def test_verdicts_for_a_program_that_cannot_be_written_lose_nothing_else(command, written, tmp_path):
    path = written(RED)
    with open("/dev/full", "w") as full:
        done = command("run", path, "--json", "-", "--out", "out", stdout=full)
    assert done.returncode == 1
    assert "FAIL" in done.stderr
    assert done.stderr.endswith("simulator: cannot write the output: No space left on device\n")
    assert json.loads((tmp_path / "out" / "verdicts.json").read_bytes())["verdict"] == "fail"
    done = command("run", path, "--junit", "/dev/full/x", "--out", "none")
    assert (done.returncode, "--junit /dev/full/x" in done.stderr) == (2, True)
