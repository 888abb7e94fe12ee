"""Ports that are kept from others while nobody listens there."""

from __future__ import annotations

import socket

import pytest

from simulator.wire.address import address
from simulator.wire.sockets import reserve

KINDS = {"UDP": socket.SOCK_DGRAM, "TCP": socket.SOCK_STREAM}


def can_be_had(kind: socket.SocketKind, port: int) -> bool:
    with socket.socket(type=kind) as sock:
        try:
            sock.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


@pytest.mark.real
@pytest.mark.parametrize("name", KINDS)
def test_a_port_that_is_kept_is_nobodys_until_it_is_let_go(name):
    with socket.socket(type=KINDS[name]) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    where = address("127.0.0.1", port)
    (held,) = reserve([where], []) if name == "UDP" else reserve([], [where])
    assert not can_be_had(KINDS[name], port)
    held.close()
    assert can_be_had(KINDS[name], port)


@pytest.mark.real
def test_a_port_that_somebody_has_is_left_out():
    with socket.socket(type=socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        assert reserve([address("127.0.0.1", other.getsockname()[1])], []) == []
