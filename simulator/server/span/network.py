"""The mobile network's side: logins, and the sessions that make a source address a device's (span §6).

RADIUS, the `/simulator/login` door and a rehearsal in process all come in here.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

import msgspec

from simulator.errors import LocalError
from simulator.protocol.ids import IdError, decode
from simulator.server.span import login as rule
from simulator.server.span.accounts import AccountBook, End
from simulator.server.span.activity import Activity
from simulator.server.span.addresses import Addresses
from simulator.server.span.counts import NetworkCounts
from simulator.server.span.model import CiotMetadata, Device, Session
from simulator.server.span.recent import Recent, Said
from simulator.server.span.registry import Registry
from simulator.server.span.settings import IMEISV_DIGITS, IMSI_DIGITS, NS_PER_MS, NS_PER_S, SpanSettings
from simulator.wire.address import Address

_MISMATCHES_REMEMBERED = 16
"""Pairs (IMSI, IMEI) per device whose event is held back."""
_REFUSALS_REMEMBERED = 64


class LoginAccepted(msgspec.Struct, frozen=True):
    """The network lets the device in."""

    device_id: str
    collection_id: str
    address: Address
    """Where its datagrams come from."""
    ip: str
    """The address as the platform shows it."""
    serial: int = 0
    """The number of the session."""


class LoginRejected(msgspec.Struct, frozen=True):
    """The network keeps the device out; the text is the one of an Access-Reject."""

    reason: str


class Visit(msgspec.Struct, frozen=True):
    """What a packet gateway tells besides who wants in; "" and None: not told."""

    gateway: str = ""
    """NAS-Identifier; "": the door for this machine's programs, no gateway."""
    peer: Address = 0
    """Where its request came from, with the port."""
    rat: str = ""
    plmn: str = ""
    """MCC and MNC of the serving network."""
    cell: int | None = None


BY_DOOR = Visit()


class Refused(NamedTuple):
    """A login that was refused, for the person who watches."""

    reason: str
    imsi: str
    imei: str
    gateway: str


