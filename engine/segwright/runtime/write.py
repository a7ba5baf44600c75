"""Writing: the body of a plan to the parts of a message, by the plain reading of `plan.ops`.

Takes a writing plan and its inputs; gives the text in pieces, each with the operation it belongs to: a field's separators to the
`FieldOp` written next, those between components to the `Put`, repetition separators to what makes the repetition; the name, the
end, filled-up separators and the engine's own MSH fields to the segment. What cannot be written is a `Problem`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, NamedTuple

from segwright.hl7.delimiters import Delimiters
from segwright.hl7.escape import escape, escape_formatted, redelimit
from segwright.hl7.values import NULL, Field, Segment
from segwright.plan import ops
from segwright.plan.ops import Op, Plan
from segwright.runtime.evaluate import LONGEST_NUMBER, Evaluation, Failed, kind_of, printed
from segwright.runtime.fields import NULL_TEXT, is_empty

Part = tuple[int, str]

_CONTROL: Final = re.compile("[\x00-\x1f\x7f]")
_FAILED: Final = "\0"
"""Stands for the text of a leaf that cannot be had; no text has it."""
_REFUSED_IN_RAW: Final = "a control character stands in what was received"


class Repetition(NamedTuple):
    """One repetition (or, of a whole field, several): who makes it, its text in parts, whether an input decided any of it.
    Without parts it is held: empty in its place."""

    op: int
    parts: tuple[Part, ...]
    counts: bool


class Written(NamedTuple):
    """A field: who writes it, its text in parts (none: empty), whether an input decided any of it."""

    op: int
    parts: tuple[Part, ...]
    counts: bool


class Writer(Evaluation):
    """One run of a writing plan."""

    def __init__(self, plan: Plan, inputs: Sequence[Any]) -> None:
        super().__init__(plan, plan.encoding.codec)
        self.delimiters = Delimiters(plan.encoding.field, *plan.encoding.msh2)
        self.parts: list[Part] = []
        self._decided = self.known.decided
        self._companions = self.known.companions
        for slot, value in enumerate(inputs):
            self.bind(slot, value)

    def run(self) -> None:
        """The whole body."""
        self._body(self.plan.body)

    def _body(self, body: Sequence[Op]) -> None:
        for op in body:
            try:
                match op:
                    case ops.SegmentOp():
                        self._segment(op)
                    case ops.EchoOp():
                        self._echo(op)
                    case ops.LoopOp():
                        self._loop(op)
                    case ops.LetOp(slot, value):
                        self.break_slot(slot)
                        self.bind(slot, self.value(value))
                    case ops.CheckOp(name, condition, saying):
                        holds = self.condition(condition)
                        self.step(op, "true" if holds else "false")
                        if not holds:
                            self.record(op, "check", name=name, saying=saying)
                    case _:
                        self.fail(op, "type", wanted="something that writes", found="something that reads")
            except Failed:
                continue

    def _loop(self, op: ops.LoopOp) -> None:
        if op.when is not None and not self.condition(op.when):
            return
        elements = self.elements(op)
        most = self._limit(op, op.most)
        if most is not None and len(elements) > most:
            self.record(op, "too_many", most=most, found=len(elements))
            elements = elements[:most]
        first = self._limit(op, op.first)
        if first is not None and len(elements) > first:
            self.note(op, "dropped", kept=first, found=len(elements))
            elements = elements[:first]
        self.bind(op.position + 1, len(elements))
        self.step(op, "turns", elements=len(elements))
        for turn, element in enumerate(elements, 1):
            self.bind(op.slot, element)
            self.bind(op.position, turn)
            self.turns.append(turn)
            self._body(op.body)
            self.turns.pop()

    def _limit(self, op: Op, value: ops.Value | None) -> int | None:
        if value is None:
            return None
        limit = self.value(value)
        if limit is None:
            return None
        if type(limit) is not int or limit < 0:
            self.wrong(op, "integer", limit)
        return limit

    # --- segments ---

    def _segment(self, op: ops.SegmentOp) -> None:
        if op.when is not None and not self.condition(op.when):
            return
        found_before = len(self.problems)
        self.written.append(op.name)
        self.open = True
        fields = {field.number: self._field(field) for field in op.fields}
        self.open = False
        if op.optional and not any(field.counts for field in fields.values()):
            self.written.pop()
            # What is required in a segment is required when the segment is sent.
            self.problems[found_before:] = [each for each in self.problems[found_before:] if each.kind != "missing"]
            self.step(op, "nothing", written=0)
            return
        number = self.numbers[id(op)]
        head, at = op.name, 0
        if op.name == "MSH":
            head, at = op.name + self.delimiters.field + self.delimiters.msh2, 2
            if self.plan.encoding.charset:
                fields[18] = Written(number, ((number, self.plan.encoding.charset),), False)
        self.parts.append((number, head))
        for place in sorted(fields):
            field = fields[place]
            if field.parts:
                self.parts.append((field.op, self.delimiters.field * (place - at)))
                self.parts.extend(field.parts)
                at = place
        if self.plan.encoding.trailing == "full":
            self.parts.append((number, self.delimiters.field * (self.plan.encoding.full_to.get(op.name, 0) - at)))
        self.parts.append((number, self.plan.encoding.segment_end))
        self.step(op, "text", written=1)

    def _echo(self, op: ops.EchoOp) -> None:
        kept = [
            one for one in self.list_of(op, self.value(op.source)) if isinstance(one, Segment) and one.name == op.name
        ]
        if not kept:
            self.bind(op.slot, None)
            if not op.optional and (op.when is None or self.condition(op.when)):
                self.record(op, "not_kept", segment=op.name)
            return
        for turn, segment in enumerate(kept, 1):
            self.bind(op.slot, segment)
            self.turns.append(turn)
            try:
                if op.when is None or self.condition(op.when):
                    self._echo_one(op, segment)
            except Failed:
                pass
            finally:
                self.open = False
                self.turns.pop()

    def _echo_one(self, op: ops.EchoOp, segment: Segment) -> None:
        number = self.numbers[id(op)]
        self.written.append(op.name)
        self.open = True
        replaced = {field.number: self._field(field) for field in op.fields}
        texts = segment.text.split(segment.delimiters.field)
        came = len(texts)
        texts += [""] * (max(replaced, default=0) + 1 - came)
        cells: list[tuple[int, tuple[Part, ...]]] = []
        for place, text in enumerate(texts):
            field = replaced.get(place)
            if field is not None:
                cells.append((field.op, field.parts))
            else:
                own = self._raw(op, text, segment.delimiters, segment.codec)
                cells.append((number, ((number, own),) if own else ()))
        while len(cells) > came and not cells[-1][1]:
            cells.pop()
        last = len(cells) - 1
        if not cells[last][1] and texts[last] and self.plan.encoding.trailing == "trim":
            # A rule cleared the end: separators that only led up to it go too. Those that came at the end stay.
            while not cells[-1][1]:
                cells.pop()
        for place, (owner, parts) in enumerate(cells):
            if place:
                self.parts.append((owner if parts else number, self.delimiters.field))
            self.parts.extend(parts)
        self.parts.append((number, self.plan.encoding.segment_end))
        self.step(op, "text", written=1)

    # --- fields ---

    def _field(self, field: ops.FieldOp) -> Written:
        number = self.numbers[id(field)]
        repetitions: list[Repetition] = []
        failed = False
        for content in field.contents:
            try:
                repetitions.extend(self._content(content))
            except Failed:
                failed = True
        if failed:
            # There will be no message; that the segment counts as written keeps the problems that follow from others right.
            return Written(number, ((number, "?"),), True)
        if not any(repetition.parts for repetition in repetitions):
            return Written(number, (), False)
        parts: list[Part] = []
        for place, repetition in enumerate(repetitions):
            if place:
                parts.append((repetition.op, self.delimiters.repetition))
            parts.extend(repetition.parts)
        return Written(number, tuple(parts), any(repetition.counts for repetition in repetitions))

    def _content(self, content: ops.Content) -> list[Repetition]:
        match content:
            case ops.HoldRep():
                return [Repetition(self.numbers[id(content)], (), False)]
            case ops.Leaves():
                return self._leaves(content)
            case ops.Opaque(value):
                text = self._opaque(content, self.value(value))
                if text is None:
                    self.duty(content, content.duty, others=False)
                    return []
                number = self.numbers[id(content)]
                return [Repetition(number, ((number, text),), id(content) in self._decided)]
            case ops.ChooseRep(rungs):
                for place, rung in enumerate(rungs, 1):
                    if rung.when is None or self.condition(rung.when):
                        self.step(content, "chosen", rung=place)
                        return self._content(rung.content)
                self.step(content, "missing", rung=0)
                return []
            case ops.Fallback(contents):
                for place, each in enumerate(contents, 1):
                    found = self._content(each)
                    if any(repetition.parts for repetition in found):
                        self.step(content, "chosen", alternative=place)
                        return found
                self.step(content, "missing", alternative=0)
                self.duty(content, content.duty, others=False)
                return []
            case ops.EachRep():
                return self._each(content)

    def _each(self, content: ops.EachRep) -> list[Repetition]:
        repetitions: list[Repetition] = []
        failed = False
        for turn, element in enumerate(self.elements(content), 1):
            self.bind(content.slot, element)
            self.turns.append(turn)
            try:
                repetitions.extend(self._content(content.content))
            except Failed:
                failed = True
            self.turns.pop()
        if failed:
            raise Failed
        if not any(repetition.parts for repetition in repetitions):
            self.duty(content, content.duty, others=False)
        return repetitions

    def _leaves(self, leaves: ops.Leaves) -> list[Repetition]:
        found = self._texts((put for put in leaves.puts if id(put) not in self._companions), sent=True)
        anything = any(text is not None for text in found.values())
        # What only accompanies others has to be fit to be sent only if it is.
        found |= self._texts((put for put in leaves.puts if id(put) in self._companions), sent=anything)
        texts = [found[id(put)] for put in leaves.puts]
        failed = _FAILED in texts
        for put, text in zip(leaves.puts, texts, strict=True):
            if text is None:
                self.duty(put, put.duty, others=anything)
        if failed:
            raise Failed
        if not anything:
            self.duty(leaves, leaves.duty, others=False)
            return []
        parts: list[Part] = []
        component = subcomponent = 1
        counts = False
        for put, text in zip(leaves.puts, texts, strict=True):
            if text is None:
                continue
            if put.component > component:
                separators = self.delimiters.component * (put.component - component)
                separators += self.delimiters.subcomponent * (put.subcomponent - 1)
            else:
                separators = self.delimiters.subcomponent * (put.subcomponent - subcomponent)
            component, subcomponent = put.component, put.subcomponent
            parts.append((self.numbers[id(put)], separators + text))
            counts = counts or id(put) in self._decided
        return [Repetition(self.numbers[id(leaves)], tuple(parts), counts)]

    # --- texts ---

    def _texts(self, puts: Iterable[ops.Put], *, sent: bool) -> dict[int, str | None]:
        """The text of each leaf by its `id`, `_FAILED` where something is against it. What is not `sent` is only looked for."""
        texts: dict[int, str | None] = {}
        for put in puts:
            try:
                value = self.value(put.value)
                texts[id(put)] = self._coded(put, value) if sent or value is None else ""
            except Failed:
                texts[id(put)] = _FAILED
        return texts

    def _coded(self, put: ops.Put, value: Any) -> str | None:
        if value is None:
            return None
        if value is NULL:
            return NULL_TEXT
        try:
            text = printed(value)
        except OverflowError:
            self.fail(put, "type", wanted=f"a number of at most {LONGEST_NUMBER} digits", found="a longer one")
        if text is None:
            self.fail(put, "type", wanted="text, integer or decimal", found=kind_of(value))
        text = self._in_charset(put, text, self.plan.encoding.unencodable)
        if text == NULL_TEXT:
            self.fail(put, "null_text")
        write: Callable[[str, Delimiters], str] = escape_formatted if put.coding == "formatted" else escape
        try:
            return write(text, self.delimiters)
        except ValueError as error:
            self.fail(put, "control", reason=error)

    def _opaque(self, op: ops.Opaque, value: Any) -> str | None:
        if value is None:
            return None
        if value is NULL:
            return NULL_TEXT
        if not isinstance(value, Field):
            self.wrong(op, "field", value)
        if is_empty(value.text, value.delimiters):
            return None
        if value.delimiters.field in value.text:
            self.fail(op, "structure", reason="the field holds its own field separator")
        return self._raw(op, value.text, value.delimiters, value.codec)

    def _raw(self, op: Op, text: str, of: Delimiters, codec: str) -> str:
        """Received text as it goes out: the same structure in this organisation's delimiters and charset."""
        if _CONTROL.search(text):
            self.fail(op, "control", reason=_REFUSED_IN_RAW)
        try:
            return self._in_charset(op, redelimit(text, of, self.delimiters, codec, self.codec), {})
        except ValueError as error:
            self.fail(op, "structure", reason=error)

    def replaced(self, text: str) -> str:
        """A text with what stands for characters that the charset lacks; those for which nothing stands are left."""
        return _replaced(text, self.plan.encoding.codec, self.plan.encoding.unencodable)

    def _in_charset(self, op: Op, text: str, replacing: dict[str, str]) -> str:
        codec = self.plan.encoding.codec
        if _encodes(text, codec):
            return text
        text = _replaced(text, codec, replacing)
        lacking = dict.fromkeys(f"U+{ord(character):04X}" for character in text if not _encodes(character, codec))
        if lacking:
            self.fail(op, "unencodable", characters=", ".join(lacking))
        return text


def _replaced(text: str, codec: str, replacing: dict[str, str]) -> str:
    return "".join(one if _encodes(one, codec) else replacing.get(one, one) for one in text)


def _encodes(text: str, codec: str) -> bool:
    try:
        text.encode(codec)
    except UnicodeEncodeError:
        return False
    return True
