"""Where a platform is: only this machine, unless somebody names the other one twice."""

from __future__ import annotations

import pytest

from simulator.errors import UsageError
from simulator.target.naming import api_url, is_here


@pytest.mark.parametrize(
    ("host", "here"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("127.64.0.2", True),
        ("127.example.com", False),
        ("127.0.0.1.example.com", False),
        ("128.0.0.1", False),
        ("localhost.example.com", False),
        ("", False),
    ],
)
def test_only_addresses_of_loopback_are_here(host, here):
    assert is_here(host) is here


def test_a_foreign_host_is_named_twice():
    with pytest.raises(UsageError, match=r"127\.example\.com is not this machine; if you may .* --yes-really"):
        api_url("http://127.example.com:10080", None)
    assert api_url("https://127.example.com", "127.example.com") == "https://127.example.com"
