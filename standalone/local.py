"""The cluster ``local``: the one of the kubeconfig at the start, reached without an agent in it. ``server.py`` calls this."""

from __future__ import annotations

import contextlib
import logging
from dataclasses import replace

from agent.errors import AgentError
from agent.kubernetes import Kubernetes, from_kubeconfig
from chalicelib.api.clusters import name_claim
from chalicelib.controllers.readiness import waiting
from chalicelib.errors import AlreadyExists
from chalicelib.main import Parts
from chalicelib.store.resources import timestamp
from chalicelib.types import Key, Resource
from standalone.options import BadOption, Options

log = logging.getLogger("lariat.server")

LOCAL = "local"


def find(options: Options) -> Kubernetes | None:
    """Read the kubeconfig, if there is one. Raises ``BadOption`` for one that was asked for and can't be used."""
    if options.kubeconfig is None:
        return None
    try:
        return from_kubeconfig(options.kubeconfig)
    except AgentError as error:
        if options.demanded:
            raise BadOption(f"--local-kubeconfig: {error}") from error
        log.warning("there will be no cluster `local`: %s", error)
        return None


def ensure(parts: Parts, kubernetes: Kubernetes) -> None:
    """Store the cluster, or what has changed about it since the last start."""
    facts = kubernetes.describe()
    status = {"driver": "imported", "apiEndpoint": f"https://{facts.address}", "caCert": facts.certificate}
    cluster = Resource(
        kind="cluster",
        id=LOCAL,
        spec={"name": LOCAL, "internal": True, "description": "the cluster of the kubeconfig at the start"},
        unique=(name_claim(LOCAL),),
    )
    known = parts.resources.find("cluster", LOCAL)
    if known is not None and known.status.get("caCert") != facts.certificate:
        log.warning("the cluster `local` is another one than at the last start; its tokens now open %s", facts.address)
    with contextlib.suppress(AlreadyExists):
        parts.resources.create(waiting(cluster, timestamp(parts.clock.now())))
    parts.resources.update(Key("cluster", LOCAL), lambda stored: replace(stored, status={**stored.status, **status}))
