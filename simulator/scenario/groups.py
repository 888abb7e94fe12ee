"""`devices:` and `collections:` → groups and collections (scenarios §2)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from simulator.errors import Place
from simulator.scenario.inet import certificate, clock, connection
from simulator.scenario.links import link_spec
from simulator.scenario.model import (
    HOME,
    CertificateSpec,
    Collection,
    ConnectionSpec,
    DeviceClock,
    Group,
    LinkSpec,
    ModemSpec,
    Network,
    Payload,
    SimSpec,
    Transport,
)
from simulator.scenario.nodes import Node, Text
from simulator.scenario.payloads import payload
from simulator.scenario.problems import NOT_YET, Fields, has_now
from simulator.scenario.reading import Reading
from simulator.scenario.show import a_or_an, meant, shown
from simulator.scenario.sims import modem, sim
from simulator.scenario.subjects import NAME
from simulator.words import (
    DEFAULT_COLLECTION,
    GROUP_KEYS,
    IDENTITIES,
    NETWORKS,
    PLATFORM,
    RATS,
    STACKS,
    TRANSPORTS,
    Word,
)

MAX_GROUPS = 100
"""Each group has a block of a million identities, and there are a hundred blocks (identity.fleet)."""

MAX_DEVICES = 1_000_000
"""Over all groups of a scenario; the addresses 127.64.0.0/10 would do for four times as many."""

MAX_DATAGRAM_BYTES = 65_507
"""What UDP over IPv4 carries at most."""

MAX_DTLS_BYTES = 1_243
"""What a record of raw DTLS carries: DTLS does not fragment application data (RFC 6347 §4.1.1). Of the 1 280 bytes that
every path is good for, 13 are the record's header and 24 the nonce and the tag of AES-GCM."""


@dataclass(frozen=True, slots=True)
class RawTransport:
    """A transport that carries a message as it is: no paths, no answers, and a datagram is all there is."""

    called: str
    carries_bytes: int
    instead: str
    """The transport of the same network that has them."""


RAW: Mapping[str, RawTransport] = {
    "udp": RawTransport("plain UDP", MAX_DATAGRAM_BYTES, "coap"),
    "dtls": RawTransport("raw DTLS", MAX_DTLS_BYTES, "coaps"),
}

SPOKEN: Mapping[str, tuple[Transport, ...]] = {"ciot": ("coap", "udp"), "inet": ("coaps", "dtls")}
"""Network → the transports that go with it, first the one that is taken if none is named."""

MOBILE_KEYS = ("sim", "modem", "operator", "rat", "cell", "identity")
INET_KEYS = ("certificate", "connection", "clock")
"""Keys that only groups of one of the networks may have."""

MAX_CELL = 2**28 - 1
"""An ECI has 28 bits (mobile-network §1.5)."""
DECIMAL = re.compile(r"-?[0-9]+")

IDENTITY_KEYS = {
    name: Word(name, f"blank: the platform is not told the {name.upper()}; digits: it is told these")
    for name in IDENTITIES
}
DIGITS = re.compile(r"[0-9]{1,15}")
"""mobile-network §2.2: 1 to 15 digits is all that is asked of an IMSI or IMEI."""


def collections(reading: Reading, node: Node | None) -> None:
    """Collections of one file besides the default one; entered into `reading`."""
    if node is None:
        return
    problems = reading.problems
    mapping = problems.mapping(node, "collections", "{north: {region: north}}")
    if mapping is None:
        reading.collections_unread = True
        return
    for key, value in mapping.entries:
        if not is_name(reading, key, "collection"):
            continue
        if key.value == DEFAULT_COLLECTION:
            problems.add(f"collection '{DEFAULT_COLLECTION}' is always there", key.place, "choose another name")
            continue
        if (other := reading.collections.get(key.value)) is not None and other.place.file != key.place.file:
            problems.add(f"a second collection {shown(key.value)}", key.place, f"the first is at {other.place}")
            continue
        nothing = isinstance(value, Text) and value.missing
        tags = () if nothing else problems.pairs(value, f"collection {key.value}")
        reading.collections[key.value] = Collection(name=key.value, place=key.place, tags=tags)


