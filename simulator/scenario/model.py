"""What a scenario file becomes: frozen objects, checked once, with the place of each in its file.

Nothing behind the loader sees YAML. Quantities are SI: seconds, bytes, bits per second, shares from 0 to 1.
Every object that a report may name keeps its `place` and, where it helps, the words it was written in (`text`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from simulator.errors import Place

Network = Literal["ciot", "inet", "gateway"]
Transport = Literal["udp", "coap", "dtls", "coaps", "gateway"]
Stack = Literal["own", "aiocoap"]


# --- who takes part ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkChange:
    """One value of a link, apart from its preset. `up` is device → platform; None leaves that direction as it is."""

    key: str
    """A key of `words.LINK_KEYS`."""
    up: float | None
    down: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkSpec:
    """A preset of `words.LINK_PRESETS` (mobile-network §6.4) with what is changed in it."""

    preset: str = "perfect"
    changes: tuple[LinkChange, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """What an upload or a downstream message carries.

    `kind` says how to read the rest: `random` (size_bytes, pseudo-random from the seed), `bytes` (content: from
    `text:`, `hex:` or `file:`), `template` (template with `{{ device }}` and `{{ n }}`).
    """

    kind: Literal["random", "bytes", "template"]
    size_bytes: int = 0
    content: bytes = b""
    template: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Devices that are alike. Members are called `name.0` … `name.<count-1>`; a group of one is also just `name`."""

    name: str
    place: Place
    count: int = 1
    network: Network = "ciot"
    transport: Transport = "coap"
    link: LinkSpec = LinkSpec()
    registered: bool = True
    """False: not created on the platform before the first step."""
    blank: frozenset[str] = frozenset()
    """Identities that the platform is not told: a subset of {"imsi", "imei"}."""
    payload: Payload | None = None
    """What an `upload` without a payload of its own sends."""
    tags: tuple[tuple[str, str], ...] = ()
    collection: str = ""
    """Name of a collection of the scenario; "" is the default one."""
    stack: Stack = "own"


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """A collection on the platform; every scenario has the default one, whose name is ""."""

    name: str
    place: Place
    tags: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Whom a step or an expectation is about: a group, a range of its members, or a share of them.

    `last` is included and None means to the end; `share` (0…1) is drawn once per run from the seed.
    """

    group: str
    place: Place
    text: str
    """As written: `meters`, `meters.3`, `meters.0-9`, `10 % of meters`."""
    first: int = 0
    last: int | None = None
    share: float | None = None


# --- what they do -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Attach:
    """Log in to the mobile network."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Detach:
    """Leave the mobile network."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """Send a payload to the platform over the group's transport."""

    payload: Payload | None = None
    """None: the group's payload, or 24 B pseudo-random."""
    path: str = "data"
    """CoAP path; not used by plain UDP."""
    confirmable: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Poll:
    """Ask the platform for a waiting downstream message (CoAP GET)."""

    path: str = "data"


@dataclass(frozen=True, slots=True, kw_only=True)
class SendDown:
    """`send`: the operator queues a downstream message."""

    payload: Payload


@dataclass(frozen=True, slots=True, kw_only=True)
class Create:
    """The operator creates the device on the platform, with the identities it holds now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """The operator changes the device. None leaves a field alone, "" clears it."""

    imsi: str | None = None
    imei: str | None = None
    tags: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Remove:
    """The operator deletes the device from the platform."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """The operator moves the device to another collection of the scenario."""

    to: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeLink:
    """`link`: the radio changes from now on. An empty preset keeps the present one and only applies the changes."""

    link: LinkSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Nothing happens for a while."""

    seconds: float


StepAct = Attach | Detach | Upload | Poll | SendDown | Create | Update | Remove | Move | ChangeLink | Wait


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One line of the story. Which modifiers fit which verb is checked by the loader."""

    place: Place
    verb: str
    act: StepAct
    subjects: tuple[Subject, ...]
    """Empty for `wait`."""
    text: str = ""
    """The step in one line of words, for reports: `upload meters`."""
    name: str = ""
    """`as:`"""
    at_s: float | None = None
    over_s: float = 0.0
    """The subjects start evenly spread over this time, in their order."""
    every_s: float | None = None
    times: int = 1
    """How often each subject does it; from `times:`, or `for:` divided by `every:` (rounded down, at least 1)."""
    outcome: str = "ok"
    """`ok`, `rejected`, `timeout`, `failed`, `any`, or `coap 4.04`."""
    retries: int = 0
    """`retry:` how many more attempts a failed act gets."""
    retry_pause_s: float = 0.0
    within_s: float = 10.0
    expect: tuple[SeenInOrder, ...] = ()
    never: tuple[EventMatcher, ...] = ()


# --- what the platform must then emit ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """What one value must be.

    `op`: `equals` (value), `any` (present), `one_of` (values), `matches` (pattern), `not` (value),
    `below`, `above`, `at_least`, `at_most` (number).
    """

    op: Literal["equals", "any", "one_of", "matches", "not", "below", "above", "at_least", "at_most"]
    value: str = ""
    values: tuple[str, ...] = ()
    pattern: re.Pattern[str] | None = None
    number: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class EventMatcher:
    """The platform's own event name with what its data must contain."""

    name: str
    place: Place
    conditions: tuple[tuple[str, Condition], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenInOrder:
    """One entry of a step's `expect` list."""

    matcher: EventMatcher
    of: Subject | None = None
    """None: the step's own subjects."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """`{each: G, sees: E, times: N}`: how many such events each member (or some, or none of them) sees."""

    place: Place
    quantifier: Literal["each", "some", "none"]
    subject: Subject
    matcher: EventMatcher
    at_least: int | None = None
    at_most: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RateOf:
    """`{rate: upload, at_least: 99 %}`: share of the acts of a verb (or of a named step) that came to `ok`."""

    place: Place
    verb: str
    at_least: float | None = None
    at_most: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencyOf:
    """`{latency: E, p99: below 2 s}`: from the act that caused the event to its arrival at the observer."""

    place: Place
    matcher: EventMatcher
    bounds: tuple[tuple[float, Condition], ...]
    """Percentile (50, 99, 99.9, …; 100 is the maximum) and what it must be, in seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NeverSeen:
    """Top-level `{never: [E…]}`, optionally `of` somebody: not at all during the run."""

    place: Place
    matchers: tuple[EventMatcher, ...]
    of: Subject | None = None


WholeRun = Counted | RateOf | LatencyOf | NeverSeen


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One file, whole and checked."""

    promise: str
    """The sentence of `scenario:`."""
    place: Place
    about: str = ""
    tags: tuple[str, ...] = ()
    seed: int = 0
    mutants: tuple[str, ...] = ()
    """`mutants:` names of server defects that must turn this scenario red (scenarios §7)."""
    collections: tuple[Collection, ...] = ()
    groups: tuple[Group, ...] = ()
    steps: tuple[Step, ...] = ()
    expect: tuple[WholeRun, ...] = ()
    allow: tuple[str, ...] = ()
    all_in_order: bool = False
