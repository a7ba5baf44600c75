"""Every element of the language (shared/design/language.md, section 3), each with the bytes it writes."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tests.lang.laboratory import MODEL, ORDER, READING, lab

B = 'because "a test"'
NAMES = """\
table names: Kind -> code: CWE, unit: text, places: integer, rank: integer
  heart_rate   -> "8867-4" ^ "Heart rate" ^ "LN", "/min", 0, 2
  qrs_duration -> "8633-0" ^ "QRS" ^ "LN",        "ms",   1, 1
  qrs_axis     -> "8632-2",                       "deg",  0, 3
end
"""
run = lab


def zzz(*rules: str, **more: Any) -> list[str]:
    return run("segment ZZZ\n" + "".join(f"  {rule}\n" for rule in rules), **more).segments


MEASURED = "for each m in result.measurements{clauses}\n  segment ZOB\n    ZOB-1 = {value}\nend\n"


def measured(value: str, clauses: str = "", **more: Any) -> list[str]:
    more.setdefault("declarations", NAMES)
    return [s.removeprefix("ZOB|") for s in run(MEASURED.format(value=value, clauses=clauses), **more).segments]


# --- values ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ('result.study as unpad(with: "S")', "T-1"),
        ('result.study as trim as collapse as plain', "ST-1"),
        ('"(412)555-1212" as phone_part(part: local)', "5551212"),
        ('"text"', "text"),
        ('"say ""yes"""', 'say "yes"'),
        ('"no \\ escapes"', "no \\E\\ escapes"),
        ("12", "12"),
        ("12.50", "12.50"),
        ("-3", "-3"),
        ('"{result.study} of {result.version}"', "ST-1 of 3"),
        ('"{result.study as lower}!"', "st-1!"),
        ("result.study as lower as upper as text(max: 2, over: cut)", "ST"),
        ("result.study ^ result.version ^ \"c\"", "ST-1^3^c"),
        ("result.study ^ (\"a\" ^ \"b\")", "ST-1^a&b"),
        ("result.comment else (\"333\" ^ \"Unknown\")", "333^Unknown"),
        ("result.comment else result.note else \"c\" as upper", "C"),
        ("result.urgent as yes_no", "Y"),
        ("result.issued_at as dtm", "20260302140409"),
        ("result.issued_at as dtm(minute)", "202603021404"),
        ("result.issued_at as dtm(day)", "20260302"),
        ('result.issued_at as dtm(second, in: "UTC", offset: yes)', "20260302200409+0000"),
        ("result.issued_at as date", "20260302"),
        ("result.issued_at as time(minute)", "1404"),
        ("result.version as integer", "3"),
        ("result.version as number(places: 2)", "3.00"),
        ('result.study as pad(width: 6, with: "0")', "00ST-1"),
        ('result.study as check_digit(scheme: "M10") on invalid "-"', "-"),
        ("length(result.study)", "4"),
        ('join(", ", result.comments) else "-"', "first, second"),
        ("first c in result.comments where c is not \"first\" else \"none\"", "second"),
        ("patient.birth_date as date else \"?\"", "19800102"),
        ("message.control_id", "C1"),
        ("count ZZZ", "1"),
    ],
)  # fmt: skip
def test_a_value_is_written_as(value: str, written: str):
    assert zzz(f"ZZZ-1 = {value}", "ZZZ-9 = result.study") == [f"ZZZ|{written}||||||||ST-1"]


def test_quantities_are_converted_by_their_unit_or_refused():
    assert measured("m.value as number(places: 1, unit: m.kind via names.unit)") == ["84.0", "96.5"]
    assert measured('m.value as number(places: 0, unit: "ms")', " where m.kind is qrs_duration") == ["97"]
    text = MEASURED.format(value='m.value as number(places: 0, unit: "ms")', clauses="")
    assert run(text, declarations=NAMES).refused == ["invalid"]
    assert measured("unit_of(m.value)") == ["/min", "s"]
    assert measured("value_of(m.value) as number(places: 1)") == ["84.0", "0.1"]
    assert measured('comparator(m.value) else "="') == ["=", "="]
    below = {"measurements": [{"kind": "heart_rate", "value": {"value": 5, "unit": "/min", "comparator": "<"}}]}
    assert measured('comparator(m.value) else "="', result=below) == ["<"]


def test_text_helpers_lines_chunks_and_join():
    comment = {"comment": "one two three"}
    rule = "ZZZ-1 = lines(result.comment, width: 7) optional"
    assert zzz(rule, result=comment) == ["ZZZ|one two~three"]
    assert zzz("ZZZ-1 = chunks(result.comment, size: 5) optional", result=comment) == ["ZZZ|one t~wo th~ree"]
    assert zzz('ZZZ-1 = join("-", result.study, result.version) optional') == ["ZZZ|ST-1-3"]
    document = base64.b64encode(b"%PDF").decode()
    assert zzz("ZZZ-1 = result.study as base64", result={"study": document}) == [f"ZZZ|{document}"]
    assert run("segment ZZZ\n  ZZZ-1 = result.study as base64\n", result={"study": "-"}).refused == ["invalid"]


# --- segments and echoes ---------------------------------------------------------------------------------------------


def test_segments_of_one_name_carry_labels():
    both = "segment ZZZ one\n  ZZZ-1 = result.study\nsegment ZZZ two\n  ZZZ-1 = result.version\n"
    assert run(both).segments == ["ZZZ|ST-1", "ZZZ|3"]
    assert run(both, f'override two ZZZ-1 = "x{{result.study}}" {B}\n').segments == ["ZZZ|ST-1", "ZZZ|xST-1"]
    assert run(both.replace(" two", "").replace(" one", "")).codes == ("SW0210",)
    assert run(both, f'override ZZZ-1 = "x" {B}\n').codes == ("SW0502",)


