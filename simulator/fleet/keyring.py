"""The certificates and keys of the Internet devices of a run, as the platform gave them out, or as nobody should.

What the platform issues for a device is kept here and parsed when the device first shows it. Certificates of another
authority, and self-signed ones, are made here. Keys are shown to nobody but who makes handshakes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from simulator.devices.internet import AnyDevice
from simulator.errors import LocalError
from simulator.scenario.model import Subject
from simulator.target.credentials import Credentials

if TYPE_CHECKING:
    from simulator.fleet.forgery import Forger
    from simulator.protocol.dtls.client import ClientContext
    from simulator.protocol.dtls.identity import Identity

_FORGED = ("foreign", "self-signed")


class Keyring:
    """Who shows what.

    Args:
        devices: all of them by name, in the order of the plan; there may be more of them later.
        unix_ns: the platform's clock.
    """

    def __init__(self, devices: Mapping[str, AnyDevice], unix_ns: Callable[[], int]) -> None:
        self._devices, self._unix_ns = devices, unix_ns
        self.id_of: Callable[[str], str] = str
        """What the platform calls a device of that name; told as soon as that is known."""
        self._issued: dict[str, Credentials] = {}
        """What each has been given last, whatever its group says: a certificate may have been renewed."""
        self._forged: set[str] = set()
        self._identities: dict[str, Identity] = {}
        self._contexts: dict[str, ClientContext] = {}
        self._chain = b""
        self._forger: Forger | None = None

    def __repr__(self) -> str:
        return f"Keyring({len(self._issued)})"

    def issued(self, name: str, kind: str, credentials: Credentials) -> None:
        """The platform has answered for a device; of forged kinds only the chain counts. `kind`: of `CERTIFICATES`."""
        if credentials.chain == self._chain:  # one for all: ten thousand copies of it would be 15 MB
            chain = self._chain
        else:
            chain = self._chain = credentials.chain
            self._contexts.clear()
        self._forged.discard(name)
        self._identities.pop(name, None)
        if kind in _FORGED:
            self._forge(name, kind)
        else:
            self._issued[name] = Credentials(certificate=credentials.certificate, key=credentials.key, chain=chain)
            if credentials.certificate:
                with suppress(LocalError):  # what is wrong with it is told when it is to be shown
                    self.identity(name)  # parsed now: a storm of handshakes need not wait for it

    def credentials(self, name: str) -> Credentials:
        """What a device shows, as PEM; an empty certificate: nothing. Raises: LocalError: it has none yet."""
        found = self._issued.get(name)
        if found is not None and found.certificate:
            return found
        device = self._devices[name]
        spec = device.member.group.certificate
        if spec.kind == "none":
            return Credentials(certificate=b"", key=b"", chain=self._chain)
        if spec.kind == "copy":
            return self.credentials(self._owner(device, spec.of))
        if spec.kind in _FORGED:  # nobody has to know such a device
            return self._forge(name, spec.kind)
        raise LocalError(f"no certificate was issued for {name}: it is not registered on the platform")

    def identity(self, name: str) -> Identity | None:
        """The same, parsed, once; None: nothing. Raises: LocalError: likewise, or what the platform sent is none."""
        found = self._identities.get(name)
        if found is not None:
            return found
        credentials = self.credentials(name)
        if not credentials.certificate:
            return None
        if not (name in self._issued and self._issued[name].certificate):  # a copy: one identity for both
            device = self._devices[name]
            return self.identity(self._owner(device, device.member.group.certificate.of))
        from simulator.protocol.dtls.identity import Identity  # late: it loads OpenSSL

        # What is sent: the leaf and what stands between it and the root.
        chain = b"" if name in self._forged else credentials.chain
        what = f"certificate of {name}"
        found = self._identities[name] = Identity.from_pem(credentials.certificate + chain, credentials.key, what=what)
        return found

    def trust(self) -> bytes:
        """PEM of whom devices trust: the last certificate of the chain that the platform gave (span §8.2).

        Raises: LocalError: it has given none.
        """
        root = Credentials(certificate=b"", key=b"", chain=self._chain).root
        if not root:
            raise LocalError("no device of this run was created on the platform, so none knows whom to trust")
        return root

    def context(self, cipher: str) -> ClientContext:
        """What all devices of a group share; `cipher` as in `scenario.model.ConnectionSpec`. Raises: LocalError."""
        found = self._contexts.get(cipher)
        if found is None:
            from simulator.protocol.dtls.client import ClientContext
            from simulator.protocol.dtls.settings import Settings

            settings = Settings() if cipher == "any" else Settings(ciphers=(cipher,))
            found = self._contexts[cipher] = ClientContext(self.trust(), settings, self._unix_ns)
        return found

    def _forge(self, name: str, kind: str) -> Credentials:
        if self._forger is None:
            from simulator.fleet.forgery import Forger

            self._forger = Forger(self._unix_ns())
        found = self._issued[name] = self._forger.credentials(self.id_of(name) or name, kind, self._chain)
        self._forged.add(name)
        return found

    def _owner(self, device: AnyDevice, of: Subject | None) -> str:
        """Whose certificate a copy is: members stand beside those of the group that is named, and so round.

        Raises: LocalError: there is nobody, or it has a copy itself.
        """
        assert of is not None, "the loader names somebody"
        names = [each.name for each in self._devices.values() if each.member.group.name == of.group]
        names = names[of.first : len(names) if of.last is None else of.last + 1]
        if not names:
            raise LocalError(f"certificate of {device.name}: there is no device {of.text}")
        owner = names[device.member.number % len(names)]
        if self._devices[owner].member.group.certificate.kind == "copy":
            raise LocalError(f"certificate of {device.name}: that of {owner} is a copy itself")
        return owner
