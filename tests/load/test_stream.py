"""One event stream in a greenlet: what it hands out, and what it makes of a platform that cuts it."""

from __future__ import annotations

import logging

import gevent
import pytest
from gevent.event import Event
from gevent.server import StreamServer
from websockets.frames import Frame, Opcode
from websockets.server import ServerProtocol

from simulator.errors import TargetError
from simulator.load import stream as stream_module
from simulator.load import websocket
from simulator.load.stream import EventStream
from simulator.target.http import StreamRefused

pytestmark = pytest.mark.real

PATIENCE_S = 5.0
PATH = "/span/collections/17dh0cf43jfgl8/activity"
TOKEN = "mortal-secret"


class Scripted:
    """A platform whose connections follow a script, one entry each; the last one serves all that follow.

    An entry is called with the open socket, or is the status that the handshake is refused with.
    """

    def __init__(self, *script):
        self.script, self.requests, self.said = list(script), [], []
        self.server = StreamServer(("127.0.0.1", 0), self.serve)
        self.server.start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def serve(self, sock, _peer):
        protocol = ServerProtocol(logger=logging.Logger("silent", logging.CRITICAL))
        while not (events := protocol.events_received()):
            protocol.receive_data(sock.recv(65536))
        request = events[0]
        number = len(self.requests)
        self.requests.append(request)
        entry = self.script[min(number, len(self.script) - 1)]
        if isinstance(entry, bytes):
            sock.sendall(entry)
        elif isinstance(entry, int):
            protocol.send_response(protocol.reject(entry, "no"))
        else:
            protocol.send_response(protocol.accept(request))
        first = b"".join(protocol.data_to_send())
        if callable(entry):
            self.protocol = protocol
            entry(sock, first)
        else:
            sock.sendall(first)
        sock.close()

    def hear(self, sock):
        """What the client sends, until it hangs up: opcodes and data."""
        while data := sock.recv(65536):
            self.protocol.receive_data(data)
            self.said += [(event.opcode, event.data) for event in self.protocol.events_received()]
            # It answers pings, and the end, as a platform does.
            sock.sendall(b"".join(self.protocol.data_to_send()))


class Listener:
    def __init__(self):
        self.reads, self.gaps, self.errors, self.told = [], [], [], Event()

    def messages(self, messages, rx_s):
        self.reads.append((list(messages), rx_s))
        self.told.set()

    def gap(self, from_s, to_s, why):
        self.gaps.append((from_s, to_s, why))
        self.told.set()

    def failed(self, error):
        self.errors.append(error)
        self.told.set()

    @property
    def all(self):
        return [message for messages, _ in self.reads for message in messages]

    def wait(self, condition):
        while not condition():
            self.told.clear()
            self.told.wait()


def text(data, *, opcode=Opcode.TEXT, fin=True):
    return Frame(opcode, data, fin=fin).serialize(mask=False)


def close(code=1000, reason=""):
    return Frame(Opcode.CLOSE, code.to_bytes(2, "big") + reason.encode()).serialize(mask=False)


@pytest.fixture
def scene(monkeypatch):
    """Called with a script: the platform, a listener, and a stream that is not open yet."""
    monkeypatch.setattr(stream_module, "PAUSE_S", 0.001)
    monkeypatch.setattr(stream_module, "PAUSE_MOST_S", 0.002)
    made = []

    def make(*script, patience_s=30.0, now=None):
        platform, listener = Scripted(*script), Listener()
        moments = iter(range(1000))
        stream = EventStream(
            platform.url, TOKEN, PATH, now or (lambda: float(next(moments))), listener, patience_s=patience_s
        )
        made.append((platform, stream))
        return platform, listener, stream

    with gevent.Timeout(PATIENCE_S):
        yield make
        for platform, stream in made:
            stream.close()
            platform.server.stop(0)


