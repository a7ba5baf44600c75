"""Stale overrides: the base changed under an operation of an overlay, and the operation stayed as it was.

Takes what a layer stands on before and after (two `Flattened`) and its operations then and now; gives, for each operation that
means the same in both, what changed under it. Compared is meaning: layout, comments and reasons count for nothing, a table,
format or text that a replaced line uses counts as that line. What an operation hands on (`inherited`) is not under it: such a
change reaches the message.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import msgspec

from segwright.core.diagnostic import Diagnostic
from segwright.core.source import Span
from segwright.lang import ast
from segwright.lang.finding import find_loops, find_segments
from segwright.lang.flat import (
    FlatAllow,
    FlatCheck,
    FlatGroup,
    FlatLet,
    FlatLoop,
    FlatRule,
    FlatSegment,
    FlatUse,
    Item,
    alike,
    inside,
    mentions,
    rewrite,
    walk,
)
from segwright.lang.flatten import Flattened
from segwright.lang.rules import holds, written_in
from segwright.lang.scope import Scope


class Under(msgspec.Struct, frozen=True):
    """Something that an operation replaces or takes away: what it says, and where."""

    says: object
    span: Span


class Stale(msgspec.Struct, frozen=True):
    """An operation (or a row, line or address of one) under which something changed: how people call both; where that stood and
    stands (None: it did not, or does not); how much else changed."""

    span: Span
    address: str
    name: str
    was: Span | None
    now: Span | None
    more: int


def stale(
    before: Flattened, then: Iterable[ast.Operation], after: Flattened, now: Iterable[ast.Operation]
) -> list[Stale]:
    """The stale ones among the operations of one layer in one message, in line order."""
    unchanged = list(then)
    found = []
    for operation in now:
        same = next((each for each in unchanged if alike(each, operation)), None)
        if same is None:
            continue
        unchanged.remove(same)
        below = zip(_beneath(before, operation), _beneath(after, operation), strict=True)
        for (_, _, old), (address, span, new) in below:
            changed = _changed(old, new) if old and new else []
            if changed:
                name = next((name for name in changed if name in new), changed[0])
                was, here = (side[name].span if name in side else None for side in (old, new))
                found.append(Stale(span, address, name, was, here, len(changed) - 1))
    return found


def _changed(old: dict[str, Under], new: dict[str, Under]) -> list[str]:
    """The names of what is in one only, or says something else; lines before the declarations that they use."""
    return [
        name
        for name in dict.fromkeys((*new, *old))
        if name not in old or name not in new or not alike(old[name].says, new[name].says)
    ]


def _beneath(below: Flattened, operation: ast.Operation) -> list[tuple[str, Span, dict[str, Under]]]:
    """By address of an operation, what it replaces or takes away; nothing where it hits nothing, adds or only moves."""
    finder = _Beneath(below.mapping.body, below.mapping.name, below.scope)
    match operation:
        case ast.Remove():
            return [(f"remove {each}", each.span, finder.address(each)) for each in operation.addresses]
        case ast.OverrideTable(name=name):
            rows = [row for row in operation.rows if row.change != "add"]
            return [(f"override table {name}", row.span, finder.row(name, row)) for row in rows]
        case ast.OverrideFormat(name=name):
            lines = [line for line in operation.rules if line.change != "add"]
            return [(f"override format {name}", line.span, finder.line(name, line)) for line in lines]
        case ast.OverrideText(name=name):
            return [(f"override text {name}", operation.span, finder.text(operation))]
        case ast.OverridePart(name=name):
            return [(f"override part {name}", operation.span, finder.part(operation))]
        case ast.OverrideRule() | ast.OverrideSegment() | ast.OverrideLoop():
            return [(f"override {operation.address}", operation.span, finder.operation(operation))]
        case ast.Replace():
            return [(f"replace {operation.address}", operation.span, finder.operation(operation))]
        case _:
            return []


class _Beneath:
    """Looks up what operations act on, in one body."""

    def __init__(self, body: tuple[Item, ...], message: str, scope: Scope) -> None:
        self.body = body
        self.message = message
        self.scope = scope

    def operation(
        self, op: ast.OverrideRule | ast.OverrideSegment | ast.OverrideLoop | ast.Replace
    ) -> dict[str, Under]:
        """What an operation with one address acts on."""
        match op:
            case ast.OverrideRule():
                return {} if mentions(op.alternatives, ast.Inherited) else self.address(op.address)
            case ast.OverrideSegment():
                return self._condition(op)
            case ast.OverrideLoop():
                return self._loop(op)
            case ast.Replace(body=ast.Table()):
                return self._declared(op.address.name)
            case ast.Replace():
                return self.address(op.address)

    def row(self, table: str, row: ast.Row) -> dict[str, Under]:
        """The row that a row replaces."""
        return _only(self._table(table), _row_name(table, row))

    def line(self, format_: str, line: ast.FormatRule) -> dict[str, Under]:
        """The line of a format that a line replaces."""
        if mentions(line.alternatives, ast.Inherited):
            return {}
        return _only(self._format(format_), f"`{line.target}` of `format {format_}`")

    def text(self, op: ast.OverrideText) -> dict[str, Under]:
        """The text that another one replaces."""
        return {} if any(line.change for line in op.lines) else self._text(op.name)

    def part(self, op: ast.OverridePart) -> dict[str, Under]:
        """What operations inside a part act on, wherever it is used."""
        found: dict[str, Under] = {}
        for _, item in walk(self.body):
            if isinstance(item, FlatUse) and item.part == op.name:
                within = _Beneath(item.body, self.message, self.scope)
                for each in op.operations:
                    match each:
                        case ast.Remove():
                            for address in each.addresses:
                                found |= within.address(address)
                        case ast.OverrideRule() | ast.OverrideSegment() | ast.OverrideLoop() | ast.Replace():
                            found |= within.operation(each)
        return found

    def address(self, address: ast.Address) -> dict[str, Under]:
        """What stands at an address, with what it uses."""
        match address.kind:
            case "rule" if isinstance(address.target, ast.Hl7Path):
                return self._rule(address, address.target)
            case "rule":
                return self._items(lambda item: isinstance(item, FlatRule) and str(item.target) == str(address.target))
            case "segment":
                hits = find_segments(self.body, self.message, address, address.name or address.label)
                return {} if isinstance(hits, Diagnostic) else self._all(item for _, item in hits)
            case "loop":
                loops = find_loops(self.body, self.message, address)
                return {} if isinstance(loops, Diagnostic) else self._all((loops[0][1],))
            case _:
                return self._items(lambda item: isinstance(item, FlatCheck) and item.check.name == address.name)

    def _items(self, wanted: Callable[[Item], bool]) -> dict[str, Under]:
        return self._all(item for _, item in walk(self.body) if wanted(item))

    def _rule(self, address: ast.Address, target: ast.Hl7Path) -> dict[str, Under]:
        hits = find_segments(self.body, self.message, address, target.segment)
        if isinstance(hits, Diagnostic):
            return {}
        found: dict[str, Under] = {}
        for _, segment in hits:
            written = written_in(segment, target)
            if not written and segment.echo is not None:
                found[f"`{target}` as it was received"] = Under(segment.echo, segment.origin.span)
            # The parts of a rule come behind it: what they say of this place counts instead of what the rule says.
            exact = [rule for rule in written if holds(target, rule.target)]
            for rule in exact or written[-1:]:
                whole = holds(target, rule.target)
                found |= self._lines(rule, segment.label) if whole else self._component(rule, target, segment.label)
                found |= self._lets(segment, rule)
        return found

    def _component(self, rule: FlatRule, target: ast.Hl7Path, label: str) -> dict[str, Under]:
        """What a rule for a whole field says of one component."""
        says: list[ast.Alternative] = []
        for rung in rule.alternatives:
            match rung.value:
                case ast.Composite(parts=parts) if target.component <= len(parts):
                    says.append(msgspec.structs.replace(rung, value=parts[target.component - 1]))
                case ast.As(format=name) if len(rule.alternatives) == 1 and (name, "as") in self.scope.formats:
                    lines = self.scope.formats[name, "as"].rules
                    place = ast.ComponentPath(target.component, target.subcomponent)
                    names = [f"`{line.target}` of `format {name}`" for line in lines if _overlap(line.target, place)]
                    every = self._format(name)
                    return {each: every[each] for each in names}
                case _:
                    return self._lines(rule, label)
        return {f"`{f'{label} {target}'.strip()}`": Under(tuple(says), rule.origin.span), **self._used(tuple(says))}

    def _lets(self, segment: FlatSegment, rule: FlatRule) -> dict[str, Under]:
        """The values that the segment names and the rule uses."""
        names = {ref.names[0] for ref in _nodes(rule.alternatives) if isinstance(ref, ast.Ref)}
        lets = [each for each in segment.rules if isinstance(each, FlatLet) and each.name in names]
        return {f"`let {let.name}`": Under(let.value, let.origin.span) for let in lets}

    def _condition(self, op: ast.OverrideSegment) -> dict[str, Under]:
        hits = find_segments(self.body, self.message, op.address, op.address.name or op.address.label)
        if isinstance(hits, Diagnostic):
            return {}
        return {f"the condition of `segment {s.title}`": Under((s.when, s.optional), s.origin.span) for _, s in hits}

    def _loop(self, op: ast.OverrideLoop) -> dict[str, Under]:
        hits = find_loops(self.body, self.message, op.address)
        if isinstance(hits, Diagnostic):
            return {}
        loop = hits[0][1]
        said: list[tuple[str, object]] = []
        if op.where is not None and not mentions(op.where, ast.InheritedCondition):
            said.append(("condition", loop.of.where))
        if op.ordered_by is not None:
            said.append(("order", loop.of.ordered_by))
        if op.limit is not None:
            said.append(("limit", loop.limit))
        return {f"the {what} of `{loop.title}`": Under(says, loop.origin.span) for what, says in said}

    # -- what a line says, and what it uses

    def _all(self, items: Iterable[Item]) -> dict[str, Under]:
        """Items with all that is in them, a line each, and the declarations that these use."""
        return {name: under for item in items for name, under in self._lines(item, "").items()}

    def _lines(self, item: Item, label: str) -> dict[str, Under]:
        says = _says(item)
        found = {_name(item, label): Under(says, item.origin.span), **self._used(says)}
        for each in inside(item):
            found |= self._lines(each, item.label if isinstance(item, FlatSegment) else label)
        return found

    def _used(self, says: object) -> dict[str, Under]:
        """The tables, formats and texts that a line uses, and those that they use; of a table only the column."""
        found: dict[str, Under] = {}
        open_ = list(dict.fromkeys(_names(says)))
        seen = set(open_)
        while open_:
            declared = self._declared(*open_.pop(0))
            found |= declared
            for used in _names(tuple(under.says for under in declared.values())):
                if used not in seen:
                    seen.add(used)
                    open_.append(used)
        return found

    def _declared(self, name: str, column: str | None = None) -> dict[str, Under]:
        return {**self._table(name, column), **self._format(name), **self._text(name)}

    def _table(self, name: str, column: str | None = None) -> dict[str, Under]:
        """A table, line by line; only what one of its columns says ("" is the first), or all of it (None)."""
        table = self.scope.tables.get(name)
        if table is None:
            return {}
        at = next((n for n, each in enumerate(table.columns) if each.name == column), 0)
        if column is None or at >= len(table.columns):
            shape = {f"`table {name}`": Under((table.keys, table.columns), table.span)}
            return shape | {_row_name(name, row): Under(row, row.span) for row in table.rows}
        only = table.columns[at]
        shape = {f"`table {name}`": Under((table.keys, only), table.span)}
        title = f"`{only.name}` in " if only.name else ""
        return shape | {
            title + _row_name(name, row): Under((row.keys, row.arrow, row.cells[at : at + 1]), row.span)
            for row in table.rows
        }

    def _format(self, name: str) -> dict[str, Under]:
        found: dict[str, Under] = {}
        for direction in ("as", "from"):
            declared = self.scope.formats.get((name, direction))
            if declared is not None:
                found[f"`format {name}`"] = Under((declared.parameter, declared.type), declared.span)
                for line in declared.rules:
                    found[f"`{line.target}` of `format {name}`"] = Under(line.alternatives, line.span)
        return found

    def _text(self, name: str) -> dict[str, Under]:
        text = self.scope.narratives.get(name)
        if text is None:
            return {}
        lines = {f"line {n} of `text {name}`": Under(line.text, line.span) for n, line in enumerate(text.lines, 1)}
        return {f"`text {name}`": Under(text.parameter, text.span), **lines}


def _only(every: dict[str, Under], name: str) -> dict[str, Under]:
    return {name: every[name]} if name in every else {}


def _row_name(table: str, row: ast.Row) -> str:
    return f"row `{', '.join(row.key) or 'otherwise'}` of `table {table}`"


def _name(item: Item, label: str) -> str:
    """An item as people call it; a rule of a labelled segment with the label."""
    match item:
        case FlatRule():
            return f"`{f'{label} {item.target}'.strip()}`"
        case FlatLet():
            return f"`let {item.name}`"
        case FlatUse():
            return f"`use {item.part}`"
        case FlatGroup():
            return f"the group of `{item.segment}`"
        case FlatAllow():
            return f"`allow {item.allow.code} on {item.allow.on}`"
        case FlatSegment() | FlatLoop():
            return f"`{'segment ' if isinstance(item, FlatSegment) else ''}{item.title}`"
        case FlatCheck():
            return f"`{item.check.name}`"


def _overlap(left: ast.Target, right: ast.ComponentPath) -> bool:
    """Whether two places of a composite share anything."""
    if not isinstance(left, ast.ComponentPath) or left.component != right.component:
        return False
    return not (left.subcomponent and right.subcomponent) or left.subcomponent == right.subcomponent


def _says(item: Item) -> object:
    """What one line says: an item without what stands in it, and without who wrote it."""
    match item:
        case FlatRule():
            return item.alternatives
        case FlatLet():
            return item.value
        case FlatSegment():
            return (item.name, item.label, item.echo, item.optional, item.when)
        case FlatUse():
            return (item.part, item.bindings)
        case FlatCheck():
            return item.check
        case FlatLoop():
            return (item.variable, item.of, item.limit, item.when)
        case FlatGroup():
            return (item.target, item.segment, item.under)
        case FlatAllow():
            return item.allow


def _nodes(says: object) -> Iterator[ast.Node]:
    """Every node of a tree."""
    found: list[ast.Node] = []
    rewrite(says, found.append)
    return iter(found)


def _names(says: object) -> Iterator[tuple[str, str]]:
    """The declarations that a tree names, with the column of a table ("" for the first), in the order in which it does."""
    for node in _nodes(says):
        match node:
            case ast.As():
                yield node.format, ""
            case ast.Via():
                yield node.table.names[0], ".".join(node.table.names[1:])
            case ast.Call():
                yield node.name.names[0], ".".join(node.name.names[1:])
            case ast.TextCall():
                yield node.name, ""
