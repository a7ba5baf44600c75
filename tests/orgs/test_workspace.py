"""Finding and reading the files of a workspace."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from segwright.core.diagnostic import Diagnostic, Severity, errors
from segwright.core.prose import help_lines, message
from segwright.orgs import workspace as module
from segwright.orgs.workspace import read_workspace, workspace_root
from tests.orgs.conftest import ROOT, WORKSPACE


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(WORKSPACE, tmp_path / "w")
    shutil.copy(ROOT / "orgs" / "schema.yaml", tmp_path / "w" / "orgs")
    return tmp_path / "w"


def found(folder: Path) -> list[tuple[str, str]]:
    workspace, diagnostics = read_workspace(folder)
    assert workspace is not None
    for diagnostic in diagnostics:
        assert message(diagnostic)
        assert help_lines(diagnostic)
    return [(d.code, d.span.file) for d in diagnostics]


def test_everything_is_found_by_its_name(folder: Path) -> None:
    workspace, diagnostics = read_workspace(folder)
    assert diagnostics == []
    assert workspace is not None
    assert workspace.schema is not None
    assert list(workspace.mappings) == ["mappings/messages/ecg_result.seg"]
    organisation = workspace.organisations["fixture_general"]
    assert organisation.config is not None
    assert organisation.config.name == "orgs/fixture_general/org.yaml"
    assert list(organisation.mappings) == ["orgs/fixture_general/ecg_result.seg"]
    assert list(organisation.tables) == ["icd10_subset.csv"]
    (case,) = organisation.cases
    assert (case.name, sorted(case.files)) == ("final_two_diagnoses", ["order.hl7", "result.json"])
    content, problems = workspace.read_bytes(case.files["order.hl7"])
    assert problems == []
    assert content is not None
    assert content.startswith(b"MSH|")
    assert set(workspace.sources) == {
        "mappings/messages/ecg_result.seg",
        "orgs/schema.yaml",
        "orgs/fixture_general/org.yaml",
        "orgs/fixture_general/ecg_result.seg",
        "orgs/fixture_general/icd10_subset.csv",
    }


def test_only_some_organisations_may_be_read(folder: Path) -> None:
    workspace, diagnostics = read_workspace(folder, only=["other"])
    assert workspace is not None
    assert (workspace.organisations, diagnostics) == ({}, [])


def test_a_folder_that_is_no_workspace_says_what_is_missing(folder: Path) -> None:
    workspace, (diagnostic,) = read_workspace(folder.parent)
    assert workspace is None
    assert diagnostic.code == "SW0707"
    assert f"`{folder.parent}` is not a workspace: it has no folder `mappings/` and no folder `orgs/`" in message(
        diagnostic
    )
    assert any("segwright init" in line for line in help_lines(diagnostic))
    _, (inside,) = read_workspace(folder / "orgs" / "fixture_general")
    assert any(f"`{folder}`, is one" in line for line in help_lines(inside))
    assert workspace_root(folder / "orgs" / "fixture_general") == folder
    assert workspace_root(Path("/")) is None


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        (b"", "SW0704", "holds nothing"),
        (b" \n", "SW0704", "holds nothing"),
        (b"times: {zone: \xe9}\n", "SW0702", "byte 15 (0xE9, in line 1)"),
        (b"PK\x03\x04\x00\x00", "SW0703", "a spreadsheet wrote it"),
        (b"#" * (1 << 18) + b"\n", "SW0705", "262,145 bytes; at most 262,144"),
    ],
)
def test_a_file_that_cannot_be_read_as_text(folder: Path, content: bytes, code: str, words: str) -> None:
    (folder / "orgs/fixture_general/org.yaml").write_bytes(content)
    workspace, (diagnostic,) = read_workspace(folder)
    assert workspace is not None
    assert workspace.organisations["fixture_general"].config is None
    assert (diagnostic.code, diagnostic.span.file, diagnostic.organisation) == (
        code,
        "orgs/fixture_general/org.yaml",
        "fixture_general",
    )
    assert words in message(diagnostic)


def test_a_byte_order_mark_is_no_part_of_the_text(folder: Path) -> None:
    path = folder / "orgs/fixture_general/org.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    workspace, _ = read_workspace(folder)
    assert workspace is not None
    config = workspace.organisations["fixture_general"].config
    assert config is not None
    assert config.text.startswith("# Fixture")


def test_links_do_not_lead_out_in_circles_or_nowhere(folder: Path) -> None:
    outside = folder.parent / "elsewhere.seg"
    outside.write_text("x", encoding="utf-8")
    messages = folder / "mappings" / "messages"
    (messages / "a.seg").symlink_to(outside)
    (messages / "b.seg").symlink_to("c.seg")
    (messages / "c.seg").symlink_to("b.seg")
    (messages / "d.seg").symlink_to("nothing.seg")
    (messages / "e.seg").symlink_to("..")
    (messages / "f.seg").symlink_to("ecg_result.seg")
    (messages / "g").symlink_to("..")
    workspace, diagnostics = read_workspace(folder)
    assert workspace is not None
    reasons = {d.span.file.rpartition("/")[2]: d.facts.get("reason", d.code) for d in diagnostics}
    assert reasons == {
        "a.seg": "leads out of the workspace",
        "b.seg": "leads in a circle",
        "c.seg": "leads in a circle",
        "d.seg": "leads nowhere",
        "e.seg": "leads to a folder",
        "g": "SW0709",
    }
    assert {d.code for d in diagnostics} == {"SW0706", "SW0709"}
    assert "mappings/messages/f.seg" in workspace.mappings


def test_an_organisation_without_org_yaml(folder: Path) -> None:
    (folder / "orgs/fixture_general/org.yaml").rename(folder / "orgs/fixture_general/org.yml")
    workspace, diagnostics = read_workspace(folder)
    assert workspace is not None
    assert {d.code for d in diagnostics} == {"SW0708", "SW0709"}
    assert any("Did you mean `org.yaml`?" in line for d in diagnostics for line in help_lines(d))


def test_files_that_nobody_reads_are_warned_of_and_notes_are_not(folder: Path) -> None:
    organisation = folder / "orgs" / "fixture_general"
    for name in ("ecg_order.sge", "README.md", ".hidden", "ecg.seg~", "guide.pdf"):
        (organisation / name).write_text("x", encoding="utf-8")
    (organisation / "case").mkdir()
    (folder / "orgs" / "shema.yaml").write_text("x", encoding="utf-8")
    _, diagnostics = read_workspace(folder)
    assert errors(diagnostics) == []
    assert {(d.span.file, d.facts["nearest"], d.severity) for d in diagnostics} == {
        ("orgs/fixture_general/case", "cases", Severity.WARNING),
        ("orgs/fixture_general/ecg_order.sge", "ecg_order.seg", Severity.WARNING),
        ("orgs/shema.yaml", "schema.yaml", Severity.WARNING),
    }


def test_a_schema_that_is_not_there(folder: Path) -> None:
    (folder / "orgs" / "schema.yaml").unlink()
    assert found(folder) == [("SW0701", "orgs/schema.yaml")]


def test_a_file_that_is_no_ordinary_file(folder: Path) -> None:
    os.mkfifo(folder / "mappings" / "pipe.seg")
    assert found(folder) == [("SW0701", "mappings/pipe.seg")]


def test_a_file_that_may_not_be_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_: object) -> None:
        raise PermissionError(13, "Permission denied", "/secret/path")

    monkeypatch.setattr(module, "open", denied, raising=False)
    _, diagnostics = read_workspace(folder, only=[])
    assert {d.code for d in diagnostics} == {"SW0701"}
    assert all("access is denied" in message(d) and "/secret" not in message(d) for d in diagnostics)


def test_the_same_folder_gives_the_same_findings_in_the_same_order(folder: Path) -> None:
    for name in ("b.sge", "a.sge", "c.txt"):
        (folder / "mappings" / name).write_text("x", encoding="utf-8")
    first: list[Diagnostic] = read_workspace(folder)[1]
    assert [d.span.file for d in first] == ["mappings/a.sge", "mappings/b.sge"]
    assert first == read_workspace(folder)[1]
