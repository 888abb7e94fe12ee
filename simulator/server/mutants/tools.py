"""How a defect gets into a sound server and out of it again: parts of the living instance are wrapped.

The sound server knows nothing of this: not one check on its way. Undoing in another order than inflicting is allowed;
a wrapper that others have wrapped meanwhile stays, and lets everything pass.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from simulator.server.span import login as rule
from simulator.server.span.core import SpanCore
from simulator.server.span.inet import InetSession
from simulator.server.span.model import Collection, Device, Session
from simulator.server.span.network import LoginAccepted, LoginRejected
from simulator.server.span.router import Route
from simulator.wire.address import Address

if TYPE_CHECKING:
    from simulator.server.app import ReferenceServer
    from simulator.server.fronts.coap import CoapFront

_IPV4 = (1 << 32) - 1


class Patches:
    """What one defect has changed."""

    def __init__(self) -> None:
        self._on = True
        self._back: list[Callable[[], None]] = []

    def wrap(self, part: Any, name: str, crook: Callable[..., Any]) -> None:
        """Let `part.name(…)` become `crook(honest, …)`."""
        honest = getattr(part, name)

        def call(*args: Any, **named: Any) -> Any:
            return crook(honest, *args, **named) if self._on else honest(*args, **named)

        self.put(part, name, call)

    def put(self, part: Any, name: str, value: Any) -> None:
        """Let an attribute of an instance be something else."""
        before = getattr(part, name)
        own = name in vars(part) if hasattr(part, "__dict__") else True

        def back() -> None:
            if getattr(part, name) is not value:
                return  # wrapped by another defect, which is still there
            if own:
                setattr(part, name, before)
            else:
                delattr(part, name)

        setattr(part, name, value)
        self._back.append(back)

    def reroute(self, server: ReferenceServer, method: str, path: str, crook: Callable[..., Any]) -> None:
        """Let `crook(honest, call)` answer this operation; `path` with any segments for its placeholders."""
        found = server.api._router.find(path)
        assert found is not None, path
        methods: Any = found.methods  # the tree's own
        honest = methods[method]

        def handler(call: Any) -> Any:
            return crook(honest.handler, call) if self._on else honest.handler(call)

        route = methods[method] = Route(handler, honest.open)

        def back() -> None:
            if methods[method] is route:
                methods[method] = honest

        self._back.append(back)

    def also(self, back: Callable[[], None]) -> None:
        """Something else to do when it is undone."""
        self._back.append(back)

    def undo(self) -> None:
        """Let the server be sound again; calling it again does nothing."""
        self._on = False
        while self._back:
            self._back.pop()()


class Defect(NamedTuple):
    """What it breaks (section of the sheet) and how it gets in."""

    breaks: str
    inflict: Callable[[ReferenceServer, Patches], None]


# --- events -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Said:
    """One event on its way to the readers of a collection."""

    event: str
    collection: Collection
    device: Device | None
    now_ns: int
    data: dict[str, str] = field(default_factory=dict)


Tell = Callable[[Said], None]
Crook = Callable[[Tell, Said], None]
"""Gets each event, and what would tell it."""


def on_events(server: ReferenceServer, patches: Patches, crook: Crook) -> None:
    """Hand every event of the server to `crook`."""
    activity = server.core.activity

    def emit(honest: Any, event: str, where: Collection, device: Device | None, now_ns: int, data: Any = None) -> None:
        def tell(said: Said) -> None:
            honest(said.event, said.collection, said.device, said.now_ns, said.data)

        crook(tell, Said(event, where, device, now_ns, dict(data or {})))

    def upstream(_honest: Any, device: Device, size: int, transport: bytes, now_ns: int) -> None:
        data = {"bytes": str(size), "transport": transport.decode()}
        activity.emit("upstreamMessage", device.collection, device, now_ns, data)

    patches.wrap(activity, "emit", emit)
    patches.wrap(activity, "upstream_message", upstream)


# --- datagrams --------------------------------------------------------------------------------------------------------


def on_upstream(server: ReferenceServer, patches: Patches, crook: Callable[..., Any]) -> None:
    """Let `crook(honest, source, payload, …)` take every message of a device; over DTLS the source is a session."""
    patches.wrap(server.core, "upstream", crook)
    patches.wrap(server.core.inet, "upstream", crook)
    patches.put(server.udp, "_upstream", server.core.upstream)  # that front looks it up only once


def on_requests(server: ReferenceServer, patches: Patches, crook: Callable[..., Any]) -> None:
    """Let `crook(honest, request, now)` answer every CoAP request."""
    for front in coap_fronts(server):
        layer = front._layer
        patches.wrap(layer, "_handler", crook)
        patches.put(layer._requests, "_handler", layer._handler)


def coap_fronts(server: ReferenceServer) -> tuple[CoapFront, ...]:
    """The endpoints that speak CoAP, with and without DTLS."""
    return server.coap, server.coaps


def session_of(core: SpanCore, source: Address | InetSession) -> Session | None:
    """The session in the mobile network that datagrams from there belong to; None: none, or it came over DTLS."""
    if isinstance(source, InetSession):
        return None
    sessions = core.network.sessions
    return sessions.get(source & _IPV4) or sessions.get(source)


def first_beside(device: Device) -> Device:
    """The oldest device of its collection: another one, unless it is that itself."""
    return next(iter(device.collection.devices.values()), device)


# --- logins -----------------------------------------------------------------------------------------------------------

Outcome = LoginAccepted | LoginRejected


@dataclass(frozen=True, slots=True)
class Login:
    """One login, by RADIUS or by the door, before anybody has decided about it."""

    core: SpanCore
    imsi: str
    imei: str
    address: Any
    now_ns: int
    sound: Callable[[], Outcome]
    """Let the sound server decide, and do what follows from that."""
    rest: Mapping[str, Any]
    """What else the network told, as `Network.login` knows it."""

    @property
    def right(self) -> rule.Decision:
        """What the rule says; nothing comes of asking."""
        registry = self.core.registry
        return rule.decide(self.imsi, self.imei, registry.by_imsi, registry.by_imei)

    @property
    def owner(self) -> Device | None:
        """Whom the SIM, or else the hardware, belongs to."""
        registry = self.core.registry
        return registry.by_imsi.get(rule.imsi_key(self.imsi)) or registry.by_imei.get(rule.imei_key(self.imei))

    def refuse(self, reason: str) -> LoginRejected:
        """Without asking anybody."""
        network = self.core.network
        network._asking = self.imsi, self.imei, self.rest.get("gateway", "")
        return network._reject(reason)


def on_logins(server: ReferenceServer, patches: Patches, crook: Callable[[Login], Outcome]) -> None:
    """Let `crook` decide about every login that is none of nonsense."""
    core = server.core

    def login(honest: Any, imsi: str, imei: str, address: Any, now_ns: int, **rest: Any) -> Outcome:
        def sound() -> Outcome:
            outcome: Outcome = honest(imsi, imei, address, now_ns, **rest)
            return outcome

        if not (imsi.isascii() and imsi.isdigit()):
            return sound()
        told = imei if imei.isascii() and imei.isdigit() else ""
        return crook(Login(core, imsi, told, address, now_ns, sound, rest))

    patches.wrap(core.network, "login", login)
