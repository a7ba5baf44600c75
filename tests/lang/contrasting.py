"""The surroundings in which a contrast is run, and what is reported there."""

from __future__ import annotations

import tempfile
from pathlib import Path

from segwright.core.prose.contrasts import Piece, contrasts
from segwright.core.render import render_text
from segwright.core.source import Source
from segwright.lang.parse import parse
from tests.lang.workspace import compiled

AROUND = (
    "mapping m writes ORU^R01\nsegment OBX\n{}\n", "mapping m writes ORU^R01\n{}\n", "overlay m\n{}\n", "{}\n",
    "mapping m writes ORU^R01\nsegment PID\n{}\n", "mapping m writes ORU^R01\nuse a\n\n{}\n",
)  # fmt: skip
"""Where the lines of a syntax contrast may stand."""

WORDS = {
    "SW0715",
    "SW0717",
    "SW0718",
    "SW0719",
    "SW0725",
    "SW0727",
    "SW0728",
    "SW0737",
    "SW0738",
    "SW0741",
    "SW0747",
    "SW0748",
}
"""Of configuration that the small schema of these tests does not declare."""

CONFIGURATION = [c for c in contrasts() if "SW0710" <= c <= "SW0749" and c not in WORDS]


def written(pieces: tuple[Piece, ...]) -> str:
    """The lines of one side, those of other files left out."""
    return "\n".join(piece.text for piece in pieces if not piece.file)


def wrong_side(code: str) -> str:
    """What to avoid; of a line beyond all measure, really such a line."""
    text = written(contrasts()[code].avoid)
    return text.replace("…", "(" * 500) if code == "SW0159" else text


def codes(around: str, text: str) -> list[str]:
    """What reading some lines in their surroundings finds."""
    return [found.code for found in parse(Source("a.seg", around.replace("{}", text, 1)))[1]]


def report_of(code: str) -> str:
    """The report of what to avoid; "" where the contrast is words."""
    if code.startswith("SW01"):
        text = wrong_side(code)
        around = next(
            each
            for each in AROUND
            if set(codes(each, text)) == {code} and not codes(each, written(contrasts()[code].prefer))
        )
        source = Source("mapping.seg", around.replace("{}", text, 1))
        return render_text(parse(source)[1], {source.name: source})
    if code not in CONFIGURATION:
        return ""
    with tempfile.TemporaryDirectory() as folder:
        return compiled(Path(folder) / "workspace", {"orgs/clinic/org.yaml": wrong_side(code) + "\n"}).text