def groups(reading: Reading, node: Node | None) -> None:
    """The groups of one file; entered into `reading`, also those that are flawed."""
    if node is None:
        return
    problems = reading.problems
    mapping = problems.mapping(node, "devices", "{meters: {count: 10}}")
    if mapping is None:
        reading.groups_unread = True
        return
    if len(reading.groups) + len(mapping.entries) > MAX_GROUPS:
        count = len(reading.groups) + len(mapping.entries)
        problems.add(f"{count} groups", node.place, f"a scenario has at most {MAX_GROUPS}; use count")
        reading.groups_unread = True
        return
    total = sum(group.count for group in reading.groups.values())
    for key, value in mapping.entries:
        if not is_name(reading, key, "group"):
            continue
        if (other := reading.groups.get(key.value)) is not None and other.place.file != key.place.file:
            problems.add(f"a second group {shown(key.value)}", key.place, f"the first is at {other.place}")
            continue
        before = problems.count
        group = _group(reading, key, value)
        if group is None or problems.count > before:
            reading.flawed[key.value] = None
        if group is not None:
            reading.groups[group.name] = group
            total += group.count
            if total > MAX_DEVICES:
                problems.add(f"{total} devices in all", key.place, f"a scenario has at most {MAX_DEVICES}")


def collection_named(reading: Reading, node: Node, what: str) -> str | None:
    """The collection that a node names, "" for the default one; None (and noted) if there is none."""
    text = reading.problems.word(node, what)
    if text is None:
        return None
    if text.value == DEFAULT_COLLECTION:
        return ""
    if text.value in reading.collections or reading.collections_unread:
        return text.value
    names = (DEFAULT_COLLECTION, *reading.collections)
    reading.problems.add(f"no collection {shown(text.value)}", text.place, meant(text.value, names))
    return None


def operator_named(reading: Reading, node: Node) -> str | None:
    """The operator that a node names; None (and noted) if there is none."""
    return None if reading.operators_unread else reading.problems.named(node, "operator", reading.operators)


def cell(reading: Reading, fields: Fields) -> int | None:
    """`cell` of a group or a step; None: there is none, or it is wrong, which is noted."""
    node = fields.get("cell")
    if isinstance(node, Text) and node.value.strip() and not DECIMAL.fullmatch(node.value):
        hint = f"write a whole number below {MAX_CELL + 1}, in decimal"
        reading.problems.add(f"cell is a whole number, not {shown(node.value)}", node.place, hint)
        return None
    return None if node is None else reading.problems.integer(node, "cell", 0, MAX_CELL)


def is_name(reading: Reading, key: Text, what: str) -> bool:
    """Whether a key may name a group, a collection, a token or an observer; noted if not."""
    if key.value == PLATFORM:
        reading.problems.add(
            f"'{PLATFORM}' cannot name {a_or_an(what)}", key.place, "it is how steps name the platform"
        )
        return False
    if NAME.fullmatch(key.value):
        return True
    reading.problems.add(
        f"{shown(key.value)} cannot name {a_or_an(what)}",
        key.place,
        "a name begins with a letter and has letters, digits, - and _, at most 64 of them",
    )
    return False


def _group(reading: Reading, key: Text, node: Node) -> Group | None:
    problems, name = reading.problems, key.value
    if isinstance(node, Text) and node.missing:
        return Group(name=name, place=key.place)
    mapping = problems.mapping(node, f"group {name}", f"{name}: {{count: 10, transport: coap}}")
    if mapping is None:
        return None
    fields = Fields(mapping, problems, f"group {name}", GROUP_KEYS)

    count, registered, tags = fields.get("count"), fields.get("registered"), fields.get("tags")
    link, carries, lives, stack = (fields.get(key) for key in ("link", "payload", "collection", "stack"))
    network = _network(reading, fields.get("network"))
    shows, keeps, time = (fields.get(key) for key in INET_KEYS)
    card, hardware, network_of, rat = (fields.get(key) for key in ("sim", "modem", "operator", "rat"))
    members = 1 if count is None else problems.integer(count, "count", 1, MAX_DEVICES) or 1
    blank, told = _identity(reading, fields.get("identity"), name, members)
    group = Group(
        name=name,
        place=key.place,
        count=members,
        network=network or "ciot",
        transport=_transport(reading, fields, name, network),
        link=LinkSpec() if link is None else link_spec(problems, link) or LinkSpec(),
        registered=True if registered is None else problems.yes_or_no(registered, "registered") is not False,
        blank=blank,
        registered_as=told,
        payload=None if carries is None else payload(reading, carries),
        tags=() if tags is None else problems.pairs(tags, "tags"),
        collection="" if lives is None else collection_named(reading, lives, "collection") or "",
        stack="own" if stack is None or problems.one_of(stack, "stack", STACKS) != "aiocoap" else "aiocoap",
        sim=SimSpec() if card is None else sim(reading, card, name),
        modem=ModemSpec() if hardware is None else modem(reading, hardware, name),
        operator=HOME.name if network_of is None else operator_named(reading, network_of) or HOME.name,
        rat="" if rat is None else problems.named(rat, "rat", RATS) or "",
        cell=cell(reading, fields),
        certificate=CertificateSpec() if shows is None else certificate(reading, shows, name),
        connection=ConnectionSpec() if keeps is None else connection(reading, keeps),
        clock=DeviceClock() if time is None else clock(reading, time),
    )
    if network is not None:
        _check_keys(reading, group, fields)
    _check(reading, group, fields)
    return group


