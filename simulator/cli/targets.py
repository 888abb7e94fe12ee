"""Which platform a command is to use."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from simulator.errors import UsageError
from simulator.run.settings import RemoteSettings
from simulator.server.ports import COAP_PORT, UDP_PORT
from simulator.target.naming import PORTS, api_url, endpoint
from simulator.wire.address import Address

__all__ = ["PORTS", "api_url", "needs_target", "remote_settings"]


def needs_target(options: Mapping[str, object]) -> None:
    """Option → what it was given, where there is no --target. Raises: UsageError: one of them was given."""
    given = [option for option, value in options.items() if value is not None and value is not False]
    if given:
        verb = "speaks" if len(given) == 1 else "speak"
        raise UsageError(f"{', '.join(given)} {verb} of a platform that runs already; name it with --target URL")


def remote_settings(
    url: str, token: str | None, endpoints: Mapping[str, str | None], yes_really: str | None
) -> RemoteSettings:
    """Everything about a platform that runs already.

    Args:
        endpoints: option of `PORTS`, without its dashes → HOST:PORT as the user wrote it; None: not given.
    Raises: UsageError.
    """
    if not token:
        raise UsageError("--target needs --token (or SIMULATOR_TOKEN); `simulator serve` prints one")
    base = api_url(url, yes_really)
    host = urlsplit(base).hostname or ""
    said = {name: endpoint(name, given, yes_really) for name, given in endpoints.items() if given is not None}
    for name, port in (("coap", COAP_PORT), ("udp", UDP_PORT)):
        if name not in said:
            endpoint(name, f"{host}:{port}", yes_really)  # where it goes if the platform does not tell
    where: dict[str, Address | None] = {name: said.get(name) for name in PORTS}
    return RemoteSettings(url=base, token=token, https_name=_host(endpoints.get("https")), **where)


def _host(given: str | None) -> str:
    return "" if given is None else given.rpartition(":")[0]
