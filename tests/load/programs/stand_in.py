"""What programs with devices need besides the devices, where no test of Locust goes on around them."""

from __future__ import annotations

from contextlib import nullcontext

import gevent

PATIENCE_S = 20.0


class Crew:
    """As far as shards and users need one."""

    def __init__(self):
        self.units = []
        self.over = False

    def coming(self):
        return nullcontext()

    def join(self, unit):
        self.units.append(unit)


def until(holds, what):
    """Wait for a condition; it is a failure if it does not come."""
    with gevent.Timeout(PATIENCE_S, TimeoutError(f"{what} did not come")):
        while not holds():
            gevent.sleep(0.005)
