"""Workers that leave in the middle of a test, each in its way, and Ctrl-C at the end: nothing is spoilt by that."""

from __future__ import annotations

import json

import pytest

PATIENCE_S = 110.0


def command_of():
    return "tests/load/programs/leaving.py", "{port}", "{out}"


@pytest.fixture
def story(ended_beside):
    ended = ended_beside(PATIENCE_S)
    assert ended.code == 0, ended.said
    return json.loads(ended.said.splitlines()[-1])


@pytest.mark.real
@pytest.mark.beside(command=command_of)
@pytest.mark.timeout(PATIENCE_S + 10)
def test_who_leaves_spoils_nothing(story):
    report, said = story["report"], story["said"]
    stopped, sent_home, master, last = story["codes"]
    assert (stopped, sent_home, last) == (0, 0, 0), said
    assert "took this worker for dead" in said["worker0"], said
    assert "leaving in order" in said["worker1"], said
    for name, text in said.items():
        assert "Traceback" not in text, (name, text)
        assert "KeyboardInterrupt" not in text, (name, text)
    # The one that was stopped counts as dead: nobody has read its last events. The other has told its last word.
    assert [worker["died"] for worker in report["workers"]].count(True) == 1, said
    assert (report["verdict"], master) in (("inconclusive", 3), ("invalid", 5)), said
    assert report["devices"] == {"planned": 60, "joined": 60}, said
    uploads = report["uploads"]
    assert uploads["sent"] == sum(worker["sent"] for worker in report["workers"]) > 0, said
    assert (uploads["lost"], uploads["duplicated"], uploads["disordered"], uploads["resized"]) == (0, 0, 0, 0), said
    assert story["left"] == 0, said
