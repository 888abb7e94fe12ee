"""What a test holds in its hand of its devices: `await meter.upload(b"22.5")`."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from simulator.run.live.rehearsal import LiveRehearsal

Payload = bytes | str | dict[str, Any]
"""Bytes as they are; or what a file would say: "24 B", {"template": "…"}, {"sensor": "water"}."""

Acting = Coroutine[Any, Any, Any]
"""To be awaited: gives the `devices.outcome.Outcome` of the act; a tuple of them, in the order in which they ended, for
several devices or repetitions."""


class LiveDevice:
    """A device of a test, or several that are alike; `meters[3]` is one of them.

    Every verb is awaited until it is done. It raises `ActFailed` unless it came to `outcome`, which is `ok` if nothing
    else is said, and may be any of scenarios §3: `rejected`, `timeout`, `coap 4.04`, `any`. Whatever else a step of a
    file may say beside its verb can be said here, too: `times=3, every="10 min"`, `over=60`, `retry=2`.
    """

    def __init__(self, rehearsal: LiveRehearsal, name: str, count: int) -> None:
        self._rehearsal = rehearsal
        self.name = name
        """As reports call it."""
        self.count = count

    def __repr__(self) -> str:
        return f"<{self.name}>"

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, number: int) -> LiveDevice:
        if not 0 <= number < self.count:  # also what ends a loop over them
            raise IndexError(f"{self.name} has {self.count} devices, from 0")
        return self if self.count == 1 else LiveDevice(self._rehearsal, f"{self.name}.{number}", 1)

    @property
    def received(self) -> tuple[bytes, ...]:
        """The downstream messages that have reached it, in order."""
        return self._rehearsal.received(self)

    # --- the device ---------------------------------------------------------------------------------------------------

    def power_on(self, **more: Any) -> Acting:
        """Switch on, boot, and attach."""
        return self._act("power_on", **more)

    def power_off(self, *, abruptly: bool = False, **more: Any) -> Acting:
        """Switch off; `abruptly`: without a word to the network."""
        return self._act("power_off", abruptly=abruptly or None, **more)

    def reboot(self, *, abruptly: bool = False, **more: Any) -> Acting:
        """Switch off and on again."""
        return self._act("reboot", abruptly=abruptly or None, **more)

    def freeze(self, **more: Any) -> Acting:
        """Stop doing anything, for `lasting` or until it is switched on anew."""
        return self._act("freeze", **more)

    def attach(self, **more: Any) -> Acting:
        """Log in to the mobile network."""
        return self._act("attach", **more)

    def detach(self, **more: Any) -> Acting:
        """Leave the mobile network."""
        return self._act("detach", **more)

    def connect(self, **more: Any) -> Acting:
        """Open the DTLS session, with the device's certificate; `resume=False`: by a full handshake."""
        return self._act("connect", **more)

    def disconnect(self, **more: Any) -> Acting:
        """Close the DTLS session in order."""
        return self._act("disconnect", **more)

    def vanish(self, **more: Any) -> Acting:
        """Lose the session without a word to anybody."""
        return self._act("vanish", **more)

    def rebind_nat(self, **more: Any) -> Acting:
        """Appear from another address, without knowing."""
        return self._act("rebind_nat", **more)

    def set_clock(self, **more: Any) -> Acting:
        """Set its clock rightly, or `fast` or `slow` by so many seconds, or "20 d"."""
        return self._act("set_clock", **more)

    def upload(self, payload: Payload | None = None, **more: Any) -> Acting:
        """Send a payload; also `path=`, `confirmable=`. None: what its group sends, or 24 random bytes.

        One attempt, as in a file. Only in a `blackout` of this test a device that gets no answer tries again until it
        is over, unless `retry` or `outcome` says otherwise: no firmware gives a reading up because of a bad minute.
        """
        if not {"retry", "outcome"} & more.keys():
            more |= self._rehearsal.patience(self)
        return self._act("upload", payload=payload, **more)

    def poll(self, **more: Any) -> Acting:
        """Ask for a waiting message; it is the outcome's `payload`."""
        return self._act("poll", **more)

    def upload_blob(self, payload: Payload | None = None, **more: Any) -> Acting:
        """Store a large object, of 1 KiB if nothing is said; also `path=`, `content_type=`."""
        return self._act("upload_blob", payload=payload, **more)

    # --- SIM and modem ------------------------------------------------------------------------------------------------

    def insert_sim(self, card: str | None = None, **more: Any) -> Acting:
        """Put in its own card, or a "fresh" one; what was in comes out."""
        return self._act("insert_sim", card=card, **more)

    def remove_sim(self, *, abruptly: bool = True, **more: Any) -> Acting:
        """Pull the card; not `abruptly`: detach first."""
        return self._act("remove_sim", abruptly=None if abruptly else False, **more)

    def move_sim(self, to: LiveDevice, *, abruptly: bool = True, **more: Any) -> Acting:
        """The card goes into another device; what was there comes out."""
        return self._act("move_sim", to=to, abruptly=None if abruptly else False, **more)

    def swap_sims(self, with_: LiveDevice, *, abruptly: bool = True, **more: Any) -> Acting:
        """Exchange cards with another device."""
        return self._act("swap_sims", **{"with": with_}, abruptly=None if abruptly else False, **more)

    def switch_profile(self, profile: int, **more: Any) -> Acting:
        """The eUICC enables another profile, from 1, and the device attaches with it; `rollback="1 min"`."""
        return self._act("switch_profile", profile=profile, **more)

    def update_modem(self, svn: int, **more: Any) -> Acting:
        """Install other firmware on the modem; it has to attach anew."""
        return self._act("update_modem", svn=svn, **more)

    def roam(self, **more: Any) -> Acting:
        """Be in another `cell`, on another `rat`, or in the network of another `operator`."""
        return self._act("roam", **more)

    def cut_off(self, **more: Any) -> Acting:
        """The platform ends its mobile network session (Disconnect-Request)."""
        return self._act("cut_off", **more)

    # --- the operator, and the weather --------------------------------------------------------------------------------

    def send(self, payload: Payload, **more: Any) -> Acting:
        """The operator queues a downstream message."""
        return self._act("send", payload=payload, **more)

    def withdraw(self, **more: Any) -> Acting:
        """The operator takes queued messages back; `which="oldest"`, `"newest"` or `"all"`."""
        return self._act("withdraw", **more)

    def create(self, **more: Any) -> Acting:
        """The operator creates it on the platform."""
        return self._act("create", **more)

    def update(self, **more: Any) -> Acting:
        """The operator changes `imsi`, `imei` or `tags`; "" clears an identity."""
        return self._act("update", **more)

    def renew_certificate(self, **more: Any) -> Acting:
        """The platform issues a new certificate, which it uses from its next handshake on."""
        return self._act("renew_certificate", **more)

    def remove(self, **more: Any) -> Acting:
        """The operator deletes it."""
        return self._act("remove", **more)

    def move(self, to: str, **more: Any) -> Acting:
        """The operator moves it to another collection."""
        return self._act("move", to=to, **more)

    def link(self, preset: str | None = None, **more: Any) -> Acting:
        """The radio changes: another preset, or one value, such as `loss="5 %"`."""
        return self._act("link", preset=preset, **more)

    def _act(self, verb: str, **what: Any) -> Acting:
        return self._rehearsal.act(verb, self, **{key: value for key, value in what.items() if value is not None})
