"""Canonical JSON."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segwright.plan import model, ops
from segwright.plan.canonical import LARGEST, NotCanonical, decode, decode_plan, encode, encode_plan, hash_of, plan_hash
from tests.plan.samples import READING, WRITING, fresh

PLANS = [*(sample.plan for sample in WRITING.values()), *(sample.plan for sample in READING.values())]
NAMES = [*WRITING, *READING]


def test_values_are_written_as_rfc_8785_says() -> None:
    # The example of its section 3.2.3: keys sort by UTF-16 code units, so that a surrogate pair comes before U+FB33.
    keys = {
        "€": "Euro Sign",
        "\r": "Carriage Return",
        "\ufb33": "Hebrew",
        "1": "One",
        "😀": "Emoji",
        "\x80": "Control",
        "ö": "o",
    }
    assert list(json.loads(encode(keys))) == ["\r", "1", "\x80", "ö", "€", "😀", "\ufb33"]
    assert (
        encode('\x00\x1f\b\t\n\f\r"\\/\x7f\u2028é😀')
        == b'"\\u0000\\u001f\\b\\t\\n\\f\\r\\"\\\\/' + "\x7f\u2028é😀".encode() + b'"'
    )
    assert encode({"b": (True, False, None, -1, 0), "a": []}) == b'{"a":[],"b":[true,false,null,-1,0]}'


@pytest.mark.parametrize("value", [1.0, float("nan"), {1: 2}, object(), {"a": 0.5}, b""])
def test_what_is_no_value_of_a_plan_is_not_written(value: object) -> None:
    with pytest.raises(TypeError):
        encode(value)


@pytest.mark.parametrize("value", [LARGEST + 1, -LARGEST - 1, "\ud800"])
def test_what_json_cannot_carry_everywhere_is_not_written(value: object) -> None:
    with pytest.raises(ValueError, match=r"too large|surrogates"):
        encode(value)


@pytest.mark.parametrize("plan", PLANS, ids=NAMES)
def test_a_plan_comes_back_from_its_bytes(plan: ops.Plan) -> None:
    data = encode(plan)
    assert decode_plan(data) == plan
    assert plan_hash(plan) == hash_of(data)
    assert len(plan_hash(plan)) == 64
    assert plan_hash(msgspec.structs.replace(plan, message="other")) != plan_hash(plan)


def test_the_bytes_do_not_depend_on_which_object_a_default_is() -> None:
    spelled = ops.Put(1, 1, ops.Const("text", "a"), str(b"text", "ascii"), ops.Duty("optional", None))  # type: ignore[arg-type]
    assert encode(spelled) == encode(ops.Put(1, 1, ops.Const("text", "a")))


def test_the_fast_way_gives_the_same_bytes() -> None:
    for plan in PLANS:
        assert encode_plan(plan) == encode(plan)
    leaf = ops.Put(1, 1, ops.Const("text", "a"), str(b"text", "ascii"), ops.Duty("optional", None))  # type: ignore[arg-type]
    body = (ops.SegmentOp("MSH", (ops.FieldOp(3, (ops.Leaves((leaf,)),)),)),)
    plan = msgspec.structs.replace(PLANS[0], body=body)
    assert encode_plan(plan) == encode(plan)


def data_of(**changes: Any) -> bytes:
    """A plan's JSON with members changed, otherwise canonical."""
    members = json.loads(encode(WRITING["simple"].plan))
    members.update(changes)
    return json.dumps(members, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def test_data_of_is_canonical() -> None:
    decode_plan(data_of())


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (data_of(extra=1), "unknown field"),
        (data_of(slots="2"), "Expected `int`"),
        (data_of(slots=2.0), "Expected `int`"),
        (data_of(slots=True), "Expected `int`"),
        (data_of(format=1), "not canonical"),
        (data_of(tables=[]), "not canonical"),
        (data_of(body=[{"op": "import", "name": "os"}]), "Invalid value 'import'"),
        (
            data_of(body=[{"op": "put", "component": 1, "subcomponent": 1, "value": {"op": "slot", "slot": 0}}]),
            "Invalid value",
        ),
        (data_of().replace(b'"slots":2', b'"slots":2,"slots":2'), "not canonical"),
        (data_of().replace(b'"slots":2', b'"slots":1,"slots":2'), "not canonical"),
        (data_of().replace(b'"slots":2', b'"slots": 2'), "not canonical"),
        (data_of().replace(b'"ECGAI"', b'"\\u0045CGAI"'), "not canonical"),
        (data_of().replace(b'"op":"put"', b'"duty":{"op":"duty"},"op":"put"', 1), "not canonical"),
        (data_of() + b"\n", "not canonical"),
        (data_of()[:-1], "not JSON"),
        (b"\xef\xbb\xbf" + data_of(), "not JSON"),
        (b'{"body":[{"op":"let","value":' + b'{"op":"part","of":' * 100_000, "nested too deeply"),
        (b"", "not JSON"),
        (b"null", "Expected"),
    ],
)
def test_other_bytes_are_refused(data: bytes, reason: str) -> None:
    with pytest.raises(NotCanonical, match=re.escape(reason)):
        decode_plan(data)


def spelled_defaults() -> list[tuple[type[msgspec.Struct], str]]:
    kinds: list[type[msgspec.Struct]] = [*ops.Op.__subclasses__(), model.Type, ops.Plan]
    return [(kind, field.name) for kind in kinds for field in msgspec.structs.fields(kind) if not field.required]


@pytest.mark.parametrize(("kind", "name"), spelled_defaults(), ids=lambda given: getattr(given, "__name__", given))
def test_no_default_can_be_spelled_out(kind: type[msgspec.Struct], name: str) -> None:
    field = next(field for field in msgspec.structs.fields(kind) if field.name == name)
    default = field.default if field.default is not msgspec.NODEFAULT else field.default_factory()
    found: list[bytes] = []

    def spell(value: Any) -> Any:
        """The JSON of a plan in which one object spells out the default."""
        if isinstance(value, list):
            return [spell(each) for each in value]
        if isinstance(value, dict):
            changed = {key: spell(each) for key, each in value.items()}
            if not found and value.get("op") == tag and (tag or set(value) >= needed):
                changed[name] = json.loads(encode(default))
                found.append(b"")
            return changed
        return value

    tag = kind.__struct_config__.tag
    needed = {field.name for field in msgspec.structs.fields(kind) if field.required}
    for plan in PLANS:
        changed = spell(json.loads(encode(plan)))
        if found:
            data = json.dumps(changed, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
            with pytest.raises(NotCanonical):
                decode_plan(data)
            return
    pytest.fail("no sample has one")


def test_characters_beyond_the_first_plane_keep_their_order() -> None:
    encoding = msgspec.structs.replace(WRITING["simple"].plan.encoding, unencodable={"😀": ":)", "\ufb33": "d"})
    plan = fresh(msgspec.structs.replace(WRITING["simple"].plan, encoding=encoding))
    data = encode(plan)
    assert data.index("😀".encode()) < data.index("\ufb33".encode())
    assert decode_plan(data) == plan
    by_code_point = json.dumps(json.loads(data), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    assert by_code_point != data
    with pytest.raises(NotCanonical):
        decode_plan(by_code_point)


_leaves = st.none() | st.booleans() | st.integers(-LARGEST, LARGEST) | st.text()


@given(st.recursive(_leaves, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8))
def test_json_comes_back_from_its_canonical_form(value: Any) -> None:
    data = encode(value)
    assert json.loads(data) == value
    assert decode(data, Any) == value
