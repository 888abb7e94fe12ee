"""Streams that were recorded somewhere, and what devices did meanwhile → records, for a verdict without a run.

A journal of ours has both. Otherwise the stream is the platform's own objects, one a line, as `simulator watch --json`
prints them; what devices did is a journal, or lines of a small form of their own (`SentLine`). Such a stream has no
arrival times: the order is that of its lines, and the times are those of its `time`, with a resolution of one second.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterable, Iterator
from operator import itemgetter
from typing import Final

import msgspec

from simulator.errors import ExitCode, RemoteError, SimulatorError
from simulator.events.journal import JournalError, decode_line
from simulator.events.records import ActRecord, EventRecord, GapRecord, GarbledRecord, Record, RunRecord
from simulator.events.span import UNREADABLE_TIME, Dropped, SpanDecoder, unix_seconds
from simulator.words import OUTCOMES, VERB, nearest

Line = tuple[int, bytes]
"""Number in its file, from 1, and what is in it."""
Timed = tuple[float, Record]

VIRTUAL_START: Final = 1_767_225_600
"""2026-01-01 00:00:00 UTC: when the run time of a virtual run begins (scenarios §6)."""
_OPEN_END_S: Final = 86_400.0
"""How long events may still be missing after the last one, if the platform dropped some behind it."""
_UNCERTAIN_S: Final = 1.001
"""The resolution of the platform's clock, and a little, so that what ends is behind what is told of its second."""
_TIME: Final = '"2026-01-01 00:00:00" (UTC), or Unix seconds'


class RecordedError(SimulatorError):
    """A line is not what it should be."""

    exit_code = ExitCode.USAGE

    def __init__(self, problem: str, file: str, line: int) -> None:
        super().__init__(problem, file, line)
        self.problem, self.file, self.line = problem, file, line

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.problem}"


class SentLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a device did: one act. The lines stand in the order of their `t`."""

    device: str
    """The platform's id of it, or a name; then one line at least says which `id` that is."""
    t: float | str
    """When it began: `2026-01-01 00:00:00` (UTC), or Unix seconds, with a fraction if there is one."""
    until: float | str | None = None
    """When it was over; None: at once."""
    verb: str = "upload"
    """As in a scenario: `upload`, `attach`, `create`, `send`, …"""
    bytes: int = -1
    """Size of the payload; -1: not known."""
    transport: str = ""
    """How it was sent, for the reader: what counts is what the events say."""
    outcome: str = "ok"
    """What it came to: `ok`, `rejected`, `timeout`, `failed`, or `coap 4.04`."""
    id: str = ""
    """The platform's id of the device, if `device` is a name."""


_decode_sent = msgspec.json.Decoder(SentLine).decode
_is_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_kind = msgspec.json.Decoder(msgspec.defstruct("_Kind", [("kind", str)])).decode


def is_journal(first: bytes) -> bool:
    """Whether a file with this first line is a journal of ours."""
    try:
        _kind(first)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return False
    return True


def journal(lines: Iterable[Line], file: str) -> Iterator[Record]:
    """The records of a journal. Raises: RecordedError: a line is no record."""
    for number, line in lines:
        if not line.endswith(b"\n"):
            return  # being written when the run was killed
        try:
            yield decode_line(line)
        except JournalError as error:
            raise RecordedError(error.problem, file, number) from error


class Names(dict[str, str]):
    """The platform's ids → names; an id without another name is its own."""

    def get(self, key: str, default: str | None = None) -> str:  # type: ignore[override]  # never None
        """The name."""
        del default
        try:
            return self[key]
        except KeyError:
            return key


def stream(lines: Iterable[Line], file: str, names: Names, start_s: float | None) -> Iterator[Timed]:
    """The records of a raw stream, each with its time, which never goes back.

    Args:
        names: device id → what it is called in the acts; may grow.
        start_s: Unix time of run time 0; None: the time of the first event. If it is given, there are acts to compare
            with: an event then counts as of the end of its second, so that what happened within it lies before.
    Objects that are events, and wrong in form, become a `GarbledRecord` with file and line.
    Raises: RecordedError: a line is not one JSON object.
    """
    decoder = SpanDecoder(names, Names())
    behind_s = 0.0 if start_s is None else 1.0
    now, blind = 0.0, _Blind()
    for number, line in lines:
        try:
            record = decoder.decode(line, now)
        except RemoteError as error:
            _check_object(line, file, number, error)
            yield now, GarbledRecord(rx_s=now, why=f"{file}:{number}: {error}")
            continue
        if type(record) is EventRecord:
            if record.unix_s != UNREADABLE_TIME:
                if start_s is None:
                    start_s = float(record.unix_s)
                rx_s = record.unix_s - start_s + behind_s
                if rx_s > now:
                    now = rx_s
                    record = msgspec.structs.replace(record, rx_s=now)
                if blind.dropped:
                    yield now, blind.until(now)
            yield now, record
        elif isinstance(record, Dropped):
            blind.since(now, record.count)
    if blind.dropped:
        yield now, blind.until(now + _OPEN_END_S)


