"""``/v3/users``: local users and their passwords."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from chalicelib.api.behaviour import Behaviour, Call, Services
from chalicelib.api.http import Response, answer
from chalicelib.api.merge import owned
from chalicelib.api.settings import Settings
from chalicelib.auth.access import CREATE
from chalicelib.auth.login import Login, new_user
from chalicelib.auth.passwords import Passwords
from chalicelib.auth.providers.attributes import groups
from chalicelib.auth.sessions import end_sessions
from chalicelib.auth.tokens import word
from chalicelib.errors import Forbidden, Invalid, NameTaken
from chalicelib.schema import validate
from chalicelib.schema.kind import Kind
from chalicelib.schema.kinds.identity import CHANGE_PASSWORD, SET_PASSWORD
from chalicelib.types import Resource

if TYPE_CHECKING:
    from chalicelib.auth.providers.identities import Identities


class Users(Behaviour):
    def __init__(
        self,
        kind: Kind,
        services: Services,
        passwords: Passwords,
        login: Login,
        settings: Settings,
        identities: Callable[[], Identities],
    ) -> None:
        super().__init__(kind, services)
        self._passwords = passwords
        self._login = login
        self._settings = settings
        self._identities = identities

    def create(self, call: Call, values: Mapping[str, Any]) -> Resource:
        username, password = str(values.get("username") or ""), str(values.get("password") or "")
        for name, value in (("username", username), ("password", password)):
            if not value:
                raise Invalid(f"{name} is required", code="MissingRequired", field=name)
        spec = {name: value for name, value in values.items() if name not in ("username", "password")}
        hash = self._passwords.hash(password)

        def make() -> Resource:
            user = new_user(f"u-{word(self.random, 5)}", username, hash, spec)
            return replace(
                user,
                creator=call.identity.user,
                labels=owned(call.labels, {}),
                annotations=owned(call.annotations, {}),
            )

        try:
            return self.resources.create_new(make)
        except NameTaken:
            raise Invalid(f"the user name {username!r} is taken", code="NotUnique", field="username") from None

    def computed(self, call: Call, resource: Resource) -> Mapping[str, Any]:
        return {"me": resource.id == call.identity.user}

    def update(self, call: Call, resource: Resource, values: Mapping[str, Any]) -> Resource:
        if resource.id == call.identity.user and values.get("enabled") is False:
            raise Invalid("you may not disable yourself", code="InvalidAction")
        self._demand_more(call, resource)
        stored = super().update(call, resource, values)
        if stored.spec.get("enabled") is False:
            # Whoever is enabled again logs in again; API keys sleep meanwhile.
            end_sessions(self.resources, stored.id)
        return stored

    def remove(self, call: Call, resource: Resource) -> Resource:
        if resource.id == call.identity.user:
            raise Invalid("you may not delete yourself", code="InvalidAction")
        self._demand_more(call, resource)
        return super().remove(call, resource)

    def act(self, name: str, call: Call, resource: Resource) -> Response:
        if name == "refreshauthprovideraccess":
            self._identities().memberships.refresh(resource.id)
            return Response(200)
        self._demand_more(call, resource)
        values = validate.creation(SET_PASSWORD, call.request.document())
        stored = self._set(call, resource, values["newPassword"])
        return answer(self.show(call, stored))

    def act_on_collection(self, name: str, call: Call) -> Response:
        return self._refresh_all(call) if name == "refreshauthprovideraccess" else self._change(call)

    def _refresh_all(self, call: Call) -> Response:
        if not self.may(call, CREATE):
            raise Forbidden("you may not refresh all users")
        self._identities().memberships.refresh_all()
        return Response(200)

    def _change(self, call: Call) -> Response:
        values = validate.creation(CHANGE_PASSWORD, call.request.document())
        user = self.resources.get("user", call.identity.user)
        if not self._login.verify(user, values["currentPassword"], call.request.client):
            raise Invalid("the current password is wrong", code="InvalidBodyContent", field="currentPassword")
        if values["newPassword"] == values["currentPassword"]:
            raise Invalid("the new password is the old one", code="InvalidBodyContent", field="newPassword")
        self._set(call, user, values["newPassword"])
        return Response(200)

    def _demand_more(self, call: Call, resource: Resource) -> None:
        """Else whoever manages users could log in as an administrator, or shut one out. Raises ``Forbidden``."""
        theirs = self.services.rights.of(resource.id, groups(self.resources, resource.id))
        if resource.id != call.identity.user and not call.access.outranks(theirs):
            raise Forbidden("this user may do more than you")

    def _set(self, call: Call, user: Resource, password: str) -> Resource:
        """Every session of the user ends but the one that does this: somebody else may have begun it."""
        hash = self._passwords.hash(password, field="newPassword")
        self._settings.set("first-login", "false")
        stored = self.resources.update(
            user.key,
            lambda stored: replace(
                stored,
                spec={**stored.spec, "mustChangePassword": False},
                status={**stored.status, "passwordHash": hash},
            ),
        )
        end_sessions(self.resources, user.id, spared=call.identity.token)
        return stored
