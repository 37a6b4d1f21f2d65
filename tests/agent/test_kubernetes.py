"""Which API server the agent talks to and with which credentials: kubeconfigs and service accounts."""

from __future__ import annotations

import asyncio
import base64
import json
import queue
import ssl
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme
import yaml

from agent.errors import ConfigurationError, UpstreamError
from agent.kubernetes import Kubernetes, from_kubeconfig, in_cluster
from agent.server import Cluster
from chalicelib.tunnel.heads import RequestHead
from tests.support.scripted import Peer, Request, Scripted, serving

SECONDS = 10.0


class Api:
    """An HTTPS server that writes down what it is asked, and by whom."""

    def __init__(self, *, demand: bool = False, name: str = "127.0.0.1") -> None:
        self.authority = trustme.CA()
        self.requests: queue.Queue[Request] = queue.Queue()
        self.identities: queue.Queue[str] = queue.Queue()
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.authority.issue_cert(name).configure_cert(tls)
        if demand:
            self.authority.configure_trust(tls)
            tls.verify_mode = ssl.CERT_REQUIRED
        self.server = Scripted(self._serve, tls)

    @property
    def pem(self) -> str:
        return self.authority.cert_pem.bytes().decode()

    def _serve(self, peer: Peer) -> None:
        while (request := peer.request()) is not None:
            self.requests.put(request)
            peer.answer()

    def authorization(self) -> str:
        return self.requests.get(timeout=SECONDS).value("authorization")


@contextmanager
def api(*, demand: bool = False, name: str = "127.0.0.1") -> Iterator[Api]:
    api = Api(demand=demand, name=name)
    with serving(api.server):
        yield api


@pytest.fixture
def secure() -> Iterator[Api]:
    with api() as server:
        yield server


def encoded(text: str | bytes) -> str:
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


def jwt(subject: object) -> str:
    claims = base64.urlsafe_b64encode(json.dumps({"sub": subject}).encode()).decode().rstrip("=")
    return f"eyJhbGciOiJub25lIn0.{claims}.c2ln"


def write(path: Path, cluster: dict[str, Any], user: dict[str, Any]) -> Path:
    document = {
        "clusters": [{"name": "c", "cluster": cluster}, {"name": "other", "cluster": {"server": "https://other.test"}}],
        "users": [{"name": "u", "user": user}, {"name": "nobody", "user": {}}],
        "contexts": [
            {"name": "first", "context": {"cluster": "c", "user": "u"}},
            {"name": "second", "context": {"cluster": "other", "user": "nobody"}},
        ],
        "current-context": "first",
    }
    path.write_text(yaml.safe_dump(document))
    return path


def ask(kubernetes: Kubernetes, times: int = 1) -> None:
    """Send requests through it. Raises ``UpstreamError``."""

    async def main() -> None:
        try:
            for _ in range(times):
                call = kubernetes.upstream.call()
                try:
                    await asyncio.wait_for(call.send(RequestHead("GET", "/version", ()), b""), SECONDS)
                finally:
                    call.close()
        finally:
            kubernetes.upstream.close()
            await asyncio.sleep(0.02)

    asyncio.run(main())


class TestTrust:
    def test_the_authority_may_be_inside_of_the_file(self, tmp_path: Path, secure: Api) -> None:
        cluster = {"server": secure.server.url, "certificate-authority-data": encoded(secure.pem)}
        ask(from_kubeconfig(write(tmp_path / "k", cluster, {"token": "t"})))
        assert secure.authorization() == "Bearer t"

    def test_or_beside_it(self, tmp_path: Path, secure: Api) -> None:
        (tmp_path / "ca.pem").write_text(secure.pem)
        ask(
            from_kubeconfig(write(tmp_path / "k", {"server": secure.server.url, "certificate-authority": "ca.pem"}, {}))
        )
        assert secure.authorization() == ""

    def test_another_authority_is_not_trusted(self, tmp_path: Path, secure: Api) -> None:
        other = trustme.CA().cert_pem.bytes().decode()
        cluster = {"server": secure.server.url, "certificate-authority-data": encoded(other)}
        with pytest.raises(UpstreamError, match="certificate verify failed"):
            ask(from_kubeconfig(write(tmp_path / "k", cluster, {"token": "secret"})))
        assert secure.requests.empty()

    def test_without_one_the_machine_decides(self, tmp_path: Path, secure: Api) -> None:
        with pytest.raises(UpstreamError, match="certificate verify failed"):
            ask(from_kubeconfig(write(tmp_path / "k", {"server": secure.server.url}, {"token": "secret"})))
        assert secure.requests.empty()

    def test_another_name_is_not_trusted(self, tmp_path: Path, secure: Api) -> None:
        cluster = {
            "server": secure.server.url.replace("127.0.0.1", "localhost"),
            "certificate-authority-data": encoded(secure.pem),
        }
        with pytest.raises(UpstreamError):
            ask(from_kubeconfig(write(tmp_path / "k", cluster, {"token": "secret"})))
        assert secure.requests.empty()

    def test_unless_the_file_says_not_to_look(self, tmp_path: Path, secure: Api) -> None:
        cluster = {"server": secure.server.url, "insecure-skip-tls-verify": True}
        ask(from_kubeconfig(write(tmp_path / "k", cluster, {"token": "t"})))
        assert secure.authorization() == "Bearer t"

    @pytest.mark.parametrize("value", ["true", 1, "yes"])
    def test_which_it_must_say_clearly(self, tmp_path: Path, secure: Api, value: object) -> None:
        cluster = {"server": secure.server.url, "insecure-skip-tls-verify": value}
        with pytest.raises(UpstreamError):
            ask(from_kubeconfig(write(tmp_path / "k", cluster, {"token": "t"})))

    def test_the_file_may_name_the_certificates_name(self, tmp_path: Path) -> None:
        with api(name="kubernetes.test") as server:
            cluster = {"server": server.server.url, "certificate-authority-data": encoded(server.pem)}
            with pytest.raises(UpstreamError):
                ask(from_kubeconfig(write(tmp_path / "k", cluster, {})))
            cluster["tls-server-name"] = "kubernetes.test"
            ask(from_kubeconfig(write(tmp_path / "k", cluster, {})))


