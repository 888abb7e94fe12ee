"""What changes about a modem and where it is, as stories."""

from __future__ import annotations

from simulator.acts import ChangeCell, LeaveSilently, Story
from simulator.devices.device import Device, Power
from simulator.devices.outcome import OK, Outcome, outcome_of


def update_modem(device: Device, svn: int) -> Story[Outcome]:
    """Install other firmware on the modem: it leaves the network for that, and has to attach anew."""
    if device.dead:
        return Outcome("failed", device.dead)
    left = yield from device.detach()
    device.modem.svn = svn
    return left if left.word == OK else Outcome("failed", f"updated, but could not detach: {left.detail}")


def roam(device: Device, operator: str | None, rat: str | None, cell: int | None) -> Story[Outcome]:
    """Be somewhere else from now on; None leaves a thing as it is.

    Within one operator the session goes on, and the network is told. Of another network the old one learns nothing: the
    device has to attach there, and the session that it had is found dead later.
    """
    modem, power = device.modem, device.power
    leaves = operator is not None and operator != modem.operator
    modem.operator = operator or modem.operator
    modem.rat = modem.rat if rat is None else rat
    modem.cell = modem.cell if cell is None else cell
    if leaves:
        device.happened("lost")
        if power is not Power.OFF:
            yield LeaveSilently(device.name, f"the device has left the network for {modem.operator}")
        return Outcome(OK)
    if power is not Power.ATTACHED:
        return Outcome(OK, "" if power is Power.FROZEN_ATTACHED else "is not attached")
    return outcome_of((yield ChangeCell(modem.rat, modem.cell)))
