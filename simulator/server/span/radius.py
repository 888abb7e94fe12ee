"""What the platform answers to packet gateways, and what it takes from their reports (mobile-network §1.6, span §6).

No sockets and no bytes of packets: the front hands in what a request says, and sends what comes out. The predecessor
ignored accounting; here it keeps the sessions true. Its rules:

    Start     names the session of its SIM         ┐ a session that nobody knows is made again,
    Interim   the same, and says where the device is ┘ without an event, if the login would be accepted now
    Stop      ends the session if it is the one of that name, or has no name yet
    On, Off   end all sessions of their gateway

Reports may be late, repeated, and in any order: one about a session that is over changes nothing (`accounts`). The
address, and the session, belong to the latest accepted login (§3.4).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from simulator.errors import LocalError
from simulator.protocol.radius import numbers as n
from simulator.protocol.radius.fields import Accounting, Bearer
from simulator.server.span.accounts import End
from simulator.server.span.model import Device, Session
from simulator.server.span.network import LoginAccepted, Network, Visit
from simulator.server.span.settings import NS_PER_MS
from simulator.wire.address import Address, host_text
from simulator.words import RATS

CLASS_PREFIX = b"d:"
"""Class is `d:` and the device's id: it comes back in all reports about the session (mobile-network §1.6)."""
REPLY_MESSAGE_BYTES = 253

_RAT_NAMES = {number: name for name, number in RATS.items()}
_ACCEPT, _REJECT = int(n.Code.ACCESS_ACCEPT), int(n.Code.ACCESS_REJECT)
_NAMES = {n.Status.START: "start", n.Status.INTERIM: "interim", n.Status.STOP: "stop",
          n.Status.ON: "on", n.Status.OFF: "off"}  # fmt: skip

Attributes = list[tuple[n.Key, bytes]]


class Reply(NamedTuple):
    """What goes back."""

    code: int
    attributes: Attributes


class Listening(NamedTuple):
    """Where gateways of this machine reach the platform."""

    authentication: Address
    accounting: Address
    secret: bytes

    def __repr__(self) -> str:
        return f"Listening(authentication={self.authentication}, accounting={self.accounting})"


