"""Addresses: remembered for SIMs that left, and never taken from one that is in session."""

from __future__ import annotations

import pytest

from simulator.server.span import addresses
from simulator.server.span.addresses import Addresses
from simulator.server.span.settings import SpanSettings


@pytest.fixture
def small(monkeypatch):
    """Room for two that have left, and for six in all."""
    monkeypatch.setattr(addresses, "RESERVATIONS_PER_NETWORK", 2)
    return Addresses(SpanSettings(network_bits=29))


def test_the_longest_gone_is_forgotten_first_and_who_is_in_session_never(small):
    given = {imsi: small.take(imsi, None) for imsi in (1, 2, 3, 4)}
    for imsi in (3, 2, 4):
        small.release(imsi)
    assert small.left == (2, 4)
    assert small.owner(given[3]) == 0
    assert {imsi: small.take(imsi, None) for imsi in (1, 2, 4)} == {imsi: given[imsi] for imsi in (1, 2, 4)}


def test_when_none_is_free_the_longest_gone_gives_up_its_own(small):
    given = {imsi: small.take(imsi, None) for imsi in range(1, 7)}
    assert small.take(7, None) is None
    small.release(5)
    small.release(2)
    assert small.take(7, None) == given[5]
    assert (small.owner(given[5]), small.left) == (7, (2,))


def test_a_session_that_is_taken_over_by_its_own_sim_is_held(make_platform):
    platform = make_platform()
    platform.device(platform.collection(), "1")
    for _ in range(2):
        platform.login("1", "")
    assert platform.core.network.addresses.left == ()
    platform.core.logout("1", platform.now_ns)
    assert platform.core.network.addresses.left == (1,)
