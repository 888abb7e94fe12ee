"""Who may do what (span §2.1)."""

from __future__ import annotations

import pytest

from simulator.server.span.errors import Refusal
from simulator.server.span.settings import TokenSettings
from simulator.server.span.tokens import Tokens, credentials

C = "/span/collections/17dh0cf43jfgna"


@pytest.mark.parametrize(
    ("resource", "write", "method", "path", "status"),
    [
        ("/", True, "POST", C, None),
        ("/", False, "GET", C, None),
        ("/", False, "POST", C, 403),
        ("/", False, "PATCH", C, 403),
        ("/", False, "DELETE", C, 403),
        ("/span", True, "POST", C, None),
        ("/collections/17dh0cf43jfgna", False, "GET", C, None),
        ("/span/collections/17dh0cf43jfgna", False, "GET", C + "/devices", None),
        ("/collections/17dh0cf43jfgna", False, "GET", "/collections/17dh0cf43jfgna/from", None),
        ("/collections/17dh0cf43jfgnb", True, "GET", C, 403),
        ("/collections/17dh0cf43jfgnb", True, "POST", C, 403),
        ("/spandex", True, "GET", C, 403),
    ],
)
def test_a_token_opens_its_resource_and_writes_only_if_it_may(resource, write, method, path, status):
    tokens = Tokens([TokenSettings(text="t", resource=resource, write=write)])
    if status is None:
        tokens.check(tokens.find("t"), method, path)
        return
    with pytest.raises(Refusal) as refused:
        tokens.check(tokens.find("t"), method, path)
    assert refused.value.status == status


@pytest.mark.parametrize("text", ["", "T", "t ", "\ud800", "x" * 100_000])
def test_an_unknown_token_is_401(text):
    with pytest.raises(Refusal) as refused:
        Tokens([TokenSettings(text="t")]).find(text)
    assert refused.value.status == 401


@pytest.mark.parametrize(
    ("headers", "text"),
    [
        ({"x-api-token": "a"}, "a"),
        ({"authorization": "TOKEN a"}, "a"),
        ({"authorization": "Bearer a"}, "a"),
        ({"authorization": "bearer  a "}, "a"),
        ({"authorization": "Basic a"}, ""),
        ({"authorization": "a"}, ""),
        ({"x-api-token": "a", "authorization": "TOKEN b"}, "a"),
        ({}, ""),
    ],
)
def test_where_credentials_stand(headers, text):
    assert credentials(headers) == text


@pytest.mark.parametrize(
    ("token", "method", "path", "status"),
    [
        ("", "GET", "/span/collections", 401),
        ("nobody", "GET", "/span/collections", 401),
        ("nobody", "GET", "/span/nothing", 401),
        ("r" * 64, "POST", "/span/collections", 403),
        ("r" * 64, "GET", "/span/collections", 200),
        ("", "GET", "/span/system", 200),
        ("nobody", "GET", "/span/system", 200),
        ("", "PUT", "/span/system", 405),
        ("", "GET", "/nothing", 404),
    ],
)
def test_order_of_checks_over_the_api(platform, token, method, path, status):
    assert platform.answer(method, path, token=token).status == status


def test_a_jwt_in_the_authorization_header_serves_as_well(platform):
    headers = {"authorization": f"TOKEN {'w' * 64}"}
    assert platform.call("POST", "/span/collections", {}, token="", headers=headers)["enabled"] is True
