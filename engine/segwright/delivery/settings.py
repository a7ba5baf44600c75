"""The server's own settings: one TOML file beside the bundles, about this machine and nothing about a hospital's messages.

Takes the text of the file; gives `Settings`, or every fault of it with its place. What a hospital wants stands in its
org.yaml and is part of its approved bundle; here stand addresses to listen on, where the ledger is, and where secrets are
kept. Secrets are references (`env:NAME`, `file:/path`), resolved by `secret` when they are used.

    environment = "test"
    bundles = "bundles"                       # a folder: bundles/<organisation>/<environment>
    database = "sqlite:///ledger.db"          # or postgresql+psycopg://…

    [listeners.mercy-test]                    # the name that org.yaml gives
    address = "0.0.0.0:2575"
    networks = ["10.20.0.0/16"]
    tls = {identity = "file:/etc/segwright/ours.pem", clients = "file:/etc/segwright/mercy-ca.pem"}

    [api]
    address = "127.0.0.1:8080"
    operators = ["env:OPERATORS_TOKEN"]       # opens /metrics from other machines
    [api.tokens]                              # organisation → where its token is kept
    mercy = ["env:MERCY_TOKEN"]

    [pages]                                   # the pages in the browser, at the same address as the API
    address = "https://segwright.mercy.example"   # as people reach them; https: cookies are sent over TLS only
    idle_minutes = 30                         # a session that is not used ends
    proxies = ["10.20.0.7/32"]                # whose X-Forwarded-For is believed, for the limit of wrong passwords
    [pages.oidc]                              # sign in by a provider (OpenID Connect), beside passwords
    issuer = "https://login.mercy.example"
    client = "segwright"
    secret = "env:OIDC_SECRET"

    [approvals]
    keys = "/etc/segwright/trusted"           # whose signatures count; production runs nothing that they did not approve
    approvers = 1                             # people who must have approved anything, whatever a lock says
    sign = "file:/etc/segwright/review.key"   # the key by which this server says what its accounts approved on the pages
    server = "review.mercy.example"           # how the trusted keys call this server
    [approvals.proposers]                     # account → where its token for `segwright propose` is kept
    "a.novak" = ["env:NOVAK_TOKEN"]

    [codes]
    editions = "/var/lib/segwright/codes"     # further editions of ICD-10-CM, as `segwright codes import` writes them

    [instead.mercy.outbound]                  # not in production: another place for a destination
    address = "127.0.0.1:7661"
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

Address = Annotated[str, Meta(pattern=r"^(\[[0-9a-fA-F:]+\]|[^:\s]+):[0-9]{1,5}$")]
Secret = Annotated[str, Meta(pattern=r"^(env:[A-Za-z_][A-Za-z0-9_]*|file:.+)$")]

LARGEST: Final = 1 << 20
"""Bytes of a file of settings."""
LARGEST_SECRET: Final = 1 << 20


class ServerTls(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a listener proves who it is, and whose client certificates it takes ("" asks for none)."""

    identity: Secret
    clients: Secret | Literal[""] = ""


class ListenerSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a listener listens. Without TLS, in production, `plain_because` says why, and `networks` who may come."""

    address: Address
    tls: ServerTls | None = None
    networks: tuple[str, ...] = ()
    plain_because: str = ""


class ApiSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the API listens, and the tokens of each organisation (several, while one is being replaced). `operators`: tokens
    that open /metrics from other machines. Without TLS, in production, `plain_because` says why it is not on loopback."""

    address: Address = "127.0.0.1:8080"
    tokens: dict[str, tuple[Secret, ...]] = {}
    operators: tuple[Secret, ...] = ()
    tls: ServerTls | None = None
    plain_because: str = ""


class OidcSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A provider of sign-ins by OpenID Connect. `client` and `secret`: as it registered us; `name`: what the button says."""

    issuer: Annotated[str, Meta(pattern=r"^https?://[^\s?#]+$")]
    client: Annotated[str, Meta(min_length=1)]
    secret: Secret
    name: Annotated[str, Meta(min_length=1, max_length=60)] = "your hospital's sign-in"


class PagesSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The pages in the browser, served where the API is. `serve`: whether at all; `address`: how people reach them, "" when that
    is the API's own address; `proxies`: networks of proxies whose X-Forwarded-For is believed. A session ends after
    `idle_minutes` without use, and after `longest_hours` in any case."""

    serve: bool = True
    address: Annotated[str, Meta(pattern=r"^(https?://[^\s/?#]+)?$")] = ""
    idle_minutes: Annotated[int, Meta(ge=1, le=720)] = 30
    longest_hours: Annotated[int, Meta(ge=1, le=24)] = 12
    proxies: tuple[str, ...] = ()
    oidc: OidcSettings | None = None


