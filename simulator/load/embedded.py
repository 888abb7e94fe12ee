"""The reference server for a load test: `simulator serve` in a process of its own, which ends with ours.

In our own process it would share a core with the devices, and neither could be measured.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections import deque
from collections.abc import Callable
from typing import IO, Any, Final

import gevent
from gevent import subprocess

from simulator.errors import TargetError
from simulator.target.api import one_line

START_S: Final = 30.0
"""How long it may take to answer."""
STOP_S: Final = 5.0
"""How long it may take to end when it is told to."""
_LINES = 10
_API, _TOKEN, _LAST = "API", "token", "read-only"
_PORTS: Final = (
    "--api-port", "--udp-port", "--coap-port", "--radius-port", "--accounting-port", "--dtls-port", "--coaps-port",
    "--https-port", "--blob-port",
)  # fmt: skip
_PR_SET_PDEATHSIG = 1


class Embedded:
    """One reference server on free ports of this machine.

    Args:
        mutant: name of a defect that it has on purpose; "": none.
        inet: whether Internet devices can come.
    """

    def __init__(self, *, mutant: str = "", inet: bool = True) -> None:
        self._mutant, self._inet = mutant, inet
        self._process: Any = None
        self._last: deque[str] = deque(maxlen=_LINES)
        """What it has said on standard error, for when it dies."""
        self._readers: list[Any] = []
        self.url = ""
        """Base URL of its API; where else it listens, it tells there."""
        self.token = ""

    def __repr__(self) -> str:
        return f"Embedded({self.url})"  # the token never reaches a log

    def start(self) -> None:
        """Start it, and wait until it listens; blocks the greenlet. Raises: TargetError: it does not."""
        # Its token is its own, and comes by the pipe: neither the command nor the environment shows one.
        environment = {name: value for name, value in os.environ.items() if name != "SIMULATOR_TOKEN"}
        options = [part for port in _PORTS for part in (port, "0")]
        options += [] if self._inet else ["--no-inet"]
        options += ["--mutant", self._mutant] if self._mutant else []
        process = self._process = subprocess.Popen(
            [sys.executable, "-m", "simulator", "serve", "--quiet", *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            start_new_session=True,  # Ctrl-C is for us: it goes on until what was created there is removed
            preexec_fn=_end_with(os.getpid()),
        )
        self._readers.append(gevent.spawn(self._keep, process.stderr))
        limit = gevent.Timeout(START_S)
        try:
            with limit:
                self._read_table(process.stdout)
        except gevent.Timeout as late:
            self.stop()
            if late is not limit:
                raise
            raise TargetError(f"the reference server has not begun to listen within {START_S:g} s") from None
        except BaseException:
            self.stop()
            raise
        # What it prints later is of no interest, but must not fill the pipe.
        self._readers.append(gevent.spawn(_drain, process.stdout))

    def died(self) -> str:
        """Why it does not run any more; "": it does, or was not started."""
        process = self._process
        if process is None or process.poll() is None:
            return ""
        return self._epitaph(process.returncode)

    def stop(self) -> None:
        """End it; calling it again does nothing. Blocks the greenlet for some seconds at most."""
        process, self._process = self._process, None
        if process is None:
            return
        try:
            if process.poll() is None:
                process.terminate()
                # It may have been stopped (SIGSTOP), and would not hear.
                process.send_signal(signal.SIGCONT)
                process.wait(timeout=STOP_S)
        except (subprocess.TimeoutExpired, OSError):
            process.kill()
            process.wait()
        finally:
            gevent.killall(self._readers)
            self._readers.clear()
            for pipe in (process.stdout, process.stderr):
                pipe.close()

    def _read_table(self, pipe: IO[bytes]) -> None:
        """Raises: TargetError: it ends before it listens."""
        found: dict[str, str] = {}
        while _LAST not in found:
            line = pipe.readline()
            if not line:
                gevent.joinall(self._readers, timeout=1.0)  # standard error ends, too, and says why
                raise TargetError(f"the reference server did not start: {self._epitaph(self._process.wait())}")
            what, _, where = line.decode(errors="replace").partition(" ")
            found[what] = where.strip()
        self.url = found.get(_API, "").removesuffix("/span")
        self.token = found.get(_TOKEN, "")

    def _keep(self, pipe: IO[bytes]) -> None:
        for line in pipe:
            self._last.append(one_line(line.decode(errors="replace")))

    def _epitaph(self, code: int) -> str:
        how = f"by {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
        return f"the reference server has ended {how}" + "".join(f"; {line}" for line in self._last if line)


def _drain(pipe: IO[bytes]) -> None:
    while pipe.read1(1 << 16):  # type: ignore[attr-defined]
        pass


def _end_with(parent: int) -> Callable[[], None] | None:
    """What the child does before it becomes the server: it dies with us, whatever we die of. None: not known here."""
    if sys.platform != "linux":
        return None
    control = ctypes.CDLL(None).prctl

    def end_with_parent() -> None:
        # SIGKILL: also a server that was stopped shall not outlive us.
        control(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # we were faster
            os._exit(1)

    return end_with_parent
