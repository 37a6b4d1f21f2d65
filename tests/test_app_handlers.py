"""``app.py``'s handlers with the events that Lambda gets, on an emulated account."""

from __future__ import annotations

import base64
import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import app
from app import Handlers, observe, wire
from chalicelib.adapters.sqs import Job, dump
from chalicelib.adapters.telemetry import Telemetry
from chalicelib.errors import LariatError
from chalicelib.main import OnLambda
from chalicelib.tunnel.frames import Frame, Kind, encode
from chalicelib.tunnel.heads import RequestHead, dump_request
from chalicelib.types import Key, Resource
from tests.support import logs
from tests.support.edge_on_lambda import rest_event
from tests.support.lariat import ROOT
from tests.support.ministack import CREDENTIALS, REGION, Ministack

IMPORT_SECONDS = 0.3
PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def edge(ministack: Ministack) -> Iterator[OnLambda]:
    with logs.kept():
        yield OnLambda(environment(ministack))


def environment(ministack: Ministack) -> dict[str, str]:
    return {
        "LARIAT_TABLE": ministack.table(),
        "LARIAT_QUEUE_URL": ministack.queue(),
        "LARIAT_KMS_KEY": ministack.key(),
        "LARIAT_SOCKET_URL": "wss://socket.test/live",
        "LARIAT_SOCKET_ENDPOINT": f"{ministack.url}/_aws/execute-api/absent/live",
        "LARIAT_SECRET": "s" * 64,
        "LARIAT_URL": "https://lariat.test",
        "LARIAT_LOG_LEVEL": "error",
        "AWS_ENDPOINT_URL": ministack.url,
        "AWS_REGION": REGION,
    }


@pytest.fixture(scope="module")
def handlers(edge: OnLambda) -> Handlers:
    return Handlers(lambda: edge)


@pytest.fixture(scope="module")
def token(edge: OnLambda, handlers: Handlers) -> str:
    handlers.resync({"bootstrap": {"password": PASSWORD}}, None)
    body = json.dumps({"username": "admin", "password": PASSWORD}).encode()
    answer = rest(edge, "POST", "/v3-public/localProviders/local?action=login", body=body)
    assert answer["statusCode"] == 201, answer
    return f"Bearer {json.loads(answer['body'])['token']}"


def rest(edge: OnLambda, method: str, path: str, *headers: tuple[str, str], body: bytes = b"") -> dict[str, Any]:
    served = wire(lambda: edge.parts, lambda: edge.proxy)
    answer: dict[str, Any] = served(rest_event(method, path, (("Host", "api.test"), *headers), body), None)
    json.dumps(answer)
    return answer


def socket_event(connection: str, *headers: tuple[str, str], body: str = "") -> dict[str, Any]:
    several = {name: [value for other, value in headers if other == name] for name, _ in headers}
    return {"requestContext": {"connectionId": connection}, "multiValueHeaders": several, "body": body}


def jobs(ministack: Ministack, edge: OnLambda) -> Iterator[list[Any]]:
    client = ministack.client("sqs")
    url = edge._environment["LARIAT_QUEUE_URL"]
    while messages := client.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        for message in messages:
            client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            yield json.loads(message["Body"])


def test_the_names_that_the_deployment_knows() -> None:
    for name in ("app", "connect", "disconnect", "message", "work", "changes", "resync", "sweep"):
        assert callable(getattr(app, name))


def test_a_request_body_in_base64_is_read(token: str) -> None:
    assert token.startswith("Bearer token-")


def test_the_administrator_is_made_once(handlers: Handlers, token: str) -> None:
    assert handlers.resync({"bootstrap": {}}, None) == {"password": ""}


def test_links_have_the_stage_where_callers_need_it(edge: OnLambda, token: str) -> None:
    event = rest_event("GET", "/v3/clusters", (("Host", "x.execute-api.test"), ("Authorization", token)), b"")
    event["requestContext"]["path"] = "/live/v3/clusters"
    answer = wire(lambda: edge.parts)(event, None)
    assert json.loads(answer["body"])["links"]["self"] == "https://x.execute-api.test/live/v3/clusters"


def test_what_is_proxied_travels_in_base64(edge: OnLambda, token: str) -> None:
    answer = rest(edge, "GET", "/k8s/clusters/c-absent/api/v1/pods?limit=5", ("Authorization", token))
    assert (answer["statusCode"], answer["isBase64Encoded"]) == (404, True)
    assert json.loads(base64.b64decode(answer["body"]))["kind"] == "Status"
    assert answer["multiValueHeaders"]["content-type"] == ["application/json"]


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_every_method_is_proxied(edge: OnLambda, method: str) -> None:
    assert rest(edge, method, "/k8s/clusters/c-absent/api")["statusCode"] == 401


