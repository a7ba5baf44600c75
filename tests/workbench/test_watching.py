"""A case is rendered again when a file changes; what is wrong in between does no harm."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import pytest

from segwright.core.diagnostic import errors
from segwright.workbench.watching import Frame, frames, look, view_of
from tests.workbench.conftest import edit


class Editor:
    """Saves something at each wait; ends the watch when there is nothing left to save."""

    def __init__(self, *saves: Callable[[], object]) -> None:
        self.saves = list(saves)
        self.waits = 0

    def __call__(self) -> None:
        self.waits += 1
        if self.waits % 2:  # the look behind a change must find the files as they were
            if not self.saves:
                raise KeyboardInterrupt
            self.saves.pop(0)()


def watched(workspace, *saves: Callable[[], object]) -> list[Frame]:
    found: list[Frame] = []
    with contextlib.suppress(KeyboardInterrupt):
        found.extend(frames(workspace, "sample", "ecg_result", "final", Editor(*saves)))
    return found


def test_the_first_frame_comes_at_once_and_changes_nothing(workspace):
    (first,) = watched(workspace)
    assert list(first.view.files) == ["final.ecg_result.hl7"]
    assert first.changes == {}
    assert not errors(first.view.found)


def test_a_saved_mapping_is_rendered_and_the_changed_field_is_named_with_what_it_was(workspace):
    path = workspace / "mappings" / "messages" / "ecg_result.seg"
    _, second = watched(workspace, lambda: edit(path, '= "NM"', '= "ST"'))
    (changes,) = second.changes.values()
    assert {(change.path, change.before, change.after) for change in changes} >= {("OBX-2", "NM", "ST")}


def test_an_error_keeps_the_last_good_message_and_the_next_save_mends_it(workspace):
    path = workspace / "orgs" / "sample" / "ecg_result.seg"
    good = path.read_text()
    first, broken, mended = watched(
        workspace, lambda: path.write_text(good + "\noverride OBX-99 = "), lambda: path.write_text(good)
    )
    assert errors(broken.view.found)
    assert broken.stale
    assert broken.view.files == first.view.files
    assert not errors(mended.view.found)
    assert mended.changes == {}


@pytest.mark.parametrize("data", [b"", b"\x00\x01\x02", b"\xff\xfe half", b"mapping ecg_result wri"])
def test_a_half_written_file_is_an_error_in_the_frame(workspace, data):
    path = workspace / "mappings" / "messages" / "ecg_result.seg"
    good = path.read_bytes()
    _, broken, mended = watched(workspace, lambda: path.write_bytes(data), lambda: path.write_bytes(good))
    assert errors(broken.view.found)
    assert not errors(mended.view.found)


def test_a_case_whose_files_go_is_an_error_in_the_frame(workspace):
    path = workspace / "orgs" / "sample" / "cases" / "final" / "result.json"
    _, broken = watched(workspace, path.unlink)
    assert errors(broken.view.found)


def test_a_file_is_read_only_when_it_stays_as_it_is(workspace):
    path = workspace / "orgs" / "sample" / "ecg_result.seg"
    good = path.read_text()
    steps = iter([good + "#", good + "# a", good + "# a comment", None, None])
    seen: list[str] = []

    def wait() -> None:
        step = next(steps, "")
        if step == "":
            raise KeyboardInterrupt
        if step is not None:
            path.write_text(step)

    with contextlib.suppress(KeyboardInterrupt):
        for _ in frames(workspace, "sample", "ecg_result", "final", wait):
            seen.append(path.read_text())
    assert seen == [good, good + "# a comment"]


def test_only_files_that_can_change_the_message_are_looked_at(workspace):
    names = [name for name, _, _ in look(workspace, "sample")]
    assert "orgs/schema.yaml" in names
    assert any(name.startswith("mappings/") for name in names)
    assert not any(name.startswith("snapshots/") for name in names)


def test_a_case_of_another_message_or_of_no_name_is_told(workspace):
    assert [f.code for f in view_of(workspace, "sample", "ecg_result", "finl").found] == ["SW1069"]
    assert [f.code for f in view_of(workspace, "sample", "ecg_result", "order_accepted").found] == ["SW1069"]
