"""What a mapping says itself has to be in the hospital's character set: the compiler tells, before a message is refused for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lang.workspace import CLINIC, Report, build, report

BECAUSE = '\n  because "the clinic asks for it"\n'
TABLE = """
override table codes
  heart_rate -> "8867-4" ^ "Häufigkeit" ^ "LN", "/min"
end
  because "the clinic asks for it"
"""
TEXT = """
override measurement OBX-5 = text report(result) as ft
  because "the clinic asks for it"
override measurement OBX-2 = "FT"
  because "the clinic asks for it"

text report(result: Result)
  Study {{ result.study }}
  ± 5 ms
end
"""
WAYS = {
    "constant": 'add measurement OBX-4 = "QT ±"' + BECAUSE,
    "branch": 'add measurement OBX-4 = "QT ±" when m.flag is present\n = "QT" otherwise' + BECAUSE,
    "fallback": 'add measurement OBX-4 = m.flag else "±"' + BECAUSE,
    "joined": 'add measurement OBX-4 = "± {result.study}"' + BECAUSE,
    "component": 'override measurement OBX-3 = "A" ^ "Größe" ^ "L"' + BECAUSE,
    "table": TABLE,
    "configuration": "add measurement OBX-4 = org.organisation.name" + BECAUSE,
    "text block": TEXT,
}


def checked(
    folder: Path, overlay: str, *, name: str = "Clinic", encoding: str = "charset: ASCII, unencodable: {}"
) -> Report:
    found = build(folder, {
        "orgs/clinic/result.seg": "overlay result\n\n" + overlay,
        "orgs/clinic/org.yaml": f"organisation: {{id: clinic, name: {name}, layers: []}}\n"
        f"encoding: {{version: 2.5.1, {encoding}, separators: '|^~\\&', trailing: trim, segment_end: CR, limits: {{}}}}\n",
    })  # fmt: skip
    return report(found)


@pytest.mark.parametrize("overlay", WAYS.values(), ids=WAYS)
def test_a_fixed_text_is_held_against_the_charset(tmp_path, overlay):
    found = checked(tmp_path, overlay, name="Übersicht")
    assert found.codes == ("SW0428",), found.text


@pytest.mark.parametrize("encoding", [
    "charset: 8859/1, unencodable: {}", "charset: UNICODE UTF-8, unencodable: {}",
    "charset: ASCII, unencodable: {±: +-, ä: ae, ö: oe, ß: ss, Ü: Ue}",
])  # fmt: skip
@pytest.mark.parametrize("overlay", WAYS.values(), ids=WAYS)
def test_what_can_be_sent_is_no_finding(tmp_path, overlay, encoding):
    found = checked(tmp_path, overlay, name="Übersicht", encoding=encoding)
    assert found.codes == (), found.text


def test_a_value_of_the_environment_is_held_against_the_charset_in_each(tmp_path):
    schema = (CLINIC / "orgs/schema.yaml").read_text(encoding="utf-8")
    place = "  environment:\n"
    schema = schema.replace(
        place, place + "    site: {type: text, required: yes, meta: {says: Site, mapping: yes}}\n", 1
    )
    environments = (CLINIC / "orgs/clinic/org.yaml").read_text(encoding="utf-8").partition("environments:")[2]
    environments = environments.replace("id: T", "id: T, site: Sud").replace("id: P", "id: P, site: Süd")
    overlay = "add measurement OBX-4 = {}" + BECAUSE
    for number, (text, said) in enumerate((
        ("org.environment.site", "`Süd` at OBX-4"), ('"at {org.environment.site}"', "`at Süd` at OBX-4"),
        ('"{m.kind via codes.unit} {org.environment.site}"', "`Süd` at OBX-4"),
    )):  # fmt: skip
        found = report(build(tmp_path / str(number), {
            "orgs/schema.yaml": schema, "orgs/clinic/org.yaml": "environments:" + environments,
            "orgs/clinic/result.seg": "overlay result\n\n" + overlay.format(text),
        }))  # fmt: skip
        assert found.codes == ("SW0428",), found.text
        assert said in found.text


def test_the_length_of_a_text_is_that_of_its_values(tmp_path):
    overlay = 'add measurement OBX-4 = "QT {org.environment.processing_id}"' + BECAUSE
    assert checked(tmp_path, overlay).codes == ()


def test_what_is_compared_and_what_is_not_written_may_hold_anything(tmp_path):
    overlay = 'override NTE-3 = result.comment when result.comment is present and result.comment is not "±"' + BECAUSE
    found = checked(tmp_path, overlay, name="Übersicht")
    assert found.codes == (), found.text


def test_one_hospital_is_told_and_another_is_not(tmp_path):
    text = "charset: 8859/1, unencodable: {}"
    assert checked(tmp_path / "one", WAYS["constant"].replace("±", "µ"), encoding=text).codes == ()
    assert checked(tmp_path / "two", WAYS["constant"].replace("±", "Δ"), encoding=text).codes == ("SW0428",)
