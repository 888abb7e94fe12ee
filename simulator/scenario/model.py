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
    `text:`, `hex:` or `file:`), `template` (template with `{{ device }}` and `{{ n }}`), `sensor` (a model of
    `words.SENSORS`).
    """

    kind: Literal["random", "bytes", "template", "sensor"]
    size_bytes: int = 0
    content: bytes = b""
    template: str = ""
    sensor: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """`operators:` a mobile network: its packet gateways ask the platform about each SIM that wants in (RADIUS)."""

    name: str
    place: Place
    plmn: str = "99999"
    """MCC and MNC of the network that serves the devices, 5 or 6 digits."""
    gateways: int = 1
    """How many packet gateways it has; devices are dealt to them by their numbers."""
    apn: str = "iot.test"
    rat: str = "nb-iot"
    """A name of `words.RATS`: how its devices reach it, unless their group says otherwise."""
    omits: frozenset[str] = frozenset()
    """What its gateways do not tell the platform: names of `words.OMITTED`."""
    retransmit: str = "rfc5080"
    """A name of `words.RETRANSMISSIONS` (mobile-network §1.8)."""
    link: LinkSpec = LinkSpec()
    """Between its gateways and the platform; `up` is towards the platform."""
    lost_after_s: float = 3480.0
    """How long it takes to notice that a device has gone without a word: T3412 (54 min) and 4 min more."""


HOME = Operator(name="home", place=Place(""))
"""The operator of every group that names none. A scenario may describe it anew under this name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SimSpec:
    """What a device of a group holds in its SIM slot when the run begins.

    `card`: one SIM of its own; `none`: nothing; `esim`: an eUICC with `profiles` operator profiles, the first one
    enabled; `multi`: a SIM with `profiles` IMSIs, whose applet takes the next one where the present one is refused;
    `clone`: a second card with the IMSI of the card that `of` was given.
    """

    kind: Literal["card", "none", "esim", "multi", "clone"] = "card"
    profiles: int = 1
    of: Subject | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModemSpec:
    """The hardware: software version (the last two digits of the IMEISV), and whose IMEI it claims."""

    svn: int = 1
    clone_of: Subject | None = None
    """None: an IMEI of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformOptions:
    """`platform:` options of the embedded platform; whoever changes one needs the capability `options`."""

    mismatch_policy: Literal["both", "first"] = "both"
    """`first`: no imsiMismatch of the second device after an imeiMismatch (mobile-network §3.2)."""
    disconnect_on_update: bool = False
    """Whether an update that a session would not survive ends it, by a Disconnect-Request (mobile-network §3.4)."""
    interim_s: float | None = None
    """Seconds between Interim-Updates that it asks the gateways for (Acct-Interim-Interval); None: it does not."""
    inet_idle_s: float = 600.0
    """How long a DTLS session may be silent before the platform ends it (span §3.4)."""
    transport_compat: Literal["", "unspecified"] = ""
    """`unspecified`: upstreamMessage of Internet devices says this in the place of dtls and coaps (span §3.3)."""


CertificateKind = Literal["own", "none", "foreign", "self-signed", "expired", "early", "gateway", "copy"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateSpec:
    """What an Internet device shows of itself: a kind of `words.CERTIFICATES`; `copy`: that of the device in `of`."""

    kind: CertificateKind = "own"
    of: Subject | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionSpec:
    """`connection:` how an Internet device keeps its DTLS session."""

    resume: bool = True
    """Whether a new handshake resumes the last session, if the platform still knows it."""
    on_demand: bool = True
    """Whether an upload or a poll without a session connects first; no: it fails."""
    close_after_s: float | None = None
    """The device closes a session that was silent for so long; None: it leaves it open."""
    renew_after_s: float | None = None
    """Before it sends after so long a silence it makes a new handshake, for the NAT may have forgotten it."""
    first_timeout_s: float = 1.0
    """After how long the first flight of a handshake is sent again (RFC 6347 §4.2.4.1; RFC 7925 §11 wants 9 s)."""
    cipher: Literal["any", "gcm", "ccm8"] = "any"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceClock:
    """What the device takes the time for, by which it looks at the platform's certificate.

    `right`; `off`: by `offset_s`, positive is fast; `reset`: 1970-01-01 when it was last switched on.
    """

    kind: Literal["right", "off", "reset"] = "right"
    offset_s: float = 0.0


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
    registered_as: tuple[tuple[str, str], ...] = ()
    """Identities that the platform is told instead of the device's own: ("imsi", digits), ("imei", digits)."""
    payload: Payload | None = None
    """What an `upload` without a payload of its own sends."""
    tags: tuple[tuple[str, str], ...] = ()
    collection: str = ""
    """Name of a collection of the scenario; "" is the default one."""
    stack: Stack = "own"
    sim: SimSpec = SimSpec()
    modem: ModemSpec = ModemSpec()
    operator: str = HOME.name
    rat: str = ""
    """A name of `words.RATS`; "": as its operator says."""
    cell: int | None = None
    """ECI, 28 bits (eNodeB 20, cell 8), which the platform shows as cellId; None: dealt by the device's number."""
    certificate: CertificateSpec = CertificateSpec()
    """This and the next two are of Internet devices only (`network: inet`)."""
    connection: ConnectionSpec = ConnectionSpec()
    clock: DeviceClock = DeviceClock()


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """A collection on the platform; every scenario has the default one, whose name is ""."""

    name: str
    place: Place
    tags: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """An API token that the run makes known to the platform before the first step (span §2.1)."""

    name: str
    place: Place
    collection: str | None = None
    """The only collection that it covers, by its name ("" is the default one); None: everything."""
    write: bool = True
    known: bool = True
    """False: the platform has never heard of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """`observers:` a further reader of an event stream. It listens from before the first step, or from the step that
    subscribes it. What it sees is only judged by what says `by:` its name."""

    name: str
    place: Place
    collection: str = ""
    """Whose activity it reads; "" is the default collection."""
    token: str = ""
    """Name of the token that it shows; "": the run's own."""
    reads_per_s: float | None = None
    """How many messages it reads a second; None: as they come."""


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


