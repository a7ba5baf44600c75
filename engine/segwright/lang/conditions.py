"""Conditions: comparisons with their types checked, and what is certain where they hold or fail.

`condition(ctx, frame, node)` gives the operation, the facts when it holds and the facts when it does not. An operand that may
be missing is an error unless an earlier condition has shown it to be there: `when p.npi is present and p.npi is …`.
"""

from __future__ import annotations

from collections.abc import Iterator

from segwright.lang import ast
from segwright.lang.context import Context
from segwright.lang.fitting import alike_types, must_be_present
from segwright.lang.flat import alike
from segwright.lang.lowering import lower
from segwright.lang.references import reference
from segwright.lang.typed import NOTHING, Facts, Frame, Typed, present
from segwright.plan import ops
from segwright.plan.model import BOOLEAN, Type
from segwright.plan.patterns import check as pattern_problem

Checked = tuple[ops.Condition, Facts, Facts]
_FIRST = "Give the one above a `when …`, or move it to the end."
ORDERED = {"integer", "decimal", "quantity", "date", "datetime"}


def condition(ctx: Context, frame: Frame, node: ast.Condition) -> Checked:
    """A condition, the facts when true, the facts when false."""
    ctx.in_condition += 1
    op, true, false = _condition(ctx, frame, node)
    ctx.in_condition -= 1
    ctx.note(op, node.span)
    return op, true, false


def rungs(
    ctx: Context, frame: Frame, alternatives: tuple[ast.Alternative, ...]
) -> Iterator[tuple[ast.Alternative, ops.Condition | None, Frame]]:
    """Each alternative with its condition and the frame it is lowered in: earlier conditions have failed there."""
    inner = frame
    for number, alternative in enumerate(alternatives):
        last = number == len(alternatives) - 1
        if alternative.when is None:
            if not last:
                reason = "The alternative above this one has no condition"
                ctx.report("SW0402", alternatives[number + 1].span, reason=reason, advice=_FIRST)
            yield alternative, None, inner
            return
        if any(alike(alternative.when, above.when) for above in alternatives[:number]):
            reason = "An alternative above has the same condition"
            ctx.report(
                "SW0402", alternative.span, reason=reason, advice="Delete one of the two, or correct its condition."
            )
        elif (
            any(not left for key, left in inner.facts.values.items() if frame.facts.values.get(key) != left)
            and (ctx.own or not ctx.not_sent)
            and not ctx.blamed(alternatives[0].span.to(alternative.span))
        ):
            reason = "The alternatives above cover every value there is"
            ctx.report("SW0402", alternative.span, reason=reason, advice="Delete it, or correct a condition above.")
        op, true, false = condition(ctx, inner, alternative.when)
        yield alternative, op, inner.knowing(true)
        inner = inner.knowing(false)


def _condition(ctx: Context, frame: Frame, node: ast.Condition) -> Checked:
    match node:
        case ast.AllOf():
            return _all(ctx, frame, node)
        case ast.AnyOf():
            return _any(ctx, frame, node)
        case ast.Not():
            op, true, false = condition(ctx, frame, node.condition)
            return ops.Not(op), false, true
        case ast.State():
            return _state(ctx, frame, node)
        case ast.Is():
            return _is(ctx, frame, node)
        case ast.In():
            return _in(ctx, frame, node)
        case ast.Compare():
            return _compare(ctx, frame, node)
        case ast.Between():
            low = _compare(ctx, frame, ast.Compare(node.value, "at least", node.low, node.span))[0]
            high = _compare(ctx, frame, ast.Compare(node.value, "at most", node.high, node.span))[0]
            return ops.AllOf((low, high)), NOTHING, NOTHING
        case ast.Matches():
            return _matches(ctx, frame, node)
        case ast.Holds():
            typed = _boolean(ctx, frame, node.value)
            must_be_present(ctx, typed, node.span, where="a condition")
            return ops.Truth(typed.op), NOTHING, NOTHING
        case ast.InheritedCondition():
            ctx.report("SW0313", node.span)
            return ops.Present(ops.Const("blank")), NOTHING, NOTHING


def _all(ctx: Context, frame: Frame, node: ast.AllOf) -> Checked:
    out = []
    true = NOTHING
    for part in node.conditions:
        op, holds, _ = condition(ctx, frame.knowing(true), part)
        out.append(op)
        true = true.both(holds)
    return ops.AllOf(tuple(out)), true, NOTHING


def _any(ctx: Context, frame: Frame, node: ast.AnyOf) -> Checked:
    out = []
    false = NOTHING
    true: Facts | None = None
    for part in node.conditions:
        op, holds, fails = condition(ctx, frame.knowing(false), part)
        out.append(op)
        true = false.both(holds) if true is None else true.either(false.both(holds))
        false = false.both(fails)
    return ops.AnyOf(tuple(out)), true or NOTHING, false


