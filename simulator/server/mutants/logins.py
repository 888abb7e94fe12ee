"""What goes wrong when the mobile network asks who may come in, and with the sessions that follow."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from simulator.server.mutants.tools import Defect, Patches, on_events, on_upstream, session_of
from simulator.server.span import login as rule
from simulator.server.span.model import Device
from simulator.server.span.network import LoginAccepted, LoginRejected, Network
from simulator.server.span.registry import Registry

if TYPE_CHECKING:
    from simulator.server.app import ReferenceServer


class _Login:
    """One login, with what a defect may want to do with it."""

    def __init__(self, network: Network, imsi: str, imei: str, address: Any, now_ns: int, **rest: Any) -> None:
        self.network, self.imsi, self.imei, self.now_ns = network, imsi, imei, now_ns
        self._address, self._source = address, rest.get("source")

    def device(self, registry: Registry) -> Device | None:
        """Whom the SIM, or else the hardware, belongs to."""
        return registry.by_imsi.get(rule.imsi_key(self.imsi)) or registry.by_imei.get(rule.imei_key(self.imei))

    def let_in(self, device: Device) -> LoginAccepted:
        """Without asking anybody."""
        network = self.network
        where = network.addresses.take(rule.imsi_key(self.imsi), network._wanted(self._address))
        assert where is not None
        return network._accept(device, self.imsi, self.imei, where, network._wanted(self._source) or where, self.now_ns)


_Outcome = LoginAccepted | LoginRejected
_Decide = Callable[["_Login", _Outcome], _Outcome]


def _after_login(server: ReferenceServer, patches: Patches, decide: _Decide) -> None:
    """Let `decide` have the last word on each login."""
    network = server.core.network

    def crook(honest: Any, imsi: str, imei: str, address: Any, now_ns: int, **rest: Any) -> _Outcome:
        login = _Login(network, imsi, imei, address, now_ns, **rest)
        return decide(login, honest(imsi, imei, address, now_ns, **rest))

    patches.wrap(network, "login", crook)


def _accepted(*reasons: str) -> Callable[[ReferenceServer, Patches], None]:
    """Refused for one of these reasons, and let in all the same."""

    def inflict(server: ReferenceServer, patches: Patches) -> None:
        def decide(login: _Login, outcome: _Outcome) -> _Outcome:
            if not isinstance(outcome, LoginRejected) or outcome.reason not in reasons:
                return outcome
            device = login.device(server.core.registry)
            return outcome if device is None else login.let_in(device)

        _after_login(server, patches, decide)

    return inflict


def _not_noticed(server: ReferenceServer, patches: Patches) -> None:
    mismatches = ("imeiMismatch", "imsiMismatch")
    on_events(server, patches, lambda tell, said: None if said.event in mismatches else tell(said))
    _accepted(rule.IMEI_MISMATCH, rule.IMSI_MISMATCH)(server, patches)


def _told_each_time(server: ReferenceServer, patches: Patches) -> None:
    def crook(honest: Any, mismatch: rule.Mismatch, *rest: Any) -> None:
        mismatch.device.mismatches.clear()
        honest(mismatch, *rest)

    patches.wrap(server.core.network, "_tell", crook)


def _told_when_refused(server: ReferenceServer, patches: Patches) -> None:
    def decide(login: _Login, outcome: _Outcome) -> _Outcome:
        device = login.device(server.core.registry)
        if isinstance(outcome, LoginRejected) and device is not None:
            server.core.activity.ciot_connect(device, login.imsi, login.imei, "10.64.0.1", login.now_ns)
        return outcome

    _after_login(server, patches, decide)


def _unknown_accepted(server: ReferenceServer, patches: Patches) -> None:
    def decide(login: _Login, outcome: _Outcome) -> _Outcome:
        if not isinstance(outcome, LoginRejected) or outcome.reason != rule.UNKNOWN_DEVICE:
            return outcome
        where = login.network.addresses.take(rule.imsi_key(login.imsi), login.network._wanted(login._address))
        assert where is not None
        return LoginAccepted("", "", where, login.network.addresses.shown(where))

    _after_login(server, patches, decide)


def _refused_in_session(server: ReferenceServer, patches: Patches) -> None:
    registry = server.core.registry

    def crook(honest: Any, imsi: str, imei: str, address: Any, now_ns: int, **rest: Any) -> _Outcome:
        device = registry.by_imsi.get(rule.imsi_key(imsi))
        if device is not None and device.session is not None:
            return LoginRejected("Device is connected already")
        outcome: _Outcome = honest(imsi, imei, address, now_ns, **rest)
        return outcome

    patches.wrap(server.core.network, "login", crook)


def _no_session(server: ReferenceServer, patches: Patches) -> None:
    """Let in and told, and its datagrams are a stranger's."""

    def decide(login: _Login, outcome: _Outcome) -> _Outcome:
        if isinstance(outcome, LoginAccepted):
            login.network.logout(outcome.address)
        return outcome

    _after_login(server, patches, decide)


def _ends_with_first_message(server: ReferenceServer, patches: Patches) -> None:
    def crook(honest: Any, source: int, *rest: Any, **named: Any) -> Any:
        uplink = honest(source, *rest, **named)
        session = session_of(server.core, source)
        if session is not None:
            server.core.network._end(session)
        return uplink

    on_upstream(server, patches, crook)


def _blank_is_a_mismatch(server: ReferenceServer, patches: Patches) -> None:
    """Who is configured without a SIM, or without hardware, must come without one."""

    def decide(login: _Login, outcome: _Outcome) -> _Outcome:
        device = login.device(server.core.registry)
        if device is None or not isinstance(outcome, LoginAccepted) or (device.imsi and device.imei):
            return outcome
        login.network.forget(device)
        return LoginRejected(rule.IMSI_MISMATCH)

    _after_login(server, patches, decide)


_RULE = "mobile-network §3.2"

DEFECTS: Mapping[str, Defect] = {
    "imsiMismatch-accepted": Defect(_RULE, _accepted(rule.IMSI_MISMATCH)),
    "imeiMismatch-accepted": Defect(_RULE, _accepted(rule.IMEI_MISMATCH)),
    "mismatch-not-noticed": Defect(_RULE, _not_noticed),
    "mismatch-told-each-time": Defect(_RULE, _told_each_time),
    "ciotConnect-for-refused-logins": Defect("span §3.4", _told_when_refused),
    "unknown-sim-accepted": Defect("span §6", _unknown_accepted),
    "blank-identity-refused": Defect(_RULE, _blank_is_a_mismatch),
    "login-refused-while-in-session": Defect("span §6", _refused_in_session),
    "login-without-session": Defect("span §6", _no_session),
    "session-ends-with-the-first-message": Defect("span §6", _ends_with_first_message),
}
