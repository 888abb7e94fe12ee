"""Every mutant can be inflicted and taken out again, and is killed by somebody: a built-in scenario, or one of these.
The stories of the mobile network are in `test_mutants_radius`, those of the Internet in `test_mutants_inet`.

Some of these are scenarios, killed by the check that each names; the others are stories told to the server itself,
which hold on a sound one and do not on its mutants.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from simulator import words
from simulator.errors import LocalError
from simulator.run.prove import prove_one
from simulator.scenario import find, load_all, loads
from simulator.server.app import ReferenceServer
from simulator.server.mutants import MUTANTS, inflict
from simulator.server.span.streams import Subscription

from .platforms import Bench, names
from .test_mutants_inet import SCENARIOS as INET_SCENARIOS
from .test_mutants_inet import STORIES as INET_STORIES
from .test_mutants_radius import STORIES as RADIUS_STORIES

ROOT = Path(__file__).parents[2]

# --- scenarios --------------------------------------------------------------------------------------------------------

MISMATCH = """
scenario: One of three devices is registered with another {kind}, and its refusal is told once
devices: {{meters: {{count: 3}}}}
steps:
  - {{update: meters.1, {key}: "{digits}", expect: [deviceUpdated]}}
  - attach: meters.1
    outcome: rejected
    expect: [{{{kind}Mismatch: {{expected{name}: "{digits}"}}}}]
    never: [ciotConnect]
    within: 2 s
  - attach: meters.1                         # it tries again at once, and is told of once a minute
    outcome: rejected
    never: [{kind}Mismatch]
    within: 2 s
  - {{update: meters.1, {key}: "", expect: [deviceUpdated]}}
  - {{attach: meters, expect: [ciotConnect]}}
expect:
  - {{each: meters.1, sees: {kind}Mismatch, times: 1}}
  - {{each: meters.1, sees: deviceUpdated, times: 2}}
mutants:
  {kind}Mismatch-missing: steps[1].expect[0]
  {kind}Mismatch-doubled: expect[0]
  {kind}Mismatch-late: steps[1].expect[0]
  {kind}Mismatch-of-another-device: steps[1].expect[0]
  {kind}Mismatch-in-another-collection: steps[1].expect[0]
  {kind}Mismatch-expects-what-came: steps[1].expect[0]
  {kind}Mismatch-accepted: steps[1].outcome
  mismatch-without-identities: event-shape
  mismatch-told-each-time: steps[2].never[0]
  mismatch-not-noticed: steps[1].outcome
  deviceUpdated-of-another-device: steps[0].expect[0]
"""

LIFE = """
scenario: Three devices live, move and go
collections: {north: {}, south: {}}
devices: {meters: {count: 3, registered: no, collection: north}}
steps:
  - {create: meters, expect: [deviceCreated]}
  - {attach: meters, expect: [ciotConnect]}
  - {upload: meters, expect: [clientConnected, upstreamMessage]}
  - {update: meters, tags: {site: cellar}, expect: [deviceUpdated]}
  - {send: meters, payload: {text: open}}
  - {upload: meters, expect: [upstreamMessage, downstreamMessage]}
  - {attach: meters, expect: [ciotConnect]}      # as after a loss of power: it never left
  - {send: meters, payload: {text: close}}
  - {move: meters, to: south, expect: [deviceMoved]}
  - {upload: meters, expect: [clientConnected, upstreamMessage, downstreamMessage]}
  - {upload: meters.1, payload: {text: alone}, expect: [upstreamMessage]}
  - {move: meters.1, to: north, expect: [deviceMoved]}
  - {remove: meters, expect: [deviceRemoved]}
mutants:
  ciotConnect-late: steps[1].expect[0]
  ciotConnect-of-another-device: steps[1].expect[0]
  ciotConnect-in-another-collection: right-collection
  ciotConnect-without-ip: event-shape
  clientConnected-doubled: connected-once
  clientConnected-of-another-device: connected-first
  clientConnected-in-another-collection: right-collection
  upstreamMessage-in-another-collection: right-collection
  downstreamMessage-late: steps[5].expect[1]
  downstreamMessage-in-another-collection: right-collection
  deviceCreated-doubled: act-once
  deviceCreated-late: steps[0].expect[0]
  deviceCreated-in-another-collection: right-collection
  deviceUpdated-late: steps[3].expect[0]
  deviceUpdated-of-another-device: act-once
  deviceUpdated-in-another-collection: right-collection
  deviceRemoved-doubled: [act-once, silent-after-removal]
  deviceRemoved-of-another-device: steps[12].expect[0]
  deviceRemoved-in-another-collection: [right-collection, gone-after-move]
  deviceMoved-doubled: act-once
  deviceMoved-late: steps[8].expect[0]
  deviceMoved-of-another-device: steps[8].expect[0]
  login-refused-while-in-session: steps[6].outcome
  moved-loses-messages: steps[9].expect[2]