class Instead(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Another place for a destination, such as a simulated hospital. Never in production."""

    address: Address


class ApprovalSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whose approvals count: a file of trusted keys (OpenSSH's allowed_signers), and how many people must approve at least.
    `sign`: the key by which this server says which of its accounts approved on its pages ("": nobody approves there);
    `server`: its name among the trusted keys. `proposers`: the accounts that may put changes to reviewers, each with its
    tokens. `keep_days`: how long messages before and after are kept of proposals that are decided or overtaken."""

    keys: str = ""
    approvers: Annotated[int, Meta(ge=1)] = 1
    sign: Secret | Literal[""] = ""
    server: Annotated[str, Meta(max_length=100)] = ""
    proposers: dict[Annotated[str, Meta(min_length=1, max_length=100)], tuple[Secret, ...]] = {}
    keep_days: Annotated[int, Meta(ge=1, le=36_500)] = 180


class CodeSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where further editions of ICD-10-CM are kept, beside those that come with segwright: a folder that `segwright codes
    import` writes into; "" for none. They are read when the server starts."""

    editions: str = ""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file."""

    environment: Annotated[str, Meta(min_length=1)]
    bundles: str
    database: str
    listeners: dict[str, ListenerSettings] = {}
    api: ApiSettings = ApiSettings()
    pages: PagesSettings = PagesSettings()
    approvals: ApprovalSettings = ApprovalSettings()
    codes: CodeSettings = CodeSettings()
    instead: dict[str, dict[str, Instead]] = {}
    organisations: tuple[str, ...] = ()
    """Those that are served; () serves every bundle of the environment."""


class SettingsRefused(Exception):
    """Settings that cannot be used, and why."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


def read(path: Path) -> Settings:
    """The settings in a file. Raises `SettingsRefused`."""
    try:
        with path.open("rb") as file:
            text = file.read(LARGEST + 1)
    except OSError as error:
        raise SettingsRefused([f"{path}: it cannot be read ({error.strerror or type(error).__name__})"]) from None
    if len(text) > LARGEST:
        raise SettingsRefused([f"{path}: it has more than {LARGEST:,} bytes, which no settings need"])
    return parsed(text, str(path))


def parsed(text: bytes, name: str) -> Settings:
    """The settings in a text."""
    try:
        found = msgspec.convert(tomllib.loads(text.decode()), Settings)
    except UnicodeDecodeError:
        raise SettingsRefused([f"{name}: it is not UTF-8"]) from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsRefused([f"{name}: it is no TOML ({error})"]) from None
    except msgspec.ValidationError as error:
        raise SettingsRefused([f"{name}: {_plain(str(error))}"]) from None
    faults = [f"{name}: {fault}" for fault in _faults(found)]
    if faults:
        raise SettingsRefused(faults)
    return found


def _plain(text: str) -> str:
    """The decoder's sentence with the place as the file has it."""
    said, _, place = text.partition(" - at `$")
    return f"{place.rstrip('`').lstrip('.')}: {said}" if place else said


def _faults(settings: Settings) -> list[str]:
    out = []
    production = settings.environment == "production"
    if production and settings.instead:
        out.append("instead: production sends to the destinations of its approved bundles and nowhere else")
    if production and not settings.approvals.keys:
        out.append(
            "approvals: production runs only what was approved; `keys` names the file of those whose signatures count"
        )
    for name, listener in settings.listeners.items():
        if listener.tls is None and not listener.networks:
            out.append(f"listeners.{name}: without TLS it must say in `networks` where connections may come from")
        if production and listener.tls is None and len(listener.plain_because) < 10:
            out.append(f"listeners.{name}: without TLS, production needs `plain_because` with the reason")
        if not 0 <= split(listener.address)[1] <= 65535:
            out.append(f"listeners.{name}: the port is not 0 to 65535")
    host, port = split(settings.api.address)
    if not 0 <= port <= 65535:
        out.append("api: the port is not 0 to 65535")
    plain = settings.api.tls is None and host not in ("127.0.0.1", "::1", "localhost")
    if production and plain and len(settings.api.plain_because) < 10:
        out.append("api: without TLS and not on loopback, production needs `plain_because` with the reason")
    return out + _faults_of_pages(settings)


def _faults_of_pages(settings: Settings) -> list[str]:
    pages, out = settings.pages, []
    for network in pages.proxies:
        try:
            ip_network(network)
        except ValueError:
            out.append(f"pages.proxies: {network} is no network such as 10.20.0.7/32")
    if pages.oidc is None:
        return out
    if not pages.address:
        out.append("pages: with oidc it needs `address`: the provider sends people back to it")
    if settings.environment == "production":
        places = {"pages.address": pages.address, "pages.oidc.issuer": pages.oidc.issuer}
        out += [
            f"{name}: production needs https" for name, url in places.items() if url and not url.startswith("https:")
        ]
    return out


def split(address: str) -> tuple[str, int]:
    """Host and port."""
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


class SecretMissing(Exception):
    """A reference behind which there is nothing that can be read. Names the reference, never what it holds."""


def secret(reference: str, environ: Mapping[str, str]) -> bytes:
    """What a reference stands for."""
    kind, _, name = reference.partition(":")
    if kind == "env":
        if name not in environ:
            raise SecretMissing(f"the environment variable {name} is not set")
        return environ[name].encode()
    try:
        with open(name, "rb") as file:
            found = file.read(LARGEST_SECRET + 1)
    except OSError as error:
        raise SecretMissing(f"{name} cannot be read ({error.strerror or type(error).__name__})") from None
    if len(found) > LARGEST_SECRET or not re.search(rb"\S", found):
        raise SecretMissing(f"{name} is empty or too large to be a secret")
    return found
