"""What has to wait for somebody outside the calendar: a port that is opened, an order to the platform."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, Protocol


class Work(Protocol):
    """Carries out coroutines beside everything else: as tasks of a loop, or as the driver of a Locust worker does."""

    def start(self, coroutine: Coroutine[Any, Any, None], name: str) -> None:
        """Begin; it may be over before this returns. The coroutine must not raise. `name` is for who looks at it."""

    def close(self) -> None:
        """End what is still under way, and start nothing any more."""
