"""Deliveries: lists by state, and everything about one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from segwright.delivery.answers import described, writers
from segwright.delivery.live import Live
from segwright.hl7.acknowledgement import CONDITIONS, Acknowledgement, Fault, read_acknowledgement
from segwright.ledger import proposals, views
from segwright.ledger.store import Tx
from segwright.ledger.tables import DECIDED, OPEN
from segwright.pages.answer import Answer, Page, Saw, not_there
from segwright.pages.board import words
from segwright.pages.board.asking import may_act
from segwright.pages.board.live import read_for_live
from segwright.pages.messages import Shown, shown
from segwright.pages.routes import Call
from segwright.plan.explain import Entry, Explanation

MANY: Final = (50, 200)
"""Deliveries of a page."""


# --- lists ------------------------------------------------------------------------------------------------------------------


class Chosen(msgspec.Struct, frozen=True):
    """Which deliveries a list shows, as its URL says."""

    states: tuple[str, ...]
    everything: bool
    destination: str
    message: str
    before: int
    many: int


def _chosen(call: Call) -> Chosen:
    query, manifest = call.query, call.live.manifest
    states = tuple(state for state in query.every("state") if state in words.STATE)
    messages = [entry.name for entry in manifest.catalogue if entry.direction == "writes"]
    destination = query["destination"] if query["destination"] in manifest.destinations else ""
    message = query["message"] if query["message"] in messages else ""
    before = query.number("before") if query["before"] else 0
    many = MANY[1] if query["many"] == str(MANY[1]) else MANY[0]
    return Chosen(states, query["show"] == "everything", destination, message, before, many)


async def listed(call: Call) -> Answer:
    """Deliveries, the newest first."""
    chosen = _chosen(call)
    wanted = chosen.states or (() if chosen.everything else OPEN)

    def look(tx: Tx) -> tuple[tuple[views.Delivery, ...], dict[int, str]]:
        found = views.deliveries(
            tx, call.org, states=wanted, destination=chosen.destination, message=chosen.message, before=chosen.before,
            limit=chosen.many + 1,
        )  # fmt: skip
        return found, {one.id: views.because(tx, call.org, one) for one in found[: chosen.many]}

    (found, because), since = await read_for_live(call, look)
    rows, more = found[: chosen.many], len(found) > chosen.many
    states = {one.state for one in rows}
    verbs = [verb for verb in words.VERB if states & set(words.FROM[verb])]
    manifest = call.live.manifest
    return Page("board/deliveries.html", {
        "rows": rows, "because": because, "more": more, "chosen": chosen, "says": words, "verbs": verbs, "acts": may_act(call),
        "open_states": OPEN, "done_states": DECIDED, "destinations": sorted(manifest.destinations),
        "messages": [entry.name for entry in manifest.catalogue if entry.direction == "writes"], "many": MANY,
        "since": since,
    })  # fmt: skip


async def suppressed(call: Call) -> Answer:
    """What was not sent because of another delivery, the newest first."""
    before = call.query.number("before") if call.query["before"] else 0
    found = await call.read(lambda tx: views.recently_suppressed(tx, call.org, before=before, limit=MANY[0] + 1))
    return Page("board/suppressed.html", {"rows": found[: MANY[0]], "more": len(found) > MANY[0], "says": words})


# --- one --------------------------------------------------------------------------------------------------------------------


class Complaint(msgspec.Struct, frozen=True):
    """What a hospital says against a message. `what`: by its condition (table 0357) and place; `rules`: those of the mapping that
    wrote that place; `said`: the hospital's own words, which may hold anything, "" while they are masked."""

    what: str
    path: str
    severity: str
    rules: tuple[Entry, ...]
    said: str
    hidden: int


class Told(msgspec.Struct, frozen=True):
    """The whole story, for a page. `message`: the bytes of the chosen build; `answers`: each attempt's acknowledgements by
    its number; `older`: the mapping has changed since it was built, so that lines may have moved."""

    story: views.Story
    because: str
    complaints: tuple[Complaint, ...]
    message: Shown | None
    build: views.Build | None
    answers: Mapping[int, tuple[Shown, ...]]
    older: bool
    proposals: tuple[proposals.Proposal, ...]