def test_what_is_logged_names_the_request_and_its_cluster(
    edge: OnLambda, token: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Context:
        aws_request_id = "request-1"

    monkeypatch.setenv("_X_AMZN_TRACE_ID", "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1")
    with logs.kept(), Telemetry("lariat", "info").invocation("app", Context, cluster="c-1"):
        logging.getLogger("lariat.test").warning("look", extra={"connection": "conn"})
    logged, metrics = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert (logged["message"], logged["function_request_id"], logged["cluster"]) == ("look", "request-1", "c-1")
    assert (logged["connection"], logged["xray_trace_id"]) == ("conn", "1-5759e988-bd862e3fe1be46a994272793")
    assert (metrics["Invocations"], metrics["handler"]) == ([1.0], "app")
    served = observe(wire(lambda: edge.parts, lambda: edge.proxy), lambda: edge)
    event = rest_event("GET", "/k8s/clusters/c-absent/api", (("Authorization", token),), b"")
    assert served(event, Context)["statusCode"] == 404
    assert '"Invocations":[1.0]' in capsys.readouterr().out


def test_nobody_connects_without_a_token(handlers: Handlers) -> None:
    assert handlers.connect(socket_event("conn"), None) == {"statusCode": 401}
    foreign = (("Origin", "https://evil.test"), ("Cookie", "a=b"), ("Host", "socket.test"))
    assert handlers.connect(socket_event("conn", *foreign), None) == {"statusCode": 403}


def test_an_agent_comes_and_goes(handlers: Handlers, edge: OnLambda, token: str, ministack: Ministack) -> None:
    bearer = ("Authorization", token)
    created = json.loads(rest(edge, "POST", "/v3/clusters", bearer, body=b'{"name":"one"}')["body"])
    wanted = json.dumps({"clusterId": created["id"]}).encode()
    registration = json.loads(rest(edge, "POST", "/v3/clusterregistrationtokens", bearer, body=wanted)["body"])
    agent = ("X-API-Tunnel-Token", registration["token"])
    assert handlers.connect(socket_event("L0SM9cOFvHcCIhw=", agent), None) == {"statusCode": 200}
    assert handlers.connect(socket_event("L0SM9cOFvHcCIhw=", agent), None) == {"statusCode": 200}
    for body in ("", "garbage", "P  0 t 0 0 \n"):
        assert handlers.message(socket_event("L0SM9cOFvHcCIhw=", body=body), None) == {"statusCode": 200}
    assert handlers.disconnect(socket_event("L0SM9cOFvHcCIhw="), None) == {"statusCode": 200}
    assert handlers.disconnect(socket_event("L0SM9cOFvHcCIhw="), None) == {"statusCode": 200}
    assert ["cluster", created["id"], 0] in list(jobs(ministack, edge))


def test_jobs_are_done_each_for_itself(handlers: Handlers, edge: OnLambda) -> None:
    edge.parts.resources.create(Resource(kind="cluster", id="c-worked", spec={"name": "worked"}))
    bodies = [dump(Job(Key("cluster", "c-worked"), 0)), "garbage", dump(Job(Key("cluster", "c-gone"), 0))]
    records = [{"messageId": str(number), "body": body} for number, body in enumerate(bodies)]
    assert handlers.work({"Records": records}, None) == {"batchItemFailures": [{"itemIdentifier": "1"}]}
    assert edge.parts.resources.get("cluster", "c-worked").conditions


def test_changes_and_schedules_fill_the_queue(handlers: Handlers, edge: OnLambda, ministack: Ministack) -> None:
    edge.parts.resources.create(Resource(kind="cluster", id="c-swept", spec={"name": "swept"}))
    list(jobs(ministack, edge))
    keys = {"pk": {"S": "cluster"}, "sk": {"S": "c-swept"}}
    record = {"eventName": "MODIFY", "dynamodb": {"SequenceNumber": "1", "Keys": keys}}
    gone = {"pk": {"S": "clusterRegistrationToken"}, "sk": {"S": "c-swept:crt-1"}}
    ended = {"eventName": "REMOVE", "dynamodb": {"SequenceNumber": "2", "Keys": gone}}
    assert handlers.changes({"Records": [record, {}, ended]}, None) == {"batchItemFailures": []}
    ids = {"cluster": "c-swept", "clusterRegistrationToken": "c-swept:crt-1", "contents": "c-swept"}
    assert sorted(jobs(ministack, edge)) == [[kind, id, 0] for kind, id in ids.items()]
    assert handlers.resync({}, None) == {}
    assert ["cluster", "c-swept", 0] in list(jobs(ministack, edge))
    assert handlers.sweep({}, None) == {}
    assert list(jobs(ministack, edge)) == []


def test_a_missing_setting_is_named() -> None:
    with pytest.raises(LariatError, match="LARIAT_TABLE is not set"):
        OnLambda({"AWS_REGION": REGION}).parts  # noqa: B018


def test_a_cold_start_loads_little() -> None:
    code = """
import json, sys, time
before = time.process_time()
import app
spent = time.process_time() - before
print(json.dumps([spent, sorted({name.partition(".")[0] for name in sys.modules})]))
"""
    figures = []
    for _ in range(3):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
        seconds, modules = json.loads(done.stdout)
        figures.append(seconds)
        assert not {"kubernetes", "docker", "boto3", "botocore", "pynamodb", "sqlite3"} & set(modules)
    assert min(figures) < IMPORT_SECONDS


def test_relaying_loads_neither_a_store_nor_a_client() -> None:
    """Each of an agent's messages may meet a cold start."""
    code = """
import json, sys
from chalicelib.main import OnLambda
edge = OnLambda({"LARIAT_SOCKET_ENDPOINT": "http://127.0.0.1:9/live", "LARIAT_SECRET": "s" * 64,
    "LARIAT_QUEUE_URL": "q", "AWS_REGION": "us-east-1"})
edge.sockets.message("conn", b"P  0 t 1 0 \\n?")
print(json.dumps(sorted(sys.modules)))
"""
    command = [sys.executable, "-c", code]
    environment = {**os.environ, **CREDENTIALS}
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT, env=environment)
    assert "API Gateway does not answer" in done.stderr
    loaded = set(json.loads(done.stdout))
    assert "botocore.auth" in loaded
    # Neither the store, nor what describes AWS' services to a client.
    assert not {"pynamodb", "botocore.client", "botocore.session", "botocore.loaders"} & loaded


