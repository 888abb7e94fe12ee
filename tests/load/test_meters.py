"""What is appended to a meter arrives once, in the histogram and at the sink, and is never counted again."""

from __future__ import annotations

import pytest

from simulator.load.histograms import decode
from simulator.load.meters import Batch, Meters


class Written:
    """A sink that remembers."""

    def __init__(self) -> None:
        self.batches: list[tuple[str, str, Batch, float]] = []

    def merge(self, kind: str, name: str, batch: Batch, now_s: float) -> None:
        self.batches.append((kind, name, batch, now_s))


def test_a_batch_has_everything_since_the_last_one() -> None:
    meters, sink = Meters(), Written()
    meter = meters.meter("CoAP", "upload", "meters")
    took = meter.took.append
    took(0.1)
    meter.bytes += 4
    meter.fail("no answer", 93.0)
    meter.fail("not attached")
    meter.count_only(2)
    meters.flush(sink, 5.0)
    took(0.2)
    meters.flush(sink, 6.0)
    meters.flush(sink, 7.0)
    (kind, name, first, at_s), (_, _, second, _) = sink.batches
    assert (kind, name, at_s) == ("CoAP", "upload meters", 5.0)
    assert (first.took, first.untimed, first.bytes, first.requests) == ([0.1, 93.0], 3, 4, 5)
    assert first.failures == {"no answer": 1, "not attached": 1}
    assert (second.took, second.untimed, second.bytes, second.failures) == ([0.2], 0, 0, {})
    assert (meter.requests, meter.failed) == (6, 2)


def test_a_batch_is_not_changed_afterwards() -> None:
    meters, sink = Meters(), Written()
    meter = meters.meter("CoAP", "upload", "meters")
    meter.fail("no answer", 1.0)
    meters.flush(sink, 1.0)
    meter.fail("no answer", 2.0)
    assert sink.batches[0][2].took == [1.0]
    assert sink.batches[0][2].failures == {"no answer": 1}


@pytest.mark.parametrize("flushes", [0, 1, 2])
def test_counts_are_the_same_before_and_after_flushes(flushes: int) -> None:
    meters = Meters()
    meter = meters.meter("CoAP", "upload", "meters")
    meter.took.append(0.1)
    meter.fail("no answer", 93.0)
    meter.count_only()
    for _ in range(flushes):
        meters.flush(Written(), 1.0)
    assert meters.counters() == {"requests upload meters": 3, "failed upload meters": 1}
    assert meter.failures == {"no answer": 1}


def test_a_meter_is_always_the_same_one() -> None:
    meters = Meters()
    assert meters.meter("CoAP", "upload", "meters") is meters.meter("CoAP", "upload", "meters")
    assert meters.meter("CoAP", "upload", "meters") is not meters.meter("CoAP", "upload", "trackers")
    assert meters.meter("CoAP", "upload", "").name == "upload"
    assert meters.hidden("schedule error") is meters.hidden("schedule error")


def test_a_hidden_meter_has_a_histogram_and_nothing_else() -> None:
    meters, sink = Meters(), Written()
    meters.hidden("schedule error").took.append(0.004)
    meters.flush(sink, 1.0)
    assert sink.batches == []
    assert meters.counters() == {}
    assert decode(meters.histograms()["schedule error"]).max_s == 0.004


def test_weighted_values_are_counted_once_and_forgotten_by_a_reset() -> None:
    meters = Meters()
    meter = meters.hidden("schedule error")
    meter.weighted.append((0.004, 250))
    for _ in range(2):
        meters.flush(Written(), 1.0)
        assert decode(meters.histograms()["schedule error"]).count == 250
    meter.weighted.append((0.004, 250))
    meters.reset()
    meters.flush(Written(), 2.0)
    assert meters.histograms() == {}


def test_one_name_over_two_networks_has_one_histogram_and_one_count() -> None:
    meters = Meters()
    meters.meter("CoAP", "upload", "meters").took.append(0.1)
    meters.meter("UDP", "upload", "meters").took.append(0.2)
    for _ in range(2):  # adding them up for the first time changes neither
        meters.flush(Written(), 1.0)
        assert decode(meters.histograms()["upload meters"]).count == 2
    assert meters.counters()["requests upload meters"] == 2


def test_names_without_values_are_left_out() -> None:
    meters = Meters()
    meters.meter("UDP", "upload", "meters").count_only(7)
    meters.hidden("schedule error")
    meters.flush(Written(), 1.0)
    assert meters.histograms() == {}
    assert meters.counters()["requests upload meters"] == 7


def test_a_reset_forgets_all_and_keeps_the_meters() -> None:
    meters, sink = Meters(), Written()
    meter = meters.meter("CoAP", "upload", "meters")
    took = meter.took.append
    for _ in range(2):
        took(0.1)
        meter.fail("no answer", 1.0)
        meters.flush(Written(), 1.0)
    took(0.1)
    meters.reset()
    meters.flush(sink, 2.0)
    assert sink.batches == []
    assert meters.histograms() == {}
    assert set(meters.counters().values()) == {0}
    took(0.3)
    meters.flush(sink, 3.0)
    assert sink.batches[0][2].took == [0.3]
