"""A mapping change that waits for a reviewer in the demonstration: one word of a shared table, as `segwright propose` puts it.

The workspace is copied and edited, compared with the one of this repository, and put to the server's pages. Nothing of the
repository is changed, and what is approved on the pages counts nowhere else: no workspace trusts the key of a demonstration."""

from __future__ import annotations

import json
import os
import secrets
import shutil
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from segwright.service.reviewing import compared, proposed
from segwright.web.proposing import propose

TABLE = "mappings/shared/tables.seg"
ROW = '"8633-0" ^ "QRS duration"'
BECAUSE = "QRS duration is coded with LNC instead of LN, as the laboratories write it from 2027 on"


def settings(folder: Path) -> list[str]:
    """What lets a server's reviewers sign, and somebody propose; a key and a token of this demonstration alone."""
    key, token = folder / "review.key", folder / "propose.token"
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption())
    key.write_bytes(Ed25519PrivateKey.generate().private_bytes(*form))
    token.write_text(secrets.token_urlsafe(32))
    return [
        "[approvals]", f'sign = "file:{key}"', 'server = "demonstration"', "[approvals.proposers]", f'analyst = ["file:{token}"]',
    ]  # fmt: skip


def made(root: Path, folder: Path) -> bytes:
    """The change of the workspace in `root`, compared: some seconds of work."""
    changed = folder / "changed"
    for name in ("mappings", "orgs", "snapshots"):
        shutil.copytree(root / name, changed / name)
    shutil.copy(root / "review.yaml", changed)
    lines = (changed / TABLE).read_text().splitlines(keepends=True)
    (at,) = [number for number, line in enumerate(lines) if ROW in line]
    lines[at] = lines[at].replace('"LN"', '"LNC"')
    (changed / TABLE).write_text("".join(lines))
    found = json.loads(proposed(compared(changed, str(root), os.environ), "production", BECAUSE))
    found["review"]["base"] = "the mappings of this repository"  # else the folder that they are in
    return json.dumps(found).encode()


def put(server: str, folder: Path, change: bytes) -> int:
    """Puts it to a server; gives its number."""
    return propose(server, (folder / "propose.token").read_text(), change).proposal
