"""Who is driven, and how: attributes of a class and steps of a file come to the same."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from simulator.errors import ScenarioErrors, UsageError
from simulator.load.groups import group_name, of_scenario, traffics_of
from simulator.load.options import LoadOptions
from simulator.load.users.attributes import Attributes

OPTIONS = LoadOptions()


def fleet(**attributes):
    return type("SmartMeters", (Attributes,), attributes)


def traffic(count=1000, **attributes):
    (found,) = traffics_of(fleet(**attributes), OPTIONS, count)
    return found


@pytest.mark.parametrize(
    ("name", "group"),
    [("Meters", "meters"), ("SmartMeters", "smart_meters"), ("CoAPMeters", "co_apmeters"), ("M2", "m2")],
)
def test_a_group_is_called_as_its_class(name, group):
    assert group_name(type(name, (), {})) == group


def test_what_a_class_says_of_its_devices():
    found = traffic(transport="udp", payload="12 B", every="1 min", link="nb-iot-ce1", rat="lte-m", tags={"site": "7"})
    group = found.group
    assert (group.name, group.network, group.transport, group.count) == ("smart_meters", "ciot", "udp", 1000)
    assert (group.link.preset, group.rat, group.tags) == ("nb-iot-ce1", "lte-m", (("site", "7"),))
    assert group.payload.size_bytes == 12
    assert found.most is None
    (deed,) = found.deeds
    assert (deed.act, deed.every_s, deed.arrivals, deed.times) == ("upload", 60.0, None, None)


def test_devices_with_certificates_connect_and_reconnect():
    found = traffic(transport="dtls", reconnect_every="1 min", reconnect_over="beta-5", connection={"resume": False})
    assert found.group.network == "inet"
    assert not found.group.connection.resume
    (deed,) = found.deeds
    assert (deed.act, deed.every_s, deed.arrivals.model, deed.arrivals.window_s) == ("reconnect", 60.0, "beta", 5.0)


def test_a_rate_needs_no_period():
    (deed,) = traffic(over="poisson 5/s").deeds
    assert (deed.every_s, deed.arrivals.model, deed.arrivals.per_s, deed.times) == (None, "poisson", 5.0, None)


def test_a_class_without_a_timetable_has_no_deeds():
    assert traffic().deeds == ()


@pytest.mark.parametrize(
    ("attributes", "told"),
    [
        ({"transport": "coop"}, "class SmartMeters: .*coop.*did you mean 'coap'"),
        ({"every": "often"}, "class SmartMeters: .*often"),
        ({"payload": "24"}, "class SmartMeters: .*24"),
        ({"over": "poison 3/s"}, "class SmartMeters: .*poison.*poisson"),
        ({"over": "periodic"}, "class SmartMeters: .*periodic without every"),
        ({"link": "nb-iot"}, "class SmartMeters: .*nb-iot"),
        ({"transport": "coap", "certificate": "own"}, "class SmartMeters: .*certificate"),
        ({"group": "no good name!", "every": "1 s"}, "class SmartMeters: "),
    ],
)
def test_a_mistake_in_a_class_is_told_in_the_words_of_the_language(attributes, told):
    with pytest.raises(UsageError, match=told):
        traffic(**attributes)


@pytest.mark.parametrize("name", ["transprt", "Every", "payloaad", "join_ovr"])
def test_an_attribute_that_would_change_nothing_is_no_silent_mistake(name):
    with pytest.raises(UsageError, match=f"class SmartMeters: no attribute '{name}' .did you mean"):
        traffic(**{name: "1 s"})


@pytest.mark.parametrize("name", ["payloads", "positions", "weight", "fixed_count", "_every"])
def test_a_class_may_have_attributes_of_its_own(name):
    assert traffic(every="1 s", **{name: "1 s"}).deeds


FILE = """\
scenario: Meters and trackers
devices:
  meters: {count: 1500, transport: coap}
  trackers: {count: 10, transport: dtls, network: inet}
steps:
  - {attach: meters, over: 30 s}
  - connect: trackers
  - {upload: meters, payload: 24 B, every: 1 min, for: 1 h, outcome: any}
  - {upload: meters.0-9, payload: 1 B}
  - {connect: trackers, every: 5 min, for: 1 h, over: beta-10}
  - {send: meters, payload: 5 B}
  - {upload: trackers, payload: {text: hello}}
expect:
  - {rate: upload, at_least: 99 %}
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "fleet.yaml"
    path.write_text(FILE, encoding="utf-8")
    return path


def test_the_groups_and_steps_of_a_file(file):
    meters, trackers = of_scenario(file, "")
    assert (meters.most, meters.join_over_s, trackers.most, trackers.join_over_s) == (1500, 30.0, 10, 0.0)
    (upload,) = meters.deeds
    assert (upload.act, upload.every_s, upload.times) == ("upload", 60.0, None)
    storm, once = trackers.deeds
    assert (storm.act, storm.every_s, storm.arrivals.model) == ("reconnect", 300.0, "beta")
    assert (once.act, once.every_s, once.times, once.payload.content) == ("upload", None, 1, b"hello")
    assert [line.partition(": ")[2] for line in meters.ignored[:2]] == ["upload meters.0-9", "send meters"]
    assert f"{file}:9:" in meters.ignored[0]
    assert meters.expects


def test_a_file_takes_the_place_of_attributes(file):
    named = [each.group.name for each in traffics_of(fleet(scenario=str(file)), OPTIONS, 1000)]
    asked = [each.group.name for each in traffics_of(fleet(), LoadOptions(scenario=file), 1000)]
    assert named == asked == ["meters", "trackers"]


def test_a_file_that_is_wrong_is_refused(tmp_path):
    with pytest.raises(ScenarioErrors):
        of_scenario(tmp_path / "missing.yaml", "")


def test_every_attribute_has_a_default():
    assert SimpleNamespace(**{key: getattr(Attributes, key) for key in Attributes.__annotations__})
