"""``/v3/podsecuritypolicytemplates``, of which two come with the server."""

from __future__ import annotations

from chalicelib.api.behaviour import Services
from chalicelib.api.shipped import Shipped
from chalicelib.controllers.podsecurity import SHIPPED
from chalicelib.schema.kind import Kind


class PolicyTemplates(Shipped):
    """A shipped one can be changed, and stays."""

    def __init__(self, kind: Kind, services: Services) -> None:
        super().__init__(kind, services, SHIPPED, tuple(kind.fields))
