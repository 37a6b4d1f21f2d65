"""Who is calling, once that is proven; the API and the proxy decide by it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chalicelib.auth.roles.access import Access

AUTHENTICATED = ("system:authenticated", "system:cattle:authenticated")
"""Groups that every caller is in (the second since Rancher 2.4)."""

CHANGE_FIRST = "change your password first: POST /v3/users?action=changepassword"
"""What a user hears who must change their password."""

CONTROLLER = "lariat:controller"
"""The user that reconcilers impersonate in a cluster, in the group ``system:masters``; no person ever gets that group."""


@dataclass(frozen=True, slots=True)
class Identity:
    """``token`` is the id of the token that was shown; ``cluster`` is set if that token is good for one cluster only.

    ``access`` is what they were given; who has none may do nothing.

    ``name`` is what people call the user; nothing is decided by it.

    ``must_change`` says that the user may do nothing before their password is another one.
    """

    user: str
    groups: tuple[str, ...]
    token: str
    administrator: bool = False
    cluster: str = ""
    name: str = ""
    must_change: bool = False
    access: Access | None = field(default=None, compare=False, repr=False)
