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
    whom: Literal["devices", "platform", "fault", "tokens", "observers"] = "devices"
    """What the value of the verb names: devices, the word `platform`, a name of `MUTANTS`, tokens or observers."""
    needs: tuple[str, ...] = ()
    """Capabilities that the target must have."""


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
    Word("mutants", "server defects that must turn this scenario red: name → the check that must fail then"),
    Word("cases", "the same story several times: name → parameters, which the file uses as $name"),
    Word("operators", "mobile networks: name → what they are; `home` is always there"),
    Word("platform", "options of the embedded platform"),
    Word("gateways", "groups of gateways", now=False),
    Word("assets", "groups of CloudConnect assets", now=False),
    Word("tokens", "API tokens: name → resource and write"),
    Word("observers", "event streams: name → token and stream"),
    Word("firmware", "images: name → version and image", now=False),
    Word("include", "other files' groups and the collections that they live in; never their steps"),
    Word("needs", "what the target must be able to do; the scenario is skipped where it cannot"),
)

GROUP_KEYS = _table(
    Word("count", "how many devices (default 1)"),
    Word("network", "ciot | inet | gateway NAME (default ciot)"),
    Word("transport", "udp | coap (default, ciot) | dtls | coaps (default, inet) | gateway"),
    Word("link", "a preset, or a mapping of a preset and what is changed in it"),
    Word("registered", "no: not created on the platform before the first step (default yes)"),
    Word("identity", "what the platform is told: {imsi: blank} nothing, {imei: 999…} another than the device has"),
    Word("payload", "what an upload without a payload of its own sends"),
    Word("tags", "tags of each device on the platform: name → value"),
    Word("collection", "the collection that the devices live in"),
    Word("stack", "own | aiocoap: the CoAP stack of the devices (default own)"),
    Word("sim", "none | {profiles: 2} an eSIM | {imsis: 3} a SIM with several IMSIs | {clone_of: DEVICE}"),
    Word("modem", "{svn: 2} the software version in its IMEISV, {clone_of: DEVICE} whose IMEI it claims"),
    Word("operator", "the mobile network that the devices begin in (default home)"),
    Word("rat", "how they reach it: nb-iot, lte-m, lte … (default: as the operator says)"),
    Word("cell", "the cell that they begin in, a number below 268435456 (default: dealt)"),
    Word("certificate", "own | none | foreign | self-signed | expired | early | gateway | {of: DEVICE} (default own)"),
    Word("connection", "how Internet devices keep their session: {resume: no, close_after: 5 min}"),
    Word("clock", "reset | {slow: 20 d} | {fast: 900 d}: what Internet devices take the time for (default right)"),
    Word("firmware", "the image that the devices run", now=False),
    Word("bootloader", "how the devices take a new image", now=False),
    Word("battery", "what the devices live on", now=False),
)

OPERATOR_KEYS = _table(
    Word("plmn", "MCC and MNC of the network that serves the devices (default 99999)"),
    Word("gateways", "how many packet gateways it has (default 1)"),
    Word("apn", "the access point name (default iot.test)"),
    Word("rat", "how devices reach it (default nb-iot)"),
    Word("omits", "what its gateways do not tell the platform: a list of imei, plmn, rat, location, timezone, address"),
    Word("retransmit", "rfc5080 | pgw-simple: how often a gateway asks (default rfc5080)"),
    Word("link", "between its gateways and the platform, as the `link` of a group"),
    Word("lost_after", "how long it takes to notice that a device is gone (default 58 min)"),
)

OMITTED = _table(
    Word("imei", "the IMEISV: the platform can only look at the SIM"),
    Word("plmn", "the serving network"),
    Word("rat", "the radio"),
    Word("location", "cell and tracking area"),
    Word("timezone", "the time zone"),
    Word("address", "which address the SIM had: the platform chooses one"),
)
"""What a packet gateway may leave out of an Access-Request (mobile-network §1.3)."""

RETRANSMISSIONS = _table(
    Word("rfc5080", "at 0, 2, 6 and 14 s, each a little off; given up after 30 s"),
    Word("pgw-simple", "every 5 s, three times more"),
)

RATS: Mapping[str, int] = {
    "utran": 1,
    "geran": 2,
    "wlan": 3,
    "lte": 6,
    "nb-iot": 8,
    "lte-m": 9,
    "nr": 10,
    "nb-iot-leo": 15,
    "nb-iot-geo": 17,
    "lte-m-leo": 19,
    "lte-m-geo": 21,
}
"""Radio access: name → 3GPP-RAT-Type (mobile-network §1.4)."""

SIM_KEYS = _table(
    Word("profiles", "how many operator profiles the eUICC has, 2 to 8; the first one is enabled"),
    Word("imsis", "how many IMSIs the card has, 2 to 8"),
    Word("clone_of", "the device whose card this one is a copy of"),
)

MODEM_KEYS = _table(
    Word("svn", "software version, 0 to 98 (default 1)"),
    Word("clone_of", "the device whose IMEI this modem claims"),
)

CERTIFICATES = _table(
    Word(
        "own", "issued for the device by the platform; 14 days (alert once its device is removed: certificate revoked)"
    ),
    Word("none", "the device shows no certificate (alert: handshake failure)"),
    Word("foreign", "in the device's name, but of another certificate authority (alert: unknown ca)"),
    Word("self-signed", "in the device's name, and signed by nobody but itself (alert: unknown ca)"),
    Word("expired", "issued for the device, and over since a day (alert: certificate expired)"),
    Word("early", "issued for the device, and valid from tomorrow on (alert: bad certificate)"),
    Word("gateway", "of the platform, but for a gateway (alert: certificate unknown)"),
    Word("copy", "{of: DEVICE}: the certificate and the key of another device", now=False),
)
"""`certificate:` what an Internet device shows of itself. `copy` is not written, it is what `{of: DEVICE}` means."""

CERTIFICATE_KEYS = _table(Word("of", "the device whose certificate and key these are"))

