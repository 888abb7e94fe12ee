"""Two views of one moment, virtual and real."""

from datetime import UTC, datetime

import pytest

from simulator.clock import EPOCH_UNIX_S, VirtualClock, WallClock


def test_virtual_runs_begin_with_the_year_2026():
    assert datetime.fromtimestamp(EPOCH_UNIX_S, UTC) == datetime(2026, 1, 1, tzinfo=UTC)
    assert VirtualClock().unix_ns() == EPOCH_UNIX_S * 10**9


@pytest.mark.parametrize(("time_s", "ns"), [(0.1, 100_000_000), (86_400.000000001, 86_400_000_000_001), (1e-9, 1)])
def test_the_virtual_views_agree_to_the_nanosecond(time_s, ns):
    clock = VirtualClock()
    clock.time_s = time_s
    assert clock.now() == time_s
    assert clock.unix_ns() - EPOCH_UNIX_S * 10**9 == ns


def test_the_real_clock_begins_at_zero_and_never_goes_back():
    clock = WallClock()
    first = clock.now()
    times = [(clock.now(), clock.unix_ns()) for _ in range(1000)]
    assert 0.0 <= first < 60.0
    assert times == sorted(times)


def test_the_real_clock_does_not_follow_when_the_host_is_set(monkeypatch):
    clock = WallClock()
    before = clock.unix_ns()
    monkeypatch.setattr("time.time_ns", lambda: 0)
    assert before <= clock.unix_ns() < before + 60 * 10**9
