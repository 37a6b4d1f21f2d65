"""One server for this whole folder, with two clusters: a real one, and a recorder that writes down what reaches it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.hostile.rogue import Rogue
from tests.e2e.hostile.scene import User, let_in, new_user, token_of
from tests.kubernetes.cluster import Cluster
from tests.support.lariat import Client, Imported, Lariat, importing, running
from tests.support.recorder import Recorder, recording
from tests.support.wire import Wire


@pytest.fixture(scope="package")
def lariat(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lariat]:
    with running(tmp_path_factory.mktemp("lariat")) as lariat:
        yield lariat


@pytest.fixture(scope="package")
def admin(lariat: Lariat) -> Iterator[Client]:
    with lariat.log_in() as client:
        yield client


@pytest.fixture(scope="package")
def imported(lariat: Lariat, admin: Client, plain: User, emptiness: str, cluster: Cluster) -> Iterator[Imported]:
    """The real cluster, imported and active."""
    with importing(lariat, admin, "real", cluster.kubeconfig) as imported:
        let_in(admin, imported, plain, emptiness)
        yield imported


@pytest.fixture(scope="package")
def wire(lariat: Lariat) -> Wire:
    return Wire(lariat)


@pytest.fixture(scope="package")
def root(admin: Client) -> str:
    """The administrator's token."""
    return token_of(admin)


@pytest.fixture(scope="package")
def plain(lariat: Lariat, admin: Client) -> User:
    """A user who may enter each of these clusters, and do nothing there."""
    return new_user(lariat, admin, "plain")


@pytest.fixture(scope="package")
def emptiness(admin: Client) -> str:
    """A role that lets into a cluster and grants nothing there."""
    made = admin.post("/v3/roletemplates", json={"name": "emptiness", "context": "cluster", "rules": []})
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


@pytest.fixture(scope="package")
def recorder() -> Iterator[Recorder]:
    with recording() as recorder:
        yield recorder


@pytest.fixture(scope="package")
def recorded(lariat: Lariat, admin: Client, plain: User, emptiness: str, recorder: Recorder) -> Iterator[Imported]:
    """A cluster whose API server is the recorder."""
    imported = Imported(lariat, admin, "recorded")
    let_in(admin, imported, plain, emptiness)
    try:
        imported.connect(recorder.kubeconfig(lariat.folder / "recorder.kubeconfig"))
        yield imported
    finally:
        imported.stop()


@pytest.fixture(scope="package")
def real(imported: Imported) -> str:
    """The path of the real cluster."""
    return f"/k8s/clusters/{imported.id}"


@pytest.fixture(scope="package")
def tape(recorded: Imported) -> str:
    """The path of the recorded cluster."""
    return f"/k8s/clusters/{recorded.id}"


@pytest.fixture(scope="package")
def captured(lariat: Lariat, admin: Client, plain: User, emptiness: str) -> Imported:
    """A cluster whose registration token a rogue has."""
    imported = Imported(lariat, admin, "captured")
    let_in(admin, imported, plain, emptiness)
    return imported


@pytest.fixture
def rogue(lariat: Lariat, captured: Imported) -> Iterator[Rogue]:
    rogue = Rogue(lariat, captured.registration["token"])
    yield rogue
    rogue.close()
