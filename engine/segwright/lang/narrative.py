"""Narrative text: Jinja's own parser on a checked subset, compiled to a template that can reach nothing but its arguments.

Allowed: text, `{{ path }}` with our formats as filters, `{% for x in path %}`, `{% if condition %}` with our conditions.
Everything else of Jinja is refused by name. The tree of Jinja becomes our own syntax tree, is lowered and typed like any other
value, and is written back as source whose only names are `v0`, `v1`, … and `e0`, `e1`, … for loop elements; attributes are
subscripts by number, so what runs cannot name anything.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from segwright.core.source import Span
from segwright.core.suggest import nearest
from segwright.lang import ast
from segwright.lang.conditions import condition
from segwright.lang.context import Context
from segwright.lang.fitting import must_be_present, printable
from segwright.lang.lowering import lower
from segwright.lang.places import check_charset
from segwright.lang.typed import Frame, Typed, present
from segwright.plan import ops
from segwright.plan.model import TEXT, Type

if TYPE_CHECKING:
    from jinja2 import Environment, nodes

_TESTS = {"present", "missing", "null", "changed", "first", "last"}
_COMPARE = {"above", "below"}


def narrate(ctx: Context, frame: Frame, node: ast.TextCall, want: Type | None = None) -> Typed:
    """`text report(result)`: the narrative of a declared text."""
    declared = ctx.scope.narratives.get(node.name)
    if declared is None:
        return ctx.fail(
            "SW0202", node.span, kind="text", name=node.name, nearest=nearest(node.name, ctx.scope.narratives)
        )
    ctx.used_narratives.add(node.name)
    parameters = () if declared.parameter is None else (declared.parameter,)
    if len(node.arguments) != len(parameters):
        return ctx.fail(
            "SW0213",
            node.span,
            names=" and ".join(f"`{p.name}`" for p in parameters) or "nothing",
            of=f"text {node.name}",
        )
    arguments: list[ops.Value] = []
    for parameter, argument in zip(parameters, node.arguments, strict=True):
        wanted = ctx.type_named(parameter.type.name, parameter.span)
        typed = lower(ctx, frame, argument.value, wanted)
        must_be_present(ctx, typed, argument.span, where=f"text {node.name}")
        if typed.known and typed.type != wanted:
            ctx.report(
                "SW0216",
                argument.span,
                parameter=parameter.name,
                of=node.name,
                wanted=str(wanted),
                type=str(typed.type),
            )
        arguments.append(typed.op)
    if node.name not in ctx.narrative_numbers:
        number = ctx.narrative_numbers[node.name] = len(ctx.narratives)
        ctx.narratives.append(ops.Narrative(""))
        ctx.narratives[number] = _Writer(ctx, declared).narrative()
    op = ops.Narrate(ctx.narrative_numbers[node.name], tuple(arguments))
    return Typed(op, TEXT, maybe=True, soft=True, hint="narrative", said=f"text {node.name}", span=node.span)


class _NotAllowed(Exception):
    """Something of Jinja that narrative text does not have: what, and at which line."""

    def __init__(self, what: str, line: int) -> None:
        super().__init__(what)
        self.what = what
        self.line = line


class _Writer:
    """Turns one declared narrative into checked source."""

    def __init__(self, ctx: Context, declared: ast.Narrative) -> None:
        self.ctx = ctx
        self.declared = declared
        self.filters: list[int] = []
        self.names: dict[int, str] = {}
        self.elements = 0

    def narrative(self) -> ops.Narrative:
        """The narrative of a plan; findings point at the lines of the text block."""
        from jinja2 import TemplateSyntaxError

        source = "\n".join(line.text for line in self.declared.lines)
        try:
            tree = _tree(source)
        except TemplateSyntaxError as error:
            self.ctx.report("SW0806", self.span(error.lineno), problem=_plain(error.message or "it cannot be read"))
            return ops.Narrative("")
        frame = Frame({})
        if self.declared.parameter is not None:
            parameter = self.declared.parameter
            slot = self.ctx.slot()
            self.names[slot] = "v0"
            type_ = self.ctx.type_named(parameter.type.name, parameter.span)
            key = (f"@{slot}",)
            typed = Typed(ops.Slot(slot), type_, key=key, said=parameter.name)
            frame = frame.binding(**{parameter.name: typed}).knowing(present(key))
        found = len(self.ctx.found)
        try:
            text = self.body(frame, tree.body)
        except _NotAllowed as refused:
            self.ctx.report("SW0807", self.span(refused.line), what=refused.what)
            text = ""
        if len(self.ctx.found) > found:
            text = ""
        return ops.Narrative(text, tuple(self.filters))

    def span(self, line: int) -> Span:
        """The span of a line of the block."""
        lines = self.declared.lines
        return lines[min(max(line, 1), len(lines)) - 1].span if lines else self.declared.span

    # -- statements

    def body(self, frame: Frame, body: list[nodes.Node]) -> str:
        """Statements in order."""
        return "".join(self.statement(frame, node) for node in body)

    def statement(self, frame: Frame, node: nodes.Node) -> str:
        """Text, printed values, `for` and `if`."""
        from jinja2 import nodes

        match node:
            case nodes.Output():
                return _kept("".join(self.printed(frame, part) for part in node.nodes))
            case nodes.For():
                return self.loop(frame, node)
            case nodes.If():
                return self.choice(frame, node)
            case _:
                raise _NotAllowed(_word(node), node.lineno)

    def printed(self, frame: Frame, node: nodes.Expr) -> str:
        """`{{ … }}`, or text, which must not be read as Jinja again."""
        from jinja2 import nodes

        if isinstance(node, nodes.TemplateData):
            for number, line in enumerate(node.data.split("\n"), node.lineno):
                check_charset(self.ctx, f"text {self.declared.name}", (line.strip(),), self.span(number))
            return node.data.replace("{", '{{ "{" }}') if "{" in node.data else node.data
        span = self.span(node.lineno)
        typed = printable(self.ctx, lower(self.ctx, frame, self.value(node)), span)
        must_be_present(self.ctx, typed, span, where="a text")
        return "{{ " + self.expression(typed.op, node.lineno) + " }}"

    def loop(self, frame: Frame, node: nodes.For) -> str:
        """`{% for x in list %}`."""
        from jinja2 import nodes

        if not isinstance(node.target, nodes.Name) or node.else_ or node.test is not None or node.recursive:
            raise _NotAllowed("this form of `for`", node.lineno)
        span = self.span(node.lineno)
        listed = lower(self.ctx, frame, self.value(node.iter))
        must_be_present(self.ctx, listed, span, where="a loop")
        if not listed.known:
            return ""
        if listed.type.of is None:
            self.ctx.report("SW0307", span, name=listed.said, type=str(listed.type))
            return ""
        slot = self.ctx.slot()
        name = f"e{self.elements}"
        self.elements += 1
        self.names[slot] = name
        key = (f"@{slot}",)
        element = Typed(ops.Slot(slot), listed.type.of, key=key, said=node.target.name, span=span)
        inner = frame.binding(**{node.target.name: element}).knowing(present(key))
        body = self.body(inner, node.body)
        # An empty list is a missing one at run time.
        return f"{{% for {name} in {self.expression(listed.op, node.lineno)} or [] %}}{body}{{% endfor %}}"

    def choice(self, frame: Frame, node: nodes.If) -> str:
        """`{% if C %} … {% elif C %} … {% else %} … {% endif %}`."""
        out = []
        word = "if"
        for branch in (node, *node.elif_):
            op, true, false = condition(self.ctx, frame, self.test(branch.test))
            out.append(
                f"{{% {word} {self.condition(op, branch.lineno)} %}}" + self.body(frame.knowing(true), branch.body)
            )
            frame = frame.knowing(false)
            word = "elif"
        if node.else_:
            out.append("{% else %}" + self.body(frame, node.else_))
        return "".join(out) + "{% endif %}"

    # -- Jinja's expressions as ours

    def value(self, node: nodes.Node | None) -> ast.Value:
        """A path, a constant, or a path through formats."""
        from jinja2 import nodes

        if node is None:
            raise _NotAllowed("a block of formats", 1)
        span = self.span(node.lineno)
        match node:
            case nodes.Name():
                return ast.Ref((node.name,), span)
            case nodes.Getattr():
                base = self.value(node.node)
                if not isinstance(base, ast.Ref):
                    raise _NotAllowed(f"`.{node.attr}` behind this", node.lineno)
                return ast.Ref((*base.names, node.attr), span)
            case nodes.Const(value=bool()):
                return ast.Ref(("yes" if node.value else "no",), span)
            case nodes.Const(value=int() | float()):
                return ast.Number(str(node.value), span)
            case nodes.Const(value=str()):
                return ast.Text(node.value, span)
            case nodes.Filter() if node.dyn_args is None and node.dyn_kwargs is None:
                arguments = tuple(ast.Argument("", self.value(a), span) for a in node.args) + tuple(
                    ast.Argument(str(k.key), self.value(k.value), span) for k in node.kwargs
                )
                return ast.As(self.value(node.node), node.name, arguments, None, span, span)
            case _:
                raise _NotAllowed(_word(node), node.lineno)

    def test(self, node: nodes.Node) -> ast.Condition:
        """A condition: `is present`, `is final`, `is above 5`, `==`, `in`, `and`, `or`, `not`."""
        from jinja2 import nodes

        span = self.span(node.lineno)
        match node:
            case nodes.And():
                return ast.AllOf((self.test(node.left), self.test(node.right)), span)
            case nodes.Or():
                return ast.AnyOf((self.test(node.left), self.test(node.right)), span)
            case nodes.Not():
                return ast.Not(self.test(node.node), span)
            case nodes.Test() if node.name in ("present", "missing", "null"):
                return ast.State(self.value(node.node), node.name, False, span)  # type: ignore[arg-type]
            case nodes.Test() if node.name in _TESTS:
                raise _NotAllowed(f"`is {node.name}`", node.lineno)
            case nodes.Test() if node.name in _COMPARE and len(node.args) == 1:
                return ast.Compare(self.value(node.node), node.name, self.value(node.args[0]), span)  # type: ignore[arg-type]
            case nodes.Test() if not node.args and not node.kwargs:
                return ast.Is(self.value(node.node), ast.Ref((node.name,), span), False, span)
            case nodes.Compare() if len(node.ops) == 1 and node.ops[0].op in ("eq", "ne"):
                other = self.value(node.ops[0].expr)
                return ast.Is(self.value(node.expr), other, node.ops[0].op == "ne", span)
            case nodes.Compare() if len(node.ops) == 1 and node.ops[0].op in ("in", "notin"):
                members = node.ops[0].expr
                if isinstance(members, nodes.List | nodes.Tuple):
                    listed = tuple(self.value(m) for m in members.items)
                    return ast.In(self.value(node.expr), listed, True, node.ops[0].op == "notin", span)
                return ast.In(self.value(node.expr), (self.value(members),), False, node.ops[0].op == "notin", span)
            case nodes.Name() | nodes.Getattr():
                return ast.Holds(self.value(node), span)
            case _:
                raise _NotAllowed(f"`{type(node).__name__.lower()}` in a condition", node.lineno)

    # -- lowered operations as Jinja source again

    def expression(self, op: ops.Value, line: int) -> str:
        """A lowered value: names and subscripts by number, constants quoted, built-ins as filters."""
        match op:
            case ops.Const(type="blank"):
                return "none"
            case ops.Const(type="text"):
                return _quoted(op.value)
            case ops.Const(type="integer" | "boolean" | "decimal"):
                return op.value
            case ops.Slot():
                return self.names[op.slot]
            case ops.Attr():
                return f"{self.expression(op.of, line)}[{op.index}]"
            case ops.Listed():
                return "[" + ", ".join(self.expression(item, line) for item in op.items) + "]"
            case ops.Call(invalid=None) if op.arguments and op.arguments[0] is not None:
                if op.function not in self.filters:
                    self.filters.append(op.function)
                name = f"f{self.filters.index(op.function)}"
                rest = ", ".join("none" if a is None else self.expression(a, line) for a in op.arguments[1:])
                return self.expression(op.arguments[0], line) + f"|{name}" + (f"({rest})" if rest else "")
            case _:
                raise _NotAllowed("a table or list in a text", line)

    def condition(self, op: ops.Condition, line: int) -> str:
        """A lowered condition."""
        match op:
            case ops.Present():
                return f"({self.expression(op.value, line)} is not none)"
            case ops.Equal():
                return f"({self.expression(op.left, line)} == {self.expression(op.right, line)})"
            case ops.In():
                return f"({self.expression(op.value, line)} in {self.expression(op.members, line)})"
            case ops.Truth():
                return f"({self.expression(op.value, line)} == true)"
            case ops.Not():
                return f"(not {self.condition(op.condition, line)})"
            case ops.AllOf():
                return "(" + " and ".join(self.condition(c, line) for c in op.conditions) + ")"
            case ops.AnyOf():
                return "(" + " or ".join(self.condition(c, line) for c in op.conditions) + ")"
            case ops.Order():
                sign = {"above": ">", "below": "<", "at least": ">=", "at most": "<="}[op.operator]
                return f"({self.expression(op.left, line)} {sign} {self.expression(op.right, line)})"
            case _:
                raise _NotAllowed("this condition", line)


@lru_cache(maxsize=256)
def _tree(source: str) -> nodes.Template:
    """Jinja's tree of a text. Nobody changes it, so that every plan with that text shares it. Raises TemplateSyntaxError."""
    from jinja2 import Environment

    environment = Environment(autoescape=False)
    return environment.parse(_without_lines_of_tags(environment, source))


