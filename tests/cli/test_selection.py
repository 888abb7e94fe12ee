"""`-k` and `--tag`: which scenarios are meant."""

from __future__ import annotations

import pytest

from simulator.cli.selection import Selection, parse
from simulator.errors import UsageError

PROMISE, FILE = "A meter is heard on a poor radio", "scenarios/upload/coap.yaml"


@pytest.mark.parametrize(
    ("expression", "chosen"),
    [
        ("meter", True),
        ("METER", True),
        ("upload/coap", True),
        ("tracker", False),
        ("not tracker", True),
        ("not not meter", True),
        ("meter and radio", True),
        ("meter and tracker", False),
        ("tracker or meter", True),
        ("tracker or meter and nothing", False),
        ("(tracker or meter) and radio", True),
        ("meter and not (udp or dtls)", True),
        ("not (udp or coap)", False),
        ("'poor radio'", True),
        ('"radio poor"', False),
        ("'not'", False),
        ('"and" or meter', True),
        ("  meter  ", True),
    ],
)
def test_an_expression_holds_of_promise_and_file(expression, chosen):
    assert Selection(expression).chooses(PROMISE, FILE, ()) is chosen


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("", "empty"),
        ("meter radio", "'and' or 'or' is missing before 'radio'"),
        ("(meter", "a parenthesis is not closed"),
        ("meter)", "missing before ')'"),
        ("meter and", "a word is missing at the end"),
        ("and meter", "a word is missing before 'and'"),
        ("not", "a word is missing at the end"),
        ("()", "a word is missing before ')'"),
        ("'meter", "a quote that is not closed"),
        ("(" * 3000 + "a" + ")" * 3000, "deep"),
        ("not " * 3000 + "a", "deep"),
    ],
)
def test_a_wrong_expression_is_told(expression, says):
    with pytest.raises(UsageError, match=r"(?s)write it as") as told:
        parse(expression)
    assert says in str(told.value)


@pytest.mark.parametrize(
    ("tags", "chosen"),
    [
        ((), True),
        (("coap",), True),
        (("long",), False),
        (("!long",), True),
        (("!coap",), False),
        (("coap", "smoke"), True),
        (("coap", "long"), False),
        (("coap", "!long"), True),
    ],
)
def test_all_tags_hold(tags, chosen):
    assert Selection(None, tags).chooses(PROMISE, FILE, ("coap", "smoke")) is chosen


@pytest.mark.parametrize("tag", ["", "!", " "])
def test_a_tag_is_a_word(tag):
    with pytest.raises(UsageError, match="--tag"):
        Selection(None, (tag,))
