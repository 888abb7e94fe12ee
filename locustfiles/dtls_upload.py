"""Trackers on the Internet: a certificate for each, a DTLS session, and CoAP in it; one user is one tracker.

locust -f locustfiles/dtls_upload.py --headless -u 200 -r 50 -t 2m --expect "connect p99 < 2 s" --expect "lost = 0"
"""

from locust import between, task

from simulator.load import DeviceUser


class Trackers(DeviceUser):
    """Plain Python, one call after the other: each waits for its answer, and its time is in Locust's tables."""

    transport = "coaps"
    wait_time = between(1, 5)

    @task(9)
    def report(self) -> None:
        """A position, and whatever waits for the tracker comes back with the answer."""
        self.device.upload(b'{"lat": 63.43, "lon": 10.39}', path="position")

    @task
    def roam(self) -> None:
        """Another network: the session is closed and made anew, resumed if the platform remembers it."""
        self.device.disconnect()
        self.device.connect()
