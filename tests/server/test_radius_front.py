"""The RADIUS listener against what may arrive there: what the RFCs want, a count with a reason, and no event.

Written from the sheet (mobile-network §1.2, §1.6–§1.8, §1.11, span §A.5) and the RFCs, with packets made by hand.
"""

from __future__ import annotations

import asyncio
import hashlib

import pytest

X, Y = "999990000000001", "999990000000002"
A, B = "989999000000008", "989999000000016"
HOME = "10.64.0.77"
ASKED = bytes(range(16))


def login(radius, imsi=X, *more, number=1, authenticator=ASKED, **rest):
    """A login that would be accepted if nothing was wrong with it."""
    return radius.access_request(radius.identity(imsi, A[:14] + "01", HOME, "pgw-sim-1", *more), number, authenticator,
                                 **rest)  # fmt: skip


def start(radius, *more, number=1, **rest):
    """An Accounting Start that would be answered."""
    said = [(40, b"\0\0\0\1"), (44, b"S1"), (32, b"pgw-sim-1"), (8, radius.quad(HOME)), radius.vendor(1, X.encode())]
    return radius.accounting_request([*said, *more], number, **rest)


def resized(data, length):
    """The same with another Length."""
    return data[:2] + length.to_bytes(2, "big") + data[4:]


def flipped(data, at):
    return data[:at] + bytes((data[at] ^ 1,)) + data[at + 1 :]


def signed(radius, attributes, code=1, number=1):
    """Attributes as bytes, right or wrong, under a Message-Authenticator that is right."""
    import hmac

    blank = radius.packet(code, number, ASKED, radius.tlv(80, bytes(16)) + attributes)
    return blank[:22] + hmac.digest(radius.SECRET.encode(), blank, "md5") + blank[38:]


def test_the_words_of_these_tests_make_the_golden_vectors(radius):
    """mobile-network §1.11: otherwise nothing below means anything."""
    said = [radius.vendor(number, value) for number, value in [
        (1, b"999990000000001"), (3, bytes(4)), (8, b"99999"), (10, b"5"), (18, b"99999"), (20, b"9899990000000101"),
        (21, b"\x08"), (22, bytes.fromhex("8299f999002a99f99901234501")), (23, b"\x40\0"),
    ]]  # fmt: skip
    head = radius.identity("", "")[:8]
    request = radius.access_request([*head, *said], 42, ASKED)
    assert (len(request), request[22:38].hex()) == (251, "350032dffe089b369214cc65a690987f")
    for code, answer in (
        (2, "022a00442923cfade637a1e98d7cec4b5e04633250128d6b34d1ab941e2afae53e1cb2695ce708060a400011"
            "1912643a3137646830636634336a66676c38550600000258"),
        (3, "032a003409bf07129188b0b4698cd5753e26e22c5012506765a4cc0ff3e79e6947fac64b2d16120e756e"
            "6b6e6f776e20494d5349"),
    ):  # fmt: skip
        assert radius.checked(bytes.fromhex(answer), request).code == code
    said = [(40, b"\0\0\0\1"), (44, b"0A400011-00000001"), (8, radius.quad("10.64.0.17")), (31, b"999000000000001"),
            (30, b"iot.test"), (32, b"pgw-sim-1"), *(said[0], said[5])]  # fmt: skip
    request = radius.accounting_request(said, 43)
    assert (len(request), request[4:20].hex()) == (136, "ef959c0b3fce182cbd9643164e47e847")
    assert radius.checked(bytes.fromhex("052b0014b2163ef1c86b77e38848be5ddcdd9d6c"), request).code == 5


# --- malformed, forged and misplaced ----------------------------------------------------------------------------------


