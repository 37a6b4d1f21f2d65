"""Logging in with a user name and a password, and the first administrator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.auth import tokens
from chalicelib.auth.passwords import Passwords
from chalicelib.auth.throttle import Throttle, network
from chalicelib.errors import AlreadyExists, Forbidden, NameTaken, Unauthorized
from chalicelib.store.resources import Resources
from chalicelib.types import Clock, Random, Resource

SESSION_MILLISECONDS = 960 * 60 * 1000
BOOTSTRAPPED = "bootstrap/administrator"
"""The unique name that the first administrator's marker holds for ever, so that there is never a second one."""


def username_claim(username: str) -> str:
    return f"username/{username.lower()}"


class Login:
    """Checks passwords and issues tokens; ``api/public.py`` and ``api/tokens.py`` call it."""

    def __init__(self, resources: Resources, passwords: Passwords, clock: Clock, random: Random) -> None:
        self._resources = resources
        self._passwords = passwords
        self._clock = clock
        self._random = random
        self.throttle = Throttle(resources, clock)

    def login(
        self,
        username: str,
        password: str,
        description: str = "",
        address: str = "",
        ttl: int = SESSION_MILLISECONDS,
    ) -> tuple[Resource, str]:
        """Return a new session token and its key; ``address`` is the caller's, if it is known.

        Raises ``Unauthorized`` without a hint at what was wrong, and ``TooManyRequests`` after many failures.
        """
        user = self._prove(self._by_name(username), username, password, address)
        token, key = self.begin_session(user, tokens.origin("local", f"local://{user.id}"), description, address, ttl)
        if not self._stands(user):
            # Whoever changed the password meanwhile, and ended the sessions, may not have seen this one.
            self._resources.discard(token)
            raise Unauthorized("authentication failed")
        return token, key

    def begin_session(
        self,
        user: Resource,
        origin: Mapping[str, Any],
        description: str,
        address: str,
        ttl: int = SESSION_MILLISECONDS,
    ) -> tuple[Resource, str]:
        """Issue the token of a user who has proven who they are. Raises ``Forbidden`` for a disabled one."""
        if user.removed or user.spec.get("enabled", True) is not True:
            raise Forbidden("the user is disabled")
        spec = {**origin, "isDerived": False, "description": description, "address": network(address)}
        return self.issue(user.id, ttl, "session", spec)

    def issue(
        self, user: str, ttl: int, label: str, spec: Mapping[str, Any], prefix: str = "token"
    ) -> tuple[Resource, str]:
        """Store a new token of a user and return it with its key, which nobody can read again."""
        key = tokens.word(self._random, tokens.KEY_LENGTH)

        def make() -> Resource:
            return tokens.new(
                f"{prefix}-{tokens.word(self._random, 5)}",
                key,
                user,
                now=self._clock.now(),
                ttl=ttl,
                spec=spec,
                labels={"authn.management.cattle.io/kind": label},
            )

        return self._resources.create_new(make), key

    def rotate(self, token: Resource, ttl: int) -> tuple[Resource, str]:
        """Give a token another key; what is stored never has it. The old key ends with this."""
        key, now = tokens.word(self._random, tokens.KEY_LENGTH), self._clock.now()
        rotated = self._resources.update(token.key, lambda stored: tokens.rotated(stored, key, now=now, ttl=ttl))
        return rotated, key

    def _stands(self, user: Resource) -> bool:
        """Is the password still what it was, and the user enabled?"""
        now = self._resources.find("user", user.id)
        if now is None or now.removed or now.spec.get("enabled", True) is not True:
            return False
        return now.status.get("passwordHash") == user.status.get("passwordHash")

    def verify(self, user: Resource, password: str, address: str = "") -> bool:
        """Compare with a user's password. Raises ``TooManyRequests`` after many failures."""
        try:
            self._prove(user, str(user.spec.get("username") or user.id), password, address)
        except Unauthorized:
            return False
        return True

    def _prove(self, user: Resource | None, username: str, password: str, address: str) -> Resource:
        """Raises ``Unauthorized``, after the same work whether the user exists or not."""
        stored = user.status.get("passwordHash") if user is not None else None

        def compare() -> Resource:
            if not self._passwords.verify(stored, password) or user is None:
                raise Unauthorized("authentication failed")
            return user

        return self.throttle.guard(f"local/{username}", address, user.id if user else "", compare)

    def _by_name(self, username: str) -> Resource | None:
        if not username or len(username) > 256:
            return None
        holder = self._resources.holder(username_claim(username))
        return self._resources.find(*holder) if holder else None


def new_user(user: str, username: str, password_hash: str, spec: Mapping[str, Any]) -> Resource:
    """Make the resource of a local user; its name is unique whatever its case."""
    return Resource(
        kind="user",
        id=user,
        spec={"username": username, "principalIds": [f"local://{user}"], "enabled": True, **spec},
        status={"passwordHash": password_hash},
        unique=(username_claim(username),),
    )


def bootstrap(resources: Resources, passwords: Passwords, random: Random, password: str) -> str:
    """Create the first administrator, exactly once in the life of a store, and return the password, else ``""``.

    The password is the given one, or else generated. Once made, the administrator may be deleted without coming back.
    """
    if resources.holder(BOOTSTRAPPED) is not None:
        return ""
    secret = password or tokens.word(random, 20)
    user = f"user-{tokens.word(random, 5)}"
    administrator = new_user(user, "admin", passwords.hash(secret), {"name": "Default Admin"})
    binding = Resource(
        kind="globalRoleBinding",
        id=f"globalrolebinding-{tokens.word(random, 5)}",
        parent=user,
        spec={"userId": user, "globalRoleId": "admin"},
    )
    marker = Resource(kind="bootstrap", id="administrator", spec={"userId": user}, unique=(BOOTSTRAPPED,))
    try:
        resources.create(administrator, binding, marker)
    except (AlreadyExists, NameTaken):
        # Another replica was faster; its administrator is the one.
        return ""
    return secret
