"""Arguments that a mapping says itself are tried when it is compiled, not when the first message comes."""

from __future__ import annotations

import pytest

from tests.lang.workspace import build, report

OVERLAY = 'overlay result\n\noverride measurement OBX-{} = {}\n  because "the clinic asks for it"\n'


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        (5, "m.value as number(places: 99)", "places must lie between 0 and 15"),
        (5, "m.value as number(places: -1)", "places must lie between 0 and 15"),
        (8, 'result.study as pad(width: 5000, with: "0")', "width must lie between 1 and 1000"),
        (8, 'result.study as pad(width: 8, with: "00")', "`with` must be one character, it has 2"),
        (8, 'result.study as unpad(with: ": ")', "`with` must be one character, it has 2"),
        (8, "result.study as text(max: 0)", "max must be at least 1"),
        (8, 'result.issued_at as dtm(precision: second, in: "America/Springfield")', "the time zone is not in the time-zone data"),
    ],
)  # fmt: skip
def test_an_argument_that_can_never_work_is_told(tmp_path, field, value, reason):
    found = report(build(tmp_path, {"orgs/clinic/result.seg": OVERLAY.format(field, value)}))
    assert found.codes == ("SW0345",), found.text
    assert reason in " ".join(found.text.split())


@pytest.mark.parametrize("limit", ["at most 0", "at most -1", "first 0"])
def test_a_limit_below_one_is_told(tmp_path, limit):
    overlay = f'overlay result\n\noverride loop measurements {limit}\n  because "the clinic asks for it"\n'
    found = report(build(tmp_path, {"orgs/clinic/result.seg": overlay}))
    assert found.codes == ("SW0345",), found.text


@pytest.mark.parametrize("value", ["m.value as number(places: 15)", "m.value as number"])
def test_what_works_is_no_finding(tmp_path, value):
    found = report(build(tmp_path, {"orgs/clinic/result.seg": OVERLAY.format(5, value)}))
    assert found.codes == (), found.text
