"""Documents and messages as a clinician reads them: pure pieces of the clinical pages."""

from __future__ import annotations

import json
from decimal import Decimal

from segwright.delivery.signing import Obstacle
from segwright.pages import fields
from segwright.pages.clinical import reading, saying
from segwright.pages.clinical.reading import Point
from segwright.pages.clinical.review import moved

ZONE = "America/Chicago"


def result(**members: object) -> reading.Result:
    return reading.result(json.dumps(members).encode(), ZONE)


def test_values_keep_their_digits_and_ranges_are_told_in_the_unit_of_the_value():
    found = result(measurements=[
        {"kind": "qtc_interval", "value": {"value": 0.478, "unit": "s"}, "flag": "high", "low": {"value": 350, "unit": "ms"},
         "high": {"value": 0.46, "unit": "s"}},
        {"kind": "qrs_axis", "value": {"value": -34, "unit": "deg"}, "high": {"value": 90, "unit": "deg"}},
        {"kind": "own_kind", "value": {"value": 1.50, "unit": "mV"}, "low": {"value": 1, "unit": "uV"}},
        {"kind": "broken", "value": "x"},
    ])  # fmt: skip
    assert [(one.name, one.shown, one.unit, one.range, one.flag) for one in found.measurements] == [
        ("QTc interval", "478", "ms", "350 to 460", "high"),
        ("QRS axis", "−34", "°", "up to 90", ""),
        ("Own kind", "1.5", "mV", "", ""),  # a range in another unit says nothing beside the value
    ]


def test_a_document_of_any_form_is_read_as_far_as_it_goes():
    for document in (
        b"",
        b"[]",
        b"null",
        b'{"measurements":1,"findings":[1],"comments":{},"document":"x","signed_by":[]}',
    ):
        assert reading.result(document, ZONE).measurements == ()
        assert reading.patient(document).name == ""
        assert reading.order(document, "open", "", "", ZONE).reasons == ()
    assert reading.patient(b'{"name":{"family":"SAMPLE","given":{"null":true}},"sex":"unknown"}') == reading.Patient(
        "SAMPLE"
    )


def test_characters_that_cannot_be_sent_are_shown_as_themselves():
    def problems(*found: str):
        return saying.said(Obstacle("not_written", {"message": "ecg_result", "problems": found}), people={}, when={})

    told = problems("report OBX-5: unencodable (characters U+5FC3, U+1F600) at mappings/x.seg:73")
    assert (told.title, "心 😀" in told.text) == ("Some characters cannot be sent to this hospital", True)
    assert told.lines, "for whoever is told, when it came with the order"
    both = problems("OBX-5: unencodable (characters U+5FC3) at x.seg:1", "PID-5: missing at y.seg:2")
    assert both.title == "The message cannot be made"


def test_a_critical_value_is_named():
    found = result(
        measurements=[{"kind": "heart_rate", "value": {"value": 28, "unit": "/min"}, "flag": "critical_low"}]
    )
    assert (found.critical, found.alarm) == (True, ("Heart rate 28 /min",))
    assert result().alarm == ()


def test_an_age_is_counted_in_whole_years_and_of_the_smallest_in_months():
    at = reading.ms(reading.moment("2026-03-02T13:41:20-06:00", ZONE))
    born = {
        "1958-03-02": "68 years",
        "1958-03-03": "67 years",
        "1958": "68 years",
        "2025-10-01": "5 months",
        "x": "",
        "2030-01-01": "",
    }
    assert {day: reading.age(day, at) for day in born} == born


def test_only_what_is_a_pdf_or_a_picture_is_one():
    def document(**members: str) -> bytes:
        return json.dumps({"document": members}).encode()

    assert reading.attached(document(pdf="JVBERi0xLjQK"), "pdf") == (b"%PDF-1.4\n", "application/pdf")
    assert reading.attached(document(picture="iVBORw0KGgo="), "picture") == (b"\x89PNG\r\n\x1a\n", "image/png")
    for text in ("", "PGh0bWw+", "not base64!", "JVBERi0xLjQ"):
        assert reading.attached(document(pdf=text), "pdf") is None
    assert result(document={"link": "javascript:alert(1)"}).link == ""
    assert result(document={"link": "https://pacs.example/1"}).link == "https://pacs.example/1"


def test_a_trend_goes_from_the_oldest_to_now_and_says_so_in_words():
    now = result(measurements=[
        {"kind": "heart_rate", "value": {"value": 100, "unit": "/min"}, "low": {"value": 60, "unit": "/min"}, "high": {"value": 80, "unit": "/min"}}
    ]).measurements[0]  # fmt: skip
    found = reading.trend(now, [Point(3, Decimal(100)), Point(1, Decimal(60))], {1: "2 Jan 2026"})
    assert found is not None
    assert found.text == "Heart rate: 60 on 2 Jan 2026; now 100 /min"
    (x1, y1), (x2, y2) = found.dots
    assert (x1 < x2, y1 > y2) == (True, True), "it rises"
    assert found.band == (15.0, 10.0)
    assert reading.trend(now, [Point(3, Decimal(100))], {}) is None
    assert reading.trend(now, [Point(n, Decimal(100)) for n in (1, 2)], {}) is not None


def test_a_message_is_laid_out_and_what_differs_is_marked():
    before = b"MSH|^~\\&|A|B|||20260101||ORU^R01|1|P|2.5.1\rOBX|1|NM|a||1\rOBX|2|NM|b||2\r"
    after = b"MSH|^~\\&|A|B|||20260101||ORU^R01|1|P|2.5.1\rDG1|1||I10\rOBX|1|NM|a||1\rOBX|2|NM|b||3\r"
    found = fields.laid_out(after, before)
    assert [(one.name, one.number, one.change) for one in found] == [
        ("MSH", 0, ""), ("DG1", 0, "added"), ("OBX", 1, ""), ("OBX", 2, "changed"),
    ]  # fmt: skip
    changed = [field for segment in found for field in segment.fields if field.changed]
    assert [(one.place, one.name, one.text, one.was) for one in changed] == [
        ("DG1-1", changed[0].name, "1", ""), ("DG1-3", changed[1].name, "I10", ""), ("OBX-5", "Observation Value", "3", "2"),
    ]  # fmt: skip
    assert "\r".join(segment.text for segment in found).encode() + b"\r" == after
    assert fields.laid_out(b"no message")[0].fields == ()
    assert all(not field.changed for segment in fields.laid_out(after) for field in segment.fields)


def test_a_code_moves_one_place_and_never_out_of_the_list():
    assert moved(["a", "b", "c"], "b", -1) == ["b", "a", "c"]
    assert moved(["a", "b", "c"], "b", 1) == ["a", "c", "b"]
    assert moved(["a", "b"], "a", -1) == ["a", "b"]
    assert moved(["a", "b"], "b", 1) == ["a", "b"]
    assert moved(["a", "b"], "z", 1) == ["a", "b"]
