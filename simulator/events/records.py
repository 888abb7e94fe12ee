"""The records of a run. They are what the journal holds, line by line, and all that the judge ever sees.

`EventRecord` is a fact that the platform emitted; `ActRecord` is what the simulator itself did; `StepRecord` frames
both; `GapRecord` says when the observer may have been blind. Times called `t_s` and `rx_s` are run time in seconds,
`time` of a platform is Unix seconds. Structs: a day of a thousand devices makes half a million of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec


class EventRecord(msgspec.Struct, frozen=True, kw_only=True, tag="event", tag_field="kind"):
    """One event of the platform, in the order in which its stream carried it."""

    sys: Literal["span", "cc"]
    name: str
    """The platform's own word: `upstreamMessage`, `disconnect`."""
    subject: str | None
    """Name in the scenario, `meters.3`; None: the platform did not say whose it is, or it is nobody of ours."""
    rx_s: float
    """Run time at which the observer learned of it."""
    unix_s: int
    """The platform's own time of it, Unix seconds, resolution 1 s; -1: unreadable."""
    data: Mapping[str, str]
    """The event's `data`, verbatim; empty if it has none."""
    collection: str | None = None
    """Name in the scenario of the collection whose stream carried it; None for platforms without collections."""
    reason: str | None = None
    """CloudConnect's reason, verbatim."""
    judged: bool = True
    """False: belongs to the provisioning before the first step; journalled, and not judged (scenarios §4)."""
    raw: Mapping[str, object]
    """The whole object as it was received."""


class ActRecord(msgspec.Struct, frozen=True, kw_only=True, tag="act", tag_field="kind"):
    """One act of one subject began or ended."""

    step: int
    """Index of the step in the scenario, from 0; -1: not part of a step."""
    verb: str
    subject: str
    n: int
    """Repetition within the step, from 0."""
    phase: Literal["began", "ended"]
    t_s: float
    outcome: str = ""
    """When ended: `ok`, `rejected`, `timeout`, `coap 4.04`, `failed`, `cancelled`."""
    expected: bool = True
    """When ended: whether the outcome is the one the step asked for."""
    detail: str = ""
    """When ended: what the device itself thinks happened, in words; also a platform's own error text."""
    size: int = -1
    """Payload of an upload or a downstream message in bytes; -1: the act has none."""
    transmissions: int = 0
    """How often the datagram was sent; 0 where it does not apply."""
    answered: str = ""
    """When an upload has ended: CoAP path at which the platform itself answered it; "": it did not."""


class StepRecord(msgspec.Struct, frozen=True, kw_only=True, tag="step", tag_field="kind"):
    """A step began, all its acts have ended (`acted`), or its expectations too are decided (`ended`)."""

    step: int
    phase: Literal["began", "acted", "ended"]
    t_s: float


class ReceivedRecord(msgspec.Struct, frozen=True, kw_only=True, tag="received", tag_field="kind"):
    """A device received a downstream payload."""

    subject: str
    t_s: float
    transport: str
    hex: str


class GapRecord(msgspec.Struct, frozen=True, kw_only=True, tag="gap", tag_field="kind"):
    """Between these run times the observer may have missed events: absence proves nothing there."""

    from_s: float
    to_s: float
    why: str
    observer: str = ""
    """Name of the scenario's observer that was blind; "": the run's own, whose sight the verdict rests on."""
    dropped: int = 0
    """How many events the platform said that it dropped; 0: it did not say."""


class SeenRecord(msgspec.Struct, frozen=True, kw_only=True, tag="seen", tag_field="kind"):
    """What a further observer of the scenario read from its stream; the run's own events are plain `EventRecord`s."""

    observer: str
    event: EventRecord


class StreamRecord(msgspec.Struct, frozen=True, kw_only=True, tag="stream", tag_field="kind"):
    """A further observer's stream was opened, refused, or has ended."""

    observer: str
    phase: Literal["opened", "refused", "closed"]
    t_s: float
    why: str = ""


class StateRecord(msgspec.Struct, frozen=True, kw_only=True, tag="state", tag_field="kind"):
    """What the platform's API said about a device, when a step or the run ended."""

    step: int
    """Index of the step that asked; -1: the end of the run."""
    subject: str
    t_s: float
    found: Mapping[str, str | None]
    """Path with dots → value as text; None: the device has no such field."""
    error: str = ""
    """Why it could not be read; "": it was."""


class StatisticsRecord(msgspec.Struct, frozen=True, kw_only=True, tag="statistics", tag_field="kind"):
    """What the reference server had counted about its mobile network when the story began, or when it was over."""

    phase: Literal["began", "ended"]
    t_s: float
    found: Mapping[str, int]
    """Name of `words.STATISTICS` → how many since the server was started; what is 0 may be absent."""
    error: str = ""
    """Why it could not be read; "": it was."""


class GarbledRecord(msgspec.Struct, frozen=True, kw_only=True, tag="garbled", tag_field="kind"):
    """The stream carried something that is no event of the platform's form."""

    rx_s: float
    why: str
    """What is wrong with it, in words."""


class RunRecord(msgspec.Struct, frozen=True, kw_only=True, tag="run", tag_field="kind"):
    """First line of a journal: what is run, and how to repeat it."""

    scenario: str
    file: str
    seed: int
    time: Literal["virtual", "real"]
    target: str
    version: str


class EndRecord(msgspec.Struct, frozen=True, kw_only=True, tag="end", tag_field="kind"):
    """The run is over: nothing more will be recorded but verdicts."""

    t_s: float
    why: str = "done"
    """`done`, `interrupted`, or what broke."""


Record = (
    EventRecord | ActRecord | StepRecord | ReceivedRecord | GapRecord | GarbledRecord | RunRecord | EndRecord
    | SeenRecord | StreamRecord | StateRecord | StatisticsRecord
)  # fmt: skip
