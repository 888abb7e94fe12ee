"""How long a scenario will probably take, in run time: what decides whether it is worth running in real time.

An estimate, not a promise: waits, spreads and repetitions are added up as written, radios count with their median,
and losses with the retransmissions that the unluckiest device will probably need.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from simulator.plan import arrivals, backoff
from simulator.scenario.model import (
    Attach,
    Block,
    ChangeLink,
    Connect,
    Counted,
    Disconnect,
    DroppedFor,
    Flow,
    Group,
    InSequence,
    LinkSpec,
    Operator,
    Poll,
    PowerOn,
    RebindNat,
    Reboot,
    Restart,
    Scenario,
    StateOf,
    Step,
    Subject,
    SwitchProfile,
    Together,
    Upload,
    Vanish,
    Wait,
    WholeRun,
)

# RFC 7252 §4.8.2: a device gives up MAX_TRANSMIT_WAIT after the first transmission.
MAX_TRANSMIT_WAIT_S = 93.0
# RFC 7252 §4.8: four retransmissions, the first after ACK_TIMEOUT × a factor of 1 to 1.5.
MAX_RETRANSMIT = 4
FIRST_TIMEOUT_S = 2.5


@dataclass(frozen=True, slots=True)
class Radio:
    """What an estimate needs to know of a link: medians in seconds, and the mean share lost one way."""

    delay_s: float = 0.0
    wake_s: float = 0.0
    loss: float = 0.0
    rate_bps: float = math.inf
    """From the device to the platform."""


# mobile-network §6.4, the columns delay, wake, mean loss and rate up.
RADIOS = {
    "perfect": Radio(),
    "wifi": Radio(0.004, 0.0, 0.005, 20e6),
    "lte-m": Radio(0.06, 1.2, 0.01, 375e3),
    "nb-iot-good": Radio(0.4, 2.0, 0.01, 20e3),
    "nb-iot-ce1": Radio(1.2, 4.0, 0.03, 5e3),
    "nb-iot-ce2": Radio(4.0, 9.0, 0.1, 300.0),
    "ntn-geo": Radio(0.6, 6.0, 0.05, 5e3),
    "ntn-leo": Radio(0.08, 4.0, 0.09, 10e3),
}

# mobile-network §1.8: how long a gateway asks a platform that does not answer.
UNANSWERED_S = {"rfc5080": 30.0, "pgw-simple": 20.0}
ROTATION_S = 120.0
"""mobile-network §2.4: between two IMSIs of one card."""

HANDSHAKE_DEADLINE_S = 30.0
"""After which a device gives a handshake up."""
FLIGHTS = 3
"""RFC 6347 §4.2.4: those of a client in a full handshake, each of which is answered."""
HANDSHAKE_BYTES = 1_500
"""About what a client with one certificate sends."""
CONNECTS = (Connect, PowerOn, Reboot)

BLOCK_BYTES = 1024
"""RFC 7959 §2.2: the largest block; each waits for the answer to the one before."""


def duration_s(scenario: Scenario) -> float:
    """Run time of all steps in seconds, in the order and side by side as the scenario says."""
    return _Walk(scenario).after(Block(scenario.flow or tuple(range(len(scenario.steps)))), 0.0)


class _Walk:
    """Goes through the story once, and remembers what the weather has become."""

    __slots__ = ("_groups", "_inet_idle_s", "_links", "_lost", "_operators", "_steps")

    def __init__(self, scenario: Scenario) -> None:
        self._steps = scenario.steps
        self._inet_idle_s = scenario.platform.inet_idle_s
        self._groups = {group.name: group for group in scenario.groups}
        self._links = {group.name: group.link for group in scenario.groups}
        self._lost: set[str] = set()
        """Groups whose sessions the platform hears nothing of any more, without their devices' knowing."""
        self._operators = {operator.name: operator for operator in scenario.operators}

    def after(self, flow: Flow, now: float) -> float:
        """Run time at which this part is over if it begins now."""
        if isinstance(flow, Together):
            return max((self.after(part, now) for part in flow.parts), default=now)
        if isinstance(flow, Block):
            for part in flow.parts:
                now = self.after(part, now)
            return now
        step = self._steps[flow]
        over_s = max(now, step.at_s or 0.0) + self._step_s(step)
        if isinstance(step.act, ChangeLink):
            for subject in step.subjects:
                self._links[subject.group] = _changed(self._links[subject.group], step.act.link)
        if isinstance(step.act, RebindNat):
            self._lost |= {subject.group for subject in step.subjects}
        elif isinstance(step.act, (*CONNECTS, Upload, Poll, Disconnect, Vanish)):
            self._lost -= {subject.group for subject in step.subjects}
        return over_s

    def _step_s(self, step: Step) -> float:
        window_s = step.within_s if _waits_to_the_end(step) else min(step.within_s, self._silence_s(step))
        if isinstance(step.act, Wait):
            return step.act.seconds + window_s
        if isinstance(step.act, Restart):
            return (step.lasting_s or 0.0) + window_s
        act_s = max((self._all_attempts_s(step, subject) for subject in step.subjects), default=0.0)
        # Repetitions are due at a fixed pace; only those that are late, or have none, wait for the one before.
        pace_s = max(step.every_s or 0.0, act_s if step.every_s is None else 0.0)
        return self._spread_s(step) + (step.times - 1) * pace_s + act_s + window_s

    def _silence_s(self, step: Step) -> float:
        """How long a session is silent until the platform ends it, if that is what a wait is for."""
        ends = isinstance(step.act, Wait) and any(one.matcher.name == "clientDisconnected" for one in step.expect)
        return self._inet_idle_s if ends else 0.0

    def _all_attempts_s(self, step: Step, subject: Subject) -> float:
        """An attempt, and those after it if it is to fail; whoever tries again to succeed needs one more, probably."""
        group = self._groups[subject.group]
        act_s: float
        if isinstance(step.act, CONNECTS) and group.network == "inet":
            act_s = _connect_s(step, group, self._links[subject.group])
        elif isinstance(step.act, Attach | PowerOn | Reboot | SwitchProfile):
            operator = self._operators.get(group.operator)
            act_s = 0.0 if operator is None else _attach_s(step, group, operator)
        else:
            act_s = _act_s(step, group, self._links[subject.group])
        fails = step.outcome not in ("ok", "any")
        if not fails and self._in_vain(step, group):
            return MAX_TRANSMIT_WAIT_S + (_pause_s(step, 1) + act_s if step.retries else 0.0)
        again = step.retries if fails else min(step.retries, 1 if step.retry_model else 0)
        return act_s + sum(_pause_s(step, failed) + act_s for failed in range(1, again + 1))

    def _in_vain(self, step: Step, group: Group) -> bool:
        """Whether the first attempt goes to a session that is lost: nobody answers, and only the next one connects."""
        asks = isinstance(step.act, Upload | Poll) and group.transport == "coaps"
        return asks and group.name in self._lost and group.connection.renew_after_s is None

    def _spread_s(self, step: Step) -> float:
        if step.arrivals is None:
            return step.over_s
        count = sum(_count(subject, self._groups[subject.group]) for subject in step.subjects)
        return arrivals.length_s(step.arrivals, count, every_s=step.every_s)


