"""The thirteen rules of the language that do not bend (shared/design/language.md, section 2), each from both sides.

A test's name begins with the rule it proves: `tests/test_named.py` counts on it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from tests.lang.laboratory import MODEL, ORDER, READING, lab

ROOT = Path(__file__).parents[2]
B = 'because "a test"'
ZZZ = "segment ZZZ\n"


def zzz(*rules: str, **more) -> list[str]:
    """The segments that one segment of these rules writes."""
    return lab(ZZZ + "".join(f"  {rule}\n" for rule in rules), **more).segments


def codes(*rules: str, **more) -> tuple[str, ...]:
    return lab(ZZZ + "".join(f"  {rule}\n" for rule in rules), **more).codes


BASE = """\
segment ZXX from order.received optional
segment ZZ1
  ZZ1-1 = result.study
  ZZ1-2 = "a"
  ZZ1-3 = result.comment optional
for each m in result.measurements
  segment ZOB value
    ZOB-1 = position
    ZOB-2 = m.kind via names
end
segment ZZ2
  ZZ2-1[one] = result.study
  ZZ2-1[two] = order.provider as who optional
"""
NAMES = """\
table names: Kind -> text
  heart_rate   -> "HR"
  qrs_duration -> "QRS"
  qrs_axis     -> "AX"
end
format who(p: Provider) as XCN
  .1   = p.id     required
  .2.1 = p.family
  .9.1 = "LOCAL"
