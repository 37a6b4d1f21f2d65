"""What the deployed configuration allows, keeps and encrypts; read from Terraform's plan and state."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.outcomes import Outcome
from tests.infra.stack import Stack

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

ANY_RESOURCE = {
    # X-Ray has no resources to name.
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
}
# API Gateway's own role for access logs; it refuses one that names log groups.
GATEWAY_ROLE = 'aws_iam_role_policy.this["gateway"]'

# What may follow a name in a resource of a policy: parts whose names are made while the server runs.
OPEN_ENDS = (
    r":log-group:/aws/lambda/lariat-[a-z]+:\*$",
    r":table/lariat/stream/\*$",
    r":[0-9a-z]+/live/(POST|DELETE)/@connections/\*$",
)
NAMED = re.compile(r"arn:aws:[a-z-]+:us-east-1:\d{12}:[^*]+")

MAY_UNSEAL = {"app", "work"}
MAY_RELAY = {"app", "changes", "connect", "message", "work"}
MAY_WRITE = {"app", "changes", "connect", "disconnect", "message", "resync", "work"}


def statements(values: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(values["policy"])["Statement"]
    return found


def each(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def allowed(stack: Stack) -> Iterator[tuple[str, str, str]]:
    """Yield role policy, action and resource of all that is allowed."""
    for address, values in stack.applied.of("aws_iam_role_policy").items():
        for statement in statements(values):
            assert statement["Effect"] == "Allow"
            assert "NotAction" not in statement
            assert "NotResource" not in statement
            for action in each(statement["Action"]):
                for resource in each(statement["Resource"]):
                    yield address, action, resource


def may(stack: Stack, action: str) -> set[str]:
    """Return the functions that may do this without another service's help."""
    return {
        name
        for name, values in stack.applied.by_key("aws_iam_role_policy.this").items()
        if any(action in each(found["Action"]) and "Condition" not in found for found in statements(values))
    }


def test_no_right_is_wider_than_what_can_be_named(deployment: Stack) -> None:
    rights = list(allowed(deployment))
    assert rights
    for address, action, resource in rights:
        assert "*" not in action, f"{address} allows {action}"
        if address == GATEWAY_ROLE or (resource == "*" and action in ANY_RESOURCE):
            continue
        end = next((match for pattern in OPEN_ENDS if (match := re.search(pattern, resource))), None)
        name = resource[: end.end() - 1] if end else resource
        assert NAMED.fullmatch(name), f"{address} allows {action} on {resource}"


def test_rights_are_written_here(deployment: Stack) -> None:
    assert not deployment.applied.of("aws_iam_role_policy_attachment")
    assert not deployment.applied.of("aws_iam_policy_attachment")
    for address, role in deployment.planned.of("aws_iam_role").items():
        assert not role.get("managed_policy_arns"), address


def test_each_function_has_a_role_of_its_own(deployment: Stack) -> None:
    functions = deployment.applied.by_key("aws_lambda_function.this")
    roles = deployment.applied.by_key("aws_iam_role.this")
    assert {name: function["role"] for name, function in functions.items()} == {
        name: role["arn"] for name, role in roles.items() if name not in ("scheduler", "gateway")
    }
    for address, role in deployment.applied.of("aws_iam_role").items():
        (trust,) = json.loads(role["assume_role_policy"])["Statement"]
        assert set(trust["Principal"]) == {"Service"}, address
        assert isinstance(trust["Principal"]["Service"], str), address


def test_only_those_functions_that_must(deployment: Stack) -> None:
    assert may(deployment, "kms:GenerateDataKey") == MAY_UNSEAL
    assert may(deployment, "kms:Decrypt") == MAY_UNSEAL
    assert may(deployment, "execute-api:ManageConnections") == MAY_RELAY
    assert may(deployment, "dynamodb:PutItem") == MAY_WRITE