def _count(subject: Subject, group: Group) -> int:
    last = group.count - 1 if subject.last is None else subject.last
    count = last - subject.first + 1
    return count if subject.share is None else max(1, round(subject.share * count))


def _waits_to_the_end(step: Step) -> bool:
    """Whether something in the step is only decided when its window is over. What must come is taken to come soon."""
    return bool(step.never) or any(not _decided_early(form) for form in step.forms)


def _decided_early(form: WholeRun) -> bool:
    if isinstance(form, Counted):
        return form.quantifier != "none" and form.at_most is None
    if isinstance(form, DroppedFor):
        return form.at_most is None
    return isinstance(form, InSequence | StateOf)


def _pause_s(step: Step, failed: int) -> float:
    if not step.retry_model:
        return step.retry_pause_s
    drawn = failed > backoff.T3411_TIMES + 1
    return backoff.longest_s(failed) / (2 if drawn else 1)  # full jitter: half the bound on average


def _attach_s(step: Step, group: Group, operator: Operator) -> float:
    """One attempt to attach, which may be one with each IMSI of the card, or with two profiles."""
    if step.outcome == "timeout":
        return UNANSWERED_S[operator.retransmit]
    seconds = 2 * _radio(operator.link).delay_s
    if isinstance(step.act, SwitchProfile):
        return seconds + (step.act.rollback_s or 0.0)
    if group.sim.kind == "multi":  # whoever has several IMSIs wants to see the next one
        seconds += ROTATION_S * (group.sim.profiles - 1 if step.outcome == "rejected" else 1)
    return seconds


