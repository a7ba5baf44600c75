"""The list of diagnoses that an organisation offers: each way its file can be wrong that is no wrong code.

What is said of wrong codes is locked in tests/lang/diagnostics (SW0752 to SW0754).
"""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from segwright.codes import icd10cm
from segwright.codes.importing import write_edition
from tests.lang.workspace import Report, compiled

ROOT = Path(__file__).parents[2]
CONFIG = "diagnosis: {codes: subset.csv}\n"


def with_subset(folder: Path, rows: str, config: str = CONFIG) -> Report:
    return compiled(folder / "w", {"orgs/clinic/org.yaml": config, "orgs/clinic/subset.csv": rows})


def test_a_list_without_fault_says_nothing_whatever_stands_beside_its_two_columns(tmp_path: Path):
    rows = 'display,department,code\n"Atrial fibrillation, unspecified",CARD,I48.91\nHypertension,,I10\n'
    assert with_subset(tmp_path, rows).codes == ()


def test_a_list_that_is_not_there_is_reported_where_it_is_named(tmp_path: Path):
    found = with_subset(tmp_path, "code,display\nI10,Hypertension\n", "diagnosis: {codes: subsets.csv}\n")
    assert found.codes == ("SW0614",)
    assert "orgs/clinic/org.yaml:" in found.text
    assert "Did you mean `subset.csv`?" in found.text


def test_a_list_without_its_columns_is_reported_at_its_first_row(tmp_path: Path):
    found = with_subset(tmp_path, "icd,display\nI10,Hypertension\n")
    assert found.codes == ("SW0748",)
    assert "There is no column `code`" in found.text
    assert "orgs/clinic/subset.csv:1:1" in found.text


def test_a_row_without_code_or_text_is_reported(tmp_path: Path):
    found = with_subset(tmp_path, "code,display\n,Hypertension\nI10,\n")
    assert found.codes == ("SW0748", "SW0748")
    assert "subset.csv:2:1" in found.text
    assert "subset.csv:3:5" in found.text


def test_a_file_that_is_no_table_is_reported_once(tmp_path: Path):
    assert with_subset(tmp_path, "code,display\nI10\n").codes == ("SW0748",)


def test_every_organisation_with_the_same_faulty_list_hears_of_it_in_its_own_file(tmp_path: Path):
    rows = "code,display\nI47.1,Supraventricular tachycardia\n"
    files = {f"orgs/{name}/subset.csv": rows for name in ("clinic", "harbor")}
    files |= {"orgs/clinic/org.yaml": CONFIG}
    files |= {"orgs/harbor/org.yaml": "organisation: {id: harbor, name: Harbor, layers: []}\n" + CONFIG}
    found = compiled(tmp_path / "w", files)
    assert found.codes == ("SW0753", "SW0753")
    assert "orgs/clinic/subset.csv:2:1" in found.text
    assert "orgs/harbor/subset.csv:2:1" in found.text


def test_the_edition_is_not_read_where_nobody_has_a_list(tmp_path: Path):
    compiled(tmp_path / "w", {})
    code = (
        "import sys; from pathlib import Path; from segwright.service.compiling import compile_workspace\n"
        f"assert compile_workspace(Path({str(tmp_path / 'w')!r})).organisations\n"
        f"sys.exit({icd10cm.__name__!r} in sys.modules)"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "engine")}
    assert subprocess.run([sys.executable, "-c", code], env=environment, check=False).returncode == 0


# --- suggestions, and editions of the workspace -------------------------------------------------------------------------

BOTH = "diagnosis: {codes: subset.csv, suggestions: suggestions.csv}\n"
LIST = "code,display\nI48.91,Unspecified atrial fibrillation\n"


def with_suggestions(folder: Path, rows: str, config: str = BOTH) -> Report:
    files = {"orgs/clinic/org.yaml": config, "orgs/clinic/subset.csv": LIST, "orgs/clinic/suggestions.csv": rows}
    return compiled(folder / "w", files)


