"""What the runtime found, as findings for people: at the line of the mapping, with the keys and tables that had a part in it.

Takes problems and rejects (operation numbers, kinds, facts) and the compiled message they belong to; gives diagnostics, all of
them at once. None holds a value of the patient: the runtime's facts do not, and nothing is added but names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Final

from segwright.core.diagnostic import Diagnostic, Label, diagnostic
from segwright.core.source import NOWHERE, Source, Span
from segwright.hl7.refusal import Refused
from segwright.lang.compile import Compiled
from segwright.lang.context import Written
from segwright.orgs.organisation import Organisation
from segwright.plan import ops
from segwright.plan.model import Model
from segwright.plan.walk import children, walk
from segwright.runtime.decode import DecodeProblem
from segwright.runtime.outcome import Problem, ProblemKind, Reject
from segwright.service.documents import line_at, lines_of
from segwright.service.naming import Names
from segwright.service.rules import Rules

CODES: Final[dict[ProblemKind, str]] = {
    "missing": "SW1001",
    "unmapped": "SW1002",
    "error_row": "SW1003",
    "invalid": "SW1004",
    "too_many": "SW1005",
    "check": "SW1006",
    "unencodable": "SW1007",
    "control": "SW1008",
    "null_text": "SW1009",
    "null": "SW1010",
    "repetition": "SW1011",
    "structure": "SW1012",
    "not_kept": "SW1013",
    "incomparable": "SW1014",
    "narrative": "SW1016",
}
"""Every kind but `type`: that is a fault of segwright, and no finding."""


def distinct(found: Iterable[Problem]) -> tuple[Problem, ...]:
    """Each problem once, however many turns of a loop had it: two thousand faulty groups have one cause."""
    first: dict[tuple[object, ...], Problem] = {}
    for problem in found:
        first.setdefault((problem.op, problem.kind, tuple(sorted(problem.facts.items()))), problem)
    return tuple(first.values())


def words_of(span: Span, sources: Mapping[str, Source]) -> str:
    """The words of the source at a place, on one line."""
    source = sources.get(span.file)
    return "" if source is None else " ".join(source.text[span.start : span.end].split())


class Explained:
    """One compiled message, with what is needed to speak about its operations."""

    def __init__(self, organisation: Organisation, environment: str, model: Model, compiled: Compiled) -> None:
        assert compiled.plan is not None
        self.organisation = organisation
        self.environment = environment
        self.compiled = compiled
        self.plan = compiled.plan
        self.names = Names(compiled.plan, model)
        self.rules = Rules(compiled)
        self.operations = tuple(walk(compiled.plan))
        self._numbers = {id(op): number for number, op in enumerate(self.operations)}

    def written(self, op: int) -> Written | None:
        """Who wrote an operation; None for the engine's own doing."""
        return self.compiled.written[op] if 0 <= op < len(self.compiled.written) else None

    def place(self, op: int) -> Span:
        """The words of the source that an operation came from: its own, those of the first inside it that has any, its rule's."""
        places = self.compiled.places
        found = next((places[number] for number in self.below(op) if places[number] is not None), None)
        if found is not None:
            return found
        written = self.written(op)
        return NOWHERE if written is None else written.line or written.origin.span

    def number(self, op: ops.Op) -> int:
        """The number of an operation of the plan."""
        return self._numbers[id(op)]

    def words(self, alternative: ops.Op, sources: Mapping[str, Source]) -> tuple[Span, str]:
        """Where an alternative stands, and its words: of a rung its value and condition."""
        if not isinstance(alternative, ops.Rung | ops.RepRung):
            span = self.place(self.number(alternative))
            return span, words_of(span, sources)
        value = alternative.value if isinstance(alternative, ops.Rung) else alternative.content
        span = self.place(self.number(value))
        text = words_of(span, sources)
        if alternative.when is None:
            return span, f"{text} otherwise"
        when = self.compiled.places[self.number(alternative.when)]
        return span, text if when is None else f"{text} when {words_of(when, sources)}"

    def below(self, op: int) -> range:
        """The numbers of an operation and of all inside it: they follow each other."""
        count = 0
        waiting: list[ops.Op] = [self.operations[op]]
        while waiting:
            count += 1
            waiting.extend(children(waiting.pop()))
        return range(op, op + count)

    def decided(self, op: int) -> set[int]:
        """The numbers of all operations that had a part in what an operation gave: those inside it, and those inside the `let`s
        whose values it takes."""
        found: set[int] = set()
        waiting = [op]
        while waiting:
            inside = self.below(waiting.pop())
            found.update(inside)
            slots = {each.slot for n in inside if isinstance(each := self.operations[n], ops.Slot)}
            waiting += [n for slot in slots if (n := self._lets.get(slot, op)) not in found]
        return found

    @cached_property
    def _lets(self) -> dict[int, int]:
        """By slot, the number of the `let` that binds it."""
        return {op.slot: number for number, op in enumerate(self.operations) if isinstance(op, ops.LetOp)}

    def problems(self, found: Iterable[Problem]) -> list[Diagnostic]:
        """The findings of a refused message, in the order of the plan."""
        return [self._problem(problem) for problem in distinct(found)]

    def rejects(self, found: Iterable[Reject]) -> list[Diagnostic]:
        """The findings of an order that a rule of the mapping refuses."""
        out = []
        for reject in found:
            written = self.written(reject.op)
            span = NOWHERE if written is None else written.origin.span
            out.append(
                diagnostic(
                    "SW1042", span, *self._labels(written), organisation=self.organisation.id,
                    code=reject.code, name=reject.name, saying=reject.saying,
                )
            )  # fmt: skip
        return out

    def grounded(self, rejects: Iterable[Reject], problems: Iterable[Problem]) -> list[Reject]:
        """The rejects that do not speak of a value which has a problem of its own: what is missing has no form either."""
        wanting = {written.address for each in problems if (written := self.written(each.op)) is not None}
        return [
            reject
            for reject in rejects
            if not any(
                f"{path}.".startswith(f"{lost}.")
                for path in self.names.paths(self.operations[reject.op])
                for lost in wanting
            )
        ]

    def _problem(self, problem: Problem) -> Diagnostic:
        written = self.written(problem.op)
        if problem.kind == "type":
            where = written.address if written is not None else self.plan.message
            raise AssertionError(f"{where}: {problem.facts['wanted']} wanted, {problem.facts['found']} found")
        op = self.operations[problem.op] if 0 <= problem.op < len(self.operations) else None
        span = NOWHERE if written is None else written.origin.span
        facts = dict(problem.facts)
        if "function" in facts:
            facts["function"] = facts["function"].split("/")[
                0
            ]  # a mapping names it without what it takes and its version
        facts["address"] = written.address if written is not None else self.plan.message
        facts["source"] = self.source(op)
        facts["given"] = f"the value of {facts['source']}" if facts["source"] else "its value"
        labels = self._labels(written)
        if problem.facts.get("table", "").isdigit():
            table = self.rules.table_of(int(problem.facts["table"]))
            facts["table"] = table.name if table is not None else ""
            labels += [Label(table.span, "table")] if table is not None else []
            # `otherwise` stands for keys; it does not say what a code means that came in.
            facts["outward"] = "" if self.rules.is_inverse(int(problem.facts["table"])) else facts["table"]
        return diagnostic(CODES[problem.kind], span, *labels, organisation=self.organisation.id, **facts)  # type: ignore[arg-type]

    def source(self, op: ops.Op | None) -> str:
        """What an operation reads, in the words of the model or of the message."""
        paths = (
            []
            if op is None
            else [re.sub(r"^([A-Z][A-Z0-9]{2}-[0-9]+)\[\]", r"\1", path) for path in self.names.paths(op)]
        )
        # A list that is gone through is not said beside its elements, nor a field beside its component.
        shown = [
            path
            for path in dict.fromkeys(paths)
            if not any(other.startswith((f"{path}[]", f"{path}.")) for other in paths)
        ]
        return " or ".join(shown[:3])

    def _labels(self, written: Written | None) -> list[Label]:
        """The keys of org.yaml that the rule reads."""
        keys = self.rules.mentions(written).keys if written is not None else ()
        given = [self.organisation.value(key, self.environment) for key in keys]
        return [Label(value.span, "config") for value in given if value is not None]


