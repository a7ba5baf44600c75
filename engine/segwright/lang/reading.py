"""A flat reading mapping into read operations: which attribute of which record gets what.

The roots are record names in snake case (`patient` makes a Patient, `order` an Order). A rule inside `for each order group`
sets the group's record; rejects are evaluated after the sets of their place.
"""

from __future__ import annotations

import re

import msgspec

from segwright.core.source import Span
from segwright.core.suggest import nearest, shown
from segwright.lang import ast
from segwright.lang.conditions import condition
from segwright.lang.context import Context, Written
from segwright.lang.duties import duty_of, judge
from segwright.lang.flat import FlatAllow, FlatCheck, FlatGroup, FlatLet, FlatRule, Item
from segwright.lang.formats import fitted
from segwright.lang.lowering import lower
from segwright.lang.typed import Facts, Frame, Typed, present
from segwright.lang.values import ladder
from segwright.plan import ops
from segwright.plan.model import RecordType, Type


class Root(msgspec.Struct):
    """A record being made: its slot, and which attributes are set so far (certain or not)."""

    name: str
    record: RecordType
    slot: int
    set: dict[int, bool]
    spans: dict[int, Span]


def read_body(ctx: Context, items: tuple[Item, ...]) -> tuple[tuple[ops.ReadOp, ...], tuple[ops.Result, ...]]:
    """The operations of a reading mapping, and the records it makes."""
    roots: dict[str, Root] = {}
    for item in items:
        if isinstance(item, FlatRule | FlatGroup):
            _root(ctx, roots, item)
    frame = _frame(Frame(reading=True), roots.values())
    body = _items(ctx, frame, items, roots)
    for root in roots.values():
        _unset(ctx, root, items)
    results = tuple(ops.Result(r.slot, r.name, r.record.name, len(r.record.attributes)) for r in roots.values())
    return body, results


def _frame(frame: Frame, roots: object) -> Frame:
    names: dict[str, Typed] = {}
    facts = Facts()
    for root in roots:  # type: ignore[attr-defined]
        key = (root.name,)
        names[root.name] = Typed(ops.Slot(root.slot), Type("record", root.record.name), key=key, said=root.name)
        facts = facts.both(present(key))
    return frame.binding(**names).knowing(facts)


