"""`tokens:` and `observers:` → who may ask the platform, and who else listens to it (scenarios §2, span §2.1)."""

from __future__ import annotations

from collections.abc import Iterable

from simulator.scenario.groups import collection_named, is_name
from simulator.scenario.model import Listener, Token
from simulator.scenario.nodes import Items, Mapping, Node, Text
from simulator.scenario.problems import Fields
from simulator.scenario.quantities import quantity
from simulator.scenario.reading import Reading
from simulator.scenario.show import a_or_an, meant, plain, shown
from simulator.words import OBSERVER_KEYS, TOKEN_KEYS

MAX_TOKENS = 100
MAX_OBSERVERS = 100


def tokens(reading: Reading, node: Node | None) -> tuple[Token, ...]:
    """The tokens of a file; entered into `reading`, also those that are flawed."""
    mapping = _declared(reading, node, "tokens", "{reader: {write: no}}", MAX_TOKENS)
    if mapping is None:
        reading.tokens_unread = node is not None
        return ()
    for key, value in mapping.entries:
        if is_name(reading, key, "token"):
            reading.tokens[key.value] = _token(reading, key, value)
    return tuple(reading.tokens.values())


def observers(reading: Reading, node: Node | None) -> tuple[Listener, ...]:
    """The observers of a file, whose tokens have been read; entered into `reading`, also those that are flawed."""
    mapping = _declared(reading, node, "observers", "{slow: {reads: 10/s}}", MAX_OBSERVERS)
    if mapping is None:
        reading.observers_unread = node is not None
        return ()
    for key, value in mapping.entries:
        if not is_name(reading, key, "observer"):
            continue
        reading.observers[key.value] = _observer(reading, key, value)
    return tuple(reading.observers.values())


def token_named(reading: Reading, node: Node) -> str:
    """The token that a node names; "" (and noted) if there is none."""
    return _named(reading, node, "token", reading.tokens, reading.tokens_unread)


def observer_named(reading: Reading, node: Node) -> str:
    """The observer that a node names; "" (and noted) if there is none."""
    return _named(reading, node, "observer", reading.observers, reading.observers_unread)


def names_of(reading: Reading, node: Node, verb: str, what: str) -> tuple[str, ...]:
    """One token or observer (`what`) or a list of them, for a verb; none of them twice."""
    if isinstance(node, Items) and not node.items:
        reading.problems.add(f"{verb}: an empty list names nobody", node.place, f"name {a_or_an(what)}")
    found: dict[str, None] = {}
    for item in node.items if isinstance(node, Items) else (node,):
        name = token_named(reading, item) if what == "token" else observer_named(reading, item)
        if name in found:
            reading.problems.add(f"{shown(name)} is named twice", item.place, "remove one of them")
        if name:
            found[name] = None
    return tuple(found)


def _declared(reading: Reading, node: Node | None, what: str, example: str, most: int) -> Mapping | None:
    mapping = None if node is None else reading.problems.mapping(node, what, example)
    if mapping is not None and len(mapping.entries) > most:
        reading.problems.add(f"{len(mapping.entries)} {what}", mapping.place, f"a scenario has at most {most}")
        return None
    return mapping


def _token(reading: Reading, key: Text, node: Node) -> Token:
    problems, name = reading.problems, key.value
    _check_free(reading, key)
    nothing = isinstance(node, Text) and node.missing
    mapping = None if nothing else problems.mapping(node, f"token {name}", f"{name}: {{write: no}}")
    if mapping is None:
        return Token(name=name, place=key.place)
    fields = Fields(mapping, problems, f"token {name}", TOKEN_KEYS)
    covers, write, known = (fields.get(word) for word in ("collection", "write", "known"))
    return Token(
        name=name,
        place=key.place,
        collection=None if covers is None else collection_named(reading, covers, "collection"),
        write=write is None or problems.yes_or_no(write, "write") is not False,
        known=known is None or problems.yes_or_no(known, "known") is not False,
    )


def _observer(reading: Reading, key: Text, node: Node) -> Listener:
    problems, name = reading.problems, key.value
    _check_free(reading, key)
    nothing = isinstance(node, Text) and node.missing
    mapping = None if nothing else problems.mapping(node, f"observer {name}", f"{name}: {{reads: 10/s}}")
    if mapping is None:
        return Listener(name=name, place=key.place)
    fields = Fields(mapping, problems, f"observer {name}", OBSERVER_KEYS)
    of, shows, reads = (fields.get(word) for word in ("collection", "token", "reads"))
    return Listener(
        name=name,
        place=key.place,
        collection="" if of is None else collection_named(reading, of, "collection") or "",
        token="" if shows is None else token_named(reading, shows),
        reads_per_s=None if reads is None else quantity(problems, reads, "reads", "frequency", zero=False),
    )


def _check_free(reading: Reading, key: Text) -> None:
    """What tokens and observers do is recorded under their names, which must tell them from devices."""
    if key.value in reading.groups:
        reading.problems.add(f"{shown(key.value)} is a group too", key.place, "choose another name")


def _named(reading: Reading, node: Node, what: str, known: Iterable[str], unread: bool) -> str:
    text = reading.problems.word(node, what)
    if text is None or unread:
        return ""
    names = tuple(known)
    if text.value in names:
        return text.value
    hint = meant(text.value, names) or f"declare it: {what}s: {{{plain(text.value)}: }}"
    reading.problems.add(f"no {what} {shown(text.value)}", text.place, hint)
    return ""