def _state(ctx: Context, frame: Frame, node: ast.State) -> Checked:
    checked = _plain_state(ctx, frame, node)
    if node.negated:
        op, true, false = checked
        return ops.Not(op), false, true
    return checked


def _plain_state(ctx: Context, frame: Frame, node: ast.State) -> Checked:
    if node.state in ("first", "last"):
        if frame.position < 0:
            ctx.report("SW0312", node.span, word="position")
            return ops.Present(ops.Const("blank")), NOTHING, NOTHING
        if node.state == "last":
            return ops.IsLast(frame.position), NOTHING, NOTHING
        return ops.Equal(ops.Slot(frame.position), ops.Const("integer", "1")), NOTHING, NOTHING
    if node.state == "changed":
        return _changed(ctx, frame, node)
    typed = lower(ctx, frame, node.value)
    if node.state == "null":
        return ops.IsNull(typed.op), present(typed.key), NOTHING
    here = ops.Present(typed.op)
    if node.state == "present":
        return here, present(typed.key), NOTHING
    return ops.Not(here), NOTHING, present(typed.key)


def _changed(ctx: Context, frame: Frame, node: ast.State) -> Checked:
    """`m is changed`: there is something the destination last accepted, and it differs (for a loop's element: lacks it)."""
    root = frame.names.get("previous")
    if not isinstance(node.value, ast.Ref) or root is None:
        ctx.report("SW0327", node.span)
        return ops.Present(ops.Const("blank")), NOTHING, NOTHING
    ctx.asks_previous = True
    typed = lower(ctx, frame, node.value)
    source = ctx.loop_sources.get(typed.key[:1])
    base = frame.names.get(node.value.names[0])
    if source is None and base is not None and base.known and base.type != root.type:
        ctx.report("SW0327", node.span)
        return ops.Present(ops.Const("blank")), NOTHING, NOTHING
    if len(node.value.names) == 1 and source is not None:
        was = reference(ctx, frame.knowing(present(root.key)), ast.Ref(("previous", *source[1:]), node.span))
        same: ops.Condition = ops.In(typed.op, was.op)
    else:
        was = reference(ctx, frame.knowing(present(root.key)), ast.Ref(("previous", *node.value.names[1:]), node.span))
        both_missing = ops.AllOf((ops.Not(ops.Present(typed.op)), ops.Not(ops.Present(was.op))))
        same = ops.AnyOf((ops.Equal(typed.op, was.op), both_missing))
    return ops.AllOf((ops.Present(root.op), ops.Not(same))), NOTHING, NOTHING


def _operands(ctx: Context, frame: Frame, left: ast.Value, right: ast.Value) -> tuple[Typed, Typed]:
    first = lower(ctx, frame, left)
    second = lower(ctx, frame, right, first.type if first.known else None)
    # A received place that is empty equals nothing: `.13 is "NPI"` needs no narrowing.
    if not isinstance(left, ast.Hl7Path | ast.ComponentPath):
        must_be_present(ctx, first, left.span, where="a comparison")
    must_be_present(ctx, second, right.span, where="a comparison")
    return alike_types(ctx, first, second)


def _is(ctx: Context, frame: Frame, node: ast.Is) -> Checked:
    left, right = _operands(ctx, frame, node.left, node.right)
    if left.known and right.known and left.type != right.type:
        ctx.report("SW0328", node.span, left=str(left.type), right=str(right.type), name=left.said)
    op: ops.Condition = ops.Equal(left.op, right.op)
    true, false = NOTHING, NOTHING
    if left.key and left.type.kind == "enum" and right.constants:
        every = frozenset(ctx.model.enums.get(left.type.name, ()))
        still = frame.facts.values.get(left.key, every)
        true = Facts(values={left.key: still & frozenset(right.constants)})
        if len(right.constants) == 1:
            false = Facts(values={left.key: still - frozenset(right.constants)})
        _never(ctx, node, left, still, right.constants)
    if node.negated:
        return ops.Not(op), false, true
    return op, true, false


def _never(
    ctx: Context, node: ast.Is | ast.In, value: Typed, still: frozenset[str], constants: tuple[str, ...]
) -> None:
    """Reports a comparison that cannot hold. A line that hospitals share may speak of a kind that this one does not get."""
    if still & frozenset(constants) or (not ctx.own and frozenset(constants) <= ctx.not_sent):
        return
    ctx.report("SW0329", node.span, name=value.said, value=[f"`{constant}`" for constant in constants])


