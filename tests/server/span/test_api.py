"""Every path answers, whatever is asked of it: in the form that public clients survive (span §2.3)."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.server.span.errors import problem_document
from simulator.server.span.http import HttpRequest, HttpResponse
from simulator.server.span.rest_later import OPERATIONS, USER_OPERATIONS
from simulator.server.span.router import Router

CODES = [(400, 3), (401, 16), (403, 7), (404, 5), (409, 6), (429, 8), (500, 13), (501, 12), (503, 14)]


@pytest.mark.parametrize(("status", "code"), CODES)
def test_the_error_form_fits_all_clients(status, code):
    assert json.loads(problem_document(status, "Unknown device")) == {
        "type": "about:blank",
        "status": status,
        "title": "Unknown device",
        "code": code,
        "message": "Unknown device",
        "details": [],
    }


def test_system_information(platform):
    document = platform.call("GET", "/span/system", token="")
    assert set(document) == {"version", "buildDate", "releaseName"}
    assert document["version"] == "4.9.5"


@pytest.mark.parametrize(("method", "pattern"), OPERATIONS)
def test_operations_to_come_say_so(platform, method, pattern):
    def path(collection):
        return pattern.replace("{collection}", collection).replace("{", "").replace("}", "")

    assert platform.refused(method, path(platform.collection()))[0] == 501
    assert platform.refused(method, path("17dh0cf43jfgna"))[0] == 404
    assert platform.refused(method, path("17dh0cf43jfgna"), token="")[0] == 401


@pytest.mark.parametrize(("method", "path"), USER_OPERATIONS)
def test_there_are_no_users(platform, method, path):
    assert platform.refused(method, path, token="")[0] == 501


@pytest.mark.parametrize(
    "path",
    ["", "/", "/span", "/span/", "/span/system/", "/Span/system", "/span/collections/", "//",
     "/span/collections//devices", "/span/nothing", "span/system", "//span/system",
     "/span/collections/17/devices/17/nothing", "/span/" + "x" * 9_000],
)  # fmt: skip
def test_paths_that_are_none(platform, path):
    assert platform.refused("GET", path)[0] == 404


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/span/collections", "GET, POST"),
        ("", "/span/collections", "GET, POST"),
        ("get", "/span/collections", "GET, POST"),
        ("POST", "/span/collections/17", "DELETE, GET, PATCH"),
        ("OPTIONS", "/span/system", "GET"),
        ("GET", "/simulator/login", "POST"),
    ],
)
def test_methods_that_do_not_fit(platform, method, path, allowed):
    answer = platform.answer(method, path)
    assert (answer.status, answer.headers["Allow"]) == (405, allowed)


def test_a_stream_without_a_websocket(platform):
    assert platform.refused("GET", f"/span/collections/{platform.collection()}/activity")[0] == 426
    assert platform.refused("GET", "/collections/17/from", token="")[0] == 426


def test_bodies_are_bounded_in_size_and_depth(make_platform):
    platform = make_platform(body_bytes=1000)
    assert platform.refused("POST", "/span/collections", b" " * 1001)[0] == 413
    for deep in (b'{"tags":' * 10_000, b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}"):
        assert make_platform().refused("POST", "/span/collections", deep)[0] == 400


def test_literal_segments_hide_placeholders():
    router = Router()

    def handler(call):
        raise AssertionError

    router.add("GET", "/a/{x}", handler)
    router.add("DELETE", "/a/b", handler)
    assert dict(router.find("/a/c").path) == {"x": "c"}
    assert list(router.find("/a/b").methods) == ["DELETE"]
    assert router.find("/a/") is None
    assert router.find("/a") is None


# --- anything at all --------------------------------------------------------------------------------------------------

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
KEYS = st.sampled_from(
    ["tags", "firmware", "config", "ciot", "imsi", "imei", "gateway", "params", "collectionId", "enabled", "payload",
     "address", "teamId", "metadata", "inet", "targetFirmwareId", "management", "name", "deviceId", "gatewayId", "csr",
     "certificate", "notBefore", "notAfter", "user", "type"]
) | st.text(max_size=5)  # fmt: skip
SHAPES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5), max_leaves=12
)
BODIES = st.binary(max_size=200) | SHAPES.map(lambda shape: json.dumps(shape).encode())
SEGMENTS = st.sampled_from(
    ["span", "collections", "devices", "C", "D", "data", "inbox", "outbox", "stats", "firmware", "simulator", "login",
     "logout", "system", "from", "activity", "gateways", "1", "certs", "certificates", "create", "sign", "verify"]
) | st.text(max_size=6)  # fmt: skip
METHODS = st.sampled_from(["GET", "POST", "PATCH", "DELETE", "PUT"])
QUERIES = st.dictionaries(
    st.sampled_from(["limit", "start", "end", "offset", "upstream", "api_token"]), st.text(max_size=20), max_size=4
)


@pytest.fixture(scope="module")
def busy():
    """One platform for all examples: what one example leaves behind, the next one meets."""
    from simulator.server.span.core import SpanCore
    from simulator.server.span.rest import Api
    from simulator.server.span.settings import SpanSettings, TokenSettings

    core = SpanCore(SpanSettings(tokens=(TokenSettings(text="t", write=True),)))
    api = Api(core)

    def ask(method, path, body=b"", query=None):
        return HttpRequest(method=method, path=path, body=body, query=query or {}, headers={"x-api-token": "t"})

    def made(path):
        return msgspec.json.decode(api.handle(ask("POST", path, b"{}"), 0).body)

    collection = made("/span/collections")["collectionId"]
    device = made(f"/span/collections/{collection}/devices")["deviceId"]
    return core, api, ask, collection, device


def holds(answer):
    """A document in one of the two forms, and no failure of ours."""
    assert isinstance(answer, HttpResponse)
    assert answer.status in (200, 400, 401, 403, 404, 405, 409, 413, 426, 429, 501)
    document = json.loads(answer.body)
    assert isinstance(document, dict)
    if answer.status >= 400:
        assert answer.content_type == "application/problem+json"
        assert (document["status"], document["title"] == document["message"]) == (answer.status, True)


@given(
    method=METHODS,
    what=st.sampled_from(
        ["", "/devices", "/devices/D", "/devices/D/outbox", "/firmware", "/gateways", "/gateways/1", "/certificates",
         "/certificates/create", "/certificates/sign", "/certificates/verify"]
    ),
    body=BODIES,
)  # fmt: skip
def test_any_body_is_answered(busy, method, what, body):
    _, api, ask, collection, device = busy
    path = f"/span/collections/{collection}{what.replace('D', device)}"
    if (method, what) in (("DELETE", "/devices/D"), ("DELETE", "")):
        return
    holds(api.handle(ask(method, path, body), 1_714_076_616_000_000_000))
    # Whatever was taken in can be shown again, and an accident did not disable what the next example needs.
    api.handle(ask("PATCH", f"/span/collections/{collection}", b'{"enabled":true}'), 0)
    holds(api.handle(ask("GET", f"/span/collections/{collection}/devices"), 0))


@given(door=st.sampled_from(["login", "logout", "certificates"]), body=BODIES)
def test_any_body_at_the_loopback_doors_is_answered(busy, door, body):
    _, api, ask, _, _ = busy
    holds(api.handle(ask("POST", f"/simulator/{door}", body), 0))


@given(
    method=METHODS | st.text(max_size=5),
    segments=st.lists(SEGMENTS, max_size=7),
    body=st.binary(max_size=20),
    query=QUERIES,
)
def test_any_path_and_query_is_answered(busy, method, segments, body, query):
    _, api, ask, collection, device = busy
    names = {"C": collection, "D": device}
    path = "/" + "/".join(names.get(segment, segment) for segment in segments)
    if method == "DELETE" and path.endswith(device):
        return
    request = ask(method, path, body, query)
    holds(api.handle(request, 0))
    stream = api.open_stream(request, 0)
    if isinstance(stream, HttpResponse):
        holds(stream)
    else:
        stream.close(1000, "")


@given(message=BODIES)
def test_any_first_message_is_answered(busy, message):
    core, api, _, collection, _ = busy
    pending = api.open_stream(HttpRequest(method="GET", path=f"/span/collections/{collection}/activity"), 0)
    assert pending.first_message(message, 0).code == 1008
    assert core.streams == 0
