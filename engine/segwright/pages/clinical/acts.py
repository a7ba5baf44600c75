"""Signing, amending, withdrawing, and taking a signature back: each with a page that shows what it does and asks once more.

The page carries the fingerprint of what it shows. What is posted does exactly that, in one transaction, or nothing: when anything
moved in between, the page says what, and shows it as it is now."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

from segwright.accounts import signers
from segwright.delivery import signing
from segwright.delivery.desk import Wrong
from segwright.delivery.signing import Blocked, Moved
from segwright.ledger import results, studies
from segwright.ledger.hospital import NotWritten
from segwright.ledger.results import Act, Conflict
from segwright.ledger.store import Tx
from segwright.pages.answer import Answer, Go, Page, Saw, not_there
from segwright.pages.clinical import reading, saying
from segwright.pages.clinical.review import LONGEST_REASON, SHORTEST_REASON, at, opened, values
from segwright.pages.clinical.study import Typed, chosen_of, looked, typed
from segwright.pages.routes import Call, Route

View = Callable[[Call], Awaitable[Answer]]

SAID: Final[dict[Act, str]] = {"sign": "study-signed", "amend": "study-amended", "withdraw": "study-withdrawn"}
NEEDS_REASON: Final = frozenset({"amend", "withdraw"})


async def _confirm(call: Call, act: Act, *, moved: tuple[str, ...] = (), fault: str = "", status: int = 200) -> Page:
    """What an act would do, and its fingerprint."""
    number, account, live = call.number("study"), call.visitor.account.id, call.live
    study = await call.write(lambda tx: opened(tx, live, number, account))
    found = await call.read(lambda tx: looked(tx, live, study, account, call.now, wanted=act))
    given = {
        **values(live, found), "doing": act, "may": found.prepared.may and found.act == act, "seen": found.prepared.seen.token(),
        "moved": [saying.MOVED[part] for part in moved], "fault": fault, "reason": call.form["reason"],
        "needs_reason": act in NEEDS_REASON, "as_signed": found.result,
    }  # fmt: skip
    return Page("clinical/confirm.html", given, status=status, saw=(Saw(cases=found.cases),))


def _shown(act: Act) -> View:
    async def shown(call: Call) -> Answer:
        if act == "sign" and await _is_signed(call):
            return Go(
                at(call.org, call.number("study"))
            )  # by the back button, or a colleague was quicker: its page says so
        return await _confirm(call, act)

    shown.__doc__ = f"What this would send: {act}."
    return shown


async def _is_signed(call: Call) -> bool:
    study = await call.read(lambda tx: studies.study(tx, call.org, call.number("study")))
    return study is not None and study.state == "signed"


def _done(act: Act) -> View:
    async def done(call: Call) -> Answer:
        reason = call.form["reason"]
        if act in NEEDS_REASON and not SHORTEST_REASON <= len(reason) <= LONGEST_REASON:
            fault = f"Say why, in {SHORTEST_REASON} to {LONGEST_REASON} characters and without anything of the patient."
            return await _confirm(call, act, fault=fault, status=422)
        seen = signing.seen_of(call.form["seen"])
        if seen is None:
            return await _confirm(call, act, moved=("messages",), status=409)
        number, account, live = call.number("study"), call.visitor.account.id, call.live

        def do(tx: Tx) -> None:
            study = studies.study(tx, live.org, number)
            if study is None:
                raise not_there()
            kept = studies.draft(tx, live.org, study.result, account)
            draft = typed(kept.body) if kept is not None else Typed()
            base = reading.result(studies.documents(tx, [study])[study.id], live.manifest.zone)
            signing.sign(
                tx, live, number, act, chosen_of(draft, base, live), seen, account=account,
                signer=signers.signer(tx, account, live.org), actor=call.visitor.name, reason=reason,
            )  # fmt: skip

        try:
            await call.write(do)
        except Moved as moved:
            return await _confirm(call, act, moved=moved.parts, status=409)
        except (Blocked, Conflict, NotWritten, Wrong):
            return await _confirm(call, act, status=409)  # what stands against it is on the page
        return Go(at(call.org, number), SAID[act])

    done.__doc__ = f"Does what was shown: {act}."
    return done


async def take_back(call: Call) -> Answer:
    """Takes a signature back: what has not left is held again."""
    number, reason = call.number("study"), call.form["reason"]
    if not SHORTEST_REASON <= len(reason) <= LONGEST_REASON:
        return Go(at(call.org, number), "reason-needed")

    def take(tx: Tx) -> tuple[int, ...]:
        study = studies.study(tx, call.org, number)
        if study is None:
            raise not_there()
        return results.withdraw_signature(tx, call.live, study.result, call.visitor.name, reason)

    try:
        left = await call.write(take)
    except Conflict:
        return Go(at(call.org, number))
    return Go(at(call.org, number), "signature-taken-back-late" if left else "signature-taken-back")


def _of(act: Act) -> tuple[Route, ...]:
    path = f"/o/{{org}}/studies/{{study:int}}/{act}"
    more: dict[str, Any] = {"roles": ("clinician",), "part_of": "worklist"}
    return Route("GET", path, f"confirm-{act}", _shown(act), **more), Route(
        "POST", path, f"do-{act}", _done(act), **more
    )


ROUTES: Final = (
    *_of("sign"),
    *_of("amend"),
    *_of("withdraw"),
    Route(
        "POST", "/o/{org}/studies/{study:int}/take-back", "study-take-back", take_back, roles=("clinician",), part_of="worklist"
    ),
)  # fmt: skip
