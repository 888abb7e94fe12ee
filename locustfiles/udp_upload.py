"""Sensors on the mobile network that send plain UDP datagrams; nobody answers, so events are all the proof there is.

locust -f locustfiles/udp_upload.py --headless -u 10 -t 2m --expect "upstreamMessage p99 < 1 s" --expect "lost = 0"
"""

from simulator.load import FleetUser


class Sensors(FleetUser):
    """Each sensor sends what its thermometer says, once in ten seconds, at a moment of its own."""

    transport = "udp"
    payload = {"sensor": "temperature"}
    every = "10 s"
    over = "periodic"
