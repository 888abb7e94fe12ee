"""A packet gateway: what it asks the platform, what it tells of its sessions, and when they end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.acts import Accepted, Done, NoAnswer, Rejected
from simulator.devices.gateway_reports import tracking_area
from simulator.devices.gateway_session import NEXT, State, on_wire, shown
from simulator.devices.packet_gateway import OVERTAKEN, GatewaySettings, PacketGateway, Terminal
from simulator.protocol.radius import numbers as n
from simulator.protocol.radius.packet import decode, encode_request
from simulator.wire.address import ipv4

from .platform_double import ACCT, AUTH, SECRET, Platform, accept, reject

IMSI, OTHER_IMSI = "999990000000001", "999990000000002"
IP, SHOWN_IP = ipv4("127.64.0.17"), ipv4("10.64.0.17")
CELL = 0x1234501
HOUR = 3600.0


class Bench:
    """A gateway and the platform that it asks."""

    def __init__(self, **settings) -> None:
        self.platform = Platform()
        self.told: list[tuple[object, object, float]] = []
        self.lost: list[tuple[str, str]] = []
        self.gateway = PacketGateway(
            GatewaySettings(**{"nas_id": "home-1", "nas_ip": ipv4("127.0.2.1"), "lost_after_s": 600.0} | settings),
            1,
            self.platform.calendar,
            SECRET,
            lambda device, why: self.lost.append((device, why)),
            self.add_line,
        )

    def add_line(self) -> None:
        line = self.gateway.client.lines

        def receive(data, peer, now):
            reply = self.gateway.receive(line, data, peer, now)
            if reply is not None:
                port.send(reply, peer)

        port = self.platform.open(self.gateway.address, receive)
        self.gateway.add_line(lambda data: port.send(data, AUTH), lambda data: port.send(data, ACCT))

    @property
    def now(self) -> float:
        return self.platform.now

    def run(self, until: float) -> None:
        self.platform.run(until)

    def note(self, argument, result, now) -> None:
        self.told.append((argument, result, now))

    def attach(self, device="m.0", *, settle=True, **values) -> None:
        terminal = {"device": device, "imsi": IMSI, "msisdn": "999000000000001", "imeisv": "9899990000000101"}
        terminal |= {"ip": IP, "rat": "", "cell": CELL} | values
        self.gateway.attach(Terminal(**terminal), self.note, f"attach {device}", self.now)
        if settle:
            self.run(self.now)

    def detach(self, device="m.0") -> None:
        self.gateway.detach(device, self.note, f"detach {device}", self.now)

    @property
    def last(self):
        return self.told[-1][1]

    @property
    def stop(self):
        return next(said for said in reversed(self.platform.accounting) if said.status == n.Status.STOP)


# --- the request (mobile-network §1.3) -----------------------------------------------------------------------------


def test_an_attach_carries_the_sheets_minimum():
    bench = Bench()
    bench.attach()
    packet = decode(bench.platform.raw[0])
    assert {key: values[0] for key, values in packet.attributes.items() if key != n.MESSAGE_AUTHENTICATOR} == {
        n.USER_NAME: b"999000000000001",
        n.NAS_IP_ADDRESS: bytes((127, 0, 2, 1)),
        n.SERVICE_TYPE: b"\0\0\0\2",
        n.FRAMED_PROTOCOL: b"\0\0\0\7",
        n.FRAMED_IP_ADDRESS: bytes((10, 64, 0, 17)),
        n.CALLED_STATION_ID: b"iot.test",
        n.CALLING_STATION_ID: b"999000000000001",
        n.NAS_IDENTIFIER: b"home-1",
        n.NAS_PORT_TYPE: b"\0\0\0\x12",
        n.IMSI: IMSI.encode(),
        n.PDP_TYPE: b"\0\0\0\0",
        n.IMSI_MCC_MNC: b"99999",
        n.NSAPI: b"5",
        n.SGSN_MCC_MNC: b"99999",
        n.IMEISV: b"9899990000000101",
        n.RAT_TYPE: b"\x08",
        n.USER_LOCATION_INFO: bytes.fromhex("8299f999123599f99901234501"),
        n.MS_TIME_ZONE: b"\x40\0",
    }


@pytest.mark.parametrize(
    ("omitted", "keys"),
    [
        ("imei", {n.IMEISV}),
        ("plmn", {n.SGSN_MCC_MNC}),
        ("rat", {n.RAT_TYPE}),
        ("location", {n.USER_LOCATION_INFO}),
        ("timezone", {n.MS_TIME_ZONE}),
        ("address", {n.FRAMED_IP_ADDRESS}),
    ],
)
def test_a_gateway_may_leave_things_out(omitted, keys):
    whole, less = Bench(), Bench(omits=frozenset({omitted}))
    for bench in (whole, less):
        bench.attach()
    assert whole.platform.raw
    told = [set(decode(bench.platform.raw[0]).attributes) for bench in (whole, less)]
    assert told[0] - told[1] == keys
    assert isinstance(less.last, Accepted)


@pytest.mark.parametrize(
    ("plmn", "imsi", "home"),
    [
        ("99999", IMSI, "99999"),
        ("24201", IMSI, "99999"),
        ("310410", "310410000000001", "310410"),
        ("310410", IMSI, "99999"),
    ],
)
def test_the_home_network_is_the_sims_and_the_serving_one_the_gateways(plmn, imsi, home):
    bench = Bench(plmn=plmn)
    bench.attach(imsi=imsi, rat="lte-m", source="127.0.0.1:4711", ip=0)
    (bearer,) = bench.platform.requests
    assert (bearer.home_plmn, bearer.serving_plmn, bearer.location.plmn) == (home, plmn, plmn)
    assert (bearer.rat, bearer.source, bearer.address, bearer.charging_id) == (9, "127.0.0.1:4711", 0, 0)


@pytest.mark.parametrize("cell", [0, 1, CELL, (1 << 28) - 1])
def test_tracking_areas_are_numbers_that_exist(cell):
    assert 1 <= tracking_area(cell) < 0xFFFE


@pytest.mark.parametrize(
    ("wire", "radius"),
    [("127.64.0.17", "10.64.0.17"), ("127.127.255.255", "10.127.255.255"), ("192.0.2.1", "192.0.2.1")],
)
def test_devices_have_private_addresses_in_radius(wire, radius):
    assert shown(ipv4(wire)) == ipv4(radius)
    assert on_wire(ipv4(radius)) == ipv4(wire)


# --- the answer (mobile-network §1.6) ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "result"),
    [
        pytest.param(accept("10.64.0.99"), Accepted(ipv4("127.64.0.99"), 1), id="another address than the SIM had"),
        pytest.param(accept("192.0.2.7"), Accepted(ipv4("192.0.2.7"), 1), id="one from elsewhere"),
        pytest.param(accept(""), Accepted(IP, 1), id="none: the one that it had"),
        pytest.param(accept("255.255.255.255"), Accepted(IP, 1), id="the device's choice"),
        pytest.param(accept("255.255.255.254"), Accepted(IP, 1), id="the gateway's choice"),
        pytest.param(reject("IMEI mismatch"), Rejected("IMEI mismatch", 1), id="refused, in the platform's words"),
        pytest.param(reject(), Rejected("Access-Reject", 1), id="refused without a word"),
        pytest.param(
            reject(code=n.Code.ACCESS_CHALLENGE), Rejected("Access-Challenge", 1), id="a challenge is a reject for us"
        ),
    ],
)
def test_the_device_hears_what_the_platform_said(answer, result):
    bench = Bench()
    bench.platform.login = lambda _: answer
    bench.attach()
    assert bench.told == [("attach m.0", result, 0)]
    assert bench.platform.names() == ["Access-Request"] + ["Start"] * isinstance(result, Accepted)
    assert bench.gateway.sessions == isinstance(result, Accepted)


def test_an_accept_without_any_address_is_of_no_use():
    bench = Bench()
    bench.platform.login = lambda _: accept("")
    bench.attach(ip=0)
    assert bench.last == Rejected("the platform gave no address", 1)
    assert bench.gateway.sessions == 0


def test_a_platform_that_is_silent_is_asked_four_or_five_times():
    bench = Bench()
    bench.platform.login = lambda _: None
    bench.attach()
    bench.run(100)
    ((_, result, when),) = bench.told
    assert result == NoAnswer("timeout", len(bench.platform.raw))
    assert len(bench.platform.raw) in (4, 5)
    assert 29.9 < when <= 30
    assert len(set(bench.platform.raw)) == 1


def test_a_simple_gateway_asks_every_five_seconds():
    bench = Bench(retransmit="pgw-simple")
    bench.platform.login = lambda _: None
    bench.attach()
    bench.run(100)
    assert bench.told == [("attach m.0", NoAnswer("timeout", 4), 20)]


# --- accounting ----------------------------------------------------------------------------------------------------


def test_a_session_is_told_from_start_to_stop():
    bench = Bench()
    bench.platform.login = lambda _: accept("10.64.0.17", b"d:17dh0cf43jfgl8")
    bench.attach()
    bench.gateway.count("m.0", 32)
    bench.gateway.count("m.0", 10, 20)
    bench.gateway.count("nobody", 99)
    bench.run(90.4)
    bench.detach()
    assert bench.told[1:] == []
    bench.run(91)
    assert bench.told[1:] == [("detach m.0", Done(), 90.4)]
    start, stop = bench.platform.accounting
    for said in (start, stop):
        assert said.session_id == "0A400011-00000001"
        assert said.class_ == b"d:17dh0cf43jfgl8"
        assert (said.bearer.imsi, said.bearer.address, said.bearer.nas_id) == (IMSI, SHOWN_IP, "home-1")
        assert said.bearer.charging_id == 1
    assert (start.status, start.event_unix_s, start.last) == (n.Status.START, 1767225600, False)
    assert (stop.status, stop.event_unix_s, stop.last) == (n.Status.STOP, 1767225690, True)
    assert (stop.cause, stop.session_time_s) == (n.Terminate.USER_REQUEST, 90)
    assert (stop.octets_in, stop.octets_out, stop.packets_in, stop.packets_out) == (42, 20, 2, 1)
    assert bench.gateway.sessions == 0
    assert bench.lost == []


def test_sessions_are_told_apart():
    bench = Bench()
    for _ in range(3):
        bench.attach()
    bench.attach("m.1", imsi=OTHER_IMSI)
    assert len({said.session_id for said in bench.platform.accounting}) == 4
    assert len({said.bearer.charging_id for said in bench.platform.accounting}) == 4


def test_no_session_of_an_earlier_run_has_the_same_name():
    def first_session(epoch: int) -> str:
        bench = Bench()
        gateway = PacketGateway(
            bench.gateway.settings,
            1,
            bench.platform.calendar,
            SECRET,
            lambda *_: None,
            bench.add_line,
            epoch_unix_s=epoch,
        )
        bench.gateway = gateway
        bench.attach()
        return bench.platform.accounting[0].session_id

    assert len({first_session(epoch) for epoch in (1767225600, 1767225601, 1800000000)}) == 3


def test_a_detach_waits_half_a_minute_and_the_gateway_goes_on():
    bench = Bench()
    bench.attach()
    bench.platform.acknowledges = False
    bench.run(10)
    bench.detach()
    bench.run(100)
    ((_, result, when),) = bench.told[1:]
    assert (result.reason, when) == ("timeout", 40)
    assert result.transmissions >= 4
    bench.platform.acknowledges = True
    bench.run(200)
    assert bench.platform.names() == ["Access-Request", "Start", "Stop"]
    assert bench.stop.session_time_s == 10
    assert len(bench.told) == 2


def test_a_stop_never_overtakes_its_start():
    bench = Bench()
    bench.platform.acknowledges = False
    bench.attach()
    bench.run(1)
    bench.gateway.change_cell("m.0", "", 7, bench.note, "cell", bench.now)
    bench.detach()
    bench.run(1)
    bench.platform.acknowledges = True
    bench.run(60)
    assert bench.platform.names() == ["Access-Request", "Start", "Stop"]
    assert bench.stop.session_time_s == 1
    assert sorted(what[0] for what in bench.told[1:]) == ["cell", "detach m.0"]
    assert all(result == Done() for _, result, _ in bench.told[1:])


def test_a_device_without_a_session_detaches_and_roams_at_once():
    bench = Bench()
    bench.detach()
    bench.gateway.change_cell("m.0", "lte", 7, bench.note, "cell", bench.now)
    assert bench.told == []
    bench.run(0)
    assert bench.told == [("detach m.0", Done(), 0), ("cell", Done(), 0)]
    assert bench.platform.heard == []


def test_interim_updates_come_when_the_platform_wants_them():
    bench = Bench()
    bench.platform.login = lambda _: accept("10.64.0.17", interim_s=600)
    bench.attach()
    bench.run(2000)
    bench.detach()
    bench.run(5000)
    assert [(when, what) for when, what, _ in bench.platform.heard[2:]] == [
        (600, "Interim"), (1200, "Interim"), (1800, "Interim"), (2000, "Stop")
    ]  # fmt: skip
    assert bench.platform.accounting[2].session_time_s == 1200
    assert bench.platform.accounting[2].cause is None


def test_interim_updates_do_not_pile_up():
    bench = Bench()
    bench.platform.login = lambda _: accept("10.64.0.17", interim_s=60)
    bench.attach()
    bench.platform.acknowledges = False
    bench.run(3599)
    assert bench.gateway.timers < 5
    bench.platform.acknowledges = True
    bench.run(3630)
    assert bench.platform.names().count("Interim") <= 3


def test_a_change_of_cell_is_told_at_once():
    bench = Bench()
    bench.attach()
    bench.run(5)
    bench.gateway.change_cell("m.0", "lte-m", 0x7654321, bench.note, "cell", bench.now)
    bench.run(5)
    assert bench.last == Done()
    said = bench.platform.accounting[-1]
    assert said.status == n.Status.INTERIM
    assert (said.bearer.rat, said.bearer.location.cell, said.bearer.address) == (9, 0x7654321, SHOWN_IP)
    bench.detach()
    bench.run(6)
    assert bench.stop.bearer.location.cell == 0x7654321


# --- devices that leave without a word -----------------------------------------------------------------------------


def test_the_network_notices_later_that_a_device_is_gone():
    bench = Bench()
    bench.attach()
    bench.run(100)
    bench.gateway.lose("m.0", bench.now)
    bench.gateway.lose("m.0", 150)
    bench.run(HOUR)
    assert bench.platform.heard[2:] == [(700, "Stop", IMSI)]
    assert (bench.stop.cause, bench.stop.session_time_s) == (n.Terminate.LOST_CARRIER, 700)
    assert bench.lost == []


def test_a_device_that_comes_back_ends_its_old_session_after_the_new_login():
    bench = Bench()
    bench.attach()
    bench.gateway.lose("m.0", bench.now)
    bench.run(60)
    bench.attach()
    bench.run(HOUR)
    assert bench.platform.names() == ["Access-Request", "Start", "Access-Request", "Start", "Stop"]
    assert bench.stop.session_id == bench.platform.accounting[0].session_id
    assert bench.stop.cause == n.Terminate.LOST_CARRIER
    assert bench.gateway.sessions == 1
    assert bench.lost == []


@pytest.mark.parametrize(
    "answer", [reject("IMSI mismatch"), None], ids=["refused", "no answer: the network knows where it is now"]
)
def test_the_old_session_ends_even_if_the_new_login_fails(answer):
    bench = Bench()
    bench.attach()
    bench.platform.login = lambda _: answer
    bench.run(60)
    bench.attach()
    bench.run(120)
    assert bench.platform.heard[-1][1:] == ("Stop", IMSI)
    assert bench.platform.names().count("Stop") == 1
    assert bench.stop.session_id == bench.platform.accounting[0].session_id
    assert bench.gateway.sessions == 0
    assert bench.lost == []


@pytest.mark.parametrize("answer", [accept("10.64.0.17"), reject("IMEI mismatch")], ids=["accepted", "refused"])
def test_a_sim_is_in_one_place(answer):
    bench = Bench()
    bench.attach("m.0")
    bench.platform.login = lambda _: answer
    bench.attach("m.1")
    assert bench.lost == [("m.0", "its SIM is in use elsewhere")]
    bench.run(1)
    assert bench.platform.names()[-1] == "Stop"
    assert bench.stop.session_id == bench.platform.accounting[0].session_id
    bench.detach("m.0")
    bench.run(2)
    assert bench.platform.names().count("Stop") == 1


def test_a_device_that_was_gone_already_is_not_told_that_its_sim_is_elsewhere():
    bench = Bench()
    bench.attach("m.0")
    bench.gateway.lose("m.0", bench.now)
    bench.attach("m.1")
    assert bench.lost == []
    assert bench.gateway.sessions == 1


def test_a_new_sim_in_the_same_device_ends_the_session_of_the_old_one():
    bench = Bench()
    bench.attach()
    bench.attach(imsi=OTHER_IMSI)
    assert bench.platform.heard[-1][1:] == ("Stop", IMSI)
    assert bench.gateway.sessions == 1


def test_one_attach_may_end_two_sessions():
    bench = Bench()
    bench.attach("m.0")
    bench.attach("m.1", imsi=OTHER_IMSI)
    bench.attach("m.0", imsi=OTHER_IMSI)
    assert sorted(about for _, what, about in bench.platform.heard if what == "Stop") == [IMSI, OTHER_IMSI]
    assert bench.lost == [("m.1", "its SIM is in use elsewhere")]


# --- attaches that nobody waits for any more -----------------------------------------------------------------------


def test_an_attach_anew_takes_the_place_of_one_under_way():
    bench = Bench()
    bench.platform.login = lambda _: None
    bench.attach()
    bench.run(3)
    bench.platform.login = lambda _: accept("10.64.0.17")
    bench.attach()
    bench.run(100)
    assert [result for _, result, _ in bench.told] == [NoAnswer(OVERTAKEN, 2), Accepted(IP, 1)]
    assert len(bench.platform.raw) == 3


@pytest.mark.parametrize("leave", ["lose", "detach"])
def test_a_device_that_left_while_it_asked_is_let_in_and_missed_later(leave):
    bench = Bench()
    bench.attach(settle=False)
    if leave == "lose":
        bench.gateway.lose("m.0", bench.now)
    else:
        bench.detach()
    bench.run(HOUR)
    assert [(when, what) for when, what, _ in bench.platform.heard] == [
        (0, "Access-Request"), (0, "Start"), (600, "Stop")
    ]  # fmt: skip
    assert bench.stop.cause == n.Terminate.LOST_CARRIER


def test_the_answer_to_who_left_does_not_disturb_whoever_has_the_sim_now():
    bench = Bench()
    bench.platform.login = lambda _: None
    bench.attach("m.0")
    bench.gateway.lose("m.0", bench.now)
    bench.platform.login = lambda _: accept("10.64.0.17")
    bench.attach("m.1")
    bench.run(100)
    assert [what[:2] for what in bench.told] == [
        ("attach m.0", NoAnswer(OVERTAKEN, 1)), ("attach m.1", Accepted(IP, 1))
    ]  # fmt: skip
    assert bench.lost == []
    assert len(bench.platform.raw) == 2


# --- the platform ends a session (RFC 5176) ------------------------------------------------------------------------


def number(value: int) -> bytes:
    return value.to_bytes(4, "big")


SESSION = (n.ACCT_SESSION_ID, b"0A400011-00000001")
SIM = (n.IMSI, IMSI.encode())
ADDRESS = (n.FRAMED_IP_ADDRESS, number(SHOWN_IP))


@pytest.mark.parametrize(
    "attributes",
    [
        pytest.param([SESSION], id="by session"),
        pytest.param([SIM], id="by SIM"),
        pytest.param([ADDRESS], id="by address"),
        pytest.param([SESSION, SIM, ADDRESS, (n.NAS_IDENTIFIER, b"home-1")], id="by all"),
    ],
)
@pytest.mark.parametrize("there", [True, False], ids=["there", "gone without a word"])
def test_the_platform_can_end_a_session(attributes, there):
    bench = Bench()
    bench.attach("m.1", imsi=OTHER_IMSI)
    bench.platform.disconnect("home-1", (n.IMSI, OTHER_IMSI.encode()))
    bench.run(1)
    bench.gateway.table.count = 0
    bench.attach()
    if not there:
        bench.gateway.lose("m.0", bench.now)
    bench.lost.clear()
    bench.platform.disconnect("home-1", *attributes)
    bench.run(10)
    assert [answer.code for answer in bench.platform.answers] == [n.Code.DISCONNECT_ACK] * 2
    assert bench.stop.cause == n.Terminate.ADMIN_RESET
    assert bench.stop.bearer.imsi == IMSI
    assert bench.lost == [("m.0", "cut off by the platform")] * there
    assert bench.gateway.sessions == 0


@pytest.mark.parametrize(
    ("attributes", "cause"),
    [
        ([(n.ACCT_SESSION_ID, b"0A400011-00000002")], 503),
        ([(n.IMSI, OTHER_IMSI.encode())], 503),
        ([(n.FRAMED_IP_ADDRESS, number(IP))], 503),
        ([SESSION, (n.IMSI, OTHER_IMSI.encode())], 503),
        ([SESSION, (n.FRAMED_IP_ADDRESS, number(IP))], 503),
        ([SESSION, (n.NAS_IDENTIFIER, b"home-2")], 403),
        ([SESSION, (n.NAS_IP_ADDRESS, number(IP))], 403),
        ([], 402),
        ([(n.USER_NAME, b"x")], 402),
    ],
)
def test_a_session_that_is_not_meant_stays(attributes, cause):
    bench = Bench()
    bench.attach()
    bench.platform.disconnect("home-1", *attributes)
    bench.run(1)
    (answer,) = bench.platform.answers
    assert (answer.code, answer.number(n.ERROR_CAUSE)) == (n.Code.DISCONNECT_NAK, cause)
    assert bench.gateway.sessions == 1
    assert bench.lost == []


def test_sessions_are_ended_not_changed():
    bench = Bench()
    bench.attach()
    bench.platform.disconnect("home-1", SESSION, code=n.Code.COA_REQUEST)
    bench.run(1)
    (answer,) = bench.platform.answers
    assert (answer.code, answer.number(n.ERROR_CAUSE)) == (n.Code.COA_NAK, 406)
    assert bench.gateway.sessions == 1


def test_a_repeated_disconnect_gets_the_same_answer():
    bench = Bench()
    bench.attach()
    data = encode_request(n.Code.DISCONNECT_REQUEST, 1, [SESSION], SECRET)
    peer = ipv4("127.0.0.1") | 3799 << 32
    first = bench.gateway.receive(0, data, peer, 1.0)
    assert first[0] == n.Code.DISCONNECT_ACK
    assert bench.gateway.receive(0, data, peer, 20.0) == first
    assert bench.gateway.disconnects.duplicates == 1
    assert bench.gateway.receive(0, data, peer, 40.0)[0] == n.Code.DISCONNECT_NAK
    assert bench.gateway.receive(0, data, peer + 1, 20.0)[0] == n.Code.DISCONNECT_NAK


@pytest.mark.parametrize(
    ("damage", "kind"),
    [
        (lambda d: d[:10], "too short"),
        (lambda d: d[:-1], "wrong length"),
        (lambda d: d[:-1] + b"X", "wrong authenticator"),
        (lambda d: encode_request(n.Code.DISCONNECT_REQUEST, 1, [SESSION], b"guessed"), "wrong authenticator"),
    ],
)
def test_who_does_not_know_the_secret_ends_nothing(damage, kind):
    bench = Bench()
    bench.attach()
    data = damage(encode_request(n.Code.DISCONNECT_REQUEST, 1, [SESSION], SECRET))
    assert bench.gateway.receive(0, data, AUTH, bench.now) is None
    assert bench.gateway.disconnects.discarded == {kind: 1}
    assert bench.gateway.sessions == 1


FLOODED = Bench()
FLOODED.attach()


@given(st.builds(lambda code, rest: bytes((code,)) + rest, st.sampled_from((2, 3, 5, 40, 41, 43, 99)), st.binary()))
def test_a_flood_of_nonsense_changes_nothing(data):
    assert FLOODED.gateway.receive(0, data, AUTH, FLOODED.now) is None
    assert FLOODED.gateway.sessions == 1
    assert FLOODED.lost == []


# --- the gateway itself --------------------------------------------------------------------------------------------


def test_a_gateway_that_restarts_has_lost_everything():
    bench = Bench()
    bench.attach("m.0")
    bench.attach("m.1", imsi=OTHER_IMSI)
    bench.gateway.lose("m.1", bench.now)
    bench.platform.login = lambda _: None
    bench.attach("m.2", imsi="999990000000003")
    bench.gateway.restart(bench.now)
    bench.run(HOUR)
    assert bench.platform.heard[-1] == (0, "On", "home-1")
    assert bench.platform.names().count("Stop") == 0
    assert bench.lost == [("m.0", "the gateway was restarted")]
    assert bench.told[-1][:2] == ("attach m.2", NoAnswer(OVERTAKEN, 1))
    assert bench.gateway.sessions == 0
    bench.platform.login = lambda _: accept("10.64.0.17")
    bench.attach("m.0")
    assert isinstance(bench.last, Accepted)


def test_a_gateway_that_restarts_tells_nothing_of_what_was_before():
    bench = Bench()
    bench.platform.acknowledges = False
    bench.attach()
    bench.run(1)
    bench.gateway.restart(bench.now)
    bench.platform.acknowledges = True
    bench.run(HOUR)
    assert bench.platform.names() == ["Access-Request", "On"]


def test_nothing_is_left_in_the_calendar():
    bench = Bench()
    bench.platform.login = lambda _: accept("10.64.0.17", interim_s=60)
    for _ in range(20):
        bench.attach()
        bench.gateway.change_cell("m.0", "", 9, bench.note, "cell", bench.now)
        bench.gateway.lose("m.0", bench.now)
        bench.run(bench.now + 7)
        bench.attach()
        assert bench.gateway.timers == len(bench.platform.calendar)
        bench.detach()
        bench.run(bench.now + 1)
    bench.run(HOUR)
    assert bench.gateway.timers == len(bench.platform.calendar) == 0
    assert len(bench.told) == 80


def test_every_transition_is_of_a_state_that_has_a_name():
    names = {value for name, value in vars(State).items() if name.isupper()}
    assert {state for state, _ in NEXT} | set(NEXT.values()) <= names
    assert not [state for state, _ in NEXT if state == State.OVER]
