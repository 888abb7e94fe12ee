"""`path:` of an upload, a poll or a blob → where at the platform it goes (RFC 7252 §6.1, span §4.6)."""

from __future__ import annotations

from simulator.scenario.nodes import Text
from simulator.scenario.problems import Fields
from simulator.scenario.reading import Reading
from simulator.scenario.show import shown

MAX_PATH_SEGMENT_BYTES = 255
"""RFC 7252 §5.10.1: a Uri-Path option has 0 to 255 bytes."""
MAX_PATH_BYTES = 1024

DEFAULT_PATH = "data"


def path(reading: Reading, fields: Fields, default: str = DEFAULT_PATH) -> str:
    """Without slashes around it; "" is the root."""
    node = fields.get("path")
    if node is None:
        return default
    if not isinstance(node, Text):
        reading.problems.add("path must be a word", node.place, "write it as data/on/server")
        return default
    found = node.value.strip("/")
    encoded = found.encode()
    longest = max(len(segment) for segment in encoded.split(b"/"))
    if longest > MAX_PATH_SEGMENT_BYTES or len(encoded) > MAX_PATH_BYTES:
        reading.problems.add(
            f"path {shown(found)} is too long",
            node.place,
            f"at most {MAX_PATH_SEGMENT_BYTES} bytes between slashes, {MAX_PATH_BYTES} in all",
        )
    return found
