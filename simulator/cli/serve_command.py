"""`simulator serve`: the reference server alone."""

from __future__ import annotations

import asyncio
import ipaddress
import re
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from simulator.errors import LocalError, UsageError
from simulator.server.app import ServerSettings
from simulator.server.fronts.radius_clients import (
    LOOPBACK_NETWORK,
    RadiusClient,
    RadiusSettings,
    Required,
    network_of,
)
from simulator.server.serve import serve
from simulator.server.span.login import Policy
from simulator.server.span.settings import SpanSettings
from simulator.wire.real import Kind
from simulator.words import MUTANTS, nearest

INTERIM_LEAST_S, INTERIM_MOST_S = 60, (1 << 32) - 1
INET_IDLE_MOST_S = 30 * 86_400
NAME_MOST = 253
DIGITS_MOST = 18
_LABEL = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)")
_NETWORK_CHARACTERS = frozenset("0123456789./")


def serve_until_stopped(
    *,
    host: str,
    api_port: int,
    udp_port: int,
    coap_port: int,
    radius_port: int,
    accounting_port: int,
    dtls_port: int,
    coaps_port: int,
    https_port: int,
    blob_port: int,
    inet: bool,
    data: str | None,
    names: tuple[str, ...],
    inet_idle: str,
    transport_compat: Literal["", "unspecified"],
    radius_secret: str | None,
    radius_clients: tuple[str, ...],
    require_message_authenticator: Required,
    interim: str | None,
    mismatch_policy: Policy,
    disconnect_on_update: bool,
    disconnect_port: int,
    wire: Kind,
    token: str | None,
    mutant: str | None,
    quiet: bool,
) -> int:
    """Serve until SIGINT or SIGTERM. Raises: UsageError, LocalError: a port is in use."""
    _check_mutant(mutant)
    try:
        ipaddress.IPv4Address(host)
    except ValueError:
        raise UsageError(f"--host {host}: give an IPv4 address, 127.0.0.1") from None
    for option, port in (
        ("--api-port", api_port),
        ("--udp-port", udp_port),
        ("--coap-port", coap_port),
        ("--radius-port", radius_port),
        ("--accounting-port", accounting_port),
        ("--dtls-port", dtls_port),
        ("--coaps-port", coaps_port),
        ("--https-port", https_port),
        ("--blob-port", blob_port),
        ("--disconnect-port", disconnect_port),
    ):
        if not 0 <= port <= 65535:
            raise UsageError(f"{option} {port}: ports go from 0 to 65535")
    interim_s = None if interim is None else seconds("--interim", interim)
    inet_idle_s = seconds("--inet-idle", inet_idle)
    if interim_s is not None and not INTERIM_LEAST_S <= interim_s <= INTERIM_MOST_S:
        much = "little" if interim_s < INTERIM_LEAST_S else "much"
        raise UsageError(
            f"--interim {interim}: too {much}; from {INTERIM_LEAST_S} to {INTERIM_MOST_S} s (RFC 2869 §5.16)"
        )
    if not 0 <= inet_idle_s <= INET_IDLE_MOST_S:
        raise UsageError(f"--inet-idle {inet_idle}: from 0 (sessions never end by themselves) to {INET_IDLE_MOST_S} s")
    if not inet and (data is not None or names):
        raise UsageError("--data and --name are about Internet devices; leave out --no-inet")
    if data is not None and not data.strip():
        raise UsageError("--data: it is empty (an unset variable?); name a folder, or leave the option out")
    for name in names:
        _check_name(name)
    udp = {"--udp-port": udp_port, "--coap-port": coap_port, "--radius-port": radius_port,
           "--accounting-port": accounting_port}  # fmt: skip
    tcp = {"--api-port": api_port, "--blob-port": blob_port}
    _check_different(udp | ({"--dtls-port": dtls_port, "--coaps-port": coaps_port} if inet else {}))
    _check_different(tcp | ({"--https-port": https_port} if inet else {}))
    settings = ServerSettings(
        host=host,
        api_port=api_port,
        udp_port=udp_port,
        coap_port=coap_port,
        radius_port=radius_port,
        accounting_port=accounting_port,
        dtls_port=dtls_port,
        coaps_port=coaps_port,
        https_port=https_port,
        blob_port=blob_port,
        inet=inet,
        data=None if data is None else Path(data),
        names=names,
        token=token or "",
        span=SpanSettings(
            mismatch_policy=mismatch_policy,
            disconnect_on_update=disconnect_on_update,
            inet_idle_s=inet_idle_s,
            transport_compat=transport_compat,
        ),
        radius=RadiusSettings(
            clients=clients(radius_secret, radius_clients),
            require_message_authenticator=require_message_authenticator,
            interim_s=interim_s,
            disconnect_port=disconnect_port,
        ),
    )
    return asyncio.run(_serve(settings, wire, mutant, quiet))


