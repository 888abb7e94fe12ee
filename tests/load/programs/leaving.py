"""A master with three workers: one is stopped for too long and comes back, one gets Ctrl-C, and then the master does.

Prints what became of them, as one line of JSON.

python tests/load/programs/leaving.py PORT FOLDER
"""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

from simulator.load.embedded import Embedded

WORKERS, USERS, DEVICES = 3, 6, 10
PATIENCE_S = 20.0
TOOK_OVER = re.compile(r"took over (\d+) meters")

LOCUSTFILE = """\
from simulator.load import FleetUser

class Meters(FleetUser):
    every = "1 s"
"""


class Locust:
    """One process of a test; what it says goes to a file."""

    def __init__(self, folder: Path, name: str, *arguments: str) -> None:
        self._log = folder / f"{name}.log"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "locust", "-f", str(folder / "locustfile.py"), "--headless", *arguments],
            stdout=self._log.open("w"),
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
        )

    @property
    def said(self) -> str:
        return self._log.read_text(encoding="utf-8")


def until(holds, what):
    end_s = time.monotonic() + PATIENCE_S
    while not holds():
        if time.monotonic() > end_s:
            raise TimeoutError(what)
        time.sleep(0.05)


def collections(server: Embedded) -> int:
    """How many are on the platform."""
    from urllib.request import Request, urlopen

    request = Request(f"{server.url}/span/collections", headers={"X-API-Token": server.token})
    with urlopen(request, timeout=5.0) as answer:
        return len(json.load(answer).get("collections", []))


def main(port: str, folder: Path) -> None:
    (folder / "locustfile.py").write_text(LOCUSTFILE, encoding="utf-8")
    server = Embedded()
    server.start()
    report = folder / "report.json"
    master = Locust(
        folder,
        "master",
        *("--target", server.url, "--token", server.token, "--report", str(report), "--only-summary"),
        *("--master", "--master-bind-port", port, "--expect-workers", str(WORKERS)),
        *("-u", str(USERS), "-r", str(USERS), "--devices-per-user", str(DEVICES)),
    )
    workers = [Locust(folder, f"worker{n}", "--worker", "--master-port", port) for n in range(WORKERS)]
    taken = lambda: sum(int(n) for worker in workers for n in TOOK_OVER.findall(worker.said))  # noqa: E731
    codes = []
    try:
        until(lambda: f"{USERS * DEVICES} devices have joined" in master.said, "all devices")
        share = USERS // WORKERS * DEVICES
        workers[0].process.send_signal(signal.SIGSTOP)
        until(lambda: taken() >= share, "heirs of the worker that was stopped")
        workers[0].process.send_signal(signal.SIGCONT)
        codes.append(workers[0].process.wait(PATIENCE_S))
        workers[1].process.send_signal(signal.SIGINT)
        codes.append(workers[1].process.wait(PATIENCE_S))
        until(lambda: taken() >= share + USERS // 2 * DEVICES, "heirs of the worker that was sent home")
        for _ in range(3):
            master.process.send_signal(signal.SIGINT)
            time.sleep(0.05)
        codes += [each.process.wait(PATIENCE_S) for each in (master, workers[2])]
        left = collections(server)
    finally:
        for each in (master, *workers):
            if each.process.poll() is None:
                each.process.kill()
        server.stop()
    said = {f"worker{n}": worker.said for n, worker in enumerate(workers)} | {"master": master.said}
    print(json.dumps({"codes": codes, "left": left, "report": json.loads(report.read_text()), "said": said}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
