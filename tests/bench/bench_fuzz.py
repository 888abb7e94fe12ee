"""False alarms: random scenarios that promise nothing, in virtual time. On a healthy server no invariant may break.

    .venv/bin/python tests/bench/bench_fuzz.py [--runs 300] [--seed 0] [--only KIND]

Each scenario of the kind `platform` has devices of all kinds, three observers, three tokens, and steps of every verb of
devices and platform, beside and inside one another. The kind `network` has three operators, cards and modems of every
kind, clones of both, SIMs that wander, and one scenario for each of its cases. The kind `internet` has devices with
certificates of every kind, a copy among them, that connect, vanish, close, and move behind their NATs. Every outcome is
expected, so whatever is judged is judged by the invariants. One line for each kind of alarm, with the numbers of its
scenarios; a run that takes longer than a minute is one. `--seed N --runs 1 --show` prints one. The exit code is 1 if
there was any.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Callable
from random import Random

from simulator.errors import SimulatorError
from simulator.events.journal import Journal
from simulator.run.settings import RunSettings
from simulator.run.start import rehearse
from simulator.run.watch import Nobody
from simulator.scenario import loads_all

RUNS = 300
SHOWN = 8
"""So many scenarios of one kind of alarm are named."""
HANGS_S = 60
"""A scenario that takes longer never ends."""

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
    steps = (_block(random, 0, _step) for _ in range(random.randrange(6, 25)))
    return text + "".join(f"  - {step}\n" for step in steps)


def _block(random: Random, depth: int, step: Callable[[Random], str]) -> str:
    """A step, or several beside or behind one another."""
    kind = random.random() if depth < DEEPEST else 1.0
    if kind < 0.25:
        return f"{{together: [{', '.join(_block(random, depth + 1, step) for _ in range(random.randrange(2, 5)))}]}}"
    if kind < 0.35:
        steps = ", ".join(_block(random, depth + 1, step) for _ in range(random.randrange(1, 4)))
        return f"{{repeat: {{times: {random.randrange(2, 4)}, steps: [{steps}]}}}}"
    return step(random)


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


# --- the mobile network -----------------------------------------------------------------------------------------------

NETWORK_HEAD = """\
scenario: Whatever happens to SIMs and modems, the platform keeps its promises
seed: {seed}
allow: [imeiMismatch, imsiMismatch]
platform: {{mismatch_policy: {policy}, disconnect_on_update: {cuts}{interim}}}
operators:
  home: {{gateways: {gateways}, link: $core}}
  abroad: {{plmn: 24201, rat: lte-m, retransmit: pgw-simple, lost_after: {lost} s}}
  blind: {{plmn: 310410, omits: [{omits}]}}
cases:
  steady: {{core: perfect, radio: perfect}}
  shaky: {{core: {{loss: {loss} %, duplicate: {twice} %, delay: {delay} ms, reorder: yes}}, radio: {radio}}}
devices:
  a: {{operator: {operator}}}
  u: {{transport: udp}}
  ms: {{count: 3, link: $radio}}
  e: {{sim: {{profiles: 3}}, link: $radio}}
  i: {{sim: {{imsis: 3}}, identity: {{imsi: blank}}}}
  x: {{sim: none, registered: no}}
  y: {{registered: no, transport: udp, operator: blind}}
  cs: {{registered: no, sim: {{clone_of: {copied}}}}}
  cm: {{registered: no, modem: {{clone_of: {claimed}, svn: 7}}}}
  bi: {{identity: {{imei: blank}}}}
  bm: {{identity: {{imsi: blank}}, operator: abroad}}
  s: {{collection: two}}
  zs: {{count: 2, registered: no, sim: none, link: $radio}}
collections: {{two: {{x: y}}}}
observers: {{o: {{}}, o2: {{collection: two}}}}
steps:
  - {{attach: [{first}], outcome: any}}
