"""Stories: acts are carried out in order, results come back, and one broken story does not stop the others."""

from __future__ import annotations

import pytest

from simulator import acts
from simulator.wire.calendar import Calendar
from simulator.wire.drivers.stories import Endpoint, Stories


class Wireless:
    """A CoAP client whose answers the test gives."""

    def __init__(self):
        self.asked = []

    def request(self, local_ip, peer, code, path, payload, confirmable, done, argument, now):
        self.asked.append((local_ip, peer, code, path, payload, confirmable))
        self.answer = lambda result, at: done(argument, result, at)


@pytest.fixture
def stage():
    calendar = Calendar()
    errors: list[BaseException] = []
    attached = []

    def attach(act, running, now):
        attached.append(act)
        stories.resume(running, acts.Accepted(act.ip), now)

    stories = Stories(calendar, {acts.Attach: attach}, errors.append)
    return calendar, stories, errors


def run_until(calendar, end):
    while (when := calendar.next()) is not None and when <= end:
        calendar.expire(when)


def test_a_story_gets_the_result_of_each_act_in_order(stage):
    calendar, stories, errors = stage
    coap = Wireless()
    seen = []

    def story():
        seen.append((yield acts.Attach(imsi="1", msisdn="", imeisv="", ip=7, operator="home", rat="", cell=1)))
        seen.append((yield acts.Post("data", b"x")))
        seen.append((yield acts.Sleep(2.0)))
        seen.append((yield acts.SleepUntil(10.0)))
        return "end"

    ended = []
    stories.start(Endpoint("m", 7, coap=coap, coap_peer=99), story(), lambda r, now: ended.append((r, now)), 1.0)
    assert seen == [acts.Accepted(7)]
    assert coap.asked == [(7, 99, 2, "data", b"x", True)]
    coap.answer(acts.Answer(0x41, b""), 3.0)
    run_until(calendar, 100.0)
    assert seen[1:] == [acts.Answer(0x41, b""), acts.Done(), acts.Done()]
    assert ended == [("end", 10.0)]
    assert len(stories) == 0
    assert errors == []


def test_results_that_come_at_once_do_not_recurse(stage):
    _, stories, errors = stage

    def story():
        for _ in range(50_000):
            yield acts.Sleep(0)
        return 1

    ended = []
    stories.start(Endpoint("m", 1), story(), lambda r, now: ended.append(r), 0.0)
    assert ended == [1]
    assert errors == []


def test_a_story_that_raises_is_reported_and_the_others_go_on(stage):
    calendar, stories, errors = stage

    def broken():
        yield acts.Sleep(1)
        raise RuntimeError("defect")

    def healthy():
        yield acts.Sleep(2)
        return "fine"

    ended = []
    stories.start(Endpoint("a", 1), broken(), lambda r, now: ended.append(r), 0.0)
    stories.start(Endpoint("b", 2), healthy(), lambda r, now: ended.append(r), 0.0)
    run_until(calendar, 5.0)
    assert [str(error) for error in errors] == ["defect"]
    assert ended == ["fine"]


def test_a_stopped_story_ignores_what_it_waited_for_and_cleans_up(stage):
    calendar, stories, errors = stage
    cleaned = []

    def story():
        try:
            yield acts.Sleep(1)
        finally:
            cleaned.append(True)

    running = stories.start(Endpoint("m", 1), story(), lambda r, now: pytest.fail("must not end"), 0.0)
    stories.stop(running)
    run_until(calendar, 5.0)
    assert cleaned == [True]
    assert errors == []


def test_a_story_that_is_stopped_by_its_own_act_does_not_end(stage):
    calendar, _, errors = stage
    after = []

    def stop_and_answer(_act, running, now):
        stories.stop(running)
        stories.resume(running, acts.Done(), now)

    stories = Stories(calendar, {acts.RemoveDevice: stop_and_answer}, errors.append)

    def story():
        yield acts.RemoveDevice()
        after.append("went on")

    stories.start(Endpoint("m", 1), story(), lambda r, now: after.append("ended"), 0.0)
    assert (after, errors, len(stories)) == ([], [], 0)


def test_who_waits_for_what_is_told(stage):
    _, stories, _ = stage

    def story():
        yield acts.Sleep(1)

    stories.start(Endpoint("meters.3", 1), story(), lambda r, now: None, 0.0)
    assert list(stories.waiting()) == ["meters.3 waits for Sleep"]


# --- a device that can do nothing any more ----------------------------------------------------------------------------


def cut_stage():
    """Stories of one device, with a CoAP client whose answers the test gives."""
    calendar, errors = Calendar(), []
    orders = []
    stories = Stories(calendar, {acts.RemoveDevice: lambda act, running, now: orders.append(running)}, errors.append)
    return calendar, stories, orders, errors


