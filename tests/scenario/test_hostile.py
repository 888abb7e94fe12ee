"""Whatever a file holds, it is refused at once, with words, and never runs anything."""

import os
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.errors import ScenarioErrors
from simulator.scenario import find, load, loads, loads_all

KIB = 1024

LAUGHS = "scenario: a\na: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join([f'*{before}'] * 9)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)

TEXTS = [
    pytest.param(LAUGHS, "2:4: an anchor '&a'", id="aliases that explode"),
    pytest.param(
        "a: !!python/object/apply:os.system ['id']", "1:4: a tag '!!python/object", id="a tag that constructs"
    ),
    pytest.param("a: !mine x", "1:4: a tag '!mine'", id="a tag of one's own"),
    pytest.param("base: {x: 1}\nother:\n  <<: *base", "3:7: not YAML|3:7: an alias|3:3: a merge key", id="a merge key"),
    pytest.param("scenario: a\nscenario: b", "2:1: key 'scenario' appears twice (first at line 1", id="duplicate keys"),
    pytest.param("scenario: a\nsteps:\n\t- wait: 1 s", "3:1: a tab where YAML takes only spaces", id="a tab"),
    pytest.param("scenario: a\n---\nscenario: b", "2:1: a second document", id="two documents"),
    pytest.param("%YAML 1.1\n---\nscenario: a", "scenarios are YAML 1.2", id="another YAML"),
    pytest.param("%TAG ! tag:x,2000:\n---\nscenario: a", "a %TAG line", id="a tag directive"),
    pytest.param("? [a, b]\n: c", "1:3: a key that is a list or a mapping", id="a list for a key"),
    pytest.param("scenario: \x00", "1:11: a control character", id="a null byte"),
    pytest.param('scenario: "\\ud800"', "1:11: a character that UTF-8 cannot carry", id="half a surrogate pair"),
    pytest.param('scenario: "\\UFFFFFFFF"', "1:12: not YAML", id="no character at all"),
    pytest.param('scenario: "\\e[31m"', "1:11: scenario has a control character in it", id="steers the terminal"),
    pytest.param("scenario: 'never closed", "1:11: not YAML: found unexpected end of stream", id="an open quote"),
    pytest.param("scenario: a: b", "1:12: not YAML: mapping values are not allowed here", id="two colons"),
    pytest.param("a: [" * 33, "1:130|1:132: more than 32 levels deep", id="nested on one line"),
    pytest.param("[\n" * 40, "33:1: more than 32 levels deep", id="nested line by line"),
    pytest.param("- " * 40, "1:65: more than 32 levels deep", id="nested by dashes"),
    pytest.param(
        "".join(f"{' ' * n}a:\n" for n in range(40)), "33:33: more than 32 levels deep", id="nested by indent"
    ),
    pytest.param("? " * 40, "more than 32 levels deep", id="nested keys"),
    pytest.param("[" * 65_000, "1:33: more than 32 levels deep", id="a wall of brackets"),
    pytest.param("a: [" + "a," * 30_000 + "]", "more than 6000 values", id="a wall of values"),
    pytest.param("&a b\n" * 10_000, "an anchor", id="a wall of anchors"),
    pytest.param("- &a b\n" * 9_000, "100 mistakes or more; the rest is not shown", id="a wall of mistakes"),
    pytest.param(
        "scenario: a\nsteps:\n" + "- atachh: x\n" * 1_900, "100 mistakes or more", id="a wall of unknown words"
    ),
    pytest.param("%A b\n" * 10_000, "", id="a wall of directives"),
    pytest.param("x" * 60_000, "must be a mapping", id="one long word"),
    pytest.param(
        "scenario: " + "9" * 60_000 + "\nseed: " + "9" * 5_000, "2:7: seed must be from 0", id="a long number"
    ),
    pytest.param(
        "scenario: a\nsteps: " + "[{together: " * 15 + "[" + "]" * 31,
        "more than 32 levels|not YAML",
        id="togethers in one",
    ),
    pytest.param(
        "scenario: a\ntokens: {" + ", ".join(f"t{n}: " for n in range(2_500)) + "}",
        "2500 tokens",
        id="a wall of tokens",
    ),
    pytest.param(
        "scenario: a\ndevices: {m: }\nsteps:\n  - attach: m\n    expect:\n"
        + "      - {state: m, where: {firmware.stat: x}}\n" * 600,
        "100 mistakes or more",
        id="a wall of fields",
    ),
    pytest.param(
        "scenario: a\nmutants: {" + ", ".join(f"m{n}: x" for n in range(1_200)) + "}",
        "100 mistakes or more",
        id="a wall of mutants",
    ),
    pytest.param(
        "scenario: a\ndevices: {m: {count: 5000}}\nsteps:\n  - attach: ["
        + ", ".join(f"m.{n}" for n in range(2_900))
        + "]\n",
        "4:13: attach: 2900 subjects (a list has at most 100",
        id="a wall of subjects",
    ),
    pytest.param(
        "scenario: a\ndevices: {m: }\nsteps:\n  - repeat: {times: 9000, steps: [{attach: m, expect: ["
        + "ciotConnect, " * 2_000
        + "]}]}\n",
        "this repeat is 18000000 expectations (a scenario has at most 100000",
        id="a wall of expectations",
    ),
    pytest.param("", "the file is empty", id="nothing"),
    pytest.param("# nothing\n", "the file is empty", id="only a comment"),
    pytest.param("- a\n- b", "1:1: a scenario must be a mapping, not a list", id="a list"),
]


