"""What a real platform sees: many quiet meters, some chatty trackers, alarms at random, and a share of bad radios.

locust -f locustfiles/mixed_fleet.py --headless -u 20 --devices-per-user 500 -t 5m --expect "failed upload < 1 %"
"""

from simulator.load import FleetUser


class Meters(FleetUser):
    """Most of the fleet: a reading a minute."""

    weight = 6
    payload = {"sensor": "electricity"}
    every = "1 min"


class Cellar(FleetUser):
    """The same behind thick walls: what is lost is sent again, and response times show it."""

    weight = 2
    link = "nb-iot-ce1"
    every = "5 min"


class Alarms(FleetUser):
    """Plain UDP, whenever something happens: 5/s for each user's devices together."""

    transport = "udp"
    over = "poisson 5/s"


class Trackers(FleetUser):
    """On the Internet, with a certificate."""

    transport = "coaps"
    every = "30 s"