def test_all_that_a_read_has_brought_is_handed_out_at_once(scene):
    many = [b'{"event":"%d"}' % number for number in range(300)]

    def tell(sock, first):
        # The first frames come together with the answer to the handshake.
        sock.sendall(first + b"".join(map(text, many)))
        platform.hear(sock)

    platform, listener, stream = scene(tell)
    stream.open()
    assert stream.is_open
    listener.wait(lambda: len(listener.all) == 300)
    assert listener.all == many
    assert len(listener.reads) <= 3
    (request,) = platform.requests
    assert (request.path, request.headers["X-API-Token"]) == (PATH, TOKEN)
    assert "Sec-WebSocket-Extensions" not in request.headers


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_it_does_not_matter_how_the_bytes_are_cut(scene, size):
    frames = [
        text(b"first"),
        text(b"", opcode=Opcode.BINARY),
        text(b"hal", fin=False),
        Frame(Opcode.PING, b"between").serialize(mask=False),
        text(b"ve", opcode=Opcode.CONT, fin=False),
        text(b"s", opcode=Opcode.CONT),
        text(b"x" * 300),
        text(b"y" * 70_000) if size == 1000 else b"",
        Frame(Opcode.PONG, b"unasked").serialize(mask=False),
        text(b"last"),
    ]
    data = b"".join(frames)

    def tell(sock, first):
        data_too = first + data
        for at in range(0, len(data_too), size):
            sock.sendall(data_too[at : at + size])
            gevent.sleep(0)
        platform.hear(sock)

    platform, listener, stream = scene(tell)
    stream.open()
    listener.wait(lambda: b"last" in listener.all)
    long = [b"y" * 70_000] if size == 1000 else []
    assert listener.all == [b"first", b"", b"halves", b"x" * 300, *long, b"last"]
    stream.close()
    assert platform.said[0] == (Opcode.PONG, b"between")
    assert [opcode for opcode, _ in platform.said] == [Opcode.PONG, Opcode.CLOSE]


def test_it_hangs_up_in_order_and_reads_no_more(scene):
    def tell(sock, first):
        sock.sendall(first + text(b"one"))
        platform.hear(sock)
        over.set()

    over = Event()
    platform, listener, stream = scene(tell)
    stream.open()
    listener.wait(lambda: listener.all)
    stream.close()
    stream.close()
    over.wait()
    assert platform.said == [(Opcode.CLOSE, (1000).to_bytes(2, "big"))]
    assert (stream.is_open, listener.gaps, listener.errors) == (False, [], [])


@pytest.mark.parametrize(
    ("end", "why"),
    [
        (close(1012, "restart"), "code 1012: restart"),
        (close(1001), "code 1001"),
        (b"", "code 1006: the connection broke"),
        (text(b"x")[:2], "code 1006: the connection broke"),
        (b"\xf1\x00", "code 1002: reserved bits must be 0"),
        (b"\x81\x7f" + (1 << 21).to_bytes(8, "big"), "code 1009: "),
        (text(b"x", opcode=Opcode.CONT), "code 1002: "),
        (text(b"hal", fin=False) + text(b"whole"), "code 1002: expected a continuation frame"),
    ],
)
def test_a_cut_is_a_gap_once_it_has_come_back(scene, end, why):
    def cut(sock, first):
        sock.sendall(first + text(b"one") + end)
        sock.shutdown(1)  # no more from the platform
        sock.recv(100)

    def stay(sock, first):
        sock.sendall(first + text(b"two"))
        platform.hear(sock)

    platform, listener, stream = scene(cut, 503, stay)
    stream.open()
    listener.wait(lambda: b"two" in listener.all)
    assert listener.all == [b"one", b"two"]
    ((from_s, to_s, told),) = listener.gaps
    assert from_s < to_s < listener.reads[-1][1]
    assert f"the event stream was closed ({why}" in told
    assert (len(platform.requests), listener.errors) == (3, [])


