"""What an address means: the segments and loops of a flat body that an overlay operation points at.

Takes a body and an address; gives items with their paths, or the diagnostic that says why it means nothing or several things.
"""

from __future__ import annotations

from segwright.core.diagnostic import Diagnostic, diagnostic
from segwright.core.suggest import nearest, shown
from segwright.lang import ast
from segwright.lang.flat import FlatLoop, FlatSegment, Item, Path, walk


def _segments(body: tuple[Item, ...], name: str, label: str) -> list[tuple[Path, FlatSegment]]:
    """The segments that a name, a label or both mean; of one name, those without a label come first."""
    every = [(path, item) for path, item in walk(body) if isinstance(item, FlatSegment)]
    if name and label:
        return [(p, s) for p, s in every if s.name == name and s.label == label]
    if label:
        return [(p, s) for p, s in every if s.label == label]
    hits = [(p, s) for p, s in every if s.name == name]
    plain = [(p, s) for p, s in hits if not s.label]
    return plain or hits


def find_segments(
    body: tuple[Item, ...], message: str, address: ast.Address, name: str
) -> list[tuple[Path, FlatSegment]] | Diagnostic:
    """Segments of an address, or why it means none or several. Copies of one part count as one place."""
    label = address.label
    if address.kind == "segment" and not address.name:
        name = ""  # by its label alone
    hits = _segments(body, name, label)
    if not hits and not label:
        hits = _segments(body, "", name)
    if not hits:
        known = [s.title for _, s in walk(body) if isinstance(s, FlatSegment)]
        titles = {s.label: s.title for _, s in walk(body) if isinstance(s, FlatSegment) and s.label}
        said = f"{name} {label}".strip()
        return diagnostic(
            "SW0501",
            address.span,
            what="segment",
            address=said,
            message=message,
            nearest=titles.get(nearest(label, titles), "") if label else nearest(name, known),
            known=shown(sorted(set(known))),
        )
    if len({s.origin.span for _, s in hits}) > 1:
        several = sorted({f"`{s.title}`" for _, s in hits})
        example = next((s.label for _, s in hits if s.label), "")
        return diagnostic("SW0502", address.span, segment=name, labels=" and ".join(several), example=example)
    return hits


def find_loops(body: tuple[Item, ...], message: str, address: ast.Address) -> list[tuple[Path, FlatLoop]] | Diagnostic:
    """The loop of an address, wherever the part that holds it is used; of two loops of one name (SW0210) the first."""
    loops = [(p, i) for p, i in walk(body) if isinstance(i, FlatLoop)]
    hits = [(p, i) for p, i in loops if i.name == address.name]
    if hits:
        return [(p, i) for p, i in hits if i.origin.span == hits[0][1].origin.span]
    names = [item.name for _, item in loops]
    return diagnostic(
        "SW0501",
        address.span,
        what="loop",
        address=address.name,
        message=message,
        nearest=nearest(address.name, names),
        known=shown(sorted(set(names))),
    )
