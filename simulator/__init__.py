"""Simulated devices drive an IoT platform, and the platform's event stream is held against what a scenario promised."""

__version__ = "0.1.0"
