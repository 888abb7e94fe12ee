"""The message layer of a server: which datagram is answered with what."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from simulator.protocol.coap import numbers
from simulator.protocol.coap.codec import Message, decode, encode, encode_options
from simulator.protocol.coap.numbers import Code, Type
from simulator.protocol.coap.server import ServerLayer
from simulator.protocol.coap.server_types import Response, ServerSettings

PEER = 40000 << 32 | 0x7F400005
TOKEN = bytes(range(1, 9))
DATA = ((numbers.URI_PATH, b"data"),)


class Recorder:
    """A handler that writes down what it is asked."""

    def __init__(self, answer=None):
        self.answer = answer if answer is not None else Response(Code.CREATED)
        self.requests = []

    def __call__(self, request, _now):
        self.requests.append(request)
        return self.answer(request) if callable(self.answer) else self.answer


def served(answer=None, *, verified=True, **settings):
    handler = Recorder(answer)
    return handler, ServerLayer(handler, ServerSettings(**settings), 7, verified=lambda _peer: verified)


def request(mid=1, *, type=Type.CON, code=Code.POST, token=TOKEN, options=DATA, payload=b"hello"):
    return encode(Message(type, code, mid, token, options, payload))


@pytest.mark.parametrize("token", [b"", b"\x00", TOKEN])
@pytest.mark.parametrize("payload", [b"", b"a", b"\xff\xff"])
@pytest.mark.parametrize("code", [Code.GET, Code.POST, Code.PUT, Code.DELETE])
def test_a_confirmable_request_is_answered_inside_its_ack(code, payload, token):
    handler, layer = served()
    for mid in (0x1234, 0x1235):  # first met, then remembered
        answer = decode(layer.receive(request(mid, code=code, token=token, payload=payload), PEER, 0.0))
        assert answer == Message(Type.ACK, Code.CREATED, mid, token)
        seen = handler.requests[-1]
        assert (seen.code, seen.path, seen.payload, seen.confirmable) == (code, (b"data",), payload, True)


def test_a_non_confirmable_request_is_answered_with_an_id_of_the_servers_own():
    _, layer = served()
    answers = [decode(layer.receive(request(mid, type=Type.NON), PEER, 0.0)) for mid in range(100)]
    assert {(answer.type, answer.code, answer.token) for answer in answers} == {(Type.NON, Code.CREATED, TOKEN)}
    assert len({answer.mid for answer in answers}) == 100
    assert all(answer.mid != mid for mid, answer in enumerate(answers))


def test_the_seed_decides_those_ids():
    def mid(seed):
        layer = ServerLayer(Recorder(), seed=seed)
        return decode(layer.receive(request(type=Type.NON), PEER, 0.0)).mid

    assert mid(1) == mid(1) != mid(2)


def test_options_and_payload_of_the_answer_arrive():
    _, layer = served(Response(Code.CONTENT, b"ping", ((numbers.CONTENT_FORMAT, b"\x2a"),)))
    for mid in (1, 2):
        answer = layer.receive(request(mid), PEER, 0.0)
        assert answer[12:] == bytes.fromhex("c12aff70696e67")


@pytest.mark.parametrize("type", [Type.CON, Type.NON])
@pytest.mark.parametrize("answer", [Response(Code.CREATED), Response(Code.CONTENT, b"once"), lambda _request: None])
def test_a_message_that_comes_again_is_given_the_same_answer_and_handled_once(type, answer):
    handler, layer = served(answer)
    for mid in (1, 2):
        datagram = request(mid, type=type)
        assert layer.receive(datagram, PEER, 0.0) == layer.receive(datagram, PEER, 140.0)
    assert len(handler.requests) == 2
    assert layer.counts.repeated == 2


@pytest.mark.parametrize(("type", "lifetime_s"), [(Type.CON, 247.0), (Type.NON, 145.0)])
def test_after_its_lifetime_an_id_means_a_new_message(type, lifetime_s):
    for options in (DATA, ((numbers.URI_PATH, bytes(100)),)):  # remembered option bytes, and too many to be
        handler, layer = served()
        layer.receive(request(0, options=options), PEER, 0.0)
        handled = []
        for now in (10.0, 10.0 + lifetime_s - 0.1, 10.0 + lifetime_s):
            layer.receive(request(type=type, options=options), PEER, now)
            handled.append(len(handler.requests) - 1)
        assert handled == [1, 1, 2]


def test_peers_may_use_the_same_ids():
    handler, layer = served()
    for peer in (PEER, PEER + 1, PEER + (1 << 32)):
        layer.receive(request(), peer, 0.0)
    assert [seen.peer for seen in handler.requests] == [PEER, PEER + 1, PEER + (1 << 32)]


def test_the_eighth_message_back_is_still_known():
    handler, layer = served()
    for mid in range(8):
        layer.receive(request(mid), PEER, 0.0)
    layer.receive(request(0), PEER, 1.0)
    assert len(handler.requests) == 8
    layer.receive(request(8), PEER, 1.0)
    layer.receive(request(0), PEER, 1.0)
    assert len(handler.requests) == 10


@pytest.mark.parametrize(
    ("datagram", "answer"),
    [
        pytest.param("40007777", "70007777", id="ping"),
        pytest.param("50007777", None, id="an empty message that is not confirmable"),
        pytest.param("60007777", None, id="an ACK nobody waits for"),
        pytest.param("70007777", None, id="a reset nobody waits for"),
        pytest.param("400077771122", "70007777", id="an empty message with something behind it"),
        pytest.param("4100777711", "70007777", id="an empty message with a token"),
        pytest.param("49027777010203040506070809", "70007777", id="a token of 9 bytes"),
        pytest.param("59027777010203040506070809", None, id="a token of 9 bytes, not confirmable"),
        pytest.param("4802777701", "70007777", id="cut inside the token"),
        pytest.param("40027777ff", "70007777", id="a marker without payload"),
        pytest.param("40027777b464617461ff", "70007777", id="a marker without payload behind options"),
        pytest.param("40027777b9646174", "70007777", id="cut inside an option"),
        pytest.param("40027777f0", "70007777", id="a reserved option delta"),
        pytest.param("40217777", "70007777", id="a reserved class"),
        pytest.param("50e07777", None, id="a reserved class, not confirmable"),
        pytest.param("40417777", "70007777", id="an answer to nothing"),
        pytest.param("50417777", None, id="an answer to nothing, not confirmable"),
        pytest.param("60027777", None, id="a request in an ACK"),
        pytest.param("70027777", None, id="a request in a reset"),
        pytest.param("00027777", None, id="version 0"),
        pytest.param("80027777", None, id="version 2"),
        pytest.param("", None, id="nothing"),
        pytest.param("400277", None, id="too short for a header"),
    ],
)
def test_what_is_no_request_never_reaches_the_handler(datagram, answer):
    handler, layer = served()
    layer.receive(request(), PEER, 0.0)  # its option bytes are known from now on
    layer.receive(request(2, options=()), PEER, 0.0)  # and so are none
    found = layer.receive(bytes.fromhex(datagram), PEER, 0.0)
    assert (found.hex() if found is not None else None, len(handler.requests)) == (answer, 2)


LONG = b"x" * 300


@pytest.mark.parametrize(
    ("options", "code"),
    [
        pytest.param(((9, b""),), Code.BAD_OPTION, id="OSCORE"),
        pytest.param(((19, b"\x00"),), Code.BAD_OPTION, id="Q-Block1"),
        pytest.param(((65001, b"x"),), Code.BAD_OPTION, id="an experimental critical one"),
        pytest.param(((65000, b"x"),), Code.CREATED, id="an experimental elective one"),
        pytest.param(((3, b""), (7, b"684\x00x")), Code.CREATED, id="host and port of any length"),
        pytest.param(((3, LONG), (3, b"a"), (7, b""), (7, b"1")), Code.CREATED, id="host and port repeated"),
        pytest.param(((11, b"data\x00" + b"\xff" * 129),), Code.CREATED, id="a path of stray memory"),
        pytest.param(((11, LONG),), Code.CREATED, id="a path segment of 300 bytes"),
        pytest.param(((15, b"a=b"), (15, b""), (15, LONG)), Code.CREATED, id="queries"),
        pytest.param(((6, b""),), Code.CREATED, id="observe"),
        pytest.param(((12, b"1234"), (12, b"")), Code.CREATED, id="content formats that make no sense"),
        pytest.param(((17, b""),), Code.CREATED, id="accept text"),
        pytest.param(((17, b"123"),), Code.BAD_OPTION, id="accept of 3 bytes"),
        pytest.param(((17, b""), (17, b"")), Code.BAD_OPTION, id="accept twice"),
        pytest.param(((1, b""),), Code.CREATED, id="if anything is there"),
        pytest.param(((1, b"etag"),), Code.PRECONDITION_FAILED, id="if that is there"),
        pytest.param(((1, b"etag"), (1, b"")), Code.CREATED, id="if that or anything is there"),
        pytest.param(((1, b"123456789"),), Code.BAD_OPTION, id="an ETag of 9 bytes"),
        pytest.param(((5, b""),), Code.CREATED, id="if nothing is there"),
        pytest.param(((5, b"x"),), Code.BAD_OPTION, id="if nothing is there, with a value"),
        pytest.param(((35, b"coap://example.com/"),), Code.PROXYING_NOT_SUPPORTED, id="proxy uri"),
        pytest.param(((39, b"coap"),), Code.PROXYING_NOT_SUPPORTED, id="proxy scheme"),
        pytest.param(((35, b"coap://h/"), (65001, b"")), Code.BAD_OPTION, id="a proxy and something unknown"),
        pytest.param(((23, b"\x07"),), Code.BAD_REQUEST, id="Block2 of reserved size"),
        pytest.param(((27, b"\x07"),), Code.BAD_REQUEST, id="Block1 of reserved size"),
        pytest.param(((23, b"1234"),), Code.BAD_OPTION, id="Block2 of 4 bytes"),
        pytest.param(((23, b""), (23, b"")), Code.BAD_OPTION, id="Block2 twice"),
        pytest.param(((28, b"12345"), (60, b"12345")), Code.CREATED, id="sizes too long to be true"),
    ],
)
def test_options(options, code):
    for type in (Type.CON, Type.NON):
        handler, layer = served()
        for mid in (1, 2):  # first met, then remembered
            answer = layer.receive(request(mid, type=type, options=options), PEER, 0.0)
            if code == Code.BAD_OPTION and type == Type.NON:
                assert answer is None
                continue
            assert decode(answer).code == code
        assert len(handler.requests) == (2 if code == Code.CREATED else 0)


@pytest.mark.parametrize("code", [5, 6, 7, 8, 31])
def test_methods_that_are_not_served(code):
    handler, layer = served()
    for type in (Type.CON, Type.NON):
        assert decode(layer.receive(request(code, type=type, code=code), PEER, 0.0)).code == Code.METHOD_NOT_ALLOWED
    assert handler.requests == []


def test_the_handler_is_told_what_the_options_say():
    handler, layer = served()
    options = ((11, b"data"), (11, b"\xe5"), (11, b""), (15, b"q"), (17, b"\x2a"))
    for mid in (1, 2):
        datagram = request(mid, options=options)
        layer.receive(datagram, PEER, 0.0)
        seen = handler.requests[-1]
        assert seen.path == (b"data", b"\xe5", b"")
        assert seen.path_text == "data/�/"
        assert (seen.options, seen.accept, seen.size_bytes, seen.resumed) == (options, 42, len(datagram), False)


def test_an_option_value_that_looks_like_a_payload_marker_is_none():
    handler, layer = served()
    layer.receive(request(1, options=((11, b"a"),), payload=b"first"), PEER, 0.0)
    layer.receive(request(2, options=((11, b"a"), (11, b"\xff")), payload=b"second"), PEER, 0.0)
    layer.receive(request(3, options=((11, b"a"), (11, b"\xff")), payload=b""), PEER, 0.0)
    layer.receive(request(4, options=((11, b"a"),), payload=b"\xffthird"), PEER, 0.0)
    assert [(seen.path, seen.payload) for seen in handler.requests] == [
        ((b"a",), b"first"),
        ((b"a", b"\xff"), b"second"),
        ((b"a", b"\xff"), b""),
        ((b"a",), b"\xffthird"),
    ]


# --- whatever comes ---------------------------------------------------------------------------------------------------

HEADERS = st.builds(
    lambda first, code, rest: bytes((first, code)) + rest,
    st.integers(64, 95),
    st.integers(0, 8),
    st.binary(max_size=40),
)
OPTIONS = st.lists(
    st.tuples(
        st.sampled_from([1, 3, 4, 5, 6, 7, 11, 12, 14, 15, 17, 23, 27, 28, 35, 60, 65001]), st.binary(max_size=5)
    ),
    max_size=6,
).map(lambda found: tuple(sorted(found, key=lambda option: option[0])))
REQUESTS = st.builds(
    lambda type, code, mid, token, options, payload: encode(Message(type, code, mid, token, options, payload)),
    st.integers(0, 1),
    st.integers(1, 7),
    st.integers(0, 9),
    st.binary(max_size=8),
    OPTIONS,
    st.binary(max_size=70),
)


@given(st.lists(st.one_of(st.binary(max_size=60), HEADERS, REQUESTS), max_size=12), st.booleans(), st.integers(0, 300))
@example([b"\x40\x02\x00\x00\xff"], True, 0)
def test_any_bytes_are_answered_with_silence_or_with_good_coap(datagrams, verified, size):
    _, layer = served(Response(Code.CONTENT, b"x" * size, ((12, b"\x2a"),)), verified=verified)
    ids = set()
    for now, datagram in enumerate(datagrams):
        answer = layer.receive(datagram, PEER, float(now))
        if answer is None:
            continue
        message = decode(answer)
        assert encode(message) == answer
        mid = int.from_bytes(datagram[2:4], "big")
        confirmable = datagram[0] & 0x30 == 0
        assert message.type in ((Type.ACK, Type.RST) if confirmable else (Type.NON,))
        if confirmable:
            assert message.mid == mid
        if message.type != Type.RST and mid not in ids:  # else a repetition, whose answer is the first one's
            ids.add(mid)
            assert message.token == datagram[4 : 4 + (datagram[0] & 15)]
        if not verified:
            assert len(answer) + 28 <= 3 * (len(datagram) + 28)


@pytest.mark.parametrize("token", [b"", TOKEN])
@pytest.mark.parametrize("length", [0, 1, 48, 60, 61, 62, 63, 64, 65, 80, 128])
def test_the_shortest_request_of_a_stranger_is_answered_in_kind(length, token):
    _, layer = served(Response(Code.CONTENT, bytes(length), ((12, b"\x2a"),)), verified=False)
    for mid in range(3):  # first met, then remembered
        datagram = request(mid, code=Code.GET, token=token, options=(), payload=b"")
        assert len(layer.receive(datagram, PEER, 0.0)) + 28 <= 3 * (len(datagram) + 28)


def test_a_flood_from_forged_addresses_costs_neither_memory_nor_the_ring_of_a_device():
    device = 5
    handler = Recorder()
    settings = ServerSettings(peers=64, strangers=64, option_blocks=64, stranger_uploads=4, stranger_answers=4)
    layer = ServerLayer(handler, settings, verified=lambda peer: peer == device)
    handler.answer = lambda seen: Response(Code.CONTENT, b"x" * (2000 if seen.path == (b"large",) else 0))
    first = layer.receive(request(1), device, 0.0)
    for number in range(5000):
        peer = 1000 + number
        options = ((numbers.URI_PATH, number.to_bytes(4, "big")),)
        layer.receive(request(number, options=options), peer, 0.0)
        layer.receive(request(number, options=((11, b"large"),)), peer, 0.0)
        upload = ((numbers.URI_PATH, b"up"), (numbers.BLOCK1, b"\x0e"))
        layer.receive(request(number + 1, options=upload, payload=bytes(1024)), peer, 0.0)
    assert layer.receive(request(1), device, 100.0) == first
    sizes = layer.held()
    assert sizes.peers <= 64 + 64
    assert sizes.option_blocks <= 64
    assert sizes.uploads <= 4
    assert sizes.answers <= 4
    assert sizes.bytes <= 2 * settings.strangers_bytes


def test_a_device_that_invents_paths_has_a_bounded_number_of_transfers():
    handler, layer = served(Response(Code.CONTENT, bytes(2000)), uploads=8, answers=8, uploads_bytes=50_000)
    for number in range(300):
        path = (numbers.URI_PATH, number.to_bytes(2, "big"))
        layer.receive(request(number, options=(path, (numbers.BLOCK1, b"\x0e")), payload=bytes(1024)), PEER, 0.0)
        layer.receive(request(number + 1000, options=(path,)), PEER, 0.0)
    sizes = layer.held()
    assert (sizes.peers, sizes.uploads, sizes.answers) == (1, 8, 8)
    assert sizes.bytes == 8 * (1024 + 2) + 8 * (2000 + 2)  # with their paths
    assert len(handler.requests) == 300


def test_option_bytes_with_a_marker_inside_are_read_anew_each_time():
    handler, layer = served()
    block = encode_options(((11, b"\xff"),))
    for mid in (1, 2):
        layer.receive(b"\x40\x02" + mid.to_bytes(2, "big") + block + b"\xffpayload", PEER, 0.0)
    assert [(seen.path, seen.payload) for seen in handler.requests] == [((b"\xff",), b"payload")] * 2


def test_an_id_of_the_other_type_is_another_message():
    handler, layer = served()
    for type in (Type.CON, Type.NON):
        assert decode(layer.receive(request(1, type=type), PEER, 0.0)).type == (Type.ACK if type == Type.CON else type)
    assert len(handler.requests) == 2


def test_long_paths_count_where_transfers_are_kept():
    _, layer = served(Response(Code.CONTENT, bytes(2000)), answers_bytes=100_000, uploads_bytes=100_000)
    for number in range(50):
        path = (numbers.URI_PATH, bytes((number,)) * 20_000)
        layer.receive(request(number, options=(path,)), PEER, 0.0)
        layer.receive(request(100 + number, options=(path, (numbers.BLOCK1, b"\x08")), payload=bytes(16)), PEER, 0.0)
    assert layer.held().bytes <= 200_000


@pytest.mark.parametrize("wrong", [{"block2_szx": 7}, {"block1_szx": -1}, {"ring": 0}, {"max_upload_bytes": 0}])
def test_settings_that_cannot_work_are_refused(wrong):
    with pytest.raises(ValueError, match=r"szx|at least"):
        ServerSettings(**wrong)


def test_a_stranger_cannot_have_a_long_answer_repeated_for_a_shorter_datagram():
    long, short = b"\x40\x01\x00\x01\xbd\x10" + b"q" * 29, b"\x40\x01\x00\x01"
    for verified, expected in ((False, False), (True, True)):
        layer = ServerLayer(
            lambda request, now: Response(0x45, b"x" * 62, ((12, b"\x2a"),)), verified=lambda _, v=verified: v
        )
        assert layer.receive(long, 1, 0.0) is not None
        assert (layer.receive(short, 1, 1.0) is not None) is expected
