"""A radio mast comes back after a power cut: every device connects anew within five seconds, once a minute.

locust -f locustfiles/reconnect_storm.py --headless -u 2 --devices-per-user 250 -t 3m --expect "connect p99 < 5 s"
"""

from simulator.load import FleetUser


class Valves(FleetUser):
    """Raw payloads over DTLS; a storm is a handshake of each, crowded as mobile networks crowd them (beta)."""

    transport = "dtls"
    payload = "12 B"
    every = "20 s"
    reconnect_every = "1 min"
    reconnect_over = "beta-5"
    connection = {"resume": False}