def test_an_optional_segment_is_sent_only_if_an_input_wrote_something():
    body = 'segment ZZZ optional\n  ZZZ-1 = "1"\n  ZZZ-2 = result.comment optional\n  ZZZ-3 = count ZZZ\nsegment ZZ2\n  ZZ2-1 = count ZZZ\n  ZZ2-2 = result.study\n'
    assert run(body).segments == ["ZZ2|0|ST-1"]
    assert run(body, result={"comment": "c"}).segments == ["ZZZ|1|c|1", "ZZ2|1|ST-1"]


def test_a_segment_when():
    body = "segment ZZZ when result.urgent\n  ZZZ-1 = result.study\n"
    assert run(body).segments == ["ZZZ|ST-1"]
    assert run(body, result={"urgent": False}).segments == []
    base = "segment ZZZ\n  ZZZ-1 = result.study\n"
    overlay = f"override segment ZZZ when result.version is above 5 {B}\n"
    assert run(base, overlay).segments == []
    assert run(base, overlay, result={"version": 6}).segments == ["ZZZ|ST-1"]
    label = "segment ZZZ one\n  ZZZ-1 = result.study\n"
    assert run(label, f"override segment one when result.version is above 5 {B}\n").segments == []


def test_echoed_segments_go_back_as_they_came_and_inherited_is_their_field():
    assert run("segment ZXX from order.received optional\n").segments == ["ZXX|1|free|"]
    two = (*ORDER, "ZXX|2|^^a\\T\\b")
    assert run("segment ZXX from order.received optional\n", order=two).segments == ["ZXX|1|free|", "ZXX|2|^^a\\T\\b"]
    assert run("segment ZXX from order.received optional\n", order=ORDER[:-1]).segments == []
    rules = 'segment ZXX from order.received optional\n  ZXX-2 = inherited else "new"\n  ZXX-4 = "4"\n'
    assert run(rules, order=(*ORDER[:-1], "ZXX|1||x")).segments == ["ZXX|1|new|x|4"]
    assert run("segment ZIN from order.received\n").codes != ()


def test_an_echoed_segment_may_be_added_for_one_hospital():
    overlay = f"add segment ZXX from order.received optional after ZZZ {B}\n"
    assert run("segment ZZZ\n  ZZZ-1 = result.study\n", overlay).segments == ["ZZZ|ST-1", "ZXX|1|free|"]


# --- lists -----------------------------------------------------------------------------------------------------------


def test_each_gives_the_repetitions_of_a_field():
    assert zzz("ZZZ-1 = each c in result.comments optional") == ["ZZZ|first~second"]
    assert zzz('ZZZ-1 = each c in result.comments where c is not "first" as upper optional') == ["ZZZ|SECOND"]
    assert zzz("ZZZ-1 = each i in patient.identifiers as identifier required") == ["ZZZ|1001^^^CITY^MR~S-9^^^^SS"]
    by = "ZZZ-1 = each i in patient.identifiers ordered by i.id as identifier required"
    assert zzz(by, order=(*ORDER[:1], "PID|||2~1||G", *ORDER[2:])) == ["ZZZ|1~2"]
    assert zzz("ZZZ-1 = result.comments optional") == ["ZZZ|first~second"]


def test_first_gives_one():
    assert zzz(
        'ZZZ-1 = first i in patient.identifiers where i.type is present and i.type is "SS" as identifier optional'
    ) == ["ZZZ|S-9^^^^SS"]
    assert zzz(
        'ZZZ-1 = first i in patient.identifiers where i.id is "none" as identifier optional', "ZZZ-2 = result.study"
    ) == ["ZZZ||ST-1"]


def test_named_repetitions_go_out_in_line_order_and_missing_ones_close_up():
    rules = ("ZZZ-1[a] = result.comment optional", "ZZZ-1[b] = result.study", "ZZZ-1[c] = result.version")
    assert zzz(*rules) == ["ZZZ|ST-1~3"]
    assert zzz(*rules, result={"comment": "x"}) == ["ZZZ|x~ST-1~3"]
    body = "segment ZZZ\n" + "".join(f"  {r}\n" for r in rules)
    assert run(body, f'add ZZZ-1[n] = "n" before [b] {B}\n').segments == ["ZZZ|n~ST-1~3"]
    assert run(body, f'add ZZZ-1[n] = "n" after [b] {B}\n').segments == ["ZZZ|ST-1~n~3"]
    assert run(body, f"remove ZZZ-1[b] {B}\n").segments == ["ZZZ|3"]
    assert run(body, f'add ZZZ-1[n] = "n" after [x] {B}\n').codes == ("SW0511",)


# --- conditions ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ('result.study is "ST-1"', True), ('result.study is not "ST-1"', False),
        ("result.status is final", True), ("result.status in [final, corrected]", True),
        ("result.status not in [final, corrected]", False), ('result.study in ["a", "ST-1"]', True),
        ("result.comment is present", False), ("result.comment is missing", True), ("order.filler_number is null", False),
        ("result.version is above 2", True), ("result.version is below 3", False), ("result.version is at least 3", True),
        ("result.version is at most 2", False), ("result.version is between 3 and 5", True), ("result.version is between 4 and 5", False),
        ('result.study matches "ST-[0-9]+"', True), ('result.study matches "ST"', False),
        ("result.urgent", True), ("not result.urgent", False),
        ("result.urgent and result.version is above 5", False), ("result.urgent or result.version is above 5", True),
        ("not (result.urgent and result.version is above 5)", True),
        ("patient.birth_date is present and age(patient.birth_date, at: result.issued_at) is at least 46", True),
        ("patient.birth_date is present and age(patient.birth_date, at: result.issued_at) is above 46", False),
        ('npi_valid("1999000015")', True), ('npi_valid("1999000016")', False),
        ('count ZZZ is 1', True),
        ("patient.sex is present and patient.sex is female", True),
    ],
)  # fmt: skip
def test_a_condition_holds_or_does_not(condition: str, holds: bool):
    assert zzz(f'ZZZ-1 = "yes" when {condition}\n        = "no" otherwise', "ZZZ-2 = result.study") == [
        f"ZZZ|{'yes' if holds else 'no'}|ST-1"
    ]