CONNECTION_KEYS = _table(
    Word("resume", "no: every handshake is a full one (default yes)"),
    Word("on_demand", "no: who has no session does not connect to send, it fails (default yes)"),
    Word("close_after", "the device closes a session that was silent for so long (default never)"),
    Word("renew_after", "a new handshake before it sends after so long a silence (default never)"),
    Word("timeout", "after how long the first flight of a handshake is sent again (default 1 s)"),
    Word("cipher", "any | gcm | ccm8 (default any)"),
)

CLOCK_KEYS = _table(
    Word("fast", "the clock is ahead by so much; after 825 d the platform's certificate is over"),
    Word("slow", "the clock is behind by so much; more than 1 d ago the platform's certificate was not valid yet"),
)

PLATFORM_KEYS = _table(
    Word("inet_idle", "how long a DTLS session may be silent before the platform ends it (default 10 min)"),
    Word("transport_compat", "unspecified: what upstreamMessage says of Internet devices (default: the transport)"),
    Word("mismatch_policy", "both | first: first stops after an imeiMismatch (default both)"),
    Word("disconnect_on_update", "yes: an update that a session would not survive ends it (default no)"),
    Word("interim", "how often gateways shall tell of their sessions (default never)"),
)

STATISTICS = (
    "accepted",
    "rejected",
    "rejected.*",
    "takeovers",
    "sessions",
    "duplicates",
    "discarded",
    "discarded.*",
    "accounting.start",
    "accounting.interim",
    "accounting.stop",
    "accounting.on",
    "accounting.off",
    "accounting.stale",
    "stops.*",
    "disconnects.sent",
    "disconnects.acknowledged",
    "disconnects.refused",
    "disconnects.unanswered",
    "handshakes",
    "handshakes.resumed",
    "handshakes.refused",
    "handshakes.failed",
    "sessions.inet",
)
"""What the reference server counts about its mobile network and its DTLS sessions. `rejected.*` by reply message,
`discarded.*` by what was wrong with the packet, `stops.*` by Acct-Terminate-Cause; `sessions` are those that are open
now. `accounting.stale` are reports about sessions that were over already. `handshakes` are those that came to their
end, resumed ones among them; `refused` were those with a certificate that is not good enough, `failed` what else did
not come to its end; `sessions.inet` are those of DTLS and CoAPS that are open now."""

REJECTIONS: Mapping[str, str] = {
    "Device does not exist": "no device has the IMSI, or the IMEI, that came",
    "Missing or invalid IMSI": "there is no IMSI in it, or none that is one",
    "Unable to allocate IP": "all addresses of the network are taken",
    "IMEI mismatch": "the SIM of a device, in other hardware",
    "IMSI mismatch": "the hardware of a device, with another SIM",
    "Device is disabled": "the device is known, and not enabled",
}
"""Reply messages of the reference server, `rejected.*`, and when it says them.

A test holds this and the next two against the server."""

ALERTS: Mapping[str, int] = {
    "unexpected message": 10,
    "bad record mac": 20,
    "record overflow": 22,
    "handshake failure": 40,
    "bad certificate": 42,
    "unsupported certificate": 43,
    "certificate revoked": 44,
    "certificate expired": 45,
    "certificate unknown": 46,
    "illegal parameter": 47,
    "unknown ca": 48,
    "access denied": 49,
    "decode error": 50,
    "decrypt error": 51,
    "protocol version": 70,
    "insufficient security": 71,
    "internal error": 80,
    "user canceled": 90,
    "no renegotiation": 100,
    "unsupported extension": 110,
}
"""With which words a DTLS handshake is rejected, and the number of the alert (RFC 5246 §7.2): those that servers send.

A test holds this against what our own client says."""

TURNED: Mapping[str, str] = {
    "no certificate": "handshake failure",
    "unknown issuer": "unknown ca",
    "unknown certificate": "certificate unknown",
    "certificate is revoked": "certificate revoked",
    "certificate has expired": "certificate expired",
    "certificate is not yet valid": "bad certificate",
    "certificate is not valid yet": "bad certificate",
    "certificate of a gateway": "certificate unknown",
    "device is disabled": "certificate unknown",
    "collection is disabled": "certificate unknown",
}
"""Why a platform turns a device down, in the words of its own terminal → the alert by which the device is told.

A test holds this against the reference server."""

STOPS = (
    "User-Request",
    "Lost-Carrier",
    "Lost-Service",
    "Idle-Timeout",
    "Session-Timeout",
    "Admin-Reset",
    "Admin-Reboot",
    "Port-Error",
    "NAS-Error",
    "NAS-Request",
    "NAS-Reboot",
    "Port-Unneeded",
    "Port-Preempted",
    "Port-Suspended",
    "Service-Unavailable",
    "Callback",
    "User-Error",
    "Host-Request",
    "none",
    "other",
)
"""`stops.*`: values of Acct-Terminate-Cause (RFC 2866 §5.10); `none` where a gateway told none. Others are numbers."""

DISCARDED = (
    "too short",
    "too long",
    "wrong length",
    "broken attribute",
    "wrong authenticator",
    "wrong Message-Authenticator",
    "missing Message-Authenticator",
    "unknown NAS",
    "unknown code",
    "reply",
    "wrong port",
    "missing Acct-Status-Type",
    "nobody asked",
)
"""`discarded.*`: what may be wrong with a packet."""

NETWORKS = _table(
    Word("ciot", "mobile network of the platform"),
    Word("inet", "the Internet"),
    Word("gateway", "a gateway of the scenario", now=False),
)

TRANSPORTS = _table(
    Word("udp", "plain UDP"),
    Word("coap", "CoAP over UDP"),
    Word("dtls", "UDP over DTLS"),
    Word("coaps", "CoAP over DTLS"),
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
    Word("sensor", "a named model of a sensor"),
)

