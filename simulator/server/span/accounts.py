"""What gateways call their sessions: which Acct-Session-Id is the current one, which are over (mobile-network §1.6).

Reports about a session may come late, or in another order than they were sent in. So ids are remembered when their
session is over, a bounded number of them: the Stop of an old session must not end the new one, and a Start that comes
after its own Stop must not bring the session back.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from enum import IntEnum

from simulator.server.span.model import Session

OVER_MOST = 65_536
"""Ids of past sessions that are remembered; the longest gone is forgotten first. Ours, as for duplicates."""


class End(IntEnum):
    """How a session came to be over."""

    REPLACED = 0
    """The platform has ended it: a new login, a removed device. Its Stop comes too late to mean anything."""
    CUT_OFF = 1
    """At the platform's wish, and the gateway has acknowledged that: its Stop is still to come."""
    STOPPED = 2
    """The gateway has told so."""


class AccountBook:
    """Sessions by gateway and Acct-Session-Id."""

    def __init__(self) -> None:
        self._open: dict[tuple[str, str], Session] = {}
        # A plain dict would look through all that it has forgotten to find its oldest.
        self._over: OrderedDict[tuple[str, str], tuple[End, int]] = OrderedDict()

    @property
    def over(self) -> list[tuple[str, str, int, int]]:
        """Gateway, Acct-Session-Id, end and IMSI of what is over, the longest gone first."""
        return [(*key, int(end), imsi) for key, (end, imsi) in self._over.items()]

    def restore(self, over: Iterable[tuple[str, str, int, int]]) -> None:
        """Remember what another had for over."""
        self._over = OrderedDict(((gateway, account), (End(end), imsi)) for gateway, account, end, imsi in over)

    def find(self, gateway: str, account: str) -> Session | None:
        """The open session of that name."""
        return self._open.get((gateway, account))

    def end_of(self, gateway: str, account: str, imsi: int | None = None) -> End | None:
        """How the session of that name ended; None: it is not over, or not remembered.

        `imsi`: whose it was, None: not told. Gateways have been seen to use names again, for another SIM.
        """
        end, whose = self._over.get((gateway, account), (None, 0))
        if imsi is not None:
            return end if whose in (0, imsi) else None
        return None if (gateway, account) in self._open else end

    def open(self, session: Session) -> None:
        """The session is known by its `account` from now on, if it has one."""
        if session.account:
            self._open[session.gateway, session.account] = session

    def close(self, session: Session, end: End = End.REPLACED) -> None:
        """The session is over."""
        key = session.gateway, session.account
        if self._open.get(key) is session:
            del self._open[key]
        self.note(session.gateway, session.account, end, session.imsi)

    def note(self, gateway: str, account: str, end: End, imsi: int = 0) -> None:
        """The session of that name is over; `imsi` 0: nobody told whose it was."""
        if not account:
            return
        self._over[gateway, account] = end, imsi
        self._over.move_to_end((gateway, account))
        if len(self._over) > OVER_MOST:
            self._over.popitem(last=False)

    def forget(self, gateway: str) -> None:
        """The gateway begins anew, and may use its names again."""
        for key in [key for key in self._over if key[0] == gateway]:
            del self._over[key]
