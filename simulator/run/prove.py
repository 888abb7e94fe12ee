"""Whether scenarios can fail: each is run once on a sound server, and once on each of its mutants (scenarios §7).

A mutant is killed by a scenario if the sound run is green, the run on the mutant is red, and of the checks that the
scenario names for it at least one has failed. Red for another reason proves nothing: the scenario may be wrong about
what it tests. All runs are virtual and have the same seed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from simulator.assertions.verdicts import Verdict
from simulator.errors import SimulatorError
from simulator.events.journal import Journal
from simulator.run.settings import RunSettings
from simulator.run.start import Interrupted, rehearse
from simulator.run.watch import Nobody
from simulator.scenario.model import Scenario
from simulator.words import MUTANTS

Outcome = Literal["killed", "survived", "elsewhere", "broke"]
"""`elsewhere`: red, but none of the named checks has failed. `broke`: the run came to no verdict."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """One run, as far as it matters here."""

    verdict: Verdict | None
    """None: it came to none."""
    failed: tuple[str, ...] = ()
    """Names of the checks that failed, in the order of the report."""
    why: str = ""
    """Why there is no verdict, or none that decides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What a scenario said to one mutant."""

    mutant: str
    named: tuple[str, ...]
    """Checks of which one must fail; empty: any will do."""
    own: bool
    """Whether the scenario itself names this mutant."""
    outcome: Outcome
    failed: tuple[str, ...] = ()
    why: str = ""
    """Why there is no verdict, or that it was `inconclusive`, which kills nobody."""

    @property
    def caught_by(self) -> tuple[str, ...]:
        """The checks that killed it."""
        if self.outcome != "killed":
            return ()
        return tuple(check for check in self.failed if not self.named or check in self.named)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One scenario and its mutants."""

    file: str
    promise: str
    seed: int
    sound: Ran
    """On the sound server."""
    proofs: tuple[Proof, ...] = ()
    skipped: str = ""
    """Why it is not run here; "": it is."""

    @property
    def proven(self) -> bool:
        """Green on the sound server, and each of its mutants was killed; there must be one."""
        own = [proof for proof in self.proofs if proof.own]
        return self.sound.verdict == "pass" and bool(own) and all(proof.outcome == "killed" for proof in own)


@dataclass(frozen=True, slots=True)
class Matrix:
    """All of them."""

    rows: tuple[Row, ...]

    @property
    def killers(self) -> Mapping[str, tuple[Row, ...]]:
        """Each mutant that there is → the scenarios that kill it."""
        return {
            name: tuple(
                row
                for row in self.rows
                if any(proof.mutant == name and proof.outcome == "killed" for proof in row.proofs)
            )
            for name in MUTANTS
        }

    @property
    def untried(self) -> tuple[str, ...]:
        """Mutants that no scenario was run on."""
        tried = {proof.mutant for row in self.rows for proof in row.proofs}
        return tuple(name for name in MUTANTS if name not in tried)


Told = Callable[[Row], None]


def prove(scenarios: Sequence[tuple[str, Scenario]], *, every: bool = False, told: Told | None = None) -> Matrix:
    """Run scenarios (each with the name of its file) on their mutants.

    Args:
        every: on all mutants there are. For those that a scenario does not name, any failing check counts.
        told: is given each row as soon as it is complete.
    """
    rows = []
    for file, scenario in scenarios:
        row = prove_one(file, scenario, every=every)
        rows.append(row)
        if told is not None:
            told(row)
    return Matrix(tuple(rows))


def prove_one(file: str, scenario: Scenario, *, every: bool = False) -> Row:
    """One scenario, first on the sound server. If it is not green there, nothing else is tried."""
    sound, skipped = _run(scenario, None)
    proofs: tuple[Proof, ...] = ()
    if sound.verdict == "pass" and not skipped:
        own = dict(scenario.mutants)
        others = [name for name in MUTANTS if every and name not in own]
        proofs = (
            *(_proof(scenario, mutant, named, own=True) for mutant, named in scenario.mutants),
            *(_proof(scenario, mutant, (), own=False) for mutant in others),
        )
    return Row(file=file, promise=scenario.promise, seed=scenario.seed, sound=sound, proofs=proofs, skipped=skipped)


def _proof(scenario: Scenario, mutant: str, named: tuple[str, ...], *, own: bool) -> Proof:
    ran, _ = _run(scenario, mutant)
    return Proof(mutant=mutant, named=named, own=own, outcome=_outcome(ran, named), failed=ran.failed, why=ran.why)


def _outcome(ran: Ran, named: tuple[str, ...]) -> Outcome:
    if ran.verdict is None:
        return "broke"
    if ran.verdict != "fail":
        return "survived"
    return "killed" if not named or any(check in named for check in ran.failed) else "elsewhere"


def _run(scenario: Scenario, mutant: str | None) -> tuple[Ran, str]:
    """One run, and why the scenario is skipped if it is. Raises: Interrupted: somebody wants all of it to end."""
    try:
        result = rehearse(scenario, RunSettings(mutant=mutant), Journal(_nowhere), Nobody())
    except SimulatorError as error:
        return Ran(verdict=None, why=str(error)), ""
    except Exception as error:  # a mutant may well make the server trip over itself; that is not what was to be found
        return Ran(verdict=None, why=f"{type(error).__name__}: {error}"), ""
    if isinstance(result.error, Interrupted):
        raise result.error
    if result.error is not None:
        return Ran(verdict=None, why=str(result.error)), ""
    verdicts = result.verdicts
    failed = tuple(judgement.check for judgement in verdicts.judgements if judgement.verdict == "fail")
    why = verdicts.verdict if verdicts.verdict == "inconclusive" else ""
    return Ran(verdict=verdicts.verdict, failed=failed, why=why), result.skipped


def _nowhere(_lines: bytes) -> None:
    """The journal of a run that nobody will read."""
