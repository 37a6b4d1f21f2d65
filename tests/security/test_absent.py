"""Features that published flaws were in and that are not there: whoever adds one gives its row a test of its own."""

from __future__ import annotations

import pytest

from chalicelib.schema.kinds import MANAGEMENT, PUBLIC, STORED
from tests.support.server import Caller

PATHS = {
    "the meta proxy (CVE-2019-14435, CVE-2025-54468, CVE-2026-88811)": (
        "/meta/proxy/https:/169.254.169.254/latest/meta-data",
        "/meta/proxy/http:/user@metadata.example",
        "/meta",
        "/v3/meta/proxy/x",
    ),
    "shells and drivers' files (CVE-2019-12274, CVE-2022-43758, CVE-2024-22036)": (
        "/v3/gkeClusters",
        "/v3/nodes/x/shell",
        "/assets/docker-machine",
        "/v3/drivers",
    ),
    "logins of the command line by a shared request (CVE-2024-58267, CVE-2025-23387)": (
        "/v3-public/authTokens",
        "/v3-public/authTokens/x",
        "/v3/authTokens",
    ),
    "SAML (CVE-2025-23389, CVE-2026-44946)": ("/v1-saml/ping/saml/acs", "/v3-public/pingProviders/ping"),
}


@pytest.mark.parametrize("path", [path for paths in PATHS.values() for path in paths])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
def test_there_is_nothing(admin: Caller, method: str, path: str) -> None:
    assert admin.call(method, path, {"name": "x"}).status == 404


def test_cloud_credentials() -> None:
    """CVE-2021-25320: there is nothing that another user could name to have it attached."""
    assert MANAGEMENT.find("cloudCredential") is None


def test_saml_and_the_command_lines_logins_are_no_kinds() -> None:
    names = {kind.id.lower() for kind in (*STORED, *PUBLIC.kinds)}
    assert not {
        name for name in names if any(word in name for word in ("saml", "pingp", "adfsp", "oktap", "authtoken"))
    }


@pytest.mark.parametrize("kind", ["nodeDriver", "kontainerDriver"])
def test_drivers_are_kept_and_not_run(admin: Caller, kind: str) -> None:
    """CVE-2024-22036: nothing fetches or executes what a driver's URL names."""
    made = admin.make(f"/v3/{kind}s", {"name": "one", "url": "https://evil.example/driver", "active": True})
    assert made.get("state") != "active" or "Implemented" in {each["type"] for each in made.get("conditions", ())}


@pytest.mark.parametrize("kind", ["catalog", "clusterCatalog", "projectCatalog"])
def test_catalogs_are_kept_and_not_fetched(kind: str) -> None:
    """CVE-2022-43758: no git runs, so no argument of a caller reaches one."""
    found = MANAGEMENT.find(kind)
    assert found is not None
    assert found.later
