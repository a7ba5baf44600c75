"""Lanes, what is stopped, certificates, and figures over time."""

from __future__ import annotations

from typing import Final, Literal, cast

from segwright.ledger import operate, presented, tally, views
from segwright.ledger.operate import By, Impossible
from segwright.ledger.store import Tx
from segwright.pages.answer import Answer, Go, Page, not_there
from segwright.pages.board import plots, words
from segwright.pages.board.asking import may_act, question, reason_fault
from segwright.pages.board.certificates import certificates
from segwright.pages.board.overview import standing_of
from segwright.pages.routes import Call, filled

LIST: Final = "/o/{org}/board/lanes"
LANE: Final = "/o/{org}/board/lanes/{lane:int}"
STOPS: Final = "/o/{org}/board/stops"
What = Literal["kind", "plan"]


async def listed(call: Call) -> Answer:
    """Every lane, what is stopped, and the certificates."""
    lanes, stops, shown = await call.read(
        lambda tx: (views.lanes_of(tx, call.org), views.stops(tx, call.org), presented.seen(tx, call.org))
    )
    manifest = call.live.manifest
    stopped = {(one.what, one.name) for one in stops}
    kinds = [
        f"{entry.name}/{kind}" for entry in manifest.catalogue for kind, gate in entry.kinds.items() if gate != "no"
    ]
    plans = [(entry.plan, entry.name) for entry in manifest.catalogue if entry.direction == "writes"]
    addresses = {name: f"{one.host}:{one.port}" for name, one in manifest.destinations.items()}
    values = {
        "rows": [(one, standing_of(one, call.now)) for one in lanes], "stops": stops, "says": words, "acts": may_act(call),
        "kinds": [kind for kind in kinds if ("kind", kind) not in stopped],
        "plans": [one for one in plans if ("plan", one[0]) not in stopped], "addresses": addresses,
        "certificates": certificates(call.engine, call.org, shown, call.now), "columns": words.COLUMNS,
        "unused": [name for name in manifest.destinations if name not in {one.destination for one in lanes}],
        "destinations": manifest.destinations, "names": dict(plans),
    }  # fmt: skip
    return Page("board/lanes.html", values)


async def figures(call: Call) -> Answer:
    """How much was delivered, and how fast, in a day and in a month."""
    by_day, zone = call.query["over"] == "month", call.live.manifest.zone
    bounds = plots.days(call.now, zone) if by_day else plots.hours(call.now)
    lane = call.query.number("lane") if call.query["lane"] else None

    def look(tx: Tx) -> tuple[tuple[tally.Figures, ...], tuple[views.Lane, ...]]:
        lanes = views.lanes_of(tx, call.org)
        if lane is not None and lane not in [one.id for one in lanes]:
            raise not_there()
        return tally.series(tx, call.org, lane, bounds), lanes

    found, lanes = await call.read(look)
    values = {
        "found": found, "lanes": lanes, "lane": lane, "by_day": by_day, "says": words,
        "throughput": plots.throughput(found, zone, by_day=by_day), "latency": plots.latency(found, zone, by_day=by_day),
        "labels": [plots.label(one.start, zone, by_day=by_day) for one in found],
    }  # fmt: skip
    return Page("board/figures.html", values)


# --- paused, resumed --------------------------------------------------------------------------------------------------------


async def ask_pause(call: Call) -> Answer:
    """What pausing a lane means."""
    return await _ask(call, "pause")


async def ask_resume(call: Call) -> Answer:
    """What letting it go on means."""
    return await _ask(call, "resume")


async def _ask(call: Call, verb: str, fault: str = "") -> Page:
    lane = await _lane(call)
    waits = ", ".join(f"{count} {words.STATE[state][0].lower()}" for state, count in lane.open.items()) or "nothing"
    told = [f"The lane to {lane.destination} has {waits} in it."]
    if verb == "pause":
        told.append("What is in flight is finished; nothing else leaves until somebody lets it go on.")
    else:
        told += [f"It was paused: {lane.paused}."] if lane.paused else ["It is not paused; it tries again at once."]
        told.append("It goes on at once, with what is first in line.")
    return question(
        call, f"{'Pause' if verb == 'pause' else 'Resume'} the lane to {lane.destination}?", told,
        verb="Pause the lane" if verb == "pause" else "Let it go on", danger=verb == "pause", fault=fault,
        back=filled(LIST, call.path), action=filled(f"{LANE}/{verb}", call.path),
    )  # fmt: skip


