"""The function that writes a message, generated from a plan.

Takes a writing plan, gives a function of the plan's inputs. It returns the message as a list of alternating *fixed* and *free*
texts: fixed ones are segment names, separators, escaped constants and received fields; free ones are values as they are, which
`assemble` escapes all at once. So the generated code escapes nothing, and every byte of the organisation's own is folded with
the separators around it when the plan is loaded. For a PID of an identifier, a name and an optional phone it is

    def write(s0, k0, k1, k2, k3, k4, k5, k6):
        p = [k0, s0[0], k1, s0[1]]              # "PID|1||", identifier, "^^^MERCY^MR||", family name
        q = k2                                  # separators to what may follow: given name, phone, end
        if (t1 := s0[2]) is not None:
            p += (q[0], t1)                     # "^", given name
            q = k3
        if (t2 := s0[3]) is not None:
            p += (q[1], t2)                     # "||||||||", phone
        p += (k6, k5)                           # "\\r", ""
        return p

Three ways to write a part (`Item`), the cheapest that is right:
 - *certain*: constants, counts, required values. Separators are known, so they are folded. A required value that is missing is
   a None among the free texts, which `assemble` refuses: the test costs nothing.
 - *filled*: an optional value whose separators stay when it is missing, because something certain follows in its field or it is
   a whole field. It is written as "".
 - *chosen*: everything else. `q` holds, for whatever was written last, the separators to each part that may come next
   (`layout.between`); writing a part replaces it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from segwright.plan import ops
from segwright.runtime.generate import Expression
from segwright.runtime.generate_fields import FieldGenerator, Item, Segment
from segwright.runtime.layout import START, Place
from segwright.runtime.source import Source


class WriteGenerator(FieldGenerator):
    """Generates the function of one writing plan."""

    def __init__(self, plan: ops.Plan) -> None:
        super().__init__(plan)
        self._last = {op.slot for op in self.operations if isinstance(op, ops.IsLast)}
        self._read = {op.slot for op in self.operations if isinstance(op, ops.Slot)}
        counts = {(op.segment, op.since) for op in self.operations if isinstance(op, ops.Count)}
        self._counters = {pair: f"c{number}" for number, pair in enumerate(sorted(counts))}
        self._known = self._countable()
        self._kept: list[tuple[str, str]] = []

    def generate(self) -> Source:
        """The finished source."""
        self.source.line("p = []")
        for pair, counter in self._counters.items():
            if pair not in self._known:
                self.source.line(f"{counter} = 0")
        # Unpacking also refuses a wrong number of inputs.
        self.source.line("".join(f"s{slot}, " for slot in range(len(self.plan.inputs))) + "= i")
        for slot, given in enumerate(self.plan.inputs):
            self.bind(slot, sure=not given.optional)
        self._body(self.plan.body)
        self.flush()
        self.source.line("return p")
        return self.source

    # --- operations -------------------------------------------------------------------------------------------------

    def _body(self, body: Sequence[ops.WriteOp | ops.ReadOp]) -> None:
        for op in body:
            match op:
                case ops.SegmentOp():
                    with self._when(op.when):
                        self._write_segment(op)
                case ops.LoopOp():
                    with self._when(op.when):
                        self._loop(op)
                case ops.EchoOp():
                    self._echo(op)
                case ops.LetOp():
                    self.source.line(f"s{op.slot} = {self.value(op.value)}")
                    self.bind(op.slot, sure=False)
                case ops.CheckOp():
                    with self.source.block(f"if not {self.condition(op.condition)}:"):
                        self.source.line("refuse()")
                case _:
                    raise TypeError(f"{type(op).__name__} does not write")

    @contextmanager
    def _when(self, condition: ops.Condition | None) -> Iterator[None]:
        if condition is None:
            yield
        else:
            with self.block(f"if {self.condition(condition)}:"):
                yield

    def _loop(self, op: ops.LoopOp) -> None:
        source, turn, turns = self.source, f"s{op.position}", f"s{op.position + 1}"
        self.flush()
        needs_total = op.position in self._last or op.position + 1 in self._read
        self.count(op.position)
        self.count(op.position + 1)
        if op.where is None and op.order is None and op.most is None and op.first is None and not needs_total:
            elements = f"{self.value(op.source)} or ()"
        else:
            elements = source.temporary()
            source.line(f"{elements} = []")
            with self.each_element(op.slot, op.source, op.where, op.order):
                source.line(f"{elements}.append(s{op.slot})")
            if op.most is not None:
                test, name = self.present(self.value(op.most))
                with source.block(f"if {test} and len({elements}) > limit({name}):"):
                    source.line("refuse()")
            if op.first is not None:
                test, name = self.present(self.value(op.first))
                with source.block(f"if {test}:"):
                    source.line(f"{elements} = {elements}[:limit({name})]")
            source.line(f"{turns} = len({elements})")
        source.line(f"{turn} = 0")
        with self.block(f"for s{op.slot} in {elements}:"):
            source.line(f"{turn} += 1")
            self.bind(op.slot, sure=True)
            self._body(op.body)

    # --- counting segments ------------------------------------------------------------------------------------------

    def _countable(self) -> dict[tuple[str, str], int]:
        """Counters whose segments are all written exactly once at the top of the plan: they are known here, and constant."""
        plain = {
            id(op) for op in self.plan.body if isinstance(op, ops.SegmentOp) and op.when is None and not op.optional
        }
        moving = {
            op.name for op in self.operations if isinstance(op, ops.SegmentOp | ops.EchoOp) and id(op) not in plain
        }
        return {pair: 0 for pair in self._counters if not moving.intersection(pair)}

    def _opened(self, name: str) -> None:
        """A segment begins: it is counted, and counts since it start anew."""
        for (segment, since), counter in self._counters.items():
            known = (segment, since) in self._known
            if since == name:
                if known:
                    self._known[segment, since] = 0
                else:
                    self.flush()
                    self.source.line(f"{counter} = 0")
            if segment == name:
                if known:
                    self._known[segment, since] += 1
                else:
                    self.flush()
                    self.source.line(f"{counter} += 1")

    def other_value(self, op: ops.Value) -> Expression:
        """Values that only writing has."""
        match op:
            case ops.Count():
                known = self._known.get((op.segment, op.since))
                if known is not None:
                    return Expression(str(known + op.start - 1), sure=True)
                counter = self._counters[op.segment, op.since]
                return Expression(f"({counter} + {op.start - 1})" if op.start != 1 else counter, sure=True)
            case ops.Received():
                return Expression(f"received({self.exact(self.value(op.of))}, {op.field})")
            case ops.Component():
                codec = self.source.shared("codec", lambda: self.plan.encoding.codec)
                return Expression(
                    f"component({self.exact(self.value(op.of))}, {op.component}, {op.subcomponent}, {codec})"
                )
            case _:
                return super().other_value(op)

    def other_condition(self, op: ops.Condition) -> Expression:
        """Conditions that only writing has."""
        if isinstance(op, ops.IsLast):
            return Expression(f"(s{op.slot} == s{op.slot + 1})", sure=True)
        return super().other_condition(op)

    # --- segments ---------------------------------------------------------------------------------------------------

    def _write_segment(self, op: ops.SegmentOp) -> None:
        encoding = self.plan.encoding
        segment = self.segment = Segment(encoding.segment_end, self._full_to(op.name), Place(0, START))
        guarded = op.optional and not self._always_wrote(op.fields)
        mark = self._mark(op.name) if guarded else ""
        items = self.items(op.fields)
        self._opened(op.name)
        if op.name == "MSH":
            self.fix(f"MSH{self.delimiters.field}{self.delimiters.msh2}")
            segment.before = Place(2, START)
            if encoding.charset:
                items = self._with_charset(items)
        else:
            self.fix(op.name)
        self.write_items(items)
        if guarded:
            self.flush()
            self._unless_wrote(mark)

    def _always_wrote(self, fields: Sequence[ops.FieldOp]) -> bool:
        """Whether something that an input decides is written in any case."""
        return any(
            id(put) in self.deciding and self.is_sure(put.value)
            for field in fields
            for content in field.contents
            if isinstance(content, ops.Leaves)
            for put in content.puts
        )

    def _full_to(self, name: str) -> int:
        encoding = self.plan.encoding
        return encoding.full_to.get(name, 0) if encoding.trailing == "full" else 0

    def _with_charset(self, items: list[Item]) -> list[Item]:
        """MSH-18 is the engine's own. Its names hold no delimiter."""
        own = Item(self.charset, (Place(18, self.segment.repetition()),), True)
        place = next((number for number, item in enumerate(items) if item.places[0].field > 18), len(items))
        return [*items[:place], own, *items[place:]]

    def _mark(self, name: str) -> str:
        """Before a segment that may be taken back: notes how much is written, and the counters it changes."""
        self.flush()
        source, mark = self.source, self.source.temporary()
        wrote = self.segment.wrote = source.temporary()
        source.line(f"{mark} = len({self.parts})")
        source.line(f"{wrote} = False")
        owed = self.segment.owed = source.temporary()
        source.line(f"{owed} = False")
        self._kept = []
        for pair, counter in self._counters.items():
            if name in pair:
                kept = source.temporary()
                source.line(f"{kept} = {counter}")
                self._kept.append((counter, kept))
        return mark

    def _unless_wrote(self, mark: str) -> None:
        with self.source.block(f"if not {self.segment.wrote}:"):
            # A constant that cannot be sent is one whether or not its segment is.
            with self.source.block(f"if None in {self.parts}[{mark}:]:"):
                self.source.line("refuse()")
            self.source.line(f"del {self.parts}[{mark}:]")
            for counter, kept in self._kept:
                self.source.line(f"{counter} = {kept}")
        with self.source.block(f"elif {self.segment.owed}:"):
            self.source.line("refuse()")

    # --- echoes -----------------------------------------------------------------------------------------------------

    def _echo(self, op: ops.EchoOp) -> None:
        """Kept segments as they came; their new fields are made apart, each a list of parts of its own."""
        source = self.source
        self.flush()
        found, name = source.temporary(), source.constant(op.name)
        source.line(f"{found} = kept({self.exact(self.value(op.source))}, {name})")
        with source.block(f"if not {found}:"):
            source.line(f"s{op.slot} = None")
            if not op.optional:
                test = self.condition(op.when) if op.when is not None else "True"
                with source.block(f"if {test}:"):
                    source.line("refuse()")
        with self.block(f"for s{op.slot} in {found}:"):
            test = self.condition(op.when) if op.when is not None else "True"
            with self.block(f"if {test}:"):
                self._echo_one(op)

    def _echo_one(self, op: ops.EchoOp) -> None:
        self._opened(op.name)
        self.segment = Segment("", 0, Place(0, START))
        fields = []
        for field in op.fields:
            text = self.text_apart(lambda field=field: self.items([field]), field.number)  # type: ignore[misc]
            fields.append(f"({field.number}, {text})")
        new = f"({', '.join(fields)},)" if fields else "()"
        delimiters = self.source.shared("delimiters", lambda: self.delimiters)
        trim = self.plan.encoding.trailing == "trim"
        codec = self.source.shared("codec", lambda: self.plan.encoding.codec)
        self.raw(f"echoed(s{op.slot}, {delimiters}, {codec}, {trim}, {new})")
        self.fix(self.plan.encoding.segment_end)
