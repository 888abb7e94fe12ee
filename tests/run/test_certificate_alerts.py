"""With which alert the platform refuses each kind of certificate: as the words for the kinds say."""

from __future__ import annotations

import re

import pytest

from simulator.words import CERTIFICATES, TURNED

ALERT = re.compile(r"\(alert: (.+)\)")
TOLD = {name: found[1] for name, word in CERTIFICATES.items() if (found := ALERT.search(word.help))}


@pytest.fixture
def rejected(tmp_path, run_scenario):
    """The report of a device that connects and should be refused with these words; "" if it was."""

    def run(kind, alert, before=""):
        path = tmp_path / "story.yaml"
        path.write_text(
            f"scenario: s\ndevices: {{d: {{network: inet, certificate: {kind}}}}}\n"
            f"steps: [{before}{{connect: d, outcome: {{rejected: {alert}}}}}]\n"
        )
        verdicts, report, _ = run_scenario(path)
        return "" if verdicts.verdict == "pass" else report

    return run


@pytest.mark.parametrize(("kind", "alert"), TOLD.items())
def test_each_kind_of_certificate_comes_to_the_alert_that_is_told(rejected, kind, alert):
    assert rejected(kind, alert) == ""


def test_nothing_is_left_out(rejected):
    assert set(TOLD) == {name for name, word in CERTIFICATES.items() if word.now} - {"own"}
    assert CERTIFICATES["own"].help.endswith(f"(alert once its device is removed: {TURNED['certificate is revoked']})")
    assert rejected("own", TURNED["certificate is revoked"], "{remove: d}, ") == ""
    assert TURNED["no certificate"] == TOLD["none"]
    assert TURNED["unknown issuer"] == TOLD["foreign"] == TOLD["self-signed"]
