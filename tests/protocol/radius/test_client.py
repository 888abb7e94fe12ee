"""The RADIUS client: when it asks again, which replies it believes, and what it does when its ids run out."""

from __future__ import annotations

import random
from itertools import pairwise
from math import isclose

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.clock import VirtualClock
from simulator.protocol.radius import client as client_module
from simulator.protocol.radius.client import PRESETS, Client, Retransmission
from simulator.protocol.radius.numbers import CLASS, USER_NAME, Code
from simulator.protocol.radius.packet import check_request, decode, encode_reply
from simulator.wire.calendar import Calendar
from simulator.words import RETRANSMISSIONS

SECRET = b"a secret of the tests"
EVEN = Retransmission(irt_s=2, mrt_s=16, mrc=5, mrd_s=30, jitter=0)
AUTH, ACCT = "auth", "acct"
ACCESS, ACCOUNTING = Code.ACCESS_REQUEST, Code.ACCOUNTING_REQUEST
ANSWER_TO = {ACCESS: Code.ACCESS_ACCEPT, ACCOUNTING: Code.ACCOUNTING_RESPONSE, Code.STATUS_SERVER: Code.ACCESS_ACCEPT}


class Bench:
    """A client with a calendar that is turned by hand, and all that it sends."""

    def __init__(self, retransmission: Retransmission = EVEN, seed: int = 1, lines: int = 1) -> None:
        self.clock = VirtualClock()
        self.calendar = Calendar()
        self.sent: list[tuple[float, int, str, bytes]] = []
        self.done: list[tuple[object, int | None, int, float]] = []
        self.lines_wanted = 0
        self.client = Client(self.calendar, seed, SECRET, retransmission, self.need_line)
        for _ in range(lines):
            self.add_line()
        self.run(0)

    def need_line(self) -> None:
        self.lines_wanted += 1

    def add_line(self) -> int:
        number = self.client.lines
        return self.client.add_line(
            lambda data: self.sent.append((self.clock.time_s, number, AUTH, data)),
            lambda data: self.sent.append((self.clock.time_s, number, ACCT, data)),
        )

    def ask(self, argument=None, code=ACCESS, **options):
        return self.client.request(
            code, [(USER_NAME, str(argument).encode())], self.on_done, argument, self.clock.time_s, **options
        )

    def on_done(self, argument, packet, transmissions, now) -> None:
        self.done.append((argument, None if packet is None else packet.code, transmissions, now))

    def run(self, until: float) -> None:
        self.calendar.limit = until
        while self.calendar.play(self.clock, ()):
            pass
        self.clock.time_s = max(self.clock.time_s, until)

    def receive(self, data: bytes, line: int = 0) -> None:
        self.client.receive(line, data, self.clock.time_s)

    def answer(self, sent, code=None, attributes=((CLASS, b"c"),), secret=SECRET, signed=True) -> None:
        _, line, _, data = sent
        self.receive(reply_to(data, code, attributes, secret, signed), line)

    @property
    def times(self) -> list[float]:
        return [when for when, *_ in self.sent]


def reply_to(data: bytes, code=None, attributes=((CLASS, b"c"),), secret=SECRET, signed=True) -> bytes:
    request = decode(data)
    return encode_reply(code or ANSWER_TO[request.code], request, attributes, secret, signed)


# --- when (RFC 5080 §2.2.1; mobile-network §1.8) ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("retransmission", "times", "end"),
    [
        pytest.param(EVEN, [0, 2, 6, 14], 30, id="RFC 5080 without jitter: four transmissions, given up at 30 s"),
        pytest.param(PRESETS["pgw-simple"], [0, 5, 10, 15], 20, id="every 5 s, three times more"),
        pytest.param(
            Retransmission(irt_s=1, mrt_s=0, mrc=0, mrd_s=20, jitter=0), [0, 1, 3, 7, 15], 20, id="no MRT: doubles on"
        ),
        pytest.param(Retransmission(irt_s=3, mrt_s=9, mrc=1, mrd_s=0, jitter=0), [0], 3, id="MRC 1: never again"),
    ],
)
def test_a_request_without_answer_is_repeated_and_given_up(retransmission, times, end):
    bench = Bench(retransmission)
    bench.ask("a")
    bench.run(1000)
    assert bench.times == times
    assert bench.done == [("a", None, len(times), end)]
    assert retransmission.longest_s == end
    assert (bench.client.counts.sent, bench.client.counts.retransmitted) == (1, len(times) - 1)
    assert bench.client.counts.given_up == 1


def test_the_presets_are_those_that_files_may_name():
    assert PRESETS.keys() == RETRANSMISSIONS.keys()


