"""The same where no process remembers a connection: the table's stream tells that a token is gone."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from tests.e2e.deleted import DeletedToken
from tests.support.edge_on_lambda import running
from tests.support.lariat import PASSWORD, Server
from tests.support.ministack import Deployed, Ministack

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def lariat(ministack: Ministack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("lambda")
    stopped = threading.Event()
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("SSL_CERT_FILE", str(folder / "authority.pem"))
        with running(Deployed(ministack), folder) as edge:
            edge.handlers.resync({"bootstrap": {"password": PASSWORD}}, None)
            stream = threading.Thread(target=edge.follow, args=(stopped,))
            stream.start()
            yield Server(edge.url, edge.authority, folder)
            stopped.set()
            stream.join()


class TestOnLambda(DeletedToken):
    """With each function in this process or in the emulator's."""