def test_standalone_serves_the_proxy_by_itself(tmp_path: Path, edge: OnLambda) -> None:
    assert app.PROXIED not in wire(lambda: edge.parts).routes
    assert app.PROXIED in app.app.routes


def test_the_audit_log_goes_to_the_output(
    ministack: Ministack, edge: OnLambda, token: str, capsys: pytest.CaptureFixture[str]
) -> None:
    audited = OnLambda({**edge._environment, "LARIAT_AUDIT_LEVEL": "2"})
    answer = rest(audited, "POST", "/v3/users", ("Authorization", token), body=b'{"username":"x","password":"hush"}')
    proxied = rest(audited, "GET", "/k8s/clusters/c-nosuch/api/v1/pods/p", ("Authorization", token))
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"stage"' in line]
    assert [event["status"] for event in found] == [answer["statusCode"], proxied["statusCode"]]
    assert [event["user"]["name"] for event in found] == ["admin", "admin"]
    assert found[0]["requestBody"] == {"username": "x", "password": "[redacted]"}
    assert found[1]["object"] == {"version": "v1", "resource": "pods", "name": "p"}
    assert all(event["source"]["address"] for event in found)


def test_streams_are_in_the_audit_log(edge: OnLambda, token: str, capsys: pytest.CaptureFixture[str]) -> None:
    audited = OnLambda({**edge._environment, "LARIAT_AUDIT_LEVEL": "1"})
    head = RequestHead("GET", "/k8s/clusters/c-nosuch/api/v1/pods?watch=1", (("authorization", token),))
    (message,) = encode(Frame(Kind.OPEN, "mine", fin=True, document=dump_request(head)))
    event = socket_event("conn", body=message.decode())
    event["requestContext"]["identity"] = {"sourceIp": "192.0.2.9"}
    Handlers(lambda: audited).message(event, None)
    (found,) = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"stage"' in line]
    assert (found["stage"], found["status"], found["verb"]) == ("answered", 404, "watch")
    assert (found["user"]["name"], found["source"]["address"]) == ("admin", "192.0.2.9")


def test_a_wrong_audit_level(edge: OnLambda) -> None:
    wrong = OnLambda({**edge._environment, "LARIAT_AUDIT_LEVEL": "4"})
    with pytest.raises(LariatError, match="LARIAT_AUDIT_LEVEL '4'"):
        _ = wrong.parts
