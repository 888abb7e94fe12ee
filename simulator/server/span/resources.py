"""What handlers look up: what a path names, and whether it may be changed or moved."""

from __future__ import annotations

from simulator.server.span.bodies import read_id
from simulator.server.span.errors import Refusal
from simulator.server.span.model import Collection, Device, Gateway
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
    return find_device(collection(call), call.path["device"])


def find_device(where: Collection, name: str) -> Device:
    """A device of a collection by its id. Raises: Refusal 400, 404."""
    found = where.devices.get(read_id(name, "device"))
    if found is None:
        raise Refusal(404, "Unknown device")
    return found


def gateway(call: Call) -> Gateway:
    """A customer's gateway of the collection that the path names. Raises: Refusal 400, 404."""
    return find_gateway(collection(call), call.path["gateway"])


def find_gateway(where: Collection, name: str) -> Gateway:
    """A customer's gateway of a collection by its id. Raises: Refusal 400, 404."""
    found = where.gateways.get(read_id(name, "gateway"))
    if found is None:
        raise Refusal(404, "Unknown gateway")
    return found


def move_target(call: Call, present: Collection, name: str | None) -> Collection | None:
    """Where a move from `present` goes; None: it stays. Raises: Refusal 400, 403, 404, 409."""
    if not name:
        return None
    to = find_collection(call, name)
    if to is present:
        return None
    # The token has to cover both ends of a move.
    if call.token is not None and not call.token.covers(f"/collections/{to.id}"):
        raise Refusal(403, "The API token does not cover the collection to move to")
    changeable(to)
    return to


def changeable(it: Collection) -> None:
    """A disabled collection is read-only (span §1.4). Raises: Refusal 409."""
    if not it.enabled:
        raise Refusal(409, "Collection is disabled, hence read-only: enable it first")
