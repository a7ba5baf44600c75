"""Compares two states of a workspace: what every hospital gets, before and after.

Takes two `State`s; gives the review of each organisation that changes. Every case runs through the plans before and those
after with the same input; where a plan of another environment moved otherwise than that of the case, there, too. What the
snapshots of the base hold and its own plans do not give today was moved by the engine or a library. Nothing is written.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Literal

import msgspec

from segwright.core import prose
from segwright.core.diagnostic import Diagnostic
from segwright.core.source import NOWHERE, Source
from segwright.orgs.workspace import CASE_LIMIT
from segwright.orgs.workspace import Case as CaseFiles
from segwright.plan import ops
from segwright.review.change import Case as ShownCase
from segwright.review.change import Change, Failure, OrganisationReview
from segwright.review.grouping import FleetReview, grouped
from segwright.review.meanings import Meanings, Rating, gravest
from segwright.review.outputs import Result, compare_results, file_changes, gathered
from segwright.review.plans import FRAME, moved_places, not_mapped
from segwright.review.policies import policy_changes
from segwright.service.cases import Case
from segwright.service.lost_coverage import Lost, with_lost
from segwright.service.opening import read_file
from segwright.service.processes import in_processes
from segwright.service.ruling import workspace_rules
from segwright.service.running import Running
from segwright.service.snapshots import FOLDER
from segwright.service.stale import Former
from segwright.service.states import State, case_of, reads_of, result_of

Say = Callable[[str], None]


def review_fleet(
    before: State, after: State, base: str, meanings: Meanings, only: Collection[str] | None = None,
    say: Say = lambda text: None, lost: Lost | None = None,
) -> FleetReview:  # fmt: skip
    """Everything that changes. `base`: what people call the state before; `only`: the organisations that are compared; `lost` is
    asked about lost coverage, nobody when it is None."""
    names = sorted({*before.names, *after.names, *after.fleet.organisations})
    reviews: list[OrganisationReview] = []
    problems = [
        f"{name} did not compile at {base}: it is compared as if it were new."
        for name in after.names
        if name not in before.names and (before.root / "orgs" / name).is_dir()
    ]
    names = [name for name in names if only is None or name in only]
    changed = [name for name in names if _differs(before, after, name)]
    for data in in_processes(
        _Work(before, after, meanings), changed, lambda done: say(f"comparing … {done} of {len(changed)}")
    ):
        reviews.append(msgspec.msgpack.decode(data, type=OrganisationReview))
    problems += [f"{each.name}: {problem}" for each in reviews for problem in each.problems]
    if before.shared_texts != after.shared_texts:
        reviews = _with_stale(reviews, Former(after.root, before.root, base, names), say)
    notes: tuple[str, ...] = ()
    if lost is not None:
        reviews, notes = with_lost(reviews, before, after, lost, say)
    groups = grouped(reviews)
    touched = sum(each.moves for group in groups for each in group.organisations)
    rules = workspace_rules(before, after, changed, meanings)
    return FleetReview(base, groups, rules, len(names) - touched, tuple(problems), notes)


def _with_stale(reviews: list[OrganisationReview], former: Former, say: Say) -> list[OrganisationReview]:
    """The reviews with the overrides whose base changed under them, also those that kept every byte as it was."""
    known = {each.name: each for each in reviews}

    def work(name: str) -> bytes:
        found = dict.fromkeys(f"{_place(each, former.sources)}: {prose.message(each)}" for each in former.stale(name))
        return msgspec.msgpack.encode((name, tuple(found)))

    say("looking for stale overrides …")
    for data in in_processes(work, former.names):
        name, stale = msgspec.msgpack.decode(data, type=tuple[str, tuple[str, ...]])
        if stale:
            known[name] = msgspec.structs.replace(known.get(name) or OrganisationReview(name, "changed"), stale=stale)
    return list(known.values())


def _place(found: Diagnostic, sources: Mapping[str, Source]) -> str:
    source = sources.get(found.span.file)
    return found.span.file if source is None else f"{found.span.file}:{source.position(found.span.start)[0]}"


class _Work:
    """Reviews one organisation, in whichever process."""

    def __init__(self, before: State, after: State, meanings: Meanings) -> None:
        self.before, self.after, self.meanings = before, after, meanings
        self.shapes: set[object] = set()
        """Of the organisations so far: most plans of a fleet are of a form that another one has, too."""

    def __call__(self, name: str) -> bytes:
        review = self._review(name)
        self.before.forget(name)
        self.after.forget(name)
        return msgspec.msgpack.encode(review)

    def _review(self, name: str) -> OrganisationReview:
        before, after = self.before, self.after
        if name not in after.names:
            broken = name in after.fleet.organisations or (after.root / "orgs" / name).is_dir()
            status: Literal["broken", "removed"] = "broken" if broken else "removed"
            return OrganisationReview(name, status, moved=_moved(_hashes(before, name), {}))
        if name not in before.names:
            return OrganisationReview(name, "added", moved=_moved({}, _hashes(after, name)))
        found = _Organisation(before, after, name, self.meanings)
        try:
            return found.review()
        finally:
            for running in (*found.old.values(), *found.new.values()):
                self.shapes |= running.shapes


def _differs(before: State, after: State, name: str) -> bool:
    """Whether anything of an organisation is another, so that it must be looked at closely."""
    if name not in before.names or name not in after.names:
        return True
    if before.hashes(name) != after.hashes(name):
        return True
    if _files(before.root, name) != _files(after.root, name):
        return True
    return (before.root / FOLDER / name).is_dir() or before.schema_text != after.schema_text


def _files(root: Path, name: str) -> dict[str, bytes]:
    """What of an organisation's folder is read beside its mappings: configuration, tables, cases."""
    return {path: data for path, data in _tree(root / "orgs" / name) if not path.endswith((".seg", ".lock"))}


