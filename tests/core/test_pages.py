"""The pages of the catalogue: written from it, and current."""

from __future__ import annotations

from pathlib import Path

from segwright.core.prose import catalogue
from segwright.core.prose.pages import pages

FINDINGS = Path(__file__).resolve().parents[2] / "docs" / "findings.md"


def test_the_page_of_findings_is_current():
    said = "write it anew: python -m segwright.core.prose.pages >docs/findings.md"
    assert FINDINGS.read_text(encoding="utf-8") == pages(), said


def test_every_code_has_a_page_that_says_what_is_wrong():
    page = pages()
    for code, entry in catalogue().items():
        assert f"### {code}: {entry.title}\n" in page
