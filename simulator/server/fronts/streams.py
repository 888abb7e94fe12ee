"""One reader on a WebSocket: what its subscription holds goes out, one JSON object per message (span §3.2).

The reader's bounded queue is the only buffer that grows: the sending task stops while the peer does not read, and what
the queue cannot hold is dropped and counted there. Wake-ups are coalesced: one per turn in which something came.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from aiohttp import WSMessage, WSMsgType, web

from simulator.server.span.rest_streams import FIRST_MESSAGE_BYTES, PendingAuth
from simulator.server.span.settings import NS_PER_S
from simulator.server.span.streams import Closed, Subscription

PING_S = 30.0
"""A peer that does not answer a ping within half of this is gone."""
CLOSING_S = 0.5
"""How long a peer may take to answer a close."""
BURST = 256
"""Messages that are sent before others get their turn."""
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
        self._ready = asyncio.Event()
        self.subscription: Subscription | None = None
        self.gone = asyncio.Event()
        """Set when nothing more will be sent."""

    async def run(self, request: web.BaseRequest, stream: Subscription | PendingAuth) -> web.WebSocketResponse:
        """From the handshake to the end. Raises: web.HTTPException: the handshake is none."""
        try:
            await self._socket.prepare(request)
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
        stream.on_ready = self._ready.set
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

    async def _send(self, stream: Subscription) -> None:
        socket = self._socket
        try:
            while True:
                await self._ready.wait()
                self._ready.clear()
                for number, message in enumerate(stream.take(), 1):
                    await socket.send_frame(message, WSMsgType.TEXT)
                    if not number % BURST:
                        await asyncio.sleep(0)
                if stream.closed is not None:
                    await self._hang_up(stream.closed)
                    return
        except (ConnectionError, RuntimeError):
            return  # the peer is gone; the receiving side notices as well

    async def _hang_up(self, why: Closed) -> None:
        reason = why.reason.encode()[:_REASON_BYTES].decode(errors="ignore").encode()
        try:
            async with asyncio.timeout(CLOSING_S):
                await self._socket.close(code=why.code, message=reason)
        except (TimeoutError, ConnectionError, RuntimeError):
            return  # it does not read any more; the connection is cut
