"""What the platform says of a block: uploads go to the ledger, and what else is amiss is told."""

from __future__ import annotations

import json

import pytest

from simulator.load.ledger import Ledger
from simulator.load.tally import LedgerCounts
from simulator.load.witness import GAPS_MOST, SHOWN, TROUBLES_MOST, Witness


class Meter:
    def __init__(self) -> None:
        self.took: list[float] = []


def a_witness(transport: str = "coap", *, judged: bool = True) -> tuple[Witness, Ledger, Meter]:
    ledger, meter = Ledger(LedgerCounts(), 0, 100, True, False, "meters"), Meter()
    witness = Witness({"17dh7": 7, "17dh8": 8}, ledger, meter, transport, "meters")
    witness.judged = judged
    return witness, ledger, meter


def event(name: str = "upstreamMessage", device: str | None = "17dh7", **data: str) -> bytes:
    whole = {"collectionId": "17dj5", "event": name, "time": "2024-04-25 20:23:36", "data": data}
    if name == "upstreamMessage":
        whole["data"] = {"bytes": "24", "transport": "coap"} | data
    if device is not None:
        whole["deviceId"] = device
    return json.dumps(whole).encode() + b"\n"


def test_uploads_reach_the_ledger_and_their_latency_the_meter() -> None:
    witness, ledger, meter = a_witness()
    for number in (7, 8):
        ledger.sent(number, 24, 1.0, 1.5)
        ledger.answered(number)
    witness.messages([event(), b'{"type":"keepalive"}', event(device="17dh8")], 3.0)
    assert (ledger.counts.delivered, ledger.counts.duplicated, meter.took) == (2, 0, [2.0, 2.0])
    witness.messages([event()], 4.0)
    assert (ledger.counts.delivered, ledger.counts.duplicated, meter.took) == (2, 1, [2.0, 2.0])
    assert witness.counters() == {"events.upstreamMessage": 3, "events.keepalive": 1}
    assert (witness.troubles, witness.gaps) == ({}, [])


def test_what_is_not_judged_is_only_counted() -> None:
    witness, ledger, _ = a_witness(judged=False)
    witness.messages([event(), event(device="strange"), event("imeiMismatch"), event(transport="udp"), b"["], 3.0)
    assert witness.counters() == {"events.upstreamMessage": 3, "events.imeiMismatch": 1, "events.garbled": 1}
    assert (ledger.counts.duplicated, witness.troubles) == (0, {})


@pytest.mark.parametrize(
    ("message", "troubles"),
    [
        (event("imeiMismatch"), ["imeiMismatch"]),
        (event("firmwareStateChange", state="UpdateFailed"), ["firmwareStateChange UpdateFailed"]),
        (event("firmwareStateChange", state="Downloading"), []),
        (event("clientDisconnected"), []),
        (event("clientConnected", id="ip"), []),
        (event("clientConnected", device="strange"), ["clientConnected of a device that is not of meters"]),
        (event("deviceCreated", device="strange"), []),
        (event("gatewayConnected", device=None), []),
        (event(device="strange"), ["upstreamMessage of a device that is not of meters"]),
        (event(transport="udp"), ["upstreamMessage with transport udp, not coap"]),
        (event(transport=""), ["upstreamMessage with transport (none), not coap"]),
        (event(transport="unspecified"), []),
        (event(bytes="many"), ["upstreamMessage with bytes many, which is no size"]),
        (event(bytes="9" * 99), [f"upstreamMessage with bytes {'9' * 90}"]),
        (event(bytes="²"), ["upstreamMessage with bytes ², which is no size"]),
        (b'{"type":"unheard of"}', []),
        (b"\xff", ["garbled message: not one JSON object: "]),
        (b"{}{}", ["garbled message: not one JSON object: "]),
        (b"[" * 100_000, ["garbled message: not one JSON object: "]),
        (b'{"event":"upstreamMessage","collectionId":"1"}', ["garbled message: upstreamMessage: lacks time"]),
        (event().replace(b'"24"', b"24"), ["garbled message: upstreamMessage: data.bytes is a string, here: 24"]),
        (event().replace(b'"17dh7"', b"7"), ["garbled message: upstreamMessage: deviceId and gatewayId are strings"]),
        (event().replace(b"17dh7", b"\xff\xfe"), ["garbled message: not one JSON object: "]),
    ],
)
def test_what_is_amiss_is_told_in_a_line(message: bytes, troubles: list[str]) -> None:
    witness, ledger, _ = a_witness()
    ledger.sent(7, 24, 1.0, 1.5)
    witness.messages([message, event("clientConnected")], 3.0)
    found = list(witness.troubles)
    assert len(found) == len(troubles)
    assert all(one.startswith(start) for one, start in zip(found, troubles, strict=True)), found
    assert witness.counters()["events.clientConnected"] >= 1, "what follows is read"


@pytest.mark.parametrize("transport", ["udp", "unspecified"])
def test_an_upload_counts_whatever_its_transport_is_said_to_be(transport: str) -> None:
    witness, ledger, meter = a_witness()
    ledger.sent(7, 24, 1.0, 1.5)
    witness.messages([event(transport=transport)], 3.0)
    assert (ledger.counts.delivered, meter.took) == (1, [2.0])


def test_lines_of_the_platform_are_short_printable_and_bounded_in_number() -> None:
    witness, _, _ = a_witness()
    witness.messages([event(bytes="\x1b" * 500)], 1.0)
    (line,) = witness.troubles
    assert line.isprintable()
    assert len(line) == SHOWN + 1
    witness.messages([event(bytes=f"x{number}") for number in range(500)], 1.0)
    assert len(witness.troubles) == TROUBLES_MOST + 1
    assert sum(witness.troubles.values()) == 501


def test_names_of_the_platform_are_bounded_too() -> None:
    witness, _, _ = a_witness()
    witness.messages([event(f"new{number}") for number in range(500)], 1.0)
    assert witness.counters() == {"events.upstreamMessage": 0, "events.other": 500}


def lose(witness: Witness, how: str) -> None:
    match how:
        case "gap":
            witness.gap(2.0, 3.0, "the event stream was closed (1006)")
        case "dropped":
            witness.messages([b'{"type":"dropped","dropped":"3"}'], 3.0)
        case "failed":
            witness.messages([b'{"type":"keepalive"}'], 3.0)
            witness.failed(RuntimeError("refused"))


@pytest.mark.parametrize(
    ("how", "told", "lost_after"),
    [
        ("gap", "meters: 2.0 s to 3.0 s: the event stream was closed (1006)", 1),
        ("dropped", "meters: until 3.0 s: 3 events were dropped (read too slowly, says the platform)", 1),
        ("failed", "meters: 3.0 s to the end: refused", 0),
    ],
)
def test_a_blind_stream_blames_nobody(how: str, told: str, lost_after: int) -> None:
    witness, ledger, _ = a_witness()
    ledger.sent(7, 24, 1.0, 1.5)
    ledger.answered(7)
    lose(witness, how)
    ledger.sent(8, 24, 4.0, 4.0)
    ledger.answered(8)
    ledger.settle()
    assert (ledger.counts.lost, ledger.counts.missing) == (lost_after, 2 - lost_after)
    assert witness.gaps == [told]


def test_many_gaps_are_counted() -> None:
    witness, _, _ = a_witness()
    witness.messages([b'{"type":"dropped","dropped":1}'] * (GAPS_MOST + 30), 5.0)
    assert len(witness.gaps) == GAPS_MOST
    assert witness.gaps[-1] == "meters: and 31 more, until 5.0 s"
    assert witness.troubles == {}
