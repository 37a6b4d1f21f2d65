"""One resource of each kind that others refer to, so that any kind can be created from its declaration."""

from __future__ import annotations

from typing import Any

from chalicelib.schema.field import Field
from chalicelib.schema.kind import Kind
from chalicelib.schema.kinds import MANAGEMENT, STORED
from tests.schema.values import fits, least
from tests.support import pem
from tests.support.server import PASSWORD, Caller, Server

CREATABLE = [kind for kind in STORED if "POST" in kind.collection_methods]
PERSONAL = ("token", "preference")

SHIPPED = {"globalRole": "user", "principal": "local://u-admin"}
"""What is there without being created."""


class World:
    """``caller`` is an administrator. Every body that is made for a kind names another resource."""

    def __init__(self, server: Server, caller: Caller) -> None:
        self.server = server
        self.caller = caller
        self._made: dict[str, str] = dict(SHIPPED)
        self._number = 0

    def url(self, kind: Kind) -> str:
        if MANAGEMENT.find(kind.id) is kind:
            return f"/v3/{kind.plural}"
        return f"/v3/projects/{self.one('project')}/{kind.plural}"

    def by_path(self, kind: Kind, name: str) -> bool:
        """Does the path say what this field is, whatever the body says?"""
        return MANAGEMENT.find(kind.id) is not kind and kind.fields[name].reference == "project"

    def one(self, id: str) -> str:
        """The id of a resource of that kind."""
        if id not in self._made:
            kind = next(kind for kind in STORED if kind.id == id)
            self._made[id] = self.make(kind)["id"]
        return self._made[id]

    def make(self, kind: Kind, **changed: Any) -> Any:
        return self.caller.make(self.url(kind), self.body(kind, **changed))

    def body(self, kind: Kind, **changed: Any) -> dict[str, Any]:
        """The least that creates one; what refers to something refers to what is there."""
        self._number += 1
        body = {name: self._led(kind.fields[name], value) for name, value in least(kind).items()}
        if "name" in kind.fields and kind.fields["name"].create:
            body["name"] = f"one-{self._number}"
        return body | self._more(kind) | changed

    def whole(self, kind: Kind) -> dict[str, Any]:
        """Everything that can be sent, secrets included."""
        if kind.id in ("globalRole", "roleTemplate"):
            # Not every rule is one, and roles have no secrets.
            return self.body(kind) | {"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]}
        body = {name: self._led(field, fits(field)) for name, field in kind.fields.items() if field.create}
        return body | self.body(kind)

    def another(self, name: str, field: Field) -> Any:
        """A value to change a field to."""
        return pem.CERT if name == "certs" else fits(field)

    def _led(self, field: Field, value: Any) -> Any:
        if field.reference:
            return self.one(field.reference) if field.reference in _STORED else value
        if field.element and field.element.reference:
            return [self._led(field.element, each) for each in value]
        return value

    def _more(self, kind: Kind) -> dict[str, Any]:
        """What a validator or a behaviour of its own demands."""
        match kind.id:
            case "user":
                return {"username": f"somebody-{self._number}", "password": PASSWORD}
            case "clusterRoleTemplateBinding" | "projectRoleTemplateBinding":
                subjects = {"userPrincipalId": None, "groupId": None, "groupPrincipalId": None}
                return {"userId": self.one("user"), **subjects}
            case "globalRoleBinding":
                return {"userId": self.one("user"), "groupPrincipalId": None}
            case "nodeTemplate":
                others = {"amazonec2Config": None, "azureConfig": None, "vmwarevsphereConfig": None}
                return {"digitaloceanConfig": {"accessToken": "a-secret-value-of-digitaloceanConfig"}, **others}
            case "secret":
                return {"kind": "Opaque"}
            case "certificate":
                return {"certs": pem.CHAIN, "key": pem.KEY}
            case "project":
                quota = {"limit": {"pods": "2"}}
                container = {"containerDefaultResourceLimit": {"limitsCpu": "100m"}}
                return {"resourceQuota": quota, "namespaceDefaultResourceQuota": quota, **container}
            case _:
                return {}


_STORED = {kind.id for kind in STORED}
