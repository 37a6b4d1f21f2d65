"""A small identity provider over HTTPS: OAuth as GitHub has it, and OpenID Connect. Each flaw is one attribute.

It checks what a real one checks: the client, the code, PKCE, the redirect URI.
"""

from __future__ import annotations

import base64
import hashlib
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import trustme
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jose import jwk, jws

CLIENT, SECRET = "lariat", "the client's own secret"
USER = {
    "id": 1234,
    "login": "octo",
    "name": "Octo Cat",
    "avatar_url": "https://x.example/a.png",
    "html_url": "https://x.example/octo",
}


class Issuer:
    """``claims`` and ``header`` change ID tokens; ``answers`` replaces what a path answers: status, headers, body.

    ``before`` is called ahead of each answer."""

    def __init__(self, ca: trustme.CA) -> None:
        self.trust = ca.cert_pem.bytes().decode()
        self.server = _Server(("127.0.0.1", 0), _handler(self))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        ca.issue_cert("localhost").configure_cert(context)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.host = f"localhost:{self.server.server_address[1]}"
        self.url = f"https://{self.host}"
        self.now: Callable[[], float] = lambda: 0.0
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.curve = ec.generate_private_key(ec.SECP256R1())
        self.reset()

    def reset(self) -> None:
        self.codes: dict[str, dict[str, str]] = {}
        self.seen: list[str] = []
        self.claims: dict[str, Any] = {}
        self.header: dict[str, Any] = {}
        self.answers: dict[str, tuple[int, dict[str, str], bytes]] = {}
        self.sign: Callable[[dict[str, Any]], str] = self.signed
        self.keys: list[dict[str, Any]] = [self.public(self.key, "RS256", "k1")]
        self.userinfo: dict[str, Any] = {"sub": "s-1", "groups": ["from-userinfo"]}
        self.orgs: list[dict[str, Any]] = [{"id": 7, "login": "acme"}]
        self.teams: list[dict[str, Any]] = [{"id": 91, "slug": "ops", "organization": {"login": "acme"}}]
        self.revoked = False
        self.before: Callable[[str], None] = lambda _: None
        self.subject = "s-1"

    def approve(self, url: str) -> tuple[str, str]:
        """What a user's browser does at the URL that it was sent to; returns the code and the state."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        assert query["client_id"] == CLIENT
        assert query["code_challenge_method"] == "S256"
        code = f"code-{len(self.codes) + 1}-{id(self)}"
        self.codes[code] = query
        return code, query["state"]

    def public(self, key: Any, algorithm: str, kid: str) -> dict[str, Any]:
        spki = serialization.PublicFormat.SubjectPublicKeyInfo
        text = key.public_key().public_bytes(serialization.Encoding.PEM, spki).decode()
        public = jwk.construct(text, algorithm).to_dict()
        plain = {name: value.decode() if isinstance(value, bytes) else value for name, value in public.items()}
        return {**plain, "kid": kid, "use": "sig"}

    def signed(self, claims: dict[str, Any]) -> str:
        return str(jws.sign(claims, pem(self.key), headers={"kid": "k1", **self.header}, algorithm="RS256"))

    def token(self, nonce: str, access: str) -> str:
        half = hashlib.sha256(access.encode()).digest()[:16]
        claims = {
            "iss": self.url,
            "aud": CLIENT,
            "sub": self.subject,
            "iat": int(self.now()),
            "exp": int(self.now()) + 300,
            "nonce": nonce,
            "at_hash": base64.urlsafe_b64encode(half).decode().rstrip("="),
            "name": "Sub One",
            "preferred_username": "sub",
            "groups": ["devs", "ops"],
        } | self.claims
        return self.sign({name: value for name, value in claims.items() if value is not None})

    def answer(self, path: str, form: dict[str, str], authorization: str) -> tuple[int, dict[str, str], bytes]:
        self.seen.append(path)
        self.before(path)
        if path in self.answers:
            return self.answers[path]
        status, document = self._route(path, form, authorization)
        return status, {"Content-Type": "application/json"}, json.dumps(document).encode()

    def _route(self, path: str, form: dict[str, str], authorization: str) -> tuple[int, Any]:
        where = path.partition("?")[0]
        if where in ("/token", "/login/oauth/access_token"):
            return self._token(path, form)
        public = {"/.well-known/openid-configuration": self.discovery(), "/jwks": {"keys": self.keys}}
        if where in public:
            return 200, public[where]
        if self.revoked or authorization != "Bearer the user's access token":
            return 401, {"message": "Bad credentials"}
        if where in ("/api/v3/user/orgs", "/api/v3/user/teams"):
            return 200, self._page(self.orgs if where.endswith("orgs") else self.teams, path)
        acme = {"id": 7, "login": "acme"}
        private = {
            "/userinfo": self.userinfo,
            "/api/v3/user": USER,
            "/api/v3/user/1234": USER,
            "/api/v3/organizations/7": acme,
            "/api/v3/search/users": {"items": [acme if "type%3Aorg" in path else USER]},
        }
        return (200, private[where]) if where in private else (404, {})

    def _page(self, items: list[dict[str, Any]], path: str) -> list[dict[str, Any]]:
        query = parse_qs(urlsplit(path).query)
        size, page = int(query["per_page"][0]), int(query["page"][0])
        return items[size * (page - 1) : size * page]

    def discovery(self) -> dict[str, str]:
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/jwks",
            "userinfo_endpoint": f"{self.url}/userinfo",
        }

    def _token(self, path: str, form: dict[str, str]) -> tuple[int, Any]:
        if (form.get("client_id"), form.get("client_secret")) != (CLIENT, SECRET):
            return 401, {"error": "invalid_client"}
        access = "the user's access token"
        if form.get("grant_type") == "refresh_token":
            if self.revoked or form.get("refresh_token") != "the user's refresh token":
                return 400, {"error": "invalid_grant"}
            return 200, {"access_token": access, "id_token": self.token("", access)}
        begun = self.codes.pop(form.get("code", ""), None)
        if begun is None or begun["redirect_uri"] != form.get("redirect_uri") or not _proves(form, begun):
            return (200, {"error": "bad_verification_code"}) if "oauth" in path else (400, {"error": "invalid_grant"})
        if "oauth" in path:
            return 200, {"access_token": access, "token_type": "bearer", "scope": "read:org"}
        refresh = {"refresh_token": "the user's refresh token"}
        return 200, {"access_token": access, "id_token": self.token(begun["nonce"], access), **refresh}


def pem(key: Any) -> str:
    """A private key as python-jose takes it."""
    form = serialization.PrivateFormat.PKCS8
    return str(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode())


def _proves(form: dict[str, str], begun: dict[str, str]) -> bool:
    digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=") == begun["code_challenge"]


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: callers that end a handshake are what some tests are about."""


def _handler(issuer: Issuer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer({})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self._answer({name: values[0] for name, values in parse_qs(body).items()})

        def _answer(self, form: dict[str, str]) -> None:
            status, headers, body = issuer.answer(self.path, form, self.headers.get("Authorization", ""))
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    return Handler


@contextmanager
def running() -> Iterator[Issuer]:
    issuer = Issuer(trustme.CA())
    thread = threading.Thread(target=issuer.server.serve_forever, daemon=True)
    thread.start()
    try:
        yield issuer
    finally:
        issuer.server.shutdown()
        issuer.server.server_close()
        thread.join()
