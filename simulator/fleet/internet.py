"""The Internet as devices of a run meet it: sessions, NATs and blobs. Carries out what their stories want of it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from simulator import acts
from simulator.clock import Clock, Timers
from simulator.devices.internet import InternetDevice
from simulator.errors import LocalError
from simulator.fleet.fleet import Fleet
from simulator.fleet.keyring import Keyring
from simulator.wire.drivers.stories import Performer, Running, Stories

if TYPE_CHECKING:
    from simulator.target.blobs import BlobUploader

_DONE = acts.Done()
_SAYING = frozenset({acts.Post, acts.Get, acts.Datagram})
"""What needs a session to go on."""
_DISCONNECTED = acts.Broken("the device has disconnected")
_RENEWED = acts.Broken("the device has begun a new session")
_NO_DOOR = acts.Broken("the target tells no place for blobs")
BLOB_PATIENCE_S = 30.0
"""How long a device tries to reach the platform by TCP while its radio is dark."""

Later = Callable[[Running, Coroutine[Any, Any, Any]], None]
"""Carries out something that has to wait, and goes on with its result."""


class Internet:
    """Performs for `Stories` what `acts` names after the Internet.

    Args:
        later: see `Later`.
    """

    def __init__(
        self, fleet: Fleet, keyring: Keyring, clock: Clock, timers: Timers, stories: Stories, later: Later
    ) -> None:
        self._fleet, self._keyring, self._clock, self._timers = fleet, keyring, clock, timers
        self._stories, self._later = stories, later
        self.blobs: BlobUploader | None = None
        """Told as soon as there is a target."""
        fleet.lost, fleet.idle = self._lost, self._idle

    def performers(self) -> dict[type, Performer]:
        """What carries out each kind of act."""
        return {
            acts.Connect: self._connect,
            acts.Disconnect: self._disconnect,
            acts.DropSession: self._drop,
            acts.RebindNat: self._rebind,
            acts.UploadBlob: self._upload_blob,
        }

    # --- sessions -----------------------------------------------------------------------------------------------------

    def _connect(self, act: acts.Connect, running: Running, now: float) -> None:
        name, resume = running.endpoint.name, self._stories.resume
        device = self._fleet.devices[name]
        assert isinstance(device, InternetDevice)
        port = self._fleet.dtls(name)
        if act.idle_s is not None and port.is_fresh(device.ip, act.idle_s, resume, running, now):
            return
        try:
            hello = self._hello(device, act.resume)
        except LocalError as error:
            port.drop(device.ip, now)
            resume(running, acts.Broken(str(error)), now)
        else:
            port.connect(device.ip, self._fleet.platform_of(name), hello, resume, running, now)
        self._end(name, _RENEWED, now)

    def _hello(self, device: InternetDevice, resume: bool) -> Any:
        from simulator.wire.dtls_held import Hello  # late: it loads OpenSSL

        connection = device.member.group.connection
        identity = self._keyring.identity(device.name)
        return Hello(
            context=self._keyring.context(connection.cipher),
            identity=identity,
            resume=resume,
            unix_ns=device.time_of(self._clock),
            first_timeout_s=connection.first_timeout_s,
            close_after_s=connection.close_after_s,
        )

    def _disconnect(self, _act: acts.Disconnect, running: Running, now: float) -> None:
        self._hang_up(running.endpoint.name, now)
        self._stories.resume(running, _DONE, now)

    def _hang_up(self, name: str, now: float) -> None:
        self._fleet.dtls(name).hang_up(self._fleet.devices[name].ip, now)
        self._end(name, _DISCONNECTED, now)

    def _drop(self, act: acts.DropSession, running: Running, now: float) -> None:
        name = running.endpoint.name
        self._fleet.dtls(name).drop(self._fleet.devices[name].ip, now)
        self._end(name, acts.Broken(act.why), now)
        self._stories.resume(running, _DONE, now)

    def _lost(self, name: str, why: str, now: float) -> None:
        """The platform has ended the session of a device."""
        self._fleet.devices[name].happened("lost")
        self._end(name, acts.Broken(why), now)

    def _idle(self, name: str, now: float) -> bool:
        """A device closes sessions that are silent for so long; not while it waits for an answer, or is frozen."""
        device = self._fleet.devices[name]
        if device.dead or self._stories.awaits(name, _SAYING):
            return False
        device.happened("disconnected")
        self._hang_up(name, now)
        return True

    def _end(self, name: str, result: acts.Result, now: float) -> None:
        """What was said in a session has come to nothing, now that it is over. Not before: stories that go on at once
        would say more in it."""
        self._stories.interrupt(name, _SAYING, result, now)
        self._fleet.drop(name)

    def switched_off(self, name: str, now: float) -> None:
        """The device has no power any more: it forgets its session, and nobody is told."""
        if isinstance(self._fleet.devices[name], InternetDevice):
            self._fleet.dtls(name).drop(self._fleet.devices[name].ip, now)

    # --- beside them --------------------------------------------------------------------------------------------------

    def _rebind(self, _act: acts.RebindNat, running: Running, now: float) -> None:
        self._fleet.rebind(running.endpoint.name)
        self._stories.resume(running, _DONE, now)

    def _upload_blob(self, act: acts.UploadBlob, running: Running, now: float) -> None:
        name = running.endpoint.name
        device = self._fleet.devices[name]
        secure = isinstance(device, InternetDevice)
        if self.blobs is None:
            self._stories.resume(running, _NO_DOOR, now)
            return
        if self._fleet.is_dark(name):
            self._timers.at(now + BLOB_PATIENCE_S, self._unreachable, running)
            return
        try:
            credentials = self._keyring.credentials(name) if secure else None
        except LocalError as error:
            self._stories.resume(running, acts.Broken(str(error)), now)
            return
        self._later(running, self.blobs.upload(device.ip, credentials, act, secure=secure))

    def _unreachable(self, running: Running, now: float) -> None:
        self._stories.resume(running, acts.NoAnswer("timeout", 0), now)
