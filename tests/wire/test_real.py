"""Which wire is chosen, and what is said about it."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys

import pytest

from simulator.clock import WallClock
from simulator.errors import LocalError
from simulator.wire import batch, single
from simulator.wire.real import open_wire

pytestmark = pytest.mark.real


def chosen(kind):
    async def main():
        wire = await open_wire(kind, WallClock(), asyncio.get_running_loop())
        await wire.close()
        return wire.name, wire.why

    return asyncio.run(main())


@pytest.mark.parametrize("kind", ["batch", "single", "dgram"])
def test_who_asks_for_a_wire_gets_it(kind):
    assert chosen(kind) == (kind, "asked for")


@pytest.mark.parametrize(
    ("no_batch", "no_single", "expected"),
    [
        (None, None, ("batch", "the fastest that works here")),
        ("no calls", None, ("single", "no batches: no calls")),
        ("no calls", "no addresses", ("dgram", "no batches: no calls; no shared socket: no addresses")),
    ],
)
def test_otherwise_it_is_the_fastest_that_works(monkeypatch, no_batch, no_single, expected):
    monkeypatch.setattr(batch, "available", lambda: no_batch)
    monkeypatch.setattr(single, "available", lambda: no_single)
    assert chosen("auto") == expected


@pytest.mark.parametrize("kind", ["batch", "single"])
def test_what_does_not_work_here_is_refused_with_the_reason(monkeypatch, kind):
    monkeypatch.setattr({"batch": batch, "single": single}[kind], "available", lambda: "the moon is full")
    with pytest.raises(LocalError, match="the moon is full; use --wire auto"):
        chosen(kind)


def test_an_unknown_wire_is_refused_with_what_there_is():
    with pytest.raises(LocalError, match=r"no wire 'carrier pigeon' \(known: auto, batch, single, dgram, mapped\)"):
        chosen("carrier pigeon")


def test_who_does_not_use_asyncio_dgram_does_not_import_it(root):
    code = "import sys, simulator.wire.real; print('asyncio_dgram' in sys.modules)"
    environment = {**os.environ, "PYTHONPATH": str(root)}
    assert subprocess.check_output([sys.executable, "-c", code], env=environment, text=True) == "False\n"
