"""What a login leaves on the user's disk, and what kubectl gets of it."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from agent.errors import ConfigurationError, Refused
from cli import accounts
from cli.accounts import Account, Accounts
from cli.credential import credential

A = Account("https://a.test", "token-a:key", "PEM", "wss://a.test", "2026-11-24T08:00:00Z")
B = Account("https://b.test", "token-b:key")


@pytest.fixture
def kept(tmp_path: Path) -> Accounts:
    return Accounts(tmp_path / "lariat" / "accounts.json")


def test_the_last_login_counts_and_others_can_be_named(kept: Accounts) -> None:
    kept.save(A)
    kept.save(B)
    assert kept.find() == B
    assert kept.find("https://a.test/") == A


def test_the_file_is_its_owners_alone_whatever_the_umask(kept: Accounts, tmp_path: Path) -> None:
    kept.save(A)
    path = tmp_path / "lariat" / "accounts.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in path.parent.iterdir()] == ["accounts.json"]
    path.chmod(0o640)
    with pytest.raises(ConfigurationError, match="others may read"):
        kept.find()


@pytest.mark.parametrize("url", ["", "https://absent.test"])
def test_whoever_is_not_logged_in_is_told_how(kept: Accounts, url: str) -> None:
    with pytest.raises(ConfigurationError, match="lariat login"):
        kept.find(url)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"servers": {"x": 1}, "current": "x"}', '{"servers": []}'])
def test_a_broken_file_is_named(kept: Accounts, tmp_path: Path, text: str) -> None:
    kept.save(A)
    path = tmp_path / "lariat" / "accounts.json"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match="remove it and log in again"):
        kept.find()


@pytest.mark.parametrize(
    ("environment", "place"),
    [
        ({"HOME": "/home/u"}, "/home/u/.config/lariat/accounts.json"),
        ({"HOME": "/home/u", "XDG_CONFIG_HOME": "/x"}, "/x/lariat/accounts.json"),
    ],
)
def test_the_place(environment: dict[str, str], place: str) -> None:
    assert accounts.of(environment)._path == Path(place)


@pytest.mark.parametrize(
    ("info", "version"),
    [
        (None, "v1beta1"),
        ('{"apiVersion":"client.authentication.k8s.io/v1"}', "v1"),
        ('{"apiVersion":"client.authentication.k8s.io/v1beta1"}', "v1beta1"),
        ('{"apiVersion":"evil/v9"}', "v1beta1"),
        ("[]", "v1beta1"),
        ("garbage", "v1beta1"),
    ],
)
def test_a_credential_is_in_the_version_that_kubectl_reads(info: str | None, version: str) -> None:
    environment = {} if info is None else {"KUBERNETES_EXEC_INFO": info}
    document = json.loads(credential(A, environment, "2026-11-24T07:59:59Z"))
    assert document == {
        "apiVersion": f"client.authentication.k8s.io/{version}",
        "kind": "ExecCredential",
        "status": {"token": "token-a:key", "expirationTimestamp": "2026-11-24T08:00:00Z"},
    }


def test_an_expired_login_says_so() -> None:
    with pytest.raises(Refused, match=r"lariat login https://a\.test"):
        credential(A, {}, "2026-11-24T08:00:00Z")
