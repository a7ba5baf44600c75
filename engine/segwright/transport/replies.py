"""Answers to what never became a message, or whose handling failed.

Takes what a listener's handler is told, and the control id and time of the answer; gives the `Reply`. The sender is answered only
where its MSH can be read whole, and by its own rules (MSH-15, MSH-16); no content is repeated besides what addresses the answer.
"""

from __future__ import annotations

from segwright.hl7.acknowledgement import Fault, Verdict, acknowledge, header_of, owed
from segwright.transport.framing import Reason, Refused
from segwright.transport.listener import CLOSE, Reply


def reply_to_refused(refused: Refused, *, control_id: str, time: str) -> Reply:
    """For a frame that is no message; the connection ends. Too large: rejected (AR). An end block inside: an error (AE).

    A frame whose end block was lost gets no answer. Another frame has begun, its sender awaits that one's answer, and one who
    counts answers would take this for it; a connection that ends acknowledges neither.
    """
    match refused.reason:
        case Reason.TOO_LARGE:
            return _reply(refused.head, "rejected", "104", "the message is larger than is taken", control_id, time)
        case Reason.END_INSIDE:
            return _reply(refused.head, "error", "102", "an end block stands inside the message", control_id, time)
        case Reason.START_INSIDE | Reason.CUT_SHORT:
            return CLOSE


def reply_to_failure(message: bytes, *, control_id: str, time: str) -> Reply:
    """For a message whose handling failed through no fault of its own: an error (AE, condition 207), after which its sender
    sends it again. Where it wants no answer, the end of the connection is one."""
    reply = _reply(message, "error", "207", "the message could not be processed now", control_id, time)
    return Reply(reply.answer, close=not reply.answer)


def _reply(head: bytes, verdict: Verdict, condition: str, text: str, control_id: str, time: str) -> Reply:
    whole = b"\r" in head or b"\n" in head  # else MSH may have been cut, and MSH-10 with it
    header = header_of(head) if whole else None
    code = (owed(header, verdict).accept or owed(header, verdict).application) if header else None
    if header is None or code is None:
        return CLOSE
    fault = Fault(condition, text=text)
    return Reply(acknowledge(header, code, control_id=control_id, time=time, text=text, faults=[fault]), close=True)
