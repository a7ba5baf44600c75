"""Lost coverage in a review: which hospitals are asked about it, and what is made of the answers.

Takes reviews and whoever can tell what cases exercise no longer (the workbench, which is above this floor); gives the reviews
with that. It is much slower than comparing, since every rule is looked at while every case runs: of many hospitals that change
alike one of each group is asked, and the others where that one lost something.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from segwright.review.change import OrganisationReview
from segwright.review.grouping import grouped
from segwright.service.processes import in_processes
from segwright.service.states import State

Lost = Callable[[State, State, str], tuple[str, ...]]
"""What the cases of an organisation exercised before and exercise no longer, in words."""

FEW: Final = 16
"""So many hospitals are all asked."""


class _Covering:
    """Tells what coverage one organisation lost, in whichever process."""

    def __init__(self, before: State, after: State, lost: Lost) -> None:
        self.before, self.after, self.lost = before, after, lost

    def __call__(self, name: str) -> bytes:
        found = self.lost(self.before, self.after, name)
        self.before.forget(name)
        self.after.forget(name)
        return msgspec.msgpack.encode(found)


def with_lost(
    reviews: list[OrganisationReview], before: State, after: State, lost: Lost, say: Callable[[str], None]
) -> tuple[list[OrganisationReview], tuple[str, ...]]:
    """The reviews with the coverage that is lost, and a note when not everyone was asked."""
    work = _Covering(before, after, lost)
    groups = [[each.name for each in group.organisations if _concerned(each)] for group in grouped(reviews)]
    groups = [names for names in groups if names]
    total = sum(map(len, groups))
    found: dict[str, tuple[str, ...]] = {}

    def ask(names: list[str]) -> None:
        data = in_processes(work, names, lambda done: say(f"coverage … {done} of {len(names)}"))
        found.update(zip(names, (msgspec.msgpack.decode(each, type=tuple[str, ...]) for each in data), strict=True))

    ask([name for names in groups for name in (names[:1] if total > FEW else names)])
    ask([name for names in groups if found[names[0]] for name in names if name not in found])
    told = [
        msgspec.structs.replace(each, lost=(*each.lost, *found[each.name])) if found.get(each.name) else each
        for each in reviews
    ]
    note = f"What cases exercise no longer was looked for in {len(found):,} of {total:,} hospitals: one of each group."
    return told, (note,) if len(found) < total else ()


def _concerned(review: OrganisationReview) -> bool:
    """Whether the cases of a hospital can exercise something else than before."""
    other_cases = bool(review.lost or review.edited_cases)
    return review.status == "changed" and (other_cases or any(each != ("policy",) for each in review.moved.values()))
