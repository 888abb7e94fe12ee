"""Which of the scenarios that were found are meant: `-k EXPR`, `--tag TAG` and `--case NAME`."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from simulator.errors import UsageError

Test = Callable[[str], bool]
"""Whether a text, in lower case, is meant."""

_TOKEN = re.compile(r"""\s*(?:([()])|"([^"]*)"|'([^']*)'|([^\s()"']+))""")
_EXAMPLE = "'meter and not (udp or \"poor radio\")'"
_DEEPEST = 50


@dataclass(frozen=True, slots=True)
class Selection:
    """What a command line asks for. Raises, when made: UsageError: the expression cannot be read, or a tag is empty."""

    expression: str | None = None
    tags: tuple[str, ...] = ()
    cases: tuple[str, ...] = ()
    """Names of cases; none: all of them, and files without cases."""

    def __post_init__(self) -> None:
        if self.expression is not None:
            parse(self.expression)
        if any(not tag.removeprefix("!").strip() for tag in self.tags):
            raise UsageError("--tag needs a word: --tag long, or --tag '!long' for those without it")

    def chooses(self, promise: str, file: str, tags: Sequence[str]) -> bool:
        """Whether a scenario is meant: the expression holds of its promise or file, and every tag as asked."""
        if any((tag.removeprefix("!") in tags) == tag.startswith("!") for tag in self.tags):
            return False
        return self.expression is None or parse(self.expression)(f"{promise}\n{file}".lower())

    def __str__(self) -> str:
        """As on the command line."""
        words = [] if self.expression is None else [f"-k '{self.expression}'"]
        words += [f"--tag '{tag}'" for tag in self.tags]
        return " ".join((*words, *(f"--case {case}" for case in self.cases)))


def parse(expression: str) -> Test:
    """Substrings, without regard to case, with `and`, `or`, `not` and parentheses; `and` binds closer than `or`.

    Raises: UsageError.

    >>> parse("meter and not (udp or 'poor radio')")("a thousand meters\\nscenarios/coap.yaml")
    True
    """
    return _Parser(expression).whole()


class _Parser:
    """Recursive descent; a level of parentheses is a level of calls, and there are few."""

    def __init__(self, expression: str) -> None:
        self._expression, self._depth = expression, 0
        self._tokens: list[tuple[str, bool]] = []
        at, end = 0, len(expression.rstrip())
        while at < end:
            match = _TOKEN.match(expression, at)
            if match is None:
                raise self._wrong(f"a quote that is not closed: {expression[at:].strip()}")
            quoted = next((text for text in match.group(2, 3) if text is not None), None)
            self._tokens.append((match[1] or match[4], False) if quoted is None else (quoted, True))
            at = match.end()
        self._tokens.reverse()

    def whole(self) -> Test:
        if not self._tokens:
            raise self._wrong("it is empty")
        test = self._either()
        if self._tokens:
            raise self._wrong(f"'and' or 'or' is missing before '{self._tokens[-1][0]}'")
        return test

    def _either(self) -> Test:
        tests = [self._both()]
        while self._takes("or"):
            tests.append(self._both())
        return lambda text: any(test(text) for test in tests)

    def _both(self) -> Test:
        tests = [self._one()]
        while self._takes("and"):
            tests.append(self._one())
        return lambda text: all(test(text) for test in tests)

    def _one(self) -> Test:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self._wrong(f"nested more than {_DEEPEST} deep")
        try:
            if self._takes("not"):
                test = self._one()
                return lambda text: not test(text)
            if self._takes("("):
                test = self._either()
                if not self._takes(")"):
                    raise self._wrong("a parenthesis is not closed")
                return test
            return self._word()
        finally:
            self._depth -= 1

    def _word(self) -> Test:
        word, quoted = self._tokens.pop() if self._tokens else ("", False)
        if not word or (not quoted and word.lower() in ("and", "or", ")")):
            raise self._wrong("a word is missing" + (f" before '{word}'" if word else " at the end"))
        return _containing(word.lower())

    def _takes(self, word: str) -> bool:
        if self._tokens and not self._tokens[-1][1] and self._tokens[-1][0].lower() == word:
            self._tokens.pop()
            return True
        return False

    def _wrong(self, problem: str) -> UsageError:
        return UsageError(f"-k {self._expression}: {problem}; write it as {_EXAMPLE}")


def _containing(word: str) -> Test:
    return lambda text: word in text
