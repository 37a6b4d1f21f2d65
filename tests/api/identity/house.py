"""A server, a directory and an issuer, and how clients go through the API of identity providers."""

from __future__ import annotations

from typing import Any

from tests.support.issuer import CLIENT, SECRET, Issuer
from tests.support.server import Caller, Reply, Server
from tests.support.slapd import AD_BASE, AD_READER, GROUPS, PASSWORD, PEOPLE, READER, READER_PASSWORD, Slapd

CONFIGS = "/v3/authConfigs"
PATHS = {
    "openldap": "/v3-public/openLdapProviders/openldap",
    "activedirectory": "/v3-public/activeDirectoryProviders/activedirectory",
    "github": "/v3-public/githubProviders/github",
    "oidc": "/v3-public/oidcProviders/oidc",
}
DRAFTS = {
    "openldap": "ldapConfig",
    "activedirectory": "activeDirectoryConfig",
    "github": "githubConfig",
    "oidc": "oidcConfig",
}
LOGINS = {"openldap": "ann", "activedirectory": "eve"}
ADDRESS = "203.0.113.9"


class House:
    def __init__(self, server: Server, slapd: Slapd, issuer: Issuer) -> None:
        self.server = server
        self.slapd = slapd
        self.issuer = issuer
        self.admin = server.user("boss", administrator=True)

    def settings(self, name: str, **more: Any) -> dict[str, Any]:
        """What an administrator types in."""
        if name in ("github", "oidc"):
            where = {"hostname": self.issuer.host} if name == "github" else {"issuer": self.issuer.url}
            own: dict[str, Any] = {
                "clientId": CLIENT,
                "clientSecret": SECRET,
                "certificate": self.issuer.trust,
                **where,
            }
        else:
            own = {"servers": ["127.0.0.1"], "port": self.slapd.plain, "serviceAccountPassword": READER_PASSWORD}
        if name == "openldap":
            own |= {"serviceAccountDistinguishedName": READER, "userSearchBase": PEOPLE, "groupSearchBase": GROUPS}
        if name == "activedirectory":
            # The tree looks like Active Directory's, but its server is none: it takes the name of an entry alone.
            own |= {"serviceAccountUsername": AD_READER, "userSearchBase": f"ou=users,{AD_BASE}"}
        return {"accessMode": "unrestricted", **own, **more}

    def act(self, name: str, action: str, body: Any = None, *, who: Caller | None = None, cookie: str = "") -> Reply:
        headers = [("cookie", cookie)] if cookie else []
        return (who or self.admin).post(f"{CONFIGS}/{name}?action={action}", body, headers=headers)

    def test(self, name: str, **more: Any) -> Reply:
        """Try a provider out as a console does, and enable it."""
        settings = self.settings(name, **more)
        if name in LOGINS:
            login = {"username": LOGINS[name], "password": PASSWORD}
            return self.act(name, "testAndApply", {DRAFTS[name]: settings, "enabled": True, **login})
        begun = self.act(name, "configureTest", settings)
        assert begun.status == 200, begun.body
        code, state = self.issuer.approve(begun.json["redirectUrl"])
        body = {DRAFTS[name]: settings, "enabled": True, "code": code, "state": state}
        return self.act(name, "testAndApply", body, cookie=cookie(begun))

    def enable(self, name: str, **more: Any) -> Any:
        reply = self.test(name, **more)
        assert reply.status == 200, reply.body
        return reply.json

    def travel(self, name: str) -> tuple[dict[str, str], str]:
        """Begin a login at a provider that browsers are sent to; return what comes back, and the browser's cookie."""
        begun = self.server.nobody.get(PATHS[name])
        assert begun.status == 200, begun.body
        code, state = self.issuer.approve(begun.json["redirectUrl"])
        return {"code": code, "state": state}, cookie(begun)

    def log_in(self, name: str, username: str = "", password: str = PASSWORD, **more: Any) -> Reply:
        body, brought = {"username": username or LOGINS.get(name, ""), "password": password}, ""
        if name not in LOGINS:
            body, brought = self.travel(name)
        headers = [("cookie", brought)] if brought else []
        url = f"{PATHS[name]}?action=login"
        return self.server.nobody.post(url, {**body, **more}, headers=headers, client=ADDRESS)

    def caller(self, name: str, username: str = "") -> Caller:
        reply = self.log_in(name, username)
        assert reply.status == 201, reply.body
        caller = self.server.caller(reply.json["token"])
        caller.user = reply.json["userId"]
        return caller


def cookie(reply: Reply) -> str:
    """The cookie that an answer gave, as the browser sends it back."""
    header = next(value for name, value in reply.headers if name == "set-cookie")
    return header.partition(";")[0]
