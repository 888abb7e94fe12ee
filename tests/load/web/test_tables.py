"""Rows in Locust's own page fit the columns it was told of."""

from __future__ import annotations

import re

import pytest

from simulator.load.tally import GroupTally, Tally
from simulator.load.totals import Totals
from simulator.load.verdict import Facts, Held, LoadVerdict
from simulator.load.view import view_of
from simulator.load.web import tables


def rows(bare: bool = False, over: bool = True) -> dict[str, list[dict[str, object]]]:
    totals = Totals()
    totals.take(Tally(worker="w", groups={"meters": GroupTally(planned=3, joined=2)}, histograms={}))
    held = tuple(Held(text=f"x{n} < 1", found=str(n), holds=holds) for n, holds in enumerate((True, False, None)))
    verdict = LoadVerdict(word="pass", findings=("why",), expectations=held)
    view = view_of(totals.merged(), verdict, Facts(bare=bare, over=over))
    view["latencies"] = [{"name": "a", "label": "a", "requests": 2, "failed": 0, "p50": 0.0015, "p95": None}]
    view["latencies"][0] |= dict.fromkeys(("p99", "p999", "p9999", "max"), 2.5)
    return {table["key"]: table["data"] for table in tables.rows_of(view)}


def test_every_row_has_every_column_and_no_null() -> None:
    found = rows(bare=True)
    for table in tables.TABLES:
        columns = {column["key"] for column in table["structure"]}
        assert found[table["key"]], table["key"]
        for row in found[table["key"]]:
            assert row.keys() == columns
            assert None not in row.values()


def test_keys_are_such_that_locust_leaves_them_as_they_are() -> None:
    for table in tables.TABLES:
        assert all(re.fullmatch("[a-z][a-z0-9]*", column["key"]) for column in table["structure"])
    assert [tab["key"] for tab in tables.TABS] == [table["key"] for table in tables.TABLES]


def test_latencies_are_in_milliseconds() -> None:
    (row,) = rows()["latency"]
    assert (row["p50"], row["p95"], row["max"], row["requests"]) == (1.5, "", 2500.0, 2)


@pytest.mark.parametrize(("over", "word"), [(True, "pass"), (False, "waiting")])
def test_the_verdict_comes_first(over: bool, word: str) -> None:
    found = rows(over=over)["verdict"]
    assert [row["found"] for row in found] == [word, "0", "1", "2", "why"]
    assert [row["holds"] for row in found] == ["", "yes", "NO", "no data yet", ""]
