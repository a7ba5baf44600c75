"""Cases that reach what no case reaches: the smallest that a seeded search finds, made up from beginning to end.

Takes a compiled workspace, an organisation and a seed; gives suggested cases, each with the points it reaches. Nothing is proved
by them: they say what to look at. A suggestion becomes a case when somebody has read what it gives and its snapshot is locked,
as that of any other. The search starts from the organisation's own (synthetic) orders and documents, or from made-up ones, tries
small changes, keeps those that reach something, and cuts away what is not needed for it. It runs on plans alone.
"""

from __future__ import annotations

import contextlib
import csv
import random
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, TypeAlias

import msgspec

from segwright.hl7.delimiters import STANDARD
from segwright.hl7.refusal import Refused
from segwright.hl7.values import Moment, Quantity
from segwright.hl7.wire import open_message
from segwright.orgs.organisation import CatalogueEntry
from segwright.plan import ops
from segwright.plan.model import Type
from segwright.runtime.encode import encode_json
from segwright.runtime.outcome import Intake
from segwright.service.compiling import CompiledWorkspace
from segwright.service.inputs import Making, inputs_of, subject_name
from segwright.service.reading import Orders, read_orders
from segwright.workbench.coverage import Coverage, judged, marks_by_case
from segwright.workbench.domains import Part, part_of, texts_of
from segwright.workbench.marks import Mark, marks_of_intake, marks_of_trace
from segwright.workbench.points import Point, points_of
from segwright.workbench.rehearsal import Rehearsal, rehearsals
from segwright.workbench.scenarios import (
    DocumentEdit,
    Documents,
    Order,
    OrderEdit,
    changed_document,
    changed_order,
    made_up_order,
    order_bytes,
    order_edits,
    order_from,
)
from segwright.workbench.texts import said

MARK: Final = "SUGGESTED"
"""What the note of a suggested case begins with, until somebody has reviewed it."""

_MOST: Final = 30
"""Cases of one message that are suggested at most."""

AT: Final = "2026-03-02T14:05:00-06:00"
Marks: TypeAlias = dict[str, set[Mark]]
Edit: TypeAlias = OrderEdit | DocumentEdit


class Scenario(msgspec.Struct, frozen=True):
    """One try: the message that is written ("" when the order is only read), the order and the document."""

    message: str
    order: Order | None
    document: Any = None


class Suggestion(msgspec.Struct, frozen=True):
    """A suggested case: its name, the files of its folder, whether it is refused, and the points it reaches."""

    organisation: str
    name: str
    files: dict[str, bytes]
    refused: bool
    reaches: tuple[Point, ...]


class Suggested(msgspec.Struct, frozen=True):
    """What was found for one organisation, and what no suggestion reaches. `unstarted`: messages that have no case, and of which
    nothing that was made up is accepted; one case by hand, and the search goes on from there."""

    organisation: str
    suggestions: tuple[Suggestion, ...]
    left: tuple[Point, ...]
    unstarted: tuple[str, ...] = ()


def suggest(
    compiled: CompiledWorkspace, organisation: str, *, seed: int = 1, say: Callable[[str], None] = lambda text: None
) -> Suggested:
    """Suggests cases for what the cases of an organisation do not reach."""
    rehearsed = rehearsals(compiled, organisation)
    points = points_of(rehearsed.running, compiled.sources)
    coverage = judged(points, marks_by_case(rehearsed), organisation)
    search = _Search(rehearsed, coverage, random.Random(seed), _codes(compiled, organisation))
    found = list(search.run(say))
    suggestions = []
    taken: set[str] = {files.name for files in _cases(compiled, organisation)}
    for scenario, reached, refused in found:
        name = _free(f"suggested_{scenario.message or search.reads}", taken)
        files = search.files(scenario, reached, refused, seed)
        suggestions.append(Suggestion(organisation, name, files, refused, tuple(reached)))
    left = tuple(search.wanted.values())
    unstarted = [
        name
        for name in rehearsed.running.organisation.catalogue
        if any(name in point.marks for point in left) and not search.starts_well(name)
    ]
    return Suggested(organisation, tuple(suggestions), left, tuple(unstarted))


def _cases(compiled: CompiledWorkspace, organisation: str) -> Iterable[Any]:
    assert compiled.workspace is not None
    return compiled.workspace.organisations[organisation].cases


def _codes(compiled: CompiledWorkspace, organisation: str) -> tuple[str, ...]:
    """The first diagnoses of the organisation's own list, without which none could be sent."""
    assert compiled.workspace is not None
    given = compiled.organisations[organisation].organisation.value(("diagnosis", "codes"))
    table = compiled.workspace.organisations[organisation].tables.get(str(given.value)) if given is not None else None
    rows = list(csv.reader(table.text.splitlines())) if table is not None else []
    return tuple(row[0] for row in rows[1:4] if row)


