"""Links against the check values of mobile-network §6.2 and §6.4.

Seeds are fixed, so nothing here fails by chance; the tolerances are five standard deviations of what is estimated
(`abs=` where the sheet gives digits only), so they would catch a wrong formula and not a new seed.
"""

import os
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from math import exp, sqrt
from statistics import quantiles

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator import words
from simulator.errors import LocalError
from simulator.scenario.model import LinkChange
from simulator.wire.link import LinkCounts, Links
from simulator.wire.presets import DIRECTED, KEYS, MAX_DATAGRAM, PRESETS, QUEUE_LIMIT, Direction, LinkProfile, preset

IP = 0x7F400005


def links(up, seed=1, **whole):
    """Links on which everybody has this way up, and the same down."""
    return Links(seed, LinkProfile(name="test", up=up, down=up, **whole))


def send(links, n, size=32, gap_s=1.0, start=0.0, ip=IP, up=True):
    """The fates of n datagrams, sent at an even pace."""
    return [links.fates(ip, up, size, start + i * gap_s) for i in range(n)]


def change(key, up, down=None):
    return LinkChange(key=key, up=up, down=down)


def shares(fates):
    """Share lost, and mean run of losses."""
    lost = [not fate for fate in fates]
    runs = sum(a and not b for a, b in zip(lost, [*lost[1:], False], strict=True))
    return sum(lost) / len(lost), sum(lost) / max(1, runs)


# --- loss (§6.2) ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.01, 0.05, 0.3])
def test_independent_loss_has_its_share_and_runs(share):
    n = 100_000
    lost, run = shares(send(links(Direction(loss_g=share)), n))
    assert lost == pytest.approx(share, abs=5 * sqrt(share * (1 - share) / n))
    assert run == pytest.approx(1 / (1 - share), rel=0.03)


@pytest.mark.parametrize(
    ("p", "r", "g", "b", "loss", "run"),
    [
        (0.005, 0.25, 0.0, 1.0, 0.01961, 4.0),
        (0.01, 0.2, 0.005, 0.6, 0.03333, 1.706),
        (0.02, 0.1, 0.02, 0.5, 0.1, 1.617),
    ],
)
def test_bursts_have_the_share_and_the_runs_of_the_sheet(p, r, g, b, loss, run):
    way = Direction(loss_p=p, loss_r=r, loss_g=g, loss_b=b)
    n = 300_000
    lost, mean_run = shares(send(links(way), n))
    # Losses in bursts: the count varies as if there were n·(1−λ)/(1+λ) independent packets, λ = 1 − p − r.
    deviation = sqrt(loss * (1 - loss) / n * (2 - p - r) / (p + r))
    assert way.loss == pytest.approx(loss, abs=5e-6)
    assert lost == pytest.approx(loss, abs=5 * deviation)
    assert mean_run == pytest.approx(run, rel=0.05)


def test_a_simple_bad_state_makes_losses_depend_on_their_neighbours():
    """Gilbert: lag-1 correlation 1 − p − r."""
    p, r, n = 0.05, 0.25, 200_000
    lost = [not fate for fate in send(links(Direction(loss_p=p, loss_r=r, loss_b=1.0)), n)]
    share = sum(lost) / n
    both = sum(a and b for a, b in pairwise(lost)) / (n - 1)
    assert (both - share * share) / (share * (1 - share)) == pytest.approx(1 - p - r, abs=0.02)


def test_loss_has_its_share_from_the_first_datagram_on():
    way = Direction(loss_p=0.03, loss_r=0.27, loss_b=1.0)
    devices = links(way)
    lost = sum(not devices.fates(ip, True, 32, 0.0) for ip in range(20_000)) / 20_000
    assert lost == pytest.approx(0.1, abs=5 * sqrt(0.09 / 20_000))


@pytest.mark.parametrize(("name", "mean"), [
    ("perfect", 0.0), ("wifi", 0.00495), ("lte-m", 0.0099), ("nb-iot-good", 0.0099), ("nb-iot-ce1", 0.0294),
    ("nb-iot-ce2", 0.1), ("ntn-geo", 0.0476), ("ntn-leo", 0.091),
])  # fmt: skip
def test_presets_lose_what_the_sheet_says(name, mean):
    assert PRESETS[name].up.loss == pytest.approx(mean, abs=10e-5)
    assert PRESETS[name].down.loss == PRESETS[name].up.loss


