"""A field that a hospital makes mandatory is proven to be there, and nothing is called proven that is not."""

from __future__ import annotations

import pytest

from tests.lang.workspace import build, report

ECHO = """overlay result

add segment PV1 after PID from order.received optional because "the clinic wants its visit back"
{}"""


def checked(folder, overlay: str, mandatory: str):
    overlay_file = {"orgs/clinic/result.seg": overlay} if overlay else {}
    return report(build(folder, {"orgs/clinic/org.yaml": f"mandatory: {{result: [{mandatory}]}}\n", **overlay_file}))


@pytest.mark.parametrize("mandatory", ["PV1-19", "PV1-19.1", "PV1-2"])
def test_a_segment_that_is_sent_as_it_came_proves_nothing(tmp_path, mandatory):
    assert checked(tmp_path, ECHO.format(""), mandatory).codes == ("SW0419",)


def test_a_field_of_it_that_is_required_does(tmp_path):
    found = checked(tmp_path, ECHO.format("  PV1-19 = inherited required\n"), "PV1-19")
    assert found.codes == (), found.text


def test_a_component_of_a_field_that_is_sent_as_it_came_is_not_known_to_be_there(tmp_path):
    found = checked(tmp_path, "", "OBR-4.1")
    assert found.codes == ("SW0419",), found.text
    assert "make OBR-4 mandatory" in found.text
    assert checked(tmp_path, "", "OBR-4").codes == ()
    assert checked(tmp_path, "", "PID-3.1").codes == ()
