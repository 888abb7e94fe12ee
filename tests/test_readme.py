"""The README's walk-through, word for word: only the port numbers differ, so that it disturbs nobody."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
MARK = "<!-- {}: run word for word by tests/test_readme.py -->\n```sh\n"


def script_of(name: str) -> str:
    return "\n".join(part.split("\n```", 1)[0] for part in README.split(MARK.format(name))[1:])


PORTS = {
    "--api-port": ("10080", socket.SOCK_STREAM),
    "--udp-port": ("11234", socket.SOCK_DGRAM),
    "--coap-port": ("15683", socket.SOCK_DGRAM),
    "--radius-port": ("11812", socket.SOCK_DGRAM),
    "--accounting-port": ("11813", socket.SOCK_DGRAM),
    "--dtls-port": ("11235", socket.SOCK_DGRAM),
    "--coaps-port": ("15684", socket.SOCK_DGRAM),
    "--https-port": ("10443", socket.SOCK_STREAM),
    "--blob-port": ("10081", socket.SOCK_STREAM),
}


def free_ports() -> list[int]:
    sockets = [socket.socket(type=kind) for _, kind in PORTS.values()]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def follow(name: str, programs: tuple[str, ...], folder: Path, *options: str) -> tuple[str, str]:
    """Do what the page says beside a server; returns what the commands and the server have printed."""
    for program in programs:
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    script, python = script_of(name), Path(sys.executable)
    serve = [str(python), "-m", "simulator", "serve", "--token", "secret", *options]
    for (option, (shown, _)), port in zip(PORTS.items(), free_ports(), strict=True):
        script = script.replace(f":{shown}", f":{port}")
        serve += [option, str(port)]
    server = subprocess.Popen(serve, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT)
    try:
        assert server.stdout is not None
        while not server.stdout.readline().startswith("read-only"):
            assert server.poll() is None, "the server did not start"
        # The README's .venv holds the installed packages; here that is the running interpreter's own environment.
        environment = {**os.environ, "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}"}
        script = script.replace(".venv/bin/python", str(python))
        done = subprocess.run(
            ["bash", "-e"],
            input=script,
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=40,
            check=False,
            env=environment,
        )
    finally:
        server.terminate()
        said, _ = server.communicate(timeout=10)
    assert done.returncode == 0, done.stdout + done.stderr
    assert server.returncode == 0
    return done.stdout, said


@pytest.mark.interop
@pytest.mark.real
def test_the_walk_through_works_word_for_word(tmp_path):
    printed, said = follow("walk-through", ("curl", "coap-client-openssl"), tmp_path)
    assert re.search(r'"allocatedIp": ?"10\.64\.0\.5"', printed)
    assert "ping" in printed.splitlines()
    assert '"payload":"MjIuNQ=="' in printed
    assert '"event":"upstreamMessage"' in printed
    for event in ("ciotConnect", "clientConnected", "upstreamMessage", "downstreamMessage"):
        assert event in said


@pytest.mark.interop
@pytest.mark.real
def test_a_gateway_of_ones_own_gets_an_answer(tmp_path):
    printed, said = follow("gateway", ("curl", "radclient"), tmp_path, "--radius-secret", "secret-of-the-lab")
    assert "Received Access-Accept" in printed
    assert "Framed-IP-Address = 10.64." in printed
    assert "ciotConnect" in said
    assert "secret-of-the-lab" not in said


@pytest.mark.interop
@pytest.mark.real
def test_a_device_with_a_certificate_comes_in(tmp_path):
    programs = ("curl", "coap-client-openssl", "openssl")
    printed, said = follow("certificate", programs, tmp_path, "--data", str(tmp_path / "authority"))
    told = [line.split()[2] for line in said.splitlines() if re.match(r"\d{4}-", line)]
    session = ["clientConnected", "upstreamMessage", "clientDisconnected"]
    assert told == ["deviceCreated", *session, *session, "blobUpload"]
    assert [f"bytes=4 transport={each}" in said for each in ("dtls", "coaps")] == [True, True]
    assert '"contentType":"image/jpeg"' in printed
    assert "PRIVATE" not in printed + said


def test_the_shown_scenarios_are_valid():
    from simulator.scenario import loads

    blocks = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
    assert blocks
    for block in blocks:
        loads(block)


def simulator(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "simulator", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def without_times(text: str) -> list[str]:
    """What differs from run to run made alike: wall time, and the folder that is named after it."""
    text = re.sub(r"simulated in [\d.]+ s", "simulated in 0.3 s", text)
    text = re.sub(r" in [\d.]+ s, (\d.* simulated)", r" in 0.3 s, \1", text)
    return re.sub(r"runs/[\d-]+", "runs/20261122-101500", text).splitlines()


def test_the_transcript_is_what_the_program_prints(tmp_path):
    transcript = README.split("$ cat meters.yaml\n", 1)[1]
    source, rest = transcript.split("\n$ simulator run meters.yaml\n", 1)
    (tmp_path / "meters.yaml").write_text(source, encoding="utf-8")
    done = simulator("run", "meters.yaml", folder=tmp_path)
    assert done.returncode == 1
    shown = without_times(rest.split("```", 1)[0])
    assert without_times(done.stdout)[: len(shown)] == shown


def section(title: str) -> str:
    return README.split(f"## {title}\n", 1)[1].split("\n## ", 1)[0]


TASKS = "Learn the language in ten minutes", "Rehearse a SIM swap", "Rehearse Internet devices"
LESSON = "".join(map(section, TASKS))
LESSONS = dict(re.findall(r"```yaml\n# (\S+\.yaml)\n(.*?)```", LESSON, re.DOTALL))
COMMANDS = [
    (command.split(), shown)
    for block in re.findall(r"```console\n(.*?)```", LESSON, re.DOTALL)
    for command, shown in re.findall(r"\$ simulator (.+)\n((?:(?!\$ ).*\n)*)", block)
]


def test_the_lessons_have_seven_files_and_run_each():
    first, swaps = ["hello.yaml", "valve.yaml", "fleet.yaml", "bad_day.yaml"], ["swap.yaml", "everything.yaml"]
    assert list(LESSONS) == [*first, *swaps, "tracker.yaml"]
    assert [command[:2] for command, _ in COMMANDS] == [
        *(["run", name] for name in first),
        ["prove", "bad_day.yaml"],
        *(["run", name] for name in (*swaps, "tracker.yaml")),
    ]


@pytest.mark.parametrize(("command", "shown"), COMMANDS, ids=[" ".join(command) for command, _ in COMMANDS])
def test_the_lesson_prints_what_it_shows(command, shown, tmp_path):
    for name, text in LESSONS.items():
        # The line with the name counts: places in the failure texts are those of the file as it is shown.
        (tmp_path / name).write_text(f"# {name}\n{text}", encoding="utf-8")
    done = simulator(*command, folder=tmp_path)
    assert done.returncode == (1 if "\nFAIL" in f"\n{shown}" else 0)
    assert "\n".join(without_times(done.stdout)).strip() == "\n".join(without_times(shown)).strip()


def test_the_lesson_turns_green_as_it_says(tmp_path):
    (tmp_path / "valve.yaml").write_text(LESSONS["valve.yaml"].replace("bytes: 5", "bytes: 4"), encoding="utf-8")
    assert simulator("run", "valve.yaml", folder=tmp_path).returncode == 0


def test_the_example_for_pytest_passes(tmp_path):
    (example,) = re.findall(r"```python\n(async def .*?)```", LESSON, re.DOTALL)
    (tmp_path / "test_example.py").write_text(example, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "test_example.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout
