"""Invariant: every blob that the platform has taken shows once, with its size and its type (span §4.6)."""

from __future__ import annotations

from simulator.assertions.owed import Debt, Owed
from simulator.events.records import EventRecord
from simulator.scenario.model import UploadBlob


class BlobOnce(Owed):
    """blob-once."""

    __slots__ = ()

    names = ("blobUpload",)
    verbs = ("upload_blob",)

    def _fits(self, debt: Debt, event: EventRecord) -> bool:
        """Elsewhere the keys of the data are not promised (span §3.4): what is not told does not differ."""
        size, told = event.data.get("bytes"), event.data.get("contentType")
        if size is not None and debt.act.size >= 0 and size != str(debt.act.size):
            return False
        what = self._world.act(debt.act.step)
        return told is None or not isinstance(what, UploadBlob) or not self._world.embedded or told == what.content_type

    def _why_none(self, subject: str, able: list[Debt]) -> str:
        del subject
        if not able:
            return "every blob that it can be has been shown already"
        act = able[0].act
        what = self._world.act(act.step)
        kind = f" as {what.content_type}" if isinstance(what, UploadBlob) else ""
        return f"but {act.size} bytes were sent{kind}"
