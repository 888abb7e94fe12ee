"""What a platform that starts anew has lost, or remembers wrongly: its parts are sound, the hand-over is not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from simulator.server.mutants.tools import Defect, Patches
from simulator.server.span.core import SpanCore
from simulator.server.span.durable import keep, revive

if TYPE_CHECKING:
    from simulator.server.app import ReferenceServer

_Spoil = Callable[["ReferenceServer", SpanCore], None]


def _restart(spoil: _Spoil) -> Defect:
    """Let `spoil(server, core)` do something to the core that comes up, before anybody can talk to it."""

    def inflict(server: ReferenceServer, patches: Patches) -> None:
        def stand(honest: Any, core: SpanCore) -> None:
            spoil(server, core)
            honest(core)

        patches.wrap(server, "_stand", stand)

    return Defect("scenarios §3", inflict)


def _devices(_server: ReferenceServer, core: SpanCore) -> None:
    for device in list(core.registry.devices.values()):
        core.remove(device, 0)


def _messages(_server: ReferenceServer, core: SpanCore) -> None:
    for device in core.registry.devices.values():
        device.outbox = None


def _messages_again(_server: ReferenceServer, core: SpanCore) -> None:
    for device in core.registry.devices.values():
        if device.outbox is not None:
            device.outbox._pending.extendleft(reversed(device.outbox._sent))
            device.outbox._sent.clear()


def _message_ids(_server: ReferenceServer, core: SpanCore) -> None:
    core.last_message = SpanCore(core.settings).last_message


def _logins(_server: ReferenceServer, core: SpanCore) -> None:
    for device in core.registry.devices.values():
        core.network.forget(device)


def _connections(_server: ReferenceServer, core: SpanCore) -> None:
    for session in core.network.sessions.values():
        session.idle_at_ns = 0


def _histories(_server: ReferenceServer, core: SpanCore) -> None:
    for device in core.registry.devices.values():
        device.history = None
    for collection in core.registry.collections.values():
        collection.history = None


def _tags(_server: ReferenceServer, core: SpanCore) -> None:
    for device in core.registry.devices.values():
        device.tags = {}


def _tokens(server: ReferenceServer, core: SpanCore) -> None:
    for token in core.tokens.all:
        if token.text not in (server.token, server.read_token):
            core.tokens.remove(token.text)


def _certificates(_server: ReferenceServer, core: SpanCore) -> None:
    core.certificates._entries.clear()
    core.certificates._of.clear()


def _blobs(_server: ReferenceServer, core: SpanCore) -> None:
    for collection in core.registry.collections.values():
        core.blobs.forget(collection)


def _goes_back(server: ReferenceServer, patches: Patches) -> None:
    """Comes up with what was there when the defect began."""
    before = keep(server.core)

    def stand(honest: Any, core: SpanCore) -> None:
        honest(revive(core.settings, before))

    patches.wrap(server, "_stand", stand)


def _revokes_nothing(server: ReferenceServer, patches: Patches) -> None:
    """What was revoked before is known again."""
    revoked: list[Any] = []

    def revoke(honest: Any, text: str) -> bool:
        revoked.extend(token for token in server.core.tokens.all if token.text == text)
        known: bool = honest(text)
        return known

    def stand(honest: Any, core: SpanCore) -> None:
        for token in revoked:
            core.tokens.add(token)
        honest(core)

    patches.wrap(server.core, "revoke", revoke)
    patches.wrap(server, "_stand", stand)


DEFECTS: Mapping[str, Defect] = {
    "restart-loses-devices": _restart(_devices),
    "restart-loses-queued-messages": _restart(_messages),
    "restart-delivers-again": _restart(_messages_again),
    "restart-uses-message-ids-again": _restart(_message_ids),
    "restart-loses-logins": _restart(_logins),
    "restart-connects-anew": _restart(_connections),
    "restart-loses-histories": _restart(_histories),
    "restart-loses-tags": _restart(_tags),
    "restart-loses-tokens": _restart(_tokens),
    "restart-forgets-certificates": _restart(_certificates),
    "restart-loses-blobs": _restart(_blobs),
    "restart-goes-back": Defect("scenarios §3", _goes_back),
    "restart-knows-revoked-tokens": Defect("span §2.1", _revokes_nothing),
}
