"""What gateways report about their sessions, which keeps those of the platform true (mobile-network §1.6).

The predecessor ignored accounting; here its rules are:

    Start     names the session of its SIM         ┐ a session that nobody knows is made again,
    Interim   the same, and says where the device is ┘ without an event, if the login would be accepted now
    Stop      ends the session if it is the one of that name, or has no name yet
    On, Off   end all sessions that their gateway had then

Reports may be late, repeated, and in any order: one about a session that is over changes nothing (`accounts`).
"""

from __future__ import annotations

from simulator.protocol.radius import numbers as n
from simulator.protocol.radius.fields import Accounting, Bearer
from simulator.server.span.accounts import End
from simulator.server.span.model import Device, Session
from simulator.server.span.network import Network, Visit
from simulator.server.span.recent import Said
from simulator.server.span.settings import NS_PER_MS
from simulator.server.span.told import cell_of, gateway_of, plmn_of, rat_name, read_class, source_of
from simulator.wire.address import Address

CAUSE_MOST = 255
"""The highest Acct-Terminate-Cause that is counted for itself."""

_NAMES = {n.Status.START: "start", n.Status.INTERIM: "interim", n.Status.STOP: "stop",
          n.Status.ON: "on", n.Status.OFF: "off"}  # fmt: skip


