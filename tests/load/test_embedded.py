"""The reference server as a child of a load test: it starts, tells where it is, and never outlives its parent.

gevent waits for child processes by itself, which asyncio does, too: so all of this runs in processes of its own.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.real

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 30.0

WHOLE_LIFE = """
import json, os, signal, sys, gevent
from simulator.clock import WallClock
from simulator.errors import TargetError
from simulator.load.embedded import Embedded
from simulator.load.options import LoadOptions
from simulator.load.platform import Platform
from simulator.wire.drivers.green import immediately

def refused(embedded):
    try:
        embedded.start()
    except TargetError as error:
        return str(error)

found = {}
embedded = Embedded(mutant="upstreamMessage-one-in-10000-lost", inet=False)
embedded.start()
pid = embedded._process.pid
found["shown"] = any(
    embedded.token in open(f"/proc/{pid}/{place}").read() for place in ("cmdline", "environ")
) or embedded.token in repr(embedded)
found["users"] = "of the user" in open(f"/proc/{pid}/environ").read()
found["group"] = os.getpgid(pid) == os.getpgid(0)
platform = Platform.reach(LoadOptions(), WallClock(), embedded=embedded)
found["platform"] = [platform.has_api, bool(platform.coap and platform.udp), platform.dtls, platform.radius is not None]
found["alive"] = [platform.alive(), embedded.died()]
os.kill(pid, signal.SIGKILL)
while not embedded.died():
    gevent.sleep(0.001)
found["killed"] = platform.alive()
embedded.stop()
embedded.stop()
found["stopped"] = embedded.died()
platform.close()

stopped = Embedded()
stopped.start()
found["inet"] = Platform.reach(LoadOptions(), WallClock(), embedded=stopped).coaps != 0
pid = stopped._process.pid
os.kill(pid, signal.SIGSTOP)
stopped.stop()
found["gone"] = not os.path.exists(f"/proc/{pid}")
found["unknown"] = refused(Embedded(mutant="no-such-thing"))
print(json.dumps(found))
"""

FOREVER = """
import gevent
from simulator.load.embedded import Embedded
embedded = Embedded(inet=False)
embedded.start()
print(embedded._process.pid, flush=True)
gevent.sleep(60)
"""


def test_a_whole_life():
    environment = os.environ | {"SIMULATOR_TOKEN": "of the user"}
    done = subprocess.run(
        [sys.executable, "-c", WHOLE_LIFE],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    unknown = found.pop("unknown")
    assert found == {
        "shown": False,
        "users": False,
        "group": False,
        "platform": [True, True, 0, True],
        "alive": ["", ""],
        "killed": "the reference server has ended by SIGKILL",
        "stopped": "",
        "inet": True,
        "gone": True,
    }
    assert unknown.startswith("the reference server did not start: the reference server has ended with exit code 2; ")
    assert "no-such-thing" in unknown
    assert done.stderr == ""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nobody ends it for a parent that was killed")
def test_it_ends_with_its_parent_whatever_that_dies_of():
    with subprocess.Popen([sys.executable, "-c", FOREVER], cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
        try:
            assert parent.stdout is not None
            child = int(parent.stdout.readline())
            watch = os.pidfd_open(child)
        finally:
            parent.send_signal(signal.SIGKILL)
    try:
        signal.pidfd_send_signal(watch, 0)
    except ProcessLookupError:
        pass  # it is gone already
    else:
        assert _ended(watch)
    finally:
        os.close(watch)


def _ended(watch):
    """A descriptor of a process can be read once it has ended."""
    import select

    return bool(select.select([watch], [], [], PATIENCE_S)[0])
