"""Python and packages are held against what is declared."""

from __future__ import annotations

import pytest

from simulator.doctor import versions
from simulator.doctor.versions import split_requirement, within


@pytest.mark.parametrize(
    ("requirement", "name", "bounds"),
    [
        ("aiohttp<4,>=3.11", "aiohttp", "<4,>=3.11"),
        ("ruamel.yaml<0.20,>=0.18.6", "ruamel.yaml", "<0.20,>=0.18.6"),
        ("asyncio-dgram", "asyncio-dgram", ""),
        ("aiocoap[oscore] (>=0.4.12)", "aiocoap", ">=0.4.12"),
    ],
)
def test_a_requirement_has_a_name_and_bounds(requirement, name, bounds):
    assert split_requirement(requirement) == (name, bounds)


@pytest.mark.parametrize(
    ("version", "bounds", "good"),
    [
        ("3.14.5", "<4,>=3.11", True),
        ("3.9", "<4,>=3.11", False),
        ("4.0", "<4,>=3.11", False),
        ("4.0rc1", "<4,>=3.11", False),
        ("0.4.17", ">=0.4.12", True),
        ("1.0", "", True),
    ],
)
def test_a_version_is_held_against_its_bounds(version, bounds, good):
    assert within(version, bounds) is good


def test_a_missing_package_makes_a_run_impossible(monkeypatch):
    declared = ["msgspec>=0.19", "no-such-package>=1", "pytest<2; extra == 'test'", "nor-this; extra == 'test'"]
    monkeypatch.setattr(versions.metadata, "requires", lambda _name: declared)
    told = {finding.what: finding for finding in versions.packages()}
    assert (told["no-such-package"].state, told["no-such-package"].fatal) == ("missing", True)
    assert told["pytest"].state == "limits"
    assert "nor-this" not in told
