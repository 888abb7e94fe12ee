"""What is wrong with a scenario as a whole although each of its lines is right (scenarios §2)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from simulator.scenario.model import (
    Create,
    Group,
    Listener,
    MoveSim,
    PlatformOptions,
    StatisticsOf,
    Step,
    Subscribe,
    SwapSims,
    Token,
    WholeRun,
)
from simulator.scenario.nodes import Items, Node
from simulator.scenario.reading import Reading
from simulator.scenario.show import shown
from simulator.words import CAPABILITIES, VERB

INET_STATISTICS = ("handshakes", "sessions.inet")
"""How the names of `words.STATISTICS` begin that are not about the mobile network."""


def check_whole(reading: Reading, steps: Sequence[Step]) -> None:
    """Combinations of lines that cannot be."""
    _check_states(reading, steps)
    _check_first_opening(reading, steps)
    _check_profiles(reading, steps)


def _check_states(reading: Reading, steps: Sequence[Step]) -> None:
    """What the platform was never told of has no state."""
    created = {subject.group for step in steps if isinstance(step.act, Create) for subject in step.subjects}
    for group, place in reading.states_of:
        if not reading.groups[group].registered and group not in created:
            hint = f"it has registered: no; add create: {group}"
            reading.problems.add(f"the platform never knows {shown(group)}", place, hint)


def _check_first_opening(reading: Reading, steps: Sequence[Step]) -> None:
    """An observer that no step subscribes listens from the beginning, where a refusal ends the run."""
    later = {name for step in steps if isinstance(step.act, Subscribe) for name in step.doers}
    for observer in reading.observers.values():
        token = reading.tokens.get(observer.token)
        if token is None or observer.name in later or not (why := _refusal(observer, token)):
            continue
        hint = f"add a step for it: {{subscribe: {observer.name}, outcome: rejected}}"
        reading.problems.add(f"the platform refuses {observer.name} before the first step: {why}", observer.place, hint)


def _check_profiles(reading: Reading, steps: Sequence[Step]) -> None:
    """Only an eSIM has profiles: the group's own, or one that some step puts into its devices."""
    held = _esims(reading, steps) if reading.profiles else {}
    for asked in reading.profiles:
        profiles = held[asked.group]
        if not profiles:
            hint = f"write sim: {{profiles: 2}} in the group {asked.group}"
            reading.problems.add(f"{asked.group} has no eSIM", asked.place, hint)
        elif asked.profile > max(profiles):
            problem, hint = f"{asked.group} has no profile {asked.profile}", f"its eSIM has 1 to {max(profiles)}"
            reading.problems.add(problem, asked.profile_place, hint)


def _esims(reading: Reading, steps: Sequence[Step]) -> dict[str, set[int]]:
    """Group → how many profiles the eSIMs have that its devices may ever hold, whatever the order of the steps."""
    held = {
        group.name: {group.sim.profiles} if group.sim.kind == "esim" else set() for group in reading.groups.values()
    }
    ways: dict[tuple[str, str], None] = {}
    for step in steps:
        for subject in step.subjects:
            match step.act:
                case MoveSim():
                    ways[subject.group, step.act.to.group] = None
                case SwapSims():
                    ways[subject.group, step.act.other.group] = ways[step.act.other.group, subject.group] = None
    grown = True
    while grown:
        grown = False
        for source, target in ways:
            grown = grown or not held[source] <= held[target]
            held[target] |= held[source]
    return held


def _refusal(observer: Listener, token: Token) -> str:
    """Why the platform refuses this token for that stream (span §2.1); "" if it does not."""
    if not token.known:
        return f"it does not know the token {token.name}"
    if token.collection is not None and token.collection != observer.collection:
        return f"the token {token.name} is for another collection"
    return ""


# --- needs ------------------------------------------------------------------------------------------------------------


def needs(
    reading: Reading, node: Node | None, steps: Sequence[Step], expect: Sequence[WholeRun], options: PlatformOptions
) -> tuple[str, ...]:
    """Capabilities that the file names or that what it does implies, in the order of `words.CAPABILITIES`."""
    problems = reading.problems
    asked = dict.fromkeys(_implied(reading, steps, reading.tokens.values(), reading.observers.values()))
    asked |= dict.fromkeys(_of_groups(reading.groups.values()))
    # Who counts logins, or handshakes, is who takes them.
    counted = [name for form in expect if isinstance(form, StatisticsOf) for name, _ in form.where]
    asked |= dict.fromkeys("inet" if name.startswith(INET_STATISTICS) else "login" for name in counted)
    if options != PlatformOptions():
        asked["options"] = None
    entries = () if node is None else node.items if isinstance(node, Items) else (node,)
    if isinstance(node, Items) and not entries:
        problems.add("needs is empty", node.place, "name a capability, or leave needs out")
    seen: set[str] = set()
    for entry in entries:
        name = problems.one_of(entry, "capability", CAPABILITIES)
        if name in seen:
            problems.add(f"{shown(name)} is twice in needs", entry.place, "remove one of them")
        if name is not None:
            seen.add(name)
            asked[name] = None
    return tuple(name for name in CAPABILITIES if name in asked)


def _of_groups(groups: Iterable[Group]) -> Iterable[str]:
    for group in groups:
        if group.network == "inet":
            yield "inet"
        # What is over, or not yet valid, no platform issues unless it is asked for it behind its API.
        if group.certificate.kind in ("expired", "early"):
            yield "validity"


def _implied(
    reading: Reading, steps: Sequence[Step], tokens: Iterable[Token], observers: Iterable[Listener]
) -> Iterable[str]:
    networks = {group.name: group.network for group in reading.groups.values()}
    doings = {(step.verb, any(networks[one.group] == "ciot" for one in step.subjects)): None for step in steps}
    for verb, mobile in doings:
        # Internet devices are switched on without anybody who logs them in.
        yield from (need for need in VERB[verb].needs if mobile or need != "login")
    # A token that the platform has never issued needs nothing of it.
    if any(token.known for token in tokens):
        yield "tokens"
    if any(observer.reads_per_s is not None for observer in observers):
        yield "pacing"
