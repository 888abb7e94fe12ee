"""The history of a real run, as messages of the stream between the other records, and what a fresh judge says of it.

Events are kept as the platform sent them and are decoded again by the run's own observer, so a damaged message goes
the whole way that a real one goes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache, cached_property
from typing import Any

import msgspec

from simulator.assertions.judge import Judge
from simulator.assertions.verdicts import Finding, Judgement, Verdicts
from simulator.events.journal import Journal, decode_lines
from simulator.events.records import (
    ActRecord,
    EndRecord,
    EventRecord,
    GapRecord,
    Record,
    RunRecord,
    SeenRecord,
    StepRecord,
)
from simulator.plan import make_plan
from simulator.run.settings import RunSettings
from simulator.run.start import rehearse
from simulator.run.watch import Nobody
from simulator.scenario import Scenario, loads
from simulator.target.observer import Observer

from .stories import STORIES

EPOCH = datetime(2026, 1, 1)  # where run time begins (scenarios §6), without a zone as the platform's texts are
RERUN = "simulator run story.yaml --seed 0"


@dataclass(frozen=True)
class Message:
    """One message of the event stream."""

    rx_s: float
    raw: Mapping[str, Any]
    judged: bool = True
    text: bytes | str | None = None
    """What the stream carried, where it is not simply `raw`."""

    @property
    def name(self) -> str:
        """The platform's word for it."""
        return str(self.raw.get("event"))

    @property
    def device(self) -> str:
        """The platform's id."""
        return str(self.raw.get("deviceId"))

    @property
    def collection(self) -> str:
        """The platform's id."""
        return str(self.raw.get("collectionId"))

    @property
    def data(self) -> Mapping[str, str]:
        """Its data, or none."""
        return dict(self.raw.get("data", {}))

    def but(self, **fields: Any) -> Message:
        """The same with other fields; None: without that one."""
        raw = {**self.raw, **fields}
        return replace(self, raw={key: value for key, value in raw.items() if value is not None}, text=None)

    def with_data(self, **values: Any) -> Message:
        """The same with other data; None: without that one."""
        data = {**self.data, **values}
        return self.but(data={key: value for key, value in data.items() if value is not None})


Item = Record | Message


def when(item: Item) -> float:
    """Its run time; the first line of a journal has none."""
    if isinstance(item, Message):
        return item.rx_s
    if isinstance(item, GapRecord):
        return item.to_s
    if isinstance(item, SeenRecord):
        return item.event.rx_s
    return float(getattr(item, "t_s", getattr(item, "rx_s", 0.0)))


def at(item: Item, t_s: float) -> Item:
    """The same at another time."""
    if isinstance(item, Message):
        return replace(item, rx_s=t_s)
    if isinstance(item, (ActRecord, StepRecord, EndRecord)) or hasattr(item, "t_s"):
        return msgspec.structs.replace(item, t_s=t_s)
    return item


@dataclass(frozen=True)
class History:
    """One run."""

    story: str
    scenario: Scenario
    items: tuple[Item, ...]
    names: Mapping[str, str]
    """Device id → name in the scenario."""
    collections: Mapping[str, str]
    """Collection id → name in the scenario."""

    def with_items(self, items: Iterable[Item]) -> History:
        """Another history of the same story."""
        return replace(self, items=tuple(items))

    @cached_property
    def messages(self) -> list[int]:
        """Where the events of the story and of its devices are."""
        return [
            i
            for i, item in enumerate(self.items)
            if isinstance(item, Message) and item.judged and "collectionId" in item.raw and item.device in self.names
        ]

    @cached_property
    def groups(self) -> Mapping[str, Any]:
        """Name of a member → its group."""
        named = make_plan(self.scenario).names_by_group()
        groups = {group.name: group for group in self.scenario.groups}
        return {member: groups[name] for name, members in named.items() for member in members}

    def message(self, index: int) -> Message:
        """The one there."""
        item = self.items[index]
        assert isinstance(item, Message)
        return item

    def subject(self, index: int) -> str:
        """Whose event it is."""
        return self.names[self.message(index).device]

    def of(self, *names: str, transport: str = "") -> list[int]:
        """Where events of these names are, of devices with that transport; "": with any."""
        return [
            i
            for i in self.messages
            if self.message(i).name in names and (not transport or self.groups[self.subject(i)].transport == transport)
        ]

    def step_at(self, index: int) -> int:
        """The step that was on when it arrived; -1: none had begun."""
        begun = [x.step for x in self.items[:index] if isinstance(x, StepRecord) and x.phase == "began"]
        return begun[-1] if begun else -1

    def step_end(self, index: int) -> int:
        """Where that step ended, or the run: what comes after the last step belongs to it."""
        step = self.step_at(index)
        for i, item in enumerate(self.items[index:], index):
            if isinstance(item, EndRecord) or (
                isinstance(item, StepRecord) and item.phase == "ended" and item.step == step
            ):
                return i
        raise AssertionError("a run ends")

    def acted(self, index: int) -> int:
        """Where all acts of that step were over; where it ended, if it has none."""
        step, end = self.step_at(index), self.step_end(index)
        for i, item in enumerate(self.items[:end]):
            if isinstance(item, StepRecord) and item.phase == "acted" and item.step == step:
                return i
        return end

    def began(self, index: int, *verbs: str) -> int:
        """Where the latest act of these verbs and of the event's device began before it; -1: there is none."""
        subject = self.subject(index)
        found = [
            i
            for i, x in enumerate(self.items[:index])
            if isinstance(x, ActRecord) and x.phase == "began" and x.subject == subject and x.verb in verbs
        ]
        return found[-1] if found else -1

    def acts(self, verb: str, phase: str = "ended", outcome: str = "") -> list[int]:
        """Where such acts are."""
        return [
            i
            for i, x in enumerate(self.items)
            if isinstance(x, ActRecord) and x.verb == verb and x.phase == phase and outcome in ("", x.outcome)
        ]

    def told(self, index: int, key: str = "") -> str:
        """The check of the step's list that the event there satisfies; with `key`: that asks for this value too.
        "": there is none."""
        step, name = self.step_at(index), self.message(index).name
        if step < 0:
            return ""
        for number, wanted in enumerate(self.scenario.steps[step].expect):
            asked = [condition.op for of, condition in wanted.matcher.conditions if of == key]
            if wanted.matcher.name == name and wanted.of is None and (not key or (asked and asked != ["any"])):
                return f"steps[{step}].expect[{number}]"
        return ""


