"""What an organisation gives: typed values with their places, and what the engine reads of it."""

from __future__ import annotations

import subprocess
import sys
from decimal import Decimal

import pytest

from segwright.core.source import Source
from segwright.hl7.delimiters import STANDARD
from segwright.orgs.declaration import Schema
from segwright.orgs.forms import Limit
from segwright.orgs.load import load_organisation, load_schema
from segwright.orgs.organisation import Organisation
from tests.orgs.conftest import NAME, ROOT, Edit


@pytest.mark.parametrize(
    ("key", "value", "type_"),
    [
        ("organisation.id", "fixture_general", "text"),
        ("organisation.layers", ("fixture_vendor",), "list of text"),
        ("receiving.facility.namespace", "0123", "text"),
        ("visit.location", "0042", "text"),
        ("sending.facility.id", "2.16.840.1.113883.19.5", "text"),
        ("times.offset", False, "boolean"),
        ("diagnosis.dots", True, "boolean"),
        ("diagnosis.maximum", 4, "integer"),
        ("charges.amount", Decimal("12.50"), "decimal"),
        ("encoding.version", "2.5.1", "text"),
        ("catalogue.ecg_result.kinds.preliminary", "no", "text"),
        (
            "observations.kinds",
            ("heart_rate", "qrs_duration", "qt_interval", "qtc_interval", "qrs_axis"),
            "list of MeasurementKind",
        ),
    ],
)
def test_a_value_has_the_type_its_schema_says_and_the_spelling_of_its_file(
    organisation: Organisation, key: str, value: object, type_: str
) -> None:
    found = organisation.value(tuple(key.split(".")))
    assert found is not None
    assert (found.value, type(found.value), found.type) == (value, type(value), type_)
    assert str(organisation.value(("charges", "amount")).value) == "12.50"  # type: ignore[union-attr]


def test_an_absent_key_has_no_value_and_still_a_declaration(organisation: Organisation) -> None:
    assert organisation.value(("narrative", "source")) is None
    declared = organisation.declared(("narrative", "source"))
    assert declared is not None
    assert (declared.required, declared.always, declared.mapping, declared.type) == (False, False, True, "text")
    assert organisation.declared(("narrative", "colour")) is None


def test_a_key_is_always_there_only_when_all_its_groups_are(organisation: Organisation) -> None:
    zone, form = organisation.declared(("times", "zone")), organisation.declared(("document", "form"))
    assert zone is not None
    assert form is not None
    assert (zone.required, zone.always) == (True, True)
    assert (form.required, form.always) == (True, False)
    environment = organisation.declared(("environment", "processing_id"))
    assert environment is not None
    assert (environment.always, environment.mapping) == (True, True)


def test_the_place_of_every_key_is_its_own(organisation: Organisation) -> None:
    text = organisation.source.text
    for key in sorted(organisation.keys()):
        start_end = organisation.span(key, "key")
        assert text[start_end.start : start_end.end].strip("\"'") == key[-1]
    value = organisation.value(("observations", "first_sub_id"))
    assert value is not None
    assert organisation.source.position(value.span.start) == (40, 17)
    assert text[value.span.start : value.span.end] == "1"
    assert text[value.key_span.start : value.key_span.end] == "first_sub_id"
    group = organisation.span(("environments", "production", "outbound"))
    assert text[group.start : group.end].startswith("mllp: ehr.fixture.example:6661\n")
    assert text[group.start : group.end].endswith("fixture-ca.pem}")
    item = organisation.span(("observations", "kinds", 1))
    assert text[item.start : item.end] == "qrs_duration"


def test_the_place_of_a_value_is_where_it_is_written(schema: Schema, text: str) -> None:
    found, _ = load_organisation(Source(NAME, text), schema)
    assert found is not None
    value = found.value(("times", "zone"))
    assert value is not None
    assert text[value.span.start : value.span.end] == value.value


def test_what_an_environment_says_instead_comes_first_there(organisation: Organisation) -> None:
    def value(key: str, environment: str = "") -> object:
        found = organisation.value(tuple(key.split(".")), environment)
        return found.value if found else None

    assert value("receiving.application") == "EHR"
    assert value("receiving.application", "test") == "EHRTEST"
    assert value("receiving.application", "production") == "EHR"
    assert value("receiving.application_id", "test") == "2.16.840.1.113883.19.6"
    assert value("receiving", "test") == {**value("receiving"), "application": "EHRTEST"}  # type: ignore[dict-item]
    assert value("environment.processing_id", "test") == "T"
    assert value("environment.processing_id", "production") == "P"
    assert value("environment.processing_id") is None
    place = organisation.value(("receiving", "application"), "test")
    assert place is not None
    assert place.key[:3] == ("environments", "test", "instead")


