"""`simulator run` and `simulator check`."""

from __future__ import annotations

import itertools
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from simulator.assertions.judge import Verdicts
from simulator.cli.progress import Progress
from simulator.errors import ExitCode, LocalError, ScenarioError, ScenarioErrors, SimulatorError, UsageError
from simulator.events.files import open_journal
from simulator.report import as_json, junit, text
from simulator.report.ran import Ran
from simulator.run.settings import RemoteSettings, RunSettings
from simulator.run.start import Result, rehearse
from simulator.scenario import Scenario, find, load
from simulator.scenario.notes import notes

DEFAULT_FOLDER = Path("scenarios")
_NOTES_TOLD = 5


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
        print(f"ok  {path}  {scenario.promise}  ({who}, about {text.duration(plan.duration_s)} of run time)")
        for note in notes(scenario):
            print(note)
    if wrong:
        print(f"{wrong} file{'s' if wrong != 1 else ''} with mistakes", file=sys.stderr)
    return ExitCode.USAGE if wrong else ExitCode.PASSED


def run_files(
    paths: Sequence[Path] | None,
    *,
    mode: Literal["virtual", "real"],
    seed: int | None,
    only: str | None,
    stack: Literal["own", "aiocoap"] | None,
    wire: Literal["auto", "batch", "single", "dgram", "mapped"],
    target: RemoteSettings | None,
    out: Path | None,
    keep: bool,
) -> int:
    """Run scenarios one after the other. Returns: the exit code of the worst."""
    files = find(_paths(paths))
    scenarios = _load_all(files)
    settings = RunSettings(time=mode, seed=seed, only=only, stack=stack, wire=wire, target=target, keep=keep)
    folder = _new_folder(out)
    _make_folder(folder)
    tally = _Tally(settings, folder)
    stopped = False
    for path, scenario in scenarios:
        if stopped:
            tally.leave_out(path, scenario)
        else:
            code = tally.run(path, scenario, _folder_for(folder, path, len(scenarios)))
            stopped = code in (ExitCode.INTERRUPTED, ExitCode.TERMINATED)
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
    """What has been run so far, and how it went. Its files are complete after every scenario."""

    def __init__(self, settings: RunSettings, out: Path) -> None:
        self._settings, self._out = settings, out
        self._rans: list[Ran] = []
        self._codes: list[int] = []
        self._started = time.monotonic()
        self._colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ

    def run(self, path: Path, scenario: Scenario, folder: Path) -> int:
        """One scenario, from its first act to its printed verdict."""
        _make_folder(folder)
        progress = Progress(str(path))
        journal_path = folder / "journal.jsonl"
        try:
            with open_journal(journal_path) as journal:
                result = rehearse(scenario, self._settings, journal, progress)
        except UsageError:
            raise
        except SimulatorError as error:
            result = _without_verdict(error)
        except Exception as error:
            result = _without_verdict(LocalError(_crash(folder, error)))
        finally:
            progress.close()
        ran = self._ran(path, scenario, result, progress.wall_s, str(journal_path))
        self._tell(ran)
        code = _CODES[ran.verdict] if result.error is None else result.error.exit_code
        self._codes.append(code)
        return code

    def leave_out(self, path: Path, scenario: Scenario) -> None:
        """It was not run, because the one before was interrupted; no report may look as if all were well."""
        result = Result(verdicts=Verdicts(verdict="inconclusive", judgements=(), cut="not run"), target="")
        self._record(self._ran(path, scenario, result, 0.0, ""))

    def _ran(self, path: Path, scenario: Scenario, result: Result, wall_s: float, journal: str) -> Ran:
        return Ran(
            promise=scenario.promise,
            file=str(path),
            seed=scenario.seed if self._settings.seed is None else self._settings.seed,
            time=self._settings.time,
            target=result.target,
            verdicts=result.verdicts,
            wall_s=wall_s,
            journal=journal,
            notes=_notes(result.left_behind),
        )

    def _tell(self, ran: Ran) -> None:
        _say(text.report(ran, colour=self._colour))
        self._record(ran)

    def _record(self, ran: Ran) -> None:
        self._rans.append(ran)
        try:
            with (self._out / "report.txt").open("a", encoding="utf-8") as file:
                file.write(text.report(ran))
            _replace(self._out / "verdicts.json", as_json.encode(self._rans))
            _replace(self._out / "junit.xml", junit.encode(self._rans))
        except OSError as error:
            raise LocalError(f"{self._out}: cannot write the verdicts: {error.strerror}") from error

    def close(self) -> int:
        """Print the last line. Returns: the worst exit code."""
        last = text.summary(self._rans, time.monotonic() - self._started, colour=self._colour).rstrip("\n")
        _say(f"{last}; journals and verdicts in {self._out}\n")
        # What was interrupted or broke says more than a verdict, and a failure more than an inconclusive one.
        worst = sorted(self._codes, key=lambda code: (code >= ExitCode.BROKEN, code == ExitCode.FAILED, code))
        return worst[-1]


