"""OpenID Connect against a real issuer over HTTPS, and against the same one when it lies."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jose import jws

from chalicelib.auth import tokens
from chalicelib.auth.providers.idtoken import BadToken
from chalicelib.auth.providers.sessions import Return
from chalicelib.errors import LariatError, Unauthorized, Unavailable
from tests.auth.providers.scene import Scene
from tests.support.issuer import CLIENT, Issuer, pem

HOUR = 3600


@pytest.fixture(autouse=True)
def enabled(scene: Scene) -> None:
    scene.enable("oidc")


def test_a_login(scene: Scene) -> None:
    token, key = scene.log_in("oidc")
    assert scene.works((token, key))
    assert tokens.groups(token) == ("oidc_group://devs", "oidc_group://ops")
    assert (token.spec["authProvider"], token.spec["userPrincipal"]) == ("oidc", "oidc_user://s-1")
    user = scene.server.resources.get("user", token.parent)
    assert (user.spec["name"], user.spec["principalIds"]) == ("Sub One", ["oidc_user://s-1", f"local://{user.id}"])


def test_the_second_login_is_the_same_users(scene: Scene) -> None:
    assert scene.log_in("oidc")[0].parent == scene.log_in("oidc")[0].parent


def test_elliptic_curves(scene: Scene, issuer: Issuer) -> None:
    scene.enable("oidc", algorithm="ES256")
    issuer.keys = [issuer.public(issuer.curve, "ES256", "e1")]
    key = pem(issuer.curve)
    issuer.sign = lambda claims: str(jws.sign(claims, key, headers={"kid": "e1"}, algorithm="ES256"))
    assert scene.works(scene.log_in("oidc"))


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://else.example"},
        {"iss": None},
        {"aud": "somebody else"},
        {"aud": ["somebody", "else"]},
        {"aud": None},
        {"aud": [CLIENT, "else"]},  # several audiences, and none that it was given to
        {"aud": [CLIENT, "else"], "azp": "else"},
        {"azp": "else"},
        {"exp": 1_795_507_200 - 61},
        {"exp": None},
        {"exp": "1895507200"},
        {"exp": True},
        {"iat": 1_795_507_200 + 61},
        {"iat": None},
        {"nbf": 1_795_507_200 + 61},
        {"nbf": "now"},
        {"nonce": "another login's"},
        {"nonce": None},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"sub": "s" * 256},
        {"sub": "s\0"},
        {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"},
    ],
)
def test_claims_that_are_not_as_they_must_be(scene: Scene, issuer: Issuer, claims: dict[str, Any]) -> None:
    issuer.claims = claims
    with pytest.raises(BadToken, match=r".+") as refused:
        scene.log_in("oidc")
    assert refused.value.message == "authentication failed"


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": [CLIENT]},
        {"aud": [CLIENT, "else"], "azp": CLIENT},
        {"exp": 1_795_507_200 - 59},
        {"iat": 1_795_507_200 + 59},
        {"nbf": 1_795_507_200 + 59},
        {"at_hash": None},
    ],
)
def test_claims_that_will_do(scene: Scene, issuer: Issuer, claims: dict[str, Any]) -> None:
    issuer.claims = claims
    assert scene.works(scene.log_in("oidc"))


def forged(header: dict[str, Any], claims: dict[str, Any], secret: bytes | None) -> str:
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in (header, claims)]
    text = ".".join(parts)
    signature = hmac.digest(secret, text.encode(), hashlib.sha256) if secret is not None else b""
    return f"{text}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


def forms(issuer: Issuer) -> dict[str, bytes]:
    """The public key in each form that somebody might take for a secret."""
    public = issuer.key.public_key()
    kind = serialization.PublicFormat.SubjectPublicKeyInfo
    ssh = serialization.PublicFormat.OpenSSH
    return {
        "pem": public.public_bytes(serialization.Encoding.PEM, kind),
        "der": public.public_bytes(serialization.Encoding.DER, kind),
        "ssh": public.public_bytes(serialization.Encoding.OpenSSH, ssh),
        "jwk": json.dumps(issuer.keys[0]).encode(),
        "modulus": base64.urlsafe_b64decode(issuer.keys[0]["n"] + "=="),
    }


@pytest.mark.parametrize("form", ["pem", "der", "ssh", "jwk", "modulus"])
def test_the_public_key_is_no_secret(scene: Scene, issuer: Issuer, form: str) -> None:
    secret = forms(issuer)[form]
    issuer.sign = lambda claims: forged({"alg": "HS256", "kid": "k1"}, claims, secret)
    with pytest.raises(BadToken, match="signed in another way"):
        scene.log_in("oidc")
    issuer.sign = lambda claims: forged({"alg": "RS256", "kid": "k1"}, claims, secret)
    with pytest.raises(BadToken, match="not the issuer's"):
        scene.log_in("oidc")


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "", None, "RS512", "ES256", "HS256", ["RS256"], 7])
def test_one_algorithm_is_accepted(scene: Scene, issuer: Issuer, algorithm: Any) -> None:
    issuer.sign = lambda claims: forged({"alg": algorithm, "kid": "k1"}, claims, None)
    with pytest.raises(BadToken, match="signed in another way"):
        scene.log_in("oidc")


@pytest.mark.parametrize("make", ["", "a.b", "a.b.c.d.e", "..", "e30..", "bm9uZQ.e30.", "[]", "x" * 70_000])
def test_what_is_no_signed_token(scene: Scene, issuer: Issuer, make: str) -> None:
    issuer.sign = lambda _: make
    with pytest.raises(BadToken):
        scene.log_in("oidc")


@pytest.mark.parametrize(
    "header",
    [
        {"kid": "../../k1"},
        {"kid": "unknown"},
        {"kid": 7},
        {"crit": ["exp"]},
        {"kid": "k2", "jku": "https://else.example/keys"},
        {"kid": "k2", "jwk": {"kty": "RSA"}},
    ],
)
def test_the_header_chooses_nothing_but_a_known_key(scene: Scene, issuer: Issuer, header: dict[str, Any]) -> None:
    issuer.header = header
    with pytest.raises(BadToken):
        scene.log_in("oidc")


def test_another_key_is_not_the_issuers(scene: Scene, issuer: Issuer) -> None:
    other = pem(rsa.generate_private_key(public_exponent=65537, key_size=2048))
    issuer.sign = lambda claims: str(jws.sign(claims, other, headers={"kid": "k1"}, algorithm="RS256"))
    with pytest.raises(BadToken, match="not the issuer's"):
        scene.log_in("oidc")


@pytest.mark.parametrize(
    "change",
    [
        {"kty": "oct", "k": "c2VjcmV0"},
        {"use": "enc"},
        {"alg": "RS512"},
        {"n": "AQAB"},
        {"n": "A" * 2000},
        {"e": "A" * 400},
        {"n": None},
    ],
)
def test_a_key_of_another_type_is_not_used(scene: Scene, issuer: Issuer, change: dict[str, Any]) -> None:
    issuer.keys = [{**issuer.keys[0], **change}]
    with pytest.raises(BadToken):
        scene.log_in("oidc")


def test_a_new_key_is_fetched_but_not_for_every_forgery(scene: Scene, issuer: Issuer) -> None:
    scene.log_in("oidc")
    fresh = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    issuer.keys = [*issuer.keys, issuer.public(fresh, "RS256", "k2")]
    key = pem(fresh)
    issuer.sign = lambda claims: str(jws.sign(claims, key, headers={"kid": "k2"}, algorithm="RS256"))
    with pytest.raises(BadToken):
        scene.log_in("oidc")
    scene.server.clock.advance(61)
    assert scene.works(scene.log_in("oidc"))
    issuer.header, issuer.sign = {"kid": "unknown"}, issuer.signed
    before = issuer.seen.count("/jwks")
    for _ in range(3):
        with pytest.raises(BadToken):
            scene.log_in("oidc")
    assert issuer.seen.count("/jwks") == before


def test_state_is_good_once(scene: Scene, issuer: Issuer) -> None:
    back = scene.travel("oidc")
    scene.parts.sessions.finish("oidc", back)
    with pytest.raises(Unauthorized, match="has been used"):
        scene.parts.sessions.finish("oidc", back)


def test_state_belongs_to_a_browser(scene: Scene) -> None:
    mine, others = scene.travel("oidc"), scene.travel("oidc")
    for browser in (others.browser, "", "x"):
        with pytest.raises(Unauthorized, match="not begun in this browser"):
            scene.parts.sessions.finish("oidc", Return(mine.code, mine.state, browser))


def test_a_code_of_another_login_is_no_use(scene: Scene) -> None:
    """Whoever gets a code into somebody's browser has another verifier than the one that the code was made for."""
    mine, others = scene.travel("oidc"), scene.travel("oidc")
    with pytest.raises(Unauthorized):
        scene.parts.sessions.finish("oidc", Return(others.code, mine.state, mine.browser))


