r"""The written forms of values: `5s`, `host:port`, `env:NAME`, `cut 20`, `|^~\&`, …

Takes a text, gives what it means; refuses with None (or a reason that never holds the text). A schema names a form as
`check_with: NAME`; `CHECKS` lists them. Nothing here knows a file or a key.
"""

from __future__ import annotations

import ipaddress
import re
import warnings
from collections.abc import Callable
from functools import cache
from importlib import resources
from typing import Final, Literal, NamedTuple

from segwright.core.suggest import nearest
from segwright.hl7.charset import msh18_of
from segwright.hl7.delimiters import Delimiters
from segwright.plan import patterns

_DURATION: Final = re.compile(r"([1-9][0-9]{0,8})(ms|s|m|h|d)")
_MILLISECONDS: Final = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_LIMIT: Final = re.compile(r"(cut|error) ([1-9][0-9]{0,6})")
_LIMITED: Final = re.compile(r"[A-Z][A-Z0-9_]{1,9}(?:\.[1-9][0-9]?){0,2}")
_MESSAGE: Final = re.compile(r"[A-Z][A-Z0-9]{2}\^[A-Z][A-Z0-9]{2}(?:\^[A-Z][A-Z0-9]{2}_[A-Z][A-Z0-9]{2})?")
_PATH: Final = re.compile(r"[A-Z][A-Z0-9]{2}-[1-9][0-9]{0,2}(?:\[[A-Za-z0-9_]+\])?(?:\.[1-9][0-9]?){0,2}")
_NAME: Final = re.compile(r"[a-z][a-z0-9]*(?:[_-][a-z0-9]+)*")
_HOST: Final = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)(?:\.(?!-)[A-Za-z0-9-]{1,63}(?<!-))*\.?")
_IPV6: Final = re.compile(r"\[[0-9A-Fa-f:.]{2,45}\]")
_ENV: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_FILE: Final = re.compile(r"/[^\x00-\x1f\\]+")
_CSV: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*\.csv")
_OID: Final = re.compile(r"[0-2](?:\.(?:0|[1-9][0-9]*))+")

PEM: Final = "-----BEGIN"


class Limit(NamedTuple):
    """The most characters of a data type or component, and what happens to more."""

    over: Literal["cut", "error"]
    length: int


class SecretReference(NamedTuple):
    """Where a secret is kept: an environment variable or a file. The secret itself is read only by what uses it."""

    kind: Literal["env", "file"]
    name: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}"


class Address(NamedTuple):
    """A host name, IPv4 or bracketed IPv6 address, and a port."""

    host: str
    port: int


class Wrong(NamedTuple):
    """Why a text is not in its form: the diagnostic's code and what it says beside the key."""

    code: str
    facts: dict[str, str]


def milliseconds(text: str) -> int | None:
    """`500ms`, `5s`, `10m`, `24h`, `30d` in milliseconds."""
    found = _DURATION.fullmatch(text)
    return int(found[1]) * _MILLISECONDS[found[2]] if found else None


def limit(text: str) -> Limit | None:
    """`cut 20`, `error 20`."""
    found = _LIMIT.fullmatch(text)
    return Limit("cut" if found[1] == "cut" else "error", int(found[2])) if found else None


def secret(text: str) -> SecretReference | None:
    """`env:NAME`, `file:/path`."""
    kind, _, name = text.partition(":")
    if kind == "env" and _ENV.fullmatch(name):
        return SecretReference("env", name)
    if kind == "file" and _FILE.fullmatch(name) and "/../" not in f"{name}/":
        return SecretReference("file", name)
    return None


def address(text: str) -> Address | None:
    """`host:port`, `[::1]:port`."""
    host, _, port = text.rpartition(":")
    if not (_HOST.fullmatch(host) or _IPV6.fullmatch(host)) or len(host) > 253:
        return None
    if not re.fullmatch(r"[1-9][0-9]{0,4}", port) or int(port) > 65535:
        return None
    return Address(host.strip("[]"), int(port))


def separators(text: str) -> Delimiters | str:
    r"""MSH-1 and MSH-2 as they stand in the message: `|^~\&`, perhaps a sixth for truncation. A text says what is wrong."""
    if len(text) == 4:
        return "These are the four of MSH-2; the field separator (MSH-1) stands in front of them."
    if len(text) not in {5, 6}:
        return f"It has {len(text)} characters."
    if len(set(text)) != len(text):
        return "One character stands in it twice."
    if not all(" " < c <= "~" for c in text):
        return "Each is a printable ASCII character."
    if any(c.isalnum() for c in text):
        return "A letter or digit cannot separate: values are made of them."
    return Delimiters(text[0], text[1], text[2], text[3], text[4], text[5:])


def _duration(text: str) -> Wrong | None:
    return None if milliseconds(text) is not None else Wrong("SW0734", {})


def _limit(text: str) -> Wrong | None:
    return None if limit(text) else Wrong("SW0736", {})


def _secret(text: str) -> Wrong | None:
    return None if secret(text) else Wrong("SW0729", {})


