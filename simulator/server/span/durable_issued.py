"""What survives a restart of gateways and certificates (`durable`): who has been issued what, and by which authority.

The authority's keys are among it, so it is shown to nobody: neither as text, nor in an error.
"""

from __future__ import annotations

import msgspec

from simulator.server.span.certificates import Certificates, Entry, Owner, Validity, kind_of
from simulator.server.span.gateways import Gateways
from simulator.server.span.model import Collection, Device, Gateway, GatewayType


class KeptGateway(msgspec.Struct, frozen=True, kw_only=True):
    """A customer's gateway."""

    number: int
    id: str
    collection: int
    name: str
    type: GatewayType
    params: dict[str, str]
    tags: dict[str, str]
    enabled: bool


class KeptGateways(msgspec.Struct, frozen=True):
    """All of them in the order of their creation, by collection as they came there, and how many there were."""

    gateways: list[KeptGateway]
    order: dict[int, list[int]]
    made: int


class KeptCertificate(msgspec.Struct, frozen=True):
    """One that counts: whose it is by number, and its validity in Unix s."""

    serial: int
    gateway: bool
    owner: int
    not_before_s: int
    not_after_s: int


class KeptAuthority(msgspec.Struct, frozen=True, kw_only=True):
    """Certificates and keys of root and intermediate, as PEM."""

    root: bytes
    root_key: bytes
    intermediate: bytes
    intermediate_key: bytes

    def __repr__(self) -> str:
        return "KeptAuthority(…)"

    def __rich_repr__(self) -> list[tuple[str, object]]:
        return []


class KeptCertificates(msgspec.Struct, frozen=True):
    """The register."""

    authority: KeptAuthority | None
    """None: nobody has asked for it yet."""
    issued: int
    entries: list[KeptCertificate]
    revoked: list[int]


def keep_gateways(it: Gateways, collections: dict[int, Collection]) -> KeptGateways:
    """As they are now."""
    kept = [
        KeptGateway(
            number=each.number,
            id=each.id,
            collection=each.collection.number,
            name=each.name,
            type=each.type,
            params=dict(each.params),
            tags=dict(each.tags),
            enabled=each.enabled,
        )
        for each in it.all.values()
    ]
    order = {number: list(each.gateways) for number, each in collections.items() if each.gateways}
    return KeptGateways(kept, order, it.made)


def revive_gateways(it: Gateways, kept: KeptGateways, collections: dict[int, Collection]) -> None:
    """Into a register that has none yet."""
    gateways = []
    for each in kept.gateways:
        fields = msgspec.structs.asdict(each) | {
            "collection": collections[each.collection],
            "params": dict(each.params),
            "tags": dict(each.tags),
        }
        gateways.append(Gateway(**fields))
    it.restore(gateways, kept.made)
    for number, order in kept.order.items():
        collections[number].gateways = {each: it.all[each] for each in order}


def keep_certificates(it: Certificates) -> KeptCertificates:
    """As they are now, with the authority's keys."""
    entries = [
        KeptCertificate(each.serial, kind_of(each.owner) == "gateway", each.owner.number, *each.validity)
        for each in it.entries
    ]
    return KeptCertificates(_kept_authority(it), it.issued, entries, it.revoked)


def revive_certificates(
    it: Certificates, kept: KeptCertificates, devices: dict[int, Device], gateways: dict[int, Gateway]
) -> None:
    """Into a register that has none yet; their owners are there."""

    def entry(each: KeptCertificate) -> Entry:
        owner: Owner = gateways[each.owner] if each.gateway else devices[each.owner]
        return Entry(each.serial, Validity(each.not_before_s, each.not_after_s), owner)

    it.restore(kept.issued, map(entry, kept.entries), kept.revoked)
    if kept.authority is not None:
        from simulator.server.span.authority import Authority  # late: it loads a heavy library

        it.authority = Authority.from_pem(**msgspec.structs.asdict(kept.authority))


def _kept_authority(it: Certificates) -> KeptAuthority | None:
    authority = it.authority
    if authority is None:
        return None
    root_key, intermediate_key = authority.private()
    return KeptAuthority(
        root=authority.root_pem,
        root_key=root_key,
        intermediate=authority.intermediate_pem,
        intermediate_key=intermediate_key,
    )
