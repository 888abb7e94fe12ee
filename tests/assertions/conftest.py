"""A history in a few lines of text, judged as a run would have it judged.

0 run                                    what is under test: embedded, in virtual time (`0 run real`: in real time;
                                         `0 run elsewhere`: another platform)
0 step 0                                 step 0 begins
0 > m.0 upload 24                        an act begins, of 24 bytes (step and repetition: of the line before, or
0 > m.0 upload 24 @1 #2                  step 1, repetition 2)
0.1 m.0 upstreamMessage bytes=24         an event with data; what is not data: `on=COLLECTION`, `judged=no`,
                                         `device=ID`, `sys=cc`, `time=UNIX`, `+key=value`; `?` is a device that nobody
                                         knows, `-` none
0.2 < m.0 upload ok                      the act ends (`!timeout`: and not as asked for); words after it are its detail
0.2 acted 0                              all acts of step 0 are over
3 gap 1 2 lost the connection            blind from 1 s to 2 s (`by=OBSERVER`, `dropped=3` before the reason)
3 seen spy m.0 upstreamMessage           an event in the stream of a further observer
3 stream spy closed 1008                 that stream was opened, closed or refused
3 received m.0 coap 0a0b                 a device received a payload
3 statistics ended accepted=2 rejected=1  what the server has counted (`_` for a space; `!why`: error)
3 state 0 m.0 firmware.state=Current     what the API says at the end of step 0 (`path=-`: no such field; `!why`: error)
5 end done                               the run is over
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import pytest

from simulator.assertions.judge import Judge, Verdicts
from simulator.assertions.verdicts import Finding, Judgement
from simulator.clock import EPOCH_UNIX_S
from simulator.events.journal import decode_line, encode
from simulator.events.records import (
    ActRecord,
    EndRecord,
    EventRecord,
    GapRecord,
    GarbledRecord,
    ReceivedRecord,
    Record,
    RunRecord,
    SeenRecord,
    StateRecord,
    StatisticsRecord,
    StepRecord,
    StreamRecord,
)
from simulator.plan.planning import make_plan
from simulator.scenario import Scenario, loads

DATA = {
    "clientConnected": {"id": "ip"},
    "upstreamMessage": {"bytes": "24", "transport": "coap"},
    "downstreamMessage": {"bytes": "4", "transport": "coap"},
    "imeiMismatch": {"imsi": "999990000000001", "imei": "350000000000006", "expectedImei": "350000000000014"},
    "deviceMoved": {"from": "c0", "to": "c1"},
}
"""What a healthy event of that name carries, where the line says nothing else."""


def _numbers(who: str) -> dict[str, str]:
    """A device's own."""
    index = int(who.partition(".")[2] or 0)
    return {"imsi": f"99999{index + 1:010}", "imei": f"35{index:012}6", "ip": f"10.64.0.{index + 1}"}


@dataclass
class Judged:
    """What came of a history."""

    judge: Judge
    scenario: Scenario
    findings: list[Finding]
    verdicts: Verdicts
    undecided: set[int]
    """Steps that were open when the last record had been fed."""

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
        return next(judgement for judgement in self.verdicts.judgements if judgement.check == check)

    def text(self, check: str) -> str:
        """Its words."""
        judgement = self.of(check)
        return "\n".join((judgement.headline, *judgement.details))


