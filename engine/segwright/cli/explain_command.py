"""`segwright explain`: the page of a finding."""

from __future__ import annotations

import re
import sys

import click

from segwright.cli.output import FOUND, style, width


@click.command("explain")
@click.argument("codes", nargs=-1, metavar="[CODE]…")
def command(codes: tuple[str, ...]) -> None:
    """Tell what a finding means, why it matters, what to avoid and what to write; without a CODE, list them all.

    A code may be typed without its letters and zeros: `explain 403`.
    """
    from segwright.core.prose import catalogue
    from segwright.core.prose.pages import AREAS, page_text

    def strong(text: str) -> str:
        return style(text, sys.stdout, bold=True)

    known = catalogue()
    if not codes:
        area = ""
        for code, entry in sorted(known.items()):
            if code[:4] != area:
                area = code[:4]
                click.echo(("" if code == min(known) else "\n") + strong(AREAS[area]))
            click.echo(f"  {code}  {entry.title}")
        return
    wrong = False
    for number, typed in enumerate(codes):
        digits = re.fullmatch(r"(?i)(?:sw)?0*([0-9]{1,4})", typed)
        code = f"SW{int(digits[1]):04d}" if digits else typed.upper()
        if code not in known:
            click.echo(f"There is no finding {typed}; `segwright explain` lists them all.", err=True)
            wrong = True
            continue
        click.echo(("\n" if number else "") + page_text(code, min(width(), 100), strong), nl=False)
    sys.exit(FOUND if wrong else 0)
