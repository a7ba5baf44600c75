"""Random plans within what the language can say, and random values for them: for comparing generated code with the interpreter.

Every value of a plan made here has the type its place asks for, as the compiler guarantees; nothing else is regular about them.
"""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import strategies as st

from segwright.hl7.delimiters import STANDARD, Delimiters
from segwright.hl7.values import NULL, Field, Segment
from segwright.plan import ops
from segwright.plan.model import Type

OTHER = Delimiters("#", "!", "%", "$", "*")
RECORD = Type("record", "R")

# --- values of inputs ------------------------------------------------------------------------------------------------

CALM = st.sampled_from(["A", "plain", "F", "M", "é", "", "x&y", "|", "a\\b", "A B"])
"""Texts that hardly an encoding below refuses, though some of them are escaped."""
HOSTILE = st.one_of(
    st.sampled_from(
        [
            "A", "plain", "F", "M", "", "|^~\\&", "a|b", "\\F\\", "é", "€", "–", "a\r\nb", "\t", '""', '"', "\x00",
            "\x0b", "Ω",
        ]
    ),
    st.text(alphabet="aB1|^~\\&é\r\n \"#!", max_size=6),
)  # fmt: skip
CALM_FIELDS = st.sampled_from(["", "1", "1^2", "A", "A^^F", "x&y", "^^", '""', "a\\F\\b", "1^^3&4"])
HOSTILE_FIELDS = st.sampled_from(
    ["", "1^2", "A~B", "x&y", "^^", '""', "a\\F\\b", "\\.br\\", "p|q", "A\x01", "1!2", "é"]
)

TEXT_INDEXES = (0, 1, 2)
PAIR_INDEX, PAIRS_INDEX, TEXTS_INDEX, FIELD_INDEX, INTEGER_INDEX, KEPT_INDEX = 3, 4, 5, 6, 7, 8
ECHOED = ("ZZ1", "ZZ3")