def test_null_is_seen_by_is_null():
    order = (*ORDER[:3], 'ORC|NW|A1^EHR|""', *ORDER[4:])
    rule = 'ZZZ-1 = "null" when order.filler_number is null\n        = "other" otherwise'
    assert zzz(rule, "ZZZ-2 = result.study", order=order) == ["ZZZ|null|ST-1"]


def test_quantities_compare_by_their_unit():
    value = '"slow" when m.value is above quantity_of(90, unit: "ms")\n      = "quick" otherwise'
    assert measured(value, " where m.kind is qrs_duration") == ["slow"]
    assert run(MEASURED.format(value='"x" when m.value is above 90', clauses="")).codes == ("SW0331",)
    other = MEASURED.format(
        value='"x" when m.value is above quantity_of(9, unit: "ms")\n      = "y" otherwise', clauses=""
    )
    assert run(other).refused == ["incomparable"]


def test_changed_asks_what_this_destination_last_accepted():
    rule = ('ZZZ-1 = "changed" when result.study is changed\n        = "same" otherwise', "ZZZ-2 = result.study")
    assert zzz(*rule) == ["ZZZ|same|ST-1"]
    assert zzz(*rule, previous={"study": "ST-0"}) == ["ZZZ|changed|ST-1"]
    assert zzz(*rule, previous={}) == ["ZZZ|same|ST-1"]
    value = '"C" when m is changed\n      = "-" otherwise'
    before = {"measurements": [{"kind": "heart_rate", "value": {"value": 84, "unit": "/min"}, "flag": "N"}]}
    assert measured(value, previous=before) == ["-", "C"]


def test_position_knows_the_first_and_the_last_turn():
    value = '"first" when position is first\n      = "last" when position is last\n      = position otherwise'
    three = {"measurements": [{"kind": "heart_rate", "value": {"value": n, "unit": "/min"}} for n in (1, 2, 3)]}
    assert measured(value, result=three) == ["first", "2", "last"]


# --- loops and counts ------------------------------------------------------------------------------------------------


def test_loops_select_sort_and_limit():
    value = "m.kind via names.rank"
    assert measured(value) == ["2", "1"]
    assert measured(value, " ordered by names.rank(m.kind)") == ["1", "2"]
    assert measured(value, " where m.kind is heart_rate") == ["2"]
    assert measured(value, " first 1") == ["2"]
    assert measured(value, " at most 2") == ["2", "1"]
    text = MEASURED.format(value=value, clauses=" at most org.site.most")
    assert run(text, declarations=NAMES, org="site: {most: 1}\n").refused == ["too_many"]


def test_loops_stand_inside_loops():
    body = "for each m in result.measurements\n  segment ZOB\n    ZOB-1 = position\n  for each c in result.comments\n    segment ZNT\n      ZNT-1 = c\n      ZNT-2 = position\n  end\nend\n"
    assert run(body).segments == ["ZOB|1", "ZNT|first|1", "ZNT|second|2", "ZOB|2", "ZNT|first|1", "ZNT|second|2"]


def test_overlays_change_the_selection_of_a_loop():
    body = MEASURED.format(value="m.kind via names.rank", clauses=" where m.kind is not qrs_axis named all_of_them")
    three = {
        "measurements": [
            {"kind": k, "value": {"value": 1, "unit": "1"}} for k in ("qrs_axis", "heart_rate", "qrs_duration")
        ]
    }

    def under(overlay: str) -> list[str]:
        return [
            s[4:]
            for s in run(body, f"override loop all_of_them {overlay} {B}\n", declarations=NAMES, result=three).segments
        ]

    assert under("where inherited and m.kind is not heart_rate") == ["1"]
    assert under("where m.kind is not heart_rate") == ["3", "1"]
    assert under("ordered by names.rank(m.kind)") == ["1", "2"]
    assert under("first 1") == ["2"]
    assert under("at most 5") == ["2", "1"]


COUNTS = "for each m in result.measurements\n  segment ZBR\n    ZBR-1 = m.kind via names.rank\n  for each c in result.comments\n    segment ZNT\n      ZNT-1 = {}\n      ZNT-2 = c\n  end\nend\n"


@pytest.mark.parametrize(
    ("count", "numbers"),
    [
        ("count ZNT", "1234"), ("count ZNT since ZBR", "1212"), ("count ZNT from 3", "3456"), ("count ZNT since ZBR from 0", "0101"),
        ("count ZBR", "1122"),
    ],
)  # fmt: skip
def test_counts_run_on_or_start_again(count: str, numbers: str):
    segments = run(COUNTS.format(count), declarations=NAMES).segments
    assert "".join(s.split("|")[1] for s in segments if s.startswith("ZNT")) == numbers


# --- parts and lets --------------------------------------------------------------------------------------------------


PART = "part one(what: text, d: optional Diagnosis, urgent: boolean)\n  segment ZPT\n    ZPT-1 = what\n    ZPT-2 = d.code optional\n    ZPT-3 = urgent as yes_no\nend\n"


def test_parts_take_typed_parameters_and_capture_nothing():
    use = 'use one(what: "x", urgent: result.urgent)\nuse one(result.study, urgent: result.urgent)\n'
    assert run(use, declarations=PART).segments == ["ZPT|x||Y", "ZPT|ST-1||Y"]
    loop = "for each d in result.diagnoses\n  use one(result.study, d, result.urgent)\nend\n"
    assert run(loop, declarations=PART).segments == ["ZPT|ST-1|R002|Y", "ZPT|ST-1|I480|Y"]
    assert run("use one(what: result.version, urgent: result.urgent)\n", declarations=PART).codes == ("SW0216",)
    assert "SW0213" in run('use one(what: "x")\n', declarations=PART).codes
    captured = PART.replace("ZPT-1 = what", "ZPT-1 = result.study")
    assert "SW0202" in run(use, declarations=captured).codes


