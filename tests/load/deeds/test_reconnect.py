"""Devices that attach or connect anew: what is counted, and who is in and out."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from simulator.acts import Accepted, Broken, Connected, Done, NoAnswer, Rejected
from simulator.errors import Place, UsageError
from simulator.load.deeds import open_deed
from simulator.load.meters import Meters
from simulator.load.traffic import Deed
from simulator.scenario.model import Group

DEED = Deed(act="reconnect", every_s=1.0)


class Shard:
    """As far as the deed needs one; `answer` is what comes of each attempt, None: nothing yet."""

    def __init__(self, entry, answer):
        self.block = SimpleNamespace(group=Group(name="meters", place=Place("x")))
        self.way = SimpleNamespace(entry=entry, join=self._join)
        self.station = SimpleNamespace(meters=Meters())
        self.absent, self.failures, self.joined, self.came, self.waiting = {7}, {}, 3, [], []
        self._answer = answer

    def _join(self, number, told, argument, now):
        if self._answer is None:
            self.waiting.append((told, argument))
        else:
            told(argument, self._answer, now + 0.5)

    def came_in(self, number):
        self.came.append(number)


@pytest.mark.parametrize(
    ("entry", "answer", "kind", "failure", "out"),
    [
        pytest.param("attach", Accepted(1), "RADIUS", None, False, id="attached"),
        pytest.param("connect", Connected(True), "DTLS", None, False, id="connected"),
        pytest.param("attach", Done(), "RADIUS", None, False, id="nobody asked"),
        pytest.param(
            "attach", Rejected("IMSI unknown", 1), "RADIUS", "IMSI unknown", True, id="refused by the network"
        ),
        pytest.param("connect", Rejected("bad_certificate", 1), "DTLS", "bad_certificate", False, id="refused by TLS"),
        pytest.param("attach", NoAnswer("timeout", 3), "RADIUS", "timeout", False, id="no answer"),
        pytest.param("connect", Broken("replaced"), "DTLS", "replaced", False, id="another took its place"),
    ],
)
def test_what_comes_of_it_is_counted_from_when_it_was_due(entry, answer, kind, failure, out):
    shard = Shard(entry, answer)
    doer = open_deed(shard, DEED)
    doer.begin_many([(9.0, 4), (9.5, 5)], 10.0)
    meter = shard.station.meters.meter(kind, entry, "meters")
    assert meter.took == [1.5, 1.0]
    assert meter.failures == ({failure: 2} if failure else {})
    assert shard.failures == ({f"{entry}: {failure}": 2} if failure else {})
    assert (shard.absent, shard.joined) == (({4, 5, 7}, 1) if out else ({7}, 3))
    assert (doer.under_way, shard.came) == (0, [])


def test_who_was_not_let_in_may_be_now():
    shard = Shard("attach", Accepted(1))
    open_deed(shard, DEED).begin_many([(1.0, 7)], 1.0)
    assert shard.came == [7]


def test_what_waits_for_an_answer_is_under_way():
    shard = Shard("attach", None)
    doer = open_deed(shard, DEED)
    doer.begin_many([(1.0, 1), (1.0, 2)], 1.0)
    assert doer.under_way == 2
    for told, argument in shard.waiting:
        told(argument, Accepted(1), 2.0)
    assert doer.under_way == 0


def test_without_logins_there_is_nothing_to_attach_to():
    with pytest.raises(UsageError, match="meters is to attach anew, and the platform does not say where"):
        open_deed(Shard("", None), DEED)
