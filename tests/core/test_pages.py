"""The pages of the catalogue: whole, and in words."""

from __future__ import annotations

import re

import pytest

from segwright.core.prose import catalogue
from segwright.core.prose.pages import index, page, page_text
from tests.cli.conftest import call


@pytest.mark.parametrize("code", sorted(catalogue()))
def test_a_page_says_what_why_and_what_to_write_instead(code: str):
    text = page(code)
    assert text.startswith(f"# {code}: {catalogue()[code].title}\n\n> ")
    assert text.index("## Avoid") < text.index("## Prefer")
    assert text.count("```") % 2 == 0
    assert (
        not re.search(r"\{[a-z_]+\}", re.sub(r"```.*?```", "", text, flags=re.DOTALL).replace("{{", "")) or "`{" in text
    )
    shown = page_text(code, 80)
    assert shown.startswith(f"{code}: {catalogue()[code].title}\n")
    assert "Avoid\n" in shown
    assert all(len(line) <= 80 or line.startswith("    ") for line in shown.split("\n"))


def test_the_index_links_every_page():
    assert [code for code in catalogue() if f"- [{code}]({code}.md): " not in index()] == []


def test_a_finding_that_can_be_allowed_says_how_and_others_say_that_they_cannot():
    assert "## How to allow it\n\nIf this hospital asks for it: `allow SW0403 on ‹segment> because".replace(
        ">", "›"
    ) in page("SW0403")
    assert "Nothing allows it" in page("SW0301")
    assert "How to allow" not in page("SW1001")


def test_explain_prints_pages_and_knows_what_was_meant():
    assert call("explain", "sw0403").output == call("explain", "403").output
    assert call("explain", "403").output.startswith("SW0403: A segment that the message does not have\n")
    assert "SW0301: A value that may be missing" in call("explain", "SW0403", "301").output
    listed = call("explain")
    assert listed.exit_code == 0
    assert all(f"  {code}  {entry.title}\n" in listed.output for code, entry in catalogue().items())
    wrong = call("explain", "SW0999")
    assert (wrong.exit_code, "There is no finding SW0999" in wrong.output) == (1, True)
