"""`segwright codes`: editions of ICD-10-CM."""

from __future__ import annotations

import sys
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from segwright.cli.output import FOUND

if TYPE_CHECKING:
    from segwright.codes.editions import Editions

DAY = click.DateTime(formats=["%Y-%m-%d"])
_in = click.option(
    "--in", "folder", type=click.Path(path_type=Path), metavar="DIR",
    help="The folder of further editions; codes/ of the workspace when left out.",
)  # fmt: skip


@click.group("codes")
def command() -> None:
    """Import editions of ICD-10-CM, list them, and look a code up.

    A diagnosis is judged by the edition of its date of service. The editions that come with segwright are always there;
    further ones are kept in codes/ of a workspace, where `check` and `serve` find them, or in the folder that the server's
    settings name ([codes] editions).
    """


@command.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--edition", "name", required=True, metavar="NAME", help="What the edition is called, such as 2027.")
@click.option(
    "--from", "begins", type=DAY, required=True, metavar="DATE", help="The first date of service: 2026-10-01."
)
@click.option("--until", "ends", type=DAY, required=True, metavar="DATE", help="The last date of service: 2027-09-30.")
@click.option("--into", type=click.Path(path_type=Path), required=True, metavar="DIR", help="Where it is written.")
@click.option("--onto", metavar="NAME", help="The edition that an addenda FILE changes.")
def import_(file: Path, name: str, begins: datetime, ends: datetime, into: Path, onto: str | None) -> None:
    """Write an edition from an official FILE.

    FILE is the yearly file of CMS in tabular order (icd10cm_order_2027.txt, in "Code Descriptions in Tabular Order"), or with
    --onto an addenda file (icd10cm_order_addenda_2027.txt). A line that does not fit its form refuses the whole file.
    """
    from segwright.codes.editions import NoEdition
    from segwright.codes.importing import LARGEST, read_official, write_edition

    try:
        if file.stat().st_size > LARGEST:
            raise NoEdition(str(file), 0, f"it has more than {LARGEST >> 20} MB")
        known = _editions(into)
        changed = next((each for each in known.all if each.name == onto), None)
        if onto is not None and changed is None:
            names = ", ".join(each.name for each in known.all)
            raise NoEdition(str(file), 0, f"there is no edition {onto} to change; there are {names}")
        again = next((each for each in known.all if each.begins == begins.date() and each.name != name), None)
        if again is not None and (into / f"icd10cm-{again.name}.txt").exists():
            raise NoEdition(str(file), 0, f"edition {again.name} in {into} begins on {again.begins} too")
        codes = read_official(file.read_bytes(), str(file), changed)
        path = write_edition(codes, name, begins.date(), ends.date(), file.name, into)
    except NoEdition as refused:
        _refuse(str(refused))
    except OSError as error:
        _refuse(f"{error.filename or file}: {error.strerror or type(error).__name__}")
    ordered = [*codes]
    headings = sum(following.startswith(code) for code, following in zip(ordered, [*ordered[1:], ""], strict=True))
    click.echo(f"{path}: edition {name}, {len(codes):,} codes, {len(codes) - headings:,} of them billable")


@command.command("list")
@_in
@click.pass_context
def list_(context: click.Context, folder: Path | None) -> None:
    """The editions, oldest first, and the days that none covers."""
    from segwright.cli.table import table
    from segwright.codes import saying

    found = _known(context, folder)
    rows = []
    for each in found.all:
        codes = [*each.codes()]
        billable = sum(not b.startswith(a) for a, b in zip(codes, [*codes[1:], ""], strict=True))
        rows.append((each.name, str(each.begins), str(each.ends), f"{len(codes):,}", f"{billable:,}"))
    click.echo(table(("EDITION", "FROM", "UNTIL", "CODES", "BILLABLE"), rows, empty=""))
    if found.on(date.today()) is None:
        click.echo(f"\n{saying.covering(found, date.today())}")


@command.command("show")
@click.argument("code")
@click.option("--on", type=DAY, metavar="DATE", help="The date of service; today when left out.")
@_in
@click.pass_context
def show(context: click.Context, code: str, on: datetime | None, folder: Path | None) -> None:
    """How CODE stands on a date of service, and what to take instead. Exit code 1 when it may not be billed."""
    from segwright.codes import saying

    found = _known(context, folder)
    day = date.today() if on is None else on.date()
    standing = found.standing(code, day)
    if standing.code:
        click.echo(f"{standing.code}  {found.text(standing.code, day)}")
    click.echo(saying.stands(standing, day))
    if standing.kind == "not_covered" or not standing.edition:
        click.echo(saying.covering(found, day))
    if standing.offers:
        click.echo({"heading": "Billable below it:", "unknown": "Meant?"}.get(standing.kind, "Beside it stand:"))
        for offer in standing.offers:
            click.echo(f"  {offer:9} {found.text(offer, day)}")
    if standing.kind != "billable":
        sys.exit(FOUND)


def _known(context: click.Context, folder: Path | None) -> Editions:
    if folder is None:
        from segwright.service.opening import find_workspace

        folder = find_workspace(context.obj, Path.cwd()) / "codes"
    elif not folder.is_dir():
        _refuse(f"{folder}: there is no such folder")
    return _editions(folder)


def _editions(folder: Path) -> Editions:
    from segwright.codes.editions import NoEdition, editions

    try:
        return editions(folder)
    except NoEdition as refused:
        _refuse(str(refused))
    except OSError as error:
        _refuse(f"{error.filename or folder}: {error.strerror or type(error).__name__}")


def _refuse(why: str) -> NoReturn:
    click.echo(f"error: {why}", err=True)
    sys.exit(FOUND)
