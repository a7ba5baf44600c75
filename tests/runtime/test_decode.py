"""JSON to values and back."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segwright.hl7.delimiters import LEGAL, STANDARD, Delimiters
from segwright.hl7.values import NULL, Field, Moment, Quantity, Segment
from segwright.library.moments import iso_moment
from segwright.plan.model import SCALARS, Attribute, Model, RecordType, Type, scalar
from segwright.runtime.decode import MOST_PROBLEMS, DecodeRefused, decode
from segwright.runtime.encode import encode_json, json_schema
from tests.plan.samples import MODEL, a, made, many, one_of

EMPTY = Model({}, {"Colour": ("red", "green")})


def refused(type_: Type, document: str | bytes, model: Model = MODEL, **more: bool) -> list[tuple[str, str]]:
    with pytest.raises(DecodeRefused) as found:
        decode(model, type_, document, **more)
    return [(problem.path, problem.kind) for problem in found.value.problems]


def value_of(name: str, document: str) -> Any:
    return decode(EMPTY, scalar(name), document)


# --- documents --------------------------------------------------------------------------------------------------------

ORDER = """{
  "control": "new", "placer_number": "A1^EHR", "filler_number": {"text": "F$1", "delimiters": "|$~\\\\&"},
  "provider": {"family": "Welby", "npi": null}, "diagnoses": [{"code": "I10", "display": "Hypertension"}],
  "received": ["PV1|1|O", {"text": "ZXX*1", "delimiters": "*$~\\\\&#"}]
}"""


def test_an_order_is_decoded_and_comes_back() -> None:
    order = decode(MODEL, a("Order"), ORDER)
    assert order == made(
        "Order",
        control="new",
        placer_number=Field("A1^EHR", STANDARD),
        filler_number=Field("F$1", Delimiters("|", "$")),
        provider=made("Provider", family="Welby"),
        diagnoses=(made("Diagnosis", code="I10", display="Hypertension"),),
        received=(Segment("PV1|1|O", STANDARD), Segment("ZXX*1", Delimiters("*", "$", truncation="#"))),
    )
    data = encode_json(MODEL, a("Order"), order)
    assert decode(MODEL, a("Order"), data) == order
    assert json.loads(data)["provider"] == {"family": "Welby"}


@pytest.mark.parametrize(
    ("name", "document", "value"),
    [
        ("text", '"a"', "a"),
        ("code", '"I10"', "I10"),
        ("integer", "-12", -12),
        ("boolean", "true", True),
        ("date", '"1980-02-29"', Moment("19800229", None)),
        ("date", '"1980"', Moment("1980", None)),
        ("datetime", '"2026-03-08T14:30:00.5-05:00"', Moment("20260308143000.5", -300)),
        ("datetime", '"2026-03-08T14:30"', Moment("202603081430", None)),
        ("datetime", '"2026-03"', Moment("202603", None)),
        ("quantity", '{"value": 412, "unit": "ms"}', Quantity(Decimal(412), "ms", "")),
        ("quantity", '{"comparator": "<", "value": 0.50, "unit": "mV"}', Quantity(Decimal("0.50"), "mV", "<")),
        ("quantity", '{"comparator": null, "value": 1, "unit": "1"}', Quantity(Decimal(1), "1", "")),
        ("segments", "[]", None),
        ("field", '"\\"\\""', Field('""', STANDARD)),
    ],
)
def test_each_type_has_its_form(name: str, document: str, value: object) -> None:
    assert value_of(name, document) == value


@pytest.mark.parametrize(
    "digits", ["1.50", "0.1", "100", "1E+2", "1e2", "-0.0", "3.141592653589793238462643383279", "1e-10", "0E+3"]
)
def test_decimals_keep_their_digits(digits: str) -> None:
    value = value_of("decimal", digits)
    assert str(value) == str(Decimal(digits))
    assert str(value_of("decimal", encode_json(EMPTY, scalar("decimal"), value).decode())) == str(value)


@pytest.mark.parametrize(
    ("name", "document", "kind"),
    [
        ("text", "1", "type"),
        ("text", '""', "empty"),
        ("text", "null", "missing"),
        ("text", '"\\ud800"', "text"),
        ("text", '["a"]', "type"),
        ("integer", "1.0", "type"),
        ("integer", "1e3", "type"),
        ("integer", '"1"', "type"),
        ("integer", "true", "type"),
        ("integer", "1" * 19, "number"),
        ("integer", "9" * 10_000, "number"),
        ("decimal", '"1.5"', "type"),
        ("decimal", "NaN", "type"),
        ("decimal", "-Infinity", "type"),
        ("decimal", "1e400", "number"),
        ("decimal", "1e-400", "number"),
        ("decimal", "1e999999999", "number"),
        ("decimal", "1" * 41, "number"),
        ("decimal", "0." + "1" * 41, "number"),
        ("boolean", "1", "type"),
        ("boolean", '"true"', "type"),
        ("date", '"1980-02-30"', "time"),
        ("date", '"19800229"', "time"),
        ("date", '"1980-02-29T10:00"', "time"),
        ("date", '"1980-02-29Z"', "time"),
        ("datetime", '"2026-03-08 14:30"', "time"),
        ("datetime", '"2026-03-08T24:00"', "time"),
        ("datetime", "20260308", "type"),
        ("quantity", "412", "type"),
        ("quantity", '{"value": 1}', "missing"),
        ("quantity", '{"unit": "ms"}', "missing"),
        ("quantity", '{"value": "1", "unit": "ms"}', "type"),
        ("quantity", '{"value": 1, "unit": "m s"}', "unit"),
        ("quantity", '{"value": 1, "unit": "ms", "comparator": "="}', "comparator"),
        ("quantity", '{"value": 1, "unit": "ms", "comparator": ["<"]}', "comparator"),
        ("quantity", '{"value": 1, "unit": "ms", "units": "ms"}', "unknown"),
        ("quantity", '{"value": 1, "value": 2, "unit": "ms"}', "duplicate"),
        ("field", '"a|b"', "field"),
        ("field", '"a\\rb"', "field"),
        ("field", '{"text": "a"}', "missing"),
        ("field", '{"text": "a", "delimiters": "|^~"}', "field"),
        ("field", '{"text": "a", "delimiters": "|^^\\\\&"}', "field"),
        ("field", '{"text": "a*b", "delimiters": "*^~\\\\&"}', "field"),
        ("field", '{"text": "a", "delimiters": "|^~\\\\&", "charset": "MARS"}', "field"),
        ("field", '{"text": "a", "delimiters": "|^~\\\\&", "charset": 1}', "type"),
        ("field", "[]", "type"),
        ("segments", '"PV1|1"', "type"),
        ("segments", '["pv1|1"]', "field"),
        ("segments", '["MSH|^~\\\\&"]', "field"),
        ("segments", '["PV1|1\\rPID|2"]', "field"),
        ("segments", '["PV12|1"]', "field"),
    ],
)
def test_another_form_is_refused(name: str, document: str, kind: str) -> None:
    assert [found for _, found in refused(scalar(name), document, EMPTY)] == [kind]


def test_a_nearest_name_is_told() -> None:
    with pytest.raises(DecodeRefused) as found:
        decode(MODEL, a("Patient"), '{"mrm": "1", "family": "x", "sex": "femal", "1 x": 2}')
    problems = {(problem.path, problem.kind): problem.facts for problem in found.value.problems}
    assert problems["$.mrm", "unknown"] == {"nearest": "mrn"}
    assert problems["$.?", "unknown"] == {"nearest": ""}
    assert problems["$.mrn", "missing"] == {}
    assert problems["$.sex", "enum"] == {"nearest": "female", "known": "female, male, other"}


def test_everything_wrong_is_told_at_once_with_its_place() -> None:
    document = """{"status": "done", "issued_at": "yesterday", "signed": "yes", "score": null, "impression": "",
      "measurements": [{"kind": "heart_rate", "value": {"value": 1, "unit": "ms"}}, null, 7, {"kind": 1, "sub_id": 1.5,
      "sub_id": 2}],
      "diagnoses": [{"code": "I10", "display": "x"}, {"code": null, "display": []}], "extra": {"a": 1}}"""
    assert refused(a("Result"), document) == [
        ("$.extra", "unknown"),
        ("$.status", "enum"),
        ("$.issued_at", "time"),
        ("$.measurements[1]", "type"),
        ("$.measurements[2]", "type"),
        ("$.measurements[3].sub_id", "duplicate"),
        ("$.measurements[3].kind", "type"),
        ("$.measurements[3].value", "missing"),
        ("$.measurements[3].sub_id", "type"),
        ("$.diagnoses[1].code", "missing"),
        ("$.diagnoses[1].display", "type"),
        ("$.impression", "empty"),
        ("$.signed", "type"),
    ]


def test_problems_hold_nothing_of_the_document() -> None:
    with pytest.raises(DecodeRefused) as found:
        decode(
            MODEL,
            a("Patient"),
            '{"mrn": 4711, "family": ["Okafor"], "sex": "Okafor", "born": "Okafor", "Okafor Ada": 1}',
        )
    assert "Okafor" not in f"{found.value}{found.value.problems}"
    assert "4711" not in f"{found.value}{found.value.problems}"


def test_the_list_of_problems_ends_somewhere() -> None:
    found = refused(many(scalar("text")), json.dumps([1] * 5000), EMPTY)
    assert len(found) == MOST_PROBLEMS + 1
    assert found[-1] == ("$", "too_many")


@pytest.mark.parametrize(
    "document", ["", "{", '{"a": 1,}', "'a'", b"\xff", "[" * 100_000, b"\xef\xbb\xbf1", '"a"\x00', "1 2", '"\n"']
)
def test_what_is_no_json_is_refused(document: str | bytes) -> None:
    assert refused(scalar("text"), document, EMPTY) == [("$", "json")]


def test_an_empty_list_is_a_missing_one_and_a_required_one_has_to_be_written() -> None:
    holder = Model(
        {"R": RecordType("R", (Attribute("l", many(scalar("text"))), Attribute("o", many(scalar("text")), True)))}, {}
    )
    assert decode(holder, a("R"), '{"l": [], "o": []}') == (None, None)
    assert encode_json(holder, a("R"), (None, None)) == b'{"l":[]}'
    assert refused(a("R"), "{}", holder) == [("$.l", "missing")]
    assert refused(many(many(scalar("text"))), "[[]]", holder) == [("$[0]", "empty")]


def test_hl7_null_stands_only_where_it_is_let_in() -> None:
    document = '{"family": {"null": true}, "npi": {"null": true}}'
    provider = decode(MODEL, a("Provider"), document, nulls=True)
    assert provider == made("Provider", family=NULL, npi=NULL)
    assert decode(MODEL, a("Provider"), encode_json(MODEL, a("Provider"), provider), nulls=True) == provider
    assert refused(a("Provider"), document) == [("$.npi", "type"), ("$.family", "type")]
    assert refused(a("Provider"), '{"family": {"null": 1}}', nulls=True) == [("$.family", "type")]


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        (scalar("text"), 1),
        (scalar("integer"), True),
        (scalar("decimal"), 1.5),
        (scalar("decimal"), Decimal("NaN")),
        (scalar("text"), None),
        (scalar("segments"), ("PV1",)),
        (one_of("Sex"), "no"),
        (a("Provider"), ("x",)),
        (a("Patient"), (None,) * 7),
        (many(scalar("text")), "x"),
    ],
)
def test_a_value_of_another_type_is_not_written(type_: Type, value: object) -> None:
    with pytest.raises(TypeError):
        encode_json(MODEL, type_, value)


# --- the law ----------------------------------------------------------------------------------------------------------

_names = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)
_texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
_plain = st.text(st.characters(min_codepoint=0x20, exclude_characters="\x7f", exclude_categories=["Cs"]), max_size=8)
_decimals = st.decimals(
    min_value=-(10**20), max_value=10**20, allow_nan=False, allow_infinity=False, places=None
).filter(lambda number: -40 <= -int(number.as_tuple().exponent) <= 40)
_delimiters = st.one_of(
    st.just(STANDARD),
    st.permutations(sorted(LEGAL)).map(lambda signs: Delimiters(*signs[:5])),
    st.permutations(sorted(LEGAL)).map(lambda signs: Delimiters(*signs[:6])),
)
_dates = (
    st.dates()
    .map(lambda day: day.isoformat())
    .flatmap(lambda day: st.sampled_from([day, day[:7], day[:4]]))
    .map(iso_moment)
)
_offsets = st.none() | st.integers(-12 * 60, 14 * 60)
_moments = st.builds(
    lambda day, clock, offset: Moment(day.strftime("%Y").rjust(4, "0") + day.strftime("%m%d") + clock, offset),
    st.dates(),
    st.sampled_from(["", "14", "1430", "143059", "143059.5", "143059.1234"]),
    _offsets,
)


@st.composite
def _fields(draw: st.DrawFn) -> Field:
    delimiters = draw(_delimiters)
    text = draw(_plain).replace(delimiters.field, "") or "x"
    if not draw(st.booleans()):
        return Field(text, delimiters)
    byte = f"{delimiters.escape}XE9{delimiters.escape}"
    return Field(text + byte, delimiters, draw(st.sampled_from(["iso8859-1", "utf-8", "ascii", "cp1252"])))


@st.composite
def _segments(draw: st.DrawFn) -> Segment:
    delimiters = draw(_delimiters)
    return Segment(
        draw(st.sampled_from(["PV1", "ZXX"])) + draw(st.sampled_from(["", delimiters.field + draw(_plain)])), delimiters
    )


_SCALARS: dict[str, st.SearchStrategy[Any]] = {
    "text": _texts,
    "code": _texts,
    "integer": st.integers(-(10**18) + 1, 10**18 - 1),
    "decimal": _decimals,
    "boolean": st.booleans(),
    "date": _dates,
    "datetime": _moments,
    "quantity": st.builds(
        Quantity, _decimals, st.sampled_from(["ms", "1", "mm[Hg]", "{beats}/min"]), st.sampled_from(["", "<", ">="])
    ),
    "field": _fields(),
    "segments": st.lists(_segments(), min_size=1, max_size=3).map(tuple),
}


@st.composite
def _documents(draw: st.DrawFn) -> tuple[Model, Type, Any]:
    """A model of records that hold earlier ones, a type of it, and a value."""
    enums = {
        f"E{n}": tuple(names)
        for n, names in enumerate(draw(st.lists(st.lists(_names, min_size=1, unique=True, max_size=3), max_size=2)))
    }
    records: dict[str, RecordType] = {}

    def type_of(depth: int) -> Type:
        kinds = ["scalar", *(["enum"] if enums else []), *(["record"] if records else []), *(["list"] if depth else [])]
        kind = draw(st.sampled_from(kinds))
        if kind == "scalar":
            return scalar(draw(st.sampled_from(SCALARS)))
        if kind == "list":
            return many(type_of(depth - 1))
        return Type(kind, draw(st.sampled_from(sorted(enums if kind == "enum" else records))))  # type: ignore[arg-type]

    for number in range(draw(st.integers(0, 3))):
        names = draw(st.lists(_names, min_size=1, max_size=4, unique=True))
        records[f"R{number}"] = RecordType(
            f"R{number}", tuple(Attribute(name, type_of(2), draw(st.booleans()), "doc") for name in names)
        )
    model = Model(records, enums)

    def value(type_: Type) -> Any:
        if type_.kind == "scalar":
            return draw(_SCALARS[type_.name])
        if type_.kind == "enum":
            return draw(st.sampled_from(enums[type_.name]))
        if type_.kind == "list":
            assert type_.of is not None
            return tuple(value(type_.of) for _ in range(draw(st.integers(1, 3))))
        return tuple(
            None if (each.optional or each.type.kind == "list") and draw(st.booleans()) else value(each.type)
            for each in records[type_.name].attributes
        )

    chosen = type_of(2)
    return model, chosen, value(chosen)


def exactly(value: Any) -> str:
    """Told apart even where == is not: 1.5 and 1.50."""
    return repr(value)


@given(_documents())
def test_decoding_gives_what_was_encoded(document: tuple[Model, Type, Any]) -> None:
    model, type_, value = document
    data = encode_json(model, type_, value)
    assert exactly(decode(model, type_, data)) == exactly(value)
    assert fits(json_schema(model, type_), json.loads(data))


# --- schemas ----------------------------------------------------------------------------------------------------------


def fits(schema: dict[str, Any], value: Any, root: dict[str, Any] | None = None) -> bool:
    """Whether a document fits, for the keywords that are used here."""
    root = root if root is not None else schema
    checks: list[bool] = []
    for key, said in sorted(schema.items(), key=lambda member: member[0] != "type"):
        match key:
            case "$ref":
                checks.append(fits(root["$defs"][said.removeprefix("#/$defs/")], value, root))
            case "anyOf":
                checks.append(any(fits(each, value, root) for each in said))
            case "enum":
                checks.append(value in said)
            case "type":
                kinds: dict[str, Any] = {
                    "object": dict,
                    "array": list,
                    "string": str,
                    "boolean": bool,
                    "integer": int,
                    "number": (int, float),
                    "null": type(None),
                }
                checks.append(isinstance(value, kinds[said]) and (said == "boolean" or not isinstance(value, bool)))
            case "properties":
                checks += [
                    fits(each, value[name], root)
                    for name, each in said.items()
                    if isinstance(value, dict) and name in value
                ]
            case "required":
                checks.append(isinstance(value, dict) and set(said) <= set(value))
            case "additionalProperties":
                checks.append(isinstance(value, dict) and set(value) <= set(schema["properties"]))
            case "items":
                checks += [fits(said, each, root) for each in value]
            case "minLength":
                checks.append(len(value) >= said)
            case "maxLength":
                checks.append(len(value) <= said)
            case "pattern":
                checks.append(re.search(said, value) is not None)
            case "$schema" | "$defs" | "description":
                pass
            case _:
                raise AssertionError(key)
        if False in checks:
            return False
    return all(checks)


def test_a_schema_says_what_the_model_says() -> None:
    schema = json_schema(MODEL, a("Order"))
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$ref"] == "#/$defs/Order"
    order = schema["$defs"]["Order"]
    assert order["required"] == ["control", "placer_number"]
    assert order["additionalProperties"] is False
    assert order["properties"]["control"] == {"$ref": "#/$defs/Control", "description": "The control."}
    assert schema["$defs"]["Control"] == {"enum": ["new", "change", "cancel"]}
    assert order["properties"]["department"]["anyOf"][1] == {"type": "null"}
    assert fits(schema, json.loads(ORDER))
    assert not fits(schema, {**json.loads(ORDER), "control": "newer"})
    assert not fits(schema, {**json.loads(ORDER), "extra": 1})
