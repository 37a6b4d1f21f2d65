"""One deployment for all tests here: applying takes about a minute and a half."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.infra import stack
from tests.infra.stack import Stack, Terraform, Unfit

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
