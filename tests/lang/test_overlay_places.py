"""Overlays and formats at places that hold one another: a field, its components, their subcomponents.

Nothing that a lower layer wrote is lost, doubled or put elsewhere without the change saying so.
"""

from __future__ import annotations

import json

import msgspec
import pytest

from tests.lang.laboratory import ORDER, lab

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


# --- what a lower layer did to components stays ----------------------------------------------------------------------

ALLOW = f"allow SW0417 on PID-5 {B}\n"
REGION = f'override ZEX-3.4.1 = "REGION" {B}\n'
BELOW = "ZEX|||1001^^^REGION^MR~S-9^^^REGION^SS"


@pytest.mark.parametrize(
    "change",
    [
        "inherited when result.status is not withdrawn\n  = inherited otherwise\n ",
        "inherited when result.status is not withdrawn\n ",
        "inherited optional",
    ],
)
def test_inherited_keeps_what_a_lower_layer_did_to_components(change: str):
    assert lab(NUMBERS).segments == ["ZEX|||1001^^^CITY^MR~S-9^^^^SS"]
    assert layered(REGION, f"override ZEX-3 = {change} {B}\n", NUMBERS).segments == [BELOW]


def test_a_condition_on_what_is_inherited_counts_for_its_components_too():
    for change in (f'override PID-5.1 = "X" {B}\n', f'add PID-5.2 = "Y" {B}\n'):
        kept = layered(change, f"override PID-5 = inherited when result.version is above 5 {B}\n{ALLOW}")
        assert kept.segments == ["PID|||1001^^^CITY^MR~S-9^^^^SS"]
    kept = layered(f'override PID-5.1 = "X" {B}\n', f"override PID-5 = inherited when result.version is 3 {B}\n{ALLOW}")
    assert kept.segments == ["PID|||1001^^^CITY^MR~S-9^^^^SS||X"]


def test_inherited_required_keeps_the_components_below_and_changes_the_duty():
    body = "segment ZEX\n  ZEX-1 = result.signed_by as named optional\n  ZEX-2 = result.study\n"
    lines = named(".1 = p.id optional", ".2 = p.family")
    more = {"declarations": lines, "body": body}
    run = layered(f'override ZEX-1.2 = "X" {B}\n', f"override ZEX-1 = inherited required {B}\n", **more)
    assert run.refused == ["missing"]
    signed = {"signed_by": {"id": "L7", "family": "STONE"}}
    run = layered(f'override ZEX-1.2 = "X" {B}\n', f"override ZEX-1 = inherited required {B}\n", result=signed, **more)
    assert run.segments == ["ZEX|L7^X|ST-1"]


@pytest.mark.parametrize(
    "change",
    ['inherited else "none" required', "inherited when result.urgent\n  = blank otherwise\n ", "inherited as upper"],
)
def test_inherited_within_more_is_refused_where_a_lower_layer_changed_components(change: str):
    run = layered(f'override PID-5.1 = "X" {B}\n', f"override PID-5 = {change} {B}\n")
    assert run.codes == ("SW0512",), run.report
    assert "Change these one by one: `PID-5` and `PID-5.1`." in run.report


def test_inherited_alone_over_changed_components_changes_nothing():
    assert layered(REGION, f"override ZEX-3 = inherited {B}\n", NUMBERS).codes == ("SW0504",)
    assert layered(REGION, f"override ZEX-3.4.1 = inherited {B}\n", NUMBERS).codes == ("SW0504",)


def test_a_value_written_anew_takes_the_place_of_the_components_too():
    run = layered(REGION, f'override ZEX-3 = "1" ^ blank ^ blank ^ "A" {B}\nallow SW0423 on ZEX {B}\n', NUMBERS)
    assert run.segments == ["ZEX|||1^^^A"]


ADDED = f'add ZEX-3.6 = "NORTH" {B}\n'


@pytest.mark.parametrize(
    ("added", "change", "first"),
    [
        (ADDED, 'override ZEX-3.6 = "SOUTH"', "1001^^^CITY^MR^SOUTH"),
        (ADDED, "override ZEX-3.6 = inherited as lower", "1001^^^CITY^MR^north"),
        (ADDED, 'override ZEX-3.6.1 = "SOUTH"', "1001^^^CITY^MR^SOUTH"),
        (ADDED, "override ZEX-3 = inherited when result.version is above 1", "1001^^^CITY^MR^NORTH"),
        (ADDED, "remove ZEX-3.6", "1001^^^CITY^MR"),
        (ADDED, "remove ZEX-3.6.1", "1001^^^CITY^MR"),
        (f'add ZEX-3.4.2 = "1.2" {B}\n', "remove ZEX-3.4", "1001^^^^MR"),
        (f'add ZEX-3.6.2 = "1.2" {B}\n', "remove ZEX-3.6", "1001^^^CITY^MR"),
    ],
)
def test_what_a_lower_layer_added_can_be_changed_and_removed(added: str, change: str, first: str):
    run = layered(added, f"{change} {B}\n", NUMBERS)
    assert not run.codes, run.report
    assert run.segments[0].startswith(f"ZEX|||{first}~"), run.segments


