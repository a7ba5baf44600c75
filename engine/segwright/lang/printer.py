"""Tree to canonical text: `print_file`.

Law: parsing what is printed gives the same tree again, spans and comments apart (`bare` takes both off). Documentation comments
(`##`) belong to the tree and are printed; other comments are the formatter's business.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from segwright.core.source import NOWHERE
from segwright.lang import ast
from segwright.lang.build import loop_name

WIDTH = 120
_STEP = "  "


def print_file(file: ast.File) -> str:
    """The whole file: its header and body first, then its declarations."""
    lines: list[str] = []
    if file.mapping is not None:
        lines += _mapping(file.mapping)
    if file.overlay is not None:
        lines += [*_doc(file.overlay.doc), f"overlay {file.overlay.name}", ""]
        for operation in file.overlay.operations:
            lines += _operation(operation)
    for declaration in file.declarations:
        if lines and lines[-1]:
            lines.append("")
        lines += _declaration(declaration)
    return "\n".join(lines).rstrip("\n") + "\n" if lines else ""


def print_node(node: Any) -> str:
    """One value, condition or type as it stands in a line; a statement or operation as its lines."""
    if isinstance(node, ast.TypeRef | ast.Hl7Path | ast.ComponentPath | ast.Ref | ast.Address):
        return str(node)
    if isinstance(node, _CONDITIONS):
        return condition(node)
    if isinstance(node, _OPERATIONS):
        return "\n".join(_operation(node))
    if isinstance(node, _STATEMENTS):
        return "\n".join(_statement(node))
    if isinstance(node, _DECLARATIONS):
        return "\n".join(_declaration(node))
    return value(node)


# --- comparing trees ---------------------------------------------------------------------------------------------------


@cache
def _fields(kind: type) -> tuple[str, ...]:
    return tuple(name for name in kind.__struct_fields__)  # type: ignore[attr-defined]


def bare(node: Any) -> Any:
    """The tree without its spans and comments: what is equal when only the layout differs."""
    if isinstance(node, tuple):
        return tuple(bare(item) for item in node)
    if not isinstance(node, ast.Node):
        return node
    changed: dict[str, Any] = {}
    for name in _fields(type(node)):
        if name in ("span", "format_span"):
            changed[name] = NOWHERE
        elif name == "comments":
            changed[name] = ()
        else:
            changed[name] = bare(getattr(node, name))
    return type(node)(**changed)


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
                text += _arguments(node.arguments)
            return text + (f" on invalid {_source(node.on_invalid)}" if node.on_invalid is not None else "")
        case ast.Via():
            text = f"{_chain(node.value)} via {node.table}"
            return text + (f" on unmapped {_source(node.on_unmapped)}" if node.on_unmapped is not None else "")
        case ast.Else():
            return f"{_chain(node.value)} else {_source(node.other)}"
    return _source(node)


def _source(node: Any) -> str:
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
            return f"{node.name}{_arguments(node.arguments)}"
        case ast.TextCall():
            return f"text {node.name}{_arguments(node.arguments)}"
        case ast.Keep():
            return "keep " + ", ".join(node.segments)
        case ast.Each() | ast.First():
            word = "each" if isinstance(node, ast.Each) else "first"
            variable = f"{node.variable} in " if node.variable else ""
            return f"{word} {variable}{_selection(node.of)}"
    return str(node)


def _inner(text: ast.Text) -> str:
    return quoted(text.value, braces=True)[1:-1]


def _arguments(arguments: tuple[ast.Argument, ...]) -> str:
    return "(" + ", ".join((f"{a.name}: " if a.name else "") + value(a.value) for a in arguments) + ")"


def _selection(of: ast.Selection) -> str:
    text = _source(of.source)
    if of.where is not None:
        text += f" where {condition(of.where)}"
    if of.having is not None:
        text += f" having {of.having}"
    return text + (f" ordered by {_source(of.ordered_by)}" if of.ordered_by is not None else "")


# --- conditions --------------------------------------------------------------------------------------------------------


def condition(node: Any) -> str:
    """A condition; parentheses stand only where the binding needs them."""
    match node:
        case ast.AnyOf():
            return " or ".join(_in_parentheses(part, ast.AnyOf) for part in node.conditions)
        case ast.AllOf():
            return " and ".join(_in_parentheses(part, ast.AnyOf, ast.AllOf) for part in node.conditions)
        case ast.Not():
            return f"not {_in_parentheses(node.condition, ast.AnyOf, ast.AllOf)}"
        case ast.Is():
            return f"{_source(node.left)} is {_not(node.negated)}{_source(node.right)}"
        case ast.State():
            return f"{_source(node.value)} is {_not(node.negated)}{node.state}"
        case ast.Compare():
            return f"{_source(node.left)} is {node.operator} {_source(node.right)}"
        case ast.Between():
            return f"{_source(node.value)} is between {_source(node.low)} and {_source(node.high)}"
        case ast.In():
            members = ", ".join(_source(member) for member in node.members)
            return f"{_source(node.value)} {_not(node.negated)}in " + (f"[{members}]" if node.listed else members)
        case ast.Matches():
            pattern = node.pattern
            said = quoted(pattern.value) if isinstance(pattern, ast.Text) else _source(pattern)
            return f"{_source(node.value)} matches {said}"
        case ast.InheritedCondition():
            return "inherited"
    return _source(node.value)


def _not(negated: bool) -> str:
    return "not " if negated else ""


def _in_parentheses(node: Any, *kinds: type) -> str:
    return f"({condition(node)})" if isinstance(node, kinds) else condition(node)


# --- rules and statements ----------------------------------------------------------------------------------------------


def _doc(doc: str) -> list[str]:
    return [f"## {line}".rstrip() for line in doc.split("\n")] if doc else []


def _indented(lines: Iterable[str]) -> Iterator[str]:
    return (_STEP + line if line else "" for line in lines)


def _with_reason(lines: list[str], because: str) -> list[str]:
    """The reason behind the last line if it fits there and the rule has one line, else below it."""
    if not because:
        return lines
    reason = f"because {quoted(because)}"
    if len(lines) == 1 and len(lines[0]) + len(reason) < WIDTH - 12:
        return [f"{lines[0]} {reason}"]
    return [*lines, _STEP + reason]


def _assignment(head: str, alternatives: tuple[ast.Alternative, ...], tail: str = "") -> list[str]:
    lines = []
    for number, alternative in enumerate(alternatives):
        text = value(alternative.value)
        duty = alternative.duty
        if duty.kind:
            text += f" {duty.kind}" + (f" if {condition(duty.condition)}" if duty.condition is not None else "")
        if alternative.when is not None:
            text += f" when {condition(alternative.when)}"
        if alternative.otherwise:
            text += " otherwise"
        lines.append((head if number == 0 else " " * len(head)) + " = " + text)
    lines[-1] += tail
    return lines


def _rule(rule: ast.Rule) -> list[str]:
    return [*_doc(rule.doc), *_with_reason(_assignment(str(rule.target), rule.alternatives), rule.because)]


def _mapping(mapping: ast.Mapping) -> list[str]:
    lines = [*_doc(mapping.doc), f"mapping {mapping.name} {mapping.direction} {', '.join(mapping.messages)}"]
    if mapping.inputs:
        lines.append(f"{_STEP}from {_parameters(mapping.inputs)}")
    lines.append("")
    for statement in mapping.body:
        lines += _statement(statement)
        if isinstance(statement, ast.Segment | ast.Loop | ast.Group):
            lines.append("")
    return lines


def _parameters(parameters: tuple[ast.Parameter, ...]) -> str:
    return ", ".join(f"{parameter.name}: {parameter.type}" for parameter in parameters)


def _segment_head(segment: ast.Segment) -> str:
    text = f"segment {segment.name}" + (f" {segment.label}" if segment.label else "")
    if segment.echo is not None:
        text += f" from {segment.echo}"
    if segment.optional:
        text += " optional"
    return text + (f" when {condition(segment.when)}" if segment.when is not None else "")


def _loop_head(loop: ast.Loop, name: str = "") -> str:
    text = f"for each {loop.variable} in {_selection(loop.of)}"
    if loop.limit is not None:
        text += " " + _limit(loop.limit)
    if loop.name != (name or loop_name(loop.of.source)):
        text += f" named {loop.name}"
    return text + (f" when {condition(loop.when)}" if loop.when is not None else "")


def _limit(limit: ast.Limit) -> str:
    return f"{limit.kind} {_source(limit.count)}"


def _rules(rules: tuple[Any, ...]) -> Iterator[str]:
    for rule in rules:
        yield from _indented(_statement(rule))


def _body(statements: tuple[Any, ...]) -> Iterator[str]:
    for statement in statements:
        yield from _indented(_statement(statement))


def _statement(node: Any) -> list[str]:
    match node:
        case ast.Rule():
            return _rule(node)
        case ast.Let():
            return [f"let {node.name} = {value(node.value)}"]
        case ast.Segment():
            return [*_doc(node.doc), _segment_head(node), *_rules(node.rules)]
        case ast.Loop():
            return [*_doc(node.doc), _loop_head(node), *_body(node.body), "end"]
        case ast.Group():
            under = f" under {node.under}" if node.under else ""
            head = f"for each {node.target} group from {node.segment}{under}"
            return [*_doc(node.doc), head, *_body(node.body), "end"]
        case ast.Use():
            return [f"use {node.name}" + (_arguments(node.arguments) if node.arguments else "")]
        case ast.Check() | ast.Reject():
            return [_check(node)]
        case ast.Allow():
            return _with_reason([f"allow {node.code} on {node.on}"], node.because)
    raise TypeError(f"no statement: {type(node).__name__}")


def _check(node: ast.Check | ast.Reject) -> str:
    if isinstance(node, ast.Check):
        return f"check {node.name} that {condition(node.condition)} else {quoted(node.saying)}"
    return f"reject {node.code} {node.name} when {condition(node.condition)} saying {quoted(node.saying)}"


# --- declarations ------------------------------------------------------------------------------------------------------


def _declaration(node: Any) -> list[str]:
    doc = _doc(node.doc)
    match node:
        case ast.Record():
            fields = [line for f in node.fields for line in (*_doc(f.doc), f"{f.name}: {f.type}")]
            return [*doc, f"record {node.name}", *_indented(fields), "end"]
        case ast.Enum():
            values = [line for v in node.values for line in (*_doc(v.doc), v.name)]
            return [*doc, f"enum {node.name}", *_indented(values), "end"]
        case ast.Table():
            return [*doc, *_table(node, "table ")]
        case ast.Format():
            parameter = _parameters((node.parameter,))
            head = f"format {node.name}({parameter}) {node.direction} {node.type}"
            return [*doc, head, *_format_rules(node.rules), "end"]
        case ast.Part():
            head = f"part {node.name}" + (f"({_parameters(node.parameters)})" if node.parameters else "")
            return [*doc, head, *_body(node.body), "end"]
        case ast.Narrative():
            parameter = f"({_parameters((node.parameter,))})" if node.parameter is not None else ""
            return [*doc, f"text {node.name}{parameter}", *_narrative(node.lines), "end"]
    raise TypeError(f"no declaration: {type(node).__name__}")


def _narrative(lines: tuple[ast.NarrativeLine, ...]) -> Iterator[str]:
    return _indented(f"{line.change} {quoted(line.text)}" if line.change else line.text for line in lines)


def _table(table: ast.Table, word: str) -> list[str]:
    head = word + table.name
    if table.columns:
        keys = ", ".join(str(key) for key in table.keys)
        head += f": {keys} -> " + ", ".join(_column(column) for column in table.columns)
    if table.file is not None:
        return [f"{head} from {'org ' if table.file.organisation else ''}{quoted(table.file.name)}"]
    return [head, *_rows(table.rows), "end"]


def _column(column: ast.Column) -> str:
    kind = f"HL7 {column.hl7_table}" if column.hl7_table else column.type
    return f"{column.name}: {kind}" if column.name else kind


def _rows(rows: tuple[ast.Row, ...]) -> Iterator[str]:
    for row in rows:
        keys = "otherwise" if row.otherwise else ", ".join(_constant(key) for key in row.keys)
        text = f"{row.change} {keys}".strip()
        if row.cells:
            text += f" {row.arrow} " + ", ".join(
                cell.word or " ^ ".join(_constant(part) for part in cell.parts) for cell in row.cells
            )
        yield from _indented([*_doc(row.doc), text])


def _constant(node: Any) -> str:
    return quoted(node.value) if isinstance(node, ast.Text) else _source(node)


def _format_rules(rules: tuple[ast.FormatRule, ...]) -> Iterator[str]:
    for rule in rules:
        head = f"{rule.change} {rule.target}".strip()
        lines = _assignment(head, rule.alternatives) if rule.alternatives else [head]
        yield from _indented([*_doc(rule.doc), *_with_reason(lines, rule.because)])


# --- overlays ----------------------------------------------------------------------------------------------------------


def _anchor(anchor: ast.Anchor) -> str:
    place = anchor.place
    said = f"{place.name} {place.label}".strip() if place.kind == "segment" else str(place)
    text = f"at end of {said}" if anchor.where == "end" else f"{anchor.where} {said}"
    return text + (f" {anchor.spread}" if anchor.spread else "")


def _operation(node: Any) -> list[str]:
    lines = _doc(getattr(node, "doc", ""))
    match node:
        case ast.Allow():
            return _statement(node)
        case ast.OverrideRule():
            return lines + _with_reason(_assignment(f"override {node.address}", node.alternatives), node.because)
        case ast.AddRule():
            beside = f" {'before' if node.before else 'after'} [{node.beside}]" if node.beside else ""
            return lines + _with_reason(_assignment(f"add {node.address}", node.alternatives, beside), node.because)
        case ast.Remove():
            first, *rest = node.addresses
            text = f"remove {first}" + "".join(f", {address.target}" for address in rest)
            return _with_reason([text], node.because)
        case ast.OverrideSegment():
            return _with_reason([f"override {node.address} when {condition(node.when)}"], node.because)
        case ast.OverrideLoop():
            text = f"override {node.address}"
            if node.where is not None:
                text += f" where {condition(node.where)}"
            if node.ordered_by is not None:
                text += f" ordered by {_source(node.ordered_by)}"
            if node.limit is not None:
                text += " " + _limit(node.limit)
            return _with_reason([text], node.because)
        case ast.Move():
            return _with_reason([f"move {node.address} {_anchor(node.anchor)}"], node.because)
        case ast.AddCheck():
            return _with_reason([f"add {_check(node.check)}"], node.because)
        case ast.AddBlock():
            return _added(node)
        case ast.Replace():
            return _replaced(node)
    body: Iterable[str]
    match node:
        case ast.OverrideTable():
            head, body = "table", _rows(node.rows)
        case ast.OverrideFormat():
            head, body = "format", _format_rules(node.rules)
        case ast.OverrideText():
            head, body = "text", _narrative(node.lines)
        case ast.OverridePart():
            head, body = "part", _indented(line for inner in node.operations for line in _operation(inner))
        case _:
            raise TypeError(f"no operation: {type(node).__name__}")
    return [f"override {head} {node.name}", *body, *_with_reason(["end"], node.because)]


def _added(node: ast.AddBlock) -> list[str]:
    block, anchor = node.block, _anchor(node.anchor)
    if isinstance(block, ast.Segment):
        # The anchor stands before the clauses, as it is read: after WHAT, then WHEN.
        name = f"segment {block.name}" + (f" {block.label}" if block.label else "")
        head = f"add {name} {anchor}{_segment_head(block).removeprefix(name)}"
        return [*_doc(block.doc), *_with_reason([head], node.because), *_rules(block.rules)]
    head = f"add loop {_loop_head(block)} {anchor}"
    return [*_doc(block.doc), head, *_body(block.body), *_with_reason(["end"], node.because)]


def _replaced(node: ast.Replace) -> list[str]:
    block = node.body
    end = _with_reason(["end"], node.because)
    if isinstance(block, ast.Segment):
        return [*_doc(block.doc), f"replace {_segment_head(block)}", *_rules(block.rules), *end]
    if isinstance(block, ast.Loop):
        name = node.address.name
        return [*_doc(block.doc), f"replace loop {name} {_loop_head(block, name)}", *_body(block.body), *end]
    lines = [*_doc(block.doc), *_table(block, "replace table ")]
    return _with_reason(lines, node.because) if block.file is not None else [*lines[:-1], *end]


_CONDITIONS = (
    ast.AnyOf,
    ast.AllOf,
    ast.Not,
    ast.Is,
    ast.State,
    ast.Compare,
    ast.Between,
    ast.In,
    ast.Matches,
    ast.Holds,
    ast.InheritedCondition,
)
_STATEMENTS = (ast.Segment, ast.Rule, ast.Let, ast.Loop, ast.Group, ast.Use, ast.Check, ast.Reject, ast.Allow)
_DECLARATIONS = (ast.Record, ast.Enum, ast.Table, ast.Format, ast.Part, ast.Narrative)
_OPERATIONS = (
    ast.OverrideRule,
    ast.AddRule,
    ast.Remove,
    ast.Replace,
    ast.OverrideSegment,
    ast.OverrideLoop,
    ast.Move,
    ast.AddBlock,
    ast.AddCheck,
    ast.OverrideTable,
    ast.OverrideFormat,
    ast.OverrideText,
    ast.OverridePart,
)
