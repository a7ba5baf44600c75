"""Overlays and formats at places that hold one another: a field, its components, their subcomponents.

Nothing that a lower layer wrote is lost, doubled or put elsewhere without the change saying so.
"""

from __future__ import annotations

import pytest

from tests.lang.laboratory import lab

B = 'because "a test"'
PID = "segment PID\n  PID-3 = each i in patient.identifiers as identifier required\n  PID-5 = patient.name\n"
NORTH = "organisation: {id: clinic, name: Clinic, layers: [north]}\n"


def layered(profile: str, overlay: str, body: str = PID, **more):
    """A profile's lines below the organisation's."""
    files = {"mappings/vendors/north/result.seg": f"overlay result\n{profile}"}
    return lab(body, overlay, org=NORTH, files=files, **more)


def zex(value: str, overlay: str = "", *, declarations: str = "", **more):
    """One segment of one rule, under an overlay."""
    return lab(f"segment ZEX\n  ZEX-1 = {value}\n", overlay, declarations=declarations, **more)


NUMBERS = "segment ZEX\n  ZEX-3 = each i in patient.identifiers as identifier required\n"


def named(*lines: str) -> str:
    """A format that writes a clinician."""
    return "format named(p: Provider) as XCN\n" + "".join(f"  {line}\n" for line in lines) + "end\n"


# --- a format has one writer for each place --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "lines",
    [
        (".2.1 = p.family", ".2 = p.family"),
        (".2 = p.family", ".2.1 = p.family"),
        (".1 = p.id optional", ".1 = p.npi optional", ".2 = p.family"),
        (".2 = p.family ^ \"x\"", ".2.2 = \"y\""),
    ],
)  # fmt: skip
def test_two_lines_of_a_format_for_one_place_are_two_writers(lines: tuple[str, ...]):
    run = zex("order.provider as named optional", declarations=named(*lines))
    assert run.codes == ("SW0401",), run.report
    assert "first written here" in run.report


def test_lines_of_a_format_for_different_subcomponents_stand_beside_one_another():
    run = zex("order.provider as named optional", declarations=named(".2 = p.family", '.2.2 = "von"'))
    assert run.segments == ["ZEX|^STONE&von"]


def test_a_format_used_for_a_component_has_one_writer_for_each_subcomponent():
    run = zex('"A" ^ (order.provider as named)', declarations=named(".1 = p.family", ".1 = p.id optional"))
    assert "SW0401" in run.codes


@pytest.mark.parametrize(
    ("line", "advice"),
    [
        ('add .4 = "CITY"', "write `override`"),
        ('override .4 = "CITY"', "`.4.1`"),
        ("remove .4", "`.4.1`"),
    ],
)
def test_a_line_of_a_format_is_the_same_with_and_without_its_first_subcomponent(line: str, advice: str):
    run = lab(PID, f"override format identifier\n  {line}\nend {B}\n")
    assert run.codes == ("SW0503" if line.startswith("add") else "SW0501",), run.report
    assert advice in run.report
    assert "What is not there yet is added" not in run.report


def test_another_subcomponent_is_added_to_a_format():
    run = lab(PID, f'override format identifier\n  add .4.2 = "1.2.3"\nend {B}\n')
    assert run.segments[0].startswith("PID|||1001^^^CITY&1.2.3^MR~S-9^^^&1.2.3^SS|")
