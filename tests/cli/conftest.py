"""What tests of the command line share: the command in a process of its own, and files for it."""

from __future__ import annotations

import subprocess
import sys

import pytest


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
