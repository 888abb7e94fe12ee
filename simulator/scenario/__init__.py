"""Scenario files: read, checked, and made into frozen objects (`model`), or refused with every mistake in its place."""

from simulator.scenario.cases import label
from simulator.scenario.loader import find, load, load_all, loads, loads_all
from simulator.scenario.model import Scenario

__all__ = ["Scenario", "find", "label", "load", "load_all", "loads", "loads_all"]
