"""Carries out what devices want: each story runs until it wants something, and goes on when that has come.

This is the part of a driver that asyncio, gevent and virtual time share. A device costs one generator and one small
object, not a task: nothing is scheduled for a story that waits for an answer.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, Final, Protocol

from simulator.acts import (
    Act,
    Attach,
    Broken,
    ChangeCell,
    Connect,
    Cut,
    Datagram,
    Detach,
    Disconnect,
    Done,
    Get,
    Post,
    Result,
    Sent,
    Sleep,
    SleepUntil,
    Story,
    UploadBlob,
)
from simulator.clock import Timers
from simulator.wire.address import Address, Ipv4
from simulator.wire.ports import Port

GET, POST = 1, 2


class Requester(Protocol):
    """A CoAP client for many devices: our engine, or aiocoap on the same wire."""

    def request(
        self,
        local_ip: Ipv4,
        peer: Address,
        code: int,
        path: str,
        payload: bytes,
        confirmable: bool,
        done: Callable[[Any, Any, float], None],
        argument: Any,
        now: float,
    ) -> object:
        """Begin one exchange; `done(argument, result, now)` is called exactly once."""

    def forget(self, local_ip: Ipv4) -> None:
        """The device lost its memory: whatever it waits for ends as cancelled."""


class Endpoint:
    """What a device has been given to speak through.

    Args:
        why_not: why a datagram of a size cannot be sent from an address; "": it can. None: every datagram can.
    """

    __slots__ = ("coap", "coap_peer", "ip", "name", "udp", "udp_peer", "why_not")

    def __init__(
        self,
        name: str,
        ip: Ipv4,
        *,
        coap: Requester | None = None,
        coap_peer: Address = 0,
        udp: Port | None = None,
        udp_peer: Address = 0,
        why_not: Callable[[Ipv4, int], str] | None = None,
    ) -> None:
        self.name, self.ip = name, ip
        self.coap, self.coap_peer = coap, coap_peer
        self.udp, self.udp_peer, self.why_not = udp, udp_peer, why_not


Performer = Callable[[Any, "Running", float], None]
"""Begins an act of a story; whoever ends it calls `Stories.resume(running, result, now)`, also from within."""

_OWN: Final = frozenset({Post, Get, Datagram, Sleep, Attach, Detach, ChangeCell, Connect, Disconnect, UploadBlob})
"""Acts that end with the power of the device that waits for them. Others are of the operator or the radio, or only say
when the next act is due."""

_NOTHING: Any = object()
_DONE: Final = Done()
_SENT: Final = Sent()


class Running:
    """A story under way. Compare by identity."""

    __slots__ = ("act", "busy", "done", "endpoint", "heir", "pending", "story")

    def __init__(self, endpoint: Endpoint, story: Story[Any], done: Callable[[Any, float], None]) -> None:
        self.endpoint, self.story, self.done = endpoint, story, done
        self.act: Act | None = None
        self.pending: Any = _NOTHING
        self.busy = False
        """Whether it is being stepped, or is over: in both cases nobody may step it."""
        self.heir: Running | None = None
        """What the story goes on as, since an act of it was cut short: late results of that act find nobody here."""


class Stories:
    """Runs many stories over one set of performers.

    Args:
        timers: what `Sleep` waits on.
        performers: how to carry out the acts that are not about datagrams or time (`Attach`, orders of the operator).
        on_error: called with whatever a story or a performer raises. That is a defect of ours, so the run must end.
    """

    def __init__(
        self,
        timers: Timers,
        performers: Mapping[type, Performer],
        on_error: Callable[[BaseException], None],
    ) -> None:
        self._timers = timers
        self._on_error = on_error
        self._running: dict[Running, None] = {}
        self._of: dict[str, tuple[Running, ...]] = {}  # by device, in the order in which they were started
        self._performers: dict[type, Performer] = {
            Post: self._post,
            Get: self._get,
            Datagram: self._datagram,
            Sleep: self._sleep,
            SleepUntil: self._sleep_until,
            **performers,
        }

    def perform(self, performers: Mapping[type, Performer]) -> None:
        """Also carry out these acts."""
        self._performers.update(performers)

    def start(self, endpoint: Endpoint, story: Story[Any], done: Callable[[Any, float], None], now: float) -> Running:
        """Begin a story; `done(returned, now)` is called when it has ended."""
        running = Running(endpoint, story, done)
        self._remember(running)
        self.resume(running, None, now)
        return running

    def stop(self, running: Running) -> None:
        """End a story where it stands; its `done` is not called."""
        while running.heir is not None:
            running = running.heir
        if self._forget(running):
            running.story.close()

    def cut(self, name: str, why: str, now: float) -> None:
        """The device of that name can do nothing any more: raise `Cut` where its stories wait for acts of its own.

        In the order in which they were started. A story may go on from there; one that waits for its next act, or for
        somebody else, is left alone.
        """
        self._end_acts(name, _OWN, Cut(why), now)

    def interrupt(self, name: str, kinds: Collection[type], result: Result, now: float) -> None:
        """Acts of these kinds that stories of that device wait for have come to this result; the stories go on."""
        self._end_acts(name, kinds, result, now)

    def awaits(self, name: str, kinds: Collection[type]) -> bool:
        """Whether a story of that device waits for an act of these kinds."""
        return any(type(running.act) in kinds for running in self._of.get(name, ()) if not running.busy)

    def _end_acts(self, name: str, kinds: Collection[type], result: Any, now: float) -> None:
        for running in self._of.get(name, ()):
            if running.busy or type(running.act) not in kinds:
                continue
            self._forget(running)
            running.heir = heir = Running(running.endpoint, running.story, running.done)
            self._remember(heir)
            self.resume(heir, result, now)

    def move(self, name: str, ip: Ipv4) -> None:
        """The device of that name has another address from now on."""
        for running in self._of.get(name, ()):
            running.endpoint.ip = ip

    def resume(self, running: Running, result: Any, now: float) -> None:
        """The act that the story waited for is over, with an `acts.Result` or a `Cut`; None begins a story.

        A story that has ended or was stopped ignores it.
        """
        if running.busy:  # the performer answered before it returned: the loop below takes it, nothing recurses
            running.pending = result
            return
        running.busy = True
        story = running.story
        try:
            while result is not _NOTHING:
                act = running.act = story.throw(result) if type(result) is Cut else story.send(result)
                running.pending = _NOTHING
                self._performers[type(act)](act, running, now)
                result = running.pending
            running.busy = running not in self._running
        except StopIteration as end:
            if self._forget(running):
                running.done(end.value, now)
        except Exception as error:
            self._forget(running)
            self._on_error(error)

    def _remember(self, running: Running) -> None:
        self._running[running] = None
        of, name = self._of, running.endpoint.name
        of[name] = (*of.get(name, ()), running)

    def _forget(self, running: Running) -> bool:
        """It is over. Returns False if it was before."""
        running.busy = True
        if self._running.pop(running, self) is not None:
            return False
        of, name = self._of, running.endpoint.name
        left = tuple(other for other in of[name] if other is not running)
        if left:
            of[name] = left
        else:
            del of[name]
        return True

    def __len__(self) -> int:
        return len(self._running)

    def waiting(self) -> Iterator[str]:
        """Who waits for what, a line each."""
        for running in self._running:
            yield f"{running.endpoint.name} waits for {type(running.act).__name__}"

    # --- performers ---------------------------------------------------------------------------------------------------

    def _post(self, act: Post, running: Running, now: float) -> None:
        end = running.endpoint
        assert end.coap is not None, f"{end.name} has no CoAP client"
        end.coap.request(end.ip, end.coap_peer, POST, act.path, act.payload, act.confirmable, self.resume, running, now)

    def _get(self, act: Get, running: Running, now: float) -> None:
        end = running.endpoint
        assert end.coap is not None, f"{end.name} has no CoAP client"
        end.coap.request(end.ip, end.coap_peer, GET, act.path, b"", act.confirmable, self.resume, running, now)

    def _datagram(self, act: Datagram, running: Running, now: float) -> None:
        end = running.endpoint
        assert end.udp is not None, f"{end.name} has no UDP port"
        if end.why_not is not None:
            why_not = end.why_not(end.ip, len(act.payload))
            if why_not:
                self.resume(running, Broken(why_not), now)
                return
        end.udp.send(act.payload, end.udp_peer, end.ip)
        self.resume(running, _SENT, now)

    def _sleep(self, act: Sleep, running: Running, now: float) -> None:
        if act.seconds <= 0:
            self.resume(running, _DONE, now)
        else:
            self._timers.at(now + act.seconds, self._woken, running)

    def _sleep_until(self, act: SleepUntil, running: Running, now: float) -> None:
        if act.when_s <= now:
            self.resume(running, _DONE, now)
        else:
            self._timers.at(act.when_s, self._woken, running)

    def _woken(self, running: Running, now: float) -> None:
        self.resume(running, _DONE, now)
