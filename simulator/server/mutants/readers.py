"""What goes wrong with tokens, and with who may read which events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from simulator.server.mutants.tools import Defect, Patches, Said, Tell, on_events
from simulator.server.span.errors import Refusal
from simulator.server.span.streams import Subscription
from simulator.server.span.tokens import Token

if TYPE_CHECKING:
    from simulator.server.app import ReferenceServer


# --- tokens -----------------------------------------------------------------------------------------------------------


def _only_refuses(words: str) -> Any:
    """Lets everything pass but a refusal whose title has these words in it."""

    def check(honest: Any, *rest: Any) -> None:
        try:
            honest(*rest)
        except Refusal as refusal:
            if words in refusal.title:
                raise

    return check


def _read_only_writes(server: ReferenceServer, patches: Patches) -> None:
    patches.wrap(server.core.tokens, "check", _only_refuses("cover"))


def _anywhere(server: ReferenceServer, patches: Patches) -> None:
    patches.wrap(server.core.tokens, "check", _only_refuses("read-only"))


def _writer_refused(server: ReferenceServer, patches: Patches) -> None:
    """A token of one collection may read there and change nothing."""

    def check(honest: Any, token: Token, method: str, path: str) -> None:
        honest(token, method, path)
        if token.resource != "/" and method != "GET":
            raise Refusal(403, "The API token is read-only")

    patches.wrap(server.core.tokens, "check", check)


def _unknown_accepted(server: ReferenceServer, patches: Patches) -> None:
    def find(honest: Any, text: str) -> Token:
        try:
            token: Token = honest(text)
        except Refusal:
            if not text:
                raise
            return Token(text, "/", True)
        return token

    patches.wrap(server.core.tokens, "find", find)


def _revoked_works(server: ReferenceServer, patches: Patches) -> None:
    """And goes on reading what it reads."""
    patches.wrap(server.core, "revoke", lambda _honest, _text: True)


def _revoked_goes_on_reading(server: ReferenceServer, patches: Patches) -> None:
    patches.wrap(server.core, "revoke", lambda _honest, text: server.core.tokens.remove(text))


def _stream_for_anybody(server: ReferenceServer, patches: Patches) -> None:
    """Whoever shows any text may read a stream; the rest of the API asks as it should."""
    tokens = server.core.tokens
    root = Token("", "/", True)

    def open_stream(honest: Any, request: Any, *rest: Any, **named: Any) -> Any:
        own = Patches()
        own.wrap(tokens, "find", lambda _honest, text: tokens._known.get(text, root))
        own.wrap(tokens, "check", lambda _honest, *_rest: None)
        try:
            return honest(request, *rest, **named)
        finally:
            own.undo()

    patches.wrap(server.api, "open_stream", open_stream)


# --- streams ----------------------------------------------------------------------------------------------------------


def _every_collection(server: ReferenceServer, patches: Patches) -> None:
    """Whoever reads one collection reads all of them."""

    def crook(tell: Tell, said: Said) -> None:
        hub = said.collection.hub
        own, all_readers = hub.activity, list(dict.fromkeys(_readers(server)))
        hub.activity = all_readers
        try:
            tell(said)
        finally:
            # A reader that left while it was told has gone from its own list, which may be this one.
            hub.activity = [reader for reader in own if reader.closed is None]

    on_events(server, patches, crook)


def _readers(server: ReferenceServer) -> list[Subscription]:
    return [reader for each in server.core.registry.collections.values() for reader in each.hub.activity]


def _only_first_reader(server: ReferenceServer, patches: Patches) -> None:
    """Those who come to a stream later see nothing."""

    def crook(tell: Tell, said: Said) -> None:
        hub = said.collection.hub
        own = hub.activity
        hub.activity = own[:1]
        try:
            tell(said)
        finally:
            hub.activity = [reader for reader in own if reader.closed is None]

    on_events(server, patches, crook)


def _dropped_not_told(server: ReferenceServer, patches: Patches) -> None:
    def crook(tell: Tell, said: Said) -> None:
        tell(said)
        for reader in said.collection.hub.activity:
            reader._told = reader.dropped

    on_events(server, patches, crook)


def _slow_reader_silences_others(server: ReferenceServer, patches: Patches) -> None:
    def crook(tell: Tell, said: Said) -> None:
        readers = said.collection.hub.activity
        full = [reader for reader in readers if len(reader._queue) >= reader._limit]
        for reader in full:
            reader.dropped += 1
        if not full:
            tell(said)

    on_events(server, patches, crook)


def _slow_reader_is_cut_off(server: ReferenceServer, patches: Patches) -> None:
    def crook(tell: Tell, said: Said) -> None:
        for reader in said.collection.hub.activity:
            if len(reader._queue) >= reader._limit:
                reader.close(1013, "reader too slow")
        tell(said)

    on_events(server, patches, crook)


_TOKENS, _STREAMS = "span §2.1", "span §3.2"

DEFECTS: Mapping[str, Defect] = {
    "read-only-token-may-write": Defect(_TOKENS, _read_only_writes),
    "token-of-another-collection-accepted": Defect(_TOKENS, _anywhere),
    "token-of-the-collection-may-not-write": Defect(_TOKENS, _writer_refused),
    "unknown-token-accepted": Defect(_TOKENS, _unknown_accepted),
    "revoked-token-still-works": Defect(_TOKENS, _revoked_works),
    "revoked-token-goes-on-reading": Defect(_STREAMS, _revoked_goes_on_reading),
    "stream-open-to-anybody": Defect(_STREAMS, _stream_for_anybody),
    "stream-shows-every-collection": Defect("span §3.1", _every_collection),
    "stream-shows-its-first-reader-only": Defect(_STREAMS, _only_first_reader),
    "dropped-events-not-told": Defect(_STREAMS, _dropped_not_told),
    "slow-reader-silences-the-others": Defect(_STREAMS, _slow_reader_silences_others),
    "slow-reader-is-cut-off": Defect(_STREAMS, _slow_reader_is_cut_off),
}
