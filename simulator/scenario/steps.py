"""One step: the act of its verb, whom it is about, and its modifiers (scenarios §3)."""

from __future__ import annotations

from collections.abc import Sequence

from simulator.scenario.access import token_named
from simulator.scenario.arrivals import over
from simulator.scenario.doers import done_by
from simulator.scenario.expectations import Awaited, awaited
from simulator.scenario.inet_verbs import check_network
from simulator.scenario.model import MoveSim, Step, StepAct, Subject, SwapSims, Wait
from simulator.scenario.modifiers import common, lasting, outcome
from simulator.scenario.nodes import Mapping, Node, Text
from simulator.scenario.problems import Fields
from simulator.scenario.quantities import quantity
from simulator.scenario.reading import Reading
from simulator.scenario.repetition import Repetition, repetition, retry
from simulator.scenario.step_keys import check_keys, name_of, not_yet
from simulator.scenario.subjects import subjects
from simulator.scenario.verbs import act_of
from simulator.words import ARGUMENTS, MODIFIERS, VERB, Verb

_WORDS = {**MODIFIERS, **ARGUMENTS}


def step(reading: Reading, mapping: Mapping, key: Text) -> Step | None:
    """The step whose verb, neither `together` nor `repeat`, is `key`; None (and noted) if it cannot be read."""
    verb = VERB[key.value]
    name_of(reading, mapping, verb)
    if not_yet(reading, verb, key):
        return None
    reading.verbs_used.add(verb.name)
    check_keys(reading, mapping, verb)
    value = next(value for name, value in mapping.entries if name is key)
    rest = Mapping(tuple((k, v) for k, v in mapping.entries if k.value in _WORDS), key.place)
    fields = Fields(rest, reading.problems, verb.name, _WORDS)
    if verb.name == "wait":
        return _wait(reading, value, fields)
    return _acted(reading, verb, value, fields) if verb.whom == "devices" else _done(reading, verb, value, fields)


def _wait(reading: Reading, value: Node, fields: Fields) -> Step | None:
    if isinstance(value, Text) and value.missing:
        reading.problems.add("wait has no value", value.place, "write it as wait: 30 s")
        return None
    seconds = quantity(reading.problems, value, "wait", "duration", zero=False)
    always, seen = common(reading, fields), awaited(reading, fields, has_subjects=False)
    found = Step(
        place=fields.place,
        verb="wait",
        act=Wait(seconds=seconds or 0.0),
        subjects=(),
        text=f"wait {value.value}" if isinstance(value, Text) else "wait",
        name=always.name,
        at_s=always.at_s,
        within_s=always.within_s,
        expect=seen.ordered,
        never=seen.never,
        forms=seen.forms,
    )
    return found if seconds is not None else None


def _done(reading: Reading, verb: Verb, value: Node, fields: Fields) -> Step | None:
    """A step of the platform, of tokens or of observers."""
    done = done_by(reading, verb, value)
    always, seen = common(reading, fields), awaited(reading, fields, has_subjects=False)
    lasting_s = lasting(reading, fields, verb, Repetition(None, 1))
    comes_to, reason = outcome(reading, fields.get("outcome"), verb, ())
    if done is None:
        return None
    act, doers = done
    return Step(
        place=fields.place,
        verb=verb.name,
        act=act,
        subjects=(),
        doers=doers,
        text=f"{verb.name} {value.value if isinstance(value, Text) else ', '.join(doers)}",
        name=always.name,
        at_s=always.at_s,
        lasting_s=lasting_s,
        outcome=comes_to,
        outcome_reason=reason,
        within_s=always.within_s,
        expect=seen.ordered,
        never=seen.never,
        forms=seen.forms,
    )


def _acted(reading: Reading, verb: Verb, value: Node, fields: Fields) -> Step | None:
    if isinstance(value, Text) and value.missing:
        reading.problems.add(f"{verb.name} whom?", value.place, f"name a group or a member: {verb.name}: meters")
        whom: tuple[Subject, ...] = ()
    else:
        whom = subjects(reading, value, verb.name)
    check_network(reading, verb.name, whom)
    act: StepAct | None = act_of(reading, verb.name, whom, fields)
    always, repeated = common(reading, fields), repetition(reading, fields)
    over_s, arrivals = over(reading, fields, whom)
    again, shown_token = retry(reading, fields.get("retry"), verb.name), fields.get("token")
    comes_to, reason = outcome(reading, fields.get("outcome"), verb, whom)
    seen: Awaited = awaited(reading, fields, has_subjects=True)
    found = Step(
        place=fields.place,
        verb=verb.name,
        act=act or Wait(seconds=0.0),
        subjects=whom,
        token="" if shown_token is None or "token" not in verb.arguments else token_named(reading, shown_token),
        text=_told(verb.name, whom, act),
        name=always.name,
        at_s=always.at_s,
        over_s=over_s,
        arrivals=arrivals,
        lasting_s=lasting(reading, fields, verb, repeated),
        every_s=repeated.every_s,
        times=repeated.times,
        outcome=comes_to,
        outcome_reason=reason,
        retries=again.times,
        retry_pause_s=again.pause_s,
        retry_model=again.model,
        within_s=always.within_s,
        expect=seen.ordered,
        never=seen.never,
        forms=seen.forms,
    )
    return found if act is not None and whom else None


def _told(verb: str, whom: Sequence[Subject], act: StepAct | None) -> str:
    """The step in one line: `upload meters`, `move_sim old to new`."""
    line = f"{verb} {', '.join(subject.text for subject in whom)}"
    match act:
        case MoveSim():
            return f"{line} to {act.to.text}"
        case SwapSims():
            return f"{line} with {act.other.text}"
    return line