def _address(text: str) -> Wrong | None:
    return None if address(text) else Wrong("SW0735", {})


def _separators(text: str) -> Wrong | None:
    found = separators(text)
    return Wrong("SW0733", {"reason": found}) if isinstance(found, str) else None


@cache
def zones() -> frozenset[str]:
    """Every zone of the pinned tzdata package; the machine's own files are not asked, they differ from machine to machine."""
    return frozenset(resources.files("tzdata").joinpath("zones").read_text(encoding="utf-8").split())


def _zone(text: str) -> Wrong | None:
    if text in zones():
        return None
    cities = {zone.rpartition("/")[2]: zone for zone in sorted(zones())}
    city = nearest(text.rpartition("/")[2].replace(" ", "_"), cities)
    # A short name such as EST has no summer time; a city is what is meant.
    usual = [zone for zone in zones() if "/" in zone or zone == "UTC"]
    return Wrong("SW0730", {"nearest": nearest(text, usual) or cities.get(city, "")})


def _network(text: str) -> Wrong | None:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return Wrong("SW0726", {"form": "a network such as `10.20.0.0/16`, with nothing set behind its length"})
    return None


def _replacement(text: str) -> Wrong | None:
    """Not empty: a value made only of such characters would be gone where it is required. Not `""`, which deletes."""
    sound = 1 <= len(text) <= 8 and text.isprintable() and text != '""'
    return None if sound else Wrong("SW0726", {"form": "one to eight printable characters, such as `-`"})


def _charset(text: str) -> Wrong | None:
    try:
        msh18_of(text)
    except ValueError:
        return Wrong("SW0732", {})
    return None


def _pattern(text: str) -> Wrong | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            re.compile(text)
    except re.error as error:
        reason = patterns.check(text) or error.msg
        return Wrong("SW0737", {"reason": f"{reason[:1].upper()}{reason[1:]}."})
    except (OverflowError, RecursionError):
        return Wrong("SW0737", {"reason": "It is too large."})
    except Warning:  # `[[`, `--`, `&&` inside a set: Python announces another meaning for them
        return Wrong("SW0737", {"reason": "`[`, `--`, `&&`, `~~` and `||` inside `[…]` stand behind a backslash."})
    refused = patterns.check(text)  # what `matches` in a mapping would refuse, told where it is written
    return None if refused is None else Wrong("SW0737", {"reason": f"{refused[:1].upper()}{refused[1:]}."})


_YES_OR_NO: Final = {
    **dict.fromkeys(("true", "on", "y", "yes", "1"), "yes"), **dict.fromkeys(("false", "off", "n", "no", "0"), "no"),
}  # fmt: skip


def yes_or_no(text: str) -> str:
    """What a word for true or false is called here; "" for any other word."""
    return _YES_OR_NO.get(text.lower(), "")


def _usual_type(text: str) -> str:
    """`ORM_O01` or `orm-o01` as `ORM^O01`."""
    return re.sub("[^A-Z0-9]", "^", text.upper())


def _usual_path(text: str) -> str:
    """`PID.3.1`, `pid-3-1` or `PID_3` as `PID-3.1` and `PID-3`."""
    segment, *numbers = re.split("[-._]", text.strip())
    return f"{segment.upper()}-{'.'.join(numbers)}"


def _form(
    pattern: re.Pattern[str], form: str, usual: Callable[[str], str] = lambda text: "", example: str = ""
) -> Callable[[str], Wrong | None]:
    """A check by a pattern. `usual`: how a text of another tool's spelling is written here, where it has this form then;
    `example`: what is shown where it has not."""

    def check(text: str) -> Wrong | None:
        if pattern.fullmatch(text):
            return None
        meant = usual(text)
        if pattern.fullmatch(meant):
            return Wrong("SW0726", {"form": form, "nearest": meant})
        return Wrong("SW0726", {"form": form, "example": example})

    return check


CHECKS: Final[dict[str, Callable[[str], Wrong | None]]] = {
    "zone": _zone,
    "charset": _charset,
    "separators": _separators,
    "secret": _secret,
    "duration": _duration,
    "address": _address,
    "network": _network,
    "limit": _limit,
    "pattern": _pattern,
    "csv": _form(_CSV, "the name of a CSV file beside org.yaml, such as `icd10_subset.csv`"),
    "csv_or_none": _form(
        re.compile(rf"none|{_CSV.pattern}"),
        "the name of a CSV file beside org.yaml, such as `suggestions.csv`, or `none`",
    ),
    "name": _form(_NAME, "a name in small letters, such as `ecg_result` or `mercy-test`"),
    "message": _form(
        _MESSAGE,
        "a message type such as `ORU^R01`",
        _usual_type,
        "ORM^O01",
    ),
    "path": _form(_PATH, "an HL7 path such as `PID-3.1`", _usual_path),
    "limited": _form(_LIMITED, "a data type, perhaps with its component, such as `ST` or `HD.1`"),
    "oid": _form(_OID, "an OID such as `2.16.840.1.113883.19.5`"),
    "replacement": _replacement,
    "character": _form(re.compile(r"(?s)."), "one character"),
}
