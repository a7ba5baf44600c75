"""What segwright does, shown on the reference hospitals: an order is read, and every message that goes back is rendered.

Runs the cases under orgs/, so what is printed here is what the snapshots lock. Fields and segments that a hospital wants
otherwise than the base carry the file and line that says so, once for each hospital.
"""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from segwright.core.render import visible
from segwright.hl7.wire import open_message
from segwright.runtime.load import Writer
from segwright.service.cases import Outcome, request_of
from segwright.service.compiling import CompiledOrganisation, CompiledWorkspace
from segwright.service.explaining import above_the_base
from segwright.service.opening import check
from segwright.service.pretty import pretty_lines
from segwright.service.reading import document, read_orders
from segwright.service.rendering import prepare
from segwright.service.running import Running
from segwright.service.testing import run_cases

ROOT = Path(__file__).resolve().parents[1]
COLOUR = sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
WIDTH = min(shutil.get_terminal_size((140, 24)).columns, 180) if sys.stdout.isatty() else 140


def paint(text: str, code: str) -> str:
    return f"\x1b[{code}m{text}\x1b[0m" if COLOUR else text


def rule(title: str) -> None:
    print("\n" + paint(f"━━ {title} " + "━" * max(3, WIDTH - len(title) - 4), "1;36"))


def heading(title: str, note: str, case: str) -> None:
    print("\n" + paint(f"▸ {title}", "1") + paint(f"   case {case}", "2"))
    for line in textwrap.wrap(note, WIDTH - 4):
        print(paint(f"  {line}", "2"))


def cut(line: str) -> str:
    """A line of the terminal's width; colour takes no room."""
    if COLOUR or len(line) <= WIDTH:
        return line
    return line[: WIDTH - 1] + "…"


def chosen(outcomes: list[Outcome], message: str, kind: str) -> Outcome | None:
    """The plainest case of a kind: the one with the shortest name."""
    fitting = [o for o in outcomes if o.case is not None and o.case.message == message and kind in o.kinds]
    return min(fitting, key=lambda o: (len(o.files), len(o.name)), default=None)


def overlay_lines(compiled: CompiledWorkspace, name: str) -> int:
    """Lines of an organisation's own mapping files that say something."""
    assert compiled.workspace is not None
    texts = [source.text for source in compiled.workspace.organisations[name].mappings.values()]
    return sum(1 for text in texts for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#"))


class Hospital:
    """One hospital's part of the demonstration."""

    def __init__(self, compiled: CompiledWorkspace, joined: CompiledOrganisation) -> None:
        self.compiled = compiled
        self.organisation = joined.organisation
        self.running = {environment: Running(joined, environment) for environment in joined.messages}
        self.outcomes, _ = run_cases(compiled, self.organisation.id)
        self.marked: set[tuple[str, str]] = set()
        self.rendered = 0

    def show(self) -> None:
        encoding = self.organisation.encoding
        lines = overlay_lines(self.compiled, self.organisation.id)
        layers = ", ".join(self.organisation.layers) or "none"
        rule(f"{self.organisation.name} · HL7 {encoding.version} · {encoding.charset}")
        print(f"   {lines} lines of its own on top of the shared mappings; profiles: {layers}")
        for name, entry in self.organisation.catalogue.items():
            if entry.reads:
                found = chosen(self.outcomes, name, "new")
                if found is not None:
                    self.order(found)
        for name, entry in self.organisation.catalogue.items():
            for kind, gate in entry.kinds.items() if entry.writes else ():
                found = chosen(self.outcomes, name, kind)
                if gate == "no":
                    print("\n" + paint(f"▸ {entry.writes} {kind}", "1") + paint("   is not sent to this hospital", "2"))
                elif found is not None:
                    self.message(found, f"{entry.writes} {kind}", gate)

    def order(self, outcome: Outcome) -> None:
        case = outcome.case
        assert case is not None
        assert case.order is not None
        message = open_message(case.order)
        heading(f"{message.type} comes in", case.note, case.name)
        for segment in message.segments:
            print(cut(f"  {visible(segment)}"))
        orders, _ = read_orders(self.running[case.environment], case.order)
        assert orders is not None
        read = document(orders, self.running[case.environment])
        print(paint("  is read as", "2"))
        for name, record in [("patient", read["patient"]), *(("order", order) for order in read["orders"])]:
            for attribute, value in msgspec.json.decode(bytes(record), type=dict[str, msgspec.Raw]).items():
                print(cut("    " + paint(f"{name}.{attribute:<22}"[:30], "32") + f"{bytes(value).decode()}"))

    def message(self, outcome: Outcome, title: str, gate: str) -> None:
        case = outcome.case
        assert case is not None
        running = self.running[case.environment]
        heading(f"{title} goes out" + (f" {gate}" if gate != "yes" else ""), case.note, case.name)
        prepared, _ = prepare(running, request_of(case))
        writer = running.loaded(case.message)
        assert isinstance(writer, Writer)
        for inputs in prepared:
            data = writer.render(inputs)
            assert data in outcome.files.values()
            self.rendered += 1
            notes = above_the_base(running.explained(case.message), writer.trace(inputs), self.compiled.sources)
            for line in pretty_lines(
                data, colour=COLOUR, fields=False, notes=dict(self.fresh(notes)), longest=WIDTH - 8
            ):
                print(cut(f"  {line}"))
        removed = running.compiled(case.message).mapping.removed
        gone = [item.title for item in removed if (item.title, str(item.origin.span)) not in self.marked]
        self.marked |= {(item.title, str(item.origin.span)) for item in removed}
        if gone:
            print(paint(f"  not sent here: {', '.join(gone)}", "33"))

    def fresh(self, notes: dict[str, str]) -> Iterator[tuple[str, str]]:
        """The notes of lines that this hospital's part has not shown yet."""
        for path, where in notes.items():
            key = (path.partition("-")[2], where)
            if key not in self.marked:
                self.marked.add(key)
                yield path, where


def main() -> int:
    start = time.monotonic()
    compiled, _ = check(ROOT, ())
    if not compiled.organisations:
        print("the workspace cannot be compiled; segwright check says why", file=sys.stderr)
        return 1
    print(paint("segwright: one set of mappings, many hospitals", "1;36"))
    print(
        "An order is read; the same kind of result goes back to each hospital in its own form. What differs is no program:"
    )
    mark = paint("← file:line", "33")
    print(f"it stands in orgs/<hospital>/. A mark {mark} names the line that made a field what the base does not.")
    hospitals = [Hospital(compiled, joined) for joined in compiled.organisations.values()]
    for hospital in hospitals:
        hospital.show()
    rule("Done")
    rendered = sum(hospital.rendered for hospital in hospitals)
    print(
        f"   {rendered} messages for {len(hospitals)} hospitals in {time.monotonic() - start:.1f} s, compilation included."
    )
    print("   Where a field comes from:  segwright why ORG MESSAGE PATH --case CASE")
    print("   A hospital's whole mapping: segwright show ORG MESSAGE")
    return 0


if __name__ == "__main__":
    sys.exit(main())
