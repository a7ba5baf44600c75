"""Signatures as `ssh-keygen -Y sign` makes them (OpenSSH's PROTOCOL.sshsig), verified without OpenSSH.

Takes a signature, the bytes it is for, and a namespace; gives the public key that made it. Refuses, with
`SignatureRefused`, what is no such signature, is for other bytes or another namespace, or by a key that is too weak.
Whether the key is trusted is asked by the caller. Keys: Ed25519, ECDSA on the NIST curves, RSA from 2,048 bits with SHA-2,
and both kinds on security keys (FIDO), which must have been touched.

Verifying needs the library `cryptography` and nothing of the machine: production has no OpenSSH on board and starts no
process. Signing is OpenSSH's own affair where people do it: it knows agents, passphrases and security keys. A server, which has
a key and no person beside it, signs here, with Ed25519.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable
from typing import Any, Final

import msgspec

LARGEST: Final = 16 * 1024
"""Bytes of a signature."""

_MAGIC: Final = b"SSHSIG"
_HASHES: Final[dict[str, Callable[..., Any]]] = {"sha256": hashlib.sha256, "sha512": hashlib.sha512}
_RSA_BITS: Final = 2048
_TOUCHED: Final = 0x01
_CURVES: Final = {
    "nistp256": ("SECP256R1", "SHA256"),
    "nistp384": ("SECP384R1", "SHA384"),
    "nistp521": ("SECP521R1", "SHA512"),
}


class SignatureRefused(Exception):
    """A signature that proves nothing. `reason` says why, in words."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class PublicKey(msgspec.Struct, frozen=True):
    """A public key as SSH writes it: its `type` ("ssh-ed25519") and its bytes."""

    type: str
    blob: bytes

    @property
    def fingerprint(self) -> str:
        """As `ssh-keygen -l` prints it: `SHA256:…`."""
        return "SHA256:" + base64.b64encode(hashlib.sha256(self.blob).digest()).decode().rstrip("=")


def public_key(type_: str, text: str) -> PublicKey:
    """A key from its type and base64. Raises `SignatureRefused`."""
    blob = _decoded(text)
    reader = _Reader(blob)
    if reader.text() != type_:
        raise SignatureRefused("the key is not of the type that stands before it")
    while not reader.ended:
        reader.bytes()
    return PublicKey(type_, blob)


def verify(signature: str, data: bytes, namespace: str) -> PublicKey:
    """The key that signed `data` for `namespace`. `signature`: base64, or armoured as `ssh-keygen` writes it."""
    reader = _Reader(_decoded(_unarmoured(signature)))
    if reader.take(len(_MAGIC)) != _MAGIC or reader.number() != 1:
        raise SignatureRefused("it is no SSH signature")
    blob, given, reserved, hash_name, made = (
        reader.bytes(),
        reader.text(),
        reader.bytes(),
        reader.text(),
        reader.bytes(),
    )
    reader.end()
    if given != namespace:
        raise SignatureRefused(f"it was made for {given or 'nothing'}, not for {namespace}")
    if hash_name not in _HASHES:
        raise SignatureRefused("its hash is none that this engine takes")
    digest = _HASHES[hash_name](data).digest()
    signed = _MAGIC + b"".join(_string(part) for part in (given.encode(), reserved, hash_name.encode(), digest))
    key = PublicKey(_Reader(blob).text(), blob)
    _verify(key, made, signed)
    return key


