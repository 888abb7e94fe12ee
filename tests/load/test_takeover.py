"""Four workers, one is killed: the others go on with its devices, and nothing that was reported is lost."""

from __future__ import annotations

import json

import pytest

PATIENCE_S = 110.0


def command_of():
    return "tests/load/programs/takeover.py", "{port}", "{out}"


@pytest.fixture
def story(ended_beside):
    ended = ended_beside(PATIENCE_S)
    assert ended.code == 0, ended.said
    return json.loads(ended.said.splitlines()[-1])


@pytest.mark.real
@pytest.mark.beside(command=command_of)
@pytest.mark.timeout(PATIENCE_S + 10)
def test_the_devices_of_a_dead_worker_are_taken_over(story):
    report, said = story["report"], story["said"]
    assert story["after_s"] <= 10.0, said
    dead = [worker for worker in report["workers"] if worker["died"]]
    assert len(dead) == 1, said
    # All 200 devices have a worker again, and each upload that anybody has told of is in the totals, with its event.
    assert report["devices"] == {"planned": 200, "joined": 200}, said
    assert report["uploads"]["sent"] == sum(worker["sent"] for worker in report["workers"]), said
    assert report["uploads"]["lost"] == report["uploads"]["duplicated"] == 0, said
    # Nobody has seen the last events of the dead one, so it is no pass.
    assert (report["verdict"], story["code"]) in (("inconclusive", 3), ("invalid", 5)), said