def _inputs(root: Path, name: str) -> dict[str, bytes]:
    """What an organisation's cases put in."""
    return dict(_tree(root / "orgs" / name / "cases"))


def _tree(folder: Path) -> Iterator[tuple[str, bytes]]:
    """The ordinary files below a folder, by their path in it. What cannot be read is as good as empty: reading the workspace
    says so."""
    for place, _, names in os.walk(folder):
        for name in sorted(names):
            path = os.path.join(place, name)
            if os.path.isfile(path):
                data, _ = read_file(Path(path), CASE_LIMIT)
                yield os.path.relpath(path, folder), data or b""


def files_of_new(state: State, name: str) -> tuple[ShownCase, ...]:
    """What the cases of a hospital give that there was not before: all that people can look at when everything is new."""
    running, shown = state.running(name), []
    for files in state.cases(name).values():
        case, _ = case_of(state, name, files, running)
        here = running.get(case.environment) if case is not None else None
        if case is None or here is None or here.plan(case.message) is None:
            continue
        shown += [ShownCase(file, None, data) for file, data in result_of(here, case).files.items()]
    return tuple(shown)


def _hashes(state: State, name: str) -> dict[str, dict[str, str]]:
    if name not in state.names:
        return {}
    return {environment: dict(by_name) for environment, by_name in state.hashes(name).items()}


def _moved(old: dict[str, dict[str, str]], new: dict[str, dict[str, str]]) -> dict[str, tuple[str, ...]]:
    """By environment the messages whose plan is another."""
    moved: dict[str, tuple[str, ...]] = {}
    for environment in dict.fromkeys((*old, *new)):
        one, other = old.get(environment, {}), new.get(environment, {})
        names = tuple(name for name in dict.fromkeys((*one, *other)) if one.get(name) != other.get(name))
        if names:
            moved[environment] = names
    return moved


