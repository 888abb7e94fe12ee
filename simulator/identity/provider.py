"""Identities for users of Faker: `fake.add_provider(SimProvider)`, then `fake.imsi()` and the others.

The draws come from Faker's own generator, so `seed_instance` repeats them. Two draws may be alike; fleets are numbered
instead (`identity.fleet`). Import this module where it is needed: Faker takes its time.
"""

from __future__ import annotations

from faker.providers import BaseProvider

from simulator.identity import numbers
from simulator.identity.fleet import Identity, identity

DRAW_LIMIT = 10**6
"""Identities that a draw chooses from (mobile-network §2.3)."""


class SimProvider(BaseProvider):
    """SIMs, hardware and phone numbers, valid in form and in use nowhere."""

    def imsi(self) -> str:
        """15 digits in the private PLMN 999/99."""
        return numbers.imsi(self._index())

    def imei(self) -> str:
        """15 digits with a valid check digit."""
        return numbers.imei(self._index())

    def imeisv(self, svn: int = 1) -> str:
        """16 digits; `svn` is the software version, 0 to 98."""
        return numbers.imeisv(self._index(), svn)

    def iccid(self) -> str:
        """20 digits with a valid check digit."""
        return numbers.iccid(self._index())

    def msisdn(self) -> str:
        """15 digits, without a plus sign."""
        return numbers.msisdn(self._index())

    def eid(self) -> str:
        """32 digits with valid check digits."""
        return numbers.eid(self._index())

    def sim(self) -> Identity:
        """All identities of one device that belong together; `sim().eid` and `sim().imeisv` too."""
        return identity(self._index())

    def _index(self) -> int:
        return int(self.generator.random.randrange(DRAW_LIMIT))
