"""Overlay operations on declarations: tables, formats and narratives of the scope.

Rows or lines given replace those with the same key or target; `add` and `remove` say so. Each must hit.
"""

from __future__ import annotations

import msgspec

from segwright.core.diagnostic import Diagnostic, Label, diagnostic
from segwright.core.source import Span
from segwright.core.suggest import nearest, shown
from segwright.lang import ast
from segwright.lang.flat import alike
from segwright.lang.rules import inherit
from segwright.lang.scope import Scope


class Redeclared(msgspec.Struct, frozen=True):
    """The scope after the operation, findings, and the diagnostic when the operation hit no declaration at all."""

    scope: Scope
    found: tuple[Diagnostic, ...] = ()
    miss: Diagnostic | None = None


class Rewritten(msgspec.Struct, frozen=True):
    """What of a declaration an operation writes: a row, a line, a component; all of it when `part` is empty."""

    kind: str
    name: str
    part: tuple[str, ...] = ()

    def overlaps(self, other: Rewritten) -> bool:
        """Whether two share anything."""
        short = min(len(self.part), len(other.part))
        return (self.kind, self.name, self.part[:short]) == (other.kind, other.name, other.part[:short])


def rewritten(
    op: ast.OverrideTable | ast.OverrideFormat | ast.OverrideText | ast.Replace,
) -> list[tuple[Rewritten, str, Span]]:
    """What an operation on a declaration writes, with what people call it and its place."""
    match op:
        case ast.OverrideTable():
            keys = [(row, row.key or ("otherwise",)) for row in op.rows]
            return [
                (Rewritten("table", op.name, key), f"row `{', '.join(key)}` of `table {op.name}`", row.span)
                for row, key in keys
            ]
        case ast.OverrideFormat():
            return [
                (Rewritten("format", op.name, _part(rule.target)), f"`{rule.target}` of `format {op.name}`", rule.span)
                for rule in op.rules
            ]
        case ast.OverrideText() if any(line.change for line in op.lines):
            return []
        case ast.OverrideText():
            return [(Rewritten("text", op.name), f"`text {op.name}`", op.span)]
        case ast.Replace():
            return [(Rewritten("table", op.address.name), f"`table {op.address.name}`", op.span)]


def _part(target: ast.Target) -> tuple[str, ...]:
    """The steps of a target: components of a format that writes, attributes of one that reads. A component without a
    subcomponent is its first one (`.4` and `.4.1` are one place)."""
    match target:
        case ast.ComponentPath():
            return ("as", str(target.component), str(target.subcomponent or 1))
        case ast.Ref():
            return ("from", *target.names)
        case _:
            raise AssertionError("lines of a format have components or attributes")


def redeclare(
    scope: Scope, op: ast.OverrideTable | ast.OverrideFormat | ast.OverrideText | ast.Replace, layer: str
) -> Redeclared:
    """Applies one operation to the scope."""
    match op:
        case ast.OverrideTable():
            return _table(scope, op)
        case ast.OverrideFormat():
            return _format(scope, op)
        case ast.OverrideText():
            return _text(scope, op)
        case ast.Replace(body=ast.Table() as table):
            if table.name not in scope.tables:
                return Redeclared(scope, miss=_unknown("table", op.address.name, op.span, scope.tables))
            below = scope.tables[table.name]
            if not table.keys:  # only rows are given: the shape stays
                table = msgspec.structs.replace(table, keys=below.keys, columns=below.columns)
            if alike(below, table):
                return Redeclared(
                    scope, (diagnostic("SW0504", op.span, Label(below.span, "base"), address=f"table {table.name}"),)
                )
            return Redeclared(msgspec.structs.replace(scope, tables={**scope.tables, table.name: table}))
        case _:
            raise AssertionError("segments and loops are replaced in the body")


def _unknown(kind: str, name: str, span: Span, known: object) -> Diagnostic:
    names = sorted(known) if isinstance(known, dict) else []
    return diagnostic(
        "SW0501",
        span,
        what=kind,
        address=name,
        message="the mappings",
        nearest=nearest(name, names),
        known=shown(names),
    )


