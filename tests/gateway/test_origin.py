"""Which pages may open a WebSocket with what their visitor's browser knows."""

from __future__ import annotations

import pytest

from chalicelib.errors import Forbidden
from chalicelib.gateway.origin import origin, refuse_foreign

OWN = "https://edge.test"
SECRETS = [("cookie", "R_SESS=x"), ("authorization", "Basic eDp5")]


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("page", ["https://evil.test", "null", "", "https://edge.test.evil.test", "http://edge.test"])
def test_a_foreign_page_is_refused(page: str, secret: tuple[str, str]) -> None:
    for headers in ([("origin", page), secret], [("origin", OWN), secret, ("origin", page)]):
        with pytest.raises(Forbidden):
            refuse_foreign(headers, OWN)
    refuse_foreign([("origin", page)], OWN)


@pytest.mark.parametrize("secret", SECRETS)
def test_ours_is_let_in(secret: tuple[str, str]) -> None:
    refuse_foreign([("origin", "https://EDGE.test"), secret], OWN)
    refuse_foreign([secret], OWN)
    with pytest.raises(Forbidden):
        refuse_foreign([("origin", OWN), secret], "")


@pytest.mark.parametrize(
    ("url", "expected"),
    [("https://Edge.test/live", OWN), ("https://edge.test:8443", "https://edge.test:8443"), ("", ""), ("nonsense", "")],
)
def test_an_origin_is_scheme_and_host(url: str, expected: str) -> None:
    assert origin(url) == expected