SENSORS = _table(
    Word("temperature", '{"temperature":21.4}: a slow daily wave with some noise, in °C'),
    Word("humidity", '{"humidity":47}: relative humidity in percent, against the temperature'),
    Word("electricity", '{"wh":1042317}: an electricity meter in Wh, which only ever counts up'),
    Word("water", '{"litres":88213}: a water meter, still at night'),
    Word("position", '{"lat":63.43052,"lon":10.39506,"speed":12.5}: somebody who drives around'),
    Word("battery", '{"mv":3571}: a cell that empties slowly'),
)
"""`{sensor: NAME}`: models whose text depends on the seed, the device and the number of the repetition alone."""

TEMPLATE_FIELDS = ("device", "n")

DEFAULT_COLLECTION = "default"
"""How a step names the collection that every scenario has."""

TOKEN_KEYS = _table(
    Word("collection", "the only collection that the token covers (default: everything)"),
    Word("write", "no: a read-only token (default yes)"),
    Word("known", "no: a token that the platform has never issued (default yes)"),
)

OBSERVER_KEYS = _table(
    Word("collection", "whose activity it reads (default: the default collection)"),
    Word("token", "the token that it shows (default: the run's own)"),
    Word("reads", "how many messages it reads: 10/s (default: as they come)"),
)

# --- targets (scenarios §2, `needs`) ----------------------------------------------------------------------------------

CAPABILITIES = _table(
    Word("login", "log devices in to a mobile network; embedded can, and `simulator serve`"),
    Word("faults", "show faults on demand, or be stopped and started; only embedded can"),
    Word("lossless", "have an event stream that drops nothing, so that an absence is always proven; only embedded can"),
    Word("tokens", "issue and revoke tokens while it runs; embedded can, and `simulator serve`"),
    Word("options", "take the options of `platform:`; only embedded can"),
    Word(
        "inet", "let Internet devices connect by DTLS or CoAPS; embedded can, and `simulator serve` without --no-inet"
    ),
    Word("blobs", "take blobs; embedded can, and `simulator serve`"),
    Word("validity", "issue certificates that are over or not yet valid; embedded can, and `simulator serve`"),
    Word("pacing", "notice that a reader is slow when a scenario makes it so; only embedded can"),
)
"""What a target may be able to do, in words that follow `it can` and `it cannot`. What a verb needs is implied, see
`Verb.needs`."""

PLATFORM = "platform"
"""How a step names the platform: `restart: platform`."""

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
_DONE = ("ok", "failed", "any")
_EXCHANGE = ("ok", "rejected", "timeout", "failed", "any", "coap")

