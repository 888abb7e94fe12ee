"""What a packet gateway answers when the platform wants a session ended (RFC 5176; mobile-network §1.6, §3.4)."""

from __future__ import annotations

from collections import Counter, OrderedDict
from typing import TYPE_CHECKING

from simulator.devices.gateway_session import Session
from simulator.protocol.radius import numbers as n
from simulator.protocol.radius.errors import RadiusError
from simulator.protocol.radius.packet import Packet, check_request, decode, encode_reply

if TYPE_CHECKING:
    from simulator.devices.packet_gateway import PacketGateway

DUPLICATE_S = 30.0
"""How long the same request gets the same answer (RFC 5080 §2.2.2; mobile-network §1.8)."""
DUPLICATES_MOST = 1024

CUT_OFF = "cut off by the platform"
"""What the device is told."""

_NO_COA = 406
"""Error-Cause "Unsupported Extension": a gateway that does not change sessions (RFC 5176 §3.5)."""


class Disconnects:
    """The Disconnect-Requests of one gateway."""

    CODES = frozenset({int(n.Code.DISCONNECT_REQUEST), int(n.Code.COA_REQUEST)})

    def __init__(self, gateway: PacketGateway, secret: bytes) -> None:
        self._gateway, self._secret = gateway, secret
        self._answers: OrderedDict[tuple[int, bytes], tuple[float, bytes]] = OrderedDict()
        self.acknowledged = 0
        self.refused = 0
        self.duplicates = 0
        self.discarded: Counter[str] = Counter()
        """By what was wrong with them; they get no answer."""

    def answer(self, data: bytes, peer: int, now: float) -> bytes | None:
        """Do as the platform wants. Returns: the answer to send; None: this is not from the platform."""
        try:
            packet = decode(data)
        except RadiusError as error:
            self.discarded[error.kind] += 1
            return None
        wrong = check_request(packet, self._secret, False)
        if wrong is not None:
            self.discarded[wrong] += 1
            return None
        key = (peer, packet.raw[:20])
        before = self._answers.get(key)
        if before is not None and now - before[0] < DUPLICATE_S:
            self.duplicates += 1
            return before[1]
        try:
            reply = self._carry_out(packet, now)
        except RadiusError as error:  # it wants more back than fits into a packet
            self.discarded[error.kind] += 1
            return None
        self._answers[key] = (now, reply)
        self._answers.move_to_end(key)
        if len(self._answers) > DUPLICATES_MOST:
            self._answers.popitem(last=False)
        return reply

    def _carry_out(self, packet: Packet, now: float) -> bytes:
        if packet.code == n.Code.COA_REQUEST:
            self.refused += 1
            return self._nak(packet, n.Code.COA_NAK, _NO_COA)
        session, cause = self._find(packet)
        if session is None:
            self.refused += 1
            return self._nak(packet, n.Code.DISCONNECT_NAK, cause)
        reply = encode_reply(n.Code.DISCONNECT_ACK, packet, (), self._secret)
        self.acknowledged += 1
        self._gateway.end(session, n.Terminate.ADMIN_RESET, now, why=CUT_OFF)
        return reply

    def _nak(self, packet: Packet, code: int, cause: int) -> bytes:
        return encode_reply(code, packet, ((n.ERROR_CAUSE, cause.to_bytes(4, "big")),), self._secret)

    def _find(self, packet: Packet) -> tuple[Session | None, int]:
        """The session that all identities in the packet mean (RFC 5176 §3); else None and the Error-Cause."""
        gateway = self._gateway
        name, ip = packet.text(n.NAS_IDENTIFIER), packet.ipv4(n.NAS_IP_ADDRESS)
        if (name and name != gateway.settings.nas_id) or (ip is not None and ip != gateway.address):
            return None, n.ErrorCause.NAS_IDENTIFICATION_MISMATCH
        session_id, imsi = packet.text(n.ACCT_SESSION_ID), packet.text(n.IMSI)
        address = packet.ipv4(n.FRAMED_IP_ADDRESS)
        if not session_id and not imsi and address is None:
            return None, n.ErrorCause.MISSING_ATTRIBUTE
        session = self._first_of(session_id, imsi, address)
        if (
            session is None
            or (imsi and imsi != session.terminal.imsi)
            or (address is not None and address != session.bearer.address)
        ):
            return None, n.ErrorCause.SESSION_CONTEXT_NOT_FOUND
        return session, 0

    def _first_of(self, session_id: str, imsi: str, address: int | None) -> Session | None:
        """An accepted session of this gateway by the first of these that is given."""
        gateway = self._gateway
        if session_id:
            return gateway.by_id.get(session_id)
        if imsi:
            session = gateway.table.by_imsi.get(imsi)
            return session if session is not None and session.gateway is gateway else None
        return next((one for one in gateway.by_id.values() if one.bearer.address == address), None)
