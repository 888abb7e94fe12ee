"""A shard does what its traffic says, counts what becomes of it, and comes to an end."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from simulator.errors import UsageError
from simulator.load.deeds import open_deed
from simulator.load.metronome import TICK_S
from simulator.load.shard import Shard
from simulator.load.tally import LedgerCounts
from simulator.load.traffic import Deed, Traffic
from simulator.protocol.coap.codec import decode
from simulator.scenario.model import LinkSpec, Payload
from simulator.wire.address import ip_of
from tests.load.stand import Quarters, Stand, block_of


class Ledger:
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []

    def sent(self, number: int, size: int, due: float, now: float) -> None:
        self.told.append(("sent", number, size, due <= now))

    def answered(self, number: int) -> None:
        self.told.append(("answered", number))

    def refused(self, number: int) -> None:
        self.told.append(("refused", number))

    def unanswered(self, number: int) -> None:
        self.told.append(("unanswered", number))


def shard_of(
    stand: Stand, deed: Deed, *, ledger: Ledger | None = None, count: int = 10, first: int = 40, **group: Any
) -> Shard:
    block = block_of(count, first, **group)
    return Shard(stand, Traffic(group=block.group, deeds=(deed,)), Quarters(block, ledger))  # type: ignore[arg-type]


def test_each_device_uploads_from_its_own_address() -> None:
    stand = Stand(seed=3)
    shard = shard_of(stand, Deed(act="upload", every_s=1.0, path="up"))
    shard.join()
    shard.start()
    stand.turn(2.0)
    shard.stop(2.0)
    stand.turn(3.0)
    assert shard.joined == 10
    assert (shard.quarters.created, shard.quarters.judged) == (list(range(40, 50)), True)  # type: ignore[attr-defined]
    peers = {ip_of(peer) for _, peer in stand.heard}
    assert peers == {shard.block.ip(number) for number in range(40, 50)}
    requests = [decode(data) for data, _ in stand.heard]
    assert len(requests) == 20
    assert {len(each.payload) for each in requests} == {24}
    assert len({each.payload for each in requests}) == 20  # drawn, and not always the same
    assert shard.quiet
    counts = shard.quarters.counts
    assert (counts.sent, counts.answered) == (20, 20)
    counters = stand.counters()
    assert counters["coap.sent"] == counters["coap.answered"] == 20
    meter = stand.meters.meter("CoAP", "upload", "meters")
    assert len(meter.took) == 20
    assert max(meter.took) <= 2 * TICK_S


def test_a_response_time_counts_from_when_it_was_due() -> None:
    """The server is silent for five seconds: nobody waits for it with what is due meanwhile."""
    stand = Stand()
    waiting: list[tuple[bytes, int]] = []
    shard = shard_of(stand, Deed(act="upload", every_s=1.0), count=100)
    shard.join()
    shard.start()
    stand.turn(3.0)
    silent = stand.server._receiver
    stand.server._receiver = lambda data, peer, *_: waiting.append((data, peer))
    stand.turn(8.0)
    stand.server._receiver = silent
    for data, peer in waiting:
        stand._serve(data, peer, 0, 8.0)
    stand.turn(10.0)
    shard.stop(10.0)
    stand.turn(110.0)
    assert shard.quiet
    assert shard.quarters.counts.sent == pytest.approx(1000, abs=1)
    assert shard.quarters.counts.answered == shard.quarters.counts.sent
    took = sorted(stand.meters.meter("CoAP", "upload", "meters").took)
    assert took[-1] == pytest.approx(5.0, abs=0.1)
    assert sum(each > 0.5 for each in took) == pytest.approx(450, abs=30)
    assert shard.quiet


@pytest.mark.parametrize(
    ("answer", "outcome", "counted", "reason"),
    [
        (lambda data: b"\x64\x44" + data[2:8], "answered", "answered", ""),
        (lambda data: b"\x64\x45" + data[2:8] + b"\xffdown", "answered", "answered", ""),
        (lambda data: b"\x64\x84" + data[2:8], "refused", "refused", "coap 4.04"),
        (lambda data: b"\x70\x00" + data[2:4], "unanswered", "unanswered", "reset"),
        (lambda data: None, "unanswered", "unanswered", "timeout"),
    ],
)
@pytest.mark.parametrize("kept", [False, True])
def test_what_becomes_of_an_upload(answer: Any, outcome: str, counted: str, reason: str, kept: bool) -> None:
    stand = Stand()
    stand.answers = answer
    ledger = Ledger() if kept else None
    shard = shard_of(stand, Deed(act="upload", every_s=1.0, times=1), ledger=ledger, count=1)
    shard.join()
    shard.start()
    stand.turn(200.0)
    assert shard.quiet
    meter = stand.meters.meter("CoAP", "upload", "meters")
    assert meter.failures == ({reason: 1} if reason else {})
    assert shard.failures == meter.failures
    assert len(meter.took) == 1
    if ledger is not None:
        assert ledger.told == [("sent", 40, 24, True), (outcome, 40)]
        assert shard.quarters.counts == LedgerCounts()
    else:
        assert shard.quarters.counts == LedgerCounts(sent=1, **{counted: 1})


def test_plain_udp_is_sent_and_done() -> None:
    stand = Stand()
    stand.answers = lambda _: b"reply"
    ledger = Ledger()
    shard = shard_of(stand, Deed(act="upload", every_s=1.0, times=2), ledger=ledger, count=3, transport="udp")
    shard.join()
    shard.start()
    stand.turn(5.0)
    assert [len(data) for data, _ in stand.heard] == [24] * 6
    assert [each[0] for each in ledger.told].count("answered") == 6
    assert stand.counters()["udp.replies"] == 6
    assert stand.meters.meter("UDP", "upload", "meters").untimed == 6
    assert shard.quiet


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (Payload(kind="bytes", content=b"22.5"), [b"22.5"] * 4),
        (
            Payload(kind="template", template="{{ device }} {{ n }}"),
            [b"meters.40 0", b"meters.40 1", b"meters.41 0", b"meters.41 1"],
        ),
    ],
)
def test_payloads(payload: Payload, expected: list[bytes]) -> None:
    stand = Stand()
    shard = shard_of(stand, Deed(act="upload", every_s=1.0, times=2), count=2, transport="udp", payload=payload)
    shard.join()
    shard.start()
    stand.turn(3.0)
    assert sorted(data for data, _ in stand.heard) == expected


def test_who_was_not_let_in_does_nothing() -> None:
    stand = Stand()
    stand.platform.radius = object()
    stand.shared("mobile", lambda: SimpleNamespace(mobile=object(), lost=[]))  # there is something to attach to
    shard = shard_of(stand, Deed(act="upload", every_s=1.0, times=1), count=3)
    shard.stays_out(41, "attach: no such SIM")
    shard.start()
    stand.turn(2.0)
    assert {ip_of(peer) for _, peer in stand.heard} == {shard.block.ip(40), shard.block.ip(42)}
    (reason,) = stand.meters.meter("CoAP", "upload", "meters").failures
    assert reason.startswith("not attached")
    assert shard.quiet


def test_a_bad_link_stands_before_the_devices() -> None:
    stand = Stand()
    shard = shard_of(stand, Deed(act="upload", every_s=1.0, times=1), count=3, link=LinkSpec(preset="nb-iot-ce1"))
    shard.join()
    shard.start()
    stand.turn(60.0)
    assert min(stand.meters.meter("CoAP", "upload", "meters").took) > 0.1
    assert shard.quiet


def test_close_forgets_what_is_under_way() -> None:
    stand = Stand()
    stand.answers = lambda _: None
    shard = shard_of(stand, Deed(act="upload", every_s=1.0))
    shard.join()
    shard.start()
    stand.turn(1.0)
    assert not shard.quiet
    shard.close(1.0)
    stand.turn(1.1)
    assert shard.quiet
    assert stand.meters.meter("CoAP", "upload", "meters").failures == {"cancelled": 10}


def test_a_deed_that_nobody_knows() -> None:
    stand = Stand()
    shard = shard_of(stand, Deed(act="upload"))
    with pytest.raises(UsageError, match="dance"):
        open_deed(shard, Deed(act="dance"))
