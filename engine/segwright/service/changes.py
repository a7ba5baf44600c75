"""What an organisation changes, so that what many change alike can be told: then a profile says it in one place.

Takes the parsed files of one organisation; gives each operation of its overlays by overlay, address and meaning. Two mean the
same when they would do the same: the operation with all its values, whatever its layout, comments and reason. An `allow` is no
change of its own. Light on purpose: comparing needs no compiler.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

import msgspec

from segwright.core.diagnostic import Diagnostic, Label, Severity, diagnostic
from segwright.core.source import Span

if TYPE_CHECKING:
    from segwright.lang import ast

MANY: Final = 3
"""From how many organisations on one change is worth a profile."""

_NAMED: Final = 6
"""Most organisations that a note names; of more it gives the number."""

_LAYOUT: Final = frozenset({"span", "format_span", "doc", "because"})
"""What `lang.flat.alike` passes over too."""


class Change(msgspec.Struct, frozen=True):
    """One operation: in which overlay, at which address, what it does (a hash), and where it stands."""

    overlay: str
    address: str
    says: str
    span: Span


def own_changes(files: Iterable[ast.File]) -> Iterator[Change]:
    """Every change that an organisation's overlays make, in order."""
    for file in files:
        overlay = file.overlay
        if overlay is None:
            continue
        for operation in overlay.operations:
            for address, said, span in _addressed(operation):
                says = hashlib.blake2b(repr(_said(said)).encode(), digest_size=12).hexdigest()
                yield Change(overlay.name, address, says, span)


def _addressed(operation: ast.Operation) -> Iterator[tuple[str, object, Span]]:
    """The address of an operation and what it does there; of `remove A, B` each."""
    from segwright.lang import ast

    if isinstance(operation, ast.Allow):
        return
    if isinstance(operation, ast.Remove):
        for address in operation.addresses:
            yield str(address), "remove", address.span
    elif isinstance(operation, ast.AddBlock):
        block = operation.block
        title = f"segment {block.name} {block.label}" if isinstance(block, ast.Segment) else f"loop {block.name}"
        yield title.strip(), operation, operation.span
    elif isinstance(operation, ast.AddCheck):
        kind = "check" if isinstance(operation.check, ast.Check) else "reject"
        yield f"{kind} {operation.check.name}", operation, operation.span
    elif isinstance(operation, ast.OverrideTable | ast.OverrideFormat | ast.OverrideText | ast.OverridePart):
        kind = type(operation).__name__.removeprefix("Override").lower()
        yield f"{kind} {operation.name}", operation, operation.span
    else:
        yield str(operation.address), operation, operation.span


def _said(node: object) -> object:
    """A tree without its layout: equal for operations that are `alike`."""
    if isinstance(node, tuple):
        return tuple(map(_said, node))
    if isinstance(node, msgspec.Struct):
        return (
            type(node).__name__,
            *(_said(getattr(node, name)) for name in node.__struct_fields__ if name not in _LAYOUT),
        )
    return node


def same_changes(organisations: Iterable[Iterable[Change]]) -> list[Diagnostic]:
    """A note on each change that several organisations make alike, at the first of them with the next ones beside it."""
    alike: dict[tuple[str, str, str], dict[str, Span]] = {}
    for changes in organisations:
        for change in changes:
            places = alike.setdefault((change.overlay, change.address, change.says), {})
            places.setdefault(change.span.file.split("/")[1], change.span)
    notes = []
    for (_, address, _), places in alike.items():
        if len(places) < MANY:
            continue
        names = sorted(places)
        first, *others = (places[name] for name in names)
        said = f"{', '.join(names[:-1])} and {names[-1]}" if len(names) <= _NAMED else f"{len(names)} hospitals"
        labels = [Label(span, "the_same_here") for span in others[:MANY]]
        notes.append(diagnostic("SW0517", first, *labels, severity=Severity.NOTE, organisations=said, address=address))
    return notes
