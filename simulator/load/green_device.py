"""What a DeviceUser holds in its hand: one device, whose calls block the greenlet until they are done.

    outcome = self.device.upload(b"22.5")

Every call goes into the statistics, and uploads into the ledger, whatever they come to.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from gevent import GreenletExit, Timeout, sleep

from simulator.acts import Story
from simulator.devices.device import Device
from simulator.devices.internet import AnyDevice, InternetDevice
from simulator.devices.outcome import OK, Outcome
from simulator.errors import UsageError
from simulator.load.came import ActFailed, Came, reason_of
from simulator.plan.draws import PayloadSource
from simulator.scenario.model import Payload
from simulator.scenario.payloads import MAX_PAYLOAD_BYTES
from simulator.scenario.quantities import NotAQuantity, parse
from simulator.wire.address import host_text

if TYPE_CHECKING:
    from simulator.load.squad import Squad

KINDS: Final = {"coap": "CoAP", "udp": "UDP", "dtls": "DTLS", "coaps": "CoAPS"}
"""Transport → what Locust's column Type says of messages …"""
ENTRIES: Final = {"ciot": "RADIUS", "inet": "DTLS"}
"""… and of what has to do with the session."""
AGAIN_S: Final = 5.0
"""A device that was not let in tries once more, so much later."""
LEAVE_PATIENCE_S: Final = 5.0
"""How long a user that is stopped waits for its device to leave in order."""
FAREWELL_S: Final = 0.1
INTERRUPTED: Final = "interrupted"


