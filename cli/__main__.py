"""The command line: ``lariat``, and ``kubectl-lariat``, by which kubectl finds it as a plugin."""

from __future__ import annotations

import argparse
import asyncio
import datetime
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from agent.errors import AgentError, ConfigurationError
from cli import accounts, clusters, kubectl
from cli.credential import credential
from cli.login import Console, Login, Options

VERSION = "0.1.0"
OWN = ("--cluster", "--server")
"""Options of ``lariat kubectl`` itself: they stand before kubectl's own arguments."""


def main() -> int:
    return _guarded(sys.argv[1:])


def plugin() -> int:
    return _guarded(["kubectl", *sys.argv[1:]])


def _guarded(arguments: Sequence[str]) -> int:
    try:
        return _run(arguments)
    except ConfigurationError as error:
        print(f"lariat: {error}", file=sys.stderr)
        return 2
    except AgentError as error:
        print(f"lariat: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _run(arguments: Sequence[str]) -> int:
    if arguments and arguments[0] == "kubectl":
        return _kubectl(arguments[1:])
    options = _parser().parse_args(arguments)
    kept = accounts.of(os.environ)
    if options.command == "token":
        now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        print(credential(kept.find(options.server), os.environ, now))
        return 0
    given = Options(
        options.url,
        options.username,
        options.token_stdin,
        options.password_stdin,
        options.ca_checksum,
        options.ca_file,
    )
    account = Login(given, Console()).run()
    kept.save(account)
    print(f"You are logged in at {account.url}.", file=sys.stderr)
    return 0


def _kubectl(arguments: Sequence[str]) -> int:
    own, rest = _split(arguments)
    parser = _Parser(prog="lariat kubectl", add_help=False, allow_abbrev=False)
    for name in OWN:
        parser.add_argument(name, default=os.environ.get(f"LARIAT_{name[2:].upper()}", ""))
    options = parser.parse_args(own)
    account = accounts.of(os.environ).find(options.server)
    cluster = clusters.find(account, options.cluster)
    return asyncio.run(kubectl.run(account, cluster, rest, os.environ))


def _split(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Take our own options from the front; what follows is kubectl's, as it is."""
    own: list[str] = []
    rest = list(arguments)
    while rest and rest[0].partition("=")[0] in OWN:
        size = 1 if "=" in rest[0] else 2
        own += rest[:size]
        rest = rest[size:]
    return own, rest


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="lariat",
        description="Log in to Lariat, and use its clusters.",
        epilog="lariat kubectl [--cluster NAME] [--server URL] ARGUMENTS… runs kubectl with these arguments on a cluster; "
        "LARIAT_CLUSTER and LARIAT_SERVER say the same.",
    )
    parser.add_argument("--version", action="version", version=f"lariat {VERSION}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="{login,kubectl,token}")
    login = commands.add_parser("login", help="log in to a server and keep the token")
    login.add_argument("url", help="the server's URL, https://…")
    login.add_argument("--username", default="", help="asked for if not given")
    login.add_argument("--password-stdin", action="store_true", help="read the password from standard input")
    login.add_argument("--token-stdin", action="store_true", help="read an API token, not a password")
    login.add_argument("--ca-checksum", default="", help="SHA-256 of the server's own CA")
    login.add_argument("--ca-file", default="", help="PEM of the CA to trust for this server alone")
    token = commands.add_parser("token", help="print the token as kubectl's credential commands do")
    token.add_argument("--server", default=os.environ.get("LARIAT_SERVER", ""), help="not the last one logged in to")
    return parser


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ConfigurationError(message)


if __name__ == "__main__":
    sys.exit(main())