def test_an_overlay_changes_a_part_wherever_it_is_used():
    use = 'use one(what: "x", urgent: result.urgent)\nuse one(result.study, urgent: result.urgent)\n'
    overlay = f'override part one\n  override ZPT-1 = "p"\n  add ZPT-5 = what\nend {B}\n'
    assert run(use, overlay, declarations=PART).segments == ["ZPT|p||Y||x", "ZPT|p||Y||ST-1"]


def test_let_names_a_value():
    body = (
        'let s = result.comment else "none"\nsegment ZZZ\n  let t = result.study as lower\n  ZZZ-1 = s\n  ZZZ-2 = t\n'
    )
    assert run(body).segments == ["ZZZ|none|st-1"]
    clash = "let result = result.study\nsegment ZZZ\n  ZZZ-1 = result\n"
    assert run(clash).codes[0] == "SW0214"


def test_a_let_that_stands_below_is_shown():
    body = "let n = result.study\nfor each m in result.measurements\n  segment ZOB\n    ZOB-1 = n\n    ZOB-2 = m.flag optional\nend\n"
    head = "segment ZZ1\n  ZZ1-1 = result.version\n"
    loop = body.partition("\n")[2]
    # A let directly behind a segment is the segment's own, so another loop stands before it.
    first = "for each c in result.comments\n  segment ZZ2\n    ZZ2-1 = c\nend\n"
    assert [s[:3] for s in run(head + first + body).segments] == ["ZZ1", "ZZ2", "ZZ2", "ZOB", "ZOB"]
    moved = run(head + first + body, f"move loop measurements before ZZ1 {B}\n")
    assert moved.codes == ("SW0202",)
    assert "`n` is named further down" in moved.report
    assert "let n = result.study" in moved.report
    assert "named further down" in run(head + loop + "let n = result.study\n").report


def test_constants_by_let_make_no_repetition_either():
    body = 'let system = "L"\nsegment ZZZ\n  ZZZ-1.1 = result.comment optional\n  ZZZ-1.3 = system\n  ZZZ-2 = result.study\n'
    assert run(body).segments == ["ZZZ||ST-1"]


# --- formats ---------------------------------------------------------------------------------------------------------


WHO = 'format who(p: Provider) as XCN\n  .1   = p.npi else p.id optional\n  .2.1 = p.family\n  .3   = p.given optional\n  .9.1 = "A" when p.npi is present\n       = "B" otherwise\nend\n'


def test_declared_formats_write_components():
    rule = "ZZZ-1 = order.provider as who optional"
    assert zzz(rule, declarations=WHO) == ["ZZZ|L7^STONE^AVA^^^^^^B"]
    assert zzz("ZZZ-1 = each p in order.providers as who optional when order is present", declarations=WHO) == [
        "ZZZ|L7^STONE^AVA^^^^^^B~1999000015^REED^IDA^^^^^^A"
    ]
    overlay = f'override format who\n  .9.1 = "N"\n  add .13 = "X"\n  remove .3\nend {B}\n'
    assert run(f"segment ZZZ\n  {rule}\n", overlay, declarations=WHO).segments == ["ZZZ|L7^STONE^^^^^^^N^^^^X"]


def test_declared_formats_read_and_decide():
    read = run("segment ZZZ\n  ZZZ-1 = result.study\n").orders.orders[0]
    records = dict(
        zip(
            [a.name for a in run("segment ZZZ\n  ZZZ-1 = result.study\n").running.model.records["Order"].attributes],
            read,
            strict=True,
        )
    )
    assert records["providers"] == ((None, "L7", "STONE", "AVA"), ("1999000015", None, "REED", "IDA"))
    assert records["diagnoses"] == (("R00.2", "Palpitations"),)


def test_a_writing_format_reads_when_every_line_leads_back():
    assert "identifier" in READING
    made = run("segment ZZZ\n  ZZZ-1 = result.study\n")
    assert made.orders.patient is not None
    assert made.orders.patient[1] == (("1001", "CITY", "MR"), ("S-9", None, "SS"))
    lossy = "format lossy(i: Identifier) as CX\n  .1 = i.id as upper\nend\n"
    reading = READING.replace("as identifier", "as lossy")
    broken = run("segment ZZZ\n  ZZZ-1 = result.study\n", declarations=lossy, reading=reading)
    assert "SW0806" in broken.codes or broken.codes[0].startswith("SW08")
    assert "i.id as upper" in broken.report


# --- tables ----------------------------------------------------------------------------------------------------------


def test_tables_have_columns_and_composites():
    assert measured("m.kind via names") == ["8867-4^Heart rate^LN", "8633-0^QRS^LN"]
    assert measured("m.kind via names.unit") == ["/min", "ms"]
    assert measured("names.code(m.kind)") == ["8867-4^Heart rate^LN", "8633-0^QRS^LN"]


def test_tables_have_up_to_three_keys():
    table = 'table r: Kind, Sex, text -> low: integer, high: integer\n  heart_rate, female, "a" -> 1, 2\n  heart_rate, male, "a" -> 3, 4\n  otherwise -> 8, 9\nend\n'
    value = 'r.high(m.kind, patient.sex, "a") when patient.sex is present\n      = "?" otherwise'
    assert measured(value, declarations=table) == ["2", "9"]
    assert run(MEASURED.format(value="r.high(m.kind)", clauses=""), declarations=table).codes == ("SW0601",)


def test_table_results_blank_same_error_and_otherwise():
    table = (
        'table t: text -> text\n  "a" -> "A"\n  "b" -> blank\n  "c" -> same\n  "d" -> error\n  otherwise -> same\nend\n'
    )
    rule = ("ZZZ-1 = result.study via t optional", 'ZZZ-2 = "-"')
    for study, written in (("a", "A"), ("b", ""), ("c", "c"), ("zzz", "zzz")):
        assert zzz(*rule, declarations=table, result={"study": study}) == [f"ZZZ|{written}|-"], study
    assert run("segment ZZZ\n  " + "\n  ".join(rule) + "\n", declarations=table, result={"study": "d"}).refused == [
        "error_row"
    ]


