"""The check of Terraform's text finds what allows too much, and nothing in what is there."""

from __future__ import annotations

import runpy
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.infra.stack import INFRA, ROOT

problems: Callable[[Path], Iterator[str]] = runpy.run_path(str(ROOT / "tools/check_policy.py"))["problems"]


def test_what_is_there_passes() -> None:
    assert list(problems(INFRA)) == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{ Action = ["s3:*"], Resource = [local.bucket] }', "an action has a *"),
        ('{ Action = "sqs:*", Resource = local.queue }', "an action has a *"),
        ('{ Action = ["sqs:SendMessage"], Resource = ["*"] }', "the resource is *"),
        ('{ Action = ["sqs:SendMessage", "xray:PutTraceSegments"], Resource = "*" }', "the resource is *"),
        ('{ Principal = "*", Action = ["sqs:SendMessage"], Resource = local.queue }', "anybody"),
        ('{ Principal = { AWS = "*" }, Action = ["sqs:SendMessage"], Resource = local.queue }', "anybody"),
        ('{ NotAction = ["iam:*"], Resource = ["*"] }', "NotAction is not used"),
        ('resource "aws_iam_role_policy_attachment" "all" {}', "aws_iam_role_policy_attachment is not used"),
    ],
)
def test_what_allows_too_much_is_found(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "roles.tf").write_text(f"locals {{\n  statement = {text}\n}}\n")
    assert any(words in problem for problem in problems(tmp_path))


@pytest.mark.parametrize(
    "text",
    [
        '{ Action = ["xray:PutTraceSegments"], Resource = ["*"] }',
        '{ Effect = "Deny", Principal = "*", Action = "sqs:*", Resource = local.queue }',
        '{ Action = ["logs:PutLogEvents"], Resource = ["${local.group}:*"] }',
    ],
)
def test_what_is_as_narrow_as_it_can_be_passes(tmp_path: Path, text: str) -> None:
    (tmp_path / "roles.tf").write_text(f"locals {{\n  statement = {text}\n}}\n")
    assert list(problems(tmp_path)) == []
