"""`certificate:`, `connection:` and `clock:` of a group → how devices show themselves on the Internet (scenarios §2).

Copies name devices, which may be declared further down or in another file, so they are looked at last.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, cast

from simulator.scenario.model import CertificateKind, CertificateSpec, ConnectionSpec, DeviceClock, Group, Subject
from simulator.scenario.nodes import Mapping, Node, Text
from simulator.scenario.problems import Fields, kind
from simulator.scenario.quantities import quantity
from simulator.scenario.reading import Copied, Reading
from simulator.scenario.show import meant, shown
from simulator.scenario.subjects import size_of, subject
from simulator.words import CERTIFICATE_KEYS, CERTIFICATES, CLOCK_KEYS, CONNECTION_KEYS, Word

MAX_FIRST_TIMEOUT_S = 60.0
"""RFC 6347 §4.2.4.1: no implementation waits longer than that for an answer."""

MAX_OFF_S = 50 * 365 * 86_400.0
"""Further than any certificate of the platform reaches, which may be made for many years."""

KINDS = {name: word for name, word in CERTIFICATES.items() if word.now}
"""Certificates that are a word of their own; a copy is told by whose it is."""
CERTIFICATE_FORMS = f"{', '.join(KINDS)} or {{of: meter}}"

CIPHERS = {
    "any": Word("any", "what the platform likes best"),
    "gcm": Word("gcm", "ECDHE-ECDSA-AES128-GCM-SHA256 alone"),
    "ccm8": Word("ccm8", "ECDHE-ECDSA-AES128-CCM8 alone, which RFC 7925 wants of small devices"),
}

CLOCKS = {
    "right": Word("right", "the time that it is"),
    "reset": Word("reset", "1970-01-01 when the device is switched on: nobody has set it"),
}
CLOCK_FORMS = "right, reset, {slow: 20 d} or {fast: 900 d}"


def certificate(reading: Reading, node: Node, group: str) -> CertificateSpec:
    """What the devices of a group show of themselves."""
    problems = reading.problems
    if isinstance(node, Text):
        if node.value == "copy":
            problems.add("copy of whose certificate?", node.place, "write certificate: {of: meter}")
            return CertificateSpec()
        word = problems.named(node, "certificate", KINDS)
        return CertificateSpec() if word is None else CertificateSpec(kind=cast(CertificateKind, word))
    if not isinstance(node, Mapping):
        hint = f"write {CERTIFICATE_FORMS}"
        problems.add(f"certificate must be a word or a mapping, not a {kind(node)}", node.place, hint)
        return CertificateSpec()
    before = problems.count
    of = Fields(node, problems, "certificate", CERTIFICATE_KEYS).get("of")
    if of is None:
        if problems.count == before:
            problems.add("certificate is an empty mapping", node.place, f"write {CERTIFICATE_FORMS}")
        return CertificateSpec()
    text = problems.word(of, "of")
    if text is None:
        return CertificateSpec()
    reading.certificates.append(Copied(group, "certificate", text))
    return CertificateSpec(kind="copy")


def connection(reading: Reading, node: Node) -> ConnectionSpec:
    """How the devices of a group keep their sessions."""
    problems, usual = reading.problems, ConnectionSpec()
    mapping = problems.mapping(node, "connection", "{resume: no, close_after: 5 min}")
    if mapping is None:
        return usual
    fields = Fields(mapping, problems, "connection", CONNECTION_KEYS)
    resume, on_demand, cipher = (fields.get(key) for key in ("resume", "on_demand", "cipher"))
    first = fields.get("timeout")
    first_s = (
        None
        if first is None
        else quantity(problems, first, "timeout", "duration", zero=False, most=MAX_FIRST_TIMEOUT_S)
    )  # fmt: skip
    chosen = None if cipher is None else problems.one_of(cipher, "cipher", CIPHERS)
    return ConnectionSpec(
        resume=resume is None or problems.yes_or_no(resume, "resume") is not False,
        on_demand=on_demand is None or problems.yes_or_no(on_demand, "on_demand") is not False,
        close_after_s=_silence(reading, fields, "close_after"),
        renew_after_s=_silence(reading, fields, "renew_after"),
        first_timeout_s=usual.first_timeout_s if first_s is None else first_s,
        cipher=cast(Literal["any", "gcm", "ccm8"], chosen or usual.cipher),
    )


def _silence(reading: Reading, fields: Fields, key: str) -> float | None:
    node = fields.get(key)
    return None if node is None else quantity(reading.problems, node, key, "duration", zero=False)


def clock(reading: Reading, node: Node) -> DeviceClock:
    """What the devices of a group take the time for."""
    problems = reading.problems
    if isinstance(node, Text):
        word = problems.word(node, "clock")
        if word is not None and word.value not in CLOCKS:
            near = meant(word.value, CLOCKS)
            hint = near if near.startswith("did") else f"write {CLOCK_FORMS}"
            problems.add(f"no clock {shown(word.value)}", word.place, hint)
        return DeviceClock(kind="reset" if node.value == "reset" else "right")
    if not isinstance(node, Mapping):
        problems.add(f"clock must be a word or a mapping, not a {kind(node)}", node.place, f"write {CLOCK_FORMS}")
        return DeviceClock()
    before = problems.count
    fields = Fields(node, problems, "clock", CLOCK_KEYS)
    if not any(fields.names(key) for key in CLOCK_KEYS) and problems.count == before:
        problems.add("clock is an empty mapping", node.place, f"write {CLOCK_FORMS}")
    return deviation(reading, fields, "clock")


def deviation(reading: Reading, fields: Fields, what: str) -> DeviceClock:
    """`fast` or `slow` among the fields of a clock or a step; neither: the clock is right."""
    problems = reading.problems
    fast, slow = fields.get("fast"), fields.get("slow")
    if fast is not None and slow is not None:
        problems.add(f"{what} is both fast and slow", fields.at("slow"), "keep one of them")
        return DeviceClock()
    key, node = ("slow", slow) if fast is None else ("fast", fast)
    seconds = None if node is None else quantity(problems, node, key, "duration", zero=False, most=MAX_OFF_S)
    if seconds is None:
        return DeviceClock()
    return DeviceClock(kind="off", offset_s=seconds if key == "fast" else -seconds)


# --- when all groups are known ----------------------------------------------------------------------------------------


def resolve_copies(reading: Reading) -> None:
    """Enter into the groups whose certificate theirs is a copy of; note what cannot be."""
    for copy in reading.certificates:
        before = reading.problems.count
        group, of = reading.groups.get(copy.group), subject(reading, copy.of, "of")
        if group is not None and of is not None:
            _check_owner(reading, copy, group, of)
            if reading.problems.count == before:
                reading.groups[group.name] = replace(group, certificate=CertificateSpec(kind="copy", of=of))
        if reading.problems.count > before:
            reading.flawed[copy.group] = None


def _check_owner(reading: Reading, copy: Copied, group: Group, of: Subject) -> None:
    owner = reading.groups[of.group]
    count = size_of(of, owner)
    problem, hint = "", ""
    if of.share is not None:
        problem, hint = f"of: {shown(of.text)} is drawn by the seed", f"name a device or a group: {owner.name}"
    elif owner.name == group.name:
        problem, hint = f"{group.name} has a copy of its own certificate", "name another group, or write own"
    elif owner.network != "inet":
        problem, hint = f"{owner.name} has no certificate", "it is of the mobile network; name an Internet device"
    elif owner.certificate.kind == "copy":
        problem, hint = f"the certificate of {owner.name} is a copy itself", "name the device that it is a copy of"
    elif owner.certificate.kind == "none":
        problem, hint = f"{owner.name} has no certificate that could be copied", "it has certificate: none"
    elif group.count not in (1, count):
        devices = "one device" if count == 1 else f"{count} devices"
        problem = f"{group.count} copies of the certificates of {devices}"
        hint = f"{group.name} needs count: {count}, or 1" if count > 1 else f"{group.name} must be one device"
    if problem:
        reading.problems.add(problem, copy.of.place, hint)
