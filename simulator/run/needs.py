"""What a scenario needs of its target, and what to say where it is not there."""

from __future__ import annotations

from collections.abc import Iterable

from simulator.errors import SimulatorError
from simulator.scenario.model import PlatformOptions, Scenario
from simulator.words import CAPABILITIES, VERB


class Skipped(SimulatorError):
    """The target cannot do what the scenario needs, so it was not run. The text is the reason."""


def needs(scenario: Scenario) -> tuple[str, ...]:
    """The capabilities that a target must have: those that the file names, and those that what is in it implies."""
    found = dict.fromkeys(scenario.needs)
    inet = {group.name for group in scenario.groups if group.network == "inet"}
    for step in scenario.steps:
        only_inet = bool(step.subjects) and all(subject.group in inet for subject in step.subjects)
        # Internet devices are switched on without anybody who logs them in.
        found |= dict.fromkeys(need for need in VERB[step.verb].needs if not (only_inet and need == "login"))
    if scenario.tokens:
        found["tokens"] = None
    if any(listener.reads_per_s is not None for listener in scenario.observers):
        found["pacing"] = None
    if scenario.platform != PlatformOptions():
        found["options"] = None
    if inet:
        found["inet"] = None
    if any(group.certificate.kind in ("expired", "early") for group in scenario.groups):
        found["validity"] = None
    return tuple(found)


def check_needs(scenario: Scenario, capabilities: Iterable[str], target: str) -> None:
    """Raises: Skipped: the target lacks something that the scenario needs."""
    lacking = [name for name in needs(scenario) if name not in capabilities]
    if lacking:
        words = (f"'{name}'" + (f" ({CAPABILITIES[name].help})" if name in CAPABILITIES else "") for name in lacking)
        raise Skipped(f"{target} lacks {' and '.join(words)}")
