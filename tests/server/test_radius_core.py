"""What gateways are answered, and what their reports do to sessions (mobile-network §1.6); no packets, no sockets."""

from __future__ import annotations

import pytest

from simulator.protocol.radius import numbers as n
from simulator.protocol.radius.fields import Accounting, Bearer, Location
from simulator.protocol.radius.numbers import Status
from simulator.server.span.core import SpanCore
from simulator.server.span.durable import keep, revive
from simulator.server.span.settings import NS_PER_S, SpanSettings
from simulator.wire.address import address, ipv4

X, Y = "999990000000001", "999990000000002"
a, b = "9899990000000101", "9899990000000201"
HOME, AWAY = ipv4("10.64.0.17"), ipv4("10.64.0.18")
GATEWAY, OTHER = "pgw-sim-1", "pgw-sim-2"
PEER = address("127.0.0.1", 4711)
START, INTERIM, STOP = Status.START, Status.INTERIM, Status.STOP


class Scene:
    """A platform, one moment, and gateways that say what they are told to."""

    def __init__(self, **options):
        self.core = SpanCore(SpanSettings(**options))
        self.collection = self.core.create_collection()
        self.now_ns = 1_714_076_616 * NS_PER_S

    def device(self, imsi="", imei=""):
        return self.core.registry.create_device(self.collection, imsi=imsi, imei=imei)

    def attach(self, imsi=X, imei=a, host=HOME, **rest):
        told = {"nas_id": GATEWAY, "imsi": imsi, "imeisv": imei, "address": host} | rest
        return self.core.radius.access(Bearer(**told), PEER, self.now_ns)

    def tell(self, status, session, imsi=X, imei=a, host=HOME, **rest):
        bearer = {"nas_id": GATEWAY, "imsi": imsi, "imeisv": imei, "address": host}
        bearer |= {key: rest.pop(key) for key in list(rest) if key in Bearer.__dataclass_fields__}
        report = Accounting(status=status, session_id=session, bearer=Bearer(**bearer), **rest)
        self.core.radius.account(report, PEER, self.now_ns)

    def later(self, seconds):
        self.now_ns += seconds * NS_PER_S

    def restart(self):
        self.core = revive(self.core.settings, keep(self.core))

    @property
    def sessions(self):
        """(IMSI, Acct-Session-Id) of all sessions."""
        return [(str(each.imsi), each.account) for each in self.core.network.sessions.values()]

    @property
    def counted(self):
        return {name: number for name, number in self.core.statistics().items() if number}


@pytest.fixture
def it():
    scene = Scene()
    scene.device(X)
    scene.device(Y)
    return scene


# --- answers ----------------------------------------------------------------------------------------------------------


def test_an_accept_carries_the_address_and_the_device(it):
    it.core.radius.interim_s = 600
    device = it.core.registry.by_imsi[int(X)]
    assert it.attach() == (
        n.Code.ACCESS_ACCEPT,
        [
            (n.FRAMED_IP_ADDRESS, bytes((10, 64, 0, 17))),
            (n.CLASS, f"d:{device.id}.{device.session.serial}".encode()),
            (n.ACCT_INTERIM_INTERVAL, bytes((0, 0, 2, 88))),
        ],
    )


def test_a_reject_carries_nothing_but_the_reason(it):
    assert it.attach(imsi="999990000000009", imei="") == (
        n.Code.ACCESS_REJECT,
        [(n.REPLY_MESSAGE, b"Device does not exist")],
    )
    assert it.attach(imsi="").attributes == [(n.REPLY_MESSAGE, b"Missing or invalid IMSI")]


def address_of(reply):
    assert reply.code == n.Code.ACCESS_ACCEPT
    return ".".join(map(str, dict(reply.attributes)[n.FRAMED_IP_ADDRESS]))


@pytest.mark.parametrize("hint", ["0.0.0.0", "255.255.255.254", "224.0.0.1"])
def test_a_hint_that_is_no_address_lets_the_platform_choose(it, hint):
    assert address_of(it.attach(host=ipv4(hint))) == "10.64.0.1"


def test_a_hint_is_honoured_unless_another_sim_in_session_has_it(it):
    assert address_of(it.attach(X, host=HOME)) == "10.64.0.17"
    assert address_of(it.attach(Y, "", host=HOME)) == "10.64.0.1"
    assert it.core.is_known(address("127.64.0.17", 1))
    it.tell(STOP, "")
    assert address_of(it.attach(Y, "", host=HOME)) == "10.64.0.17"


