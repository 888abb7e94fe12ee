"""Scenarios with forms, built from the objects that the loader makes of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from simulator.errors import Place
from simulator.scenario import loads
from simulator.scenario.model import Condition, EventMatcher, Listener, Scenario, Subject

HERE = Place("x.yaml", 9, 5)
M = Subject(group="m", place=HERE, text="m")
TEXT = """
scenario: forms
devices: {m: {count: 2}}
steps:
  - {upload: m, payload: 24 B, times: TIMES, outcome: any, as: report}
  - {wait: 20 s}
allow: [upload-once, connected-first, connected-once, act-once, mismatch-once, event-shape]
"""


def e(name: str, **data: str) -> EventMatcher:
    """A matcher."""
    wanted = tuple((key, Condition(op="equals", value=value)) for key, value in data.items())
    return EventMatcher(name=name, place=HERE, conditions=wanted)


def scenario(*expect: Any, forms: tuple[Any, ...] = (), in_order: bool = False, times: int = 1) -> Scenario:
    """Two meters upload; `forms` belong to that step, `expect` to the whole run. `spy` listens as well."""
    base = loads(TEXT.replace("TIMES", str(times)).replace("times: 1,", ""), "x.yaml")
    first, *others = base.steps
    return replace(
        base,
        steps=(replace(first, forms=forms, within_s=5.0), *others),
        expect=expect,
        observers=(Listener(name="spy", place=HERE),),
        allow=(*base.allow, "same-for-all", "stream-complete"),
        all_in_order=in_order,
    )


def acts(*between: str, until: float = 30.0) -> list[str]:
    """Both upload from 1 s to 2 s; what is given happens when its time says."""
    lines = ["0 run", "0 stream spy opened", "0.5 step 0", "1 > m.0 upload 24", "1 > m.1 upload 24"]
    lines += [
        "2 < m.0 upload ok",
        "2 < m.1 upload ok",
        "2 acted 0",
        "7 ended 0",
        "8 step 1",
        "28 acted 1",
        "28 ended 1",
    ]
    ordered = sorted([*lines, *between], key=lambda line: float(line.split()[0]))
    return [*ordered, f"{until} end done"]
