"""``lariat kubectl``: runs kubectl on a loopback endpoint of its own, and is as good as kubectl itself to its caller."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import secrets
import shutil
import signal
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from agent.errors import ConfigurationError
from agent.upstream import Address, Upstream
from cli.accounts import Account
from cli.endpoint import Endpoint
from cli.stream import Socket, StreamCall

FORWARDED = (signal.SIGTERM, signal.SIGHUP)
TYPED = (signal.SIGINT, signal.SIGQUIT)
"""Signals that a terminal sends to kubectl as well."""


async def run(account: Account, cluster: str, arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Return kubectl's exit code. Raises ``AgentError``."""
    kubectl = shutil.which("kubectl", path=environment.get("PATH"))
    if kubectl is None:
        raise ConfigurationError("kubectl is not on the PATH")
    secret = secrets.token_hex(32)
    with tempfile.TemporaryDirectory(prefix="lariat-") as name:
        folder = Path(name)
        upstream, endpoint = _endpoint(account, cluster, secret)
        port = await endpoint.open()
        try:
            config = _kubeconfig(folder, port, secret, cluster)
            cached = _cache(folder, port, secret, _lasting_cache(account, cluster, environment))
            command = [kubectl, *_with_cache(_rooted(arguments, secret), cached, environment)]
            return await _run(command, {**environment, "KUBECONFIG": str(config)})
        finally:
            await endpoint.close()
            upstream.close()


def _endpoint(account: Account, cluster: str, secret: str) -> tuple[Upstream, Endpoint]:
    authorization = f"Bearer {account.token}"

    async def authorize() -> str:
        return authorization

    address, _ = Address.parse(account.url)
    tls = account.trust()
    upstream = Upstream(address, tls, authorize, what="Lariat")
    socket = Socket(account.socket, account.site.name, tls, authorization)
    stream = (lambda: StreamCall(socket)) if account.socket else None
    return upstream, Endpoint(f"/k8s/clusters/{cluster}", secret, upstream.call, stream)


def _kubeconfig(folder: Path, port: int, secret: str, cluster: str) -> Path:
    """Write the kubeconfig, as JSON, which YAML contains. Its folder is this user's alone."""
    path = folder / "kubeconfig"
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": cluster, "cluster": {"server": f"http://127.0.0.1:{port}/{secret}"}}],
        "contexts": [{"name": cluster, "context": {"cluster": cluster, "user": ""}}],
        "current-context": cluster,
    }
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(document, file)
    return path


def _lasting_cache(account: Account, cluster: str, environment: Mapping[str, str]) -> Path:
    home = environment.get("XDG_CACHE_HOME") or str(Path(environment.get("HOME", "~")).expanduser() / ".cache")
    name = hashlib.sha256(f"{account.url} {cluster}".encode()).hexdigest()[:32]
    return Path(home) / "lariat" / "discovery" / name


def _cache(folder: Path, port: int, secret: str, lasting: Path) -> Path:
    """Make kubectl's cache of what a cluster offers last, though kubectl names it by an address that never comes again."""
    lasting.mkdir(mode=0o700, parents=True, exist_ok=True)
    place = folder / "cache" / "discovery" / f"127.0.0.1_{port}"
    place.mkdir(parents=True)
    (place / secret).symlink_to(lasting)
    return folder / "cache"


def _rooted(arguments: Sequence[str], secret: str) -> list[str]:
    """Put the secret into the path of ``--raw``, which kubectl takes without the path of the server's URL."""
    rooted = list(arguments)
    end = rooted.index("--") if "--" in rooted else len(rooted)
    for at in range(end):
        if rooted[at].startswith("--raw=/"):
            rooted[at] = f"--raw=/{secret}{rooted[at].removeprefix('--raw=')}"
        elif rooted[at].startswith("/") and at and rooted[at - 1] == "--raw":
            rooted[at] = f"/{secret}{rooted[at]}"
    return rooted


def _with_cache(arguments: Sequence[str], cache: Path, environment: Mapping[str, str]) -> Sequence[str]:
    """Name the cache, unless the arguments are for a plugin, which may not know the option."""
    plugin = arguments and shutil.which(f"kubectl-{arguments[0]}", path=environment.get("PATH"))
    return arguments if plugin else [f"--cache-dir={cache}", *arguments]


async def _run(command: Sequence[str], environment: Mapping[str, str]) -> int:
    process = await asyncio.create_subprocess_exec(*command, env=dict(environment))
    loop = asyncio.get_running_loop()

    def forward(number: signal.Signals) -> None:
        if process.returncode is None and not (number in TYPED and _in_foreground()):
            process.send_signal(number)

    for number in (*FORWARDED, *TYPED):
        loop.add_signal_handler(number, forward, number)
    try:
        code = await process.wait()
    finally:
        for number in (*FORWARDED, *TYPED):
            loop.remove_signal_handler(number)
    return code if code >= 0 else 128 - code


def _in_foreground() -> bool:
    """Is there a terminal whose signals come to us?"""
    try:
        with open("/dev/tty", "rb") as terminal:  # noqa: PTH123 - a device
            return os.tcgetpgrp(terminal.fileno()) == os.getpgrp()
    except OSError:
        return False
