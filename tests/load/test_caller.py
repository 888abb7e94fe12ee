"""Requests from greenlets: kept connections, and what is made of answers that are none."""

from __future__ import annotations

import gevent
import gevent.ssl
import pytest
from gevent.server import StreamServer

from simulator.errors import TargetError
from simulator.fleet.forgery import Forger
from simulator.load.caller import GreenCaller
from simulator.load.websocket import GreenSocket
from simulator.target.api import ApiRefused, SpanApi
from simulator.wire.drivers.green import immediately

pytestmark = pytest.mark.real

PATIENCE_S = 5.0
TOKEN = "mortal-secret"
NOW_NS = 1_767_225_600 * 10**9


class Scripted:
    """Answers each request on a connection by the next entry of its script; None: it hangs up. Then it hangs up."""

    def __init__(self, *scripts, context=None):
        self.scripts, self.requests, self.connections, self.context = list(scripts), [], 0, context
        self.server = StreamServer(("127.0.0.1", 0), self.serve)
        self.server.start()
        self.port = self.server.server_port

    def serve(self, sock, _peer):
        script = self.scripts[min(self.connections, len(self.scripts) - 1)]
        self.connections += 1
        if script == "deaf":
            gevent.sleep(60)
        if self.context is not None:
            try:
                sock = self.context.wrap_socket(sock, server_side=True)
            except OSError:
                return  # the client does not like the certificate
        for answer in script:
            request = sock.recv(65536)
            if not request:
                break
            self.requests.append(request)
            if answer is None:
                break
            if answer == "silence":
                sock.recv(1)
                break
            sock.sendall(answer)
        sock.close()


def ok(body=b"{}", status=200, more=""):
    return b"HTTP/1.1 %d x\r\n%sContent-Length: %d\r\n\r\n%s" % (status, more.encode(), len(body), body)


@pytest.fixture
def scene():
    """Called with scripts, one for each connection (the last one serves all later ones): the platform and a caller."""
    made = []

    def make(*scripts, concurrency=16):
        platform = Scripted(*scripts)
        caller = GreenCaller(f"http://127.0.0.1:{platform.port}", TOKEN, concurrency)
        made.append((platform, caller))
        return platform, caller

    with gevent.Timeout(PATIENCE_S):
        yield make
    for platform, caller in made:
        immediately(caller.close())
        platform.server.stop(0)


