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
from tests.oracle.documents import Changed, Seen, Tree, Trees, dump, load, smaller
from tests.oracle.hospitals import Documents, Subject, cases, subject, workspace

EXAMPLES = int(os.environ.get("SEGWRIGHT_ORACLE_EXAMPLES", "60"))
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
def seen() -> Seen:
    """What stands in the documents of all cases."""
    found = Seen(workspace().organisations["larkspur"].model)
    for _, _, here, documents in every_case():
        for name, document in documents.items():
            found.look(here.types[name], load(document))
    return found


def changed(random: Random, here: Subject, trees: Trees) -> Trees:
    """Other documents of the same message. The first order of a group is the order; the status is one that may go out."""
    change = Changed(random, seen(), random.choice(OFTEN))
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
    bases: list[dict[str, Tree]] = [
        {name: load(document) for name, document in documents.items()}
        for _, _, other, documents in every_case()
        if other.types == here.types
    ]
    for number in range(EXAMPLES):
        random = Random(f"{SEED} {hospital} {message} {number}")
        trees = changed(random, here, random.choice(bases))
        if differs(here, trees):
            small = smaller(trees, lambda less: differs(here, less))
            documents = {name: dump(tree) for name, tree in small.items()}
            assert here.by_oracle(documents) == here.by_engine(documents), documents
