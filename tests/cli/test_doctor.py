"""`simulator doctor`: what it finds is what is there."""

from __future__ import annotations

import json
import os
import resource
import socket
import subprocess
import sys

import pytest

from simulator.cli import doctor_command
from simulator.cli.doctor import sockets, versions
from simulator.cli.doctor.finding import Finding
from simulator.cli.doctor.versions import split_requirement, within
from simulator.cli.doctor_command import examine


@pytest.fixture
def looks(monkeypatch):
    """Let it look at these things only."""

    def only(*some):
        monkeypatch.setattr(doctor_command, "LOOKS", some)

    return only


def found(capsys, code: int = 0) -> dict[str, dict]:
    assert examine(as_json=True) == code
    return {finding["what"]: finding for finding in json.loads(capsys.readouterr().out)["findings"]}


def test_every_line_has_a_state_and_limits_have_an_advice(capsys):
    examine(as_json=True)
    whole = json.loads(capsys.readouterr().out)
    assert whole["possible"] is True
    assert all(one["state"] == "ok" or one["advice"] for one in whole["findings"])
    assert {"Python", "descriptors", "sockets", "receive buffer", "port 10080", "clock", "cores", "memory"} <= {
        one["what"] for one in whole["findings"]
    }


def test_a_taken_port_is_told_with_who_has_it(capsys, looks, monkeypatch):
    looks(sockets.ports)
    with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp, socket.socket() as free:
        for sock in (tcp, udp, free):
            sock.bind(("127.0.0.1", 0))
        tcp.listen()
        numbers = [sock.getsockname()[1] for sock in (tcp, udp, free)]
        free.close()
        kinds = ("tcp", "udp", "udp")
        table = tuple(("API", kind, number, "--port") for kind, number in zip(kinds, numbers, strict=True))
        monkeypatch.setattr(sockets, "SERVE_PORTS", table)
        told = found(capsys)
    taken = [told[f"port {number}"] for number in numbers]
    assert [one["state"] for one in taken] == ["limits", "limits", "ok"]
    if os.path.exists("/proc/net/tcp"):
        assert f"by process {os.getpid()} (" in taken[0]["found"]
        assert f"by process {os.getpid()} (" in taken[1]["found"]


def test_few_descriptors_limit_and_none_left_make_a_run_impossible():
    program = "from simulator.cli.doctor.sockets import descriptors; print(next(descriptors()))"

    def state(limit: int) -> str:
        done = subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit)),
        )
        return done.stdout

    assert "state='limits'" in state(256)
    assert "192 devices" in state(256)
    assert "fatal=False" in state(256)
    assert "fatal=True" in state(40)


@pytest.mark.parametrize(
    ("requirement", "name", "bounds"),
    [
        ("aiohttp<4,>=3.11", "aiohttp", "<4,>=3.11"),
        ("ruamel.yaml<0.20,>=0.18.6", "ruamel.yaml", "<0.20,>=0.18.6"),
        ("asyncio-dgram", "asyncio-dgram", ""),
        ("aiocoap[oscore] (>=0.4.12)", "aiocoap", ">=0.4.12"),
    ],
)
def test_a_requirement_has_a_name_and_bounds(requirement, name, bounds):
    assert split_requirement(requirement) == (name, bounds)


@pytest.mark.parametrize(
    ("version", "bounds", "good"),
    [
        ("3.14.5", "<4,>=3.11", True),
        ("3.9", "<4,>=3.11", False),
        ("4.0", "<4,>=3.11", False),
        ("4.0rc1", "<4,>=3.11", False),
        ("0.4.17", ">=0.4.12", True),
        ("1.0", "", True),
    ],
)
def test_a_version_is_held_against_its_bounds(version, bounds, good):
    assert within(version, bounds) is good


def test_a_missing_package_makes_a_run_impossible(capsys, looks, monkeypatch):
    looks(versions.packages)
    declared = ["msgspec>=0.19", "no-such-package>=1", "pytest<2; extra == 'test'", "nor-this; extra == 'test'"]
    monkeypatch.setattr(versions.metadata, "requires", lambda _name: declared)
    told = found(capsys, code=4)
    assert (told["no-such-package"]["state"], told["no-such-package"]["fatal"]) == ("missing", True)
    assert told["pytest"]["state"] == "limits"
    assert "nor-this" not in told


def test_people_read_lines(capsys, monkeypatch):
    bad = Finding(what="memory", state="missing", found="none", advice="buy some", fatal=True)
    monkeypatch.setattr(doctor_command, "LOOKS", (lambda: iter([bad]),))
    assert examine(as_json=False) == 4
    assert capsys.readouterr().out == "missing  memory  none\n                 → buy some\nno run is possible here\n"
