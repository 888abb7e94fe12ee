"""A program for test_blueprint.py: Locust's own web UI with ours in it, asked through Flask's test client.

Prints what came back as JSON. Importing Locust changes the process, so this is one of its own.
"""

from __future__ import annotations

import json
import logging
from typing import Any

from locust import User
from locust.env import Environment
from werkzeug.test import TestResponse

from simulator.clock import VirtualClock
from simulator.load import web
from simulator.load.histograms import Histogram
from simulator.load.tally import GroupTally, LedgerCounts, Tally
from simulator.load.totals import Totals
from simulator.load.verdict import Facts, Held, LoadVerdict
from simulator.load.view import view_of

EVIL = "</script><script>alert(1)</script>"


class Desk:
    """Has something to show, or fails to."""

    def __init__(self) -> None:
        self.asked = 0
        self.broken = False
        self.word: Any = "fail"

    def view(self) -> dict[str, Any]:
        self.asked += 1
        if self.broken:
            raise RuntimeError("the token is hunter2")
        totals = Totals()
        took = Histogram()
        took.record_many([0.001, 0.002])
        group = GroupTally(planned=3, joined=2, uploads=LedgerCounts(sent=5), failures={EVIL: 1})
        totals.take(Tally(worker="w", groups={"meters": group}, histograms={"upload meters": took.encode()}))
        held = (Held(text="lost = 0", found="0", holds=True),)
        verdict = LoadVerdict(word=self.word, findings=(EVIL,), expectations=held)
        return view_of(totals.merged(), verdict, Facts(title=EVIL, over=False))


class Nobody(User):
    """Locust wants one."""


def served(desk: Desk, clock: VirtualClock, **options: Any) -> Any:
    environment = Environment(user_classes=[Nobody])
    environment.create_local_runner()
    ui = environment.create_web_ui("127.0.0.1", 0, delayed_start=True, **options)
    web.install(environment, desk.view, clock)
    assert ui.app is not None
    if options.get("web_login"):
        ui.app.config["SECRET_KEY"] = "s"
        ui.login_manager.user_loader(lambda _: None)
    return ui.app.test_client()


def told(answer: TestResponse) -> dict[str, Any]:
    return {
        "status": answer.status_code,
        "type": answer.mimetype,
        "headers": {name.lower(): value for name, value in answer.headers.items()},
        "text": answer.get_data(as_text=True),
    }


def main() -> None:
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    logging.getLogger("simulator.load.web").addHandler(handler)
    found: dict[str, Any] = {}
    desk, clock = Desk(), VirtualClock()
    client = served(desk, clock)
    paths = ("/", "/fleet", "/fleet/", "/fleet/state.json", "/fleet/state.json?brief", "/stats/requests", "/tasks")
    found["plain"] = {path: told(client.get(path)) for path in paths}
    found["asked at once"] = desk.asked
    clock.time_s, desk.word = 1.0, "invalid"
    # Locust hands out the answer that it kept; what we add to it must be today's.
    found["later"] = told(client.get("/stats/requests"))
    clock.time_s, desk.broken = 2.0, True
    found["broken"] = {path: told(client.get(path)) for path in ("/fleet/state.json", "/stats/requests", "/", "/fleet")}
    clock.time_s = 3.0
    client.get("/fleet/state.json")
    found["log"] = lines[:]
    clock.time_s, desk.broken = 4.0, False
    found["mended"] = told(client.get("/fleet/state.json"))
    based = served(Desk(), VirtualClock(), web_base_path="/load")
    found["based"] = {path: told(based.get(path)) for path in ("/load/fleet", "/load/fleet/", "/fleet", "/load/")}
    found["based"]["state"] = told(based.get("/load/fleet/state.json"))
    unseen = Desk()
    locked = served(unseen, VirtualClock(), web_login=True)
    found["locked"] = {path: told(locked.get(path)) for path in paths}
    found["asked by strangers"] = unseen.asked
    headless = Environment(user_classes=[Nobody])
    web.install(headless, desk.view)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
