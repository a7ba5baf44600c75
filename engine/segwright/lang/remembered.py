"""Fields lowered once for all organisations: what a shared rule becomes, remembered with everything that it was made from.

The first time a rule of the base or of a profile is lowered, it is lowered on a `_Watched` context, which writes down what is
read (config values, formats, tables, limits, allows) and what is done (functions, patterns, tables numbered, slots taken).
Another message or organisation gets the same result if it would have read the same; then what was done is done again. What the
watched context does not know how to write down makes the rule one that is not remembered: forgetting costs time, never a
wrong plan. A rule with findings is never remembered, nor one that an organisation wrote itself. Who wrote which operation is not
kept: what asks for that compiles without a memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, TypeAlias, cast

import msgspec

from segwright.core.source import Span
from segwright.lang import ast
from segwright.lang.contents import Made
from segwright.lang.context import Context
from segwright.lang.flat import FlatRule, FlatSegment
from segwright.lang.lookup import made_before
from segwright.lang.settings import Declared, Setting
from segwright.lang.typed import Frame, Typed
from segwright.plan import ops

Lower: TypeAlias = Callable[[Context, Frame, FlatSegment, int, list[FlatRule]], Made]

MOST_VARIANTS: Final = 8
"""Results of one rule that are kept; one that comes out differently still oftener depends on the organisation."""
MOST_KEYS: Final = 20_000
"""Rules at places, of all versions; then everything is forgotten."""


class _Field(msgspec.Struct, frozen=True, eq=False):
    """One remembered result. The first members are what must be as it was, the others what is done again."""

    slots: int
    functions: tuple[tuple[str, int], ...]
    patterns: tuple[tuple[str, int], ...]
    tables: tuple[tuple[ast.Table, bool, int, ops.Table], ...]
    config: tuple[tuple[tuple[str, ...], Setting | None, Declared | None], ...]
    declared: tuple[tuple[str, object, object], ...]
    limits: tuple[tuple[str, tuple[str, int] | None], ...]
    allowed: tuple[tuple[tuple[str, str], bool], ...]
    made: Made
    taken: int
    used_formats: tuple[tuple[str, str], ...]
    used_tables: tuple[str, ...]
    used_allows: tuple[tuple[str, str], ...]


class Memory:
    """What is remembered of one workspace."""

    def __init__(self) -> None:
        self._frames: dict[tuple[object, ...], list[tuple[int, Frame]]] = {}
        self._count = 0
        self._fields: dict[tuple[object, ...], list[_Field]] = {}
        self._held: list[object] = []

    def field(
        self, ctx: Context, frame: Frame, item: FlatSegment, number: int, rules: list[FlatRule], lower: Lower
    ) -> Made:
        """What `lower` makes of the rules for one field (or one of its named repetitions)."""
        own = ctx.settings.id
        for rule in rules:
            if rule.origin.layer == own or (rule.parts and any(part.origin.layer == own for part in rule.parts)):
                return lower(ctx, frame, item, number, rules)
        if ctx.in_condition:
            return lower(ctx, frame, item, number, rules)
        place = (
            self._frame(frame), number, item.name, item.label, id(item.origin), id(item.when), id(item.echo),
            id(ctx.profile), id(ctx.model), ctx.direction, ctx.not_sent, *map(id, rules),
        )  # fmt: skip
        known = self._fields.get(place)
        if known is None:
            if len(self._fields) >= MOST_KEYS:
                self.__init__()  # type: ignore[misc]
                return lower(ctx, frame, item, number, rules)
            known = self._fields[place] = []
            # What is known by its identity must live as long as what is known of it.
            self._held.append((item, ctx.profile, ctx.model, tuple(rules)))
        for field in known:
            if _as_it_was(ctx, field):
                _done_again(ctx, field)
                return field.made
        if len(known) >= MOST_VARIANTS:
            return lower(ctx, frame, item, number, rules)
        watched = _Watched(ctx)
        found, slots = len(ctx.found), ctx.slots
        made = lower(watched, frame, item, number, rules)
        if len(ctx.found) > found or watched.lost:
            # Perhaps another organisation has better luck; but not for ever.
            known.append(_NEVER)
            return made
        known.append(watched.field(made, slots))
        return made

    def _frame(self, frame: Frame) -> int:
        """A number that equal frames share."""
        shape = (frame.position, frame.echo, *frame.names, len(frame.facts.present))
        alike = self._frames.setdefault(shape, [])
        for number, other in alike:
            if other is frame or other == frame:
                return number
        self._count += 1
        alike.append((self._count, frame))
        return self._count


_NEVER: Final = _Field(-1, (), (), (), (), (), (), (), cast(Made, None), 0, (), (), ())


def _as_it_was(ctx: Context, field: _Field) -> bool:
    """Whether everything that was read would be read again."""
    if field.slots != ctx.slots and (field.taken or field.slots < 0):
        return False
    settings = ctx.settings
    for key, setting, declared in field.config:
        now = settings.setting(key)
        if (now is None) is not (setting is None) or settings.declared(key) != declared:
            return False
        if now is None:
            if settings.is_broken(key):
                return False
        elif setting is not None and (now.type != setting.type or now.value != setting.value):
            return False
    for place, limit in field.limits:
        if settings.limit(place) != limit:
            return False
    for allow, there in field.allowed:
        if (allow in ctx.allowed) is not there:
            return False
    for kind, name, declaration in field.declared:
        if getattr(ctx.scope, kind).get(name) is not declaration:
            return False
    fresh = 0
    for table, inverse, number, _ in field.tables:
        have = ctx.table_numbers.get((table.name, inverse))
        if have is None:
            if number != len(ctx.tables) + fresh:
                return False
            fresh += 1
        elif have != number:
            return False
    return _same_numbers(ctx.functions, field.functions) and _same_numbers(ctx.patterns, field.patterns)


def _same_numbers(have: list[str], wanted: tuple[tuple[str, int], ...]) -> bool:
    fresh = 0
    for name, number in wanted:
        if number < len(have):
            if have[number] != name:
                return False
        elif name in have or number != len(have) + fresh:
            return False
        else:
            fresh += 1
    return True


def _done_again(ctx: Context, field: _Field) -> None:
    """What lowering does beside its result."""
    ctx.slots += field.taken
    for name, _ in field.functions:
        if name not in ctx.functions:
            ctx.functions.append(name)
    for name, _ in field.patterns:
        if name not in ctx.patterns:
            ctx.patterns.append(name)
    for table, inverse, _, data in field.tables:
        ctx.table(table, inverse, lambda _ctx, _table, _inverse, data=data: data)  # type: ignore[misc]
    ctx.used_keys.update(key for key, _, _ in field.config)
    ctx.used_formats.update(field.used_formats)
    ctx.used_tables.update(field.used_tables)
    ctx.used_allows.update(field.used_allows)


class _Watched(Context):
    """A context that writes down what is read of it and done to it. What it has no member for is looked up in the context it
    stands before, and the result is `lost` for remembering."""

    _OWN: Final = frozenset({"at", "in_condition", "lost", "_real", "_read"})

    def __init__(self, real: Context) -> None:
        for name, value in (("_real", real), ("_read", _Read()), ("lost", False), ("at", real.at), ("in_condition", 0)):
            object.__setattr__(self, name, value)

    def __getattr__(self, name: str) -> Any:
        object.__setattr__(self, "lost", True)
        return getattr(self._real, name)

    def __setattr__(self, name: str, value: object) -> None:
        if name in self._OWN:
            object.__setattr__(self, name, value)
        else:
            object.__setattr__(self, "lost", True)
            setattr(self._real, name, value)

    def lose(self) -> None:
        """Something was done that is not written down."""
        object.__setattr__(self, "lost", True)

    # -- read

    @property
    def scope(self) -> Any:  # type: ignore[override]
        """Declarations: which were asked for is written down."""
        return _Declarations(self)

    @property
    def model(self) -> Any:
        """The data model; a rule is remembered for one."""
        return self._real.model

    @property
    def profile(self) -> Any:  # type: ignore[override]
        """The structure tables; a rule is remembered for one version."""
        return self._real.profile

    @property
    def direction(self) -> Any:  # type: ignore[override]
        """A rule is remembered for one direction."""
        return self._real.direction

    @property
    def not_sent(self) -> Any:  # type: ignore[override]
        """A rule is remembered for one set of them."""
        return self._real.not_sent

    @property
    def settings(self) -> Any:  # type: ignore[override]
        """The organisation: only limits may be asked for."""
        return _Limits(self)

    @property
    def allowed(self) -> Any:  # type: ignore[override]
        """Allows: which were asked for is written down."""
        return _Allows(self)

    @property
    def written(self) -> Any:  # type: ignore[override]
        """Who wrote what; what a rule asks for, it wrote itself."""
        return self._real.written

    @property
    def own(self) -> bool:
        """A rule that is remembered is nobody's own."""
        return False

    def config(self, node: ast.Ref) -> Typed:
        """A config value is written down; one that differs between environments is more than a value."""
        key = node.names[1:]
        self._real.in_condition, before = self.in_condition, self._real.in_condition
        typed: Typed = self._real.config(node)
        self._real.in_condition = before
        if not key or key[0] == "environment" or not typed.known:
            self.lose()
        else:
            settings = self._real.settings
            self._read.config.append((key, settings.setting(key), settings.declared(key)))
        return typed

    # -- done

    def slot(self, count: int = 1) -> int:
        """Slots are taken again, from the same number on."""
        self._read.taken += count
        first: int = self._real.slot(count)
        return first

    def function(self, key: str) -> int:
        """Functions are numbered again."""
        number: int = self._real.function(key)
        self._read.functions[key] = number
        return number

    def table(self, table: ast.Table, inverse: bool, make: Callable[[Context, ast.Table, bool], ops.Table]) -> int:
        """Tables are numbered again, but only those that nothing is wrong with: findings belong to who uses a table first."""
        number: int = self._real.table(table, inverse, make)
        data = made_before(self._real, table, inverse)
        if (
            data is None
            or data is not self._real.tables[number]
            or self._real.scope.tables.get(table.name) is not table
        ):
            self.lose()
        else:
            self._read.declared.append(("tables", table.name, table))
            self._read.tables[table.name, inverse] = (table, inverse, number, data)
        return number

    @property
    def tables(self) -> Any:  # type: ignore[override]
        """The tables of the plan; a rule reads those it has asked for."""
        return self._real.tables

    def pattern(self, text: str) -> int:
        """Patterns are numbered again."""
        number: int = self._real.pattern(text)
        self._read.patterns[text] = number
        return number

    def note(self, op: ops.Op, place: Span | None = None) -> None:
        """With a memory nobody asks who wrote what."""

    def note_instead(self, op: ops.Op, of: ops.Op) -> None:
        """The same."""

    @property
    def used_formats(self) -> Any:  # type: ignore[override]
        """Added to, again."""
        return _Added(self, self._real.used_formats, self._read.used_formats)

    @property
    def used_tables(self) -> Any:  # type: ignore[override]
        """Added to, again."""
        return _Added(self, self._real.used_tables, self._read.used_tables)

    @property
    def used_allows(self) -> Any:  # type: ignore[override]
        """Added to, again."""
        return _Added(self, self._real.used_allows, self._read.used_allows)

    def field(self, made: Made, slots: int) -> _Field:
        """What is remembered."""
        read = self._read
        return _Field(
            slots, tuple(read.functions.items()), tuple(read.patterns.items()), tuple(read.tables.values()),
            tuple(read.config), tuple(read.declared), tuple(dict.fromkeys(read.limits)),
            tuple(dict.fromkeys(read.allowed)), made, read.taken, tuple(read.used_formats), tuple(read.used_tables),
            tuple(read.used_allows),
        )  # fmt: skip


