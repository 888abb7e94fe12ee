"""What a broken platform, or a broken recording of a healthy one, can do to a history: one damage at one place.

Each kind says in words what must be found, and which checks must find it. `TOLD` stands for the entry of a step's list
that the damaged event satisfied; where no step asks for the event it stands for nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

from hypothesis import strategies as st

from .history import History, Item, Message, at, clock, later, when


class Draw(Protocol):
    """Chooses."""

    def __call__(self, strategy: st.SearchStrategy[Any]) -> Any: ...


SOON_S: Final = 30.0
"""What comes twice comes again within this time: after a minute a device may connect again (span §3.4)."""

Where = Callable[[History], Iterable[int]]
Do = Callable[[History, int, Draw], Sequence[Item]]

TOLD: Final = "the expectation"
TOLD_NEXT: Final = "the expectation after it"
QUEUED: Final = "what the step forbids that queued the message"


@dataclass(frozen=True)
class Kind:
    """One kind of damage."""

    name: str
    found: str
    """What must be found, in words."""
    where: Where
    """Indices at which it can be done."""
    do: Do
    """The damaged history."""
    checks: tuple[str, ...]
    """Which checks must fail: names of invariants, of steps' checks, and `TOLD`."""
    absence: bool = False
    """Whether it is proven by something that was not seen, so that a gap there leaves it open."""

    def must_find(self, history: History, index: int) -> set[str]:
        """The names of the checks in the verdict."""
        step = history.step_at(index)
        named = set()
        for check in self.checks:
            if check == TOLD:
                named |= {history.told(index)} - {""}
            elif check == TOLD_NEXT:
                named |= {name.replace("[0]", "[1]") for name in {history.told(index)} - {""}}
            elif check == QUEUED:
                named.add(f"steps[{history.step_at(history.began(index, 'send'))}].never[0]")
            elif check.startswith("step."):
                named.add(f"steps[{step}].{check.removeprefix('step.')}")
            elif check.startswith(("trouble.", "expect[", "steps[")):
                named.add(check)
            else:
                named.add(f"invariant.{check}")
        return named


# --- ways to change a history -----------------------------------------------------------------------------------------


def gone(history: History, index: int, draw: Draw) -> list[Item]:
    """An event is left out."""
    return [*history.items[:index], *history.items[index + 1 :]]


def twice(history: History, index: int, draw: Draw) -> list[Item]:
    """The same message comes again, at once or a little later in its step."""
    soon_s = history.message(index).rx_s + SOON_S
    ends = [i for i in range(index, history.step_end(index)) if when(history.items[i]) <= soon_s]
    return put(history.items, draw(st.sampled_from(ends)) + 1, history.message(index))


def put(items: Sequence[Item], index: int, message: Message) -> list[Item]:
    """A message more, before the item at an index: it was emitted and arrives at the time of what is before it."""
    t_s = when(items[index - 1])
    return [*items[:index], replace(message, rx_s=t_s).but(time=clock(t_s)), *items[index:]]


def changed(change: Callable[[Message, History, Draw], Message]) -> Do:
    """One message is another."""

    def do(history: History, index: int, draw: Draw) -> list[Item]:
        items = list(history.items)
        items[index] = change(history.message(index), history, draw)
        return items

    return do


def early(*verbs: str) -> Do:
    """An event comes right before the act that it is of began."""

    def do(history: History, index: int, draw: Draw) -> list[Item]:
        began = history.began(index, *verbs)
        return put(gone(history, index, draw), began, history.message(index))

    return do


def late(history: History, index: int, draw: Draw) -> list[Item]:
    """An event comes after its time is over, and everything after its step comes so much later too."""
    end, by_s = history.step_end(index), draw(st.integers(21, 60))
    before = [item for i, item in enumerate(history.items[: end + 1]) if i != index]
    message = at(history.message(index), when(history.items[end]) + by_s)
    return [*before, message, *later(history.items[end + 1 :], by_s)]


def swapped(history: History, index: int, other: int) -> list[Item]:
    """Two messages change places, and keep the times that stand there."""
    items = list(history.items)
    a, b = items[index], items[other]
    items[index], items[other] = at(b, when(a)), at(a, when(b))
    return items


def of_another(message: Message, history: History, draw: Draw) -> Message:
    """Of another device of the run, that lives in the same collection."""
    name, group = history.names[message.device], history.groups[history.names[message.device]]
    others = [
        device
        for device, other in history.names.items()
        if other != name and history.groups[other].collection == group.collection
    ]
    return message.but(deviceId=draw(st.sampled_from(others)))


def has_neighbour(history: History, index: int) -> bool:
    """Whether another device of the run lives in the same collection."""
    name, groups = history.subject(index), history.groups
    return any(o != name and groups[o].collection == groups[name].collection for o in history.names.values())


def only_coap(indices: Iterable[int], history: History) -> list[int]:
    """Those of devices whose uploads are answered."""
    return [i for i in indices if history.groups[history.subject(i)].transport == "coap"]


def of(*names: str, transport: str = "", stories: tuple[str, ...] = ()) -> Where:
    """Events of these names, in all stories or in these."""
    return lambda history: history.of(*names, transport=transport) if not stories or history.story in stories else []


def told(*names: str, key: str = "", transport: str = "") -> Where:
    """Events of these names that a step asks for, and that value of them."""
    return lambda history: [i for i in history.of(*names, transport=transport) if history.told(i, key)]


def sure(*names: str, transport: str = "coap") -> Where:
    """Events of devices all of whose uploads were answered: then each of them must be shown, and no other."""

    def where(history: History) -> list[int]:
        lost = {history.items[i].subject for i in history.acts("upload") if history.items[i].outcome != "ok"}  # type: ignore[union-attr]
        return [i for i in history.of(*names, transport=transport) if history.subject(i) not in lost]

    return where


def copied_by_nobody(*names: str) -> Where:
    """Events of devices whose links never double a datagram."""
    return lambda history: history.of(*names) if history.story != "radio" else []


def first_contact(history: History) -> list[int]:
    """clientConnected, where an upstreamMessage of the same device is what comes next of it."""
    found = []
    for i in history.of("clientConnected"):
        following = (j for j in history.messages if j > i and history.message(j).device == history.message(i).device)
        after = next(following, None)
        if after is not None and history.message(after).name == "upstreamMessage":
            found.append(i)
    return found


def caused_by(*verbs: str, names: tuple[str, ...], transport: str = "") -> Where:
    """Events for which such an act of the device had begun, in the same step."""

    def where(history: History) -> list[int]:
        return [
            i
            for i in history.of(*names, transport=transport)
            if history.began(i, *verbs) >= 0 and history.step_at(history.began(i, *verbs)) >= 0
        ]

    return where


ACTS: Final = {
    "ciotConnect": "attach",
    "deviceCreated": "create",
    "deviceUpdated": "update",
    "deviceRemoved": "remove",
    "deviceMoved": "move",
}
"""Event → the act that it tells of (span §3.4)."""
