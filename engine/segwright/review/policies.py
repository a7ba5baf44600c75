"""Two manifests of one organisation and environment, compared setting by setting: gates, destinations, credentials, policy.

Takes manifests; gives changes. What plans hold is not looked at: that shows in messages. A setting that nobody knows here is
shown all the same: what is in a manifest decides something.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeAlias

import msgspec

from segwright.plan.manifest import Manifest
from segwright.review.change import Change, Kind
from segwright.review.meanings import Meanings

_ELSEWHERE: Final = ("model", "organisation", "environment", "format")
"""Members that are not settings: the model is compared by name, the others say which manifest it is."""

_DURATIONS: Final = frozenset(
    {
        *(f"delivery.{name}" for name in ("first", "most", "during", "connect", "write", "reuse_after")),
        *(f"acknowledgement.{name}" for name in ("answer", "confirmation")),
    }
)

_Value: TypeAlias = "str | tuple[str, ...]"


def policy_changes(before: Manifest | None, after: Manifest | None, meanings: Meanings) -> Iterator[Change]:
    """What differs between two manifests."""
    old, new = dict(_settings(before)), dict(_settings(after))
    for place in dict.fromkeys((*old, *new)):
        for kind, one, other in _moves(old.get(place), new.get(place)):
            rating = meanings.rate(place, kind, one, other)
            message = place.split(".")[1] if place.startswith("catalogue.") else ""
            yield Change("policy", message, place, "", kind, one, other, rating.severity, rating.why, rating.repeats)
    yield from _model_changes(before, after, meanings)


def _moves(before: _Value | None, after: _Value | None) -> Iterator[tuple[Kind, str, str]]:
    """How a value became another: of lists what came and went, and their order when that is all."""
    if before == after:
        return
    if isinstance(before, str) or isinstance(after, str) or before is None or after is None:
        kind: Kind = "added" if before is None else "removed" if after is None else "changed"
        yield kind, _text(before), _text(after)
    elif sorted(before) == sorted(after):
        yield "changed", _text(before), _text(after)
    else:
        yield from (("removed", each, "") for each in before if each not in after)
        yield from (("added", "", each) for each in after if each not in before)


def _text(value: _Value | None) -> str:
    return value if isinstance(value, str) else ", ".join(value or ())


def _settings(manifest: Manifest | None) -> Iterator[tuple[str, _Value]]:
    if manifest is None:
        return
    plain = msgspec.to_builtins(manifest)
    for name, value in plain.items():
        if name == "catalogue":
            for entry in value:
                given = {key: each for key, each in entry.items() if key not in ("name", "plan")}
                yield from _leaves(given, f"catalogue.{entry['name']}")
        elif name == "diagnoses" and value is not None:
            listed = ("choices", "suggestions")
            yield from _leaves({key: each for key, each in value.items() if key not in listed}, name)
            for choice in value["choices"]:
                place = f"diagnoses.choices.{choice['code']}"
                yield place, choice["display"]
                yield from _leaves({key: choice[key] for key in ("synonyms", "first") if key in choice}, place)
            for row in value.get("suggestions", ()):
                finding = row.get("finding") or row["name"]
                yield f"diagnoses.suggestions.{finding}.{row['code']}", _suggestion(row)
        elif name not in _ELSEWHERE:
            yield from _leaves(value, name)


def _suggestion(row: Mapping[str, str]) -> str:
    """When a code is suggested: for which finding, and from which confidence on."""
    return f"{row.get('name') or row['finding']}, confidence {row.get('least') or 'any'}"


def _leaves(value: Any, place: str) -> Iterator[tuple[str, _Value]]:
    if isinstance(value, dict) and value:
        for name, below in value.items():
            yield from _leaves(below, f"{place}.{name}")
    elif isinstance(value, list | tuple):
        if all(isinstance(each, str | int) for each in value):
            yield place, tuple(map(str, value))
        else:
            for number, below in enumerate(value, 1):
                yield from _leaves(below, f"{place}[{number}]")
    elif isinstance(value, bool):
        yield place, "yes" if value else "no"
    elif isinstance(value, int) and place in _DURATIONS:
        yield place, _duration(value)
    elif value is not None:
        yield place, str(value)


def _duration(milliseconds: int) -> str:
    """As org.yaml writes it: `5s`, `10m`, `24h`."""
    for unit, length in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000)):
        if milliseconds % length == 0 and milliseconds >= length:
            return f"{milliseconds // length}{unit}"
    return f"{milliseconds}ms"


def _model_changes(before: Manifest | None, after: Manifest | None, meanings: Meanings) -> Iterator[Change]:
    """Attributes and enum values that came or went."""
    if before is None or after is None or before.model == after.model:
        return
    old, new = dict(_declared(before)), dict(_declared(after))
    for place in dict.fromkeys((*old, *new)):
        one, other = old.get(place, ""), new.get(place, "")
        if one == other and (place in old) == (place in new):
            continue
        kind: Kind = "changed" if place in old and place in new else "added" if place in new else "removed"
        rating = meanings.rate("model", kind, one, other)
        yield Change("policy", "", f"model.{place}", "", kind, one, other, rating.severity, rating.why, rating.repeats)


def _declared(manifest: Manifest) -> Iterator[tuple[str, str]]:
    for record in manifest.model.records.values():
        for attribute in record.attributes:
            optional = "optional " if attribute.optional else ""
            yield f"{record.name}.{attribute.name}", f"{optional}{attribute.type}"
    for name, values in manifest.model.enums.items():
        for value in values:
            yield f"{name}.{value}", ""
