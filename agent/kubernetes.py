"""How to reach and convince the cluster's API server: as a pod by its service account, elsewhere by a kubeconfig.

``agent/__main__.py`` uses it for the agent, ``standalone/direct.py`` for clusters that the server reaches by itself.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import os
import ssl
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from agent.errors import ConfigurationError, UpstreamError
from agent.server import Cluster
from agent.upstream import Address, Upstream

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
EXEC_TIMEOUT = 60.0


@dataclass(frozen=True, slots=True)
class Kubernetes:
    """One API server: ``upstream`` talks to it, ``describe`` says what the server is told about it."""

    upstream: Upstream
    describe: Callable[[], Cluster]


def in_cluster(environment: Mapping[str, str], folder: Path = SERVICE_ACCOUNT) -> Kubernetes:
    """Use the pod's service account. Raises ``ConfigurationError`` outside of a cluster."""
    host, port = environment.get("KUBERNETES_SERVICE_HOST"), environment.get("KUBERNETES_SERVICE_PORT", "443")
    token, certificate = folder / "token", folder / "ca.crt"
    if not host or not token.is_file():
        raise ConfigurationError("this is no pod with a service account: use --kubeconfig FILE outside of a cluster")
    authority = certificate.read_text()
    address = Address(host, int(port))
    credential = _Credential(lambda: f"Bearer {_read(token)}")
    upstream = Upstream(address, _tls(authority), credential.header)
    return Kubernetes(upstream, lambda: Cluster(address.authority, _encoded(authority), _read(token)))


