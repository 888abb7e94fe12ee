"""How the tests of this folder ask for the mistakes of a text."""

from collections.abc import Callable

import pytest

from simulator.errors import ScenarioErrors
from simulator.scenario import loads

Mistakes = Callable[[str], list[str]]


@pytest.fixture
def mistakes() -> Mistakes:
    """All mistakes of a scenario text, each as `line:column: problem (hint)`; empty if there are none."""

    def of(text: str) -> list[str]:
        try:
            loads(text, "f")
        except ScenarioErrors as errors:
            return [line.removeprefix("f:").strip() for line in str(errors).split("\n")]
        return []

    return of
