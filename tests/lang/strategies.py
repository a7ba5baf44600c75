"""Trees of every kind of node, as the parser could have made them; texts of programs come from printing them.

`files()` gives whole files. The smaller strategies (`values()`, `conditions()`, `operations()` …) are there for tests of later
stages. All trees are bare: without spans and comments.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, Literal, TypeVar

from hypothesis import strategies as st

from segwright.lang import ast
from segwright.lang.build import loop_name

T = TypeVar("T")


def _short(make: Callable[..., st.SearchStrategy[T]]) -> Callable[..., st.SearchStrategy[T]]:
    """Hypothesis writes strategies out when it checks them; a nested one stands for itself by its name."""
    made = cache(make)

    def short(draw: st.DrawFn, *args: Any, **kwargs: Any) -> T:
        return draw(made(*args, **kwargs))

    short.__name__ = make.__name__
    return st.composite(short)


_RESERVED = set(
    "mapping writes reads overlay from use let segment optional required if when otherwise because keep for each in of list where"
    " ordered by at most least first last named group under check that else reject saying allow on table org same error format as"
    " part record enum text end reason override add remove replace move loop after before all message via invalid unmapped blank"
    " hold null position inherited count since having or and not is present missing changed above below between matches"
    " empty".split()
)
# Drawn from a list, since a regex takes most of the time: short ones, and those that begin or end as a word of the language does.
NAMES = sorted(
    {
        *"abkxz",
        "a1",
        "b_2",
        "z9_",
        "x__y",
        "heart_rate",
        *(word + more for word in _RESERVED for more in ("s", "_1", "9")),
    }
    - _RESERVED
)
names = st.sampled_from(NAMES)
any_names = st.one_of(names, st.sampled_from(["error", "same", "message", "list", "final"]))
types = st.sampled_from(["Ab", "Order", "ResultStatus", "Text", "KindOf", "Zz"])
segments_names = st.sampled_from(["PID", "PV1", "ORC", "OBR", "OBX", "DG1", "NTE", "ZEC", "ZX9"])
hl7_types = st.sampled_from(["XCN", "CWE", "HD", "ST", "TS", "CX"])
plain_texts = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp", "Cf"]), min_size=1, max_size=12
)
reasons = plain_texts.map(str.strip).filter(bool)
docs = st.one_of(
    st.just(""),
    st.lists(
        st.from_regex(r"[A-Za-z,.{}\"][A-Za-z ,.#{}\"]{0,12}", fullmatch=True).map(str.rstrip), min_size=1, max_size=2
    ).map("\n".join),
)


def refs(least: int = 1) -> st.SearchStrategy[ast.Ref]:
    first = names if least == 1 else st.one_of(names, st.sampled_from(["message", "text", "first", "org"]))
    rest = st.lists(
        st.one_of(names, st.sampled_from(["first", "status", "from", "end"])), min_size=least - 1, max_size=2
    )
    return st.tuples(first, rest).map(lambda pair: ast.Ref((pair[0], *pair[1])))


paths = st.one_of(refs(1), refs(2))
components = st.builds(ast.ComponentPath, st.integers(1, 30), st.integers(0, 9))


@st.composite
def hl7_paths(draw: st.DrawFn) -> ast.Hl7Path:
    component = draw(st.integers(0, 20))
    repetition = draw(st.one_of(st.just(""), names))
    sub = draw(st.integers(0, 9)) if component else 0
    return ast.Hl7Path(draw(segments_names), draw(st.integers(1, 60)), repetition, component, sub)


texts = plain_texts.map(ast.Text)
numbers = st.sampled_from(["0", "1", "7", "-1", "10", "007", "99999", "0.5", "-0.25", "12.500", "1.0"]).map(ast.Number)


@_short
def _interpolations(inside: st.SearchStrategy[ast.Value]) -> st.SearchStrategy[ast.Interpolation]:
    def alternate(parts: list[ast.Value]) -> ast.Interpolation:
        kept: list[ast.Value] = []
        for part in parts:
            if not (isinstance(part, ast.Text) and kept and isinstance(kept[-1], ast.Text)):
                kept.append(part)
        return ast.Interpolation(tuple(kept))

    mixed = st.lists(st.one_of(texts, inside), min_size=1, max_size=4)
    return mixed.filter(lambda parts: any(not isinstance(part, ast.Text) for part in parts)).map(alternate)


_braced = st.one_of(
    paths,
    st.just(ast.Place()),
    st.builds(lambda value, name: ast.As(value, name), refs(2), names),
    st.builds(lambda name, argument: ast.Call(name, (ast.Argument("", argument),)), refs(1), refs(2)),
)


@_short
def _call_of(values: st.SearchStrategy[ast.Value]) -> st.SearchStrategy[tuple[ast.Argument, ...]]:
    argument = st.builds(ast.Argument, st.one_of(st.just(""), any_names, st.just("in")), values)
    return st.lists(argument, max_size=3).map(tuple)


@_short
def atoms(values: st.SearchStrategy[ast.Value] | None = None) -> st.SearchStrategy[ast.Value]:
    """What may stand on either side of a comparison."""
    inner = values if values is not None else st.one_of(paths, texts, numbers)
    return st.one_of(
        paths, texts, numbers, hl7_paths(), components, st.just(ast.Place()), st.just(ast.Inherited()),
        _interpolations(_braced),
        st.builds(ast.Call, paths, _call_of(inner)),
        st.builds(ast.Count, segments_names, st.one_of(st.just(""), segments_names), st.just(1)),
    )  # fmt: skip


@_short
def _comparisons() -> st.SearchStrategy[ast.Condition]:
    operand = atoms()
    either = st.booleans()
    right = operand.filter(lambda node: not (isinstance(node, ast.Ref) and node.names in (("blank",), ("empty",))))
    boolean = st.one_of(paths, st.builds(ast.Call, paths, _call_of(paths)))
    return st.one_of(
        st.builds(ast.Is, operand, right, either),
        st.builds(ast.State, operand, st.sampled_from(["present", "missing", "null", "changed"]), either),
        st.builds(ast.State, st.just(ast.Place()), st.sampled_from(["first", "last"]), either),
        st.builds(ast.Compare, operand, st.sampled_from(["above", "below", "at least", "at most"]), operand),
        st.builds(ast.Between, operand, operand, operand),
        st.builds(lambda v, m, n: ast.In(v, (m,), False, n), operand, paths, either),
        st.builds(
            lambda v, m, n: ast.In(v, tuple(m), True, n), operand, st.lists(operand, min_size=1, max_size=3), either
        ),
        st.builds(ast.Matches, operand, st.one_of(texts, paths)),
        st.builds(ast.Holds, boolean),
        st.just(ast.InheritedCondition()),
    )


@_short
def conditions() -> st.SearchStrategy[ast.Condition]:
    def grow(inner: st.SearchStrategy[ast.Condition]) -> st.SearchStrategy[ast.Condition]:
        several = st.lists(inner, min_size=2, max_size=3).map(tuple)
        return st.one_of(st.builds(ast.AnyOf, several), st.builds(ast.AllOf, several), st.builds(ast.Not, inner))

    return st.recursive(_comparisons(), grow, max_leaves=4)


@_short
def selections(*, having: bool, sources: st.SearchStrategy[ast.Value]) -> st.SearchStrategy[ast.Selection]:
    return st.builds(
        ast.Selection, sources, st.none() | conditions(), st.none() | atoms(),
        st.none() | components if having else st.none(),
    )  # fmt: skip


@_short
def _lists() -> st.SearchStrategy[ast.Value]:
    return st.one_of(paths, st.builds(ast.Call, paths, _call_of(paths)))


@_short
def values() -> st.SearchStrategy[ast.Value]:
    leaves = st.one_of(
        atoms(), st.just(ast.Blank()), st.just(ast.Hold()), st.just(ast.Null()),
        st.builds(ast.Count, segments_names, st.one_of(st.just(""), segments_names), st.integers(0, 9)),
        st.builds(ast.Each, names, selections(having=False, sources=_lists())),
        st.builds(ast.First, names, selections(having=False, sources=_lists())),
        st.builds(ast.Each, st.just(""), selections(having=True, sources=hl7_paths())),
        st.builds(ast.First, st.just(""), selections(having=True, sources=hl7_paths())),
        st.builds(ast.TextCall, names, _call_of(paths)),
    )  # fmt: skip

    def grow(inner: st.SearchStrategy[ast.Value]) -> st.SearchStrategy[ast.Value]:
        return st.one_of(
            st.builds(ast.As, inner, names, _call_of(inner), st.none() | inner),
            st.builds(ast.Via, inner, paths, st.none() | inner),
            st.builds(ast.Else, inner, inner),
            st.builds(ast.Composite, st.lists(inner, min_size=2, max_size=3).map(tuple)),
            st.builds(ast.Call, paths, _call_of(inner)),
        )

    return st.recursive(leaves, grow, max_leaves=4)


duties = st.one_of(
    st.just(ast.Duty()), st.just(ast.Duty("required")), st.just(ast.Duty("optional")),
    conditions().map(lambda condition: ast.Duty("required", condition)),
)  # fmt: skip


@_short
def alternatives() -> st.SearchStrategy[tuple[ast.Alternative, ...]]:
    value = st.one_of(values(), st.lists(segments_names, min_size=1, max_size=2).map(lambda n: ast.Keep(tuple(n))))
    plain = st.builds(ast.Alternative, value, duties, st.none() | conditions())
    last = st.builds(ast.Alternative, value, duties, st.none(), st.just(True))
    return st.tuples(st.lists(plain, min_size=1, max_size=2), st.none() | last).map(
        lambda pair: (*pair[0], *([pair[1]] if pair[1] is not None else []))
    )


maybe_reasons = st.one_of(st.just(""), reasons)


@st.composite
def segments(draw: st.DrawFn) -> ast.Segment:
    name = draw(segments_names)
    target = hl7_paths().map(
        lambda path: ast.Hl7Path(name, path.field, path.repetition, path.component, path.subcomponent)
    )
    rule = st.builds(ast.Rule, target, alternatives(), maybe_reasons, doc=docs)
    rules = draw(st.lists(st.one_of(rule, st.builds(ast.Let, names, values())), max_size=3))
    return ast.Segment(
        name, draw(st.one_of(st.just(""), names)), draw(st.none() | paths), draw(st.booleans()),
        draw(st.none() | conditions()), tuple(rules), doc=draw(docs),
    )  # fmt: skip


limits = st.builds(ast.Limit, st.sampled_from(["at most", "first"]), st.one_of(numbers, paths))


@st.composite
def loops(draw: st.DrawFn, body: st.SearchStrategy[tuple[ast.Statement, ...]]) -> ast.Loop:
    of = draw(selections(having=False, sources=_lists()))
    name = draw(st.one_of(st.just(loop_name(of.source)), names))
    return ast.Loop(
        draw(names), of, draw(body), draw(st.none() | limits), name, draw(st.none() | conditions()), doc=draw(docs)
    )


def _closed(statements: list[ast.Statement]) -> tuple[ast.Statement, ...]:
    """A `let` or a rule directly after a segment would belong to it."""
    kept: list[ast.Statement] = []
    for statement in statements:
        after_segment = bool(kept) and isinstance(kept[-1], ast.Segment)
        if not (after_segment and isinstance(statement, ast.Let)):
            kept.append(statement)
    return tuple(kept)


checks = st.builds(ast.Check, names, conditions(), plain_texts)
rejects = st.builds(ast.Reject, st.sampled_from(["AE", "AR"]), names, conditions(), plain_texts)


@st.composite
def allow_places(draw: st.DrawFn) -> ast.Address:
    label = draw(st.one_of(st.just(""), names))
    return draw(
        st.one_of(
            hl7_paths().map(lambda path: ast.Address("rule", "", label, path)),
            refs(2).map(lambda path: ast.Address("rule", "", "", path)),
            segments_names.map(lambda name: ast.Address("segment", name, label)),
            names.map(lambda name: ast.Address("segment", "", name)),
            st.builds(
                ast.Address, st.sampled_from(["loop", "table", "format", "part", "text", "check", "reject"]), names
            ),
            st.just(ast.Address("message")),
        )
    )


allows = st.builds(ast.Allow, st.from_regex(r"SW0[0-9]{3}", fullmatch=True), allow_places(), reasons)


@_short
def statements() -> st.SearchStrategy[tuple[ast.Statement, ...]]:
    leaves = st.one_of(
        segments(), st.builds(ast.Let, names, values()), st.builds(ast.Use, names, _call_of(values())),
        checks, rejects, allows, st.builds(ast.Rule, paths, alternatives(), maybe_reasons, doc=docs),
    )  # fmt: skip
    flat = st.lists(leaves, max_size=3).map(_closed)
    group = st.builds(ast.Group, paths, segments_names, st.one_of(st.just(""), segments_names), flat, doc=docs)
    return st.lists(st.one_of(leaves, loops(flat), group), max_size=3).map(_closed)


# --- declarations --------------------------------------------------------------------------------------------------------

_named = st.one_of(names, types, st.sampled_from(["text", "code"])).map(lambda name: ast.TypeRef("name", name))
type_refs = st.one_of(
    _named, _named.map(lambda t: ast.TypeRef("list", "", t)), _named.map(lambda t: ast.TypeRef("optional", "", t)),
    _named.map(lambda t: ast.TypeRef("optional", "", ast.TypeRef("list", "", t))),
)  # fmt: skip
parameters = st.builds(ast.Parameter, any_names, type_refs)
_keys = st.one_of(names.map(lambda name: ast.Ref((name,))), texts, numbers)
_constants = st.one_of(names.map(lambda name: ast.Ref((name,))), texts, numbers, st.just(ast.Blank()))
cells = st.one_of(
    st.lists(_constants, min_size=1, max_size=3).map(lambda parts: ast.Cell(tuple(parts))),
    st.sampled_from((ast.Cell((), "same"), ast.Cell((), "error"))),
)  # fmt: skip
_some_cells = st.lists(cells, min_size=1, max_size=3).map(tuple)
arrows = st.sampled_from(["->", "<-", "<->"])


@_short
def rows(*, changes: bool) -> st.SearchStrategy[ast.Row]:
    keys = st.lists(_keys, min_size=1, max_size=3).map(tuple)
    plain = st.builds(ast.Row, keys, arrows, _some_cells, st.just(False), st.just(""), doc=docs)
    other = st.builds(ast.Row, st.just(()), arrows, _some_cells, st.just(True), st.just(""), doc=docs)
    added = st.builds(ast.Row, keys, arrows, _some_cells, st.just(False), st.just("add"), doc=docs)
    removed = st.builds(ast.Row, keys, st.just("->"), st.just(()), st.just(False), st.just("remove"), doc=docs)
    return st.one_of(plain, other, added, removed) if changes else st.one_of(plain, other)


@st.composite
def columns(draw: st.DrawFn) -> ast.Column:
    name = draw(st.one_of(st.just(""), any_names))
    if draw(st.booleans()):
        return ast.Column(name, "code", draw(st.from_regex(r"[0-9]{4}", fullmatch=True)))
    return ast.Column(name, draw(st.one_of(names, types, hl7_types)))


@st.composite
def tables(draw: st.DrawFn) -> ast.Table:
    file = draw(st.none() | st.builds(ast.TableFile, plain_texts, st.booleans()))
    made = () if file else tuple(draw(st.lists(rows(changes=False), max_size=3)))
    keys = tuple(draw(st.lists(_named, min_size=1, max_size=3)))
    shape = tuple(draw(st.lists(columns(), min_size=1, max_size=3)))
    return ast.Table(draw(names), keys, shape, made, file, doc=draw(docs))


@_short
def format_rules(*, changes: bool) -> st.SearchStrategy[ast.FormatRule]:
    target = st.one_of(components, paths)
    word = st.sampled_from(["", "add", "override"]) if changes else st.just("")
    plain = st.builds(ast.FormatRule, target, alternatives(), word, maybe_reasons, doc=docs)
    removed = st.builds(ast.FormatRule, target, st.just(()), st.just("remove"), maybe_reasons, doc=docs)
    return st.one_of(plain, removed) if changes else plain


_raw = st.from_regex(r"[A-Za-z{%}\"#.,:][A-Za-z {}%\"#.,:=]{0,20}", fullmatch=True).map(str.rstrip).filter(
    lambda line: line.split(" ")[0].split("#")[0] not in (
        "end", "mapping", "overlay", "record", "enum", "table", "format", "part", "text", "add", "remove",
    )
)  # fmt: skip


@st.composite
def narratives(draw: st.DrawFn) -> tuple[ast.NarrativeLine, ...]:
    first = draw(_raw)
    rest = draw(st.lists(st.one_of(_raw, _raw.map(lambda line: "   " + line), st.just("")), max_size=3))
    return tuple(ast.NarrativeLine(line) for line in (first, *rest))


def _body(strategy: st.SearchStrategy[object]) -> st.SearchStrategy[tuple[object, ...]]:
    return st.lists(strategy, max_size=3).map(tuple)


declarations = st.one_of(
    st.builds(ast.Record, types, _body(st.builds(ast.FieldDecl, any_names, type_refs, doc=docs)), doc=docs),
    st.builds(
        ast.Enum, types,
        _body(st.builds(ast.EnumValue, st.one_of(names, st.sampled_from(["first", "required", "from", "add"])), doc=docs)),
        doc=docs,
    ),
    tables(),
    st.builds(
        ast.Format, names, parameters, st.sampled_from(["as", "from"]), st.one_of(types, hl7_types),
        _body(format_rules(changes=False)), doc=docs,
    ),
    st.builds(ast.Part, names, _body(parameters), statements(), doc=docs),
    st.builds(ast.Narrative, names, st.none() | parameters, narratives(), doc=docs),
)  # fmt: skip

# --- overlays ------------------------------------------------------------------------------------------------------------


@st.composite
def segment_addresses(draw: st.DrawFn) -> ast.Address:
    if draw(st.booleans()):
        return ast.Address("segment", "", draw(names))
    return ast.Address("segment", draw(segments_names), draw(st.one_of(st.just(""), names)))


def _named_address(kind: str) -> st.SearchStrategy[ast.Address]:
    return st.builds(ast.Address, st.just(kind), names)


@st.composite
def anchors(draw: st.DrawFn) -> ast.Anchor:
    where: Literal["after", "before", "end"] = draw(st.sampled_from(("after", "before", "end")))
    place = draw(st.one_of(segment_addresses(), _named_address("loop"), st.just(ast.Address("message"))))
    return ast.Anchor(where, place, "" if where == "end" else draw(st.sampled_from(["", "each", "all"])))


@st.composite
def rule_addresses(draw: st.DrawFn) -> ast.Address:
    if draw(st.booleans()):
        return ast.Address("rule", "", "", draw(paths))
    return ast.Address("rule", "", draw(st.one_of(st.just(""), names)), draw(hl7_paths()))


@st.composite
def add_rules(draw: st.DrawFn) -> ast.AddRule:
    address = draw(rule_addresses())
    beside = draw(st.one_of(st.just(""), names)) if isinstance(address.target, ast.Hl7Path) else ""
    before = draw(st.booleans()) if beside else False
    return ast.AddRule(address, draw(alternatives()), beside, before, draw(reasons), doc=draw(docs))


@st.composite
def removes(draw: st.DrawFn) -> ast.Remove:
    label = draw(st.one_of(st.just(""), names))
    rules = st.lists(hl7_paths().map(lambda path: ast.Address("rule", "", label, path)), min_size=1, max_size=3)
    references = st.lists(paths.map(lambda path: ast.Address("rule", "", "", path)), min_size=1, max_size=3)
    one = st.one_of(segment_addresses(), *(_named_address(kind) for kind in ("loop", "check", "reject"))).map(
        lambda a: [a]
    )
    return ast.Remove(tuple(draw(st.one_of(rules, references, one))), draw(reasons))


@st.composite
def replaces(draw: st.DrawFn) -> ast.Replace:
    kind = draw(st.sampled_from(["segment", "loop", "table"]))
    body: ast.Segment | ast.Loop | ast.Table
    if kind == "segment":
        body = draw(segments())
        address = ast.Address("segment", body.name, body.label)
    elif kind == "loop":
        body = draw(loops(statements()))
        address = ast.Address("loop", draw(names))
    else:
        body = draw(tables())
        address = ast.Address("table", body.name)
    return ast.Replace(address, body, draw(reasons))


@_short
def operations() -> st.SearchStrategy[ast.Operation]:
    movable = st.one_of(segment_addresses(), _named_address("loop"))
    change = st.builds(ast.NarrativeLine, plain_texts, st.sampled_from(["add", "remove"]))
    flat: st.SearchStrategy[ast.Operation] = st.one_of(
        st.builds(ast.OverrideRule, rule_addresses(), alternatives(), reasons, doc=docs),
        add_rules(), removes(), replaces(), allows,
        st.builds(ast.OverrideSegment, segment_addresses(), conditions(), reasons),
        st.builds(
            ast.OverrideLoop, _named_address("loop"), st.none() | conditions(), st.none() | atoms(), st.none() | limits, reasons
        ),
        st.builds(ast.Move, movable, anchors(), reasons),
        st.builds(ast.AddBlock, st.one_of(segments(), loops(statements())), anchors(), reasons),
        st.builds(ast.AddCheck, st.one_of(checks, rejects), reasons),
        st.builds(ast.OverrideTable, names, _body(rows(changes=True)), reasons),
        st.builds(ast.OverrideFormat, names, _body(format_rules(changes=True)), reasons),
        st.builds(ast.OverrideText, names, st.one_of(narratives(), _body(change)), reasons),
    )  # fmt: skip
    return st.one_of(flat, st.builds(ast.OverridePart, names, st.lists(flat, max_size=2).map(tuple), reasons))


@st.composite
def files(draw: st.DrawFn) -> ast.File:
    mapping = overlay = None
    kind = draw(st.sampled_from(["mapping", "overlay", "declarations"]))
    if kind == "mapping":
        messages = tuple(draw(st.lists(st.sampled_from(["ORU^R01", "ORM^O01", "OMG^O19"]), min_size=1, max_size=2)))
        mapping = ast.Mapping(
            draw(names), draw(st.sampled_from(["writes", "reads"])), messages, tuple(draw(st.lists(parameters, max_size=2))),
            draw(statements()), doc=draw(docs),
        )  # fmt: skip
    elif kind == "overlay":
        overlay = ast.Overlay(draw(names), tuple(draw(st.lists(operations(), max_size=3))), doc=draw(docs))
    return ast.File("generated", mapping, overlay, tuple(draw(st.lists(declarations, max_size=2))))
