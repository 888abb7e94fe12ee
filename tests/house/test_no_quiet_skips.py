"""In CI, a test that needs a foreign implementation or real time runs or fails; nothing is left out quietly."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SKIPS = """
import pytest

@pytest.mark.interop
def test_foreign():
    pytest.skip("no libcoap here")

@pytest.mark.real
@pytest.mark.skipif(True, reason="no sockets here")
def test_real():
    pass

def test_ordinary():
    pytest.skip("not on this system")
"""
SKIPPED_MODULE = "import pytest\npytest.skip('no libcoap here', allow_module_level=True)\n"


def run_pytest(place: Path, root: Path, *, in_ci: bool) -> str:
    """The last line of a run of our conftest over tests that skip."""
    shutil.copy(root / "tests" / "conftest.py", place)
    (place / "tests").mkdir()
    shutil.copy(root / "tests" / "beside_plugin.py", place / "tests")  # the conftest asks for it
    (place / "pytest.ini").write_text("[pytest]\npythonpath = .\nmarkers =\n    interop:\n    real:\n")
    (place / "test_skips.py").write_text(SKIPS)
    (place / "interop").mkdir()
    (place / "interop" / "test_module.py").write_text(SKIPPED_MODULE)
    env = {key: value for key, value in os.environ.items() if key not in ("SIMULATOR_CI", "PYTEST_ADDOPTS")}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--continue-on-collection-errors"]
    done = subprocess.run(
        command,
        cwd=place,
        env=env | ({"SIMULATOR_CI": "1"} if in_ci else {}),
        capture_output=True,
        text=True,
        timeout=30,
    )
    return done.stdout.strip().splitlines()[-1]


@pytest.mark.parametrize(
    ("in_ci", "outcome"), [(True, "1 failed, 1 skipped, 2 errors"), (False, "4 skipped")], ids=["in CI", "at the desk"]
)
def test_a_skipped_interop_or_real_test_fails_in_ci_only(tmp_path: Path, root: Path, in_ci: bool, outcome: str) -> None:
    assert run_pytest(tmp_path, root, in_ci=in_ci).startswith(outcome)
