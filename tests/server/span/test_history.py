"""What is kept is bounded, by rows and by bytes."""

from __future__ import annotations

import pytest

from simulator.server.span.history import LargePayloads, Page, cut


def test_a_devices_share_depends_on_how_many_there_are(make_platform):
    platform = make_platform(messages_total=100, messages_per_device=30, messages_per_device_least=2)
    collection = platform.collection()
    platform.attached(collection)
    for _ in range(100):
        platform.up()
    (device,) = platform.core.registry.devices.values()
    assert len(device.history) == 30
    for number in range(2, 101):
        platform.device(collection, str(number))
    platform.login("100", "", "127.64.0.6")
    for _ in range(100):
        platform.up(where="127.64.0.6")
    assert len(platform.core.registry.by_imsi[100].history) == 2


def test_a_collection_keeps_its_newest(make_platform):
    platform = make_platform(messages_per_collection=20, messages_per_collection_least=1)
    collection = platform.collection()
    platform.attached(collection)
    for number in range(50):
        platform.up(bytes((number,)))
    rows = platform.call("GET", f"/span/collections/{collection}/data")["data"]
    assert (len(rows), rows[0]["payload"], rows[-1]["payload"]) == (20, "MQ==", "Hg==")


def test_long_payloads_share_one_store_and_the_oldest_goes(make_platform):
    platform = make_platform(small_payload_bytes=10, large_payload_bytes=100)
    collection = platform.collection()
    device = platform.attached(collection)
    platform.up(b"short")
    for number in range(10):
        platform.up(bytes((number,)) * 30)
    path = f"/span/collections/{collection}/devices/{device}"
    rows = platform.call("GET", f"{path}/inbox")["messages"]
    assert [row["payload"][:4] for row in rows] == ["CQkJ", "CAgI", "BwcH", "c2hv"]
    assert platform.call("GET", path)["lastPayload"] == rows[0]["payload"]


def test_one_payload_longer_than_the_store_is_forgotten_at_once():
    store = LargePayloads(10)
    store.keep(1, bytes(11))
    assert store.get(1) is None
    store.keep(2, bytes(10))
    assert store.get(2) == bytes(10)


@pytest.mark.parametrize(
    ("page", "items"),
    [
        (Page(limit=2, start_ms=0, end_ms=99), [5, 4]),
        (Page(limit=9, start_ms=20, end_ms=40), [4, 3, 2]),
        (Page(limit=9, before=3), [2, 1]),
        (Page(limit=1, before=99), [5]),
        (Page(limit=9, before=1), []),
        (Page(limit=0, start_ms=0, end_ms=99), []),
        (Page(limit=9, start_ms=60, end_ms=99), []),
    ],
)
def test_cutting_a_page(page, items):
    assert list(cut([5, 4, 3, 2, 1], page, lambda item: (item, item * 10))) == items
