"""Last of this folder: after all of that."""

from __future__ import annotations

import pytest

from tests.support.lariat import Imported, Lariat

pytestmark = pytest.mark.cluster


def test_nothing_of_all_that_stopped_the_server_or_the_cluster(
    imported: Imported, recorded: Imported, lariat: Lariat
) -> None:
    assert (imported.show()["state"], recorded.show()["state"]) == ("active", "active")
    assert lariat.process is not None
    assert lariat.process.ended is None


def test_nothing_of_all_that_made_anything_stumble(imported: Imported, recorded: Imported, lariat: Lariat) -> None:
    assert imported.agent is not None
    assert recorded.agent is not None
    for output in (lariat.output, imported.agent.output, recorded.agent.output):
        assert "Traceback" not in output
