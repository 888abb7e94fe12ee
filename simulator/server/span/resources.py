"""What handlers look up: the collection and the device that a path names, and whether they may be changed."""

from __future__ import annotations

from simulator.server.span.bodies import read_id
from simulator.server.span.errors import Refusal
from simulator.server.span.model import Collection, Device
from simulator.server.span.router import Call


def collection(call: Call) -> Collection:
    """Raises: Refusal 400: no id, 404: no such collection."""
    return find_collection(call, call.path["collection"])


def find_collection(call: Call, name: str) -> Collection:
    """A collection by its id. Raises: Refusal 400, 404."""
    found = call.core.registry.collections.get(read_id(name, "collection"))
    if found is None:
        raise Refusal(404, "Unknown collection")
    return found


def device(call: Call) -> Device:
    """A device of the collection that the path names. Raises: Refusal 400, 404."""
    owner = collection(call)
    found = owner.devices.get(read_id(call.path["device"], "device"))
    if found is None:
        raise Refusal(404, "Unknown device")
    return found


def changeable(it: Collection) -> None:
    """A disabled collection is read-only (span §1.4). Raises: Refusal 409."""
    if not it.enabled:
        raise Refusal(409, "Collection is disabled, hence read-only: enable it first")
