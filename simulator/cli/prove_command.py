"""`simulator prove`: whether scenarios can fail, as a table."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from simulator.cli.files import called, load_all, of_cases, scenario_files
from simulator.cli.stopping import came
from simulator.errors import ExitCode
from simulator.run.prove import Matrix, Proof, Row
from simulator.run.prove import prove as run_on_mutants
from simulator.scenario import Scenario
from simulator.words import MUTANTS

_CHECKS_SHOWN = 3


def prove(paths: Sequence[Path] | None, *, every: bool, as_json: bool, cases: Sequence[str] = ()) -> int:
    """Run scenarios on their mutants and print the matrix.

    Args:
        paths: files and folders; None: all below scenarios/.
        every: on every mutant there is, not only on those that a scenario names.
        as_json: print one JSON object instead.
        cases: of files with cases, only these; none: all.
    Returns: 0 if each scenario is green without and has killed all of its mutants, else 1.
    Raises: ScenarioErrors, UsageError: there is nothing to run.
    """
    loaded = of_cases(load_all(scenario_files(paths)), cases)
    scenarios = [(called(path, scenario), scenario) for path, scenario in loaded]
    matrix = run_on_mutants(scenarios, every=every, told=_nothing if as_json else _tell)
    if as_json:
        print(msgspec.json.format(msgspec.json.encode(_document(matrix, loaded)), indent=1).decode(), flush=True)
    else:
        print("\n".join(_ending(matrix, every=every)), flush=True)
    return ExitCode.PASSED if _all_well(matrix, every=every) else ExitCode.FAILED


def _all_well(matrix: Matrix, *, every: bool) -> bool:
    rows = [row for row in matrix.rows if not row.skipped]
    # Nobody can kill them all: with `every`, each mutant must be killed by somebody.
    return all(row.proven for row in rows) and (not every or all(matrix.killers.values()))


def _raise_if_stopped() -> None:
    """A run on a mutant may end in anything, also in what a signal was turned into."""
    if (stopped := came()) is not None:
        raise stopped


# --- for people -------------------------------------------------------------------------------------------------------


def _nothing(_row: Row) -> None:
    """Programs are told when all is over."""
    _raise_if_stopped()


def _tell(row: Row) -> None:
    _raise_if_stopped()
    print("\n".join(_lines(row)), flush=True)


def _lines(row: Row) -> list[str]:
    killed = sum(proof.outcome == "killed" for proof in row.proofs)
    lines = [f"{_mark(row.proven)} {row.file}  {killed} of {_count(len(row.proofs), 'mutant')} killed"]
    if row.skipped:
        return [f"- {row.file}  skipped: {row.skipped}"]
    if row.sound.verdict != "pass":
        why = row.sound.why or f"{_some(row.sound.failed)} failed"
        return [f"{_mark(False)} {row.file}  not green without a mutant: {why}"]
    if not row.proofs:
        return [f"{_mark(False)} {row.file}  names no mutant, so nothing shows that it can fail"]
    width = max(len(proof.mutant) for proof in row.proofs)
    shown = [proof for proof in row.proofs if proof.own or proof.outcome == "killed"]
    lines += [f"    {_mark(proof.outcome == 'killed')} {proof.mutant:<{width}}  {_said(proof)}" for proof in shown]
    return lines


def _said(proof: Proof) -> str:
    if proof.outcome == "killed":
        return _some(proof.caught_by)
    if proof.outcome == "survived":
        return f"survived{f', {proof.why}' if proof.why else ''}{_should(proof)}"
    if proof.outcome == "broke":
        return f"no verdict: {proof.why}"
    # An invariant says what is wrong with the platform; what was expected then only says that something is.
    failed = sorted(proof.failed, key=lambda check: not check.startswith("invariant."))
    return f"red for another reason: {_some(failed)}{_should(proof)}"


def _should(proof: Proof) -> str:
    return f"; {_some(proof.named)} should have failed" if proof.named else ""


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


def _some(checks: Sequence[str]) -> str:
    more = len(checks) - _CHECKS_SHOWN
    return ", ".join(checks[:_CHECKS_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _ending(matrix: Matrix, *, every: bool) -> list[str]:
    """What is over all scenarios: the sum, and with `every` the mutants that nobody kills."""
    rows = [row for row in matrix.rows if not row.skipped]
    proofs = [proof for row in rows for proof in row.proofs]
    dead = sum(proof.outcome == "killed" for proof in proofs)
    if not every:
        well = sum(row.proven for row in rows)
        return [
            "",
            f"{well} of {_count(len(rows), 'scenario')} proven, {dead} of {_count(len(proofs), 'mutant')} killed",
        ]
    killers = matrix.killers
    unkilled = [name for name, killed_by in killers.items() if not killed_by]
    lines = [""]
    if unkilled:
        lines.append(f"{_count(len(unkilled), 'mutant')} that no scenario kills:")
        lines += [*(f"    {name:<44}  {MUTANTS[name].help}" for name in unkilled), ""]
    counts = f"{len(killers) - len(unkilled)} of {len(killers)} mutants killed by somebody"
    return [*lines, f"{_count(len(rows), 'scenario')}, {_count(dead, 'kill')}, {counts}"]


def _mark(good: bool) -> str:
    """✓ or ✗, in colour on a terminal."""
    mark = "✓" if good else "✗"
    if not sys.stdout.isatty() or "NO_COLOR" in os.environ:
        return mark
    return f"\x1b[{32 if good else 31}m{mark}\x1b[0m"


# --- for programs -----------------------------------------------------------------------------------------------------


def _document(matrix: Matrix, loaded: Sequence[tuple[Path, Scenario]]) -> dict[str, Any]:
    """`loaded`: what the rows are about, in their order. A row of `mutants` names a case as `matrix.yaml[moved]`."""
    return {
        "scenarios": [_row(row, path, one.case) for row, (path, one) in zip(matrix.rows, loaded, strict=True)],
        "mutants": {name: [row.file for row in rows] for name, rows in matrix.killers.items()},
        "untried": list(matrix.untried),
    }


def _row(row: Row, path: Path, case: str) -> dict[str, Any]:
    return {
        "file": str(path),
        **({"case": case} if case else {}),
        "scenario": row.promise,
        "seed": row.seed,
        "skipped": row.skipped,
        "sound": {"verdict": row.sound.verdict, "failed": list(row.sound.failed), "why": row.sound.why},
        "proven": row.proven,
        "mutants": [
            {
                "mutant": proof.mutant,
                "named": list(proof.named),
                "own": proof.own,
                "outcome": proof.outcome,
                "caught_by": list(proof.caught_by),
                "failed": list(proof.failed),
                "why": proof.why,
            }
            for proof in row.proofs
        ],
    }
