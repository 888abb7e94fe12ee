"""The acts that a behaviour yields, and the results that it is sent back.

A behaviour is a generator: it yields what it wants and is sent what came of it. It knows no socket, loop or clock, so
the same story runs under asyncio, in Locust and in virtual time, and a test steps through it by hand.

Structs, because one is made per exchange and these cost a tenth of a frozen dataclass.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

import msgspec

T = TypeVar("T")


class Cut(Exception):
    """Raised inside a story whose device can do nothing any more, at the act that it was waiting for; says why."""


class Post(msgspec.Struct, frozen=True):
    """A CoAP POST from the device, one exchange with its retransmissions (block-wise where the payload needs it)."""

    path: str
    payload: bytes
    confirmable: bool = True


class Get(msgspec.Struct, frozen=True):
    """A CoAP GET from the device; a block-wise answer arrives whole."""

    path: str
    confirmable: bool = True


class Datagram(msgspec.Struct, frozen=True):
    """One plain UDP datagram to the platform; done as soon as it is sent. Replies reach the device by themselves."""

    payload: bytes


class Sleep(msgspec.Struct, frozen=True):
    """Nothing, for so many seconds of run time. 0 or less: go on at once."""

    seconds: float


class SleepUntil(msgspec.Struct, frozen=True):
    """Nothing, until this run time in seconds. In the past: go on at once."""

    when_s: float


class Attach(msgspec.Struct, frozen=True, kw_only=True):
    """Log in to the mobile network with this SIM and this hardware; a packet gateway asks the platform."""

    imsi: str
    msisdn: str
    imeisv: str
    """16 digits: the IMEI without its check digit, and the modem's software version."""
    ip: int
    """The IPv4 address that the SIM had, or is planned to have, as a number; 0: none, the platform chooses."""
    operator: str
    """Name of the operator in the scenario."""
    rat: str
    """A name of `words.RATS`; "": the operator's own."""
    cell: int
    """ECI of the cell, 28 bits."""


class Detach(msgspec.Struct, frozen=True):
    """Leave the mobile network in order: the gateway tells the platform that the session is over."""

    device: str = ""
    """Whose session; "": of the device whose story this is."""


class LeaveSilently(msgspec.Struct, frozen=True):
    """A device has left the mobile network without a word: its SIM was pulled. What it was doing ends for this reason.

    The network finds out later, or when the SIM comes back somewhere else.
    """

    device: str
    """Whose; not always the one whose story this is."""
    why: str


class ChangeCell(msgspec.Struct, frozen=True):
    """The device goes on in another cell or on another radio, within its operator's network."""

    rat: str
    cell: int


class Connect(msgspec.Struct, frozen=True):
    """Open a DTLS session with the platform, with the device's certificate: one handshake with its retransmissions."""

    resume: bool
    """Whether the last session is resumed if the platform still knows it."""
    idle_s: float | None = None
    """None: whatever session there is, a new one takes its place. Otherwise only if there is none that was in use
    within so many seconds (else the result is Done); a handshake that is under way already is waited for."""


class Disconnect(msgspec.Struct, frozen=True):
    """Close the DTLS session in order (close-notify)."""


class DropSession(msgspec.Struct, frozen=True):
    """The device has lost its DTLS session, or gives it up, without a word; what it was doing ends for this reason."""

    why: str


class RebindNat(msgspec.Struct, frozen=True):
    """The NAT before the device forgets its mapping: what it sends next comes from another address."""


class UploadBlob(msgspec.Struct, frozen=True):
    """Store a large object at the platform, by HTTP POST; over TLS where the device has a certificate (span §4.6)."""

    path: str
    payload: bytes
    content_type: str


class CreateDevice(msgspec.Struct, frozen=True):
    """The operator creates the device on the platform. An empty identity is left blank there."""

    imsi: str
    imei: str
    tags: tuple[tuple[str, str], ...]
    collection: str
    certificate: str = ""
    """The kind of certificate that an Internet device is given, of `words.CERTIFICATES`; "": none, it has a SIM."""


class RenewCertificate(msgspec.Struct, frozen=True):
    """The operator has the platform issue a new certificate for the device, which uses it from now on."""


class UpdateDevice(msgspec.Struct, frozen=True):
    """The operator changes the device. None leaves a field alone, "" clears it."""

    imsi: str | None
    imei: str | None
    tags: tuple[tuple[str, str], ...]


