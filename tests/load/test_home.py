"""A block on the platform: created, heard, taken over, removed; and what a platform is like, found out from greenlets.

The platform is `simulator serve` in a process of its own, for its front needs an asyncio loop.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import gevent
import pytest
from gevent.event import Event
from gevent.server import StreamServer

from simulator.clock import WallClock
from simulator.errors import Place, TargetError, UsageError
from simulator.identity import numbers
from simulator.load.blocks import Block
from simulator.load.options import LoadOptions
from simulator.load.parallel import in_parallel
from simulator.load.platform import Platform
from simulator.scenario.model import CertificateSpec, Group
from simulator.wire.address import address
from simulator.wire.drivers.green import immediately

pytestmark = pytest.mark.real

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 10.0
TOKEN = "mortal-secret"
METERS = Group(name="meters", place=Place("test"), count=20, tags=(("site", "cellar"),))
BOXES = Group(name="boxes", place=Place("test"), count=5, network="inet", transport="coaps")
PORTS = ("api", "udp", "coap", "radius", "accounting", "dtls", "coaps", "https", "blob")


@pytest.fixture(scope="module")
def url():
    """Of a reference server."""
    options = [part for name in PORTS for part in (f"--{name}-port", "0")]
    command = [sys.executable, "-m", "simulator", "serve", "--quiet", "--token", TOKEN, *options]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            table = {}
            while "read-only" not in table:
                what, _, where = process.stdout.readline().partition(" ")
                table[what] = where.strip()
            yield table["API"].removesuffix("/span")
        finally:
            process.terminate()


class Listener:
    def __init__(self):
        self.events, self.gaps, self.errors, self.told = [], [], [], Event()

    def messages(self, messages, rx_s):
        self.events += [json.loads(message) for message in messages]
        self.told.set()

    def gap(self, from_s, to_s, why):
        self.gaps.append(why)
        self.told.set()

    def failed(self, error):
        self.errors.append(error)
        self.told.set()

    def wait(self, condition):
        while not condition():
            self.told.clear()
            self.told.wait()


@pytest.fixture
def platform(url):
    """The server, without any collection when a test is over."""
    with gevent.Timeout(PATIENCE_S):
        reached = Platform.reach(LoadOptions(target=url, token=TOKEN), WallClock())
        homes = []
        whole, reached.open = reached.open, lambda *told: homes.append(whole(*told)) or homes[-1]
        yield reached
        for home in homes:
            assert home.remove(5.0) == []
            home.close()
        assert immediately(reached.api.collections()) == [], "a test has left something"
        reached.close()


def block(group=METERS, first=0, count=None, collection=""):
    return Block(group=group, first=first, count=count or group.count, collection=collection, name="Users")


def documents(platform, home):
    _, answer = platform.caller.ask("GET", f"/span/collections/{home.collection}/devices", None)
    return {each["tags"]["name"]: each for each in json.loads(answer)["devices"]}


# --- the platform -----------------------------------------------------------------------------------------------------


def test_what_it_can_do_is_found_out(platform, url):
    assert platform.has_api
    assert {"login", "inet", "validity"} <= platform.capabilities
    assert all((platform.coap, platform.udp, platform.dtls, platform.coaps))
    assert platform.radius is not None
    assert (platform.alive(), platform.name) == ("", url)
    assert TOKEN not in repr(platform) + repr(platform.caller) + repr(vars(platform).get("_options"))


def test_what_the_user_says_counts_more(url):
    options = LoadOptions(target=url, token=TOKEN, coap=address("127.0.0.9", 7), udp=0)
    platform = Platform.reach(options, WallClock())
    assert (platform.coap, platform.udp) == (address("127.0.0.9", 7), 0)
    assert platform.coaps
    platform.close()


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        (LoadOptions(), UsageError, "no platform is known"),
        (LoadOptions(bare=True), UsageError, "--coap or --udp"),
        (LoadOptions(target="http://127.0.0.1:9", token="two\nlines"), UsageError, "no token has"),
        (LoadOptions(target="http://127.0.0.1:9", token="x"), TargetError, "no connection"),
    ],
)
def test_a_platform_that_cannot_be_reached_is_told(options, error, words):
    with pytest.raises(error, match=words):
        Platform.reach(options, WallClock())


def test_a_token_that_nobody_knows_is_told(url):
    with pytest.raises(TargetError, match="401") as caught:
        Platform.reach(LoadOptions(target=url, token="of a stranger"), WallClock())
    assert "of a stranger" not in str(caught.value)


def test_devices_are_not_sent_to_another_machine_unless_the_user_says_so():
    def serve(sock, _peer):
        while request := sock.recv(65536):
            door = b"/simulator/endpoints" in request
            body = b'{"coap":"192.0.2.1:5683","udp":""}' if door else b'{"version":"1"}'
            sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

    server = StreamServer(("127.0.0.1", 0), serve)
    server.start()
    try:
        options = LoadOptions(target=f"http://127.0.0.1:{server.server_port}", token="x")
        with pytest.raises(TargetError, match=r"to another machine, 192\.0\.2\.1; if it may, say --coap"):
            Platform.reach(options, WallClock())
    finally:
        server.stop(0)


def test_without_a_platform_nobody_is_asked():
    platform = Platform.reach(LoadOptions(bare=True, coap=address("127.0.0.1", 9)), WallClock())
    assert (platform.has_api, platform.coap, platform.udp, platform.radius) == (False, address("127.0.0.1", 9), 0, None)
    assert platform.alive() == ""
    platform.close()


def test_whoever_does_not_answer_is_not_asked_again_at_once():
    asked = []

    def serve(sock, _peer):
        while sock.recv(65536):
            asked.append(1)
            body = b'{"version":"1"}'
            status = 503 if len(asked) > 4 else 404 if len(asked) > 1 else 200
            sock.sendall(b"HTTP/1.1 %d x\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body))

    server = StreamServer(("127.0.0.1", 0), serve)
    server.start()
    said = address("127.0.0.1", 9)
    options = LoadOptions(
        target=f"http://127.0.0.1:{server.server_port}", token="x", coap=said, udp=said, dtls=said, coaps=said
    )
    platform = Platform.reach(options, WallClock())
    before = len(asked)
    together = [gevent.spawn(platform.alive) for _ in range(3)]
    gevent.joinall(together)
    assert [each.value for each in together] == ["the platform answers 503"] * 3
    assert len(asked) == before + 1
    platform.close()
    server.stop(0)


# --- a block's home ---------------------------------------------------------------------------------------------------


def test_devices_are_created_as_their_group_says_and_heard_of(platform):
    listener = Listener()
    home = platform.open(block(first=100), listener)
    home.create(range(100, 103))
    assert sorted(home.ids.values()) == [100, 101, 102]
    home.create(range(100, 120))
    home.create(range(100, 120))
    assert sorted(home.ids.values()) == list(range(100, 120))
    listener.wait(lambda: len(listener.events) == 20)
    assert {each["event"] for each in listener.events} == {"deviceCreated"}
    assert {each["deviceId"] for each in listener.events} == set(home.ids)
    there = documents(platform, home)
    assert set(there) == {f"meters.{number}" for number in range(100, 120)}
    one = there["meters.117"]
    assert home.ids[one["deviceId"]] == 117
    assert one["tags"] == {"name": "meters.117", "site": "cellar"}
    assert (one["config"]["ciot"]["imsi"], one["config"]["ciot"]["imei"]) == (numbers.imsi(117), numbers.imei(117))
    home.tell_gap()
    assert (listener.gaps, listener.errors) == ([], [])
    assert home.remove(5.0) == []
    assert (home.remove(5.0), home.collection) == ([], "")


def test_its_name_is_what_a_block_is_known_by(platform):
    home = platform.open(block(replace(METERS, tags=(("name", "another"),))), Listener())
    home.create([3])
    assert list(documents(platform, home)) == ["meters.3"]


@pytest.mark.parametrize("kind", ["own", "gateway", "foreign", "none", "expired"])
def test_internet_devices_get_their_certificates(platform, kind):
    issued = {}
    group = replace(BOXES, certificate=CertificateSpec(kind=kind))
    # With all connections open nobody is ahead of the others.
    in_parallel(range(8), lambda _: immediately(platform.api.version()), 8)
    home = platform.open(block(group), Listener())
    home.create(range(5), lambda name, kind, credentials: issued.update({name: (kind, credentials)}))
    assert set(issued) == {f"boxes.{number}" for number in range(5)}
    assert {kind for kind, _ in issued.values()} == {kind}
    made = [credentials.certificate for _, credentials in issued.values()]
    assert len(set(made)) == (1 if kind in ("foreign", "none") else 5)
    assert all(credentials.chain.count(b"BEGIN CERTIFICATE") == 2 for _, credentials in issued.values())


def test_who_takes_a_block_over_finds_its_devices_and_gets_new_certificates(platform):
    dead = platform.open(block(BOXES), Listener())
    dead.create(range(3), lambda *_: None)
    dead.close()
    issued, listener = [], Listener()
    heir = platform.open(block(BOXES, collection=dead.collection), listener)
    assert heir.ids == dead.ids
    heir.create(range(5), lambda name, *_: issued.append(name))
    assert sorted(issued) == [f"boxes.{number}" for number in range(5)]
    assert sorted(heir.ids.values()) == list(range(5))
    assert len(documents(platform, heir)) == 5
    heir.create(range(5), lambda name, *_: issued.append(name))
    assert len(issued) == 5


def test_a_device_that_is_ours_already_is_taken_as_it_is(platform):
    """The answer to its creation was lost, or it came when its worker was dead."""
    one, other = platform.open(block(), Listener()), None
    other = platform.open(block(collection=one.collection), Listener())
    one.create([7, 8])
    other.create([7, 8, 9])
    assert sorted(other.ids.values()) == [7, 8, 9]


def test_identities_that_others_have_are_told_with_who_has_them(platform):
    others, mine = platform.open(block(), Listener()), platform.open(block(), Listener())
    others.create([4])
    with pytest.raises(TargetError) as caught:
        mine.create([4, 5])
    words = str(caught.value)
    assert words.startswith("the platform refused to create meters.4: 409 ")
    assert f"collection {others.collection} has its identities: another test or run is using this platform" in words


def test_devices_that_shall_be_unknown_are_not_created(platform):
    home = platform.open(block(replace(METERS, registered=False)), Listener())
    home.create(range(5))
    assert (home.ids, documents(platform, home)) == ({}, {})


def test_removing_takes_also_what_others_have_left(platform):
    home = platform.open(block(replace(BOXES, certificate=CertificateSpec(kind="gateway"))), Listener())
    home.create(range(2), lambda *_: None)
    stranger = immediately(platform.api.create_device(home.collection, "", "", {"name": "left"}))
    gone = next(iter(home.ids))
    immediately(platform.api.delete_device(home.collection, gone))
    collection = home.collection
    assert stranger not in home.ids
    assert home.remove(5.0) == []
    assert collection not in immediately(platform.api.collections())


def test_what_somebody_else_removes_meanwhile_is_removed(platform, monkeypatch):
    home = platform.open(block(), Listener())
    home.create(range(2))
    listed = [*home.ids, "17dh0cf43jfgl8"]

    async def devices(collection):
        return listed

    with monkeypatch.context() as patched:
        patched.setattr(platform.api, "devices", devices)
        assert home.remove(5.0) == []


def test_a_collection_that_is_gone_cannot_be_taken_over(platform):
    with pytest.raises(TargetError, match="404"):
        platform.open(block(collection="17dh0cf43jfgl8"), Listener())


def test_what_could_not_be_removed_is_told(platform, monkeypatch):
    home = platform.open(block(), Listener())
    home.create(range(3))
    with monkeypatch.context() as patched:
        patched.setattr(platform.caller, "ask", lambda *_: gevent.sleep(60))
        (left,) = home.remove(0.01)
        assert left == f"3 devices in collection {home.collection}: clean-up was given up after 0.01 s"
    with monkeypatch.context() as patched:

        def ask(method, path, body, patience_s=0.0):
            raise TargetError("nobody there")

        patched.setattr(platform.caller, "ask", ask)
        patched.setattr(platform._pulse, "ask", ask)
        (left,) = home.remove(1.0)
        assert left == f"3 devices in collection {home.collection}: nobody there"
        listener = Listener()
        home._listener = home._stream._listener = listener
        home.tell_gap()
        assert listener.gaps == ["the platform did not show that it is alive: nobody there"]


# --- many calls at a time ---------------------------------------------------------------------------------------------


def test_no_more_at_a_time_than_allowed():
    now, most, done = [0], [0], []

    def one(item):
        now[0] += 1
        most[0] = max(most[0], now[0])
        gevent.sleep(0)
        now[0] -= 1
        done.append(item)

    in_parallel(iter(range(20)), one, 4)
    assert (most, sorted(done)) == ([4], list(range(20)))
    in_parallel([], one, 4)


def test_the_first_failure_ends_it_when_the_others_are_through():
    begun, ended = [], []

    def one(item):
        begun.append(item)
        gevent.sleep(0)
        if item == 2:
            raise TargetError("no")
        ended.append(item)

    with pytest.raises(TargetError, match="no"):
        in_parallel(range(100), one, 4)
    assert len(begun) < 10
    assert len(ended) == len(begun) - 1


def test_whoever_is_killed_takes_the_calls_along():
    ended = []

    def one(item):
        try:
            gevent.sleep(60)
        finally:
            ended.append(item)

    greenlet = gevent.spawn(in_parallel, range(100), one, 4)
    gevent.sleep(0)
    gevent.sleep(0)
    greenlet.kill()
    assert sorted(ended) == [0, 1, 2, 3]
