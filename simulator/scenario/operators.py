"""`operators:` and `platform:` → the mobile networks, and the options of the embedded platform (scenarios §2)."""

from __future__ import annotations

import re
from typing import Literal, cast

from simulator.scenario.groups import is_name
from simulator.scenario.links import link_spec
from simulator.scenario.model import HOME, Operator, PlatformOptions
from simulator.scenario.nodes import Items, Node, Text
from simulator.scenario.problems import Fields
from simulator.scenario.quantities import quantity
from simulator.scenario.reading import Reading
from simulator.scenario.show import shown
from simulator.words import OMITTED, OPERATOR_KEYS, PLATFORM_KEYS, RATS, RETRANSMISSIONS, Word

MAX_OPERATORS = 100
MAX_GATEWAYS = 50

PLMN = re.compile(r"[0-9]{5,6}")
"""MCC (3 digits) and MNC (2 or 3)."""
APN = re.compile(r"[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){0,8}")
MAX_APN = 100
"""Octets of an APN: TS 23.003 §9.1."""

MAX_LOST_AFTER_S = 7 * 86_400.0
LEAST_INTERIM_S = 60.0
"""RFC 2869 §5.16: not less than a minute."""
MAX_INTERIM_S = 86_400.0

POLICIES = {
    "both": Word("both", "an imeiMismatch and an imsiMismatch, if both are there"),
    "first": Word("first", "no imsiMismatch after an imeiMismatch"),
}

COMPATIBLE = {
    "unspecified": Word("unspecified", "as a published print of an event has it, in the place of dtls and coaps"),
}


def operators(reading: Reading, node: Node | None) -> tuple[Operator, ...]:
    """The operators of a file, `home` first; entered into `reading`, also those that are flawed."""
    mapping = None if node is None else reading.problems.mapping(node, "operators", "{abroad: {plmn: 24201}}")
    if mapping is not None and len(mapping.entries) > MAX_OPERATORS:
        hint = f"a scenario has at most {MAX_OPERATORS}"
        reading.problems.add(f"{len(mapping.entries)} operators", mapping.place, hint)
        mapping = None
    if mapping is None:
        reading.operators_unread = node is not None
        return (HOME,)
    for key, value in mapping.entries:
        if is_name(reading, key, "operator"):
            reading.operators[key.value] = _operator(reading, key, value)
    return tuple(reading.operators.values())


def _operator(reading: Reading, key: Text, node: Node) -> Operator:
    problems, name = reading.problems, key.value
    nothing = isinstance(node, Text) and node.missing
    mapping = None if nothing else problems.mapping(node, f"operator {name}", f"{name}: {{plmn: 24201}}")
    if mapping is None:
        return Operator(name=name, place=key.place)
    fields = Fields(mapping, problems, f"operator {name}", OPERATOR_KEYS)
    gateways, rat, again = (fields.get(word) for word in ("gateways", "rat", "retransmit"))
    link, lost = fields.get("link"), fields.get("lost_after")
    lost_s = (
        None if lost is None else quantity(problems, lost, "lost_after", "duration", zero=False, most=MAX_LOST_AFTER_S)
    )
    number = None if gateways is None else problems.integer(gateways, "gateways", 1, MAX_GATEWAYS)
    return Operator(
        name=name,
        place=key.place,
        plmn=_plmn(reading, fields.get("plmn")),
        gateways=number or HOME.gateways,
        apn=_apn(reading, fields.get("apn")),
        rat=(None if rat is None else problems.named(rat, "rat", RATS)) or HOME.rat,
        omits=_omits(reading, fields.get("omits")),
        retransmit=(None if again is None else problems.one_of(again, "retransmit", RETRANSMISSIONS))
        or HOME.retransmit,
        link=(None if link is None else link_spec(problems, link)) or HOME.link,
        lost_after_s=HOME.lost_after_s if lost_s is None else lost_s,
    )


def _plmn(reading: Reading, node: Node | None) -> str:
    text = None if node is None else reading.problems.word(node, "plmn")
    if text is None:
        return HOME.plmn
    if not PLMN.fullmatch(text.value):
        hint = "write 5 or 6 digits, MCC and MNC: 24201"
        reading.problems.add(f"{shown(text.value)} is no plmn", text.place, hint)
    return text.value


def _apn(reading: Reading, node: Node | None) -> str:
    text = None if node is None else reading.problems.word(node, "apn")
    if text is None:
        return HOME.apn
    if not APN.fullmatch(text.value) or len(text.value) > MAX_APN:
        hint = f"letters, digits and -, with dots in between, at most {MAX_APN} characters: iot.test"
        reading.problems.add(f"{shown(text.value)} is no apn", text.place, hint)
    return text.value


def _omits(reading: Reading, node: Node | None) -> frozenset[str]:
    """What is not told. An empty list is what gateways do anyway; a case may want to say it."""
    problems = reading.problems
    if node is not None and not isinstance(node, Items):
        problems.items(node, "omits", "[imei]")
    found: set[str] = set()
    for item in node.items if isinstance(node, Items) else ():
        word = problems.one_of(item, "attribute", OMITTED)
        if word in found:
            problems.add(f"{shown(word)} is twice in omits", item.place, "remove one of them")
        found |= set() if word is None else {word}
    return frozenset(found)


def platform_options(reading: Reading, node: Node | None) -> PlatformOptions:
    """The options of a file; those that it does not name are as they always are."""
    problems = reading.problems
    mapping = None if node is None else problems.mapping(node, "platform", "{disconnect_on_update: yes}")
    if mapping is None:
        return PlatformOptions()
    fields = Fields(mapping, problems, "platform", PLATFORM_KEYS)
    policy, cuts, interim = (fields.get(word) for word in ("mismatch_policy", "disconnect_on_update", "interim"))
    silence, told = fields.get("inet_idle"), fields.get("transport_compat")
    usual = PlatformOptions()
    idle_s = None if silence is None else quantity(problems, silence, "inet_idle", "duration", zero=False)
    compat = None if told is None else problems.one_of(told, "transport_compat", COMPATIBLE)
    chosen = None if policy is None else problems.one_of(policy, "mismatch_policy", POLICIES)
    return PlatformOptions(
        mismatch_policy=cast(Literal["both", "first"], chosen or "both"),
        disconnect_on_update=cuts is not None and problems.yes_or_no(cuts, "disconnect_on_update") is True,
        interim_s=None if interim is None else _interim(reading, interim),
        inet_idle_s=usual.inet_idle_s if idle_s is None else idle_s,
        transport_compat=usual.transport_compat if compat is None else "unspecified",
    )


def _interim(reading: Reading, node: Node) -> float | None:
    seconds = quantity(reading.problems, node, "interim", "duration", most=MAX_INTERIM_S)
    if seconds is not None and (seconds < LEAST_INTERIM_S or seconds != int(seconds)):
        reading.problems.add("interim is whole seconds, at least 1 min", node.place, "write it as 10 min")
    return seconds
