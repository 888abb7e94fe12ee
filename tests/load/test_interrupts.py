"""Ctrl-C ends a test once, in order; pressed again, it only makes the end quicker."""

from __future__ import annotations

import gevent
import pytest

from simulator.errors import ExitCode
from simulator.load.interrupts import Interrupts


class Boss:
    def __init__(self, *, begun=True, leaving=False):
        self.begun, self.leaving = begun, leaving
        self.said = []

    def hurry(self):
        self.said.append("hurry")

    def quit(self):
        self.said.append("quit")


def pressed(boss, times, *, waits=False):
    """What reaches the greenlet that waits for Locust's end, of so many."""
    reached, ready = [], []

    def main():
        ready.append(Interrupts(boss, waits=waits, quit_runner=lambda: boss.said.append("quit runner")))
        for _ in range(times):
            try:
                gevent.sleep(0.05)  # as long as anything could still come
            except (KeyboardInterrupt, SystemExit) as error:
                reached.append(error)

    waiting = gevent.spawn(main)
    gevent.sleep(0)
    for _ in range(times):
        gevent.spawn(ready[0].press).join()
    waiting.join(timeout=5.0)
    assert waiting.dead
    return reached


@pytest.mark.parametrize("times", [1, 2, 4])
def test_however_often_it_is_pressed_one_interrupt_is_raised_and_where_locust_expects_it(times):
    boss = Boss()
    assert [type(each) for each in pressed(boss, times)] == [KeyboardInterrupt]
    assert boss.said == ["hurry"] * times


def test_a_session_that_is_ending_already_is_hurried_and_not_interrupted():
    boss = Boss(leaving=True)
    assert pressed(boss, 2) == []
    assert boss.said == ["hurry", "hurry"]


def test_while_no_test_has_begun_for_want_of_workers_everybody_goes_home():
    boss = Boss(begun=False)
    (error,) = pressed(boss, 1, waits=True)
    assert (type(error), error.code) == (SystemExit, ExitCode.BROKEN)
    assert boss.said == ["hurry", "quit", "quit runner"]


def test_a_web_page_without_a_test_is_ended_as_locust_does():
    assert [type(each) for each in pressed(Boss(begun=False), 1)] == [KeyboardInterrupt]
