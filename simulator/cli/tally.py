"""What has been run so far, how it went, and the files that say so; they are complete after every scenario."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from simulator.assertions.verdicts import Verdicts
from simulator.cli.files import called
from simulator.cli.ongoing import Ongoing
from simulator.cli.progress import Progress
from simulator.cli.stopping import Later, Stopped, came, end_at_once
from simulator.errors import ExitCode, LocalError, SimulatorError, UsageError
from simulator.events.files import open_journal
from simulator.report import as_json, junit, text
from simulator.report.ran import Ran
from simulator.run.settings import RunSettings
from simulator.run.start import Interrupted, Result, rehearse
from simulator.scenario import Scenario, label

NOT_RUN = "not run"
NOT_THERE = f"the target could not be reached, so this was {NOT_RUN}"
STDOUT = Path("-")
_NOTES_TOLD = 5
_CODES = {"pass": ExitCode.PASSED, "fail": ExitCode.FAILED, "inconclusive": ExitCode.INCONCLUSIVE}


@dataclass(frozen=True, slots=True)
class Copies:
    """Where the verdicts go besides the folder of the run: `--json FILE`, `--junit FILE`; `-` is the standard output.

    Raises, when made: UsageError: both to the standard output, or a file that cannot be there.
    """

    json: Path | None = None
    junit: Path | None = None

    def __post_init__(self) -> None:
        if self.json == self.junit == STDOUT:
            raise UsageError("--json - and --junit -: only one of them can have the standard output")
        for option, path in (("--json", self.json), ("--junit", self.junit)):
            if path is None or path == STDOUT:
                continue
            try:
                wrong = (
                    "is a folder" if path.is_dir() else "" if path.parent.is_dir() else "is in no folder that exists"
                )
            except OSError as error:
                wrong = str(error.strerror)
            if wrong:
                raise UsageError(f"{option} {path}: {wrong}; name a file")

    @property
    def on_stdout(self) -> bool:
        """Whether the standard output belongs to a program."""
        return STDOUT in (self.json, self.junit)

    def _each(self) -> tuple[tuple[Path | None, Callable[[Sequence[Ran]], bytes]], ...]:
        return (self.json, as_json.encode), (self.junit, junit.encode)

    def write(self, rans: Sequence[Ran]) -> None:
        """Those with a file of their own. Raises: LocalError: disk full and the like."""
        for path, encode in self._each():
            if path is not None and path != STDOUT:
                replace(path, encode(rans))

    def print(self, rans: Sequence[Ran]) -> None:
        """The one for the standard output, once, when all is over."""
        for path, encode in self._each():
            if path == STDOUT:
                say(encode(rans).decode(), sys.stdout)


class Tally:
    """Runs scenarios, one after the other, and keeps the books.

    Args:
        out: folder of the whole run.
        copies: where else the verdicts go. If one goes to the standard output, what people read goes to stderr.
    """

    def __init__(self, settings: RunSettings, out: Path, copies: Copies) -> None:
        self._settings, self._out, self._copies = settings, out, copies
        self.reached = True
        """False: the target was not there, and is not asked again."""
        self._rans: list[Ran] = []
        self._codes: list[int] = []
        self._started = time.monotonic()
        self._to = sys.stderr if copies.on_stdout else sys.stdout
        self._colour = self._to.isatty() and "NO_COLOR" not in os.environ
        self._signals = Later()
        self._signals.begin()

    @property
    def _told_to_end(self) -> str:
        stopped = self._signals.stopped
        if stopped is not None:
            return str(stopped)
        return "interrupted" if ExitCode.INTERRUPTED in self._codes else "terminated"

    @property
    def stopped(self) -> bool:
        """Whether somebody wants it to end, in the middle of a scenario or between two."""
        return self._signals.stopped is not None or ExitCode.INTERRUPTED in self._codes or (
            ExitCode.TERMINATED in self._codes
        )  # fmt: skip

    def run(self, path: Path, scenario: Scenario, folder: Path) -> bool:
        """One scenario, from its first act to its printed verdict. Returns: whether it passed, or was skipped."""
        make_folder(folder)
        progress = Progress(called(path, scenario), self._to)
        journal_path = folder / "journal.jsonl"
        with Ongoing(folder / "verdicts.jsonl", progress) as ongoing:
            result = self._rehearse(path, scenario, journal_path, ongoing)
            self.reached = result.reached
            ran = self._ran(path, scenario, result, progress.wall_s, str(journal_path))
            ongoing.end(ran)
        say(text.report(ran, colour=self._colour), self._to)
        self._record(ran)
        if not ran.skipped:
            self._codes.append(_CODES[ran.verdict] if result.error is None else result.error.exit_code)
        return bool(ran.skipped) or self._codes[-1] == ExitCode.PASSED

    def _rehearse(self, path: Path, scenario: Scenario, journal_path: Path, watch: Ongoing) -> Result:
        try:
            with open_journal(journal_path) as journal:
                end_at_once()  # until the rehearsal has its own way of stopping
                self._raise_if_stopped()
                return rehearse(scenario, self._settings, journal, watch)
        except (Stopped, Exception) as error:
            stopped = error if isinstance(error, Stopped) else came()
            if stopped is not None:
                return _without_verdict(Interrupted(stopped.number))
            if isinstance(error, UsageError):
                raise UsageError(f"{called(path, scenario)}: {error}") from error
            broken = error if isinstance(error, SimulatorError) else LocalError(_crash(journal_path.parent, error))
            return _without_verdict(broken)
        finally:
            self._signals.begin()
            watch.close()

    def _raise_if_stopped(self) -> None:
        if self._signals.stopped is not None:
            raise self._signals.stopped

    def leave_out(self, path: Path, scenario: Scenario) -> None:
        """It was not run, because of how it went before; no report may look as if all were well."""
        why = f"{NOT_RUN}: {self._told_to_end}" if self.stopped else NOT_RUN if self.reached else NOT_THERE
        result = Result(verdicts=Verdicts(verdict="inconclusive", judgements=(), cut=why), target="")
        self._record(self._ran(path, scenario, result, 0.0, ""))

    def _ran(self, path: Path, scenario: Scenario, result: Result, wall_s: float, journal: str) -> Ran:
        return Ran(
            promise=label(scenario),
            case=scenario.case,
            file=str(path),
            seed=scenario.seed if self._settings.seed is None else self._settings.seed,
            time=self._settings.time,
            target=result.target,
            verdicts=result.verdicts,
            wall_s=wall_s,
            journal=journal,
            notes=_notes(result.left_behind),
            skipped=result.skipped,
        )

    def _record(self, ran: Ran) -> None:
        self._rans.append(ran)
        try:
            with (self._out / "report.txt").open("a", encoding="utf-8") as file:
                file.write(text.report(ran))
        except OSError as error:
            raise LocalError(f"{self._out}: cannot write the verdicts: {error.strerror}") from error
        replace(self._out / "verdicts.json", as_json.encode(self._rans))
        replace(self._out / "junit.xml", junit.encode(self._rans))
        self._copies.write(self._rans)

    def close(self) -> int:
        """Print the last line. Returns: the worst exit code; that nothing at all was run is inconclusive."""
        if self._signals.stopped is not None:
            self._codes.append(self._signals.stopped.exit_code)
        last = text.summary(self._rans, time.monotonic() - self._started, colour=self._colour).rstrip("\n")
        say(f"{last}; journals and verdicts in {self._out}\n", self._to)
        self._copies.print(self._rans)
        if not self._codes:
            print("simulator: every scenario was skipped, so nothing was proven", file=sys.stderr)
            return ExitCode.INCONCLUSIVE
        # What was interrupted or broke says more than a verdict, and a failure more than an inconclusive one.
        worst = sorted(self._codes, key=lambda code: (code >= ExitCode.BROKEN, code == ExitCode.FAILED, code))
        return worst[-1]


def _without_verdict(error: SimulatorError) -> Result:
    """It broke before anything could be judged."""
    return Result(verdicts=Verdicts(verdict="inconclusive", judgements=(), cut=str(error)), target="", error=error)


def _notes(left_behind: Sequence[str]) -> tuple[str, ...]:
    """What clean-up had to leave, in a few lines."""
    told = [f"not removed from the platform: {what}" for what in left_behind[:_NOTES_TOLD]]
    if len(left_behind) > _NOTES_TOLD:
        told.append(f"and {len(left_behind) - _NOTES_TOLD} more")
    return tuple(told)


def say(words: str, out: TextIO) -> None:
    """Print it. Whoever reads may have left (`| head -1`): the files and the exit code are still worth something."""
    try:
        print(words, end="", flush=True, file=out)
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())
        if not isinstance(error, BrokenPipeError):
            print(f"simulator: cannot write the output: {error.strerror}", file=sys.stderr)


def replace(path: Path, content: bytes) -> None:
    """Whole or not at all: whoever reads it meanwhile sees the old one. Raises: LocalError."""
    draft = path.with_name(path.name + ".part")
    try:
        draft.write_bytes(content)
        draft.replace(path)
    except OSError as error:
        raise LocalError(f"{path}: cannot write the verdicts: {error.strerror}") from error


def make_folder(folder: Path) -> None:
    """Raises: UsageError: it cannot be there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unusable(folder, error) from error


def unusable(folder: Path, error: OSError) -> UsageError:
    """Why the results cannot go there, and what to do."""
    return UsageError(f"cannot write to {folder}: {error.strerror}; name another folder with --out")


def _crash(folder: Path, error: BaseException) -> str:
    """A defect of the simulator: the details go to a file, the user gets a line."""
    import traceback

    what = f"the simulator itself broke: {type(error).__name__}: {error}"
    note = folder / "crash.txt"
    try:
        note.write_text("".join(traceback.format_exception(error)), encoding="utf-8")
    except OSError as no_note:
        return f"{what}; details could not be written to {note}: {no_note.strerror}"
    return f"{what}; details in {note}"
