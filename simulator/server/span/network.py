"""The mobile network's side: logins, and the sessions that make a source address a device's (span §6).

RADIUS, the `/simulator/login` door and a rehearsal in process all come in here.
"""

from __future__ import annotations

import msgspec

from simulator.server.span import login as rule
from simulator.server.span.activity import Activity
from simulator.server.span.addresses import Addresses
from simulator.server.span.model import CiotMetadata, Device, Session
from simulator.server.span.registry import Registry
from simulator.server.span.settings import IMEISV_DIGITS, IMSI_DIGITS, NS_PER_MS, NS_PER_S, SpanSettings
from simulator.wire.address import Address

_MISMATCHES_REMEMBERED = 16
"""Pairs (IMSI, IMEI) per device whose event is held back."""


class LoginAccepted(msgspec.Struct, frozen=True):
    """The network lets the device in."""

    device_id: str
    collection_id: str
    address: Address
    """Where its datagrams come from."""
    ip: str
    """The address as the platform shows it."""


class LoginRejected(msgspec.Struct, frozen=True):
    """The network keeps the device out; the text is the one of an Access-Reject."""

    reason: str


class Network:
    """All sessions. At most one per device, per SIM and per address: the latest accepted login has them."""

    def __init__(self, settings: SpanSettings, registry: Registry, activity: Activity) -> None:
        self._policy = settings.mismatch_policy
        self._pause_ns = settings.mismatch_pause_s * NS_PER_S
        self._registry, self._activity = registry, activity
        self.addresses = Addresses(settings)
        self.sessions: dict[Address, Session] = {}
        """By the address on the wire: a bare IPv4 number, or with a port for mapped sources."""
        self._of_sim: dict[int, Session] = {}
        self.rejects: dict[str, int] = {}
        """Refused logins by reason."""
        self.takeovers = 0
        """Accepted logins of a SIM that ended the session of another SIM on the same device."""

    def login(
        self,
        imsi: str,
        imei: str,
        address: str | Address | None,
        now_ns: int,
        *,
        source: str | None = None,
        gateway: str = "",
        rat: str = "",
    ) -> LoginAccepted | LoginRejected:
        """One login.

        Args:
            imsi, imei: digits as the network tells them; `imei` may be empty, or an IMEISV.
            address: text or number, as shown or as on the wire; None: the platform chooses.
            source: where its datagrams come from, where that is not `address`: systems with a single loopback address
                tell devices apart by `127.0.0.1:PORT` (mobile-network §1.10). None: from `address`.
            gateway, rat: for the mismatch events, where known.
        Raises: LocalError: `address` or `source` is none.
        """
        wanted, seen_as = self._wanted(address), self._wanted(source)
        if not (_digits(imsi, IMSI_DIGITS) and rule.imsi_key(imsi)):
            return self._reject(rule.BAD_IMSI)
        if not _digits(imei, IMEISV_DIGITS):
            imei = ""  # the network did not tell, or told nonsense: only the IMSI can be checked (mobile-network §1.3)
        registry = self._registry
        decision = rule.decide(imsi, imei, registry.by_imsi, registry.by_imei, self._policy)
        for mismatch in decision.mismatches:
            self._tell(mismatch, imsi, imei, gateway, rat, now_ns)
        device = decision.device
        if device is None:
            return self._reject(decision.reason)
        if not device.active:
            return self._reject(rule.DISABLED)
        where = self.addresses.take(rule.imsi_key(imsi), wanted)
        if where is None:
            return self._reject(rule.NO_ADDRESS)
        return self._accept(device, imsi, imei, where, seen_as or where, now_ns)

    def logout(self, who: str | Address) -> bool:
        """End a session. Returns: False: there was none.

        Args:
            who: address (text or number, as shown or as on the wire), or an IMSI.
        Raises: LocalError: text that is neither.
        """
        if isinstance(who, str) and _digits(who, IMSI_DIGITS):
            session = self._of_sim.get(rule.imsi_key(who))
        else:
            where = self._wanted(who)
            session = (
                None if where is None else self.sessions.get(where) or self._of_sim.get(self.addresses.owner(where))
            )
        if session is None:
            return False
        self._end(session)
        return True

    def forget(self, device: Device) -> None:
        """End the session of a device that is removed."""
        if device.session is not None:
            self._end(device.session)

    def _wanted(self, where: str | Address | None) -> Address | None:
        if where is None or where == "":
            return None
        return self.addresses.read(where) if isinstance(where, str) else self.addresses.on_wire(where)

    def _accept(
        self, device: Device, imsi: str, imei: str, where: Address, source: Address, now_ns: int
    ) -> LoginAccepted:
        number = rule.imsi_key(imsi)
        if device.session is not None:
            self.takeovers += device.session.imsi != number
            self._end(device.session)
        for previous in (self._of_sim.get(number), self.sessions.get(source)):
            if previous is not None and self.sessions.get(previous.address) is previous:
                self._end(previous)
        device.session = self.sessions[source] = self._of_sim[number] = Session(device, number, source)
        self.addresses.hold(number)
        ip = self.addresses.shown(where)
        at_ms = now_ns // NS_PER_MS
        device.ciot = CiotMetadata(allocated_ip=ip, allocated_at_ms=at_ms, last_imsi=imsi, last_imei=imei)
        self._activity.ciot_connect(device, imsi, imei, ip, now_ns)
        return LoginAccepted(device.id, device.collection.id, where, ip)

    def _end(self, session: Session) -> None:
        del self.sessions[session.address], self._of_sim[session.imsi]
        session.device.session = None
        self.addresses.release(session.imsi)

    def restore(self, session: Session) -> None:
        """A session that was there before: nothing is checked, and nobody is told."""
        session.device.session = self.sessions[session.address] = self._of_sim[session.imsi] = session

    def _reject(self, reason: str) -> LoginRejected:
        self.rejects[reason] = self.rejects.get(reason, 0) + 1
        return LoginRejected(reason)

    def _tell(self, mismatch: rule.Mismatch, imsi: str, imei: str, gateway: str, rat: str, now_ns: int) -> None:
        device = mismatch.device
        pair = rule.imsi_key(imsi), rule.imei_key(imei)
        # Devices retry for hours: first at once, then rarely (mobile-network §3.2).
        if now_ns < device.mismatches.get(pair, 0):
            return
        device.mismatches.pop(pair, None)
        if len(device.mismatches) >= _MISMATCHES_REMEMBERED:
            del device.mismatches[next(iter(device.mismatches))]
        device.mismatches[pair] = now_ns + self._pause_ns
        expected = "expectedImei" if mismatch.event == "imeiMismatch" else "expectedImsi"
        data = {"imsi": imsi, "imei": imei, expected: mismatch.expected, "gateway": gateway, "rat": rat}
        self._activity.mismatch(mismatch.event, device, {key: value for key, value in data.items() if value}, now_ns)


def _digits(text: str, most: int) -> bool:
    return 0 < len(text) <= most and text.isascii() and text.isdigit()
