"""A rehearsal told line by line: the verbs, what is expected, what is held without being asked."""

from __future__ import annotations

import pytest

from simulator.errors import Place, ScenarioErrors, UsageError
from simulator.events.journal import Journal, decode_lines
from simulator.events.records import ActRecord, EventRecord
from simulator.run.live import ActFailed, NotHeld
from simulator.run.live.stage import About, rehearse_live

RERUN = "pytest test_it.py::test_it"


def play(tell, **about):
    """Act it out. Returns: how it ended, and the records."""
    lines = []
    about = {"promise": "a promise", "place": Place("test_it.py", 1), "rerun": RERUN} | about
    came = rehearse_live(About(**about), tell, Journal(lines.append))
    return came, list(decode_lines(lines))


def failed(came):
    return [judgement.check for judgement in came.verdicts.judgements if judgement.verdict != "pass"]


# --- verbs ------------------------------------------------------------------------------------------------------------


async def a_day(rehearsal):
    await rehearsal.collection("north", region="no")
    meter = await rehearsal.device(name="meter", link="lte-m", tags={"site": "roof"})
    await meter.attach()
    await meter.upload(b"22.5", path="up/here")
    await rehearsal.send(meter, b"hello")
    assert (await meter.poll()).payload == b"hello"
    assert meter.received == (b"hello",)
    await meter.update(tags={"site": "cellar"})
    await meter.move("north")
    await meter.link(loss="1 %", delay=1)
    await meter.upload("24 B", confirmable=False)
    await meter.reboot(abruptly=True)
    await meter.detach()
    await meter.power_off()
    await meter.power_on()
    await meter.freeze(lasting=60)
    await meter.upload(outcome="failed")
    await rehearsal.wait(60)
    await meter.upload({"sensor": "water"})
    await meter.remove()
    await meter.create()


def test_every_verb_of_a_file_is_one_of_a_device_and_nothing_is_amiss():
    came, records = play(a_day)
    assert failed(came) == []
    assert came.verdicts.verdict == "pass"
    acts = [record for record in records if isinstance(record, ActRecord) and record.phase == "ended"]
    assert [act.verb for act in acts] == [
        "create", "attach", "upload", "send", "poll", "update", "move", "link", "upload", "reboot", "detach",
        "power_off", "power_on", "freeze", "upload", "upload", "remove", "create",
    ]  # fmt: skip
    names = [record.name for record in records if isinstance(record, EventRecord)]
    assert names.count("upstreamMessage") == 3
    assert {"deviceMoved", "deviceUpdated", "deviceRemoved", "downstreamMessage"} <= set(names)


async def a_swap(rehearsal):
    old = await rehearsal.device(name="old", modem={"svn": 2})
    new = await rehearsal.device(name="new", sim="none", registered=False)
    chip = await rehearsal.device(name="chip", sim={"profiles": 2}, rat="lte-m", cell=7)
    copy = await rehearsal.device(name="copy", sim={"clone_of": old}, registered=False)
    await old.attach()
    await old.move_sim(new)
    await new.attach(outcome={"rejected": "IMEI mismatch"})
    await rehearsal.expect("imeiMismatch", of=old)
    await old.update(imsi="")
    await new.create()
    await new.attach()
    await new.upload(b"22.5")
    await new.swap_sims(with_=old)
    await new.attach(outcome="failed")
    await old.remove_sim(abruptly=False)
    await old.insert_sim("fresh")
    await old.update_modem(3)
    await old.roam(cell=8)
    await old.attach()
    await chip.attach()
    await chip.switch_profile(2, rollback=60)
    await rehearsal.expect("imsiMismatch", of=chip)
    await chip.cut_off()
    await chip.upload(outcome="failed")
    await copy.attach(outcome="rejected")


def test_sims_are_moved_as_in_a_file():
    came, records = play(a_swap, allow=("imeiMismatch",))
    assert failed(came) == []
    assert came.verdicts.verdict == "pass"
    details = [
        (act.verb, act.outcome, act.detail)
        for act in records
        if isinstance(act, ActRecord) and act.phase == "ended" and act.detail
    ]
    assert details == [
        ("attach", "rejected", "IMEI mismatch"),
        ("attach", "failed", "no SIM"),
        ("update_modem", "ok", "was not attached"),
        ("roam", "ok", "is not attached"),
        ("switch_profile", "ok", "profile 2: IMSI mismatch; back to profile 1"),
        ("upload", "failed", "not attached: the device has no address on the mobile network"),
        ("attach", "rejected", "IMEI mismatch"),
    ]


