"""The mistakes of all cases of a file, told once: what is wrong in each of them is wrong with the file.

What stands in the values of a case bears the name of that case, and so does what only some of the cases have.
"""

from __future__ import annotations

from collections.abc import Sequence

from simulator.errors import Place, ScenarioError, ScenarioErrors
from simulator.scenario.cases import Cases
from simulator.scenario.nodes import MAX_ERRORS, too_many
from simulator.scenario.show import plain

_Same = tuple[str, Place, str]


class CaseErrors:
    """Collects the mistakes of the cases that have been read."""

    def __init__(self, cases: Cases, file: str) -> None:
        self._cases, self._file = cases, file
        self._read = 0
        self._raw = 0
        self._of: dict[_Same, tuple[ScenarioError, list[str]]] = {}
        """Each mistake with the cases that have it."""

    def add(self, case: str, errors: Sequence[ScenarioError]) -> None:
        """Those of one more case; none if it is right."""
        self._read += 1
        self._raw += len(errors)
        for error in errors:
            names = self._of.setdefault((error.problem, error.at, error.hint), (error, []))[1]
            if case not in names:
                names.append(case)

    @property
    def enough(self) -> bool:
        """Whether there are so many mistakes that reading on would only take time."""
        return self._raw >= MAX_ERRORS

    def raise_if_any(self) -> None:
        """Raises: ScenarioErrors with everything."""
        told = {(error.problem, error.at, error.hint): error for error in self._cases.errors}
        for key, (error, names) in self._of.items():
            if key in told:
                continue
            if not self._cases.holds(error.at) and len(names) == self._read:
                told[key] = error
            else:
                told[key] = ScenarioError(f"{_called(names)}: {error.problem}", error.at, error.hint)
        found = sorted(told.values(), key=lambda error: error.at)
        if len(found) > MAX_ERRORS:
            found = [*found[:MAX_ERRORS], too_many(self._file)]
        if found:
            raise ScenarioErrors(found)


def _called(names: Sequence[str]) -> str:
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return f"case {plain(names[0])}{more}"
