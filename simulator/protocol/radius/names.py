"""Attributes by name, for people: pyrad's dictionary, read once and only when somebody asks.

The file `dictionary` beside this module has the names. Packets are made and read by numbers (`packet`); names are for
tests, for a look at what came, and for foreign tools, which read the same file.
"""

from __future__ import annotations

import struct
from functools import cache
from importlib.resources import files

from pyrad.dictionary import Dictionary  # type: ignore[import-untyped]
from pyrad.packet import Packet as PyradPacket  # type: ignore[import-untyped]

from simulator.protocol.radius.numbers import CHAP_PASSWORD, MESSAGE_AUTHENTICATOR, USER_PASSWORD, Key
from simulator.protocol.radius.packet import Packet

_HIDDEN = frozenset({USER_PASSWORD, CHAP_PASSWORD, MESSAGE_AUTHENTICATOR})


@cache
def dictionary() -> Dictionary:
    """pyrad's dictionary of the attributes that a mobile network uses."""
    with files(__package__).joinpath("dictionary").open(encoding="utf-8") as file:
        return Dictionary(file)


def name_of(key: Key) -> str:
    """The name of an attribute; its number if nobody has named it: "240", "10415/99"."""
    index = dictionary().attrindex
    if index.HasBackward(key):
        return str(index.GetBackward(key))
    return "/".join(map(str, key)) if isinstance(key, tuple) else str(key)


def describe(packet: Packet) -> list[tuple[str, str]]:
    """Names and readable values of the attributes of a packet, in their order; passwords and signatures hidden."""
    reader = PyradPacket(packet.code, packet.id, dict=dictionary())
    found = []
    for key, values in packet.attributes.items():
        name = name_of(key)
        for value in values:
            found.append((name, "…" if key in _HIDDEN else _readable(reader, name, key, value)))
    return found


def _readable(reader: PyradPacket, name: str, key: Key, value: bytes) -> str:
    reader[key] = [value]
    try:
        (said,) = reader[name]
    except (KeyError, ValueError, struct.error):  # not in the dictionary, or not what the dictionary says
        said = value
    return said.hex() if isinstance(said, bytes) else str(said)
