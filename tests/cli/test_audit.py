"""`simulator audit`: recorded streams, of ours and of others, are judged without a run."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from simulator.cli.audit_command import audit_file
from simulator.errors import ExitCode, SimulatorError
from simulator.events.files import open_journal
from simulator.run.settings import RunSettings
from simulator.run.start import rehearse
from simulator.run.watch import Nobody
from simulator.scenario import loads

SCENARIO = """\
scenario: Meters report
devices:
  meters: {count: 3, transport: coap}
steps:
  - attach: meters
  - {upload: meters, payload: 24 B, every: 1 min, times: 3}
"""


@pytest.fixture(scope="module")
def journal(tmp_path_factory) -> Path:
    """Of a run that is well."""
    path = tmp_path_factory.mktemp("run") / "journal.jsonl"
    with open_journal(path) as journal:
        result = rehearse(loads(SCENARIO, "meter.yaml"), RunSettings(), journal, Nobody())
    assert result.verdicts.verdict == "pass", result
    return path


@pytest.fixture
def verdict(capsys):
    """The exit code, and what did not pass."""

    def judged(file: Path, sent: Path | None = None, without: tuple[str, ...] = ()) -> tuple[int, dict[str, str]]:
        code = audit_file(file, sent, without, True)
        out, err = capsys.readouterr()
        assert err == ""
        judgements = json.loads(out)["runs"][0]["verdicts"]["judgements"]
        return code, {each["check"]: each["verdict"] for each in judgements if each["verdict"] != "pass"}

    return judged


@pytest.mark.parametrize(
    ("keeps", "check"),
    [
        (lambda r, first: r.get("name") != "upstreamMessage", "invariant.upload-once"),
        (lambda r, first: r.get("name") != "upstreamMessage" or r["subject"] != "meters.1" or r["rx_s"] > first,
         "invariant.upload-once"),
        (lambda r, first: r.get("name") != "upstreamMessage" or r["subject"] != "meters.1", "invariant.upload-once"),
        (lambda r, first: r.get("name") != "ciotConnect", "invariant.act-once"),
        (lambda r, first: r["kind"] != "end", "recording"),
        (lambda r, first: r["kind"] != "run", "recording"),
    ],
    ids=["no upload", "a device's first", "none of a device", "no login", "no end", "no head"],
)  # fmt: skip
def test_what_was_taken_out_of_a_journal_is_missed(journal, verdict, tmp_path, keeps, check):
    records = [json.loads(line) for line in journal.read_bytes().splitlines()]
    first = min(r["rx_s"] for r in records if r.get("name") == "upstreamMessage" and r["subject"] == "meters.1")
    code, found = verdict(write(tmp_path / "journal.jsonl", [r for r in records if keeps(r, first)]))
    assert code != 0
    assert check in found


ELSEWHERE = """\
scenario: Not all that is answered is a message, and not all that is sent is answered
devices:
  meters: {count: 3, link: nb-iot-ce1}
  plain: {transport: udp, link: nb-iot-ce1}
steps:
  - {attach: [meters, plain], outcome: any}
  - {upload: meters, payload: 24 B, path: u, outcome: any}
  - {upload: meters, payload: 25 B, confirmable: no, outcome: any, every: 1 min, times: 5}
  - {upload: plain, payload: 26 B, every: 1 min, times: 20}
  - {upload: meters, payload: 27 B, outcome: any}
  - {update: meters, tags: {k: v}}
"""


def test_only_what_was_answered_as_a_message_must_show(verdict, tmp_path):
    with open_journal(tmp_path / "journal.jsonl") as journal:
        rehearse(loads(ELSEWHERE, "x.yaml"), RunSettings(), journal, Nobody())
    assert verdict(tmp_path / "journal.jsonl") == (ExitCode.PASSED, {})
    records = [json.loads(line) for line in (tmp_path / "journal.jsonl").read_bytes().splitlines()]
    for name, check in (("upstreamMessage", "upload-once"), ("deviceUpdated", "act-once")):
        last = max(k for k, record in enumerate(records) if record.get("name") == name)
        left = write(tmp_path / name, [record for k, record in enumerate(records) if k != last])
        assert verdict(left) == (ExitCode.FAILED, {f"invariant.{check}": "fail"})


def test_a_journal_that_breaks_off_in_a_line_does_not_pass(journal, verdict, tmp_path):
    (path := tmp_path / "journal.jsonl").write_bytes(journal.read_bytes()[:-3])
    code, found = verdict(path)
    assert code == ExitCode.INCONCLUSIVE
    assert found["recording"] == "inconclusive"
    assert set(found.values()) == {"inconclusive"}


def raw(journal: Path) -> list[dict]:
    """The platform's own objects of it."""
    records = map(json.loads, journal.read_bytes().splitlines())
    return [record["raw"] for record in records if record["kind"] == "event"]


