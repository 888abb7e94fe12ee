"""What must hold of every run of a platform: the register of invariants, each with a source and a switch.

An invariant is a machine like an expectation, with one check. To switch one off, hand its name to the judge.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final

from simulator.assertions.blobs import BlobOnce
from simulator.assertions.causes import ActOnce
from simulator.assertions.chains import CreatedFirst, FirmwareChain, SessionEnds, TimeForward
from simulator.assertions.connected import ConnectedFirst, ConnectedOnce
from simulator.assertions.docket import Check, Docket
from simulator.assertions.downstream import Downstream, OldestFirst
from simulator.assertions.handshakes import Handshakes
from simulator.assertions.logins_told import LoginsTold
from simulator.assertions.machine import Machine
from simulator.assertions.mismatches import MismatchOnce, RealMismatch
from simulator.assertions.network import FitsNetwork
from simulator.assertions.own_address import OwnAddress
from simulator.assertions.places import Moved, MovedBetween, Owners, RightCollection, Silent
from simulator.assertions.received import ReceivedShown
from simulator.assertions.session_ended import SessionEnded
from simulator.assertions.session_kept import SessionKept
from simulator.assertions.sessions import InSession
from simulator.assertions.shapes import Shapes
from simulator.assertions.streams import SameForAll, StreamComplete
from simulator.assertions.uploads import Uploads
from simulator.assertions.world import World

Make = Callable[[Docket, Check, World], Machine]


@dataclass(frozen=True, slots=True)
class Invariant:
    """One of them."""

    name: str
    words: str
    """What must be, to stand behind a subject: `meters.3 …`."""
    source: str
    make: Make


INVARIANTS: Final[tuple[Invariant, ...]] = (
    Invariant(
        "upload-once",
        "shows every answered upload exactly once, with its size and transport, and none that was not sent in session",
        "span §3.4, §4.3",
        Uploads,
    ),
    Invariant(
        "connected-first",
        "shows clientConnected before the first message after a ciotConnect, and over the Internet before any",
        "span §3.4",
        ConnectedFirst,
    ),
    Invariant(
        "connected-once",
        "shows clientConnected once after each ciotConnect, until it is idle",
        "span §3.4",
        ConnectedOnce,
    ),
    Invariant(
        "handshake-told",
        "shows clientConnected once for each DTLS handshake that it has made, and for none that was refused",
        "span §3.4, §8.3",
        Handshakes,
    ),
    Invariant(
        "session-kept",
        "shows clientDisconnected only for a session that was closed, replaced, removed or silent for too long",
        "span §3.4",
        SessionKept,
    ),
    Invariant(
        "session-ended",
        "shows clientDisconnected for a session that its device has closed, or that was silent for too long",
        "span §3.4",
        SessionEnded,
    ),
    Invariant(
        "in-session",
        "shows clientConnected only while it is in session, and only when it has sent something",
        "span §3.4, §4.3",
        InSession,
    ),
    Invariant(
        "fits-network",
        "shows nothing that does not go with its network: an end of a session, a gateway, a certificate",
        "span §3.4",
        FitsNetwork,
    ),
    Invariant(
        "own-address",
        "shows logins and refusals with its own numbers, and an address that is no other device's",
        "span §3.4, mobile-network §1.10",
        OwnAddress,
    ),
    Invariant(
        "act-once",
        "shows one event for each attach, create, update, remove and move that was accepted, and none without",
        "span §3.4",
        ActOnce,
    ),
    Invariant(
        "mismatch-once",
        "shows at most one imeiMismatch and one imsiMismatch for each login that was not accepted",
        "span §3.4, mobile-network §3.2",
        MismatchOnce,
    ),
    Invariant(
        "login-told",
        "shows as many logins and refusals as the server has counted, and as devices can have made",
        "mobile-network §3.2, §3.3",
        LoginsTold,
    ),
    Invariant(
        "blob-once",
        "shows every blob that was taken exactly once, with its size and type, and none that was refused",
        "span §3.4, §4.6",
        BlobOnce,
    ),
    Invariant(
        "downstream-queued",
        "is handed a downstream message only when it asks, after it was queued, once, and not once it was withdrawn",
        "span §4.4",
        Downstream,
    ),
    Invariant(
        "downstream-oldest-first",
        "is handed its downstream messages in the order in which they were queued",
        "span §4.2, §4.4",
        OldestFirst,
    ),
    Invariant(
        "received-shown",
        "shows a downstreamMessage for each payload that its device received, with its size",
        "span §3.4, §4.4",
        ReceivedShown,
    ),
    Invariant("known-owner", "is one of the devices and gateways of this run", "span §3.3", Owners),
    Invariant("silent-after-removal", "shows nothing after its deviceRemoved", "span §3.4", Silent),
    Invariant("gone-after-move", "shows nothing in a collection that it has left", "span §3.4", Moved),
    Invariant("right-collection", "shows only in the collection where it was put", "span §3.3, §3.4", RightCollection),
    Invariant(
        "moved-between",
        "shows deviceMoved from where it was to where it was moved, and only in those two",
        "span §3.4",
        MovedBetween,
    ),
    Invariant("created-first", "shows nothing before its deviceCreated", "span §3.4", CreatedFirst),
    Invariant(
        "mismatch-real",
        "shows a mismatch only where what was seen differs from what was expected",
        "span §3.4, mobile-network §3.2",
        RealMismatch,
    ),
    Invariant(
        "session-ends-once",
        "shows no more clientDisconnected than clientConnected",
        "span §3.4",
        SessionEnds,
    ),
    Invariant(
        "firmware-chain",
        "shows a firmwareStateChange from the state that the last one ended in",
        "span §3.4, §5.4",
        FirmwareChain,
    ),
    Invariant(
        "time-forward",
        "shows events whose own times never go back by more than their resolution of a second",
        "span §1.3, §3.4",
        TimeForward,
    ),
    Invariant(
        "same-for-all",
        "shows the same events in the same order to all who read its collection",
        "span §3.2, §3.4",
        SameForAll,
    ),
    Invariant(
        "stream-complete",
        "shows every reader all its events, but for as many as the platform says that it dropped",
        "span §3.2",
        StreamComplete,
    ),
    Invariant("event-shape", "has the fields and values that belong to its events", "span §3.3, §3.4", Shapes),
)


def machines(docket: Docket, world: World, without: Collection[str]) -> list[Machine]:
    """Those that are switched on, made ready."""
    off = frozenset(without)
    made: list[Machine] = [world.logins]  # before all who ask it
    for invariant in INVARIANTS:
        if invariant.name not in off:
            check = docket.check(f"invariant.{invariant.name}", "invariant", world.scenario.place, invariant.words)
            made.append(invariant.make(docket, check, world))
    return made