def test_the_same_seed_writes_the_same_journal():
    def journal(seed):
        lines = []
        about = About(promise="a", place=Place("a.py", 1), rerun="again", seed=seed)
        rehearse_live(about, a_day, Journal(lines.append))
        return b"".join(lines).partition(b"\n")[2]  # the first line tells the seed

    assert journal(7) == journal(7)
    assert journal(7) != journal(8)


def test_several_that_are_alike():
    async def tell(rehearsal):
        meters = await rehearsal.device(name="m", count=3, transport="udp")
        outcomes = await meters.attach(over=30)
        assert [outcome.word for outcome in outcomes] == ["ok"] * 3
        assert rehearsal.now == 20
        await meters[1].upload(b"1")
        await meters.upload(b"2", times=2, every="1 min")
        assert rehearsal.now == 80
        assert [device.name for device in meters] == ["m.0", "m.1", "m.2"]
        events = await rehearsal.expect("upstreamMessage", of=meters)
        assert [event.subject for event in events] == ["m.0", "m.1", "m.2"]
        with pytest.raises(IndexError, match="m has 3 devices, from 0"):
            meters[3]

    assert play(tell)[0].verdicts.verdict == "pass"


def test_devices_may_join_at_any_time_and_stay_who_they_are():
    async def tell(rehearsal):
        one = await rehearsal.device(name="one")
        await one.attach()
        two = await rehearsal.device(name="two", transport="udp", link="nb-iot-good")
        await two.attach()
        await one.upload(b"1")
        await two.upload(b"22")
        assert (await rehearsal.expect("upstreamMessage", of=one)).data["bytes"] == "1"
        assert (await rehearsal.expect("upstreamMessage", of=two, within_s=60)).data["bytes"] == "2"

    came, records = play(tell)
    assert came.verdicts.verdict == "pass"
    logins = {r.subject: r.data["imsi"] for r in records if isinstance(r, EventRecord) and r.name == "ciotConnect"}
    assert len(set(logins.values())) == 2


def test_an_act_that_comes_to_something_else_says_what_and_how_to_see_it_again():
    async def tell(rehearsal):
        meters = await rehearsal.device(name="m", count=5, registered=False)
        outcomes = await meters.attach(outcome="rejected")
        assert {outcome.word for outcome in outcomes} == {"rejected"}
        await meters.attach()

    with pytest.raises(ActFailed) as raised:
        play(tell)
    text = str(raised.value)
    assert text.splitlines()[0].endswith("m.0: attach came to rejected, not ok")
    assert "the device itself: rejected, " in text
    assert "5 of 5 acts, of m.0, m.1, m.2, …" in text
    assert f"again with: {RERUN}" in text
    assert f"{__file__.rpartition('/')[2]}:" in text
    assert len(raised.value.outcomes) == 5


@pytest.mark.parametrize(
    ("line", "mistake"),
    [
        pytest.param(lambda r: r.device(link="nb-iot-god"), "no link preset 'nb-iot-god' (did you mean", id="preset"),
        pytest.param(lambda r: r.device(colour="red"), "unknown key 'colour' in group device1", id="key"),
        pytest.param(lambda r: r.device(name="2"), "'2' cannot name a group", id="name"),
        pytest.param(lambda r: r.device(collection="south"), "no collection 'south'", id="collection"),
        pytest.param(lambda r: r.act("atach", "device1"), "no verb 'atach' (did you mean 'attach'?)", id="verb"),
        pytest.param(lambda r: r.act("attach", "x", within=5), "within is said otherwise here", id="within"),
        pytest.param(lambda r: r.act("attach", object()), "a object means nothing here", id="type"),
        pytest.param(lambda r: r.act("attach", "meter"), "no group 'meter'", id="group"),
    ],
)
def test_mistakes_read_as_those_of_a_file_and_show_the_line_of_the_test(line, mistake):
    async def tell(rehearsal):
        await line(rehearsal)

    with pytest.raises((ScenarioErrors, UsageError)) as raised:
        play(tell)
    assert mistake in str(raised.value)
    assert "test_live.py:" in str(raised.value)