def _free(stem: str, taken: set[str]) -> str:
    name = next(name for name in (f"{stem}_{number}" for number in range(1, 1000)) if name not in taken)
    taken.add(name)
    return name


class _Search:
    """The search for one organisation. `wanted` are the points that nothing reaches yet, by their key."""

    def __init__(
        self, rehearsed: Rehearsal, coverage: Coverage, chance: random.Random, codes: tuple[str, ...] = ()
    ) -> None:
        self.codes = codes
        self.rehearsed = rehearsed
        self.running = rehearsed.running
        self.chance = chance
        self.wanted: dict[Any, Point] = {point.key: point for point in coverage.untouched}
        catalogue = self.running.organisation.catalogue
        self.reads = next((name for name, entry in catalogue.items() if entry.reads), "")
        self.texts: dict[str, dict[str, tuple[str, ...]]] = {
            name: texts_of(rehearsed.plan(name), self.running.model) for name in catalogue
        }
        #: What is worth trying in an order: also fields of segments that only go back as they came.
        self.parts = dict(self.texts.get(self.reads, {}))
        for name, texts in self.texts.items():
            if name != self.reads:
                self.parts.update({path: found for path, found in texts.items() if part_of(path) is not None})
        self.telling = any(point.kind == "text branch" for point in self.wanted.values())
        self.codec = self.running.organisation.encoding.codec
        self.known: dict[Any, tuple[Marks, bool]] = {}
        self.read: dict[Order, tuple[Orders | None, Intake | None]] = {}
        self.making = Making(Moment("20260302140500", -360), "SUGGESTED1")

    def run(self, say: Callable[[str], None]) -> Iterator[tuple[Scenario, list[Point], bool]]:
        """Suggestions, until what is left cannot be reached by any change that is tried."""
        for name in [self.reads, *(n for n in self.running.organisation.catalogue if n != self.reads)]:
            if not name:
                continue
            for _ in range(_MOST):
                if not any(name in point.marks for point in self.wanted.values()):
                    break
                say(f"{self.running.organisation.id}: {name}, {len(self.wanted)} to reach")
                best = self._best(name)
                if best is None:
                    break
                scenario, refused = best
                scenario = self._smaller(scenario, refused)
                reached = self._reached(self._marks(scenario)[0])
                for point in reached:
                    self.wanted.pop(point.key, None)
                yield scenario, reached, refused

    # --- one scenario ---

    def _marks(self, scenario: Scenario) -> tuple[Marks, bool]:
        """What a scenario exercises, and whether it is refused. Nothing, when it cannot be a case."""
        key = (scenario.message, scenario.order, scenario.document)
        if key not in self.known:
            self.known[key] = self._run(scenario)
        return self.known[key]

    def _read(self, order: Order) -> tuple[Orders | None, Intake | None]:
        """An order as it is read: the orders in it when nothing stands against it."""
        if order not in self.read:
            intake = orders = None
            with contextlib.suppress(Refused):
                message = open_message(order_bytes(order, self.codec))
                intake = self.rehearsed.read(self.reads, message)
                plan = self.rehearsed.plan(self.reads)
                if intake.good:
                    orders = Orders(self.reads, message, plan, intake.records, intake.group, intake.groups)
                    if read_orders(self.running, order_bytes(order, self.codec))[0] is None:
                        orders = intake = None  # of a kind that the catalogue does not take: no case of anything else
            self.read[order] = orders, intake
        return self.read[order]

    def _run(self, scenario: Scenario) -> tuple[Marks, bool]:
        found: Marks = {}
        orders: Orders | None = None
        if scenario.order is not None:
            orders, intake = self._read(scenario.order)
            if intake is None:
                return {}, True
            if orders is None or not scenario.message:
                found[self.reads] = marks_of_intake(intake)
                return found, orders is None
        prepared = self._inputs(scenario, orders)
        if not prepared:
            return {}, True
        refused = False
        marks: set[Mark] = set()
        for inputs in prepared:
            trace = self.rehearsed.trace(scenario.message, inputs)
            refused = refused or bool(trace.problems)
            marks |= marks_of_trace(trace)
            if self.telling and not trace.problems:
                marks |= said(self.rehearsed.told(scenario.message, inputs))
        if refused:
            marks = {mark for mark in marks if mark[0] == "refused"}
        found[scenario.message] = marks
        return found, refused

    def _inputs(self, scenario: Scenario, orders: Orders | None) -> list[list[Any]]:
        plan = self.rehearsed.plan(scenario.message)
        document = encode_json(self.running.model, self._type(plan), scenario.document)
        entry = self.running.organisation.catalogue[scenario.message]
        prepared, found = inputs_of(self.running, entry, plan, orders, document, self.making)
        return [] if found else prepared

    def _type(self, plan: ops.Plan) -> Type:
        name = subject_name(plan)
        return next(given.type for given in plan.inputs if given.name == name)

    def _reached(self, marks: Marks) -> list[Point]:
        return [
            point
            for point in self.wanted.values()
            if any(wanted & marks.get(message, set()) for message, wanted in point.marks.items())
        ]

    # --- the search ---

    def _starts(self, name: str) -> list[Scenario]:
        """What to change: the organisation's own cases of the message, the fullest first; else something made up."""
        entry = self.running.organisation.catalogue[name]
        own: list[tuple[int, Scenario]] = []
        for scene in self.rehearsed.scenes:
            if scene.message != name or (not scene.inputs if entry.writes else scene.order is None):
                continue
            order = None
            if scene.order is not None:
                if scene.order.delimiters[:5] != STANDARD[:5]:
                    continue
                order = order_from(scene.order.segments)
            document = None
            if entry.writes:
                plan = self.rehearsed.plan(name)
                place = [given.name for given in plan.inputs].index(subject_name(plan))
                document = scene.inputs[0][place]
            scenario = Scenario(name if entry.writes else "", order, document)
            marks, refused = self._marks(scenario)
            if not refused and marks:
                own.append((sum(map(len, marks.values())), scenario))
        own.sort(key=lambda pair: -pair[0])
        return [scenario for _, scenario in own] or self._made_up(name, entry)

    def starts_well(self, name: str) -> bool:
        """Whether there is anything of a message that is not refused."""
        return any(not self._marks(start)[1] for start in self._starts(name))

    def _made_up(self, name: str, entry: CatalogueEntry) -> list[Scenario]:
        order: Order | None = None
        if self.reads:
            reads = self.running.organisation.catalogue[self.reads]
            control = f"S{self.chance.randrange(10**8):08d}"
            version = self.running.organisation.encoding.version
            order = made_up_order(
                self.rehearsed.plan(self.reads), self.texts[self.reads], reads.reads[0], version, control
            )
        if not entry.writes:
            return [] if order is None else [Scenario("", order)]
        plan = self.rehearsed.plan(name)
        document = self._documents(name).full(self._type(plan), subject_name(plan))
        made = [Scenario(name, order, document)]
        return [*made, Scenario(name, None, document)] if entry.unsolicited else made

    def _documents(self, name: str) -> Documents:
        units: dict[str, None] = {}
        for scene in self.rehearsed.scenes:
            for inputs in scene.inputs:
                _collect(inputs, units)
        for table in self.rehearsed.plan(name).tables:
            for row in table.rows:
                units.update(
                    dict.fromkeys(c.value[0] for c in row.cells if c.type == "text" and c.value and len(c.value[0]) < 6)
                )
        return Documents(self.running.model, self.texts[name], tuple(units), self.codes)

    def _best(self, name: str) -> tuple[Scenario, bool] | None:
        """A scenario of a message that reaches something: single changes that do, put together; else one that is refused."""
        starts = self._starts(name)
        refused: Scenario | None = None
        for start in starts:
            reached, refusing = self._useful(start, name)
            if reached:
                return self._together(start, reached), False
            if refusing is not None and refused is None:
                refused = self._changed(start, refusing)
        if refused is not None:
            return refused, True
        return self._by_two(starts[0], name) if starts else None

    def _useful(self, start: Scenario, name: str) -> tuple[list[Edit | None], Edit | None]:
        """The changes that reach something, those that reach most first; and the best of those that are refused."""
        found: list[tuple[int, Edit | None]] = []
        refusing: tuple[int, Edit | None] = (0, None)
        for edit in [None, *self._edits(start, name)]:
            marks, refused = self._marks(self._changed(start, edit))
            count = len(self._reached(marks))
            if count and refused:
                refusing = max(refusing, (count, edit), key=lambda pair: pair[0])
            elif count:
                found.append((count, edit))
        found.sort(key=lambda pair: -pair[0])
        return [edit for _, edit in found], refusing[1]

    def _together(self, start: Scenario, edits: Iterable[Edit | None]) -> Scenario:
        """As many changes in one scenario as go together without losing anything."""
        scenario = start
        have = 0
        for edit in edits:
            tried = self._changed(scenario, edit)
            marks, refused = self._marks(tried)
            count = len(self._reached(marks))
            if not refused and count > have:
                scenario, have = tried, count
        return scenario

    def _by_two(self, start: Scenario, name: str) -> tuple[Scenario, bool] | None:
        """Two changes that reach something only together: the last resort, over a seeded choice of pairs."""
        edits = list(self._edits(start, name))
        wanted = {word for point in self.wanted.values() if point.message in (name, "") for word in _words(point)}
        near = [edit for edit in edits if _words_of(edit, self.running.model, wanted)] or edits
        pairs = [(one, other) for one in near for other in near if one is not other]
        self.chance.shuffle(pairs)
        for one, other in pairs[:400]:
            scenario = self._changed(self._changed(start, one), other)
            marks, refused = self._marks(scenario)
            if self._reached(marks):
                return scenario, refused
        return None

    def _edits(self, start: Scenario, name: str) -> Iterator[Edit]:
        if start.order is not None:
            yield from order_edits(start.order, self.parts)
        if start.document is not None:
            plan = self.rehearsed.plan(name)
            yield from self._documents(name).edits(start.document, self._type(plan), subject_name(plan))

    def _changed(self, scenario: Scenario, edit: Edit | None) -> Scenario:
        if isinstance(edit, OrderEdit) and scenario.order is not None:
            return msgspec.structs.replace(scenario, order=changed_order(scenario.order, edit))
        if isinstance(edit, DocumentEdit):
            return msgspec.structs.replace(scenario, document=changed_document(scenario.document, edit))
        return scenario

    def _smaller(self, scenario: Scenario, refused: bool) -> Scenario:
        """The scenario without what is not needed for what it reaches."""
        wanted = {point.key for point in self._reached(self._marks(scenario)[0])}
        for edit in list(self._cuts(scenario)):
            tried = self._changed(scenario, edit)
            if tried == scenario:
                continue
            marks, now = self._marks(tried)
            if now == refused and {point.key for point in self._reached(marks)} >= wanted:
                scenario = tried
        return scenario

    def _cuts(self, scenario: Scenario) -> Iterator[Edit]:
        if scenario.document is not None:
            type_ = self._type(self.rehearsed.plan(scenario.message))
            record = self.running.model.records[type_.name]
            for index, attribute in enumerate(record.attributes):
                held = scenario.document[index]
                if held is not None and (attribute.optional or attribute.type.of is not None):
                    yield DocumentEdit("clear", (index,))
                if attribute.type.of is not None and held and len(held) > 1:
                    for place in range(len(held)):
                        yield DocumentEdit("put", (index,), (*held[:place], *held[place + 1 :]))
        for segment in scenario.order or ():
            if segment[0] not in ("MSH", "PID", "ORC", "OBR"):
                yield OrderEdit("leave", Part(segment[0], 0))
            if segment[0] != "MSH":
                for number in range(1, len(segment)):
                    if segment[number]:
                        yield OrderEdit("clear", Part(segment[0], number))

    # --- as files ---

    def files(self, scenario: Scenario, reached: list[Point], refused: bool, seed: int) -> dict[str, bytes]:
        """The files of the case's folder."""
        found: dict[str, bytes] = {}
        message = scenario.message or self.reads
        if scenario.order is not None:
            found["order.hl7"] = order_bytes(scenario.order, self.codec)
            orders, _ = read_orders(self.running, found["order.hl7"])
            refused = refused or orders is None
        if scenario.message:
            plan = self.rehearsed.plan(message)
            document = encode_json(self.running.model, self._type(plan), scenario.document)
            found[f"{subject_name(plan)}.json"] = msgspec.json.format(document, indent=2) + b"\n"
        what = "; ".join(dict.fromkeys(f"{point.kind} {_quoted(point)}" for point in reached[:4]))
        more = f" and {len(reached) - 4} more" if len(reached) > 4 else ""
        lines = [
            f'note: "{MARK} (seed {seed}), not reviewed: reaches {what}{more}"',
            f"message: {message}",
            f"environment: {self.running.environment}",
        ]
        if scenario.message:
            lines += [f'at: "{AT}"', f'control_id: "S{self.chance.randrange(10**8):08d}"']
        if refused:
            lines.append("refused: yes")
        return {"case.yaml": ("\n".join(lines) + "\n").encode(), **found}


def _quoted(point: Point) -> str:
    text = point.text if len(point.text) <= 60 else f"{point.text[:57]}…"
    return f"{point.address} {text}".replace("\\", "\\\\").replace('"', "'")


def _collect(value: Any, units: dict[str, None]) -> None:
    if isinstance(value, Quantity):
        units[value.unit] = None
    elif type(value) is tuple or isinstance(value, list):
        for each in value:
            _collect(each, units)


def _words(point: Point) -> set[str]:
    return {word.strip('".,()') for word in point.text.replace(".", " ").replace("-", " ").split()}


def _words_of(edit: Edit, model: Any, wanted: set[str]) -> bool:
    if isinstance(edit, OrderEdit):
        return edit.part.segment in wanted or edit.text in wanted
    return True
