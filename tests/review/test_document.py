"""A review as data: what programs and pages rely on is written down, and holds."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from segwright.review.change import Case, Change, Failure, OrganisationReview, Seen, Severity
from segwright.review.document import Binding, Document, DocumentRefused, decoded, schema
from segwright.review.grouping import FleetReview, grouped
from segwright.review.report_json import About, json_report

ROOT = Path(__file__).parents[2]
CHANGE = Change(
    "output", "ecg_result", "OBX-3.3", "Observation Identifier", "changed", "LN", "LNC", Severity.CLINICAL, "is a result"
)  # fmt: skip


def organisation(name: str) -> OrganisationReview:
    return OrganisationReview(
        name, "changed", (Seen(CHANGE, (f"{name}.ecg_result.hl7 OBX(2)-3.3",)),), (Failure("late", "ecg_result", ("no",)),),
        moved={"production": ("ecg_result",)}, cases=(Case("a.ecg_result.hl7", None, b"MSH|\xff\r"),),
    )  # fmt: skip


REVIEW = FleetReview("main", grouped(map(organisation, ("larkspur", "northgate"))), (), 2)
BINDING = Binding({"plan:ecg_result": "a" * 64, "policy": "b" * 64}, ("plan:ecg_result",), 2)


def report() -> str:
    return json_report(REVIEW, {"larkspur": {"production": BINDING}}, About("0.1.0", "4f2a1c9"))


def test_the_published_schema_is_that_of_the_engine():
    assert (ROOT / "docs" / "review.schema.json").read_text(encoding="utf-8") == schema()


def test_every_member_says_what_it_means():
    found = json.loads(schema())["$defs"]
    own = [name for name in found if name not in ("RuleChange", "Severity")]
    assert "Document" in own
    for name in own:
        for member, said in found[name]["properties"].items():
            assert said.get("description"), f"{name}.{member}"


def test_a_report_reads_back_and_says_of_each_hospital_where_and_what_approving_is_bound_to():
    found = decoded(report())
    assert (found.total, found.untouched, found.severity, found.revision) == (4, 2, "clinical", "4f2a1c9")
    (group,) = found.groups
    assert group.organisations == ("larkspur", "northgate")
    assert group.changes[0].said == "LN → LNC"
    assert group.cases[0].after == "MSH|\xff\r"
    assert [each.where for each in found.hospitals] == [
        ((f"{name}.ecg_result.hl7 OBX(2)-3.3",),) for name in group.organisations
    ]
    assert found.hospitals[0].environments == {"production": BINDING}
    assert found.fleet[0].values[0].organisations == group.organisations
    assert json.loads(report()) == json.loads(msgspec.json.encode(found)), (
        "nothing stands in the text that the document does not hold"
    )


@pytest.mark.parametrize(
    "text", ["", "{}", "[1]", "\udcff", report().replace('"format": 1', '"format": 2'), report()[:-9]]
)
def test_what_is_no_review_is_refused(text):
    with pytest.raises(DocumentRefused):
        decoded(text)


def test_members_that_are_added_later_do_no_harm():
    later = json.loads(report()) | {"later": 1}
    assert isinstance(decoded(json.dumps(later)), Document)
