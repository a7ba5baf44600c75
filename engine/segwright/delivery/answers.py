"""What an answer means, or that none came. Pure.

Takes what the transport knows of a try, and the organisation's policy; gives what the ledger writes (`lanes.Known`). The
rules, in order:

- Nothing left: not sent. If nobody but a person can mend it (our certificate, theirs): misconfigured, and the lane stops.
- Bytes left, and nothing of ours came back: uncertain.
- AA confirms, CA accepts.
- A refusal as a duplicate of what may have been sent before means what the policy says it means.
- Record locked, application error (206, 207): refused for now.
- AE and CE are about the content: rejected. AR and CR are about the interface or the receiver: misconfigured, unless
  ERR-3 says that it is
  about an element.

No text of the peer is kept in `detail`: codes, conditions of table 0357 and paths only.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from segwright.hl7.acknowledgement import CONDITIONS, Acknowledgement, Fault, read_acknowledgement
from segwright.ledger.hospital import Policy
from segwright.ledger.lanes import Answer, Known
from segwright.plan.explain import Entry, Explanation
from segwright.transport.sender import CONFIGURATION, Answered, NotSent, Outcome, Uncertain, Why

_ADDRESS: Final = re.compile(r"\(\d+\)|[.\[].*")
"""What of a rule's address goes beyond its field: the occurrence of the segment, component and repetition."""

Explain = Callable[[], Explanation | None]

_STRANGE: Final = frozenset({Why.FOREIGN_ANSWER, Why.BROKEN_ANSWER, Why.UNFRAMED_ANSWER})
_LATER: Final = frozenset({"206", "207"})
_INTERFACE: Final = frozenset({"200", "201", "202", "203"})
_ELEMENT: Final = frozenset({"100", "101", "102", "103", "104", "204"})
_DUPLICATE: Final = re.compile(r"\bduplicate|\balready (?:exists|filed|received|processed)", re.IGNORECASE)


def meaning(outcome: Outcome, policy: Policy, *, again: bool, explain: Explain = lambda: None) -> Known:
    """What a try came to. `again`: the same bytes may have arrived before; `explain` gives where the
    message's plan was written, when somebody must know."""
    match outcome:
        case NotSent(why):
            kind = "misconfigured" if why in CONFIGURATION else "not_sent"
            return Known(kind, _words(why))  # type: ignore[arg-type]
        case Uncertain(why, _, received):
            if why is Why.OUR_CERTIFICATE_REFUSED:
                return Known("misconfigured", _words(why), written=True)
            return Known("uncertain", _words(why), answer=received, strange=why in _STRANGE)
        case Answered(body):
            found = read_acknowledgement(body)
            if not isinstance(found, Acknowledgement):
                return Known("uncertain", "what came back is no acknowledgement", answer=body, strange=True)
            return _answered(found, body, policy, again=again, explain=explain)


def _words(why: Why) -> str:
    return why.value.replace("_", " ")


def _answered(found: Acknowledgement, body: bytes, policy: Policy, *, again: bool, explain: Explain) -> Known:
    code = found.code.value
    if found.code.positive:
        return Known("accepted" if found.code.commit else "confirmed", code, code, body)
    explanation = explain() if found.faults else None
    conditions = {fault.condition for fault in found.faults}
    detail = "; ".join([code, *dict.fromkeys(described(fault, explanation) for fault in found.faults)])
    if again and is_duplicate(found):
        if policy.duplicate_refusal == "delivered":
            return Known("accepted", f"{code}: refused as a duplicate of the earlier try", code, body)
        return Known("rejected", f"{detail}; refused as a duplicate: the earlier try may have been filed", code, body)
    if conditions & _LATER:
        return Known("refused_for_now", detail, code, body)
    about_content = code in ("AE", "CE") or (conditions and conditions <= _ELEMENT)
    if about_content and not conditions & _INTERFACE:
        return Known("rejected", detail, code, body)
    return Known("misconfigured", detail, code, body)


def on_its_own(found: Acknowledgement, policy: Policy) -> Answer | None:
    """What an acknowledgement says that did not come as the answer to a try; None when it is a mere accept acknowledgement
    and the application's is still to come."""
    if not found.code.positive:
        return "rejected"
    return None if found.code.commit and policy.awaits_application else "confirmed"


def is_duplicate(found: Acknowledgement) -> bool:
    """Whether a refusal says that the message is there already."""
    texts = [found.text, *(fault.text for fault in found.faults)]
    return any(fault.condition == "205" for fault in found.faults) or any(_DUPLICATE.search(text) for text in texts)


def described(fault: Fault, explanation: Explanation | None) -> str:
    """A fault by its condition and place, and the line of the mapping and the setting that wrote that place."""
    what = f"{fault.condition} {CONDITIONS[fault.condition]}" if fault.condition in CONDITIONS else "a fault of its own"
    if fault.path is None:
        return what
    where = f"{fault.path.segment}-{fault.path.field}" if fault.path.field else fault.path.segment
    said = "".join(f" ({where})" for where in list(dict.fromkeys(map(_written, writers(fault, explanation))))[:2])
    return f"{what} at {where}{said}"


def writers(fault: Fault, explanation: Explanation | None) -> list[Entry]:
    """The rules that wrote the element that a fault is about."""
    if fault.path is None or explanation is None:
        return []
    where = f"{fault.path.segment}-{fault.path.field}" if fault.path.field else fault.path.segment
    return [entry for entry in explanation.entries if _ADDRESS.sub("", entry.address).endswith(where)]


def _written(entry: Entry) -> str:
    settings = "".join(f", {setting.key} at {setting.place}" for setting in entry.settings[:2])
    return f"written at {entry.place}{settings}"
