"""The reference server alone, for real devices and other tools: a table, a token, and a line per event."""

from __future__ import annotations

import asyncio
import os
import secrets
import select
import signal
import sys
from collections import deque
from dataclasses import replace
from typing import TextIO

from simulator.clock import WallClock
from simulator.errors import ExitCode
from simulator.server.app import ReferenceServer, ServerSettings
from simulator.server.log import describe, device_name
from simulator.server.mutants import MUTANTS, inflict
from simulator.server.remarks import Remarks, concerns
from simulator.server.span.streams import Subscription
from simulator.wire.drivers.real import RealTimers
from simulator.wire.real import Kind, open_wire

PRINT_EVERY_S = 0.1
PRINT_MOST = 500
"""Events are printed in bundles of at most so many, and the rest is counted: a terminal is slower than the server."""

LINE_MOST = 400
"""Characters of one line; names and tags may be as long as their owner likes."""
_BUNDLE_BYTES: int = getattr(select, "PIPE_BUF", 512)
"""What a pipe takes at once if it takes anything."""

REMARKS_EVERY_S = 1.0
"""How often it is told what is no event (`remarks`)."""

TOKEN_BYTES = 32
SEED_BITS = 63
"""Among others it decides about the cookies of DTLS, which strangers must not guess."""
SECRET_BYTES = 16
"""mobile-network §1.7: at least 16 random octets."""

_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


async def serve(
    settings: ServerSettings,
    *,
    wire: Kind = "auto",
    quiet: bool = False,
    mutant: str | None = None,
    out: TextIO | None = None,
) -> int:
    """Run until SIGINT or SIGTERM.

    Args:
        settings: tokens that it leaves open are drawn at random.
        quiet: no line per event.
        mutant: the server has this defect, on purpose (`words.MUTANTS`), and says so.
        out: where the table and the events go; None: standard output.
    Returns: the exit code.
    Raises: LocalError: a port is in use, the folder of the authority cannot be used, there is no such mutant, or this
        machine lacks what is needed.
    """
    loop = asyncio.get_running_loop()
    output = _Output(out or sys.stdout)
    stopped: asyncio.Future[int] = loop.create_future()
    # Both are how it is meant to be stopped, so both end well.
    for number in _STOP_SIGNALS:
        loop.add_signal_handler(number, _stop, stopped)
    clock = WallClock()
    timers = RealTimers(clock, loop)
    made_up = secrets.token_hex(SECRET_BYTES)
    server = ReferenceServer(
        replace(
            settings,
            token=settings.token or secrets.token_hex(TOKEN_BYTES),
            read_token=settings.read_token or secrets.token_hex(TOKEN_BYTES),
            seed=settings.seed or secrets.randbits(SEED_BITS),
        ).with_secrets(made_up),
        clock,
        timers,
    )
    if mutant is not None:
        inflict(server, mutant)
    if settings.inet:
        server.internet.context()  # what is wrong with its authority is told now, and the first device need not wait
    sockets = await open_wire(wire, clock, loop)
    printing: list[asyncio.Task[None]] = []
    try:
        await server.start(sockets)
        await server.start_http()
        shown = made_up if any(not each.secret for each in settings.radius.clients) else ""
        warnings = [f"warning: {each}" for each in concerns(settings)]
        output.say("\n".join([*defect(mutant), table(server, shown), *warnings]))
        if not quiet:
            printing.append(loop.create_task(_print_events(server, clock, output), name="line per event"))
            printing.append(loop.create_task(_tell_remarks(server, clock, output), name="line per remark"))
        return await stopped
    finally:
        server.hang_up()  # and its readers, the printed lines among them, are told of it
        for task in printing:
            task.cancel()
        await asyncio.gather(*printing, return_exceptions=True)
        timers.close()
        await server.stop()
        await sockets.close()
        for number in _STOP_SIGNALS:
            loop.remove_signal_handler(number)


