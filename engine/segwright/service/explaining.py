"""Why a field of a message is what it is: from the wire back to the rule, the configuration, the table and the source.

Takes a running organisation, the inputs of a message and a path; gives a tree of short lines. Values are masked (their length
stays) unless asked for: a case may be made of real data.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
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
from segwright.service.pretty import mask
from segwright.service.refusals import Explained
from segwright.service.running import Running


class Twig(msgspec.Struct, frozen=True):
    """One line of an explanation: what it is, what it says, where it stands, and what explains it further."""

    kind: str
    text: str
    place: str = ""
    twigs: tuple[Twig, ...] = ()


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
    explainer = _Explainer(explained, trace, sources, unmask, read_by(running, sources))
    return Why(tuple(explainer.branches(path)))


def read_by(running: Running, sources: Mapping[str, Source]) -> dict[str, Twig]:
    """For each attribute that the organisation's order mapping sets (`order.placer_number`) the line that does."""
    found: dict[str, Twig] = {}
    for name, entry in running.organisation.catalogue.items():
        if not entry.reads or running.compiled(name).plan is None:
            continue
        explained = running.explained(name)
        for number, op in enumerate(explained.operations):
            written = explained.written(number)
            if isinstance(op, ops.SetOp) and written is not None:
                span = written.origin.span
                twig = Twig("read by", line_of(span, sources), str(place(span, sources)))
                found.setdefault(explained.names.attribute(op.record, op.index), twig)
    return found


def masked(value: str, *, unmask: bool) -> str:
    """A value as it may be shown: its length alone, unless it is asked for."""
    return value if unmask else mask(value)


class _Explainer:
    def __init__(
        self, explained: Explained, trace: Trace, sources: Mapping[str, Source], unmask: bool, read: Mapping[str, Twig]
    ) -> None:
        self.explained = explained
        self.trace = trace
        self.sources = sources
        self.unmask = unmask
        self.read = read
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
        shown = masked(value, unmask=self.unmask)
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
                twigs += self._decided(op, segment)
                twigs += self._around(op, segment)
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
                twigs += [*self._rule(written), *sources_of(self.explained, operation, self.read)]
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
        return rule_twigs(self.explained, written, self.sources)

    def _decided(self, op: int, segment: int) -> Iterator[Twig]:
        """Rungs, table rows and built-ins that had a part, from the steps of this very segment; then the sources."""
        yield from step_twigs(self.explained, self._steps(op, segment), self.sources)
        written = self.explained.written(op)
        operation = self.explained.operations[op]
        keys = self.explained.rules.mentions(written).keys if written is not None else ()
        if not keys or any(self.explained.names.paths(operation)):
            yield from sources_of(self.explained, operation, self.read)

    def _choosing(self, op: int) -> Iterator[int]:
        """The operations around one that took it among alternatives."""
        for number in range(op - 1, -1, -1):
            operation = self.explained.operations[number]
            if op not in self.explained.below(number):
                continue
            if isinstance(operation, ops.FieldOp):
                return
            if isinstance(operation, ops.ChooseRep | ops.Fallback):
                yield number

    def _around(self, op: int, segment: int) -> Iterator[Twig]:
        """The loops that an operation stands in, with the turn."""
        turns = next((step.turns for step in self.trace.steps if step.segment == segment and step.turns), ())
        loops = [
            number
            for number in range(op)
            if isinstance(self.explained.operations[number], ops.LoopOp) and op in self.explained.below(number)
        ]
        for number, turn in zip(loops, turns, strict=False):
            written = self.explained.written(number)
            if written is not None:
                text = f"turn {turn} of {line_of(written.origin.span, self.sources)}"
                yield Twig("in", text, self._at(written.origin.span))

    def _steps(self, op: int, segment: int) -> Iterator[Step]:
        """What happened inside an operation while a segment was written, and, before that, inside the `let`s that it takes: a
        `let` outside of the segment runs at every turn of its loop, and the last time before the segment counts."""
        below = {*self.explained.below(op), *self._choosing(op)}
        steps = [(at, step) for at, step in enumerate(self.trace.steps) if step.op in below]
        here = [(at, step) for at, step in steps if step.segment in (segment, -1)] or steps
        begins = next((at for at, step in here if step.segment == segment), len(self.trace.steps))
        named = self.explained.decided(op) - below
        earlier = {step.op: step for step in self.trace.steps[:begins] if step.op in named}
        return iter([*earlier.values(), *(step for _, step in here)])

    def _at(self, span: Span) -> str:
        return str(place(span, self.sources))


def rule_twigs(explained: Explained, written: Written, sources: Mapping[str, Source]) -> Iterator[Twig]:
    """A rule, its layer and reason, what it stands instead of, its line of a format, its keys with their values."""

    def at(span: Span) -> str:
        return str(place(span, sources))

    origin = written.origin
    yield Twig("rule", line_of(origin.span, sources), at(origin.span))
    yield Twig("layer", origin.layer + (f", {origin.word}" if origin.word != "base" else ""))
    if origin.because:
        yield Twig("because", origin.because)
    below = explained.rules.below(written)
    if below is not None:
        yield Twig("instead of", line_of(below.span, sources), at(below.span))
    for key in explained.rules.mentions(written).keys:
        given = explained.organisation.value(key, explained.environment)
        if given is not None:
            yield Twig("config", f"org.{'.'.join(key)} = {_config(given.value)}", at(given.span))
        else:
            yield Twig("config", f"org.{'.'.join(key)} is not given")
    line = explained.rules.format_line(written)
    if line is not None and written.line is not None:
        yield Twig("format", f"{line.format}: {line_of(written.line, sources)}", at(written.line))