def test_arrows_say_which_way_a_row_is_used():
    table = 'table t: Status -> text\n  preliminary <-> "P"\n  final -> "F"\n  corrected <- "C"\n  corrected -> "K"\n  withdrawn <-> "W"\nend\n'
    assert zzz("ZZZ-1 = result.status via t", declarations=table, result={"status": "corrected"}) == ["ZZZ|K"]
    back = "ZZZ-1 = result.study via t via t"
    assert zzz(back, declarations=table, result={"study": "C"}) == ["ZZZ|K"]
    assert run(f"segment ZZZ\n  {back}\n", declarations=table, result={"study": "F"}).refused == ["unmapped"]


def test_tables_come_from_csv_of_the_base_or_of_the_organisation():
    table = 'table t: text -> name: text, rank: integer from "t.csv"\n'
    files = {"mappings/t.csv": "key,name,rank\nST-1,base,7\n"}
    assert zzz(
        "ZZZ-1 = result.study via t.name", "ZZZ-2 = result.study via t.rank", declarations=table, files=files
    ) == ["ZZZ|base|7"]
    own = 'table t: text -> name: text, rank: integer from org "t.csv"\n'
    files = {"orgs/clinic/t.csv": "key,name,rank\nST-1,own,8\n"}
    assert zzz("ZZZ-1 = result.study via t.name", declarations=own, files=files) == ["ZZZ|own"]


def test_formatted_text_goes_over_a_list():
    comments = {"comments": ["a\nb", "c\\d"]}
    for value in ("each c in result.comments as ft", "result.comments as ft"):
        assert zzz(f"ZZZ-1 = {value} optional", "ZZZ-2 = result.study", result=comments) == [
            "ZZZ|a\\.br\\b~c\\E\\d|ST-1"
        ]


def test_an_overlay_changes_rows():
    table = (
        'table t: Status -> text\n  preliminary -> "P"\n  final -> "F"\n  corrected -> "C"\n  otherwise -> "?"\nend\n'
    )
    body = "segment ZZZ\n  ZZZ-1 = result.status via t\n"

    def under(rows: str, status: str = "final") -> list[str]:
        return run(body, f"override table t\n{rows}end {B}\n", declarations=table, result={"status": status}).segments

    assert under('  final -> "f"\n') == ["ZZZ|f"]
    assert under('  add withdrawn -> "X"\n', "withdrawn") == ["ZZZ|X"]
    assert under("  remove corrected\n", "corrected") == ["ZZZ|?"]
    assert under('  otherwise -> "!"\n', "withdrawn") == ["ZZZ|!"]


# --- narrative texts -------------------------------------------------------------------------------------------------


REPORT = "text report(r: Result)\n{% for m in r.measurements %}\n{{ m.kind }} {{ m.value | number(places: 1) }}\n{% endfor %}\n{% if r.comment is present %}\nNote: {{ r.comment }}\n{% endif %}\nend\n"


def test_texts_are_rendered_into_lines():
    report = "text report(r: Result)\n{% for c in r.comments %}\n- {{ c | upper }}\n{% endfor %}\n{% if r.comment is present %}\nNote: {{ r.comment }}\n{% endif %}\nend of {{ r.study }}\nend\n"
    body = "for each line in lines(text report(result), width: 20) named lines_of_it\n  segment ZNT\n    ZNT-1 = position\n    ZNT-2 = line\nend\n"
    assert run(body, declarations=report).segments == ["ZNT|1|- FIRST", "ZNT|2|- SECOND", "ZNT|3|end of ST-1"]
    hostile = run(body, declarations=report, result={"comment": "a|b {{ x }}"})
    assert hostile.segments[2:] == ["ZNT|3|Note: a\\F\\b {{ x }}", "ZNT|4|end of ST-1"]
    overlay = f"override text report\n  {{{{ r.study }}}} only\nend {B}\n"
    assert run(body, overlay, declarations=report).segments == ["ZNT|1|ST-1 only"]


@pytest.mark.parametrize(
    ("lines", "written"),
    [
        ("{{ r.study }}{% if r.status is final %}, final{% endif %}\nis it.", "ST-1, final\\.br\\is it."),
        ("{{ r.study }}{% if r.status is corrected %}, x{% endif %}\nis it.", "ST-1\\.br\\is it."),
        ("a\n{% if r.status is final %}\n\nb\n{% endif %}\nc", "a\\.br\\\\.br\\b\\.br\\c"),
        (
            "a\n  {% if r.status is final %}  {# said #} \nb\n {% endif %}{% if r.urgent %}{% endif %}\nc",
            "a\\.br\\b\\.br\\c",
        ),
        ("a\n  {% if r.status is final %}b{% endif %}\nc", "a\\.br\\  b\\.br\\c"),
        ('a{% if r.study is present %} "%}" {{ "%}" }}{% endif %}\nb', 'a "%}" %}\\.br\\b'),
        ("{% for c in r.comments %}{{ c }};{% endfor %}\nb", "first;second;\\.br\\b"),
    ],
)
def test_a_line_of_nothing_but_tags_leaves_nothing_and_every_other_keeps_its_end(lines: str, written: str):
    report = f"text report(r: Result)\n{lines}\nend\n"
    assert zzz('ZZZ-1 = text report(result) as ft else "none"', declarations=report) == [f"ZZZ|{written}"]


def test_formatted_text_has_its_own_line_ends():
    report = "text report(r: Result)\nfirst & {{ r.study }}\nsecond\nend\n"
    assert zzz('ZZZ-1 = text report(result) as ft else "none"', declarations=report) == [
        "ZZZ|first \\T\\ ST-1\\.br\\second"
    ]


FT = "result.study as ft"


