"""Turning a format that writes into one that reads: `.c = p.attr` through two-way steps, line by line.

Law: read(write(p)) = p for every record whose required attributes are there. A line that decides, joins or cuts has no inverse,
and the format is then refused for reading, naming that line.
"""

from __future__ import annotations

from segwright import library
from segwright.core.source import Span
from segwright.lang import ast
from segwright.lang.context import Context


def reading_rules(ctx: Context, declared: ast.Format) -> tuple[list[ast.FormatRule], list[tuple[Span, str]]]:
    """The reading lines of a writing format, and the lines that cannot be turned with why."""
    rules: list[ast.FormatRule] = []
    problems: list[tuple[Span, str]] = []
    record = ctx.model.records.get(declared.parameter.type.name)
    for rule in declared.rules:
        if not isinstance(rule.target, ast.ComponentPath):
            continue
        turned = _turn(ctx, declared, rule)
        if isinstance(turned, str):
            problems.append((rule.span, turned))
        elif turned is not None:
            rules.append(turned)
    if record is None:
        problems.append((declared.span, "its parameter is not a record"))
    return rules, problems


def _turn(ctx: Context, declared: ast.Format, rule: ast.FormatRule) -> ast.FormatRule | str | None:
    if len(rule.alternatives) > 1 or rule.alternatives[0].when is not None:
        return "it decides between values"
    (alternative,) = rule.alternatives
    if isinstance(alternative.value, ast.Text | ast.Number | ast.Blank):
        return None  # a constant tells nothing about the record and needs no reading
    component = rule.target
    if not isinstance(component, ast.ComponentPath):
        return None
    source, reading = _unstep(ctx, declared, alternative.value, component)
    if source is None:
        return reading if isinstance(reading, str) else "it is not one attribute"
    if isinstance(reading, str):
        return reading
    duty = alternative.duty if alternative.duty.kind else ast.Duty("required", None, rule.span)
    return ast.FormatRule(source, (ast.Alternative(reading, duty, span=rule.span),), span=rule.span)


def _unstep(
    ctx: Context, declared: ast.Format, value: ast.Value, component: ast.ComponentPath
) -> tuple[ast.Ref | None, ast.Value | str]:
    match value:
        case ast.Ref(names=(head, _)) if head == declared.parameter.name:
            return value, component
        case ast.As():
            source, reading = _unstep(ctx, declared, value.value, component)
            if source is None or isinstance(reading, str):
                return source, reading
            return source, _undo(ctx, declared, value, source, reading)
        case ast.Via(on_unmapped=None):
            source, reading = _unstep(ctx, declared, value.value, component)
            if source is None or isinstance(reading, str):
                return source, reading
            table = ctx.scope.tables.get(value.table.names[0])
            if table is None or any(row.arrow != "<->" for row in table.rows) or len(value.table.names) > 1:
                return None, f"table {value.table} does not lead back from every row"
            return source, ast.Via(reading, value.table, None, value.span)
        case _:
            return None, "it is not one attribute through two-way steps"


def _undo(ctx: Context, declared: ast.Format, value: ast.As, source: ast.Ref, reading: ast.Value) -> ast.Value | str:
    record = ctx.model.records[declared.parameter.type.name]
    attribute = next((a for a in record.attributes if a.name == source.names[1]), None)
    candidates = [
        r
        for r in library.find(value.format)
        if r.kind == "format" and attribute is not None and attribute.type.name in r.subject
    ]
    for candidate in candidates:
        constants: dict[str, object] = {}
        for argument in value.arguments:
            inner = argument.value
            constants[argument.name] = (
                inner.names[0]
                if isinstance(inner, ast.Ref) and len(inner.names) == 1
                else inner.digits
                if isinstance(inner, ast.Number)
                else None
            )
        undoing = library.undoing(candidate)
        if undoing is not None and library.two_way(candidate, constants):
            keep = tuple(a for a in value.arguments if a.name in {p.name for p in undoing.parameters})
            return ast.As(reading, value.format, keep, None, value.span, value.format_span)
    return f"`as {value.format}` loses something"
