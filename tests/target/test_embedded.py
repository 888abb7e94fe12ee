"""The embedded platform while it is restarted, misbehaves, and is read by others: in virtual time and over sockets."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import msgspec
import pytest

from simulator import acts
from simulator.clock import WallClock
from simulator.errors import TargetError
from simulator.events.records import EventRecord, GapRecord, SeenRecord, StreamRecord
from simulator.target.api import ApiRefused
from simulator.target.embedded import EmbeddedTarget
from simulator.target.observer import NamedObserver, Observer
from simulator.target.operator import Operator
from simulator.wire.address import address
from simulator.wire.drivers.real import RealTimers
from simulator.wire.drivers.virtual import run_virtual
from simulator.wire.memory import MemoryNetwork
from simulator.wire.real import open_wire

PATIENCE_S = 20.0


class Scene:
    """A target with one collection, one device in session, and everything that was recorded."""

    def __init__(self, clock, timers, wire, *, sockets):
        self.clock, self.wire = clock, wire
        self.target = EmbeddedTarget(clock=clock, timers=timers, wire=wire, sockets=sockets)
        self.records = []
        self.observer = Observer(self.records.append, clock.now, failed=self.records.append)
        self.observer.judged = True
        self.sent = 0

    async def begin(self):
        await self.target.start()
        self.operator = Operator(self.target.api, self.observer)
        await self.operator.create_collections([("", {})])
        self.collection = self.operator.collections[""]
        await self.target.observe(self.collection, self.observer)
        await self.operator.carry_out("m", acts.CreateDevice("1", "", (), ""))
        self.port = await self.wire.open("127.0.0.1", 0, lambda *_: None)
        login = {"imsi": "1", "address": "127.64.0.5", "source": self.source()}
        await self.target.api._ask("POST", "/simulator/login", login, msgspec.Raw)
        return self

    def source(self):
        return f"127.0.0.1:{self.port.address >> 32}"

    def send(self, count=1):
        """That many messages, each one byte longer than the one before: their sizes are their numbers, up to 1000."""
        for _ in range(count):
            self.sent += 1
            self.port.send(bytes(min(self.sent, 1000)), self.target.udp)
        self.port.flush()

    def named(self, name="other"):
        return NamedObserver(name, self.records.append, self.observer)

    def of(self, kind, observer=""):
        return [
            record
            for record in self.records
            if isinstance(record, kind) and getattr(record, "observer", "") == observer
        ]

    @property
    def sizes(self):
        """Of the messages that the run's own observer saw."""
        return [int(each.data["bytes"]) for each in self.of(EventRecord) if each.name == "upstreamMessage"]

    def sizes_of(self, name):
        seen = [record.event for record in self.of(SeenRecord, name)]
        return [int(event.data["bytes"]) for event in seen if event.name == "upstreamMessage"]

    async def until(self, holds):
        give_up_s = self.clock.now() + 5
        while not holds():
            assert self.clock.now() < give_up_s, (self.sent, self.records[-3:])
            await asyncio.sleep(0.005)


def in_both_times(test):
    """In virtual time and in process, then in real time over sockets."""

    @pytest.mark.parametrize("time", ["virtual", pytest.param("real", marks=pytest.mark.real)])
    def run(time):
        async def virtual(loop):
            it = Scene(loop.clock, loop.timers, MemoryNetwork(loop.timers, loop.clock), sockets=False)
            await test(await it.begin())
            await it.target.stop()

        async def real():
            loop, clock = asyncio.get_running_loop(), WallClock()
            wire = await open_wire("auto", clock, loop)
            it = Scene(clock, RealTimers(clock, loop), wire, sockets=True)
            try:
                async with asyncio.timeout(PATIENCE_S):
                    await test(await it.begin())
            finally:
                await it.target.stop()
                await wire.close()

        if time == "virtual":
            run_virtual(virtual)
        else:
            asyncio.run(real())

    run.__name__ = test.__name__
    return run


@in_both_times
async def test_the_runs_own_observer_misses_nothing_and_sees_nothing_twice_over_restarts(it):
    for lasting_s in (0.0, 0.3, 0.0):
        core, heard = it.target._server.core, it.target._server.core.counts.upstream + 20
        it.send(20)
        await it.until(lambda core=core, heard=heard: core.counts.upstream == heard)
        await it.target.halt()
        assert it.sizes == list(range(1, it.sent + 1))  # handed on before anything else happens
        await asyncio.sleep(lasting_s)
        await it.target.resume()
        it.send(20)
        await it.until(lambda: len(it.sizes) >= it.sent)
    assert it.sizes == list(range(1, it.sent + 1))
    await it.target.tell_gaps()
    assert it.of(GapRecord) == []
    assert [each.name for each in it.of(EventRecord)].count("clientConnected") == 1