@pytest.mark.parametrize(
    ("rule", "written"),
    [
        (f'"none" when result.study is "x"\n    = {FT} otherwise', "a\\.br\\b"),
        (f'"none" when result.study is "x"\n    = {FT} as upper otherwise', "A\\.br\\B"),
        (f"{FT} as trim", "a\\.br\\b"),
        (f'"x {{{FT}}}"', "x a\\.br\\b"),
        (f'join(" ", {FT}, "c") optional', "a\\.br\\b c"),
        (f'join(" ", "c", {FT}) optional', "c a\\.br\\b"),
        (f"result.note else ({FT})", "a\\.br\\b"),
        ("made", "a\\.br\\b"),
        ('"x" when result.study is "x"\n    = made as upper otherwise', "A\\.br\\B"),
    ],
)
def test_formatted_text_stays_formatted_whatever_is_made_of_it(rule: str, written: str):
    body = f"let made = {FT}\nsegment ZZZ\n  ZZZ-1 = {rule}\n"
    assert run(body, result={"study": "a\nb"}).segments == [f"ZZZ|{written}"]


def test_each_element_of_a_list_can_be_formatted_text():
    comments = {"comments": ["a\nb", "c"]}
    for rule in ("each c in result.comments as ft optional", "first c in result.comments as ft optional"):
        (written,) = run(f"segment ZZZ\n  ZZZ-1 = {rule}\n", result=comments).segments
        assert written.startswith("ZZZ|a\\.br\\b")


def test_each_alternative_is_formatted_as_it_says_itself():
    for first, other, written in (
        ("result.study", FT, "a\\X0A\\b"), (FT, "result.study", "a\\.br\\b"),
    ):  # fmt: skip
        rule = f"{first} when result.status is final\n    = {other} otherwise"
        body = f"segment ZZZ\n  ZZZ-1 = {rule}\n"
        assert run(body, result={"study": "a\nb"}).segments == [f"ZZZ|{written}"]
        assert run(body.replace("is final", "is corrected"), result={"study": "a\nb"}).segments != [f"ZZZ|{written}"]


def test_an_override_of_a_formatted_component_keeps_it_formatted():
    body = f"segment ZZZ\n  ZZZ-1 = {FT} ^ result.version\n"
    overlay = f"override ZZZ-1.1 = inherited as upper\n  {B}\n"
    assert run(body, overlay, result={"study": "a\nb"}).segments == ["ZZZ|A\\.br\\B^3"]


# --- checks and rejects ----------------------------------------------------------------------------------------------


def test_a_check_stops_the_message_with_its_sentence():
    body = 'check young that result.version is below 9 else "too many versions"\nsegment ZZZ\n  ZZZ-1 = result.study\n'
    assert run(body).segments == ["ZZZ|ST-1"]
    made = run(body, result={"version": 9})
    assert made.refused == ["check"]
    assert made.traced.problems[0].facts == {"name": "young", "saying": "too many versions"}
    assert run(body, f"remove check young {B}\n", result={"version": 9}).segments == ["ZZZ|ST-1"]
    added = f'add check never that result.version is above 99 else "never" {B}\n'
    assert run("segment ZZZ\n  ZZZ-1 = result.study\n", added).refused == ["check"]


def test_a_reject_answers_the_order():
    reading = READING + 'reject AE form when not patient.mrn matches "[A-Z]+"\n  saying "the number has another form"\n'
    made = run("segment ZZZ\n  ZZZ-1 = result.study\n", reading=reading)
    assert made.rejected == [("AE", "rejected", "form")]
    fine = (ORDER[0], "PID|||ABC||G", *ORDER[2:])
    assert run("segment ZZZ\n  ZZZ-1 = patient.mrn\n", reading=reading, order=fine).segments == ["ZZZ|ABC"]
    files = {"orgs/clinic/order.seg": f"overlay order\nremove reject form {B}\n"}
    assert run("segment ZZZ\n  ZZZ-1 = patient.mrn\n", reading=reading, files=files).segments == ["ZZZ|1001"]
    added = {
        "orgs/clinic/order.seg": f'overlay order\nadd reject AR cancelled when order.control is cancel saying "no" {B}\n'
    }
    cancel = (*ORDER[:3], "ORC|CA|A1^EHR", *ORDER[4:])
    assert run("segment ZZZ\n  ZZZ-1 = patient.mrn\n", files=added, order=cancel).rejected == [
        ("AR", "rejected", "cancelled")
    ]


# --- reading ---------------------------------------------------------------------------------------------------------


ALL_ORDERS = """catalogue:
  order:  {reads: [ORM^O01], orders: [new, change, cancel]}
  result:
    writes:      ORU^R01
    kinds:       {preliminary: yes, final: yes, corrected: yes, withdrawn: yes}
    unsolicited: no
    message_per: order
"""


def test_reading_groups_orders_and_keeps_segments():
    two = (*ORDER[:6], "OBR|2|A2^EHR||HOLTER", "ORC|CA|B1", "OBR|3|B1||ECG")
    made = run("segment ZZZ\n  ZZZ-1 = result.study\n", order=two, org=ALL_ORDERS)
    assert [len(group) for group in made.orders.groups] == [2, 1]
    assert [order[0] for order in made.orders.orders] == ["new", "new", "cancel"]


def test_reading_takes_first_each_having_and_where():
    reading = READING.replace("first PID-3.1 ", 'first PID-3 where .5 is "SS" as text_of ').replace(
        "first OBR-16 as provider", "first OBR-28 having .1 else first OBR-16 having .3 as provider"
    )
    reading = reading.replace('first PID-3 where .5 is "SS" as text_of ', "first PID-3.1 ")
    made = run("segment ZZZ\n  ZZZ-1 = order.provider as who optional\n", reading=reading, declarations=WHO)
    assert made.segments == ["ZZZ|L7^STONE^AVA^^^^^^B"]
    where = READING.replace("each PID-3 as identifier", 'each PID-3 where .5 is "SS" as identifier')
    made = run("segment ZZZ\n  ZZZ-1 = each i in patient.identifiers as identifier optional\n", reading=where)
    assert made.segments == ["ZZZ|S-9^^^^SS"]


