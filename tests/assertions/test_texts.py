"""Words and numbers of the failure texts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.assertions import texts
from simulator.assertions.latency import percentile_of
from simulator.events.records import ActRecord, EventRecord


@pytest.mark.parametrize(
    ("seconds", "text"), [(60, "60.0 s"), (60.2, "60.2 s"), (0.0004, "0.0 s"), (0.213, "0.213 s"), (86400, "86400.0 s")]
)
def test_moments(seconds, text):
    assert texts.moment(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (10, "10 s"),
        (0.25, "250 ms"),
        (0, "0 s"),
        (301, "301 s"),
        (60, "60 s"),
        (600, "10 min"),
        (7200, "2 h"),
        (1.5, "1.5 s"),
    ],
)
def test_spans(seconds, text):
    assert texts.span(seconds) == text


@pytest.mark.parametrize(
    ("at_least", "at_most", "text"),
    [
        (1, None, "at least once"),
        (8, None, "at least 8 times"),
        (2, 2, "exactly twice"),
        (0, 0, "never"),
        (0, 3, "at most 3 times"),
        (1, 3, "1 to 3 times"),
        (0, None, "any number of times"),
    ],
)
def test_counts(at_least, at_most, text):
    assert texts.how_often(at_least, at_most) == text


def test_a_share_that_misses_its_bound_never_looks_like_it():
    assert texts.percent(0.9989) == "99.89 %"
    assert texts.percent(0.99899) != texts.percent(0.999)


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"phase": "began"}, "upload since 3.0 s, not over yet"),
        ({"outcome": "ok"}, "ok at 3.0 s (upload)"),
        (
            {"outcome": "timeout", "transmissions": 5, "detail": "gave up"},
            "timeout, sent 5 times, gave up at 3.0 s (upload)",
        ),
        ({"outcome": "ok", "n": 6}, "ok at 3.0 s (upload number 7)"),
    ],
)
def test_what_the_device_says(fields, text):
    act = ActRecord(**{"step": 0, "verb": "upload", "subject": "m", "n": 0, "phase": "ended", "t_s": 3.0, **fields})
    assert texts.device_says(act) == f"the device itself: {text}"


def test_words_from_outside_are_cut_and_cleaned():
    data = {f"k{i}": "x" * 100 + "\n" for i in range(9)}
    event = EventRecord(sys="cc", name="a\x1b", subject=None, rx_s=0.0, unix_s=0, data=data, reason="r", raw={})
    text = texts.event(event)
    assert text.isprintable()
    assert len(text) < 500
    assert text.startswith("a�(reason=r, k0=xxx")


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=50), st.floats(0.1, 100))
def test_a_percentile_is_the_smallest_value_that_enough_do_not_exceed(values, percentile):
    ordered = sorted(values)
    value = percentile_of(ordered, percentile)
    share = sum(v <= value for v in ordered) / len(ordered)
    below = sum(v < value for v in ordered) / len(ordered)
    assert share * 100 >= percentile - 1e-6
    assert below * 100 < percentile + 1e-6
