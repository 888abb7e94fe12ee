"""What does not go with the device's session in the mobile network, with its network, or with where it was moved."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from simulator.events.records import ActRecord

from .history import History, Item, Message, at, clock, when
from .stories import SWAPS
from .ways import Do, Draw, Kind, changed, gone, of, put

ITS_OWN = ("reports", "life", "messages", "radio", "told")
"""Stories in which no device may pass for another one."""


def of_sessions() -> Iterable[Kind]:
    yield Kind(
        "clientConnected of a stranger", "a device connects that has not logged in", _first_login, _before_the_login,
        ("in-session",),
    )  # fmt: skip
    yield Kind(
        "clientConnected before its login shows", "a device connects while nothing has shown of its login",
        _first_login, _before_it_shows, ("in-session",), absence=True,
    )  # fmt: skip
    yield Kind(
        "clientConnected after detach", "a device connects that has left the network", _left, _connects,
        ("in-session",),
    )  # fmt: skip
    yield Kind(
        "upstreamMessage after detach", "a message of a device that has left the network is stored", _left, _sends,
        ("upload-once",),
    )  # fmt: skip
    yield Kind(
        "clientConnected missing before a poll's answer", "the first contact is a poll, and nothing is said of it",
        _polled_first, gone, ("connected-first",), absence=True,
    )  # fmt: skip
    yield Kind(
        "downstreamMessage when it is queued", "a message is handed over before its device has asked for it",
        lambda h: [i for i in h.of("downstreamMessage") if _queued(h, i)], _at_queueing, ("downstream-queued",),
    )  # fmt: skip


def of_networks() -> Iterable[Kind]:
    yield Kind(
        "clientDisconnected of the mobile network", "the end of a session shows that nobody is told of",
        of("upstreamMessage"), _more("clientDisconnected", None), ("fits-network",),
    )  # fmt: skip
    for name, data in (
        ("gatewayUpstreamMessage", {"bytes": "24"}),
        ("gatewayDownstreamMessage", {"bytes": "4", "messageId": "17dh0cf43zzzzz"}),
    ):
        yield Kind(
            f"{name} without a gateway", "a device shows behind a gateway that it is not behind",
            of("upstreamMessage"), _more(name, data), ("fits-network",),
        )  # fmt: skip
    yield Kind(
        "clientConnected by certificate", "a device shows a certificate that it does not have",
        of("clientConnected"), changed(lambda m, h, d: m.with_data(id="certificate")), ("fits-network",),
    )  # fmt: skip
    yield Kind(
        "ciotConnect with another's address", "two devices in session have one address",
        lambda h: [i for i in h.of("ciotConnect") if _in_session(h, i)], _with_the_others("ip"), ("own-address",),
    )  # fmt: skip
    for key in ("imsi", "imei"):
        yield Kind(
            f"ciotConnect with another's {key}", f"a device logs in with the {key} of another one",
            lambda h: [i for i in h.of("ciotConnect") if h.story in ITS_OWN and _in_session(h, i)],
            _with_the_others(key), ("own-address",),
        )  # fmt: skip
    yield Kind(
        "ciotConnect with nobody's IMSI", "a device logs in with a card that nobody has", of("ciotConnect"),
        changed(lambda m, h, d: m.with_data(imsi="999990000000042")), ("own-address",),
    )  # fmt: skip
    yield Kind(
        "ciotConnect with nobody's IMEI", "a device logs in with a modem that nobody has", of("ciotConnect"),
        changed(lambda m, h, d: m.with_data(imei="356938035643809")), ("own-address",),
    )  # fmt: skip
    yield Kind(
        "another address for the same card", "a device that logs in again shows another address than before",
        lambda h: [i for i in h.of("ciotConnect") if h.story in ITS_OWN and _again(h, i)],
        changed(lambda m, h, d: m.with_data(ip="10.64.9.9")), ("own-address",),
    )  # fmt: skip
    yield Kind(
        "clientConnected with its login", "a device that has not sent anything yet shows as connected",
        lambda h: [i for i in h.of("ciotConnect") if h.story not in SWAPS and not _again(h, i)],
        _more("clientConnected", {"id": "ip"}), ("in-session",),
    )  # fmt: skip
    yield Kind(
        "deviceMoved the other way", "a move shows from where it went to", of("deviceMoved"),
        changed(lambda m, h, d: m.with_data(**{"from": m.data["to"], "to": m.data["from"]})), ("moved-between",),
    )  # fmt: skip
    yield Kind(
        "deviceMoved from elsewhere", "a move shows from where the device never was",
        lambda h: [i for i in h.of("deviceMoved") if h.message(i).collection == h.message(i).data["to"]],
        changed(lambda m, h, d: m.with_data(**{"from": "17dh0cf43zzzzz"})), ("moved-between",),
    )  # fmt: skip


def _first_login(history: History) -> list[int]:
    """The first ciotConnect of each device."""
    first: dict[str, int] = {}
    for i in history.of("ciotConnect") if history.story in ITS_OWN else ():
        first.setdefault(history.subject(i), i)
    return list(first.values())


def _connected(message: Message) -> Message:
    return message.but(event="clientConnected", data={"id": "ip"})


def _before_the_login(history: History, index: int, draw: Draw) -> list[Item]:
    return put(history.items, history.began(index, "attach"), _connected(history.message(index)))


def _before_it_shows(history: History, index: int, draw: Draw) -> list[Item]:
    return put(history.items, index, _connected(history.message(index)))


def _left(history: History) -> list[int]:
    """Where a device has left that was in session."""
    return [i for i in history.acts("detach", outcome="ok") if history.story in ITS_OWN]


def _latest_of(history: History, index: int) -> Message:
    subject = _act(history, index).subject
    return history.message([i for i in history.messages if i < index and history.subject(i) == subject][-1])


def _act(history: History, index: int) -> ActRecord:
    act = history.items[index]
    assert isinstance(act, ActRecord)
    return act


def _connects(history: History, index: int, draw: Draw) -> list[Item]:
    return put(history.items, index + 1, _connected(_latest_of(history, index)))


def _sends(history: History, index: int, draw: Draw) -> list[Item]:
    """It sends like before, and is answered like before."""
    t_s, subject = when(history.items[index]), _act(history, index).subject
    began, ended = (
        next(i for i in history.acts("upload", phase) if _act(history, i).subject == subject)
        for phase in ("began", "ended")
    )
    transport = history.groups[subject].transport
    again = {"n": 90, "t_s": t_s, "size": 24}
    message = _latest_of(history, index).but(event="upstreamMessage", data={"bytes": "24", "transport": transport})
    more: list[Item] = [
        msgspec.structs.replace(_act(history, began), **again),
        at(message, t_s).but(time=clock(t_s)),  # type: ignore[union-attr]
        msgspec.structs.replace(_act(history, ended), **again),
    ]
    return [*history.items[: index + 1], *more, *history.items[index + 1 :]]


def _polled_first(history: History) -> list[int]:
    """clientConnected, where the next event of the device is what a poll brought back."""
    found = []
    for i in history.of("clientConnected"):
        device = history.message(i).device
        following = (j for j in history.messages if j > i and history.message(j).device == device)
        after = next(following, None)
        if after is not None and history.message(after).name == "downstreamMessage":
            found.append(i)
    return found


def _queued(history: History, index: int) -> int:
    """Where the message that was handed over had been queued; 0: not known."""
    subject, size = history.subject(index), history.message(index).data["bytes"]
    sends = [i for i in history.acts("send") if i < index and _act(history, i).subject == subject]
    return next((i for i in sends if str(_act(history, i).size) == size), 0)


def _at_queueing(history: History, index: int, draw: Draw) -> list[Item]:
    return put(gone(history, index, draw), _queued(history, index) + 1, history.message(index))


def _more(name: str, data: dict[str, str] | None) -> Do:
    def do(history: History, index: int, draw: Draw) -> list[Item]:
        return put(history.items, index + 1, history.message(index).but(event=name, data=data))

    return do


def _again(history: History, index: int) -> bool:
    """Whether it has logged in before."""
    return any(i < index and history.subject(i) == history.subject(index) for i in history.of("ciotConnect"))


def _in_session(history: History, index: int) -> int:
    """The latest login of another device that is certainly in session; 0: there is none."""
    found = 0
    for i in history.of("ciotConnect"):
        subject = history.subject(i)
        if i >= index or subject == history.subject(index):
            continue
        since = [
            x
            for x in history.items[i:index]
            if isinstance(x, ActRecord) and x.subject == subject and x.phase == "began"
        ]
        if not any(act.verb in ("attach", "detach", "remove", "update") for act in since):
            found = i
    return found


def _with_the_others(key: str) -> Do:
    def do(history: History, index: int, draw: Draw) -> list[Item]:
        other = history.message(_in_session(history, index)).data[key]
        return changed(lambda m, h, d: m.with_data(**{key: other}))(history, index, draw)

    return do