def _without_lines_of_tags(environment: Environment, source: str) -> str:
    """The text in which lines of nothing but `{% … %}`, `{# … #}` and white space are no lines.

    Such a line ends within a remark, so that every other line keeps its number. Jinja's `trim_blocks` would take the end of any
    line whose last word is a tag.
    """
    source = source.replace("\r\n", "\n").replace("\r", "\n")
    lines: list[str] = []
    tags: list[str] = []
    start = at = 0  # of this line, and what is read
    blank = True  # nothing but tags and white space so far
    inside = ""

    def outside(until: int) -> None:
        """Text outside of everything, from `at`."""
        nonlocal start, at, blank
        while at < until:
            end = source.find("\n", at, until)
            blank = blank and not source[at : until if end < 0 else end].strip()
            at = until if end < 0 else end + 1
            if end >= 0:
                lines.append("".join(tags) + "{#\n#}" if tags and blank else source[start:at])
                tags.clear()
                start, blank = at, True

    for _, kind, value in environment.lexer.tokeniter(source, None):
        found = source.index(value, at)
        if not inside:
            outside(found)  # what `{%-` strips
        if kind == "data" and not inside:
            outside(found + len(value))
            continue
        if kind in ("variable_begin", "raw_begin"):
            inside, blank = kind.replace("begin", "end"), False
        elif kind == inside:
            inside = ""
        elif not inside:
            tags.append(source[at : found + len(value)])
        at = found + len(value)
    return "".join(lines) + ("".join(tags) if tags and blank else source[start:])


def _kept(text: str) -> str:
    """Text between two tags of the plan's source, which runs with `trim_blocks` and `lstrip_blocks`: neither has what to trim."""
    start = '{{ "\\n" }}' if text.startswith("\n") else ""
    text = text[1:] if start else text
    line = text[text.rfind("\n") + 1 :]
    if line and not line.strip():
        return start + text[: len(text) - len(line)] + "{{ " + _quoted(line) + " }}"
    return start + text


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def _word(node: nodes.Node) -> str:
    """What an analyst calls a part of a text."""
    name = type(node).__name__
    words = {
        "Assign": "`set`",
        "AssignBlock": "`set`",
        "Call": "a call",
        "Getitem": "`[…]`",
        "CondExpr": "`if` inside a value",
    }
    if name in ("Add", "Sub", "Mul", "Div", "FloorDiv", "Mod", "Pow", "Concat", "Neg", "Pos"):
        return "a calculation"
    return words.get(name, f"`{name.lower()}`")


def _plain(message: str) -> str:
    """Jinja's words without its own names for things."""
    return message.rstrip(".").replace("tag", "word").replace("template", "text")
