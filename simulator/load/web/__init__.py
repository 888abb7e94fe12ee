"""What Locust's web page shows besides requests: the fleet and the verdict, as tabs of its own and as a page `/fleet`.

Imports Flask, which Locust brings along; nothing here imports Locust itself, for `install` is handed its environment.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from flask import Blueprint, Response, redirect, request, url_for

from simulator.clock import Clock, WallClock
from simulator.load.web import page, tables

if TYPE_CHECKING:
    from locust.env import Environment

View = Callable[[], Mapping[str, Any]]
"""Returns what `view.view_of` made; never waits."""

_log = logging.getLogger(__name__)

_NO_STORE: Final = {"Cache-Control": "no-store"}
_FRESH_S: Final = 0.5
"""Several browsers, or several tabs of one, share what was made so lately."""


def install(environment: Environment, view: View, clock: Clock | None = None) -> None:
    """Add tabs and page to the web UI of `environment`, before it serves; does nothing where there is none.

    Pages are behind Locust's login if that is used. Whatever `view` raises is logged and shown as "no figures".
    """
    web = environment.web_ui
    if web is None or web.app is None:
        return
    latest = _Latest(view, clock or WallClock())
    guarded: Callable[[Callable[[], Response]], Any] = web.auth_required_if_enabled
    blueprint = Blueprint("fleet", __name__, url_prefix=_base(web.app))

    @blueprint.route("/fleet")
    @guarded
    def fleet() -> Response:
        return Response(page.document(), headers={**page.HEADERS, **_NO_STORE})

    @blueprint.route("/fleet/")
    def with_slash() -> Any:
        # The page asks for its figures by a relative address, which must begin here.
        return redirect(url_for("fleet.fleet"))

    @blueprint.route("/fleet/state.json")
    @guarded
    def state() -> Response:
        found = latest.get()
        if found is None:
            return _json({"trouble": "no figures at the moment; the log says why"}, 503)
        if "brief" in request.args:
            found = {"word": found["verdict"]["word"], "final": found["verdict"]["final"]}
        return _json(found)

    web.app.register_blueprint(blueprint)
    web.template_args |= {
        "extended_tabs": tables.TABS,
        "extended_tables": tables.TABLES,
        "extended_csv_files": [{"href": "./fleet", "title": "Fleet and verdict, live"}],
    }
    _extend(web.app, latest)


def _extend(app: Any, latest: _Latest) -> None:
    """Locust's own answers get our figures, and its page a link; an answer that is no page or table stays as it is."""

    @app.after_request  # type: ignore[untyped-decorator, unused-ignore]
    def extended(response: Response) -> Response:
        if response.status_code != 200:
            return response
        if request.endpoint == "locust.request_stats":
            found = latest.get()
            # Locust keeps its answer for two seconds and hands out the same object: what we added before is replaced.
            if found is not None and isinstance(own := response.get_json(silent=True), dict):
                response.set_data(json.dumps(own | {"extended_stats": tables.rows_of(found)}))
        elif request.endpoint == "locust.index":
            response.set_data(page.with_link(response.get_data(as_text=True)))
        return response


def _base(app: Any) -> str | None:
    """The path that Locust was told to live under (`--web-base-path`); None: none."""
    for rule in app.url_map.iter_rules():
        if rule.endpoint == "locust.index":
            return str(rule.rule).rstrip("/") or None
    return None


def _json(found: Mapping[str, Any], status: int = 200) -> Response:
    text = json.dumps(found, allow_nan=False, separators=(",", ":"))
    return Response(text, status, headers=_NO_STORE, mimetype="application/json")


class _Latest:
    """The view, made anew at most twice a second, and never a reason for a traceback in Locust's page."""

    def __init__(self, view: View, clock: Clock) -> None:
        self._view = view
        self._clock = clock
        self._found: Mapping[str, Any] | None = None
        self._until_s = -1.0
        self._failed = False

    def get(self) -> Mapping[str, Any] | None:
        now = self._clock.now()
        if now < self._until_s:
            return self._found
        try:
            self._found = self._view()
            self._failed = False
        except Exception:
            self._found = None
            # Once, for the page asks every second.
            if not self._failed:
                _log.exception("the figures for the web page cannot be made")
            self._failed = True
        self._until_s = now + _FRESH_S
        return self._found
