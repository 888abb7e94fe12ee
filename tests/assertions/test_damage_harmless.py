"""Differences that are nobody's fault raise no alarm, whatever they are done to."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from .damages.harmless import BARE, DIFFERENCES
from .damages.history import History, histories_of, judge

# A place is an index: a smaller one says no more, so nothing is shrunk.
SEARCH = settings(phases=[Phase.reuse, Phase.generate], suppress_health_check=list(HealthCheck))
EXAMPLES = 4


@pytest.fixture(scope="session")
def histories() -> list[History]:
    """One run of each story."""
    return histories_of()


@pytest.mark.parametrize("difference", DIFFERENCES, ids=lambda difference: difference.name)
@settings(SEARCH, max_examples=EXAMPLES)
@given(data=st.data())
def test_harmless_differences_raise_no_alarm(histories, difference, data):
    fit = [history for history in histories if not difference.stories or history.story in difference.stories]
    history = fit[data.draw(st.integers(0, len(fit) - 1))]
    found = judge(*difference.change(history, data.draw))
    assert not found.failed, (history.story, found)
    assert not [finding for finding in found.findings if finding.verdict == "fail"]
    if difference.settles or history.story in BARE:  # who promises nothing holds nothing by absence
        assert found.verdicts.verdict == "pass", (history.story, found)


WRITING = ("keepalives", "unknown fields", "unknown data", "fields in another order", "written otherwise", "other ids")
"""Differences in how it is written, not in when it comes: they go with any other."""


@pytest.mark.parametrize("difference", DIFFERENCES, ids=lambda difference: difference.name)
@settings(SEARCH, max_examples=3)
@given(data=st.data())
def test_nor_do_two_of_them(histories, difference, data):
    written = [other for other in DIFFERENCES if other.name in WRITING and other is not difference]
    fit = [history for history in histories if not difference.stories or history.story in difference.stories]
    history = fit[data.draw(st.integers(0, len(fit) - 1))]
    history, items = difference.change(history, data.draw)
    also = written[data.draw(st.integers(0, len(written) - 1))]
    found = judge(*also.change(history.with_items(items), data.draw))
    assert not found.failed, (history.story, also.name, found)
