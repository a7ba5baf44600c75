"""Why a field is not in a message: which condition was false, which value was missing, or what took the rule away.

Takes a running organisation, the inputs of a message and a path; gives a tree for every rule that could have written it. When the
path is filled it says so: then `why` explains it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any

import msgspec

from segwright.core.diagnostic import Diagnostic
from segwright.core.source import Source
from segwright.hl7.paths import Path, locate
from segwright.plan import ops
from segwright.plan.walk import children
from segwright.review.difference import field_name, profile_of
from segwright.runtime.load import Writer
from segwright.runtime.outcome import Trace
from segwright.service.bundling import line_of, place
from segwright.service.explaining import Twig
from segwright.service.refusals import Explained
from segwright.service.running import Running
from segwright.workbench.reasons import Reasons, concerns


class WhyNot(msgspec.Struct, frozen=True):
    """`there`: the path is filled; `sent`: its segment is in the message. `twigs`: for each rule that could write it why it gave
    nothing. `found`: the message itself is refused."""

    path: str
    name: str
    there: bool
    twigs: tuple[Twig, ...]
    sent: bool = False
    found: tuple[Diagnostic, ...] = ()


def why_not(running: Running, message: str, inputs: list[Any], path: Path, sources: Mapping[str, Source]) -> WhyNot:
    """Explains why nothing stands at a path of the message that these inputs give."""
    explained = running.explained(message)
    writer = running.loaded(message)
    assert isinstance(writer, Writer)
    trace = writer.trace(inputs)
    name = field_name(profile_of(explained.plan.encoding.version), path.segment, path.field)
    if trace.problems:
        return WhyNot(str(path), name, False, (), found=tuple(explained.problems(trace.problems)))
    found = locate(trace.text, path)
    if found is not None and found[0] < found[1]:
        return WhyNot(str(path), name, True, ())
    sent = locate(trace.text, Path(path.segment, path.occurrence)) is not None
    return WhyNot(str(path), name, False, tuple(_Absence(explained, trace, sources).of(path)), sent=sent)


class _Absence:
    def __init__(self, explained: Explained, trace: Trace, sources: Mapping[str, Source]) -> None:
        self.explained = explained
        self.trace = trace
        self.sources = sources
        self.above: dict[int, int] = {}
        for number, op in enumerate(explained.operations):
            for child in children(op):
                self.above[explained.number(child)] = number

    def of(self, path: Path) -> list[Twig]:
        """The tree of one path."""
        sent = self._sent(path)
        found: list[Twig] = []
        for number, op in enumerate(self.explained.operations):
            if not isinstance(op, ops.SegmentOp | ops.EchoOp) or op.name != path.segment:
                continue
            if sent is None:
                found += self._unsent(number, op)
            elif number == sent[0]:
                found += self._field(number, op, path, sent[1])
        found += self._removed(path, sent is not None)
        if not found:
            what = f"segment {path.segment}" if sent is None else str(path)
            found.append(Twig("no rule", f"no rule of this mapping writes {what}"))
        return found

    def _sent(self, path: Path) -> tuple[int, int] | None:
        """The operation that wrote the segment of a path, and how many segments stood before it; None when it is not there."""
        segments = self.trace.text.split(self.explained.plan.encoding.segment_end)
        left = path.occurrence
        for place_, segment in enumerate(segments):
            left -= segment[:3] == path.segment
            if not left:
                start = sum(len(each) + len(self.explained.plan.encoding.segment_end) for each in segments[:place_])
                op = self.trace.op_at(start)
                while op >= 0 and not isinstance(self.explained.operations[op], ops.SegmentOp | ops.EchoOp):
                    op = self.above.get(op, -1)
                return (op, place_) if op >= 0 else None
        return None

    def _title(self, number: int) -> Twig:
        written = self.explained.written(number)
        if written is None:
            return Twig("engine", "written by segwright")
        return Twig("", line_of(written.origin.span, self.sources), str(place(written.origin.span, self.sources)))

    def _unsent(self, number: int, op: ops.SegmentOp | ops.EchoOp) -> Iterator[Twig]:
        """Why a segment was not sent (or not once more): what is around it, from the outside in, up to the first that says no."""
        around = [number]
        while around[0] in self.above:
            around.insert(0, self.above[around[0]])
        everything = Reasons(self.explained, self.trace.steps, self.sources)
        for outer in around:
            operation = self.explained.operations[outer]
            reasons: list[Twig] = []
            if isinstance(operation, ops.LoopOp):
                turned = [step for step in everything.of(operation) if step.detail.get("elements")]
                reasons = [] if turned else everything.loop(operation)
                word = "loop"
            elif isinstance(operation, ops.SegmentOp | ops.EchoOp):
                word = "segment"
                if isinstance(operation, ops.EchoOp) and everything.verdict(operation.source) != "there":
                    reasons = [everything.value(operation.source)]
                elif operation.when is not None and everything.verdict(operation.when) != "true":
                    reasons = [everything.condition(operation.when)]
                elif isinstance(operation, ops.SegmentOp) and operation.optional:
                    reasons = [
                        twig
                        for field in operation.fields
                        for content in field.contents
                        for twig in everything.content(content)
                    ]
                else:
                    count = sum(1 for step in everything.of(operation) if step.detail.get("written"))
                    reasons = [
                        Twig("sent", f"it is in the message {count} time{'' if count == 1 else 's'}, and no more")
                    ]
            if reasons:
                title = self._title(outer)
                yield Twig(word, title.text, title.place, tuple(reasons))
                return

    def _field(self, number: int, op: ops.SegmentOp | ops.EchoOp, path: Path, segment: int) -> Iterator[Twig]:
        """Why a field of a segment that was sent is empty."""
        below = self.explained.below(number)
        steps = [step for step in self.trace.steps if step.op in below and step.segment == segment]
        reasons = Reasons(self.explained, steps, self.sources)
        field = next((each for each in op.fields if each.number == path.field), None)
        if field is None:
            if isinstance(op, ops.EchoOp):
                title = self._title(number)
                yield Twig("segment", title.text, title.place, (Twig("missing", "it came without this field"),))
            return
        for content in field.contents:
            component = (path.component, path.subcomponent)
            if isinstance(content, ops.Leaves):
                puts = [put for put in content.puts if concerns(put, component)]
                for title, together in groupby(puts, key=lambda put: self._title(self.explained.number(put))):
                    found = [twig for put in together for twig in reasons.put(put)]
                    if found:
                        yield Twig("rule", title.text, title.place, tuple(found))
                if puts:
                    continue
            found = [] if isinstance(content, ops.Leaves) else reasons.content(content, component)
            title = self._title(self.explained.number(content))
            why = found or [Twig("nothing", "none of its lines writes this component")]
            yield Twig("rule", title.text, title.place, tuple(why))

    def _removed(self, path: Path, sent: bool) -> Iterator[Twig]:
        """Lines that a layer took out."""
        wanted = f"{path.segment}-{path.field}"
        for removed in self.explained.compiled.mapping.removed:
            last = removed.title.split()[-1]
            if last.split(".")[0].split("[")[0] == wanted or (not sent and last.split("-")[0] == path.segment):
                reason = f", because {removed.origin.because}" if removed.origin.because else ""
                where = str(place(removed.origin.span, self.sources))
                yield Twig("removed", f"{removed.title}, by {removed.origin.layer}{reason}", where)
