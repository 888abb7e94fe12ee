"""Certificates of devices and gateways: which were issued, to whom, and which of them still count (span §8).

A serial belongs to one device or gateway for good, wherever that is moved; it is the only thing that is asked for when
one connects. Keys are not kept, nor certificates. The authority is made, and its library loaded, when the first
certificate is wanted: most runs want none.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple

from simulator.errors import LocalError
from simulator.server.span.errors import Refusal
from simulator.server.span.model import Device, Gateway
from simulator.server.span.settings import NS_PER_S

if TYPE_CHECKING:
    from simulator.server.span.authority import Authority

Kind = Literal["device", "gateway"]
Owner = Device | Gateway

LIFETIME_S = 14 * 86_400
"""span §8.2: 14 days from issue."""
BACKDATED_S = 300
"""[C] A device whose clock is a little slow can use a certificate at once; one whose clock is wrong is told so."""
MOST = 100
"""[C] Certificates of one device or gateway that have not expired."""
REVOKED_MOST = 100_000
"""Revoked ones that are told apart from unknown ones, which are refused as well."""
EARLIEST_S, LATEST_S = -631_152_000, 253_402_300_799
"""1950 to 9999: what a certificate can say (RFC 5280 §4.1.2.5)."""


class Validity(NamedTuple):
    """Unix seconds, both included."""

    not_before_s: int
    not_after_s: int

    def problem(self, now_ns: int) -> str:
        """Why it does not count now; "" is valid."""
        now_s = now_ns // NS_PER_S
        if now_s < self.not_before_s:
            return "is not valid yet"
        return "has expired" if now_s > self.not_after_s else ""


class Authorised(NamedTuple):
    """What a certificate says that our authority has signed."""

    serial: int
    validity: Validity


class Entry(NamedTuple):
    """One certificate."""

    serial: int
    validity: Validity
    owner: Owner


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate for whoever asked, all as PEM. `key` is empty if it is the owner's secret."""

    certificate: bytes
    key: bytes = field(repr=False)
    chain: bytes
    """Intermediate first, root last."""


