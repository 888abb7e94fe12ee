"""The judge: hands each record of a run to the machines that want it, and asks them for the verdict at the end.

Machines are made once from the scenario. Those of a step listen from its beginning until they are decided; the others
listen all the time. What a record costs depends on who wants it, not on how many subjects there are.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from simulator.assertions.assembly import assemble
from simulator.assertions.counts import Counts
from simulator.assertions.docket import RECENT_KEPT, Docket
from simulator.assertions.shapes import Shapes
from simulator.assertions.steps import StepMachines
from simulator.assertions.switchboard import Boards
from simulator.assertions.verdicts import Finding, Gap, Judgement, Kind, Verdict, Verdicts, worst
from simulator.assertions.world import EVERYTHING, Known, Numbers, World
from simulator.events.records import (
    ActRecord,
    EndRecord,
    EventRecord,
    GapRecord,
    GarbledRecord,
    ReceivedRecord,
    Record,
    RunRecord,
    SeenRecord,
    StateRecord,
    StatisticsRecord,
    StepRecord,
    StreamRecord,
)
from simulator.scenario.model import Scenario, Subject

__all__ = ["EMBEDDED", "Finding", "Gap", "Judge", "Judgement", "Kind", "Verdict", "Verdicts"]

EMBEDDED: Final = "embedded"
"""How `RunRecord.target` begins when the reference server is under test: it is held to its own choices too."""

_NOTHING: Final[tuple[Finding, ...]] = ()
_LET_GO: Final = frozenset({"unsubscribe", "revoke"})  # verbs by which a scenario ends streams


class Judge:
    """Judges one run, record by record, in the order of the journal.

    Args:
        members: group → names of its members that take part, in order. With `--only`, those that keep still are
            left out here and in `subjects_of`: nothing is expected of them.
        subjects_of: whom a subject of the scenario means.
        aliases: the platform's ids → names in the scenario; may grow while the run goes on.
        rerun: command line that runs the scenario again with the same seed, for the failure texts.
        without: names of invariants that are switched off, besides those that the scenario allows.
        known: what is known besides the records; of a run, everything.
        alone: whether `rerun` can be told to repeat one subject alone.
        numbers: IMSI or IMEI → the device whose card or modem was planned with it; asked only where devices may be
            confused with one another. What nobody tells is found out from their logins, as far as it can be.

    The run asks `deadline` after each call and calls `expire` then; after the last step it waits until `deadline` is
    None before it says `finish`, so that nothing which is merely under way is taken for missing.
    """

    def __init__(
        self,
        scenario: Scenario,
        members: Mapping[str, tuple[str, ...]],
        subjects_of: Callable[[Subject], tuple[str, ...]],
        aliases: Mapping[str, str],
        rerun: str,
        without: Sequence[str] = (),
        known: Known = EVERYTHING,
        alone: bool = True,
        numbers: Numbers = dict,
    ) -> None:
        self._docket = docket = Docket(rerun, alone)
        self.deadlines = docket.deadlines
        """What time decides. Its `soonest` tells cheaply whether `deadline` can have come nearer."""
        self._world = world = World(scenario, members, subjects_of, aliases, known, numbers)
        self._boards = Boards(observer.name for observer in scenario.observers)
        self._board = self._boards.own
        self._tokens = {observer.name: observer.token for observer in scenario.observers}
        docket.rewire = self._board.wire
        bench = assemble(docket, scenario, world, subjects_of, without)
        self._steps, self._always, self._states = bench.steps, bench.always, bench.states
        self._shapes = [machine for machine in self._always if isinstance(machine, Shapes)]
        self._boards.connect([*bench.excuses, *self._always])
        self._live: dict[int, StepMachines] = {}
        self.findings = docket.news
        """Decided and not told yet: the list that `news` hands on and empties."""
        self.takers: Mapping[type, Callable[[Any], None]] = {
            EventRecord: self._on_event,
            ActRecord: self._on_act,
            ReceivedRecord: self._on_received,
            StepRecord: self._on_step,
            GapRecord: self._on_gap,
            GarbledRecord: self._on_garbled,
            RunRecord: self._on_run,
            EndRecord: self._on_end,
            SeenRecord: self._on_seen,
            StreamRecord: self._on_stream,
            StateRecord: self._on_state,
            StatisticsRecord: self._on_statistics,
        }
        """What takes each kind of record: `feed` without a word, for who looks at `findings` himself."""
        self._events = self._acts = 0
        self._counts, self._counting = Counts(), bench.counting

    # --- while it runs ------------------------------------------------------------------------------------------------

    def feed(self, record: Record) -> Sequence[Finding]:
        """One record. Returns: what it decided against the scenario."""
        self.takers[type(record)](record)
        return self.news()

    def news(self) -> Sequence[Finding]:
        """What was decided against the scenario and not told yet."""
        findings = self.findings
        if not findings:
            return _NOTHING
        news = tuple(findings)
        findings.clear()
        return news

    @property
    def deadline(self) -> float | None:
        """Earliest run time at which something is decided by time; None: nothing waits for time."""
        return self.deadlines.next

    def expire(self, now: float) -> Sequence[Finding]:
        """Decide what time has decided by `now`. Harmless when called early."""
        docket = self._docket
        self.deadlines.expire(now)
        docket.now_s = max(docket.now_s, now)
        self._retire()
        return self.news()

    def step_open(self, step: int) -> bool:
        """Whether something of a step is undecided: an act under way, an expectation, a window that must stay empty.

        What is read through the platform's API is not waited for: it is read when this is False.
        """
        return self._steps[step].open if 0 <= step < len(self._steps) else False

    def states_wanted(self, step: int) -> tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]:
        """What must be read through the platform's API when the rest of a step (-1: of the run) is decided.

        Returns: for each `state` of it, whose and which fields. One record for each of them, before the step's
        `ended` (or the run's end), answers; it may answer several at once.
        """
        return tuple((form.members, form.paths) for form in self._states.get(step, ()) if form.members)

    def judgements_of(self, step: int) -> tuple[Judgement, ...]:
        """How the checks of a step stand, once it is decided: its outcome, its list, its `never`, its forms.

        Invariants are of no step. A gap that becomes known later may still soften a failure.
        It costs what the checks of that step cost, however many steps there are.

        Returns: in the order of the report; () if there is no such step, or something of it is open.
        """
        if not 0 <= step < len(self._steps) or self._steps[step].open:
            return ()
        machines = self._steps[step]
        machines.count()
        return tuple(self._docket.judgement(check) for check in machines.checks)

    def finish(self, now: float) -> Verdicts:
        """The run is over at `now`. Returns: the verdict on everything; what is undecided is inconclusive."""
        docket = self._docket
        self.deadlines.expire(now)
        docket.now_s = max(docket.now_s, now)
        if docket.cut is None:
            undone = next((machines for machines in self._steps if machines.open), None)
            if undone is not None:
                docket.cut = f"the run ended before step {undone.number + 1} ({undone.verb}) was over"
        for machines in self._steps:
            machines.finish()
        for machine in self._always:
            machine.finish()
        self.findings.clear()
        judgements = tuple(docket.judgement(check) for check in docket.checks)
        return Verdicts(
            verdict=worst(judgements),
            judgements=judgements,
            gaps=docket.gaps.all(),
            acts=self._acts,
            events=self._events,
            cut=docket.cut or "",
            until_s=docket.now_s,
            statistics=self._counts.found(),
        )

    # --- records ------------------------------------------------------------------------------------------------------

    def _on_event(self, event: EventRecord) -> None:
        if not event.judged:
            for take in self._board.provisioned:
                take(event)
            return
        now = event.rx_s
        if now >= self.deadlines.soonest:
            self._pass_time(now)
        self._events += 1
        board, subject = self._board, event.subject
        if subject is None:
            for see in board.strays.get(event.name, board.any_stray):
                see(event)
            return
        for see in board.events.get(event.name, board.any_event):
            see(event)
        recent = self._docket.recent.get(subject)
        if recent is None:
            self._docket.recent[subject] = deque((event,), RECENT_KEPT)
        else:
            recent.append(event)

    def _on_seen(self, record: SeenRecord) -> None:
        """A further observer saw something: for those who speak of it, and for whoever compares."""
        event = record.event
        if event.rx_s >= self.deadlines.soonest:
            self._pass_time(event.rx_s)
        for take in self._board.seen:
            take(record)
        board = self._boards.of(record.observer)
        if board is None or not event.judged:
            return
        if event.subject is None:
            for see in board.strays.get(event.name, board.any_stray):
                see(event)
            return
        for see in board.events.get(event.name, board.any_event):
            see(event)
        self._docket.sight(record.observer).note(event, event.subject)

    def _on_stream(self, record: StreamRecord) -> None:
        self._pass_time(record.t_s)
        sight = self._docket.sight(record.observer)
        if record.phase == "opened":
            sight.opened(record.t_s)
        elif record.phase == "refused":
            sight.refused(record.t_s, record.why)
        else:
            sight.closed(record.t_s, record.why)
        for take in self._board.stream:
            take(record)

    def _on_state(self, record: StateRecord) -> None:
        self._pass_time(record.t_s)
        for form in self._states.get(record.step, ()):
            form.read(record)

    def _on_statistics(self, record: StatisticsRecord) -> None:
        self._pass_time(record.t_s)
        self._counts.take(record)
        for machine in self._counting:
            machine.counted(record)

    def _on_act(self, act: ActRecord) -> None:
        if act.t_s >= self.deadlines.soonest:
            self._pass_time(act.t_s)
        self._docket.act(act)
        if act.verb in _LET_GO and act.phase == "began":
            self._let_go(act)
        board, live = self._board, self._live.get(act.step)
        if act.phase == "began":
            if live is not None:
                for began in live.began:
                    began(act)
            for began in board.began.get(act.verb, board.any_began):
                began(act)
        else:
            self._acts += 1
            if self._docket.unfinished:
                self._docket.act_ended(act)
            if live is not None:
                for ended in live.ended:
                    ended(act)
            for ended in board.ended.get(act.verb, board.any_ended):
                ended(act)

    def _on_received(self, record: ReceivedRecord) -> None:
        if record.t_s >= self.deadlines.soonest:
            self._pass_time(record.t_s)
        for take in self._board.received:
            take(record)

    def _on_step(self, record: StepRecord) -> None:
        self._pass_time(record.t_s)
        if not 0 <= record.step < len(self._steps):
            return
        machines = self._steps[record.step]
        if record.phase == "began":
            if record.step not in self._live:
                self._live[record.step] = machines
                self._boards.connect(machines.listeners, first=True)
            machines.begin(record.t_s)
        elif record.phase == "acted":
            machines.acted(record.t_s)
        else:
            machines.over(record.t_s)
        for take in self._board.stepped:
            take(record)
        self._retire()

    def _on_gap(self, record: GapRecord) -> None:
        self._docket.sight(record.observer).lost(record)
        for take in self._board.lost:
            take(record)

    def _on_garbled(self, record: GarbledRecord) -> None:
        for shapes in self._shapes:
            shapes.garbled(record)

    def _on_run(self, record: RunRecord) -> None:
        self._world.embedded = record.target.startswith(EMBEDDED)
        self._world.virtual = record.time == "virtual"
        for shapes in self._shapes:
            shapes.target(embedded=self._world.embedded, virtual=self._world.virtual)

    def _on_end(self, record: EndRecord) -> None:
        self._pass_time(record.t_s)
        if record.why != "done":
            self._docket.cut = f"the run ended early: {record.why}"

    # --- within -------------------------------------------------------------------------------------------------------

    def _pass_time(self, now: float) -> None:
        """Time has passed without anybody asking, as it does when a journal is judged afterwards."""
        docket = self._docket
        self.deadlines.expire(now)
        docket.now_s = max(docket.now_s, now)

    def _retire(self) -> None:
        """Machines of steps that are decided need no more records."""
        decided = [number for number, machines in self._live.items() if machines.retired]
        if decided:
            self._boards.disconnect([machine for number in decided for machine in self._live.pop(number).listeners])

    def _let_go(self, act: ActRecord) -> None:
        """The scenario itself ends streams: what their observers do not see from here on is no gap."""
        for observer, token in self._tokens.items():
            if observer == act.subject if act.verb == "unsubscribe" else token and token == act.subject:
                self._docket.sight(observer).let_go(act.t_s)
