"""What is wrong with a line that the grammar refused.

Takes the line, where Lark stopped and what it would have accepted there; gives one diagnostic with the place of the mistake,
which often is before the place where reading stopped. Known mistakes come first, each with its own code and advice; what is
left says what was found and what may stand there, in an analyst's words.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from segwright.core.diagnostic import Diagnostic
from segwright.core.prose.syntax import TERMINALS
from segwright.core.source import Source
from segwright.core.suggest import nearest
from segwright.lang.lines import CONTINUES

_LEXEME = re.compile(
    r'"(?:[^"]|"")*"?|[A-Za-z_][A-Za-z0-9_]*(?:[.-][A-Za-z0-9_]+|\[[^\]\s]*\])*|-?[0-9]+(?:\.[0-9]+)*|<->|->|<-|[=!<>|&:/*+-]{2}|.'
)
_QUOTED = re.compile(r'"(?:[^"]|"")*"?')
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_RUN = re.compile(r"[A-Za-z0-9_.\[\]-]*\Z")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:-[A-Za-z][A-Za-z0-9_]*)*")
_NAMES = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*(?:-[A-Za-z][A-Za-z0-9_.]*)*")
_FIRST_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

_ATOMS = {"STRING", "NUMBER", "NAME", "DOTTED", "PATH", "COMPONENT", "POSITION", "INHERITED", "COUNT"}
_VALUES = _ATOMS | {"BLANK", "HOLD", "NULL", "EACH", "FIRST", "TEXT", "LPAR"}
_STATEMENTS = (
    "mapping",
    "overlay",
    "use",
    "let",
    "segment",
    "for",
    "table",
    "format",
    "part",
    "record",
    "enum",
    "text",
    "check",
    "reject",
    "allow",
    "override",
    "add",
    "remove",
    "replace",
    "move",
    "end",
)

_SIGNS = {
    "||": ("SW0116", "`or`"),
    "|": ("SW0116", "`or`"),
    "&&": ("SW0116", "`and`"),
    "&": ("SW0116", "`and`"),
    "!": ("SW0116", "`not`"),
    "!=": ("SW0130", "`is not`"),
    "<>": ("SW0130", "`is not`"),
    "<=": ("SW0130", "`is at most`"),
    ">=": ("SW0130", "`is at least`"),
    "<": ("SW0130", "`is below`"),
    ">": ("SW0130", "`is above`"),
    "==": ("SW0114", ""),
    "=>": ("SW0115", ""),
    ":=": ("SW0123", ""),
    ";": ("SW0122", ""),
    "'": ("SW0124", ""),
    "`": ("SW0124", ""),
    "//": ("SW0132", ""),
    "/*": ("SW0132", ""),
    "--": ("SW0132", ""),
    "+": ("SW0131", ""),
    "*": ("SW0131", ""),
    "/": ("SW0131", ""),
    "%": ("SW0131", ""),
}
_FOREIGN = {
    "unless": "Write `when not …`.",
    "then": 'Alternatives stand below each other: `= "A" when …` and below it `= "N" otherwise`.',
    "elif": 'Alternatives stand below each other: `= "A" when …` and below it `= "N" otherwise`.',
    "elseif": 'Alternatives stand below each other: `= "A" when …` and below it `= "N" otherwise`.',
    "default": "Write `else` for when the value is missing, `otherwise` for when no condition applies.",
    "equals": "Write `is`.",
    "contains": "Write `in` for a member of a list, `matches` for a form of text.",
    "like": "Write `matches` and the form of the text.",
    "exists": "Write `is present`.",
    "greater": "Write `is above`.",
    "less": "Write `is below`.",
    "more": "Write `is above`.",
    "foreach": "Write `for each`.",
    "endif": "Conditions have no end; loops and tables close with `end`.",
    "endfor": "Write `end`.",
    "set": "Write the rule itself: `PID-8 = …`.",
    "import": "Declarations of the workspace are known everywhere; nothing is imported.",
    "include": "Write `use` and the name of the part.",
    "def": "Write `part` for segments, `format` for a field, `let` for a value.",
    "function": "Write `part` for segments, `format` for a field, `let` for a value.",
    "delete": "Write `remove`.",
    "return": "A format is made of lines `.1 = …`.",
    "optional_if": "Write `optional when …`.",
    "mandatory": "Write `required`.",
    "with": 'Arguments stand in parentheses: `use header(type: "ORU")`.',
}
_NOTHING = {"empty", "blank", "none", "nothing", "null", "nil", "undefined", "absent", "there", "given", "set"}


class _Stop(NamedTuple):
    """Where reading stopped: the line, the place in it, what stands there, and the terminals that were possible."""

    text: str
    at: int
    found: str
    expected: frozenset[str]
    start: str


class _Mistake(NamedTuple):
    code: str
    start: int
    end: int
    facts: dict[str, str]


def explain(text: str, offset: int, error: Any, start: str, source: Source, parser: Any) -> Diagnostic:
    """The diagnostic for a refused line that begins at `offset` of the file."""
    stop = _stop(text, error, start, parser)
    for recognise in _KNOWN:
        mistake = recognise(stop)
        if mistake is not None:
            break
    else:
        mistake = _general(stop)
    span = source.span(offset + mistake.start, offset + max(mistake.end, mistake.start))
    return Diagnostic(mistake.code, span, mistake.facts)


def _stop(text: str, error: Any, start: str, parser: Any) -> _Stop:
    token = getattr(error, "token", None)
    at = token.start_pos if token is not None else getattr(error, "pos_in_stream", 0)
    if token is not None and token.type == "$END":
        at = len(text)
    while at < len(text) and text[at].isspace():
        at += 1
    found = _LEXEME.match(text, at)
    if token is None:
        expected = error.interactive_parser.accepts()
    else:
        expected = _possible(text, token.start_pos if token.type != "$END" else len(text), start, parser)
    return _Stop(text, at, found[0] if found else "", frozenset(expected), start)


def _possible(text: str, at: int, start: str, parser: Any) -> set[str]:
    """What could follow the tokens before `at`. A refused token has already made LALR reduce, so the line is read again."""
    state = parser.parse_interactive(text, start=start)
    state.parser_state.parse_conf.callbacks = {}
    for token in state.lexer_thread.lex(state.parser_state):
        if token.start_pos >= at:
            break
        state.feed_token(token)
    accepted: set[str] = state.accepts()
    return accepted


def _blanked(text: str) -> str:
    """The line with its texts blotted out, for looking at signs and brackets."""
    return _QUOTED.sub(lambda found: "x" * len(found[0]), text)


# --- known mistakes, the surest first -----------------------------------------------------------------------------------


def _sign(stop: _Stop) -> _Mistake | None:
    text, at = stop.text, stop.at
    for begin in (at - 1, at):
        pair = text[max(begin, 0) : begin + 2]
        if len(pair) == 2 and pair in _SIGNS and not (pair == "--" and begin < at):
            code, meant = _SIGNS[pair]
            return _Mistake(code, begin, begin + 2, {"found": pair, "meant": meant})
    if text[at : at + 1] in _SIGNS and text[at : at + 2] not in ("->", "<-"):
        code, meant = _SIGNS[text[at]]
        return _Mistake(code, at, at + 1, {"found": text[at], "meant": meant})
    return None


def _arrow_for_equals(stop: _Stop) -> _Mistake | None:
    end = stop.at + len(stop.found)
    if stop.found in ("=", ":") and "ARROW" in stop.expected:
        return _Mistake("SW0135", stop.at, end, {"found": stop.found, "meant": "->", "advice": "A row has an arrow."})
    if stop.found in ("->", "<-", "<->", ":") and "EQUAL" in stop.expected:
        facts = {"found": stop.found, "meant": "=", "advice": "A rule has `=`; arrows stand in the rows of tables."}
        return _Mistake("SW0135", stop.at, end, facts)
    if stop.found == "=" and "COLON" in stop.expected:
        facts = {"found": "=", "meant": ":", "advice": "A name and its type have a colon between them."}
        return _Mistake("SW0135", stop.at, end, facts)
    if stop.found == "=" and "IS" in stop.expected and stop.expected.isdisjoint({"$END", "BECAUSE"}):
        facts = {"found": "=", "meant": "is", "advice": "Conditions compare with `is`; `=` fills a field."}
        return _Mistake("SW0135", stop.at, end, facts)
    return None


_WRONG_FIELDS: tuple[tuple[re.Pattern[str], str, str], ...] = (
    (re.compile(r"([A-Z][A-Z0-9]{2})\.([0-9]+)((?:\.[0-9]+){0,2})\Z"), r"\1-\2\3", ""),
    (re.compile(r"([A-Z]{2}[A-Z0-9])_?([0-9]+)((?:\.[0-9]+){0,2})\Z"), r"\1-\2\3", ""),
    (re.compile(r"([A-Z][A-Z0-9]{2})-([0-9]+)-([0-9]+)\Z"), r"\1-\2.\3", "Components stand behind a point."),
    (
        re.compile(r"([A-Z][A-Z0-9]{2})-([0-9]+)-([0-9]+)-([0-9]+)\Z"),
        r"\1-\2.\3.\4",
        "Components stand behind a point.",
    ),
    (
        re.compile(r"([A-Z][A-Z0-9]{2}-[0-9]+)\[[0-9]*\](.*)\Z"),
        r"\1[name]\2",
        "Repetitions have names; when reading, choose one with `first … where …`.",
    ),
    (re.compile(r"([A-Z][A-Z0-9]{2}-[0-9]+\.[0-9]+\.[0-9]+)\..*\Z"), r"\1", "Below a subcomponent there is nothing."),
)

_FIELD = re.compile(r"[A-Z][A-Z0-9]{2}-[0-9]+(\[[A-Za-z_][A-Za-z0-9_]*\])?(\.[0-9]+){0,2}\Z")
_NUMBERED = "Behind the hyphen stands the number of the field, and behind points its component: `PID-5`, `PID-5.1`."


def _field(stop: _Stop) -> _Mistake | None:
    before = _RUN.search(stop.text[: stop.at])
    begin = before.start() if before else stop.at
    found = _LEXEME.match(stop.text, begin)
    run = found[0] if found else ""
    lowered = re.match(r"([A-Za-z][A-Za-z0-9]{2})([-.])([0-9]+)(.*)\Z", run)
    if lowered and lowered[1] != lowered[1].upper():
        meant = f"{lowered[1].upper()}-{lowered[3]}{lowered[4]}"
        return _Mistake("SW0118", begin, begin + len(run), {"found": run, "meant": meant})
    if "SEG" in stop.expected and re.fullmatch(r"[A-Za-z][A-Za-z0-9]{2}", stop.found) and "NAME" not in stop.expected:
        meant = stop.found.upper()
        if meant != stop.found:
            return _Mistake("SW0118", stop.at, stop.at + 3, {"found": stop.found, "meant": meant})
    for pattern, meant, advice in _WRONG_FIELDS:
        if pattern.match(run):
            facts = {"found": run, "meant": pattern.sub(meant, run), "advice": advice}
            return _Mistake("SW0119", begin, begin + len(run), facts)
    if re.match(r"[A-Z][A-Z0-9]{2}-", run) and not _FIELD.match(run):
        return _Mistake("SW0119", begin, begin + len(run), {"found": run, "advice": _NUMBERED})
    return None


def _foreign_word(stop: _Stop) -> _Mistake | None:
    word = stop.found
    end = stop.at + len(word)
    before = stop.text[: stop.at].split()
    last = before[-1] if before else ""
    if word == "if" and last == "else":
        return _Mistake("SW0121", stop.text.rindex("else", 0, stop.at), end, {})
    if word == "else" and re.match(r"\s+if\b", stop.text[end:]):
        return _Mistake("SW0121", stop.at, stop.text.index("if", end) + 2, {})
    if last == "if" and len(before) > 1 and before[-2] == "else":
        return _Mistake("SW0121", stop.text.rindex("else", 0, stop.at), stop.text.rindex("if", 0, stop.at) + 2, {})
    if word == "if":
        return _Mistake("SW0117", stop.at, end, {})
    if last == "if" and "required" not in before[-2:-1]:
        begin = stop.text.rindex("if", 0, stop.at)
        return _Mistake("SW0117", begin, begin + 2, {})
    if word in _NOTHING and last in ("is", "not") and "is" in before[-2:]:
        return _Mistake("SW0125", stop.at, end, {"found": word})
    if word in ("as", "via", "else") and stop.expected & {"IS", "AND", "OR"}:
        return _Mistake("SW0127", stop.at, end, {"found": word})
    for candidate, begin in ((word, stop.at), (before[0] if len(before) == 1 else "", 0)):
        advice = _FOREIGN.get(candidate.lower())
        if advice and candidate.upper() not in stop.expected:
            return _Mistake("SW0137", begin, begin + len(candidate), {"found": candidate, "advice": advice})
    return None


def _missing_sign(stop: _Stop) -> _Mistake | None:
    """Two words side by side in the arguments of a call: a colon or a comma is missing between them."""
    if not stop.found or not {"COMMA", "RPAR"} <= stop.expected or not re.match(r'[A-Za-z0-9_".-]', stop.found):
        return None
    if stop.found in ("as", "via", "else", "on") or stop.expected & {"IS"}:
        return None
    before = re.search(r"[A-Za-z0-9_.]+\s+\Z", stop.text[: stop.at])
    if before is None or _FIRST_WORD.fullmatch(before[0].strip()) is None:
        return None
    facts = {"first": before[0].strip(), "second": stop.found}
    return _Mistake("SW0139", before.start(), stop.at + len(stop.found), facts)


def _goes_on(stop: _Stop) -> _Mistake | None:
    first = _FIRST_WORD.match(stop.text)
    if stop.start != "statement" or first is None or first[0] not in CONTINUES:
        return None
    return _Mistake("SW0160", 0, first.end(), {"found": first[0]})


def _second_reason(stop: _Stop) -> _Mistake | None:
    """A reason above the line that it is for: it has been read as a second one of the line before."""
    if stop.found != "because" or not re.search(r"\bbecause\b", _blanked(stop.text[: stop.at])):
        return None
    return _Mistake("SW0160", stop.at, stop.at + len(stop.found), {"found": "because"})


def _decimal_comma(stop: _Stop) -> _Mistake | None:
    found = re.search(r"(-?[0-9]+),(?=[0-9])", stop.text[: stop.at + 1] + stop.text[stop.at + 1 : stop.at + 2])
    if stop.found != "," or found is None or found.end() != stop.at + 1:
        return None
    rest = re.match(r"[0-9]+", stop.text[stop.at + 1 :])
    digits = rest[0] if rest else ""
    facts = {"found": f"{found[1]},{digits}", "meant": f"{found[1]}.{digits}"}
    return _Mistake("SW0162", found.start(), stop.at + 1 + len(digits), facts)


def _without_each(stop: _Stop) -> _Mistake | None:
    found = re.match(r"for\s+(?!each\b|reason\b)([a-z_]+)\s+(?:in|of|from)\b", stop.text)
    if found is None:
        return None
    return _Mistake("SW0137", 0, 3, {"found": "for", "advice": f"Write `for each {found[1]} in …`."})


def _field_with_equals(stop: _Stop) -> _Mistake | None:
    found = re.match(r"[A-Za-z_][A-Za-z0-9_]*\s*(=)", stop.text) if stop.start == "field" else None
    if found is None:
        return None
    facts = {"found": "=", "meant": ":", "advice": "A name and its type have a colon between them."}
    return _Mistake("SW0135", found.start(1), found.end(1), facts)


def _type_in_small_letters(stop: _Stop) -> _Mistake | None:
    if stop.expected != {"TYPE"} or not re.fullmatch(r"[a-z][a-z0-9_]*", stop.found):
        return None
    meant = "".join(part.capitalize() for part in stop.found.split("_"))
    return _Mistake("SW0161", stop.at, stop.at + len(stop.found), {"found": stop.found, "meant": meant})


def _unnamed_check(stop: _Stop) -> _Mistake | None:
    found = re.match(r"(?:add\s+)?(check|reject\s+A[ER])\s+(that|when)\b", stop.text)
    if found is None:
        return None
    word = found[1].split()[0]
    return _Mistake(
        "SW0136", found.start(1), found.end(1), {"found": word, "meant": f"{found[1]} some_name {found[2]} …"}
    )


def _brackets(stop: _Stop) -> _Mistake | None:
    pairs = {"(": ")", "[": "]"}
    if stop.found in (")", "]"):
        opening = "(" if stop.found == ")" else "["
        before = _blanked(stop.text[: stop.at])
        if before.count(opening) <= before.count(stop.found):
            return _Mistake("SW0129", stop.at, stop.at + 1, {"found": stop.found})
        return None
    if not stop.expected & {"RPAR", "RSQB"}:
        return None
    opened: list[int] = []
    for place, char in enumerate(_blanked(stop.text)):
        if char in pairs and not re.search(r"[A-Z0-9]\Z", stop.text[:place] if char == "[" else ""):
            opened.append(place)
        elif char in pairs.values() and opened:
            opened.pop()
    if opened and opened[-1] < stop.at:
        place = opened[-1]
        char = stop.text[place]
        return _Mistake("SW0128", place, place + 1, {"found": char, "meant": pairs[char]})
    return None


def _misspelt(stop: _Stop) -> _Mistake | None:
    end = stop.at + len(stop.found)
    # The first word of a line reads as a name until the second one shows that it was meant as a word of the language.
    first = _FIRST_WORD.match(stop.text)
    if stop.start == "statement" and first and stop.text[: stop.at].strip() in ("", first[0]):
        second = stop.at > 0
        if first[0] not in _STATEMENTS and (
            not second or not stop.found or stop.found[:1].isalpha() or stop.found[:1] == '"'
        ):
            meant = nearest(first[0], _STATEMENTS)
            if meant:
                return _Mistake("SW0112", 0, first.end(), {"found": first[0], "meant": meant})
            if not second or stop.found[:1] != '"':
                return _Mistake("SW0113", 0, first.end(), {"found": f"`{first[0]}`"})
    words = {
        name.lower().removeprefix("row_") for name in stop.expected if TERMINALS.get(name, "").startswith("the word")
    }
    if stop.found.isupper() and len(stop.found) > 1 and "STRING" in stop.expected:
        return _Mistake("SW0112", stop.at, end, {"found": stop.found, "text": stop.found})
    if _WORD.match(stop.found):
        meant = nearest(stop.found, words)
        if meant and meant != stop.found:
            return _Mistake("SW0112", stop.at, end, {"found": stop.found, "meant": meant})
    # A misspelt word may have been read as a name, so that only what follows it is refused: `segment PV1 frm order.received`.
    before = re.search(r"(?<![.A-Za-z0-9_])([a-z_]{3,})\s+\Z", stop.text[: stop.at])
    if before and stop.found and before[1] not in words:
        meant = nearest(before[1], words)
        if meant:
            return _Mistake("SW0112", before.start(1), before.end(1), {"found": before[1], "meant": meant})
    return None


def _name(stop: _Stop) -> _Mistake | None:
    before = _RUN.search(stop.text[: stop.at])
    begin = before.start() if before else stop.at
    run = _NAMES.match(stop.text, begin)
    if run is None or not (stop.expected & {"NAME", "DOTTED", "LABEL"} or begin < stop.at):
        return None
    for found in _NAME.finditer(run[0]):
        name = found[0]
        capitals = name.isupper() and (begin < stop.at or stop.expected & {"SEG", "TYPE", "PATH"})
        if capitals or re.fullmatch(r"[a-z_][a-z0-9_]*", name):
            continue
        meant = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).replace("-", "_").lower()
        start = begin + found.start()
        return _Mistake("SW0126", start, start + len(name), {"found": name, "meant": meant})
    return None


def _condition_as_value(stop: _Stop) -> _Mistake | None:
    if (
        stop.found in ("is", "in", "matches", "and", "or", "not")
        and "WHEN" in stop.expected
        and "IS" not in stop.expected
    ):
        return _Mistake("SW0138", stop.at, stop.at + len(stop.found), {"found": stop.found})
    return None


def _strange_character(stop: _Stop) -> _Mistake | None:
    char = stop.text[stop.at : stop.at + 1]
    if char.isalpha() and not char.isascii():
        advice = "Names have the letters a to z, digits and `_`."
        return _Mistake("SW0105", stop.at, stop.at + 1, {"found": f"`{char}`", "advice": advice})
    if not char or char.isalnum() or char in '"_.,:=()[]^<>-':
        return None
    shown = f"`{char}`" if char.isprintable() else f"U+{ord(char):04X} (invisible)"
    return _Mistake("SW0105", stop.at, stop.at + 1, {"found": shown})


_KNOWN: tuple[Callable[[_Stop], _Mistake | None], ...] = (
    _goes_on,
    _second_reason,
    _decimal_comma,
    _without_each,
    _field_with_equals,
    _sign,
    _arrow_for_equals,
    _field,
    _unnamed_check,
    _foreign_word,
    _condition_as_value,
    _missing_sign,
    _type_in_small_letters,
    _name,
    _misspelt,
    _brackets,
    _strange_character,
)


# --- everything else ----------------------------------------------------------------------------------------------------


def _general(stop: _Stop) -> _Mistake:
    expected = " or ".join(_at_most(said(stop.expected)))
    if not stop.found:
        begin = len(stop.text.rstrip())
        return _Mistake("SW0111", begin, begin + 1, {"expected": expected})
    facts = {"found": _found(stop.found), "expected": expected}
    return _Mistake("SW0110", stop.at, stop.at + len(stop.found), facts)


def _found(lexeme: str) -> str:
    if lexeme.startswith('"'):
        return "The text " + (lexeme if len(lexeme) < 24 else lexeme[:20] + '…"')
    return f"`{lexeme}`" if len(lexeme) < 40 else f"`{lexeme[:36]}…`"


def said(expected: frozenset[str]) -> list[str]:
    """Terminals as phrases, the likeliest first; those that together make a value or a condition become one phrase."""
    left = set(expected)
    phrases: list[str] = []
    if "HOLD" in left:
        phrases.append("a value")
        left -= _VALUES
    elif {"STRING", "NOT"} <= left and "IS" not in left:
        phrases.append("a condition such as `order.number is present`")
        left -= _ATOMS | {"NOT", "LPAR"}
    elif {"STRING", "NUMBER", "DOTTED"} <= left:
        phrases.append("a value")
        left -= _ATOMS
    if {"AS", "VIA", "ELSE", "CIRCUMFLEX"} <= left:
        left -= {"AS", "VIA", "ELSE", "CIRCUMFLEX", "LPAR"}
        phrases.append("a step with `as`, `via` or `else`")
    if {"REQUIRED", "OPTIONAL", "WHEN", "OTHERWISE"} <= left:
        left -= {"REQUIRED", "OPTIONAL", "WHEN", "OTHERWISE", "EQUAL"}
        phrases.append("`required`, `optional`, `when` or `otherwise`")
    if {"ABOVE", "BELOW", "PRESENT", "MISSING"} <= left:
        left -= {"ABOVE", "BELOW", "PRESENT", "MISSING", "NULL", "CHANGED", "FIRST", "LAST", "AT", "BETWEEN", "NOT"}
        phrases.append("`present`, `missing`, `above`, `below`, `between`")
    if "DOTTED" in left:
        left.discard("NAME")
    order = sorted(
        left, key=lambda name: (name != "EQUAL", name == "$END", TERMINALS[name].startswith("the word"), name)
    )
    for name in order:
        if TERMINALS[name] not in phrases:
            phrases.append(TERMINALS[name])
    return phrases


def _at_most(phrases: list[str], most: int = 6) -> list[str]:
    """A long list helps nobody; the joints of a list are commas, its last one is `or`."""
    kept = phrases[:most]
    return [", ".join(kept[:-1]), kept[-1]] if len(kept) > 1 else kept
