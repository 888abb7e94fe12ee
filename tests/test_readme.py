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
MARK = "<!-- walk-through: run word for word by tests/test_readme.py -->\n```sh\n"


def walk_through() -> str:
    return "\n".join(part.split("\n```", 1)[0] for part in README.split(MARK)[1:])


def free_ports() -> list[int]:
    with (
        socket.socket() as tcp,
        socket.socket(type=socket.SOCK_DGRAM) as one,
        socket.socket(type=socket.SOCK_DGRAM) as two,
    ):
        for each in (tcp, one, two):
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in (tcp, one, two)]


@pytest.mark.interop
@pytest.mark.real
def test_the_walk_through_works_word_for_word(tmp_path):
    for program in ("curl", "coap-client-openssl"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    api, udp, coap = map(str, free_ports())
    script = walk_through().replace("10080", api).replace("15683", coap)
    python = Path(sys.executable)
    serve = [str(python), "-m", "simulator", "serve", "--token", "secret"]
    serve += ["--api-port", api, "--udp-port", udp, "--coap-port", coap]
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
            cwd=tmp_path,
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
    assert re.search(r'"allocatedIp": ?"10\.64\.0\.5"', done.stdout)
    assert "ping" in done.stdout.splitlines()
    assert '"payload":"MjIuNQ=="' in done.stdout
    assert '"event":"upstreamMessage"' in done.stdout
    for event in ("ciotConnect", "clientConnected", "upstreamMessage", "downstreamMessage"):
        assert event in said


def test_the_shown_scenarios_are_valid():
    from simulator.scenario import loads

    blocks = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
    assert blocks
    for block in blocks:
        loads(block)


def test_the_transcript_is_what_the_program_prints(tmp_path):
    transcript = README.split("$ cat meters.yaml\n", 1)[1]
    source, rest = transcript.split("\n$ simulator run meters.yaml\n", 1)
    (tmp_path / "meters.yaml").write_text(source, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "simulator", "run", "meters.yaml"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1

    def without_times(text: str) -> list[str]:
        text = re.sub(r"simulated in [\d.]+ s", "simulated in 0.3 s", text)
        return re.sub(r"runs/[\d-]+", "runs/20261122-101500", text).splitlines()

    shown = without_times(rest.split("```", 1)[0])
    assert without_times(done.stdout)[: len(shown)] == shown
