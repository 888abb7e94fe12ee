"""The door through which tokens are made known and unknown while the server runs."""

from __future__ import annotations

import pytest

from simulator.server.span.settings import TokenSettings
from simulator.server.span.streams import Closed

DOOR = "/simulator/tokens"


def test_an_issued_token_opens_what_it_is_for_and_a_revoked_one_nothing(platform):
    here, there = platform.collection(), platform.collection()
    body = {"token": "secret", "resource": f"/collections/{here}", "write": False}
    answer = platform.call("POST", DOOR, body)
    assert answer == {"resource": f"/collections/{here}", "write": False}

    def statuses():
        asked = (("GET", here), ("PATCH", here), ("GET", there))
        return [platform.answer(method, f"/span/collections/{c}", {}, "secret").status for method, c in asked]

    assert statuses() == [200, 403, 403]
    platform.call("POST", DOOR, body | {"write": True})
    assert statuses() == [200, 200, 403]
    assert platform.call("DELETE", DOOR, {"token": "secret"}) == {"revoked": True}
    assert statuses() == [401, 401, 401]
    assert platform.call("DELETE", DOOR, {"token": "secret"}) == {"revoked": False}


def test_revoking_ends_the_streams_of_that_token_only(platform):
    collection = platform.collection()
    for token in ("one", "two"):
        platform.call("POST", DOOR, {"token": token})
    streams = {token: platform.activity(collection, token=token) for token in ("one", "two")}
    data = platform.open(f"/span/collections/{collection}/from", "one")
    pending = platform.open(f"/span/collections/{collection}/activity", "")
    by_message = pending.first_message(b'{"jwt":"one"}', platform.now_ns)
    platform.device(collection)
    platform.call("DELETE", DOOR, {"token": "one"})
    assert [each.closed for each in (streams["one"], data, by_message)] == [Closed(1008, "token revoked")] * 3
    assert len(streams["one"].take()) == 1  # what it was told before is still its own
    assert streams["two"].closed is None
    assert platform.core.streams == 1


@pytest.mark.parametrize("method", ["POST", "DELETE"])
@pytest.mark.parametrize(
    ("token", "rest", "status"),
    [
        ("w" * 64, {"remote": "192.0.2.1"}, 403),
        ("w" * 64, {"headers": {"origin": "http://evil.example"}}, 403),
        ("r" * 64, {}, 403),
        ("narrow", {}, 403),
        ("", {}, 401),
        ("nobody", {}, 401),
    ],
    ids=["another machine", "a web page", "read-only", "one collection", "no token", "unknown"],
)
def test_who_may_not(make_platform, method, token, rest, status):
    platform = make_platform(tokens=(TokenSettings(text="narrow", resource="/simulator", write=True),))
    assert platform.refused(method, DOOR, {"token": "x"}, token, **rest)[0] == status
    assert platform.answer("GET", "/span/collections", token="x").status == 401


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({}, 400, "token is needed"),
        ({"token": ""}, 400, "token is needed"),
        ({"token": "a b"}, 400, "one word"),
        ({"token": "a\r\nX: b"}, 400, "one word"),
        ({"token": "é"}, 400, "one word"),
        ({"token": "x" * 513}, 400, "512"),
        ({"token": 7}, 400, "token"),
        ({"token": "x", "resource": "collections"}, 400, "resource"),
        ({"token": "w" * 64}, 409, "itself"),
        (b"{", 400, "JSON"),
    ],
)
def test_what_is_no_token(platform, body, status, words):
    refused = platform.refused("POST", DOOR, body)
    assert refused[0] == status
    assert words in refused[1]


def test_there_is_an_end_to_tokens(make_platform):
    platform = make_platform(tokens_most=3)  # two of them are its own
    platform.call("POST", DOOR, {"token": "a"})
    assert platform.refused("POST", DOOR, {"token": "b"})[0] == 429


def test_the_door_takes_no_other_method(platform):
    assert platform.answer("GET", DOOR).headers["Allow"] == "DELETE, POST"
