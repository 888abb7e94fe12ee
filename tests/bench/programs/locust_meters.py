"""Meters that upload over CoAP every `BENCH_EVERY`: the load of bench_verdict.py."""

import os

from simulator.load import FleetUser


class Meters(FleetUser):
    """So many seconds apart that the devices come to the rate that is wanted."""

    every = os.environ["BENCH_EVERY"]
