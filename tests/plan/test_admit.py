"""Plans that are alike are looked through once, and no plan comes in that the whole way would refuse."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

import pytest

from segwright.plan import admit as admitting
from segwright.plan import canonical
from segwright.plan.admit import admit
from segwright.plan.canonical import NotCanonical, decode_plan, encode
from segwright.plan.ops import Plan
from segwright.plan.pieces import Pieces
from segwright.plan.validate import MOST_CONSTANTS, MOST_OPS, MOST_TABLES, PlanRefused, check
from tests.plan.samples import READING, WRITING
from tests.runtime.mutated_plans import NASTY, copied, damaged_bytes, damaged_structure, donor_of

PLANS = {name: sample.plan for name, sample in WRITING.items()} | {
    name: sample.plan for name, sample in READING.items()
}


@pytest.fixture(autouse=True)
def nothing_remembered() -> Iterator[None]:
    admitting.forget()
    yield
    admitting.forget()


def members(plan: Plan) -> Any:
    return json.loads(encode(plan))


def written(document: Any) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode(
        "utf-8", "surrogatepass"
    )


def the_whole_way(data: bytes) -> Plan | str:
    try:
        plan = decode_plan(data)
        check(plan)
    except (NotCanonical, PlanRefused) as refused:
        return str(refused)
    return plan


def admitted(data: bytes) -> Plan | str:
    try:
        return admit(data).plan
    except (NotCanonical, PlanRefused) as refused:
        return str(refused)


def constants(document: Any, type_: str = "text") -> list[dict[str, Any]]:
    """The constants of a type in a plan's JSON that have a value."""
    if isinstance(document, list):
        return [found for one in document for found in constants(one, type_)]
    if not isinstance(document, dict):
        return []
    if document.get("op") == "const":
        return [document] if document["type"] == type_ and document.get("value") else []
    return [found for one in document.values() for found in constants(one, type_)]


@pytest.mark.parametrize("name", PLANS)
def test_a_plan_in_pieces_is_the_plan(name: str) -> None:
    data = encode(PLANS[name])
    for pieces in (Pieces.of(PLANS[name]), admit(data), admit(data)):
        assert pieces.plan == PLANS[name]
        assert len(pieces.fixed.pieces) == len(pieces.values) + 1


def test_of_a_plan_like_one_before_the_operations_are_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    documents = [members(plan) for plan in PLANS.values() if constants(members(plan)["body"])]
    for document in documents:
        admit(written(document))
    monkeypatch.setattr(canonical, "decode_plan", lambda data: pytest.fail("it was decoded"))
    for document in documents:
        for constant in constants(document["body"]):
            constant["value"] = f"other {constant['value']}"
        assert encode(admit(written(document)).frame.encoding)
    assert documents


@pytest.mark.parametrize(
    "value", ["", "\x00", "\x7f", "é", "😀", "\ud800", '"', "\\", '","op":"const', "a" * MOST_CONSTANTS]
)
def test_whatever_stands_in_a_constant_is_judged_as_on_the_whole_way(value: str) -> None:
    for plan in PLANS.values():
        admit(encode(plan))
    for plan in PLANS.values():
        for type_ in ("text", "integer", "decimal", "boolean"):
            for number in range(len(constants(members(plan)["body"], type_))):
                document = members(plan)
                constants(document["body"], type_)[number]["value"] = value
                data = written(document)
                assert admitted(data) == the_whole_way(data)


@pytest.mark.parametrize(
    "spelled",
    [b'"\\u0041"', b'"a" ', b'"\\/"', b'"a\nb"', b'"\xff"', b'"a","value":"b"', b'"a\\', b"1", b"null", b'"a"}', b"[]"],
)
def test_a_constant_written_in_another_way_is_refused(spelled: bytes) -> None:
    document = members(WRITING["simple"].plan)
    admit(written(document))
    constants(document["body"])[0]["value"] = "MARK"
    data = written(document).replace(b'"MARK"', spelled)
    assert isinstance(admitted(data), str)
    assert admitted(data) == the_whole_way(data)