class PrivateKey:
    """A server's key: Ed25519, as `ssh-keygen -t ed25519 -N ""` writes it."""

    def __init__(self, text: bytes) -> None:
        """Raises `SignatureRefused` for what is no such key."""
        try:
            from cryptography.exceptions import UnsupportedAlgorithm
            from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
            from cryptography.hazmat.primitives.serialization import load_ssh_private_key
        except ImportError:
            raise SignatureRefused("the library `cryptography`, which signs, is not installed") from None
        try:
            found = load_ssh_private_key(text, password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise SignatureRefused("it is no private key as OpenSSH writes them, or has a passphrase") from None
        if not isinstance(found, Ed25519PrivateKey):
            raise SignatureRefused("it is no key of the type ssh-ed25519")
        self._key = found
        raw = found.public_key().public_bytes_raw()
        self.public = PublicKey("ssh-ed25519", _string(b"ssh-ed25519") + _string(raw))

    def sign(self, data: bytes, namespace: str) -> str:
        """The signature of `data` for `namespace`, in base64, byte for byte as `ssh-keygen -Y sign` makes it."""
        head = [namespace.encode(), b"", b"sha512"]
        signed = _MAGIC + b"".join(map(_string, [*head, hashlib.sha512(data).digest()]))
        made = _string(b"ssh-ed25519") + _string(self._key.sign(signed))
        parts = b"".join(map(_string, [self.public.blob, *head, made]))
        return base64.b64encode(_MAGIC + (1).to_bytes(4, "big") + parts).decode()


def _unarmoured(text: str) -> str:
    lines = [line.strip() for line in text.strip().splitlines()]
    if lines[:1] == ["-----BEGIN SSH SIGNATURE-----"] and lines[-1:] == ["-----END SSH SIGNATURE-----"]:
        lines = lines[1:-1]
    return "".join(lines)


def _decoded(text: str) -> bytes:
    if len(text) > LARGEST:
        raise SignatureRefused("it is too long")
    try:
        found = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise SignatureRefused("it is no base64") from None
    # The last letter may have bits that say nothing (RFC 4648, 3.5): one signature is written in one way.
    if base64.b64encode(found).decode() != text:
        raise SignatureRefused("it is no base64")
    return found


def _string(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


class _Reader:
    """Reads SSH's wire format: numbers of four bytes, strings behind their length."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, count: int) -> bytes:
        """The next bytes."""
        found = self._data[self._at : self._at + count]
        if len(found) != count:
            raise SignatureRefused("it is cut off")
        self._at += count
        return found

    def number(self) -> int:
        """A number."""
        return int.from_bytes(self.take(4), "big")

    def bytes(self) -> bytes:
        """A string."""
        return self.take(self.number())

    def text(self) -> str:
        """A string of letters."""
        try:
            return self.bytes().decode("ascii")
        except UnicodeDecodeError:
            raise SignatureRefused("a name in it is none") from None

    @property
    def ended(self) -> bool:
        """Whether all of it was read."""
        return self._at == len(self._data)

    def end(self) -> None:
        """Nothing follows."""
        if not self.ended:
            raise SignatureRefused("something follows it")


# --- by kind of key ------------------------------------------------------------------------------------------------------


def _verify(key: PublicKey, made: bytes, signed: bytes) -> None:
    """Raises `SignatureRefused` unless `made` is the key's signature of `signed`."""
    try:
        from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    except ImportError:
        raise SignatureRefused("the library `cryptography`, which verifies signatures, is not installed") from None
    reader = _Reader(made)
    form, value = reader.text(), reader.bytes()
    try:
        if key.type.startswith("sk-"):
            flags, counter = reader.take(1), reader.take(4)
            reader.end()
            _security_key(key, form, value, signed, flags, counter)
        else:
            reader.end()
            _plain_key(key, form, value, signed)
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
        raise SignatureRefused("it does not fit what was signed") from None


def _plain_key(key: PublicKey, form: str, value: bytes, signed: bytes) -> None:
    if key.type == "ssh-ed25519" and form == key.type:
        reader = _Reader(key.blob)
        reader.text()
        _ed25519(reader.bytes(), value, signed)
    elif key.type.startswith("ecdsa-sha2-") and form == key.type:
        reader = _Reader(key.blob)
        reader.text()
        _ecdsa(reader.text(), reader.bytes(), value, signed)
    elif key.type == "ssh-rsa" and form in ("rsa-sha2-256", "rsa-sha2-512"):
        _rsa(key, form, value, signed)
    else:
        raise SignatureRefused(f"keys of the type {key.type} are not taken for it")


def _security_key(key: PublicKey, form: str, value: bytes, signed: bytes, flags: bytes, counter: bytes) -> None:
    if form != key.type:
        raise SignatureRefused(f"keys of the type {key.type} are not taken for it")
    if not flags[0] & _TOUCHED:
        raise SignatureRefused("the security key was not touched for it")
    reader = _Reader(key.blob)
    reader.text()
    curve = reader.text() if key.type.startswith("sk-ecdsa") else ""
    point, application = reader.bytes(), reader.bytes()
    proven = hashlib.sha256(application).digest() + flags + counter + hashlib.sha256(signed).digest()
    if key.type == "sk-ssh-ed25519@openssh.com":
        _ed25519(point, value, proven)
    elif key.type == "sk-ecdsa-sha2-nistp256@openssh.com":
        _ecdsa(curve, point, value, proven)
    else:
        raise SignatureRefused(f"keys of the type {key.type} are not taken for it")


def _ed25519(point: bytes, value: bytes, signed: bytes) -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    Ed25519PublicKey.from_public_bytes(point).verify(value, signed)


def _ecdsa(curve: str, point: bytes, value: bytes, signed: bytes) -> None:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

    if curve not in _CURVES:
        raise SignatureRefused("its curve is none that this engine takes")
    name, hash_name = _CURVES[curve]
    reader = _Reader(value)
    r, s = (int.from_bytes(reader.bytes(), "big") for _ in range(2))
    reader.end()
    key = ec.EllipticCurvePublicKey.from_encoded_point(getattr(ec, name)(), point)
    key.verify(encode_dss_signature(r, s), signed, ec.ECDSA(getattr(hashes, hash_name)()))


def _rsa(key: PublicKey, form: str, value: bytes, signed: bytes) -> None:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers

    reader = _Reader(key.blob)
    reader.text()
    exponent, modulus = (int.from_bytes(reader.bytes(), "big") for _ in range(2))
    if modulus.bit_length() < _RSA_BITS:
        raise SignatureRefused(f"its RSA key has fewer than {_RSA_BITS:,} bits")
    hash_ = hashes.SHA256() if form == "rsa-sha2-256" else hashes.SHA512()
    RSAPublicNumbers(exponent, modulus).public_key().verify(value, signed, padding.PKCS1v15(), hash_)
