"""Why an attribute of an order is what it is (or is missing): from the model back to the rule, the table and the received field.

Takes a running organisation, the name of a message that it reads, an order message and a path of the model (`patient.mrn`,
`order.priority`); gives a branch for each value at the path, as `service.explaining` does for the other direction.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from segwright.core.diagnostic import Diagnostic
from segwright.core.source import Source
from segwright.core.suggest import nearest
from segwright.hl7.values import Field, Moment, Quantity, Segment
from segwright.hl7.wire import Message
from segwright.lang.context import Written
from segwright.plan import ops
from segwright.plan.model import Type
from segwright.runtime.load import Reader
from segwright.runtime.outcome import Intake, Step
from segwright.service.explaining import Branch, Twig, masked, rule_twigs, step_twigs
from segwright.service.refusals import Explained
from segwright.service.running import Running
from segwright.workbench.reasons import Reasons


class WhyRead(msgspec.Struct, frozen=True):
    """`branches`: a value each; `found`: what stands against the message. `unknown`: the path is none of this mapping; then
    `nearest` and `known` are what it may have meant."""

    branches: tuple[Branch, ...] = ()
    found: tuple[Diagnostic, ...] = ()
    unknown: bool = False
    nearest: str = ""
    known: tuple[str, ...] = ()


def why_read(
    running: Running, name: str, message: Message, path: str, sources: Mapping[str, Source], *, nth: int = 1, unmask: bool = False
) -> WhyRead:  # fmt: skip
    """Explains an attribute of what a message holds; `nth` is the order meant, of several."""
    explained = running.explained(name)
    reader = running.loaded(name)
    assert isinstance(reader, Reader)
    known = {
        explained.names.attribute(op.record, op.index): op for op in explained.operations if isinstance(op, ops.SetOp)
    }
    root, _, rest = path.partition(".")
    attribute, _, inner = rest.partition(".")
    wanted = known.get(f"{root}.{attribute}")
    if wanted is None:
        return WhyRead(unknown=True, nearest=nearest(path, known), known=tuple(known))
    intake = reader.trace(message)
    found = [
        *explained.problems(intake.problems),
        *explained.rejects(explained.grounded(intake.rejects, intake.problems)),
    ]
    reading = _Reading(explained, intake, sources, unmask, nth)
    return WhyRead(tuple(reading.branches(wanted, f"{root}.{attribute}", inner)), tuple(found))


class _Reading:
    def __init__(
        self, explained: Explained, intake: Intake, sources: Mapping[str, Source], unmask: bool, nth: int
    ) -> None:
        self.explained = explained
        self.intake = intake
        self.sources = sources
        self.unmask = unmask
        self.nth = nth

    def branches(self, op: ops.SetOp, path: str, inner: str) -> Iterator[Branch]:
        """The values that a rule sets: one, or of a record each attribute."""
        number = self.explained.number(op)
        written = self.explained.written(number)
        if written is None:
            return
        value, type_ = self._value(op)
        below = set(self.explained.below(number))
        steps = [step for step in self.intake.steps if step.op in below and step.turns in ((), (self.nth,))]
        record = self.explained.names.record(type_)
        if record is None or value is None or not isinstance(value, tuple):
            if value is None:
                twigs = [*rule_twigs(self.explained, written, self.sources)]
                refused = [
                    each for each in self.intake.problems if each.op in below and each.turns in ((), (self.nth,))
                ]
                twigs.append(Reasons(self.explained, steps, self.sources, refused).value(op.value))
                yield Branch(path, "", "(missing)", tuple(twigs))
                return
            yield self._branch(path, value, written, steps, op.value)
            return
        parts = {
            part.index: part
            for part in (self.explained.operations[n] for n in below)
            if isinstance(part, ops.MadePart)
        }  # fmt: skip
        for index, attribute in enumerate(record.attributes):
            part = parts.get(index)
            if value[index] is None or part is None or (inner and inner != attribute.name):
                continue
            place = self.explained.number(part)
            line = self.explained.written(place) or written
            range_ = set(self.explained.below(place))
            own = [step for step in steps if step.op in range_]
            chosen = [step for step in steps if "element" in step.detail]
            yield self._branch(f"{path}.{attribute.name}", value[index], line, [*chosen, *own], part.value)

    def _value(self, op: ops.SetOp) -> tuple[Any, Type | None]:
        """The value of an attribute as it was read, and its type."""
        result = next(result for result in self.explained.plan.results if result.slot == op.record)
        type_ = self.explained.names.attribute_type(op.record, op.index)
        if result.name != self.intake.group:
            return self.intake.records[result.name][op.index], type_
        orders = [order for group in self.intake.groups for order in group]
        return (orders[self.nth - 1][op.index] if self.nth <= len(orders) else None), type_

    def _branch(self, path: str, value: Any, written: Written, steps: list[Step], op: ops.Value) -> Branch:
        twigs = [*rule_twigs(self.explained, written, self.sources)]
        twigs += step_twigs(self.explained, steps, self.sources)
        twigs += self._sources(op, steps)
        return Branch(path, "", masked(shown(value), unmask=self.unmask), tuple(twigs))

    def _sources(self, op: ops.Value, steps: list[Step]) -> Iterator[Twig]:
        """The received places that had a part, with the repetition where one was chosen."""
        element = next((step.detail["element"] for step in steps if "element" in step.detail), 0)
        gave = {step.op for step in steps if step.gives not in ("missing", "false")}
        paths: dict[str, None] = {}
        for number in self.explained.below(self.explained.number(op)):
            each = self.explained.operations[number]
            if isinstance(each, ops.Take | ops.TakeAll | ops.Keep | ops.Component) and number in gave:
                path = self.explained.names.path(each)
                paths[path.replace("[]", f"[{element}]" if element else "[…]")] = None
        for path in [path for path in paths if not any(other.startswith((f"{path}.", f"{path}[")) for other in paths)]:
            yield Twig("source", path)
        if not paths:
            yield Twig("source", "the rule itself: nothing of the message")


def shown(value: Any) -> str:
    """A run-time value as text."""
    match value:
        case Field(text=text) | Segment(text=text):
            return text
        case Moment(digits=digits):
            return digits
        case Quantity():
            return f"{value.comparator}{value.value} {value.unit}"
        case tuple():
            return ", ".join(shown(each) for each in value if each is not None)
        case _:
            return str(value)
