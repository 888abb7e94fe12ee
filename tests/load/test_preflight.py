"""Before a load test: what cannot work stops it, and what limits it is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulator.doctor import machine, sockets
from simulator.doctor.finding import Finding
from simulator.errors import ExitCode, LocalError
from simulator.load import preflight
from simulator.load.options import LoadOptions
from simulator.wire.address import address

HERE = LoadOptions()
FAR = LoadOptions(target="https://platform.example", foreign=True)
FAR_BARE = LoadOptions(bare=True, coap=address("10.0.0.5", 5683))
BARE = LoadOptions(bare=True, coap=address("127.0.0.1", 5683))
OK = Finding(what="addresses", state="ok", found="yes")
LIMITS = Finding(what="addresses", state="limits", found="no", advice="do as in the run")


@pytest.fixture(autouse=True)
def ample(monkeypatch):
    """A machine that lacks nothing, whatever this one is."""
    monkeypatch.setattr(preflight, "descriptor_limit", lambda: 65536)
    monkeypatch.setattr(preflight.os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    monkeypatch.setattr(machine, "free_bytes", lambda: 8 << 30)
    monkeypatch.setattr(preflight, "PORT_RANGE", Path("/nowhere/range"))
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


@pytest.mark.parametrize("options", [FAR, FAR_BARE], ids=["API", "bare"])
@pytest.mark.parametrize(
    ("devices", "processes", "of_one", "needed"),
    [(10_000, 1, 10_000, 10_138), (10_000, 4, 3_000, 3_131), (300, 1, 300, 429)],
)
def test_towards_another_machine_each_device_needs_a_descriptor(
    monkeypatch, options, devices, processes, of_one, needed
):
    monkeypatch.setattr(preflight, "descriptor_limit", lambda: needed - 1)
    words = rf"descriptors: {of_one} devices of a process with a socket each: {needed} needed, {needed - 1} to be had"
    with pytest.raises(LocalError, match=rf"{words} → ulimit -n {needed}, or more processes \(--processes\), or fewer"):
        checked(options, devices, processes)
    monkeypatch.setattr(preflight, "descriptor_limit", lambda: needed)
    assert checked(options, devices, processes) == []
    # Whoever starts workers by hand may have any number of them, anywhere.
    monkeypatch.setattr(preflight, "descriptor_limit", lambda: 200)
    preflight.check(options, devices=devices, processes=processes, say=print, elsewhere=True)


def test_more_descriptors_than_a_process_can_have_are_no_advice():
    with pytest.raises(LocalError, match="69202 needed, 65536 to be had → more processes"):
        checked(FAR_BARE, 69_004)


@pytest.mark.parametrize("options", [FAR, FAR_BARE], ids=["API", "bare"])
def test_towards_another_machine_each_device_needs_a_port(monkeypatch, tmp_path, options):
    monkeypatch.setattr(preflight, "PORT_RANGE", tmp_path / "range")
    (tmp_path / "range").write_text("32768\t60999\n")
    assert checked(options, 28_232, 2) == []
    with pytest.raises(LocalError, match=r"28233 devices with one each, 28232 to be had → sysctl -w net\.ipv4"):
        checked(options, 28_233, 2)
    preflight.check(options, devices=28_233, processes=1, say=print, elsewhere=True)
    (tmp_path / "range").unlink()
    assert checked(options, 28_233, 2) == []


def test_one_of_the_shared_sockets_has_to_work(monkeypatch):
    monkeypatch.setattr(preflight.batch, "available", lambda: "no recvmmsg")
    (line,) = checked()
    assert line.startswith("sockets: single (one datagram a call), because batch does not work: no recvmmsg → ")
    monkeypatch.setattr(preflight.single, "available", lambda: "no IP_PKTINFO")
    (line,) = checked()
    assert line.startswith("sockets: mapped: one for each device, because no batches: no recvmmsg; no shared socket: ")
    monkeypatch.setattr(preflight, "descriptor_limit", lambda: 10_000)
    with pytest.raises(LocalError, match="descriptors: 10000 devices of a process with a socket each: 10138 needed, "):
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