async def discarded(it, data, *, accounting=False, reason="", nas=None):
    """It is silently discarded and counted, nobody is told, and the next one is served."""
    before = it.statistics()
    assert await (nas or it.nas).raw(data, accounting=accounting) == []
    after = it.statistics()
    assert after["discarded"] == before.get("discarded", 0) + 1
    reasons = {
        name: number - before.get(name, 0)
        for name, number in after.items()
        if name.startswith("discarded.") and number != before.get(name, 0)
    }
    assert list(reasons.values()) == [1]
    if reason:
        assert reasons == {f"discarded.{reason}": 1}
    assert it.events() == []
    assert {key: after.get(key, 0) for key in ("accepted", "rejected", "sessions", "duplicates")} == {
        key: before.get(key, 0) for key in ("accepted", "rejected", "sessions", "duplicates")
    }


async def alive(it):
    """A good login is still served."""
    assert (await it.nas.login(X, A[:14] + "01", HOME)).code == 2
    assert it.events() == [("ciotConnect", "A")]


@pytest.mark.parametrize("accounting", [False, True], ids=["authentication", "accounting"])
@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        pytest.param(lambda data: b"", "too short", id="nothing"),
        pytest.param(lambda data: data[:1], "too short", id="one byte"),
        pytest.param(lambda data: data[:19], "too short", id="half a header"),
        pytest.param(lambda data: resized(data, 19), "wrong length", id="Length below the header"),
        pytest.param(lambda data: resized(data, 0), "wrong length", id="Length 0"),
        pytest.param(lambda data: resized(data, len(data) + 1), "wrong length", id="Length beyond the packet"),
        pytest.param(lambda data: data[:-1], "wrong length", id="truncated packet"),
        pytest.param(lambda data: resized(data + bytes(5000 - len(data)), 5000), "too long", id="5 000 bytes"),
        pytest.param(lambda data: resized(data, 4097) + bytes(4097 - len(data)), "too long", id="4 097 bytes"),
        pytest.param(lambda data: resized(data, 0xFFFF), "", id="Length 65 535"),
    ],
)
def test_what_is_no_packet_is_discarded(play, radius, accounting, broken, reason):
    """RFC 2865 §3: minimum 20, maximum 4096, and a packet shorter than its Length is silently discarded."""

    async def story(it):
        it.device("A", X, A)
        data = broken(start(radius) if accounting else login(radius))
        await discarded(it, data, accounting=accounting, reason=reason)
        await alive(it)

    play(story)


def test_what_follows_the_length_is_padding(play, radius):
    """RFC 2865 §3: octets outside the range of the Length are ignored."""

    async def story(it):
        it.device("A", X, A)
        good = login(radius)
        (answer,) = await it.nas.raw(good + bytes(5000 - len(good)))
        assert radius.checked(answer, good).code == 2
        good = start(radius)
        (answer,) = await it.nas.raw(good + b"\x01", accounting=True)
        assert radius.checked(answer, good).code == 5

    play(story)


BROKEN = [
    pytest.param(b"\x01", id="a type without length"),
    pytest.param(b"\x01\x00", id="length 0"),
    pytest.param(b"\x01\x01", id="length 1"),
    pytest.param(b"\x01\x06ab", id="length beyond the packet"),
    pytest.param(b"\x01\xffab", id="length far beyond the packet"),
    pytest.param(b"\x01\x03a\x01\x00\x01\x03a", id="length 0 in the middle"),
]


@pytest.mark.parametrize("broken", BROKEN)
def test_a_truncated_attribute_lets_nobody_in(play, radius, broken):
    """RFC 2865 §5: an Access-Reject should be sent, if anything; nothing else may come of it."""

    async def story(it):
        it.device("A", X, A)
        said = b"".join(radius.tlv(*each) for each in radius.identity(X, A, HOME))
        for data in (signed(radius, said + broken), signed(radius, broken + said, number=2)):
            before = it.statistics()
            answers = await it.nas.raw(data)
            assert [radius.checked(answer, data).code for answer in answers] in ([], [3])
            after = it.statistics()
            assert (after.get("discarded", 0) + after.get("rejected", 0)) == (
                before.get("discarded", 0) + before.get("rejected", 0) + 1
            )
            assert it.events() == []
        await alive(it)

    play(story)