def _table(scope: Scope, op: ast.OverrideTable) -> Redeclared:
    table = scope.tables.get(op.name)
    if table is None:
        return Redeclared(scope, miss=_unknown("table", op.name, op.span, scope.tables))
    found: list[Diagnostic] = []
    rows = list(table.rows)
    for row in op.rows:
        key = row.key
        at = next((i for i, r in enumerate(rows) if r.key == key and r.otherwise == row.otherwise), None)
        said = ", ".join(key) or "otherwise"
        plain = msgspec.structs.replace(row, change="")
        if row.change == "add":
            if at is not None:
                found.append(diagnostic("SW0503", row.span, Label(rows[at].span, "base"), address=f"row {said}"))
            elif row.otherwise or not rows or not rows[-1].otherwise:
                rows.append(plain)
            else:
                rows.insert(len(rows) - 1, plain)
        elif at is None:
            known = [", ".join(r.key) or "otherwise" for r in rows]
            if table.file is not None and row.change != "remove":
                rows.append(plain)
                continue
            found.append(
                diagnostic(
                    "SW0501",
                    row.span,
                    Label(table.span, "table"),
                    what="row",
                    address=said,
                    message=f"table {op.name}",
                    nearest=nearest(said, known),
                    known=shown(known),
                    add="" if row.change else f"{said} -> …",
                )
            )
        elif row.change == "remove":
            del rows[at]
        elif alike(rows[at].cells, row.cells):
            found.append(diagnostic("SW0504", row.span, Label(rows[at].span, "base"), address=f"row {said}"))
        else:
            rows[at] = plain
    new = msgspec.structs.replace(table, rows=tuple(rows))
    return Redeclared(msgspec.structs.replace(scope, tables={**scope.tables, op.name: new}), tuple(found))


def _format(scope: Scope, op: ast.OverrideFormat) -> Redeclared:
    found: list[Diagnostic] = []
    formats = dict(scope.formats)
    hit = False
    for direction in ("as", "from"):
        declared = formats.get((op.name, direction))
        if declared is None:
            continue
        wanted = ast.ComponentPath if declared.direction == "as" else ast.Ref
        mine = [rule for rule in op.rules if isinstance(rule.target, wanted)]
        if not mine:
            continue
        hit = True
        rules = list(declared.rules)
        for rule in mine:
            at = next((i for i, r in enumerate(rules) if str(r.target) == str(rule.target)), None)
            twin = next((r for r in rules if _part(r.target) == _part(rule.target)), None)
            if rule.change == "add":
                if twin is not None:
                    found.append(diagnostic("SW0503", rule.span, Label(twin.span, "base"), address=str(twin.target)))
                else:
                    rules.append(msgspec.structs.replace(rule, change=""))
            elif at is None:
                known = [str(r.target) for r in rules]
                found.append(
                    diagnostic(
                        "SW0501",
                        rule.span,
                        Label(declared.span, "base"),
                        what="line",
                        address=str(rule.target),
                        message=f"format {op.name}",
                        nearest=str(twin.target) if twin is not None else nearest(str(rule.target), known),
                        known=shown(known),
                        add="" if rule.change or twin is not None else f"{rule.target} = …",
                    )
                )
            elif rule.change == "remove":
                del rules[at]
            elif alike(rule.alternatives, rules[at].alternatives):
                found.append(diagnostic("SW0504", rule.span, Label(rules[at].span, "base"), address=str(rule.target)))
            else:
                alternatives = inherit(rule.alternatives, rules[at].alternatives)
                rules[at] = msgspec.structs.replace(rule, change="", alternatives=alternatives)
        formats[op.name, direction] = msgspec.structs.replace(declared, rules=tuple(rules))
    if not hit:
        return Redeclared(scope, miss=_unknown("format", op.name, op.span, {name: None for name, _ in scope.formats}))
    return Redeclared(msgspec.structs.replace(scope, formats=formats), tuple(found))


def _text(scope: Scope, op: ast.OverrideText) -> Redeclared:
    narrative = scope.narratives.get(op.name)
    if narrative is None:
        return Redeclared(scope, miss=_unknown("text", op.name, op.span, scope.narratives))
    found: list[Diagnostic] = []
    if any(line.change for line in op.lines):
        lines = list(narrative.lines)
        for line in op.lines:
            at = next((i for i, have in enumerate(lines) if have.text.strip() == line.text.strip()), None)
            if line.change == "remove" and at is not None:
                del lines[at]
            elif line.change == "remove":
                found.append(
                    diagnostic(
                        "SW0501",
                        line.span,
                        Label(narrative.span, "base"),
                        what="line",
                        address=line.text.strip(),
                        message=f"text {op.name}",
                        nearest=nearest(line.text.strip(), [have.text.strip() for have in lines]),
                        known=(),
                    )
                )
            else:
                lines.append(msgspec.structs.replace(line, change=""))
        new = tuple(lines)
    else:
        new = op.lines
    if [line.text for line in new] == [line.text for line in narrative.lines] and not found:
        found.append(diagnostic("SW0504", op.span, Label(narrative.span, "base"), address=f"text {op.name}"))
    replaced = msgspec.structs.replace(narrative, lines=new)
    return Redeclared(msgspec.structs.replace(scope, narratives={**scope.narratives, op.name: replaced}), tuple(found))
