"""Parts of a line as text: values, conditions, lists, the heads of blocks. What `lang.said` puts into columns.

Law: a part that is printed and read again gives the same node.
"""

from __future__ import annotations

from typing import Any

from segwright.lang import ast
from segwright.lang.build import loop_name

# --- values ------------------------------------------------------------------------------------------------------------


def quoted(text: str, *, braces: bool = False) -> str:
    """A literal; with `braces`, one in which `{` would begin a value."""
    if braces:
        text = text.replace("{", "{{").replace("}", "}}")
    return '"' + text.replace('"', '""') + '"'


def value(node: Any) -> str:
    """A value at its loosest: `^` may stand open."""
    if isinstance(node, ast.Composite):
        return " ^ ".join(_chain(part) for part in node.parts)
    return _chain(node)


def _chain(node: Any) -> str:
    match node:
        case ast.Composite():
            return f"({value(node)})"
        case ast.As():
            text = f"{_chain(node.value)} as {node.format}"
            if node.arguments:
                text += arguments(node.arguments)
            return text + (f" on invalid {source_of(node.on_invalid)}" if node.on_invalid is not None else "")
        case ast.Via():
            text = f"{_chain(node.value)} via {node.table}"
            return text + (f" on unmapped {source_of(node.on_unmapped)}" if node.on_unmapped is not None else "")
        case ast.Else():
            return f"{_chain(node.value)} else {source_of(node.other)}"
    return source_of(node)


def source_of(node: Any) -> str:
    """A value that binds tightest: anything else stands in parentheses."""
    match node:
        case ast.Composite() | ast.As() | ast.Via() | ast.Else():
            return f"({value(node)})"
        case ast.Text():
            return quoted(node.value, braces=True)
        case ast.Interpolation():
            inner = (_inner(part) if isinstance(part, ast.Text) else "{" + value(part) + "}" for part in node.parts)
            return '"' + "".join(inner) + '"'
        case ast.Number():
            return node.digits
        case ast.Blank() | ast.Hold() | ast.Null():
            return type(node).__name__.lower()
        case ast.Place():
            return "position"
        case ast.Inherited():
            return "inherited"
        case ast.Count():
            return (
                f"count {node.segment}"
                + (f" since {node.since}" if node.since else "")
                + (f" from {node.start}" if node.start != 1 else "")
            )
        case ast.Call():
            return f"{node.name}{arguments(node.arguments)}"
        case ast.TextCall():
            return f"text {node.name}{arguments(node.arguments)}"
        case ast.Keep():
            return "keep " + ", ".join(node.segments)
        case ast.Each() | ast.First():
            word = "each" if isinstance(node, ast.Each) else "first"
            variable = f"{node.variable} in " if node.variable else ""
            return f"{word} {variable}{selection(node.of)}"
    return str(node)


def _inner(text: ast.Text) -> str:
    return quoted(text.value, braces=True)[1:-1]


def arguments(arguments: tuple[ast.Argument, ...]) -> str:
    return "(" + ", ".join((f"{a.name}: " if a.name else "") + value(a.value) for a in arguments) + ")"


def selection(of: ast.Selection) -> str:
    text = source_of(of.source)
    if of.where is not None:
        text += f" where {condition(of.where)}"
    if of.having is not None:
        text += f" having {of.having}"
    return text + (f" ordered by {source_of(of.ordered_by)}" if of.ordered_by is not None else "")


# --- conditions --------------------------------------------------------------------------------------------------------


