"""Devices on the Internet: raw payloads or CoAP in DTLS sessions, each by the certificate that the platform gave it.

They act by the same stories as in a rehearsal (`devices.internet`): who has no session makes one when it has something
to say, a session that was silent for too long is renewed, and one in which nobody answers is given up.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from simulator.acts import Connected
from simulator.devices.internet import InternetDevice
from simulator.devices.outcome import OK, Outcome
from simulator.errors import UsageError
from simulator.load.garrison import Garrison, garrison_of, result_of

if TYPE_CHECKING:
    from simulator.load.blocks import Block
    from simulator.load.home import Home
    from simulator.load.station import Station
    from simulator.load.timetable import Moment
    from simulator.load.ways import Poster, Told
    from simulator.target.credentials import Credentials

KINDS: Final = {"dtls": "DTLS", "coaps": "CoAPS"}


class InternetWay:
    """See `ways.Way`."""

    entry = "connect"

    def __init__(self, garrison: Garrison, block: Block) -> None:
        transport = block.group.transport
        self.kind, self.acknowledged = KINDS[transport], transport == "coaps"
        self.issued: Callable[[str, str, Credentials], None] | None = garrison.keyring.issued
        self._garrison, self._first = garrison, block.first
        members = [block.member(number) for number in block.numbers]
        garrison.add(members)
        self._devices: list[InternetDevice] = []
        for member in members:
            device = garrison.devices[member.name]
            assert isinstance(device, InternetDevice), "the transport says so"
            self._devices.append(device)

    def join(self, number: int, told: Told, argument: Any, now: float) -> None:
        """A handshake; whoever has a session gives it up without a word."""
        device = self._devices[number - self._first]
        self._garrison.begin(device.name, device.connect(), _tell_joined, (told, argument), now)

    def upload(
        self,
        number: int,
        payload: bytes,
        told: Told,
        argument: Any,
        now: float,
        path: str = "data",
        confirmable: bool = True,
    ) -> None:
        """Send one message, once there is a session."""
        device = self._devices[number - self._first]
        self._garrison.begin(device.name, device.upload(payload, path, confirmable), _tell, (told, argument), now)

    def poster(self, path: str, confirmable: bool) -> Poster:
        """Of `Way`."""
        begin, devices, first = self._garrison.begin, self._devices, self._first

        def post(moments: Sequence[Moment], payloads: Sequence[bytes], told: Told, now: float) -> None:
            for moment, payload in zip(moments, payloads, strict=True):
                device = devices[moment[1] - first]
                begin(device.name, device.upload(payload, path, confirmable), _tell, (told, moment), now)

        return post

    def close(self, now: float) -> None:
        """Sessions end in order; what is under way is told that it has failed."""
        self._garrison.silence([device.name for device in self._devices], now)


def _tell(what: tuple[Told, Any], outcome: Outcome, now: float) -> None:
    told, argument = what
    told(argument, result_of(outcome), now)


def _tell_joined(what: tuple[Told, Any], outcome: Outcome, now: float) -> None:
    told, argument = what
    if outcome.word == OK:
        told(argument, Connected(outcome.detail == "resumed", outcome.transmissions), now)
    else:
        told(argument, result_of(outcome), now)


def open_way(station: Station, block: Block, home: Home | None) -> InternetWay:
    """See `ways.open_way`. Raises: UsageError: there is nobody who would issue certificates. LocalError."""
    if home is None:
        raise UsageError(
            f"group {block.group.name} speaks {block.group.transport}: without the API of a platform its devices have "
            "no certificates (leave --coap and --udp away, or name the API by --target)"
        )
    return InternetWay(garrison_of(station), block)
