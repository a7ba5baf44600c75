"""Results: submitted, uploaded, looked at, signed, amended, withdrawn; and the diagnoses to choose from."""

from __future__ import annotations

from datetime import date
from typing import Any, Final

import msgspec

from segwright.codes import saying
from segwright.delivery import billing, desk
from segwright.delivery.live import Live
from segwright.ledger import results as ledger
from segwright.ledger import views
from segwright.ledger.results import Act, Taken
from segwright.ledger.store import Tx
from segwright.web import answers
from segwright.web.answers import (
    Because,
    DeliveryList,
    Diagnosis,
    DiagnosisList,
    HowMany,
    MessageShown,
    ResultAnswer,
    ResultSubmission,
    RevisionAnswer,
    Search,
    ShownAnswer,
    ShownFor,
    SignatureWithdrawn,
    Signing,
    SubmissionAnswer,
    SuggestedDiagnosis,
    SuppressedAnswer,
    Upload,
    time,
)
from segwright.web.operations import Call, Does, Operation
from segwright.web.problems import not_there


def _taken(tx: Tx, call: Call, taken: Taken, result: str) -> tuple[int, SubmissionAnswer]:
    owed = answers.deliveries(tx, call.org, taken.deliveries)
    answer = SubmissionAnswer(taken.outcome, result, taken.version, taken.case, taken.reason, owed)
    return 201 if taken.outcome == "new" else 200, answer


def _submit(tx: Tx, call: Call, pathway: ledger.Pathway) -> tuple[int, SubmissionAnswer]:
    submission = desk.Submission(call.body.result, call.body.order)
    taken = desk.submit(tx, call.live, submission, pathway, call.actor)
    return _taken(tx, call, taken, _id(call.body.result))


def _id(document: msgspec.Raw) -> str:
    """The id of a result that was just taken."""
    return str(msgspec.json.decode(document, type=dict[str, Any])["id"])


def submit(tx: Tx, call: Call) -> tuple[int, SubmissionAnswer]:
    """A result or a revision, as the answer to an order or started by the platform."""
    return _submit(tx, call, "platform" if call.body.order is None else "order")


def upload(tx: Tx, call: Call) -> tuple[int, SubmissionAnswer]:
    """A preliminary result from a person."""
    return _submit(tx, call, "upload")


def look(tx: Tx, call: Call) -> tuple[int, ResultAnswer]:
    """A result with everything about it."""
    result = call.path["result"]
    found = views.revisions(tx, call.org, result)
    if not found:
        raise not_there("result")
    revisions = tuple(
        RevisionAnswer(
            one.version, one.kind, one.pathway, one.content, time(one.at), time(one.signed_at) if one.signed_at else None,
            msgspec.Raw(one.document),
        )
        for one in found
    )  # fmt: skip
    left_out = tuple(
        SuppressedAnswer(one.version, one.kind, one.pathway, one.reason, time(one.at))
        for one in views.suppressed(tx, call.org, result)
    )
    return 200, ResultAnswer(result, revisions, _deliveries(tx, call), left_out)


def _deliveries(tx: Tx, call: Call) -> tuple[answers.DeliveryAnswer, ...]:
    found = views.deliveries_of_result(tx, call.org, call.path["result"])
    return tuple(answers.delivery(tx, call.org, one) for one in found)


def deliveries(tx: Tx, call: Call) -> tuple[int, DeliveryList]:
    """What went or goes out for a result."""
    if not views.revisions(tx, call.org, call.path["result"]):
        raise not_there("result")
    return 200, DeliveryList(_deliveries(tx, call))


def shown(tx: Tx, call: Call) -> tuple[int, ShownAnswer]:
    """What a clinician is asked to sign."""
    act = call.query.act
    found = desk.shown(tx, call.live, call.path["result"], act)
    destinations = {owed.message: owed.destination for owed in call.live.owed(found.kind)}
    messages = tuple(MessageShown(name, destinations[name], plan) for name, plan in sorted(found.plans.items()))
    record, _, _ = desk.canonical(call.live, found.document)
    suggested = tuple(
        SuggestedDiagnosis(one.code, one.display, tuple(reason.name for reason in one.because))
        for one in billing.suggestions_for(call.live, record)
    )
    return 200, ShownAnswer(
        found.token, act, found.kind, found.version, msgspec.Raw(found.document), messages,
        _how_many(call.live, billing.service_day(call.live, record)), suggested,
    )  # fmt: skip


