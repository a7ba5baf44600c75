"""Reading what is proposed: the list of proposals, one of them across the fleet, and hospitals that change alike, with their
messages before and after."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from segwright.delivery import proposals, verdicts
from segwright.delivery.proposals import Head, Own
from segwright.delivery.verdicts import Stand
from segwright.ledger.store import Tx
from segwright.pages.answer import Answer, Page, not_there
from segwright.pages.changes.mine import DECIDE, READ, STATE, Seen, counted, names, office, organisations, seen
from segwright.pages.routes import Call, Route
from segwright.review.change import TITLES, Severity
from segwright.review.document import FleetLine, ShownChange, ShownGroup
from segwright.review.side_by_side import Piece, Row, rows

LIST: Final = "/o/{org}/changes"
ONE: Final = "/o/{org}/changes/{proposal:int}"
GROUP: Final = "/o/{org}/changes/{proposal:int}/{group}"

ON_A_PAGE: Final = 20
"""Proposals of a list."""
GROUPS: Final = 40
"""Groups and places that a page shows before it is asked for more."""
CASES: Final = 12
"""Kinds of files that a page lays out before it is asked for all."""

Titles = {str(severity): title for severity, title in TITLES.items()}


# --- the list ---------------------------------------------------------------------------------------------------------------


class Line(msgspec.Struct, frozen=True):
    """A proposal in the list. `counts`: how many of the visitor's hospitals stand how; `orgs`: which they are."""

    head: Head
    counts: dict[str, int]
    orgs: tuple[str, ...]
    here: Stand | None

    @property
    def waits(self) -> bool:
        """Whether anything of it is still to be decided."""
        return "open" in self.counts


async def listed(call: Call) -> Answer:
    """The proposals that are about the visitor's organisations, the newest first."""
    orgs, here = organisations(call), office(call)
    before = call.query.number("before") if call.query["before"] else 0

    def look(tx: Tx) -> tuple[list[Line], bool]:
        heads = proposals.heads(tx, orgs, before=before, most=ON_A_PAGE + 1)
        found = proposals.parts(tx, [head.id for head in heads[:ON_A_PAGE]], orgs)
        by: dict[int, list[Stand]] = {}
        for stand in verdicts.stands(tx, here, found):
            by.setdefault(stand.part.proposal, []).append(stand)
        lines = [_line(head, by[head.id], call.org) for head in heads[:ON_A_PAGE]]
        return lines, len(heads) > ON_A_PAGE

    lines, more = await call.read(look)
    values = {
        "waiting": [line for line in lines if line.waits], "done": [line for line in lines if not line.waits],
        "older": lines[-1].head.id if more else 0, "names": names(call, orgs), "state": STATE, "titles": Titles,
        "signs": here.key is not None, "first": not before,
    }  # fmt: skip
    return Page("changes/list.html", values)


def _line(head: Head, stands: list[Stand], org: str) -> Line:
    own = next((stand for stand in stands if stand.part.org == org), None)
    return Line(head, counted(stands), tuple(stand.part.org for stand in stands), own)


# --- one proposal -----------------------------------------------------------------------------------------------------------


async def one(call: Call) -> Answer:
    """A proposal across the visitor's hospitals."""
    found = await seen(call)
    if found.head.pruned_at:
        return _kept(call, found)
    review = found.review
    severity = call.query["severity"] if call.query["severity"] in Titles else ""
    every = "all" in call.query
    lines = [line for line in review.fleet if severity in ("", line.severity)]
    groups = [group for group in review.groups if severity in ("", group.severity)]
    values = {
        **_common(call, found), "severity": severity, "every": every, "most": GROUPS,
        "tiles": {each: sum(line.severity == each for line in review.fleet) for each in Severity},
        "lines": lines if every else lines[:GROUPS], "more_lines": 0 if every else max(0, len(lines) - GROUPS),
        "groups": groups if every else groups[:GROUPS], "more_groups": 0 if every else max(0, len(groups) - GROUPS),
        "rules": [rule for rule in review.rules if severity in ("", rule.severity)],
        "first_look": _first_look(review.groups),
        "counts": found.counts, "counted": counted, "everywhere": _everywhere,
        "fetchable": any(_fetchable(stand) for stand in found.stands.values()),
    }  # fmt: skip
    return Page("changes/one.html", values)