class _Organisation:
    """One organisation, before and after."""

    def __init__(self, before: State, after: State, name: str, meanings: Meanings) -> None:
        self.before, self.after, self.name, self.meanings = before, after, name, meanings
        self.moved = _moved(_hashes(before, name), _hashes(after, name))
        self.old, self.new = before.running(name), after.running(name)
        self.found: list[tuple[Change, str]] = []
        self.failures: list[Failure] = []
        self.recovered: list[str] = []
        self.shown: list[ShownCase] = []
        self.lost: list[str] = []
        self.problems: list[str] = []

    def review(self) -> OrganisationReview:
        """Everything that changes for it."""
        old_cases, new_cases = self.before.cases(self.name), self.after.cases(self.name)
        same = _inputs(self.before.root, self.name) == _inputs(self.after.root, self.name)
        edited = [
            name
            for name in new_cases
            if not same and name in old_cases and self._edited(old_cases[name], new_cases[name])
        ]
        for files in new_cases.values():
            self._case(self.after, self.new, files)
        for name in old_cases.keys() - new_cases.keys():
            self._case(self.before, self.old, old_cases[name])
            self.lost.append(f"case {name}")
        if self.lost or edited:
            self.lost += self._kinds_lost(old_cases, new_cases)
        for files in old_cases.values():
            self._locked(files)
        policy = self._policy()
        self._unshown()
        moved = self.moved
        if policy:
            moved = {
                each: (*moved.get(each, ()), "policy") if each in policy else moved[each]
                for each in {**moved, **policy}
            }
        return OrganisationReview(
            self.name,
            "changed",
            gathered(tuple(self.found)),
            tuple(self.failures),
            tuple(self.recovered),
            tuple(self.lost),
            tuple(self._unmapped()),
            (),
            moved,
            tuple(self.shown),
            tuple(edited),
            tuple(dict.fromkeys(self.problems)),
        )

    # --- cases -----------------------------------------------------------------------------------------------------------

    def _edited(self, old: CaseFiles, new: CaseFiles) -> bool:
        """Whether a case puts in something else: not whether its words changed."""
        before, _ = case_of(self.before, self.name, old, self.old)
        after, _ = case_of(self.after, self.name, new, self.new)
        if before is None or after is None:
            return before is not after
        return msgspec.structs.replace(before, note="", span=NOWHERE) != msgspec.structs.replace(
            after, note="", span=NOWHERE
        )

    def _case(self, state: State, running: dict[str, Running], files: CaseFiles) -> None:
        """Runs one case through the plans before and after."""
        case, found = case_of(state, self.name, files, running)
        if case is None:
            reason = prose.message(found[0]) if found else "it cannot be read."
            self.problems.append(f"the case {files.name} cannot be run: {reason}")
            return
        first = True
        for environment in self._environments(case):
            before = self._result(self.old, case, environment)
            after = self._result(self.new, case, environment)
            reads = self._reads(case.message, environment)
            compared = compare_results(before, after, self.meanings, reads)
            known = {change for change, _ in self.found}
            note = "" if environment == case.environment else f" ({environment})"
            self.found += [(change, where + note) for change, where in compared.seen if first or change not in known]
            if compared.failure is not None and (first or compared.failure not in self.failures):
                self.failures.append(msgspec.structs.replace(compared.failure, case=case.name + note))
            if compared.recovered and first:
                self.recovered.append(case.name)
            if first:
                self._show(before, after)
            first = False

    def _environments(self, case: Case) -> Iterator[str]:
        """The environment of a case if its plans moved; others where they moved in another way."""
        concerned = self._concerned(case.message)
        seen: list[object] = []
        for environment in dict.fromkeys((case.environment, *self.new)):
            if not any(message in self.moved.get(environment, ()) for message in concerned):
                continue
            how = [self._how(environment, message) for message in concerned]
            if how not in seen:
                seen.append(how)
                yield environment

    def _concerned(self, message: str) -> list[str]:
        """The message of a case, and the reading ones that its order comes through."""
        catalogue = self.after.organisation(self.name).catalogue
        return [message, *(name for name, entry in catalogue.items() if entry.reads and name != message)]

    def _how(self, environment: str, message: str) -> object:
        """How a plan moved: equal for environments in which only values that stayed differ."""
        how: list[object] = []
        replaced = []
        for state in (self.before, self.after):
            plans = state.plans(self.name)
            number, given = plans.plans.get(environment, {}).get(message, (-1, ()))
            how.append(plans.texts[number] if number >= 0 else b"")
            replaced.append(given)
        return (*how, replaced if replaced[0] != replaced[1] else None)

    def _result(self, running: dict[str, Running], case: Case, environment: str) -> Result | None:
        here = running.get(environment)
        if here is None or case.message not in here.organisation.catalogue or here.plan(case.message) is None:
            return None
        return result_of(here, case)

    def _reads(self, message: str, environment: str) -> dict[str, tuple[str, ...]]:
        """Where what a reading message gives comes from, before and after."""
        found: dict[str, tuple[str, ...]] = {}
        for running in (self.old, self.new):
            here = running.get(environment)
            plan = here.plan(message) if here is not None and message in here.organisation.catalogue else None
            if here is not None and plan is not None and plan.direction == "reads":
                for attribute, places in reads_of(plan, here).items():
                    found[attribute] = (*found.get(attribute, ()), *places)
        return found

    def _show(self, before: Result | None, after: Result | None) -> None:
        old, new = before.files if before is not None else {}, after.files if after is not None else {}
        for name in dict.fromkeys((*old, *new)):
            if old.get(name) != new.get(name):
                self.shown.append(ShownCase(name, old.get(name), new.get(name)))

    def _kinds_lost(self, old_cases: dict[str, CaseFiles], new_cases: dict[str, CaseFiles]) -> list[str]:
        """Kinds of results and orders that the catalogue lets through, that cases showed and none shows now."""
        old = self._kinds(self.before, self.old, old_cases)
        new = self._kinds(self.after, self.new, new_cases)
        catalogue = self.after.organisation(self.name).catalogue
        return [
            f"{name} of the kind {kind}"
            for name, kind in old
            if (name, kind) not in new
            and name in catalogue
            and (kind in catalogue[name].orders or catalogue[name].kinds.get(kind, "no") != "no")
        ]

    def _kinds(
        self, state: State, running: dict[str, Running], cases: dict[str, CaseFiles]
    ) -> dict[tuple[str, str], None]:
        """Each message and kind that cases show."""
        found: dict[tuple[str, str], None] = {}
        for files in cases.values():
            case, _ = case_of(state, self.name, files, running)
            result = self._result(running, case, case.environment) if case is not None else None
            if result is not None and not result.refused:
                found.update(dict.fromkeys((result.message, kind) for kind in result.kinds))
        return found

    # --- the engine --------------------------------------------------------------------------------------------------------

    def _locked(self, files: CaseFiles) -> None:
        """What the base locked against what its plans give today."""
        folder = self.before.root / FOLDER / self.name
        locked = sorted(folder.glob(f"{files.name}.*")) if folder.is_dir() else []
        if not locked:
            return
        case, _ = case_of(self.before, self.name, files, self.old)
        result = self._result(self.old, case, case.environment) if case is not None else None
        if case is None or result is None or result.refused:
            return
        for path in locked:
            now = result.files.get(path.name)
            if now is None:
                continue
            was, unread = read_file(path, CASE_LIMIT)
            if was is None:
                name = f"{FOLDER}/{self.name}/{path.name}"
                self.problems.append(f"{name} of the base cannot be read: {unread[0].facts['reason']}.")
            if was is None or was == now:
                continue
            reads = self._reads(case.message, case.environment)
            self.found += file_changes(case.message, path.name, was, now, self.meanings, reads, "engine")

    # --- policy, and what no case shows --------------------------------------------------------------------------------------

    def _policy(self) -> dict[str, bool]:
        """The environments whose policy moved."""
        moved: dict[str, bool] = {}
        if self._same_policy():
            return moved
        for environment in dict.fromkeys((*self.old, *self.new)):
            old = self.before.manifest(self.name, environment) if environment in self.old else None
            new = self.after.manifest(self.name, environment) if environment in self.new else None
            if old == new:
                continue
            if old is None or new is None or old.policy_hash != new.policy_hash:
                moved[environment] = True
            self.found += [(change, environment) for change in policy_changes(old, new, self.meanings)]
        return moved

    def _same_policy(self) -> bool:
        """Whether all that manifests are made of is the same: configuration, tables, and the model."""
        if self.before.plans(self.name).model != self.after.plans(self.name).model:
            return False
        if set(self.before.hashes(self.name)) != set(self.after.hashes(self.name)):
            return False
        texts = []
        for state in (self.before, self.after):
            files = state.workspace(self.name).organisations[self.name]
            tables = {name: source.text for name, source in files.tables.items()}
            texts.append((state.schema_text, files.config and files.config.text, tables))
        return bool(texts[0] == texts[1])

    def _unshown(self) -> None:
        """Places of moved plans at which no case shows a difference."""
        shown = {(change.message, _field(change.place)) for change, _ in self.found if change.cause == "mapping"}
        seen: dict[str, list[object]] = {}
        for environment, messages in self.moved.items():
            for message in messages:
                how = self._how(environment, message)
                if how in seen.setdefault(message, []):
                    continue
                seen[message].append(how)
                old, new = self.old.get(environment), self.new.get(environment)
                before = old.plan(message) if old is not None and message in old.organisation.catalogue else None
                after = new.plan(message) if new is not None and message in new.organisation.catalogue else None
                if before is None or after is None or old is None or new is None:
                    continue
                reads = self._reads(message, environment)
                for place in moved_places(before, after, _attribute(before, old), _attribute(after, new)):
                    if (message, _field(place)) in shown or (place == FRAME and before.model != after.model):
                        continue
                    rating = self._rating(place, reads)
                    self.found.append((
                        Change("plan", message, place, "", "changed", "", "", rating.severity, rating.why, rating.repeats),
                        environment,
                    ))  # fmt: skip

    def _rating(self, place: str, reads: dict[str, tuple[str, ...]]) -> Rating:
        if place == FRAME:
            return self.meanings.rate("encoding", "changed", "", "")
        if place.startswith(("check ", "reject ")):
            return self.meanings.rate("catalogue", "changed", "", "")._replace(why="decides what stops a message")
        sources = reads.get(place, ())
        found = gravest(self.meanings.rate(source, "changed", "", "") for source in sources)
        return found or self.meanings.rate(place, "changed", "", "")

    def _unmapped(self) -> list[str]:
        """Values that came into the model and that this organisation's tables have no row for."""
        old, new = self.before.plans(self.name).model, self.after.plans(self.name).model
        values = {name: frozenset(each) - frozenset(old.enums.get(name, ())) for name, each in new.enums.items()}
        values = {name: each for name, each in values.items() if each}
        found: dict[str, None] = {}
        for environment in list(self.new)[:1] if values else ():
            for message in self.after.hashes(self.name)[environment]:
                plan = self.new[environment].plan(message)
                if plan is not None and plan.direction == "writes":
                    found.update(dict.fromkeys(f"{value} in {message}" for value in not_mapped(plan, new, values)))
        return list(found)


def _attribute(plan: ops.Plan, running: Running) -> Callable[[ops.SetOp], str]:
    from segwright.service.naming import Names

    if plan.direction == "writes":
        return lambda op: ""
    names = Names(plan, running.model)
    return lambda op: names.attribute(op.record, op.index)


def _field(place: str) -> str:
    """The field that a place is in: `OBX-3.3` → `OBX-3`; of an attribute its first two names."""
    return place.partition(".")[0] if "-" in place else ".".join(place.split(".")[:2])
