"""`simulator list` and `simulator schema`: every word of the tables, once."""

from __future__ import annotations

import json

import pytest

from simulator import words
from simulator.assertions.invariants import INVARIANTS
from simulator.cli.list_command import LISTS, print_list
from simulator.cli.schema_command import print_schema

TABLES = {
    "modifiers": words.MODIFIERS,
    "events": words.EVENTS,
    "expectations": words.WHOLE_RUN_FORMS,
    "mutants": words.MUTANTS,
    "presets": words.LINK_PRESETS,
    "links": words.LINK_KEYS,
    "payloads": words.PAYLOAD_KEYS,
    "sensors": words.SENSORS,
    "arrivals": words.ARRIVALS,
    "capabilities": words.CAPABILITIES,
    "file": words.TOP_KEYS,
    "groups": words.GROUP_KEYS,
    "operators": words.OPERATOR_KEYS,
    "omits": words.OMITTED,
    "retransmissions": words.RETRANSMISSIONS,
    "sims": words.SIM_KEYS,
    "modems": words.MODEM_KEYS,
    "options": words.PLATFORM_KEYS,
}
SCENARIO = """\
scenario: Two meters wait
tags: [slow, quiet]
needs: [faults]
devices:
  meters: {count: 2}
steps:
  - wait: 5 min
"""


def listed(capsys, what: str | None, *paths) -> list[dict]:
    assert print_list(what, paths or None, as_json=True) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("what", TABLES)
def test_every_word_is_listed_with_its_help(capsys, what):
    assert [(entry["name"], entry["help"]) for entry in listed(capsys, what)] == [
        (word.name, word.help) for word in TABLES[what].values()
    ]
    print_list(what, None, as_json=False)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(TABLES[what])
    later = [line.split()[0] for line in lines if line.endswith("(not in this version)")]
    assert later == [name for name, word in TABLES[what].items() if not getattr(word, "now", True)]


def test_verbs_are_grouped_by_who_acts(capsys):
    print_list("verbs", None, as_json=False)
    lines = capsys.readouterr().out.splitlines()
    actors = [line for line in lines if line and not line.startswith(" ")]
    assert actors == list(dict.fromkeys(verb.by for verb in words.VERBS))
    upload = next(line for line in lines if line.split()[:1] == ["upload"])
    assert "arguments: payload, path, confirmable" in upload
    assert "coap 4.04" in upload
    assert len([line for line in lines if line.startswith("  ")]) == len(words.VERBS)


def test_events_tell_the_keys_of_their_data(capsys):
    assert {entry["name"]: tuple(entry["data"]) for entry in listed(capsys, "events")} == {
        event.name: event.data for event in words.EVENTS.values()
    }


def test_invariants_tell_their_source(capsys):
    assert [(entry["name"], entry["help"], entry["source"]) for entry in listed(capsys, "invariants")] == [
        (invariant.name, invariant.words, invariant.source) for invariant in INVARIANTS
    ]


def test_forms_and_conditions_are_found_and_no_source_is_printed(capsys):
    assert listed(capsys, "forms") == listed(capsys, "expectations")
    assert {entry["name"] for entry in listed(capsys, "conditions")} == {"any", *words.CONDITION_KEYS}
    for what in LISTS:
        if what != "scenarios":
            print_list(what, None, as_json=False)
    assert "§" not in capsys.readouterr().out


def test_troubles_say_what_they_are(capsys):
    entries = listed(capsys, "troubles")
    assert [entry["name"] for entry in entries] == list(words.TROUBLES)
    assert all(entry["help"] for entry in entries)


def test_what_the_server_counts_and_the_radios_are_listed(capsys):
    assert [entry["name"] for entry in listed(capsys, "statistics")] == list(words.STATISTICS)
    assert [entry["name"] for entry in listed(capsys, "rats")] == list(words.RATS)
    assert {entry["name"]: entry["help"] for entry in listed(capsys, "rejections")} == words.REJECTIONS
    print_list("statistics", None, as_json=False)
    (stops,) = (line for line in capsys.readouterr().out.splitlines() if line.startswith("stops.*"))
    assert "names: User-Request, Lost-Carrier, " in stops


def test_what_is_there_for_internet_devices(capsys):
    assert [entry["name"] for entry in listed(capsys, "certificates")] == [
        "own", "none", "foreign", "self-signed", "expired", "early", "gateway", "of",
    ]  # fmt: skip
    assert [entry["name"] for entry in listed(capsys, "connections")] == list(words.CONNECTION_KEYS)
    assert [entry["name"] for entry in listed(capsys, "clocks")] == ["right", "reset", "fast", "slow"]
    assert [entry["name"] for entry in listed(capsys, "alerts")] == list(words.ALERTS)
    print_list("certificates", None, as_json=False)
    told = capsys.readouterr().out
    assert "not in this version" not in told
    assert "early        issued for the device, and valid from tomorrow on (alert: bad certificate)" in told
    assert "of           the device whose certificate and key these are  (such as certificate: {of: meter})" in told


@pytest.mark.parametrize("what", ["file", "groups", "modifiers"])
def test_what_is_not_plain_has_an_example_that_begins_with_its_name(capsys, what):
    examples = {entry["name"]: entry["example"] for entry in listed(capsys, what) if "example" in entry}
    assert examples
    assert all(text.startswith(f"{name}: ") for name, text in examples.items())


def test_scenarios_are_told_with_all_that_one_chooses_by(capsys, scenario):
    path = scenario(SCENARIO)
    (entry,) = listed(capsys, "scenarios", path)
    assert entry == {
        "name": "Two meters wait",
        "file": str(path),
        "tags": ["slow", "quiet"],
        "needs": ["faults"],
        "mutants": [],
        "devices": 2,
        "run_time_s": 300.0,
    }
    print_list("scenarios", [path], as_json=False)
    assert capsys.readouterr().out == (
        f"{path}\n    Two meters wait\n"
        "    2 devices; about 5 min 0 s of run time; tags: slow, quiet; needs: faults\n"
    )  # fmt: skip


def test_a_broken_file_is_told_and_the_others_are_listed(capsys, scenario):
    good, bad = scenario(SCENARIO), scenario("scenario: x\n", "bad.yaml")
    assert print_list("scenarios", [bad, good], as_json=True) == 2
    told = capsys.readouterr()
    assert [entry["name"] for entry in json.loads(told.out)] == ["Two meters wait"]
    assert "bad.yaml: no steps" in told.err


def test_without_a_word_it_says_what_there_is(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    counts = {entry["name"]: entry["count"] for entry in listed(capsys, None)}
    assert list(counts) == list(LISTS)
    assert counts["verbs"] == sum(verb.now for verb in words.VERBS)
    assert counts["scenarios"] == 0


def test_the_schema_is_printed_whole(capsys):
    from simulator.scenario.schema import schema

    assert print_schema() == 0
    assert json.loads(capsys.readouterr().out) == schema()