class Reader:
    """Turns lines into records."""

    def __init__(self) -> None:
        self.step = 0
        self.n: dict[tuple[int, str], int] = {}
        self.sizes: dict[tuple[int, str, int], int] = {}

    def record(self, line: str) -> Record:
        """One line."""
        time, word, *rest = line.split()
        t_s = float(time)
        match word:
            case "run":
                mode = "real" if rest else "virtual"
                target = "https://span.example" if rest == ["elsewhere"] else "embedded"
                return RunRecord(scenario="x", file="x.yaml", seed=7, time=mode, target=target, version="0")
            case "step":
                self.step = int(rest[0])
                return StepRecord(step=self.step, phase="began", t_s=t_s)
            case "acted" | "ended":
                return StepRecord(step=int(rest[0]), phase=word, t_s=t_s)
            case "gap":
                from_s, to_s, *rest = rest
                given = dict(word.split("=", 1) for word in rest if word.startswith(("by=", "dropped=")))
                why = " ".join(word for word in rest if not word.startswith(("by=", "dropped=")))
                by, dropped = given.get("by", ""), int(given.get("dropped", "0"))
                return GapRecord(from_s=float(from_s), to_s=float(to_s), why=why, observer=by, dropped=dropped)
            case "seen":
                return SeenRecord(observer=rest[0], event=self._event(t_s, rest[1], rest[2:]))
            case "stream":
                return StreamRecord(observer=rest[0], phase=rest[1], t_s=t_s, why=" ".join(rest[2:]))  # type: ignore[arg-type]
            case "received":
                return ReceivedRecord(subject=rest[0], t_s=t_s, transport=rest[1], hex=rest[2])
            case "state":
                return self._state(t_s, *rest)
            case "statistics":
                phase, *words = rest
                error = " ".join(words)[1:] if words and words[0].startswith("!") else ""
                pairs = [] if error else [word.replace("_", " ").split("=") for word in words]
                found = {name: int(count) for name, count in pairs}
                return StatisticsRecord(phase=phase, t_s=t_s, found=found, error=error)  # type: ignore[arg-type]
            case "garbled":
                return GarbledRecord(rx_s=t_s, why=" ".join(rest))
            case "end":
                return EndRecord(t_s=t_s, why=" ".join(rest))
            case ">" | "<":
                return self._act(t_s, word, rest)
        return self._event(t_s, word, rest)

    def _state(self, t_s: float, step: str, subject: str, *words: str) -> StateRecord:
        error = " ".join(words)[1:] if words and words[0].startswith("!") else ""
        pairs = [] if error else [word.split("=", 1) for word in words]
        found = {path: None if value == "-" else value for path, value in pairs}
        return StateRecord(step=int(step), subject=subject, t_s=t_s, found=found, error=error)

    def _act(self, t_s: float, sign: str, words: list[str]) -> ActRecord:
        subject, verb, *rest = words
        step = next((int(word[1:]) for word in rest if word.startswith("@")), self.step)
        n = next((int(word[1:]) for word in rest if word.startswith("#")), self.n.get((step, subject), 0))
        rest = [word for word in rest if word[0] not in "@#"]
        self.n[step, subject] = n
        if sign == ">":
            size = self.sizes[step, subject, n] = int(rest[0]) if rest else -1
            return ActRecord(step=step, verb=verb, subject=subject, n=n, phase="began", t_s=t_s, size=size)
        outcome, *detail = rest
        return ActRecord(
            step=step,
            verb=verb,
            subject=subject,
            n=n,
            phase="ended",
            t_s=t_s,
            outcome=outcome.lstrip("!").replace("_", " "),
            expected=not outcome.startswith("!"),
            detail=" ".join(detail),
            size=self.sizes.get((step, subject, n), -1),
        )

    def _event(self, t_s: float, who: str, words: list[str]) -> EventRecord:
        name, *pairs = words
        given = dict(pair.split("=", 1) for pair in pairs)
        collection = given.pop("on", "default")
        device = given.pop("device", f"id-{who}")
        sys = given.pop("sys", "span")
        judged = given.pop("judged", "yes") == "yes"
        unix_s = EPOCH_UNIX_S + int(t_s) if (time := given.pop("time", None)) is None else int(time)
        outside = {key[1:]: given.pop(key) for key in list(given) if key.startswith("+")}
        data = {**DATA.get(name, {}), **(_numbers(who) if name == "ciotConnect" else {}), **given}
        data = {key: value for key, value in data.items() if value != "-"}
        raw = {"event": name, "collectionId": f"id-{collection}", "deviceId": device, "data": data, **outside}
        if who == "-":
            del raw["deviceId"]
        return EventRecord(
            sys=sys,  # type: ignore[arg-type]
            name=name,
            subject=None if who in ("?", "-") else who,
            rx_s=t_s,
            unix_s=unix_s,
            data=data,
            collection=None if collection == "?" else collection,
            judged=judged,
            raw=raw,
        )


def judged(
    text: str | Scenario,
    lines: Iterable[str],
    *,
    aliases: dict[str, str] | None = None,
    settle: bool = True,
    only: str | None = None,
) -> Judged:
    """Judge a history as a live run does: time-outs are called when they are due, and at the end all are waited for.

    It is judged a second time as from a journal, where nobody calls them, and must come out the same.
    """
    scenario = loads(text, "x.yaml") if isinstance(text, str) else text
    plan = make_plan(scenario, only=only)
    judge, later = (
        Judge(scenario, plan.names_by_group(), plan.names, aliases or {}, "simulator run x.yaml --seed 7")
        for _ in range(2)
    )
    reader, findings, now = Reader(), [], 0.0
    for line in lines:
        record = reader.record(line)
        now = float(line.split()[0])
        later.feed(decode_line(encode(record)))
        while (deadline := judge.deadline) is not None and deadline < now:
            findings += judge.expire(deadline)
        findings += judge.feed(record)
    undecided = {number for number in range(len(scenario.steps)) if judge.step_open(number)}
    while settle and (deadline := judge.deadline) is not None:
        now = max(now, deadline)
        findings += judge.expire(deadline)
    verdicts = judge.finish(now)
    assert later.finish(now) == verdicts, "judged afterwards it comes out otherwise"
    return Judged(judge, scenario, findings, verdicts, undecided)


@pytest.fixture(name="judged", scope="session")
def _judged() -> Callable[..., Judged]:
    """Scenario text and lines → what was found."""
    return judged
