"""Steps at the same time, power, weather and what lasts, in virtual time against the embedded platform."""

from __future__ import annotations

import msgspec
import pytest


@pytest.fixture
def story(tmp_path, run_scenario):
    """Run steps with two meters `m.0`, `m.1` and a thing `t` on plain UDP; returns verdicts, report and records."""

    def run(steps, devices="", rest="", **settings):
        path = tmp_path / "story.yaml"
        path.write_text(
            f"scenario: s\ndevices:\n  m: {{count: 2}}\n  t: {{transport: udp}}\n{devices}"
            f"steps:\n  - attach: [m, t]\n{steps}{rest}",
            encoding="utf-8",
        )
        verdicts, report, journal = run_scenario(path, **settings)
        return verdicts, report, [msgspec.json.decode(line) for line in journal.splitlines()]

    return run


def ended(records, verb, subject=None):
    """(subject, outcome, detail, seconds) of the acts of a verb, in the order of their ends."""
    return [
        (r["subject"], r["outcome"], r["detail"], round(r["t_s"], 3))
        for r in records
        if r["kind"] == "act" and r["phase"] == "ended" and r["verb"] == verb and subject in (None, r["subject"])
    ]


def phases(records, phase):
    """Step → when it came to this phase."""
    return {r["step"]: round(r["t_s"], 3) for r in records if r["kind"] == "step" and r["phase"] == phase}


def events(records, name, subject):
    return [r for r in records if r["kind"] == "event" and r["judged"] and (r["name"], r["subject"]) == (name, subject)]


# --- together ---------------------------------------------------------------------------------------------------------


def test_together_is_over_when_its_longest_part_is(story):
    _, _, records = story("""\
  - together:
      - wait: 5 s
      - wait: 20 s
      - wait: 10 s
  - wait: 1 s
""")
    begin = phases(records, "began")
    assert {step: round(at - begin[1], 3) for step, at in phases(records, "ended").items()} == {
        0: 0.0, 1: 5.0, 2: 20.0, 3: 10.0, 4: 21.0,
    }  # fmt: skip
    assert [begin[step] - begin[1] for step in (2, 3)] == [0.0, 0.0]
    order = [r["step"] for r in records if r["kind"] == "step" and r["phase"] == "began"]
    assert order == [0, 1, 2, 3, 4]


def test_a_repeated_block_inside_goes_on_beside_the_others(story):
    _, _, records = story("""\
  - together:
      - repeat:
          times: 3
          steps:
            - {upload: m.0, payload: 3 B}
            - wait: 2 s
      - {upload: m.1, payload: 4 B, every: 2 s, times: 3}
      - repeat:
          times: 2
          steps:
            - together:
                - wait: 1 s
                - wait: 3 s
""")
    began = records[[r["kind"] for r in records].index("step")]["t_s"]
    assert [(who, round(at - began, 2)) for who, _, _, at in ended(records, "upload")] == [
        ("m.0", 0.0), ("m.1", 0.0), ("m.1", 2.0), ("m.0", 2.0), ("m.1", 4.0), ("m.0", 4.0),
    ]  # fmt: skip
    assert max(phases(records, "ended").values()) == pytest.approx(began + 6.0, abs=0.01)


def test_each_part_waits_for_its_own_expectations(story):
    verdicts, report, records = story("""\
  - together:
      - {upload: m.0, payload: 3 B, expect: [upstreamMessage], never: [downstreamMessage], within: 30 s}
      - {upload: m.1, payload: 3 B, expect: [upstreamMessage]}
      - {upload: t, payload: 3 B, never: [downstreamMessage], within: 10 s}
""")
    assert verdicts.verdict == "pass", report
    begin, end = phases(records, "began"), phases(records, "ended")
    assert [round(end[step] - begin[step]) for step in (1, 2, 3)] == [30, 0, 10]


def test_the_time_of_a_step_is_not_a_moment_too_early(story):
    # 0.21 + (0.9 - 0.21) is less than 0.9, as floats are
    _, _, records = story("  - wait: 0.2 s\n  - {upload: t, payload: 3 B, at: 0.9 s}\n")
    assert [r["t_s"] for r in records if r["kind"] == "step" and (r["step"], r["phase"]) == (2, "began")] == [0.9]


# --- power ------------------------------------------------------------------------------------------------------------

NO_RADIO = "  - {link: m, loss: 100 %}\n"


def test_a_frozen_device_ends_what_it_does_and_thaws_as_it_was(story):
    verdicts, report, records = story(
        NO_RADIO
        + """\
  - together:
      - {upload: m.0, payload: 24 B, outcome: failed, retry: 3}
      - {upload: m.1, payload: 24 B, outcome: timeout}
      - {freeze: m.0, lasting: 195 s, at: 5 s}
      - {upload: m.0, payload: 3 B, at: 6 s, outcome: failed}
  - {link: m, preset: perfect}
  - {upload: m.0, payload: 3 B, at: 199 s, outcome: failed}
  - {upload: m.0, payload: 3 B, at: 200 s, expect: [upstreamMessage]}
"""
    )
    assert verdicts.verdict == "pass", report
    assert ended(records, "upload", "m.0") == [
        ("m.0", "failed", "the device froze", 5.0),
        ("m.0", "failed", "the device is frozen", 6.0),
        ("m.0", "failed", "the device is frozen", 199.0),
        ("m.0", "ok", "", 200.0),
    ]
    assert len(events(records, "ciotConnect", "m.0")) == 1  # its session has lived on