@pytest.mark.parametrize("broken", BROKEN)
def test_a_truncated_attribute_in_the_accounting_is_discarded(play, radius, broken):
    """RFC 2866 §5: an invalid Length silently discards the entire request."""

    async def story(it):
        it.device("A", X, A)
        said = b"".join(radius.tlv(*each) for each in [(40, b"\0\0\0\1"), (44, b"S1"), radius.vendor(1, X.encode())])
        blank = radius.packet(4, 1, bytes(16), said + broken)
        digest = hashlib.md5(blank + radius.SECRET.encode()).digest()
        await discarded(it, blank[:4] + digest + blank[20:], accounting=True, reason="broken attribute")
        await alive(it)

    play(story)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0",
        b"\0\0\x28",
        b"\0\0\x28\xaf",
        b"\0\0\x28\xaf\1",
        b"\0\0\x28\xaf\1\0",
        b"\0\0\x28\xaf\1\1",
        b"\0\0\x28\xaf\1\x119999",
        b"\0\0\x28\xaf\1\xff999990000000001",
    ],
)
@pytest.mark.parametrize("accounting", [False, True], ids=["authentication", "accounting"])
def test_a_broken_vendor_attribute_names_nobody(play, radius, accounting, content):
    """The IMSI stands in it, so there is none: silence, or a reject (mobile-network §1.9: dropped as a whole)."""

    async def story(it):
        it.device("A", X, A)
        if accounting:
            said = [(40, b"\0\0\0\1"), (44, b"S1"), (32, b"pgw-sim-1"), (8, radius.quad(HOME)), (26, content)]
            data = radius.accounting_request(said, 1)
        else:
            data = radius.access_request([*radius.identity("", A, HOME), (26, content)], 1, ASKED)
        answers = await it.nas.raw(data, accounting=accounting)
        assert [radius.checked(answer, data).code for answer in answers] in ([], [5 if accounting else 3])
        assert it.events() == []
        assert it.statistics().get("sessions", 0) == 0
        await alive(it)

    play(story)


@pytest.mark.parametrize("vendor_id", [b"\0\0\x27\x0f", b"\0\0\1\x37"], ids=["unknown", "Microsoft"])
@pytest.mark.parametrize("content", [b"", b"\1", b"\1\0", b"\xff\xff\xff", b"\x1c\x06\0\0\0\0", b"\x1c\x07\0\0\0\0"])
def test_what_another_vendor_says_is_ignored(play, radius, vendor_id, content):
    """RFC 2865 §5.26: its inside is the vendor's business; who does not understand it must not be bothered."""

    async def story(it):
        it.device("A", X, A)
        data = login(radius, X, (26, vendor_id + content))
        (answer,) = await it.nas.raw(data)
        assert radius.checked(answer, data).code == 2
        assert it.events() == [("ciotConnect", "A")]

    play(story)


@pytest.mark.parametrize(
    "more",
    [
        [(1, b"")], [(1, b"\xff\xfe\x00")], [(8, b"\1")], [(8, b"")], [(4, b"x")], [(32, b"\x80" * 253)],
        [(66, b"\xff")], [(66, b"127.0.0.1:99999")], [(79, bytes(253))] * 10, [(200, b"")], [(0, b"x")],
        [(255, b"x")], [(2, b"x")],
    ],
    ids=repr,
)  # fmt: skip
def test_strange_values_leave_it_standing(play, radius, more):
    """Well-formed, signed, and nonsense: the answer is one of the two, and never an exception."""

    async def story(it):
        it.device("A", X, A)
        said = [each for each in radius.identity(X, A) if each[0] not in {number for number, _ in more}]
        data = radius.access_request([*said, *more], 1, ASKED)
        answers = await it.nas.raw(data)
        assert [radius.checked(answer, data).code for answer in answers] in ([2], [3], [])
        it.events()
        await alive(it)

    play(story)


