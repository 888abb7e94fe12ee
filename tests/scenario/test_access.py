"""Tokens, observers, and what is done by those who are no devices."""

import pytest

from simulator import words
from simulator.scenario import loads
from simulator.scenario import model as m
from simulator.scenario.notes import notes

HEAD = """scenario: a
devices: {m: {count: 2}, n: {collection: north}}
collections: {north: }
tokens: {reader: {write: no}, wrong: {known: no}, local: {collection: north}}
observers: {second: , far: {collection: north, token: local}, slow: {reads: 10/s}, stranger: {token: wrong}}
steps:
  - {subscribe: stranger, outcome: rejected}
"""
FAULT = next(iter(words.MUTANTS))


def _steps(*steps: str) -> tuple[m.Step, ...]:
    return loads(HEAD + "".join(f"  - {step}\n" for step in steps)).steps[1:]


def test_tokens_and_observers():
    scenario = loads(HEAD)
    assert [(t.name, t.collection, t.write, t.known, t.place.line) for t in scenario.tokens] == [
        ("reader", None, False, True, 4),
        ("wrong", None, True, False, 4),
        ("local", "north", True, True, 4),
    ]
    assert [(o.name, o.collection, o.token, o.reads_per_s) for o in scenario.observers] == [
        ("second", "", "", None),
        ("far", "north", "local", None),
        ("slow", "", "", 10.0),
        ("stranger", "", "wrong", None),
    ]


@pytest.mark.parametrize(
    ("step", "act", "doers", "text"),
    [
        ("restart: platform", m.Restart(), ("platform",), "restart platform"),
        ("stop: platform", m.Stop(), ("platform",), "stop platform"),
        ("start: platform", m.Start(), ("platform",), "start platform"),
        (f"misbehave: {FAULT}", m.Misbehave(fault=FAULT), ("platform",), f"misbehave {FAULT}"),
        ("revoke: [reader, local]", m.Revoke(), ("reader", "local"), "revoke reader, local"),
        ("subscribe: slow", m.Subscribe(), ("slow",), "subscribe slow"),
        ("unsubscribe: [slow, far]", m.Unsubscribe(), ("slow", "far"), "unsubscribe slow, far"),
    ],
)
def test_who_does_it(step, act, doers, text):
    (found,) = _steps(step)
    assert (found.act, found.doers, found.subjects, found.text) == (act, doers, (), text)


def test_what_fits_beside_them():
    found, waited = _steps(
        "{restart: platform, lasting: 5 s, at: 1 min, as: again, outcome: any, within: 3 s, never: [deviceRemoved],"
        " expect: [{clientConnected: {}, of: m}]}",
        f"{{misbehave: {FAULT}, lasting: 9 s}}",
    )
    assert (found.lasting_s, found.at_s, found.name, found.outcome, found.within_s) == (5.0, 60.0, "again", "any", 3.0)
    assert (found.never[0].name, found.expect[0].of.text) == ("deviceRemoved", "m")
    assert waited.lasting_s == 9.0


@pytest.mark.parametrize(
    "step",
    ["create: m", "{update: m, imsi: ''}", "remove: m", "{move: m, to: north}", "send: m", "withdraw: m"],
)
def test_an_operator_may_show_another_token(step):
    step = step if step.startswith("{") else f"{{{step}}}"
    (found,) = _steps(f"{step[:-1]}, token: reader, outcome: rejected}}")
    assert found.token == "reader"
    assert _steps(step)[0].token == ""


