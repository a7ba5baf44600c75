"""Why a field is what it is, what the layers made of a mapping, and what the side file of a bundle says."""

from __future__ import annotations

import pytest

from segwright.hl7.paths import Path
from segwright.plan import bundle
from segwright.service.bundling import write_bundles
from segwright.service.cases import read_case, request_of
from segwright.service.explaining import above_the_base, why
from segwright.service.pretty import MASK
from segwright.service.rendering import prepare
from segwright.service.rules import Rules
from segwright.service.showing import flattened_lines
from segwright.service.starting import ORGANISATION
from tests.lang.workspace import compiled as report


@pytest.fixture(scope="module")
def inputs(compiled, running):
    files = next(f for f in compiled.workspace.organisations[ORGANISATION].cases if f.name == "final")
    case, found, _ = read_case(compiled.workspace, ORGANISATION, files, {"test": running})
    assert case is not None, found
    (prepared,), _ = prepare(running, request_of(case))
    return prepared


@pytest.fixture(scope="module")
def answer(compiled, running, inputs):
    def ask(path: str, *, unmask: bool = False):
        return why(running, "ecg_result", inputs, Path.parse(path), compiled.sources, unmask=unmask).branches

    return ask


def kinds(branch) -> dict[str, str]:
    return {twig.kind: twig.text for twig in branch.twigs}


def test_a_value_is_led_back_to_rule_table_built_in_and_source(answer):
    (branch,) = answer("OBX(2)-5")
    found = kinds(branch)
    assert branch.path == "OBX(2)-5"
    assert branch.name == "Observation Value"
    assert found["rule"].startswith("OBX-5 = m.value as number(")
    assert found["layer"] == "base"
    assert "pr_interval" in found["table"]
    assert found["built-in"].startswith("number/quantity@")
    assert [twig.text for twig in branch.twigs if twig.kind == "source"] == [
        "result.measurements[].value", "result.measurements[].kind",
    ]  # fmt: skip
    assert found["in"].startswith("turn 2 of for each m in result.measurements")
    assert all(twig.place.startswith("mappings/") for twig in branch.twigs if twig.kind in ("rule", "table"))


def test_a_configured_value_names_its_key_value_and_line(answer):
    (branch,) = answer("MSH-3")
    twig = next(twig for twig in branch.twigs if twig.kind == "config")
    assert twig.text == "org.sending.application = ECGAI"
    assert twig.place.startswith(f"orgs/{ORGANISATION}/org.yaml:")


def test_what_a_let_stands_for_is_named_for_the_turn_that_wrote_the_field(answer):
    (branch,) = answer("OBX(2)-6.1")
    tables = [twig.text for twig in branch.twigs if twig.kind == "table"]
    assert kinds(branch)["rule"] == "OBX-6.1 = unit as ucum"
    assert len(tables) == 1
    assert tables[0].startswith("observations: pr_interval ->")


def test_a_setting_that_comes_through_a_parameter_and_a_let_is_named(tmp_path):
    mapping = """\
part note(words: text, others: text)
  segment NTE
    let said = words
    NTE-3 = "{said}! {others}"
end
mapping result writes ORU^R01 from order: Order, patient: Patient, result: Result
use basis(order, patient)
let label = org.site.label else "none"
use note(words: label, others: result.study)
"""
    files = {"mappings/result.seg": mapping, "orgs/clinic/org.yaml": "site: {label: Main}\n"}
    found = report(tmp_path / "workspace", files)
    assert found.codes == (), found.text
    workspace = found.workspace
    message = workspace.organisations["clinic"].messages["test"]["result"]
    rules = Rules(message)
    written = next(each for each in message.written if each is not None and each.address == "NTE-3")
    assert rules.mentions(written).keys == (("site", "label"),)


def test_what_an_environment_sets_is_the_key_of_that_environment(answer):
    (branch,) = answer("MSH-11")
    twig = next(twig for twig in branch.twigs if twig.kind == "config")
    assert twig.text == "org.environment.processing_id = T"


def test_an_override_gives_its_reason_and_what_it_stands_instead_of(answer):
    branch = answer("OBR-16.1")[0]
    found = kinds(branch)
    assert found["layer"] == f"{ORGANISATION}, override"
    assert found["because"].startswith("interface specification")
    assert found["instead of"].startswith("OBR-16[npi] =")
    assert found["format"].startswith("provider_npi:")


