"""What several commands are given: an organisation, a message of its catalogue, and a case or files with the values."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from segwright.cli.output import refuse

if TYPE_CHECKING:
    from segwright.hl7.wire import Message
    from segwright.orgs.organisation import CatalogueEntry
    from segwright.service.cases import Case
    from segwright.service.compiling import CompiledWorkspace
    from segwright.service.running import Running

F = TypeVar("F", bound=Callable[..., Any])
_FILE = click.Path(path_type=Path)


def case_option(function: F) -> F:
    """`--case C`."""
    return click.option("--case", "case_name", metavar="C", help="The case of ORG that gives the values.")(function)


def file_options(function: F) -> F:
    """`--order FILE`, `--result FILE`: the values from files."""
    option = click.option("--order", type=_FILE, metavar="FILE", help="Instead of a case: the order message.")
    function = option(function)
    return click.option(
        "--result", "--event", "--subject", "subject", type=_FILE, metavar="FILE", help="And the document, as JSON."
    )(function)


def need_values(case_name: str | None, *files: Path | None) -> None:
    """Refuses a command that is not told where the values come from."""
    if case_name is None and not any(files):
        raise click.UsageError("Say where the values come from: --case C, or --order FILE and --result FILE.")


class Given:
    """An opened organisation and where its values come from."""

    def __init__(self, root: Path, organisation: str, message: str, environment: str = "test") -> None:
        """Refuses, with every reason, what cannot be opened."""
        from segwright.core.diagnostic import diagnostic
        from segwright.core.suggest import nearest
        from segwright.service.opening import open_organisation, shown_sources
        from segwright.service.running import Running as Opened

        running, compiled, found = open_organisation(root, organisation, environment)
        if running is None:
            refuse(found, compiled.sources)
        catalogue = running.organisation.catalogue
        if message not in catalogue:
            span = running.organisation.span(("catalogue",), "key")
            near = nearest(message, catalogue)
            refuse(
                [
                    diagnostic(
                        "SW1030", span, organisation=organisation, name=message, nearest=near, known=list(catalogue)
                    )
                ],
                compiled.sources,
            )
        self.root = root
        self.running: Running = running
        self.compiled: CompiledWorkspace = compiled
        self.sources = shown_sources(compiled.sources)
        self.entry: CatalogueEntry = catalogue[message]
        self.environments = {
            name: Opened(running.compiled_organisation, name) for name in running.organisation.environments
        }

    def case(self, name: str) -> Case:
        """A case of this message (or, for one that is read, any case with an order)."""
        from segwright.core.diagnostic import diagnostic
        from segwright.core.source import NOWHERE
        from segwright.core.suggest import nearest
        from segwright.service.cases import read_case

        assert self.compiled.workspace is not None
        organisation = self.running.organisation.id
        cases = {files.name: files for files in self.compiled.workspace.organisations[organisation].cases}
        if name not in cases:
            facts: dict[str, Any] = {"name": name, "nearest": nearest(name, cases), "known": list(cases)}
            refuse([diagnostic("SW1069", NOWHERE, organisation=organisation, **facts)], {})
        case, found, source = read_case(self.compiled.workspace, organisation, cases[name], self.environments)
        if case is None:
            refuse(found, {**self.compiled.sources, source.name: source})
        if self.entry.writes and case.message != self.entry.name:
            raise click.UsageError(f"Case '{name}' is one of {case.message}, not of {self.entry.name}.")
        return case

    def inputs(
        self, case_name: str | None, order: Path | None, subject: Path | None, nth: int = 1
    ) -> tuple[Running, list[Any]]:
        """The inputs of message number `nth` of a case, or of files."""
        from segwright.service.cases import request_of
        from segwright.service.inputs import making
        from segwright.service.opening import read_file
        from segwright.service.rendering import Request, prepare

        if case_name is not None:
            case = self.case(case_name)
            here, request = self.environments[case.environment], request_of(case)
        else:
            here = self.running
            make, found = making(now(), new_control_id())
            files = {}
            for name, path in (("order", order), ("subject", subject)):
                files[name], problems = (None, []) if path is None else read_file(path)
                found += problems
            if make is None or found:
                refuse(found, self.compiled.sources)
            request = Request(self.entry.name, make, files["order"], files["subject"])
        prepared, found = prepare(here, request)
        if found:
            refuse(found, self.compiled.sources)
        if nth > len(prepared):
            count = len(prepared)
            raise click.UsageError(f"There {'is' if count == 1 else 'are'} {count} message{'' if count == 1 else 's'}.")
        return here, prepared[nth - 1]

    def order(self, case_name: str | None, path: Path | None) -> Message:
        """The order message of a case or file."""
        from segwright.hl7.refusal import Refused
        from segwright.hl7.wire import open_message
        from segwright.service.opening import read_file
        from segwright.service.refusals import unreadable

        if path is not None:
            data, found = read_file(path)
            if data is None:
                refuse(found, {})
        elif case_name is not None:
            data = self.case(case_name).order
            if data is None:
                raise click.UsageError(f"Case '{case_name}' has no order.")
        else:
            raise click.UsageError("Say where the order comes from: --order FILE or --case C.")
        try:
            message = open_message(data, default_charset=self.running.organisation.encoding.charset)
        except Refused as refused:
            refuse([unreadable(refused, self.running.organisation.id)], {})
        if message.type not in self.entry.reads:
            reads = " or ".join(self.entry.reads)
            raise click.UsageError(f"The message is {message.type}; {self.entry.name} reads {reads}.")
        return message


def now() -> str:
    """The time, with seconds and offset."""
    return datetime.now().astimezone().isoformat(timespec="seconds")


def new_control_id() -> str:
    """A number that no other message has; 18 characters, because older receivers take 20."""
    return f"SW{secrets.token_hex(8).upper()}"
