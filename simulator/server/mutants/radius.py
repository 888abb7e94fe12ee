"""What goes wrong between packet gateways and the platform: answers, reports about sessions, Disconnect-Requests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from simulator.protocol.radius import numbers as n
from simulator.protocol.radius.fields import Accounting
from simulator.server.mutants.tools import Defect, Patches
from simulator.server.span.model import Session
from simulator.server.span.network import Network
from simulator.server.span.radius import Reply
from simulator.server.span.told import read_class

if TYPE_CHECKING:
    from simulator.server.app import ReferenceServer

_Inflict = Callable[["ReferenceServer", Patches], None]

_AUTHENTICATOR = slice(4, 20)


# --- answers ----------------------------------------------------------------------------------------------------------


def _without(attribute: n.Key) -> _Inflict:
    """Access-Requests are answered without it."""

    def access(honest: Any, *request: Any) -> Reply:
        reply: Reply = honest(*request)
        return Reply(reply.code, [(key, value) for key, value in reply.attributes if key != attribute])

    return lambda server, patches: patches.wrap(server.core.radius, "access", access)


def _silent(port: str) -> _Inflict:
    """Requests are not even looked at; Status-Server is answered."""
    return lambda server, patches: patches.wrap(getattr(server.radius, port), "_reply", lambda *_: None)


def _always_new(server: ReferenceServer, patches: Patches) -> None:
    def find(honest: Any, key: Any, now: float) -> bytes | None:
        answer: bytes | None = honest(key, now)
        return None if key[1] == n.Code.ACCESS_REQUEST else answer

    patches.wrap(server.radius.duplicates, "find", find)


def _badly_signed(server: ReferenceServer, patches: Patches) -> None:
    def seal(honest: Any, *what: Any) -> bytes | None:
        answer: bytes | None = honest(*what)
        if answer is None:
            return None
        spoilt = bytearray(answer)
        spoilt[_AUTHENTICATOR] = bytes(octet ^ 0xFF for octet in answer[_AUTHENTICATOR])
        return bytes(spoilt)

    patches.wrap(server.radius.authentication, "_seal", seal)


# --- reports about sessions -------------------------------------------------------------------------------------------


def _not_noticed(status: n.Status) -> _Inflict:
    """Such a report is acknowledged, and that is all."""

    def account(honest: Any, report: Accounting, *rest: Any) -> None:
        if report.status != status:
            honest(report, *rest)

    return lambda server, patches: patches.wrap(server.core.radius, "account", account)


def _late_stop_ends(server: ReferenceServer, patches: Patches) -> None:
    """Whatever name a Stop has: the SIM, or the device, has no session after it."""
    network = server.core.network

    def account(honest: Any, report: Accounting, *rest: Any) -> None:
        honest(report, *rest)
        if report.status == n.Status.STOP:
            session = _session_about(network, report)
            if session is not None:
                network.end(session)

    patches.wrap(server.core.radius, "account", account)


def _session_about(network: Network, report: Accounting) -> Session | None:
    device = network.device_named(read_class(report.class_)[0]) if report.class_ else None
    return network.of_sim(report.bearer.imsi) or (device.session if device is not None else None)


def _not_ended(server: ReferenceServer, patches: Patches) -> None:
    """The operator is told that it was."""
    patches.wrap(server.core.radius, "cut_off", lambda _honest, _session: True)
    patches.wrap(server.core.radius, "remove", lambda _honest, _session: None)


_ANSWER = "mobile-network §1.6"
_DUPLICATES = "mobile-network §1.8"

DEFECTS: Mapping[str, Defect] = {
    "accept-without-address": Defect(_ANSWER, _without(n.FRAMED_IP_ADDRESS)),
    "reject-without-reason": Defect("span §6", _without(n.REPLY_MESSAGE)),
    "login-not-answered": Defect("mobile-network §1.2", _silent("authentication")),
    "accounting-not-answered": Defect("mobile-network §1.2", _silent("accounting")),
    "retransmitted-login-is-a-new-one": Defect(_DUPLICATES, _always_new),
    "reply-with-wrong-authenticator": Defect("mobile-network §1.7", _badly_signed),
    "start-not-noticed": Defect(_ANSWER, _not_noticed(n.Status.START)),
    "stop-not-noticed": Defect(_ANSWER, _not_noticed(n.Status.STOP)),
    "interim-not-noticed": Defect(_ANSWER, _not_noticed(n.Status.INTERIM)),
    "late-stop-ends-the-new-session": Defect(_ANSWER, _late_stop_ends),
    "disconnect-not-sent": Defect("mobile-network §3.4", _not_ended),
}