class RadiusCore:
    """Requests of packet gateways against the sessions of a network."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.interim_s: int | None = None
        """How often gateways shall tell of their sessions; None: they are not asked to."""
        self.listening: Listening | None = None
        """None: there is no listener."""
        self.send_disconnect: Callable[[Session], bool] | None = None
        """Sends a Disconnect-Request; returns whether it could. None: nobody can."""

    # --- authentication -----------------------------------------------------------------------------------------------

    def access(self, bearer: Bearer, peer: Address, now_ns: int) -> Reply:
        """Answer an Access-Request from `peer`."""
        result = self.network.login(
            bearer.imsi,
            bearer.imeisv,
            None,
            now_ns,
            source=self._source(bearer),
            gateway=gateway_of(bearer, peer),
            rat=rat_name(bearer.rat),
            hint=bearer.address or None,
            plmn=plmn_of(bearer),
            cell=cell_of(bearer),
            peer=peer,
        )
        if isinstance(result, LoginAccepted):
            return self._accept(result)
        return self._reject(result.reason)

    def _accept(self, result: LoginAccepted) -> Reply:
        address = self.network.addresses.number(result.address)
        attributes: Attributes = [
            (n.FRAMED_IP_ADDRESS, address.to_bytes(4, "big")),
            (n.CLASS, CLASS_PREFIX + result.device_id.encode()),
        ]
        if self.interim_s is not None:
            attributes.append((n.ACCT_INTERIM_INTERVAL, self.interim_s.to_bytes(4, "big")))
        return Reply(_ACCEPT, attributes)

    def _reject(self, reason: str) -> Reply:
        """RFC 2865 §4.3: nothing but a message."""
        message = reason.encode()[:REPLY_MESSAGE_BYTES]
        return Reply(_REJECT, [(n.REPLY_MESSAGE, message)] if message else [])

    # --- accounting ---------------------------------------------------------------------------------------------------

    def account(self, report: Accounting, peer: Address, now_ns: int) -> None:
        """Take a report. It is acknowledged whatever comes of it, or the gateway would tell for ever."""
        gateway = gateway_of(report.bearer, peer)
        match report.status:
            case n.Status.START:
                self._start(report, gateway, peer, now_ns)
            case n.Status.INTERIM:
                self._interim(report, gateway, peer, now_ns)
            case n.Status.STOP:
                self._stop(report, gateway)
            case n.Status.ON | n.Status.OFF:
                self._restarted(report, gateway)

    def _start(self, report: Accounting, gateway: str, peer: Address, now_ns: int) -> None:
        accounts = self.network.accounts
        if accounts.end_of(gateway, report.session_id) is not None:
            return self._stale()
        named = accounts.find(gateway, report.session_id)
        if named is not None and _is_about(named, report):
            named.peer = peer
            self.network.counts.duplicates += 1
            return None
        session = self._meant(report, gateway)
        if session is None:
            session = self._reopen(report, gateway, peer, now_ns)
        if session is None or not self._name(session, report):
            return self._stale()
        session.peer = peer
        self.network.counts.report("start")
        return None

    def _interim(self, report: Accounting, gateway: str, peer: Address, now_ns: int) -> None:
        accounts = self.network.accounts
        if accounts.end_of(gateway, report.session_id) is not None:
            return self._stale()
        session = accounts.find(gateway, report.session_id)
        if session is None or not _is_about(session, report):
            session = self._meant(report, gateway)
            if session is None:
                session = self._reopen(report, gateway, peer, now_ns)
            # Which of two unnamed sessions it is about nobody can tell; a Start will.
            if session is None or session.predecessor == "" or not self._name(session, report):
                return self._stale()
        session.peer = peer
        self._update(session, report.bearer, now_ns)
        self.network.counts.report("interim")
        return None

    def _stop(self, report: Accounting, gateway: str) -> None:
        """Only the current session ends: the Stop of an old one may come after the new one began (§1.6)."""
        network, account = self.network, report.session_id
        end = network.accounts.end_of(gateway, account)
        if end is End.STOPPED:
            network.counts.duplicates += 1
            return
        session = network.accounts.find(gateway, account)
        if session is None or not _is_about(session, report):
            session = self._unnamed(report, gateway)
        network.accounts.note(gateway, account, End.STOPPED)
        if end is End.REPLACED or (end is None and session is None):
            self._stale()
            return
        if end is None and session is not None:
            self._end(session)
        network.counts.report("stop")
        network.counts.stop(cause_name(report.cause))

    def _end(self, session: Session) -> None:
        """A gateway has told that it is over."""
        self.network._end(session, End.STOPPED)

    def _restarted(self, report: Accounting, gateway: str) -> None:
        """Accounting-On, -Off: whatever the gateway carried is gone (RFC 2866 §5.1)."""
        network = self.network
        # It is repeated until it is acknowledged, and by then there may be new sessions.
        name = f"\0{report.status} {report.session_id} {report.event_unix_s}"
        tells_apart = bool(report.session_id or report.event_unix_s)
        if tells_apart and network.accounts.end_of(gateway, name) is not None:
            network.counts.duplicates += 1
            return
        for session in [each for each in network.sessions.values() if each.gateway == gateway]:
            self._end(session)
        if report.status == n.Status.ON:
            network.accounts.forget(gateway)
        if tells_apart:
            network.accounts.note(gateway, name, End.STOPPED)
        network.counts.report(_NAMES[n.Status(report.status)])

    def _stale(self) -> None:
        """A report about a session that was over already, or never was."""
        self.network.counts.report("stale")

    def _known(self, report: Accounting) -> Session | None:
        """The session of the SIM; or, if the report does not say which, of the device or of the address."""
        bearer = report.bearer
        if bearer.imsi:
            return self.network.of_sim(bearer.imsi)
        device = self.network.device_named(report.class_.removeprefix(CLASS_PREFIX)) if report.class_ else None
        if device is not None:
            return device.session
        return self.network.of_address(bearer.address) if bearer.address else None

    def _meant(self, report: Accounting, gateway: str) -> Session | None:
        """The session that a Start or Interim with an unknown name is about, if it is this gateway's."""
        session = self._known(report)
        return session if session is not None and session.gateway == gateway else None

    def _unnamed(self, report: Accounting, gateway: str) -> Session | None:
        """The session that a Stop with an unknown name is about: it has overtaken its Start, or that got lost.

        If the SIM had one before that was not named either, it may as well be about that, and nothing is ended.
        """
        session = self._meant(report, gateway)
        if session is None or session.account or session.predecessor == "":
            return None
        return None if report.session_id and session.predecessor == report.session_id else session

    def _name(self, session: Session, report: Accounting) -> bool:
        """From now on the session is known by the name in the report. Returns: False: the report is about another."""
        if report.session_id and report.session_id == session.predecessor:
            return False
        if not report.session_id or session.account == report.session_id:
            return True
        if session.account:
            # The gateway has begun anew without asking, or this Start is an old one that comes late.
            if report.event_unix_s < session.started_s:
                return False
            self.network.accounts.close(session)
        session.account = report.session_id
        session.started_s = report.event_unix_s
        self.network.accounts.open(session)
        return True

    def _reopen(self, report: Accounting, gateway: str, peer: Address, now_ns: int) -> Session | None:
        """A session that nobody knows of; None: it is another's now, or would not be accepted."""
        bearer = report.bearer
        if self._known(report) is not None or not bearer.address:
            return None
        visit = Visit(gateway, peer, rat_name(bearer.rat), plmn_of(bearer), cell_of(bearer))
        return self.network.reopen(bearer.imsi, bearer.imeisv, bearer.address, self._source(bearer), now_ns, visit)

    def _update(self, session: Session, bearer: Bearer, now_ns: int) -> None:
        """Where the device is now. What the gateway does not tell is as before."""
        ciot = session.device.ciot
        session.rat = rat_name(bearer.rat) or session.rat
        if ciot is None:
            return
        ciot.plmn = plmn_of(bearer) or ciot.plmn
        cell = cell_of(bearer)
        ciot.cell = ciot.cell if cell is None else cell
        ciot.last_update_ms = now_ns // NS_PER_MS

    def _source(self, bearer: Bearer) -> str | None:
        """Where its datagrams come from, if the gateway says so and it is an address."""
        if not bearer.source:
            return None
        try:
            self.network.addresses.read(bearer.source)
        except LocalError:
            return None
        return bearer.source

    # --- disconnect ---------------------------------------------------------------------------------------------------

    def cut_off(self, session: Session) -> bool:
        """End a session at the platform's wish.

        [C] RFC 5176 §2.1: the gateway acknowledges when the user is no longer connected, so the session goes on until
        then, or until its Stop if that comes first. Without a gateway that could be asked it simply ends.

        Returns: whether a Disconnect-Request was sent.
        """
        if session.gateway and self.send_disconnect is not None and self.send_disconnect(session):
            return True
        self.network._end(session)
        return False

    def disconnected(self, session: Session) -> None:
        """The gateway has acknowledged; its Stop (Admin-Reset) is still to come."""
        if session.device.session is session:
            self.network._end(session, End.CUT_OFF)

    def has_stopped(self, session: Session) -> bool:
        """Whether the gateway has reported the end of the session."""
        return self.network.accounts.end_of(session.gateway, session.account) is End.STOPPED

    def remove(self, session: Session) -> None:
        """The device is removed: its session ends at once, and the gateway is told."""
        if session.gateway and self.send_disconnect is not None and self.send_disconnect(session):
            self.network._end(session, End.CUT_OFF)

    def reconsider(self, device: Device, imsi: int) -> None:
        """A device was changed: sessions that would be refused now end (§3.4). `imsi`: the one it has now, 0: blank."""
        own, of_sim = device.session, self.network.session_of(imsi)
        for session in (own, of_sim if of_sim is not own else None):
            if session is not None and self.network.would_refuse(session):
                self.cut_off(session)

    def disconnect_attributes(self, session: Session) -> Attributes:
        """What a Disconnect-Request says about a session (RFC 5176 §3)."""
        network, ciot = self.network, session.device.ciot
        address = network.addresses.given.get(session.imsi)
        attributes: Attributes = [(n.NAS_IDENTIFIER, session.gateway.encode())]
        if address is not None:
            attributes.append((n.FRAMED_IP_ADDRESS, network.addresses.number(address).to_bytes(4, "big")))
        if session.account:
            attributes.append((n.ACCT_SESSION_ID, session.account.encode()))
        imsi = ciot.last_imsi if ciot is not None else str(session.imsi)  # as it came: a number has lost its zeros
        return [*attributes, (n.IMSI, imsi.encode())]


