"""Lariat and its agent as a user runs them: real processes, real HTTPS, a folder of their own."""

from __future__ import annotations

import hashlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import requests

from tests.kubernetes.cluster import free_port

ROOT = Path(__file__).parents[2]
PASSWORD = "correct horse battery"
PATIENCE = 20.0

T = TypeVar("T")


def eventually(look: Callable[[], T | None], what: str, seconds: float = PATIENCE) -> T:
    """Look again and again until there is something to see."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s: {what}")


class Process:
    """A child process whose output goes to a file."""

    def __init__(self, command: list[str], environment: dict[str, str], log: Path) -> None:
        self._log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                command, env=environment, stdout=output, stderr=subprocess.STDOUT, cwd=ROOT, start_new_session=True
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def output(self) -> str:
        return self._log.read_text(errors="replace")

    @property
    def ended(self) -> int | None:
        return self._process.poll()

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def wait(self, seconds: float = 15.0) -> int:
        return self._process.wait(seconds)

    def kill(self) -> None:
        """``kill -9``, as a power cut would."""
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()


class Client(requests.Session):
    """An HTTPS client with its own trust, whatever the machine's environment says."""

    def __init__(self, base: str, authority: Path, token: str = "") -> None:
        super().__init__()
        self.trust_env = False
        self.verify = str(authority)
        self.base = base
        if token:
            self.headers["Authorization"] = f"Bearer {token}"

    def request(self, method: str | bytes, url: str | bytes, *args: Any, **kwargs: Any) -> requests.Response:
        kwargs.setdefault("timeout", 30)
        where = url if isinstance(url, str) and url.startswith("https:") else f"{self.base}{url!s}"
        return super().request(method, where, *args, **kwargs)


class Server:
    """A Lariat that answers. Without a ``checksum`` its authority counts as one that the machine trusts."""

    def __init__(self, url: str, authority: Path, folder: Path) -> None:
        self.url = url
        self.authority = authority
        self.folder = folder

    def reachable(self, text: str) -> str:
        """Return an answer of the server with addresses in it that can be dialled."""
        return text

    def client(self, token: str = "") -> Client:
        return Client(self.url, self.authority, token)

    def log_in(self, username: str = "admin", password: str = PASSWORD) -> Client:
        login = "/v3-public/localProviders/local?action=login"
        with self.client() as anybody:
            answer = anybody.post(login, json={"username": username, "password": password})
            while answer.status_code == 429:
                # Others have guessed wrongly from here, as tests of logins do.
                time.sleep(float(answer.headers["Retry-After"]))
                answer = anybody.post(login, json={"username": username, "password": password})
        assert answer.status_code == 201, answer.text
        return self.client(answer.json()["token"])

    @property
    def checksum(self) -> str:
        """What a user pins: the SHA-256 of the setting ``cacerts`` with one final newline; nothing if there is no such CA."""
        with self.client() as anybody:
            pem = anybody.get("/v3/settings/cacerts").json()["value"]
        return hashlib.sha256(pem.encode() + b"\n").hexdigest() if pem else ""


