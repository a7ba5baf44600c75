"""What one hospital wants stands in its own files: not in the engine, not in the shared mappings. And it is little.

**Names, addresses, numbers.** A *site value* is what an org.yaml gives for a key with free text: the hospital's id and name, its
namespaces, applications, OIDs, hosts, listeners, secrets. What an HL7 table lists (MR, ISO), what the schema allows as a choice,
what every sender of ours may have (the formats of numbers, zones, character sets) belongs to nobody. No site value stands
anywhere in a Python file of the engine, comments and docstrings included, nor in a file under mappings/.

**Codes.** A *code* is a value with a digit in it of a table row (.seg, .csv, coded groups of org.yaml), of the shared tables too,
that no HL7 table lists; and whatever has the form of a LOINC or a dotted ICD-10-CM code. None is a constant of Python code.
Examples of the library (`Example(…)`) and docstrings show values, they decide nothing: there codes may stand. Codes that only a
hospital has stand in no file under mappings/ either.

**Field paths.** A constant that is an HL7 path decides where a value goes. `profiles` holds the standard itself; elsewhere only
the few paths below stand, each with its reason.

**How much an overlay changes.** See `changed`.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from segwright.core.source import Span
from segwright.lang import ast as seg
from segwright.lang.flat import FlatRule, FlatSegment, FlatUse, walk
from segwright.lang.flatten import Flattened
from segwright.lang.scope import Layer
from segwright.profiles.tables import tables
from segwright.service.compiling import CompiledWorkspace, Shared, compile_workspace

ROOT = Path(__file__).parents[2]
PYTHON = sorted((ROOT / "engine").rglob("*.py"))
SHARED = sorted((ROOT / "mappings").rglob("*.seg"))
HOSPITALS = sorted(path.parent.name for path in ROOT.glob("orgs/*/org.yaml"))

MOST = 0.40
"""The share of what it inherits that an overlay stays below."""

NOBODYS = {"times", "encoding", "observations", "mandatory", "catalogue", "delivery", "acknowledgement"}
"""Groups of org.yaml that hold choices, durations, message types and names of the model: words that any hospital may use."""

ENGINE_PATHS = {
    "MSH-1": "the delimiters, which the engine owns",
    "MSH-2": "the delimiters, which the engine owns",
    "MSH-9": "the message type, which decides what reads a message",
    "MSH-10": "the control id, by which every receiver knows a repeat",
    "MSH-18": "the character set, which the engine owns",
    "MSA-1": "the code of an acknowledgement, by HL7 in every answer",
    "OBX-2": "the type of OBX-5, by HL7 in every message",
    "OBX-5": "what OBX-2 types, by HL7 in every message",
    "OBX-4": "tells repeated values apart, by HL7 in every message; a check of habits",
    "ORC-1": "where a refused order is pointed at when its kind is not in the catalogue",
}


def words(text: str) -> re.Pattern[str]:
    """A value as a whole word."""
    return re.compile(rf"(?<![\w.-]){re.escape(text)}(?![\w-])")


# --- what belongs to hospitals -----------------------------------------------------------------------------------------


@cache
def workspace() -> CompiledWorkspace:
    return compile_workspace(ROOT)


@cache
def standard() -> frozenset[str]:
    """Every code that an HL7 table lists, in any version."""
    return frozenset(code for table in tables().values() for code in table.codes)


def leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(value, Mapping):
        for name, each in value.items():
            yield from leaves(each, (*path, name))
    elif isinstance(value, tuple):
        for each in value:
            yield from leaves(each, path)
    elif isinstance(value, str):
        yield path, value


def given(hospital: str) -> list[tuple[tuple[str, ...], str]]:
    """Texts of an org.yaml with their keys, but for choices of the schema and what belongs to nobody."""
    organisation = workspace().organisations[hospital].organisation
    found = []
    for key, text in leaves(organisation.data):
        declared = organisation.declared(key)
        choice = declared is not None and text in (declared.allowed or ())
        if not choice and key[0] not in NOBODYS and key[-1] != "layers" and text not in standard():
            found.append((key, text))
    return found


@cache
def site_values() -> dict[str, str]:
    """Every site value, and whose it is."""
    found: dict[str, str] = {}
    for hospital in HOSPITALS:
        found[hospital] = hospital
        for key, text in given(hospital):
            if key[0] == "diagnosis" or key[:2] == ("patient", "mrn_pattern") or key[-1] in ("display", "text"):
                continue
            if key[0] in ("charges", "document"):  # codes and words of billing and of documents: see `codes`
                continue
            for part in re.split(r"^(?:env|file):|:[0-9]+$", text):
                if len(part) > 2:
                    found[part] = f"{hospital}: {'.'.join(key)}"
    return found


def in_rows(tables_: Iterable[seg.Table]) -> Iterator[str]:
    """The texts of table rows."""

    def texts(node: object) -> Iterator[str]:
        if isinstance(node, seg.Text):
            yield node.value
        elif isinstance(node, tuple):
            for each in node:
                yield from texts(each)
        elif isinstance(node, seg.Cell | seg.Composite | seg.Row):
            for name in node.__struct_fields__:
                yield from texts(getattr(node, name))

    for table in tables_:
        yield from texts(table.rows)


def like_code(text: str) -> bool:
    return bool(re.search(r"\d", text)) and len(text) >= 3 and " " not in text and text not in standard()


@cache
def shared_codes() -> frozenset[str]:
    return frozenset(filter(like_code, in_rows(workspace().scope.tables.values())))


@cache
def local_codes() -> dict[str, str]:
    """Codes of hospitals that the shared tables do not have, and whose they are."""
    found: dict[str, str] = {}
    shared = Shared(workspace().workspace)  # type: ignore[arg-type]
    for hospital in HOSPITALS:
        files = workspace().workspace.organisations[hospital]  # type: ignore[union-attr]
        texts = [text for key, text in given(hospital) if key[-1] == "code"]
        for source in files.tables.values():
            rows = [line.split(",")[0].strip('"') for line in source.text.splitlines()[1:]]
            texts += [row for row in rows if re.search(r"[A-Z0-9]", row)]
        for flattened in flattenings(shared, hospital).values():
            texts += in_rows(flattened[1].scope.tables.values())
        found |= {text: hospital for text in texts if like_code(text) and text not in shared_codes()}
    return found


# --- what Python says --------------------------------------------------------------------------------------------------


def constants(path: Path) -> list[tuple[int, str]]:
    """The texts of a module that code works with: neither docstrings nor examples of the library."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    shown = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Example":
            shown |= {id(inner) for inner in ast.walk(node)}
    return [
        (node.lineno, node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in shown
    ]


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_there_is_something_to_look_for():
    assert len(HOSPITALS) >= 4
    for text in ("larkspur", "Tamarack Health", "NORTHGATE", "2.16.840.1.113883.19.101", "kis.stbrigid.example", "KIS"):
        assert text in site_values(), sorted(site_values())
    assert shared_codes() >= {"8867-4", "8632-2"}
    assert local_codes().keys() >= {":8867-4", "99001", "93010", "I48.91", "99TAM"}
    assert not {"MR", "ISO", "M10", "I10", "M", "8867-4"} & {*site_values(), *local_codes()}


def test_no_file_of_the_engine_or_of_the_shared_mappings_holds_a_value_of_one_hospital():
    patterns = [(words(text), whose) for text, whose in site_values().items()]
    found = [
        f"{named(path)}:{number} {pattern.pattern} ({whose})"
        for path in (*PYTHON, *SHARED)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        for pattern, whose in patterns
        if pattern.search(line)
    ]
    assert found == []


def test_no_file_of_the_engine_or_of_the_shared_mappings_names_a_hospital_in_any_spelling():
    names = re.compile("|".join(HOSPITALS), re.IGNORECASE)
    found = [named(path) for path in (*PYTHON, *SHARED) if names.search(path.read_text(encoding="utf-8"))]
    assert found == []


def test_no_python_code_decides_by_a_code():
    known = [words(code) for code in sorted({*shared_codes(), *local_codes()})]
    known += [
        re.compile(r"(?<![\w.-])[0-9]{3,5}-[0-9](?![\w-])"),  # LOINC
        re.compile(r"(?<![\w.])[A-TV-Z][0-9][0-9A-Z]\.[0-9A-Z]{1,4}(?!\w)"),  # ICD-10-CM with its dot
    ]
    found = [
        f"{named(path)}:{line} {pattern.pattern}"
        for path in PYTHON
        for line, text in constants(path)
        for pattern in known
        if pattern.search(text)
    ]
    assert found == []


def test_no_shared_mapping_holds_a_code_that_only_a_hospital_has():
    patterns = [(words(code), whose) for code, whose in local_codes().items()]
    found = [
        f"{named(path)} {pattern.pattern} ({whose})"
        for path in SHARED
        for pattern, whose in patterns
        if pattern.search(path.read_text(encoding="utf-8"))
    ]
    assert found == []


def test_no_python_code_names_a_field_but_those_that_are_the_same_everywhere():
    path_form = re.compile(
        r"(?:MSH|PID|PV1|ORC|OBR|OBX|NTE|DG1|FT1|TQ1|IN1|Z[A-Z0-9]{2}|[A-Z]{2}[A-Z0-9])-[0-9]{1,2}(\.[0-9]+)*"
    )
    charsets = {"BIG-5", "UTF-8", "UTF-16", "UTF-32"}
    # What a place means in HL7, to rate a change of it; and a hospital for tests, which reads HL7 by itself.
    apart = ("engine/segwright/review/meanings.py", "engine/segwright/simulation/")
    found = {
        (named(file), text)
        for file in PYTHON
        if "profiles" not in file.parts and not named(file).startswith(apart)
        for _, text in constants(file)
        if path_form.fullmatch(text) and text not in charsets
    }
    assert {text for _, text in found} == set(ENGINE_PATHS), sorted(found)


# --- how much an overlay changes ---------------------------------------------------------------------------------------


def flattenings(shared: Shared, hospital: str) -> dict[str, tuple[Flattened, Flattened]]:
    """Every message of a hospital: as it inherits it, and as it has it."""
    from segwright.lang.scope import declare
    from segwright.orgs.csvtables import fill

    organisation = workspace().organisations[hospital].organisation
    files = workspace().workspace.organisations[hospital]  # type: ignore[union-attr]
    own = Layer(hospital, tuple(_parsed(source) for _, source in sorted(files.mappings.items())))
    scope, _ = declare(shared.layered_scope(organisation.layers)[0], own)
    scope, _ = fill(scope, shared.workspace.tables, files.tables)
    out = {}
    for name in organisation.catalogue:
        below = shared.below(name, shared.bases[name], organisation.layers)
        out[name] = (below, shared._flattened(name, shared.bases[name], organisation.layers, own, scope))
    return out


def _parsed(source: Any) -> seg.File:
    from segwright.lang.parse import parse

    return parse(source)[0]


def lines(flattened: Flattened) -> Counter[Span]:
    """The lines that make up a message, by their place: segments, loops, rules (an override of a component is a line of its own),
    lets, checks and allows; a line of a part counts wherever the part is used. Then each row of the tables and each line of the
    formats and texts that these name, directly or through others."""
    found: Counter[Span] = Counter()
    used: set[str] = set()
    waiting: list[object] = []
    for _, item in walk(flattened.mapping.body):
        if isinstance(item, FlatUse):
            continue
        found[item.origin.span] += 1
        waiting.append(item)
        for rule in item.rules if isinstance(item, FlatSegment) else ():
            found[rule.origin.span] += 1
            for part in rule.parts if isinstance(rule, FlatRule) else ():
                found[part.origin.span] += 1
    scope = flattened.scope
    while waiting:
        for name in mentioned(waiting.pop()) - used:
            used.add(name)
            if name in scope.tables:
                found.update(row.span for row in scope.tables[name].rows)
            if name in scope.narratives:
                found.update(line.span for line in scope.narratives[name].lines)
            for (format_name, _), format_ in scope.formats.items():
                if format_name == name:
                    found.update(rule.span for rule in format_.rules)
                    waiting.append(format_.rules)
    return found


def mentioned(node: object) -> set[str]:
    """Every name in a tree that a table, format or text could have."""
    if isinstance(node, str):
        return {node}
    if isinstance(node, tuple):
        return set().union(*map(mentioned, node))
    if isinstance(node, FlatRule | FlatSegment) or hasattr(node, "__struct_fields__"):
        skipped = {"origin", "below", "doc", "span", "format_span", "because", "n"}
        return set().union(*(mentioned(getattr(node, f)) for f in node.__struct_fields__ if f not in skipped))
    return set()


def changed(below: Flattened, above: Flattened) -> tuple[int, int]:
    """How many lines an overlay changes, and how many it inherits. Both sides are counted as flattened (`lines`), so that a layer
    changes a line of a shared part or table where it is used, and what the message never uses counts on neither side.

    Changed is the greater of what is gone (an inherited line that was removed, replaced, moved or overridden) and what is new (a
    line of the hospital's own files, CSV rows included), so that a line replaced by a line counts once, and what is only added or
    only removed counts in full.
    """
    inherited, has = lines(below), lines(above)
    gone = sum((inherited - has).values())
    new = sum((has - inherited).values())
    return max(gone, new), sum(inherited.values())


@pytest.mark.parametrize("hospital", HOSPITALS)
def test_an_overlay_changes_less_than_two_fifths_of_what_it_inherits(hospital: str):
    shared = Shared(workspace().workspace)  # type: ignore[arg-type]
    shares = {}
    for name, (below, above) in flattenings(shared, hospital).items():
        changes, of = changed(below, above)
        assert of >= 20, "a message of so few lines says nothing"
        shares[name] = (changes, of, round(changes / of, 3))
    assert {name: each for name, each in shares.items() if each[2] >= MOST} == {}
    assert any(changes for changes, _, _ in shares.values()), "a hospital that changes nothing shows nothing"
