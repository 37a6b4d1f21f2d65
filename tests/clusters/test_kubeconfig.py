"""A kubeconfig is YAML whatever the names in it."""

from __future__ import annotations

import base64

import pytest
import yaml

from chalicelib.clusters.kubeconfig import kubeconfig


@pytest.mark.parametrize("name", ["one", "1", "true", "null", "a: b", "x\ny: z", "'", "é"])
def test_names_stay_names(name: str) -> None:
    document = yaml.safe_load(kubeconfig(name=name, server="https://x", authority="", token="t:k"))
    places = [document["current-context"], *[document[part][0]["name"] for part in ("clusters", "users", "contexts")]]
    assert [*places, *document["contexts"][0]["context"].values()] == [name] * 6


def test_an_authority_is_base64() -> None:
    document = yaml.safe_load(kubeconfig(name="x", server="https://x", authority="PEM\n" * 100, token="t:k"))
    data = document["clusters"][0]["cluster"]["certificate-authority-data"]
    assert base64.b64decode(data, validate=True).decode() == "PEM\n" * 100


def test_without_an_authority_there_is_none() -> None:
    document = yaml.safe_load(kubeconfig(name="x", server="https://x", authority="", token="t:k"))
    assert document["clusters"][0]["cluster"] == {"server": "https://x"}
