"""Why a field of a message is what it is: from the wire back to the rule, the configuration, the table and the source.

Takes a running organisation, the inputs of a message and a path; gives a tree of short lines. Values are masked (their length
stays) unless asked for: a case may be made of real data.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from segwright.core.diagnostic import Diagnostic
from segwright.core.source import Source, Span
from segwright.hl7.paths import Path, at, locate
from segwright.lang.context import Written
from segwright.plan import ops
from segwright.review.difference import field_name, occurrences, profile_of
from segwright.runtime.load import Writer
from segwright.runtime.outcome import Step, Trace
from segwright.service.bundling import line_of, place
from segwright.service.refusals import Explained
from segwright.service.running import Running

MASK: Final = "▒"


class Twig(msgspec.Struct, frozen=True):
    """One line of an explanation: what it is, what it says, where it stands."""

    kind: str
    text: str
    place: str = ""


class Branch(msgspec.Struct, frozen=True):
    """One value of the message: its path, HL7 name, the value (masked or not) and where it comes from."""

    path: str
    name: str
    value: str
    twigs: tuple[Twig, ...]


class Why(msgspec.Struct, frozen=True):
    """The answer: a branch for each value at the path, or the problems of a message that cannot be rendered."""

    branches: tuple[Branch, ...]
    found: tuple[Diagnostic, ...] = ()


def why(
    running: Running,
    message: str,
    inputs: list[Any],
    path: Path,
    sources: Mapping[str, Source],
    *,
    unmask: bool = False,
) -> Why:
    """Explains what stands at a path of the message that these inputs give."""
    explained = running.explained(message)
    writer = running.loaded(message)
    assert isinstance(writer, Writer)
    trace = writer.trace(inputs)
    if trace.problems:
        return Why((), tuple(explained.problems(trace.problems)))
    return Why(tuple(_Explainer(explained, trace, sources, unmask).branches(path)))


class _Explainer:
    def __init__(self, explained: Explained, trace: Trace, sources: Mapping[str, Source], unmask: bool) -> None:
        self.explained = explained
        self.trace = trace
        self.sources = sources
        self.unmask = unmask
        self.tables = profile_of(explained.plan.encoding.version)
        self.signs = _separators(explained)

    def branches(self, path: Path) -> Iterator[Branch]:
        text = self.trace.text
        found = locate(text, path)
        start, end = found or (0, 0)
        seen = False
        place_ = 0
        for op, part in self.trace.parts:
            first, place_ = place_, place_ + len(part)
            if place_ <= start or first >= end:
                continue
            value = part[max(start - first, 0) : end - first]
            lead = len(value) - len(value.lstrip("".join(self.signs)))
            if not value[lead:] or value[lead:].isspace():
                continue
            seen = True
            here = at(text, max(start, first) + lead)
            yield self._branch(op, here, value[lead:], text[:first].count("\r"))
        if not seen:
            yield self._nothing(path, found is not None)

    def _branch(self, op: int, path: Path, value: str, segment: int) -> Branch:
        written = self.explained.written(op)
        operation = self.explained.operations[op]
        characters = f"{len(value)} character{'' if len(value) == 1 else 's'}"
        shown = value if self.unmask else f"{MASK * min(len(value), 12)} ({characters})"
        name = field_name(self.tables, path.segment, path.field)
        if isinstance(operation, ops.Opaque):
            path = path._replace(repetition=0, component=0, subcomponent=0)
        if isinstance(operation, ops.SegmentOp | ops.EchoOp) and path.field and written is not None:
            twigs = [Twig("engine", _ENGINES if path.segment == "MSH" else "the segment's own name", "")]
            if isinstance(operation, ops.EchoOp):
                twigs = [*self._rule(written), Twig("source", "the received segment, as it came", "")]
        elif written is None:
            twigs = [Twig("engine", _ENGINES)]
        else:
            twigs = [*self._rule(written)]
            if isinstance(operation, ops.Put | ops.Opaque):
                twigs += self._decided(op, written, segment)
        return Branch(str(path), name, shown, tuple(twigs))

    def _nothing(self, path: Path, there: bool) -> Branch:
        """What the rules for an empty field say."""
        name = field_name(self.tables, path.segment, path.field)
        wanted = f"{path.segment}-{path.field}"
        twigs: list[Twig] = []
        seen: set[Span] = set()
        for number, written in enumerate(self.explained.compiled.written):
            operation = self.explained.operations[number]
            if written is None or written.origin.span in seen or not isinstance(operation, ops.Put | ops.Opaque):
                continue
            if written.address.split()[-1].split(".")[0].split("[")[0] == wanted:
                seen.add(written.origin.span)
                twigs += [*self._rule(written), *self._source(operation)]
        written_at_all = any(
            isinstance(op, ops.SegmentOp | ops.EchoOp) and op.name == path.segment for op in self.explained.operations
        )
        for removed in self.explained.compiled.mapping.removed:
            block = "-" not in removed.title
            if removed.title.split(".")[0].split("[")[0].endswith(wanted) or (block and not written_at_all):
                twigs.append(
                    Twig(
                        "removed",
                        f"{removed.title}, by {removed.origin.layer}: {removed.origin.because}",
                        self._at(removed.origin.span),
                    )
                )
        if not twigs:
            twigs.append(Twig("rule", "no rule of this mapping writes it"))
        return Branch(str(path), name, "(empty)" if there else "(not in the message)", tuple(twigs))

    def _rule(self, written: Written) -> Iterator[Twig]:
        origin = written.origin
        yield Twig("rule", line_of(origin.span, self.sources), self._at(origin.span))
        yield Twig("layer", origin.layer + (f", {origin.word}" if origin.word != "base" else ""))
        if origin.because:
            yield Twig("because", origin.because)
        below = self.explained.rules.below(written)
        if below is not None:
            yield Twig("instead of", line_of(below.span, self.sources), self._at(below.span))
        line = self.explained.rules.format_line(written)
        if line is not None:
            yield Twig("format", f"{line.format}: {line_of(line.rule.span, self.sources)}", self._at(line.rule.span))
        for key in self.explained.rules.mentions(written).keys:
            given = self.explained.organisation.value(key, self.explained.environment)
            if given is not None:
                yield Twig("config", f"org.{'.'.join(key)} = {_config(given.value)}", self._at(given.span))

    def _decided(self, op: int, written: Written, segment: int) -> Iterator[Twig]:
        """Rungs, table rows and built-ins that had a part, from the steps of this very segment; then the sources."""
        shown: set[tuple[object, ...]] = set()
        for step in self._steps(op, segment):
            twig = self._step(step, written)
            if twig is not None and (twig.kind, twig.text) not in shown:
                shown.add((twig.kind, twig.text))
                yield twig
        if not self.explained.rules.mentions(written).keys or any(
            self.explained.names.paths(self.explained.operations[op])
        ):
            yield from self._source(self.explained.operations[op])

    def _steps(self, op: int, segment: int) -> Iterator[Step]:
        """What happened inside an operation while a segment was written, and, before that, inside the `let`s that it takes: a
        `let` outside of the segment runs at every turn of its loop, and the last time before the segment counts."""
        below = set(self.explained.below(op))
        steps = [(at, step) for at, step in enumerate(self.trace.steps) if step.op in below]
        here = [(at, step) for at, step in steps if step.segment in (segment, -1)] or steps
        begins = next((at for at, step in here if step.segment == segment), len(self.trace.steps))
        named = self.explained.decided(op) - below
        earlier = {step.op: step for step in self.trace.steps[:begins] if step.op in named}
        return iter([*earlier.values(), *(step for _, step in here)])

    def _step(self, step: Step, written: Written) -> Twig | None:
        if "table" in step.detail:
            number = int(step.detail["table"])
            table = self.explained.rules.table_of(number, written)
            if table is None:
                return None
            row = self.explained.rules.row_of(table, number, step.detail.get("row", ""))
            if row is None:
                return Twig("table", f"{table.name}: {step.detail.get('row', '')}", self._at(table.span))
            return Twig("table", f"{table.name}: {line_of(row.span, self.sources)}", self._at(row.span))
        if "function" in step.detail:
            return Twig("built-in", str(step.detail["function"]))
        if step.detail.get("rung"):
            return Twig("ladder", f"alternative {step.detail['rung']}")
        if step.detail.get("alternative"):
            return Twig("else", f"alternative {step.detail['alternative']}")
        return None

    def _source(self, operation: ops.Op) -> Iterator[Twig]:
        paths = list(self.explained.names.paths(operation))
        if paths:
            yield Twig("source", ", ".join(paths))
        elif not isinstance(operation, ops.SegmentOp):
            yield Twig("source", "the rule itself: nothing of the order or the document")

    def _at(self, span: Span) -> str:
        return str(place(span, self.sources))


_ENGINES: Final = "written by segwright from the encoding of org.yaml"


def _config(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_config, value))}]"
    return str(value)


def above_the_base(explained: Explained, trace: Trace, sources: Mapping[str, Source]) -> dict[str, str]:
    """What layers above the base decided of a message: path (`OBX(2)-5`, or `ZEC` for a whole segment) to file and line, be it
    of a rule, a table's row or a format's line."""
    text, end = trace.text, explained.plan.encoding.segment_end
    names = occurrences(text.split(end))
    signs = "".join(_separators(explained))
    rows = _foreign_rows(explained, trace)
    notes: dict[str, str] = {}
    position = 0
    for op, part in trace.parts:
        first, position = position, position + len(part)
        written = explained.written(op)
        if written is None:
            continue
        number = text[:first].count(end)
        name = names[number]
        operation = explained.operations[op]
        span = written.origin.span if written.origin.layer != "base" else None
        lead = len(part) - len(part.lstrip(signs))
        if isinstance(operation, ops.SegmentOp):
            if span is not None and part[:3] == name[:3]:
                notes[name] = str(place(span, sources))
        elif lead < len(part) and isinstance(operation, ops.Put | ops.Opaque) and name not in notes:
            if span is None:
                line = explained.rules.format_line(written)
                span = line.rule.span if line is not None and _is_foreign(line.rule.span) else None
            if span is None:
                span = next((rows[number, below] for below in explained.below(op) if (number, below) in rows), None)
            if span is not None:
                notes.setdefault(f"{name}-{at(text, first + lead).field}", str(place(span, sources)))
    return notes


def _foreign_rows(explained: Explained, trace: Trace) -> dict[tuple[int, int], Span]:
    """The rows of tables that a layer above the base wrote and that a message looked up, by segment and operation."""
    found = {}
    for step in trace.steps:
        if "table" in step.detail:
            table_number = int(step.detail["table"])
            table = explained.rules.table_of(table_number, explained.written(step.op))
            row = explained.rules.row_of(table, table_number, step.detail.get("row", "")) if table is not None else None
            if row is not None and _is_foreign(row.span):
                found[step.segment, step.op] = row.span
    return found


def _is_foreign(span: Span) -> bool:
    return not span.file.startswith("mappings/") or span.file.startswith("mappings/vendors/")


def _separators(explained: Explained) -> set[str]:
    encoding = explained.plan.encoding
    return {encoding.field, *encoding.msh2} - {encoding.msh2[2]}
