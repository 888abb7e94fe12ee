"""Devices with a SIM attach where the platform says how, and send from the address that it has given them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from simulator import acts
from simulator.errors import UsageError
from simulator.load.ways import open_way
from simulator.wire.address import ip_of
from tests.load.stand import Stand, block_of


class Network:
    """Gives every device the address that it asks for, and to some another one."""

    def __init__(self, moved: dict[str, int]) -> None:
        self.moved = moved
        self.asked: list[tuple[acts.Attach, str, int]] = []

    def attach(
        self, act: acts.Attach, device: str, number: int, source: str, told: Any, argument: Any, now: float
    ) -> None:
        assert source == ""
        self.asked.append((act, device, number))
        told(argument, acts.Accepted(self.moved.get(device, act.ip)), now)


def way_of(stand: Stand, transport: str = "coap", moved: dict[str, int] | None = None) -> tuple[Any, Network]:
    network = Network(moved or {})
    stand.platform.radius = object()
    stand.shared("mobile", lambda: SimpleNamespace(mobile=network, lost=[]))
    return open_way(stand, block_of(5, 20, transport=transport), None), network  # type: ignore[arg-type]


@pytest.mark.parametrize("transport", ["coap", "udp"])
def test_devices_attach_with_identities_of_their_own_and_send_from_where_they_are_told(transport: str) -> None:
    stand = Stand()
    elsewhere = block_of(1).ip(4000)
    way, network = way_of(stand, transport, {"meters.21": elsewhere})
    told: list[Any] = []
    for number in range(20, 25):
        way.join(number, lambda argument, result, _: told.append((argument, type(result))), number, 0.0)
    assert told == [(number, acts.Accepted) for number in range(20, 25)]
    assert len({act.imsi for act, _, _ in network.asked}) == 5
    assert [device for _, device, _ in network.asked] == [f"meters.{number}" for number in range(20, 25)]
    post = way.poster("data", True)
    post([(0.0, number) for number in range(20, 25)], [b"x"] * 5, lambda *_: None, 0.0)
    way.upload(21, b"y", lambda *_: None, None, 0.0)
    stand.turn(1.0)
    block = block_of(5, 20)
    expected = [block.ip(20), elsewhere, block.ip(22), block.ip(23), block.ip(24), elsewhere]
    assert [ip_of(peer) for _, peer in stand.heard] == expected


def test_without_a_door_for_logins_there_is_nothing_to_attach_to() -> None:
    stand = Stand()
    way = open_way(stand, block_of(5), None)  # type: ignore[arg-type]
    told: list[acts.Result] = []
    assert way.entry == ""
    way.join(0, lambda _, result, __: told.append(result), None, 0.0)
    assert told == [acts.Done()]


def test_a_platform_without_this_door() -> None:
    stand = Stand()
    stand.platform.udp = 0
    with pytest.raises(UsageError, match="--udp"):
        open_way(stand, block_of(5, transport="udp"), None)  # type: ignore[arg-type]


def test_all_blocks_of_a_process_share_one_socket() -> None:
    stand = Stand()
    for first in (0, 5, 10):
        open_way(stand, block_of(5, first), None)  # type: ignore[arg-type]
    assert len(stand.wire.ports) == 2  # the server's, and ours


def test_long_messages_travel_in_blocks() -> None:
    """The quick way hands over what is not quickly done."""
    stand = Stand()
    stand.answers = lambda data: None
    way, _ = way_of(stand)
    way.poster("data", True)([(0.0, 20), (0.0, 21)], [b"x" * 2000, b"y"], lambda *_: None, 0.0)
    stand.turn(0.5)
    assert sorted(len(data) for data, _ in stand.heard)[0] < 30
    assert 500 < max(len(data) for data, _ in stand.heard) < 1200
