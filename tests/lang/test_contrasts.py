"""What a page says to avoid gives its finding, and what it says to write does not: both sides are run.

Of syntax in a line's surroundings; of the language in the failing example of its code; of configuration in an org.yaml. Words about
files, documents and commands are run where their codes arise (`tests/orgs`, `tests/service`, `tests/cli`).
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from segwright.core import prose
from segwright.core.prose.contrasts import contrasts
from tests.lang.contrasting import AROUND, CONFIGURATION, WORDS, codes, written, wrong_side
from tests.lang.test_diagnostics import EXAMPLES, the_files
from tests.lang.workspace import compiled

EXAMPLE = {path.stem: path for path in EXAMPLES}


@pytest.mark.parametrize("code", [code for code in contrasts() if code.startswith("SW01")])
def test_both_sides_of_a_syntax_contrast(code: str) -> None:
    avoid, prefer = wrong_side(code), written(contrasts()[code].prefer)
    sides = [(codes(around, avoid), codes(around, prefer)) for around in AROUND]
    assert any(set(wrong) == {code} and not right for wrong, right in sides), sides


def in_place(text: str, avoid: str, prefer: str) -> str | None:
    """The text with the lines to avoid replaced, whatever their indentation; None when they do not stand there."""
    lines, wanted = text.split("\n"), [line.strip() for line in avoid.split("\n")]
    for at in range(len(lines) - len(wanted) + 1):
        if [line.strip() for line in lines[at : at + len(wanted)]] == wanted:
            lead = lines[at][: len(lines[at]) - len(lines[at].lstrip())]
            shift = len(prefer.split("\n")[0]) - len(prefer.split("\n")[0].lstrip())
            new = [
                lead + line[shift:] if line.startswith(" " * shift) else lead + line.lstrip()
                for line in prefer.split("\n")
            ]
            return "\n".join([*lines[:at], *new, *lines[at + len(wanted) :]])
    return None


@pytest.mark.parametrize("code", [code for code in contrasts() if code in EXAMPLE])
def test_both_sides_of_a_contrast_of_the_language(code: str, tmp_path: Path) -> None:
    contrast = contrasts()[code]
    example = the_files(EXAMPLE[code].read_text(encoding="utf-8"))
    avoid, prefer = written(contrast.avoid), written(contrast.prefer)
    files, hit = dict(example), ""
    for name, text in example.items():
        changed = in_place(text, avoid, prefer)
        if changed is not None and not hit:
            files[name], hit = changed, name
    assert hit, f"the example of {code} does not hold:\n{avoid}"
    if not prefer or prefer.startswith("# "):
        files[hit] = in_place(example[hit], avoid, "# nothing") or ""
        if code in ("SW0904", "SW0517"):
            return  # the whole file goes
    for piece in contrast.prefer:
        if piece.file:
            files[f"orgs/clinic/{piece.file}"] = piece.text + "\n"
    found = compiled(tmp_path / "workspace", files)
    assert code not in found.codes, found.text
    assert not [each for each in found.codes if each.startswith("SW01")], found.text


@pytest.mark.parametrize("code", CONFIGURATION)
def test_both_sides_of_a_contrast_of_configuration(code: str, tmp_path: Path) -> None:
    contrast = contrasts()[code]
    sides = []
    for number, side in enumerate((contrast.avoid, contrast.prefer)):
        found = compiled(tmp_path / str(number), {"orgs/clinic/org.yaml": written(side) + "\n"})
        sides.append(found.codes)
    assert code in sides[0], sides
    assert code not in sides[1], sides


def test_every_code_has_a_contrast_with_two_sides() -> None:
    assert set(contrasts()) == set(prose.catalogue())
    for code, contrast in contrasts().items():
        assert contrast.avoid, code
        assert contrast.prefer, code
        assert contrast.avoid != contrast.prefer, code


def test_no_contrast_is_left_to_words_without_reason() -> None:
    run = {code for code in contrasts() if code.startswith("SW01") or code in EXAMPLE} | set(CONFIGURATION)
    left = set(contrasts()) - run - WORDS
    assert all(re.match(r"SW070[0-9]|SW0755|SW0759|SW10", code) for code in left), sorted(left)
