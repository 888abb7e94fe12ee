"""Scenario files: read, checked, and made into frozen objects (`model`), or refused with every mistake in its place."""

from simulator.scenario.loader import find, load, loads
from simulator.scenario.model import Scenario

__all__ = ["Scenario", "find", "load", "loads"]