def test_what_an_overlay_adds_to_a_reading_mapping():
    model = MODEL.replace("  service:       field\n", "  service:       field\n  ward:          optional text\n")
    files = {"orgs/clinic/order.seg": f"overlay order\nadd order.ward = PV1-3.1 via wards optional {B}\n"}
    table = 'table wards: text -> text\n  "WARD" -> "Ward 1"\nend\n'
    assert zzz("ZZZ-1 = order.ward optional", model=model, files=files, declarations=table) == ["ZZZ|Ward 1"]


# --- overlays for all messages ---------------------------------------------------------------------------------------


def test_organisation_seg_holds_for_every_message_and_both_on_one_address_is_an_error():
    body = "segment ZZZ\n  ZZZ-1 = result.study\n"
    wide = f'override ZZZ-1 = "wide {{result.study}}" {B}\n'
    assert run(body, wide=wide).segments == ["ZZZ|wide ST-1"]
    assert run(body, f'override ZZZ-1 = "own {{result.study}}" {B}\n', wide=wide).codes == ("SW0505",)
    assert run(body, wide=f'override ZZ9-1 = "x" {B}\n').codes == ("SW0501",)
    read = f"override patient.mrn = first PID-3.4 required {B}\n"
    assert zzz("ZZZ-1 = patient.mrn", wide=read) == ["ZZZ|CITY"]


# --- configuration ---------------------------------------------------------------------------------------------------


SCHEMA = """
count:   {type: integer, meta: {says: x, mapping: yes}}
ratio:   {type: decimal, meta: {says: x, mapping: yes}}
strict:  {type: boolean, meta: {says: x, mapping: yes}}
codes:   {type: list, schema: {type: text}, meta: {says: x, mapping: yes}}
main:    {type: text, meta: {says: x, type: Kind, mapping: yes}}
"""


def test_config_values_of_every_type():
    org = (
        'site: {count: 012, ratio: 1.50, strict: yes, codes: ["0123", b], main: heart_rate, label: 0123, unit: "x y"}\n'
    )
    rules = (
        "ZZZ-1 = org.site.label", "ZZZ-2 = org.site.ratio", "ZZZ-3 = org.site.strict as yes_no",
        'ZZZ-4 = each c in org.site.codes optional', "ZZZ-5 = org.site.main via names.unit", "ZZZ-6 = org.site.unit",
        'ZZZ-7 = "in" when result.study in org.site.codes\n        = "out" otherwise', "ZZZ-8 = result.study",
    )  # fmt: skip
    text = org.replace("count: 012, ", "")
    made = run("segment ZZZ\n" + "".join(f"  {r}\n" for r in rules), org=text, schema=SCHEMA, declarations=NAMES)
    assert made.segments == ["ZZZ|0123|1.50|Y|0123~b|/min|x y|out|ST-1"]
    assert zzz("ZZZ-1 = org.site.count", "ZZZ-2 = result.study", org="site: {count: 12}\n", schema=SCHEMA) == [
        "ZZZ|12|ST-1"
    ]


def test_values_of_an_environment_and_instead():
    environments = """environments:
  test:       {processing_id: T, outbound: {mllp: "a.example:1", tls: {identity: env:T}}, inbound: {listener: a}}
  production: {processing_id: P, outbound: {mllp: "b.example:1", tls: {identity: env:P}}, inbound: {listener: b}}
"""
    rules = ("ZZZ-1 = org.environment.processing_id", "ZZZ-2 = result.study")
    assert zzz(*rules, org=environments, environment="test") == ["ZZZ|T|ST-1"]
    assert zzz(*rules, org=environments, environment="production") == ["ZZZ|P|ST-1"]


# --- encoding --------------------------------------------------------------------------------------------------------


def encoding(**changes: str) -> str:
    values = {
        "version": "2.5.1", "charset": "ASCII", "unencodable": "{}", "separators": "'|^~\\&'", "trailing": "trim",
        "segment_end": "CR", "limits": "{}", **changes,
    }  # fmt: skip
    return "encoding: {" + ", ".join(f"{name}: {value}" for name, value in values.items()) + "}\n"


@pytest.mark.parametrize(
    ("charset", "codec", "msh18"), [("8859/1", "latin-1", "8859/1"), ("UNICODE UTF-8", "utf-8", "UNICODE UTF-8")]
)
def test_charsets(charset: str, codec: str, msh18: str):
    made = run("segment ZZZ\n  ZZZ-1 = result.study\n", org=encoding(charset=charset), result={"study": "Zoë"})
    assert "Zoë".encode(codec) in made.data
    assert made.data.split(b"\r")[0].split(b"|")[17].decode() == msh18


def test_what_the_charset_lacks_is_replaced_as_listed_or_refused():
    assert run("segment ZZZ\n  ZZZ-1 = result.study\n", result={"study": "a–b"}).refused == ["unencodable"]
    listed = encoding(unencodable='{"–": "-"}')
    assert zzz("ZZZ-1 = result.study", org=listed, result={"study": "a–b"}) == ["ZZZ|a-b"]


def test_other_delimiters_and_segment_ends():
    made = run('segment ZZZ\n  ZZZ-1 = result.study ^ "a^b$"\n', org=encoding(separators="'*$~\\&'"))
    assert made.data.split(b"\r")[1] == b"ZZZ*ST-1$a^b\\S\\"
    assert made.data.startswith(b"MSH*$~\\&*")
    made = run("segment ZZZ\n  ZZZ-1 = result.study\n", org=encoding(segment_end="CRLF"))
    assert made.data.endswith(b"ZZZ|ST-1\r\n")


