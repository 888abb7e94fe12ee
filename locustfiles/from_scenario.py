"""The groups of a scenario file, under load: attach and connect, uploads, reconnections, and its thresholds.

locust -f locustfiles/from_scenario.py --scenario scenarios/upload/rush_hour.yaml --headless -t 2m
"""

from simulator.load import FleetUser


class Fleet(FleetUser):
    """Without -u there are as many users as the file has devices for; --scenario takes the place of this one."""

    scenario = "scenarios/upload/rush_hour.yaml"
