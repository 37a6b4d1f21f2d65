"""The server's options. Each can come from the command line or an environment variable; ``__main__.py`` reads them."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from standalone.forwarded import Network, is_address, networks

VERSION = "0.1.0"
LEVELS = ("debug", "info", "warning", "error")
AUDIT_LEVELS = ("0", "1", "2", "3")
FAILURES = ("refuse", "continue")
OUTPUT = "-"
NO_KUBECONFIG = "none"

_LISTEN = re.compile(r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]*):([0-9]{1,5})")
_HOSTNAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")


class BadOption(Exception):
    """A value that can't be used; its text is one line."""


@dataclass(frozen=True, slots=True)
class Options:
    """``kubeconfig`` is the one of the cluster ``local``; ``demanded`` says that somebody asked for it by name.

    ``lifetime`` is in seconds.
    """

    host: str
    port: int
    data: Path
    certificate: Path | None
    key: Path | None
    hostnames: tuple[str, ...]
    kubeconfig: Path | None
    demanded: bool
    lifetime: int
    password: str
    level: str
    audit_level: int
    audit_log: str
    audit_required: bool
    proxies: tuple[Network, ...] = ()

    @property
    def url(self) -> str:
        """What to type into a browser on this machine."""
        name = self.host.strip("[]")
        shown = "localhost" if name in ("", "0.0.0.0", "::", "127.0.0.1", "::1") else name  # noqa: S104
        shown = f"[{shown}]" if ":" in shown else shown
        return f"https://{shown}:{self.port}"


def parse(arguments: Sequence[str], environment: Mapping[str, str]) -> Options:
    """Raises ``BadOption``; prints and leaves for ``--help`` and ``--version``."""
    parser = _Parser(
        prog="lariat",
        description="Manage many Kubernetes clusters from one process.",
        epilog="LARIAT_ADMIN_PASSWORD sets the first administrator's password; without it one is generated and printed.",
    )
    parser.add_argument("--version", action="version", version=f"Lariat {VERSION}")

    def option(name: str, variable: str, default: str, text: str) -> None:
        parser.add_argument(name, default=environment.get(variable) or default, help=f"{text} [{variable}]")

    option("--listen", "LARIAT_LISTEN", "127.0.0.1:8443", "address and port; 0.0.0.0:8443 for every interface")
    option("--data", "LARIAT_DATA", _default_data(environment), "folder of the database, keys and certificates")
    option("--certificate", "LARIAT_CERTIFICATE", "", "PEM of a certificate of your own, with its chain")
    option("--key", "LARIAT_KEY", "", "PEM of its private key")
    option("--hostnames", "LARIAT_HOSTNAMES", "", "further names and addresses for Lariat's own certificate, by commas")
    option("--local-kubeconfig", "LARIAT_LOCAL_KUBECONFIG", "", "kubeconfig of the cluster `local`, or `none`")
    option("--tunnel-lifetime", "LARIAT_TUNNEL_LIFETIME", "86400", "seconds until an agent replaces its connection")
    option("--trusted-proxies", "LARIAT_TRUSTED_PROXIES", "", "addresses and networks whose X-Forwarded-For counts")
    option("--log-level", "LARIAT_LOG_LEVEL", "info", "one of " + ", ".join(LEVELS))
    option(
        "--audit-level", "LARIAT_AUDIT_LEVEL", "0", "0 no audit log, 1 who did what, 2 with what, 3 with the answers"
    )
    option(
        "--audit-log", "LARIAT_AUDIT_LOG", "", "file of the audit log, `-` for the output; audit.log in the data folder"
    )
    option(
        "--audit-failure", "LARIAT_AUDIT_FAILURE", "refuse", "when it can't be written: refuse requests, or continue"
    )
    return _check(parser.parse_args(arguments), environment)


def _check(found: argparse.Namespace, environment: Mapping[str, str]) -> Options:
    host, port = _listen(found.listen)
    certificate, key = _file("--certificate", found.certificate), _file("--key", found.key)
    if (certificate is None) != (key is None):
        raise BadOption("--certificate and --key belong together: give both or neither")
    names = tuple(name.strip() for name in found.hostnames.split(",") if name.strip())
    for name in names:
        if not (_HOSTNAME.fullmatch(name) or is_address(name.strip("[]"))):
            raise BadOption(f"--hostnames: {name!r} is no host name or address")
    data = Path(found.data).expanduser()
    kubeconfig, demanded = _kubeconfig(found.local_kubeconfig, environment)
    return Options(
        host=host,
        port=port,
        data=data,
        certificate=certificate,
        key=key,
        hostnames=names,
        kubeconfig=kubeconfig,
        demanded=demanded,
        lifetime=_lifetime(found.tunnel_lifetime),
        password=_password(environment.get("LARIAT_ADMIN_PASSWORD", "")),
        level=_one_of("--log-level", found.log_level, LEVELS),
        audit_level=int(_one_of("--audit-level", found.audit_level, AUDIT_LEVELS)),
        audit_log=_audit_log(found.audit_log, data),
        audit_required=_one_of("--audit-failure", found.audit_failure, FAILURES) == FAILURES[0],
        proxies=_proxies(found.trusted_proxies),
    )


def _one_of(option: str, text: str, known: Sequence[str]) -> str:
    if text not in known:
        raise BadOption(f"{option} {text!r}: one of {', '.join(known)} is needed")
    return text


def _audit_log(text: str, data: Path) -> str:
    if text == OUTPUT:
        return text
    path = Path(text).expanduser() if text else data / "audit.log"
    if text and not path.parent.is_dir():
        raise BadOption(f"--audit-log {text!r}: there is no folder {path.parent}")
    return str(path)


def _proxies(text: str) -> tuple[Network, ...]:
    try:
        return networks(text)
    except ValueError as error:
        raise BadOption(f"--trusted-proxies {text!r}: {error}") from None


def _listen(text: str) -> tuple[str, int]:
    match = _LISTEN.fullmatch(text)
    if match is None or not 0 <= int(match[2]) <= 65535:
        raise BadOption(f"--listen {text!r}: ADDRESS:PORT is needed, such as 127.0.0.1:8443")
    return match[1].strip("[]") or "0.0.0.0", int(match[2])  # noqa: S104


def _file(option: str, text: str) -> Path | None:
    if not text:
        return None
    path = Path(text).expanduser()
    if not path.is_file() or not os.access(path, os.R_OK):
        raise BadOption(f"{option} {text!r}: there is no such file, or it can't be read")
    return path


def _kubeconfig(text: str, environment: Mapping[str, str]) -> tuple[Path | None, bool]:
    """Return the kubeconfig, and whether it was asked for: kubectl's own is taken only if it is there."""
    if text == NO_KUBECONFIG:
        return None, False
    if text:
        return _file("--local-kubeconfig", text), True
    usual = environment.get("KUBECONFIG", "").split(os.pathsep)[0] or str(Path.home() / ".kube" / "config")
    path = Path(usual).expanduser()
    return (path, False) if path.is_file() else (None, False)


def _lifetime(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= 10**9):
        raise BadOption(f"--tunnel-lifetime {text!r}: a number of seconds is needed, such as 86400")
    return int(text)


def _password(text: str) -> str:
    if text and not 12 <= len(text) <= 1024:
        raise BadOption("LARIAT_ADMIN_PASSWORD: a password has at least 12 characters")
    return text


def _default_data(environment: Mapping[str, str]) -> str:
    root = environment.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return str(Path(root) / "lariat")


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise BadOption(message)