# --- what a gateway tells ---------------------------------------------------------------------------------------------


def gateway_of(bearer: Bearer, peer: Address) -> str:
    """Its name: NAS-Identifier, or NAS-IP-Address (RFC 2865 §4.1 wants one of them), or where it writes from."""
    return bearer.nas_id or host_text(bearer.nas_ip or peer)


def rat_name(rat: int | None) -> str:
    """A name of `words.RATS`; digits for a radio that has none; "": not told."""
    return "" if rat is None else _RAT_NAMES.get(rat) or str(rat)


def plmn_of(bearer: Bearer) -> str:
    """The serving network (mobile-network §1.3): SGSN-MCC-MNC, or else that of the cell; "": not told.

    Never the home network of the SIM: a device that roams is somewhere else.
    """
    return bearer.serving_plmn or (bearer.location.plmn if bearer.location is not None else "")


def cell_of(bearer: Bearer) -> int | None:
    """The ECI; None: not told."""
    return bearer.location.cell if bearer.location is not None else None


def cause_name(cause: int | None) -> str:
    """`Lost-Carrier`; the number for a cause without a name; `none` for a Stop that says nothing."""
    return "none" if cause is None else n.TERMINATE_NAMES.get(cause) or str(cause)


def _is_about(session: Session, report: Accounting) -> bool:
    """Whether a report with the name of a session can be about it: gateways have been seen to use names again."""
    return not report.bearer.imsi or int(report.bearer.imsi) == session.imsi
