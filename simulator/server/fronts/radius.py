"""The platform's RADIUS listener: an authentication and an accounting port (mobile-network §1).

What is not to be answered is met with silence, as the RFCs want it, and counted by what was wrong with it. On its way
a datagram passes: do we know the sender's network (else nobody knows which secret to hold it against), is it a packet,
does it belong on this port, is it signed with the secret, was it answered before. Only then the core is asked.
"""

from __future__ import annotations

from typing import NamedTuple

from simulator.clock import Clock, Timers
from simulator.protocol.radius.errors import RadiusError
from simulator.protocol.radius.fields import Bearer, accounting_of, bearer_of
from simulator.protocol.radius.numbers import IMEISV, IMSI, MESSAGE_AUTHENTICATOR, Code
from simulator.protocol.radius.packet import Packet, check_request, decode, encode_reply
from simulator.server.fronts.datagrams import DatagramFront
from simulator.server.fronts.radius_clients import Clients, Known, RadiusClient, RadiusSettings
from simulator.server.fronts.radius_disconnects import Disconnects
from simulator.server.fronts.radius_duplicates import Duplicates
from simulator.server.span.model import Session
from simulator.server.span.radius import RadiusCore, Reply
from simulator.server.span.recent import Recent
from simulator.wire.address import Address, Ipv4, address, port_of
from simulator.wire.ports import Wire

UNKNOWN_NAS = "unknown NAS"
UNKNOWN_CODE = "unknown code"
REPLY = "reply"
WRONG_PORT = "wrong port"
NO_STATUS = "missing Acct-Status-Type"

_IPV4 = (1 << 32) - 1

# Plain numbers where every datagram passes: an enumeration's members cost three times as much to look up.
_ACCESS, _ACCOUNTING, _STATUS_SERVER = int(Code.ACCESS_REQUEST), int(Code.ACCOUNTING_REQUEST), int(Code.STATUS_SERVER)
_REQUESTS = {_ACCESS, _ACCOUNTING}
_DISCONNECT_REPLIES = {int(Code.DISCONNECT_ACK), int(Code.DISCONNECT_NAK)}
_REPLIES = {int(code) for code in (Code.ACCESS_ACCEPT, Code.ACCESS_REJECT, Code.ACCOUNTING_RESPONSE,
                                   Code.ACCESS_CHALLENGE, Code.COA_ACK, Code.COA_NAK)}  # fmt: skip


class Discarded(NamedTuple):
    """A datagram that was met with silence."""

    kind: str
    peer: Address
    hint: str = ""
    """What may be done about it."""


class Unreadable(NamedTuple):
    """An identity in an Access-Request that is none: as good as not told."""

    what: str
    """`IMSI` or `IMEISV`."""
    raw: str
    """As it came."""
    peer: Address
    gateway: str


class RadiusFront:
    """Both ports in front of a core.

    Raises: LocalError: a client network that is none, or without a secret.
    """

    def __init__(
        self, core: RadiusCore, clock: Clock, settings: RadiusSettings, timers: Timers | None = None, *, seed: int = 0
    ) -> None:
        """`timers` None: Disconnect-Requests are not repeated. `seed` decides when they are."""
        self.core = core
        self.clients = Clients(settings.clients, settings.require_message_authenticator)
        self.duplicates = Duplicates(settings.duplicates_s, settings.duplicates_most)
        self.disconnects = Disconnects(core, self._send_disconnect, timers, seed)
        self.discarded: dict[str, Discarded] = {}
        """The last one of each kind."""
        self.unreadable: Recent[Unreadable] = Recent()
        self.authentication = RadiusPort(self, clock, _ACCESS)
        self.accounting = RadiusPort(self, clock, _ACCOUNTING)
        self._clock, self._disconnect_port = clock, settings.disconnect_port

    async def start(self, wire: Wire, host: str, authentication: int, accounting: int) -> None:
        """Listen on both ports. Raises: LocalError: one of them is not to be had."""
        await self.authentication.start(wire, host, authentication)
        await self.accounting.start(wire, host, accounting)
        self.core.send_disconnect = self.disconnect

    def stop(self) -> None:
        """Close both ports; calling it again does nothing."""
        self.core.send_disconnect = None
        self.disconnects.close()
        self.authentication.stop()
        self.accounting.stop()

    def discard(self, kind: str, peer: Address, hint: str = "") -> None:
        """Say nothing, and count why."""
        self.core.network.counts.discard(kind)
        self.discarded[kind] = Discarded(kind, peer, hint)

    def disconnect(self, session: Session) -> bool:
        """Ask the gateway of a session to end it. Returns: False: there is nobody to ask."""
        client = self.clients.find(session.peer & _IPV4)
        if client is None:
            return False
        peer = address(session.peer & _IPV4, self._disconnect_port) if self._disconnect_port else session.peer
        self.disconnects.ask(session, peer, client.secret, self._clock.now())
        return True

    def _send_disconnect(self, datagram: bytes, peer: Address) -> None:
        self.authentication.send(datagram, peer)


