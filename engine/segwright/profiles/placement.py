"""Whether a sequence of segments can stand in a message structure.

Takes a structure and what a mapping may write, as a tree of `Seg` and `Loop` (each may be absent, each segment may
repeat); gives one problem per item that can stand nowhere, with where it may stand; refuses nothing.

How it judges. The structure becomes a graph: each place of a segment, and which places may come next (through optional
places, and back to the head of a group that repeats). The items are walked in order, keeping the set of places the last
written segment may have. An item is wrong only when *no* way of writing the items before it leads to a place for it; so
a mapping that is right for some input is never called wrong. A wrong item is reported once and then ignored, so that
what follows it is judged as if it were not there. Z-segments may stand anywhere (chapter 2, 2.11).

Kinds of problem:

- `outside`: the structure has no place for this segment at all (DG1 in ORU_R01);
- `out_of_place`: it has one, but not after what comes before (DG1 after OBX in ORM_O01); `after` says what it may
  follow;
- `missing`: it could stand here but for required segments that are written nowhere (OBX without an OBR); it is
  then taken as standing there;
- `repeated`: it may stand here once, but not again in the next turn of its loop or in its own next repetition.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final, Literal

import msgspec

from segwright.profiles.model import Group, SegmentPlace, Structure

Kind = Literal["outside", "out_of_place", "missing", "repeated"]

_START: Final = -1
_TURNS: Final = 8  # a set of places grows for a few turns at most; structures nest four deep


class Seg(msgspec.Struct, frozen=True, tag="seg"):
    """One segment statement of a mapping."""

    name: str
    may_be_absent: bool = False
    may_repeat: bool = False


class Loop(msgspec.Struct, frozen=True, tag="loop"):
    """A loop of a mapping: its items once per turn."""

    items: tuple[Seg | Loop, ...]
    may_be_absent: bool = True


class Problem(msgspec.Struct, frozen=True):
    """One item that cannot stand where it is. `path` holds indexes into the items, one per nesting level.

    `after`: the segments it may directly follow in this structure, in structure order ("" alone: it may stand first).
    `stood_after`: what it would directly follow here. `missing`: required segments that should stand before it.
    """

    path: tuple[int, ...]
    segment: str
    kind: Kind
    after: tuple[str, ...] = ()
    stood_after: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


class Placement(msgspec.Struct, frozen=True):
    """What `place` found; `written` are the names of all segments that have a place."""

    problems: tuple[Problem, ...]
    written: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return not self.problems


def place(structure: Structure, items: Iterable[Seg | Loop | str]) -> Placement:
    """Every item that cannot stand where it is. A bare name is a segment that is always written once."""
    tree = [Seg(item) if isinstance(item, str) else item for item in items]
    walk = _Walk(_graph(structure), frozenset(_names(tree)))
    walk.sequence(tree, frozenset({_START}), (), again=False)
    problems = sorted(walk.problems.values(), key=lambda problem: problem.path)
    return Placement(tuple(problems), frozenset(walk.written))


def required_segments(structure: Structure) -> tuple[str, ...]:
    """Segments that every message of this structure has, in order: required, in groups that are all required."""
    return tuple(dict.fromkeys(_required(structure.children)))


def _names(items: Sequence[Seg | Loop]) -> Iterable[str]:
    for item in items:
        if isinstance(item, Loop):
            yield from _names(item.items)
        else:
            yield item.name


def _required(children: Sequence[Group | SegmentPlace]) -> Iterable[str]:
    for child in children:
        if not child.required:
            continue
        if isinstance(child, SegmentPlace):
            yield child.name
        elif not child.choice:
            yield from _required(child.children)


Places = frozenset[int]
Skips = dict[int, tuple[str, ...]]  # a place that can be reached, and the required segments left out on the way


class _Graph:
    """The places of a structure, numbered in order, and what may follow each."""

    def __init__(self, structure: Structure) -> None:
        self.names: list[str] = []
        self.follow: dict[int, set[int]] = {_START: set()}
        self.skip: dict[int, Skips] = {_START: {}}  # `follow`, were required segments left out; never back in a group
        first, _, _, ahead = self._sequence(structure.children)
        self.follow[_START] |= first
        self.skip[_START] = ahead

    def name(self, place: int) -> str:
        return "" if place == _START else self.names[place]

    def next(self, places: Places, name: str) -> Places:
        return frozenset(n for p in places for n in self.follow[p] if self.names[n] in (name, "ANY"))

    def skipping(self, places: Places, name: str) -> Skips:
        found: Skips = {}
        for p in places:
            for n, missing in self.skip[p].items():
                if self.names[n] == name and (n not in found or len(missing) < len(found[n])):
                    found[n] = missing
        return found

    def before(self, name: str) -> tuple[str, ...]:
        sources = sorted(p for p, nexts in self.follow.items() if any(self.names[n] == name for n in nexts))
        return tuple(dict.fromkeys(self.name(p) for p in sources))

    def _child(self, child: Group | SegmentPlace) -> tuple[set[int], set[int], bool, Skips]:
        """First places, last places, whether it may be absent, and what is reached when required segments are left
        out.
        """
        first: set[int]
        last: set[int]
        ahead: Skips
        if isinstance(child, SegmentPlace):
            at = len(self.names)
            self.names.append(child.name)
            self.follow[at] = set()
            self.skip[at] = {}
            first, last, empty, ahead = {at}, {at}, False, {at: ()}
        elif child.choice:
            first, last, empty, ahead = set(), set(), False, {}
            for option in child.children:
                heads, tails, void, reach = self._child(option)
                first, last, empty, ahead = first | heads, last | tails, empty or void, ahead | reach
        else:
            first, last, empty, ahead = self._sequence(child.children)
        if child.repeats != 1:
            for p in last:
                self.follow[p] |= first
        if not child.required:
            # An optional group is entered by its head: skipping into it would make sense of any disorder.
            ahead = dict.fromkeys(first, ())
        return first, last, empty or not child.required, ahead

    def _sequence(self, children: Sequence[Group | SegmentPlace]) -> tuple[set[int], set[int], bool, Skips]:
        first: set[int] = set()
        last: set[int] = set()
        empty = True
        ahead: Skips = {}
        left_out: tuple[str, ...] = ()
        inside: list[tuple[int, tuple[str, ...]]] = []  # places so far, and what was required since each
        for child in children:
            start = len(self.names)
            heads, tails, void, reach = self._child(child)
            for p in last:
                self.follow[p] |= heads
            for p, missing in inside:
                for n, more in reach.items():
                    self.skip[p].setdefault(n, missing + more)
            for n, more in reach.items():
                ahead.setdefault(n, left_out + more)
            first = first | heads if empty else first
            last = last | tails if void else tails
            empty = empty and void
            needs = tuple(_required((child,)))
            left_out += needs
            inside = [(p, missing + needs) for p, missing in inside]
            inside += [(p, ()) for p in range(start, len(self.names))]
        return first, last, empty, ahead


@lru_cache(maxsize=64)
def _graph(structure: Structure) -> _Graph:
    return _Graph(structure)


class _Walk:
    """One walk over the items. `again` marks turns of a loop after the first, where only `repeated` is new."""

    def __init__(self, graph: _Graph, names: frozenset[str]) -> None:
        self.graph = graph
        self.names = names
        self.problems: dict[tuple[int, ...], Problem] = {}
        self.written: set[str] = set()

    def sequence(self, items: Sequence[Seg | Loop], places: Places, path: tuple[int, ...], *, again: bool) -> Places:
        for at, item in enumerate(items):
            if isinstance(item, Loop):
                places = self._loop(item, places, (*path, at), again=again)
            else:
                places = self._segment(item, places, (*path, at), again=again)
        return places

    def _loop(self, loop: Loop, places: Places, path: tuple[int, ...], *, again: bool) -> Places:
        reached = turn = self.sequence(loop.items, places, path, again=again)
        for _ in range(_TURNS):
            turn = self.sequence(loop.items, turn, path, again=True)
            if turn <= reached:
                break
            reached |= turn
        return reached | places if loop.may_be_absent else reached

    def _segment(self, item: Seg, places: Places, path: tuple[int, ...], *, again: bool) -> Places:
        if item.name.startswith("Z"):
            return places
        reached = self.graph.next(places, item.name)
        if not reached:
            if path in self.problems and self.problems[path].kind != "missing":
                return places
            reached = self._explain(item, places, path, again)
            if not reached:
                return places
        self.written.add(item.name)
        if item.may_repeat:
            more = self.graph.next(reached, item.name)
            if not more:
                self._report(path, item.name, "repeated", reached)
            while more - reached:
                reached |= more
                more = self.graph.next(reached, item.name)
        return reached | places if item.may_be_absent else reached

    def _explain(self, item: Seg, places: Places, path: tuple[int, ...], again: bool) -> Places:
        if item.name not in self.graph.names:
            self._report(path, item.name, "outside", places)
            return frozenset()
        skips = self.graph.skipping(places, item.name)
        least = min(skips.values(), key=len, default=())
        if skips and self.names.isdisjoint(least):  # a segment that is only written elsewhere is not missing
            self._report(path, item.name, "missing", places, least)
            return frozenset(n for n, missing in skips.items() if missing == least)
        self._report(path, item.name, "repeated" if again else "out_of_place", places)
        return frozenset()

    def _report(
        self, path: tuple[int, ...], name: str, kind: Kind, places: Places, missing: tuple[str, ...] = ()
    ) -> None:
        if path in self.problems:
            return
        stood = tuple(dict.fromkeys(self.graph.name(p) for p in sorted(places)))
        after = () if kind == "outside" else self.graph.before(name)
        self.problems[path] = Problem(path, name, kind, after, stood, missing)
