"""Certificates for the tests: an authority, and another that nobody trusts."""

from __future__ import annotations

import pytest
import trustme


class Authority:
    """Issues identities as PEM."""

    def __init__(self) -> None:
        self._ca = trustme.CA()
        self.pem = self._ca.cert_pem.bytes()

    def identity(self, *names: str, **options) -> bytes:
        """Certificate, chain and key for these names (default: loopback)."""
        issued = self._ca.issue_cert(*(names or ("127.0.0.1", "localhost")), **options)
        return b"".join(blob.bytes() for blob in (*issued.cert_chain_pems, issued.private_key_pem))


@pytest.fixture(scope="session")
def authority() -> Authority:
    return Authority()


@pytest.fixture(scope="session")
def stranger() -> Authority:
    return Authority()
