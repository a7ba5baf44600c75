"""The embedded default: a workspace served as it is, with everything under `.segwright/`.

Takes a workspace; compiles it, and gives settings for its `test` environment: one SQLite file, loopback ports, a token for each
organisation. Ports and tokens stay the same from one start to the next. Nothing is sent to the hospitals' own addresses: what
goes out goes to loopback ports, where `segwright simulate` may listen. Changes can be proposed to its pages and approved
there, with a key that only counts where somebody trusts it."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from segwright.cli.ledger_access import HOME

if TYPE_CHECKING:
    from segwright.delivery.settings import Settings
    from segwright.service.compiling import CompiledWorkspace

ENVIRONMENT = "test"
PROPOSING = "propose.token"
"""The file with the token for `segwright propose`."""


def home_of(root: Path) -> Path:
    """The folder, made if it is not there; only its owner may look into it, and git does not see it."""
    home = root / HOME
    home.mkdir(mode=0o700, exist_ok=True)
    (home / ".gitignore").write_text("*\n")
    return home


def write_bundles_of(compiled: CompiledWorkspace, home: Path) -> list[str]:
    """Writes the bundles; gives the organisations that have one for the environment. Raises OSError, `BundleRefused`."""
    from segwright.service.bundling import write_bundles

    names = [name for name, organisation in compiled.organisations.items() if ENVIRONMENT in organisation.messages]
    for name in names:
        write_bundles(home / "bundles", compiled.organisations[name], compiled.sources)
    return names


def settings_for(home: Path, names: Iterable[str], database: str) -> Settings:
    """The settings, as `settings.toml` holds them afterwards."""
    from segwright.delivery.settings import SettingsRefused, parsed, read
    from segwright.plan.bundle import read_bundle

    file = home / "settings.toml"
    try:
        before: Settings | None = read(file)
    except SettingsRefused:
        before = None
    taken: set[int] = set()
    listeners, instead, tokens = {}, {}, {}
    for name in names:
        manifest = read_bundle(
            home / "bundles" / name / ENVIRONMENT, organisation=name, environment=ENVIRONMENT
        ).manifest
        listener = manifest.listener.name
        known = before.listeners.get(listener) if before else None
        if listener not in listeners:
            listeners[listener] = _address(known.address if known else "", taken)
        places = before.instead.get(name, {}) if before else {}
        instead[name] = {
            destination: _address(places[destination].address if destination in places else "", taken, bind=False)
            for destination in manifest.destinations
        }
        tokens[name] = _token(home / f"{name}.token")
    api = _address(before.api.address if before else "127.0.0.1:8080", taken)
    codes = home.resolve().parent / "codes"  # the workspace's own editions
    text = _written(database, list(tokens), listeners, instead, tokens, api, str(codes) if codes.is_dir() else "")
    text += _reviewing(_key(home / "review.key"), _token(home / PROPOSING))
    file.write_text(text)
    return parsed(text.encode(), str(file))


def _address(wanted: str, taken: set[int], *, bind: bool = True) -> str:
    """A loopback address that can be had; the wanted one if it can. `bind`: whether it must be free; where something else is to
    listen, it may be listening already."""
    host, _, port = wanted.rpartition(":")
    for number in (int(port) if host == "127.0.0.1" else 0, 0):
        if number in taken:
            continue
        if number and not bind:
            taken.add(number)
            return f"127.0.0.1:{number}"
        try:
            with socket.create_server(("127.0.0.1", number)) as probe:
                found = int(probe.getsockname()[1])
        except OSError:
            continue
        if found not in taken:
            taken.add(found)
            return f"127.0.0.1:{found}"
    return _address("", taken)


def _key(file: Path) -> str:
    """A key that signs what accounts of this server approve, made once. It counts only where a file of trusted keys says so."""
    if not file.is_file():
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        form = (serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption())
        file.touch(mode=0o600)
        file.write_bytes(Ed25519PrivateKey.generate().private_bytes(*form))
    return str(file)


def _token(file: Path) -> str:
    """A token, made once."""
    if not file.is_file():
        file.touch(mode=0o600)
        file.write_text(secrets.token_urlsafe(32) + "\n")
    return str(file)


def _written(
    database: str, names: list[str], listeners: Mapping[str, str], instead: Mapping[str, Mapping[str, str]],
    tokens: Mapping[str, str], api: str, codes: str,
) -> str:  # fmt: skip
    lines = [
        "# Written by `segwright serve`; written anew at each start, with the same ports while they are free.",
        f'environment = "{ENVIRONMENT}"', 'bundles = "bundles"', f"database = {_quoted(database)}",
        f"organisations = [{', '.join(_quoted(name) for name in names)}]", "",
        *(["[codes]", f"editions = {_quoted(codes)}", ""] if codes else []),
        "[api]", f'address = "{api}"', "[api.tokens]",
        *(f"{_quoted(name)} = [{_quoted(f'file:{file}')}]" for name, file in tokens.items()), "",
    ]  # fmt: skip
    for name, address in listeners.items():
        lines += [f"[listeners.{_quoted(name)}]", f'address = "{address}"', 'networks = ["127.0.0.0/8"]', ""]
    for name, places in instead.items():
        for destination, address in places.items():
            lines += [f"[instead.{_quoted(name)}.{_quoted(destination)}]", f'address = "{address}"', ""]
    return "\n".join(lines)


def _reviewing(key: str, token: str) -> str:
    lines = [
        "", "[approvals]", f"sign = {_quoted(f'file:{key}')}", 'server = "workspace"', "[approvals.proposers]",
        f"workspace = [{_quoted(f'file:{token}')}]", "",
    ]  # fmt: skip
    return "\n".join(lines)


def _quoted(text: str) -> str:
    """A basic string of TOML."""
    import json

    return json.dumps(text)
