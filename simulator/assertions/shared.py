"""Whose upload an event shows, where several devices can be taken for the one that it names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from simulator.assertions.kinship import SOMEBODY
from simulator.assertions.senders import FORGOTTEN_AFTER_S, Sender, Sent
from simulator.assertions.world import World
from simulator.events.records import EventRecord

_NONE: Final = (9, 9)


class Shared:
    """Matches events of families with their uploads. Nothing is seen twice, and nothing is lost by a wrong guess."""

    __slots__ = ("_lent", "_world")

    def __init__(self, world: World) -> None:
        self._world = world
        self._lent: dict[tuple[str, str], int] = {}
        """Family and size → how many events were given to uploads of which nobody knows whose they show as."""

    def taker(self, senders: Sequence[Sender], subject: str, event: EventRecord) -> tuple[Sender, Sent] | None:
        """Who sent it, and what; None: nobody can have."""
        found = self._best(senders, subject, event)
        if found is None:
            return self._returned(senders, subject, event)
        sent = found[1]
        if sent.login is None or sent.login.name is None:
            key = self._world.family(subject), sent.size
            self._lent[key] = self._lent.get(key, 0) + 1
        return found

    def _best(self, senders: Sequence[Sender], subject: str, event: EventRecord) -> tuple[Sender, Sent] | None:
        """Rather one that must be seen than one that may, and rather one that can show as nobody else."""
        best, best_rank = None, _NONE
        size, since_s = event.data.get("bytes"), event.rx_s - FORGOTTEN_AFTER_S
        for sender in senders:
            for late, uploads in enumerate((sender.pending, sender.optional)):
                for sent in uploads:
                    if sent.size != size or sent.seen >= sent.budget or not sent.may_show_as(subject):
                        continue
                    if late and sent.ended_s < since_s:
                        continue
                    vague = sent.login is None or sent.login.name is None
                    rank = (0 if sent.open else 1 + late, int(vague))
                    if rank < best_rank:
                        best, best_rank = (sender, sent), rank
        return best

    def _returned(self, senders: Sequence[Sender], subject: str, event: EventRecord) -> tuple[Sender, Sent] | None:
        """An earlier event was given to an upload of which nobody knows whose it shows as: it may have been another's,
        and this one is its."""
        key = self._world.family(subject), event.data.get("bytes", "")
        if not self._lent.get(key):
            return None
        for sender in senders:
            for sent in (*sender.pending, *sender.optional):
                if sent.size == key[1] and sent.seen < sent.budget:
                    self._lent[key] -= 1
                    return sender, sent
        return None

    def stands(self, sent: Sent) -> bool:
        """Whether no kin of its device can have taken its session over by now, and somebody of the run shows it."""
        world, subject = self._world, sent.subject
        if not world.wanders(subject):
            return True
        if sent.login is None or sent.login.over or SOMEBODY in world.kin(subject):
            return False
        return not world.logins.others_open(subject)

    @staticmethod
    def why_none(senders: Sequence[Sender], subject: str, event: EventRecord) -> str:
        """In words."""
        sents = [sent for sender in senders for sent in (*sender.pending, *sender.optional)]
        same = [sent for sent in sents if sent.size == event.data.get("bytes")]
        if any(sent.barred for sent in same):
            return "but who sent that was not in session, and what a stranger sends is not stored"
        other = next((sent for sent in same if not sent.may_show_as(subject)), None)
        if other is not None and other.login is not None:
            return f"but {other.subject} sent that, which was taken for {other.login.name}"
        return "but every upload that it can be has been shown already"