def _kept(call: Call, found: Seen) -> Page:
    """Of a proposal that is done with for long: its rules, and what was said of it."""
    values = {**_common(call, found), "rules": found.review.rules, "verdicts": _verdicts(tuple(found.stands.values()))}
    values |= {"counts": found.counts, "fetchable": any(_fetchable(stand) for stand in found.stands.values())}
    return Page("changes/kept.html", values)


def _everywhere(line: FleetLine) -> tuple[str, ...]:
    """All hospitals that a line is about."""
    return tuple(sorted({org for value in line.values for org in value.organisations}))


def _fetchable(stand: Stand) -> bool:
    return any(each.undone or (each.holds and each.line) for each in stand.verdicts) and stand.state != "nothing"


class Look(msgspec.Struct, frozen=True):
    """Something that a reviewer looks at first: in how many hospitals, and what of it."""

    title: str
    why: str
    hospitals: int
    lines: tuple[tuple[str, str], ...]
    grave: bool = True


def _first_look(groups: tuple[ShownGroup, ...]) -> list[Look]:
    """What a reviewer has to know before anything else; each line with the group that it is of."""
    wanted: tuple[tuple[str, str, bool, Any], ...] = (
        ("Does not compile any more", "Nothing can be approved for these.", True,
         lambda g: (g.status_said,) if g.status == "broken" else ()),
        ("New failures: what went out before is refused now", "A refused message reaches nobody.", True,
         lambda g: tuple(f"{each.case} ({each.message}): {' · '.join(each.reasons)}" for each in g.failures)),
        ("A result could be filed twice", "Receivers tell repeats by these values.", True,
         lambda g: tuple(f"{each.title}: {each.said}" for each in g.changes if each.repeats)),
        ("Moved by segwright itself, not by the mappings", "An engine or a library gives other bytes than before.", True,
         lambda g: tuple(f"{each.title}: {each.said}" for each in g.changes if each.cause == "engine")),
        ("Changes that no case shows", "Each is a missing case as much as a change.", True,
         lambda g: tuple(f"{each.title}: {each.said}" for each in g.changes if each.view == "plan")),
        ("Not mapped yet", "New values that these hospitals have no row for.", False, lambda g: g.unmapped),
        ("Covered by cases before, and no longer", "What is not covered changes unseen.", False, lambda g: g.lost),
        ("Overrides whose base changed under them", "They may say something that is no longer meant.", False, lambda g: g.stale),
        ("Cases whose input was edited", "Before and after are of different inputs.", False, lambda g: g.edited_cases),
        ("Refused before, and sent now", "", False, lambda g: g.recovered),
    )  # fmt: skip
    looks = []
    for title, why, grave, of in wanted:
        lines = [(text, group.id) for group in groups for text in of(group)]
        if lines:
            having = sum(len(group.organisations) for group in groups if of(group))
            looks.append(Look(title, why, having, tuple(dict.fromkeys(lines)), grave))
    return looks


def _common(call: Call, found: Seen) -> dict[str, Any]:
    here = office(call)
    return {
        "seen": found, "head": found.head, "review": found.review, "names": names(call, found.stands), "state": STATE,
        "titles": Titles, "signs": here.key is not None, "server": here.server, "minimum": here.minimum,
        "mine_to_decide": set(organisations(call, DECIDE)), "person": here.person(call.visitor.name),
        "is_proposer": here.person(found.head.proposer) == here.person(call.visitor.name),
    }  # fmt: skip


# --- hospitals that change alike --------------------------------------------------------------------------------------------


class Laid(msgspec.Struct, frozen=True):
    """A file before and after: its rows, and a number for as many as are alike where the whole is not asked for."""

    file: str
    before: bool
    after: bool
    rows: tuple[Row | int, ...]

    @property
    def changes(self) -> frozenset[tuple[tuple[str, str], ...]]:
        """What changes in it, wherever it stands: of two files with the same, who read one has read the other."""
        changed = [row for row in self.rows if isinstance(row, Row) and row.changed]
        return frozenset(tuple(_marked(side) for side in (row.before, row.after)) for row in changed)


def _marked(side: tuple[Piece, ...] | None) -> tuple[str, str]:
    pieces = [piece for piece in side or () if piece.changed]
    return "|".join(piece.title for piece in pieces), "|".join(piece.text for piece in pieces)


class Alike(msgspec.Struct, frozen=True):
    """Files in which the same changes: one to read, and the others."""

    first: Laid
    others: tuple[Laid, ...]


