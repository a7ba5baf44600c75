"""Values and conditions of the mapping language, straight from the syntax tree and docs/reference/language.

One recursive function for each: no types, no plan, nothing worked out beforehand. What cannot be had raises `Fault`; where several
values stand beside each other (the lines of a format, the parts of a composite) each fault is noted and the rest is still looked at.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from segwright.lang import ast
from segwright.lang.scope import Scope
from segwright.orgs.organisation import Organisation
from tests.oracle import formats
from tests.oracle.frames import Formatted, Frame, Leaf, Name, Repetition, came_in, missing
from tests.oracle.narratives import narrate
from tests.oracle.values import NULL, Fault, Measure, Received, Time, printed

Problem = tuple[str, str]
"""A kind and the address of the rule."""


class Evaluator:
    """Evaluates for one organisation and environment. `counted` says how many segments of a name were written."""

    def __init__(
        self, scope: Scope, organisation: Organisation, environment: str, counted: Callable[[ast.Count], int]
    ) -> None:
        self.scope = scope
        self.organisation = organisation
        self.environment = environment
        self.counted = counted
        self.problems: list[Problem] = []

    # --- values ------------------------------------------------------------------------------------------------------

    def value(self, node: ast.Value, frame: Frame, place: str) -> Any:
        """The value of an expression."""
        match node:
            case ast.Text():
                return node.value
            case ast.Number():
                return Decimal(node.digits) if "." in node.digits else int(node.digits)
            case ast.Blank():
                return None
            case ast.Null():
                return NULL
            case ast.Hold():
                return Repetition(held=True)
            case ast.Place():
                return frame.position
            case ast.Count():
                return self.counted(node)
            case ast.Inherited():
                return frame.inherited
            case ast.Ref():
                return self.named(node.names, frame, place)
            case ast.Interpolation():
                return self.interpolation(node, frame, place)
            case ast.Each():
                return [
                    element.names[node.variable].value for element in self.chosen(node.variable, node.of, frame, place)
                ]
            case ast.First():
                chosen = self.chosen(node.variable, node.of, frame, place)
                return chosen[0].names[node.variable].value if chosen else None
            case ast.Else():
                found = self.value(node.value, frame, place)
                return self.value(node.other, frame, place) if missing(found) else found
            case ast.Ladder():
                rung = self.rung(node.alternatives, frame, place)
                return None if rung is None else self.value(rung.value, frame, place)
            case ast.Composite():
                return self.composite(node, frame, place)
            case ast.Via():
                table, _, column = str(node.table).partition(".")
                return self.each(
                    self.value(node.value, frame, place),
                    place,
                    lambda key: self.lookup(table, column, (key,), node.on_unmapped, frame, place, node.value),
                )
            case ast.As():
                return self.formatted(node, frame, place)
            case ast.Call():
                return self.call(node, frame, place)
            case ast.TextCall():
                return self.narrative(node, frame, place)
        raise AssertionError(f"no value when writing: {node}")

    def each(self, value: Any, place: str, change: Callable[[Any], Any]) -> Any:
        """A step on a value, or on every element of a list. What is missing stays missing, null stays null."""
        if not isinstance(value, list):
            return value if value is None or value is NULL else change(value)
        made = []
        for each in value:
            try:
                made.append(self.each(each, place, change))
            except Fault as fault:
                self.note(fault, place)
                made.append(Repetition({(1, 1): Leaf(None, True, place, broken=True)}))
        return [each for each in made if not missing(each)] or None

    def named(self, names: tuple[str, ...], frame: Frame, place: str) -> Any:
        """A path: of something bound, of org.yaml, or a bare word such as the value of an enum."""
        bound = frame.names.get(names[0])
        if bound is None:
            if names[0] == "org":
                found = self.organisation.value(names[1:], self.environment)
                return None if found is None else list(found.value) if isinstance(found.value, tuple) else found.value
            assert len(names) == 1, names
            return names[0]
        value = bound.value
        if bound.node is not None:
            assert bound.where is not None
            try:
                value = self.value(bound.node, bound.where, bound.place or place)
            except Fault as fault:
                if bound.place:
                    self.note(fault, bound.place)
                    raise Fault(fault.kind, noted=True) from None
                raise
        for name in names[1:]:
            if value is None or value is NULL:
                return value
            value = value[name]
        return value

    def interpolation(self, node: ast.Interpolation, frame: Frame, place: str) -> Any:
        """A text with values in it; missing when one of them is. One that begins with null is null, another has no null in it."""
        texts: list[str] = []
        for part in node.parts:
            found = self.value(part, frame, place)
            if found is None:
                return None
            if found is NULL:
                if not texts:
                    return found
                raise Fault("null")
            texts.append(printed(found))
        return "".join(texts)

    def composite(self, node: ast.Composite, frame: Frame, place: str) -> Repetition:
        """Components beside each other; those in parentheses are subcomponents."""
        made = Repetition()
        for number, part in enumerate(node.parts, 1):
            leaf = self.leaf(part, frame, place, came_in(part, frame))
            if isinstance(leaf.value, Repetition):
                made.leaves |= {(number, below): each for (below, _), each in leaf.value.leaves.items()}
            else:
                made.leaves[number, 1] = leaf
        return made

    def leaf(self, node: ast.Value, frame: Frame, place: str, came: bool, *, needed: bool = False) -> Leaf:
        """One value of several; a fault is noted."""
        try:
            return Leaf(self.value(node, frame, place), came, place, needed)
        except Fault as fault:
            self.note(fault, place)
            return Leaf(None, came, place, needed, broken=True)

    def note(self, fault: Fault, place: str) -> None:
        """Takes a fault down, once."""
        if not fault.noted:
            self.problems.append((fault.kind, place))

    def chosen(self, variable: str, of: ast.Selection, frame: Frame, place: str) -> list[Frame]:
        """A frame for each element that is wanted, in the order that is wanted."""
        source = self.value(of.source, frame, place)
        came = came_in(of.source, frame)
        frames = [frame.with_(**{variable: Name(element, came)}) for element in source or ()]
        if of.where is not None:
            where = of.where
            frames = [each for each in frames if self.holds(where, each, place)]
        if of.ordered_by is not None:
            by = of.ordered_by
            keyed = [(self.value(by, each, place), each) for each in frames]
            there = sorted((one for one in keyed if one[0] is not None), key=lambda one: one[0])
            frames = [each for _, each in [*there, *(one for one in keyed if one[0] is None)]]
        return frames

    def rung(self, alternatives: tuple[ast.Alternative, ...], frame: Frame, place: str) -> ast.Alternative | None:
        """The first alternative that applies."""
        for each in alternatives:
            if each.when is None or self.holds(each.when, frame, place):
                return each
        return None

    # --- tables ------------------------------------------------------------------------------------------------------

    def lookup(
        self, name: str, column: str, keys: tuple[Any, ...], unmapped: ast.Value | None, frame: Frame, place: str,
        source: object,
    ) -> Any:  # fmt: skip
        """A cell of a table."""
        table = self.scope.tables[name]
        number = next((n for n, each in enumerate(table.columns) if each.name == column), 0)
        for key in keys:
            if key is None or key is NULL:
                return key
        out = [row for row in table.rows if row.arrow != "<-"]
        rows = [row for row in out if not row.otherwise and row.key == tuple(map(str, keys))]
        rows += [row for row in out if row.otherwise]
        if not rows:
            if unmapped is None:
                raise Fault("unmapped")
            return keys[0] if unmapped == ast.Ref(("same",), unmapped.span) else self.value(unmapped, frame, place)
        cell = rows[0].cells[number]
        if cell.word == "error":
            raise Fault("error_row")
        if cell.word == "same":
            return keys[0]
        parts = [self.value(part, frame, place) for part in cell.parts]
        if table.columns[number].type in ("text", "integer", "decimal", "boolean", ""):
            return parts[0]
        if parts == [None]:
            return None
        came = came_in(source, frame)
        return Repetition({(n, 1): Leaf(part, came and part is not None, place) for n, part in enumerate(parts, 1)})

    # --- formats and functions -----------------------------------------------------------------------------------------

    def formatted(self, node: ast.As, frame: Frame, place: str) -> Any:
        """`value as format`."""
        value = self.value(node.value, frame, place)
        declared = self.scope.formats.get((node.format, "as"))
        if declared is not None:
            if isinstance(value, list):
                return [self.declared(declared, each, frame, place) for each in value]
            return self.declared(declared, value, frame, place)
        if node.format == "ft":
            return self.each(value, place, Formatted)
        arguments = self.arguments(node.arguments, frame, place)

        def convert(one: Any) -> Any:
            try:
                return self.convert(node.format, one, arguments)
            except Fault:
                if node.on_invalid is None:
                    raise
                return self.value(node.on_invalid, frame, place)

        return self.each(value, place, convert)

    def declared(self, declared: ast.Format, value: Any, frame: Frame, place: str) -> Repetition:
        """A record in components, of none nothing. Inside, only the record and org.yaml are known."""
        inside = Frame({declared.parameter.name: Name(value), **_runtime(frame)})
        made = Repetition()
        for line in declared.rules:
            assert isinstance(line.target, ast.ComponentPath)
            address = f"{place}{line.target}"
            came = came_in(line.alternatives, inside)
            at = (line.target.component, line.target.subcomponent or 1)
            if value is None:
                made.leaves[at] = Leaf(None, came, address)
                continue
            try:
                rung = self.rung(line.alternatives, inside, address)
                needed = rung is not None and self.must(rung.duty, inside, address)
            except Fault as fault:
                self.note(fault, address)
                made.leaves[at] = Leaf(None, came, address, broken=True)
                continue
            leaf = (
                Leaf(None, came, address)
                if rung is None
                else self.leaf(rung.value, inside, address, came, needed=needed)
            )
            made.leaves[at] = leaf
        return made

    def must(self, duty: ast.Duty, frame: Frame, place: str) -> bool:
        """Whether a duty requires a value."""
        return duty.kind == "required" and (duty.condition is None or self.holds(duty.condition, frame, place))

    def arguments(self, given: tuple[ast.Argument, ...], frame: Frame, place: str) -> dict[str | int, Any]:
        """Arguments by name, unnamed ones by number."""
        return {each.name or number: self.value(each.value, frame, place) for number, each in enumerate(given)}

    def setting(self, *key: str) -> Any:
        """A value of org.yaml."""
        found = self.organisation.value(key, self.environment)
        return None if found is None else found.value

    def convert(self, name: str, value: Any, given: dict[str | int, Any]) -> Any:
        """A built-in format."""
        if name in ("dtm", "date"):
            zone = given.get("in", self.setting("times", "zone"))
            if name == "date":
                return formats.date(value, given.get("precision", given.get(0, "day")), zone)
            return formats.dtm(
                value, given.get("precision", given.get(0)) or self.setting("times", "precision"), zone,
                _yes(given.get("offset", self.setting("times", "offset"))),
                given.get("ambiguous", self.setting("times", "ambiguous")),
            )  # fmt: skip
        match name:
            case "number" if not isinstance(value, str):
                return formats.number(value, given.get("places"), given.get("unit"))
            case "integer":
                return str(value)
            case "icd10":
                return formats.icd10(value, _yes(given["dots"]))
            case "text":
                return formats.held(value, given.get("max"), given.get("over", "error"))
            case "check_digit":
                return formats.check_digit(value, given["scheme"])
            case "plain" | "digits" | "ucum" | "base64":
                return getattr(formats, name)(value)
        return self.from_library(name, value, given)

    def call(self, node: ast.Call, frame: Frame, place: str) -> Any:
        """A function, or a lookup written as one."""
        given = self.arguments(node.arguments, frame, place)
        table, _, column = str(node.name).partition(".")
        if table in self.scope.tables:
            return self.lookup(table, column, tuple(given.values()), None, frame, place, node.arguments)
        first, *others = given.values()
        if table == "join":
            return formats.join(first, *others)
        if first is None or first is NULL:
            return first
        if any(each is NULL for each in others):
            raise Fault("null")
        match table:
            case "quantity_of":
                return formats.quantity_of(Decimal(first), given["unit"], given.get("comparator"))
            case "npi_valid":
                return formats.npi_valid(first)
            case "lines":
                return formats.lines(first, given["width"]) or None
        return self.from_library(table, first, {key: value for key, value in given.items() if key != 0})

    def from_library(self, name: str, subject: Any, given: dict[str | int, Any]) -> Any:
        """What is not written here, as the library has it. Arguments that are not given are those of org.yaml, or the usual ones."""
        record = formats.record(name, subject)
        unnamed = [value for key, value in given.items() if isinstance(key, int)]
        arguments = []
        for number, each in enumerate(record.parameters):
            value = unnamed[number] if number < len(unnamed) else given.get(each.name, each.default)
            arguments.append(self.setting(*each.config.split(".")) if value is None and each.config else value)
        return formats.called(record, subject, arguments)

    def narrative(self, node: ast.TextCall, frame: Frame, place: str) -> str | None:
        """A text that people read."""
        declared = self.scope.narratives[node.name]
        names = {}
        if declared.parameter is not None:
            names[declared.parameter.name] = Name(self.value(node.arguments[0].value, frame, place))
        text = narrate(declared, Frame(names), self)
        text = re.sub("\r\n|\r", "\n", text)
        return text.strip("\n") if text.strip() else None

    # --- conditions --------------------------------------------------------------------------------------------------

    def holds(self, node: ast.Condition, frame: Frame, place: str) -> bool:
        """Whether a condition holds."""
        match node:
            case ast.AnyOf():
                return any(self.holds(each, frame, place) for each in node.conditions)
            case ast.AllOf():
                return all(self.holds(each, frame, place) for each in node.conditions)
            case ast.Not():
                return not self.holds(node.condition, frame, place)
            case ast.Is():
                left, right = (self.value(each, frame, place) for each in (node.left, node.right))
                return same(left, right) is not node.negated
            case ast.State():
                return self.state(node, frame, place) is not node.negated
            case ast.Compare():
                left, right = (self.value(each, frame, place) for each in (node.left, node.right))
                return ordered(left, node.operator, right)
            case ast.Between():
                value, low, high = (self.value(each, frame, place) for each in (node.value, node.low, node.high))
                return ordered(value, "at least", low) and ordered(value, "at most", high)
            case ast.In():
                members = [self.value(each, frame, place) for each in node.members]
                if not node.listed:
                    members = members[0] or []
                value = self.value(node.value, frame, place)
                return any(same(value, each) for each in members) is not node.negated
            case ast.Matches():
                value, pattern = (self.value(each, frame, place) for each in (node.value, node.pattern))
                return value is not None and value is not NULL and bool(re.fullmatch(pattern, value))
            case ast.Holds():
                return self.value(node.value, frame, place) is True
        raise AssertionError(f"no condition: {node}")

    def state(self, node: ast.State, frame: Frame, place: str) -> bool:
        """`is present`, `is missing`, …"""
        if node.state in ("first", "last"):
            return frame.position == (1 if node.state == "first" else frame.turns)
        value = self.value(node.value, frame, place)
        match node.state:
            case "present":
                return not missing(value)
            case "missing":
                return missing(value)
            case "null":
                return value is NULL or (isinstance(value, Received) and value.text == '""')
        assert isinstance(node.value, ast.Ref)
        before = frame.names.get("previous")
        if before is None or before.value is None:
            return False
        names = {**frame.names, node.value.names[0]: before}
        return bool(self.value(node.value, Frame(names), place) != value)


def same(left: Any, right: Any) -> bool:
    """Both are there and equal."""
    if left is None or right is None:
        return False
    if isinstance(left, Measure) and isinstance(right, Measure):
        return formats.in_unit(left, right.unit) == right.number and left.comparator == right.comparator
    return bool(left == right)


def ordered(left: Any, operator: str, right: Any) -> bool:
    """How two numbers or quantities lie to each other; false when one is missing."""
    if left is None or right is None or left is NULL or right is NULL:
        return False
    if isinstance(left, Measure) and isinstance(right, Measure):
        if left.comparator or right.comparator:
            raise Fault("incomparable")
        try:
            left, right = formats.in_unit(left, right.unit), right.number
        except Fault:
            raise Fault("incomparable") from None
    if isinstance(left, Time) and isinstance(right, Time):
        raise AssertionError("times are not compared in these mappings")
    match operator:
        case "above":
            return bool(left > right)
        case "below":
            return bool(left < right)
        case "at least":
            return bool(left >= right)
    return bool(left <= right)


def _yes(value: Any) -> bool:
    return value in (True, "yes")


def _runtime(frame: Frame) -> dict[str, Name]:
    """What is known inside of formats and parts, too."""
    return {name: frame.names[name] for name in ("message",) if name in frame.names}