def snake(name: str) -> str:
    """`OrderEvent` → `order_event`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def _root(ctx: Context, roots: dict[str, Root], item: FlatRule | FlatGroup) -> None:
    target = item.target
    if not isinstance(target, ast.Ref):
        return
    name = target.names[0]
    if name in roots:
        return
    by_root = {snake(record): record for record in ctx.model.records}
    record = ctx.model.records.get(by_root.get(name, ""))
    if record is None:
        ctx.report(
            "SW0217",
            target.span,
            name=name,
            nearest=nearest(name, by_root),
            known=[f"`{n}`" for n in sorted(by_root) if n != "message"],
        )
        return
    roots[name] = Root(name, record, ctx.slot(), {}, {})


def _items(ctx: Context, frame: Frame, items: tuple[Item, ...], roots: dict[str, Root]) -> tuple[ops.ReadOp, ...]:
    out: list[ops.ReadOp] = []
    rejects: list[FlatCheck] = []
    for item in items:
        match item:
            case FlatRule():
                op = _set(ctx, frame, item, roots)
                if op is not None:
                    out.append(op)
            case FlatGroup():
                group = _group(ctx, frame, item, roots)
                if group is not None:
                    out.append(group)
            case FlatLet():
                ctx.at = Written(item.origin, f"let {item.name}")
                typed = lower(ctx, frame, item.value)
                slot = ctx.slot()
                let = ops.LetOp(slot, typed.op)
                ctx.note(let)
                out.append(let)
                bound = msgspec.structs.replace(typed, op=ops.Slot(slot), key=(f"@{slot}",), said=item.name)
                frame = frame.binding(**{item.name: bound})
            case FlatCheck(check=ast.Reject()):
                rejects.append(item)
            case FlatAllow():
                pass
            case _:
                ctx.report(
                    "SW0215",
                    item.origin.span,
                    direction="reads",
                    holds="rules such as `patient.name = PID-5.1`, groups, `let` and `reject`",
                )
    for item in rejects:
        check = item.check
        if isinstance(check, ast.Reject):
            ctx.at = Written(item.origin, f"reject {check.name}")
            narrowed = _known_now(frame, roots)
            op2, _, _ = condition(ctx, narrowed, check.condition)
            reject = ops.RejectOp("AR" if check.code == "AR" else "AE", check.name, op2, check.saying)
            ctx.note(reject)
            # Rejects come before the groups that follow them only when they speak of message-level records.
            out.append(reject)
    return tuple(out)


def _known_now(frame: Frame, roots: dict[str, Root]) -> Frame:
    """After the sets of a place, attributes that were set for certain are there."""
    facts = Facts()
    for root in roots.values():
        for index, certain in root.set.items():
            if certain:
                facts = facts.both(present((root.name, root.record.attributes[index].name)))
    return frame.knowing(facts)


def _set(ctx: Context, frame: Frame, item: FlatRule, roots: dict[str, Root]) -> ops.SetOp | None:
    target = item.target
    if not isinstance(target, ast.Ref):
        return None  # an HL7 path cannot be the target of a line outside a segment; the block pass has said so
    root = roots.get(target.names[0])
    if root is None:
        return None
    ctx.at = Written(item.origin, str(target))
    if len(target.names) != 2:
        ctx.report("SW0219", target.span, target=str(target), example=f"{root.name}.{root.record.attributes[0].name}")
        return None
    name = target.names[1]
    index = root.record.index(name)
    if index < 0:
        names = [a.name for a in root.record.attributes]
        ctx.report(
            "SW0206",
            target.span,
            name=name,
            of=root.name,
            record=root.record.name,
            nearest=nearest(name, names),
            known=shown(names),
        )
        return None
    attribute = root.record.attributes[index]
    typed = ladder(ctx, frame, item.alternatives, attribute.type)
    typed = fitted(ctx, typed, attribute.type, item.alternatives[0].value.span, str(target))
    first = item.alternatives[0]
    listed = attribute.type.of is not None
    judge(
        ctx,
        first,
        maybe=typed.open or listed,
        soft=typed.soft or listed,
        said=typed.said,
        absent_key=typed.absent_key,
        known=typed.known,
        blank=isinstance(first.value, ast.Blank),
    )
    required = first.duty.kind == "required" and first.duty.condition is None
    if typed.known and typed.maybe and not required and not attribute.optional and not listed:
        span = first.duty.span if first.duty.kind else first.value.span
        ctx.report("SW0804", span, target=str(target), record=root.record.name)
    duty = duty_of(ctx, frame, first.duty, typed.maybe, inside=False)
    root.set[index] = required or not typed.maybe
    root.spans[index] = item.origin.span
    value = typed.op
    if listed and not attribute.optional and duty.need != "always":
        value = ops.Coalesce((value, ops.Listed(())))
        ctx.note(value)
    op = ops.SetOp(root.slot, index, value, duty)
    ctx.note(op)
    return op


def _group(ctx: Context, frame: Frame, item: FlatGroup, roots: dict[str, Root]) -> ops.GroupOp | None:
    root = roots.get(item.target.names[0])
    if root is None:
        return None
    ctx.at = Written(item.origin, f"for each {item.target} group")
    inner = msgspec.structs.replace(frame, scope=item.segment)
    body = _items(ctx, inner, item.body, roots)
    op = ops.GroupOp(root.slot, len(root.record.attributes), item.segment, item.under, body)
    ctx.at = Written(item.origin, f"for each {item.target} group")
    ctx.note(op)
    return op


def _unset(ctx: Context, root: Root, items: tuple[Item, ...]) -> None:
    """Attributes a record cannot be without, that no rule sets. Lists may stay empty."""
    missing = [
        a.name
        for n, a in enumerate(root.record.attributes)
        if n not in root.set and not a.optional and a.type.of is None
    ]
    if missing:
        span = next(iter(root.spans.values()), items[0].origin.span if items else Span("", 0, 0))
        ctx.report(
            "SW0220", span, names=" and ".join(f"`{name}`" for name in missing), record=root.record.name, root=root.name,
            example=f"{root.name}.{missing[0]}",
        )  # fmt: skip
