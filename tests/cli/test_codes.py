"""`segwright codes`, as an operator meets it in October."""

from __future__ import annotations

from tests.cli.conftest import call
from tests.codes.small import FIRST, SECOND
from tests.codes.test_importing import ADDENDA, data, order_file

DATES = ["--from", "2026-10-01", "--until", "2027-09-30"]


def test_an_official_file_becomes_an_edition_that_codes_are_judged_by(tmp_path):
    file, into = tmp_path / "icd10cm_order_2027.txt", tmp_path / "codes"
    file.write_bytes(data(order_file(SECOND)))
    made = call("codes", "import", file, "--edition", "2027", *DATES, "--into", into)
    assert made.output == f"{into}/icd10cm-2027.txt: edition 2027, 13 codes, 7 of them billable\n"
    listed = call("codes", "list", "--in", into)
    assert [line.split()[:3] for line in listed.output.splitlines()[1:3]] == [
        ["2026-04", "2026-04-01", "2026-09-30"], ["2027", "2026-10-01", "2027-09-30"],
    ]  # fmt: skip
    gone = call("codes", "show", "I48.92", "--on", "2026-10-01", "--in", into)
    assert gone.exit_code == 1
    assert "I48.92 is retired: its last day was 30 September 2026." in gone.output
    assert "  I48.91    Unspecified atrial fibrillation" in gone.output
    heading = call("codes", "show", "i471", "--on", "2026-10-01", "--in", into)
    assert "  I47.10    Supraventricular tachycardia, unspecified" in heading.output
    assert call("codes", "show", "I48.91", "--on", "2026-10-01", "--in", into).exit_code == 0


def test_addenda_are_put_onto_an_edition(tmp_path):
    whole, addenda, into = tmp_path / "a.txt", tmp_path / "b.txt", tmp_path / "codes"
    whole.write_bytes(data(order_file(FIRST)))
    addenda.write_bytes(data(ADDENDA))
    assert call("codes", "import", whole, "--edition", "2027", *DATES, "--into", into).exit_code == 0
    april = ["--edition", "2027-04", "--from", "2027-04-01", "--until", "2027-09-30", "--into", into]
    wrong = call("codes", "import", addenda, "--onto", "2072", *april)
    assert (wrong.exit_code, "there is no edition 2072 to change; there are 2026-04, 2027" in wrong.output) == (1, True)
    assert call("codes", "import", addenda, "--onto", "2027", *april).exit_code == 0
    assert (
        "billable on 1 April 2027 (edition 2027-04)"
        in call("codes", "show", "I48.2", "--on", "2027-04-01", "--in", into).output
    )


def test_a_bad_file_is_refused_with_its_line_and_leaves_nothing(tmp_path):
    file, into = tmp_path / "a.txt", tmp_path / "codes"
    file.write_bytes(data([*order_file(FIRST), "nonsense"]))
    refused = call("codes", "import", file, "--edition", "2027", *DATES, "--into", into)
    assert refused.exit_code == 1
    assert f"error: {file}:12: it has no order number, code, 0 or 1" in refused.output
    assert not into.exists()
    missing = call("codes", "import", tmp_path / "none.txt", "--edition", "2027", *DATES, "--into", into)
    assert (missing.exit_code, missing.output) == (1, f"error: {tmp_path / 'none.txt'}: No such file or directory\n")


def test_an_edition_of_the_workspace_is_known_to_check(workspace, tmp_path):
    subset = workspace / "orgs/sample/icd10_subset.csv"
    subset.write_text(subset.read_text() + "I48.93,Made up\n")
    assert call("check", "--workspace", workspace).exit_code == 1
    file = tmp_path / "a.txt"
    file.write_bytes(data(order_file({**FIRST, "I4893": "Made up"})))
    assert call("codes", "import", file, "--edition", "2027", *DATES, "--into", workspace / "codes").exit_code == 0
    checked = call("check", "--workspace", workspace)
    assert checked.exit_code == 0, checked.output
    shown = call("--workspace", workspace, "codes", "show", "I48.93", "--on", "2026-10-01")
    assert "billable on 1 October 2026 (edition 2027)" in shown.output
