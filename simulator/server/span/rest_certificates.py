"""Certificates over REST (span §8.1): bytes go both ways as base64 of PEM text.

The door `/simulator/certificates` is no part of Span's API: it issues certificates with any validity, so that a
rehearsal can show what becomes of one that has expired or does not count yet.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from simulator.errors import LocalError
from simulator.server.span.bodies import (
    CertificateBody,
    Number,
    PeriodBody,
    payload,
    read,
    read_id,
    whole_number,
)
from simulator.server.span.certificates import BACKDATED_S, EARLIEST_S, LATEST_S, LIFETIME_S, Issued, Owner, Validity
from simulator.server.span.errors import Refusal
from simulator.server.span.gateways import BUILT_IN
from simulator.server.span.http import HttpResponse, answer
from simulator.server.span.render import base64_text
from simulator.server.span.resources import changeable, collection, device, find_device, find_gateway, gateway
from simulator.server.span.rest_system import full_token
from simulator.server.span.router import Call, Router
from simulator.server.span.settings import NS_PER_S

_COLLECTION = "/span/collections/{collection}"
_CERTIFICATES = _COLLECTION + "/certificates"
DOOR = "/simulator/certificates"


def add_routes(router: Router) -> None:
    """The certificate calls, and the door."""
    router.add("GET", _CERTIFICATES, chain)
    router.add("POST", _CERTIFICATES + "/create", create)
    router.add("POST", _CERTIFICATES + "/sign", sign)
    router.add("POST", _CERTIFICATES + "/verify", verify)
    router.add("GET", _COLLECTION + "/devices/{device}/certs", of_device)
    router.add("GET", _COLLECTION + "/gateways/{gateway}/certs", of_gateway)
    router.add("POST", DOOR, issue)


def chain(call: Call) -> HttpResponse:
    """RetrieveCertificateChain. The chain is everybody's, but the id has to be one."""
    query = call.request.query
    _owner(call, query.get("deviceId"), query.get("gatewayId"))
    with _authority_needed():
        return answer({"chain": base64_text(call.core.certificates.authority_at(call.now_ns).chain_pem)})


def create(call: Call) -> HttpResponse:
    """CreateCertificate: a key, and a certificate for it. The key is not kept."""
    changeable(collection(call))
    body = read(call, CertificateBody)
    owner = _owner(call, body.deviceId, body.gatewayId)
    with _authority_needed():
        return answer(_shown(call.core.certificates.create(owner, call.now_ns)))


def sign(call: Call) -> HttpResponse:
    """SignCertificate: a certificate for a key that its owner keeps secret."""
    changeable(collection(call))
    body = read(call, CertificateBody)
    owner = _owner(call, body.deviceId, body.gatewayId)
    if not body.csr:
        raise Refusal(400, "csr is needed: base64 of a certificate request in PEM")
    request = payload(body.csr, "csr")
    with _authority_needed():
        return answer(_shown(call.core.certificates.sign(owner, request, call.now_ns)))


def verify(call: Call) -> HttpResponse:
    """VerifyCertificate; that it does not count is no error of the call. Nothing changes, so any collection will do."""
    body = read(call, CertificateBody)
    owner = _owner(call, body.deviceId, body.gatewayId)
    if not body.certificate:
        raise Refusal(400, "certificate is needed: base64 of a certificate in PEM")
    certificate = payload(body.certificate, "certificate")
    with _authority_needed():
        problems = call.core.certificates.problems(owner, certificate, call.now_ns)
        return answer({"valid": not problems, "errors": problems})


def of_device(call: Call) -> HttpResponse:
    """DeviceCertificate."""
    return _list(call, device(call))


def of_gateway(call: Call) -> HttpResponse:
    """GatewayCertificates. The built-in gateways have none."""
    collection(call)
    if read_id(call.path["gateway"], "gateway") in BUILT_IN:
        return answer({"certificates": []})
    return _list(call, gateway(call))


def issue(call: Call) -> HttpResponse:
    """CreateCertificate of any device or gateway, with `notBefore` and `notAfter` (Unix s, both included).

    One that is left out is chosen so that the certificate counts for 14 days, and now if that can be.
    """
    full_token(call)
    body = read(call, PeriodBody)
    name, gateway_id = body.deviceId, body.gatewayId
    _exactly_one(name, gateway_id)
    core = call.core
    owner: Owner | None
    if name:
        owner = core.registry.devices.get(read_id(name, "device"))
    else:
        owner = core.gateways.all.get(read_id(gateway_id or "", "gateway"))
    if owner is None:
        raise Refusal(404, f"Unknown {'device' if name else 'gateway'}")
    validity = _validity(body, call.now_ns)
    with _authority_needed():
        return answer(_shown(core.certificates.create(owner, call.now_ns, validity)))


def _owner(call: Call, device_id: str | None, gateway_id: str | None) -> Owner:
    """Whose certificate the call is about. Raises: Refusal 400, 404."""
    where = collection(call)
    _exactly_one(device_id, gateway_id)
    if device_id:
        return find_device(where, device_id)
    if read_id(gateway_id or "", "gateway") in BUILT_IN:
        raise Refusal(400, "Built-in gateways have no certificates")
    return find_gateway(where, gateway_id or "")


def _exactly_one(device_id: str | None, gateway_id: str | None) -> None:
    if bool(device_id) == bool(gateway_id):
        raise Refusal(400, "Either deviceId or gatewayId is needed")


def _validity(body: PeriodBody, now_ns: int) -> Validity | None:
    first, last = _time(body.notBefore, "notBefore"), _time(body.notAfter, "notAfter")
    if first is None and last is None:
        return None
    now_s = now_ns // NS_PER_S
    if last is None:
        assert first is not None
        last = min(max(first, now_s) + LIFETIME_S, LATEST_S)
    if first is None:
        first = max(min(now_s - BACKDATED_S, last - LIFETIME_S), EARLIEST_S)
    if last < first:
        raise Refusal(400, "notAfter is before notBefore")
    return Validity(first, last)


def _time(value: Number | None, what: str) -> int | None:
    found = whole_number(value, what)
    if found is not None and not EARLIEST_S <= found <= LATEST_S:
        raise Refusal(400, f"{what} is in Unix seconds, from {EARLIEST_S} (1950) to {LATEST_S} (9999)")
    return found


def _list(call: Call, owner: Owner) -> HttpResponse:
    listed = call.core.certificates.of(owner)
    return answer(
        {
            "certificates": [
                # Milliseconds (span §1.3).
                {"certificateSerial": str(each.serial), "expires": str(each.validity.not_after_s * 1000)}
                for each in listed
            ]
        }
    )


def _shown(issued: Issued) -> dict[str, Any]:
    document = {"certificate": base64_text(issued.certificate)}
    if issued.key:
        document["privateKey"] = base64_text(issued.key)
    return document | {"chain": base64_text(issued.chain)}


@contextmanager
def _authority_needed() -> Iterator[None]:
    """Raises: Refusal 503: its folder is not what it should be."""
    try:
        yield
    except LocalError as error:
        raise Refusal(503, f"There is no certificate authority: {error}") from None
