"""A real cluster behind the AWS edge: the real agent, kubectl, and ``app.py``'s handlers on an emulated account.

``tests/infra/test_first_light.py`` has the same on what Terraform deploys, where there is Terraform.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.scenario import WithoutStreams
from tests.support.edge_on_lambda import running
from tests.support.lariat import PASSWORD, Server
from tests.support.ministack import Deployed, Ministack

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def lariat(ministack: Ministack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("lambda")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("SSL_CERT_FILE", str(folder / "authority.pem"))
        with running(Deployed(ministack), folder) as edge:
            assert edge.handlers.resync({"bootstrap": {"password": PASSWORD}}, None) == {"password": PASSWORD}
            assert edge.handlers.resync({"bootstrap": {"password": PASSWORD}}, None) == {"password": ""}
            yield Server(edge.url, edge.authority, folder)


class TestOnLambda(WithoutStreams):
    """With each function in this process or in the emulator's."""
