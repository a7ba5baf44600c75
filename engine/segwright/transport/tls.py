"""TLS: contexts from PEM bytes, and what a certificate says about itself.

Takes the bytes that a secret reference stands for, never a reference or a path; gives `ssl` contexts and `Certificate`s. Refuses
what is no usable identity or authority with `TlsMistake`, which names no part of a key. TLS 1.2 is the least; a client checks the
server's chain and name, a server with authorities for clients demands a certificate of each.
"""

from __future__ import annotations

import os
import ssl
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Final

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256

ALERT_DAYS: Final = (30, 14, 7)
"""How many days before a certificate expires people are told."""


class TlsMistake(ValueError):
    """An identity or authority that cannot be used, as one plain sentence."""


class Certificate(msgspec.Struct, frozen=True):
    """A certificate. `fingerprint`: SHA-256 as 64 small hexadecimal digits; `names`: the DNS names, addresses, URIs and mail
    addresses it is for (subjectAltName), small letters; times in UTC."""

    fingerprint: str
    names: tuple[str, ...]
    not_before: datetime
    not_after: datetime

    def days_left(self, now: datetime) -> int:
        """Whole days until it expires; below 0 when it has. `now` has a zone."""
        return (self.not_after - now) // timedelta(days=1)


def expiry_alert(certificates: Iterable[Certificate], now: datetime) -> int | None:
    """The least of `ALERT_DAYS` within which the first of these certificates expires, 0 when it has expired; None when there is
    time."""
    left = min((certificate.days_left(now) for certificate in certificates), default=max(ALERT_DAYS) + 1)
    return 0 if left < 0 else min((days for days in ALERT_DAYS if left < days), default=None)


def certificates_in(pem: bytes) -> tuple[Certificate, ...]:
    """The certificates of a PEM text, in order: of an identity the first is its own. Raises `TlsMistake` when there is none."""
    try:
        return tuple(map(_described, x509.load_pem_x509_certificates(pem)))
    except ValueError:
        raise TlsMistake("no certificate that can be read stands in it (PEM is expected)") from None


def peer_certificate(tls: ssl.SSLObject | ssl.SSLSocket) -> Certificate | None:
    """What the other side of a connection presented; None when nothing that can be read."""
    der = tls.getpeercert(binary_form=True)
    try:
        return _described(x509.load_der_x509_certificate(der)) if der else None
    except ValueError:
        return None


def client_key(text: str) -> str:
    """A client as organisations write it (SHA-256 fingerprint in any spelling, or a name), as `Certificate` spells it."""
    plain = text.strip().lower()
    digits = plain.removeprefix("sha256:").replace(":", "").replace(" ", "")
    return digits if len(digits) == 64 and set(digits) <= set("0123456789abcdef") else plain


def client_context(*, identity: bytes = b"", trust: bytes = b"") -> ssl.SSLContext:
    """How we connect. `identity`: our certificate, its chain and its private key; `trust`: authorities, or the very certificates,
    that we accept instead of those of the machine."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if trust:
        _trust(context, trust)
    else:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    if identity:
        _identify(context, identity)
    return context


def server_context(*, identity: bytes, clients: bytes = b"") -> ssl.SSLContext:
    """How we are connected to. `clients`: authorities, or the very certificates, of which every client must show one; without,
    clients are not asked."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    _identify(context, identity)
    if clients:
        _trust(context, clients)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def _described(certificate: x509.Certificate) -> Certificate:
    return Certificate(
        certificate.fingerprint(SHA256()).hex(),
        _names(certificate),
        certificate.not_valid_before_utc,
        certificate.not_valid_after_utc,
    )


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return ()
    kinds = (x509.DNSName, x509.IPAddress, x509.UniformResourceIdentifier, x509.RFC822Name)
    return tuple(str(name.value).lower() for name in found if isinstance(name, kinds))


def _trust(context: ssl.SSLContext, pem: bytes) -> None:
    certificates_in(pem)
    # What is given is trusted as it is: hospitals hand out self-signed certificates, or one below their authority.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    try:
        context.load_verify_locations(cadata=pem.decode("ascii", "ignore"))
    except ssl.SSLError:
        raise TlsMistake("the authorities in it cannot be read") from None


def _identify(context: ssl.SSLContext, pem: bytes) -> None:
    certificates_in(pem)
    with _as_file(pem) as path:
        try:
            # A password callback, because OpenSSL would else ask on the terminal.
            context.load_cert_chain(path, password=lambda: b"")
        except (ssl.SSLError, ValueError) as error:
            raise TlsMistake(_what_is_wrong(str(getattr(error, "reason", "")))) from None


def _what_is_wrong(reason: str) -> str:
    if reason == "KEY_VALUES_MISMATCH":
        return "the private key in it belongs to another certificate"
    if reason.endswith(("TOO_SMALL", "TOO_WEAK")):
        return f"its certificate is too weak to be used ({reason})"
    return "no private key that can be read stands in it; a key with a passphrase cannot be read"


@contextmanager
def _as_file(pem: bytes) -> Iterator[str]:
    """Python loads keys from files only. Where the machine can, the file is in memory; else it is ours alone, and short-lived."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("identity")
        try:
            with os.fdopen(descriptor, "wb", closefd=False) as file:
                file.write(pem)
            yield f"/proc/self/fd/{descriptor}"
        finally:
            os.close(descriptor)
    else:
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "identity.pem")
            with open(path, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
                file.write(pem)
            yield path
