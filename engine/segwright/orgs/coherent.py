"""Keys that must fit together: what no single key of an org.yaml can show.

Takes typed data that Cerberus has seen, perhaps with faults, so that everything is reported in one run: what is not in its form
is passed over here, because it is reported already. Gives findings.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Final

from segwright.core.suggest import nearest
from segwright.hl7.charset import codec_of
from segwright.orgs.declaration import ANY, Schema, dotted
from segwright.orgs.finding import Finding, Path, shortened
from segwright.orgs.forms import PEM, milliseconds

RESULT_KINDS: Final = frozenset({"preliminary", "final", "corrected", "withdrawn"})
"""Kinds of delivery that carry a result; the others are order status values, charges and credits."""

_ORDER_KEYS: Final = frozenset({"reads", "orders"})
_ENVIRONMENTS: Final = ("test", "production")


def coherent(data: dict[str, Any], schema: Schema, folder: str) -> list[Finding]:
    """Everything that is wrong between keys. `folder` is the organisation's folder, "" when the file stands in none."""
    return [
        *_values(data, ()),
        *_folder(data, folder),
        *_unencodable(data),
        *_retry(data),
        *_diagnoses(data),
        *_environments(data),
        *_catalogue(data, schema),
        *_mandatory(data),
    ]


def at(data: Any, *path: str) -> Any:
    """What stands at a path, None when something else stands on the way."""
    for step in path:
        data = data.get(step) if isinstance(data, dict) else None
    return data


def _groups(data: Any) -> dict[str, dict[str, Any]]:
    """The well-formed groups below a group."""
    return {k: v for k, v in data.items() if isinstance(v, dict)} if isinstance(data, dict) else {}


def _values(data: Any, path: Path) -> Iterator[Finding]:
    """A private key or certificate anywhere, and lists that name one thing twice."""
    if isinstance(data, str):
        if PEM in data:
            yield Finding("SW0729", path, "value", {"key": dotted(path)})
    elif isinstance(data, dict):
        for name, value in data.items():
            yield from _values(value, (*path, name))
    elif isinstance(data, list):
        first: dict[Any, int] = {}
        for number, item in enumerate(data):
            if isinstance(item, dict | list) or item is None:
                continue
            if item in first and PEM not in str(item):
                facts = {"key": dotted(path), "found": shortened(item)}
                yield Finding("SW0738", (*path, number), "value", facts, ((*path, first[item]), "first"))
            first.setdefault(item, number)
        for number, item in enumerate(data):
            yield from _values(item, (*path, number))


def _folder(data: Any, folder: str) -> Iterator[Finding]:
    found = at(data, "organisation", "id")
    if folder and isinstance(found, str) and found != folder:
        yield Finding("SW0739", ("organisation", "id"), "value", {"found": shortened(found), "folder": folder})


def _unencodable(data: Any) -> Iterator[Finding]:
    charset = at(data, "encoding", "charset")
    codec = codec_of(charset) if isinstance(charset, str) else None
    table = at(data, "encoding", "unencodable")
    for character, replacement in table.items() if codec and isinstance(table, dict) else ():
        try:
            str(replacement or "").encode(codec or "ascii")
        except UnicodeEncodeError:
            path = ("encoding", "unencodable", character)
            yield Finding("SW0749", path, "value", {"key": dotted(path), "charset": charset})


def _retry(data: Any) -> Iterator[Finding]:
    given = [(name, at(data, "delivery", "retry", name)) for name in ("first", "most", "for")]
    times = [(name, text, milliseconds(text) if isinstance(text, str) else None) for name, text in given]
    for (less, least, shorter), (more, found, longer) in pairwise(times):
        if shorter is not None and longer is not None and longer < shorter:
            facts = {"key": f"delivery.retry.{more}", "found": found, "other": f"delivery.retry.{less}", "least": least}
            yield Finding(
                "SW0716", ("delivery", "retry", more), "value", facts, (("delivery", "retry", less), "config")
            )


def _diagnoses(data: Any) -> Iterator[Finding]:
    least, most = at(data, "diagnosis", "minimum"), at(data, "diagnosis", "maximum")
    if isinstance(least, int) and isinstance(most, int) and most < least:
        first: Path = ("diagnosis", "minimum")
        yield Finding("SW0755", ("diagnosis", "maximum"), "value", {"found": most, "least": least}, (first, "config"))


