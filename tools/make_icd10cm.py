"""Makes the editions of ICD-10-CM that come with segwright: engine/segwright/codes/icd10cm-*.txt and their texts.

Source: the ICD-10-CM tabular list of April 1, 2026, by the National Center for Health Statistics (CDC) and CMS, a work of the
United States government in the public domain; simple_icd_10_cm (MIT, Stefano Travasci) holds its codes as a list. The codes
and their texts are taken. The edition of October 2026 is that one with the official addenda of fiscal year 2027 beside this file,
which say themselves how many headings and codes there are before and after. The same release and addenda give the same codes and
texts: `python tools/make_icd10cm.py` writes all of them anew.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable
from datetime import date
from pathlib import Path

from segwright.codes.editions import read_edition
from segwright.codes.icd10cm import TEXTS
from segwright.codes.importing import packed, read_official, write_edition, written

FILE = Path(__file__).parents[1] / "engine" / "segwright" / "codes" / "icd10cm-2026-04.txt"

HEADER = """\
# ICD-10-CM, every code, in force from 2026-04-01 to 2026-09-30
# National Center for Health Statistics (CDC) and CMS, public domain; taken from simple_icd_10_cm 1.5.0 (MIT)
# A line is a category; `2_01` behind I48 stands for I48.20 and I48.21. Made by tools/make_icd10cm.py, never edited.
"""

ADDENDA = Path(__file__).with_name("icd10cm_order_addenda_2027.txt")
"""As published by CMS for fiscal year 2027: public domain, too."""

CODE = re.compile(r"[A-Z][0-9A-Z]{2,6}")


def source() -> list[str]:
    """Every code without its dot. The list has chapters ("9") and blocks ("I30-I5A") too, which are no codes; a block of
    one category bears its name, so that name stands there twice."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the package opens its files in the old way
        import simple_icd_10_cm

        every = simple_icd_10_cm.get_all_codes(with_dots=False)
    return [code for code in every if CODE.fullmatch(code)]


def texts(codes: Iterable[str]) -> list[str]:
    """What each code means, in the order of the codes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        import simple_icd_10_cm

        # A code that is a block too would be described as the block, were the code not preferred.
        return [
            " ".join(simple_icd_10_cm.get_description(code, prioritize_blocks=False).split())
            for code in sorted(set(codes))
        ]


def next_year(folder: Path) -> Path:
    """Writes the edition of October 2026 into a folder."""
    codes = read_official(ADDENDA.read_bytes(), ADDENDA.name, read_edition(FILE))
    return write_edition(codes, "2027", date(2026, 10, 1), date(2027, 9, 30), ADDENDA.name, folder)


if __name__ == "__main__":
    every = source()
    FILE.write_bytes((HEADER + written(every)).encode("ascii"))
    FILE.with_name(f"{FILE.stem}{TEXTS}").write_bytes(packed(texts(every)))
    next_year(FILE.parent)
