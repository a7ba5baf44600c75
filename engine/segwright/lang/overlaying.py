"""Overlays at work: each operation of a layer changes the flat mapping below it, or says why it hits nothing.

`lang.flatten` runs an `Overlaying` over the overlays of some layers; it holds the mapping's body, the scope, what was taken out
and what was found while they are applied, operation by operation, in line order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import msgspec

from segwright.core.diagnostic import Diagnostic, Label, diagnostic
from segwright.core.source import Span
from segwright.core.suggest import nearest, shown
from segwright.lang import ast
from segwright.lang.expand import Expander
from segwright.lang.finding import find_loops, find_segments
from segwright.lang.flat import (
    NOWHERE,
    FlatCheck,
    FlatGroup,
    FlatLoop,
    FlatRule,
    FlatSegment,
    FlatUse,
    Item,
    Origin,
    Path,
    Removed,
    alike,
    bodies,
    edit,
    mentions,
    rewrite,
    walk,
    whole,
)
from segwright.lang.redeclare import Redeclared, Rewritten, redeclare, rewritten
from segwright.lang.rules import Rules, edit_rules, inherit, written_in
from segwright.lang.titles import addresses_of, kind_of, name_of, origin_of

if TYPE_CHECKING:
    from segwright.lang.flatten import Applied, Flattened


class Overlaying:
    """The state of one flattening while overlays are applied, operation by operation."""

    def __init__(self, below: Flattened, layers: tuple[Applied, ...]) -> None:
        self.body = below.mapping.body
        self.direction = below.mapping.direction
        self.name = below.mapping.name
        self.scope = below.scope
        self.removed = list(below.mapping.removed)
        self.found: list[Diagnostic] = []
        self.missed: list[tuple[Span, Diagnostic]] = []
        self.addresses: dict[tuple[str, str], tuple[bool, Span]] = {}
        self.clashes: list[tuple[str, Span, Span]] = []
        self.rewritten: list[tuple[str, Rewritten, Span]] = []
        self.layers = layers
        self.wide_files = {each.overlay.span.file for each in layers if each.wide}

    # -- one overlay

    def apply(self, applied: Applied) -> None:
        """Applies the operations of one overlay in line order."""
        self.layer, self.wide = applied.layer, applied.wide
        for operation in applied.overlay.operations:
            before = len(self.found)
            miss = self.operate(operation)
            if miss is not None:
                if self.wide:
                    self.missed.append((operation.span, miss))
                else:
                    self.found.append(miss)
            elif len(self.found) == before:
                self._remember(operation)

    def _remember(self, operation: ast.Operation) -> None:
        """Two operations of one layer on one address clash, wherever they stand; so do two that write one place (`_taken`)."""
        for address in addresses_of(operation):
            key = (self.layer, address)
            if key in self.addresses:
                self.clashes.append((address, operation.span, self.addresses[key][1]))
            else:
                self.addresses[key] = (self.wide, operation.span)

    def conflicts(self) -> None:
        """Reports clashes once all overlays are known."""
        for address, span, first in self.clashes:
            self.found.append(diagnostic("SW0505", span, Label(first, "first"), address=address))

    def operate(self, op: ast.Operation) -> Diagnostic | None:
        """Applies one operation; a diagnostic when it hits nothing."""
        match op:
            case ast.OverrideRule() | ast.AddRule():
                return self._rule(op)
            case ast.Remove():
                return self._remove(op)
            case ast.OverrideSegment():
                return self._change_segment(
                    op.address,
                    op.span,
                    lambda s: msgspec.structs.replace(s, when=op.when, origin=self.origin(op, "override")),
                )
            case ast.OverrideLoop():
                return self._override_loop(op)
            case ast.Replace():
                return self._replace(op)
            case ast.Move():
                return self._move(op)
            case ast.AddBlock():
                return self._add_block(op)
            case ast.AddCheck():
                return self._add_check(op)
            case ast.Allow():
                return self._allow(op)
            case ast.OverrideTable() | ast.OverrideFormat() | ast.OverrideText():
                return self._redeclare(op)
            case ast.OverridePart():
                return self._part(op)

    def origin(self, op: ast.Operation, word: str) -> Origin:
        """Where an operation's result comes from."""
        return Origin(self.layer, op.span, "" if isinstance(op, ast.Allow) else op.because, word)

    def _taken(self, span: Span, address: str, items: Iterable[Item], *, inside: bool = True) -> bool:
        """Whether this layer itself wrote any of these items, or (`inside`) what is in them: then two of its operations write
        one place. It is told, and the second is not done. What one message does with a whole block may cover what the layer
        changes in the block for all its messages."""
        for item in items:
            for each in whole(item) if inside else (item,):
                origin = origin_of(each)
                mine = origin.layer == self.layer and origin.word not in ("base", "move") and origin.span != span
                if mine and (each is item or self.wide or origin.span.file not in self.wide_files):
                    other = "" if name_of(each) in address.split() else name_of(each)
                    first = Label(origin.span, "first")
                    self.found.append(diagnostic("SW0505", span, first, address=f"`{address}`", other=other))
                    return True
        return False

    def _redeclare(
        self, op: ast.OverrideTable | ast.OverrideFormat | ast.OverrideText | ast.Replace
    ) -> Diagnostic | None:
        """Changes a declaration. A row, line or text that this layer wrote already is told, and the first one stays."""
        for each, said, span in rewritten(op):
            first = next((s for layer, r, s in self.rewritten if layer == self.layer and r.overlaps(each)), None)
            if first is not None:
                self.found.append(diagnostic("SW0505", span, Label(first, "first"), address=said))
                return None
            self.rewritten.append((self.layer, each, span))
        return self._declared(redeclare(self.scope, op, self.layer))

    def _declared(self, result: Redeclared) -> Diagnostic | None:
        self.scope = result.scope
        self.found.extend(result.found)
        return result.miss

    # -- rules

    def _rule(self, op: ast.OverrideRule | ast.AddRule) -> Diagnostic | None:
        target = op.address.target
        if isinstance(target, ast.Hl7Path):
            if self.direction == "reads":
                return self._other_direction(op, str(target))
            hits = find_segments(self.body, self.name, op.address, target.segment)
            if isinstance(hits, Diagnostic):
                return hits
            return self._edit_rules(hits, op)
        if isinstance(target, ast.Ref):
            if self.direction == "writes":
                return self._other_direction(op, str(target))
            return self._edit_reading(op, target)
        return None

    def _other_direction(self, op: ast.Operation, address: str) -> Diagnostic:
        advice = (
            "Address an HL7 place, such as `PID-5`."
            if self.direction == "writes"
            else "Address a path of the model, such as `order.priority`."
        )
        return diagnostic(
            "SW0508", op.span, address=address, message=self.name, direction=self.direction, advice=advice
        )

    def _edit_rules(
        self, hits: list[tuple[Path, FlatSegment]], op: ast.OverrideRule | ast.AddRule
    ) -> Diagnostic | None:
        miss: Diagnostic | None = None
        target = op.address.target
        for path, segment in hits:
            if isinstance(target, ast.Hl7Path) and self._taken(op.span, str(op.address), written_in(segment, target)):
                break
            rules = edit_rules(segment, op, self.origin(op, "add" if isinstance(op, ast.AddRule) else "override"))
            if isinstance(rules, Diagnostic):
                if rules.code == "SW0501":
                    miss = rules
                else:
                    self.found.append(rules)
                break
            self._set_rules(path, rules)
        return miss

    def _set_rules(self, path: Path, rules: Rules) -> None:
        self.removed.extend(rules.removed)
        self.body = edit(self.body, path, lambda s: (_with_rules(s, rules),))

    def _edit_reading(self, op: ast.OverrideRule | ast.AddRule, target: ast.Ref) -> Diagnostic | None:
        rules = [(p, r) for p, r in walk(self.body) if isinstance(r, FlatRule)]
        hit = next(((p, r) for p, r in rules if str(r.target) == str(target)), None)
        if isinstance(op, ast.AddRule):
            if hit is not None:
                return diagnostic("SW0503", op.span, Label(hit[1].origin.span, "base"), address=str(target))
            self.body = self._append_reading(FlatRule(target, op.alternatives, self.origin(op, "add"), doc=op.doc))
            return None
        if hit is None:
            known = [str(r.target) for _, r in rules]
            return diagnostic(
                "SW0501",
                op.address.span,
                what="rule",
                address=str(target),
                message=self.name,
                nearest=nearest(str(target), known),
                known=shown(sorted(known)),
                add=f"{target} = …",
            )
        path, rule = hit
        if self._taken(op.span, str(target), (rule,)):
            return None
        alternatives = inherit(op.alternatives, rule.alternatives)
        if alike(alternatives, rule.alternatives):
            self.found.append(diagnostic("SW0504", op.span, Label(rule.origin.span, "base"), address=str(target)))
            return None
        new = FlatRule(target, alternatives, self.origin(op, "override"), below=rule, doc=op.doc)
        self.body = edit(self.body, path, lambda _: (new,))
        return None

    def _append_reading(self, rule: FlatRule) -> tuple[Item, ...]:
        """An added reading rule goes where its root is made: into the group that makes it, else beside the others."""
        root = rule.target.names[0] if isinstance(rule.target, ast.Ref) else ""
        for path, item in walk(self.body):
            if isinstance(item, FlatGroup) and item.target.names[0] == root:
                return edit(self.body, path, lambda g: (_with_body(g, (*_body(g), rule)),))
        return (*self.body, rule)

    # -- blocks

    def _change_segment(
        self, address: ast.Address, span: Span, change: Callable[[FlatSegment], FlatSegment]
    ) -> Diagnostic | None:
        hits = find_segments(self.body, self.name, address, address.name or address.label)
        if isinstance(hits, Diagnostic):
            return hits
        for path, segment in hits:
            if self._taken(span, str(address), (segment,), inside=False):
                return None
            new = change(segment)
            if alike(new.when, segment.when) and new.rules is segment.rules:
                self.found.append(
                    diagnostic("SW0504", span, Label(segment.origin.span, "base"), address=f"segment {segment.title}")
                )
            self.body = edit(self.body, path, lambda _, new=new: (new,))  # type: ignore[misc]
        return None

    def _override_loop(self, op: ast.OverrideLoop) -> Diagnostic | None:
        hits = find_loops(self.body, self.name, op.address)
        if isinstance(hits, Diagnostic):
            return hits
        loop = hits[0][1]
        if self._taken(op.span, str(op.address), (loop,), inside=False):
            return None
        where = loop.of.where if op.where is None else _with_inherited(op.where, loop.of.where)
        ordered = op.ordered_by if op.ordered_by is not None else loop.of.ordered_by
        limit = op.limit if op.limit is not None else loop.limit
        of = msgspec.structs.replace(loop.of, where=where, ordered_by=ordered)
        if alike(of, loop.of) and alike(limit, loop.limit):
            self.found.append(diagnostic("SW0504", op.span, Label(loop.origin.span, "base"), address=loop.title))
            return None
        origin = self.origin(op, "override")
        for path, each in hits:
            new = msgspec.structs.replace(each, of=of, limit=limit, origin=origin)
            self.body = edit(self.body, path, lambda _, new=new: (new,))  # type: ignore[misc]
        return None

    def _remove(self, op: ast.Remove) -> Diagnostic | None:
        miss: Diagnostic | None = None
        for address in op.addresses:
            miss = self._remove_one(op, address) or miss
        return miss

    def _remove_one(self, op: ast.Remove, address: ast.Address) -> Diagnostic | None:
        origin = self.origin(op, "remove")
        match address.kind:
            case "rule" if isinstance(address.target, ast.Hl7Path):
                if self.direction == "reads":
                    return self._other_direction(op, str(address.target))
                hits = find_segments(self.body, self.name, address, address.target.segment)
                if isinstance(hits, Diagnostic):
                    return hits
                for path, segment in hits:
                    if self._taken(address.span, str(address), written_in(segment, address.target)):
                        return None
                    rules = edit_rules(segment, (op, address.target), origin)
                    if isinstance(rules, Diagnostic):
                        return rules
                    self._set_rules(path, rules)
                return None
            case "rule":
                if self.direction == "writes":
                    return self._other_direction(op, str(address.target))
                return self._remove_items(
                    lambda i: isinstance(i, FlatRule) and str(i.target) == str(address.target), address, origin, "rule"
                )
            case "segment":
                hits = find_segments(self.body, self.name, address, address.name or address.label)
                if isinstance(hits, Diagnostic):
                    return hits
                span = hits[0][1].origin.span
                return self._remove_items(
                    lambda i: isinstance(i, FlatSegment) and i.origin.span == span, address, origin, "segment"
                )
            case "loop":
                loops = find_loops(self.body, self.name, address)
                if isinstance(loops, Diagnostic):
                    return loops
                line = loops[0][1].origin.span
                return self._remove_items(
                    lambda i: isinstance(i, FlatLoop) and i.origin.span == line, address, origin, "loop"
                )
            case "check" | "reject":
                return self._remove_items(
                    lambda i: isinstance(i, FlatCheck) and i.check.name == address.name, address, origin, address.kind
                )
            case _:
                raise AssertionError("the grammar removes rules, segments, loops, checks and rejects")

    def _remove_items(
        self, wanted: Callable[[Item], bool], address: ast.Address, origin: Origin, what: str
    ) -> Diagnostic | None:
        hits = [(path, item) for path, item in walk(self.body) if wanted(item)]
        if not hits:
            known = [name_of(item) for _, item in walk(self.body) if kind_of(item) == what]
            said = str(address.target) if address.kind == "rule" else address.name
            return diagnostic(
                "SW0501",
                address.span,
                what=what,
                address=said,
                message=self.name,
                nearest=nearest(said, known),
                known=shown(sorted(set(known))),
            )
        if self._taken(address.span, str(address), (item for _, item in hits)):
            return None
        for path, item in reversed(hits):
            self.removed.append(Removed(name_of(item), origin, origin_of(item)))
            self.body = edit(self.body, path, lambda _: ())
        return None

    def _replace(self, op: ast.Replace) -> Diagnostic | None:
        if isinstance(op.body, ast.Table):
            return self._redeclare(op)
        expander = Expander(self.scope, self.layer, word="replace", because=op.because)
        (new,) = expander.body((op.body,))
        self.found.extend(expander.found)
        if isinstance(op.body, ast.Loop):
            loops = find_loops(self.body, self.name, op.address)
            if isinstance(loops, Diagnostic):
                return loops
            places = [path for path, _ in loops]
        else:
            hits = find_segments(self.body, self.name, op.address, op.address.name or op.address.label)
            if isinstance(hits, Diagnostic):
                return hits
            places = [path for path, _ in hits]
        if self._taken(op.span, str(op.address), (self._at(self.body, path) for path in places)):
            return None
        for path in places:
            self.body = edit(self.body, path, lambda _: (new,))
        return None

    def _move(self, op: ast.Move) -> Diagnostic | None:
        if op.address.kind == "loop":
            loops = find_loops(self.body, self.name, op.address)
            if isinstance(loops, Diagnostic):
                return loops
            path: Path = loops[0][0]
            item: FlatLoop | FlatSegment = loops[0][1]
        else:
            hits = find_segments(self.body, self.name, op.address, op.address.name or op.address.label)
            if isinstance(hits, Diagnostic):
                return hits
            path, item = hits[0]
        before = self.body
        new: FlatLoop | FlatSegment = msgspec.structs.replace(item, origin=self.origin(op, "move"), after="")
        self.body = edit(self.body, path, lambda _: ())
        miss = self._insert(new, op.anchor)
        if miss is not None:
            self.body = before
            return miss
        if [origin_of(i).span for _, i in walk(before) if i is not item] == [
            origin_of(i).span for _, i in walk(self.body) if i is not new
        ] and [p for p, i in walk(before) if i is item] == [p for p, i in walk(self.body) if i is new]:
            self.found.append(diagnostic("SW0504", op.span, Label(item.origin.span, "base"), address=item.title))
        return None

    def _add_block(self, op: ast.AddBlock) -> Diagnostic | None:
        expander = Expander(self.scope, self.layer, word="add", because=op.because)
        (new,) = expander.body((op.block,))
        self.found.extend(expander.found)
        if not isinstance(new, FlatLoop | FlatSegment):
            raise AssertionError("only segments and loops are added")
        miss = self._insert(new, op.anchor)
        if miss is not None and not self.wide and isinstance(new, FlatSegment):
            # Its place is gone, and is told; what stands in it is still checked.
            self.body = (*self.body, msgspec.structs.replace(new, after=NOWHERE))
        return miss

    def _insert(self, new: FlatLoop | FlatSegment, anchor: ast.Anchor) -> Diagnostic | None:
        place = anchor.place
        if place.kind == "message":
            self.body = (*self.body, new)
            return None
        if place.kind == "loop":
            loops = find_loops(self.body, self.name, place)
            if isinstance(loops, Diagnostic):
                return _as_anchor(loops)
            if anchor.where == "end":
                for path, _ in loops:
                    self.body = edit(self.body, path, lambda loop: (_with_body(loop, (*_body(loop), new)),))
                return None
            path, title = loops[-1][0], loops[-1][1].title
        else:
            hits = find_segments(self.body, self.name, place, place.name or place.label)
            if isinstance(hits, Diagnostic):
                return _as_anchor(hits)
            path, title = hits[-1][0], hits[-1][1].title
        above = self._loops_above(path)
        if above and not anchor.spread:
            self.found.append(diagnostic("SW0509", anchor.place.span, anchor=title))
            return None
        if not above and anchor.spread:
            self.found.append(diagnostic("SW0510", anchor.place.span, anchor=title, word=anchor.spread))
            return None
        if anchor.spread == "all":
            path = above[0]
        self._insert_at(new, path, title, before=anchor.where == "before")
        return None

    def _loops_above(self, path: Path) -> list[Path]:
        """Paths of the loops that hold the item at `path`, outermost first."""
        found = []
        body = self.body
        for depth in range(1, len(path)):
            item = body[path[depth - 1]]
            if isinstance(item, FlatLoop):
                found.append(path[:depth])
            body = _body(item)
        return found

    def _insert_at(self, new: FlatLoop | FlatSegment, path: Path, title: str, *, before: bool) -> None:
        if before:
            self.body = edit(self.body, path, lambda item: (new, item))
            return
        siblings = bodies(self.body, path)
        last = path[-1]
        while last + 1 < len(siblings) and getattr(siblings[last + 1], "after", "") == title:
            last += 1
        new = msgspec.structs.replace(new, after=title)
        self.body = edit(self.body, (*path[:-1], last), lambda item: (item, new))

    def _add_check(self, op: ast.AddCheck) -> Diagnostic | None:
        reads = isinstance(op.check, ast.Reject)
        if reads != (self.direction == "reads"):
            return self._other_direction(op, op.check.name)
        twin = next((i for _, i in walk(self.body) if isinstance(i, FlatCheck) and i.check.name == op.check.name), None)
        if twin is not None:
            return diagnostic("SW0503", op.span, Label(twin.origin.span, "base"), address=op.check.name)
        new = FlatCheck(op.check, self.origin(op, "add"))
        groups = [path for path, item in walk(self.body) if isinstance(item, FlatGroup)]
        if reads and groups and _names_root(op.check.condition, bodies_root(self.body, groups[0])):
            self.body = edit(self.body, groups[0], lambda g: (_with_body(g, (*_body(g), new)),))
        else:
            self.body = (*self.body, new)
        return None

    def _allow(self, op: ast.Allow) -> Diagnostic | None:
        expander = Expander(self.scope, self.layer, word="add", because=op.because)
        self.body = (*self.body, *expander.body((op,)))
        return None

    def _part(self, op: ast.OverridePart) -> Diagnostic | None:
        uses = [path for path, item in walk(self.body) if isinstance(item, FlatUse) and item.part == op.name]
        if not uses:
            known = sorted({item.part for _, item in walk(self.body) if isinstance(item, FlatUse)})
            return diagnostic(
                "SW0501",
                op.span,
                what="part",
                address=op.name,
                message=self.name,
                nearest=nearest(op.name, known),
                known=shown(known),
            )
        whole = self.body
        for path in uses:
            inner = self._at(whole, path)
            self.body = _body(inner)
            for operation in op.operations:
                miss = self.operate(operation)
                if miss is not None:
                    self.found.append(miss)
            whole = edit(whole, path, lambda use: (_with_body(use, self.body),))
        self.body = whole
        return None

    @staticmethod
    def _at(body: tuple[Item, ...], path: Path) -> Item:
        item = body[path[0]]
        for number in path[1:]:
            item = _body(item)[number]
        return item