# --- delay (§6.2, §6.4) -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("median", "sigma", "mean", "p95", "p99"),
    [(0.4, 0.5, 0.4533, 0.9104, 1.28), (1.2, 0.6, 1.4367, 3.2196, 4.8457), (4.0, 0.7, 5.1105, 12.6508, 20.3831),
     (0.06, 0.3, 0.0628, 0.0983, 0.1206)],
)  # fmt: skip
def test_lognormal_delays_have_the_quantiles_of_the_sheet(median, sigma, mean, p95, p99):
    n = 40_000
    delays = [
        fate[0] - i * 1000.0
        for i, fate in enumerate(send(links(Direction(delay_s=median, sigma=sigma)), n, gap_s=1000.0))
    ]
    cut = quantiles(delays, n=100)
    deviation = mean * sqrt(exp(sigma**2) - 1)
    assert sum(delays) / n == pytest.approx(mean, abs=5 * deviation / sqrt(n))
    assert (cut[49], cut[94], cut[98]) == (
        pytest.approx(median, rel=0.02),
        pytest.approx(p95, rel=0.03),
        pytest.approx(p99, rel=0.05),
    )


def test_a_delay_without_spread_is_constant():
    assert send(links(Direction(delay_s=0.25)), 3) == [(0.25,), (1.25,), (2.25,)]


def test_a_normal_delay_is_cut_at_zero():
    arrivals = send(links(Direction(delay_s=0.01, sigma=0.1, shape="normal")), 1000, gap_s=10.0)
    delays = [fate[0] - 10.0 * i for i, fate in enumerate(arrivals)]
    assert min(delays) == 0.0
    assert max(delays) > 0.2


@pytest.mark.parametrize(
    ("shape", "share"), [("exponential", 0.3033), ("normal", 0.3618)], ids=["mean 100 ms", "deviation 100 ms"]
)
def test_neighbours_overtake_as_often_as_the_sheet_says(shape, share):
    """Δ = 50 ms. The normal delay's mean is far from 0, so that the cut does not matter."""
    way = Direction(delay_s=10.0, sigma=0.1, shape=shape, fifo=False)
    n = 50_000
    arrivals = [fate[0] for fate in send(links(way), n, gap_s=0.05)]
    overtaken = sum(b < a for a, b in zip(arrivals[::2], arrivals[1::2], strict=True)) / (n / 2)
    assert overtaken == pytest.approx(share, abs=5 * sqrt(share * (1 - share) / (n / 2)))


def test_in_order_nobody_overtakes():
    arrivals = [fate[0] for fate in send(links(Direction(delay_s=1.0, sigma=0.8)), 5000, gap_s=0.05)]
    assert arrivals == sorted(arrivals)


# --- the other stages (§6.2) ------------------------------------------------------------------------------------------


def test_duplicates_come_as_often_as_asked_for_each_with_its_own_delay():
    n, share = 50_000, 0.05
    fates = send(links(Direction(duplicate=share, delay_s=0.1, sigma=0.5, fifo=False)), n, gap_s=100.0)
    twice = [fate for fate in fates if len(fate) == 2]
    assert sum(map(len, fates)) / n == pytest.approx(1 + share, abs=5 * sqrt(share * (1 - share) / n))
    assert all(a != b for a, b in twice)
    assert 0.4 < sum(b < a for a, b in twice) / len(twice) < 0.6


@pytest.mark.parametrize(("rate", "size", "share"), [(1e-5, 512, 0.04013), (1e-6, 100, 0.0008)])
def test_long_datagrams_are_damaged_more_often(rate, size, share):
    n = 300_000
    world = links(Direction(corrupt=rate))
    lost, _ = shares(send(world, n, size=size))
    assert lost == pytest.approx(share, abs=5 * sqrt(share / n))
    assert world.up_counts.corrupted == round(lost * n)