def _network(reading: Reading, node: Node | None) -> Network | None:
    """The mobile network if none is named; None (and noted) if it is none that there is."""
    if node is None:
        return "ciot"
    # `gateway NAME` is two words; its first says which network it is.
    if isinstance(node, Text) and node.value.split()[:1] == ["gateway"]:
        reading.problems.add(f"network {shown(node.value)} is {NOT_YET}", node.place, has_now(NETWORKS))
        return None
    named = reading.problems.one_of(node, "network", NETWORKS)
    return None if named is None else "inet" if named == "inet" else "ciot"


def _transport(reading: Reading, fields: Fields, group: str, network: Network | None) -> Transport:
    """One that goes with the network; what does not is noted, and not carried on to the next mistake."""
    node, spoken = fields.get("transport"), SPOKEN[network or "ciot"]
    named = None if node is None else reading.problems.one_of(node, "transport", TRANSPORTS)
    found = next((transport for transport in spoken if transport == named), None)
    if node is None or named is None or found is not None or network is None:
        return found or spoken[0]
    if network == "inet":
        hint = "use transport: coaps or dtls, or network: ciot"
        reading.problems.add(f"{group} is on the Internet, where nobody speaks plain {named}", node.place, hint)
    elif not fields.names("network"):
        reading.problems.add(f"{named} is spoken on the Internet", node.place, f"add network: inet to {group}")
    else:
        hint = "use transport: coap or udp, or network: inet"
        reading.problems.add(f"{group} is in the mobile network, where nobody speaks {named}", node.place, hint)
    return spoken[0]


def _identity(
    reading: Reading, node: Node | None, group: str, count: int
) -> tuple[frozenset[str], tuple[tuple[str, str], ...]]:
    """What the platform is not told, and what it is told instead of the device's own."""
    problems = reading.problems
    mapping = None if node is None else problems.mapping(node, "identity", "{imsi: blank}")
    if mapping is None:
        return frozenset(), ()
    fields = Fields(mapping, problems, "identity", IDENTITY_KEYS)
    blank: list[str] = []
    told: list[tuple[str, str]] = []
    for name in IDENTITIES:
        value = fields.get(name)
        text = None if value is None else problems.word(value, name)
        if text is None:
            continue
        if text.value == "blank":
            blank.append(name)
        elif not DIGITS.fullmatch(text.value):
            problems.add(f"{shown(text.value)} is no {name.upper()}", text.place, "write blank, or 1 to 15 digits")
        elif count > 1:
            problems.add(f"one {name.upper()} for {count} devices", text.place, "make a group of one device for it")
        elif (other := reading.registered.setdefault((name, text.value), group)) != group:
            problems.add(
                f"{name.upper()} {shown(text.value)} is that of {other}", text.place, "the platform takes each once"
            )
        else:
            told.append((name, text.value))
    return frozenset(blank), tuple(told)


def _check(reading: Reading, group: Group, fields: Fields) -> None:
    """Combinations that cannot be."""
    problems = reading.problems
    if group.stack == "aiocoap" and (raw := RAW.get(group.transport)) is not None:
        problem = f"stack: aiocoap speaks CoAP, and the transport is {group.transport}"
        problems.add(problem, fields.at("stack"), f"use transport: {raw.instead}")
    check_datagram(reading, group, group.payload, fields.at("payload"))


def _check_keys(reading: Reading, group: Group, fields: Fields) -> None:
    """What the group is told to be, and is not in its network."""
    for key in MOBILE_KEYS if group.network == "inet" else INET_KEYS:
        if not fields.names(key):
            continue
        if group.network == "inet":
            problem = f"{key} is of the mobile network, and {group.name} is on the Internet"
            reading.problems.add(problem, fields.at(key), "leave it out, or use network: ciot")
        else:
            problem = f"{key} is of Internet devices, and {group.name} is in the mobile network"
            reading.problems.add(problem, fields.at(key), "add network: inet, or leave it out")


def check_datagram(reading: Reading, group: Group, carried: Payload | None, at: Place) -> None:
    """Plain UDP and raw DTLS have no blocks: what does not fit into a datagram cannot be sent."""
    size = 0 if carried is None else max(carried.size_bytes, len(carried.content))
    raw = RAW.get(group.transport)
    if raw is not None and size > raw.carries_bytes:
        reading.problems.add(
            f"{size} B do not fit into a datagram of {shown(group.name)}",
            at,
            f"{raw.called} carries at most {raw.carries_bytes} B; use transport: {raw.instead}",
        )
