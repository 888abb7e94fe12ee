"""What goes wrong with Internet devices that were let in: sessions and their ends, what they bring, what is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, Any

from simulator.server.mutants.endpoints import first_device, on_dtls
from simulator.server.mutants.tools import Defect, Patches, Said, Tell, on_events
from simulator.server.span.inet import InetSession
from simulator.server.span.model import Device

if TYPE_CHECKING:
    from simulator.protocol.dtls.server import Association, Server
    from simulator.server.app import ReferenceServer

_Inflict = Callable[["ReferenceServer", Patches], None]

_WHO = "span §8.3"
_SESSION = "span §3.4"
_MINUTE_S = 60.0


def _wrapped(name: str, crook: Callable[..., Any]) -> _Inflict:
    """Let `crook(endpoint, honest, …)` take the place of a method of both endpoints."""

    def inflict(server: ReferenceServer, patches: Patches) -> None:
        def arm(endpoint: Server) -> None:
            patches.wrap(endpoint, name, lambda honest, *rest, **named: crook(endpoint, honest, *rest, **named))

        on_dtls(server, patches, arm)

    return inflict


# --- handshakes and sessions ------------------------------------------------------------------------------------------


def _never_resumes(server: ReferenceServer, patches: Patches) -> None:
    def arm(endpoint: Server) -> None:
        from simulator.protocol.dtls.library import lib

        ssl = endpoint._context.ssl_context._context
        lib.SSL_CTX_set_session_cache_mode(ssl, _CACHE_OFF)
        patches.also(lambda: lib.SSL_CTX_set_session_cache_mode(ssl, _CACHE_SERVER))

    on_dtls(server, patches, arm)


_CACHE_OFF, _CACHE_SERVER = 0, 2  # SSL_SESS_CACHE_…


def _no_repetition(server: ReferenceServer, patches: Patches) -> None:
    def after(honest: Any, session: Association, *rest: Any) -> None:
        honest(session, *rest)
        session._outbox.drop()

    def arm(endpoint: Server) -> None:
        patches.wrap(endpoint, "_step", after)
        patches.wrap(endpoint, "_finish", after)

    on_dtls(server, patches, arm)


def _goes_on(_endpoint: Server, honest: Any, session: Association, why: str, *rest: Any, **named: Any) -> None:
    if why != "close-notify":
        honest(session, why, *rest, **named)


def _idle_after(seconds: float) -> _Inflict:
    def inflict(server: ReferenceServer, patches: Patches) -> None:
        def arm(endpoint: Server) -> None:
            patches.put(endpoint, "_settings", replace(endpoint._settings, idle_s=seconds))

        on_dtls(server, patches, arm)

    return inflict


def _forgets(endpoint: Server, honest: Any, session: Association, *rest: Any) -> None:
    honest(session, *rest)
    if endpoint._sessions.get(session.peer) is session:
        del endpoint._sessions[session.peer]
        endpoint._agenda.forget(session)
        session._connection = None


def _answers_elsewhere(server: ReferenceServer, patches: Patches) -> None:
    first: dict[int, int] = {}

    def connect(honest: Any, *rest: Any, **named: Any) -> InetSession | None:
        session: InetSession | None = honest(*rest, **named)
        if session is not None:
            first.setdefault(session.device.number, session.peer)
        return session

    def send(honest: Any, association: Association, *rest: Any) -> bool:
        peer = association.peer
        association.peer = first.get(association.owner.device.number, peer)
        try:
            sent: bool = honest(association, *rest)
            return sent
        finally:
            association.peer = peer

    patches.wrap(server.core.inet, "connect", connect)
    on_dtls(server, patches, lambda endpoint: patches.wrap(endpoint, "send", send))


def _loses_messages(server: ReferenceServer, patches: Patches) -> None:
    number = count(1)

    def upstream(honest: Any, *rest: Any, **named: Any) -> Any:
        return honest(*rest, **named) if next(number) % 2 else server.core.nothing()

    patches.wrap(server.core.inet, "upstream", upstream)


# --- what is told -----------------------------------------------------------------------------------------------------


def _connected_at_hello(server: ReferenceServer, patches: Patches) -> None:
    core = server.core

    def arm(endpoint: Server) -> None:
        from simulator.protocol.dtls.records import has_cookie

        def hello(honest: Any, datagram: bytes, *rest: Any) -> None:
            device = first_device(server)
            if device is not None and not has_cookie(datagram):
                data = {"id": "certificate"}
                core.activity.emit("clientConnected", device.collection, device, server._clock.unix_ns(), data)
            honest(datagram, *rest)

        patches.wrap(endpoint, "_hello", hello)

    patches.wrap(core.activity, "inet_connected", lambda _honest, _device, _now_ns: None)
    on_dtls(server, patches, arm)


def _resumed_not_told(server: ReferenceServer, patches: Patches) -> None:
    muted: list[bool] = []

    def connect(honest: Any, *rest: Any, resumed: bool = False, **named: Any) -> Any:
        muted.append(resumed)
        try:
            return honest(*rest, resumed=resumed, **named)
        finally:
            muted.pop()

    def told(honest: Any, device: Device, now_ns: int) -> None:
        if not (muted and muted[-1]):
            honest(device, now_ns)

    patches.wrap(server.core.inet, "connect", connect)
    patches.wrap(server.core.activity, "inet_connected", told)


def _by_ip(tell: Tell, said: Said) -> None:
    by_certificate = said.event == "clientConnected" and said.data.get("id") == "certificate"
    tell(replace(said, data={"id": "ip"}) if by_certificate else said)


def _disconnected_each_time(tell: Tell, said: Said) -> None:
    tell(said)
    if said.event == "upstreamMessage" and said.device is not None and said.device.inet_sessions:
        tell(replace(said, event="clientDisconnected", data={}))


def _with_a_reason(tell: Tell, said: Said) -> None:
    tell(replace(said, data={"reason": "closed"}) if said.event == "clientDisconnected" else said)


def _tells(crook: Callable[[Tell, Said], None]) -> _Inflict:
    return lambda server, patches: on_events(server, patches, crook)


def _seen(change: Callable[[dict[int, Any], int, Any], Any]) -> _Inflict:
    """Let `change(first, device, metadata)` make another block of what a connection leaves behind (span §8.3); `first`
    is a memory of its own."""

    def inflict(server: ReferenceServer, patches: Patches) -> None:
        first: dict[int, Any] = {}

        def seen(honest: Any, session: InetSession, *rest: Any) -> None:
            honest(session, *rest)
            device = session.device
            device.inet_seen = change(first, device.number, device.inet_seen)

        patches.wrap(server.core.inet, "_seen", seen)

    return inflict


def _first_address(first: dict[int, Any], device: int, found: Any) -> Any:
    return replace(found, remote_address=first.setdefault(device, found.remote_address))


def _other_serial(_first: dict[int, Any], _device: int, found: Any) -> Any:
    return replace(found, certificate_serial=found.certificate_serial ^ 1)


DEFECTS: Mapping[str, Defect] = {
    "dtls-never-resumes": Defect("RFC 7925 §11", _never_resumes),
    "dtls-repeats-no-flight": Defect("RFC 6347 §4.2.4", _no_repetition),
    "dtls-ignores-close-notify": Defect(_SESSION, _wrapped("_end", _goes_on)),
    "dtls-closes-after-a-minute": Defect(_SESSION, _idle_after(_MINUTE_S)),
    "dtls-never-idle": Defect(_SESSION, _idle_after(0.0)),
    "dtls-forgets-sessions": Defect("RFC 6347 §4.1", _wrapped("_on_data", _forgets)),
    "dtls-answers-the-old-address": Defect("RFC 6347 §4.1", _answers_elsewhere),
    "dtls-loses-messages": Defect("span §4.5", _loses_messages),
    "clientConnected-before-the-handshake": Defect(_SESSION, _connected_at_hello),
    "clientConnected-not-when-resumed": Defect(_SESSION, _resumed_not_told),
    "clientConnected-by-ip": Defect(_SESSION, _tells(_by_ip)),
    "clientDisconnected-at-every-message": Defect(_SESSION, _tells(_disconnected_each_time)),
    "clientDisconnected-with-a-reason": Defect(_SESSION, _tells(_with_a_reason)),
    "inet-remote-address-of-the-first-session": Defect(_WHO, _seen(_first_address)),
    "inet-wrong-serial": Defect(_WHO, _seen(_other_serial)),
}
