"""Changes as subscribers of the AWS edge hear of them: ``app.py``'s handlers on an emulated account, a real client."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.support.edge_on_lambda import EdgeOnLambda, running
from tests.support.lariat import PASSWORD, Client, Server
from tests.support.ministack import Deployed, Ministack
from tests.support.subscriber import subscribing

PATH = "/v3/subscribe"


@pytest.fixture(scope="module")
def edge(ministack: Ministack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EdgeOnLambda]:
    folder = tmp_path_factory.mktemp("lambda")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("SSL_CERT_FILE", str(folder / "authority.pem"))
        with running(Deployed(ministack), folder) as edge:
            assert edge.handlers.resync({"bootstrap": {"password": PASSWORD}}, None) == {"password": PASSWORD}
            yield edge


@pytest.fixture(scope="module")
def stream(edge: EdgeOnLambda) -> Iterator[None]:
    """What the event source mapping of the table's stream does, with a process of its own."""
    stopped = threading.Event()
    thread = threading.Thread(target=edge.follow, args=(stopped,))
    thread.start()
    yield
    stopped.set()
    thread.join()


@pytest.fixture(scope="module")
def lariat(edge: EdgeOnLambda, stream: None, tmp_path_factory: pytest.TempPathFactory) -> Server:
    return Server(edge.url, edge.authority, tmp_path_factory.mktemp("client"))


@pytest.fixture(scope="module")
def admin(lariat: Server) -> Iterator[Client]:
    with lariat.log_in() as client:
        yield client


def test_a_life_is_heard(lariat: Server, edge: EdgeOnLambda, admin: Client) -> None:
    there = admin.post("/v3/clusters", json={"name": "there"}).json()["id"]
    with subscribing(lariat, edge.socket, client=admin, path=PATH, resourceTypes="cluster") as subscriber:
        assert subscriber.of("resource.change", there)["data"]["name"] == "there"
        made = admin.post("/v3/clusters", json={"name": "life"}).json()
        assert subscriber.of("resource.create", made["id"])["data"]["name"] == "life"
        subscriber.connection.send('{"action":"ping"}')
        admin.delete(f"/v3/clusters/{made['id']}")
        assert subscriber.of("resource.remove", made["id"])["data"]["name"] == "life"


def test_others_hear_nothing_and_end_with_their_token(lariat: Server, edge: EdgeOnLambda, admin: Client) -> None:
    made = admin.post("/v3/users", json={"username": "plain", "password": PASSWORD}).json()
    with (
        lariat.log_in("plain") as plain,
        subscribing(lariat, edge.socket, client=plain, path=PATH, resourceTypes=["cluster", "user"]) as subscriber,
    ):
        subscriber.of("resource.change", made["id"])
        admin.post("/v3/clusters", json={"name": "secret"})
        admin.put(f"/v3/users/{made['id']}", json={"description": "last"})
        subscriber.until(lambda event: event["data"].get("description") == "last")
        assert {event["data"]["type"] for event in subscriber.events} == {"user"}
        assert plain.post("/v3/tokens?action=logout").status_code == 200
        with pytest.raises(ConnectionClosed):
            subscriber.end()


def test_who_is_refused(lariat: Server, edge: EdgeOnLambda, admin: Client) -> None:
    bearer = {"Authorization": str(admin.headers["Authorization"])}
    for status, headers, path in (
        (401, {}, PATH),
        (404, bearer, "/v3/clusters/c-absent/subscribe"),
        (403, {**bearer, "Origin": "https://evil.test"}, PATH),
    ):
        with pytest.raises(InvalidStatus) as failure, subscribing(lariat, edge.socket, headers, path=path):
            pass
        assert failure.value.response.status_code in (status, 403)
    assert admin.get("/v3/subscribe").status_code == 400