@pytest.mark.parametrize("number", [1, 3, 8, 10, 18, 20, 21, 22, 23])
@pytest.mark.parametrize("value", [b"", b"\0", b"\xff" * 3, b"\x82", b"9" * 240], ids=len)
@pytest.mark.parametrize("accounting", [False, True], ids=["authentication", "accounting"])
def test_strange_3gpp_values_leave_it_standing(play, radius, accounting, number, value):
    async def story(it):
        it.device("A", X, A)
        said = [each for each in radius.identity(X, A) if each[0] != 26]
        said += [radius.vendor(1, X.encode()), radius.vendor(20, A.encode())] if number not in (1, 20) else []
        said += [radius.vendor(number, value)]
        if accounting:
            data = radius.accounting_request([*said, (40, b"\0\0\0\3"), (44, b"S1")], 1)
        else:
            data = radius.access_request(said, 1, ASKED)
        answers = await it.nas.raw(data, accounting=accounting)
        assert [radius.checked(answer, data).code for answer in answers] in ([2], [3], [5], [])
        it.events()
        await alive(it)

    play(story)


def test_what_is_forged_is_discarded(play, radius):
    """RFC 2866 §3, RFC 3579 §3.2: wrong authenticators get no answer that would tell whether the secret was right."""

    async def story(it):
        it.device("A", X, A)
        good = login(radius)
        wrong = "wrong Message-Authenticator"
        await discarded(it, flipped(good, 30), reason=wrong)
        await discarded(it, flipped(good, 10), reason=wrong)  # the Request Authenticator is signed as well
        await discarded(it, flipped(good, 1), reason=wrong)
        await discarded(it, flipped(good, len(good) - 1), reason=wrong)
        await discarded(it, login(radius, secret="other"), reason=wrong)
        good = start(radius)
        await discarded(it, flipped(good, 10), accounting=True, reason="wrong authenticator")
        await discarded(it, flipped(good, len(good) - 1), accounting=True, reason="wrong authenticator")
        await discarded(it, start(radius, secret="other"), accounting=True, reason="wrong authenticator")
        await alive(it)

    play(story)


def test_a_message_authenticator_stands_anywhere_and_only_once(play, radius):
    async def story(it):
        it.device("A", X, A)
        good = login(radius)
        said = [each for each in radius.split(good) if each[0] != 80]
        import hmac

        rest = b"".join(radius.tlv(*each) for each in said)
        blank = radius.packet(1, 1, ASKED, rest + radius.tlv(80, bytes(16)))
        last = blank[:-16] + hmac.digest(radius.SECRET.encode(), blank, "md5")
        (answer,) = await it.nas.raw(last)
        assert radius.checked(answer, last).code == 2
        it.events()
        # Of a wrong size it is none, and a second one makes the first one doubtful.
        await discarded(it, radius.access_request([(80, b"short"), *said], 2, ASKED, sign=False))
        await discarded(it, radius.access_request([(80, bytes(16)), *said], 3, ASKED))
        await alive(it)

    play(story)


@pytest.mark.parametrize("code", [2, 3, 4, 5, 11, 40, 41, 42, 43, 44, 45, 0, 6, 13, 99, 255])
def test_only_requests_for_access_get_an_answer_on_the_authentication_port(play, radius, code):
    """RFC 2865 §3: an invalid Code is silently discarded; a server is not asked by answers."""

    async def story(it):
        it.device("A", X, A)
        await discarded(it, login(radius, code=code))
        await discarded(it, start(radius, code=code))
        await alive(it)

    play(story)


