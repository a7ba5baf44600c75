"""One study as its page needs it: read from the ledger in one look, nothing drawn yet.

`looked` gives a `Looked`: the documents, what the visitor chose so far, what signing would send and what stands against
it, the codes with what is wrong with each, suggestions, what was found, earlier results of the same patient with their
trends, and how far what was sent is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

import msgspec

from segwright.accounts import signers
from segwright.codes import saying as code_words
from segwright.codes.icd10cm import undotted
from segwright.codes.judging import CodeFault, Offer, Suggested
from segwright.delivery import billing, signing
from segwright.delivery.live import RESULT, Live
from segwright.delivery.signing import Chosen, Prepared
from segwright.ledger import people, results, studies, views
from segwright.ledger.results import Act
from segwright.ledger.store import Tx
from segwright.ledger.studies import Draft, Study
from segwright.pages.clinical import reading
from segwright.pages.clinical.reading import Order, Patient, Point, Result, Trend
from segwright.pages.clinical.worklist import called, shown_as
from segwright.plan.manifest import Choice

MOST_FOUND: Final = 8
MOST_EARLIER: Final = 12
SHORTEST_EVERYWHERE: Final = 3


class Typed(msgspec.Struct, frozen=True):
    """What a clinician has chosen and typed on a study and not signed. None: not touched. `searched`: for codes."""

    codes: tuple[str, ...] | None = None
    interpretation: str | None = None
    comments: str | None = None
    searched: str = ""


def typed(body: bytes) -> Typed:
    """A draft's body."""
    try:
        return msgspec.json.decode(body, type=Typed)
    except msgspec.DecodeError:
        return Typed()


class Row(msgspec.Struct, frozen=True):
    """A chosen code: its place from 1, what is wrong with it, and codes to take instead."""

    place: int
    code: str
    display: str
    faults: tuple[str, ...]
    offers: tuple[Offer, ...]


class Coding(msgspec.Struct, frozen=True):
    """The billing codes of a study. `sent`: whether this organisation is sent any; `rules`: how many, in words; `covered`: by
    which edition they are judged, `uncovered`: that there is none, else ""; `whole`: what is wrong with all of them together;
    `found`: what a search found, `elsewhere`: in the edition but not in the organisation's list; `full`: no more may be
    chosen."""

    sent: bool
    chosen: tuple[Row, ...]
    rules: str
    covered: str
    uncovered: str
    whole: tuple[str, ...]
    suggested: tuple[Suggested, ...]
    searched: str
    found: tuple[Choice, ...]
    elsewhere: tuple[Offer, ...]
    full: bool


class Earlier(msgspec.Struct, frozen=True):
    """An earlier result of the same patient."""

    study: int
    at: int
    result: Result


class Looked(msgspec.Struct, frozen=True):
    """A study. `base`: the result as it stands, `result`: as it would be signed; `typed`: what the visitor chose;
    `begun_on_other`: he chose it on another version; `prepared`: what the act would do; `sent`: the bytes of what was sent, by
    delivery; `signer`: how the visitor signs, `signed_by`: who signed; `people`: shown names of accounts."""

    study: Study
    act: Act
    patient: Patient
    orders: tuple[Order, ...]
    result: Result
    base: Result
    typed: Typed
    begun_on_other: bool
    prepared: Prepared
    coding: Coding
    earlier: tuple[Earlier, ...]
    trends: Mapping[str, Trend]
    deliveries: tuple[views.Delivery, ...]
    sent: Mapping[int, bytes]
    signer: str
    signed_by: str
    people: Mapping[int, str]
    now: int

    @property
    def cases(self) -> tuple[int, ...]:
        """Whose data it shows."""
        return (self.study.case,)


def chosen_of(draft: Typed, base: Result, live: Live) -> Chosen:
    """What is to be signed: what was chosen, and where nothing was what the result says. Texts that are as they were are not
    touched."""
    codes = draft.codes if draft.codes is not None else tuple(code for code, _ in base.diagnoses)
    if live.coding.diagnoses is None:
        codes = ()
    interpretation = draft.interpretation if draft.interpretation != base.interpretation else None
    comments = None if draft.comments is None else lines(draft.comments)
    return Chosen(codes, interpretation or None, None if comments == base.comments else comments)


def lines(text: str) -> tuple[str, ...]:
    """The lines of a text that say something."""
    return tuple(line.strip() for line in text.split("\n") if line.strip())


def act_of(tx: Tx, live: Live, study: Study, wanted: str) -> Act:
    """What can be done with a study: signing what is not signed, amending what is."""
    if wanted in ("amend", "withdraw") and study.state == "signed":
        return "amend" if wanted == "amend" else "withdraw"
    return "sign"


