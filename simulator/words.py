"""The words that scenario files may use: one place that the loader, the help, the schema and the judge all read.

A word that the language has but this version does not carry out yet is here too, with `now=False`: whoever writes
`move_sim` is told that it is known and comes later, and whoever writes `atach` is told what was probably meant.
Source of the language: scenarios §2–§5.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal


@dataclass(frozen=True, slots=True)
class Word:
    """A word with one line of help. `now`: whether this version carries it out."""

    name: str
    help: str
    now: bool = True


@dataclass(frozen=True, slots=True)
class Verb:
    """What a step may do. `by` is who acts; `modifiers` and `arguments` are the keys that fit beside it."""

    name: str
    by: str
    help: str
    now: bool = False
    arguments: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    outcomes: tuple[str, ...] = ("ok", "rejected", "timeout", "failed", "any")
    """Words of `OUTCOMES` that the act can come to; `coap` stands for `coap x.yy`."""


@dataclass(frozen=True, slots=True)
class EventWord:
    """An event name of a platform, and the keys that its data is known to have."""

    name: str
    sys: Literal["span", "cc"]
    help: str
    data: tuple[str, ...] = ()
    now: bool = True


@dataclass(frozen=True, slots=True)
class LinkKey:
    """One value of a link that a file may change.

    `kind`: `share` (0…1), `duration` (s), `number`, `rate` (bit/s), `flag` (0 or 1), `size` (bytes), `count`.
    `both_ways`: whether it may be given for one direction alone (`{up: …, down: …}`).
    """

    name: str
    kind: Literal["share", "duration", "number", "rate", "flag", "size", "count"]
    help: str
    both_ways: bool = True


def _table(*words: Word) -> Mapping[str, Word]:
    return {word.name: word for word in words}


# --- the parts of a file (scenarios §2) -------------------------------------------------------------------------------

TOP_KEYS = _table(
    Word("scenario", "one sentence that states a promise; the test's name in every report"),
    Word("about", "prose for the reader"),
    Word("tags", "words to select scenarios by"),
    Word("seed", "number; the same seed gives the same run"),
    Word("devices", "groups of devices: name → what they are"),
    Word("collections", "further collections on the platform: name → tags"),
    Word("steps", "what happens, in order"),
    Word("expect", "what must hold over the whole run"),
    Word("allow", "troubles that this scenario does not mind"),
    Word("order", "`all`: compare events in one order over all subjects"),
    Word("mutants", "names of server defects that must turn this scenario red"),
    Word("gateways", "groups of gateways", now=False),
    Word("assets", "groups of CloudConnect assets", now=False),
    Word("tokens", "API tokens: name → resource and write", now=False),
    Word("observers", "event streams: name → token and stream", now=False),
    Word("firmware", "images: name → version and image", now=False),
    Word("include", "another file's groups and firmware", now=False),
    Word("needs", "what the target must be able to do", now=False),
)

GROUP_KEYS = _table(
    Word("count", "how many devices (default 1)"),
    Word("network", "ciot | inet | gateway NAME (default ciot)"),
    Word("transport", "udp | coap | dtls | coaps | gateway (default coap)"),
    Word("link", "a preset, or a mapping of a preset and what is changed in it"),
    Word("registered", "no: not created on the platform before the first step (default yes)"),
    Word("identity", "what the platform is not told: {imsi: blank, imei: blank}"),
    Word("payload", "what an upload without a payload of its own sends"),
    Word("tags", "tags of each device on the platform: name → value"),
    Word("collection", "the collection that the devices live in"),
    Word("stack", "own | aiocoap: the CoAP stack of the devices (default own)"),
    Word("sim", "none: starts without a SIM", now=False),
    Word("firmware", "the image that the devices run", now=False),
    Word("bootloader", "how the devices take a new image", now=False),
    Word("battery", "what the devices live on", now=False),
)

NETWORKS = _table(
    Word("ciot", "mobile network of the platform"),
    Word("inet", "the Internet", now=False),
    Word("gateway", "a gateway of the scenario", now=False),
)

TRANSPORTS = _table(
    Word("udp", "plain UDP"),
    Word("coap", "CoAP over UDP"),
    Word("dtls", "UDP over DTLS", now=False),
    Word("coaps", "CoAP over DTLS", now=False),
    Word("gateway", "whatever the gateway speaks", now=False),
)

STACKS = _table(
    Word("own", "the simulator's own CoAP core"),
    Word("aiocoap", "aiocoap, as a second opinion"),
)

IDENTITIES = ("imsi", "imei")

PAYLOAD_KEYS = _table(
    Word("text", "these characters, as UTF-8"),
    Word("hex", "these bytes"),
    Word("file", "the bytes of a file beside the scenario"),
    Word("template", "text with {{ device }} and {{ n }}"),
    Word("sensor", "a named model of a sensor", now=False),
)

TEMPLATE_FIELDS = ("device", "n")

DEFAULT_COLLECTION = "default"
"""How a step names the collection that every scenario has."""

# --- links (mobile-network §6) ----------------------------------------------------------------------------------------

LINK_PRESETS = _table(
    Word("perfect", "no delay, no loss"),
    Word("wifi", "a few milliseconds, 0.5 % loss, order not kept"),
    Word("lte-m", "60 ms, 1 % loss, half duplex"),
    Word("nb-iot-good", "0.4 s, wake-up of 2 s, 1 % loss"),
    Word("nb-iot-ce1", "1.2 s, wake-up of 4 s, 3 % loss, 5 kbit/s"),
    Word("nb-iot-ce2", "4 s, wake-up of 9 s, 10 % loss, 300 bit/s"),
    Word("ntn-geo", "geostationary satellite: 0.6 s, wake-up of 6 s, 5 % loss"),
    Word("ntn-leo", "low orbit satellite: 80 ms, 9 % loss, in sight for 8 min of every 96 min"),
)

LINK_KEYS: Mapping[str, LinkKey] = {
    key.name: key
    for key in (
        LinkKey("loss", "share", "share of datagrams lost, each by itself; replaces the preset's bursts"),
        LinkKey("loss_p", "share", "Gilbert-Elliott: from good to bad"),
        LinkKey("loss_r", "share", "Gilbert-Elliott: from bad to good"),
        LinkKey("loss_b", "share", "Gilbert-Elliott: lost while bad"),
        LinkKey("loss_g", "share", "Gilbert-Elliott: lost while good"),
        LinkKey("delay", "duration", "median delay of one way"),
        LinkKey("sigma", "number", "spread of the delay (lognormal); 0 is constant"),
        LinkKey("wake", "duration", "median wait of the first datagram after idleness", both_ways=False),
        LinkKey("wake_sigma", "number", "spread of the wake-up (lognormal)", both_ways=False),
        LinkKey("tail", "duration", "how long the radio stays awake after a datagram", both_ways=False),
        LinkKey("rate", "rate", "bits per second"),
        LinkKey("half_duplex", "flag", "one direction at a time", both_ways=False),
        LinkKey("duplicate", "share", "share of datagrams that arrive twice"),
        LinkKey("reorder", "flag", "yes: datagrams may overtake one another"),
        LinkKey("mtu", "size", "largest datagram that passes"),
        LinkKey("queue", "count", "datagrams that may wait for a slow link"),
        LinkKey("corrupt", "number", "bit error rate; damaged datagrams are dropped"),
    )
}

# --- steps (scenarios §3) ---------------------------------------------------------------------------------------------

_OPERATOR = ("ok", "rejected", "timeout", "failed", "any")
_EXCHANGE = ("ok", "rejected", "timeout", "failed", "any", "coap")

VERBS: tuple[Verb, ...] = (
    Verb("power_on", "device", "switch on, boot, and attach"),
    Verb("power_off", "device", "switch off in order"),
    Verb("reboot", "device", "switch off and on again"),
    Verb("attach", "device", "log in to the mobile network", now=True, outcomes=_OPERATOR),
    Verb("detach", "device", "leave the mobile network", now=True, outcomes=("ok", "failed", "any")),
    Verb("connect", "device", "open the session with the platform"),
    Verb("disconnect", "device", "close the session with the platform"),
    Verb("freeze", "device", "stop doing anything, without a word"),
    Verb("vanish", "device", "lose the radio, without a word"),
    Verb(
        "upload",
        "device",
        "send a payload to the platform",
        now=True,
        arguments=("payload", "path", "confirmable"),
        outcomes=_EXCHANGE,
    ),
    Verb("poll", "device", "ask for a waiting message (CoAP GET)", now=True, arguments=("path",), outcomes=_EXCHANGE),
    Verb("upload_blob", "device", "upload a large object"),
    Verb("report_firmware", "device", "tell the platform which firmware runs"),
    Verb("update_firmware", "device", "fetch, install and confirm the wanted firmware"),
    Verb("rebind_nat", "device", "appear from another address and port"),
    Verb("insert_sim", "SIM", "put a SIM into a device"),
    Verb("remove_sim", "SIM", "take the SIM out of a device"),
    Verb("move_sim", "SIM", "move the SIM to another device"),
    Verb("swap_sims", "SIM", "exchange the SIMs of two devices"),
    Verb("switch_profile", "SIM", "enable another profile of an eSIM"),
    Verb("connect", "gateway", "open the stream to the platform"),
    Verb("disconnect", "gateway", "close the stream"),
    Verb("vanish", "gateway", "lose the stream, without a word"),
    Verb("upload", "gateway", "pass on a message of a device"),
    Verb("update_device", "gateway", "tell the platform about a device"),
    Verb("update_metadata", "gateway", "tell the platform about the gateway"),
    Verb("connect", "asset", "connect with a reason"),
    Verb("disconnect", "asset", "disconnect by bye, close, reset or freeze"),
    Verb("message", "asset", "send a message"),
    Verb("track", "asset", "send a track"),
    Verb("ack", "asset", "acknowledge a message"),
    Verb("withhold_ack", "asset", "leave a message unacknowledged"),
    Verb("use_channel", "asset", "send over a channel"),
    Verb("create", "operator", "create the device on the platform", now=True, outcomes=_OPERATOR),
    Verb(
        "update",
        "operator",
        "change the device's IMSI, IMEI or tags",
        now=True,
        arguments=("imsi", "imei", "tags"),
        outcomes=_OPERATOR,
    ),
    Verb("remove", "operator", "delete the device from the platform", now=True, outcomes=_OPERATOR),
    Verb(
        "move",
        "operator",
        "move the device to another collection",
        now=True,
        arguments=("to",),
        required=("to",),
        outcomes=_OPERATOR,
    ),
    Verb("send", "operator", "queue a downstream message", now=True, arguments=("payload",), outcomes=_OPERATOR),
    Verb("upload_image", "operator", "store a firmware image"),
    Verb("set_target", "operator", "choose the firmware that devices should run"),
    Verb("clear_error", "operator", "clear a failed firmware update"),
    Verb("rollout", "operator", "update a fleet in waves"),
    Verb("declare_asset", "operator", "make an asset known"),
    Verb("poke", "operator", "ask an asset to report"),
    Verb(
        "link",
        "weather",
        "change the radio from now on",
        now=True,
        arguments=("preset", *LINK_KEYS),
        outcomes=("ok", "any"),
    ),
    Verb("blackout", "weather", "no datagram passes for a while"),
    Verb("partition", "weather", "part of the network cannot reach the rest"),
    Verb("restart", "platform", "stop and start the platform"),
    Verb("stop", "platform", "stop the platform"),
    Verb("start", "platform", "start the platform"),
    Verb("misbehave", "platform", "a named fault of the reference server"),
    Verb("wait", "clock", "nothing happens for a while", now=True, outcomes=()),
    Verb("together", "clock", "run several steps at the same time"),
    Verb("repeat", "clock", "run a block of steps several times"),
)

VERB: Mapping[str, Verb] = {verb.name: verb for verb in sorted(VERBS, key=lambda verb: verb.now)}
"""By name. Where several actors share a name, the one that this version carries out."""

ARGUMENTS = _table(
    Word("payload", 'what is sent: 24 B, {text: …}, {hex: …}, {file: …} or {template: …}; {hex: ""}: nothing'),
    Word("path", "CoAP path (default data)"),
    Word("confirmable", "no: a NON message, nothing is retransmitted (default yes)"),
    Word("imsi", 'new IMSI; "" clears it'),
    Word("imei", 'new IMEI; "" clears it'),
    Word("tags", "tags to set: name → value"),
    Word("to", "collection that the devices move to"),
    Word("preset", "the radio as a whole"),
    *(Word(key.name, key.help) for key in LINK_KEYS.values()),
)

MODIFIERS = _table(
    Word("over", "the subjects start spread over that time"),
    Word("every", "repeat with that period"),
    Word("for", "repeat for that long"),
    Word("times", "repeat that often"),
    Word("at", "not before that run time"),
    Word("as", "a name for the act"),
    Word("outcome", "what the act must come to (default ok)"),
    Word("retry", "how many more attempts a failed act gets: 3, or {times: 3, pause: 10 s}"),
    Word("within", "how long events may take after the act (default 10 s)"),
    Word("expect", "events that each subject must see, in order"),
    Word("never", "events that none of the subjects may see"),
    Word("lasting", "how long a weather or a fault stays", now=False),
)

WAIT_MODIFIERS = ("at", "as", "within", "expect", "never")
"""What fits beside `wait`, which has no subjects."""

RETRIED = ("attach", "detach", "upload", "poll")
"""Verbs that a device may repeat by itself."""

OUTCOMES = _table(
    Word("ok", "done; for plain UDP: sent"),
    Word("rejected", "the network or the platform refused"),
    Word("timeout", "no answer in time"),
    Word("failed", "it could not be done"),
    Word("any", "whatever comes"),
)
"""Besides these, `coap 4.04`."""

TRAFFIC_MODELS = ("beta", "poisson", "periodic", "mmpp2", "diurnal")
"""Forms of `over:` that come later (mobile-network §5)."""

# --- events (span §3.4, CloudConnect §3–4) ----------------------------------------------------------------------------

EVENTS: Mapping[str, EventWord] = {
    event.name: event
    for event in (
        EventWord("imeiMismatch", "span", "the SIM was seen in other hardware", ("imsi", "imei", "expectedImei")),
        EventWord("imsiMismatch", "span", "the hardware was seen with another SIM", ("imsi", "imei", "expectedImsi")),
        EventWord("ciotConnect", "span", "authenticated on the mobile network", ("imsi", "imei", "ip")),
        EventWord("clientConnected", "span", "reached the platform by UDP, CoAP or DTLS", ("id",)),
        EventWord("clientDisconnected", "span", "the client's session ended"),
        EventWord("upstreamMessage", "span", "a message from a device", ("bytes", "transport")),
        EventWord("downstreamMessage", "span", "a message reached a device", ("messageId", "bytes", "transport")),
        EventWord("firmwareRequested", "span", "a device fetches an image", ("imageId", "version", "bytes")),
        EventWord("firmwareCheck", "span", "a version report", ("version", "model", "serial", "manufacturer")),
        EventWord(
            "firmwareUpdateRequired",
            "span",
            "another version is wanted",
            ("currentFirmwareId", "targetFirmwareId", "targetVersion"),
        ),
        EventWord("firmwareCurrent", "span", "the device is up to date", ("imageId", "version")),
        EventWord("firmwareStateChange", "span", "the firmware state changed", ("state", "previous", "message")),
        EventWord("blobUpload", "span", "a blob was stored", ("blobId", "bytes", "contentType")),
        EventWord("deviceCreated", "span", "created through the API"),
        EventWord("deviceUpdated", "span", "changed through the API"),
        EventWord("deviceRemoved", "span", "removed through the API"),
        EventWord("deviceMoved", "span", "moved to another collection", ("from", "to")),
        EventWord("gatewayConnected", "span", "a gateway opened its stream", ("remoteAddress",)),
        EventWord("gatewayDisconnected", "span", "a gateway's stream ended"),
        EventWord("gatewayConfigUpdate", "span", "a gateway was sent its configuration"),
        EventWord("gatewayDeviceUpdate", "span", "a gateway was sent a device's configuration", ("removed",)),
        EventWord("gatewayUpstreamMessage", "span", "a message came through a gateway", ("bytes",)),
        EventWord("gatewayDownstreamMessage", "span", "a message went through a gateway", ("messageId", "bytes")),
        EventWord("gatewayCommError", "span", "a gateway was lost", ("error",)),
        EventWord("connect", "cc", "an asset connected", ("reason",), now=False),
        EventWord("disconnect", "cc", "an asset's connection ended", ("reason",), now=False),
        EventWord("failed_connect", "cc", "somebody failed to connect", ("reason",), now=False),
        EventWord("declare_asset", "cc", "an asset became known", ("reason",), now=False),
        EventWord("message", "cc", "a message from an asset", now=False),
        EventWord("track", "cc", "a track from an asset", now=False),
        EventWord("poke", "cc", "an asset was poked", now=False),
    )
}

FACTS = ("event", "time", "collectionId", "deviceId", "gatewayId")
"""What an event has beside its data (span §3.3); a matcher reads the data alone."""

_FIRMWARE_STATES = (
    "Current",
    "Initializing",
    "Pending",
    "Downloading",
    "Completed",
    "UpdateFailed",
    "TimedOut",
    "Reverted",
)

DATA_WORDS: Mapping[str, tuple[str, ...]] = {
    "transport": ("udp", "coap", "dtls", "coaps", "mqtt", "gateway", "unspecified"),  # span §1.4
    "state": _FIRMWARE_STATES,  # span §5.4
    "previous": _FIRMWARE_STATES,
    "id": ("ip", "certificate"),  # span §3.4, of clientConnected
    "removed": ("true",),  # span §3.4, of gatewayDeviceUpdate
}
"""Keys of event data that hold one of few words."""

DATA_NUMBERS = ("bytes",)
"""Keys that hold a whole number, in decimal and without leading zeros."""

DATA_DIGITS = ("imsi", "imei", "expectedImsi", "expectedImei")
"""Keys that hold digits, or nothing where the platform knows none."""

DATA_COLLECTIONS = ("from", "to")
"""Keys that hold a collection, which a scenario calls by its name."""

TROUBLES = (
    "imeiMismatch",
    "imsiMismatch",
    "gatewayCommError",
    "failed_connect",
    "disconnect",
    "UpdateFailed",
    "TimedOut",
    "Reverted",
)
"""What fails a run without being asked, unless `allow` lists it (scenarios §5)."""

INVARIANTS = (
    "upload-once",
    "connected-first",
    "connected-once",
    "act-once",
    "mismatch-once",
    "downstream-queued",
    "known-owner",
    "silent-after-removal",
    "gone-after-move",
    "right-collection",
    "event-shape",
)
"""What is held of every run; `allow` may list these as well. `assertions.invariants` says what each means."""

# --- expectations (scenarios §4) --------------------------------------------------------------------------------------

WHOLE_RUN_FORMS = _table(
    Word("each", "every member sees so many"),
    Word("some", "at least one member sees so many"),
    Word("none", "no member sees so many"),
    Word("rate", "share of acts that came to ok"),
    Word("latency", "from an act to its event's arrival"),
    Word("never", "not at all during the run"),
    Word("sequence", "events in this order, others between", now=False),
    Word("exactly", "these events and no others", now=False),
    Word("after", "timed from a named act", now=False),
    Word("state", "read through the platform's API", now=False),
)
"""The key that says which form an entry of the top-level `expect` has."""

COMPARISONS = ("below", "above", "at_least", "at_most")
CONDITION_KEYS = ("one_of", "matches", "not", *COMPARISONS)

# --- units ------------------------------------------------------------------------------------------------------------

UNITS: Mapping[str, Mapping[str, float]] = {
    "size": {"B": 1, "kB": 1000, "KiB": 1024, "MB": 1_000_000, "MiB": 1_048_576},
    "duration": {"us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1, "min": 60, "h": 3600, "d": 86400},
    "share": {"%": 0.01},
    "rate": {"bit/s": 1, "kbit/s": 1e3, "Mbit/s": 1e6},
}
"""By kind of quantity: unit → how many bytes, seconds, parts of one, bits per second."""

EXAMPLES: Mapping[str, str] = {"size": "24 B", "duration": "10 min", "share": "5 %", "rate": "20 kbit/s"}

MEANT_UNITS: Mapping[str, str] = {
    **dict.fromkeys(("sec", "secs", "second", "seconds", "S"), "s"),
    **dict.fromkeys(("m", "mins", "minute", "minutes", "Min"), "min"),
    **dict.fromkeys(("hr", "hrs", "hour", "hours", "H"), "h"),
    **dict.fromkeys(("day", "days", "D"), "d"),
    **dict.fromkeys(("msec", "millis", "millisecond", "milliseconds"), "ms"),
    **dict.fromkeys(("b", "byte", "bytes", "Byte", "Bytes", "octets"), "B"),
    **dict.fromkeys(("kib", "Kib", "kiB", "K", "k", "KB"), "KiB"),
    **dict.fromkeys(("kb",), "kB"),
    **dict.fromkeys(("mib", "M"), "MiB"),
    **dict.fromkeys(("percent", "pct", "per cent"), "%"),
    **dict.fromkeys(("bps", "bit", "bits/s"), "bit/s"),
    **dict.fromkeys(("kbps", "kbit", "Kbit/s", "kb/s"), "kbit/s"),
    **dict.fromkeys(("Mbps", "mbps", "Mbit", "mbit/s"), "Mbit/s"),
}
"""What people write for a unit, and which one they mean."""

YES_OR_NO: Mapping[str, bool] = {"yes": True, "no": False, "true": True, "false": False}


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that was probably meant, or None if nothing is close.

    Case, and dashes for underscores, do not count as differences. Long words are not compared: the search is quadratic.

    >>> nearest("atach", ["attach", "detach"])
    'attach'
    >>> nearest("zebra", ["attach", "detach"]) is None
    True
    """
    if not word or len(word) > 40:
        return None
    plain = {_plain(name): name for name in known}
    found = get_close_matches(_plain(word), plain, n=1, cutoff=0.6)
    return plain[found[0]] if found else None


def _plain(word: str) -> str:
    return word.lower().replace("-", "_")