STEPS = [
    ("{restart: m}", "8:15: restart is about the platform, not 'm' (write it as restart: platform)"),
    ("{restart: platfrom}", "8:15: restart is about the platform, not 'platfrom' (write it as restart: platform)"),
    ("{stop: [platform]}", "8:12: stop must be a word, not a list"),
    ("{start: }", "8:12: start what? (write it as start: platform)"),
    ("{misbehave: }", f"8:16: misbehave how? (write it as misbehave: {FAULT})"),
    ("{misbehave: x}", "8:17: no fault 'x' (known: "),
    (f"{{misbehave: {FAULT[:-1]}}}", f"8:17: no fault '{FAULT[:-1]}' (did you mean '{FAULT}'?)"),
    (f"{{misbehave: [{FAULT}]}}", "8:17: misbehave takes one fault (write a step for each"),
    ("{revoke: }", "8:13: revoke which? (write it as revoke: reader)"),
    ("{revoke: []}", "8:14: revoke: an empty list names nobody (name a token)"),
    ("{revoke: raeder}", "8:14: no token 'raeder' (did you mean 'reader'?)"),
    ("{revoke: [reader, reader]}", "8:23: 'reader' is named twice (remove one of them)"),
    ("{revoke: wrong}", "8:14: token 'wrong' is never issued (it has known: no; take that away, or revoke another)"),
    ("{subscribe: reader}", "8:17: no observer 'reader' (known: second, far, slow, stranger)"),
    ("{subscribe: []}", "8:17: subscribe: an empty list names nobody (name an observer)"),
    ("{unsubscribe: {slow: }}", "8:19: observer must be a word, not a mapping"),
    (
        "{stop: platform, lasting: 5 s}",
        "8:22: 'lasting' does not fit stop (it fits link, blackout, freeze, misbehave, r",
    ),
    (
        "{restart: platform, retry: 3}",
        "8:25: 'retry' does not fit restart (it fits attach, detach, connect, upload, upload_blob, poll)",
    ),
    ("{restart: platform, payload: 5 B}", "8:25: 'payload' does not fit restart (it fits upload, upload_blob, send)"),
    (
        "{restart: platform, outcome: rejected}",
        "8:34: restart cannot come to 'rejected' (it can come to ok, failed, any",
    ),
    ("{restart: platform, expect: [ciotConnect]}", "8:34: nobody is said to see ciotConnect (write {ciotConnect: {}"),
    ("{restart: platform, within: 5 s}", "8:25: within without expect or never (it says how long events may take)"),
    ("{send: m, token: raeder}", "8:22: no token 'raeder' (did you mean 'reader'?)"),
    (
        "{upload: m, expect: [{each: m, sees: ciotConnect, by: seconde}]}",
        "no observer 'seconde' (did you mean 'second'",
    ),
]


@pytest.mark.parametrize(("step", "told"), STEPS)
def test_mistakes_of_a_step(mistakes, step, told):
    (found,) = mistakes(f"{HEAD}  - {step}\n")
    assert told in found


def test_the_platform_repeats_in_blocks_alone(mistakes):
    fit = "(beside restart fit at, as, outcome, within, expect, never, lasting)"
    assert mistakes(f"{HEAD}  - {{restart: platform, every: 5 s, times: 3}}\n") == [
        f"8:25: 'every' does not fit restart {fit}",
        f"8:37: 'times' does not fit restart {fit}",
    ]
    assert mistakes(f"{HEAD}  - {{repeat: {{times: 3, steps: [{{restart: platform}}]}}}}\n") == []


DECLARED = [
    ("tokens: {m: }", "3:10: 'm' is a group too (choose another name)"),
    ("tokens: {a b: }", "3:10: 'a b' cannot name a token (a name begins with a letter"),
    ("tokens: {platform: }", "3:10: 'platform' cannot name a token (it is how steps name the platform)"),
    ("tokens: {t: no}", "3:13: token t must be a mapping, not a word (write it as t: {write: no})"),
    ("tokens: {t: {wirte: no}}", "3:14: unknown key 'wirte' in token t (did you mean 'write'?)"),
    ("tokens: {t: {write: never}}", "3:21: write is yes or no, not 'never'"),
    ("tokens: {t: {collection: south}}", "3:26: no collection 'south' (known: default)"),
    ('observers: {"o\\e[31m": }', "3:13: 'o\\x1b[31m' cannot name an observer (a name begins with a letter"),
    ('observers: {o: {token: "t\\e[31m"}}', "3:24: no token 't\\x1b[31m' (declare it: tokens: {t\\x1b[31m: })"),
    ("observers: {m: }", "3:13: 'm' is a group too (choose another name)"),
    ("observers: {o: 10/s}", "3:16: observer o must be a mapping, not a word (write it as o: {reads: 10/s})"),
    ("observers: {o: {reads: 10}}", "3:24: reads: '10' has no unit (units of a frequency: /s, /min, /h, /d; such as"),
    ("observers: {o: {reads: 0/s}}", "3:24: reads must be more than 0"),
    ("observers: {o: {token: t}}", "3:24: no token 't' (declare it: tokens: {t: })"),
    ("observers: {o: {colection: x}}", "3:17: unknown key 'colection' in observer o (did you mean 'collection'?)"),
    ("observers: {o: {collection: x}}", "3:29: no collection 'x' (known: default)"),
    (
        "observers: {o: {token: t}}\ntokens: {t: {known: no}}",
        "3:13: the platform refuses o before the first step: it does not know the token t (add a step for it: {sub",
    ),
    (
        "observers: {o: {token: t}}\ntokens: {t: {collection: north}}\ncollections: {north: }",
        "3:13: the platform refuses o before the first step: the token t is for another collection (add a step for",
    ),
]


