"""The forms of an expectation: what each becomes, of a step and of the whole run, and how its mistakes are told."""

import pytest

from simulator.scenario import loads
from simulator.scenario import model as m

HEAD = """scenario: a
devices: {m: {count: 5}, n: {}, new: {registered: no}}
observers: {second: , slow: {reads: 10/s}}
steps:
  - {upload: m, as: report}
  - {wait: 1 s, as: pause}
"""


def _whole(entry: str) -> m.WholeRun:
    return loads(f"{HEAD}expect:\n  - {entry}\n").expect[0]


def _names(matchers: tuple[m.EventMatcher, ...]) -> list[str]:
    return [matcher.name for matcher in matchers]


# --- right ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["sequence", "exactly"])
def test_lists_of_events(form):
    found = _whole(f"{{{form}: [ciotConnect, {{upstreamMessage: {{bytes: 4}}}}], each: m.1-2}}")
    assert isinstance(found, m.InSequence if form == "sequence" else m.Exactly)
    assert _names(found.matchers) == ["ciotConnect", "upstreamMessage"]
    assert found.matchers[1].conditions == (("bytes", m.Condition(op="equals", value="4")),)
    assert (found.subject.text, found.by) == ("m.1-2", "")


def test_exactly_nothing():
    found = _whole("{exactly: [], each: n, by: second}")
    assert isinstance(found, m.Exactly)
    assert (found.matchers, found.by) == ((), "second")


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("{after: report, within: 5 s, sees: upstreamMessage}", (5.0, 0.0, None)),
        ("{after: report, sees: upstreamMessage}", (10.0, 0.0, None)),
        ("{after: report, within: 1 min, not_before: 30 s, sees: upstreamMessage}", (60.0, 30.0, None)),
        ("{after: report, within: 5 s, sees: upstreamMessage, of: n}", (5.0, 0.0, "n")),
        ("{after: pause, sees: upstreamMessage, of: m.0-1}", (10.0, 0.0, "m.0-1")),
    ],
)
def test_after(entry, expected):
    found = _whole(entry)
    assert isinstance(found, m.AfterAct)
    assert (found.act, found.matcher.name) == (entry.split()[1].strip(","), "upstreamMessage")
    assert (found.within_s, found.not_before_s, None if found.of is None else found.of.text) == expected