def condition(node: Any) -> str:
    """A condition. `and` inside `or` stands in parentheses, so that nobody has to know which binds first."""
    match node:
        case ast.AnyOf():
            return " or ".join(_in_parentheses(part, ast.AnyOf, ast.AllOf) for part in node.conditions)
        case ast.AllOf():
            return " and ".join(_in_parentheses(part, ast.AnyOf, ast.AllOf) for part in node.conditions)
        case ast.Not():
            return f"not {_in_parentheses(node.condition, ast.AnyOf, ast.AllOf)}"
        case ast.Is():
            return f"{source_of(node.left)} is {_not(node.negated)}{source_of(node.right)}"
        case ast.State():
            return f"{source_of(node.value)} is {_not(node.negated)}{node.state}"
        case ast.Compare():
            return f"{source_of(node.left)} is {node.operator} {source_of(node.right)}"
        case ast.Between():
            return f"{source_of(node.value)} is between {source_of(node.low)} and {source_of(node.high)}"
        case ast.In():
            members = ", ".join(source_of(member) for member in node.members)
            return f"{source_of(node.value)} {_not(node.negated)}in " + (f"[{members}]" if node.listed else members)
        case ast.Matches():
            pattern = node.pattern
            said = quoted(pattern.value) if isinstance(pattern, ast.Text) else source_of(pattern)
            return f"{source_of(node.value)} matches {said}"
        case ast.InheritedCondition():
            return "inherited"
    return source_of(node.value)


def _not(negated: bool) -> str:
    return "not " if negated else ""


def _in_parentheses(node: Any, *kinds: type) -> str:
    return f"({condition(node)})" if isinstance(node, kinds) else condition(node)


# --- heads of blocks, and what else stands in a line ----------------------------------------------------------------------


def parameters(given: tuple[ast.Parameter, ...]) -> str:
    """`name: Type, name: Type`."""
    return ", ".join(f"{parameter.name}: {parameter.type}" for parameter in given)


def segment_name(segment: ast.Segment) -> str:
    """`segment OBX report`."""
    return f"segment {segment.name}" + (f" {segment.label}" if segment.label else "")


def segment_clauses(segment: ast.Segment) -> str:
    """` from P optional when C`, each with a space before it."""
    text = f" from {segment.echo}" if segment.echo is not None else ""
    if segment.optional:
        text += " optional"
    return text + (f" when {condition(segment.when)}" if segment.when is not None else "")


def loop_head(loop: ast.Loop, name: str = "", *, named: bool = False) -> str:
    """`for each x in L …`; the loop's name stands there if `named`, or if it is neither `name` nor the one its list gives it."""
    text = f"for each {loop.variable} in {selection(loop.of)}"
    if loop.limit is not None:
        text += " " + limit(loop.limit)
    if named or loop.name != (name or loop_name(loop.of.source)):
        text += f" named {loop.name}"
    return text + (f" when {condition(loop.when)}" if loop.when is not None else "")


def limit(node: ast.Limit) -> str:
    """`at most N` or `first N`."""
    return f"{node.kind} {source_of(node.count)}"


def table_shape(table: ast.Table) -> str:
    """`: KEYS -> COLUMNS from "x.csv"`; nothing for a table whose shape is that of the one it replaces."""
    text = ""
    if table.columns:
        keys = ", ".join(str(key) for key in table.keys)
        text = f": {keys} -> " + ", ".join(_column(column) for column in table.columns)
    if table.file is not None:
        text += f" from {'org ' if table.file.organisation else ''}{quoted(table.file.name)}"
    return text


def _column(column: ast.Column) -> str:
    kind = f"HL7 {column.hl7_table}" if column.hl7_table else column.type
    return f"{column.name}: {kind}" if column.name else kind


def constant(node: Any) -> str:
    """A key or a component of a row."""
    return source_of(node)


def place(address: ast.Address) -> str:
    """A place that something stands beside, or that an `allow` is for: a segment needs no word before its name."""
    return f"{address.name} {address.label}".strip() if address.kind == "segment" else str(address)


def anchor(node: ast.Anchor) -> str:
    """`after OBX report each`."""
    text = f"at end of {place(node.place)}" if node.where == "end" else f"{node.where} {place(node.place)}"
    return text + (f" {node.spread}" if node.spread else "")
