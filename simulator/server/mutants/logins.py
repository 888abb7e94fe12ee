"""What goes wrong when the mobile network asks who may come in (mobile-network §3.2)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from simulator.server.mutants.tools import Defect, Login, Outcome, Patches, on_events, on_logins
from simulator.server.span import login as rule
from simulator.server.span.model import Device
from simulator.server.span.network import LoginAccepted, LoginRejected
from simulator.server.span.settings import IMEISV_DIGITS

if TYPE_CHECKING:
    from simulator.server.app import ReferenceServer

_Inflict = Callable[["ReferenceServer", Patches], None]


def _instead(crook: Callable[[Login], Outcome]) -> _Inflict:
    """Let `crook` decide about each login."""
    return lambda server, patches: on_logins(server, patches, crook)


# --- let in, or kept out, against the rule ----------------------------------------------------------------------------


def _accepted(*reasons: str) -> _Inflict:
    """Refused for one of these reasons, and let in all the same."""

    def decide(login: Login) -> Outcome:
        outcome = login.sound()
        device = login.owner
        if not isinstance(outcome, LoginRejected) or outcome.reason not in reasons or device is None:
            return outcome
        imsi, imei = device.imsi, device.imei
        device.imsi, device.imei = "", ""  # nothing is left that could fail to fit
        try:
            return login.sound()
        finally:
            device.imsi, device.imei = imsi, imei

    return _instead(decide)


def _not_noticed(server: ReferenceServer, patches: Patches) -> None:
    mismatches = ("imeiMismatch", "imsiMismatch")
    on_events(server, patches, lambda tell, said: None if said.event in mismatches else tell(said))
    _accepted(rule.IMEI_MISMATCH, rule.IMSI_MISMATCH)(server, patches)


def _blank_is_a_mismatch(login: Login) -> Outcome:
    """Who is configured without a SIM, or without hardware, must come without one."""
    device = login.right.device
    if device is not None and not (device.imsi and device.imei):
        return login.refuse(rule.IMSI_MISMATCH)
    return login.sound()


def _imei_demanded(login: Login) -> Outcome:
    return login.sound() if login.imei else login.refuse("Missing or invalid IMEI")


def _imei_not_enough(login: Login) -> Outcome:
    device = login.right.device
    if device is not None and not device.imsi:
        return login.refuse(rule.UNKNOWN_DEVICE)
    return login.sound()


def _unknown_accepted(login: Login) -> Outcome:
    outcome = login.sound()
    if not isinstance(outcome, LoginRejected) or outcome.reason != rule.UNKNOWN_DEVICE:
        return outcome
    network = login.core.network
    where = network.addresses.take(rule.imsi_key(login.imsi), network._wanted(login.address))
    assert where is not None
    return LoginAccepted("", "", where, network.addresses.shown(where))


def _svn_compared(server: ReferenceServer, patches: Patches) -> None:
    """A modem whose software was updated since its last login is another one."""
    seen: dict[int, str] = {}

    def decide(login: Login) -> Outcome:
        device = login.right.device
        if device is None or not device.imei or len(login.imei) < IMEISV_DIGITS:
            return login.sound()
        if seen.setdefault(device.number, login.imei) == login.imei:
            return login.sound()
        if not device.imsi:
            return login.refuse(rule.UNKNOWN_DEVICE)
        told = rule.Mismatch("imeiMismatch", device, device.imei)
        gateway, rat = login.rest.get("gateway", ""), login.rest.get("rat", "")
        login.core.network._tell(told, login.imsi, login.imei, gateway, rat, login.now_ns)
        return login.refuse(rule.IMEI_MISMATCH)

    on_logins(server, patches, decide)


def _cleared_still_known(server: ReferenceServer, patches: Patches) -> None:
    """Logins are decided by the IMSI and the IMEI that a device had before they were cleared."""
    registry = server.core.registry
    cleared: dict[int, tuple[Device, str, str]] = {}

    def set_identity(honest: Any, device: Device, imsi: str, imei: str) -> None:
        known = cleared.pop(device.number, (device, "", ""))
        before = device.imsi or known[1], device.imei or known[2]
        honest(device, imsi, imei)
        if (imsi or before[0], imei or before[1]) != (imsi, imei):
            cleared[device.number] = device, "" if imsi else before[0], "" if imei else before[1]

    def decide(login: Login) -> Outcome:
        here = [known for known in cleared.values() if registry.devices.get(known[0].number) is known[0]]
        now = [(device, device.imsi, device.imei) for device, _, _ in here]
        by_imsi, by_imei = _Overlay(registry.by_imsi), _Overlay(registry.by_imei)
        for device, imsi, imei in here:
            device.imsi, device.imei = imsi or device.imsi, imei or device.imei
            by_imsi.put(rule.imsi_key(imsi), device)
            by_imei.put(rule.imei_key(imei), device)
        try:
            return login.sound()
        finally:
            by_imsi.take_away()
            by_imei.take_away()
            for device, imsi, imei in now:
                device.imsi, device.imei = imsi, imei

    patches.wrap(registry, "set_identity", set_identity)
    on_logins(server, patches, decide)


class _Overlay:
    """Entries of an index that are there for a moment."""

    def __init__(self, index: dict[int, Device]) -> None:
        self._index = index
        self._before: dict[int, Device | None] = {}

    def put(self, key: int, device: Device) -> None:
        """0: nothing is put there."""
        if key:
            self._before.setdefault(key, self._index.get(key))
            self._index[key] = device

    def take_away(self) -> None:
        """Let the index be what it was."""
        for key, device in self._before.items():
            if device is None:
                del self._index[key]
            else:
                self._index[key] = device


# --- what is told of it -----------------------------------------------------------------------------------------------


def _on_mismatch(tells: Callable[[ReferenceServer, rule.Mismatch, str, str], bool]) -> _Inflict:
    """Let a mismatch be told only if `tells(server, mismatch, imsi, imei)`."""

    def inflict(server: ReferenceServer, patches: Patches) -> None:
        def crook(honest: Any, mismatch: rule.Mismatch, imsi: str, imei: str, *rest: Any, **named: Any) -> None:
            if tells(server, mismatch, imsi, imei):
                honest(mismatch, imsi, imei, *rest, **named)

        patches.wrap(server.core.network, "_tell", crook)

    return inflict


def _first_only(server: ReferenceServer, mismatch: rule.Mismatch, imsi: str, _imei: str) -> bool:
    return mismatch.event == "imeiMismatch" or rule.imsi_key(imsi) not in server.core.registry.by_imsi


def _second_only(server: ReferenceServer, mismatch: rule.Mismatch, _imsi: str, imei: str) -> bool:
    hardware = server.core.registry.by_imei.get(rule.imei_key(imei))
    return mismatch.event == "imsiMismatch" or hardware is None or not hardware.imsi


def _told_each_time(_server: ReferenceServer, mismatch: rule.Mismatch, _imsi: str, _imei: str) -> bool:
    mismatch.device.mismatches.clear()
    return True


def _told_once(server: ReferenceServer, patches: Patches) -> None:
    told: set[Device] = set()

    def tells(_server: ReferenceServer, mismatch: rule.Mismatch, _imsi: str, _imei: str) -> bool:
        if mismatch.device in told:
            return False
        told.add(mismatch.device)
        return True

    _on_mismatch(tells)(server, patches)


def _told_when_refused(login: Login) -> Outcome:
    outcome = login.sound()
    device = login.owner
    if isinstance(outcome, LoginRejected) and device is not None:
        login.core.activity.ciot_connect(device, login.imsi, login.imei, "10.64.0.1", login.now_ns)
    return outcome


_RULE = "mobile-network §3.2"
_CELL = "mobile-network §3.3"

DEFECTS: Mapping[str, Defect] = {
    "imsiMismatch-accepted": Defect(_RULE, _accepted(rule.IMSI_MISMATCH)),
    "imeiMismatch-accepted": Defect(_RULE, _accepted(rule.IMEI_MISMATCH)),
    "mismatch-not-noticed": Defect(_RULE, _not_noticed),
    "mismatch-told-each-time": Defect(_RULE, _on_mismatch(_told_each_time)),
    "mismatch-told-once-for-ever": Defect(_RULE, _told_once),
    "first-mismatch-not-told": Defect(_RULE, _on_mismatch(_second_only)),
    "second-mismatch-not-told": Defect(_RULE, _on_mismatch(_first_only)),
    "ciotConnect-for-refused-logins": Defect("span §3.4", _instead(_told_when_refused)),
    "unknown-sim-accepted": Defect("span §6", _instead(_unknown_accepted)),
    "blank-identity-refused": Defect(_RULE, _instead(_blank_is_a_mismatch)),
    "svn-compared": Defect("mobile-network §1.5", _svn_compared),
    "imei-demanded": Defect("mobile-network §1.3", _instead(_imei_demanded)),
    "imei-alone-not-enough": Defect(_CELL, _instead(_imei_not_enough)),
    "cleared-identity-still-known": Defect("mobile-network §3.4", _cleared_still_known),
}
