"""A change of a shared table as `segwright propose` would put it, and a server that takes it: made once, used by many tests."""

from __future__ import annotations

import gzip
import json
import os
import shutil
from functools import cache
from pathlib import Path

import httpx2
from cryptography.hazmat.primitives import serialization

from segwright.review.document import Proposal, decoded_proposal
from tests.plan.signing import Key
from tests.review.brute_force import copied, edited
from tests.web.servers import ROOT, Server

TABLES = "mappings/shared/tables.seg"
LN = ('"8633-0" ^ "QRS duration"           ^ "LN"', '"8633-0" ^ "QRS duration"           ^ "LNC"')
BECAUSE = "LNC instead of LN, as the laboratories write it from 2027 on"
SERVER = Key("review.hospital.example")
TOKENS = {"analyst.larkspur": "p" * 32, "ci": "c" * 32, "reviewer.larkspur": "r" * 32}


def private(key: Key) -> bytes:
    """A key as ssh-keygen writes it."""
    return bytes(
        key.private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
        )
    )


@cache
def change(folder: Path) -> bytes:
    """The proposal of a change that moves OBX-3.3 of three hospitals, and more of one of them."""
    from segwright.service.reviewing import compared, proposed

    root = copied(folder / "changed")
    shutil.copy(ROOT / "review.yaml", root)
    edited(root, TABLES, *LN)
    edited(
        root, "orgs/larkspur/ecg_result.seg", "add measurement OBX-23.1 = org.performing.name",
        'add measurement OBX-23.1 = "ECG lab"',
    )  # fmt: skip
    found = json.loads(proposed(compared(root, str(ROOT), os.environ), "production", BECAUSE))
    found["review"] |= {"base": "what is approved", "revision": "4f2a1c9e07d3b5a8"}
    return json.dumps(found).encode()


def opened(data: bytes) -> Proposal:
    return decoded_proposal(data)


def with_hashes(data: bytes, org: str, letter: str, because: str = "") -> bytes:
    """The same change, but an organisation has other hashes, as after a further edit."""
    found = json.loads(data)
    found["because"] = because or found["because"]
    for hospital in found["review"]["hospitals"]:
        if hospital["name"] == org:
            for binding in hospital["environments"].values():
                binding["items"] = dict.fromkeys(binding["items"], letter * 64)
    return json.dumps(found).encode()


class Signing(Server):
    """A server that signs what its accounts approve, and takes proposals. `signs`: whether it has a key."""

    def __init__(
        self,
        folder: Path,
        database: str,
        bundles: Path,
        *,
        signs: bool = True,
        trusted: str | None = None,
        **given: object,
    ) -> None:
        self.signs = signs
        self.keys = folder / "trusted"
        ours = SERVER.trusted('namespaces="segwright-accounts/*"')
        self.keys.write_text(trusted if trusted is not None else ours)
        (folder / "review.key").write_bytes(private(SERVER))
        super().__init__(folder, database, bundles, **given)  # type: ignore[arg-type]

    def _settings(self) -> str:
        lines = [super()._settings(), "[approvals]", f'keys = "{self.keys}"', 'server = "review.hospital.example"']
        if self.signs:
            lines.append(f'sign = "file:{self.folder / "review.key"}"')
        lines.append("[approvals.proposers]")
        for name, token in TOKENS.items():
            file = self.folder / f"{name}.token"
            file.write_text(token)
            lines.append(f'"{name}" = ["file:{file}"]')
        return "\n".join(lines)

    def propose(self, data: bytes, who: str = "analyst.larkspur") -> httpx2.Response:
        return httpx2.post(
            self.url + "/v1/proposals", content=gzip.compress(data), timeout=60,
            headers={"Authorization": f"Bearer {TOKENS[who]}", "Content-Encoding": "gzip", "Content-Type": "application/json"},
        )  # fmt: skip

    def proposed(self, data: bytes, who: str = "analyst.larkspur") -> int:
        answer = self.propose(data, who)
        assert answer.status_code in (200, 201), answer.text
        return int(answer.json()["proposal"])

    def approvals(self, number: int, who: str = "analyst.larkspur") -> httpx2.Response:
        return httpx2.get(
            f"{self.url}/v1/proposals/{number}/approvals",
            headers={"Authorization": f"Bearer {TOKENS[who]}"},
            timeout=60,
        )