def test_a_hundred_octets_at_20_kbit_s_take_40_ms_one_after_the_other():
    fates = send(links(Direction(rate_bps=20_000.0)), 3, size=100, gap_s=0.0)
    assert fates == [(pytest.approx(0.04),), (pytest.approx(0.08),), (pytest.approx(0.12),)]


def test_the_queue_in_front_of_a_rate_is_bounded():
    world = links(Direction(rate_bps=8.0, queue=2))
    assert [len(fate) for fate in send(world, 5, size=1, gap_s=0.0)] == [1, 1, 1, 0, 0]  # one on the air, two wait
    assert world.up_counts.queue == 2
    assert world.fates(IP, True, 1, 1.0) == (4.0,)


@pytest.mark.parametrize(("half_duplex", "down_at"), [(True, 0.08), (False, 0.04)])
def test_half_duplex_is_one_direction_at_a_time(half_duplex, down_at):
    world = links(Direction(rate_bps=20_000.0), half_duplex=half_duplex)
    assert world.fates(IP, True, 100, 0.0) == (pytest.approx(0.04),)
    assert world.fates(IP, False, 100, 0.0) == (pytest.approx(down_at),)


def test_what_is_too_long_is_dropped_and_counted():
    world = links(Direction(mtu=512))
    assert (world.fates(IP, True, 512, 0.0), world.fates(IP, True, 513, 0.0)) == ((0.0,), ())
    assert world.up_counts == LinkCounts(mtu=1)


def test_in_pieces_the_loss_of_one_loses_all():
    """1 200 octets, mtu 512: three pieces."""
    n, share = 50_000, 0.05
    lost, _ = shares(send(links(Direction(mtu=512, fragment=True, loss_g=share)), n, size=1200))
    expected = 1 - (1 - share) ** 3
    assert lost == pytest.approx(expected, abs=5 * sqrt(expected * (1 - expected) / n))


def test_a_low_orbit_satellite_is_in_sight_for_8_minutes_of_96():
    leo = PRESETS["ntn-leo"]
    world = Links(1, LinkProfile(name="passes", pass_s=leo.pass_s, period_s=leo.period_s))
    fates = send(world, 10 * 96 * 6, gap_s=10.0)
    assert sum(map(bool, fates)) / len(fates) == pytest.approx(8 / 96)
    assert [bool(world.fates(IP, True, 1, t)) for t in (57_600.0, 58_079.9, 58_080.0, 63_359.9, 63_360.0)] == [
        True, True, False, False, True,
    ]  # fmt: skip
    assert world.up_counts.blackout == 10 * 88 * 6 + 2


def test_what_finds_no_satellite_is_not_counted_as_a_chance_to_be_lost():
    n, share = 40_000, 0.05
    world = links(Direction(loss_g=share), pass_s=1.0, period_s=10.0)
    send(world, n)
    seen = n / 10
    assert world.up_counts.blackout == n - seen
    assert world.up_counts.lost / seen == pytest.approx(share, abs=5 * sqrt(share * (1 - share) / seen))


# --- the radio (§6.3) -------------------------------------------------------------------------------------------------


def test_the_first_datagram_after_a_rest_waits_and_the_others_do_not():
    world = links(Direction(delay_s=0.1), wake_s=3.0, tail_s=10.0)
    assert world.fates(IP, True, 1, 0.0) == (pytest.approx(3.1),)
    assert world.fates(IP, True, 1, 1.0) == (pytest.approx(3.1),), "waits with the first"
    assert world.fates(IP, True, 1, 12.9) == (pytest.approx(13.0),), "inside the tail, which begins again"
    assert world.fates(IP, False, 1, 22.8) == (pytest.approx(22.9),), "both directions hold the connection"
    assert world.fates(IP, True, 1, 32.9) == (pytest.approx(36.0),), "asleep again"


def test_wake_ups_are_lognormal():
    world = links(Direction(), wake_s=4.0, wake_sigma=0.5, tail_s=1.0)
    n = 10_000
    waits = [fate[0] - 1000.0 * i for i, fate in enumerate(send(world, n, gap_s=1000.0))]
    cut = quantiles(waits, n=100)
    assert (cut[49], cut[94]) == (pytest.approx(4.0, rel=0.03), pytest.approx(4.0 * exp(1.6449 * 0.5), rel=0.04))


