"""Scenario files as tests: one item per file, or per case of it, the failure text of scenarios §4 as its message.

What is inconclusive fails, and says so: a test that may have proven nothing must not look like one that has.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest

if TYPE_CHECKING:
    from simulator.errors import SimulatorError
    from simulator.report.ran import Ran
    from simulator.run.start import Result
    from simulator.scenario import Scenario

SUFFIXES = (".yaml", ".yml")
FOLDERS = ("scenarios",)

Time = Literal["virtual", "real"]


def collect(file_path: Path, parent: pytest.Collector) -> ScenarioFile | None:
    """YAML files below `scenarios/`, and those that the command line names. `_…` are fragments that others include."""
    if file_path.suffix not in SUFFIXES:
        return None
    named = parent.session.isinitpath(file_path)
    if named or (not file_path.name.startswith(("_", ".")) and _below_scenarios(file_path, parent.config)):
        return ScenarioFile.from_parent(parent, path=file_path)
    return None


def _below_scenarios(path: Path, config: pytest.Config) -> bool:
    root = config.rootpath
    # A checkout that itself lies in a folder of that name has not become a scenario by that.
    parts = path.relative_to(root).parts if path.is_relative_to(root) else path.parts
    folders: Iterable[str] = config.getini("simulator_scenarios")
    return any(folder in parts[:-1] for folder in folders)


class ScenarioFile(pytest.File):
    """One scenario file."""

    def collect(self) -> Iterable[ScenarioItem]:
        """The one test that it holds, with the file's own name: `scenarios/upload/block_wise.yaml`.

        A file with cases holds several: `scenarios/sim_swap/matrix.yaml::matrix.yaml[moved]`, which a command line may
        name like that. A file with mistakes is a test that fails: it must not keep all others from being run.
        """
        from simulator.errors import SimulatorError
        from simulator.scenario import load_all

        name = self.path.name
        try:
            scenarios = load_all(shown_path(self))
        except SimulatorError as error:
            yield ScenarioItem.from_parent(self, name=name, nodeid=self.nodeid, mistakes=error)
            return
        for scenario in scenarios:
            if scenario.case:
                yield ScenarioItem.from_parent(self, name=f"{name}[{scenario.case}]", scenario=scenario)
            else:
                yield ScenarioItem.from_parent(self, name=name, nodeid=self.nodeid, scenario=scenario)


def shown_path(node: pytest.Item | pytest.Collector) -> Path:
    """As seen from where pytest was started, so that the command in the report can be pasted."""
    here = node.config.invocation_params.dir
    return node.path.relative_to(here) if node.path.is_relative_to(here) else node.path


class ScenarioItem(pytest.Item):
    """One rehearsal of a scenario file."""

    def __init__(self, scenario: Scenario | None = None, mistakes: SimulatorError | None = None, **how: Any) -> None:
        """Either of the two is given."""
        super().__init__(**how)
        self._scenario, self._mistakes = scenario, mistakes
        if scenario is not None:
            self.extra_keyword_matches.update(scenario.tags)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Where it stands, and what it promises."""
        if self._scenario is None:
            return self.path, None, f"{self.nodeid}: with mistakes"
        return self.path, self._scenario.place.line - 1, f"{self._called}: {self._scenario.promise}"

    @property
    def _called(self) -> str:
        """Without the name of the file twice: `scenarios/sim_swap/matrix.yaml[moved]`."""
        case = self._scenario.case if self._scenario is not None else ""
        return f"{self.nodeid.partition('::')[0]}[{case}]" if case else self.nodeid

    def runtest(self) -> None:
        """Act it out. Raises: Failed with the report, Skipped with the reason."""
        from simulator.errors import SimulatorError

        if self._mistakes is not None:
            raise self._mistakes
        assert self._scenario is not None
        try:
            ran = self._run(self._scenario)
        except SimulatorError as error:
            raise NotRun(str(error)) from None
        if ran.skipped:
            pytest.skip(ran.skipped)
        if ran.verdict != "pass":
            from simulator.report import text

            raise NotHeld(text.report(ran))

    def _run(self, scenario: Scenario) -> Ran:
        from simulator.clock import WallClock
        from simulator.events.journal import Journal
        from simulator.report.ran import Ran
        from simulator.run.settings import RunSettings
        from simulator.run.start import rehearse
        from simulator.run.watch import Nobody
        from simulator.scenario import label

        options = self.config.option
        time: Time = options.simulator_time or "virtual"
        settings = RunSettings(time=time, seed=options.simulator_seed)
        lines: list[bytes] = []
        clock = WallClock()
        result = rehearse(scenario, settings, Journal(lines.append), Nobody())
        wall_s = clock.now()
        _hand_on(result)
        passed = result.verdicts.verdict == "pass" and not result.skipped
        return Ran(
            promise=label(scenario),
            case=scenario.case,
            file=str(shown_path(self)),
            seed=scenario.seed if settings.seed is None else settings.seed,
            time=time,
            target=result.target,
            verdicts=result.verdicts,
            wall_s=wall_s,
            journal="" if passed else self._keep(lines),
            skipped=result.skipped,
        )

    def _keep(self, lines: list[bytes]) -> str:
        """Write the journal below pytest's own folder for files. Returns: where; "" if there is no such folder."""
        factory: pytest.TempPathFactory | None = getattr(self.config, "_tmp_path_factory", None)
        if factory is None:
            return ""
        path = factory.mktemp(self.path.stem, numbered=True) / "journal.jsonl"
        path.write_bytes(b"".join(lines))
        return str(path)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The text alone: where in our code it was found out is of no interest to anybody."""
        from simulator.errors import SimulatorError

        if isinstance(excinfo.value, NotHeld | NotRun | SimulatorError):
            return str(excinfo.value).rstrip()
        return super().repr_failure(excinfo, style)


class NotHeld(AssertionError):
    """A scenario did not pass; the text is its report."""


class NotRun(Exception):
    """A scenario could not be run to its end."""


def _hand_on(result: Result) -> None:
    """What ended the run early ends the test, or the session if somebody pressed Ctrl-C."""
    from simulator.run.start import Interrupted

    if isinstance(result.error, Interrupted):
        raise KeyboardInterrupt
    if result.error is not None and result.verdicts.verdict != "fail":
        raise result.error
