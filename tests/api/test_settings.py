"""Settings: defaults, what administrators make of them, and what anybody may read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from chalicelib.api.settings import DEFAULTS, FIXED, PUBLIC
from tests.api.conftest import CA
from tests.support.server import Caller, Server, serving

URL = "/v3/settings/server-url"
ELSEWHERE = "https://lariat.example.com"


def values(setting: Any) -> tuple[str, str, bool, str]:
    return setting["value"], setting["default"], setting["customized"], setting["source"]


def test_every_setting_is_listed(admin: Caller) -> None:
    assert admin.get("/v3/settings").ids == sorted(DEFAULTS)


def test_an_untouched_setting_has_its_default(admin: Caller) -> None:
    setting = admin.get("/v3/settings/ui-pl").json
    assert (setting["id"], setting["name"]) == ("ui-pl", "ui-pl")
    assert values(setting) == ("lariat", "lariat", False, "default")


def test_a_setting_can_be_set(admin: Caller) -> None:
    assert values(admin.put(URL, {"value": ELSEWHERE}).json) == (ELSEWHERE, "", True, "db")
    assert values(admin.get(URL).json) == (ELSEWHERE, "", True, "db")


def test_a_setting_can_be_set_again(admin: Caller) -> None:
    admin.put(URL, {"value": ELSEWHERE})
    assert admin.put(URL, {"value": "https://second.example"}).json["value"] == "https://second.example"


def test_the_last_of_the_same_writes_changes_nothing(server: Server, admin: Caller) -> None:
    admin.put(URL, {"value": ELSEWHERE})
    before = len(server.changes)
    admin.put(URL, {"value": ELSEWHERE})
    assert len(server.changes) == before


@pytest.mark.parametrize("value", ["", None])
def test_an_empty_value_resets(admin: Caller, value: str | None) -> None:
    admin.put(URL, {"value": ELSEWHERE})
    assert values(admin.put(URL, {"value": value}).json) == ("", "", False, "default")


def test_only_the_value_can_be_set(admin: Caller) -> None:
    body = {"value": ELSEWHERE, "default": "x", "customized": False, "source": "env", "name": "other", "id": "other"}
    setting = admin.put(URL, body).json
    assert values(setting) == (ELSEWHERE, "", True, "db")
    assert setting["name"] == "server-url"


@pytest.mark.parametrize("name", FIXED)
def test_a_fixed_setting_can_not_be_set(admin: Caller, name: str) -> None:
    before = admin.get(f"/v3/settings/{name}").json
    reply = admin.put(f"/v3/settings/{name}", {"value": "mine"})
    assert 400 <= reply.status < 500
    assert admin.get(f"/v3/settings/{name}").json == before


def test_the_ca_follows_from_the_start(admin: Caller) -> None:
    assert admin.get("/v3/settings/cacerts").json["value"] == CA


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("server-url", "http://lariat.example"),
        ("server-url", "lariat.example"),
        ("server-url", "javascript:alert(1)"),
        ("kubeconfig-token-ttl-minutes", "soon"),
        ("kubeconfig-token-ttl-minutes", "-1"),
        ("kubeconfig-token-ttl-minutes", "1.5"),
    ],
)
def test_a_value_must_fit(admin: Caller, name: str, value: str) -> None:
    assert admin.put(f"/v3/settings/{name}", {"value": value}).error == (422, "InvalidFormat", "value")
    assert admin.get(f"/v3/settings/{name}").json["customized"] is False


@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_an_unknown_setting(admin: Caller, method: str) -> None:
    reply = admin.call(method, "/v3/settings/nosuch", {"value": "x"})
    assert reply.error == (404, "NotFound", "")
    assert reply.json["message"] == 'settings.management.cattle.io "nosuch" not found'


@pytest.mark.parametrize("name", sorted(DEFAULTS))
def test_strangers_read_what_they_need_before_they_log_in(server: Server, name: str) -> None:
    reply = server.nobody.get(f"/v3/settings/{name}")
    assert reply.status == (200 if name in PUBLIC else 401)


def test_strangers_see_the_value_that_was_set(server: Server, admin: Caller) -> None:
    admin.put("/v3/settings/ui-pl", {"value": "ours"})
    assert server.nobody.get("/v3/settings/ui-pl").json["value"] == "ours"


@pytest.mark.parametrize("name", PUBLIC)
def test_strangers_change_nothing(server: Server, name: str) -> None:
    assert server.nobody.put(f"/v3/settings/{name}", {"value": "mine"}).status == 401


def test_users_read_settings_and_change_none(plain: Caller) -> None:
    assert plain.get("/v3/settings").ids == sorted(DEFAULTS)
    assert plain.put(URL, {"value": ELSEWHERE}).error == (403, "PermissionDenied", "")


def test_a_setting_of_ones_own(admin: Caller) -> None:
    made = admin.make("/v3/settings", {"name": "mine", "value": "1"})
    assert values(made) == ("1", "", True, "db")
    assert "mine" in admin.get("/v3/settings").ids
    assert admin.post("/v3/settings", {"name": "mine", "value": "2"}).error == (409, "AlreadyExists", "")
    assert admin.delete(made["links"]["remove"]).status == 204
    assert "mine" not in admin.get("/v3/settings").ids


def test_the_servers_own_settings_are_neither_made_nor_removed(admin: Caller) -> None:
    assert admin.post("/v3/settings", {"name": "server-url", "value": "x"}).error == (409, "AlreadyExists", "")
    assert admin.delete(URL).error == (405, "MethodNotAllow", "")
    assert "remove" not in admin.get(URL).json["links"]


def test_the_environment_decides(tmp_path: Path) -> None:
    with serving(tmp_path, environment={"CATTLE_UI_PL": "theirs", "CATTLE_SERVER_VERSION": "v9"}) as server:
        admin = server.user("admin", administrator=True)
        setting = admin.get("/v3/settings/ui-pl").json
        assert values(setting) == ("theirs", "lariat", True, "env")
        assert "update" not in setting["links"]
        assert admin.put("/v3/settings/ui-pl", {"value": "x"}).error == (405, "MethodNotAllow", "")
        assert admin.get("/v3/settings/server-version").json["source"] == "default"
