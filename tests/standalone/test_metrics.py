"""``GET /metrics`` of the running server: for administrators, and nobody else learns anything."""

from __future__ import annotations

import re

import pytest

from tests.support.lariat import PASSWORD, Client, Lariat, eventually

COUNTED = re.compile(r'^lariat_keys_total\{kind="cluster",outcome="done"\} [1-9]', re.MULTILINE)


def test_an_administrator_sees_what_was_worked_on(lariat: Lariat, admin: Client) -> None:
    made = admin.post("/v3/clusters", json={"name": "measured"}).json()["id"]

    def measured() -> str:
        answer = admin.get("/metrics")
        assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
        assert answer.headers["content-type"].startswith("text/plain")
        return answer.text if COUNTED.search(answer.text) else ""

    text = eventually(measured, "the new cluster is counted")
    assert "lariat_key_wait_seconds_bucket" in text
    assert made not in text, "kinds, not who they are"
    assert admin.delete(f"/v3/clusters/{made}").status_code in (200, 204)


@pytest.mark.parametrize("who", ["nobody", "a stranger", "a user", "an administrator for one cluster"])
def test_others_learn_nothing(lariat: Lariat, admin: Client, who: str) -> None:
    answer = _client(lariat, admin, who).get("/metrics")
    assert answer.status_code == (403 if who.startswith(("a user", "an admin")) else 401)
    assert answer.json()["type"] == "error"
    assert "lariat_" not in answer.text


def _client(lariat: Lariat, admin: Client, who: str) -> Client:
    if who == "a user":
        admin.post("/v3/users", json={"username": "unmeasured", "password": PASSWORD})
        return lariat.log_in("unmeasured")
    if who == "an administrator for one cluster":
        cluster = admin.post("/v3/clusters", json={"name": "one"}).json()["id"]
        return lariat.client(str(admin.post("/v3/tokens", json={"clusterId": cluster}).json()["token"]))
    return lariat.client("" if who == "nobody" else "token-abcde:" + "x" * 54)
