"""A provider of sign-ins: OpenID Connect, by authorization code with PKCE.

Nothing is kept between the two halves. What has to come back is made of the token in the visitor's own cookie: the state
(when, where to go on, and a seal), the nonce and the verifier. So a code or a state of somebody else's browser is worth
nothing here. Who the provider's `sub` is, an administrator has said before: an account is never made, nor found by a mail
address, by what a provider says."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from typing import Any, Final

import httpx2
import msgspec
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from segwright.delivery.settings import OidcSettings

ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Signatures that need the provider's private key; `none` and shared secrets are no proof."""
WITHIN: Final = 10.0
"""Seconds for each answer of the provider."""
VALID_FOR: Final = 600_000
"""Milliseconds for a person to sign in there."""
KEPT_FOR: Final = 3_600_000
"""Milliseconds that the provider's description and keys are kept."""
LEEWAY: Final = 60
"""Seconds that its clock may differ from ours."""


class NotKnown(Exception):
    """The provider cannot be believed or reached. `reason` is of our own words, for the log."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class _Description(msgspec.Struct, frozen=True):
    """What we use of a provider's own description (OpenID Connect Discovery 1.0, section 3)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)


class Provider:
    """One provider. `back`: the URL of ours that it sends people back to."""

    def __init__(self, settings: OidcSettings, secret: str, back: str) -> None:
        self.settings = settings
        self._secret = secret
        self._back = back
        self._description: tuple[int, _Description] | None = None
        self._keys: tuple[int, Any] | None = None

    async def away(self, token: str, onward: str, now: int) -> str:
        """The URL to sign in at. `token`: of the visitor's cookie; `onward`: where to go on afterwards."""
        said = await self._described(now)
        plain = f"{secrets.token_urlsafe(16)}.{now}.{_text(onward.encode())}"
        state = f"{plain}.{_made(token, 'state', plain)}"
        async with self._client(said) as client:
            url, _ = client.create_authorization_url(
                said.authorization_endpoint, state=state, nonce=_made(token, "nonce", state),
                code_verifier=_made(token, "verifier", state),
            )  # fmt: skip
        return str(url)

    def onward(self, token: str, state: str, now: int) -> str:
        """Where to go on, of a state that this browser was sent away with. Raises `NotKnown`."""
        plain, _, seal = state.rpartition(".")
        if not hmac.compare_digest(seal.encode(), _made(token, "state", plain).encode()):
            raise NotKnown("a state of another browser")
        _, at, where = plain.split(".")
        if not now - VALID_FOR <= int(at) <= now:
            raise NotKnown("a state that is too old")
        return base64.urlsafe_b64decode(where + "=" * (-len(where) % 4)).decode()

    async def subject(self, token: str, state: str, code: str, issuer: str, now: int) -> str:
        """Who signed in, as the provider calls him. `issuer`: as it says itself on the way back, "" where it does not (RFC
        9207). Raises `NotKnown`."""
        if issuer and issuer != self.settings.issuer:
            raise NotKnown("an answer of another issuer")
        said = await self._described(now)
        try:
            async with self._client(said) as client:
                given = await client.fetch_token(
                    said.token_endpoint, grant_type="authorization_code", code=code,
                    code_verifier=_made(token, "verifier", state),
                )  # fmt: skip
        except OAuthError:
            raise NotKnown("the code was refused") from None
        except (httpx2.HTTPError, ValueError):
            raise NotKnown("the token endpoint cannot be used") from None
        proof, access = given.get("id_token"), given.get("access_token")
        if not isinstance(proof, str):
            raise NotKnown("no ID token came")
        return await self._believed(proof, access, _made(token, "nonce", state), now)

    async def _believed(self, proof: str, access: object, nonce: str, now: int) -> str:
        """The subject of an ID token, after everything that OpenID Connect Core 1.0, section 3.1.3.7, asks."""
        client = self.settings.client
        try:
            try:
                found = jwt.decode(proof, await self._key_set(now), algorithms=ALGORITHMS)
            except InvalidKeyIdError:  # they have a new key
                self._keys = None
                found = jwt.decode(proof, await self._key_set(now), algorithms=ALGORITHMS)
            claims = CodeIDToken(
                found.claims, found.header,
                {
                    "iss": {"essential": True, "value": self.settings.issuer}, "aud": {"essential": True, "value": client},
                    "sub": {"essential": True},
                },
                {"nonce": nonce, "client_id": client, "access_token": access},
            )  # fmt: skip
            claims.validate(now=now // 1000, leeway=LEEWAY)
        except (JoseError, ValueError, TypeError) as error:
            raise NotKnown(f"an ID token that does not hold ({type(error).__name__})") from None
        subject = claims["sub"]
        if not isinstance(subject, str) or not subject or len(subject) > 255:
            raise NotKnown("an ID token without a subject")
        return subject

    # --- what the provider says of itself ---

    async def _described(self, now: int) -> _Description:
        if self._description is None or now - self._description[0] > KEPT_FOR:
            url = f"{self.settings.issuer.rstrip('/')}/.well-known/openid-configuration"
            try:
                said = msgspec.convert(await self._json(url), _Description)
            except msgspec.ValidationError:
                raise NotKnown("its description lacks what is needed") from None
            if said.issuer != self.settings.issuer:
                raise NotKnown("its description is of another issuer")
            secure = self.settings.issuer.startswith("https:")
            places = (said.authorization_endpoint, said.token_endpoint, said.jwks_uri)
            if secure and not all(place.startswith("https:") for place in places):
                raise NotKnown("its description names a place without TLS")
            self._description = (now, said)
        return self._description[1]

    async def _key_set(self, now: int) -> KeySet:
        if self._keys is None or now - self._keys[0] > KEPT_FOR:
            self._keys = (now, KeySet.import_key_set(await self._json((await self._described(now)).jwks_uri)))
        found: KeySet = self._keys[1]
        return found

    async def _json(self, url: str) -> Any:
        try:
            async with httpx2.AsyncClient(timeout=WITHIN) as client:
                answer = await client.get(url)
                answer.raise_for_status()
                return msgspec.json.decode(answer.content)
        except (httpx2.HTTPError, msgspec.DecodeError):
            raise NotKnown("it cannot be reached") from None

    def _client(self, said: _Description) -> AsyncOAuth2Client:
        basic = "client_secret_basic" in said.token_endpoint_auth_methods_supported
        return AsyncOAuth2Client(
            client_id=self.settings.client, client_secret=self._secret, scope="openid", redirect_uri=self._back,
            code_challenge_method="S256", timeout=WITHIN,
            token_endpoint_auth_method="client_secret_basic" if basic else "client_secret_post",
        )  # fmt: skip


def _made(token: str, what: str, state: str) -> str:
    """What only whoever has this token can make: 43 characters."""
    return _text(hmac.digest(token.encode(), f"segwright {what}\n{state}".encode(), hashlib.sha256))


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