class _Read:
    """What was read and done so far."""

    def __init__(self) -> None:
        self.functions: dict[str, int] = {}
        self.patterns: dict[str, int] = {}
        self.tables: dict[tuple[str, bool], tuple[ast.Table, bool, int, ops.Table]] = {}
        self.config: list[tuple[tuple[str, ...], Setting | None, Declared | None]] = []
        self.declared: list[tuple[str, object, object]] = []
        self.limits: list[tuple[str, tuple[str, int] | None]] = []
        self.allowed: list[tuple[tuple[str, str], bool]] = []
        self.taken = 0
        self.used_formats: list[tuple[str, str]] = []
        self.used_tables: list[str] = []
        self.used_allows: list[tuple[str, str]] = []


class _Declarations:
    """`ctx.scope`: tables and formats by name."""

    def __init__(self, watched: _Watched) -> None:
        self._watched = watched

    @property
    def tables(self) -> _Named:
        """Tables."""
        return _Named(self._watched, "tables")

    @property
    def formats(self) -> _Named:
        """Formats."""
        return _Named(self._watched, "formats")

    @property
    def model(self) -> Any:
        """The data model."""
        return self._watched.model

    def __getattr__(self, name: str) -> Any:
        self._watched.lose()
        return getattr(self._watched._real.scope, name)


