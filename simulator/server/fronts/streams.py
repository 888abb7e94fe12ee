"""One reader on a WebSocket: what its subscription holds goes out, one JSON object per message (span §3.2).

The reader's bounded queue is the only buffer that grows: the sending task stops while the peer does not read, and what
the queue cannot hold is dropped and counted there. Wake-ups are coalesced: one per turn in which something came, and
all of that goes to the connection in one piece.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from aiohttp import WSMessage, WSMsgType, web

from simulator.server.fronts.frames import PIECE_BYTES, pieces
from simulator.server.span.rest_streams import FIRST_MESSAGE_BYTES, PendingAuth
from simulator.server.span.settings import NS_PER_S
from simulator.server.span.streams import Closed, Subscription

PING_S = 30.0
"""A peer that does not answer a ping within half of this is gone."""
CLOSING_S = 0.5
"""How long a peer may take to answer a close."""
CLOSE_NORMAL = 1000
_REASON_BYTES = 120
"""A close frame holds 123 bytes of reason (RFC 6455 §5.5)."""


class SocketReader:
    """Carries one stream to one peer until either ends it.

    Args:
        unix_ns: the wall clock.
    """

    def __init__(self, unix_ns: Callable[[], int]) -> None:
        self._unix_ns = unix_ns
        # Compression costs more than loopback; and nobody has business sending us more than a first message.
        self._socket = web.WebSocketResponse(
            heartbeat=PING_S, timeout=CLOSING_S, max_msg_size=FIRST_MESSAGE_BYTES, compress=False
        )
        self._request: web.BaseRequest | None = None
        self._ready = asyncio.Event()
        self._resting = False
        """The sending task waits for something to come, and holds nothing."""
        self.subscription: Subscription | None = None
        self.gone = asyncio.Event()
        """Set when nothing more will be sent."""

    async def run(self, request: web.BaseRequest, stream: Subscription | PendingAuth) -> web.WebSocketResponse:
        """From the handshake to the end. Raises: web.HTTPException: the handshake is none."""
        try:
            await self._socket.prepare(request)
            self._request = request
            if isinstance(stream, PendingAuth):
                opened = await self._authenticate(stream)
                if isinstance(opened, Closed):
                    await self._hang_up(opened)
                    return self._socket
                stream = opened
            await self._carry(stream)
        finally:
            if isinstance(stream, Subscription):
                stream.close(CLOSE_NORMAL, "reader left")
            transport = request.transport
            if transport is not None and transport.get_write_buffer_size():
                transport.abort()  # what a peer has not read by now it will never read
            self.gone.set()
        return self._socket

    async def stop(self, why: Closed) -> None:
        """End it from the server's side."""
        if self.subscription is not None:
            self.subscription.close(why.code, why.reason)
        elif self._socket.prepared:
            await self._hang_up(why)

    async def _authenticate(self, pending: PendingAuth) -> Subscription | Closed:
        left_s = (pending.deadline_ns - self._unix_ns()) / NS_PER_S
        try:
            async with asyncio.timeout(left_s):
                message: WSMessage = await self._socket.receive()
        except TimeoutError:
            return pending.too_late()
        if message.type is WSMsgType.TEXT:
            return pending.first_message(message.data.encode("utf-8", "surrogatepass"), self._unix_ns())
        if message.type is WSMsgType.BINARY:
            return pending.first_message(message.data, self._unix_ns())
        return Closed(CLOSE_NORMAL, "reader left")

    async def _carry(self, stream: Subscription) -> None:
        self.subscription = stream
        loop = asyncio.get_running_loop()

        def wake() -> None:
            loop.call_soon(self._send_now, stream)  # with all that this turn will bring

        stream.on_ready = wake
        self._ready.set()  # something may have come before anybody listened
        sending = asyncio.create_task(self._send(stream), name="stream to a reader")
        try:
            while not self._socket.closed:
                message = await self._socket.receive()  # answers pings and closes; nothing else is expected
                if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                    break
        finally:
            stream.on_ready = None
            if stream.closed is None:
                sending.cancel()
            # The farewell is the sender's; a peer that does not read does not get one.
            await asyncio.wait((sending,), timeout=CLOSING_S)
            sending.cancel()

    def _send_now(self, stream: Subscription) -> None:
        """Send what waits without waking the task, which costs more than a few messages do; or wake it.

        Only the task can wait. It is its turn if that may be necessary, or if there is more than one piece.
        """
        transport = self._request.transport if self._request is not None else None
        if (
            self._resting
            and stream.closed is None
            and stream.waiting_bytes <= PIECE_BYTES
            and transport is not None
            and not transport.is_closing()
            and not transport.get_write_buffer_size()
            and not self._socket.closed
        ):
            transport.write(b"".join(pieces(stream.take())))
        else:
            self._ready.set()

    async def _send(self, stream: Subscription) -> None:
        try:
            while True:
                self._resting = True
                await self._ready.wait()
                self._resting = False
                self._ready.clear()
                for number, piece in enumerate(pieces(stream.take())):
                    if number:
                        await asyncio.sleep(0)  # others get their turn
                    await self._write(piece)
                if stream.closed is not None:
                    await self._hang_up(stream.closed)
                    return
        except (ConnectionError, RuntimeError):
            return  # the peer is gone; the receiving side notices as well

    async def _write(self, frames: bytes) -> None:
        """Send whole frames beside aiohttp, and wait while the peer does not read. Raises: ConnectionError."""
        request = self._request
        if request is None or request.transport is None or request.transport.is_closing() or self._socket.closed:
            raise ConnectionError("the peer is gone, or has been told goodbye")
        request.transport.write(frames)
        await request.writer.drain()

    async def _hang_up(self, why: Closed) -> None:
        reason = why.reason.encode()[:_REASON_BYTES].decode(errors="ignore").encode()
        try:
            async with asyncio.timeout(CLOSING_S):
                await self._socket.close(code=why.code, message=reason)
        except (TimeoutError, ConnectionError, RuntimeError):
            return  # it does not read any more; the connection is cut
