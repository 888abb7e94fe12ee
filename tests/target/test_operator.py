"""The operator against a server in this process: what it reads about devices, takes back, and cleans up."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from simulator import acts
from simulator.clock import VirtualClock
from simulator.errors import TargetError
from simulator.server.app import ReferenceServer, ServerSettings
from simulator.target.api import ApiRefused, SpanApi
from simulator.target.in_process import InProcessCaller
from simulator.target.observer import Observer
from simulator.target.operator import Operator, value_at
from simulator.target.radius import RadiusDoor
from simulator.wire.calendar import Calendar
from simulator.wire.memory import MemoryNetwork

DOCUMENT = msgspec.json.Decoder(float_hook=str).decode(
    b'{"enabled": true, "off": false, "count": 12345678901234567890, "load": 1.10, "none": null, "list": [1],'
    b'"tags": {"site": "7", "site.id": "8", "": "nameless"}, "config": {"ciot": {"imsi": "001"}}, "a.b": {"c": "d"}}'
)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("enabled", "true"),
        ("off", "false"),
        ("count", "12345678901234567890"),
        ("load", "1.10"),
        ("tags.site", "7"),
        ("tags.site.id", "8"),
        ("tags.", "nameless"),
        ("config.ciot.imsi", "001"),
        ("a.b.c", "d"),
        ("none", None),
        ("list", None),
        ("tags", None),
        ("config.ciot", None),
        ("nowhere", None),
        ("enabled.more", None),
        ("tags.site.id.more", None),
        ("", None),
    ],
)
def test_a_path_leads_to_one_value_as_text_or_nowhere(path, text):
    assert value_at(DOCUMENT, path) == text


class Scene:
    def __init__(self):
        clock = VirtualClock()
        self.server = ReferenceServer(ServerSettings.on_free_ports(), clock)
        self.api = SpanApi(InProcessCaller(self.server, clock, self.server.token))
        self.operator = Operator(self.api, Observer(lambda record: None, clock.now))

    async def begin(self):
        await self.operator.create_collections([("", {})])
        order = acts.CreateDevice(imsi="001", imei="", tags=(("site", "7"),), collection="")
        assert await self.operator.carry_out("m", order) == acts.Done()
        return self

    def waiting(self):
        (device,) = self.server.core.registry.devices.values()
        return [message.payload for message in device.outbox.messages if message.state == "pending"]


def in_process(test):
    def run():
        async def main():
            await test(await Scene().begin())

        asyncio.run(main())

    run.__name__ = test.__name__
    return run


@in_process
async def test_the_state_of_a_device_by_its_name(it):
    paths = ("tags.site", "config.ciot.imsi", "firmware.state", "enabled", "lastReceived", "metadata.ciot.lastImsi")
    assert await it.operator.state("m", paths) == dict(
        zip(paths, ("7", "001", "Current", "true", "0", None), strict=True)
    )


@in_process
async def test_the_state_of_a_stranger_or_of_a_platform_that_is_down_is_no_answer(it):
    with pytest.raises(TargetError, match="stranger is not registered"):
        await it.operator.state("stranger", ["enabled"])
    await it.server.halt()
    with pytest.raises(TargetError, match="refused"):
        await it.operator.state("m", ["enabled"])
    assert isinstance(await it.operator.carry_out("m", acts.RemoveDevice()), acts.Broken)


@pytest.mark.parametrize(("which", "left"), [("oldest", [b"2", b"3"]), ("newest", [b"1", b"2"]), ("all", [])])
def test_what_is_withdrawn(which, left):
    @in_process
    async def scene(it):
        for payload in (b"0", b"1", b"2", b"3"):
            await it.operator.carry_out("m", acts.QueueDownstream(payload))
        (device,) = it.server.core.registry.devices.values()
        device.outbox.deliver("udp", "1", 0)  # what was delivered is no longer queued
        assert await it.operator.carry_out("m", acts.WithdrawDownstream(which)) == acts.Done()
        assert it.waiting() == left

    scene()


@in_process
async def test_where_nothing_is_queued_nothing_can_be_withdrawn(it):
    result = await it.operator.carry_out("m", acts.WithdrawDownstream("newest"))
    assert result == acts.Rejected("no message is queued")


@in_process
async def test_an_order_may_show_another_token(it):
    await it.api.issue_token("reader", "/", False)
    for order in (acts.QueueDownstream(b"1"), acts.RemoveDevice(), acts.CreateDevice("2", "", (), "")):
        result = await it.operator.carry_out("m", order, "reader")
        assert result == acts.Rejected("403 The API token is read-only"), order
    await it.api.revoke_token("reader")
    assert await it.operator.carry_out("m", acts.RemoveDevice(), "reader") == acts.Rejected("401 Unknown API token")
    assert await it.operator.carry_out("m", acts.RemoveDevice()) == acts.Done()


@in_process
async def test_which_doors_are_open(it):
    assert await it.api.doors() == {"tokens", "validity"}  # nobody listens for RADIUS
    await it.server.start(MemoryNetwork(Calendar(), it.server._clock))
    assert await it.api.doors() == {"login", "tokens", "validity"}
    await it.api.issue_token("reader", "/", False)
    assert await it.api.showing("reader").doors() == frozenset()
    with pytest.raises(ApiRefused, match="401"):
        await it.api.showing("nobody").doors()


@in_process
async def test_where_gateways_ask_is_told_and_the_secret_never_shown(it):
    await it.server.start(MemoryNetwork(Calendar(), it.server._clock))
    access = await it.api.radius()
    assert (access.authentication, access.accounting) == (it.server.radius_address, it.server.accounting_address)
    assert access.secret == it.server.radius_secret
    assert access.secret.decode() not in repr(access)


@pytest.mark.parametrize("where", ["127.0.0.1", "here:1812", "127.0.0.1:x", "127.0.0.1:0", "127.0.0.1:99999", ""])
def test_what_is_no_address_of_a_listener_is_said_to_make_no_sense(where):
    for fields in ({"authentication": where}, {"accounting": where}):
        door = RadiusDoor(**{"authentication": "127.0.0.1:1", "accounting": "127.0.0.1:2", "secret": "s"} | fields)
        with pytest.raises(TargetError, match="makes no sense"):
            door.access()
        assert "secret" not in repr(door)


@in_process
async def test_a_session_is_ended_by_the_platform_or_there_is_none(it):
    assert await it.operator.carry_out("m", acts.CutOff()) == acts.Rejected("404 No such session")
    await it.api._ask("POST", "/simulator/login", {"imsi": "001", "address": "127.64.0.5"}, msgspec.Raw)
    assert await it.operator.carry_out("m", acts.CutOff()) == acts.Done()
    assert (await it.api.statistics())["sessions"] == 0
    assert await it.operator.carry_out("stranger", acts.CutOff()) == acts.Rejected(
        "stranger is not registered on the platform"
    )


# --- certificates -----------------------------------------------------------------------------------------------------


def inet(kind):
    return acts.CreateDevice(imsi="", imei="", tags=(), collection="", certificate=kind)


class Issuing(Scene):
    """An operator who has to do with certificates."""

    def __init__(self):
        super().__init__()
        self.clock = self.server._clock
        self.issued = []
        observer = Observer(lambda record: None, self.clock.now)
        told = lambda *what: self.issued.append(what)  # noqa: E731
        self.operator = Operator(self.api, observer, told, unix_ns=self.clock.unix_ns)

    def device(self, name):
        return next(
            each for each in self.server.core.registry.devices.values() if each.id == self.operator._devices[name][1]
        )

    def problem(self, credentials, kind="device"):
        now_ns = self.clock.unix_ns()
        found = self.server.core.certificates.authority_at(now_ns).read(credentials.certificate)
        return self.server.core.certificates.refusal(found.serial, kind, now_ns)


def issuing(test):
    def run():
        async def main():
            await test(await Issuing().begin())

        asyncio.run(main())

    run.__name__ = test.__name__
    return run


@issuing
async def test_each_kind_of_certificate_is_got_where_it_is_made(it):
    for kind, problem in (
        ("own", ""),
        ("expired", "certificate has expired"),
        ("early", "certificate is not valid yet"),
        ("gateway", "certificate of a gateway"),
    ):
        assert await it.operator.carry_out(kind, inet(kind)) == acts.Done()
        name, told, credentials = it.issued.pop()
        assert (name, told) == (kind, kind)
        assert it.problem(credentials) == problem
        assert credentials.key.startswith(b"-----BEGIN PRIVATE KEY-----")
        assert credentials.chain.count(b"-----BEGIN CERTIFICATE-----") == 2
        assert credentials.chain.endswith(credentials.root)
        assert it.device(kind).inet
    for kind in ("none", "foreign", "self-signed", "copy"):
        assert await it.operator.carry_out(kind, inet(kind)) == acts.Done()
        name, told, credentials = it.issued.pop()
        assert (name, told, credentials.certificate, credentials.key) == (kind, kind, b"", b"")
        assert credentials.chain.count(b"-----BEGIN CERTIFICATE-----") == 2
    assert it.issued == []


@issuing
async def test_a_key_shows_nowhere(it):
    await it.operator.carry_out("a", inet("own"))
    credentials = it.issued[0][2]
    assert "PRIVATE" not in repr(credentials) + str(it.issued)


@issuing
async def test_a_renewed_certificate_comes_with_the_old_one_still_good(it):
    await it.operator.carry_out("a", inet("own"))
    assert await it.operator.carry_out("a", acts.RenewCertificate()) == acts.Done()
    (_, _, first), (name, kind, second) = it.issued
    assert (name, kind) == ("a", "own")
    assert first.certificate != second.certificate
    assert [it.problem(each) for each in (first, second)] == ["", ""]


@issuing
async def test_a_device_of_the_mobile_network_has_no_certificate(it):
    assert it.issued == []
    assert not it.device("m").inet


@issuing
async def test_who_may_not_is_told_so(it):
    await it.operator.carry_out("a", inet("own"))
    await it.api.issue_token("reader", "/", False)
    answer = await it.operator.carry_out("a", acts.RenewCertificate(), "reader")
    assert answer == acts.Rejected("403 The API token is read-only")
    assert await it.operator.carry_out("b", acts.RenewCertificate()) == acts.Rejected(
        "b is not registered on the platform"
    )


@issuing
async def test_clean_up_leaves_neither_gateways_nor_blobs(it):
    for name in ("a", "b"):
        await it.operator.carry_out(name, inet("gateway"))
    assert len(it.server.core.gateways.all) == 1
    core = it.server.core
    core.blobs.store(it.device("a"), path="/", payload=b"x", content_type="", address="", gateway_id="2", now_ns=0)
    assert await it.operator.clean_up() == []
    assert (core.registry.collections, core.registry.devices, core.gateways.all, core.blobs.count) == ({}, {}, {}, 0)


@pytest.mark.parametrize(
    ("certificate", "words"), [('"no base64!"', "PEM is expected, as base64"), ("7", "Expected `str`")]
)
def test_an_answer_that_is_no_certificate_says_so_without_showing_it(certificate, words):
    class Caller:
        async def call(self, method, path, body):
            return 200, f'{{"certificate": "", "privateKey": {certificate}, "chain": ""}}'.encode()

    with pytest.raises(TargetError, match=words) as caught:
        asyncio.run(SpanApi(Caller()).create_certificate("c", "d"))
    assert "no base64!" not in str(caught.value)
