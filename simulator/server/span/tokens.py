"""API tokens: who may do what (span §2.1).

Order of checks: unknown token 401, path not below the token's resource 403, a change with a read-only token 403.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from simulator.server.span.errors import Refusal
from simulator.server.span.settings import TokenSettings

TOKEN_HEADER = "x-api-token"
_SCHEMES = ("token", "bearer")
"""The CLI sends the first word literally, the user API describes the second; both are taken."""
_CHANGES = frozenset({"POST", "PATCH", "DELETE", "PUT"})
_PREFIX = "/span"


@dataclass(frozen=True, slots=True)
class Token:
    """A known token; `resource` is a path prefix without `/span`."""

    text: str = field(repr=False)
    resource: str
    write: bool

    def covers(self, path: str) -> bool:
        """Whether a request path starts with its resource; both are compared without `/span`."""
        return (_bare(path) or "/").startswith(self.resource)


class Tokens:
    """All tokens of the platform.

    A JWT of the user API is opaque to clients, so a token's text serves as one: `Authorization` and the first message
    of a stream take it as well.
    """

    def __init__(self, tokens: Iterable[TokenSettings] = ()) -> None:
        self._known: dict[str, Token] = {}
        for token in tokens:
            self.add(token)

    def add(self, token: TokenSettings) -> None:
        """Make a token known, or change what it may do."""
        self._known[token.text] = Token(token.text, _bare(token.resource) or "/", token.write)

    def remove(self, text: str) -> bool:
        """Make a token unknown. Returns: False: it was."""
        return self._known.pop(text, None) is not None

    @property
    def all(self) -> tuple[TokenSettings, ...]:
        """What is known, in the order of coming."""
        return tuple(
            TokenSettings(text=token.text, resource=token.resource, write=token.write) for token in self._known.values()
        )

    def find(self, text: str) -> Token:
        """The token with that text. Raises: Refusal 401."""
        token = self._known.get(text) if text else None
        if token is None:
            raise Refusal(401, "Unknown API token")
        return token

    def check(self, token: Token, method: str, path: str) -> None:
        """Raises: Refusal 403."""
        if not token.covers(path):
            raise Refusal(403, "The API token does not cover this resource")
        if method in _CHANGES and not token.write:
            raise Refusal(403, "The API token is read-only")


def credentials(headers: Mapping[str, str]) -> str:
    """The token text of a request, "" if it has none.

    The header of its own wins: the CLI sends both when it is logged in as well.
    """
    own = headers.get(TOKEN_HEADER, "")
    if own:
        return own
    scheme, _, text = headers.get("authorization", "").partition(" ")
    return text.strip() if scheme.lower() in _SCHEMES else ""


def _bare(path: str) -> str:
    return path[len(_PREFIX) :] if path == _PREFIX or path.startswith(_PREFIX + "/") else path
