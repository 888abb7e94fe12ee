"""The page needs nothing but itself, runs nothing from outside, and reads only what the view has."""

from __future__ import annotations

import base64
import hashlib
import re
from importlib.resources import files

import pytest

from simulator.load.tally import GroupTally, Tally
from simulator.load.totals import Totals
from simulator.load.verdict import Facts, LoadVerdict
from simulator.load.view import view_of
from simulator.load.web import page

SCRIPT = files("simulator.load.web").joinpath("fleet.js").read_text(encoding="utf-8")


@pytest.mark.parametrize("tag", ["script", "style"])
def test_the_policy_allows_what_is_in_the_document_and_nothing_else(tag: str) -> None:
    inside = re.findall(rf"<{tag}>(.*?)</{tag}>", page.document(), re.S)
    assert len(inside) == 1
    digest = base64.b64encode(hashlib.sha256(inside[0].encode()).digest()).decode()
    assert f"{tag}-src 'sha256-{digest}';" in page.HEADERS["Content-Security-Policy"]


def test_it_asks_for_nothing_from_elsewhere() -> None:
    allowed = {"http://www.w3.org/2000/svg"}  # a name, not an address
    assert set(re.findall(r"https?://[^\s\"'`)]+", page.document())) == allowed
    assert not re.search(r"<(link|img|iframe)\b|\bsrc=|@import|url\(|\son\w+=", page.document())


def test_text_from_outside_is_never_markup() -> None:
    assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\(|new Function", SCRIPT)


def test_it_reads_what_the_view_has() -> None:
    totals = Totals()
    totals.take(Tally(worker="w", groups={"meters": GroupTally()}))
    found = view_of(totals.merged(), LoadVerdict(word="pass", findings=(), expectations=()), Facts())
    read = set(re.findall(r"\bstate\.(\w+)", SCRIPT)) - {"json"}  # the name of the file it asks for
    assert read == found.keys()
    counted = set(re.findall(r'number\("[^"]+", "(\w+)"', SCRIPT))
    known = found["groups"][0].keys() | found["workers"][0].keys() | {"requests"}
    assert counted
    assert counted <= known
    drawn = set(re.findall(r"\brates\.(\w+)", SCRIPT))
    assert drawn
    assert drawn <= found["rates"].keys()
    generator = re.search(r"function generator\(.*?\n}", SCRIPT, re.S)
    assert generator is not None
    assert set(re.findall(r"\ball\.(\w+)", generator[0])) <= found["generator"].keys()


def test_every_place_that_it_fills_is_there() -> None:
    html = files("simulator.load.web").joinpath("fleet.html").read_text(encoding="utf-8")
    places = set(re.findall(r'\bid="([\w-]+)"', html))
    assert set(re.findall(r'\$\("([\w-]+)"\)', SCRIPT)) <= places


@pytest.mark.parametrize(
    ("html", "linked"),
    [("<body>a</body></html>", True), ("<p></body> b</body>", True), ("no page", False), ("", False)],
)
def test_the_link_goes_before_the_end_of_a_page(html: str, linked: bool) -> None:
    found = page.with_link(html)
    assert ('href="./fleet"' in found) is linked
    assert found.count("</body>") == html.count("</body>")
    if linked:
        assert found.endswith(html[html.rindex("</body>") :])
        assert "</body>" not in found[found.index("<a id=") : found.rindex("</body>")]
    else:
        assert found == html
