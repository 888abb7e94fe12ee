"""What tests of the command line share: the command in a process of its own, and files for it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

Ended = dict[str, tuple[int, str, str]]
"""Arguments, as the text of their list → exit code, standard output, standard error."""

# Reading the program from disk takes longer than all that it then does: it is read once, and each command is a fork.
EACH_IN_A_FORK = """
import json, os, sys
from simulator.__main__ import main
import simulator.cli.audit_command, simulator.cli.run_command, simulator.cli.serve_command, simulator.cli.tally
codes = []
for number, arguments in enumerate(json.load(sys.stdin)):
    child = os.fork()
    if not child:
        for descriptor in (1, 2):
            os.dup2(os.open(f"said.{number}.{descriptor}", os.O_WRONLY | os.O_CREAT), descriptor)
        sys.argv = ["simulator", *arguments]
        main()
        sys.exit(0)
    codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
print(json.dumps(codes))
"""


@pytest.fixture(scope="session")
def each_in_a_fork() -> Callable[[Path, Sequence[Sequence[str]]], Ended]:
    """Run many commands that are soon over, one after the other, in one folder."""

    def run(folder: Path, lines: Sequence[Sequence[str]]) -> Ended:
        done = subprocess.run(
            [sys.executable, "-c", EACH_IN_A_FORK],
            input=json.dumps(lines),
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        ended = {}
        for number, (line, code) in enumerate(zip(lines, json.loads(done.stdout), strict=True)):
            out, err = ((folder / f"said.{number}.{each}").read_text(encoding="utf-8") for each in (1, 2))
            ended[str(line)] = code, out, err
        return ended

    return run


@pytest.fixture
def simulator(tmp_path):
    """Run a command in a folder of its own, to its end."""

    def run(*arguments, **options):
        return subprocess.run(
            [sys.executable, "-m", "simulator", *map(str, arguments)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            **options,
        )

    return run


@pytest.fixture
def scenario(tmp_path):
    """Write a scenario file."""

    def write(text, name="meter.yaml"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture
def platform(tmp_path):
    """A platform that runs already, as options of `simulator run`."""
    command = [sys.executable, "-m", "simulator", "serve", "--token", "t", "--quiet"]
    command += ["--api-port", "0", "--udp-port", "0", "--coap-port", "0"]
    command += ["--radius-port", "0", "--accounting-port", "0", "--dtls-port", "0", "--coaps-port", "0"]
    command += ["--https-port", "0", "--blob-port", "0"]
    server = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        table: dict[str, str] = {}
        while "read-only" not in table:
            line = server.stdout.readline()
            assert line, f"it does not start: {table}"
            what, _, where = line.strip().partition(" ")
            table[what] = where.strip().rpartition("/")[2].rpartition(":")[2] if what != "API" else where.strip()
        url = table["API"].removesuffix("/span")
        where = ("--coap", f"127.0.0.1:{table['CoAP']}", "--udp", f"127.0.0.1:{table['UDP']}")
        yield "--target", url, "--token", "t", *where
    finally:
        server.kill()
        server.communicate()
