"""One readable line per event, whatever somebody put into a tag."""

from __future__ import annotations

import pytest

from simulator.server.log import describe, device_name
from simulator.server.span.core import SpanCore
from simulator.server.span.registry import GONE_MOST

EVENT = (
    b'{"collectionId":"17dj5j4ce8bkci","data":{"bytes":"9","transport":"udp"},"deviceId":"17kl14hm46h4c2",'
    b'"event":"upstreamMessage","time":"2024-04-25 20:23:36"}\n'
)


@pytest.mark.parametrize(
    ("message", "name", "line"),
    [
        (EVENT, "meter 7", "2024-04-25 20:23:36  upstreamMessage     meter 7 (17kl14hm46h4c2)  bytes=9 transport=udp"),
        (EVENT, "", "2024-04-25 20:23:36  upstreamMessage     17kl14hm46h4c2  bytes=9 transport=udp"),
        (
            b'{"collectionId":"17dj","event":"gatewayConnected","time":"2024-04-25 20:23:36"}',
            "",
            "2024-04-25 20:23:36  gatewayConnected    17dj",
        ),
        (b'{"dropped":"12","type":"dropped"}', "", "now  12 events were too many to print"),
        (b'{"type":"keepalive"}', "", None),
        (b'{"event":"x","time":"t","data":{"a":"\\u001b[2J\\n"}}', "", "t  x                     a=�[2J�"),
    ],
)
def test_lines(message, name, line):
    assert describe(message, lambda device: name, "now") == line


def test_a_device_is_called_by_its_tag():
    core = SpanCore()
    device = core.registry.create_device(core.create_collection())
    name_of, another = device_name(core.registry), None
    assert name_of(device.id) == ""
    device.tags = {"name": "meter\x1b7"}
    assert name_of(device.id) == "meter�7"
    core.remove(device, 0)
    assert name_of(device.id) == "meter�7"  # its deviceRemoved is printed later
    for _ in range(GONE_MOST):
        another = core.registry.create_device(core.create_collection() if another is None else another.collection)
        another.tags = {"name": "another"}
        core.remove(another, 0)
    assert name_of(device.id) == ""
    assert len(core.registry.gone) == GONE_MOST


def test_who_watches_everything_outlives_each_collection():
    core = SpanCore()
    watching = core.watch(0, limit=10)
    gone = core.create_collection()
    listening = core.subscription(0)
    core.listen(gone, listening, activity=True)
    core.remove_collection(gone)
    assert (str(listening.closed), watching.closed) == ("collection removed (1001)", None)
    device = core.registry.create_device(core.create_collection())
    core.activity.device_created(device, 0)
    assert [b"deviceCreated" in message for message in watching.take()] == [True]