@dataclass
class Judged:
    """What a judge said."""

    verdicts: Verdicts
    findings: list[Finding]

    @property
    def failed(self) -> set[str]:
        """Names of the checks that failed."""
        return {judgement.check for judgement in self.verdicts.judgements if judgement.verdict == "fail"}

    @property
    def open(self) -> set[str]:
        """Names of those that are inconclusive, and were reached."""
        return {j.check for j in self.verdicts.judgements if j.verdict == "inconclusive" and j.reached}

    def of(self, check: str) -> Judgement:
        """One judgement."""
        (judgement,) = (judgement for judgement in self.verdicts.judgements if judgement.check == check)
        return judgement

    def __repr__(self) -> str:
        told = [f"{j.check}: {j.verdict}: {j.headline}; {j.details}" for j in self.verdicts.judgements if j.headline]
        return "\n".join([self.verdicts.verdict, *told])


def run(story: str, text: str, seed: int = 0) -> History:
    """Run it in virtual time against the embedded server. The history is healthy: it passes."""
    scenario = loads(text, "story.yaml")
    lines: list[bytes] = []
    result = rehearse(scenario, RunSettings(seed=seed), Journal(lines.append), Nobody())
    assert result.error is None, result.error
    assert result.verdicts.verdict == "pass", (story, result.verdicts)
    names: dict[str, str] = {}
    collections: dict[str, str] = {}
    items: list[Item] = []
    for record in decode_lines(lines):
        if isinstance(record, EventRecord):
            assert record.subject is not None
            assert record.collection is not None
            names[str(record.raw["deviceId"])] = record.subject
            collections[str(record.raw["collectionId"])] = record.collection
            items.append(Message(record.rx_s, record.raw, record.judged))
        else:
            items.append(record)
    return History(story, scenario, tuple(items), names, collections)


@cache
def histories_of() -> list[History]:
    """One run of each story; made once, and never changed."""
    return [run(name, text) for name, text in STORIES.items()]


def judge(history: History, items: Iterable[Item] | None = None) -> Judged:
    """A fresh judge, fed with a history (None: as it was) as a live run feeds it."""
    plan = make_plan(history.scenario)
    aliases = dict(history.collections)
    court = Judge(history.scenario, plan.names_by_group(), plan.names, aliases, RERUN, numbers=plan.numbers)
    findings: list[Finding] = []
    now = 0.0

    def feed(record: Record) -> None:
        findings.extend(court.feed(record))

    def wait(until_s: float) -> None:
        while (deadline := court.deadline) is not None and deadline < until_s:
            findings.extend(court.expire(deadline))

    observer = Observer(feed, lambda: now, aliases)
    observer.names.update(history.names)
    for item in history.items if items is None else items:
        if not isinstance(item, GapRecord):  # which may be told of long afterwards
            now = max(now, when(item))
        if isinstance(item, EndRecord):
            while (deadline := court.deadline) is not None:
                now = max(now, deadline)
                findings.extend(court.expire(deadline))
            feed(msgspec.structs.replace(item, t_s=now))
            continue
        wait(now)
        if isinstance(item, Message):
            observer.judged = item.judged
            observer.message(json.dumps(item.raw) if item.text is None else item.text, item.rx_s)
        else:
            feed(item)
    return Judged(court.finish(now), findings)


def later(items: Sequence[Item], by_s: int) -> list[Item]:
    """The same, all of it so much later, the platform's clock included."""
    return [_later(item, by_s) for item in items]


def _later(item: Item, by_s: int) -> Item:
    if isinstance(item, RunRecord):
        return item
    item = at(item, when(item) + by_s)
    if isinstance(item, Message) and isinstance(item.raw.get("time"), str):
        return item.but(time=shifted(item.raw["time"], by_s))
    return item


def clock(t_s: float) -> str:
    """What the platform's clock shows at a run time."""
    return str(EPOCH + timedelta(seconds=int(t_s)))


def emitted_s(message: Message) -> int:
    """The platform's time of a message, in whole seconds of run time."""
    return int((datetime.fromisoformat(str(message.raw["time"])) - EPOCH).total_seconds())


def shifted(time: str, by_s: int) -> str:
    """A platform's time, so much later."""
    return str(datetime.fromisoformat(time) + timedelta(seconds=by_s))
