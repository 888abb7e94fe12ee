"""Sensor models: plausible, bounded, and always the same for the same device and reading."""

import json
import math
from itertools import pairwise

import pytest

from simulator import words
from simulator.plan import make_plan
from simulator.plan.sensors import MODELS, Sensors
from simulator.scenario import loads
from simulator.scenario.model import Payload

DAY = 144  # readings, one every ten minutes
SENSORS = Sensors(7)


def readings(sensor, index=3, count=3 * DAY, seed=7):
    sensors = Sensors(seed)
    return [json.loads(sensors.read(sensor, index, n)) for n in range(count)]


def test_every_sensor_that_a_file_may_name_is_there():
    assert set(MODELS) == set(words.SENSORS)


@pytest.mark.parametrize("sensor", MODELS)
def test_the_text_has_the_form_that_its_help_shows(sensor):
    shown = words.SENSORS[sensor].help[: words.SENSORS[sensor].help.index("}") + 1]
    example, (reading,) = json.loads(shown), readings(sensor, count=1)
    assert list(reading) == list(example)
    assert [type(value) for value in reading.values()] == [type(value) for value in example.values()]
    assert [_decimals(value) for value in reading.values()] <= [_decimals(value) for value in example.values()]
    assert b" " not in SENSORS.read(sensor, 0, 0)


def _decimals(value):
    return len(repr(value).partition(".")[2])


@pytest.mark.parametrize("sensor", MODELS)
def test_a_reading_hangs_on_seed_device_and_number_alone(sensor):
    assert SENSORS.read(sensor, 5, 70) == Sensors(7).read(sensor, 5, 70)
    first = readings(sensor)
    assert first not in (readings(sensor, seed=8), readings(sensor, index=4))
    assert len({str(reading) for reading in first}) > 10


@pytest.mark.parametrize(
    ("sensor", "key", "low", "high"),
    [
        ("temperature", "temperature", 10, 30),
        ("humidity", "humidity", 20, 80),
        ("battery", "mv", 2190, 3660),
        ("position", "lat", 63.2, 63.7),
        ("position", "lon", 9.9, 10.9),
        ("position", "speed", 0, 30),
    ],
)
def test_readings_stay_within_reason(sensor, key, low, high):
    for index in range(20):
        values = [reading[key] for reading in readings(sensor, index, 2 * DAY)]
        assert low <= min(values) < max(values) <= high


@pytest.mark.parametrize(("sensor", "key"), [("electricity", "wh"), ("water", "litres")])
def test_meters_never_count_down(sensor, key):
    for index in range(10):
        values = [reading[key] for reading in readings(sensor, index)]
        assert values == sorted(values)
        assert values[DAY] > values[0]
        assert values[0] >= 1000


def test_an_electricity_meter_counts_what_a_home_takes():
    for index in range(10):
        values = [reading["wh"] for reading in readings("electricity", index)]
        assert 150 * 24 * 0.9 < values[DAY] - values[0] < 900 * 24 * 1.1
        assert len(set(values)) > 0.95 * len(values)


def test_water_stands_still_at_night():
    for index in range(10):
        litres = [reading["litres"] for reading in readings("water", index)]
        assert litres[DAY - 6] == litres[DAY] == litres[DAY + 5 * 6]  # 23:00, 00:00, 05:00
        assert litres[DAY + 9 * 6] < litres[DAY + 18 * 6]


def test_days_are_warmer_than_nights_and_drier():
    for index in range(10):
        celsius = [reading["temperature"] for reading in readings("temperature", index)]
        percent = [reading["humidity"] for reading in readings("humidity", index)]
        afternoon, night = slice(14 * 6, 16 * 6), slice(2 * 6, 4 * 6)
        assert min(celsius[afternoon]) > max(celsius[night])
        assert max(percent[afternoon]) < min(percent[night])


def test_somebody_who_drives_gets_as_far_as_the_speed_says():
    for index in range(10):
        places = readings("position", index, DAY)
        for here, there in pairwise(places):
            metres = math.hypot(here["lat"] - there["lat"], (here["lon"] - there["lon"]) * math.cos(math.radians(63.4)))
            assert metres * 111_320 < 600 * 30


def test_a_cell_empties_slowly():
    for index in range(10):
        mv = [json.loads(SENSORS.read("battery", index, n))["mv"] for n in (0, 30 * DAY, 365 * DAY, 20 * 365 * DAY)]
        assert mv == sorted(mv, reverse=True)
        assert mv[0] - mv[1] < 200
        assert 2190 <= mv[3] <= 2210


def test_uploads_can_carry_them():
    plan = make_plan(loads("scenario: a\ndevices: {m: {count: 5}}\nsteps: [{upload: m}]"), seed=7)
    drawn = plan.payload(0, plan.members[4], 9, Payload(kind="sensor", sensor="water"))
    assert drawn == SENSORS.read("water", 4, 9)
