"""Every code of the catalogue has an example that fails: really compiled, with its report locked beside its source.

An example is one Markdown file in `diagnostics/`, read by itself: the files that are wrong (the rest is `clinic/`) and what
people see. `pytest --snapshot-update` writes the reports; titles and reports are never written by hand.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from segwright.core import prose
from segwright.core.diagnostic import Diagnostic
from tests.lang.workspace import compiled

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((Path(__file__).parent / "diagnostics").glob("SW*.md"))
_FILE = re.compile(r"^`([^`\n]+)`\n\n```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FOLLOW_UPS = re.compile(r"^Follow-ups: (.*)$", re.MULTILINE)
_CODE = re.compile(r'"(SW[0-9]{4})"')
_HERE = re.compile(r"SW0(?:[234568][0-9]{2}|9[0-9]{2}|75[0-4678])")
"""The codes whose examples stand in `diagnostics/`; those of files, configuration and cases are tested where they arise."""


def the_files(example: str) -> dict[str, str]:
    """The files of an example by name."""
    return dict(_FILE.findall(example.split("\n## Report\n")[0]))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_gives_exactly_its_code_and_the_report_beside_it(path: Path, tmp_path: Path, request):
    example = path.read_text(encoding="utf-8")
    code = path.stem[:6]
    found = compiled(tmp_path / "workspace", the_files(example))
    follow_ups = _FOLLOW_UPS.search(example)
    wanted = {code, *(re.findall(r"SW[0-9]{4}", follow_ups[1]) if follow_ups else ())}
    body = example.split("\n## Report\n")[0].split("\n", 1)[1].rstrip("\n")
    title = prose.catalogue()[code].title
    written = f"# {code}: {title}\n{body}\n\n## Report\n\n```text\n{found.text}```\n"
    if request.config.getoption("update_snapshots", default=False) and written != example:
        path.write_text(written, encoding="utf-8")
    else:
        assert written == example
    assert set(found.codes) == wanted, found.text


def test_every_code_of_the_language_has_an_example():
    shown = {path.stem[:6] for path in EXAMPLES}
    codes = {code for code in prose.catalogue() if _HERE.fullmatch(code)}
    assert sorted(codes - shown) == []
    assert sorted(shown - codes) == []


def test_every_other_code_is_named_by_a_test():
    text = "".join(
        path.read_text(encoding="utf-8")
        for pattern in ("*.py", "*.md", "*.seg", "*.txt")
        for folder in ("tests", "snapshots")
        for path in sorted((ROOT / folder).rglob(pattern))
    )
    named = set(re.findall(r"SW[0-9]{4}", text))
    assert sorted(set(prose.catalogue()) - named) == []


def test_the_catalogue_holds_the_codes_of_the_engine_and_no_others():
    engine = ROOT / "engine" / "segwright"
    used: dict[str, str] = {}
    for path in sorted(engine.rglob("*.py")):
        if "prose" in path.parts:
            continue
        for code in _CODE.findall(path.read_text(encoding="utf-8")):
            used.setdefault(code, str(path.relative_to(ROOT)))
    catalogue = set(prose.catalogue())
    assert {code: where for code, where in used.items() if code not in catalogue} == {}
    assert sorted(catalogue - set(used)) == []


@pytest.mark.parametrize("code", sorted(prose.catalogue()))
def test_an_entry_is_whole_and_speaks_no_programmers_words(code: str):
    entry = prose.catalogue()[code]
    said = " ".join((entry.title, entry.message, *entry.help, entry.why))
    assert all((entry.title, entry.message, entry.why))
    assert not entry.title.endswith(".")
    assert entry.why.endswith((".", "!")), "a paragraph ends"
    assert not re.search(r"(?i)\b(node|slot|ast|opcode|lowered|parser|typed|literal)\b", said)
    prose.message(Diagnostic(code))


def test_examples_leave_no_fact_unsaid():
    """A sentence with a hole (a fact the report does not carry) reads `` or two spaces."""
    for path in EXAMPLES:
        report = path.read_text(encoding="utf-8").split("\n## Report\n")[1]
        said = re.findall(r"^(?:error|warning|note)\[.*$", report, re.MULTILINE)
        assert not [line for line in said if "``" in line or "  " in line], path.name
        assert not re.search(r"\('|None(?! of)|Type\(|<[a-z.]+ object", "".join(report.split("= help")[:1])), path.name
