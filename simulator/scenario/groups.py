"""`devices:` and `collections:` → groups and collections (scenarios §2)."""

from __future__ import annotations

from simulator.errors import Place
from simulator.scenario.links import link_spec
from simulator.scenario.model import Collection, Group, LinkSpec, Network, Payload, Transport
from simulator.scenario.nodes import Node, Text
from simulator.scenario.payloads import payload
from simulator.scenario.problems import NOT_YET, Fields, has_now
from simulator.scenario.reading import Reading
from simulator.scenario.show import meant, shown
from simulator.scenario.subjects import NAME
from simulator.words import (
    DEFAULT_COLLECTION,
    GROUP_KEYS,
    IDENTITIES,
    NETWORKS,
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

IDENTITY_KEYS = {name: Word(name, f"blank: the platform is not told the {name.upper()}") for name in IDENTITIES}


def collections(reading: Reading, node: Node | None) -> tuple[Collection, ...]:
    """Collections besides the default one; entered into `reading`."""
    if node is None:
        return ()
    problems = reading.problems
    mapping = problems.mapping(node, "collections", "{north: {region: north}}")
    if mapping is None:
        reading.collections_unread = True
        return ()
    for key, value in mapping.entries:
        if not _is_name(reading, key, "collection"):
            continue
        if key.value == DEFAULT_COLLECTION:
            problems.add(f"collection '{DEFAULT_COLLECTION}' is always there", key.place, "choose another name")
            continue
        nothing = isinstance(value, Text) and value.missing
        tags = () if nothing else problems.pairs(value, f"collection {key.value}")
        reading.collections[key.value] = Collection(name=key.value, place=key.place, tags=tags)
    return tuple(reading.collections.values())


def groups(reading: Reading, node: Node | None) -> tuple[Group, ...]:
    """The groups of a file; entered into `reading`, also those that are flawed."""
    if node is None:
        return ()
    problems = reading.problems
    mapping = problems.mapping(node, "devices", "{meters: {count: 10}}")
    if mapping is None:
        reading.groups_unread = True
        return ()
    if len(mapping.entries) > MAX_GROUPS:
        problems.add(f"{len(mapping.entries)} groups", node.place, f"a scenario has at most {MAX_GROUPS}; use count")
        reading.groups_unread = True
        return ()
    total = 0
    for key, value in mapping.entries:
        if not _is_name(reading, key, "group"):
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
    return tuple(reading.groups.values())


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


def _is_name(reading: Reading, key: Text, what: str) -> bool:
    if NAME.fullmatch(key.value):
        return True
    reading.problems.add(
        f"{shown(key.value)} cannot name a {what}",
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
    network, transport = fields.get("network"), fields.get("transport")
    group = Group(
        name=name,
        place=key.place,
        count=1 if count is None else problems.integer(count, "count", 1, MAX_DEVICES) or 1,
        network="ciot" if network is None else _network(reading, network),
        transport="coap" if transport is None else _transport(reading, transport),
        link=LinkSpec() if link is None else link_spec(problems, link) or LinkSpec(),
        registered=True if registered is None else problems.yes_or_no(registered, "registered") is not False,
        blank=_blank(reading, fields.get("identity")),
        payload=None if carries is None else payload(reading, carries),
        tags=() if tags is None else problems.pairs(tags, "tags"),
        collection="" if lives is None else collection_named(reading, lives, "collection") or "",
        stack="own" if stack is None or problems.one_of(stack, "stack", STACKS) != "aiocoap" else "aiocoap",
    )
    _check(reading, group, fields)
    return group


def _network(reading: Reading, node: Node) -> Network:
    # `gateway NAME` is two words; its first says which network it is.
    if isinstance(node, Text) and node.value.split()[:1] == ["gateway"]:
        reading.problems.add(f"network {shown(node.value)} is {NOT_YET}", node.place, has_now(NETWORKS))
    else:
        reading.problems.one_of(node, "network", NETWORKS)
    return "ciot"


def _transport(reading: Reading, node: Node) -> Transport:
    return "udp" if reading.problems.one_of(node, "transport", TRANSPORTS) == "udp" else "coap"


def _blank(reading: Reading, node: Node | None) -> frozenset[str]:
    if node is None:
        return frozenset()
    problems = reading.problems
    mapping = problems.mapping(node, "identity", "{imsi: blank}")
    if mapping is None:
        return frozenset()
    fields = Fields(mapping, problems, "identity", IDENTITY_KEYS)
    blank: set[str] = set()
    for name in IDENTITIES:
        value = fields.get(name)
        if value is None:
            continue
        text = problems.word(value, name)
        if text is not None and text.value == "blank":
            blank.add(name)
        elif text is not None:
            problems.add(
                f"{name}: {shown(text.value)}: identities of one's own are {NOT_YET}",
                text.place,
                "write blank, or leave it out: devices get theirs from their group",
            )
    return frozenset(blank)


def _check(reading: Reading, group: Group, fields: Fields) -> None:
    """Combinations that cannot be."""
    problems = reading.problems
    if group.stack == "aiocoap" and group.transport == "udp":
        problems.add("stack: aiocoap speaks CoAP, and the transport is udp", fields.at("stack"), "use transport: coap")
    check_datagram(reading, group, group.payload, fields.at("payload"))


def check_datagram(reading: Reading, group: Group, carried: Payload | None, at: Place) -> None:
    """Plain UDP has no blocks: what does not fit into a datagram cannot be sent."""
    size = 0 if carried is None else max(carried.size_bytes, len(carried.content))
    if group.transport == "udp" and size > MAX_DATAGRAM_BYTES:
        reading.problems.add(
            f"{size} B do not fit into a datagram of {shown(group.name)}",
            at,
            f"plain UDP carries at most {MAX_DATAGRAM_BYTES} B; use transport: coap",
        )
