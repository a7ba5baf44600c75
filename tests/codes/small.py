"""Small editions, made up of a few real codes, one after the other."""

from __future__ import annotations

from datetime import date

from segwright.codes.editions import Editions
from segwright.codes.icd10cm import Edition
from segwright.codes.importing import written

FIRST = {
    "I47": "Paroxysmal tachycardia", "I471": "Supraventricular tachycardia", "I48": "Atrial fibrillation and flutter",
    "I480": "Paroxysmal atrial fibrillation", "I489": "Unspecified atrial fibrillation and atrial flutter",
    "I4891": "Unspecified atrial fibrillation", "I4892": "Unspecified atrial flutter", "R00": "Abnormalities of heart beat",
    "R000": "Tachycardia, unspecified", "Z95": "Presence of cardiac implants", "Z950": "Presence of cardiac pacemaker",
}  # fmt: skip
"""I47.1 is billable, and there is no I48.2."""

SECOND = {
    **{code: text for code, text in FIRST.items() if code != "I4892"},
    "I4710": "Supraventricular tachycardia, unspecified", "I4719": "Other supraventricular tachycardia",
    "I482": "Chronic atrial fibrillation, unspecified",
}  # fmt: skip
"""I47.1 has become a heading, I48.92 is gone, I48.2 is new."""

DURING_FIRST, DURING_SECOND, AFTER = date(2025, 3, 1), date(2026, 3, 1), date(2026, 11, 1)


def small(codes: dict[str, str], begins: date, ends: date, name: str) -> Edition:
    """An edition of these codes."""
    ordered = sorted(codes)
    return Edition(
        "# \n" + written(ordered), begins, ends, name, lambda: "".join(f"{codes[code]}\n" for code in ordered)
    )


def two() -> Editions:
    """Both editions: October 2024 to September 2025, and the year after."""
    return Editions(
        [
            small(SECOND, date(2025, 10, 1), date(2026, 9, 30), "2026"),
            small(FIRST, date(2024, 10, 1), date(2025, 9, 30), "2025"),
        ]
    )
