"""The engine against an evaluator that knows no plan: the same bytes, or the same reasons against the message.

`SEGWRIGHT_ORACLE_EXAMPLES=5000 pytest tests/oracle` tries that many random documents for each message instead of a few, with
`SEGWRIGHT_ORACLE_SEED` others.
"""

from __future__ import annotations

import os
from functools import cache
from random import Random

import pytest

from segwright.runtime.decode import DecodeRefused
from tests.lang.laboratory import lab
from tests.oracle.constructs import ENDINGS, ending, laboratory
from tests.oracle.documents import NULL, Changed, Seen, Trees, dump, load, smaller
from tests.oracle.hospitals import Documents, Subject, cases, subject, workspace

EXAMPLES = int(os.environ.get("SEGWRIGHT_ORACLE_EXAMPLES", "40"))
SEED = os.environ.get("SEGWRIGHT_ORACLE_SEED", "0")
OFTEN = (0.01, 0.03, 0.1, 0.3)
MESSAGES = [
    (name, message)
    for name, organisation in workspace().organisations.items()
    for message, entry in organisation.organisation.catalogue.items()
    if entry.writes
]


@cache
def every_case() -> list[tuple[str, str, Subject, Documents]]:
    return list(cases())


def test_every_case_gives_the_same_bytes() -> None:
    assert len(every_case()) > 80
    for hospital, case, here, documents in every_case():
        written = here.by_engine(documents)
        assert here.by_oracle(documents) == written, (hospital, case)
        assert written.data or written.problems


@cache
def bases(hospital: str, message: str, *, of_all: bool) -> list[Trees]:
    """The documents of the cases of a message; `of_all`: those that other hospitals have for one like it, too."""
    types = subject(hospital, message).types
    return [
        {name: load(document) for name, document in documents.items()}
        for other, _, there, documents in every_case()
        if there.types == types and (of_all or other == hospital)
    ]


@cache
def seen(hospital: str, *, of_all: bool) -> Seen:
    """What stands in the documents of the cases."""
    found = Seen(workspace().organisations[hospital].model)
    for other, _, there, documents in every_case():
        for name, document in documents.items():
            if of_all or other == hospital:
                found.look(there.types[name], load(document))
    return found


def changed(random: Random, here: Subject, known: Seen, trees: Trees, *, wild: bool) -> Trees:
    """Other documents of a message. The first order of a group is the order; the status is one that may go out."""
    change = Changed(random, known, random.choice(OFTEN), tame=not wild)
    made: Trees = {}
    for name, type_ in here.types.items():
        change.nulls = name in ("order", "patient", "group")
        if name in trees and not (name == "order" and random.random() < 0.03):
            made[name] = change.value(type_, trees[name], [])
    if "group" in made:
        made["group"] = [made["order"], *made["group"][1:]] if "order" in made else []
    for tree in made.values():
        if isinstance(tree, dict) and tree.get("status") not in (None, *here.kinds):
            tree["status"] = random.choice(here.kinds)
    return made


def agree(here: Subject, trees: Trees) -> None:
    """Both write the same for documents, or for the least of them for which they do not."""
    if differs(here, trees):
        small = smaller(trees, lambda less: differs(here, less))
        documents = {name: dump(tree) for name, tree in small.items()}
        assert here.by_oracle(documents) == here.by_engine(documents), documents


def differs(here: Subject, trees: Trees) -> bool:
    """Whether the two write otherwise; documents that nobody takes do not count."""
    documents = {name: dump(tree) for name, tree in trees.items()}
    if not here.needed <= documents.keys():
        return False
    try:
        written = here.by_engine(documents)
    except DecodeRefused:
        return False
    return here.by_oracle(documents) != written


@pytest.mark.parametrize(("hospital", "message"), MESSAGES)
def test_random_documents_give_the_same(hospital: str, message: str) -> None:
    here = subject(hospital, message)
    for number in range(EXAMPLES):
        random = Random(f"{SEED} {hospital} {message} {number}")
        wild = random.random() < 0.4
        trees = random.choice(bases(hospital, message, of_all=wild))
        agree(here, changed(random, here, seen(hospital, of_all=wild), trees, wild=wild))


def of_laboratory() -> tuple[Subject, Seen, Trees]:
    """What no hospital uses, with its documents."""
    here, documents = laboratory()
    trees = {name: load(document) for name, document in documents.items()}
    known = Seen(here.model)
    for name, tree in trees.items():
        known.look(here.types[name], tree)
    return here, known, trees


def test_what_no_hospital_uses_gives_the_same() -> None:
    here, known, trees = of_laboratory()
    for number in range(EXAMPLES * 3):
        random = Random(f"{SEED} laboratory {number}")
        agree(here, changed(random, here, known, trees, wild=random.random() < 0.3))


def test_a_mapping_with_a_mistake_in_it_gives_the_same() -> None:
    """Whatever compiles is a mapping: each of these differs from one above in a path, a condition, a fallback, …"""
    sources = [(*key, subject(*key), seen(key[0], of_all=False), bases(*key, of_all=False)) for key in MESSAGES]
    here, known, trees = of_laboratory()
    sources.append(("laboratory", "result", here, known, [trees]))
    compiled = 0
    for hospital, message, right, known, every in sources:
        for number in range(EXAMPLES // 20):
            random = Random(f"{SEED} {hospital} {message} mistake {number}")
            wrong = right.with_mistake(random)
            if wrong is None:
                continue
            compiled += 1
            for often in range(4):
                trees = random.choice(every)
                agree(wrong, changed(random, wrong, known, trees, wild=random.random() < 0.2) if often else trees)
    assert compiled * 60 >= EXAMPLES * 10


# --- where the two once differed -----------------------------------------------------------------------------------------


def final(hospital: str) -> Trees:
    """The documents of a hospital's first final result."""
    return next(
        {name: load(document) for name, document in documents.items()}
        for other, case, _, documents in every_case()
        if (other, case) == (hospital, "final")
    )


def same(hospital: str, trees: Trees) -> None:
    here = subject(hospital, "ecg_result")
    documents = {name: dump(tree) for name, tree in trees.items()}
    assert here.by_engine(documents) == here.by_oracle(documents)


def test_null_in_braces() -> None:
    trees = final("stbrigid")
    trees["patient"]["sex"] = NULL
    same("stbrigid", trees)


@pytest.mark.parametrize("name", ENDINGS)
def test_where_the_lines_of_a_text_end(name: str) -> None:
    here, documents = ending(name)
    assert here.by_engine(documents) == here.by_oracle(documents)


@pytest.mark.parametrize(
    ("record", "attribute"),
    [("name", "given"), ("address", "city"), ("name", "family"), ("address", "street")],
)
def test_a_limit_on_a_type_holds_wherever_the_type_stands(record: str, attribute: str) -> None:
    trees = final("tamarack")
    trees["patient"][record][attribute] = "n" * 1001
    same("tamarack", trees)


@pytest.mark.parametrize("places", [(".5", ".5"), (".5.1", ".5"), (".5", ".5.1")])
def test_two_rules_of_a_format_for_one_place(places: tuple[str, str]) -> None:
    lines = f"  .1 = i.id\n  {places[0]} = i.authority optional\n  {places[1]} = i.type optional\n"
    body = "segment ZZA\n  ZZA-1 = first i in patient.identifiers as two  required\n"
    run = lab(body, declarations=f"format two(i: Identifier) as CX\n{lines}end\n")
    assert run.codes == ("SW0401",), run.segments
