"""Problem documents (RFC 9457): how the API says no.

Takes what was raised below; gives a status and a document: which rule, and every fault with its path. No value that somebody
sent ever stands in one."""

from __future__ import annotations

import re
from typing import Final

import msgspec

from segwright.delivery.desk import Fault, Wrong
from segwright.ledger.hospital import NotWritten
from segwright.ledger.results import Conflict
from segwright.ledger.store import Unavailable

MEDIA_TYPE: Final = "application/problem+json"


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why a request was not done. `type`: a URN that names the rule; `faults`: each thing wrong with what was sent."""

    type: str
    title: str
    status: int
    detail: str = ""
    faults: tuple[Fault, ...] = ()


class Refusal(Exception):
    """A request that is not done."""

    def __init__(self, problem: Problem, headers: dict[str, str] | None = None) -> None:
        super().__init__(problem.title)
        self.problem = problem
        self.headers = headers or {}


def refusal(
    status: int, code: str, title: str, detail: str = "", *faults: Fault, headers: dict[str, str] | None = None
) -> Refusal:
    """A refusal under a rule of its own."""
    return Refusal(Problem(f"urn:segwright:{code}", title, status, detail, faults), headers)


def not_there(what: str) -> Refusal:
    """For what is not known, and for what is another organisation's: the two look the same."""
    return refusal(404, "not_found", f"There is no such {what}.")


CONFLICTS: Final = {
    "unknown_result": (404, "There is no such result."),
    "unknown_order": (404, "There is no such order."),
    "another_patient": (409, "It belongs to another patient."),
    "idempotency_key": (422, "This Idempotency-Key was used for another request."),
    "version": (409, "This version of the result is there with another content."),
    "second_final": (409, "There is a final result already."),
    "withdrawn": (409, "The result was withdrawn."),
    "not_shown": (409, "What is signed is not what was shown."),
    "not_signed": (409, "The result is not signed."),
    "nothing_to_sign": (409, "There is nothing to sign."),
    "order_ended": (409, "The order has ended."),
    "too_late": (409, "It is too late to cancel the order."),
}
"""What the ledger refuses: the status, and in one sentence."""

STATUSES: Final = {
    400: "The request cannot be read.",
    401: "A token is missing, or it is nobody's.",
    404: "It is not there, or it is another organisation's.",
    408: "The body did not come in time.",
    409: "It does not fit what is there.",
    413: "The body is too large.",
    415: "The body is not application/json.",
    422: "The content cannot be taken; every fault is listed.",
    503: "The ledger cannot be reached; nothing was kept. The same request may be sent again.",
}


def refused(error: Exception) -> Refusal | None:
    """What was raised below, as a refusal; None for a fault of ours."""
    match error:
        case Refusal():
            return error
        case Wrong(faults=faults):
            unreadable = any(fault.path == "$" for fault in faults) and len(faults) == 1
            title = "The document cannot be read." if unreadable else "The document cannot be taken."
            return refusal(422, "document", title, "", *faults)
        case NotWritten(problems=problems):
            return refusal(422, "not_written", "No message can be made of it.", "", *map(_fault, problems))
        case Conflict(code=code, reason=reason):
            status, title = CONFLICTS.get(code, (409, "It does not fit what is there."))
            return refusal(status, code, title, reason)
        case Unavailable():
            return refusal(
                503, "unavailable", "The ledger cannot be reached.", STATUSES[503], headers={"Retry-After": "2"}
            )
        case _:
            return None


def _fault(problem: str) -> Fault:
    """`ELEMENT: what is wrong with it`, as a fault of that element."""
    place, colon, what = problem.partition(": ")
    return Fault(place, what) if colon and " " not in place else Fault("", problem)


_PLACE: Final = re.compile(r" - at `(.+)`$")
_KEY: Final = re.compile(r"`[^`]*`$")


def unreadable(error: msgspec.MsgspecError, *, place: str = "") -> Refusal:
    """What the decoder said of a body or of parameters, without what it found there."""
    text = str(error)
    if not isinstance(error, msgspec.ValidationError):
        return refusal(400, "not_json", "The body is no JSON.", "", Fault("$", "it cannot be read as JSON"))
    found = _PLACE.search(text)
    path = found[1] if found else "$"
    said = _PLACE.sub("", text)
    if said.startswith("Object contains unknown field"):
        said = "there is an attribute that is not known"
    elif said.startswith("Invalid enum value"):
        said = "it is none of the values that may stand here"
    elif said.startswith("Object missing required field"):
        said = said[0].lower() + said[1:]
    else:
        said = said[0].lower() + said[1:] if said.startswith(("Expected", "Invalid")) else "it cannot be taken"
    path = f"{place}.{path.lstrip('$').lstrip('.')}".rstrip(".") if place else path
    return refusal(422 if not place else 400, "request", "The request cannot be taken.", "", Fault(path, said))