def test_state_is_short_lived(scene: Scene) -> None:
    back = scene.travel("oidc")
    scene.server.clock.advance(601)
    with pytest.raises(Unauthorized, match="took too long"):
        scene.parts.sessions.finish("oidc", back)


@pytest.mark.parametrize("state", ["", "x", "x" * 5000, "e30=", "\ud800"])
def test_state_that_is_none(scene: Scene, state: str) -> None:
    back = scene.travel("oidc")
    with pytest.raises(Unauthorized, match="not begun in this browser"):
        scene.parts.sessions.finish("oidc", Return(back.code, state, back.browser))


@pytest.mark.parametrize("code", ["", "x" * 5000])
def test_a_code_that_is_none(scene: Scene, code: str) -> None:
    with pytest.raises(Unauthorized, match="authentication failed"):
        scene.parts.sessions.finish("oidc", scene.travel("oidc")._replace(code=code))


def test_state_of_another_provider_is_none(scene: Scene) -> None:
    scene.enable("github")
    with pytest.raises(Unauthorized, match="not begun in this browser"):
        scene.parts.sessions.finish("oidc", scene.travel("github"))


def test_an_issuer_that_calls_itself_otherwise(scene: Scene, issuer: Issuer) -> None:
    document = {**issuer.discovery(), "issuer": "https://else.example"}
    issuer.answers = {"/.well-known/openid-configuration": (200, {}, json.dumps(document).encode())}
    with pytest.raises(Unavailable, match="another name"):
        scene.parts.sessions.begin("oidc")


