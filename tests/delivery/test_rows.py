"""Every failure that docs/delivery.md lists has a test named after it, or says that it is for later."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_row_of_the_table_has_a_test_or_says_later():
    names = " ".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    tested = {int(number) for number in re.findall(r"def test_row_(\d+)_", names)}
    for first, second in re.findall(r"def test_rows_(\d+)_and_(\d+)_", names):
        tested |= {int(first), int(second)}
    table = (ROOT / "docs" / "delivery.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \| [^|]+ \| ([^|]+) \|$", table, re.MULTILINE)
    assert [int(number) for number, _ in rows] == list(range(1, 51))
    missing = [number for number, done in rows if int(number) not in tested and not done.startswith("later:")]
    assert not missing
