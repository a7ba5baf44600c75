"""A replay told: what recorded inputs would give, without a value of any patient.

Takes the comparisons of recorded inputs; gives a `ReplayReview` and its report. Values are masked when the review is made,
so that no report can show one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from segwright.review import words
from segwright.review.change import TITLES, Change, Failure
from segwright.review.guard import Collision
from segwright.review.outputs import Comparison

MASK = "▒"


class Moved(msgspec.Struct, frozen=True):
    """A change without its values, and in how many messages of which hospitals it shows."""

    change: Change
    messages: int
    organisations: tuple[str, ...]


class ReplayReview(msgspec.Struct, frozen=True):
    """What a replay showed. `inputs`: how many were replayed; `alike`: how many give the same bytes; `unread`: inputs that could
    not be used, with the reason."""

    base: str
    inputs: int
    alike: int
    moved: tuple[Moved, ...] = ()
    failures: tuple[tuple[str, Failure], ...] = ()
    collisions: tuple[Collision, ...] = ()
    recovered: int = 0
    unread: tuple[tuple[str, str], ...] = ()

    @property
    def changed(self) -> bool:
        """Whether anything would be otherwise."""
        return bool(self.moved or self.failures or self.collisions or self.recovered)


def masked(change: Change) -> Change:
    """A change whose values are covered; how long they are stays."""
    if change.view == "policy":
        return change
    before, after = (_cover(text) for text in (change.before, change.after))
    return msgspec.structs.replace(change, before=before, after=after)


def _cover(text: str) -> str:
    if not text:
        return ""
    return f"{MASK * min(len(text), 8)} ({len(text)} character{'' if len(text) == 1 else 's'})"


def told(
    base: str, compared: Iterable[tuple[str, Comparison]], collisions: Iterable[Collision],
    unread: Iterable[tuple[str, str]] = (),
) -> ReplayReview:  # fmt: skip
    """The review. `compared`: organisation and comparison of each input."""
    places: dict[tuple[object, ...], tuple[Change, int, dict[str, None]]] = {}
    failures: list[tuple[str, Failure]] = []
    inputs = alike = recovered = 0
    for organisation, comparison in compared:
        inputs += 1
        if comparison == Comparison():
            alike += 1
        if comparison.failure is not None:
            failures.append((organisation, comparison.failure))
        recovered += comparison.recovered
        for change in dict.fromkeys(change for change, _ in comparison.seen):
            key = (change.view, change.message, change.place, change.kind, change.severity)
            first, count, names = places.get(key, (masked(change), 0, {}))
            names[organisation] = None
            places[key] = (first, count + 1, names)
    moved = sorted(
        (Moved(change, count, tuple(sorted(names))) for change, count, names in places.values()),
        key=lambda each: (each.change.severity.rank, -each.messages, each.change.place),
    )
    return ReplayReview(base, inputs, alike, tuple(moved), tuple(failures), tuple(collisions), recovered, tuple(unread))


def replay_report(review: ReplayReview) -> list[str]:
    """The report for the terminal."""
    return list(_lines(review))


def _lines(review: ReplayReview) -> Iterator[str]:
    through = f"{review.inputs:,} recorded inputs through {review.base} and through the workspace"
    yield f"{through}: {review.alike:,} give the same bytes."
    if review.failures:
        yield from ("", "New failures: what went out before would be refused")
        reasons: dict[tuple[str, str, str], int] = {}
        for organisation, failure in review.failures:
            for reason in failure.reasons:
                reasons[organisation, failure.message, reason] = (
                    reasons.get((organisation, failure.message, reason), 0) + 1
                )
        for (organisation, message, reason), count in sorted(reasons.items(), key=lambda each: -each[1]):
            yield f"  {count:>6,}  {organisation} {message}: {reason}"
    if review.collisions:
        yield from ("", "Collisions in the duplicate guard")
        for each in review.collisions:
            yield f"  {each.organisation} {each.message}: {_collided(each)} ({words.named(each.inputs, 4)})"
    if review.moved:
        yield from ("", "Fields that would change")
    for moved in review.moved:
        change = moved.change
        yield f"  {moved.messages:>6,}  {words.title(change)}  [{TITLES[change.severity]}]"
        yield f"          {words.said(change)}; {words.joined((change.message, words.named(moved.organisations)))}"
        if change.repeats:
            yield f"          ! {words.REPEATS}"
    if review.recovered:
        yield from ("", f"{review.recovered:,} that were refused before would be sent.")
    if review.unread:
        yield from ("", f"{len(review.unread):,} inputs cannot be replayed:")
        yield from (f"  {name}: {reason}" for name, reason in review.unread[:10])


def _collided(collision: Collision) -> str:
    return {
        "merged": "different orders would look like one: a result could be filed over another",
        "split": "would be known by other numbers than what was sent: a repeat or correction could be filed twice",
        "control_id": "different messages would have one control id: the second would be taken for a repeat",
    }[collision.kind]
