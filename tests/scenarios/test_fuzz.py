"""Random scenarios raise no alarm on a healthy server; `tests/bench/bench_fuzz.py` tries more of them."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

FUZZ = runpy.run_path(str(Path(__file__).parents[1] / "bench" / "bench_fuzz.py"))
NUMBERS = (*range(10), 68, 79, 123, 132, 145, 148)
"""The last ones have events that cannot be told apart around the opening of a stream."""

NETWORK_NUMBERS = (0, 1, *range(3, 12))
INTERNET_NUMBERS = (*range(6), 8)
"""The last one has a platform that is told to start, and runs already."""


@pytest.mark.parametrize("number", NUMBERS)
def test_a_random_scenario_raises_no_alarm(number):
    assert FUZZ["alarms"](number) == [], FUZZ["scenario_text"](number)


@pytest.mark.parametrize("number", NETWORK_NUMBERS)
def test_a_random_scenario_of_the_mobile_network_raises_no_alarm(number):
    assert FUZZ["alarms"](number, "network") == [], FUZZ["network_text"](number)


@pytest.mark.parametrize("number", INTERNET_NUMBERS)
def test_a_random_scenario_of_the_internet_raises_no_alarm(number):
    assert FUZZ["alarms"](number, "internet") == [], FUZZ["internet_text"](number)


@pytest.mark.parametrize("text", [FUZZ["scenario_text"], FUZZ["network_text"], FUZZ["internet_text"]])
def test_the_same_number_is_the_same_scenario(text):
    assert text(1) == text(1)
    assert text(1) != text(2)
