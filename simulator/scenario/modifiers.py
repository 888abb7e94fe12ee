"""`at`, `within`, `lasting`, `outcome` of a step → what they say (scenarios §3)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from simulator.scenario.groups import RAW
from simulator.scenario.model import Subject
from simulator.scenario.nodes import Mapping, Node, Text
from simulator.scenario.problems import Fields
from simulator.scenario.quantities import in_units, quantity
from simulator.scenario.reading import Reading
from simulator.scenario.repetition import Repetition
from simulator.scenario.show import meant, plain, shown
from simulator.words import ALERTS, OUTCOMES, REJECTIONS, TURNED, Verb, nearest

COAP = re.compile(r"coap ([245])\.([0-9]{2})")

REASONED = ("rejected", "failed")
"""Outcomes that come with words of the one who refused."""
WITH_REASON = "write {rejected: IMEI mismatch}"
MAX_REASON = 200
LOGINS = ("attach", "power_on", "reboot", "switch_profile")
"""Verbs that are rejected with one of `REJECTIONS`, if it is the mobile network that is asked."""
HANDSHAKES = ("connect", "power_on", "reboot")
"""Verbs that are rejected with one of `ALERTS`, if it is an Internet device that connects."""

DEFAULT_WITHIN_S = 10.0
"""scenarios §3."""


@dataclass(frozen=True, slots=True)
class Common:
    """What every step may have."""

    name: str
    at_s: float | None
    within_s: float


def common(reading: Reading, fields: Fields) -> Common:
    """The modifiers that fit every verb."""
    at, within, name = fields.get("at"), fields.get("within"), fields.get("as")
    problems = reading.problems
    within_s = None if within is None else quantity(problems, within, "within", "duration", zero=False)
    if "within" in fields and "expect" not in fields and "never" not in fields:
        problems.add("within without expect or never", fields.at("within"), "it says how long events may take")
    return Common(
        name=name.value if isinstance(name, Text) else "",
        at_s=None if at is None else quantity(problems, at, "at", "duration"),
        within_s=DEFAULT_WITHIN_S if within_s is None else within_s,
    )


def lasting(reading: Reading, fields: Fields, verb: Verb, repeated: Repetition) -> float | None:
    """`lasting:` in seconds; None: it stays. What is repeated must be over before it begins again."""
    node, problems = fields.get("lasting"), reading.problems
    lasting_s = None if node is None else quantity(problems, node, "lasting", "duration", zero=False)
    if repeated.times == 1:
        return lasting_s
    if node is None and verb.name in ("freeze", "blackout"):
        problems.add(f"{verb.name} is repeated, and nothing ends it in between", fields.place, "add lasting: 90 s")
    elif lasting_s is not None and repeated.every_s is None:
        problems.add("lasting with times, and without every", fields.at("lasting"), "say the period: every: 10 min")
    elif lasting_s is not None and repeated.every_s is not None and lasting_s >= repeated.every_s:
        hint = f"it must be over before it begins again, every {in_units(repeated.every_s, 'duration')}"
        problems.add(f"{verb.name} lasts longer than every", fields.at("lasting"), hint)
    return lasting_s


def outcome(reading: Reading, node: Node | None, verb: Verb, whom: Sequence[Subject]) -> tuple[str, str]:
    """What the act must come to, and what the one who refused must have said, "" for anything.

    `ok` if nothing, or nothing sensible, is said.
    """
    if not isinstance(node, Mapping):
        return _word(reading, node, verb, whom), ""
    problems = reading.problems
    if len(node.entries) != 1:
        problems.add(f"outcome takes one word with its reason, not {len(node.entries)}", node.place, WITH_REASON)
        return "ok", ""
    (key, value) = node.entries[0]
    said = _word(reading, key, verb, whom)
    if key.value in OUTCOMES and key.value not in REASONED:
        hint = f"{' and '.join(REASONED)} have one; write outcome: {key.value}"
        problems.add(f"{key.value} has no reason", key.place, hint)
    text = problems.word(value, f"the reason of {plain(key.value)}")
    reason = "" if text is None else " ".join(text.value.split())
    if text is not None and (not reason.isprintable() or len(reason) > MAX_REASON):
        hint = f"at most {MAX_REASON} characters that can be printed"
        problems.add(f"no reason {shown(text.value)}", text.place, hint)
    elif text is not None and said == "rejected":
        _check_reason(reading, verb, whom, text, reason)
    return said, reason


def _check_reason(reading: Reading, verb: Verb, whom: Sequence[Subject], text: Text, reason: str) -> None:
    """Who refuses a login or a handshake does it in words that are known, of which a part is enough."""
    networks = {reading.groups[subject.group].network for subject in whom}
    logs_in, shakes = verb.name in LOGINS and "ciot" in networks, verb.name in HANDSHAKES and "inet" in networks
    messages = (*(REJECTIONS if logs_in else ()), *(ALERTS if shakes else ()))
    if not messages or any(reason in message for message in messages):
        return
    if logs_in:
        hint = f"the reference server says {', '.join(messages)}"
        reading.problems.add(f"no login is rejected with {shown(reason)}", text.place, hint)
    else:
        alert = TURNED.get(nearest(reason, (*messages, *TURNED)) or "")
        hint = meant(reason, messages) if alert is None else f"its alert is another: write {{rejected: {alert}}}"
        reading.problems.add(f"no handshake is rejected with {shown(reason)}", text.place, hint)


def _word(reading: Reading, node: Node | None, verb: Verb, whom: Sequence[Subject]) -> str:
    problems = reading.problems
    text = None if node is None else problems.word(node, "outcome")
    if text is None:
        return "ok"
    said, code = text.value, COAP.fullmatch(text.value)
    if code is None and said not in OUTCOMES:
        known = (*OUTCOMES, "coap 4.04")
        hint = "write it as coap 4.04" if said.lower().startswith("coap") else meant(said, known)
        problems.add(f"no outcome {shown(said)}", text.place, hint)
        return "ok"
    kind = "coap" if code else said
    if kind not in verb.outcomes:
        can = ", ".join("coap 4.04" if name == "coap" else name for name in verb.outcomes)
        problems.add(f"{verb.name} cannot come to {shown(said)}", text.place, f"it can come to {can}")
    elif code is not None and int(code[2]) > 31:
        problems.add(f"no CoAP code {code[1]}.{code[2]}", text.place, "the part after the dot is 00 to 31")
    elif kind in ("coap", "timeout") and verb.name == "upload":
        # Over DTLS it may be the handshake before it that is not answered.
        deaf = ("udp",) if kind == "timeout" else ("udp", "dtls")
        group = next((group for s in whom if (group := reading.groups[s.group]).transport in deaf), None)
        if group is not None:
            problems.add(
                f"{RAW[group.transport].called} is never answered, so {group.name} cannot come to {shown(said)}",
                text.place,
                f"leave outcome out: for {group.transport}, ok means sent",
            )
    return said