HELD = "held"
"""`imsi: held`, `imei: held` of an update: the IMSI of the SIM that the device holds now, the IMEI of its modem."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """The operator changes the device. None leaves a field alone, "" clears it, `HELD` is what the device has now."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerOn:
    """Switch on, boot, and attach. A device that is on already attaches anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerOff:
    """Switch off. In order that means to detach first; `abruptly` is a lost battery."""

    abruptly: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Reboot:
    """Switch off, in order or `abruptly`, and on again; what the device waited for is forgotten."""

    abruptly: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Freeze:
    """Stop doing anything, without a word, for the step's `lasting_s` or until it is switched on anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Blackout:
    """No datagram passes either way, for the step's `lasting_s` or until `link` changes the radio."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdraw:
    """The operator takes queued downstream messages back before they are delivered (span §4.4)."""

    which: Literal["oldest", "newest", "all"] = "newest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """The platform goes down in order; what it has accepted survives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """The platform comes up again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Restart:
    """Both, with the step's `lasting_s` in between."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Misbehave:
    """A named fault of the reference server (`words.MUTANTS`), for the step's `lasting_s` or to the end of the run."""

    fault: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Revoke:
    """The platform no longer knows these tokens; their names are the step's `doers`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscribe:
    """These observers open their streams; their names are the step's `doers`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsubscribe:
    """These observers close their streams; their names are the step's `doers`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InsertSim:
    """Put a SIM into the device: its own card, or a `fresh` one that nobody has seen before. What was in comes out."""

    card: Literal["own", "fresh"] = "own"


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveSim:
    """Take the SIM out; `abruptly`: it is pulled, and the network finds out by itself."""

    abruptly: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveSim:
    """The SIM of each subject goes into the device of `to` that stands at the same place; what was there comes out."""

    to: Subject
    abruptly: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class SwapSims:
    """Each subject and the device of `other` at the same place exchange their SIMs."""

    other: Subject
    abruptly: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchProfile:
    """The eUICC enables another profile, and the device attaches with it (SGP.32).

    `profile` counts from 1. `rollback_s`: if it is refused, the old profile is enabled again after so long, and the
    device attaches with that; None: it stays with the new one.
    """

    profile: int
    rollback_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateModem:
    """The modem's firmware changes: the software version in its IMEISV, and nothing else. It has to attach anew."""

    svn: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Roam:
    """The device is in another cell, on another radio, or in the network of another operator.

    Within one operator its session goes on, and the gateway tells the platform (Interim-Update). To another operator it
    must attach anew. None leaves a thing as it is.
    """

    operator: str | None = None
    rat: str | None = None
    cell: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CutOff:
    """The operator of the platform has it end the device's mobile network session (Disconnect-Request)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Connect:
    """Open the DTLS session with the platform. Whoever has one gives it up without a word, and makes a new one."""

    resume: bool | None = None
    """None: as the group's `connection` says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Disconnect:
    """Close the DTLS session in order; nothing to do if there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vanish:
    """Lose the session without a word to anybody; the device knows that it is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RebindNat:
    """The NAT forgets the device: what it sends next comes from another address. The device does not know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadBlob:
    """Store a large object by HTTP POST."""

    payload: Payload | None = None
    """None: 1 KiB pseudo-random."""
    path: str = "blob"
    content_type: str = "application/octet-stream"


@dataclass(frozen=True, slots=True, kw_only=True)
class RenewCertificate:
    """The operator has a new certificate issued for the device, which uses it from its next handshake on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetClock:
    """The device's clock is set: rightly, or wrongly."""

    clock: DeviceClock = DeviceClock()


