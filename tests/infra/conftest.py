"""One deployment for all tests here: applying takes about a minute and a half."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.infra import stack
from tests.infra.stack import Stack, Terraform, Unfit
from tests.support.lariat import PASSWORD, Server

WHY = pytest.StashKey[str]()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what needs a deployment where none can be made, and say so once."""
    needing = [item for item in items if "deployment" in getattr(item, "fixturenames", ())]
    if not needing:
        return
    try:
        with tempfile.TemporaryDirectory() as folder:
            Terraform(Path(folder) / "infra", {}).init()
    except Unfit as reason:
        config.stash[WHY] = f"Skipped {len(needing)} tests of the AWS deployment: {reason}."
        items[:] = [item for item in items if item not in needing]
        config.hook.pytest_deselected(items=needing)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if why := config.stash.get(WHY, ""):
        terminalreporter.write_line(why)


@pytest.fixture(scope="session")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with stack.deployed(tmp_path_factory.mktemp("aws")) as running:
        yield running


class Emulated(Server):
    """The emulator tells APIs apart by the path where it can't by the host, and does not tell functions so."""

    def reachable(self, text: str) -> str:
        host, _, path = self.url.removeprefix("https://").partition("/")
        return text.replace(f"https://{host}/{path.rpartition('/')[2]}/", f"{self.url}/")


@pytest.fixture(scope="session")
def deployed(deployment: Stack, tmp_path_factory: pytest.TempPathFactory) -> Server:
    """The deployed server, and its first administrator."""
    assert deployment.bootstrap(password=PASSWORD) == {"password": PASSWORD}
    authority = deployment.account.authority
    assert authority
    return Emulated(deployment.outputs["url"], authority, tmp_path_factory.mktemp("deployed"))


@pytest.fixture(scope="module")
def lariat(deployed: Server) -> Server:
    return deployed
