"""A simulated packet gateway: lets devices into the mobile network if the platform says so (mobile-network §1).

For each attach it asks the platform (Access-Request); whom the platform accepts gets a session, and the platform hears
of its beginning, of changes and of its end (accounting), until it acknowledges. The platform may end a session too
(Disconnect-Request). What a session is, and when it ends, is in `gateway_session`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from simulator.acts import Accepted, NoAnswer, Rejected, Result
from simulator.clock import EPOCH_UNIX_S, Timers
from simulator.devices.disconnects import Disconnects
from simulator.devices.gateway_reports import Reports, describe
from simulator.devices.gateway_session import (
    DONE,
    Alarms,
    GatewayCounts,
    GatewaySettings,
    Session,
    Sessions,
    State,
    Teller,
    Terminal,
    Told,
    on_wire,
    shown,
)
from simulator.protocol.radius import numbers as n
from simulator.protocol.radius.client import PRESETS, Client, Send
from simulator.protocol.radius.fields import bearer_attributes
from simulator.protocol.radius.packet import Packet

Lost = Callable[[str, str], None]
"""Called with a device and the reason why the network has ended its session."""

TAKEN_OVER, RESTARTED = "its SIM is in use elsewhere", "the gateway was restarted"
NO_ADDRESS = "the platform gave no address"
OVERTAKEN = "given up: a later login took its place"

_START, _STOP, _INTERIM = int(n.Status.START), int(n.Status.STOP), int(n.Status.INTERIM)
_LOST_CARRIER = int(n.Terminate.LOST_CARRIER)
_ANY_ADDRESS = (0xFFFFFFFF, 0xFFFFFFFE)
"""Framed-IP-Address: the user's choice, and the gateway's (RFC 2865 §5.8)."""
_UINT32 = 0xFFFFFFFF


class PacketGateway:
    """One NAS of an operator. Every `told` is called once, and never before the call that names it returns."""

    def __init__(
        self,
        settings: GatewaySettings,
        seed: int,
        timers: Timers,
        secret: bytes,
        lost: Lost,
        need_line: Callable[[], None],
        *,
        sessions: Sessions | None = None,
        epoch_unix_s: float = EPOCH_UNIX_S,
    ) -> None:
        """`sessions`: the table that it shares with other gateways. `epoch_unix_s`: Unix time when run time was 0."""
        self.settings = settings
        self.address = settings.nas_ip
        """Where its ports are to be opened, and its NAS-IP-Address."""
        self.counts = GatewayCounts()
        self.client = Client(timers, seed, secret, PRESETS[settings.retransmit], need_line)
        self.disconnects = Disconnects(self, secret)
        self.by_id: dict[str, Session] = {}
        """Acct-Session-Id → accepted session."""
        self.table = sessions if sessions is not None else Sessions()
        self._alarms = Alarms(timers)
        self._reports = Reports(settings, self.client, self._alarms, epoch_unix_s)
        self._lost = lost
        # A platform that outlives the run must not take our first session for the first one of the run before.
        boot = round(epoch_unix_s) - EPOCH_UNIX_S
        self._boot = f"-{boot:X}" if boot else ""

    @property
    def timers(self) -> int:
        """Entries of the calendar that are its own."""
        return self._alarms.count + self.client.timers

    @property
    def sessions(self) -> int:
        """How many sessions are open, those of silent devices included."""
        return len(self.by_id)

    # --- what devices do ----------------------------------------------------------------------------------------------

    def attach(self, terminal: Terminal, told: Told, argument: Any, now: float) -> None:
        """A device wants in: Accepted, Rejected with the platform's words, or NoAnswer."""
        asking = self.table.asking
        older = asking.get(terminal.device)
        if older is not None:
            older.gateway.withdraw(older, now)
        deserted = self.table.deserted.get(terminal.imsi)
        if deserted is not None:
            deserted.gateway.withdraw(deserted, now)  # the SIM is here, so nobody is there
        wish = 0 if "address" in self.settings.omits else shown(terminal.ip)
        session = asking[terminal.device] = Session(self, terminal, told, argument)
        session.bearer = bearer = describe(self.settings, session, wish)
        session.request = self.client.request(
            n.Code.ACCESS_REQUEST, bearer_attributes(bearer), self._answered, session, now
        )

    def withdraw(self, session: Session, now: float) -> None:
        """The device that asked asks anew, or nobody is there any more to hear the answer."""
        self.table.asked(session)
        transmissions = 0
        if session.request is not None:
            self.client.cancel(session.request, now)
            transmissions, session.request = session.request.transmissions, None
        session.step("ended")
        self.counts.cancelled += 1
        self._later(*session.heard(), NoAnswer(OVERTAKEN, transmissions), now)

    def detach(self, device: str, told: Told, argument: Any, now: float) -> None:
        """A device leaves in order: Done as soon as the platform has acknowledged it, or has nothing to hear."""
        self._desert(device)
        session = self.table.by_device.get(device)
        if session is None:
            self._later(told, argument, DONE, now)
            return
        session.gateway.end(session, n.Terminate.USER_REQUEST, now, teller=Teller(session, told, argument))

    def lose(self, device: str, now: float) -> None:
        """A device has gone without a word. The network notices later, or when its SIM comes back."""
        self._desert(device)
        session = self.table.by_device.get(device)
        if session is not None and session.state == State.OPEN:
            session.step("left")
            session.gateway.watch(session, now)

    def _desert(self, device: str) -> None:
        """Nobody is there any more to hear what the platform answers."""
        session = self.table.asking.get(device)
        if session is not None and session.state == State.ASKING:
            session.step("left")
            self.table.deserted[session.terminal.imsi] = session

    def change_cell(self, device: str, rat: str, cell: int, told: Told, argument: Any, now: float) -> None:
        """A device is elsewhere, or on another radio: the platform hears of it (Interim-Update), as with `detach`."""
        session = self.table.by_device.get(device)
        if session is None or session.state != State.OPEN:
            self._later(told, argument, DONE, now)
            return
        session.rat, session.cell = rat, cell
        gateway = session.gateway
        session.bearer = describe(gateway.settings, session, session.bearer.address)
        gateway._reports.tell(session, _INTERIM, now, Teller(session, told, argument))

    def count(self, device: str, up_bytes: int, down_bytes: int = 0) -> None:
        """A datagram of a device passed, one way or (both sizes given) both ways."""
        session = self.table.by_device.get(device)
        if session is not None:
            session.octets_in += up_bytes
            session.octets_out += down_bytes
            session.packets_in += up_bytes > 0
            session.packets_out += down_bytes > 0

    # --- what the platform does ---------------------------------------------------------------------------------------

    def add_line(self, send_auth: Send, send_acct: Send) -> int:
        """See `Client.add_line`."""
        return self.client.add_line(send_auth, send_acct)

    def receive(self, line: int, data: bytes, peer: int, now: float) -> bytes | None:
        """Whatever arrives at the port of this line. Returns: what is to be sent back to `peer`; None: nothing."""
        if data and data[0] in self.disconnects.CODES:
            return self.disconnects.answer(data, peer, now)
        self.client.receive(line, data, now)
        return None

    def _answered(self, session: Session, packet: Packet | None, transmissions: int, now: float) -> None:
        """The platform has answered an Access-Request, or never will."""
        session.request = None
        terminal = session.terminal
        self.table.asked(session)
        # Whatever the answer: where the SIM and the device are now, the network knows from the attach itself.
        older = tuple(self.table.older(session))
        ip = self._address_in(packet, terminal) if packet is not None and packet.code == n.Code.ACCESS_ACCEPT else 0
        result: Result
        if packet is not None and ip:
            self.counts.accepted += 1
            result = Accepted(on_wire(ip), transmissions)
            self._open(session, packet, ip, now)
        else:
            result = self._refused(session, packet, transmissions)
        for other in older:
            moved = other.terminal.device != terminal.device
            if other.state != State.OVER:  # whoever was told of the first one may have ended the second
                other.gateway.end(other, _LOST_CARRIER, now, why=TAKEN_OVER if moved else "")
        told, argument = session.heard()
        told(argument, result, now)

    @staticmethod
    def _address_in(packet: Packet, terminal: Terminal) -> int:
        """The address that an Access-Accept gives, or leaves to the device; 0: it is in nobody's hand."""
        ip = packet.ipv4(n.FRAMED_IP_ADDRESS)
        return shown(terminal.ip) if ip is None or ip in _ANY_ADDRESS else ip

    def _refused(self, session: Session, packet: Packet | None, transmissions: int) -> Result:
        session.step("refused")
        if packet is None:
            self.counts.unanswered += 1
            return NoAnswer("timeout", transmissions)
        if packet.code == n.Code.ACCESS_ACCEPT:
            self.counts.unaddressed += 1
            return Rejected(NO_ADDRESS, transmissions)
        # RFC 2865 §4.4: who cannot answer a challenge takes it for a reject.
        self.counts.rejected += 1
        word = "Access-Reject" if packet.code == n.Code.ACCESS_REJECT else "Access-Challenge"
        return Rejected(packet.text(n.REPLY_MESSAGE) or word, transmissions)

    # --- the life of a session ----------------------------------------------------------------------------------------

    def _open(self, session: Session, packet: Packet, ip: int, now: float) -> None:
        table = self.table
        table.count += 1
        session.session_id = session_id = f"{ip:08X}{self._boot}-{table.count:08X}"
        session.charging_id = table.count & _UINT32
        session.class_ = packet.first(n.CLASS) or b""
        session.began = now
        session.bearer = describe(self.settings, session, ip)
        session.step("accepted")
        self.by_id[session_id] = session
        table.enter(session)
        self._reports.tell(session, _START, now)
        session.interim_s = packet.number(n.ACCT_INTERIM_INTERVAL) or 0
        if session.interim_s:
            self._alarms.at(now + session.interim_s, self._interim_due, session)
        if session.state == State.SILENT:
            self.watch(session, now)

    def watch(self, session: Session, now: float) -> None:
        """The device is gone; notice it when that time has come."""
        self._alarms.at(now + self.settings.lost_after_s, self._noticed, session)

    def end(self, session: Session, cause: int, now: float, *, why: str = "", teller: Teller | None = None) -> None:
        """The session is over, and the platform hears of it.

        Args:
            cause: Acct-Terminate-Cause.
            why: what the device is told, if it is still there; "": it knows.
            teller: who waits for the acknowledgement.
        """
        there = session.state == State.OPEN
        self._forget(session)
        session.ended, session.cause = now, cause
        self._reports.tell(session, _STOP, now, teller)
        if why and there:
            self._lost(session.terminal.device, why)

    def restart(self, now: float) -> None:
        """The gateway fails and comes back: it knows of no session any more, and tells the platform so.

        Attaches under way come to nothing, and so does whatever was still to be told.
        """
        self.client.forget()
        for session in [one for one in self.table.asking.values() if one.gateway is self]:
            self.withdraw(session, now)
        doomed = list(self.by_id.values())
        self._reports.restarted(f"{self.address:08X}{self._boot}-{self.table.count:08X}", now)
        there = [session for session in doomed if session.state == State.OPEN]
        for session in doomed:
            self._forget(session)
        for session in there:
            self._lost(session.terminal.device, RESTARTED)

    def _forget(self, session: Session) -> None:
        session.step("ended")
        del self.by_id[session.session_id]
        self.table.leave(session)

    def _noticed(self, session: Session, now: float) -> None:
        self._alarms.count -= 1
        if session.state == State.SILENT:
            self.end(session, _LOST_CARRIER, now)

    def _interim_due(self, session: Session, now: float) -> None:
        self._alarms.count -= 1
        if session.state != State.OVER:
            self._alarms.at(now + session.interim_s, self._interim_due, session)
            self._reports.tell(session, _INTERIM, now)

    # --- the calendar -------------------------------------------------------------------------------------------------

    def _later(self, told: Told, argument: Any, result: Result, now: float) -> None:
        """In the next turn: nobody is called back from within its own call."""
        self._alarms.at(now, self._tell, (told, argument, result))

    def _tell(self, what: tuple[Told, Any, Result], now: float) -> None:
        self._alarms.count -= 1
        told, argument, result = what
        told(argument, result, now)


__all__ = ["GatewayCounts", "GatewaySettings", "PacketGateway", "Terminal"]
