"""Pauses of a modem that a network refuses (mobile-network §5.9)."""

from __future__ import annotations

import pytest

from simulator.plan.backoff import CAP_S, longest_s, mobile_pause_s


def test_ten_seconds_five_times_then_twelve_minutes():
    assert [mobile_pause_s(7, 3, 2, 1, failed) for failed in range(1, 7)] == [10.0] * 5 + [720.0]


@pytest.mark.parametrize(("failed", "bound"), [(7, 1440.0), (8, 2880.0), (12, 46080.0), (13, CAP_S), (5000, CAP_S)])
def test_then_anything_up_to_a_bound_that_doubles_until_a_day(failed, bound):
    pauses = [mobile_pause_s(7, device, 2, 0, failed) for device in range(400)]
    assert longest_s(failed) == bound
    assert 0.0 <= min(pauses) < 0.05 * bound
    assert 0.95 * bound < max(pauses) <= bound
    assert sum(pauses) / 400 == pytest.approx(bound / 2, rel=0.1)  # full jitter


def test_every_draw_has_a_name_of_its_own():
    names = [(0, 1, 2, 3, 7), (1, 1, 2, 3, 7), (0, 2, 2, 3, 7), (0, 1, 3, 3, 7), (0, 1, 2, 4, 7), (0, 1, 2, 3, 8)]
    shares = {mobile_pause_s(*name) / longest_s(name[-1]) for name in names}
    assert len(shares) == len(names)
    assert mobile_pause_s(*names[0]) == mobile_pause_s(*names[0])
