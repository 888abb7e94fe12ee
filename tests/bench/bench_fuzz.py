"""False alarms: random scenarios that promise nothing, in virtual time. On a healthy server no invariant may break.

    .venv/bin/python tests/bench/bench_fuzz.py [--runs 300] [--seed 0]

Each scenario has devices of all kinds, three observers, three tokens, and steps of every verb, beside and inside one
another; every outcome is expected, so whatever is judged is judged by the invariants. One line for each kind of alarm,
with the numbers of its scenarios; `--seed N --runs 1 --show` prints one. The exit code is 1 if there was any.
"""

from __future__ import annotations

import argparse
import sys
import time
from random import Random

from simulator.errors import SimulatorError
from simulator.events.journal import Journal
from simulator.run.settings import RunSettings
from simulator.run.start import rehearse
from simulator.run.watch import Nobody
from simulator.scenario import loads

RUNS = 300
SHOWN = 8
"""So many scenarios of one kind of alarm are named."""

HEAD = """\
scenario: Whatever happens, the platform keeps its promises
seed: {seed}
devices:
  a: {{}}
  b: {{payload: {{text: same}}}}
  u: {{transport: udp}}
  ms: {{count: 3, link: {link}}}
  n: {{registered: no}}
  s: {{collection: two}}
collections: {{two: {{x: y}}}}
observers: {{o: {{}}, o2: {{collection: two}}, p: {{reads: 50/s}}}}
tokens: {{t: {{}}, ro: {{write: no}}, tc: {{collection: two}}}}
steps:
  - {{attach: [a, b, u, ms, s], outcome: any}}
"""
LINKS = ("perfect", "nb-iot-good", "wifi", "lte-m", "nb-iot-ce1")
WHO = ("a", "b", "u", "ms", "n", "s", "ms.1", "[a, u]", "50 % of ms", "[b, s]")
AGAIN = ("", "", "", "every: 100 ms, times: 5", "every: 700 ms, times: 3", "every: 3 s, times: 7", "times: 3")
VERBS = (
    "attach", "upload", "upload", "upload", "upload", "long upload", "poll", "send", "withdraw", "create", "remove",
    "move", "update", "link", "blackout", "freeze", "power_off", "power_on", "reboot", "detach", "wait", "wait",
    "restart", "stop", "start", "subscribe", "unsubscribe",
)  # fmt: skip
DEEPEST = 2
"""Blocks stand so deep in one another."""


def scenario_text(number: int) -> str:
    """The scenario of that number."""
    random = Random(number)
    text = HEAD.format(seed=random.randrange(99), link=random.choice(LINKS))
    steps = (_block(random, 0) for _ in range(random.randrange(6, 25)))
    return text + "".join(f"  - {step}\n" for step in steps)


def _block(random: Random, depth: int) -> str:
    """A step, or several beside or behind one another."""
    kind = random.random() if depth < DEEPEST else 1.0
    if kind < 0.25:
        return f"{{together: [{', '.join(_block(random, depth + 1) for _ in range(random.randrange(2, 5)))}]}}"
    if kind < 0.35:
        steps = ", ".join(_block(random, depth + 1) for _ in range(random.randrange(1, 4)))
        return f"{{repeat: {{times: {random.randrange(2, 4)}, steps: [{steps}]}}}}"
    return _step(random)


def _step(random: Random) -> str:
    verb, who = random.choice(VERBS), random.choice(WHO)
    if verb == "wait":
        return f"{{wait: {random.choice((1, 500, 2500, 20_000, 70_000))} ms}}"
    if verb == "link":
        radio = f"loss: {random.choice((0, 10, 40))} %, duplicate: {random.choice((0, 30, 100))} %"
        slow = f"delay: {random.choice((1, 200, 3000))} ms, reorder: {random.choice(('yes', 'no'))}"
        return f"{{link: {who}, {radio}, {slow}{random.choice(('', ', lasting: 20 s'))}}}"
    if verb == "blackout":
        return f"{{blackout: {who}, lasting: {random.choice((2, 15, 90))} s}}"
    whom, more = _details(random, verb, who)
    words = [f"{'upload' if verb == 'long upload' else verb}: {whom}", "outcome: any", *filter(None, more)]
    return f"{{{', '.join(words)}}}"


def _details(random: Random, verb: str, who: str) -> tuple[str, tuple[str, ...]]:
    """Who acts, and how."""
    pick = random.choice
    match verb:
        case "upload":
            plain = "" if "u" in who else f"confirmable: {pick(('yes', 'yes', 'no'))}"
            over = f"over: {pick((1, 1, 5))} s"
            size, retry = f"payload: {pick((1, 24, 24, 24, 300))} B", pick(("", "retry: {times: 2, pause: 1 s}"))
            return who, (pick(AGAIN), size, plain, over, retry)
        case "long upload":
            return pick(("a", "b", "s", "ms")), (f"payload: {pick((1500, 5000))} B",)
        case "poll":
            return pick(("a", "b", "ms", "s")), (pick(AGAIN),)
        case "send":
            return who, (pick(AGAIN), f"payload: {pick((1, 3, 8))} B", pick(("token: ro", "token: tc", "", "")))
        case "withdraw":
            return who, (f"which: {pick(('oldest', 'newest', 'all'))}",)
        case "move":
            return who, (f"to: {pick(('two', 'default'))}",)
        case "update":
            return who, (f"tags: {{k: v{random.randrange(3)}}}",)
        case "freeze":
            return who, (f"lasting: {pick((2, 15, 90))} s",)
        case "power_off" | "reboot":
            return who, (f"abruptly: {pick(('yes', 'no'))}",)
        case "restart":
            return "platform", (f"lasting: {pick((1, 1, 6))} s",)
        case "stop" | "start":
            return "platform", ()
        case "subscribe" | "unsubscribe":
            return pick(("o", "o2", "p")), ()
    return who, ()


def alarms(number: int) -> list[str]:
    """What did not pass in the scenario of that number, each in a line that begins with its check."""
    scenario = loads(scenario_text(number), f"fuzz-{number}.yaml")
    try:
        result = rehearse(scenario, RunSettings(), Journal(lambda _: None), Nobody())
    except SimulatorError as error:
        return [f"error: {error}"]
    if result.error is not None:
        return [f"error: {result.error}"]
    bad = [judgement for judgement in result.verdicts.judgements if judgement.verdict != "pass"]
    return [f"{judgement.check}: {judgement.verdict}: {judgement.headline}" for judgement in bad]


def main() -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(description="Look for false alarms in random scenarios.")
    parser.add_argument("--runs", type=int, default=RUNS, help=f"how many scenarios (default {RUNS})")
    parser.add_argument("--seed", type=int, default=0, help="number of the first one (default 0)")
    parser.add_argument("--show", action="store_true", help="print them instead")
    options = parser.parse_args()
    numbers = range(options.seed, options.seed + options.runs)
    if options.show:
        print(*map(scenario_text, numbers), sep="\n")
        return 0
    began = time.monotonic()
    found: dict[str, list[tuple[int, str]]] = {}
    for number in numbers:
        for line in alarms(number):
            found.setdefault(line.partition(":")[0], []).append((number, line))
    for check, cases in found.items():
        print(f"ALARM {check}: {len(cases)} times, in {', '.join(str(number) for number, _ in cases[:SHOWN])}")
        print(f"      {cases[0][1]}")
    wall_s, count = time.monotonic() - began, sum(map(len, found.values()))
    print(f"{options.runs} random scenarios in {wall_s:.0f} s: {count} false alarms")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
