"""What the platform does in a scenario: down and up, misbehaving, tokens and further observers."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace

import msgspec
import pytest

from simulator.events.journal import Journal
from simulator.run.settings import RunSettings
from simulator.run.start import rehearse
from simulator.run.watch import Nobody
from simulator.scenario import load
from simulator.target.embedded import EmbeddedTarget


@pytest.fixture
def story(tmp_path, run_scenario):
    """Run steps with two meters; returns verdicts, report and records."""

    def run(steps, head="", rest="", **settings):
        path = tmp_path / "story.yaml"
        path.write_text(f"scenario: s\n{head}devices:\n  m: {{count: 2}}\nsteps:\n{steps}{rest}", encoding="utf-8")
        verdicts, report, journal = run_scenario(path, **settings)
        return verdicts, report, [msgspec.json.decode(line) for line in journal.splitlines()]

    return run


def ended(records, *verbs):
    """(verb, subject, outcome, detail) of acts, in the order of their ends."""
    return [
        (r["verb"], r["subject"], r["outcome"], r["detail"])
        for r in records
        if r["kind"] == "act" and r["phase"] == "ended" and r["verb"] in verbs
    ]


def of_kind(records, kind):
    return [r for r in records if r["kind"] == kind]


def names(records, subject):
    return [r["name"] for r in of_kind(records, "event") if r["judged"] and r["subject"] == subject]


# --- down and up ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "stop",
    [
        pytest.param("  - {restart: platform, lasting: 30 s}\n", id="restart"),
        pytest.param("  - stop: platform\n  - wait: 30 s\n  - start: platform\n", id="stop and start"),
    ],
)
def test_what_the_platform_had_accepted_survives(story, stop):
    verdicts, report, records = story(f"""\
  - {{attach: m, expect: [ciotConnect]}}
  - {{upload: m, payload: 3 B, expect: [clientConnected, upstreamMessage]}}
  - {{send: m, payload: 5 B}}
{stop}  - {{upload: m, payload: 4 B, expect: [{{upstreamMessage: {{bytes: "4"}}}}, downstreamMessage]}}
""")
    assert verdicts.verdict == "pass", report
    assert of_kind(records, "gap") == []
    assert names(records, "m.0").count("upstreamMessage") == 2
    assert [len(r["hex"]) // 2 for r in of_kind(records, "received")] == [5, 5]


def test_a_restart_takes_as_long_as_it_lasts(story):
    _, _, records = story("  - attach: m\n  - {restart: platform, lasting: 30 s}\n  - restart: platform\n")
    times = {(r["step"], r["phase"]): r["t_s"] for r in of_kind(records, "step")}
    assert times[1, "acted"] - times[1, "began"] == pytest.approx(30.0)
    assert times[2, "acted"] - times[2, "began"] == pytest.approx(0.0)


def test_while_it_is_down_nobody_answers(story):
    _verdicts, report, records = story("""\
  - attach: m
  - stop: platform
  - {upload: m, payload: 3 B, outcome: timeout}
  - {send: m, payload: 3 B, outcome: failed}
  - {remove: m.0, outcome: failed}
  - {attach: m.1, outcome: failed}
  - start: platform
  - {upload: m.0, payload: 3 B}
""")
    assert [each[2] for each in ended(records, "upload")] == ["timeout"] * 2 + ["ok"], report
    assert all(detail for _, _, outcome, detail in ended(records, "send", "remove") if outcome == "failed")
    assert names(records, "m.0") == ["ciotConnect", "clientConnected", "upstreamMessage"]


def test_an_upload_under_way_bridges_a_restart_by_retransmitting(story):
    verdicts, report, records = story("""\
  - attach: m
  - {link: m, delay: 1 s}
  - together:
      - {upload: m, payload: 3 B, expect: [upstreamMessage]}
      - {restart: platform, lasting: 5 s, at: 1.5 s}
