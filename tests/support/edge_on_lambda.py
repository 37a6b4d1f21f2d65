"""The AWS edge without AWS: ministack holds the WebSockets and the state, its REST API and the schedules are played here.

The handlers are those of ``app.py``, called with the events that API Gateway and SQS would make.
"""

from __future__ import annotations

import base64
import itertools
import json
import select
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import trustme

from app import PROXIED, Handlers, wire
from chalicelib.main import OnLambda
from tests.support import logs
from tests.support.lariat import PASSWORD, Server
from tests.support.ministack import Deployed, Ministack


class EdgeOnLambda:
    """``url`` is the REST API's, over TLS; ``authority`` is the CA to trust for it and for the tunnel."""

    def __init__(self, deployed: Deployed, folder: Path) -> None:
        self._deployed = deployed
        self._authority = trustme.CA()
        self.authority = folder / "authority.pem"
        self._authority.cert_pem.write_to_path(str(self.authority))
        self._rest = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._rest.socket = self._context().wrap_socket(self._rest.socket, server_side=True)
        self.url = f"https://127.0.0.1:{self._rest.server_port}"
        self._front = _Front(self._context(), urlsplit(deployed.environment["LARIAT_SOCKET_URL"]))
        self.environment = {
            **deployed.environment,
            "LARIAT_SOCKET_URL": self._front.url,
            "LARIAT_URL": self.url,
            "LARIAT_LOG_LEVEL": "warning",
        }
        self.edge = OnLambda(self.environment)
        self.handlers = Handlers(lambda: self.edge)
        self._app = wire(lambda: self.edge.parts, lambda: self.edge.proxy)
        # A Lambda's process serves one event at a time.
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._threads = [threading.Thread(target=self._rest.serve_forever), threading.Thread(target=self._work)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()
        self._front.start()

    def stop(self) -> None:
        self._stopped.set()
        self._rest.shutdown()
        for thread in self._threads:
            thread.join()
        self._rest.server_close()
        self.edge.close()
        self._front.stop()

    def answer(self, event: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            answer: dict[str, Any] = self._app(event, None)
            return answer

    def _work(self) -> None:
        """What the event source mapping of the queue does, with a process of its own."""
        edge = OnLambda(self.environment)
        handlers = Handlers(lambda: edge)
        queue, url = self._deployed.stack.client("sqs"), self.environment["LARIAT_QUEUE_URL"]
        while not self._stopped.is_set():
            for message in queue.receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages", []):
                record = {"messageId": message["MessageId"], "body": message["Body"]}
                if not handlers.work({"Records": [record]}, None)["batchItemFailures"]:
                    queue.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        edge.close()

    def _context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._authority.issue_cert("127.0.0.1").configure_cert(context)
        return context


class _Front:
    """TLS in front of ministack's WebSockets, as API Gateway has it: bytes pass as they are."""

    def __init__(self, context: ssl.SSLContext, target: Any) -> None:
        self._context = context
        self._target = (target.hostname, target.port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"wss://127.0.0.1:{self._listener.getsockname()[1]}{target.path}"
        self._thread = threading.Thread(target=self._accept)
        self._threads: list[threading.Thread] = []
        self._stopped = threading.Event()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def _accept(self) -> None:
        while not self._stopped.is_set():
            if select.select([self._listener], [], [], 0.2)[0]:
                connection, _ = self._listener.accept()
                self._threads.append(threading.Thread(target=self._carry, args=(connection,)))
                self._threads[-1].start()

    def _carry(self, connection: socket.socket) -> None:
        try:
            with (
                self._context.wrap_socket(connection, server_side=True) as outside,
                socket.create_connection(self._target) as inside,
            ):
                while not self._stopped.is_set():
                    ready = [outside] if outside.pending() else select.select([outside, inside], [], [], 0.2)[0]
                    for source in ready:
                        data = source.recv(65_536)
                        if not data:
                            return
                        (inside if source is outside else outside).sendall(data)
        except OSError:
            return


def _handler(edge: EdgeOnLambda) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            answer = edge.answer(rest_event(self.command, self.path, self.headers.items(), body))
            content = answer["body"].encode()
            if answer.get("isBase64Encoded"):
                content = base64.b64decode(content)
            self.send_response(answer["statusCode"])
            several = answer.get("multiValueHeaders", {})
            for name, value in itertools.chain(
                answer["headers"].items(), [(name, value) for name, values in several.items() for value in values]
            ):
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = _serve  # noqa: N815

        def log_message(self, format: str, *args: Any) -> None:
            pass

    return Handler


def rest_event(method: str, target: str, headers: Any, body: bytes) -> dict[str, Any]:
    """What API Gateway makes of a REST request where every body is binary (``*/*``)."""
    path, _, query = target.partition("?")
    several: dict[str, list[str]] = {}
    for name, value in headers:
        several.setdefault(name, []).append(value)
    resource, parameters = _route(path)
    return {
        "resource": resource,
        "path": path,
        "httpMethod": method,
        "headers": {name: values[-1] for name, values in several.items()},
        "multiValueHeaders": several,
        "multiValueQueryStringParameters": parse_qs(query, keep_blank_values=True) or None,
        "pathParameters": parameters,
        "requestContext": {
            "httpMethod": method,
            "resourcePath": resource,
            "path": path,
            "identity": {"sourceIp": "192.0.2.1"},
        },
        "body": base64.b64encode(body).decode() if body else None,
        "isBase64Encoded": bool(body),
        "stageVariables": None,
    }


def _route(path: str) -> tuple[str, Mapping[str, str] | None]:
    parts = path.split("/", 4)
    if path.startswith("/k8s/clusters/") and len(parts) == 5 and parts[4]:
        return PROXIED, {"cluster": parts[3], "proxy": parts[4]}
    return ("/", None) if path == "/" else ("/{proxy+}", {"proxy": path[1:]})


@contextmanager
def running(deployed: Deployed, folder: Path) -> Iterator[EdgeOnLambda]:
    edge = EdgeOnLambda(deployed, folder)
    with logs.kept():
        edge.start()
        try:
            yield edge
        finally:
            edge.stop()


@contextmanager
def serving(ministack: Ministack, folder: Path) -> Iterator[Server]:
    """A Lariat with its administrator. Its own connections trust its own CA, as they trust a public one on AWS."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("SSL_CERT_FILE", str(folder / "authority.pem"))
        with running(Deployed(ministack), folder) as edge:
            assert edge.handlers.resync({"bootstrap": {"password": PASSWORD}}, None) == {"password": PASSWORD}
            assert edge.handlers.resync({"bootstrap": {"password": PASSWORD}}, None) == {"password": ""}
            yield Server(edge.url, edge.authority, folder)


def json_of(answer: Mapping[str, Any]) -> Any:
    body = answer["body"]
    return json.loads(base64.b64decode(body) if answer.get("isBase64Encoded") else body)
