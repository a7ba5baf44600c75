"""Every rule has an English sentence, and it says what the rule says."""

from __future__ import annotations

from pathlib import Path

import pytest

from segwright.core.source import Source
from segwright.lang import ast
from segwright.lang.parse import parse
from segwright.lang.scope import Layer
from segwright.lang.sentence import sentence
from segwright.review.rules import rules_of

ROOT = Path(__file__).resolve().parents[2]


def rules(text: str) -> dict[str, str]:
    file, found = parse(Source("orgs/mercy/x.seg", text))
    assert not found, found
    return {rule.address: rule.sentence for rule in rules_of(Layer("mercy", (file,)))}


WRITES = "mapping m writes ORU^R01\n  from order: Order, result: Result\n\nsegment OBR\n  "


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ('OBR-1 = "RE"', "OBR-1 is “RE”."),
        ("OBR-1 = count OBR", "OBR-1 is the number of OBR segments so far."),
        ("OBR-2 = order.placer_number required", "OBR-2 is order.placer_number (without it there is no message)."),
        ("OBR-24 = org.orders.section optional", "OBR-24 is the setting orders.section (left out when there is none)."),
        ("OBR-25 = result.status via status_0123", "OBR-25 is result.status by the table `status_0123`."),
        ("OBR-7 = result.observed_at as dtm", "OBR-7 is result.observed_at as dtm."),
        ("OBR-3 = order.filler_number else result.study", "OBR-3 is order.filler_number, or where that is missing result.study."),
        ('OBR-8 = "A" when result.flag is abnormal\n        = blank otherwise', "OBR-8 is “A” when result.flag is abnormal; it is empty otherwise."),
        ('OBR-4 = "A" ^ blank ^ "L"', "OBR-4 is “A” ^ nothing ^ “L”."),
        ("OBR-9 = null", "OBR-9 is the HL7 null, which deletes."),
    ],
)  # fmt: skip
def test_a_rule_is_said_as_people_would(rule, said):
    address = rule.split(" ")[0]
    assert rules(WRITES + rule + "\n")[address] == said


def test_overlays_tables_and_checks_are_said():
    found = rules(
        'overlay m\n\nremove OBX-6, OBX-8\n  because "x"\nmove loop diagnoses at end of message\n  because "x"\n'
        'override segment PV1 when patient.class is present\n  because "x"\n'
        'add check npi that result.signed_by is present\n  else "no signature"\n  because "x"\n'
        'override table codes\n  heart_rate -> "8867-4", "bpm"\n  otherwise -> error, blank\nend\n  because "x"\n'
    )
    assert found == {
        "remove OBX-6": "OBX-6 is not sent.",
        "remove OBX-8": "OBX-8 is not sent.",
        "move loop diagnoses": "Loop diagnoses moves to the end of message.",
        "override segment PV1": "Segment PV1 is sent only when patient.class is present.",
        "check npi": "A message is refused (npi: “no signature”) unless result.signed_by is present.",
        "heart_rate": "`heart_rate` is sent as 8867-4, bpm.",
        "otherwise": "Anything else is sent as nothing: the message is refused, blank.",
    }


def test_every_rule_of_the_repository_has_one_and_none_shows_a_tree():
    count = 0
    for path in [*ROOT.glob("mappings/**/*.seg"), *ROOT.glob("orgs/*/*.seg")]:
        file, _ = parse(Source(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")))
        for rule in rules_of(Layer("x", (file,))):
            count += 1
            assert rule.sentence, rule
            assert "Span(" not in rule.sentence, rule.sentence
            assert "\n" not in rule.sentence, rule.sentence
    assert count > 400


def test_a_sentence_ends_as_sentences_do():
    assert sentence(ast.Remove(())) == " are not sent." or sentence(ast.Remove(())).endswith(".")
