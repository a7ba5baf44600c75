"""Which Jinja sources are narratives: those that can do nothing but print, choose and repeat over their arguments.

Takes the source of a `Narrative`; gives the reason why it is refused, or None. What it may hold: text, `{{ … }}`, `if`, `for`
over one name; in expressions the names `v0`, `v1`, … and those a `for` binds, subscripts by number, texts, integers, `true`,
`false`, `none`, lists of those, comparisons, `in`, `and`, `or`, `not`, `is none`, `a if b else c`, and filters `f0`, `f1`, …
with such expressions as arguments. No attributes, calls, arithmetic, assignment, macros, imports, blocks.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from jinja2 import Environment, nodes

LONGEST: Final = 16 * 1024
_DEEPEST: Final = 40
_ARGUMENT: Final = re.compile("v([0-9]{1,3})")
_FILTER: Final = re.compile("f([0-9]{1,3})")
_BOUND: Final = re.compile("[a-z][a-z0-9_]{0,60}")
_RESERVED: Final = frozenset({"loop", "self", "caller", "varargs", "kwargs", "context", "environment"})


class _Refused(Exception):
    pass


@lru_cache(maxsize=1024)
def check(source: str, arguments: int, filters: int) -> str | None:
    """Why a source with so many arguments and filters is no narrative; None when it is one."""
    from jinja2 import TemplateSyntaxError

    if len(source) > LONGEST:
        return f"it is longer than {LONGEST} characters"
    try:
        tree = _environment().parse(source)
        _statements(tree.body, frozenset(f"v{number}" for number in range(arguments)), filters, 0)
    except TemplateSyntaxError as error:
        return f"line {error.lineno} cannot be read"
    except RecursionError:
        return "it is nested too deeply"
    except _Refused as refused:
        return str(refused)
    return None


@cache
def _environment() -> Environment:
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    return ImmutableSandboxedEnvironment(autoescape=False, loader=None, cache_size=0)


def _refuse(node: nodes.Node, what: str) -> _Refused:
    return _Refused(f"line {node.lineno}: {what}")


def _statements(body: list[Any], names: frozenset[str], filters: int, depth: int) -> None:
    from jinja2 import nodes

    for node in body:
        if depth > _DEEPEST:
            raise _refuse(node, "it is nested too deeply")
        if type(node) is nodes.Output:
            for each in node.nodes:
                if type(each) is not nodes.TemplateData:
                    _expression(each, names, filters, depth)
        elif type(node) is nodes.If:
            _expression(node.test, names, filters, depth)
            _statements(node.body, names, filters, depth + 1)
            _statements(node.elif_, names, filters, depth + 1)
            _statements(node.else_, names, filters, depth + 1)
        elif type(node) is nodes.For:
            target = node.target
            if type(target) is not nodes.Name or node.recursive:
                raise _refuse(node, "a loop binds one name, and none inside itself")
            bound = target.name
            if not _BOUND.fullmatch(bound) or bound in _RESERVED or _ARGUMENT.fullmatch(bound):
                raise _refuse(node, "this name cannot be bound")
            _expression(node.iter, names, filters, depth)
            inside = names | {bound}
            if node.test is not None:
                _expression(node.test, inside, filters, depth)
            _statements(node.body, inside, filters, depth + 1)
            _statements(node.else_, names, filters, depth + 1)
        else:
            raise _refuse(node, f"{type(node).__name__} is not part of narratives")


def _expression(node: Any, names: frozenset[str], filters: int, depth: int) -> None:
    from jinja2 import nodes

    if depth > _DEEPEST:
        raise _refuse(node, "it is nested too deeply")
    kind = type(node)
    inside: list[Any] = []
    if kind is nodes.Name:
        if node.name not in names:
            raise _refuse(node, "a name that is neither an argument nor bound by a loop")
    elif kind is nodes.Const:
        if type(node.value) not in (str, int, bool, type(None)):
            raise _refuse(node, "only texts, integers, true, false and none are constants")
    elif kind is nodes.Getitem:
        place = node.arg
        if type(place) is not nodes.Const or type(place.value) is not int or place.value < 0:
            raise _refuse(node, "a subscript is a number")
        inside = [node.node]
    elif kind is nodes.Filter:
        found = _FILTER.fullmatch(node.name)
        if not found or int(found[1]) >= filters or node.node is None:
            raise _refuse(node, "a filter that the plan does not give")
        if node.kwargs or node.dyn_args is not None or node.dyn_kwargs is not None:
            raise _refuse(node, "the arguments of a filter are given by place")
        inside = [node.node, *node.args]
    elif kind is nodes.Test:
        if node.name != "none" or node.args or node.kwargs or node.dyn_args is not None or node.dyn_kwargs is not None:
            raise _refuse(node, "the only test is `is none`")
        inside = [node.node]
    elif kind is nodes.Compare:
        inside = [node.expr, *(operand.expr for operand in node.ops)]
    elif kind in (nodes.And, nodes.Or):
        inside = [node.left, node.right]
    elif kind is nodes.Not:
        inside = [node.node]
    elif kind is nodes.CondExpr:
        if node.expr2 is None:
            raise _refuse(node, "a choice needs its `else`")
        inside = [node.test, node.expr1, node.expr2]
    elif kind in (nodes.List, nodes.Tuple):
        inside = node.items
    else:
        raise _refuse(node, f"{kind.__name__} is not part of narratives")
    for each in inside:
        _expression(each, names, filters, depth + 1)
