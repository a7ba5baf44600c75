"""What coverage, mutation and the search for unused things found, as lines for people and as plain data for programs.

Takes frozen results; gives texts. Nothing is worked out here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from segwright.core.source import Source, Span
from segwright.service.bundling import place
from segwright.workbench.coverage import Coverage, percent
from segwright.workbench.mutation import Mutation, Survivor
from segwright.workbench.points import WHAT, Point
from segwright.workbench.unused import Unread, Unused

_LONGEST = 100


def where(span: Span, sources: Mapping[str, Source]) -> str:
    """`file:line`."""
    return str(place(span, sources))


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def point_line(point: Point, sources: Mapping[str, Source]) -> str:
    """One point: where, what, and what is the matter with it."""
    of = f"{point.message} " if point.message else ""
    speaks = point.kind in ("check", "reject", "text branch") or point.text.startswith(point.address.split()[-1])
    text = point.text if speaks else f"{point.address}: {point.text}"
    return f"{where(point.span, sources)}  {of}{point.kind} `{_short(text)}` {WHAT[point.kind]}"


def untouched_lines(points: Iterable[Point], sources: Mapping[str, Source]) -> Iterator[str]:
    """The points that no case exercises."""
    for point in points:
        yield point_line(point, sources)


def dead_lines(points: Iterable[Point], sources: Mapping[str, Source]) -> Iterator[str]:
    """The points that nothing can exercise, with the proof."""
    for point in points:
        of = f"{point.message} " if point.message else ""
        yield f"{where(point.span, sources)}  {of}{point.kind} `{_short(point.text)}`: {point.never}"


def dead_everywhere(coverages: Iterable[Coverage]) -> list[Point]:
    """The points that are dead at every organisation that has them: lines that nobody needs (or needs yet)."""
    dead: dict[object, Point] = {}
    alive: set[object] = set()
    for coverage in coverages:
        for point in coverage.dead:
            dead.setdefault((point.kind, point.span, point.text), point)
        alive |= {(each.point.kind, each.point.span, each.point.text) for each in coverage.points}
    return [point for key, point in dead.items() if key not in alive]


def coverage_line(coverage: Coverage) -> str:
    """One line about an organisation."""
    count = len(coverage.points)
    dead = f"; {len(coverage.dead)} proved impossible here" if coverage.dead else ""
    return f"{coverage.organisation}: {coverage.hit} of {count} ({percent(coverage.hit, count)}%){dead}"


def survivor_lines(survivor: Survivor, sources: Mapping[str, Source]) -> Iterator[str]:
    """A mutant that no snapshot notices, and what would."""
    mutant = survivor.mutant
    yield f"{where(mutant.span, sources)}  {mutant.message} {mutant.address}: {mutant.said}"
    yield f"    {_short(mutant.text)}"
    yield f"    {killer(survivor)}"


def killer(survivor: Survivor) -> str:
    """What case would notice a mutant."""
    mutant, cases = survivor.mutant, survivor.cases
    shown = ", ".join(cases[:3]) + (f" and {len(cases) - 3} more" if len(cases) > 3 else "")
    match mutant.sort:
        case "unmap":
            return f"no snapshot holds what this row gives; add a case in which {mutant.said.removesuffix(' unmapped')} comes"
        case "flip":
            return "add a case in which this one applies and the others would give something else"
        case "swap":
            return "add a case in which the two components differ"
        case "shift" if not cases:
            return "no case runs it; add one in which this has a value"
        case "shift":
            return (
                f"{shown} run it, with nothing there that would show the difference; add a case in which it has a value"
            )
        case _ if cases:
            return f"{shown} run it and give the same without it; add a case in which it has a value of its own"
        case _:
            return "no case runs it; add one in which it has a value"


def unused_lines(unused: Unused, sources: Mapping[str, Source]) -> Iterator[str]:
    """What nobody reads and nothing uses, under four headings."""
    groups: list[tuple[str, str, list[str]]] = [
        ("fields of orders that are not read", "every field is read", [_unread(each) for each in unused.fields]),
        ("attributes that are not sent", "every attribute is sent", [_unread(each) for each in unused.attributes]),
        (
            "keys of org.yaml that nothing uses",
            "every key of org.yaml is used",
            [f"{key}  {where(span, sources)}" for key, span in unused.keys],
        ),
        (
            "rows of tables that no case looks up",
            "every row of every table is looked up",
            [
                f"{where(point.span, sources)}  {_short(point.text)}" + (f"  ({point.never})" if point.never else "")
                for point in unused.rows
            ],
        ),
    ]
    for title, nothing, lines in groups:
        yield f"{title}:" if lines else nothing
        yield from (f"  {line}" for line in lines)


def _unread(unread: Unread) -> str:
    cases = f"in {unread.cases} case{'' if unread.cases == 1 else 's'}"
    return f"{unread.path:<12} {unread.name:<36} {cases}" if unread.name else f"{unread.path:<40} {cases}"


def unused_data(unused: Unused, sources: Mapping[str, Source]) -> dict[str, Any]:
    """The same for programs."""
    return {
        "organisation": unused.organisation,
        "fields": [{"path": each.path, "name": each.name, "cases": each.cases} for each in unused.fields],
        "attributes": [{"path": each.path, "cases": each.cases} for each in unused.attributes],
        "keys": [{"key": key, "place": where(span, sources)} for key, span in unused.keys],
        "rows": [
            {"text": point.text, "place": where(point.span, sources), "because": point.never} for point in unused.rows
        ],
    }


def coverage_data(coverage: Coverage, sources: Mapping[str, Source]) -> dict[str, Any]:
    """An organisation's coverage for programs."""

    def plain(point: Point) -> dict[str, Any]:
        return {
            "kind": point.kind, "message": point.message, "address": point.address, "text": point.text,
            "place": where(point.span, sources),
        }  # fmt: skip

    return {
        "organisation": coverage.organisation,
        "hit": coverage.hit,
        "count": len(coverage.points),
        "untouched": [plain(point) for point in coverage.untouched],
        "dead": [{**plain(point), "because": point.never} for point in coverage.dead],
    }


def mutation_data(mutation: Mutation, sources: Mapping[str, Source]) -> dict[str, Any]:
    """An organisation's mutants for programs."""
    return {
        "organisation": mutation.organisation,
        "count": mutation.count,
        "noticed": mutation.noticed,
        "survivors": [
            {
                "kind": survivor.mutant.sort, "message": survivor.mutant.message, "address": survivor.mutant.address,
                "said": survivor.mutant.said, "text": survivor.mutant.text,
                "place": where(survivor.mutant.span, sources), "cases": survivor.cases, "killer": killer(survivor),
            }
            for survivor in mutation.survivors
        ],
    }  # fmt: skip