class Lariat(Server):
    """One server on a free port, with a data folder that outlives its processes."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.port = free_port()
        super().__init__(f"https://127.0.0.1:{self.port}", folder / "trusted.pem", folder)
        self.data = folder / "data"
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "LARIAT_LISTEN": f"127.0.0.1:{self.port}",
            "LARIAT_DATA": str(self.data),
            "LARIAT_ADMIN_PASSWORD": PASSWORD,
            "LARIAT_LOCAL_KUBECONFIG": "none",
            **environment,
        }
        self.process: Process | None = None

    def start(self) -> None:
        before = len(self._log.read_text(errors="replace")) if self._log.exists() else 0
        self.process = Process([sys.executable, "-m", "standalone"], self._environment, self._log)
        process = self.process

        def ready() -> bool:
            assert process.ended is None, process.output
            return "Lariat is ready on" in process.output[before:]

        eventually(ready, "the server is ready")
        self.authority.write_text((self.data / "ca.pem").read_text())

    @property
    def _log(self) -> Path:
        return self.folder / "server.log"

    @property
    def output(self) -> str:
        return self._log.read_text(errors="replace")

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()

    def stop(self) -> None:
        if self.process is not None:
            self.process.stop()


class Agent(Process):
    """``python -m agent`` beside a kubeconfig."""

    def __init__(self, lariat: Server, token: str, kubeconfig: Path, log: Path, *, checksum: str = "") -> None:
        command = [sys.executable, "-m", "agent", "--server", lariat.url, "--token", token]
        command += ["--kubeconfig", str(kubeconfig)]
        environment = {"PATH": os.environ["PATH"], "HOME": str(lariat.folder), "LARIAT_LOG_LEVEL": "debug"}
        if pinned := checksum or lariat.checksum:
            command += ["--ca-checksum", pinned]
        else:
            environment["SSL_CERT_FILE"] = str(lariat.authority)
        super().__init__(command, environment, log)


class Imported:
    """A cluster in Lariat whose agent runs against a real one."""

    def __init__(self, lariat: Server, admin: Client, name: str) -> None:
        created = admin.post("/v3/clusters", json={"name": name})
        assert created.status_code == 201, created.text
        self.lariat = lariat
        self.admin = admin
        self.id: str = created.json()["id"]
        self.name = name
        registration = admin.post("/v3/clusterregistrationtokens", json={"clusterId": self.id})
        assert registration.status_code == 201, registration.text
        self.registration: dict[str, Any] = registration.json()
        self.agent: Agent | None = None

    def connect(self, kubeconfig: Path) -> Agent:
        token = self.registration["token"]
        self.agent = Agent(self.lariat, token, kubeconfig, self.lariat.folder / f"agent-{self.id}.log")
        self.await_state("active")
        return self.agent

    def show(self) -> dict[str, Any]:
        shown: dict[str, Any] = self.admin.get(f"/v3/clusters/{self.id}").json()
        return shown

    def await_state(self, state: str, seconds: float = PATIENCE) -> dict[str, Any]:
        def look() -> dict[str, Any] | None:
            shown = self.show()
            return shown if shown.get("state") == state else None

        return eventually(look, f"cluster {self.name} is {state}, but {self.show()}", seconds)

    def kubeconfig(self, client: Client | None = None) -> Path:
        answer = (client or self.admin).post(f"/v3/clusters/{self.id}?action=generateKubeconfig")
        assert answer.status_code == 200, answer.text
        return self.write(answer.json()["config"])

    def write(self, config: str) -> Path:
        config = self.lariat.reachable(config)
        if "certificate-authority" not in config:
            # kubectl would trust a public one by itself.
            config = config.replace("server:", f"certificate-authority: {self.lariat.authority}\n    server:", 1)
        path = self.lariat.folder / f"{self.id}-{hashlib.sha256(config.encode()).hexdigest()[:8]}.kubeconfig"
        path.write_text(config)
        return path

    def kubeconfig_of(self, token: str) -> Path:
        """A kubeconfig with somebody's own token, for those who may not generate one."""
        return self.write(re.sub(r"token: \S+", f"token: {token}", self.kubeconfig().read_text()))

    def stop(self) -> None:
        if self.agent is not None:
            self.agent.stop()


@contextmanager
def running(folder: Path, **environment: str) -> Iterator[Lariat]:
    lariat = Lariat(folder, **environment)
    try:
        lariat.start()
        yield lariat
    finally:
        lariat.stop()


@contextmanager
def importing(lariat: Server, admin: Client, name: str, kubeconfig: Path) -> Iterator[Imported]:
    """A cluster that is imported and active, and whose agent ends with the tests that use it."""
    imported = Imported(lariat, admin, name)
    try:
        imported.connect(kubeconfig)
        yield imported
    finally:
        imported.stop()