def acts(journal: Path, start_s: int = 1_767_225_600) -> list[dict]:
    """What its devices did, as somebody else would write it down: by the platform's ids."""
    records = [json.loads(line) for line in journal.read_bytes().splitlines()]
    ids = {record["subject"]: record["raw"]["deviceId"] for record in records if record["kind"] == "event"}
    began = {(r["subject"], r["step"], r["n"]): r["t_s"] for r in records if r.get("phase") == "began" and "verb" in r}
    found = [
        {
            "device": ids[record["subject"]],
            "verb": record["verb"],
            "t": start_s + began[record["subject"], record["step"], record["n"]],
            "until": start_s + record["t_s"],
            "bytes": record["size"],
            "outcome": record["outcome"],
        }
        for record in records
        if record["kind"] == "act" and record["phase"] == "ended"
    ]
    return sorted(found, key=lambda line: line["t"])


def write(path: Path, objects: list[dict]) -> Path:
    path.write_text("".join(json.dumps(each) + "\n" for each in objects), encoding="utf-8")
    return path


def nth(holds: list[bool], number: int) -> int:
    """Where it holds for the time of that number, from 0: by then every device has told how it speaks."""
    return [at for at, does in enumerate(holds) if does][number]


def test_a_journal_that_is_well_passes(simulator, journal, verdict):
    assert verdict(journal) == (0, {})
    done = simulator("audit", journal)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("PASS  ")
    assert "judged in" in done.stdout


def test_what_is_not_judged_does_not_count_as_held(journal, capsys):
    assert audit_file(journal, None, (), False) == 0
    counts = re.search(r"(\d+) invariants held; (\d+) were not judged", capsys.readouterr().out)
    assert counts
    held, not_judged = map(int, counts.groups())
    assert held > 0
    assert not_judged >= 5  # what needs to know who takes part
    assert audit_file(journal, None, (), True) == 0
    judgements = json.loads(capsys.readouterr().out)["runs"][0]["verdicts"]["judgements"]
    assert held + not_judged == sum(each["kind"] == "invariant" for each in judgements)


def test_a_journal_with_a_missing_event_fails(verdict, journal, tmp_path):
    lines = journal.read_bytes().splitlines(keepends=True)
    lost = nth([b'"upstreamMessage"' in line for line in lines], 4)
    damaged = tmp_path / "damaged.jsonl"
    damaged.write_bytes(b"".join(lines[:lost] + lines[lost + 1 :]))
    code, failed = verdict(damaged)
    assert (code, failed.get("invariant.upload-once")) == (1, "fail")
    code, failed = verdict(damaged, without=("upload-once",))
    assert "invariant.upload-once" not in failed


def test_a_raw_stream_is_judged_by_itself(verdict, journal, tmp_path):
    events = raw(journal)
    keepalive: dict = {"type": "keepalive"}
    assert verdict(write(tmp_path / "raw.jsonl", [*events[:3], keepalive, *events[3:]])) == (0, {})
    code, failed = verdict(write(tmp_path / "bad.jsonl", [*events, {**events[-1], "data": {"bytes": 5}}]))
    assert (code, failed.get("invariant.event-shape")) == (1, "fail")


def test_a_raw_stream_is_held_against_what_was_sent(verdict, journal, tmp_path):
    sent = write(tmp_path / "sent.jsonl", acts(journal))
    events = raw(journal)
    assert verdict(write(tmp_path / "raw.jsonl", events), sent) == (0, {})
    lost = nth([each["event"] == "upstreamMessage" for each in events], 4)
    less = write(tmp_path / "less.jsonl", events[:lost] + events[lost + 1 :])
    code, failed = verdict(less, sent)
    assert (code, failed.get("invariant.upload-once")) == (1, "fail")


def test_a_raw_stream_is_held_against_a_journal(verdict, journal, tmp_path):
    events = raw(journal)
    assert verdict(write(tmp_path / "raw.jsonl", events), journal) == (0, {})


def test_what_was_dropped_excuses_what_is_missing(verdict, journal, tmp_path):
    sent = write(tmp_path / "sent.jsonl", acts(journal))
    events = raw(journal)
    lost = nth([each["event"] == "upstreamMessage" for each in events], 4)
    notice = {"type": "dropped", "dropped": "1"}
    less = write(tmp_path / "less.jsonl", [*events[:lost], notice, *events[lost + 1 :]])
    code, failed = verdict(less, sent)
    assert code == 3
    assert set(failed.values()) == {"inconclusive"}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "it is empty"),
        (b"{}\nhello\n", "x.jsonl:2: not one JSON object"),
        (b'{"kind":"act"}\n', "x.jsonl:1: no record of a journal"),
        (b"\x00" * 100 + b"\n", "x.jsonl:1: not one JSON object"),
        (b"[" * 200_000 + b"\n", "x.jsonl:1: not one JSON object"),
        (b"x" * (5 << 20), "x.jsonl:1: longer than"),
    ],
    ids=["empty", "no object", "no record", "zeros", "nested", "one line"],
)
def test_what_is_no_stream_is_told_with_its_line(tmp_path, content, says):
    (tmp_path / "x.jsonl").write_bytes(content)
    with pytest.raises(SimulatorError) as refusal:
        audit_file(tmp_path / "x.jsonl", None, (), False)
    assert refusal.value.exit_code in (2, 4)
    assert says in str(refusal.value)


def test_mistakes_end_in_a_line_and_a_code(simulator, journal):
    done = simulator("audit", journal, "--sent", journal)
    assert (done.returncode, "leave out --sent" in done.stderr) == (2, True)
    assert "Traceback" not in done.stderr
