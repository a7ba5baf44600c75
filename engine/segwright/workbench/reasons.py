"""Why a value is not there: an operation and its parts, each true, false, there, missing, refused, or not looked at.

Takes an explained message, the steps and the problems of one run that belong to one place; gives trees. Values are never shown:
that one is missing, or a comparison false, says enough, and holds nothing of the patient.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from segwright.core.prose import help_lines, message
from segwright.core.source import Source
from segwright.plan import ops
from segwright.runtime.outcome import Problem, Step
from segwright.service.bundling import line_of, place
from segwright.service.explaining import Twig
from segwright.service.refusals import Explained, words_of

NOT_LOOKED_AT = "not looked at"
REFUSED = "refused"
_TOLD = {"true": "true", "false": "false", "missing": "missing", "null": "null"}


class Reasons:
    """The steps of one place of a message, by operation."""

    def __init__(
        self,
        explained: Explained,
        steps: Iterable[Step],
        sources: Mapping[str, Source],
        problems: Iterable[Problem] = (),
    ) -> None:
        self.explained = explained
        self.sources = sources
        self.problems = {problem.op: problem for problem in problems}
        self.steps: dict[int, list[Step]] = {}
        for step in steps:
            self.steps.setdefault(step.op, []).append(step)

    def of(self, op: ops.Op) -> list[Step]:
        """The steps of one operation."""
        return self.steps.get(self.explained.number(op), [])

    def verdict(self, op: ops.Op) -> str:
        """What came out, over all the times it was looked at."""
        found = list(dict.fromkeys(_TOLD.get(step.gives, "there") for step in self.of(op)))
        if not found:
            below = self.explained.below(self.explained.number(op)) if self.problems else ()
            return REFUSED if any(number in self.problems for number in below) else NOT_LOOKED_AT
        return found[0] if len(found) == 1 else " or ".join(found)

    def words(self, op: ops.Op) -> tuple[str, str]:
        """The words of an operation and where they stand; of a value that has none its path."""
        span = self.explained.compiled.places[self.explained.number(op)]
        if span is None:
            path = self.explained.names.path(op)
            return path, ""
        return words_of(span, self.sources), str(place(span, self.sources))

    # --- conditions ---

    def condition(self, op: ops.Condition) -> Twig:
        """A condition with its parts."""
        text, where = self.words(op)
        parts: list[Twig] = []
        match op:
            case ops.AllOf(conditions) | ops.AnyOf(conditions):
                parts = [self.condition(each) for each in conditions]
            case ops.Not(inner):
                if not isinstance(inner, ops.Present) or not text:
                    parts = [self.condition(inner)]
            case _:
                parts = [self.value(each) for each in _operands(op) if self.verdict(each) in ("missing", "null")]
        return Twig(self.verdict(op), text or _name(op), where, tuple(parts))

    # --- values ---

    def value(self, op: ops.Value) -> Twig:
        """A value, with what made it missing."""
        text, where = self.words(op)
        verdict = self.verdict(op)
        if verdict == "there":
            return Twig(verdict, text or self.explained.names.path(op) or _name(op), where)
        return Twig(verdict, text or self.explained.names.path(op) or _name(op), where, tuple(self._inside(op)))

    def _inside(self, op: ops.Value) -> Iterable[Twig]:
        problem = self.problems.get(self.explained.number(op))
        if problem is not None:
            yield from self._refused(problem)
            return
        match op:
            case ops.Const():
                text = self.words(op)[0]
                yield Twig("blank", "not given in org.yaml" if text.startswith("org.") else "the rule says so")
            case ops.Attr(of=of):
                held = of
                while (
                    self.verdict(held) == "missing"
                    and isinstance(held, ops.Attr)
                    and self.verdict(held.of) == "missing"
                ):
                    held = held.of
                if self.verdict(held) == "missing":
                    yield Twig("missing", self.explained.names.path(held) or _name(held))
            case ops.Choose(rungs):
                for number, rung in enumerate(rungs, 1):
                    yield self._rung(number, rung, rung.value)
            case ops.Coalesce(values):
                for each in values:
                    yield self.value(each)
            case ops.Lookup():
                yield from self._lookup(op)
            case ops.Call(arguments=arguments):
                if arguments and arguments[0] is not None:
                    yield self.value(arguments[0])
            case ops.Each() | ops.First():
                yield from self._list(op, op.source, op.where)
                if self.verdict(op.value) == "missing":
                    yield self.value(op.value)
            case ops.Component(of=of) | ops.Received(of=of):
                if self.verdict(of) == "missing":
                    yield self.value(of)
            case ops.Make(of=of):
                yield self.value(of)

    def _refused(self, problem: Problem) -> Iterable[Twig]:
        """What stands against a value, and what to do about it, as the report of the refused message says it."""
        (finding,) = self.explained.problems([problem])
        table = next((label.span for label in finding.labels if label.role == "table"), None)
        yield Twig(finding.code, message(finding), "" if table is None else str(place(table, self.sources)))
        for line in help_lines(finding):
            yield Twig("help", line)

    def _rung(self, number: int, rung: ops.Rung | ops.RepRung, value: ops.Op) -> Twig:
        _, text = self.explained.words(rung, self.sources)
        where = str(place(self.explained.place(self.explained.number(value)), self.sources))
        if rung.when is None:
            verdict = "taken" if self.verdict(value) != NOT_LOOKED_AT else NOT_LOOKED_AT
            parts: list[Twig] = []
        else:
            verdict = self.verdict(rung.when)
            parts = list(self.condition(rung.when).twigs) if verdict != NOT_LOOKED_AT else []
        if isinstance(rung, ops.Rung) and verdict in ("true", "taken") and not isinstance(rung.value, ops.Const):
            parts += [self.value(rung.value)] if self.verdict(rung.value) == "missing" else []
        if isinstance(rung, ops.RepRung) and verdict in ("true", "taken"):
            parts += self.content(rung.content)
        return Twig(verdict, f"alternative {number}: {text}", where, tuple(parts))

    def _lookup(self, op: ops.Lookup) -> Iterable[Twig]:
        for key in op.keys:
            if self.verdict(key) == "missing":
                yield self.value(key)
        for step in self.of(op):
            if "row" in step.detail:
                row = self.explained.rules.row_of(op.table, step.detail["row"])
                if row is not None:
                    table = self.explained.rules.table_of(op.table)
                    name = table.name if table is not None else ""
                    text = f"the row gives nothing: {name}: {line_of(row.span, self.sources)}"
                    yield Twig("table", text, str(place(row.span, self.sources)))

    def _list(self, op: ops.Op, source: ops.Value, where: ops.Condition | None) -> Iterable[Twig]:
        if self.verdict(source) == "missing":
            yield self.value(source)
        if where is not None and self.of(where):
            held = sum(1 for step in self.of(where) if step.gives == "true")
            count = len(self.of(where))
            tree = self.condition(where)
            yield Twig(tree.kind, f"where {tree.text}: holds for {held} of {count}", tree.place, tree.twigs)

    def loop(self, op: ops.LoopOp | ops.EachRep) -> list[Twig]:
        """Why a loop has no turn."""
        found: list[Twig] = []
        when = op.when if isinstance(op, ops.LoopOp) else None
        if when is not None and self.verdict(when) != "true":
            found.append(self.condition(when))
        found += self._list(op, op.source, op.where)
        return found

    # --- contents of fields ---

    def put(self, put: ops.Put) -> list[Twig]:
        """Why a leaf has no value: of alternatives each of them."""
        if self.verdict(put.value) == "there":
            return []
        return self._trees(put.value)

    def _trees(self, op: ops.Value) -> list[Twig]:
        """A value; of one that has no words of its own what it is made of."""
        if self.explained.compiled.places[self.explained.number(op)] is None:
            if isinstance(op, ops.Choose):
                return list(self._inside(op))
            if isinstance(op, ops.Call) and op.arguments and op.arguments[0] is not None:
                return self._trees(op.arguments[0])
        return [self.value(op)]

    def content(self, content: ops.Content, component: tuple[int, int] = (0, 0)) -> list[Twig]:
        """Why a content came out with nothing, or without a component."""
        match content:
            case ops.Leaves(puts=puts):
                return [twig for put in puts if concerns(put, component) for twig in self.put(put)]
            case ops.Opaque(value=value):
                return [self.value(value)]
            case ops.ChooseRep(rungs):
                if len(rungs) == 1 and rungs[0].when is not None and not self.words(rungs[0].when)[0]:
                    # The compiler's own: a format makes nothing of nothing.
                    verdict = self.verdict(rungs[0].when)
                    if verdict == "false" and isinstance(rungs[0].when, ops.Present):
                        return [self.value(rungs[0].when.value)]
                    return self.content(rungs[0].content, component)
                return [self._rung(number, rung, rung.content) for number, rung in enumerate(rungs, 1)]
            case ops.Fallback(contents=contents):
                return [twig for each in contents for twig in self.content(each, component)]
            case ops.EachRep():
                return [*self.loop(content), *self.content(content.content, component)]
            case _:
                return []


def concerns(put: ops.Put, component: tuple[int, int]) -> bool:
    """Whether a leaf is what a path means: `(0, 0)` is the whole field, a subcomponent of 0 the whole component."""
    return component in ((0, 0), (put.component, put.subcomponent), (put.component, 0))


def _operands(op: ops.Condition) -> tuple[ops.Value, ...]:
    """What a comparison compares, constants left out."""
    match op:
        case ops.Present(value) | ops.IsNull(value) | ops.Truth(value) | ops.Match(value=value) | ops.In(value=value):
            found: tuple[ops.Value, ...] = (value,)
        case ops.Equal(left, right) | ops.Order(left=left, right=right):
            found = (left, right)
        case _:
            found = ()
    return tuple(each for each in found if not isinstance(each, ops.Const | ops.Listed))


def _name(op: ops.Op) -> str:
    return {"present": "is present", "not": "not", "last": "position is last", "slot": "the element"}.get(
        str(op.__struct_config__.tag), str(op.__struct_config__.tag)
    )
