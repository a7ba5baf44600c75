"""Signing with SSH keys: by OpenSSH's own `ssh-keygen -Y sign`, which knows agents, passphrases and security keys.

Takes the file of a key (private, or the public half of one that an agent holds) and the text to sign; gives the signature
as one line of base64. Refuses, with `CannotSign`, when OpenSSH is not there or does not sign. No private key is ever read
here.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from segwright.plan.signers import NAMESPACE
from segwright.plan.sshsig import PublicKey, SignatureRefused, public_key, verify

_LARGEST: Final = 64 * 1024
"""Bytes of a public key's file that are looked at."""
_BEGIN: Final = "-----BEGIN SSH SIGNATURE-----"
_END: Final = "-----END SSH SIGNATURE-----"


class CannotSign(Exception):
    """There is no signature. Its text says why and what to do."""


class Key:
    """A key to sign with."""

    def __init__(self, path: Path) -> None:
        self.path = path
        if shutil.which("ssh-keygen") is None:
            raise CannotSign("Signing needs OpenSSH: `ssh-keygen` is not installed.")
        if not path.is_file():
            raise CannotSign(
                f"There is no key {path}. Name yours with --key, or make one: ssh-keygen -t ed25519 -f {path}"
            )
        self.public = self._public()

    def _public(self) -> PublicKey:
        """The public half: beside the private one, or the file itself."""
        beside = self.path if self.path.suffix == ".pub" else Path(f"{self.path}.pub")
        if beside.is_file():
            with beside.open("rb") as file:
                text = file.read(_LARGEST).decode("utf-8", "replace")
        else:
            text = _run("-y", "-f", str(self.path)).stdout
        parts = text.split()
        try:
            return public_key(parts[0], parts[1])
        except (IndexError, SignatureRefused):
            held = f"{beside} holds no public key" if beside.is_file() else f"{self.path} is no key that OpenSSH reads"
            raise CannotSign(f"{held}.") from None

    def sign(self, text: str) -> str:
        """The signature of a text."""
        with tempfile.TemporaryDirectory(prefix="segwright-sign-") as folder:
            place = Path(folder) / "entry"
            place.write_bytes(text.encode())
            done = _run("-Y", "sign", "-q", "-n", NAMESPACE, "-f", str(self.path), str(place))
            made = Path(f"{place}.sig")
            if done.returncode or not made.is_file():
                raise CannotSign(
                    f"ssh-keygen did not sign with {self.path}: {done.stderr.strip() or 'no reason given'}"
                )
            armoured = made.read_text(encoding="ascii")
        signature = "".join(armoured.replace(_BEGIN, "").replace(_END, "").split())
        try:
            found = verify(signature, text.encode(), NAMESPACE)
        except SignatureRefused as refused:
            raise CannotSign(f"What {self.path} signed would not be accepted: {refused.reason}.") from None
        if found != self.public:
            raise CannotSign(f"{self.path} and its public half are not one key.")
        return signature


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "LC_ALL": "C"}
    return subprocess.run(
        ["ssh-keygen", *arguments], capture_output=True, text=True, check=False, env=environment, stdin=None
    )