def test_a_lost_datagram_has_woken_the_radio_one_without_a_satellite_has_not():
    woken = links(Direction(loss_g=1.0), wake_s=3.0, tail_s=10.0)
    assert woken.fates(IP, True, 1, 0.0) == ()
    woken.set(IP, LinkProfile(wake_s=3.0, tail_s=10.0))
    assert woken.fates(IP, True, 1, 5.0) == (5.0,)
    hidden = links(Direction(), wake_s=3.0, tail_s=1e6, pass_s=1.0, period_s=100.0)
    assert hidden.fates(IP, True, 1, 50.0) == ()
    assert hidden.fates(IP, True, 1, 100.0) == (103.0,)


def test_after_a_day_of_sleep_the_first_timeout_nearly_always_fires():
    """§4.2: 89 of 91 daily exchanges needed a retransmission; the first timeout is 2…3 s, the wake-up takes 4."""
    world = Links(7, PRESETS["nb-iot-ce1"])
    late = 0
    for day in range(91):
        answers = world.fates(IP, True, 100, day * 86_400.0)
        late += not answers or answers[0] - day * 86_400.0 > 2.5
    assert late >= 82


# --- whose random numbers ---------------------------------------------------------------------------------------------


def test_the_same_seed_and_name_have_the_same_fates_whatever_the_address_and_the_others():
    alone, crowd = Links(7, PRESETS["wifi"]), Links(7, PRESETS["wifi"])
    alone.names(1, "meters.3")
    crowd.names(99, "meters.3")
    expected = send(alone, 2000, ip=1)
    seen = []
    for i in range(2000):
        crowd.fates(1000 + i % 7, True, 32, float(i))
        seen.append(crowd.fates(99, True, 32, float(i)))
        crowd.fates(99, False, 32, float(i))
    assert seen == expected


@pytest.mark.parametrize("other", [Links(8, PRESETS["wifi"]), Links(7, PRESETS["wifi"])], ids=["seed", "name"])
def test_another_seed_or_name_has_other_fates(other):
    mine = Links(7, PRESETS["wifi"])
    mine.names(IP, "meters.3")
    if other._seed == 7:
        other.names(IP, "meters.4")
    else:
        other.names(IP, "meters.3")
    assert send(mine, 100) != send(other, 100)
    assert send(mine, 100, start=1000.0) != send(mine, 100, start=1000.0, up=False)


BASE = replace(PRESETS["wifi"].up, corrupt=1e-5, fifo=False)


@pytest.mark.parametrize(
    "off", [{"corrupt": 0.0}, {"duplicate": 0.0}, {"delay_s": 0.0, "sigma": 0.0}, {"rate_bps": float("inf")}]
)
def test_switching_a_stage_does_not_change_the_draws_of_the_others(off):
    """What is lost stays the same, and so does the delay of what arrives under both."""
    n = 5000
    with_it, without = (links(way) for way in (BASE, replace(BASE, **off)))
    a, b = send(with_it, n, gap_s=10.0), send(without, n, gap_s=10.0)
    if "corrupt" not in off:
        assert [bool(fate) for fate in a] == [bool(fate) for fate in b]
        if "delay_s" in off or "duplicate" not in off:
            assert [len(fate) for fate in a] == [len(fate) for fate in b]
    assert with_it.up_counts.lost == without.up_counts.lost
    if "delay_s" not in off:
        shift = 0.0 if "rate_bps" not in off else 8 * 32 / BASE.rate_bps
        both = [(x[0], y[0] + shift) for x, y in zip(a, b, strict=True) if x and y]
        assert all(x == pytest.approx(y, abs=1e-9) for x, y in both)


def test_a_link_that_loses_has_the_delays_of_one_that_does_not():
    quiet, lossy = links(Direction(delay_s=1.0, sigma=0.5)), links(Direction(delay_s=1.0, sigma=0.5, loss_g=0.3))
    pairs = zip(send(quiet, 1000, gap_s=100.0), send(lossy, 1000, gap_s=100.0), strict=True)
    assert all(fate in ((), whole) for whole, fate in pairs)


