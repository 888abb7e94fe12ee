"""The README's reference of the language is complete, and says of the presets what they are."""

import re
from pathlib import Path

import pytest

from simulator import words
from simulator.wire.presets import PRESETS

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
SECTION = README.split("## Reference\n", 1)[1].split("\n## ", 1)[0]
NAMED = {word for code in re.findall(r"`([^`\n]+)`", SECTION) for word in re.findall(r"[\w-]+", code)}

EMITTED = {
    "ciotConnect", "imeiMismatch", "imsiMismatch", "clientConnected", "upstreamMessage", "downstreamMessage",
    "deviceCreated", "deviceUpdated", "deviceRemoved", "deviceMoved",
}  # fmt: skip


@pytest.mark.parametrize(
    "table",
    [
        words.TOP_KEYS,
        words.GROUP_KEYS,
        words.NETWORKS,
        words.TRANSPORTS,
        words.STACKS,
        words.PAYLOAD_KEYS,
        words.VERB,
        words.ARGUMENTS,
        words.MODIFIERS,
        words.OUTCOMES,
        words.WHOLE_RUN_FORMS,
        words.LINK_PRESETS,
        words.OPERATOR_KEYS,
        words.SIM_KEYS,
        words.MODEM_KEYS,
        words.PLATFORM_KEYS,
        words.CERTIFICATES,
        words.CERTIFICATE_KEYS,
        words.CONNECTION_KEYS,
        words.CLOCK_KEYS,
    ],
)
def test_every_word_of_this_version_is_in_the_reference(table):
    assert {name for name, word in table.items() if word.now} <= NAMED


def test_every_other_name_is_in_the_reference():
    assert {*words.LINK_KEYS, *words.CONDITION_KEYS, *words.TEMPLATE_FIELDS, "any", "of", "pause"} <= NAMED
    assert {*words.INVARIANTS, *words.TROUBLES, *EMITTED} <= NAMED
    units = {unit for kind in words.UNITS.values() for unit in kind} - {"µs"}
    assert units <= {word for code in re.findall(r"`([^`\n]+)`", SECTION) for word in code.split()}


def test_the_data_of_the_events_is_in_the_reference():
    for name in sorted(EMITTED):
        row = next(line for line in SECTION.splitlines() if line.startswith("|") and f"`{name}`" in line)
        assert all(f"`{key}`" in row for key in words.EVENTS[name].data)


def test_the_presets_are_described_as_they_are():
    for name, profile in PRESETS.items():
        row = next(line for line in SECTION.splitlines() if line.startswith(f"| `{name}`"))
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        if name != "perfect":
            delay, rate = profile.up.delay_s, profile.up.rate_bps
            assert cells[1] == (f"{delay:g} s" if delay >= 0.1 else f"{delay * 1000:g} ms")
            assert abs(float(cells[2].split()[0]) - profile.up.loss * 100) < 0.5
            scale = {"bit/s": 1.0, "kbit/s": 1e3, "Mbit/s": 1e6}
            number, unit = cells[3].split()
            assert float(number) * scale[unit] == rate
            assert f"{profile.wake_s:g} s" in cells[4] or not profile.wake_s or profile.pass_s
        if profile.pass_s:
            assert f"{profile.pass_s / 60:g} min of every {profile.period_s / 60:g} min" in cells[4]
