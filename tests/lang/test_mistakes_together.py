"""Many mistakes in one run: each is told, at its place, and hardly anything else.

`bad_workspace/` holds every kind of mistake an analyst makes; its report is read by people before it is locked.
"""

from __future__ import annotations

import re
from pathlib import Path

from segwright.core.source import Source
from tests.lang.workspace import compiled, report

ROOT = Path(__file__).parents[2]
TWENTY = Path(__file__).parent / "twenty_mistakes.seg"
REPORT = ROOT / "snapshots" / "diagnostics" / "bad_workspace.txt"


def test_twenty_mistakes_in_one_file_give_twenty_findings_each_at_its_line(tmp_path):
    text = TWENTY.read_text(encoding="utf-8")
    lines = enumerate(text.split("\n"), start=1)
    planted = {(number + 1, code) for number, line in lines for code in re.findall(r"^ *# (SW[0-9]{4})$", line)}
    assert len(planted) == len({code for _, code in planted}) == 20
    found = compiled(tmp_path / "workspace", {"mappings/result.seg": text})
    source = Source("mappings/result.seg", text)
    told = {(source.position(d.span.start).line, d.code) for d in found.workspace.found if d.span.file == source.name}
    assert planted - told == set()
    follow_ups = len(found.workspace.found) - 20
    assert follow_ups <= 2, found.text


def test_the_report_of_the_bad_workspace_is_the_one_that_was_read(request):
    found = report(ROOT / "tests" / "bad_workspace")
    if request.config.getoption("update_snapshots", default=False):
        REPORT.parent.mkdir(parents=True, exist_ok=True)
        REPORT.write_text(found.text, encoding="utf-8", newline="")
    assert found.text == REPORT.read_text(encoding="utf-8")


def test_the_bad_workspace_has_every_kind_of_mistake_an_analyst_makes():
    kinds = {
        "path": "SW0501", "key": "SW0720", "key of a mapping": "SW0203", "table row": "SW0204", "format": "SW0202",
        "component": "SW0408", "field": "SW0406", "segment": "SW0403", "override that changes nothing": "SW0504",
        "config type": "SW0722", "secret": "SW0729", "table gap": "SW0613", "absence": "SW0301", "version": "SW0731",
        "mandatory field": "SW0418", "anchor": "SW0511", "code": "SW0612", "unit": "SW0607", "layer": "SW0516",
        "message": "SW0901", "file": "SW0614", "reason": "SW0150",
    }  # fmt: skip
    codes = set(report(ROOT / "tests" / "bad_workspace").codes)
    assert {kind: code for kind, code in kinds.items() if code not in codes} == {}
