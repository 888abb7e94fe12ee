"""Four workers, of which one is killed; prints what became of its devices, as one line of JSON.

python tests/load/programs/takeover.py PORT FOLDER
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from pathlib import Path

WORKERS, USERS, DEVICES = 4, 8, 25
EVERY_S = 2
RUN_S = 22
TOOK_OVER = re.compile(r"took over (\d+) meters")

LOCUSTFILE = f"""\
from simulator.load import FleetUser

class Meters(FleetUser):
    every = "{EVERY_S} s"
"""


def main(port: str, folder: Path) -> None:
    file = folder / "locustfile.py"
    file.write_text(LOCUSTFILE, encoding="utf-8")
    common = [sys.executable, "-m", "locust", "-f", str(file), "--headless"]
    report = folder / "report.json"
    sizes = ["-u", str(USERS), "--devices-per-user", str(DEVICES), "-t", f"{RUN_S}s", "--only-summary"]
    distributed = ["--master", "--master-bind-port", port, "--expect-workers", str(WORKERS), "--report", str(report)]
    master = subprocess.Popen(
        [*common, *sizes, *distributed],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
    )
    logs = [folder / f"worker{n}.log" for n in range(WORKERS)]
    workers = [
        subprocess.Popen(
            [*common, "--worker", "--master-port", port],
            stdout=log.open("w"),
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
        )
        for log in logs
    ]
    said, killed_s = "", 0.0
    try:
        assert master.stdout is not None
        for line in master.stdout:
            said += line
            if f"all {USERS * DEVICES} devices have joined" in line and not killed_s:
                workers[0].kill()
                killed_s = time.time()
                took_over_s = wait_for_heirs(logs[1:], killed_s + 15.0)
        code = master.wait(timeout=30)
        for worker in workers:
            worker.wait(timeout=30)
    finally:
        for process in (master, *workers):
            if process.poll() is None:
                process.kill()
    found = json.loads(report.read_text(encoding="utf-8"))
    print(json.dumps({"code": code, "after_s": took_over_s - killed_s, "report": found, "said": said}))


def wait_for_heirs(logs: list[Path], until_s: float) -> float:
    """Unix time at which all devices of the dead worker had somebody; infinity: not in time."""
    left = USERS // WORKERS * DEVICES
    while time.time() < until_s:
        texts = [log.read_text(encoding="utf-8") for log in logs]
        if sum(int(count) for text in texts for count in TOOK_OVER.findall(text)) >= left:
            return time.time()
        time.sleep(0.05)
    return float("inf")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
