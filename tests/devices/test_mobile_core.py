"""All operators together: who asks which gateway, and where a SIM is that comes anew somewhere else."""

from __future__ import annotations

import pytest

from simulator.acts import Accepted, Attach, Done, Rejected
from simulator.devices.mobile_core import MobileCore
from simulator.errors import Place
from simulator.protocol.radius import numbers as n
from simulator.scenario.model import HOME, Operator
from simulator.wire.address import ipv4, text
from simulator.wire.link import Links
from simulator.wire.presets import Direction, LinkProfile

from .platform_double import ACCT, AUTH, SECRET, Platform, accept, reject

PLACE = Place("x.yaml")
ABROAD = Operator(name="abroad", place=PLACE, plmn="24201", rat="lte-m", gateways=2, retransmit="pgw-simple")
IMSI, OTHER_IMSI = "999990000000001", "999990000000002"


class Bench:
    """A core and the platform that its gateways ask."""

    def __init__(self, *operators: Operator, seed: int = 1, links: Links | None = None) -> None:
        self.platform = Platform(links)
        self.told: list[tuple[object, object, float]] = []
        self.lost: list[tuple[str, str]] = []
        self.lines: list[str] = []
        self.core = MobileCore(
            operators or (HOME, ABROAD),
            seed,
            self.platform.calendar,
            SECRET,
            lambda device, why: self.lost.append((device, why)),
            self.add_line,
        )

    def add_line(self, name: str) -> None:
        line = self.lines.count(name)
        self.lines.append(name)
        port = self.platform.open(
            self.core.gateways[name].address,
            lambda data, peer, now: self.core.receive(name, line, data, peer, now),
        )
        number = self.core.add_line(
            name, lambda data: port.send(data, AUTH), lambda data: port.send(data, ACCT), port.send
        )
        assert number == line

    def attach(self, device: str, number: int = 0, *, imsi: str = IMSI, operator: str = "home", settle=True, **values):
        act = {"msisdn": "999000000000001", "imeisv": "9899990000000101", "ip": 0, "rat": "", "cell": 1} | values
        self.core.attach(
            Attach(imsi=imsi, operator=operator, **act), device, number, "", self.note, f"attach {device}", self.now
        )
        if settle:
            self.platform.run(self.now)

    def note(self, argument, result, now) -> None:
        self.told.append((argument, result, now))

    @property
    def now(self) -> float:
        return self.platform.now

    @property
    def heard(self) -> list[tuple[str, str]]:
        return [(said.bearer.nas_id, n.Status(said.status).name) for said in self.platform.accounting]


def test_gateways_have_names_and_addresses_of_their_own():
    core = Bench(HOME, ABROAD).core
    assert {name: text(gateway.address) for name, gateway in core.gateways.items()} == {
        "home-1": "127.0.2.1:0",
        "abroad-1": "127.0.2.2:0",
        "abroad-2": "127.0.2.3:0",
    }


def test_devices_are_dealt_to_the_gateways_of_their_operator():
    bench = Bench()
    for number in range(4):
        bench.attach(f"m.{number}", number, imsi=f"99999000000000{number}", operator="abroad")
    bench.attach("m.9", 9, imsi="999990000000009")
    assert [(asked.nas_id, text(asked.nas_ip), asked.serving_plmn, asked.rat) for asked in bench.platform.requests] == [
        ("abroad-1", "127.0.2.2:0", "24201", 9),
        ("abroad-2", "127.0.2.3:0", "24201", 9),
        ("abroad-1", "127.0.2.2:0", "24201", 9),
        ("abroad-2", "127.0.2.3:0", "24201", 9),
        ("home-1", "127.0.2.1:0", "99999", 8),
    ]
    assert sorted(bench.lines) == ["abroad-1", "abroad-2", "home-1"]
    assert bench.core.gateways["abroad-1"].sessions == 2


def test_an_operator_that_nobody_described_is_a_mistake_of_ours():
    with pytest.raises(KeyError):
        Bench().attach("m.0", operator="nowhere")


@pytest.mark.parametrize(
    ("answer", "result", "heard"),
    [
        pytest.param(accept("10.64.0.2"), Accepted(ipv4("127.64.0.2"), 1), [("abroad-1", "START")], id="accepted"),
        pytest.param(reject("IMEI mismatch"), Rejected("IMEI mismatch", 1), [], id="refused"),
    ],
)
@pytest.mark.parametrize("device", ["m.0", "m.1"])
def test_a_sim_that_comes_anew_elsewhere_ends_its_old_session(device, answer, result, heard):
    bench = Bench()
    bench.attach("m.0")
    if device != "m.0":
        bench.core.leave_silently("m.0", bench.now)
    bench.platform.run(60)
    bench.platform.login = lambda _: answer
    bench.attach(device, operator="abroad")
    bench.platform.run(100)
    assert bench.told[-1] == (f"attach {device}", result, 60)
    assert bench.platform.names()[:3] == ["Access-Request", "Start", "Access-Request"]
    assert bench.heard == [("home-1", "START"), *heard, ("home-1", "STOP")]
    assert bench.platform.accounting[-1].cause == n.Terminate.LOST_CARRIER
    assert bench.lost == []
    assert bench.core.counts["sessions" if heard else "attach.rejected"] == 1


