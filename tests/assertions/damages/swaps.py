"""What does not go with cards that change their places, with their refusals, and with sessions that are taken over."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from simulator.events.records import ActRecord, StatisticsRecord

from .history import History, Item, Message, when
from .stories import SWAPS
from .ways import Do, Draw, Kind, Where, changed, gone, of, put, twice


def of_swaps() -> Iterable[Kind]:
    yield Kind(
        "mismatch not told", "a refusal that its step wants to see is not shown",
        _mismatches("moved"), gone, ("steps[3].expect[0]",), absence=True,
    )  # fmt: skip
    for name in ("imeiMismatch", "imsiMismatch"):
        yield Kind(
            f"{name} of another", "a refusal is shown as that of the other one",
            of(name, stories=("exchanged",)), changed(_of_the_other), (f"trouble.{name}",),
        )  # fmt: skip
    yield Kind(
        "mismatch told twice", "one refused login shows twice", _mismatches("moved", "exchanged"), twice,
        ("mismatch-once", "login-told"),
    )  # fmt: skip
    yield Kind(
        "ciotConnect of a refused swap", "who was refused is shown as let in",
        _mismatches("moved", "exchanged"), _let_in, ("act-once", "login-told"),
    )  # fmt: skip
    yield Kind(
        "ciotConnect of a takeover missing", "a login that was taken for another's is not shown",
        # That a count is lacking proves nothing where a gap is anywhere, so login-told is not asked here.
        _of_kin("ciotConnect"), gone, ("act-once",), absence=True,
    )  # fmt: skip
    yield Kind(
        "ciotConnect of a takeover doubled", "a login that was taken for another's is shown twice",
        _of_kin("ciotConnect"), twice, ("act-once", "login-told"),
    )  # fmt: skip
    for key in ("imsi", "imei"):
        yield Kind(
            f"mismatch with nobody's {key}", f"a refusal tells of an {key} that nobody has",
            _mismatches("moved", "exchanged"), changed(_with_nobodys(key)), ("own-address",),
        )  # fmt: skip
    yield Kind(
        "mismatch that expects nobody's number", "a refusal tells of a number that was never entered",
        _mismatches("moved"), changed(_expects_nobodys), ("own-address",),
    )  # fmt: skip
    yield Kind(
        "upload of a takeover missing", "what was sent in another's name is not shown",
        _of_kin("upstreamMessage"), gone, ("upload-once",), absence=True,
    )  # fmt: skip
    yield Kind(
        "upload of a takeover doubled", "what was sent in another's name is shown twice",
        _of_kin("upstreamMessage"), twice, ("upload-once",),
    )  # fmt: skip
    yield Kind(
        "upload in its own name", "what was sent by one who is taken for another is shown as that of the other one",
        _in_anothers_name, changed(_of_the_other), ("upload-once",),
    )  # fmt: skip
    yield Kind(
        "upload of a refused device", "what was not even sent is shown", _not_sent, _sends, ("upload-once",),
    )  # fmt: skip
    yield Kind(
        "clientConnected without a card", "a device connects whose card is gone, and that of nobody who could be it",
        _left_alone, _connects, ("in-session",),
    )  # fmt: skip
    for name, words in (("accepted", "a login"), ("rejected", "a refusal")):
        yield Kind(
            f"{name} counted once more", f"{words} is counted that did not happen", _counts, _counted(name, 1),
            ("login-told",),
        )  # fmt: skip
    yield Kind(
        "accepted counted once less", "a login is shown that was not counted", _counts, _counted("accepted", -1),
        ("login-told",),
    )  # fmt: skip
    for name, words in (
        ("discarded", "packets are counted that were wrong in no way"),
        ("accounting.stop", "an end of a session is counted that has no cause"),
        ("accounting.start", "a session began that was not let in"),
        ("disconnects.acknowledged", "an answer is counted to what was not sent"),
    ):
        yield Kind(f"{name} counted once more", words, _counts, _counted(name, 9), ("login-told",))
    yield Kind(
        "statistics that a scenario asks for", "the server has counted other refusals",
        lambda h: _counts(h) if h.story == "moved" else [], _counted("rejected.IMEI mismatch", 1), ("expect[0]",),
    )  # fmt: skip


SURELY_GONE_S = 20.0
"""By then nobody passes for the old one any more, and nothing of its is on its way."""

KIN = {
    "left": "right", "right": "left", "here": "there", "there": "here", "old": "new", "new": "old",
    "careless": "copy", "copy": "careless", "naked": "thief", "thief": "naked",
}  # fmt: skip
"""Who can be taken for whom."""


def _mismatches(*stories: str) -> Where:
    return lambda history: history.of("imeiMismatch", "imsiMismatch") if history.story in stories else []


def _of_kin(name: str) -> Where:
    """Events of devices that others can be taken for."""

    def where(history: History) -> list[int]:
        return [i for i in history.of(name) if history.story in SWAPS and history.subject(i) in KIN]

    return where


def _of_the_other(message: Message, history: History, draw: Draw) -> Message:
    ids = {name: device for device, name in history.names.items()}
    return message.but(deviceId=ids[KIN[history.names[message.device]]])


def _with_nobodys(key: str) -> Callable[[Message, History, Draw], Message]:
    return lambda message, history, draw: message.with_data(**{key: "999990000000042"})


def _expects_nobodys(message: Message, history: History, draw: Draw) -> Message:
    key = next(key for key in message.data if key.startswith("expected"))
    return message.with_data(**{key: "999990000000042"})


def _let_in(history: History, index: int, draw: Draw) -> list[Item]:
    message = history.message(index)
    data = {key: message.data[key] for key in ("imsi", "imei")} | {"ip": "10.64.0.99"}
    return put(history.items, index + 1, message.but(event="ciotConnect", data=data))


def _in_anothers_name(history: History) -> list[int]:
    """Uploads after an exchange, of sizes that only one of the two has sent."""
    here = [i for i in history.of("upstreamMessage") if history.story == "exchanged"]
    return [i for i in here if history.message(i).data["bytes"] in ("21", "22")]


def _act(history: History, index: int) -> ActRecord:
    act = history.items[index]
    assert isinstance(act, ActRecord)
    return act


def _not_sent(history: History) -> list[int]:
    """Ends of uploads that a device did not even try."""
    failed = history.acts("upload", outcome="failed") if history.story in SWAPS else []
    return [i for i in failed if _act(history, i).detail.startswith("not attached")]


def _sends(history: History, index: int, draw: Draw) -> list[Item]:
    """It is shown as its own, or as that of the one that its card belongs to."""
    act = _act(history, index)
    ids = {name: device for device, name in history.names.items()}
    name = act.subject if act.subject in ids and history.story != "taken" else KIN[act.subject]
    device = ids.get(name) or ids[act.subject]
    like = next(i for i in history.of("upstreamMessage") if history.message(i).device in (device, ids[act.subject]))
    message = history.message(like).but(deviceId=device, data={"bytes": str(act.size), "transport": "coap"})
    return put(history.items, index + 1, message)


def _left_alone(history: History) -> list[int]:
    """Long after the card was pulled, and was let in elsewhere."""
    late = [i for i in history.acts("upload", outcome="ok") if _act(history, i).subject.startswith("others")]
    return [i for i in late if history.story == "moved" and when(history.items[i]) > SURELY_GONE_S]


def _connects(history: History, index: int, draw: Draw) -> list[Item]:
    like = next(i for i in history.of("clientConnected") if history.subject(i) == "old")
    return put(history.items, index + 1, history.message(like))


def _counts(history: History) -> list[int]:
    return [i for i, x in enumerate(history.items) if isinstance(x, StatisticsRecord) and x.phase == "ended"]


def _counted(name: str, more: int) -> Do:
    def do(history: History, index: int, draw: Draw) -> list[Item]:
        items = list(history.items)
        record = items[index]
        assert isinstance(record, StatisticsRecord)
        items[index] = msgspec.structs.replace(record, found={**record.found, name: record.found.get(name, 0) + more})
        return items

    return do