""")
    assert verdicts.verdict == "pass", report
    assert {r["transmissions"] > 1 for r in of_kind(records, "act") if (r["verb"], r["outcome"]) == ("upload", "ok")}


@pytest.mark.parametrize(
    ("steps", "came"),
    [
        ("stop stop start start", ["", "the platform is stopped already", "", "the platform runs already"]),
        ("start stop restart stop", ["the platform runs already", "", "was stopped", ""]),
    ],
)
def test_what_cannot_be_done_says_why_and_the_run_ends_in_order(story, steps, came):
    lines = "".join(f"  - {{{verb}: platform, outcome: any}}\n" for verb in steps.split())
    verdicts, report, records = story("  - attach: m\n" + lines)
    acts = ended(records, "stop", "start", "restart")
    assert [each[3] for each in acts] == came
    assert [each[2] for each in acts] == ["failed" if "already" in why else "ok" for why in came]
    assert {each[1] for each in acts} == {"platform"}
    assert (verdicts.verdict, records[-1]["why"]) == ("pass", "done"), report


def test_an_outcome_that_was_not_asked_for_is_a_failure(story):
    verdicts, report, _ = story("  - attach: m\n  - start: platform\n")
    assert verdicts.verdict == "fail"
    assert "the platform runs already" in report


def test_two_who_want_it_down_at_the_same_time_have_their_turns(story):
    _verdicts, report, records = story("""\
  - together:
      - {restart: platform, lasting: 10 s}
      - {restart: platform, lasting: 10 s}
""")
    assert [each[2:] for each in ended(records, "restart")] == [("ok", ""), ("ok", "")], report
    assert max(r["t_s"] for r in of_kind(records, "step")) == pytest.approx(20.01, abs=0.1)


# --- misbehaving ------------------------------------------------------------------------------------------------------


def heard(records):
    return [name for name in names(records, "m.0") if name == "upstreamMessage"]


@pytest.fixture(scope="module")
def fault():
    """A defect after which no upstreamMessage is told."""
    mutants = pytest.importorskip("simulator.server.mutants").MUTANTS
    return next(name for name in mutants if "upstream" in name and ("missing" in name or "lost" in name))


def test_a_fault_lasts_as_long_as_it_is_told(story, fault):
    upload = "  - {upload: m, payload: 3 B, at: %s}\n"
    steps = f"  - attach: m\n  - {{misbehave: {fault}, lasting: 60 s}}\n"
    head = "allow: [upload-once]\n"
    _, _, records = story(steps + upload % "30 s" + upload % "61 s", head)
    assert len(heard(records)) == 1
    _, _, records = story(steps.replace(", lasting: 60 s", "") + upload % "30 s" + upload % "61 s", head)
    assert heard(records) == []


def test_a_mutant_is_there_from_the_first_step_on_and_a_run_without_it_is_healthy(story, fault):
    steps = "  - attach: m\n  - {upload: m, payload: 3 B, expect: [upstreamMessage]}\n"
    verdicts, _, records = story(steps, mutant=fault)
    assert (verdicts.verdict, heard(records)) == ("fail", [])
    verdicts, report, _ = story(steps)
    assert verdicts.verdict == "pass", report


# --- tokens -----------------------------------------------------------------------------------------------------------

TOKENS = """\
tokens:
  reader: {write: no}
  writer: {}
  stranger: {known: no}
"""
SHOW = """\
  - {send: m.0, payload: 3 B, token: reader, outcome: rejected}
  - {send: m.0, payload: 3 B, token: stranger, outcome: rejected}
  - {send: m.0, payload: 3 B, token: writer}
  - {update: m.0, tags: {site: north}, token: writer, expect: [deviceUpdated]}
  - revoke: writer
  - {send: m.0, payload: 3 B, token: writer, outcome: rejected}
  - {revoke: writer, outcome: failed}
