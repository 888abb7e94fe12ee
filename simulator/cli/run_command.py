"""`simulator run` and `simulator check`."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from simulator.cli.progress import Progress, clock_text
from simulator.errors import ExitCode, LocalError, ScenarioError, ScenarioErrors, SimulatorError, UsageError
from simulator.events.files import open_journal
from simulator.report.as_json import verdicts_json
from simulator.report.junit import junit_xml
from simulator.report.text import verdict_lines
from simulator.run.settings import RemoteSettings, RunSettings
from simulator.run.start import Interrupted, Result, rehearse
from simulator.scenario import Scenario, find, load

DEFAULT_FOLDER = Path("scenarios")


def check_files(paths: Sequence[Path] | None) -> int:
    """Read scenarios; print what they promise, or all that is wrong with them."""
    from simulator.plan import make_plan

    wrong = 0
    for path in find(_paths(paths)):
        try:
            scenario = load(path)
            plan = make_plan(scenario)
        except (ScenarioErrors, SimulatorError) as error:
            wrong += 1
            print(error, file=sys.stderr)
            continue
        who = f"{len(plan.members)} device" + ("s" if len(plan.members) != 1 else "")
        print(f"ok  {path}  {scenario.promise}  ({who}, about {clock_text(plan.duration_s)} of run time)")
    if wrong:
        print(f"{wrong} file{'s' if wrong != 1 else ''} with mistakes", file=sys.stderr)
    return ExitCode.USAGE if wrong else ExitCode.PASSED


def run_files(
    paths: Sequence[Path] | None,
    *,
    time: Literal["virtual", "real"],
    seed: int | None,
    only: str | None,
    stack: Literal["own", "aiocoap"] | None,
    wire: Literal["auto", "batch", "single", "dgram"],
    target: RemoteSettings | None,
    out: Path | None,
    keep: bool,
) -> int:
    """Run scenarios one after the other. Returns: the exit code of the worst."""
    files = find(_paths(paths))
    scenarios = _load_all(files)
    settings = RunSettings(
        time=time, seed=seed, only=only, stack=stack, wire=wire, target=target, keep=keep, out=_new_folder(out)
    )
    tally = _Tally(settings)
    for path, scenario in scenarios:
        code = tally.run(path, scenario, _folder_for(settings, path, len(scenarios)))
        if code in (ExitCode.INTERRUPTED, ExitCode.TERMINATED):
            break
    return tally.close()


def _load_all(files: Sequence[Path]) -> list[tuple[Path, Scenario]]:
    """Every file, or every mistake in all of them."""
    loaded: list[tuple[Path, Scenario]] = []
    mistakes: list[ScenarioError] = []
    for path in files:
        try:
            loaded.append((path, load(path)))
        except ScenarioErrors as error:
            mistakes.extend(error.errors)
    if mistakes:
        raise ScenarioErrors(mistakes)
    return loaded


class _Tally:
    """What has been run so far, and how it went."""

    def __init__(self, settings: RunSettings) -> None:
        self._settings = settings
        self._codes: list[int] = []
        self._started = time.monotonic()
        self._colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ

    def run(self, path: Path, scenario: Scenario, folder: Path) -> int:
        """One scenario, from its first act to its printed verdict."""
        _make_folder(folder)
        progress = Progress(str(path))
        try:
            with open_journal(folder / "journal.jsonl") as journal:
                result = rehearse(scenario, self._settings, journal, progress)
        except SimulatorError as error:
            progress.close()
            word = str(error) if isinstance(error, Interrupted) else f"BROKEN  {path}  {error}"
            print(word, file=sys.stderr, flush=True)
            self._codes.append(error.exit_code)
            return error.exit_code
        except Exception as error:
            progress.close()
            raise LocalError(_crash(folder, path, error)) from error
        progress.close()
        return self._tell(path, folder, result, progress.wall_s)

    def _tell(self, path: Path, folder: Path, result: Result, wall_s: float) -> int:
        verdicts = result.verdicts
        (folder / "verdicts.json").write_bytes(verdicts_json(verdicts))
        (folder / "junit.xml").write_text(junit_xml([verdicts], wall_s=wall_s), encoding="utf-8")
        lines = verdict_lines(verdicts, run_s=result.run_s, wall_s=wall_s, colour=self._colour)
        for left in result.left_behind:
            lines = [*lines, f"      not removed from the platform: {left}"]
        print("\n".join(lines), flush=True)
        code = {"pass": ExitCode.PASSED, "fail": ExitCode.FAILED}.get(verdicts.verdict, ExitCode.INCONCLUSIVE)
        self._codes.append(code)
        return code

    def close(self) -> int:
        """Print the last line. Returns: the worst exit code."""
        count = self._codes.count
        parts = [f"{count(ExitCode.PASSED)} passed"]
        others = len(self._codes) - count(ExitCode.PASSED) - count(ExitCode.FAILED) - count(ExitCode.INCONCLUSIVE)
        parts += [
            f"{number} {word}"
            for number, word in (
                (count(ExitCode.FAILED), "failed"),
                (count(ExitCode.INCONCLUSIVE), "inconclusive"),
                (others, "broken or interrupted"),
            )
            if number
        ]
        wall_s = time.monotonic() - self._started
        print(f"{', '.join(parts)} in {wall_s:.1f} s; journals and verdicts in {self._settings.out}", flush=True)
        # What was interrupted or broke says more than a verdict, and a failure more than an inconclusive one.
        worst = sorted(self._codes, key=lambda code: (code >= ExitCode.BROKEN, code == ExitCode.FAILED, code))
        return worst[-1] if worst else ExitCode.PASSED


def _paths(paths: Sequence[Path] | None) -> Sequence[Path]:
    if paths:
        return paths
    if not DEFAULT_FOLDER.is_dir():
        raise UsageError("there is no folder scenarios/ here; name the files or folders to run")
    return [DEFAULT_FOLDER]


def _new_folder(out: Path | None) -> Path:
    if out is not None:
        return out
    stamp = time.strftime("%Y%m%d-%H%M%S")
    folder = Path("runs") / stamp
    number = 1
    while folder.exists():
        number += 1
        folder = Path("runs") / f"{stamp}-{number}"
    return folder


def _folder_for(settings: RunSettings, path: Path, count: int) -> Path:
    """A folder of its own for each scenario; named by theme and file, as below scenarios/."""
    assert settings.out is not None
    return settings.out if count == 1 else settings.out / path.parent.name / path.stem


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot write to {folder}: {error.strerror}; name another folder with --out") from error


def _crash(folder: Path, path: Path, error: Exception) -> str:
    """A defect of the simulator: the details go to a file, the user gets a line."""
    import traceback

    note = folder / "crash.txt"
    note.write_text("".join(traceback.format_exception(error)), encoding="utf-8")
    return f"{path}: the simulator itself broke: {type(error).__name__}: {error}; details in {note}"
