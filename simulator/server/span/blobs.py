"""Blobs: large objects that devices upload by HTTP, kept until somebody deletes them (span §4.6).

[C] A blob belongs to the collection that it came in: it stays there when its device is moved or removed, and goes with
the collection, as the messages of devices do. What was accepted is never thrown away to make room: who finds none is
told so.
"""

from __future__ import annotations

from collections.abc import Iterable

from simulator.protocol.ids import IdGenerator, decode
from simulator.server.span.activity import Activity
from simulator.server.span.errors import Refusal
from simulator.server.span.model import Blob, Collection, Device
from simulator.server.span.settings import FIRST_BLOB, SpanSettings

UNKNOWN_TYPE = "application/octet-stream"
TYPE_LENGTH = 255
_BEGINNINGS = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"%PDF-", "application/pdf"),
    (b"\x1f\x8b\x08", "application/x-gzip"),
)
_SNIFFED = 512
"""How much of the beginning is looked at (WHATWG MIME Sniffing §5.2 looks at no more, either)."""
_NOT_IN_TEXT = frozenset(range(0x20)) - frozenset(b"\t\n\x0c\r\x1b")


class Blobs:
    """Stores blobs, and forgets them; they are found at their collections."""

    def __init__(self, settings: SpanSettings, activity: Activity) -> None:
        self._settings, self._activity = settings, activity
        self.made = 0
        """How many there have been; their ids are never used again."""
        self.count = 0
        """How many there are now, in all collections, …"""
        self.size_bytes = 0
        """… and how long they are together."""
        self._ids = self._generator()

    def store(
        self,
        device: Device,
        *,
        path: str,
        payload: bytes,
        content_type: str,
        address: str,
        gateway_id: str,
        now_ns: int,
    ) -> Blob:
        """Keep one, and tell.

        Args:
            content_type: as declared; "": it was not.
            address: of the client, `ip:port`.
            gateway_id: of the network that it came by.
        Raises: Refusal 413: it is too long, 507: there is no room for it.
        """
        self.check_length(len(payload))
        settings = self._settings
        if self.count >= settings.blobs_most or self.size_bytes + len(payload) > settings.blobs_bytes:
            raise Refusal(507, "No room for this blob: delete others first")
        name = self._ids.next()
        self.made += 1
        blob = Blob(
            number=decode(name),
            id=name,
            device_id=device.id,
            content_type=type_of(content_type, payload),
            content=payload,
            created_ns=now_ns,
            gateway_id=gateway_id,
            address=address,
            path=path,
        )
        self._keep(device.collection, blob)
        data = {"blobId": blob.id, "bytes": str(len(payload)), "contentType": blob.content_type}
        self._activity.emit("blobUpload", device.collection, device, now_ns, data)
        return blob

    def check_length(self, size: int) -> None:
        """Raises: Refusal 413: a blob of so many bytes is too long."""
        most = self._settings.blob_bytes
        if size > most:
            raise Refusal(413, f"Blob is too long: {most} bytes is the limit")

    def delete(self, collection: Collection, number: int) -> Blob:
        """Raises: Refusal 404: there is no such blob in this collection."""
        blob = collection.blobs.pop(number, None)
        if blob is None:
            raise Refusal(404, "Unknown blob")
        self.count -= 1
        self.size_bytes -= len(blob.content)
        return blob

    def forget(self, collection: Collection) -> None:
        """The collection is no more."""
        for number in tuple(collection.blobs):
            self.delete(collection, number)

    def restore(self, blobs: Iterable[tuple[Collection, Blob]], made: int) -> None:
        """Be what another was; nothing is checked, and nobody is told."""
        self.made = made
        self._ids = self._generator()
        for collection, blob in blobs:
            self._keep(collection, blob)

    def _generator(self) -> IdGenerator:
        return IdGenerator(self._settings.data_centre, self._settings.worker, FIRST_BLOB + self.made)

    def _keep(self, collection: Collection, blob: Blob) -> None:
        collection.blobs[blob.number] = blob
        self.count += 1
        self.size_bytes += len(blob.content)


def type_of(declared: str, content: bytes) -> str:
    """The content type that is stored.

    The sheet says "declared, possibly replaced by sniffing" and not when (span §4.6). [C] What is declared stays, for a
    device that says what it sends knows better than its first bytes; only what is missing, or unfit for a header, is
    made up for by looking.

    >>> type_of("", b"GIF89a and so on")
    'image/gif'
    """
    declared = declared.strip()
    if declared and len(declared) <= TYPE_LENGTH and declared.isascii() and declared.isprintable():
        return declared
    for beginning, kind in _BEGINNINGS:
        if content.startswith(beginning):
            return kind
    start = content[:_SNIFFED]
    return "text/plain; charset=utf-8" if start and _is_text(start) else UNKNOWN_TYPE


def _is_text(start: bytes) -> bool:
    if not _NOT_IN_TEXT.isdisjoint(start):
        return False
    try:
        start.decode()
    except UnicodeDecodeError as error:
        # The last character may have been cut off.
        return len(start) == _SNIFFED and error.start > _SNIFFED - 4 and error.reason == "unexpected end of data"
    return True