def test_jitter_is_a_tenth_and_the_seed_decides_it():
    def gaps(seed: int) -> list[list[float]]:
        bench = Bench(PRESETS["rfc5080"], seed)
        for number in range(40):
            bench.ask(number)
        bench.run(100)
        by_request: dict[bytes, list[float]] = {}
        for when, _, _, data in bench.sent:
            by_request.setdefault(data, []).append(when)
        return [[later - earlier for earlier, later in pairwise(times)] for times in by_request.values()]

    first = gaps(7)
    assert len(first) == 40
    for times in first:
        assert 1.8 <= times[0] <= 2.2
        for earlier, later in pairwise(times[:3]):
            assert 1.9 <= later / earlier <= 2.1
        assert all(gap <= 17.6 for gap in times)
    ratios = [times[1] / times[0] for times in first]
    assert min(ratios) < 1.95
    assert max(ratios) > 2.05
    spread = {round(times[0], 6) for times in first}
    assert len(spread) == 40
    assert min(spread) < 1.85
    assert max(spread) > 2.15
    assert gaps(7) == first
    assert gaps(8) != first


def test_a_repetition_is_the_same_bytes():
    bench = Bench(PRESETS["rfc5080"])
    bench.ask("a")
    bench.ask("b", ACCOUNTING)
    bench.run(20)
    assert len(bench.sent) > 6
    assert len({data for *_, data in bench.sent}) == 2


def test_accounting_is_repeated_until_it_is_acknowledged():
    bench = Bench()
    bench.ask("a", ACCOUNTING)
    bench.run(3600)
    assert bench.times[:6] == [0, 2, 6, 14, 30, 46]
    assert all(isclose(later - earlier, 16) for earlier, later in pairwise(bench.times[4:]))
    assert bench.done == []
    bench.answer(bench.sent[-1])
    assert bench.done == [("a", Code.ACCOUNTING_RESPONSE, len(bench.sent), 3600)]
    sent = len(bench.sent)
    bench.run(7200)
    assert len(bench.sent) == sent


@pytest.mark.parametrize("code", [ACCESS, ACCOUNTING, Code.STATUS_SERVER])
def test_the_caller_may_be_less_patient(code):
    bench = Bench()
    bench.ask("a", code, give_up_s=7.5)
    bench.run(100)
    assert bench.times == [0, 2, 6]
    assert bench.done == [("a", None, 3, 7.5)]


# --- what it believes -------------------------------------------------------------------------------------------------


def changed(data: bytes, at: int) -> bytes:
    return data[:at] + bytes((data[at] ^ 1,)) + data[at + 1 :]


@pytest.mark.parametrize(
    ("code", "damage", "kind"),
    [
        pytest.param(ACCESS, lambda d: b"", "too short", id="nothing"),
        pytest.param(ACCESS, lambda d: reply_to(d)[:1], "too short", id="one octet"),
        pytest.param(ACCESS, lambda d: reply_to(d)[:19], "too short", id="less than a header"),
        pytest.param(ACCESS, lambda d: reply_to(d)[:-1], "wrong length", id="cut off"),
        pytest.param(ACCESS, lambda d: b"\x63" + reply_to(d)[1:], "unknown code", id="a code that nobody knows"),
        pytest.param(ACCESS, lambda d: d, "unknown code", id="a request comes back"),
        pytest.param(ACCESS, lambda d: changed(reply_to(d), 1), "nobody asked", id="another id"),
        pytest.param(
            ACCESS,
            lambda d: reply_to(d, Code.ACCOUNTING_RESPONSE),
            "nobody asked",
            id="the other service has asked nothing",
        ),
        pytest.param(ACCESS, lambda d: changed(reply_to(d), 9), "wrong authenticator", id="damaged authenticator"),
        pytest.param(ACCESS, lambda d: changed(reply_to(d), -1), "wrong authenticator", id="damaged attribute"),
        pytest.param(ACCESS, lambda d: changed(reply_to(d), 0), "wrong authenticator", id="an Accept made a Reject"),
        pytest.param(ACCESS, lambda d: reply_to(d, secret=b"guessed"), "wrong authenticator", id="forged"),
        pytest.param(ACCESS, lambda d: reply_to(changed(d, 5)), "wrong authenticator", id="to another request"),
        pytest.param(
            ACCESS,
            lambda d: reply_to(d, signed=False),
            "missing Message-Authenticator",
            id="signed by its header alone: that is not enough for a login",
        ),
        pytest.param(
            Code.STATUS_SERVER,
            lambda d: reply_to(d, signed=False),
            "missing Message-Authenticator",
            id="a sign of life",
        ),
        pytest.param(
            ACCOUNTING, lambda d: reply_to(d, secret=b"guessed"), "wrong authenticator", id="forged acknowledgement"
        ),
    ],
)
def test_a_reply_that_is_not_the_servers_changes_nothing(code, damage, kind):
    bench = Bench()
    bench.ask("a", code)
    bench.receive(damage(bench.sent[0][3]))
    assert bench.done == []
    assert bench.client.counts.discarded == {kind: 1}
    bench.answer(bench.sent[0])
    assert len(bench.done) == 1


