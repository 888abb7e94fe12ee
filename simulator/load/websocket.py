"""One WebSocket to the platform, in a greenlet: the protocol is the library's, the socket is gevent's.

All that has arrived is read at once and handed out at once; see `frames` for what the library does not need to see.
"""

from __future__ import annotations

import logging
from typing import Any
from urllib.parse import urlsplit

import gevent
import gevent.socket
from websockets.client import ClientProtocol
from websockets.exceptions import InvalidStatus
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.uri import parse_uri

from simulator.errors import TargetError
from simulator.load.frames import frame_end, take_messages
from simulator.load.reasons import why
from simulator.load.trust import trust
from simulator.target.api import one_line
from simulator.target.http import CALL_TIMEOUT_S, GOODBYE_S, PING_S, StreamRefused

READ_BYTES = 1 << 16
"""At most so much at once: some three hundred events, a millisecond of work, and then it is others' turn."""
MESSAGE_BYTES = 1 << 20
PONG_S = 10.0
"""How long the platform may take to answer a ping."""
_ABNORMAL = 1006
_SWITCHING = b"HTTP/1.1 101 "
_HINTS = {401: "; is the token right?", 403: "; may this token read it?", 404: ", it does not know the collection"}

_SILENT = logging.Logger("simulator.load.websocket", logging.CRITICAL)
"""The library would log the request with its token."""

_shared = memoryview(bytearray(READ_BYTES))
"""Where every socket of the process reads into: what came is taken out before anybody else has a turn."""


