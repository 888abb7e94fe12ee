"""Which platform is meant, and whether the user really means it if it is not on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from simulator.errors import LocalError, UsageError
from simulator.run.settings import RemoteSettings
from simulator.server.ports import COAP_PORT, UDP_PORT
from simulator.wire.address import Address, address


def needs_target(options: Mapping[str, object]) -> None:
    """Option → what it was given, where there is no --target. Raises: UsageError: one of them was given."""
    given = [option for option, value in options.items() if value is not None and value is not False]
    if given:
        verb = "speaks" if len(given) == 1 else "speak"
        raise UsageError(f"{', '.join(given)} {verb} of a platform that runs already; name it with --target URL")


def api_url(url: str, yes_really: str | None) -> str:
    """The base URL, checked. Raises: UsageError: no URL, or a foreign host that was not confirmed."""
    parts = urlsplit(url if "://" in url else f"http://{url}")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(f"--target {url}: an API address looks like http://127.0.0.1:10080")
    try:
        port = parts.port
    except ValueError:
        raise UsageError(f"--target {url}: the port must be a number up to 65535") from None
    _confirm(parts.hostname, yes_really)
    return f"{parts.scheme}://{parts.hostname}" + (f":{port}" if port else "")


def remote_settings(
    url: str, token: str | None, coap: str | None, udp: str | None, yes_really: str | None
) -> RemoteSettings:
    """Everything about a platform that runs already. Raises: UsageError."""
    if not token:
        raise UsageError("--target needs --token (or SIMULATOR_TOKEN); `simulator serve` prints one")
    base = api_url(url, yes_really)
    host = urlsplit(base).hostname or ""
    return RemoteSettings(
        url=base,
        token=token,
        coap=_endpoint("--coap", coap, host, COAP_PORT, yes_really),
        udp=_endpoint("--udp", udp, host, UDP_PORT, yes_really),
    )


def _endpoint(option: str, given: str | None, host: str, port: int, yes_really: str | None) -> Address | None:
    """What was given; None: nothing, and the platform shall be asked (or has it on `port` of its `host`)."""
    where = given or f"{host}:{port}"
    name, _, number = where.rpartition(":")
    if not name or not number.isdigit():
        raise UsageError(f"{option} {where}: write it as HOST:PORT, 127.0.0.1:{port}")
    _confirm(name, yes_really)
    try:
        found = address(name, int(number))
    except LocalError as error:
        raise UsageError(f"{option} {where}: {error}") from None
    return found if given else None


def _confirm(host: str, yes_really: str | None) -> None:
    """Load and wrong firmware belong to one's own machine unless somebody says otherwise, twice."""
    if host == "localhost" or host.startswith("127.") or yes_really == host:
        return
    raise UsageError(f"{host} is not this machine; if you may send simulated traffic there, add --yes-really {host}")
