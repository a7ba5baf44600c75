"""The description and the API agree: schemathesis makes requests from the one and checks the answers of the other."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.generation import GenerationMode

from segwright.web.api import OPERATIONS
from tests.web.servers import eventually, order_message, preliminary, result

ORG = "larkspur"

# A schema cannot say that there is no 30 February, nor which results a hospital's message cannot be written from: those get 422.
_SAID_BY_NO_SCHEMA = {"positive_data_acceptance": {"expected-statuses": ["2xx", 404, 409, 422]}}
CONFIG = schemathesis.Config.from_dict({"checks": _SAID_BY_NO_SCHEMA})


@pytest.fixture(scope="module")
def described(one):
    """The description that an organisation gets, with something in its ledger."""
    one.order(ORG, order_message(ORG))
    with one.client(ORG) as client:
        order = eventually(lambda: client.get("/v1/orders").json()["orders"])[0]
        document = preliminary(ORG)
        assert client.post("/v1/results", json={"result": document, "order": {"id": order["id"]}}).status_code == 201
        found = client.get("/openapi.json").json()
    return schemathesis.openapi.from_dict(found, config=CONFIG)


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_every_answer_is_one_that_is_described(described, one, operation, mode):
    strategy = described[operation.path][operation.method].as_strategy(generation_mode=mode)

    @settings(
        max_examples=20, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None,
        phases=[Phase.explicit, Phase.generate],
    )  # fmt: skip
    @given(case=strategy)
    def agrees(case):
        case.call_and_validate(base_url=one.url, headers={"Authorization": f"Bearer {one.tokens[ORG]}"})

    agrees()


SCHEMAS = "#/components/schemas/"
MAY_BE_LEFT_OUT = ("algorithm_name", "algorithm_version", "interpretation", "signed_by", "document", "patient")


def narrowed(found: dict[str, Any], member: str) -> Any:
    """The description of a result that is as one of the samples but for one member, which is there and is anything that its schema
    allows. Of results that are anything in all their members nearly none is taken: what becomes of them later is not seen."""
    schemas = found["components"]["schemas"]
    described = schemas["model.Result"]
    assert sorted(MAY_BE_LEFT_OUT) == sorted(described["properties"].keys() - set(described["required"]))
    there = next(one for one in described["properties"][member]["anyOf"] if one != {"type": "null"})
    properties = {name: {"const": value} for name, value in result(ORG).items()} | {member: there}
    one = {**described, "properties": properties, "required": sorted(properties)}
    body: dict[str, Any] = {
        "type": "object",
        "properties": {"result": {"$ref": SCHEMAS + "model.Result"}},
        "required": ["result"],
    }
    body["additionalProperties"] = False
    return {
        **found,
        "components": {**found["components"], "schemas": {**schemas, "model.Result": one, "ResultSubmission": body}},
    }


@pytest.mark.parametrize("member", MAY_BE_LEFT_OUT)
def test_whatever_a_result_may_have_it_is_taken_with_it(described, one, member):
    schema = schemathesis.openapi.from_dict(narrowed(described.raw_schema, member), config=CONFIG)
    strategy = schema["/v1/results"]["POST"].as_strategy(generation_mode=GenerationMode.POSITIVE)
    answers: Counter[int] = Counter()

    @settings(
        max_examples=15, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None,
        phases=[Phase.generate],
    )  # fmt: skip
    @given(case=strategy)
    def agrees(case):
        number = answers.total()
        case.body["result"] |= {"id": f"{member}-{number}", "study": f"{member}-{number}"}
        answer = case.call_and_validate(base_url=one.url, headers={"Authorization": f"Bearer {one.tokens[ORG]}"})
        answers[answer.status_code] += 1

    agrees()
    assert answers[201], answers
