"""Changes as a browser and a script hear of them, from the real server."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.support.lariat import PASSWORD, Client, Lariat, eventually
from tests.support.subscriber import subscribing

REVOKED = 10.0
WRITES = 200


@pytest.fixture(scope="module")
def plain(lariat: Lariat, admin: Client) -> Iterator[Client]:
    made = admin.post("/v3/users", json={"username": "plain", "password": PASSWORD})
    assert made.status_code == 201, made.text
    with lariat.log_in("plain") as client:
        yield client


def create(admin: Client, name: str) -> str:
    made = admin.post("/v3/clusters", json={"name": name})
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


def test_a_life_is_heard(lariat: Lariat, admin: Client) -> None:
    there = create(admin, "there")
    with subscribing(lariat, client=admin, resourceTypes="cluster") as subscriber:
        assert subscriber.of("resource.change", there)["data"]["name"] == "there"
        id = create(admin, "life")
        assert subscriber.of("resource.create", id)["data"]["type"] == "cluster"
        admin.put(f"/v3/clusters/{id}", json={"name": "life", "description": "changed"})
        subscriber.until(lambda event: event["data"].get("description") == "changed")
        admin.delete(f"/v3/clusters/{id}")
        assert subscriber.of("resource.remove", id)["data"]["description"] == "changed"
        assert subscriber.until(lambda event: event["name"] == "ping") == {"name": "ping", "data": {}}


def test_others_hear_nothing_of_it(lariat: Lariat, admin: Client, plain: Client) -> None:
    with subscribing(lariat, client=plain) as subscriber:
        subscriber.until(lambda event: event["data"].get("type") == "user")
        id = create(admin, "secret")
        admin.delete(f"/v3/clusters/{id}")
        admin.put("/v3/settings/ui-pl", json={"value": "last"})
        subscriber.until(lambda event: event["data"].get("value") == "last")
        assert {event["data"]["type"] for event in subscriber.events if event["name"] != "ping"} == {"setting", "user"}


def test_many_hear_the_same(lariat: Lariat, admin: Client) -> None:
    with (
        subscribing(lariat, client=admin, resourceTypes="cluster") as first,
        subscribing(lariat, client=admin, resourceTypes="cluster") as second,
    ):
        id = create(admin, "many")
        assert first.of("resource.create", id)["data"]["id"] == second.of("resource.create", id)["data"]["id"]


def test_a_context(lariat: Lariat, admin: Client) -> None:
    cluster, other = create(admin, "context"), create(admin, "other")
    url = f"{lariat.url.replace('https', 'wss', 1)}/v3/clusters/{cluster}/subscribe"
    with subscribing(lariat, url, client=admin, resourceTypes="project") as subscriber:
        made = [admin.post("/v3/projects", json={"name": "p", "clusterId": each}).json() for each in (other, cluster)]
        subscriber.of("resource.create", made[-1]["id"])
        projects = [event["data"] for event in subscriber.events if event["name"] != "ping"]
        assert {project["clusterId"] for project in projects} == {cluster}


def test_a_cookie_of_our_own_page_is_enough(lariat: Lariat, admin: Client) -> None:
    cookie = {"Cookie": f"R_SESS={str(admin.headers['Authorization']).removeprefix('Bearer ')}"}
    with subscribing(lariat, headers={**cookie, "Origin": lariat.url}, resourceTypes="setting") as subscriber:
        subscriber.of("resource.change", "server-version")
    for origin in ("https://evil.test", "null", lariat.url.replace("https", "http")):
        refused(lariat, 403, headers={**cookie, "Origin": origin})


def refused(lariat: Lariat, status: int, url: str = "", **options: object) -> None:
    with pytest.raises(InvalidStatus) as failure, subscribing(lariat, url, **options):  # type: ignore[arg-type]
        pass
    assert failure.value.response.status_code == status


def test_who_is_refused(lariat: Lariat, admin: Client) -> None:
    root = lariat.url.replace("https", "wss", 1)
    refused(lariat, 401)
    refused(lariat, 401, headers={"Authorization": "Bearer token-x:y"})
    refused(lariat, 404, client=admin, resourceTypes="absent")
    refused(lariat, 404, f"{root}/v3/clusters/c-absent/subscribe", client=admin)
    assert admin.get("/v3/subscribe").status_code == 400
    assert admin.get("/v3/clusters/c-absent/subscribe").status_code == 400
    with lariat.client() as anybody:
        assert anybody.get("/v3/subscribe").status_code == 401


@pytest.mark.parametrize("way", ["token", "user"])
def test_a_revocation_ends_it(lariat: Lariat, admin: Client, way: str) -> None:
    made = admin.post("/v3/users", json={"username": f"gone-{way}", "password": PASSWORD}).json()
    with lariat.log_in(f"gone-{way}") as client, subscribing(lariat, client=client) as subscriber:
        subscriber.until(lambda event: event["data"].get("id") == made["id"])
        if way == "token":
            assert client.post("/v3/tokens?action=logout").status_code == 200
        else:
            admin.put(f"/v3/users/{made['id']}", json={"enabled": False})
        begun = time.monotonic()
        with pytest.raises(ConnectionClosed) as closed:
            subscriber.end()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1008
        assert time.monotonic() - begun < REVOKED


@pytest.mark.parametrize("garbage", ["x" * 5000, b"\x00" * 10])
def test_what_a_subscriber_says_is_not_listened_to(lariat: Lariat, admin: Client, garbage: str | bytes) -> None:
    with subscribing(lariat, client=admin, resourceTypes="cluster") as subscriber:
        for text in ("", "{}", '{"name":"resource.remove"}'):
            subscriber.connection.send(text)
        id = create(admin, f"heard-{len(garbage)}")
        subscriber.of("resource.create", id)
        subscriber.connection.send(garbage)
    assert admin.get(f"/v3/clusters/{id}").status_code == 200


def test_a_deaf_one_is_cut_off_and_the_others_hear_on(lariat: Lariat, admin: Client) -> None:
    last = f"{WRITES - 1}"
    with (
        subscribing(lariat, client=admin, resourceTypes="setting") as deaf,
        subscribing(lariat, client=admin, resourceTypes="setting") as other,
        ThreadPoolExecutor(1) as reader,
    ):
        heard = reader.submit(other.until, lambda event: str(event["data"].get("value")).startswith(last))
        made = admin.post("/v3/settings", json={"name": "large", "value": "x"})
        assert made.status_code == 201, made.text
        # The client library stops reading from the network when nobody takes what came.
        for number in range(WRITES):
            admin.put("/v3/settings/large", json={"value": f"{number}-" + "x" * 64_000})
        assert heard.result()["data"]["id"] == "large"
        with pytest.raises(ConnectionClosed):
            deaf.end()


def test_the_server_stops_with_a_goodbye(lariat: Lariat, admin: Client) -> None:
    with subscribing(lariat, client=admin, resourceTypes="cluster") as subscriber:
        lariat.stop()
        with pytest.raises(ConnectionClosed):
            subscriber.end()
    lariat.start()
    eventually(lambda: admin.get("/ping").status_code == 200, "the server is back")