class Reports:
    """Accounting-Requests against the sessions of a network."""

    def __init__(self, network: Network) -> None:
        self._network = network

    def take(self, report: Accounting, peer: Address, now_ns: int) -> None:
        """Let a report do what it means; nothing, if it makes no sense."""
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
        if self._end_of(report, gateway) is not None:
            return self._stale()
        named = self._named(report, gateway)
        if named is not None:
            named.peer = peer
            self._network.counts.duplicates += 1
            return None
        session = self._meant(report, gateway)
        if self._is_about(report, session) is False:
            return self._stale()
        if session is None:
            session = self._reopen(report, gateway, peer, now_ns)
        if session is None or not self._name(session, report):
            return self._stale()
        session.peer = peer
        self._network.counts.report("start")
        self._network.reported.add(Said("Start", report.bearer.imsi, gateway))
        return None

    def _interim(self, report: Accounting, gateway: str, peer: Address, now_ns: int) -> None:
        if self._end_of(report, gateway) is not None:
            return self._stale()
        session = self._named(report, gateway)
        if session is None:
            session = self._meant(report, gateway)
            sure = self._is_about(report, session)
            if sure is False:
                return self._stale()
            if session is None:
                session = self._reopen(report, gateway, peer, now_ns)
            # Which of two unnamed sessions it is about nobody can tell without a number; a Start will.
            if session is None or (session.predecessor == "" and not sure) or not self._name(session, report):
                return self._stale()
        session.peer = peer
        # One that comes late was overtaken by the next, and the device is where that said.
        if not 0 < report.event_unix_s < session.told_s:
            session.told_s = report.event_unix_s
            self._update(session, report.bearer, now_ns)
        self._network.counts.report("interim")
        return None

    def _stop(self, report: Accounting, gateway: str) -> None:
        """Only the current session ends: the Stop of an old one may come after the new one began (§1.6)."""
        network = self._network
        end = self._end_of(report, gateway)
        if end is End.STOPPED:
            network.counts.duplicates += 1
            return
        session = self._named(report, gateway) or self._unnamed(report, gateway)
        network.accounts.note(gateway, report.session_id, End.STOPPED, _imsi_of(report) or 0)
        if end is End.REPLACED or (end is None and session is None):
            self._stale()
            return
        if end is None and session is not None:
            self._end(session)
        network.counts.report("stop")
        network.counts.stop(cause_name(report.cause))
        network.reported.add(Said(f"Stop, {cause_name(report.cause)}", report.bearer.imsi, gateway))

    def _end(self, session: Session) -> None:
        """A gateway has told that it is over."""
        self._network.end(session, End.STOPPED)

    def _restarted(self, report: Accounting, gateway: str) -> None:
        """Accounting-On, -Off: whatever the gateway carried then is gone (RFC 2866 §5.1)."""
        network = self._network
        # It is repeated until it is acknowledged, and by then there may be new sessions.
        name = f"\0{report.status} {report.session_id} {report.event_unix_s}"
        tells_apart = bool(report.session_id or report.event_unix_s)
        if tells_apart and network.accounts.end_of(gateway, name) is not None:
            network.counts.duplicates += 1
            return
        for session in [each for each in network.sessions.values() if each.gateway == gateway]:
            # The first that arrives may be late too: what the gateway has begun since is not gone.
            if not 0 < report.event_unix_s < session.started_s:
                self._end(session)
        if report.status == n.Status.ON:
            network.accounts.forget(gateway)
        if tells_apart:
            network.accounts.note(gateway, name, End.STOPPED)
        network.counts.report(_NAMES[n.Status(report.status)])

    def _stale(self) -> None:
        """A report about a session that was over already, or never was."""
        self._network.counts.report("stale")

    def _end_of(self, report: Accounting, gateway: str) -> End | None:
        """How the session ended that has the name in the report; None: it has not, or that is forgotten."""
        return self._network.accounts.end_of(gateway, report.session_id, _imsi_of(report))

    def _named(self, report: Accounting, gateway: str) -> Session | None:
        """The session of the name in the report; of that SIM, if it tells."""
        session = self._network.accounts.find(gateway, report.session_id)
        if session is not None and _imsi_of(report) in (None, session.imsi):
            return session
        # Gateways have been seen to use names again, even for sessions at the same time.
        own = self._meant(report, gateway)
        return own if own is not None and own.account and own.account == report.session_id else None

    def _known(self, report: Accounting) -> Session | None:
        """The session of the SIM; or, if the report does not say which, of the device or of the address."""
        bearer = report.bearer
        if bearer.imsi:
            return self._network.of_sim(bearer.imsi)
        device = self._device(report)
        if device is not None:
            return device.session
        return self._network.of_address(bearer.address) if bearer.address else None

    def _device(self, report: Accounting) -> Device | None:
        """Whose Class it is."""
        return self._network.device_named(read_class(report.class_)[0]) if report.class_ else None

    def _is_about(self, report: Accounting, session: Session | None) -> bool | None:
        """Whether the report is about that session, by the number in its Class; None: nobody can tell by that.

        Without a session of this gateway it is about another one if the SIM, or the device, has one elsewhere.
        """
        serial = read_class(report.class_)[1] if report.class_ else None
        other = session or self._known(report)
        return None if serial is None or other is None else other.serial == serial

    def _meant(self, report: Accounting, gateway: str) -> Session | None:
        """The session that a Start or Interim with an unknown name is about, if it is this gateway's."""
        session = self._known(report)
        return session if session is not None and session.gateway == gateway else None

    def _unnamed(self, report: Accounting, gateway: str) -> Session | None:
        """The session that a Stop with an unknown name is about: it has overtaken its Start, or that got lost.

        If the SIM had one before that was not named either, it may as well be about that, and nothing is ended.
        """
        session = self._meant(report, gateway)
        sure = self._is_about(report, session)
        if session is None or session.account or sure is False:
            return None
        if sure:
            return session
        if session.predecessor == "":
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
            self._network.accounts.close(session)
        session.account = report.session_id
        session.started_s = report.event_unix_s
        self._network.accounts.open(session)
        return True

    def _reopen(self, report: Accounting, gateway: str, peer: Address, now_ns: int) -> Session | None:
        """A session that nobody knows of; None: it is another's now, or would not be accepted."""
        bearer = report.bearer
        if self._known(report) is not None or not bearer.address:
            return None
        visit = Visit(gateway, peer, rat_name(bearer.rat), plmn_of(bearer), cell_of(bearer))
        return self._network.reopen(
            bearer.imsi, bearer.imeisv, bearer.address, source_of(bearer, self._network.addresses), now_ns, visit
        )

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


def cause_name(cause: int | None) -> str:
    """`Lost-Carrier`; the number for a cause without a name; `none` for a Stop that says nothing.

    `other` for what nobody will ever assign: causes are counted by name, and memory cannot be made up.
    """
    if cause is None:
        return "none"
    return n.TERMINATE_NAMES.get(cause) or (str(cause) if cause <= CAUSE_MOST else "other")


def _imsi_of(report: Accounting) -> int | None:
    """Whose session it is about; None: not told."""
    return int(report.bearer.imsi) if report.bearer.imsi else None