class TestCredentials:
    @pytest.fixture
    def cluster(self, secure: Api) -> dict[str, Any]:
        return {"server": secure.server.url, "certificate-authority-data": encoded(secure.pem)}

    def test_a_password(self, tmp_path: Path, secure: Api, cluster: dict[str, Any]) -> None:
        ask(from_kubeconfig(write(tmp_path / "k", cluster, {"username": "ann", "password": "pä:ss"})))
        assert secure.authorization() == f"Basic {encoded('ann:pä:ss')}"

    def test_a_token_file_is_read_each_time(self, tmp_path: Path, secure: Api, cluster: dict[str, Any]) -> None:
        file = tmp_path / "token"
        file.write_text("one\n")
        kubernetes = from_kubeconfig(write(tmp_path / "k", cluster, {"tokenFile": "token"}))
        file.write_text("two\n")
        ask(kubernetes)
        assert secure.authorization() == "Bearer two"

    def test_a_client_certificate(self, tmp_path: Path) -> None:
        with api(demand=True) as server:
            identity = server.authority.issue_cert("client.test")
            user = {
                "client-certificate-data": encoded(identity.cert_chain_pems[0].bytes()),
                "client-key-data": encoded(identity.private_key_pem.bytes()),
            }
            cluster = {"server": server.server.url, "certificate-authority-data": encoded(server.pem)}
            ask(from_kubeconfig(write(tmp_path / "k", cluster, user)))
            assert server.authorization() == ""
            with pytest.raises(UpstreamError):
                ask(from_kubeconfig(write(tmp_path / "k", cluster, {"token": "t"})))

    def test_a_client_certificate_from_a_command(self, tmp_path: Path) -> None:
        with api(demand=True) as server:
            identity = server.authority.issue_cert("client.test")
            status = {
                "clientCertificateData": identity.cert_chain_pems[0].bytes().decode(),
                "clientKeyData": identity.private_key_pem.bytes().decode(),
            }
            cluster = {"server": server.server.url, "certificate-authority-data": encoded(server.pem)}
            ask(from_kubeconfig(write(tmp_path / "k", cluster, {"exec": _printing(tmp_path, {"status": status})})))
            assert server.authorization() == ""

    def test_a_fresh_token_of_a_command_is_kept(self, tmp_path: Path, secure: Api, cluster: dict[str, Any]) -> None:
        settings = _printing(tmp_path, {"status": {"token": "t", "expirationTimestamp": "2099-01-01T00:00:00Z"}})
        ask(from_kubeconfig(write(tmp_path / "k", cluster, {"exec": settings})), 3)
        assert [secure.authorization() for _ in range(3)] == ["Bearer t"] * 3
        assert (tmp_path / "runs").read_text() == "x"

    def test_a_token_without_an_end_is_kept(self, tmp_path: Path, secure: Api, cluster: dict[str, Any]) -> None:
        settings = _printing(tmp_path, {"status": {"token": "t"}})
        ask(from_kubeconfig(write(tmp_path / "k", cluster, {"exec": settings})), 3)
        assert (tmp_path / "runs").read_text() == "x"

    def test_one_that_has_expired_is_asked_for_again(
        self, tmp_path: Path, secure: Api, cluster: dict[str, Any]
    ) -> None:
        settings = _printing(tmp_path, {"status": {"token": "t", "expirationTimestamp": "2001-01-01T00:00:00Z"}})
        ask(from_kubeconfig(write(tmp_path / "k", cluster, {"exec": settings})), 2)
        assert (tmp_path / "runs").read_text() == "xxx"

    @pytest.mark.parametrize("timestamp", ["2001-01-01T00:00:00", "soon", 3])
    def test_an_odd_time_is_an_error_of_the_configuration(
        self, tmp_path: Path, cluster: dict[str, Any], timestamp: object
    ) -> None:
        settings = _printing(tmp_path, {"status": {"token": "t", "expirationTimestamp": timestamp}})
        with pytest.raises(ConfigurationError, match="end of validity"):
            from_kubeconfig(write(tmp_path / "k", cluster, {"exec": settings}))

    def test_a_command_gets_its_environment_and_arguments(
        self, tmp_path: Path, secure: Api, cluster: dict[str, Any]
    ) -> None:
        settings = _printing(tmp_path, {"status": {"token": "t"}})
        settings |= {"env": [{"name": "COLOUR", "value": "blue"}], "apiVersion": "client.authentication.k8s.io/v1beta1"}
        settings["args"] += ["--flag", "a b"]
        ask(from_kubeconfig(write(tmp_path / "k", cluster, {"exec": settings})))
        told = json.loads((tmp_path / "told").read_text())
        assert told["arguments"] == ["--flag", "a b"]
        assert told["colour"] == "blue"
        assert told["info"]["apiVersion"] == "client.authentication.k8s.io/v1beta1"
        assert told["info"]["spec"] == {"interactive": False}


