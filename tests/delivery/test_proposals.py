"""Proposals as they come and as they are shown: bounded, whole, and without a word about hospitals of others."""

from __future__ import annotations

import gzip
from collections.abc import Iterator

import msgspec
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from segwright.delivery import proposals
from segwright.delivery.proposals import NotTaken, shown, unpacked
from segwright.ledger import tables as t
from segwright.ledger.migrate import upgrade
from segwright.ledger.store import Store
from segwright.review.change import RuleChange, Severity
from segwright.review.document import (
    Binding,
    Document,
    FleetLine,
    Hospital,
    Proposal,
    ShownChange,
    ShownGroup,
    ValueLine,
)
from tests.postgres import new_database

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


# --- let go -----------------------------------------------------------------------------------------------------------------

NOW = 2**62
"""Later than anything."""


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request, tmp_path) -> Iterator[Store]:
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'ledger.db'}"
    else:
        url = new_database(request.getfixturevalue("postgres"))
    opened = Store(url)
    upgrade(opened)
    opened.write(lambda tx: [tx.insert(t.account, name=f"dr{n}", shown_as="Dr", at=0) for n in (1, 2)])
    yield opened
    opened.close()


def put(store: Store, letter: str, *, moved: tuple[str, ...] = ORGS, needs: int = 1) -> int:
    """A proposal that moves hospitals to hashes of a letter; all four are compared."""
    groups = tuple(group(f"g{n}", (org,), Severity.CLINICAL) for n, org in enumerate(moved))
    hospitals = tuple(
        Hospital(
            org,
            f"g{n}",
            Severity.CLINICAL,
            (("x",),),
            {"production": Binding({"policy": letter * 64}, ("policy",), needs)},
        )
        for n, org in enumerate(moved)
    )
    review = msgspec.structs.replace(document(), groups=groups, hospitals=hospitals)
    found = Proposal(1, "production", f"state {letter}", review, {})
    proposals.judge(found)
    return store.write(lambda tx: proposals.take(tx, found, letter, "ci"))[0]


def say(store: Store, number: int, org: str, kind: str, account: int = 1) -> None:
    def add(tx) -> None:
        (part,) = proposals.parts(tx, [number], [org])
        tx.insert(
            t.verdict, change_id=number, org=org, environment="production", binding=part.binding, kind=kind, account_id=account,
            account=f"dr{account}", because="read it", line="a signed line", at=1,
        )  # fmt: skip

    store.write(add)


def pruned(store: Store, before: int = NOW, **more: int) -> int:
    return store.write(lambda tx: proposals.prune(tx, before, **more))


def heads(store: Store) -> dict[int, bool]:
    """Every proposal that is there, and whether only its rules are."""
    found = store.read(lambda tx: proposals.heads(tx, ORGS, most=100))
    return {head.id: bool(head.pruned_at) for head in found}


def test_what_waits_is_never_let_go(store):
    number = put(store, "a")
    assert pruned(store) == 0
    say(store, number, "aspen", "approve")
    assert pruned(store) == 0, "three hospitals wait"
    assert heads(store) == {number: False}


def test_what_is_decided_keeps_its_rules_and_what_was_said_and_loses_its_messages(store):
    number = put(store, "a")
    for org in ORGS:
        say(store, number, org, "refuse" if org == "cedar" else "approve")
    assert pruned(store, before=0) == 0, "it is not old enough"
    before = store.read(lambda tx: proposals.review(tx, number))
    assert pruned(store) == 1
    assert heads(store) == {number: True}
    kept = store.read(lambda tx: proposals.review(tx, number))
    assert [rule.sentence for rule in kept.rules] == [rule.sentence for rule in before.rules] != []
    assert (kept.groups, kept.fleet) == ((), ())
    assert store.read(lambda tx: proposals.own(tx, number, "aspen")) == proposals.Own()
    assert len(store.read(lambda tx: tx.all(sa.select(t.verdict)))) == 4
    assert pruned(store) == 0


def test_one_that_needs_two_people_waits_for_the_second(store):
    number = put(store, "a", moved=("aspen",), needs=2)
    say(store, number, "aspen", "approve", 1)
    assert pruned(store) == 0
    say(store, number, "aspen", "approve", 2)
    assert pruned(store, minimum=3) == 0, "the server wants three"
    assert pruned(store) == 1


def test_what_was_overtaken_before_anybody_said_anything_goes_altogether(store):
    first, second = put(store, "a"), put(store, "b")
    assert pruned(store) == 1
    assert heads(store) == {second: False}
    assert store.read(lambda tx: tx.all(sa.select(t.change_part).where(t.change_part.c.change_id == first))) == []


def test_what_overtook_another_stays_so_that_the_other_does_not_wait_again(store):
    first = put(store, "a")
    say(store, first, "aspen", "approve")
    second = put(store, "b", moved=("birch",))  # it compared all of them, and moves one
    for _ in range(3):
        pruned(store)
    assert heads(store) == {second: False, first: True}, (
        "birch waits in the second, and what was said of the first is kept"
    )
    newest = store.read(lambda tx: proposals.newest(tx, "production", ORGS))
    assert {org: number for org, (number, _, _) in newest.items()} == dict.fromkeys(ORGS, second)
