"""A provider of sign-ins, written here from OpenID Connect Core 1.0: authorization code, PKCE, RS256. It lets in whom it is told
to."""

from __future__ import annotations

import base64
import hashlib
import http.server
import json
import secrets
import threading
import time
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT, SECRET = "segwright", "a secret of the provider"


class Provider:
    """`subject`: who is at the keyboard; `spoilt`: how the next ID tokens differ from good ones, as claims, or `key`, `alg`."""

    def __init__(self) -> None:
        self.subject = "5f0c-anna"
        self.spoilt: dict[str, Any] = {}
        self.asked: list[dict[str, str]] = []
        self._codes: dict[str, dict[str, str]] = {}
        self._key = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})
        self._other = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})
        provider = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                place = urlsplit(self.path)
                if place.path == "/.well-known/openid-configuration":
                    self.answer(provider.description())
                elif place.path == "/keys":
                    self.answer({"keys": [provider._key.as_dict(private=False)]})
                elif place.path == "/authorize":
                    where = provider.authorize({name: values[0] for name, values in parse_qs(place.query).items()})
                    self.send_response(302)
                    self.send_header("Location", where)
                    self.send_header("Content-Length", "0")
                    self.end_headers()

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                form = {name: values[0] for name, values in parse_qs(body).items()}
                given = provider.token(form, self.headers.get("Authorization", ""))
                self.answer(given, 400 if "error" in given else 200)

            def answer(self, found: object, status: int = 200) -> None:
                data = json.dumps(found).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.issuer = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def description(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer, "authorization_endpoint": f"{self.issuer}/authorize", "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys", "response_types_supported": ["code"],
        }  # fmt: skip

    def authorize(self, asked: dict[str, str]) -> str:
        """Where the browser goes, after somebody signed in here."""
        assert asked["client_id"] == CLIENT
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        assert "openid" in asked["scope"].split()
        self.asked.append(asked)
        code = secrets.token_urlsafe(16)
        self._codes[code] = asked
        return asked["redirect_uri"] + "?" + urlencode({"code": code, "state": asked["state"], "iss": self.issuer})

    def token(self, form: dict[str, str], authorization: str) -> dict[str, Any]:
        basic = base64.b64encode(f"{quote(CLIENT)}:{quote(SECRET)}".encode()).decode()
        plain = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        asked = self._codes.pop(form.get("code", ""), None)
        if authorization not in (f"Basic {basic}", f"Basic {plain}"):
            return {"error": "invalid_client"}
        if asked is None or form["redirect_uri"] != asked["redirect_uri"]:
            return {"error": "invalid_grant"}
        challenge = (
            base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).decode().rstrip("=")
        )
        if challenge != asked["code_challenge"]:
            return {"error": "invalid_grant"}
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "sub": self.subject,
            "aud": CLIENT,
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
        }
        spoilt = dict(self.spoilt)
        key = self._other if spoilt.pop("key", "") else self._key
        alg = spoilt.pop("alg", "RS256")
        claims = {name: value for name, value in {**claims, **spoilt}.items() if value is not None}
        if alg == "none":
            parts = (json.dumps({"alg": "none"}), json.dumps(claims))
            proof = ".".join(base64.urlsafe_b64encode(part.encode()).decode().rstrip("=") for part in parts) + "."
        else:
            proof = jwt.encode({"alg": alg, "kid": "one"}, claims, key)
        return {"access_token": secrets.token_urlsafe(16), "token_type": "Bearer", "id_token": proof}

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
