"""The page `/fleet`: three files put into one document that needs nothing else, and may not ask for anything else."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files
from typing import Final


def _read(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


@cache
def document() -> str:
    """The whole page; the same for everybody, its figures come later.

    >>> "<script>" in document() and "https://" not in document()
    True
    """
    return _read("fleet.html").replace("/*STYLE*/", _STYLE).replace("/*SCRIPT*/", _SCRIPT)


_STYLE: Final = _read("fleet.css")
_SCRIPT: Final = _read("fleet.js")

HEADERS: Final = {
    "Content-Type": "text/html; charset=utf-8",
    # Names of groups and reasons come from files and platforms: nothing of them is ever run.
    "Content-Security-Policy": f"default-src 'none'; script-src {_hash(_SCRIPT)}; style-src {_hash(_STYLE)}; "
    "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}

_LINK: Final = """
<a id="fleet-link" href="./fleet">Fleet and verdict</a>
<style>
#fleet-link { position: fixed; right: 16px; bottom: 56px; z-index: 1000; padding: 8px 16px; border-radius: 999px;
  font: 600 14px/20px system-ui, sans-serif; color: #fff; background: #475569; text-decoration: none;
  box-shadow: 0 2px 8px rgba(0, 0, 0, .3) }
#fleet-link[data-word=pass] { background: #15803d }
#fleet-link[data-word=fail] { background: #b91c1c }
#fleet-link[data-word=inconclusive] { background: #a16207 }
#fleet-link[data-word=invalid] { background: #7e22ce }
</style>
<script>
(() => {
  const link = document.getElementById("fleet-link");
  const look = async () => {
    try {
      const answer = await fetch("./fleet/state.json?brief", {cache: "no-store"});
      const {word, final} = await answer.json();
      link.dataset.word = word || "";
      link.textContent = "Fleet and verdict" + (word ? ": " + word + (word === "pass" && !final ? " so far" : "") : "");
    } catch { /* the link stays a link */ }
  };
  look();
  setInterval(look, 2000);
})();
</script>
"""


def with_link(html: str) -> str:
    """Locust's page with a link to ours in its corner; one that has no end of body comes back as it is."""
    before, body, after = html.rpartition("</body>")
    return f"{before}{_LINK}{body}{after}" if body else html
