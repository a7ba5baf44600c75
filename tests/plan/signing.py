"""SSH signatures made in the tests: written from OpenSSH's PROTOCOL.sshsig with `cryptography`, not with what they test."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from segwright.plan.approval import Entry


def string(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


def mpint(number: int) -> bytes:
    return string(number.to_bytes(number.bit_length() // 8 + 1, "big"))


class Key:
    """A key of a person."""

    def __init__(self, name: str, kind: str = "ed25519", bits: int = 2048) -> None:
        self.name = name
        self.private: Any
        if kind == "ed25519":
            self.private = ed25519.Ed25519PrivateKey.from_private_bytes(hashlib.sha256(name.encode()).digest())
        elif kind == "rsa":
            self.private = rsa.generate_private_key(65537, bits)
        else:
            self.private = ec.generate_private_key(getattr(ec, kind)())
        public = self.private.public_key().public_bytes(
            serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
        )
        self.type, self.base64 = public.decode().split()
        self.blob = base64.b64decode(self.base64)

    @property
    def fingerprint(self) -> str:
        return "SHA256:" + base64.b64encode(hashlib.sha256(self.blob).digest()).decode().rstrip("=")

    def trusted(self, options: str = "") -> str:
        """A line of a file of trusted keys."""
        return f"{self.name} {options + ' ' if options else ''}{self.type} {self.base64}\n"

    def sign(self, data: bytes, namespace: str = "segwright-approval", hash_: str = "sha512") -> str:
        """A signature as `ssh-keygen -Y sign` writes it, on one line."""
        digest = hashlib.new(hash_, data).digest()
        signed = b"SSHSIG" + string(namespace.encode()) + string(b"") + string(hash_.encode()) + string(digest)
        made = (
            b"SSHSIG" + (1).to_bytes(4, "big") + string(self.blob) + string(namespace.encode()) + string(b"")
            + string(hash_.encode()) + string(self._raw(signed))
        )  # fmt: skip
        return base64.b64encode(made).decode()

    def _raw(self, signed: bytes) -> bytes:
        if isinstance(self.private, ed25519.Ed25519PrivateKey):
            return string(b"ssh-ed25519") + string(self.private.sign(signed))
        if isinstance(self.private, rsa.RSAPrivateKey):
            return string(b"rsa-sha2-512") + string(self.private.sign(signed, padding.PKCS1v15(), hashes.SHA512()))
        size = {256: hashes.SHA256(), 384: hashes.SHA384(), 521: hashes.SHA512()}[self.private.curve.key_size]
        r, s = decode_dss_signature(self.private.sign(signed, ec.ECDSA(size)))
        return string(self.type.encode()) + string(mpint(r) + mpint(s))

    def word(self, entry: Entry) -> str:
        """A signed line of a lock."""
        import msgspec

        own = msgspec.structs.replace(entry, by=self.fingerprint)
        return msgspec.structs.replace(own, signature=self.sign(own.payload.encode())).line + "\n"