def told(tx: Tx, live: Live, number: int, build: int, *, unmask: bool) -> Told | None:
    """The story of a delivery; `build`: which of its builds is shown, 0 for the live one."""
    story = views.story(tx, live, number)
    if story is None:
        return None
    chosen = next((one for one in story.builds if (one.number == build if build else one.live)), None)
    if chosen is None and (build or story.builds):
        return None
    waiting = tuple(one for one in proposals.waiting(tx, live.org) if number in one.act.deliveries)
    because = views.because(tx, live.org, story.delivery)
    explanation = live.explanation(story.delivery.message) if _is_known(live, story.delivery.message) else None
    faults = _faults(story, chosen) if story.delivery.state not in ("accepted", "confirmed") else []
    complaints = tuple(_complaint(fault, explanation, unmask=unmask) for fault in faults)
    notes: dict[str, tuple[Complaint, ...]] = {}
    for complaint in complaints:
        if complaint.path:
            notes[complaint.path] = (*notes.get(complaint.path, ()), complaint)
    message = None if chosen is None else shown(chosen.body, live.charset, unmask=unmask, notes=notes)
    answers = {
        one.number: tuple(shown(answer.body, live.charset, unmask=unmask) for answer in one.answers)
        for one in story.attempts
    }
    older = explanation is not None and chosen is not None and explanation.plan != chosen.plan
    return Told(story, because, complaints, message, chosen, answers, older, waiting)


def _is_known(live: Live, message: str) -> bool:
    return any(entry.name == message for entry in live.manifest.catalogue)


def _faults(story: views.Story, build: views.Build | None) -> list[Fault]:
    """What the last refusal of a build says."""
    for attempt in reversed(story.attempts):
        if build is not None and attempt.build != build.number:
            continue
        for answer in reversed(attempt.answers):
            found = read_acknowledgement(answer.body)
            if isinstance(found, Acknowledgement) and not found.code.positive:
                return list(found.faults) or [Fault("", None, text=found.text)]
    return []


def _complaint(fault: Fault, explanation: Explanation | None, *, unmask: bool) -> Complaint:
    path = ""
    if fault.path is not None:
        place = fault.path._replace(repetition=0, component=0, subcomponent=0)
        path = str(place)
    what = described(fault, None) if fault.condition or fault.path else "The hospital gave no code for what is wrong"
    if fault.condition in CONDITIONS:
        what = f"{CONDITIONS[fault.condition]} ({fault.condition})"
    rules: dict[str, Entry] = {}
    for entry in writers(fault, explanation):
        rules.setdefault(str(entry.place), entry)
    severity = {"F": "fatal error", "W": "warning", "I": "information"}.get(fault.severity, "error")
    said = fault.text if unmask else ""
    return Complaint(what, path, severity, tuple(list(rules.values())[:4]), said, 0 if unmask else len(fault.text))


async def one(call: Call) -> Answer:
    """Everything about one delivery, masked."""
    return await _one(call, unmask=False)


async def opened(call: Call) -> Answer:
    """The same with the patient's data in it. That it was looked at is written down before it is shown."""
    return await _one(call, unmask=True)


async def _one(call: Call, *, unmask: bool) -> Page:
    given = call.form if unmask else call.query
    build = given.number("build") if given["build"] else 0
    found, since = await read_for_live(
        call, lambda tx: told(tx, call.live, call.number("delivery"), build, unmask=unmask)
    )
    if found is None:
        raise not_there()
    delivery = found.story.delivery
    verbs = [verb for verb in words.VERB if delivery.state in words.FROM[verb]]
    saw = (Saw(case=delivery.case, delivery=delivery.id),) if unmask else ()
    values: dict[str, Any] = {
        "told": found, "story": found.story, "delivery": delivery, "says": words, "verbs": verbs, "acts": may_act(call),
        "opened": unmask, "manifest": call.live.manifest, "since": since,
    }  # fmt: skip
    return Page("board/delivery.html", values, fragment="main", saw=saw)
