"""What the page for newcomers shows is so: its overlays are checked in the sample workspace."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from segwright.core.prose import message
from segwright.service.opening import check
from segwright.service.starting import start

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "coming-from.md").read_text(encoding="utf-8")
SHOWN = re.findall(r"^```seg sample\n(.*?)^```\n\n```text\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def sample(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("sample") / "workspace"
    start(folder)
    return folder


@pytest.mark.parametrize(("overlay", "shown"), SHOWN)
def test_an_overlay_of_the_page_gives_what_the_page_says(
    overlay: str, shown: str, sample: Path, tmp_path: Path
) -> None:
    root = Path(shutil.copytree(sample, tmp_path / "workspace"))
    (root / "orgs" / "sample" / "ecg_result.seg").write_text(overlay, encoding="utf-8")
    _, found = check(root, ())
    said = "".join(f"{one.severity} {one.code}: {message(one)}\n" for one in found)
    assert (said or "nothing is wrong\n") == shown


def test_the_page_has_overlays_to_run() -> None:
    assert len(SHOWN) == TEXT.count("```seg") == 3
