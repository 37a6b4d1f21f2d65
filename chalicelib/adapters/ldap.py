"""LDAP, through ldap3. It is imported when somebody logs in through a directory: no other request pays for that.

The password goes out once the server has proven who it is: with ``starttls`` a server that refuses is not spoken to.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from chalicelib.errors import Refused, Unauthorized, Unavailable
from chalicelib.types import DirectoryServer, Entry

_SUCCESS, _SIZE_LIMIT, _REFERRAL, _NO_SUCH_OBJECT, _INVALID_CREDENTIALS = 0, 4, 10, 32, 49
_INVALID_DN = 34
_WRONG = (_INVALID_CREDENTIALS, _NO_SUCH_OBJECT, _INVALID_DN)


class Ldap:
    """A ``Directory``."""

    @contextmanager
    def bind(self, server: DirectoryServer, name: str, password: str) -> Iterator[LdapSession]:
        # A name without a password is an "unauthenticated bind", which directories answer with success.
        if not name or not password or "\0" in name + password:
            raise Unauthorized("the directory does not accept the name and the password")
        connection = _connect(server, name, password)
        try:
            _bind(connection)
            yield LdapSession(connection, server.seconds)
        finally:
            _close(connection)


class LdapSession:
    """A ``DirectorySession``."""

    def __init__(self, connection: Any, seconds: float) -> None:
        self._connection = connection
        self._seconds = max(1, int(seconds))

    def search(
        self, base: str, filter: str, attributes: Sequence[str], *, below: bool = True, limit: int = 1000
    ) -> list[Entry]:
        import ldap3
        from ldap3.core import exceptions

        scope = ldap3.SUBTREE if below else ldap3.BASE
        try:
            self._connection.search(
                base,
                filter,
                scope,
                dereference_aliases=ldap3.DEREF_NEVER,
                attributes=list(attributes),
                size_limit=limit,
                time_limit=self._seconds,
            )
        except (exceptions.LDAPInvalidFilterError, exceptions.LDAPInvalidDnError) as error:
            raise Refused(f"the directory can't be searched so: {type(error).__name__}") from error
        except (exceptions.LDAPException, OSError) as error:
            raise Unavailable("the directory ended the connection") from error
        code = self._connection.result["result"]
        if code == _NO_SUCH_OBJECT:
            return []
        if code == _REFERRAL:
            raise Refused(f"the directory refers to another one for {base!r}: name that one, or another search base")
        if code not in (_SUCCESS, _SIZE_LIMIT):
            raise Refused(f"the directory refused to search {base!r}: {self._connection.result['description']}")
        found = [answer for answer in self._connection.response if answer["type"] == "searchResEntry"]
        return [Entry(answer["dn"], _texts(answer["raw_attributes"])) for answer in found[:limit]]


def _connect(server: DirectoryServer, name: str, password: str) -> Any:
    """Open a connection to the first host that answers, with TLS where that is asked for."""
    failure: Exception | None = None
    for host in server.hosts:
        try:
            return _open(server, host, name, password)
        except Unavailable as error:
            failure = error
    raise failure or Unavailable("no directory server is named")


def _open(server: DirectoryServer, host: str, name: str, password: str) -> Any:
    import ldap3
    from ldap3.core.exceptions import LDAPException

    tls = _tls(server.trust) if server.tls else None
    try:
        there = ldap3.Server(
            host,
            server.port,
            use_ssl=server.tls == "ldaps",
            tls=tls,
            get_info=ldap3.NONE,
            connect_timeout=server.seconds,
        )
        connection = ldap3.Connection(
            there,
            name,
            password,
            authentication=ldap3.SIMPLE,
            auto_referrals=False,
            check_names=False,
            read_only=True,
            receive_timeout=max(1, int(server.seconds)),
            raise_exceptions=False,
        )
    except LDAPException as error:
        raise Refused(f"{host} is no server: {type(error).__name__}") from error
    try:
        connection.open(read_server_info=False)
        if server.tls == "starttls" and not connection.start_tls(read_server_info=False):
            raise LDAPException("StartTLS was refused")
    except (LDAPException, OSError) as error:
        _drop(connection)
        raise Unavailable(f"the directory {host} can't be reached: {_reason(error)}") from error
    return connection


def _bind(connection: Any) -> None:
    from ldap3.core.exceptions import LDAPException

    try:
        bound = connection.bind(read_server_info=False)
    except (LDAPException, OSError) as error:
        raise Unavailable("the directory ended the connection") from error
    if bound and connection.result["result"] == _SUCCESS:
        return
    if connection.result["result"] in _WRONG:
        raise Unauthorized("the directory does not accept the name and the password")
    raise Unavailable(f"the directory refused to bind: {connection.result['description']}")


def _close(connection: Any) -> None:
    from ldap3.core.exceptions import LDAPException

    try:
        connection.unbind()
    except (LDAPException, OSError):
        _drop(connection)


def _drop(connection: Any) -> None:
    """Close the socket of a connection that never came to be: ldap3 leaves it open."""
    if connection.socket is not None:
        connection.socket.close()


def _tls(trust: str) -> Any:
    """TLS as Python does it: ldap3 checks names with code of its own, which follows older rules."""
    import ldap3

    try:
        context = ssl.create_default_context(cadata=trust or None)
    except ssl.SSLError:
        raise Refused("the certificates to trust are no PEM certificates") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2

    class Checked(ldap3.Tls):  # type: ignore[misc]
        def wrap_socket(self, connection: Any, do_handshake: bool = False) -> None:
            connection.socket = context.wrap_socket(connection.socket, server_hostname=connection.server.host)

    return Checked(validate=ssl.CERT_REQUIRED)


def _reason(error: Exception) -> str:
    text = str(error)
    return "its certificate is not trusted" if "CERTIFICATE_VERIFY_FAILED" in text else type(error).__name__


def _texts(attributes: dict[str, list[bytes]]) -> dict[str, tuple[str, ...]]:
    return {name.lower(): tuple(filter(None, map(_text, values))) for name, values in attributes.items()}


def _text(value: bytes) -> str:
    """A value that is no text (a photo, an id in binary) is left out."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return ""
