"""What the cases of an organisation exercised before a change and exercise no longer.

Takes two states of a workspace; gives, in words, each rule, alternative, table row, … that a case exercised in the first and that
stands untouched in the second: because a case is gone, because it puts in something else, or because a change keeps it from
being reached. What is gone itself, or proved dead now, is no gap. Change review asks this, and knows nothing of coverage. Of
mappings with errors nothing is told: their cases cannot be run, which has findings of its own.
"""

from __future__ import annotations

from collections import Counter

from segwright.service.states import State
from segwright.workbench.coverage import Coverage, judged, marks_by_case
from segwright.workbench.points import Kind, Point, points_of
from segwright.workbench.rehearsal import rehearsal

_Key = tuple[str, Kind, str, str]

_BY_ADDRESS: frozenset[Kind] = frozenset({"rule", "check", "reject", "segment", "loop"})
"""Points that are known by where they write: changed, they are still the same ones. The others are known by what they say."""


def no_longer_exercised(before: State, after: State, name: str) -> tuple[str, ...]:
    """The points of an organisation that its cases exercised and do no longer, in the order of its files."""
    if not (_runs(before, name) and _runs(after, name)):
        return ()
    old, new = _coverage(before, name), _coverage(after, name)
    hit = Counter(_key(each.point) for each in old.points if each.cases)
    still = Counter(_key(each.point) for each in new.points if each.cases)
    sources = after.workspace(name).sources
    found: dict[str, None] = {}
    for point in new.untouched:
        key = _key(point)
        if hit[key] > still[key]:
            source = sources.get(point.span.file)
            line = f":{source.position(point.span.start)[0]}" if source is not None else ""
            message = f"{point.message} " if point.message else ""
            found[f"{message}{point.kind} `{point.text}` ({point.span.file}{line})"] = None
    return tuple(found)


def _runs(state: State, name: str) -> bool:
    """Whether every message of an organisation's catalogue has a plan."""
    made = state.compiled(name)
    every = [by_name.get(entry) for by_name in made.messages.values() for entry in made.organisation.catalogue]
    return all(each is not None and each.emitted is not None for each in every)


def _key(point: Point) -> _Key:
    return point.message, point.kind, point.address, "" if point.kind in _BY_ADDRESS else point.text


def _coverage(state: State, name: str) -> Coverage:
    rehearsed = rehearsal(state.workspace(name), state.compiled(name))
    points = points_of(rehearsed.running, state.workspace(name).sources)
    return judged(points, marks_by_case(rehearsed), name)
