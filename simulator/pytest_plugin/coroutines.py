"""The fixture `rehearsal`: tests in which devices are acted out line by line (`run.live`).

A coroutine function that asks for it runs on a loop of its own, in virtual time unless the marker or the command line
says otherwise. Before pytest, or a plugin for asynchronous tests, looks at such a function, it is replaced in its
module by a plain one that runs it. So no such plugin is needed, none is in the way, and other tests are left to it.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from functools import wraps
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal

import pytest

from simulator.pytest_plugin.files import shown_path

if TYPE_CHECKING:
    from simulator.run.live import LiveRehearsal

FIXTURE = "rehearsal"
MARKER = 'rehearsal(time="virtual", seed=0, allow=()): how the test\'s rehearsal runs, and which troubles it allows'
MARKER_WORDS = ("time", "seed", "allow")

Test = Callable[..., Awaitable[object]]


def adopt(collector: pytest.Collector, name: str, obj: object) -> None:
    """Put a plain function in the place of a coroutine function that asks for the fixture; others are left alone."""
    if not inspect.iscoroutinefunction(obj) or not isinstance(collector, pytest.Module | pytest.Class):
        return
    if FIXTURE in inspect.signature(obj).parameters and collector.istestfunction(obj, name) and _is_ours(collector):
        setattr(collector.obj, name, _plain(obj))


def _is_ours(collector: pytest.Collector) -> bool:
    """Whether the fixture of that name is the one below, or one that builds on it."""
    found = collector.session._fixturemanager.getfixturedefs(FIXTURE, collector)
    if not found:
        return False
    return found[-1].func.__module__ == __name__ or FIXTURE in found[-1].argnames


def _plain(test: Test) -> Callable[..., None]:
    @wraps(test)
    def run(*arguments: Any, **fixtures: Any) -> None:
        stage = fixtures.pop(FIXTURE)
        assert isinstance(stage, Rehearsed), f"the fixture {FIXTURE} was replaced by {stage!r}, which runs no tests"
        stage.run(lambda live: test(*arguments, **fixtures, **{FIXTURE: live}))

    return run


@pytest.fixture
def rehearsal(request: pytest.FixtureRequest) -> Rehearsed:
    """Devices, a platform and run time, to be acted out line by line: `async def test_…(rehearsal)`."""
    return Rehearsed(request)


class Rehearsed:
    """What stands for the rehearsal until its loop runs."""

    def __init__(self, request: pytest.FixtureRequest) -> None:
        function = getattr(request, "function", None)
        if not inspect.iscoroutinefunction(inspect.unwrap(function) if function else None):
            raise pytest.UsageError(f"{FIXTURE} is for coroutine functions: write async def {request.node.name}")
        self._request = request
        node, options = request.node, request.config.option
        words = _marked(node)
        self.time: Literal["virtual", "real"] = options.simulator_time or words.get("time", "virtual")
        self.seed: int = options.simulator_seed if options.simulator_seed is not None else words.get("seed", 0)
        self.allow: tuple[str, ...] = tuple(words.get("allow", ()))

    def run(self, test: Callable[[LiveRehearsal], Awaitable[object]]) -> None:
        """Act it out. Raises: what the test raises; NotHeld with the report."""
        from simulator.errors import Place, ScenarioErrors, UsageError
        from simulator.events.journal import Journal
        from simulator.report import text
        from simulator.report.ran import Ran
        from simulator.run.live import NotHeld
        from simulator.run.live.stage import About, rehearse_live

        async def tell(live: LiveRehearsal) -> None:
            try:
                await test(live)
            except (UsageError, ScenarioErrors) as error:  # a mistake in the test: its own line is what is of interest
                raise error.with_traceback(_foreign(error.__traceback__)) from None

        node = self._request.node
        path, line, _ = node.location
        place = Place(path, (line or 0) + 1)
        about = About(
            promise=_promise(node),
            place=place,
            rerun=self._rerun(),
            seed=self.seed,
            time=self.time,
            allow=self.allow,
        )
        lines: list[bytes] = []
        try:
            came = rehearse_live(about, tell, Journal(lines.append))
        except Exception as error:
            error.add_note(f"journal: {self._keep(lines)}")
            raise
        if came.verdicts.verdict == "pass":
            return
        ran = Ran(
            promise=about.promise,
            file=str(place),
            seed=self.seed,
            time=self.time,
            target=came.target,
            verdicts=came.verdicts,
            wall_s=came.wall_s,
            journal=str(self._keep(lines)),
        )
        raise NotHeld(text.report(ran))

    def _keep(self, lines: list[bytes]) -> Path:
        folder: Path = self._request.getfixturevalue("tmp_path")
        path = folder / "journal.jsonl"
        path.write_bytes(b"".join(lines))
        return path

    def _rerun(self) -> str:
        import shlex

        node = self._request.node
        # An id counts from the folder of the configuration, and a command from where pytest was started.
        name = "::".join((str(shown_path(node)), *node.nodeid.split("::")[1:]))
        words = ["pytest", name, "--simulator-seed", str(self.seed)]
        return shlex.join(words + (["--simulator-time", "real"] if self.time == "real" else []))


def _foreign(traceback: TracebackType | None) -> TracebackType | None:
    """What is left of it without frames of this package."""
    if traceback is None:
        return None
    rest = _foreign(traceback.tb_next)
    if traceback.tb_frame.f_globals.get("__name__", "").partition(".")[0] == __name__.partition(".")[0]:
        return rest
    traceback.tb_next = rest
    return traceback


def _promise(node: pytest.Item) -> str:
    """The first line of what the test says of itself, or its name as words."""
    told = inspect.getdoc(getattr(node, "function", None)) or ""
    return told.partition("\n")[0] or node.name.removeprefix("test_").replace("_", " ")


def _marked(node: pytest.Item) -> dict[str, Any]:
    """What the marker says. Raises: UsageError: it says what nobody understands."""
    words: dict[str, Any] = {}
    for mark in reversed(list(node.iter_markers(FIXTURE))):  # the nearest is the last, and has the last word
        wrong = [str(word) for word in mark.args] + [word for word in mark.kwargs if word not in MARKER_WORDS]
        if wrong:
            raise pytest.UsageError(f"the marker {FIXTURE} knows {', '.join(MARKER_WORDS)}, not {', '.join(wrong)}")
        words |= mark.kwargs
    _check(words)
    return words


def _check(words: dict[str, Any]) -> None:
    """Raises: UsageError: a value that cannot be."""
    from simulator.scenario.show import meant, shown
    from simulator.words import INVARIANTS, TROUBLES

    wrong = ""
    seed, allow, known = words.get("seed", 0), words.get("allow", ()), (*TROUBLES, *INVARIANTS)
    if words.get("time", "virtual") not in ("virtual", "real"):
        wrong = f"time is virtual or real, not {words['time']!r}"
    elif not isinstance(seed, int) or seed < 0:
        wrong = f"seed is a number from 0, not {seed!r}"
    elif isinstance(allow, str) or not all(isinstance(name, str) for name in allow):
        wrong = f"allow is a list of troubles and invariants, not {allow!r}"
    elif unknown := [name for name in allow if name not in known]:
        wrong = f"no trouble or invariant {shown(unknown[0])} ({meant(unknown[0], known)})"
    if wrong:
        raise pytest.UsageError(f"the marker {FIXTURE}: {wrong}")