async def _lane(call: Call) -> views.Lane:
    lanes = await call.read(lambda tx: views.lanes_of(tx, call.org))
    found = next((one for one in lanes if one.id == call.number("lane")), None)
    if found is None:
        raise not_there()
    return found


async def pause(call: Call) -> Answer:
    """Stops a lane."""
    return await _change(call, "pause")


async def resume(call: Call) -> Answer:
    """Lets it go on."""
    return await _change(call, "resume")


async def _change(call: Call, verb: str) -> Answer:
    lane, reason = await _lane(call), call.form["reason"]
    if fault := reason_fault(reason):
        return await _ask(call, verb, fault)
    does = operate.pause if verb == "pause" else operate.resume
    await call.write(lambda tx: does(tx, call.org, lane.id, By(call.visitor.name, reason)))
    return Go(filled(LIST, call.path), f"lane-{verb}d")


# --- stopped, allowed -------------------------------------------------------------------------------------------------------


async def ask_stop(call: Call) -> Answer:
    """What stopping a kind or a plan means."""
    return await _ask_stop(call, "stop", call.query["what"], call.query["name"])


async def ask_allow(call: Call) -> Answer:
    """What taking a stop back means."""
    return await _ask_stop(call, "allow", call.query["what"], call.query["name"])


async def _ask_stop(call: Call, verb: str, what: str, name: str, fault: str = "") -> Page:
    _known(call, what, name, await call.read(lambda tx: views.stops(tx, call.org)), verb)
    called = f"{name.replace('/', ' ')}" if what == "kind" else f"the plan {name[:12]}"
    if verb == "stop":
        told = ["What is queued is held when its turn comes; what is on the wire is finished."]
    else:
        told = ["New messages go out again. What was held by the stop stays held until somebody releases it."]
    return question(
        call, f"{'Stop' if verb == 'stop' else 'Allow'} {called}?", told, verb="Stop it" if verb == "stop" else "Allow it",
        danger=verb == "stop", fault=fault, back=filled(LIST, call.path), action=filled(f"{STOPS}/{verb}", call.path),
        hidden={"what": what, "name": name},
    )  # fmt: skip


def _known(call: Call, what: str, name: str, stops: tuple[views.Stop, ...], verb: str) -> None:
    """Raises `Refused` (404) for what can be neither stopped nor allowed."""
    standing = {(one.what, one.name) for one in stops}
    catalogue = call.live.manifest.catalogue
    there = {("kind", f"{entry.name}/{kind}") for entry in catalogue for kind in entry.kinds}
    there |= {("plan", entry.plan) for entry in catalogue}
    if (what, name) not in (standing if verb == "allow" else there | standing):
        raise not_there()


async def stop(call: Call) -> Answer:
    """Stops a kind, or revokes a plan."""
    return await _stop(call, "stop")


async def allow(call: Call) -> Answer:
    """Takes a stop back."""
    return await _stop(call, "allow")


async def _stop(call: Call, verb: str) -> Answer:
    what, name, reason = call.form["what"], call.form["name"], call.form["reason"]
    if fault := reason_fault(reason):
        return await _ask_stop(call, verb, what, name, fault)

    def change(tx: Tx) -> None:
        _known(call, what, name, views.stops(tx, call.org), verb)
        does = operate.stop if verb == "stop" else operate.allow
        does(tx, call.org, cast(What, what), name, By(call.visitor.name, reason))

    try:
        await call.write(change)
    except Impossible:
        raise not_there() from None
    return Go(filled(LIST, call.path), "stopped" if verb == "stop" else "allowed")
