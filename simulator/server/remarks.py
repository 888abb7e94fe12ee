"""What `simulator serve` tells besides events: who is refused, who is met with silence, what gateways report.

A device or gateway that gets no answer cannot see why; here its owner can. Lines that are alike are told once with
their number, so that devices that try for hours do not fill the terminal.
"""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from collections.abc import Iterable

from simulator.server.app import ReferenceServer, ServerSettings
from simulator.server.fronts.coap import CoapFront
from simulator.server.fronts.radius import Unreadable
from simulator.server.fronts.radius_clients import network_of
from simulator.server.fronts.udp import UdpFront
from simulator.server.log import printable
from simulator.server.remark_lines import AGAIN_EVERY_S, LINES_MOST, told
from simulator.server.remarks_internet import Internet
from simulator.server.span.network import Refused
from simulator.server.span.recent import Recent, Said
from simulator.wire.address import ANY, Address, host_text, ip_of, ipv4, text

SILENCES_EVERY_S = 10.0
STRANGERS_MOST = 1_024
"""Addresses of which that is remembered."""
SECRET_LEAST = 16
"""Octets of a RADIUS secret (mobile-network §1.7)."""
_RAW_MOST = 32
_LOOPBACK_BYTE = 127

_HINTS = {
    "unknown NAS": " (--radius-client NETWORK=SECRET lets it in)",
    "wrong Message-Authenticator": " (is its secret the right one?)",
    "wrong authenticator": " (is its secret the right one?)",
    "missing Message-Authenticator": " (--require-message-authenticator auto believes it without)",
}


class Remarks:
    """All of them, since the last time that somebody asked."""

    def __init__(self, server: ReferenceServer) -> None:
        self._server = server
        self._refused = 0
        self._silences: dict[str, tuple[int, float]] = {}
        self._strangers = {"UDP": Strangers("UDP", server.udp), "CoAP": Strangers("CoAP", server.coap)}
        self._internet = Internet(server)

    def lines(self, now: float) -> list[str]:
        """What is to be told now; `now` in seconds of any clock that does not go back."""
        network, front = self._server.core.network, self._server.radius
        refused = sum(network.counts.rejects.values())
        lines = refusals(network.refused, refused - self._refused)
        self._refused = refused
        lines += said("accounting", network.reported)
        lines += said("Disconnect-Request", network.cut_off)
        lines += unreadable(front.unreadable)
        lines += self._not_answered(now)
        lines += front.clients.warnings
        front.clients.warnings.clear()
        for strangers in self._strangers.values():
            lines += strangers.lines(now)
        lines += self._internet.lines(now)
        return lines

    def _not_answered(self, now: float) -> list[str]:
        front = self._server.radius
        lines = []
        for kind, count in self._server.core.network.counts.discarded.items():
            told, again_s = self._silences.get(kind, (0, now))
            if count == told or now < again_s:
                continue
            self._silences[kind] = count, now + SILENCES_EVERY_S
            last = front.discarded.get(kind)
            where = f", last from {text(last.peer)}" if last is not None else ""
            hint = (last.hint if last is not None else "") or _HINTS.get(kind, "")
            lines.append(f"RADIUS: {count - told} not answered: {kind}{where}{hint}")
        return lines


class Strangers:
    """Who writes to a front and is not logged in: told at once, and then once a minute for each address."""

    def __init__(self, what: str, front: UdpFront | CoapFront) -> None:
        self._what, self._front = what, front
        self._told = 0
        self._again_s: OrderedDict[int, float] = OrderedDict()
        self._waiting: dict[int, tuple[int, Address]] = {}
        """By bare address, 0 for those that nobody kept: how many, and from where the last."""

    def lines(self, now: float) -> list[str]:
        """What is to be told now."""
        self._gather()
        lines: list[str] = []
        for ip in [each for each in self._waiting if now >= self._again_s.get(each, now)]:
            if len(lines) == LINES_MOST:
                break
            count, last = self._waiting.pop(ip)
            self._again_s.pop(ip, None)
            self._again_s[ip] = now + AGAIN_EVERY_S
            if len(self._again_s) > STRANGERS_MOST:
                self._again_s.popitem(last=False)
            who = f"an address that is not logged in, last {text(last)}" if ip else "more that are not logged in"
            lines.append(
                f"{self._what}: {count} from {who}; nothing was stored (POST /simulator/login lets a device in)"
            )
        return lines

    def _gather(self) -> None:
        front = self._front
        new = front.counts.unknown_source - self._told
        self._told += new
        for peer, count in front.take_strangers().items():
            new -= count
            self._wait(ip_of(peer), count, peer)
        if new > 0:
            self._wait(0, new, 0)

    def _wait(self, ip: int, count: int, last: Address) -> None:
        if ip not in self._waiting and len(self._waiting) >= STRANGERS_MOST:
            ip = 0
        self._waiting[ip] = self._waiting.get(ip, (0, 0))[0] + count, last


def refusals(refused: deque[Refused], total: int) -> list[str]:
    """A line for each device that was refused, and one for the rest; takes them out.

    Args:
        total: how many there were: of a great many only the last are in `refused`.
    """
    times = Counter(refused)
    refused.clear()
    lines = [(f"{each.reason} ({_who(each.imsi or 'none', each.gateway, each.imei)})", "") for each in times]
    return told("login refused", lines, list(times.values()), total)


def said(what: str, recent: Recent[Said]) -> list[str]:
    """The same for what gateways reported, and for sessions that they were to end."""
    taken, missed = recent.take()
    times = Counter(taken)
    lines = [(f"{each.what} ({_who(each.imsi or 'not told', each.gateway)})", "") for each in times]
    return told(what, lines, list(times.values()), len(taken) + missed)


def unreadable(recent: Recent[Unreadable]) -> list[str]:
    """The same for identities in Access-Requests that are none."""
    taken, missed = recent.take()
    times = Counter(each._replace(peer=ip_of(each.peer)) for each in taken)
    lines = []
    for each in times:
        shown = repr(printable(each.raw[:_RAW_MOST])) + (" and more" if len(each.raw) > _RAW_MOST else "")
        gateway = f" ({each.gateway[:_RAW_MOST]})" if each.gateway else ""
        came_to = "only the IMSI was checked" if each.what == "IMEISV" else "nobody gets in without"
        lines.append((f"unreadable {each.what} {shown} from {host_text(each.peer)}{gateway}", f": {came_to}"))
    return told("RADIUS", lines, list(times.values()), len(taken) + missed, "unreadable identities more")


def concerns(settings: ServerSettings) -> Iterable[str]:
    """What the one who starts the server should know about its settings; no secret is in it."""
    here = ipv4(settings.host) >> 24 == _LOOPBACK_BYTE
    if settings.inet and settings.host == host_text(ANY) and not settings.names:
        yield "HTTPS clients elsewhere hold the name that they call against the certificate; add --name"
    for client in settings.radius.clients:
        if here and network_of(client.network)[1] >> 24 not in (_LOOPBACK_BYTE, 0):
            yield f"nobody of {client.network} can reach {settings.host}; add --host"
        if client.secret and len(client.secret.encode()) < SECRET_LEAST:
            yield f"the RADIUS secret of {client.network} is short; {SECRET_LEAST} octets at least, drawn at random"


def _who(imsi: str, gateway: str, imei: str = "") -> str:
    who = [f"imsi {imsi}"]
    who += [f"imei {imei}"] if imei else []
    who += [f"gateway {gateway}"] if gateway else []
    return ", ".join(who)
