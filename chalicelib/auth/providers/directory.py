"""OpenLDAP and Active Directory: search for the user as a service account, then bind as whom was found.

A user's name never becomes part of a distinguished name, only a value in a filter. The password is tried on exactly one
entry: none or two are a refusal.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from chalicelib.auth.providers import dn, filters, groups
from chalicelib.auth.providers.port import Credentials, Password, Proof
from chalicelib.auth.providers.principal import GROUP, USER, Principal, parse
from chalicelib.auth.providers.schemas import DirectorySettings
from chalicelib.errors import LariatError, Refused, Unauthorized, Unavailable
from chalicelib.types import Directory, DirectorySession, Entry

LONGEST_USERNAME = 256
MOST_FOUND = 50
REFUSAL = "authentication failed"
OBJECT_CLASS = "objectClass"


class DirectoryProvider:
    """A ``Provider``. ``name`` begins the ids of its principals: ``openldap`` or ``activedirectory``."""

    def __init__(self, name: str, settings: DirectorySettings, directory: Directory) -> None:
        self._name = name
        self._settings = settings
        self._directory = directory

    def authenticate(self, credentials: Credentials) -> Proof:
        if not isinstance(credentials, Password) or not _typed(credentials):
            raise Unauthorized(REFUSAL)
        with self._search() as session:
            entry = self._find(session, credentials.username)
            if entry is None:
                raise Unauthorized(REFUSAL)
            self._prove(entry, credentials.password)
            return self._proof(session, entry)

    def refresh(self, user: str, grant: str) -> Proof | None:
        with self._search() as session:
            entry = self._read(session, parse(user).rest, USER)
            if entry is None or not self._enabled(entry):
                raise Unauthorized("the directory does not know the user any more")
            return self._proof(session, entry)

    def search(self, text: str, kind: str, grant: str) -> Sequence[Principal]:
        kinds = [kind] if kind else [USER, GROUP]
        with self._search() as session:
            return [principal for kind in kinds for principal in self._matching(session, text, kind)]

    def get(self, id: str, grant: str) -> Principal | None:
        parts = parse(id)
        if parts.provider != self._name or parts.kind not in (USER, GROUP):
            return None
        with self._search() as session:
            entry = self._read(session, parts.rest, parts.kind)
        return self._principal(entry, parts.kind) if entry else None

    @contextmanager
    def _search(self) -> Iterator[DirectorySession]:
        """Bind as the service account; that it can't is nobody's wrong password."""
        name, password = self._settings.account()
        with ExitStack() as stack:
            try:
                session = stack.enter_context(self._directory.bind(self._settings.server, name, password))
            except Unauthorized as error:
                raise Unavailable("the directory does not accept the service account's name and password") from error
            yield session

    def _find(self, session: DirectorySession, username: str) -> Entry | None:
        names = [filters.equal(attribute, value) for attribute, value in self._settings.login_names(username)]
        found = session.search(
            self._settings.user_search_base,
            filters.every([self._of(USER), filters.some(names)]),
            self._attributes(USER),
            limit=2,
        )
        return found[0] if len(found) == 1 and self._enabled(found[0]) else None

    def _prove(self, entry: Entry, password: str) -> None:
        try:
            with self._directory.bind(self._settings.server, entry.dn, password):
                return
        except Unauthorized:
            raise Unauthorized(REFUSAL) from None

    def _proof(self, session: DirectorySession, entry: Entry) -> Proof:
        found = groups.of(session, entry, self._settings, self._of(GROUP), self._attributes(GROUP))
        return Proof(self._principal(entry, USER), tuple([self._principal(group, GROUP) for group in found]))

    def _read(self, session: DirectorySession, name: str, kind: str) -> Entry | None:
        """Read one entry by its name, if it lies where principals do."""
        base = self._settings.user_search_base if kind == USER else self._settings.group_base
        if not dn.within(name, base):
            return None
        found = session.search(name, self._of(kind), self._attributes(kind), below=False, limit=1)
        return found[0] if found else None

    def _matching(self, session: DirectorySession, text: str, kind: str) -> Iterator[Principal]:
        settings = self._settings
        base = settings.user_search_base if kind == USER else settings.group_base
        attributes = settings.user_search_attribute if kind == USER else settings.group_search_attribute
        names = [filters.begins(attribute, text) for attribute in attributes.split("|")]
        wanted = filters.every([self._of(kind), filters.some(names)])
        for entry in session.search(base, wanted, self._attributes(kind), limit=MOST_FOUND):
            yield self._principal(entry, kind)

    def _of(self, kind: str) -> str:
        """The filter for all users or all groups."""
        settings = self._settings
        of_class = settings.user_object_class if kind == USER else settings.group_object_class
        own = settings.user_search_filter if kind == USER else settings.group_search_filter
        return filters.every([filters.equal(OBJECT_CLASS, of_class), *filter(None, [own])])

    def _attributes(self, kind: str) -> list[str]:
        settings = self._settings
        if kind == GROUP:
            names = {settings.group_name_attribute, settings.group_dn_attribute, settings.group_member_user_attribute}
        else:
            names = {settings.user_name_attribute, settings.user_login_attribute, settings.user_member_attribute}
            names |= {settings.user_enabled_attribute, settings.group_member_user_attribute}
        return sorted(filter(None, names))

    def _principal(self, entry: Entry, kind: str) -> Principal:
        settings = self._settings
        name = settings.user_name_attribute if kind == USER else settings.group_name_attribute
        id = f"{self._name}_{kind}://{entry.dn}"
        login = groups.first(entry, settings.user_login_attribute) if kind == USER else ""
        return Principal(id=id, kind=kind, name=groups.first(entry, name) or login or entry.dn, login=login)

    def _enabled(self, entry: Entry) -> bool:
        """Active Directory marks a disabled account by a bit; a mark that is no number counts as disabled."""
        mask = self._settings.user_disabled_bit_mask
        if not self._settings.user_enabled_attribute or not mask:
            return True
        mark = groups.first(entry, self._settings.user_enabled_attribute) or "0"
        return mark.removeprefix("-").isdecimal() and not int(mark) & mask


def check(provider: DirectoryProvider) -> None:
    """Try the service account and both search bases. Raises ``Refused`` with what is wrong."""
    try:
        provider.search("a", "", "")
    except LariatError as error:
        raise Refused(error.message) from error


def _typed(credentials: Password) -> bool:
    """Refuse what is no login: a directory answers an empty password with success."""
    username, password = credentials.username, credentials.password
    if not username.strip() or not password or "\0" in username + password:
        return False
    return len(username) <= LONGEST_USERNAME and len(password) <= 1024
