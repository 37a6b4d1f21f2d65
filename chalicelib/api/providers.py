"""``/v3/authconfigs``: the configuration of every identity provider. Each is there from the start, and stays."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from chalicelib.api import csrf
from chalicelib.api.behaviour import Behaviour, Call, Services
from chalicelib.api.http import Response, answer
from chalicelib.errors import Forbidden, Invalid
from chalicelib.schema import validate
from chalicelib.schema.kind import Kind
from chalicelib.store.resources import missing
from chalicelib.types import Resource

if TYPE_CHECKING:
    from chalicelib.auth.providers.identities import Identities
    from chalicelib.auth.providers.port import Password
    from chalicelib.auth.providers.sessions import Return

KIND = "authConfig"
LOCAL = {"type": "localConfig", "enabled": True, "accessMode": "unrestricted"}


class Provider(Behaviour):
    """One provider's configuration, with a kind of its own."""

    def __init__(self, kind: Kind, services: Services, name: str) -> None:
        super().__init__(kind, services)
        self.name = name

    def find(self, id: str) -> Resource:
        if id != self.name:
            raise missing(self.kind.id, id)
        return self.resources.find(KIND, id) or self._blank()

    def update(self, call: Call, resource: Resource, values: Mapping[str, Any]) -> Resource:
        return self.resources.record(self._blank(), lambda stored: self.merge(call, stored, values))

    def _blank(self) -> Resource:
        return Resource(kind=KIND, id=self.name, spec=LOCAL if self.name == "local" else {})


class Working(Provider):
    """A provider that people can log in through, once a test has worked."""

    def __init__(self, kind: Kind, services: Services, name: str, identities: Callable[[], Identities]) -> None:
        super().__init__(kind, services, name)
        self._identities = identities

    def find(self, id: str) -> Resource:
        if id != self.name:
            raise missing(self.kind.id, id)
        return self._identities().configs.shown(id)

    def update(self, call: Call, resource: Resource, values: Mapping[str, Any]) -> Resource:
        return self._identities().enabling.change(self.name, values)

    def act(self, name: str, call: Call, resource: Resource) -> Response:
        if name != "disable" and not call.access.administrator:
            # Who says where people are known may become anybody; nobody is given that with less than everything.
            raise Forbidden("only an administrator may try out and enable a provider")
        match name:
            case "configureTest":
                return self._begin(call, resource)
            case "testAndApply":
                return answer(self.show(call, self._apply(call, resource)))
            case _:
                return answer(self.show(call, self._identities().enabling.disable(self.name)))

    def _begin(self, call: Call, resource: Resource) -> Response:
        from chalicelib.auth.providers.pending import SECONDS

        draft = {**resource.spec, **self._input("configureTest", call)}
        journey = self._identities().enabling.configure_test(self.name, draft, call.identity.user)
        output = {"type": "authConfigConfigureTestOutput", "redirectUrl": journey.url if journey else ""}
        return answer(output, headers=csrf.journey(journey.browser, SECONDS) if journey else ())

    def _apply(self, call: Call, resource: Resource) -> Resource:
        sent = self._input("testAndApply", call)
        if sent.get("enabled") is False:
            raise Invalid("testAndApply enables; configureTest does not", code="InvalidOption", field="enabled")
        draft = next((value for value in sent.values() if isinstance(value, dict)), {})
        login = _login(call, sent, passwords="username" in self._fields("testAndApply"))
        return self._identities().enabling.test_and_apply(
            self.name, {**resource.spec, **draft}, login, call.identity.user
        )

    def _input(self, action: str, call: Call) -> dict[str, Any]:
        """What was sent; what was not is as it is stored."""
        input = self.kind.actions[action].input
        return validate.update(input, call.request.document()) if input else {}

    def _fields(self, action: str) -> Mapping[str, Any]:
        input = self.kind.actions[action].input
        return input.fields if input else {}


class Providers(Behaviour):
    def __init__(self, kind: Kind, services: Services, providers: Mapping[str, Provider]) -> None:
        super().__init__(kind, services)
        self._providers = providers

    def find(self, id: str) -> Resource:
        if id not in self._providers:
            raise missing(self.kind.id, id)
        return self._providers[id].find(id)

    def list(self, call: Call, parent: str | None = None) -> Iterable[Resource]:
        return [self.find(name) for name in sorted(self._providers)]

    def of(self, resource: Resource) -> Behaviour:
        return self._providers[resource.id]


def provider(kind: Kind, services: Services, name: str, identities: Callable[[], Identities]) -> Provider:
    """The behaviour of a provider's configuration."""
    works = name != "local" and not kind.later
    return Working(kind, services, name, identities) if works else Provider(kind, services, name)


def _login(call: Call, sent: Mapping[str, Any], *, passwords: bool) -> Password | Return:
    """The login that tries a provider out."""
    from chalicelib.auth.providers.port import Password
    from chalicelib.auth.providers.sessions import Return

    names = ("username", "password") if passwords else ("code", "state")
    for name in names:
        if not sent.get(name):
            raise Invalid(
                f"{name} is required: the provider is tried out with a login", code="MissingRequired", field=name
            )
    first, second = str(sent[names[0]]), str(sent[names[1]])
    browser = csrf.cookies(call.request).get(csrf.JOURNEY, "")
    return Password(first, second) if passwords else Return(first, second, browser)
