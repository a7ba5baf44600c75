"""Narrative text: the plan's Jinja source, rendered in a sandbox over run-time values.

Takes a plan, the number of a narrative and its arguments; gives the text with "\\n" as line ends and no empty lines around it.
Refuses, with `NarrativeRefused`: a missing value that is printed, a value that has no digits or letters of its own (a time, a
record), a filter that refuses. The source was checked by `plan.validate`: it can only name its arguments and filters.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from segwright.hl7.values import NULL
from segwright.library import by_key
from segwright.library.record import Refusal
from segwright.plan.ops import Narrative, Plan

if TYPE_CHECKING:
    from jinja2 import Template


class NarrativeRefused(Exception):
    """A narrative that cannot be rendered. `reason` holds nothing of the patient."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def render(plan: Plan, number: int, arguments: Sequence[Any]) -> str:
    """The text, "" when there is nothing in it."""
    from jinja2 import TemplateError

    narrative = plan.narratives[number]
    template = _template(narrative, tuple(plan.functions[index] for index in narrative.filters))
    try:
        text = template.render({f"v{place}": argument for place, argument in enumerate(arguments)})
    except NarrativeRefused:
        raise
    except TemplateError:
        # Jinja's own words may quote a value.
        raise NarrativeRefused("a value that the text uses is missing") from None
    except (TypeError, ValueError, ArithmeticError, LookupError):
        raise NarrativeRefused("the text uses a value of another type") from None
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text.strip("\n") if text.strip() else ""


def _printed(value: object) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        raise NarrativeRefused("a value that the text prints is missing")
    if value is NULL:
        raise NarrativeRefused("a value that the text prints is HL7 null")
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, Decimal) and value.is_finite() and abs(value.adjusted()) < 60:
        return format(value, "f")
    raise NarrativeRefused("a value that the text prints is no text or number")


def _filter(key: str) -> Any:
    builtin = by_key(key)
    if builtin is None:
        raise NarrativeRefused(f"there is no built-in {key}")

    def filtered(value: object, *arguments: object) -> object:
        if value is None or value is NULL:
            return value
        try:
            return builtin.call(value, *arguments)
        except Refusal as refusal:
            raise NarrativeRefused(f"{builtin.name}: {refusal.reason}") from None
        except Exception as error:  # noqa: BLE001 - a plan of wrong types must not get further than here
            raise NarrativeRefused(f"{builtin.name} cannot take this ({type(error).__name__})") from None

    return filtered


@lru_cache(maxsize=256)
def _template(narrative: Narrative, filters: tuple[str, ...]) -> Template:
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined,
        autoescape=False,
        loader=None,
        finalize=_printed,
        trim_blocks=True,
        lstrip_blocks=True,
        cache_size=0,
    )
    environment.globals.clear()
    environment.tests = {"none": _is_missing}
    environment.filters = {f"f{place}": _filter(key) for place, key in enumerate(filters)}
    return environment.from_string(narrative.source)


def _is_missing(value: object) -> bool:
    return value is None
