"""Our options on Locust's command line, and what they come to."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from simulator.errors import UsageError
from simulator.load import expect
from simulator.load.options import LoadOptions
from simulator.scenario.loader import MAX_SEED
from simulator.scenario.quantities import Kind, NotAQuantity, parse
from simulator.target.naming import api_url, endpoint, is_here
from simulator.wire.address import Address
from simulator.words import MUTANTS, nearest

HERE: Final = "127.0.0.1"
"""Where Locust's web page and its master listen unless somebody says otherwise; Locust itself would say: everywhere."""
MOST_DEVICES_PER_USER: Final = 1_000_000
_WAYS: Final = ("coap", "udp", "dtls", "coaps")


def add(parser: Any) -> None:
    """Add them. `parser`: Locust's, at the event `init_command_line_parser`."""
    group = parser.add_argument_group("Simulated devices")

    def option(name: str, **more: Any) -> None:
        action = group.add_argument(f"--{name}", **more)
        action.include_in_web_ui = False  # a group's own method knows nothing of Locust's page

    option(
        "target", metavar="URL", help="API of a platform that runs already. Default: the reference server is started"
    )
    option("token", metavar="TOKEN", env_var="SIMULATOR_TOKEN", help="its API token; better given in SIMULATOR_TOKEN")
    option("yes-really", metavar="HOST", help="name the target's host once more if it is not this machine")
    for way in _WAYS:
        option(way, metavar="HOST:PORT", help=f"where devices send {_WORDS[way]}. Default: where the platform says")
    option("scenario", metavar="FILE", help="drive the groups of this scenario instead of those of the locustfile")
    option("case", metavar="NAME", default="", help="case of a scenario file that has cases")
    option(
        "expect", metavar="TEXT", action="append", help="what must hold: 'upload p99 < 500 ms', 'lost = 0'; repeatable"
    )
    option("devices-per-user", metavar="N", type=int, default=1000, help="devices of one FleetUser. Default: 1000")
    option("seed", metavar="N", type=int, default=0, help="decides payloads, time-outs and moments. Default: 0")
    option(
        "most-per-s", metavar="N", type=float, default=0.0, help="most acts a second of one worker. Default: no limit"
    )
    option(
        "stop-at-errors",
        metavar="SHARE",
        default="100 %",
        help="stop when more requests fail: '20 %%'. Default: never",
    )
    option(
        "wait-at-end", metavar="DURATION", default="100 s", help="most that is waited for late answers. Default: 100 s"
    )
    option("keep", action="store_true", help="leave on the target what the test created")
    option("report", metavar="FILE", help="the verdict as JSON")
    option("mutant", metavar="NAME", default="", help="start the reference server with this defect, to see it caught")
    parser.set_defaults(web_host=HERE, master_bind_host=HERE)


_WORDS: Final = {"coap": "CoAP", "udp": "plain UDP", "dtls": "raw payloads over DTLS", "coaps": "CoAP over DTLS"}


def read(given: Namespace) -> LoadOptions:
    """What was asked for. Raises: UsageError."""
    yes_really = given.yes_really
    where: dict[str, Address | None] = {
        way: None if getattr(given, way) is None else endpoint(way, getattr(given, way), yes_really, named=True)
        for way in _WAYS
    }
    target = None if given.target is None else api_url(given.target, yes_really)
    said = [way for way in _WAYS if where[way] is not None]
    if target is not None and not given.token:
        raise UsageError("--target needs --token (or SIMULATOR_TOKEN); `simulator serve` prints one")
    if target is None and said and not set(said) <= {"coap", "udp"}:
        secure = ", ".join(f"--{way}" for way in said if way in ("dtls", "coaps"))
        raise UsageError(
            f"{secure}: devices with certificates need the API that issues them; name it with --target URL"
        )
    if given.mutant:
        if target is not None or said:
            raise UsageError(
                f"--mutant {given.mutant}: only the reference server that the test starts itself can have one"
            )
        if given.mutant not in MUTANTS:
            near = nearest(given.mutant, MUTANTS)
            hint = f"did you mean {near}?" if near else "see `simulator list mutants`"
            raise UsageError(f"--mutant {given.mutant}: no such defect ({hint})")
    return LoadOptions(
        target=target,
        token=given.token or "",
        **where,
        bare=target is None and bool(said),
        scenario=None if given.scenario is None else Path(given.scenario),
        case=given.case,
        expects=tuple(expect.parse(text).text for text in given.expect or ()),
        devices_per_user=_between("devices-per-user", given.devices_per_user, 1, MOST_DEVICES_PER_USER),
        seed=_between("seed", given.seed, 0, MAX_SEED),
        most_per_s=_between("most-per-s", given.most_per_s, 0.0, 1e6),
        stop_at_errors=_quantity("stop-at-errors", given.stop_at_errors, "share"),
        wait_at_end_s=_quantity("wait-at-end", given.wait_at_end, "duration"),
        keep=given.keep,
        report=None if given.report is None else Path(given.report),
        mutant=given.mutant,
        foreign=target is not None and not is_here(urlsplit(target).hostname or ""),
    )


def _between(option: str, value: Any, least: Any, most: Any) -> Any:
    if not least <= value <= most:
        raise UsageError(f"--{option} {value}: from {least:,} to {most:,}")
    return value


def _quantity(option: str, text: str, kind: Kind) -> float:
    try:
        return parse(text, kind)
    except NotAQuantity as error:
        raise UsageError(f"--{option} {text}: {error.problem}; {error.hint}") from None
