"""Verbs that no device does: the platform's own, tokens', and observers' (scenarios §3)."""

from __future__ import annotations

from simulator.scenario.access import names_of
from simulator.scenario.model import Misbehave, PlatformAct, Restart, Revoke, Start, Stop, Subscribe, Unsubscribe
from simulator.scenario.nodes import Items, Node, Text
from simulator.scenario.reading import Reading
from simulator.scenario.show import meant, shown
from simulator.words import MUTANTS, PLATFORM, Verb

_ACTS: dict[str, PlatformAct] = {
    "restart": Restart(),
    "stop": Stop(),
    "start": Start(),
    "revoke": Revoke(),
    "subscribe": Subscribe(),
    "unsubscribe": Unsubscribe(),
}


def done_by(reading: Reading, verb: Verb, node: Node) -> tuple[PlatformAct, tuple[str, ...]] | None:
    """What is done, and the names of who does it; None (and noted) if the value of the verb names nobody."""
    if isinstance(node, Text) and node.missing:
        reading.problems.add(f"{verb.name} {_asked(verb)}?", node.place, f"write it as {_example(verb)}")
        return None
    match verb.whom:
        case "fault":
            return _misbehave(reading, node)
        case "platform":
            text = reading.problems.word(node, verb.name)
            if text is not None and text.value != PLATFORM:
                hint = f"write it as {_example(verb)}"
                reading.problems.add(f"{verb.name} is about the platform, not {shown(text.value)}", text.place, hint)
            return (_ACTS[verb.name], (PLATFORM,))
        case _:
            names = names_of(reading, node, verb.name, "token" if verb.whom == "tokens" else "observer")
    if verb.name == "revoke":
        _check_issued(reading, node)
    return (_ACTS[verb.name], names) if names else None


def _check_issued(reading: Reading, node: Node) -> None:
    for item in node.items if isinstance(node, Items) else (node,):
        token = reading.tokens.get(item.value) if isinstance(item, Text) else None
        if token is not None and not token.known:
            hint = "it has known: no; take that away, or revoke another"
            reading.problems.add(f"token {shown(token.name)} is never issued", item.place, hint)


def _misbehave(reading: Reading, node: Node) -> tuple[PlatformAct, tuple[str, ...]] | None:
    if isinstance(node, Items):
        reading.problems.add(
            "misbehave takes one fault", node.place, "write a step for each, or put them in a together"
        )
        return None
    text = reading.problems.word(node, "the fault of misbehave")
    if text is None:
        return None
    if text.value not in MUTANTS:
        reading.problems.add(f"no fault {shown(text.value)}", text.place, meant(text.value, MUTANTS))
        return None
    return Misbehave(fault=text.value), (PLATFORM,)


def _asked(verb: Verb) -> str:
    return {"fault": "how", "platform": "what"}.get(verb.whom, "which")


def _example(verb: Verb) -> str:
    what = {"fault": next(iter(MUTANTS), "FAULT"), "platform": PLATFORM, "tokens": "reader"}
    return f"{verb.name}: {what.get(verb.whom, 'slow')}"
