"""The same change at several hospitals is a note that offers a profile, and only when all of them are compiled."""

from __future__ import annotations

from pathlib import Path

import pytest

from segwright.core.diagnostic import errors
from segwright.core.source import Source
from segwright.lang.parse import parse
from segwright.service.changes import Change, own_changes, same_changes
from segwright.service.compiling import compile_workspace
from tests.lang.workspace import Report, compiled

CHANGE = 'override NTE-1 = "2"'


def at(*overlays: str) -> list[list[Change]]:
    """The changes of organisations `o1`, `o2`, … whose overlay file holds these operations."""
    return [
        list(own_changes([parse(Source(f"orgs/o{number}/a.seg", f"overlay result\n\n{text}\n"))[0]]))
        for number, text in enumerate(overlays, 1)
    ]


def noted(*overlays: str) -> list[str]:
    return [note.facts["address"] for note in same_changes(at(*overlays))]


def because(text: str, reason: str = "guide") -> str:
    return f'{text} because "{reason}"'


@pytest.mark.parametrize(
    ("change", "address"),
    [
        (CHANGE, "NTE-1"),
        ('override comment NTE-1 = "2"', "comment NTE-1"),
        ('add OBR-13 = "x"', "OBR-13"),
        ("remove NTE-2", "NTE-2"),
        ("remove segment NTE", "segment NTE"),
        ("move loop comments at end of message", "loop comments"),
        ("override segment NTE when result.status is final", "segment NTE"),
        ('add check signed that result.status is final else "no"', "check signed"),
    ],
)
def test_every_kind_of_change_counts_whatever_its_layout_and_reason(change: str, address: str):
    spaced = f'# theirs\n{change.replace(" = ", "   =   ")}\n  because "another"   # see guide'
    assert at(change)[0], "the example is no change"
    assert noted(because(change), spaced, because(change, "a third")) == [address]


def test_two_alike_are_not_many():
    assert noted(because(CHANGE), because(CHANGE), because('override NTE-1 = "3"')) == []


def test_another_word_at_the_same_address_is_another_change():
    assert noted(because(CHANGE), because('add NTE-1 = "2"'), because("remove NTE-1")) == []


def test_each_of_several_removed_is_compared_by_itself():
    assert noted(because("remove NTE-1, NTE-2"), because("remove NTE-2"), because("remove NTE-3, NTE-2")) == ["NTE-2"]


def test_the_same_in_another_overlay_is_another_change():
    files = at(because(CHANGE), because(CHANGE))
    other = parse(Source("orgs/o3/b.seg", f"overlay other\n\n{because(CHANGE)}\n"))[0]
    assert same_changes([*files, own_changes([other])]) == []


def test_many_hospitals_are_counted_and_a_few_shown():
    (note,) = same_changes(at(*[because(CHANGE)] * 9))
    assert note.facts["organisations"] == "9 hospitals"
    assert note.span.file == "orgs/o1/a.seg"
    assert [label.span.file for label in note.labels] == ["orgs/o2/a.seg", "orgs/o3/a.seg", "orgs/o4/a.seg"]


def three(folder: Path) -> Report:
    files = {}
    for name in ("clinic", "harbor", "lakeside"):
        files[f"orgs/{name}/result.seg"] = f"overlay result\n\n{because(CHANGE, name)}\n"
        if name != "clinic":
            files[f"orgs/{name}/org.yaml"] = f"organisation: {{id: {name}, name: {name.title()}, layers: []}}\n"
    return compiled(folder / "w", files)


def test_a_note_is_no_error(tmp_path: Path):
    found = three(tmp_path)
    assert found.codes == ("SW0517",), found.text
    assert errors(found.workspace.found) == []


def test_nothing_is_said_of_hospitals_that_are_not_compiled(tmp_path: Path):
    three(tmp_path)
    assert compile_workspace(tmp_path / "w", ["clinic", "harbor", "lakeside"]).found == ()
