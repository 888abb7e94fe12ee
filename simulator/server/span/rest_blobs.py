"""Blobs over REST (span §2.4). They come in elsewhere: `fronts.blobs`."""

from __future__ import annotations

from dataclasses import replace

from simulator.server.span import render
from simulator.server.span.bodies import page, read_id
from simulator.server.span.errors import Refusal
from simulator.server.span.history import LIMIT_MOST, cut
from simulator.server.span.http import HttpResponse, answer
from simulator.server.span.model import Blob
from simulator.server.span.resources import changeable, collection
from simulator.server.span.router import Call, Router
from simulator.server.span.settings import NS_PER_MS

_BLOBS = "/span/collections/{collection}/blobs"
_BLOB = _BLOBS + "/{blob}"


def add_routes(router: Router) -> None:
    """The blob calls."""
    router.add("GET", _BLOBS, list_all)
    router.add("GET", _BLOB, download)
    router.add("DELETE", _BLOB, delete)


def list_all(call: Call) -> HttpResponse:
    """ListBlobs, newest first.

    [C] The sheet has `limit` only; `offset`, `start` and `end` mean what they mean elsewhere (span §2.5), but without a
    start nothing is too old: a blob is not a message, and stays until it is deleted.
    """
    it = collection(call)
    wanted = page(call, LIMIT_MOST)
    if not call.request.query.get("start"):
        wanted = replace(wanted, start_ms=0)
    newest_first = reversed(it.blobs.values())
    return answer({"blobs": [render.blob(it, each) for each in cut(newest_first, wanted, _key)]})


def download(call: Call) -> HttpResponse:
    """The bytes as they came, at the `blobPath` of the record; exactly 200, for the CLI takes nothing else."""
    blob = collection(call).blobs.get(read_id(call.path["blob"], "blob"))
    if blob is None:
        raise Refusal(404, "Unknown blob")
    return HttpResponse(content_type=blob.content_type, body=blob.content)


def delete(call: Call) -> HttpResponse:
    """DeleteBlob."""
    it = collection(call)
    changeable(it)
    call.core.blobs.delete(it, read_id(call.path["blob"], "blob"))
    return answer({})


def _key(blob: Blob) -> tuple[int, int]:
    return blob.number, blob.created_ns // NS_PER_MS
