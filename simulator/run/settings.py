"""What a rehearsal can be told from outside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from simulator.wire.address import Address

Time = Literal["virtual", "real"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteSettings:
    """A platform that somebody else runs."""

    url: str
    token: str
    coap: Address | None
    udp: Address | None
    dtls: Address | None = None
    coaps: Address | None = None
    """Where its devices send to; None: it is asked."""
    https: Address | None = None
    blobs: Address | None = None
    """Where they leave blobs, with a certificate and without; as above."""
    https_name: str = ""
    """The host that the certificate at `https` has to be for, as the user wrote it; "": the address."""

    def __repr__(self) -> str:
        return f"RemoteSettings({self.url})"  # the token never reaches a log


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSettings:
    """How to run a scenario; every default is what the file itself would choose."""

    time: Time = "virtual"
    seed: int | None = None
    """None: the scenario's own."""
    only: str | None = None
    """A group or a member; the others keep still."""
    stack: Literal["own", "aiocoap"] | None = None
    """None: each group's own."""
    wire: Literal["auto", "batch", "single", "dgram", "mapped"] = "auto"
    """Which sockets carry the devices in real time."""
    target: RemoteSettings | None = None
    """None: the embedded reference server."""
    keep: bool = False
    """Leave on the platform what the run created."""
    mutant: str | None = None
    """A defect of the reference server (`words.MUTANTS`) that is there from the first step on."""
    without: tuple[str, ...] = ()
    """Invariants that are not held, besides those that the scenario allows."""
