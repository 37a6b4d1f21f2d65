"""``lariat token``: what kubectl asks a credential command for, so that a kubeconfig need hold no token."""

from __future__ import annotations

import json
from collections.abc import Mapping

from agent.errors import Refused
from cli.accounts import Account

VERSIONS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")
"""Versions of ``ExecCredential``; the second has been there since Kubernetes 1.11."""


def credential(account: Account, environment: Mapping[str, str], now: str) -> str:
    """Return an ``ExecCredential``. ``now`` is in RFC 3339. Raises ``Refused`` if the login has expired."""
    if account.expires and account.expires <= now:
        raise Refused(f"the login at {account.url} has expired: lariat login {account.url}")
    status = {"token": account.token}
    if account.expires:
        status["expirationTimestamp"] = account.expires
    return json.dumps({"apiVersion": _wanted(environment), "kind": "ExecCredential", "status": status})


def _wanted(environment: Mapping[str, str]) -> str:
    """Kubectl says which version it reads, and takes no other."""
    try:
        version = json.loads(environment.get("KUBERNETES_EXEC_INFO", "{}"))["apiVersion"]
    except (ValueError, KeyError, TypeError):
        version = ""
    return version if version in VERSIONS else VERSIONS[1]
