"""Every upload against exactly one event: the book that the verdict under load rests on.

    sent ──answered──► owed ──event──► delivered
      │                  └──no event until the end──► lost
      ├──event──► waits for its answer only
      └──refused, unanswered──► may still be shown once ──no event──► missing

An event names its device and its size, and not its upload. So it belongs to the oldest upload of that device and size
that is owed one or may still be; only if there is none, to the oldest that was refused or not answered. If an upload
that has taken an event turns out not to have been accepted, the event goes on to the next one that needs it: the count
of the lost is the smallest that explains what was seen, and no platform is blamed for what it may have done right.
Which one of several equal uploads was lost nobody can tell; then it is the latest that is named.

Hot: 20 000 uploads a second and as many events, in a worker that has more to do. A device without an open upload costs
nothing, one with a single open upload is one entry of a dict, and the rest of this file is for those with several.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Final

from simulator.load.tally import LedgerCounts
from simulator.load.uploads import (
    EXCUSED,
    FREE,
    NOT_SEEN,
    OWED,
    PATIENCE_S,
    REFUSED,
    WAITING,
    Several,
    Upload,
    is_open,
    overtake,
)

LINES_KEPT: Final = 20
"""Lost uploads that are named at the end."""


class Ledger:
    """Uploads and events of one block.

    Args:
        counts: brought up to date whenever `counts` is asked for; of no other ledger.
        first: number of the block's first device.
        count: how many there are.
        acknowledged: the platform says so when it has accepted an upload. Otherwise `answered` means that it left.
        owed: what left without being acknowledged must be shown all the same, for nothing may get lost on the way.
        group: its name, for `lines`.
    """

    __slots__ = (
        "_accepted",
        "_answered",
        "_closed",
        "_counts",
        "_delivered",
        "_group",
        "_lost",
        "_numbers",
        "_open",
        "_owing",
        "_sent",
        "_settled",
    )

    def __init__(
        self, counts: LedgerCounts, first: int, count: int, acknowledged: bool, owed: bool, group: str = "device"
    ) -> None:
        self._counts = counts
        # What changes with every upload is counted here: a Struct takes five times as long to change.
        self._sent = self._answered = self._delivered = 0
        self._closed = 0
        """Uploads that are no longer open."""
        self._numbers = range(first, first + count)
        self._accepted = OWED if acknowledged or owed else FREE
        self._owing = "acknowledged" if acknowledged else "left here"
        self._group = group
        self._open: dict[int, Upload | Several] = {}
        self._lost: list[str] = []
        self._settled = False

    @property
    def counts(self) -> LedgerCounts:
        """How it stands now; the same object at each call."""
        counts = self._counts
        counts.sent, counts.answered, counts.delivered = self._sent, self._answered, self._delivered
        counts.open = self._sent - self._closed
        return counts

    @property
    def open(self) -> int:
        """Uploads that wait for their answer, or are owed an event."""
        return self._sent - self._closed

    # --- what was done ------------------------------------------------------------------------------------------------

    def sent(self, number: int, size: int, due: float, now: float) -> None:
        """A device begins an upload of `size` bytes that was due at run time `due`."""
        held = self._open
        self._sent = order = self._sent + 1
        upload = Upload(size, due, now, order)
        if number in held:
            self._one_more(number, upload)
        else:
            held[number] = upload

    def answered(self, number: int) -> None:
        """The platform has accepted the oldest upload of the device that had no outcome; or, without answers, it left.

        Raises: ValueError: the device has none. So do the next two.
        """
        upload = self._open.get(number)
        if type(upload) is Upload and upload.state == WAITING:
            self._answered += 1
            if upload.seen_s != NOT_SEEN:
                del self._open[number]
                self._closed += 1
            else:
                upload.state = state = self._accepted
                if state != OWED:
                    self._closed += 1
        elif self._outcome(number, self._accepted):
            self._answered += 1

    def refused(self, number: int) -> None:
        """The platform has answered, and not with 2.xx."""
        if self._outcome(number, REFUSED):
            self._counts.refused += 1

    def unanswered(self, number: int) -> None:
        """No answer, cut off, or cancelled."""
        if self._outcome(number, FREE):
            self._counts.unanswered += 1

    def _one_more(self, number: int, upload: Upload) -> None:
        several = self._open[number]
        if type(several) is Upload:
            several = Several(several)
        uploads = several.uploads  # type: ignore[union-attr]  # mypy does not follow type()
        while uploads and upload.sent_s - uploads[0].sent_s > PATIENCE_S[uploads[0].state]:
            self._give_up(number, uploads.popleft())
        uploads.append(upload)
        several.waiting.append(upload)  # type: ignore[union-attr]
        self._keep(number, several)  # type: ignore[arg-type]

    def _outcome(self, number: int, state: int) -> bool:
        """Returns: whether it was an upload of ours: what is told after the end changes nothing."""
        held = self._open.get(number)
        several = held if type(held) is Several else None
        upload: Upload | None = None
        if several is not None:
            upload = several.waiting.popleft() if several.waiting else None
        elif type(held) is Upload and held.state <= EXCUSED:
            upload = held
        if upload is None:
            if self._settled:
                return False
            raise ValueError(f"{self._group}.{number} has no upload that waits for its outcome")
        if state == OWED and upload.state == EXCUSED:
            state = FREE
        upload.state = state
        seen = upload.seen_s != NOT_SEEN
        if state != OWED or seen:
            self._closed += 1
        if several is None:
            if seen:
                del self._open[number]
            return True
        upload.fence = self._sent
        if seen:
            if state != OWED:
                self._pass_on(several, upload)
            if upload.seen_s != NOT_SEEN:
                several.uploads.remove(upload)
        self._keep(number, several)
        return True

    def _pass_on(self, several: Several, upload: Upload) -> None:
        """Its event was not owed to it: the next upload of its size gets it, if it had been sent by then, and leaves
        its own to the next one in turn (an augmenting path, as the theory of matchings calls it).

        All that were sent later still wait for their outcomes, for these come in order; and of one size the older
        ones have got their events first.
        """
        left_s, path = upload.seen_s, []
        for other in several.waiting:
            if other.size != upload.size:
                continue
            if other.sent_s > left_s:
                return
            path.append((other, left_s))
            if other.seen_s == NOT_SEEN:
                break
            left_s = other.seen_s
        else:
            return
        upload.seen_s = NOT_SEEN
        for other, seen_s in path:
            other.seen_s = seen_s

    def _keep(self, number: int, several: Several) -> None:
        uploads = several.uploads
        if len(uploads) > 1:
            self._open[number] = several
        elif uploads:
            self._open[number] = uploads[0]
        else:
            del self._open[number]

    # --- what is shown ------------------------------------------------------------------------------------------------

    def seen(self, number: int, size: int, rx_s: float) -> float | None:
        """An `upstreamMessage` of a device came at run time `rx_s`.

        Returns: the seconds since its upload was due; None: it belongs to no upload.
        """
        upload = self._open.get(number)
        if type(upload) is Upload and upload.size == size and upload.seen_s == NOT_SEEN:
            self._delivered += 1
            state = upload.state
            if state <= EXCUSED:
                upload.seen_s = rx_s
            else:
                del self._open[number]
                if state == OWED:
                    self._closed += 1
                if upload.overtaken:
                    self._counts.disordered += 1
            return rx_s - upload.due
        if type(upload) is Several:
            return self._seen_among(number, upload, size, rx_s)
        self._unaccounted(number, type(upload) is Upload and upload.seen_s == NOT_SEEN)
        return None

    def _seen_among(self, number: int, several: Several, size: int, rx_s: float) -> float | None:
        uploads = several.uploads
        taken = spare = -1
        other = False
        for index, upload in enumerate(uploads):
            if upload.seen_s != NOT_SEEN:
                continue
            if upload.size != size:
                other = True
            elif upload.state < FREE:
                taken = index
                break
            elif spare < 0:
                spare = index
        if taken < 0:
            taken = spare
        if taken < 0:
            self._unaccounted(number, other)
            return None
        upload = uploads[taken]
        if other:
            # It may be the event of an older one that is not owed it, and then nobody is out of order behind that.
            overtake(uploads, upload, taken if spare < 0 else spare)
        self._delivered += 1
        upload.seen_s = rx_s
        if upload.overtaken:
            self._counts.disordered += 1
        if upload.state == OWED:
            self._closed += 1
        if upload.state > EXCUSED:
            del uploads[taken]
            self._keep(number, several)
        return rx_s - upload.due

    def _unaccounted(self, number: int, other: bool) -> None:
        """An event without an upload. What comes after the end has been counted as lost."""
        if number not in self._numbers:
            raise ValueError(f"{self._group}.{number} is not of this block")
        if self._settled:
            return
        if other:
            self._counts.resized += 1
        else:
            self._counts.duplicated += 1

    def excuse(self, *, for_good: bool = False) -> None:
        """The stream was blind until now: what is open may have been shown meanwhile, and is owed no event.

        `for_good`: it will stay so, and nothing is owed any more.
        """
        if for_good:
            self._accepted = FREE
        for uploads in self._each():
            for upload in uploads:
                if upload.state == WAITING and upload.seen_s == NOT_SEEN:
                    upload.state = EXCUSED
                elif upload.state == OWED and upload.seen_s == NOT_SEEN:
                    upload.state = FREE
                    self._closed += 1

    # --- the end ------------------------------------------------------------------------------------------------------

    def settle(self) -> None:
        """Nothing more will come: what is owed an event is lost, what may have had one is missing."""
        for number, held in list(self._open.items()):
            for _ in range(len(held.waiting) if type(held) is Several else held.state <= EXCUSED):  # type: ignore[union-attr]
                self.unanswered(number)
            left = self._open.pop(number, None)
            for upload in left.uploads if isinstance(left, Several) else (left,) if left is not None else ():
                self._give_up(number, upload)
        self._settled = True

    def _give_up(self, number: int, upload: Upload) -> None:
        if upload.seen_s != NOT_SEEN:
            return
        if upload.state != OWED:
            self._counts.missing += 1
            return
        self._closed += 1
        self._counts.lost += 1
        if len(self._lost) < LINES_KEPT:
            self._lost.append(self._line(number, upload))

    def oldest_open(self) -> float | None:
        """When the oldest open upload was due; None: none is open."""
        waits = (upload.due for uploads in self._each() for upload in uploads if is_open(upload))
        return min(waits, default=None)

    def lines(self, most: int) -> list[str]:
        """Lost uploads in words, then open ones: `meters.17: 24 B sent at 12.3 s, acknowledged, no event`."""
        found = self._lost[:most]
        for number, held in self._open.items():
            for upload in held.uploads if isinstance(held, Several) else (held,):
                if len(found) >= most:
                    return found
                if is_open(upload):
                    found.append(self._line(number, upload))
        return found

    def _line(self, number: int, upload: Upload) -> str:
        seen = "no event" if upload.seen_s == NOT_SEEN else f"event at {upload.seen_s:.1f} s"
        outcome = self._owing if upload.state == OWED else "no answer yet"
        return f"{self._group}.{number}: {upload.size} B sent at {upload.sent_s:.1f} s, {outcome}, {seen}"

    def _each(self) -> Iterator[tuple[Upload, ...] | deque[Upload]]:
        for held in self._open.values():
            yield held.uploads if isinstance(held, Several) else (held,)
