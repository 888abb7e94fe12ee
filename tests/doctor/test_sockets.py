"""What the network of this machine allows: what is told is what is there."""

from __future__ import annotations

import os
import resource
import socket
import subprocess
import sys

from simulator.doctor import sockets


def test_a_taken_port_is_told_with_who_has_it(monkeypatch):
    with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp, socket.socket() as free:
        for sock in (tcp, udp, free):
            sock.bind(("127.0.0.1", 0))
        tcp.listen()
        numbers = [sock.getsockname()[1] for sock in (tcp, udp, free)]
        free.close()
        kinds = ("tcp", "udp", "udp")
        table = tuple(("API", kind, number, "--port") for kind, number in zip(kinds, numbers, strict=True))
        monkeypatch.setattr(sockets, "SERVE_PORTS", table)
        told = {finding.what: finding for finding in sockets.ports()}
    taken = [told[f"port {number}"] for number in numbers]
    assert [one.state for one in taken] == ["limits", "limits", "ok"]
    if os.path.exists("/proc/net/tcp"):
        assert f"by process {os.getpid()} (" in taken[0].found
        assert f"by process {os.getpid()} (" in taken[1].found


def test_few_descriptors_limit_and_none_left_make_a_run_impossible():
    program = "from simulator.doctor.sockets import descriptors; print(next(descriptors()))"

    def state(limit: int) -> str:
        done = subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit)),
        )
        return done.stdout

    assert "state='limits'" in state(256)
    assert "192 devices" in state(256)
    assert "fatal=False" in state(256)
    assert "fatal=True" in state(40)