@pytest.mark.parametrize("code", [1, 2, 3, 5, 11, 40, 41, 42, 43, 44, 45, 0, 6, 13, 99, 255])
def test_only_accounting_gets_an_answer_on_the_accounting_port(play, radius, code):
    async def story(it):
        it.device("A", X, A)
        await discarded(it, login(radius, code=code), accounting=True)
        await discarded(it, start(radius, code=code), accounting=True)
        await alive(it)

    play(story)


@pytest.mark.parametrize(("accounting", "code"), [(False, 2), (True, 5)], ids=["authentication", "accounting"])
@pytest.mark.parametrize("require", ["always", "auto", "never"])
def test_a_question_about_the_status_is_answered(play, radius, require, accounting, code):
    """RFC 5997 §3: Access-Accept or Accounting-Response, if there is a right Message-Authenticator, else silence."""

    async def story(it):
        it.device("A", X, A)
        asked = radius.access_request([(32, b"pgw-sim-1")], 1, ASKED, code=12)
        (answer,) = await it.nas.raw(asked, accounting=accounting)
        reply = radius.checked(answer, asked)
        assert (reply.code, reply.all(8), it.events()) == (code, [], [])
        unsigned = radius.access_request([(32, b"pgw-sim-1")], 2, ASKED, code=12, sign=False)
        await discarded(it, unsigned, accounting=accounting, reason="missing Message-Authenticator")
        forged = radius.access_request([(32, b"pgw-sim-1")], 3, ASKED, "other", code=12)
        await discarded(it, forged, accounting=accounting, reason="wrong Message-Authenticator")
        found = it.statistics()
        assert (found.get("accepted", 0), found.get("rejected", 0), found.get("sessions", 0)) == (0, 0, 0)

    play(story, radius={"require_message_authenticator": require})


def test_a_foreign_nas_gets_no_answer(play, radius):
    """RFC 2865 §3: who has no secret with us is silently discarded."""

    async def story(it):
        it.device("A", X, A)
        foreign = it.gateway("192.168.7.1")
        await discarded(it, login(radius), nas=foreign)
        await discarded(it, start(radius), nas=foreign, accounting=True)
        await alive(it)

    play(story)


# --- who has which secret ---------------------------------------------------------------------------------------------


@pytest.fixture
def clients():
    from simulator.server.fronts.radius import RadiusClient

    made = {"10.0.0.0/8": "eight", "10.1.0.0/16": "sixteen", "10.1.2.3/32": "one", "127.0.0.0/8": "xyzzy5461"}
    return tuple(RadiusClient(network=network, secret=secret) for network, secret in made.items())


@pytest.mark.parametrize(
    ("host", "secret"),
    [
        ("10.0.0.9", "eight"),
        ("10.1.0.9", "sixteen"),
        ("10.1.2.3", "one"),
        ("10.1.2.4", "sixteen"),
        ("10.2.2.3", "eight"),
    ],
)
@pytest.mark.parametrize("order", [1, -1])
def test_the_longest_prefix_says_which_secret(play, radius, clients, host, secret, order):
    async def story(it):
        it.device("A", X, A)
        right = it.gateway(host, secret)
        assert (await right.login(X, A, HOME)).code == 2
        await right.account(1, "S1", X, HOME)
        it.events()
        for other in {"eight", "sixteen", "one", radius.SECRET} - {secret}:
            await discarded(it, login(radius, secret=other), nas=right)
            await discarded(it, start(radius, secret=other), nas=right, accounting=True)

    play(story, radius={"clients": clients[::order]})


def test_nobody_prints_a_secret(clients):
    from simulator.clock import VirtualClock
    from simulator.server.app import ReferenceServer, ServerSettings
    from simulator.server.fronts.radius import RadiusSettings

    settings = ServerSettings.on_free_ports(radius=RadiusSettings(clients=clients))
    server = ReferenceServer(settings, VirtualClock())
    for it in (settings, settings.radius, *clients, server, server.endpoints()):
        for text in (repr(it), str(it)):
            assert not any(secret in text for secret in ("eight", "sixteen", "'one'", "xyzzy5461"))
    default = ReferenceServer(ServerSettings.on_free_ports(), VirtualClock())
    secret = default.radius_secret
    secret = secret.decode() if isinstance(secret, bytes) else secret
    assert len(secret) >= 16  # mobile-network §1.7
    assert secret not in repr(default) + repr(default.endpoints())


