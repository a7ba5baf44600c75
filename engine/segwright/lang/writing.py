"""A flat writing mapping into write operations.

Items become segments, echoes, loops and checks in output order. Beside the operations the pass keeps `SegmentFacts`: what every
segment's fields hold for certain, on which the whole-message checks (`lang.checks`) stand.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from segwright.core.diagnostic import Label
from segwright.core.source import Span
from segwright.lang import ast
from segwright.lang.conditions import condition
from segwright.lang.contents import Made, alternatives_content, as_parameter, make_put
from segwright.lang.context import Context, Written
from segwright.lang.duties import duty_of, judge_value
from segwright.lang.fitting import must_be_present, printable
from segwright.lang.flat import FlatAllow, FlatCheck, FlatLet, FlatLoop, FlatRule, FlatSegment, FlatUse, Item, Origin
from segwright.lang.limits import limited, limited_as_said
from segwright.lang.lowering import lower
from segwright.lang.parts import field_content, with_parts
from segwright.lang.places import check_leaves, check_place
from segwright.lang.typed import Facts, Frame, Typed, present
from segwright.lang.values import ladder, selection
from segwright.plan import ops
from segwright.plan.model import INTEGER


class FieldFacts(msgspec.Struct, frozen=True):
    """What is known of one field of a lowered segment: its contents, whether it may come out empty, where it is written."""

    number: int
    made: tuple[Made, ...]
    rules: tuple[FlatRule, ...]

    @property
    def maybe(self) -> bool:
        """Whether the field may come out empty."""
        return all(made.maybe for made in self.made)


class SegmentFacts(msgspec.Struct, frozen=True):
    """One segment as lowered. `certain`: it is written whenever its place is reached. `depth`: how many loops are around it."""

    item: FlatSegment
    fields: dict[int, FieldFacts]
    certain: bool
    echo: bool
    depends: bool


class LoopFacts(msgspec.Struct, frozen=True):
    """A loop of segments, for the placement check."""

    item: FlatLoop
    body: tuple[Fact, ...]


Fact = SegmentFacts | LoopFacts


def segments(facts: tuple[Fact, ...]) -> Iterator[SegmentFacts]:
    """Every segment, outer before inner."""
    for fact in facts:
        if isinstance(fact, LoopFacts):
            yield from segments(fact.body)
        else:
            yield fact


def write_body(ctx: Context, frame: Frame, items: tuple[Item, ...]) -> tuple[tuple[ops.WriteOp, ...], tuple[Fact, ...]]:
    """The operations and facts of a sequence of items."""
    out: list[ops.WriteOp] = []
    facts: list[Fact] = []
    below = ctx.below
    ctx.below = {**below, **{item.name: item.origin.span for item in items if isinstance(item, FlatLet)}}
    for item in items:
        match item:
            case FlatSegment():
                made, fact = _segment(ctx, frame, item)
                out.extend(made)
                if fact is not None:
                    facts.append(fact)
            case FlatLoop():
                loop, loop_fact = _loop(ctx, frame, item)
                if loop is not None:
                    out.append(loop)
                if loop_fact is not None:
                    facts.append(loop_fact)
            case FlatUse():
                bound = _bind(ctx, frame, item)
                outer, ctx.part = ctx.part, item.part
                hidden, ctx.below = ctx.below, {}
                body, inner = write_body(ctx, bound, item.body)
                ctx.part, ctx.below = outer, hidden
                out.extend(body)
                facts.extend(inner)
            case FlatLet():
                op, frame = _let(ctx, frame, item)
                ctx.below.pop(item.name, None)
                out.append(op)
            case FlatCheck(check=ast.Check() as check):
                checked, frame = _check(ctx, frame, check, item.origin)
                out.append(checked)
            case FlatAllow():
                pass
            case _:
                ctx.report(
                    "SW0215", item.origin.span, direction="writes", holds="segments, loops, parts, `let` and `check`"
                )
    ctx.below = below
    return tuple(out), tuple(facts)


def _note(ctx: Context, origin: Origin, address: str) -> None:
    ctx.at = Written(origin, address)


def _bind(ctx: Context, frame: Frame, item: FlatUse) -> Frame:
    """The frame inside a part: its parameters, the message and nothing else."""
    names: dict[str, Typed] = {k: v for k, v in frame.names.items() if k in ("message", "previous")}
    facts = present(("message",))
    _note(ctx, item.origin, f"use {item.part}")
    for parameter, value in item.bindings:
        form = parameter.type
        optional = form.form == "optional"
        type_ = ctx.type_named(str(form.of if optional and form.of is not None else form), parameter.span)
        typed = lower(ctx, frame, value, type_)
        if typed.known and typed.hint != "blank" and typed.type != type_:
            ctx.report(
                "SW0216",
                value.span,
                Label(parameter.span, "declared"),
                parameter=parameter.name,
                of=item.part,
                wanted=str(type_),
                type=str(typed.type),
            )
            typed = msgspec.structs.replace(typed, type=type_)
        forgotten = isinstance(value, ast.Blank) and value.span == item.origin.span  # reported where parts are expanded
        if typed.maybe and not optional and not forgotten:
            must_be_present(ctx, typed, value.span, where=f"part {item.part}")
        bound, known = as_parameter(frame, typed, parameter.name)
        # What may be left out may be missing in every use, so that the part says the same of all of them.
        names[parameter.name] = msgspec.structs.replace(
            bound, maybe=typed.maybe or optional, soft=typed.soft or optional
        )
        facts = facts.both(known)
        if not optional:
            facts = facts.both(present(bound.key))
        if typed.key in ctx.loop_sources:
            ctx.loop_sources[bound.key] = ctx.loop_sources[typed.key]
    return Frame(names, facts, position=frame.position, outer=frame)


def _let(ctx: Context, frame: Frame, item: FlatLet) -> tuple[ops.LetOp, Frame]:
    _note(ctx, item.origin, f"let {item.name}")
    typed = lower(ctx, frame, item.value)
    slot = ctx.slot()
    op = ops.LetOp(slot, typed.op)
    ctx.note(op)
    if item.name in frame.names:
        ctx.report("SW0214", item.origin.span, name=item.name)
    bound = msgspec.structs.replace(typed, op=ops.Slot(slot), key=(f"@{slot}",), said=item.name)
    return op, frame.binding(**{item.name: bound})


def _check(ctx: Context, frame: Frame, check: ast.Check, origin: Origin) -> tuple[ops.CheckOp, Frame]:
    """The check, and what is certain below it: where it fails there is no message."""
    _note(ctx, origin, f"check {check.name}")
    op, holds, _ = condition(ctx, frame, check.condition)
    made = ops.CheckOp(check.name, op, check.saying)
    ctx.note(made)
    return made, frame.knowing(holds)


def _loop(ctx: Context, frame: Frame, item: FlatLoop) -> tuple[ops.LoopOp | None, LoopFacts | None]:
    _note(ctx, item.origin, item.title)
    when: ops.Condition | None = None
    frame = frame.widened if item.origin.word != "base" else frame
    inner = frame
    if item.when is not None:
        when, facts, _ = condition(ctx, frame, item.when)
        inner = frame.knowing(facts)
    selected = selection(ctx, inner, item.variable, item.of)
    if selected is None:
        # The list itself is wrong: the body is still checked, with an element of unknown type.
        slot = ctx.slot(3)
        from segwright.lang.typed import UNKNOWN

        element = Typed(ops.Slot(slot), UNKNOWN, key=(f"@{slot}",), said=item.variable, soft=True)
        write_body(
            ctx, msgspec.structs.replace(inner.binding(**{item.variable: element}), position=slot + 1), item.body
        )
        return None, None
    source, slot, body_frame, element, where, order = selected
    must_be_present(ctx, source, item.of.source.span, where="a loop")
    position = ctx.slot(2)
    body_frame = msgspec.structs.replace(body_frame, position=position)
    if isinstance(item.of.source, ast.Ref):
        ctx.loop_sources[element.key] = item.of.source.names
    most = first = None
    if item.limit is not None:
        typed = lower(ctx, inner, item.limit.count, INTEGER)
        must_be_present(ctx, typed, item.limit.span, where="a limit")
        written = isinstance(item.limit.count, ast.Number)  # org.yaml may say that there are none
        if written and isinstance(typed.op, ops.Const) and typed.op.type == "integer" and int(typed.op.value) < 1:
            reason = "a limit must be at least 1"
            ctx.report(
                "SW0345",
                item.limit.span,
                parameter=item.limit.kind,
                of="this loop",
                value=typed.op.value,
                reason=reason,
            )
        if typed.known and typed.type != INTEGER:
            ctx.report(
                "SW0325",
                item.limit.span,
                parameter=item.limit.kind,
                of="the loop",
                wanted="integer",
                type=str(typed.type),
            )
        most, first = (typed.op, None) if item.limit.kind == "at most" else (None, typed.op)
    outer = ctx.at
    body, facts_inside = write_body(ctx, body_frame, item.body)
    ctx.at = outer
    op = ops.LoopOp(slot, position, source.op, body, where, order, most, first, when)
    ctx.note(op)
    return op, LoopFacts(item, facts_inside)


def _segment(ctx: Context, frame: Frame, item: FlatSegment) -> tuple[list[ops.WriteOp], SegmentFacts | None]:
    out: list[ops.WriteOp] = []
    _note(ctx, item.origin, f"segment {item.title}")
    segment_note = ctx.at
    when: ops.Condition | None = None
    frame = frame.widened if item.origin.word != "base" else frame
    inner = frame
    if item.when is not None:
        when, facts, _ = condition(ctx, frame, item.when)
        inner = frame.knowing(facts)
    if not item.name.startswith("Z") and ctx.profile.segment(item.name) is None:
        check_place(ctx, ast.Hl7Path(item.name, 1, span=item.origin.span))
        return out, None
    echo = item.echo is not None
    slot = -1
    source: Typed | None = None
    if item.echo is not None:
        source = lower(ctx, inner, item.echo)
        if source.known and source.type.name != "segments":
            ctx.report(
                "SW0343",
                item.echo.span,
                target="segment … from",
                wanted="kept segments",
                type=str(source.type),
                advice="",
            )
        if source.maybe and not item.optional and not (source.key and inner.facts.is_present(source.key)):
            ctx.report("SW0302", item.echo.span, name=source.said, where=f"segment {item.name} from")
        slot = ctx.slot()
        inner = msgspec.structs.replace(inner, echo=slot)
    for let in item.rules:
        if isinstance(let, FlatLet):
            op, inner = _let(ctx, inner, let)
            out.append(op)
    fields = _fields(ctx, inner, item)
    if item.name == "OBX" and {2, 5} <= fields.keys():
        observed = limited_as_said(ctx, fields[2].made, fields[5].made)
        fields[5] = msgspec.structs.replace(fields[5], made=observed)
    ctx.at = segment_note
    numbered = tuple(_field_op(ctx, number, facts) for number, facts in sorted(fields.items()))
    if source is not None:
        write: ops.WriteOp = ops.EchoOp(item.name, source.op, slot, numbered, when, item.optional)
    else:
        write = ops.SegmentOp(item.name, numbered, when, item.optional)
    ctx.note(write)
    out.append(write)
    depends = (
        echo
        or any(t.depends for f in fields.values() for m in f.made for t in m.leaves.values())
        or any(m.opaque for f in fields.values() for m in f.made)
    )
    certain = when is None and not item.optional and not (echo and source is not None and source.maybe)
    return out, SegmentFacts(item, fields, certain, echo, depends)


def _field_op(ctx: Context, number: int, facts: FieldFacts) -> ops.FieldOp:
    op = ops.FieldOp(number, tuple(m.content for m in facts.made))
    before, ctx.at = ctx.at, ctx.written.get(id(facts.made[0].content)) or ctx.at
    ctx.note(op)
    ctx.at = before
    return op


def _fields(ctx: Context, frame: Frame, item: FlatSegment) -> dict[int, FieldFacts]:
    """Contents by field number; rules for components of one repetition make one content together."""
    by_place: dict[tuple[int, str], list[FlatRule]] = {}
    for rule in item.rules:
        if not isinstance(rule, FlatRule):
            continue
        target = rule.target
        if not isinstance(target, ast.Hl7Path) or target.segment != item.name:
            ctx.report(
                "SW0143",
                rule.origin.span,
                Label(item.origin.span, "opened"),
                path=str(target),
                open=item.name,
                segment="",
            )
            continue
        if not check_place(ctx, target):
            continue
        if item.echo is not None and target.component:
            field = msgspec.structs.replace(target, component=0, subcomponent=0)
            ctx.report("SW0520", target.span, Label(item.origin.span, "opened"), path=str(target), field=field)
        else:
            by_place.setdefault((target.field, target.repetition), []).append(rule)
    fields: dict[int, FieldFacts] = {}
    for (number, _), rules in by_place.items():
        overlaid = any(rule.origin.word != "base" or rule.parts for rule in rules)
        place = frame.widened if overlaid else frame
        if ctx.memory is None:
            made = _field(ctx, place, item, number, rules)
        else:
            made = ctx.memory.field(ctx, place, item, number, rules, _field)
        have = fields.get(number)
        if have is None:
            fields[number] = FieldFacts(number, (made,), tuple(rules))
        else:
            fields[number] = FieldFacts(number, (*have.made, made), (*have.rules, *rules))
    for number, facts in fields.items():
        _check_repeats(ctx, item, number, facts)
    return fields


def _field(ctx: Context, frame: Frame, item: FlatSegment, number: int, rules: list[FlatRule]) -> Made:
    """What the rules for one field, or one of its named repetitions, put there."""
    _note(ctx, rules[0].origin, _address(item, rules[0]))
    made = _repetition(ctx, msgspec.structs.replace(frame, echo_field=number), item, rules)
    _check_field(ctx, item, rules[0], made)
    return limited(ctx, item.name, number, made)


def _address(item: FlatSegment, rule: FlatRule) -> str:
    return f"{item.label} {rule.target}".strip()


def _repetition(ctx: Context, frame: Frame, item: FlatSegment, rules: list[FlatRule]) -> Made:
    whole = [r for r in rules if isinstance(r.target, ast.Hl7Path) and not r.target.component]
    if whole:
        return field_content(ctx, frame, whole[0])
    puts: list[ops.Put] = []
    leaves: dict[tuple[int, int], Typed] = {}
    soft = False
    for rule in sorted(rules, key=lambda r: _place(r)):
        target = rule.target
        if not isinstance(target, ast.Hl7Path):
            continue
        _note(ctx, rule.origin, _address(item, rule))
        if not target.subcomponent:
            made = alternatives_content(ctx, frame, rule.alternatives, target.component, inside=False)
            made = with_parts(ctx, frame, made, rule)
            if not isinstance(made.content, ops.Leaves):
                if not ctx.blamed(rule.origin.span):
                    ctx.report("SW0336", rule.origin.span)
                continue
            puts.extend(made.content.puts)
            leaves.update(made.leaves)
            soft = soft or made.soft
            continue
        typed = printable(ctx, ladder(ctx, frame, rule.alternatives), rule.origin.span)
        first = rule.alternatives[0]
        judge_value(ctx, first, typed)
        duty = duty_of(ctx, frame, first.duty, typed.maybe, inside=False)
        where = (target.component, target.subcomponent)
        puts.append(make_put(ctx, where, typed, duty))
        missing = typed.maybe and duty.need != "always"
        leaves[where] = msgspec.structs.replace(typed, maybe=missing)
    # Constants alone make no repetition (`ops.Leaves`): it is there for certain only if an input is.
    deciding = [leaf for leaf in leaves.values() if leaf.depends] or list(leaves.values())
    maybe = all(leaf.maybe for leaf in deciding)
    puts.sort(key=lambda p: (p.component, p.subcomponent))
    _note(ctx, rules[0].origin, _address(item, rules[0]))
    op = ops.Leaves(tuple(puts))
    ctx.note(op)
    return Made(op, maybe=maybe, leaves=leaves, soft=soft, said=str(rules[0].target))


def _place(rule: FlatRule) -> tuple[int, int]:
    return (rule.target.component, rule.target.subcomponent) if isinstance(rule.target, ast.Hl7Path) else (0, 0)


def _check_field(ctx: Context, item: FlatSegment, rule: FlatRule, made: Made) -> None:
    segment = ctx.profile.segment(item.name)
    if segment is None or not isinstance(rule.target, ast.Hl7Path):
        return
    field = segment.field(rule.target.field)
    if field is not None and not field.withdrawn:
        check_leaves(ctx, rule.target, field, made.leaves, rule.origin.span)


def _check_repeats(ctx: Context, item: FlatSegment, number: int, facts: FieldFacts) -> None:
    from segwright.lang.places import allowed

    segment = ctx.profile.segment(item.name)
    field = segment.field(number) if segment is not None else None
    if field is None or field.withdrawn:
        return
    several = len(facts.made) > 1 or any(m.lists for m in facts.made)
    if field.repeats == 1 and several and not allowed(ctx, "SW0411", f"{item.name}-{number}"):
        ctx.report(
            "SW0411",
            facts.rules[-1].origin.span,
            *(Label(rule.origin.span, "first") for rule in facts.rules[:1] if len(facts.rules) > 1),
            path=f"{item.name}-{number}",
            version=ctx.profile.version,
            most="one value",
        )
    elif (
        field.repeats is not None
        and len(facts.made) > field.repeats > 1
        and not allowed(ctx, "SW0411", f"{item.name}-{number}")
    ):
        ctx.report(
            "SW0411",
            facts.rules[-1].origin.span,
            path=f"{item.name}-{number}",
            version=ctx.profile.version,
            most=f"at most {field.repeats} values",
        )


def first_frame(
    ctx: Context, inputs: tuple[ast.Parameter, ...], narrowed: dict[tuple[str, ...], frozenset[str]]
) -> Frame:
    """The frame of a mapping: its inputs, then `message` and `previous`, in that order of slots."""
    from segwright.lang.scope import resolve_type

    names: dict[str, Typed] = {}
    certain: Facts = Facts(values=narrowed)
    for parameter in inputs:
        optional = parameter.type.form == "optional"
        inner = parameter.type.of if optional and parameter.type.of is not None else parameter.type
        type_, problem = resolve_type(inner, ctx.model.records, ctx.model.enums)
        if problem is not None:
            ctx.found.append(problem)
        slot = ctx.slot()
        key = (parameter.name,)
        names[parameter.name] = Typed(
            ops.Slot(slot), type_, maybe=optional, key=key, said=parameter.name, span=parameter.span
        )
        if not optional:
            certain = certain.both(present(key))
    names["message"] = Typed(
        ops.Slot(ctx.slot()), ctx.type_named("Message", Span("", 0, 0)), key=("message",), said="message"
    )
    certain = certain.both(present(("message",)))
    return Frame(names, certain)
