"""What a review says changes is what changes, byte for byte: neither more nor less."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection
from pathlib import Path

import pytest

from segwright.review.change import Severity
from segwright.review.grouping import FleetReview
from segwright.review.meanings import Meanings
from segwright.service.cache import Cache
from segwright.service.diffing import review_fleet
from segwright.service.lost_coverage import FEW, Lost
from segwright.service.states import State
from segwright.workbench.lost import no_longer_exercised
from tests.bench.fleet import generate, organisation
from tests.bench.reviewing import EVERYONE, SOME
from tests.review.brute_force import ROOT, claimed, copied, edited, found, moved

TABLES = "mappings/shared/tables.seg"
RESULT = "mappings/messages/ecg_result.seg"
FLEET = int(os.environ.get("SEGWRIGHT_REVIEW_FLEET", "8"))
"""Hospitals of the generated fleet; `make bench` does it with a thousand."""


@pytest.fixture(scope="session")
def cache(tmp_path_factory) -> Cache:
    return Cache(tmp_path_factory.mktemp("cache"))


@pytest.fixture
def workspace(tmp_path) -> Path:
    return copied(tmp_path / "workspace")


def reviewed(
    before: Path,
    after: Path,
    cache: Cache | None = None,
    lost: Lost | None = None,
    only: Collection[str] | None = None,
) -> FleetReview:
    old = State(before, only, cache)
    return review_fleet(old, State(after, only, cache, twin=old), "base", Meanings(), lost=lost)


def review_of(
    workspace: Path, cache: Cache, *edits: tuple[str, str, str], only: Collection[str] | None = None
) -> FleetReview:
    for edit in edits:
        edited(workspace, *edit)
    return reviewed(ROOT, workspace, cache, only=only)


def files(review: FleetReview) -> set[tuple[str, str]]:
    """The organisations and files of which it says that bytes change."""
    return {(name, file) for name, file, _ in claimed(review)}


# --- the bytes -----------------------------------------------------------------------------------------------------------


def test_one_character_of_a_shared_table_names_exactly_the_hospitals_files_and_fields(workspace, cache):
    review = review_of(
        workspace,
        cache,
        (TABLES, '"8633-0" ^ "QRS duration"           ^ "LN"', '"8633-0" ^ "QRS duration"           ^ "LX"'),
    )
    expected = found(ROOT, workspace)
    assert {field for _, _, field in expected} == {"OBX-3"}
    assert claimed(review) == expected
    assert {each.name for each in review.moving} == {name for name, _, _ in expected}
    assert review.untouched == 4 - len(review.moving)


@pytest.mark.parametrize(
    "edit",
    [
        (RESULT, '  NTE-2        = "L"', '  NTE-2        = "P"'),
        (RESULT, "  OBR-7          = result.observed_at as dtm\n", ""),
        ("mappings/shared/tables.seg", '  completed   -> "CM"', '  completed   -> "CMP"'),
        ("mappings/messages/ecg_order.seg", "ORC-3 else OBR-3", "OBR-3 else ORC-3"),
        ("orgs/larkspur/org.yaml", "namespace: PULSEREAD, id", "namespace: PULSEREED, id"),
        ("orgs/stbrigid/org.yaml", "narrative:    {width: 60}", "narrative:    {width: 40}"),
    ],
)  # fmt: skip
def test_claims_equal_brute_force_whatever_is_edited(workspace, cache, edit):
    review = review_of(workspace, cache, edit)
    assert files(review) == set(moved(ROOT, workspace))


@pytest.mark.parametrize(("edit", "count"), [(EVERYONE, FLEET), (SOME, FLEET // 4)], ids=["a shared row", "a profile"])
def test_a_fleet_is_told_exactly_and_in_groups(tmp_path, cache, edit, count):
    before, after = tmp_path / "before", tmp_path / "after"
    for root in (before, after):
        generate(root, FLEET, cases=True)
    edited(after, *edit)
    review = reviewed(before, after, cache)
    affected = {each.name for each in review.moving}
    sample = sorted(affected | {organisation(number) for number in range(0, FLEET, max(1, FLEET // 50))})
    expected = found(before, after, sample)
    assert claimed(review) == expected
    assert affected == {name for name, _, _ in expected}
    assert (len(affected), review.untouched) == (count, FLEET - count)
    assert [len(group.names) for group in review.groups if group.first.moves] == [count]


def test_reformatting_everything_changes_nothing(workspace, cache):
    from segwright.core.source import Source
    from segwright.lang.parse import parse
    from segwright.lang.printer import print_file

    for path in [*workspace.glob("mappings/**/*.seg"), *workspace.glob("orgs/*/*.seg")]:
        name = path.relative_to(workspace).as_posix()
        file, found = parse(Source(name, path.read_text(encoding="utf-8")))
        assert not found
        path.write_text("# printed anew\n\n" + print_file(file).replace("\n  ", "\n    "), encoding="utf-8")
    for path in workspace.glob("orgs/*/org.yaml"):
        path.write_text(path.read_text(encoding="utf-8").replace(":  ", ":     ") + "\n# a comment\n", encoding="utf-8")
    review = reviewed(ROOT, workspace, cache)
    assert not review.changed
    assert review.untouched == 4


def test_bytes_that_an_engine_moves_are_told_without_a_change_of_mappings(workspace, tmp_path, cache):
    base = copied(tmp_path / "base")
    snapshot = base / "snapshots" / "larkspur" / "final.ecg_result.hl7"
    snapshot.write_bytes(snapshot.read_bytes().replace(b"|CM|", b"|CN|").replace(b"ORC|RE", b"ORC|RF"))
    review = reviewed(base, workspace, cache)
    (larkspur,) = review.organisations
    assert {(seen.change.place, seen.change.cause) for seen in larkspur.seen} >= {("ORC-1", "engine")}
    assert {seen.change.cause for seen in larkspur.seen} == {"engine"}
    assert not larkspur.moved
    assert not review.rules


# --- beside the bytes ------------------------------------------------------------------------------------------------------


def test_policy_destinations_credentials_and_gates_are_part_of_it(workspace, cache):
    review = review_of(
        workspace, cache,
        ("orgs/larkspur/org.yaml", "when_uncertain:    resend", "when_uncertain:    hold"),
        ("orgs/larkspur/org.yaml", "file:/run/secrets/larkspur.pem", "file:/run/secrets/new.pem"),
        ("orgs/larkspur/org.yaml", "ehr.larkspur.example:6661", "ehr2.larkspur.example:6661"),
        ("orgs/larkspur/org.yaml", "final: after sign-off", "final: yes"),
        ("orgs/larkspur/org.yaml", "mandatory:\n  ecg_result:   [", "mandatory:\n  ecg_result:   [OBR-7, "),
    )  # fmt: skip
    (larkspur,) = review.organisations
    found = {
        change.place: (change.severity, change.before, change.after, change.repeats) for change in larkspur.changes
    }
    assert found == {
        "delivery.when_uncertain": (Severity.DELIVERY, "resend", "hold", True),
        "destinations.outbound.tls.identity": (
            Severity.IDENTITY,
            "file:/run/secrets/larkspur.pem",
            "file:/run/secrets/new.pem",
            False,
        ),
        "destinations.outbound.host": (Severity.IDENTITY, "ehr.larkspur.example", "ehr2.larkspur.example", False),
        "catalogue.ecg_result.kinds.final": (Severity.DELIVERY, "after sign-off", "yes", False),
        "catalogue.ecg_result.mandatory": (Severity.DELIVERY, "", "OBR-7", False),
    }
    assert "policy" in larkspur.moved["production"]
    assert "ecg_result" not in larkspur.moved["test"]


def test_a_change_that_no_case_shows_is_told_as_such(workspace, cache):
    edit = ("mappings/messages/ecg_charge.seg", "text(max: 12, over: error)", "text(max: 13, over: error)")
    review = review_of(workspace, cache, edit)
    unseen = {change.place for each in review.organisations for change in each.changes if change.view == "plan"}
    assert "FT1-2" in unseen
    assert not files(review)


def test_what_is_only_of_production_is_told(workspace, cache):
    review = review_of(
        workspace,
        cache,
        (
            "orgs/larkspur/org.yaml",
            "    outbound:      {mllp: ehr.larkspur.example:6661",
            "    instead:       {receiving: {application: LVMCPROD}}\n    outbound:      {mllp: ehr.larkspur.example:6661",
        ),
    )
    (larkspur,) = review.organisations
    changes = {(change.place, change.before, change.after) for change in larkspur.changes if change.view == "output"}
    assert changes == {("MSH-5.1", "LVMCEHR", "LVMCPROD")}
    assert all(
        where.endswith("(production)") for seen in larkspur.seen for where in seen.where if seen.change.view == "output"
    )
    assert set(larkspur.moved) == {"production"}


def test_a_case_that_is_refused_now_is_a_new_failure_with_its_reason(workspace, cache):
    review = review_of(
        workspace,
        cache,
        (
            RESULT,
            "  ORC-4          = order.group_number                               optional",
            "  ORC-4          = order.group_number                               required",
        ),
    )
    failures = {
        failure.case: failure for each in review.organisations if each.name == "larkspur" for failure in each.failures
    }
    assert failures
    assert "ORC-4" in failures["final"].reasons[0]
    assert review.severity is not None


def test_an_override_whose_base_changed_under_it_is_stale_though_it_keeps_every_byte(workspace, cache):
    edited(
        workspace,
        "orgs/larkspur/ecg_result.seg",
        "add measurement OBX-23.1",
        'override DG1-6 = "W"\n  because "their guide"\n\nadd measurement OBX-23.1',
    )
    base = copied(workspace.parent / "base", "mappings")
    shutil.copytree(workspace / "orgs", base / "orgs")
    edited(workspace, RESULT, '    DG1-6        = "F"', '    DG1-6        = "A"')
    review = reviewed(base, workspace, cache)
    larkspur = next(each for each in review.organisations if each.name == "larkspur")
    assert not larkspur.changes
    (stale,) = larkspur.stale
    assert stale.startswith("orgs/larkspur/ecg_result.seg:4: ")
    assert "DG1-6" in stale


def test_a_removed_case_is_coverage_that_is_lost(workspace, cache):
    shutil.rmtree(workspace / "orgs" / "larkspur" / "cases" / "hostile_text")
    review = reviewed(ROOT, workspace, cache)
    (larkspur,) = review.organisations
    assert larkspur.lost == ("case hostile_text",)
    assert larkspur.severity is None
    shutil.rmtree(workspace / "orgs" / "larkspur" / "cases" / "withdrawn")
    (larkspur,) = reviewed(ROOT, workspace, cache).organisations
    assert set(larkspur.lost) == {"case hostile_text", "case withdrawn", "ecg_result of the kind withdrawn"}


def test_rules_that_only_a_removed_case_exercised_are_told(workspace, cache):
    shutil.rmtree(workspace / "orgs" / "larkspur" / "cases" / "withdrawn")
    (larkspur,) = reviewed(ROOT, workspace, cache, no_longer_exercised).organisations
    assert larkspur.lost[:2] == ("case withdrawn", "ecg_result of the kind withdrawn")
    lines = (workspace / TABLES).read_text().splitlines()
    row = next(number for number, line in enumerate(lines, 1) if 'withdrawn    -> "X"' in line)
    assert any("table row" in each and each.endswith(f"({TABLES}:{row})") for each in larkspur.lost), larkspur.lost
    # What another case exercises is not lost, and what was never exercised was never had.
    shutil.copytree(ROOT / "orgs" / "larkspur" / "cases" / "withdrawn", workspace / "orgs/larkspur/cases/again")
    (larkspur,) = reviewed(ROOT, workspace, cache, no_longer_exercised).organisations
    assert larkspur.lost == ("case withdrawn",)


def test_rules_that_a_change_keeps_from_being_reached_are_told(workspace, cache):
    edited(
        workspace,
        RESULT,
        "  ORC-4          = order.group_number ",
        "  ORC-4          = order.placer_number else order.group_number ",
    )
    before = copied(workspace.parent / "before")
    edited(
        before,
        RESULT,
        "  ORC-4          = order.group_number ",
        "  ORC-4          = order.group_number else order.placer_number ",
    )
    (larkspur,) = reviewed(before, workspace, cache, no_longer_exercised, only=["larkspur"]).organisations
    assert any("else `order.group_number`" in each or "order.group_number" in each for each in larkspur.lost), (
        larkspur.lost
    )


def test_comments_and_other_lines_lose_no_coverage(workspace, cache):
    edited(workspace, RESULT, "  ORC-1          =", "  # The order control.\n\n  ORC-1          =")
    edited(workspace, "orgs/larkspur/cases/final/case.yaml", 'note: "', 'note: "In other words: ')
    assert not reviewed(ROOT, workspace, cache, no_longer_exercised).changed
    edited(
        workspace, TABLES, '"8633-0" ^ "QRS duration"           ^ "LN"', '"8633-0" ^ "QRS duration"           ^ "LX"'
    )
    review = reviewed(ROOT, workspace, cache, no_longer_exercised, only=["larkspur"])
    assert review.changed
    assert not any(each.lost for each in review.organisations)


def test_of_many_that_change_alike_one_is_asked_and_the_others_if_it_lost_something(tmp_path, cache):
    before, after = tmp_path / "before", tmp_path / "after"
    for root in (before, after):
        generate(root, FEW + 1, cases=True)
    edited(after, *EVERYONE)
    asked: list[str] = []

    def lost(_: State, __: State, name: str) -> tuple[str, ...]:
        asked.append(name)
        return ()

    review = reviewed(before, after, cache, lost)
    assert len(asked) == len([group for group in review.groups if group.first.moves]) < FEW
    assert f"in {len(asked)} of {FEW + 1} hospitals" in review.notes[0]
    review = reviewed(before, after, cache, lambda one, other, name: ("something",))
    assert all(each.lost == ("something",) for each in review.moving)
    assert not review.notes


def test_a_case_that_puts_in_something_else_is_told_and_one_with_other_words_is_not(workspace, cache):
    edited(workspace, "orgs/larkspur/cases/final/case.yaml", 'note: "', 'note: "In other words: ')
    assert not reviewed(ROOT, workspace, cache).changed
    edited(workspace, "orgs/larkspur/cases/withdrawn/result.json", '"withdrawn"', '"final"')
    (larkspur,) = reviewed(ROOT, workspace, cache).organisations
    assert larkspur.edited_cases == ("withdrawn",)
    assert larkspur.lost == ("ecg_result of the kind withdrawn",)
    assert not larkspur.changes


def test_a_new_value_of_the_model_is_not_mapped_yet(workspace, cache):
    review = review_of(workspace, cache, ("mappings/model.seg", "  t_axis\n", "  t_axis\n  st_level\n"))
    assert len(review.organisations) == 4
    assert all("MeasurementKind.st_level in ecg_result" in each.unmapped for each in review.organisations)


def test_a_hospital_may_come_go_or_break(workspace, cache):
    shutil.rmtree(workspace / "orgs" / "northgate")
    edited(workspace, "orgs/tamarack/org.yaml", "precision: second", "precision: week")
    review = reviewed(ROOT, workspace, cache)
    assert {each.name: each.status for each in review.organisations} == {"northgate": "removed", "tamarack": "broken"}
    back = reviewed(workspace, ROOT, cache)
    assert {each.name: each.status for each in back.organisations} == {"northgate": "added", "tamarack": "added"}
    assert back.problems == ("tamarack did not compile at base: it is compared as if it were new.",)


# --- severity --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("edit", "place", "severity", "repeats"),
    [
        (("orgs/larkspur/org.yaml", "{application: LVMCEHR, facility", "{application: LVMCEHX, facility"), "MSH-5.1", "identity", False),
        (("mappings/shared/formats.seg", "  .4.2 = i.authority_id    optional\n", "  .4.2 = i.authority    optional\n"), "PID-3.4", "identity", False),
        (("mappings/shared/parts.seg", "MSH-10   = message.control_id", 'MSH-10   = "X{message.control_id}"'), "MSH-10", "identity", True),
        ((RESULT, "  ORC-4          = order.group_number                               optional\n", ""), "ORC-4", "identity", True),
        ((TABLES, '  corrected   <-> "C"\n  withdrawn    -> "X"', '  corrected   <-> "A"\n  withdrawn    -> "X"'), "OBR-25", "clinical", False),
        ((TABLES, '^ "LN", "deg",  0, 8', '^ "LN", "deg",  1, 8'), "OBX-5", "clinical", False),
        ((TABLES, '"8867-4" ^ "Heart rate"', '"8867-5" ^ "Heart rate"'), "OBX-3.1", "clinical", False),
        ((TABLES, '"8867-4" ^ "Heart rate"', '"8867-4" ^ "Pulse"'), "OBX-3.2", "clinical", False),
        ((TABLES, '"8867-4" ^ "Heart rate"', '"8867-4" ^ "HEART RATE"'), "OBX-3.2", "cosmetic", False),
        ((RESULT, '    DG1-6        = "F"', '    DG1-6        = "W"'), "DG1-6", "billing", False),
        (("orgs/tamarack/org.yaml", "quantity:    1", "quantity:    2"), "FT1-10", "billing", False),
        ((RESULT, "    OBX-1        = count OBX since OBR\n    OBX-2        = \"NM\"", "    OBX-1        = count OBX since OBR from 2\n    OBX-2        = \"NM\""), "OBX-1", "structure", False),
        (("orgs/larkspur/org.yaml", "trailing:    trim", "trailing:    full"), "MSH", "structure", False),
        (("orgs/larkspur/org.yaml", "application: AL, answer_within", "application: NE, answer_within"), "MSH-16", "delivery", False),
        (("orgs/larkspur/org.yaml", "retry:             {first: 5s", "retry:             {first: 9s"), "delivery.first", "delivery", False),
        (("orgs/larkspur/org.yaml", "name:   Larkspur Valley Medical Center", "name:   Larkspur Valley"), "name", "cosmetic", False),
    ],
)  # fmt: skip
def test_a_seeded_change_gets_the_severity_that_the_rules_state(workspace, cache, edit, place, severity, repeats):
    review = review_of(workspace, cache, edit, only=["tamarack" if "tamarack" in edit[0] else "larkspur"])
    found = {change.place: change for each in review.organisations for change in each.changes}
    assert place in found, sorted(found)
    assert (found[place].severity, found[place].repeats) == (severity, repeats)
