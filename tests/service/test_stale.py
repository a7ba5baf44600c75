"""An override is stale when what it replaces changed in meaning and it did not: told by `check --since`, with both places."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from segwright.core import prose
from segwright.core.diagnostic import Diagnostic, Severity
from segwright.lang.parse import parse
from segwright.lang.printer import print_file
from segwright.orgs.workspace import read_workspace
from segwright.service.stale import stale_overrides
from tests.lang.workspace import CLINIC, build

B = 'because "guide"'
ROOT = Path(__file__).resolve().parents[2]
RESULT = (
    (CLINIC / "mappings/result.seg").read_text(encoding="utf-8")
    + """
segment ZXX from order.received optional
segment ZPR note when result.urgent
  let both = result.study
  ZPR-1 = "A" ^ result.study ^ "C"
  ZPR-2 = order.provider as provider optional
  ZPR-3 = both
  ZPR-4 = text report(result) as ft
check signed that result.urgent else "no"

text report(r: Result)
Study {{ r.study }}
end
"""
)
BASE = {"mappings/result.seg": RESULT}


def compared(
    tmp_path: Path,
    overlay: str,
    *changes: tuple[str, str],
    then: str = "",
    file: str = "mappings/result.seg",
    **more: str,
) -> list[Diagnostic]:
    """What is stale after changes of texts of the base. `then`: the overlay before, where it was another one."""
    former = build(
        tmp_path / "former", {**BASE, **more, "orgs/clinic/result.seg": f"overlay result\n{then or overlay}\n"}
    )
    shutil.copytree(former, tmp_path / "present")
    (tmp_path / "present/orgs/clinic/result.seg").write_text(f"overlay result\n{overlay}\n", encoding="utf-8")
    path = tmp_path / "present" / file
    text = path.read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")
    found, _ = stale_overrides(tmp_path / "present", former, "main")
    return found


STALE = [
    ("override measurement OBX-2", 'override measurement OBX-2 = "ST"', ('"NM"', '"SN"'), "`measurement OBX-2`"),
    ("remove measurement OBX-8", "remove measurement OBX-8", ("m.flag  optional", 'm.flag else "N"'), "`measurement OBX-8`"),
    ("override note ZPR-1.3", 'override note ZPR-1.3 = "D"', ('^ "C"', '^ "E"'), "`note ZPR-1.3`"),
    ("remove note ZPR-1", "remove note ZPR-1", ('"A" ^', '"B" ^'), "`note ZPR-1`"),
    ("override note ZPR-3", 'override note ZPR-3 = "x"', ("let both = result.study", 'let both = "y"'), "`let both`"),
    ("override note ZPR-4", 'override note ZPR-4 = "x"', ("Study {{", "Series {{"), "line 1 of `text report`"),
    ("override text report", "override text report\nNo {{ r.study }}\nend", ("Study {{", "Series {{"), "line 1 of `text report`"),
    ("override segment note", "override segment note when result.status is final", ("note when result.urgent", "note when result.status is corrected"), "the condition of `segment ZPR note`"),
    ("remove segment note", "remove segment note", ("  ZPR-3 = both\n", "  ZPR-3 = both\n  ZPR-5 = result.study\n"), "`note ZPR-5`"),
    ("remove segment note", "remove segment note", ("  ZPR-3 = both\n", ""), "`note ZPR-3`"),
    ("remove check signed", "remove check signed", ('else "no"', 'else "sign first"'), "`signed`"),
    ("override loop measurements", "override loop measurements first 2", ("in result.measurements", "in result.measurements at most 9"), "the limit of `loop measurements`"),
    ("override loop measurements", "override loop measurements where m.kind is heart_rate", ("in result.measurements", "in result.measurements where m.kind is qrs_duration"), "the condition of `loop measurements`"),
    ("remove loop measurements", "remove loop measurements", ("as number(places: 0)", "as number(places: 1)"), "`measurement OBX-5`"),
    ("replace segment NTE", 'replace segment NTE\n  NTE-1 = "9"\nend', ('NTE-1 = "1"', 'NTE-1 = "2"'), "`comment NTE-1`"),
    ("override table codes", 'override table codes\n  heart_rate -> "1" ^ "HR" ^ "L", "/min"\nend', ('"Heart rate"  ', '"Pulse"  '), "row `heart_rate` of `table codes`"),
    ("override measurement OBX-3", "override measurement OBX-3 = m.kind via codes.unit", ('"Heart rate"  ', '"Pulse"  '), "`code` in row `heart_rate` of `table codes`"),
]  # fmt: skip


@pytest.mark.parametrize(("address", "overlay", "change", "name"), STALE, ids=[f"{s[0]}: {s[3]}" for s in STALE])
def test_what_changed_under_an_unchanged_operation_is_told_with_both_places(
    tmp_path: Path, address: str, overlay: str, change: tuple[str, str], name: str
) -> None:
    (found,) = compared(tmp_path, f"{overlay} {B}", change)
    assert (found.code, found.severity) == ("SW0519", Severity.WARNING)
    assert (found.facts["address"], found.facts["name"], found.facts["base"]) == (address, name, "main")
    assert found.span.file == "orgs/clinic/result.seg"
    assert [label.span.file for label in found.labels] in (["mappings/result.seg"], [])
    assert bool(found.labels) == (found.facts["now"] != "not there")
    assert found.facts["was"] != found.facts["now"]
    assert prose.message(found)


SHARED = [
    ("override part basis\n  override OBR-4 = order.filler_number optional\nend", ("OBR-4   = order.service", "OBR-4   = order.placer_number"), "override part basis"),
    ("override OBR-4 = order.filler_number optional", ("OBR-4   = order.service", "OBR-4   = order.placer_number"), "override OBR-4"),
    ('override note ZPR-2.2 = "x"', (".2.1 = p.family", '.2.1 = "y"'), "override note ZPR-2.2"),
    ('override format provider\n  .2.1 = "x"\nend', (".2.1 = p.family", '.2.1 = "y"'), "override format provider"),
    ('override measurement OBX-11 = "F"', ('withdrawn   -> "W"', 'withdrawn   -> "X"'), "override measurement OBX-11"),
]  # fmt: skip


@pytest.mark.parametrize(("overlay", "change", "address"), SHARED, ids=[s[2] for s in SHARED])
def test_what_a_replaced_line_uses_counts_as_that_line(
    tmp_path: Path, overlay: str, change: tuple[str, str], address: str
) -> None:
    found = compared(tmp_path, f"{overlay} {B}", change, file="mappings/shared.seg")
    assert [each.facts["address"] for each in found] == [address]


NOT = [
    ('override measurement OBX-2 = "ST"', ('OBX-2  = "NM"', '# a comment\n    OBX-2   =   "NM"   # why')),
    ('override measurement OBX-2 = "ST"', ('"1"', '"2"')),
    ("override measurement OBX-5 = inherited as text(max: 20, over: error)", ("places: 0", "places: 1")),
    ("override loop measurements where inherited and m.kind is heart_rate", ("in result.measurements", "in result.measurements where m.kind is qrs_duration")),
    ("override loop measurements first 2", ("in result.measurements", "in result.measurements where m.kind is qrs_duration")),
    ('override note ZPR-1.3 = "D"', ('"A" ^', '"B" ^')),
    ('override measurement OBX-3 = m.kind via codes', ('"Heart rate"   ^ "LN", "/min"', '"Heart rate"   ^ "LN", "1/min"')),
    ('add measurement OBX-14 = result.issued_at as dtm', ('"NM"', '"SN"')),
    ("move loop measurements at end of message", ('"NM"', '"SN"')),
    ('override table codes\n  heart_rate -> "1" ^ "HR" ^ "L", "/min"\nend', ('"QRS duration"', '"QRS"')),
]  # fmt: skip


@pytest.mark.parametrize(("overlay", "change"), NOT, ids=[f"{o} / {c[0]}" for o, c in NOT])
def test_layout_what_is_inherited_and_what_lies_beside_make_nothing_stale(
    tmp_path: Path, overlay: str, change: tuple[str, str]
) -> None:
    assert compared(tmp_path, f"{overlay} {B}", change) == []


def test_an_operation_that_changed_too_is_not_stale_and_another_reason_is_no_change(tmp_path: Path) -> None:
    change = ('"NM"', '"SN"')
    then = f'override measurement OBX-2 = "ST" {B}'
    assert compared(tmp_path / "a", f'override measurement OBX-2 = "TX" {B}', change, then=then) == []
    again = 'override   measurement OBX-2 = "ST"\n  because "another"'
    assert len(compared(tmp_path / "b", again, change, then=then)) == 1


def test_a_change_of_ones_own_is_not_the_bases(tmp_path: Path) -> None:
    then = f"override measurement OBX-3 = m.kind via codes.unit {B}"
    rows = f'override table codes\n  heart_rate -> "1" ^ "HR" ^ "L", "/min"\nend {B}'
    assert compared(tmp_path, f"{then}\n{rows}", ("", ""), then=then) == []


def test_a_profile_changes_what_lies_under_an_organisation_and_is_stale_itself_over_the_base(tmp_path: Path) -> None:
    org = "organisation: {id: clinic, name: Clinic, layers: [big]}\n"
    vendor = {
        "mappings/vendors/big/result.seg": f'overlay result\noverride measurement OBX-2 = "ST" {B}\n',
        "orgs/clinic/org.yaml": org,
    }
    own = f'override measurement OBX-2 = "TX" {B}'
    (found,) = compared(tmp_path / "a", own, ('"ST"', '"FT"'), file="mappings/vendors/big/result.seg", **vendor)
    assert (found.organisation, found.span.file) == ("clinic", "orgs/clinic/result.seg")
    (found,) = compared(tmp_path / "b", own, ('"NM"', '"SN"'), **vendor)
    assert (found.organisation, found.span.file) == ("", "mappings/vendors/big/result.seg")


def test_only_the_organisations_asked_for_are_looked_at_and_a_profiles_line_is_told_once(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "mappings", tmp_path / "now/mappings")
    shutil.copytree(ROOT / "orgs", tmp_path / "now/orgs")
    path = tmp_path / "now/mappings/messages/ecg_result.seg"
    text = path.read_text(encoding="utf-8")
    assert '= "TX"' in text
    path.write_text(text.replace('= "TX"', '= "FT"'), encoding="utf-8")
    found, sources = stale_overrides(tmp_path / "now", ROOT, "main")
    places = [(each.organisation, each.span.file) for each in found]
    assert len(places) == len(set(places))
    assert ("northgate", "orgs/northgate/ecg_result.seg") in places
    assert set(sources) >= {file for _, file in places}
    only, _ = stale_overrides(tmp_path / "now", ROOT, "main", ["larkspur"])
    assert all(each.organisation in ("", "larkspur") for each in only)


def test_writing_every_file_anew_makes_nothing_stale(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "mappings", tmp_path / "now/mappings")
    shutil.copytree(ROOT / "orgs", tmp_path / "now/orgs")
    workspace, _ = read_workspace(ROOT)
    assert workspace is not None
    for name, source in workspace.sources.items():
        if name.endswith(".seg"):
            file, found = parse(source)
            assert not found
            (tmp_path / "now" / name).write_text(print_file(file), encoding="utf-8")
    assert stale_overrides(tmp_path / "now", ROOT, "main")[0] == []