def _connect_s(step: Step, group: Group, link: LinkSpec) -> float:
    """One full handshake; a resumed one is a little shorter."""
    if step.outcome == "timeout":
        return HANDSHAKE_DEADLINE_S
    radio = _radio(link)
    lost = _unluckiest_s(radio.loss, group.count * step.times * FLIGHTS, group.connection.first_timeout_s)
    sent_s = radio.wake_s + FLIGHTS * 2 * radio.delay_s + HANDSHAKE_BYTES * 8 / radio.rate_bps
    return min(sent_s + lost, HANDSHAKE_DEADLINE_S)


def _act_s(step: Step, group: Group, link: LinkSpec) -> float:
    if not isinstance(step.act, Upload | Poll):
        return 0.0
    radio = _radio(link)
    if step.outcome == "timeout" and group.transport == "dtls":  # only the handshake before it is answered
        return HANDSHAKE_DEADLINE_S
    if group.transport in ("udp", "dtls"):
        return 0.0
    if step.outcome == "timeout":
        return MAX_TRANSMIT_WAIT_S
    size = _size(step.act, group)
    round_trips = max(1, math.ceil(size / BLOCK_BYTES))
    confirmable = not isinstance(step.act, Upload) or step.act.confirmable
    repeated_s = _unluckiest_s(radio.loss, group.count * step.times * round_trips) if confirmable else 0.0
    return radio.wake_s + round_trips * 2 * radio.delay_s + size * 8 / radio.rate_bps + repeated_s


def _size(act: Upload | Poll, group: Group) -> int:
    """Bytes that the device sends; a template counts as it is written."""
    carried = (act.payload or group.payload) if isinstance(act, Upload) else None
    if carried is None:
        return 0
    return max(carried.size_bytes, len(carried.content), len(carried.template))


def _unluckiest_s(loss: float, exchanges: int, first_s: float = FIRST_TIMEOUT_S) -> float:
    """How long the exchange with the most retransmissions waits for them, of so many exchanges."""
    lost = 1 - (1 - loss) ** 2
    if lost <= 0:
        return 0.0
    if lost >= 1:
        return MAX_TRANSMIT_WAIT_S
    retransmissions = int(math.log(exchanges) / -math.log(lost))
    if retransmissions > MAX_RETRANSMIT:
        return MAX_TRANSMIT_WAIT_S
    return first_s * ((1 << retransmissions) - 1)


def _radio(link: LinkSpec) -> Radio:
    radio = RADIOS.get(link.preset, Radio())
    values = {change.key: max(change.up or 0.0, change.down or 0.0) for change in link.changes}
    return Radio(
        values.get("delay", radio.delay_s),
        values.get("wake", radio.wake_s),
        values.get("loss", radio.loss),
        values.get("rate", radio.rate_bps),
    )


def _changed(link: LinkSpec, by: LinkSpec) -> LinkSpec:
    """A preset replaces everything, changes add to what is there."""
    if by.preset:
        return by
    return LinkSpec(preset=link.preset, changes=(*link.changes, *by.changes))