DeviceAct = (
    Connect | Disconnect | Vanish | RebindNat | UploadBlob | RenewCertificate | SetClock |
    InsertSim | RemoveSim | MoveSim | SwapSims | SwitchProfile | UpdateModem | Roam | CutOff |
    Attach | Detach | Upload | Poll | PowerOn | PowerOff | Reboot | Freeze | Blackout | ChangeLink
    | SendDown | Withdraw | Create | Update | Remove | Move
)  # fmt: skip
"""What is done for each subject of a step."""
PlatformAct = Stop | Start | Restart | Misbehave | Revoke | Subscribe | Unsubscribe
"""What is done once for each of a step's `doers`; its subjects are empty."""
StepAct = DeviceAct | PlatformAct | Wait


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrivals:
    """`over:` with a traffic model of `words.ARRIVALS` (mobile-network §5): when the subjects start."""

    model: str
    window_s: float = 0.0
    """`beta-10`, `uniform-60`: the window that all start in; 0 where a rate decides."""
    per_s: float = 0.0
    """`poisson 3/s`, `diurnal 100/d`: mean rate over all subjects; 0: the model's own, or a window decides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One line of the story. Which modifiers fit which verb is checked by the loader."""

    place: Place
    verb: str
    act: StepAct
    subjects: tuple[Subject, ...]
    """Empty for `wait` and for what is done by `doers`."""
    doers: tuple[str, ...] = ()
    """Who acts if that is no device: `platform`, or names of tokens or observers. Acts are recorded under this name."""
    token: str = ""
    """Name of the token that the operator shows for this step; "": the run's own."""
    text: str = ""
    """The step in one line of words, for reports: `upload meters`."""
    name: str = ""
    """`as:`"""
    at_s: float | None = None
    over_s: float = 0.0
    """The subjects start evenly spread over this time, in their order."""
    arrivals: Arrivals | None = None
    """A traffic model in the place of `over_s`, which is 0 then."""
    lasting_s: float | None = None
    """How long a weather, a fault or a freeze stays; None: until something else ends it. The step does not wait."""
    every_s: float | None = None
    times: int = 1
    """How often each subject does it; from `times:`, or `for:` divided by `every:` (rounded down, at least 1)."""
    outcome: str = "ok"
    """`ok`, `rejected`, `timeout`, `failed`, `any`, or `coap 4.04`."""
    outcome_reason: str = ""
    """`outcome: {rejected: IMEI mismatch}`: what the one who refused must have said; "": anything."""
    retries: int = 0
    """`retry:` how many more attempts a failed act gets."""
    retry_pause_s: float = 0.0
    retry_model: Literal["", "mobile"] = ""
    """`pause: mobile` in the place of `retry_pause_s`: as modems do (mobile-network §5.9)."""
    within_s: float = 10.0
    expect: tuple[SeenInOrder, ...] = ()
    never: tuple[EventMatcher, ...] = ()
    forms: tuple[WholeRun, ...] = ()
    """Entries of the step's `expect` that are forms of §4 (`each`, `exactly`, `state`, …): judged from the step's
    beginning to the end of its window, beside the ordered list. Their checks are `steps[i].form[k]`."""