def looked(tx: Tx, live: Live, study: Study, account: int, at: int, *, wanted: str = "sign") -> Looked:
    """A study, at a time."""
    zone = live.manifest.zone
    act = act_of(tx, live, study, wanted)
    document = studies.documents(tx, [study])[study.id]
    base = reading.result(document, zone)
    kept = studies.draft(tx, live.org, study.result, account)
    draft = typed(kept.body) if kept is not None else Typed()
    ordered = studies.orders(tx, [study.case]).get(study.case, ())
    whose = (
        bytes(ordered[0].patient) if ordered else msgspec.json.encode(reading.members(document).get("patient") or {})
    )
    signer = signers.signer(tx, account, live.org)
    chosen = chosen_of(draft, base, live)
    prepared = signing.prepare(tx, live, study, act, chosen, account=account, signer=signer, at=at)
    deliveries = views.deliveries_of_result(tx, live.org, study.result)
    before = earlier(tx, live, study, whose, base.observed_at)
    record = live.decoded(RESULT, document)
    return Looked(
        study, act, reading.patient(whose),
        tuple(reading.order(bytes(one.document), one.state, one.placer, one.filler, zone) for one in ordered),
        reading.result(prepared.document, zone) if prepared.shown is not None else base, base, draft,
        kept is not None and _on_other(tx, live, study, kept), prepared,
        coding(live, record, chosen.codes or (), prepared.faults, draft.searched), before, trends(base, before), deliveries,
        studies.sent(tx, [one.id for one in deliveries]) if study.state == "signed" else {},
        reading.person(reading.members(signer)) if signer is not None else "",
        called(tx, [study.signer]).get(study.signer, study.signer), shown_as(tx, {study.holder}), tx.now,
    )  # fmt: skip


def _on_other(tx: Tx, live: Live, study: Study, kept: Draft) -> bool:
    """Whether a draft of a study that waits was begun on another version of its result."""
    return study.state == "waiting" and kept.content != results.newest(tx, live, study.result).content


# --- codes ------------------------------------------------------------------------------------------------------------------


def coding(
    live: Live, record: tuple[Any, ...], codes: Sequence[str], faults: Sequence[CodeFault], searched: str
) -> Coding:  # fmt: skip
    """The billing codes of a study, with what the organisation says of them."""
    rules, on = live.coding, billing.service_day(live, record)
    plain = {_key(code) for code in codes}
    suggested = tuple(one for one in billing.suggestions_for(live, record) if _key(one.code) not in plain)
    found: tuple[Choice, ...] = ()
    elsewhere: tuple[Offer, ...] = ()
    if searched and rules.diagnoses is not None:
        found = rules.search(searched, MOST_FOUND)
        if not found and len(searched) >= SHORTEST_EVERYWHERE:
            elsewhere = tuple(one for one in rules.search_everywhere(searched, on, MOST_FOUND) if not one.listed)
    return Coding(
        rules.diagnoses is not None, tuple(_row(live, on, number, code, faults) for number, code in enumerate(codes)),
        how_many(rules.minimum, rules.maximum), code_words.covering(rules.editions, on), code_words.uncovered(rules.editions, on),
        tuple(code_words.said(fault) for fault in faults if fault.at is None and fault.kind != "none_sent"), suggested, searched,
        found, elsewhere, len(codes) >= rules.maximum,
    )  # fmt: skip


def suggestions(tx: Tx, live: Live, study: Study) -> list[str]:
    """The codes that the organisation's table suggests for a study."""
    record = live.decoded(RESULT, studies.documents(tx, [study])[study.id])
    return [one.code for one in billing.suggestions_for(live, record)]


def _key(code: str) -> str:
    return undotted(code) or code.strip().upper()


def _row(live: Live, on: date | None, number: int, code: str, faults: Sequence[CodeFault]) -> Row:
    choice = live.coding.choice(code)
    own = [fault for fault in faults if fault.at == number]
    display = choice.display if choice is not None else next((fault.display for fault in own if fault.display), "")
    offers = tuple(offer for fault in own for offer in fault.offers)
    return Row(
        number + 1, choice.code if choice else code, display, tuple(code_words.said(fault) for fault in own), offers
    )


def how_many(minimum: int, maximum: int) -> str:
    """How many codes a hospital takes, in words."""
    if minimum and minimum == maximum:
        return f"exactly {maximum}"
    return f"{minimum} to {maximum}" if minimum else f"up to {maximum}"


# --- earlier results --------------------------------------------------------------------------------------------------------


def earlier(tx: Tx, live: Live, study: Study, patient: bytes, observed_at: int) -> tuple[Earlier, ...]:
    """Results of the same patient from before this one was `observed_at`, the latest first."""
    cases = [one for one in people.cases_of_patient(tx, live.org, patient, MOST_EARLIER + 1) if one != study.case]
    found = studies.of_cases(tx, live.org, cases)
    documents = studies.documents(tx, found)
    zone = live.manifest.zone
    read = [(one.id, reading.result(documents[one.id], zone)) for one in found if one.id in documents]
    out = [
        Earlier(number, one.observed_at, one) for number, one in read
        if 0 < one.observed_at < observed_at and one.kind != "withdrawn"
    ]  # fmt: skip
    return tuple(sorted(out, key=lambda each: -each.at))[:MOST_EARLIER]


def trends(now: Result, before: Sequence[Earlier]) -> dict[str, Trend]:
    """How each measurement went, by its kind."""
    said_when = {one.at: reading.said_day(one.at) for one in before}
    out = {}
    for measured in now.measurements:
        points = [Point(now.observed_at, measured.value)]
        for one in before:
            points += [
                Point(one.at, other.value) for other in one.result.measurements
                if (other.kind, other.unit) == (measured.kind, measured.unit)
            ]  # fmt: skip
        found = reading.trend(measured, points, said_when)
        if found is not None:
            out[measured.kind] = found
    return out
