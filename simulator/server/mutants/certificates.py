"""Whom a certificate lets in that should not, or does not that should."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from simulator.server.mutants.endpoints import first_device, on_dtls
from simulator.server.mutants.tools import Defect, Patches
from simulator.server.span.model import Device, Gateway

if TYPE_CHECKING:
    from simulator.protocol.dtls.server import Association, Server
    from simulator.server.app import ReferenceServer

_WHO = "span §8.3"


def _takes(server: ReferenceServer, patches: Patches, good: Callable[[int, str], Device | bool | None]) -> None:
    """Let in whose certificate `good(serial, why)` calls good enough.

    It is asked with why the certificate is refused, and with "" whose it is: a device's, or nobody says otherwise.
    """
    certificates = server.core.certificates

    def refusal(honest: Any, serial: int, kind: str, now_ns: int) -> str:
        why: str = honest(serial, kind, now_ns)
        return "" if why and kind == "device" and good(serial, why) else why

    def owner(honest: Any, serial: int) -> Any:
        taken = good(serial, "")
        return taken if isinstance(taken, Device) else honest(serial)

    patches.wrap(certificates, "refusal", refusal)
    patches.wrap(certificates, "owner", owner)


def _forgive(server: ReferenceServer, patches: Patches, codes: frozenset[int], must_show: bool = True) -> None:
    """Let OpenSSL not mind what it finds wrong with a client's chain: codes of x509_vfy.h.

    Args:
        must_show: whether clients have to show a certificate.
    """
    done: list[Any] = []

    def arm(endpoint: Server) -> None:
        from simulator.protocol.dtls.library import ffi, lib

        context = endpoint._context
        endpoint._listener = None  # it was made as things were before
        if context in done:
            return
        done.append(context)
        verification, ssl = context.verification, context.ssl_context._context

        def verify(ok: int, store: Any) -> int:
            if not ok and lib.X509_STORE_CTX_get_error(store) in codes:
                lib.X509_STORE_CTX_set_error(store, 0)
                return 1
            return verification._verify(ok, store)

        callback = ffi.callback("int (*)(int, X509_STORE_CTX *)", verify, error=0)
        vars(verification).setdefault("lent", []).append(callback)  # connections call it for as long as they live
        lib.SSL_CTX_set_verify(ssl, _SHOWS_ONE if must_show else _MAY_SHOW_ONE, callback)
        patches.also(lambda: lib.SSL_CTX_set_verify(ssl, _SHOWS_ONE, verification.callback))

    on_dtls(server, patches, arm)


_TIME = frozenset({9, 10})
_ISSUER = frozenset({2, 18, 19, 20, 21, 27})
_SHOWS_ONE, _MAY_SHOW_ONE = 3, 1  # SSL_VERIFY_PEER, with and without SSL_VERIFY_FAIL_IF_NO_PEER_CERT
_NO_SERIAL = -1


def _accepts_expired(server: ReferenceServer, patches: Patches) -> None:
    _forgive(server, patches, _TIME)
    _takes(server, patches, lambda _serial, why: why.endswith(("has expired", "is not valid yet")))


def _accepts_foreign(server: ReferenceServer, patches: Patches) -> None:
    names: dict[int, str] = {}

    def accept(honest: Any, certificate: Any) -> str:
        names[certificate.serial] = certificate.common_name
        why: str = honest(certificate)
        return why

    def arm(endpoint: Server) -> None:
        patches.wrap(endpoint._context.verification, "_accept", accept)

    def good(serial: int, _why: str) -> Device | None:
        name = names.get(serial)
        return next((device for device in server.core.registry.devices.values() if device.id == name), None)

    _forgive(server, patches, _ISSUER)
    on_dtls(server, patches, arm)
    _takes(server, patches, good)


def _accepts_revoked(server: ReferenceServer, patches: Patches) -> None:
    certificates = server.core.certificates
    _takes(server, patches, lambda serial, _why: serial in certificates.revoked and first_device(server))


def _accepts_gateways(server: ReferenceServer, patches: Patches) -> None:
    certificates = server.core.certificates

    def good(serial: int, _why: str) -> Device | None:
        owner = type(certificates).owner(certificates, serial)
        return first_device(server) if isinstance(owner, Gateway) else None

    _takes(server, patches, good)


def _accepts_none(server: ReferenceServer, patches: Patches) -> None:
    def arm(endpoint: Server) -> None:
        patches.wrap(endpoint, "_finish", finish)

    def finish(honest: Any, session: Association, *rest: Any) -> None:
        from simulator.protocol.dtls.identity import PeerCertificate

        if not hasattr(session, "certificate"):
            session.certificate = PeerCertificate(_NO_SERIAL, 0.0, b"")
        honest(session, *rest)

    _forgive(server, patches, frozenset(), must_show=False)
    on_dtls(server, patches, arm)
    _takes(server, patches, lambda serial, _why: first_device(server) if serial == _NO_SERIAL else None)


def _only_the_first(server: ReferenceServer, patches: Patches) -> None:
    certificates = server.core.certificates

    def refusal(honest: Any, serial: int, kind: str, now_ns: int) -> str:
        owner = certificates.owner(serial)
        renewed = owner is not None and certificates.of(owner)[0].serial != serial
        why: str = honest(serial, kind, now_ns)
        return "unknown certificate" if renewed else why

    patches.wrap(certificates, "refusal", refusal)


def _renewal_revokes(server: ReferenceServer, patches: Patches) -> None:
    certificates = server.core.certificates

    def issue(honest: Any, owner: Any, *rest: Any) -> Any:
        certificates.revoke(owner)
        return honest(owner, *rest)

    patches.wrap(certificates, "create", issue)
    patches.wrap(certificates, "sign", issue)


def _owner_of_the_oldest(server: ReferenceServer, patches: Patches) -> None:
    first: list[int] = []

    def connect(honest: Any, serial: int, *rest: Any, **named: Any) -> Any:
        first.append(serial)
        return honest(first[0], *rest, **named)

    patches.wrap(server.core.inet, "connect", connect)


DEFECTS: Mapping[str, Defect] = {
    "dtls-accepts-expired": Defect("span §8.2", _accepts_expired),
    "dtls-accepts-foreign": Defect(_WHO, _accepts_foreign),
    "dtls-accepts-revoked": Defect(_WHO, _accepts_revoked),
    "dtls-accepts-gateways": Defect(_WHO, _accepts_gateways),
    "dtls-accepts-no-certificate": Defect(_WHO, _accepts_none),
    "dtls-knows-only-the-first-certificate": Defect("span §8.2", _only_the_first),
    "dtls-renewal-revokes": Defect("span §8.2", _renewal_revokes),
    "dtls-takes-the-owner-of-the-oldest": Defect(_WHO, _owner_of_the_oldest),
}
