"""What a step of a scenario means for one of its subjects: a story, repeated and retried as the step says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from simulator import acts
from simulator.acts import Cut, Sleep, SleepUntil, Story
from simulator.devices import roaming, swapping
from simulator.devices.device import NO_SIM
from simulator.devices.internet import AnyDevice
from simulator.devices.outcome import OK, Outcome, is_expected, outcome_of
from simulator.plan.backoff import mobile_pause_s
from simulator.scenario import model

PayloadOf = Callable[[model.Payload | None, int], bytes]
"""The bytes of a payload in repetition n, for the subject at hand."""


class Recorder(Protocol):
    """Where acts are written down as they begin and end."""

    def began(self, step: int, verb: str, subject: str, n: int, size: int) -> None:
        """An act begins; `size` in bytes, -1 if it carries nothing."""

    def ended(self, step: int, verb: str, subject: str, n: int, size: int, outcome: Outcome, expected: bool) -> None:
        """It has ended; `expected` says whether as the step asked for."""

    def received(self, subject: str, transport: str, payload: bytes) -> None:
        """A downstream message has reached the device."""


def act_out(
    device: AnyDevice,
    number: int,
    step: model.Step,
    begin_s: float,
    payload_of: PayloadOf,
    record: Recorder,
    *,
    partner: AnyDevice | None = None,
    seed: int = 0,
) -> Story[None]:
    """All that a step asks of one subject, with every beginning and end recorded.

    Args:
        number: index of the step in the scenario.
        begin_s: run time of the first repetition; the next are due `every_s` later, or at once when one is late.
        payload_of: gives the bytes of repetition n.
        partner: the device that a SIM goes to, or is exchanged with.
        seed: of the run; pauses between attempts may be drawn from it.
    """
    act, verb, name = step.act, step.verb, device.name
    tell, carries = _teller(device, step, partner), type(act) in _CARRYING
    every_s = step.every_s or 0.0
    for n in range(step.times):
        yield SleepUntil(begin_s + n * every_s)
        payload = payload_of(_payload_of(act), n) if carries else b""
        size = len(payload) if carries else -1
        record.began(number, verb, name, n, size)
        try:
            outcome = yield from tell(payload)
            for failed in range(1, step.retries + 1):
                if outcome.word == OK:
                    break
                yield Sleep(_pause_s(step, seed, device, number, n, failed))
                outcome = yield from tell(payload)
        except Cut as cut:  # with the power went the plan to try again; the next repetition is a plan of its own
            outcome = Outcome("failed", str(cut))
        if outcome.payload:
            record.received(name, device.member.group.transport, outcome.payload)
        record.ended(number, verb, name, n, size, outcome, is_expected(outcome, step.outcome, step.outcome_reason))


def _payload_of(act: Any) -> model.Payload | None:
    """Of an act that has one; None: as its group says."""
    return act.payload or _BLOB if isinstance(act, model.UploadBlob) else act.payload


def _pause_s(step: model.Step, seed: int, device: AnyDevice, number: int, n: int, failed: int) -> float:
    if step.retry_model == "mobile":
        return mobile_pause_s(seed, device.member.index, number, n, failed)
    return step.retry_pause_s


def registration(device: AnyDevice) -> acts.CreateDevice:
    """The order that makes the device known to the platform: with the identities that it holds now, or those that the
    scenario wants the platform to be told; an Internet device has none, and gets a certificate."""
    member, group = device.member, device.member.group
    tags = (("name", member.name), *group.tags)
    if group.network == "inet":
        kind = group.certificate.kind
        return acts.CreateDevice(imsi="", imei="", tags=tags, collection=member.collection, certificate=kind)
    told = {"imsi": device.imsi, "imei": member.imei, **dict(group.registered_as), **dict.fromkeys(group.blank, "")}
    return acts.CreateDevice(
        imsi=told["imsi"],
        imei=told["imei"],
        tags=tags,
        collection=member.collection,
    )


def _teller(device: AnyDevice, step: model.Step, partner: AnyDevice | None) -> Callable[[bytes], Story[Outcome]]:
    """What one attempt of a step is: called with the payload, it gives the story."""
    act = step.act
    with_partner = _WITH_PARTNER.get(type(act))
    if with_partner is not None:
        return lambda _payload: with_partner(device, partner, act)
    order_of = _ORDERS.get(type(act))
    if order_of is None:
        tell = _STORIES[type(act)]
        return lambda payload: tell(device, step, act, payload)
    return lambda payload: _ask(_as_told(step, order_of(device, act, payload)))


def _as_told(step: model.Step, order: acts.Order) -> acts.Act:
    """The order, shown with the token of the step if that has one."""
    return acts.AskAs(order, step.token) if step.token else order


def _ask(order: acts.Act) -> Story[Outcome]:
    return outcome_of((yield order))


def _update(device: AnyDevice, step: model.Step, act: model.Update, _payload: bytes) -> Story[Outcome]:
    if act.imsi == model.HELD and not device.has_sim:
        return Outcome("failed", NO_SIM)  # there is no IMSI to tell, and blank is not what was asked for
    imsi = device.imsi if act.imsi == model.HELD else act.imsi
    imei = device.member.imei if act.imei == model.HELD else act.imei
    return (yield from _ask(_as_told(step, acts.UpdateDevice(imsi, imei, act.tags))))


def _change_link(_device: AnyDevice, step: model.Step, act: model.ChangeLink, _payload: bytes) -> Story[Outcome]:
    changes = tuple((change.key, change.up, change.down) for change in act.link.changes)
    return _ask(acts.ChangeRadio(act.link.preset, changes, step.lasting_s))


# What only one kind of device can do no other is asked for: the loader sees to it.
_Tell = Callable[[Any, model.Step, Any, bytes], Story[Outcome]]
_OrderOf = Callable[[AnyDevice, Any, bytes], acts.Order]

_STORIES: Final[Mapping[type, _Tell]] = {
    model.Update: _update,
    model.Attach: lambda device, _step, _act, _payload: device.attach(),
    model.Detach: lambda device, _step, _act, _payload: device.detach(),
    model.Upload: lambda device, _step, act, payload: device.upload(payload, act.path, act.confirmable),
    model.Connect: lambda device, _step, act, _payload: device.connect(act.resume),
    model.Disconnect: lambda device, _step, _act, _payload: device.disconnect(),
    model.Vanish: lambda device, _step, _act, _payload: device.vanish(),
    model.RebindNat: lambda device, _step, _act, _payload: device.rebind_nat(),
    model.SetClock: lambda device, _step, act, _payload: device.set_clock(act.clock),
    model.UploadBlob: lambda device, _step, act, payload: device.upload_blob(payload, act.path, act.content_type),
    model.Poll: lambda device, _step, act, _payload: device.poll(act.path),
    model.PowerOn: lambda device, _step, _act, _payload: device.power_on(),
    model.PowerOff: lambda device, _step, act, _payload: device.power_off(act.abruptly),
    model.Reboot: lambda device, _step, act, _payload: device.reboot(act.abruptly),
    model.Freeze: lambda device, step, _act, _payload: device.freeze(step.lasting_s),
    model.Blackout: lambda _device, step, _act, _payload: _ask(acts.DarkenRadio(step.lasting_s)),
    model.ChangeLink: _change_link,
    model.InsertSim: lambda device, _step, act, _payload: swapping.insert_sim(device, act.card),
    model.RemoveSim: lambda device, _step, act, _payload: swapping.remove_sim(device, act.abruptly),
    model.SwitchProfile: lambda device, _step, act, _payload: swapping.switch_profile(
        device, act.profile, act.rollback_s
    ),
    model.UpdateModem: lambda device, _step, act, _payload: roaming.update_modem(device, act.svn),
    model.Roam: lambda device, _step, act, _payload: roaming.roam(device, act.operator, act.rat, act.cell),
}
"""What a device, its radio, or who updates it, does in one attempt, by the act of the step."""

_WITH_PARTNER: Final[Mapping[type, Callable[[Any, Any, Any], Story[Outcome]]]] = {
    model.MoveSim: lambda device, partner, act: swapping.move_sim(device, partner, act.abruptly),
    model.SwapSims: lambda device, partner, act: swapping.swap_sims(device, partner, act.abruptly),
}
"""What two devices do together."""

_ORDERS: Final[Mapping[type, _OrderOf]] = {
    model.SendDown: lambda _device, _act, payload: acts.QueueDownstream(payload),
    model.Withdraw: lambda _device, act, _payload: acts.WithdrawDownstream(act.which),
    model.Create: lambda device, _act, _payload: registration(device),
    model.Remove: lambda _device, _act, _payload: acts.RemoveDevice(),
    model.Move: lambda _device, act, _payload: acts.MoveDevice(act.to),
    model.CutOff: lambda _device, _act, _payload: acts.CutOff(),
    model.RenewCertificate: lambda _device, _act, _payload: acts.RenewCertificate(),
}
"""What the operator is asked for, by the act of the step."""

_CARRYING: Final = (model.Upload, model.SendDown, model.UploadBlob)
"""Acts with a payload."""
_BLOB: Final = model.Payload(kind="random", size_bytes=1024)
