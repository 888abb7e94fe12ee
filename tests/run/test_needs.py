"""What is said of a target that cannot do what a scenario needs."""

from __future__ import annotations

import pytest

from simulator.run.needs import Skipped, check_needs
from simulator.scenario import loads
from simulator.words import CAPABILITIES


def skipped(needs, able=()):
    scenario = loads(f"scenario: a\nneeds: [{needs}]\nsteps: [{{wait: 1 s}}]\n")
    with pytest.raises(Skipped) as reason:
        check_needs(scenario, able, "http://x")
    return str(reason.value)


def test_the_reason_reads_as_something_that_it_cannot_do():
    assert skipped("options") == (
        "http://x lacks 'options' (it cannot take the options of `platform:`; only embedded can)"
    )
    assert skipped("inet, faults, blobs", ["faults"]) == (
        "http://x lacks 'inet' (it cannot let Internet devices connect by DTLS or CoAPS; embedded can, and"
        " `simulator serve` without --no-inet) and 'blobs' (it cannot take blobs; embedded can, and `simulator serve`)"
    )


@pytest.mark.parametrize("name", CAPABILITIES)
def test_every_capability_says_what_it_is_and_who_has_it(name):
    what, _, who = CAPABILITIES[name].help.partition("; ")
    assert what.split()[0].isalpha()
    assert not what.startswith(("it ", "its ", "a "))
    assert who.startswith(("embedded can, and `simulator serve`", "only embedded can"))


def test_what_it_can_do_is_not_skipped():
    check_needs(loads("scenario: a\nneeds: [inet]\nsteps: [{wait: 1 s}]\n"), ["inet"], "embedded")