def test_whoever_takes_a_device_over_may_have_its_address():
    it = Scene()
    it.device(imei=a[:14])
    it.attach(X)
    assert address_of(it.attach(Y, host=HOME)) == "10.64.0.17"
    assert it.counted["takeovers"] == 1
    assert it.sessions == [(Y, "")]


def test_a_source_of_its_own_is_where_datagrams_come_from(it):
    it.attach(source="127.0.0.1:4200")
    assert it.core.is_known(address("127.0.0.1", 4200))
    assert not it.core.is_known(address("127.64.0.17", 1))


@pytest.mark.parametrize("source", ["nowhere", "127.0.0.1:x", "0.0.0.0:1"])
def test_a_source_that_is_none_is_not_believed(it, source):
    it.attach(source=source)
    assert it.core.is_known(address("127.64.0.17", 1))


@pytest.mark.parametrize(
    ("bearer", "plmn", "cell"),
    [
        ({"serving_plmn": "24201", "location": Location(plmn="24202", cell=7)}, "24201", 7),
        ({"location": Location(plmn="310410", cell=0)}, "310410", 0),
        ({"home_plmn": "24201"}, "", None),  # where its SIM is from says nothing about where it is
    ],
)
def test_where_a_device_is(it, bearer, plmn, cell):
    it.attach(**bearer)
    ciot = it.core.registry.by_imsi[int(X)].ciot
    assert (ciot.gateway, ciot.plmn, ciot.cell) == (GATEWAY, plmn, cell)


def test_a_gateway_without_a_name_is_called_by_its_address(it):
    it.attach(nas_id="", nas_ip=ipv4("192.0.2.10"))
    assert it.core.network.of_sim(X).gateway == "192.0.2.10"
    it.attach(Y, "", host=AWAY, nas_id="")
    assert it.core.network.of_sim(Y).gateway == "127.0.0.1"


# --- takeovers --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("config", "before", "after", "takeovers"),
    [
        (("", a), (X, a), (Y, a), 1),  # IMEI cloned
        ((X, ""), (X, a), (X, b), 1),  # IMSI cloned
        ((X, ""), (X, a), (X, a[:14] + "02"), 0),  # modem firmware updated
        ((X, ""), (X, a), (X, ""), 0),  # the gateway does not tell
        ((X, a), (X, a), (X, a), 0),
    ],
)
def test_takeovers(config, before, after, takeovers):
    it = Scene()
    it.device(config[0], config[1][:14])
    it.attach(*before)
    it.attach(*after, host=AWAY)
    assert (it.counted["accepted"], it.counted.get("takeovers", 0)) == (2, takeovers)


def test_who_left_in_order_was_not_taken_over():
    it = Scene()
    it.device(imei=a[:14])
    it.attach(X)
    it.tell(START, "S1")
    it.tell(STOP, "S1")
    it.attach(Y, host=AWAY)
    assert "takeovers" not in it.counted


# --- reports in every order -------------------------------------------------------------------------------------------

ACCESS = "access"
OLD, NEW, NOBODY = [(X, "S1")], [(X, "S2")], []