def listing(items: int) -> bytes:
    """A plan with a list of so many texts."""
    document = members(WRITING["simple"].plan)
    listed = {"op": "listed", "items": [{"op": "const", "type": "text", "value": "a"}] * items}
    document["body"].append({"op": "let", "slot": document["slots"], "value": listed})
    document["slots"] += 1
    return written(document)


def test_limits_hold_for_a_plan_that_is_like_one_before() -> None:
    assert isinstance(admitted(listing(2)), Plan)
    assert isinstance(admitted(listing(MOST_OPS // 2)), Plan)
    assert f"more than {MOST_OPS} operations" in str(admitted(listing(MOST_OPS)))
    document = members(next(plan for plan in PLANS.values() if plan.tables))
    admit(written(document))
    document["tables"][0]["rows"][0]["cells"][0] = {"op": "cell", "type": "text", "value": ["a" * MOST_TABLES]}
    assert the_whole_way(written(document)) == admitted(written(document))
    assert "tables of the plan are longer" in str(admitted(written(document)))


@pytest.mark.parametrize("seed", range(4))
def test_damaged_plans_are_judged_as_on_the_whole_way(seed: int) -> None:
    chance = random.Random(seed)
    plans = [encode(plan) for plan in PLANS.values()]
    for data in plans:
        admit(data)
    donors = {data: donor_of(json.loads(data)) for data in plans}
    good = 0
    for _ in range(700):
        data, donor = chance.choice(plans), chance.choice(plans)
        if chance.random() < 0.3:
            damaged = damaged_bytes(data, chance)
        else:
            damaged = written(damaged_structure(json.loads(data), donors[donor], chance))
        wanted = the_whole_way(damaged)
        assert admitted(damaged) == wanted
        good += isinstance(wanted, Plan)
    assert good


@pytest.mark.parametrize("seed", range(4))
def test_plans_with_other_values_and_tables_are_judged_as_on_the_whole_way(seed: int) -> None:
    chance = random.Random(seed)
    plans = [members(plan) for plan in PLANS.values()]
    for document in plans:
        admit(written(document))
    good = 0
    for _ in range(500):
        document = json.loads(json.dumps(chance.choice(plans)))
        for constant in constants(document["body"], chance.choice(("text", "integer", "decimal"))):
            if chance.random() < 0.1:
                constant["value"] = chance.choice((*NASTY, "12", "é|^", "-0"))
        if document.get("tables") and chance.random() < 0.5:
            document["tables"] = damaged_structure(document["tables"], donor_of(copied(document["tables"])), chance)
        data = written(document)
        wanted = the_whole_way(data)
        assert admitted(data) == wanted
        good += isinstance(wanted, Plan)
    assert good > 100


def fewer(document: Any) -> Iterator[Any]:
    """A plan's JSON with less of something that its operations may refer to."""
    for name in ("inputs", "patterns", "functions", "narratives", "tables", "results"):
        if document.get(name):
            yield {**document, name: document[name][:-1]}
    for slots in range(document["slots"]):
        yield {**document, "slots": slots}


@pytest.mark.parametrize("name", PLANS)
def test_operations_must_not_refer_to_what_a_plan_like_one_before_lacks(name: str) -> None:
    document = members(PLANS[name])
    for lacking in fewer(document):
        admit(written(document))
        data = written({key: value for key, value in lacking.items() if value != []})
        assert admitted(data) == the_whole_way(data)


def test_a_default_spelled_out_beside_operations_that_are_known_is_refused() -> None:
    document = members(WRITING["simple"].plan)
    admit(written(document))
    for spelled in ({"trailing": "trim"}, {"segment_end": "\r"}):
        data = written({**document, "encoding": {**document["encoding"], **spelled}})
        assert "not canonical" in str(admitted(data)) == str(the_whole_way(data))
