"""Character sets: HL7 table 0211 (MSH-18; chapter 2, section 2.14.9.18) and Python's codecs.

Takes a name as messages or organisations write it, gives the other; an unknown name is None when reading, ValueError when
configuring. Only names are known here; how bytes are read when nothing is declared is decided in `wire`.
"""

from __future__ import annotations

import re

# Parts 1-11 and 13-15: part 12 was never published, and Python has no codec for it. Table 0211 lists 1-9 and 15.
_LATIN = {f"8859/{part}": f"iso8859-{part}" for part in (*range(1, 12), 13, 14, 15)}

_CONFIGURABLE = {"ASCII": "ascii", **_LATIN, "UNICODE UTF-8": "utf-8"}

_TABLE_0211 = {
    **_CONFIGURABLE,
    "UNICODE": "utf-8",
    "UNICODE UTF-16": "utf-16",
    "UNICODE UTF-32": "utf-32",
    "ISO IR6": "ascii",
    "ISO IR14": "shift_jis",
    "ISO IR87": "iso2022_jp",
    "ISO IR159": "iso2022_jp_1",
    "GB 18030-2000": "gb18030",
    "KS X 1001": "euc_kr",
    "BIG-5": "big5",
}
# "UNICODE" is the withdrawn name for two-byte text. Bytes in which it can be read are one-byte ASCII, so their sender means
# UTF-8; real two-byte text is known by its first bytes.

_SEEN = {
    "US-ASCII": "ascii",
    "UTF-8": "utf-8",
    "UTF8": "utf-8",
    "UNICODE UTF8": "utf-8",
    "UTF-16": "utf-16",
    "UTF-32": "utf-32",
    "LATIN1": "iso8859-1",
    "SHIFT JIS": "shift_jis",
    "GB18030": "gb18030",
    "GB2312": "gb18030",
    "GBK": "gb18030",
    "EUC-KR": "euc_kr",
    **{f"WINDOWS-{page}": f"cp{page}" for page in range(1250, 1259)},
    **{f"CP{page}": f"cp{page}" for page in range(1250, 1259)},
    **{f"ISO-{name.replace('/', '-')}": codec for name, codec in _LATIN.items()},
    **{f"ISO{name.replace('/', '-')}": codec for name, codec in _LATIN.items()},
    **{f"ISO {name.replace('/', '-')}": codec for name, codec in _LATIN.items()},
    **{name.replace("/", "-"): codec for name, codec in _LATIN.items()},
}

_SPACE = re.compile(r"[\s_]+")


def _plain(name: str) -> str:
    return _SPACE.sub(" ", name.strip()).upper()


_CODECS = {_plain(name): codec for name, codec in (_TABLE_0211 | _SEEN).items()}


def codec_of(msh18: str) -> str | None:
    """The Python codec for one repetition of MSH-18: a name of table 0211 or a spelling seen in messages, case aside. None
    when it is empty or unknown."""
    return _CODECS.get(_plain(msh18))


def charset_of(codec: str) -> str:
    """A name that `codec_of` reads as this codec: that of table 0211 if it has one. "" for a codec that no name stands for."""
    return next((name for name, known in (_TABLE_0211 | _SEEN).items() if known == codec), "")


def msh18_of(charset: str) -> str:
    """What MSH-18 says for a charset that an organisation may configure: ASCII, 8859/1 to 8859/15 or UNICODE UTF-8, in any
    spelling that is read. Raises ValueError for others."""
    codec = codec_of(charset)
    for name, known in _CONFIGURABLE.items():
        if known == codec:
            return name
    raise ValueError(f"messages cannot be written in this charset; the choices are {', '.join(_CONFIGURABLE)}")