class _Named:
    """Declarations of one kind: each that is asked for is written down, and so is that there is none."""

    def __init__(self, watched: _Watched, kind: str) -> None:
        self._watched = watched
        self._kind = kind
        self._all: dict[Any, Any] = getattr(watched._real.scope, kind)

    def get(self, name: Any, default: Any = None) -> Any:
        """The declaration of a name."""
        found = self._all.get(name)
        self._watched._read.declared.append((self._kind, name, found))
        return default if found is None else found

    def __contains__(self, name: object) -> bool:
        return self.get(name) is not None

    def __getitem__(self, name: Any) -> Any:
        found = self.get(name)
        if found is None:
            raise KeyError(name)
        return found

    def __iter__(self) -> Iterator[Any]:
        self._watched.lose()
        return iter(self._all)

    def __len__(self) -> int:
        self._watched.lose()
        return len(self._all)

    def __getattr__(self, name: str) -> Any:
        self._watched.lose()
        return getattr(self._all, name)


class _Limits:
    """`ctx.settings`: limits are written down, nothing else is to be asked for."""

    def __init__(self, watched: _Watched) -> None:
        self._watched = watched

    def limit(self, place: str) -> tuple[str, int] | None:
        """The limit of a place."""
        found: tuple[str, int] | None = self._watched._real.settings.limit(place)
        self._watched._read.limits.append((place, found))
        return found

    def __getattr__(self, name: str) -> Any:
        self._watched.lose()
        return getattr(self._watched._real.settings, name)