def _printing(folder: Path, credential: dict[str, Any]) -> dict[str, Any]:
    """The ``exec`` entry of a command that prints a credential, and writes down its runs and what it was told."""
    script = folder / "credential.py"
    script.write_text(
        "import json, os, pathlib, sys\n"
        f"folder = pathlib.Path({str(folder)!r})\n"
        "runs = folder / 'runs'\n"
        "runs.write_text((runs.read_text() if runs.exists() else '') + 'x')\n"
        "info = json.loads(os.environ['KUBERNETES_EXEC_INFO'])\n"
        "told = {'arguments': sys.argv[1:], 'colour': os.environ.get('COLOUR'), 'info': info}\n"
        "(folder / 'told').write_text(json.dumps(told))\n"
        f"print({json.dumps(credential)!r})\n"
    )
    return {"apiVersion": "client.authentication.k8s.io/v1", "command": sys.executable, "args": [str(script)]}


class TestDescription:
    """What the server is told: the address, the CA, and a service account's token, but no person's secrets."""

    @pytest.fixture
    def cluster(self) -> dict[str, Any]:
        return {"server": "https://a.test:6443"}

    @pytest.mark.parametrize(
        ("user", "token"),
        [
            ({"token": jwt("system:serviceaccount:cattle-system:cattle")}, jwt("system:serviceaccount:cattle-system:cattle")),
            ({"token": jwt("ann")}, ""),
            ({"token": jwt(None)}, ""),
            ({"token": jwt(["system:serviceaccount:a:b"])}, ""),
            ({"token": "opaque"}, ""),
            ({"token": "a.b.c"}, ""),
            ({"token": "a.!!.c"}, ""),
            ({"username": "system:serviceaccount:a:b", "password": "p"}, ""),
            ({}, ""),
        ],
        ids=["account", "person", "nobody", "list", "opaque", "no claims", "no base64", "password", "none"],
    )  # fmt: skip
    def test_only_a_service_accounts_token_is_told(
        self, tmp_path: Path, cluster: dict[str, Any], user: dict[str, Any], token: str
    ) -> None:
        kubernetes = from_kubeconfig(write(tmp_path / "k", cluster, user))
        assert kubernetes.describe() == Cluster("a.test:6443", "", token)

    def test_the_authority_is_told(self, tmp_path: Path, cluster: dict[str, Any]) -> None:
        pem = trustme.CA().cert_pem.bytes().decode()
        cluster["certificate-authority-data"] = encoded(pem)
        assert from_kubeconfig(write(tmp_path / "k", cluster, {})).describe().certificate == encoded(pem)

    def test_another_context_may_be_chosen(self, tmp_path: Path, cluster: dict[str, Any]) -> None:
        path = write(tmp_path / "k", cluster, {})
        assert from_kubeconfig(path, "second").describe().address == "other.test:443"