"""


def test_the_operator_shows_the_token_of_the_step(story):
    verdicts, report, records = story(SHOW, TOKENS)
    assert verdicts.verdict == "pass", report
    assert [each[2][:3] + " " + each[3][:3] for each in ended(records, "send")] == [
        "rej 403", "rej 401", "ok ", "rej 401",
    ]  # fmt: skip
    assert ended(records, "revoke")[0][1:3] == ("writer", "ok")


def test_no_token_is_ever_shown(story):
    verdicts, report, records = story(SHOW.replace("outcome: rejected", "outcome: ok"), TOKENS, seed=5)
    assert verdicts.verdict == "fail"
    texts = [hashlib.sha256(f"token 5 {name}".encode()).hexdigest() for name in ("reader", "writer", "stranger")]
    everything = report + repr(records)
    assert not [text for text in texts if text in everything]
    assert "403" in everything


# --- further observers ------------------------------------------------------------------------------------------------


def test_an_observer_listens_from_the_first_step_on_or_from_the_step_that_opens_it(story):
    verdicts, report, records = story(
        """\
  - attach: m.0
  - subscribe: late
  - {subscribe: late, outcome: failed}
  - attach: m.1
  - unsubscribe: late
  - {unsubscribe: late, outcome: failed}
  - {upload: m, payload: 3 B}
""",
        "observers:\n  early: {}\n  late: {}\n",
    )
    seen = {name: [] for name in ("early", "late")}
    for record in of_kind(records, "seen"):
        seen[record["observer"]].append((record["event"]["name"], record["event"]["subject"]))
    assert seen["late"] == [("ciotConnect", "m.1")]
    assert seen["early"][:2] == [("ciotConnect", "m.0"), ("ciotConnect", "m.1")]
    assert len(seen["early"]) == 6
    late = [r["phase"] for r in of_kind(records, "stream") if r["observer"] == "late"]
    assert late == ["opened", "closed"]
    assert verdicts.verdict == "pass", report


@pytest.mark.parametrize("how", ["restart: platform", "{restart: platform, lasting: 10 s}"])
def test_an_observer_is_back_after_a_restart_however_short(story, how):
    _verdicts, report, records = story(
        f"  - attach: m\n  - {how}\n  - wait: 5 s\n  - {{upload: m, payload: 3 B}}\n", "observers:\n  early: {}\n"
    )
    assert [r["phase"] for r in of_kind(records, "stream")][:3] == ["opened", "closed", "opened"], report
    assert [r["event"]["name"] for r in of_kind(records, "seen")].count("upstreamMessage") == 2, report


def test_a_refusal_is_the_outcome_of_the_step(story):
    _verdicts, report, records = story(
        "  - {subscribe: nobody, outcome: rejected}\n  - attach: m\n",
        "tokens:\n  stranger: {known: no}\nobservers:\n  nobody: {token: stranger}\n",
    )
    assert [(r["phase"], r["why"][:3]) for r in of_kind(records, "stream")] == [("refused", "401")], report
    assert ended(records, "subscribe")[0][1:3] == ("nobody", "rejected")


def test_a_refusal_before_the_first_step_ends_the_run(tmp_path):
    path = tmp_path / "story.yaml"
    path.write_text(
        "scenario: s\ntokens: {guest: {}}\nobservers: {curious: {token: guest}}\ndevices:\n  m: {}\n"
        "steps:\n  - attach: m\n",
        encoding="utf-8",
    )
    scenario = load(path)
    # A file that says so is refused before: only a platform of its own mind comes to this.
    unknown = replace(scenario, tokens=(replace(scenario.tokens[0], known=False),))
    result = rehearse(unknown, RunSettings(), Journal(lambda _: None), Nobody())
    assert re.search(r"observer 'curious': .*401", str(result.error))


# --- state, and what is needed ----------------------------------------------------------------------------------------


def test_state_is_read_when_the_rest_of_the_step_is_decided_and_at_the_end(story):
    verdicts, report, records = story(
        """\
  - attach: m
  - update: m
    tags: {site: north}
    never: [deviceRemoved]
    within: 5 s
    expect: [deviceUpdated, {state: m, where: {tags.site: north}}, {state: m.1, where: {tags.name: m.1}}]
  - {update: m.0, tags: {site: south}, expect: [deviceUpdated]}
