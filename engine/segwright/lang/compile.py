"""The compiler: the visible list of passes from parsed layers to checked plans.

    declare → flatten (base, overlays) → lower (write or read) → check → emit

Each pass takes what the one before gave and returns findings beside its result; none raises on what an analyst wrote. A plan is
given only when nothing in it is wrong.
"""

from __future__ import annotations

from functools import cache, cached_property
from typing import Literal

import msgspec

import segwright.lang.dispatch  # noqa: F401 - says how each kind of value is lowered
from segwright.core.diagnostic import Diagnostic, diagnostic, errors
from segwright.core.source import Span
from segwright.lang import ast
from segwright.lang.checks import check_written
from segwright.lang.context import Context, Written
from segwright.lang.emit import Emitted, emit
from segwright.lang.flat import FlatAllow, FlatMapping, FlatUse, Origin, place_of, walk
from segwright.lang.flatten import Applied, Flattened, base, overlay
from segwright.lang.reading import read_body
from segwright.lang.remembered import Memory
from segwright.lang.scope import Layer, Scope, overlays
from segwright.lang.settings import Settings
from segwright.lang.typed import Typed
from segwright.lang.writing import first_frame, write_body
from segwright.library.zones import TZDATA_VERSION
from segwright.plan import ops
from segwright.plan.model import Model
from segwright.profiles import Profile, profile


class Order(msgspec.Struct, frozen=True):
    """What an organisation's catalogue asks of one message: its mapping, kinds that go out, and what is mandatory."""

    name: str
    direction: Literal["writes", "reads"]
    types: tuple[str, ...]
    kinds: tuple[str, ...] = ()
    mandatory: tuple[str, ...] = ()
    span: Span = Span("", 0, 0)


class Compiled(msgspec.Struct, frozen=True, dict=True, eq=False):
    """One message of one organisation in one environment: its flat mapping, its plan when nothing is wrong, what was found, and
    what it used (`used_keys` of org.yaml, `used` declarations by `used_as`). `recompile`: another environment's plan is not this
    one with other values."""

    mapping: FlatMapping
    emitted: Emitted | None
    found: tuple[Diagnostic, ...]
    missed: tuple[tuple[Span, Diagnostic], ...]
    idle_allows: tuple[tuple[str, Diagnostic], ...]
    used_keys: frozenset[tuple[str, ...]]
    scope: Scope
    environment: str
    recompile: bool = False
    used: frozenset[str] = frozenset()

    @cached_property
    def plan_bytes(self) -> bytes | None:
        """The canonical bytes of the plan."""
        return None if self.emitted is None else self.emitted.bytes_for(self.environment)

    @cached_property
    def plan(self) -> ops.Plan | None:
        """The plan as it comes back from its own bytes: every operation an object of its own."""
        return None if self.plan_bytes is None else msgspec.json.decode(self.plan_bytes, type=ops.Plan)

    @property
    def written(self) -> tuple[Written | None, ...]:
        """Who wrote each operation, in walk order."""
        return () if self.emitted is None else self.emitted.written

    @property
    def places(self) -> tuple[Span | None, ...]:
        """The words of the source that each operation came from, in walk order."""
        return () if self.emitted is None else self.emitted.places

    @cached_property
    def allows(self) -> tuple[Span, ...]:
        """Where the allows stand that this message has."""
        return tuple(item.origin.span for _, item in walk(self.mapping.body) if isinstance(item, FlatAllow))

    def elsewhere(self, environment: str) -> Compiled:
        """The same message in another environment, whose values differ and nothing else."""
        return msgspec.structs.replace(self, environment=environment)


def flatten(below: Flattened, layers: tuple[Layer, ...], name: str) -> Flattened:
    """A mapping with the overlays of several layers."""
    applied = [
        Applied(layer.name, found, found.name == "organisation")
        for layer in layers
        for _, found in overlays(layer, name)
    ]
    return overlay(below, applied)


def flatten_base(mapping: ast.Mapping, scope: Scope) -> Flattened:
    """A base mapping alone."""
    return base(mapping, scope)


def compile_message(
    flattened: Flattened,
    order: Order,
    settings: Settings,
    encoding: ops.Encoding,
    model_hash: str,
    memory: Memory | None = None,
) -> Compiled:
    """Lowers, checks and emits one flattened mapping for one organisation. `memory`: what was lowered before of its base."""
    mapping = flattened.mapping
    ctx = Context(flattened.scope, settings, profile(encoding.version), mapping.direction, order.name)
    ctx.allowed = _allows(mapping)
    ctx.memory = memory
    before = len(ctx.found)
    if mapping.direction == "writes":
        narrowed = _narrowed(ctx, mapping, order)
        ctx.not_sent = _not_sent(ctx, mapping, order)
        frame = first_frame(ctx, mapping.inputs, narrowed)
        previous = _previous(ctx, mapping)
        if previous is not None:
            frame = frame.binding(previous=previous)
        written_body, facts = write_body(ctx, frame, mapping.body)
        body: tuple[ops.WriteOp | ops.ReadOp, ...] = written_body
        check_written(ctx, mapping, order.types, order.mandatory, facts)
        results: tuple[ops.Result, ...] = ()
        inputs = _inputs(mapping, frame.names, asks_previous=ctx.asks_previous)
    else:
        read, results = read_body(ctx, mapping.body)
        body, inputs = read, ()
    idle = _idle_allows(ctx, mapping)
    found = (*flattened.found, *ctx.found[before:])
    plan = None
    if not errors(found) and not _lacks_rows(ctx):
        plan = ops.Plan(
            order.name,
            mapping.direction,
            order.types,
            model_hash,
            _encoding(encoding, ctx.profile, body),
            inputs,
            body,
            ctx.slots,
            tables=tuple(ctx.tables),
            patterns=tuple(ctx.patterns),
            narratives=tuple(ctx.narratives),
            functions=tuple(ctx.functions),
            libraries=_libraries(ctx),
            results=results,
        )
    emitted = None if plan is None else emit(plan, ctx)
    return Compiled(
        mapping,
        emitted,
        found,
        flattened.missed,
        idle,
        frozenset(ctx.used_keys),
        flattened.scope,
        ctx.settings.environment,
        recompile=ctx.environment_bound,
        used=_used(ctx, mapping),
    )