@pytest.mark.parametrize(
    ("reports", "sessions", "stale"),
    [
        pytest.param([ACCESS], [(X, "")], 0, id="nothing told yet"),
        pytest.param([ACCESS, (START, "S1")], OLD, 0, id="start"),
        pytest.param([ACCESS, (START, "S1"), (START, "S1")], OLD, 0, id="start again"),
        pytest.param([ACCESS, (INTERIM, "S1")], OLD, 0, id="its start got lost"),
        pytest.param([ACCESS, (START, "S1"), (STOP, "S1")], NOBODY, 0, id="stop"),
        pytest.param([ACCESS, (START, "S1"), (STOP, "S1"), (STOP, "S1")], NOBODY, 0, id="stop again"),
        pytest.param([ACCESS, (START, "S1"), (STOP, "S2")], OLD, 1, id="stop of another"),
        pytest.param([ACCESS, (START, "S1"), ACCESS, (STOP, "S1")], [(X, "")], 1, id="late stop, before the new start"),
        pytest.param([ACCESS, (START, "S1"), ACCESS, (START, "S2"), (STOP, "S1")], NEW, 1, id="late stop, after it"),
        pytest.param([ACCESS, (START, "S1"), (STOP, "S1"), ACCESS, (START, "S2")], NEW, 0, id="stop first"),
        pytest.param([ACCESS, (START, "S1"), ACCESS, (INTERIM, "S1")], [(X, "")], 1, id="late interim"),
        pytest.param([ACCESS, (START, "S1"), ACCESS, (START, "S2"), (START, "S1")], NEW, 1, id="old start again"),
        pytest.param([ACCESS, (STOP, "S1")], NOBODY, 0, id="stop overtakes its start"),
        pytest.param([ACCESS, (STOP, "S1"), (START, "S1")], NOBODY, 1, id="and the start comes after it"),
        pytest.param([ACCESS, (STOP, "S1"), (INTERIM, "S1")], NOBODY, 1, id="and an interim does"),
        pytest.param([ACCESS, ACCESS, (STOP, "S1")], [(X, "")], 1, id="stop of which of two unnamed ones?"),
        pytest.param([ACCESS, ACCESS, (START, "S2"), (STOP, "S1")], NEW, 1, id="the one that is not named"),
        pytest.param([ACCESS, ACCESS, (INTERIM, "S1")], [(X, "")], 1, id="interim of which of two?"),
        pytest.param([(START, "S1")], OLD, 0, id="start of nobody's: made again"),
        pytest.param([(INTERIM, "S1")], OLD, 0, id="interim of nobody's: made again"),
        pytest.param([(STOP, "S1")], NOBODY, 1, id="stop of nobody's"),
        pytest.param([(STOP, "S1"), (START, "S1")], NOBODY, 2, id="stop of nobody's, then its start"),
        pytest.param([ACCESS, (START, "S1"), (START, "S2")], NEW, 0, id="the gateway began anew without asking"),
        pytest.param([ACCESS, (START, "S1"), (START, "S2"), (STOP, "S1")], NEW, 1, id="and ends what it had before"),
        pytest.param([ACCESS, (STOP, "")], NOBODY, 0, id="stop without a name, of a session without"),
        pytest.param([ACCESS, (START, "S1"), (STOP, "")], OLD, 1, id="stop without a name, of one that has it"),
    ],
)
@pytest.mark.parametrize("restarts", [False, True], ids=["", "restart between all"])
def test_reports(it, reports, sessions, stale, restarts):
    for report in reports:
        if report == ACCESS:
            it.attach()
        else:
            it.tell(*report)
        it.later(1)
        if restarts:
            it.restart()
    assert it.sessions == sessions
    assert it.counted.get("accounting.stale", 0) == stale


def test_an_older_start_that_comes_late_does_not_take_the_name(it):
    it.attach()
    it.attach()
    it.tell(START, "S2", event_unix_s=200)
    it.tell(START, "S1", event_unix_s=100)
    it.tell(STOP, "S1", event_unix_s=150)
    assert it.sessions == NEW
    it.tell(STOP, "S2", event_unix_s=300)
    assert it.sessions == NOBODY


@pytest.mark.parametrize("status", [START, INTERIM, STOP])
def test_another_gateway_has_no_say_about_a_session(it, status):
    it.attach()
    it.tell(status, "S1", nas_id=OTHER)
    assert it.sessions == [(X, "")]
    assert it.core.network.of_sim(X).gateway == GATEWAY


def test_both_gateways_may_use_the_same_names(it):
    it.attach(X)
    it.tell(START, "S1")
    it.attach(Y, "", AWAY, nas_id=OTHER)
    it.tell(START, "S1", Y, "", AWAY, nas_id=OTHER)
    it.tell(STOP, "S1", Y, "", AWAY, nas_id=OTHER)
    assert it.sessions == OLD


def test_a_session_by_the_door_is_no_gateways(it):
    it.core.login(X, a[:14], None, it.now_ns)
    for status in (START, INTERIM, STOP):
        it.tell(status, f"S{status}")
    assert it.sessions == [(X, "")]


@pytest.mark.parametrize(
    "bearer",
    [
        {"imsi": "", "host": 0, "class_": True},
        {"imsi": "", "host": HOME},
        {"imsi": X, "host": 0},
    ],
    ids=["Class", "address", "IMSI"],
)
def test_a_session_is_known_by_its_name_or_by(it, bearer):
    it.attach()
    if bearer.pop("class_", False):
        bearer["class_"] = b"d:" + it.core.registry.by_imsi[int(X)].id.encode()
    it.tell(START, "S1", **bearer)
    assert it.sessions == OLD


