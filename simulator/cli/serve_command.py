"""`simulator serve`: the reference server alone."""

from __future__ import annotations

import asyncio
import ipaddress
import signal

from simulator.errors import LocalError, UsageError
from simulator.server.app import ServerSettings
from simulator.server.serve import serve
from simulator.wire.real import Kind


def serve_until_stopped(
    *,
    host: str,
    api_port: int,
    udp_port: int,
    coap_port: int,
    wire: Kind,
    token: str | None,
    quiet: bool,
) -> int:
    """Serve until SIGINT or SIGTERM. Raises: UsageError, LocalError: a port is in use."""
    try:
        ipaddress.IPv4Address(host)
    except ValueError:
        raise UsageError(f"--host {host}: give an IPv4 address, 127.0.0.1") from None
    for option, port in (("--api-port", api_port), ("--udp-port", udp_port), ("--coap-port", coap_port)):
        if not 0 <= port <= 65535:
            raise UsageError(f"{option} {port}: ports go from 0 to 65535")
    settings = ServerSettings(host=host, api_port=api_port, udp_port=udp_port, coap_port=coap_port, token=token or "")
    return asyncio.run(_serve(settings, wire, quiet))


async def _serve(settings: ServerSettings, wire: Kind, quiet: bool) -> int:
    try:
        return await serve(settings, wire=wire, quiet=quiet)
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
    )
    option = next((option for option, words in ports if words in problem), "")
    return f"{problem}; the option for that is {option}" if option else problem
