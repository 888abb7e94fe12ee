"""Starts one program against another and reads how much CPU time each took."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
PROGRAMS = HERE / "programs"
LONGEST_S = 40.0
"""What takes longer than this has gone wrong."""


CLIENT_CPU, SERVER_CPU = 0, 1
# On one processor each, so that a datagram that wakes one program never takes the processor from the other in the
# middle of a batch; which of the two is measured makes no difference. With one processor they share it.
_CPUS = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


def on_cpu(number: int) -> Callable[[], None] | None:
    """What a child process does first; None: nothing."""
    return (lambda: os.sched_setaffinity(0, {_CPUS[number]})) if len(_CPUS) > 1 else None


class BenchError(Exception):
    """A program did not do what it was started for."""


@dataclass(frozen=True)
class Sample:
    """What one program took."""

    cpu_us: float
    """CPU time per exchange, user and system, in microseconds."""
    exchanges: int
    lost: int


def python(program: str, *arguments: object) -> list[str]:
    """The command line of one of the Python programs."""
    return [sys.executable, str(PROGRAMS / f"{program}.py"), *map(str, arguments)]


def compile_limits(into: Path) -> dict[str, Path]:
    """The C programs, by name. Empty: there is no C compiler. Raises: BenchError: it refuses them."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        return {}
    made = {}
    for source in sorted((HERE / "c").glob("*.c")):
        made[source.stem] = into / source.stem
        done = subprocess.run([compiler, "-O2", "-o", made[source.stem], source], capture_output=True, text=True)
        if done.returncode:
            raise BenchError(f"{compiler} refuses {source.name}:\n{done.stderr}")
    return made


def sample_of(text: str, what: str, errors: str) -> Sample:
    """The last line of a program's output. Raises: BenchError: it is not what it should be, with its last error."""
    try:
        said: dict[str, Any] = json.loads(text.strip().splitlines()[-1])
        exchanges, lost = int(said["exchanges"]), int(said.get("lost", 0))
        return Sample(said["cpu_s"] / exchanges * 1e6, exchanges, lost)
    except (IndexError, KeyError, ValueError, ZeroDivisionError) as error:
        reason = (errors.strip() or text.strip() or "it said nothing").splitlines()[-1]
        raise BenchError(f"{what}: {reason}") from error


def words_of(command: Sequence[str | Path]) -> str:
    """A command line without its folders."""
    return " ".join(str(word).rsplit("/", 1)[-1] for word in command)


class Server:
    """A server program that says `listening PORT` on standard error, and reports when its standard input ends."""

    def __init__(self, command: Sequence[str | Path]) -> None:
        self._what = words_of(command)
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=on_cpu(SERVER_CPU),
        )
        assert self._process.stderr is not None
        said = ""
        for line in self._process.stderr:
            said += line
            if line.startswith("listening "):
                self.port = int(line.split()[1])
                return
        raise BenchError(f"{self._what} did not start: {said[-600:]}")

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.communicate()

    def finish(self) -> Sample:
        """End it and read its report."""
        output, errors = self._process.communicate(timeout=LONGEST_S)
        return sample_of(output, self._what, errors)


def client(command: Sequence[str | Path]) -> Sample:
    """Run a client program to its end."""
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=LONGEST_S,
        stdin=subprocess.DEVNULL,
        preexec_fn=on_cpu(CLIENT_CPU),
    )
    return sample_of(done.stdout, words_of(command), done.stderr)


def free_port() -> int:
    """A UDP port of 127.0.0.1 that nobody uses at the moment."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Libcoap:
    """libcoap's example server, whose CPU time the system tells."""

    PROGRAM = shutil.which("coap-server-notls") or shutil.which("coap-server-openssl")

    def __init__(self) -> None:
        assert self.PROGRAM is not None
        self.port = free_port()
        command = [self.PROGRAM, "-A", "127.0.0.1", "-p", str(self.port), "-v", "0"]
        self._process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=on_cpu(SERVER_CPU)
        )
        self._await_answer()
        self._before_ns = self._cpu_ns()

    def __enter__(self) -> Libcoap:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    def finish(self, exchanges: int) -> Sample:
        """What it has taken since it was started."""
        return Sample((self._cpu_ns() - self._before_ns) / exchanges / 1e3, exchanges, 0)

    def _cpu_ns(self) -> int:
        return int(Path(f"/proc/{self._process.pid}/schedstat").read_text().split()[0])

    def _await_answer(self) -> None:
        ping = b"\x40\x00\x00\x01"
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect(("127.0.0.1", self.port))
            probe.settimeout(0.1)
            for _ in range(50):
                try:
                    probe.send(ping)
                    probe.recv(64)
                    return
                except OSError:  # refused, as long as it does not listen
                    time.sleep(0.05)
        self._process.kill()
        raise BenchError("coap-server of libcoap does not answer")
