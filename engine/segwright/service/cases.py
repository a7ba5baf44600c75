"""The cases of an organisation: what goes in, at which time, and what comes out, byte for byte.

A case is a folder `orgs/<org>/cases/<case>/` with `case.yaml` and, unless that names files of other cases, `order.hl7` and the
document of its subject (`result.json`, `event.json`). Takes a compiled workspace; gives each case's outputs under the names of
their snapshots, or findings at line and column of case.yaml. A case that says `refused: yes` gives the report of its refusal.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from segwright.core.diagnostic import Diagnostic, diagnostic
from segwright.core.prose import help_lines, message
from segwright.core.source import Source, Span, undecodable
from segwright.core.suggest import nearest
from segwright.orgs.forms import yes_or_no
from segwright.orgs.plain import read_quickly
from segwright.orgs.tree import Mapping, Scalar
from segwright.orgs.workspace import Case as CaseFiles
from segwright.orgs.workspace import Workspace
from segwright.runtime.load import Reader
from segwright.service.inputs import Making, making, subject_name
from segwright.service.reading import Refusal, document, read_orders
from segwright.service.rendering import Request, render
from segwright.service.running import Running

KEYS: Final = ("note", "message", "environment", "at", "control_id", "order", "nth", "refused")
NEEDED: Final = ("message", "environment")
NEEDED_TO_WRITE: Final = ("at", "control_id")


class Case(msgspec.Struct, frozen=True):
    """A case as read. `files` are workspace names of what goes in, by input (`order` and the subject's name)."""

    organisation: str
    name: str
    note: str
    message: str
    environment: str
    make: Making | None
    order: bytes | None
    subject: bytes | None
    nth: int | None
    refused: bool
    span: Span
    order_file: str = ""
    subject_file: str = ""

    @property
    def stem(self) -> str:
        """What the names of its snapshots begin with."""
        return f"{self.name}.{self.message}"


class Outcome(msgspec.Struct, frozen=True):
    """What a case gives: `files` by name below `snapshots/<org>/`, the `kinds` that it shows (what the catalogue lists), and what
    is wrong (`sources`: the case.yaml it points into). `case` is None when its case.yaml cannot be used."""

    organisation: str
    name: str
    case: Case | None
    files: dict[str, bytes]
    kinds: tuple[str, ...]
    found: tuple[Diagnostic, ...]
    sources: dict[str, Source] = {}


class _CaseReader:
    """Reads one case.yaml and what it names."""

    def __init__(self, workspace: Workspace, organisation: str, files: CaseFiles, running: dict[str, Running]) -> None:
        self.workspace = workspace
        self.organisation = organisation
        self.files = files
        self.folder = f"orgs/{organisation}/cases/{files.name}"
        self.running = running
        self.found: list[Diagnostic] = []
        self.source = Source(f"{self.folder}/case.yaml", "")
        self.tree = Mapping({}, 0, 0)

    def report(self, code: str, span: Span | None = None, **facts: object) -> None:
        self.found.append(diagnostic(code, span or self.source.span(0, 1), organisation=self.organisation, **facts))  # type: ignore[arg-type]

    def read(self) -> Case | None:
        """The case, or None when something is wrong with it."""
        if not self._open():
            return None
        message, environment = self._text("message"), self._text("environment")
        running = next(iter(self.running.values()))
        if message and message not in running.organisation.catalogue:
            catalogue = running.organisation.catalogue
            self.report(
                "SW1030",
                self._span("message"),
                name=message,
                nearest=nearest(message, catalogue),
                known=list(catalogue),
            )
            message = ""
        if environment and environment not in self.running:
            self.report("SW1034", self._span("environment"), name=environment, known=list(self.running))
        if not message or environment not in self.running:
            self._unknown_keys(None)
            return None
        entry = running.organisation.catalogue[message]
        plan = running.plan(message)
        subject = subject_name(plan) if plan is not None and entry.writes else ""
        self._unknown_keys(subject, message)
        make = self._making() if entry.writes else None
        nth = self._number("nth")
        refused = self._yes("refused")
        order_file, order = self._bytes("order", "order.hl7")
        subject_file, document = self._bytes(subject, f"{subject}.json") if subject else ("", None)
        if plan is None:
            self.report("SW1032", self._span("message"), name=message)
        if not entry.writes and order is None and not self.found:
            self.report("SW1065", file=f"{self.folder}/order.hl7")
        if self.found:
            return None
        return Case(
            self.organisation, self.files.name, self._text("note"), message, environment, make, order, document, nth, refused,
            self.source.span(0, 1), order_file, subject_file,
        )  # fmt: skip

    def _open(self) -> bool:
        name = self.files.files.get("case.yaml")
        if name is None:
            self.report("SW1068", Span(self.folder, 0, 0), case=self.files.name)
            return False
        data, found = self.workspace.read_bytes(name)
        self.found += found
        if data is None:
            return False
        try:
            self.source = Source(name, data.decode("utf-8-sig"))
        except UnicodeDecodeError as error:
            self.report("SW0702", file=name, **undecodable(error))
            return False
        tree, found = read_quickly(self.source)
        self.found += [msgspec.structs.replace(finding, organisation=self.organisation) for finding in found]
        if tree is None:
            return False
        self.tree = tree
        self._need(NEEDED)
        return True

    def _need(self, keys: Iterable[str]) -> None:
        """Reports keys that are not there, but not one that is there under a misspelt name: that is told as such."""
        misspelt = {nearest(key, KEYS) for key in self.tree.entries if key not in KEYS}
        for key in keys:
            if key not in self.tree.entries and key not in misspelt:
                self.report("SW1064", key=key, reason="is missing")

    def _span(self, key: str) -> Span:
        node = self.tree.entries[key].node
        return self.source.span(node.start, node.end)

    def _unknown_keys(self, subject: str | None, message: str = "") -> None:
        known = [*KEYS, *([subject] if subject else [])]
        for key, entry in self.tree.entries.items():
            if key not in known and not (subject is None and key in ("result", "event")):
                reason = f"has no meaning in a case of `{message}`" if message else "has no meaning in a case"
                span = self.source.span(entry.start, entry.end)
                self.report("SW1064", span, key=key, reason=reason, nearest=nearest(key, known), known=known)

    def _text(self, key: str) -> str:
        entry = self.tree.entries.get(key)
        if entry is None:
            return ""
        if not isinstance(entry.node, Scalar) or not entry.node.text:
            self.report("SW1064", self.source.span(entry.start, entry.end), key=key, reason="must be a text")
            return ""
        return entry.node.text

    def _yes(self, key: str) -> bool:
        text = self._text(key)
        if text not in ("", "yes", "no"):
            self.report("SW1064", self._span(key), key=key, reason="must be yes or no", nearest=yes_or_no(text))
        return text == "yes"

    def _number(self, key: str) -> int | None:
        text = self._text(key)
        if text and not (text.isascii() and text.isdigit() and 0 < int(text) < 1000):
            self.report("SW1064", self._span(key), key=key, reason="must be a number from 1")
            return None
        return int(text) if text else None

    def _making(self) -> Making | None:
        texts = {key: self._text(key) for key in NEEDED_TO_WRITE}
        self._need(NEEDED_TO_WRITE)
        if not all(texts.values()):
            return None
        make, found = making(texts["at"], texts["control_id"])
        for finding in found:
            key = "at" if finding.facts["what"] == "time" else "control_id"
            self.report(finding.code, self._span(key), **finding.facts)
        return make

    def _bytes(self, key: str, usual: str) -> tuple[str, bytes | None]:
        """The file that a key names, else the usual one when the case has it, by its name in the workspace."""
        named = self._text(key)
        if not named and usual not in self.files.files:
            return "", None
        name = posixpath.normpath(posixpath.join(self.folder, named or usual))
        data, found = self.workspace.read_bytes(name)
        if data is None:
            reasons = [finding for finding in found if finding.code != "SW0701"]
            self.found += reasons
            if not reasons:
                self.report("SW1065", self._span(key) if named else None, file=name, **self._meant(name))
        return name, data

    def _meant(self, name: str) -> dict[str, Any]:
        """What a file that is not there may have meant: the nearest of the files of all cases."""
        if name.startswith(".."):
            return {"outside": "outside"}
        theirs = self.workspace.organisations.get(self.organisation)  # not read where only its cases are
        cases = theirs.cases if theirs is not None else (self.files,)
        close = nearest(name, [file for case in cases for file in case.files.values()])
        return {"nearest": posixpath.relpath(close, self.folder) if close else ""}


def read_case(
    workspace: Workspace, organisation: str, files: CaseFiles, running: dict[str, Running]
) -> tuple[Case | None, list[Diagnostic], Source]:
    """The case, or what is wrong with it, and the case.yaml it points into."""
    reader = _CaseReader(workspace, organisation, files, running)
    return reader.read(), reader.found, reader.source


def run_case(workspace: Workspace, organisation: str, files: CaseFiles, running: dict[str, Running]) -> Outcome:
    """Reads and runs one case; `running` holds the organisation in each of its environments."""
    case, faults, source = read_case(workspace, organisation, files, running)
    sources = {source.name: source}
    if case is None:
        return Outcome(organisation, files.name, None, {}, (), tuple(faults), sources)
    here = running[case.environment]
    outputs, kinds, findings, refusals = outputs_of(here, case)
    found: list[Diagnostic] = []
    if findings and all(finding.code == "SW1032" for finding in findings):
        found += findings  # the mapping is at fault, and said so; nothing is wrong with the case
    elif case.refused and findings:
        outputs = {f"{case.stem}.txt": refusal_report(findings, refusals)}
        kinds = ()
    elif case.refused:
        found.append(diagnostic("SW1066", case.span, organisation=organisation))
    elif findings:
        findings = [_placed(finding, case) for finding in findings]
        found += findings
        if any(finding.span.file not in (case.span.file, case.subject_file) for finding in findings):
            codes = list(dict.fromkeys(finding.code for finding in findings))
            found.append(
                diagnostic("SW1067", case.span, organisation=organisation, cases=f"case `{case.name}`", codes=codes)
            )
    return Outcome(organisation, files.name, case, {} if found else outputs, kinds, tuple(found), sources)


def _placed(finding: Diagnostic, case: Case) -> Diagnostic:
    """What is wrong with an order or a document, in its file; what is not given at all, in the case.yaml."""
    if finding.span.file:
        return finding
    files = {
        "SW1026": case.subject_file,
        "SW1040": case.order_file,
        "SW1041": case.order_file,
        "SW1044": case.order_file,
    }
    file = files.get(finding.code, "")
    return msgspec.structs.replace(finding, span=Span(file, 0, 0) if file else case.span)


def told_once(outcomes: Iterable[Outcome]) -> list[Diagnostic]:
    """Every finding of some cases. Cases that are refused for the same reasons are named together: an order that several of them
    answer is wrong once."""
    stopped: dict[tuple[Diagnostic, ...], list[tuple[Outcome, Diagnostic]]] = {}
    found: list[Diagnostic] = []
    for outcome in outcomes:
        reasons = tuple(finding for finding in outcome.found if finding.code != "SW1067")
        found += reasons
        for finding in outcome.found:
            if finding.code == "SW1067":
                stopped.setdefault(reasons, []).append((outcome, finding))
    for together in stopped.values():
        names = [f"`{outcome.name}`" for outcome, _ in together]
        said = f"case {names[0]}" if len(names) == 1 else f"the cases {', '.join(names[:-1])} and {names[-1]}"
        first = together[0][1]
        found.append(msgspec.structs.replace(first, facts={**first.facts, "cases": said}))
    return found


def request_of(case: Case) -> Request:
    """What a case asks to be rendered."""
    assert case.make is not None
    return Request(case.message, case.make, case.order, case.subject, case.nth)


def outputs_of(
    running: Running, case: Case
) -> tuple[dict[str, bytes], tuple[str, ...], list[Diagnostic], list[Refusal]]:
    """What a case gives: the files, the kinds that it shows, or what stands against it."""
    if isinstance(running.loaded(case.message), Reader):
        assert case.order is not None
        orders, refusals = read_orders(running, case.order)
        if orders is None:
            return {}, (), [refusal.finding for refusal in refusals], refusals
        data = msgspec.json.format(msgspec.json.encode(document(orders, running)), indent=2) + b"\n"
        type_ = next((result.type for result in orders.plan.results if result.name == orders.group), "")
        control = running.model.records[type_].index("control") if type_ else -1
        kinds = tuple(dict.fromkeys(str(order[control]) for order in orders.orders)) if control >= 0 else ()
        return {f"{case.stem}.json": data}, kinds, [], []
    messages, findings = render(running, request_of(case))
    names = (
        [f"{case.stem}.hl7"] if len(messages) == 1 else [f"{case.stem}.{n}.hl7" for n in range(1, len(messages) + 1)]
    )
    return dict(zip(names, messages, strict=True)), _kinds(running, case), findings, []


def _kinds(running: Running, case: Case) -> tuple[str, ...]:
    """The kind that a writing case shows, and `unsolicited` without an order."""
    try:
        status = msgspec.json.decode(case.subject or b"{}", type=dict[str, msgspec.Raw]).get(
            "status", msgspec.Raw(b'""')
        )
        kind = msgspec.json.decode(status, type=str)
    except msgspec.DecodeError:
        return ()
    return (kind,) if case.order is not None else (kind, "unsolicited")


def refusal_report(findings: list[Diagnostic], refusals: list[Refusal]) -> bytes:
    """The reasons, with their files but not their lines: a comment that moves a line changes nothing for the hospital."""
    answers = {refusal.finding: f"{refusal.answer} {refusal.code} {refusal.position}" for refusal in refusals}
    lines = []
    for finding in findings:
        if finding in answers:
            lines.append(answers[finding])
        place = f" in {finding.span.file}" if finding.span.file else ""
        lines += [f"{finding.code}{place}", f"  {message(finding)}", *(f"  {line}" for line in help_lines(finding))]
    return "".join(f"{line}\n" for line in lines).encode()


def uncovered(running: Running, outcomes: list[Outcome]) -> list[Diagnostic]:
    """What the catalogue lets out, or takes, and no case shows."""
    organisation = running.organisation
    shown: dict[str, set[str]] = {}
    for outcome in outcomes:
        if outcome.case is not None:
            shown.setdefault(outcome.case.message, set()).update(outcome.kinds)
    out = []

    broken = {"" if outcome.case is None else outcome.case.message for outcome in outcomes if outcome.found}

    def lacking(message: str, what: str, *key: str) -> None:
        if broken & {"", message}:
            return  # a case that cannot be used may be the one
        span = organisation.span(("catalogue", message, *key), "key")
        facts = {"message": message, "what": what, "organisation": organisation.id}
        out.append(Diagnostic("SW1060", span, facts, (), organisation.id))

    for name, entry in organisation.catalogue.items():
        kinds = [kind for kind, gate in entry.kinds.items() if gate != "no"] if entry.writes else list(entry.orders)
        if name not in shown:
            if kinds:
                lacking(name, f"`{name}`")
            continue
        for kind in kinds:
            if kind not in shown[name]:
                lacking(name, f"`{name}` of the kind {kind}", *(("kinds", kind) if entry.writes else ("orders",)))
        if entry.unsolicited and "unsolicited" not in shown[name]:
            lacking(name, f"`{name}` without an order", "unsolicited")
    return out
