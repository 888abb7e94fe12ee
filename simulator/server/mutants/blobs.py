"""What goes wrong with blobs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from simulator.server.mutants.tools import Defect, Patches, Said, Tell, on_events
from simulator.server.span.errors import Refusal

if TYPE_CHECKING:
    from simulator.server.app import ReferenceServer

_BLOBS = "span §4.6"
_KIBIBYTE = 1024
_STRANGERS = (401, 403)


def _one_more(tell: Tell, said: Said) -> None:
    data = said.data
    tell(replace(said, data=data | {"bytes": str(int(data["bytes"]) + 1)}) if said.event == "blobUpload" else said)


def _stored(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[[ReferenceServer, Patches], None]:
    """Let something else be stored than what came: `change` makes it from what `Blobs.store` is called with."""

    def inflict(server: ReferenceServer, patches: Patches) -> None:
        patches.wrap(server.core.blobs, "store", lambda honest, device, **named: honest(device, **change(named)))

    return inflict


def _not_there(server: ReferenceServer, patches: Patches) -> None:
    patches.wrap(server.core.blobs, "_keep", lambda _honest, _collection, _blob: None)


def _of_anybody(server: ReferenceServer, patches: Patches) -> None:
    def admit(honest: Any, *rest: Any) -> Any:
        try:
            return honest(*rest)
        except Refusal as refusal:
            first = next(iter(server.core.registry.devices.values()), None)
            if refusal.status not in _STRANGERS or first is None:
                raise
            return first

    patches.wrap(server.blobs, "_admit", admit)


DEFECTS: Mapping[str, Defect] = {
    "blobUpload-wrong-bytes": Defect("span §3.4", lambda server, patches: on_events(server, patches, _one_more)),
    "blob-not-stored": Defect(_BLOBS, _not_there),
    "blob-cut": Defect(_BLOBS, _stored(lambda named: named | {"payload": named["payload"][:_KIBIBYTE]})),
    "blob-of-anybody": Defect(_BLOBS, _of_anybody),
    "blob-content-type-ignored": Defect(_BLOBS, _stored(lambda named: named | {"content_type": "text/plain"})),
}
