"""Before a load test: what cannot work stops it, and what limits it is said."""

from __future__ import annotations

import pytest

from simulator.doctor import machine, sockets
from simulator.doctor.finding import Finding
from simulator.errors import ExitCode, LocalError
from simulator.load import preflight
from simulator.load.options import LoadOptions
from simulator.wire.address import address

HERE = LoadOptions()
FAR = LoadOptions(target="https://platform.example", foreign=True)
BARE = LoadOptions(bare=True, coap=address("127.0.0.1", 5683))
OK = Finding(what="addresses", state="ok", found="yes")
LIMITS = Finding(what="addresses", state="limits", found="no", advice="do as in the run")


@pytest.fixture(autouse=True)
def ample(monkeypatch):
    """A machine that lacks nothing, whatever this one is."""
    monkeypatch.setattr(preflight, "descriptor_limit", lambda: 65536)
    monkeypatch.setattr(preflight.os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    monkeypatch.setattr(machine, "free_bytes", lambda: 8 << 30)
    monkeypatch.setattr(sockets, "loopback", lambda: iter([OK]))
    monkeypatch.setattr(sockets, "receive_buffer", lambda: iter([OK]))
    monkeypatch.setattr(preflight.batch, "available", lambda: None)
    monkeypatch.setattr(preflight.single, "available", lambda: None)


def checked(options: LoadOptions = HERE, devices: int = 10_000, processes: int = 1) -> list[str]:
    said: list[str] = []
    preflight.check(options, devices=devices, processes=processes, say=said.append)
    return said


def test_nothing_to_say_of_a_good_machine():
    assert checked() == []


@pytest.mark.parametrize(
    ("options", "devices", "processes", "usable", "needed"),
    [
        (HERE, 10_000, 1, 137, 138),
        (HERE, 10_001, 4, 138, 139),  # all ends of the streams are the server's
        (FAR, 10_000, 4, 130, 131),
        (BARE, 10_000, 1, 137, 138),
    ],
)
def test_each_block_needs_descriptors(monkeypatch, options, devices, processes, usable, needed):
    monkeypatch.setattr(preflight, "descriptor_limit", lambda: usable)
    with pytest.raises(
        LocalError, match=rf"descriptors: {needed} needed, {usable} to be had → ulimit -n {needed}"
    ) as e:
        checked(options, devices, processes)
    assert e.value.exit_code == ExitCode.BROKEN
    monkeypatch.setattr(preflight, "descriptor_limit", lambda: needed)
    assert checked(options, devices, processes) == []


def test_each_device_needs_an_address(monkeypatch):
    with pytest.raises(LocalError, match=r"4194303 devices, and addresses for 4194302 → fewer users"):
        checked(devices=4_194_303)
    monkeypatch.setattr(sockets, "loopback", lambda: iter([LIMITS]))
    with pytest.raises(LocalError, match=r"no → each device needs one: ip addr add 127\.64\.0\.0/10 dev lo"):
        checked()
    assert checked(FAR) == []


def test_one_of_the_shared_sockets_has_to_work(monkeypatch):
    monkeypatch.setattr(preflight.batch, "available", lambda: "no recvmmsg")
    (line,) = checked()
    assert line.startswith("sockets: single (one datagram a call), because batch does not work: no recvmmsg → ")
    monkeypatch.setattr(preflight.single, "available", lambda: "no IP_PKTINFO")
    with pytest.raises(LocalError, match="no batches: no recvmmsg; no shared socket: no IP_PKTINFO → load tests need"):
        checked()


@pytest.mark.parametrize(
    ("options", "processes", "count", "said"),
    [
        (HERE, 1, 2, 0),
        (HERE, 1, 1, 1),
        (HERE, 2, 2, 1),
        (BARE, 2, 2, 0),
        (FAR, 4, 2, 1),
    ],
)
def test_workers_and_server_want_a_core_each(monkeypatch, options, processes, count, said):
    monkeypatch.setattr(preflight.os, "sched_getaffinity", lambda _: set(range(count)), raising=False)
    lines = checked(options, processes=processes)
    assert len(lines) == said
    assert all(line.startswith(f"cores: {count} for {processes} process") for line in lines)


def test_little_memory_is_said_and_far_too_little_stops_it(monkeypatch):
    needed = 128 + 10_000 * 5 // 1024
    monkeypatch.setattr(machine, "free_bytes", lambda: (needed - 1) << 20)
    (line,) = checked()
    assert line.startswith(f"memory: some {needed} MiB needed for 10000 devices, {needed - 1} MiB available → fewer")
    monkeypatch.setattr(machine, "free_bytes", lambda: (needed // 2 - 1) << 20)
    with pytest.raises(LocalError, match="memory: some"):
        checked()
    monkeypatch.setattr(machine, "free_bytes", lambda: None)
    assert checked() == []


def test_all_that_stands_in_the_way_is_told_at_once(monkeypatch):
    monkeypatch.setattr(preflight, "descriptor_limit", lambda: 10)
    monkeypatch.setattr(machine, "free_bytes", lambda: 0)
    with pytest.raises(LocalError, match=r"cannot carry the test: descriptors: .*; memory: "):
        checked()