def test_keys_are_listed_for_those_who_look_for_unused_ones(organisation: Organisation) -> None:
    keys = organisation.keys()
    assert ("encoding", "limits", "HD.1") in keys
    assert ("observations", "kinds") in keys
    assert ("observations",) not in keys
    readable = organisation.mapping_keys()
    assert ("patient", "mrn_type") in readable
    assert ("environment", "processing_id") in readable
    assert ("receiving", "application") in readable
    assert not any(key[0] in {"environments", "delivery", "catalogue"} for key in readable)
    for key in readable:
        declared = organisation.declared(key)
        assert declared is not None
        assert declared.mapping


def test_nobody_can_change_it(organisation: Organisation) -> None:
    with pytest.raises(TypeError):
        organisation.data["times"]["zone"] = "UTC"
    with pytest.raises(AttributeError):
        organisation.name = "other"  # type: ignore[misc]


def test_the_encoding(organisation: Organisation) -> None:
    encoding = organisation.encoding
    assert encoding.delimiters == STANDARD
    assert (encoding.version, encoding.codec, encoding.msh18, encoding.segment_end) == (
        "2.5.1",
        "iso8859-1",
        "8859/1",
        "\r",
    )
    assert encoding.limits == {"HD.1": Limit("cut", 20), "CX.1": Limit("error", 15)}
    assert encoding.unencodable == {"–": "-", "’": "'", "•": "*"}
    assert encoding.batch is None


def test_a_truncation_character_is_the_sixth(edit: Edit) -> None:
    _, found, _ = edit((r"'|^~\&'", r"'|^~\&#'"))
    assert found is not None
    assert found.encoding.delimiters.truncation == "#"


def test_the_catalogue_and_its_gates(organisation: Organisation) -> None:
    assert list(organisation.catalogue) == ["ecg_order", "ecg_result", "order_status", "ecg_charge"]
    order, result = organisation.catalogue["ecg_order"], organisation.catalogue["ecg_result"]
    assert (order.reads, order.orders, order.writes) == (("ORM^O01",), ("new", "change", "cancel"), "")
    assert (result.writes, result.unsolicited, result.message_per, result.to) == ("ORU^R01", False, "order", "")
    assert organisation.catalogue["ecg_charge"].to == "billing"
    assert result.kinds["final"] == "after sign-off"
    assert result.kinds["preliminary"] == "no"
    assert organisation.mandatory == {"ecg_result": ("PID-3.1", "ORC-2", "OBR-4", "OBX-3")}


def test_the_environments_and_their_listeners(organisation: Organisation) -> None:
    assert organisation.environments == ("test", "production")
    assert organisation.listener("production") == "fixture"


def test_a_key_of_a_workspaces_own_may_be_a_table(schema: Schema, text: str) -> None:
    own = (
        (ROOT / "orgs" / "schema.yaml").read_text(encoding="utf-8")
        + """
  vendor:
    type: dict
    meta: {says: What the vendor wants}
    schema:
      schemes:
        type: list
        meta: {says: Identifier schemes, mapping: yes}
        schema:
          type: dict
          schema:
            type: {type: text, required: yes, meta: {says: Type}}
            rank: {type: integer, required: yes, meta: {says: Rank}}
"""
    )
    mine, problems = load_schema(Source("orgs/schema.yaml", own))
    assert problems == []
    assert mine is not None
    more = text + "vendor: {schemes: [{type: 'MR', rank: 1}, {type: \"PI\", rank: 2}]}\n"
    found, problems = load_organisation(Source(NAME, more), mine)
    assert problems == []
    assert found is not None
    value = found.value(("vendor", "schemes"))
    assert value is not None
    assert (value.type, value.value) == ("table", ({"type": "MR", "rank": 1}, {"type": "PI", "rank": 2}))
    columns = mine.declared(("vendor", "schemes", 0))
    assert columns is not None
    assert [(c.key[-1], c.type) for c in columns.fields.values()] == [("type", "text"), ("rank", "integer")]
    wrong, problems = load_organisation(Source(NAME, more.replace("rank: 2", "rank: two")), mine)
    assert wrong is None
    assert [(d.code, d.facts["key"]) for d in problems] == [("SW0722", "vendor.schemes[2].rank")]
    assert load_organisation(Source(NAME, more), schema)[1][0].code == "SW0720"


def test_finding_files_and_holding_configuration_needs_neither_ruamel_nor_cerberus() -> None:
    code = (
        "import sys; import segwright.orgs.workspace, segwright.orgs.organisation, segwright.orgs.load; "
        "print([m for m in ('ruamel', 'cerberus', 'lark', 'hl7apy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT / "engine", capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
