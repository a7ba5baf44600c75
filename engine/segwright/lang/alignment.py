"""Lines below each other, lined up: `print_run`.

Takes neighbouring lines in words (`lang.said`); gives the physical lines of each. Signs stand below each other, what qualifies a
value in a column behind the values, the cells of rows in columns. A line that would be longer than `WIDTH` is broken before a
word that goes on with the line above, at the loosest binding first.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise, zip_longest

from segwright.lang.said import Said

WIDTH = 120
"""Characters of a line; one that cannot be broken may be longer."""
STEP = "  "
_WIDE = 60
"""Values of more characters are lined up among themselves: they would push everything else far to the right."""
_DEEP = 30
"""A sign further right than this is no column to hang the rest of a broken line on."""

_TOKEN = re.compile(r'"(?:[^"]|"")*"|[(\[]|[)\]]|\^|[A-Za-z_][A-Za-z0-9_.-]*')
_CLAUSES = ("where", "when", "required", "optional", "ordered", "named", "from")
_LEVELS: tuple[tuple[str, ...], ...] = (
    _CLAUSES,
    (*_CLAUSES, "else", "^"),
    (*_CLAUSES, "else", "^", "or"),
    (*_CLAUSES, "else", "^", "or", "and"),
    (*_CLAUSES, "else", "^", "or", "and", "as", "via", "having"),
)
"""Before which words a line is broken; the next level only where the one before does not do."""


class Printed:
    """A physical line. `closes`: the number of the alternative that ends in it, -1 for none. `column`: where comments begin."""

    __slots__ = ("closes", "column", "comment", "text")

    def __init__(self, text: str, closes: int = -1) -> None:
        self.text = text
        self.closes = closes
        self.comment = ""
        self.column = 0

    def whole(self) -> str:
        """The line with its comment, which is lined up with others where there is room."""
        if not self.comment:
            return self.text.rstrip()
        lined = f"{self.text:<{self.column}}  {self.comment}"
        return lined if len(lined) <= WIDTH else f"{self.text}  {self.comment}"


def print_run(run: Sequence[Said], lead: str) -> list[list[Printed]]:
    """The physical lines of each line of a run. All of a run are of one kind and stand equally deep."""
    kind = run[0].kind
    if kind in ("rule", "operation"):
        return _Rules(run, lead).printed()
    if kind == "row":
        return [[Printed(lead + text)] for text in _rows(run, len(lead))]
    if kind == "field":
        wide = max(len(line.head[0]) for line in run) + 1
        return [[Printed(f"{lead}{line.head[0] + ':':<{wide}} {line.alternatives[0][0]}")] for line in run]
    return [_single(line, lead) for line in run]


def _single(line: Said, lead: str) -> list[Printed]:
    """A line that has no neighbours: the head of a block, `use`, `check`, `end` …"""
    (text,) = line.head
    if line.kind == "end" and line.because and len(lead) + len(text) + len(line.because) < WIDTH:
        return [Printed(f"{lead}{text} {line.because}")]
    deeper = lead + STEP * (2 if line.kind in ("block", "check", "declaration") else 1)
    lines = [Printed(part) for part in broken(lead + text, deeper)]
    lines[-1].closes = 0
    if line.below:
        lines.append(Printed(f"{lead}{STEP}{line.below}"))
    if line.because:
        lines.append(Printed((deeper if line.kind == "block" else lead + STEP) + line.because))
    return lines


# --- rules -----------------------------------------------------------------------------------------------------------------


class _Rules:
    """Rules and changes of rules."""

    def __init__(self, run: Sequence[Said], lead: str) -> None:
        self.run = run
        self.lead = lead
        self.verb = max(len(line.head[0]) if len(line.head) > 1 else 0 for line in run)
        labels = [line.head[1] for line in run if len(line.head) > 1]
        self.label = max(map(len, labels)) if labels and all(labels) and len(labels) == len(run) else 0
        signed = [line for line in run if line.sign and not _below(line)]
        self.sign = max((len(self.head(line)) for line in signed), default=0)
        qualified = [line.alternatives[0] for line in signed if len(line.alternatives) == 1 and line.alternatives[0][1]]
        self.gap = 2 if len(qualified) > 1 else 1
        self.value = max((len(text) for text, _ in qualified if len(text) <= _WIDE), default=0)
        self.wide = max((len(text) for text, _ in qualified), default=0)

    def printed(self) -> list[list[Printed]]:
        """The lines of each."""
        return [self.one(line) for line in self.run]

    def head(self, line: Said) -> str:
        if len(line.head) == 1:
            return line.head[0]
        verb, label, target = line.head
        if label:
            target = f"{label:<{self.label}} {target}"
        return f"{verb:<{self.verb}} {target}" if verb else target

    def one(self, line: Said) -> list[Printed]:
        head = self.head(line)
        if not line.sign:
            lines = [Printed(part) for part in broken(self.lead + head, self.lead + STEP * 2)]
            lines[-1].closes = 0
        elif _below(line):
            lines = [Printed(self.lead + head), *self.ladder(line, f"{self.lead}{STEP}= ")]
        else:
            sign = f"{self.lead}{head:<{self.sign}} = "
            if len(line.alternatives) > 1:
                lines = self.ladder(line, sign)
            else:
                lines = self.alone(line, sign)
        if line.because:
            lines.append(Printed(self.lead + STEP + line.because))
        return lines

    def alone(self, line: Said, sign: str) -> list[Printed]:
        ((text, qualified),) = line.alternatives
        qualified = f"{qualified} {line.end}".strip()
        for wide in (self.value if len(text) <= _WIDE else self.wide, 0):
            lined = f"{sign}{text:<{wide}}{' ' * self.gap}{qualified}" if qualified else sign + text
            if len(lined) <= WIDTH:
                return [Printed(lined.rstrip(), 0)]
        hang = " " * len(sign) if len(sign) <= _DEEP else self.lead + STEP * 2
        lines = [Printed(part) for part in broken(f"{sign}{text} {qualified}".rstrip(), hang)]
        lines[-1].closes = 0
        return lines

    def ladder(self, line: Said, sign: str) -> list[Printed]:
        """Alternatives below each other. Where all fit, what qualifies them stands in a column."""
        wide = max(len(text) for text, _ in line.alternatives)
        wide = wide if wide <= _WIDE else 0
        last = len(line.alternatives) - 1
        again = " " * (len(sign) - 2) + "= "
        rungs = [
            (sign if n == 0 else again, text, f"{qualified} {line.end}".strip() if n == last else qualified)
            for n, (text, qualified) in enumerate(line.alternatives)
        ]
        lined = [f"{lead}{text:<{wide}}  {qualified}".rstrip() for lead, text, qualified in rungs]
        if all(len(text) <= WIDTH for text in lined):
            return [Printed(text, n) for n, text in enumerate(lined)]
        lines: list[Printed] = []
        hang = " " * len(sign) if len(sign) <= _DEEP else self.lead + STEP * 2
        for number, (lead, text, qualified) in enumerate(rungs):
            lines += [Printed(part) for part in broken(f"{lead}{text} {qualified}".rstrip(), hang)]
            lines[-1].closes = number
        return lines


def _below(line: Said) -> bool:
    """Whether the alternatives stand below the head: those of a change, whose head is long."""
    return len(line.head) > 1 and bool(line.head[0]) and len(line.alternatives) > 1


# --- rows ------------------------------------------------------------------------------------------------------------------


def _rows(run: Sequence[Said], lead: int) -> list[str]:
    """The rows of a table: keys, arrows and cells in columns, as far as the rows have the same ones."""
    keys = _columns([[*line.head] for line in run], ", ")
    wide = max(len(key) for key, line in zip(keys, run, strict=True) if line.sign) if any(r.sign for r in run) else 0
    arrow = max((len(line.sign) for line in run), default=0)
    shapes = {tuple(len(cell) for cell in line.cells) for line in run if line.cells}
    cells = _cells(run) if len(shapes) == 1 else [", ".join(" ^ ".join(cell) for cell in line.cells) for line in run]
    lined = [_row(key, line, cell, wide, arrow) for key, line, cell in zip(keys, run, cells, strict=True)]
    if max(len(text) for text in lined) + lead <= WIDTH or len(shapes) != 1:
        return lined
    plain = [", ".join(" ^ ".join(cell) for cell in line.cells) for line in run]
    return [_row(key, line, cell, wide, arrow) for key, line, cell in zip(keys, run, plain, strict=True)]


def _row(key: str, line: Said, cells: str, wide: int, arrow: int) -> str:
    if not line.sign:
        return key.rstrip()
    sign = f"{line.sign:>{arrow}}" if line.sign == "->" else f"{line.sign:<{arrow}}"
    return f"{key:<{wide}} {sign} {cells}".rstrip()


def _cells(run: Sequence[Said]) -> list[str]:
    """Cells of one shape: each component in a column, each cell in one."""
    wholes: list[list[str]] = [[] for _ in run]
    shape = next(line.cells for line in run if line.cells)
    for number in range(len(shape)):
        components = _columns([list(line.cells[number]) if line.cells else [] for line in run], " ^ ")
        for whole, text in zip(wholes, components, strict=True):
            whole.append(text)
    return _columns(wholes, ", ")


def _columns(rows: Sequence[list[str]], sign: str) -> list[str]:
    """Rows of texts joined by a sign: behind a comma the next one begins in a column, a `^` stands in one itself."""
    wide = [max(map(len, column)) for column in zip_longest(*rows, fillvalue="")]
    joined = []
    for row in rows:
        text = ""
        for number, part in enumerate(row):
            last = number == len(row) - 1
            if last:
                text += part
            elif sign == ", ":
                text += f"{part + ',':<{wide[number] + 1}} "
            else:
                text += f"{part:<{wide[number]}}{sign}"
        joined.append(text)
    return joined


# --- long lines --------------------------------------------------------------------------------------------------------------


def broken(line: str, hang: str) -> list[str]:
    """A line in pieces of at most `WIDTH` characters, each but the first behind `hang`; as few breaks as do."""
    if len(line) <= WIDTH:
        return [line]
    pieces = [line]
    for level in _LEVELS:
        for depth in (0, 9) if level is _LEVELS[-1] else (0,):
            pieces = _filled(line, hang, level, depth)
            if max(map(len, pieces)) <= WIDTH:
                return pieces
    return pieces


def _filled(line: str, hang: str, words: tuple[str, ...], deepest: int) -> list[str]:
    """Pieces, each as long as it may be."""
    starts = [0, *_places(line, words, deepest), len(line)]
    pieces = [""]
    for begin, end in pairwise(starts):
        part = line[begin:end]
        if pieces[-1].strip() and len(pieces[-1]) + len(part.rstrip()) > WIDTH:
            pieces[-1] = pieces[-1].rstrip()
            pieces.append(hang)
        pieces[-1] += part
    return pieces


def _places(line: str, words: tuple[str, ...], deepest: int) -> list[int]:
    """Where a piece may begin: before one of the words, outside of quotes and not deeper in brackets than said."""
    depth = 0
    places = []
    for found in _TOKEN.finditer(line):
        token = found[0]
        if token in "([":
            depth += 1
        elif token in ")]":
            depth -= 1
        elif token in words and depth <= deepest and line[found.end() : found.end() + 1] != ":":
            places.append(found.start())
    return places
