"""What lies in the repository: nothing of the machine that made it, and a lock that names every byte it installs."""

from __future__ import annotations

import re
import subprocess
import tomllib
from itertools import chain
from pathlib import Path

import pytest

TOP_LEVEL = {
    ".ci",
    ".gitignore",
    "CHANGELOG.md",
    "LICENSE",
    "Makefile",
    "README.md",
    "locustfiles",
    "pyproject.toml",
    "requirements.lock",
    "scenarios",
    "simulator",
    "tests",
}
OPTIONAL_TOP_LEVEL = {"requirements-load.lock", ".gitattributes", ".github", "locustfiles", "docs"}

# Written so that this file does not match itself.
MACHINE_PATHS = re.compile(r"(?<![\w.~$}-])/" + r"(?:work|root|farm|home/\w+)/")
REGISTRIES = re.compile(
    "|".join(["pypi" + r"\.org", "python" + r"hosted\.", "/sim" + r"ple/", r"\bfind" + r"-links = "])
)

ENTRY = re.compile(
    r"^(?P<name>[a-z0-9][a-z0-9._-]*)==(?P<version>[^\s;]+)(?: ; .+)? \\\n(?P<hashes>(?:    --hash=.*\n)+)", re.M
)
HASH = re.compile(r"    --hash=sha256:[0-9a-f]{64}(?: \\)?")


@pytest.fixture(scope="module")
def tracked(root: Path) -> list[Path]:
    """Files that git knows, or would take up: all but what .gitignore leaves out."""
    try:
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=root,
            capture_output=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git clone, so there is no list of files")
    paths = [root / name for name in listed.stdout.decode().split("\0") if name]
    return [path for path in paths if path.is_file()]


def texts(paths: list[Path]) -> list[tuple[Path, str]]:
    read = []
    for path in paths:
        try:
            read.append((path, path.read_text(encoding="utf-8")))
        except UnicodeDecodeError:
            continue
    return read


@pytest.mark.parametrize("pattern", [MACHINE_PATHS, REGISTRIES], ids=["paths of a machine", "hosts of a registry"])
def test_no_file_names_a_machine(tracked: list[Path], root: Path, pattern: re.Pattern[str]) -> None:
    found = [
        f"{path.relative_to(root)}:{number}: {line.strip()[:100]}"
        for path, text in texts(tracked)
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("pattern", "line", "matches"),
    [
        (MACHINE_PATHS, "see /" + "work/main/x", True),
        (MACHINE_PATHS, "'/" + "root/.venv'", True),
        (MACHINE_PATHS, "the frame/" + "work/ of it", False),
        (MACHINE_PATHS, "/usr/bin/env", False),
        (REGISTRIES, "https://pypi" + ".org/x", True),
        (REGISTRIES, "a simple line", False),
    ],
)
def test_the_search_finds_what_it_looks_for(pattern: re.Pattern[str], line: str, matches: bool) -> None:
    assert bool(pattern.search(line)) is matches


def test_the_top_level_is_the_agreed_one(tracked: list[Path], root: Path) -> None:
    present = {path.relative_to(root).parts[0] for path in tracked}
    assert present - TOP_LEVEL - OPTIONAL_TOP_LEVEL == set()
    assert TOP_LEVEL - OPTIONAL_TOP_LEVEL - present == set()


def test_every_entry_of_the_lock_has_hashes_and_no_address(root: Path) -> None:
    text = (root / "requirements.lock").read_text(encoding="utf-8")
    entries = list(ENTRY.finditer(text))
    pins = [line for line in text.splitlines() if "==" in line]
    assert len(entries) == len(pins) > 20
    assert "://" not in text
    assert "@ " not in text
    for entry in entries:
        assert all(HASH.fullmatch(line) for line in entry["hashes"].splitlines()), entry["name"]
    # What is neither entry nor comment would be an option: an index, a directory, a trusted host.
    leftover = re.sub(r"^\s*#.*$", "", ENTRY.sub("", text), flags=re.M)
    assert leftover.strip() == ""


def test_the_lock_has_what_the_project_asks_for(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    asked = [
        *project["build-system"]["requires"],
        *project["project"]["dependencies"],
        *project["project"]["optional-dependencies"]["test"],
    ]
    locked = {entry["name"] for entry in ENTRY.finditer((root / "requirements.lock").read_text(encoding="utf-8"))}
    for requirement in asked:
        name = re.split(r"[<>=!~\[ ]", requirement)[0]
        assert re.sub(r"[-_.]+", "-", name).lower() in locked


def test_every_dependency_has_a_lower_and_an_upper_bound(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for requirement in chain(project["dependencies"], *project["optional-dependencies"].values()):
        assert re.search(r">=[\d.]+,<[\d.]+$", requirement), requirement
