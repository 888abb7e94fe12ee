"""The calendar against the plainest model there is: a heap of (when, order of asking)."""

from heapq import heappop, heappush

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.clock import VirtualClock
from simulator.wire import calendar as module
from simulator.wire.calendar import Calendar

# Deadlines in the present slot, in the present window, on borders, in the next windows, and far out.
SPANS = st.one_of(
    st.just(0.0),
    st.floats(0.0, 0.2),
    st.floats(0.0, 70.0),
    st.sampled_from([1 / 16, 63.9375, 64.0, 128.0, 3600.0]),
    st.floats(0.0, 40_000.0),
    st.floats(-5.0, 0.0),
)


class Model:
    """What the calendar promises, said plainly."""

    def __init__(self):
        self.heap = []
        self.asked = 0

    def at(self, when, callback, argument=None):
        self.asked += 1
        heappush(self.heap, (when, self.asked, callback, argument))

    def next(self):
        return self.heap[0][0] if self.heap else None

    def expire(self, now):
        calls = 0
        while self.heap and self.heap[0][0] <= now:
            _, _, callback, argument = heappop(self.heap)
            callback(argument, now)
            calls += 1
        return calls


def scripted(timers, log, script):
    """A callback that notes its call and asks for what its script says: {label: [(delay, label)…]}."""

    def call(label, now):
        log.append((label, now))
        for delay, new in script.get(label, ()):
            timers.at(now + delay, call, new)

    return call


@st.composite
def stories(draw):
    """What is asked for from outside and from callbacks, and how time goes on."""
    script = {
        n: [(draw(SPANS), 100 * (n + 1) + i) for i in range(draw(st.integers(0, 3)))]
        for n in range(draw(st.integers(0, 5)))
    }
    moves = draw(st.lists(st.tuples(SPANS, st.lists(st.tuples(SPANS, st.integers(0, 5)), max_size=6)), max_size=12))
    return script, moves


def run(timers, script, moves):
    log, now, seen = [], 0.0, []
    call = scripted(timers, log, script)
    for step, asked in moves:
        for delay, label in asked:
            timers.at(now + delay, call, label)
        now += abs(step)
        seen.append((timers.next(), timers.expire(now), timers.next()))
    return log, seen


@given(stories(), st.sampled_from([0, 2, 1 << 14]))
def test_order_and_deadlines_are_those_of_a_heap(story, few):
    old, module.FEW = module.FEW, few  # both ways to open a window
    try:
        assert run(Calendar(), *story) == run(Model(), *story)
    finally:
        module.FEW = old


@given(stories(), st.sampled_from([0, 1 << 14]))
def test_playing_to_the_end_calls_everything_at_its_own_time(story, few):
    script, moves = story
    asked = [one for _, more in moves for one in more]
    old, module.FEW = module.FEW, few
    try:
        log, clock, timers = [], VirtualClock(), Calendar()
        call = scripted(timers, log, script)
        for delay, label in asked:
            timers.at(delay, call, label)
        while timers.play(clock, ()):
            pass
    finally:
        module.FEW = old
    expected, model, now = [], Model(), 0.0
    call = scripted(model, expected, script)
    for delay, label in asked:
        model.at(delay, call, label)
    while model.heap:
        when, _, callback, argument = heappop(model.heap)
        now = max(now, when)
        callback(argument, now)
    assert log == expected
    assert len(timers) == 0
    assert timers.next() is None


@given(stories(), st.lists(st.tuples(st.booleans(), SPANS.map(abs)), max_size=8))
def test_playing_goes_on_as_before_when_time_jumps_or_somebody_is_ready_in_between(story, jumps):
    """As a loop does it: tasks get ready and ask for more, and a timer of the loop moves the clock."""
    script, moves = story
    asked = [one for _, more in moves for one in more]
    clock, timers, model, ready = VirtualClock(), Calendar(), Model(), []
    log, expected, now = [], [], 0.0
    played, modelled = scripted(timers, log, script), scripted(model, expected, script)

    def stop_here(label, at):
        played(label, at)
        ready.append(label)

    for jump, span in jumps:
        for delay, label in asked:
            timers.at(clock.time_s + delay, played if jump else stop_here, label)
            model.at(now + delay, modelled, label)
        until = clock.time_s + span
        timers.limit = until
        while timers.play(clock, ready):
            ready.clear()
        clock.time_s = until
        while model.heap and model.heap[0][0] <= until:
            when, _, callback, argument = heappop(model.heap)
            now = max(now, when)
            callback(argument, now)
        now = until
        assert (log, timers.next(), len(timers)) == (expected, model.next(), len(model.heap))
    timers.expire(now + 7.0)
    model.expire(now + 7.0)
    assert log == expected


