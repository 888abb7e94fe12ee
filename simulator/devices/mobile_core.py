"""The mobile networks of a run: operators, their packet gateways, and which device is where (mobile-network §1, §3.4).

Devices are dealt to the gateways of their operator by their numbers. A SIM is in one place: where it comes anew, the
session that it had ends, in whichever device and gateway that was; the platform hears of the new login first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from typing import Any

from simulator.acts import Attach
from simulator.clock import EPOCH_UNIX_S, Timers
from simulator.devices.gateway_session import GatewaySettings, Sessions, Terminal, Told
from simulator.devices.packet_gateway import Lost, PacketGateway
from simulator.protocol.radius.client import Send
from simulator.scenario.model import Operator

SendBack = Callable[[bytes, int], None]
"""A datagram, and to whom: address and port as one number."""

FIRST_ADDRESS = 0x7F000201
"""127.0.2.1: gateways are beside the devices' network, and next to one another."""


class MobileCore:
    """All operators and their gateways.

    `told` of attach, detach and change_cell is called once with the argument, the result and the run time, and never
    before the call returns.
    """

    def __init__(
        self,
        operators: Sequence[Operator],
        seed: int,
        timers: Timers,
        secret: bytes,
        lost: Lost,
        need_line: Callable[[str], None],
        *,
        epoch_unix_s: float = EPOCH_UNIX_S,
    ) -> None:
        """Make the gateways; they have no lines yet.

        Args:
            lost: told of every device whose session the network ended while the device was there.
            need_line: called with the name of a gateway that has all its ids in use, once until it gets a line.
            epoch_unix_s: Unix time when run time was 0.
        """
        self._sessions = Sessions()
        self._dealt: dict[str, list[PacketGateway]] = {}
        gateways: dict[str, PacketGateway] = {}
        for operator in operators:
            dealt = self._dealt[operator.name] = []
            for number in range(1, operator.gateways + 1):
                name = f"{operator.name}-{number}"
                dealt.append(
                    PacketGateway(
                        _settings(operator, name, FIRST_ADDRESS + len(gateways)),
                        _seed(seed, epoch_unix_s, name),
                        timers,
                        secret,
                        lost,
                        lambda name=name: need_line(name),  # type: ignore[misc]
                        sessions=self._sessions,
                        epoch_unix_s=epoch_unix_s,
                    )
                )
                gateways[name] = dealt[-1]
        self.gateways: Mapping[str, PacketGateway] = gateways
        """By name, which is the NAS-Identifier: "home-1", "home-2", "abroad-1"; `address` is where its ports belong."""
        self._any = next(iter(gateways.values()))  # they share the table of sessions, so any of them finds a device
        self._back: dict[tuple[str, int], SendBack] = {}

    def attach(self, act: Attach, device: str, number: int, source: str, told: Told, argument: Any, now: float) -> None:
        """A device wants in: Accepted, Rejected or NoAnswer.

        Args:
            number: of the device among all; it decides the gateway.
            source: where its datagrams come from if it shares an address with others, "127.0.0.1:4711"; else "".
        Raises: KeyError: there is no such operator.
        """
        dealt = self._dealt[act.operator]
        terminal = Terminal(
            device=device,
            imsi=act.imsi,
            msisdn=act.msisdn,
            imeisv=act.imeisv,
            ip=act.ip,
            rat=act.rat,
            cell=act.cell,
            source=source,
        )
        dealt[number % len(dealt)].attach(terminal, told, argument, now)

    def detach(self, device: str, told: Told, argument: Any, now: float) -> None:
        """A device leaves in order: Done, also if it has no session; NoAnswer if the platform does not acknowledge."""
        self._any.detach(device, told, argument, now)

    def leave_silently(self, device: str, now: float) -> None:
        """A device has gone without a word: no power, no SIM, no radio."""
        self._any.lose(device, now)

    def change_cell(self, device: str, rat: str, cell: int, told: Told, argument: Any, now: float) -> None:
        """A device is in another cell or on another radio of its operator ("": the operator's own); as `detach`."""
        self._any.change_cell(device, rat, cell, told, argument, now)

    def count(self, device: str, up_bytes: int, down_bytes: int = 0) -> None:
        """A datagram of a device passed."""
        self._any.count(device, up_bytes, down_bytes)

    def add_line(self, gateway: str, send_auth: Send, send_acct: Send, send_back: SendBack) -> int:
        """A port of this gateway is open; what waits goes out in the next turn.

        Args:
            send_auth, send_acct: to the platform's port for authentication, and to that for accounting.
            send_back: to whoever sent a request to this port.
        Returns: the line's number, for `receive`.
        """
        line = self.gateways[gateway].add_line(send_auth, send_acct)
        self._back[gateway, line] = send_back
        return line

    def receive(self, gateway: str, line: int, data: bytes, peer: int, now: float) -> None:
        """A datagram has arrived at a port: a reply, a Disconnect-Request, or nonsense."""
        reply = self.gateways[gateway].receive(line, data, peer, now)
        if reply is not None:
            self._back[gateway, line](reply, peer)

    @property
    def timers(self) -> int:
        """Entries of the calendar that are its own: with nothing else in it, nothing happens unless somebody asks."""
        return sum(gateway.timers for gateway in self.gateways.values())

    @property
    def counts(self) -> dict[str, int]:
        """What has happened so far, over all gateways; what has not is not there."""
        total: Counter[str] = Counter()
        for gateway in self.gateways.values():
            total.update(_counts(gateway))
        return {name: total[name] for name in sorted(total) if total[name]}


def _seed(seed: int, epoch_unix_s: float, name: str) -> int:
    """Of one gateway. In real time no two runs draw the same authenticators: a platform that outlives a run would take
    requests of the next one for repetitions."""
    return int.from_bytes(blake2b(f"gateway {seed} {round(epoch_unix_s)} {name}".encode(), digest_size=8).digest())


def _settings(operator: Operator, name: str, address: int) -> GatewaySettings:
    return GatewaySettings(
        nas_id=name,
        nas_ip=address,
        plmn=operator.plmn,
        apn=operator.apn,
        rat=operator.rat,
        omits=operator.omits,
        retransmit=operator.retransmit,
        lost_after_s=operator.lost_after_s,
    )


def _counts(gateway: PacketGateway) -> dict[str, int]:
    """Flat, with dotted names."""
    attaches, client, disconnects = gateway.counts, gateway.client.counts, gateway.disconnects
    found = {
        "attach.accepted": attaches.accepted,
        "attach.rejected": attaches.rejected,
        "attach.unanswered": attaches.unanswered,
        "attach.cancelled": attaches.cancelled,
        "attach.unaddressed": attaches.unaddressed,
        "radius.sent": client.sent,
        "radius.retransmitted": client.retransmitted,
        "radius.answered": client.answered,
        "radius.given_up": client.given_up,
        "radius.cancelled": client.cancelled,
        "radius.waited": client.waited,
        "disconnect.acknowledged": disconnects.acknowledged,
        "disconnect.refused": disconnects.refused,
        "disconnect.duplicates": disconnects.duplicates,
        "sessions": gateway.sessions,
    }
    discarded = client.discarded + disconnects.discarded
    return found | {f"radius.discarded.{kind}": count for kind, count in discarded.items()}
