"""A review as one static page: nothing is fetched, nothing runs but a filter; before and after side by side.

The page is `report.html` beside this module; everything that comes from a workspace is escaped.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Final

import jinja2
from markupsafe import Markup, escape

from segwright.review import words
from segwright.review.change import TITLES, Severity
from segwright.review.difference import field_called
from segwright.review.grouping import FleetReview
from segwright.review.side_by_side import rows

GROUPS: Final = 200
"""Most groups that show their cases."""
CASES: Final = 12
"""Most cases of a group that are shown side by side."""


def html_report(review: FleetReview) -> str:
    """The page."""
    counts = dict.fromkeys(Severity, 0)
    folded = review.folded()
    for each in folded:
        counts[each.change.severity] += 1
    return _template().render(
        review=review, most_groups=GROUPS, folded=folded, counts=counts, titles=TITLES, words=words, rows=rows,
        called=field_called, most=CASES,
        total=len(review.moving) + review.untouched,
    )  # fmt: skip


def _prose(text: str) -> Markup:
    """A sentence with its `names` set as code."""
    return Markup(re.sub(r"`([^`]*)`", r"<code>\1</code>", str(escape(text))))


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["prose"] = _prose
    return environment.get_template("report.html")