def test_a_cut_ends_what_the_device_waits_for_in_the_order_of_beginning():
    calendar, stories, orders, errors = cut_stage()
    coap, log = Wireless(), []

    def doing(name, act):
        try:
            log.append((name, (yield act)))
        except acts.Cut as cut:
            log.append((name, str(cut)))

    end = Endpoint("m", 7, coap=coap)
    for name, act in (
        ("upload", acts.Post("data", b"x")),
        ("order", acts.RemoveDevice()),
        ("pause", acts.Sleep(5.0)),
        ("next", acts.SleepUntil(9.0)),
        ("poll", acts.Get("data")),
    ):
        stories.start(end, doing(name, act), lambda returned, now: None, 0.0)
    stories.start(Endpoint("other", 8), doing("other", acts.Sleep(6.0)), lambda returned, now: None, 0.0)
    stories.cut("m", "the device froze", 1.0)
    froze = "the device froze"
    assert log == [("upload", froze), ("pause", froze), ("poll", froze)]
    run_until(calendar, 10.0)
    stories.resume(orders[0], acts.Done(), 10.0)
    assert log[3:] == [("other", acts.Done()), ("next", acts.Done()), ("order", acts.Done())]
    assert (len(stories), errors) == (0, [])


def test_a_story_goes_on_from_a_cut_and_late_results_of_what_was_cut_mean_nothing():
    calendar, stories, _, errors = cut_stage()
    coap, log = Wireless(), []

    def story():
        try:
            yield acts.Post("data", b"x")
        except acts.Cut:
            log.append((yield acts.Sleep(10.0)))
        return "end"

    stories.start(Endpoint("m", 7, coap=coap), story(), lambda returned, now: log.append((returned, now)), 0.0)
    stories.cut("m", "gone", 1.0)
    coap.answer(acts.Answer(0x41, b""), 2.0)
    assert log == []
    run_until(calendar, 20.0)
    assert log == [acts.Done(), ("end", 11.0)]
    assert errors == []


def test_a_story_that_was_cut_can_still_be_stopped():
    calendar, stories, _, errors = cut_stage()

    def story():
        try:
            yield acts.Sleep(1.0)
        except acts.Cut:
            yield acts.Sleep(1.0)

    running = stories.start(Endpoint("m", 7), story(), lambda returned, now: pytest.fail("must not end"), 0.0)
    stories.cut("m", "gone", 0.5)
    stories.stop(running)
    run_until(calendar, 5.0)
    assert (len(stories), errors) == (0, [])


def test_acts_of_a_kind_can_be_interrupted_and_the_story_goes_on(stage):
    calendar, stories, errors = stage
    coap = Wireless()
    ended = []

    def story():
        first = yield acts.Post("data", b"x")
        second = yield acts.Sleep(5.0)
        third = yield acts.Post("data", b"y")
        return first, second, third

    stories.start(Endpoint("m", 7, coap=coap), story(), lambda r, now: ended.append((r, now)), 1.0)
    late = coap.answer
    stories.interrupt("m", {acts.Get}, acts.Broken("other"), 2.0)
    stories.interrupt("n", {acts.Post}, acts.Broken("other"), 2.0)
    stories.interrupt("m", {acts.Post}, acts.Broken("the SIM was pulled"), 2.0)
    late(acts.Answer(0x41, b""), 3.0)  # nobody waits for it any more
    stories.interrupt("m", {acts.Post}, acts.Broken("nor sleeps by that"), 4.0)
    stories.move("m", 9)
    run_until(calendar, 7.0)
    assert coap.asked[-1][:1] == (9,)
    coap.answer(acts.Answer(0x44, b""), 8.0)
    assert ended == [((acts.Broken("the SIM was pulled"), acts.Done(), acts.Answer(0x44, b"")), 8.0)]
    assert errors == []


# --- what came with Internet devices ----------------------------------------------------------------------------------


class Sink:
    """A port that keeps what is sent."""

    def __init__(self):
        self.sent = []

    def send(self, data, peer, local_ip=0):
        self.sent.append((data, peer, local_ip))


def test_a_datagram_that_cannot_be_sent_fails_with_the_reason(stage):
    _, stories, errors = stage
    port, came = Sink(), []
    endpoint = Endpoint("m", 1, udp=port, udp_peer=2, why_not=lambda _ip, size: f"{size} B" if size > 3 else "")

    def story():
        came.append((yield acts.Datagram(b"123")))
        came.append((yield acts.Datagram(b"1234")))

    stories.start(endpoint, story(), lambda *_: None, 0.0)
    assert came == [acts.Sent(), acts.Broken("4 B")]
    assert (port.sent, errors) == ([(b"123", 2, 1)], [])


@pytest.mark.parametrize("act", [acts.Connect(True), acts.Disconnect(), acts.UploadBlob("p", b"", "t")])
def test_acts_that_are_added_end_with_the_power_of_their_device(stage, act):
    _, stories, errors = stage
    stories.perform({type(act): lambda *_: None})
    ended = []

    def story():
        try:
            yield act
        except acts.Cut as cut:
            return str(cut)

    stories.start(Endpoint("m", 1), story(), lambda returned, _now: ended.append(returned), 0.0)
    assert (stories.awaits("m", {type(act)}), stories.awaits("m", {acts.Post})) == (True, False)
    stories.cut("m", "no power", 1.0)
    assert (ended, errors) == (["no power"], [])
    assert not stories.awaits("m", {type(act)})
