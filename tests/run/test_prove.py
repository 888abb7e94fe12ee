"""What counts as killed: red, for the reason that was named, and green without the mutant."""

from __future__ import annotations

import pytest

from simulator.run import prove as module
from simulator.run.prove import Proof, prove, prove_one
from simulator.scenario import loads
from simulator.server.mutants import MUTANTS

HELLO = """
scenario: Two meters are heard
devices: {meters: {count: 2}}
steps:
  - {attach: meters, expect: [ciotConnect]}
  - {upload: meters, payload: 8 B, expect: [clientConnected, {upstreamMessage: {bytes: 8}}]}
"""


def hello(mutants: str = "", more: str = ""):
    return loads(HELLO + more + (f"mutants:\n{mutants}" if mutants else ""), "hello.yaml")


def outcomes(row):
    return [(proof.mutant, proof.outcome) for proof in row.proofs]


def test_killed_by_the_check_that_is_named():
    row = prove_one("hello.yaml", hello("  upstreamMessage-wrong-bytes: steps[1].expect[1]\n"))
    assert (row.sound.verdict, row.sound.failed, row.proven) == ("pass", (), True)
    assert row.proofs == (
        Proof(
            mutant="upstreamMessage-wrong-bytes",
            named=("steps[1].expect[1]",),
            own=True,
            outcome="killed",
            failed=("steps[1].expect[1]", "invariant.upload-once"),
        ),
    )
    assert row.proofs[0].caught_by == ("steps[1].expect[1]",)


@pytest.mark.parametrize(
    ("named", "outcome"),
    [
        pytest.param("steps[0].expect[0]", "elsewhere", id="a check that holds"),
        pytest.param("upload-once", "killed", id="an invariant"),
        pytest.param('["steps[0].expect[0]", upload-once]', "killed", id="one of several"),
    ],
)
def test_red_for_another_reason_is_no_proof(named, outcome):
    row = prove_one("hello.yaml", hello(f"  upstreamMessage-wrong-bytes: {named}\n"))
    assert outcomes(row) == [("upstreamMessage-wrong-bytes", outcome)]
    assert row.proven is (outcome == "killed")


def test_what_a_scenario_does_not_touch_survives():
    row = prove_one("hello.yaml", hello("  outbox-newest-first: downstream-queued\n  ciotConnect-missing: act-once\n"))
    assert outcomes(row) == [("outbox-newest-first", "survived"), ("ciotConnect-missing", "killed")]
    assert row.proofs[0].caught_by == ()
    assert not row.proven


def test_nothing_is_proven_by_a_scenario_that_is_red_anyway():
    scenario = hello("  upstreamMessage-missing: upload-once\n", "expect: [{never: [ciotConnect]}]\n")
    row = prove_one("hello.yaml", scenario)
    assert (row.sound.verdict, row.sound.failed, row.proofs, row.proven) == ("fail", ("expect[0]",), (), False)


def test_nor_by_one_that_names_no_mutant():
    row = prove_one("hello.yaml", hello())
    assert (row.sound.verdict, row.proofs, row.proven) == ("pass", (), False)


def test_a_mutant_under_which_the_run_breaks_is_not_killed(monkeypatch):
    honest = module.rehearse

    def breaks(scenario, settings, journal, watch):
        if settings.mutant is not None:
            raise ValueError("the server fell over")
        return honest(scenario, settings, journal, watch)

    monkeypatch.setattr(module, "rehearse", breaks)
    row = prove_one("hello.yaml", hello("  upstreamMessage-missing: upload-once\n"))
    assert [(proof.outcome, proof.why) for proof in row.proofs] == [("broke", "ValueError: the server fell over")]


def test_the_same_seed_on_every_run():
    lossy = HELLO.replace("count: 2", "count: 20, link: {loss: 20 %}").replace("expect: [clientConnected", "never: [")
    lossy = lossy[: lossy.index("never: [")] + "outcome: any}\n"
    scenario = loads("seed: 5\n" + lossy + "expect: [{each: meters, sees: upstreamMessage, at_most: 1}]\n"
                     "mutants: {retransmission-stored-twice: upload-once}\n")  # fmt: skip
    assert prove_one("lossy", scenario) == prove_one("lossy", scenario)
    assert prove_one("lossy", scenario).proven


def test_every_mutant_of_the_server():
    rows = []
    matrix = prove([("hello.yaml", hello("  ciotConnect-missing: act-once\n"))], every=True, told=rows.append)
    row = matrix.rows[0]
    assert rows == [row]
    assert sorted(proof.mutant for proof in row.proofs) == sorted(MUTANTS)
    assert [proof.mutant for proof in row.proofs if proof.own] == ["ciotConnect-missing"]
    assert row.proven, "what it does not name need not be killed"
    assert matrix.untried == ()
    assert matrix.killers["upstreamMessage-missing"] == (row,)
    assert matrix.killers["outbox-newest-first"] == ()


def test_the_matrix_knows_what_nobody_tried():
    matrix = prove([("hello.yaml", hello("  ciotConnect-missing: act-once\n"))])
    assert set(matrix.untried) == set(MUTANTS) - {"ciotConnect-missing"}
    assert [name for name, rows in matrix.killers.items() if rows] == ["ciotConnect-missing"]