def records(texts: st.SearchStrategy[str], fields: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    """An input, made of such texts and received fields."""
    text = st.one_of(st.none(), texts, texts, st.just(NULL))
    pair = st.tuples(text, text)
    delimiters = st.sampled_from([STANDARD, OTHER])
    segment = st.builds(
        lambda name, fields, delimiters: Segment(delimiters.field.join([name, *fields]), delimiters),
        st.sampled_from([*ECHOED, "ZZ4"]),
        st.lists(fields, max_size=5),
        delimiters,
    )
    return st.tuples(
        text,
        text,
        text,
        st.one_of(st.none(), pair),
        st.one_of(st.none(), st.lists(pair, max_size=3).map(tuple)),
        st.one_of(
            st.none(), st.lists(texts, max_size=3).map(tuple), st.lists(texts, min_size=2, max_size=3).map(tuple)
        ),
        st.one_of(st.none(), st.builds(Field, fields, delimiters)),
        st.one_of(st.none(), st.integers(-2, 700)),
        st.one_of(st.none(), st.lists(segment, min_size=1, max_size=4).map(tuple)),
    )


INPUTS = st.one_of(
    *(
        st.tuples(one, st.one_of(st.none(), one))
        for one in (records(CALM, CALM_FIELDS), records(HOSTILE, HOSTILE_FIELDS))
    )
)

# --- plans -----------------------------------------------------------------------------------------------------------

CODES = st.sampled_from(["A", "F", "M", "plain", "|", "é", "x&y"])
FUNCTIONS = ("upper/text@1", "digits/text@1", "text/text@1", "integer/integer@1", "base64/text@1")
TABLES = (
    ops.Table(
        (
            ops.TableRow(("A",), (ops.Cell("text", ("one|",)), ops.Cell("composite", ("c1", "", "c&3")))),
            ops.TableRow(("F",), (ops.Cell("blank"), ops.Cell("blank"))),
            ops.TableRow(("M",), (ops.Cell("error"), ops.Cell("composite", ("c1", "c2", "c3")))),
        )
    ),
    ops.Table(
        (ops.TableRow(("A",), (ops.Cell("text", ("yes",)),)),),
        otherwise=(ops.Cell("text", ("other",)),),
    ),
    ops.Table((ops.TableRow(("A", "F"), (ops.Cell("text", ("both",)),)),)),
)


class Maker:
    """Draws one plan. `pairs`, `texts` and `echoed` are slots that hold a pair, a text and the segment being echoed. A `strict`
    plan demands much, so most of what it is given is refused; any other demands something now and then."""

    def __init__(self, draw: Any) -> None:
        self.draw = draw
        self.slots = 2
        self.pairs: list[int] = []
        self.texts: list[int] = []
        self.echoed: list[int] = []
        self.strict = draw(st.booleans())

    def slot(self) -> int:
        self.slots += 1
        return self.slots - 1

    def one(self, *names: str) -> str:
        return self.draw(st.sampled_from(names))

    def flip(self) -> bool:
        return self.draw(st.booleans())

    def attribute(self, index: int) -> ops.Value:
        return ops.Attr(ops.Slot(self.draw(st.sampled_from([0, 0, 1]))), index)

    # values that give a text, null or nothing

    def text(self, depth: int = 0) -> ops.Value:
        plain = ["constant", "attribute", "attribute", "attribute", "pair", "blank"]
        if self.pairs:
            plain += ["bound pair", "bound pair"]
        if self.texts:
            plain += ["bound text", "bound text"]
        plain += ["component", *(["echoed"] if self.echoed else [])]
        deep = ["coalesce", "choose", "lookup", "call", "first", "two keys"] if depth < 2 else []
        match self.one(*plain, *deep):
            case "constant":
                return ops.Const("text", self.draw(CODES))
            case "blank":
                return ops.Const(self.one("blank", "null"))  # type: ignore[arg-type]
            case "attribute":
                return self.attribute(self.draw(st.sampled_from(TEXT_INDEXES)))
            case "pair":
                return ops.Attr(self.attribute(PAIR_INDEX), self.draw(st.sampled_from([0, 1])))
            case "bound pair":
                return ops.Attr(ops.Slot(self.draw(st.sampled_from(self.pairs))), self.draw(st.sampled_from([0, 1])))
            case "bound text":
                return ops.Slot(self.draw(st.sampled_from(self.texts)))
            case "component":
                return self.component(self.attribute(FIELD_INDEX))
            case "echoed":
                return self.component(self.received())
            case "coalesce":
                return ops.Coalesce((self.text(depth + 1), self.text(depth + 1)))
            case "choose":
                return ops.Choose(
                    (
                        ops.Rung(self.text(depth + 1), self.condition(depth + 1)),
                        ops.Rung(self.text(depth + 1), self.condition(depth + 1) if self.flip() else None),
                    )
                )
            case "lookup":
                table = self.draw(st.sampled_from([0, 1]))
                column = self.draw(st.sampled_from([0, 1])) if table == 0 else 0
                return ops.Lookup(
                    table,
                    (self.text(depth + 1),),
                    column,
                    self.draw(st.sampled_from([1, 2, 3])) if column == 1 else 0,
                    unmapped=self.text(depth + 1) if self.flip() else None,
                    same=not self.strict or self.flip(),
                )
            case "two keys":
                unmapped = self.text(depth + 1) if not self.strict or self.flip() else None
                return ops.Lookup(2, (self.text(depth + 1), self.text(depth + 1)), unmapped=unmapped)
            case "call":
                function = self.draw(st.sampled_from([0, 1, 2, 4]))
                more: tuple[ops.Value | None, ...] = ()
                if function == 2:
                    more = (ops.Const("integer", "4"), ops.Const("text", self.one("cut", "error")))
                invalid = self.text(depth + 1) if not self.strict or self.flip() else None
                return ops.Call(function, (self.text(depth + 1), *more), invalid=invalid)
            case _:
                return self.first(depth + 1)

    def component(self, of: ops.Value) -> ops.Value:
        return ops.Component(of, self.draw(st.integers(1, 3)), self.draw(st.integers(1, 2)))

    def received(self) -> ops.Value:
        return ops.Received(ops.Slot(self.draw(st.sampled_from(self.echoed))), self.draw(st.integers(1, 5)))

    def listed(self, depth: int) -> ops.Value:
        """A value that gives a list of texts."""
        if depth > 1 or self.one("attribute", "attribute", "each") == "attribute":
            return self.attribute(TEXTS_INDEX)
        slot = self.slot()
        self.texts.append(slot)
        value, where = self.text(depth + 1), self.condition(depth + 1) if self.flip() else None
        order = self.text(depth + 1) if self.flip() else None
        self.texts.remove(slot)
        return ops.Each(slot, self.attribute(TEXTS_INDEX), value, where, order)

    def first(self, depth: int) -> ops.Value:
        slot = self.slot()
        source = self.listed(depth)
        self.texts.append(slot)
        value, where = self.text(depth), self.condition(depth) if self.flip() else None
        self.texts.remove(slot)
        return ops.First(slot, source, value, where)

    def condition(self, depth: int = 0) -> ops.Condition:
        deep = ["and", "or", "not"] if depth < 2 else []
        match self.one("present", "null", "equal", "equal", "in", "match", "same", "least", *deep):
            case "present":
                return ops.Present(self.text(depth + 1))
            case "null":
                return ops.IsNull(self.text(depth + 1))
            case "equal":
                return ops.Equal(self.text(depth + 1), ops.Const("text", self.draw(CODES)))
            case "in":
                codes = ops.Listed(tuple(ops.Const("text", code) for code in ("A", "F", "plain")))
                return ops.In(self.text(depth + 1), codes if self.flip() else self.listed(depth + 1))
            case "match":
                return ops.Match(self.text(depth + 1), 0)
            case "same":
                return ops.Equal(self.text(depth + 1), self.text(depth + 1))
            case "least":
                return ops.Order("at least", self.attribute(INTEGER_INDEX), ops.Const("integer", "3"))
            case "and":
                return ops.AllOf((self.condition(depth + 1), self.condition(depth + 1)))
            case "or":
                return ops.AnyOf((self.condition(depth + 1), self.condition(depth + 1)))
            case _:
                return ops.Not(self.condition(depth + 1))

    # what is written

    def duty(self, *needs: str) -> ops.Duty:
        if not self.strict and self.draw(st.integers(0, 5)):
            return ops.Duty()
        match self.one("optional", "optional", *needs):
            case "if":
                return ops.Duty("if", self.condition(1))
            case need:
                return ops.Duty(need)  # type: ignore[arg-type]

    def put(self, component: int, subcomponent: int) -> ops.Put:
        match self.one("text", "text", "text", "integer", "count"):
            case "integer":
                value: ops.Value = self.attribute(INTEGER_INDEX)
            case "count":
                value = ops.Count(self.one("ZZ1", "ZZ2"), self.one("", "ZZ1"), self.draw(st.integers(1, 3)))
            case _:
                value = self.text()
        coding = self.one("text", "text", "formatted")
        return ops.Put(component, subcomponent, value, coding, self.duty("always", "any", "if"))  # type: ignore[arg-type]

    def leaves(self) -> ops.Leaves:
        places = self.draw(st.sets(st.tuples(st.integers(1, 3), st.integers(1, 2)), min_size=1, max_size=4))
        return ops.Leaves(tuple(self.put(*place) for place in sorted(places)), self.duty("always", "if"))

    def content(self, depth: int = 0) -> ops.Content:
        # The deeper, the likelier to go on: what is wrong with nesting shows where repetitions are made within repetitions.
        deep = (["ladder", "fallback", "each"], ["ladder", "fallback", "each", "each"], ["fallback", "each", "each"])
        match self.one("leaves", "leaves", "leaves", "opaque", "hold", *deep[depth]) if depth < 3 else "leaves":
            case "leaves":
                return self.leaves()
            case "opaque":
                of = self.received() if self.echoed and self.flip() else self.attribute(FIELD_INDEX)
                return ops.Opaque(of, self.duty("always", "if"))
            case "hold":
                return ops.HoldRep()
            case "ladder":
                return ops.ChooseRep(
                    (
                        ops.RepRung(self.content(depth + 1), self.condition(1)),
                        ops.RepRung(self.content(depth + 1), self.condition(1) if self.flip() else None),
                    )
                )
            case "fallback":
                contents = (self.content(depth + 1), self.content(depth + 1))
                return ops.Fallback(contents, self.duty("always", "if"))
            case _:
                slot = self.slot()
                source = self.listed(1)
                self.texts.append(slot)
                where = self.condition(1) if self.flip() else None
                order = ops.Slot(slot) if self.flip() else None
                content = self.content(depth + 1)
                self.texts.remove(slot)
                return ops.EachRep(slot, source, content, where, order, self.duty("always", "if"))

    def fields(self) -> tuple[ops.FieldOp, ...]:
        numbers = sorted(self.draw(st.sets(st.integers(1, 7), min_size=1, max_size=4)))
        return tuple(
            ops.FieldOp(number, tuple(self.content() for _ in range(self.draw(st.sampled_from([1, 1, 1, 2, 3])))))
            for number in numbers
        )

    def segment(self) -> ops.SegmentOp:
        when = self.condition() if self.draw(st.integers(0, 3)) == 0 else None
        return ops.SegmentOp(self.one("ZZ1", "ZZ2"), self.fields(), when, optional=self.flip())

    def echo(self) -> ops.EchoOp:
        slot = self.slot()
        source = self.attribute(KEPT_INDEX)
        self.echoed.append(slot)
        fields = self.fields() if self.flip() else ()
        when = self.condition() if self.draw(st.integers(0, 3)) == 0 else None
        self.echoed.remove(slot)
        return ops.EchoOp(self.one(*ECHOED), source, slot, fields, when, optional=not self.strict or self.flip())

    def loop(self, depth: int) -> ops.LoopOp:
        slot, position = self.slot(), self.slot()
        self.slot()
        kind = self.one("pairs", "texts")
        source = self.attribute(PAIRS_INDEX) if kind == "pairs" else self.listed(1)
        bound = self.pairs if kind == "pairs" else self.texts
        bound.append(slot)
        order: ops.Value | None = None
        if self.flip():
            order = ops.Attr(ops.Slot(slot), 0) if kind == "pairs" else ops.Slot(slot)
        where = self.condition(1) if self.flip() else None
        body = self.body(depth + 1)
        if self.flip():
            last = ops.Choose((ops.Rung(ops.Const("text", "last"), ops.IsLast(position)), ops.Rung(ops.Slot(position))))
            body += (ops.SegmentOp("ZZ2", (ops.FieldOp(1, (ops.Leaves((ops.Put(1, 1, last),)),)),)),)
        bound.remove(slot)
        limit = ops.Const("integer", "2")
        return ops.LoopOp(
            slot, position, source, body, where, order,
            most=limit if self.one("no", "no", "yes") == "yes" else None,
            first=limit if self.flip() else None,
            when=self.condition(1) if self.flip() else None,
        )  # fmt: skip

    def body(self, depth: int = 0) -> tuple[Any, ...]:
        found: list[Any] = []
        lets = 0
        for _ in range(self.draw(st.integers(1, 3))):
            match self.one("segment", "segment", "segment", "echo", "let", "check", *(["loop"] if depth < 2 else [])):
                case "segment":
                    found.append(self.segment())
                case "echo":
                    found.append(self.echo())
                case "loop":
                    found.append(self.loop(depth))
                case "let":
                    slot = self.slot()
                    found.append(ops.LetOp(slot, self.text()))
                    self.texts.append(slot)
                    lets += 1
                case _:
                    if self.draw(st.integers(0, 3)) == 0:
                        found.append(ops.CheckOp("check", self.condition(), "it does not hold"))
        if lets:
            del self.texts[-lets:]
        return tuple(found)


@st.composite
def writing_plans(draw: Any) -> ops.Plan:
    """A writing plan of two inputs (`INPUTS`), the second optional."""
    maker = Maker(draw)
    body = maker.body()
    field, msh2 = draw(st.sampled_from([("|", "^~\\&"), ("|", "^~\\&#"), ("#", "!%$*")]))
    charset, codec = draw(
        st.sampled_from([("", "ascii"), ("8859/1", "iso8859-1"), ("8859/15", "iso8859-15"), ("UNICODE UTF-8", "utf-8")])
    )
    encoding = ops.Encoding(
        "2.5.1",
        field,
        msh2,
        charset,
        codec,
        unencodable=draw(st.sampled_from([{}, {"–": "-", "€": "EUR&", "é": "e"}])),
        trailing=draw(st.sampled_from(["trim", "full"])),
        full_to={"ZZ1": 6, "MSH": 19},
        segment_end=draw(st.sampled_from(["\r", "\r\n"])),
    )
    plan = ops.Plan(
        "random",
        "writes",
        ("ORU^R01",),
        "0" * 64,
        encoding,
        (ops.Input("one", RECORD), ops.Input("two", RECORD, optional=True)),
        (
            ops.SegmentOp("MSH", (ops.FieldOp(9, (ops.Leaves((ops.Put(1, 1, ops.Const("text", "ORU")),)),)),)),
            *body,
        ),
        maker.slots,
        tables=TABLES,
        patterns=("[A-Za-z]+",),
        functions=FUNCTIONS,
    )
    return msgspec.json.decode(msgspec.json.encode(plan), type=ops.Plan)
