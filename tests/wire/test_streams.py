"""Random numbers that belong to a name."""

import os
import subprocess
import sys
from itertools import pairwise
from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.wire.streams import NEVER, Stream, branch, failures_before, key_of, normal, uniform


def test_the_numbers_are_pinned():
    """They are part of what a seed promises: change them, and every journal changes."""
    stream = Stream(7, "meters.3", "up", "loss")
    assert [stream.random() for _ in range(3)] == PINNED


PINNED = [0.4370060721305331, 0.7355318802670838, 0.16782331757036473]


def test_splitmix64_is_the_published_one():
    # First outputs for the seed 1234567 of the reference implementation (Vigna), as doubles of their upper 53 bits.
    published = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431]
    assert [branch(1234567, n) for n in range(1, 5)] == published
    assert [uniform(1234567, n) for n in range(1, 5)] == [(z >> 11) * 2.0**-53 for z in published]


def test_names_are_told_apart_one_by_one():
    keys = [
        key_of(1, "ab", "c"),
        key_of(1, "a", "bc"),
        key_of(1, "abc"),
        key_of(1, "ab", "c", ""),
        key_of(11, "ab", "c"),
        key_of(1, "a/1:b", "c"),
        key_of(-1, "ab", "c"),
    ]
    assert len(set(keys)) == len(keys)


def test_uniform_numbers_are_even_and_independent():
    stream, n = Stream(1, "even"), 50_000
    numbers = [stream.random() for _ in range(n)]
    assert all(0.0 <= x < 1.0 for x in numbers)
    assert sum(numbers) / n == pytest.approx(0.5, abs=5 * sqrt(1 / 12 / n))
    tenths = [0] * 10
    for x in numbers:
        tenths[int(x * 10)] += 1
    assert sum((count - n / 10) ** 2 / (n / 10) for count in tenths) < 34  # chi-square, 9 degrees, 1 in 10 000
    lag = sum((a - 0.5) * (b - 0.5) for a, b in pairwise(numbers)) * 12 / n
    assert abs(lag) < 5 / sqrt(n)


def test_neighbouring_keys_and_numbers_are_unrelated():
    n = 20_000
    for other in (1, 2, 1 << 32):
        both = sum((uniform(5, k) - 0.5) * (uniform(5 + other, k) - 0.5) for k in range(n)) * 12 / n
        assert abs(both) < 5 / sqrt(n)


def test_normal_numbers_have_mean_0_and_deviation_1():
    stream, n = Stream(1, "normal"), 50_000
    numbers = [stream.normal() for _ in range(n)]
    assert sum(numbers) / n == pytest.approx(0.0, abs=5 / sqrt(n))
    assert sum(x * x for x in numbers) / n == pytest.approx(1.0, abs=5 * sqrt(2 / n))
    assert sum(x > 1.6449 for x in numbers) / n == pytest.approx(0.05, abs=0.005)


@pytest.mark.parametrize("extreme", [0.0, 1.0 - 2.0**-53])
def test_normal_numbers_are_finite_at_the_ends(monkeypatch, extreme):
    monkeypatch.setattr("simulator.wire.streams.uniform", lambda *_: extreme)
    assert abs(normal(0, 0)) < 8.4


@pytest.mark.parametrize("share", [0.9, 0.3, 0.05, 0.001])
def test_gaps_are_geometric(share):
    n = 20_000
    gaps = [failures_before(key_of(1, "gap"), k, share) for k in range(n)]
    deviation = sqrt(1 - share) / share
    assert sum(gaps) / n == pytest.approx((1 - share) / share, abs=5 * deviation / sqrt(n))
    assert gaps.count(0) / n == pytest.approx(share, abs=5 * sqrt(share * (1 - share) / n))


@given(st.integers(), st.integers(), st.floats(0.0, 1.0))
def test_gaps_are_counts_for_any_share(key, n, share):
    assert 0 <= failures_before(key, n, share) <= NEVER


@pytest.mark.parametrize(("share", "gap"), [(0.0, NEVER), (1.0, 0), (5e-324, NEVER)])
def test_what_never_or_always_happens(share, gap):
    assert failures_before(1, 1, share) == gap


def test_streams_do_not_depend_on_the_hash_seed():
    code = "from simulator.wire.streams import Stream; s = Stream(7, 'müller', 'x'); print([s.random(), s.normal()])"
    said = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "99")
    }
    assert len(said) == 1


def test_a_stream_is_small():
    assert sys.getsizeof(Stream(1, "a")) + sys.getsizeof(1 << 63) < 100
