"""The same seed gives the same journal, byte by byte, whatever the host is like (scenarios §6)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCENARIO = """\
scenario: Forty meters on three kinds of radio, and an operator who meddles
seed: 11
devices:
  good: {count: 20, transport: coap, link: nb-iot-good}
  poor: {count: 15, transport: coap, link: {preset: nb-iot-ce1, duplicate: 5 %, reorder: yes}}
  plain: {count: 5, transport: udp, link: lte-m}
steps:
  - {attach: [good, poor, plain], over: 60 s}
  - {upload: [good, poor], payload: 24 B, every: 60 s, times: 5, over: 30 s, outcome: any}
  - {send: good, payload: 200 B}
  - {upload: 30 % of good, payload: 2000 B, outcome: any}
  - {upload: plain, payload: 5 B, every: 10 s, times: 3}
  - {update: poor, tags: {site: north}}
  - {remove: plain}
expect:
  - {rate: upload, at_least: 50 %}
"""

PROGRAM = """
import sys
from pathlib import Path
from simulator.events.journal import Journal
from simulator.run.settings import RunSettings
from simulator.run.start import rehearse
from simulator.run.watch import Nobody
from simulator.scenario import load

rehearse(load(Path(sys.argv[1])), RunSettings(), Journal(sys.stdout.buffer.write), Nobody())
"""


def journal(path: Path, folder: Path, **environment: str) -> bytes:
    """The journal of a run in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, os.path.relpath(path, folder)],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        check=True,
        timeout=60,
    )
    return done.stdout


@pytest.fixture(scope="module")
def scenario(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("determinism") / "radios.yaml"
    path.write_text(SCENARIO, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def reference(scenario) -> bytes:
    return journal(scenario, Path.cwd(), PYTHONHASHSEED="1", TZ="UTC", LC_ALL="C")


@pytest.mark.parametrize(
    "environment",
    [
        pytest.param({"PYTHONHASHSEED": "2"}, id="other hash seed"),
        pytest.param({"PYTHONHASHSEED": "random", "TZ": "Asia/Kathmandu"}, id="other time zone"),
        pytest.param({"PYTHONHASHSEED": "3", "LC_ALL": "C.UTF-8", "LANG": "de_DE.UTF-8"}, id="other locale"),
    ],
)
def test_same_seed_same_bytes(scenario, reference, environment):
    assert journal(scenario, Path.cwd(), **environment) == reference


def test_the_working_directory_does_not_matter(scenario, reference, tmp_path):
    assert journal(scenario, tmp_path, PYTHONHASHSEED="4") == reference


def test_the_history_is_a_real_one(reference):
    assert reference.count(b'"name":"upstreamMessage"') > 150
    assert reference.count(b'"transmissions":2') > 0, "no datagram was lost: the radios are not at work"