@in_both_times
async def test_what_happens_in_the_last_moment_is_handed_on_too(it):
    peer = address("127.0.0.1", it.port.address >> 32)
    for size in (1, 2, 3):
        it.target._server.udp.receive(bytes(size), peer, 0, it.clock.now())
    await it.target.halt()
    assert it.sizes == [1, 2, 3]
    await it.target.tell_gaps()
    assert it.of(GapRecord) == []


@in_both_times
async def test_while_it_is_down_nobody_is_there(it):
    await it.target.halt()
    for call in (it.target.api.version(), it.target.subscribe(it.collection, it.named(), "", None)):
        with pytest.raises(TargetError, match=r"no connection .*refused"):
            await call
    await it.target.tell_gaps()
    assert it.of(GapRecord) == []
    await it.target.resume()
    assert await it.target.api.version()


@in_both_times
async def test_another_observer_is_cut_comes_back_by_itself_and_tells_its_gap(it):
    await it.target.subscribe(it.collection, it.named(), "", None)
    it.send()
    await it.until(lambda: it.sizes_of("other") == [1])
    down_s = it.clock.now()
    await it.target.halt()
    await it.until(lambda: len(it.of(StreamRecord, "other")) == 2)
    await it.target.resume()
    up_s = it.clock.now()
    await it.until(lambda: len(it.of(StreamRecord, "other")) == 3)
    it.send()
    await it.until(lambda: it.sizes_of("other") == [1, 2])
    streams = it.of(StreamRecord, "other")
    assert [each.phase for each in streams] == ["opened", "closed", "opened"]
    assert "1012: service restart" in streams[1].why
    (gap,) = it.of(GapRecord, "other")
    assert down_s <= gap.from_s <= up_s <= gap.to_s <= streams[2].t_s


@in_both_times
async def test_a_revoked_token_ends_its_stream_for_good(it):
    await it.target.issue_token("secret", f"/collections/{it.collection}", False)
    await it.target.subscribe(it.collection, it.named(), "secret", None)
    it.send()
    await it.until(lambda: it.sizes_of("other") == [1])
    await it.target.revoke_token("secret")
    await it.until(lambda: len(it.of(StreamRecord, "other")) == 2)
    assert "1008: token revoked" in it.of(StreamRecord, "other")[-1].why
    it.send()
    await it.until(lambda: it.sizes == [1, 2])
    await asyncio.sleep(0.4)  # longer than it would take to come back
    assert len(it.of(StreamRecord, "other")) == 2
    await it.target.tell_gaps()
    (gap,) = it.of(GapRecord, "other")
    assert gap.to_s == pytest.approx(it.clock.now(), abs=0.2)
    await it.target.halt()
    await it.target.resume()
    await asyncio.sleep(0.4)  # a restart is no reason to come back, either
    assert len(it.of(StreamRecord, "other")) == 2
    with pytest.raises(ApiRefused, match="401 Unknown API token"):
        await it.target.api_as("secret").collections()


@in_both_times
async def test_a_token_that_is_lost_while_it_is_down_is_told_when_it_asks_again(it):
    await it.target.issue_token("secret", "/", False)
    await it.target.subscribe(it.collection, it.named(), "secret", None)
    await it.target.halt()
    await it.until(lambda: len(it.of(StreamRecord, "other")) == 2)
    end = it.target.misbehave("restart-loses-tokens")
    await it.target.resume()
    end()
    await it.until(lambda: len(it.of(StreamRecord, "other")) == 3)
    last = it.of(StreamRecord, "other")[-1]
    assert (last.phase, "401" in last.why) == ("closed", True)


@pytest.mark.parametrize("reads_per_s", [None, 5.0])
@pytest.mark.parametrize(
    ("token", "resource", "collection", "status", "title"),
    [
        ("nobody", None, None, 401, "Unknown API token"),
        ("narrow", "/collections/17dh0cf43jfgl8x", None, 403, "The API token does not cover this resource"),
        ("", None, "17dh0cf43jfgl8", 404, "Unknown collection"),
    ],
)
def test_a_refusal_is_told_in_the_platforms_words(reads_per_s, token, resource, collection, status, title):
    @in_both_times
    async def scene(it):
        if resource is not None:
            await it.target.issue_token(token, resource, False)
        with pytest.raises(ApiRefused) as refused:
            await it.target.subscribe(collection or it.collection, it.named(), token, reads_per_s)
        assert (refused.value.status, refused.value.title) == (status, title)
        assert it.of(StreamRecord, "other") == []

    scene("virtual")
    scene("real")