def test_of_two_cards_with_one_imsi_the_later_one_wins():
    bench = Bench()
    bench.attach("m.0")
    bench.attach("thief", operator="abroad")
    assert bench.lost == [("m.0", "its SIM is in use elsewhere")]
    bench.attach("m.0")
    assert bench.lost[1:] == [("thief", "its SIM is in use elsewhere")]
    assert bench.core.counts["sessions"] == 1


def test_an_attach_under_way_at_another_operator_is_given_up():
    bench = Bench()
    bench.platform.login = lambda bearer: None if bearer.nas_id == "home-1" else accept("10.64.0.2")
    bench.attach("m.0")
    bench.attach("m.0", operator="abroad")
    bench.platform.run(100)
    assert [type(result).__name__ for _, result, _ in bench.told] == ["NoAnswer", "Accepted"]
    assert len(bench.platform.raw) == 2


def test_detach_and_roaming_go_to_the_gateway_where_the_device_is():
    bench = Bench()
    bench.attach("m.0", 1, operator="abroad")
    bench.core.change_cell("m.0", "lte", 77, bench.note, "cell", bench.now)
    bench.core.count("m.0", 5, 6)
    bench.platform.run(1)
    bench.core.detach("m.0", bench.note, "detach", bench.now)
    bench.platform.run(2)
    assert bench.told[1:] == [("cell", Done(), 0), ("detach", Done(), 1)]
    assert bench.heard == [("abroad-2", "START"), ("abroad-2", "INTERIM"), ("abroad-2", "STOP")]
    stop = bench.platform.accounting[-1]
    assert (stop.cause, stop.octets_in, stop.octets_out) == (n.Terminate.USER_REQUEST, 5, 6)


def test_a_detached_sim_stops_first_and_asks_again_later():
    bench = Bench()
    bench.attach("m.0")
    bench.core.detach("m.0", bench.note, "detach", bench.now)
    bench.platform.run(1)
    bench.attach("m.1", operator="abroad")
    assert bench.platform.names() == ["Access-Request", "Start", "Stop", "Access-Request", "Start"]


def test_the_platform_ends_a_session_by_the_line_that_asked():
    bench = Bench()
    bench.attach("m.0", operator="abroad")
    bench.platform.disconnect("abroad-1", (n.IMSI, IMSI.encode()))
    bench.platform.disconnect("abroad-1", (n.IMSI, OTHER_IMSI.encode()))
    bench.platform.run(1)
    assert [answer.code for answer in bench.platform.answers] == [n.Code.DISCONNECT_ACK, n.Code.DISCONNECT_NAK]
    assert bench.lost == [("m.0", "cut off by the platform")]
    assert bench.core.counts["disconnect.acknowledged"] == bench.core.counts["disconnect.refused"] == 1


def test_a_gateway_does_not_end_the_session_of_another():
    bench = Bench()
    bench.attach("m.0", 0, operator="abroad")
    bench.attach("m.1", 1, operator="abroad", imsi=OTHER_IMSI)
    bench.platform.disconnect("abroad-1", (n.IMSI, OTHER_IMSI.encode()))
    bench.platform.run(1)
    assert bench.platform.answers[0].number(n.ERROR_CAUSE) == 503
    assert bench.core.counts["sessions"] == 2


def test_the_restart_of_one_gateway_leaves_the_others_alone():
    bench = Bench()
    bench.attach("m.0", 0, operator="abroad")
    bench.attach("m.1", 1, operator="abroad", imsi=OTHER_IMSI)
    bench.core.gateways["abroad-1"].restart(bench.now)
    bench.platform.run(1)
    assert bench.lost == [("m.0", "the gateway was restarted")]
    assert bench.core.counts["sessions"] == 1


def test_the_seed_decides_every_byte():
    def bytes_of(seed: int) -> list[bytes]:
        bench = Bench(seed=seed)
        for number in range(6):
            bench.attach(f"m.{number}", number, imsi=f"99999000000000{number}", operator=("home", "abroad")[number % 2])
        return bench.platform.raw

    first = bytes_of(1)
    assert len({data[4:20] for data in first}) == 6
    assert bytes_of(1) == first
    assert not {data[4:20] for data in bytes_of(2)} & {data[4:20] for data in first}


def test_a_storm_over_a_bad_line_loses_nobody():
    way = Direction(delay_s=0.3, sigma=0.2, fifo=False, loss_g=0.01, duplicate=0.01)
    links = Links(3, LinkProfile(name="bad", up=way, down=way))
    bench = Bench(Operator(name="home", place=PLACE, gateways=1), links=links)
    bench.platform.login = lambda bearer: accept(f"10.64.{int(bearer.imsi[-4:]) >> 8}.{int(bearer.imsi[-4:]) & 255}")
    for number in range(600):
        bench.attach(f"m.{number}", number, imsi=f"99999000000{number:04d}", settle=False)
    bench.platform.run(25)
    counts = bench.core.counts
    assert counts["attach.accepted"] == counts["sessions"] == 600
    for number in range(600):
        bench.core.detach(f"m.{number}", bench.note, None, bench.now)
    bench.platform.run(100)
    assert bench.told[600:] == [(None, Done(), when) for _, _, when in bench.told[600:]]
    assert len(bench.told) == 1200
    started, stopped = ([name for name in bench.platform.names() if name == what] for what in ("Start", "Stop"))
    assert len(started) == len(stopped) == 600
    assert bench.core.counts["radius.retransmitted"] > 30
    assert len(bench.lines) > 2
    assert bench.core.timers == len(bench.platform.calendar) == 0
    assert bench.core.counts.get("sessions") is None
