"""What a user class may say about its devices, in the words of the scenario language."""

from __future__ import annotations

from typing import Any, ClassVar


class Attributes:
    """Class attributes of FleetUser and DeviceUser; all have defaults, and a scenario takes their place."""

    has_timetable: ClassVar[bool] = True
    """Whether devices act by themselves; of users that have tasks they do not."""
    scenario: ClassVar[str | None] = None
    """Drive the groups of this file; `--scenario` does the same for all classes. None: what follows counts."""
    group: ClassVar[str] = ""
    """Name of the group in statistics and reports; "": that of the class, `SmartMeters` is `smart_meters`."""
    transport: ClassVar[str] = "coap"
    """`coap` and `udp` are of the mobile network, `coaps` and `dtls` of the Internet, with a certificate."""
    payload: ClassVar[Any] = "24 B"
    """As in a scenario: a size, or `{"text": "22.5"}`, `{"hex": …}`, `{"sensor": …}`."""
    link: ClassVar[Any] = None
    """A preset such as `nb-iot-ce1`, or one with changes; None: a perfect one."""
    path: ClassVar[str] = ""
    """CoAP path of uploads; "": `data`."""
    operator: ClassVar[Any] = None
    rat: ClassVar[Any] = None
    cell: ClassVar[Any] = None
    certificate: ClassVar[Any] = None
    connection: ClassVar[Any] = None
    clock: ClassVar[Any] = None
    tags: ClassVar[Any] = None

    # --- of FleetUser ---
    every: ClassVar[str | None] = None
    """How often each device uploads: `1 min`."""
    over: ClassVar[str | None] = None
    """A traffic model in the place of an even spread over each period: `beta-10`, `periodic`, `poisson 3/s`."""
    join_over: ClassVar[str | None] = None
    """The devices of a user attach or connect spread over this time; None: as fast as the platform lets them in."""
    reconnect_every: ClassVar[str | None] = None
    """How often each device attaches or connects anew; None: never."""
    reconnect_over: ClassVar[str | None] = None
    """How a reconnection of all spreads over its period: `uniform-5` is a storm of five seconds."""
