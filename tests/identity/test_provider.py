"""The Faker provider repeats its draws for a seed, and what it draws is valid in form."""

from __future__ import annotations

import pytest
from faker import Faker

from simulator.identity import numbers
from simulator.identity.provider import DRAW_LIMIT, SimProvider

METHODS = {"imsi": 15, "imei": 15, "imeisv": 16, "iccid": 20, "msisdn": 15, "eid": 32}


def seeded(seed: int) -> Faker:
    fake = Faker()
    fake.add_provider(SimProvider)
    fake.seed_instance(seed)
    return fake


@pytest.mark.parametrize(("method", "length"), METHODS.items())
def test_a_seed_repeats_its_draws(method: str, length: int) -> None:
    def drawn(seed: int) -> list[str]:
        fake = seeded(seed)
        return [getattr(fake, method)() for _ in range(5)]

    assert drawn(7) == drawn(7)
    assert drawn(7) != drawn(8)
    assert {len(text) for text in drawn(7)} == {length}


def test_a_sim_is_one_identity_throughout() -> None:
    sim = seeded(1).sim()
    assert 0 <= sim.index < DRAW_LIMIT
    assert (sim.imsi, sim.imei, sim.iccid, sim.msisdn) == (
        numbers.imsi(sim.index),
        numbers.imei(sim.index),
        numbers.iccid(sim.index),
        numbers.msisdn(sim.index),
    )