def unreadable(refused: Refused, organisation: str) -> Diagnostic:
    """A message that is none."""
    return diagnostic(
        "SW1040",
        NOWHERE,
        organisation=organisation,
        code=refused.code,
        position=refused.position,
        cause=refused.cause,
        begins="MSH" if refused.code == "not_hl7" else "",
    )


def document_problems(
    problems: Sequence[DecodeProblem], subject: str, organisation: str, data: bytes
) -> list[Diagnostic]:
    """What is wrong with a JSON document, each place of it, with its line; never what stands there."""
    readable = all(problem.kind != "json" for problem in problems)
    lines = lines_of(data.decode("utf-8", "replace")) if readable else {}
    return [
        diagnostic(
            "SW1026", NOWHERE, organisation=organisation, subject=subject, wrong=_said(problem),
            path=f"{problem.path} (line {line_at(lines, problem.path)})" if readable else problem.path,
            nearest=problem.facts.get("nearest", ""), known=problem.facts.get("known", ""),
        )
        for problem in problems
    ]  # fmt: skip


_WRONG: Final = {
    "json": "the document is no JSON that can be read: {reason}",
    "unknown": "the model has no attribute of this name here",
    "duplicate": "the attribute stands here twice",
    "missing": "a value is missing",
    "type": "{wanted} is expected, {found} was found",
    "empty": "it is empty; what is missing is left out",
    "number": "{reason}",
    "enum": "the value is none of those declared",
    "time": "{reason}",
    "unit": "the unit is no UCUM unit",
    "comparator": "the comparator is none of <, <=, > and >=",
    "text": "{reason}",
    "field": "{reason}",
    "too_many": "there are more faults than are listed",
}


_JSON: Final = {
    "integer": "a whole number", "number": "a number", "text": "a text in quotes", "list": "a list [ … ]",
    "object": "a group { … }",
}  # fmt: skip
"""What the kinds of JSON values are called; others are called so already."""


def _said(problem: DecodeProblem) -> str:
    return _WRONG[problem.kind].format_map({name: _JSON.get(fact, fact) for name, fact in problem.facts.items()})
