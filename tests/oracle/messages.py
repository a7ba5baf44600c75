"""Whole messages: segments, loops and parts in the order of the lines, as docs/reference/language has them.

`write` takes a mapping after its overlays, with tables, formats and texts, an organisation, and the inputs as plain values; gives
the bytes, or every reason why there are none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from segwright.lang import ast
from segwright.lang.flat import FlatCheck, FlatLet, FlatLoop, FlatMapping, FlatRule, FlatSegment, FlatUse, Item
from segwright.lang.scope import Scope
from segwright.orgs.organisation import Organisation
from tests.oracle.evaluate import Evaluator, Problem
from tests.oracle.frames import Frame, Leaf, Name, Repetition, came_in, missing
from tests.oracle.values import Fault, Received
from tests.oracle.wire import Wire


@dataclass(frozen=True)
class Written:
    """A message, or what stands against it."""

    data: bytes
    problems: frozenset[Problem]


def write(
    mapping: FlatMapping, scope: Scope, organisation: Organisation, environment: str, inputs: dict[str, Any]
) -> Written:
    """The message of a mapping."""
    made = _Message(scope, organisation, environment)
    made.body(mapping.body, Frame({name: Name(value) for name, value in inputs.items()}))
    problems = frozenset(made.evaluator.problems)
    if problems:
        return Written(b"", problems)
    end = organisation.encoding.segment_end
    return Written("".join(line + end for _, line in made.lines).encode(organisation.encoding.codec), problems)


class _Message:
    """A message in the making: the segments written so far, by name and text."""

    def __init__(self, scope: Scope, organisation: Organisation, environment: str) -> None:
        self.wire = Wire(organisation)
        self.encoding = organisation.encoding
        self.evaluator = Evaluator(scope, organisation, environment, self.count)
        self.lines: list[tuple[str, str]] = []
        self.open = ""

    def count(self, node: ast.Count) -> int:
        """Segments of a name, the open one among them, since the last of another name."""
        names = [name for name, _ in self.lines] + [self.open]
        if node.since in names:
            names = names[len(names) - names[::-1].index(node.since) :] if node.since else names
        return names.count(node.segment) + node.start - 1

    # --- what stands in a body ---------------------------------------------------------------------------------------

    def body(self, items: tuple[Item, ...], frame: Frame) -> None:
        """Everything in its order. A `let` is known from its line on."""
        for item in items:
            match item:
                case FlatLet():
                    frame = frame.with_(
                        **{item.name: Name(None, came_in(item.value, frame), item.value, frame, f"let {item.name}")}
                    )
                case FlatUse():
                    self.part(item, frame)
                case FlatLoop():
                    self.loop(item, frame)
                case FlatSegment():
                    self.segment(item, frame)
                case FlatCheck():
                    self.check(item, frame)

    def part(self, part: FlatUse, frame: Frame) -> None:
        """A part: nothing but its parameters is known inside."""
        names = {parameter.name: Name(None, came_in(value, frame), value, frame) for parameter, value in part.bindings}
        self.body(part.body, Frame({"message": frame.names["message"], **names}))

    def loop(self, loop: FlatLoop, frame: Frame) -> None:
        """A loop, turn by turn."""
        try:
            if loop.when is not None and not self.evaluator.holds(loop.when, frame, loop.title):
                return
            turns = self.evaluator.chosen(loop.variable, loop.of, frame, loop.title)
            most = len(turns) if loop.limit is None else self.evaluator.value(loop.limit.count, frame, loop.title)
        except Fault as fault:
            self.evaluator.note(fault, loop.title)
            return
        if loop.limit is not None and len(turns) > most:
            if loop.limit.kind == "at most":
                self.problem("too_many", loop.title)
            turns = turns[:most]
        for number, turn in enumerate(turns, 1):
            self.body(loop.body, replace(turn, position=number, turns=len(turns)))

    def check(self, item: FlatCheck, frame: Frame) -> None:
        """What must hold before the message leaves."""
        place = f"check {item.check.name}"
        try:
            if not self.evaluator.holds(item.check.condition, frame, place):
                self.problem("check", place)
        except Fault as fault:
            self.evaluator.note(fault, place)

    def problem(self, kind: str, place: str) -> None:
        self.evaluator.problems.append((kind, place))

    # --- segments ----------------------------------------------------------------------------------------------------

    def segment(self, segment: FlatSegment, frame: Frame) -> None:
        """A segment, or each received one that goes back."""
        place = f"segment {segment.title}"
        try:
            if segment.when is not None and not self.evaluator.holds(segment.when, frame, place):
                return
            if segment.echo is None:
                self.made(segment, frame, None)
                return
            kept = self.evaluator.value(segment.echo, frame, place) or []
        except Fault as fault:
            self.evaluator.note(fault, place)
            return
        kept = [each for each in kept if each.text[:3] == segment.name]
        if not kept and not segment.optional:
            self.problem("not_kept", place)
        for each in kept:
            self.made(segment, frame, each)

    def made(self, segment: FlatSegment, frame: Frame, kept: Received | None) -> None:
        """One segment. What is missing in an optional one counts only when it is written."""
        self.open = segment.name
        before = len(self.evaluator.problems)
        fields: dict[int, list[Repetition]] = {}
        named: dict[tuple[int, str], Repetition] = {}
        for rule in segment.rules:
            if isinstance(rule, FlatLet):
                frame = frame.with_(
                    **{rule.name: Name(None, came_in(rule.value, frame), rule.value, frame, f"let {rule.name}")}
                )
                continue
            found = self.rule(rule, segment, frame, kept)
            target = rule.target
            assert isinstance(target, ast.Hl7Path)
            beside = named.get((target.field, target.repetition))
            if target.component and beside is not None:
                beside.leaves |= found[0].leaves
                continue
            fields.setdefault(target.field, []).extend(found)
            if target.component:
                named[target.field, target.repetition] = found[0]
        self.open = ""
        came = any(each.came for repetitions in fields.values() for each in repetitions if each.written)
        if segment.optional and kept is None and not came:
            new = self.evaluator.problems[before:]
            self.evaluator.problems[before:] = [each for each in new if each[0] != "missing"]
            return
        texts = {number: self.field(segment, number, found) for number, found in fields.items()}
        if segment.name == "MSH":
            texts[1], texts[2], texts[18] = "-", "-", self.wire.escaped(self.encoding.msh18)
        if kept is None:
            self.lines.append((segment.name, self.wire.segment(segment.name, texts)))
        else:
            self.lines.append((segment.name, self.echo(segment, kept, texts)))

    def echo(self, segment: FlatSegment, kept: Received, texts: dict[int, str]) -> str:
        """A received segment with some fields of our own."""
        place = f"segment {segment.title}"
        parts = [
            "" if number in texts else self.sent(place, self.wire.received, replace(kept, text=part))
            for number, part in enumerate(kept.text.split(kept.delimiters.field))
        ]
        ended = kept.text.endswith(kept.delimiters.field)
        last = max((number for number, text in texts.items() if text), default=0)
        parts += [""] * (last + 1 - len(parts))
        for number, text in texts.items():
            if number < len(parts):
                parts[number] = text
        while not ended and not parts[-1]:  # what a rule emptied does not leave separators behind
            parts.pop()
        return self.wire.delimiters.field.join(parts)

    # --- rules -------------------------------------------------------------------------------------------------------

    def rule(self, rule: FlatRule, segment: FlatSegment, frame: Frame, kept: Received | None) -> list[Repetition]:
        """What one rule puts into its field."""
        target = rule.target
        assert isinstance(target, ast.Hl7Path)
        place = f"{segment.label} {target}".strip()
        if kept is not None:
            frame = replace(frame, inherited=_field(kept, target.field))
        found = self.repetitions(rule, frame, place, target)
        for part in rule.parts:
            assert isinstance(part.target, ast.Hl7Path)
            for each in found:
                self.override(each, part, frame, f"{segment.label} {part.target}".strip(), part.target)
        for each in found:
            self.needed(each)
        return found

    def repetitions(self, rule: FlatRule, frame: Frame, place: str, target: ast.Hl7Path) -> list[Repetition]:
        """The repetitions that a rule's value gives, after its duty."""
        came = came_in(rule.alternatives, frame)
        at = (target.component or 1, target.subcomponent or 1)
        try:
            rung = self.evaluator.rung(rule.alternatives, frame, place)
            value = None if rung is None else self.evaluator.value(rung.value, frame, place)
            must = rung is not None and self.evaluator.must(rung.duty, frame, place)
        except Fault as fault:
            self.evaluator.note(fault, place)
            return [Repetition({at: Leaf(None, came, place, broken=True)})]
        if must and missing(value):
            self.problem("missing", place)
        return _repetitions(value, at, came, place)

    def override(self, made: Repetition, part: FlatRule, frame: Frame, place: str, target: ast.Hl7Path) -> None:
        """A component of a value that another layer wants otherwise."""
        at = (target.component, target.subcomponent or 1)
        below = made.leaves.get(at)
        inside = replace(frame, inherited=below and below.value, inherited_came=below is not None and below.came)
        came = came_in(part.alternatives, inside)
        try:
            rung = self.evaluator.rung(part.alternatives, inside, place)
            needed = rung is not None and self.evaluator.must(rung.duty, inside, place)
            leaf = Leaf(None, came, place)
            if rung is not None:
                leaf = self.evaluator.leaf(rung.value, inside, place, came, needed=needed)
                if needed and rung.duty.condition is not None and not leaf.there:
                    self.problem("missing", place)
        except Fault as fault:
            self.evaluator.note(fault, place)
            leaf = Leaf(None, came, place, broken=True)
        if not target.subcomponent:
            made.leaves = {each: one for each, one in made.leaves.items() if each[0] != target.component}
        made.leaves[at] = leaf

    def needed(self, made: Repetition) -> None:
        """Inside a format `required` means: when there is anything at all."""
        if made.written and made.came:
            for leaf in made.leaves.values():
                if leaf.needed and not leaf.there:
                    self.problem("missing", leaf.place)

    def field(self, segment: FlatSegment, number: int, found: list[Repetition]) -> str:
        """The text of a field; repetitions with nothing in them close up."""
        texts = []
        for made in found:
            if not made.written:
                continue
            if made.received is not None:
                texts.append(self.sent(made.place, self.wire.received, made.received))
                continue
            leaves = {}
            for at, leaf in made.leaves.items():
                limit = self.wire.limit(segment.name, number, *at)
                leaves[at] = self.sent(leaf.place, self.wire.leaf, leaf.value, limit)
            texts.append(self.wire.components(made, leaves))
        return self.wire.delimiters.repetition.join(texts)

    def sent(self, place: str, text: Callable[..., str], *given: Any) -> str:
        """What is written, or nothing with a fault noted."""
        try:
            return text(*given)
        except Fault as fault:
            self.evaluator.note(fault, place)
            return ""


def _repetitions(value: Any, at: tuple[int, int], came: bool, place: str) -> list[Repetition]:
    if isinstance(value, list):
        return [each for one in value for each in _repetitions(one, at, came, place)]
    if isinstance(value, Repetition):
        if at == (1, 1):
            return [replace(value, leaves=dict(value.leaves))]
        return [Repetition({(at[0], component): leaf for (component, _), leaf in value.leaves.items()})]
    if isinstance(value, Received):
        return [Repetition(received=value, place=place)]
    return [Repetition({at: Leaf(value, came, place)})]


def _field(kept: Received, number: int) -> Received | None:
    """A field of a received segment; missing when it is empty."""
    parts = kept.text.split(kept.delimiters.field)
    return Received(parts[number], kept.delimiters, kept.codec) if len(parts) > number and parts[number] else None
