"""Orders and messages by whatever number somebody has in the hand.

Takes a text as it stands in a message or on paper (`A1`, `A1^EHR`); gives what it names in one organisation, each by an index: a
number of an order or study, a result's id, the control id (MSH-10) of a message of ours or theirs, and, where asked for, a
patient's number. Nothing is guessed: it is this number or it is not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
import sqlalchemy as sa

from segwright.ledger import people, views
from segwright.ledger import tables as t
from segwright.ledger.store import Tx

MOST: Final = 50
"""Finds of each sort."""


class Case(msgspec.Struct, frozen=True):
    """A study that goes by the number. `as_`: as which of its names, `patient` for the number of its patient; `results`: ids."""

    id: int
    as_: tuple[str, ...]
    orders: tuple[views.Order, ...]
    results: tuple[str, ...]


class Found(msgspec.Struct, frozen=True):
    """What a text names. `deliveries`: whose message went out under it; `messages`: what came under it."""

    cases: tuple[Case, ...]
    deliveries: tuple[views.Delivery, ...]
    messages: tuple[views.Came, ...]

    @property
    def nothing(self) -> bool:
        """Whether it names nothing."""
        return not (self.cases or self.deliveries or self.messages)


def find(tx: Tx, org: str, text: str, *, patients: bool = False) -> Found:
    """What a text names. `patients`: also patients' numbers."""
    number, _, assigner = text.strip().partition("^")
    if not number:
        return Found((), (), ())
    as_: dict[int, list[str]] = {}
    for one, kind in _named(tx, org, number, assigner):
        as_.setdefault(one, []).append(kind)
    if patients and not assigner:
        for one in people.cases_by_number(tx, org, number, MOST):
            as_.setdefault(one, []).append("patient")
    cases = tuple(case(tx, org, number_, kinds) for number_, kinds in sorted(as_.items(), reverse=True)[:MOST])
    return Found(cases, _sent(tx, org, text.strip()), _came(tx, org, text.strip()))


def _named(tx: Tx, org: str, number: str, assigner: str) -> list[tuple[int, str]]:
    c = t.alias.c
    where = [c.org == org, c.value == number]
    if assigner:
        where.append(c.assigner == assigner)
    rows = tx.all(sa.select(c.case_id, c.kind).where(*where).order_by(c.case_id.desc(), c.kind).limit(MOST * 4))
    return list(dict.fromkeys((int(row.case_id), str(row.kind)) for row in rows))


def case(tx: Tx, org: str, number: int, kinds: Sequence[str]) -> Case:
    """A study with its orders and results."""
    c = t.revision.c
    rows = tx.all(sa.select(c.result_id).where(c.case_id == number, c.org == org).order_by(c.id))
    results = tuple(dict.fromkeys(row.result_id for row in rows))
    return Case(number, tuple(dict.fromkeys(kinds)), views.orders_of_case(tx, org, number), results)


def _sent(tx: Tx, org: str, control_id: str) -> tuple[views.Delivery, ...]:
    where = (t.build.c.org == org, t.build.c.control_id == control_id)
    numbers = [row.delivery_id for row in tx.all(sa.select(t.build.c.delivery_id).where(*where).limit(MOST))]
    found = (views.delivery(tx, org, number) for number in dict.fromkeys(numbers))
    return tuple(one for one in found if one is not None)


def _came(tx: Tx, org: str, control_id: str) -> tuple[views.Came, ...]:
    c = t.inbox.c
    columns = (c.id, c.listener, c.type, c.control_id, c.state, c.code, c.reason, c.at)
    rows = tx.all(sa.select(*columns).where(c.org == org, c.control_id == control_id).order_by(c.id.desc()).limit(MOST))
    return tuple(views.Came(*tuple(row)) for row in rows)
