"""Which platform is meant, and whether the user really means it if it is not on this machine."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from urllib.parse import urlsplit

from simulator.errors import LocalError, UsageError
from simulator.run.settings import RemoteSettings
from simulator.server.ports import BLOB_PORT, COAP_PORT, COAPS_PORT, DTLS_PORT, HTTPS_PORT, UDP_PORT
from simulator.wire.address import Address, address

PORTS = {
    "coap": COAP_PORT,
    "udp": UDP_PORT,
    "coaps": COAPS_PORT,
    "dtls": DTLS_PORT,
    "https": HTTPS_PORT,
    "blobs": BLOB_PORT,
}
"""Options that say where a platform takes what devices send → the port of the reference server."""


_PORT_DIGITS = 9
"""More than a port has, and few enough to be read as a number."""


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
    said = {name: _endpoint(name, given, yes_really) for name, given in endpoints.items() if given is not None}
    for name, port in (("coap", COAP_PORT), ("udp", UDP_PORT)):
        if name not in said:
            _endpoint(name, f"{host}:{port}", yes_really)  # where it goes if the platform does not tell
    where: dict[str, Address | None] = {name: said.get(name) for name in PORTS}
    return RemoteSettings(url=base, token=token, https_name=_host(endpoints.get("https")), **where)


def _endpoint(option: str, given: str, yes_really: str | None) -> Address:
    """Raises: UsageError: no host and port, or a foreign host that was not confirmed."""
    name, _, number = given.rpartition(":")
    if not name or not (number.isascii() and number.isdigit()):
        raise UsageError(f"--{option} {given}: write it as HOST:PORT, 127.0.0.1:{PORTS[option]}")
    _confirm(name, yes_really)
    try:
        # The one endpoint that is known by its name: its certificate is for that.
        return address(_resolved(name) if option == "https" else name, int(number[:_PORT_DIGITS]))
    except (LocalError, OSError) as error:
        why = error if isinstance(error, LocalError) else f"no host of the name {name} is known"
        raise UsageError(f"--{option} {given}: {why}") from None


def _resolved(name: str) -> str:
    """Raises: OSError: nobody knows the name."""
    try:
        return socket.gethostbyname(name)
    except UnicodeError as error:  # it is not even one
        raise OSError(str(error)) from error


def _host(given: str | None) -> str:
    return "" if given is None else given.rpartition(":")[0]


def _confirm(host: str, yes_really: str | None) -> None:
    """Load and wrong firmware belong to one's own machine unless somebody says otherwise, twice."""
    if host == "localhost" or host.startswith("127.") or yes_really == host:
        return
    raise UsageError(f"{host} is not this machine; if you may send simulated traffic there, add --yes-really {host}")
