"""Proposals as they come and as they are shown: bounded, whole, and without a word about hospitals of others."""

from __future__ import annotations

import gzip

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segwright.delivery import proposals
from segwright.delivery.proposals import NotTaken, shown, unpacked
from segwright.review.change import RuleChange, Severity
from segwright.review.document import Document, FleetLine, ShownChange, ShownGroup, ValueLine

ORGS = ("aspen", "birch", "cedar", "dogwood")


def change(org: str) -> ShownChange:
    return ShownChange(
        "output", "ecg_result", "OBX-3.3", "Name", "OBX-3.3 Name", "LN → LNC", "changed", "LN", "LNC", Severity.CLINICAL, "why",
        repeats=False, cause="mapping", where=(f"{org}.ecg_result.hl7 OBX-3.3",),
    )  # fmt: skip


def group(name: str, orgs: tuple[str, ...], severity: Severity) -> ShownGroup:
    return ShownGroup(
        name,
        orgs,
        severity,
        "changed",
        "",
        {"production": ("ecg_result",)},
        (change(orgs[0]),),
        (),
        (),
        (),
        (),
        (),
        (),
        (),
    )


def rule(layer: str, place: str) -> RuleChange:
    return RuleChange("changed", layer, "table", "address", "a", "b", "It is sent.", "", place, Severity.CLINICAL, 2)


def document() -> Document:
    values = tuple(ValueLine("LN", f"LNC{n}", f"LN → LNC{n}", (org,)) for n, org in enumerate(ORGS))
    line = FleetLine(
        "ecg_result",
        "OBX-3.3",
        "OBX-3.3 Name",
        "4 different values",
        "changed",
        Severity.CLINICAL,
        False,
        "mapping",
        values,
    )
    return Document(
        1, "0.1.0", "what is approved", "4f2a", True, "4 hospitals change.", Severity.IDENTITY, {}, 4, 0, (line,),
        (group("g1", ("aspen", "birch"), Severity.CLINICAL), group("g2", ("cedar",), Severity.IDENTITY), group("g3", ("dogwood",), Severity.COSMETIC)),
        (rule("base", "mappings/shared/tables.seg:3"), *(rule(org, f"orgs/{org}/ecg_result.seg:3") for org in ORGS)), (),
        tuple(f"{org}: cannot be compared" for org in ORGS), tuple(f"{org}, birch: everything counts as new." for org in ORGS),
        compared=ORGS,
    )  # fmt: skip


@given(st.sets(st.sampled_from(ORGS), min_size=1))
def test_nothing_that_is_shown_names_a_hospital_of_others(mine):
    found = shown(document(), mine, ORGS)
    text = msgspec.json.encode(found).decode()
    assert [org for org in ORGS if org not in mine and org in text] == []
    assert {org for each in found.groups for org in each.organisations} == mine
    assert len(found.rules) == 1 + len(mine), "the shared rule, and those of one's own"
    assert {org for line in found.fleet for value in line.values for org in value.organisations} == mine


def test_the_gravest_change_is_that_of_ones_own_hospitals():
    assert shown(document(), {"dogwood"}, ORGS).severity is Severity.COSMETIC
    assert shown(document(), {"aspen", "cedar"}, ORGS).severity is Severity.IDENTITY


def test_one_value_is_said_as_one_value():
    (line,) = shown(document(), {"cedar"}, ORGS).fleet
    assert line.said == "LN → LNC2"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"{}", "not compressed"),
        (gzip.compress(b"{}")[:-3], "cut short"),
        (gzip.compress(b"{}") + b"more", "more follows"),
    ],
    ids=["not compressed", "cut short", "more follows"],
)
def test_what_is_no_whole_proposal_is_refused(data, said):
    with pytest.raises(NotTaken, match=said):
        unpacked(data)


def test_what_unfolds_to_more_than_is_taken_is_refused_without_being_unfolded(monkeypatch):
    monkeypatch.setattr(proposals, "LARGEST", 1000)
    assert unpacked(gzip.compress(b"x" * 1000)) == b"x" * 1000
    with pytest.raises(NotTaken, match="more than 1,000 bytes"):
        unpacked(gzip.compress(b"x" * 1_000_000))
