"""The command line: arguments in, exit code out.

Nothing heavy is imported until a command needs it: `--help` must answer at once.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Optional

import typer
from typer.core import TyperGroup

from simulator import __version__
from simulator.cli.ending import to_its_end
from simulator.cli.options import (
    AsJson,
    Blobs,
    Case,
    Coaps,
    Confirm,
    Dtls,
    Https,
    Paths,
    Target,
    Token,
    Without,
)
from simulator.errors import UsageError
from simulator.server.ports import (
    ACCOUNTING_PORT,
    API_PORT,
    BLOB_PORT,
    COAP_PORT,
    COAPS_PORT,
    DTLS_PORT,
    HTTPS_PORT,
    RADIUS_PORT,
    UDP_PORT,
)


class _Commands(TyperGroup):
    def invoke(self, ctx: typer.Context) -> object:  # type: ignore[override]
        """As shipped, without what its library for types puts before our words."""
        try:
            return super().invoke(ctx)
        except typer.BadParameter as error:
            error.message = error.message.removeprefix("Value error, ")
            raise


app = typer.Typer(
    name="simulator",
    cls=_Commands,
    help="Simulated devices act out scenarios against an IoT platform; the events it emits are held against them.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.command()
def run(
    context: typer.Context,
    paths: Paths = None,
    time: Annotated[
        Optional[Literal["virtual", "real"]],  # noqa: UP045
        typer.Option(help="Virtual: every wait jumps. Real: sockets and wall time. Default: virtual without --target."),
    ] = None,
    seed: Annotated[Optional[int], typer.Option(help="Instead of the scenario's own seed.")] = None,  # noqa: UP045
    only: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(metavar="SUBJECT", help="Only this group or member acts: meters, meters.17"),
    ] = None,
    stack: Annotated[
        Optional[Literal["own", "aiocoap"]],  # noqa: UP045
        typer.Option(help="CoAP stack of the devices, instead of each group's own choice."),
    ] = None,
    wire: Annotated[
        Optional[Literal["auto", "batch", "single", "dgram", "mapped"]],  # noqa: UP045
        typer.Option(
            help="Sockets in real time: many datagrams a call, one a call, asyncio-dgram,"
            " or that with every device on 127.0.0.1."
        ),
    ] = None,
    target: Target = None,
    token: Token = None,
    coap: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            metavar="HOST:PORT", help="Where the target takes CoAP. Default: where it says, or else port 15683."
        ),
    ] = None,
    udp: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            metavar="HOST:PORT", help="Where the target takes plain UDP. Default: where it says, or else port 11234."
        ),
    ] = None,
    coaps: Coaps = None,
    dtls: Dtls = None,
    https: Https = None,
    blobs: Blobs = None,
    yes_really: Confirm = None,
    out: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(metavar="FOLDER", help="Where journal and verdicts go. Default: a new folder below runs/"),
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Leave on the target what the run created.")] = False,
    expression: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("-k", metavar="EXPR", help="Only scenarios whose promise or file has it: 'meter and not udp'"),
    ] = None,
    tag: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option(
            metavar="TAG", help="Only scenarios with that tag, and with all others named; '!TAG': without it."
        ),
    ] = None,
    case: Case = None,
    first: Annotated[bool, typer.Option("-x", help="Stop after the first scenario that does not pass.")] = False,
    junit: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(metavar="FILE", help="A copy of the verdicts as JUnit XML; - is the standard output."),
    ] = None,
    json: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(metavar="FILE", help="A copy of the verdicts as JSON; - is the standard output."),
    ] = None,
    without: Without = None,
) -> None:
    """Run scenarios and print a verdict on each."""
    from simulator.cli.run_command import known_invariants, run_files
    from simulator.cli.selection import Selection
    from simulator.cli.tally import Copies
    from simulator.cli.targets import needs_target, remote_settings
    from simulator.run.settings import RunSettings
    from simulator.scenario.loader import MAX_SEED

    endpoints = {"coap": coap, "udp": udp, "coaps": coaps, "dtls": dtls, "https": https, "blobs": blobs}
    if target is None:
        said = context.get_parameter_source("token")
        told = token if said is not None and said.name == "COMMANDLINE" else None  # the environment is for all commands
        given = {f"--{name}": where for name, where in endpoints.items()}
        needs_target({"--keep": keep, **given, "--token": told, "--yes-really": yes_really})
    if seed is not None and not 0 <= seed <= MAX_SEED:
        raise UsageError(f"--seed {seed}: a seed is a number from 0 to {MAX_SEED}")
    if target is not None and time == "virtual":
        raise UsageError("--time virtual needs the embedded platform; leave out --target or take --time real")
    if wire is not None and time == "virtual":
        raise UsageError(f"--wire {wire} needs real time; leave out --time virtual")
    real = time == "real" or target is not None or wire is not None
    settings = RunSettings(
        time="real" if real else "virtual",
        seed=seed,
        only=only,
        stack=stack,
        wire=wire or "auto",
        target=None if target is None else remote_settings(target, token, endpoints, yes_really),
        keep=keep,
        without=known_invariants(without or (), "--without"),
    )
    code = run_files(
        paths,
        settings,
        selection=Selection(expression, tuple(tag or ()), tuple(case or ())),
        copies=Copies(json, junit),
        out=out,
        stop_early=first,
    )
    raise typer.Exit(code)


@app.command()
def check(paths: Paths = None) -> None:
    """Read scenarios and report every mistake in them, without running anything."""
    from simulator.cli.run_command import check_files

    raise typer.Exit(check_files(paths))


@app.command("list")
def list_words(
    what: Annotated[Optional[str], typer.Argument(metavar="[WHAT]", help="Default: what can be listed.")] = None,  # noqa: UP045
    paths: Annotated[
        Optional[list[Path]],  # noqa: UP045
        typer.Argument(metavar="[FILE|FOLDER]...", help="For `list scenarios`. Default: scenarios/"),
    ] = None,
    json: AsJson = False,
) -> None:
    """Show the words that scenarios may use, and the scenarios that there are."""
    from simulator.cli.list_command import print_list

    raise typer.Exit(print_list(what, paths, json))


@app.command()
def schema() -> None:
    """Print a JSON Schema of scenario files, so that an editor completes and checks them."""
    from simulator.cli.schema_command import print_schema

    raise typer.Exit(print_schema())


@app.command()
def prove(
    paths: Paths = None,
    every: Annotated[
        bool, typer.Option("--every", help="Every mutant of the server, not only those that a scenario names.")
    ] = False,
    case: Case = None,
    json: AsJson = False,
) -> None:
    """Run scenarios against the mutants that must turn them red, and print the matrix."""
    from simulator.cli.prove_command import prove as prove_files

    raise typer.Exit(prove_files(paths, every=every, as_json=json, cases=tuple(case or ())))


@app.command(
    epilog="FILE is a journal of ours, or the platform's own objects, one a line, as `simulator watch --json` prints"
    " them; their times are then their `time`, and their order is that of the lines."
    ' --sent is a journal too, or has lines like {"device": ID, "verb": "upload", "t": "2026-01-01 00:00:00",'
    ' "bytes": 24}, in the order of t, which is UTC or Unix seconds; verb (upload), outcome (ok), bytes, until'
    ' (when the act was over) and transport may be left out; "id" tells the id of a device once, if device is a name.',
)
def audit(
    file: Annotated[Path, typer.Argument(metavar="FILE.jsonl", help="A recorded stream.")],
    sent: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(metavar="FILE.jsonl", help="What the devices did meanwhile; a journal of ours has it already."),
    ] = None,
    without: Without = None,
    json: AsJson = False,
) -> None:
    """Hold a recorded stream against the invariants, without a run."""
    from simulator.cli.audit_command import audit_file
    from simulator.cli.run_command import known_invariants

    raise typer.Exit(audit_file(file, sent, known_invariants(without or (), "--without"), json))


@app.command()
def doctor(json: AsJson = False) -> None:
    """Say what would limit a run on this machine, and what to do about it."""
    from simulator.cli.doctor_command import examine

    raise typer.Exit(examine(json))


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    api_port: Annotated[int, typer.Option(help="REST and WebSocket; 0: any free port.")] = API_PORT,
    udp_port: Annotated[int, typer.Option(help="Plain UDP; 0: any free port.")] = UDP_PORT,
    coap_port: Annotated[int, typer.Option(help="CoAP; 0: any free port.")] = COAP_PORT,
    radius_port: Annotated[
        int, typer.Option(help="RADIUS: packet gateways ask who may come in; 0: any free port.")
    ] = RADIUS_PORT,
    accounting_port: Annotated[
        int, typer.Option(help="RADIUS accounting: they report on their sessions; 0: any free port.")
    ] = ACCOUNTING_PORT,
    dtls_port: Annotated[int, typer.Option(help="DTLS, for Internet devices; 0: any free port.")] = DTLS_PORT,
    coaps_port: Annotated[int, typer.Option(help="CoAP over DTLS; 0: any free port.")] = COAPS_PORT,
    https_port: Annotated[int, typer.Option(help="Blobs of Internet devices; 0: any free port.")] = HTTPS_PORT,
    blob_port: Annotated[
        int, typer.Option(help="Blobs of devices of the mobile network, plain HTTP; 0: any free port.")
    ] = BLOB_PORT,
    no_inet: Annotated[bool, typer.Option("--no-inet", help="No Internet devices: no DTLS, CoAPS and HTTPS.")] = False,
    data: Annotated[
        Optional[str],  # noqa: UP045  as text: an empty one is a mistake, and no path
        typer.Option(
            metavar="FOLDER",
            help="Keeps the certificate authority, so that devices go on trusting it, and nothing else: devices,"
            " collections and issued certificates end with the server. Default: a new one each time.",
        ),
    ] = None,
    name: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option(
            metavar="HOST",
            help="A host name or address by which Internet devices call this server, for its certificate;"
            " localhost, 127.0.0.1 and --host are in it anyway.",
        ),
    ] = None,
    inet_idle: Annotated[
        str, typer.Option(metavar="DURATION", help="A DTLS session that is silent for so long ends; 0: never.")
    ] = "10 min",
    transport_compat: Annotated[
        Optional[Literal["unspecified"]],  # noqa: UP045
        typer.Option(help="What upstreamMessage says of Internet devices. Default: dtls or coaps."),
    ] = None,
    radius_secret: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            envvar="SIMULATOR_RADIUS_SECRET",
            show_envvar=True,
            metavar="SECRET",
            help="What gateways on this machine share with it. Default: a new one.",
        ),
    ] = None,
    radius_client: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option(metavar="NETWORK=SECRET", help="Gateways elsewhere: 10.1.0.0/16=SECRET; the longest prefix wins."),
    ] = None,
    require_message_authenticator: Annotated[
        Literal["always", "auto", "never"],
        typer.Option(help="Must gateways sign their requests? Auto: from the first signed one of each on."),
    ] = "always",
    interim: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(metavar="DURATION", help="How often gateways shall report on a session. Default: not at all."),
    ] = None,
    mismatch_policy: Annotated[
        Literal["both", "first"],
        typer.Option(help="First: an imeiMismatch hides the imsiMismatch of the device whose hardware it is."),
    ] = "both",
    disconnect_on_update: Annotated[
        bool,
        typer.Option("--disconnect-on-update", help="A change that a session would not survive ends it at once."),
    ] = False,
    disconnect_port: Annotated[
        int, typer.Option(help="Where gateways take Disconnect-Requests, usually 3799; 0: where they write from.")
    ] = 0,
    wire: Annotated[
        Literal["auto", "batch", "single", "dgram"], typer.Option(help="Sockets for UDP, CoAP, DTLS and RADIUS.")
    ] = "auto",
    token: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(envvar="SIMULATOR_TOKEN", show_envvar=True, help="API token to accept. Default: a new one."),
    ] = None,
    mutant: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            metavar="NAME",
            help="The server has this defect on purpose, so that tests can show that they find it;"
            " `simulator list mutants` shows them.",
        ),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No line per event.")] = False,
) -> None:
    """Run the reference server alone, for real devices and other tools."""
    from simulator.cli.serve_command import serve_until_stopped

    raise typer.Exit(
        serve_until_stopped(
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
            inet=not no_inet,
            data=data,
            names=tuple(name or ()),
            inet_idle=inet_idle,
            transport_compat=transport_compat or "",
            radius_secret=radius_secret,
            radius_clients=tuple(radius_client or ()),
            require_message_authenticator=require_message_authenticator,
            interim=interim,
            mismatch_policy=mismatch_policy,
            disconnect_on_update=disconnect_on_update,
            disconnect_port=disconnect_port,
            wire=wire,
            token=token,
            mutant=mutant,
            quiet=quiet,
        )
    )


@app.command()
def watch(
    target: Target = None,
    token: Token = None,
    collection: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option(metavar="ID", help="Only these collections. Default: all, also those that come later."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="The objects as they arrive, one a line.")] = False,
    yes_really: Confirm = None,
) -> None:
    """Print the event stream of a platform, a readable line per event."""
    from simulator.cli.targets import api_url
    from simulator.cli.watch_command import watch_events

    if not token:
        raise UsageError("watch needs --token (or SIMULATOR_TOKEN); `simulator serve` prints one")
    url = api_url(target or "http://127.0.0.1:10080", yes_really)
    raise typer.Exit(watch_events(url, token, tuple(collection or ()), json))


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"simulator {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    """Options of every command."""


def main() -> None:
    """Entry point. Whatever goes wrong ends as one clear line and an exit code, never as a traceback."""
    to_its_end(app)
