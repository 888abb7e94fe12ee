"""The journal holds whole lines, and reads back as it was written."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.errors import LocalError
from simulator.events.files import open_journal, read_journal
from simulator.events.journal import (
    FLUSH_BYTES,
    MAX_LINE_BYTES,
    Journal,
    JournalError,
    decode_line,
    decode_lines,
    encode,
)
from simulator.events.records import (
    ActRecord,
    EndRecord,
    EventRecord,
    GapRecord,
    GarbledRecord,
    ReceivedRecord,
    RunRecord,
    StatisticsRecord,
    StepRecord,
)

EVENT = EventRecord(
    sys="span",
    name="upstreamMessage",
    subject="meters.3",
    rx_s=60.1,
    unix_s=1767225660,
    data={"transport": "coap", "bytes": "9"},
    collection="default",
    raw={"event": "upstreamMessage", "z": [1, 2.5, None, "ü"], "a": {"b": True}},
)
RECORDS = [
    RunRecord(scenario="ü", file="x.yaml", seed=0, time="virtual", target="embedded", version="1"),
    StepRecord(step=0, phase="began", t_s=0.0),
    ActRecord(step=0, verb="upload", subject="m", n=0, phase="began", t_s=0.1, size=9),
    EVENT,
    ReceivedRecord(subject="m", t_s=1.0, transport="udp", hex="00ff"),
    GapRecord(from_s=1.0, to_s=2.0, why="lost\nit"),
    GarbledRecord(rx_s=1.0, why="nonsense"),
    StatisticsRecord(phase="ended", t_s=2.0, found={"accepted": 2, "rejected.IMEI mismatch": 1}, error="none"),
    EndRecord(t_s=9.0),
]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_every_record_reads_back_from_its_one_line(record):
    line = encode(record)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert decode_line(line) == record


def test_a_line_is_the_same_for_ever():
    assert (
        encode(EVENT)
        == (
            '{"kind":"event","sys":"span","name":"upstreamMessage","subject":"meters.3","rx_s":60.1,"unix_s":1767225660,'
            '"data":{"transport":"coap","bytes":"9"},"collection":"default","reason":null,"judged":true,'
            '"raw":{"event":"upstreamMessage","z":[1,2.5,null,"ü"],"a":{"b":true}}}\n'
        ).encode()
    )


def test_lines_do_not_depend_on_the_hash_seed():
    code = (
        "from simulator.events.span import SpanDecoder; from simulator.events.journal import encode; import sys;"
        'm=b\'{"event":"a","time":"t","collectionId":"c","z":{"b":"1","a":"2","c":"3"}}\';'
        "sys.stdout.buffer.write(encode(SpanDecoder({},{}).decode(m,0.1)))"
    )
    lines = {
        subprocess.run(
            [sys.executable, "-c", code], env={**os.environ, "PYTHONHASHSEED": seed}, stdout=subprocess.PIPE, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(lines) == 1


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_are_short_and_exact(number):
    line = encode(EndRecord(t_s=number))
    assert decode_line(line).t_s == number
    assert len(line) < 70


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{}",
        b"[]",
        b'{"kind":"event"}',
        b'{"kind":"nonsense"}',
        b'{"kind":"end","t_s":"1"}',
        b'{"kind":"end","t_s":1,"why":"\xff"}',
        b"[" * 100_000,
        encode(EVENT)[:-5],
    ],
)
def test_a_line_that_is_no_record_is_refused_with_its_number(line):
    with pytest.raises(JournalError, match="line 17: no record of a journal"):
        decode_line(line, 17)


@given(st.binary(max_size=100))
def test_arbitrary_lines_are_read_or_refused(line):
    try:
        decode_line(line)
    except JournalError:
        return


@pytest.mark.parametrize("size", [1, 7, 100, 100_000])
def test_chunks_of_any_size_give_the_same_records(size):
    whole = b"".join(map(encode, RECORDS)) + b"\n"
    chunks = [whole[i : i + size] for i in range(0, len(whole), size)]
    assert list(decode_lines(chunks)) == RECORDS


def test_the_line_that_was_being_written_when_the_run_was_killed_is_left_out():
    whole = b"".join(map(encode, RECORDS))
    assert list(decode_lines([whole[:-3]])) == RECORDS[:-1]


def test_the_number_of_a_bad_line_is_its_own():
    with pytest.raises(JournalError, match="line 3: no record"):
        list(decode_lines([encode(EVENT), b"\n", b"nonsense\n"]))


def test_a_file_without_lines_is_refused_before_it_fills_the_memory():
    with pytest.raises(JournalError, match="this is no journal"):
        list(decode_lines(b"x" * (1 << 20) for _ in range(MAX_LINE_BYTES // (1 << 20) + 2)))


def test_only_whole_lines_reach_the_sink_and_in_large_pieces():
    pieces: list[bytes] = []
    journal = Journal(pieces.append)
    count = 3 * FLUSH_BYTES // len(encode(EVENT)) + 10
    for _ in range(count):
        journal.write(EVENT)
    assert len(pieces) == 3
    assert all(piece.endswith(b"\n") and FLUSH_BYTES <= len(piece) < FLUSH_BYTES + 1000 for piece in pieces)
    journal.flush()
    journal.flush()
    assert len(pieces) == 4
    assert b"".join(pieces) == encode(EVENT) * count


def test_a_sink_that_fails_is_not_offered_the_same_lines_again():
    def full(_: bytes) -> None:
        raise LocalError("disk full")

    journal = Journal(full)
    journal.write(EVENT)
    with pytest.raises(LocalError, match="disk full"):
        journal.flush()
    journal.flush()


def test_a_file_holds_what_was_written_also_when_the_run_breaks(tmp_path):
    path = tmp_path / "journal.jsonl"

    def broken_run() -> None:
        with open_journal(path) as journal:
            for record in RECORDS:
                journal.write(record)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        broken_run()
    assert list(read_journal(path)) == RECORDS


def test_a_journal_never_overwrites_another(tmp_path):
    path = tmp_path / "journal.jsonl"
    path.write_bytes(b"mine")
    with pytest.raises(LocalError, match="cannot write a journal there"), open_journal(path):
        pass
    assert path.read_bytes() == b"mine"
    with pytest.raises(LocalError, match="cannot read the journal"):
        list(read_journal(tmp_path / "none"))
