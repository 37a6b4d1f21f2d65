"""ID tokens of OpenID Connect: one pinned algorithm, a key of the type that it needs, every claim checked.

python-jose verifies the signature; it gets one algorithm and a key object made from a JWK, never bytes that it would have to
guess a meaning for. The token's header chooses among the issuer's keys and nothing else.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chalicelib.auth.providers.remote import LONGEST
from chalicelib.errors import Unauthorized

LONGEST_TOKEN = 64 * 1024
LEEWAY = 60
"""Seconds that clocks may differ."""

_KEY_TYPES = {"RS": "RSA", "PS": "RSA", "ES": "EC"}
_CURVES = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}
ALGORITHMS = ("RS256", "RS384", "RS512", "ES256", "ES384", "ES512")
"""What may be pinned: public keys alone, so that no key is a secret to one and public to another."""


class BadToken(Unauthorized):
    """Why, for the log of the server; the caller is told no more than that it failed."""

    def __init__(self, reason: str) -> None:
        super().__init__("authentication failed")
        self.reason = reason

    def __str__(self) -> str:
        return self.reason


class UnknownKey(BadToken):
    """The token names a key that the issuer did not have when it was asked."""


@dataclass(frozen=True, slots=True)
class Expected:
    """``nonce`` is ``None`` where the protocol has none (a refreshed token)."""

    issuer: str
    audience: str
    algorithm: str
    nonce: str | None
    access_token: str = ""


def verify(token: str, keys: Sequence[Mapping[str, Any]], expected: Expected, now: float) -> dict[str, Any]:
    """Return the claims of a token. Raises ``BadToken``."""
    header = _header(token)
    if header.get("alg") != expected.algorithm or expected.algorithm not in ALGORITHMS:
        raise BadToken("the token is signed in another way than the one that is configured")
    if "crit" in header:
        raise BadToken("the token asks for extensions")
    claims = _signed(token, _chosen(keys, header.get("kid"), expected.algorithm), expected.algorithm)
    _check(claims, expected, now)
    return claims


def _header(token: str) -> dict[str, Any]:
    # Five parts are an encrypted token (JWE): inflating one is a way to fill a server's memory.
    if len(token) > LONGEST_TOKEN or token.count(".") != 2 or not token.isascii():
        raise BadToken("no signed token")
    try:
        header = json.loads(_decode(token.partition(".")[0]))
    except (ValueError, RecursionError):
        raise BadToken("no signed token") from None
    if not isinstance(header, dict):
        raise BadToken("no signed token")
    return header


def _chosen(keys: Sequence[Mapping[str, Any]], kid: object, algorithm: str) -> Mapping[str, Any]:
    """The issuer's key for a token; without a name the only one that fits."""
    fitting = [key for key in keys if _fits(key, algorithm) and (kid is None or key.get("kid") == kid)]
    if len(fitting) != 1:
        raise UnknownKey("the issuer has no such key, or several")
    return fitting[0]


def _fits(key: Mapping[str, Any], algorithm: str) -> bool:
    if key.get("kty") != _KEY_TYPES[algorithm[:2]] or key.get("use", "sig") != "sig":
        return False
    if key.get("alg", algorithm) != algorithm:
        return False
    if key["kty"] == "EC":
        return bool(key.get("crv") == _CURVES[algorithm])
    # 2048 to 8192 bits: weaker ones can be forged, longer ones cost too much.
    modulus, exponent = str(key.get("n") or ""), str(key.get("e") or "")
    return 342 <= len(modulus) <= 1368 and 0 < len(exponent) <= 8


def _signed(token: str, key: Mapping[str, Any], algorithm: str) -> dict[str, Any]:
    from jose import jwk, jws
    from jose.exceptions import JOSEError

    public = {name: key[name] for name in ("kty", "n", "e", "crv", "x", "y") if name in key}
    try:
        claims = json.loads(jws.verify(token, jwk.construct(public, algorithm), algorithms=[algorithm]))
    except (JOSEError, ValueError, TypeError, KeyError, RecursionError):
        raise BadToken("the signature is not the issuer's") from None
    if not isinstance(claims, dict):
        raise BadToken("the token holds no claims")
    return claims


def _check(claims: Mapping[str, Any], expected: Expected, now: float) -> None:
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    if claims.get("iss") != expected.issuer:
        raise BadToken("the token is another issuer's")
    if expected.audience not in audiences:
        raise BadToken("the token is for somebody else")
    if claims.get("azp", expected.audience if len(audiences) == 1 else None) != expected.audience:
        raise BadToken("the token was given to somebody else")
    if _time(claims, "exp") <= now - LEEWAY:
        raise BadToken("the token has expired")
    if _time(claims, "iat") > now + LEEWAY or ("nbf" in claims and _time(claims, "nbf") > now + LEEWAY):
        raise BadToken("the token is from the future")
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= 255 or "\0" in subject:
        raise BadToken("the token names nobody")
    if expected.nonce is not None and not _equal(claims.get("nonce"), expected.nonce):
        raise BadToken("the token was made for another login")
    if "at_hash" in claims and not _equal(claims["at_hash"], _half_hash(expected)):
        raise BadToken("the access token is another one's")


def groups(claims: Mapping[str, Any], name: str, most: int) -> list[str] | None:
    """The groups that a claim lists, without what can't be one; ``None`` without that claim."""
    value = claims.get(name)
    if value is None:
        return None
    values = value if isinstance(value, list) else [value]
    good = [text for text in values if isinstance(text, str) and 0 < len(text) <= 256 and text.isprintable()]
    return list(dict.fromkeys(good))[:most]


def label(claims: Mapping[str, Any], *names: str) -> str:
    """The first of these claims that is a text."""
    texts = [claims.get(name) for name in names]
    return next((text for text in texts if isinstance(text, str) and 0 < len(text) <= LONGEST), "")


def _time(claims: Mapping[str, Any], name: str) -> float:
    value = claims.get(name)
    if type(value) not in (int, float) or not 0 <= value < 2**40:  # type: ignore[operator]
        raise BadToken(f"the token has no {name}")
    return float(value)  # type: ignore[arg-type]


def _equal(shown: object, expected: str) -> bool:
    return isinstance(shown, str) and hmac.compare_digest(shown.encode("utf-8", "surrogatepass"), expected.encode())


def _half_hash(expected: Expected) -> str:
    digest = hashlib.new(f"sha{expected.algorithm[2:]}", expected.access_token.encode()).digest()
    return base64.urlsafe_b64encode(digest[: len(digest) // 2]).decode().rstrip("=")


def _decode(part: str) -> bytes:
    return base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
