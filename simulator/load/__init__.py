"""Load tests with Locust: import a user class in a locustfile, subclass it, and say what the devices are and do.

Locust changes the standard library of the process that imports it (gevent's monkey patches), so this package does so
only when a user class is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from simulator.load.users.device import DeviceUser
    from simulator.load.users.fleet import FleetUser

__all__ = ["DeviceUser", "FleetUser"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from simulator.load.plugin import install
    from simulator.load.users.device import DeviceUser
    from simulator.load.users.fleet import FleetUser

    install()
    return {"DeviceUser": DeviceUser, "FleetUser": FleetUser}[name]
