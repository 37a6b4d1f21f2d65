"""A real Kubernetes control plane on loopback: etcd, kube-apiserver and kube-controller-manager on free ports.

The fixtures in ``tests/conftest.py`` and the benchmark start one. There are no nodes in it; what pods would do is not
what these tests are about.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import requests
import trustme
import yaml

ADMIN_TOKEN = "admin-token-of-a-test-cluster"
START_SECONDS = 60


class Cluster:
    """One running control plane. ``kubeconfig`` is an administrator's, by client certificate.

    ``admission`` are plugins of the API server beside those that are on by default.
    """

    def __init__(self, binaries: Path, folder: Path, admission: str = "") -> None:
        self.admission = admission
        self.binaries = binaries
        self.folder = folder
        self.port = free_port()
        self.url = f"https://127.0.0.1:{self.port}"
        self.kubeconfig = folder / "admin.kubeconfig"
        self.authority = folder / "ca.pem"
        self._processes: list[subprocess.Popen[bytes]] = []
        self._logs: list[Any] = []

    def start(self) -> None:
        self._write_certificates()
        etcd = self._start_etcd()
        self._start_apiserver(etcd)
        self._await_ready()
        if (self.binaries / "kube-controller-manager").exists():
            self._start_controller_manager()
        self._await_default_account()

    def stop(self) -> None:
        # One after the other: an API server that has lost its etcd takes long to give up.
        for process in reversed(self._processes):
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for log in self._logs:
            log.close()

    def get(self, path: str) -> requests.Response:
        return self.request("GET", path)

    def request(self, method: str, path: str, **arguments: Any) -> requests.Response:
        """Ask the API server straight, as its administrator."""
        with requests.Session() as session:
            session.trust_env = False
            session.verify = str(self.authority)
            session.headers["Authorization"] = f"Bearer {ADMIN_TOKEN}"
            return session.request(method, self.url + path, timeout=30, **arguments)

    def kubectl(self, *arguments: str, kubeconfig: Path | None = None, stdin: str | None = None) -> Result:
        """Run the real kubectl and wait for it."""
        command = [str(self.binaries / "kubectl"), "--kubeconfig", str(kubeconfig or self.kubeconfig), *arguments]
        done = subprocess.run(
            command, input=stdin, capture_output=True, text=True, timeout=120, env=self.environment(), check=False
        )
        return Result(done.returncode, done.stdout, done.stderr)

    def environment(self) -> Mapping[str, str]:
        """A clean environment: no proxy and no kubeconfig of the machine's owner gets in."""
        return {"PATH": os.environ["PATH"], "HOME": str(self.folder), "KUBECONFIG": "/nonexistent"}

    def _write_certificates(self) -> None:
        authority = trustme.CA()
        authority.cert_pem.write_to_path(str(self.authority))
        serving = authority.issue_cert("127.0.0.1", "localhost", "kubernetes.default.svc")
        serving.private_key_and_cert_chain_pem.write_to_path(str(self.folder / "apiserver.pem"))
        account = trustme.CA().issue_cert("service-accounts")
        account.private_key_pem.write_to_path(str(self.folder / "accounts.key"))
        (self.folder / "tokens.csv").write_text(f'{ADMIN_TOKEN},admin,admin,"system:masters"\n')
        # Go refuses a certificate whose list of names is empty, so it gets one that nobody looks at.
        administrator = authority.issue_cert(
            "administrator.test", common_name="administrator", organization_name="system:masters"
        )
        self.kubeconfig.write_text(yaml.safe_dump(self._kubeconfig(administrator)))

    def _kubeconfig(self, identity: trustme.LeafCert) -> dict[str, Any]:
        def encoded(data: bytes) -> str:
            return base64.b64encode(data).decode()

        user = {
            "client-certificate-data": encoded(b"".join(pem.bytes() for pem in identity.cert_chain_pems)),
            "client-key-data": encoded(identity.private_key_pem.bytes()),
        }
        cluster = {"server": self.url, "certificate-authority-data": encoded(self.authority.read_bytes())}
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": "admin", "user": user}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "admin"}}],
            "current-context": "test",
        }

    def _start_etcd(self) -> str:
        client, peer = f"http://127.0.0.1:{free_port()}", f"http://127.0.0.1:{free_port()}"
        self._run(
            "etcd",
            f"--data-dir={self.folder}/etcd",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
        )
        return client

    def _start_apiserver(self, etcd: str) -> None:
        pem, accounts = self.folder / "apiserver.pem", self.folder / "accounts.key"
        self._run(
            "kube-apiserver",
            f"--etcd-servers={etcd}",
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            f"--secure-port={self.port}",
            f"--tls-cert-file={pem}",
            f"--tls-private-key-file={pem}",
            f"--client-ca-file={self.authority}",
            f"--token-auth-file={self.folder}/tokens.csv",
            "--authorization-mode=RBAC",
            "--service-cluster-ip-range=10.0.0.0/24",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-signing-key-file={accounts}",
            f"--service-account-key-file={accounts}",
            "--allow-privileged=true",
            *([f"--enable-admission-plugins={self.admission}"] if self.admission else []),
        )

    def _start_controller_manager(self) -> None:
        self._run(
            "kube-controller-manager",
            f"--kubeconfig={self.kubeconfig}",
            f"--service-account-private-key-file={self.folder}/accounts.key",
            f"--root-ca-file={self.authority}",
            "--use-service-account-credentials=true",
            "--leader-elect=false",
            "--bind-address=127.0.0.1",
            f"--secure-port={free_port()}",
            f"--cert-dir={self.folder}",
            *self._no_plain_port(),
        )

    def _no_plain_port(self) -> list[str]:
        """Until 1.23 there was a port without TLS too, always the same one, so two clusters would collide."""
        version = subprocess.run(
            [str(self.binaries / "kube-controller-manager"), "--version"], capture_output=True, text=True, check=True
        ).stdout
        minor = re.search(r"v1\.(\d+)", version)
        return ["--port=0"] if minor and int(minor[1]) < 24 else []

    def _run(self, name: str, *arguments: str) -> None:
        log = (self.folder / f"{name}.log").open("wb")
        self._logs.append(log)
        command = [str(self.binaries / name), *arguments]
        # A group of its own: Ctrl-C of a test run must not take the cluster from under it.
        self._processes.append(
            subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, cwd=self.folder, start_new_session=True)
        )

    def _await_ready(self) -> None:
        self._await(lambda: self.get("/readyz").status_code == 200, "kube-apiserver is not ready")

    def _await_default_account(self) -> None:
        self._await(lambda: self.get("/api/v1/namespaces/default").status_code == 200, "no namespace default")
        if (self.binaries / "kube-controller-manager").exists():
            path = "/api/v1/namespaces/default/serviceaccounts/default"
            self._await(lambda: self.get(path).status_code == 200, "no service account in default")

    def _await(self, done: Any, complaint: str) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            for process in self._processes:
                if process.poll() is not None:
                    raise RuntimeError(f"{complaint}: a process ended; logs are in {self.folder}")
            with contextlib.suppress(requests.RequestException):
                if done():
                    return
            time.sleep(0.1)
        raise RuntimeError(f"{complaint} after {START_SECONDS} s; logs are in {self.folder}")


class Result:
    """What a command printed."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code = code
        self.out = out
        self.err = err

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    def __repr__(self) -> str:
        return f"<exit {self.code}: {self.out[:2000]}{self.err[:2000]}>"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@contextlib.contextmanager
def running(binaries: Path, folder: Path, admission: str = "") -> Iterator[Cluster]:
    cluster = Cluster(binaries, folder, admission)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()