def test_state():
    found = _whole(
        "{state: m.2, where: {firmware.state: {not: UpdateFailed}, config.ciot.imei: any, tags.site: {matches: ^n},"
        " lastTransport: coap, metadata.ciot.mcc: below 999, enabled: true, weather.rain: any}}"
    )
    assert isinstance(found, m.StateOf)
    assert found.subject.text == "m.2"
    assert [(path, condition.op) for path, condition in found.where] == [
        ("firmware.state", "not"), ("config.ciot.imei", "any"), ("tags.site", "matches"), ("lastTransport", "equals"),
        ("metadata.ciot.mcc", "below"), ("enabled", "equals"), ("weather.rain", "any"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("entry", "bounds"),
    [
        ("{dropped: slow}", (1, None)),
        ("{dropped: slow, at_most: 0}", (None, 0)),
        ("{dropped: slow, at_least: 5, at_most: 9}", (5, 9)),
    ],
)
def test_dropped(entry, bounds):
    found = _whole(entry)
    assert isinstance(found, m.DroppedFor)
    assert (found.observer, found.at_least, found.at_most) == ("slow", *bounds)


@pytest.mark.parametrize(
    "entry",
    [
        "{each: m, sees: ciotConnect, by: second}",
        "{some: m, sees: ciotConnect, by: second, times: 3}",
        "{none: m, sees: ciotConnect, by: second}",
        "{sequence: [ciotConnect], each: m, by: second}",
        "{never: [ciotConnect], by: second}",
    ],
)
def test_another_observer_may_be_asked(entry):
    assert _whole(entry).by == "second"


def test_forms_of_a_step_stand_beside_its_ordered_list():
    (step,) = loads(
        HEAD.split("steps")[0]
        + """steps:
  - upload: m
    expect:
      - {each: m, sees: upstreamMessage, times: 1}
      - clientConnected
      - {some: m, sees: ciotConnect, by: second}
      - {none: n, sees: ciotConnect}
      - {sequence: [clientConnected, upstreamMessage], each: m}
      - {upstreamMessage: {bytes: 24}, of: n}
      - {exactly: [], each: n}
      - {state: m, where: {lastTransport: coap}}
      - {never: [deviceMoved], of: n}
"""
    ).steps
    assert [(entry.matcher.name, entry.of and entry.of.text) for entry in step.expect] == [
        ("clientConnected", None),
        ("upstreamMessage", "n"),
    ]
    assert [type(form).__name__ for form in step.forms] == [
        "Counted", "Counted", "Counted", "InSequence", "Exactly", "StateOf", "NeverSeen",
    ]  # fmt: skip
    assert [form.place.line for form in step.forms] == [7, 9, 10, 11, 13, 14, 15]


def test_a_wait_and_the_platform_may_ask_for_forms():
    text = "{each: m, sees: ciotConnect, times: 0}"
    for verb in ("wait: 5 s", "restart: platform", "subscribe: slow"):
        (step,) = loads(HEAD.split("steps")[0] + f"steps: [{{{verb}, expect: [{text}], within: 5 s}}]").steps
        assert (len(step.forms), step.expect, step.within_s) == (1, (), 5.0)


# --- wrong ------------------------------------------------------------------------------------------------------------

BOTH = [
    ("{sequence: [], each: m}", "1:12: sequence is empty (name events; {exactly: [], each: meters} means none at all)"),
    ("{sequence: ciotConnect, each: m}", "1:12: sequence must be a list (write it as [ciotConnect, clientConnected])"),
    ("{sequence: [ciotConect], each: m}", "1:13: no event 'ciotConect' (did you mean 'ciotConnect'?)"),
    ("{exactly: [{upstreamMessage: {bytes: 4 B}}], each: m}", "bytes is a number without a unit, not '4 B'"),
    ("{exactly: [{upstreamMessage: {transport: upd}}], each: m}", "no transport 'upd' (did you mean 'udp'?)"),
    ("{sequence: [ciotConnect]}", "1:1: sequence without each (write {sequence: [ciotConnect, clientConnected], each:"),
    ("{exactly: [ciotConnect], some: m}", "1:26: exactly with some (it is held of each member: {exactly: [ciotConnect"),
    ("{sequence: [ciotConnect], each: x}", "1:33: no group 'x' (known: m, n, new)"),
    ("{sequence: [ciotConnect], each: m, times: 3}", "1:36: unknown key 'times' in sequence"),
    ("{sequence: [ciotConnect], exactly: [ciotConnect], each: m}", "1:27: both sequence and exactly (write two expec"),
    ("{sequence: [{ciotConnect: {}, of: n}], each: m}", "1:13: of does not belong here (sequence is about its each: "),
    ("{each: m, sees: ciotConnect, by: secnd}", "1:34: no observer 'secnd' (did you mean 'second'?)"),
    ("{each: m, sees: ciotConnect, bye: second}", "1:30: unknown key 'bye' in each (did you mean 'by'?)"),
    ("{never: [ciotConnect], by: [second]}", "1:28: observer must be a word, not a list"),
    ("{state: m}", "1:1: state without where (write {state: meters, where: {firmware.state: Current}})"),
    ("{state: m, where: {}}", "1:19: where is empty (name a field of the device: {firmware.state: Current})"),
    ("{state: m, where: [firmware.state]}", "1:19: where must be a mapping, not a list (write it as {firmware.state"),
    ("{state: x, where: {firmware.state: any}}", "1:9: no group 'x' (known: m, n, new)"),
    ("{state: new, where: {firmware.state: any}}", "1:9: the platform never knows 'new' (it has registered: no; add "),
    ("{state: m, where: {firmware.state: current}}", "no state 'current' (did you mean 'Current'?)"),
    ("{state: m, where: {firmware.stat: Current}}", "1:20: no field 'firmware.stat' of a device (did you mean 'firmw"),
    ("{state: m, where: {state: Current}}", "1:20: no field 'state' of a device (did you mean 'firmware.state'?)"),
    ("{state: m, where: {imsi: any}}", "1:20: no field 'imsi' of a device (did you mean 'config.ciot.imsi'?)"),
    ("{state: m, where: {firmware: {state: Current}}}", "1:20: 'firmware' has fields of its own (write them with dot"),
    ("{state: m, where: {config: any}}", "1:20: 'config' is no single value (write config.ciot.imsi)"),
    ("{state: m, where: {tags: any}}", "1:20: 'tags' is no single value (write tags.name)"),
    ("{state: m, where: {firmware..state: any}}", "1:20: 'firmware..state' is no field of a device (write it with do"),
    ("{state: m, where: {collectionId: default}}", "1:20: collectionId is not known beforehand (the platform chooses"),
    ("{state: m, where: {config.ciot.imsi: 12a}}", "imsi is never '12a' (it has up to 16 digits"),
    ("{state: m, where: {enabled: yes}}", "no enabled 'yes' (known: true, false)"),
    ("{state: m, where: {lastTransport: below 5}}", "transport is a word, and no number is compared with it"),
    ("{state: m, where: {tags.a: {matches: '('}}}", "'(' is no regular expression"),
    ("{state: m, sees: ciotConnect, where: {enabled: any}}", "unknown key 'sees' in state"),
]  # fmt: skip

WHOLE = [
    ("{after: reprot, sees: ciotConnect}", "1:9: no act is called 'reprot' (did you mean 'report'?)"),
    (
        "{after: upload, sees: ciotConnect}",
        "1:9: no act is called 'upload' (a verb is no name; write as: report beside",
    ),
    ("{after: report}", "1:1: after without sees (write {after: report, within: 5 s, sees: upstreamMessage})"),
    ("{after: report, sees: ciotConect}", "1:23: no event 'ciotConect' (did you mean 'ciotConnect'?)"),
    ("{after: report, within: 5, sees: ciotConnect}", "1:25: within: '5' has no unit"),
    ("{after: report, within: 0 s, sees: ciotConnect}", "1:25: within must be more than 0"),
    (
        "{after: report, within: 5 s, not_before: 5 s, sees: ciotConnect}",
        "1:30: not_before leaves no time until within (within is 5 s)",
    ),
    (
        "{after: report, not_before: 10 s, sees: ciotConnect}",
        "not_before leaves no time until within (within is 10 s, ",
    ),
    ("{after: pause, sees: ciotConnect}", "1:1: nobody is said to see ciotConnect (pause is done by no device; add of"),
    ("{after: report, sees: ciotConnect, never: [ciotConnect]}", "1:36: both after and never (write two expectations)"),
    ("{after: report, sees: ciotConnect, by: second}", "1:36: unknown key 'by' in after"),
    ("{dropped: m}", "1:11: no observer 'm' (known: second, slow)"),
    ("{dropped: slow, at_least: 5 %}", "1:27: at_least is a whole number, not '5 %' (write it as 3)"),
    ("{dropped: slow, at_least: 5, at_most: 3}", "1:17: at_least 5 is more than at_most 3"),
    ("{dropped: slow, times: 3}", "1:17: unknown key 'times' in dropped"),
    ("{dropped: slow, each: m}", "1:17: both dropped and each (write two expectations)"),
]


def _told(mistakes, text: str, line: int, column: int, told: str) -> None:
    """One mistake, as `1:COLUMN` counted from where the entry begins."""
    (found,) = mistakes(text)
    if told.startswith("1:"):
        at, _, rest = told[2:].partition(": ")
        told = f"{line}:{int(at) + column}: {rest}"
    assert told in found


@pytest.mark.parametrize(("entry", "told"), BOTH + WHOLE)
def test_mistakes_of_the_whole_run(mistakes, entry, told):
    _told(mistakes, f"{HEAD}expect:\n  - {entry}\n", 8, 4, told)


@pytest.mark.parametrize(("entry", "told"), BOTH)
def test_mistakes_of_a_step(mistakes, entry, told):
    _told(mistakes, f"{HEAD}  - attach: m\n    expect:\n    - {entry}\n", 9, 6, told)


def test_what_is_created_has_a_state(mistakes):
    state = "{state: new, where: {enabled: true}}"
    assert mistakes(f"{HEAD}  - create: new\n    expect: [{state}]\nexpect: [{state}]\n") == []


def test_a_name_that_nobody_bears_when_nobody_has_one(mistakes):
    text = "scenario: a\ndevices: {m: }\nsteps: [{upload: m}]\nexpect: [{after: x, sees: ciotConnect}]\n"
    assert mistakes(text) == ["4:18: no act is called 'x' (no step has a name; write as: report beside it)"]


def test_after_what_the_platform_does_somebody_must_be_named(mistakes):
    steps = "scenario: a\ndevices: {m: }\nsteps: [{restart: platform, as: again}]\n"
    text = f"{steps}expect: [{{after: again, sees: ciotConnect}}]\n"
    assert mistakes(text) == ["4:10: nobody is said to see ciotConnect (again is done by no device; add of: meters)"]
    assert mistakes(text.replace("ciotConnect", "ciotConnect, of: m")) == []
