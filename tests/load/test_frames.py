"""The short way through the frames of a stream finds what the library finds, and leaves it the rest."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode

from simulator.load.frames import frame_end, take_messages

SIZES = (0, 1, 125, 126, 127, 65535, 65536)
MOST = 1 << 20


def frame(opcode=Opcode.TEXT, size=3, *, fin=True, mask=False):
    return Frame(opcode, bytes(size), fin=fin).serialize(mask=mask)


frames = st.builds(
    frame,
    st.sampled_from([Opcode.TEXT, Opcode.BINARY, Opcode.PING, Opcode.CLOSE, Opcode.CONT]),
    st.sampled_from([0, 1, 124, 125]),
) | st.builds(
    frame,
    st.sampled_from([Opcode.TEXT, Opcode.BINARY, Opcode.CONT]),
    st.sampled_from(SIZES),
    fin=st.booleans(),
    mask=st.booleans(),
)


def is_plain(data):
    return data[0] in (0x81, 0x82) and data[1] < 127


@settings(max_examples=50)
@given(st.lists(frames, max_size=6), st.integers(0, 1 << 18))
def test_frames_are_told_apart_wherever_they_are_cut(wanted, cut):
    data = b"".join(wanted)[:cut]
    at, messages = 0, []
    for each in wanted:
        end = at + len(each)
        if end > len(data):
            assert frame_end(data, at, MOST) == 0
            assert take_messages(data, at, messages) == at
            break
        assert frame_end(data, at, MOST) == end
        if is_plain(each):
            one = []
            assert take_messages(data[:end], at, one) == end
            assert one == [bytes(len(each) - (2 if each[1] < 126 else 4))]
        else:
            assert take_messages(data, at, messages) == at
        at = end
    assert messages == []


@pytest.mark.parametrize("size", SIZES)
def test_a_message_is_taken_as_it_is(size):
    body = bytes(range(256)) * (size // 256 + 1)
    data = b"??" + Frame(Opcode.TEXT, body[:size]).serialize(mask=False) + frame(size=1)
    messages = []
    end = take_messages(data, 2, messages)
    # What has an eight-byte length is rare, and left to the library.
    assert (messages, end) == (([body[:size], bytes(1)], len(data)) if size <= 65535 else ([], 2))


@pytest.mark.parametrize("size", [126, 1000, 65535, 65536, 1 << 40])
def test_what_is_too_long_is_not_waited_for(size):
    header = b"\x81\x7f" + size.to_bytes(8, "big") if size > 65535 else b"\x81\x7e" + size.to_bytes(2, "big")
    assert frame_end(header, 0, 125) == len(header)
    assert frame_end(header, 0, size) == 0


@pytest.mark.parametrize("data", [b"", b"\x81", b"\x81\x7e\x00", b"\x81\x7f" + bytes(7), b"\x81\x02a"])
def test_half_a_frame_is_waited_for(data):
    messages = []
    assert (frame_end(data, 0, MOST), take_messages(data, 0, messages), messages) == (0, 0, [])
