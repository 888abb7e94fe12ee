"""A FleetUser without a platform: BENCH_EVERY says how often each device uploads."""

from __future__ import annotations

import os
from typing import Any

from locust import events
from locust_marks import WARM_S, measure

from simulator.load import FleetUser
from simulator.load.meters import SCHEDULE_ERROR


class Meters(FleetUser):
    """Devices of one group, as many users of them as `-u` says."""

    every = os.environ.get("BENCH_EVERY", "1 s")
    payload = "24 B"


@events.test_start.add_listener
def _start(environment: Any, **_: Any) -> None:
    def counters() -> dict[str, int]:
        station = environment.station
        found: dict[str, int] = station.counters() if station is not None else {}
        return found

    def more() -> dict[str, Any]:
        errors = environment.station.meters.hidden(SCHEDULE_ERROR).histogram
        took = environment.station.meters.meter("CoAP", "upload", "meters").histogram
        quantiles = {f"error_p{q:g}_ms": errors.percentile(q) * 1e3 for q in (50, 99, 99.9)}
        return {
            **quantiles,
            "error_max_ms": errors.max_s * 1e3,
            **{f"took_p{q:g}_ms": took.percentile(q) * 1e3 for q in (50, 95, 99)},
            "took_max_ms": took.max_s * 1e3,
            "counted": took.count,
            "devices": environment.station.crew.joined,
            **{
                name: counters().get(name, 0)
                for name in ("coap.retransmissions", "coap.timeouts", "drops", "send_errors")
            },
        }

    def settled() -> None:
        if WARM_S:  # what happened while the devices came in is not looked at
            environment.station.meters.reset()

    measure(lambda: counters().get("coap.answered", 0), more, settled)