"""
WHO_HAS_SIMS = (
    "a", "a", "u", "ms", "ms.1", "ms.0-1", "e", "i", "x", "y", "cs", "cm", "bi", "bm", "s", "[a, u, e]", "[e, i]",
    "50 % of ms",
)  # fmt: skip
SINGLE = ("a", "u", "ms.0", "ms.1", "ms.2", "e", "i", "x", "y", "cs", "cm", "bi", "bm", "s")
NETWORK_VERBS = (
    "attach", "attach", "attach", "attach", "detach", "upload", "upload", "upload", "poll", "send", "power_off",
    "power_on", "reboot", "freeze", "blackout", "wait", "wait", "insert_sim", "remove_sim", "move_sim", "move_sim",
    "swap_sims", "swap_sims", "switch_profile", "switch_profile", "update_modem", "roam", "roam", "cut_off", "cut_off",
    "update", "update", "create", "remove", "move", "restart", "stop", "start",
)  # fmt: skip


def network_text(number: int) -> str:
    """The scenario of that number, in two cases."""
    random = Random(f"network {number}")
    pick = random.choice
    text = NETWORK_HEAD.format(
        seed=random.randrange(99),
        policy=pick(("both", "first")),
        cuts=pick(("yes", "no")),
        interim=pick(("", "", ", interim: 1 min")),
        gateways=pick((1, 2, 3)),
        lost=pick((5, 60, 3480)),
        omits=pick(("imei", "imei", "imei, address", "address", "plmn, rat, location, timezone")),
        loss=pick((0, 10, 30, 60)),
        twice=pick((0, 30, 100)),
        delay=pick((1, 300, 4000)),
        radio=pick(LINKS),
        operator=pick(("home", "abroad", "blind")),
        copied=pick(("a", "u", "ms.1", "e", "i", "s")),
        claimed=pick(("a", "u", "ms.2", "bi", "bm")),
        first=", ".join(random.sample(SINGLE, random.randrange(3, 10))),
    )
    steps = (_block(random, 0, _network_step) for _ in range(random.randrange(6, 25)))
    return text + "".join(f"  - {step}\n" for step in steps)


def _network_step(random: Random) -> str:
    pick = random.choice
    verb, who = pick(NETWORK_VERBS), pick(WHO_HAS_SIMS)
    more = [pick(("", "", "", "every: 900 ms, times: 4", "times: 2"))]
    match verb:
        case "wait":
            return f"{{wait: {pick((1, 500, 4000, 31_000, 130_000))} ms}}"
        case "blackout":
            return f"{{blackout: {who}, lasting: {pick((2, 15, 90))} s}}"
        case "attach":
            more.append(
                pick(("", "", "over: 3 s", "retry: {times: 2, pause: 2 s}", "retry: {times: 4, pause: mobile}"))
            )
        case "upload":
            more += [
                pick(("payload: 24 B", "payload: 300 B")),
                pick(("over: 1 s", "retry: {times: 2, pause: 1 s}", "")),
            ]
        case "poll":
            who = pick(("a", "ms", "e", "i", "s"))
        case "send":
            more.append("payload: 3 B")
        case "power_off" | "reboot":
            more.append(f"abruptly: {pick(('yes', 'no'))}")
        case "freeze":
            more = [f"lasting: {pick((2, 15, 90))} s"]
        case "insert_sim":
            more.append(f"card: {pick(('own', 'own', 'fresh'))}")
        case "remove_sim":
            more.append(f"abruptly: {pick(('yes', 'no'))}")
        case "move_sim" | "swap_sims":
            who, other = pick((random.sample(SINGLE, 2), random.sample(SINGLE, 2), ("ms.0-1", "zs")))
            more += [f"{'to' if verb == 'move_sim' else 'with'}: {other}", f"abruptly: {pick(('yes', 'no'))}"]
        case "switch_profile":
            who = "e"
            more += [f"profile: {pick((1, 2, 3))}", pick(("", f"rollback: {pick((1, 20, 120))} s"))]
        case "update_modem":
            more.append(f"svn: {pick((2, 3))}")
        case "roam":
            where = (f"operator: {pick(('home', 'abroad', 'blind'))}", f"cell: {pick((0, 4711))}", "rat: nr, cell: 12")
            more.append(pick(where))
        case "update":
            told = ("imsi: held", 'imsi: ""', "imei: held", 'imei: ""', "imsi: held, imei: held", "tags: {k: v}")
            more.append(pick(told))
        case "move":
            more.append(f"to: {pick(('two', 'default'))}")
        case "restart" | "stop" | "start":
            who, more = "platform", [f"lasting: {pick((1, 6))} s" if verb == "restart" else ""]
    return f"{{{', '.join([f'{verb}: {who}', 'outcome: any', *filter(None, more)])}}}"


# --- the Internet -----------------------------------------------------------------------------------------------------

INTERNET_HEAD = """\
scenario: Whatever happens to sessions and certificates, the platform keeps its promises
seed: {seed}
platform: {{inet_idle: {idle}{compat}}}
devices:
  c: {{network: inet, connection: {{resume: {resume}}}}}
  d: {{network: inet, transport: dtls, link: {link}}}
  cs: {{count: 3, network: inet, link: {link}, connection: {{{connection}}}}}
  ds: {{count: 2, network: inet, transport: dtls, connection: {{{connection}}}}}
  o: {{network: inet, stack: aiocoap}}
  n: {{network: inet, registered: no}}
  s: {{network: inet, transport: dtls, collection: two}}
  x: {{network: inet, certificate: {kind}, link: {link}}}
  copy: {{network: inet, transport: dtls, registered: {registered}, certificate: {{of: {copied}}}}}
  slow: {{network: inet, clock: {clock}}}
  m: {{link: {link}}}
