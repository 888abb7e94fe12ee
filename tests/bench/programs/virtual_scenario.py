"""A whole scenario in virtual time: provisioning, devices, links, platform, event stream, journal and verdict.

    virtual_scenario.py DEVICES UPLOADS

Reports the CPU time per upload, with everything around it; imports and the reading of the file are not counted.
"""

from __future__ import annotations

import sys

from common import Meter

from simulator.events.journal import Journal
from simulator.run.settings import RunSettings
from simulator.run.start import rehearse
from simulator.run.watch import Nobody
from simulator.scenario.loader import loads

SCENARIO = """
scenario: Every meter reports, and every report is seen
devices:
  meters: {{count: {devices}, network: ciot, transport: coap, payload: 32 B}}
steps:
  - {{attach: meters, over: 1 min}}
  - {{upload: meters, over: 10 min, every: 10 min, times: {uploads}}}
expect:
  - {{each: meters, sees: upstreamMessage, times: {uploads}}}
"""


def main(devices: int, uploads: int) -> None:
    """Act it out and report."""
    scenario = loads(SCENARIO.format(devices=devices, uploads=uploads))
    journal_bytes = 0

    def write(lines: bytes) -> None:
        nonlocal journal_bytes
        journal_bytes += len(lines)

    meter = Meter()
    result = rehearse(scenario, RunSettings(), Journal(write), Nobody())
    meter.report(devices * uploads, journal_bytes=journal_bytes, verdict=result.verdicts.verdict)
    if result.verdicts.verdict != "pass":
        sys.exit(f"the scenario came to {result.verdicts.verdict}")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
