"""Tables kept in CSV files become rows of the declared table: `table t: … from "x.csv"` or `from org "x.csv"`.

The header names the columns: keys first (by their position), then the table's columns by name. Rows written in the mapping come
after the file's and replace those with the same key.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from segwright.core.diagnostic import Diagnostic, Label, diagnostic
from segwright.core.source import Source, Span
from segwright.core.suggest import nearest
from segwright.lang import ast
from segwright.lang.scope import Scope
from segwright.orgs.csvfile import read_rows


def fill(scope: Scope, shared: Mapping[str, Source], own: Mapping[str, Source]) -> tuple[Scope, list[Diagnostic]]:
    """The scope with every table that names a file filled from it. `shared`: CSV files under mappings/ by name; `own`: the
    organisation's, by file name."""
    found: list[Diagnostic] = []
    tables = dict(scope.tables)
    for name, table in scope.tables.items():
        if table.file is None:
            continue
        source = _source(table, shared, own)
        if source is None:
            known = [n.rsplit("/", 1)[-1] for n in (own if table.file.organisation else shared)]
            found.append(
                diagnostic(
                    "SW0614",
                    table.file.span,
                    table=name,
                    file=table.file.name,
                    nearest=nearest(table.file.name, known),
                    folder="the organisation's folder" if table.file.organisation else "the folder of this file",
                )
            )
            tables[name] = msgspec.structs.replace(table, lost=True)
            continue
        rows, problems = _rows(table, source)
        found.extend(problems)
        tables[name] = msgspec.structs.replace(table, rows=(*rows, *table.rows), lost=bool(problems))
    return msgspec.structs.replace(scope, tables=tables), found


def _source(table: ast.Table, shared: Mapping[str, Source], own: Mapping[str, Source]) -> Source | None:
    if table.file is None:
        return None
    if table.file.organisation:
        return own.get(table.file.name)
    folder = table.span.file.rsplit("/", 1)[0]
    return shared.get(f"{folder}/{table.file.name}") or own.get(table.file.name)


def _rows(table: ast.Table, source: Source) -> tuple[list[ast.Row], list[Diagnostic]]:
    read, found = read_rows(source)
    if read is None:
        return [], found
    names = read.names
    keys = len(table.keys)
    wanted = [column.name or "value" for column in table.columns]
    missing = [name for name in wanted if name not in names[keys:]]
    if len(names) < keys + len(wanted) or missing:
        strange = {
            name: cell for name, cell in zip(names[keys:], read.columns[keys:], strict=True) if name not in wanted
        }
        slip = nearest(missing[0], strange) if missing else ""
        found.append(
            diagnostic(
                "SW0615",
                read.span(strange[slip]) if slip else source.span(0, max(1, len(source.line(1)))),
                Label(table.span, "table"),
                slip=slip,
                meant=missing[0] if slip else "",
                table=table.name,
                file=source.name,
                missing=" and ".join(f"`{name}`" for name in missing or wanted[len(names) - keys :]),
                columns=" and ".join(f"`{name}`" for name in names),
            )
        )
        return [], found
    places = [names.index(name, keys) for name in wanted]
    rows = []
    for record in read.rows:
        cells = tuple(
            _cell(table.columns[n], record[place].text, read.span(record[place])) for n, place in enumerate(places)
        )
        key_nodes = tuple(_key(table.keys[n], record[n].text, read.span(record[n])) for n in range(keys))
        span = read.span(record[0])
        rows.append(ast.Row(key_nodes, "->", cells, span=span))
    return rows, found


def _key(type_: ast.TypeRef, text: str, span: Span) -> ast.Value:
    return ast.Text(text, span) if type_.name in ("text", "code") else ast.Ref((text,), span)


def _cell(column: ast.Column, text: str, span: Span) -> ast.Cell:
    if not text:
        return ast.Cell((ast.Blank(span),), span=span)
    if column.type in ("integer", "decimal"):
        return ast.Cell((ast.Number(text, span),), span=span)
    return ast.Cell((ast.Text(text, span),), span=span)
