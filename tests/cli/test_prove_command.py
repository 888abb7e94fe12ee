"""`simulator prove`: the matrix in words and as JSON, and the exit code."""

from __future__ import annotations

import msgspec
import pytest

from simulator.cli.prove_command import prove
from simulator.errors import ScenarioErrors

HELLO = """
scenario: Two meters are heard
devices: {meters: {count: 2}}
steps:
  - {attach: meters, expect: [ciotConnect]}
  - {upload: meters, expect: [clientConnected, upstreamMessage]}
"""


@pytest.fixture
def write(tmp_path):
    """A scenario file with these mutants."""

    def write(name, mutants="", more=""):
        path = tmp_path / name
        path.write_text(HELLO + more + (f"mutants: {mutants}\n" if mutants else ""), encoding="utf-8")
        return path

    return write


def test_a_table_with_what_caught_each(write, capsys):
    path = write("good.yaml", "{upstreamMessage-missing: upload-once, ciotConnect-missing: act-once}")
    assert prove([path], every=False, as_json=False) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:3] == [
        f"✓ {path}  2 of 2 mutants killed",
        "    ✓ upstreamMessage-missing  invariant.upload-once",
        "    ✓ ciotConnect-missing      invariant.act-once",
    ]
    assert lines[3:] == ["", "1 of 1 scenario proven, 2 of 2 mutants killed"]


def test_a_survivor_and_a_wrong_reason(write, capsys):
    survivor = write("survivor.yaml", "{outbox-newest-first: downstream-queued}")
    elsewhere = write("elsewhere.yaml", "{upstreamMessage-missing: connected-first}")
    assert prove([survivor, elsewhere], every=False, as_json=False) == 1
    out = capsys.readouterr().out
    assert f"✗ {survivor}  0 of 1 mutant killed\n" in out
    assert "    ✗ outbox-newest-first  survived; invariant.downstream-queued should have failed\n" in out
    assert (
        "    ✗ upstreamMessage-missing  red for another reason: invariant.upload-once, steps[1].expect[1];"
        " invariant.connected-first should have failed\n"
    ) in out


@pytest.mark.parametrize(
    ("mutants", "more", "said"),
    [
        ("", "", "names no mutant, so nothing shows that it can fail"),
        (
            "{ciotConnect-missing: act-once}",
            "expect: [{never: [ciotConnect]}]\n",
            "not green without a mutant: expect[0] failed",
        ),
    ],
)
def test_what_proves_nothing(write, capsys, mutants, more, said):
    assert prove([write("weak.yaml", mutants, more)], every=False, as_json=False) == 1
    assert said in capsys.readouterr().out


def test_for_programs(write, capsys):
    path = write("good.yaml", "{upstreamMessage-missing: upload-once}")
    assert prove([path], every=False, as_json=True) == 0
    document = msgspec.json.decode(capsys.readouterr().out)
    (row,) = document["scenarios"]
    assert (row["file"], row["sound"]["verdict"], row["proven"]) == (str(path), "pass", True)
    assert row["mutants"] == [
        {
            "mutant": "upstreamMessage-missing",
            "named": ["invariant.upload-once"],
            "own": True,
            "outcome": "killed",
            "caught_by": ["invariant.upload-once"],
            "failed": ["steps[1].expect[1]", "invariant.upload-once"],
            "why": "",
        }
    ]
    assert document["mutants"]["upstreamMessage-missing"] == [str(path)]
    assert "outbox-newest-first" in document["untried"]


def test_every_mutant_must_be_killed_by_somebody(write, capsys):
    path = write("good.yaml", "{upstreamMessage-missing: upload-once}")
    assert prove([path], every=True, as_json=False) == 1
    out = capsys.readouterr().out
    assert "    ✓ upstreamMessage-doubled" in out
    assert "✗" not in out, "what it does not name and does not kill is not held against it"
    assert "mutants that no scenario kills:" in out
    assert "    outbox-newest-first                           the newest message that waits is handed over first" in out


def test_a_file_that_is_wrong_is_refused_before_anything_runs(write, capsys):
    good, bad = (
        write("good.yaml", "{upstreamMessage-missing: upload-once}"),
        write("bad.yaml", "{outbox-newst: act-once}"),
    )
    with pytest.raises(ScenarioErrors, match="no mutant 'outbox-newst'"):
        prove([good, bad], every=False, as_json=False)
    assert capsys.readouterr().out == ""
