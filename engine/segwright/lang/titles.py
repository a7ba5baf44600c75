"""What items and overlay operations are called: by these words people address them, and findings name them."""

from __future__ import annotations

from segwright.lang import ast
from segwright.lang.flat import FlatCheck, FlatLoop, FlatRule, FlatSegment, Item, Origin


def origin_of(item: Item) -> Origin:
    """Where an item comes from."""
    return item.origin


def kind_of(item: Item) -> str:
    """The word an address names this kind of item with; "" for what has no address."""
    match item:
        case FlatSegment():
            return "segment"
        case FlatLoop():
            return "loop"
        case FlatRule():
            return "rule"
        case FlatCheck(check=ast.Check()):
            return "check"
        case FlatCheck():
            return "reject"
        case _:
            return ""


def name_of(item: Item) -> str:
    """The name people know an item by."""
    match item:
        case FlatSegment():
            return item.title
        case FlatLoop():
            return item.name
        case FlatRule():
            return str(item.target)
        case FlatCheck():
            return item.check.name
        case _:
            return ""


def addresses_of(operation: ast.Operation) -> list[str]:
    """What an operation changes: two operations of one layer on one address clash."""
    match operation:
        case ast.OverrideRule() | ast.AddRule():
            return [f"`{operation.address}`"]
        case ast.Remove():
            return [f"`{address}`" for address in operation.addresses]
        case ast.OverrideSegment():
            return [f"the condition of `{operation.address}`"]
        case ast.OverrideLoop() | ast.Replace() | ast.Move():
            place = f"`{operation.address}`"
            return [place] if not isinstance(operation, ast.Move) else [f"the place of {place}"]
        case ast.AddCheck():
            return [f"`{operation.check.name}`"]
        case _:
            return []
