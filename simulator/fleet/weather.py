"""The radios of a run: what was changed in them for a while, and what comes back when that is over.

A change that lasts is a layer over what was there before. When its time is over the layer is taken away and the others
are laid anew in their order, so everything that was changed meanwhile stays as it was changed: a later `link` wins,
one that was only about the delay leaves the loss to come back, and a blackout ends when the radio is changed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from simulator.clock import Timers
from simulator.scenario.model import LinkSpec
from simulator.wire.presets import LinkProfile, preset


@dataclass(frozen=True, slots=True, eq=False)
class _Layer:
    """One change. `spec` None: no datagram passes."""

    spec: LinkSpec | None
    lasting: bool


@dataclass(slots=True)
class _Layers:
    """What was there before the first change that lasts, and all changes since."""

    ground: LinkProfile
    changes: list[_Layer]


class Weather:
    """Changes radios, and has them come back.

    Args:
        present: the profile of somebody's radio, by name.
        change: gives somebody another one.
    """

    def __init__(
        self, timers: Timers, present: Callable[[str], LinkProfile], change: Callable[[str, LinkProfile], None]
    ) -> None:
        self._timers, self._present, self._change = timers, present, change
        self._layers: dict[str, _Layers] = {}
        self.timers = 0
        """How many entries of the calendar are ours."""

    def link(self, name: str, spec: LinkSpec, now: float, lasting_s: float | None = None) -> None:
        """The radio is like this from now on; an empty preset changes what there is. None: to stay."""
        self._lay(name, spec, now, lasting_s)

    def blackout(self, name: str, now: float, lasting_s: float | None = None) -> None:
        """Nothing passes from now on. None: until the radio is changed."""
        self._lay(name, None, now, lasting_s)

    def _lay(self, name: str, spec: LinkSpec | None, now: float, lasting_s: float | None) -> None:
        layer = _Layer(spec, lasting_s is not None)
        present = self._present(name)
        layers = self._layers.get(name)
        if layers is None and lasting_s is not None:
            layers = self._layers[name] = _Layers(present, [])
        if layers is not None:
            layers.changes.append(layer)
        self._change(name, _under(layer, present))
        if lasting_s is not None:
            self.timers += 1
            self._timers.at(now + lasting_s, self._over, (name, layer))

    def _over(self, whose: tuple[str, _Layer], _now: float) -> None:
        self.timers -= 1
        name, layer = whose
        layers = self._layers[name]
        layers.changes.remove(layer)
        profile = layers.ground
        for change in layers.changes:
            profile = _under(change, profile)
        if not any(change.lasting for change in layers.changes):
            del self._layers[name]
        self._change(name, profile)


def _under(layer: _Layer, profile: LinkProfile) -> LinkProfile:
    """What a profile is with a layer on it."""
    spec = layer.spec
    if spec is None:
        return replace(profile, dark=True)
    return replace(preset(spec.preset) if spec.preset else profile, dark=False).changed(spec.changes)