class _Allows:
    """`ctx.allowed`: whether a deviation is allowed is written down."""

    def __init__(self, watched: _Watched) -> None:
        self._watched = watched

    def __contains__(self, allow: object) -> bool:
        there = allow in self._watched._real.allowed
        self._watched._read.allowed.append((cast("tuple[str, str]", allow), there))
        return there

    def __iter__(self) -> Iterator[tuple[str, str]]:
        self._watched.lose()
        return iter(self._watched._real.allowed)

    def __len__(self) -> int:
        self._watched.lose()
        return len(self._watched._real.allowed)

    def __getattr__(self, name: str) -> Any:
        self._watched.lose()
        return getattr(self._watched._real.allowed, name)


class _Added:
    """A set that is added to; reading it is not written down."""

    def __init__(self, watched: _Watched, real: set[Any], log: list[Any]) -> None:
        self._watched = watched
        self._real = real
        self._log = log

    def add(self, item: Any) -> None:
        """One more."""
        self._real.add(item)
        self._log.append(item)

    def __contains__(self, item: object) -> bool:
        self._watched.lose()
        return item in self._real

    def __iter__(self) -> Iterator[Any]:
        self._watched.lose()
        return iter(self._real)

    def __len__(self) -> int:
        self._watched.lose()
        return len(self._real)

    def __getattr__(self, name: str) -> Any:
        self._watched.lose()
        return getattr(self._real, name)
