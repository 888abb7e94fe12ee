"""Who, when and with what: the same for the same seed, also for one subject alone."""

import subprocess
import sys
import timeit

import pytest

from simulator.errors import UsageError
from simulator.plan import make_plan
from simulator.scenario import loads
from simulator.scenario.model import Payload

TEXT = """\
scenario: a
seed: 7
collections: {north: }
devices: {meters: {count: 200, collection: north}, old: {transport: udp}}
steps:
  - {attach: meters, over: 10 min}
  - {upload: [old, 10 % of meters, meters.5-6], over: 1 min}
  - {upload: 5 % of meters}
  - {upload: 50 % of meters.10-19}
  - {wait: 1 s}
"""
SCENARIO = loads(TEXT)
ATTACH, UPLOAD, FEW, RANGE, WAIT = SCENARIO.steps


def test_members_are_named_and_numbered_in_the_order_of_the_file():
    plan = make_plan(SCENARIO)
    assert [member.name for member in plan.members[:2]] == ["meters.0", "meters.1"]
    assert plan.members[199].name == "meters.199"
    old = plan.members[200]
    assert (old.name, old.number, old.group.name, old.collection) == ("old", 0, "old", "")
    assert plan.members[3].collection == "north"


def test_no_two_members_are_alike():
    members = make_plan(SCENARIO).members
    for what in ("name", "index", "imsi", "imei", "ip"):
        assert len({getattr(member, what) for member in members}) == len(members)
    assert all(member.ip >> 22 == 0x7F400000 >> 22 for member in members)
    assert members[0].imei == "989999000000008"


def test_subjects_act_once_each_in_the_order_in_which_they_are_named():
    plan = make_plan(SCENARIO)
    acting = [member.name for member in plan.acting(UPLOAD)]
    assert acting[0] == "old"
    assert len(acting) == len(set(acting))
    assert {"meters.5", "meters.6"} <= set(acting)
    assert plan.acting(WAIT) == ()
    assert len(plan.acting(ATTACH)) == 200


def test_a_share_is_drawn_by_the_seed_and_stays():
    plan, again, other = make_plan(SCENARIO), make_plan(SCENARIO), make_plan(SCENARIO, seed=8)
    (share,) = (subject for subject in UPLOAD.subjects if subject.share)
    assert len(plan.names(share)) == 20
    assert plan.names(share) == again.names(share)
    assert plan.names(share) != other.names(share)
    numbers = [member.number for member in plan.subjects(share)]
    assert numbers == sorted(numbers)


def test_a_smaller_share_is_part_of_a_larger_one_and_never_nobody():
    plan = make_plan(SCENARIO)
    (few,) = FEW.subjects
    (more,) = (subject for subject in UPLOAD.subjects if subject.share)
    assert set(plan.names(few)) < set(plan.names(more))
    lonely = loads("scenario: a\ndevices: {m: {count: 3}}\nsteps: [{attach: 1 % of m}]")
    assert len(make_plan(lonely).acting(lonely.steps[0])) == 1


def test_a_share_of_a_range_stays_inside():
    plan = make_plan(SCENARIO)
    numbers = [member.number for member in plan.acting(RANGE)]
    assert len(numbers) == 5
    assert all(10 <= number <= 19 for number in numbers)


def test_starts_are_spread_evenly_from_the_beginning():
    plan = make_plan(SCENARIO)
    offsets = plan.start_offsets(ATTACH, 200)
    assert offsets[:3] == (0.0, 3.0, 6.0)
    assert offsets[-1] == 597.0
    assert set(plan.start_offsets(FEW)) == {0.0}
    with pytest.raises(ValueError, match="200 subjects start in this step, not 3"):
        plan.start_offsets(ATTACH, 3)


@pytest.mark.parametrize("seed", [None, 3])
def test_one_subject_alone_does_what_it_does_among_all(seed):
    whole, alone = make_plan(SCENARIO, seed=seed), make_plan(SCENARIO, seed=seed, only="meters.5")
    assert alone.names_by_group() == {"meters": ("meters.5",), "old": ()}
    assert len(alone.members) == len(whole.members)
    (member,) = alone.acting(UPLOAD)
    twin = next(other for other in whole.acting(UPLOAD) if other.name == "meters.5")
    assert (member.imsi, member.imei, member.ip) == (twin.imsi, twin.imei, twin.ip)
    index = whole.acting(UPLOAD).index(twin)
    assert alone.start_offsets(UPLOAD, 1) == (whole.start_offsets(UPLOAD)[index],)
    assert alone.payload(1, member, 4, None) == whole.payload(1, twin, 4, None)


def test_only_takes_groups_and_ranges_and_says_what_it_does_not_know():
    assert make_plan(SCENARIO, only="meters.0-9").names_by_group()["meters"] == tuple(f"meters.{n}" for n in range(10))
    assert make_plan(SCENARIO, only="old").names_by_group() == {"meters": (), "old": ("old",)}
    with pytest.raises(UsageError, match=r"--only: no group 'meter' \(did you mean 'meters'\?\)"):
        make_plan(SCENARIO, only="meter")
    with pytest.raises(UsageError, match=r"--only: there is no meters.200"):
        make_plan(SCENARIO, only="meters.200")


@pytest.mark.parametrize("size", [0, 1, 2, 24, 64, 65, 1000, 1 << 20])
def test_random_payloads_have_their_size_and_differ_by_seed_step_member_and_repetition(size):
    plan, other = make_plan(SCENARIO), make_plan(SCENARIO, seed=8)
    payload = Payload(kind="random", size_bytes=size)
    one, two = plan.members[:2]
    drawn = [
        plan.payload(0, one, 0, payload), plan.payload(1, one, 0, payload), plan.payload(0, two, 0, payload),
        plan.payload(0, one, 1, payload), other.payload(0, one, 0, payload),
    ]  # fmt: skip
    assert {len(content) for content in drawn} == {size}
    if size >= 24:
        assert len(set(drawn)) == 5
    assert plan.payload(0, one, 0, payload) == drawn[0]


def test_payloads_are_pinned():
    plan = make_plan(SCENARIO, seed=0)
    assert plan.payload(0, plan.members[0], 0, None).hex() == "eee8849ec52c8dd80dee73f5802f257fee929969e9bdda9b"


def test_other_payloads():
    plan = make_plan(SCENARIO)
    member = plan.members[12]
    assert plan.payload(0, member, 3, Payload(kind="bytes", content=b"x")) == b"x"
    template = Payload(kind="template", template="{{ device }} says {{ n }}, {{ device }}")
    assert plan.payload(0, member, 3, template) == b"meters.12 says 3, meters.12"


def test_a_plan_is_the_same_whatever_the_hash_seed():
    script = (
        "import sys; from simulator.scenario import loads; from simulator.plan import make_plan\n"
        "s = loads(sys.stdin.read()); p = make_plan(s)\n"
        "print([m.name for m in p.acting(s.steps[1])], [m.imsi for m in p.members])\n"
        "print(p.payload(1, p.members[3], 2, None))"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", script], input=TEXT, capture_output=True, text=True, check=True,
            env={"PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(outputs) == 1


def test_a_large_fleet_is_planned_in_reasonable_time():
    scenario = loads("scenario: a\ndevices: {m: {count: 20000}}\nsteps: [{attach: 10 % of m}]")
    assert timeit.timeit(lambda: make_plan(scenario).acting(scenario.steps[0]), number=1) < 5.0
