"""`segwright`: finds the command and loads its module, nothing more, so that it answers at once.

Exit codes: 0 all is well; 1 something was found, refused or differs; 2 the command was called wrongly; 3 segwright itself failed.
Nothing that a user gives makes a traceback.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from io import TextIOWrapper
from pathlib import Path
from typing import Final, NoReturn

import click

from segwright import __version__

COMMANDS: Final = {
    "accounts": "see and change who may sign in to the pages",
    "allow": "let a stopped kind or plan go out again",
    "approvals": "verify approvals, or take them back",
    "approve": "approve what changes, signed",
    "audit": "verify that the record of what happened is whole",
    "cases": "suggest cases for what no case reaches",
    "check": "check mappings and configuration, every finding at once",
    "codes": "editions of ICD-10-CM: import them, list them, look a code up",
    "compile": "write the bundles that the runtime loads",
    "diff": "what changes against a base, for which hospitals",
    "explain": "tell what a finding means and what to write instead",
    "fmt": "bring mapping files into their one layout",
    "init": "make a new workspace with one sample organisation",
    "lanes": "see, pause and resume the connections to hospitals",
    "ledger": "see deliveries, why they stand where they stand, and decide about them",
    "migrate": "bring the ledger's tables to this version, or back",
    "orders": "see orders and what was sent for them",
    "promote": "put hospitals into force in test or production",
    "propose": "ask the reviewers on a server's pages to approve what changes",
    "quarantine": "see messages that could not be taken, and decide about them",
    "read": "read order messages as an organisation's mapping says",
    "render": "render the message an organisation gets",
    "replay": "recorded inputs through the plans before and after",
    "rollback": "let an earlier release run again",
    "schema": "print the JSON Schema of a message's document or a record",
    "serve": "receive, coordinate and send, and serve the API",
    "show": "print a mapping after all its layers",
    "simulate": "be a hospital: send orders, file or refuse results",
    "stop": "keep a kind of message from going out, or revoke a plan",
    "test": "run the cases and compare them with their snapshots",
    "unused": "what is never read, never sent, never looked up",
    "watch": "render a case anew whenever a file changes",
    "why": "explain where a field of a message comes from",
    "why-not": "explain why a field is not in a message",
    "worker": "send what the ledger holds",
}
"""Every command with its line in the help; the module `segwright.cli.NAME_command` (with _ for -) holds it as `command`."""

EXAMPLES: Final = {
    "accounts": "accounts add anna --role reviewer --org mercy",
    "allow": 'allow mercy --kind ecg_result/final --reason "their table is mended, ticket 4711"',
    "approvals": "approvals verify",
    "approve": 'approve mercy --because "read with the laboratory"',
    "audit": "audit verify",
    "cases": "cases suggest mercy --write",
    "check": "check mercy --fix",
    "codes": "codes show CODE --on 2026-03-02",
    "compile": "compile mercy --out bundles",
    "diff": "diff main --format html --out review.html",
    "explain": "explain SW0301",
    "fmt": "fmt orgs/mercy --diff",
    "init": "init ours",
    "lanes": 'lanes pause mercy outbound --reason "their downtime until 04:00"',
    "ledger": "ledger why mercy 17",
    "migrate": "migrate up",
    "orders": "orders list mercy",
    "promote": 'promote test /srv/segwright mercy --because "agreed with Mercy"',
    "propose": 'propose main --because "their new catalogue" --server https://segwright.example',
    "quarantine": "quarantine list",
    "read": "read mercy orders/*.hl7",
    "render": "render mercy ecg_result --order order.hl7 --result result.json --pretty",
    "replay": "replay recorded",
    "rollback": 'rollback production /srv/segwright --because "ticket 4711"',
    "schema": "schema ecg_result",
    "serve": "serve --settings segwright.toml",
    "show": "show mercy ecg_result",
    "simulate": 'simulate mercy --orders 3 --mode "lossy=2"',
    "stop": 'stop mercy --kind ecg_result/final --reason "wrong unit, ticket 4711"',
    "test": "test mercy --coverage --threshold 100",
    "unused": "unused mercy",
    "watch": "watch mercy ecg_result --case final",
    "why": 'why mercy ecg_result "OBX(2)-5" --case final',
    "why-not": 'why-not mercy ecg_result "OBX(2)-8" --case final',
    "worker": "worker --settings segwright.toml",
}
"""Of every command one line as it is typed, which its help shows."""

EXTRAS: Final = {
    "alembic": "serve", "argon2": "serve", "authlib": "serve", "cryptography": "serve", "httpx2": "serve", "joserfc": "serve",
    "sqlalchemy": "serve", "starlette": "serve", "uvicorn": "serve", "psycopg": "postgres",
}  # fmt: skip
"""Packages that only some commands need, and the extra that each comes with."""

EPILOG: Final = """Exit codes: 0 all is well; 1 something was found, refused or differs; 2 wrong usage; 3 segwright itself failed.

The workspace is the nearest folder, from the current one upward, that holds mappings/ and orgs/, unless --workspace names it."""


class Commands(click.Group):
    """The group of all commands, each imported when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in alphabetical order."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a name."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"segwright.cli.{cmd_name.replace('-', '_')}_command").command
        command.epilog = f"Example: segwright {EXAMPLES[cmd_name]}"
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with the nearest name when there is no such command."""
        name = args[0] if args else ""
        if name and not name.startswith("-") and name not in COMMANDS:
            from segwright.core.suggest import nearest

            close = nearest(name, COMMANDS)
            ctx.fail(f"There is no command '{name}'." + (f" Did you mean '{close}'?" if close else ""))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The commands, without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.command(
    cls=Commands, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110}
)
@click.version_option(__version__, prog_name="segwright", message="%(prog)s %(version)s")
@click.option(
    "--workspace", type=click.Path(path_type=Path), metavar="DIR", help="The workspace, also behind any command."
)
@click.pass_context
def cli(context: click.Context, workspace: Path | None) -> None:
    """HL7 v2 messages for many hospitals from one set of mappings."""
    context.obj = workspace


def main() -> NoReturn:
    """The entry point of the console script."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a terminal that lacks a sign must not stop the message
            stream.reconfigure(errors="replace")
    try:
        cli.main(prog_name="segwright")
    except Exception as error:  # noqa: BLE001 - the last place that can keep a message out of a traceback
        _failed(error)
    sys.exit(0)


def _failed(error: Exception) -> NoReturn:
    """Says that segwright failed, and where; never what it was working on."""
    if isinstance(error, BrokenPipeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    extra = EXTRAS.get((error.name or "").partition(".")[0]) if isinstance(error, ModuleNotFoundError) else None
    if extra is not None:
        sys.stderr.write(f"This command needs what is installed with: pip install 'segwright[{extra}]'\n")
        sys.exit(1)
    trace = error.__traceback__
    place = ""
    while trace is not None:
        code = trace.tb_frame.f_code
        if f"{os.sep}segwright{os.sep}" in code.co_filename:
            place = f"{code.co_filename.rpartition(f'{os.sep}segwright{os.sep}')[2]}:{trace.tb_lineno}"
        trace = trace.tb_next
    sys.stderr.write(f"segwright itself failed ({type(error).__name__} in {place or 'its start'}).\n")
    sys.stderr.write("This is a fault of segwright, not of your files: please report it with the command you typed.\n")
    sys.exit(3)
