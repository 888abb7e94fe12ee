"""Our page and tabs in Locust's own web UI: there, behind its login, and never the reason that it breaks."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

EVIL = "</script><script>alert(1)</script>"


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    """What the web UI answered, in a process of its own, for Locust changes the one that imports it."""
    program = Path(__file__).with_name("served.py")
    done = subprocess.run([sys.executable, str(program)], capture_output=True, text=True, timeout=50, check=False)
    assert done.returncode == 0, done.stderr
    answers: dict[str, Any] = json.loads(done.stdout)
    return answers


def test_the_page(found: dict[str, Any]) -> None:
    answer = found["plain"]["/fleet"]
    assert (answer["status"], answer["type"]) == (200, "text/html")
    assert answer["headers"]["content-security-policy"].startswith("default-src 'none';")
    assert answer["headers"]["cache-control"] == "no-store"
    # Whatever the platform says comes as JSON, and never as part of the page.
    assert EVIL not in answer["text"]
    assert found["plain"]["/fleet/"]["headers"]["location"] == "/fleet"


def test_its_figures(found: dict[str, Any]) -> None:
    answer = found["plain"]["/fleet/state.json"]
    assert (answer["status"], answer["type"], answer["headers"]["cache-control"]) == (
        200,
        "application/json",
        "no-store",
    )
    state = json.loads(answer["text"])
    assert (state["test"], state["uploads"]["sent"], state["verdict"]["word"]) == (EVIL, 5, "fail")
    assert json.loads(found["plain"]["/fleet/state.json?brief"]["text"]) == {"word": "fail", "final": False}


def test_locusts_page_has_tabs_and_a_link(found: dict[str, Any]) -> None:
    html = found["plain"]["/"]["text"]
    assert '"extended_tabs": [{"key": "fleet", "title": "Fleet"}' in html
    assert '"extended_tables": [{"key": "fleet", "structure": [' in html
    assert '<a id="fleet-link" href="./fleet">' in html
    assert html.rstrip().endswith("</html>")
    assert found["plain"]["/"]["headers"]["content-length"] == str(len(html.encode()))


def test_locusts_figures_have_ours_beside_them(found: dict[str, Any]) -> None:
    answer = json.loads(found["plain"]["/stats/requests"]["text"])
    assert {"stats", "state", "user_count"} <= answer.keys()
    tables = {table["key"]: table["data"] for table in answer["extended_stats"]}
    assert (tables["fleet"][0]["name"], tables["fleet"][0]["sent"]) == ("meters", 5)
    assert tables["verdict"][0]["found"] == "fail"
    assert "extended_stats" not in found["plain"]["/tasks"]["text"]


def test_an_answer_that_locust_kept_gets_new_figures(found: dict[str, Any]) -> None:
    tables = {table["key"]: table["data"] for table in json.loads(found["later"]["text"])["extended_stats"]}
    assert tables["verdict"][0]["found"] == "invalid"


def test_the_view_is_made_once_for_all_who_ask_at_once(found: dict[str, Any]) -> None:
    assert found["asked at once"] == 1


def test_a_view_that_fails_breaks_nothing_and_gives_nothing_away(found: dict[str, Any]) -> None:
    broken = found["broken"]
    assert {path: answer["status"] for path, answer in broken.items()} == {
        "/fleet/state.json": 503,
        "/stats/requests": 200,
        "/": 200,
        "/fleet": 200,
    }
    assert "hunter2" not in json.dumps(broken)
    assert "log" in json.loads(broken["/fleet/state.json"]["text"])["trouble"]
    assert found["log"] == ["the figures for the web page cannot be made"]
    assert found["mended"]["status"] == 200


def test_it_lives_under_locusts_base_path(found: dict[str, Any]) -> None:
    assert {path: answer["status"] for path, answer in found["based"].items()} == {
        "/load/fleet": 200,
        "/load/fleet/": 302,
        "/fleet": 404,
        "/load/": 200,
        "state": 200,
    }
    assert found["based"]["/load/fleet/"]["headers"]["location"] == "/load/fleet"
    assert 'href="./fleet"' in found["based"]["/load/"]["text"]


@pytest.mark.parametrize("path", ["/", "/fleet", "/fleet/state.json", "/fleet/state.json?brief", "/stats/requests"])
def test_locusts_login_guards_it(found: dict[str, Any], path: str) -> None:
    answer = found["locked"][path]
    assert answer["status"] == 302
    assert answer["headers"]["location"].startswith("/login")
    assert "meters" not in answer["text"]


def test_for_strangers_nothing_is_even_made(found: dict[str, Any]) -> None:
    assert found["asked by strangers"] == 0