def _alike(laid: list[Laid]) -> list[Alike]:
    found: dict[object, list[Laid]] = {}
    for each in laid:
        found.setdefault((each.before, each.after, each.changes), []).append(each)
    return [Alike(each[0], tuple(each[1:])) for each in found.values()]


class Decision(msgspec.Struct, frozen=True):
    """What the visitor may do about a group: hospitals that he may approve or refuse, and those of which he said something."""

    open: tuple[Stand, ...]
    said: tuple[Stand, ...]


async def group(call: Call) -> Answer:
    """Hospitals that change alike."""
    return await group_page(call)


async def group_page(call: Call, faults: dict[str, str] | None = None) -> Page:
    """The same, with what was wrong with a form."""
    found = await seen(call)
    there = next((each for each in found.review.groups if each.id == call.path["group"]), None)
    if there is None:
        raise not_there()
    stands = found.of(there)
    asked = call.query["of"] or call.form["of"]
    of = asked if asked in there.organisations else call.org if call.org in there.organisations else stands[0].part.org
    own = await call.read(lambda tx: proposals.own(tx, found.head.id, of))
    whole, every = "whole" in call.query, "all" in call.query
    alike = _alike([_laid(case, found, whole=whole) for case in own.cases])
    common = _common(call, found)
    values = {
        **common, "group": there, "stands": stands, "of": of, "faults": faults or {}, "whole": whole, "every": every,
        "changes": _placed(there, own), "cases": alike if every else alike[:CASES],
        "more_cases": 0 if every else max(0, len(alike) - CASES),
        "decision": _decision(stands, common), "typed": call.form["because"],
        "ticked": call.form.every("hospital"), "needs": max((stand.needs for stand in stands), default=1),
        "untrusted": [stand.part.org for stand in stands if office(call).trusted_for(stand.part.org) is False],
        "running": _running(call, stands), "verdicts": _verdicts(stands),
    }  # fmt: skip
    return Page("changes/group.html", values, status=422 if faults else 200)


def _placed(group: ShownGroup, own: Own) -> list[ShownChange]:
    return [
        msgspec.structs.replace(change, where=where) for change, where in zip(group.changes, own.where, strict=False)
    ]


def _laid(case: Any, found: Seen, *, whole: bool) -> Laid:
    before, after = (None if text is None else text.encode("latin-1") for text in (case.before, case.after))
    out: list[Row | int] = []
    for row in rows(before, after, found.review.called):
        if row.changed or whole:
            out.append(row)
        elif out and isinstance(out[-1], int):
            out[-1] += 1
        else:
            out.append(1)
    return Laid(case.file, before is not None, after is not None, tuple(out))


def _decision(stands: tuple[Stand, ...], common: dict[str, Any]) -> Decision:
    mine = [stand for stand in stands if stand.part.org in common["mine_to_decide"]]
    return Decision(
        tuple(s for s in mine if s.state in ("open", "approved", "refused") and not s.of(common["person"])),
        tuple(s for s in mine if s.of(common["person"])),
    )


def _running(call: Call, stands: tuple[Stand, ...]) -> set[str]:
    """Those that run as the proposal has them, here and now."""
    lives, environment = call.engine.lives, call.engine.settings.environment
    return {
        stand.part.org
        for stand in stands
        if stand.part.environment == environment
        and stand.part.org in lives
        and stand.part.items
        and lives[stand.part.org].items == stand.part.items
    }


class Said(msgspec.Struct, frozen=True):
    """What somebody said of several hospitals at once."""

    verdict: verdicts.Verdict
    orgs: tuple[str, ...]


def _verdicts(stands: tuple[Stand, ...]) -> list[Said]:
    """What was said, the newest first; the same words at the same moment about several hospitals once."""
    together: dict[tuple[Any, ...], list[verdicts.Verdict]] = {}
    for stand in stands:
        for each in stand.verdicts:
            key = (each.at, each.person, each.kind, each.because, each.withdrawn_at)
            together.setdefault(key, []).append(each)
    found = [Said(each[0], tuple(sorted(one.org for one in each))) for each in together.values()]
    return sorted(found, key=lambda said: -said.verdict.id)


ROUTES: Final = (
    Route(
        "GET",
        LIST,
        "changes",
        listed,
        roles=READ,
        title="Changes",
        about="what mapping changes would do, to be approved",
    ),
    Route("GET", ONE, "change", one, roles=READ),
    Route("GET", GROUP, "change-group", group, roles=READ),
)
