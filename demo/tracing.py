"""A drawn ECG as a PDF of one page: three leads on millimetre paper, 25 mm/s and 10 mm/mV. It belongs to nobody.

Takes a heart rate and how long PR and QRS are; gives the bytes of a PDF. Each beat is a sum of bell curves, one for each wave; in
atrial fibrillation there is no P wave, the line trembles, and beats come irregularly. It shows where a tracing is, and nothing
that anybody could read a diagnosis from."""

from __future__ import annotations

import math
import random
import zlib
from collections.abc import Iterator
from typing import Final, NamedTuple

MM: Final = 72 / 25.4
"""A millimetre in points."""
WIDE, HIGH, MARGIN = 250, 130, 10
"""Millimetres of the paper, and what is left free on each side."""
SECONDS: Final = (WIDE - 2 * MARGIN) / 25
STEP: Final = 0.005


class Wave(NamedTuple):
    """A bell curve: when it is highest, in seconds from the R wave, how wide and how high (mV)."""

    at: float
    wide: float
    high: float


class Heart(NamedTuple):
    """What is drawn. `rate`: beats a minute; `pr`, `qrs`: seconds."""

    rate: float
    pr: float = 0.16
    qrs: float = 0.09
    fibrillates: bool = False


LEADS: Final = {"I": 0.7, "II": 1.0, "V5": 1.3}
"""Leads from above, with how high their complexes are."""


def _beat(heart: Heart) -> tuple[Wave, ...]:
    narrow = heart.qrs / 7
    p = () if heart.fibrillates else (Wave(-heart.pr - 0.01 + 0.05, 0.024, 0.13),)
    t = 0.26 * math.sqrt(60 / max(heart.rate, 30)) + 0.03
    return *p, Wave(-0.03, narrow, -0.12), Wave(0, narrow, 1.05), Wave(0.03, narrow, -0.25), Wave(t, 0.045, 0.28)


def _moments(heart: Heart, chance: random.Random) -> list[float]:
    """When the R waves are."""
    out, at = [], 0.35
    while at < SECONDS + 1:
        out.append(at)
        spread = 0.22 if heart.fibrillates else 0.02
        at += 60 / heart.rate * (1 + chance.uniform(-spread, spread))
    return out


def _line(heart: Heart, size: float, moments: list[float], chance: random.Random) -> Iterator[tuple[float, float]]:
    """Seconds and millivolts."""
    beat, tremor = _beat(heart), chance.uniform(0, 6)
    for number in range(int(SECONDS / STEP)):
        now = number * STEP
        value = 0.02 * math.sin(2 * math.pi * 0.3 * now)
        if heart.fibrillates:
            value += 0.035 * math.sin(2 * math.pi * 6.3 * now + tremor) + 0.025 * math.sin(2 * math.pi * 8.1 * now)
        for moment in moments:
            if abs(now - moment) < 0.7:
                value += size * sum(w.high * math.exp(-(((now - moment - w.at) / w.wide) ** 2) / 2) for w in beat)
        yield now, value


def _paper() -> Iterator[str]:
    for every, red, thick in ((1, "1 0.88 0.88", 0.2), (5, "0.95 0.65 0.65", 0.4)):
        yield f"{red} RG {thick} w"
        for x in range(0, WIDE + 1, every):
            yield f"{x * MM:.2f} 0 m {x * MM:.2f} {HIGH * MM:.2f} l"
        for y in range(0, HIGH + 1, every):
            yield f"0 {y * MM:.2f} m {WIDE * MM:.2f} {y * MM:.2f} l"
        yield "S"


def _text(x: float, y: float, text: str) -> str:
    return f"BT /F 9 Tf 0 0 0 rg {x * MM:.2f} {y * MM:.2f} Td ({text}) Tj ET"


def drawn(heart: Heart, seed: int = 1) -> bytes:
    """The PDF. The same for the same heart and seed."""
    chance = random.Random(seed)
    parts = list(_paper())
    moments = _moments(heart, chance)
    for number, (lead, size) in enumerate(LEADS.items()):
        base = HIGH - 32 - number * 34
        points = [
            f"{(MARGIN + now * 25) * MM:.2f} {(base + value * 10) * MM:.2f}"
            for now, value in _line(heart, size, moments, chance)
        ]
        parts += ["0 0 0 RG 0.7 w 1 j", f"{points[0]} m", *(f"{point} l" for point in points[1:]), "S"]
        parts.append(_text(MARGIN, base + 10, lead))
    parts.append(_text(MARGIN, HIGH - 8, "Demonstration: drawn by a program, of no patient"))
    parts.append(_text(MARGIN, 4, "25 mm/s   10 mm/mV"))
    return _pdf("\n".join(parts).encode())


def _pdf(content: bytes) -> bytes:
    """A PDF of one page that shows this."""
    packed = zlib.compress(content)
    size = f"{WIDE * MM:.2f} {HIGH * MM:.2f}".encode()
    objects = (
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 "
        + size
        + b"] /Contents 4 0 R /Resources << /Font << /F 5 0 R >> >> >>",
        b"<< /Length %d /Filter /FlateDecode >>\nstream\n" % len(packed) + packed + b"\nendstream",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    )
    out, places = b"%PDF-1.4\n", []
    for number, one in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n" % number + one + b"\nendobj\n"
    table = b"xref\n0 6\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % place for place in places)
    return out + table + b"trailer << /Size 6 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % len(out)
