"""Nothing of the language goes untested: every operation, every built-in and every rule of the language is named by a test.

`python tests/test_named.py` lists the gaps. Names are taken from the code of test functions and what it mentions, never from
comments or docstrings; so a name that is only talked about does not count.
"""

from __future__ import annotations

import ast
import re
import sys
from functools import cache
from pathlib import Path

TESTS = Path(__file__).parent
RULES = range(1, 14)
_FORMAT = re.compile(r"\b(?:as|[|]) +([a-z_0-9]+)|\b([a-z_0-9]+)\(")


@cache
def mentioned() -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    """Identifiers, the texts, and the names of test functions in all test modules."""
    identifiers: set[str] = set()
    texts: set[str] = set()
    functions: set[str] = set()
    for path in sorted(TESTS.rglob("*.py")):
        if path == Path(__file__):
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        documentation = {
            id(node.body[0].value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef)
            and node.body
            and isinstance(node.body[0], ast.Expr)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Name):
                identifiers.add(node.id)
            elif isinstance(node, ast.Attribute):
                identifiers.add(node.attr)
            elif isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                functions.add(node.name)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation:
                texts.add(node.value)
    return frozenset(identifiers), frozenset(texts), frozenset(functions)


def gaps() -> list[str]:
    """What no test names."""
    from segwright import library
    from segwright.plan import ops

    identifiers, texts, functions = mentioned()
    said = {name for text in texts for pair in _FORMAT.findall(text) for name in pair if name} | texts
    found = []
    for name, kind in vars(ops).items():
        if isinstance(kind, type) and issubclass(kind, ops.Op) and kind is not ops.Op and name not in identifiers:
            found.append(f"operation {name}")
    for record in library.builtins():
        if record.key not in texts and record.name not in said:
            found.append(f"{record.kind} {record.key}")
        if not record.examples:
            found.append(f"an example of {record.key}")
    found += [f"rule {rule}" for rule in RULES if not any(name.startswith(f"test_rule_{rule}_") for name in functions)]
    return found


def test_every_operation_built_in_and_rule_is_named_by_a_test():
    assert gaps() == []


def test_every_operation_is_reached_from_the_language():
    """The plans of the reference hospitals, and what none of them says, hold every kind of operation."""
    from segwright.plan import ops
    from segwright.plan.walk import walk
    from segwright.service.compiling import compile_workspace
    from tests.lang.laboratory import lab

    rest = lab(
        'check c that result.urgent else "no"\nsegment ZZZ\n  ZZZ-1[a] = hold\n  ZZZ-1[b] = result.study\n'
        '  ZZZ-2 = "x" when order.filler_number is null\n'
        'for each m in result.measurements\n  segment ZOB\n    ZOB-1 = "l" when position is last\n    ZOB-2 = m.flag optional\nend\n'
        'segment ZXX from order.received optional\n  ZXX-2 = inherited else "x"\n'
    )
    plans = [rest.plan]
    for organisation in compile_workspace(TESTS.parent).organisations.values():
        plans += [compiled.plan for compiled in organisation.compiled if compiled.plan is not None]
    seen = {type(op) for plan in plans for op in walk(plan)}
    beside = {ops.Duty, ops.Cell, ops.TableRow, ops.Table, ops.Narrative, ops.Encoding, ops.Input, ops.Result}
    every = {k for k in vars(ops).values() if isinstance(k, type) and issubclass(k, ops.Op) and k is not ops.Op}
    assert sorted(kind.__name__ for kind in every - beside - seen) == []


if __name__ == "__main__":
    sys.path[:0] = [str(TESTS.parent / "engine"), str(TESTS.parent)]
    print("\n".join(gaps()) or "no gap")
