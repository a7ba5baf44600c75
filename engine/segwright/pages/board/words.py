"""Plain words for what the board shows: states, actions, gates, events."""

from __future__ import annotations

from typing import Any, Final

from segwright.ledger import tally
from segwright.ledger.views import Delivery

STATE: Final[dict[str, tuple[str, str]]] = {
    "held": ("Held", "doubt"), "waiting": ("Waiting", "idle"), "ready": ("In line", "busy"), "sending": ("In flight", "busy"),
    "uncertain": ("Sent or not?", "doubt"), "needs_decision": ("Needs a decision", "bad"), "rejected": ("Rejected", "bad"),
    "accepted": ("Accepted", "good"), "confirmed": ("Confirmed", "good"), "void": ("Void", "idle"),
    "unknown": ("Fate unknown", "doubt"),
}  # fmt: skip
"""Each state as people call it, and the colour that repeats it."""

MEANS: Final = {
    "held": "It is kept back: for a signature, an order, or a person.",
    "waiting": "Something before it in its chain is not decided yet.",
    "ready": "Its bytes are frozen; it goes when its turn comes.",
    "sending": "It is on the wire; the answer is awaited.",
    "uncertain": "It left and no answer came: did it arrive? The same bytes go again, under the same control id.",
    "needs_decision": "Only a person can find out what became of it.",
    "rejected": "The hospital refused it. What follows it for the same study waits.",
    "accepted": "The hospital took it.",
    "confirmed": "The hospital's application took it.",
    "void": "It is never sent.",
    "unknown": "It was left with its fate unknown; a newer one took its place.",
}  # fmt: skip

COLUMNS: Final = (
    ("waiting", "Waiting", ("waiting", "ready")), ("sending", "In flight", ("sending",)),
    ("uncertain", "Sent or not?", ("uncertain",)), ("rejected", "Rejected", ("rejected",)), ("held", "Held", ("held",)),
    ("needs_decision", "Needs a decision", ("needs_decision",)),
)  # fmt: skip
"""The columns of what is open: key, head, states."""

VERB: Final = {
    "resend": "Send again", "hold": "Hold", "release": "Release", "cancel": "Give up", "decide": "Decide",
}  # fmt: skip
DOES: Final = {
    "resend": "What is in doubt goes out again as it was. What was refused goes out as a new build, by the live mapping.",
    "hold": "They stay where they are; what follows them in their chain waits.",
    "release": "They go on, built anew by the live mapping. Their gates are asked again before they leave.",
    "cancel": "They are void and never sent. What may have left already cannot be given up: decide about it instead.",
    "decide": "Say what became of them, as you found out with the hospital.",
}  # fmt: skip
FROM: Final = {
    "resend": ("rejected", "uncertain", "needs_decision", "accepted", "confirmed", "unknown"), "hold": ("waiting", "ready"),
    "release": ("held",), "cancel": ("held", "waiting", "ready", "rejected"),
    "decide": ("needs_decision", "uncertain", "rejected"),
}  # fmt: skip
"""From which states an action may be possible: only those are offered. Whether it is, the ledger says."""

DECISION: Final = {
    "delivered": ("It was delivered", "The hospital has it. What waits for it goes on."),
    "not delivered": ("It was not delivered", "It goes out again, or the newer one in its place."),
    "send newer": ("Leave it, send what is newer", "Its fate stays unknown."),
}  # fmt: skip

PATHWAY: Final = {
    "order": "as the answer to an order", "platform": "started by the platform", "upload": "uploaded by a person",
    "sign-off": "by a signature",
}  # fmt: skip
GATE: Final = {
    "yes": "goes out at once",
    "after sign-off": "goes out after a clinician signed",
    "no": "does not go out",
}
HOW: Final = {
    "in time": "in time", "second": "as a second answer", "late": "late", "elsewhere": "on another connection",
    "repeated": "again",
}  # fmt: skip
NAMED: Final = {
    "placer": "placer number", "filler": "filler number", "group": "group number", "study": "study", "result": "result id",
    "patient": "patient's number",
}  # fmt: skip
INBOX: Final[dict[str, tuple[str, str]]] = {
    "stored": ("Waits to be worked off", "busy"), "taken": ("Taken", "good"), "refused": ("Refused", "bad"),
    "quarantined": ("In quarantine", "doubt"),
}  # fmt: skip
ORDER: Final[dict[str, tuple[str, str]]] = {
    "open": ("Open", "busy"), "completed": ("Completed", "good"), "cancelled": ("Cancelled", "idle"),
}  # fmt: skip
PROPOSAL: Final[dict[str, tuple[str, str]]] = {
    "open": ("Waits for a second person", "doubt"), "done": ("Done", "good"), "refused": ("Refused", "bad"),
    "withdrawn": ("Withdrawn", "idle"),
}  # fmt: skip


def what(found: Delivery) -> str:
    """`ecg_result final 2`."""
    return f"{found.message} {found.kind.replace('_', ' ')}" + (f" {found.version}" if found.version else "")


def why(facts: dict[str, Any]) -> str:
    """The reason that an event gives."""
    reason = facts.get("why") or ""
    return ", ".join(map(str, reason)) if isinstance(reason, list) else str(reason)


def limit(ms: int) -> str:
    """An upper limit of a duration: `200 ms`, `5 s`, `30 min`."""
    if ms <= 0:
        return "–"
    if ms >= tally.LONGER:
        return "more than a day"
    for size, unit in ((86_400_000, "day"), (3_600_000, "h"), (60_000, "min"), (1000, "s")):
        if ms >= size:
            return f"{ms // size} {unit}"
    return f"{ms} ms"
