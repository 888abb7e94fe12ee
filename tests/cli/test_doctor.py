"""`simulator doctor`: lines for people, JSON for programs, and an exit code."""

from __future__ import annotations

import json

from simulator.cli import doctor_command
from simulator.cli.doctor_command import examine
from simulator.doctor.finding import Finding


def test_every_line_has_a_state_and_limits_have_an_advice(capsys):
    examine(as_json=True)
    whole = json.loads(capsys.readouterr().out)
    assert whole["possible"] is True
    assert all(one["state"] == "ok" or one["advice"] for one in whole["findings"])
    assert {"Python", "descriptors", "sockets", "receive buffer", "port 10080", "clock", "cores", "memory"} <= {
        one["what"] for one in whole["findings"]
    }


def test_people_read_lines(capsys, monkeypatch):
    bad = Finding(what="memory", state="missing", found="none", advice="buy some", fatal=True)
    monkeypatch.setattr(doctor_command, "LOOKS", (lambda: iter([bad]),))
    assert examine(as_json=False) == 4
    assert capsys.readouterr().out == "missing  memory  none\n                 → buy some\nno run is possible here\n"


def test_programs_read_whether_a_run_is_possible(capsys, monkeypatch):
    bad = Finding(what="memory", state="missing", found="none", advice="buy some", fatal=True)
    monkeypatch.setattr(doctor_command, "LOOKS", (lambda: iter([bad]),))
    assert examine(as_json=True) == 4
    assert json.loads(capsys.readouterr().out)["possible"] is False
