"""A plain Locust user that sends a datagram and waits for its echo, on gevent's sockets: no protocol at all.

The datagram happens to be a CoAP message, for the same server answers all that are measured.
"""

from __future__ import annotations

import socket
import time
from typing import Any

from locust import User, events, task
from locust_marks import PAYLOAD, PEER, measure

answered = 0
MESSAGE = b"\x44\x02\x00\x01toke\xb4data\xff" + PAYLOAD


class Echo(User):
    """One request after the other."""

    def on_start(self) -> None:
        """A socket for each user."""
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)  # gevent's: Locust has patched it
        self.sock.connect(PEER)
        self.sock.settimeout(2)

    @task
    def upload(self) -> None:
        """As in Locust's documentation on other protocols."""
        global answered
        began = time.perf_counter()
        self.sock.send(MESSAGE)
        self.sock.recv(2048)
        took_ms = (time.perf_counter() - began) * 1e3
        self.environment.events.request.fire(
            request_type="UDP", name="upload", response_time=took_ms, response_length=0, exception=None, context={}
        )
        answered += 1


@events.test_start.add_listener
def _start(**_: Any) -> None:
    measure(lambda: answered)