def step_twigs(explained: Explained, steps: Iterable[Step], sources: Mapping[str, Source]) -> Iterator[Twig]:
    """What was decided on the way: table rows, built-ins, alternatives; each once."""
    shown: set[tuple[object, ...]] = set()
    for step in steps:
        twig = _step(explained, step, sources)
        if twig is not None and (twig.kind, twig.text) not in shown:
            shown.add((twig.kind, twig.text))
            yield twig


def _step(explained: Explained, step: Step, sources: Mapping[str, Source]) -> Twig | None:
    if "table" in step.detail:
        return _row(explained, int(step.detail["table"]), step.detail.get("row", ""), sources)
    if "function" in step.detail:
        refused = f", which refused: {step.detail['refused']}" if "refused" in step.detail else ""
        return Twig("built-in", f"{step.detail['function']}{refused}")
    for word, kind in (("rung", "ladder"), ("alternative", "else")):
        taken = step.detail.get(word)
        if taken and isinstance(taken, int):
            alternatives = _alternatives(explained.operations[step.op])
            if len(alternatives) > 1:
                span, text = explained.words(alternatives[taken - 1], sources)
                return Twig(kind, f"alternative {taken} of {len(alternatives)}: {text}", str(place(span, sources)))
    return None


def _row(explained: Explained, number: int, row: str | int, sources: Mapping[str, Source]) -> Twig | None:
    table = explained.rules.table_of(number)
    if table is None:
        return None
    written = explained.rules.row_of(number, row)
    if written is None:
        said = {"unmapped": "no row of this key: `on unmapped`", "same": "no row of this key: the key itself"}
        text = said.get(str(row), "no row of this key") if row != "" else "a key is missing"
        return Twig("table", f"{table.name}: {text}", str(place(table.span, sources)))
    return Twig("table", f"{table.name}: {line_of(written.span, sources)}", str(place(written.span, sources)))


def _alternatives(op: ops.Op) -> tuple[ops.Op, ...]:
    match op:
        case ops.Choose(rungs) | ops.ChooseRep(rungs):
            return rungs
        case ops.Coalesce(values):
            return values
        case ops.Fallback(contents):
            return contents
        case _:
            return ()


def sources_of(explained: Explained, operation: ops.Op, read: Mapping[str, Twig]) -> Iterator[Twig]:
    """The paths that an operation reads; of one that comes from the order also the line that reads it there."""
    paths = list(explained.names.paths(operation))
    # A list that is gone through is not said beside its elements.
    shown = [path for path in paths if not any(other.startswith((f"{path}[]", f"{path}.")) for other in paths)]
    for path in shown:
        root, _, rest = path.replace("group[].", "order.").partition(".")
        attribute = f"{root}.{rest.partition('.')[0].removesuffix('[]')}"
        yield Twig("source", path, twigs=(read[attribute],) if attribute in read else ())
    if not paths and not isinstance(operation, ops.SegmentOp):
        yield Twig("source", "the rule itself: nothing of the order or the document")


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


def every_rule(explained: Explained, trace: Trace, sources: Mapping[str, Source]) -> dict[str, str]:
    """For each field of a message (`OBX(2)-5`) the file, line and words of the rule that wrote it; of several the first, and how
    many more. Of a segment that goes back as it came the line that says so, behind its name."""
    text, end = trace.text, explained.plan.encoding.segment_end
    names = occurrences(text.split(end))
    signs = "".join(_separators(explained))
    rules: dict[str, dict[Span, str]] = {}
    position = 0
    for op, part in trace.parts:
        first, position = position, position + len(part)
        written = explained.written(op)
        lead = len(part) - len(part.lstrip(signs))
        if written is None or not part[lead:].strip():
            continue
        name = names[text[:first].count(end)]
        if isinstance(explained.operations[op], ops.Put | ops.Opaque):
            name = f"{name}-{at(text, first + lead).field}"
        elif not isinstance(explained.operations[op], ops.EchoOp):
            continue
        span = written.origin.span
        layer = "" if written.origin.layer == "base" else f" [{written.origin.layer}]"
        rules.setdefault(name, {}).setdefault(span, f"{place(span, sources)}{layer}  {line_of(span, sources)}")
    return {
        name: next(iter(found.values())) + (f"  (and {len(found) - 1} more)" if len(found) > 1 else "")
        for name, found in rules.items()
    }


def _foreign_rows(explained: Explained, trace: Trace) -> dict[tuple[int, int], Span]:
    """The rows of tables that a layer above the base wrote and that a message looked up, by segment and operation."""
    found = {}
    for step in trace.steps:
        if "table" in step.detail:
            table_number = int(step.detail["table"])
            row = explained.rules.row_of(table_number, step.detail.get("row", ""))
            if row is not None and _is_foreign(row.span):
                found[step.segment, step.op] = row.span
    return found


def _is_foreign(span: Span) -> bool:
    return not span.file.startswith("mappings/") or span.file.startswith("mappings/vendors/")


def _separators(explained: Explained) -> set[str]:
    encoding = explained.plan.encoding
    return {encoding.field, *encoding.msh2} - {encoding.msh2[2]}