def test_equal_times_are_called_in_the_order_of_asking():
    timers, log = Calendar(), []
    for n in range(100):
        timers.at(5.0, lambda n, _now: log.append(n), n)
    assert timers.expire(4.999) == 0
    assert timers.expire(5.0) == 100
    assert log == list(range(100))


@pytest.mark.parametrize("when", [0.0, 0.03, 1.0, 63.99, 64.0, 1e6, 3e7])
def test_next_is_exact(when):
    timers = Calendar()
    timers.at(when + 0.01, lambda *_: None)
    timers.at(when, lambda *_: None)
    assert timers.next() == when


def test_what_is_asked_for_in_the_past_comes_in_the_next_turn_with_the_present_time():
    timers, log = Calendar(), []
    timers.expire(100.0)
    timers.at(3.0, lambda _, now: log.append(now))
    assert timers.next() == 3.0
    timers.expire(100.5)
    assert log == [100.5]


@pytest.mark.parametrize(
    "turn", [lambda c, _: c.expire(5.0), lambda c, clock: c.play(clock, ())], ids=["expire", "play"]
)
def test_what_is_asked_for_a_moment_that_was_played_comes_before_what_is_later(turn):
    timers, clock, log = Calendar(), VirtualClock(), []
    timers.at(1.0, lambda *_: None)
    timers.play(clock, ())
    clock.time_s = 5.0
    for when in (1.03, 1.0, 1.02, 1.0):
        timers.at(when, lambda when, now: log.append((when, now)), when)
    assert timers.next() == 1.0
    assert len(timers) == 4
    turn(timers, clock)
    assert log == [(1.0, 5.0), (1.0, 5.0), (1.02, 5.0), (1.03, 5.0)]


def test_who_asks_for_now_again_and_again_does_not_hold_up_the_driver():
    timers = Calendar()

    def again(_, now):
        timers.at(now, again)

    timers.at(1.0, again)
    assert timers.expire(1.0) == module.MOST_PER_CALL
    assert timers.next() == 1.0


@pytest.mark.parametrize(
    "turn", [lambda c: c.expire(2.0), lambda c: c.play(VirtualClock(), ())], ids=["expire", "play"]
)
def test_a_failing_callback_takes_nobody_with_it(turn):
    timers, log = Calendar(), []
    timers.at(1.0, lambda *_: log.append("before"))
    timers.at(1.0, lambda *_: 1 / 0)
    timers.at(1.0, lambda *_: log.append("after"))
    with pytest.raises(ZeroDivisionError):
        turn(timers)
    assert log == ["before"]
    assert turn(timers) == 1
    assert log == ["before", "after"]


@pytest.mark.parametrize(
    "turn", [lambda c: c.expire(2.0), lambda c: c.play(VirtualClock(), ())], ids=["expire", "play"]
)
def test_failures_go_to_the_handler_and_the_turn_goes_on(turn):
    failures, log = [], []
    timers = Calendar(lambda failure, _callback, argument: failures.append((type(failure), argument)))
    timers.at(1.0, lambda *_: 1 / 0, "who")
    timers.at(1.0, lambda *_: log.append("after"))
    assert turn(timers) == 2
    assert (failures, log) == ([(ZeroDivisionError, "who")], ["after"])


def test_playing_stops_for_who_is_ready_and_in_front_of_the_limit():
    timers, clock, ready = Calendar(), VirtualClock(), []
    timers.at(1.0, lambda *_: None)
    timers.at(2.0, lambda *_: ready.append(1))
    timers.at(3.0, lambda *_: None)
    timers.at(9.0, lambda *_: None)
    assert (timers.play(clock, ready), clock.time_s) == (2, 2.0)
    ready.clear()
    timers.limit = 8.0
    assert (timers.play(clock, ready), clock.time_s) == (1, 3.0)
    assert timers.play(clock, ready) == 0


@pytest.mark.parametrize("when", [float("inf"), float("nan")])
def test_a_time_that_never_comes_is_refused_at_once(when):
    with pytest.raises((OverflowError, ValueError)):
        Calendar().at(when, lambda *_: None)


def test_a_turn_may_be_begun_inside_a_turn():
    timers, log = Calendar(), []
    timers.at(1.0, lambda _, now: log.append(timers.expire(now)))
    for _ in range(3):
        timers.at(1.0, lambda *_: log.append("inner"))
    assert timers.expire(1.0) == 1
    assert log == ["inner"] * 3 + [3]