"""

IDLE = """
scenario: A device is connected as long as it is not silent for an hour
devices: {meter: {transport: coap}, sensor: {transport: udp}}
steps:
  - {attach: [meter, sensor]}
  - {upload: [meter, sensor], expect: [clientConnected, upstreamMessage]}
  - wait: 10 min
  - {upload: [meter, sensor], expect: [upstreamMessage], never: [clientConnected], within: 2 s}
  - wait: 2 h
  - {upload: [meter, sensor], expect: [clientConnected, upstreamMessage]}
mutants:
  clientConnected-again-after-a-minute: steps[3].never[0]
  clientConnected-missing-after-idleness: steps[5].expect[0]
"""

PATHS = """
scenario: Only whole reserved paths are reserved, and only what has content is a message
devices: {meters: {count: 2}}
steps:
  - {attach: meters}
  - {upload: meters, payload: {hex: ""}, expect: [clientConnected], never: [upstreamMessage], within: 2 s}
  - {upload: meters, path: u, payload: 8 B, outcome: coap 4.04, never: [upstreamMessage], within: 2 s}
  - {upload: meters, path: upload, payload: 8 B, expect: [upstreamMessage]}
  - {upload: meters, payload: {text: the same}, times: 3, every: 1 s, expect: [upstreamMessage]}
mutants:
  empty-message-counted: steps[1].never[0]
  reserved-path-is-a-message: ["steps[2].outcome", "steps[2].never[0]"]
  path-that-begins-like-a-reserved-one-refused: steps[3].outcome
  upload-like-the-last-one-dropped: [upload-once, "steps[4].expect[0]"]
"""

TWINS = """
scenario: No two devices have the same SIM
devices: {meters: {count: 2}}
steps:
  - {update: meters.0, imsi: "999990000000042", expect: [deviceUpdated]}
  - {update: meters.1, imsi: "999990000000042", outcome: rejected, never: [deviceUpdated], within: 2 s}
mutants:
  identity-of-another-accepted: steps[1].outcome