@pytest.mark.parametrize("late", [START, INTERIM, STOP])
def test_the_class_tells_a_late_report_from_one_of_the_present_session(it, late):
    """The Start of the first login was lost, and comes again when the device has logged in anew."""
    first = dict(it.attach()[1])[n.CLASS]
    second = dict(it.attach()[1])[n.CLASS]
    assert first != second
    it.tell(late, "S1", class_=first)
    assert it.sessions == [(X, "")]
    it.tell(START, "S2", class_=second)
    it.tell(STOP, "S1", class_=first)
    assert it.sessions == [(X, "S2")]
    it.restart()
    assert dict(it.attach()[1])[n.CLASS] not in (first, second)


@pytest.mark.parametrize("class_", [b"d:nobody", b"\xff\xfe", b"d:", b"?"])
def test_a_class_that_is_not_ours_says_nothing(it, class_):
    it.attach()
    it.tell(START, "S1", imsi="", host=0, class_=class_)
    assert it.sessions == [(X, "")]


@pytest.mark.parametrize("status", [START, INTERIM])
def test_a_session_is_made_again_only_where_a_login_would_be_accepted(it, status):
    stream = it.core.watch(it.now_ns, limit=10)
    it.tell(status, "S1", imsi="999990000000009", imei="")  # unknown
    it.tell(status, "S2", host=0)  # nobody knows its address
    it.core.registry.enable_device(it.core.registry.by_imsi[int(Y)], False)
    it.tell(status, "S3", Y, "", AWAY)
    assert it.sessions == NOBODY
    it.tell(status, "S4")
    it.core.registry.enable_device(it.core.registry.by_imsi[int(Y)], True)
    it.tell(status, "S5", Y, "")  # its address is another's
    assert it.sessions == [(X, "S4")]
    assert it.core.is_known(address("127.64.0.17", 1))
    assert stream.take() == []
    assert it.counted["accounting.stale"] == 4
    assert "rejected" not in it.counted


def test_an_interim_says_where_a_device_is_now(it):
    it.attach(rat=8, serving_plmn="24201", location=Location(plmn="24201", cell=1))
    it.later(60)
    it.tell(INTERIM, "S1", rat=9, location=Location(plmn="24202", cell=2))
    device = it.core.registry.by_imsi[int(X)]
    assert (device.ciot.plmn, device.ciot.cell, device.session.rat) == ("24202", 2, "lte-m")
    assert device.ciot.last_update_ms - device.ciot.allocated_at_ms == 60_000
    it.tell(INTERIM, "S1")
    assert (device.ciot.plmn, device.ciot.cell, device.session.rat) == ("24202", 2, "lte-m")


@pytest.mark.parametrize("status", [Status.ON, Status.OFF])
def test_a_gateway_that_restarts_has_no_sessions(it, status):
    it.attach(X)
    it.tell(START, "S1")
    it.attach(Y, "", AWAY, nas_id=OTHER)
    it.tell(status, "", imsi="", host=0)
    assert it.sessions == [(Y, "")]


def test_an_on_that_is_repeated_ends_no_new_session(it):
    it.attach()
    it.tell(Status.ON, "boot-1", imsi="", host=0)
    it.attach()
    it.tell(START, "S1")
    it.tell(Status.ON, "boot-1", imsi="", host=0)
    assert it.sessions == OLD
    it.tell(Status.ON, "boot-2", imsi="", host=0)
    assert it.sessions == NOBODY


def test_a_gateway_that_restarts_may_use_its_names_again(it):
    it.attach()
    it.tell(START, "S1")
    it.tell(STOP, "S1")
    it.tell(Status.ON, "boot-1", imsi="", host=0)
    it.attach()
    it.tell(START, "S1")
    assert it.sessions == OLD


@pytest.mark.parametrize("status", [0, 9, 15, 4_294_967_295])
def test_what_else_is_reported_changes_nothing(it, status):
    it.attach()
    it.tell(status, "S1")
    assert it.sessions == [(X, "")]


@pytest.mark.parametrize(
    ("cause", "name"), [(1, "User-Request"), (6, "Admin-Reset"), (None, "none"), (77, "77"), (11, "NAS-Reboot")]
)
def test_stops_are_counted_by_their_cause(it, cause, name):
    it.attach()
    it.tell(STOP, "S1", cause=cause)
    assert it.counted[f"stops.{name}"] == it.counted["accounting.stop"] == 1


