"""The first page: it leads each role to its work."""

from __future__ import annotations

from typing import Final

from segwright.pages.answer import Answer, Page
from segwright.pages.routes import Call, Route


async def home(call: Call) -> Answer:
    """Every organisation that the visitor has a role for, with what he may do there."""
    return Page("home.html")


ROUTES: Final = (Route("GET", "/", "home", home, needs="account"),)
