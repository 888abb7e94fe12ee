"""Every built-in scenario passes: all in virtual time, the short ones over real sockets too, and on the other stacks.

What runs in real time mostly waits. So those runs go on beside the other tests, each in a process of its own, and the
tests only collect what they came to (conftest).
"""

from __future__ import annotations

from pathlib import Path

import pytest

from simulator.plan import make_plan
from simulator.scenario import find, load

ROOT = Path(__file__).parents[2]
FILES = find([ROOT / "scenarios"])
PLANS = {path: make_plan(load(path)) for path in FILES}

REAL_LIMIT_S = 60.0
PATIENCE_S = 120.0


def name(path: Path) -> str:
    return str(path.relative_to(ROOT / "scenarios"))


def speaks_coap(path: Path) -> bool:
    return any(group.transport == "coap" for group in PLANS[path].scenario.groups)


SHORT = [path for path in FILES if PLANS[path].duration_s <= REAL_LIMIT_S]
REAL = [
    *((path, ("--time", "real")) for path in SHORT),
    *((path, ("--wire", "dgram")) for path in SHORT if path.parent.name == "upload"),
    *((path, ("--wire", "mapped")) for path in SHORT if path.stem in ("first_contact", "in_the_reply_udp")),
    *((path, ("--time", "real", "--stack", "aiocoap")) for path in SHORT[:1] if speaks_coap(path)),
]
LARGE = [path for path in FILES if len(PLANS[path].members) > 500]
ON_AIOCOAP = [path for path in FILES if speaks_coap(path) and len(PLANS[path].members) <= 100]


@pytest.mark.parametrize("path", [path for path in FILES if path not in LARGE], ids=name)
def test_in_virtual_time(path, run_scenario):
    verdicts, report, _ = run_scenario(path)
    assert verdicts.verdict == "pass", report


@pytest.mark.parametrize("path", ON_AIOCOAP, ids=name)
def test_on_aiocoap(path, run_scenario):
    verdicts, report, _ = run_scenario(path, stack="aiocoap")
    assert verdicts.verdict == "pass", report


@pytest.mark.real
@pytest.mark.timeout(PATIENCE_S + 10)
@pytest.mark.parametrize(("path", "options"), REAL, ids=[f"{name(path)} {' '.join(how)}" for path, how in REAL])
def test_in_real_time(path, options, real_runs):
    returncode, said = real_runs.ended(path, options, PATIENCE_S)
    assert returncode == 0, said


@pytest.mark.timeout(PATIENCE_S + 10)
@pytest.mark.parametrize(("path", "options"), [(path, ()) for path in LARGE], ids=map(name, LARGE))
def test_a_large_one_in_virtual_time(path, options, real_runs):
    returncode, said = real_runs.ended(path, options, PATIENCE_S)
    assert returncode == 0, said


def test_enough_of_them_run_in_real_time():
    assert len(SHORT) >= 5


@pytest.mark.parametrize("theme", ["connect", "upload", "downstream", "life"])
def test_every_theme_is_there(theme):
    assert any(path.parent.name == theme for path in FILES)