def test_suggestions_without_fault_say_nothing(tmp_path: Path):
    rows = "name,code,finding,confidence,note\nAtrial fibrillation,I4891,164889003,0.85,x\nFibrillation,I48.91,,,\n"
    assert with_suggestions(tmp_path, rows).codes == ()


def test_no_suggestions_are_said_with_none(tmp_path: Path):
    assert with_suggestions(tmp_path, "x", "diagnosis: {codes: subset.csv, suggestions: none}\n").codes == ("SW0518",)


def test_suggestions_that_are_not_there_are_reported_where_they_are_named(tmp_path: Path):
    found = with_suggestions(tmp_path, "x\n", "diagnosis: {codes: subset.csv, suggestions: suggestion.csv}\n")
    assert found.codes == ("SW0614",)
    assert "Did you mean `suggestions.csv`?" in found.text


@pytest.mark.parametrize(
    ("rows", "code", "place", "said"),
    [
        ("finding,code\n164889003,I48.91\n", "SW0748", "1:1", "There is no column `name`"),
        ("finding,name,code\n,,I48.91\n", "SW0748", "2:1", "neither a finding nor a name"),
        ("finding,name,code\n164889003,AF,\n", "SW0748", "2:14", "no code"),
        ("finding,name,code,confidence\n164889003,AF,I48.91,85%\n", "SW0748", "2:21", "a number from 0 to 1"),
        ("finding,name,code,confidence\n164889003,AF,I48.91,1.5\n", "SW0748", "2:21", "a number from 0 to 1"),
        ("finding,name,code\n164889003,AF,I48.99\n", "SW0752", "2:14", "Did you mean `I48.91`?"),
        ("finding,name,code\n164889003,AF,I48\n", "SW0753", "2:14", "more exact codes"),
        ("finding,name,code\n164889003,AF,I10\n", "SW0756", "2:14", "does not list it"),
    ],
)
def test_a_suggestion_that_is_wrong_is_reported_at_its_cell(
    rows: str, code: str, place: str, said: str, tmp_path: Path
):
    found = with_suggestions(tmp_path, rows)
    assert found.codes == (code,), found.text
    assert f"orgs/clinic/suggestions.csv:{place}" in found.text
    assert said in found.text


def test_whether_a_code_may_stand_first_is_yes_or_no(tmp_path: Path):
    assert with_subset(tmp_path, "code,display,first\nI10,Hypertension,no\nI48.91,AF,\n").codes == ()
    found = with_subset(tmp_path, "code,display,first\nI10,Hypertension,never\n")
    assert found.codes == ("SW0748",)
    assert "subset.csv:2:18" in found.text


def test_a_code_that_is_billable_in_any_edition_of_the_workspace_may_be_listed(tmp_path: Path):
    rows = "code,display\nI48.93,Made up\nI10,Hypertension\n"
    assert with_subset(tmp_path, rows).codes == ("SW0752",)
    codes = {"I48": "Atrial fibrillation and flutter", "I4893": "Made up"}
    write_edition(codes, "2027", date(2026, 10, 1), date(2027, 9, 30), "x", tmp_path / "w" / "codes")
    assert with_subset(tmp_path, rows).codes == ()


def test_an_edition_of_the_workspace_that_cannot_be_used_is_reported(tmp_path: Path):
    path = write_edition(
        {"I10": "Hypertension"}, "2027", date(2026, 10, 1), date(2027, 9, 30), "x", tmp_path / "w" / "codes"
    )
    path.write_text(path.read_text() + "I11; \n")
    found = with_subset(tmp_path, "code,display\nI10,Hypertension\n")
    assert found.codes == ("SW0759",)
    assert "codes/icd10cm-2027.txt (line 5): The line is no category with its codes." in found.text


def test_a_code_that_is_mistyped_in_the_list_is_not_told_again_where_it_is_suggested(tmp_path: Path):
    files = {
        "orgs/clinic/org.yaml": BOTH,
        "orgs/clinic/subset.csv": LIST.replace("I48.91", "I48.99"),
        "orgs/clinic/suggestions.csv": "finding,name,code\n164889003,AF,I48.91\n",
    }
    assert compiled(tmp_path / "w", files).codes == ("SW0752",)
