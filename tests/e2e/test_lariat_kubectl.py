"""``lariat kubectl`` on a real cluster: streams over the WebSocket API of the AWS edge, and natively in standalone."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.kubernetes.cluster import Cluster
from tests.support.command import Command
from tests.support.container import Container
from tests.support.edge_on_lambda import serving
from tests.support.kubelet import node_of
from tests.support.lariat import PASSWORD, ROOT, Server, importing

pytestmark = pytest.mark.cluster

POD = "worker"


def noise(size: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size)


@dataclass
class Place:
    """A server with the cluster, and the command that is logged in there."""

    command: Command
    cluster: str

    def kubectl(self, *arguments: str, stdin: bytes = b"") -> bytes:
        done = self.command.run("kubectl", "--cluster", self.cluster, *arguments, stdin=stdin)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout


@pytest.fixture(scope="module")
def container(cluster: Cluster) -> Iterator[Container]:
    with node_of(Container(), cluster, POD) as container:
        yield container


@pytest.fixture(scope="module", params=["lambda", "standalone"])
def place(
    request: pytest.FixtureRequest, cluster: Cluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp(request.param)
    command = Command(cluster, folder)
    if request.param == "standalone":
        lariat, imported = request.getfixturevalue("lariat"), request.getfixturevalue("imported")
        log_in(command, lariat, "--ca-checksum", lariat.checksum)
        yield Place(command, imported.name)
        return
    with (
        serving(request.getfixturevalue("ministack"), folder) as lariat,
        lariat.log_in() as admin,
        importing(lariat, admin, "real", cluster.kubeconfig) as imported,
    ):
        log_in(command, lariat, "--ca-file", str(lariat.authority))
        yield Place(command, imported.id)


def log_in(command: Command, lariat: Server, *trust: str) -> None:
    credentials = ("--username", "admin", "--password-stdin")
    done = command.run("login", lariat.url, *credentials, *trust, stdin=PASSWORD.encode())
    assert done.returncode == 0, done.stderr


def test_the_login_is_its_owners_alone(place: Place) -> None:
    path = place.command.accounts
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert PASSWORD not in path.read_text()


def test_plain_requests(place: Place) -> None:
    document = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "plain"}, "data": {"a": "1"}}
    place.kubectl("apply", "-f", "-", stdin=json.dumps(document).encode())
    assert place.kubectl("get", "configmap", "plain", "-o", "jsonpath={.data.a}") == b"1"
    place.kubectl("delete", "configmap", "plain")
    assert b'"gitVersion":' in place.kubectl("get", "--raw", "/version").replace(b" ", b"")
    assert any((place.command.home / ".cache" / "lariat" / "discovery").glob("*/v1/serverresources.json"))
    assert not (place.command.home / ".kube" / "cache" / "discovery").exists()


def test_kubectl_finds_it_as_a_plugin(place: Place, cluster: Cluster) -> None:
    """By the file that its package installs."""
    file = place.command.home / "bin" / "kubectl-lariat"
    file.parent.mkdir()
    file.write_text(f"#!{sys.executable}\nfrom cli.__main__ import plugin\nraise SystemExit(plugin())\n")
    file.chmod(0o755)
    environment = {"HOME": str(place.command.home), "PYTHONPATH": str(ROOT)}
    environment["PATH"] = f"{file.parent}:{cluster.binaries}:{os.environ['PATH']}"
    command = ["kubectl", "lariat", "--cluster", place.cluster, "get", "namespaces", "default", "-o", "name"]
    done = subprocess.run(command, capture_output=True, env=environment, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, b"namespace/default\n"), done.stderr.decode()


def test_a_watch_shows_a_change_when_it_happens_and_ends_with_kubectl(place: Place, cluster: Cluster) -> None:
    arguments = ("get", "configmaps", "-w", "-o", "name", "--field-selector=metadata.name=watched")
    path = "/api/v1/namespaces/default/configmaps"
    with place.command.running("kubectl", "--cluster", place.cluster, *arguments) as watching:
        assert watching.stdout is not None
        for _ in range(2):
            assert cluster.request("POST", path, json={"metadata": {"name": "watched"}}).status_code == 201
            assert watching.stdout.readline() == b"configmap/watched\n"
            assert cluster.request("DELETE", f"{path}/watched").status_code == 200
            assert watching.stdout.readline() == b"configmap/watched\n"
        watching.send_signal(signal.SIGINT)
        # Its own exit code for that.
        assert watching.wait(20) == 1


def test_logs_are_followed_line_by_line(place: Place, container: Container) -> None:
    container.requests.clear()
    with place.command.running("kubectl", "--cluster", place.cluster, "logs", "-f", POD) as logs:
        assert logs.stdout is not None
        container.asked("follow=true")
        for number in range(5):
            container.lines.put(f"line {number} \N{SNOWMAN}")
            assert logs.stdout.readline() == f"line {number} \N{SNOWMAN}\n".encode()
        container.lines.put(None)
        assert logs.stdout.read() == b""
        assert logs.wait(20) == 0


@pytest.mark.parametrize("size", [0, 5, 3_000_000])
def test_exec_carries_every_byte_both_ways(place: Place, container: Container, size: int) -> None:
    sent = noise(size)
    assert place.kubectl("exec", "-i", POD, "--", "cat", stdin=sent) == sent


def test_exec_answers_each_word_before_the_next_is_said(place: Place, container: Container) -> None:
    with place.command.running("kubectl", "--cluster", place.cluster, "exec", "-i", POD, "--", "cat") as talking:
        assert talking.stdin is not None
        assert talking.stdout is not None
        for word in (b"one\n", b"\x00\xff\n", b"three\n"):
            talking.stdin.write(word)
            talking.stdin.flush()
            assert talking.stdout.readline() == word
        talking.stdin.close()
        assert talking.wait(20) == 0


def test_exec_passes_on_errors_and_exit_codes(place: Place, container: Container) -> None:
    script = "echo out; echo err >&2; exit 7"
    done = place.command.run("kubectl", "--cluster", place.cluster, "exec", POD, "--", "sh", "-c", script)
    assert (done.returncode, done.stdout) == (7, b"out\n")
    assert done.stderr.startswith(b"err\n")


def test_attach(place: Place, container: Container) -> None:
    assert place.kubectl("attach", "-i", POD, stdin=b"attached\n") == b"attached\n"


def test_files_are_copied_both_ways(place: Place, container: Container, tmp_path: Path) -> None:
    source, there, back = tmp_path / "source", tmp_path / "there", tmp_path / "back"
    source.write_bytes(noise(1_000_000, 2))
    place.kubectl("cp", str(source), f"{POD}:{there}")
    assert there.read_bytes() == source.read_bytes()
    place.kubectl("cp", f"{POD}:{there}", str(back))
    assert back.read_bytes() == source.read_bytes()


def test_a_port_is_forwarded(place: Place, container: Container) -> None:
    sent = noise(500_000, 3)
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        echo = threading.Thread(target=_echo, args=(listener,))
        echo.start()
        port = listener.getsockname()[1]
        arguments = ("kubectl", "--cluster", place.cluster, "port-forward", POD, f":{port}")
        with place.command.running(*arguments) as forwarding:
            assert forwarding.stdout is not None
            line = forwarding.stdout.readline().decode()
            assert line.startswith("Forwarding from 127.0.0.1:"), line
            local = int(line.split()[2].rpartition(":")[2])
            with socket.create_connection(("127.0.0.1", local), timeout=30) as connection:
                connection.sendall(sent)
                connection.shutdown(socket.SHUT_WR)
                received = b"".join(iter(lambda: connection.recv(65_536), b""))
            assert received == sent
        echo.join()


def _echo(listener: socket.socket) -> None:
    connection, _ = listener.accept()
    with connection:
        received = b"".join(iter(lambda: connection.recv(65_536), b""))
        connection.sendall(received)


def test_a_refusal_is_shown_as_kubernetes_says_it(place: Place) -> None:
    done = place.command.run("kubectl", "--cluster", place.cluster, "exec", "nobody", "--", "true")
    assert done.returncode == 1
    assert b'pods "nobody" not found' in done.stderr
    for path in ("/version", "/api/v1/namespaces?watch=1"):
        absent = place.command.run("kubectl", "--cluster", "c-absent", "get", "--raw", path)
        assert absent.returncode == 1
        assert b"there is no cluster c-absent" in absent.stderr


def test_the_token_for_other_kubeconfigs(place: Place) -> None:
    info = json.dumps({"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "spec": {}})
    done = place.command.run("token", environment={"KUBERNETES_EXEC_INFO": info})
    credential = json.loads(done.stdout)
    assert (credential["kind"], credential["apiVersion"]) == ("ExecCredential", "client.authentication.k8s.io/v1")
    assert credential["status"]["token"].startswith("token-")
    assert credential["status"]["expirationTimestamp"].endswith("Z")
