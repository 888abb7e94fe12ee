"""The devices of a process that act by stories: those on the Internet, and those of DeviceUsers.

It is the fleet of a rehearsal, with the same performers, on gevent. What a rehearsal has besides (an operator's orders,
large objects) there is not. A FleetUser of mobile devices does without: a device that only uploads needs no story.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final

from simulator import acts
from simulator.acts import Cut, Story
from simulator.devices.internet import AnyDevice
from simulator.devices.outcome import OK, Outcome
from simulator.errors import UsageError
from simulator.fleet.fleet import Fleet
from simulator.fleet.keyring import Keyring
from simulator.fleet.performers import Performers
from simulator.load.mobile_network import mobile_of
from simulator.load.protocol_counts import named, of_port
from simulator.plan import Member
from simulator.wire.drivers.green import GreenWork, immediately, wait_for
from simulator.wire.drivers.stories import Running

if TYPE_CHECKING:
    from simulator.load.station import Station

Told = Callable[[Any, Outcome, float], None]
"""Called once with an argument, what came of a story, and the run time."""


class Garrison:
    """All of them, with what they speak through. There is one in a process: `garrison_of`."""

    def __init__(self, station: Station) -> None:
        self._station, self._clock = station, station.clock
        options, platform = station.options, getattr(station, "platform", None)
        self._closed = False
        self._fleet = Fleet((), options.seed, station.clock, station.timers, lambda *_: None)
        self.keyring = Keyring(self._fleet.devices, station.clock.unix_ns)
        """What Internet devices show of themselves; `Home.create` tells it what was issued."""
        self._work = GreenWork(station.loop)
        self._performers = Performers(
            self._fleet,
            station.clock,
            station.timers,
            self.keyring,
            {},
            station.failed,
            lambda: self._closed,
            self._work,
        )
        self._stories = self._performers.stories
        self._peers = {
            way: getattr(options, way) or getattr(platform, way, 0) for way in ("coap", "udp", "dtls", "coaps")
        }
        station.count(self.counters)
        station.at_end(self.close)

    @property
    def devices(self) -> dict[str, AnyDevice]:
        """By name; who has come once stays."""
        return self._fleet.devices

    def add(self, members: Iterable[Member]) -> None:
        """They are of the fleet from now on; those that are there stay who they are.

        Raises: LocalError: a port is not to be had. UsageError: nobody knows where they send to.
        """
        fresh = [member for member in members if member.name not in self._fleet.devices]
        if not fresh:
            return
        for transport in dict.fromkeys(member.group.transport for member in fresh):
            if not self._peers[transport]:
                raise UsageError(f"the platform has no {transport} endpoint; name it with --{transport} HOST:PORT")
        if self._performers.mobile is None and any(member.group.network == "ciot" for member in fresh):
            self._enter_mobile_network()
        self._fleet.add(fresh)
        where = self._peers
        # aiocoap wants a loop of asyncio, so every group speaks by our own engine.
        immediately(
            self._fleet.open(
                self._station.wire, where["coap"], where["udp"], "own", dtls=where["dtls"], coaps=where["coaps"]
            )
        )

    def _enter_mobile_network(self) -> None:
        network = mobile_of(self._station)
        if network is not None:
            self._performers.mobile = network.mobile
            network.lost.append(self._performers.lost)
        else:
            self._stories.perform({acts.Attach: self._is_in_already})

    def _is_in_already(self, act: acts.Attach, running: Running, now: float) -> None:
        """A platform that does not say where it takes logins has an operator for that; to us its devices are in."""
        self._stories.resume(running, acts.Accepted(act.ip or running.endpoint.ip), now)

    # --- stories ------------------------------------------------------------------------------------------------------

    def begin(self, name: str, story: Story[Outcome], told: Told, argument: Any, now: float) -> Running:
        """Have a device act; what comes of it is told, also from within. Never blocks."""

        def done(outcome: Outcome, then: float) -> None:
            told(argument, outcome, then)

        return self._stories.start(self._fleet.endpoints[name], _to_the_end(story), done, now)

    def run(self, name: str, story: Story[Outcome]) -> Outcome:
        """The same, and the greenlet waits for it. If the greenlet is killed meanwhile, the story ends where it is."""
        running: list[Running] = []
        try:
            outcome: Outcome = wait_for(
                lambda told, argument: running.append(self.begin(name, story, told, argument, self._clock.now()))
            )
        except BaseException:
            for each in running:
                self._stories.stop(each)
            raise
        return outcome

    def silence(self, names: Iterable[str], now: float) -> None:
        """What these devices do comes to its end, and their sessions on the Internet are closed in order.

        Those of the mobile network stay as they are: who wants them over has the devices detach.
        """
        for name in names:
            self._stories.cut(name, ENDED, now)
            device = self._fleet.devices[name]
            if device.member.group.network == "inet":
                device.happened("disconnected")
                self._fleet.dtls(name).hang_up(device.ip, now)

    def counters(self) -> dict[str, int]:
        """What was counted since the beginning: `dtls.handshakes`, `coap.retransmissions`, `bytes.sent` …"""
        found: dict[str, int] = {}
        for room, counts in self._fleet.counts():
            for name, number in (of_port(counts) if room == "port" else named(room, counts)).items():
                found[name] = found.get(name, 0) + number
        return found

    def close(self) -> None:
        """Sessions end in order, ports are closed; what still goes on is never told."""
        if not self._closed:
            self._closed = True
            self._fleet.hang_up(self._clock.now())
            self._work.close()
            immediately(self._fleet.close())


ENDED: Final = "the test has ended"


def garrison_of(station: Station) -> Garrison:
    """The one of this process; made when it is first asked for."""
    return station.shared("garrison", lambda: Garrison(station))


def _to_the_end(story: Story[Outcome]) -> Story[Outcome]:
    """A device that loses its power in the midst of something has failed in it."""
    try:
        return (yield from story)
    except Cut as cut:
        return Outcome("failed", str(cut))


def result_of(outcome: Outcome) -> acts.Result:
    """What an upload came to, in the words of acts: the way back from `devices.outcome.outcome_of`; also of other acts
    that have failed."""
    word, sent = outcome.word, outcome.transmissions
    if word == OK:
        return acts.Answer(_CHANGED, outcome.payload or b"", sent) if outcome.answered else acts.Sent()
    if word.startswith(_COAP):
        number, _, detail = word.removeprefix(_COAP).partition(".")
        return acts.Answer(int(number) << 5 | int(detail), outcome.detail.encode(), sent)
    if word == "rejected":
        return acts.Rejected(outcome.detail, sent)
    if word in ("timeout", "cancelled"):
        return acts.NoAnswer(word, sent)
    return acts.Broken(outcome.detail)


_CHANGED: Final = 0x44
_COAP: Final = "coap "