def test_a_fifth_encoding_character():
    made = run(
        "segment ZZZ\n  ZZZ-1 = result.study\n",
        org=encoding(version="2.8", separators="'|^~\\&#'"),
        result={"study": "a#b"},
    )
    assert not made.codes, made.report
    assert made.data.startswith(b"MSH|^~\\&#|")
    assert made.segments == ["ZZZ|a\\P\\b"]


def test_trailing_full_fills_every_segment_of_the_standard_up():
    made = run("segment OBR\n  OBR-4 = order.service required\n", org=encoding(trailing="full"))
    assert made.segments[0].count("|") == 50
    assert made.segments[0].startswith("OBR||||ECG^12 lead&ecg^LOC|")


def test_limits_of_data_types_cut_or_refuse():
    body = 'segment OBR\n  OBR-4 = result.study ^ "lead"\n  OBR-18 = result.study\n'
    assert run(body, org=encoding(limits="{CE.1: cut 2}")).segments == ["OBR||||ST^lead||||||||||||||ST-1"]
    assert run(body, org=encoding(limits="{ST: cut 3}")).segments == ["OBR||||ST-^lea||||||||||||||ST-"]
    assert run(body, org=encoding(limits="{CE.1: error 2}")).refused == ["invalid"]


@pytest.mark.parametrize(
    ("limits", "doctor"),
    [
        ("{ST: cut 3}", "^ST-^ST-"),
        ("{FN.1: cut 2, ST: cut 3}", "^ST^ST-"),
        ("{FN.1: cut 9, ST: cut 3}", "^ST-1^ST-"),
        ("{XCN.2: cut 1, ST: cut 3}", "^S^ST-"),
    ],
)
def test_a_limit_of_a_data_type_holds_for_subcomponents(limits: str, doctor: str):
    body = "segment OBR\n  OBR-4 = order.service required\n  OBR-16.2.1 = result.study\n  OBR-16.3 = result.study\n"
    assert run(body, org=encoding(limits=limits)).segments[0].split("|")[16] == doctor


def test_what_a_subcomponent_does_not_take_is_refused():
    body = "segment OBR\n  OBR-4 = order.service required\n  OBR-16.2.1 = result.study\n"
    long = {"study": "n" * 31}
    assert run(body, org=encoding(limits="{ST: error 30}"), result=long).refused == ["invalid"]
    assert run(body, org=encoding(limits="{ST: error 31}"), result=long).segments[0].endswith(f"^{long['study']}")


def test_a_limit_measures_what_goes_out():
    body = "segment OBR\n  OBR-4 = order.service required\n  OBR-18 = result.study\n"
    replacing = {"limits": "{ST: cut 8}", "unencodable": '{"ö": oe, "ü": "\'ue\'"}'}
    replaced = run(body, org=encoding(**replacing), result={"study": "Göttinge"})
    assert replaced.segments[0].endswith("|Goetting")
    constant = 'segment OBR\n  OBR-4 = order.service required\n  OBR-18 = "Göttinge"\n'
    assert run(constant, org=encoding(**replacing)).segments[0].endswith("|Goetting")
    assert run(
        body, org=encoding(**{**replacing, "limits": "{ST: error 8}"}), result={"study": "Göttinge"}
    ).refused == ["invalid"]
    # What is cut away need not be sendable; what is left must be.
    assert run(body, org=encoding(**replacing), result={"study": "12345678ł"}).segments[0].endswith("|12345678")
    assert run(body, org=encoding(**replacing), result={"study": "ł"}).refused == ["unencodable"]
    # The charset has it: it goes out as it is, and counts as one.
    latin = encoding(**replacing, charset="8859/1")
    assert run(body, org=latin, result={"study": "Göttinge"}).segments[0].endswith("|Göttinge")


def test_a_length_that_a_rule_asks_for_measures_what_goes_out():
    org = encoding(unencodable='{"ö": oe}')
    assert zzz("ZZZ-1 = result.study as text(max: 8, over: cut)", org=org, result={"study": "Göttinge"}) == [
        "ZZZ|Goetting"
    ]


OBX = """\
segment OBR
  OBR-4 = order.service required
  OBR-25 = "F"
segment OBX
  OBX-1  = 1
  OBX-2  = {type}
  OBX-3  = "a" ^ "b" ^ "L"
  OBX-5  = {value}
  OBX-11 = "F"
"""


def observed(type_: str, value: str, limits: str, **result: Any) -> Any:
    body = OBX.format(type=type_, value=value)
    return run(body, org=encoding(limits=limits), result={"study": "first\nsecond", **result})


def fifth(made: Any) -> str:
    return made.segments[-1].split("|")[5]


def test_limits_hold_for_an_observation_by_the_type_it_says():
    assert fifth(observed('"TX"', "result.study", "{TX: cut 2}")) == "fi"
    assert fifth(observed('"ST"', "result.study", "{TX: cut 2}")) == "first\\X0A\\second"
    assert fifth(observed('"CWE"', 'result.study ^ "text"', "{CWE.1: cut 2}")) == "fi^text"
    assert "SW0422" in observed("blank", "result.study", "{TX: cut 2}").codes
    formatted = "result.study as ft"
    assert fifth(observed('"FT"', formatted, "{FT: cut 7}")) == "first\\.br\\s"
    assert observed('"FT"', formatted, "{FT: error 10}").refused == ["invalid"]
    types = '"FT" when result.status is final\n    = "ST" when result.status is corrected\n    = "TX" otherwise'
    value = f"{formatted} when result.status is final\n    = result.study otherwise"
    for status, written in (("final", "first\\.br\\s"), ("corrected", "fi"), ("preliminary", "first\\X0A\\second")):
        assert fifth(observed(types, value, "{FT: cut 7, ST: cut 2}", status=status)) == written
    assert observed(types, value, "{FT: cut 7, ST: error 2}", status="corrected").refused == ["invalid"]


def test_the_engine_owns_its_header_fields():
    for field in ("MSH-1", "MSH-2", "MSH-18"):
        text = f'segment MSH\n  {field} = "x"\n'
        assert "SW0405" in run(text, head="").codes, field
