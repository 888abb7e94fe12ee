"""What `simulator serve` tells of Internet devices and blobs: handshakes that come to nothing, what nobody takes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial

from simulator.server.app import ReferenceServer
from simulator.server.fronts import udp
from simulator.server.fronts.associations import RECEIVE_BUFFER_BYTES, Associations, Turned
from simulator.server.fronts.blobs import Turned as TurnedBlob
from simulator.server.fronts.datagrams import DatagramFront
from simulator.server.remark_lines import Sometimes, Words, counted, cut, misdirected, told
from simulator.server.span.model import Gateway
from simulator.server.span.recent import Tally
from simulator.wire.address import Address, host_text, ip_of, port_of, text

_NAME_MOST = 64
"""Longest common name (X.520); more is a joke."""
_ALERT = "alert: "
_MAKES_ONE = "POST /span/collections/ID/certificates/create makes one"
_OURS = "GET /simulator/root is what it has to trust"
_CLOCK = "its clock may be wrong"

_REFUSED_HINTS = {
    "unknown issuer": "not signed by this platform's authority; a new start without --data makes a new one",
    "unknown certificate": "issued by another run of this platform, or for a device that is gone",
    "no certificate": f"a device has to show one: {_MAKES_ONE}",
    "certificate has expired": f"{_MAKES_ONE} for another 14 days",
}
"""By why a device is refused."""

_ALERT_HINTS = {
    "unknown ca": f"it does not trust this platform: {_OURS}",
    "bad certificate": f"{_CLOCK}, or it calls the platform by a name that its certificate has not: --name adds one",
    "certificate expired": _CLOCK,
    "certificate unknown": f"it may not trust this platform: {_OURS}",
    "certificate revoked": f"it may not trust this platform: {_OURS}",
    "unsupported certificate": "it has to take P-256 keys and SHA-256",
}
"""By why a device refuses the platform's certificate."""

_BLOB_HINTS = {
    "a client certificate is needed": _MAKES_ONE,
    "no device is in session at this address": "POST /simulator/login lets one in",
    "unknown certificate": _REFUSED_HINTS["unknown certificate"],
    "certificate has expired": _REFUSED_HINTS["certificate has expired"],
}


class Internet:
    """All of it, since the last time that somebody asked."""

    def __init__(self, server: ReferenceServer) -> None:
        self._server = server
        self._sessions = {"DTLS": server.dtls.sessions, "CoAPS": server.coaps.sessions}
        self._sometimes = [Sometimes(server.udp.cut, cut("UDP", udp.RECEIVE_BUFFER_BYTES))]
        for what, sessions in self._sessions.items():
            self._sometimes += _of_sessions(what, sessions)
        for what, tally, problem, hint, front in (
            ("DTLS", server.dtls.sessions.plain, "is no DTLS", "plain messages go to", server.udp),
            ("CoAPS", server.coaps.sessions.plain, "is no DTLS", "CoAP without DTLS goes to", server.coap),
            ("CoAPS", server.coaps.plain, "is no CoAP", "raw payloads go to", server.dtls),
            ("CoAP", server.coap.plain, "is no CoAP", "raw payloads go to", server.udp),
            ("CoAP", server.coap.dtls, "is DTLS", "CoAP over DTLS is on", server.coaps),
        ):
            self._sometimes.append(Sometimes(tally, misdirected(what, problem, partial(_where, hint, front))))

    def lines(self, now: float) -> list[str]:
        """What is to be told now; `now` in seconds of any clock that does not go back."""
        lines: list[str] = []
        for what, sessions in self._sessions.items():
            lines += turned(what, *sessions.turned.take())
        broken, missed = self._server.blobs.broken.take()
        lines += turned("HTTPS", [Turned(why, 0, None, _is_certificate(why)) for why in broken], missed)
        for secure, recent in self._server.blobs.turned.items():
            lines += blobs("HTTPS" if secure else "HTTP", *recent.take(), self._server.core.certificates.owner)
        for each in self._sometimes:
            lines += each.lines(now)
        return lines


def _of_sessions(what: str, sessions: Associations) -> Iterator[Sometimes]:
    yield Sometimes(sessions.cut, cut(what, RECEIVE_BUFFER_BYTES))
    yield Sometimes(sessions.strangers, _strangers(what))
    yield Sometimes(lambda: sessions.crowded, _crowded(what))