def _in(ctx: Context, frame: Frame, node: ast.In) -> Checked:
    value = lower(ctx, frame, node.value)
    if not isinstance(node.value, ast.Hl7Path | ast.ComponentPath):
        must_be_present(ctx, value, node.value.span, where="a comparison")
    want = value.type if value.known else None
    constants: tuple[str, ...] | None
    if node.listed:
        members = [lower(ctx, frame, member, want) for member in node.members]
        for member in members:
            must_be_present(ctx, member, member.span, where="a list")
            if (
                member.known
                and value.known
                and alike_types(ctx, value, member)[0].type != alike_types(ctx, value, member)[1].type
            ):
                ctx.report("SW0328", member.span, left=str(value.type), right=str(member.type), name=value.said)
        if all(isinstance(m.op, ops.Const) for m in members):
            source: ops.Value = ops.Listed(tuple(m.op for m in members if isinstance(m.op, ops.Const)))
            op: ops.Condition = ops.In(value.op, source)
        else:
            op = ops.AnyOf(tuple(ops.Equal(value.op, m.op) for m in members))
        fixed = all(m.constants is not None and len(m.constants) == 1 for m in members)
        constants = tuple(c for m in members for c in m.constants or ()) if fixed else None
    else:
        (member_node,) = node.members
        listed = lower(ctx, frame, member_node, Type("list", of=want) if want else None)
        must_be_present(ctx, listed, member_node.span, where="a list")
        if listed.known and listed.type.of is None:
            ctx.report("SW0307", member_node.span, name=listed.said, type=str(listed.type))
        elif (
            listed.known
            and value.known
            and listed.type.of != value.type
            and not ({str(listed.type.of), value.type.name} <= {"text", "code"})
        ):
            ctx.report("SW0328", node.span, left=str(value.type), right=str(listed.type.of), name=value.said)
        op = ops.In(value.op, listed.op)
        constants = listed.constants
    true, false = NOTHING, NOTHING
    if value.key and value.type.kind == "enum" and constants is not None:
        every = frozenset(ctx.model.enums.get(value.type.name, ()))
        still = frame.facts.values.get(value.key, every)
        true = Facts(values={value.key: still & frozenset(constants)})
        false = Facts(values={value.key: still - frozenset(constants)})
        if node.listed:
            _never(ctx, node, value, still, constants)
    if node.negated:
        return ops.Not(op), false, true
    return op, true, false


def _compare(ctx: Context, frame: Frame, node: ast.Compare) -> Checked:
    left, right = _operands(ctx, frame, node.left, node.right)
    pair = {left.type.name, right.type.name}
    bare = pair in ({"quantity", "decimal"}, {"quantity", "integer"})
    fits = left.type == right.type or bare or pair == {"date", "datetime"}
    if left.known and right.known and (not fits or left.type.name not in ORDERED):
        wrong = right if left.type.name in ORDERED else left
        ctx.report("SW0330", node.span, name=wrong.said, type=str(wrong.type), operator=node.operator)
    if bare:
        ctx.report("SW0331", node.span, name=left.said if left.type.name == "quantity" else right.said)
    return ops.Order(node.operator, left.op, right.op), NOTHING, NOTHING


def _matches(ctx: Context, frame: Frame, node: ast.Matches) -> Checked:
    value = lower(ctx, frame, node.value)
    must_be_present(ctx, value, node.value.span, where="a comparison")
    if value.known and value.type.name not in ("text", "code"):
        ctx.report("SW0328", node.span, left=str(value.type), right="pattern", name=value.said)
    pattern = lower(ctx, frame, node.pattern)
    must_be_present(ctx, pattern, node.pattern.span, where="a pattern")
    if not pattern.constants or len(pattern.constants) != 1:
        if pattern.known and not pattern.absent_key:
            ctx.report("SW0332", node.pattern.span)
        return ops.Match(value.op, ctx.pattern("")), NOTHING, NOTHING
    problem = pattern_problem(pattern.constants[0])
    if problem:
        ctx.report("SW0333", node.pattern.span, pattern=pattern.constants[0], problem=problem)
        return ops.Match(value.op, ctx.pattern("")), NOTHING, NOTHING
    return ops.Match(value.op, ctx.pattern(pattern.constants[0])), NOTHING, NOTHING


def _boolean(ctx: Context, frame: Frame, node: ast.Value) -> Typed:
    """A value that must be a boolean."""
    typed = lower(ctx, frame, node, BOOLEAN)
    if typed.known and typed.type != BOOLEAN:
        return ctx.fail("SW0309", node.span, name=typed.said, type=str(typed.type))
    return typed