_CODES = {"pass": ExitCode.PASSED, "fail": ExitCode.FAILED, "inconclusive": ExitCode.INCONCLUSIVE}


def _without_verdict(error: SimulatorError) -> Result:
    """It broke before anything could be judged."""
    return Result(verdicts=Verdicts(verdict="inconclusive", judgements=(), cut=str(error)), target="", error=error)


def _notes(left_behind: Sequence[str]) -> tuple[str, ...]:
    """What clean-up had to leave, in a few lines."""
    told = [f"not removed from the platform: {what}" for what in left_behind[:_NOTES_TOLD]]
    if len(left_behind) > _NOTES_TOLD:
        told.append(f"and {len(left_behind) - _NOTES_TOLD} more")
    return tuple(told)


def _say(words: str) -> None:
    """Print it. Whoever reads may have left (`| head -1`): the files and the exit code are still worth something."""
    try:
        print(words, end="", flush=True)
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            print(f"simulator: cannot write the output: {error.strerror}", file=sys.stderr)


def _replace(path: Path, content: bytes) -> None:
    """Whole or not at all: whoever reads it meanwhile sees the old one."""
    draft = path.with_name(path.name + ".part")
    draft.write_bytes(content)
    draft.replace(path)


def _paths(paths: Sequence[Path] | None) -> Sequence[Path]:
    if paths:
        return paths
    if not DEFAULT_FOLDER.is_dir():
        raise UsageError("there is no folder scenarios/ here; name the files or folders to run")
    return [DEFAULT_FOLDER]


def _new_folder(out: Path | None) -> Path:
    """The folder of this run; never one that holds another's results."""
    if out is not None:
        try:
            taken = out.exists() and (not out.is_dir() or any(out.iterdir()))
        except OSError as error:
            raise _unusable(out, error) from error
        if taken:
            raise UsageError(f"{out} exists and is not empty; name another folder with --out")
        return out
    stamp = time.strftime("%Y%m%d-%H%M%S")
    candidates = (Path("runs") / (stamp + (f"-{n}" if n else "")) for n in itertools.count())
    return next(folder for folder in candidates if not folder.exists())


def _folder_for(out: Path, path: Path, count: int) -> Path:
    """A folder of its own for each scenario; named by theme and file, as below scenarios/."""
    if count == 1:
        return out
    names = (path.stem + (f"-{n}" if n > 1 else "") for n in itertools.count(1))
    folders = (out / path.parent.name / name for name in names)
    return next(folder for folder in folders if not folder.exists())


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unusable(folder, error) from error


def _unusable(folder: Path, error: OSError) -> UsageError:
    return UsageError(f"cannot write to {folder}: {error.strerror}; name another folder with --out")


def _crash(folder: Path, error: Exception) -> str:
    """A defect of the simulator: the details go to a file, the user gets a line."""
    import traceback

    what = f"the simulator itself broke: {type(error).__name__}: {error}"
    note = folder / "crash.txt"
    try:
        note.write_text("".join(traceback.format_exception(error)), encoding="utf-8")
    except OSError as no_note:
        return f"{what}; details could not be written to {note}: {no_note.strerror}"
    return f"{what}; details in {note}"
