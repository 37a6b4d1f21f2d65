"""The kubeconfig that ``generateKubeconfig`` answers with."""

from __future__ import annotations

import base64

import yaml


def kubeconfig(*, name: str, server: str, authority: str, token: str) -> str:
    """Return the YAML of a kubeconfig with one context. ``authority`` is a PEM, empty if a public CA signs."""
    cluster = {"server": server}
    if authority:
        cluster["certificate-authority-data"] = base64.b64encode(authority.encode()).decode()
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": cluster}],
        "users": [{"name": name, "user": {"token": token}}],
        "contexts": [{"name": name, "context": {"user": name, "cluster": name}}],
        "current-context": name,
    }
    return yaml.safe_dump(document, sort_keys=False)
