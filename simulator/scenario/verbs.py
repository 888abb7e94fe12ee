"""The arguments of each verb that devices are the subjects of → its act (scenarios §3)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, cast

from simulator.scenario.groups import RAW, check_datagram, collection_named
from simulator.scenario.inet_verbs import connect, set_clock, upload_blob
from simulator.scenario.links import changed_link
from simulator.scenario.model import (
    HELD,
    Attach,
    Blackout,
    ChangeLink,
    Create,
    CutOff,
    Detach,
    DeviceAct,
    Disconnect,
    Freeze,
    Move,
    Payload,
    Poll,
    PowerOff,
    PowerOn,
    RebindNat,
    Reboot,
    Remove,
    RenewCertificate,
    SendDown,
    Subject,
    Update,
    Upload,
    Vanish,
    Withdraw,
)
from simulator.scenario.nodes import Text
from simulator.scenario.paths import path
from simulator.scenario.payloads import payload
from simulator.scenario.problems import Fields
from simulator.scenario.reading import Reading
from simulator.scenario.show import shown
from simulator.scenario.sim_verbs import insert_sim, move_sim, remove_sim, roam, swap_sims, switch_profile, update_modem
from simulator.scenario.subjects import size_of
from simulator.words import LINK_KEYS, QUEUED

Reader = Callable[[Reading, Sequence[Subject], Fields], DeviceAct | None]

# span §4.2: what a device says if nobody cares what: 24 bytes, the size of a usual meter reading.
DEFAULT_PAYLOAD = Payload(kind="random", size_bytes=24)


def act_of(reading: Reading, verb: str, subjects: Sequence[Subject], fields: Fields) -> DeviceAct | None:
    """The act of a verb with the arguments among the fields of its step. None (and noted): unreadable."""
    return _ACTS[verb](reading, subjects, fields)


def _always(act: DeviceAct) -> Reader:
    """Of a verb without arguments."""
    return lambda _reading, _subjects, _fields: act


def _abruptly(reading: Reading, fields: Fields) -> bool:
    node = fields.get("abruptly")
    return node is not None and reading.problems.yes_or_no(node, "abruptly") is True


def _power_off(reading: Reading, _subjects: Sequence[Subject], fields: Fields) -> DeviceAct:
    return PowerOff(abruptly=_abruptly(reading, fields))


def _reboot(reading: Reading, _subjects: Sequence[Subject], fields: Fields) -> DeviceAct:
    return Reboot(abruptly=_abruptly(reading, fields))


def _withdraw(reading: Reading, _subjects: Sequence[Subject], fields: Fields) -> DeviceAct:
    node = fields.get("which")
    which = None if node is None else reading.problems.one_of(node, "which", QUEUED)
    return Withdraw(which=cast(Literal["oldest", "newest", "all"], which or "newest"))


def _upload(reading: Reading, subjects: Sequence[Subject], fields: Fields) -> DeviceAct:
    node, confirmable = fields.get("payload"), fields.get("confirmable")
    carried = None if node is None else payload(reading, node)
    for subject in subjects:
        group = reading.groups[subject.group]
        check_datagram(reading, group, carried, fields.at("payload"))
        for key in ("path", "confirmable"):
            if key in fields and group.transport in RAW:
                raw = RAW[group.transport]
                problem = f"{raw.called} has no {key}, and {group.name} speaks {group.transport}"
                reading.problems.add(problem, fields.at(key), f"use transport: {raw.instead}")
    asked = True if confirmable is None else reading.problems.yes_or_no(confirmable, "confirmable")
    return Upload(payload=carried, path=path(reading, fields), confirmable=asked is not False)


def _poll(reading: Reading, subjects: Sequence[Subject], fields: Fields) -> DeviceAct:
    for subject in subjects:
        spoken = reading.groups[subject.group].transport
        if spoken in RAW:
            reading.problems.add(
                f"{subject.group} speaks {spoken}, which cannot poll",
                subject.place,
                f"use transport: {RAW[spoken].instead}; over {spoken} a waiting message comes with the next upload",
            )
    return Poll(path=path(reading, fields))


def _send(reading: Reading, _subjects: Sequence[Subject], fields: Fields) -> DeviceAct:
    node = fields.get("payload")
    return SendDown(payload=DEFAULT_PAYLOAD if node is None else payload(reading, node) or DEFAULT_PAYLOAD)


def _update(reading: Reading, subjects: Sequence[Subject], fields: Fields) -> DeviceAct:
    imsi, imei = (_identity(reading, fields, name, subjects) for name in ("imsi", "imei"))
    for subject in subjects:
        for name in ("imsi", "imei"):
            if fields.names(name) and reading.groups[subject.group].network == "inet":
                problem = f"{subject.group} is on the Internet, and has no {name.upper()}"
                reading.problems.add(problem, fields.at(name), "what it shows is its certificate")
    tags = fields.get("tags")
    if not any(fields.names(key) for key in ("imsi", "imei", "tags")):
        reading.problems.add("update changes nothing", fields.place, 'add imsi: "", imei: … or tags: {…}')
    return Update(imsi=imsi, imei=imei, tags=() if tags is None else reading.problems.pairs(tags, "tags"))


def _identity(reading: Reading, fields: Fields, name: str, subjects: Sequence[Subject]) -> str | None:
    """Digits as they were written, "" for clearing, `HELD`, None if the field is left alone."""
    node = fields.get(name)
    if node is None:
        return None
    problems = reading.problems
    hint = f'write 1 to 15 digits, {HELD}, or "" to clear the {name.upper()}'
    if not isinstance(node, Text):
        problems.add(f"{name} must be digits", node.place, hint)
        return None
    if node.value == HELD:
        return HELD
    value = "" if node.value == "blank" else node.value
    # mobile-network §2.2: 1 to 15 digits is all that is asked of an IMSI or IMEI.
    if value and not (value.isascii() and value.isdigit() and len(value) <= 15):
        problems.add(f"{shown(node.value)} is no {name.upper()}", node.place, hint)
    devices = sum(size_of(subject, reading.groups[subject.group]) for subject in subjects)
    if value and devices > 1:
        problems.add(f"one {name.upper()} for {devices} devices", fields.at(name), "name one device, such as meters.0")
    return value


def _move(reading: Reading, _subjects: Sequence[Subject], fields: Fields) -> DeviceAct | None:
    node = fields.get("to")
    if node is None:
        return None
    to = collection_named(reading, node, "collection")
    return None if to is None else Move(to=to)


def _link(reading: Reading, _subjects: Sequence[Subject], fields: Fields) -> DeviceAct:
    if not any(fields.names(key) for key in ("preset", *LINK_KEYS)):
        reading.problems.add(
            "link changes nothing", fields.place, "add preset: nb-iot-ce2, or a value such as loss: 5 %"
        )
    return ChangeLink(link=changed_link(reading.problems, fields, ""))


_ACTS: dict[str, Reader] = {
    "power_on": _always(PowerOn()),
    "power_off": _power_off,
    "reboot": _reboot,
    "freeze": _always(Freeze()),
    "blackout": _always(Blackout()),
    "attach": _always(Attach()),
    "detach": _always(Detach()),
    "upload": _upload,
    "poll": _poll,
    "send": _send,
    "withdraw": _withdraw,
    "create": _always(Create()),
    "update": _update,
    "remove": _always(Remove()),
    "move": _move,
    "link": _link,
    "insert_sim": insert_sim,
    "remove_sim": remove_sim,
    "move_sim": move_sim,
    "swap_sims": swap_sims,
    "switch_profile": switch_profile,
    "update_modem": update_modem,
    "roam": roam,
    "cut_off": _always(CutOff()),
    "connect": connect,
    "disconnect": _always(Disconnect()),
    "vanish": _always(Vanish()),
    "rebind_nat": _always(RebindNat()),
    "upload_blob": upload_blob,
    "renew_certificate": _always(RenewCertificate()),
    "set_clock": set_clock,
}
