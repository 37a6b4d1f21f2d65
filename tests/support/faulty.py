"""A DynamoDB that fails on purpose: answers get lost, writes are throttled."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


class FaultyProxy:
    """Passes requests on to the emulator; loses the answers of the first ``drop`` writes, or throttles all writes."""

    def __init__(self, host: str, drop: int, throttle: bool) -> None:
        self.writes = 0
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                is_write = self.headers["X-Amz-Target"].endswith(("PutItem", "TransactWriteItems"))
                proxy.writes += is_write
                if is_write and throttle:
                    self._answer(400, b'{"__type":"com.amazonaws.dynamodb.v20120810#ThrottlingException"}')
                    return
                upstream = HTTPConnection(urlsplit(host).netloc, timeout=5)
                upstream.request("POST", "/", body, dict(self.headers))
                answer = upstream.getresponse()
                content = answer.read()
                upstream.close()
                if is_write and proxy.writes <= drop:
                    self.close_connection = True
                    return
                self._answer(answer.status, content)

            def _answer(self, status: int, content: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", "application/x-amz-json-1.0")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@contextmanager
def faulty_proxy(host: str, drop: int = 0, throttle: bool = False) -> Iterator[FaultyProxy]:
    proxy = FaultyProxy(host, drop, throttle)
    thread = threading.Thread(target=proxy.server.serve_forever)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.server.shutdown()
        proxy.server.server_close()
        thread.join()
