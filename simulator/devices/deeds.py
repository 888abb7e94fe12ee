"""What a step of a scenario means for one of its subjects: a story, repeated and retried as the step says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from simulator import acts
from simulator.acts import Sleep, SleepUntil, Story
from simulator.devices.device import Device
from simulator.devices.outcome import OK, Outcome, is_expected, outcome_of
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
    device: Device, number: int, step: model.Step, begin_s: float, payload_of: PayloadOf, record: Recorder
) -> Story[None]:
    """All that a step asks of one subject, with every beginning and end recorded.

    Args:
        number: index of the step in the scenario.
        begin_s: run time of the first repetition; the next are due `every_s` later, or at once when one is late.
        payload_of: gives the bytes of repetition n.
    """
    yield SleepUntil(begin_s)
    every_s = step.every_s or 0.0
    for n in range(step.times):
        if n:
            yield SleepUntil(begin_s + n * every_s)
        story, size = _deed(device, step.act, n, payload_of)
        record.began(number, step.verb, device.name, n, size)
        outcome = yield from story
        for _ in range(step.retries):
            if outcome.word == OK:
                break
            yield Sleep(step.retry_pause_s)
            outcome = yield from _deed(device, step.act, n, payload_of)[0]
        if outcome.payload:
            record.received(device.name, device.member.group.transport, outcome.payload)
        record.ended(number, step.verb, device.name, n, size, outcome, is_expected(outcome.word, step.outcome))


def _deed(device: Device, act: model.StepAct, n: int, payload_of: PayloadOf) -> tuple[Story[Outcome], int]:
    """The story of one attempt, and how many bytes it carries (-1: none)."""
    if isinstance(act, model.Upload):
        payload = payload_of(act.payload, n)
        return device.upload(payload, act.path, act.confirmable), len(payload)
    if isinstance(act, model.SendDown):
        payload = payload_of(act.payload, n)
        return _ask(acts.QueueDownstream(payload)), len(payload)
    return _deed_without_payload(device, act), -1


def _deed_without_payload(device: Device, act: model.StepAct) -> Story[Outcome]:
    member = device.member
    match act:
        case model.Attach():
            return device.attach()
        case model.Detach():
            return device.detach()
        case model.Poll():
            return device.poll(act.path)
        case model.Create():
            return _ask(registration(device))
        case model.Update():
            return _ask(acts.UpdateDevice(act.imsi, act.imei, act.tags))
        case model.Remove():
            return _ask(acts.RemoveDevice())
        case model.Move():
            return _ask(acts.MoveDevice(act.to))
        case model.ChangeLink():
            changes = tuple((change.key, change.up, change.down) for change in act.link.changes)
            return _ask(acts.ChangeRadio(act.link.preset, changes))
    raise AssertionError(f"{member.name}: no story for {act}")


def registration(device: Device) -> acts.CreateDevice:
    """The order that makes the device known to the platform, with the identities its group does not leave blank."""
    member, group = device.member, device.member.group
    return acts.CreateDevice(
        imsi="" if "imsi" in group.blank else member.imsi,
        imei="" if "imei" in group.blank else member.imei,
        tags=(("name", member.name), *group.tags),
        collection=member.collection,
    )


def _ask(order: acts.Order | acts.ChangeRadio) -> Story[Outcome]:
    return outcome_of((yield order))