def test_requests_share_a_connection_and_say_what_they_must(scene):
    platform, caller = scene([ok(b"one"), ok(b"two", 404), ok(b"")])
    assert caller.ask("GET", "/span/system", None) == (200, b"one")
    assert immediately(caller.call("POST", "/span/collections", b'{"tags":{}}')) == (404, b"two")
    assert caller.showing("another").ask("DELETE", "/x", None) == (200, b"")
    assert platform.connections == 1
    get, post, delete = platform.requests
    host = b"Host: 127.0.0.1:%d\r\nAccept: application/json\r\nX-API-Token: " % platform.port
    assert get == b"GET /span/system HTTP/1.1\r\n" + host + b"mortal-secret\r\n\r\n"
    assert post == (
        b"POST /span/collections HTTP/1.1\r\n" + host + b"mortal-secret\r\nContent-Type: application/json\r\n"
        b'Content-Length: 11\r\n\r\n{"tags":{}}'
    )
    assert delete == b"DELETE /x HTTP/1.1\r\n" + host + b"another\r\n\r\n"
    assert TOKEN not in repr(caller)


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\nuntil the end", (200, b"until the end")),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n", (200, b"abc")),
        (b"HTTP/1.1 204 No\r\n\r\n", (204, b"")),
        (b"HTTP/1.1 100 Go\r\n\r\n" + ok(b"on"), (200, b"on")),
        (ok(b"x" * 200_000), (200, b"x" * 200_000)),
        (ok(b"", 302, "Location: http://127.0.0.1:1/\r\n"), (302, b"")),
    ],
)
def test_answers_of_all_kinds_are_read(scene, answer, found):
    platform, caller = scene([answer])
    assert caller.ask("GET", "/x", None) == found
    assert len(platform.requests) == 1


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", "the answer breaks off, or is no HTTP"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", "the answer breaks off"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "or is no HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}more", "or is no HTTP"),
        (None, "the connection was closed without an answer"),
        ("silence", r"no answer within 0\.02 s"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_is_no_answer_is_told(scene, answer, words, method):
    _, caller = scene([answer])
    with pytest.raises(TargetError, match=rf"{method} http://127\.0\.0\.1:\d+/x: .*{words}") as caught:
        caller.ask(method, "/x", None, 0.02 if answer == "silence" else 5.0)
    assert TOKEN not in str(caught.value) + str(caught.value.__cause__)


def test_an_answer_without_end_is_given_up(scene, monkeypatch):
    monkeypatch.setattr("simulator.load.caller.ANSWER_BYTES", 1000)
    monkeypatch.setattr("simulator.load.caller._PIECE_BYTES", 100)
    _, caller = scene([b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + b"x" * 50_000])
    with pytest.raises(TargetError, match="an answer of more than"):
        caller.ask("GET", "/x", None)


@pytest.mark.parametrize(("method", "again"), [("GET", True), ("DELETE", True), ("POST", False), ("PATCH", False)])
def test_a_connection_that_was_kept_too_long_is_replaced_where_nothing_can_happen_twice(scene, method, again):
    platform, caller = scene([ok(), None], [ok(b"again")])
    caller.ask("GET", "/first", None)
    if again:
        assert caller.ask(method, "/x", None) == (200, b"again")
    else:
        with pytest.raises(TargetError, match="closed without an answer"):
            caller.ask(method, "/x", None)
    assert len(platform.requests) == (3 if again else 2)
    assert caller.ask("GET", "/x", None)[0] == 200  # and it goes on


def test_no_more_connections_than_allowed_and_a_killed_request_gives_its_own_back(scene):
    platform, caller = scene(["silence"], ["silence"], [ok()] * 5, concurrency=2)
    stuck = [gevent.spawn(caller.ask, "GET", "/stuck", None) for _ in range(2)]
    later = [gevent.spawn(caller.ask, "GET", "/later", None) for _ in range(3)]
    while platform.connections < 2:
        gevent.sleep(0)
    gevent.sleep(0)
    assert platform.connections == 2
    gevent.killall(stuck)
    gevent.joinall(later, raise_error=True)
    assert [each.value for each in later] == [(200, b"{}")] * 3


def test_patience_is_for_the_platform_and_not_for_ones_turn(scene):
    platform, caller = scene(["silence"], [ok()] * 2, concurrency=1)
    first = gevent.spawn(caller.ask, "GET", "/stuck", None, 0.05)
    second = gevent.spawn(caller.ask, "GET", "/x", None, 0.04)
    second.join()
    assert second.value == (200, b"{}")
    assert isinstance(first.exception, TargetError)
    assert platform.connections == 2


def test_a_request_that_is_killed_while_it_is_sent_gives_its_connection_back(scene):
    platform, caller = scene("deaf", [ok()], concurrency=1)
    stuck = gevent.spawn(caller.ask, "POST", "/x", bytes(50 << 20))
    while not platform.connections:
        gevent.sleep(0)
    gevent.sleep(0.01)
    stuck.kill()
    assert caller.ask("GET", "/x", None) == (200, b"{}")


def test_a_limit_of_somebody_else_passes_through(scene):
    _, caller = scene(["silence"])
    mine = gevent.Timeout(0.01)
    with pytest.raises(gevent.Timeout) as caught, mine:
        caller.ask("GET", "/x", None)
    assert caught.value is mine


def test_nobody_there():
    platform = Scripted([ok()])
    platform.server.stop(0)
    with pytest.raises(TargetError, match=r"no connection \(connection refused\); is the platform running"):
        GreenCaller(f"http://127.0.0.1:{platform.port}", TOKEN).ask("GET", "/", None)


@pytest.mark.parametrize("token", ["two\nlines", "caf\xe9", "a\r\nX-Other: b"])
def test_nobody_has_such_a_token(token):
    with pytest.raises(TargetError, match="the token has characters that no token has") as caught:
        GreenCaller("http://127.0.0.1:1", token)
    assert token not in str(caught.value)


def test_the_api_works_without_a_loop(scene):
    _, caller = scene([ok(b'{"version":"5"}'), ok(b'{"title":"taken"}', 409), ok(b"[]")])
    api = SpanApi(caller)
    assert immediately(api.version()) == "5"
    with pytest.raises(ApiRefused, match="409 taken"):
        immediately(api.create_device("c", "1", "2", {}))
    with pytest.raises(TargetError, match="makes no sense"):
        immediately(api.devices("c"))


@pytest.mark.parametrize("what", ["call", "stream"])
def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path, what):
    forged = Forger(NOW_NS).credentials("localhost", "self-signed", b"")
    (tmp_path / "certificate").write_bytes(forged.certificate)
    (tmp_path / "key").write_bytes(forged.key)
    files = {"certfile": str(tmp_path / "certificate"), "keyfile": str(tmp_path / "key")}
    context = gevent.ssl.SSLContext(gevent.ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(**files)
    platform = Scripted([ok()], context=context)
    url = f"https://localhost:{platform.port}"
    try:
        with pytest.raises(TargetError, match=r"no connection \(self-signed certificate\)"), gevent.Timeout(PATIENCE_S):
            GreenCaller(url, TOKEN).ask("GET", "/x", None) if what == "call" else GreenSocket(url + "/x", TOKEN)
        assert platform.requests == []
    finally:
        platform.server.stop(0)