def table(server: ReferenceServer, radius_secret: str = "") -> str:
    """Where everything is, the tokens, and the RADIUS secret if that was made up here ("": the user knows it)."""
    lines = [(each.what, each.where) for each in server.endpoints()]
    root = server.root_place()
    lines += [("certificate", f"for {', '.join(server.names())}"), ("root", root)] if root else []
    lines += [("secret", radius_secret)] if radius_secret else []
    lines += [("token", server.token), ("read-only", server.read_token)]
    width = max(len(what) for what, _ in lines)
    return "\n".join(f"{what:<{width}}  {where}" for what, where in lines)


def defect(mutant: str | None) -> list[str]:
    """What is said, before all else, of a server that has a defect on purpose."""
    if mutant is None:
        return []
    return [f"MUTANT {mutant}: {MUTANTS[mutant].help}. This server has a defect on purpose."]


def _stop(stopped: asyncio.Future[int]) -> None:
    if not stopped.done():
        stopped.set_result(ExitCode.PASSED)


class _Output:
    """Where lines go. It may be slow, full or gone, and none of that stops the server.

    Args:
        out: None: nowhere, as for a process that was started without standard output.
    """

    def __init__(self, out: TextIO | None) -> None:
        self._out = out
        self._poll = None
        if out is not None and hasattr(select, "poll"):
            try:
                descriptor = out.fileno()
            except OSError:
                return  # text in memory
            self._poll = select.poll()
            self._poll.register(descriptor, select.POLLOUT)

    def takes_more(self) -> bool:
        """Whether a bundle can be written without waiting for whoever reads."""
        return self._poll is None or bool(self._poll.poll(0))

    def say(self, lines: str) -> None:
        """Write lines, at once: a pipe shall see them as they come."""
        out = self._out
        if out is None:
            return
        try:
            print(lines, file=out, flush=True)
        except OSError as error:
            if not isinstance(error, BrokenPipeError):  # who closes a pipe knows why nothing comes any more
                print(f"simulator: standard output: {error.strerror}; the rest is not printed", file=sys.stderr)
            # Go on without, also when the interpreter flushes at its end.
            with open(os.devnull, "w") as nowhere:
                os.dup2(nowhere.fileno(), out.fileno())


async def _print_events(server: ReferenceServer, clock: WallClock, output: _Output) -> None:
    stream: Subscription = server.core.watch(clock.unix_ns(), limit=PRINT_MOST)
    ready = asyncio.Event()
    stream.on_ready = ready.set
    name_of = device_name(server.core.registry)
    waiting: deque[str] = deque()

    def tell() -> None:
        # More is taken when all is out, so what a slow reader leaves is bounded, and the rest is counted.
        while output.takes_more():
            if not waiting:
                time = server.core.activity.time_text(clock.unix_ns()).decode()
                lines = (describe(message, name_of, time) for message in stream.take())
                waiting.extend(line[:LINE_MOST] for line in lines if line is not None)
            if not waiting:
                return
            output.say(_bundle(waiting))

    try:
        while True:
            if not waiting:
                await ready.wait()
                ready.clear()
            tell()
            await asyncio.sleep(PRINT_EVERY_S)
    finally:
        tell()  # what happened since the last bundle
        stream.close(1000, "server stops")


async def _tell_remarks(server: ReferenceServer, clock: WallClock, output: _Output) -> None:
    remarks = Remarks(server)

    def tell() -> None:
        time = server.core.activity.time_text(clock.unix_ns()).decode()
        lines = remarks.lines(clock.now()) if output.takes_more() else []
        if lines:
            output.say("\n".join(f"{time}  {line}"[:LINE_MOST] for line in lines))

    try:
        while True:
            await asyncio.sleep(REMARKS_EVERY_S)
            tell()
    finally:
        tell()


def _bundle(waiting: deque[str]) -> str:
    """As many lines as can be written at once, at least one."""
    lines = [waiting.popleft()]
    size = len(lines[0].encode()) + 1
    while waiting and (size := size + len(waiting[0].encode()) + 1) <= _BUNDLE_BYTES:
        lines.append(waiting.popleft())
    return "\n".join(lines)
