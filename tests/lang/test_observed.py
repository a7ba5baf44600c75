"""OBX-2 against OBX-5: every pair that can occur is held against each other, and none that cannot."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lang.workspace import compiled

B = 'because "guide"'
NUMBER = "m.value as number(places: 0)"
TEXT = '"{m.flag else ""none""}"'.replace('""none""', "m.kind via names")
HR, QRS = "m.kind is heart_rate", "m.kind is qrs_duration"
DTM = "result.issued_at as dtm(second)"
FINAL = "result.status is final"
NAMES = """table names: Kind -> text
  heart_rate   -> "rate"
  qrs_duration -> "width"
end
table types: Kind -> text
  heart_rate   -> "NM"
  qrs_duration -> "ST"
end
"""


def checked(tmp_path: Path, types: list[str], values: list[str]) -> tuple[str, ...]:
    """What is found when OBX-2 and OBX-5 are these ladders; a line is `VALUE when CONDITION`."""

    def ladder(lines: list[str]) -> str:
        return "\n  = ".join(line if " when " in line or len(lines) == 1 else f"{line} otherwise" for line in lines)

    overlay = (
        f"overlay result\noverride measurement OBX-2 = {ladder(types)}\n  {B}\n"
        f"override measurement OBX-5 = {ladder(values)}\n  {B}\n"
    )
    found = compiled(tmp_path / "workspace", {"orgs/clinic/result.seg": overlay, "orgs/clinic/tables.seg": NAMES})
    return tuple(code for code in found.codes if code not in ("SW0518", "SW0504"))


FITS = [
    (['"NM"'], [NUMBER]),
    (['"ST"'], [NUMBER]),
    ([f'"NM" when {HR}', '"ST"'], [f"{NUMBER} when {HR}", "m.kind via names"]),
    ([f'"ST" when {QRS}', '"NM"'], [f"{NUMBER} when {HR}", "m.kind via names"]),
    ([f'"NM" when not ({QRS})', '"ST"'], [f"m.kind via names when {QRS}", NUMBER]),
    ([f'"NM" when {HR}', '"ST"'], [f"{NUMBER} when {HR} and {FINAL}", f"{NUMBER} when {HR}", "m.kind via names"]),
    ([f'"NM" when {HR} and {FINAL}', '"ST"'], [f"{NUMBER} when {FINAL} and {HR}", "m.kind via names"]),
    (['"NM" when m.kind in [heart_rate]', '"ST"'], [f"{NUMBER} when {HR}", "m.kind via names"]),
    (["m.kind via types"], [f"{NUMBER} when {HR}", "m.kind via names"]),
    ([f'"NM" when {FINAL} or {HR}', '"ST"'], [f"{NUMBER} when {HR}", f"{NUMBER} when {FINAL}", "m.kind via names"]),
    (['"ST" when m.flag is present', '"NM"'], ["m.flag when m.flag is present", NUMBER]),
    (['"NM" when m.flag is missing', '"ST"'], ["m.flag when m.flag is present", NUMBER]),
    (['"ST" when value_of(m.value) is above 5', '"NM"'], ["m.kind via names when value_of(m.value) is above 5", NUMBER]),
    (['"ST" when m.flag is present', '"NM"'], [f"m.flag else ({NUMBER})"]),
    (['"DT"'], ["result.issued_at as date(day)"]),
    (['"DT"'], ["result.issued_at as dtm(day)"]),
    (['"TM"'], ["result.issued_at as time(minute)"]),
    (['"TS"'], [DTM]),
    (['"TS"'], ["result.issued_at as date(day)"]),
    (['"CWE"'], ["m.kind via names"]),
    (['"CWE"'], [f'{NUMBER} ^ "beats" ^ "L"']),
    (['"CNE"'], ["m.kind via names"]),
    (['"SN"'], [f'">" ^ {NUMBER}']),
    (['"SN"'], [f"blank ^ {NUMBER}"]),
    (['"FT"'], ["result.study as ft"]),
    (['"FT"'], [f'"one line" when {HR}', "result.study as ft"]),
    (['"FT"'], [NUMBER]),
    ([f'"ST" when {HR}', '"FT"'], [f"result.study when {HR}", "result.study as ft"]),
]  # fmt: skip


@pytest.mark.parametrize(("types", "values"), FITS)
def test_cases_that_cannot_meet_are_not_held_against_each_other(tmp_path: Path, types: list[str], values: list[str]):
    assert checked(tmp_path, types, values) == ()


WRONG = [
    (['"NM"'], ["m.kind via names"]),
    (['"NM"'], [f"{NUMBER} when {HR}", "m.kind via names"]),
    ([f'"NM" when {HR}', '"ST"'], [f"m.kind via names when {HR}", NUMBER]),
    ([f'"NM" when {HR}', '"ST"'], [f"{NUMBER} when {FINAL}", "m.kind via names"]),
    ([f'"NM" when {HR} or {FINAL}', '"ST"'], [f"{NUMBER} when {HR}", "m.kind via names"]),
    (["m.kind via types"], [f"{NUMBER} when {QRS}", "m.kind via names"]),
    (["m.kind via types"], ["m.kind via names"]),
    (['"NM"'], ["m.flag else (m.kind via names)"]),
    (['"NM" when m.flag is present', '"ST"'], ["m.flag when m.flag is present", NUMBER]),
    (['"NM" when value_of(m.value) is above 5', '"ST"'], ["m.kind via names when value_of(m.value) is above 5", NUMBER]),
    (['"NM" when value_of(m.value) is above 5', '"ST"'], [f"m.kind via names when {HR}", NUMBER]),
    ([f'"ED" when {HR}', '"NM"'], [NUMBER]),
    ([f'"TS" when {HR}', '"NM"'], [NUMBER]),
    (['"DT"'], [DTM]),
    (['"DT"'], ["result.issued_at as time(minute)"]),
    (['"TM"'], [DTM]),
    (['"TM"'], ["result.issued_at as date(day)"]),
    (['"TS"'], ["result.issued_at as time(minute)"]),
    (['"CWE"'], [NUMBER]),
    (['"SN"'], [NUMBER]),
    (['"SN"'], [f"{NUMBER} ^ m.kind via names"]),
    (['"SN"'], ['">" ^ m.kind via names']),
    (['"FT"'], ["result.comment else result.study"]),
    (['"FT"'], [f"result.study as ft when {HR}", "result.study"]),
    (['"ST"'], ["result.study as ft as upper"]),
    (['"ST"'], ['"study {result.study as ft}"']),
]  # fmt: skip


@pytest.mark.parametrize(("types", "values"), WRONG)
def test_a_pair_that_can_occur_and_does_not_fit_is_an_error(tmp_path: Path, types: list[str], values: list[str]):
    assert checked(tmp_path, types, values) == ("SW0422",)


UNSURE = [
    (['"NM" when value_of(m.value) is above 5', '"ST"'], ["m.kind via names when value_of(m.value) is below 3", NUMBER]),
    (['"NM" when value_of(m.value) is above 5', '"ST"'], ["m.kind via names when result.study matches \"[A-Z]\"", NUMBER]),
    (['"NM" when value_of(m.value) is above 5', '"ST"'], ["m.kind via names when value_of(m.value) is 6", NUMBER]),
]  # fmt: skip


@pytest.mark.parametrize(("types", "values"), UNSURE)
def test_a_pair_of_which_nobody_can_say_whether_it_occurs_is_told_as_that(
    tmp_path: Path, types: list[str], values: list[str]
):
    assert checked(tmp_path, types, values) == ("SW0427",)