@pytest.mark.parametrize("name", ["token_endpoint", "jwks_uri", "authorization_endpoint", "userinfo_endpoint"])
@pytest.mark.parametrize("url", ["http://localhost/", "file:///etc/passwd", "https://user@localhost/", "//x", 7])
def test_endpoints_that_are_not_called(scene: Scene, issuer: Issuer, name: str, url: Any) -> None:
    document = {**issuer.discovery(), name: url}
    issuer.answers = {"/.well-known/openid-configuration": (200, {}, json.dumps(document).encode())}
    with pytest.raises(Unavailable):
        scene.parts.sessions.begin("oidc")


@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/jwks", "/token"])
@pytest.mark.parametrize(
    "answer",
    [
        (302, {"Location": "/elsewhere"}, b""),
        (500, {}, b"{}"),
        (200, {}, b"no JSON"),
        (200, {}, b"[]"),
        (200, {}, b'"text"'),
        (200, {}, b'{"keys": 7, "issuer": 7}'),
        (200, {}, b"[" * 100_000),
        (200, {}, b" " * (1024 * 1024 + 1)),
        (200, {"Content-Length": "100"}, b"{}"),
    ],
)
def test_answers_that_are_none(scene: Scene, issuer: Issuer, path: str, answer: Any) -> None:
    issuer.answers = {path: answer}
    with pytest.raises(Unavailable):
        scene.log_in("oidc")
    assert "/elsewhere" not in issuer.seen


def test_groups_from_userinfo(scene: Scene, issuer: Issuer) -> None:
    issuer.claims = {"groups": None}
    assert tokens.groups(scene.log_in("oidc")[0]) == ("oidc_group://from-userinfo",)
    issuer.userinfo = {"sub": "somebody else", "groups": ["admins"]}
    with pytest.raises(Unauthorized):
        scene.log_in("oidc")


@pytest.mark.parametrize(
    ("claim", "expected"),
    [
        ("one", ["one"]),
        (["a", 7, None, "", "b", "a", "x" * 300, "n\nl"], ["a", "b"]),
        ({"a": 1}, []),
        (["system:masters"], ["system:masters"]),
    ],
)
def test_groups_are_texts_with_a_prefix(scene: Scene, issuer: Issuer, claim: Any, expected: list[str]) -> None:
    """So that no issuer can put anybody into a group of Kubernetes' own."""
    issuer.claims = {"groups": claim}
    assert tokens.groups(scene.log_in("oidc")[0]) == tuple([f"oidc_group://{group}" for group in expected])


def test_a_wrong_secret_is_not_the_users_fault(scene: Scene) -> None:
    scene.enable("oidc", clientSecret="wrong")
    with pytest.raises(Unavailable, match="client secret"):
        scene.log_in("oidc")


def test_an_issuer_without_our_trust_is_not_called(scene: Scene) -> None:
    scene.enable("oidc", certificate="")
    with pytest.raises(LariatError, match="not trusted"):
        scene.parts.sessions.begin("oidc")


def test_search_takes_what_was_typed_for_the_id(scene: Scene) -> None:
    token, _ = scene.log_in("oidc")
    found = scene.parts.lookup.search("devs", "group", token.parent)
    assert [principal.id for principal in found] == ["oidc_group://devs"]
    assert scene.parts.lookup.get("oidc_user://s-9", token.parent) is not None
    assert scene.parts.lookup.get("oidc_team://s-9", token.parent) is None
