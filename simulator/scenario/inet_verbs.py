"""Verbs that only one kind of device has, and the arguments of Internet devices' verbs → their acts (scenarios §3)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from simulator.scenario.inet import deviation
from simulator.scenario.model import Connect, DeviceAct, SetClock, Subject, UploadBlob
from simulator.scenario.paths import path
from simulator.scenario.payloads import payload
from simulator.scenario.problems import Fields
from simulator.scenario.reading import Reading
from simulator.scenario.show import shown

MAX_BLOB_BYTES: Final = 32 << 20
"""Twice what the reference server takes, so that a refusal can be rehearsed too."""

DEFAULT_BLOB_PATH: Final = "blob"
MAX_CONTENT_TYPE: Final = 100
CONTENT_TYPE: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+/[!#$%&'*+.^_`|~0-9A-Za-z-]+(?:; ?[ !-~]+)?")
"""RFC 9110 §8.3.1: type, subtype, and whatever parameters."""

_NO_SIM: Final = "Internet devices have no SIM"

MOBILE_VERBS: Final[Mapping[str, str]] = {
    "attach": "use connect",
    "detach": "use disconnect",
    "insert_sim": _NO_SIM,
    "remove_sim": _NO_SIM,
    "move_sim": _NO_SIM,
    "swap_sims": _NO_SIM,
    "switch_profile": _NO_SIM,
    "update_modem": "what Internet devices run on is nobody's affair",
    "roam": "use rebind_nat: it appears from another address",
    "cut_off": "use remove, which ends its session too; or disconnect",
}
"""Verbs of devices that have a SIM, and what to do instead with others."""

INET_VERBS: Final[Mapping[str, str]] = {
    "connect": "use attach",
    "disconnect": "use detach",
    "rebind_nat": "its network gives it an address of its own; use detach and attach",
    "renew_certificate": "its SIM is what it shows of itself",
    "set_clock": "it checks no certificate by its clock",
}
"""Verbs of devices that have a certificate, and what to do instead with others."""


def check_network(reading: Reading, verb: str, whom: Sequence[Subject]) -> None:
    """Note who cannot do this because of the network that it is in, unless that is what could not be read."""
    for subject in whom:
        group = reading.groups[subject.group]
        if group.name in reading.flawed:
            continue
        if verb in MOBILE_VERBS and group.network == "inet":
            problem = f"{verb} is of the mobile network, and {group.name} is on the Internet"
            reading.problems.add(problem, subject.place, MOBILE_VERBS[verb])
        elif verb in INET_VERBS and group.network == "ciot":
            problem = f"{verb} is of Internet devices, and {group.name} is in the mobile network"
            reading.problems.add(problem, subject.place, INET_VERBS[verb])


def connect(reading: Reading, _subjects: Sequence[Subject], fields: Fields) -> DeviceAct:
    """`{connect: meters, resume: no}`."""
    node = fields.get("resume")
    return Connect(resume=None if node is None else reading.problems.yes_or_no(node, "resume"))


def set_clock(reading: Reading, _subjects: Sequence[Subject], fields: Fields) -> DeviceAct:
    """`{set_clock: meters, slow: 20 d}`; without an argument the clock is set rightly."""
    return SetClock(clock=deviation(reading, fields, "set_clock"))


def upload_blob(reading: Reading, _subjects: Sequence[Subject], fields: Fields) -> DeviceAct:
    """`{upload_blob: camera, payload: 20 KiB, path: pictures/door.jpg, content_type: image/jpeg}`."""
    carried, declared = fields.get("payload"), fields.get("content_type")
    usual = UploadBlob()
    where = path(reading, fields, DEFAULT_BLOB_PATH)
    if not where.isprintable():
        hint = "it becomes part of an address; write it as pictures/door.jpg"
        reading.problems.add(f"path {shown(where)} has a control character in it", fields.at("path"), hint)
    return UploadBlob(
        payload=None if carried is None else payload(reading, carried, MAX_BLOB_BYTES),
        path=where,
        content_type=usual.content_type if declared is None else _content_type(reading, fields) or usual.content_type,
    )


def _content_type(reading: Reading, fields: Fields) -> str:
    """It becomes a header, so nothing in it may end one."""
    node = fields.get("content_type")
    text = None if node is None else reading.problems.word(node, "content_type")
    if text is None:
        return ""
    if len(text.value) > MAX_CONTENT_TYPE or not CONTENT_TYPE.fullmatch(text.value):
        hint = f"write it as image/jpeg, at most {MAX_CONTENT_TYPE} characters of ASCII"
        reading.problems.add(f"{shown(text.value)} is no content_type", text.place, hint)
    return text.value
