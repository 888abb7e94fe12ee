"""What a scenario needs of its target, and what to say where it is not there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from simulator.errors import SimulatorError
from simulator.scenario.model import Scenario
from simulator.wire.address import Address
from simulator.words import CAPABILITIES


class Skipped(SimulatorError):
    """The target cannot do what the scenario needs, so it was not run. The text is the reason."""


def check_needs(scenario: Scenario, capabilities: Iterable[str], target: str) -> None:
    """Raises: Skipped: the target lacks something that the scenario needs."""
    lacking = [name for name in scenario.needs if name not in capabilities]
    if lacking:
        words = (
            f"'{name}'" + (f" (it cannot {CAPABILITIES[name].help})" if name in CAPABILITIES else "")
            for name in lacking
        )
        raise Skipped(f"{target} lacks {' and '.join(words)}")


def check_ways(scenario: Scenario, ways: Mapping[str, Address], target: str) -> None:
    """`ways`: where the target takes what devices send by each transport; 0: nowhere.

    Raises: Skipped: some devices could reach it nowhere. It may take one kind of DTLS alone.
    """
    wanted = {group.transport: None for group in scenario.groups}
    for transport in wanted:
        if not ways.get(transport, 1):
            raise Skipped(f"{target} tells no place for devices with transport {transport}; say it with --{transport}")