class TestWrong:
    @pytest.mark.parametrize(
        ("text", "part"),
        [
            ("", "is no kubeconfig"),
            ("[]", "is no kubeconfig"),
            ("a: [", "is no YAML"),
            ("a: b", "has no current context"),
            ("current-context: x", "there is no context 'x'"),
            ("current-context: x\ncontexts: [{name: x, context: {cluster: y}}]", "there is no cluster 'y'"),
            ("current-context: x\ncontexts: [{name: x}]", "there is no cluster ''"),
            ("current-context: x\ncontexts: [3, {name: x, context: null}]", "there is no cluster ''"),
        ],
    )
    def test_a_file_is_answered_in_one_line(self, tmp_path: Path, text: str, part: str) -> None:
        path = tmp_path / "k"
        path.write_text(text)
        with pytest.raises(ConfigurationError) as caught:
            from_kubeconfig(path)
        assert part in str(caught.value)
        assert "\n" not in str(caught.value)

    @pytest.mark.parametrize(
        "text",
        [
            b"\xff\xfe\x00",
            b"current-context: x\ncontexts: 3",
            b"current-context: x\ncontexts: [{name: x, context: [1]}]",
            b"[" * 5000,
        ],
        ids=["no text", "no list", "no object", "deep"],
    )
    def test_an_odder_file_is_too(self, tmp_path: Path, text: bytes) -> None:
        path = tmp_path / "k"
        path.write_bytes(text)
        with pytest.raises(ConfigurationError):
            from_kubeconfig(path)

    @pytest.mark.parametrize(
        ("cluster", "user", "part"),
        [
            ({}, {}, "'' is no address"),
            ({"server": "ftp://x"}, {}, "is no address"),
            ({"server": "https://x", "certificate-authority-data": "***"}, {}, "certificate-authority-data is not base64"),
            ({"server": "https://x", "certificate-authority-data": encoded("no PEM")}, {}, "can't be read"),
            ({"server": "https://x", "certificate-authority": "absent"}, {}, "can't read absent: No such file"),
            ({"server": "https://x"}, {"client-certificate-data": "eA==", "client-key-data": "eQ=="}, "don't fit"),
            ({"server": "https://x"}, {"auth-provider": {"name": "gcp"}}, "auth-provider was removed"),
            ({"server": "https://x"}, {"exec": {}}, "the credential command '' failed"),
            ({"server": "https://x"}, {"exec": {"command": "echo", "args": ["[]"]}}, "printed no ExecCredential"),
            ({"server": "https://x"}, {"exec": {"command": "echo", "args": ["{}"]}}, "printed no ExecCredential"),
        ],
    )  # fmt: skip
    def test_an_entry_is_answered_in_one_line(
        self, tmp_path: Path, cluster: dict[str, Any], user: dict[str, Any], part: str
    ) -> None:
        with pytest.raises(ConfigurationError) as caught:
            from_kubeconfig(write(tmp_path / "k", cluster, user))
        assert part in str(caught.value)
        assert "\n" not in str(caught.value)

    def test_a_file_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigurationError, match="No such file"):
            from_kubeconfig(tmp_path / "absent")

    def test_a_token_file_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigurationError):
            from_kubeconfig(write(tmp_path / "k", {"server": "https://x"}, {"tokenFile": "absent"})).describe()


class TestInCluster:
    @pytest.fixture
    def account(self, tmp_path: Path, secure: Api) -> Path:
        (tmp_path / "token").write_text(f"{jwt('system:serviceaccount:cattle-system:cattle')}\n")
        (tmp_path / "ca.crt").write_text(secure.pem)
        return tmp_path

    def environment(self, server: Api) -> dict[str, str]:
        return {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(server.server.port)}

    def test_the_service_account_is_used_and_told(self, account: Path, secure: Api) -> None:
        kubernetes = in_cluster(self.environment(secure), account)
        token = (account / "token").read_text().strip()
        assert kubernetes.describe() == Cluster(f"127.0.0.1:{secure.server.port}", encoded(secure.pem), token)
        ask(kubernetes)
        assert secure.authorization() == f"Bearer {token}"

    def test_a_rotated_token_is_read_anew(self, account: Path, secure: Api) -> None:
        kubernetes = in_cluster(self.environment(secure), account)
        (account / "token").write_text("rotated")
        assert kubernetes.describe().token == "rotated"
        ask(kubernetes)
        assert secure.authorization() == "Bearer rotated"

    def test_an_ipv6_address_gets_brackets(self, account: Path) -> None:
        kubernetes = in_cluster({"KUBERNETES_SERVICE_HOST": "fd00::1"}, account)
        assert kubernetes.describe().address == "[fd00::1]:443"

    @pytest.mark.parametrize("environment", [{}, {"KUBERNETES_SERVICE_HOST": ""}])
    def test_outside_of_a_cluster_it_says_what_to_do(self, account: Path, environment: dict[str, str]) -> None:
        with pytest.raises(ConfigurationError, match="--kubeconfig"):
            in_cluster(environment, account)

    def test_without_a_token_too(self, tmp_path: Path, secure: Api) -> None:
        with pytest.raises(ConfigurationError, match="no pod with a service account"):
            in_cluster(self.environment(secure), tmp_path)