def test_a_composite_field_has_a_branch_for_each_component(answer):
    assert [branch.path for branch in answer("OBX-3")] == ["OBX-3.1", "OBX-3.2", "OBX-3.3"]


def test_values_are_masked_unless_they_are_asked_for(answer):
    masked, plain = answer("PID-5.1")[0].value, answer("PID-5.1", unmask=True)[0].value
    assert plain == "SPECIMEN"
    assert plain not in masked
    assert MASK in masked
    assert "8 characters" in masked


def test_a_field_that_goes_back_as_it_came_is_one_value(answer):
    (branch,) = answer("ORC-2", unmask=True)
    assert (branch.path, branch.value) == ("ORC-2", "A-1001^EHR")
    assert kinds(branch)["source"] == "order.placer_number"
    (echoed,) = answer("PV1-3", unmask=True)
    assert kinds(echoed)["source"] == "the received segment, as it came"


def test_the_engines_own_fields_are_said_to_be_the_engines(answer):
    assert "engine" in kinds(answer("MSH-18")[0])


def test_an_empty_field_names_the_rule_that_gave_nothing_and_one_without_rule_says_so(answer):
    (empty,) = answer("OBX(3)-8")
    assert empty.value in ("(empty)", "(not in the message)")
    assert kinds(empty)["rule"].startswith("OBX-8 = ")
    (nothing,) = answer("OBR-28")
    assert kinds(nothing)["rule"] == "no rule of this mapping writes it"


def test_what_layers_decided_is_marked_with_their_lines(compiled, running, inputs):
    trace = running.loaded("ecg_result").trace(inputs)
    notes = above_the_base(running.explained("ecg_result"), trace, compiled.sources)
    assert notes["OBR-16"].startswith(f"orgs/{ORGANISATION}/ecg_result.seg:")
    assert notes["MSH-9"].startswith("mappings/vendors/message_structure/")
    assert not any(path.startswith("OBX") for path in notes)


def test_a_flattened_mapping_shows_every_line_with_its_layer_and_place(compiled):
    message = compiled.organisations[ORGANISATION].messages["test"]["ecg_result"]
    lines = flattened_lines(message, compiled.sources)
    own = [line for line in lines if line.layer == ORGANISATION]
    assert [(line.kind, line.word) for line in own] == [("rule", "override")]
    assert own[0].because
    assert own[0].instead is not None
    assert all(line.place for line in lines if line.kind in ("rule", "block", "use"))
    assert any(line.layer == "message_structure" and line.word == "add" for line in lines)


def test_a_removed_line_stays_where_it_stood(workspace):
    from segwright.service.compiling import compile_workspace

    path = workspace / "orgs" / ORGANISATION / "ecg_result.seg"
    path.write_text(path.read_text() + '\nremove ORC-4 because "not read here"\n')
    compiled = compile_workspace(workspace)
    lines = flattened_lines(compiled.organisations[ORGANISATION].messages["test"]["ecg_result"], compiled.sources)
    number = next(n for n, line in enumerate(lines) if line.kind == "removed")
    assert lines[number].text.startswith("ORC-4")
    assert lines[number - 1].text.startswith("ORC-3")
    assert lines[number].because == "not read here"


def test_a_bundle_is_written_for_each_environment_with_explanations(compiled, tmp_path):
    joined = compiled.organisations[ORGANISATION]
    hashes = write_bundles(tmp_path, joined, compiled.sources)
    assert set(hashes) == {"test", "production"}
    assert hashes["test"] != hashes["production"]
    for environment, hash_ in hashes.items():
        folder = tmp_path / ORGANISATION / environment
        read = bundle.read_bundle(folder, organisation=ORGANISATION, environment=environment, expected=hash_)
        assert set(read.plans) == set(joined.organisation.catalogue)
        assert read.manifest.organisation == ORGANISATION
        assert read.manifest.environment == environment
        explanation = read.explanation("ecg_result")
        assert explanation is not None
        entry = next(e for e in explanation.entries if e.address == "MSH-3.1")
        assert entry.label == "Sending Application"
        assert entry.settings[0].key == "sending.application"
        assert entry.settings[0].place.line > 0
