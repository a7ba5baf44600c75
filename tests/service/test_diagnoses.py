"""The list of diagnoses that an organisation offers: each way its file can be wrong that is no wrong code.

What is said of wrong codes is locked in tests/lang/diagnostics (SW0752 to SW0754).
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from segwright.codes import icd10cm
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