class GreenSocket:
    """An open WebSocket. Its calls block the greenlet.

    Args:
        url: of the stream, `http://` or `https://`.
        token: to show; it is in no error.
    Raises: TargetError; StreamRefused: the platform answers, and does not want to.
    """

    def __init__(self, url: str, token: str) -> None:
        self._url = url
        self._kept = b""
        self._parts: list[bytes] = []
        """Of a message in several frames."""
        self._pinged = False
        self._cut = ""
        parts = urlsplit(url)
        secure = parts.scheme == "https"
        self._protocol = ClientProtocol(
            parse_uri("ws" + url.removeprefix("http")), max_size=MESSAGE_BYTES, logger=_SILENT
        )
        limit = gevent.Timeout(CALL_TIMEOUT_S)
        try:
            with limit:
                self._sock = _connect(parts.hostname or "", parts.port or (443 if secure else 80), secure)
                try:
                    self._shake_hands(token)
                except BaseException:
                    self._sock.close()
                    raise
        except gevent.Timeout as late:
            if late is not limit:
                raise
            raise TargetError(f"event stream {url}: no answer within {CALL_TIMEOUT_S:g} s") from None
        except (OSError, ValueError) as error:  # without the cause: it may quote the token that cannot be sent
            raise TargetError(f"event stream {url}: {why(error)}") from None

    @property
    def is_open(self) -> bool:
        """Whether more can come."""
        return self._protocol.state is State.OPEN and not self._cut

    def receive(self) -> list[bytes]:
        """Wait for messages. Returns: all that are there; none: the stream is over, see `ended`."""
        messages: list[bytes] = []
        if self._kept:  # came together with the answer to the handshake, perhaps
            self._take(b"", messages)
        while self.is_open and not messages:
            size = self._read()
            if size:
                self._take(bytes(_shared[:size]), messages)
        return messages

    def ended(self) -> str:
        """Why the stream is over: `code 1012: restart`."""
        protocol = self._protocol
        said = protocol.close_rcvd or protocol.close_sent
        if self._cut or said is None:
            return f"code {_ABNORMAL}" + (f": {self._cut}" if self._cut else "")
        return f"code {int(said.code)}" + (f": {one_line(said.reason)}" if said.reason else "")

    def close(self) -> None:
        """Hang up in order; the platform is given a moment to say goodbye."""
        protocol = self._protocol
        try:
            with gevent.Timeout(GOODBYE_S, False):
                if self.is_open:
                    protocol.send_close(1000)
                self._send()
                while protocol.close_rcvd is None and not self._cut and (size := self._sock.recv_into(_shared)):
                    self._take(bytes(_shared[:size]), [])
        except OSError:
            pass  # it is gone already
        finally:
            self._cut = self._cut or "closed"
            self._sock.close()

    # --- inside -------------------------------------------------------------------------------------------------------

    def _shake_hands(self, token: str) -> None:
        protocol = self._protocol
        request = protocol.connect()
        request.headers["X-API-Token"] = token
        protocol.send_request(request)
        self._send()
        data = b""
        while protocol.state is State.CONNECTING and protocol.handshake_exc is None:
            size = self._sock.recv_into(_shared)
            data += bytes(_shared[:size])
            end = data.find(b"\r\n\r\n") + 4
            if not size:
                protocol.receive_eof()
            elif end >= 4 and data.startswith(_SWITCHING):
                protocol.receive_data(data[:end])
                self._kept = data[end:]  # the first frames: they are for our own parser
            elif end >= 4 or len(data) > READ_BYTES:
                protocol.receive_data(data)
                data = b""
        protocol.events_received()
        failure = protocol.handshake_exc
        if failure is None:
            self._sock.settimeout(PING_S)
        elif isinstance(failure, InvalidStatus):
            status = failure.response.status_code
            problem = f"event stream {self._url}: the platform answers {status}{_HINTS.get(status, '')}"
            raise StreamRefused(problem, status) if status < 500 else TargetError(problem)
        else:
            raise TargetError(f"event stream {self._url}: the platform's answer makes no sense as a WebSocket")

    def _read(self) -> int:
        """Returns: bytes that lie in the shared buffer; 0: none, the stream may be over."""
        try:
            size: int = self._sock.recv_into(_shared)
        except TimeoutError:
            if self._pinged:
                self._cut = f"no answer to a ping within {PONG_S:.0f} s"
                return 0
            self._pinged = True
            self._protocol.send_ping(b"")
            self._sock.settimeout(PONG_S)
            self._send()
            return 0
        except OSError as error:
            self._cut = why(error)
            return 0
        if self._pinged:
            self._pinged = False
            self._sock.settimeout(PING_S)
        if not size:
            self._cut = "the connection broke"
        return size

    def _take(self, data: bytes, messages: list[bytes]) -> None:
        if self._kept:
            data, self._kept = self._kept + data, b""
        at = 0
        while True:
            if not self._parts:
                at = take_messages(data, at, messages)
            stop = frame_end(data, at, MESSAGE_BYTES)
            if not stop:
                break
            self._protocol.receive_data(data[at:stop])
            at = stop
            for event in self._protocol.events_received():
                if isinstance(event, Frame):
                    self._frame(event, messages)
            self._send()
            if self._protocol.close_rcvd is not None or self._protocol.parser_exc is not None:
                return  # what comes behind the end is nothing
        self._kept = data[at:]

    def _frame(self, frame: Frame, messages: list[bytes]) -> None:
        if frame.opcode not in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
            return
        self._parts.append(bytes(frame.data))
        if frame.fin:
            messages.append(b"".join(self._parts))
            self._parts.clear()

    def _send(self) -> None:
        try:
            for data in self._protocol.data_to_send():
                if data:  # an empty one asks for a half-close; the whole follows anyway
                    self._sock.sendall(data)
        except OSError as error:
            if self._protocol.state is State.CONNECTING:
                raise
            self._cut = why(error)


def _connect(host: str, port: int, secure: bool) -> Any:
    """Raises: OSError."""
    sock = gevent.socket.create_connection((host, port), timeout=CALL_TIMEOUT_S)
    if not secure:
        return sock
    try:
        return trust().wrap_socket(sock, server_hostname=host)
    except BaseException:
        sock.close()
        raise