class GreenDevice:
    """One device of a squad.

    Args:
        raise_failures: acts that fail raise ActFailed, instead of returning what they came to.
    """

    def __init__(self, squad: Squad, number: int, *, raise_failures: bool = False) -> None:
        self._squad, self.number = squad, number
        self._garrison, self._clock = squad.garrison, squad.station.clock
        self._device: AnyDevice = self._garrison.devices[squad.quarters.block.member(number).name]
        self._raise_failures = raise_failures
        group = squad.quarters.block.group
        self._group, self._kind, self._entry = group.name, KINDS[group.transport], ENTRIES[group.network]
        self._payloads: PayloadSource = squad.station.shared(
            "payloads", lambda: PayloadSource(squad.station.options.seed)
        )
        self._uploads = 0

    def __repr__(self) -> str:
        return f"<{self.name}>"

    @property
    def name(self) -> str:
        """As reports call it: `meters.17`."""
        return self._device.name

    @property
    def ip(self) -> str:
        """Where its datagrams come from."""
        return host_text(self._device.ip)

    @property
    def attached(self) -> bool:
        """Whether it has a session, with the mobile network or with the platform, as far as it knows."""
        return self._device.attached

    @property
    def received(self) -> tuple[bytes, ...]:
        """The last downstream messages that have reached it, in order."""
        return tuple(self._device.received or ())

    # --- messages -----------------------------------------------------------------------------------------------------

    def upload(self, payload: bytes | str | None = None, path: str | None = None, confirmable: bool = True) -> Came:
        """Send a message.

        Args:
            payload: bytes as they are; a text is a size as in scenarios (`"24 B"`, random by the seed); None: what the
                group sends.
            path: of CoAP; None: `data`.
        Raises: UsageError: a text that is no size.
        """
        self._begin()
        data = self._bytes(payload)
        self._uploads += 1
        story = self._device.upload(data, path or "data", confirmable)
        book = self._book(len(data))
        book("sent")
        word = INTERRUPTED
        try:
            came = self._carry_out("upload", self._kind, story, answered=self._kind in ("CoAP", "CoAPS"))
            word = came.word
        finally:
            book("answered" if word == OK else "refused" if word.startswith("coap ") else "unanswered")
        return self._checked("upload", came)

    def poll(self, path: str = "data") -> Came:
        """Ask for a waiting downstream message; it is the `payload` of what this returns."""
        return self._act("poll", self._device.poll(path), self._kind)

    # --- sessions -----------------------------------------------------------------------------------------------------

    def attach(self) -> Came:
        """Log in to the mobile network. Of Internet devices: `connect`."""
        return self._act("attach", self._mobile("attach").attach())

    def detach(self) -> Came:
        """Leave the mobile network in order."""
        return self._act("detach", self._mobile("detach").detach())

    def connect(self, resume: bool | None = None) -> Came:
        """Make a new DTLS session. `resume`: whether the last one is resumed; None: as the group does."""
        return self._act("connect", self._secure("connect").connect(resume))

    def disconnect(self) -> Came:
        """Close the DTLS session in order."""
        return self._act("disconnect", self._secure("disconnect").disconnect())

    def join(self) -> Came:
        """Attach or connect, whichever the device does."""
        return self.connect() if isinstance(self._device, InternetDevice) else self.attach()

    def enter(self) -> None:
        """Join, and once more a little later if that fails; for users that begin."""
        if self._squad.over or self._tried(self.join):
            return
        sleep(AGAIN_S)
        self._tried(self.join)

    @staticmethod
    def _tried(act: Callable[[], Came]) -> bool:
        try:
            return act().ok
        except ActFailed:
            return False

    def vanish(self) -> Came:
        """Lose the session without a word to anybody."""
        return self._act("vanish", self._device.vanish())

    def rebind_nat(self) -> Came:
        """Appear from another address, without knowing."""
        return self._act("rebind_nat", self._secure("rebind_nat").rebind_nat())

    # --- power --------------------------------------------------------------------------------------------------------

    def power_on(self) -> Came:
        """Switch on, boot, and attach or connect."""
        return self._act("power_on", self._device.power_on())

    def power_off(self, *, abruptly: bool = False) -> Came:
        """Switch off; `abruptly`: without a word to the network."""
        return self._act("power_off", self._device.power_off(abruptly))

    def reboot(self, *, abruptly: bool = False) -> Came:
        """Switch off and on again."""
        return self._act("reboot", self._device.reboot(abruptly))

    def freeze(self, lasting_s: float | None = None) -> Came:
        """Stop doing anything, for so many seconds or until it is switched on anew."""
        return self._act("freeze", self._device.freeze(lasting_s))

    def leave(self) -> None:
        """End the session in order if there is one; for users that are stopped. Takes some seconds at most.

        When the test has ended there is nothing to do: all devices have fallen silent, and nobody would answer.
        """
        device = self._device
        if self._squad.closed or not device.attached or device.dead:
            return
        if self._kind == "UDP":
            # Datagrams and the gateway's word that the session is over take different ways to the platform: what was
            # sent just before must not come after that, for then it is nobody's.
            sleep(FAREWELL_S)
        act, story = (
            ("disconnect", device.disconnect()) if isinstance(device, InternetDevice) else ("detach", device.detach())
        )
        with Timeout(LEAVE_PATIENCE_S, False):
            self._carry_out(act, self._entry, story, leaving=True)

    # --- inside -------------------------------------------------------------------------------------------------------

    def _mobile(self, act: str) -> Device:
        if not isinstance(self._device, Device):
            raise UsageError(f"{self.name} cannot {act}: it is on the Internet, and connects")
        return self._device

    def _secure(self, act: str) -> InternetDevice:
        if not isinstance(self._device, InternetDevice):
            raise UsageError(f"{self.name} cannot {act}: it is of the mobile network, and attaches")
        return self._device

    def _bytes(self, payload: bytes | str | None) -> bytes:
        if isinstance(payload, bytes):
            return payload
        squad = self._squad
        what = squad.quarters.block.group.payload
        if payload is not None:
            try:
                what = Payload(kind="random", size_bytes=int(parse(payload, "size", MAX_PAYLOAD_BYTES)))
            except NotAQuantity as error:
                raise UsageError(f'{error.problem}; {error.hint}, or bytes: upload(b"22.5")') from None
        return self._payloads.draw(0, self._device.member, self._uploads, what)

    def _book(self, size: int) -> Callable[[str], None]:
        """Where an upload is written down: its beginning as `sent`, and its end as a method of the ledger is called."""
        quarters, number, device = self._squad.quarters, self.number, self._device
        # The platform takes an empty upload for a poll (span §4.3), and without a session nothing leaves the device.
        if not size or device.dead or not (device.attached or isinstance(device, InternetDevice)):
            return lambda _what: None
        ledger, counts = quarters.ledger, quarters.counts

        def count(what: str) -> None:
            setattr(counts, what, getattr(counts, what) + 1)

        def enter(what: str) -> None:
            if what == "sent":
                assert ledger is not None
                now = self._clock.now()
                ledger.sent(number, size, now, now)
            else:
                getattr(ledger, what)(number)

        return count if ledger is None else enter

    def _begin(self) -> None:
        if self._squad.over:
            raise GreenletExit

    def _act(self, act: str, story: Story[Outcome], kind: str = "") -> Came:
        self._begin()
        return self._checked(act, self._carry_out(act, kind or self._entry, story))

    def _carry_out(
        self, act: str, kind: str, story: Story[Outcome], *, answered: bool = True, leaving: bool = False
    ) -> Came:
        """Have it done, and count it. `answered`: that takes a time worth knowing; `leaving`: its user has ended."""
        squad, device = self._squad, self._device
        meter = squad.station.meters.meter(kind, act, self._group)
        began_s = self._clock.now()
        squad.under_way += 1
        outcome: Outcome | None = None
        try:
            outcome = self._garrison.run(device.name, story)
        except GreenletExit:  # the user is stopped: nobody's failure
            raise
        except BaseException:
            squad.fail(INTERRUPTED)
            meter.fail(INTERRUPTED, self._clock.now() - began_s)
            raise
        finally:
            squad.under_way -= 1
            if not leaving:
                squad.is_in(self.number, device.attached)
        took_s = self._clock.now() - began_s
        if outcome.word != OK:
            reason = reason_of(outcome)
            squad.fail(reason)
            meter.fail(reason, took_s if outcome.transmissions else None)
        elif answered:
            meter.took.append(took_s)
        else:
            meter.count_only()
        meter.bytes += len(outcome.payload or b"")
        return Came(**{name: getattr(outcome, name) for name in Outcome.__struct_fields__})

    def _checked(self, act: str, came: Came) -> Came:
        if self._raise_failures and came.word != OK:
            raise ActFailed(f"{act} of {self.name}: {reason_of(came)}", came)
        return came
