"""The administrator's page of how clinicians sign: name and numbers as messages to this hospital carry them.

The form is made of the record that the model gives `signed_by`, so that it asks for what mappings can use and for
nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from segwright.accounts import directory, signers
from segwright.accounts.model import Account
from segwright.delivery.desk import place_of, words
from segwright.delivery.live import RESULT, Live
from segwright.ledger.store import Tx
from segwright.pages.answer import Answer, Go, Page, not_there
from segwright.pages.clinical import reading
from segwright.pages.routes import Call, Route
from segwright.plan.model import RecordType, Type
from segwright.runtime.decode import DecodeRefused

LABELS: Final = {
    "id": "The hospital's own number", "npi": "NPI", "family": "Family name", "given": "First name", "middle": "Middle name",
    "degree": "Degree",
}  # fmt: skip
ORDER: Final = ("given", "middle", "family", "degree", "npi", "id")
LONGEST: Final = 100


class Asked(msgspec.Struct, frozen=True):
    """A field of the form: an attribute of the record."""

    name: str
    label: str
    hint: str


def record_of(live: Live) -> RecordType:
    """The record that says who signed."""
    declared = next(one for one in live.model.records[RESULT.name].attributes if one.name == "signed_by")
    return live.model.records[declared.type.name]


def asked(live: Live) -> tuple[Asked, ...]:
    """What the form asks for: the record's texts."""
    out = [
        Asked(one.name, LABELS.get(one.name, one.name.replace("_", " ").capitalize()), one.doc)
        for one in record_of(live).attributes if one.type.name in ("text", "code")
    ]  # fmt: skip
    return tuple(sorted(out, key=lambda one: ORDER.index(one.name) if one.name in ORDER else len(ORDER)))


def faults(live: Live, given: Mapping[str, str]) -> dict[str, str]:
    """What is wrong with a filled form, by field."""
    out = signers.faults(given)
    try:
        live.decoded(Type("record", record_of(live).name), msgspec.json.encode(given))
    except DecodeRefused as refused:
        for problem in refused.problems:
            out.setdefault(place_of(problem).rpartition(".")[2], words(problem).capitalize() + ".")
    return out


async def _page(
    call: Call, account: int = 0, given: Mapping[str, str] | None = None, wrong: Mapping[str, str] | None = None
) -> Page:
    def look(tx: Tx) -> tuple[list[Account], dict[int, bytes]]:
        found = [one for one in directory.of_organisation(tx, call.org) if "clinician" in one.roles(call.org)]
        return found, signers.signers(tx, call.org, [one.id for one in found])

    clinicians, known = await call.read(look)
    rows = [
        {
            "account": one, "known": one.id in known, "open": one.id == account or (one.id not in known and not account),
            "given": given if given is not None and one.id == account else {
                key: reading.said(value) for key, value in reading.members(known.get(one.id, b"{}")).items()
            },
            "wrong": wrong or {} if one.id == account else {},
            "said": reading.person(reading.members(known.get(one.id, b"{}"))),
        }
        for one in clinicians
    ]  # fmt: skip
    return Page("clinical/signers.html", {"rows": rows, "asked": asked(call.live)}, status=422 if wrong else 200)


async def listed(call: Call) -> Answer:
    """Every clinician of the organisation, and how he signs."""
    return await _page(call)


async def change(call: Call) -> Answer:
    """Says how a clinician signs."""
    number = call.number("account")
    given = {one.name: call.form[one.name][:LONGEST] for one in asked(call.live) if call.form[one.name]}

    def clinician(tx: Tx) -> bool:
        found = directory.account(tx, number)
        return found is not None and "clinician" in found.roles(call.org)

    if not await call.read(clinician):
        raise not_there()
    wrong = faults(call.live, given)
    if wrong:
        return await _page(call, number, given, wrong)
    document = msgspec.json.encode(given)
    await call.write(lambda tx: signers.set_signer(tx, number, call.org, document, call.visitor.name))
    return Go(f"/o/{call.org}/signers", "signer-set")


ROUTES: Final[tuple[Route, ...]] = (
    Route(
        "GET", "/o/{org}/signers", "signers", listed, roles=("administrator",), title="Signing clinicians",
        about="How clinicians stand in the messages that they sign: their names and numbers.",
    ),
    Route("POST", "/o/{org}/signers/{account:int}", "signer-change", change, roles=("administrator",), part_of="signers"),
)  # fmt: skip
