"""Bundles: written whole, read whole, or refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from segwright.plan import canonical, explain
from segwright.plan.bundle import BundleRefused, model_hash, read_bundle, write_bundle
from segwright.plan.canonical import encode, hash_of, plan_hash
from segwright.plan.explain import Explanation, Place, Setting
from segwright.plan.manifest import (
    Acknowledgement,
    Choice,
    Delivery,
    Destination,
    Diagnoses,
    Entry,
    Identifier,
    Intake,
    Listener,
    Manifest,
    Parties,
    Party,
    Tls,
)
from segwright.plan.model import Model
from segwright.plan.ops import Plan
from tests.plan.samples import MODEL, READING, WRITING, fresh


def of_model(plan: Plan) -> Plan:
    return fresh(msgspec.structs.replace(plan, model=model_hash(MODEL)))


RESULT = of_model(WRITING["simple"].plan)
ORDER = of_model(READING["order"].plan)
PLANS = {"simple": RESULT, "ecg_order": ORDER}
EXPLAINED = Explanation(
    plan_hash(RESULT),
    (
        explain.Entry(
            "mercy",
            Place("orgs/mercy/ecg_result.seg", 7, 3),
            "PID-3.1",
            "Patient ID",
            "the number of the type MR",
            "their guide, section 4",
            (Setting("patient.mrn_type", Place("orgs/mercy/org.yaml", 12)),),
        ),
    ),
    (-1, 0, 0),
)


THEIRS = Party(Identifier("EHR"), Identifier("MERCY"))


def manifest(**changes: Any) -> Manifest:
    given: dict[str, Any] = {
        "organisation": "mercy",
        "name": "Mercy General",
        "environment": "test",
        "model": MODEL,
        "parties": Parties(ours=Party(Identifier("ECGAI"), Identifier("PULSE")), theirs=THEIRS),
        "encoding": RESULT.encoding,
        "zone": "America/Chicago",
        "processing_id": "T",
        "catalogue": (
            Entry(
                "simple",
                "writes",
                ("ORU^R01",),
                plan_hash(RESULT),
                kinds={"preliminary": "no", "final": "after sign-off"},
                to="outbound",
                message_per="group",
            ),
            Entry("ecg_order", "reads", ("ORM^O01", "OMG^O19"), plan_hash(ORDER), orders=("new", "cancel")),
        ),
        "destinations": {"outbound": Destination("ehr-test.mercy.example", 6661, Tls("env:MERCY_TEST_TLS"))},
        "listener": Listener("mercy-test", (THEIRS,)),
        "delivery": Delivery("resend", 5_000, 600_000, 86_400_000),
        "acknowledgement": Acknowledgement("AL", "NE", 30_000),
    }
    return Manifest(**{**given, **changes})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "bundles" / "mercy"
    write_bundle(place, manifest(), PLANS, {"simple": EXPLAINED})
    return place


def load(folder: Path, **given: str) -> Any:
    return read_bundle(folder, **{"organisation": "mercy", "environment": "test", **given})


def code_of(folder: Path, **given: str) -> str:
    with pytest.raises(BundleRefused) as refused:
        load(folder, **given)
    return str(refused.value.code)


def test_a_bundle_comes_back_as_it_was_written(folder: Path) -> None:
    bundle = load(folder)
    assert bundle.manifest == manifest()
    assert {name: pieces.plan for name, pieces in bundle.plans.items()} == PLANS
    assert bundle.entry("simple").kinds["final"] == "after sign-off"
    assert bundle.explanation("simple") == EXPLAINED
    assert bundle.explanation("ecg_order") is None
    with pytest.raises(KeyError):
        bundle.entry("other")


def test_writing_leaves_nothing_else_behind_and_replaces_what_was_there(folder: Path) -> None:
    old = load(folder).hash
    new = write_bundle(folder, manifest(delivery=Delivery("hold", 5_000, 5_000, 5_000)), PLANS)
    assert new != old
    assert load(folder).hash == new
    assert load(folder).explanation("simple") is None
    assert [path.name for path in folder.parent.iterdir()] == ["mercy"]
    assert sorted(path.name for path in folder.iterdir()) == ["SHA256", "manifest.json", "plans"]


def test_the_same_bundle_has_the_same_hash_and_the_hash_is_asked_for(folder: Path, tmp_path: Path) -> None:
    again = write_bundle(tmp_path / "again", manifest(), PLANS, {"simple": EXPLAINED})
    assert load(folder).hash == again == hash_of((folder / "SHA256").read_bytes())
    load(folder, expected=again)
    assert code_of(folder, expected="0" * 64) == "hash"


def test_a_bundle_that_would_be_refused_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(BundleRefused):
        write_bundle(tmp_path / "x", manifest(), {"simple": RESULT})
    assert list(tmp_path.iterdir()) == []


def test_the_policy_hash_covers_all_but_model_and_plans() -> None:
    first = manifest()
    other_plan = msgspec.structs.replace(
        first, catalogue=tuple(msgspec.structs.replace(e, plan="1" * 64) for e in first.catalogue)
    )
    assert other_plan.policy_hash == first.policy_hash
    assert manifest(model=Model({}, {})).policy_hash == first.policy_hash
    others: dict[str, Any] = {
        "environment": "production",
        "processing_id": "D",
        "zone": "UTC",
        "batch": "file",
        "destinations": {"outbound": Destination("ehr-test.mercy.example", 6662, Tls("env:MERCY_TEST_TLS"))},
        "listener": Listener("mercy-test", (first.parties.ours,)),
        "acknowledgement": Acknowledgement("NE", "NE", 30_000),
        "delivery": Delivery("resend", 5_000, 600_000, 86_400_000, reuse_after=1),
        "intake": Intake(constant_ids=True),
        "diagnoses": Diagnoses((Choice("I10", "Hypertension"),), 4),
    }
    for name, value in others.items():
        assert manifest(**{name: value}).policy_hash != first.policy_hash, name
    assert msgspec.structs.replace(first, catalogue=first.catalogue[:1]).policy_hash != first.policy_hash


def test_another_organisation_or_environment_is_refused(folder: Path) -> None:
    assert code_of(folder, organisation="lakeside") == "organisation"
    assert code_of(folder, environment="production") == "environment"


def rewrite(folder: Path, name: str, change: Callable[[bytes], bytes], *, sums: bool) -> None:
    """Changes a file, and with `sums` what `SHA256` says of it."""
    path = folder / name
    before = path.read_bytes()
    after = change(before)
    assert after != before
    path.write_bytes(after)
    if sums:
        listing = folder / "SHA256"
        listing.write_bytes(
            listing.read_bytes().replace(
                hash_of(before).encode() + b"  " + name.encode(), hash_of(after).encode() + b"  " + name.encode()
            )
        )


@pytest.mark.parametrize("name", ["manifest.json", f"plans/{plan_hash(RESULT)}.json"])
def test_a_changed_file_is_refused_before_anything_is_decoded(
    folder: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rewrite(folder, name, lambda data: data + b" ", sums=False)
    monkeypatch.setattr(canonical, "decode", None)
    monkeypatch.setattr(msgspec.json, "decode", None)
    assert code_of(folder) == "hash"


def test_a_plan_under_another_hash_is_refused(folder: Path) -> None:
    rewrite(folder, f"plans/{plan_hash(RESULT)}.json", lambda data: data.replace(b"ECGAI", b"OTHER"), sums=True)
    assert code_of(folder) == "hash"


@pytest.mark.parametrize("name", ["SHA256", "manifest.json", f"plans/{plan_hash(RESULT)}.json"])
def test_a_missing_file_is_refused(folder: Path, name: str) -> None:
    (folder / name).unlink()
    assert code_of(folder) == "missing"


@pytest.mark.parametrize(
    "line",
    [
        "x",
        "0" * 64 + "  ../secret",
        "0" * 64 + "  /etc/passwd",
        "0" * 64 + "  plans/x.json",
        "\xff",
        "0" * 64 + " manifest.json",
    ],
)
def test_a_listing_of_anything_else_is_refused(folder: Path, line: str) -> None:
    rewrite(folder, "SHA256", lambda data: data + line.encode("latin-1") + b"\n", sums=False)
    assert code_of(folder) == "form"


def edited(**changes: Any) -> Callable[[bytes], bytes]:
    def change(data: bytes) -> bytes:
        return encode({**json.loads(data), **changes})

    return change


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (edited(format=2), "format"),
        (edited(format=1), "form"),
        (edited(format="1"), "form"),
        (edited(format=2, unheard_of=True), "format"),
        (edited(unheard_of=True), "form"),
        (lambda data: data.replace(b"30000", b"1.5"), "form"),
        (lambda data: data[:-1], "form"),
        (lambda data: data + b"\n", "form"),
        (lambda data: data.replace(b'"reads"', b'"writes"'), "manifest"),
        (lambda data: data.replace(b'"to":"outbound"', b'"to":"billing"'), "manifest"),
        (lambda data: data.replace(b'"ORU^R01"', b'"ORU^R32"'), "catalogue"),
        (lambda data: data.replace(b'"name":"simple"', b'"name":"other"'), "catalogue"),
        (lambda data: data.replace(b'"name":"simple"', b'"name":"ecg_order"'), "manifest"),
        (lambda data: data.replace(b'"heart_rate"', b'"heart"'), "model"),
        (lambda data: data.replace(plan_hash(RESULT).encode(), b"0" * 64), "missing"),
        (lambda data: data.replace(plan_hash(RESULT).encode(), b"../../x"), "missing"),
    ],
)
def test_a_manifest_that_says_something_else_is_refused(
    folder: Path, change: Callable[[bytes], bytes], code: str
) -> None:
    rewrite(folder, "manifest.json", change, sums=True)
    assert code_of(folder) == code


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda data: data.replace(b'"slots":2', b'"slots":1'), "plan"),
        (lambda data: data.replace(b"dtm/datetime@1", b"dtm/datetime@2"), "plan"),
        (lambda data: data.replace(b'"op":"lookup"', b'"op":"system"'), "form"),
        (lambda data: data + b" ", "form"),
        (edited(format=2, new_thing=1), "format"),
        (edited(format=True), "form"),
    ],
)
def test_one_bad_plan_refuses_the_bundle(folder: Path, change: Callable[[bytes], bytes], code: str) -> None:
    path = folder / f"plans/{plan_hash(RESULT)}.json"
    data = change(path.read_bytes())
    old, new = plan_hash(RESULT), hash_of(data)
    path.unlink()
    (folder / f"plans/{new}.json").write_bytes(data)
    rewrite(folder, "manifest.json", lambda data: data.replace(old.encode(), new.encode()), sums=True)
    rewrite(
        folder,
        "SHA256",
        lambda data: data.replace(f"{old}  plans/{old}".encode(), f"{new}  plans/{new}".encode()),
        sums=False,
    )
    assert code_of(folder) == code


def test_a_spoiled_explanation_is_none_and_stops_nothing(folder: Path) -> None:
    rewrite(folder, f"explain/{plan_hash(RESULT)}.json", lambda data: data.replace(b"mercy", b"other"), sums=False)
    assert load(folder).explanation("simple") is None


def test_a_file_too_long_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("segwright.plan.bundle.LARGEST", 1000)
    assert code_of(folder) == "form"


def test_an_explanation_comes_back_and_knows_its_operations() -> None:
    again = explain.decode(explain.encode(EXPLAINED))
    assert again == EXPLAINED
    entry = again.entry(1)
    assert entry is not None
    assert (str(entry.place), entry.settings[0].key) == ("orgs/mercy/ecg_result.seg:7", "patient.mrn_type")
    assert again.entry(0) is None
    assert again.entry(99) is None
    assert again.entry(-1) is None