def test_remembered_names_are_bounded(it, monkeypatch):
    monkeypatch.setattr("simulator.server.span.accounts.OVER_MOST", 5)
    for number in range(20):
        it.attach()
        it.tell(START, f"S{number}")
    it.tell(STOP, "S19")
    assert len(it.core.network.accounts.over) == 5
    assert it.core.network.accounts._open == {}


@pytest.mark.parametrize("status", [START, INTERIM, STOP])
def test_the_session_before_is_known_by_name_even_when_many_have_ended_since(it, monkeypatch, status):
    monkeypatch.setattr("simulator.server.span.accounts.OVER_MOST", 1)
    it.attach()
    it.tell(START, "S1")
    it.attach()
    it.tell(STOP, "S9", Y, "", AWAY)
    assert len(it.core.network.accounts.over) == 1
    it.tell(status, "S1")
    assert it.sessions == [(X, "")]


@pytest.mark.parametrize("status", [START, INTERIM])
def test_a_name_that_another_sim_has_too_does_not_make_it_the_same_session(it, status):
    it.attach(X)
    it.tell(START, "S1")
    it.attach(Y, "", AWAY)
    it.tell(status, "S1", Y, "", AWAY)
    assert it.sessions == [(X, "S1"), (Y, "S1")]


def test_a_session_that_nobody_knows_takes_nothing_from_who_is_there():
    it = Scene()
    it.device(imei=a[:14])
    it.attach(X)
    it.tell(START, "S9", Y, host=AWAY)
    assert it.sessions == [(X, "")]


# --- the platform ends sessions ---------------------------------------------------------------------------------------


def test_a_session_without_a_gateway_simply_ends(it):
    it.core.radius.send_disconnect = lambda _session: True
    it.core.login(X, a[:14], None, it.now_ns)
    assert it.core.radius.cut_off(it.core.network.of_sim(X)) is False
    assert it.sessions == NOBODY


def test_an_acknowledged_disconnect_ends_the_session_and_its_stop_is_still_expected(it):
    it.core.radius.send_disconnect = lambda _session: True
    it.attach()
    it.tell(START, "S1")
    session = it.core.network.of_sim(X)
    assert it.core.radius.cut_off(session) is True
    assert it.sessions == OLD
    it.core.radius.disconnected(session)
    assert it.sessions == NOBODY
    it.tell(STOP, "S1", cause=6)
    assert it.counted["stops.Admin-Reset"] == 1
    assert "accounting.stale" not in it.counted


def test_an_acknowledgement_that_comes_late_does_not_end_the_next_session(it):
    it.core.radius.send_disconnect = lambda _session: True
    it.attach()
    session = it.core.network.of_sim(X)
    it.core.radius.cut_off(session)
    it.attach()
    it.core.radius.disconnected(session)
    assert it.sessions == [(X, "")]


def test_what_a_disconnect_request_says(it):
    it.attach(imsi=X)
    session = it.core.network.of_sim(X)
    said = [(n.NAS_IDENTIFIER, GATEWAY.encode()), (n.FRAMED_IP_ADDRESS, bytes((10, 64, 0, 17))), (n.IMSI, X.encode())]
    assert it.core.radius.disconnect_attributes(session) == said
    it.tell(START, "S1")
    said.insert(2, (n.ACCT_SESSION_ID, b"S1"))
    assert it.core.radius.disconnect_attributes(session) == said


# --- names that are used again, reports that come late ----------------------------------------------------------------


@pytest.mark.parametrize("restarts", [False, True], ids=["", "restart between all"])
def test_a_gateway_that_has_lost_count_uses_names_again_for_other_sims(it, restarts):
    for report in [(X, "", HOME, START), (X, "", HOME, STOP), (Y, "", AWAY, START), (Y, "", AWAY, STOP)]:
        if report[3] == START:
            it.attach(*report[:3])
        it.tell(report[3], "S1", *report[:3])
        if restarts:
            it.restart()
    assert it.sessions == NOBODY
    assert (it.counted["accounting.stop"], it.counted.get("accounting.stale", 0)) == (2, 0)