def test_the_trace_does_not_depend_on_the_hash_seed():
    code = (
        "from simulator.wire.link import Links\n"
        "from simulator.wire.presets import PRESETS\n"
        "for name, profile in PRESETS.items():\n"
        "    links = Links(7, profile)\n"
        "    links.names(5, 'meters.3')\n"
        "    print(name, [links.fates(5, i % 3 > 0, 40, i * 0.7) for i in range(300)])\n"
    )
    said = {
        subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True,
                       text=True, check=True).stdout
        for seed in ("0", "1", "4711")
    }  # fmt: skip
    assert len(said) == 1
    assert said.pop()


# --- changes during the run -------------------------------------------------------------------------------------------


def test_a_link_may_change_at_any_time_for_one_device_alone():
    world = Links(1)
    assert world.fates(1, True, 10, 0.0) == (0.0,)
    world.set(1, preset("perfect", [change("loss", 1.0, 0.0)]))
    assert (world.fates(1, True, 10, 1.0), world.fates(1, False, 10, 1.0), world.fates(2, True, 10, 1.0)) == (
        (),
        (1.0,),
        (1.0,),
    )
    world.set(1, PRESETS["perfect"])
    assert world.fates(1, True, 10, 2.0) == (2.0,)
    assert (world.profile(1).name, world.profile(2).name) == ("perfect", "perfect")


def test_nobody_overtakes_what_is_still_on_its_way_when_a_link_gets_better():
    world = links(Direction(delay_s=10.0))
    assert world.fates(IP, True, 10, 0.0) == (10.0,)
    world.set(IP, PRESETS["perfect"])
    assert [world.fates(IP, True, 10, t) for t in (1.0, 12.0)] == [(10.0,), (12.0,)]


def test_a_change_leaves_the_other_stages_where_they_are():
    way = Direction(loss_p=0.05, loss_r=0.2, loss_b=1.0)
    steady, changed = links(way), links(way)
    before = send(steady, 100), send(changed, 100)
    changed.set(IP, changed.profile(IP).changed([change("delay", 5.0)]))
    after = send(steady, 400, start=100.0), send(changed, 400, start=100.0)
    assert before[0] == before[1]
    assert [bool(fate) for fate in after[0]] == [bool(fate) for fate in after[1]]


def test_switching_loss_off_and_on_again_does_not_repeat_what_was_lost():
    world, lossy = links(Direction(loss_g=0.5)), LinkProfile(up=Direction(loss_g=0.5))
    first = send(world, 200)
    world.set(IP, LinkProfile())
    world.fates(IP, True, 1, 200.0)
    world.set(IP, lossy)
    again = send(world, 200, start=201.0)
    assert [bool(fate) for fate in first] != [bool(fate) for fate in again]


def test_members_of_a_group_share_their_profile():
    world = Links(1)
    for ip in range(3):
        world.set(ip, preset("wifi", [change("loss", 0.5)]))
    assert world.profile(0) is world.profile(1) is world.profile(2)


def test_who_gets_an_address_later_begins_anew():
    world, fresh = Links(7, PRESETS["wifi"]), Links(7, PRESETS["wifi"])
    world.names(IP, "a")
    send(world, 100)
    world.names(IP, "b")
    fresh.names(IP, "b")
    assert send(world, 100, start=500.0) == send(fresh, 100, start=500.0)


# --- profiles ---------------------------------------------------------------------------------------------------------


def test_presets_and_keys_are_those_that_files_may_use():
    assert set(PRESETS) == set(words.LINK_PRESETS)
    assert set(KEYS) == set(words.LINK_KEYS)
    assert {key for key, word in words.LINK_KEYS.items() if word.both_ways} == set(DIRECTED)


