"""Writes the parts of docs/ that are made from the code: docs/findings/ and docs/reference/.

    python tools/make_docs.py

A test holds that what is in the repository is what this writes.
"""

from __future__ import annotations

import sys
from pathlib import Path

from segwright.core.prose import catalogue
from segwright.core.prose.pages import index, page
from segwright.library.pages import pages as builtin_pages

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
from tests.lang.contrasting import report_of  # noqa: E402 - the surroundings in which a contrast is run are those of its test

EXAMPLES = ROOT / "tests" / "lang" / "diagnostics"
COMMANDS = ROOT / "tests" / "findings"


def made() -> dict[str, str]:
    """Every file by its name below docs/."""
    files = {"findings/README.md": index()}
    for code in catalogue():
        files[f"findings/{code}.md"] = page(code) + _example(code)
    return files | {f"reference/{name}": text for name, text in builtin_pages().items()}


def _example(code: str) -> str:
    """A report: of the failing example that the tests compile or run, or of what the page says to avoid."""
    path = EXAMPLES / f"{code}.md"
    if path.exists():
        report = path.read_text(encoding="utf-8").split("\n## Report\n")[1].strip()
        return f"\n## An example\n\n`tests/lang/diagnostics/{code}.md`, as it is reported:\n\n{report}\n"
    path = COMMANDS / f"{code}.md"
    if path.exists():
        body = path.read_text(encoding="utf-8").split("\n", 1)[1].strip()
        return f"\n## An example\n\nIn the workspace that `segwright init` makes:\n\n{body}\n"
    text = report_of(code)
    return f"\n## As it is reported\n\n```text\n{text}```\n" if text else ""


def main() -> None:
    """Writes what changed and takes away what is no longer made."""
    wanted = made()
    docs = ROOT / "docs"
    for name, text in wanted.items():
        path = docs / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
    for old in sorted([*(docs / "findings").glob("*.md"), *(docs / "reference" / "library").glob("*.md")]):
        if old.relative_to(docs).as_posix() not in wanted:
            old.unlink()


if __name__ == "__main__":
    main()