@pytest.mark.parametrize("order", [1, -1])
def test_two_sessions_of_one_name_end_one_by_one(it, order):
    both = [(X, "", HOME), (Y, "", AWAY)]
    for one in both:
        it.attach(*one)
        it.tell(START, "S1", *one)
    first, second = both[::order]
    it.tell(STOP, "S1", *first)
    assert it.sessions == [(second[0], "S1")]
    it.tell(STOP, "S1", *first)
    assert it.sessions == [(second[0], "S1")]
    it.tell(STOP, "S1", *second)
    assert it.sessions == NOBODY


@pytest.mark.parametrize("status", [Status.ON, Status.OFF])
@pytest.mark.parametrize(("told_s", "sessions"), [(100, OLD), (101, NOBODY), (102, NOBODY), (0, NOBODY)])
def test_an_on_that_comes_late_ends_nothing_that_began_after_it(it, status, told_s, sessions):
    it.attach()
    it.tell(START, "S1", event_unix_s=101)
    it.tell(status, "boot-1", imsi="", host=0, event_unix_s=told_s)
    assert it.sessions == sessions


@pytest.mark.parametrize(("told_s", "cell"), [(199, 2), (200, 1), (201, 1), (0, 1)])
def test_an_interim_that_was_overtaken_does_not_move_the_device_back(it, told_s, cell):
    it.attach()
    it.tell(INTERIM, "S1", location=Location(plmn="24201", cell=2), event_unix_s=200)
    it.tell(INTERIM, "S1", location=Location(plmn="24201", cell=1), event_unix_s=told_s)
    assert it.core.registry.by_imsi[int(X)].ciot.cell == cell
    assert it.counted["accounting.interim"] == 2


def test_causes_that_nobody_has_assigned_are_counted_together(it):
    for cause in (255, 256, 257, 4_294_967_295):
        it.attach()
        it.tell(STOP, "", cause=cause)
    assert it.core.network.counts.stops == {"255": 1, "other": 3}


# --- addresses that are one device's ----------------------------------------------------------------------------------


def test_a_tunnel_that_devices_share_is_no_source(it):
    """RFC 2868 §3.3: gateways tell where their tunnel begins, and that is the same for all devices behind it."""
    it.attach(X, source="192.0.2.1")
    it.attach(Y, "", AWAY, source="192.0.2.1")
    assert it.sessions == [(X, ""), (Y, "")]
    assert it.core.is_known(address("127.64.0.17", 1))


def test_a_session_is_not_made_again_where_another_sends_from(it):
    it.attach(X, source="127.0.0.1:4200")
    it.tell(INTERIM, "S9", Y, "", AWAY, source="127.0.0.1:4200")
    assert it.sessions == [(X, "")]


@pytest.mark.parametrize("source", ["", "127.0.0.1:4200"])
def test_who_loses_its_address_by_an_order_loses_its_session(it, source):
    it.attach(X, source=source)
    assert it.core.login(Y, "", "10.64.0.17", it.now_ns).ip == "10.64.0.17"
    assert it.sessions == [(Y, "")]


def test_an_order_for_the_address_of_whom_it_takes_over_is_a_takeover():
    it = Scene()
    it.device(imei=a[:14])
    it.attach(X, source="127.0.0.1:4200")
    it.core.login(Y, a, "10.64.0.17", it.now_ns)
    assert (it.sessions, it.counted["takeovers"]) == ([(Y, "")], 1)


def test_addresses_from_elsewhere_use_up_none_of_the_networks_own():
    it = Scene(network_bits=29)
    sims = [f"99999000000000{number}" for number in range(1, 8)]
    for sim in sims:
        it.device(sim)
    for number, sim in enumerate(sims[:6]):
        it.attach(sim, "", ipv4("198.51.100.1") + number)
    it.restart()
    assert address_of(it.attach(sims[6], "", 0)) == "10.64.0.1"


@pytest.mark.parametrize(
    ("told", "name"),
    [
        ({}, (n.NAS_IDENTIFIER, GATEWAY.encode())),
        ({"nas_id": "", "nas_ip": ipv4("192.0.2.10")}, (n.NAS_IP_ADDRESS, bytes((192, 0, 2, 10)))),
        ({"nas_id": "localhost"}, (n.NAS_IDENTIFIER, b"localhost")),
    ],
)
def test_a_gateway_is_asked_by_the_name_that_it_gave_itself(it, told, name):
    it.attach(**told)
    assert it.core.radius.disconnect_attributes(it.core.network.of_sim(X))[0] == name
