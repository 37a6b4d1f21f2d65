"""A real cluster behind the AWS edge: the real agent, kubectl, and ``app.py``'s handlers on an emulated account.

``tests/infra/test_first_light.py`` has the same on what Terraform deploys, where there is Terraform.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.scenario import WithoutStreams
from tests.support.edge_on_lambda import serving
from tests.support.lariat import Server
from tests.support.ministack import Ministack

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def lariat(ministack: Ministack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(ministack, tmp_path_factory.mktemp("lambda")) as lariat:
        yield lariat


class TestOnLambda(WithoutStreams):
    """With each function in this process or in the emulator's."""
