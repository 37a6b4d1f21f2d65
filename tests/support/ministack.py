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

from botocore.session import get_session

from chalicelib.adapters.dynamodb import DynamoStore
from chalicelib.adapters.system import SystemClock, SystemRandom
from tests.kubernetes.cluster import free_port
from tests.support.lariat import ROOT

REGION = "us-east-1"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": REGION}
ROLE = "arn:aws:iam::000000000000:role/lariat"


class Ministack:
    """One running emulator."""

    def __init__(self, url: str) -> None:
        self.url = url

    def client(self, service: str, endpoint: str = "") -> Any:
        return get_session().create_client(
            service,
            region_name=REGION,
            endpoint_url=endpoint or self.url,
            aws_access_key_id="test",
            aws_secret_access_key="test",
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
def running(folder: Path) -> Iterator[Ministack]:
    port = free_port()
    environment = {
        **os.environ,
        **CREDENTIALS,
        "GATEWAY_PORT": str(port),
        "BIND_HOST": "127.0.0.1",
        "TMPDIR": str(folder),
    }
    with (folder / "ministack.log").open("wb") as log:
        emulator = subprocess.Popen(
            [sys.executable, "-m", "ministack"],
            cwd=folder,
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        _await(emulator, port)
        yield Ministack(f"http://127.0.0.1:{port}")
    finally:
        # With its functions' processes: it keeps nothing, so there is nothing to lose, and its own goodbye takes long.
        os.killpg(emulator.pid, signal.SIGKILL)
        emulator.wait(timeout=15)


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