@pytest.mark.parametrize(
    ("code", "reply", "signed"),
    [
        (ACCESS, Code.ACCESS_ACCEPT, True),
        (ACCESS, Code.ACCESS_REJECT, True),
        (ACCESS, Code.ACCESS_CHALLENGE, True),
        (ACCOUNTING, Code.ACCOUNTING_RESPONSE, True),
        (ACCOUNTING, Code.ACCOUNTING_RESPONSE, False),
    ],
)
def test_the_servers_reply_ends_the_request(code, reply, signed):
    bench = Bench()
    bench.ask("a", code)
    bench.run(3)
    bench.answer(bench.sent[-1], reply, signed=signed)
    bench.run(100)
    assert bench.done == [("a", reply, 2, 3)]
    assert bench.times == [0, 2]
    assert bench.client.counts.answered == 1


def test_late_and_repeated_replies_are_counted_and_nothing_else():
    bench = Bench()
    bench.ask("a")
    bench.answer(bench.sent[0])
    bench.answer(bench.sent[0])
    bench.ask("b")
    bench.run(40)
    for sent in bench.sent[1:]:
        bench.answer(sent)
    assert [what[:2] for what in bench.done] == [("a", Code.ACCESS_ACCEPT), ("b", None)]
    assert bench.client.counts.discarded == {"nobody asked": 1 + 4}


FULL = Bench()
for _number in range(256):
    FULL.ask(_number)


@given(
    st.binary(max_size=300)
    | st.builds(lambda code, rest: bytes((code,)) + rest, st.sampled_from((2, 3, 5, 11)), st.binary())
)
def test_nonsense_ends_nothing(data):
    before = FULL.client.counts.discarded.total()
    FULL.receive(data)
    assert FULL.done == []
    assert FULL.client.counts.discarded.total() == before + 1


# --- authenticators and ids -------------------------------------------------------------------------------------------


def test_requests_are_signed_and_no_authenticator_is_drawn_twice():
    def authenticators(seed: int) -> list[bytes]:
        bench = Bench(seed=seed)
        for number in range(1000):
            bench.ask(number)
            bench.answer(bench.sent[-1])
        assert all(check_request(decode(data), SECRET, True) is None for *_, data in bench.sent[:20])
        return [data[4:20] for *_, data in bench.sent]

    first = authenticators(1)
    assert len(set(first)) == 1000
    assert not set(first) & set(authenticators(2))
    assert authenticators(1) == first


def test_an_id_is_used_again_as_late_as_possible():
    bench = Bench()
    for number in range(512):
        bench.ask(number)
        bench.answer(bench.sent[-1])
    assert [data[1] for *_, data in bench.sent] == [*range(256), *range(256)]


def test_256_requests_fly_per_line_and_service():
    bench = Bench()
    for number in range(300):
        bench.ask(number)
        bench.ask(number, ACCOUNTING)
    for service in (AUTH, ACCT):
        ids = [data[1] for _, _, where, data in bench.sent if where == service]
        assert sorted(ids) == list(range(256))
    assert bench.client.waiting == bench.client.counts.waited == 2 * 44
    assert bench.lines_wanted == 1


def test_a_new_line_takes_what_waits_in_order():
    bench = Bench()
    for number in range(600):
        bench.ask(number)
    for wanted in (1, 2):
        assert bench.lines_wanted == wanted
        bench.add_line()
        bench.run(0)
        bench.ask(600)
    assert [int(decode(data).text(USER_NAME)) for *_, data in bench.sent] == [*range(601), 600]
    assert [line for _, line, *_ in bench.sent] == [0] * 256 + [1] * 256 + [2] * 90


def test_without_a_line_requests_wait_for_the_first():
    bench = Bench(lines=0)
    bench.ask("a")
    bench.ask("b", ACCOUNTING)
    assert (bench.sent, bench.lines_wanted) == ([], 1)
    bench.run(1)
    bench.add_line()
    bench.run(1)
    assert [(when, where) for when, _, where, _ in bench.sent] == [(1, AUTH), (1, ACCT)]
    bench.run(100)
    assert bench.done == [("a", None, 4, 31)]


