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
    assert await it.api.doors() == {"tokens"}  # nobody listens for RADIUS
    await it.server.start(MemoryNetwork(Calendar(), it.server._clock))
    assert await it.api.doors() == {"login", "tokens"}
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
