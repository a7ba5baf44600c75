"""Statements into flat items: parts are expanded where they are used, every line gets its origin.

Takes the statements of a mapping, part or overlay block; gives items. Refuses unknown parts, parts that use themselves and
arguments that do not fit (by number and name; their types are checked when values are lowered).
"""

from __future__ import annotations

from segwright.core.diagnostic import Diagnostic, Label, diagnostic
from segwright.core.suggest import nearest, shown
from segwright.lang import ast
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
    Origin,
)
from segwright.lang.rules import holds, overlapping
from segwright.lang.scope import Scope


class Expander:
    """Expands statements of one layer; findings collect in `found`."""

    def __init__(self, scope: Scope, layer: str, word: str = "base", because: str = "") -> None:
        self.scope = scope
        self.layer = layer
        self.word = word
        self.because = because
        self.found: list[Diagnostic] = []
        self.open: list[str] = []

    def body(self, statements: tuple[ast.Statement, ...]) -> tuple[Item, ...]:
        """The items of a sequence of statements."""
        items = tuple(item for s in statements for item in (self._statement(s),) if item is not None)
        return self._no_two_writers(items)

    def _origin(self, node: ast.Statement | ast.Rule) -> Origin:
        because = self.because
        if isinstance(node, ast.Rule):
            because = node.because or because
        layer = self.scope.layer_of.get(self.open[-1], self.layer) if self.open else self.layer
        return Origin(layer, node.span, because, self.word)

    def _statement(self, node: ast.Statement) -> Item | None:
        match node:
            case ast.Segment():
                return self._segment(node)
            case ast.Rule():
                return FlatRule(node.target, node.alternatives, self._origin(node), doc=node.doc)
            case ast.Let():
                return FlatLet(node.name, node.value, self._origin(node))
            case ast.Loop():
                body = self.body(node.body)
                return FlatLoop(
                    node.variable, node.of, node.name, node.limit, node.when, body, self._origin(node), doc=node.doc
                )
            case ast.Group():
                return FlatGroup(node.target, node.segment, node.under, self.body(node.body), self._origin(node))
            case ast.Use():
                return self._use(node)
            case ast.Check() | ast.Reject():
                return FlatCheck(node, self._origin(node))
            case ast.Allow():
                return FlatAllow(node, Origin(self._origin(node).layer, node.span, node.because, self.word))

    def _segment(self, node: ast.Segment) -> FlatSegment:
        rules = tuple(
            FlatRule(r.target, r.alternatives, self._origin(r), doc=r.doc)
            if isinstance(r, ast.Rule)
            else FlatLet(r.name, r.value, self._origin(r))
            for r in node.rules
        )
        written: list[FlatRule] = []
        for rule in rules:
            if not isinstance(rule, FlatRule):
                continue
            twin = next((w for w in written if overlapping(w.target, rule.target)), None)
            if twin is not None:
                self.found.append(
                    diagnostic(
                        "SW0401",
                        rule.origin.span,
                        Label(twin.origin.span, "first"),
                        target=str(rule.target),
                        outer=_outer(rule.target, twin.target),
                        inner=_inner(rule.target, twin.target),
                    )
                )
            else:
                written.append(rule)
        return FlatSegment(
            node.name, node.label, node.echo, node.optional, node.when, rules, self._origin(node), doc=node.doc
        )

    def _no_two_writers(self, items: tuple[Item, ...]) -> tuple[Item, ...]:
        """Reading rules stand directly in a body: one writer each there too."""
        seen: dict[str, FlatRule] = {}
        for item in items:
            if isinstance(item, FlatRule):
                first = seen.setdefault(str(item.target), item)
                if first is not item:
                    self.found.append(
                        diagnostic(
                            "SW0401",
                            item.origin.span,
                            Label(first.origin.span, "first"),
                            target=str(item.target),
                        )
                    )
        return items

    def _use(self, node: ast.Use) -> FlatUse | None:
        part = self.scope.parts.get(node.name)
        if part is None:
            self.found.append(
                diagnostic(
                    "SW0202",
                    node.span,
                    kind="part",
                    name=node.name,
                    nearest=nearest(node.name, self.scope.parts),
                    known=shown(sorted(self.scope.parts)),
                )
            )
            return None
        if node.name in self.open:
            self.found.append(
                diagnostic("SW0209", node.span, name=node.name, chain=" → ".join([*self.open, node.name]))
            )
            return None
        bindings = self._bind(node, part)
        origin = self._origin(node)
        self.open.append(node.name)
        body = self.body(part.body)
        self.open.pop()
        return FlatUse(node.name, bindings, body, origin)

    def _bind(self, node: ast.Use, part: ast.Part) -> tuple[tuple[ast.Parameter, ast.Value], ...]:
        given: dict[str, ast.Argument] = {}
        positional = [p.name for p in part.parameters]
        for number, argument in enumerate(node.arguments):
            name = argument.name or (positional[number] if number < len(positional) else "")
            if not name or name not in positional:
                self.found.append(
                    diagnostic(
                        "SW0211",
                        argument.span,
                        Label(part.span, "declared"),
                        said=f"an argument `{argument.name}`" if argument.name else "one more argument",
                        of=part.name,
                        nearest=nearest(argument.name, positional),
                        known=shown(positional),
                    )
                )
            elif name in given:
                self.found.append(diagnostic("SW0212", argument.span, Label(given[name].span, "first"), name=name))
            else:
                given[name] = argument
        missing = [p.name for p in part.parameters if p.name not in given and p.type.form != "optional"]
        if missing:
            self.found.append(
                diagnostic(
                    "SW0213",
                    node.span,
                    Label(part.span, "declared"),
                    names=" and ".join(f"`{name}`" for name in missing),
                    of=part.name,
                )
            )
        return tuple((p, given[p.name].value if p.name in given else ast.Blank(node.span)) for p in part.parameters)


def _outer(target: ast.Target, first: ast.Target) -> str:
    """Of two rules for one place, the one that holds the other; "" when they are the same."""
    if str(target) == str(first):
        return ""
    return str(target) if holds(target, first) else str(first)


def _inner(target: ast.Target, first: ast.Target) -> str:
    return str(first) if holds(target, first) else str(target)
