"""The description and the API agree: schemathesis makes requests from the one and checks the answers of the other."""

from __future__ import annotations

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.generation import GenerationMode

from segwright.web.api import OPERATIONS
from tests.web.servers import eventually, order_message, preliminary

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