@pytest.mark.parametrize(("text", "told"), TEXTS)
def test_hostile_text_is_refused_within_a_second(text, told):
    started = time.process_time()
    with pytest.raises(ScenarioErrors) as caught:
        loads(text, "f")
    took_s = time.process_time() - started
    assert any(part in str(caught.value) for part in told.split("|")), str(caught.value)[:500]
    assert took_s < 1.0


def test_a_word_as_deep_as_allowed_is_read():
    with pytest.raises(ScenarioErrors) as caught:
        loads("x: " + "[" * 31 + "]" * 31, "f")
    assert "levels deep" not in str(caught.value)


def _written(folder: Path, content: bytes) -> Path:
    path = folder / "f.yaml"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("content", "told"),
    [
        pytest.param(
            b"[" * (10 << 20), ": '{path}' is too large (a scenario has at most 64 KiB)", id="10 MiB of nesting"
        ),
        pytest.param(b"#" * (64 * KIB + 1), "is too large", id="one byte too many"),
        pytest.param(b"a: b\ncaf\xe9: c", ":2:4: byte 0xe9 is not UTF-8 (save the file as UTF-8)", id="latin-1"),
        pytest.param("scenario: a".encode("utf-16"), ":1:1: the file is UTF-16 (save it as UTF-8)", id="utf-16"),
        pytest.param(b"", ": the file is empty", id="empty"),
    ],
)
def test_hostile_bytes_are_refused_within_a_second(tmp_path, content, told):
    path = _written(tmp_path, content)
    started = time.process_time()
    with pytest.raises(ScenarioErrors) as caught:
        load(path)
    assert time.process_time() - started < 1.0
    assert str(caught.value).startswith(str(path))
    assert told.format(path=path)[:40] in str(caught.value)


def test_the_largest_file_is_still_read(tmp_path):
    text = b"scenario: a\nsteps: [{wait: 1 s}]\n"
    assert load(_written(tmp_path, text + b"#" * (64 * KIB - len(text)))).promise == "a"


def test_a_byte_order_mark_is_no_mistake(tmp_path):
    path = _written(tmp_path, "\ufeffscenario: Zähler\nsteps: [{wait: 1 s}]\n".encode())
    assert load(path).promise == "Zähler"


def test_what_is_no_file_is_refused_at_once(tmp_path):
    pipe = tmp_path / "pipe.yaml"
    os.mkfifo(pipe)
    for path, told in [
        (tmp_path / "missing.yaml", "there is no file"),
        (tmp_path, "is a folder"),
        (pipe, "is not a regular file"),
        (Path("/dev/zero"), "is not a regular file"),
        (tmp_path / "a\0b", "cannot be read"),
        (tmp_path / ("x" * 300), "cannot be read"),
    ]:
        with pytest.raises(ScenarioErrors, match=told):
            load(path)


