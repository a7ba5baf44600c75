"""The flattened mapping: one tree after all layers, each line knowing which layer wrote it and what it replaced.

Frozen types plus the few tree functions the passes share: `walk`, `edit`, `alike`. `lang.flatten` makes it; lowering, `show`
and `why` read it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal, TypeAlias, TypeVar

import msgspec

from segwright.core.source import Span
from segwright.lang import ast

T = TypeVar("T", bound=ast.Node)


class Origin(msgspec.Struct, frozen=True):
    """Which layer wrote this, where, why, and by which word (`base`, `override`, `add`, `replace`, `move`)."""

    layer: str
    span: Span
    because: str = ""
    word: str = "base"


class FlatRule(msgspec.Struct, frozen=True):
    """A rule; `below` is the rule it replaced. `parts` are overrides of single components of its value."""

    target: ast.Target
    alternatives: tuple[ast.Alternative, ...]
    origin: Origin
    below: FlatRule | None = None
    parts: tuple[FlatRule, ...] = ()
    doc: str = ""


class FlatLet(msgspec.Struct, frozen=True):
    """`let n = V`."""

    name: str
    value: ast.Value
    origin: Origin


class FlatSegment(msgspec.Struct, frozen=True):
    """A segment with its rules in line order. `after` names the block it was added behind (so that later ones follow)."""

    name: str
    label: str
    echo: ast.Ref | None
    optional: bool
    when: ast.Condition | None
    rules: tuple[FlatRule | FlatLet, ...]
    origin: Origin
    after: str = ""
    doc: str = ""

    @property
    def title(self) -> str:
        """Name and label as people write them."""
        return f"{self.name} {self.label}".strip()


NOWHERE = "nowhere"
"""`after` of a segment whose anchor is not there; no place in a message, since labels and names are never this."""


class FlatLoop(msgspec.Struct, frozen=True):
    """A loop with its body."""

    variable: str
    of: ast.Selection
    name: str
    limit: ast.Limit | None
    when: ast.Condition | None
    body: tuple[Item, ...]
    origin: Origin
    after: str = ""
    doc: str = ""

    @property
    def title(self) -> str:
        """How people refer to it."""
        return f"loop {self.name}"


class FlatUse(msgspec.Struct, frozen=True):
    """A part, expanded: parameters bound to argument values, then the body, which sees only them."""

    part: str
    bindings: tuple[tuple[ast.Parameter, ast.Value], ...]
    body: tuple[Item, ...]
    origin: Origin


class FlatGroup(msgspec.Struct, frozen=True):
    """`for each order group …` of a reading mapping."""

    target: ast.Ref
    segment: str
    under: str
    body: tuple[Item, ...]
    origin: Origin


class FlatCheck(msgspec.Struct, frozen=True):
    """A check (writing) or reject (reading)."""

    check: ast.Check | ast.Reject
    origin: Origin


class FlatAllow(msgspec.Struct, frozen=True):
    """An `allow`."""

    allow: ast.Allow
    origin: Origin


Item: TypeAlias = FlatSegment | FlatLoop | FlatUse | FlatGroup | FlatCheck | FlatAllow | FlatRule | FlatLet
Nested = (FlatLoop, FlatUse, FlatGroup)


class Removed(msgspec.Struct, frozen=True):
    """What a layer took out, for `show` and for notes: its title and both lines."""

    title: str
    origin: Origin
    below: Origin


class FlatMapping(msgspec.Struct, frozen=True):
    """A mapping after all layers. `excused`: the `allow`s of a lower layer for what a higher one took away or wrote anew; if they
    cover nothing now, that is as it should be."""

    name: str
    direction: Literal["writes", "reads"]
    messages: tuple[str, ...]
    inputs: tuple[ast.Parameter, ...]
    body: tuple[Item, ...]
    removed: tuple[Removed, ...]
    span: Span
    excused: frozenset[Span] = frozenset()


Path: TypeAlias = tuple[int, ...]


def walk(body: tuple[Item, ...], path: Path = ()) -> Iterator[tuple[Path, Item]]:
    """Every item with its path, outer before inner, in output order."""
    for number, item in enumerate(body):
        here = (*path, number)
        yield here, item
        if isinstance(item, Nested):
            yield from walk(item.body, here)


def inside(item: Item) -> tuple[Item, ...]:
    """What stands directly in an item: in a body, the rules of a segment, the changed parts of a rule."""
    match item:
        case FlatLoop() | FlatUse() | FlatGroup():
            return item.body
        case FlatSegment():
            return item.rules
        case FlatRule():
            return item.parts
        case _:
            return ()


def whole(item: Item) -> Iterator[Item]:
    """An item and all that is in it, outer before inner."""
    yield item
    for each in inside(item):
        yield from whole(each)


def edit(body: tuple[Item, ...], path: Path, change: Callable[[Item], tuple[Item, ...]]) -> tuple[Item, ...]:
    """`body` with the item at `path` replaced by what `change` makes of it."""
    number, rest = path[0], path[1:]
    item = body[number]
    if rest:
        if not isinstance(item, Nested):
            raise AssertionError("a path leads into an item without a body")
        new: tuple[Item, ...] = (msgspec.structs.replace(item, body=edit(item.body, rest, change)),)
    else:
        new = change(item)
    return (*body[:number], *new, *body[number + 1 :])


def bodies(body: tuple[Item, ...], path: Path) -> tuple[Item, ...]:
    """The body that directly holds the item at `path`."""
    for number in path[:-1]:
        item = body[number]
        if not isinstance(item, Nested):
            raise AssertionError("a path leads into an item without a body")
        body = item.body
    return body


def place_of(address: ast.Address) -> str:
    """The place an `allow` names, as the checks name places: `DG1`, `OBX-8`, `table t`."""
    if address.kind == "rule":
        return str(address.target)
    if address.kind == "segment":
        return address.name or address.label
    return str(address)


def places(body: tuple[Item, ...]) -> set[str]:
    """Every place of a body that an `allow` could name: segments, labels, fields and what is in them."""
    found: set[str] = set()
    for _, item in walk(body):
        if isinstance(item, FlatSegment):
            found |= {item.name, item.label, item.title}
            for rule in item.rules:
                if isinstance(rule, FlatRule):
                    found |= written(rule)
    return found


def written(rule: FlatRule) -> set[str]:
    """The places of a rule, its field among them."""
    target = rule.target
    field = {f"{target.segment}-{target.field}"} if isinstance(target, ast.Hl7Path) else set()
    return {str(target), *field}


_LAYOUT = frozenset({"span", "format_span", "doc", "because"})


def alike(left: object, right: object) -> bool:
    """Equal but for layout: spans, doc comments and reasons do not count."""
    if isinstance(left, tuple) and isinstance(right, tuple):
        return len(left) == len(right) and all(map(alike, left, right))
    if isinstance(left, msgspec.Struct) and type(left) is type(right):
        return all(
            alike(getattr(left, name), getattr(right, name)) for name in left.__struct_fields__ if name not in _LAYOUT
        )
    return left == right


def rewrite(node: object, change: Callable[[ast.Node], object | None]) -> object:
    """A tree with every node for which `change` gives something replaced by that, from the top down."""
    if isinstance(node, tuple) and not hasattr(node, "_fields"):
        new = tuple(rewrite(item, change) for item in node)
        return node if all(a is b for a, b in zip(node, new, strict=True)) else new
    if isinstance(node, ast.Node):
        changed = change(node)
        if changed is not None:
            return changed
        fields = {
            name: new
            for name in node.__struct_fields__
            if name not in _LAYOUT
            for old in (getattr(node, name),)
            for new in (rewrite(old, change),)
            if new is not old
        }
        return msgspec.structs.replace(node, **fields) if fields else node
    return node


def mentions(node: object, kind: type[ast.Node]) -> bool:
    """Whether a tree holds a node of that kind."""
    return any(True for _ in within(node, kind))


def within(node: object, kind: type[T] | tuple[type[T], ...]) -> Iterator[T]:
    """The outermost nodes of a kind in a tree."""
    if isinstance(node, kind):
        yield node
    elif isinstance(node, tuple):
        for item in node:
            yield from within(item, kind)
    elif isinstance(node, ast.Node):
        for name in node.__struct_fields__:
            if name not in _LAYOUT:
                yield from within(getattr(node, name), kind)
