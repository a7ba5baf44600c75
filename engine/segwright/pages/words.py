"""Plain words for what pages show: one place for prose that several pages share."""

from __future__ import annotations

from typing import Final

from segwright.accounts.model import MAY, Role

ROLE: Final[dict[Role, str]] = {
    "clinician": "Clinician", "operator": "Operator", "analyst": "Analyst", "reviewer": "Reviewer",
    "administrator": "Administrator",
}  # fmt: skip
ROLE_MAY: Final = MAY

SAID: Final = {
    "signed-out": "You are signed out.",
    "password-changed": "Your password is changed. Other devices were signed out.",
    "account-added": "The account was made. Tell its password to the person; it has to be changed at the first sign-in.",
    "roles-changed": "The roles are changed. They hold from the person's next click on.",
    "account-disabled": "The account is disabled and signed out everywhere.",
    "account-enabled": "The account may sign in again.",
    "password-reset": "The password is changed. Tell it to the person; it has to be changed at the next sign-in.",
    "identity-bound": "The account may sign in by the provider now.",
    "identity-unbound": "The account may no longer sign in by the provider.",
    "change-approved": "You approved it. What was signed is in the download of the proposal.",
    "change-refused": "You refused it. No approval of it is handed out while that stands.",
    "change-withdrawn": "What you said is withdrawn.",
    "signed-out-elsewhere": "All other devices are signed out.",
    "done-resend": "It is sent again.",
    "done-hold": "It is held.",
    "done-release": "It is released.",
    "done-cancel": "It is given up.",
    "done-decide": "Your decision is kept.",
    "proposed": "It waits for a second person now. Nothing was done yet.",
    "proposal-refused": "It is refused. Nothing was done.",
    "proposal-withdrawn": "It is taken back. Nothing was done.",
    "order-ended": "The order is ended.",
    "message-released": "The message is taken as new.",
    "message-discarded": "The message is left undone. It is kept.",
    "lane-paused": "The lane is paused.",
    "lane-resumed": "The lane goes on.",
    "stopped": "It is stopped: what is queued is held when its turn comes.",
    "allowed": "It may go out again. What was held stays held until it is released.",
    "study-signed": "Signed. How far it is on its way to the hospital is shown below.",
    "study-amended": "The amendment is signed. How far it is on its way to the hospital is shown below.",
    "study-withdrawn": "The result is withdrawn. How far that is on its way to the hospital is shown below.",
    "signature-taken-back": "The signature is taken back. Nothing has left; the study waits for a signature again.",
    "signature-taken-back-late": "The signature is taken back, but the result has left already: amend it or withdraw it.",
    "taken-over": "You have this study now. That you took it over is written down.",
    "reason-needed": "Nothing was done: say why, in 3 to 500 characters.",
    "signer-set": "Kept. The clinician can sign from the next click on.",
}
"""What is said once after something was done, by key: the key stands in the URL, the sentence only here."""


def article(word: str) -> str:
    """`an operator`, `a clinician`."""
    return f"{'an' if word[:1].lower() in 'aeiou' else 'a'} {word}"


def listed(words: list[str], last: str = "or") -> str:
    """`a, b or c`."""
    return f"{', '.join(words[:-1])} {last} {words[-1]}" if len(words) > 1 else "".join(words)