def test_find_takes_files_and_folders_and_says_what_is_not_there(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / "empty").mkdir()
    (tmp_path / ".hidden").mkdir()
    for name in ("b/z.yaml", "b/a.yml", "a.yaml", "notes.md", ".hidden/x.yaml"):
        (tmp_path / name).write_text("scenario: a")
    (tmp_path / "b" / "round").symlink_to(tmp_path)
    assert find([tmp_path]) == [tmp_path / "a.yaml", tmp_path / "b/a.yml", tmp_path / "b/z.yaml"]
    assert find([tmp_path / "notes.md", tmp_path / "a.yaml", tmp_path]) == [
        tmp_path / "notes.md",
        tmp_path / "a.yaml",
        tmp_path / "b/a.yml",
        tmp_path / "b/z.yaml",
    ]
    with pytest.raises(ScenarioErrors) as caught:
        find([tmp_path / "empty", tmp_path / "gone", tmp_path / "a.yaml"])
    assert [error.problem for error in caught.value.errors] == ["no scenario in this folder", "no such file or folder"]


# --- anything at all --------------------------------------------------------------------------------------------------

VOCABULARY = """
    scenario devices steps expect attach upload meters count 3 24 B over every for times 10 min 5 % link perfect of
    never within outcome ok any coap 4.04 together repeat steps restart platform state where
    after by each sees at_least text hex payload [ ] { } : , - ' " | > # & * ! << ? ~ null
    yes no below matches one_of"""
WORDS = st.sampled_from([*VOCABULARY.split(), "\n", "\n  ", "\n  - ", "\n\t"])


def _never_breaks(text: str) -> None:
    told = "f"
    try:
        loads_all(text, "f")
    except ScenarioErrors as errors:
        told = str(errors)
    assert told.startswith("f")
    assert told.encode()


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=300))
def test_arbitrary_text_is_read_or_refused(text):
    _never_breaks(text)


@settings(max_examples=100, deadline=None)
@given(st.lists(WORDS, max_size=60).map(" ".join))
def test_arbitrary_words_are_read_or_refused(text):
    _never_breaks(text)


LEAVES = st.sampled_from(
    [
        "meters",
        "old",
        "24 B",
        "10 min",
        "5 %",
        "3",
        "",
        "any",
        "ok",
        "upstreamMessage",
        "yes",
        "{}",
        "[]",
        "''",
        "x",
        "~",
        "platform",
        "beta-10",
        "poisson 3/s",
        "periodic",
        "99999",
        "o",
        "t",
        "upload-once",
        "steps[0].outcome",
        "$p",
        "$case",
        "$$p",
        "none",
        "held",
        "mobile",
    ]
)
KEYWORDS = """
    scenario about tags seed devices collections steps expect allow order mutants meters old count network transport
    link registered identity payload collection stack attach upload poll send create update remove move wait to path
    over every for times at as outcome retry within never each some none sees at_least at_most rate latency p99 of text
    hex template upstreamMessage loss up down imsi preset delay matches one_of not together repeat steps lasting
    restart misbehave subscribe revoke freeze power_on sequence exactly after state where dropped by token tokens
    observers reads known needs include not_before sensor which abruptly firmware.state tags.x
    sim modem operator rat cell profiles imsis clone_of svn operators platform plmn omits gateways interim
    insert_sim remove_sim move_sim swap_sims switch_profile update_modem roam cut_off with card profile rollback
    statistics accepted rejected.x rejected cases pause"""
KEYS = st.sampled_from(KEYWORDS.split())
FLOW = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4).map(lambda items: f"[{', '.join(items)}]")
        | st.dictionaries(KEYS, inner, max_size=5).map(
            lambda pairs: "{" + ", ".join(f"{key}: {value}" for key, value in pairs.items()) + "}"
        )
    ),
    max_leaves=25,
)
SKELETON = """scenario: a
devices: {{meters: {{count: 3}}, old: {{}}, more: {group}}}
tokens: {{t: {group}}}
observers: {{o: }}
mutants: {expect}
steps: [{{upload: meters}}, {step}, {{repeat: {{times: 2, steps: [{step}]}}}}]
expect: [{expect}]
"""


@settings(max_examples=100, deadline=None)
@given(FLOW, FLOW, FLOW)
def test_well_formed_nonsense_is_read_or_refused(group, step, expect):
    _never_breaks(SKELETON.format(group=group, step=step, expect=expect))


@settings(max_examples=100, deadline=None)
@given(FLOW, FLOW, FLOW)
def test_well_formed_nonsense_with_cases_is_read_or_refused(value, step, network):
    text = SKELETON.format(group="{operator: $p}", step=step, expect="$p")
    _never_breaks(f"{text}operators: {network}\ncases: {{one: {{p: {value}}}, two: {value}}}\n")