def _how_many(live: Live, on: date | None) -> HowMany | None:
    rules = live.coding
    if rules.diagnoses is None:
        return None
    edition = None if on is None else rules.editions.on(on)
    return HowMany(
        rules.minimum, rules.maximum, None if on is None else str(on), None if edition is None else edition.name,
        saying.covering(rules.editions, on),
    )  # fmt: skip


def _signing(act: Act) -> Does:
    def does(tx: Tx, call: Call) -> tuple[int, SubmissionAnswer]:
        asked: Signing = call.body
        signature = desk.Signature(
            asked.shown, asked.signed_by, asked.diagnoses, asked.interpretation, asked.comments
        )  # fmt: skip
        result = call.path["result"]
        taken = desk.sign(tx, call.live, act, result, signature, call.actor)
        return 200, _taken(tx, call, taken, result)[1]

    return does


def withdraw_signature(tx: Tx, call: Call) -> tuple[int, SignatureWithdrawn]:
    """Takes a signature back."""
    left = ledger.withdraw_signature(tx, call.live, call.path["result"], call.actor, call.body.reason)
    return 200, SignatureWithdrawn(answers.deliveries(tx, call.org, left))


# --- diagnoses --------------------------------------------------------------------------------------------------------------


def diagnoses(_: Tx, call: Call) -> tuple[int, DiagnosisList]:
    """The diagnoses that fit a search."""
    rules, asked = call.live.coding, call.query
    if asked.everywhere and rules.diagnoses is not None:
        offers = rules.search_everywhere(asked.q, asked.on, asked.limit)
        every = tuple(Diagnosis(offer.code, offer.display, offer.listed) for offer in offers)
        return 200, DiagnosisList(rules.minimum, rules.maximum, len(every), every)
    found = rules.search(asked.q, asked.limit)
    listed = tuple(Diagnosis(choice.code, choice.display, first=choice.first) for choice in found)
    return 200, DiagnosisList(rules.minimum, rules.maximum, rules.index.count(asked.q), listed)


OPERATIONS: Final = (
    Operation(
        "POST", "/v1/results", "submitResult", "Submit a result, or a revision of one", submit, SubmissionAnswer, (200, 201),
        body=ResultSubmission, refuses=(404, 409, 422),
    ),
    Operation(
        "POST", "/v1/uploads", "uploadResult", "Upload a result for preliminary delivery", upload, SubmissionAnswer, (200, 201),
        body=Upload, refuses=(404, 409, 422),
    ),
    Operation(
        "GET", "/v1/results/{result}", "getResult", "A result: revisions, deliveries, what was suppressed", look,
        ResultAnswer, refuses=(404,),
    ),
    Operation(
        "GET", "/v1/results/{result}/deliveries", "listDeliveries", "What went or goes out for a result", deliveries,
        DeliveryList, refuses=(404,),
    ),
    Operation(
        "GET", "/v1/results/{result}/shown", "showForSignature", "What a clinician is shown, and the token to sign it with",
        shown, ShownAnswer, query=ShownFor, refuses=(404, 409),
    ),
    Operation(
        "POST", "/v1/results/{result}/sign", "signResult", "Sign: a preliminary result becomes the final one",
        _signing("sign"), SubmissionAnswer, body=Signing, refuses=(404, 409, 422),
    ),
    Operation(
        "POST", "/v1/results/{result}/amend", "amendResult", "Sign a correction of a signed result", _signing("amend"),
        SubmissionAnswer, body=Signing, refuses=(404, 409, 422),
    ),
    Operation(
        "POST", "/v1/results/{result}/withdraw", "withdrawResult", "Sign that a result must no longer be used",
        _signing("withdraw"), SubmissionAnswer, body=Signing, refuses=(404, 409, 422),
    ),
    Operation(
        "POST", "/v1/results/{result}/withdraw-signature", "withdrawSignature",
        "Take a signature back: what has not left is held again", withdraw_signature, SignatureWithdrawn, body=Because,
        refuses=(404, 409, 422),
    ),
    Operation(
        "GET", "/v1/diagnoses", "listDiagnoses", "The organisation's diagnoses, by the beginning of a code or by words",
        diagnoses, DiagnosisList, query=Search, refuses=(400,),
    ),
)  # fmt: skip
