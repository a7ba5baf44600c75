"""What nobody uses is checked all the same: a mistake in a shared file is not hidden until somebody uses it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from segwright.service.cache import Cache
from segwright.service.compiling import compile_workspace
from segwright.service.fleet import check_fleet
from tests.lang.workspace import build, compiled

ROOT = Path(__file__).resolve().parents[2]
UNNAMED = (
    "mapping spare writes ORU^R01 from order: Order, patient: Patient, result: Result\nuse basis(order, patient)\n"
)

WRONG = {
    "a mapping": (UNNAMED + "segment NTE\n  NTE-3 = result.comments\n", "SW0301", "result.comments"),
    "a field that no version has": (UNNAMED + "segment NTE\n  NTE-77 = result.study\n", "SW0406", "NTE-77"),
    "a reading mapping": ("mapping spare reads ORM^O01\npatient.mrn = PID-3.1.1.1 required\n", "SW0", "PID-3"),
    "a table": ('table spare: Kind -> HL7 0085\n  heart_rate -> "Q9"\nend\n', "SW0612", "Q9"),
    "a table's key": ('table spare: Kind -> text\n  heart_rat -> "x"\nend\n', "SW0204", "heart_rat"),
    "a table of two keys": ('table spare: Kind, Status -> text\n  heart_rate -> "x"\nend\n', "SW0608", "heart_rate"),
    "a table that is only read": ('table spare: Kind -> HL7 0085\n  heart_rat <- "F"\nend\n', "SW0204", "heart_rat"),
    "a format": ("format spare(p: Provider) as XCN\n  .1 = p.npi\nend\n", "SW0301", "p.npi"),
    "a format's other direction": ("format provider(p: Provider) from XCN\n  p.nip = .1 optional\nend\n", "SW0206", "p.nip"),
    "a part": ("part spare(m: Measurement)\n  segment OBX\n    OBX-5 = m.valu\nend\n", "SW0206", "m.valu"),
    "a part that uses an unknown one": ("part spare(m: Measurement)\n  use speer(m)\nend\n", "SW0202", "speer"),
    "a text": ("text spare(r: Result)\n{{ r.studi }}\nend\n", "SW0", "studi"),
    "a key that no schema has": ("part spare(m: Measurement)\n  segment NTE\n    NTE-1 = org.site.lable\nend\n", "SW0203", "org.site.lable"),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_a_mistake_in_something_that_nobody_uses_is_told(what: str, tmp_path: Path) -> None:
    text, code, said = WRONG[what]
    found = compiled(tmp_path / "workspace", {"mappings/spare.seg": text})
    assert any(each.startswith(code) for each in found.codes), found.text
    assert said in found.text
    assert "mappings/spare.seg" in found.text


RIGHT = {
    "a mapping": UNNAMED + "segment NTE\n  NTE-1 = org.site.label optional\n  NTE-3 = result.study\n",
    "configuration of any kind": UNNAMED
    + "segment NTE when org.site.most is above 3\n  NTE-1 = org.site.label else org.site.unit\n  NTE-3 = result.study\n",
    "a type from the configuration": UNNAMED
    + "for each m in result.measurements where m.kind in org.site.kinds\n  segment OBX\n    OBX-2 = org.site.unit\n"
    "    OBX-3 = m.kind via codes\n    OBX-5 = m.value as number(places: 0)\n    OBX-11 = result.status via status\nend\n",
    "a table that does not answer everything": 'table spare: Kind -> text\n  heart_rate -> "x"\nend\n',
    "a part with a time": "part spare(r: Result)\n  segment OBR\n    OBR-22 = r.issued_at as dtm\nend\n",
    "what only some versions have": "part spare(r: Result)\n  segment TQ1\n    TQ1-9.1 = r.study\nend\n",
    "a format for both directions": "format spare(p: Provider) as XCN\n  .1 = p.npi optional\n  .2.1 = p.family\nend\n",
    "a profile that nobody lists": "",
}


@pytest.mark.parametrize("what", RIGHT)
def test_what_somebody_could_use_as_it_is_is_not_found_fault_with(what: str, tmp_path: Path) -> None:
    found = compiled(tmp_path / "workspace", {"mappings/spare.seg": RIGHT[what]} if RIGHT[what] else {})
    assert [each for each in found.codes if each != "SW0904"] == [], found.text


def test_a_profile_that_nobody_lists_is_checked_over_the_base_it_changes(tmp_path: Path) -> None:
    overlay = 'overlay result\noverride measurement OBX-99 = "x" because "guide"\n'
    found = compiled(tmp_path / "workspace", {"mappings/vendors/big/result.seg": overlay})
    assert found.codes == ("SW0501",), found.text


def test_what_organisations_use_is_told_as_theirs(tmp_path: Path) -> None:
    shared = (ROOT / "tests/lang/clinic/mappings/shared.seg").read_text(encoding="utf-8")
    found = compiled(tmp_path / "workspace", {"mappings/shared.seg": shared.replace('"F"', '"Q9"')})
    assert {each.organisation for each in found.workspace.found} == {"clinic"}, found.text


def test_the_reference_hospitals_profiles_and_shared_files_hold_alone(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "mappings", tmp_path / "mappings")
    (tmp_path / "orgs").mkdir()
    shutil.copy(ROOT / "orgs/schema.yaml", tmp_path / "orgs/schema.yaml")
    assert compile_workspace(tmp_path).found == ()


def test_a_fleet_gives_the_same_findings_cold_and_cached(tmp_path: Path) -> None:
    root = build(tmp_path / "workspace", {"mappings/spare.seg": WRONG["a part"][0]})
    expected = set(compile_workspace(root).found)
    cache = Cache(tmp_path / "cache")
    for _ in range(2):
        assert set(check_fleet(root, jobs=1, cache=cache).found) == expected
    assert any(found.code == "SW0206" for found in expected)
