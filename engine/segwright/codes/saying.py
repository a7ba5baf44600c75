"""What `codes.judging` and `codes.editions` found, in words for a clinician. No word that somebody typed stands in them."""

from __future__ import annotations

from datetime import date

from segwright.codes.editions import Editions, Standing
from segwright.codes.judging import CodeFault, Offer


def day(on: date) -> str:
    """A date as pages and commands say it: 1 October 2026."""
    return f"{on.day} {on:%B %Y}"


def said(fault: CodeFault) -> str:
    """A fault of a choice as one sentence, without what is offered."""
    code = fault.code or "This code"
    on = "on the date of service" if fault.on is None else f"on {day(fault.on)}"
    match fault.kind:
        case "none_sent":
            return "This organisation is sent no diagnoses."
        case "unknown":
            return f"{fault.code or 'This'} is no ICD-10-CM code."
        case "not_billable":
            return f"{code} cannot be billed {on}: there are more exact codes below it."
        case "retired" if fault.day is not None:
            return f"{code} cannot be billed {on}: it was retired after {day(fault.day)}."
        case "not_yet" if fault.day is not None:
            return f"{code} cannot be billed {on}: it is valid from {day(fault.day)}."
        case "not_listed":
            return f"{code} is not in this organisation's list."
        case "not_first":
            return f"{code} may not be the main diagnosis here: another code stands first."
        case "twice":
            return f"{code} stands here twice."
        case "too_many":
            return f"There are {fault.count}; this organisation takes {fault.limit} at most."
        case "too_few":
            return f"There are {fault.count}; this organisation wants {fault.limit} at least."
        case _:
            return f"{code} cannot be billed {on}."


def offered(offers: tuple[Offer, ...]) -> str:
    """What can be taken instead as one sentence; "" when there is nothing."""
    if not offers:
        return ""
    here = [offer for offer in offers if offer.listed] or list(offers)
    listed = ", ".join(f"{offer.code} ({offer.display})" for offer in here)
    return f"{'Here' if here[0].listed else 'Not in the list here'}: {listed}."


def stands(standing: Standing, on: date) -> str:
    """How a code stands on a day, as one sentence."""
    code = standing.code or "It"
    match standing.kind:
        case "billable":
            return f"{code} is billable on {day(on)} (edition {standing.edition})."
        case "heading":
            return f"{code} is a heading in edition {standing.edition}; only the codes below it are billed."
        case "retired" if standing.until is not None:
            return f"{code} is retired: its last day was {day(standing.until)}."
        case "not_yet" if standing.since is not None:
            return f"{code} is not valid yet: its first day is {day(standing.since)}."
        case "not_covered":
            return f"{code} is a code; whether it is billable on {day(on)} no edition here says."
        case _:
            return "There is no such code in any edition here."


def covering(editions: Editions, on: date | None) -> str:
    """Which edition a date of service is judged by, or that none covers it and what to do, in one or two sentences."""
    if on is None:
        return "The date of service is not known to the day: codes are not checked against an edition of ICD-10-CM."
    found = editions.on(on)
    if found is not None:
        return f"ICD-10-CM {found.name}, valid from {day(found.begins)} to {day(found.ends)}."
    last, first = editions.ends, editions.all[0].begins
    bound = f"the last one ended on {day(last)}" if on > last else f"the first one begins on {day(first)}"
    if first <= on <= last:
        bound = "there is a gap between two editions"
    return (
        f"No edition of ICD-10-CM here covers {day(on)}: {bound}. Codes are checked against this organisation's list alone, "
        "until the edition is imported (segwright codes import)."
    )


def uncovered(editions: Editions, on: date | None) -> str:
    """The same for a clinician, where no edition covers a date of service: what that means, and whom to tell; else ""."""
    if on is not None and editions.on(on) is not None:
        return ""
    if on is None:
        return (
            "The day of this recording is not known, so nobody checks whether a code could be billed on it. Only this "
            "hospital's own list is checked."
        )
    return (
        f"The list of valid ICD-10-CM codes for {day(on)} is missing here, so a code that was retired or split by then is "
        "not noticed. Only this hospital's own list is checked. You can sign; tell your administrator to have the edition of "
        "that day imported."
    )
