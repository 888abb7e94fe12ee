"""How long judging takes, and how much memory: a million events of ten thousand meters, as one stream of records.

    .venv/bin/python tests/bench/bench_judge.py [--events 1000000] [--subjects 10000] [--parts]

Records are made one after the other and forgotten once they are judged, as in a run. The table is for the README; the
limits in it (30 s, 1 GB) are aims, and nothing is asserted but that the verdict is right. `--parts` measures what
surrounds the judge as well: decoding a message, writing a record down, reading it back.
"""

from __future__ import annotations

import argparse
import gc
import resource
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator

from simulator.assertions.judge import Judge, Verdicts
from simulator.events.journal import Journal, decode_line, encode
from simulator.events.records import ActRecord, EndRecord, EventRecord, Record, RunRecord, StepRecord
from simulator.events.span import SpanDecoder
from simulator.plan import make_plan
from simulator.scenario import Scenario, loads

LIMIT_S, LIMIT_MB = 30.0, 1000.0
EVERY_S = 600.0
START_S = 0.05
"""One meter after the other, and so far apart."""

WHOLE_RUN = """
scenario: Meters report every ten minutes
devices: {{meters: {{count: {count}, transport: coap}}}}
steps:
  - {{attach: meters}}
  - {{upload: meters, payload: 24 B, every: 10 min, times: {times}, outcome: any}}
expect:
  - {{rate: upload, at_least: 99 %}}
  - {{each: meters, sees: upstreamMessage, at_least: {least}}}
  - {{latency: upstreamMessage, p99: below 60 s}}
"""
"""The second example of the language's page; all invariants watch as well."""

LISTS = WHOLE_RUN.replace("outcome: any", "outcome: any, expect: [upstreamMessage]").replace(
    "{{attach: meters}}", "{{attach: meters, expect: [ciotConnect]}}"
)
"""The same, and every single upload has a list of its own."""


def history(names: Iterable[str], times: int) -> Iterator[Record]:
    """Its records, of a run in which nothing is lost."""
    names = tuple(names)
    yield RunRecord(scenario="bench", file="bench.yaml", seed=0, time="virtual", target="embedded", version="0")
    yield StepRecord(step=0, phase="began", t_s=0.0)
    for index, name in enumerate(names):
        data = {
            "imei": f"35{index:012}6",
            "imsi": f"99999{index:010}",
            "ip": f"10.{64 + (index >> 16)}.{index >> 8 & 255}.{index & 255}",
        }
        yield from _act(0, "attach", name, 0, 0.0, _event("ciotConnect", name, 0.0, data))
    yield StepRecord(step=0, phase="acted", t_s=0.0)
    yield StepRecord(step=0, phase="ended", t_s=0.0)
    yield StepRecord(step=1, phase="began", t_s=0.0)
    for n in range(times):
        for index, name in enumerate(names):
            t_s = n * EVERY_S + index * START_S
            events = [_event("upstreamMessage", name, t_s + 0.01, {"bytes": "24", "transport": "coap"})]
            if n == 0:
                events.insert(0, _event("clientConnected", name, t_s + 0.01, {"id": "ip"}))
            yield from _act(1, "upload", name, n, t_s, *events, size=24)
    last_s = times * EVERY_S + len(names) * START_S
    yield StepRecord(step=1, phase="acted", t_s=last_s)
    yield StepRecord(step=1, phase="ended", t_s=last_s + 10)
    yield EndRecord(t_s=last_s + 10)


def _act(step: int, verb: str, name: str, n: int, t_s: float, *events: Record, size: int = -1) -> Iterator[Record]:
    yield ActRecord(step=step, verb=verb, subject=name, n=n, phase="began", t_s=t_s, size=size)
    yield from events
    end_s = t_s + 0.02
    yield ActRecord(step=step, verb=verb, subject=name, n=n, phase="ended", t_s=end_s, outcome="ok", size=size)


def _event(name: str, subject: str, t_s: float, data: dict[str, str]) -> EventRecord:
    return EventRecord(
        sys="span",
        name=name,
        subject=subject,
        rx_s=t_s,
        unix_s=1767225600 + int(t_s),
        data=data,
        collection="default",
        raw={"collectionId": "c0", "data": data, "deviceId": subject, "event": name, "time": "2026-01-01 00:00:00"},
    )