@pytest.mark.parametrize(
    ("name", "delay", "wake", "tail", "rates", "loss", "duplicate", "mtu", "fifo", "nat"),
    [
        ("perfect", (0, 0), (0, 0), 0, (None, None), (0, 1, 1), 0, 65507, True, None),
        ("wifi", (0.004, 0.6), (0, 0), 0, (20e6, 20e6), (0.004, 0.4, 0.5), 0.001, 1500, False, 120),
        ("lte-m", (0.06, 0.3), (1.2, 0.4), 12, (375e3, 300e3), (0.004, 0.4, 1), 0.001, 1358, True, None),
        ("nb-iot-good", (0.4, 0.5), (2.0, 0.4), 10, (20e3, 20e3), (0.005, 0.5, 1), 0.001, 1358, True, None),
        ("nb-iot-ce1", (1.2, 0.6), (4.0, 0.5), 15, (5e3, 4e3), (0.01, 0.33, 1), 0.002, 1358, True, None),
        ("nb-iot-ce2", (4.0, 0.7), (9.0, 0.6), 20, (300, 400), (0.03, 0.27, 1), 0.005, 1358, True, None),
        ("ntn-geo", (0.6, 0.25), (6.0, 0.4), 20, (5e3, 20e3), (0.01, 0.2, 1), 0.001, 1358, True, None),
        ("ntn-leo", (0.08, 0.4), (4.0, 0.5), 10, (10e3, 20e3), (0.02, 0.2, 1), 0.001, 1358, True, None),
    ],
)
def test_presets_are_the_rows_of_the_sheet(name, delay, wake, tail, rates, loss, duplicate, mtu, fifo, nat):
    profile = PRESETS[name]
    for way, rate in ((profile.up, rates[0]), (profile.down, rates[1])):
        assert (way.delay_s, way.sigma) == delay
        assert way.rate_bps == (float("inf") if rate is None else pytest.approx(rate))
        assert (way.loss_p, way.loss_r, way.loss_b, way.loss_g) == (*loss, 0)
        assert (way.duplicate, way.mtu, way.fifo, way.corrupt) == (duplicate, mtu, fifo, 0)
        assert way.queue == QUEUE_LIMIT
    assert (profile.wake_s, profile.wake_sigma, profile.tail_s, profile.nat_s) == (*wake, tail, nat)
    assert profile.half_duplex == (name not in ("perfect", "wifi"))
    assert (profile.pass_s, profile.period_s) == ((480, 5760) if name == "ntn-leo" else (0, 0))
    assert profile.perfect == (name == "perfect")


@pytest.mark.parametrize("key", sorted(DIRECTED))
def test_a_change_concerns_the_direction_that_it_names(key):
    before = PRESETS["nb-iot-ce1"]
    after = before.changed([change(key, 1.0 if key != "loss_b" else 0.5, None)])
    assert after.up != before.up
    assert after.down == before.down
    assert before.changed([change(key, None, None)]) == before


@pytest.mark.parametrize(
    ("key", "value", "field"),
    [
        ("wake", 3.0, "wake_s"),
        ("wake_sigma", 0.1, "wake_sigma"),
        ("tail", 5.0, "tail_s"),
        ("half_duplex", 0.0, "half_duplex"),
    ],
)
def test_what_has_no_direction_takes_either(key, value, field):
    for one in (change(key, value, None), change(key, None, value), change(key, value, 9.0)):
        assert getattr(PRESETS["nb-iot-ce1"].changed([one]), field) == value


def test_independent_loss_takes_the_place_of_bursts():
    up = preset("nb-iot-ce1", [change("loss", 0.25)]).up
    assert (up.loss_p, up.loss_g, up.loss) == (0.0, 0.25, 0.25)


@pytest.mark.parametrize(
    ("key", "value"),
    [("loss", 1.1), ("loss", -0.1), ("loss", float("nan")), ("rate", 0.0), ("mtu", MAX_DATAGRAM + 1.0), ("queue", 0.0),
     ("delay", -1.0), ("half_duplex", 2.0), ("los", 0.1)],
)  # fmt: skip
def test_a_change_that_cannot_be_is_refused_with_what_can(key, value):
    with pytest.raises(LocalError, match=r"goes from|known: loss"):
        preset("perfect", [change(key, value, value)])


def test_an_unknown_preset_is_refused_with_the_known_ones():
    with pytest.raises(LocalError, match=r"no link preset 'nbiot'.*nb-iot-good"):
        preset("nbiot")


