"""No order comes from the host: a set of strings has another one in every process, `hash` and `id` are other numbers.

The search sees what stands in one expression, not every way to such an order; two runs with one seed under different
hash seeds are compared elsewhere.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "simulator"

SETS = frozenset({"set", "frozenset"})
SET_METHODS = frozenset({"union", "intersection", "difference", "symmetric_difference"})
# These read a set without showing its order.
ORDERLESS = frozenset({"sorted", "len", "any", "all", "min", "max", "sum", "set", "frozenset"})
ORDERED = frozenset({"list", "tuple", "enumerate", "iter", "zip", "map", "filter", "reversed"})
HOST_NUMBERS = frozenset({"hash", "id"})

# File below simulator/, then what it may call, then why.
ALLOWED: dict[tuple[str, str], str] = {
    ("wire/udp.py", "loop over a set"): "flushes and closes sockets of real time, in any order",
}


def strays(source: str) -> list[tuple[int, str]]:
    """Line and words of everything in the source whose order or value is the host's."""
    tree = ast.parse(source)
    harmless = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ORDERLESS
        for inner in node.args
    }
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.For | ast.AsyncFor) and _is_set(node.iter):
            found.append((node.lineno, "loop over a set"))
        elif isinstance(node, ast.ListComp | ast.GeneratorExp | ast.DictComp) and id(node) not in harmless:
            found += [(node.lineno, "loop over a set") for part in node.generators if _is_set(part.iter)]
        elif isinstance(node, ast.Call):
            found += _of_call(node, id(node) in harmless)
    return found


def _of_call(node: ast.Call, harmless: bool) -> list[tuple[int, str]]:
    name = node.func.id if isinstance(node.func, ast.Name) else ""
    joins = isinstance(node.func, ast.Attribute) and node.func.attr == "join"
    if (name in ORDERED or joins) and not harmless and any(map(_is_set, node.args)):
        return [(node.lineno, f"{name or 'join'} of a set")]
    return [(node.lineno, f"{name}()")] if name in HOST_NUMBERS else []


def _is_set(node: ast.expr) -> bool:
    if isinstance(node, ast.Set | ast.SetComp):
        return True
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr | ast.BitAnd | ast.Sub | ast.BitXor):
        return _is_set(node.left) or _is_set(node.right)
    if not isinstance(node, ast.Call):
        return False
    if isinstance(node.func, ast.Name):
        return node.func.id in SETS
    return isinstance(node.func, ast.Attribute) and node.func.attr in SET_METHODS and _is_set(node.func.value)


def test_no_order_comes_from_the_host() -> None:
    found = [
        f"{short}:{line}: {what}"
        for path in sorted(PACKAGE.rglob("*.py"))
        for short in [str(path.relative_to(PACKAGE))]
        for line, what in strays(path.read_text(encoding="utf-8"))
        if (short, what) not in ALLOWED
    ]
    assert not found, "sort it, use a dict, or name it in ALLOWED with the reason:\n" + "\n".join(found)


@pytest.mark.parametrize(
    ("source", "count"),
    [
        ("for name in {'a', 'b'}: pass", 1),
        ("for name in set(names): pass", 1),
        ("for name in set(names) - known: pass", 1),
        ("[name for name in {n for n in names}]", 1),
        ("list(set(names))", 1),
        ("', '.join(set(names))", 1),
        ("{name: 1 for name in frozenset(names)}", 1),
        ("hash(name)", 1),
        ("key = id(device)", 1),
        ("sorted(set(names))", 0),
        ("sorted(name for name in set(names))", 0),
        ("len(set(names))", 0),
        ("for name in sorted({'a', 'b'}): pass", 0),
        ("for name in names: pass", 0),
        ("{name for name in set(names)}", 0),
        ("'a' in {'a', 'b'}", 0),
    ],
)
def test_the_search_finds_what_it_looks_for(source: str, count: int) -> None:
    assert len(strays(source)) == count
