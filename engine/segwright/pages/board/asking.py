"""What is asked before something is done: who may do it, whether a reason was given, and the page that says what it means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from segwright.pages.answer import Page
from segwright.pages.routes import Call

SHORTEST: Final = 3
LONGEST: Final = 300


def may_act(call: Call) -> bool:
    """Whether the visitor may do something about deliveries."""
    return "operator" in call.visitor.roles(call.org)


def reason_fault(reason: str) -> str:
    """What is wrong with a reason; "" for one that is kept."""
    if SHORTEST <= len(reason) <= LONGEST:
        return ""
    return f"Say why, in {SHORTEST} to {LONGEST} characters: it is kept."


def question(
    call: Call, title: str, told: Sequence[str], *, verb: str, danger: bool, back: str, action: str, fault: str = "",
    hidden: Mapping[str, str] | None = None,
) -> Page:  # fmt: skip
    """The page that says what an act means and asks for a reason. `verb`: its button; `back`, `action`: URLs; `fault`: what was
    wrong with the form; `hidden`: what the form carries along."""
    values = {
        "title": title, "told": told, "verb": verb, "danger": danger, "fault": fault, "typed": call.form["reason"],
        "back": back, "action": action, **({"hidden": hidden} if hidden else {}),
    }  # fmt: skip
    return Page("board/ask.html", values, status=422 if fault else 200)