# --- require_message_authenticator ------------------------------------------------------------------------------------

A5_REQUEST = bytes.fromhex(
    "01010094000102030405060708090a0b0c0d0e0f010c343731323334353637380406c0a8000120074e415330310706000000070606000000021a"
    "17000028af01113234323031363030303030303030311a0d000028af080732343230311a18000028af1412333533343536313233343536373830"
    "311a15000028af160f8242f2109dd142f2100102da671a0a000028af17044000"
)


def a5(radius, **options):
    """Settings for the vectors of span §A.5."""
    from simulator.server.fronts.radius import RadiusClient

    return {"clients": (RadiusClient(network="127.0.0.0/8", secret="secret"),), **options}


def test_a_request_without_message_authenticator_is_taken_under_never(play, radius):
    """span §A.5. Our answers are signed nonetheless (mobile-network §1.7)."""

    async def story(it):
        it.device("A", "242016000000001", "353456123456780")
        (answer,) = await it.nas.raw(A5_REQUEST)
        reply = radius.checked(answer, A5_REQUEST, "secret")
        assert (reply.code, len(reply.all(80)), len(reply.all(8))) == (2, 1, 1)
        metadata = it.metadata("A")
        assert (metadata["cellId"], metadata["mcc"], metadata["mnc"]) == ("16964199", 242, 1)
        assert metadata["lastImsi"] == "242016000000001"
        assert it.events() == [("ciotConnect", "A")]

    play(story, radius=a5(radius, require_message_authenticator="never"))


def test_an_unknown_device_is_rejected_with_the_words_of_the_vector(play, radius):
    async def story(it):
        (answer,) = await it.nas.raw(A5_REQUEST)
        reply = radius.checked(answer, A5_REQUEST, "secret")
        assert (reply.code, reply.text(18)) == (3, "Device does not exist")

    play(story, radius=a5(radius, require_message_authenticator="never"))


def test_a_request_without_message_authenticator_is_discarded_by_default(play, radius):
    async def story(it):
        it.device("A", "242016000000001", "353456123456780")
        await discarded(it, A5_REQUEST, reason="missing Message-Authenticator")

    play(story, radius=a5(radius))


def test_a_wrong_message_authenticator_is_wrong_even_under_never(play, radius):
    async def story(it):
        it.device("A", X, A)
        await discarded(it, flipped(login(radius), 30), reason="wrong Message-Authenticator")
        await alive(it)

    play(story, radius={"require_message_authenticator": "never"})


def test_auto_demands_it_of_a_client_that_has_sent_a_right_one(play, radius):
    async def story(it):
        it.device("A", X, A)
        other = it.gateway("127.0.0.11")
        unsigned = [login(radius, number=number, sign=False) for number in range(5)]
        (answer,) = await it.nas.raw(unsigned[0])
        assert radius.checked(answer, unsigned[0]).code == 2
        it.events()
        # A wrong one proves nothing.
        await discarded(it, flipped(login(radius), 30), reason="wrong Message-Authenticator")
        assert len(await it.nas.raw(unsigned[1])) == 1
        it.events()
        await alive(it)
        await discarded(it, unsigned[2], reason="missing Message-Authenticator")
        again = it.gateway("127.0.0.10")  # from another port of that address
        await discarded(it, unsigned[3], reason="missing Message-Authenticator", nas=again)
        assert len(await other.raw(unsigned[4])) == 1

    play(story, radius={"require_message_authenticator": "auto"})