""",
        rest="expect:\n  - {state: m.0, where: {tags.site: south}}\n",
    )
    assert verdicts.verdict == "pass", report
    states = [(r["step"], r["subject"], r["found"]) for r in of_kind(records, "state")]
    assert states == [
        (1, "m.0", {"tags.site": "north"}),
        (1, "m.1", {"tags.site": "north", "tags.name": "m.1"}),
        (-1, "m.0", {"tags.site": "south"}),
    ]
    acted = next(r["t_s"] for r in of_kind(records, "step") if (r["step"], r["phase"]) == (1, "acted"))
    assert of_kind(records, "state")[0]["t_s"] == pytest.approx(acted + 5.0)


def test_a_state_that_cannot_be_read_says_why(story):
    verdicts, report, records = story(
        "  - attach: m\n  - stop: platform\n", rest="expect:\n  - {state: m, where: {tags.name: any}}\n"
    )
    assert [bool(r["error"]) for r in of_kind(records, "state")] == [True, True]
    assert verdicts.verdict == "inconclusive", report


def test_what_the_target_cannot_do_is_skipped_before_anything_is_started(tmp_path, monkeypatch):
    path = tmp_path / "story.yaml"
    path.write_text(
        "scenario: s\nneeds: [pacing, lossless]\ndevices:\n  m: {}\nsteps:\n  - attach: m\n", encoding="utf-8"
    )
    monkeypatch.setattr(EmbeddedTarget, "capabilities", frozenset({"login", "lossless"}))
    lines: list[bytes] = []
    result = rehearse(load(path), RunSettings(), Journal(lines.append), Nobody())
    assert result.skipped.startswith("embedded lacks 'pacing' (")
    assert (result.error, result.verdicts.judgements, lines) == (None, (), [])


def test_verbs_tokens_and_readers_with_a_pace_imply_what_they_need(tmp_path):
    path = tmp_path / "story.yaml"
    path.write_text(
        "scenario: s\ntokens: {t: {}}\nobservers: {o: {reads: 3/s}}\ndevices:\n  m: {}\n"
        "steps:\n  - reboot: m\n  - restart: platform\n",
        encoding="utf-8",
    )
    assert set(load(path).needs) == {"login", "faults", "tokens", "pacing"}


def test_an_invariant_can_be_left_out(story, fault):
    steps = "  - attach: m\n  - {upload: m, payload: 3 B}\n"
    verdicts, report, _ = story(steps, mutant=fault)
    assert "upload-once" in report
    verdicts, report, _ = story(steps, mutant=fault, without=("upload-once",))
    assert verdicts.verdict == "pass", report


LASTING = """\
  - {attach: m, over: 5 s}
  - together:
      - {upload: m, payload: 24 B, every: 7 s, times: 30, outcome: any}
      - {send: m, payload: 3 B, every: 11 s, times: 15, outcome: any}
      - {restart: platform, lasting: 13 s, at: 41 s}
      - {misbehave: %s, at: 80 s, lasting: 20 s}
      - {reboot: m.1, at: 111.5 s, outcome: any}
      - {freeze: m.0, at: 111.5 s, lasting: 30 s}
      - {unsubscribe: o, at: 150 s}
"""


def test_the_same_seed_gives_the_same_bytes_with_restarts_and_faults(story, fault):
    def history(seed):
        head = "observers:\n  o: {reads: 1/s}\n"
        _, _, records = story(LASTING % fault, head, "", seed=seed)
        assert records[-1]["why"] == "done"
        return msgspec.json.encode(records)

    assert history(1) == history(1)
    assert history(1) != history(2)
