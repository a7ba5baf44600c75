"""The state of lowering one mapping for one organisation: slots, the plan's own tables, findings, and who wrote what.

Everything that is numbered in a plan is numbered here, in order of first use, so that the same mapping gives the same plan.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

import msgspec

from segwright.core.diagnostic import Diagnostic, Label, Severity, diagnostic
from segwright.core.source import Span
from segwright.core.suggest import nearest, shown
from segwright.lang import ast
from segwright.lang.flat import Origin
from segwright.lang.scope import Scope
from segwright.lang.settings import Settings
from segwright.lang.typed import UNKNOWN, Typed, broken
from segwright.plan import ops
from segwright.plan.model import Model, Type, scalar
from segwright.profiles import Profile

if TYPE_CHECKING:
    from segwright.lang.remembered import Memory


class Written(msgspec.Struct, frozen=True):
    """Who wrote an operation: its rule's origin, and the address people know it by. `line` is the line of a declared format that
    the rule went through, `format` that format's name."""

    origin: Origin
    address: str
    format: str = ""
    line: Span | None = None


def marker(key: tuple[str, ...]) -> str:
    """What stands in a plan for a value of the environment until it is emitted: private characters no text can hold."""
    return "\ue000" + ".".join(key) + "\ue001"


class Context:
    """Collects what lowering makes. One for each mapping and organisation."""

    def __init__(
        self, scope: Scope, settings: Settings, profile: Profile, direction: Literal["writes", "reads"], message: str
    ) -> None:
        self.scope = scope
        self.settings = settings
        self.profile = profile
        self.direction = direction
        self.message = message
        self.found: list[Diagnostic] = []
        self.slots = 0
        self.functions: list[str] = []
        self.patterns: list[str] = []
        self.tables: list[ops.Table] = []
        self.table_numbers: dict[tuple[str, bool], int] = {}
        self.narratives: list[ops.Narrative] = []
        self.narrative_numbers: dict[str, int] = {}
        self.used_keys: set[tuple[str, ...]] = set()
        self.used_tables: set[str] = set()
        self.used_formats: set[tuple[str, str]] = set()
        self.used_narratives: set[str] = set()
        self.written: dict[int, Written] = {}
        self.places: dict[int, Span] = {}
        self.kept: list[ops.Op] = []
        self.at: Written | None = None
        self.allowed: dict[tuple[str, str], Origin] = {}
        self.used_allows: set[tuple[str, str]] = set()
        self.asks_previous = False
        self.environment_values: dict[tuple[str, ...], dict[str, str]] = {}
        self.environment_bound = False
        self.in_condition = 0
        self.loop_sources: dict[tuple[str, ...], tuple[str, ...]] = {}
        self.not_sent: frozenset[str] = frozenset()
        self.part = ""
        self.below: dict[str, Span] = {}  # what `let` names further down, where it cannot be used yet
        self.memory: Memory | None = None

    @property
    def model(self) -> Model:
        """The data model."""
        return self.scope.model

    # -- findings

    def report(
        self, code: str, span: Span, /, *labels: Label, severity: Severity = Severity.ERROR, **facts: object
    ) -> None:
        """Adds a finding about this organisation."""
        self.found.append(diagnostic(code, span, *labels, organisation=self.settings.id, severity=severity, **facts))

    def fail(self, code: str, span: Span, /, *labels: Label, **facts: object) -> Typed:
        """Adds a finding and gives the value that stands for what is wrong."""
        self.found.append(diagnostic(code, span, *labels, organisation=self.settings.id, **facts))  # type: ignore[arg-type]
        return broken(span)

    @property
    def own(self) -> bool:
        """Whether the line being lowered is this organisation's own, rather than one it shares with others."""
        return self.at is None or self.at.origin.layer == self.settings.id

    def blamed(self, span: Span) -> bool:
        """Whether something inside a span has been found already: what follows from it is not told."""
        return any(
            d.span.file == span.file and span.start <= d.span.start and d.span.end <= span.end for d in self.found
        )

    # -- numbering

    def slot(self, count: int = 1) -> int:
        """The first of `count` new slots."""
        first = self.slots
        self.slots += count
        return first

    def function(self, key: str) -> int:
        """The number of a built-in in this plan."""
        if key not in self.functions:
            self.functions.append(key)
        return self.functions.index(key)

    def table(self, table: ast.Table, inverse: bool, make: Callable[[Context, ast.Table, bool], ops.Table]) -> int:
        """The number of a table, or of its inverse, in this plan; `make` makes it on first use."""
        key = (table.name, inverse)
        if key not in self.table_numbers:
            self.used_tables.add(table.name)
            self.table_numbers[key] = len(self.tables)
            self.tables.append(make(self, table, inverse))
        return self.table_numbers[key]

    def pattern(self, text: str) -> int:
        """The number of a pattern in this plan."""
        if text not in self.patterns:
            self.patterns.append(text)
        return self.patterns.index(text)

    # -- who wrote what

    def note(self, op: ops.Op, place: Span | None = None) -> None:
        """Remembers that the rule being lowered wrote `op`, and which words of it did (`place`)."""
        at, number = self.at, id(op)
        if at is None or self.memory is not None:
            return
        if number not in self.written:
            self.written[number] = at
            self.kept.append(op)
        if place is not None and place.file:
            self.places.setdefault(number, place)

    def note_instead(self, op: ops.Op, of: ops.Op) -> None:
        """Remembers `op` as what stands for `of` now, at the same place."""
        self.note(op, self.places.get(id(of)))

    # -- configuration

    def config(self, node: ast.Ref) -> Typed:
        """`org.K`: the organisation's value as a constant."""
        key = node.names[1:]
        said = str(node)
        declared = self.settings.declared(key) if key else None
        if declared is None:
            known = [".".join(("org", *k)) for k in sorted(self.settings.keys())]
            group = [f"`{name}`" for name in sorted(known) if name.startswith(f"{said}.")]
            return self.fail(
                "SW0203",
                node.span,
                name=said,
                nearest="" if group else nearest(said, known),
                group=group,
                fresh="" if group else said,
            )
        self.used_keys.add(key)
        if key[0] == "environment":
            if self.in_condition:
                return self.fail("SW0344", node.span, name=said)
            marked = self._marked(key, node)
            if marked is not None:
                return marked
        type_ = self.type_named(declared.type, node.span)
        setting = self.settings.setting(key)
        soft = not declared.required
        if setting is None and self.settings.is_broken(key):
            return broken(node.span)
        if setting is None:
            return Typed(
                ops.Const("blank"),
                type_,
                maybe=True,
                soft=True,
                key=("org", *key),
                constants=(),
                depends=False,
                absent_key=said,
                said=said,
                span=node.span,
            )
        # Only an enum has values that a list can get wrong; the places of items are asked for when they can matter.
        listed = type_.of is not None and type_.of.kind == "enum"
        items_at = self.settings.items_at(key) if listed else ()
        op, constants = self._constant(setting.value, type_, setting.span, items_at)
        return Typed(
            op, type_, soft=soft, key=("org", *key), constants=constants, depends=False, said=said, span=node.span
        )

    def _marked(self, key: tuple[str, ...], node: ast.Ref) -> Typed | None:
        """A text that differs between environments: a marker now, each environment's value when the plan is emitted."""
        given = {name: self.settings.setting_in(name, key) for name in self.settings.environments}
        if any(s is None or s.type != "text" or not isinstance(s.value, str) for s in given.values()):
            self.environment_bound = True
            return None
        values = {name: str(setting.value) for name, setting in given.items() if setting is not None}
        self.environment_values[key] = values
        op = ops.Const("text", marker(key))
        return Typed(
            op,
            scalar("text"),
            key=("org", *key),
            constants=tuple(dict.fromkeys(values.values())),
            depends=False,
            said=str(node),
            span=node.span,
        )

    def in_each_environment(self, text: str) -> tuple[str, ...]:
        """What a text with markers in it is in each environment; itself when it has none."""
        marked = [key for key in self.environment_values if marker(key) in text]
        texts = []
        for environment in self.settings.environments if marked else ():
            there = text
            for key in marked:
                there = there.replace(marker(key), self.environment_values[key][environment])
            texts.append(there)
        return tuple(dict.fromkeys(texts)) or (text,)

    def _constant(
        self, value: object, type_: Type, span: Span, items_at: tuple[Span, ...] = ()
    ) -> tuple[ops.Value, tuple[str, ...] | None]:
        """A value of org.yaml. `items_at`: where the items of a list stand, when they can be wrong."""
        if isinstance(value, tuple) and type_.of is not None:
            items = []
            for item, place in zip(value, items_at or [span] * len(value), strict=True):
                op, _ = self._constant(item, type_.of, place)
                if isinstance(op, ops.Const):
                    items.append(op)
            return ops.Listed(tuple(items)), tuple(item.value for item in items)
        if type_.kind == "enum" and str(value) not in self.model.enums[type_.name]:
            values = self.model.enums[type_.name]
            words = str(value).split()
            several = len(words) > 1 and set(words) <= set(values)
            self.report(
                "SW0750",
                span,
                value=str(value),
                enum=type_.name,
                commas=", ".join(words) if several else "",
                nearest="" if several else nearest(str(value), values),
                known=shown(values),
            )
        if isinstance(value, bool):
            return ops.Const("boolean", "true" if value else "false"), None
        kind: Literal["text", "integer", "decimal"] = "text"
        if type_.name in ("integer", "decimal"):
            kind = "integer" if type_.name == "integer" else "decimal"
        return ops.Const(kind, str(value)), (str(value),)

    def type_named(self, text: str, span: Span) -> Type:
        """A type by its text, as schemas and built-ins write it: `list of text`, `optional text`, `MeasurementKind`."""
        if text.startswith("optional "):
            return self.type_named(text[9:], span)
        if text.startswith("list of "):
            return Type("list", of=self.type_named(text[8:], span))
        if text in self.model.enums:
            return Type("enum", text)
        if text in self.model.records:
            return Type("record", text)
        return scalar(text)

    def possible(self, typed: Typed, facts_values: frozenset[str] | None) -> tuple[str, ...] | None:
        """The texts a value can be: constants, or what is left of its enum."""
        if typed.constants is not None:
            return typed.constants
        if typed.type.kind == "enum":
            every = self.model.enums.get(typed.type.name, ())
            return tuple(v for v in every if facts_values is None or v in facts_values)
        return None

    def is_unknown(self, type_: Type) -> bool:
        """Whether a type stands for something already reported."""
        return type_ is UNKNOWN or type_.name == "unknown"
