"""The tables of names: what the language says of itself."""

import pytest

from simulator import words
from simulator.assertions.invariants import INVARIANTS
from simulator.cli.list_command import COUNTED
from simulator.plan.estimate import RADIOS
from simulator.protocol.radius.errors import KINDS, SIGNATURES
from simulator.protocol.radius.numbers import TERMINATE_NAMES
from simulator.scenario.doers import _ACTS as DOERS
from simulator.scenario.forms import _READERS
from simulator.scenario.model import HOME
from simulator.scenario.statistics import FREE
from simulator.scenario.verbs import _ACTS
from simulator.server.fronts import radius
from simulator.server.span import login
from simulator.server.span.reports import cause_name
from simulator.wire.presets import KEYS, PRESETS


def test_no_argument_or_modifier_bears_a_verb_s_name():
    assert not set(words.VERB) & (set(words.ARGUMENTS) | set(words.MODIFIERS))
    assert not set(words.ARGUMENTS) & set(words.MODIFIERS)


def test_no_event_is_also_a_form_or_whom_it_is_about():
    assert not set(words.EVENTS) & (set(words.WHOLE_RUN_FORMS) | {"of"})


def test_the_verbs_of_this_version():
    now = {verb.name: verb for verb in words.VERBS if verb.now}
    assert len(now) == sum(verb.now for verb in words.VERBS)
    of_devices = {name for name, verb in now.items() if verb.whom == "devices"}
    assert of_devices == {
        "power_on", "power_off", "reboot", "freeze", "attach", "detach", "upload", "poll", "link", "blackout",
        "send", "withdraw", "create", "update", "remove", "move", "wait", "together", "repeat", "cut_off",
        "insert_sim", "remove_sim", "move_sim", "swap_sims", "switch_profile", "update_modem", "roam",
        "connect", "disconnect", "vanish", "rebind_nat", "upload_blob", "renew_certificate", "set_clock",
    }  # fmt: skip
    assert set(_ACTS) | {"wait", *words.BLOCKS} == of_devices
    assert set(DOERS) | {"misbehave"} == set(now) - of_devices


def test_what_fits_beside_a_verb():
    for verb in words.VERBS:
        assert set(words.modifiers_of(verb)) <= set(words.MODIFIERS)
        assert ("lasting" in words.modifiers_of(verb)) == (verb.name in words.LASTING)
        assert set(verb.needs) <= set(words.CAPABILITIES)
    assert words.modifiers_of(words.VERB["restart"]) == ("at", "as", "outcome", "within", "expect", "never", "lasting")
    assert words.modifiers_of(words.VERB["repeat"]) == ("at",)
    assert "retry" in words.modifiers_of(words.VERB["upload"])
    assert "retry" not in words.modifiers_of(words.VERB["freeze"])


def test_forms_and_fields_are_known():
    assert set(words.STEP_FORMS) <= set(words.WHOLE_RUN_FORMS) == set(_READERS)
    known = {*words.DATA_WORDS, *words.DATA_DIGITS, ""}
    assert set(words.DEVICE_FIELDS.values()) <= known


def test_every_word_of_a_verb_is_known_and_helped():
    for verb in words.VERBS:
        assert verb.help
        assert set(verb.arguments) <= set(words.ARGUMENTS)
        assert set(verb.required) <= set(verb.arguments)
        assert set(verb.outcomes) <= {*words.OUTCOMES, "coap"}


def test_the_platform_has_24_events():
    assert sum(event.sys == "span" for event in words.EVENTS.values()) == 24


def test_the_tables_agree_with_those_who_carry_them_out():
    assert set(words.LINK_PRESETS) == set(PRESETS) == set(RADIOS)
    assert set(words.LINK_KEYS) == set(KEYS)
    assert set(words.INVARIANTS) == {invariant.name for invariant in INVARIANTS}


def test_the_estimate_knows_the_presets_as_they_are():
    for name, radio in RADIOS.items():
        up = PRESETS[name].up
        assert (radio.delay_s, radio.rate_bps) == (up.delay_s, up.rate_bps)
        assert radio.wake_s == PRESETS[name].wake_s
        assert radio.loss == pytest.approx(up.loss, abs=0.003)


@pytest.mark.parametrize(
    ("word", "near"),
    [
        ("atach", "attach"),
        ("ATTACH", "attach"),
        ("move-sim", "move_sim"),
        ("zebra", None),
        ("", None),
        ("x" * 1_000_000, None),
    ],
)
def test_the_nearest_word(word, near):
    assert words.nearest(word, words.VERB) == near


def test_the_server_says_and_counts_what_is_listed():
    texts = {name: text for name, text in vars(login).items() if name.isupper() and isinstance(text, str)}
    assert set(words.REJECTIONS) == set(texts.values())
    assert set(words.STOPS) == {*TERMINATE_NAMES.values(), cause_name(None), cause_name(2**32 - 1)}
    fronts = {radius.UNKNOWN_NAS, radius.UNKNOWN_CODE, radius.REPLY, radius.WRONG_PORT, radius.NO_STATUS}
    assert set(words.DISCARDED) == {*KINDS, *SIGNATURES, *fronts, "nobody asked"}


def test_what_the_server_counts_is_listed_with_words():
    assert set(COUNTED) == set(words.STATISTICS)
    assert {f"{name}.*" for name in FREE} == {name for name in words.STATISTICS if "*" in name}


def test_the_operator_that_is_always_there_is_as_the_words_say():
    assert HOME.rat in words.RATS
    assert HOME.retransmit in words.RETRANSMISSIONS
    assert {"sim", "modem", "operator", "rat", "cell"} <= {name for name, word in words.GROUP_KEYS.items() if word.now}
