"""What a packet gateway tells the platform of its sessions (RADIUS accounting, mobile-network §1.6).

Of each session one report is under way at a time, and it is repeated until it is acknowledged: a Stop never overtakes
its Start. What comes up meanwhile is told after it, and only the latest of it: a Stop says all that an Interim would.
"""

from __future__ import annotations

from typing import Any

from simulator.acts import NoAnswer
from simulator.devices.gateway_session import DONE, Alarms, GatewaySettings, Session, Teller, unanswered
from simulator.protocol.radius import numbers as n
from simulator.protocol.radius.client import Client
from simulator.protocol.radius.fields import Accounting, Bearer, Location, accounting_attributes
from simulator.protocol.radius.packet import Packet
from simulator.words import RATS

TELL_WITHIN_S = 30.0
"""How long a detach waits for the platform's acknowledgement; the gateway goes on telling it (RFC 5080's MRD)."""
TIMEZONE = (4, 0)
"""UTC+1, in quarters of an hour, and no daylight saving time: all our cells are there."""

_STOP = int(n.Status.STOP)


class Reports:
    """The accounting of one gateway."""

    def __init__(self, settings: GatewaySettings, client: Client, alarms: Alarms, epoch_unix_s: float) -> None:
        self._settings, self._client, self._alarms, self._epoch = settings, client, alarms, epoch_unix_s

    def restarted(self, session_id: str, now: float) -> None:
        """The gateway has none of the sessions any more that it may have had (Accounting-On)."""
        status = Accounting(
            status=n.Status.ON,
            session_id=session_id,
            bearer=Bearer(nas_id=self._settings.nas_id, nas_ip=self._settings.nas_ip),
            event_unix_s=int(self._epoch + now),
            authentic=None,
        )
        self._client.request(n.Code.ACCOUNTING_REQUEST, accounting_attributes(status), _nobody, None, now)

    def tell(self, session: Session, status: int, now: float, teller: Teller | None = None) -> None:
        """Tell the platform of a session, after what it is being told already; a Stop says what an Interim would."""
        if teller is not None:
            session.next_tellers = [*(session.next_tellers or ()), teller]
            self._alarms.at(now + TELL_WITHIN_S, self._too_late, teller)
        session.next = status
        if session.reporting is None:
            self._next(session, now)

    def _next(self, session: Session, now: float) -> None:
        status, session.next = session.next, 0
        session.tellers, session.next_tellers = session.next_tellers, None
        stop = status == _STOP
        happened = session.ended if stop else now
        said = Accounting(
            status=status,
            session_id=session.session_id,
            bearer=session.bearer,
            class_=session.class_,
            session_time_s=round(happened - session.began),
            octets_in=session.octets_in,
            octets_out=session.octets_out,
            packets_in=session.packets_in,
            packets_out=session.packets_out,
            cause=session.cause if stop else None,
            last=stop,
            event_unix_s=int(self._epoch + happened),
        )
        session.reporting = self._client.request(
            n.Code.ACCOUNTING_REQUEST, accounting_attributes(said), self._acknowledged, session, now
        )

    def _acknowledged(self, session: Session, packet: Packet | None, transmissions: int, now: float) -> None:
        tellers, session.tellers, session.reporting = session.tellers, None, None
        if session.next:
            self._next(session, now)
        for teller in tellers or ():
            teller.tell(DONE if packet is not None else NoAnswer("timeout", transmissions), now)

    def _too_late(self, teller: Teller, now: float) -> None:
        self._alarms.count -= 1
        teller.tell(unanswered(teller.session.reporting), now)


def describe(settings: GatewaySettings, session: Session, address: int) -> Bearer:
    """The device as this gateway tells of it; `address` as RADIUS has it."""
    terminal, omits = session.terminal, settings.omits
    plmn, cell, imsi = settings.plmn, session.cell, terminal.imsi
    return Bearer(
        imsi=imsi,
        msisdn=terminal.msisdn,
        imeisv="" if "imei" in omits else terminal.imeisv,
        apn=settings.apn,
        nas_id=settings.nas_id,
        nas_ip=settings.nas_ip,
        rat=None if "rat" in omits else RATS[session.rat or settings.rat],
        home_plmn=imsi[: len(plmn)] if imsi.startswith(plmn) else imsi[:5],
        serving_plmn="" if "plmn" in omits else plmn,
        location=None if "location" in omits else Location(plmn=plmn, tac=tracking_area(cell), cell=cell),
        timezone=None if "timezone" in omits else TIMEZONE,
        charging_id=session.charging_id,
        address=address,
        source=terminal.source,
    )


def tracking_area(cell: int) -> int:
    """The tracking area code of a cell: sixteen eNodeBs each, and none of the values that are reserved (TS 23.003)."""
    return 1 + (cell >> 12) % 0xFFFD


def _nobody(_argument: Any, _packet: Packet | None, _transmissions: int, _now: float) -> None:
    """Nobody waits for this answer."""