@pytest.mark.parametrize(("lines", "told"), DECLARED)
def test_mistakes_of_what_is_declared(mistakes, lines, told):
    (found,) = mistakes(f"scenario: a\ndevices: {{m: }}\n{lines}\nsteps: [{{attach: m}}]\n")
    assert told in found


@pytest.mark.parametrize(
    "lines", ["tokens: 5", "observers: 5", "tokens: {" + ", ".join(f"t{n}: " for n in range(101)) + "}"]
)
def test_names_that_could_not_be_read_are_not_called_unknown_too(mistakes, lines):
    steps = "{send: m, token: t0}, {subscribe: o}" if lines.startswith("tokens") else "{subscribe: o}"
    more = "observers: {o: {token: t0}}\n" if lines.startswith("tokens") else ""
    assert len(mistakes(f"scenario: a\ndevices: {{m: }}\n{lines}\n{more}steps: [{steps}]\n")) == 1


# --- remarks ----------------------------------------------------------------------------------------------------------


def _notes(lines: str) -> list[str]:
    scenario = loads(
        f"scenario: a\ncollections: {{north: }}\ndevices: {{m: , n: {{collection: north}}}}\n{lines}\n", "f"
    )
    return [str(note).removeprefix("f:") for note in notes(scenario)]


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (
            "observers: {o: {collection: north}}\nsteps: [{attach: m, expect: [{each: m, sees: ciotConnect, by: o}]}]",
            ["5:30: note: o listens to the collection 'north', and m lives in 'default': it should hear nothing of it"],
        ),
        ("observers: {o: }\nsteps: [{attach: m, expect: [{each: m, sees: ciotConnect, by: o}]}]", []),
        (
            "observers: {o: {collection: north}}\nsteps: [{move: m, to: north, expect: [{exactly: [deviceMoved], each:"
            " m, by: o}]}]",
            [],
        ),
        (
            "observers: {o: }\nsteps: [{attach: m}]",
            ["4:13: note: nothing says by: o, so what this observer sees is not judged"],
        ),
        ("observers: {o: {reads: 1/s}}\nsteps: [{attach: m}]\nexpect: [{dropped: o}]", []),
        ("tokens: {t: }\nsteps: [{attach: m}]", ["4:10: note: nobody shows the token t"]),
        (
            "tokens: {t: {write: no}}\nsteps: [{send: m, token: t}]",
            ["5:10: note: the token t may only read; outcome: rejected says that this is meant"],
        ),
        (
            "tokens: {t: {known: no}}\nsteps: [{send: m, token: t}]",
            ["5:10: note: the token t is not known to the platform; outcome: rejected says that this is meant"],
        ),
        ("tokens: {t: {write: no}}\nsteps: [{send: m, token: t, outcome: rejected}]", []),
        (
            "steps: [{attach: m, expect: [{state: m, where: {weather.rain: any, enabled: true}}]}]",
            ["4:30: note: devices are not known to have 'weather.rain'; where it is missing, this fails"],
        ),
        (
            "steps: [{attach: m}]\nexpect: [{exactly: [{ciotConnect: {colour: red}}], each: m}]",
            ["5:22: note: ciotConnect is not known to have 'colour' in its data (known: imsi, imei, ip); without it no"
             " such event can match"],
        ),
    ],
)  # fmt: skip
def test_remarks(lines, told):
    assert _notes(lines) == told
