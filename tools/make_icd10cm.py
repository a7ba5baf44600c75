"""Makes engine/segwright/codes/icd10cm-2026-04.txt from the package simple_icd_10_cm 1.5.0.

Source: the ICD-10-CM tabular list of April 1, 2026, by the National Center for Health Statistics (CDC) and CMS, a work of the
United States government in the public domain; simple_icd_10_cm (MIT, Stefano Travasci) holds its codes as a list. Only the
codes are taken. The same release gives the same bytes: `python tools/make_icd10cm.py` writes the file anew.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

FILE = Path(__file__).parents[1] / "engine" / "segwright" / "codes" / "icd10cm-2026-04.txt"

HEADER = """\
# ICD-10-CM, every code, in force from 2026-04-01 to 2026-09-30
# National Center for Health Statistics (CDC) and CMS, public domain; taken from simple_icd_10_cm 1.5.0 (MIT)
# A line is a category; `2_01` behind I48 stands for I48.20 and I48.21. Made by tools/make_icd10cm.py, never edited.
"""

CODE = re.compile(r"[A-Z][0-9A-Z]{2,6}")


def source() -> list[str]:
    """Every code without its dot. The list has chapters ("9") and blocks ("I30-I5A") too, which are no codes; a block of
    one category bears its name, so that name stands there twice."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the package opens its files in the old way
        import simple_icd_10_cm

        every = simple_icd_10_cm.get_all_codes(with_dots=False)
    return [code for code in every if CODE.fullmatch(code)]


def written(codes: Iterable[str]) -> str:
    """The file's text."""
    lines = [HEADER]
    for category, members in groupby(sorted(set(codes)), key=lambda code: code[:3]):
        last: dict[str, str] = {}
        for code in members:
            if code != category:
                last[code[3:-1]] = last.get(code[3:-1], "") + code[-1]
        lines.append(
            " ".join((category, *(f"{stem}_{characters}" for stem, characters in sorted(last.items())))) + "\n"
        )
    return "".join(lines)


if __name__ == "__main__":
    FILE.write_bytes(written(source()).encode("ascii"))
