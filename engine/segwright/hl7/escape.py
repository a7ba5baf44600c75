"""Escape sequences (HL7 v2 chapter 2, section 2.7).

Takes text and gives what stands for it on the wire, and back. Refuses, with ValueError, control characters that no receiver
can be trusted with (naming the code point, never the text) and escapes that another set of delimiters cannot write.

Escape sequences are read as whole tokens of known form. An escape character that begins none is data: senders that never heard
of escaping write paths and drug names with bare backslashes, and what they meant must survive.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from segwright.hl7.delimiters import Delimiters

_REFUSED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_LINE_END = re.compile("\r\n|\r|\n")
# Written by code point and not by charset, so that they mean the same in UTF-16 messages, where one byte is no character.
_CODED = {"0D": "\r", "0A": "\n", "09": "\t"}
_CODED_TEXT = tuple((character, f"X{code}") for code, character in _CODED.items())


class _Tokens(NamedTuple):
    """What one set of delimiters needs: the escapable characters with their letters (the escape character first, so that
    chained replacing never escapes an escape), the pattern of a token and of a run of hexadecimal ones."""

    letters: tuple[tuple[str, str], ...]
    token: re.Pattern[str]


@lru_cache(maxsize=256)
def _tokens(delimiters: Delimiters) -> _Tokens:
    letters = [
        (delimiters.escape, "E"),
        (delimiters.field, "F"),
        (delimiters.component, "S"),
        (delimiters.repetition, "R"),
        (delimiters.subcomponent, "T"),
    ]
    if delimiters.truncation:
        letters.append((delimiters.truncation, "P"))
    e = re.escape(delimiters.escape)
    hexadecimal = f"{e}X[0-9A-Fa-f]+{e}"
    # A token ends within its value: a bare escape character must not swallow the next component up to another one.
    inside = "".join(map(re.escape, delimiters[:5]))
    other = f"[ZCM][^{inside}]*|\\.[A-Za-z]{{2}}[^{inside}]*|[HN]"
    single = "".join(letter for _, letter in letters)
    # One group per kind: delimiter letter, run of hexadecimal escapes, anything else that the standard names.
    return _Tokens(tuple(letters), re.compile(f"{e}([{single}]){e}|((?:{hexadecimal})+)|{e}({other}){e}"))


def escape(text: str, delimiters: Delimiters) -> str:
    """Text as it is written in a field, component or subcomponent (2.7.1): delimiters as `\\F\\ \\S\\ \\R\\ \\E\\ \\T\\`, the
    truncation character as `\\P\\`, CR, LF and TAB as hexadecimal. Raises ValueError for any other control character."""
    if text.isalnum():
        return text  # no letter and no digit delimits
    _refuse_controls(text)
    mark = delimiters.escape
    # Replacing a character that is absent costs one scan in C and no copy: for the usual text this is all scans.
    for character, letter in _tokens(delimiters).letters:
        text = text.replace(character, f"{mark}{letter}{mark}")
    for character, code in _CODED_TEXT:
        text = text.replace(character, f"{mark}{code}{mark}")
    return text


def escape_formatted(text: str, delimiters: Delimiters) -> str:
    """Text as it is written in a formatted text field (FT, 2.7.6): line ends of any kind as `\\.br\\`, the rest as `escape`."""
    _refuse_controls(text)
    line_break = f"{delimiters.escape}.br{delimiters.escape}"
    return line_break.join(escape(line, delimiters) for line in _LINE_END.split(text))


def unescape(text: str, delimiters: Delimiters, codec: str) -> str:
    """What escaped text stands for (2.7). `\\.br\\` and `\\.sp\\` become a line feed, highlighting is dropped, hexadecimal is
    read as bytes of `codec`, the charset of the message (`ascii` as UTF-8, of which it is a part); sequences that are unknown,
    local or no text in it stay as they are."""
    if delimiters.escape not in text:
        return text
    tokens = _tokens(delimiters)
    meaning = {letter: character for character, letter in tokens.letters}

    def read(found: re.Match[str]) -> str:
        letter, hexadecimal, other = found.groups()
        if letter:
            return meaning[letter]
        if hexadecimal:
            return _hexadecimal(hexadecimal, delimiters.escape, codec)
        if other in ("H", "N"):
            return ""
        return "\n" if other.lower() in (".br", ".sp") else found[0]

    return tokens.token.sub(read, text)


def escapes_bytes(raw: str, delimiters: Delimiters, codec: str) -> bool:
    """Whether escaped text holds a hexadecimal escape whose meaning depends on the charset."""
    if delimiters.escape not in raw:
        return False
    runs = (found[2] for found in _tokens(delimiters).token.finditer(raw))
    return any(run and not _is_ascii(run, delimiters.escape, codec) for run in runs)


def one_charset(of: str, to: str) -> bool:
    """Whether hexadecimal escapes mean the same in two codecs. "" is an unknown one, taken for the other; `ascii` is that of a
    message which declares no more: what it escapes is read as UTF-8, of which ASCII is a part."""
    return of in ("", to) or (of == "ascii" and to == "utf-8")


def redelimit(raw: str, of: Delimiters, to: Delimiters, codec: str = "", to_codec: str = "") -> str:
    """An escaped field, or a whole segment that is no header, from one set of delimiters and charset to another; the same text
    when they are equal. Structure and escapes are kept, data that `to` reserves is escaped, and each value reads the same
    afterwards: hexadecimal escapes of bytes that are no ASCII are read in `codec` and written as text where `to_codec` is another
    charset.

    The truncation character (2.7) is data unless both sets have the same one: senders that list `#` in MSH-2 write "Apt #5".
    Raises ValueError when an escape sequence holds a character that `to` reserves, or bytes that are no text in `codec`.
    """
    alike = one_charset(codec, to_codec)
    if of == to and (alike or of.escape not in raw):
        return raw
    reserved = {character: f"{to.escape}{letter}{to.escape}" for character, letter in _tokens(to).letters}
    structure = {
        of.field: to.field,
        of.component: to.component,
        of.repetition: to.repetition,
        of.subcomponent: to.subcomponent,
    }
    if of.truncation and of.truncation == to.truncation:
        structure[of.truncation] = to.truncation
    data = {ord(character): text for character, text in (reserved | structure).items()}
    tokens = _tokens(of)
    meaning = {letter: character for character, letter in tokens.letters}
    done, at = [], 0
    for found in tokens.token.finditer(raw):
        done.append(raw[at : found.start()].translate(data))
        at = found.end()
        letter, hexadecimal, other = found.groups()
        if letter:
            done.append(reserved.get(meaning[letter], meaning[letter]))
        elif hexadecimal and not alike and not _is_ascii(hexadecimal, of.escape, codec):
            text = _hexadecimal(hexadecimal, of.escape, codec)
            if text == hexadecimal:
                raise ValueError("a hexadecimal escape is no text in the charset of its message")
            done.append(escape(text, to))
        else:
            body = hexadecimal or other
            if any(character in reserved for character in body if character != of.escape):
                raise ValueError("an escape sequence holds a character that the other delimiters reserve")
            done.append(found[0].replace(of.escape, to.escape))
    done.append(raw[at:].translate(data))
    return "".join(done)


def _refuse_controls(text: str) -> None:
    found = _REFUSED.search(text)
    if found:
        raise ValueError(f"the control character U+{ord(found[0]):04X} cannot be sent")


def _hexadecimal(run: str, mark: str, codec: str) -> str:
    """The text of one or more adjacent hexadecimal escapes. Some senders write one escape for each byte of a character: when
    an escape alone is no text, the run is tried as a whole, and kept as it stands when that is none either."""
    codes = [part[1:] for part in run.split(mark) if part]
    texts = [_decoded(code, codec) for code in codes]
    if None in texts:
        texts = [_decoded("".join(codes), codec)]
    return run if None in texts else "".join(text for text in texts if text is not None)


def _is_ascii(run: str, mark: str, codec: str) -> bool:
    """Whether hexadecimal escapes stand for the same characters in every charset that a message is written in."""
    codes = [part[1:] for part in run.split(mark) if part]
    if all(code.upper() in _CODED for code in codes):
        return True
    one_byte = not codec.startswith(("utf-16", "utf-32"))
    return one_byte and all(len(code) % 2 == 0 and bytes.fromhex(code).isascii() for code in codes)


def _decoded(code: str, codec: str) -> str | None:
    known = _CODED.get(code.upper())
    if known is not None:
        return known
    try:
        return bytes.fromhex(code).decode("utf-8" if codec == "ascii" else codec)
    except ValueError:  # an odd number of digits, or bytes that the charset does not have
        return None
