"""What a simulated hospital's file says, for people. Pure: takes events, gives lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from segwright.simulation.record import Event

_OWN = frozenset({"sent", "answered", "unanswered"})


def line(event: Event) -> str:
    """One event in one line. Names and numbers only, nothing of a patient."""
    time = event.at[11:23]
    about = " ".join(event.about)
    if event.what in _OWN:
        said = {"sent": "sends", "answered": f"is answered {event.code}", "unanswered": "gets no answer"}[event.what]
        what = f"order {event.number} {event.control} {said}"
        return _joined(time, event.control_id, what, about, *event.faults)
    again = " again" if event.again and event.what == "filed" else ""
    answer = f"answers {event.code}" if event.code else ""
    conduct = f"({event.conduct})" if event.conduct not in ("", "prompt") else ""
    return _joined(
        time, event.control_id, f"{event.what}{again}", event.type, event.status, about, answer, conduct, *event.faults
    )


def _joined(time: str, control_id: str, *parts: str) -> str:
    return f"{time}  {control_id:<20}  {'  '.join(part for part in parts if part)}"


def summary(found: Iterable[Event]) -> Iterator[str]:
    """How often what happened, by message type and status."""
    counts: Counter[tuple[str, str, str]] = Counter()
    for event in found:
        what: str = "filed again" if event.what == "filed" and event.again else event.what
        counts[what, event.type, event.status if event.what not in _OWN else event.control] += 1
    for (what, type_, status), number in sorted(counts.items()):
        yield f"{number:>7}  {what:<12} {type_} {status}".rstrip()


def messages(found: Iterable[Event]) -> Iterator[str]:
    """The messages that were filed, a segment a line. This is what patients' data is in."""
    for event in found:
        if event.what == "filed" and not event.again:
            yield line(event)
            yield from (f"    {segment}" for segment in event.segments)
