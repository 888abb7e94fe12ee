"""When the generator was the limit, and when it was not."""

from __future__ import annotations

import os
from types import SimpleNamespace

import pytest

from simulator.load.histograms import Histogram
from simulator.load.honesty import Watch, reasons
from simulator.load.tally import Generator, Tally
from simulator.load.totals import Totals


class Process:
    """What a watch looks at, turned by hand."""

    def __init__(self) -> None:
        self.now = self.cpu = 0.0
        self.requests = 0
        self.counted: dict[str, int] = {"drops": 5, "send_errors": 1, "throttled": 2}
        self.crew = SimpleNamespace(joined=0)
        self.clock = SimpleNamespace(now=lambda: self.now)
        self.meters = SimpleNamespace(counters=lambda: {"requests upload m": self.requests, "failed upload m": 9})
        self.watch = Watch(self, lambda: self.cpu, lambda: 4711)

    def counters(self) -> dict[str, int]:
        return dict(self.counted)

    def second(self, cpu: float, *, requests: int = 10, joins: int = 0) -> Generator:
        self.now += 1.0
        self.cpu += cpu
        self.requests += requests
        self.crew.joined += joins
        self.watch.look()
        return self.watch.generator


def test_busy_seconds_are_those_at_work() -> None:
    process = Process()
    assert process.second(1.0, requests=0).seconds == 0.0
    assert process.second(1.0, joins=5).seconds == 0.0
    seen = process.second(0.95)
    assert (seen.seconds, seen.busy_s, seen.cpu_share) == (1.0, 1.0, pytest.approx(0.95))
    seen = process.second(0.85)
    assert (seen.seconds, seen.busy_s, seen.cpu_share) == (2.0, 1.0, pytest.approx(0.85))


def test_devices_that_come_back_are_work() -> None:
    process = Process()
    process.second(1.0, joins=5)
    assert process.second(1.0, joins=-3).seconds == 1.0
    assert process.second(1.0, joins=3).seconds == 2.0


def test_a_late_look_counts_all_that_has_passed() -> None:
    process = Process()
    process.now += 4.0
    seen = process.second(4.9)
    assert (seen.seconds, seen.busy_s) == (5.0, 5.0)


def test_a_look_at_the_same_moment_divides_by_nothing() -> None:
    process = Process()
    process.watch.look()
    assert process.watch.generator.cpu_share == 0.0


def test_what_was_lost_before_the_test_does_not_count() -> None:
    process = Process()
    process.counted = {"drops": 7, "send_errors": 2, "throttled": 12}
    seen = process.second(0.1)
    assert (seen.drops, seen.send_errors, seen.throttled, seen.rss_bytes) == (2, 1, 10, 4711)


def test_this_process_uses_some_time_and_memory() -> None:
    process = Process()
    watch = Watch(process)
    process.now += 1.0
    before = os.times()
    while os.times().user - before.user < 0.02:
        pass
    watch.look()
    assert 0.0 < watch.generator.cpu_share < 60.0
    assert os.name != "posix" or watch.generator.rss_bytes > 10 << 20


def merged(*generators: Generator, late_s: float = 0.004, late: int = 10):
    errors = Histogram()
    errors.record_many([0.001] * 990 + [late_s] * late)
    totals = Totals()
    for index, generator in enumerate(generators):
        histograms = {"schedule error": errors.encode()} if not index else {}
        totals.take(Tally(worker=f"w{index}", index=index, generator=generator, histograms=histograms))
    return totals.merged()


@pytest.mark.parametrize(
    ("generator", "words"),
    [
        (Generator(seconds=60, busy_s=5), []),
        (Generator(seconds=60, busy_s=7), ["the process was busy in 7 of 60 s (above 90% of a core)"]),
        (Generator(seconds=10, busy_s=2), []),
        (Generator(seconds=10, busy_s=3), ["the process was busy in 3 of 10 s"]),
        (Generator(drops=1), ["the process has lost 1 datagrams in its own receive buffer; sysctl"]),
        (Generator(send_errors=2), ["the process could not send 2 datagrams"]),
        (Generator(throttled=10), []),
        (Generator(throttled=11), ["the rate cap has put off 11 of 1000 acts; raise --most-per-s"]),
        (Generator(cpu_share=1.0, rss_bytes=1 << 40), []),
    ],
)
def test_the_reasons(generator: Generator, words: list[str]) -> None:
    found = list(reasons(merged(generator)))
    assert len(found) == len(words)
    assert all(one.startswith(start) for one, start in zip(found, words, strict=True)), found


@pytest.mark.parametrize(
    ("late_s", "late", "invalid"), [(0.2, 11, True), (0.2, 9, False), (0.09, 20, False), (5.0, 9, False)]
)
def test_acts_that_begin_late(late_s: float, late: int, invalid: bool) -> None:
    found = list(reasons(merged(Generator(), late_s=late_s, late=late)))
    assert bool(found) is invalid
    assert all("acts began later than they were due: by 2" in one and "at p99 (limit 100 ms)" in one for one in found)


def test_one_of_several_workers_is_named() -> None:
    (found,) = reasons(merged(Generator(), Generator(drops=3)))
    assert found.startswith("worker 1 has lost 3 datagrams")


def test_nothing_has_no_reason() -> None:
    assert list(reasons(Totals().merged())) == []