def bodies_root(body: tuple[Item, ...], path: Path) -> str:
    """The root name a reading group makes."""
    item = bodies(body, path)[path[-1]]
    return item.target.names[0] if isinstance(item, FlatGroup) else ""


def _names_root(condition: ast.Condition, root: str) -> bool:
    found = False

    def look(node: ast.Node) -> None:
        nonlocal found
        if isinstance(node, ast.Ref) and node.names[0] == root:
            found = True

    rewrite(condition, look)
    return found


def _with_rules(item: Item, rules: Rules) -> Item:
    if not isinstance(item, FlatSegment):
        raise AssertionError("rules belong to a segment")
    return msgspec.structs.replace(item, rules=rules.rules)


def _body(item: Item) -> tuple[Item, ...]:
    return item.body if isinstance(item, FlatLoop | FlatUse | FlatGroup) else ()


def _with_body(item: Item, body: tuple[Item, ...]) -> Item:
    if not isinstance(item, FlatLoop | FlatUse | FlatGroup):
        raise AssertionError("only loops, parts and groups have a body")
    return msgspec.structs.replace(item, body=body)


def _as_anchor(miss: Diagnostic) -> Diagnostic:
    return msgspec.structs.replace(miss, code="SW0511") if miss.code == "SW0501" else miss


def _with_inherited(where: ast.Condition, below: ast.Condition | None) -> ast.Condition | None:
    """`where inherited and C`: the inherited condition in its place; nothing inherited leaves only C."""
    if isinstance(where, ast.InheritedCondition):
        return below
    if isinstance(where, ast.AllOf):
        conditions = tuple(c for part in where.conditions for c in (_with_inherited(part, below),) if c is not None)
        return conditions[0] if len(conditions) == 1 else msgspec.structs.replace(where, conditions=conditions)
    if mentions(where, ast.InheritedCondition):
        return rewrite(where, lambda n: below if isinstance(n, ast.InheritedCondition) else None)  # type: ignore[return-value]
    return where
