"""The keys of a step: which of them is its verb, which fit beside it, and what the act is called (scenarios §3)."""

from __future__ import annotations

from simulator.scenario.nodes import Mapping, Text
from simulator.scenario.problems import NOT_YET
from simulator.scenario.reading import Reading
from simulator.scenario.show import meant, shown
from simulator.scenario.subjects import NAME
from simulator.words import ARGUMENTS, BLOCKS, LASTING, MODIFIERS, RETRIED, TOP_KEYS, VERB, Verb, modifiers_of, nearest

TO = {"move": "collection that the devices move to", "move_sim": "device that the SIM moves to"}
"""The argument `to` by verb; its help tells of both."""


def verb_key(reading: Reading, mapping: Mapping) -> Text | None:
    """The one key that is a verb, or None (and noted)."""
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


def check_keys(reading: Reading, mapping: Mapping, verb: Verb) -> None:
    """Note what does not fit beside the verb, and what is missing there."""
    fit = modifiers_of(verb)
    for key, _ in mapping.entries:
        word = key.value
        if word == verb.name or word in verb.arguments or word in fit:
            continue
        if word in MODIFIERS or word in ARGUMENTS:
            reading.problems.add(f"{shown(word)} does not fit {verb.name}", key.place, _what_fits(verb, word))
        else:
            hint = "it belongs at the top of the file" if word in TOP_KEYS else meant(word, (*verb.arguments, *fit))
            reading.problems.add(f"unknown key {shown(word)} beside {verb.name}", key.place, hint)
    for required in verb.required:
        if required not in mapping:
            hint = TO[verb.name] if required == "to" and verb.name in TO else ARGUMENTS[required].help
            reading.problems.add(f"{verb.name} without {required}", mapping.place, hint)


def _what_fits(verb: Verb, word: str) -> str:
    """What the word fits, or, for a verb with few modifiers, what fits the verb."""
    if word in ARGUMENTS:
        return "it fits " + ", ".join(o.name for o in VERB.values() if o.now and word in o.arguments)
    if verb.name in BLOCKS:
        return f"beside {verb.name} only {', '.join(modifiers_of(verb))} fits; put it beside a step inside"
    if word in ("lasting", "retry"):
        return "it fits " + ", ".join(LASTING if word == "lasting" else RETRIED)
    return f"beside {verb.name} fit {', '.join(modifiers_of(verb))}"


def name_of(reading: Reading, mapping: Mapping, verb: Verb) -> str:
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
        if verb.name == "wait" or verb.whom != "devices":
            reading.nobody_acts.add(text.value)
    return text.value


def not_yet(reading: Reading, verb: Verb, key: Text) -> bool:
    """Whether this version cannot carry the verb out, which is noted."""
    if not verb.now:
        reading.problems.add(f"verb {shown(verb.name)} is {NOT_YET}", key.place, verb.help)
    return not verb.now