def test_what_is_added_where_a_format_gained_the_same_place_is_told_at_the_line_that_adds():
    gained = f'override format identifier\n  add .6 = "F"\nend {B}\n'
    run = layered(ADDED, gained + f'override ZEX-3.6 = "SOUTH" {B}\n', NUMBERS)
    assert run.codes == ("SW0503",), run.report
    assert ADDED.strip() in run.report


# --- a component and its subcomponents -------------------------------------------------------------------------------

TWO = named(".1 = p.id optional", ".2.1 = p.family", '.2.2 = "von"', '.9.2 = "OID"')
USED = "order.provider as named optional"


def test_inherited_of_a_component_with_subcomponents_is_refused():
    run = zex(USED, f"override ZEX-1.2 = inherited as lower {B}\n", declarations=TWO)
    assert run.codes == ("SW0512",), run.report
    assert "`ZEX-1.2.1` and `ZEX-1.2.2`" in run.report
    run = zex(USED, f"override ZEX-1.9 = inherited as lower {B}\n", declarations=TWO)
    assert run.codes == ("SW0512",), run.report
    run = zex(USED, f"override ZEX-1.2.1 = inherited as lower {B}\n", declarations=TWO)
    assert run.segments == ["ZEX|L7^stone&von^^^^^^^&OID"]


def test_a_component_written_anew_takes_the_place_of_its_subcomponents():
    run = zex(USED, f'override ZEX-1.2 = "X" {B}\n', declarations=TWO)
    assert run.segments == ["ZEX|L7^X^^^^^^^&OID"]
    run = zex(USED, f'override ZEX-1.9 = "X" {B}\n', declarations=TWO)
    assert run.segments == ["ZEX|L7^STONE&von^^^^^^^X"]
    run = zex(USED, f"remove ZEX-1.9 {B}\n", declarations=TWO)
    assert run.segments == ["ZEX|L7^STONE&von"]


def test_a_component_is_not_added_over_its_subcomponents():
    for place in ("1.9", "1.2", "1.2.2"):
        run = zex(USED, f'add ZEX-{place} = "X" {B}\n', declarations=TWO)
        assert run.codes == ("SW0503",), run.report
    run = zex(USED, f'add ZEX-1.9.1 = "X" {B}\n', declarations=TWO)
    assert run.segments == ["ZEX|L7^STONE&von^^^^^^^X&OID"]


def test_a_part_of_a_component_that_a_rule_of_its_own_writes_is_changed_too():
    body = 'segment ZEX\n  ZEX-1.1 = result.study\n  ZEX-1.2 = "A" ^ "B"\n'
    assert lab(body, f'override ZEX-1.2.2 = "C" {B}\n').segments == ["ZEX|ST-1^A&C"]
    assert lab(body, f"remove ZEX-1.2.1 {B}\n").segments == ["ZEX|ST-1^&B"]
    assert lab(body, f'add ZEX-1.2.3 = "C" {B}\n').segments == ["ZEX|ST-1^A&B&C"]
    assert lab(body, f'override ZEX-1.2.3 = "C" {B}\n').codes == ("SW0514",)


def test_nothing_is_added_to_a_field_that_goes_back_as_it_came():
    run = lab("segment ZEX\n  ZEX-1 = order.placer_number required\n", f'add ZEX-1.3 = "X" {B}\n')
    assert run.codes == ("SW0514",), run.report
    assert "write `add" not in run.report


# --- an echoed segment -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", ['PV1-3.1 = "LAB"', "PV1-3.1 = result.comment optional", 'PV1-3.4.2 = "LAB"'])
def test_a_component_of_a_field_that_goes_back_as_it_came_is_no_place_for_a_rule(rule: str):
    run = lab(f"{PID}segment PV1 from order.received optional\n  {rule}\n")
    assert run.codes == ("SW0520",), run.report
    run = lab(f"{PID}segment PV1 from order.received optional\n", f"override {rule} {B}\n")
    assert run.codes == ("SW0520",), run.report


def test_a_component_of_a_field_that_goes_back_as_it_came_is_not_removed():
    run = lab(f"{PID}segment PV1 from order.received optional\n", f"remove PV1-3.2 {B}\n")
    assert run.codes == ("SW0520",), run.report


def test_a_whole_field_of_an_echoed_segment_is_changed_and_then_its_components():
    body = f'{PID}segment PV1 from order.received optional\n  PV1-3 = "LAB" ^ "1"\n'
    assert lab(body).segments[1] == r"PV1|1|I|LAB^1|||||||x\T\y|"
    assert lab(body, f'override PV1-3.2 = "2" {B}\n').segments[1] == r"PV1|1|I|LAB^2|||||||x\T\y|"


