"""The page of one study, and what is done on it before signing: codes and texts chosen, the study held, taken over, let go.

What is chosen is kept as a draft with every change, so that nothing is lost and every button works without JavaScript: it posts
the whole form, and the page is drawn again from the draft. With JavaScript only the parts that changed are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from segwright.delivery.live import Live
from segwright.ledger import results, studies, views
from segwright.ledger.results import TRIAL, Intended
from segwright.ledger.store import Tx
from segwright.ledger.studies import Study
from segwright.pages import fields
from segwright.pages.answer import Answer, Bytes, Go, Page, Saw, not_there
from segwright.pages.clinical import reading, saying
from segwright.pages.clinical.study import Looked, Typed, looked, suggestions, typed
from segwright.pages.clinical.worklist import shown_as
from segwright.pages.fields import Segment
from segwright.pages.routes import Call, Form, Route
from segwright.plan.manifest import OUTBOUND

MOST_CODES: Final = 40
LONGEST_CODE: Final = 20
LONGEST_SEARCH: Final = 100
LONGEST_TEXT: Final = 100_000
SHORTEST_REASON: Final = 3
LONGEST_REASON: Final = 500


class Outgoing(msgspec.Struct, frozen=True):
    """A message that signing would send, laid out. `to`: where, in words; `kind`: as which it would be written; `changes`: fields
    that are otherwise than without what the clinician chose."""

    message: str
    type: str
    to: str
    kind: str
    problems: tuple[str, ...]
    segments: tuple[Segment, ...]

    @property
    def changes(self) -> list[tuple[Segment, fields.Field]]:
        """What differs, field by field."""
        return [(segment, field) for segment in self.segments for field in segment.fields if field.changed]


def outgoing(live: Live, messages: Sequence[Intended], plain: Sequence[Intended]) -> tuple[Outgoing, ...]:
    """The messages of an act, each against the same one without what was chosen."""
    types = {entry.name: entry.types[0] for entry in live.manifest.catalogue}
    before = {(one.message, one.part): one.body for one in plain}
    out = []
    for one in messages:
        if not one.sent_as and not one.hold:
            continue
        segments: tuple[Segment, ...] = ()
        if one.body is not None:
            segments = fields.laid_out(one.body, before.get((one.message, one.part)), charset=live.charset)
            segments = tuple(
                fields.instead(segment, "MSH-10", TRIAL, "(given when it is sent)") for segment in segments
            )
        kind = saying.KIND.get(one.sent_as, one.sent_as)
        out.append(
            Outgoing(one.message, types[one.message], place_of(live, one.destination), kind, one.problems, segments)
        )
    return tuple(out)


def sent(live: Live, found: Looked) -> tuple[Outgoing, ...]:
    """What was sent for a signed study, or is about to be, the latest first."""
    types = {entry.name: entry.types[0] for entry in live.manifest.catalogue}
    out = []
    for one in sorted(found.deliveries, key=lambda delivery: -delivery.id):
        body = found.sent.get(one.id)
        if body is not None:
            kind = saying.KIND.get(one.sent_as or one.kind, one.kind)
            segments = fields.laid_out(body, charset=live.charset)
            out.append(Outgoing(
                one.message, types.get(one.message, ""), place_of(live, one.destination), kind, (), segments
            ))  # fmt: skip
    return tuple(out)


def place_of(live: Live, destination: str) -> str:
    """Where messages go, in words: the hospital itself, or one of its systems."""
    return live.manifest.name if destination == OUTBOUND else f"{live.manifest.name}, {destination.replace('_', ' ')}"


def values(live: Live, found: Looked) -> dict[str, Any]:
    """What the templates of a study get."""
    zone = live.manifest.zone
    times = {found.study.signed_at: reading.said_time(found.study.signed_at, zone)}
    said = [
        saying.said(one, people=found.people, signed_by=found.signed_by, when=times)
        for one in found.prepared.obstacles
        if one.code != "held_by_other"  # said above, with what to do about it
    ]
    editable = found.act in ("sign", "amend") and not {"signed", "withdrawn", "second_final", "held_by_other"} & {
        one.code for one in found.prepared.obstacles
    }
    return {
        "found": found, "study": found.study, "act": found.act, "patient": found.patient, "orders": found.orders,
        "result": found.base, "coding": found.coding, "earlier": found.earlier, "trends": found.trends,
        "outgoing": outgoing(live, found.prepared.messages, found.prepared.plain), "obstacles": said, "editable": editable,
        "signed": found.study.state == "signed",
        "years": reading.age(found.patient.born, found.base.observed_at or found.study.at),
        "born": reading.day(found.patient.born), "interpretation": _text(found.typed.interpretation, found.base.interpretation),
        "comments": _text(found.typed.comments, "\n".join(found.base.comments)), "deliveries": found.deliveries,
        "sent": sent(live, found), "moving": _moving(found.deliveries),
        "destinations": _places(live), "fate": saying.FATE, "kinds": saying.KIND,
        "holder": found.people.get(found.study.holder, "") if _is_held(found) else "", "width": reading.WIDTH,
        "height": reading.HEIGHT,
    }  # fmt: skip


def _places(live: Live) -> dict[str, str]:
    return {name: place_of(live, name) for name in live.manifest.destinations}


def _moving(deliveries: Sequence[views.Delivery]) -> bool:
    return any(one.state in saying.MOVING for one in deliveries)


def _is_held(found: Looked) -> bool:
    return any(one.code == "held_by_other" for one in found.prepared.obstacles)


def _text(given: str | None, stands: str) -> str:
    return stands if given is None else given


def at(org: str, number: int, act: str = "") -> str:
    """Where a study is, or something that is done with it."""
    return f"/o/{org}/studies/{number}" + (f"/{act}" if act else "")


def opened(tx: Tx, live: Live, number: int, account: int) -> Study:
    """The study of a URL, held by who opens it if nobody else has it. Raises `Refused` (404)."""
    found = studies.hold(tx, live.org, number, account)
    if found is None:
        raise not_there()
    return found


# --- looking ----------------------------------------------------------------------------------------------------------------


async def review(call: Call) -> Answer:
    """The page of a study."""
    number, account, live = call.number("study"), call.visitor.account.id, call.live
    study = await call.write(lambda tx: opened(tx, live, number, account))
    found = await call.read(lambda tx: looked(tx, live, study, account, call.now, wanted=call.query["act"]))
    return Page("clinical/study.html", {**values(live, found), "oob": False}, saw=(Saw(cases=found.cases),))


async def presence(call: Call) -> Answer:
    """Says that the page is open, and tells it what happened to the study since; nothing of a patient."""
    number, account = call.number("study"), call.visitor.account.id

    def look(tx: Tx) -> dict[str, Any]:
        study = opened(tx, call.live, number, account)
        held = study.held_by_other(account, tx.now)
        return {"study": study, "holder": shown_as(tx, [study.holder]).get(study.holder, "") if held else ""}

    found = await call.write(look)
    seen = call.query["revision"]
    newer = seen.isdigit() and len(seen) < 19 and int(seen) != found["study"].revision
    return Page(
        "clinical/presence.html", {**found, "newer": newer, "act": call.query["act"] or "sign"}, fragment="main"
    )


async def fate(call: Call) -> Answer:
    """How far what was signed is; nothing of a patient."""
    number = call.number("study")

    def look(tx: Tx) -> dict[str, Any]:
        study = studies.study(tx, call.org, number)
        if study is None:
            raise not_there()
        return {"study": study, "deliveries": views.deliveries_of_result(tx, call.org, study.result)}

    found = await call.read(look)
    given = {
        **found, "moving": _moving(found["deliveries"]), "destinations": _places(call.live), "fate": saying.FATE,
        "kinds": saying.KIND,
    }  # fmt: skip
    return Page("clinical/fate.html", given, fragment="main")


def _attached(what: str) -> Any:
    async def attached(call: Call) -> Answer:
        number = call.number("study")

        def look(tx: Tx) -> tuple[Study, bytes]:
            study = studies.study(tx, call.org, number)
            if study is None:
                raise not_there()
            return study, studies.documents(tx, [study])[study.id]

        study, document = await call.read(look)
        found = reading.attached(document, what)
        if found is None:
            raise not_there()
        return Bytes(found[0], found[1], framed=True, saw=(Saw(case=study.case),))

    attached.__doc__ = f"The {what} of a study's result."
    return attached


# --- choosing ---------------------------------------------------------------------------------------------------------------


def changed(live: Live, before: Typed, form: Form, suggested: Sequence[str]) -> Typed:
    """What was typed and chosen, with what a button did to it. `suggested`: codes that the organisation's table suggests. `take`
    takes what is searched; `take:TEXT` what was searched when it was pressed, and what is typed since is searched."""
    codes = [code[:LONGEST_CODE] for code in form.every("code") if code][:MOST_CODES]
    act, colon, about = form["do"].partition(":")
    searched = form["q"][:LONGEST_SEARCH]
    match act:
        case "take":
            text, searched = (about[:LONGEST_SEARCH], searched) if colon else (searched, "")
            found = live.coding.search(text, 1) if text else ()
            codes = [*codes, found[0].code if found else text[:LONGEST_CODE]] if text else codes
        case "add":
            codes, searched = [*codes, about], ""
        case "all" | "all-and-sign":
            codes = [*codes, *suggested]
        case "swap":
            old, _, new = about.partition(":")
            codes = [new if code == old else code for code in codes]
        case "remove":
            codes = [code for code in codes if code != about]
        case "up" | "down":
            codes = moved(codes, about, -1 if act == "up" else 1)
    return Typed(
        tuple(dict.fromkeys(codes))[:MOST_CODES], _typed(form, "interpretation", before.interpretation),
        _typed(form, "comments", before.comments), searched,
    )  # fmt: skip


def _typed(form: Form, name: str, before: str | None) -> str | None:
    return form.exact(name).replace("\r\n", "\n")[:LONGEST_TEXT] if name in form else before


def moved(codes: Sequence[str], code: str, by: int) -> list[str]:
    """Codes with one of them a place up or down."""
    out = list(codes)
    if code in out:
        at = out.index(code)
        out.insert(max(0, at + by), out.pop(at))
    return out


async def choose(call: Call) -> Answer:
    """Keeps what was chosen and typed, and does what a button says."""
    number, account, live = call.number("study"), call.visitor.account.id, call.live
    act, form = call.form["act"], call.form

    def keep(tx: Tx) -> Study:
        study = opened(tx, live, number, account)
        if study.held_by_other(account, tx.now) or (study.state != "waiting" and act != "amend"):
            return study
        kept = studies.draft(tx, live.org, study.result, account)
        if form["do"] == "discard":
            studies.discard(tx, study, account)
            return study
        before = typed(kept.body) if kept is not None else Typed()
        new = changed(live, before, form, suggestions(tx, live, study) if form["do"].startswith("all") else ())
        content = results.newest(tx, live, study.result).content
        studies.keep(tx, study, account, content, msgspec.json.encode(new))
        return study

    study = await call.write(keep)
    if form["do"] in ("sign", "all-and-sign"):
        return Go(at(call.org, number, "amend" if act == "amend" else "sign"))
    if not call.fragment:
        return Go(at(call.org, number) + ("?act=amend" if act == "amend" else ""))
    found = await call.read(lambda tx: looked(tx, live, study, account, call.now, wanted=act))
    return Page(
        "clinical/study.html", {**values(live, found), "oob": True}, fragment="live", saw=(Saw(cases=found.cases),)
    )


async def take_over(call: Call) -> Answer:
    """Takes the study from whoever has it open, with a reason."""
    number, account, reason = call.number("study"), call.visitor.account.id, call.form["reason"]
    if not SHORTEST_REASON <= len(reason) <= LONGEST_REASON:
        return Go(at(call.org, number), "reason-needed")

    def take(tx: Tx) -> None:
        if studies.take_over(tx, call.org, number, account, call.visitor.name, reason) is None:
            raise not_there()

    await call.write(take)
    return Go(at(call.org, number), "taken-over")


async def leave(call: Call) -> Answer:
    """Lets the study go, and keeps what was chosen."""
    number, account = call.number("study"), call.visitor.account.id

    def let(tx: Tx) -> None:
        if studies.study(tx, call.org, number) is None:
            raise not_there()
        studies.let_go(tx, call.org, number, account)

    await call.write(let)
    return Go(f"/o/{call.org}/worklist")


_STUDY: Final = "/o/{org}/studies/{study:int}"
ROUTES: Final = (
    Route("GET", _STUDY, "study", review, roles=("clinician",), part_of="worklist"),
    Route("POST", f"{_STUDY}/draft", "study-draft", choose, roles=("clinician",), part_of="worklist"),
    Route(
        "GET", f"{_STUDY}/presence", "study-presence", presence, roles=("clinician",), passive=True, part_of="worklist"
    ),
    Route("GET", f"{_STUDY}/fate", "study-fate", fate, roles=("clinician",), passive=True, part_of="worklist"),
    Route("GET", f"{_STUDY}/pdf", "study-pdf", _attached("pdf"), roles=("clinician",), part_of="worklist"),
    Route("GET", f"{_STUDY}/picture", "study-picture", _attached("picture"), roles=("clinician",), part_of="worklist"),
    Route("POST", f"{_STUDY}/take-over", "study-take-over", take_over, roles=("clinician",), part_of="worklist"),
    Route("POST", f"{_STUDY}/leave", "study-leave", leave, roles=("clinician",), part_of="worklist"),
)
