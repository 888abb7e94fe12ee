"""How long handshakes are to a link."""

from __future__ import annotations

import pytest

from simulator.protocol.dtls.weight import weight


def record(*messages, kind=22, epoch=0):
    body = b"".join(messages)
    return bytes([kind]) + b"\xfe\xfd" + epoch.to_bytes(2, "big") + bytes(6) + len(body).to_bytes(2, "big") + body


def message(kind, body, *, start=0, of=None):
    length = (len(body) if of is None else of).to_bytes(3, "big")
    return bytes([kind]) + length + bytes(2) + start.to_bytes(3, "big") + len(body).to_bytes(3, "big") + body


def certificate(serial, signature, signed=300):
    tbs = b"\xa0\x03\x02\x01\x02\x02" + bytes([serial]) + bytes(signed)
    inner = b"\x30\x82" + len(tbs).to_bytes(2, "big") + tbs + bytes(12 + 3 + signature)
    return b"\x30\x82" + len(inner).to_bytes(2, "big") + inner


def chain(*certificates):
    listed = b"".join(len(each).to_bytes(3, "big") + each for each in certificates)
    return message(11, len(listed).to_bytes(3, "big") + listed)


@pytest.mark.parametrize(
    ("datagram", "more"),
    [
        pytest.param(b"", 0, id="nothing"),
        pytest.param(b"\x16", 0, id="a piece of a record"),
        pytest.param(bytes(200), 0, id="something else"),
        pytest.param(record(message(15, bytes(74))), 2, id="CertificateVerify"),
        pytest.param(record(message(15, bytes(76))), 0, id="the longest"),
        pytest.param(record(message(12, bytes(143))), 2, id="ServerKeyExchange"),
        pytest.param(record(message(12, bytes(143)), message(15, bytes(75))), 3, id="two in a record"),
        pytest.param(record(message(12, bytes(143))) + record(message(15, bytes(75))), 3, id="two records"),
        pytest.param(record(message(15, bytes(50))), 0, id="another signature"),
        pytest.param(record(message(15, bytes(74)), epoch=1), 0, id="encrypted"),
        pytest.param(record(message(15, bytes(74)), kind=23), 0, id="data"),
        pytest.param(record(message(15, bytes(30), start=44, of=74)), 0, id="a fragment"),
        pytest.param(record(message(15, bytes(74)))[:-1], 0, id="cut short"),
        pytest.param(record(chain(certificate(20, 72))), 0, id="the longest certificate"),
        pytest.param(record(chain(certificate(19, 71, 299))), 1 + 1, id="a shorter one"),
        pytest.param(record(chain(certificate(20, 70), certificate(20, 71))), 2 + 1, id="a chain"),
        pytest.param(record(message(11, b"\0\0\x20\0\0\x50" + bytes(9))), 0, id="a list that is none"),
    ],
)
def test_what_could_be_longer(datagram, more):
    assert weight(datagram) == len(datagram) + more


@pytest.mark.parametrize(("length", "counts"), [(1277, 1279), (1279, 1280), (1280, 1280), (1281, 1281)])
def test_nothing_is_made_longer_than_flights_are(length, counts):
    signed = record(message(15, bytes(74)))
    hello = record(message(1, bytes(length - len(signed) - 25)))
    assert len(hello + signed) == length
    assert weight(hello + signed) == counts


def test_whatever_comes_is_weighed():
    whole = record(chain(certificate(20, 70), certificate(20, 71)), message(12, bytes(143)))
    for at in range(len(whole)):
        for value in (0, 1, 11, 22, 255):
            damaged = whole[:at] + bytes([value]) + whole[at + 1 :]
            assert weight(damaged) >= len(damaged)