class _Blind:
    """What the platform did not send. Such a notice has no time: it lies between the events before and after it."""

    def __init__(self) -> None:
        self.dropped = 0
        self._from_s = 0.0

    def since(self, now: float, count: int) -> None:
        """Events were dropped; `now` is the time of the one before."""
        if not self.dropped:
            self._from_s = now
        self.dropped += count

    def until(self, to_s: float) -> GapRecord:
        """The next event is there."""
        why = f"the platform dropped {self.dropped} events for a slow reader"
        gap = GapRecord(from_s=self._from_s, to_s=to_s, why=why, dropped=self.dropped)
        self.dropped = 0
        return gap


def sent(lines: Iterable[Line], file: str, names: Names, start_s: float) -> Iterator[Timed]:
    """The acts of a file of `SentLine`s, each with its time. Raises: RecordedError."""
    under_way: list[tuple[float, int, ActRecord]] = []
    last_s = float("-inf")
    for number, line in lines:
        told = _sent_line(line, file, number)
        began_s = _unix(told.t, file, number)
        ended_s = began_s if told.until is None else _unix(told.until, file, number)
        if ended_s < began_s:
            raise RecordedError("until is before t", file, number)
        if began_s < last_s:
            raise RecordedError("t is before that of the line above; sort the lines by t", file, number)
        last_s = began_s
        if told.id:
            names[told.id] = told.device
        while under_way and under_way[0][0] <= began_s:
            ended, _, act = heapq.heappop(under_way)
            yield ended - start_s, act
        act = ActRecord(
            step=-1,
            verb=told.verb,
            subject=told.device,
            n=number,
            phase="began",
            t_s=began_s - start_s,
            size=told.bytes,
        )
        yield began_s - start_s, act
        over = msgspec.structs.replace(act, phase="ended", t_s=ended_s - start_s, outcome=told.outcome)
        heapq.heappush(under_way, (ended_s, number, over))
    while under_way:
        ended, _, act = heapq.heappop(under_way)
        yield ended - start_s, act


def first_time(first: Line, file: str) -> float:
    """Unix time of the first act of a file of `SentLine`s, in whole seconds. Raises: RecordedError."""
    number, line = first
    return float(int(_unix(_sent_line(line, file, number).t, file, number)))


def first_event(lines: Iterable[Line], file: str) -> float | None:
    """Unix time of the first event of a raw stream; None: it has none. Raises: RecordedError."""
    records = (record for _, record in stream(lines, file, Names(), None))
    times = (record.unix_s for record in records if type(record) is EventRecord)
    return next((float(unix_s) for unix_s in times if unix_s != UNREADABLE_TIME), None)


def acts(records: Iterable[Record]) -> Iterator[Timed]:
    """What devices did, of a journal of ours."""
    return ((record.t_s, record) for record in records if type(record) is ActRecord)


def blurred(acts_: Iterator[Timed]) -> Iterator[Timed]:
    """The same acts, ended so much later as the times of a raw stream are uncertain.

    What the platform told while an act was under way then lies between its beginning and its end, as it did.
    """
    ending: deque[Timed] = deque()
    for now, act in acts_:
        while ending and ending[0][0] <= now:
            yield ending.popleft()
        if isinstance(act, ActRecord) and act.phase == "ended":
            later_s = now + _UNCERTAIN_S
            ending.append((later_s, msgspec.structs.replace(act, t_s=later_s)))
        else:
            yield now, act
    yield from ending


def learn(records: Iterable[Record], names: Names) -> float:
    """Names of devices from a journal of ours, entered into `names`. Returns: Unix time of its run time 0.

    An event is never known before it has happened, so no run began before `unix_s - rx_s` of any of its events; the
    latest of those is less than a second off where something arrived without delay.
    """
    start_s = 0.0
    for record in records:
        if type(record) is RunRecord and record.time == "virtual":
            start_s = VIRTUAL_START
        elif type(record) is EventRecord:
            owner = record.raw.get("deviceId")
            if record.subject is not None and isinstance(owner, str):
                names[owner] = record.subject
            if record.unix_s != UNREADABLE_TIME:
                start_s = max(start_s, record.unix_s - record.rx_s)
    return start_s


def merged(one: Iterator[Timed], other: Iterator[Timed]) -> Iterator[Record]:
    """Both, in the order of their times; what is in the first comes first where they are equal."""
    return map(itemgetter(1), heapq.merge(one, other, key=itemgetter(0)))


# --- within -----------------------------------------------------------------------------------------------------------


def _check_object(line: bytes, file: str, number: int, error: RemoteError) -> None:
    """What is not even an object was never an event: the file is wrong, and not the platform."""
    try:
        _is_object(line)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        raise RecordedError(str(error), file, number) from error


def _sent_line(line: bytes, file: str, number: int) -> SentLine:
    try:
        told = _decode_sent(line)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise RecordedError(f"no line of what was sent: {error}", file, number) from error
    if told.verb not in VERB:
        near = nearest(told.verb, VERB)
        raise RecordedError(f"no verb '{told.verb}'" + (f" (did you mean '{near}'?)" if near else ""), file, number)
    if told.outcome not in OUTCOMES and not told.outcome.startswith("coap "):
        raise RecordedError(f"no outcome '{told.outcome}' (known: {', '.join(OUTCOMES)}, coap 4.04)", file, number)
    return told


def _unix(told: float | str, file: str, number: int) -> float:
    if not isinstance(told, str):
        return told
    unix_s = unix_seconds(told)
    if unix_s == UNREADABLE_TIME:
        raise RecordedError(f"'{told[:40]}' is no time; write {_TIME}", file, number)
    return float(unix_s)