class RadiusPort(DatagramFront):
    """One of the two. `requests`: the code that belongs here; Status-Server does on both (RFC 5997 §3)."""

    def __init__(self, front: RadiusFront, clock: Clock, requests: int) -> None:
        super().__init__(clock)
        self._front, self._requests = front, requests

    def receive(self, data: bytes, peer: Address, local_ip: Ipv4, now: float) -> None:
        """Answer one datagram, from the address that it was sent to, or say nothing."""
        answer = self._answer_to(data, peer, now)
        if answer is not None:
            self.send(answer, peer, local_ip)

    def send(self, datagram: bytes, peer: Address, local_ip: Ipv4 = 0) -> None:
        """Let one datagram go; nothing happens before `start`."""
        if self._port is not None:
            self._port.send(datagram, peer, local_ip)

    def _answer_to(self, data: bytes, peer: Address, now: float) -> bytes | None:
        front = self._front
        client = front.clients.find(peer & _IPV4)
        if client is None:
            front.discard(UNKNOWN_NAS, peer)
            return None
        try:
            packet = decode(data)
        except RadiusError as error:
            front.discard(error.kind, peer)
            return None
        code = packet.code
        if code != self._requests and code != _STATUS_SERVER:
            self._not_here(packet, peer, now)
            return None
        problem = check_request(packet, client.secret, code != _ACCOUNTING and front.clients.must_sign(peer & _IPV4))
        if problem is not None:
            front.discard(problem, peer)
            return None
        if code == _STATUS_SERVER:
            return self._seal(self._alive(), packet, client, peer)
        if code == _ACCESS:
            front.clients.believed(peer & _IPV4, MESSAGE_AUTHENTICATOR in packet.attributes)
        return self._once(packet, client, peer, now)

    def _once(self, packet: Packet, client: Known, peer: Address, now: float) -> bytes | None:
        """The answer that was given before, or a new one."""
        front = self._front
        key = peer, packet.code, packet.id, packet.authenticator
        answer = front.duplicates.find(key, now)
        if answer is not None:
            front.core.network.counts.duplicates += 1
            return answer or None
        reply = self._reply(packet, peer, now)
        if reply is None:
            return None
        answer = self._seal(reply, packet, client, peer)
        # What was done for one that cannot be answered must not be done again either.
        front.duplicates.keep(key, answer or b"", now)
        return answer

    def _reply(self, packet: Packet, peer: Address, now: float) -> Reply | None:
        """Ask the core. None: nothing is to be said."""
        if now != self._turn:  # one look at the wall clock serves all datagrams of a turn
            self._turn, self._now_ns = now, self._unix_ns()
        core = self._front.core
        if packet.code == _ACCESS:
            bearer = bearer_of(packet)
            if not (bearer.imsi and bearer.imeisv):
                self._look_closer(packet, bearer, peer)
            return core.access(bearer, peer, self._now_ns)
        report = accounting_of(packet)
        if not report.status:
            self._front.discard(NO_STATUS, peer)
            return None
        core.account(report, peer, self._now_ns)
        return Reply(Code.ACCOUNTING_RESPONSE, [])

    def _look_closer(self, packet: Packet, bearer: Bearer, peer: Address) -> None:
        """Remember what was told and cannot be read."""
        for what, read, key in (("IMSI", bearer.imsi, IMSI), ("IMEISV", bearer.imeisv, IMEISV)):
            raw = packet.first(key)
            if raw and not read:
                told = raw.decode("utf-8", "replace")
                self._front.unreadable.add(Unreadable(what, told, peer, bearer.nas_id))

    def _alive(self) -> Reply:
        """What Status-Server is told (RFC 5997 §3)."""
        return Reply(Code.ACCESS_ACCEPT if self._requests == _ACCESS else Code.ACCOUNTING_RESPONSE, [])

    def _seal(self, reply: Reply, packet: Packet, client: Known, peer: Address) -> bytes | None:
        """The datagram of a reply. Message-Authenticator comes first in it, but not in answers to accounting.

        Those are RFC 2866's own: what they say cannot be turned into something else.
        """
        signed = packet.code != _ACCOUNTING
        try:
            return encode_reply(reply.code, packet, reply.attributes, client.secret, message_authenticator=signed)
        except RadiusError as error:
            self._front.discard(error.kind, peer)
            return None

    def _not_here(self, packet: Packet, peer: Address, now: float) -> None:
        front, code = self._front, packet.code
        if code in _DISCONNECT_REPLIES:
            problem = front.disconnects.receive(packet, peer, now)
            if problem is not None:
                front.discard(problem, peer)
        elif code in _REPLIES:
            front.discard(REPLY, peer)
        elif code in _REQUESTS:
            right, what = (front.authentication, "Access") if code == _ACCESS else (front.accounting, "Accounting")
            front.discard(WRONG_PORT, peer, f" ({what}-Requests belong on port {port_of(right.address)})")
        else:
            front.discard(UNKNOWN_CODE, peer)


__all__ = ["RadiusClient", "RadiusFront", "RadiusPort", "RadiusSettings"]