# --- any link at all --------------------------------------------------------------------------------------------------

SHARE = st.floats(0.0, 1.0)
WAYS = st.builds(
    Direction,
    delay_s=st.floats(0.0, 100.0),
    sigma=st.floats(0.0, 3.0),
    shape=st.sampled_from(["lognormal", "normal", "exponential"]),
    fifo=st.booleans(),
    rate_bps=st.one_of(st.just(float("inf")), st.floats(1e-3, 1e9)),
    queue=st.integers(1, 5),
    loss_p=SHARE,
    loss_r=SHARE,
    loss_b=SHARE,
    loss_g=SHARE,
    duplicate=SHARE,
    corrupt=SHARE,
    mtu=st.integers(1, 2000),
    fragment=st.booleans(),
)
PROFILES = st.builds(
    LinkProfile, up=WAYS, down=WAYS, half_duplex=st.booleans(), wake_s=st.floats(0.0, 100.0),
    wake_sigma=st.floats(0.0, 3.0), tail_s=st.floats(0.0, 100.0),
    pass_s=st.floats(1.0, 50.0), period_s=st.floats(50.0, 100.0),
)  # fmt: skip


@given(
    st.lists(PROFILES, min_size=1, max_size=3),
    st.lists(st.tuples(st.booleans(), st.integers(0, 3000), st.floats(0.0, 50.0), st.integers(0, 9)), max_size=40),
)
def test_no_link_brings_anything_before_it_was_sent_or_out_of_order(profiles, sends):
    world, now, last = Links(1, profiles[0]), 0.0, {True: 0.0, False: 0.0}
    for up, size, gap, switch in sends:
        now += gap
        if switch < len(profiles):
            world.set(IP, profiles[switch])
        fates = world.fates(IP, up, size, now)
        assert len(fates) <= 2
        assert all(arrival >= now for arrival in fates)
        way = world.profile(IP).up if up else world.profile(IP).down
        if fates and way.fifo:
            assert min(fates) >= last[up]
        last[up] = max(last[up], *fates) if fates else last[up]


# --- dark -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("profile", [PRESETS["perfect"], PRESETS["nb-iot-ce1"]], ids=lambda profile: profile.name)
def test_nothing_passes_a_dark_link_and_afterwards_it_goes_on_as_it_would_have(profile):
    whole, interrupted = Links(1), Links(1)
    for each in (whole, interrupted):
        each.set(IP, profile)
    expected = send(whole, 30) + send(whole, 30, start=1000.0)
    first = send(interrupted, 30)
    interrupted.set(IP, replace(profile, dark=True))
    assert send(interrupted, 30, start=500.0) == send(interrupted, 30, start=500.0, up=False) == [()] * 30
    assert interrupted.up_counts.blackout == interrupted.down_counts.blackout == 30
    interrupted.set(IP, profile)
    assert first + send(interrupted, 30, start=1000.0) == expected


def test_a_dark_link_is_not_perfect():
    assert not replace(PRESETS["perfect"], dark=True).perfect


def test_links_stay_with_their_devices_when_addresses_change():
    lossy = preset("perfect", [change("loss", 0.5)])
    there, stayed = Links(7), Links(7)
    for links in (there, stayed):
        links.names(IP, "a")
        links.set(IP, lossy)
    before = [there.fates(IP, True, 20, 0.0) for _ in range(50)]
    assert before == [stayed.fates(IP, True, 20, 0.0) for _ in range(50)]
    there.swap(IP, IP + 1)
    assert there.profile(IP + 1) == lossy
    assert there.profile(IP).perfect
    assert [there.fates(IP, True, 20, 1.0) for _ in range(50)] == [(1.0,)] * 50
    after = [there.fates(IP + 1, True, 20, 1.0) for _ in range(50)]  # the same draws go on
    assert after == [stayed.fates(IP, True, 20, 1.0) for _ in range(50)]
    assert () in after
    there.swap(IP + 1, IP)
    assert there.profile(IP) == lossy
    there.swap(IP, IP + 77)
    assert (there.profile(IP).perfect, there.profile(IP + 77)) == (True, lossy)
