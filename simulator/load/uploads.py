"""What the ledger keeps of an upload that still waits for something: its answer, or its event."""

from __future__ import annotations

from collections import deque
from typing import Final

import msgspec

WAITING: Final = 0
"""No outcome yet."""
EXCUSED: Final = 1
"""No outcome yet, and the stream has been blind since it was sent: no event is owed even if it is accepted."""
OWED: Final = 2
"""Accepted: an event must come."""
FREE: Final = 3
"""Nobody knows whether it was accepted, or whether the stream could show it: an event may come."""
REFUSED: Final = 4
"""An event may come, for the platform may have kept it all the same."""

PATIENCE_S: Final = (float("inf"), float("inf"), 120.0, 300.0, 30.0)
"""How long after it was sent an upload without event is kept, by state. Only when its device sends again: a platform
that shows nothing must not fill our memory. 247 s is a CoAP exchange's longest life (RFC 7252 §4.8.2)."""

NOT_SEEN: Final = -1.0


class Upload(msgspec.Struct, gc=False, eq=False):
    """One that still waits for something."""

    size: int
    due: float
    sent_s: float
    order: int
    """Counts the uploads of a ledger."""
    state: int = WAITING
    seen_s: float = NOT_SEEN
    """When its event came."""
    fence: int = 0
    """`order` of the latest upload that had been sent when it was accepted: those after it must be shown after it."""
    overtaken: bool = False
    """The event of an upload behind the fence has come before its own."""


class Several:
    """A device with more than one entry, in the order of sending."""

    __slots__ = ("uploads", "waiting")

    def __init__(self, first: Upload) -> None:
        self.uploads = deque((first,))
        self.waiting = deque((first,) if first.state <= EXCUSED else ())


def is_open(upload: Upload) -> bool:
    """Whether it waits for its answer, or is owed an event."""
    return upload.state <= EXCUSED or (upload.state == OWED and upload.seen_s == NOT_SEEN)


def overtake(uploads: deque[Upload], taken: Upload, until: int) -> None:
    """What was accepted before that one was sent should have been shown first."""
    for index, upload in enumerate(uploads):
        if index >= until:
            return
        if upload.state == OWED and upload.seen_s == NOT_SEEN and upload.fence < taken.order:
            upload.overtaken = True
