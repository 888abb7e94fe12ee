"""Trouble that fails a run although no expectation speaks of it (scenarios §5)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Final

from simulator.assertions import texts
from simulator.assertions.docket import Check, Docket
from simulator.assertions.machine import Machine
from simulator.assertions.matching import Matcher, value_of
from simulator.errors import Place
from simulator.events.records import EventRecord
from simulator.scenario.model import EventMatcher

BAD_FIRMWARE: Final = frozenset({"UpdateFailed", "TimedOut", "Reverted"})
"""Values of `state` in firmwareStateChange (span §5.4)."""

HARMLESS_DISCONNECT: Final = "client_disconnect"


def _always(_: EventRecord) -> str:
    return ""


def _disconnect(event: EventRecord) -> str | None:
    reason = value_of(event, "reason") or "no reason"
    return None if reason == HARMLESS_DISCONNECT else reason


def _firmware(event: EventRecord) -> str | None:
    state = value_of(event, "state") or ""
    return state if state in BAD_FIRMWARE else None


TROUBLES: Final[Mapping[str, Callable[[EventRecord], str | None]]] = {
    "imeiMismatch": _always,
    "imsiMismatch": _always,
    "gatewayCommError": _always,
    "failed_connect": _always,
    "disconnect": _disconnect,
    "firmwareStateChange": _firmware,
}
"""Event → what makes it trouble, in a word that `allow` may name too; None: it is harmless."""


class Trouble(Machine):
    """Watches for it.

    Args:
        allow: events, reasons and firmware states that the scenario does not mind.
        place: of the scenario, for the report.
    """

    __slots__ = ("_allow", "_asked", "_checks", "_docket", "_place")

    names = tuple(TROUBLES)

    def __init__(self, docket: Docket, allow: Collection[str], place: Place) -> None:
        self._docket, self._allow, self._place = docket, frozenset(allow), place
        self._asked: dict[str, list[tuple[Matcher, frozenset[str] | None]]] = {}
        self._checks: dict[str, Check] = {}

    def asked_for(self, what: EventMatcher, whom: Collection[str] | None, aliases: Mapping[str, str]) -> None:
        """An expectation speaks of such events; `whom` None: of anybody's."""
        if what.name in TROUBLES:
            entry = Matcher(what, aliases), None if whom is None else frozenset(whom)
            self._asked.setdefault(what.name, []).append(entry)

    def see(self, event: EventRecord) -> None:
        kind = TROUBLES[event.name](event)
        if kind is None or event.name in self._allow or kind in self._allow or self._docket.convicted is event:
            return
        for matcher, whom in self._asked.get(event.name, ()):
            if (whom is None or event.subject in whom or event.subject is None) and matcher.accepts(event):
                return
        self._report(event, kind)

    def _report(self, event: EventRecord, kind: str) -> None:
        docket, name = self._docket, event.name + (f".{texts.shown(kind)}" if kind else "")
        check = self._checks.get(name)
        if check is None:
            words = f"has no trouble: {event.name}{f' {texts.shown(kind)}' if kind else ''}, which nothing asked for"
            check = docket.check(f"trouble.{name}", "trouble", self._place, words)
            self._checks[name] = check
        check.cases += 1
        details: tuple[str, ...] = ()
        subject = event.subject or ""
        if docket.explains(check):
            hint = f"an expectation, or allow: [{texts.shown(kind) or event.name}], would accept it"
            said = (texts.device_says(docket.acts.get(subject)),) if subject else ()
            details = (f"seen: {texts.sighting(event)}", *said, hint)
        docket.fail(check, subject, event.rx_s, details, f"had trouble: {texts.event(event)}")
