"""The agent's command line: ``python -m agent``, as a pod or as a plain process beside a kubeconfig."""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import os
import random
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

import uvloop

from agent.connect import Agent
from agent.errors import AgentError, ConfigurationError
from agent.kubernetes import Kubernetes, from_kubeconfig, in_cluster
from agent.server import Server
from agent.way import Way

VERSION = "0.1.0"
EPILOG = "HTTPS_PROXY and NO_PROXY in the environment name a proxy on the way to the server, and hosts that need none."
LARGE = 4 * 1024 * 1024
LEVELS = ("debug", "info", "warning", "error")


def parse(arguments: Sequence[str], environment: Mapping[str, str]) -> argparse.Namespace:
    """Read the options; each may come from an environment variable, as the import manifest passes them.

    Raises ``ConfigurationError``; prints and leaves for ``--help`` and ``--version``.
    """
    parser = _Parser(prog="agent", description="Connect a Kubernetes cluster to Lariat.", epilog=EPILOG)
    parser.add_argument("--version", action="version", version=f"Lariat agent {VERSION}")

    def option(name: str, variable: str, text: str) -> None:
        parser.add_argument(name, default=environment.get(variable, ""), help=f"{text} [{variable}]")

    option("--server", "LARIAT_SERVER", "the server's URL, https://…")
    option("--token", "LARIAT_TOKEN", "the cluster's registration token")
    option("--ca-checksum", "LARIAT_CA_CHECKSUM", "SHA-256 of the server's CA, from the registration command")
    option("--kubeconfig", "LARIAT_KUBECONFIG", "reach the cluster by this file, not as a pod")
    option("--context", "LARIAT_CONTEXT", "context of the kubeconfig, not its current one")
    option("--log-level", "LARIAT_LOG_LEVEL", "one of " + ", ".join(LEVELS) + "; info if not given")
    options = parser.parse_args(arguments)
    options.log_level = options.log_level or "info"
    if options.log_level not in LEVELS:
        raise ConfigurationError(f"--log-level {options.log_level!r}: one of {', '.join(LEVELS)} is needed")
    return options


def cluster(options: argparse.Namespace, environment: Mapping[str, str]) -> Kubernetes:
    if options.kubeconfig:
        return from_kubeconfig(Path(options.kubeconfig).expanduser(), options.context)
    return in_cluster(environment)


async def run(server: Server, kubernetes: Kubernetes) -> None:
    """Keep the cluster connected until SIGINT or SIGTERM."""
    agent = Agent(server, kubernetes.describe, kubernetes.upstream, random.SystemRandom())
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, agent.stop)
    await agent.run()


def main() -> int:
    settle()
    try:
        options = parse(sys.argv[1:], os.environ)
        logging.basicConfig(level=options.log_level.upper(), format="%(asctime)s %(levelname)s %(message)s")
        server = Server(options.server, options.token, options.ca_checksum, Way.from_environment(os.environ))
        kubernetes = cluster(options, os.environ)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(run(server, kubernetes))
    except ConfigurationError as error:
        print(f"agent: {error}", file=sys.stderr)
        return 2
    except AgentError as error:
        print(f"agent: {error}", file=sys.stderr)
        return 1
    return 0


def settle() -> None:
    """Make memory cheap to come by, since large answers pass through it all the time.

    glibc returns freed memory to the system and faults it in anew for each answer, unless as much was once mapped and
    freed at a time (mallopt(3), M_MMAP_THRESHOLD). What stands by now lives for ever: the collector need not look at it.
    """
    bytes(LARGE)
    gc.collect()
    gc.freeze()


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ConfigurationError(message)


if __name__ == "__main__":
    sys.exit(main())