@pytest.mark.parametrize(
    ("refusal", "words"),
    [
        (401, "the platform answers 401; is the token right?"),
        (404, "answers 404, it does not know the collection"),
        (302, "answers 302"),
    ],
)
def test_a_refusal_is_final(scene, refusal, words):
    def cut(sock, first):
        sock.sendall(first + close(1001))

    platform, listener, stream = scene(cut, refusal)
    stream.open()
    listener.wait(lambda: listener.errors)
    (error,) = listener.errors
    assert isinstance(error, StreamRefused)
    assert words in str(error)
    assert len(platform.requests) == 2
    stream.tell_gap()
    ((from_s, to_s, why),) = listener.gaps  # what has not ended is told before the verdict
    assert from_s < to_s
    assert "code 1001" in why
    stream.tell_gap()
    assert listener.gaps[1][0] == to_s


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (404, StreamRefused, "answers 404"),
        (503, TargetError, "answers 503"),
        (b"", TargetError, "the platform's answer makes no sense as a WebSocket"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", StreamRefused, "answers 200"),
        (b"HTTP/1.1 101 Yes\r\nUpgrade: tea\r\n\r\n", TargetError, "makes no sense as a WebSocket"),
        (b"\0" * 70_000, TargetError, "makes no sense as a WebSocket"),
        (b"SSH-2.0-x\r\n", TargetError, "makes no sense as a WebSocket"),
    ],
)
def test_the_first_connection_fails_at_once(scene, answer, error, words):
    _, listener, stream = scene(answer)
    with pytest.raises(error) as caught:
        stream.open()
    assert words in str(caught.value)
    assert type(caught.value) is error
    assert TOKEN not in repr(caught.value) + str(caught.value.__cause__) + repr(stream)
    assert (stream.is_open, listener.errors) == (False, [])


def test_nobody_there(scene):
    platform, _, stream = scene(404)
    platform.server.stop(0)
    with pytest.raises(TargetError, match=r"no connection \(connection refused\)"):
        stream.open()


def test_a_platform_that_is_away_for_too_long_is_given_up(scene):
    def cut(sock, first):
        sock.sendall(first)

    platform, listener, stream = scene(cut, 503, patience_s=5.0)
    stream.open()
    listener.wait(lambda: listener.errors)
    assert "nothing was seen for 6 s" in str(listener.errors[0])
    assert 4 <= len(platform.requests) <= 8


def test_a_listener_that_fails_is_told_of_it_and_the_stream_ends(scene):
    def tell(sock, first):
        sock.sendall(first + text(b"one"))
        platform.hear(sock)
        over.set()

    over = Event()
    platform, listener, stream = scene(tell)
    listener.messages = lambda *_: 1 / 0
    stream.open()
    over.wait()
    listener.wait(lambda: listener.errors)
    assert [type(error) for error in listener.errors] == [ZeroDivisionError]
    assert not stream.is_open


def test_a_silent_stream_is_a_gap_only_where_the_platform_is_silent_too(scene):
    def stay(sock, first):
        sock.sendall(first)
        platform.hear(sock)

    platform, listener, stream = scene(stay)
    stream.open()
    stream.tell_gap()
    assert listener.gaps == []
    stream.tell_gap("the platform is dead")
    ((from_s, to_s, why),) = listener.gaps
    assert from_s < to_s
    assert why == "the platform is dead"


@pytest.mark.parametrize("answers", [True, False])
def test_a_silent_platform_is_asked_whether_it_is_there(scene, monkeypatch, answers):
    monkeypatch.setattr(websocket, "PING_S", 0.001)
    monkeypatch.setattr(websocket, "PONG_S", 0.02)

    def silent(sock, first):
        sock.sendall(first)
        if answers:
            sock.recv(100)
            sock.sendall(Frame(Opcode.PONG, b"").serialize(mask=False))
        while sock.recv(100):
            pings.append(1)
            if answers and len(pings) < 3:
                sock.sendall(Frame(Opcode.PONG, b"").serialize(mask=False))

    def stay(sock, first):
        sock.sendall(first + text(b"back"))
        platform.hear(sock)

    pings = []
    platform, listener, stream = scene(silent, stay)
    stream.open()
    listener.wait(lambda: listener.all)
    ((_, _, why),) = listener.gaps
    assert "no answer to a ping" in why
    assert len(pings) >= (3 if answers else 1)


def test_the_library_logs_nothing_of_the_request(scene, caplog):
    def stay(sock, first):
        sock.sendall(first + text(b"one"))
        platform.hear(sock)

    with caplog.at_level(0):
        platform, listener, stream = scene(stay)
        stream.open()
        listener.wait(lambda: listener.all)
    assert TOKEN not in caplog.text
