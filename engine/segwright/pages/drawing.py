"""Templates into HTML.

Takes a template's name and its values; gives the page, or one block of it. Everything is escaped; a name that a template
does not get is a fault and not an empty place. Times are drawn on the hospital's clock (`zone`), ages from `now`, both of
the page's values.

In templates:

    {{ ms | when }}             <time> with day, hour and zone            {{ ms | clock }}     the hour, with seconds
    {{ ms | moment }}           the same with seconds
    {{ ms | ago }}              `3 min`, since then                       {{ 3 | count("delivery", "deliveries") }}
    {{ url("review", org=org, case=7) }}   a route by its name            {{ static("pages.css") }}
    {{ csrf() }}                the hidden field that every form needs
    {{ ui.field(...) }}, {{ ui.empty(...) }} …: the macros of templates/ui.html, everywhere
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import jinja2
from jinja2.runtime import Context
from markupsafe import Markup, escape

_HERE: Final = Path(__file__).parent
_TYPES: Final = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml"}


# --- filters ----------------------------------------------------------------------------------------------------------------


@jinja2.pass_context
def when(context: Context, ms: int) -> Markup:
    """A moment on the hospital's clock, with its date."""
    return _time(ms, context["zone"], "%-d %b %Y, %H:%M")


@jinja2.pass_context
def moment(context: Context, ms: int) -> Markup:
    """The same to the second: for what follows quickly upon each other."""
    return _time(ms, context["zone"], "%-d %b %Y, %H:%M:%S")


@jinja2.pass_context
def clock(context: Context, ms: int) -> Markup:
    """The hour of a moment on the hospital's clock."""
    return _time(ms, context["zone"], "%H:%M:%S")


def _time(ms: int, zone: str, form: str) -> Markup:
    if not ms:
        return Markup("–")
    at = datetime.fromtimestamp(ms / 1000, UTC)
    local = at.astimezone(ZoneInfo(zone))
    iso = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return Markup('<time datetime="{}">{} <span class="zone">{}</span></time>').format(
        iso, local.strftime(form), local.tzname()
    )


@jinja2.pass_context
def ago(context: Context, ms: int) -> str:
    """How long ago something was: the two greatest units that matter."""
    return lasting(context["now"] - ms)


def lasting(ms: int) -> str:
    """A duration for people: `45 s`, `3 min`, `2 h 10 min`, `4 d`."""
    seconds = max(0, ms) // 1000
    if seconds < 60:
        return f"{seconds} s"
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if minutes < 60:
        return f"{minutes} min"
    if hours < 10 and minutes % 60:
        return f"{hours} h {minutes % 60} min"
    return f"{hours} h" if hours < 48 else f"{days} d"


def count(number: int, one: str, many: str = "") -> str:
    """`1 delivery`, `3 deliveries`, `12,000 lanes`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


# --- static files -----------------------------------------------------------------------------------------------------------


class Static:
    """The files of `static/`, under names that hold their hash: a browser keeps them for ever."""

    def __init__(self, folder: Path = _HERE / "static") -> None:
        self._bodies: dict[str, tuple[bytes, str]] = {}
        self._names: dict[str, str] = {}
        for file in sorted(folder.iterdir()):
            kind = _TYPES.get(file.suffix[1:])
            if kind is None:
                continue
            body = file.read_bytes()
            name = f"{file.stem}.{hashlib.sha256(body).hexdigest()[:12]}{file.suffix}"
            self._bodies[name] = (body, kind)
            self._names[file.name] = name

    def url(self, name: str) -> str:
        """Where a file is."""
        return f"/static/{self._names[name]}"

    def body(self, name: str) -> tuple[bytes, str] | None:
        """A file and its media type, by the name with the hash."""
        return self._bodies.get(name)


# --- pages ------------------------------------------------------------------------------------------------------------------


class Drawing:
    """The templates, read once. `url`: a route's URL by its name."""

    def __init__(self, static: Static, url: Callable[..., str]) -> None:
        self._environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(_HERE / "templates"), autoescape=True, undefined=jinja2.StrictUndefined,
            trim_blocks=True, lstrip_blocks=True, auto_reload=False,
        )  # fmt: skip
        self._environment.filters |= {
            "when": when,
            "moment": moment,
            "clock": clock,
            "ago": ago,
            "count": count,
            "lasting": lasting,
        }
        self._environment.globals |= {"static": static.url, "url": url, "csrf": csrf}
        self._environment.globals["ui"] = self._environment.get_template("ui.html").module

    def page(self, template: str, values: Mapping[str, Any], block: str = "") -> str:
        """A page, or one block of it."""
        found = self._environment.get_template(template)
        if not block:
            return found.render(values)
        return "".join(found.blocks[block](found.new_context(dict(values))))


@jinja2.pass_context
def csrf(context: Context) -> Markup:
    """The hidden field that says that a form is of one of our pages."""
    return Markup('<input type="hidden" name="csrf" value="{}">').format(escape(context["csrf_token"]))
