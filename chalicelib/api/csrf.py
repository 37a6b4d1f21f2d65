"""Cookies, and the rule that keeps other sites from using a browser's: ``application.py`` asks before it routes.

A browser gets the cookie ``CSRF`` and must repeat its value, in a header or the query, in everything but a ``GET``.
Other clients are exempt, as they send no cookie that they were not told to.
"""

from __future__ import annotations

import hmac
from http.cookies import CookieError, SimpleCookie

from chalicelib.api.http import Pairs, Request
from chalicelib.errors import Invalid
from chalicelib.types import Random

SESSION = "R_SESS"
COOKIE = "CSRF"
JOURNEY = "__Host-R_AUTH"
"""Says that this browser was sent to an identity provider; its prefix keeps other hosts of our domain from setting it."""

LONGEST = 4096


def cookies(request: Request) -> dict[str, str]:
    jar: SimpleCookie = SimpleCookie()
    for header in request.values("cookie"):
        if len(header) <= LONGEST:
            try:
                jar.load(header)
            except CookieError:
                continue
    return {name: morsel.value for name, morsel in jar.items()}


def credentials(request: Request) -> tuple[str, ...]:
    """The values to authenticate by: an ``Authorization`` header, even a wrong one, wins over the cookie."""
    shown = request.values("authorization")
    session = "" if shown else cookies(request).get(SESSION, "")
    return (f"Bearer {session}",) if session else shown


def check(request: Request) -> None:
    """Raises ``Invalid`` for what another site may have made a browser send."""
    if not _is_browser(request) or request.method == "GET":
        return
    expected = cookies(request).get(COOKIE, "")
    headers = request.values("x-api-csrf")
    shown = headers[0] if headers else request.option(COOKIE)
    if not expected or not hmac.compare_digest(expected.encode(), shown.encode()):
        raise Invalid("the CSRF token is missing or wrong", code="InvalidCSRFToken")


def fresh(request: Request, random: Random) -> Pairs:
    """The headers that give a browser its cookie."""
    if not _is_browser(request) or COOKIE in cookies(request):
        return ()
    return (("set-cookie", f"{COOKIE}={random.bytes(5).hex()}; Path=/; Secure"),)


def session(token: str) -> Pairs:
    """The headers that log a browser in; it sends the cookie nowhere else and shows it to no script."""
    return (("set-cookie", f"{SESSION}={token}; Path=/; HttpOnly; Secure; SameSite=Lax"),)


def journey(browser: str, seconds: int) -> Pairs:
    """The headers for a browser on its way to a provider, from where another site's link brings it back."""
    return (("set-cookie", f"{JOURNEY}={browser}; Max-Age={seconds}; Path=/; HttpOnly; Secure; SameSite=Lax"),)


def ended() -> Pairs:
    gone = "Max-Age=0; Path=/; Secure"
    return (("set-cookie", f"{SESSION}=; HttpOnly; {gone}"), ("set-cookie", f"{COOKIE}=; {gone}"))


def _is_browser(request: Request) -> bool:
    return any("mozilla" in agent.lower() for agent in request.values("user-agent"))
