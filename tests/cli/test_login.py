"""Whom the command trusts, and what it learns from a real server."""

from __future__ import annotations

import pytest

from agent.errors import AgentError, ConfigurationError, Refused
from cli.clusters import find
from cli.login import Login, Options
from tests.support.lariat import PASSWORD, Client, Lariat


class Typist:
    """A ``Terminal`` whose answers are prepared."""

    def __init__(self, *answers: str, interactive: bool = True) -> None:
        self.interactive = interactive
        self.questions: list[str] = []
        self._answers = list(answers)

    def ask(self, question: str) -> str:
        self.questions.append(question)
        return self._answers.pop(0)

    def secret(self, question: str) -> str:
        return self.ask(question)

    def line(self) -> str:
        return self._answers.pop(0)


def test_whoever_believes_the_checksum_is_asked_once(lariat: Lariat) -> None:
    typist = Typist("yes", "admin", PASSWORD)
    account = Login(Options(f"{lariat.url}/"), typist).run()
    assert (account.url, account.socket) == (lariat.url, "")
    assert account.authority.strip() == lariat.authority.read_text().strip()
    assert account.expires.endswith("Z")
    assert lariat.checksum in typist.questions[0]
    with lariat.client(account.token) as client:
        assert client.get("/v3/clusters").status_code == 200


@pytest.mark.parametrize("answer", ["no", "", "maybe"])
def test_whoever_does_not_sends_nothing(lariat: Lariat, answer: str) -> None:
    with pytest.raises(Refused, match="nothing was sent"):
        Login(Options(lariat.url), Typist(answer)).run()


def test_a_script_must_say_the_checksum(lariat: Lariat) -> None:
    with pytest.raises(Refused, match=f"--ca-checksum {lariat.checksum}"):
        Login(Options(lariat.url, "admin", password=True), Typist(PASSWORD, interactive=False)).run()
    given = Options(lariat.url, "admin", password=True, checksum=lariat.checksum.upper())
    assert Login(given, Typist(PASSWORD, interactive=False)).run().token.startswith("token-")


def test_a_ca_file_is_trusted_alone(lariat: Lariat) -> None:
    given = Options(lariat.url, "admin", password=True, authority=str(lariat.authority))
    assert Login(given, Typist(PASSWORD, interactive=False)).run().authority == lariat.authority.read_text()


def test_a_token_is_taken_as_it_is(lariat: Lariat, admin: Client) -> None:
    token = str(admin.headers["Authorization"]).removeprefix("Bearer ")
    given = Options(lariat.url, token=True, checksum=lariat.checksum)
    assert Login(given, Typist(f"{token}\n", interactive=False)).run().token == token


def test_a_token_that_is_good_for_one_cluster_is_taken_too(lariat: Lariat, admin: Client) -> None:
    cluster = admin.post("/v3/clusters", json={"name": "narrow"}).json()["id"]
    token = admin.post("/v3/tokens", json={"clusterId": cluster}).json()["token"]
    given = Options(lariat.url, token=True, checksum=lariat.checksum)
    account = Login(given, Typist(token, interactive=False)).run()
    assert (account.token, find(account, cluster)) == (token, cluster)


def test_whoever_may_use_no_cluster_is_told(lariat: Lariat, admin: Client) -> None:
    admin.post("/v3/users", json={"username": "lonely", "password": PASSWORD})
    given = Options(lariat.url, "lonely", password=True, checksum=lariat.checksum)
    account = Login(given, Typist(PASSWORD, interactive=False)).run()
    with pytest.raises(ConfigurationError, match=r"no cluster at .* that you may use"):
        find(account, "")


@pytest.mark.parametrize(
    ("options", "answers", "error", "message"),
    [
        ({"checksum": "0" * 64}, [], Refused, "wrong server, or an attack"),
        ({"checksum": "abc"}, [], ConfigurationError, "64 hexadecimal"),
        ({"authority": "/nonexistent"}, [], ConfigurationError, "--ca-file"),
        ({"url": "http://lariat.test"}, [], ConfigurationError, "https:// URL is needed"),
        ({"token": True}, ["no token"], ConfigurationError, "this is no token"),
        ({"token": True}, ["token-abcde:wrong"], Refused, "the token is wrong"),
        ({}, ["admin", "wrong"], Refused, "authentication failed"),
    ],
)
def test_what_goes_wrong_is_said(
    lariat: Lariat, options: dict[str, str | bool], answers: list[str], error: type[AgentError], message: str
) -> None:
    given = {"url": lariat.url, "checksum": lariat.checksum, **options}
    with pytest.raises(error, match=message):
        Login(Options(**given), Typist(*answers)).run()  # type: ignore[arg-type]