VERBS: tuple[Verb, ...] = (
    Verb("power_on", "device", "switch on, boot, and attach", now=True, outcomes=_OPERATOR, needs=("login",)),
    Verb(
        "power_off",
        "device",
        "switch off in order, or abruptly",
        now=True,
        arguments=("abruptly",),
        outcomes=_DONE,
    ),
    Verb(
        "reboot",
        "device",
        "switch off and on again",
        now=True,
        arguments=("abruptly",),
        outcomes=_OPERATOR,
        needs=("login",),
    ),
    Verb("attach", "device", "log in to the mobile network", now=True, outcomes=_OPERATOR, needs=("login",)),
    Verb("detach", "device", "leave the mobile network", now=True, outcomes=("ok", "failed", "any")),
    Verb(
        "connect",
        "device",
        "open the DTLS session with the platform",
        now=True,
        arguments=("resume",),
        outcomes=_OPERATOR,
        needs=("inet",),
    ),
    Verb("disconnect", "device", "close the DTLS session in order", now=True, outcomes=_DONE, needs=("inet",)),
    Verb("freeze", "device", "stop doing anything, without a word", now=True, outcomes=_DONE),
    Verb("vanish", "device", "lose the session, without a word", now=True, outcomes=_DONE),
    Verb(
        "upload",
        "device",
        "send a payload to the platform",
        now=True,
        arguments=("payload", "path", "confirmable"),
        outcomes=_EXCHANGE,
    ),
    Verb("poll", "device", "ask for a waiting message (CoAP GET)", now=True, arguments=("path",), outcomes=_EXCHANGE),
    Verb(
        "upload_blob",
        "device",
        "upload a large object (HTTP POST)",
        now=True,
        arguments=("payload", "path", "content_type"),
        outcomes=_OPERATOR,
        needs=("blobs",),
    ),
    Verb("report_firmware", "device", "tell the platform which firmware runs"),
    Verb("update_firmware", "device", "fetch, install and confirm the wanted firmware"),
    Verb(
        "rebind_nat",
        "device",
        "appear from another address, without knowing",
        now=True,
        outcomes=_DONE,
        needs=("inet",),
    ),
    Verb(
        "set_clock",
        "device",
        "set the clock of a device: rightly, or fast or slow by so much",
        now=True,
        arguments=("fast", "slow"),
        outcomes=_DONE,
    ),
    Verb(
        "insert_sim",
        "SIM",
        "put a SIM into a device",
        now=True,
        arguments=("card",),
        outcomes=_DONE,
        needs=("login",),
    ),
    Verb(
        "remove_sim",
        "SIM",
        "take the SIM out of a device",
        now=True,
        arguments=("abruptly",),
        outcomes=_DONE,
        needs=("login",),
    ),
    Verb(
        "move_sim",
        "SIM",
        "move the SIM to another device",
        now=True,
        arguments=("to", "abruptly"),
        required=("to",),
        outcomes=_DONE,
        needs=("login",),
    ),
    Verb(
        "swap_sims",
        "SIM",
        "exchange the SIMs of two devices",
        now=True,
        arguments=("with", "abruptly"),
        required=("with",),
        outcomes=_DONE,
        needs=("login",),
    ),
    Verb(
        "switch_profile",
        "SIM",
        "enable another profile of an eSIM, and attach with it",
        now=True,
        arguments=("profile", "rollback"),
        required=("profile",),
        outcomes=_OPERATOR,
        needs=("login",),
    ),
    Verb(
        "update_modem",
        "device",
        "install other firmware on the modem: its software version changes",
        now=True,
        arguments=("svn",),
        required=("svn",),
        outcomes=_DONE,
        needs=("login",),
    ),
    Verb(
        "roam",
        "device",
        "be in another cell, on another radio, or in another operator's network",
        now=True,
        arguments=("operator", "rat", "cell"),
        outcomes=_DONE,
        needs=("login",),
    ),
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
    Verb(
        "create",
        "operator",
        "create the device on the platform",
        now=True,
        arguments=("token",),
        outcomes=_OPERATOR,
    ),
    Verb(
        "update",
        "operator",
        "change the device's IMSI, IMEI or tags",
        now=True,
        arguments=("imsi", "imei", "tags", "token"),
        outcomes=_OPERATOR,
    ),
    Verb(
        "remove",
        "operator",
        "delete the device from the platform",
        now=True,
        arguments=("token",),
        outcomes=_OPERATOR,
    ),
    Verb(
        "move",
        "operator",
        "move the device to another collection",
        now=True,
        arguments=("to", "token"),
        required=("to",),
        outcomes=_OPERATOR,
    ),
    Verb(
        "send",
        "operator",
        "queue a downstream message",
        now=True,
        arguments=("payload", "token"),
        outcomes=_OPERATOR,
    ),
    Verb(
        "cut_off",
        "operator",
        "have the platform end the device's mobile network session (Disconnect-Request)",
        now=True,
        outcomes=_OPERATOR,
        needs=("login",),
    ),
    Verb(
        "renew_certificate",
        "operator",
        "issue a new certificate for the device",
        now=True,
        arguments=("token",),
        outcomes=_OPERATOR,
        needs=("inet",),
    ),
    Verb(
        "withdraw",
        "operator",
        "take queued downstream messages back",
        now=True,
        arguments=("which", "token"),
        outcomes=_OPERATOR,
    ),
    Verb(
        "revoke",
        "operator",
        "make tokens unknown to the platform",
        now=True,
        outcomes=_DONE,
        whom="tokens",
        needs=("tokens",),
    ),
    Verb("subscribe", "observer", "open the event stream", now=True, outcomes=_OPERATOR, whom="observers"),
    Verb("unsubscribe", "observer", "close the event stream", now=True, outcomes=_DONE, whom="observers"),
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
    Verb("blackout", "weather", "no datagram passes for a while", now=True, outcomes=_DONE),
    Verb("partition", "weather", "part of the network cannot reach the rest"),
    Verb(
        "restart",
        "platform",
        "stop and start the platform",
        now=True,
        outcomes=_DONE,
        whom="platform",
        needs=("faults",),
    ),
    Verb(
        "stop",
        "platform",
        "stop the platform; what it accepted survives",
        now=True,
        outcomes=_DONE,
        whom="platform",
        needs=("faults",),
    ),
    Verb(
        "start",
        "platform",
        "start the platform again",
        now=True,
        outcomes=_DONE,
        whom="platform",
        needs=("faults",),
    ),
    Verb(
        "misbehave",
        "platform",
        "a named fault of the reference server",
        now=True,
        outcomes=_DONE,
        whom="fault",
        needs=("faults",),
    ),
    Verb("wait", "clock", "nothing happens for a while", now=True, outcomes=()),
    Verb("together", "clock", "run several steps at the same time", now=True, outcomes=()),
    Verb("repeat", "clock", "run a block of steps several times", now=True, outcomes=()),
)

VERB: Mapping[str, Verb] = {verb.name: verb for verb in sorted(VERBS, key=lambda verb: verb.now)}
"""By name. Where several actors share a name, the one that this version carries out."""

ARGUMENTS = _table(
    Word("payload", 'what is sent: 24 B, {text: …}, {hex: …}, {file: …}, {template: …}, {sensor: …}; {hex: ""}: none'),
    Word("path", "path of CoAP (default data), or of the blob (default blob)"),
    Word("content_type", "what a blob is declared as (default application/octet-stream)"),
    Word("resume", "no: a full handshake; yes: the last session is resumed (default: as `connection` says)"),
    Word("fast", "the clock is ahead by so much"),
    Word("slow", "the clock is behind by so much"),
    Word("confirmable", "no: a NON message, nothing is retransmitted (default yes)"),
    Word("imsi", 'new IMSI; "" clears it, `held` is that of the SIM that the device holds now'),
    Word("imei", 'new IMEI; "" clears it, `held` is that of the modem that the device has now'),
    Word("tags", "tags to set: name → value"),
    Word("to", "collection that the devices move to; device that the SIM moves to"),
    Word("with", "device that the SIM is exchanged with"),
    Word("card", "own | fresh: the device's own card, or one that nobody has seen before (default own)"),
    Word("profile", "which profile of the eSIM, counted from 1"),
    Word("rollback", "if the new profile is refused: how long until the old one is enabled again (default never)"),
    Word("svn", "software version of the modem, 0 to 98"),
    Word("operator", "mobile network that the device is in from now on; it must attach there"),
    Word("rat", "how it reaches the network from now on"),
    Word("cell", "cell that it is in from now on"),
    Word("preset", "the radio as a whole"),
    Word("abruptly", "yes: without a word to the network (default no for the power, yes for a SIM that is pulled)"),
    Word("which", "oldest | newest | all of the queued messages (default newest)"),
    Word("token", "the token that the operator shows (default: the run's own)"),
    *(Word(key.name, key.help) for key in LINK_KEYS.values()),
)

MODIFIERS = _table(
    Word("over", "the subjects start spread over that time, or as a traffic model says"),
    Word("every", "repeat with that period"),
    Word("for", "repeat for that long"),
    Word("times", "repeat that often"),
    Word("at", "not before that run time"),
    Word("as", "a name for the act"),
    Word("outcome", "what the act must come to (default ok); {rejected: IMEI mismatch} says what for"),
    Word("retry", "how many more attempts a failed act gets: 3, {times: 3, pause: 10 s}, {times: 8, pause: mobile}"),
    Word("within", "how long events may take after the act (default 10 s)"),
    Word("expect", "events that each subject must see, in order; or forms such as each and state"),
    Word("never", "events that none of the subjects may see"),
    Word("lasting", "how long a weather or a fault stays"),
)