def from_kubeconfig(path: Path, context: str = "") -> Kubernetes:
    """Use one context of a kubeconfig, the current one by default. Raises ``ConfigurationError``."""
    # Only a process outside of a cluster needs YAML; a pod saves the memory.
    import yaml

    try:
        document = yaml.safe_load(path.read_bytes())
    except OSError as error:
        raise ConfigurationError(f"can't read the kubeconfig {path}: {error.strerror}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigurationError(f"the kubeconfig {path} is no YAML") from error
    try:
        return _connect(path, document, context)
    except (AttributeError, TypeError, KeyError, ValueError) as error:
        raise ConfigurationError(f"{path} is no kubeconfig") from error


def _connect(path: Path, document: Any, context: str) -> Kubernetes:
    if not isinstance(document, dict):
        raise ConfigurationError(f"{path} is no kubeconfig")
    name = context or document.get("current-context") or ""
    if not name:
        raise ConfigurationError(f"the kubeconfig {path} has no current context")
    chosen = _named(document, "contexts", "context", name)
    cluster = _named(document, "clusters", "cluster", str(chosen.get("cluster", "")))
    user = _named(document, "users", "user", str(chosen.get("user", "")))
    return _Kubeconfig(path.parent, cluster, user).connect()


class _Kubeconfig:
    """The cluster and user entries of one context; relative paths count from the file's folder."""

    def __init__(self, folder: Path, cluster: dict[str, Any], user: dict[str, Any]) -> None:
        self._folder = folder
        self._cluster = cluster
        self._user = user

    def connect(self) -> Kubernetes:
        for entry, names in ((self._cluster, ("proxy-url",)), (self._user, ("as", "as-groups", "as-uid"))):
            for name in names:
                if entry.get(name):
                    raise ConfigurationError(f"kubeconfig: {name} is not supported")
        try:
            address, secure = Address.parse(str(self._cluster.get("server", "")))
        except ValueError as error:
            raise ConfigurationError(f"kubeconfig: {error}") from None
        authority = self._text(self._cluster, "certificate-authority")
        credential = self._credential()
        tls = _tls(authority) if secure else None
        if tls is not None and self._cluster.get("insecure-skip-tls-verify") is True:
            tls.check_hostname = False
            tls.verify_mode = ssl.CERT_NONE
        if tls is not None and credential.certificate:
            _identify(tls, credential.certificate, credential.key)
        upstream = Upstream(address, tls, credential.header, str(self._cluster.get("tls-server-name") or ""))
        # Asked once now, so that a missing token is noticed at the start.
        facts = Cluster(address.authority, _encoded(authority), self._service_account(credential))
        return Kubernetes(upstream, lambda: replace(facts, token=self._service_account(credential)))

    def _credential(self) -> _Credential:
        user = self._user
        certificate, key = self._text(user, "client-certificate"), self._text(user, "client-key")
        if user.get("token"):
            return _Credential(lambda: f"Bearer {user['token']}", certificate, key)
        if user.get("tokenFile"):
            path = self._folder / str(user["tokenFile"])
            return _Credential(lambda: f"Bearer {_read(path)}", certificate, key)
        if isinstance(user.get("exec"), dict):
            return self._from_command(user["exec"])
        if user.get("username"):
            pair = base64.b64encode(f"{user['username']}:{user.get('password', '')}".encode()).decode()
            return _Credential(lambda: f"Basic {pair}", certificate, key)
        if user.get("auth-provider"):
            raise ConfigurationError("kubeconfig: auth-provider was removed from Kubernetes; use an exec credential")
        return _Credential(lambda: "", certificate, key)

    def _from_command(self, settings: dict[str, Any]) -> _Credential:
        settings = {**settings, "command": _located(str(settings.get("command", "")), self._folder)}
        first = _run_exec(settings)
        if first.get("clientCertificateData"):
            return _Credential(lambda: "", str(first["clientCertificateData"]), str(first.get("clientKeyData", "")))
        return _CommandCredential(settings, first)

    def _service_account(self, credential: _Credential) -> str:
        """The token, but only if it is a service account's: a person's credentials stay on this machine."""
        kind, _, token = credential.authorization().partition(" ")
        return token if kind == "Bearer" and _subject(token).startswith("system:serviceaccount:") else ""

    def _text(self, entry: dict[str, Any], name: str) -> str:
        data = entry.get(f"{name}-data")
        try:
            if data:
                return base64.b64decode(str(data), validate=True).decode()
            return (self._folder / str(entry[name])).read_text() if entry.get(name) else ""
        except (binascii.Error, UnicodeDecodeError):
            raise ConfigurationError(f"kubeconfig: {name}-data is not base64 of a PEM") from None
        except OSError as error:
            raise ConfigurationError(f"kubeconfig: can't read {entry[name]}: {error.strerror}") from error


class _Credential:
    """``authorization`` is read anew each time, as token files rotate; a certificate may stand beside it or alone."""

    def __init__(self, authorization: Callable[[], str], certificate: str = "", key: str = "") -> None:
        self.authorization = authorization
        self.certificate = certificate
        self.key = key

    async def header(self) -> str:
        """Raises ``UpstreamError``."""
        try:
            return self.authorization()
        except ConfigurationError as error:
            raise UpstreamError(str(error)) from error


class _CommandCredential(_Credential):
    """A token from a credential command, asked for again when it is about to expire."""

    def __init__(self, settings: dict[str, Any], status: dict[str, Any]) -> None:
        super().__init__(self._token)
        self._settings = settings
        self._status = status

    async def header(self) -> str:
        if not self._expires():
            return self._token()
        try:
            self._status = await asyncio.to_thread(_run_exec, self._settings)
        except ConfigurationError as error:
            raise UpstreamError(str(error)) from error
        return self._token()

    def _token(self) -> str:
        return f"Bearer {self._status.get('token', '')}"

    def _expires(self) -> bool:
        expiry = _expiry(self._status)
        return expiry is not None and expiry - datetime.now(UTC) < timedelta(seconds=30)


def _run_exec(settings: dict[str, Any]) -> dict[str, Any]:
    """Run a client-go credential plugin (client.authentication.k8s.io) and return its ``status``."""
    command = str(settings.get("command", ""))
    version = str(settings.get("apiVersion", "client.authentication.k8s.io/v1"))
    info = {"apiVersion": version, "kind": "ExecCredential", "spec": {"interactive": False}}
    extra = {str(entry["name"]): str(entry["value"]) for entry in settings.get("env") or []}
    environment = {**os.environ, **extra, "KUBERNETES_EXEC_INFO": json.dumps(info)}
    arguments = [command, *map(str, settings.get("args") or [])]
    try:
        result = subprocess.run(arguments, env=environment, capture_output=True, timeout=EXEC_TIMEOUT, check=True)
        status = json.loads(result.stdout)["status"]
    except (OSError, subprocess.SubprocessError) as error:
        raise ConfigurationError(f"kubeconfig: the credential command {command!r} failed: {error}") from error
    except (ValueError, KeyError, TypeError):
        raise ConfigurationError(f"kubeconfig: the credential command {command!r} printed no ExecCredential") from None
    _expiry(status)
    return dict(status)


def _expiry(status: dict[str, Any]) -> datetime | None:
    """When a token from a command ends, if it says so. Raises ``ConfigurationError`` if it says it in another way."""
    text = status.get("expirationTimestamp")
    if not text:
        return None
    try:
        time = datetime.fromisoformat(str(text))
    except ValueError:
        time = None
    if time is None or time.tzinfo is None:
        raise ConfigurationError(
            f"kubeconfig: the credential command printed an end of validity that is none: {text!r}"
        )
    return time


def _located(command: str, folder: Path) -> str:
    """A command with a slash is looked for from the kubeconfig's folder, as kubectl does; others on the PATH."""
    return str(folder / command) if "/" in command else command


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError as error:
        raise ConfigurationError(f"can't read the token file {path}: {error.strerror}") from error


def _named(document: dict[str, Any], plural: str, singular: str, name: str) -> dict[str, Any]:
    for entry in document.get(plural) or []:
        if isinstance(entry, dict) and entry.get("name") == name:
            return dict(entry.get(singular) or {})
    raise ConfigurationError(f"kubeconfig: there is no {singular} {name!r}")


def _tls(authority: str) -> ssl.SSLContext:
    if not authority:
        return ssl.create_default_context()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(cadata=authority)
    except ssl.SSLError as error:
        raise ConfigurationError(f"the cluster's CA certificate can't be read: {error}") from error
    return context


def _identify(context: ssl.SSLContext, certificate: str, key: str) -> None:
    """Load a client certificate; Python takes it from a file alone, so it lies in one for a moment."""
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
        file.write(f"{certificate}\n{key}\n")
        file.flush()
        try:
            context.load_cert_chain(file.name)
        except ssl.SSLError as error:
            raise ConfigurationError(
                f"kubeconfig: the client certificate and key don't fit together: {error}"
            ) from error


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _subject(token: str) -> str:
    """The ``sub`` claim of a JWT, unverified: it only decides what not to send."""
    parts = token.split(".")
    if len(parts) != 3:
        return ""
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        return str(claims.get("sub", ""))
    except (ValueError, AttributeError):
        return ""
