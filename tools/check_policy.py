"""Least privilege, read from Terraform's text; part of ``make check``.

- Nothing is allowed with a ``*`` in an action, nor on the resource ``*`` where AWS allows a name.
- Nobody in general is a principal, unless to deny something.
- No policies of AWS's own, which allow too much, and no statement by what it leaves out.

``tests/infra/test_policy.py`` reads the same, and more, from what Terraform makes of it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

ANY_RESOURCE = {"xray:PutTelemetryRecords", "xray:PutTraceSegments"}
"""X-Ray has no resources to name."""

KEY = "key.tf"
"""In a key's own policy ``*`` is the key."""

ACCESS_LOGS = {
    f"logs:{action}"
    for action in (
        "CreateLogGroup",
        "CreateLogStream",
        "DescribeLogGroups",
        "DescribeLogStreams",
        "FilterLogEvents",
        "GetLogEvents",
        "PutLogEvents",
    )
}
"""API Gateway refuses a role for access logs without all of these on every group."""

_FORBIDDEN = re.compile(
    r"NotAction|NotResource|NotPrincipal|managed_policy_arns|aws_iam\w*_policy_attachment|arn:aws:iam::aws:"
)
_ACTION = re.compile(r"\bAction\s*=")
_VALUE = r"\b%s\s*=\s*(\[[^\]]*\]|\"[^\"]*\")"
_ANYBODY = re.compile(r'Principal\s*=\s*(\{\s*AWS\s*=\s*)?\[?"\*"')


def problems(folder: Path) -> Iterator[str]:
    """Yield a line for each broken rule."""
    for path in sorted(folder.glob("*.tf")):
        text = path.read_text()
        for match in _FORBIDDEN.finditer(text):
            yield f"{path}:{_line(text, match.start())}: {match[0]} is not used here"
        for match in _ACTION.finditer(text):
            for rule in _broken(path.name, _block(text, match.start())):
                yield f"{path}:{_line(text, match.start())}: {rule}"


def _broken(name: str, statement: str) -> Iterator[str]:
    if re.search(r'Effect\s*=\s*"Deny"', statement):
        return
    if _ANYBODY.search(statement):
        yield "anybody is allowed this"
    actions, resources = _texts(statement, "Action"), _texts(statement, "Resource")
    if name == KEY:
        return
    if any("*" in action for action in actions):
        yield "an action has a *"
    if "*" in resources and not actions <= ANY_RESOURCE and actions != ACCESS_LOGS:
        yield "the resource is *, where AWS allows a name"


def _texts(statement: str, what: str) -> set[str]:
    found = re.search(_VALUE % what, statement)
    return set(re.findall(r'"([^"]*)"', found[1])) if found else set()


def _block(text: str, inside: int) -> str:
    """Return what stands in the innermost braces around a place."""
    start, depth = inside, 0
    while depth >= 0 and start > 0:
        start -= 1
        depth += {"}": 1, "{": -1}.get(text[start], 0)
    end, depth = inside, 0
    while depth >= 0 and end < len(text):
        depth += {"{": 1, "}": -1}.get(text[end], 0)
        end += 1
    return text[start:end]


def _line(text: str, place: int) -> int:
    return text.count("\n", 0, place) + 1


def main() -> int:
    found = list(problems(Path("infra")))
    for problem in found:
        print(problem, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
