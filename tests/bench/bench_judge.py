"""How long decoding, writing down and judging take: a day of a thousand meters that report every ten minutes.

    .venv/bin/python tests/bench/bench_judge.py [METERS] [UPLOADS EACH]

Prints microseconds per record; nothing is asserted.
"""

from __future__ import annotations

import gc
import resource
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable

from simulator.assertions.judge import Judge
from simulator.errors import Place
from simulator.events.journal import Journal, decode_line, encode
from simulator.events.records import ActRecord, EndRecord, RunRecord, StepRecord
from simulator.events.span import SpanDecoder
from simulator.scenario.model import (
    Attach,
    Condition,
    Counted,
    EventMatcher,
    Group,
    LatencyOf,
    RateOf,
    Scenario,
    SeenInOrder,
    Step,
    Subject,
    Upload,
)

HERE = Place("bench.yaml", 1, 1)
METERS = Subject(group="meters", place=HERE, text="meters")


def scenario(count: int, times: int, *, lists: bool) -> Scenario:
    """The second example of the language page; with `lists`, every upload has an expectation of its own too."""
    seen = (SeenInOrder(matcher=EventMatcher(name="upstreamMessage", place=HERE)),) if lists else ()
    bound = Condition(op="below", number=60.0)
    return Scenario(
        promise="meters report",
        place=HERE,
        groups=(Group(name="meters", place=HERE, count=count),),
        steps=(
            Step(place=HERE, verb="attach", act=Attach(), subjects=(METERS,)),
            Step(
                place=HERE,
                verb="upload",
                act=Upload(),
                subjects=(METERS,),
                times=times,
                every_s=600.0,
                expect=seen,
                outcome="any",
            ),
        ),
        expect=(
            RateOf(place=HERE, verb="upload", at_least=0.99),
            Counted(
                place=HERE,
                quantifier="each",
                subject=METERS,
                matcher=EventMatcher(name="upstreamMessage", place=HERE),
                at_least=times - 2,
            ),
            LatencyOf(place=HERE, matcher=EventMatcher(name="upstreamMessage", place=HERE), bounds=((99.0, bound),)),
        ),
    )


def history(names: tuple[str, ...], times: int, decoder: SpanDecoder) -> list[object]:
    """Its records, without anything lost."""
    records: list[object] = [
        RunRecord(scenario="bench", file="bench.yaml", seed=0, time="virtual", target="embedded", version="0")
    ]

    def event(subject: str, t_s: float, name: str, data: str) -> object:
        head = f'{{"collectionId":"c0","data":{data},"deviceId":"{subject}"'
        text = f'{head},"event":"{name}","time":"2026-01-01 00:00:00"}}'
        return decoder.decode(text.encode(), t_s)

    def act(step: int, verb: str, subject: str, n: int, t_s: float, phase: str, size: int = -1) -> ActRecord:
        outcome = "ok" if phase == "ended" else ""
        return ActRecord(step=step, verb=verb, subject=subject, n=n, phase=phase, t_s=t_s, outcome=outcome, size=size)

    records.append(StepRecord(step=0, phase="began", t_s=0.0))
    login = '{"imei":"350000000000006","imsi":"999990000000001","ip":"10.64.0.1"}'
    for name in names:
        records += [
            act(0, "attach", name, 0, 0.0, "began"),
            event(name, 0.0, "ciotConnect", login),
            act(0, "attach", name, 0, 0.0, "ended"),
        ]
    records += [StepRecord(step=0, phase="acted", t_s=0.0), StepRecord(step=1, phase="began", t_s=0.0)]
    up = '{"bytes":"24","transport":"coap"}'
    for n in range(times):
        for index, name in enumerate(names):
            t_s = n * 600.0 + index * 0.5
            records.append(act(1, "upload", name, n, t_s, "began", 24))
            if n == 0:
                records.append(event(name, t_s + 0.01, "clientConnected", '{"id":"ip"}'))
            records.append(event(name, t_s + 0.01, "upstreamMessage", up))
            records.append(act(1, "upload", name, n, t_s + 0.02, "ended", 24))
    last = times * 600.0
    records += [StepRecord(step=1, phase="acted", t_s=last), StepRecord(step=1, phase="ended", t_s=last + 10)]
    return [*records, EndRecord(t_s=last + 10)]


def main(count: int = 1000, times: int = 144) -> None:
    """Measure and print."""
    names = tuple(f"meters.{i}" for i in range(count))
    decoder = SpanDecoder({name: name for name in names}, {"c0": "default"})
    started = time.perf_counter()
    records = history(names, times, decoder)
    print(f"{len(records)} records made in {time.perf_counter() - started:.1f} s")
    message = (
        b'{"collectionId":"c0","data":{"bytes":"24","transport":"coap"},"deviceId":"meters.1",'
        b'"event":"upstreamMessage","time":"2026-01-01 00:00:00"}'
    )
    _measure("decode", lambda: _all(decoder.decode(message, 1.0) for _ in range(100_000)), 100_000)
    journal = Journal(lambda _: None)
    _measure("journal", lambda: _all(journal.write(record) for record in records), len(records))
    lines = [encode(record) for record in records[:100_000]]
    _measure("read back", lambda: _all(decode_line(line) for line in lines), len(lines))
    for lists in (False, True):
        gc.collect()
        gc.freeze()
        judge = Judge(
            scenario(count, times, lists=lists), {"meters": names}, lambda _: names, {}, "simulator run bench.yaml"
        )
        feed = judge.feed
        _measure(f"judge, step lists {lists}", lambda feed=feed: _all(feed(record) for record in records), len(records))
        verdicts = judge.finish(times * 600.0 + 20)
        for judgement in verdicts.judgements:
            if judgement.verdict != "pass":
                print(judgement.headline, *judgement.details, sep="\n")
        print(f"  {verdicts.verdict}: {verdicts.events} events, {verdicts.acts} acts")
    print(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB at most, most of it the records")


def _all(work: Iterable[object]) -> None:
    """Do it without keeping what comes of it: that would measure the collector."""
    deque(work, maxlen=0)


def _measure(what: str, work: Callable[[], None], count: int) -> None:
    started = time.process_time()
    work()
    print(f"{what}: {(time.process_time() - started) / count * 1e6:.2f} µs")


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
