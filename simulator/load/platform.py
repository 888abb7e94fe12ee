"""What is under test, as one process of a load test sees it: where it is, what it can do, and its API.

Calls block the calling greenlet, and nobody else.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import gevent
from gevent.lock import RLock

from simulator.clock import Clock
from simulator.errors import TargetError, UsageError
from simulator.load.blocks import Block
from simulator.load.caller import GreenCaller
from simulator.load.embedded import Embedded
from simulator.load.home import Home
from simulator.load.options import LoadOptions
from simulator.load.stream import EventStream, Listener
from simulator.target.api import ApiRefused, SpanApi
from simulator.target.radius import RadiusAccess
from simulator.target.remote import ALIVE_S, RemoteTarget
from simulator.wire.address import Address
from simulator.wire.drivers.green import immediately

_SYSTEM = "/span/system"
_DEAD_FOR_S: Final = ALIVE_S
"""Who did not answer is not asked again for so long: a hundred blocks would each wait for it."""
_FINDING_S: Final = 5.0


class Platform:
    """The reference server that was started for the test, one that somebody else runs, a real Span, or none at all.

    Made by `reach`.
    """

    def __init__(self, options: LoadOptions, clock: Clock, *, url: str, token: str, embedded: Embedded | None) -> None:
        self._options, self._clock = options, clock
        self._url, self._token, self._embedded = url, token, embedded
        self._silent: tuple[float, str] = (float("-inf"), "")
        self.has_api = False
        """False: datagrams go to an address, and answers are all there is."""
        self.capabilities: frozenset[str] = frozenset()
        self.coap: Address = options.coap or 0
        """Where devices send to; 0: nowhere. So are the next three."""
        self.udp: Address = options.udp or 0
        self.dtls: Address = options.dtls or 0
        self.coaps: Address = options.coaps or 0
        self.radius: RadiusAccess | None = None
        """How devices attach; None: they need not, or somebody else's gateways see to it."""
        self.name = "the reference server" if embedded is not None else url or "an address"
        self.caller = GreenCaller(url, token)
        self.api = SpanApi(self.caller)
        # A connection of its own: a platform that is stuck holds all others.
        self._pulse, self._asking = GreenCaller(url, token, 1), RLock()

    def __repr__(self) -> str:
        return f"Platform({self.name})"

    @classmethod
    def reach(cls, options: LoadOptions, clock: Clock, *, embedded: Embedded | None = None) -> Platform:
        """See whether it is there, and what it can do; blocks the greenlet.

        Args:
            embedded: the reference server, if this process has started it; its workers are told `options.target`.
        Raises: TargetError: it is not there, or does not let us in. UsageError: nobody said where it is.
        """
        if options.bare:
            if not any((options.coap, options.udp)):
                raise UsageError("without a platform it must be said where devices send to, with --coap or --udp")
            return cls(options, clock, url="", token="", embedded=None)
        url = options.target or ("" if embedded is None else embedded.url)
        token = options.token or ("" if embedded is None else embedded.token)
        if not url:
            raise UsageError("no platform is known: name one with --target")
        if not (token.isascii() and token.isprintable() and token == token.strip()):
            raise UsageError("the token has characters that no token has")
        platform = cls(options, clock, url=url, token=token, embedded=embedded)
        try:
            platform._ask_around()
        except BaseException:
            platform.close()
            raise
        return platform

    def open(self, block: Block, listener: Listener) -> Home:
        """A block's collection: a new one, or the one where it lives already; its events are heard from now on.

        The stream is opened before any device is created, so that nothing of them is missed.
        Raises: TargetError: the platform does not want to.
        """
        home = Home(self, block, listener)
        home.open()
        return home

    def stream(self, collection: str, listener: Listener) -> EventStream:
        """The events of a collection; it is for the caller to open and close it."""
        return EventStream(
            self._url, self._token, f"/span/collections/{collection}/activity", self._clock.now, listener
        )

    @property
    def clock(self) -> Clock:
        """Whose run time the events are told in."""
        return self._clock

    def alive(self) -> str:
        """Whether it answers within five seconds. Returns: "", or why it does not."""
        if not self.has_api:
            return ""
        if self._embedded is not None and (end := self._embedded.died()):
            return end
        with self._asking:  # whoever comes meanwhile hears the same
            asked_s, why = self._silent
            if why and self._clock.now() - asked_s < _DEAD_FOR_S:
                return why
            try:
                status, _ = self._pulse.ask("GET", _SYSTEM, None, ALIVE_S)
                why = "" if status < 500 else f"the platform answers {status}"
            except TargetError as error:
                why = f"the platform did not show that it is alive: {error}"
            self._silent = self._clock.now(), why
            return why

    def close(self) -> None:
        """Let go of connections; the platform goes on."""
        immediately(self.caller.close())
        immediately(self._pulse.close())

    def _ask_around(self) -> None:
        """Raises: TargetError."""
        said = self._options
        target = RemoteTarget(
            url=self._url,
            token=self._token,
            # Whose devices of the mobile network are not driven need not say where they would send to.
            coap=0 if said.foreign and said.coap is None else said.coap,
            udp=0 if said.foreign and said.udp is None else said.udp,
            dtls=said.dtls,
            coaps=said.coaps,
            https=0,  # blobs are not driven under load, so it is all the same where they go
            blobs=0,
            clock=self._clock,
        )
        immediately(target.start(self.caller))
        self.has_api = True
        self.capabilities, self.radius = target.capabilities, target.radius
        self.coap, self.udp, self.dtls, self.coaps = target.coap, target.udp, target.dtls, target.coaps

    def owner(self, identities: Collection[str]) -> str:
        """Which collection has a device with one of these identities, as far as that is found in some seconds.

        Returns: its id; "": nobody knows.
        """
        limit = gevent.Timeout(_FINDING_S)
        wanted = [f'"{each}"'.encode() for each in identities]
        try:
            with limit:
                for collection in immediately(self.api.collections()):
                    _, answer = self.caller.ask("GET", f"/span/collections/{collection}/devices", None)
                    if any(each in answer for each in wanted):
                        return collection
        except gevent.Timeout as late:
            if late is not limit:
                raise
        except (ApiRefused, TargetError):
            pass  # it is asked in the midst of another error, which is told
        return ""
