"""The devices of a run with what they speak through: one port per protocol for all of them, behind their links."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from simulator.clock import Clock, Timers
from simulator.devices.internet import AnyDevice, InternetDevice, device_of
from simulator.fleet.ear import Ear
from simulator.fleet.places import Places
from simulator.fleet.speakers import RAW, Listeners, Speakers
from simulator.fleet.weather import Weather
from simulator.plan import Member
from simulator.scenario.model import Group, Stack
from simulator.wire.address import Address, Ipv4, ip_of, text
from simulator.wire.drivers.stories import Endpoint
from simulator.wire.link import Links
from simulator.wire.nat import Nat
from simulator.wire.ports import Wire
from simulator.wire.presets import LinkProfile, preset

if TYPE_CHECKING:
    from simulator.wire.dtls import DtlsPort

Hear = Callable[[AnyDevice, str, bytes], None]
"""Called with device, transport and payload when a device receives something by itself."""


class _Endpoints:
    """What each device speaks through, by its name; made when it is asked for, since only who acts needs it."""

    __slots__ = ("_fleet",)

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet

    def __getitem__(self, name: str) -> Endpoint:
        return self._fleet.endpoint(self._fleet.devices[name])


class Fleet:
    """All devices of a run, and their ports. There may be very many: what is alike for all is kept once.

    Args:
        seed: of the run; links and CoAP time-outs draw from it.
        hear: told about downstream messages that arrive as plain datagrams.
    """

    def __init__(self, members: Iterable[Member], seed: int, clock: Clock, timers: Timers, hear: Hear) -> None:
        self.devices: dict[str, AnyDevice] = {}
        self.endpoints = _Endpoints(self)
        self._timers, self._hear = timers, hear
        self._by_ip: dict[Ipv4, AnyDevice] = {}
        """Those that are sent more than answers: who speaks plain UDP, and all on the Internet."""
        self._places = Places(self.devices)
        self.links = Links(seed)
        self._nat = Nat(clock, lambda ip: self._places.holder(ip) is not None)
        listeners = Listeners(hear=self._on_datagram, lost=self._lost, idle=self._idle)
        self._speakers = Speakers(self.links, self._nat, seed, clock, timers, listeners)
        self._frozen: dict[str, object] = {}
        self._spells = 0
        self._peers: dict[str, Address] = {}
        self.lost: Callable[[str, str, float], None]
        """Told of sessions that the platform has ended: device, why, run time. Set by who is in charge of them."""
        self.idle: Callable[[str, float], bool]
        """Told of sessions that were silent for as long as their devices bear. Returns: whether that ends them."""
        self._stack: Stack | None = None
        self._groups: dict[str, Group] = {}
        self.weather = Weather(timers, self._profile, self._set_profile)
        self.add(members)

    def add(self, members: Iterable[Member]) -> None:
        """More devices; those that are there stay who they are. What they speak through, `open` sees to."""
        for member in members:
            device = self.devices[member.name] = device_of(member)
            device.ip = self._places.first_of(device)
            link = member.group.link
            if member.group.transport != "coap":
                self._by_ip[device.ip] = device
            self._groups[member.group.name] = member.group
            self._set_profile(device.name, preset(link.preset, link.changes))

    def _profile(self, name: str) -> LinkProfile:
        return self.links.profile(self.devices[name].ip)

    def _set_profile(self, name: str, profile: LinkProfile) -> None:
        ip = self.devices[name].ip
        if profile != self.links.profile(ip):
            self.links.names(ip, name)
            self.links.set(ip, profile)
            if isinstance(self.devices[name], InternetDevice):  # the mobile network is no NAT
                self._nat.limit(ip, profile.nat_s)

    def is_dark(self, name: str) -> bool:
        """Whether nothing passes on the radio of a device."""
        return self._profile(name).dark

    @property
    def timers(self) -> int:
        """How many entries of the calendar are the fleet's own, but for the weather's."""
        return self._spells + self._speakers.timers

    def silence(self, name: str, now: float, lasting_s: float | None = None) -> None:
        """The device is off or frozen: it hears nothing, and what it waits for from the platform is forgotten.

        `lasting_s`: it is frozen for so long, and then as before; None: until `wake`. The last call decides.
        """
        self._ear(name).cover(self.devices[name].ip)
        self._frozen.pop(name, None)
        if lasting_s is not None:
            spell = self._frozen[name] = object()
            self._spells += 1
            self._timers.at(now + lasting_s, self._thaw, (name, spell))

    def wake(self, name: str) -> None:
        """The device hears again."""
        self._frozen.pop(name, None)
        self._ear(name).uncover(self.devices[name].ip)

    def _thaw(self, whose: tuple[str, object], _now: float) -> None:
        self._spells -= 1
        name, spell = whose
        if self._frozen.get(name) is spell:  # else it was switched on, or off, or frozen anew
            self.devices[name].happened("thaw")
            self.wake(name)

    # --- addresses ----------------------------------------------------------------------------------------------------

    def sharing(self, name: str, ip: Ipv4) -> tuple[str, ...]:
        """Who would be somewhere else if this device had that address: itself, and who has the address now.

        Nobody, if it has it, or if the platform tells devices apart by where their datagrams come from.
        """
        device = self.devices[name]
        if ip == device.ip or self.source(name):
            return ()
        other = self._places.holder(ip)
        return (name,) if other is None else (name, other.name)

    def move(self, name: str, ip: Ipv4) -> None:
        """This device has that address from now on. Whoever had it gets the one that is free now, so that no two ever
        have the same; it has no session any more, or one in which it will not be understood."""
        device, other = self.devices[name], self._places.holder(ip)
        moves = [(device, device.ip, ip)] + ([(other, ip, device.ip)] if other is not None else [])
        self.links.swap(device.ip, ip)
        deaf = [self._ear(who.name).is_deaf(old) for who, old, _ in moves]
        for who, old, _ in moves:
            self._by_ip.pop(old, None)
            self._ear(who.name).drop(old)
            self._ear(who.name).uncover(old)
        for (who, _, new), hears_nothing in zip(moves, deaf, strict=True):
            self._places.put(who, new)
            if who.member.group.transport != "coap":
                self._by_ip[new] = who
            if isinstance(who, InternetDevice):  # it had an address that the mobile network gives to somebody
                self._nat.move(ip, new)
                self.dtls(who.name).move(ip, new)
            if hears_nothing:
                self._ear(who.name).cover(new)

    def drop(self, name: str) -> None:
        """What the device has asked the platform for is forgotten; a handshake goes on."""
        device = self.devices[name]
        forget = self._speakers[self._kind(device)].forget
        if forget is not None:
            forget(device.ip)

    def _ear(self, name: str) -> Ear:
        return self._speakers[self._kind(self.devices[name])].ear

    # --- the Internet -------------------------------------------------------------------------------------------------

    def dtls(self, name: str) -> DtlsPort:
        """The sessions among which that of an Internet device is."""
        port = self._speakers[self._kind(self.devices[name])].dtls
        assert port is not None, f"{name} is not on the Internet"
        return port

    def platform_of(self, name: str) -> Address:
        """Where a device sends to."""
        return self._peers[self.devices[name].member.group.transport]

    def rebind(self, name: str) -> None:
        """To the platform the device is somewhere else from now on."""
        self._nat.rebind(self.devices[name].ip)

    def _lost(self, ip: Ipv4, why: str, now: float) -> None:
        self.lost(self._by_ip[ip].name, why, now)

    def _idle(self, ip: Ipv4, now: float) -> bool:
        return self.idle(self._by_ip[ip].name, now)

    # --- ports --------------------------------------------------------------------------------------------------------

    def is_perfect(self) -> bool:
        """Whether no datagram can be under way for longer than the sockets take."""
        return all(self.links.profile(device.ip).perfect for device in self.devices.values())

    def source(self, name: str) -> str:
        """Where a device's datagrams come from, if that is not its own address; "" otherwise.

        Raises: LocalError: no address or descriptor is to be had.
        """
        device = self.devices[name]
        seen = self._speakers[self._kind(device)].port.local_address(device.ip)
        return "" if ip_of(seen) == device.ip else text(seen)

    def endpoint(self, device: AnyDevice) -> Endpoint:
        """What a device speaks through, once the ports are open."""
        speaker, peer = self._speakers[self._kind(device)], self._peers[device.member.group.transport]
        if device.member.group.transport in RAW:
            why_not = None if speaker.dtls is None else speaker.dtls.why_not
            return Endpoint(device.name, device.ip, udp=speaker.client, udp_peer=peer, why_not=why_not)
        return Endpoint(device.name, device.ip, coap=speaker.client, coap_peer=peer)

    async def open(
        self, wire: Wire, coap: Address, udp: Address, stack: Stack | None, *, dtls: Address = 0, coaps: Address = 0
    ) -> None:
        """Open the ports that the groups need, and that are not open yet.

        Args:
            coap, udp, dtls, coaps: where the platform listens.
            stack: None: each group's own choice.
        Raises: LocalError: a port is not to be had.
        """
        self._peers, self._stack = {"coap": coap, "udp": udp, "dtls": dtls, "coaps": coaps}, stack
        for group in self._groups.values():
            await self._speakers.open(self._kind_of(group), wire)

    def counts(self) -> Iterator[tuple[str, Any]]:
        """See `Speakers.counts`."""
        return self._speakers.counts()

    def hang_up(self, now: float) -> None:
        """All sessions of Internet devices end in order."""
        self._speakers.hang_up(now)

    async def close(self) -> None:
        """Close what was opened."""
        await self._speakers.close()

    def _kind(self, device: AnyDevice) -> str:
        return self._kind_of(device.member.group)

    def _kind_of(self, group: Group) -> str:
        if group.transport in RAW:
            return group.transport
        return f"{group.transport} {self._stack or group.stack}"

    def _on_datagram(self, data: bytes, peer: Address, local_ip: Ipv4, now: float) -> None:  # noqa: ARG002  a Receiver
        device = self._by_ip.get(local_ip)
        if device is not None and device.attached:  # the network carries nothing to who has no session
            device.hear(data)
            self._hear(device, device.member.group.transport, data)