def _lacks_rows(ctx: Context) -> bool:
    """Whether the message looks into a table whose file cannot be read, which is told where it was tried."""
    tables = ctx.scope.tables
    return any(name in tables and tables[name].lost for name in ctx.used_tables)


def _used(ctx: Context, mapping: FlatMapping) -> frozenset[str]:
    """The tables, formats, texts and parts that the message uses, as `used_as` calls them."""
    parts = {item.part for _, item in walk(mapping.body) if isinstance(item, FlatUse)}
    formats = {f"{name} {direction}" for name, direction in ctx.used_formats}
    return frozenset(ctx.used_tables | formats | ctx.used_narratives | parts)


def used_as(declaration: ast.Declaration) -> str:
    """What a declaration is called among those that a message uses: a format by its direction too."""
    return f"{declaration.name} {declaration.direction}" if isinstance(declaration, ast.Format) else declaration.name


def _encoding(encoding: ops.Encoding, profile_: Profile, body: tuple[ops.WriteOp | ops.ReadOp, ...]) -> ops.Encoding:
    """The encoding with, for `full`, the number of fields of every segment the message writes."""
    if encoding.trailing != "full":
        return encoding
    names = sorted({name for op in body for name in _segment_names(op)})
    counts = {
        name: len(segment.fields) for name in names for segment in (profile_.segment(name),) if segment is not None
    }
    return msgspec.structs.replace(encoding, full_to=counts)


def _segment_names(op: ops.WriteOp | ops.ReadOp) -> list[str]:
    match op:
        case ops.SegmentOp():
            return [op.name]
        case ops.LoopOp():
            return [name for inner in op.body for name in _segment_names(inner)]
        case _:
            return []


def _inputs(mapping: FlatMapping, bound: dict[str, Typed], *, asks_previous: bool) -> tuple[ops.Input, ...]:
    declared = [p.name for p in mapping.inputs]
    out = [ops.Input(name, bound[name].type, bound[name].maybe) for name in declared]
    out.append(ops.Input("message", bound["message"].type))
    if asks_previous:
        out.append(ops.Input("previous", bound["previous"].type, True))
    return tuple(out)


def _previous(ctx: Context, mapping: FlatMapping) -> Typed | None:
    """`previous`: what this destination last accepted, of the subject's type. It has a slot in every writing plan, and is an
    input only of those that ask `is changed`."""
    subject = subject_of(mapping.inputs)
    if subject is None:
        return None
    type_ = ctx.type_named(subject.type.name, subject.span)
    return Typed(ops.Slot(ctx.slot()), type_, maybe=True, key=("previous",), said="previous")


def subject_of(inputs: tuple[ast.Parameter, ...]) -> ast.Parameter | None:
    """The input that is decoded from JSON: the one that is not the order, its group or the patient."""
    return next((p for p in inputs if p.name not in ("order", "group", "patient")), None)


def kinds_of(inputs: tuple[ast.Parameter, ...], model: Model) -> tuple[str, ...]:
    """What the document of a mapping can be: the values of its `status`; none where it has no such enum."""
    subject = subject_of(inputs)
    record = model.records.get(subject.type.name) if subject is not None else None
    index = record.index("status") if record is not None else -1
    return () if record is None or index < 0 else tuple(model.enums.get(record.attributes[index].type.name, ()))


def _narrowed(ctx: Context, mapping: FlatMapping, order: Order) -> dict[tuple[str, ...], frozenset[str]]:
    """The subject's status can only be a kind that the organisation's catalogue lets out."""
    subject = subject_of(mapping.inputs)
    if subject is None or not order.kinds:
        return {}
    return {(subject.name, "status"): frozenset(order.kinds)}


def _not_sent(ctx: Context, mapping: FlatMapping, order: Order) -> frozenset[str]:
    """The kinds this organisation's catalogue does not let out: a shared line for one of them is right, and idle here."""
    if not order.kinds:
        return frozenset()
    return frozenset(kinds_of(mapping.inputs, ctx.model)) - frozenset(order.kinds)


def _allows(mapping: FlatMapping) -> dict[tuple[str, str], Origin]:
    return {
        (item.allow.code, place_of(item.allow.on)): item.origin
        for _, item in walk(mapping.body)
        if isinstance(item, FlatAllow)
    }


def _idle_allows(ctx: Context, mapping: FlatMapping) -> tuple[tuple[str, Diagnostic], ...]:
    """The allows that cover nothing here, with their layer. An error only if they cover nothing in any message they stand in:
    what a removed rule needed falls away with it."""
    return tuple(
        (origin.layer, diagnostic("SW0412", origin.span, code=key[0], place=key[1]))
        for key, origin in ctx.allowed.items()
        if key not in ctx.used_allows and origin.span not in mapping.excused
    )


def _libraries(ctx: Context) -> dict[str, str]:
    libraries: dict[str, str] = {}
    if any(name.split("/")[0] in ("dtm", "date", "time") for name in ctx.functions):
        libraries["tzdata"] = TZDATA_VERSION
    if ctx.narratives:
        libraries["jinja2"] = _jinja_version()
    return libraries


@cache
def _jinja_version() -> str:
    from importlib.metadata import version

    return version("jinja2")
