"""The Faker provider repeats its draws for a seed, and what it draws is valid in form."""

from __future__ import annotations

import pytest
from faker import Faker

from simulator.identity import lint, numbers
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
    assert (sim.imeisv, sim.eid) == (numbers.imeisv(sim.index), numbers.eid(sim.index))


def test_a_seed_repeats_its_sims() -> None:
    assert [seeded(3).sim() for _ in range(2)] == [seeded(3).sim()] * 2
    assert seeded(3).sim() != seeded(4).sim()


def test_a_software_version_can_be_asked_for() -> None:
    assert seeded(1).imeisv(42).endswith("42")
    assert seeded(1).imeisv(42)[:14] == seeded(1).imei()[:14]


def test_draws_are_valid_in_form() -> None:
    fake = seeded(5)
    for _ in range(50):
        assert not lint.imsi_remark(fake.imsi())
        assert not lint.imei_remark(fake.imei())
        assert not lint.imei_remark(fake.imeisv())
        assert not lint.iccid_remark(fake.iccid())
        assert not lint.eid_remark(fake.eid())
        assert fake.msisdn().startswith("999")


def test_it_is_a_provider_among_others() -> None:
    """Faker's own methods still work beside it, and draw from the same generator."""
    assert seeded(1).name() == seeded(1).name()
