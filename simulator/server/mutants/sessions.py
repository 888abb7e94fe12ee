"""What goes wrong with who was let in: session, address, and what the platform remembers of the login (span §6)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from simulator.server.mutants.tools import Defect, Login, Outcome, Patches, on_logins, on_upstream, session_of
from simulator.server.span import login as rule
from simulator.server.span.model import CiotMetadata, Session
from simulator.server.span.network import LoginAccepted, LoginRejected
from simulator.server.span.settings import NS_PER_MS

if TYPE_CHECKING:
    from simulator.server.app import ReferenceServer

_Inflict = Callable[["ReferenceServer", Patches], None]

_BUSY = "Device is connected already"


def _instead(crook: Callable[[Login], Outcome]) -> _Inflict:
    return lambda server, patches: on_logins(server, patches, crook)


# --- sessions ---------------------------------------------------------------------------------------------------------


def _refused_in_session(login: Login) -> Outcome:
    device = login.core.registry.by_imsi.get(rule.imsi_key(login.imsi))
    if device is not None and device.session is not None:
        return login.refuse(_BUSY)
    return login.sound()


def _no_session(server: ReferenceServer, patches: Patches) -> None:
    """Let in and told, and its datagrams are a stranger's."""

    def decide(login: Login) -> Outcome:
        outcome = login.sound()
        if isinstance(outcome, LoginAccepted):
            login.core.network.logout(outcome.address)
        return outcome

    on_logins(server, patches, decide)
    _never_reopened(server, patches)


def _ends_with_first_message(server: ReferenceServer, patches: Patches) -> None:
    def crook(honest: Any, source: int, *rest: Any, **named: Any) -> Any:
        uplink = honest(source, *rest, **named)
        session = session_of(server.core, source)
        if session is not None:
            server.core.network.end(session)
        return uplink

    on_upstream(server, patches, crook)
    _never_reopened(server, patches)


def _never_reopened(server: ReferenceServer, patches: Patches) -> None:
    """What a gateway reports does not bring back a session that the defect has ended."""
    patches.wrap(server.core.network, "reopen", lambda _honest, *_rest, **_named: None)


# --- sessions that are taken over -------------------------------------------------------------------------------------


def _taken_over(login: Login) -> Session | None:
    """The session that another SIM, or another modem, would have from now on; None: nothing is taken over."""
    device = login.right.device
    if device is None or device.session is None or device.ciot is None:
        return None
    before, now = rule.imei_key(device.ciot.last_imei), rule.imei_key(login.imei)
    other_modem = before != now and before and now
    return device.session if other_modem or device.session.imsi != rule.imsi_key(login.imsi) else None


def _takeover_refused(login: Login) -> Outcome:
    return login.sound() if _taken_over(login) is None else login.refuse(_BUSY)


def _takeover_not_noticed(server: ReferenceServer, patches: Patches) -> None:
    """Both may send, as the same device."""
    network = server.core.network
    sharing: list[Session] = []

    def decide(login: Login) -> Outcome:
        session, takeovers = _taken_over(login), network.counts.takeovers
        outcome = login.sound()
        network.counts.takeovers = takeovers
        if session is not None and network.sessions.setdefault(session.address, session) is session:
            sharing.append(session)
        return outcome

    def end(honest: Any, session: Session, *rest: Any) -> None:
        if session not in sharing:
            honest(session, *rest)
            return
        sharing.remove(session)
        if network.sessions.get(session.address) is session:
            del network.sessions[session.address]

    def end_all() -> None:
        for session in tuple(sharing):
            end(None, session)

    on_logins(server, patches, decide)
    patches.wrap(network, "end", end)
    patches.also(end_all)


# --- addresses --------------------------------------------------------------------------------------------------------


def _address_of_another(server: ReferenceServer, patches: Patches) -> None:
    last: list[int] = []

    def take(honest: Any, imsi: int, wanted: int | None, *rest: Any) -> int | None:
        where: int | None = honest(imsi, last.pop() if last else wanted, *rest)
        if where is not None:
            last.append(where)
        return where

    patches.wrap(server.core.network.addresses, "take", take)


# --- metadata ---------------------------------------------------------------------------------------------------------


def _metadata_stays(login: Login) -> Outcome:
    device = login.right.device
    before = None if device is None else device.ciot
    outcome = login.sound()
    if device is not None and before is not None:
        device.ciot = before
    return outcome


def _metadata_of_refused(login: Login) -> Outcome:
    outcome = login.sound()
    device = login.owner
    if device is None or not isinstance(outcome, LoginRejected):
        return outcome
    at_ms = login.now_ns // NS_PER_MS
    nothing = CiotMetadata(allocated_ip="", allocated_at_ms=0, last_update_ms=0, last_imsi="", last_imei="")
    device.ciot = replace(
        device.ciot or nothing,
        last_update_ms=at_ms,
        last_imsi=login.imsi,
        last_imei=login.imei,
        gateway=login.rest.get("gateway", ""),
        plmn=login.rest.get("plmn", ""),
        cell=login.rest.get("cell", 0),
    )
    return outcome


def _written_into_the_config(login: Login) -> Outcome:
    """What is blank there is filled in."""
    device = login.right.device
    outcome = login.sound()
    if device is None or not isinstance(outcome, LoginAccepted):
        return outcome
    registry = login.core.registry
    imsi, imei = device.imsi or login.imsi, device.imei or login.imei[:15]
    if registry.by_imei.get(rule.imei_key(imei), device) is not device:
        imei = device.imei  # another device has it
    registry.set_identity(device, imsi, imei)
    return outcome


_SESSION = "span §6"
_TAKEOVER = "mobile-network §3.3"

DEFECTS: Mapping[str, Defect] = {
    "login-refused-while-in-session": Defect(_SESSION, _instead(_refused_in_session)),
    "login-without-session": Defect(_SESSION, _no_session),
    "session-ends-with-the-first-message": Defect(_SESSION, _ends_with_first_message),
    "address-of-another": Defect(_SESSION, _address_of_another),
    "takeover-not-noticed": Defect(_TAKEOVER, _takeover_not_noticed),
    "takeover-refused": Defect(_TAKEOVER, _instead(_takeover_refused)),
    "metadata-not-updated": Defect(_SESSION, _instead(_metadata_stays)),
    "metadata-of-refused-logins": Defect("mobile-network §3.5", _instead(_metadata_of_refused)),
    "configured-by-login": Defect(_SESSION, _instead(_written_into_the_config)),
}