def _check_mutant(name: str | None) -> None:
    """Raises: UsageError: there is no such defect."""
    if name is None or name in MUTANTS:
        return
    from simulator.scenario.show import shown  # late: no other option needs it

    near = nearest(name, MUTANTS)
    hint = f"did you mean '{near}'?" if near else "`simulator list mutants` shows them"
    raise UsageError(f"--mutant: no mutant {shown(name)} ({hint})")


def _check_name(name: str) -> None:
    """Raises: UsageError: it can stand in no certificate."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        labels = name.split(".")
        if labels[0] == "*":
            raise UsageError(
                f"--name {name}: name the hosts one by one; much firmware takes no certificate with an asterisk"
            ) from None
        # A last part that is a number makes an address of it, for those who look names up.
        if (
            len(name) > NAME_MOST
            or not all(_LABEL.fullmatch(each) for each in labels)
            or (labels[-1].isdigit() and len(labels) > 1)
        ):
            raise UsageError(f"--name {name}: give a host name or an address, data.example.com") from None


def seconds(option: str, text: str) -> int:
    """A duration of whole seconds, with a unit as in scenarios or without: `10 min`, `600`. Raises: UsageError."""
    from simulator.scenario.quantities import NotAQuantity, parse  # late: no other option needs it

    plain = text.strip()
    if plain.isascii() and plain.removeprefix("-").isdigit() and len(plain) <= DIGITS_MOST:
        return int(plain)
    try:
        found = parse(text, "duration")
    except NotAQuantity as error:
        raise UsageError(f"{option} {text}: {error.problem}; {error.hint}") from None
    if found != int(found):
        raise UsageError(f"{option} {text}: whole seconds only")
    return int(found)


def _check_different(ports: Mapping[str, int]) -> None:
    """Option → port; 0 is any free one. Raises: UsageError: two options name the same."""
    taken: dict[int, str] = {}
    for option, port in ports.items():
        if port and port in taken:
            raise UsageError(f"{taken[port]} and {option} are both {port}; choose two")
        taken[port] = option


def clients(secret: str | None, others: tuple[str, ...]) -> tuple[RadiusClient, ...]:
    """Packet gateways that are answered: those on this machine, and `others` (NETWORK=SECRET).

    Args:
        secret: of those on this machine; None: it is made up, unless `others` has one for their network.
    Raises: UsageError, which shows no secret.
    """
    if secret == "":
        raise UsageError("--radius-secret: it is empty; leave the option out and one is made up")
    found: dict[tuple[int, int], RadiusClient] = {}
    for each in others:
        network, equals, its_secret = each.partition("=")
        if not (equals and its_secret):
            raise UsageError("--radius-client: write NETWORK=SECRET, as in 10.1.0.0/16=SECRET")
        if _is_ipv6(network):
            raise UsageError("--radius-client: IPv4 networks only, as in 10.1.0.0/16=SECRET")
        if not set(network) <= _NETWORK_CHARACTERS:  # perhaps the secret stands first, so it is not shown
            raise UsageError("--radius-client: what is before the = is no network; write 10.1.0.0/16=SECRET")
        try:
            key = network_of(network)
        except LocalError as error:
            raise UsageError(f"--radius-client: {error}") from None
        if key in found:
            raise UsageError(f"--radius-client {network}: this network was named before")
        found[key] = RadiusClient(network=network, secret=its_secret)
    here = network_of(LOOPBACK_NETWORK)
    if here not in found:
        found[here] = RadiusClient(network=LOOPBACK_NETWORK, secret=secret or "")
    elif secret:
        raise UsageError(f"--radius-secret: --radius-client {LOOPBACK_NETWORK} says another")
    return tuple(found.values())


def _is_ipv6(network: str) -> bool:
    try:
        ipaddress.IPv6Network(network, strict=False)
    except ValueError:
        return False
    return True


async def _serve(settings: ServerSettings, wire: Kind, mutant: str | None, quiet: bool) -> int:
    try:
        return await serve(settings, wire=wire, mutant=mutant, quiet=quiet)
    except LocalError as error:
        raise LocalError(_with_option(str(error), settings)) from error
    finally:
        # The process ends now; being told again on the way out shall not turn a good end into a bad one.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)


def _with_option(problem: str, settings: ServerSettings) -> str:
    """The problem with a port, and the option that chooses another."""
    ports = (
        ("--api-port", f"TCP port {settings.api_port} "),
        ("--udp-port", f"UDP port {settings.udp_port} "),
        ("--coap-port", f"UDP port {settings.coap_port} "),
        ("--radius-port", f"UDP port {settings.radius_port} "),
        ("--accounting-port", f"UDP port {settings.accounting_port} "),
        ("--dtls-port", f"UDP port {settings.dtls_port} "),
        ("--coaps-port", f"UDP port {settings.coaps_port} "),
        ("--https-port", f"TCP port {settings.https_port} "),
        ("--blob-port", f"TCP port {settings.blob_port} "),
    )
    option = next((option for option, words in ports if words in problem), "")
    return f"{problem}; the option for that is {option}" if option else problem
