"""What goes wrong so seldom that only many messages show it; and so cheaply that the server stays as fast as ever."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from typing import TYPE_CHECKING, Any

from simulator.server.mutants.tools import Defect, Patches
from simulator.server.span.model import Device

if TYPE_CHECKING:
    from simulator.server.app import ReferenceServer

ONE_IN = 10_000


def _one_in_ten_thousand_lost(server: ReferenceServer, patches: Patches) -> None:
    """Counted over all devices: whoever sends fewer messages than that finds nothing."""
    number = count(1)

    # Not `tools.on_events`: that takes every event apart and encodes it anew, and a load test would see that.
    def upstream(honest: Any, device: Device, size: int, transport: bytes, now_ns: int) -> None:
        if next(number) % ONE_IN:
            honest(device, size, transport, now_ns)

    patches.wrap(server.core.activity, "upstream_message", upstream)


DEFECTS: Mapping[str, Defect] = {
    "upstreamMessage-one-in-10000-lost": Defect("span §3.4", _one_in_ten_thousand_lost),
}