# --- loops -----------------------------------------------------------------------------------------------------------

LOOPS = """\
for each c in result.comments
  segment ZFA
    ZFA-1 = c
end
for each c in result.comments{name}
  segment ZFB
    ZFB-1 = c
end
"""


def test_two_loops_of_one_name_cannot_be_told_apart():
    run = lab(LOOPS.format(name=""))
    assert run.codes == ("SW0210",), run.report
    assert "named" in run.report
    assert "segment loop" not in run.report
    assert lab(LOOPS.format(name=" named again")).segments == ["ZFA|first", "ZFA|second", "ZFB|first", "ZFB|second"]


def test_a_loop_added_under_a_name_that_is_taken_cannot_be_told_apart():
    added = f"add loop for each c in result.comments after ZZ1\n  segment ZFC\n    ZFC-1 = c\nend {B}\n"
    body = "segment ZZ1\n  ZZ1-1 = result.study\nfor each c in result.comments\n  segment ZFA\n    ZFA-1 = c\nend\n"
    assert lab(body, added).codes == ("SW0210",)


PARTS = """\
part twice(r: Result, mark: text)
  for each c in r.comments
    segment ZFA
      ZFA-1 = c
      ZFA-2 = mark
  end
end
"""
TWICE = 'use twice(result, "a")\nuse twice(result, "b")\n'


def test_a_change_of_a_loop_of_a_part_reaches_every_use_of_the_part():
    assert len(lab(TWICE, declarations=PARTS).segments) == 4
    run = lab(TWICE, f"override loop comments first 1 {B}\n", declarations=PARTS)
    assert run.segments == ["ZFA|first|a", "ZFA|first|b"]
    body = "segment ZZ1\n  ZZ1-1 = result.study\n" + TWICE
    assert lab(body, f"remove loop comments {B}\n", declarations=PARTS).segments == ["ZZ1|ST-1"]
    new = f"replace loop comments for each c in result.comments named comments\n  segment ZFC\n    ZFC-1 = c\nend {B}\n"
    wide = PARTS.replace("part twice(r: Result, mark: text)", "part twice(result: Result, mark: text)")
    run = lab(TWICE, new, declarations=wide.replace("r.comments", "result.comments"))
    assert run.segments == ["ZFC|first", "ZFC|second"] * 2


# --- reading ---------------------------------------------------------------------------------------------------------


def read(change: str, order: list[str]):
    """The order, and its patient, as they are read under an overlay."""
    run = lab(PID, files={"orgs/clinic/order.seg": f"overlay order\n{change} {B}\n"}, order=order)
    assert not run.codes, run.report
    return json.loads(msgspec.json.encode(run.read))


def test_inherited_in_a_reading_overlay_is_the_value_below():
    change = "override order.filler_number = inherited else ORC-4 optional"
    without = [*ORDER[:3], "ORC|NW|A1^EHR||G4", "OBR|1|A1^EHR||ECG"]
    assert "G4" in str(read(change, without))
    group = [*ORDER[:3], "ORC|NW|A1^EHR|F1^LAB|G4", "OBR|1|A1^EHR|F1^LAB|ECG"]
    assert "G4" not in str(read(change, group))


def test_inherited_in_a_reading_overlay_keeps_the_duty_below():
    order = [segment.replace("1001", "a1") for segment in ORDER]
    assert "'A1'" in str(read("override patient.mrn = inherited as upper", order))


def test_inherited_alone_in_a_reading_overlay_changes_nothing():
    run = lab(PID, files={"orgs/clinic/order.seg": f"overlay order\noverride patient.mrn = inherited {B}\n"})
    assert run.codes == ("SW0504",), run.report


# --- a segment without rules -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("tail", ["", " optional", " when result.urgent"])
def test_a_segment_without_rules_says_nothing(tail: str):
    assert lab(f"{PID}segment ZEX{tail}\n").codes == ("SW0423",)
    assert lab(f"{PID}segment ZEX{tail}\nallow SW0423 on ZEX {B}\n").codes == ()


def test_a_segment_whose_last_rule_is_removed_says_nothing():
    body = f"{PID}segment ZEX\n  ZEX-1 = result.study\n"
    assert lab(body, f"remove ZEX-1 {B}\n").codes == ("SW0423",)
    assert lab(body, f"remove segment ZEX {B}\n").codes == ()


def test_a_segment_that_goes_back_as_it_came_needs_no_rules():
    assert lab(f"{PID}segment PV1 from order.received optional\n").codes == ()


def test_a_segment_whose_lines_cannot_be_read_is_not_told_to_be_without_them():
    assert lab(f"{PID}segment ZEX\n  NTE-1 = result.study\n").codes == ("SW0143",)