WAIT_MODIFIERS = ("at", "as", "within", "expect", "never")
"""What fits beside `wait`, which has no subjects."""

DOER_MODIFIERS = ("at", "as", "outcome", "within", "expect", "never")
"""What fits beside a verb whose doers are no devices (`Verb.whom`), and `lasting` where it fits the verb."""

BLOCK_MODIFIERS = ("at",)
"""What fits beside `together` and `repeat`; everything else goes beside a step inside."""

BLOCKS = ("together", "repeat")

LASTING = ("link", "blackout", "freeze", "misbehave", "restart")
"""Verbs whose effect may end by itself."""

RETRIED = ("attach", "detach", "connect", "upload", "upload_blob", "poll")
"""Verbs that a device may repeat by itself."""

OUTCOMES = _table(
    Word("ok", "done; for plain UDP: sent"),
    Word("rejected", "the network or the platform refused"),
    Word("timeout", "no answer in time"),
    Word("failed", "it could not be done"),
    Word("any", "whatever comes"),
)
"""Besides these, `coap 4.04`."""

QUEUED = _table(
    Word("oldest", "the message that would be delivered next"),
    Word("newest", "the message that was queued last"),
    Word("all", "every message that waits"),
)
"""What `which` of a `withdraw` says."""

ARRIVALS = _table(
    Word("uniform", "`uniform-60`: at random within so many seconds"),
    Word("beta", "`beta-10`: a crowd that starts within so many seconds, Beta(3, 4)"),
    Word("poisson", "`poisson 3/s`: independent of one another, at that mean rate over all"),
    Word("periodic", "`periodic`: at random within the period of `every`, as clocks that were never set"),
    Word("mmpp2", "`mmpp2` or `mmpp2 0.29/s`: in bursts, a Poisson process of two states, at that mean rate over all"),
    Word("diurnal", "`diurnal 100/d`: more by day than by night, at that mean rate over all"),
)
"""Traffic models that `over:` takes (mobile-network §5)."""

# --- defects of the reference server (scenarios §7) -------------------------------------------------------------------

MUTANT_EVENTS = (
    "imeiMismatch",
    "imsiMismatch",
    "ciotConnect",
    "clientConnected",
    "clientDisconnected",
    "upstreamMessage",
    "downstreamMessage",
    "blobUpload",
    "deviceCreated",
    "deviceUpdated",
    "deviceRemoved",
    "deviceMoved",
)
"""Events that may be missing, doubled, late, of another device or in another collection."""