@dataclass(frozen=True, slots=True)
class Together:
    """These run at the same time, and it is over when all are."""

    parts: tuple[Flow, ...]


@dataclass(frozen=True, slots=True)
class Block:
    """These run one after the other: what a `repeat` inside of a `together` has become."""

    parts: tuple[Flow, ...]


Flow = int | Together | Block
"""An index of `Scenario.steps`, or some of them in an order of their own."""


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
    by: str = ""
    """The observer whose stream counts; "": the run's own."""


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
    by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class InSequence:
    """`{sequence: [E1, E2], each: G}`: each member sees these in this order; others may lie between."""

    place: Place
    matchers: tuple[EventMatcher, ...]
    subject: Subject
    by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exactly:
    """`{exactly: [E1, E2], each: G}`: each member sees these and no others, in this order."""

    place: Place
    matchers: tuple[EventMatcher, ...]
    subject: Subject
    by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AfterAct:
    """`{after: NAME, within: D, sees: E}`: each subject of the named act sees E before D is over, counted from the end
    of each of its acts (from the beginning of the act on, if `not_before` does not say otherwise)."""

    place: Place
    act: str
    """The `as:` of one or more steps (a repeated block has several)."""
    matcher: EventMatcher
    within_s: float
    not_before_s: float = 0.0
    """Earlier than that after the act's end is too early, and fails."""
    of: Subject | None = None
    """Who sees it; None: the act's own subject."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StateOf:
    """`{state: GROUP, where: {firmware.state: Current}}`: read through the platform's API when the step ends, or the
    run. Paths are those of the platform's Device object (span §2.4), with dots."""

    place: Place
    subject: Subject
    where: tuple[tuple[str, Condition], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DroppedFor:
    """`{dropped: OBSERVER, at_least: 1}`: how many events the platform said that it dropped for this reader."""

    place: Place
    observer: str
    at_least: int | None = None
    at_most: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatisticsOf:
    """`{statistics: {accepted: 2, "rejected.IMEI mismatch": at_least 1}}`: what the reference server has counted from
    the first step to the end of the run; names are those of `words.STATISTICS`. What it has not counted is 0."""

    place: Place
    where: tuple[tuple[str, Condition], ...]


WholeRun = (
    StatisticsOf | Counted | RateOf | LatencyOf | NeverSeen | InSequence | Exactly | AfterAct | StateOf | DroppedFor
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One file, whole and checked."""

    promise: str
    """The sentence of `scenario:`, with its parameters filled in."""
    place: Place
    case: str = ""
    """Which of the file's `cases:` this is; "": the file has none."""
    about: str = ""
    tags: tuple[str, ...] = ()
    seed: int = 0
    mutants: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """`mutants:` server defects (`words.MUTANTS`) that must turn this scenario red, each with the checks of which at
    least one must fail then: names as in `Judgement.check`, `steps[1].expect[0]`, `invariant.upload-once` (§7)."""
    needs: tuple[str, ...] = ()
    """Capabilities (`words.CAPABILITIES`) without which it is skipped; those that its verbs imply are among them."""
    collections: tuple[Collection, ...] = ()
    tokens: tuple[Token, ...] = ()
    observers: tuple[Listener, ...] = ()
    operators: tuple[Operator, ...] = (HOME,)
    """All of them; `HOME` is among them, as it is or as the file describes it."""
    platform: PlatformOptions = PlatformOptions()
    groups: tuple[Group, ...] = ()
    steps: tuple[Step, ...] = ()
    """All of them, flat: blocks that are repeated are written out. Numbers in records and checks are indices here."""
    flow: tuple[Flow, ...] = ()
    """When they run; empty: one after the other."""
    expect: tuple[WholeRun, ...] = ()
    allow: tuple[str, ...] = ()
    all_in_order: bool = False
