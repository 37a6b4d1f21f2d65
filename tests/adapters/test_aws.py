"""The thin adapters, against an emulator that speaks AWS' protocols, and against answers that it never gives."""

from __future__ import annotations

import json
import re
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import trustme

from chalicelib.adapters import events, sqs
from chalicelib.adapters.api_gateway import ApiGatewayPost
from chalicelib.adapters.aws import Account
from chalicelib.adapters.kms import REMEMBERED_SECONDS, Kms
from chalicelib.adapters.secrets import signing_keys
from chalicelib.adapters.sqs import Job, SqsQueue
from chalicelib.errors import Busy, Gone, LariatError, TooLarge, Unavailable
from chalicelib.types import Change, Key
from tests.support.clock import ManualClock
from tests.support.ministack import REGION, Ministack


class Counted:
    """A client that counts its calls."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Any:
        self.calls.append(name)
        return getattr(self._client, name)


class TestKms:
    @pytest.fixture
    def client(self, ministack: Ministack) -> Counted:
        return Counted(ministack.client("kms"))

    @pytest.fixture
    def kms(self, ministack: Ministack, client: Counted) -> Kms:
        return Kms(lambda: client, ministack.key(), ManualClock())

    def test_what_was_sealed_opens(self, kms: Kms, client: Counted) -> None:
        for text in ("", "secret", "größer \N{SNOWMAN}", "x" * 20_000):
            sealed = kms.seal(text, "c-1/token")
            assert text not in sealed or not text
            assert kms.open(sealed, "c-1/token") == text
        assert client.calls == ["generate_data_key"]

    def test_each_sealing_looks_different(self, kms: Kms) -> None:
        assert kms.seal("secret", "a") != kms.seal("secret", "a")

    def test_another_process_asks_kms_once(self, kms: Kms, client: Counted) -> None:
        sealed = [kms.seal(text, "a") for text in ("one", "two")]
        clock = ManualClock()
        other = Kms(lambda: client, kms._key, clock)
        client.calls.clear()
        assert [other.open(each, "a") for each in sealed] == ["one", "two"]
        assert client.calls == ["decrypt"]
        clock.advance(REMEMBERED_SECONDS + 1)
        other.open(sealed[0], "a")
        assert client.calls == ["decrypt", "decrypt"]

    def test_another_purpose_opens_nothing(self, kms: Kms, client: Counted) -> None:
        sealed = kms.seal("secret", "a")
        for seal in (kms, Kms(lambda: client, kms._key, ManualClock())):
            with pytest.raises(LariatError, match="can't be opened"):
                seal.open(sealed, "b")

    @pytest.mark.parametrize("sealed", ["", "AAAA", "!", "AAA=", "//8AAAAA", "AAQAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"])
    def test_garbage_opens_nothing(self, kms: Kms, sealed: str) -> None:
        with pytest.raises(LariatError):
            kms.open(sealed, "a")


class TestSqs:
    def received(self, ministack: Ministack, url: str) -> list[Job]:
        client, jobs = ministack.client("sqs"), []
        while messages := client.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            jobs += [sqs.load(message["Body"]) for message in messages]
        return jobs

    def test_keys_arrive_once(self, ministack: Ministack) -> None:
        url = ministack.queue()
        client = Counted(ministack.client("sqs"))
        keys = [Key("cluster", f"c-{number % 25}") for number in range(50)]
        SqsQueue(lambda: client, url).add(keys, attempt=3)
        assert client.calls == ["send_message_batch"] * 3
        assert sorted(self.received(ministack, url)) == sorted(Job(key, 3) for key in set(keys))

    def test_nothing_to_add_costs_nothing(self, ministack: Ministack) -> None:
        client = Counted(ministack.client("sqs"))
        SqsQueue(lambda: client, "https://nowhere.test").add([])
        assert client.calls == []

    def test_a_delay_is_what_sqs_can_do(self, ministack: Ministack) -> None:
        url = ministack.queue()
        SqsQueue(lambda: ministack.client("sqs"), url).add([Key("cluster", "c-1")], 100_000)
        assert self.received(ministack, url) == []

    def test_what_sqs_refuses_is_sent_again_once(self) -> None:
        class Refusing:
            def __init__(self) -> None:
                self.sent: list[list[str]] = []

            def send_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, Any]]) -> Any:  # noqa: N803
                self.sent.append([entry["Id"] for entry in Entries])
                return {"Failed": [{"Id": "1"}]}

        client = Refusing()
        with pytest.raises(Unavailable, match="SQS"):
            SqsQueue(lambda: client, "").add([Key("cluster", "a"), Key("cluster", "b")])
        assert client.sent == [["0", "1"], ["1"]]

    @pytest.mark.parametrize("body", ["", "{}", "[]", '["a","b"]', '["a","b","c"]', '["a","b",1,2]', '["a",1,1]', "x"])
    def test_a_message_that_is_no_job(self, body: str) -> None:
        with pytest.raises(ValueError):  # noqa: PT011
            sqs.load(body)


class TestEvents:
    def test_one_bad_job_neither_blocks_nor_loses_the_others(self) -> None:
        done: list[str] = []

        def work(key: Key, attempt: int, sent: float | None) -> None:
            if key.id == "bad":
                raise RuntimeError("no")
            done.append(f"{key.id}/{attempt}/{sent}")

        bodies = [sqs.dump(Job(Key("cluster", id), 1)) for id in ("a", "bad", "b")] + ["garbage"]
        records: list[dict[str, Any]] = [{"messageId": str(number), "body": body} for number, body in enumerate(bodies)]
        records[0]["attributes"] = {"SentTimestamp": "1764000000500"}
        answer = events.jobs({"Records": records}, work)
        assert done == ["a/1/1764000000.5", "b/1/None"]
        assert answer == {"batchItemFailures": [{"itemIdentifier": "1"}, {"itemIdentifier": "3"}]}

    def test_one_bad_change_is_left_out(self) -> None:
        def record(number: int, pk: str, sk: str) -> dict[str, Any]:
            return {"dynamodb": {"SequenceNumber": str(number), "Keys": {"pk": {"S": pk}, "sk": {"S": sk}}}}

        records = [record(1, "cluster", "a"), {"dynamodb": {}}, {}, record(4, "in#x#a", "b"), record(5, "cluster", "b")]
        seen: list[Change] = []
        assert events.changes({"Records": records}, seen.extend) == {"batchItemFailures": []}
        assert [change.key for change in seen] == [Key("cluster", "a"), Key("cluster", "b")]

    def test_changes_that_nobody_takes_come_again(self) -> None:
        def refuse(changes: list[Change]) -> None:
            raise Unavailable("no")

        records = [{"dynamodb": {"SequenceNumber": "7", "Keys": {"pk": {"S": "cluster"}, "sk": {"S": "a"}}}}]
        assert events.changes({"Records": records}, refuse) == {"batchItemFailures": [{"itemIdentifier": "7"}]}


def account(ministack: Ministack) -> Account:
    return Account(REGION, ministack.url)


@contextmanager
def answering(
    code: int, error: str, authority: trustme.CA | None = None
) -> Iterator[tuple[str, list[tuple[str, str, str]]]]:
    """A gateway that answers every post in one way; with an ``authority`` over TLS."""
    asked: list[tuple[str, str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            asked.append((self.path, body, self.headers["Authorization"]))
            answer = json.dumps({"message": error}).encode()
            self.send_response(code)
            self.send_header("x-amzn-ErrorType", error)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    if authority:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert("127.0.0.1").configure_cert(context)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"{'https' if authority else 'http'}://127.0.0.1:{server.server_port}/live", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    ("code", "name", "error"),
    [
        (410, "GoneException", Gone),
        (413, "PayloadTooLargeException", TooLarge),
        (429, "LimitExceededException", Busy),
        (429, "TooManyRequestsException", Busy),
        (400, "ThrottlingException", Busy),
        (403, "ForbiddenException", Unavailable),
        (500, "InternalServerError", Unavailable),
        (503, "ServiceUnavailable", Unavailable),
    ],
)
def test_what_api_gateway_answers(ministack: Ministack, code: int, name: str, error: type[LariatError]) -> None:
    with answering(code, name) as (endpoint, asked):
        with pytest.raises(error) as caught:
            ApiGatewayPost(endpoint, REGION, account(ministack).credentials).send("L0SM9cOFvHcCIhw=", "hällo".encode())
        assert type(caught.value) is error
        ((path, body, _),) = asked
        assert (unquote(path), body) == ("/live/@connections/L0SM9cOFvHcCIhw=", "hällo")


def test_a_gateway_that_is_not_there(ministack: Ministack) -> None:
    post = ApiGatewayPost("http://127.0.0.1:9/live", REGION, account(ministack).credentials)
    with pytest.raises(Unavailable, match="does not answer"):
        post.send("conn", b"hello")


def test_a_gateway_must_be_vouched_for(ministack: Ministack, tmp_path: Path) -> None:
    authority, bundle = trustme.CA(), tmp_path / "authorities.pem"
    authority.cert_pem.write_to_path(str(bundle))
    credentials = account(ministack).credentials
    with answering(200, "", authority) as (endpoint, asked):
        with pytest.raises(Unavailable, match="does not answer"):
            ApiGatewayPost(endpoint, REGION, credentials).send("conn", b"lost")
        ApiGatewayPost(endpoint, REGION, credentials, str(bundle)).send("conn", b"hello")
        assert [body for _, body, _ in asked] == ["hello"]


def test_a_message_is_posted_as_aws_own_client_does(ministack: Ministack) -> None:
    with answering(200, "") as (endpoint, asked):
        ApiGatewayPost(endpoint, REGION, account(ministack).credentials).send("L0SM9cOFvHcCIhw=", "hällo".encode())
        client = account(ministack).client("apigatewaymanagementapi", endpoint=endpoint)
        client.post_to_connection(ConnectionId="L0SM9cOFvHcCIhw=", Data="hällo".encode())
        ours, theirs = asked
        assert ours[:2] == theirs[:2]
        scope = re.compile(
            r"AWS4-HMAC-SHA256 Credential=\w+/(\d{8}/us-east-1/execute-api/aws4_request), SignedHeaders="
        )
        assert [scope.match(each[2]) is not None for each in (ours, theirs)] == [True, True]


def test_the_secret_stands_in_the_environment_or_in_secrets_manager(ministack: Ministack) -> None:
    assert signing_keys("new old", account(ministack)) == [b"new", b"old"]
    made = ministack.client("secretsmanager").create_secret(Name="lariat", SecretString="newest newer\n")
    assert signing_keys(made["ARN"], account(ministack)) == [b"newest", b"newer"]
    with pytest.raises(Unavailable, match="Secrets Manager"):
        signing_keys("arn:aws:secretsmanager:us-east-1:000000000000:secret:absent", account(ministack))
