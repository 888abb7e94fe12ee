"""The CoAP endpoint: what each request means to Span (span §4.3), with the real core behind it."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simulator.protocol.coap import numbers
from simulator.protocol.coap.codec import Block, Message, decode, encode, option
from simulator.protocol.coap.numbers import Code, Type
from simulator.protocol.coap.server_types import Response
from simulator.server.fronts.coap import CoapFront

MIDS = itertools.count(1)
OCTETS = ((numbers.CONTENT_FORMAT, b"\x2a"),)


@pytest.fixture
def front(span):
    return span.start(CoapFront(span.core, span.clock))


def request(code=Code.POST, path="data", payload=b"", *, type=Type.CON, mid=None, options=()):
    found = [(numbers.URI_PATH, part.encode()) for part in path.split("/")] + list(options)
    mid = next(MIDS) & 0xFFFF if mid is None else mid
    return encode(Message(type, code, mid, b"\x01\x02", tuple(sorted(found, key=lambda each: each[0])), payload))


def ask(span, front, *args, ip=None, **named):
    """The answer to one request; None: silence."""
    answers = span.exchange(front, request(*args, **named), ip=ip or span.device_ip)
    assert len(answers) < 2
    return decode(answers[0]) if answers else None


def test_the_exchanges_of_the_sheet_byte_by_byte(span, front, root):
    for vector in json.loads((root / "tests/vectors/span_coap_exchanges.json").read_text()):
        if vector["waiting"] is not None:
            span.queue(bytes.fromhex(vector["waiting"]))
        assert span.exchange(front, bytes.fromhex(vector["request"])) == [bytes.fromhex(vector["answer"])], vector[
            "name"
        ]
        span.wait(248.0)  # the sheet uses an id twice


NOTHING, WAITING = None, b"ping"


@pytest.mark.parametrize("type", [Type.CON, Type.NON])
@pytest.mark.parametrize(
    ("code", "payload", "waiting", "answer", "stored"),
    [
        pytest.param(Code.POST, b"up", NOTHING, Code.CREATED, True, id="POST"),
        pytest.param(Code.POST, b"up", WAITING, Code.CONTENT, True, id="POST, a message waits"),
        pytest.param(Code.PUT, b"up", NOTHING, Code.CREATED, True, id="PUT"),
        pytest.param(Code.PUT, b"up", WAITING, Code.CONTENT, True, id="PUT, a message waits"),
        pytest.param(Code.POST, b"", NOTHING, Code.CREATED, False, id="POST of nothing"),
        pytest.param(Code.POST, b"", WAITING, Code.CONTENT, False, id="POST of nothing, a message waits"),
        pytest.param(Code.GET, b"", NOTHING, Code.VALID, False, id="GET"),
        pytest.param(Code.GET, b"", WAITING, Code.CONTENT, False, id="GET, a message waits"),
        pytest.param(Code.GET, b"up", NOTHING, Code.VALID, False, id="GET with a payload"),
        pytest.param(Code.GET, b"up", WAITING, Code.CONTENT, False, id="GET with a payload, a message waits"),
        pytest.param(Code.DELETE, b"", NOTHING, Code.DELETED, False, id="DELETE"),
        pytest.param(Code.DELETE, b"up", WAITING, Code.DELETED, False, id="DELETE with a payload, a message waits"),
        pytest.param(5, b"up", WAITING, Code.METHOD_NOT_ALLOWED, False, id="FETCH"),
    ],
)
def test_methods(span, front, code, payload, waiting, answer, stored, type):
    message = span.queue(waiting) if waiting else None
    found = ask(span, front, code, "a/b", payload, type=type)
    assert (found.type, found.code) == (Type.ACK if type == Type.CON else Type.NON, answer)
    delivered = answer == Code.CONTENT
    assert (found.options, found.payload) == ((OCTETS, waiting) if delivered else ((), b""))
    if message is not None:
        assert message.state == ("sent" if delivered else "pending")
    method = {Code.POST: "POST", Code.PUT: "PUT"}.get(code)
    assert span.stored == ([(b"up", "coap", 40000, method, "a/b")] if stored else [])


@pytest.mark.parametrize(
    ("code", "payload", "answer"),
    [
        (Code.POST, b"up", Code.CREATED),
        (Code.PUT, b"up", Code.CREATED),
        (Code.POST, b"", Code.CREATED),
        (Code.GET, b"", Code.VALID),
        (Code.DELETE, b"", Code.DELETED),
    ],
)
def test_an_unknown_source_is_answered_and_nothing_happens(span, front, code, payload, answer):
    message = span.queue(b"ping")
    found = ask(span, front, code, "data", payload, ip=span.stranger_ip)
    assert (found.code, found.options, found.payload) == (answer, (), b"")
    assert ask(span, front, code, "data", payload, ip=span.stranger_ip, type=Type.NON) is None
    assert (span.stored, message.state, front.counts.unknown_source) == ([], "pending", 2)


def test_a_message_that_comes_again_is_stored_once_and_brings_the_same_answer(span, front):
    span.queue(b"one")
    span.queue(b"two")
    datagram = request(payload=b"up")
    first, second = span.exchange(front, datagram, datagram)
    span.wait(200.0)
    assert span.exchange(front, datagram) == [first] == [second]
    assert decode(first).payload == b"one"
    assert len(span.stored) == 1


def test_each_message_has_the_time_of_its_arrival(span, front):
    times = []
    for _ in range(3):
        times.append(span.clock.unix_ns())
        ask(span, front, payload=b"up")
        span.wait(1.5)
    assert [row[1] for row in span.meter.history] == times


@pytest.mark.parametrize(("path", "code"), [("u", Code.NOT_FOUND), ("fw", Code.NOT_FOUND)])
def test_reserved_paths_are_not_the_inbox(span, front, path, code):
    assert [ask(span, front, method, path, b"x").code for method in (Code.POST, Code.GET)] == [code, code]
    assert span.stored == []


@pytest.mark.parametrize("path", ["upload", "u/", "u/x", "fwx", "U", "data/on/server", ""])
def test_only_the_whole_path_is_reserved(span, front, path):
    assert ask(span, front, Code.POST, path, b"x").code == Code.CREATED
    assert span.stored == [(b"x", "coap", 40000, "POST", path)]


def test_a_reserved_path_can_be_served(span, front):
    seen = []

    def report(asked, _now):
        seen.append((asked.peer & 0xFFFFFFFF, asked.payload))
        return Response(Code.CREATED, b"\x04\x01\x00")

    front.resources["u"] = report
    assert ask(span, front, Code.POST, "u", b"tlv").payload == b"\x04\x01\x00"
    assert seen == [(span.device_ip, b"tlv")]


def test_a_path_of_stray_memory_is_kept_as_text(span, front):
    # One client sends Uri-Host `ata.`, a Uri-Port of 5 bytes, and a path that starts with `data\0` (span §4.3).
    options = ((3, b"ata."), (7, b"684\x00\x7f"), (11, b"data\x00" + bytes(range(128, 257 - 1))))
    datagram = encode(Message(Type.CON, Code.POST, 77, b"", options, b"x"))
    assert decode(span.exchange(front, datagram)[0]).code == Code.CREATED
    path = span.stored[0][4]
    assert path.startswith("data\x00�")
    json.dumps(path).encode("utf-8")


@pytest.mark.parametrize(("accept", "code"), [(b"\x2a", Code.CONTENT), (b"", Code.NOT_ACCEPTABLE)])
def test_a_message_that_the_device_could_not_read_is_not_handed_out(span, front, accept, code):
    message = span.queue(b"ping")
    assert ask(span, front, Code.GET, options=((numbers.ACCEPT, accept),)).code == code
    assert message.state == ("sent" if code == Code.CONTENT else "pending")


def test_a_large_message_is_handed_out_once_and_arrives_whole(span, front):
    span.queue(bytes(range(200)) * 2)
    later = span.queue(b"next")
    body = b""
    for number in range(4):
        wish = ((numbers.BLOCK2, Block(number, False, 3).encode()),) if number else ()
        answer = ask(
            span, front, Code.POST if number == 0 else Code.GET, payload=b"" if number else b"up", options=wish
        )
        assert (answer.code, option(answer.options, numbers.CONTENT_FORMAT)) == (Code.CONTENT, b"\x2a")
        body += answer.payload
    assert (body, later.state, len(span.stored)) == (bytes(range(200)) * 2, "pending", 1)


def test_a_late_block_of_a_message_that_is_gone_does_not_cost_the_next_one(span, front):
    later = span.queue(b"next")
    answer = ask(span, front, Code.GET, options=((numbers.BLOCK2, Block(1, False, 3).encode()),))
    assert (answer.code, later.state) == (Code.REQUEST_ENTITY_INCOMPLETE, "pending")


def test_an_upload_in_blocks_is_one_message(span, front):
    body = bytes(range(256)) * 2
    for number in range(4):
        block = ((numbers.BLOCK1, Block(number, number < 3, 3).encode()),)
        answer = ask(span, front, payload=body[number * 128 : (number + 1) * 128], options=block)
    assert answer.code == Code.CREATED
    assert [payload for payload, *_ in span.stored] == [body]


def test_whoever_leaves_the_network_is_a_stranger(span, front):
    assert ask(span, front, payload=b"up").code == Code.CREATED
    span.core.logout(span.device_ip, span.clock.unix_ns())
    assert ask(span, front, payload=b"up").code == Code.CREATED
    assert (len(span.stored), front.counts.unknown_source) == (1, 1)


def test_ping_and_garbage_are_counted(span, front):
    assert span.exchange(front, bytes.fromhex("40007777"), b"garbage", b"") == [bytes.fromhex("70007777")]
    assert (front.layer_counts.pings, front.layer_counts.malformed) == (1, 2)


@given(st.lists(st.binary(max_size=80), max_size=10))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_datagram_ends_the_front(span, front, datagrams):
    for answer in span.exchange(front, *datagrams):
        decode(answer)
    assert ask(span, front, payload=b"still here").code == Code.CREATED


def test_datagrams_one_by_one_are_answered_as_in_a_batch(span, front):
    datagrams = [request(payload=b"%d" % number) for number in range(3)] + [b"", b"garbage", request(Code.GET)]
    peer = 40000 << 32 | span.device_ip
    answers = []

    class Port:
        """Takes what the front sends."""

        def send(self, data, where, local_ip):
            answers.append((data, where, local_ip))

    front._port = Port()
    for datagram in datagrams:
        front.receive(datagram, peer, 5, 1.0)
    singly, answers = answers, []
    span.wait(500.0)
    front.receive_many([(datagram, peer, 5) for datagram in datagrams], 501.0)
    assert answers == singly
    assert len(answers) == 4
    assert len(span.stored) == 6