collections: {{two: {{x: y}}}}
observers: {{ob: {{}}, ob2: {{collection: two}}}}
steps:
  - {{connect: [{first}], outcome: any}}
  - {{attach: m, outcome: any}}
"""
INTERNET = ("c", "d", "cs", "cs.1", "ds", "o", "n", "s", "x", "copy", "slow", "[c, d]", "[cs, ds]", "50 % of cs")
INTERNET_ONES = ("c", "d", "cs", "ds", "o", "n", "s", "x", "copy", "slow")
SPEAKS_COAP = ("c", "cs", "cs.1", "x", "o", "m", "slow")
INTERNET_VERBS = (
    "connect", "connect", "connect", "disconnect", "disconnect", "vanish", "upload", "upload", "upload", "upload",
    "long upload", "poll", "send", "withdraw", "upload_blob", "upload_blob", "rebind_nat", "rebind_nat",
    "renew_certificate", "set_clock", "power_off", "power_on", "reboot", "freeze", "blackout", "link", "wait", "wait",
    "wait", "create", "remove", "move", "update", "restart", "stop", "start",
)  # fmt: skip


def internet_text(number: int) -> str:
    """The scenario of that number."""
    random = Random(f"internet {number}")
    pick = random.choice
    text = INTERNET_HEAD.format(
        seed=random.randrange(99),
        idle=pick(("20 s", "1 min", "10 min", "10 min")),
        compat=pick(("", "", ", transport_compat: unspecified")),
        resume=pick(("yes", "no")),
        link=pick((*LINKS, "{loss: 30 %, duplicate: 30 %, delay: 400 ms, reorder: yes}")),
        connection=pick(("on_demand: no", "close_after: 15 s", "renew_after: 12 s", "timeout: 9 s", "cipher: ccm8")),
        kind=pick(("none", "foreign", "self-signed", "expired", "early", "gateway")),
        registered=pick(("yes", "no")),
        copied=pick(("c", "d", "cs.1", "s")),
        clock=pick(("reset", "{fast: 20 d}", "{slow: 20 d}")),
        first=", ".join(random.sample(INTERNET_ONES, random.randrange(3, 8))),
    )
    steps = (_block(random, 0, _internet_step) for _ in range(random.randrange(6, 25)))
    return text + "".join(f"  - {step}\n" for step in steps)


def _internet_step(random: Random) -> str:
    pick = random.choice
    verb, who = pick(INTERNET_VERBS), pick(INTERNET)
    more = [pick(("", "", "", "every: 900 ms, times: 4", "times: 2"))]
    match verb:
        case "wait":
            return f"{{wait: {pick((1, 500, 4000, 31_000, 130_000, 700_000))} ms}}"
        case "link":
            radio = f"loss: {pick((0, 10, 40))} %, duplicate: {pick((0, 30, 100))} %, delay: {pick((1, 200, 3000))} ms"
            return f"{{link: {who}, {radio}{pick(('', ', lasting: 20 s'))}}}"
        case "blackout" | "freeze":
            more = [f"lasting: {pick((2, 15, 90))} s"]
        case "connect":
            more.append(pick(("", "over: 3 s", "retry: {times: 2, pause: 2 s}", "resume: no", "resume: yes")))
        case "upload":
            who = pick((who, "m"))
            more += [pick(("payload: 24 B", "payload: 300 B")), pick(("over: 1 s", "retry: {times: 2}", ""))]
        case "long upload":
            verb, who, more = "upload", pick(SPEAKS_COAP), [f"payload: {pick((1500, 5000))} B"]
        case "poll":
            who = pick(SPEAKS_COAP)
        case "send":
            more.append(f"payload: {pick((1, 3, 8, 1300))} B")
        case "upload_blob":
            who = pick((who, "m"))
            more += [f"payload: {pick((1, 300, 300, 5000))} B", pick(("", "content_type: image/png", "retry: 1"))]
        case "set_clock":
            more = [pick(("", "fast: 20 d", "slow: 20 d"))]
        case "power_off" | "reboot":
            more.append(f"abruptly: {pick(('yes', 'no'))}")
        case "move":
            more.append(f"to: {pick(('two', 'default'))}")
        case "update":
            more.append("tags: {k: v}")
        case "restart" | "stop" | "start":
            who, more = "platform", [f"lasting: {pick((1, 6))} s" if verb == "restart" else ""]
    return f"{{{', '.join([f'{verb}: {who}', 'outcome: any', *filter(None, more)])}}}"


# --- alarms -----------------------------------------------------------------------------------------------------------

KINDS: dict[str, Callable[[int], str]] = {
    "platform": scenario_text,
    "network": network_text,
    "internet": internet_text,
}


def alarms(number: int, kind: str = "platform") -> list[str]:
    """What did not pass in the scenario of that number, each in a line that begins with its check."""
    found: list[str] = []
    for scenario in loads_all(KINDS[kind](number), f"fuzz-{kind}-{number}.yaml"):
        where = f" [{scenario.case}]" if scenario.case else ""
        try:
            result = rehearse(scenario, RunSettings(), Journal(lambda _: None), Nobody())
        except SimulatorError as error:
            found.append(f"error{where}: {error}")
            continue
        if result.error is not None:
            found.append(f"error{where}: {result.error}")
        bad = [judgement for judgement in result.verdicts.judgements if judgement.verdict != "pass"]
        found += [f"{judgement.check}{where}: {judgement.verdict}: {judgement.headline}" for judgement in bad]
    return found


def _hangs(_signal: int, _frame: object) -> None:
    raise TimeoutError(f"hangs: longer than {HANGS_S} s")


def main() -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(description="Look for false alarms in random scenarios.")
    parser.add_argument("--runs", type=int, default=RUNS, help=f"how many scenarios of each kind (default {RUNS})")
    parser.add_argument("--seed", type=int, default=0, help="number of the first one (default 0)")
    parser.add_argument("--only", choices=KINDS, help="one kind only")
    parser.add_argument("--show", action="store_true", help="print them instead")
    options = parser.parse_args()
    numbers = range(options.seed, options.seed + options.runs)
    asked = [(kind, number) for kind in ([options.only] if options.only else KINDS) for number in numbers]
    if options.show:
        print(*(KINDS[kind](number) for kind, number in asked), sep="\n")
        return 0
    began = time.monotonic()
    found: dict[str, list[tuple[str, str]]] = {}
    signal.signal(signal.SIGALRM, _hangs)
    for kind, number in asked:
        signal.alarm(HANGS_S)
        try:
            lines = alarms(number, kind)
        except Exception as error:  # a defect of ours: what raised it is what is looked for
            lines = [f"raised: {error!r}"]
        for line in lines:
            found.setdefault(line.partition(":")[0], []).append((f"{kind} {number}", line))
    signal.alarm(0)
    for check, cases in found.items():
        print(f"ALARM {check}: {len(cases)} times, in {', '.join(name for name, _ in cases[:SHOWN])}")
        print(f"      {cases[0][1]}")
    wall_s, count = time.monotonic() - began, sum(map(len, found.values()))
    print(f"{len(asked)} random scenarios in {wall_s:.0f} s: {count} false alarms")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