class RemoveDevice(msgspec.Struct, frozen=True):
    """The operator deletes the device from the platform."""


class MoveDevice(msgspec.Struct, frozen=True):
    """The operator moves the device to another collection, named as in the scenario."""

    to: str


class QueueDownstream(msgspec.Struct, frozen=True):
    """The operator queues a downstream message for the device."""

    payload: bytes


class CutOff(msgspec.Struct, frozen=True):
    """The operator has the platform end the device's mobile network session."""


class WithdrawDownstream(msgspec.Struct, frozen=True):
    """The operator takes queued downstream messages back: `oldest`, `newest` or `all` of them."""

    which: str


class AskAs(msgspec.Struct, frozen=True):
    """An order of somebody who shows another token than the run's own."""

    order: Order
    token: str
    """Name of the token in the scenario."""


class ChangeRadio(msgspec.Struct, frozen=True):
    """The device's link changes from now on, or for so many seconds. An empty preset keeps the present one.

    `changes` are (key, up, down) as in `words.LINK_KEYS`; None leaves that direction as it is.
    """

    preset: str
    changes: tuple[tuple[str, float | None, float | None], ...]
    lasting_s: float | None = None


class DarkenRadio(msgspec.Struct, frozen=True):
    """No datagram passes either way, for so many seconds; None: until the radio changes."""

    lasting_s: float | None = None


class SwitchOff(msgspec.Struct, frozen=True):
    """The device has no power from now on: it hears nothing, and whatever else it was doing ends for this reason."""

    why: str


class SwitchOn(msgspec.Struct, frozen=True):
    """The device has power again, and hears."""


class StandStill(msgspec.Struct, frozen=True):
    """The device freezes, for so many seconds; None: until it is switched on anew. Otherwise as without power."""

    why: str
    lasting_s: float | None = None


class Answer(msgspec.Struct, frozen=True):
    """The platform answered a Post or a Get."""

    code: int
    """CoAP code, 0x44 is 2.04 (class in the upper three bits)."""
    payload: bytes
    transmissions: int = 1
    """How often the request was sent; block-wise transfers count each block's."""


class NoAnswer(msgspec.Struct, frozen=True):
    """The exchange failed. Reasons: `timeout`, `reset` (peer sent RST), `bad answer`, `cancelled`."""

    reason: str
    transmissions: int = 1


class Sent(msgspec.Struct, frozen=True):
    """A datagram left."""


class Accepted(msgspec.Struct, frozen=True):
    """The mobile network let the device in, with this IPv4 address (a number)."""

    ip: int
    transmissions: int = 1
    """How often the gateway asked."""


class Connected(msgspec.Struct, frozen=True):
    """The DTLS handshake is done."""

    resumed: bool
    transmissions: int = 1
    """How many flights the device sent, with repetitions."""


class Stored(msgspec.Struct, frozen=True):
    """The platform has taken a blob."""

    status: int
    """HTTP status, 2xx."""


class Rejected(msgspec.Struct, frozen=True):
    """The mobile network, the operator's API, a TLS alert or an HTTP status refused; the text is the platform's own."""

    reason: str
    transmissions: int = 0
    """How often the gateway asked; 0 where nobody did."""


class Broken(msgspec.Struct, frozen=True):
    """What should have carried out the act could not: the platform is unreachable, or its answer makes no sense."""

    reason: str


class Done(msgspec.Struct, frozen=True):
    """What has no result of its own is over: a sleep, a detach, an order of the operator."""


Order = (
    CreateDevice | UpdateDevice | RemoveDevice | MoveDevice | QueueDownstream | WithdrawDownstream | CutOff
    | RenewCertificate
)  # fmt: skip
Act = (
    Post | Get | Datagram | Sleep | SleepUntil | Attach | Detach | LeaveSilently | ChangeCell | Connect | Disconnect
    | DropSession | RebindNat | UploadBlob | Order | AskAs | ChangeRadio | DarkenRadio | SwitchOff | SwitchOn
    | StandStill
)  # fmt: skip
Result = Answer | NoAnswer | Sent | Accepted | Connected | Stored | Rejected | Broken | Done

Story = Generator[Act, Result, T]
"""A behaviour; `T` is what it returns when it has ended."""
