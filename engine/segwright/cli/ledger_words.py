"""Deliveries in words: lists, what an action touches, the story of one. Pure: structs in, text out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import click
import msgspec

from segwright.cli.table import ago, local, masked, plain, table, wrapped
from segwright.core.render import visible
from segwright.ledger import views
from segwright.ledger.operate import Preview

_COLOURS = {
    "rejected": "red", "needs_decision": "red", "uncertain": "yellow", "held": "yellow", "confirmed": "green",
    "accepted": "green",
}  # fmt: skip


def what(found: views.Delivery) -> str:
    """`ecg_result final 2`."""
    return f"{found.message} {found.kind}" + (f" {found.version}" if found.version else "")


def deliveries(
    listed: Mapping[str, Sequence[views.Delivery]], because: Mapping[int, str], now: int, form: str
) -> str:  # fmt: skip
    """A list of deliveries."""
    if form == "json":
        rows = [
            {"organisation": name, **msgspec.to_builtins(one), "because": because[one.id]}
            for name, many in listed.items()
            for one in many
        ]
        return msgspec.json.encode(rows).decode()
    cells = [
        (
            str(one.id), name, one.destination, what(one), one.state, str(one.tries), ago(one.at, now),
            visible(because[one.id]),
        )
        for name, many in listed.items()
        for one in many
    ]  # fmt: skip
    heads = ("ID", "ORG", "TO", "WHAT", "STATE", "TRIES", "AGE", "BECAUSE")
    return table(heads, cells, empty="nothing: no delivery is like that")


def preview(found: Preview, known: Sequence[views.Delivery], verb: str) -> str:
    """What an action is going to touch; first what was taken already."""
    states = ", ".join(f"{count} {state}" for state, count in sorted(found.states.items()))
    lines = [f"{verb}: {found.count} ({states})"]
    if found.taken:
        lines.append(click.style(f"{found.taken} of them taken by the hospital already", fg="yellow"))
    doubtful = sum(1 for one in known if one.state in ("uncertain", "needs_decision", "unknown"))
    if doubtful:
        lines.append(click.style(f"{doubtful} of them may have arrived: nobody knows", fg="yellow"))
    lines += [f"  {one.id}  {what(one)}  {one.state}  {one.tries} tries" for one in known[:20]]
    if len(known) > 20:
        lines.append(f"  … and {len(known) - 20} more")
    return "\n".join(lines)


# --- the story --------------------------------------------------------------------------------------------------------------


def story(found: views.Story, because: str, organisation: str, zone: str, form: str, *, unmask: bool) -> str:
    """Everything about a delivery."""
    if form == "json":
        return _json(found, because, organisation, unmask=unmask)
    delivery = found.delivery
    state = click.style(delivery.state, fg=_COLOURS.get(delivery.state), bold=True)
    lines = [
        f"{click.style(f'delivery {delivery.id}', bold=True)}  {organisation} → {delivery.destination}  {what(delivery)}",
        f"it is {state}" + (f" since {local(delivery.decided_at, zone)}" if delivery.decided_at else ""),
    ]
    if because:
        lines += wrapped(visible(because), "  ")
    for title, body in (
        ("comes from", _origin(found, zone)), ("gates", _gates(found)), ("builds", _builds(found, zone)),
        ("tries", _attempts(found, zone, unmask=unmask)), ("what happened", _events(found, zone)),
        ("message", _message(found, unmask=unmask)),
    ):  # fmt: skip
        if body:
            lines += ["", click.style(title, bold=True), *(f"  {line}" for line in body)]
    return "\n".join(lines)


def _origin(found: views.Story, zone: str) -> list[str]:
    lines = [
        f"order {order.id}  {visible(order.placer)}  {order.state}  {local(order.at, zone)}" for order in found.orders
    ]
    revision = found.revision
    if revision is not None:
        lines.append(
            f"result {visible(revision.result)} version {revision.version}, {revision.kind}, by {revision.pathway} "
            f"({visible(revision.actor)})  {local(revision.at, zone)}"
        )
        if revision.signed_at:
            lines.append(f"signed through {visible(revision.signed_by)}  {local(revision.signed_at, zone)}")
    if found.happened_at:
        lines.append(f"the order was {found.delivery.kind}  {local(found.happened_at, zone)}")
    for one in found.left_out:
        lines.append(f"not sent: the same by {one.pathway} ({visible(one.reason)})  {local(one.at, zone)}")
    return lines


def _gates(found: views.Story) -> list[str]:
    delivery, revision = found.delivery, found.revision
    lines = [f"{delivery.message}/{delivery.kind} goes out: {found.goes_out}"]
    if found.goes_out == "after sign-off":
        lines.append("signed" if revision is not None and revision.signed_at else "not signed")
    if found.waits_for is not None:
        first = found.waits_for
        lines.append(f"waits for delivery {first.id}: {what(first)}, {first.state}")
    if found.gate:
        lines.append(f"shut: {visible(found.gate)}")
    elif delivery.state in ("ready", "uncertain", "sending"):
        lines.append("all open: kind, plan, destination, signature and order are as they have to be")
    return lines


def _builds(found: views.Story, zone: str) -> list[str]:
    return [
        f"{build.number}  {build.control_id}  {len(build.body)} bytes  sha256 {build.hash[:12]}  plan {build.plan[:12]}  "
        f"{'live' if build.live else 'replaced'}  {local(build.at, zone)}  {visible(build.reason)}"
        for build in found.builds
    ]  # fmt: skip


def _attempts(found: views.Story, zone: str, *, unmask: bool) -> list[str]:
    lines = []
    for one in found.attempts:
        again = "again, " if one.number > 1 else ""
        ended = f"{(one.closed_at - one.opened_at) / 1000:.3f} s" if one.closed_at else "not ended"
        outcome = one.outcome.replace("_", " ") or "open"
        lines.append(f"{one.number}  {again}build {one.build}  {local(one.opened_at, zone)}  {ended}  {outcome}")
        if one.detail and one.detail not in ("AA", "CA"):
            lines += wrapped(visible(one.detail), "   ")
        for answer in one.answers:
            lines.append(
                f"   {answer.code or 'something'} came {answer.how}  {local(answer.at, zone, of=one.opened_at)}"
            )
            shown = plain(answer.body) if unmask else masked(answer.body)
            lines += [f"     {line}" for line in shown.splitlines()]
    return lines


def _events(found: views.Story, zone: str) -> list[str]:
    lines = []
    for one in found.events:
        who = f" by {one.actor}" if one.actor else ""
        reason = one.facts.get("why") or ""
        why = f": {', '.join(map(str, reason)) if isinstance(reason, list) else reason}" if reason else ""
        second = f" (and {one.facts['second']})" if "second" in one.facts else ""
        lines += wrapped(visible(f"{local(one.at, zone)}  {one.kind.replace('_', ' ')}{who}{second}{why}"), "")
    return lines


def _message(found: views.Story, *, unmask: bool) -> list[str]:
    live = next((build for build in found.builds if build.live), None)
    if live is None:
        return []
    return (plain(live.body) if unmask else masked(live.body)).splitlines()


def _json(found: views.Story, because: str, organisation: str, *, unmask: bool) -> str:
    """The story for programs: without content unless it is asked for."""

    def shown(body: bytes) -> str:
        return plain(body) if unmask else masked(body)

    def but(struct: msgspec.Struct, *left_out: str, **more: object) -> dict[str, object]:
        members = {name: value for name, value in msgspec.structs.asdict(struct).items() if name not in left_out}
        return members | more

    revision = found.revision
    attempts = [
        but(one, answers=[but(answer, "body", message=shown(answer.body)) for answer in one.answers])
        for one in found.attempts
    ]
    story = {
        "organisation": organisation, "delivery": found.delivery, "because": because, "gate": found.gate,
        "waits_for": found.waits_for.id if found.waits_for else None,
        "orders": [but(one, "document", "patient") for one in found.orders],
        "revision": None if revision is None else but(revision, "document"),
        "left_out": found.left_out,
        "builds": [but(one, "body", message=shown(one.body)) for one in found.builds],
        "attempts": attempts, "events": found.events,
    }  # fmt: skip
    return msgspec.json.encode(story).decode()
