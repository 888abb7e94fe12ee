"""Meters on the mobile network that upload over CoAP: 24 B a minute each, confirmable, evenly spread.

locust -f locustfiles/coap_upload.py --headless -u 10 -t 2m --expect "upload p99 < 500 ms" --expect "lost = 0"
"""

from simulator.load import FleetUser


class Meters(FleetUser):
    """One user is a shard of `--devices-per-user` meters; a response time counts from when the upload was due."""

    transport = "coap"
    payload = "24 B"
    every = "1 min"
