"""Block-wise transfers as a server sees them: uploads put together, large answers cut up (RFC 7959)."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.protocol.coap import numbers
from simulator.protocol.coap.codec import Block, Message, decode, decode_uint, encode, encode_uint, option
from simulator.protocol.coap.numbers import Code, Type
from simulator.protocol.coap.server import ServerLayer
from simulator.protocol.coap.server_types import Response, ServerSettings

PEER = 40000 << 32 | 0x7F400005
BODY = bytes(range(256)) * 5  # 1280 bytes
OCTETS = ((numbers.CONTENT_FORMAT, b"\x2a"),)


class Client:
    """Sends one message after the other, each with a new id and a new token."""

    def __init__(self, answer=None, *, verified=True, peer=PEER, **settings):
        self.requests = []
        self.answer = answer or Response(Code.CREATED)
        self.peer, self.now = peer, 0.0
        self._ids = itertools.count(1)
        self.layer = ServerLayer(self._handle, ServerSettings(**settings), verified=lambda _peer: verified)

    def _handle(self, request, _now):
        self.requests.append(request)
        return self.answer(request) if callable(self.answer) else self.answer

    @property
    def bodies(self):
        return [request.payload for request in self.requests]

    def send(self, *, code=Code.POST, path=b"data", block1=None, block2=None, size1=None, payload=b"", query=None):
        options = [(numbers.URI_PATH, path)]
        if query is not None:
            options.append((numbers.URI_QUERY, query))
        if block2 is not None:
            options.append((numbers.BLOCK2, Block(*block2).encode()))
        if block1 is not None:
            options.append((numbers.BLOCK1, Block(*block1).encode()))
        if size1 is not None:
            options.append((numbers.SIZE1, encode_uint(size1)))
        mid = next(self._ids)
        datagram = encode(Message(Type.CON, code, mid, encode_uint(mid), tuple(options), payload))
        self.sent_bytes = len(datagram)
        self.datagram = self.layer.receive(datagram, self.peer, self.now)
        answer = decode(self.datagram)
        assert (answer.type, answer.mid, answer.token) == (Type.ACK, mid, encode_uint(mid))
        return answer

    def block(self, number, szx, body=BODY, **more):
        """One block of an upload of `body`."""
        size = 16 << szx
        part = body[number * size : (number + 1) * size]
        return self.send(block1=(number, (number + 1) * size < len(body), szx), payload=part, **more)


def block_of(answer, number):
    value = option(answer.options, number)
    return None if value is None else Block.decode(value)


def download(client, szx=None, **more):
    """Fetch an answer block by block; the answers."""
    answers = [client.send(block2=None if szx is None else (0, False, szx), **more)]
    while (block := block_of(answers[-1], numbers.BLOCK2)) is not None and block.more:
        following = (block.offset + block.size) // block.size
        answers.append(client.send(block2=(following, False, block.szx), **more))
    return answers


# --- uploads ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("szx", range(7))
@pytest.mark.parametrize("length", [1, 15, 16, 17, 1024, 1025, 1280])
def test_an_upload_is_put_together_and_handled_once(length, szx):
    client = Client(Response(Code.CONTENT, b"ping", OCTETS))
    body = BODY[:length]
    last = (length - 1) // (16 << szx)
    for number in range(last):
        answer = client.block(number, szx, body)
        assert (answer.code, block_of(answer, numbers.BLOCK1)) == (Code.CONTINUE, Block(number, True, szx))
        assert client.requests == []
    answer = client.block(last, szx, body)
    assert (answer.code, answer.payload) == (Code.CONTENT, b"ping")
    assert block_of(answer, numbers.BLOCK1) == Block(last, False, szx)
    assert client.bodies == [body]


@pytest.mark.parametrize(
    ("blocks", "codes", "bodies"),
    [
        pytest.param([0, 1, 1, 2, 3, 4], "5f 5f 5f 5f 5f 41", [BODY], id="a block comes twice"),
        pytest.param([0, 1, 2, 1, 2, 3, 4], "5f 5f 5f 5f 5f 5f 41", [BODY], id="earlier blocks come again"),
        pytest.param([0, 1, 2, 1, 3, 4], "5f 5f 5f 5f 5f 41", [BODY], id="an earlier block comes late"),
        pytest.param([0, 1, 0, 1, 2, 3, 4], "5f 5f 5f 5f 5f 5f 41", [BODY], id="block 0 begins anew"),
        pytest.param([0, 2], "5f 88", [], id="a gap"),
        pytest.param([0, 2, 1, 2, 3, 4], "5f 88 5f 5f 5f 41", [BODY], id="a gap that is filled"),
        pytest.param([1], "88", [], id="no beginning"),
        pytest.param([4], "88", [], id="only an end"),
        pytest.param([0, 1, 2, 3, 4, 4], "5f 5f 5f 5f 41 41", [BODY], id="the last block comes again"),
        pytest.param([0, 1, 2, 3, 4, 3, 4], "5f 5f 5f 5f 41 5f 41", [BODY], id="the last two blocks come again"),
        pytest.param([0, 1, 2, 3, 4, 5], "5f 5f 5f 5f 41 88", [BODY], id="a block behind the end"),
        pytest.param([0, 1, 2, 3, 4, 0, 1, 2, 3, 4], "5f 5f 5f 5f 41 5f 5f 5f 5f 41", [BODY, BODY], id="two uploads"),
    ],
)
def test_order_of_blocks(blocks, codes, bodies):
    client = Client()
    assert [f"{client.block(number, 4).code:02x}" for number in blocks] == codes.split()
    assert client.bodies == bodies


def test_a_last_block_of_other_content_is_not_mistaken_for_a_repetition():
    client = Client()
    for number in range(5):
        client.block(number, 4)
    assert client.send(block1=(4, False, 4), payload=bytes(256)).code == Code.REQUEST_ENTITY_INCOMPLETE
    assert len(client.requests) == 1


def test_an_upload_goes_on_after_a_pause_and_not_for_ever():
    client = Client()
    client.block(0, 4)
    client.now = 3599.0
    assert client.block(1, 4).code == Code.CONTINUE
    client.now = 2 * 3599.0
    assert client.block(2, 4).code == Code.CONTINUE
    client.now += 3601.0
    assert client.block(3, 4).code == Code.REQUEST_ENTITY_INCOMPLETE


@pytest.mark.parametrize("szx", [(6, 4), (4, 6), (6, 0), (2, 3)])
def test_the_size_of_blocks_may_change_on_the_way(szx):
    before, after = szx
    client = Client()
    body = bytes(range(250)) * 16  # 4000 bytes
    at = 0
    while at < 2048:
        client.block(at >> (before + 4), before, body)
        at += 16 << before
    while at < len(body):
        answer = client.block(at >> (after + 4), after, body)
        at += 16 << after
    assert (answer.code, client.bodies) == (Code.CREATED, [body])


def test_a_larger_block_may_begin_within_what_is_there():
    client = Client()
    for number in range(3):
        client.block(number, 4)
    assert client.block(1, 5).code == Code.CONTINUE  # bytes 512 to 1023, of which 768 have come
    assert client.block(4, 4).code == Code.CREATED
    assert client.bodies == [BODY]


def test_the_server_can_ask_for_smaller_blocks():
    client = Client(block1_szx=4)
    answer = client.block(0, 6)
    assert block_of(answer, numbers.BLOCK1) == Block(0, True, 4)
    assert client.block(4, 4).code == Code.CREATED
    assert client.bodies == [BODY]


@pytest.mark.parametrize(
    ("block1", "length"),
    [((0, True, 4), 255), ((0, True, 4), 257), ((0, True, 4), 0), ((0, False, 4), 257), ((1, True, 4), 17)],
)
def test_blocks_that_are_not_full_or_too_full_are_bad_requests(block1, length):
    client = Client()
    client.block(0, 4)
    assert client.send(block1=block1, payload=bytes(length)).code == Code.BAD_REQUEST
    assert client.requests == []


@pytest.mark.parametrize("difference", [("code", Code.PUT), ("path", b"other"), ("query", b"q")], ids=lambda d: d[0])
def test_an_upload_belongs_to_method_and_resource(difference):
    client = Client()
    client.block(0, 4)
    assert client.block(1, 4, **dict([difference])).code == Code.REQUEST_ENTITY_INCOMPLETE
    assert client.block(1, 4).code == Code.CONTINUE


def test_an_upload_belongs_to_a_peer():
    client = Client()
    client.block(0, 4)
    client.peer += 1
    assert client.block(1, 4).code == Code.REQUEST_ENTITY_INCOMPLETE


def test_an_announced_size_beyond_the_limit_is_refused_at_once():
    client = Client(max_upload_bytes=1000)
    answer = client.block(0, 4, size1=1001)
    assert (answer.code, option(answer.options, numbers.SIZE1)) == (Code.REQUEST_ENTITY_TOO_LARGE, encode_uint(1000))
    assert client.block(0, 4, size1=1000).code == Code.CONTINUE


def test_an_upload_that_grows_beyond_the_limit_is_refused_and_forgotten():
    client = Client(max_upload_bytes=1000)
    assert [client.block(number, 4).code for number in range(3)] == [Code.CONTINUE] * 3
    answer = client.block(3, 4)
    assert (answer.code, option(answer.options, numbers.SIZE1)) == (Code.REQUEST_ENTITY_TOO_LARGE, encode_uint(1000))
    assert block_of(answer, numbers.BLOCK1) is None
    assert client.layer.held().bytes == 0
    assert client.requests == []


def test_64_kib_are_accepted_and_not_a_byte_more():
    client = Client()
    body = bytes(65536)
    codes = [client.block(number, 6, body).code for number in range(64)]
    assert (codes[-1], client.bodies) == (Code.CREATED, [body])
    body += b"x"
    codes = [client.block(number, 6, body).code for number in range(65)]
    assert codes[-2:] == [Code.CONTINUE, Code.REQUEST_ENTITY_TOO_LARGE]


def test_a_payload_in_one_piece_is_held_to_the_same_limit():
    client = Client(max_upload_bytes=100)
    for _ in range(2):
        answer = client.send(payload=bytes(101))
        assert answer.code == Code.REQUEST_ENTITY_TOO_LARGE
        assert decode_uint(option(answer.options, numbers.SIZE1)) == 100
    assert client.send(payload=bytes(100)).code == Code.CREATED
    assert client.bodies == [bytes(100)]


# --- large answers ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [Code.GET, Code.POST])
@pytest.mark.parametrize(("wish", "served"), [(None, 3), (6, 3), (3, 3), (2, 2), (0, 0)])
@pytest.mark.parametrize("length", [129, 256, 257, 1280])
def test_a_large_answer_comes_in_blocks_and_the_handler_is_asked_once(length, wish, served, code):
    body = BODY[:length]
    client = Client(Response(Code.CONTENT, body, OCTETS))
    answers = download(client, wish, code=code)
    assert b"".join(answer.payload for answer in answers) == body
    assert len(client.requests) == 1
    assert {answer.code for answer in answers} == {Code.CONTENT}
    assert {block_of(answer, numbers.BLOCK2).szx for answer in answers} == {served}
    assert {decode_uint(option(answer.options, numbers.SIZE2)) for answer in answers} == {length}
    assert {option(answer.options, numbers.CONTENT_FORMAT) for answer in answers} == {b"\x2a"}
    etags = {option(answer.options, numbers.ETAG) for answer in answers}
    assert len(etags) == 1
    assert None not in etags


@pytest.mark.parametrize("szx", range(7))
def test_the_largest_block_of_an_answer_is_a_setting(szx):
    client = Client(Response(Code.CONTENT, bytes(3000)), block2_szx=szx)
    assert len(client.send(code=Code.GET).payload) == 16 << szx
    assert len(client.send(code=Code.GET, block2=(0, False, 6)).payload) == 16 << szx


def test_a_short_answer_has_no_blocks_unless_somebody_asks():
    client = Client(Response(Code.CONTENT, bytes(128)))
    assert block_of(client.send(code=Code.GET), numbers.BLOCK2) is None
    assert block_of(client.send(code=Code.GET, block2=(0, False, 6)), numbers.BLOCK2) == Block(0, False, 3)
    client.answer = Response(Code.CONTENT, b"one", block2=True)
    answer = client.send(code=Code.GET)
    assert block_of(answer, numbers.BLOCK2) == Block(0, False, 3)
    assert option(answer.options, numbers.SIZE2) == b"\x03"
    client.answer = Response(Code.CREATED)
    assert client.send(block2=(0, False, 6)).options == ()


def test_blocks_may_be_fetched_again_late_and_in_any_order():
    client = Client(Response(Code.CONTENT, BODY))
    client.send(code=Code.GET)
    for number in (9, 1, 1, 5):
        client.now += 3000.0
        answer = client.send(code=Code.GET, block2=(number, False, 3))
        assert answer.payload == BODY[number * 128 : (number + 1) * 128]
    assert len(client.requests) == 1


def test_another_block_size_on_the_way_counts_in_bytes():
    client = Client(Response(Code.CONTENT, BODY))
    client.send(code=Code.GET)
    smaller = client.send(code=Code.GET, block2=(8, False, 0))
    assert (smaller.payload, block_of(smaller, numbers.BLOCK2)) == (BODY[128:144], Block(8, True, 0))
    larger = client.send(code=Code.GET, block2=(1, False, 6))
    assert (larger.payload, block_of(larger, numbers.BLOCK2)) == (BODY[1024:1152], Block(8, True, 3))


@pytest.mark.parametrize("number", [10, 11, (1 << 20) - 1])
def test_there_is_no_block_behind_the_end(number):
    client = Client(Response(Code.CONTENT, BODY))
    client.send(code=Code.GET)
    assert client.send(code=Code.GET, block2=(number, False, 3)).code == Code.BAD_REQUEST


def test_a_block_of_an_answer_that_is_gone_is_asked_of_the_handler_as_such():
    def answer(request):
        return Response(Code.REQUEST_ENTITY_INCOMPLETE) if request.resumed else Response(Code.CONTENT, BODY)

    client = Client(answer)
    assert client.send(code=Code.GET, block2=(1, False, 3)).code == Code.REQUEST_ENTITY_INCOMPLETE
    client.send(code=Code.GET)
    client.now = 3601.0
    assert client.send(code=Code.GET, block2=(1, False, 3)).code == Code.REQUEST_ENTITY_INCOMPLETE
    assert [request.resumed for request in client.requests] == [True, False, True]


@pytest.mark.parametrize("number", [0, 1])
def test_an_error_is_no_part_of_what_is_being_fetched(number):
    client = Client(Response(Code.NOT_FOUND, b"no such thing"))
    answer = client.send(code=Code.GET, block2=(number, False, 0))
    assert (answer.code, answer.payload, answer.options) == (Code.NOT_FOUND, b"no such thing", ())


def test_content_that_can_be_read_twice_is_not_kept():
    client = Client(Response(Code.CONTENT, BODY, OCTETS, keep=False))
    answers = download(client, code=Code.GET)
    assert b"".join(answer.payload for answer in answers) == BODY
    assert [request.resumed for request in client.requests] == [False] + [True] * 9
    assert len({option(answer.options, numbers.ETAG) for answer in answers}) == 1
    assert client.layer.held().answers == 0


def test_the_first_block_of_an_image_is_the_one_of_the_sheet():
    # span A.2: 144564 bytes, Block2 0/0/256
    client = Client(Response(Code.CONTENT, bytes(144564), OCTETS, block2=True, keep=False, etag=b""), block2_szx=4)
    request = bytes.fromhex("4801200101020304050607 08b26677c104")
    answer = client.layer.receive(request, PEER, 0.0)
    assert answer == bytes.fromhex("68452001 0102030405060708 c12a b10c 530234b4 ff") + bytes(256)
    request = bytes.fromhex("4801200201020304050607 08b26677c114")
    assert client.layer.receive(request, PEER, 0.0)[12:].hex().startswith("c12ab11c530234b4ff")
    last = client.send(code=Code.GET, path=b"fw", block2=(564, False, 4))
    assert (len(last.payload), option(last.options, numbers.BLOCK2).hex()) == (180, "2344")


def test_a_new_request_fetches_a_new_answer():
    bodies = iter([BODY, BODY[::-1]])
    client = Client(lambda _request: Response(Code.CONTENT, next(bodies)))
    first, second = (client.send(code=Code.GET) for _ in range(2))
    assert option(first.options, numbers.ETAG) != option(second.options, numbers.ETAG)
    assert client.send(code=Code.GET, block2=(1, False, 3)).payload == BODY[::-1][128:256]


def test_a_download_belongs_to_peer_path_and_query():
    client = Client(lambda request: Response(Code.REQUEST_ENTITY_INCOMPLETE if request.resumed else 0x45, BODY))
    client.send(code=Code.GET)
    assert client.send(code=Code.GET, block2=(1, False, 3), path=b"other").code == Code.REQUEST_ENTITY_INCOMPLETE
    assert client.send(code=Code.GET, block2=(1, False, 3), query=b"q").code == Code.REQUEST_ENTITY_INCOMPLETE
    client.peer += 1
    assert client.send(code=Code.GET, block2=(1, False, 3)).code == Code.REQUEST_ENTITY_INCOMPLETE


def test_an_upload_in_blocks_may_have_an_answer_in_blocks():
    client = Client(Response(Code.CONTENT, BODY, OCTETS))
    for number in range(5):
        answer = client.block(number, 4)
    assert block_of(answer, numbers.BLOCK1) == Block(4, False, 4)
    body = answer.payload
    for number in range(1, 10):
        answer = client.send(block2=(number, False, 3))
        assert block_of(answer, numbers.BLOCK1) is None
        body += answer.payload
    assert (body, len(client.requests)) == (BODY, 1)


def test_the_first_block_of_a_large_answer_comes_again_for_a_repeated_message():
    client = Client(Response(Code.CONTENT, BODY))
    datagram = encode(Message(Type.CON, Code.GET, 99, b"", ((numbers.URI_PATH, b"x"),)))
    assert client.layer.receive(datagram, PEER, 0.0) == client.layer.receive(datagram, PEER, 5.0)
    assert len(client.requests) == 1


# --- strangers --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [1, 64, 65, 128, 1280])
@pytest.mark.parametrize("wish", [None, 0, 6])
def test_a_stranger_gets_it_all_in_blocks_no_larger_than_its_requests_justify(length, wish):
    client = Client(Response(Code.CONTENT, BODY[:length], OCTETS), verified=False, block2_szx=6)
    body, number, szx, more = b"", 0, wish, True
    while more:
        answer = client.send(code=Code.GET, block2=None if szx is None else (number, False, szx))
        assert len(client.datagram) + 28 <= 3 * (client.sent_bytes + 28)
        block = block_of(answer, numbers.BLOCK2) or Block(0, False, 6)
        body += answer.payload
        szx, number, more = block.szx, block.num + 1, block.more
    assert body == BODY[:length]
    assert len(client.requests) == 1


def test_whoever_is_vouched_for_gets_large_blocks_from_then_on():
    known = set()
    layer = ServerLayer(
        lambda _request, _now: Response(Code.CONTENT, BODY), ServerSettings(), verified=known.__contains__
    )

    def block_size(mid):
        datagram = encode(Message(Type.CON, Code.GET, mid, b"", ((numbers.URI_PATH, b"x"),)))
        return len(decode(layer.receive(datagram, PEER, 0.0)).payload)

    assert block_size(1) < 128
    known.add(PEER)
    assert block_size(2) == 128


@given(
    st.lists(
        st.tuples(st.sampled_from([1, 2]), st.integers(0, 6), st.booleans(), st.integers(0, 3), st.integers(0, 70)),
        max_size=25,
    )
)
def test_whatever_order_blocks_come_in_what_is_handled_was_sent(steps):
    client = Client(Response(Code.CONTENT, BODY), max_upload_bytes=100)
    for option_number, number, more, szx, length in steps:
        block = (number, more, szx)
        if option_number == 1:
            answer = client.send(block1=block, payload=BODY[number * (16 << szx) :][:length])
        else:
            answer = client.send(code=Code.GET, block2=block)
        assert answer.code in (0x45, Code.CONTINUE, Code.BAD_REQUEST, 0x88, 0x8D)
    for body in client.bodies:
        assert BODY.startswith(body)
        assert len(body) <= 100
    assert client.layer.held().bytes <= 200 + len(BODY) * 2
