"""``/v3/clusterregistrationtokens``: how a cluster's agent gets in, and the manifest that installs it."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any, Protocol

from chalicelib.api.behaviour import Behaviour, Call, Services
from chalicelib.api.present import reader
from chalicelib.auth.tokens import KEY_LENGTH, word
from chalicelib.clusters.manifest import manifest
from chalicelib.clusters.registration import find_token, token_claim
from chalicelib.errors import NotFound
from chalicelib.schema.kind import Kind
from chalicelib.types import Resource, Seal

COMPUTED = ("token", "manifestUrl", "command", "verifiedCommand", "insecureCommand", "agentCommand")


class Values(Protocol):
    """Settings."""

    def value(self, name: str) -> str: ...


class _Remembered:
    """Each setting as it was when it was asked for first."""

    def __init__(self, settings: Values) -> None:
        self.value = cache(settings.value)


class Registrations(Behaviour):
    def __init__(self, kind: Kind, services: Services, seal: Seal, settings: Values) -> None:
        super().__init__(kind, services)
        self._seal = seal
        self._settings = settings

    def ready(self) -> Registrations:
        return Registrations(self.kind, self.services, self._seal, _Remembered(self._settings))

    def field(self, call: Call, resource: Resource, name: str) -> Any:
        """Only what was sealed is opened to be read."""
        return super().field(call, resource, name) if name in COMPUTED else reader(self.kind, name)(resource)

    def create(self, call: Call, values: Mapping[str, Any]) -> Resource:
        token = word(self.random, KEY_LENGTH)

        def make() -> Resource:
            registration = self.new(call, values)
            sealed = {"token": self._seal.seal(token, _purpose(registration))}
            return replace(registration, sealed=sealed, unique=(token_claim(token),))

        return self.resources.create_new(make)

    def computed(self, call: Call, resource: Resource) -> Mapping[str, Any]:
        token = self._seal.open(resource.sealed["token"], _purpose(resource))
        server = self._settings.value("server-url") or call.base
        url = f"{server}/v3/import/{token}.yaml"
        pin = f" --ca-checksum {checksum}" if (checksum := self.checksum()) else ""
        return {
            "token": token,
            "manifestUrl": url,
            "command": f"kubectl apply -f {url}",
            "verifiedCommand": self._verified(url),
            "insecureCommand": f"curl --insecure -sfL {url} | kubectl apply -f -",
            "agentCommand": f".venv/bin/python -m agent --server {server} --token {token}{pin} --kubeconfig ~/.kube/config",
        }

    def _verified(self, url: str) -> str:
        """A command that trusts this server's own CA and nobody else, for a shell with process substitution."""
        authority = self._settings.value("cacerts")
        if not authority:
            return f"kubectl apply -f {url}"
        encoded = base64.b64encode(authority.encode()).decode()
        return f"curl -sfL --cacert <(echo {encoded} | base64 -d) {url} | kubectl apply -f -"

    def manifest(self, token: str, base: str) -> str:
        """Return the import manifest. Raises ``NotFound`` for a token that nobody made."""
        if find_token(self.resources, token) is None:
            raise NotFound("there is no such registration token")
        server = self._settings.value("server-url") or base
        image = self._settings.value("agent-image")
        return manifest(server=server, token=token, checksum=self.checksum(), image=image)

    def checksum(self) -> str:
        """SHA-256 of the CA certificate with exactly one final newline, as Rancher's agents count it."""
        authority = self._settings.value("cacerts")
        return hashlib.sha256(authority.strip("\n").encode() + b"\n").hexdigest() if authority else ""


def _purpose(registration: Resource) -> str:
    return f"{registration.id}/token"
