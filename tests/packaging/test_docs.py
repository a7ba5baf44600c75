"""What stands in docs/ and is made from the code is what the code makes."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"


def maker() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_docs", ROOT / "tools" / "make_docs.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_made_pages_are_current():
    wanted = maker().made()
    there = {
        path.relative_to(DOCS).as_posix(): path.read_text(encoding="utf-8")
        for folder in ("findings", "reference/library")
        for path in (DOCS / folder).glob("*.md")
    }
    changed = sorted(name for name in wanted if there.get(name) != wanted[name])
    assert changed == [], "python tools/make_docs.py"
    assert sorted(set(there) - set(wanted)) == []


def test_every_link_of_the_pages_for_analysts_leads_somewhere():
    wrong = []
    analysts = [DOCS / "tutorial.md", DOCS / "coming-from.md", ROOT / "README.md"]
    for path in [*analysts, *(DOCS / "findings").rglob("*.md"), *(DOCS / "reference").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8")):
            if "://" not in target and not (path.parent / target).exists():
                wrong.append(f"{path.relative_to(ROOT)}: {target}")
    assert wrong == []
