"""What stands against signing, what moved, and how far something is, in a clinician's words: what it is, and what to do."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, Literal

import msgspec

from segwright.delivery.signing import Code, Obstacle
from segwright.ledger.results import Act

Weight = Literal["stops", "later"]

ACT: Final[dict[Act, str]] = {"sign": "Sign", "amend": "Sign amendment", "withdraw": "Withdraw result"}
KIND: Final = {
    "preliminary": "Preliminary result", "final": "Final result", "corrected": "Corrected result", "withdrawn": "Withdrawal",
}  # fmt: skip


class Said(msgspec.Struct, frozen=True):
    """An obstacle in words. `title`: what it is; `text`: why; `todo`: what to do; `lines`: for whoever is told of it; `weight`:
    whether it stops the act, or only what goes out."""

    title: str
    text: str
    todo: str
    weight: Weight
    lines: tuple[str, ...] = ()


_PLAIN: Final[dict[Code, tuple[str, str, str]]] = {
    "withdrawn": (
        "This result was withdrawn", "What was withdrawn is never signed again.",
        "If the study was read anew, the platform sends it as a new result, which then waits in the worklist.",
    ),
    "not_signed": ("This result is not signed", "There is nothing to amend or to withdraw yet.", "Sign it as it should be."),
    "second_final": (
        "Another result of this study is final already", "A hospital takes one final result of a study.",
        "Open that result and amend it, if something in it is wrong.",
    ),
    "takes_none": (
        "This hospital takes no such result", "Its catalogue of messages has none for it, so nothing would be sent.",
        "If it should have one, tell your integration analyst: it is a line in the organisation's configuration.",
    ),
    "order_cancelled": (
        "The order was cancelled", "The hospital took its order back, so it takes no result for it.",
        "If the study matters for the patient, call whoever ordered it: with a new order the result can be sent.",
    ),
    "no_order": (
        "There is no order for this study yet", "This hospital takes no result without an order, so nothing can be sent yet.",
        "Once the order has come, the study can be signed. If it should be there, your operator can look for it in quarantine.",
    ),
    "no_signer": (
        "It is not known how you sign", "Messages to this hospital carry the signing clinician's name and number.",
        "An administrator of this organisation enters them once, under “Signing clinicians”.",
    ),
}  # fmt: skip


_LATER: Final = "You can sign. What you sign is kept, and goes out when an operator lets it."


def said(obstacle: Obstacle, *, people: Mapping[int, str], when: Mapping[int, str], signed_by: str = "") -> Said:
    """An obstacle in words. `people`: accounts by their ids; `when`: times by their milliseconds; `signed_by`: who signed."""
    weight: Weight = "stops" if obstacle.blocks else "later"
    facts = obstacle.facts
    if obstacle.code in _PLAIN:
        title, text, todo = _PLAIN[obstacle.code]
        return Said(title, text, todo, weight)
    match obstacle.code:
        case "signed":
            title = "This result is signed already"
            text = f"{signed_by or facts.get('signer')} signed it on {when.get(facts.get('at', 0), '')}."
            return Said(title, text, "What changes it from now on is an amendment.", weight)
        case "held_by_other":
            title = f"{people.get(facts['holder'], 'Somebody else')} has this study open"
            text = "Two people who choose codes for one study undo each other's work, so only one can sign it."
            return Said(title, text, "Let them finish, or take it over and say why.", weight)
        case "not_written" if unsendable := _unsendable(facts):
            text = f"This hospital's messages cannot carry {' '.join(unsendable)}, so nothing can be sent."
            todo = "If you wrote that, write it without. If it came with the order, tell your integration analyst:"
            return Said("Some characters cannot be sent to this hospital", text, todo, weight, _problems(facts))
        case "not_written":
            text = "Something in the order or the result does not fit what this hospital takes, so nothing can be sent."
            todo = "If it is something you wrote, change it. Else tell your integration analyst these lines:"
            return Said("The message cannot be made", text, todo, weight, _problems(facts))
        case "document":
            faults = tuple(f"{path.removeprefix('$.')}: {what}" for path, what in facts["faults"])
            text = "A text has something in it that no message can carry."
            return Said("What you wrote cannot be taken", text, "Change it, and try again.", weight, faults)
        case "codes":
            title = "The codes for billing cannot be sent like this"
            return Said(title, "What is wrong stands beside each of them.", "Change them, then sign.", weight)
        case "kind_stopped":
            return Said(
                "Messages of this kind are stopped", f"{facts['by']} stopped them: {facts['reason']}.", _LATER, weight
            )
        case "plan_revoked":
            title = "The approval of this message's mapping was taken back"
            return Said(title, f"{facts['reason']}.", _LATER, weight)
        case "lane_stopped":
            title = "The connection to this hospital stands still"
            return Said(title, f"It is stopped: {facts['reason']}.", f"{_LATER} Operators see that it stands.", weight)
        case "waits":
            title = "An earlier message of this study is under way"
            text = "It is not known yet whether the hospital took it."
            return Said(title, text, "You can sign. What you sign goes out right after it.", weight)
        case _:
            text = "Everything that this would send has been sent."
            if facts.get("act") == "withdraw":
                text = "Nothing of this result has reached the hospital, so there is nothing to take back there."
            return Said("Nothing will be sent", text, "It is written down all the same.", weight)


def _problems(facts: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(f"{facts['message']}: {problem}" for problem in facts["problems"])


_UNSENDABLE: Final = re.compile(r"unencodable \(characters ([^)]*)\)")


def _unsendable(facts: Mapping[str, Any]) -> tuple[str, ...]:
    """The characters that are all that stands against a message, none where there is something else."""
    found = [_UNSENDABLE.search(problem) for problem in facts["problems"]]
    if not all(found):
        return ()
    points = (point for one in found if one is not None for point in re.findall(r"U\+([0-9A-F]{4,6})", one[1]))
    return tuple(dict.fromkeys(chr(int(point, 16)) for point in points))


MOVED: Final = {
    "result": ("The result", "a newer version of it came, or it was signed, since you opened this page"),
    "orders": ("The order", "the hospital changed or cancelled it since you opened this page"),
    "plans": ("How messages are written", "another mapping is live since you opened this page"),
    "chosen": ("Your choice", "codes or text were changed in another window"),
    "messages": ("What goes out", "the messages are not those that were shown"),
    "time": ("The time", "this page was opened more than a day ago"),
}
"""What moved between looking and signing: its name, and what happened."""

FATE: Final = {
    "held": ("doubt", "Held"), "waiting": ("busy", "Waits for an earlier message"), "ready": ("busy", "About to be sent"),
    "sending": ("busy", "Being sent"), "uncertain": ("doubt", "Sent, no answer yet"),
    "needs_decision": ("doubt", "An operator has to decide"), "rejected": ("bad", "Refused by the hospital"),
    "accepted": ("good", "Taken by the hospital"), "confirmed": ("good", "Filed by the hospital"), "void": ("idle", "Not sent"),
    "unknown": ("idle", "Left, its fate unknown"),
}  # fmt: skip
"""How far a message is: the kind of badge, and its words."""
MOVING: Final = frozenset({"waiting", "ready", "sending", "uncertain"})
"""States that change by themselves."""
