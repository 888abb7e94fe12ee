"""One Locust user that is a single device: its tasks are plain Python, and its calls block until they are done.

    class Meter(DeviceUser):
        transport = "coaps"
        wait_time = constant_pacing(60)

        @task
        def report(self):
            self.device.upload(b"22.5")

A user waits for the platform, so a slow platform gets less load from these; for a load that does not care, see
`FleetUser`. One of these costs some ten thousand times what a device of a FleetUser costs while it does nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from gevent import GreenletExit
from locust import User

from simulator.errors import LocalError, SimulatorError
from simulator.load.green_device import GreenDevice
from simulator.load.groups import traffics_of
from simulator.load.squad import Squad, squads_of
from simulator.load.traffic import Traffic
from simulator.load.users.attributes import Attributes

if TYPE_CHECKING:
    from simulator.load.station import Station


class DeviceUser(Attributes, User):
    """A device of the group that the class's attributes describe, or of one of a scenario; `-u` counts devices.

    Subclass it and write its tasks. Who has an `on_start` or `on_stop` of its own calls that of this class, too.
    """

    abstract = True
    has_timetable: ClassVar[bool] = False

    joins: ClassVar[bool] = True
    """Whether it attaches or connects before its first task."""
    raise_failures: ClassVar[bool] = False
    """Whether an act that fails raises ActFailed in the task, instead of returning an outcome that is not `ok`."""

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        self._post: tuple[Squad, int] | None = None
        self._device: GreenDevice | None = None

    @property
    def device(self) -> GreenDevice:
        """The device that this user is, once it has started. Raises: LocalError: it has not."""
        if self._device is None:
            raise LocalError(
                f"{type(self).__name__} has no device yet: its on_start must call super().on_start() first"
            )
        return self._device

    @classmethod
    def traffics(cls, options: Any) -> tuple[Traffic, ...]:
        """What the class drives; its deeds are the tasks. Raises: UsageError, ScenarioErrors."""
        return traffics_of(cls, options, 1)

    def on_start(self) -> None:
        """Become a device: have the platform know it, and let it in."""
        station: Station | None = self.environment.station
        # GreenletExit ends the user, and Locust prints no traceback as for StopUser.
        if station is None:  # the platform could not be reached, which has been told
            raise GreenletExit
        try:
            with station.crew.coming():
                squads = squads_of(station, type(self).__name__, lambda: self.traffics(station.options))
                self._post = squads.enlist()
                if self._post is None:  # every device of the scenario has a user already
                    raise GreenletExit
                squad, number = self._post
                squad.provide(number)
            self._device = GreenDevice(squad, number, raise_failures=self.raise_failures)
        except SimulatorError as error:
            station.failed(error)
            raise GreenletExit from None
        if self.joins:
            self.device.enter()

    def on_stop(self) -> None:
        """Leave in order, and make room for another user."""
        post, self._post = self._post, None
        if post is None:
            return
        squad, number = post
        try:
            if self._device is not None:
                self._device.leave()
        finally:
            squad.dismiss(number)