def test_a_mistake_in_one_line_is_not_told_again_in_the_next():
    async def tell(rehearsal):
        with pytest.raises(ScenarioErrors):
            await rehearsal.device(name="meter", link="nb-iot-god")
        meter = await rehearsal.device(name="meter")
        with pytest.raises(ScenarioErrors, match="no event 'upstreamMesage'"):
            await rehearsal.expect("upstreamMesage", of=meter)
        with pytest.raises(UsageError, match="a second group 'meter'"):
            await rehearsal.device(name="meter")
        await meter.attach()

    assert play(tell)[0].verdicts.verdict == "pass"


# --- expectations -----------------------------------------------------------------------------------------------------


async def attached(rehearsal, **what):
    meter = await rehearsal.device(name="meter", **what)
    await meter.attach()
    return meter


def test_one_event_serves_one_expectation():
    async def tell(rehearsal):
        meter = await attached(rehearsal)
        await meter.upload(b"1")
        await rehearsal.expect("upstreamMessage", of=meter)
        await rehearsal.expect("upstreamMessage", of=meter)

    with pytest.raises(NotHeld) as raised:
        play(tell)
    lines = str(raised.value).splitlines()
    assert lines[0].startswith("FAIL  ")
    assert lines[0].endswith("meter sees upstreamMessage within 10 s")
    assert lines[1].startswith(
        "      waited 10.0 s from 0.0 s; nearest: 0.0 s upstreamMessage(bytes=1, transport=coap)"
    )
    assert lines[1].endswith(": another expectation has had it")
    assert lines[2] == "      the device itself: ok at 0.0 s (upload)"
    assert lines[3] == f"      again with: {RERUN}"


def test_an_event_that_comes_later_is_waited_for():
    async def tell(rehearsal):
        meter = await attached(rehearsal, transport="udp", link="nb-iot-good")
        await meter.upload(b"1")
        began_s = rehearsal.now
        event = await rehearsal.expect("upstreamMessage", of=meter, bytes="below 4", transport={"one_of": ["udp"]})
        assert began_s < event.rx_s == rehearsal.now < began_s + 10

    assert play(tell)[0].verdicts.verdict == "pass"


def test_conditions_are_those_of_a_file():
    async def tell(rehearsal):
        meter = await attached(rehearsal)
        await meter.upload(b"22.5")
        await rehearsal.expect("upstreamMessage", of=meter, within_s=120, bytes="below 4")

    with pytest.raises(NotHeld, match=r"upstreamMessage\(bytes below 4\) within 2 min\n.*: bytes is 4, not below 4"):
        play(tell)


@pytest.mark.parametrize("uploads_first", [True, False], ids=["before", "meanwhile"])
def test_never(uploads_first):
    async def tell(rehearsal):
        meter = await attached(rehearsal)
        await rehearsal.never("upstreamMessage", of=meter, within_s=30)
        assert rehearsal.now == 30
        if uploads_first:
            await meter.upload(b"1")
            await rehearsal.never("upstreamMessage", of=meter)
        else:
            watching = rehearsal.spawn(rehearsal.never("upstreamMessage", of=meter))
            await rehearsal.wait(5)
            await meter.upload(b"1")
            await watching

    with pytest.raises(NotHeld, match=r"meter never sees upstreamMessage\n +seen: 3[05]\.0 s upstreamMessage"):
        play(tell)


def test_of_must_be_a_device():
    async def tell(rehearsal):
        await rehearsal.expect("upstreamMessage", of="meter")

    with pytest.raises(UsageError, match="of='meter' is no device of this rehearsal"):
        play(tell)


# --- at the same time -------------------------------------------------------------------------------------------------


