"""Generated source text: built line by line, checked, compiled once for all plans that share it.

Takes lines from the generators; gives a function. The text holds nothing but fixed templates, integers and names made of a
fixed letter and an integer: every string, table, pattern and function of a plan is a *constant*, a parameter of the generated
function whose default is the value (`k0`, `k1`, …). So plans that differ only in such values share one code object, and the
constants are local variables, the fastest there are.

Nothing that the generators write is trusted: the finished text is parsed and every node, name, attribute and literal is
compared with the lists below before it is compiled, and the function sees no builtins but the named few.
"""

from __future__ import annotations

import ast
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from types import CodeType, FunctionType
from typing import Any, Final, NamedTuple
from weakref import WeakValueDictionary

_NODES: Final[frozenset[type[ast.AST]]] = frozenset(
    {
        ast.Module, ast.FunctionDef, ast.arguments, ast.arg, ast.Return, ast.Raise, ast.Pass, ast.Break, ast.Continue,
        ast.Assign, ast.AugAssign, ast.NamedExpr, ast.Expr, ast.Delete, ast.If, ast.For, ast.IfExp,
        ast.BoolOp, ast.And, ast.Or, ast.UnaryOp, ast.Not, ast.USub, ast.BinOp, ast.Add, ast.Sub,
        ast.Compare, ast.Is, ast.IsNot, ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.In, ast.NotIn,
        ast.Call, ast.Attribute, ast.Subscript, ast.Slice, ast.Tuple, ast.List, ast.Name, ast.Load, ast.Store, ast.Del,
        ast.Constant,
    }
)  # fmt: skip
_METHODS: Final = frozenset({"append", "get", "index", "split", "text"})
_FUNCTIONS: Final = frozenset({"write", "read"})
_OWN_NAME: Final = re.compile("[a-z][0-9_]*")
_WIDEST: Final = 80
"""Levels of indentation; Python itself stops at 100."""


class Unsafe(Exception):
    """The generated text holds something that no generated text may hold: a bug of a generator, never of a plan."""


class TooDeep(Exception):
    """The plan nests deeper than Python can compile; it can only be interpreted."""


class Lines(NamedTuple):
    """Statements that wait for their place, and the indentation they were written at."""

    depth: int
    lines: list[tuple[int, str]]


class Source:
    """One function being written. `parameters` are its run-time arguments, constants follow them."""

    def __init__(self, name: str, parameters: tuple[str, ...]) -> None:
        self.name = name
        self.parameters = parameters
        self.constants: list[object] = []
        self._names: dict[object, str] = {}
        self._lines: list[tuple[int, str]] = []
        self._depth = 1
        self._temporaries = 0

    def line(self, text: str) -> None:
        """One statement at the present indentation."""
        self._lines.append((self._depth, text))

    @contextmanager
    def block(self, header: str) -> Iterator[None]:
        """A compound statement: what is written inside is its body, `pass` when that is nothing."""
        self.line(header)
        self._depth += 1
        if self._depth > _WIDEST:
            raise TooDeep
        before = len(self._lines)
        yield
        if len(self._lines) == before:
            self.line("pass")
        self._depth -= 1

    @contextmanager
    def aside(self) -> Iterator[Lines]:
        """What is written inside is kept for `replay` instead of going into the function at this place."""
        before, self._lines = self._lines, []
        kept = Lines(self._depth, self._lines)
        try:
            yield kept
        finally:
            self._lines = before

    def replay(self, kept: Lines) -> None:
        """Lines kept by `aside`, now written, at the present indentation."""
        deeper = self._depth - kept.depth
        for depth, text in kept.lines:
            if depth + deeper > _WIDEST:
                raise TooDeep
            self._lines.append((depth + deeper, text))

    def temporary(self) -> str:
        """A fresh local variable."""
        self._temporaries += 1
        return f"t{self._temporaries}"

    def constant(self, value: object) -> str:
        """The name of a new constant. Equal values get names of their own: whether two texts of a plan happen to be equal
        must not change the source that hospitals share."""
        self.constants.append(value)
        return f"k{len(self.constants) - 1}"

    def shared(self, key: object, make: Callable[..., object], *arguments: object) -> str:
        """The name of the constant that stands for `key` (a place in the plan, not a value), made at first use."""
        name = self._names.get(key)
        if name is None:
            name = self._names[key] = self.constant(make(*arguments))
        return name

    def text(self) -> str:
        """The whole function."""
        parameters = ", ".join((*self.parameters, *(f"k{number}" for number in range(len(self.constants)))))
        body = (" " * depth + line for depth, line in self._lines)
        return "\n".join((f"def {self.name}({parameters}):", *body, ""))