"""

SCENARIOS = {
    "imsi": MISMATCH.format(kind="imsi", name="Imsi", key="imsi", digits="999990000000042"),
    "imei": MISMATCH.format(kind="imei", name="Imei", key="imei", digits="356938035643809"),
    "life": LIFE,
    "idle": IDLE,
    "paths": PATHS,
    "twins": TWINS,
}


@pytest.mark.parametrize("name", SCENARIOS)
def test_scenarios_kill_what_they_name(name):
    row = prove_one(name, loads(SCENARIOS[name], f"{name}.yaml"))
    assert row.sound.verdict == "pass", row.sound
    assert [(proof.mutant, proof.failed) for proof in row.proofs if proof.outcome != "killed"] == []
    assert row.proven


# --- stories told to the server itself --------------------------------------------------------------------------------


def tags_stay(bench: Bench) -> None:
    device = bench.device()
    assert bench.tags(device) == {"name": "meter 1"}
    bench.call("PATCH", device, {"tags": {"site": "cellar"}})
    assert bench.tags(device) == {"name": "meter 1", "site": "cellar"}
    bench.call("PATCH", device, {"collectionId": bench.south})
    assert bench.tags(device.replace(bench.north, bench.south)) == {"name": "meter 1", "site": "cellar"}


def deleted_messages_are_gone(bench: Bench) -> None:
    device = bench.device()
    ids = bench.send(device, "one", "two", "three", "four")
    assert bench.status("DELETE", f"{device}/outbox/{ids[2]}") == 200
    assert bench.polls() == [b"one", b"two", b"four"]


def tokens_open_what_they_say(bench: Bench) -> None:
    reads, north = bench.token("reads", write=False), bench.token("north", bench.north)
    here, there = f"/span/collections/{bench.north}", f"/span/collections/{bench.south}"
    assert bench.status("GET", here, token=reads) == 200
    assert bench.status("PATCH", here, {}, token=reads) == 403
    assert bench.status("PATCH", here, {}, token=north) == 200
    assert bench.status("GET", there, token=north) == 403
    assert bench.status("GET", here, token="nobody") == 401


def revoked_tokens_open_nothing(bench: Bench) -> None:
    token = bench.token("north", bench.north)
    stream = bench.stream(bench.north, token)
    bench.server.core.revoke(token)
    assert bench.status("GET", f"/span/collections/{bench.north}", token=token) == 401
    assert stream.closed is not None
    assert stream.closed.code == 1008


def streams_ask_who_reads(bench: Bench) -> None:
    assert isinstance(bench.stream(bench.north), Subscription)
    refusal = bench.stream(bench.north, "nobody")
    assert not isinstance(refusal, Subscription)
    assert refusal.status == 401


def streams_show_their_collection(bench: Bench) -> None:
    first, second, other = bench.stream(bench.north), bench.stream(bench.north), bench.stream(bench.south)
    bench.device()
    assert [names(stream) for stream in (first, second, other)] == [["deviceCreated", "ciotConnect"]] * 2 + [[]]


def every_message_is_told(bench: Bench) -> None:
    bench.device()
    stream = bench.stream(bench.north)
    told = 0
    for _ in range(10_000):
        assert bench.upload()
        told += names(stream).count("upstreamMessage")
    assert told == 10_000


def slow_readers_are_told(bench: Bench) -> None:
    slow, quick = bench.stream(bench.north), bench.stream(bench.north)
    bench.device(1)
    assert names(quick) == ["deviceCreated", "ciotConnect"]
    bench.device(2)
    assert names(quick) == ["deviceCreated", "ciotConnect"]
    assert slow.closed is None
    assert names(slow) == ["deviceCreated", "ciotConnect", "dropped"]


def a_restart_loses_nothing(bench: Bench) -> None:
    device = bench.device()
    bench.send(device, "first")
    assert bench.polls() == [b"first"]
    used = bench.send(device, "second")
    token, gone = bench.token("issued"), bench.token("revoked")
    bench.server.core.revoke(gone)
    assert bench.upload()
    before = bench.call("GET", device), bench.call("GET", device + "/inbox")
    bench.restart()
    stream = bench.stream(bench.north)
    assert (bench.call("GET", device), bench.call("GET", device + "/inbox")) == before
    assert bench.status("GET", device, token=token) == 200
    assert bench.status("GET", device, token=gone) == 401
    assert bench.upload()
    assert bench.send(device, "third")[0] not in used
    assert bench.polls() == [b"third"]
    assert names(stream) == ["upstreamMessage", "downstreamMessage"]


def what_waits_survives_a_restart(bench: Bench) -> None:
    device = bench.device()
    used = bench.send(device, "one", "two")
    bench.restart()
    used += bench.send(device, "three")
    assert len(set(used)) == 3
    assert bench.polls() == [b"one", b"two", b"three"]


STORIES: dict[Callable[[Bench], None], tuple[str, ...]] = {
    tags_stay: ("created-without-tags", "update-loses-tags", "moved-loses-tags", "device-shown-as-it-was"),
    deleted_messages_are_gone: (
        "deleted-message-still-delivered",
        "deleting-moves-the-oldest-behind",
        "deleting-one-deletes-all",
    ),
    tokens_open_what_they_say: (
        "read-only-token-may-write",
        "token-of-another-collection-accepted",
        "token-of-the-collection-may-not-write",
        "unknown-token-accepted",
    ),
    revoked_tokens_open_nothing: ("revoked-token-still-works", "revoked-token-goes-on-reading"),
    streams_ask_who_reads: ("stream-open-to-anybody",),
    streams_show_their_collection: ("stream-shows-every-collection", "stream-shows-its-first-reader-only"),
    every_message_is_told: ("upstreamMessage-one-in-10000-lost",),
    slow_readers_are_told: (
        "dropped-events-not-told",
        "slow-reader-silences-the-others",
        "slow-reader-is-cut-off",
    ),
    a_restart_loses_nothing: (
        "restart-loses-devices",
        "restart-delivers-again",
        "restart-loses-logins",
        "restart-connects-anew",
        "restart-loses-histories",
        "restart-loses-tags",
        "restart-loses-tokens",
        "restart-goes-back",
        "restart-knows-revoked-tokens",
    ),
    what_waits_survives_a_restart: ("restart-loses-queued-messages", "restart-uses-message-ids-again"),
}
"""A story → the mutants under which it is not true."""


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_stories_are_true_of_a_sound_server(story):
    story(Bench())


@pytest.mark.parametrize(
    ("story", "mutant"),
    [pytest.param(story, mutant, id=mutant) for story, mutants in STORIES.items() for mutant in mutants],
)
def test_stories_are_not_true_of_a_mutant(story, mutant):
    bench = Bench()
    undo = inflict(bench.server, mutant)
    with pytest.raises((AssertionError, msgspec.DecodeError)):
        story(bench)
    undo()


# --- the table --------------------------------------------------------------------------------------------------------


def test_every_mutant_is_killed_by_somebody():
    scenarios = [scenario for path in find([ROOT / "scenarios"]) for scenario in load_all(path)]
    built_in = {mutant for scenario in scenarios for mutant, _ in scenario.mutants}
    texts = (*SCENARIOS.values(), *INET_SCENARIOS.values())
    here = {mutant for text in texts for mutant, _ in loads(text).mutants}
    told = {mutant for mutants in STORIES.values() for mutant in mutants}
    further = (*RADIUS_STORIES.values(), *INET_STORIES.values())
    told |= {mutant for mutants in further for mutant in mutants}
    assert set(MUTANTS) - built_in - here - told == set()
    assert len(MUTANTS) >= 30


def test_the_words_and_the_defects_are_the_same():
    from simulator.server.mutants import _DEFECTS

    assert set(words.MUTANTS) == set(_DEFECTS) == set(MUTANTS)
    source = re.compile(r"(span|mobile-network|scenarios|RFC \d{4}) §\d")
    assert [mutant.name for mutant in MUTANTS.values() if not mutant.help or not source.match(mutant.breaks)] == []


def test_a_mutant_that_is_none_is_refused_with_the_nearest():
    with pytest.raises(LocalError, match=r"no mutant 'outbox-newest' \(did you mean 'outbox-newest-first'\?\)"):
        inflict(Bench().server, "outbox-newest")


# --- undoing ----------------------------------------------------------------------------------------------------------


def parts(server: ReferenceServer) -> list[Any]:
    core, layer, radius = server.core, server.coap._layer, server.radius
    return [server, server.api, server.udp, server.coap, layer, radius, radius.authentication, radius.accounting,
            radius.duplicates, radius.disconnects, core, core.activity, core.registry, core.network,
            core.network.addresses, core.radius, core.tokens, core.histories, core.certificates, core.inet, core.blobs,
            server.coaps, server.coaps._layer, server.blobs, server.dtls.sessions, server.coaps.sessions]  # fmt: skip


def everything(server: ReferenceServer) -> list[Any]:
    """What each part holds, by identity where it is no plain value."""
    requests = server.coap._layer._requests
    held = [sorted(vars(part).items()) for part in parts(server)]
    routes = [server.api._router.find(path).methods for path in ROUTES]
    return [*held, [(name, getattr(requests, name)) for name in type(requests).__slots__], *map(dict, routes)]


ROUTES = (
    "/span/collections/1/devices",
    "/span/collections/1/devices/1",
    "/span/collections/1/devices/1/outbox",
    "/span/collections/1/devices/1/outbox/1",
)


@pytest.mark.parametrize("mutant", MUTANTS)
def test_undoing_leaves_the_server_as_it_was(mutant):
    bench = Bench()
    device = bench.device()
    bench.send(device, "waiting")
    before = everything(bench.server)
    undo = inflict(bench.server, mutant)
    assert everything(bench.server) != before
    undo()
    assert everything(bench.server) == before
    undo()
    assert everything(bench.server) == before


@pytest.mark.parametrize("newest_first", [True, False])
def test_many_at_once_may_be_undone_in_any_order(newest_first):
    bench = Bench()
    undoing = [inflict(bench.server, mutant) for mutant in MUTANTS]
    for undo in reversed(undoing) if newest_first else undoing:
        undo()
    for story in STORIES:
        fresh = Bench()
        for undo in [inflict(fresh.server, mutant) for mutant in MUTANTS][:: -1 if newest_first else 1]:
            undo()
        story(fresh)


def test_two_that_touch_the_same_are_both_there():
    bench = Bench()
    stream = bench.stream(bench.north)
    undo_doubled = inflict(bench.server, "deviceCreated-doubled")
    undo_missing = inflict(bench.server, "ciotConnect-missing")
    bench.device(1)
    assert names(stream) == ["deviceCreated", "deviceCreated"]
    undo_doubled()
    bench.device(2)
    assert names(stream) == ["deviceCreated"]
    undo_missing()
    bench.device(3)
    assert names(stream) == ["deviceCreated", "ciotConnect"]