def judge(scenario: Scenario, times: int) -> tuple[Verdicts, float, int]:
    """Verdicts, seconds of CPU time for judging alone, and the number of records."""
    plan = make_plan(scenario)
    court = Judge(scenario, plan.names_by_group(), plan.names, {}, "simulator run bench.yaml")
    names = plan.names_by_group()["meters"]
    making_s = _seconds(lambda: deque(history(names, times), maxlen=0))
    count = 0

    def feed_all() -> None:
        nonlocal count
        feed, count = court.feed, 0
        for record in history(names, times):
            feed(record)
            count += 1

    gc.collect()
    gc.freeze()
    judging_s = _seconds(feed_all) - making_s
    began = time.process_time()
    verdicts = court.finish(times * EVERY_S + len(names) * START_S + 20)
    return verdicts, judging_s + time.process_time() - began, count


def _seconds(work: object) -> float:
    began = time.process_time()
    work()  # type: ignore[operator]
    return time.process_time() - began


def measure(name: str, events: int, subjects: int) -> None:
    """One row of the table, in a process of its own: memory that was once used is never given back."""
    times = max(1, round(events / subjects))
    text = {"whole": WHOLE_RUN, "lists": LISTS}[name].format(count=subjects, times=times, least=times - 2)
    verdicts, took_s, records = judge(loads(text, "bench.yaml"), times)
    if verdicts.verdict != "pass":
        for judgement in verdicts.judgements:
            if judgement.verdict != "pass":
                print(judgement.check, judgement.headline, *judgement.details, sep="\n", file=sys.stderr)
        sys.exit(f"the verdict is {verdicts.verdict}")
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    what = {"whole": "the whole run and all invariants", "lists": "and a list for every upload"}[name]
    print(
        f"| {what} | {verdicts.events:,} | {subjects:,} | {took_s:.1f} s (≤ {LIMIT_S:.0f}) | {peak_mb:.0f} MB "
        f"(≤ {LIMIT_MB:.0f}) | {took_s / records * 1e6:.1f} µs |".replace(",", " "),
        flush=True,
    )


def parts() -> None:
    """What surrounds the judge."""
    decoder = SpanDecoder({f"meters.{i}": f"meters.{i}" for i in range(100)}, {"c0": "default"})
    message = (
        b'{"collectionId":"c0","data":{"bytes":"24","transport":"coap"},"deviceId":"meters.1",'
        b'"event":"upstreamMessage","time":"2026-01-01 00:00:00"}'
    )
    records = list(history((f"meters.{i}" for i in range(100)), 250))
    lines = [encode(record) for record in records]
    journal = Journal(lambda _: None)
    print("\n| around it | µs per record |\n|---|---:|")
    for what, count, work in (
        ("decode a message", 100_000, lambda: _drain(decoder.decode(message, 1.0) for _ in range(100_000))),
        ("write a record down", len(records), lambda: _drain(journal.write(record) for record in records)),
        ("read a record back", len(lines), lambda: _drain(decode_line(line) for line in lines)),
    ):
        print(f"| {what} | {_seconds(work) / count * 1e6:.2f} |")


def _drain(work: Iterable[object]) -> None:
    """Do it without keeping what comes of it: that would measure the collector."""
    deque(work, maxlen=0)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Time and memory of judging.")
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--subjects", type=int, default=10_000)
    parser.add_argument("--parts", action="store_true", help="decoding and the journal as well")
    parser.add_argument("--one", choices=("whole", "lists"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        measure(options.one, options.events, options.subjects)
        return
    print(
        "| judged | events | subjects | CPU time | peak memory | per record |\n|---|---:|---:|---:|---:|---:|",
        flush=True,
    )
    for name in ("whole", "lists"):
        command = [sys.executable, __file__, "--one", name, "--events", str(options.events)]
        subprocess.run([*command, "--subjects", str(options.subjects)], check=True)
    if options.parts:
        parts()


if __name__ == "__main__":
    main()
