"""An AWS account on this machine: ministack, and what Lariat needs in it."""

from __future__ import annotations

import io
import os
import signal
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import trustme
from botocore.session import get_session

from chalicelib.adapters.dynamodb import DynamoStore
from chalicelib.adapters.system import SystemClock, SystemRandom
from tests.kubernetes.cluster import free_port
from tests.support.lariat import ROOT

REGION = "us-east-1"
NARROW = Path(__file__).parent / "emulator/narrow.py"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": REGION}
ROLE = "arn:aws:iam::000000000000:role/lariat"


class Ministack:
    """One running emulator. With an ``authority`` (a file) it serves TLS, and so do its APIs."""

    def __init__(self, url: str, authority: Path | None = None) -> None:
        self.url = url
        self.authority = authority

    def client(self, service: str, endpoint: str = "") -> Any:
        return get_session().create_client(
            service,
            region_name=REGION,
            endpoint_url=endpoint or self.url,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            verify=str(self.authority) if self.authority else None,
        )

    def table(self) -> str:
        name = f"lariat-{uuid4().hex}"
        DynamoStore(
            name,
            SystemClock(),
            SystemRandom(),
            region=REGION,
            host=self.url,
            access_key="test",
            secret_key="test",
        ).create_table()
        return name

    def queue(self) -> str:
        return str(self.client("sqs").create_queue(QueueName=f"lariat-{uuid4().hex}")["QueueUrl"])

    def key(self) -> str:
        return str(self.client("kms").create_key()["KeyMetadata"]["KeyId"])


@contextmanager
def running(folder: Path, *, tls: bool = False) -> Iterator[Ministack]:
    port = free_port()
    authority = _certify(folder) if tls else None
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
        **CREDENTIALS,
        "GATEWAY_PORT": str(port),
        "BIND_HOST": "127.0.0.1",
        "IOT_MTLS_PORT": str(free_port()),
        "TMPDIR": str(folder),
        **(_trusting(authority) if authority else {}),
    }
    # Its own command ends idle connections after 75 s; Terraform, which keeps them for 90, then writes into a closed one.
    command = [sys.executable, "-m", "hypercorn", f"{NARROW}:app", "--keep-alive", "600"]
    command += ["--bind", f"127.0.0.1:{port}"]
    if authority:
        command += ["--certfile", str(folder / "server.pem"), "--keyfile", str(folder / "server.key")]
    with (folder / "ministack.log").open("wb") as log:
        emulator = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True
        )
    try:
        _await(emulator, port)
        yield Ministack(f"{'https' if tls else 'http'}://127.0.0.1:{port}", authority)
    finally:
        # With its functions' processes: it keeps nothing, so there is nothing to lose, and its own goodbye takes long.
        os.killpg(emulator.pid, signal.SIGKILL)
        emulator.wait(timeout=15)


def _certify(folder: Path) -> Path:
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    certificate.cert_chain_pems[0].write_to_path(str(folder / "server.pem"))
    certificate.private_key_pem.write_to_path(str(folder / "server.key"))
    authority.cert_pem.write_to_path(str(folder / "authority.pem"))
    return folder / "authority.pem"


def _trusting(authority: Path) -> dict[str, str]:
    """What the emulator and its functions, whose processes inherit it, need to reach it over TLS."""
    return {
        "USE_SSL": "1",
        "MINISTACK_SSL_CERT": str(authority.with_name("server.pem")),
        "MINISTACK_SSL_KEY": str(authority.with_name("server.key")),
        **{name: str(authority) for name in ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")},
    }


def _await(emulator: subprocess.Popen[bytes], port: int) -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end and emulator.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise AssertionError("the AWS emulator did not start")


class Deployed:
    """The WebSocket API with its three functions, run by the emulator in processes of their own from this checkout's code.

    ``environment`` is what the functions see, and what a process of ours needs to be one of them.
    """

    def __init__(self, stack: Ministack) -> None:
        self.stack = stack
        apis = stack.client("apigatewayv2")
        api = apis.create_api(
            Name=f"lariat-{uuid4().hex[:8]}", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action"
        )["ApiId"]
        host = f"{stack.url.removeprefix('http://')}/_aws/execute-api/{api}/live"
        self.environment = {
            "LARIAT_TABLE": stack.table(),
            "LARIAT_QUEUE_URL": stack.queue(),
            "LARIAT_KMS_KEY": stack.key(),
            "LARIAT_SOCKET_URL": f"ws://{host}",
            "LARIAT_SOCKET_ENDPOINT": f"http://{host}",
            "LARIAT_SECRET": "s" * 64,
            "AWS_ENDPOINT_URL": stack.url,
            "AWS_REGION": REGION,
        }
        code = _package()
        for route, handler in (("$connect", "connect"), ("$disconnect", "disconnect"), ("$default", "message")):
            arn = self.function(f"{api}-{handler}", handler, code)
            uri = f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/{arn}/invocations"
            integration = apis.create_integration(ApiId=api, IntegrationType="AWS_PROXY", IntegrationUri=uri)
            target = f"integrations/{integration['IntegrationId']}"
            apis.create_route(ApiId=api, RouteKey=route, Target=target)
        ping = apis.create_integration(
            ApiId=api, IntegrationType="MOCK", RequestTemplates={"200": '{"statusCode":200}'}
        )
        apis.create_route(ApiId=api, RouteKey="ping", Target=f"integrations/{ping['IntegrationId']}")
        apis.create_stage(ApiId=api, StageName="live", AutoDeploy=True)

    def function(self, name: str, handler: str, code: bytes) -> str:
        lambdas = self.stack.client("lambda")
        return str(
            lambdas.create_function(
                FunctionName=name,
                Runtime="python3.13",
                Role=ROLE,
                Handler=f"app.{handler}",
                Code={"ZipFile": code},
                Timeout=30,
                MemorySize=512,
                Environment={"Variables": {**self.environment, **CREDENTIALS}},
            )["FunctionArn"]
        )


def _package() -> bytes:
    """This checkout's code alone: the emulator's workers have the packages of the tests."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as package:
        for path in [ROOT / "app.py", *sorted((ROOT / "chalicelib").rglob("*.py"))]:
            package.write(path, path.relative_to(ROOT))
    return archive.getvalue()