def test_an_answer_frees_an_id_for_the_first_in_line():
    bench = Bench()
    for number in range(258):
        bench.ask(number)
    bench.answer(bench.sent[17])
    assert len(bench.sent) == 257
    assert decode(bench.sent[-1][3]).text(USER_NAME) == "256"
    assert bench.sent[-1][3][1] == 17
    bench.answer(bench.sent[17])
    assert bench.client.counts.discarded == {"wrong authenticator": 1}


def test_a_reply_belongs_to_the_line_that_asked():
    bench = Bench(lines=2)
    for number in range(300):
        bench.ask(number)
    on_second = next(sent for sent in bench.sent if sent[1] == 1)
    bench.client.receive(0, reply_to(on_second[3]), 0.0)
    assert bench.client.counts.discarded == {"wrong authenticator": 1}
    bench.answer(on_second)
    assert len(bench.done) == 1


def test_what_waits_for_an_id_is_given_up_as_if_it_had_been_sent():
    bench = Bench(Retransmission(irt_s=5, mrt_s=5, mrc=0, mrd_s=20, jitter=0))
    for number in range(256):
        bench.ask(number, give_up_s=500)
    bench.ask("in line")
    bench.ask("impatient", give_up_s=3)
    bench.run(100)
    assert bench.done == [("impatient", None, 0, 3), ("in line", None, 0, 20)]
    assert bench.client.waiting == 0


def test_accounting_that_nobody_acknowledges_does_not_pile_up_for_ever(monkeypatch):
    monkeypatch.setattr(client_module, "BACKLOG_MOST", 10)
    bench = Bench()
    for number in range(256 + 13):
        bench.ask(number, ACCOUNTING)
    assert [what[0] for what in bench.done] == [256, 257, 258]
    assert bench.client.waiting == 10


def test_lines_are_not_asked_for_without_end(monkeypatch):
    monkeypatch.setattr(client_module, "LINES_MOST", 2)
    bench = Bench(lines=2)
    for number in range(600):
        bench.ask(number)
    assert bench.lines_wanted == 0


# --- cancelling -------------------------------------------------------------------------------------------------------


def test_a_cancelled_request_is_over_and_its_caller_hears_nothing():
    bench = Bench()
    flying = bench.ask("flying")
    for number in range(256):
        bench.ask(number)
    waiting = bench.ask("waiting")
    bench.client.cancel(waiting, 0.0)
    bench.client.cancel(flying, 0.0)
    bench.client.cancel(flying, 0.0)
    assert len(bench.sent) == 257
    bench.receive(reply_to(bench.sent[0][3]))
    assert bench.done == []
    assert bench.client.counts.cancelled == 2
    bench.run(100)
    assert sorted(what[0] for what in bench.done) == list(range(256))


def test_forgotten_is_all_that_is_under_way():
    bench = Bench()
    for number in range(300):
        bench.ask(number)
        bench.ask(number, ACCOUNTING)
    bench.client.forget()
    sent = len(bench.sent)
    bench.run(100)
    assert (len(bench.sent), bench.done) == (sent, [])
    assert bench.client.counts.cancelled == 600
    bench.ask("new")
    bench.answer(bench.sent[-1])
    assert [what[0] for what in bench.done] == ["new"]


# --- the calendar -----------------------------------------------------------------------------------------------------


def test_a_flying_request_has_one_entry_in_the_calendar():
    bench = Bench()
    for number in range(100):
        bench.ask(number)
        bench.ask(number, ACCOUNTING)
    for until in (0, 1, 3, 7, 20):
        bench.run(until)
        assert bench.client.timers == len(bench.calendar) == 200
    for sent in bench.sent[:200]:
        bench.answer(sent)
    bench.run(60)
    assert bench.client.timers == len(bench.calendar) == 0


def test_every_request_ends_once_whatever_the_link_does():
    chance = random.Random(4)
    bench = Bench(PRESETS["rfc5080"], lines=0)
    bench.client._need_line = lambda: bench.add_line()
    taken = 0
    for turn in range(400):
        for number in range(10):
            bench.ask((turn, number), chance.choice((ACCESS, ACCOUNTING)))
        bench.run(turn * 0.01)
        for sent in bench.sent[taken:]:
            for _ in range(chance.choice((0, 0, 1, 1, 1, 2))):
                bench.answer(sent)
        taken = len(bench.sent)
    while len(bench.calendar):
        bench.run(bench.clock.time_s + 1)
        for sent in bench.sent[taken:]:
            bench.answer(sent)
        taken = len(bench.sent)
    assert sorted(what[0] for what in bench.done) == [(turn, n) for turn in range(400) for n in range(10)]
    counts = bench.client.counts
    assert counts.answered + counts.given_up == 4000
    assert counts.given_up < 10
    assert bench.client.lines > 1
