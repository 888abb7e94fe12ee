"""CoAP and plain UDP over the mobile network: each device on the address of its SIM, all on one socket.

What there is one of in a process, the socket and the engine behind it, is here once for each kind of link. A bad link
stands before a socket of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from simulator import acts
from simulator.devices.device import Device
from simulator.errors import LocalError, UsageError
from simulator.load.mobile_network import mobile_of
from simulator.load.protocol_counts import named, of_port
from simulator.protocol.coap.client import Engine
from simulator.wire.address import ip_of, text
from simulator.wire.drivers.green import immediately
from simulator.wire.link import Links
from simulator.wire.linked import LinkedWire
from simulator.wire.ports import deliver_batches, sender_of_many
from simulator.wire.presets import LinkProfile, preset

if TYPE_CHECKING:
    from simulator.load.blocks import Block
    from simulator.load.home import Home
    from simulator.load.station import Station
    from simulator.load.timetable import Moment
    from simulator.load.ways import Poster, Told
    from simulator.wire.address import Address, Ipv4
    from simulator.wire.ports import Port, Receiver, Wire

_EVERY_ADDRESS: Final = "0.0.0.0"
_POST: Final = 2
_SENT: Final = acts.Sent()


def open_way(station: Station, block: Block, home: Home | None) -> MobileWay:
    """Of `ways`."""
    del home
    transport = block.group.transport
    peer: Address = getattr(station.platform, transport)
    if not peer:
        raise UsageError(f"the platform has no {transport} endpoint; name it with --{transport} HOST:PORT")
    profile = preset(block.group.link.preset, block.group.link.changes)
    return _CoapWay(station, block, peer, profile) if transport == "coap" else _UdpWay(station, block, peer, profile)


class MobileWay:
    """What both have in common: devices attach by RADIUS, if the platform says where."""

    kind: str
    acknowledged: bool
    issued = None
    _port: Port

    def __init__(self, station: Station, block: Block) -> None:
        self._block = block
        network = mobile_of(station)
        self._mobile = None if network is None else network.mobile
        self.entry = "attach" if self._mobile is not None else ""
        self._ip = block.ip(0)
        self._mapped: bool = getattr(station.wire, "mapped", False)
        self._moved: dict[int, Ipv4] = {}
        """Devices that the platform has given another address than the one that was planned."""

    def ip(self, number: int) -> Ipv4:
        """Where a device sends from."""
        return self._moved.get(number) or self._ip + number

    def join(self, number: int, told: Told, argument: Any, now: float) -> None:
        """Of `Way`."""
        if self._mobile is None:
            told(argument, acts.Done(), now)
            return
        member = self._block.member(number)
        act = Device(member).credentials()
        try:
            source = self._source(self._ip + number) if self._mapped else ""
        except LocalError as error:
            told(argument, acts.Broken(str(error)), now)
            return
        self._mobile.attach(act, member.name, member.position, source, self._attached, (number, told, argument), now)

    def _source(self, ip: Ipv4) -> str:
        """Where a device's datagrams come from, if that is not its own address. Raises: LocalError."""
        seen = self._port.local_address(ip)
        return "" if ip_of(seen) == ip else text(seen)

    def _attached(self, what: tuple[int, Told, Any], result: acts.Result, now: float) -> None:
        number, told, argument = what
        # Whoever has a socket of its own stays there: that is what the platform was told.
        if isinstance(result, acts.Accepted) and not self._mapped:
            if result.ip != self._ip + number:
                self._moved[number] = result.ip
            else:
                self._moved.pop(number, None)
        told(argument, result, now)


class _CoapWay(MobileWay):
    kind = "CoAP"
    acknowledged = True

    def __init__(self, station: Station, block: Block, peer: Address, profile: LinkProfile) -> None:
        super().__init__(station, block)
        self._engine, self._port = station.shared(f"coap {profile}", lambda: _open_engine(station, profile))
        self._peer = peer

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
        """Of `Way`."""
        self._engine.request(self.ip(number), self._peer, _POST, path, payload, confirmable, told, argument, now)

    def poster(self, path: str, confirmable: bool) -> Poster:
        """Of `Way`."""
        request_many, peer, first_ip, moved = self._engine.request_many, self._peer, self._ip, self._moved

        def post(moments: Sequence[Moment], payloads: Sequence[bytes], told: Told, now: float) -> None:
            ips = [first_ip + number for _, number in moments]
            if moved:
                ips = [moved.get(number, ip) for ip, (_, number) in zip(ips, moments, strict=True)]
            request_many(zip(ips, payloads, moments, strict=True), peer, _POST, path, confirmable, told, now)

        return post

    def prepare(self, numbers: Sequence[int]) -> None:
        """Of `Way`."""
        self._engine.meet(map(self.ip, numbers))

    def close(self, now: float) -> None:
        """Of `Way`."""
        del now
        for number in self._block.numbers:
            self._engine.forget(self.ip(number))


class _UdpWay(MobileWay):
    kind = "UDP"
    acknowledged = False

    def __init__(self, station: Station, block: Block, peer: Address, profile: LinkProfile) -> None:
        super().__init__(station, block)
        self._port = station.shared(f"udp {profile}", lambda: _open_udp(station, profile))
        self._peer = peer

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
        """Of `Way`."""
        del path, confirmable
        self._port.send(payload, self._peer, self.ip(number))
        told(argument, _SENT, now)

    def poster(self, path: str, confirmable: bool) -> Poster:
        """Of `Way`."""
        del path, confirmable
        send, peer, first_ip, moved = self._port.send, self._peer, self._ip, self._moved

        def post(moments: Sequence[Moment], payloads: Sequence[bytes], told: Told, now: float) -> None:
            for moment, payload in zip(moments, payloads, strict=True):
                number = moment[1]
                send(payload, peer, moved[number] if number in moved else first_ip + number)
                told(moment, _SENT, now)

        return post

    def close(self, now: float) -> None:
        """Of `Way`."""
        del now


def _open_engine(station: Station, profile: LinkProfile) -> tuple[Engine, Port]:
    engine: Engine

    def receive(data: bytes, peer: Address, local_ip: Ipv4, now: float) -> None:
        engine.receive(data, peer, local_ip, now)

    port = _open_port(station, profile, receive)
    engine = Engine(station.timers, port.send, station.options.seed)
    engine.transmit_many = sender_of_many(port)
    deliver_batches(port, engine.receive_many)  # a port behind links takes none, and gives one by one
    counts = engine.counts
    station.count(lambda: named("coap", counts))
    return engine, port


def _open_udp(station: Station, profile: LinkProfile) -> Port:
    replies = 0

    def receive(_data: bytes, _peer: Address, _local_ip: Ipv4, _now: float) -> None:
        nonlocal replies
        replies += 1

    station.count(lambda: {"udp.replies": replies})
    return _open_port(station, profile, receive)


def _open_port(station: Station, profile: LinkProfile, receive: Receiver) -> Port:
    """Raises: LocalError: it is not to be had."""
    wire: Wire = station.wire
    links: Links | None = None
    if not profile.perfect:
        links = Links(station.options.seed, profile)
        wire = LinkedWire(wire, links, station.timers, station.clock)
    port = immediately(wire.open(_EVERY_ADDRESS, 0, receive))
    station.at_end(port.close)
    station.count(lambda: of_port(port.counts))
    return port
