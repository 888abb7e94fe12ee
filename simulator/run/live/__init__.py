"""The language of scenarios in Python: devices, verbs and expectations, line by line (scenarios §8).

The verbs are the ones that files use: what is written here goes through the same reader (`reading`), is acted out by
the same rehearsal (`stage`), and what must hold without being asked is judged by the same judge (`chronicle`).
"""

from simulator.run.live.devices import LiveDevice
from simulator.run.live.rehearsal import LiveRehearsal
from simulator.run.live.said import ActFailed, NotHeld

__all__ = ["ActFailed", "LiveDevice", "LiveRehearsal", "NotHeld"]