class Network:
    """All sessions. At most one per device, per SIM and per address: the latest accepted login has them."""

    def __init__(self, settings: SpanSettings, registry: Registry, activity: Activity) -> None:
        self._policy = settings.mismatch_policy
        self._pause_ns = settings.mismatch_pause_s * NS_PER_S
        self._registry, self._activity = registry, activity
        self.addresses = Addresses(settings)
        self.accounts = AccountBook()
        self.sessions: dict[Address, Session] = {}
        """By the address on the wire: a bare IPv4 number, or with a port for mapped sources."""
        self._of_sim: dict[int, Session] = {}
        self.last_serial = 0
        """Number of the last session that there was."""
        self.counts = NetworkCounts()
        self.refused: deque[Refused] = deque(maxlen=_REFUSALS_REMEMBERED)
        """The last refused logins, oldest first. Whoever has told of them takes them out."""
        self.reported: Recent[Said] = Recent()
        """The last sessions that gateways have reported as begun or ended."""
        self.cut_off: Recent[Said] = Recent()
        """The last Disconnect-Requests, and what became of them."""
        self._asking = "", "", ""

    @property
    def rejects(self) -> dict[str, int]:
        """Refused logins by reason."""
        return self.counts.rejects

    @property
    def takeovers(self) -> int:
        """See `_accept`."""
        return self.counts.takeovers

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
        hint: Address | None = None,
        plmn: str = "",
        cell: int | None = None,
        peer: Address = 0,
    ) -> LoginAccepted | LoginRejected:
        """One login.

        Args:
            imsi, imei: digits as the network tells them; `imei` may be empty, or an IMEISV.
            address: an order: text or number, as shown or as on the wire; None: the platform chooses.
            source: where its datagrams come from, where that is not `address`: systems with a single loopback address
                tell devices apart by `127.0.0.1:PORT` (mobile-network §1.10). None: from `address`.
            gateway, rat: who asks (NAS-Identifier) and by which radio, where known.
            hint: the address that the SIM is known to have; it gets that unless another SIM in session has it.
            plmn, cell: serving network and cell, where known.
            peer: where the gateway's request came from, with the port.
        Raises: LocalError: `address` or `source` is none.
        """
        self._asking = imsi, imei, gateway
        wanted, seen_as = self._wanted(address), self._wanted(source)
        if not (_digits(imsi, IMSI_DIGITS) and rule.imsi_key(imsi)):
            return self._reject(rule.BAD_IMSI)
        if not _digits(imei, IMEISV_DIGITS):
            imei = ""  # the network did not tell, or told nonsense: only the IMSI can be checked (mobile-network §1.3)
        imei = rule.printed_imei(imei)
        registry = self._registry
        decision = rule.decide(imsi, imei, registry.by_imsi, registry.by_imei, self._policy)
        for mismatch in decision.mismatches:
            self._tell(mismatch, imsi, imei, gateway, rat, now_ns)
        device = decision.device
        if device is None:
            return self._reject(decision.reason)
        if not device.active:
            return self._reject(rule.DISABLED)
        number = rule.imsi_key(imsi)
        if wanted is not None:
            self._vacate(device, number, wanted)
        elif hint is not None:
            wanted = self._free_hint(device, number, hint)
        where = self.addresses.take(number, wanted)
        if where is None:
            return self._reject(rule.NO_ADDRESS)
        visit = Visit(gateway, peer, rat, plmn, cell)
        return self._accept(device, imsi, imei, where, seen_as or where, now_ns, visit)

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
        self.end(session)
        return True

    def forget(self, device: Device) -> None:
        """End the session of a device that is removed."""
        if device.session is not None:
            self.end(device.session)

    def _wanted(self, where: str | Address | None) -> Address | None:
        if where is None or where == "":
            return None
        return self.addresses.read(where) if isinstance(where, str) else self.addresses.on_wire(where)

    def of_sim(self, imsi: str) -> Session | None:
        """The session of an IMSI."""
        return self._of_sim.get(rule.imsi_key(imsi)) if _digits(imsi, IMSI_DIGITS) else None

    def session_of(self, imsi: int) -> Session | None:
        """The session of an IMSI, as a number; 0: blank, which has none."""
        return self._of_sim.get(imsi)

    def device_named(self, device_id: bytes) -> Device | None:
        """A device by its id."""
        try:
            return self._registry.devices.get(decode(device_id.decode()))
        except (UnicodeDecodeError, IdError):
            return None

    def of_address(self, where: Address) -> Session | None:
        """The session that was given this address, as shown or as on the wire."""
        try:
            where = self.addresses.on_wire(where)
        except LocalError:
            return None
        return self._of_sim.get(self.addresses.owner(where)) or self.sessions.get(where)

    def would_refuse(self, session: Session) -> bool:
        """Whether its login would be refused now, or make it another device's."""
        device, registry = session.device, self._registry
        imei = device.ciot.last_imei if device.ciot is not None else ""
        decision = rule.decide(str(session.imsi), imei, registry.by_imsi, registry.by_imei)
        return decision.device is not device or not device.active

    def _vacate(self, device: Device, imsi: int, where: Address) -> None:
        """Who has the address loses it, and with it the session, even if its datagrams come from elsewhere."""
        holder = self._of_sim.get(self.addresses.owner(where))
        # Its own session, or its device's, is `_accept`'s to end: that may be a takeover.
        if holder is not None and holder.imsi != imsi and holder.device is not device:
            self.end(holder)

    def _free_hint(self, device: Device, imsi: int, hint: Address) -> Address | None:
        """The hinted address on the wire; None: it is none, or another SIM in session has it."""
        session = self.of_address(hint)
        # The session that this login ends is in nobody's way.
        if session is not None and session.imsi != imsi and session.device is not device:
            return None
        try:
            return self.addresses.on_wire(hint)
        except LocalError:
            return None  # 0.0.0.0 or 255.255.255.254: the platform is to choose (RFC 2865 §5.8)

    def _accept(
        self,
        device: Device,
        imsi: str,
        imei: str,
        where: Address,
        source: Address,
        now_ns: int,
        visit: Visit = BY_DOOR,
    ) -> LoginAccepted:
        """Let it in, and tell.

        A takeover is counted when that ends a session of the same device which another SIM has, or another modem as far
        as both told (mobile-network §3.3: IMEI cloned, IMSI cloned). Who left in order before has not been taken over.
        A SIM that turns up as another device has moved, and takes nothing from the one where it was.
        """
        previous, before = device.session, device.ciot
        if previous is not None:
            modems = rule.imei_key(imei), rule.imei_key(before.last_imei) if before is not None else 0
            other_modem = modems[0] != modems[1] and all(modems)
            self.counts.takeovers += previous.imsi != rule.imsi_key(imsi) or other_modem
        session = self._open(device, imsi, imei, where, source, now_ns, visit)
        assert device.ciot is not None
        ip = device.ciot.allocated_ip
        self.counts.accepted += 1
        self._activity.ciot_connect(device, imsi, imei, ip, now_ns)
        return LoginAccepted(device.id, device.collection.id, where, ip, session.serial)

    def _open(
        self, device: Device, imsi: str, imei: str, where: Address, source: Address, now_ns: int, visit: Visit
    ) -> Session:
        """A session without a word; those that stood in its way are over."""
        number = rule.imsi_key(imsi)
        gateway = visit.gateway
        predecessor = _predecessor(self._of_sim.get(number), gateway)
        for previous in (device.session, self._of_sim.get(number), self.sessions.get(source)):
            if previous is not None and self.sessions.get(previous.address) is previous:
                self.end(previous)
        self.last_serial += 1
        session = Session(
            device,
            number,
            source,
            gateway=gateway,
            peer=visit.peer,
            predecessor=predecessor,
            serial=self.last_serial,
            rat=visit.rat,
        )
        device.session = self.sessions[source] = self._of_sim[number] = session
        self.addresses.hold(number)
        at_ms = now_ns // NS_PER_MS
        device.ciot = CiotMetadata(
            allocated_ip=self.addresses.shown(where),
            allocated_at_ms=at_ms,
            last_update_ms=at_ms,
            last_imsi=imsi,
            last_imei=imei,
            gateway=gateway,
            plmn=visit.plmn,
            cell=visit.cell,
        )
        return session

    def reopen(
        self, imsi: str, imei: str, hint: Address, source: str | None, now_ns: int, visit: Visit
    ) -> Session | None:
        """A session that a gateway reports and nobody knows of (mobile-network §1.6); as `login`, without a word.

        Returns: None: it is not acceptable, or its address is another's.
        """
        if not (_digits(imsi, IMSI_DIGITS) and rule.imsi_key(imsi)):
            return None
        imei = rule.printed_imei(imei) if _digits(imei, IMEISV_DIGITS) else ""
        device = rule.decide(imsi, imei, self._registry.by_imsi, self._registry.by_imei).device
        if device is None or not device.active or device.session is not None:
            return None
        number = rule.imsi_key(imsi)
        wanted = self._free_hint(device, number, hint)
        seen_as = self._wanted(source) or wanted
        if wanted is None or seen_as is None or seen_as in self.sessions:
            return None
        where = self.addresses.take(number, wanted)
        return None if where is None else self._open(device, imsi, imei, where, seen_as, now_ns, visit)

    def end(self, session: Session, end: End = End.REPLACED) -> None:
        """Take a session away; its address is free for others. `end`: what is remembered as the reason."""
        del self.sessions[session.address], self._of_sim[session.imsi]
        session.device.session = None
        self.addresses.release(session.imsi)
        self.accounts.close(session, end)

    def restore(self, session: Session) -> None:
        """A session that was there before: nothing is checked, and nobody is told."""
        session.device.session = self.sessions[session.address] = self._of_sim[session.imsi] = session
        self.accounts.open(session)

    def _reject(self, reason: str) -> LoginRejected:
        self.counts.reject(reason)
        self.refused.append(Refused(reason, *self._asking))
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


def _predecessor(previous: Session | None, gateway: str) -> str | None:
    """What `Session.predecessor` says of the one that comes after `previous`."""
    if previous is None or not gateway or previous.gateway != gateway:
        return None
    return "" if previous.predecessor == "" else previous.account


def _digits(text: str, most: int) -> bool:
    return 0 < len(text) <= most and text.isascii() and text.isdigit()
