"""Principals: users and groups as identity providers know them, with ids as Rancher writes them.

``local://u-abcde``, ``github_user://1234``, ``github_team://91``, ``openldap_group://cn=ops,dc=example,dc=org``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

LOCAL = "local"
USER = "user"
GROUP = "group"
LONGEST = 1000
"""Characters of an id: it becomes part of a key in the store."""

_ID = re.compile(r"([a-z][a-z0-9-]{0,62})(?:_([a-z]{1,20}))?://(.+)", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """``kind`` is ``user`` or ``group``."""

    id: str
    kind: str
    name: str
    login: str = ""
    picture: str = ""
    page: str = ""

    @property
    def provider(self) -> str:
        return parse(self.id).provider

    def document(self) -> dict[str, Any]:
        """The principal as it is stored with a user, without what is empty."""
        fields = {"login": self.login, "picture": self.picture, "page": self.page}
        return {"id": self.id, "kind": self.kind, "name": self.name} | {n: v for n, v in fields.items() if v}


class Parts(NamedTuple):
    """``kind`` is ``user``, ``group``, ``org`` or ``team``; a local user's is empty."""

    provider: str
    kind: str
    rest: str


def parse(id: str) -> Parts:
    """Take an id apart; raises ``ValueError`` for what is none."""
    match = _ID.fullmatch(id)
    if match is None or len(id) > LONGEST or "\0" in id:
        raise ValueError("not the id of a principal")
    return Parts(match[1], match[2] or "", match[3])


def restore(document: Mapping[str, Any]) -> Principal:
    """What ``document`` gave."""
    return Principal(**{name: str(value) for name, value in document.items()})


def local(user: str) -> str:
    return f"{LOCAL}://{user}"