def _environments(data: Any) -> Iterator[Finding]:
    listeners: dict[str, str] = {}
    for name, environment in _groups(at(data, "environments")).items():
        path = ("environments", name)
        found = environment.get("processing_id")
        if isinstance(found, str) and (found == "P") != (name == "production"):
            facts = {"key": dotted((*path, "processing_id")), "found": found, "environment": name}
            yield Finding("SW0740", (*path, "processing_id"), "value", facts)
        listener = at(environment, "inbound", "listener")
        if isinstance(listener, str):
            if listener in listeners:
                facts = {"found": shortened(listener), "first": listeners[listener], "second": name}
                first = ("environments", listeners[listener], "inbound", "listener")
                yield Finding("SW0742", (*path, "inbound", "listener"), "value", facts, (first, "first"))
            listeners.setdefault(listener, name)
        if name == "production":
            yield from _plain_connections(environment, path)


def _plain_connections(environment: dict[str, Any], path: Path) -> Iterator[Finding]:
    places: dict[Path, Any] = {("outbound",): environment.get("outbound")}
    places |= {("destinations", name): group for name, group in _groups(environment.get("destinations")).items()}
    for place, connection in places.items():
        if isinstance(connection, dict) and "tls" not in connection and "plain_because" not in connection:
            yield Finding("SW0741", (*path, *place), "key", {"key": dotted((*path, *place))})


def _catalogue(data: Any, schema: Schema) -> Iterator[Finding]:
    read: dict[str, str] = {}
    for name, entry in _groups(at(data, "catalogue")).items():
        path = ("catalogue", name)
        wrong = _direction(entry)
        if wrong:
            yield Finding("SW0743", path, "key", {"key": dotted(path), "reason": wrong})
        types = entry.get("reads")
        for number, type_ in enumerate(types if isinstance(types, list) else ()):
            if isinstance(type_, str) and read.setdefault(type_, name) != name:
                facts = {"found": shortened(type_), "first": read[type_], "second": name}
                yield Finding(
                    "SW0745", (*path, "reads", number), "value", facts, (("catalogue", read[type_], "reads"), "first")
                )
        yield from _kinds(entry.get("kinds"), (*path, "kinds"), schema)
        yield from _destination(data, entry, path)


def _direction(entry: dict[str, Any]) -> str:
    """Why an entry is neither an order type nor a result type; "" when it is one."""
    if "reads" in entry and "writes" in entry:
        return "reads and writes: give each direction its own entry."
    if "reads" in entry:
        alien = [key for key in entry if key not in _ORDER_KEYS]
        if alien:
            return f"reads orders, so {_and(alien)} {'has' if len(alien) == 1 else 'have'} no meaning there."
        return "" if "orders" in entry else "reads orders and does not say which: new, change, cancel."
    if "writes" not in entry:
        return "neither reads nor writes."
    if "orders" in entry:
        return "writes, so `orders` has no meaning there."
    if "kinds" not in entry:
        return "writes and does not say which kinds go out."
    kinds = entry["kinds"]
    result = isinstance(kinds, dict) and not RESULT_KINDS.isdisjoint(kinds)
    missing = [key for key in ("unsolicited", "message_per") if result and key not in entry]
    return f"carries results and does not say {_and(missing)}." if missing else ""


def _and(names: list[str]) -> str:
    return " and ".join(f"`{name}`" for name in names)


def _kinds(kinds: Any, path: Path, schema: Schema) -> Iterator[Finding]:
    declared = schema.declared(("catalogue", ANY, "kinds"))
    groups = declared.together if declared and isinstance(kinds, dict) else ()
    every = [kind for group in groups for kind in group]
    misspelt = {nearest(str(kind), every) for kind in kinds if kind not in every} if groups else set()
    for group in groups:
        missing = [kind for kind in group if kind not in kinds and kind not in misspelt]
        if missing and len(missing) < len(group):
            yield Finding("SW0744", path, "key", {"key": dotted(path), "known": _and(missing)})


def _destination(data: Any, entry: dict[str, Any], path: Path) -> Iterator[Finding]:
    found = entry.get("to")
    for name in _ENVIRONMENTS if isinstance(found, str) else ():
        environment = at(data, "environments", name)
        known = at(environment, "destinations")
        names = list(known) if isinstance(known, dict) else []
        if isinstance(environment, dict) and found not in names:
            facts = {"key": dotted((*path, "to")), "found": shortened(found), "environment": name}
            yield Finding(
                "SW0747", (*path, "to"), "value", facts | {"nearest": nearest(str(found), names), "known": names}
            )


def _mandatory(data: Any) -> Iterator[Finding]:
    written = [name for name, entry in _groups(at(data, "catalogue")).items() if "writes" in entry]
    mandatory = at(data, "mandatory")
    for name in mandatory if isinstance(mandatory, dict) else ():
        if name not in written:
            facts = {"name": name, "nearest": nearest(name, written), "known": written}
            yield Finding("SW0746", ("mandatory", name), "key", facts)
