"""No answer of the API is a page: HTML in any text that a user may choose stays text.

CVE-2021-25313, CVE-2023-32192, CVE-2023-32193, CVE-2024-52281: scripts in the API's HTML view and in stored descriptions.
"""

from __future__ import annotations

import pytest

from tests.support.server import LOGIN, PASSWORD, Caller, Reply, Server

HTML = "<script>alert(1)</script><img src=x onerror=alert(1)>"
BROWSER = (("user-agent", "Mozilla/5.0"), ("accept", "text/html"))


def is_no_page(reply: Reply) -> bool:
    headers = dict(reply.headers)
    plain = headers.get("content-type", "application/json").partition(";")[0] in ("application/json", "text/plain")
    guarded = (
        headers["x-content-type-options"] == "nosniff" and headers["content-security-policy"] == "default-src 'none'"
    )
    return plain and guarded


def test_html_in_every_text_is_shown_as_json(admin: Caller) -> None:
    cluster = admin.make("/v3/clusters", {"name": "one", "description": HTML, "annotations": {HTML: HTML}})
    user = admin.make("/v3/users", {"username": HTML, "name": HTML, "description": HTML, "password": PASSWORD})
    setting = admin.make("/v3/settings", {"name": "one", "value": HTML})
    project = admin.make("/v3/projects", {"name": HTML, "clusterId": cluster["id"], "description": HTML})
    for made in (cluster, user, setting, project):
        reply = admin.get(made["links"]["self"], headers=BROWSER)
        assert HTML in reply.json.values()
        assert is_no_page(reply)


@pytest.mark.parametrize(
    "path",
    ["/", "/ping", f"/{HTML}", f"/v3/{HTML}", "/v3", f"/v3-public/{HTML}", "/v3/import/x.yaml", f"/v3/clusters/{HTML}"],
)
def test_no_error_is_a_page(server: Server, admin: Caller, path: str) -> None:
    for caller in (server.nobody, admin):
        assert is_no_page(caller.get(path, headers=BROWSER))


def test_no_refusal_of_a_value_is_a_page(server: Server, admin: Caller) -> None:
    assert is_no_page(server.nobody.post(LOGIN, {"username": HTML, "password": HTML}))
    assert is_no_page(admin.post("/v3/clusters", {"name": HTML}))
    assert is_no_page(admin.post(f"/v3/clusters?action={HTML}"))


def test_the_import_manifest_is_no_page(server: Server, admin: Caller) -> None:
    cluster = admin.make("/v3/clusters", {"name": "one"})
    token = admin.make("/v3/clusterregistrationtokens", {"clusterId": cluster["id"]})
    assert is_no_page(server.nobody.get(token["manifestUrl"], headers=BROWSER))