def test_table_is_encrypted_and_can_be_restored(deployment: Stack) -> None:
    (table,) = deployment.planned.of("aws_dynamodb_table").values()
    assert table["point_in_time_recovery"][0]["enabled"]
    assert table["server_side_encryption"][0]["enabled"]
    assert table["billing_mode"] == "PAY_PER_REQUEST"
    (applied,) = deployment.applied.of("aws_dynamodb_table").values()
    (key,) = deployment.applied.of("aws_kms_key").values()
    assert applied["server_side_encryption"][0]["kms_key_arn"] == key["arn"]
    assert key["enable_key_rotation"]
    assert key["deletion_window_in_days"] == 30


def test_key_serves_this_account_and_named_services(deployment: Stack) -> None:
    (key,) = deployment.applied.of("aws_kms_key").values()
    for statement in statements(key):
        if statement["Principal"] != {"AWS": "arn:aws:iam::000000000000:root"}:
            assert set(statement["Principal"]) == {"Service"}
            assert statement["Condition"]


def test_queues_are_encrypted_and_nothing_gets_lost(deployment: Stack) -> None:
    queues = deployment.planned.of("aws_sqs_queue")
    assert {queue["name"] for queue in queues.values()} == {
        "lariat-work",
        "lariat-work-dead",
        "lariat-changes-dead",
        "lariat-schedules-dead",
    }
    assert all(queue["sqs_managed_sse_enabled"] for queue in queues.values())
    functions = deployment.planned.by_key("aws_lambda_function.this")
    work = deployment.applied.values["aws_sqs_queue.work"]
    assert work["visibility_timeout_seconds"] >= 6 * functions["work"]["timeout"]
    dead = {name: queue["arn"] for name, queue in deployment.applied.by_key("aws_sqs_queue.dead").items()}
    redrive = deployment.applied.values["aws_sqs_queue_redrive_policy.work"]
    assert redrive["queue_url"] == work["url"]
    assert json.loads(redrive["redrive_policy"])["deadLetterTargetArn"] == dead["work"]
    changes = deployment.applied.values["aws_lambda_event_source_mapping.changes"]
    assert changes["destination_config"][0]["on_failure"][0]["destination_arn"] == dead["changes"]
    assert changes["bisect_batch_on_function_error"]
    assert 0 < changes["maximum_record_age_in_seconds"] < 24 * 3600
    for schedule in deployment.applied.of("aws_scheduler_schedule").values():
        assert schedule["target"][0]["dead_letter_config"][0]["arn"] == dead["schedules"]
    for mapping in deployment.planned.of("aws_lambda_event_source_mapping").values():
        assert mapping["function_response_types"] == ["ReportBatchItemFailures"]


def test_each_dead_letter_raises_an_alarm(deployment: Stack) -> None:
    alarms = deployment.planned.of("aws_cloudwatch_metric_alarm").values()
    watched = {alarm["dimensions"].get("QueueName") for alarm in alarms if alarm["threshold"] == 1}
    assert watched >= {queue["name"] for queue in deployment.planned.by_key("aws_sqs_queue.dead").values()}
    names = {function["function_name"] for function in deployment.planned.by_key("aws_lambda_function.this").values()}
    for metric in ("Errors", "Throttles"):
        assert names == {alarm["dimensions"]["FunctionName"] for alarm in alarms if alarm["metric_name"] == metric}


def test_the_dashboard_shows_every_function_queue_and_api(deployment: Stack) -> None:
    (dashboard,) = deployment.applied.of("aws_cloudwatch_dashboard").values()
    graphs = [widget["properties"]["metrics"] for widget in json.loads(dashboard["dashboard_body"])["widgets"]]
    shown = {(metric[0], metric[1], *metric[2:4]) for metrics in graphs for metric in metrics}
    for function in deployment.planned.by_key("aws_lambda_function.this").values():
        for metric in ("Invocations", "Errors", "Duration", "ConcurrentExecutions"):
            assert ("AWS/Lambda", metric, "FunctionName", function["function_name"]) in shown
    for queue in deployment.planned.of("aws_sqs_queue").values():
        assert ("AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", queue["name"]) in shown
    (socket,) = deployment.applied.of("aws_apigatewayv2_api").values()
    assert ("AWS/ApiGateway", "MessageCount", "ApiId", socket["id"]) in shown
    (api,) = deployment.applied.of("aws_api_gateway_rest_api").values()
    assert ("AWS/ApiGateway", "5XXError", "ApiName", api["name"]) in shown
    for outcome in Outcome:
        assert ("Lariat", f"Keys{outcome.title()}", "handler", "work") in shown


