"""The worklist: what waits for a signature, what the visitor has begun, what was signed lately."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
import sqlalchemy as sa

from segwright.ledger import studies
from segwright.ledger import tables as t
from segwright.ledger.store import Tx
from segwright.ledger.studies import Study
from segwright.pages.answer import Answer, Page, Saw
from segwright.pages.clinical import reading
from segwright.pages.clinical.reading import Patient, Result
from segwright.pages.routes import Call, Route

TABS: Final = ("waiting", "mine", "signed")
PAGE: Final = 50


class Row(msgspec.Struct, frozen=True):
    """A study on the worklist. `urgency`: in words, "" when it is none; `order`: the hospital's number, "" while there is none;
    `cancelled`: whether its orders were; `holder`: who has it open, "" for nobody or the visitor; `signer`: who signed."""

    study: Study
    patient: Patient
    result: Result
    urgency: str
    age: str
    order: str
    cancelled: bool
    holder: str
    signer: str


def rows(tx: Tx, org: str, zone: str, found: Sequence[Study], account: int) -> tuple[Row, ...]:
    """Studies with what a list shows of them: three looks, however many they are."""
    documents = studies.documents(tx, found)
    orders = studies.orders(tx, {one.case for one in found})
    names = shown_as(tx, {one.holder for one in found if one.held_by_other(account, tx.now)})
    signers = called(tx, {one.signer for one in found})
    out = []
    for one in found:
        theirs = orders.get(one.case, ())
        document = documents.get(one.id, b"")
        first = reading.order(bytes(theirs[0].document), "", "", "", zone) if theirs else None
        whose = (
            bytes(theirs[0].patient) if theirs else msgspec.json.encode(reading.members(document).get("patient") or {})
        )
        patient, result = reading.patient(whose), reading.result(document, zone)
        out.append(Row(
            one, patient, result, first.priority if first is not None else "",
            reading.age(patient.born, result.observed_at or one.at), theirs[0].placer if theirs else "",
            bool(theirs) and {row.state for row in theirs} == {"cancelled"},
            names.get(one.holder, ""), signers.get(one.signer, one.signer),
        ))  # fmt: skip
    return tuple(out)


def shown_as(tx: Tx, accounts: Iterable[int]) -> dict[int, str]:
    """What people read of accounts."""
    wanted = [one for one in accounts if one]
    if not wanted:
        return {}
    return {
        row.id: row.shown_as
        for row in tx.all(sa.select(t.account.c.id, t.account.c.shown_as).where(t.account.c.id.in_(wanted)))
    }


def called(tx: Tx, names: Iterable[str]) -> dict[str, str]:
    """What people read of accounts, by the names that they sign in with. Who signs by the API has none."""
    wanted = [one for one in names if one]
    if not wanted:
        return {}
    found = tx.all(sa.select(t.account.c.name, t.account.c.shown_as).where(t.account.c.name.in_(wanted)))
    return {row.name: row.shown_as for row in found}


def _after(text: str) -> tuple[int, int] | None:
    one, _, other = text.partition("-")
    return (int(one), int(other)) if one.isdigit() and other.isdigit() and len(text) < 40 else None


async def worklist(call: Call) -> Answer:
    """One tab of it."""
    tab = call.query["tab"] if call.query["tab"] in TABS else "waiting"
    place = _after(call.query["after"])
    account, zone = call.visitor.account.id, call.live.manifest.zone

    def look(tx: Tx) -> tuple[tuple[Row, ...], dict[str, Any]]:
        if tab == "waiting":
            found = studies.waiting(tx, call.org, after=place or (-1, 0), limit=PAGE + 1)
        elif tab == "mine":
            found = studies.begun(tx, call.org, account, limit=PAGE + 1)
        else:
            found = studies.signed(tx, call.org, before=place or (2**62, 0), limit=PAGE + 1)
        more = ""
        if len(found) > PAGE and tab != "mine":
            last = found[PAGE - 1]
            more = f"{last.urgency if tab == 'waiting' else last.signed_at}-{last.id}"
        waits = studies.how_many(tx, call.org)
        counts = {"waits": waits, "mine": len(studies.begun(tx, call.org, account, limit=PAGE + 1)), "more": more}
        return rows(tx, call.org, zone, found[:PAGE], account), counts

    listed, counts = await call.read(look)
    if call.live.coding.diagnoses is not None:
        call.live.coding.editions.get_ready(datetime.fromtimestamp(call.now / 1000, UTC).date())
    saw = (Saw(cases=tuple(row.study.case for row in listed)),) if listed else ()
    values = {"tab": tab, "tabs": TABS, "rows": listed, "first": place is None, "most": studies.MOST_COUNTED, **counts}
    return Page("clinical/worklist.html", values, saw=saw)


async def news(call: Call) -> Answer:
    """Whether something came since a page was drawn: numbers, and nothing of a patient."""
    waits = await call.read(lambda tx: studies.how_many(tx, call.org))
    seen = call.query["newest"]
    fresh = seen.isdigit() and len(seen) < 19 and waits.newest > int(seen)
    return Page(
        "clinical/news.html",
        {"fresh": fresh, "waits": waits, "newest": seen if seen.isdigit() else "0"},
        fragment="main",
    )


ROUTES: Final = (
    Route(
        "GET", "/o/{org}/worklist", "worklist", worklist, roles=("clinician",), title="Worklist",
        about="Studies that wait for a signature, those you have begun, and those signed lately.",
    ),
    Route("GET", "/o/{org}/worklist/news", "worklist-news", news, roles=("clinician",), passive=True, part_of="worklist"),
)  # fmt: skip