# --- answers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("imsi", [X, Y], ids=["accept", "reject"])
def test_proxy_state_comes_back_as_it_was(play, radius, imsi):
    """RFC 2865 §5.33: all of them, in order, unchanged."""
    states = [(33, b"one"), (33, b""), (33, bytes(253)), (33, b"\xff\0")]

    async def story(it):
        it.device("A", X, "")
        data = login(radius, imsi, states[0], states[1], (24, b"not this"), *states[2:])
        (answer,) = await it.nas.raw(data)
        reply = radius.checked(answer, data)
        assert reply.code == (2 if imsi == X else 3)
        assert reply.all(33) == [value for _, value in states]
        assert reply.all(24) == []
        data = start(radius, *states)
        (answer,) = await it.nas.raw(data, accounting=True)
        assert radius.checked(answer, data).all(33) == [value for _, value in states]

    play(story)


def test_a_request_full_of_proxy_states_gets_an_answer_that_fits(play, radius):
    """4 096 bytes at most (RFC 2865 §3): a copy that would make the answer longer may not break it."""

    async def story(it):
        it.device("A", X, "")
        data = login(radius, X, *[(33, bytes(253))] * 15)
        assert len(data) <= 4096
        for answer in await it.nas.raw(data):
            assert len(radius.checked(answer, data).raw) <= 4096
        it.events()
        await alive(it)

    play(story)


def test_an_interval_for_interim_updates_is_told(play, radius):
    async def story(it):
        it.device("A", X, A)
        assert (await it.nas.login(X, A, HOME)).all(85) == [b"\0\0\x02\x58"]

    play(story, radius={"interim_s": 600})


# --- duplicates (§1.8) ------------------------------------------------------------------------------------------------


def test_a_repeated_login_gets_the_same_bytes_and_makes_no_second_event(play, radius):
    async def story(it):
        it.device("A", X, A)
        data = login(radius)
        first = await it.nas.raw(data)
        assert it.events() == [("ciotConnect", "A")]
        for _ in range(4):
            await asyncio.sleep(7)
            assert await it.nas.raw(data) == first
        assert it.events() == []
        found = it.statistics()
        assert (found["accepted"], found["duplicates"], found.get("discarded", 0)) == (1, 4, 0)

    play(story)


def test_a_repeated_reject_too(play, radius):
    async def story(it):
        it.device("A", X, B)
        data = login(radius)
        first = await it.nas.raw(data)
        assert radius.checked(first[0], data).code == 3
        assert await it.nas.raw(data) == first
        assert it.events() == [("imeiMismatch", "A")]
        assert it.patch("A", imsi="") == 200
        assert await it.nas.raw(data) == first  # what the first one was told, whatever has changed
        found = it.statistics()
        assert (found["rejected"], found["duplicates"]) == (1, 2)

    play(story)


def test_repeated_accounting_too(play, radius):
    async def story(it):
        it.device("A", X, A)
        data = start(radius)
        first = await it.nas.raw(data, accounting=True)
        assert await it.nas.raw(data, accounting=True) == first
        found = it.statistics()
        assert (found["accounting.start"], found["duplicates"]) == (1, 1)

    play(story)


def test_what_differs_is_no_duplicate(play, radius):
    """Key: address, port, code, identifier, authenticator."""

    async def story(it):
        it.device("A", X, A)
        other_port, other_host = it.gateway(), it.gateway("127.0.0.11")
        for nas, data in (
            (it.nas, login(radius)),
            (it.nas, login(radius, number=2)),
            (it.nas, login(radius, authenticator=ASKED[::-1])),
            (other_port, login(radius)),
            (other_host, login(radius)),
        ):
            assert len(await nas.raw(data)) == 1
            assert it.events() == [("ciotConnect", "A")]
        assert it.statistics().get("duplicates", 0) == 0

    play(story)


