"""Operations of the API that exist, and that this server does not carry out yet: 501, not 404 (span §2.4)."""

from __future__ import annotations

from simulator.server.span.errors import Refusal
from simulator.server.span.http import HttpResponse
from simulator.server.span.resources import collection
from simulator.server.span.router import Call, Router

_COLLECTION = "/span/collections/{collection}"

OPERATIONS = (
    ("DELETE", _COLLECTION + "/devices/{device}/fwerror"),
    ("PATCH", _COLLECTION + "/devices/{device}/fotalog"),
    ("PATCH", _COLLECTION + "/devices/{device}/fotastate"),
    ("GET", _COLLECTION + "/firmware"),
    ("POST", _COLLECTION + "/firmware"),
    ("GET", _COLLECTION + "/firmware/labeled"),
    ("POST", _COLLECTION + "/firmware/labeled"),
    ("GET", _COLLECTION + "/firmware/labeled/states"),
    ("DELETE", _COLLECTION + "/firmware/labeled/{image}"),
    ("PATCH", _COLLECTION + "/firmware/labeled/{image}/assign"),
    ("GET", _COLLECTION + "/firmware/{image}"),
    ("PATCH", _COLLECTION + "/firmware/{image}"),
    ("DELETE", _COLLECTION + "/firmware/{image}"),
    ("GET", _COLLECTION + "/firmware/{image}/usage"),
    ("GET", _COLLECTION + "/firmware/{image}/stats"),
    ("GET", _COLLECTION + "/outputs"),
    ("POST", _COLLECTION + "/outputs"),
    ("GET", _COLLECTION + "/outputs/{output}"),
    ("PATCH", _COLLECTION + "/outputs/{output}"),
    ("DELETE", _COLLECTION + "/outputs/{output}"),
    ("GET", _COLLECTION + "/outputs/{output}/logs"),
    ("GET", _COLLECTION + "/outputs/{output}/status"),
    ("GET", _COLLECTION + "/outputs/{output}/stats"),
)
USER_OPERATIONS = (("POST", "/dejavu/v1/login"), ("POST", "/dejavu/v1/logout"))


def add_routes(router: Router) -> None:
    """Everything of the table that nobody else has taken."""
    for method, pattern in OPERATIONS:
        router.add(method, pattern, not_yet)
    for method, pattern in USER_OPERATIONS:
        router.add(method, pattern, no_users, open=True)


def not_yet(call: Call) -> HttpResponse:
    """501, but an unknown collection is still unknown."""
    collection(call)
    raise Refusal(501, f"{call.request.method} on this path is not part of this server yet")


def no_users(call: Call) -> HttpResponse:
    """There are no user accounts here, only API tokens."""
    raise Refusal(501, f"{call.request.path} is not part of this server: use an API token instead of a login")