MUTANTS: Mapping[str, Word] = _table(
    *(Word(f"{event}-missing", f"{event} is never told") for event in MUTANT_EVENTS),
    *(Word(f"{event}-doubled", f"{event} is told twice") for event in MUTANT_EVENTS),
    *(Word(f"{event}-late", f"{event} is told only after the device's next event") for event in MUTANT_EVENTS),
    *(Word(f"{event}-of-another-device", f"{event} names the first device there is") for event in MUTANT_EVENTS),
    *(Word(f"{event}-in-another-collection", f"{event} is told in the next collection") for event in MUTANT_EVENTS),
    Word("upstreamMessage-one-in-a-hundred-missing", "every hundredth upstreamMessage is not told"),
    Word("upstreamMessage-one-in-a-hundred-doubled", "every hundredth upstreamMessage is told twice"),
    Word("upstreamMessage-one-in-10000-lost", "every 10000th upstreamMessage is not told"),
    Word("upstreamMessage-at-the-first-block", "the first block of an upload is told as a message"),
    Word("upstreamMessage-without-deviceId", "upstreamMessage does not say whose it is"),
    Word("upstreamMessage-wrong-bytes", "upstreamMessage tells one byte too many"),
    Word("upstreamMessage-wrong-transport", "upstreamMessage tells udp for coap, and coap for udp"),
    Word("upstreamMessage-without-bytes", "upstreamMessage does not tell its size"),
    Word("downstreamMessage-at-queueing", "downstreamMessage is told when it is queued, not when it is handed over"),
    Word("downstreamMessage-wrong-bytes", "downstreamMessage tells one byte too many"),
    Word("downstreamMessage-wrong-transport", "downstreamMessage tells udp for coap, and coap for udp"),
    Word("downstreamMessage-same-messageId", "every downstreamMessage has the id of the first one"),
    Word("downstreamMessage-without-messageId", "downstreamMessage does not tell which message it was"),
    Word("clientConnected-at-login", "clientConnected is told with the login, before the device has spoken"),
    Word("clientConnected-once-for-ever", "clientConnected is told once per device, and not after its next logins"),
    Word("clientConnected-on-every-datagram", "clientConnected is told for each message and poll"),
    Word("clientConnected-again-after-a-minute", "a device is taken for idle after a minute"),
    Word("clientConnected-missing-after-idleness", "a device is never taken for idle"),
    Word("clientConnected-by-certificate", "clientConnected tells of a certificate that nobody has shown"),
    Word("ciotConnect-once-for-ever", "ciotConnect is told once per device, and not for its next logins"),
    Word("ciotConnect-for-refused-logins", "ciotConnect is told for a known device that was not let in"),
    Word("ciotConnect-shows-the-wire-address", "ciotConnect tells an address of this machine, 127.x for 10.x"),
    Word("ciotConnect-imsi-and-imei-swapped", "ciotConnect tells the IMEI as IMSI and the IMSI as IMEI"),
    Word("ciotConnect-without-ip", "ciotConnect does not tell the address"),
    Word("imsiMismatch-expects-what-came", "imsiMismatch tells the IMSI that came as the expected one"),
    Word("imeiMismatch-expects-what-came", "imeiMismatch tells the IMEI that came as the expected one"),
    Word("mismatch-without-identities", "mismatch events do not tell who came"),
    Word("deviceMoved-only-where-it-was", "deviceMoved is told in the old collection alone"),
    Word("deviceMoved-from-and-to-swapped", "deviceMoved tells the old collection as the new one"),
    Word("deviceUpdated-besides-a-move", "a move is told as an update as well"),
    Word("moved-events-in-old-collection", "the events of a device are told where it was first, wherever it moves"),
    Word("events-an-hour-ahead", "the times of all events are an hour ahead"),
    Word("events-with-unreadable-time", "the times of all events are written 2024/04/25"),
    Word("events-as-broken-json", "all events are cut off in the middle"),
    Word("retransmission-stored-twice", "a confirmable message that comes again is taken for a new one"),
    Word("retransmission-not-answered", "a message that comes again gets no answer"),
    Word("non-not-stored", "a NON message is answered and forgotten"),
    Word("non-not-answered", "a NON message is stored and not answered"),
    Word("confirmable-not-answered", "a confirmable message is stored and not answered"),
    Word("stored-but-answered-with-an-error", "every CoAP request is carried out and answered 4.04"),
    Word("block-lost", "the second block of an upload is missing in the whole"),
    Word("large-upload-refused", "an upload in blocks is answered 4.13"),
    Word("message-per-block", "each block of an upload becomes a message of its own"),
    Word("upload-cut", "only the first 16 bytes of a message are kept"),
    Word("upload-like-the-last-one-dropped", "a message with the same bytes as the one before is not stored"),
    Word("reserved-path-is-a-message", "what is sent to the paths u and fw is stored as a message"),
    Word("long-path-refused", "a CoAP path of several segments is answered 4.04"),
    Word("path-that-begins-like-a-reserved-one-refused", "a path such as `upload` is taken for the reserved path u"),
    Word("empty-message-counted", "a POST without content becomes a message of 0 bytes"),
    Word("poll-not-answered", "a GET gets no answer"),
    Word("poll-hands-out-nothing", "a GET is answered, and what waits stays where it is"),
    Word("poll-counted-as-upstream", "a GET becomes a message of 0 bytes"),
    Word("stranger-refused", "a confirmable message from an unknown address is answered 4.01"),
    Word("stranger-not-answered", "a confirmable message from an unknown address gets no answer"),
    Word("imsiMismatch-accepted", "a device with a wrong SIM is let in all the same"),
    Word("imeiMismatch-accepted", "a SIM in the wrong device is let in all the same"),
    Word("mismatch-not-noticed", "whoever shows a known IMSI or IMEI is let in, and nothing is told"),
    Word("mismatch-told-each-time", "a mismatch is told for every attempt, however often the device tries"),
    Word("unknown-sim-accepted", "a SIM that no device has is let in"),
    Word("blank-identity-refused", "a device that is configured without IMSI or without IMEI is refused"),
    Word("login-refused-while-in-session", "a device that has not left cannot log in anew"),
    Word("login-without-session", "a login is accepted and told, and the device's messages are a stranger's"),
    Word("session-ends-with-the-first-message", "after its first message a device is a stranger"),
    Word("outbox-newest-first", "the newest message that waits is handed over first"),
    Word("outbox-sent-twice", "a message is handed over twice"),
    Word("outbox-emptied-at-once", "all that waits counts as handed over with the first message"),
    Word("outbox-keeps-only-the-newest", "a message that is queued replaces those that wait"),
    Word("outbox-takes-only-one", "a message is refused while another one waits"),
    Word("outbox-of-another-device", "a message is queued for the first device of the collection"),
    Word("queued-message-lost", "a message is accepted and never handed over"),
    Word("deleted-message-still-delivered", "a message that was deleted is handed over all the same"),
    Word("deleting-moves-the-oldest-behind", "deleting a message puts the oldest one behind the others"),
    Word("deleting-one-deletes-all", "deleting a message deletes all that wait"),
    Word("upload-hands-out-nothing", "what waits goes with the answer to a poll only"),
    Word("udp-hands-out-nothing", "nothing is ever handed over by plain UDP"),
    Word("update-not-applied", "an update is answered and told, and changes nothing"),
    Word("update-loses-tags", "an update deletes the tags that it does not name"),
    Word("update-loses-identity", "an update clears the IMSI and IMEI that it does not change"),
    Word("update-ends-the-session", "an update ends the session of the device"),
    Word("created-without-identity", "a device is created without its IMSI and IMEI"),
    Word("created-without-tags", "a device is created without its tags"),
    Word("identity-of-another-accepted", "two devices may have the same IMSI or IMEI"),
    Word("remove-not-carried-out", "a removal is answered and told, and the device stays"),
    Word("message-after-removal", "the session of a removed device goes on, and so do its messages"),
    Word("login-after-removal", "a removed device may log in"),
    Word("accept-without-address", "a login is accepted, and no address is given"),
    Word("address-of-another", "a login is given the address of the device that logged in before"),
    Word("reject-without-reason", "a refused login is not told why"),
    Word("login-not-answered", "an Access-Request gets no answer"),
    Word("accounting-not-answered", "an Accounting-Request gets no answer"),
    Word("retransmitted-login-is-a-new-one", "an Access-Request that comes again is taken for another login"),
    Word("reply-with-wrong-authenticator", "the answers to Access-Requests are not signed with the secret"),
    Word("start-not-noticed", "a session that starts stays without a name, and its Stop may end nothing"),
    Word("stop-not-noticed", "a session that stops goes on"),
    Word("late-stop-ends-the-new-session", "the Stop of an old session ends the one that came after it"),
    Word("interim-not-noticed", "a new cell or radio is not noticed until the next login"),
    Word("svn-compared", "an IMEI is compared with its software version"),
    Word("imei-demanded", "a login without IMEI is refused"),
    Word("imei-alone-not-enough", "a device that is configured without IMSI is not looked for by its IMEI"),
    Word("second-mismatch-not-told", "an imeiMismatch hides the imsiMismatch of the device whose hardware it is"),
    Word("first-mismatch-not-told", "an imsiMismatch hides the imeiMismatch of the device whose SIM it is"),
    Word("mismatch-told-once-for-ever", "a mismatch of a device is told once, and never again"),
    Word("metadata-not-updated", "the metadata of a device stays as its first login left it"),
    Word("metadata-of-refused-logins", "a refused login changes the metadata of the device"),
    Word("configured-by-login", "a login writes the IMSI and IMEI that came into the device's configuration"),
    Word("takeover-not-noticed", "who takes over a session of another SIM shares it"),
    Word("takeover-refused", "who has a session cannot be replaced by another SIM or another modem"),
    Word("disconnect-not-sent", "a session that is to be ended goes on, and its gateway is told nothing"),
    Word("cleared-identity-still-known", "logins are decided by the IMSI and IMEI that were cleared"),
    Word("move-not-carried-out", "a move is answered and told, and the device stays where it is"),
    Word("moved-loses-session", "a move ends the session of the device"),
    Word("moved-loses-messages", "a move deletes what is queued for the device"),
    Word("moved-loses-tags", "a move deletes the device's tags"),
    Word("moved-connects-anew", "after a move the next message is told as a new connection"),
    Word("device-shown-as-it-was", "a device is shown as it was in the beginning"),
    Word("read-only-token-may-write", "a read-only token may change everything"),
    Word("token-of-another-collection-accepted", "a token of one collection opens all of them"),
    Word("token-of-the-collection-may-not-write", "a writing token of one collection is taken for a read-only one"),
    Word("unknown-token-accepted", "whoever shows a token that nobody knows may do everything"),
    Word("revoked-token-still-works", "a token that is revoked works on"),
    Word("revoked-token-goes-on-reading", "the streams of a revoked token go on"),
    Word("stream-open-to-anybody", "a stream asks for a token and does not look at it"),
    Word("stream-shows-every-collection", "a stream shows the events of all collections"),
    Word("stream-shows-its-first-reader-only", "only the first reader of a collection sees its events"),
    Word("dropped-events-not-told", "a slow reader is not told that it has missed events"),
    Word("slow-reader-silences-the-others", "while one reader is too slow, nobody sees events"),
    Word("slow-reader-is-cut-off", "a reader that is too slow loses its stream"),
    Word("restart-loses-devices", "a restart loses the devices"),
    Word("restart-loses-queued-messages", "a restart loses what is queued for devices"),
    Word("restart-delivers-again", "after a restart messages that were handed over are handed over again"),
    Word("restart-uses-message-ids-again", "after a restart the ids of messages begin anew"),
    Word("restart-loses-logins", "a restart ends the sessions of all devices"),
    Word("restart-connects-anew", "after a restart the next message is told as a new connection"),
    Word("restart-loses-histories", "a restart loses the messages of devices"),
    Word("dtls-accepts-expired", "a certificate that is over, or not yet valid, is good enough"),
    Word("dtls-accepts-foreign", "a certificate of any authority is good enough, if it names a device"),
    Word("dtls-accepts-revoked", "the certificate of a removed device is good enough for the first device there is"),
    Word("dtls-accepts-gateways", "the certificate of a gateway is good enough for the first device there is"),
    Word("dtls-accepts-no-certificate", "who shows no certificate is taken for the first device there is"),
    Word("dtls-knows-only-the-first-certificate", "a renewed certificate is not known"),
    Word("dtls-renewal-revokes", "with a renewal the former certificate is revoked at once"),
    Word("dtls-takes-the-owner-of-the-oldest", "whoever connects is taken for who connected first"),
    Word("dtls-never-resumes", "every handshake is a full one"),
    Word("dtls-repeats-no-flight", "a flight that got lost is not sent again"),
    Word("dtls-ignores-close-notify", "a session goes on although its device has closed it"),
    Word("dtls-closes-after-a-minute", "a session is ended after a minute of silence"),
    Word("dtls-never-idle", "a silent session is never ended"),
    Word("dtls-forgets-sessions", "a session is forgotten after its first message, without a word"),
    Word("dtls-answers-the-old-address", "answers go to where the device's first session came from"),
    Word("dtls-loses-messages", "every second message over DTLS is lost"),
    Word("clientConnected-before-the-handshake", "clientConnected of the first device is told with any hello"),
    Word("clientConnected-not-when-resumed", "clientConnected is not told for resumed sessions"),
    Word("clientConnected-by-ip", "clientConnected of an Internet device tells its address, and no certificate"),
    Word("clientDisconnected-at-every-message", "clientDisconnected is told after each message"),
    Word("clientDisconnected-with-a-reason", "clientDisconnected has data"),
    Word("inet-remote-address-of-the-first-session", "metadata.inet keeps the address of the device's first session"),
    Word("inet-wrong-serial", "metadata.inet shows another serial than the certificate's"),
    Word("blobUpload-wrong-bytes", "blobUpload tells one byte too many"),
    Word("blob-not-stored", "blobUpload is told, and the blob is not there"),
    Word("blob-cut", "a blob is cut after a kibibyte"),
    Word("blob-of-anybody", "a blob of somebody unknown is taken for the first device's"),
    Word("blob-content-type-ignored", "every blob is stored as text/plain"),
    Word("restart-loses-tags", "a restart loses the tags of devices"),
    Word("restart-loses-tokens", "a restart loses the tokens that were issued"),
    Word("restart-forgets-certificates", "after a restart no certificate is known"),
    Word("restart-loses-blobs", "a restart loses the blobs"),
    Word("restart-goes-back", "after a restart everything is as it was in the beginning"),
    Word("restart-knows-revoked-tokens", "after a restart a revoked token works again"),
)
"""What `misbehave` and `mutants:` may name. `server.mutants` carries them out, and a test holds both together."""

