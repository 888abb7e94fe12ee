"""Whatever gateways, operators and programs do, in whatever order: what is known of sessions fits together."""

from __future__ import annotations

import random

import pytest

from simulator.protocol.radius.fields import Accounting, Bearer
from simulator.protocol.radius.numbers import Status
from simulator.server.span.core import SpanCore
from simulator.server.span.durable import keep, revive
from simulator.server.span.errors import Refusal
from simulator.server.span.settings import NS_PER_S, SpanSettings
from simulator.wire.address import address, ipv4

SIMS = [f"99999000000000{number}" for number in range(1, 7)]
MODEMS = ["", *(f"9899990000000{number}01" for number in range(1, 7))]
HOSTS = [ipv4(host) for host in ("10.64.0.1", "10.64.0.2", "10.64.0.3", "127.64.0.3", "198.51.100.8")]
SOURCES = ["", "", "127.0.0.1:4200", "127.0.0.1:4201", "192.0.2.1"]
SEEDS, STEPS = 150, 100


class Story:
    """One platform, and what happens to it: everything is drawn from the seed."""

    def __init__(self, seed):
        self.draw = random.Random(seed)
        options = {"network_bits": self.choose(10, 29), "disconnect_on_update": self.choose(True, False)}
        self.core = SpanCore(SpanSettings(**options))
        self.collection = self.core.create_collection()
        self.reachable = self.choose(True, False)
        self.listen()
        self.now_ns = 1_714_076_616 * NS_PER_S

    def choose(self, *among):
        return self.draw.choice(among)

    def listen(self):
        self.core.radius.send_disconnect = (lambda _session: True) if self.reachable else None

    def bearer(self):
        host, source = self.choose(0, *HOSTS), self.choose(*SOURCES)
        imsi = self.choose("", *SIMS)
        return Bearer(
            nas_id=self.choose("one", "two"), imsi=imsi, imeisv=self.choose(*MODEMS), address=host, source=source
        )

    def identity(self):
        return self.choose("", *SIMS), self.choose(*MODEMS)[:14]

    def device(self):
        devices = list(self.core.registry.devices.values())
        return self.draw.choice(devices) if devices else self.create()

    # --- what happens -------------------------------------------------------------------------------------------------

    def create(self):
        imsi, imei = self.identity()
        try:
            device = self.core.registry.create_device(self.collection, imsi=imsi, imei=imei)
        except Refusal:
            return next(iter(self.core.registry.devices.values()))
        self.core.changed(device, self.now_ns)
        return device

    def configure(self):
        device, (imsi, imei) = self.device(), self.identity()
        try:
            self.core.registry.check_unique(imsi, imei, device)
        except Refusal:
            return
        self.core.registry.set_identity(device, imsi, imei)
        self.core.changed(device, self.now_ns)

    def remove(self):
        self.core.remove(self.device(), self.now_ns)

    def access(self):
        self.core.radius.access(self.bearer(), address("127.0.0.1", self.choose(1000, 1001)), self.now_ns)

    def report(self):
        class_ = self.choose(b"", b"d:" + self.device().id.encode())
        self.tell(self.choose(Status.START, Status.INTERIM, Status.STOP), self.bearer(), class_)

    def restart_gateway(self):
        self.tell(self.choose(Status.ON, Status.OFF), Bearer(nas_id=self.choose("one", "two")), b"")

    def tell(self, status, bearer, class_):
        told_s = self.choose(0, self.now_ns // NS_PER_S - 1, self.now_ns // NS_PER_S)
        name = self.choose("", "S1", "S2", "S3")
        report = Accounting(status=status, session_id=name, bearer=bearer, class_=class_, event_unix_s=told_s)
        self.core.radius.account(report, 1, self.now_ns)

    def login_by_the_door(self):
        imsi, imei = self.identity()
        self.core.login(imsi, imei, self.choose(None, *HOSTS), self.now_ns, source=self.choose(*SOURCES) or None)

    def logout(self):
        self.core.logout(self.choose(*SIMS, *HOSTS), self.now_ns)

    def cut_off(self):
        sessions = list(self.core.network.sessions.values())
        if sessions:
            session = self.draw.choice(sessions)
            self.core.radius.cut_off(session)
            if self.choose(True, False):
                self.core.radius.disconnected(session)

    def restart(self):
        self.core = revive(self.core.settings, keep(self.core))
        (self.collection,) = self.core.registry.collections.values()
        self.listen()

    HAPPENS = (create, configure, *(access, report) * 4, restart_gateway, login_by_the_door, logout, cut_off, remove,
               restart)  # fmt: skip

    def step(self):
        self.now_ns += self.choose(0, 1, 2) * NS_PER_S
        self.choose(*self.HAPPENS)(self)

    # --- what is true -------------------------------------------------------------------------------------------------

    def check(self):
        network = self.core.network
        addresses, sessions = network.addresses, list(network.sessions.values())
        by_sim = {session.imsi: session for session in sessions}
        assert by_sim == network._of_sim
        assert len(by_sim) == len(sessions)
        assert {s.device.number: s for s in sessions} == {
            device.number: device.session for device in self.core.registry.devices.values() if device.session
        }
        for where, session in network.sessions.items():
            assert session.address == where
            assert addresses.shown(addresses.given[session.imsi]) == session.device.ciot.allocated_ip
        assert len({session.device.ciot.allocated_ip for session in sessions}) == len(sessions)
        # An address is held by its session, or remembered for who has left.
        assert addresses.given.keys() - by_sim.keys() == set(addresses.left)
        assert {where: imsi for imsi, where in addresses.given.items()} == addresses._owner
        assert addresses._taken == sum(map(addresses._is_own, addresses._owner))
        for (gateway, account), session in network.accounts._open.items():
            assert by_sim.get(session.imsi) is session
            assert (session.gateway, session.account) == (gateway, account)


@pytest.mark.parametrize("tens", range(SEEDS // 10))
def test_what_is_known_of_sessions_fits_together(tens):
    for seed in range(tens * 10, tens * 10 + 10):
        story = Story(seed)
        for _ in range(STEPS):
            story.step()
            story.check()
