"""Merged in bulk, Locust's statistics say what they would say if each request had been reported by itself."""

from __future__ import annotations

import subprocess
import sys

# In a process of its own: importing Locust changes the standard library of whoever does.
PROGRAM = '''
import time
from random import Random
from unittest.mock import patch

import locust.stats
from locust.env import Environment
from locust.stats import RequestStats, StatsEntry, setup_distributed_stats_event_listeners

from simulator.load.meters import Meters
from simulator.load.stats import LocustSink

FIELDS = (
    "num_requests", "num_none_requests", "num_failures", "min_response_time", "max_response_time",
    "total_content_length", "response_times", "num_reqs_per_sec", "num_fail_per_sec", "last_request_timestamp",
)
SECONDS = 25


def requests():
    """Of each second: kind, act, took in seconds (None: without a time), bytes, failed for what."""
    random = Random(7)
    edges = [0.0005, 0.0015, 0.0995, 0.0996, 0.1, 0.145, 0.1453, 0.1449, 0.995, 0.9999, 1.0, 9.95, 9.9999, 10.0, 93.04]
    for second in range(SECONDS):
        these = [("CoAP", "upload", took, 3, "") for took in edges] if second == 0 else []
        for _ in range(random.choice([0, 1, 150])):
            act = random.choice(["upload", "poll"])
            took = random.choice([random.lognormvariate(-6, 1), random.lognormvariate(-1, 2), None])
            these.append(("CoAP", act, took, random.randrange(9), random.choice(["", "", "no answer", "4.04"])))
        yield 1000.25 + second, these


def singly(stats):
    for at_s, these in requests():
        with patch("time.time", lambda at_s=at_s: at_s):
            for kind, act, took, size, failed in these:
                stats.log_request(kind, act + " meters", None if took is None else took * 1e3, size)
                if failed:
                    stats.log_error(kind, act + " meters", failed)
        yield at_s


def in_bulk(stats):
    meters = Meters()
    for at_s, these in requests():
        for kind, act, took, size, failed in these:
            meter = meters.meter(kind, act, "meters")
            meter.bytes += size
            if failed:
                meter.fail(failed, took)
            elif took is None:
                meter.count_only()
            else:
                meter.took.append(took)
        meters.flush(LocustSink(stats), at_s)
        yield at_s


def entries(stats):
    return {"": stats.total, **{name: entry for (name, _), entry in stats.entries.items()}}


def compare(one, other):
    assert entries(one).keys() == entries(other).keys() == {"", "upload meters", "poll meters"}
    assert [key[1] for key in other.entries] == ["CoAP", "CoAP"]
    for name, entry in entries(one).items():
        same = entries(other)[name]
        for field in FIELDS:
            assert getattr(entry, field) == getattr(same, field), (name, field)
        assert abs(entry.total_response_time - same.total_response_time) < 1e-3
        for percent in (0.5, 0.66, 0.95, 0.99, 0.999, 1.0):
            assert entry.get_response_time_percentile(percent) == same.get_response_time_percentile(percent)
        if entry.use_response_times_cache:
            assert list(entry.response_times_cache.items()) == list(same.response_times_cache.items()), name
    assert one.errors.keys() == other.errors.keys() and len(one.errors) == 4
    for key, error in one.errors.items():
        assert vars(error) == vars(other.errors[key])


def new(cached):
    with patch("time.time", lambda: 999.0):
        stats = RequestStats(use_response_times_cache=cached)
        for act in ("upload meters", "poll meters"):
            stats.get(act, "CoAP")
    return stats


for cached in (True, False):
    one, other = new(cached), new(cached)
    for now_s, _ in zip(singly(one), in_bulk(other), strict=True):
        with patch("time.time", lambda: now_s + 0.5):
            assert one.total.current_rps == other.total.current_rps
            if cached:
                for percent in (0.5, 0.95):
                    expected = one.total.get_current_response_time_percentile(percent)
                    assert other.total.get_current_response_time_percentile(percent) == expected
    compare(one, other)
    print("same", cached)

# A rounding of somebody's own.
with patch.object(locust.stats, "bucket_response_time", lambda took_ms: int(took_ms) // 7):
    one, other = new(True), new(True)
    list(singly(one)), list(in_bulk(other))
    compare(one, other)
print("own rounding")

# By way of a worker's report the master has the same.
worker, master = Environment(), Environment()
worker.stats.use_response_times_cache = False
setup_distributed_stats_event_listeners(worker.events, worker.stats)
setup_distributed_stats_event_listeners(master.events, master.stats)
for _ in in_bulk(worker.stats):
    data = {}
    worker.events.report_to_master.fire(client_id="w", data=data)
    master.events.worker_report.fire(client_id="w", data=data)
list(singly(one := new(True)))
for name, entry in entries(one).items():
    same = entries(master.stats)[name]
    for field in FIELDS:
        assert dict(getattr(entry, field)) == dict(getattr(same, field)) if "per_sec" in field else (
            getattr(entry, field) == getattr(same, field)
        ), (name, field)
assert sum(e.occurrences for e in one.errors.values()) == sum(e.occurrences for e in master.stats.errors.values())
print("master")

# Reset in the web page in the middle.
stats, meters = new(True), Meters()
sink = LocustSink(stats)
for clear in (stats.clear_all, stats.reset_all):
    meters.meter("UDP", "upload", "meters").count_only(3)
    meters.flush(sink, 1000.0)
    clear()
    meters.meter("UDP", "upload", "meters").count_only(2)
    meters.flush(sink, 1001.0)
    assert stats.total.num_requests == stats.get("upload meters", "UDP").num_requests == 2
    stats.clear_all()
meters.meter("UDP", "upload", "meters").bytes += 5
meters.flush(sink, 1002.0)
assert (stats.total.total_content_length, stats.total.last_request_timestamp) == (5, None)
print("reset")
'''


def test_bulk_is_the_same_as_one_by_one() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout.split("\n")[:-1]) == (
        0,
        ["same True", "same False", "own rounding", "master", "reset"],
    ), done.stderr[-3000:]
