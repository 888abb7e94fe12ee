"""What goes wrong between a datagram and the row that is kept of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from simulator.protocol.coap.codec import Block
from simulator.protocol.coap.numbers import BLOCK1, Code
from simulator.protocol.coap.server_head import Head
from simulator.protocol.coap.server_requests import Reply, RequestLayer
from simulator.protocol.coap.server_types import Request, Response
from simulator.server.mutants.tools import Defect, Patches, coap_fronts, on_requests, on_upstream, session_of
from simulator.server.span.inet import InetSession
from simulator.server.span.settings import NS_PER_S

if TYPE_CHECKING:
    from simulator.server.app import ReferenceServer
    from simulator.server.fronts.coap import CoapFront

Handle = Callable[..., Response | None]

_BLOCK_BYTES = 1024
_MINUTE_NS = 60 * NS_PER_S
_FOR_EVER_NS = 1 << 62
_GET, _POST = int(Code.GET), int(Code.POST)
_CREATED = Response(int(Code.CREATED))
_VALID = Response(int(Code.VALID))


def _on_requests(breaks: str, crook: Callable[..., Response | None]) -> Defect:
    return Defect(breaks, lambda server, patches: on_requests(server, patches, crook))


def _on_upstream(breaks: str, crook: Callable[..., Any]) -> Defect:
    return Defect(breaks, lambda server, patches: on_upstream(server, patches, crook))


# --- the message layer ------------------------------------------------------------------------------------------------


def _retransmission_stored_twice(server: ReferenceServer, patches: Patches) -> None:
    def spoil(front: CoapFront) -> None:
        def crook(honest: Any, data: bytes, peer: int, now: float) -> Any:
            front._layer._dedup.ring_of(peer, now).clear()
            return honest(data, peer, now)

        patches.wrap(front, "_answer", crook)

    for front in coap_fronts(server):
        spoil(front)


def _retransmission_not_answered(server: ReferenceServer, patches: Patches) -> None:
    for front in coap_fronts(server):
        patches.wrap(front._layer, "_again", lambda _honest, _answer, _size, _peer: None)


def _non_not_stored(honest: Handle, request: Request, now: float) -> Response | None:
    return honest(request, now) if request.confirmable or request.code == _GET else _CREATED


def _non_not_answered(honest: Handle, request: Request, now: float) -> Response | None:
    response = honest(request, now)
    return response if request.confirmable else None


def _confirmable_not_answered(honest: Handle, request: Request, now: float) -> Response | None:
    response = honest(request, now)
    return None if request.confirmable else response


def _answered_with_an_error(honest: Handle, request: Request, now: float) -> Response | None:
    honest(request, now)
    return Response(int(Code.NOT_FOUND))


# --- blocks -----------------------------------------------------------------------------------------------------------


def _in_blocks(request: Request) -> bool:
    return any(number == BLOCK1 for number, _ in request.options)


def _block_lost(honest: Handle, request: Request, now: float) -> Response | None:
    if _in_blocks(request):
        whole = request.payload
        request = msgspec.structs.replace(request, payload=whole[:_BLOCK_BYTES] + whole[2 * _BLOCK_BYTES :])
    return honest(request, now)


def _large_refused(honest: Handle, request: Request, now: float) -> Response | None:
    return Response(int(Code.REQUEST_ENTITY_TOO_LARGE)) if _in_blocks(request) else honest(request, now)


class _EachBlock(RequestLayer):
    """Hands the blocks of an upload to the handler as well."""

    __slots__ = ("only_first",)
    only_first: bool

    def _upload(self, request: Request, head: Head, block: Block, now: float) -> Reply:
        if block.more and not (self.only_first and block.num):
            self._handler(request, now)
        return super()._upload(request, head, block, now)


def _message_per_block(server: ReferenceServer, patches: Patches) -> None:
    _replace_requests(server, patches, only_first=False)


def _message_at_the_first_block(server: ReferenceServer, patches: Patches) -> None:
    _replace_requests(server, patches, only_first=True)


def _replace_requests(server: ReferenceServer, patches: Patches, *, only_first: bool) -> None:
    for front in coap_fronts(server):
        layer = front._layer
        crooked = _EachBlock.__new__(_EachBlock)
        for name in RequestLayer.__slots__:  # the same shelves: uploads that are under way go on
            setattr(crooked, name, getattr(layer._requests, name))
        crooked.only_first = only_first
        patches.put(layer, "_requests", crooked)


# --- paths and empty messages -----------------------------------------------------------------------------------------


def _reserved_path_is_a_message(server: ReferenceServer, patches: Patches) -> None:
    for front in coap_fronts(server):
        patches.put(front, "resources", {})


def _refuses(wrong: Callable[[Request], bool]) -> Callable[..., Response | None]:
    def crook(honest: Handle, request: Request, now: float) -> Response | None:
        return Response(int(Code.NOT_FOUND)) if wrong(request) else honest(request, now)

    return crook


def _empty_is_a_message(server: ReferenceServer, patches: Patches) -> None:
    def crook(honest: Handle, request: Request, now: float) -> Response | None:
        response = honest(request, now)
        if request.code == _POST and not request.payload:
            _tell_upstream(server, request.peer)
        return response

    on_requests(server, patches, crook)


# --- polls ------------------------------------------------------------------------------------------------------------


def _poll_not_answered(honest: Handle, request: Request, now: float) -> Response | None:
    response = honest(request, now)
    return None if request.code == _GET else response


def _poll_hands_out_nothing(honest: Handle, request: Request, now: float) -> Response | None:
    return _VALID if request.code == _GET else honest(request, now)


def _poll_counted_as_upstream(server: ReferenceServer, patches: Patches) -> None:
    def crook(honest: Any, source: int, *rest: Any, **named: Any) -> Any:
        uplink = honest(source, *rest, **named)
        _tell_upstream(server, source)
        return uplink

    patches.wrap(server.core, "poll", crook)


def _tell_upstream(server: ReferenceServer, source: int) -> None:
    """As if a message without content had come."""
    session = session_of(server.core, source)
    if session is not None:
        server.core.activity.upstream_message(session.device, 0, b"coap", server.coap._now_ns)


# --- what is kept -----------------------------------------------------------------------------------------------------


def _cut(honest: Any, source: int, payload: bytes, *rest: Any, **named: Any) -> Any:
    return honest(source, payload[:16], *rest, **named)


def _repeated_content_dropped(server: ReferenceServer, patches: Patches) -> None:
    """What equals the message before it is taken for a repetition."""
    latest: dict[int, bytes] = {}

    def crook(honest: Any, source: int, payload: bytes, *rest: Any, **named: Any) -> Any:
        session = session_of(server.core, source)
        if session is not None and latest.get(session.device.number) == payload:
            return server.core.poll(source, *rest, local_port=0)
        if session is not None:
            latest[session.device.number] = payload
        return honest(source, payload, *rest, **named)

    on_upstream(server, patches, crook)


# --- who is connected -------------------------------------------------------------------------------------------------


def _connected_on_every_datagram(server: ReferenceServer, patches: Patches) -> None:
    core = server.core

    def crook(honest: Any, source: int | InetSession, *rest: Any, **named: Any) -> Any:
        session = session_of(core, source)
        if session is not None:
            session.idle_at_ns = 0
        elif isinstance(source, InetSession):
            core.activity.inet_connected(source.device, server._clock.unix_ns())
        return honest(source, *rest, **named)

    on_upstream(server, patches, crook)
    patches.wrap(core, "poll", crook)
    patches.wrap(core.inet, "poll", crook)


def _idle_after(idle_ns: int) -> Callable[[ReferenceServer, Patches], None]:
    return lambda server, patches: patches.put(server.core, "_idle_ns", idle_ns)


def _stranger_refused(server: ReferenceServer, patches: Patches) -> None:
    patches.wrap(server.coap, "_unknown", lambda _honest, _request, _empty: Response(int(Code.UNAUTHORIZED)))


def _stranger_not_answered(server: ReferenceServer, patches: Patches) -> None:
    patches.wrap(server.coap, "_unknown", lambda _honest, _request, _empty: None)


DEFECTS: Mapping[str, Defect] = {
    "retransmission-stored-twice": Defect("RFC 7252 §4.5", _retransmission_stored_twice),
    "retransmission-not-answered": Defect("RFC 7252 §4.2", _retransmission_not_answered),
    "non-not-stored": _on_requests("span §4.3", _non_not_stored),
    "non-not-answered": _on_requests("RFC 7252 §5.2.3", _non_not_answered),
    "confirmable-not-answered": _on_requests("span §4.3", _confirmable_not_answered),
    "stored-but-answered-with-an-error": _on_requests("span §4.3", _answered_with_an_error),
    "block-lost": _on_requests("RFC 7959 §2.2", _block_lost),
    "large-upload-refused": _on_requests("span §4.3", _large_refused),
    "message-per-block": Defect("RFC 7959 §2.2", _message_per_block),
    "upstreamMessage-at-the-first-block": Defect("RFC 7959 §2.2", _message_at_the_first_block),
    "reserved-path-is-a-message": Defect("span §4.3", _reserved_path_is_a_message),
    "long-path-refused": _on_requests("span §4.3", _refuses(lambda request: len(request.path) > 1)),
    "path-that-begins-like-a-reserved-one-refused": _on_requests(
        "span §4.3", _refuses(lambda request: request.path_text.startswith(("u", "fw")))
    ),
    "empty-message-counted": Defect("span §4.2", _empty_is_a_message),
    "poll-not-answered": _on_requests("span §4.3", _poll_not_answered),
    "poll-hands-out-nothing": _on_requests("span §4.3", _poll_hands_out_nothing),
    "poll-counted-as-upstream": Defect("span §4.3", _poll_counted_as_upstream),
    "upload-cut": _on_upstream("span §4.2", _cut),
    "upload-like-the-last-one-dropped": Defect("RFC 7252 §4.5", _repeated_content_dropped),
    "clientConnected-on-every-datagram": Defect("span §3.4", _connected_on_every_datagram),
    "clientConnected-again-after-a-minute": Defect("span §3.4", _idle_after(_MINUTE_NS)),
    "clientConnected-missing-after-idleness": Defect("span §3.4", _idle_after(_FOR_EVER_NS)),
    "stranger-refused": Defect("span §4.3", _stranger_refused),
    "stranger-not-answered": Defect("span §4.3", _stranger_not_answered),
}