def _where(hint: str, front: DatagramFront) -> str:
    return f"{hint} port {port_of(front.address)}" if front.address else ""


def _strangers(what: str) -> Words:
    def words(count: int, last: Tally) -> str:
        those = counted(count, "datagram that belongs to no session", "datagrams that belong to no session")
        return f"{what}: {those}, last {text(last.peer)}; nothing was stored"

    return words


def _crowded(what: str) -> Words:
    def words(count: int, _last: Tally) -> str:
        return f"{what}: {counted(count, 'hello', 'hellos')} ignored: too many handshakes or sessions at once"

    return words


def turned(what: str, taken: list[Turned], missed: int = 0) -> list[str]:
    """A line for each reason, address and certificate with which a handshake came to nothing.

    Args:
        what: the port.
        missed: how many more there were.
    """
    times = Counter(each._replace(peer=ip_of(each.peer)) for each in taken)
    last = {each._replace(peer=ip_of(each.peer)): each.peer for each in taken}
    lines = [_came_to_nothing(each, last[each], count) for each, count in times.items()]
    return told(what, lines, list(times.values()), len(taken) + missed, "handshakes more came to nothing")


def _came_to_nothing(each: Turned, peer: Address, count: int) -> tuple[str, str]:
    """The words, and a hint."""
    where = f"from {text(peer)}" if count == 1 else f"from {host_text(peer)}, last port {port_of(peer)}"
    whose = [where] if peer else []
    whose += [_whose(each)] if each.certificate is not None else []
    who = f" ({'; '.join(whose)})" if whose else ""
    if not each.why.startswith(_ALERT):
        words = "refused" if each.refused else "failed"
        return f"handshake {words}: {each.why}{who}", _hint(_REFUSED_HINTS, each.why)
    why = each.why.removeprefix(_ALERT)
    if _is_about_certificate(why):
        return f"the device refuses this platform's certificate: {why}{who}", _hint(_ALERT_HINTS, why)
    return f"the device breaks the handshake off: {why}{who}", ""


def _is_about_certificate(alert: str) -> bool:
    return "certificate" in alert or alert == "unknown ca"


def _is_certificate(why: str) -> bool:
    """Whether a TLS handshake was ended because of the client's certificate."""
    return not why.startswith(_ALERT) and (why in _REFUSED_HINTS or "certificate" in why)


def _whose(each: Turned) -> str:
    """Whose certificate it is, or is said to be."""
    certificate = each.certificate
    assert certificate is not None
    try:
        name, kind = certificate.common_name[:_NAME_MOST], certificate.organisation
    except ValueError:  # it is read only now, and may say anything
        name = kind = ""
    who = f"{'gateway' if kind == 'Span gateway' else 'device'} {name}, " if name else ""
    if name and not certificate.verified:
        who = f"claims to be {name}, "
    return f"{who}serial {certificate.serial}"


def _hint(hints: dict[str, str], why: str) -> str:
    return f"; {hints[why]}" if why in hints else ""


def blobs(what: str, taken: list[TurnedBlob], missed: int, owner_of: Callable[[int], object]) -> list[str]:
    """A line for each reason, address and device with which a blob was refused.

    Args:
        what: the port.
        missed: how many more there were.
        owner_of: serial of a certificate → whose it is; None: nobody's, or no longer.
    """
    times = Counter(each._replace(peer=ip_of(each.peer)) for each in taken)
    lines = [_refused_blob(each, owner_of) for each in times]
    return told(what, lines, list(times.values()), len(taken) + missed, "blobs more were refused")


def _refused_blob(each: TurnedBlob, owner_of: Callable[[int], object]) -> tuple[str, str]:
    whose = ""
    if each.serial is not None:
        kind = "gateway" if isinstance(owner_of(each.serial), Gateway) else "device"
        whose = f"; {kind} {each.name[:_NAME_MOST]}, serial {each.serial}"
    why = each.why[:1].lower() + each.why[1:]
    return f"blob refused: {why} (from {host_text(each.peer)}{whose})", _hint(_BLOB_HINTS, why)