def test_a_blackout_lasts_as_long_as_it_says_and_an_upload_outlasts_it():
    async def tell(rehearsal):
        meter = await attached(rehearsal, link="nb-iot-good")
        async with rehearsal.blackout(meter, seconds=90):
            upload = rehearsal.spawn(meter.upload(b"22.5"))
            await rehearsal.wait(80)
            await rehearsal.never("upstreamMessage", of=meter, within_s=5)
        assert rehearsal.now == 90
        assert (await upload).word == "ok"
        event = await rehearsal.expect("upstreamMessage", of=meter)
        assert 90 < event.rx_s < 120

    assert play(tell)[0].verdicts.verdict == "pass"


def test_in_a_blackout_too_an_upload_that_shall_fail_is_one_attempt():
    async def tell(rehearsal):
        meter = await attached(rehearsal)
        async with rehearsal.blackout(meter, seconds=300):
            assert (await meter.upload(b"1", outcome="timeout")).transmissions == 5
            assert 62 <= rehearsal.now <= 93

    assert play(tell)[0].verdicts.verdict == "pass"


def test_without_a_blackout_an_upload_is_one_attempt():
    async def tell(rehearsal):
        meter = await attached(rehearsal)
        await meter.link(loss="100 %")
        assert (await meter.upload(b"1", outcome="timeout")).transmissions == 5
        assert 62 <= rehearsal.now <= 93

    assert play(tell)[0].verdicts.verdict == "pass"


def test_what_was_spawned_and_forgotten_comes_to_its_end_and_may_fail():
    async def tell(rehearsal):
        meter = await attached(rehearsal)
        rehearsal.spawn(rehearsal.expect("downstreamMessage", of=meter))

    with pytest.raises(NotHeld, match="meter sees downstreamMessage within 10 s"):
        play(tell)


def test_what_was_spawned_does_not_hide_why_the_test_failed():
    async def tell(rehearsal):
        meter = await attached(rehearsal)
        rehearsal.spawn(rehearsal.expect("downstreamMessage", of=meter))
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        play(tell)


# --- without being asked ----------------------------------------------------------------------------------------------


async def swapped(rehearsal):
    meter = await rehearsal.device(name="meter")
    await meter.update(imei="990000862471854")
    await meter.attach(outcome="rejected")
    return meter


def test_trouble_that_nobody_expected_fails():
    came, _ = play(swapped)
    (trouble,) = (judgement for judgement in came.verdicts.judgements if judgement.verdict == "fail")
    assert trouble.check == "trouble.imeiMismatch"
    assert trouble.details[-1].endswith(f"again with: {RERUN}")


def test_trouble_that_is_expected_or_allowed_does_not():
    async def tell(rehearsal):
        await rehearsal.expect("imeiMismatch", of=await swapped(rehearsal))

    assert play(tell)[0].verdicts.verdict == "pass"
    assert play(swapped, allow=("imeiMismatch",))[0].verdicts.verdict == "pass"


@pytest.mark.parametrize("fault", ["doubled", "missing"])
def test_invariants_are_held(fault):
    async def tell(rehearsal):
        meter = await attached(rehearsal)
        await rehearsal.misbehave(f"upstreamMessage-{fault}")
        await meter.upload(b"1")

    came, _ = play(tell)
    assert failed(came) == ["invariant.upload-once"]
    (judgement,) = (judgement for judgement in came.verdicts.judgements if judgement.verdict == "fail")
    assert judgement.cases == 1
    assert judgement.details[-1].endswith(f"again with: {RERUN}")


def test_the_platform_may_restart():
    async def tell(rehearsal):
        meter = await attached(rehearsal)
        await rehearsal.restart(lasting=5)
        assert rehearsal.now == 5
        await meter.upload(b"1")
        await rehearsal.expect("upstreamMessage", of=meter)

    assert play(tell)[0].verdicts.verdict == "pass"


@pytest.mark.real
def test_real_time():
    async def tell(rehearsal):
        meter = await attached(rehearsal)
        late = await rehearsal.device(name="late", transport="udp")
        await late.attach()
        seen = rehearsal.spawn(rehearsal.expect("upstreamMessage", of=late))
        await meter.upload(b"1")
        await late.upload(b"2")
        await seen
        await rehearsal.expect("upstreamMessage", of=meter)

    came, _ = play(tell, time="real")
    assert came.verdicts.verdict == "pass"