def test_a_frozen_device_without_an_end_waits_for_somebody_to_switch_it_on(story):
    _verdicts, _report, records = story("""\
  - freeze: m.0
  - wait: 10 h
  - {upload: m.0, payload: 3 B, outcome: failed}
  - {power_on: m.0, expect: [ciotConnect]}
  - {upload: m.0, payload: 3 B, expect: [upstreamMessage]}
""")
    assert [each[1:3] for each in ended(records, "upload")] == [("failed", "the device is frozen"), ("ok", "")]
    assert [each[1] for each in ended(records, "power_on")] == ["ok"]


def test_the_last_freeze_decides_when_it_thaws(story):
    _, _, records = story("""\
  - {freeze: m.0, lasting: 30 s}
  - {freeze: m.0, lasting: 30 s, at: 20 s}
  - {upload: m.0, payload: 3 B, at: 40 s, outcome: failed}
  - {upload: m.0, payload: 3 B, at: 51 s}
  - {freeze: m.0, lasting: 30 s, at: 60 s}
  - {reboot: m.0, at: 70 s}
  - {freeze: m.0, at: 80 s}
  - {upload: m.0, payload: 3 B, at: 95 s, outcome: failed}
""")
    assert [each[1] for each in ended(records, "upload")] == ["failed", "ok", "failed"]


def test_reboot_forgets_what_it_waited_for_and_attaches_anew(story):
    _verdicts, _report, records = story(
        NO_RADIO
        + """\
  - together:
      - {upload: m, payload: 24 B, outcome: failed}
      - {reboot: m, at: 3 s}
  - {link: m, preset: perfect}
  - {upload: m, payload: 3 B, expect: [upstreamMessage]}
"""
    )
    cut = [("m.0", "failed", "the device has detached", 3.0), ("m.1", "failed", "the device has detached", 3.0)]
    assert ended(records, "upload")[:2] == cut
    assert [each[1] for each in ended(records, "reboot")] == ["ok", "ok"]
    assert len(events(records, "ciotConnect", "m.0")) == 2
    assert len(events(records, "upstreamMessage", "m.0")) == 1  # nothing was retransmitted by whoever forgot


@pytest.mark.parametrize("state", ["power_off: t, abruptly: yes", "freeze: t"])
def test_nothing_is_heard_while_off_or_frozen(story, state):
    slow = "  - {link: t, delay: 5 s}\n"
    send = "  - {send: t, payload: {text: psst}}\n  - {upload: t, payload: 3 B}\n  - wait: 7 s\n"
    _, _, records = story(slow + send + "  - wait: 20 s\n")
    assert [r["subject"] for r in records if r["kind"] == "received"] == ["t"]
    _, _, records = story(slow + send + f"  - {{{state}}}\n  - wait: 20 s\n")
    assert [r for r in records if r["kind"] == "received"] == []


# --- weather ----------------------------------------------------------------------------------------------------------


def test_retransmissions_bridge_a_blackout(story):
    verdicts, report, records = story("""\
  - {blackout: [m, t], lasting: 20 s}
  - {upload: t, payload: 3 B, never: [upstreamMessage], within: 15 s}
  - {upload: m, payload: 3 B, expect: [upstreamMessage]}
""")
    assert verdicts.verdict != "inconclusive", report
    assert [r["transmissions"] for r in records if r["kind"] == "act" and r["phase"] == "ended"][-2:] >= [2, 2]
    assert events(records, "upstreamMessage", "t") == []
    assert len(events(records, "upstreamMessage", "m.0")) == 1


def test_a_blackout_without_an_end_ends_with_the_next_link(story):
    _, _, records = story("""\
  - {blackout: m}
  - {upload: m, payload: 3 B, outcome: timeout}
  - {link: m, loss: 0 %}
  - {upload: m, payload: 3 B}
""")
    assert [each[1] for each in ended(records, "upload")] == ["timeout", "timeout", "ok", "ok"]


def test_a_link_that_lasts_comes_back(story):
    _, _, records = story("""\
  - {link: m, delay: 2 s, lasting: 10 s}
  - {upload: m, payload: 3 B}
  - {upload: m, payload: 3 B, at: 11 s}
""")
    times = [each[3] for each in ended(records, "upload", "m.0")]
    assert times[0] == pytest.approx(4.01, abs=0.01)
    assert times[1] == 11.0


BUSY = """\
  - {link: m, preset: nb-iot-good, lasting: 4 min}
  - together:
      - {upload: m, payload: 24 B, every: 20 s, times: 20, outcome: any}
      - {poll: m.1, every: 7 s, times: 40, outcome: any}
      - {send: m, payload: 3 B, every: 30 s, times: 8, outcome: any}
      - {freeze: m.0, lasting: 45 s, at: 61.1 s}
      - {reboot: m.1, at: 120.5 s, outcome: any}
      - {blackout: [m, t], lasting: 30 s, at: 150 s}
      - {upload: t, payload: 5 B, every: 10 s, times: 40, outcome: any}
      - {power_off: m.0, at: 250 s, abruptly: yes}
      - {power_on: m.0, at: 290 s, outcome: any}
      - {link: m.1, loss: 20 %, at: 120 s, lasting: 100 s}
"""


@pytest.mark.parametrize("stack", ["own", "aiocoap"])
def test_with_all_of_it_the_same_seed_gives_the_same_history(story, stack):
    def history(seed):
        _, _, records = story(BUSY, stack=stack, seed=seed)
        assert records[-1]["why"] == "done"
        assert {r["detail"] for r in records if r["kind"] == "act"} >= {"the device froze", "the device has detached"}
        return [msgspec.json.encode(r) for r in records if stack == "own" or r["kind"] == "act"]

    assert history(3) == history(3)
    assert history(3) != history(4)