def test_a_forged_copy_is_no_duplicate(play, radius):
    """The identifier and the authenticator are there for all to see: the rest has to be right all the same."""

    async def story(it):
        it.device("A", X, A)
        it.device("B", Y, B)
        data = login(radius)
        await it.nas.raw(data)
        assert it.events() == [("ciotConnect", "A")]
        answers = await it.nas.raw(flipped(data, len(data) - 1))
        assert answers == [] or radius.checked(answers[0], data)
        await discarded(it, flipped(login(radius, number=9), 30))  # and a forged one leaves nothing behind …
        (answer,) = await it.nas.raw(login(radius, number=9))  # … that would stand in the way of the right one
        assert answer[0] == 2

    play(story)


def test_answers_are_forgotten_after_half_a_minute(play, radius):
    async def story(it):
        it.device("A", X, A)
        data = login(radius)
        await it.nas.raw(data)
        await asyncio.sleep(29)
        await it.nas.raw(data)
        assert it.events() == [("ciotConnect", "A")]
        await asyncio.sleep(31)
        (answer,) = await it.nas.raw(data)
        assert radius.checked(answer, data).code == 2
        assert it.events() == [("ciotConnect", "A")]

    play(story)


def test_only_so_many_answers_are_kept(play, radius):
    async def story(it):
        it.device("A", X, A)
        asked = [login(radius, number=number) for number in range(10)]
        for data in asked:
            await it.nas.raw(data)
        assert len(it.events()) == 10
        for data in asked[-4:]:
            await it.nas.raw(data)
        assert it.events() == []
        await it.nas.raw(asked[0])
        assert it.events() == [("ciotConnect", "A")]

    play(story, radius={"duplicates_most": 4})


def test_the_doors_tell_where_and_what(play, radius):
    async def story(it):
        found = it.call("GET", "/simulator/radius")
        assert set(found) == {"authentication", "accounting", "secret"}
        assert found["secret"] == radius.SECRET
        assert len({found["authentication"], found["accounting"]}) == 2
        it.device("A", X, A)
        await it.nas.login(X, A, HOME)
        await it.nas.account(1, "S1", X, HOME)
        it.nas.answer_disconnects_with = 42
        assert it.call("POST", "/simulator/disconnect", {"imsi": X}) == {"sent": True}
        await asyncio.sleep(0.01)
        assert it.statistics()["disconnects.refused"] == 1
        assert await it.upload(HOME) == 1
        assert it.status("POST", "/simulator/disconnect", {"imsi": Y}) == 404

    play(story)


def test_a_disconnect_request_that_nobody_answers_is_repeated_and_given_up(play, radius):
    async def story(it):
        it.device("A", X, A)
        await it.nas.login(X, A, HOME)
        await it.nas.account(1, "S1", X, HOME)
        it.call("POST", "/simulator/disconnect", {"imsi": X})
        await asyncio.sleep(120)
        assert 1 < len(it.nas.disconnects) < 10
        assert len(set(it.nas.disconnects)) == 1  # RFC 5176 §2.3: the same identifier and authenticator
        found = it.statistics()
        assert (found["disconnects.sent"], found["disconnects.unanswered"]) == (1, 1)

    play(story)


def test_a_login_whose_answer_does_not_fit_is_not_made_again(play, radius):
    """Its Proxy-States leave no room (RFC 2865 §3), so it gets no answer, however often it comes."""

    async def story(it):
        it.device("A", X, "")
        states = [(33, bytes(253))] * 15
        imsi = (26, bytes.fromhex("000028af0111") + X.encode())
        room = 4096 - len(radius.access_request([imsi, *states], 1, ASKED)) - 2
        data = radius.access_request([imsi, *states, (33, bytes(room))], 1, ASKED)
        assert len(data) == 4096
        for _ in range(3):
            assert await it.nas.raw(data) == []
        assert it.events() == [("ciotConnect", "A")]
        found = it.statistics()
        assert (found["accepted"], found["duplicates"], found["discarded.too long"]) == (1, 2, 1)

    play(story, radius={"interim_s": 600})
