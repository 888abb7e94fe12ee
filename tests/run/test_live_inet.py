"""Internet devices in a rehearsal that is told line by line."""

from __future__ import annotations

import pytest

from simulator.errors import Place, ScenarioErrors
from simulator.events.journal import Journal, decode_lines
from simulator.events.records import ActRecord
from simulator.run.live import ActFailed
from simulator.run.live.stage import About, rehearse_live


def play(tell):
    """Act it out. Returns: what the judge says, and the acts that have ended."""
    lines = []
    about = About(promise="a promise", place=Place("test_it.py", 1), rerun="pytest test_it.py")
    came = rehearse_live(about, tell, Journal(lines.append))
    records = decode_lines(lines)
    return came.verdicts, [record for record in records if isinstance(record, ActRecord) and record.phase == "ended"]


async def a_day(rehearsal):
    meter = await rehearsal.device(name="meter", network="inet", connection={"close_after": 300, "timeout": 2})
    raw = await rehearsal.device(name="raw", network="inet", transport="dtls", clock={"fast": 60})
    thief = await rehearsal.device(name="thief", network="inet", certificate={"of": meter})
    late = await rehearsal.device(name="late", network="inet", certificate="expired")
    group = {group.name: group for group in rehearsal.groups}
    assert (group["meter"].connection.close_after_s, group["meter"].connection.first_timeout_s) == (300, 2)
    assert (group["raw"].clock.offset_s, group["thief"].certificate.of.group) == (60, "meter")
    await meter.connect()
    await rehearsal.expect("clientConnected", of=meter, id="certificate")
    await raw.upload(b"22.5")
    await rehearsal.expect("upstreamMessage", of=raw, bytes=4, transport="dtls")
    await raw.vanish()
    await raw.connect(resume=False)
    await raw.rebind_nat()
    await raw.set_clock(slow=3600)
    await raw.set_clock()
    await meter.upload_blob(b"x" * 3000, path="a/b.jpg", content_type="image/jpeg")
    await rehearsal.expect("blobUpload", of=meter, bytes=3000, contentType="image/jpeg")
    await meter.renew_certificate()
    await meter.disconnect()
    await rehearsal.expect("clientDisconnected", of=meter)
    await thief.connect()
    await rehearsal.expect("clientConnected", of=meter)
    await late.connect(outcome={"rejected": "certificate expired"})


def test_the_verbs_of_internet_devices():
    verdicts, acts = play(a_day)
    assert [one.headline for one in verdicts.judgements if one.verdict != "pass"] == []
    assert [act.verb for act in acts] == [
        "create", "create", "create", "create", "connect", "upload", "vanish", "connect", "rebind_nat", "set_clock",
        "set_clock", "upload_blob", "renew_certificate", "disconnect", "connect", "connect",
    ]  # fmt: skip


async def a_misunderstanding(rehearsal):
    meter = await rehearsal.device(name="meter", network="inet")
    with pytest.raises(ScenarioErrors, match="attach is of the mobile network, and meter is on the Internet"):
        await meter.attach()
    with pytest.raises(ScenarioErrors, match="no group 'nobody'"):
        await rehearsal.device(name="copy", network="inet", certificate={"of": "nobody"})
    with pytest.raises(ScenarioErrors, match="sim is of the mobile network"):
        await rehearsal.device(name="copy", network="inet", sim="none")
    with pytest.raises(ScenarioErrors, match="no clientConnected of meter ever has id 'ip'"):
        await rehearsal.never("clientConnected", of=meter, id="ip")
    with pytest.raises(ScenarioErrors, match="no ciotConnect ever comes of meter"):
        await rehearsal.expect("ciotConnect", of=meter)
    await rehearsal.never("ciotConnect", of=meter, within_s=1)
    late = await rehearsal.device(name="copy", network="inet", certificate="early")
    with pytest.raises(ActFailed, match="copy: connect came to rejected, not ok"):
        await late.connect()
    await meter.upload()


def test_what_cannot_be_is_refused_in_the_words_of_files_and_what_was_refused_leaves_nothing_behind():
    _, acts = play(a_misunderstanding)
    assert [(act.subject, act.verb, act.outcome) for act in acts] == [
        ("meter", "create", "ok"), ("copy", "create", "ok"), ("copy", "connect", "rejected"), ("meter", "upload", "ok"),
    ]  # fmt: skip