class Certificates:
    """The register. `now_ns` is Unix time in nanoseconds throughout."""

    def __init__(self) -> None:
        self.source: Callable[[int], Authority] | None = None
        """Where the authority comes from; None: it is made in memory."""
        self.authority: Authority | None = None
        """None: nobody has asked for it yet (`authority_at`)."""
        self.issued = 0
        """How many there have been."""
        self._entries: dict[int, Entry] = {}
        self._of: dict[Owner, list[Entry]] = {}
        self._revoked: OrderedDict[int, None] = OrderedDict()

    def authority_at(self, now_ns: int) -> Authority:
        """The authority, made on first use. Raises: LocalError: its folder is not what it should be."""
        if self.authority is None:
            if self.source is None:
                from simulator.server.span.authority import Authority  # late: it loads a heavy library

                self.authority = Authority.create(now_ns)
            else:
                self.authority = self.source(now_ns)
        return self.authority

    # --- issuing ------------------------------------------------------------------------------------------------------

    def create(self, owner: Owner, now_ns: int, validity: Validity | None = None) -> Issued:
        """A new key and its certificate. `validity` None: 14 days.

        Raises: Refusal 429: too many, 503: the authority has expired.
        """
        from simulator.server.span.authority import new_key

        authority = self._ready(owner, now_ns)
        public, key = new_key()
        return Issued(self._issue(authority, owner, public, now_ns, validity), key, authority.chain_pem)

    def sign(self, owner: Owner, csr_pem: bytes, now_ns: int) -> Issued:
        """A certificate for the key of a signing request.

        Raises: Refusal 400: it is none, or has a key of another kind; 429, 503: as `create`.
        """
        from simulator.server.span.authority import requested_key

        try:
            public = requested_key(csr_pem)
        except LocalError as error:
            raise Refusal(400, str(error)) from None
        authority = self._ready(owner, now_ns)
        return Issued(self._issue(authority, owner, public, now_ns, None), b"", authority.chain_pem)

    def _ready(self, owner: Owner, now_ns: int) -> Authority:
        authority = self.authority_at(now_ns)
        problems = authority.problems(now_ns)
        if problems:
            raise Refusal(503, f"Certificate authority: {problems[0]}")
        held = self._of.get(owner, [])
        if len(held) >= MOST:
            for each in [each for each in held if each.validity.problem(now_ns) == "has expired"]:
                self._forget(each)
            if len(held) >= MOST:
                title = f"Too many certificates: {MOST} of one {kind_of(owner)} is the limit until some expire"
                raise Refusal(429, title)
        return authority

    def _issue(
        self, authority: Authority, owner: Owner, public: object, now_ns: int, validity: Validity | None
    ) -> bytes:
        if validity is None:
            now_s = now_ns // NS_PER_S
            # Not beyond the authority: a longer promise than that could not be kept.
            validity = Validity(now_s - BACKDATED_S, min(now_s + LIFETIME_S, authority.valid_until_s))
        serial = self._next_serial(owner, now_ns)
        certificate = authority.client(kind_of(owner), owner.id, serial, validity, public)
        self._enter(Entry(serial, validity, owner))
        return certificate

    def _next_serial(self, owner: Owner, now_ns: int) -> int:
        """Positive, 63 bits, hence an int64 (span §8.2).

        The time keeps it from coming again after a new start on the same authority. Nothing that is chance goes in:
        serials are shown in metadata, and a run that is repeated shows the same.
        """
        while True:
            self.issued += 1
            text = f"serial {now_ns} {self.issued} {kind_of(owner)} {owner.id}"
            serial = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1
            if serial and serial not in self._entries and serial not in self._revoked:
                return serial

    # --- asking -------------------------------------------------------------------------------------------------------

    def refusal(self, serial: int, kind: Kind, now_ns: int) -> str:
        """Why somebody with this certificate may not come in where `kind` is wanted; "" is welcome (span §8.3).

        That it was signed by our authority is for the endpoint to check.
        """
        entry = self._entries.get(serial)
        if entry is None:
            return "certificate is revoked" if serial in self._revoked else "unknown certificate"
        owner = entry.owner
        if kind_of(owner) != kind:
            return f"certificate of a {kind_of(owner)}"
        problem = entry.validity.problem(now_ns)
        if problem:
            return f"certificate {problem}"
        if not owner.enabled:
            return f"{kind} is disabled"
        return "" if owner.collection.enabled else "collection is disabled"

    def owner(self, serial: int) -> Owner | None:
        """Whose certificate it is; None: unknown or revoked."""
        entry = self._entries.get(serial)
        return None if entry is None else entry.owner

    def of(self, owner: Owner) -> list[Entry]:
        """What was issued to one, oldest first."""
        return list(self._of.get(owner, ()))

    def problems(self, owner: Owner, certificate_pem: bytes, now_ns: int) -> list[str]:
        """What is wrong with a certificate that is said to be `owner`'s; [] is valid. Whatever the bytes are."""
        authority = self.authority_at(now_ns)
        found = authority.read(certificate_pem)
        if isinstance(found, str):
            return [found]  # its serial is another authority's, and tells nothing here
        problems = authority.problems(now_ns)
        problem = found.validity.problem(now_ns)
        problems += [f"certificate {problem}"] if problem else []
        entry = self._entries.get(found.serial)
        if entry is None:
            return [*problems, "certificate is revoked" if found.serial in self._revoked else "unknown certificate"]
        if kind_of(entry.owner) != kind_of(owner):
            problems.append(f"certificate of a {kind_of(entry.owner)}, not of a {kind_of(owner)}")
        elif entry.owner is not owner:
            problems.append(f"certificate of another {kind_of(owner)}")
        return problems

    # --- revoking -----------------------------------------------------------------------------------------------------

    def revoke(self, owner: Owner) -> None:
        """The owner is no more: none of its certificates counts again."""
        for entry in self.of(owner):
            self._forget(entry)
            self._revoked[entry.serial] = None
            if len(self._revoked) > REVOKED_MOST:
                self._revoked.popitem(last=False)

    # --- restart ------------------------------------------------------------------------------------------------------

    @property
    def entries(self) -> Iterator[Entry]:
        """All that count, in the order of their issue."""
        return iter(self._entries.values())

    @property
    def revoked(self) -> list[int]:
        """Serials of the last revoked ones."""
        return list(self._revoked)

    def restore(self, issued: int, entries: Iterable[Entry], revoked: Iterable[int]) -> None:
        """Be what another was; nothing is checked."""
        self.issued = issued
        for entry in entries:
            self._enter(entry)
        self._revoked.update(dict.fromkeys(revoked))

    def _enter(self, entry: Entry) -> None:
        self._entries[entry.serial] = entry
        self._of.setdefault(entry.owner, []).append(entry)

    def _forget(self, entry: Entry) -> None:
        del self._entries[entry.serial]
        held = self._of[entry.owner]
        held.remove(entry)
        if not held:
            del self._of[entry.owner]


def kind_of(owner: Owner) -> Kind:
    """What it is, in the words of the API."""
    return "device" if isinstance(owner, Device) else "gateway"
