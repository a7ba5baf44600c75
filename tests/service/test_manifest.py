"""The manifest says what org.yaml says: for one environment, in milliseconds and bytes, with every destination."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from segwright.core.source import Source
from segwright.orgs.load import load_organisation, load_schema
from segwright.plan.bundle import read_bundle
from segwright.plan.manifest import (
    Acknowledgement,
    Choice,
    Delivery,
    Destination,
    Diagnoses,
    Entry,
    Identifier,
    Intake,
    Listener,
    Manifest,
    Party,
    Tls,
    faults,
)
from segwright.plan.model import Model
from segwright.service.bundling import write_bundles
from segwright.service.compiling import compile_workspace
from segwright.service.manifest import manifest_of
from tests.plan.samples import READING, WRITING

ROOT = Path(__file__).resolve().parents[2]
NAME = "orgs/fixture_general/org.yaml"
CODES = Source("orgs/fixture_general/icd10_subset.csv", 'code,display\nI4891,"Unspecified AF"\nI10,Hypertension\n')
SENDERS = """senders: [{application: CPOE, facility: {namespace: FIXTURE}},
      {application: WARD, application_id: 1.2.3, application_type: ISO, facility: {namespace: W, id: 1.2.4, type: ISO}}]"""
MORE = (
    ("connect_within: 10s", "connect_within: 10s\n  messages_per_minute: 60\n  four_eyes_above: 25"),
    ("answer_within: 30s}", "answer_within: 30s, application_within: 2m, application_on: other, other_control_id: yes}"),
    ("inbound: {listener: fixture-test}", f"inbound: {{listener: fixture-test, clients: [cpoe.fixture.example],\n      {SENDERS}}}"),
    ("acknowledgement: {", "intake: {mllp: tolerant, constant_ids: yes, ignore_time: yes, largest: 16}\n\nacknowledgement: {"),
    ("instead: {receiving", "instead: {acknowledgement: {accept: NE}, receiving"),
    ("  trailing:", "  batch: file\n  trailing:"),
)  # fmt: skip


@pytest.fixture(scope="module")
def made() -> dict[str, Manifest]:
    schema, _ = load_schema(Source("orgs/schema.yaml", (ROOT / "orgs/schema.yaml").read_text(encoding="utf-8")))
    assert schema is not None
    text = (ROOT / "tests/orgs/fixtures/workspace" / NAME).read_text(encoding="utf-8")
    for old, new in MORE:
        assert old in text
        text = text.replace(old, new, 1)
    organisation, problems = load_organisation(Source(NAME, text), schema)
    assert organisation is not None, problems
    plans = {
        name: msgspec.structs.replace(plan, message=name)
        for name, plan in {
            "ecg_order": READING["order"].plan,
            "ecg_result": WRITING["simple"].plan,
            "ecg_charge": WRITING["simple"].plan,
        }.items()
    }
    return {
        environment: manifest_of(organisation, environment, Model({}, {}), plans, {CODES.name: CODES})
        for environment in organisation.environments
    }


def test_it_holds_together_in_every_environment(made: dict[str, Manifest]) -> None:
    assert [faults(manifest) for manifest in made.values()] == [[], []]
    assert {name: (m.environment, m.processing_id) for name, m in made.items()} == {
        "test": ("test", "T"),
        "production": ("production", "P"),
    }


def test_the_catalogue_names_gates_orders_destination_and_mandatory_fields(made: dict[str, Manifest]) -> None:
    order, result, charge = (msgspec.structs.replace(entry, plan="") for entry in made["test"].catalogue)
    types = READING["order"].plan.types
    assert order == Entry("ecg_order", "reads", types, "", orders=("new", "change", "cancel"))
    assert result.kinds == {"preliminary": "no", "final": "after sign-off", "corrected": "yes", "withdrawn": "yes"}
    assert (result.to, result.unsolicited, result.message_per) == ("outbound", False, "order")
    assert result.mandatory == ("PID-3.1", "ORC-2", "OBR-4", "OBX-3")
    assert (charge.to, charge.kinds) == ("billing", {"charge": "after sign-off", "credit": "yes"})


def test_destinations_are_those_of_the_environment(made: dict[str, Manifest]) -> None:
    assert made["test"].destinations == {
        "outbound": Destination("ehr-test.fixture.example", 6661, None, "the test network is closed"),
        "billing": Destination("billing-test.fixture.example", 6671, Tls("env:FIXTURE_TEST_TLS")),
    }
    assert made["production"].destinations == {
        "outbound": Destination(
            "ehr.fixture.example", 6661, Tls("file:/run/secrets/fixture.pem", "file:/etc/segwright/fixture-ca.pem")
        ),
        "billing": Destination("billing.fixture.example", 6671, Tls("env:FIXTURE_BILLING_TLS")),
    }


def test_a_listener_compares_with_the_senders_or_with_the_receiving_application(made: dict[str, Manifest]) -> None:
    facility = made["production"].parties.theirs.facility
    assert made["production"].listener == Listener(
        "fixture", (made["production"].parties.theirs,), networks=("10.20.0.0/16",)
    )
    assert made["test"].parties.theirs.application.namespace == "EHRTEST"
    assert made["test"].parties.theirs.facility == facility
    assert made["test"].listener == Listener(
        "fixture-test",
        (
            Party(Identifier("CPOE"), Identifier("FIXTURE")),
            Party(Identifier("WARD", "1.2.3", "ISO"), Identifier("W", "1.2.4", "ISO")),
        ),
        ("cpoe.fixture.example",),
    )


def test_policies_are_in_milliseconds_and_what_is_left_open_is_none(made: dict[str, Manifest]) -> None:
    assert made["test"].delivery == Delivery(
        when_uncertain="resend",
        first=5_000,
        most=600_000,
        during=86_400_000,
        connect=10_000,
        write=None,
        messages_per_minute=60,
        duplicate_refusal="delivered",
        unsent_final=None,
        reuse_after=365 * 86_400_000,
        four_eyes_above=25,
    )
    assert made["test"].intake == Intake("tolerant", True, True, 16 * 1024)


def test_what_an_environment_gives_instead_comes_first(made: dict[str, Manifest]) -> None:
    everywhere = Acknowledgement("AL", "NE", 30_000, 120_000, "other", True)
    assert made["production"].acknowledgement == everywhere
    assert made["test"].acknowledgement == msgspec.structs.replace(everywhere, accept="NE")


def test_the_wire_of_acknowledgements_and_batches(made: dict[str, Manifest]) -> None:
    manifest = made["test"]
    assert (manifest.batch, manifest.zone) == ("file", "America/Chicago")
    assert (manifest.encoding.version, manifest.encoding.charset) == ("2.5.1", "8859/1")


def test_diagnoses_are_given_with_their_dots(made: dict[str, Manifest]) -> None:
    choices = (Choice("I48.91", "Unspecified AF"), Choice("I10", "Hypertension"))
    assert made["test"].diagnoses == Diagnoses(choices, 4, 0)


def test_every_reference_hospital_has_a_sound_manifest_in_its_bundle(tmp_path: Path) -> None:
    compiled = compile_workspace(ROOT)
    for name, organisation in compiled.organisations.items():
        for environment in write_bundles(tmp_path, organisation, compiled.sources):
            bundle = read_bundle(tmp_path / name / environment, organisation=name, environment=environment)
            assert [entry.name for entry in bundle.manifest.catalogue] == list(organisation.organisation.catalogue)
