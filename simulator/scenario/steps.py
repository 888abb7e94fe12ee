"""`steps:` → what happens, in order: the verb of each step, whom it is about, and its modifiers (scenarios §3)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from simulator.scenario.expectations import never_list, step_expect
from simulator.scenario.model import Step, StepAct, Subject, Wait
from simulator.scenario.nodes import Items, Mapping, Node, Text
from simulator.scenario.problems import NOT_YET, Fields
from simulator.scenario.quantities import quantity
from simulator.scenario.reading import Reading
from simulator.scenario.repetition import Repetition, repetition, retry
from simulator.scenario.show import meant, shown
from simulator.scenario.subjects import NAME, subjects
from simulator.scenario.verbs import act_of
from simulator.words import (
    ARGUMENTS,
    MODIFIERS,
    OUTCOMES,
    RETRIED,
    TRAFFIC_MODELS,
    VERB,
    WAIT_MODIFIERS,
    Verb,
    nearest,
)

MAX_STEPS = 1000
COAP = re.compile(r"coap ([245])\.([0-9]{2})")


def steps(reading: Reading, node: Node | None) -> tuple[Step, ...]:
    """The steps of a file, in order."""
    if node is None:
        return ()
    items = reading.problems.items(node, "steps", "- attach: meters")
    if isinstance(node, Items) and not items:
        reading.problems.add("no steps", node.place, "a scenario in which nothing happens proves nothing")
    if len(items) > MAX_STEPS:
        reading.problems.add(f"{len(items)} steps", node.place, f"a scenario has at most {MAX_STEPS}; repeat by every:")
    return tuple(step for item in items[:MAX_STEPS] if (step := _step(reading, item)) is not None)


def _step(reading: Reading, node: Node) -> Step | None:
    if isinstance(node, Text) and node.missing:
        reading.problems.add("an empty step", node.place, "write it as attach: meters")
        return None
    mapping = reading.problems.mapping(node, "a step", "attach: meters")
    if mapping is None:
        return None
    key = _verb(reading, mapping)
    if key is None:
        return None
    verb = VERB[key.value]
    _name(reading, mapping)
    if not verb.now:
        reading.problems.add(f"verb {shown(verb.name)} is {NOT_YET}", key.place, verb.help)
        return None
    reading.verbs_used.add(verb.name)
    _check_keys(reading, mapping, verb)
    value = next(value for name, value in mapping.entries if name is key)
    words = {name: word for name, word in (*MODIFIERS.items(), *ARGUMENTS.items()) if word.now}
    rest = Mapping(tuple((k, v) for k, v in mapping.entries if k.value in words), key.place)
    fields = Fields(rest, reading.problems, verb.name, words)
    return _wait(reading, value, fields) if verb.name == "wait" else _acted(reading, verb, value, fields)


# --- the verb ---------------------------------------------------------------------------------------------------------


def _verb(reading: Reading, mapping: Mapping) -> Text | None:
    """The one key that is a verb."""
    found = [key for key, _ in mapping.entries if key.value in VERB]
    if len(found) == 1:
        return found[0]
    if found:
        reading.problems.add(
            f"two verbs in a step: {found[0].value} and {found[1].value}", found[1].place, "write two steps"
        )
        return None
    strange = [key for key, _ in mapping.entries if key.value not in MODIFIERS and key.value not in ARGUMENTS]
    # The key that looks most like a verb is the one that was meant to be it.
    meant_verb = next((key for key in strange if nearest(key.value, VERB)), strange[0] if strange else None)
    if meant_verb is None:
        reading.problems.add("a step without a verb", mapping.place, "write it as attach: meters")
    else:
        now = [verb.name for verb in VERB.values() if verb.now]
        known = VERB if nearest(meant_verb.value, VERB) else now
        reading.problems.add(f"no verb {shown(meant_verb.value)}", meant_verb.place, meant(meant_verb.value, known))
    return None


def _check_keys(reading: Reading, mapping: Mapping, verb: Verb) -> None:
    modifiers = WAIT_MODIFIERS if verb.name == "wait" else tuple(MODIFIERS)
    for key, _ in mapping.entries:
        word = key.value
        if word == verb.name or word in verb.arguments:
            continue
        if word in MODIFIERS:
            if not MODIFIERS[word].now:
                reading.problems.add(f"{shown(word)} is {NOT_YET}", key.place, MODIFIERS[word].help)
            elif word not in modifiers:
                reading.problems.add(
                    f"{shown(word)} does not fit {verb.name}", key.place, "it fits " + ", ".join(modifiers)
                )
        elif word in ARGUMENTS:
            owners = [other.name for other in VERB.values() if word in other.arguments]
            reading.problems.add(f"{shown(word)} does not fit {verb.name}", key.place, "it fits " + ", ".join(owners))
        else:
            now = [name for name in modifiers if MODIFIERS[name].now]
            reading.problems.add(
                f"unknown key {shown(word)} beside {verb.name}", key.place, meant(word, (*verb.arguments, *now))
            )
    for required in verb.required:
        if required not in mapping:
            reading.problems.add(f"{verb.name} without {required}", mapping.place, ARGUMENTS[required].help)


def _name(reading: Reading, mapping: Mapping) -> str:
    """`as:`, entered into `reading`; "" if there is none."""
    node = next((value for key, value in mapping.entries if key.value == "as"), None)
    if node is None or (isinstance(node, Text) and node.missing):
        return ""
    text = reading.problems.word(node, "as")
    if text is None:
        return ""
    if not NAME.fullmatch(text.value):
        reading.problems.add(f"{shown(text.value)} cannot name an act", text.place, "use letters, digits, - and _")
    elif text.value in VERB:
        reading.problems.add(f"{shown(text.value)} is a verb", text.place, "choose another name")
    elif text.value in reading.step_names:
        reading.problems.add(
            f"two acts are called {shown(text.value)}", text.place, f"first at line {reading.step_names[text.value]}"
        )
    else:
        reading.step_names[text.value] = text.place.line
    return text.value


# --- its modifiers ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Common:
    """What every step may have."""

    name: str
    at_s: float | None
    within_s: float


def _common(reading: Reading, fields: Fields) -> _Common:
    at, within, name = fields.get("at"), fields.get("within"), fields.get("as")
    problems = reading.problems
    within_s = None if within is None else quantity(problems, within, "within", "duration", zero=False)
    if "within" in fields and "expect" not in fields and "never" not in fields:
        problems.add("within without expect or never", fields.at("within"), "it says how long events may take")
    return _Common(
        name=name.value if isinstance(name, Text) else "",
        at_s=None if at is None else quantity(problems, at, "at", "duration"),
        within_s=10.0 if within_s is None else within_s,
    )


def _wait(reading: Reading, value: Node, fields: Fields) -> Step | None:
    if isinstance(value, Text) and value.missing:
        reading.problems.add("wait has no value", value.place, "write it as wait: 30 s")
        return None
    seconds = quantity(reading.problems, value, "wait", "duration", zero=False)
    common = _common(reading, fields)
    expect, never = fields.get("expect"), fields.get("never")
    step = Step(
        place=fields.place,
        verb="wait",
        act=Wait(seconds=seconds or 0.0),
        subjects=(),
        text=f"wait {value.value}" if isinstance(value, Text) else "wait",
        name=common.name,
        at_s=common.at_s,
        within_s=common.within_s,
        expect=() if expect is None else step_expect(reading, expect, has_subjects=False),
        never=() if never is None else never_list(reading, never),
    )
    return step if seconds is not None else None


def _acted(reading: Reading, verb: Verb, value: Node, fields: Fields) -> Step | None:
    if isinstance(value, Text) and value.missing:
        reading.problems.add(f"{verb.name} whom?", value.place, f"name a group or a member: {verb.name}: meters")
        whom: tuple[Subject, ...] = ()
    else:
        whom = subjects(reading, value, verb.name)
    act: StepAct | None = act_of(reading, verb.name, whom, fields)
    common = _common(reading, fields)
    repeated: Repetition = repetition(reading, fields)
    over, outcome, again = fields.get("over"), fields.get("outcome"), fields.get("retry")
    expect, never = fields.get("expect"), fields.get("never")
    if again is not None and verb.name not in RETRIED:
        reading.problems.add(f"retry does not fit {verb.name}", fields.at("retry"), "it fits " + ", ".join(RETRIED))
        again = None
    retries, pause_s = (0, 0.0) if again is None else retry(reading, again)
    step = Step(
        place=fields.place,
        verb=verb.name,
        act=act or Wait(seconds=0.0),
        subjects=whom,
        text=f"{verb.name} {', '.join(subject.text for subject in whom)}",
        name=common.name,
        at_s=common.at_s,
        over_s=0.0 if over is None else _over(reading, over),
        every_s=repeated.every_s,
        times=repeated.times,
        outcome="ok" if outcome is None else _outcome(reading, outcome, verb, whom),
        retries=retries,
        retry_pause_s=pause_s,
        within_s=common.within_s,
        expect=() if expect is None else step_expect(reading, expect, has_subjects=True),
        never=() if never is None else never_list(reading, never),
    )
    return step if act is not None and whom else None


def _over(reading: Reading, node: Node) -> float:
    if isinstance(node, Text) and node.value.startswith(TRAFFIC_MODELS):
        reading.problems.add(
            f"traffic model {shown(node.value)} is {NOT_YET}", node.place, "write a time: over: 10 min"
        )
        return 0.0
    return quantity(reading.problems, node, "over", "duration") or 0.0


def _outcome(reading: Reading, node: Node, verb: Verb, whom: Sequence[Subject]) -> str:
    problems = reading.problems
    text = problems.word(node, "outcome")
    if text is None:
        return "ok"
    outcome, code = text.value, COAP.fullmatch(text.value)
    if code is None and outcome not in OUTCOMES:
        known = (*OUTCOMES, "coap 4.04")
        hint = "write it as coap 4.04" if outcome.lower().startswith("coap") else meant(outcome, known)
        problems.add(f"no outcome {shown(outcome)}", text.place, hint)
        return "ok"
    kind = "coap" if code else outcome
    if kind not in verb.outcomes:
        can = ", ".join("coap 4.04" if name == "coap" else name for name in verb.outcomes)
        problems.add(f"{verb.name} cannot come to {shown(outcome)}", text.place, f"it can come to {can}")
    elif code is not None and int(code[2]) > 31:
        problems.add(f"no CoAP code {code[1]}.{code[2]}", text.place, "the part after the dot is 00 to 31")
    elif kind in ("coap", "timeout") and verb.name == "upload":
        udp = next((s for s in whom if reading.groups[s.group].transport == "udp"), None)
        if udp is not None:
            problems.add(
                f"plain UDP is never answered, so {udp.group} cannot come to {shown(outcome)}",
                text.place,
                "leave outcome out: for udp, ok means sent",
            )
    return outcome
