"""Which plans may run."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from segwright.plan import ops
from segwright.plan.model import TEXT
from segwright.plan.ops import (
    AllOf,
    Attr,
    Call,
    Cell,
    CheckOp,
    ChooseRep,
    Coalesce,
    Component,
    Count,
    Duty,
    Each,
    EachRep,
    EchoOp,
    FieldOp,
    First,
    GroupOp,
    Input,
    IsLast,
    Keep,
    Leaves,
    LetOp,
    Lookup,
    LoopOp,
    MadePart,
    Make,
    Match,
    Narrate,
    Narrative,
    Not,
    Plan,
    Present,
    Put,
    Received,
    RejectOp,
    RepRung,
    Result,
    SegmentOp,
    SetOp,
    Slot,
    Table,
    TableRow,
    Take,
    TakeAll,
)
from segwright.plan.validate import DEEPEST_LOOPS, PlanRefused, check, problems
from tests.plan.samples import ASCII, READING, WRITING, fresh, msh, text, writes


@pytest.mark.parametrize("sample", [*WRITING.values(), *READING.values()])
def test_every_sample_may_run(sample: Any) -> None:
    check(sample.plan)


def written(*body: Any, slots: int = 9, **more: Any) -> Plan:
    return writes("x", (), body, slots, **more)


def valued(value: ops.Value, **more: Any) -> Plan:
    return written(LetOp(8, value), **more)


def where(condition: ops.Condition, **more: Any) -> Plan:
    return written(CheckOp("c", condition, "no"), **more)


def content(inside: ops.Content, **more: Any) -> Plan:
    return written(SegmentOp("PID", (FieldOp(1, (inside,)),)), **more)


def leaf(*puts: Put) -> Leaves:
    return Leaves(puts or (Put(1, 1, text("a")),))


def reading(*body: Any, results: tuple[Result, ...] = (Result(0, "patient", "Patient", 3),), **more: Any) -> Plan:
    more = {"functions": ("date/text@1",), **more}
    return fresh(Plan("x", "reads", ("ORM^O01",), "0" * 64, ASCII, (), body, 9, results=results, **more))


def put_in(value: ops.Value) -> Plan:
    return reading(SetOp(0, 0, value))


def encoded(**changes: Any) -> Plan:
    return written(encoding=msgspec.structs.replace(ASCII, **changes))


def altered(**changes: Any) -> Plan:
    return msgspec.structs.replace(written(), **changes)


def nested(depth: int) -> ops.WriteOp:
    body: tuple[ops.WriteOp, ...] = (SegmentOp("NTE", ()),)
    for level in range(depth):
        body = (LoopOp(3 * level + 1, 3 * level + 2, Slot(0), body),)
    return body[0]


def deep(depth: int) -> ops.Condition:
    condition: ops.Condition = Present(Slot(0))
    for _ in range(depth):
        condition = Not(condition)
    return condition


def table(*rows: TableRow, otherwise: tuple[Cell, ...] | None = None) -> dict[str, Any]:
    return {"tables": (Table(rows, otherwise),)}


A, B = Cell("text", ("a",)), Cell("composite", ("a", "b"))
ROW = TableRow(("k",), (A,))
GROUP = Result(1, "order", "Order", 2)

REFUSED: dict[str, tuple[Plan, str]] = {
    # limits
    "many operations": (where(AllOf(tuple(Present(Slot(0)) for _ in range(2600)))), "more than 5000 operations"),
    "many constants": (valued(text("x" * 70_000)), "longer than 65536 bytes"),
    "many sayings": (written(CheckOp("c", Present(Slot(0)), "x" * 70_000)), "longer than 65536 bytes"),
    "large tables": (written(**table(TableRow(("k",), (Cell("text", ("x" * 2**20,)),)))), "longer than 1048576 bytes"),
    "deep loops": (written(nested(DEEPEST_LOOPS + 1), slots=40), "more than 8 deep"),
    "deep conditions": (where(deep(70)), "nested more than 60 deep"),
    "many slots": (written(slots=10**12), "more than 10000 slots"),
    "slots below zero": (written(slots=-1), "fewer than none"),
    # slots
    "unbound slot": (valued(Slot(7)), "slot 7 is not bound here"),
    "negative slot": (valued(Slot(-1)), "slot -1 is not bound"),
    "slot read before it is bound": (written(LetOp(1, Slot(2)), LetOp(2, Slot(0))), "slot 2 is not bound"),
    "slot of a loop after it": (written(LoopOp(1, 2, Slot(0), ()), LetOp(4, Slot(1))), "slot 1 is not bound"),
    "slot of each in its source": (valued(Each(1, Slot(1), Slot(0))), "slot 1 is not bound"),
    "slot bound twice": (written(LetOp(1, Slot(0)), LetOp(1, Slot(0))), "bound twice"),
    "each inside each": (valued(Each(1, Slot(0), Each(1, Slot(0), Slot(1)))), "slot 1 is bound twice"),
    "each in the slot of a let": (
        written(LetOp(1, Slot(0)), LetOp(2, Each(1, Slot(0), Slot(1)))),
        "slot 1 is bound twice",
    ),
    "let in the slot of each": (
        written(LetOp(2, Each(1, Slot(0), Slot(1))), LetOp(1, Slot(0))),
        "slot 1 is bound twice",
    ),
    "input bound": (written(LetOp(0, text("a"))), "bound twice"),
    "position over another": (written(LetOp(3, Slot(0)), LoopOp(1, 2, Slot(0), ())), "bound twice"),
    "slot outside": (written(LetOp(9, Slot(0))), "outside of the plan's slots"),
    "position of a where": (written(LoopOp(1, 2, Slot(0), (), where=Present(Slot(2)))), "slot 2 is not bound"),
    "last of no loop": (where(IsLast(0)), "no position of an open loop"),
    "last after the loop": (
        written(LoopOp(1, 2, Slot(0), ()), CheckOp("c", IsLast(2), "no")),
        "no position of an open loop",
    ),
    # indexes
    "attribute": (valued(Attr(Slot(0), -1)), "no attribute -1"),
    "high attribute": (valued(Attr(Slot(0), 500)), "no attribute 500"),
    "table": (valued(Lookup(0, (Slot(0),))), "no table 0"),
    "column": (valued(Lookup(0, (Slot(0),), 1), **table(ROW)), "no column 1"),
    "negative column": (valued(Lookup(0, (Slot(0),), -1), **table(ROW)), "no column -1"),
    "keys": (valued(Lookup(0, (Slot(0), Slot(0))), **table(ROW)), "another number of keys"),
    "no key": (valued(Lookup(0, ()), **table(otherwise=(A,))), "at least one"),
    "component of one value": (valued(Lookup(0, (Slot(0),), 0, 1), **table(ROW)), "composite cells, and only of those"),
    "composite as one value": (valued(Lookup(0, (Slot(0),)), **table(TableRow(("k",), (B,)))), "composite cells"),
    "mixed column": (
        valued(Lookup(0, (Slot(0),), 0, 1), **table(TableRow(("k",), (B,)), otherwise=(A,))),
        "mixes composite",
    ),
    "same with two keys": (
        valued(Lookup(0, (Slot(0), Slot(0)), same=True), **table(otherwise=(A,))),
        "`same` needs one key",
    ),
    "pattern": (where(Match(Slot(0), 0)), "no pattern 0"),
    "function": (valued(Call(1, (Slot(0),))), "no function 1"),
    "negative function": (valued(Call(-1, (Slot(0),))), "no function -1"),
    "no subject": (valued(Call(0, ())), "needs its first value"),
    "empty subject": (valued(Call(0, (None, Slot(0)))), "needs its first value"),
    "many arguments": (valued(Call(1, (Slot(0),) * 3), functions=("upper/text@1",)), "takes fewer arguments"),
    "narrative": (valued(Narrate(0, ())), "no narrative 0"),
    "narrative's arguments": (
        valued(Narrate(0, ()), narratives=(Narrative("{{ v0 }}"),), libraries={"jinja2": "3"}),
        "neither an argument nor",
    ),
    "high component": (valued(Component(Slot(0), 1000)), "no component 1000"),
    "subcomponent of the whole": (valued(Component(Slot(0), 0, 1)), "subcomponent of no component"),
    # direction
    "take in writing": (valued(Take("PID", 3)), "the plan writes one"),
    "take all in writing": (valued(TakeAll("PID", 3)), "the plan writes one"),
    "keep in writing": (valued(Keep(("PV1",))), "the plan writes one"),
    "make in writing": (valued(Make(1, Slot(0), 1, ())), "the plan writes one"),
    "set in writing": (written(SetOp(0, 0, Slot(0))), "the plan writes one"),
    "segment in reading": (reading(SegmentOp("PID", ())), "the plan reads one"),
    "count in reading": (put_in(Count("PID")), "belongs to writing"),
    "narrative in reading": (put_in(Narrate(0, ())), "belongs to writing"),
    "received in reading": (put_in(Received(Slot(0), 1)), "belongs to writing"),
    "last in reading": (reading(RejectOp("AE", "x", IsLast(0), "no")), "belongs to writing"),
    "received outside of an echo": (valued(Received(Slot(0), 1)), "the segment that is echoed"),
    "received of another": (
        written(EchoOp("PV1", Slot(0), 1, (FieldOp(1, (leaf(Put(1, 1, Component(Received(Slot(0), 1), 1))),)),))),
        "the segment that is echoed",
    ),
    "inputs in reading": (altered(direction="reads", body=()), "no inputs"),
    "results in writing": (altered(results=(Result(5, "p", "P", 1),)), "no results"),
    # segments
    "no header": (
        msgspec.structs.replace(written(), body=(SegmentOp("PID", ()),)),
        "first segment of the message is not MSH",
    ),
    "conditional header": (altered(body=(SegmentOp("MSH", (), when=Present(Slot(0))),)), "not always written"),
    "optional header": (altered(body=(SegmentOp("MSH", (), optional=True),)), "not always written"),
    "second header": (written(msh()), "MSH is written once"),
    "batch header": (written(SegmentOp("BHS", ())), "the engine's"),
    "echoed header": (written(EchoOp("MSH", Slot(0), 1)), "not echoed"),
    "segment name": (written(SegmentOp("pid", ())), "three capitals"),
    "injected segment name": (written(SegmentOp("PID|1\rZZZ", ())), "three capitals"),
    "engine's field": (altered(body=(SegmentOp("MSH", (FieldOp(2, (leaf(),)),)),)), "the engine's"),
    "engine's charset": (altered(body=(SegmentOp("MSH", (FieldOp(18, (leaf(),)),)),)), "the engine's"),
    "field zero": (written(SegmentOp("PID", (FieldOp(0, ()),))), "no field 0"),
    "high field": (written(SegmentOp("PID", (FieldOp(1000, ()),))), "no field 1000"),
    "descending fields": (written(SegmentOp("PID", (FieldOp(2, ()), FieldOp(1, ())))), "ascending"),
    "field twice": (written(EchoOp("PV1", Slot(0), 1, (FieldOp(2, ()), FieldOp(2, ())))), "ascending"),
    "component zero": (content(leaf(Put(0, 1, text("a")))), "count from 1"),
    "high subcomponent": (content(leaf(Put(1, 1000, text("a")))), "count from 1"),
    "leaf twice": (content(leaf(Put(1, 1, text("a")), Put(1, 1, text("b")))), "ascending"),
    "leaves descending": (content(leaf(Put(2, 1, text("a")), Put(1, 2, text("b")))), "ascending"),
    "deep content": (
        content(ChooseRep((RepRung(EachRep(1, Slot(0), leaf(Put(1, 1, Slot(2))))),))),
        "slot 2 is not bound",
    ),
    "condition without if": (
        content(leaf(Put(1, 1, text("a"), duty=Duty("always", Present(Slot(0)))))),
        "exactly when",
    ),
    "any of a repetition": (content(Leaves((Put(1, 1, text("a")),), Duty("any"))), "cannot be `any`"),
    "any of a set": (reading(SetOp(0, 0, text("a"), Duty("any"))), "cannot be `any`"),
    "if without condition": (content(leaf(Put(1, 1, text("a"), duty=Duty("if")))), "exactly when"),
    "nameless check": (written(CheckOp("", Present(Slot(0)), "no")), "has no name"),
    "silent check": (written(CheckOp("c", Present(Slot(0)), "")), "says nothing"),
    # reading
    "set outside of results": (reading(SetOp(3, 0, text("a"))), "holds no record"),
    "set beyond the record": (reading(SetOp(0, 3, text("a"))), "no attribute 3"),
    "group's record outside": (
        reading(SetOp(1, 0, text("a")), GroupOp(1, 2, "OBR", "ORC", ()), results=(GROUP,)),
        "holds no record that is made here",
    ),
    "group of no result": (reading(GroupOp(1, 2, "OBR", "ORC", ())), "not among the results"),
    "group of another size": (reading(GroupOp(1, 3, "OBR", "ORC", ()), results=(GROUP,)), "another size"),
    "group in a group": (
        reading(GroupOp(1, 2, "OBR", "ORC", (GroupOp(1, 2, "OBX", "OBR", ()),)), results=(GROUP,)),
        "one group, at its top",
    ),
    "two groups": (
        reading(GroupOp(1, 2, "OBR", "ORC", ()), GroupOp(1, 2, "OBX", "OBR", ()), results=(GROUP,)),
        "one group, at its top",
    ),
    "group of headers": (reading(GroupOp(1, 2, "OBR", "MSH", ()), results=(GROUP,)), "no headers"),
    "made twice": (put_in(Make(1, Take("PID", 3), 2, (MadePart(0, text("a")), MadePart(0, text("b"))))), "made twice"),
    "made beyond": (put_in(Make(1, Take("PID", 3), 2, (MadePart(2, text("a")),))), "no attribute 2"),
    "made slot outside": (
        reading(SetOp(0, 0, Make(1, Take("PID", 3), 1, ())), SetOp(0, 1, Slot(1))),
        "slot 1 is not bound",
    ),
    "delimiters as data": (put_in(Take("MSH", 2)), "no data"),
    "header kept": (put_in(Keep(("MSH",))), "not kept"),
    "empty result": (reading(results=(Result(0, "p", "P", 0),)), "at least one attribute"),
    "result's name": (reading(results=(Result(0, "P x", "P", 1),)), "different names"),
    "first's slot": (put_in(First(0, TakeAll("PID", 3), text("a"))), "bound twice"),
    # data
    "empty text": (valued(text("")), "is empty"),
    "integer": (valued(ops.Const("integer", "1.5")), "no integer"),
    "long integer": (valued(ops.Const("integer", "1" * 19)), "no integer"),
    "integer of another script": (valued(ops.Const("integer", "١")), "no integer"),
    "decimal": (valued(ops.Const("decimal", "1e5")), "no decimal"),
    "boolean": (valued(ops.Const("boolean", "True")), "no boolean"),
    "valued blank": (valued(ops.Const("blank", "a")), "no value of its own"),
    "pattern's form": (written(patterns=("(a",)), "pattern 0"),
    "unknown function": (written(functions=("text/text@99",)), "no such built-in"),
    "foreign function": (written(functions=("os.system",)), "no such built-in"),
    "unknown filter": (
        written(narratives=(Narrative("x", (7,)),), libraries={"jinja2": "3"}),
        "not among the plan's functions",
    ),
    "unpinned jinja": (written(narratives=(Narrative("x"),)), "pin the version"),
    "other jinja": (written(libraries={"jinja2": "1"}), "does not have in this version"),
    "other tzdata": (written(libraries={"tzdata": "1999a"}), "does not have in this version"),
    "unknown library": (written(libraries={"numpy": "1"}), "does not have in this version"),
    "unsorted rows": (written(**table(TableRow(("b",), (A,)), TableRow(("a",), (A,)))), "sorted by their keys"),
    "row twice": (written(**table(ROW, ROW)), "sorted by their keys"),
    "widths": (written(**table(ROW, TableRow(("z",), (A, A)))), "as many cells"),
    "key widths": (written(**table(ROW, TableRow(("l", "m"), (A,)))), "as many as the others"),
    "empty key": (written(**table(TableRow(("",), (A,)))), "one to three keys"),
    "empty table": (written(**table()), "at least one"),
    "cell of another type": (written(**table(TableRow(("k",), (Cell("integer", ("x",)),)))), "not of its type"),
    "valued error": (written(**table(TableRow(("k",), (Cell("error", ("x",)),)))), "not of its type"),
    "blank composite": (written(**table(TableRow(("k",), (Cell("composite", ("", "")),)))), "not of its type"),
    # encoding
    "delimiter": (encoded(field="a"), "printable ASCII"),
    "control delimiter": (encoded(field="\r"), "printable ASCII"),
    "equal delimiters": (encoded(msh2="^^\\&"), "differ"),
    "three delimiters": (encoded(msh2="^~\\"), "four or five"),
    "codec": (encoded(codec="rot13"), "cannot be written in this codec"),
    "utf-7": (encoded(codec="utf-7"), "cannot be written in this codec"),
    "charset": (encoded(charset="UNICODE UTF-8"), "another charset"),
    "charset's name": (encoded(charset="ASCII|X"), "another charset"),
    "delimiter in the charset": (encoded(charset="8859/1", codec="iso8859-1", field="/"), "holds a delimiter"),
    "replacement": (encoded(unencodable={"é": "ë"}), "cannot be encoded itself"),
    "empty replacement": (encoded(unencodable={"é": ""}), "by one to twenty"),
    "replacing two": (encoded(unencodable={"éé": "e"}), "one character"),
    "replacing by control": (encoded(unencodable={"é": "\r"}), "printable"),
    "version": (encoded(version="2.5.1|X"), "written 2.5.1"),
    "segment end": (encoded(segment_end="\x1c"), "CR, LF or both"),
    "full to": (encoded(full_to={"PID": 10**9}), "number of fields"),
    # head
    "format": (altered(format=2), "format 2"),
    "language": (altered(language=2), "language version 2"),
    "message": (altered(message="Ecg Result"), "no name"),
    "types": (altered(types=()), "ORU^R01"),
    "model": (altered(model="x"), "sha256"),
    "input twice": (writes("x", (Input("message", TEXT),), (), 2), "different names"),
    "more inputs than slots": (altered(slots=0), "fewer slots than inputs"),
    "coalesce inside": (valued(Coalesce((text(""),))), "is empty"),
}


@pytest.mark.parametrize(("plan", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_may_not_run_is_refused_with_its_reason(plan: Plan, reason: str) -> None:
    assert any(reason in each for each in problems(plan)), problems(plan)
    with pytest.raises(PlanRefused) as refused:
        check(plan)
    assert list(refused.value.reasons) == problems(plan)


def test_all_problems_are_found_at_once() -> None:
    plan = msgspec.structs.replace(valued(Slot(7)), format=9, patterns=("(",))
    assert len(problems(plan)) == 3


def test_passing_slots_may_be_shared_one_after_another() -> None:
    each = Each(1, Slot(0), Slot(1))
    assert (
        problems(written(LetOp(2, each), LetOp(3, each), SegmentOp("PID", (FieldOp(1, (EachRep(1, each, leaf()),)),))))
        == []
    )


def test_loops_may_be_nested_as_deep_as_allowed() -> None:
    assert problems(written(nested(DEEPEST_LOOPS), slots=40)) == []