end
"""
PLAIN = [
    "ZXX|1|free|",
    "ZZ1|ST-1|a",
    "ZOB|1|HR",
    "ZOB|2|QRS",
    "ZZ2|ST-1~L7^STONE^^^^^^^LOCAL",
]


def changed(overlay: str, **more) -> list[str]:
    """The segments of the base above under an overlay."""
    return lab(BASE, overlay, declarations=NAMES, **more).segments


def found(overlay: str, **more) -> tuple[str, ...]:
    return lab(BASE, overlay, declarations=NAMES, **more).codes


# --- 1: one rule = one HL7 target = one line -------------------------------------------------------------------------


def test_rule_1_the_path_is_the_identity_of_a_rule_and_an_overlay_hits_exactly_it():
    assert changed("") == PLAIN
    assert changed(f'override ZZ1-2 = "b" {B}\n')[1] == "ZZ1|ST-1|b"


def test_rule_1_what_hits_nothing_is_never_appended():
    run = lab(BASE, f'override ZZ1-9 = "b" {B}\n', declarations=NAMES)
    assert run.codes == ("SW0501",)
    assert "ZZ1-9" in run.report


def test_rule_1_a_rule_belongs_to_the_segment_that_is_open():
    assert codes("ZZ9-1 = result.study") == ("SW0143",)


# --- 2: no two writers -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("ZZZ-1 = result.study", 'ZZZ-1 = "a"'),
        ("ZZZ-1 = result.study", 'ZZZ-1.2 = "b"'),
        ("ZZZ-1.2.1 = result.study", 'ZZZ-1.2 = "c"'),
        ("ZZZ-1[x] = result.study", 'ZZZ-1[x].3 = "c"'),
    ],
)
def test_rule_2_a_place_written_twice_shows_both_lines(first: str, second: str):
    run = lab(f"{ZZZ}  {first}\n  {second}\n")
    assert run.codes == ("SW0401",)
    assert first in run.report
    assert second in run.report


def test_rule_2_components_repetitions_and_alternatives_are_no_second_writer():
    assert zzz('ZZZ-1.1 = "a"', "ZZZ-1.2 = result.study", 'ZZZ-2[x] = result.study\n  ZZZ-2[y] = "b"') == [
        "ZZZ|a^ST-1|ST-1~b"
    ]
    assert zzz('ZZZ-1 = "A" when result.urgent\n        = "B" otherwise') == ["ZZZ|A"]
    assert zzz('ZZZ-1 = "A" when result.urgent\n        = "B" otherwise', result={"urgent": False}) == ["ZZZ|B"]
    assert zzz(
        'ZZZ-1 = "A" when result.version is above 9\n  = result.study when result.urgent\n  = "C" otherwise'
    ) == ["ZZZ|ST-1"]


TWICE = [
    (f'override ZZ2-1[two] = "b" {B}', f'override ZZ2-1[two].1 = "c" {B}'),
    (f'override ZZ2-1[two].1 = "c" {B}', f'override ZZ2-1[two] = "b" {B}'),
    (f'override ZZ2-1[two].2 = "c" {B}', f'override ZZ2-1[two].2.1 = "b" {B}'),
    (f'override ZZ1-2 = "b" {B}', f'add ZZ1-2.3 = "c" {B}'),
    (f'add ZZ1-5 = "b" {B}', f'override ZZ1-5.1 = "c" {B}'),
    (f"remove ZZ2-1[two].9 {B}", f'override ZZ2-1[two] = "b" {B}'),
    (f'override value ZOB-2 = "b" {B}', f'override ZOB-2 = "c" {B}'),
    (f'override value ZOB-2 = "b" {B}', f"remove loop measurements {B}"),
    (f'override value ZOB-2 = "b" {B}', f"replace segment ZOB value\n  ZOB-1 = position\nend {B}"),
    (f"override segment ZOB when m.kind is heart_rate {B}", f"override segment value when m.kind is qrs_axis {B}"),
    (f'override table names\n  qrs_axis -> "A1"\nend {B}', f'override table names\n  qrs_axis -> "A2"\nend {B}'),
    (f'override format who\n  .9.1 = "A1"\nend {B}', f'override format who\n  .9.1 = "A2"\nend {B}'),
]  # fmt: skip


@pytest.mark.parametrize(("first", "second"), TWICE)
def test_rule_2_two_operations_of_one_layer_for_one_place_or_a_part_of_it_show_both_lines(first: str, second: str):
    run = lab(BASE, f"{first}\n{second}\n", declarations=NAMES)
    assert run.codes == ("SW0505",), run.report
    for operation in (first, second):
        assert any(line.strip()[:20] in run.report for line in operation.split("\n"))
    assert "first written here" in run.report


def test_rule_2_a_row_given_twice_in_one_operation_is_two_writers():
    assert found(f'override table names\n  qrs_axis -> "A1"\n  qrs_axis -> "A2"\nend {B}\n') == ("SW0505",)


def test_rule_2_operations_for_different_parts_of_a_place_stand_beside_one_another():
    overlay = f'override ZZ2-1[two].1 = "c" {B}\noverride ZZ2-1[two].9.1 = "D" {B}\nremove ZZ2-1[two].2 {B}\n'
    assert changed(overlay)[4] == "ZZ2|ST-1~c^^^^^^^^D"
    overlay = f'override value ZOB-2 = "b" {B}\noverride loop measurements first 1 {B}\n'
    assert changed(overlay)[2:3] == ["ZOB|1|b"]


def test_rule_2_what_a_message_does_with_a_block_covers_what_its_organisation_changes_inside():
    wide = f'override value ZOB-2 = "b" {B}\n'
    assert changed(f"remove loop measurements {B}\n", wide=wide) == [PLAIN[0], PLAIN[1], PLAIN[4]]
    run = lab(BASE, f"remove value ZOB-2 {B}\n", declarations=NAMES, wide=wide)
    assert run.codes == ("SW0505",)


def test_rule_2_reading_rules_have_one_writer_too():
    reading = READING.replace("patient.name ", "patient.mrn = first PID-2.1 required\npatient.name ")
    run = lab("segment ZZZ\n  ZZZ-1 = result.study\n", reading=reading)
    assert run.codes == ("SW0401",)


# --- 3: overlays state intent ----------------------------------------------------------------------------------------


def test_rule_3_override_replaces_a_rule_and_inherits_what_stands_below():
    assert changed(f"override ZZ1-1 = inherited as text(max: 2, over: cut) {B}\n")[1] == "ZZ1|ST|a"
    assert changed(f'override ZZ1-3 = inherited else "none" {B}\n')[1] == "ZZ1|ST-1|a|none"
    assert changed(f"override ZZ2-1[two] = inherited when result.version is above 5 {B}\n")[4] == "ZZ2|ST-1"
    assert changed(f'override value ZOB-2 = "x" when position is last\n  = inherited otherwise\n  {B}\n')[2:4] == [
        "ZOB|1|HR",
        "ZOB|2|x",
    ]


def test_rule_3_inherited_required_keeps_the_value_and_changes_the_duty():
    run = lab(BASE, f"override ZZ1-3 = inherited required {B}\n", declarations=NAMES)
    assert run.refused == ["missing"]
    assert changed(f"override ZZ1-3 = inherited required {B}\n", result={"comment": "c"})[1] == "ZZ1|ST-1|a|c"


def test_rule_3_override_reaches_one_component_of_a_composite():
    assert changed(f'override ZZ2-1[two].9.1 = "NPI" {B}\n')[4] == "ZZ2|ST-1~L7^STONE^^^^^^^NPI"
    assert changed(f"override ZZ2-1[two].9.1 = blank {B}\n")[4] == "ZZ2|ST-1~L7^STONE"
    assert changed(f'override ZZ2-1[two].2.1 = "{{inherited}}x" {B}\n')[4] == "ZZ2|ST-1~L7^STONEx^^^^^^^LOCAL"
    assert found(f'override ZZ2-1[two].4 = "x" {B}\n') == ("SW0514",)


def test_rule_3_inherited_in_an_echoed_segment_is_the_received_field():
    assert changed(f'override ZXX-2 = "O" {B}\n')[0] == "ZXX|1|O|"
    assert changed(f'override ZXX-3 = inherited else "E" {B}\n')[0] == "ZXX|1|free|E"
    assert changed(f'override ZXX-2 = inherited else "E" {B}\n')[0] == "ZXX|1|free|"
    assert changed(f"remove ZXX-1 {B}\n")[0] == "ZXX||free|"


def test_rule_3_add_gives_a_new_rule_segment_and_loop():
    assert changed(f'add ZZ1-5 = "new" {B}\n')[1] == "ZZ1|ST-1|a|||new"
    assert changed(f"add ZZ2-1[zero] = result.study before [one] {B}\n")[4] == "ZZ2|ST-1~ST-1~L7^STONE^^^^^^^LOCAL"
    assert changed(f'add ZZ2-1[mid] = "m" after [one] {B}\n')[4] == "ZZ2|ST-1~m~L7^STONE^^^^^^^LOCAL"
    assert changed(f'add ZZ2-1[two].13 = "X" {B}\n')[4] == "ZZ2|ST-1~L7^STONE^^^^^^^LOCAL^^^^X"
    loop = f"add loop for each c in result.comments after ZZ1\n  segment ZNO\n    ZNO-1 = c\nend {B}\n"
    assert changed(loop)[1:4] == ["ZZ1|ST-1|a", "ZNO|first", "ZNO|second"]


ADDED = "add segment {name} after {anchor} {how}\n  {name}-1 = result.study\n" + B + "\n"


def _add(name: str, anchor: str, how: str = "", word: str = "after") -> str:
    return f'for reason "a test"\nadd segment {name} {word} {anchor} {how}\n  {name}-1 = result.study\nend\n'


def test_rule_3_what_is_added_after_an_anchor_follows_what_was_added_there_before():
    both = _add("ZA1", "ZZ1") + _add("ZA2", "ZZ1")
    assert [s[:3] for s in changed(both)] == ["ZXX", "ZZ1", "ZA1", "ZA2", "ZOB", "ZOB", "ZZ2"]
    assert [s[:3] for s in changed(_add("ZA1", "ZZ1", word="before"))][:3] == ["ZXX", "ZA1", "ZZ1"]


def test_rule_3_an_anchor_inside_a_loop_says_each_or_all():
    assert [s[:3] for s in changed(_add("ZA1", "value", "each"))] == ["ZXX", "ZZ1", "ZOB", "ZA1", "ZOB", "ZA1", "ZZ2"]
    assert [s[:3] for s in changed(_add("ZA1", "value", "all"))] == ["ZXX", "ZZ1", "ZOB", "ZOB", "ZA1", "ZZ2"]
    assert found(_add("ZA1", "value")) == ("SW0509",)
    assert found(_add("ZA1", "ZZ1", "each")) == ("SW0510",)


def test_rule_3_at_end_of_message_and_of_a_loop():
    assert [s[:3] for s in changed(_add("ZA1", "end of message", word="at"))][-1] == "ZA1"
    assert [s[:3] for s in changed(_add("ZA1", "end of loop measurements", word="at"))][2:6] == [
        "ZOB",
        "ZA1",
        "ZOB",
        "ZA1",
    ]


def test_rule_3_remove_takes_away_rules_segments_and_loops():
    assert changed(f"remove ZZ1-2 {B}\n")[1] == "ZZ1|ST-1"
    assert [s[:3] for s in changed(f"remove segment ZZ1 {B}\n")] == ["ZXX", "ZOB", "ZOB", "ZZ2"]
    assert [s[:3] for s in changed(f"remove loop measurements {B}\n")] == ["ZXX", "ZZ1", "ZZ2"]


def test_rule_3_replace_takes_the_place_of_a_whole_block():
    segment = f"replace segment ZZ1\n  ZZ1-7 = result.study\nend {B}\n"
    assert changed(segment)[1] == "ZZ1|||||||ST-1"
    loop = f"replace loop measurements for each c in result.comments named measurements\n  segment ZNO\n    ZNO-1 = c\nend {B}\n"
    assert changed(loop)[1:] == ["ZZ1|ST-1|a", "ZNO|first", "ZNO|second", PLAIN[4]]
    table = f'replace table names\n  heart_rate -> "1"\n  otherwise -> "2"\nend {B}\n'
    assert changed(table)[2:4] == ["ZOB|1|1", "ZOB|2|2"]


def test_rule_3_move_changes_the_place_and_nothing_else():
    assert changed(f"move segment ZZ2 before ZZ1 {B}\n") == [PLAIN[0], PLAIN[4], *PLAIN[1:4]]
    assert changed(f"move loop measurements at end of message {B}\n") == [PLAIN[0], PLAIN[1], PLAIN[4], *PLAIN[2:4]]
    assert changed(f"move loop measurements before ZZ1 {B}\n") == [PLAIN[0], *PLAIN[2:4], PLAIN[1], PLAIN[4]]


@pytest.mark.parametrize(
    ("overlay", "code"),
    [
        ('ZZ1-2 = "b"\n', "SW0148"),
        (f'override ZZ1-9 = "b" {B}\n', "SW0501"),
        (f"remove ZZ1-9 {B}\n", "SW0501"),
        (f'override ZZ1-2 = "a" {B}\n', "SW0504"),
        (f'add ZZ1-2 = "b" {B}\n', "SW0503"),
        (_add("ZA1", "ZZ9"), "SW0511"),
        (f"move segment ZZ1 after ZZ9 {B}\n", "SW0511"),
        (f"override loop measurement where m.kind is heart_rate {B}\n", "SW0501"),
        (f'override ZZ1-2 = "b" {B}\noverride ZZ1-2 = "c" {B}\n', "SW0505"),
    ],
)
def test_rule_3_an_operation_that_hits_nothing_or_changes_nothing_is_an_error(overlay: str, code: str):
    assert code in found(overlay)


def test_rule_3_the_nearest_right_name_is_said():
    run = lab(BASE, f"override loop measurement where m.kind is heart_rate {B}\n", declarations=NAMES)
    assert "measurements" in run.report


def test_rule_3_each_operation_has_a_reason_of_its_own_or_of_the_block_around_it():
    run = lab(BASE, 'override ZZ1-2 = "b"\n', declarations=NAMES)
    assert len(run.codes) == 1
    assert "because" in run.report
    assert not found('for reason "a test"\n  override ZZ1-2 = "b"\n  remove ZZ1-3\nend\n')


def test_rule_3_what_a_removed_rule_alone_needed_falls_away_with_it():
    base = "segment OBR\n  OBR-4 = order.service required\n  OBR-13 = each c in result.comments optional\n  OBR-14 = org.site.label\n"
    base += f"allow SW0411 on OBR-13\n  {B}\nallow SW0409 on OBR-14\n  {B}\n"
    assert lab(base, org="site: {label: x}\n").segments == ["OBR||||ECG^12 lead&ecg^LOC|||||||||first~second|x"]
    remove = f"remove OBR-13, OBR-14 {B}\n"
    assert lab(base, remove).segments == ["OBR||||ECG^12 lead&ecg^LOC"]


def test_rule_3_in_a_reading_mapping_the_address_is_a_path_of_the_model():
    overlay = f"overlay order\noverride order.filler_number = OBR-3 optional {B}\nremove patient.birth_date {B}\n"
    run = lab(ZZZ + "  ZZZ-1 = order.filler_number optional\n", files={"orgs/clinic/order.seg": overlay})
    assert run.segments == ["ZZZ|F1^LAB"]
    overlay = f'overlay order\noverride OBR-3 = "x" {B}\n'
    assert lab(ZZZ + "  ZZZ-1 = result.study\n", files={"orgs/clinic/order.seg": overlay}).codes == ("SW0508",)


# --- 4: three layers -------------------------------------------------------------------------------------------------


def test_rule_4_base_profiles_and_organisation_apply_in_their_order():
    org = "organisation: {id: clinic, name: Clinic, layers: [region, vendor]}\n"
    files = {
        "mappings/vendors/region/result.seg": f'overlay result\noverride ZZ1-2 = "{{result.study}}r" {B}\n',
        "mappings/vendors/vendor/result.seg": f'overlay result\noverride ZZ1-2 = "v" when result.urgent\n  = inherited otherwise\n  {B}\n',
    }
    assert changed("", org=org, files=files)[1] == "ZZ1|ST-1|v"
    assert changed("", org=org, files=files, result={"urgent": False})[1] == "ZZ1|ST-1|ST-1r"
    own = f"override ZZ1-2 = inherited as upper {B}\n"
    assert changed(own, org=org, files=files, result={"urgent": False})[1] == "ZZ1|ST-1|ST-1R"
    assert changed(own, org=org, files=files)[1] == "ZZ1|ST-1|V"


def test_rule_4_only_the_layers_that_org_yaml_lists_apply():
    files = {"mappings/vendors/vendor/result.seg": f'overlay result\noverride ZZ1-2 = "v" {B}\n'}
    assert changed("", files=files) == PLAIN
    org = "organisation: {id: clinic, name: Clinic, layers: [vendr]}\n"
    assert "SW0516" in found("", files=files, org=org)


# --- 5: nothing is assumed to be there -------------------------------------------------------------------------------


def test_rule_5_what_may_be_missing_says_what_then():
    assert codes("ZZZ-1 = result.comment") == ("SW0301",)
    assert zzz("ZZZ-1 = result.comment optional", "ZZZ-2 = result.study") == ["ZZZ||ST-1"]
    assert zzz('ZZZ-1 = result.comment else "none"') == ["ZZZ|none"]
    assert zzz("ZZZ-1 = result.comment else result.note else result.study") == ["ZZZ|ST-1"]
    assert zzz("ZZZ-1 = result.comment else blank", "ZZZ-2 = result.study") == ["ZZZ||ST-1"]


def test_rule_5_what_cannot_be_missing_says_nothing():
    assert codes("ZZZ-1 = result.study required") == ("SW0304",)
    assert codes("ZZZ-1 = result.study optional") == ("SW0304",)
    assert codes('ZZZ-1 = result.study else "none"') == ("SW0305",)


def test_rule_5_required_stops_the_message_and_lists_every_missing_value_at_once():
    rules = ("ZZZ-1 = result.comment required", "ZZZ-2 = result.note required", "ZZZ-3 = result.study")
    run = lab(ZZZ + "".join(f"  {r}\n" for r in rules))
    assert run.refused == ["missing", "missing"]
    assert zzz(*rules, result={"comment": "c", "note": "n"}) == ["ZZZ|c|n|ST-1"]


def test_rule_5_required_if_asks_only_when_the_condition_holds():
    rules = ("ZZZ-1 = result.comment required if result.urgent", "ZZZ-2 = result.study")
    assert lab(ZZZ + "".join(f"  {r}\n" for r in rules)).refused == ["missing"]
    assert zzz(*rules, result={"urgent": False}) == ["ZZZ||ST-1"]
    assert zzz(*rules, result={"comment": "c"}) == ["ZZZ|c|ST-1"]


def test_rule_5_inside_a_format_required_means_when_the_composite_has_any_value():
    format_ = 'format w(p: Provider) as XCN\n  .1 = p.npi required\n  .3 = p.given optional\n  .9 = "C"\nend\n'
    rule = "ZZZ-1 = result.signed_by as w optional"
    assert zzz(rule, "ZZZ-2 = result.study", declarations=format_) == ["ZZZ||ST-1"]
    nothing = {"signed_by": {"family": "X"}}
    assert zzz(rule, "ZZZ-2 = result.study", declarations=format_, result=nothing) == ["ZZZ||ST-1"]
    some = {"signed_by": {"family": "X", "given": "G"}}
    assert lab(f"{ZZZ}  {rule}\n", declarations=format_, result=some).refused == ["missing"]
    whole = {"signed_by": {"family": "X", "given": "G", "npi": "1"}}
    assert zzz(rule, declarations=format_, result=whole) == ["ZZZ|1^^G^^^^^^C"]


def test_rule_5_constants_alone_make_no_repetition():
    rules = ("ZZZ-1.1 = result.comment optional", 'ZZZ-1.3 = "L"', "ZZZ-2 = result.study")
    assert zzz(*rules) == ["ZZZ||ST-1"]
    assert zzz(*rules, result={"comment": "c"}) == ["ZZZ|c^^L|ST-1"]
    assert zzz('ZZZ-1 = (result.comment ^ blank ^ "L") optional', "ZZZ-2 = result.study") == ["ZZZ||ST-1"]
    assert zzz('ZZZ-1.3 = "L"', "ZZZ-2 = result.study") == ["ZZZ|^^L|ST-1"]
    optional = 'segment ZZZ optional\n  ZZZ-1.1 = result.comment optional\n  ZZZ-1.3 = "L"\nsegment ZZ1\n  ZZ1-1 = result.study\n'
    assert lab(optional).segments == ["ZZ1|ST-1"]


NARROWED = [
    ("result.comment is present", "result.comment"),
    ("result.urgent and result.comment is present", "result.comment"),
    ("not result.comment is missing", "result.comment"),
    ("not (result.comment is missing or result.note is missing)", '"{result.comment}{result.note}"'),
    (
        "(result.comment is present and result.note is present) or (result.comment is present and result.urgent)",
        "result.comment",
    ),
    ("result.signed_by is present and result.signed_by.npi is present", "result.signed_by.npi"),
    ('result.comment is present and result.comment is "c"', "result.comment"),
]


@pytest.mark.parametrize(("condition", "value"), NARROWED)
def test_rule_5_a_condition_narrows_what_it_guards(condition: str, value: str):
    assert codes(f"ZZZ-1 = {value} when {condition}", "ZZZ-2 = result.study") == ()


@pytest.mark.parametrize(
    ("condition", "value"),
    [
        ("result.comment is missing", "result.comment"),
        ("result.comment is present or result.urgent", "result.comment"),
        ("not result.comment is present", "result.comment"),
        ("not (result.comment is missing and result.note is missing)", "result.comment"),
        ("result.note is present", "result.comment"),
        ("result.signed_by is present", "result.signed_by.npi"),
    ],
)
def test_rule_5_a_condition_narrows_nothing_else(condition: str, value: str):
    assert codes(f"ZZZ-1 = {value} when {condition}", "ZZZ-2 = result.study") == ("SW0301",)


def test_rule_5_the_rungs_below_know_that_the_conditions_above_failed():
    ladder = 'ZZZ-1 = "none" when result.comment is missing\n        = result.comment otherwise'
    assert zzz(ladder) == ["ZZZ|none"]
    assert zzz(ladder, result={"comment": "c"}) == ["ZZZ|c"]


def test_rule_5_a_comparison_with_a_missing_operand_is_an_error_unless_narrowed():
    assert codes('ZZZ-1 = "x" when result.comment is "c"', "ZZZ-2 = result.study") == ("SW0302",)
    assert codes('ZZZ-1 = "x" when result.confidence is above 0.5', "ZZZ-2 = result.study") == ("SW0302",)
    guarded = 'ZZZ-1 = "x" when result.confidence is present and result.confidence is above 0.5'
    assert zzz(guarded, "ZZZ-2 = result.study", result={"confidence": 0.7}) == ["ZZZ|x|ST-1"]


def test_rule_5_is_and_in_narrow_the_values_an_enum_can_have():
    table = 'table two: Status -> text\n  final -> "F"\n  corrected -> "C"\nend\n'
    assert codes("ZZZ-1 = result.status via two", declarations=table) == ("SW0613",)
    for when in (
        "result.status in [final, corrected]",
        "not result.status in [preliminary, withdrawn]",
        "result.status not in [preliminary, withdrawn]",
        "result.status is final or result.status is corrected",
        "result.status is not preliminary and result.status is not withdrawn",
    ):
        assert codes(f"ZZZ-1 = result.status via two when {when}", "ZZZ-2 = result.study", declarations=table) == (), (
            when
        )


def test_rule_5_where_segment_when_and_loop_when_narrow_too():
    body = "for each m in result.measurements where m.flag is present\n  segment ZZZ\n    ZZZ-1 = m.flag\nend\n"
    assert lab(body).segments == ["ZZZ|N"]
    assert lab("segment ZZZ when result.comment is present\n  ZZZ-1 = result.comment\n").segments == []
    run = lab("segment ZZZ when result.comment is present\n  ZZZ-1 = result.comment\n", result={"comment": "c"})
    assert run.segments == ["ZZZ|c"]
    loop = "for each c in lines(result.comment, width: 9) when result.comment is present\n  segment ZZZ\n    ZZZ-1 = c\nend\n"
    assert lab(loop).segments == []
    assert lab(loop, result={"comment": "one two three"}).segments == ["ZZZ|one two", "ZZZ|three"]


def test_rule_5_a_check_narrows_what_follows():
    body = (
        'check has that result.comment is present else "a comment is needed"\nsegment ZZZ\n  ZZZ-1 = result.comment\n'
    )
    assert lab(body, result={"comment": "c"}).segments == ["ZZZ|c"]
    assert lab(body).refused[0] == "check"


def test_rule_5_an_organisation_value_is_there_when_the_schema_requires_it():
    rest = "ZZZ-2 = result.study"
    assert zzz("ZZZ-1 = org.sending.application", rest) == ["ZZZ|ECGAI|ST-1"]
    assert codes("ZZZ-1 = org.site.label", rest) == ("SW0303",)
    assert zzz("ZZZ-1 = org.site.label", rest, org="site: {label: Here}\n") == ["ZZZ|Here|ST-1"]
    assert zzz("ZZZ-1 = org.site.label optional", rest) == ["ZZZ||ST-1"]
    assert zzz('ZZZ-1 = org.site.label else "x"', rest, org="site: {label: Here}\n") == ["ZZZ|Here|ST-1"]


# --- 6: three absences -----------------------------------------------------------------------------------------------


def test_rule_6_blank_hold_and_null_on_the_wire():
    assert zzz("ZZZ-1 = blank", "ZZZ-2 = null", "ZZZ-3 = result.study") == ['ZZZ||""|ST-1']
    assert zzz("ZZZ-1[a] = blank", "ZZZ-1[b] = result.study") == ["ZZZ|ST-1"]
    assert zzz("ZZZ-1[a] = hold", "ZZZ-1[b] = result.study") == ["ZZZ|~ST-1"]
    assert zzz("ZZZ-1[a] = null", "ZZZ-1[b] = result.study") == ['ZZZ|""~ST-1']
    assert zzz("ZZZ-1 = result.study ^ blank ^ null") == ['ZZZ|ST-1^^""']


def test_rule_6_hold_keeps_a_place_and_fills_none():
    pid = '  PID-5 = patient.name ^ "x"\n'
    assert lab(f"segment PID\n  PID-3 = hold\n{pid}").codes == ("SW0417",)
    assert lab(
        f"segment PID\n  PID-3 = patient.mrn when result.status is final\n    = hold otherwise\n{pid}"
    ).codes == ("SW0417",)
    assert lab(f"segment PID\n  PID-3[a] = hold\n  PID-3[b] = patient.mrn\n{pid}").segments == ["PID|||~1001||GRAY^x"]


def test_rule_6_hold_is_no_value_that_stands_for_a_missing_one():
    rules = ("ZZZ-1[c] = result.study",)
    ladder = "ZZZ-1[a] = result.comment when result.comment is present\n    = hold otherwise"
    assert zzz(ladder, *rules) == ["ZZZ|~ST-1"]
    for value in ("result.comment else hold", "hold else result.comment", "result.comment else result.note else hold",
                  "order.filler_number else hold"):  # fmt: skip
        assert codes(f"ZZZ-1[a] = {value}", *rules) == ("SW0311",), value


def test_rule_6_an_empty_literal_offers_the_three_words():
    run = lab(f'{ZZZ}  ZZZ-1 = ""\n  ZZZ-2 = result.study\n')
    assert run.codes[0] == "SW0120"
    for word in ("blank", "hold", "null"):
        assert word in run.report


def test_rule_6_no_truthiness():
    assert codes('ZZZ-1 = "x" when result.study') == ("SW0309",)
    assert codes('ZZZ-1 = "x" when result.version') == ("SW0309",)


def test_rule_6_received_null_stays_null_and_empty_is_missing():
    order = (*ORDER[:3], 'ORC|NW|A1^EHR|""', *ORDER[4:])
    assert zzz("ZZZ-1 = order.filler_number optional", order=order) == ['ZZZ|""']
    held = (*ORDER[:3], "ORC|NW|A1^EHR|^", "OBR|1|A1^EHR||ECG")
    assert zzz("ZZZ-1 = order.filler_number optional", "ZZZ-2 = result.study", order=held) == ["ZZZ||ST-1"]


# --- 7: `else` covers missing only -----------------------------------------------------------------------------------


CODES = 'table known: text -> text\n  "a" -> "A"\n  "b" -> blank\n  "e" -> error\nend\n'


def test_rule_7_a_code_not_in_the_table_is_an_error_unless_the_step_says_what_then():
    rule = 'ZZZ-1 = result.study via known else "z"'
    assert lab(f"{ZZZ}  {rule}\n  ZZZ-2 = result.version\n", declarations=CODES).refused == ["unmapped"]
    assert zzz('ZZZ-1 = result.study via known on unmapped same else "z"', declarations=CODES) == ["ZZZ|ST-1"]
    assert zzz('ZZZ-1 = result.study via known on unmapped "u" else "z"', declarations=CODES) == ["ZZZ|u"]
    assert zzz("ZZZ-1 = result.study via known on unmapped blank", "ZZZ-2 = result.version", declarations=CODES) == [
        "ZZZ||3"
    ]
    assert zzz(rule, declarations=CODES, result={"study": "b"}) == ["ZZZ|z"]
    assert lab(f"{ZZZ}  {rule}\n", declarations=CODES, result={"study": "e"}).refused == ["error_row"]


def test_rule_7_a_conversion_that_fails_is_an_error_unless_the_step_says_what_then():
    assert lab(f"{ZZZ}  ZZZ-1 = result.study as number\n", result={"study": "x"}).refused == ["invalid"]
    assert zzz('ZZZ-1 = result.study as digits on invalid "0"', result={"study": "x"}) == ["ZZZ|0"]
    assert zzz("ZZZ-1 = result.study as digits on invalid blank", "ZZZ-2 = result.version", result={"study": "x"}) == [
        "ZZZ||3"
    ]
    run = lab(f'{ZZZ}  ZZZ-1 = result.comment as digits else "z"\n', result={"comment": "x"})
    assert run.refused == ["invalid"]


def test_rule_7_at_most_refuses_more_and_first_drops_and_records():
    body = "for each c in result.comments {} named cs\n  segment ZZZ\n    ZZZ-1 = c\nend\n"
    run = lab(body.format("at most 1"))
    assert run.refused == ["too_many"]
    assert lab(body.format("at most 2")).segments == ["ZZZ|first", "ZZZ|second"]
    run = lab(body.format("first 1"))
    assert run.segments == ["ZZZ|first"]
    assert [(note.kind, note.facts) for note in run.traced.notes] == [("dropped", {"kept": "1", "found": "2"})]


def test_rule_7_text_is_cut_only_by_over_cut_and_never_inside_an_escape():
    hostile = {"study": "ab|cd"}
    assert zzz("ZZZ-1 = result.study as text(max: 3, over: cut)", result=hostile) == ["ZZZ|ab\\F\\"]
    assert lab(f"{ZZZ}  ZZZ-1 = result.study as text(max: 3)\n", result=hostile).refused == ["invalid"]
    assert lab(f"{ZZZ}  ZZZ-1 = result.study as text(max: 3, over: error)\n", result=hostile).refused == ["invalid"]


def test_rule_7_on_identity_code_and_status_fields_a_default_needs_an_allow():
    body = "segment OBR\n  OBR-2 = order.placer_number required\n  OBR-4 = order.service required\n"
    body += '  OBR-25 = result.comment else "F"\n'
    assert lab(body).codes == ("SW0425",)
    allow = 'allow SW0425 on OBR-25\n  because "a test"\n'
    assert lab(body + allow).codes == ()


# --- 8: literals and values are text ---------------------------------------------------------------------------------


HOSTILE = [
    "|",
    "^",
    "~",
    "\\",
    "&",
    "a|b^c~d\\e&f",
    "\\F\\",
    "\\E\\",
    "x\\X0D\\y",
    "a\rb",
    "a\nb",
    "\r\nZZ9|x",
    "tab\there",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_rule_8_no_value_can_inject_structure(text: str):
    (segment,) = zzz("ZZZ-1 = result.study ^ result.note", 'ZZZ-2 = "end"', result={"study": text, "note": text})
    fields = segment.split("|")
    assert len(fields) == 3
    assert fields[2] == "end"
    assert len(fields[1].split("^")) == 2
    assert "~" not in segment
    assert "&" not in segment


@pytest.mark.parametrize("text", ["a\x00b", "a\x0bb", "a\x1cb", "\x1b", "\x7f"])
def test_rule_8_controls_that_nothing_sends_are_refused_by_name(text: str):
    run = lab(f"{ZZZ}  ZZZ-1 = result.study\n")
    run.put("study", text)
    assert run.refused == ["control"]


def test_rule_8_literals_are_escaped_too_and_structure_is_written_as_components():
    assert zzz('ZZZ-1 = "a^b"', "ZZZ-2 = result.study") == ["ZZZ|a\\S\\b|ST-1"]
    assert zzz('ZZZ-1 = "A" ^ blank ^ "C"', "ZZZ-2 = result.study") == ["ZZZ|A^^C|ST-1"]
    assert zzz('ZZZ-1 = "x{result.study}y"', result={"study": "&"}) == ["ZZZ|x\\T\\y"]


def test_rule_8_a_received_field_goes_back_as_it_came_with_the_same_delimiters():
    assert zzz("ZZZ-1 = order.service required") == ["ZZZ|ECG^12 lead&ecg^LOC"]
    weird = (*ORDER[:4], "OBR|1|A1^EHR|F1^LAB|ECG\\F\\^12 \\X41\\ \\H\\b\\N\\^^")
    assert zzz("ZZZ-1 = order.service required", order=weird) == ["ZZZ|ECG\\F\\^12 \\X41\\ \\H\\b\\N\\^^"]


def test_rule_8_a_received_field_is_redelimited_and_escaped_where_the_delimiters_differ():
    order = (
        "MSH*!%$@*EHR*CITY*ECG*LAB*20260302133000**ORM!O01*M1*P*2.5.1",
        "PID***1001**GRAY",
        "ORC*NW*A1!E^R",
        "OBR*1***E|G!12 lead@e&g!LOC",
    )
    assert zzz("ZZZ-1 = order.placer_number required", "ZZZ-2 = order.service required", order=order) == [
        "ZZZ|A1^E\\S\\R|E\\F\\G^12 lead&e\\T\\g^LOC"
    ]


def test_rule_8_what_a_received_field_holds_and_the_charset_lacks_is_an_error():
    order = (
        "".join(f"{s}\r" for s in (*ORDER[:4], "OBR|1|A1^EHR|F1^LAB|ECG^Łódź"))
        .replace("|2.5.1\r", "|2.5.1||||||UNICODE UTF-8\r")
        .encode()
    )
    run = lab(f"{ZZZ}  ZZZ-1 = order.service required\n", order=order)
    assert run.refused == ["unencodable"]


LATIN = "encoding: {version: 2.5.1, charset: 8859/1, unencodable: {}, separators: '|^~\\&', trailing: trim, segment_end: CR, limits: {}}\n"


def _latin(text: str, msh18: str) -> bytes:
    segments = "".join(f"{s}\r" for s in (*ORDER[:4], f"OBR|1|A1^EHR|F1^LAB|ECG^{text}"))
    return segments.replace("|2.5.1\r", f"|2.5.1||||||{msh18}\r").encode("latin-1")


def test_rule_8_escaped_bytes_go_back_as_they_came_in_the_same_charset():
    org = f"organisation: {{id: clinic, name: Clinic, layers: []}}\n{LATIN}"
    order = _latin("caf\\XE9\\ é", "8859/1")
    run = lab(f"{ZZZ}  ZZZ-1 = order.service required\n", order=order, org=org)
    assert run.segments == ["ZZZ|ECG^caf\\XE9\\ é"]
    assert zzz("ZZZ-1 = order.service required", order=_latin("caf\\XE9\\", "ASCII")) == ["ZZZ|ECG^caf\\XE9\\"]


def test_rule_8_escaped_bytes_are_read_in_the_charset_they_came_in_where_another_is_written():
    org = f"organisation: {{id: clinic, name: Clinic, layers: []}}\n{LATIN.replace('8859/1', 'UNICODE UTF-8')}"
    run = lab(f"{ZZZ}  ZZZ-1 = order.service required\n", order=_latin("caf\\XE9\\", "8859/1"), org=org)
    assert run.segments == ["ZZZ|ECG^café"]
    ascii_only = lab(f"{ZZZ}  ZZZ-1 = order.service required\n", order=_latin("caf\\XE9\\", "8859/1"))
    assert ascii_only.refused == ["unencodable"]
    no_text = lab(f"{ZZZ}  ZZZ-1 = order.service required\n", order=_latin("caf\\XE9\\", "UNICODE UTF-8"))
    assert no_text.refused == ["structure"]


def test_rule_8_a_received_field_stands_only_in_a_whole_field():
    assert codes("ZZZ-1.1 = order.service required") == ("SW0334",)
    assert codes('ZZZ-1 = "x" ^ order.service') == ("SW0334",)
    assert codes('ZZZ-1 = "x{order.service}"') == ("SW0319",)


# --- 9: total and finite ---------------------------------------------------------------------------------------------


def test_rule_9_parts_never_use_themselves():
    part = "part one\n  use two\nend\npart two\n  use one\nend\n"
    assert "SW0209" in lab("use one\nsegment ZZZ\n  ZZZ-1 = result.study\n", declarations=part).codes


def test_rule_9_what_the_runtime_gives_is_an_input():
    rules = (
        "ZZZ-1 = message.control_id",
        "ZZZ-2 = message.purpose",
        'ZZZ-3 = message.created_at as dtm(minute, in: "UTC", offset: yes)',
    )
    assert zzz(*rules) == ["ZZZ|C1|final|202603022005+0000"]


@pytest.mark.parametrize(
    ("value", "places", "written"),
    [
        ("0.5", 0, "1"),
        ("1.5", 0, "2"),
        ("2.5", 0, "3"),
        ("-0.5", 0, "-1"),
        ("2.45", 1, "2.5"),
        ("2.675", 2, "2.68"),
        ("1.0", 2, "1.00"),
        ("0.04", 1, "0.0"),
    ],
)
def test_rule_9_numbers_are_rounded_half_away_from_zero_to_stated_places(value: str, places: int, written: str):
    run = lab(f"{ZZZ}  ZZZ-1 = result.confidence as number(places: {places}) required\n")
    run.put("confidence", Decimal(value))
    assert run.segments == [f"ZZZ|{written}"]


def test_rule_9_decimals_keep_the_digits_of_their_source():
    assert zzz("ZZZ-1 = result.confidence required", result={"confidence": 0.25}) == ["ZZZ|0.25"]


def test_rule_9_a_time_is_never_printed_more_precisely_than_it_is_known():
    rule = 'ZZZ-1 = result.observed_at as dtm(second, in: "America/Chicago", offset: no) optional'
    assert zzz(rule, result={"observed_at": "2026-03-02T14:04-06:00"}) == ["ZZZ|202603021404"]
    assert zzz(rule, result={"observed_at": "2026-03-02T14:04:05-06:00"}) == ["ZZZ|20260302140405"]
    assert zzz(rule, result={"observed_at": "2026-03-02T14:04:05.678-06:00"}) == ["ZZZ|20260302140405"]


def test_rule_9_zones_and_the_hour_that_happens_twice():
    rule = 'ZZZ-1 = result.observed_at as dtm(second, in: "America/Chicago", offset: {}, ambiguous: {}) optional'
    summer = {"observed_at": "2026-07-01T12:00:00Z"}
    assert zzz(rule.format("yes", "error"), result=summer) == ["ZZZ|20260701070000-0500"]
    twice = {"observed_at": "2026-11-01T07:30:00Z"}
    assert zzz(rule.format("yes", "error"), result=twice) == ["ZZZ|20261101013000-0600"]
    local = {"observed_at": "2026-11-01T01:30:00"}
    assert lab(f"{ZZZ}  {rule.format('yes', 'error')}\n", result=local).refused == ["invalid"]
    assert zzz(rule.format("yes", "earlier"), result=local) == ["ZZZ|20261101013000-0500"]
    assert zzz(rule.format("yes", "later"), result=local) == ["ZZZ|20261101013000-0600"]


def test_rule_9_matches_knows_only_patterns_that_take_linear_time():
    assert codes('ZZZ-1 = "x" when result.study matches "(a+)\\1"', "ZZZ-2 = result.study") == ("SW0333",)
    assert zzz('ZZZ-1 = "x" when result.study matches "[A-Z]+-[0-9]"', "ZZZ-2 = result.study") == ["ZZZ|x|ST-1"]
    evil = {"study": "a" * 5000 + "!"}
    assert zzz('ZZZ-1 = "x" when result.study matches "(a*)*b"', 'ZZZ-2 = "end"', result=evil) == ["ZZZ||end"]


SCRIPT = """
from tests.lang.laboratory import lab
from tests.lang.test_rules import BASE, NAMES
import hashlib
run = lab(BASE, declarations=NAMES)
print(hashlib.sha256(run.running.compiled("result").plan_bytes + run.data).hexdigest())
"""


def test_rule_9_the_same_plan_and_bytes_in_every_process_and_with_every_hash_seed():
    said = set()
    for seed in ("0", "1", "31337"):
        env = {
            **os.environ,
            "PYTHONHASHSEED": seed,
            "PYTHONPATH": f"{ROOT / 'engine'}{os.pathsep}{ROOT}",
            "TZ": f"UTC+{seed[:1]}",
        }
        said.add(
            subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, check=True, env=env, cwd=ROOT).stdout
        )
    assert len(said) == 1


# --- 10: everything is resolved before run time ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        ("ZZZ-1 = result.stduy", "SW0206"),
        ("ZZZ-1 = reslt.study", "SW0202"),
        ("ZZZ-1 = result.study via nowhere", "SW0202"),
        ("ZZZ-1 = result.study as nothing", "SW0202"),
        ("ZZZ-1 = org.site.lable", "SW0203"),
        ("ZZZ-1 = result.study.more", "SW0205"),
        ("ZZZ-1 = result.issued_at", "SW0318"),
    ],
)
def test_rule_10_what_a_mapping_names_must_be_there(rule: str, code: str):
    assert codes(rule, "ZZZ-2 = result.study") == (code,)


def test_rule_10_a_config_value_that_the_organisation_lacks_shows_both_files():
    run = lab(f"{ZZZ}  ZZZ-1 = org.site.label\n", org="site: {most: 3}\n")
    assert "SW0303" in run.codes
    assert "orgs/schema.yaml" in run.report
    assert "mappings/result.seg" in run.report


def test_rule_10_unknown_and_unused_keys_fail_too():
    run = lab(f"{ZZZ}  ZZZ-1 = result.study\n", org="site: {label: Here}\n")
    assert run.codes == ("SW0751",)
    run = lab(f"{ZZZ}  ZZZ-1 = org.site.label\n", org="site: {label: Here, lable: There}\n")
    assert any(code.startswith("SW07") for code in run.codes)
    assert "lable" in run.report


def test_rule_10_an_environment_may_differ_in_values_and_never_in_rules():
    rules = ("ZZZ-1 = org.environment.processing_id", "ZZZ-2 = result.study")
    assert zzz(*rules) == ["ZZZ|P|ST-1"]
    assert zzz(*rules, environment="test") == ["ZZZ|T|ST-1"]
    assert codes('ZZZ-1 = "x" when org.environment.processing_id is "T"', "ZZZ-2 = result.study") == ("SW0344",)


# --- 11: tables are typed at both ends -------------------------------------------------------------------------------


def test_rule_11_every_enum_value_has_an_outgoing_row_or_an_otherwise():
    short = 'table short: Kind -> text\n  heart_rate -> "HR"\n{}end\n'
    body = "for each m in result.measurements\n  segment ZZZ\n    ZZZ-1 = m.kind via short\nend\n"
    run = lab(body, declarations=short.format(""))
    assert run.codes == ("SW0613",)
    assert "qrs_axis" in run.report
    assert lab(body, declarations=short.format('  otherwise -> "?"\n')).segments == ["ZZZ|HR", "ZZZ|?"]
    where = body.replace("result.measurements\n", "result.measurements where m.kind is heart_rate\n")
    assert lab(where, declarations=short.format("")).segments == ["ZZZ|HR"]


def test_rule_11_a_new_enum_value_reaches_no_hospital_that_has_not_mapped_it():
    body = "for each m in result.measurements where m.kind in org.site.kinds\n  segment ZZZ\n    ZZZ-1 = m.kind via names\nend\n"
    org = "site: {kinds: [heart_rate, qrs_duration, qrs_axis]}\n"
    model = MODEL.replace("  qrs_axis\n", "  qrs_axis\n  p_axis\n")
    assert lab(body, declarations=NAMES, org=org, model=model).segments == ["ZZZ|HR", "ZZZ|QRS"]
    listed = "site: {kinds: [heart_rate, p_axis]}\n"
    assert lab(body, declarations=NAMES, org=listed, model=model).codes == ("SW0613",)
    assert lab(body, declarations=NAMES, org="site: {kinds: [heart_rat]}\n").codes == ("SW0750",)


def test_rule_11_targets_are_checked_against_the_hl7_table():
    wrong = 'table s: Status -> HL7 0085\n  final -> "F"\n  otherwise -> "Q"\nend\n'
    assert lab(f"{ZZZ}  ZZZ-1 = result.status via s\n", declarations=wrong).codes == ("SW0612",)
    keys = 'table s: Status -> text\n  finall -> "F"\n  otherwise -> "Q"\nend\n'
    assert lab(f"{ZZZ}  ZZZ-1 = result.status via s\n", declarations=keys).codes == ("SW0204",)


def test_rule_11_0123_and_0085_are_different_tables():
    body = "segment OBR\n  OBR-2 = order.placer_number required\n  OBR-4 = order.service required\n  OBR-25 = result.status via s\n"
    wrong = (
        'table s: Status -> text\n  preliminary -> "P"\n  final -> "F"\n  corrected -> "C"\n  withdrawn -> "W"\nend\n'
    )
    assert lab(body, declarations=wrong).codes == ("SW0612",)
    assert lab(body, declarations=wrong.replace('"W"', '"X"')).codes == ()


# --- 12: every deviation is named ------------------------------------------------------------------------------------


DG1 = 'segment DG1\n  DG1-1 = "1"\n  DG1-3 = result.study\n  DG1-6 = "F"\n'


def test_rule_12_a_deviation_from_the_standard_is_an_error_until_it_is_allowed_with_a_reason():
    obr = "segment OBR\n  OBR-4 = order.service required\n"
    assert lab(obr + DG1).codes == ("SW0403",)
    assert lab(obr + DG1 + 'allow SW0403 on DG1\n  because "agreed"\n').segments[-1] == "DG1|1||ST-1|||F"
    assert lab(obr + DG1 + "allow SW0403 on DG1\n").codes != ()


def test_rule_12_an_unused_allow_is_an_error():
    obr = "segment OBR\n  OBR-4 = order.service required\n"
    assert lab(obr + 'allow SW0403 on DG1\n  because "agreed"\n').codes == ("SW0412",)


def test_rule_12_an_overlay_may_allow_for_one_hospital():
    obr = "segment OBR\n  OBR-4 = order.service required\n"
    add = 'for reason "agreed"\nadd segment DG1 after OBR\n  DG1-1 = "1"\n  DG1-3 = result.study\n  DG1-6 = "F"\nend\n'
    assert lab(obr, add).codes == ("SW0403",)
    assert lab(obr, add + 'allow SW0403 on DG1\n  because "agreed"\n').segments[-1] == "DG1|1||ST-1|||F"


# --- 13: errors are the product --------------------------------------------------------------------------------------


def test_rule_13_all_errors_of_all_files_come_in_one_run():
    files = {"orgs/clinic/order.seg": f"overlay order\nremove patient.nme {B}\n"}
    run = lab(
        f'{ZZZ}  ZZZ-1 = result.stduy\n  ZZZ-2 = result.comment\n  ZZZ-3 = "x" when\n',
        declarations='table t: Kind -> text\n  hart_rate -> "x"\n',
        org="site: {label: x}\n",
        files=files,
    )
    shown = {line.split(" --> ")[1].split(":")[0] for line in run.report.splitlines() if " --> " in line}
    assert shown >= {"mappings/result.seg", "mappings/shared.seg", "orgs/clinic/order.seg"}
    assert len(run.codes) >= 5


def test_rule_13_a_wrong_key_of_org_yaml_hides_nothing():
    run = lab(f"{ZZZ}  ZZZ-1 = result.stduy\n", org="site: {labl: x}\n")
    assert {"SW0720", "SW0206"} <= set(run.codes)


def test_rule_3_what_inherits_a_component_keeps_its_duty():
    overlay = f"override ZZ2-1[two].1 = inherited as upper {B}\n"
    order = (*ORDER[:4], "OBR|1|A1^EHR|F1^LAB|ECG||||||||||||^STONE")
    base = lab(BASE, declarations=NAMES, order=order)
    assert base.refused == ["missing"]
    assert lab(BASE, overlay, declarations=NAMES, order=order).refused == ["missing"]
    for value in ('"x{inherited}"', '"{inherited}x"', "inherited as text(max: 1, over: cut)"):
        made = lab(BASE, f"override ZZ2-1[two].1 = {value} {B}\n", declarations=NAMES, order=order)
        assert made.refused == ["missing"], value
    replaced = f'override ZZ2-1[two].1 = "x{{inherited}}" else "none" {B}\n'
    assert changed(replaced, order=order)[-1] == "ZZ2|ST-1~none^STONE^^^^^^^LOCAL"
    assert changed(replaced)[-1] == "ZZ2|ST-1~xL7^STONE^^^^^^^LOCAL"


def test_rule_3_a_condition_may_ask_for_the_component_below():
    overlay = f'override ZZ2-1[two].1 = "seven" when inherited is present and inherited is "L7"\n  = inherited otherwise\n  {B}\n'
    assert changed(overlay)[-1] == "ZZ2|ST-1~seven^STONE^^^^^^^LOCAL"
    other = (*ORDER[:4], "OBR|1|A1^EHR|F1^LAB|ECG||||||||||||L8^STONE")
    assert changed(overlay, order=other)[-1] == "ZZ2|ST-1~L8^STONE^^^^^^^LOCAL"


def test_rule_13_an_error_has_code_place_carets_the_nearest_name_and_help():
    run = lab(f"{ZZZ}  ZZZ-1 = result.stduy\n")
    assert run.report.startswith("error[SW0206]")
    assert "mappings/result.seg:" in run.report
    assert "^^^^" in run.report
    assert "`study`" in run.report
    assert "= help:" in run.report


def test_rule_13_no_token_name_ever_reaches_a_person():
    from segwright.core.render import render_text
    from segwright.core.source import Source
    from segwright.lang.parse import parse

    for line in (
        "segment ZZZ when",
        "  ZZZ-1 = =",
        "for each x result.y",
        "override",
        "table t Kind -> text",
        "allow on DG1",
        "use (",
        'ZZZ-1 = "x',
        "mapping a writes",
    ):
        source = Source("a.seg", f"mapping a writes ORU^R01 from result: Result\n{line}\n")
        _, problems = parse(source)
        said = render_text(problems, {"a.seg": source})
        assert problems, line
        for word in ("SEG", "PATH", "DOTTED", "STRING", "NAME", "_NL", "$END", "LABEL"):
            assert word not in said, (line, said)


def test_rule_13_one_mistake_is_told_once():
    run = lab(
        "for each m in result.measuremnts\n  segment ZZZ\n    ZZZ-1 = m.kind via names\n    ZZZ-2 = m.value\nend\n",
        declarations=NAMES,
    )
    assert run.codes == ("SW0206",)