@in_both_times
async def test_who_unsubscribes_sees_nothing_more(it):
    close = await it.target.subscribe(it.collection, it.named(), "", None)
    it.send()
    await it.until(lambda: it.sizes_of("other") == [1])
    await close()
    await close()
    it.send()
    await it.until(lambda: it.sizes == [1, 2])
    assert it.sizes_of("other") == [1]
    assert [each.phase for each in it.of(StreamRecord, "other")] == ["opened", "closed"]
    assert it.of(GapRecord, "other") == []


def in_virtual_time(test):
    def run():
        async def main(loop):
            await test(
                await Scene(loop.clock, loop.timers, MemoryNetwork(loop.timers, loop.clock), sockets=False).begin()
            )

        run_virtual(main)

    run.__name__ = test.__name__
    return run


@in_virtual_time
async def test_a_paced_reader_reads_so_many_a_second_and_not_more(it):
    await it.target.subscribe(it.collection, it.named(), "", 10.0)
    it.send(100)
    await asyncio.sleep(4.95)
    assert it.sizes_of("other") == list(range(1, 50))  # 0.0 s: clientConnected, then one every 0.1 s
    await asyncio.sleep(6.0)
    assert it.sizes_of("other") == list(range(1, 101))
    times = [record.event.rx_s for record in it.of(SeenRecord, "other")]
    assert min(later - earlier for earlier, later in pairwise(times)) == pytest.approx(0.1)


@pytest.mark.parametrize(("reads_per_s", "burst"), [(1000.0, 10), (250.0, 2), (0.5, 1)])
def test_a_faster_one_reads_in_portions(reads_per_s, burst):
    @in_virtual_time
    async def scene(it):
        await it.target.subscribe(it.collection, it.named(), "", reads_per_s)
        it.send(100)
        await asyncio.sleep(1000)
        times = [record.event.rx_s for record in it.of(SeenRecord, "other")]
        assert len(times) == 101
        assert max(times.count(time) for time in times) == burst
        assert times[-1] - times[0] == pytest.approx((101 - burst) / reads_per_s, abs=burst / reads_per_s)

    scene()


@in_virtual_time
async def test_what_a_paced_reader_misses_is_what_the_platform_says(it):
    await it.target.subscribe(it.collection, it.named(), "", 1000.0)
    (stream,) = [each for each in it.target._server.core.readers if each.waiting == 0 and each._limit == 10_000]
    for _ in range(3):
        it.send(12_000)
        await asyncio.sleep(5.0)
    await asyncio.sleep(60.0)
    gaps = it.of(GapRecord, "other")
    missed = sum(gap.dropped for gap in gaps)
    assert missed == stream.dropped > 0
    assert len(it.of(SeenRecord, "other")) + missed == 36_000 + 1
    assert it.of(GapRecord) == []
    assert len(it.sizes) == 36_000
    seen = [record.event.rx_s for record in it.of(SeenRecord, "other")]
    assert all(gap.from_s <= gap.to_s and gap.from_s in seen for gap in gaps)


@in_virtual_time
async def test_a_paced_reader_that_is_cut_tells_what_it_had_not_read(it):
    await it.target.subscribe(it.collection, it.named(), "", 1.0)
    it.send(10)
    await asyncio.sleep(2.5)
    await it.target.tell_gaps()
    why = "8 messages are not read yet at 1 a second; add `wait: 8 s` at the end"
    assert it.of(GapRecord, "other")[0].why == why
    await it.target.halt()
    await asyncio.sleep(1.0)
    assert len(it.of(SeenRecord, "other")) == 3
    assert "8 messages were not read" in it.of(StreamRecord, "other")[-1].why
    await it.target.resume()
    await asyncio.sleep(1.0)
    gap = it.of(GapRecord, "other")[-1]
    assert (gap.from_s, gap.to_s) == (2.0, 3.6)
    it.send()
    await asyncio.sleep(2.0)
    assert it.sizes_of("other")[-1] == 11


@in_both_times
async def test_a_fault_stays_over_a_restart_until_it_is_ended(it):
    def arrived():
        return it.target._server.core.counts.upstream

    end = it.target.misbehave("upstreamMessage-missing")
    it.send()
    await it.until(lambda: arrived() == 1)
    await it.target.halt()
    await it.target.resume()
    before = arrived()
    it.send()
    await it.until(lambda: arrived() == before + 1)
    end()
    end()
    it.send()
    await it.until(lambda: it.sizes == [3])
    await it.target.halt()
    await it.target.resume()
    it.send()
    await it.until(lambda: it.sizes == [3, 4])
