"""Quantities and their units."""

import pytest

from simulator.scenario.quantities import NotAQuantity, in_units, parse


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("24 B", "size", 24),
        ("24B", "size", 24),
        ("64 KiB", "size", 65536),
        ("1.5 kB", "size", 1500),
        ("1 MiB", "size", 1048576),
        ("0 B", "size", 0),
        ("10 min", "duration", 600),
        ("250 ms", "duration", 0.25),
        ("10 us", "duration", 1e-5),
        ("1.5 h", "duration", 5400),
        ("1 d", "duration", 86400),
        ("366 d", "duration", 366 * 86400),
        ("5 %", "share", 0.05),
        ("99.9 %", "share", 0.999),
        ("100%", "share", 1),
        ("20 kbit/s", "rate", 20000),
        ("0.3 kbit/s", "rate", 300),
        (" 7  s ", "duration", 7),
    ],
)
def test_a_quantity_is_exactly_what_it_says(text, kind, value):
    assert parse(text, kind) == value


@pytest.mark.parametrize(
    ("text", "kind", "problem", "hint"),
    [
        ("24", "size", "'24' has no unit", "units of a size: B, kB, KiB, MB, MiB; such as 24 B"),
        ("10 m", "duration", "unknown unit 'm'", "did you mean 'min'?"),
        ("10 secs", "duration", "unknown unit 'secs'", "did you mean 's'?"),
        ("10 MIN", "duration", "unknown unit 'MIN'", "did you mean 'min'?"),
        ("64 kib", "size", "unknown unit 'kib'", "did you mean 'KiB'?"),
        ("5 percent", "share", "unknown unit 'percent'", "did you mean '%'?"),
        ("20 kbps", "rate", "unknown unit 'kbps'", "did you mean 'kbit/s'?"),
        ("5 furlongs", "duration", "unknown unit 'furlongs'", "units of a duration: us"),
        ("24 B", "duration", "unknown unit 'B'", "units of a duration"),
        ("-5 s", "duration", "'-5 s' is no duration", "write a number and a unit, such as 10 min"),
        ("5.s", "duration", "unknown unit '.s'", "did you mean 's'?"),
        ("1e3 s", "duration", "unknown unit 'e3 s'", "units of a duration"),
        ("ten min", "duration", "'ten min' is no duration", "write a number and a unit"),
        ("", "size", "'' is no size", "write a number and a unit, such as 24 B"),
        ("٣ s", "duration", "'٣ s' is no duration", "write a number"),
        ("9" * 50 + " s", "duration", "is no duration", "write a number"),
        ("101 %", "share", "'101 %' is too much", "at most 100 %"),
        ("367 d", "duration", "'367 d' is too much", "at most 366 d"),
    ],
)
def test_what_is_wrong_with_a_quantity(text, kind, problem, hint):
    with pytest.raises(NotAQuantity) as caught:
        parse(text, kind)
    assert problem in caught.value.problem
    assert caught.value.hint.startswith(hint)


@pytest.mark.parametrize(
    ("value", "kind", "words"),
    [(65507, "size", "65507 B"), (1 << 20, "size", "1 MiB"), (86400, "duration", "1 d"), (0.25, "duration", "250 ms")],
)
def test_values_in_words(value, kind, words):
    assert in_units(value, kind) == words
