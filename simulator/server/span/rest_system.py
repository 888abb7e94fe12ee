"""What belongs to the server itself: its version, and the doors that only this machine may use."""

from __future__ import annotations

from simulator.errors import LocalError
from simulator.server.span.bodies import LoginBody, LogoutBody, TokenBody, digits, read
from simulator.server.span.errors import Refusal
from simulator.server.span.http import HttpResponse, answer
from simulator.server.span.network import LoginRejected
from simulator.server.span.router import Call, Router
from simulator.server.span.settings import IMEISV_DIGITS, TokenSettings
from simulator.wire.address import host_text, port_of, text

TOKEN_LENGTH = 512
ROOT_PATH = "/simulator/root"
PEM = "application/x-pem-file"
ADDRESS_LENGTH = len("255.255.255.255:65535")


def add_routes(router: Router) -> None:
    """System information needs no token, so that version checks work while tokens are being set up (span §2.1)."""
    router.add("GET", "/span/system", system, open=True)
    router.add("POST", "/simulator/login", login, open=True)
    router.add("POST", "/simulator/logout", logout, open=True)
    router.add("GET", "/simulator/endpoints", endpoints)
    router.add("GET", ROOT_PATH, root, open=True)
    router.add("POST", "/simulator/tokens", issue)
    router.add("DELETE", "/simulator/tokens", revoke)


def system(call: Call) -> HttpResponse:
    """GetSystemInfo."""
    settings = call.core.settings
    return answer({"version": settings.version, "buildDate": settings.build_date, "releaseName": settings.release_name})


def endpoints(call: Call) -> HttpResponse:
    """Where devices of this machine reach the platform; what is not open is left out. 404: nobody listens."""
    local_only(call)
    ports = call.core.ports
    if ports is None:
        raise Refusal(404, "There is no listener for devices")
    return answer({name: text(where) for name, where in ports._asdict().items() if where})


def root(call: Call) -> HttpResponse:
    """What Internet devices have to trust: the root certificate, which is no secret, as PEM; also where none is heard,
    for certificates are issued all the same. 503: there is no authority.
    """
    try:
        pem = call.core.certificates.authority_at(call.now_ns).root_pem
    except LocalError as error:
        raise Refusal(503, f"Certificate authority: {error}") from None
    return HttpResponse(content_type=PEM, body=pem)


def login(call: Call) -> HttpResponse:
    """The mobile network asks for a SIM: no part of Span's API, and open to this machine only, without a token.

    200 with deviceId, collectionId, address (where datagrams must come from) and allocatedIp (as the platform shows
    it), or 403 with the reason of the reject.
    """
    local_only(call)
    body = read(call, LoginBody)
    _short(body.address)
    _short(body.source)
    imsi = digits(body.imsi, "IMSI") or ""
    imei = digits(body.imei, "IMEI", IMEISV_DIGITS) or ""
    try:
        result = call.core.login(imsi, imei, body.address, call.now_ns, source=body.source)
    except LocalError as error:
        raise Refusal(400, f"address: {error}") from None
    if isinstance(result, LoginRejected):
        raise Refusal(403, result.reason)
    where = result.address
    return answer(
        {
            "deviceId": result.device_id,
            "collectionId": result.collection_id,
            "address": text(where) if port_of(where) else host_text(where),
            "allocatedIp": result.ip,
        }
    )


def logout(call: Call) -> HttpResponse:
    """The mobile network ends a session, by address or IMSI. That there was none is not an error: `ended` tells."""
    local_only(call)
    body = read(call, LogoutBody)
    _short(body.address)
    who = body.address or digits(body.imsi, "IMSI")
    if not who:
        raise Refusal(400, "Either address or imsi is needed")
    try:
        return answer({"ended": call.core.logout(who, call.now_ns)})
    except LocalError as error:
        raise Refusal(400, f"address: {error}") from None


def issue(call: Call) -> HttpResponse:
    """Make a token known, or change what it may do. No part of Span's API, whose tokens a user makes elsewhere.

    Answers with resource and write; only for a token that may do everything, and on this machine.
    """
    text, body = _token(call)
    core = call.core
    if not body.resource.startswith("/") or len(body.resource) > core.settings.path_bytes:
        raise Refusal(400, "resource is a path: / or /collections/ID")
    if len(core.tokens.all) >= core.settings.tokens_most:
        raise Refusal(429, f"Too many tokens: {core.settings.tokens_most} is the limit")
    core.tokens.add(TokenSettings(text=text, resource=body.resource, write=body.write))
    return answer({"resource": body.resource, "write": body.write})


def revoke(call: Call) -> HttpResponse:
    """Make a token unknown, and end its streams (1008). That it was unknown is not an error: `revoked` tells."""
    text, _ = _token(call)
    return answer({"revoked": call.core.revoke(text)})


def _token(call: Call) -> tuple[str, TokenBody]:
    full_token(call)
    assert call.token is not None
    body = read(call, TokenBody)
    text = body.token or ""
    if not text:
        raise Refusal(400, "token is needed")
    # It has to fit into a header, and must not end in a log.
    if len(text) > TOKEN_LENGTH or not text.isascii() or not text.isprintable() or " " in text:
        raise Refusal(400, f"token is one word of ASCII, {TOKEN_LENGTH} characters at most")
    if text == call.token.text:
        raise Refusal(409, "This token cannot change itself")
    return text, body


def _short(address: str | None) -> None:
    if address is not None and len(address) > ADDRESS_LENGTH:
        raise Refusal(400, "address is too long: write it as 127.64.0.5")


def full_token(call: Call) -> None:
    """Only for programs on this machine that show such a token. Raises: Refusal 403."""
    local_only(call)
    if call.token is None or call.token.resource != "/" or not call.token.write:
        raise Refusal(403, "Only a token that may do everything opens this")


def local_only(call: Call) -> None:
    """Only for programs on this machine. Raises: Refusal 403."""
    remote = call.request.remote
    if not (remote.startswith("127.") or remote == "::1"):
        raise Refusal(403, "Only programs on the same machine may do this")
    # A browser tells whose page it acts for; no web page has business here.
    if "origin" in call.request.headers:
        raise Refusal(403, "Web pages may not do this")