# --- events (span §3.4, CloudConnect §3–4) ----------------------------------------------------------------------------

EVENTS: Mapping[str, EventWord] = {
    event.name: event
    for event in (
        EventWord(
            "imeiMismatch",
            "span",
            "the SIM was seen in other hardware",
            ("imsi", "imei", "expectedImei", "gateway", "rat"),
        ),
        EventWord(
            "imsiMismatch",
            "span",
            "the hardware was seen with another SIM",
            ("imsi", "imei", "expectedImsi", "gateway", "rat"),
        ),
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

EMITTED = (
    "imeiMismatch",
    "imsiMismatch",
    "ciotConnect",
    "clientConnected",
    "upstreamMessage",
    "downstreamMessage",
    "clientDisconnected",
    "blobUpload",
    "deviceCreated",
    "deviceUpdated",
    "deviceRemoved",
    "deviceMoved",
)
"""What the embedded server emits so far; a real platform emits all of them."""

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
    "enabled": ("true", "false"),  # span §2.4, of a Device
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
    "handshake-told",
    "session-kept",
    "session-ended",
    "in-session",
    "fits-network",
    "own-address",
    "act-once",
    "mismatch-once",
    "login-told",
    "blob-once",
    "downstream-queued",
    "downstream-oldest-first",
    "received-shown",
    "known-owner",
    "silent-after-removal",
    "gone-after-move",
    "right-collection",
    "moved-between",
    "created-first",
    "mismatch-real",
    "session-ends-once",
    "firmware-chain",
    "time-forward",
    "same-for-all",
    "stream-complete",
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
    Word("sequence", "events in this order, others between"),
    Word("exactly", "these events and no others"),
    Word("after", "timed from a named act"),
    Word("state", "read through the platform's API"),
    Word("dropped", "how many events the platform said that it dropped for an observer"),
    Word("statistics", "what the reference server has counted about its mobile network"),
)
"""The key that says which form an entry of an `expect` has."""

STEP_FORMS = ("each", "some", "none", "never", "sequence", "exactly", "state")
"""Those that an entry of a step's `expect` may have; the others are for the whole run."""

DEVICE_FIELDS: Mapping[str, str] = {
    "deviceId": "",
    "collectionId": "",
    "tags.*": "",
    "firmware.currentFirmwareId": "",
    "firmware.targetFirmwareId": "",
    "firmware.firmwareVersion": "",
    "firmware.serialNumber": "",
    "firmware.modelNumber": "",
    "firmware.manufacturer": "",
    "firmware.state": "state",
    "firmware.stateMessage": "",
    "config.ciot.imsi": "imsi",
    "config.ciot.imei": "imei",
    "config.inet": "",
    "config.gateway.*": "",
    "metadata.ciot.gatewayId": "",
    "metadata.ciot.allocatedIp": "",
    "metadata.ciot.allocatedAt": "",
    "metadata.ciot.cellId": "",
    "metadata.ciot.mcc": "",
    "metadata.ciot.mnc": "",
    "metadata.ciot.country": "",
    "metadata.ciot.network": "",
    "metadata.ciot.countryCode": "",
    "metadata.ciot.lastUpdate": "",
    "metadata.ciot.lastImsi": "imsi",
    "metadata.ciot.lastImei": "imei",
    "metadata.inet.gatewayId": "",
    "metadata.inet.lastUpdate": "",
    "metadata.inet.remoteAddress": "",
    "metadata.inet.certificateSerial": "",
    "metadata.gateway.*": "",
    "lastGatewayId": "",
    "lastTransport": "transport",
    "lastReceived": "",
    "lastPayload": "",
    "enabled": "enabled",
}
"""Fields of the platform's Device (span §2.4), which `state` reads, each with the key of event data that holds the same
kind of value, "" for none. `*` stands for names that the platform does not choose."""

COMPARISONS = ("below", "above", "at_least", "at_most")
CONDITION_KEYS = ("one_of", "matches", "not", *COMPARISONS)

# --- units ------------------------------------------------------------------------------------------------------------

UNITS: Mapping[str, Mapping[str, float]] = {
    "size": {"B": 1, "kB": 1000, "KiB": 1024, "MB": 1_000_000, "MiB": 1_048_576},
    "duration": {"us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1, "min": 60, "h": 3600, "d": 86400},
    "share": {"%": 0.01},
    "rate": {"bit/s": 1, "kbit/s": 1e3, "Mbit/s": 1e6},
    "frequency": {"/s": 1, "/min": 1 / 60, "/h": 1 / 3600, "/d": 1 / 86400},
}
"""By kind of quantity: unit → how many bytes, seconds, parts of one, bits per second, times a second."""

EXAMPLES: Mapping[str, str] = {
    "size": "24 B",
    "duration": "10 min",
    "share": "5 %",
    "rate": "20 kbit/s",
    "frequency": "3/s",
}

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
    **dict.fromkeys(("Hz", "/sec", "/second", "ps"), "/s"),
    **dict.fromkeys(("/m", "/minute"), "/min"),
    **dict.fromkeys(("/hr", "/hour"), "/h"),
    **dict.fromkeys(("/day",), "/d"),
}
"""What people write for a unit, and which one they mean."""

YES_OR_NO: Mapping[str, bool] = {"yes": True, "no": False, "true": True, "false": False}


def modifiers_of(verb: Verb) -> tuple[str, ...]:
    """The words of `MODIFIERS` that fit beside a verb."""
    if verb.name == "wait":
        return WAIT_MODIFIERS
    if verb.name in BLOCKS:
        return BLOCK_MODIFIERS
    fit = DOER_MODIFIERS if verb.whom != "devices" else tuple(word for word in MODIFIERS if word != "lasting")
    unfit = () if verb.name in RETRIED else ("retry",)
    lasting = ("lasting",) if verb.name in LASTING else ()
    return (*(word for word in fit if word not in unfit), *lasting)


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