# What to look into of each node. `ctx` is one of the three that are allowed.
_PARTS: Final = {kind: tuple(name for name in kind._fields if name != "ctx") for kind in _NODES}


def _check(tree: ast.Module, names: Mapping[str, object]) -> None:
    """Every node of the tree, each before those inside it. (`ast.walk` with `match` takes five times as long.)"""
    function = tree.body[0] if len(tree.body) == 1 else None
    if not isinstance(function, ast.FunctionDef) or function.decorator_list or function.returns is not None:
        raise Unsafe("no single plain function")
    given = function.args
    if given.defaults or given.vararg or given.kwarg or given.kwonlyargs or given.posonlyargs:
        raise Unsafe("parameters that no template has")
    waiting: list[ast.AST] = [tree]
    for node in waiting:
        parts = _PARTS.get(type(node))
        if parts is None or (isinstance(node, ast.FunctionDef) and node is not function):
            raise Unsafe(type(node).__name__)
        for name in parts:
            value = getattr(node, name)
            if isinstance(value, ast.AST):
                waiting.append(value)
            elif type(value) is list:
                waiting += value
            elif value is not None:
                _check_leaf(node, value, names)


def _check_leaf(node: ast.AST, value: object, names: Mapping[str, object]) -> None:
    """What a node holds that is no node: a name or a literal."""
    if isinstance(node, ast.Name | ast.arg):
        allowed = value in names or (type(value) is str and _OWN_NAME.fullmatch(value) is not None)
    elif isinstance(node, ast.Attribute):
        allowed = value in _METHODS
    elif isinstance(node, ast.FunctionDef):
        allowed = value in _FUNCTIONS
    elif isinstance(node, ast.Constant):
        allowed = type(value) in (int, bool)
    else:
        # The only other one is the name of a keyword argument or of a literal's kind, which nothing here has.
        allowed = False
    if not allowed:
        raise Unsafe(repr(value))


_compiled: WeakValueDictionary[bytes, CodeType] = WeakValueDictionary()
_parsing = threading.Lock()
"""Python 3.11 counts the depth of the trees it makes in one place for all threads: when one begins in the middle of another, both
end with a SystemError."""


def _code(text: str, names: Mapping[str, object]) -> CodeType:
    """The code object of the one function in `text`; the same object for the same text while any function uses it."""
    key = sha256(text.encode()).digest()
    code = _compiled.get(key)
    if code is None:
        with _parsing:
            try:
                tree = ast.parse(text)
            except SyntaxError as error:
                raise Unsafe("no Python") from error
            _check(tree, names)
            module = compile(tree, "<plan>", "exec")
        code = next(constant for constant in module.co_consts if isinstance(constant, CodeType))
        _compiled[key] = code
    return code


def code(source: Source, names: Mapping[str, object]) -> CodeType:
    """The code of the function that `source` describes. `names` is all it can see besides its arguments; it must hold
    `__builtins__`, empty, or Python would put its own there."""
    if names.get("__builtins__") != {}:
        raise Unsafe("builtins")
    return _code(source.text(), names)


def function(code_: CodeType, names: dict[str, object], constants: Iterable[object]) -> Callable[..., Any]:
    """A function of such code with its constants."""
    return FunctionType(code_, names, code_.co_name, tuple(constants))