def test_logs_end_and_are_encrypted(deployment: Stack) -> None:
    groups = deployment.applied.of("aws_cloudwatch_log_group").values()
    (key,) = deployment.applied.of("aws_kms_key").values()
    for group in groups:
        assert group["retention_in_days"] == 30
        assert group["kms_key_id"] == key["arn"]
    named = {group["name"] for group in groups}
    functions = deployment.planned.by_key("aws_lambda_function.this").values()
    assert named >= {f"/aws/lambda/{function['function_name']}" for function in functions}


def test_access_logs_hold_no_secrets(deployment: Stack) -> None:
    """Paths may be import URLs and queries may hold tokens: only the route may be logged, and no header but the agent."""
    planned = deployment.planned
    stages = [*planned.of("aws_api_gateway_stage").values(), *planned.of("aws_apigatewayv2_stage").values()]
    assert len(stages) == 2
    for stage in stages:
        shown = set(re.findall(r"\$context\.([\w.]+)", stage["access_log_settings"][0]["format"]))
        assert shown
        assert not shown & {"path", "customDomain.basePathMatched", "requestOverride.path.proxy", "authorizer"}
        assert not any(re.search("query|header|token|body|apikey|user$|arn", name, re.IGNORECASE) for name in shown)
    for settings in (
        planned.values["aws_api_gateway_method_settings.all"]["settings"][0],
        planned.values["aws_apigatewayv2_stage.socket"]["default_route_settings"][0],
    ):
        assert settings["logging_level"] == "OFF"
        assert settings["data_trace_enabled"] is False
        assert settings["throttling_rate_limit"] > 0
        assert settings["throttling_burst_limit"] > 0


def test_nothing_is_open_to_the_public(deployment: Stack) -> None:
    applied = deployment.applied
    assert not applied.of("aws_lambda_function_url")
    assert not applied.of("aws_sns_topic_policy")
    for permission in applied.of("aws_lambda_permission").values():
        assert permission["principal"] == "apigateway.amazonaws.com"
        assert "/live/" in permission["source_arn"]
        assert permission["qualifier"] == "live"
    for policy in applied.of("aws_sqs_queue_policy").values():
        assert {statement["Effect"] for statement in statements(policy)} == {"Deny"}


def test_everything_is_called_by_its_alias(deployment: Stack) -> None:
    """So that a new version serves only once it is whole, and requests in flight end on the old one."""
    applied = deployment.applied
    aliases = applied.by_key("aws_lambda_alias.live")
    called = [mapping["function_name"] for mapping in applied.of("aws_lambda_event_source_mapping").values()]
    called = [*called, *(schedule["target"][0]["arn"] for schedule in applied.of("aws_scheduler_schedule").values())]
    assert set(called) <= {alias["arn"] for alias in aliases.values()}
    uris = [integration["uri"] for integration in applied.of("aws_api_gateway_integration").values()]
    sockets = applied.of("aws_apigatewayv2_integration").values()
    # Heartbeats are answered by the gateway itself.
    uris += [each["integration_uri"] for each in sockets if each["integration_type"] != "MOCK"]
    assert set(uris) <= {alias["invoke_arn"] for alias in aliases.values()}


def test_secrets_stay_out_of_outputs(deployment: Stack) -> None:
    secrets = {values["output"] for values in deployment.applied.by_key("terraform_data.secret").values()}
    assert len(secrets) == 3
    assert all(len(secret) == 64 for secret in secrets)
    shown = json.dumps(deployment.outputs)
    assert not any(secret in shown for secret in secrets)
    environments = [
        function["environment"][0]["variables"]["LARIAT_SECRET"].split()
        for function in deployment.applied.by_key("aws_lambda_function.this").values()
    ]
    assert all(set(keys) == secrets for keys in environments)
